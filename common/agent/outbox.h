// What an agency pushed, from accepted to settled (design.md §6).
//
//   ACCEPTED ──preview, screen, seal, sign──▶ PREPARED ──▶ SENT ──receipt verified──▶ SETTLED
//      ▲                                        │           │
//      └────── a definite refusal: prepared again under the same id ◀─────┘
//      └──▶ NEEDS_PERSON  when sharing would widen, or nothing may be shared; a person sends or withdraws
//
// SENT is settled by REQUEST_ID_REUSED too: then the broker holds the id for a header that this store lost, and its receipt
// is verified and kept instead.
//
// A higher lane overtakes, so that danger now never waits behind a backlog; within a lane the order is that of acceptance.
//
// A settled submission can be acted on (outbox_acts.cc): consent changed, recalled, withdrawn, regraded, sealed again, a gap reviewed, a breach assessed; or it is
// corrected by a further push. An act is a signed statement, durable here before it is sent and sent again, byte for byte, until
// the broker has answered, one at a time for each submission, because each names the one before it. A definite refusal is given
// to who asked, and drops the act; what stands then says why.
//
// Each arrow is one fsynced write. ACCEPTED survives power loss before the agency's system is answered;
// PREPARED holds the exact bytes that are sent, so that UNAVAILABLE resends the same ones; SENT is durable
// before the first byte leaves. A restart goes on from the state it finds.
//
// It is better whole: sending and acting share one row and its locks.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/storage/v1/agent.pb.h"
#include "common/agent/agency_store.h"
#include "common/agent/alarm.h"
#include "common/agent/attachments.h"
#include "common/agent/broker_link.h"
#include "common/agent/draft.h"
#include "common/agent/journal.h"
#include "common/agent/log_watch.h"
#include "common/agent/preparer.h"
#include "common/agent/sealed_sections.h"
#include "common/agent/waiting.h"
#include "common/base/clock.h"

namespace accord::agent {

inline constexpr size_t kDraftBytesMax = 2u << 20;             // A push in its agency's words.
inline constexpr size_t kSubmissionsWaitingMax = 100'000;      // Not settled; beyond it QUEUE_FULL.
inline constexpr int kPreparationsMax = 5;                     // Definite refusals before a person is asked.
inline constexpr int kResponsesMax = 256;                      // To one check, that are noted.
inline constexpr int kActReceiptsMax = 16;                     // Of one submission, the newest.
inline constexpr absl::Duration kRetryDelayMin = absl::Milliseconds(200);
inline constexpr absl::Duration kRetryDelayMax = absl::Seconds(30);

// REFERRAL_NOT_FOUND, as it is said of what was never pushed, and of what a worker may not know of. Thread-safe.
absl::Status SubmissionNotFound();

// Thread-safe. Step is called by one thread.
class Outbox {
 public:
  Outbox(AgencyStore& store, BrokerLink& broker, Preparer& preparer, LogWatch& log, Alarm& alarm, const Clock& clock)
      : store_(store), broker_(broker), preparer_(preparer), log_(log), alarm_(alarm), clock_(clock) {}

  // Notes in `journal`, which must outlive this, what is pushed. Before the first push; without it nothing is noted.
  void KeepJournal(Journal& journal) { journal_ = &journal; }

  // Takes the files that pushes name, and keeps what is too large for a submission's row. Both must outlive this. Before the first push;
  // without it pushes that name files are refused.
  void KeepSections(Attachments& files, SealedSections& sections) {
    files_ = &files;
    sections_ = &sections;
  }

  // Finds what is not settled. Errors of the store.
  absl::Status Load();

  // While `free_bytes` says fewer than `floor_bytes`, pushes are refused, so that what was accepted can still be prepared, sent and settled;
  // IMMEDIATE ones and changes of a safe contact are taken. When it cannot say, all are. Before the first push; without it nothing is
  // refused for want of room.
  void KeepFree(uint64_t floor_bytes, std::function<absl::StatusOr<uint64_t>()> free_bytes) {
    floor_bytes_ = floor_bytes;
    free_bytes_ = std::move(free_bytes);
  }

  // Makes a draft whose options name a submission that it corrects into that: its type, what it is caused by, and whether a
  // safe contact changed. No effect on others. Push does this by itself; a preview needs it.
  //   FIELD_INVALID       safe_contact_change without `corrects`, it corrects itself, or the request id is over 118 characters
  //   REFERRAL_NOT_FOUND  no such submission
  //   TRANSITION_ILLEGAL  that one is not settled, or is a record alone
  absl::Status AsCorrection(Draft& draft) const;

  // Whether the files that a draft names may go with it. FIELD_INVALID, ATTACHMENT_NOT_FOUND.
  absl::Status CheckFiles(const Draft& draft) const;

  // Takes a draft. OK: ACCEPTED and durable, or what a repeated push led to. Errors of AsCorrection and CheckFiles, and:
  //   FIELD_MISSING, FIELD_INVALID, MESSAGE_TOO_LARGE  wrong whatever our state; nothing is stored
  //   REQUEST_ID_REUSED                                 the id stands for other content
  //   ERASED                                            what it stood for was erased here
  //   QUEUE_FULL, DISK_FLOOR, STORE_UNAVAILABLE         nothing is promised; push again
  absl::StatusOr<storage::v1::StoredSubmission> Push(Draft draft);

  // Moves the next submission that is due by one state. True when one was moved or tried, false when none is due.
  bool Step();
  // When the next one is due; InfiniteFuture when none waits.
  absl::Time NextDue() const;

  // Waits until `request_id` is settled or waits for a person, at most until `deadline`; returns what stands then.
  absl::StatusOr<storage::v1::StoredSubmission> Await(const std::string& request_id, absl::Time deadline);

  // NOT_FOUND (REFERRAL_NOT_FOUND) when there is none.
  absl::StatusOr<storage::v1::StoredSubmission> Get(const std::string& request_id) const;
  // The newest first; `before` 0 for the first page. REQUIRES: 1 ≤ limit ≤ 500.
  absl::StatusOr<std::vector<std::pair<std::string, storage::v1::StoredSubmission>>> List(uint64_t before,
                                                                                         int limit) const;

  // A person settles NEEDS_PERSON: `send` prepares again, and goes if no more is shared than the decisions they saw; else it is
  // withdrawn.
  // TRANSITION_ILLEGAL in any other state.
  absl::StatusOr<storage::v1::StoredSubmission> Resolve(const std::string& request_id, bool send);

  // Carries out an act on a settled submission. `asked` has the act's request id, worker, kind and what the kind asks for; a
  // change of consent, and a review that completed it, come with the `basis` that stands from now on, null otherwise. OK: the
  // broker has recorded it; or it is the last act, asked for again. Blocks on the broker.
  //   REFERRAL_NOT_FOUND   no such submission
  //   FIELD_INVALID        the act's request id is malformed
  //   TRANSITION_ILLEGAL   it is not settled, another act waits for the broker, a correction of it is on its way, or what was
  //                        sent is not here any more, so that its tags cannot be replaced
  //   REQUEST_ID_REUSED    the id stands for another act on this submission
  //   BROKER_UNREACHABLE, or another that may pass: signed and durable; it is sent again by itself
  //   any other            the broker's definite refusal: nothing was recorded
  absl::StatusOr<storage::v1::StoredSubmission> Act(const std::string& request_id, const type::v1::Statement& asked,
                                                    const agency::v1::SharingBasis* basis);

  // Seals a settled submission again for `agency`, whose key is another than was sealed for, or that a recipient named as the right one. `asked`
  // has the act's request id and the worker, who approves it. OK and errors as of Act, but that the sections that were sealed are durable
  // with the statement; and those of Preparer::SealAgain.
  absl::StatusOr<storage::v1::StoredSubmission> Reseal(const std::string& request_id, const type::v1::Statement& asked, const std::string& agency);
  // Does the same by itself, as the service, wherever a notice asked for it and the new key is endorsed by one that was sealed for; what a
  // person has to approve is left for one. Called after such a notice and periodically. The first error that may pass; the rest was tried.
  absl::Status SealEndorsed();

  // Who holds what of a settled submission, as the broker says. REFERRAL_NOT_FOUND when it was never stored there.
  absl::StatusOr<broker::v1::GetHoldersResponse> Holders(const std::string& request_id) const;

  // True when a submission of this header has content here.
  absl::StatusOr<bool> Has(std::string_view header_digest) const;
  // That submission with its request id, or what erasure left of it; nothing when none has this header. Errors of the store.
  absl::StatusOr<std::optional<std::pair<std::string, storage::v1::StoredSubmission>>> FindSent(std::string_view header_digest) const;
  // Empties the submission of this header of its content, which makes it ERASED; `fill` adds to the same write. False when there
  // is none, or it was emptied before: nothing is written. Whether it may be erased is the caller's to judge (holds.h), but for:
  //   TRANSITION_ILLEGAL  it is on its way, an act on it waits for the broker, or a correction of it is on its way
  absl::StatusOr<bool> Erase(std::string_view header_digest,
                             absl::FunctionRef<void(accord::storage::Batch& batch, const storage::v1::StoredSubmission& erased)> fill);

  // Records a statement received on a referral we sent; no effect when it is not ours.
  absl::Status AddStatement(std::string_view header_digest, const type::v1::Statement& statement);

  // Notes that `response_digest` was received `caused_by` a check we sent, for its table; no effect when that is not ours, or is no check.
  // Idempotent, and called before that is stored: a service that ends in between is given it again.
  absl::Status AddResponse(std::string_view header_digest, std::string_view response_digest);

  // Records what a notice says of a recipient of what we sent; no effect when it is not ours.
  absl::Status AddNotice(const broker::v1::SharingNotice& notice);

  // The submission; of one that is IMMEDIATE and that not every recipient has opened, and of a check that not every recipient has answered,
  // after asking the broker how they stand, at most every kRecipientsAskedEvery. What stood before when the broker does not answer.
  absl::StatusOr<storage::v1::StoredSubmission> GetFresh(const std::string& request_id);

  // What concerns people at `now` (ConcernsUntil), by request id.
  absl::StatusOr<std::vector<std::pair<std::string, storage::v1::StoredSubmission>>> Concerns(absl::Time now);

  // Submissions not settled.
  size_t waiting() const;
  // All that waits here, for the broker or for a person: submissions, acts on what was sent, reseals. In no order.
  std::vector<Wait> AllWaits() const;
  // Called, without locks held, when something became due.
  void OnDue(std::function<void()> wake) { wake_ = std::move(wake); }

 private:
  struct Due {
    type::v1::Lane lane = type::v1::LANE_STANDARD;
    uint64_t sequence = 0;  // Of acceptance.
    absl::Time at;
    absl::Duration delay = kRetryDelayMin;  // Before the next try after a failed one.
    int preparations = 0;
    bool act = false;  // It is settled, and an act on it waits for the broker.
  };
  // Due at, sequence of acceptance → request id.
  using Lane = std::map<std::pair<absl::Time, uint64_t>, std::string>;

  Due DueNow(const storage::v1::StoredSubmission& submission) const;
  void SetDue(const std::string& request_id, const Due& due) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ClearDue(const std::string& request_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Save(const std::string& request_id, storage::v1::StoredSubmission& submission);
  absl::Status Advance(const std::string& request_id, Due& due);
  absl::Status Prepare(const std::string& request_id, storage::v1::StoredSubmission& submission);
  absl::Status Send(const std::string& request_id, storage::v1::StoredSubmission& submission, Due& due);
  absl::Status Settle(const std::string& request_id, storage::v1::StoredSubmission& submission,
                      const type::v1::Receipt& receipt);
  absl::Status SettleAsHeld(const std::string& request_id, storage::v1::StoredSubmission& submission,
                            const absl::Status& reused);
  absl::Status Ask(const std::string& request_id, storage::v1::StoredSubmission& submission,
                   const absl::Status& why);

  // DISK_FLOOR when there is no room for one that may be refused.
  absl::Status CheckRoom(const storage::v1::StoredSubmission& submission) const;
  // Keeps what waits in step with a row that was written.
  void TrackWaits(const std::string& request_id, const storage::v1::StoredSubmission& submission) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The same, and what concerns people.
  void TrackConcern(const std::string& request_id, const storage::v1::StoredSubmission& submission) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Changes what is stored of `request_id` in one write, between all others.
  absl::Status Change(const std::string& request_id, absl::FunctionRef<void(storage::v1::StoredSubmission&)> change);
  // Signs the act and makes it durable. False: it was done before.
  absl::StatusOr<bool> BeginAct(const std::string& request_id, const type::v1::Statement& asked, const agency::v1::SharingBasis* basis,
                                const Resealed* resealed = nullptr) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  // Nothing was sealed again, because of `why`: what of it is beside the submission's row goes. `why`, or why that is not written.
  absl::Status NotResealed(const std::string& request_id, const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  // Seals one submission again by itself. True when nothing is left to be tried.
  absl::StatusOr<bool> SealOneEndorsed(const std::string& request_id, const std::string& agency) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  // A new push to some of `recipients` that follows an older one ends what was asked for them of that.
  absl::Status EndResealsOf(const storage::v1::StoredSubmission& newer);
  absl::Status SendAct(const std::string& request_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  // Puts the act that waits into the order of what is due, or takes it out.
  void ScheduleAct(const std::string& request_id);
  // Whether the correction may be prepared now. BROKER_UNREACHABLE while what it corrects has an act or another correction on its
  // way; TRANSITION_ILLEGAL when that was erased.
  absl::Status MayCorrect(const std::string& request_id, const std::string& corrects) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  // Signs the statement of a prepared correction on what it corrects.
  absl::Status SignCorrection(const std::string& request_id, storage::v1::StoredSubmission& correction)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  // Sends the sections of `sections` that are too large for their message. Errors of BrokerLink and the store.
  absl::Status UploadSections(const std::string& request_id, const SealedList& sections);
  // Drops the rows of sections that the submission does not have any more.
  absl::Status TidySections(const std::string& request_id);
  // Adds to `batch`, which erases the submission, that what is beside it goes.
  absl::Status DropBeside(accord::storage::Batch& batch, const std::string& request_id, const storage::v1::StoredSubmission& erased);
  // Uploads one more of what goes beside a submission. One at a time, so that what is more urgent waits for a file, and not for eight. False
  // when there is none left. Step's thread alone.
  absl::StatusOr<bool> UploadNext(const std::string& request_id, const storage::v1::StoredSubmission& submission);
  absl::StatusOr<broker::v1::SubmitReferralResponse> Submit(const std::string& request_id,
                                                            storage::v1::StoredSubmission& submission);
  absl::StatusOr<broker::v1::SubmitReferralResponse> SubmitCorrection(const std::string& request_id,
                                                                      storage::v1::StoredSubmission& correction);

  AgencyStore& store_;
  BrokerLink& broker_;
  Preparer& preparer_;
  LogWatch& log_;
  Alarm& alarm_;
  const Clock& clock_;
  Journal* journal_ = nullptr;  // Constant after KeepJournal.
  Attachments* files_ = nullptr;        // Constant after KeepSections, as is the next.
  SealedSections* sections_ = nullptr;
  std::map<std::string, int> uploaded_;  // Step's thread alone: request id → sections of it that were looked at, while they are uploaded.
  std::function<void()> wake_ = [] {};
  uint64_t floor_bytes_ = 0;
  std::function<absl::StatusOr<uint64_t>()> free_bytes_;  // Null: nobody looks.

  absl::Mutex act_mu_;  // Held over the sending of acts; taken before mu_, never after.
  mutable absl::Mutex mu_;
  std::map<std::string, Due> due_ ABSL_GUARDED_BY(mu_);              // Not settled and not waiting for a person; acts that wait.
  std::map<type::v1::Lane, Lane> lanes_ ABSL_GUARDED_BY(mu_);        // The same, in the order of their turn.
  std::map<std::string, std::string> by_digest_ ABSL_GUARDED_BY(mu_);  // Header digest → request id.
  std::map<std::string, std::string> correcting_ ABSL_GUARDED_BY(mu_);  // Request id → that of its correction, once signed.
  std::set<std::pair<std::string, std::string>> to_seal_ ABSL_GUARDED_BY(mu_);  // Request id, agency: not tried yet without a person.
  std::map<std::string, absl::Time> concerns_ ABSL_GUARDED_BY(mu_);  // Request id → until when it concerns people.
  std::map<std::string, std::vector<Wait>> waits_ ABSL_GUARDED_BY(mu_);  // By request id; none is empty.
  size_t acts_due_ ABSL_GUARDED_BY(mu_) = 0;                          // Of due_.
  uint64_t sequence_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t changes_ ABSL_GUARDED_BY(mu_) = 0;                         // Moves with every state; wakes Await.
};

}  // namespace accord::agent

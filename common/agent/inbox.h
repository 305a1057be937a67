// What an agency received, and what its workers do with it.
//
// A delivery is verified whole before it is acknowledged: the sender's signature and certificate, every opening, that it is for us by the
// header or by a supplement that its sender signed, every section's digest, binding and padding, the `released` receipt. Content stays sealed in the store and is opened when a
// worker reads. Every act of a worker is a signed statement, durable here before it is sent, and sent again, byte for
// byte, until the broker has answered.
//
// A sender's statement on what we hold (consent changed, corrected, recalled, withdrawn, regraded) marks it: what is recalled is not shown any
// more, what is corrected is marked before the newer version is shown, and of what is withdrawn nothing more is said; if nobody had
// opened it, nobody does. All but the last two wait for a worker's answer, the newest one alone. It can
// overtake the referral itself: then the service answers for what nobody has read, and the mark is there when that arrives. Of
// what was erased here the service answers too.
//
// It is better whole: receiving, reading and acting share one row and its locks.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/broker/v1/mailbox_service.pb.h"
#include "accord/storage/v1/agent.pb.h"
#include "common/agent/agency_keys.h"
#include "common/agent/agency_store.h"
#include "common/agent/alarm.h"
#include "common/agent/broker_link.h"
#include "common/agent/inbox_people.h"
#include "common/agent/journal.h"
#include "common/agent/log_watch.h"
#include "common/agent/outbox.h"
#include "common/agent/sealed_sections.h"
#include "common/agent/waiting.h"
#include "common/agent/workers.h"
#include "common/base/clock.h"
#include "common/referral/header.h"

namespace accord::agent {

inline constexpr int kStatementReceiptsMax = 16;  // Of one referral, the newest.

// A received referral with its header opened.
struct InboxEntry {
  std::string header_digest;
  storage::v1::StoredReceived stored;
  referral::OpenedHeader header;
  std::string corrected_by;  // Header digest of the version that replaces it, once that has arrived.
};

// REFERRAL_NOT_FOUND, as it is said of what was never received, and of what a worker may not know of. Thread-safe.
absl::Status ReferralNotReceived();

// Its state with us, a withdrawal counted in. Thread-safe.
type::v1::ReferralState StateNow(const storage::v1::StoredReceived& stored);

// The grade as its sender gave it last. Thread-safe.
type::v1::RiskGrade GradeNow(const InboxEntry& entry);

// A received referral that waits for a person here.
struct Waiting {
  std::string header_digest;
  std::string delivery_id;  // Of the delivery that brought it; empty for what came before this was kept.
  type::v1::Lane lane = type::v1::LANE_UNSPECIFIED;
  bool unopened = false;    // No person has opened it.
  absl::Time received, pick_up_due = absl::InfiniteFuture();
  std::string replaced_by;  // Header digest of the version in its place, once told; empty before.
};

// Whether no person has opened it yet. What a person opened while the broker is away counts as opened.
bool IsUnopened(const storage::v1::StoredReceived& stored);
// Whether its sender expects an answer that this agency has not given.
bool IsUnanswered(const storage::v1::StoredReceived& stored, type::v1::ReferralType type);

// Whether it took it on, and its sender waits to be told what came of it.
bool OwesFeedback(const storage::v1::StoredReceived& stored);

// What a holder says to a change.
struct ChangeAnswered {
  type::v1::ChangeAnswer answer = type::v1::CHANGE_ANSWER_UNSPECIFIED;
  // For KEPT_ON_BASIS: the holder's own basis and, where there is one, its power or duty.
  type::v1::Article6Basis article6 = type::v1::ARTICLE6_BASIS_UNSPECIFIED;
  type::v1::Gateway gateway = type::v1::GATEWAY_UNSPECIFIED;

  // It says that our copy is gone, or will never be opened.
  bool IsGone() const { return answer == type::v1::CHANGE_ANSWER_DESTROYED || answer == type::v1::CHANGE_ANSWER_NOT_OPENED; }
};

// Thread-safe. Acts of workers are carried out one at a time, the call to the broker included, because each statement
// names the one before it.
class Inbox {
 public:
  Inbox(AgencyStore& store, const AgencyKeys& keys, BrokerLink& broker, LogWatch& log, Alarm& alarm, Outbox& outbox,
        const Clock& clock)
      : store_(store), keys_(keys), broker_(broker), log_(log), alarm_(alarm), outbox_(outbox), clock_(clock) {}

  // Notes in `journal` what is read and said, and tells `workers` what is erased; both must outlive this. Before the first call; without it
  // nobody is told.
  void KeepJournal(Journal& journal, Workers& workers) { journal_ = &journal, workers_ = &workers; }

  // Keeps sections that come beside their message in `sections`, which must outlive this. Before the first call; without it they are refused.
  void KeepSections(SealedSections& sections) { sections_ = &sections; }

  // Finds the place of the next arrival and what waits for the broker. Errors of the store.
  absl::Status Load();

  // Takes a delivery of a referral or statement. OK: durable, to be acknowledged; a repeated one changes nothing. An INVALID_ARGUMENT,
  // PERMISSION_DENIED or FAILED_PRECONDITION is for good and names what to reject it with; anything else is for later.
  absl::Status Receive(const broker::v1::Delivery& delivery);

  // The newest first; `before` 0 for the first page. REQUIRES: 1 ≤ limit ≤ 500.
  absl::StatusOr<std::vector<InboxEntry>> List(uint64_t before, int limit) const;
  // The same as their order of arrival and header digest alone, at most `limit`.
  absl::StatusOr<std::vector<std::pair<uint64_t, std::string>>> Arrivals(uint64_t before, size_t limit) const;
  // REFERRAL_NOT_FOUND when it was not received.
  absl::StatusOr<InboxEntry> Get(std::string_view header_digest) const;

  // A row of the inbox with its header opened, and its sections in clear: for who reads a copy of the store, as records.h does. Nothing is said of
  // it to anybody, and nothing is kept from the caller: what may not be shown is theirs to leave out. Errors of opening.
  absl::StatusOr<InboxEntry> Open(std::string header_digest, storage::v1::StoredReceived stored) const;
  // A file among them is without its bytes.
  absl::StatusOr<std::vector<agency::v1::OpenedSection>> OpenSections(const InboxEntry& entry) const;

  // Whom it is about. What came before this was kept, or under keys that are gone, is opened for it, and kept. Of what does not open
  // nobody is known, and `cut` is set. Errors of Get and of the store.
  absl::StatusOr<storage::v1::StoredInboxPeople> People(std::string_view header_digest) const;
  // Whether work on it is left: it was not declined, closed, redirected or transferred, or a change of it waits for an answer. False of what is
  // not here.
  bool IsOpenWork(std::string_view header_digest) const;

  // The sections in clear, for `worker`. The first reading is the statement OPENED; it is sent now if the broker
  // answers and later if not: nobody waits for a network to read what the agency holds.
  //   TRANSITION_ILLEGAL  its sender recalled it, or withdrew it before anybody had opened it; or this agency answered that its copy
  //                       is gone
  absl::StatusOr<std::vector<agency::v1::OpenedSection>> Read(const std::string& request_id,
                                                              std::string_view header_digest,
                                                              const type::v1::Worker& worker);

  // The file in `section` (OpenedSection.section), for `worker`, with its bytes. OPENED as Read. ATTACHMENT_NOT_FOUND; errors of Read.
  absl::StatusOr<type::v1::Attachment> ReadFile(const std::string& request_id, std::string_view header_digest, std::string_view section,
                                                const type::v1::Worker& worker);

  // Signs and sends a statement; `fill` adds what its kind needs. Returns the entry in its new state.
  //   TRANSITION_ILLEGAL   not in this state, or not this kind of agency; metadata has the state
  //   REQUEST_ID_REUSED    the id stands for another act on this referral
  //   BROKER_UNREACHABLE   signed and durable; it is sent again by itself
  absl::StatusOr<InboxEntry> Act(const std::string& request_id, std::string_view header_digest,
                                 const type::v1::Worker& worker, type::v1::StatementKind kind,
                                 absl::FunctionRef<void(type::v1::Statement&)> fill);

  // Answers the sender's newest change; it may be answered again, as when what was kept is destroyed. Errors of Act, and:
  //   TRANSITION_ILLEGAL  there is none, the answer does not go with it, or NOT_OPENED of what was opened
  //   FIELD_MISSING       KEPT_ON_BASIS without the basis
  absl::StatusOr<InboxEntry> AnswerChange(const std::string& request_id, std::string_view header_digest,
                                          const type::v1::Worker& worker, const ChangeAnswered& answer);

  // Categories whose content differs from the version that `entry` corrects, also those that are in one of the two alone; none
  // when that version is not here to be compared. Opens both.
  absl::StatusOr<std::vector<type::v1::Category>> ChangedSince(const InboxEntry& entry) const;

  // What was answered to be gone and is still to be erased, with who answered, by header digest.
  std::map<std::string, type::v1::Worker> AnsweredAsGone() const;
  // Changes that wait for a worker's answer.
  size_t unanswered() const;

  // IMMEDIATE ones that no person has opened, and that their sender still wants opened: not recalled, withdrawn, nor replaced by a
  // version that has arrived. Those that arrived first, first.
  std::vector<Waiting> UnopenedImmediate() const;
  // All that may wait for a person: to be opened, answered (IsUnanswered), its feedback given, or a change of it answered. Those that arrived first, first.
  absl::StatusOr<std::vector<InboxEntry>> WaitingEntries() const;

  // Sends again what waits for the broker's answer. Called periodically.
  void ResendPending();
  // Statements on what was received, and the service's own answers, that wait for it. In no order.
  std::vector<Wait> Unsent() const;

  // True when the referral was received and not erased.
  absl::StatusOr<bool> Has(std::string_view header_digest) const;
  // Deletes a received referral; `fill` adds to the same write what is left of it. False when it was not received: nothing is
  // written. Whether it may be erased is the caller's to judge (holds.h), but for one thing:
  //   TRANSITION_ILLEGAL  an act on it waits for the broker, or a change of it for a worker's answer
  absl::StatusOr<bool> Erase(std::string_view header_digest,
                             absl::FunctionRef<void(accord::storage::Batch& batch, const storage::v1::StoredReceived& erased)> fill);

 private:
  absl::Status ReceiveReferral(const broker::v1::Delivery& delivery);
  absl::Status ReceiveStatement(const broker::v1::Delivery& delivery);
  // Fetches and keeps what came beside the message of a delivery: each is held against its digest, and durable by itself. EPOCH_MOVED when the
  // broker gives other bytes; errors of BrokerLink.
  absl::Status FetchSections(std::string_view header_digest, const storage::v1::StoredReceived& stored);
  // What was fetched for a delivery that is not taken, because of `why`, goes; returns `why`, or why that is not written.
  absl::Status GiveUp(std::string_view header_digest, const absl::Status& why);
  // Adds to `batch` that the referral's kept sections go, but for those of `left`.
  absl::Status DropSections(accord::storage::Batch& batch, std::string_view header_digest, const SealedList& left) const;
  // Opens one section whole, and holds it against what was signed.
  absl::Status OpenOne(const InboxEntry& entry, const type::v1::SectionPart& part, agency::v1::OpenedSection& row) const;
  // Digests of what its sections say, the bytes of files with it, by category.
  using ContentDigests = std::map<type::v1::Category, std::multiset<std::string>>;
  absl::StatusOr<ContentDigests> DigestContent(const InboxEntry& entry) const;
  // TRANSITION_ILLEGAL when what it says is not shown any more.
  static absl::Status MayRead(const InboxEntry& entry);
  // OPENED, if this is the first reading that says it.
  absl::Status SayOpened(const std::string& request_id, InboxEntry& entry, const type::v1::Worker& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  // OK when `document` is signed with a key that the directory has of `agency`, and that our area authority says is its.
  absl::Status VerifyOf(const std::string& agency, const type::v1::SignedPayload& document) const;
  // Whom it is for: this agency by the header, or by the statement of its sender by which it was sealed again.
  absl::Status CheckSupplement(const InboxEntry& entry) const;
  // What we have, with the sections as they came `again`, sealed for a key that we have now: their content is as it was.
  static storage::v1::StoredReceived SealedAgain(storage::v1::StoredReceived earlier, const storage::v1::StoredReceived& again);
  absl::Status ReceiveChange(const broker::v1::Delivery& delivery, const type::v1::Statement& statement);
  // After its grade changed from `before`: its lane, and its times as the broker says them, which a definite refusal leaves.
  absl::Status TakeNewTimes(type::v1::RiskGrade before, InboxEntry& entry) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  // Of what was erased here, and of what has not arrived: the service answers.
  absl::Status AnswerForErased(const broker::v1::Delivery& delivery, const type::v1::Statement& change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  absl::Status KeepEarly(const broker::v1::Delivery& delivery, const type::v1::Statement& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  absl::StatusOr<type::v1::SignedPayload> OwnAnswer(const type::v1::SignedPayload& change, const std::string& previous_statement,
                                                    type::v1::ChangeAnswer answer) const;
  template <typename Row, typename Take>
  absl::Status SendOwnAnswer(std::string_view family, const std::string& header_digest, Take take) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  absl::Status SendOwnAnswers();
  // Gives `entry`, which arrives, what was said of it early.
  absl::Status TakeEarly(InboxEntry& entry, accord::storage::Batch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  // Marks what `correction` replaces, if it is here, before the correction itself is stored.
  absl::Status MarkReplaced(const InboxEntry& correction) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  void Acknowledge(accord::storage::Batch& batch, const broker::v1::Delivery& delivery) const;
  // Keeps what is to be sent, answered and erased in step with a row that was written.
  void Track(std::string_view header_digest, const storage::v1::StoredReceived& stored) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  // The same of what waits for a person.
  void TrackWaiting(const std::string& header_digest, const storage::v1::StoredReceived& stored) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Keeps Unsent in step: `pending` is what waits of it. And what the broker said last to any of it.
  void NoteUnsent(const std::string& header_digest, bool waits, const type::v1::SignedPayload& pending) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteAnswer(const absl::Status& answer);
  absl::Status CheckAnswer(const InboxEntry& entry, const type::v1::Statement& statement) const;
  // `said`: the statement that is signed with it, if one is.
  absl::Status Save(const InboxEntry& entry, const type::v1::Statement* said = nullptr) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  void Note(accord::storage::Batch& batch, std::string_view header_digest, const type::v1::Statement& said);
  absl::Status NoteRead(std::string_view header_digest, const type::v1::Worker& worker);
  absl::Status SendPending(InboxEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  absl::Status Say(InboxEntry& entry, type::v1::Statement statement) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);

  AgencyStore& store_;
  const AgencyKeys& keys_;
  BrokerLink& broker_;
  LogWatch& log_;
  Alarm& alarm_;
  Outbox& outbox_;
  const Clock& clock_;
  Journal* journal_ = nullptr;  // Both: constant after KeepJournal.
  Workers* workers_ = nullptr;
  SealedSections* sections_ = nullptr;  // Constant after KeepSections.

  absl::Mutex act_mu_;  // Held over calls to the broker; taken before mu_, never after.
  std::set<std::string> pending_ ABSL_GUARDED_BY(act_mu_);  // Header digests whose statement waits for the broker.
  std::set<std::string> erased_pending_ ABSL_GUARDED_BY(act_mu_);  // The same of what was erased here,
  std::set<std::string> early_pending_ ABSL_GUARDED_BY(act_mu_);   // and of what has not arrived.
  mutable absl::Mutex mu_;
  std::set<std::string> unanswered_ ABSL_GUARDED_BY(mu_);  // Header digests whose change waits for a worker.
  std::map<std::string, type::v1::Worker> gone_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, int64_t> unsent_ ABSL_GUARDED_BY(mu_);  // Header digest → when it was said, of what is in the three above.
  std::string unsent_for_ ABSL_GUARDED_BY(mu_);  // Reason of what the broker said last; empty: it took it.
  std::map<std::string, Waiting> waiting_ ABSL_GUARDED_BY(mu_);  // By header digest: what may wait for a person.
  uint64_t sequence_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace accord::agent

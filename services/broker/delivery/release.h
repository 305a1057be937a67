// Letting a delivery go: decided again, recorded, and only then handed over (design.md §5 "Delivery").
//
//   lease in memory → PlanRelease, on a worker → ReleaseCommand, on the sequencer → the first byte leaves
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "common/referral/decision.h"
#include "services/broker/delivery/dead_letters.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// What one delivery would hand over under the policy in force.
struct ReleasePlan {
  Epochs epochs;
  // Of the sender's last statement on the referral when it was made: a change of consent, a correction and a recall move it.
  std::string sender_statement;
  std::string sender, request_id, agreement_version, emergency_version, law_version;
  // Of a referral: the decisions about this recipient, and what it may have. No sections: nothing may go any more.
  std::vector<type::v1::SectionDecision> decisions;
  std::string decision_digest;
  // Each with the recipient's recipient info alone. What is too large for a message is told of by its digest (referral/section.h).
  std::vector<type::v1::SealedSection> sections;
  std::vector<std::string> section_digests;       // Of `sections`.
  std::vector<type::v1::Opening> openings;
  type::v1::SignedPayload header;
  std::string sender_certificate;
  type::v1::SignedPayload supplement;  // The RESEALED statement by which the recipient has sections; empty when by the header alone.
  // Something may go, and nothing of it is sealed for the key that the desk has now.
  bool sealed_for_other_key = false;
  // Of a statement's delivery: the statement, what this desk may open of it, and until when it must be answered (0: it need not).
  type::v1::SignedPayload statement;
  std::vector<type::v1::Opening> statement_openings;
  int64_t answer_due_ms = 0;
  // Of a referral's delivery: by when it is to be opened by a person and answered (0: no clock runs).
  int64_t pick_up_due_ms = 0, response_due_ms = 0;
  // Of a referral's delivery: the desk may know what the rules find about its cases. The decision is the last of `decisions`.
  bool tells_history = false;
  // Of what its sender says, or of a notice, to a holder: a protective rule applies to the holder by now, so nothing may go.
  bool may_not_tell = false;
};

// A stored referral decided again, as it stands.
struct DecidedNow {
  referral::HeaderParts parts;
  Cause cause;
  type::v1::SignedPayload supplement;  // As of ReleasePlan.
  referral::Decisions decisions;
};
// What `delivery`, which carries `stored`, may hand over at `now`: the one rule for whatever leaves. Errors of PlanRelease. Thread-safe if
// `read` is.
absl::StatusOr<DecidedNow> DecideNow(SealedReader read, const Policy& policy, const storage::v1::StoredReferral& stored,
                                     const referral::OpenedHeader& header, const storage::v1::StoredDelivery& delivery, absl::Time now);

// Decides what `delivery` may hand over at `now`, by the tags as they stand. A section goes only to the key that the recipient's desk has in the
// directory now: one sealed for an older key waits for its sender to seal again. A recipient that the header does not have is decided as the
// RESEALED statement names it. Of a recalled referral nothing goes.
//   REFERRAL_NOT_FOUND  it was erased
//   DATA_LOSS           what is stored does not parse
// Thread-safe if the readers are.
absl::StatusOr<ReleasePlan> PlanRelease(SealedReader read, PlainReader read_plain, const Policy& policy,
                                        const DirectorySnapshot& directory, const storage::v1::StoredDelivery& delivery, absl::Time now);

// Statements of a referral's sender that are looked through when it is first released to a desk, the newest first.
inline constexpr size_t kEarlierStatementsMax = 64;

// A delivery that may leave.
struct Released {
  storage::v1::StoredDelivery delivery;  // As of this attempt.
  ReleasePlan plan;
  uint64_t index = 0;  // Of its RELEASED entry, of WITHHELD_AT_RELEASE, or of DEAD_LETTER.
  // Nothing may go any more: the entry says so, the delivery is a dead letter, and nothing is to be sent.
  bool withheld = false;
  // Nor can any of it be opened there: it waits until the sender has sealed again, or somebody changes what may go. `withheld` is set too.
  bool waits_for_seal = false;
};
using ReleasedDone = absl::AnyInvocable<void(absl::StatusOr<Released>) &&>;

// Makes attempt, first release time, what is held, state and RELEASED entry durable. Plans again if an epoch moved since the plan was
// made, or its sender said something: whatever an earlier command of the sequencer forbids does not leave. What was attempted too often
// (attempts.h) is a dead letter instead, and its key is free. What is sealed for another key than the desk has now waits, out of the mailbox and
// before no other, and its sender is asked to seal again: that is no attempt.
// Its Done gives no lease back: whoever leased it does.
//   DELIVERY_NOT_FOUND  not there, settled, or not this mailbox's
//   those of PlanRelease
class ReleaseCommand : public Command {
 public:
  // `caller`: who collects. All references must outlive the command.
  ReleaseCommand(std::string delivery_id, MailboxId mailbox, Caller caller, ReleasePlan plan, const PolicyHolder& policy,
                 const DirectoryHolder& directory, Mailboxes& mailboxes, ReleasedDone done)
      : delivery_id_(std::move(delivery_id)), mailbox_(std::move(mailbox)), caller_(std::move(caller)), policy_(policy),
        directory_(directory), mailboxes_(mailboxes), done_(std::move(done)) {
    result_.plan = std::move(plan);
  }

  absl::Status Apply(CommitContext& context) override;
  void Published() override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  // Tells the desk, which is only now released something, of the changes of consent that concern it: the header of its copy shows the
  // tags as they were signed. It need not answer, for nothing was taken from it.
  absl::Status TellOfEarlierChanges(CommitContext& context, const storage::v1::StoredDelivery& delivery,
                                    const storage::v1::StoredReferral& stored);
  // Takes it out of the mailbox until its sender has sealed again, and asks for that.
  absl::Status WaitForSeal(CommitContext& context, const storage::v1::StoredDelivery& delivery, storage::v1::StoredReferral& stored);
  // Makes it a dead letter: it was attempted too often.
  absl::Status GiveUp(CommitContext& context, storage::v1::StoredDelivery& delivery, storage::v1::StoredReferral& stored);
  // What follows for the delivery and its recipient, of a referral and of what is said of one. True when `stored` is to be saved.
  absl::StatusOr<bool> MoveReferral(CommitContext& context, storage::v1::StoredDelivery& delivery,
                                    storage::v1::StoredReferral& stored);
  absl::StatusOr<bool> MoveWord(CommitContext& context, storage::v1::StoredDelivery& delivery, storage::v1::StoredReferral& stored);

  const std::string delivery_id_;
  const MailboxId mailbox_;
  const Caller caller_;
  const PolicyHolder& policy_;
  const DirectoryHolder& directory_;
  Mailboxes& mailboxes_;
  Released result_;
  NewDeliveries queued_;  // Notices of holds that cover it, and statements on it; or notices of a dead letter.
  ReleasedDone done_;
};

// The entry about a delivery of `stored` that `caller` collects; the caller adds event type and what is particular.
EntryDraft DeliveryEntry(const storage::v1::StoredReferral& stored, const storage::v1::StoredDelivery& delivery,
                         std::string_view delivery_id, std::string_view sender, std::string_view request_id,
                         const Caller& caller);

// Takes a delivery out of its mailbox for good: its sender stopped it.
void BuryDelivery(CommitContext& context, std::string_view delivery_id, storage::v1::StoredDelivery& delivery, uint64_t index);
// Takes it out as a dead letter, of which both ends hear (dead_letters.h), and moves its recipient's state.
absl::Status Bury(CommitContext& context, std::string_view delivery_id, storage::v1::StoredDelivery& delivery,
                  storage::v1::StoredReferral& stored, const Death& death, NewDeliveries& queued);

}  // namespace accord::broker

// Deliveries that will not be made unless somebody requeues them (docs/runbooks/dead-letters.md).
//
// A delivery becomes a dead letter when its recipient refuses it for good, when it was attempted too often, and when nothing of it may go
// any more. Rows of family `dead_letter` say who may know of one: the main desk of the referral's sender; and the recipient's desk, if
// something of it had been released to it and it did not die of a decision, for who may not have it must not hear of it either.
//
// No dead letters are the copies that a sender stopped itself, and the broker's own notices, which are said again or stand in a list.
//
// Sequencer thread.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "accord/storage/v1/broker.pb.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// Why a delivery dies.
struct Death {
  uint64_t index = 0;     // Of the entry that says so.
  std::string reason;     // Of docs/errors.md.
  bool withheld = false;  // By the decision at release.
};

// Notes in `delivery`, which the caller stores, that it is a dead letter of `sender`; adds its rows, and queues a notice to each desk that
// may know. No effect on the broker's own notices.
absl::Status AddDeadLetter(CommitContext& context, std::string_view delivery_id, storage::v1::StoredDelivery& delivery,
                           std::string_view sender, const Death& death, NewDeliveries& queued);

// Queues a delivery again that is settled or dead, under its own id and with its attempts going on, at position `mailbox_sequence`.
void PutBack(CommitContext& context, std::string_view delivery_id, storage::v1::StoredDelivery& delivery, uint64_t mailbox_sequence,
             NewDeliveries& queued);

// Makes the referral `stored` go to `recipient` again, whose `delivery` is settled: a dead letter under its own id, and what was acknowledged
// or discarded under a new one, since its recipient has seen the old; at position `mailbox_sequence`. The caller saves `stored`. Errors of
// `context`.
absl::Status GiveAgain(CommitContext& context, const storage::v1::StoredReferral& stored, storage::v1::StoredRecipient& recipient,
                       storage::v1::StoredDelivery delivery, uint64_t mailbox_sequence, NewDeliveries& queued);

// What somebody at either end does about a dead letter.
struct DeadLetterAct {
  std::string request_id, delivery_id;
  type::v1::Worker worker;
  type::v1::DiscardReason discard = type::v1::DISCARD_REASON_UNSPECIFIED;  // Unspecified: requeued.
};
using DeadLetterDone = absl::AnyInvocable<void(const absl::StatusOr<uint64_t>& index) &&>;

// Requeues or discards: delivery, recipient's state, entry and notice in one batch. A requeued one waits at the end of its lane. The
// other end is told by a notice; a recipient to whom something is requeued by the delivery itself. Idempotent per request id.
//   DELIVERY_NOT_FOUND  absent, or nothing that the caller may know of
//   TRANSITION_ILLEGAL  it is no dead letter any more; to requeue a referral that was recalled, withdrawn or replaced
//   NOT_PERMITTED       the worker is on the agency's list of conflicts
//   REQUEST_ID_REUSED   the id stands for another request
class DeadLetterCommand : public Command {
 public:
  // `directory` and `mailboxes` must outlive the command.
  DeadLetterCommand(Caller caller, DeadLetterAct act, const DirectoryHolder& directory, Mailboxes& mailboxes, DeadLetterDone done);

  absl::Status Apply(CommitContext& context) override;
  void Published() override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  bool requeues() const { return act_.discard == type::v1::DISCARD_REASON_UNSPECIFIED; }
  // Errors as above, but that a request id is known.
  absl::Status Check(CommitContext& context, const storage::v1::StoredDelivery& delivery, const storage::v1::StoredReferral& stored) const;
  absl::Status Requeue(CommitContext& context, storage::v1::StoredDelivery& delivery, storage::v1::StoredReferral& stored);
  absl::Status TellOtherEnd(CommitContext& context, const storage::v1::StoredDelivery& delivery, bool recipient_knew);

  const Caller caller_;
  const DeadLetterAct act_;
  const DirectoryHolder& directory_;
  Mailboxes& mailboxes_;
  const std::string digest_;  // Sameness of a request.
  uint64_t index_ = 0;
  NewDeliveries queued_;
  DeadLetterDone done_;
};

}  // namespace accord::broker

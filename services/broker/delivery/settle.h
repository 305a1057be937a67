// The outcome of a delivery, as its recipient tells it: taken, not now, or never.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>

#include "accord/storage/v1/broker.pb.h"
#include "services/broker/delivery/attempts.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

inline constexpr absl::Duration kNackDelayMax = absl::Hours(1);

// What the recipient says of a delivery.
struct Settlement {
  enum class Kind { kAck, kNack, kReject };
  Kind kind = Kind::kAck;
  absl::Duration delay;  // kNack: not before this long from now, or the backoff (attempts.h) if that is longer.
  std::string reason;    // kReject: of docs/errors.md.
};

// The answer.
struct SettledOutcome {
  uint64_t index = 0;    // Of the entry it led to.
  bool already = false;  // It was settled before, or its referral was erased; nothing changed.
};
using SettledDone = absl::AnyInvocable<void(const absl::StatusOr<SettledOutcome>&) &&>;

// Settles a delivery: entry, delivery, mailbox and the recipient's state in one batch. Idempotent.
//   DELIVERY_NOT_FOUND  not there, not this mailbox's, or never released
//
// A notice of a legal hold is settled like any delivery, but that nobody refuses one: a rejection of it is a nack of an hour.
class SettleCommand : public Command {
 public:
  // `holder`: the stream that speaks, to which the delivery may be leased. `mailboxes` must outlive the command.
  SettleCommand(std::string delivery_id, MailboxId mailbox, uint64_t holder, Caller caller, Settlement settlement,
                Mailboxes& mailboxes, SettledDone done)
      : delivery_id_(std::move(delivery_id)), mailbox_(std::move(mailbox)), holder_(holder), caller_(std::move(caller)),
        settlement_(std::move(settlement)), mailboxes_(mailboxes), done_(std::move(done)) {}

  absl::Status Apply(CommitContext& context) override;
  void Published() override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  absl::Status SettleHold(CommitContext& context, storage::v1::StoredDelivery& delivery);
  // Puts it off by what its recipient asks, or by the backoff if that is longer.
  void PutOff(CommitContext& context, absl::Duration asked, storage::v1::StoredDelivery& delivery);

  const std::string delivery_id_;
  const MailboxId mailbox_;
  const uint64_t holder_;
  const Caller caller_;
  const Settlement settlement_;
  Mailboxes& mailboxes_;
  SettledOutcome result_;
  bool returned_ = false;  // It waits again.
  bool dead_ = false;
  NewDeliveries queued_;  // Notices of a dead letter.
  absl::Time not_before_;
  SettledDone done_;
};

}  // namespace accord::broker

// From a lease to the message that may leave: what an open mailbox and a poll share.
//
//   leased → (worker) PlanRelease → (sequencer) ReleaseCommand → (worker) the message
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "accord/broker/v1/mailbox_service.pb.h"
#include "services/broker/api/mailbox_service.h"
#include "services/broker/delivery/settle.h"

namespace accord::broker {

inline constexpr size_t kAnySize = std::numeric_limits<size_t>::max();

// The message, whose RELEASED entry is durable: its first byte may leave. Nothing when the delivery is a dead letter instead: it is gone from
// its mailbox, and its lease with it.
using Delivered = absl::AnyInvocable<void(absl::StatusOr<std::optional<v1::Delivery>> made) &&>;

// Releases a delivery that `caller` leased from `mailbox`. Blocks on reads; `done` is called once, here or on a worker. After an error
// the lease is still to be given back, with GiveBackLeased.
//   MESSAGE_TOO_LARGE  what it carries is more than `room` bytes; nothing was recorded
//   those of PlanRelease, ReleaseCommand and ReleaseHoldCommand
// What `work` names must outlive the call. Thread-safe.
void Deliver(const MailboxWork& work, const std::string& delivery_id, const MailboxId& mailbox, const Caller& caller, size_t room,
             Delivered done);

// Gives back what did not come to its first byte because of `why`: it waits a little, or is gone. Thread-safe.
void GiveBackLeased(const MailboxWork& work, const std::string& delivery_id, uint64_t holder, const absl::Status& why);

// What the recipient says of a delivery. FIELD_INVALID when the id is not of 16 bytes, the delay is over kNackDelayMax, or the reason none
// of docs/errors.md. Thread-safe.
absl::StatusOr<Settlement> SettlementOf(const v1::AckCommand& ack);
absl::StatusOr<Settlement> SettlementOf(const v1::NackCommand& nack);
absl::StatusOr<Settlement> SettlementOf(const v1::RejectCommand& reject);

}  // namespace accord::broker

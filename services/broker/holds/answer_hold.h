// A holder's answer to a hold: held, nothing held, or already erased on a date.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <utility>

#include "accord/type/v1/referral.pb.h"
#include "accord/type/v1/vocabulary.pb.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// What a desk says of what it has.
struct HoldAnswered {
  std::string hold;
  type::v1::HoldAnswer answer = type::v1::HOLD_ANSWER_UNSPECIFIED;
  int64_t erased_at_ms = 0;
  type::v1::Worker worker;
};
using HoldAnsweredDone = absl::AnyInvocable<void(const absl::StatusOr<uint64_t>& index) &&>;

// Records an answer in the place of an earlier one. OK: the leaf index of its HOLD_ANSWERED entry, also for a repeat.
//   FIELD_INVALID      the id is no request id; the date is missing, in the future, or of an answer that has none
//   HOLD_NOT_FOUND     no such hold, or none of its notices was handed to the caller's desk: which, it must not tell
//   REQUEST_ID_REUSED  the id stands for another answer
class AnswerHoldCommand : public Command {
 public:
  AnswerHoldCommand(Caller caller, std::string request_id, HoldAnswered answered, HoldAnsweredDone done);
  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  const Caller caller_;
  const std::string request_id_;
  const HoldAnswered answered_;
  const std::string digest_;
  uint64_t index_ = 0;
  HoldAnsweredDone done_;
};

}  // namespace accord::broker

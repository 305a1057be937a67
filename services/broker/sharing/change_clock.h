// Until when a holder must answer what the sender of a referral told it, and the chasing of those who do not (docs/sharing.md).
//
// All functions are of the sequencer thread.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <string_view>

#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sharing/due.h"

namespace accord::broker {

// Elapsed time, for danger and for what should be in nobody's hands keep no office hours. All other changes: by the end of the next
// working day.
inline constexpr absl::Duration kSafeContactAnswerTime = absl::Hours(4);
inline constexpr absl::Duration kRecallAnswerTime = absl::Hours(24);
// Who does not answer in time is reminded again and again, and its sender is told each time.
inline constexpr absl::Duration kSafeContactReminderEvery = absl::Hours(4);
inline constexpr absl::Duration kChangeReminderEvery = absl::Hours(24);
// What a newer change leaves of the deadline of one that is unanswered, at least.
inline constexpr absl::Duration kChangeAnswerTimeMin = absl::Hours(4);

// Asks `recipient` of the referral to answer `change`, whose digest is given: from now on that is the change it is to answer, and its
// clock runs. The deadline of an older one that it has not answered stays, if it is the earlier. Errors of `context`.
absl::Status AskForAnswer(CommitContext& context, const Policy& policy, std::string_view header_digest, const type::v1::Statement& change,
                          std::string_view change_digest, storage::v1::StoredRecipient& recipient);
// Notes that `recipient` cannot be told of the change: nothing is asked of it any more. Errors of `context`.
absl::Status NoteNotTold(CommitContext& context, std::string_view header_digest, std::string_view change_digest,
                         storage::v1::StoredRecipient& recipient);
// Takes its answer; the clock stops. A later answer to the same change replaces it.
//   TRANSITION_ILLEGAL  it is not the newest change that this desk was told of
//   FIELD_INVALID       no answer to a change of that kind (states.h)
absl::Status TakeAnswer(CommitContext& context, const type::v1::Statement& answer, storage::v1::StoredRecipient& recipient);

// The handler of DueKind::kChange: CHANGE_OVERDUE entry, notices to the holder, if it may be told still, and to the sender, and the
// next reminder's row.
absl::Status ChaseChange(CommitContext& context, const Policy& policy, const Due& due, NewDeliveries& queued);

}  // namespace accord::broker

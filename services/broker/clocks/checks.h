// The time of a check: when the first answer lacks, its sender is told once how many of those it asked have answered (docs/checks.md).
//
// It is that of the earliest response clock that still runs, and moves with that; who answers later is no less heard.
//
// All functions but CountChecks are of the sequencer thread.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <string_view>

#include "accord/storage/v1/broker.pb.h"
#include "common/referral/header.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sharing/due.h"

namespace accord::broker {

struct CheckCount {
  uint32_t asked = 0;
  uint32_t answered = 0;  // Of these; nil returns included.
};

// Of `stored`, whose header is given. Who stands in for a recipient answers in its place, and is not counted beside it. Thread-safe.
CheckCount CountChecks(const referral::OpenedHeader& header, const storage::v1::StoredReferral& stored);

// Of a check that is stored, starts its time. No effect on what is none. Errors of `context`.
absl::Status StartCheck(CommitContext& context, std::string_view header_digest, const type::v1::HeaderCore& core,
                        const storage::v1::StoredReferral& stored);
// After clocks of its recipients were ended or moved: its time moves with them, and ends when nothing is awaited any more. No effect when its
// sender was told before. Errors of `context`.
absl::Status MoveCheck(CommitContext& context, std::string_view header_digest, const type::v1::HeaderCore& core,
                       const storage::v1::StoredReferral& stored);

// The handler of DueKind::kChecks: entry CHECKS_DUE, and the notice to the sender, unless all have answered or nothing is awaited.
absl::Status TellChecksDue(CommitContext& context, const Due& due, NewDeliveries& queued);

}  // namespace accord::broker

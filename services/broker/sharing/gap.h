// What was shared under the emergency schedule alone, and its review by somebody else within a working day (docs/sharing.md).
//
// A gap opens with the submission and is ended by the sending agency's signed review alone, never by time: while it is open, both ends
// are told at the end of every working day from the one on which it is due.
//
// All functions are of the sequencer thread.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sharing/due.h"

namespace accord::broker {

// What is shared so.
struct GapFound {
  std::vector<std::string> recipients;  // Ascending.
  uint32_t sections = 0;                // Sections and recipients.
};

// Opens the gap of a referral that is being stored: row, list, clock. Due at the end of the next working day. REQUIRES: its entry was
// added; `found` is not empty.
absl::Status RecordGap(CommitContext& context, const Policy& policy, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                       const type::v1::HeaderCore& core, const GapFound& found);

// Adds what is released to `agency` under the schedule alone: as it was decided when the referral was stored, or because agreement or
// basis has gone since. Nothing changes when the gap has the agency already. One that was reviewed is opened anew, due at the end of the
// next working day.
absl::Status ExtendGap(CommitContext& context, const Policy& policy, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                       const type::v1::HeaderCore& core, const std::string& agency, uint32_t sections);

// The gap of a referral; nothing when there is none. DATA_LOSS when it does not parse.
absl::StatusOr<std::optional<storage::v1::StoredGap>> LoadGap(CommitContext& context, std::string_view header_digest);

// Ends the clock of an open gap with what `reviewer`, a pseudonym, found. TRANSITION_ILLEGAL when none is open. The caller adds the
// statement's entry, and the breach when it was not justified.
absl::Status CloseGap(CommitContext& context, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                      type::v1::GapReview review, std::string_view reviewer);

// The handler of DueKind::kGap: GAP_OVERDUE entry, notices to both ends, and the row of the next working day. A recipient is told at the
// desk that something was released to, and only if it may be (telling.h).
absl::Status ChaseGap(CommitContext& context, const Policy& policy, const Due& due, NewDeliveries& queued);

}  // namespace accord::broker

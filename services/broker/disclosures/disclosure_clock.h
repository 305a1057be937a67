// What becomes of a disclosure as time passes: it is overdue, and at last its content goes (docs/clocks.md).
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "services/broker/disclosures/disclosure_store.h"
#include "services/broker/sharing/due.h"

namespace accord::broker {

inline constexpr absl::Duration kDisclosedKept = absl::Hours(24 * 30);  // After the warrant's end, whatever ended it.
// How often it is asked whether the warrant has been ended before its time, or resumed.
inline constexpr absl::Duration kDisclosureLookedAfter = absl::Hours(24);

// The handler of DueKind::kDisclosure. One that nobody answered in time becomes overdue, with an entry DISCLOSURE_OVERDUE; while its warrant is
// suspended, when nobody may answer, that waits. kDisclosedKept after the warrant's end the sealed question and the parts are deleted. Nothing
// to do once it went with its referral. DATA_LOSS; errors of `context`. Sequencer thread.
absl::Status SweepDisclosure(CommitContext& context, const Due& due, NewDeliveries& queued);

// Lets it fall due next, as it stands. REQUIRES: not gone. Errors of `context`. Sequencer thread.
absl::Status PutDisclosureDue(CommitContext& context, const storage::v1::StoredDisclosure& stored, const storage::v1::StoredWarrant& warrant);

}  // namespace accord::broker

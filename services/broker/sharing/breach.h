// Personal data breaches that the broker knows of, and their 72 hours (UK GDPR Article 33(1)).
//
// What a recall or a review finds to be one is recorded for the agency that shared. Until that agency records its assessment it is
// told at 48 hours, at 72 and every 24 hours after. The broker notifies nobody else: whether the Commissioner and the people concerned
// are told is the controller's decision (Articles 33 and 34).
//
// All functions are of the sequencer thread.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <optional>
#include <string_view>

#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/entry.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sharing/due.h"

namespace accord::broker {

inline constexpr absl::Duration kBreachTime = absl::Hours(72);           // To notify within (Article 33(1)).
inline constexpr absl::Duration kBreachFirstReminder = absl::Hours(48);  // While a day is left.
inline constexpr absl::Duration kBreachReminderEvery = absl::Hours(24);

// Records that sharing the referral was a breach of its sender's: row, BREACH_RECORDED entry, clock. One that is open keeps its clock
// and takes `reason` if it has none; one that was assessed is opened anew. `actor`: who found it. `reason`: unspecified when a review
// found it. Errors of `context`.
absl::Status RecordBreach(CommitContext& context, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                          const type::v1::HeaderCore& core, type::v1::RecallReason reason, const type::v1::EntryActor& actor);

// The breach of a referral; nothing when there is none. DATA_LOSS when it does not parse.
absl::StatusOr<std::optional<storage::v1::StoredBreach>> LoadBreach(CommitContext& context, std::string_view header_digest);

// Ends the clock of an open breach with what its controller found. TRANSITION_ILLEGAL when none is open. The caller adds the
// statement's entry.
absl::Status AssessBreach(CommitContext& context, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                          type::v1::BreachAssessment assessment);

// The handler of DueKind::kBreach: BREACH_OVERDUE entry and notice, and the next reminder's row.
absl::Status ChaseBreach(CommitContext& context, const Due& due, NewDeliveries& queued);

}  // namespace accord::broker

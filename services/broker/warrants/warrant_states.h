// Where a warrant may go from where, and where it stands at a time (docs/warrants.md).
//
// Thread-safe: all functions are pure.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <array>
#include <optional>

#include "accord/inspection/v1/warrant_service.pb.h"
#include "accord/storage/v1/inspection.pb.h"

namespace accord::broker {

inline constexpr absl::Duration kWarrantProposalLife = absl::Hours(24 * 30);  // In which somebody else must activate it.

// What people do to a warrant once it is proposed.
enum class WarrantEvent { kActivate, kSuspend, kResume, kEnd };

struct WarrantArrow {
  inspection::v1::WarrantState from;
  WarrantEvent event;
  inspection::v1::WarrantState to;
};

// The machine. Beside it only time moves a warrant, from every state but ENDED to EXPIRED.
inline constexpr std::array kWarrantArrows = {
    WarrantArrow{inspection::v1::WARRANT_STATE_PROPOSED, WarrantEvent::kActivate, inspection::v1::WARRANT_STATE_ACTIVE},
    WarrantArrow{inspection::v1::WARRANT_STATE_PROPOSED, WarrantEvent::kEnd, inspection::v1::WARRANT_STATE_ENDED},  // Taken back, or refused.
    WarrantArrow{inspection::v1::WARRANT_STATE_ACTIVE, WarrantEvent::kSuspend, inspection::v1::WARRANT_STATE_SUSPENDED},
    WarrantArrow{inspection::v1::WARRANT_STATE_ACTIVE, WarrantEvent::kEnd, inspection::v1::WARRANT_STATE_ENDED},
    WarrantArrow{inspection::v1::WARRANT_STATE_SUSPENDED, WarrantEvent::kResume, inspection::v1::WARRANT_STATE_ACTIVE},
    WarrantArrow{inspection::v1::WARRANT_STATE_SUSPENDED, WarrantEvent::kEnd, inspection::v1::WARRANT_STATE_ENDED},
};

// Where `event` leads from `from`; nothing when it may not happen there.
constexpr std::optional<inspection::v1::WarrantState> NextWarrantState(inspection::v1::WarrantState from, WarrantEvent event) {
  for (const WarrantArrow& arrow : kWarrantArrows) {
    if (arrow.from == from && arrow.event == event) return arrow.to;
  }
  return std::nullopt;
}

// Where it stands at `now`: the stored state, or EXPIRED once its end has come or nobody activated it in time.
inspection::v1::WarrantState WarrantStateAt(const storage::v1::StoredWarrant& stored, absl::Time now);
// The warrant as callers see it at `now`.
inspection::v1::Warrant WarrantAt(const storage::v1::StoredWarrant& stored, absl::Time now);

// OK when it is in force at `now`. WARRANT_NOT_ACTIVE, with `state`, for a suspended one `reason`, and where it is known `at`.
absl::Status CheckInForce(const storage::v1::StoredWarrant& stored, absl::Time now);

}  // namespace accord::broker

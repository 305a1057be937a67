#include "services/broker/warrants/warrant_states.h"

#include <string>

#include "common/base/status.h"

namespace accord::broker {
namespace {

using inspection::v1::WarrantState;
using storage::v1::StoredWarrant;

std::string WarrantTime(int64_t ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

absl::Status NotInForce(WarrantState state, std::string_view why, int64_t at_ms) {
  return Error(Reason::kWarrantNotActive, why, {{"state", inspection::v1::WarrantState_Name(state)}, {"at", WarrantTime(at_ms)}});
}

}  // namespace

WarrantState WarrantStateAt(const StoredWarrant& stored, absl::Time now) {
  const auto& warrant = stored.warrant();
  if (warrant.state() == inspection::v1::WARRANT_STATE_ENDED) return warrant.state();
  const bool forgotten = warrant.state() == inspection::v1::WARRANT_STATE_PROPOSED &&
                         now >= absl::FromUnixMillis(stored.proposed_at_ms()) + kWarrantProposalLife;
  return forgotten || now >= absl::FromUnixMillis(warrant.ends_ms()) ? inspection::v1::WARRANT_STATE_EXPIRED : warrant.state();
}

inspection::v1::Warrant WarrantAt(const StoredWarrant& stored, absl::Time now) {
  inspection::v1::Warrant warrant = stored.warrant();
  warrant.set_state(WarrantStateAt(stored, now));
  warrant.set_sample_cases(static_cast<uint32_t>(stored.sampled_size()));
  warrant.set_ended_at_ms(stored.ended_at_ms());
  return warrant;
}

absl::Status CheckInForce(const StoredWarrant& stored, absl::Time now) {
  const auto& warrant = stored.warrant();
  const WarrantState state = WarrantStateAt(stored, now);
  switch (state) {
    case inspection::v1::WARRANT_STATE_ACTIVE:
      if (now >= absl::FromUnixMillis(warrant.starts_ms())) return absl::OkStatus();
      return NotInForce(state, "the warrant has not begun", warrant.starts_ms());
    case inspection::v1::WARRANT_STATE_PROPOSED:
      return NotInForce(state, "nobody has activated the warrant", stored.proposed_at_ms());
    case inspection::v1::WARRANT_STATE_SUSPENDED:
      return Error(Reason::kWarrantNotActive, "the warrant is suspended",
                   {{"state", inspection::v1::WarrantState_Name(state)},
                    {"reason", inspection::v1::WarrantSuspension_Name(warrant.suspension())},
                    {"at", WarrantTime(warrant.suspended_at_ms())}});
    case inspection::v1::WARRANT_STATE_EXPIRED:
      if (warrant.state() == inspection::v1::WARRANT_STATE_PROPOSED) {
        return NotInForce(state, "nobody activated the warrant in time", absl::ToUnixMillis(absl::FromUnixMillis(stored.proposed_at_ms()) + kWarrantProposalLife));
      }
      return NotInForce(state, "the warrant is over", warrant.ends_ms());
    default:
      break;
  }
  return NotInForce(state, "the warrant was ended", stored.ended_at_ms());
}

}  // namespace accord::broker

#include "services/broker/api/admin_names.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <utility>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "services/broker/directory/changes.h"

namespace accord::broker {
namespace {

constexpr std::string_view kChangeNamePrefix = "changes/";

}  // namespace

absl::Status FieldNeeded(std::string_view field) {
  return Error(Reason::kFieldMissing, fmt::format("{} is needed", field), {{"field", std::string(field)}});
}

absl::Status CheckRequestIdOf(std::string_view request_id) {
  if (request_id.empty()) return FieldNeeded("request_id");
  if (IsRequestId(request_id)) return absl::OkStatus();
  return Error(Reason::kFieldInvalid, "request_id: 8 to 128 of [A-Za-z0-9._:/-] are needed", {{"field", "request_id"}});
}

std::string ChangeNameOf(uint64_t number) { return number == 0 ? "" : fmt::format("{}{}", kChangeNamePrefix, number); }

absl::StatusOr<uint64_t> ParseChangeName(std::string_view name) {
  if (name.empty()) return FieldNeeded("name");
  uint64_t number = 0;
  if (name.starts_with(kChangeNamePrefix) && absl::SimpleAtoi(ToAbsl(name.substr(kChangeNamePrefix.size())), &number) &&
      fmt::format("{}{}", kChangeNamePrefix, number) == name) {
    return number;
  }
  return Error(Reason::kFieldInvalid, "name: changes/{number} is needed", {{"field", "name"}});
}

admin::v1::ProposedChange ToProposed(uint64_t number, storage::v1::StoredChange stored, absl::Time now) {
  admin::v1::ProposedChange change;
  change.set_name(ChangeNameOf(number));
  change.set_state(StateOf(stored, now));
  *change.mutable_change() = std::move(*stored.mutable_change());
  change.set_proposed_by(stored.proposed_by());
  change.set_approved_by(stored.approved_by());
  change.set_proposed_at_ms(stored.proposed_at_ms());
  change.set_approved_at_ms(stored.approved_at_ms());
  change.set_effective_from_ms(stored.effective_from_ms());
  change.set_expires_at_ms(stored.expires_at_ms());
  change.set_withdrawn_by(stored.withdrawn_by());
  return change;
}

}  // namespace accord::broker

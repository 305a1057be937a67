#include "services/broker/questions/enrolment.h"

#include <absl/time/time.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/changes.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

// What a change in force did to an agency.
struct Enrolment {
  int64_t since_ms = 0;
  uint64_t number = 0;
  std::string agency;
  bool active = false;
};

}  // namespace

absl::StatusOr<std::map<std::string, int64_t, std::less<>>> EnrolledSince(const ReadView& view) {
  std::vector<Enrolment> all;
  bool corrupt = false;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyChange, {}, [&](std::string_view key, std::string_view value) {
    storage::v1::StoredChange stored;
    const auto number = U64FromKey(key);
    corrupt = !number.has_value() || !stored.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (corrupt) return false;
    // The time of day does not matter to what is in force.
    if (StateOf(stored, absl::InfinitePast()) != admin::v1::CHANGE_STATE_IN_FORCE) return true;
    const int64_t since_ms = std::max(stored.approved_at_ms(), stored.effective_from_ms());
    const auto& change = stored.change();
    if (change.has_put_agency()) all.push_back({since_ms, *number, change.put_agency().agency().id(), change.put_agency().agency().active()});
    if (change.has_leave_agency()) all.push_back({since_ms, *number, change.leave_agency().agency(), false});
    return true;
  }));
  if (corrupt) return Error(Reason::kStoreCorrupt, "a stored change does not parse");
  std::sort(all.begin(), all.end(), [](const Enrolment& a, const Enrolment& b) { return std::tie(a.since_ms, a.number) < std::tie(b.since_ms, b.number); });
  std::map<std::string, int64_t, std::less<>> since;
  std::set<std::string> active;
  for (const Enrolment& one : all) {
    if (!one.active) {
      active.erase(one.agency);
    } else if (active.insert(one.agency).second) {
      since.insert_or_assign(one.agency, one.since_ms);
    }
  }
  return since;
}

}  // namespace accord::broker

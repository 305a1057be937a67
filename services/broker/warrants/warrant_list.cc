#include "services/broker/warrants/warrant_list.h"

#include <utility>

#include "accord/storage/v1/inspection.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"
#include "services/broker/warrants/warrant_states.h"

namespace accord::broker {

using inspection::v1::Warrant;

absl::StatusOr<std::optional<Warrant>> ReadWarrant(const ReadView& view, std::string_view id, absl::Time now) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Get(kFamilyWarrant, id));
  if (!bytes.has_value()) return std::nullopt;
  storage::v1::StoredWarrant stored;
  if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored warrant does not parse");
  return WarrantAt(stored, now);
}

absl::StatusOr<WarrantPage> ListWarrants(const ReadView& view, std::string_view body, std::optional<uint64_t> before, bool with_ended, int size,
                                         absl::Time now) {
  const std::string prefix = WarrantOrderPrefix(body);
  storage::Range range = storage::Prefix(prefix);
  if (before.has_value()) range.upper = prefix + KeyU64(*before);
  range.descending = true;
  WarrantPage page;
  std::optional<uint64_t> last;
  absl::Status failed;
  int looked_at = 0;
  size_t bytes = 0;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyWarrantIndex, range, [&](std::string_view key, std::string_view id) {
    if (static_cast<int>(page.warrants.size()) == size || bytes >= kWarrantPageBytesMax || looked_at++ == kWarrantsLookedAtMax) {
      page.next = last;
      return false;
    }
    last = U64FromKey(key.substr(prefix.size()));
    auto warrant = ReadWarrant(view, id, now);
    failed = warrant.status();
    if (failed.ok() && (!last.has_value() || !warrant->has_value())) failed = Error(Reason::kStoreCorrupt, "a listed warrant is not there");
    if (!failed.ok()) return false;
    const auto state = (*warrant)->state();
    if (!with_ended && (state == inspection::v1::WARRANT_STATE_ENDED || state == inspection::v1::WARRANT_STATE_EXPIRED)) return true;
    bytes += (*warrant)->ByteSizeLong();
    page.warrants.push_back(**std::move(warrant));
    return true;
  }));
  ACCORD_RETURN_IF_ERROR(failed);
  return page;
}

}  // namespace accord::broker

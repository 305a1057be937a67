#include "services/broker/api/past_directory.h"

#include <absl/strings/str_split.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/base/text.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/history.h"
#include "services/broker/trails/index.h"
#include "services/broker/trails/postings.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker {
namespace {

// What one entry of the administration chain did to who is shut out: most did nothing.
void TakeSuspension(uint64_t index, const StoredEntry& entry, Suspensions& suspended) {
  if (!entry.parts.event.has_value()) return;
  const auto& event = *entry.parts.event;
  if (event.type() == type::v1::EVENT_TYPE_PRINCIPAL_REINSTATED) suspended.erase(event.concerns());
  if (event.type() != type::v1::EVENT_TYPE_PRINCIPAL_SUSPENDED) return;
  Suspension suspension{.since = absl::FromUnixMillis(static_cast<int64_t>(entry.parsed.time_ms)), .index = index};
  admin::v1::SuspensionReason_Parse(event.why(), &suspension.reason);  // One of a later version stays unspecified.
  suspended.insert_or_assign(event.concerns(), suspension);
}

}  // namespace

absl::StatusOr<Suspensions> SuspensionsAt(const ReadView& view, absl::Time at) {
  ACCORD_ASSIGN_OR_RETURN(const auto chain, view.Get(kFamilyMeta, kMetaAdministrationChain));
  if (!chain.has_value()) return Error(Reason::kStoreCorrupt, "the log has no administration chain");
  const Posting entries_of_chain{Posting::Where::kChain, *chain};
  // What was recorded in that very millisecond counts.
  const int64_t at_ms = std::min(absl::ToUnixMillis(at), std::numeric_limits<int64_t>::max() - 1);
  IndexRange range;
  ACCORD_ASSIGN_OR_RETURN(range.until, IndexAt(view, at_ms + 1));
  Suspensions suspended;
  while (!range.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const NextIndices next, ReadPostings(view, {&entries_of_chain, 1}, range, /*newest_first=*/false));
    ACCORD_ASSIGN_OR_RETURN(const std::vector<StoredEntry> entries, ReadEntries(view, next.indices));
    for (size_t i = 0; i < entries.size(); ++i) TakeSuspension(next.indices[i], entries[i], suspended);
    range = next.rest;
  }
  return suspended;
}

absl::StatusOr<std::map<std::string, storage::v1::StoredOfficer, std::less<>>> OfficersAt(const ReadView& view, absl::Time at) {
  ACCORD_ASSIGN_OR_RETURN(auto officers, OfficersPutBy(view.store(), at));
  ACCORD_ASSIGN_OR_RETURN(const StoredEntry opened, ReadEntry(view, 0));
  if (absl::FromUnixMillis(static_cast<int64_t>(opened.parsed.time_ms)) > at) return officers;
  if (!opened.parts.event.has_value()) return Error(Reason::kStoreCorrupt, "the first entry of the log says nothing");
  storage::v1::StoredOfficer founder;
  founder.set_active(true);
  for (const auto id : absl::StrSplit(opened.parts.event->change(), ',')) officers.try_emplace(OfficerKey(false, FromAbsl(id)), founder);
  return officers;
}

}  // namespace accord::broker

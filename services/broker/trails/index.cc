#include "services/broker/trails/index.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "common/base/status.h"
#include "common/referral/stored_events.h"
#include "services/broker/directory/families.h"
#include "services/broker/trails/covered.h"
#include "services/broker/trails/postings.h"

namespace accord::broker {
namespace {

absl::Status TooManyReferrals(size_t limit) {
  return Error(Reason::kQueryTooCostly, fmt::format("more than {} referrals were stored there and then", limit),
               {{"limit", std::to_string(limit)}});
}

// The referral that the entry is of, if it stands on its chain.
absl::StatusOr<std::optional<storage::v1::StoredReferral>> ReferralOf(const ReadView& view, const IndexedEntry& entry) {
  if (!entry.parts.referral.has_value() || entry.parts.referral->header_digest().empty()) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.GetSealed(kFamilyReferral, entry.parts.referral->header_digest()));
  if (!bytes.has_value()) return std::nullopt;
  storage::v1::StoredReferral stored;
  if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored referral does not parse");
  if (std::find(entry.chains.begin(), entry.chains.end(), stored.chain()) == entry.chains.end()) return std::nullopt;
  return stored;
}

// True for a stored entry that concerns one of `agencies`; of none: for any.
absl::StatusOr<bool> IsStoredOf(const ReadView& view, uint64_t index, const std::vector<std::string>& agencies, bool any) {
  ACCORD_ASSIGN_OR_RETURN(const auto entry, ReadIndexed(view, index));
  if (!entry.has_value() || !entry->parts.event.has_value() || !referral::IsStoredEvent(entry->parts.event->type())) return false;
  if (any) return true;
  ACCORD_ASSIGN_OR_RETURN(const auto header, ReadHeaderFacts(view, *entry));
  const auto concerned = AgenciesOf(entry->parts, header.has_value() ? &*header : nullptr);
  return std::any_of(concerned.begin(), concerned.end(), [&](const std::string& agency) {
    return std::find(agencies.begin(), agencies.end(), agency) != agencies.end();
  });
}

}  // namespace

absl::StatusOr<uint64_t> IndexAt(const ReadView& view, int64_t time_ms) {
  const LedgerReader ledger = view.ledger();
  uint64_t low = 0, high = ledger.size();
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    ACCORD_ASSIGN_OR_RETURN(const std::string bytes, ledger.Leaf(middle));
    const auto leaf = ledger::ParseLeaf(bytes);
    if (!leaf.ok()) return Error(Reason::kStoreCorrupt, "a stored leaf does not parse");
    if (static_cast<int64_t>(leaf->time_ms) < time_ms) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

absl::StatusOr<std::vector<uint64_t>> ReferralsStored(const ReadView& view, const TrailKeys& keys, const DirectorySnapshot& directory,
                                                      const std::vector<std::string>& agencies, const std::vector<std::string>& areas,
                                                      uint64_t from, uint64_t until, size_t limit) {
  const bool any = agencies.empty() && areas.empty();
  std::vector<std::string> concerned = AgenciesIn(directory, areas);
  concerned.insert(concerned.end(), agencies.begin(), agencies.end());
  std::sort(concerned.begin(), concerned.end());
  concerned.erase(std::unique(concerned.begin(), concerned.end()), concerned.end());
  std::vector<Posting> postings;
  for (const type::v1::EventType event : referral::kStoredEvents) {
    if (any) postings.push_back({Posting::Where::kIndex, keys.Of(kByEvent, event)});
    for (const std::string& agency : concerned) {
      postings.push_back({Posting::Where::kIndex, keys.Of(kByAgencyEvent, AgencyEventValue(agency, event))});
    }
  }
  // First how far the index is: what it has by then it keeps.
  ACCORD_ASSIGN_OR_RETURN(const uint64_t indexed, TrailIndexed(view));
  until = std::min(until, view.ledger().size());
  std::vector<uint64_t> found;
  for (IndexRange range{from, std::min(until, indexed)}; !range.empty();) {
    ACCORD_ASSIGN_OR_RETURN(const NextIndices next, ReadPostings(view, postings, range, /*newest_first=*/false));
    found.insert(found.end(), next.indices.begin(), next.indices.end());
    if (found.size() > limit) return TooManyReferrals(limit);
    range = next.rest;
  }
  for (uint64_t index = std::max(from, indexed); index < until; ++index) {
    ACCORD_ASSIGN_OR_RETURN(const bool stored, IsStoredOf(view, index, concerned, any));
    if (stored) found.push_back(index);
    if (found.size() > limit) return TooManyReferrals(limit);
  }
  return found;
}

absl::StatusOr<std::optional<IndexedEntry>> ReadIndexed(const ReadView& view, uint64_t index) {
  ACCORD_ASSIGN_OR_RETURN(StoredEntry stored, ReadEntry(view, index));
  return Indexed(index, std::move(stored));
}

std::optional<IndexedEntry> Indexed(uint64_t index, StoredEntry stored) {
  if (stored.openings.openings().empty()) return std::nullopt;
  IndexedEntry entry;
  entry.index = index;
  entry.time_ms = static_cast<int64_t>(stored.parsed.time_ms);
  entry.leaf = std::move(stored.leaf);
  for (ledger::Chain& chain : stored.parsed.chains) entry.chains.push_back(std::move(chain.pseudonym));
  for (type::v1::Opening& opening : *stored.openings.mutable_openings()) entry.openings.push_back(std::move(opening));
  entry.parts = std::move(stored.parts);
  return entry;
}

absl::StatusOr<std::optional<HeaderFacts>> ReadHeaderFacts(const ReadView& view, const IndexedEntry& entry) {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, ReferralOf(view, entry));
  if (!stored.has_value()) return std::nullopt;
  return HeaderFactsOf(*stored);
}

std::vector<std::string> AgenciesIn(const DirectorySnapshot& directory, const std::vector<std::string>& areas) {
  std::vector<std::string> agencies;
  for (const auto& [id, row] : directory.agencies()) {
    const auto& own = row.agency.areas();
    if (std::any_of(own.begin(), own.end(), [&](const std::string& area) { return std::find(areas.begin(), areas.end(), area) != areas.end(); })) {
      agencies.push_back(id);
    }
  }
  return agencies;
}

ScopeFacts FactsOf(const IndexedEntry& entry, const DirectorySnapshot& directory, const ReadView& view) {
  ScopeFacts facts;
  facts.time_ms = entry.time_ms;
  if (entry.parts.event.has_value()) facts.event = entry.parts.event->type();
  facts.cases.insert(entry.chains.begin(), entry.chains.end());
  // Only its stored entry is about whom its header names. What cannot be read adds nothing, so that less is covered and never more.
  std::optional<HeaderFacts> header;
  if (referral::IsStoredEvent(facts.event)) {
    const auto stored = ReferralOf(view, entry);
    if (stored.ok() && stored->has_value()) {
      header = HeaderFactsOf(**stored);
      facts.cases.insert((*stored)->cases().begin(), (*stored)->cases().end());
    }
  }
  for (std::string& agency : AgenciesOf(entry.parts, header.has_value() ? &*header : nullptr)) {
    if (const AgencyRow* row = directory.FindAgency(agency); row != nullptr) {
      facts.areas.insert(row->agency.areas().begin(), row->agency.areas().end());
    }
    facts.agencies.insert(std::move(agency));
  }
  return facts;
}

}  // namespace accord::broker

#include "services/broker/questions/facts.h"

#include <limits>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/storage/store.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/trails/fact.h"
#include "services/broker/trails/keys.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker {
namespace {

using storage::v1::StoredFact;
using storage::v1::StoredReferral;

// An entry and what it says.
struct OpenedEntry {
  int64_t time_ms = 0;
  EntryParts parts;
};
absl::StatusOr<OpenedEntry> ReadOpened(const ReadView& view, uint64_t index) {
  ACCORD_ASSIGN_OR_RETURN(StoredEntry entry, ReadEntry(view, index));
  return OpenedEntry{static_cast<int64_t>(entry.parsed.time_ms), std::move(entry.parts)};
}

FactEvent FactEventOf(uint64_t index, StoredFact fact) {
  FactEvent event;
  event.index = index;
  event.time_ms = fact.time_ms();
  event.event = std::move(*fact.mutable_event());
  if (fact.has_decisions()) event.decisions = std::move(*fact.mutable_decisions());
  if (fact.has_statement()) event.statement = std::move(*fact.mutable_statement());
  event.principal = std::move(*fact.mutable_principal());
  event.agency = AgencyOfPrincipal(event.principal);
  if (fact.has_worker()) event.worker = std::move(*fact.mutable_worker());
  event.recipient = std::move(*fact.mutable_recipient());
  event.delivery_id = std::move(*fact.mutable_delivery_id());
  event.statement_digest = std::move(*fact.mutable_statement_digest());
  if (fact.desk() != type::v1::DESK_UNSPECIFIED) event.desk = fact.desk();
  return event;
}

absl::StatusOr<std::vector<uint64_t>> IndicesOfChain(const ReadView& view, std::string_view chain, uint64_t end) {
  std::vector<uint64_t> indices;
  bool corrupt = false;
  const accord::storage::Range range{.lower = ChainEntryKey(chain, 0), .upper = ChainEntryKey(chain, std::numeric_limits<uint64_t>::max())};
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyChainEntry, range, [&](std::string_view, std::string_view value) {
    const auto index = U64FromKey(value);
    corrupt = !index.has_value();
    if (corrupt || *index >= end) return false;
    indices.push_back(*index);
    return true;
  }));
  if (corrupt) return Error(Reason::kStoreCorrupt, "an entry of a chain has no index");
  return indices;
}

// `first`: its stored entry, when that was read already.
absl::StatusOr<std::optional<ReferralFacts>> FactsOfStored(const ReadView& view, std::string_view digest, const StoredReferral& stored,
                                                           std::optional<OpenedEntry> first, uint64_t end, FactsFrom from) {
  ReferralFacts facts;
  facts.digest = digest;
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(stored));
  facts.parts = header.Parts();
  facts.stored_index = stored.stored_index();
  facts.cases.assign(stored.cases().begin(), stored.cases().end());
  ACCORD_ASSIGN_OR_RETURN(const std::vector<uint64_t> indices, IndicesOfChain(view, stored.chain(), end));
  std::vector<std::optional<StoredFact>> kept(indices.size());
  if (from == FactsFrom::kKept) {
    ACCORD_ASSIGN_OR_RETURN(kept, KeptFacts(view, stored.chain(), indices.size()));
  }
  facts.events.reserve(indices.size());
  for (size_t i = 0; i < indices.size(); ++i) {
    const bool is_first = first.has_value() && indices[i] == facts.stored_index;
    if (!kept[i].has_value()) {
      OpenedEntry entry;
      if (is_first) {
        entry = *std::move(first);
      } else {
        ACCORD_ASSIGN_OR_RETURN(entry, ReadOpened(view, indices[i]));
      }
      ACCORD_ASSIGN_OR_RETURN(kept[i], MakeFact(view, entry.time_ms, std::move(entry.parts)));
    }
    if (kept[i].has_value()) facts.events.push_back(FactEventOf(indices[i], *std::move(kept[i])));
  }
  if (facts.events.empty()) return std::nullopt;
  if (facts.events.front().index != facts.stored_index) return Error(Reason::kStoreCorrupt, "a referral's chain does not begin with its stored entry");
  facts.stored_ms = facts.events.front().time_ms;
  const int64_t happened = facts.parts.core.happened().latest_ms();
  facts.recorded_later = happened != 0 && facts.stored_ms - happened > kRecordedLaterMs;
  return facts;
}

uint64_t EndOf(const ReadView& view, uint64_t tree_size) { return tree_size == 0 ? view.ledger().size() : tree_size; }

}  // namespace

const FactEvent* ReferralFacts::First(type::v1::EventType type, std::string_view recipient, int64_t as_at_ms) const {
  for (const FactEvent& event : events) {
    if (as_at_ms != 0 && event.time_ms > as_at_ms) break;
    if (event.event.type() == type && (recipient.empty() || event.recipient == recipient)) return &event;
  }
  return nullptr;
}

const FactEvent* ReferralFacts::FirstOwn(type::v1::EventType type, std::string_view recipient, int64_t as_at_ms) const {
  std::string_view delivery;  // What the referral itself was released as: what else goes to the recipient has no decisions.
  for (const FactEvent& event : events) {
    if (as_at_ms != 0 && event.time_ms > as_at_ms) break;
    if (event.recipient != recipient || !event.statement_digest.empty()) continue;
    if (event.event.type() == type::v1::EVENT_TYPE_RELEASED && event.decisions.has_value()) delivery = event.delivery_id;
    if (event.event.type() == type && !delivery.empty() && event.delivery_id == delivery) return &event;
  }
  return nullptr;
}

const FactEvent* ReferralFacts::FirstStatement(type::v1::StatementKind kind, std::string_view agency, int64_t as_at_ms) const {
  for (const FactEvent& event : events) {
    if (as_at_ms != 0 && event.time_ms > as_at_ms) break;
    if (event.event.type() == type::v1::EVENT_TYPE_STATEMENT && event.event.statement() == kind &&
        (agency.empty() || event.agency == agency)) {
      return &event;
    }
  }
  return nullptr;
}

absl::StatusOr<std::optional<ReferralFacts>> ReadFacts(const ReadView& view, uint64_t stored_index, uint64_t tree_size) {
  if (stored_index >= EndOf(view, tree_size)) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(OpenedEntry first, ReadOpened(view, stored_index));
  if (!first.parts.referral.has_value()) return std::nullopt;
  const std::string digest = first.parts.referral->header_digest();
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(SealedReaderOf(view), digest));
  if (!stored.has_value()) return std::nullopt;
  return FactsOfStored(view, digest, *stored, std::move(first), EndOf(view, tree_size), FactsFrom::kKept);
}

absl::StatusOr<std::optional<ReferralFacts>> ReadFactsOfReferral(const ReadView& view, std::string_view digest, uint64_t tree_size, FactsFrom from) {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(SealedReaderOf(view), digest));
  if (!stored.has_value() || stored->stored_index() >= EndOf(view, tree_size)) return std::nullopt;
  return FactsOfStored(view, digest, *stored, std::nullopt, EndOf(view, tree_size), from);
}

absl::StatusOr<std::vector<std::string>> DigestsOfCase(const ReadView& view, std::string_view pseudonym, size_t limit) {
  std::vector<std::string> digests;
  const accord::storage::Range range{.lower = CaseReferralKey(pseudonym, 0), .upper = CaseReferralKey(pseudonym, std::numeric_limits<uint64_t>::max())};
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyCaseReferral, range, [&](std::string_view, std::string_view value) {
    digests.emplace_back(value);
    return digests.size() <= limit;
  }));
  if (digests.size() > limit) return Error(Reason::kQueryTooCostly, "the case has more referrals than one answer may look at");
  return digests;
}

absl::StatusOr<std::vector<FactEvent>> ReadEventsOfCase(const ReadView& view, std::string_view pseudonym, const absl::flat_hash_set<uint64_t>& known,
                                                        uint64_t tree_size, size_t limit) {
  ACCORD_ASSIGN_OR_RETURN(std::vector<uint64_t> indices, IndicesOfChain(view, pseudonym, EndOf(view, tree_size)));
  std::erase_if(indices, [&](uint64_t index) { return known.contains(index); });
  if (indices.size() > limit) return Error(Reason::kQueryTooCostly, "the case's chain has more entries of its own than one answer may look at");
  std::vector<FactEvent> events;
  for (const uint64_t index : indices) {
    ACCORD_ASSIGN_OR_RETURN(OpenedEntry entry, ReadOpened(view, index));
    ACCORD_ASSIGN_OR_RETURN(auto fact, MakeFact(view, entry.time_ms, std::move(entry.parts)));
    if (fact.has_value()) events.push_back(FactEventOf(index, *std::move(fact)));
  }
  return events;
}

}  // namespace accord::broker

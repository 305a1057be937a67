#include "services/broker/questions/facts.h"

#include <limits>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/parallel.h"
#include "common/base/status.h"
#include "common/storage/store.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker {
namespace {

using storage::v1::StoredReferral;

constexpr std::string_view kAgencyPrincipal = "agency/";

// "police" of "agency/police/rms"; empty of anybody else.
std::string FactAgency(std::string_view principal) {
  if (!principal.starts_with(kAgencyPrincipal)) return {};
  principal.remove_prefix(kAgencyPrincipal.size());
  return std::string(principal.substr(0, principal.find('/')));
}

absl::StatusOr<std::optional<type::v1::Statement>> FactStatement(const ReadView& view, const type::v1::EntryReferral& about) {
  if (about.statement_digest().empty()) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.GetSealed(kFamilyStatement, StatementKey(about.header_digest(), about.statement_digest())));
  if (!bytes.has_value()) return std::nullopt;
  storage::v1::StoredStatement stored;
  type::v1::Statement statement;
  if (!stored.ParseFromString(*bytes) || !statement.ParseFromString(stored.statement().payload())) {
    return Error(Reason::kStoreCorrupt, "a stored statement does not parse");
  }
  return statement;
}

// An entry and what it says.
struct OpenedEntry {
  int64_t time_ms = 0;
  EntryParts parts;
};
absl::StatusOr<OpenedEntry> ReadOpened(const ReadView& view, uint64_t index) {
  ACCORD_ASSIGN_OR_RETURN(const StoredEntry entry, ReadEntry(view, index));
  const std::vector<type::v1::Opening> openings(entry.openings.openings().begin(), entry.openings.openings().end());
  ACCORD_ASSIGN_OR_RETURN(EntryParts parts, ReadParts(openings));
  return OpenedEntry{static_cast<int64_t>(entry.parsed.time_ms), std::move(parts)};
}

// Nothing when what the entry said was erased.
absl::StatusOr<std::optional<FactEvent>> FactEventOf(const ReadView& view, uint64_t index, OpenedEntry entry) {
  EntryParts& parts = entry.parts;
  if (!parts.event.has_value()) return std::nullopt;
  FactEvent event;
  event.index = index;
  event.time_ms = entry.time_ms;
  event.event = *std::move(parts.event);
  event.decisions = std::move(parts.decisions);
  if (parts.actor.has_value()) {
    event.principal = parts.actor->principal();
    event.agency = FactAgency(event.principal);
    event.worker = parts.actor->worker();
  }
  if (parts.referral.has_value()) {
    event.recipient = parts.referral->recipient();
    event.delivery_id = parts.referral->delivery_id();
    event.statement_digest = parts.referral->statement_digest();
    if (parts.referral->desk() != type::v1::DESK_UNSPECIFIED) event.desk = parts.referral->desk();
    if (event.event.type() == type::v1::EVENT_TYPE_STATEMENT) {
      ACCORD_ASSIGN_OR_RETURN(event.statement, FactStatement(view, *parts.referral));
    }
  }
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

absl::StatusOr<std::optional<StoredReferral>> LoadForFacts(const ReadView& view, std::string_view digest) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.GetSealed(kFamilyReferral, digest));
  if (!bytes.has_value()) return std::nullopt;
  StoredReferral stored;
  if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored referral does not parse");
  return stored;
}

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
  const uint64_t end = tree_size == 0 ? view.ledger().size() : tree_size;
  if (stored_index >= end) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(OpenedEntry first, ReadOpened(view, stored_index));
  if (!first.parts.referral.has_value()) return std::nullopt;
  ReferralFacts facts;
  facts.digest = first.parts.referral->header_digest();
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadForFacts(view, facts.digest));
  if (!stored.has_value()) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(*stored));
  facts.parts = header.Parts();
  facts.stored_index = stored_index;
  facts.stored_ms = first.time_ms;
  facts.cases.assign(stored->cases().begin(), stored->cases().end());
  const int64_t happened = facts.parts.core.happened().latest_ms();
  facts.recorded_later = happened != 0 && facts.stored_ms - happened > kRecordedLaterMs;
  ACCORD_ASSIGN_OR_RETURN(const std::vector<uint64_t> indices, IndicesOfChain(view, stored->chain(), end));
  facts.events.reserve(indices.size());
  for (const uint64_t index : indices) {
    OpenedEntry entry;
    if (index == stored_index) {
      entry = std::move(first);
    } else {
      ACCORD_ASSIGN_OR_RETURN(entry, ReadOpened(view, index));
    }
    ACCORD_ASSIGN_OR_RETURN(auto event, FactEventOf(view, index, std::move(entry)));
    if (event.has_value()) facts.events.push_back(*std::move(event));
  }
  return facts;
}

absl::StatusOr<std::vector<std::optional<ReferralFacts>>> ReadFactsOf(const ReadView& view, Executor& executor, std::span<const uint64_t> stored_indices,
                                                                       uint64_t tree_size) {
  std::vector<absl::StatusOr<std::optional<ReferralFacts>>> read(stored_indices.size());
  InParallel(executor, read.size(), kFactReaders, [&](size_t i) { read[i] = ReadFacts(view, stored_indices[i], tree_size); });
  std::vector<std::optional<ReferralFacts>> facts;
  for (auto& one : read) {
    ACCORD_RETURN_IF_ERROR(one.status());
    facts.push_back(*std::move(one));
  }
  return facts;
}

absl::StatusOr<std::optional<uint64_t>> StoredOfReferral(const ReadView& view, std::string_view digest) {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadForFacts(view, digest));
  if (!stored.has_value()) return std::nullopt;
  return stored->stored_index();
}

absl::StatusOr<std::vector<uint64_t>> StoredOfCase(const ReadView& view, std::string_view pseudonym, size_t limit) {
  std::vector<std::string> digests;
  const accord::storage::Range range{.lower = CaseReferralKey(pseudonym, 0), .upper = CaseReferralKey(pseudonym, std::numeric_limits<uint64_t>::max())};
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyCaseReferral, range, [&](std::string_view, std::string_view value) {
    digests.emplace_back(value);
    return digests.size() <= limit;
  }));
  if (digests.size() > limit) return Error(Reason::kQueryTooCostly, "the case has more referrals than one answer may look at");
  std::vector<uint64_t> indices;
  for (const std::string& digest : digests) {
    ACCORD_ASSIGN_OR_RETURN(const auto index, StoredOfReferral(view, digest));
    if (index.has_value()) indices.push_back(*index);
  }
  return indices;
}

}  // namespace accord::broker

#include "services/broker/trails/indexer.h"

#include <absl/synchronization/notification.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/telemetry/log.h"
#include "services/broker/directory/families.h"
#include "services/broker/trails/covered.h"
#include "services/broker/trails/fact.h"

namespace accord::broker {
namespace {

// True while an erasure that an older version recorded has rows to delete: it did not write down those of the index.
absl::StatusOr<bool> ErasureIsUnderWay(const ReadView& view) {
  bool under_way = false;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyErasure, storage::Prefix(ErasingPrefix()), [&](std::string_view, std::string_view value) {
    under_way = !value.empty();
    return !under_way;
  }));
  return under_way;
}

// What came of a command. Shared: while the store does not open a command waits, and who waits for it may have to leave.
struct IndexOutcome {
  absl::Status status;
  absl::Notification done;
};

class IndexCommand : public Command {
 public:
  IndexCommand(uint64_t from, uint64_t until, std::vector<EntryRows> entries, std::shared_ptr<IndexOutcome> outcome)
      : from_(from), until_(until), entries_(std::move(entries)), outcome_(std::move(outcome)) {}

  absl::Status Apply(CommitContext& context) override { return PutTrailRows(context, from_, until_, entries_); }
  void Done(const absl::StatusOr<Committed>& outcome) override {
    outcome_->status = outcome.status();
    outcome_->done.Notify();
  }

 private:
  const uint64_t from_, until_;
  const std::vector<EntryRows> entries_;
  const std::shared_ptr<IndexOutcome> outcome_;
};

// What one entry says, on the chain of its referral; nothing if it does not stand there.
absl::StatusOr<std::optional<FactRow>> FactRowAt(const ReadView& view, uint64_t index, storage::v1::StoredOpenings openings, EntryParts parts,
                                                 const std::string& chain, uint64_t slot) {
  ACCORD_ASSIGN_OR_RETURN(StoredEntry entry, ReadLeaf(view, index));
  entry.openings = std::move(openings);
  ACCORD_RETURN_IF_ERROR(CheckOpenings(entry));
  const auto& links = entry.parsed.chains;
  const auto link = std::find_if(links.begin(), links.end(), [&](const ledger::Chain& one) { return one.pseudonym == chain; });
  if (link == links.end()) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(const auto fact, MakeFact(view, static_cast<int64_t>(entry.parsed.time_ms), std::move(parts)));
  if (!fact.has_value()) return std::nullopt;
  return FactRow{ChainEntryKey(chain, link->sequence), slot, fact->SerializeAsString()};
}

}  // namespace

absl::Status PutTrailRows(CommitContext& context, uint64_t from, uint64_t until, const std::vector<EntryRows>& entries) {
  ACCORD_ASSIGN_OR_RETURN(const uint64_t indexed, TrailIndexed(context));
  ACCORD_ASSIGN_OR_RETURN(const uint64_t kept, FactsKept(context));
  for (const EntryRows& entry : entries) {
    ACCORD_ASSIGN_OR_RETURN(const auto opening, context.Get(kFamilyOpening, KeyU64(entry.index)));
    if (!opening.has_value()) continue;
    if (indexed == from) {
      for (const std::string& key : entry.keys) context.Put(kFamilyTrailIndex, TrailIndexKey(key, entry.index), "");
    }
    if (kept != from || !entry.fact.has_value()) continue;
    const absl::Status put = context.PutSealed(kFamilyFact, entry.fact->key, entry.fact->slot, entry.fact->value);
    if (!put.ok() && !absl::IsNotFound(put)) return put;  // Its key was destroyed: an erasure, which deletes its rows next.
  }
  if (indexed == from) context.Put(kFamilyMeta, kMetaTrailIndexKey, KeyU64(until));
  if (kept == from) context.Put(kFamilyMeta, kMetaFactKey, KeyU64(until));
  return absl::OkStatus();
}

Indexer::Indexer(Sequencer& sequencer, const TrailKeys& keys, telemetry::Metrics& metrics)
    : sequencer_(sequencer),
      lag_(metrics.Gauges("accord_trail_index_lag_entries", "Entries of the log that the index of the record, or what is kept for questions, does not have yet.").With()),
      opener_(keys) {}

absl::Status Indexer::Run() {
  while (!stopping_) {
    ACCORD_ASSIGN_OR_RETURN(auto piece, Prepare());
    if (!piece.has_value()) return absl::OkStatus();
    Tell(*piece);
    ACCORD_RETURN_IF_ERROR(Commit(*std::move(piece)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Indexer::Piece>> Indexer::Prepare() {
  ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
  ACCORD_ASSIGN_OR_RETURN(const uint64_t indexed, TrailIndexed(*view));
  ACCORD_ASSIGN_OR_RETURN(const uint64_t kept, FactsKept(*view));
  Piece piece;
  piece.from = std::min(indexed, kept);
  piece.size = view->ledger().size();
  piece.until = IndexedUntil(std::min(piece.from, piece.size), piece.size);
  if (indexed != kept) piece.until = std::min(piece.until, std::max(indexed, kept));
  lag_.Set(static_cast<double>(piece.size - std::min(piece.size, piece.from)));
  if (piece.from >= piece.size) {
    if (catching_up_) telemetry::Log(telemetry::Level::kInfo, "trail_index.caught_up", {{"entries", piece.from}});
    catching_up_ = false;
    return std::nullopt;
  }
  if (piece.from == 0) {
    ACCORD_ASSIGN_OR_RETURN(const bool wait, ErasureIsUnderWay(*view));
    if (wait) return std::nullopt;
  }
  ACCORD_ASSIGN_OR_RETURN(piece.entries, opener_.Open(*view, piece.from, piece.until));
  return piece;
}

absl::StatusOr<std::vector<EntryRows>> EntryOpener::Open(const ReadView& view, uint64_t from, uint64_t until) {
  std::vector<EntryRows> entries;
  for (uint64_t index = from; index < until; ++index) {
    auto rows = RowsAt(view, index);
    if (absl::IsDataLoss(rows.status())) {
      telemetry::Log(telemetry::Level::kError, "trail_index.entry_left_out", {{"index", index}, {"status", rows.status()}});
      continue;
    }
    ACCORD_RETURN_IF_ERROR(rows);
    if (!rows->keys.empty()) entries.push_back(*std::move(rows));
  }
  return entries;
}

absl::StatusOr<EntryRows> EntryOpener::RowsAt(const ReadView& view, uint64_t index) {
  EntryRows rows{.index = index};
  const std::string place = KeyU64(index);
  ACCORD_ASSIGN_OR_RETURN(const auto stored, view.Get(kFamilyOpening, place));
  if (!stored.has_value()) return rows;
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Unseal(kFamilyOpening, place, *stored));
  if (!bytes.has_value()) return rows;
  storage::v1::StoredOpenings openings;
  if (!openings.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "openings of an entry do not parse");
  ACCORD_ASSIGN_OR_RETURN(EntryParts parts, ReadParts(openings));
  const Known* known = nullptr;
  if (parts.referral.has_value() && !parts.referral->header_digest().empty()) {
    ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, KeySlots::SlotOf(*stored));
    ACCORD_ASSIGN_OR_RETURN(known, KnownUnder(view, parts.referral->header_digest(), slot));
  }
  rows.keys = KeysOf(keys_, parts, known != nullptr ? &known->facts : nullptr);
  if (known == nullptr) return rows;
  auto fact = FactRowAt(view, index, std::move(openings), std::move(parts), known->chain, known->slot);
  if (absl::IsDataLoss(fact.status())) {
    // It is found, and whoever reads it is told.
    telemetry::Log(telemetry::Level::kError, "trail_index.fact_left_out", {{"index", index}, {"status", fact.status()}});
    return rows;
  }
  ACCORD_RETURN_IF_ERROR(fact);
  rows.fact = *std::move(fact);
  return rows;
}

absl::StatusOr<const EntryOpener::Known*> EntryOpener::KnownUnder(const ReadView& view, const std::string& digest, uint64_t slot) {
  auto known = known_.find(digest);
  if (known == known_.end()) {
    ACCORD_ASSIGN_OR_RETURN(const auto stored, view.Get(kFamilyReferral, digest));
    if (!stored.has_value()) return nullptr;
    ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Unseal(kFamilyReferral, digest, *stored));
    if (!bytes.has_value()) return nullptr;
    storage::v1::StoredReferral referral;
    if (!referral.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored referral does not parse");
    ACCORD_ASSIGN_OR_RETURN(const uint64_t under, KeySlots::SlotOf(*stored));
    if (known_.size() >= kHeaderFactsKept) known_.clear();
    known = known_.emplace(digest, Known{under, referral.chain(), HeaderFactsOf(referral)}).first;
  }
  return known->second.slot == slot ? &known->second : nullptr;
}

absl::Status Indexer::Commit(Piece piece) {
  const auto outcome = std::make_shared<IndexOutcome>();
  sequencer_.Submit(std::make_unique<IndexCommand>(piece.from, piece.until, std::move(piece.entries), outcome));
  while (!outcome->done.WaitForNotificationWithTimeout(kIndexerPeriod)) {
    if (stopping_) return Error(Reason::kShuttingDown, "the broker is stopping");
  }
  if (outcome->status.ok()) lag_.Set(static_cast<double>(piece.size - piece.until));
  return outcome->status;
}

void Indexer::Tell(const Piece& piece) {
  const bool far_behind = piece.size - piece.from >= kIndexerTells;
  if (!catching_up_ && !far_behind) return;
  if (catching_up_ && piece.from - told_ < kIndexerTells) return;
  catching_up_ = true;
  told_ = piece.from;
  telemetry::Log(telemetry::Level::kInfo, "trail_index.catching_up", {{"entries", piece.from}, {"of", piece.size}});
}

}  // namespace accord::broker

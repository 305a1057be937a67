#include "services/broker/ledger/ledger_writer.h"

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/ledger/leaf.h"
#include "common/ledger/merkle.h"
#include "services/broker/ledger/ledger_families.h"

namespace accord::broker {

absl::StatusOr<std::unique_ptr<LedgerWriter>> LedgerWriter::Open(const storage::Store& store, std::string origin) {
  ACCORD_ASSIGN_OR_RETURN(LedgerEdge edge, LedgerEdge::LoadHead(store));
  return std::unique_ptr<LedgerWriter>(new LedgerWriter(std::move(origin), std::move(edge)));
}

uint64_t LedgerWriter::Add(std::string_view leaf, storage::Batch& batch) {
  ACCORD_CHECK(!leaf.empty() && leaf.size() <= ledger::kLeafBytesMax);
  const uint64_t index = edge_.size();
  batch.Put(kLeafFamily, KeyU64(index), leaf);
  edge_.Append(ledger::LeafHash(leaf), [&](TileKey tile, std::string_view hashes, TileKey node, std::string_view hash) {
    batch.Put(kTileFamily, EncodeTileKey(tile), hashes);
    batch.Put(kNodeFamily, EncodeTileKey(node), hash);
  });
  return index;
}

void LedgerWriter::Finish(storage::Batch& batch) {
  if (edge_.size() == finished_) return;
  finished_ = edge_.size();
  batch.Put(kMetaFamily, kHeadKey, EncodeLedgerHead({edge_.size(), std::string(ledger::View(edge_.Root()))}));
}

}  // namespace accord::broker

#include "services/broker/recovery/recovery_rows.h"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"
#include "services/broker/ledger/ledger_edge.h"
#include "services/broker/ledger/ledger_reader.h"

namespace accord::broker {

std::string WithoutSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

absl::Status AddRecovery(storage::Store& store, const type::v1::EntryEvent& event) {
  uint64_t number = 0;
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyMeta, storage::Prefix(kMetaRecoveryPrefix), [&](std::string_view, std::string_view) {
    ++number;
    return true;
  }));
  storage::Batch batch;
  batch.Put(kFamilyMeta, RecoveryKey(number), event.SerializeAsString());
  return store.Write(batch, /*sync=*/true);
}

absl::StatusOr<uint64_t> JudgeAgainstGuard(const storage::Store& store, const GuardMark& guard) {
  const auto refuse = [](std::string why) { return Error(Reason::kStoreCorrupt, why); };
  ACCORD_ASSIGN_OR_RETURN(auto loaded, LedgerEdge::LoadHead(store));
  const auto edge = std::make_shared<const LedgerEdge>(std::move(loaded));
  if (edge->size() < guard.size) {
    return refuse(fmt::format("{} entries can be read and {} were signed", edge->size(), guard.size));
  }
  const LedgerReader reader(store, edge);
  ACCORD_ASSIGN_OR_RETURN(const ledger::Hash root, reader.Root(guard.size));
  if (ledger::View(root) != guard.root) {
    return refuse(fmt::format("the first {} entries are not those that were signed", guard.size));
  }
  if (edge->size() >= ledger::kTileWidth) ACCORD_RETURN_IF_ERROR(reader.CheckLeaves(edge->size() / ledger::kTileWidth - 1));
  ACCORD_ASSIGN_OR_RETURN(const auto commit, store.Get(kFamilyMeta, storage::kCommitKey));
  storage::Commit last;
  if (commit.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(last, storage::DecodeCommit(*commit));
  }
  if (last.sequence < guard.sequence) {
    return refuse(fmt::format("batch {} is the last that can be read and {} were answered", last.sequence, guard.sequence));
  }
  return edge->size();
}

}  // namespace accord::broker

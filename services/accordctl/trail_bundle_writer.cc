#include "services/accordctl/trail_bundle_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/base/status.h"
#include "common/ledger/tlog_proof.h"
#include "services/accordctl/bundle_files.h"
#include "services/accordctl/log_client.h"
#include "services/accordctl/receipt_files.h"

namespace accord::accordctl {
namespace {

namespace fs = std::filesystem;
using ledger::TrailManifest;

absl::Status InvalidBundle(std::string_view why) { return Error(Reason::kReceiptInvalid, why); }

const ledger::Chain* FindRow(const CheckedRow& row, const std::string& pseudonym) {
  const auto& chains = row.leaf.chains;
  const auto at = std::find_if(chains.begin(), chains.end(), [&](const auto& chain) { return chain.pseudonym == pseudonym; });
  return at == chains.end() ? nullptr : &*at;
}

// A receipt that verified.
struct Fetched {
  type::v1::Receipt receipt;
  ledger::Checkpoint checkpoint;  // Of size 0 before it is fetched.
};

absl::StatusOr<Fetched> Fetch(const CheckedRow& row, uint64_t size, const ledger::Vkey& log, ReceiptSource source) {
  ACCORD_ASSIGN_OR_RETURN(type::v1::Receipt receipt, source(row.index, size));
  ACCORD_ASSIGN_OR_RETURN(CheckedReceipt checked, CheckReceipt(std::move(receipt), log));
  if (checked.verified.index != row.index || checked.verified.leaf_bytes != row.leaf_bytes) {
    return InvalidBundle(fmt::format("entry {}: the log has another leaf there than the trail shows", row.index));
  }
  return Fetched{std::move(checked.receipt), checked.verified.checkpoint};
}

constexpr auto kReadByAll = fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read | fs::perms::others_read;

absl::Status PutFiles(const StagedDirectory& staged, const TrailManifest& manifest, const ledger::Vkey& log, const BundleReceipts& receipts) {
  for (size_t i = 0; i < manifest.rows.size(); ++i) {
    const std::string path = ledger::ReceiptPath(manifest.rows[i]);
    const auto& receipt = receipts.receipts[i];
    ACCORD_RETURN_IF_ERROR(staged.Put(path + ledger::kOpeningsSuffix, OpeningsJson(receipt.openings())));
    ACCORD_RETURN_IF_ERROR(staged.Put(path, receipt.tlog_proof(), kReadByAll));
  }
  ACCORD_RETURN_IF_ERROR(staged.Put(ledger::kVkeyFile, log.ToString() + "\n", kReadByAll));
  ACCORD_RETURN_IF_ERROR(staged.Put(ledger::kCheckpointFile, receipts.checkpoint, kReadByAll));
  return staged.Put(ledger::kManifestFile, ledger::FormatTrailManifest(manifest), kReadByAll);
}

}  // namespace

std::optional<std::string> ChainOf(const std::vector<CheckedRow>& rows) {
  std::optional<std::string> found;
  uint64_t shortest = 0;
  if (rows.empty()) return found;
  for (const ledger::Chain& chain : rows.back().leaf.chains) {
    const bool in_all = std::all_of(rows.begin(), rows.end(),
                                    [&](const CheckedRow& row) { return FindRow(row, chain.pseudonym) != nullptr; });
    if (!in_all || (found.has_value() && chain.sequence >= shortest)) continue;
    found = chain.pseudonym;
    shortest = chain.sequence;
  }
  return found;
}

absl::StatusOr<TrailManifest> ManifestOf(const std::vector<CheckedRow>& rows, uint64_t query_index,
                                         TrailManifest::About about, const std::string& id, const std::string& origin) {
  const TrailCheck check = CheckOrder(rows);
  if (rows.empty() || !check.in_order) return InvalidBundle("the rows of the trail are not in the order of the log");
  if (rows.back().index != query_index) return InvalidBundle("the last row of the trail is not the query's own entry");
  if (rows.size() > ledger::kTrailRowsMax) {
    return Error(Reason::kQueueFull, fmt::format("a bundle has at most {} entries", ledger::kTrailRowsMax));
  }
  const bool of_case = about == TrailManifest::About::kCase;
  const auto chain = of_case ? id : ChainOf(rows);
  const bool in_chain = chain.has_value() && std::all_of(rows.begin(), rows.end(), [&](const CheckedRow& row) {
                          return FindRow(row, *chain) != nullptr;
                        });
  if (!in_chain) return InvalidBundle("the rows of the trail are not all in one chain");
  TrailManifest manifest;
  manifest.about = about;
  manifest.id = id;
  manifest.chain = *chain;
  manifest.origin = origin;
  manifest.query_index = query_index;
  uint64_t sequence = 0, previous = ledger::kNoPreviousIndex;
  for (const CheckedRow& row : rows) {
    const ledger::Chain& link = *FindRow(row, *chain);
    if (link.sequence != sequence++ || link.previous_index != previous) manifest.grade = ledger::TrailGrade::kPartial;
    previous = row.index;
    manifest.rows.push_back(row.index);
  }
  return manifest;
}

absl::StatusOr<BundleReceipts> FetchAtOneCheckpoint(const std::vector<CheckedRow>& rows, uint64_t size,
                                                    const ledger::Vkey& log, ReceiptSource source) {
  std::vector<Fetched> all(rows.size());
  ledger::Checkpoint newest;
  for (int round = 0; round < kBundleRoundsMax; ++round) {
    for (size_t i = 0; i < rows.size(); ++i) {
      if (round > 0 && all[i].checkpoint == newest) continue;
      ACCORD_ASSIGN_OR_RETURN(all[i], Fetch(rows[i], size, log, source));
      const ledger::Checkpoint& checkpoint = all[i].checkpoint;
      if (checkpoint.size == newest.size && checkpoint.root != newest.root) {
        return Error(Reason::kLogForked,
                     fmt::format("the broker signed two trees of {} entries: keep both receipts of entries {} and before it",
                                 newest.size, rows[i].index));
      }
      if (checkpoint.size > newest.size) newest = checkpoint;
    }
    const bool at_one = std::all_of(all.begin(), all.end(), [&](const Fetched& one) { return one.checkpoint == newest; });
    if (!at_one) continue;
    BundleReceipts result;
    result.size = newest.size;
    // Of one tree there may be several notes, the later ones with more cosignatures: the last one fetched is everybody's.
    ACCORD_ASSIGN_OR_RETURN(const ledger::TlogProof last, ledger::ParseTlogProof(all.back().receipt.tlog_proof()));
    result.checkpoint = last.checkpoint;
    for (size_t i = 0; i < rows.size(); ++i) {
      ACCORD_ASSIGN_OR_RETURN(ledger::TlogProof proof, ledger::ParseTlogProof(all[i].receipt.tlog_proof()));
      proof.checkpoint = result.checkpoint;
      auto& receipt = result.receipts.emplace_back();
      receipt.set_tlog_proof(ledger::FormatTlogProof(proof));
      receipt.mutable_openings()->Assign(rows[i].openings.begin(), rows[i].openings.end());
    }
    return result;
  }
  return Error(Reason::kStoreUnavailable,
               fmt::format("the log grew while {} receipts were fetched, {} times over: ask again when it is quieter, or "
                           "when a checkpoint that covers entry {} is published",
                           rows.size(), kBundleRoundsMax, rows.back().index));
}

absl::Status WriteBundle(const std::string& directory, const TrailManifest& manifest, const ledger::Vkey& log,
                         const BundleReceipts& receipts) {
  ACCORD_ASSIGN_OR_RETURN(StagedDirectory staged, StagedDirectory::Begin(directory, kBundleDirectory));
  ACCORD_RETURN_IF_ERROR(PutFiles(staged, manifest, log, receipts));
  return staged.Finish();
}

}  // namespace accord::accordctl

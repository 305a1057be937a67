// Writes the answer to a question as a bundle that verifies offline (docs/formats.md §12).
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accord/type/v1/entry.pb.h"
#include "common/ledger/note.h"
#include "common/ledger/trail_bundle.h"
#include "services/accordctl/trail_rows.h"

namespace accord::accordctl {

inline constexpr int kBundleRoundsMax = 5;  // Of fetching receipts, until all are at one checkpoint.

// The pseudonym of a chain that all rows are in; of several the one that is shortest at the last row, as a referral's is
// beside its cases'; nothing when there is none. Pure. Thread-safe.
std::optional<std::string> ChainOf(const std::vector<CheckedRow>& rows);

// The manifest of these rows, all but its checkpoint. RECEIPT_INVALID when they are no trail: out of order, in no one chain, the
// query's entry not the last of them, or of a case and not in its chain. Pure. Thread-safe.
absl::StatusOr<ledger::TrailManifest> ManifestOf(const std::vector<CheckedRow>& rows, uint64_t query_index,
                                                 ledger::TrailManifest::About about, const std::string& id,
                                                 const std::string& origin);

// Gives the receipt of an entry, at `size` if that is not 0 and the broker can, else at the newest checkpoint.
using ReceiptSource = absl::FunctionRef<absl::StatusOr<type::v1::Receipt>(uint64_t index, uint64_t size)>;

// The receipts of all rows at one checkpoint of the log, with the openings of `rows`. `size`: of the checkpoint to ask
// for, 0 for the newest. A log that grows meanwhile is caught up with, kBundleRoundsMax times.
//   RECEIPT_INVALID  one does not verify, or is not of its row's leaf
//   UNAVAILABLE      the log grows faster than they are fetched: publish, or ask again
// Errors of `source`.
struct BundleReceipts {
  std::string checkpoint;  // Signed note.
  uint64_t size = 0;
  std::vector<type::v1::Receipt> receipts;  // One a row.
};
absl::StatusOr<BundleReceipts> FetchAtOneCheckpoint(const std::vector<CheckedRow>& rows, uint64_t size,
                                                    const ledger::Vkey& log, ReceiptSource source);

// Writes the directory, a kBundleDirectory (bundle_files.h). OK: whole, though a power cut just after may spoil it, which accord-verify finds. Error: there is no
// such directory, or what was there before; those of StagedDirectory::Begin.
absl::Status WriteBundle(const std::string& directory, const ledger::TrailManifest& manifest, const ledger::Vkey& log,
                         const BundleReceipts& receipts);

}  // namespace accord::accordctl

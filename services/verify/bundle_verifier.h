// Whether a bundle (docs/formats.md §12) proves the trail that it holds, and with which grade of completeness.
//
//   partial   the rows are those that the asker may see; of what lies between them nothing is said
//   attested  the rows are the chain's numbers 0 to that of the query: the query's own entry, which is in the log, states
//             how far the chain went, so that a receipt of a lower number that is not here convicts the broker. The manifest is
//             unsigned, and an entry stands on several chains: that this one is the referral's, its number 0 must show, or in an
//             export the entry, whose digest of what was asked has the chains
//   full      besides, every leaf of a copy of the log was looked at, and no entry of the chain is missing
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/entry.pb.h"
#include "common/ledger/note.h"
#include "common/ledger/trail_bundle.h"
#include "services/verify/file_reader.h"
#include "services/verify/ledger_copy.h"
#include "services/verify/receipt_verifier.h"

namespace accord::verify {

inline constexpr size_t kBundleFindingsMax = 32;  // Kept; all are counted.

enum class BundleCheck {
  kManifest,    // bundle.json has the form of version 1, and the files are those that it names.
  kCheckpoint,  // The checkpoint is the log's, of the size that the manifest names.
  kReceipts,    // Every row's receipt verifies at that checkpoint.
  kOpenings,    // Every opening is what its entry commits to.
  kChain,       // The rows are entries of the chain, in order, without a gap unless they are graded partial.
  kQuery,       // The last row is the record of the question.
  kAbout,       // The rows are about the referral or case that the manifest names, and their chain is its.
  kLedger,      // A copy of the log has no other entry of the chain up to the query's.
};
inline constexpr size_t kBundleChecks = 8;
std::string_view Name(BundleCheck check);

struct BundleFinding {
  BundleCheck check;
  std::string where;
  std::string what;
};

// A row that verified.
struct BundleRow {
  uint64_t index = 0;
  uint64_t time_ms = 0;
  uint64_t sequence = 0;  // In the chain.
  std::string leaf;
  ledger::Path path;
  std::string event, who;  // In words; empty when not opened.
  std::optional<type::v1::EntryEvent> said;
  std::vector<CheckedOpening> openings;
};

// How many entries say all that they should. A holder can take openings out: what is left verifies, for the log has their digests alone.
struct OpenedCount {
  size_t entries = 0;
  size_t in_part = 0;     // A part lacks that every entry of this kind has (docs/audit-events.md): that others lack cannot be known.
  size_t not_opened = 0;
};

struct BundleReport {
  std::optional<ledger::TrailManifest> manifest;  // As it says of itself; absent when malformed.
  std::optional<ledger::Checkpoint> checkpoint;   // As signed.
  std::vector<BundleRow> rows;
  std::optional<ledger::TrailGrade> grade;        // What the rows show; absent when they show none.
  // Of a referral: its chain begins with the first row, which is opened to be the entry that it was stored by. Of a case always: it is its chain.
  bool begins_as_stored = false;
  // Of the copy of the log.
  bool full = false;              // Grade full: asked for and found.
  uint64_t ledger_size = 0;
  uint64_t chain_entries = 0;     // Of the chain up to the query's, in the copy.
  uint64_t later_entries = 0;     // After it.

  std::vector<BundleFinding> findings;   // The first kBundleFindingsMax.
  uint64_t found[kBundleChecks] = {};    // All of them, by check.
  bool finished = false;                 // False: what is malformed kept the later checks from being told.

  bool ok() const { return finished && findings.empty(); }
  void Found(BundleCheck check, std::string where, std::string what);
};

// `names`: every file below the bundle's directory. Thread-safe.
BundleReport VerifyBundle(FileReader& files, const std::set<std::string>& names, const ledger::Vkey& log);

// One trail of a bundle of version 2, whose files are those that its manifest names (export_verifier.h). Thread-safe.
BundleReport VerifyTrail(FileReader& files, ledger::TrailManifest manifest, const ledger::Vkey& log);

// Holds a bundle whose report is ok() against a copy, and adds to the report.
void CheckAgainstCopy(LedgerCopy& copy, BundleReport& report);
// The same where the copy was looked through for more chains than this one: `members` has every entry that it has of it.
void CheckAgainstCopy(LedgerCopy& copy, const LedgerCopy::Members& members, BundleReport& report);

// Of the entries of these trails, each once. Thread-safe.
OpenedCount CountOpened(std::span<const BundleReport> trails);
// The sentence for people, and why what is not opened may not be. Thread-safe.
std::string OpenedText(const OpenedCount& opened);
// `entries`, `inPart`, `notOpened`. Thread-safe.
nlohmann::json OpenedJson(const OpenedCount& opened);

}  // namespace accord::verify

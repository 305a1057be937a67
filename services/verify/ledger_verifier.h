// Whether a copy of a log (c2sp.org/tlog-tiles: `checkpoint`, `tile/…`, `tile/entries/…`) is whole and is what the log's
// key signed. Believes nothing in the copy but the signature: every tile and the root are made again from the entries.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/ledger/note.h"
#include "services/verify/file_reader.h"

namespace accord::verify {

inline constexpr size_t kFindingsMax = 32;  // Kept; all are counted.

// What is checked, in this order for each bundle of 256 entries.
enum class Check {
  kCheckpoint,  // The checkpoint is there and the log's key signed it.
  kBundles,     // Every bundle of entries is there and well formed.
  kLeaves,      // Every entry has the form of docs/formats.md §6 and names this log.
  kTime,        // Time never goes back.
  kChains,      // Each chain counts from 0 without a gap, and names the index of the entry before.
  kTiles,       // Every tile is there and has the hashes of these entries.
  kRoot,        // The root of these entries is the signed one.
};
inline constexpr size_t kChecks = 7;
std::string_view Name(Check check);

// One thing that is wrong.
struct Finding {
  Check check;
  std::string where;  // `checkpoint`, `entry 17`, `tile/0/000`, …
  std::string what;   // In plain English.
};

struct LedgerReport {
  std::string origin;
  uint64_t size = 0;  // As signed.
  std::string root;   // As signed; hex.
  // What was got through.
  uint64_t entries = 0, bundles = 0, tiles = 0, chains = 0;
  uint64_t first_time_ms = 0, last_time_ms = 0;
  bool finished = false;           // False: something that is missing or malformed ended it.
  std::vector<Finding> findings;   // The first kFindingsMax, in the order of the log.
  uint64_t found[kChecks] = {};    // All of them, by check.

  bool ok() const { return finished && findings.empty(); }
};

// Reads each file once. Memory grows with the number of chains (some 100 bytes each), not of entries. Files that
// the checkpoint does not call for are not looked at. `progress`, unless null, is told the number of entries done
// after each bundle. Thread-safe.
using Progress = void (*)(uint64_t entries, uint64_t size);
LedgerReport VerifyLedger(FileReader& files, const ledger::Vkey& log, Progress progress = nullptr);

}  // namespace accord::verify

// Whether a copy of a log (c2sp.org/tlog-tiles: `checkpoint`, `tile/…`, `tile/entries/…`) is whole and is what the log's
// key signed, or a range of it is. docs/verify.md says what each of the two proves and what it does not.
//
// The log is cut into stretches of 65,536 entries (stretch.h), which all threads verify in any order; they are joined in the order
// of the log, where chains and times are settled and the tiles above are made. So a report is the same whatever the number of
// threads. Memory: some 100 bytes for each chain of the log, and for each thread at most two finished stretches (some 3 MB
// each, at worst 20). Files that the checkpoint does not call for are not looked at. All functions are thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ledger/note.h"
#include "services/verify/file_reader.h"
#include "services/verify/findings.h"
#include "services/verify/ordered_tasks.h"
#include "services/verify/progress.h"

namespace accord::verify {

struct LedgerReport {
  std::string origin;
  uint64_t size = 0;  // As signed.
  std::string root;   // As signed; hex.
  uint64_t from = 0, to = 0;           // The entries that were to be read.
  std::optional<uint64_t> older_size;  // As signed in the older checkpoint.
  // What was got through.
  uint64_t entries = 0, bundles = 0, tiles = 0, chains = 0;
  uint64_t first_time_ms = 0, last_time_ms = 0;
  bool finished = false;           // False: something that is missing or malformed ended it.
  std::vector<Finding> findings;   // The first kFindingsMax, in the order of the log.
  uint64_t found[kChecks] = {};    // All of them, by check.

  bool ok() const { return finished && findings.empty(); }
};

// The whole copy. Believes nothing in it but the signature: every tile and the root are made again from the entries. A bundle that
// is missing or malformed ends it: what comes after is not told.
LedgerReport VerifyLedger(FileReader& files, const ledger::Vkey& log, Progress progress = nullptr, int threads = 1);

struct RangeRequest {
  // Entries [from, to). Left out: from the older checkpoint's size, or 0; to the size of the copy.
  std::optional<uint64_t> from, to;
  // A signed checkpoint of the same log that the copy must extend.
  std::optional<std::string> older_checkpoint;
};
// Entries [from, to) of the copy against its checkpoint: that these stand there in the tree that was signed. Reads their bundles
// and the tiles above them; hashes of entries outside are taken from those tiles, and proven by the root. A range that the
// checkpoint does not hold is a finding.
LedgerReport VerifyRange(FileReader& files, const ledger::Vkey& log, const RangeRequest& request,
                         Progress progress = nullptr, int threads = 1);

}  // namespace accord::verify

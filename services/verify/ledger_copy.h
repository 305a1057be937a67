// A copy of a log that verified (ledger_verifier.h), to ask what it holds and what it contradicts.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/ledger/checkpoint.h"
#include "common/ledger/leaf.h"
#include "common/ledger/merkle.h"
#include "common/ledger/note.h"
#include "common/ledger/tlog_proof.h"
#include "services/verify/file_reader.h"
#include "services/verify/progress.h"
#include "services/verify/signed_tiles.h"

namespace accord::verify {

// Single-thread. Errors are those of files that changed since they were verified.
class LedgerCopy {
 public:
  // Verifies the whole copy by the log's key. RECEIPT_INVALID, with the first thing that is wrong, when it does not verify.
  // `files` must outlive the result, and nobody change them meanwhile.
  static absl::StatusOr<LedgerCopy> Open(FileReader& files, const ledger::Vkey& log, Progress progress = nullptr,
                                         int threads = 1);

  uint64_t size() const { return tiles_.size(); }

  // REQUIRES: index < size().
  absl::StatusOr<std::string> Entry(uint64_t index);
  // The root of the first `size` entries. REQUIRES: size ≤ size().
  absl::StatusOr<ledger::Hash> RootAt(uint64_t size);

  // An entry of a chain, with its link in it.
  struct Member {
    uint64_t index = 0;
    uint64_t time_ms = 0;
    uint64_t sequence = 0;
    uint64_t previous_index = ledger::kNoPreviousIndex;
  };
  // Every entry of each of the chains in the whole copy, in order, found by looking once at all of them on all threads. One that has none is
  // there too.
  using Members = std::map<std::string, std::vector<Member>, std::less<>>;
  absl::StatusOr<Members> Scan(const std::set<std::string, std::less<>>& pseudonyms) const;

  // What of a signed checkpoint contradicts the copy, in plain English; nothing when they are of one log as far as can be
  // told: of a larger tree only what `path`, that of entry `index` in it, shows of the part that the copy has.
  absl::StatusOr<std::optional<std::string>> Contradiction(const ledger::Checkpoint& checkpoint, uint64_t index,
                                                           const ledger::Path& path);

 private:
  LedgerCopy(FileReader& files, SignedTiles tiles, int threads)
      : files_(&files), tiles_(std::move(tiles)), threads_(threads) {}
  absl::StatusOr<Members> ScanStretch(const std::set<std::string, std::less<>>& pseudonyms, uint64_t begin) const;
  absl::StatusOr<const std::vector<std::string>*> Bundle(uint64_t number);

  FileReader* files_;
  SignedTiles tiles_;
  int threads_;
  std::optional<uint64_t> bundle_number_;
  std::vector<std::string> bundle_;
};

}  // namespace accord::verify

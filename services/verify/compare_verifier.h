// Whether two copies are of one history: one that the log's key signed twice, the longer of the two trees an extension of the other.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "common/ledger/merkle.h"
#include "common/ledger/note.h"
#include "services/verify/file_reader.h"

namespace accord::verify {

enum class History {
  kSame,       // The two signed trees are one.
  kExtended,   // The longer begins with the shorter.
  kForked,     // The key signed two trees of which neither begins with the other. The checkpoints are the proof.
  kUndecided,  // A copy is damaged where it had to be read, or its checkpoint is not the log's.
};

// One of the two copies.
struct CopySide {
  std::string checkpoint;  // The signed note, verbatim.
  std::string origin;
  uint64_t size = 0;
  ledger::Hash root{};
};
// What stands at the first difference in one of them.
struct DifferentEntry {
  ledger::Hash leaf_hash{};
  // Unless the copy's bundle cannot be read or does not give that hash.
  std::optional<std::string> leaf;
  std::optional<uint64_t> time_ms;  // When the leaf is well formed.
};

struct CompareReport {
  History history = History::kUndecided;
  std::array<CopySide, 2> sides;
  size_t longer = 0;  // The side with the larger tree; 0 when they are equal.
  // Of kUndecided: the side, and what is wrong there.
  size_t wrong_side = 0;
  std::string wrong;
  // Of kForked: the first entry that is not the same, and what it is in each. Nothing when a copy is damaged where that had to be
  // looked up (then `no_difference` says where); the fork stands all the same.
  std::optional<uint64_t> first_difference;
  std::array<DifferentEntry, 2> different;
  std::string no_difference;
};

// Looks at the two checkpoints, and at the tiles of the copies as far as it must: some four to ten of each, whatever the size.
// Every hash that counts is proven under the root of its copy, so that damage is never taken for a fork. It does not look at
// the other tiles and entries: VerifyLedger does. Thread-safe.
CompareReport CompareLogs(FileReader& first, FileReader& second, const ledger::Vkey& log);

}  // namespace accord::verify

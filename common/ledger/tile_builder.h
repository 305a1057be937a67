// Cuts a log into its tiles while it is read once, leaf by leaf: what a copy of a log is written and checked with.
#pragma once

#include <absl/functional/function_ref.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/ledger/frontier.h"
#include "common/ledger/merkle.h"
#include "common/ledger/tile.h"

namespace accord::ledger {

// Holds one incomplete tile a level, whatever the size of the log. Thread-compatible.
class TileBuilder {
 public:
  // Gets a tile and its bytes: `width` hashes of 32 bytes.
  using Emit = absl::FunctionRef<void(const Tile& tile, std::string_view hashes)>;

  // Appends a leaf. `full` is called with every full tile that it completes, the lowest level first.
  void Append(const Hash& leaf_hash, Emit full);
  // Gives the partial tile of each level that has one. The log may still grow.
  void EmitPartial(Emit partial) const;

  uint64_t size() const { return frontier_.size(); }
  Hash Root() const { return frontier_.Root(); }

 private:
  Frontier frontier_;
  std::array<std::string, kTileLevelMax + 1> incomplete_;  // By level.
};

}  // namespace accord::ledger

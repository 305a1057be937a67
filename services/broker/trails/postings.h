// Where entries stand in order: under a key of the index, on a chain, or simply in the log; and several of these read as one.
//
// Thread-safe: all functions are pure but for what they read of the view.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

inline constexpr size_t kPostingsAtOnce = 256;

// The leaf index of the entry at `sequence` of `chain`. STORE_CORRUPT when it is not there; errors of the view.
absl::StatusOr<uint64_t> IndexInChain(const ReadView& view, const std::string& chain, uint64_t sequence);

// Leaf indices in ascending order.
struct Posting {
  enum class Where { kIndex, kChain };
  Where where = Where::kIndex;
  std::string key;  // Of family `trail_index`, or a chain's pseudonym.
};

// [from, until).
struct IndexRange {
  uint64_t from = 0, until = 0;
  bool empty() const { return from >= until; }
};

// The next indices of any of `postings` within `range`, each once, in ascending order or, with `newest_first`, in descending.
struct NextIndices {
  std::vector<uint64_t> indices;
  IndexRange rest;  // What is left of the range; empty: that was all.
};
// Reads at most kPostingsAtOnce of each. Errors of the view.
absl::StatusOr<NextIndices> ReadPostings(const ReadView& view, std::span<const Posting> postings, IndexRange range, bool newest_first);

// How many rows `postings` have within `range`, one that is under two of them twice; counted no further than `most`. Errors of the view.
absl::StatusOr<uint64_t> CountPostings(const ReadView& view, std::span<const Posting> postings, IndexRange range, uint64_t most);

}  // namespace accord::broker

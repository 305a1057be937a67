// What a verification found wrong, in the order of the log, however many threads looked.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace accord::verify {

inline constexpr size_t kFindingsMax = 32;  // Kept; all are counted.

// What is checked.
enum class Check {
  kCheckpoint,   // The checkpoint is there and the log's key signed it.
  kBundles,      // Every bundle of entries is there and well formed.
  kLeaves,       // Every entry has the form of docs/formats.md §6 and names this log.
  kTime,         // Time never goes back.
  kChains,       // Each chain counts without a gap, and names the index of the entry before.
  kTiles,        // Every tile that is needed is there and has the hashes of these entries.
  kRoot,         // The root of these entries is the signed one.
  kConsistency,  // The signed tree extends that of an older checkpoint (only where one was given).
};
inline constexpr size_t kChecks = 8;
std::string_view Name(Check check);

// One thing that is wrong.
struct Finding {
  Check check;
  std::string where;  // `checkpoint`, `entry 17`, `tile/0/000`, …
  std::string what;   // In plain English.
};

// Where a finding stands in the order of the log: at an entry, and among what is found there.
struct Place {
  uint64_t entry = 0;
  uint32_t rank = 0;
  auto operator<=>(const Place&) const = default;
};
inline constexpr uint32_t kRankForm = 0, kRankTime = 1, kRankChain = 2, kRankTile = 16;  // Plus the chain's number, the level.

// Counts all, and keeps the first kFindingsMax. Thread-compatible.
class Findings {
 public:
  struct Placed {
    Place place;
    Finding finding;
  };

  // `text` makes {where, what}; it is called only for a finding that is kept.
  template <typename Text>
  void Add(Place place, Check check, Text text) {
    ++found_[static_cast<size_t>(check)];
    if (kept_.size() >= kFindingsMax) return;
    auto [where, what] = text();
    kept_.push_back({place, {check, std::move(where), std::move(what)}});
  }
  // Merges by place what others found about the same stretch of the log. REQUIRES: both ascend.
  void Merge(Findings other);
  // Puts what was found about a later stretch behind.
  void Append(Findings later);

  const std::vector<Placed>& kept() const { return kept_; }
  uint64_t found(Check check) const { return found_[static_cast<size_t>(check)]; }

 private:
  std::vector<Placed> kept_;
  uint64_t found_[kChecks] = {};
};

}  // namespace accord::verify

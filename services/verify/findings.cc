#include "services/verify/findings.h"

#include <algorithm>
#include <iterator>

namespace accord::verify {

std::string_view Name(Check check) {
  switch (check) {
    case Check::kCheckpoint: return "checkpoint signed by the log's key";
    case Check::kBundles: return "entries all there";
    case Check::kLeaves: return "entries well formed, of this log";
    case Check::kTime: return "time never goes back";
    case Check::kChains: return "chains without a gap";
    case Check::kTiles: return "tiles as the entries give them";
    case Check::kRoot: return "root as signed";
    case Check::kConsistency: return "extends the older checkpoint";
  }
  return "";
}

void Findings::Merge(Findings other) {
  std::vector<Placed> merged;
  std::merge(std::make_move_iterator(kept_.begin()), std::make_move_iterator(kept_.end()),
             std::make_move_iterator(other.kept_.begin()), std::make_move_iterator(other.kept_.end()),
             std::back_inserter(merged), [](const Placed& a, const Placed& b) { return a.place < b.place; });
  if (merged.size() > kFindingsMax) merged.erase(merged.begin() + kFindingsMax, merged.end());
  kept_ = std::move(merged);
  for (size_t i = 0; i < kChecks; ++i) found_[i] += other.found_[i];
}

void Findings::Append(Findings later) {
  for (Placed& placed : later.kept_) {
    if (kept_.size() < kFindingsMax) kept_.push_back(std::move(placed));
  }
  for (size_t i = 0; i < kChecks; ++i) found_[i] += later.found_[i];
}

}  // namespace accord::verify

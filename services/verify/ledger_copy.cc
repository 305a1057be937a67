#include "services/verify/ledger_copy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/ledger/tile.h"
#include "services/verify/ledger_verifier.h"
#include "services/verify/ordered_tasks.h"
#include "services/verify/stretch.h"

namespace accord::verify {
namespace {

absl::Status Changed(std::string_view path) {
  return Error(Reason::kReceiptInvalid, fmt::format("{}: is not what was verified a moment ago", path));
}

// The leaves that each hash of an inclusion path is over, in the order of the path.
struct CopyRange {
  uint64_t begin, end;
};
void SiblingsOf(uint64_t index, uint64_t begin, uint64_t end, std::vector<CopyRange>& siblings) {
  if (end - begin == 1) return;
  const uint64_t split = begin + std::bit_floor(end - begin - 1);
  if (index < split) {
    SiblingsOf(index, begin, split, siblings);
    siblings.push_back({split, end});
  } else {
    SiblingsOf(index, split, end, siblings);
    siblings.push_back({begin, split});
  }
}

}  // namespace

absl::StatusOr<LedgerCopy> LedgerCopy::Open(FileReader& files, const ledger::Vkey& log, Progress progress, int threads) {
  const LedgerReport report = VerifyLedger(files, log, std::move(progress), threads);
  if (!report.ok()) {
    const Finding& first = report.findings.front();
    return Error(Reason::kReceiptInvalid,
                 fmt::format("the copy of the log does not verify: {}: {}", first.where, first.what));
  }
  ACCORD_ASSIGN_OR_RETURN(const std::string note, files.Read("checkpoint", ledger::kNoteBytesMax));
  ACCORD_ASSIGN_OR_RETURN(const auto verified, ledger::VerifyCheckpoint(note, log));
  ACCORD_ASSIGN_OR_RETURN(SignedTiles tiles, SignedTiles::Open(files, verified.checkpoint));
  return LedgerCopy(files, std::move(tiles), threads);
}

absl::StatusOr<const std::vector<std::string>*> LedgerCopy::Bundle(uint64_t number) {
  if (bundle_number_ == number) return &bundle_;
  const auto width = static_cast<uint32_t>(std::min(ledger::kTileWidth, size() - number * ledger::kTileWidth));
  const std::string path = ledger::EntriesPath(number, width);
  ACCORD_ASSIGN_OR_RETURN(const std::string bytes, files_->Read(path, kBundleBytesMax));
  auto entries = ledger::ParseBundle(bytes, width);
  if (!entries.has_value()) return Changed(path);
  bundle_ = *std::move(entries);
  bundle_number_ = number;
  return &bundle_;
}

absl::StatusOr<std::string> LedgerCopy::Entry(uint64_t index) {
  ACCORD_CHECK(index < size());
  ACCORD_ASSIGN_OR_RETURN(const auto* bundle, Bundle(index / ledger::kTileWidth));
  return (*bundle)[index % ledger::kTileWidth];
}

absl::StatusOr<ledger::Hash> LedgerCopy::RootAt(uint64_t size) {
  ACCORD_CHECK(size <= tiles_.size());
  return ledger::RootAt(size, [this](int level, uint64_t index) { return tiles_.Node(level, index); });
}

absl::StatusOr<LedgerCopy::Members> LedgerCopy::ScanStretch(const std::set<std::string, std::less<>>& pseudonyms, uint64_t begin) const {
  Members members;
  std::string bytes;
  std::vector<std::string_view> entries;
  ledger::LeafView leaf;
  const uint64_t end = std::min(size(), begin + kStretchEntries);
  for (uint64_t first = begin; first < end; first += ledger::kTileWidth) {
    const auto width = static_cast<uint32_t>(std::min(ledger::kTileWidth, size() - first));
    const std::string path = ledger::EntriesPath(first / ledger::kTileWidth, width);
    ACCORD_RETURN_IF_ERROR(files_->ReadInto(path, kBundleBytesMax, bytes));
    if (!ledger::ParseBundleInto(bytes, width, entries)) return Changed(path);
    for (size_t i = 0; i < entries.size(); ++i) {
      // Of a single one to look for its bytes is faster than to read every leaf.
      if (pseudonyms.size() == 1 && entries[i].find(*pseudonyms.begin()) == std::string_view::npos) continue;
      ACCORD_RETURN_IF_ERROR(ledger::ParseLeafInto(entries[i], leaf));
      for (const auto& chain : leaf.chains()) {
        const auto asked = pseudonyms.find(chain.pseudonym);
        if (asked != pseudonyms.end()) members[*asked].push_back({first + i, leaf.time_ms, chain.sequence, chain.previous_index});
      }
    }
  }
  return members;
}

absl::StatusOr<LedgerCopy::Members> LedgerCopy::Scan(const std::set<std::string, std::less<>>& pseudonyms) const {
  using Found = absl::StatusOr<Members>;
  Found all = Members();
  for (const std::string& pseudonym : pseudonyms) all->try_emplace(pseudonym);
  const uint64_t stretches = (size() + kStretchEntries - 1) / kStretchEntries;
  OrderedTasks<Found>::Run(
      threads_, stretches, [&](int, uint64_t i) { return ScanStretch(pseudonyms, i * kStretchEntries); },
      [&](Found found) {
        if (!found.ok()) {
          all = std::move(found);
          return false;
        }
        for (const auto& [pseudonym, members] : *found) {
          std::vector<Member>& so_far = (*all)[pseudonym];
          so_far.insert(so_far.end(), members.begin(), members.end());
        }
        return true;
      });
  return all;
}

absl::StatusOr<std::optional<std::string>> LedgerCopy::Contradiction(const ledger::Checkpoint& checkpoint, uint64_t index,
                                                                     const ledger::Path& path) {
  if (checkpoint.size <= size()) {
    ACCORD_ASSIGN_OR_RETURN(const ledger::Hash root, RootAt(checkpoint.size));
    if (root == checkpoint.root) return std::optional<std::string>();
    return fmt::format("the log's key signed the root {} over {} entries; the copy, which it signed too, has {} there: two logs",
                       ToHex(ledger::View(checkpoint.root)), checkpoint.size, ToHex(ledger::View(root)));
  }
  std::vector<CopyRange> siblings;
  SiblingsOf(index, 0, checkpoint.size, siblings);
  for (size_t i = 0; i < siblings.size() && i < path.size(); ++i) {
    const auto [begin, end] = siblings[i];
    if (end > size() || !std::has_single_bit(end - begin)) continue;
    const int level = std::countr_zero(end - begin);
    ACCORD_ASSIGN_OR_RETURN(const ledger::Hash node, tiles_.Node(level, begin >> level));
    if (node == path[i]) continue;
    return fmt::format("the log's key signed a tree of {} entries with the hash {} over the entries {} to {}; the copy, which it "
                       "signed too, has {}: two logs",
                       checkpoint.size, ToHex(ledger::View(path[i])), begin, end - 1, ToHex(ledger::View(node)));
  }
  return std::optional<std::string>();
}

}  // namespace accord::verify

#include "services/verify/stretch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::verify {
namespace {

using Text = std::pair<std::string, std::string>;

std::string StretchEntry(uint64_t index) { return fmt::format("entry {}", index); }

}  // namespace

void CheckLink(uint64_t index, uint32_t number, std::string_view pseudonym, uint64_t sequence, uint64_t previous,
               ChainDue due, Findings& findings) {
  if (sequence == due.sequence && previous == due.previous) return;
  findings.Add({index, kRankChain + number}, Check::kChains, [&] {
    if (sequence != due.sequence) {
      return Text(StretchEntry(index), fmt::format("is number {} of chain {}, where number {} is due", sequence, ToHex(pseudonym),
                                            due.sequence));
    }
    // Neither is "none": a leaf's form allows that for number 0 alone, and only for it.
    return Text(StretchEntry(index), fmt::format("names {} as the entry before it in chain {}, which is {}", StretchEntry(previous),
                                          ToHex(pseudonym), StretchEntry(due.previous)));
  });
}

StretchVerifier::StretchVerifier(FileReader& files, std::string origin, uint64_t size,
                                 std::function<void(uint64_t)> done)
    : files_(files), origin_(std::move(origin)), size_(size), done_(std::move(done)) {}

Stretch StretchVerifier::Verify(uint64_t begin, uint64_t end) {
  ACCORD_CHECK(begin < end && end <= size_ && begin / kStretchEntries == (end - 1) / kStretchEntries);
  Stretch stretch;
  stretch.begin = begin;
  stretch.end = end;
  pieces_.clear();
  pieces_.reserve(chains_expected_);
  stretch.chains.reserve(chains_expected_);
  TileRows rows(files_, size_, 0, 1);
  uint64_t last = begin;
  const uint64_t whole = begin - begin % ledger::kTileWidth;
  for (uint64_t i = 0; i < kBundlesExpected; ++i) Expect(whole + i * ledger::kTileWidth);
  for (uint64_t first = whole; first < end; first += ledger::kTileWidth) {
    Expect(first + kBundlesExpected * ledger::kTileWidth);
    if (!ReadBundle(first, stretch)) break;
    const uint64_t from = std::max(first, begin), to = std::min(first + ledger::kTileWidth, end);
    for (uint64_t index = from; index < to; ++index) {
      const std::string_view bytes = entries_[index - first];
      CheckEntry(index, bytes, stretch);
      rows.Push(index, ledger::LeafHash(bytes), index);
    }
    last = to - 1;
    ++stretch.bundles;
    stretch.entries += to - from;
    done_(to - from);
    stretch.finished = to == end;
  }
  if (stretch.finished) rows.Finish(last);
  stretch.findings.Merge(std::move(rows.findings));
  stretch.tiles = rows.tiles;
  stretch.unproven = rows.unproven;
  if (!rows.tops.empty()) stretch.top = rows.tops.front();
  for (size_t level = 0; level < stretch.edges.size(); ++level) stretch.edges[level] = std::move(rows.edges[level]);
  chains_expected_ = std::max(chains_expected_, stretch.chains.size());
  return stretch;
}

void StretchVerifier::Expect(uint64_t first) {
  if (first >= size_ || first % kStretchEntries == 0) return;  // Another stretch's begins by itself.
  const auto width = static_cast<uint32_t>(std::min(ledger::kTileWidth, size_ - first));
  files_.Expect(ledger::EntriesPath(first / ledger::kTileWidth, width));
  files_.Expect(ledger::TilePath({0, first / ledger::kTileWidth, width}));
}

bool StretchVerifier::ReadBundle(uint64_t first, Stretch& stretch) {
  const auto width = static_cast<uint32_t>(std::min(ledger::kTileWidth, size_ - first));
  const std::string path = ledger::EntriesPath(first / ledger::kTileWidth, width);
  const auto wrong = [&](auto what) {
    stretch.findings.Add({std::max(first, stretch.begin), kRankForm}, Check::kBundles, [&] { return Text(path, what()); });
    return false;
  };
  if (const absl::Status read = files_.ReadInto(path, kBundleBytesMax, bundle_); !read.ok()) {
    return wrong([&] { return "cannot be read: " + std::string(FromAbsl(read.message())); });
  }
  if (!ledger::ParseBundleInto(bundle_, width, entries_)) {
    return wrong([&] {
      return fmt::format("is not {} entries with their lengths: cut off, or something was added", width);
    });
  }
  return true;
}

void StretchVerifier::CheckEntry(uint64_t index, std::string_view bytes, Stretch& stretch) {
  if (const absl::Status form = ledger::ParseLeafInto(bytes, leaf_); !form.ok()) {
    stretch.findings.Add({index, kRankForm}, Check::kLeaves,
                         [&] { return Text(StretchEntry(index), std::string(FromAbsl(form.message()))); });
    return;
  }
  if (leaf_.origin != origin_) {
    stretch.findings.Add({index, kRankForm}, Check::kLeaves,
                         [&] { return Text(StretchEntry(index), fmt::format("is of the log {}", leaf_.origin)); });
  }
  if (!stretch.first_timed.has_value()) {
    stretch.first_timed = index;
    stretch.first_time_ms = leaf_.time_ms;
  } else if (leaf_.time_ms < stretch.last_time_ms) {
    stretch.findings.Add({index, kRankTime}, Check::kTime, [&] {
      return Text(StretchEntry(index), fmt::format("is {} ms before the entry before it", stretch.last_time_ms - leaf_.time_ms));
    });
  }
  stretch.last_time_ms = leaf_.time_ms;
  for (uint32_t i = 0; i < leaf_.chain_count; ++i) CheckChain(index, i, leaf_.chain[i], stretch);
}

void StretchVerifier::CheckChain(uint64_t index, uint32_t number, const ledger::LeafView::ChainView& chain,
                                 Stretch& stretch) {
  Pseudonym pseudonym;
  std::memcpy(pseudonym.data(), chain.pseudonym.data(), pseudonym.size());
  const auto [at, is_new] = pieces_.try_emplace(pseudonym, static_cast<uint32_t>(stretch.chains.size()));
  if (is_new) {
    stretch.chains.push_back({pseudonym, chain.sequence, chain.previous_index, index, chain.sequence, index, number});
    return;
  }
  ChainPiece& piece = stretch.chains[at->second];
  CheckLink(index, number, chain.pseudonym, chain.sequence, chain.previous_index,
            {piece.last_sequence + 1, piece.last_index}, stretch.findings);
  piece.last_sequence = chain.sequence;
  piece.last_index = index;
}

}  // namespace accord::verify

#include "services/broker/trails/postings.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

absl::Status PostingCorrupt() { return Error(Reason::kStoreCorrupt, "a row of an index of entries is of no known form"); }

// The first sequence of a chain of `length` whose entry is at or after `index`.
absl::StatusOr<uint64_t> SequenceAt(const ReadView& view, const std::string& chain, uint64_t length, uint64_t index) {
  uint64_t low = 0, high = length;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    ACCORD_ASSIGN_OR_RETURN(const uint64_t at, IndexInChain(view, chain, middle));
    if (at < index) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// The rows of one posting within `range`: family and keys.
struct Rows {
  std::string_view family;
  storage::Range keys;
};
absl::StatusOr<Rows> RowsOf(const ReadView& view, const Posting& posting, IndexRange range) {
  if (posting.where == Posting::Where::kIndex) {
    return Rows{kFamilyTrailIndex, {.lower = TrailIndexKey(posting.key, range.from), .upper = TrailIndexKey(posting.key, range.until)}};
  }
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Get(kFamilyChain, posting.key));
  storage::v1::StoredChain chain;
  if (bytes.has_value() && !chain.ParseFromString(*bytes)) return PostingCorrupt();
  ACCORD_ASSIGN_OR_RETURN(const uint64_t first, SequenceAt(view, posting.key, chain.next_sequence(), range.from));
  ACCORD_ASSIGN_OR_RETURN(const uint64_t end, SequenceAt(view, posting.key, chain.next_sequence(), range.until));
  return Rows{kFamilyChainEntry, {.lower = ChainEntryKey(posting.key, first), .upper = ChainEntryKey(posting.key, end)}};
}

// Calls `visit` with each index of the posting until it returns false.
absl::Status VisitPosting(const ReadView& view, const Posting& posting, IndexRange range, bool newest_first,
                          const std::function<bool(uint64_t index)>& visit) {
  ACCORD_ASSIGN_OR_RETURN(Rows rows, RowsOf(view, posting, range));
  rows.keys.descending = newest_first;
  if (rows.keys.lower >= rows.keys.upper) return absl::OkStatus();
  bool corrupt = false;
  ACCORD_RETURN_IF_ERROR(view.Scan(rows.family, rows.keys, [&](std::string_view key, std::string_view value) {
    const bool of_chain = posting.where == Posting::Where::kChain;
    const auto index = of_chain ? U64FromKey(value) : U64FromKey(key.substr(key.size() - sizeof(uint64_t)));
    corrupt = !index.has_value();
    return !corrupt && visit(*index);
  }));
  return corrupt ? PostingCorrupt() : absl::OkStatus();
}

}  // namespace

absl::StatusOr<uint64_t> IndexInChain(const ReadView& view, const std::string& chain, uint64_t sequence) {
  ACCORD_ASSIGN_OR_RETURN(const auto value, view.Get(kFamilyChainEntry, ChainEntryKey(chain, sequence)));
  const auto index = value.has_value() ? U64FromKey(*value) : std::nullopt;
  if (!index.has_value()) return Error(Reason::kStoreCorrupt, "an entry of a chain is not there");
  return *index;
}

absl::StatusOr<NextIndices> ReadPostings(const ReadView& view, std::span<const Posting> postings, IndexRange range, bool newest_first) {
  NextIndices next;
  if (range.empty()) return next;
  // A posting that has more is complete only as far as it was read, and so is what is made of all.
  std::optional<uint64_t> complete_to;
  for (const Posting& posting : postings) {
    size_t count = 0;
    uint64_t last = 0;
    ACCORD_RETURN_IF_ERROR(VisitPosting(view, posting, range, newest_first, [&](uint64_t index) {
      next.indices.push_back(last = index);
      return ++count < kPostingsAtOnce;
    }));
    if (count < kPostingsAtOnce) continue;
    if (!complete_to.has_value() || (newest_first ? last > *complete_to : last < *complete_to)) complete_to = last;
  }
  std::sort(next.indices.begin(), next.indices.end());
  if (newest_first) std::reverse(next.indices.begin(), next.indices.end());
  next.indices.erase(std::unique(next.indices.begin(), next.indices.end()), next.indices.end());
  if (complete_to.has_value()) {
    std::erase_if(next.indices, [&](uint64_t index) { return newest_first ? index < *complete_to : index > *complete_to; });
    next.rest = newest_first ? IndexRange{range.from, *complete_to} : IndexRange{*complete_to + 1, range.until};
  }
  return next;
}

absl::StatusOr<uint64_t> CountPostings(const ReadView& view, std::span<const Posting> postings, IndexRange range, uint64_t most) {
  uint64_t count = 0;
  if (range.empty()) return count;
  for (const Posting& posting : postings) {
    if (count >= most) break;
    ACCORD_RETURN_IF_ERROR(VisitPosting(view, posting, range, false, [&](uint64_t) { return ++count < most; }));
  }
  return count;
}

}  // namespace accord::broker

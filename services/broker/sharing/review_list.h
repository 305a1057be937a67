// Reading gaps and breaches in the order of what is longest due: what SharingService lists.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/storage/store.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/sharing/reviews.h"

namespace accord::broker {

inline constexpr size_t kReviewsScannedMax = 2'000;   // Rows looked at for one page.
inline constexpr size_t kReviewsCountedMax = 20'000;  // Rows looked at for the counts by worker, the longest due first.

// One row.
template <typename Row>
struct ListedReview {
  std::string header_digest;
  Row row;
};

// A page of them.
template <typename Row>
struct ReviewPage {
  std::vector<ListedReview<Row>> rows;
  std::string next;  // Where the next page begins after; empty on the last.
};

// Which: gaps or breaches, as `viewer` (families.h) may see them, the closed ones too or not, after the position `after`.
struct ReviewQuery {
  ReviewKind what = ReviewKind::kGap;
  std::string_view family;
  std::string viewer;
  bool with_closed = false;
  std::string after;  // Of a page before; empty: from the first.
};

// Reads up to `rows_max` rows that `keep` keeps, looking at `scanned_max` at most. There is a next page only if one more is kept, which
// `keep` is asked of too: what it does not keep shows in no page, unless more than `scanned_max` lie together. An erased one is passed
// over. Errors of `view` and of `keep`. Thread-safe.
template <typename Row>
absl::StatusOr<ReviewPage<Row>> ReadReviews(const ReadView& view, const ReviewQuery& query, size_t rows_max, size_t scanned_max,
                                            absl::FunctionRef<absl::StatusOr<bool>(std::string_view header_digest, const Row&)> keep) {
  const std::string prefix = ReviewPrefix(query.what, query.viewer);
  accord::storage::Range range = accord::storage::Prefix(prefix);
  if (!query.with_closed) range.upper = prefix + '\x02';
  if (!query.after.empty()) range.lower = prefix + query.after + '\0';
  std::vector<std::string> positions;  // One more than may be looked at tells of a next page.
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyReview, range, [&](std::string_view key, std::string_view) {
    positions.emplace_back(key.substr(prefix.size()));
    return positions.size() <= scanned_max;
  }));
  ReviewPage<Row> page;
  std::string last;  // Of what is given.
  for (size_t i = 0; i < positions.size(); ++i) {
    if (i == scanned_max) {
      page.next = positions[i - 1];
      break;
    }
    const std::string digest = positions[i].substr(positions[i].size() - crypto::kDigestBytes);
    ACCORD_ASSIGN_OR_RETURN(auto row, (LoadReview<Row>(view, query.family, digest)));
    if (!row.has_value()) continue;
    ACCORD_ASSIGN_OR_RETURN(const bool kept, keep(digest, *row));
    if (!kept) continue;
    if (page.rows.size() == rows_max) {
      page.next = last;
      break;
    }
    page.rows.push_back({digest, *std::move(row)});
    last = positions[i];
  }
  return page;
}

// True when `caller` may know of a referral that it did not send: something of it was released to its desk. Errors of `view`.
// Thread-safe.
absl::StatusOr<bool> WasReleasedTo(const ReadView& view, std::string_view header_digest, const Caller& caller);

}  // namespace accord::broker

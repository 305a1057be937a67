// Pages of an answer that is a table, computed anew for each page over the log as it was when it was asked: what named questions and audits
// share. The query is an entry before its first row; its pages may be turned for kTrailQueryLife. All functions are thread-safe.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accord/inspection/v1/table.pb.h"
#include "accord/type/v1/entry.pb.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

// Where a page begins: the entry of the query, and the row.
struct TablePosition {
  uint64_t query_index = 0, row = 0;
};

// SHA-256 of a request without its page size and token: what its entry names it by.
template <typename Request>
std::string DigestWithoutPage(Request request) {
  request.clear_page_size();
  request.clear_page_token();
  return crypto::Sha256(request.SerializeAsString());
}

// Nothing for the first page. PAGE_TOKEN_INVALID.
absl::StatusOr<std::optional<TablePosition>> ReadTablePosition(std::string_view token, std::string_view page_query);

// When it was asked, in milliseconds. PAGE_TOKEN_INVALID unless the entry at `query_index` is of `type`, of this caller and of the request with
// `digest`, and no older than kTrailQueryLife at `now`.
absl::StatusOr<int64_t> QueryAskedAtMs(const ReadView& view, const Caller& caller, type::v1::EventType type, std::string_view digest, uint64_t query_index,
                                       absl::Time now);

// Puts at most `page_size` rows of `whole` from `from` on into `table`, with all else that `whole` says, and returns the next page's token; empty
// on the last page.
std::string FillTablePage(inspection::v1::Table whole, TablePosition from, int page_size, std::string_view page_query, inspection::v1::Table& table);

}  // namespace accord::broker

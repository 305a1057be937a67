// Pages of an answer that is a table, over the log as it was when it was asked: what named questions and audits share. The query is an entry
// before its first row; its pages may be turned for kTrailQueryLife. All functions are thread-safe.
//
// A whole answer is kept in memory until its last page was had, so that it is computed once. One that is kept no more is computed anew.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "accord/inspection/v1/table.pb.h"
#include "accord/inspection/v1/warrant_service.pb.h"
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

inline constexpr size_t kTablesKeptMax = 16;                 // Whole answers.
inline constexpr size_t kTableBytesKeptMax = 64u << 20;      // Of all of them, as they lie in memory.

// What a whole answer rests on beside the log as it was: while all of this is the same it need not be computed anew.
struct TableGround {
  std::string page_query;            // Who asked what.
  uint64_t query_index = 0;
  type::v1::Desk desk = type::v1::DESK_UNSPECIFIED;  // By whose certificate a page is asked for.
  std::string warrant;               // As it stands; empty: none.
  uint64_t directory_epoch = 0;
  std::string newest_erasure;        // What was erased since is not told, whoever knew of it before.
  bool operator==(const TableGround&) const = default;
};
// Errors of the view.
absl::StatusOr<TableGround> TableGroundOf(const ReadView& view, const Caller& caller, std::string page_query, uint64_t query_index, const inspection::v1::Warrant& warrant,
                                          uint64_t directory_epoch);

// A whole answer: all but its rows, and these.
struct WholeTable {
  explicit WholeTable(inspection::v1::Table table) {
    rows.Swap(table.mutable_rows());
    head = std::move(table);
  }
  inspection::v1::Table head;
  google::protobuf::RepeatedPtrField<inspection::v1::Row> rows;
};

// Whole answers of which some pages were not had yet. Thread-safe.
class WholeTables {
 public:
  // Null when it is not kept, or the ground has shifted.
  std::shared_ptr<const WholeTable> Find(const TableGround& ground) const;
  // Those kept longest go when there are too many, or one that alone is too large at once.
  void Keep(TableGround ground, std::shared_ptr<const WholeTable> table);
  void Drop(const TableGround& ground);

 private:
  struct Kept {
    TableGround ground;
    std::shared_ptr<const WholeTable> table;
    size_t bytes = 0;
  };
  void DropLocked(const TableGround& ground) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  std::deque<Kept> kept_ ABSL_GUARDED_BY(mu_);  // The one kept longest first.
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

// The page of at most `page_size` rows that begins at `row` of the answer on `ground`, as TurnTablePage: of the whole that is kept, or, for the first
// page or when none is, of the one that `compute` makes. Errors of `compute`.
absl::StatusOr<std::string> AnswerTablePage(WholeTables& tables, const TableGround& ground, uint64_t row, int page_size,
                                            absl::FunctionRef<absl::StatusOr<inspection::v1::Table>()> compute, inspection::v1::Table& table);

// Puts at most `page_size` rows of `whole` from `row` on into `table`, with all else that it says, and returns the next page's token; empty on the
// last page. The whole is kept while there is another page, and dropped with the last.
std::string TurnTablePage(WholeTables& tables, const TableGround& ground, const std::shared_ptr<const WholeTable>& whole, uint64_t row, int page_size,
                          inspection::v1::Table& table);

}  // namespace accord::broker

#include "services/broker/api/table_pages.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/api/paging.h"
#include "services/broker/directory/families.h"
#include "services/broker/trails/receipts.h"
#include "services/broker/trails/trail.h"

namespace accord::broker {

absl::StatusOr<std::optional<TablePosition>> ReadTablePosition(std::string_view token, std::string_view page_query) {
  ACCORD_ASSIGN_OR_RETURN(const auto position, ReadPageToken(token, page_query));
  if (!position.has_value()) return std::nullopt;
  ByteReader reader(*position);
  TablePosition from;
  if (!reader.U64(from.query_index) || !reader.U64(from.row) || !reader.AtEnd()) return PageTokenInvalid();
  return from;
}

absl::StatusOr<int64_t> QueryAskedAtMs(const ReadView& view, const Caller& caller, type::v1::EventType type, std::string_view digest, uint64_t query_index,
                                       absl::Time now) {
  const auto entry = ReadEntry(view, query_index);
  if (HasReason(entry.status(), Reason::kEntryNotFound)) return PageTokenInvalid();
  ACCORD_RETURN_IF_ERROR(entry);
  const auto at_ms = static_cast<int64_t>(entry->parsed.time_ms);
  if (!IsOpenQuery(entry->parts, at_ms, type, digest, caller, now)) return PageTokenInvalid();
  return at_ms;
}

absl::StatusOr<TableGround> TableGroundOf(const ReadView& view, const Caller& caller, std::string page_query, uint64_t query_index, const inspection::v1::Warrant& warrant,
                                          uint64_t directory_epoch) {
  TableGround ground{.page_query = std::move(page_query),
                     .query_index = query_index,
                     .desk = caller.desk,
                     .warrant = warrant.SerializeAsString(),
                     .directory_epoch = directory_epoch,
                     .newest_erasure = {}};
  storage::Range erasures{.lower = ErasureKey(0), .upper = ErasureKey(std::numeric_limits<uint64_t>::max())};
  erasures.descending = true;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyErasure, erasures, [&](std::string_view key, std::string_view) {
    ground.newest_erasure = key;
    return false;
  }));
  return ground;
}

std::shared_ptr<const WholeTable> WholeTables::Find(const TableGround& ground) const {
  absl::MutexLock lock(&mu_);
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& one) { return one.ground == ground; });
  return found == kept_.end() ? nullptr : found->table;
}

void WholeTables::Keep(TableGround ground, std::shared_ptr<const WholeTable> table) {
  const size_t bytes = table->head.SpaceUsedLong() + table->rows.SpaceUsedExcludingSelfLong();
  absl::MutexLock lock(&mu_);
  DropLocked(ground);
  bytes_ += bytes;
  kept_.push_back({std::move(ground), std::move(table), bytes});
  while (!kept_.empty() && (kept_.size() > kTablesKeptMax || bytes_ > kTableBytesKeptMax)) {
    bytes_ -= kept_.front().bytes;
    kept_.pop_front();
  }
}

void WholeTables::Drop(const TableGround& ground) {
  absl::MutexLock lock(&mu_);
  DropLocked(ground);
}

void WholeTables::DropLocked(const TableGround& ground) {
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& one) { return one.ground == ground; });
  if (found == kept_.end()) return;
  bytes_ -= found->bytes;
  kept_.erase(found);
}

absl::StatusOr<std::string> AnswerTablePage(WholeTables& tables, const TableGround& ground, uint64_t row, int page_size,
                                            absl::FunctionRef<absl::StatusOr<inspection::v1::Table>()> compute, inspection::v1::Table& table) {
  std::shared_ptr<const WholeTable> whole = row == 0 ? nullptr : tables.Find(ground);
  if (whole == nullptr) {
    ACCORD_ASSIGN_OR_RETURN(inspection::v1::Table computed, compute());
    whole = std::make_shared<const WholeTable>(std::move(computed));
  }
  return TurnTablePage(tables, ground, whole, row, page_size, table);
}

std::string TurnTablePage(WholeTables& tables, const TableGround& ground, const std::shared_ptr<const WholeTable>& whole, uint64_t row, int page_size,
                          inspection::v1::Table& table) {
  table = whole->head;
  table.set_query_index(ground.query_index);
  const auto end = static_cast<uint64_t>(whole->rows.size());
  size_t bytes = table.ByteSizeLong();
  for (; row < end && table.rows_size() < page_size && bytes < kPageBytesMax; ++row) {
    const inspection::v1::Row& next = whole->rows[static_cast<int>(row)];
    bytes += next.ByteSizeLong();
    *table.add_rows() = next;
  }
  if (row >= end) {
    tables.Drop(ground);
    return {};
  }
  if (tables.Find(ground) == nullptr) tables.Keep(ground, whole);
  return MakePageToken(ground.page_query, ByteWriter().U64(ground.query_index).U64(row).bytes());
}

}  // namespace accord::broker

#include "services/broker/api/table_pages.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/api/paging.h"
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
  const std::vector<type::v1::Opening> openings(entry->openings.openings().begin(), entry->openings.openings().end());
  ACCORD_ASSIGN_OR_RETURN(const EntryParts parts, ReadParts(openings));
  const bool own = parts.event.has_value() && parts.event->type() == type && parts.event->query_digest() == digest && parts.actor.has_value() &&
                   parts.actor->principal() == caller.principal;
  const auto at_ms = static_cast<int64_t>(entry->parsed.time_ms);
  if (!own || absl::FromUnixMillis(at_ms) + kTrailQueryLife < now) return PageTokenInvalid();
  return at_ms;
}

std::string FillTablePage(inspection::v1::Table whole, TablePosition from, int page_size, std::string_view page_query, inspection::v1::Table& table) {
  whole.set_query_index(from.query_index);
  table = whole;
  table.clear_rows();
  size_t bytes = table.ByteSizeLong();
  auto row = static_cast<int>(std::min<uint64_t>(from.row, static_cast<uint64_t>(whole.rows_size())));
  for (; row < whole.rows_size() && table.rows_size() < page_size && bytes < kPageBytesMax; ++row) {
    bytes += whole.rows(row).ByteSizeLong();
    *table.add_rows() = std::move(*whole.mutable_rows(row));
  }
  if (row == whole.rows_size()) return {};
  return MakePageToken(page_query, ByteWriter().U64(from.query_index).U64(static_cast<uint64_t>(row)).bytes());
}

}  // namespace accord::broker

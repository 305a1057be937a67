#include "common/records/csv_text.h"

#include <csv.h>

#include <algorithm>

#include "common/records/limits.h"

namespace accord::records {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t kCellGrowsBy = 64 << 10;  // Bytes. libcsv's own 128 copy a cell of 1 MiB 8,192 times.

// libcsv's parser with its own memory.
class Parser {
 public:
  Parser() : made_(csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI) == 0) {
    if (made_) csv_set_blk_size(&parser_, kCellGrowsBy);
  }
  ~Parser() {
    if (made_) csv_free(&parser_);
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  bool made() const { return made_; }
  csv_parser* get() { return &parser_; }

 private:
  csv_parser parser_;
  const bool made_;
};

struct Reading {
  absl::FunctionRef<absl::Status(uint64_t, std::vector<std::string>&)> row;
  uint64_t line = 0;        // That is being fed.
  uint64_t begun_line = 0;  // Where the row begins that is being read; 0: none is.
  std::vector<std::string> cells;
  absl::Status status;
};

void OnCell(void* bytes, size_t size, void* data) {
  Reading& reading = *static_cast<Reading*>(data);
  // One more than may be is kept, so that the row is seen to be too wide.
  if (reading.cells.size() <= kColumnsMax) reading.cells.emplace_back(static_cast<const char*>(bytes), bytes == nullptr ? 0 : size);
}

void OnRow(int, void* data) {
  Reading& reading = *static_cast<Reading*>(data);
  const uint64_t line = reading.begun_line == 0 ? reading.line : reading.begun_line;
  if (reading.status.ok()) reading.status = reading.row(line, reading.cells);
  reading.cells.clear();
  reading.begun_line = 0;
}

bool IsBlank(std::string_view line) { return line.find_first_not_of(" \t\r\n") == std::string_view::npos; }

}  // namespace

std::string_view WithoutByteOrderMark(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

absl::Status ForEachCsvRow(std::string_view text, absl::FunctionRef<absl::Status(uint64_t line, std::vector<std::string>& cells)> row) {
  Parser parser;
  if (!parser.made()) return absl::InternalError("libcsv has no memory");
  Reading reading{row, 0, 0, {}, {}};
  const auto badly_quoted = [&] {
    return Wrong(Reason::kFieldInvalid, reading.begun_line == 0 ? reading.line : reading.begun_line, "",
                 "a quote stands where none may, or is not closed: text with a quote, comma or line end is put in quotes, its quotes doubled");
  };
  // Line by line, so that a row is known by its place in the file.
  for (size_t at = 0; at < text.size() && reading.status.ok();) {
    const size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string_view line = text.substr(at, end - at);
    at = end;
    ++reading.line;
    if (reading.begun_line == 0) {
      if (IsBlank(line)) continue;
      reading.begun_line = reading.line;
    }
    if (csv_parse(parser.get(), line.data(), line.size(), OnCell, OnRow, &reading) != line.size()) return badly_quoted();
  }
  ACCORD_RETURN_IF_ERROR(reading.status);
  if (csv_fini(parser.get(), OnCell, OnRow, &reading) != 0) return badly_quoted();
  return reading.status;
}

}  // namespace accord::records

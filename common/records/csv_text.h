// CSV by RFC 4180: commas, quotes, quoted line ends. The one home of libcsv. Pure. Thread-safe.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace accord::records {

// The text of a file of any kind, without the byte order mark that spreadsheets put before UTF-8.
std::string_view WithoutByteOrderMark(std::string_view text);

// Calls `row` with each row that is not blank, and the line of the file where it begins, from 1; of what is not in quotes blanks around it are
// left out. Lines end in LF, CRLF or CR. The first error of `row` ends it and is returned; before it, FIELD_INVALID with the line where a
// quote stands inside what is not quoted, or is not closed. What of rows was visited by then is as it is.
absl::Status ForEachCsvRow(std::string_view text, absl::FunctionRef<absl::Status(uint64_t line, std::vector<std::string>& cells)> row);

}  // namespace accord::records

// How large what is read from files may be, and the one form of what is wrong in one.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/status.h"

namespace accord::records {

inline constexpr size_t kFileBytesMax = 32u << 20;
inline constexpr size_t kRecordsMax = 10'000;          // Of one file.
inline constexpr size_t kRecordBytesMax = 2u << 20;    // Of one record, as the request that it becomes.
inline constexpr size_t kColumnsMax = 512;             // Of a CSV file.
inline constexpr size_t kListItemsMax = 256;           // Of one list of a record.
inline constexpr size_t kDepthMax = 32;                // Of JSON: objects and arrays inside each other.
inline constexpr uint64_t kRecordVersionMax = 999'999;

// An error of `reason` with its place in metadata `line` and `field`, either left out when it is not known (0, empty). `words` go on where the
// place ends, such as "is no number". Neither they nor the field ever say what stands in the file: it is about people.
absl::Status Wrong(Reason reason, uint64_t line, std::string_view field, std::string_view words);

// `status` with a line, unless it has one.
absl::Status AtLine(const absl::Status& status, uint64_t line);

// What Wrong put there; 0 and empty when it is not known.
uint64_t LineOf(const absl::Status& status);
std::string FieldOf(const absl::Status& status);

}  // namespace accord::records

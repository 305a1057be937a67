// The record of docs/formats.md §7 piece by piece, for those on the way of every commit, who need no copy of
// its values. Everyone else uses EncodeRecord and DecodeRecord of batch.h. All functions are thread-safe.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "common/storage/batch.h"

namespace accord::storage {

// The bytes that AppendOp adds.
size_t OpBytes(std::string_view family, std::string_view key, std::string_view value);
// Bytes of a record before its first operation.
inline constexpr size_t kRecordHeaderBytes = 4 + 3 * sizeof(uint64_t) + sizeof(uint32_t);

// A record is its header, then `count` operations. REQUIRES of an operation: as Batch's; a delete has no value.
void AppendRecordHeader(std::string& record, uint64_t term, uint64_t sequence, uint64_t time_ms, uint32_t count);
void AppendOp(std::string& record, Batch::Kind kind, std::string_view family, std::string_view key, std::string_view value);

// Calls `visit` with each operation in its order; the views point into `bytes`. Strict as DecodeRecord, whose errors it
// has; operations before the malformed one have been visited by then.
absl::Status VisitRecord(std::string_view bytes,
                         absl::FunctionRef<void(Batch::Kind kind, std::string_view family, std::string_view key,
                                                std::string_view value)> visit);

}  // namespace accord::storage

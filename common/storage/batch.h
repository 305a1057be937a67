// What one commit writes, and its one canonical form (docs/formats.md §7).
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace accord::storage {

inline constexpr size_t kRecordBytesMax = 64u << 20;

// Puts and deletes, carried out in the order they were added: a later one of the
// same key wins. Families and keys are not empty; a family's name is at most 255
// bytes. Thread-compatible.
class Batch {
 public:
  enum class Kind : uint8_t { kPut = 1, kDelete = 2 };  // Persisted. Do not renumber.
  struct Op {
    Kind kind = Kind::kPut;
    std::string family;
    std::string key;
    std::string value;  // Empty for a delete.
    bool operator==(const Op&) const = default;
  };

  void Put(std::string_view family, std::string_view key, std::string_view value);
  void Delete(std::string_view family, std::string_view key);
  // Removes the last operation and returns it. REQUIRES: not empty.
  Op TakeLast();

  const std::vector<Op>& ops() const { return ops_; }
  bool empty() const { return ops_.empty(); }
  // Bytes of keys and values so far: what closes a batch.
  size_t bytes() const { return bytes_; }
  bool operator==(const Batch& other) const { return ops_ == other.ops_; }

 private:
  std::vector<Op> ops_;
  size_t bytes_ = 0;
};

// A batch with its place in the log.
struct Record {
  uint64_t term = 0;
  uint64_t sequence = 0;  // From 1, without gaps.
  uint64_t time_ms = 0;
  Batch batch;
  bool operator==(const Record&) const = default;
};

// The canonical bytes of a record; its SHA-256 is the batch digest.
std::string EncodeRecord(uint64_t term, uint64_t sequence, uint64_t time_ms, const Batch& batch);

// Strict: DATA_LOSS (kStoreCorrupt) unless encoding the result gives `bytes` again.
absl::StatusOr<Record> DecodeRecord(std::string_view bytes);

}  // namespace accord::storage

// The key slots that erasures destroyed, in a file of its own outside the store and outside its backups: what makes a restored
// key-slot file forget again what was erased after it was copied (docs/formats.md §13, runbooks/erasure.md).
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "common/base/file.h"

namespace accord::broker {

// One destroyed slot.
struct ListedErasure {
  uint64_t slot = 0;
  uint64_t index = 0;   // Leaf index of the ERASED entry.
  int64_t time_ms = 0;  // When that was recorded.
  bool operator==(const ListedErasure&) const = default;
};

// The persisted form of one record, 32 bytes, and back; false when torn or altered.
inline constexpr size_t kListedErasureBytes = 32;
std::string EncodeListedErasure(const ListedErasure& listed);
bool DecodeListedErasure(std::string_view bytes, ListedErasure& listed);

// Append-only; a record lies within one sector, so a power cut tears at most the last. Thread-compatible.
class ErasureList {
 public:
  // Makes an empty list. FAILED_PRECONDITION when one is there: it is never begun anew by a program. OK: durable.
  static absl::Status Create(const std::string& path);

  // Reads all of it.
  //   NOT_FOUND                        absent
  //   UNAVAILABLE (kStoreUnavailable)  unreadable
  //   DATA_LOSS (kStoreCorrupt)        not such a list, or a record before the last is damaged
  static absl::StatusOr<std::unique_ptr<ErasureList>> Open(const std::string& path);

  // In the order of their listing.
  const std::vector<ListedErasure>& records() const { return records_; }
  std::vector<uint64_t> slots() const;
  bool Contains(uint64_t slot) const { return known_.contains(slot); }

  // OK: the slot is listed, and that survives power loss. Idempotent. Blocks on fdatasync. UNAVAILABLE: redo it.
  absl::Status Add(const ListedErasure& listed);

 private:
  explicit ErasureList(std::unique_ptr<PositionedFile> file) : file_(std::move(file)) {}

  const std::unique_ptr<PositionedFile> file_;
  std::vector<ListedErasure> records_;
  std::unordered_set<uint64_t> known_;
};

}  // namespace accord::broker

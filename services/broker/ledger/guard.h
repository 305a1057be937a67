// How far the log had got, kept outside the store: what stops a restored older copy
// from being signed as if it were the log (docs/formats.md §9).
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/file.h"

namespace accord::broker {

// A tree that was about to be signed.
struct GuardMark {
  uint64_t size = 0;
  std::string root;  // 32 bytes.
  bool operator==(const GuardMark&) const = default;
};

// The persisted form of one slot, 512 bytes, and back; nothing when torn or altered.
inline constexpr size_t kGuardSlotBytes = 512;
std::string EncodeGuardSlot(uint64_t generation, const GuardMark& mark);
bool DecodeGuardSlot(std::string_view slot, uint64_t& generation, GuardMark& mark);

// Two slots written in turn, so that a torn write leaves the mark before. Holds a lock
// beside the file: two brokers over two copies of one store cannot both run.
//
// Single-thread: owned by the sequencer.
class Guard {
 public:
  // Makes the file for a new log, at `mark`. FAILED_PRECONDITION when it is there: a guard is
  // never reset by a program (runbooks/ledger.md). OK: durable.
  static absl::Status Create(const std::string& path, const GuardMark& mark);

  //   UNAVAILABLE (kStoreUnavailable)  absent, unreadable, or another process holds it
  //   DATA_LOSS (kStoreCorrupt)        neither slot is whole
  static absl::StatusOr<std::unique_ptr<Guard>> Open(const std::string& path);

  // The mark that counts.
  const GuardMark& Read() const { return mark_; }

  // Moves the mark; the caller may sign that tree once this is OK. Blocks on fdatasync.
  //   DATA_LOSS    a smaller size, or another root at the same size: never written
  //   UNAVAILABLE  the disk failed; refuses from now on, open anew
  absl::Status Advance(uint64_t size, std::string_view root);

 private:
  Guard(std::unique_ptr<PositionedFile> file, std::unique_ptr<FileLock> lock)
      : file_(std::move(file)), lock_(std::move(lock)) {}

  const std::unique_ptr<PositionedFile> file_;
  const std::unique_ptr<FileLock> lock_;
  GuardMark mark_;
  uint64_t generation_ = 0;
  bool failed_ = false;
};

}  // namespace accord::broker

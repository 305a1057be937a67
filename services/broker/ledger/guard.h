// How far the log had got, kept outside the store: what stops a restored older copy
// from being signed as if it were the log (docs/formats.md §9).
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/file.h"

namespace accord::broker {

// How far the log had got: a tree that was about to be signed, and the batch that made it.
struct GuardMark {
  uint64_t size = 0;
  std::string root;       // 32 bytes.
  uint64_t sequence = 0;  // Of the newest batch that was read back; 0 in a mark of version 1, which has none.
  bool operator==(const GuardMark&) const = default;
};

// One slot. Version 2 is written; version 1, which has neither epoch nor sequence, is read.
inline constexpr size_t kGuardSlotBytes = 512;
struct GuardSlot {
  uint64_t generation = 0;
  uint64_t epoch = 0;
  GuardMark mark;
  bool operator==(const GuardSlot&) const = default;
};
std::string EncodeGuardSlot(const GuardSlot& slot);
// Nothing when torn, altered or of a version this program does not know.
std::optional<GuardSlot> DecodeGuardSlot(std::string_view bytes);

// Two slots written in turn, so that a torn write leaves the mark before. Two brokers over two copies of one store cannot
// both run: this object holds a lock beside the file and one on the file itself, whatever path leads to it. Where no lock
// reaches (a network file system, a guard copied back underneath a running broker) every write is a compare-and-swap: what
// is there must be what this object wrote.
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
  const GuardMark& Read() const { return newest_.mark; }

  // Counts the openings of the store for writing; the term of every batch that is written in this one.
  uint64_t epoch() const { return newest_.epoch; }

  // Moves the epoch on by one, and beyond `at_least` when that is more: a guard put back may be behind its store. Called
  // once, before the first batch. Errors as of Advance.
  absl::Status BeginEpoch(uint64_t at_least);

  // Moves the mark; the caller may sign that tree once this is OK. Blocks on fdatasync.
  //   DATA_LOSS    a smaller size or sequence, or another root at the same size: never written. Or the file is not as this
  //                object wrote it: another broker writes it, or it was put back; refuses from now on
  //   UNAVAILABLE  the disk failed; refuses from now on, open anew
  absl::Status Advance(const GuardMark& mark);

 private:
  Guard(std::unique_ptr<PositionedFile> file, std::unique_ptr<FileLock> lock, std::unique_ptr<FileLock> file_lock)
      : file_(std::move(file)), lock_(std::move(lock)), file_lock_(std::move(file_lock)) {}

  // Writes `next` over the older slot, if the file is as this object knows it.
  absl::Status Swap(GuardSlot next);

  const std::unique_ptr<PositionedFile> file_;
  const std::unique_ptr<FileLock> lock_, file_lock_;
  GuardSlot newest_;
  std::string bytes_;    // Of both slots, as last read or written.
  absl::Status failed_;  // What ended this object.
};

}  // namespace accord::broker

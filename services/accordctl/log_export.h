// Writes a copy of the log as a tlog-tiles directory: `vkey`, `checkpoint`, `tile/…`, `tile/entries/…`.
//
// Nothing that was not verified gets a place where anyone reads it: entries and tiles are staged below kStaging, the root
// of the entries is compared with the signed one, and only then are they renamed, the checkpoint last. What an
// interrupted run staged, and what an earlier run wrote, is used again, after it was hashed like everything else.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "common/ledger/note.h"

namespace accord::accordctl {

inline constexpr char kStaging[] = ".incoming/";

// The files of the copy, by path below its directory. Single-thread.
class ExportFiles {
 public:
  virtual ~ExportFiles() = default;
  // NOT_FOUND when absent; INVALID_ARGUMENT when over `bytes_max`.
  virtual absl::StatusOr<std::string> Read(const std::string& path, size_t bytes_max) = 0;
  // Replaces the file at once or not at all. `durable`: OK means that it survives a power cut.
  virtual absl::Status Write(const std::string& path, std::string_view bytes, bool durable) = 0;
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // A file, or a directory with all in it; absent is fine.
  virtual absl::Status Remove(const std::string& path) = 0;
};

// A directory of the file system, made when first written to; files are for everyone to read, as the leaves are.
class ExportDirectory final : public ExportFiles {
 public:
  explicit ExportDirectory(std::string directory) : directory_(std::move(directory)) {}
  absl::StatusOr<std::string> Read(const std::string& path, size_t bytes_max) override;
  absl::Status Write(const std::string& path, std::string_view bytes, bool durable) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;

 private:
  const std::string directory_;
};

// Gives the leaves [first, end) to `sink`, in order; ends with the sink's error when it has one.
using LeafSink = absl::FunctionRef<absl::Status(std::string_view leaf)>;
using LeafSource = absl::FunctionRef<absl::Status(uint64_t first, uint64_t end, LeafSink sink)>;

struct ExportSummary {
  std::string origin;
  uint64_t size = 0;
  uint64_t fetched = 0;        // Leaves that were not there yet.
  uint64_t files_written = 0;  // Bundles and tiles.
  uint64_t previous_size = 0;  // Of the checkpoint that was there before.
};

// Brings the copy to `checkpoint`, a note signed by `log`. Run again it fetches only what is new, and the whole of what
// does not hash to the signed root. It reads the whole log, holding one tile a level and the names of new files.
//   RECEIPT_INVALID      the note is not the log's, or the leaves do not give the root that it signs
//   LOG_FORKED           the copy has a checkpoint, signed by the log, that this one does not extend
//   FAILED_PRECONDITION  the directory has the copy of another log
// Errors of source and files. On every error the copy is what it was.
absl::StatusOr<ExportSummary> ExportLog(std::string_view checkpoint, const ledger::Vkey& log, LeafSource source,
                                        ExportFiles& files);

}  // namespace accord::accordctl

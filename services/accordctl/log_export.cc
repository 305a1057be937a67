#include "services/accordctl/log_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <vector>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/tile_builder.h"

namespace accord::accordctl {
namespace {

namespace fs = std::filesystem;

constexpr char kCheckpointFile[] = "checkpoint", kVkeyFile[] = "vkey";
constexpr size_t kVkeyBytesMax = 4096;
constexpr size_t kBundleBytesMax = ledger::kTileWidth * (2 + ledger::kBundleEntryBytesMax);
constexpr size_t kTileBytes = ledger::kTileWidth * sizeof(ledger::Hash);

class Export {
 public:
  Export(ledger::Checkpoint checkpoint, LeafSource source, ExportFiles& files)
      : checkpoint_(std::move(checkpoint)), source_(source), files_(files) {}

  // Stages what the copy lacks. `reuse`: take bundles that are there already.
  absl::Status Stage(bool reuse, std::optional<uint64_t> previous_size) {
    tiles_ = {};
    staged_.clear();
    bundle_.clear();
    previous_root_.reset();
    previous_size_ = previous_size;
    reused_ = 0;
    if (previous_size_ == 0) previous_root_ = ledger::EmptyRoot();
    while (reuse && tiles_.size() < checkpoint_.size) {
      const uint64_t before = tiles_.size();
      ACCORD_RETURN_IF_ERROR(TakeBundle());
      if (tiles_.size() == before) break;
    }
    reused_ = tiles_.size();
    if (reused_ < checkpoint_.size) {
      ACCORD_RETURN_IF_ERROR(source_(reused_, checkpoint_.size, [this](std::string_view leaf) { return Add(leaf); }));
      if (tiles_.size() != checkpoint_.size) {
        return Error(Reason::kReceiptInvalid,
                     fmt::format("the broker gave the entries up to {} of {}", tiles_.size(), checkpoint_.size));
      }
    }
    absl::Status status;
    tiles_.EmitPartial([&](const ledger::Tile& tile, std::string_view hashes) {
      if (status.ok()) status = StageFile(ledger::TilePath(tile), hashes, kTileBytes);
    });
    return status;
  }

  bool RootIsSigned() const { return tiles_.Root() == checkpoint_.root; }
  uint64_t reused() const { return reused_; }
  size_t staged() const { return staged_.size(); }
  // The root at the size that Stage was given.
  const std::optional<ledger::Hash>& previous_root() const { return previous_root_; }

  absl::Status Publish() {
    for (const std::string& path : staged_) ACCORD_RETURN_IF_ERROR(files_.Rename(kStaging + path, path));
    return files_.Remove(std::string(kStaging, sizeof kStaging - 2));
  }

 private:
  static uint32_t WidthAt(uint64_t first, uint64_t size) {
    return static_cast<uint32_t>(std::min(ledger::kTileWidth, size - first));
  }

  // Appends the next bundle if the copy or an earlier run has it; appends nothing otherwise.
  absl::Status TakeBundle() {
    const uint64_t first = tiles_.size();
    const uint32_t width = WidthAt(first, checkpoint_.size);
    const std::string path = ledger::EntriesPath(first / ledger::kTileWidth, width);
    for (const std::string& place : {path, kStaging + path}) {
      const auto bytes = files_.Read(place, kBundleBytesMax);
      const auto leaves = bytes.ok() ? ledger::ParseBundle(*bytes, width) : std::nullopt;
      if (!leaves.has_value()) continue;
      for (const std::string& leaf : *leaves) ACCORD_RETURN_IF_ERROR(Append(leaf));
      if (place != path) staged_.push_back(path);
      return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  // Takes a fetched leaf; stages its bundle with the last one of it.
  absl::Status Add(std::string_view leaf) {
    if (tiles_.size() == checkpoint_.size || leaf.size() > ledger::kBundleEntryBytesMax) {
      return Error(Reason::kReceiptInvalid, "the broker gave more entries, or a longer one, than the log can have");
    }
    bundle_.emplace_back(leaf);
    ACCORD_RETURN_IF_ERROR(Append(leaf));
    const uint64_t first = tiles_.size() - bundle_.size();
    const uint32_t width = WidthAt(first, checkpoint_.size);
    if (bundle_.size() < width) return absl::OkStatus();
    const std::string bytes = ledger::EncodeBundle(bundle_);
    bundle_.clear();
    return StageFile(ledger::EntriesPath(first / ledger::kTileWidth, width), bytes, kBundleBytesMax);
  }

  absl::Status Append(std::string_view leaf) {
    absl::Status status;
    tiles_.Append(ledger::LeafHash(leaf), [&](const ledger::Tile& tile, std::string_view hashes) {
      if (status.ok()) status = StageFile(ledger::TilePath(tile), hashes, kTileBytes);
    });
    if (previous_size_ == tiles_.size()) previous_root_ = tiles_.Root();
    return status;
  }

  absl::Status StageFile(const std::string& path, std::string_view bytes, size_t bytes_max) {
    if (const auto there = files_.Read(path, bytes_max); there.ok() && *there == bytes) return absl::OkStatus();
    staged_.push_back(path);
    return files_.Write(kStaging + path, bytes, /*durable=*/false);
  }

  const ledger::Checkpoint checkpoint_;
  const LeafSource source_;
  ExportFiles& files_;
  ledger::TileBuilder tiles_;
  std::vector<std::string> staged_;  // Paths.
  std::vector<std::string> bundle_;  // Fetched, not staged yet.
  std::optional<uint64_t> previous_size_;
  std::optional<ledger::Hash> previous_root_;
  uint64_t reused_ = 0;
};

// The partial files that a copy of `size` has.
std::vector<std::string> PartialFiles(uint64_t size) {
  std::vector<std::string> paths;
  for (int level = 0; level <= ledger::kTileLevelMax; ++level) {
    const uint64_t hashes = size >> (level * ledger::kTileHeight);
    const auto width = static_cast<uint32_t>(hashes % ledger::kTileWidth);
    if (width == 0) continue;
    paths.push_back(ledger::TilePath({level, hashes / ledger::kTileWidth, width}));
    if (level == 0) paths.push_back(ledger::EntriesPath(hashes / ledger::kTileWidth, width));
  }
  return paths;
}

// The checkpoint of the copy that is there; nothing when there is none.
absl::StatusOr<std::optional<ledger::Checkpoint>> PreviousCheckpoint(const ledger::Vkey& log, ExportFiles& files) {
  if (const auto vkey = files.Read(kVkeyFile, kVkeyBytesMax); vkey.ok() && *vkey != log.ToString() + "\n") {
    return absl::FailedPreconditionError("the directory has the copy of another log: its vkey is not the configured one");
  }
  const auto note = files.Read(kCheckpointFile, ledger::kNoteBytesMax);
  if (absl::IsNotFound(note.status())) return std::nullopt;
  ACCORD_RETURN_IF_ERROR(note);
  const auto verified = ledger::VerifyCheckpoint(*note, log);
  if (!verified.ok()) return absl::FailedPreconditionError("the directory has a checkpoint that the log's key did not sign");
  return verified->checkpoint;
}

absl::Status FromError(const std::string& path, const std::error_code& error) {
  return absl::InternalError(fmt::format("{}: {}", path, error.message()));
}

}  // namespace

absl::StatusOr<ExportSummary> ExportLog(std::string_view checkpoint, const ledger::Vkey& log, LeafSource source,
                                        ExportFiles& files) {
  ACCORD_ASSIGN_OR_RETURN(const ledger::VerifiedCheckpoint verified, ledger::VerifyCheckpoint(checkpoint, log));
  ACCORD_ASSIGN_OR_RETURN(const auto previous, PreviousCheckpoint(log, files));
  const ledger::Checkpoint& signed_now = verified.checkpoint;
  const auto forked = [&](std::string_view why) {
    return Error(Reason::kLogForked,
                 fmt::format("the copy holds a signed checkpoint of {} entries: {}", previous->size, why));
  };
  if (previous.has_value() && previous->size > signed_now.size) {
    return forked(fmt::format("the log's newest has {}", signed_now.size));
  }

  const auto previous_size = previous.has_value() ? std::optional(previous->size) : std::nullopt;
  Export pass(signed_now, source, files);
  ACCORD_RETURN_IF_ERROR(pass.Stage(/*reuse=*/true, previous_size));
  // What was there may have been damaged since: only leaves fresh from the broker can be held against it.
  if (!pass.RootIsSigned() && pass.reused() > 0) ACCORD_RETURN_IF_ERROR(pass.Stage(/*reuse=*/false, previous_size));
  if (!pass.RootIsSigned()) {
    ACCORD_RETURN_IF_ERROR(files.Remove(std::string(kStaging, sizeof kStaging - 2)));
    return Error(Reason::kReceiptInvalid, "the entries do not give the root that the checkpoint signs");
  }
  if (previous.has_value() && pass.previous_root() != previous->root) return forked("its root is not that of these entries");

  ACCORD_RETURN_IF_ERROR(pass.Publish());
  ACCORD_RETURN_IF_ERROR(files.Write(kVkeyFile, log.ToString() + "\n", /*durable=*/true));
  ACCORD_RETURN_IF_ERROR(files.Write(kCheckpointFile, checkpoint, /*durable=*/true));
  // Superseded partial files; a reader of the old checkpoint had them until now.
  const auto keep = PartialFiles(signed_now.size);
  for (const std::string& path : PartialFiles(previous_size.value_or(0))) {
    if (std::find(keep.begin(), keep.end(), path) == keep.end()) ACCORD_RETURN_IF_ERROR(files.Remove(path));
  }
  return ExportSummary{signed_now.origin, signed_now.size, signed_now.size - pass.reused(), pass.staged(),
                       previous_size.value_or(0)};
}

absl::StatusOr<std::string> ExportDirectory::Read(const std::string& path, size_t bytes_max) {
  return ReadFile(directory_ + "/" + path, bytes_max);
}

absl::Status ExportDirectory::Write(const std::string& path, std::string_view bytes, bool durable) {
  const fs::path to = fs::path(directory_) / path;
  std::error_code error;
  fs::create_directories(to.parent_path(), error);
  if (error) return FromError(to.parent_path().string(), error);
  constexpr int kForEveryone = 0644;
  if (durable) return WriteFileDurably(to.string(), bytes, kForEveryone);
  const std::string temporary = to.string() + ".new";
  std::ofstream stream(temporary, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) return absl::InternalError(fmt::format("{}: cannot be written", temporary));
  fs::rename(temporary, to, error);
  return error ? FromError(to.string(), error) : absl::OkStatus();
}

absl::Status ExportDirectory::Rename(const std::string& from, const std::string& to) {
  const fs::path target = fs::path(directory_) / to;
  std::error_code error;
  fs::create_directories(target.parent_path(), error);
  if (!error) fs::rename(fs::path(directory_) / from, target, error);
  return error ? FromError(target.string(), error) : absl::OkStatus();
}

absl::Status ExportDirectory::Remove(const std::string& path) {
  const fs::path target = fs::path(directory_) / path;
  std::error_code error;
  fs::remove_all(target, error);
  if (error) return FromError(target.string(), error);
  // A folder of partial files (`000.p`) goes with the last of them.
  if (target.parent_path().extension() == ".p") fs::remove(target.parent_path(), error);
  return absl::OkStatus();
}

}  // namespace accord::accordctl

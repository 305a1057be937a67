#include "common/agent/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/descriptor.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"

namespace accord::agent {
namespace {

namespace fs = std::filesystem;
using records::Record;
using storage::v1::StoredImport;
using storage::v1::StoredImportedRecord;

constexpr std::string_view kIn = "in", kDone = "done", kRejected = "rejected";
constexpr int kSameNamesMax = 100'000;

// Of the file system; the path may be a person's words, and is the operator's to read.
absl::Status Failed(std::string_view what, const std::string& path) {
  return absl::InternalError(fmt::format("{} {}: {}", what, path, std::strerror(errno)));
}

bool IsFinishedName(std::string_view name) {
  return !name.empty() && name.size() <= kFolderNameBytesMax && IsUtf8(name) && !name.starts_with('.') && !name.ends_with(".tmp") && !name.ends_with(".part") &&
         !name.ends_with(records::kResultSuffix);
}

// Somebody still has it open to write. A file that was renamed here is closed before that by whoever keeps to docs/files.md; of one that is
// written in place its half would be taken for the whole. The kernel knows, and gives no lease for reading then.
bool IsBeingWritten(int fd) {
  // Who opens it to write while we hold the lease is told by a signal: one that is ignored, in place of SIGIO, which ends a program.
  if (fcntl(fd, F_SETSIG, SIGURG) != 0) return false;
  if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  fcntl(fd, F_SETLEASE, F_UNLCK);
  return false;
}

// One byte more than may be is read, so that it is seen to be too large.
absl::StatusOr<std::string> ReadAll(int fd, const std::string& path) {
  std::string bytes;
  char chunk[64 * 1024];
  while (bytes.size() <= records::kFileBytesMax) {
    const ssize_t got = read(fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("read", path);
    if (got == 0) break;
    bytes.append(chunk, static_cast<size_t>(got));
  }
  return bytes;
}

// Whether the same may be taken later: nothing is wrong with the record.
bool MayPass(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable || status.code() == absl::StatusCode::kResourceExhausted ||
         status.code() == absl::StatusCode::kInternal || status.code() == absl::StatusCode::kDataLoss || status.code() == absl::StatusCode::kAborted;
}

std::string RecordKey(uint64_t sequence, uint64_t number) { return KeyU64(sequence) + KeyU64(number); }

StoredImportedRecord RowOfRecord(const Record& record) {
  StoredImportedRecord row;
  row.set_number(record.number);
  row.set_line(record.line);
  row.set_call(record.call);
  row.set_request_id(record.request_id);
  return row;
}

void SetRefused(StoredImportedRecord& row, const absl::Status& why) {
  row.set_reason(std::string(RowOf(DetailOf(why).reason).name));
  row.set_field(records::FieldOf(why));
  row.set_words(std::string(FromAbsl(why.message())));
  if (row.line() == 0) row.set_line(records::LineOf(why));
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return absl::OkStatus();  // Its mode is the agency's own, who may let a program of theirs in.
  return MakeDirectory(path);
}

}  // namespace

std::string Folder::PathOf(std::string_view folder, std::string_view name) const { return fmt::format("{}/{}/{}", options_.directory, folder, name); }

absl::Status Folder::Open() {
  ACCORD_RETURN_IF_ERROR(MakeFolder(options_.directory));
  for (const std::string_view folder : {kIn, kDone, kRejected}) ACCORD_RETURN_IF_ERROR(MakeFolder(fmt::format("{}/{}", options_.directory, folder)));
  std::vector<uint64_t> sequences;
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyImport, {}, [&](std::string_view key, std::string_view) {
    if (const auto sequence = U64FromKey(key); key.size() == sizeof(uint64_t) && sequence.has_value()) sequences.push_back(*sequence);
    return true;
  }));
  for (const uint64_t sequence : sequences) {
    sequence_ = std::max(sequence_, sequence);
    ACCORD_ASSIGN_OR_RETURN(const Import import, Load(sequence));
    // The name was free when it was decided on, and only we write there: what is there under it is the file.
    const bool is_there = !import.row.folder().empty() && fs::exists(PathOf(import.row.folder(), import.row.name_there()));
    begun_[sequence] = import.row;
    if (import.row.moved() || is_there) ACCORD_RETURN_IF_ERROR(Moved(sequence));
  }
  return absl::OkStatus();
}

absl::Status Folder::Step() {
  absl::Status first;
  const auto note = [&first](const absl::Status& status) {
    if (first.ok()) first = status;
  };
  const auto names = Names();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (stopping_) return first;
    note(Take(name));
  }
  note(AbandonTakenAway());
  note(FollowAll());
  return first;
}

absl::StatusOr<std::vector<std::string>> Folder::Names() const {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(in(), error), end; !error && at != end && names.size() < kFolderFilesMax; at.increment(error)) {
    std::string name = at->path().filename().string();
    if (IsFinishedName(name)) names.push_back(std::move(name));
  }
  if (error) return absl::InternalError(fmt::format("list {}: {}", in(), error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::optional<Folder::Taken>> Folder::Read(const std::string& name) const {
  const std::string path = PathOf(kIn, name);
  // Not through a link, and without waiting for whoever writes into a pipe.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file.get() < 0 && (errno == ELOOP || errno == ENOENT || errno == ENXIO)) return std::optional<Taken>();
  if (file.get() < 0) return Failed("open", path);
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) return Failed("fstat", path);
  if (!S_ISREG(facts.st_mode) || IsBeingWritten(file.get())) return std::optional<Taken>();
  Taken taken{name, "", "", facts.st_dev, facts.st_ino};
  ACCORD_ASSIGN_OR_RETURN(taken.bytes, ReadAll(file.get(), path));
  taken.sha256 = crypto::Sha256(taken.bytes);
  return std::optional<Taken>(std::move(taken));
}

absl::Status Folder::Take(const std::string& name) {
  ACCORD_ASSIGN_OR_RETURN(const std::optional<Taken> taken, Read(name));
  if (!taken.has_value()) return absl::OkStatus();
  auto records = records::ReadRecords(taken->bytes, name, "", [this](std::string_view call) { return pushes_.NewRequest(call); });
  const absl::Status file = records.status();
  std::vector<Record> all = records.ok() ? *std::move(records) : std::vector<Record>();
  ACCORD_ASSIGN_OR_RETURN(const uint64_t sequence, Begin(*taken, all.size()));
  if (!begun_.at(sequence).folder().empty()) return Finish(sequence, *taken);
  ACCORD_ASSIGN_OR_RETURN(const Import import, Load(sequence));
  // Once one of them was pushed the file was found right: what changed since, such as a configuration, holds for each by itself.
  const bool right = CheckAll(all) || !import.records.empty();
  if (file.ok() && right) ACCORD_RETURN_IF_ERROR(PushAll(sequence, all));
  ACCORD_RETURN_IF_ERROR(Decide(sequence, file, all));
  return Finish(sequence, *taken);
}

bool Folder::CheckAll(std::vector<Record>& records) {
  bool right = true;
  for (Record& record : records) {
    if (record.status.ok()) {
      auto& options = *records::OptionsOf(*record.request);
      if (!options.has_worker() && !options_.worker.pseudonym().empty()) *options.mutable_worker() = options_.worker;
      options.clear_wait_ms();
      record.status = options.preview_only() ? records::Wrong(Reason::kFieldInvalid, record.line, "options.preview_only",
                                                              "has nobody to show to: `accordctl import --dry-run` previews a file")
                                             : records::AtLine(pushes_.Check(record.call, *record.request), record.line);
    }
    right = right && record.status.ok();
  }
  return right;
}

absl::StatusOr<uint64_t> Folder::Begin(const Taken& taken, uint64_t records) {
  for (auto at = begun_.begin(); at != begun_.end();) {
    const auto [sequence, row] = *at++;  // Abandoning takes it out.
    if (row.name() != taken.name) continue;
    if (row.sha256() == taken.sha256) return sequence;
    ACCORD_RETURN_IF_ERROR(Abandon(sequence));
  }
  StoredImport row;
  row.set_name(taken.name);
  row.set_sha256(taken.sha256);
  row.set_taken_at_ms(absl::ToUnixMillis(clock_.Now()));
  row.set_records(records);
  ACCORD_RETURN_IF_ERROR(Save(sequence_ + 1, row));
  return ++sequence_;
}

absl::Status Folder::PushAll(uint64_t sequence, const std::vector<Record>& records) {
  ACCORD_ASSIGN_OR_RETURN(const Import import, Load(sequence));
  for (const Record& record : records) {
    if (import.records.contains(record.number)) continue;
    if (stopping_) return Error(Reason::kShuttingDown, "the service stops: the rest of the file is taken after its next start");
    StoredImportedRecord row = RowOfRecord(record);
    const auto pushed = record.status.ok() ? pushes_.Push(record.call, *record.request) : absl::StatusOr<agency::v1::PushResult>(record.status);
    if (pushed.ok()) {
      row.set_state(pushed->state());
    } else if (MayPass(pushed.status())) {
      return pushed.status();
    } else {
      SetRefused(row, pushed.status());
    }
    accord::storage::Batch batch;
    store_.Put(batch, kFamilyImport, RecordKey(sequence, record.number), row);
    ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  }
  return absl::OkStatus();
}

absl::Status Folder::Decide(uint64_t sequence, const absl::Status& file, const std::vector<Record>& records) {
  ACCORD_ASSIGN_OR_RETURN(Import import, Load(sequence));
  accord::storage::Batch batch;
  bool refused = !file.ok();
  if (!file.ok()) {
    StoredImportedRecord whole;
    SetRefused(whole, file);
    store_.Put(batch, kFamilyImport, RecordKey(sequence, 0), whole);
  }
  for (const Record& record : records) {
    const auto noted = import.records.find(record.number);
    if (noted != import.records.end()) {
      refused = refused || !noted->second.reason().empty();
      continue;
    }
    StoredImportedRecord row = RowOfRecord(record);
    if (!record.status.ok()) SetRefused(row, record.status);
    store_.Put(batch, kFamilyImport, RecordKey(sequence, record.number), row);
    refused = true;
  }
  import.row.set_folder(std::string(refused ? kRejected : kDone));
  ACCORD_ASSIGN_OR_RETURN(*import.row.mutable_name_there(), FreeName(import.row.folder(), import.row.name()));
  store_.Put(batch, kFamilyImport, KeyU64(sequence), import.row);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  begun_[sequence] = import.row;
  return absl::OkStatus();
}

absl::StatusOr<std::string> Folder::FreeName(std::string_view folder, const std::string& name) const {
  const fs::path path(name);
  for (int i = 1; i <= kSameNamesMax; ++i) {
    std::string there = i == 1 ? name : fmt::format("{}.{}{}", path.stem().string(), i, path.extension().string());
    const bool taken = fs::exists(PathOf(folder, there)) || fs::exists(PathOf(folder, there + std::string(records::kResultSuffix))) ||
                       std::any_of(begun_.begin(), begun_.end(), [&](const auto& row) { return row.second.folder() == folder && row.second.name_there() == there; });
    if (!taken) return there;
  }
  return absl::InternalError(fmt::format("{}/{} holds too many files of one name: move them away", options_.directory, folder));
}

absl::Status Folder::Finish(uint64_t sequence, const Taken& taken) {
  ACCORD_RETURN_IF_ERROR(WriteResult(sequence));
  ACCORD_RETURN_IF_ERROR(Move(begun_.at(sequence), taken));
  return Moved(sequence);
}

absl::Status Folder::Move(const StoredImport& row, const Taken& taken) const {
  const std::string from = PathOf(kIn, row.name()), to = PathOf(row.folder(), row.name_there());
  int moved = renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (moved != 0 && errno == EINVAL && !fs::exists(to)) moved = rename(from.c_str(), to.c_str());  // A file system without the flag.
  if (moved != 0 && errno == ENOENT) return absl::OkStatus();  // The agency took it away; its result stands.
  if (moved != 0) return Failed("rename", from);
  struct stat facts {};
  const bool ours = lstat(to.c_str(), &facts) == 0 && facts.st_dev == taken.device && facts.st_ino == taken.inode;
  // Another was put in its place meanwhile, and has not been read: it goes back.
  if (!ours && renameat2(AT_FDCWD, to.c_str(), AT_FDCWD, from.c_str(), RENAME_NOREPLACE) != 0) return Failed("rename", to);
  ACCORD_RETURN_IF_ERROR(SyncDirectory(fmt::format("{}/{}", options_.directory, row.folder())));
  return SyncDirectory(in());
}

absl::Status Folder::Moved(uint64_t sequence) {
  StoredImport row = begun_.at(sequence);
  row.set_moved(true);
  ACCORD_RETURN_IF_ERROR(Save(sequence, row));
  begun_.erase(sequence);
  return Follow(sequence);
}

absl::Status Folder::Abandon(uint64_t sequence) {
  ACCORD_ASSIGN_OR_RETURN(const Import import, Load(sequence));
  if (import.records.empty()) {
    begun_.erase(sequence);
    return Forget(sequence);
  }
  if (import.row.folder().empty()) {
    ACCORD_RETURN_IF_ERROR(Decide(sequence, records::Wrong(Reason::kFieldInvalid, 0, "", "the file was taken away, or replaced, before all of its records were pushed"), {}));
  }
  ACCORD_RETURN_IF_ERROR(WriteResult(sequence));
  return Moved(sequence);
}

absl::Status Folder::AbandonTakenAway() {
  std::vector<uint64_t> gone;
  for (const auto& [sequence, row] : begun_) {
    struct stat facts {};
    if (lstat(PathOf(kIn, row.name()).c_str(), &facts) != 0 && errno == ENOENT) gone.push_back(sequence);
  }
  for (const uint64_t sequence : gone) ACCORD_RETURN_IF_ERROR(Abandon(sequence));
  return absl::OkStatus();
}

absl::StatusOr<Folder::Import> Folder::Load(uint64_t sequence) const {
  std::vector<std::string> keys;
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyImport, accord::storage::Prefix(KeyU64(sequence)), [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  }));
  Import import;
  for (const std::string& key : keys) {
    if (key.size() == sizeof(uint64_t)) {
      ACCORD_ASSIGN_OR_RETURN(auto row, store_.Get<StoredImport>(kFamilyImport, key));
      if (row.has_value()) import.row = *std::move(row);
    } else {
      ACCORD_ASSIGN_OR_RETURN(auto row, store_.Get<StoredImportedRecord>(kFamilyImport, key));
      if (row.has_value()) import.records.emplace(row->number(), *std::move(row));
    }
  }
  return import;
}

absl::Status Folder::Save(uint64_t sequence, const StoredImport& row) {
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyImport, KeyU64(sequence), row);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  begun_[sequence] = row;
  return absl::OkStatus();
}

absl::Status Folder::Forget(uint64_t sequence) {
  ACCORD_ASSIGN_OR_RETURN(const Import import, Load(sequence));
  accord::storage::Batch batch;
  batch.Delete(kFamilyImport, KeyU64(sequence));
  for (const auto& row : import.records) batch.Delete(kFamilyImport, RecordKey(sequence, row.first));
  return store_.Commit(batch);
}

}  // namespace accord::agent

#include "services/broker/recovery/tail_adoption.h"

#include <absl/time/time.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "accord/type/v1/entry.pb.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/storage/closed_store.h"
#include "common/telemetry/log.h"
#include "services/broker/directory/families.h"
#include "services/broker/recovery/recovery_rows.h"

namespace accord::broker {
namespace {

namespace fs = std::filesystem;
using storage::RocksStore;
using storage::RocksStoreOptions;

constexpr size_t kLogBytesMax = 1u << 30;  // 64 MB and one batch, as the store is set up; a damaged one may be odd.
constexpr int kNamesTried = 100;

absl::Status Failed(std::string_view what, const std::error_code& error) {
  return Error(Reason::kStoreUnavailable, fmt::format("{}: {}", what, error.message()));
}

absl::Status SyncParent(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  const absl::Status status = SyncDirectory(parent.empty() ? "." : parent);
  return status.ok() ? status : Error(Reason::kStoreUnavailable, status.ToString());
}

absl::Status Rename(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) return Failed(fmt::format("rename {} to {}", from, to), error);
  return SyncParent(from);
}

absl::Status Remove(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return error ? Failed(fmt::format("remove {}", path), error) : absl::OkStatus();
}

// A volume's root cannot be renamed: the store has to be a directory below it.
absl::Status CheckRenamable(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  struct stat own {}, above {};
  if (stat(path.c_str(), &own) == 0 && stat(parent.empty() ? "." : parent.c_str(), &above) == 0 && own.st_dev == above.st_dev) {
    return absl::OkStatus();
  }
  return Error(Reason::kStoreCorrupt, "the store is the root of a volume, and a copy could not take its place");
}

// Gives what is at `path` a name of its own.
absl::Status SetAside(const std::string& path, absl::Time now) {
  const std::string name = path + kDamagedSuffix + absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone());
  for (int i = 1; i <= kNamesTried; ++i) {
    const std::string candidate = i == 1 ? name : fmt::format("{}-{}", name, i);
    std::error_code error;
    if (fs::exists(fs::symlink_status(candidate, error))) continue;
    telemetry::Log(telemetry::Level::kWarn, "store.set_aside", {{"to", candidate}});
    return Rename(path, candidate);
  }
  return Error(Reason::kStoreUnavailable, fmt::format("no name is left beside {}", name));
}

absl::Status FinishInterrupted(const std::string& path, const Clock& clock) {
  const std::string ready = path + kAdoptedSuffix;
  std::error_code error;
  if (!storage::IsStore(path) && storage::IsStore(ready)) {
    // It was set aside; what is there can only be a directory that a refused opening made.
    if (fs::exists(path, error)) ACCORD_RETURN_IF_ERROR(SetAside(path, clock.Now()));
    telemetry::Log(telemetry::Level::kWarn, "store.adoption_finished", {});
    return Rename(ready, path);
  }
  ACCORD_RETURN_IF_ERROR(Remove(ready));
  return Remove(path + kAdoptingSuffix);
}

// Copies, judges, records, and puts the copy in place.
absl::Status Adopt(const std::string& path, const std::vector<storage::FamilySpec>& families, const GuardMark& guard,
                   const Clock& clock, const std::function<void(AdoptionStep)>& step) {
  const std::string copy = path + kAdoptingSuffix, ready = path + kAdoptedSuffix;
  ACCORD_RETURN_IF_ERROR(CheckRenamable(path));
  ACCORD_ASSIGN_OR_RETURN(auto closed, storage::ClosedStore::Take(path));
  type::v1::EntryEvent event;
  event.set_type(type::v1::EVENT_TYPE_TAIL_ADOPTED);
  if (const auto log = closed->NewestLog(); log.has_value()) {
    const auto bytes = ReadFile(*log, kLogBytesMax);
    if (!bytes.ok()) return Error(Reason::kStoreUnavailable, fmt::format("the log: {}", bytes.status().ToString()));
    event.set_evidence_digest(crypto::Sha256(*bytes));
  }
  ACCORD_RETURN_IF_ERROR(closed->CopyTo(copy));
  step(AdoptionStep::kCopied);
  {
    ACCORD_ASSIGN_OR_RETURN(auto store, RocksStore::Open(copy, families, {.recovery = RocksStoreOptions::Recovery::kPointInTime}));
    ACCORD_ASSIGN_OR_RETURN(const uint64_t size, JudgeAgainstGuard(*store, guard));
    step(AdoptionStep::kJudged);
    // Entries that were durable and not guarded yet, if any: they go on, and the first checkpoint covers them.
    event.set_first_index(guard.size);
    event.set_end_index(size);
    ACCORD_RETURN_IF_ERROR(AddRecovery(*store, event));
    ACCORD_RETURN_IF_ERROR(store->Close());
  }
  step(AdoptionStep::kRecorded);
  ACCORD_RETURN_IF_ERROR(Rename(copy, ready));
  step(AdoptionStep::kReady);
  ACCORD_RETURN_IF_ERROR(SetAside(path, clock.Now()));
  step(AdoptionStep::kSetAside);
  ACCORD_RETURN_IF_ERROR(Rename(ready, path));
  step(AdoptionStep::kInPlace);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<RocksStore>> OpenOrAdopt(const std::string& directory,
                                                        const std::vector<storage::FamilySpec>& families,
                                                        const GuardMark& guard, const Clock& clock,
                                                        const AdoptionOptions& options) {
  const std::string path = WithoutSlash(directory);  // What is beside it has its name and more.
  ACCORD_RETURN_IF_ERROR(FinishInterrupted(path, clock));
  auto opened = RocksStore::Open(path, families);
  if (!absl::IsDataLoss(opened.status())) return opened;

  const auto step = [&](AdoptionStep at) {
    if (options.on_step) options.on_step(at);
  };
  telemetry::Log(telemetry::Level::kWarn, "store.damaged", {{"status", opened.status()}});
  if (const absl::Status adopted = Adopt(path, families, guard, clock, step); !adopted.ok()) {
    ACCORD_RETURN_IF_ERROR(Remove(path + kAdoptingSuffix));
    if (!absl::IsDataLoss(adopted)) return adopted;
    return Error(Reason::kStoreCorrupt,
                 fmt::format("{}; and what can be read of it may not be adopted: {}",
                             FromAbsl(opened.status().message()), FromAbsl(adopted.message())));
  }
  telemetry::Log(telemetry::Level::kWarn, "store.tail_adopted", {});
  return RocksStore::Open(path, families);
}

}  // namespace accord::broker

#include "common/storage/rocks_store.h"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/storage/info_log.h"

namespace accord::storage {
namespace {

constexpr uint64_t kWalBytesMax = 64u << 20;  // Bounds what an opening replays.
// A manifest keeps the first and last key of files long gone, request ids among them: a new one is begun with every change,
// which costs some kilobytes with each flush.
constexpr uint64_t kManifestBytesMax = 1;
constexpr uint64_t kNewManifestBytesMax = 1u << 20;  // While families are made and no key is there.
constexpr size_t kMemtableBytes = 32u << 20;
// A full log or a stop leaves each family a table of some kilobytes to some megabytes, which lies over all of its keys: four of them are merged
// into a level of this size at most, not of RocksDB's 256 MiB, which was written anew for them each time. Sealed families keep RocksDB's sizes: what
// is flushed of them is large, and merging it in more steps writes more.
constexpr uint64_t kFirstLevelBytes = 16u << 20;
// Of that level, and twice of each level below: so much, with what it lies over, is written anew to move it down.
constexpr uint64_t kFirstLevelTableBytes = 4u << 20;
constexpr uint64_t kBlobBytesMin = 4096;
// One cache for the whole store, of this for each family: what is read at one time is seldom spread over all of them.
constexpr size_t kCacheBytesAFamily = 4u << 20;
// Of which so much is kept for indexes and filters: of a long log a read finds its place from memory, and only what it is about is read.
constexpr double kCacheShareOfIndexes = 0.8;
// Tables kept open: opening one is several reads, and ten million entries have some 500. None is opened with the store. No more than half of
// the files that the process may have.
constexpr uint64_t kOpenFilesMax = 2048;

int OpenFiles() {
  rlimit limit{};
  const bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0;
  return static_cast<int>(known ? std::min<uint64_t>(kOpenFilesMax, limit.rlim_cur / 2) : kOpenFilesMax);
}

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view FromSlice(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

absl::Status FromRocks(std::string_view what, const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  // "Missing" log files are reported as Corruption too. RocksDB's text names files and
  // numbers, never keys or values.
  const Reason reason = status.IsCorruption() ? Reason::kStoreCorrupt : Reason::kStoreUnavailable;
  return Error(reason, fmt::format("{}: {}", what, status.ToString()));
}

class RocksSnapshot : public Snapshot {
 public:
  explicit RocksSnapshot(rocksdb::DB* db) : db_(db), snapshot_(db->GetSnapshot()) {}
  ~RocksSnapshot() override { db_->ReleaseSnapshot(snapshot_); }
  const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  rocksdb::DB* const db_;
  const rocksdb::Snapshot* const snapshot_;
};

rocksdb::ReadOptions ReadAt(const Snapshot* at) {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  if (at != nullptr) options.snapshot = static_cast<const RocksSnapshot*>(at)->get();
  return options;
}

rocksdb::DBOptions DatabaseOptions(const RocksStoreOptions& options) {
  rocksdb::DBOptions db;
  if (options.env != nullptr) db.env = options.env;
  db.create_if_missing = options.create;
  db.create_missing_column_families = true;
  db.paranoid_checks = true;
  // The default, PointInTime, opens with half the log silently gone after a flipped bit.
  db.wal_recovery_mode = options.recovery == RocksStoreOptions::Recovery::kPointInTime
                             ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                             : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.track_and_verify_wals_in_manifest = true;
  db.max_total_wal_size = kWalBytesMax;
  db.max_manifest_file_size = kManifestBytesMax;
  db.allow_concurrent_memtable_write = false;  // One writer.
  // A failed write ends this object; resuming by itself would hide which writes are there.
  db.max_bgerror_resume_count = 0;
  db.max_open_files = OpenFiles();
  db.max_file_opening_threads = 1;  // It starts as many for each family, even for none of its files: hundreds of threads an opening.
  db.skip_stats_update_on_db_open = true;
  db.info_log_level = rocksdb::InfoLogLevel::INFO_LEVEL;  // Its default depends on our NDEBUG.
  // Compactions serve those who read later: whoever reads or commits meanwhile goes first, or one answer in a hundred takes twice as long. Flushes, which writers
  // wait for, have another pool. Of the whole process; where it is not to be had, they are as all others.
  db.env->LowerThreadPoolCPUPriority(rocksdb::Env::LOW, rocksdb::CpuPriority::kLow).PermitUncheckedError();
  return db;
}

rocksdb::ColumnFamilyOptions FamilyOptions(const FamilySpec& spec, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = kMemtableBytes;
  family.memtable_protection_bytes_per_key = 8;
  family.paranoid_file_checks = true;
  family.level_compaction_dynamic_level_bytes = true;
  family.compression = spec.sealed ? rocksdb::kNoCompression : rocksdb::kLZ4Compression;
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // Without this, indexes and filters of open tables are outside every bound.
  table.cache_index_and_filter_blocks = true;
  table.block_cache = cache;
  // In pieces: of a long log a read of one entry would else take up to megabytes of index and filter into the cache.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.optimize_filters_for_hits = spec.always_there;
  if (spec.sealed) {
    family.enable_blob_files = true;
    family.min_blob_size = kBlobBytesMin;
    family.enable_blob_garbage_collection = true;
  } else {
    family.max_bytes_for_level_base = kFirstLevelBytes;
    family.target_file_size_base = kFirstLevelTableBytes;
    family.target_file_size_multiplier = 2;
  }
  return family;
}

// Makes a new store with all its families at once. Opening one where they are missing makes them one by one, each with an options
// file and a manifest of its own, made durable: half a second. What a crash leaves is completed at the next opening.
rocksdb::Status CreateFamilies(rocksdb::DBOptions db_options, const std::string& path,
                               const std::vector<rocksdb::ColumnFamilyDescriptor>& descriptors) {
  db_options.max_manifest_file_size = kNewManifestBytesMax;
  rocksdb::DB* opened = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(rocksdb::Options(db_options, descriptors.front().options), path, &opened);
  const std::unique_ptr<rocksdb::DB> db(opened);
  if (!status.ok()) return status;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  status = db->CreateColumnFamilies({descriptors.begin() + 1, descriptors.end()}, &handles);
  for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  const rocksdb::Status closed = db->Close();
  return status.ok() ? closed : status;
}

}  // namespace

Range Prefix(std::string_view prefix) {
  Range range{.lower = std::string(prefix), .upper = std::string(prefix)};
  while (!range.upper.empty() && range.upper.back() == '\xff') range.upper.pop_back();
  if (!range.upper.empty()) ++range.upper.back();
  return range;
}

RocksStore::RocksStore(std::string path) : path_(std::move(path)) {}
RocksStore::~RocksStore() { Close().IgnoreError(); }

absl::StatusOr<std::unique_ptr<RocksStore>> RocksStore::Open(const std::string& path,
                                                             const std::vector<FamilySpec>& families,
                                                             const RocksStoreOptions& options) {
  if (options.create) ACCORD_RETURN_IF_ERROR(MakeDirectory(path));
  rocksdb::DBOptions db_options = DatabaseOptions(options);

  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  const std::shared_ptr<rocksdb::Cache> cache =
      rocksdb::NewLRUCache(kCacheBytesAFamily * (families.size() + 1), /*num_shard_bits=*/-1, /*strict_capacity_limit=*/false, kCacheShareOfIndexes);
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, FamilyOptions({}, cache));
  for (const FamilySpec& spec : families) descriptors.emplace_back(spec.name, FamilyOptions(spec, cache));

  // RocksDB's own message for a family it was not told of does not say what to do.
  std::vector<std::string> present;
  if (rocksdb::DB::ListColumnFamilies(db_options, path, &present).ok()) {
    for (const std::string& name : present) {
      if (std::none_of(descriptors.begin(), descriptors.end(),
                       [&](const auto& descriptor) { return descriptor.name == name; })) {
        return Error(Reason::kStoreUnavailable,
                     fmt::format("{} holds the family {}, which this version does not know: it was written by "
                                 "a newer one", path, name));
      }
    }
  }

  db_options.info_log = InfoLog::Open(path);
  std::unique_ptr<RocksStore> store(new RocksStore(path));
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  rocksdb::Status opened;
  if (options.create && db_options.env->FileExists(path + "/CURRENT").IsNotFound()) {
    opened = CreateFamilies(db_options, path, descriptors);
  }
  if (opened.ok()) opened = rocksdb::DB::Open(db_options, path, descriptors, &handles, &db);
  // RocksDB takes its lock before it reads anything; its own words for it do not say what is the matter.
  if (opened.IsIOError() && opened.ToString().find("/LOCK") != std::string::npos) {
    return Error(Reason::kStoreUnavailable,
                 fmt::format("the store {} is open in another process, or twice in this one: {}", path, opened.ToString()));
  }
  ACCORD_RETURN_IF_ERROR(FromRocks(fmt::format("open {}", path), opened));
  store->db_.reset(db);
  for (rocksdb::ColumnFamilyHandle* handle : handles) store->handles_[handle->GetName()] = handle;
  return store;
}

absl::Status RocksStore::Close() {
  if (db_ == nullptr) return absl::OkStatus();
  for (const auto& [name, handle] : handles_) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  handles_.clear();
  const rocksdb::Status status = db_->Close();
  db_.reset();
  return FromRocks("close", status);
}

rocksdb::ColumnFamilyHandle* RocksStore::Handle(std::string_view family) const {
  const auto found = handles_.find(family);
  ACCORD_CHECK(found != handles_.end());
  return found->second;
}

absl::StatusOr<std::optional<std::string>> RocksStore::Get(std::string_view family, std::string_view key,
                                                           const Snapshot* at) const {
  std::string value;
  const rocksdb::Status status = db_->Get(ReadAt(at), Handle(family), ToSlice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  ACCORD_RETURN_IF_ERROR(FromRocks("read", status));
  return std::optional<std::string>(std::move(value));
}

absl::StatusOr<std::vector<std::optional<std::string>>> RocksStore::GetMany(std::string_view family, std::span<const std::string> keys) const {
  std::vector<rocksdb::Slice> wanted;
  wanted.reserve(keys.size());
  for (const std::string& key : keys) wanted.push_back(ToSlice(key));
  std::vector<rocksdb::PinnableSlice> found(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db_->MultiGet(ReadAt(nullptr), Handle(family), wanted.size(), wanted.data(), found.data(), statuses.data());
  std::vector<std::optional<std::string>> values(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    ACCORD_RETURN_IF_ERROR(FromRocks("read", statuses[i]));
    values[i] = found[i].ToString();
  }
  return values;
}

absl::Status RocksStore::Scan(std::string_view family, const Range& range,
                              absl::FunctionRef<bool(std::string_view, std::string_view)> visit,
                              const Snapshot* at) const {
  rocksdb::ReadOptions options = ReadAt(at);
  const rocksdb::Slice lower = ToSlice(range.lower), upper = ToSlice(range.upper);
  if (!range.lower.empty()) options.iterate_lower_bound = &lower;
  if (!range.upper.empty()) options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> cursor(db_->NewIterator(options, Handle(family)));
  if (range.descending) {
    cursor->SeekToLast();
  } else {
    cursor->SeekToFirst();
  }
  while (cursor->Valid() && visit(FromSlice(cursor->key()), FromSlice(cursor->value()))) {
    if (range.descending) {
      cursor->Prev();
    } else {
      cursor->Next();
    }
  }
  return FromRocks("scan", cursor->status());
}

std::unique_ptr<Snapshot> RocksStore::NewSnapshot() const { return std::make_unique<RocksSnapshot>(db_.get()); }

void RocksStore::AddTo(rocksdb::WriteBatch& writes, const Batch& batch) const {
  for (const Batch::Op& op : batch.ops()) {
    const rocksdb::Status status =
        op.kind == Batch::Kind::kPut
            ? writes.Put(Handle(op.family), ToSlice(op.key), ToSlice(op.value))
            : writes.Delete(Handle(op.family), ToSlice(op.key));
    ACCORD_CHECK(status.ok());  // Memory only; fails on a key over 4 GiB.
  }
}

absl::Status RocksStore::Refusal() const {
  if (!failed_) return absl::OkStatus();
  return Error(Reason::kStoreUnavailable, "an earlier write failed; the store must be opened anew");
}

absl::Status RocksStore::Commit(rocksdb::WriteBatch& writes, bool sync) {
  ACCORD_RETURN_IF_ERROR(Refusal());
  rocksdb::WriteOptions options;
  options.sync = sync;
  options.protection_bytes_per_key = 8;
  const rocksdb::Status status = db_->Write(options, &writes);
  if (status.ok()) return absl::OkStatus();
  failed_ = true;
  return Error(Reason::kStoreUnavailable, fmt::format("write: {}", status.ToString()));
}

absl::Status RocksStore::Write(const Batch& batch, bool sync) {
  rocksdb::WriteBatch writes(0, 0, /*protection_bytes_per_key=*/8, 0);
  AddTo(writes, batch);
  return Commit(writes, sync);
}

absl::Status RocksStore::CopyTo(const std::string& path) {
  rocksdb::Checkpoint* made = nullptr;
  ACCORD_RETURN_IF_ERROR(FromRocks("copy", rocksdb::Checkpoint::Create(db_.get(), &made)));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  // A log size of zero would copy no log and flush instead; keep the log, flush nothing.
  return FromRocks("copy", checkpoint->CreateCheckpoint(path, /*log_size_for_flush=*/UINT64_MAX));
}

absl::Status RocksStore::Flush(std::string_view family) { return FromRocks("flush", db_->Flush({}, Handle(family))); }

absl::Status RocksStore::FlushAll(uint64_t bytes_min) {
  ACCORD_RETURN_IF_ERROR(Refusal());
  uint64_t in_memory = 0;
  if (db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeActiveMemTable, &in_memory) && in_memory < bytes_min) return absl::OkStatus();
  std::vector<rocksdb::ColumnFamilyHandle*> all;
  for (const auto& [name, handle] : handles_) all.push_back(handle);
  return FromRocks("flush", db_->Flush({}, all));
}

absl::Status RocksStore::Purge(std::string_view family, std::atomic<bool>* cancelled) {
  rocksdb::ColumnFamilyHandle* const handle = Handle(family);
  ACCORD_RETURN_IF_ERROR(Flush(family));
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;  // Other families go on being compacted, or writes would be held up.
  options.canceled = cancelled;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
  options.blob_garbage_collection_age_cutoff = 1.0;
  return FromRocks("compact", db_->CompactRange(options, handle, nullptr, nullptr));
}

absl::Status RocksStore::DropUnneededFiles() {
  // What ends just now unlinks its own; and a scan of the directory finds whatever else is left.
  ACCORD_RETURN_IF_ERROR(FromRocks("unlink", db_->PauseBackgroundWork()));
  ACCORD_RETURN_IF_ERROR(FromRocks("unlink", db_->ContinueBackgroundWork()));
  ACCORD_RETURN_IF_ERROR(FromRocks("unlink", db_->DisableFileDeletions()));
  ACCORD_RETURN_IF_ERROR(FromRocks("unlink", db_->EnableFileDeletions(/*force=*/true)));

  std::vector<std::string> live;
  uint64_t manifest_bytes = 0;
  ACCORD_RETURN_IF_ERROR(FromRocks("list", db_->GetLiveFiles(live, &manifest_bytes, /*flush_memtable=*/false)));
  const std::set<std::string> needed(live.begin(), live.end());  // Each "/NAME".
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(path_, error)) {
    const std::string name = "/" + file.path().filename().string();
    const bool data = name.ends_with(".sst") || name.ends_with(".blob") || name.starts_with("/MANIFEST-");
    if (data && !needed.contains(name)) {
      return Error(Reason::kStoreUnavailable, fmt::format("unlink: {} is still read", file.path().filename().string()));
    }
  }
  if (error) return Error(Reason::kStoreUnavailable, fmt::format("list {}: {}", path_, error.message()));
  return absl::OkStatus();
}

absl::Status RocksStore::VerifyChecksums() const { return FromRocks("verify", db_->VerifyChecksum({})); }

}  // namespace accord::storage

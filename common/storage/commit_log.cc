#include "common/storage/commit_log.h"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/transaction_log.h>

#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/storage/rocks_store.h"

namespace accord::storage {
namespace {

constexpr size_t kDigestBytes = 32;

// Turns what the WAL holds back into our operations, family numbers into names.
class Rebuilder : public rocksdb::WriteBatch::Handler {
 public:
  explicit Rebuilder(const std::map<uint32_t, std::string>& names) : names_(names) {}

  rocksdb::Status PutCF(uint32_t family, const rocksdb::Slice& key, const rocksdb::Slice& value) override {
    return Add(family, key, [&](const std::string& name) { batch.Put(name, View(key), View(value)); });
  }
  rocksdb::Status DeleteCF(uint32_t family, const rocksdb::Slice& key) override {
    return Add(family, key, [&](const std::string& name) { batch.Delete(name, View(key)); });
  }

  Batch batch;

 private:
  static std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

  template <typename AddOp>
  rocksdb::Status Add(uint32_t family, const rocksdb::Slice& key, AddOp add) {
    const auto found = names_.find(family);
    if (found == names_.end() || key.empty()) return rocksdb::Status::Corruption("operation without family or key");
    add(found->second);
    return rocksdb::Status::OK();
  }

  const std::map<uint32_t, std::string>& names_;
};

absl::Status NotThatBatch(std::string_view why) {
  return Error(Reason::kStoreCorrupt, fmt::format("the log read back is not the batch committed: {}", why));
}

}  // namespace

std::string EncodeCommit(const Commit& commit) {
  ByteWriter out;
  out.U64(commit.term).U64(commit.sequence).U64(commit.time_ms).Raw(commit.digest);
  return std::move(out).Take();
}

absl::StatusOr<Commit> DecodeCommit(std::string_view bytes) {
  ByteReader in(bytes);
  Commit commit;
  std::string_view digest;
  if (!in.U64(commit.term) || !in.U64(commit.sequence) || !in.U64(commit.time_ms) ||
      !in.Raw(kDigestBytes, digest) || !in.AtEnd()) {
    return Error(Reason::kStoreCorrupt, "meta/commit does not decode");
  }
  commit.digest = digest;
  return commit;
}

RocksCommitLog::RocksCommitLog(RocksStore& store, DigestFunction digest, Commit head)
    : store_(store), digest_(std::move(digest)), head_(std::move(head)) {
  for (const auto& [name, handle] : store_.handles_) names_[handle->GetID()] = name;
}

RocksCommitLog::~RocksCommitLog() = default;

absl::StatusOr<std::unique_ptr<RocksCommitLog>> RocksCommitLog::Open(RocksStore& store, DigestFunction digest) {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, store.Get(kMetaFamily, kCommitKey));
  Commit head{.digest = std::string(kDigestBytes, '\0')};
  if (stored) {
    ACCORD_ASSIGN_OR_RETURN(head, DecodeCommit(*stored));
  }
  return std::unique_ptr<RocksCommitLog>(new RocksCommitLog(store, std::move(digest), std::move(head)));
}

AppendOutcome RocksCommitLog::Append(uint64_t term, uint64_t expected_sequence, uint64_t time_ms,
                                     const Batch& batch) {
  if (absl::Status refusal = store_.Refusal(); !refusal.ok()) return Unknown{std::move(refusal)};
  if (term < head_.term || expected_sequence != head_.sequence) return Fenced{head_.term, head_.sequence};

  const std::string record = EncodeRecord(term, head_.sequence + 1, time_ms, batch);
  ACCORD_CHECK(record.size() <= kRecordBytesMax);
  Commit next{term, head_.sequence + 1, time_ms, digest_(record)};
  ACCORD_CHECK(next.digest.size() == kDigestBytes);

  rocksdb::WriteBatch writes(0, 0, /*protection_bytes_per_key=*/8, 0);
  store_.AddTo(writes, batch);
  Batch commit;
  commit.Put(kMetaFamily, kCommitKey, EncodeCommit(next));
  store_.AddTo(writes, commit);

  const uint64_t wal_sequence = store_.db_->GetLatestSequenceNumber() + 1;
  if (absl::Status status = store_.Commit(writes, /*sync=*/true); !status.ok()) return Unknown{std::move(status)};
  wal_sequence_ = wal_sequence;
  head_ = std::move(next);
  return Committed{head_.sequence, head_.digest};
}

absl::Status RocksCommitLog::SeekWal() {
  const auto unreadable = [](std::string_view why) {
    return Error(Reason::kStoreUnavailable, fmt::format("the log cannot be read back: {}", why));
  };
  if (wal_ != nullptr) wal_->Next();
  // The iterator ends with the WAL file it was made for ("try again"), and may then be
  // anywhere: it is made anew, once for each file.
  if (wal_ == nullptr || !wal_->Valid()) {
    wal_.reset();
    const rocksdb::Status status = store_.db_->GetUpdatesSince(wal_sequence_, &wal_);
    if (!status.ok()) return unreadable(status.ToString());
  }
  if (!wal_->Valid()) return unreadable(wal_->status().ToString());
  return absl::OkStatus();
}

absl::StatusOr<std::string> RocksCommitLog::ReadBack(uint64_t sequence) {
  ACCORD_CHECK(sequence == head_.sequence && wal_sequence_ != 0);
  ACCORD_RETURN_IF_ERROR(SeekWal());
  const rocksdb::BatchResult found = wal_->GetBatch();
  if (found.sequence != wal_sequence_) return NotThatBatch("another sequence number");

  Rebuilder rebuilder(names_);
  if (const rocksdb::Status status = found.writeBatchPtr->Iterate(&rebuilder); !status.ok()) {
    return NotThatBatch(status.ToString());
  }
  if (rebuilder.batch.empty()) return NotThatBatch("empty");
  const Batch::Op last = rebuilder.batch.TakeLast();
  if (last.kind != Batch::Kind::kPut || last.family != kMetaFamily || last.key != kCommitKey) {
    return NotThatBatch("it does not end with meta/commit");
  }
  ACCORD_ASSIGN_OR_RETURN(const Commit commit, DecodeCommit(last.value));
  if (commit != head_) return NotThatBatch("another meta/commit");
  return EncodeRecord(commit.term, commit.sequence, commit.time_ms, rebuilder.batch);
}

}  // namespace accord::storage

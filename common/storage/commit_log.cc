#include "common/storage/commit_log.h"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/transaction_log.h>

#include <map>
#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/storage/record.h"
#include "common/storage/rocks_store.h"

namespace accord::storage {
namespace {

constexpr size_t kDigestBytes = 32;
// What a family's name takes beyond its number, about: for a reserve.
constexpr size_t kNameBytesGuess = 20;
constexpr size_t kCommitBytesGuess = 128;
// How often the files of the WAL are listed for one place in it. One that a flush ended may be deleted between being listed and being
// looked at, which ends the listing with an error (facebook/rocksdb#5763); it is never the one that is looked for.
constexpr int kWalListingsMax = 16;

// Turns what the WAL holds back into our record, family numbers into names. The last operation is set apart: it is
// meta/commit, which no record has.
class Rebuilder : public rocksdb::WriteBatch::Handler {
 public:
  // `count` operations follow, the last one included.
  Rebuilder(const std::map<uint32_t, std::string>& names, uint32_t count, std::string& record)
      : names_(names), left_(count), record_(record) {}

  rocksdb::Status PutCF(uint32_t family, const rocksdb::Slice& key, const rocksdb::Slice& value) override {
    return Add(Batch::Kind::kPut, family, View(key), View(value));
  }
  rocksdb::Status DeleteCF(uint32_t family, const rocksdb::Slice& key) override {
    return Add(Batch::Kind::kDelete, family, View(key), {});
  }

  // Nothing until all were there.
  std::optional<Batch::Op> last;

 private:
  static std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

  rocksdb::Status Add(Batch::Kind kind, uint32_t family, std::string_view key, std::string_view value) {
    const auto found = names_.find(family);
    if (found == names_.end() || key.empty()) return rocksdb::Status::Corruption("operation without family or key");
    if (left_ == 0) return rocksdb::Status::Corruption("more operations than counted");
    if (--left_ > 0) {
      AppendOp(record_, kind, found->second, key, value);
    } else {
      last = Batch::Op{kind, found->second, std::string(key), std::string(value)};
    }
    return rocksdb::Status::OK();
  }

  const std::map<uint32_t, std::string>& names_;
  uint32_t left_;
  std::string& record_;
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

  // The record is about as long as RocksDB's form of it, and a little longer.
  rocksdb::WriteBatch writes(/*reserved_bytes=*/record.size() + kCommitBytesGuess, 0, /*protection_bytes_per_key=*/8, 0);
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
    rocksdb::Status status;
    int listings = 0;
    do {
      wal_.reset();
      status = store_.db_->GetUpdatesSince(wal_sequence_, &wal_);
    } while ((status.IsIOError() || status.IsNotFound()) && ++listings < kWalListingsMax);
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

  // RocksDB has checked its checksum of these bytes; that the count is theirs, Iterate checks.
  const auto count = static_cast<uint32_t>(found.writeBatchPtr->Count());
  if (count == 0) return NotThatBatch("empty");
  std::string record;
  record.reserve(found.writeBatchPtr->GetDataSize() + count * kNameBytesGuess);
  AppendRecordHeader(record, head_.term, head_.sequence, head_.time_ms, count - 1);
  Rebuilder rebuilder(names_, count, record);
  if (const rocksdb::Status status = found.writeBatchPtr->Iterate(&rebuilder); !status.ok()) {
    return NotThatBatch(status.ToString());
  }
  const std::optional<Batch::Op>& last = rebuilder.last;
  if (!last.has_value() || last->kind != Batch::Kind::kPut || last->family != kMetaFamily || last->key != kCommitKey) {
    return NotThatBatch("it does not end with meta/commit");
  }
  ACCORD_ASSIGN_OR_RETURN(const Commit commit, DecodeCommit(last->value));
  if (commit != head_) return NotThatBatch("another meta/commit");
  return record;
}

}  // namespace accord::storage

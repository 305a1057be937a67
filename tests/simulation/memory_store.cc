#include "tests/simulation/memory_store.h"

#include <map>
#include <utility>

#include "common/base/status.h"
#include "common/crypto/digest.h"

namespace accord::simulation {
namespace {

absl::Status Gone(std::string_view why) { return Error(Reason::kStoreUnavailable, why); }

}  // namespace

void MemoryDisk::Cut(Random& chance) {
  ++opening_;
  const uint64_t lost = chance.Below(unsynced_.size() + 1);
  for (uint64_t i = 0; i < lost; ++i) {
    for (auto before = unsynced_.back().rbegin(); before != unsynced_.back().rend(); ++before) {
      auto& family = rows_[before->family];
      if (before->value.has_value()) {
        family[before->key] = *before->value;
      } else {
        family.erase(before->key);
      }
    }
    unsynced_.pop_back();
  }
  unsynced_.clear();
  fault_ = WriteFault::kNone;
}

void MemoryDisk::Apply(const storage::Batch& batch, bool sync) {
  auto& undo = unsynced_.emplace_back();
  for (const auto& op : batch.ops()) {
    auto& family = rows_[op.family];
    const auto found = family.find(op.key);
    if (!sync) undo.push_back({op.family, op.key, found == family.end() ? std::nullopt : std::optional(found->second)});
    if (op.kind == storage::Batch::Kind::kPut) {
      family.insert_or_assign(found, op.key, op.value);
    } else if (found != family.end()) {
      family.erase(found);
    }
  }
  if (sync) unsynced_.clear();
}

bool MemoryDisk::Lose(std::string_view family, std::string_view key) {
  const auto rows = rows_.find(family);
  if (rows == rows_.end()) return false;
  const auto row = rows->second.find(key);
  if (row == rows->second.end()) return false;
  rows->second.erase(row);
  return true;
}

absl::Status MemoryStore::Alive() const {
  if (failed_) return Gone("the store refuses every write after one that failed");
  if (opening_ != disk_.opening()) return Gone("the power is gone");
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> MemoryStore::Get(std::string_view family, std::string_view key,
                                                            const storage::Snapshot*) const {
  if (opening_ != disk_.opening()) return Gone("the power is gone");
  const auto rows = disk_.rows().find(family);
  if (rows == disk_.rows().end()) return std::nullopt;
  const auto row = rows->second.find(key);
  if (row == rows->second.end()) return std::nullopt;
  return row->second;
}

absl::Status MemoryStore::Scan(std::string_view family, const storage::Range& range,
                               absl::FunctionRef<bool(std::string_view, std::string_view)> visit, const storage::Snapshot*) const {
  if (opening_ != disk_.opening()) return Gone("the power is gone");
  const auto rows = disk_.rows().find(family);
  if (rows == disk_.rows().end() || (!range.upper.empty() && range.upper <= range.lower)) return absl::OkStatus();
  auto lower = rows->second.lower_bound(range.lower);
  auto upper = range.upper.empty() ? rows->second.end() : rows->second.lower_bound(range.upper);
  if (!range.descending) {
    while (lower != upper && visit(lower->first, lower->second)) ++lower;
    return absl::OkStatus();
  }
  while (lower != upper) {
    --upper;
    if (!visit(upper->first, upper->second)) break;
  }
  return absl::OkStatus();
}

absl::Status MemoryStore::WriteFaulty(const storage::Batch& batch, bool sync, WriteFault& fault) {
  ACCORD_RETURN_IF_ERROR(Alive());
  fault = sync ? disk_.TakeFault() : WriteFault::kNone;
  const bool there = fault != WriteFault::kRefused && fault != WriteFault::kUnknownAbsent;
  if (there) disk_.Apply(batch, sync);
  if (fault == WriteFault::kNone || fault == WriteFault::kUnreadable) return absl::OkStatus();
  failed_ = true;
  return Gone("the write failed");
}

absl::Status MemoryStore::Write(const storage::Batch& batch, bool sync) {
  WriteFault fault;
  ACCORD_RETURN_IF_ERROR(WriteFaulty(batch, sync, fault));
  if (fault == WriteFault::kNone) return absl::OkStatus();
  failed_ = true;
  return Gone("the write failed");
}

absl::StatusOr<std::unique_ptr<MemoryCommitLog>> MemoryCommitLog::Open(MemoryStore& store) {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, store.Get(storage::kMetaFamily, storage::kCommitKey));
  storage::Commit head{.digest = std::string(crypto::kDigestBytes, '\0')};
  if (stored.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(head, storage::DecodeCommit(*stored));
  }
  return std::unique_ptr<MemoryCommitLog>(new MemoryCommitLog(store, std::move(head)));
}

storage::AppendOutcome MemoryCommitLog::Append(uint64_t term, uint64_t expected_sequence, uint64_t time_ms, const storage::Batch& batch) {
  if (absl::Status alive = store_.Alive(); !alive.ok()) return storage::Unknown{std::move(alive)};
  if (term < head_.term || expected_sequence != head_.sequence) return storage::Fenced{head_.term, head_.sequence};
  storage::Commit next{term, head_.sequence + 1, time_ms, ""};
  next.digest = crypto::Sha256(storage::EncodeRecord(next.term, next.sequence, next.time_ms, batch));
  storage::Batch whole = batch;
  whole.Put(storage::kMetaFamily, storage::kCommitKey, storage::EncodeCommit(next));
  WriteFault fault;
  const absl::Status written = store_.WriteFaulty(whole, /*sync=*/true, fault);
  if (fault == WriteFault::kRefused) return storage::Fenced{head_.term, head_.sequence};
  if (!written.ok()) return storage::Unknown{written};
  unreadable_ = fault == WriteFault::kUnreadable;
  head_ = std::move(next);
  last_ = batch;
  return storage::Committed{head_.sequence, head_.digest};
}

absl::StatusOr<std::string> MemoryCommitLog::ReadBack(uint64_t sequence) {
  ACCORD_CHECK(sequence == head_.sequence);
  if (unreadable_) return Gone("the log cannot be read back");
  storage::Batch found;
  std::map<std::pair<std::string_view, std::string_view>, size_t> newest;  // A later operation on a key wins.
  for (size_t i = 0; i < last_.ops().size(); ++i) newest[{last_.ops()[i].family, last_.ops()[i].key}] = i;
  for (size_t i = 0; i < last_.ops().size(); ++i) {
    const auto& op = last_.ops()[i];
    ACCORD_ASSIGN_OR_RETURN(const auto row, store_.Get(op.family, op.key));
    const bool newest_of_key = newest.at({op.family, op.key}) == i;
    if (newest_of_key && row.has_value() != (op.kind == storage::Batch::Kind::kPut)) {
      return Error(Reason::kStoreCorrupt, "the log read back is not the batch committed");
    }
    if (op.kind == storage::Batch::Kind::kPut) {
      found.Put(op.family, op.key, newest_of_key ? *row : op.value);
    } else {
      found.Delete(op.family, op.key);
    }
  }
  return storage::EncodeRecord(head_.term, head_.sequence, head_.time_ms, found);
}

}  // namespace accord::simulation

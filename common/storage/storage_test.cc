// The canonical record, the store and the commit log, with the disk failing under them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/storage/commit_log.h"
#include "common/storage/fault_file_system.h"
#include "common/storage/rocks_store.h"

namespace accord::storage::storage_test {
namespace {

using Operation = FaultFileSystem::Operation;
using Fault = FaultFileSystem::Fault;

// Any 32 bytes that depend on all of the input serve as a digest here.
std::string FakeDigest(std::string_view bytes) {
  uint64_t hash = 1469598103934665603u;
  for (const char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return KeyU64(hash) + KeyU64(hash + 1) + KeyU64(hash + 2) + KeyU64(hash + 3);
}

class StorageTest : public ::testing::Test {
 protected:
  StorageTest() {
    char name[] = "/tmp/accord_storage_XXXXXX";
    root_ = mkdtemp(name);
    path_ = root_ + "/store";
    disk_ = std::make_shared<FaultFileSystem>();
    env_ = rocksdb::NewCompositeEnv(disk_);
  }
  ~StorageTest() override {
    Close();
    std::filesystem::remove_all(root_);
  }

  absl::Status Open(RocksStoreOptions options = {.create = true}) {
    Close();
    options.env = env_.get();
    ACCORD_ASSIGN_OR_RETURN(store_, RocksStore::Open(path_, {{"meta"}, {"leaf"}, {"sealed", true}}, options));
    ACCORD_ASSIGN_OR_RETURN(log_, RocksCommitLog::Open(*store_, FakeDigest));
    return absl::OkStatus();
  }
  void Close() {
    log_.reset();
    store_.reset();
  }

  // Batch number `n` puts two keys that only it puts.
  static Batch Numbered(uint64_t n, size_t bytes = 100) {
    Batch batch;
    batch.Put("leaf", KeyU64(2 * n), std::string(bytes, static_cast<char>('a' + n % 26)));
    batch.Put("leaf", KeyU64(2 * n + 1), KeyU64(n));
    batch.Put("meta", "last", KeyU64(n));
    return batch;
  }
  AppendOutcome Append(uint64_t n, size_t bytes = 100) { return log_->Append(1, n - 1, 1000 + n, Numbered(n, bytes)); }

  // Both keys of every batch up to the head are there, and nothing beyond it.
  void ExpectWhole() {
    const uint64_t head = log_->head().sequence;
    uint64_t keys = 0;
    ASSERT_TRUE(store_->Scan("leaf", {}, [&](std::string_view key, std::string_view) {
      EXPECT_EQ(key, KeyU64(2 + keys++));
      return true;
    }).ok());
    EXPECT_EQ(keys, 2 * head);
    if (head > 0) {
      EXPECT_EQ(store_->Get("meta", "last")->value(), KeyU64(head));
    }
  }

  std::set<std::string> Tables() const {
    std::set<std::string> found;
    for (const auto& file : std::filesystem::directory_iterator(path_)) {
      if (file.path().extension() == ".sst") found.insert(file.path().filename());
    }
    return found;
  }

  std::string OnlyWal() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      if (entry.path().extension() == ".log") found.push_back(entry.path());
    }
    return *std::max_element(found.begin(), found.end());
  }

  std::string root_, path_;
  std::shared_ptr<FaultFileSystem> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<RocksStore> store_;
  std::unique_ptr<RocksCommitLog> log_;
};

TEST(BatchTest, RecordHasGoldenBytes) {
  Batch batch;
  batch.Put("leaf", KeyU64(7), "xyz");
  batch.Delete("idx", "k");
  const std::string bytes = EncodeRecord(3, 9, 0x0102, batch);
  EXPECT_EQ(ToHex(bytes),
            "41425231" "0000000000000003" "0000000000000009" "0000000000000102" "00000002"
            "01" "046c656166" "000000080000000000000007" "0000000378797a"
            "02" "03696478" "000000016b");
  EXPECT_EQ(*DecodeRecord(bytes), (Record{3, 9, 0x0102, batch}));
}

TEST(BatchTest, DecodesNothingButTheCanonicalBytes) {
  Batch batch;
  batch.Put("leaf", "k", "v");
  const std::string bytes = EncodeRecord(1, 1, 1, batch);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_TRUE(HasReason(DecodeRecord(bytes.substr(0, length)).status(), Reason::kStoreCorrupt)) << length;
  }
  EXPECT_FALSE(DecodeRecord(bytes + '\0').ok());
  std::string other_kind = bytes;
  other_kind[32] = 3;
  EXPECT_FALSE(DecodeRecord(other_kind).ok());
  std::string other_magic = bytes;
  other_magic[3] = '2';
  EXPECT_FALSE(DecodeRecord(other_magic).ok());
}

TEST(BatchTest, CommitHasGoldenBytes) {
  const Commit commit{1, 2, 3, std::string(32, '\x05')};
  const std::string bytes = EncodeCommit(commit);
  EXPECT_EQ(ToHex(bytes), "000000000000000100000000000000020000000000000003" + ToHex(std::string(32, '\x05')));
  EXPECT_EQ(*DecodeCommit(bytes), commit);
  EXPECT_FALSE(DecodeCommit(bytes + "x").ok());
  EXPECT_FALSE(DecodeCommit(bytes.substr(1)).ok());
}

TEST(RangeTest, PrefixEndsBeforeTheNextPrefix) {
  EXPECT_EQ(Prefix("ab").upper, "ac");
  EXPECT_EQ(Prefix("a\xff").upper, "b");
  EXPECT_EQ(Prefix("\xff\xff").upper, "");
}

TEST_F(StorageTest, AbsentStoreIsNotMade) {
  EXPECT_TRUE(HasReason(Open({.create = false}), Reason::kStoreUnavailable));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/CURRENT"));
}

TEST_F(StorageTest, SecondOpenerIsRefused) {
  ASSERT_TRUE(Open().ok());
  const auto second = RocksStore::Open(path_, {{"meta"}, {"leaf"}, {"sealed", true}}, {.env = env_.get()});
  EXPECT_TRUE(HasReason(second.status(), Reason::kStoreUnavailable));
}

TEST_F(StorageTest, RefusesFamiliesOfANewerVersion) {
  ASSERT_TRUE(Open().ok());
  Close();
  const auto older = RocksStore::Open(path_, {{"meta"}});
  EXPECT_TRUE(HasReason(older.status(), Reason::kStoreUnavailable));
  EXPECT_THAT(older.status().ToString(), ::testing::HasSubstr("newer"));
}

TEST_F(StorageTest, ReadsScansAndSnapshots) {
  ASSERT_TRUE(Open().ok());
  Batch batch;
  for (const char* key : {"a1", "a2", "a3", "b1"}) batch.Put("leaf", key, key);
  ASSERT_TRUE(store_->Write(batch, true).ok());
  const auto before = store_->NewSnapshot();
  Batch change;
  change.Delete("leaf", "a2");
  change.Put("leaf", "a3", "new");
  ASSERT_TRUE(store_->Write(change, false).ok());

  const auto keys = [&](Range range, const Snapshot* at = nullptr, size_t limit = 10) {
    std::vector<std::string> found;
    EXPECT_TRUE(store_->Scan("leaf", range, [&](std::string_view key, std::string_view) {
      found.emplace_back(key);
      return found.size() < limit;
    }, at).ok());
    return found;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(keys(Prefix("a")), ElementsAre("a1", "a3"));
  EXPECT_THAT(keys(Prefix("a"), before.get()), ElementsAre("a1", "a2", "a3"));
  EXPECT_THAT(keys({.upper = "b", .descending = true}), ElementsAre("a3", "a1"));
  EXPECT_THAT(keys({}, nullptr, 2), ElementsAre("a1", "a3"));
  EXPECT_EQ(store_->Get("leaf", "a2")->has_value(), false);
  EXPECT_EQ(store_->Get("leaf", "a3", before.get())->value(), "a3");
  EXPECT_EQ(store_->Get("leaf", "a3")->value(), "new");
}

TEST_F(StorageTest, AStopWritesOutOnlyWhatTakesLongToReplay) {
  ASSERT_TRUE(Open().ok());
  Batch little, much;
  little.Put("leaf", "a", "1");
  for (uint64_t n = 0; n < 100; ++n) much.Put("leaf", KeyU64(n), std::string(20'000, 'm'));
  constexpr uint64_t kMin = 1 << 20;
  ASSERT_TRUE(store_->Write(little, true).ok());
  ASSERT_TRUE(store_->FlushAll(kMin).ok());
  EXPECT_THAT(Tables(), ::testing::IsEmpty());
  ASSERT_TRUE(store_->Write(much, true).ok());
  ASSERT_TRUE(store_->FlushAll(kMin).ok());
  EXPECT_THAT(Tables(), ::testing::SizeIs(1));
}

// The first and the last key of a family, as little as that is, lie over all of it.
TEST_F(StorageTest, WhatStopsLeaveIsMergedWithoutWritingTheWholeFamilyAnew) {
  ASSERT_TRUE(Open().ok());
  constexpr uint64_t kRows = 480;
  FakeRandom chance(7);
  for (uint64_t n = 0; n < kRows; ++n) {
    Batch batch;
    batch.Put("leaf", KeyU64(n), chance.Bytes(100'000));  // Not to be compressed: 48 MB.
    ASSERT_TRUE(store_->Write(batch, false).ok());
  }
  ASSERT_TRUE(store_->Purge("leaf").ok());
  const std::set<std::string> whole = Tables();
  for (int stop = 0; stop < 4; ++stop) {
    Batch little;
    little.Put("leaf", KeyU64(0), "new");
    little.Put("leaf", KeyU64(kRows - 1), "new");
    ASSERT_TRUE(store_->Write(little, true).ok());
    ASSERT_TRUE(store_->FlushAll().ok());
  }
  ASSERT_TRUE(store_->DropUnneededFiles().ok());  // Waits for the compaction that the fourth began.
  const std::set<std::string> merged = Tables();
  EXPECT_THAT(whole, ::testing::SizeIs(::testing::Gt(1)));
  EXPECT_THAT(merged, ::testing::IsSupersetOf(whole)) << "written anew";
  EXPECT_LT(merged.size(), whole.size() + 4) << "not merged";
}

TEST_F(StorageTest, CompactionsComeAfterWhoeverReadsOrCommitsMeanwhile) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(store_->Write(Numbered(1), true).ok());
  ASSERT_TRUE(store_->Purge("leaf").ok());
  std::map<std::string, std::set<int>> nice;  // Of RocksDB's threads, by the pool that they are called after.
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    const auto name = ReadFile((thread.path() / "comm").string());
    ASSERT_TRUE(name.ok()) << name.status();
    if (name->starts_with("rocksdb:")) nice[*name].insert(getpriority(PRIO_PROCESS, static_cast<id_t>(std::stoi(thread.path().filename()))));
  }
  const int ours = getpriority(PRIO_PROCESS, 0);
  EXPECT_THAT(nice["rocksdb:low\n"], ::testing::ElementsAre(19));
  EXPECT_THAT(nice["rocksdb:high\n"], ::testing::ElementsAre(ours)) << "a writer waits for it";
}

// From memory and from files, in blobs too.
TEST_F(StorageTest, GetsManyInTheOrderAskedFor) {
  ASSERT_TRUE(Open().ok());
  Batch batch;
  for (uint64_t n = 0; n < 100; ++n) batch.Put("sealed", KeyU64(n), std::string(n % 2 == 0 ? 10 : 10'000, static_cast<char>('a' + n % 26)));
  ASSERT_TRUE(store_->Write(batch, true).ok());
  ASSERT_TRUE(store_->FlushAll().ok());
  Batch change;
  change.Delete("sealed", KeyU64(7));
  change.Put("sealed", KeyU64(8), "new");
  ASSERT_TRUE(store_->Write(change, true).ok());

  std::vector<std::string> keys;
  for (const uint64_t n : {99, 7, 8, 3, 3, 100, 0}) keys.push_back(KeyU64(n));
  const auto values = store_->GetMany("sealed", keys);
  ASSERT_EQ(values.status(), absl::OkStatus());
  ASSERT_EQ(values->size(), keys.size());
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_EQ((*values)[i], *store_->Get("sealed", keys[i])) << i;
  EXPECT_EQ((*values)[2], "new");
  EXPECT_FALSE((*values)[1].has_value());
  EXPECT_FALSE((*values)[5].has_value());
  EXPECT_TRUE(store_->GetMany("sealed", {})->empty());
}

TEST_F(StorageTest, PurgeLeavesNoTraceOfOverwrittenBytes) {
  ASSERT_TRUE(Open().ok());
  const std::string secret = "find-me-if-you-can-" + std::string(8000, 's');
  Batch put;
  put.Put("sealed", "k", secret);
  ASSERT_TRUE(store_->Write(put, true).ok());
  ASSERT_TRUE(store_->Purge("sealed").ok());  // The bytes are now in a blob file.
  Batch erase;
  erase.Delete("sealed", "k");
  ASSERT_TRUE(store_->Write(erase, true).ok());
  ASSERT_TRUE(store_->Purge("sealed").ok());
  ASSERT_TRUE(store_->VerifyChecksums().ok());
  Close();
  ASSERT_TRUE(Open().ok());
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(bytes.find("find-me-if-you-can"), std::string::npos) << entry.path();
  }
}

TEST_F(StorageTest, NoFileHasThePurgedKeyWithoutAReopening) {
  ASSERT_TRUE(Open().ok());
  const auto files_with = [&](std::string_view text) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(file)), {});
      if (bytes.find(text) != std::string::npos) found.push_back(entry.path().filename().string());
    }
    return found;
  };
  Batch put;
  put.Put("sealed", "find-this-key", "v");
  put.Put(kMetaFamily, "m", "1");
  ASSERT_TRUE(store_->Write(put, true).ok());
  ASSERT_TRUE(store_->Purge("sealed").ok());
  EXPECT_FALSE(files_with("find-this-key").empty());  // In a table, and in the manifest as its first and last key.
  Batch erase;
  erase.Delete("sealed", "find-this-key");
  ASSERT_TRUE(store_->Write(erase, true).ok());
  ASSERT_TRUE(store_->Purge("sealed").ok());
  Batch touch;
  touch.Put(kMetaFamily, "m", "2");
  ASSERT_TRUE(store_->Write(touch, true).ok());
  ASSERT_TRUE(store_->Flush(kMetaFamily).ok());
  ASSERT_TRUE(store_->DropUnneededFiles().ok());
  EXPECT_TRUE(files_with("find-this-key").empty()) << files_with("find-this-key").front();
  ASSERT_TRUE(store_->VerifyChecksums().ok());
}

TEST_F(StorageTest, CopyOpensAtTheSameHead) {
  ASSERT_TRUE(Open().ok());
  for (uint64_t n = 1; n <= 5; ++n) Append(n);
  ASSERT_TRUE(store_->CopyTo(root_ + "/copy").ok());
  Append(6);
  path_ = root_ + "/copy";
  ASSERT_TRUE(Open({.create = false}).ok());
  EXPECT_EQ(log_->head().sequence, 5u);
  ExpectWhole();
}

TEST_F(StorageTest, AppendsInSequenceAndReopensAtTheHead) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(log_->head(), (Commit{0, 0, 0, std::string(32, '\0')}));
  for (uint64_t n = 1; n <= 3; ++n) {
    const AppendOutcome outcome = Append(n);
    ASSERT_TRUE(std::holds_alternative<Committed>(outcome));
    EXPECT_EQ(std::get<Committed>(outcome).digest, FakeDigest(EncodeRecord(1, n, 1000 + n, Numbered(n))));
  }
  const Commit head = log_->head();
  ASSERT_TRUE(Open({.create = false}).ok());
  EXPECT_EQ(log_->head(), head);
  ExpectWhole();
}

TEST_F(StorageTest, FencesWrongSequenceAndEarlierTermAndWritesNothing) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(std::holds_alternative<Committed>(log_->Append(5, 0, 1, Numbered(1))));
  for (const auto& [term, expected] : {std::pair<uint64_t, uint64_t>{5, 0}, {5, 2}, {4, 1}}) {
    const AppendOutcome outcome = log_->Append(term, expected, 2, Numbered(2));
    ASSERT_TRUE(std::holds_alternative<Fenced>(outcome)) << term << " " << expected;
    EXPECT_EQ(std::get<Fenced>(outcome).term, 5u);
    EXPECT_EQ(std::get<Fenced>(outcome).sequence, 1u);
  }
  ExpectWhole();
  EXPECT_TRUE(std::holds_alternative<Committed>(log_->Append(6, 1, 2, Numbered(2))));
}

TEST_F(StorageTest, ReadsBackTheRecordFromTheLog) {
  ASSERT_TRUE(Open().ok());
  for (uint64_t n = 1; n <= 40; ++n) {
    Batch batch = Numbered(n);
    batch.Put("sealed", "big", std::string(10'000, 'z'));
    batch.Delete("sealed", "big");
    ASSERT_TRUE(std::holds_alternative<Committed>(log_->Append(1, n - 1, n, batch)));
    // A flush of some families in between starts a new log file.
    if (n % 7 == 0) {
      ASSERT_TRUE(store_->Purge("sealed").ok());
    }
    const auto record = log_->ReadBack(n);
    ASSERT_TRUE(record.ok()) << record.status();
    EXPECT_EQ(*record, EncodeRecord(1, n, n, batch));
    EXPECT_EQ(FakeDigest(*record), log_->head().digest);
    if (n == 20) {
      ASSERT_TRUE(Open().ok());
    }
  }
}

TEST_F(StorageTest, ReadsBackAcrossFullLogFiles) {
  ASSERT_TRUE(Open().ok());
  for (uint64_t n = 1; n <= 11; ++n) {  // 11 × 4 MiB over memtables of 32 MiB.
    ASSERT_TRUE(std::holds_alternative<Committed>(Append(n, 4u << 20)));
    const auto record = log_->ReadBack(n);
    ASSERT_TRUE(record.ok()) << record.status();
    EXPECT_EQ(FakeDigest(*record), log_->head().digest);
  }
}

TEST_F(StorageTest, ReadsBackWhileAnEndedLogFileIsDeleted) {
  ASSERT_TRUE(Open().ok());
  Append(1);
  const std::string ended = path_ + "/000001.log";
  std::filesystem::copy_file(OnlyWal(), ended);
  disk_->DeleteWhenSized(ended);
  const auto record = log_->ReadBack(1);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(FakeDigest(*record), log_->head().digest);
  EXPECT_FALSE(std::filesystem::exists(ended));
}

TEST_F(StorageTest, FlippedByteInTheLogIsSeenBeforeSigning) {
  ASSERT_TRUE(Open().ok());
  Append(1);
  ASSERT_TRUE(log_->ReadBack(1).ok());
  Append(2);
  std::fstream wal(OnlyWal(), std::ios::in | std::ios::out | std::ios::binary);
  wal.seekp(-30, std::ios::end);
  wal.put('!');
  wal.close();
  EXPECT_FALSE(log_->ReadBack(2).ok());
}

TEST_F(StorageTest, PowerCutKeepsEveryCommittedBatchAndNoHalf) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    FakeRandom random(seed);
    std::filesystem::remove_all(path_);
    ASSERT_TRUE(Open().ok());
    const uint64_t committed = 1 + random.Below(20);
    for (uint64_t n = 1; n <= committed; ++n) ASSERT_TRUE(std::holds_alternative<Committed>(Append(n)));
    // One more whose bytes reached the file and whose sync never came.
    disk_->FailFrom(Operation::kSync, 1, Fault::kIoError);
    ASSERT_TRUE(std::holds_alternative<Unknown>(Append(committed + 1, 40'000)));
    disk_->CutPower();
    Close();
    disk_->Restore(seed % 2 == 0 ? nullptr : &random);
    const absl::Status opened = Open({.create = false});
    ASSERT_TRUE(opened.ok()) << "seed " << seed << ": " << opened;
    EXPECT_GE(log_->head().sequence, committed) << "seed " << seed;
    EXPECT_LE(log_->head().sequence, committed + 1) << "seed " << seed;
    ExpectWhole();
    Close();
  }
}

TEST_F(StorageTest, UnsyncedWritesAreLostInAPowerCut) {
  ASSERT_TRUE(Open().ok());
  Append(1);
  Batch batch;
  batch.Put("leaf", "unsynced", "x");
  ASSERT_TRUE(store_->Write(batch, false).ok());
  disk_->CutPower();
  Close();
  disk_->Restore();
  ASSERT_TRUE(Open({.create = false}).ok());
  EXPECT_FALSE(store_->Get("leaf", "unsynced")->has_value());
  ExpectWhole();
}

class DiskFaultTest : public StorageTest, public ::testing::WithParamInterface<std::pair<Operation, Fault>> {};

TEST_P(DiskFaultTest, FailedWriteIsUnknownAndRefusesUntilReopened) {
  ASSERT_TRUE(Open().ok());
  for (uint64_t n = 1; n <= 3; ++n) Append(n);
  disk_->FailFrom(GetParam().first, 1, GetParam().second);
  const AppendOutcome failed = Append(4);
  ASSERT_TRUE(std::holds_alternative<Unknown>(failed));
  EXPECT_TRUE(HasReason(std::get<Unknown>(failed).cause, Reason::kStoreUnavailable));

  disk_->Heal();
  EXPECT_TRUE(std::holds_alternative<Unknown>(Append(4)));
  EXPECT_FALSE(store_->Write(Numbered(9), true).ok());
  EXPECT_EQ(log_->head().sequence, 3u);

  // The reopened store decides: the batch is wholly there or wholly absent, and the
  // retry that follows finds out which.
  ASSERT_TRUE(Open({.create = false}).ok());
  ExpectWhole();
  const uint64_t head = log_->head().sequence;
  EXPECT_TRUE(head == 3 || head == 4) << head;
  EXPECT_TRUE(std::holds_alternative<Committed>(Append(head + 1)));
  ExpectWhole();
}

INSTANTIATE_TEST_SUITE_P(WalFaults, DiskFaultTest,
                         ::testing::Values(std::pair(Operation::kSync, Fault::kIoError),
                                         std::pair(Operation::kSync, Fault::kNoSpace),
                                         std::pair(Operation::kAppend, Fault::kIoError),
                                         std::pair(Operation::kAppend, Fault::kNoSpace)));

TEST_F(StorageTest, DamageInTheMiddleOfTheLogIsRefused) {
  ASSERT_TRUE(Open().ok());
  for (uint64_t n = 1; n <= 100; ++n) Append(n);
  const std::string wal = OnlyWal();
  Close();
  const auto size = std::filesystem::file_size(wal);
  std::fstream file(wal, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(size / 2));
  file.put('!');
  file.close();
  EXPECT_TRUE(HasReason(Open({.create = false}), Reason::kStoreCorrupt));
  // Only the repair of a copy opens it, shorter, for the guard to judge.
  ASSERT_TRUE(Open({.recovery = RocksStoreOptions::Recovery::kPointInTime}).ok());
  EXPECT_LT(log_->head().sequence, 100u);
  ExpectWhole();
}

}  // namespace
}  // namespace accord::storage::storage_test

// The ledger over a real store: what is written, read, proved, verified and signed,
// and everything that must stop it from signing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/checkpoint.h"
#include "common/storage/rocks_store.h"
#include "services/broker/ledger/checkpoint_signer.h"
#include "services/broker/ledger/ledger_reader.h"
#include "services/broker/ledger/ledger_writer.h"

namespace accord::broker::ledger_test {
namespace {

constexpr char kOrigin[] = "accord.test/log";

std::string FakeLeaf(uint64_t index) { return "leaf " + std::to_string(index); }

// What reads back is not quite the last batch of `log`.
class LyingLog : public storage::CommitLog {
 public:
  LyingLog(storage::CommitLog& log, uint64_t sequence, const std::function<void(storage::Record&)>& alter)
      : head_(log.head()) {
    storage::Record record = *storage::DecodeRecord(*log.ReadBack(sequence));
    alter(record);
    bytes_ = storage::EncodeRecord(record.term, record.sequence, record.time_ms, record.batch);
  }
  const storage::Commit& head() const override { return head_; }
  storage::AppendOutcome Append(uint64_t, uint64_t, uint64_t, const storage::Batch&) override {
    return storage::Fenced{};
  }
  absl::StatusOr<std::string> ReadBack(uint64_t) override { return bytes_; }

 private:
  const storage::Commit head_;
  std::string bytes_;
};

class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() {
    char name[] = "/tmp/accord_ledger_XXXXXX";
    root_ = mkdtemp(name);
    path_ = root_ + "/store";
    EXPECT_TRUE(Guard::Create(root_ + "/guard", {0, std::string(ledger::View(ledger::EmptyRoot()))}).ok());
  }
  ~LedgerTest() override {
    Close();
    std::filesystem::remove_all(root_);
  }

  void OpenStore() {
    Close();
    auto store = storage::RocksStore::Open(
        path_, {{"leaf"}, {"tile"}, {"node"}, {"checkpoint"}, {"opening"}, {"fork"}, {"meta"}}, {.create = true});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    log_ = *storage::RocksCommitLog::Open(*store_, [](std::string_view bytes) { return crypto::Sha256(bytes); });
  }
  absl::Status Open() {
    OpenStore();
    ACCORD_ASSIGN_OR_RETURN(auto guard, Guard::Open(root_ + "/guard"));
    ACCORD_ASSIGN_OR_RETURN(signer_, CheckpointSigner::Open(*store_, std::move(guard), key_, kOrigin));
    ACCORD_ASSIGN_OR_RETURN(writer_, LedgerWriter::Open(*store_, kOrigin));
    return absl::OkStatus();
  }
  void Close() {
    writer_.reset();
    signer_.reset();
    log_.reset();
    store_.reset();
  }

  storage::Committed Append(const storage::Batch& batch) {
    return std::get<storage::Committed>(log_->Append(1, log_->head().sequence, 1, batch));
  }
  // Commits leaves up to `size` in one batch.
  storage::Committed Grow(uint64_t size) {
    storage::Batch batch;
    while (writer_->size() < size) {
      const uint64_t index = writer_->size();
      EXPECT_EQ(writer_->Add(FakeLeaf(index), batch), index);
    }
    writer_->Finish(batch);
    return Append(batch);
  }
  absl::StatusOr<SignedCheckpoint> GrowAndSign(uint64_t size) { return signer_->VerifyThenSign(*log_, Grow(size)); }

  std::string SignAs(const crypto::Ed25519Signer& key, uint64_t size, const ledger::Hash& root) {
    return ledger::SignCheckpoint({kOrigin, size, root}, key);
  }
  GuardMark MarkOnDisk() {
    GuardSlot found;
    const std::string file = *ReadFile(root_ + "/guard");
    for (size_t slot = 0; slot < 2; ++slot) {
      const auto decoded = DecodeGuardSlot(file.substr(slot * kGuardSlotBytes, kGuardSlotBytes));
      if (decoded.has_value() && decoded->generation >= found.generation) found = *decoded;
    }
    return found.mark;
  }

  const crypto::Ed25519Signer key_ = *crypto::Ed25519Signer::FromSeed(std::string(32, 's'));
  std::string root_, path_;
  std::unique_ptr<storage::RocksStore> store_;
  std::unique_ptr<storage::CommitLog> log_;
  std::unique_ptr<CheckpointSigner> signer_;
  std::unique_ptr<LedgerWriter> writer_;
};

TEST(LedgerFamiliesTest, KeysAndHeadHaveGoldenBytes) {
  EXPECT_EQ(ToHex(EncodeTileKey({2, 258})), "020000000000000102");
  EXPECT_EQ(DecodeTileKey(EncodeTileKey({2, 258})), (TileKey{2, 258}));
  EXPECT_FALSE(DecodeTileKey(EncodeTileKey({9, 0})));
  EXPECT_FALSE(DecodeTileKey("short"));
  const LedgerHead head{258, std::string(32, '\x07')};
  EXPECT_EQ(ToHex(EncodeLedgerHead(head)), "414348310000000000000102" + ToHex(head.root));
  EXPECT_EQ(DecodeLedgerHead(EncodeLedgerHead(head)), head);
  EXPECT_FALSE(DecodeLedgerHead(EncodeLedgerHead(head) + "x"));
  EXPECT_FALSE(DecodeLedgerHead("ACH2" + EncodeLedgerHead(head).substr(4)));
}

// Grows through every boundary of tiles, opening all anew at each, and checks roots, tiles and
// proofs against a plain frontier over all leaf hashes.
TEST_F(LedgerTest, ReopensAndProvesAtEveryTileBoundary) {
  const std::vector<uint64_t> sizes = {0, 1, 2, 255, 256, 257, 511, 513, 65'535, 65'536, 65'537, 65'793};
  ledger::Frontier oracle;
  std::vector<ledger::Hash> hashes;
  std::vector<ledger::Hash> roots;
  for (const uint64_t size : sizes) {
    ASSERT_TRUE(Open().ok()) << size;
    while (hashes.size() < size) {
      hashes.push_back(ledger::LeafHash(FakeLeaf(hashes.size())));
      oracle.Append(hashes.back());
    }
    roots.push_back(oracle.Root());
    const auto signed_checkpoint = GrowAndSign(size);
    ASSERT_TRUE(signed_checkpoint.ok()) << signed_checkpoint.status();
    EXPECT_EQ(signed_checkpoint->root, oracle.Root()) << size;
    ASSERT_TRUE(Open().ok()) << size;
    EXPECT_EQ(writer_->size(), size);
    EXPECT_EQ(writer_->edge().Root(), oracle.Root()) << size;

    const LedgerReader reader(*store_, signer_->edge());
    for (const uint64_t index : {uint64_t{0}, uint64_t{1}, uint64_t{254}, uint64_t{256}, size / 2, size - 1}) {
      if (index >= size) continue;
      EXPECT_EQ(*reader.Leaf(index), FakeLeaf(index));
      EXPECT_TRUE(ledger::VerifyInclusion(index, size, hashes[index], *reader.InclusionProof(index, size), roots.back()).ok())
          << index << " of " << size;
    }
    // Every earlier tree is still there, in roots and proofs.
    for (size_t i = 0; i < roots.size(); ++i) {
      EXPECT_EQ(*reader.Root(sizes[i]), roots[i]) << sizes[i] << " within " << size;
      EXPECT_TRUE(ledger::VerifyConsistency(sizes[i], size, roots[i], roots.back(),
                                            *reader.ConsistencyProof(sizes[i], size)).ok())
          << sizes[i] << " within " << size;
      if (sizes[i] > 0) {
        const uint64_t last = sizes[i] - 1;
        EXPECT_TRUE(ledger::VerifyInclusion(last, sizes[i], hashes[last], *reader.InclusionProof(last, sizes[i]), roots[i]).ok())
            << last << " of " << sizes[i] << " within " << size;
      }
    }
    for (const ledger::Tile& tile : ledger::TilesOf(size)) {
      if (tile.level == 0 && tile.index % 50 != 0) continue;
      const std::string bytes = *reader.Tile(tile);
      ASSERT_EQ(bytes.size(), tile.width * kHashBytes);
      const uint64_t span = uint64_t{1} << 8 * tile.level;
      const uint64_t at = (tile.index * 256 + tile.width - 1) * span;  // The tile's last hash.
      ledger::Frontier part;
      for (uint64_t i = at; i < at + span; ++i) part.Append(hashes[i]);
      EXPECT_EQ(bytes.substr(bytes.size() - kHashBytes), ledger::View(part.Root())) << tile.level << "/" << tile.index;
    }
  }
}

TEST_F(LedgerTest, ReaderRefusesWhatIsBeyondTheTree) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(GrowAndSign(300).ok());
  const LedgerReader reader(*store_, signer_->edge());
  EXPECT_TRUE(HasReason(reader.Leaf(300).status(), Reason::kEntryNotFound));
  EXPECT_EQ(*reader.LeavesAt(std::vector<uint64_t>{299, 0}), (std::vector<std::string>{FakeLeaf(299), FakeLeaf(0)}));
  EXPECT_TRUE(HasReason(reader.LeavesAt(std::vector<uint64_t>{0, 300}).status(), Reason::kEntryNotFound));
  EXPECT_TRUE(HasReason(reader.InclusionProof(300, 300).status(), Reason::kEntryNotFound));
  EXPECT_TRUE(HasReason(reader.InclusionProof(0, 301).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(reader.ConsistencyProof(1, 301).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(reader.ConsistencyProof(2, 1).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(reader.Root(UINT64_MAX).status(), Reason::kFieldInvalid));
  for (const ledger::Tile& tile : {ledger::Tile{0, 1, 45}, {0, 1, 256}, {0, 2, 1}, {0, 0, 0}, {0, 0, 257}, {1, 0, 2},
                                   {2, 0, 1}, {8, 0, 1}, {-1, 0, 1}, {0, UINT64_MAX, 1}}) {
    EXPECT_TRUE(HasReason(reader.Tile(tile).status(), Reason::kFieldInvalid)) << tile.level << " " << tile.index;
  }
  EXPECT_EQ(reader.Tile({0, 1, 44})->size(), 44 * kHashBytes);
  EXPECT_EQ(*reader.Tile({0, 0, 7}), reader.Tile({0, 0, 256})->substr(0, 7 * kHashBytes));
  EXPECT_FALSE(reader.EntryBundle({1, 45}).ok());
  EXPECT_EQ(*ledger::ParseBundle(*reader.EntryBundle({1, 2}), 2),
            (std::vector<std::string>{FakeLeaf(256), FakeLeaf(257)}));
  EXPECT_TRUE(HasReason(reader.Checkpoint(300).status(), Reason::kEntryNotFound));
}

TEST_F(LedgerTest, ScrubbingFindsEveryAlteredRecord) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(GrowAndSign(600).ok());
  const LedgerReader reader(*store_, signer_->edge());
  EXPECT_TRUE(reader.CheckTile(0, 0).ok());
  EXPECT_TRUE(reader.CheckTile(0, 1).ok());
  EXPECT_TRUE(HasReason(reader.CheckTile(0, 2), Reason::kFieldInvalid));  // Not full.
  const std::pair<std::string, std::string> records[] = {
      {"leaf", KeyU64(300)}, {"tile", EncodeTileKey({0, 1})}, {"node", EncodeTileKey({1, 1})}};
  for (const auto& [family, key] : records) {
    const std::string was = store_->Get(family, key)->value();
    for (const bool absent : {false, true}) {
      storage::Batch alter, mend;
      absent ? alter.Delete(family, key) : alter.Put(family, key, was.substr(0, was.size() - 1) + '!');
      mend.Put(family, key, was);
      ASSERT_TRUE(store_->Write(alter, false).ok());
      EXPECT_TRUE(HasReason(reader.CheckTile(0, 1), Reason::kStoreCorrupt)) << family << absent;
      ASSERT_TRUE(store_->Write(mend, false).ok());
    }
  }
  EXPECT_TRUE(reader.CheckTile(0, 1).ok());

  // What is in no full tile yet is held against the edge in memory.
  EXPECT_TRUE(reader.CheckEdge(0).ok() && reader.CheckEdge(1).ok() && reader.CheckEdge(2).ok());
  for (const auto& [family, key, level] : {std::tuple("leaf", KeyU64(599), 0), {"node", EncodeTileKey({1, 0}), 1}}) {
    storage::Batch alter, mend;
    const std::string was = store_->Get(family, key)->value();
    alter.Put(family, key, was.substr(0, was.size() - 1) + '!');
    mend.Put(family, key, was);
    ASSERT_TRUE(store_->Write(alter, false).ok());
    EXPECT_TRUE(HasReason(reader.CheckEdge(static_cast<uint8_t>(level)), Reason::kStoreCorrupt)) << family;
    ASSERT_TRUE(store_->Write(mend, false).ok());
  }

  // A short tile is damage, not a proof.
  storage::Batch cut;
  cut.Put("tile", EncodeTileKey({0, 0}), "short");
  ASSERT_TRUE(store_->Write(cut, false).ok());
  EXPECT_TRUE(HasReason(reader.InclusionProof(3, 600).status(), Reason::kStoreCorrupt));
}

// Counts what is read.
class CountingStore : public storage::Store {
 public:
  explicit CountingStore(const storage::Store& store) : store_(store) {}
  absl::StatusOr<std::optional<std::string>> Get(std::string_view family, std::string_view key,
                                                 const storage::Snapshot* at) const override {
    ++rows;
    return store_.Get(family, key, at);
  }
  absl::Status Scan(std::string_view family, const storage::Range& range,
                    absl::FunctionRef<bool(std::string_view, std::string_view)> visit,
                    const storage::Snapshot* at) const override {
    return store_.Scan(family, range, [&](std::string_view key, std::string_view value) {
      ++rows;
      return visit(key, value);
    }, at);
  }
  std::unique_ptr<storage::Snapshot> NewSnapshot() const override { return store_.NewSnapshot(); }
  absl::Status Write(const storage::Batch&, bool) override { return absl::UnimplementedError("reads only"); }

  mutable int rows = 0;

 private:
  const storage::Store& store_;
};

// Design: opening reads O(log n): at most 255 leaves, 255 nodes of each level, and the head; then a path for the guard.
TEST_F(LedgerTest, OpeningReadsABoundedNumberOfRows) {
  ASSERT_TRUE(Open().ok());
  for (const uint64_t size : {255, 65'535, 65'536, 65'536 + 255}) {
    ASSERT_TRUE(GrowAndSign(size).ok());
    CountingStore counting(*store_);
    ASSERT_TRUE(LedgerWriter::Open(counting, kOrigin).ok());
    EXPECT_LE(counting.rows, 255 * (size > 255 ? 2 : 1) + 2) << size;
    if (size == 65'535) {
      EXPECT_EQ(counting.rows, 255 * 2 + 1);  // The worst there is below 2^24: it does count.
    }
    counting.rows = 0;
    ASSERT_TRUE(LedgerReader(counting, signer_->edge()).Root(size - size / 3).ok());
    EXPECT_LE(counting.rows, 8) << size;  // A tile for each level and side.
  }
}

// Leaf, tile and node changed so that they agree: the level above tells.
TEST_F(LedgerTest, ScrubbingTheUpperTilesFindsAConsistentForgeryBelow) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(GrowAndSign(65'536 + 300).ok());
  const LedgerReader reader(*store_, signer_->edge());
  ASSERT_TRUE(reader.CheckTile(0, 7).ok());
  ASSERT_TRUE(reader.CheckTile(1, 0).ok());
  ASSERT_TRUE(reader.CheckEdge(2).ok());
  std::string hashes = store_->Get("tile", EncodeTileKey({0, 7}))->value();
  const std::string forged = "another history";
  hashes.replace(0, kHashBytes, ledger::View(ledger::LeafHash(forged)));
  ledger::Frontier subtree;
  for (size_t at = 0; at < hashes.size(); at += kHashBytes) subtree.Append(*ledger::ToHash(hashes.substr(at, kHashBytes)));
  storage::Batch batch;
  batch.Put("leaf", KeyU64(7 * 256), forged);
  batch.Put("tile", EncodeTileKey({0, 7}), hashes);
  batch.Put("node", EncodeTileKey({1, 7}), ledger::View(subtree.Root()));
  ASSERT_TRUE(store_->Write(batch, false).ok());
  EXPECT_TRUE(reader.CheckTile(0, 7).ok());
  EXPECT_TRUE(HasReason(reader.CheckTile(1, 0), Reason::kStoreCorrupt));
}

// Design: insert-only but for the head. What was ever put under a ledger key is what is there at the end, whatever the batches.
TEST_F(LedgerTest, NoLedgerKeyIsEverWrittenTwice) {
  ASSERT_TRUE(Open().ok());
  std::map<std::pair<std::string, std::string>, std::string> written;
  int full = 0;
  const auto watch = [&](const storage::Batch& batch) {
    for (const auto& op : batch.ops()) {
      ASSERT_EQ(op.kind, storage::Batch::Kind::kPut);
      if (op.family == kMetaFamily) continue;
      EXPECT_TRUE(written.emplace(std::pair(op.family, op.key), op.value).second) << op.family << " twice";
      if (op.family != kTileFamily) continue;
      ++full;
      EXPECT_EQ(op.value.size(), kTileBytes) << "a partial tile";
    }
  };
  for (const int count : {1, 254, 1, 1, 255, 256, 257, 700, 3, 64'000, 1000}) {
    storage::Batch batch;
    for (int i = 0; i < count; ++i) writer_->Add(FakeLeaf(writer_->size()), batch);
    writer_->Finish(batch);
    watch(batch);
    ASSERT_TRUE(signer_->VerifyThenSign(*log_, Append(batch)).ok());
    if (count % 2 != 0) continue;
    ASSERT_TRUE(Open().ok());  // And what an opening reads makes no other.
  }
  EXPECT_EQ(full, static_cast<int>(writer_->size() / 256 + writer_->size() / 65'536));
  for (const auto& [key, value] : written) ASSERT_EQ(store_->Get(key.first, key.second)->value(), value);
}

TEST_F(LedgerTest, SignsANoteThatTheStockFormatAccepts) {
  ASSERT_TRUE(Open().ok());
  std::vector<SigningStep> steps;
  const auto signed_checkpoint = signer_->VerifyThenSign(*log_, Grow(3), [&](SigningStep step) {
    steps.push_back(step);
    // The guard holds the tree before a note of it exists, and not before it is verified.
    EXPECT_EQ(MarkOnDisk().size, step == SigningStep::kReadBack ? 0u : 3u);
  });
  ASSERT_TRUE(signed_checkpoint.ok());
  EXPECT_THAT(steps, ::testing::ElementsAre(SigningStep::kReadBack, SigningStep::kGuarded, SigningStep::kSigned));
  const auto vkey = ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, key_.verifier());
  const auto verified = ledger::VerifyCheckpoint(signed_checkpoint->note, vkey);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->checkpoint, (ledger::Checkpoint{kOrigin, 3, signer_->edge()->Root()}));
}

TEST_F(LedgerTest, CrashBetweenCommitAndNoteIsMendedAtStart) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(GrowAndSign(2).ok());
  Grow(5);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(MarkOnDisk().size, 2u);
  const auto head = signer_->SignHead();
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->size, 5u);
  EXPECT_EQ(MarkOnDisk().size, 5u);
}

TEST_F(LedgerTest, BatchWithoutEntriesIsSignedAtTheSameSize) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(GrowAndSign(2).ok());
  storage::Batch batch;
  batch.Put("meta", "other", "x");
  const auto again = signer_->VerifyThenSign(*log_, Append(batch));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->size, 2u);
}

TEST_F(LedgerTest, TheLossOfABatchWithoutEntriesIsSeen) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(GrowAndSign(2).ok());
  ASSERT_TRUE(store_->CopyTo(root_ + "/backup").ok());
  storage::Batch batch;
  batch.Put("meta", "other", "x");
  ASSERT_TRUE(signer_->VerifyThenSign(*log_, Append(batch)).ok());
  EXPECT_EQ(MarkOnDisk().sequence, 2u);
  Close();
  path_ = root_ + "/backup";
  const absl::Status opened = Open();
  EXPECT_TRUE(HasReason(opened, Reason::kStoreCorrupt)) << opened;
  EXPECT_THAT(opened.ToString(), ::testing::HasSubstr("ends with batch 1 but 2 were answered"));
}

TEST_F(LedgerTest, EveryOpeningIsAnEpochBeyondEveryTermThatWasWritten) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(signer_->epoch(), 1u);
  ASSERT_TRUE(GrowAndSign(2).ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(signer_->epoch(), 2u);
  // What does not pass the checks begins none.
  Close();
  path_ = root_ + "/empty";
  EXPECT_FALSE(Open().ok());
  path_ = root_ + "/store";
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(signer_->epoch(), 3u);
  // A guard of an earlier epoch than the store's last batch was put back.
  log_->Append(7, log_->head().sequence, 1, {});
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(signer_->epoch(), 8u);
}

TEST_F(LedgerTest, RestoredOlderCopyIsNotSigned) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(GrowAndSign(4).ok());
  ASSERT_TRUE(store_->CopyTo(root_ + "/backup").ok());
  ASSERT_TRUE(GrowAndSign(6).ok());
  Close();
  path_ = root_ + "/backup";
  const absl::Status opened = Open();
  EXPECT_TRUE(HasReason(opened, Reason::kStoreCorrupt)) << opened;
  EXPECT_THAT(opened.ToString(), ::testing::HasSubstr("older copy"));
}

TEST_F(LedgerTest, RestoredCopyThatGrewOtherwiseIsNotSigned) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(GrowAndSign(4).ok());
  ASSERT_TRUE(store_->CopyTo(root_ + "/backup").ok());
  ASSERT_TRUE(GrowAndSign(6).ok());
  Close();
  path_ = root_ + "/backup";
  OpenStore();
  writer_ = *LedgerWriter::Open(*store_, kOrigin);
  storage::Batch batch;
  for (int i = 0; i < 10; ++i) writer_->Add("another history", batch);
  writer_->Finish(batch);
  Append(batch);
  EXPECT_TRUE(HasReason(Open(), Reason::kStoreCorrupt));
}

TEST_F(LedgerTest, DamagedLedgerRecordsAreSeenAtStart) {
  struct Damage {
    const char* what;
    std::function<void(storage::Batch&)> make;
  };
  const std::vector<Damage> damages = {
      {"leaf altered", [](auto& batch) { batch.Put("leaf", KeyU64(599), "altered"); }},
      {"leaf missing", [](auto& batch) { batch.Delete("leaf", KeyU64(520)); }},
      {"leaf beyond the head", [](auto& batch) { batch.Put("leaf", KeyU64(600), "extra"); }},
      {"node altered", [](auto& batch) { batch.Put("node", EncodeTileKey({1, 0}), std::string(32, 'x')); }},
      {"node missing", [](auto& batch) { batch.Delete("node", EncodeTileKey({1, 1})); }},
      {"head missing", [](auto& batch) { batch.Delete("meta", "head"); }},
      {"head altered", [](auto& batch) { batch.Put("meta", "head", EncodeLedgerHead({600, std::string(32, 'x')})); }},
      {"head shorter", [](auto& batch) { batch.Put("meta", "head", EncodeLedgerHead({599, std::string(32, 'x')})); }},
      {"head malformed", [](auto& batch) { batch.Put("meta", "head", "x"); }},
  };
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(GrowAndSign(600).ok());
  ASSERT_TRUE(store_->CopyTo(root_ + "/whole").ok());
  for (const Damage& damage : damages) {
    path_ = root_ + "/whole";
    OpenStore();
    ASSERT_TRUE(store_->CopyTo(root_ + "/damaged").ok());
    path_ = root_ + "/damaged";
    OpenStore();
    storage::Batch batch;
    damage.make(batch);
    ASSERT_TRUE(store_->Write(batch, false).ok());
    EXPECT_TRUE(HasReason(LedgerWriter::Open(*store_, kOrigin).status(), Reason::kStoreCorrupt)) << damage.what;
    Close();
    std::filesystem::remove_all(path_);
  }
}

TEST_F(LedgerTest, DisagreementOfTheDiskStopsSigningForGood) {
  using storage::Batch;
  const auto rebuilt = [](storage::Record& record, const std::function<void(Batch::Op&)>& alter) {
    Batch batch;
    for (Batch::Op op : record.batch.ops()) {
      alter(op);
      batch.Put(op.family, op.key, op.value);
    }
    record.batch = batch;
  };
  struct Lie {
    const char* what;
    std::function<void(storage::Record&)> alter;
    bool fix_digest;  // As if the writer itself had been wrong.
  };
  const auto flip = [&](std::string_view family) {
    return [&rebuilt, family](storage::Record& record) {
      rebuilt(record, [&](Batch::Op& op) {
        if (op.family == family) op.value.back() ^= 1;
      });
    };
  };
  const std::vector<Lie> lies = {
      {"flipped bit in a leaf", flip("leaf"), false},
      {"flipped bit in a leaf the writer made", flip("leaf"), true},
      {"wrong tile", flip("tile"), true},
      {"wrong node", flip("node"), true},
      {"wrong head", flip("meta"), true},
      {"leaf at another index",
       [&](storage::Record& record) {
         rebuilt(record, [](Batch::Op& op) {
           if (op.family == "leaf" && op.key == KeyU64(256)) op.key = KeyU64(257);
         });
       },
       true},
      {"leaf overwritten", [](storage::Record& record) { record.batch.Put("leaf", KeyU64(0), "x"); }, true},
      {"leaf deleted", [](storage::Record& record) { record.batch.Delete("leaf", KeyU64(0)); }, true},
      {"other time", [](storage::Record& record) { ++record.time_ms; }, false},
  };
  for (const Lie& lie : lies) {
    Close();
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
    ASSERT_TRUE(Guard::Create(root_ + "/guard", {0, std::string(ledger::View(ledger::EmptyRoot()))}).ok());
    ASSERT_TRUE(Open().ok());
    storage::Committed committed = Grow(257);
    LyingLog log(*log_, committed.sequence, lie.alter);
    if (lie.fix_digest) committed.digest = crypto::Sha256(*log.ReadBack(committed.sequence));
    const auto refused = signer_->VerifyThenSign(log, committed);
    EXPECT_TRUE(HasReason(refused.status(), Reason::kStoreCorrupt)) << lie.what << ": " << refused.status();
    EXPECT_EQ(MarkOnDisk().size, 0u) << lie.what;
    EXPECT_TRUE(HasReason(signer_->SignHead().status(), Reason::kStoreCorrupt)) << lie.what;
  }
}

TEST_F(LedgerTest, OnlyOurOwnContradictingNoteStopsSigning) {
  ASSERT_TRUE(Open().ok());
  const auto three = GrowAndSign(3);
  ASSERT_TRUE(GrowAndSign(5).ok());
  const auto other = *crypto::Ed25519Signer::FromSeed(std::string(32, 'o'));
  ledger::Hash wrong{};
  EXPECT_TRUE(signer_->Confront(three->note).ok());
  EXPECT_TRUE(signer_->Confront("9").ok());
  EXPECT_TRUE(signer_->Confront(SignAs(other, 9, wrong)).ok());
  std::string unsigned_note = SignAs(key_, 9, wrong);
  unsigned_note[unsigned_note.size() - 8] ^= 1;
  EXPECT_TRUE(signer_->Confront(unsigned_note).ok());
  EXPECT_TRUE(signer_->SignHead().ok());

  EXPECT_TRUE(HasReason(signer_->Confront(SignAs(key_, 3, wrong)), Reason::kLogForked));
  EXPECT_TRUE(HasReason(signer_->SignHead().status(), Reason::kLogForked));
  EXPECT_TRUE(HasReason(signer_->VerifyThenSign(*log_, Grow(6)).status(), Reason::kLogForked));

  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(HasReason(signer_->Confront(SignAs(key_, 7, wrong)), Reason::kLogForked));
}

TEST_F(LedgerTest, StoredNoteThatContradictsTheStoreIsSeenAtStart) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(GrowAndSign(5).ok());
  storage::Batch batch;
  batch.Put("checkpoint", KeyU64(4), SignAs(key_, 4, ledger::Hash{}));
  Append(batch);
  EXPECT_TRUE(HasReason(Open(), Reason::kLogForked));
}

}  // namespace
}  // namespace accord::broker::ledger_test

// A store that lost signed entries is completed from an export, and whatever contradicts is refused.
#include "services/broker/recovery/ledger_recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accord/type/v1/entry.pb.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/tile_builder.h"
#include "services/broker/ledger/ledger_reader.h"
#include "services/broker/recovery/recovery_rows.h"
#include "services/broker/recovery/testing_store.h"

namespace accord::broker::ledger_recovery_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr uint64_t kSigned = 600;  // Two full tiles and a part of one.

// The log's first `size` entries as `accordctl ledger export` writes them.
void WriteExport(const std::string& directory, const std::vector<std::string>& leaves, uint64_t size,
                 const crypto::Ed25519Signer& key) {
  fs::remove_all(directory);
  const auto put = [&](const std::string& path, const std::string& bytes) {
    ASSERT_EQ(MakeDirectory(fs::path(directory + "/" + path).parent_path().string()), absl::OkStatus());
    ASSERT_EQ(WriteFileDurably(directory + "/" + path, bytes), absl::OkStatus());
  };
  ledger::TileBuilder tiles;
  const auto put_tile = [&](const ledger::Tile& tile, std::string_view hashes) { put(ledger::TilePath(tile), std::string(hashes)); };
  for (uint64_t i = 0; i < size; ++i) tiles.Append(ledger::LeafHash(leaves[i]), put_tile);
  tiles.EmitPartial(put_tile);
  for (uint64_t first = 0; first < size; first += ledger::kTileWidth) {
    const uint64_t end = std::min(first + ledger::kTileWidth, size);
    put(ledger::EntriesPath(first / ledger::kTileWidth, static_cast<uint32_t>(end - first)),
        ledger::EncodeBundle({leaves.begin() + static_cast<ptrdiff_t>(first), leaves.begin() + static_cast<ptrdiff_t>(end)}));
  }
  put("checkpoint", ledger::SignCheckpoint({TestingStore::kOrigin, size, tiles.Root()}, key));
}

// A store of kSigned entries, closed; a backup of it at 100 entries; an export of all.
class LedgerRecoveryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(source_.Open(), absl::OkStatus());
    // What the store knows of chains: a is a referral of police to idva, b the administration's, c a case.
    storage::Batch known;
    for (const std::string agency : {"idva", "police"}) known.Put(kFamilyParty, PartyKey(agency, 0), std::string(32, 'd'));
    known.Put(kFamilyMeta, kMetaAdministrationChain, std::string(16, 'b'));
    known.Put(kFamilyCase, std::string(16, 'c'), "");
    ASSERT_EQ(source_.store->Write(known, true), absl::OkStatus());
    Reopen(source_);
    ASSERT_EQ(source_.Commit(100), absl::OkStatus());
    ASSERT_EQ(source_.store->CopyTo(Path("backup")), absl::OkStatus());
    for (uint64_t size = 100; size < kSigned; size += 100) ASSERT_EQ(source_.Commit(100), absl::OkStatus());
    Export(kSigned);
    source_.Close();
  }
  // The commit log's place in RocksDB's own log is lost by a write beside it.
  static void Reopen(TestingStore& store) {
    store.Close();
    ASSERT_EQ(store.Open(), absl::OkStatus());
  }

  std::string Path(const std::string& name) const { return source_.root + "/" + name; }
  void Export(uint64_t size) { WriteExport(Path("export"), source_.leaves, size, source_.key); }
  RecoveryRequest Request(std::string store) const {
    return {.store = std::move(store), .guard = source_.guard(), .export_directory = Path("export"), .out = Path("out"),
            .log = source_.vkey(), .at_least = 0, .progress = nullptr};
  }
  // The half of the log is gone.
  void DamageTheMiddle() {
    const std::string wal = source_.Wal();
    TestingStore::Overwrite(wal, fs::file_size(wal) / 2, std::string(64, '\xee'));
  }
  // That nothing was made and the store is as it was.
  void ExpectRefused(const RecoveryRequest& request, absl::StatusCode code, const std::string& why) {
    const auto report = RecoverLedger(request);
    EXPECT_EQ(report.status().code(), code) << report.status();
    EXPECT_THAT(report.status().ToString(), HasSubstr(why));
    EXPECT_FALSE(fs::exists(request.out));
    EXPECT_FALSE(fs::exists(request.out + kIncomingSuffix));
  }
  // Puts what was made in the place of the store, starts on it, commits, and holds everything to the signed root.
  void ExpectGoesOn(uint64_t size) {
    fs::remove_all(source_.path());
    fs::rename(Path("out"), source_.path());
    ASSERT_EQ(source_.Open(), absl::OkStatus());
    EXPECT_EQ(source_.writer->size(), size);
    const auto edge = source_.signer->edge();
    const LedgerReader reader(*source_.store, edge);
    for (uint64_t tile = 0; tile < size / ledger::kTileWidth; ++tile) EXPECT_EQ(reader.CheckLeaves(tile), absl::OkStatus()) << tile;
    ledger::Frontier tree;
    for (uint64_t i = 0; i < size; ++i) {
      ASSERT_EQ(*source_.store->Get(kFamilyLeaf, KeyU64(i)), source_.leaves[i]) << i;
      tree.Append(ledger::LeafHash(source_.leaves[i]));
    }
    EXPECT_EQ(edge->Root(), tree.Root());
    const auto signed_now = source_.signer->SignHead();
    ASSERT_EQ(signed_now.status(), absl::OkStatus());
    if (!source_.note.empty() && size == kSigned) {
      EXPECT_EQ(signed_now->note, source_.note) << "the log goes on from where it was signed";
    }
    const uint64_t sequence = source_.log->head().sequence, time_ms = source_.log->head().time_ms;
    EXPECT_GE(time_ms, ledger::ParseLeaf(source_.leaves[size - 1])->time_ms);
    ASSERT_EQ(source_.Commit(300), absl::OkStatus());
    EXPECT_EQ(source_.log->head().sequence, sequence + 1);
    Reopen(source_);
    EXPECT_EQ(source_.writer->size(), size + 300);
  }
  std::vector<type::v1::EntryEvent> Recoveries() {
    std::vector<type::v1::EntryEvent> events;
    EXPECT_EQ(source_.store->Scan(kFamilyMeta, storage::Prefix(kMetaRecoveryPrefix), [&](std::string_view, std::string_view value) {
      EXPECT_TRUE(events.emplace_back().ParseFromArray(value.data(), static_cast<int>(value.size())));
      return true;
    }), absl::OkStatus());
    return events;
  }

  TestingStore source_;
};

TEST_F(LedgerRecoveryTest, CompletesADamagedStoreAndSaysWhatWasLost) {
  DamageTheMiddle();
  const auto report = RecoverLedger(Request(source_.path()));
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->size, kSigned);
  EXPECT_EQ(report->guard_size, kSigned);
  EXPECT_GT(report->store_size, 0u);
  EXPECT_LT(report->store_size, kSigned);
  EXPECT_EQ(report->store_size % 100, 0u) << "whole batches";
  EXPECT_EQ(report->batches_lost, (kSigned - report->store_size) / 100);
  EXPECT_EQ(report->first_lost, report->store_size);
  EXPECT_EQ(report->end_lost, kSigned);
  EXPECT_EQ(report->first_lost_ms, static_cast<uint64_t>(TestingStore::kFirstMs) + 1000 * report->store_size);
  EXPECT_EQ(report->last_lost_ms, static_cast<uint64_t>(TestingStore::kFirstMs) + 1000 * (kSigned - 1));
  EXPECT_EQ(report->repaired, 0u);
  EXPECT_EQ(report->new_chains, 0u);
  uint64_t entries = 0;
  for (const LostChain& chain : report->chains) entries += chain.entries;
  EXPECT_EQ(entries, kSigned - report->store_size);
  ASSERT_EQ(report->chains.size(), 3u);
  for (const LostChain& chain : report->chains) {
    switch (chain.pseudonym[0]) {
      case 'a':
        EXPECT_EQ(chain.kind, LostChainKind::kReferral);
        EXPECT_EQ(chain.header_digest, std::string(32, 'd'));
        EXPECT_THAT(chain.parties, ElementsAre("idva", "police"));
        break;
      case 'b': EXPECT_EQ(chain.kind, LostChainKind::kAdministration); break;
      default: EXPECT_EQ(chain.kind, LostChainKind::kCase);
    }
  }
  EXPECT_THAT(report->agencies, ElementsAre("idva", "police"));

  ExpectGoesOn(kSigned);
  const auto events = Recoveries();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].type(), type::v1::EVENT_TYPE_LEDGER_RECOVERED);
  EXPECT_EQ(events[0].first_index(), report->first_lost);
  EXPECT_EQ(events[0].end_index(), kSigned);
  EXPECT_EQ(events[0].tree_size(), kSigned);
  // Its chains lead over the gap.
  for (uint64_t i = 0; i < kSigned; ++i) {
    EXPECT_EQ(*source_.store->Get(kFamilyChainEntry, ChainEntryKey(std::string(16, static_cast<char>('a' + i % 3)), i / 3)), KeyU64(i));
  }
}

TEST_F(LedgerRecoveryTest, AnOlderBackupIsAStoreThatLostEntries) {
  fs::remove_all(source_.path());
  const auto report = RecoverLedger(Request(Path("backup")));
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->first_lost, 100u);
  EXPECT_EQ(report->end_lost, kSigned);
  ExpectGoesOn(kSigned);
}

TEST_F(LedgerRecoveryTest, WithoutAStoreTheLedgerAloneIsMadeAndVerifies) {
  const auto report = RecoverLedger(Request(""));
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_TRUE(report->ledger_only);
  EXPECT_EQ(report->first_lost, 0u);
  EXPECT_EQ(report->end_lost, kSigned);
  EXPECT_EQ(report->new_chains, 3u);
  EXPECT_EQ(report->new_chain_entries, kSigned);
  ExpectGoesOn(kSigned);
}

TEST_F(LedgerRecoveryTest, AnAlteredLeafOrTileIsReplacedAndCounted) {
  ASSERT_EQ(source_.Open(), absl::OkStatus());
  storage::Batch altered;
  altered.Put(kFamilyLeaf, KeyU64(17), "another");
  altered.Delete(kFamilyLeaf, KeyU64(300));
  altered.Put(kFamilyTile, EncodeTileKey({0, 1}), std::string(kTileBytes, 't'));
  ASSERT_EQ(source_.store->Write(altered, true), absl::OkStatus());
  source_.Close();
  const auto report = RecoverLedger(Request(source_.path()));
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->repaired, 3u);
  EXPECT_EQ(report->end_lost, 0u);
  ExpectGoesOn(kSigned);
}

TEST_F(LedgerRecoveryTest, AStoreBeyondTheExportKeepsWhatItHas) {
  Export(400);
  const auto report = RecoverLedger(Request(source_.path()));
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->size, kSigned);
  EXPECT_EQ(report->end_lost, 0u);
  ExpectGoesOn(kSigned);
}

TEST_F(LedgerRecoveryTest, TheGuardMayNotBeAheadOfWhatIsMade) {
  DamageTheMiddle();
  Export(kSigned - 1);
  ExpectRefused(Request(source_.path()), absl::StatusCode::kFailedPrecondition, "an export of at least 600 entries is needed");
  // Nor may a checkpoint that somebody holds.
  Export(kSigned);
  RecoveryRequest request = Request(source_.path());
  request.at_least = kSigned + 1;
  ExpectRefused(request, absl::StatusCode::kFailedPrecondition, "an export of at least 601 entries is needed");
}

TEST_F(LedgerRecoveryTest, AnExportThatTheKeyDidNotSignIsRefused) {
  const std::string bundle = Path("export/tile/entries/000");
  const std::string good = *ReadFile(bundle);
  for (const size_t at : {size_t{0}, size_t{100}, good.size() - 1}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    ASSERT_EQ(WriteFileDurably(bundle, bad), absl::OkStatus());
    ExpectRefused(Request(source_.path()), absl::StatusCode::kDataLoss, "the export's ");
  }
  fs::remove(bundle);
  ExpectRefused(Request(source_.path()), absl::StatusCode::kDataLoss, "tile/entries/000");
  WriteExport(Path("export"), source_.leaves, kSigned, *crypto::Ed25519Signer::FromSeed(std::string(32, 'x')));
  ExpectRefused(Request(source_.path()), absl::StatusCode::kDataLoss, "no signature by a known key");
}

TEST_F(LedgerRecoveryTest, AnotherHistoryIsAForkAndNeverRepaired) {
  // The store's own key signed an export that the store, or only the guard, contradicts.
  for (const std::string& store : {source_.path(), Path("backup"), std::string()}) {
    std::vector<std::string> leaves = source_.leaves;
    leaves[store == source_.path() ? 550 : store.empty() ? 3 : 99] += "!";
    WriteExport(Path("export"), leaves, kSigned, source_.key);
    ExpectRefused(Request(store), absl::StatusCode::kDataLoss, "runbooks/fork.md");
  }
}

TEST_F(LedgerRecoveryTest, NothingIsOverwritten) {
  ASSERT_EQ(MakeDirectory(Path("out")), absl::OkStatus());
  EXPECT_EQ(RecoverLedger(Request(source_.path())).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(fs::is_empty(Path("out")));
  fs::rename(Path("out"), Path("out") + kIncomingSuffix);
  EXPECT_EQ(RecoverLedger(Request(source_.path())).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(fs::is_empty(Path("out") + kIncomingSuffix));
}

TEST_F(LedgerRecoveryTest, ARunningBrokerIsNotDisturbed) {
  ASSERT_EQ(source_.Open(), absl::OkStatus());
  ExpectRefused(Request(Path("backup")), absl::StatusCode::kUnavailable, "another process uses it");
  ASSERT_EQ(source_.Commit(1), absl::OkStatus());
}

TEST_F(LedgerRecoveryTest, AStoreWithADamagedTableIsRefusedAndSaysWhatElseServes) {
  ASSERT_EQ(source_.Open(), absl::OkStatus());
  ASSERT_EQ(source_.store->Purge(kFamilyLeaf), absl::OkStatus());
  source_.Close();
  std::string table;
  uintmax_t largest = 0;
  for (const auto& entry : fs::directory_iterator(source_.path())) {
    if (entry.path().extension() != ".sst" || entry.file_size() <= largest) continue;
    largest = entry.file_size();
    table = entry.path().string();
  }
  ASSERT_FALSE(table.empty());
  TestingStore::Overwrite(table, largest / 3, "!!!!");
  ExpectRefused(Request(source_.path()), absl::StatusCode::kDataLoss, "give a backup of it");
}

}  // namespace
}  // namespace accord::broker::ledger_recovery_test

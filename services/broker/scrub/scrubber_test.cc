// A store that is really damaged, beneath a sequencer that goes on: found, named, and recorded once.
#include "services/broker/scrub/scrubber.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <tuple>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/merkle.h"
#include "common/storage/rocks_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/chains.h"
#include "services/broker/sequencer/testing_command.h"

namespace accord::broker::scrubber_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What a disk gives back that lost some bytes: other values for some keys. The writer beneath, whose log is read back after every
// commit, is not touched.
class AlteredStore : public storage::Store {
 public:
  using Values = std::map<std::pair<std::string, std::string>, std::string>;
  AlteredStore(std::unique_ptr<storage::Store> store, const Values& altered) : store_(std::move(store)), altered_(altered) {}
  absl::StatusOr<std::optional<std::string>> Get(std::string_view family, std::string_view key,
                                                 const storage::Snapshot* at) const override {
    if (const auto found = Find(family, key); found != altered_.end()) return found->second;
    return store_->Get(family, key, at);
  }
  absl::Status Scan(std::string_view family, const storage::Range& range,
                    absl::FunctionRef<bool(std::string_view, std::string_view)> visit,
                    const storage::Snapshot* at) const override {
    return store_->Scan(family, range, [&](std::string_view key, std::string_view value) {
      const auto found = Find(family, key);
      return visit(key, found != altered_.end() ? std::string_view(found->second) : value);
    }, at);
  }
  std::unique_ptr<storage::Snapshot> NewSnapshot() const override { return store_->NewSnapshot(); }
  absl::Status Write(const storage::Batch& batch, bool sync) override { return store_->Write(batch, sync); }

 private:
  Values::const_iterator Find(std::string_view family, std::string_view key) const {
    return altered_.find({std::string(family), std::string(key)});
  }
  const std::unique_ptr<storage::Store> store_;
  const Values& altered_;
};

class ScrubberTest : public ::testing::Test {
 protected:
  ScrubberTest() {
    char name[] = "/tmp/accord-scrub-XXXXXX";
    root_ = mkdtemp(name);
    ACCORD_CHECK(Guard::Create(root_ + "/guard", {0, std::string(ledger::View(ledger::EmptyRoot()))}).ok());
    ACCORD_CHECK(storage::RocksStore::Open(root_ + "/store", BrokerFamilies(), {.create = true}).ok());
    Start();
  }
  ~ScrubberTest() override {
    Stop();
    std::filesystem::remove_all(root_);
  }

  void Start() {
    auto opener = [this]() -> absl::StatusOr<std::unique_ptr<StoreSession>> {
      if (closed_) return Error(Reason::kStoreUnavailable, "not now");
      auto session = std::make_unique<StoreSession>();
      ACCORD_ASSIGN_OR_RETURN(auto guard, Guard::Open(root_ + "/guard"));
      ACCORD_ASSIGN_OR_RETURN(auto store, storage::RocksStore::Open(root_ + "/store", BrokerFamilies()));
      ACCORD_ASSIGN_OR_RETURN(session->log, storage::RocksCommitLog::Open(
                                                *store, [](std::string_view bytes) { return crypto::Sha256(bytes); }));
      session->store = std::make_unique<AlteredStore>(std::move(store), altered_);
      const std::string slots = root_ + "/slots";
      ACCORD_ASSIGN_OR_RETURN(session->slots, KeySlots::Open(slots, crypto::SecretBytes(std::string(32, 'm')), random_, executor_,
                                                             !std::filesystem::exists(slots)));
      ACCORD_ASSIGN_OR_RETURN(session->signer, CheckpointSigner::Open(*session->store, std::move(guard), key_, "accord.test/log"));
      ACCORD_ASSIGN_OR_RETURN(session->ledger, LedgerWriter::Open(*session->store, "accord.test/log"));
      return session;
    };
    SequencerOptions options;
    options.publish = [this](const ReadView&, const Epochs&) {
      return closed_ ? Error(Reason::kStoreUnavailable, "not now") : absl::OkStatus();
    };
    auto started = Sequencer::Start(std::move(opener), std::move(options), executor_, clock_, random_, metrics_);
    ACCORD_CHECK(started.ok());
    sequencer_ = *std::move(started);
    scrubber_ = std::make_unique<Scrubber>(*sequencer_, clock_, metrics_);
  }
  void Stop() {
    scrubber_.reset();
    sequencer_.reset();
  }

  absl::Status Run(std::function<absl::Status(CommitContext&)> apply) {
    return RunCommand(*sequencer_, std::move(apply));
  }
  void Grow(int entries) {
    ASSERT_EQ(Run([entries](CommitContext& context) -> absl::Status {
                ACCORD_ASSIGN_OR_RETURN(const std::string chain, PrincipalChain(context, "agency/police"));
                for (int i = 0; i < entries; ++i) {
                  EntryDraft draft;
                  draft.chains = {chain};
                  draft.event.set_type(type::v1::EVENT_TYPE_PREVIEWED);
                  ACCORD_RETURN_IF_ERROR(context.AddEntry(draft).status());
                }
                return absl::OkStatus();
              }),
              absl::OkStatus());
  }
  // Writes other bytes into the store while nobody has it open; RocksDB's checksums fit them.
  void Damage(const std::vector<std::pair<std::string_view, std::string>>& keys) {
    Stop();
    auto store = *storage::RocksStore::Open(root_ + "/store", BrokerFamilies());
    storage::Batch batch;
    for (const auto& [family, key] : keys) batch.Put(family, key, Other(store->Get(family, key)->value()));
    ASSERT_EQ(store->Write(batch, true), absl::OkStatus());
    store.reset();
    Start();
  }
  static std::string Other(std::string value) {
    value.back() ^= 1;
    return value;
  }
  // One whole round; then what it queued is committed.
  void Round() {
    const uint64_t rounds = scrubber_->progress().rounds;
    clock_.Advance(kScrubRoundEvery);
    for (int steps = 0; scrubber_->progress().rounds == rounds; ++steps) {
      ASSERT_LT(steps, 100);
      scrubber_->Step();
    }
    ASSERT_EQ(Run([](CommitContext&) { return absl::OkStatus(); }), absl::OkStatus());
  }
  uint64_t TreeSize() { return (*sequencer_->View())->ledger().size(); }
  // The SCRUB_FAILED entries: first and end of each.
  std::vector<std::pair<uint64_t, uint64_t>> Alarms() {
    std::vector<std::pair<uint64_t, uint64_t>> alarms;
    const auto view = *sequencer_->View();
    for (uint64_t index = 0; index < view->ledger().size(); ++index) {
      storage::v1::StoredOpenings openings;
      type::v1::EntryEvent event;
      EXPECT_TRUE(openings.ParseFromString(**view->GetSealed(kFamilyOpening, KeyU64(index))));
      EXPECT_TRUE(event.ParseFromString(openings.openings(0).content()));
      if (event.type() == type::v1::EVENT_TYPE_SCRUB_FAILED) alarms.emplace_back(event.first_index(), event.end_index());
    }
    return alarms;
  }

  std::string root_;
  FakeClock clock_;
  FakeRandom random_{7};
  telemetry::Metrics metrics_;
  Executor executor_{1, 1000};
  const crypto::Ed25519Signer key_ = *crypto::Ed25519Signer::FromSeed(std::string(32, 'k'));
  std::atomic<bool> closed_ = false;
  AlteredStore::Values altered_;
  std::unique_ptr<Sequencer> sequencer_;
  std::unique_ptr<Scrubber> scrubber_;
};

TEST_F(ScrubberTest, AWholeStoreIsFoundWholeRoundAfterRound) {
  Grow(600);
  scrubber_->Step();
  EXPECT_EQ(scrubber_->progress().size, 0u) << "not at once after the start";
  clock_.Advance(kScrubFirstAfter);
  scrubber_->Step();
  const ScrubProgress first = scrubber_->progress();
  EXPECT_EQ(first.rounds, 1u);
  EXPECT_EQ(first.size, 600u);
  EXPECT_EQ(first.next_index, 600u);
  EXPECT_EQ(first.last_round_at_ms, absl::ToUnixMillis(clock_.Now()));
  Grow(5);
  scrubber_->Step();
  EXPECT_EQ(scrubber_->progress().rounds, 1u) << "the next one is a day later";
  Round();
  EXPECT_EQ(scrubber_->progress().size, 605u);
  EXPECT_EQ(scrubber_->progress().failures, 0u);
  EXPECT_THAT(Alarms(), ElementsAre());
}

TEST_F(ScrubberTest, AStepIsBoundedAndTellsHowFarItIs) {
  Grow(static_cast<int>((kScrubTilesPerStep + 1) * 256));
  clock_.Advance(kScrubFirstAfter);
  scrubber_->Step();
  EXPECT_EQ(scrubber_->progress().next_index, kScrubTilesPerStep * 256);
  EXPECT_EQ(scrubber_->progress().rounds, 0u);
  EXPECT_THAT(metrics_.Text(), HasSubstr("accord_scrub_next_index 4096\n"));
  scrubber_->Step();
  EXPECT_EQ(scrubber_->progress().rounds, 1u);
}

TEST_F(ScrubberTest, DamageIsFoundNamedAndRecordedOnce) {
  Grow(900);
  // Two leaves of one tile, and another tile.
  Damage({{kFamilyLeaf, KeyU64(300)}, {kFamilyLeaf, KeyU64(301)}, {kFamilyTile, EncodeTileKey({0, 2})}});
  Round();
  EXPECT_THAT(Alarms(), ElementsAre(std::pair(256, 512), std::pair(512, 768)));
  EXPECT_EQ(scrubber_->progress().failures, 2u);
  EXPECT_EQ(scrubber_->progress().first_failure, 256u);
  EXPECT_THAT(metrics_.Text(), HasSubstr("accord_scrub_failures_total 2\n"));
  const uint64_t size = TreeSize();
  EXPECT_EQ(size, 902u);
  // Every round finds it again, and says so in the log; the record has it.
  Round();
  EXPECT_EQ(TreeSize(), size);
  EXPECT_EQ(scrubber_->progress().failures, 2u);

  // So it is after a restart of the process; and what is damaged by then is found beside.
  Damage({{kFamilyLeaf, KeyU64(5)}});
  Round();
  EXPECT_EQ(scrubber_->progress().failures, 3u);
  EXPECT_THAT(Alarms(), ElementsAre(std::pair(256, 512), std::pair(512, 768), std::pair(0, 256)));
}

TEST_F(ScrubberTest, WhatIsInNoFullTileYetIsHeldAgainstTheSignedTree) {
  Grow(600);
  const auto alter = [&](std::string_view family, const std::string& key) {
    const std::string was = **(*sequencer_->View())->Get(family, key);
    altered_[{std::string(family), key}] = Other(was);
  };
  alter(kFamilyLeaf, KeyU64(599));
  alter(kFamilyNode, EncodeTileKey({1, 1}));  // Of a full tile, in the unfinished tile of level 1.
  Round();
  // The node is wrong for the tile below it, and in the tile that it is part of.
  EXPECT_THAT(Alarms(), ElementsAre(std::pair(256, 512), std::pair(512, 600), std::pair(0, 600)));
}

TEST_F(ScrubberTest, ItWaitsWhileTheStoreIsClosedAndGoesOnWhereItWas) {
  Grow(static_cast<int>((kScrubTilesPerStep + 2) * 256));
  clock_.Advance(kScrubFirstAfter);
  scrubber_->Step();
  EXPECT_EQ(scrubber_->progress().next_index, kScrubTilesPerStep * 256);
  closed_ = true;
  EXPECT_TRUE(HasReason(Run([](CommitContext& context) {
                          context.MoveEpochs({.directory = 1});
                          return absl::OkStatus();
                        }),
                        Reason::kStoreUnavailable));
  scrubber_->Step();
  EXPECT_EQ(scrubber_->progress().next_index, kScrubTilesPerStep * 256);
  closed_ = false;
  Grow(1);  // Waits for the opening.
  scrubber_->Step();
  EXPECT_EQ(scrubber_->progress().rounds, 1u);
  EXPECT_EQ(scrubber_->progress().failures, 0u);
}

}  // namespace
}  // namespace accord::broker::scrubber_test

// The one writer over a real RocksDB on a file system that fails when told to.
#include "services/broker/sequencer/sequencer.h"

#include <absl/synchronization/blocking_counter.h>
#include <absl/synchronization/notification.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/leaf.h"
#include "common/ledger/merkle.h"
#include "common/ledger/note.h"
#include "common/storage/fault_file_system.h"
#include "common/storage/rocks_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/chains.h"
#include "services/broker/sequencer/refusal_recorder.h"

namespace accord::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using storage::FaultFileSystem;

constexpr std::string_view kOrigin = "accord.test/broker";

// A command made of two functions.
class TestCommand : public Command {
 public:
  using ApplyFunction = std::function<absl::Status(CommitContext&)>;
  using DoneFunction = std::function<void(const absl::StatusOr<Committed>&)>;
  TestCommand(ApplyFunction apply, DoneFunction done, bool refusable = false, bool begins_batch = false)
      : apply_(std::move(apply)), done_(std::move(done)), refusable_(refusable), begins_batch_(begins_batch) {}
  absl::Status Apply(CommitContext& context) override { return apply_(context); }
  bool MayBeRefusedForSpace() const override { return refusable_; }
  bool BeginsBatch() const override { return begins_batch_; }
  void Done(const absl::StatusOr<Committed>& outcome) override { done_(outcome); }

 private:
  const ApplyFunction apply_;
  const DoneFunction done_;
  const bool refusable_, begins_batch_;
};

// Everything that outlives a broker's process: the files.
struct Disk {
  std::string root;
  std::shared_ptr<FaultFileSystem> files = std::make_shared<FaultFileSystem>();
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);

  explicit Disk(std::string directory = "") : root(std::move(directory)) {
    if (root.empty()) {
      char name[] = "/tmp/accord-sequencer-XXXXXX";
      root = mkdtemp(name);
    }
    if (std::filesystem::exists(root + "/guard")) return;
    ACCORD_CHECK(Guard::Create(root + "/guard", {0, std::string(ledger::View(ledger::EmptyRoot()))}).ok());
    ACCORD_CHECK(storage::RocksStore::Open(root + "/store", BrokerFamilies(), {.create = true, .env = env.get()}).ok());
  }
  ~Disk() { std::filesystem::remove_all(root); }
};

class SequencerTest : public ::testing::Test {
 protected:
  SequencerTest() {
    options_.on_health = [this](bool serving) {
      absl::MutexLock lock(&mu_);
      health_.push_back(serving);
    };
  }
  ~SequencerTest() override { Stop(); }

  StoreOpener Opener(Disk& disk) {
    return [this, &disk]() -> absl::StatusOr<std::unique_ptr<StoreSession>> {
      auto session = std::make_unique<StoreSession>();
      ACCORD_ASSIGN_OR_RETURN(auto store,
                              storage::RocksStore::Open(disk.root + "/store", BrokerFamilies(), {.env = disk.env.get()}));
      ACCORD_ASSIGN_OR_RETURN(session->log, storage::RocksCommitLog::Open(
          *store, [](std::string_view bytes) { return crypto::Sha256(bytes); }));
      session->store = std::move(store);
      const std::string slots = disk.root + "/slots";
      ACCORD_ASSIGN_OR_RETURN(session->slots,
                              KeySlots::Open(slots, crypto::SecretBytes(std::string(32, 'm')), random_, executor_,
                                             !std::filesystem::exists(slots)));
      ACCORD_ASSIGN_OR_RETURN(auto guard, Guard::Open(disk.root + "/guard"));
      ACCORD_ASSIGN_OR_RETURN(session->signer, CheckpointSigner::Open(*session->store, std::move(guard), key_,
                                                                      std::string(kOrigin)));
      ACCORD_ASSIGN_OR_RETURN(session->ledger, LedgerWriter::Open(*session->store, std::string(kOrigin)));
      return session;
    };
  }

  absl::Status Start() {
    auto started = Sequencer::Start(Opener(disk_), options_, executor_, clock_, random_, metrics_);
    if (!started.ok()) return started.status();
    sequencer_ = *std::move(started);
    return absl::OkStatus();
  }
  void Stop() { sequencer_.reset(); }

  // Carries out `apply` and waits for its Done.
  absl::StatusOr<Committed> Do(TestCommand::ApplyFunction apply, bool refusable = false) {
    absl::StatusOr<Committed> result = absl::UnknownError("");
    absl::Notification done;
    sequencer_->Submit(std::make_unique<TestCommand>(
        std::move(apply),
        [&](const absl::StatusOr<Committed>& outcome) {
          result = outcome;
          done.Notify();
        },
        refusable));
    done.WaitForNotification();
    return result;
  }

  // Stores value and entry, once for each key: what an idempotent handler does.
  static TestCommand::ApplyFunction StoreOnce(std::string key, std::string value = "value") {
    return [key, value](CommitContext& context) -> absl::Status {
      ACCORD_ASSIGN_OR_RETURN(const auto before, context.Get(kFamilyRequest, key));
      if (before.has_value()) return absl::OkStatus();
      ACCORD_ASSIGN_OR_RETURN(const std::string chain, PrincipalChain(context, "agency/police"));
      context.Put(kFamilyRequest, key, value);
      EntryDraft draft;
      draft.chains = {chain};
      draft.event.set_type(type::v1::EVENT_TYPE_PREVIEWED);
      draft.event.set_reason(key);
      return context.AddEntry(draft).status();
    };
  }

  std::optional<std::string> Stored(std::string_view key) {
    const auto view = sequencer_->View();
    if (!view.ok()) return "unavailable";
    return *(*view)->Get(kFamilyRequest, key);
  }

  Disk disk_;
  FakeClock clock_;
  FakeRandom random_{7};
  telemetry::Metrics metrics_;
  Executor executor_{2, 20'000};
  const crypto::Ed25519Signer key_ = *crypto::Ed25519Signer::FromSeed(std::string(32, 'k'));
  SequencerOptions options_;
  absl::Mutex mu_;
  std::vector<bool> health_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<Sequencer> sequencer_;
};

TEST_F(SequencerTest, WhatIsAnsweredIsStoredSignedAndInItsChain) {
  ASSERT_EQ(Start(), absl::OkStatus());
  for (int i = 0; i < 3; ++i) ASSERT_EQ(Do(StoreOnce(fmt::format("key-{}", i))).status(), absl::OkStatus());
  const auto committed = Do(StoreOnce("key-3"));
  ASSERT_EQ(committed.status(), absl::OkStatus());
  EXPECT_EQ(committed->tree_size, 4u);
  const auto vkey = ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, key_.verifier());
  const auto checkpoint = ledger::VerifyCheckpoint(committed->checkpoint, vkey);
  ASSERT_EQ(checkpoint.status(), absl::OkStatus());

  const auto view = *sequencer_->View();
  EXPECT_EQ(view->checkpoint().checkpoint, committed->checkpoint);
  const std::string pseudonym = **view->Get(kFamilyMeta, PrincipalChainKey("agency/police"));
  for (uint64_t i = 0; i < 4; ++i) {
    // The trail is an index read.
    EXPECT_EQ(**view->Get(kFamilyChainEntry, ChainEntryKey(pseudonym, i)), KeyU64(i));
    const std::string bytes = *view->ledger().Leaf(i);
    const ledger::Leaf leaf = *ledger::ParseLeaf(bytes);
    ASSERT_THAT(leaf.chains, ElementsAre(ledger::Chain{pseudonym, i, i == 0 ? ledger::kNoPreviousIndex : i - 1}));
    const auto path = *view->ledger().InclusionProof(i, 4);
    EXPECT_EQ(ledger::VerifyInclusion(i, 4, ledger::LeafHash(bytes), path, checkpoint->checkpoint.root), absl::OkStatus());
    // The openings open it, and only under their key.
    storage::v1::StoredOpenings openings;
    ASSERT_TRUE(openings.ParseFromString(**view->GetSealed(kFamilyOpening, KeyU64(i))));
    ASSERT_EQ(openings.openings_size(), 1);
    const auto& opening = openings.openings(0);
    EXPECT_TRUE(ledger::LeafOpens(leaf, {opening.label(), opening.salt(), opening.content()}));
    type::v1::EntryEvent event;
    ASSERT_TRUE(event.ParseFromString(opening.content()));
    EXPECT_EQ(event.reason(), fmt::format("key-{}", i));
    EXPECT_THAT(**view->Get(kFamilyOpening, KeyU64(i)), Not(HasSubstr("key-")));
  }
  storage::v1::StoredChain chain;
  ASSERT_TRUE(chain.ParseFromString(**view->Get(kFamilyChain, pseudonym)));
  EXPECT_EQ(chain.next_sequence(), 4u);
  EXPECT_EQ(chain.last_index(), 3u);
}

// Sizes that are published, with when.
std::vector<std::pair<uint64_t, int64_t>> PublishedSizes(const ReadView& view) {
  std::vector<std::pair<uint64_t, int64_t>> sizes;
  EXPECT_EQ(view.Scan(kFamilyCheckpoint, {}, [&](std::string_view key, std::string_view) {
    storage::v1::StoredPublished published;
    EXPECT_TRUE(published.ParseFromString((*view.Get(kFamilyPublished, key)).value_or("\xff")));
    uint64_t size = 0;
    ByteReader(key).U64(size);
    sizes.emplace_back(size, published.published_at_ms());
    return true;
  }), absl::OkStatus());
  return sizes;
}

TEST_F(SequencerTest, ANoteIsPublishedWithTheNextBatchButSeldom) {
  int batches = 0;
  options_.on_step = [&](CommitStep step) { batches += step == CommitStep::kAppended; };
  ASSERT_EQ(Start(), absl::OkStatus());
  const int64_t start = absl::ToUnixMillis(clock_.Now());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Do(StoreOnce(fmt::format("{}", i))).ok());
  EXPECT_THAT(PublishedSizes(**sequencer_->View()), ElementsAre(std::pair(1, start)));
  clock_.Advance(kPublishInterval - absl::Milliseconds(1));
  ASSERT_TRUE(Do(StoreOnce("3")).ok());
  EXPECT_THAT(PublishedSizes(**sequencer_->View()), ElementsAre(std::pair(1, start)));
  clock_.Advance(absl::Milliseconds(1));
  const auto before = Do(StoreOnce("4"));  // Carries the note of the batch before, at no batch of its own.
  ASSERT_TRUE(before.ok());
  EXPECT_THAT(PublishedSizes(**sequencer_->View()), ElementsAre(std::pair(1, start), std::pair(4, start + 3000)));
  Stop();
  EXPECT_EQ(batches, 5);
}

TEST_F(SequencerTest, WhenNoBatchComesANoteIsPublishedByABatchWithoutEntries) {
  std::atomic<int> batches = 0;
  options_.on_step = [&](CommitStep step) { batches += step == CommitStep::kPublished; };
  ASSERT_EQ(Start(), absl::OkStatus());
  // Of the empty tree nothing is published, however often it is asked for.
  sequencer_->PublishDue();
  const auto outcome = Do(StoreOnce("a"));
  ASSERT_TRUE(outcome.ok());
  EXPECT_THAT(PublishedSizes(**sequencer_->View()), ElementsAre());
  const auto settle = [&] {
    // The next command that writes nothing is taken after what was asked for before it.
    sequencer_->PublishDue();
    EXPECT_TRUE(Do([](CommitContext&) { return absl::OkStatus(); }).ok());
  };
  settle();
  EXPECT_EQ(PublishedSizes(**sequencer_->View()).size(), 1u);
  // The very note that was answered with.
  EXPECT_EQ(**(*sequencer_->View())->Get(kFamilyCheckpoint, KeyU64(1)), outcome->checkpoint);
  EXPECT_EQ((*sequencer_->View())->ledger().size(), 1u);
  EXPECT_EQ(batches, 2);
  // Idle: nothing more is written.
  for (int i = 0; i < 3; ++i) {
    clock_.Advance(absl::Minutes(10));
    settle();
  }
  EXPECT_EQ(batches, 2);
  Stop();
}

// After a crash the newest tree may be signed and shown in receipts but not published: the next opening publishes just that.
TEST_F(SequencerTest, WhatWasSignedAndNotPublishedIsPublishedAfterTheNextOpening) {
  ASSERT_EQ(Start(), absl::OkStatus());
  ASSERT_TRUE(Do(StoreOnce("a")).ok());
  ASSERT_TRUE(Do(StoreOnce("b")).ok());
  const auto newest = Do(StoreOnce("c"));
  ASSERT_TRUE(newest.ok());
  Stop();
  ASSERT_EQ(Start(), absl::OkStatus());
  clock_.Advance(kPublishInterval);
  sequencer_->PublishDue();
  ASSERT_TRUE(Do([](CommitContext&) { return absl::OkStatus(); }).ok());
  const auto view = *sequencer_->View();
  EXPECT_EQ(PublishedSizes(*view).size(), 2u);
  EXPECT_EQ(**view->Get(kFamilyCheckpoint, KeyU64(3)), newest->checkpoint);
}

// Goal: the entry of a fork is the last that is signed. Method: what follows it is queued before its batch is formed.
TEST_F(SequencerTest, AForkThatIsKeptEndsTheLogWithItsBatch) {
  ASSERT_EQ(Start(), absl::OkStatus());
  ASSERT_TRUE(Do(StoreOnce("before")).ok());
  const std::string note = ledger::SignCheckpoint({std::string(kOrigin), 9, ledger::LeafHash("another history")}, key_);
  absl::Notification queued;
  absl::StatusOr<Committed> first = absl::UnknownError(""), fork = first, after = first;
  absl::Notification first_done, fork_done, after_done;
  const auto submit = [&](TestCommand::ApplyFunction apply, absl::StatusOr<Committed>& result, absl::Notification& done) {
    sequencer_->Submit(std::make_unique<TestCommand>(std::move(apply), [&](const absl::StatusOr<Committed>& outcome) {
      result = outcome;
      done.Notify();
    }, false));
  };
  submit([&](CommitContext&) { queued.WaitForNotification(); return absl::OkStatus(); }, first, first_done);
  submit([&](CommitContext& context) -> absl::Status {
    ACCORD_RETURN_IF_ERROR(StoreOnce("fork")(context));
    context.Put(kFamilyFork, ForkKey(9, crypto::Sha256(note)), note);
    return absl::OkStatus();
  }, fork, fork_done);
  submit(StoreOnce("after"), after, after_done);
  queued.Notify();
  fork_done.WaitForNotification();
  after_done.WaitForNotification();
  first_done.WaitForNotification();

  ASSERT_EQ(fork.status(), absl::OkStatus());  // It is signed: the entry stands under a checkpoint.
  EXPECT_EQ(fork->tree_size, 2u);
  EXPECT_TRUE(HasReason(after.status(), Reason::kLogForked)) << after.status();
  EXPECT_TRUE(HasReason(Do(StoreOnce("later")).status(), Reason::kLogForked));
  EXPECT_FALSE(sequencer_->serving());
  {
    absl::MutexLock lock(&mu_);
    EXPECT_THAT(health_, ElementsAre(true, false));
  }
  // Readers keep what was signed last.
  EXPECT_EQ(Stored("fork"), "value");
  EXPECT_EQ(Stored("after"), std::nullopt);
  EXPECT_EQ((*sequencer_->View())->checkpoint().checkpoint, fork->checkpoint);
  // And no start takes it up again.
  Stop();
  EXPECT_TRUE(HasReason(Start(), Reason::kLogForked));
  EXPECT_TRUE(HasReason(Start(), Reason::kLogForked));
}

// A store that has what was signed holds nothing that contradicts it, also when it was kept: the newer copy that is put back.
TEST_F(SequencerTest, ANoteThatTheLogHasEndsNothing) {
  ASSERT_EQ(Start(), absl::OkStatus());
  const auto own = Do(StoreOnce("a"));
  ASSERT_TRUE(own.ok());
  ASSERT_TRUE(Do([&](CommitContext& context) {
    context.Put(kFamilyFork, ForkKey(1, crypto::Sha256(own->checkpoint)), own->checkpoint);
    return absl::OkStatus();
  }).ok());
  ASSERT_TRUE(Do(StoreOnce("b")).ok());
  Stop();
  ASSERT_EQ(Start(), absl::OkStatus());
  EXPECT_TRUE(Do(StoreOnce("c")).ok());
}

TEST_F(SequencerTest, ARefusedCommandLeavesNothingAndItsNeighboursStand) {
  int published = 0;
  options_.publish = [&](const ReadView&, const Epochs&) {
    ++published;
    return absl::OkStatus();
  };
  ASSERT_EQ(Start(), absl::OkStatus());
  absl::Notification go;
  absl::BlockingCounter left(3);
  std::vector<absl::Status> answers(3);
  // The first holds the batch until all have come, so that they share one.
  const auto submit = [&](int i, TestCommand::ApplyFunction apply) {
    sequencer_->Submit(std::make_unique<TestCommand>(std::move(apply), [&, i](const absl::StatusOr<Committed>& outcome) {
      answers[i] = outcome.status();
      left.DecrementCount();
    }));
  };
  submit(0, [&](CommitContext& context) {
    go.WaitForNotification();
    return StoreOnce("a")(context);
  });
  submit(1, [&](CommitContext& context) -> absl::Status {
    ACCORD_RETURN_IF_ERROR(StoreOnce("b")(context));
    ACCORD_ASSIGN_OR_RETURN(const std::string chain, PrincipalChain(context, "agency/refused"));
    EntryDraft draft;
    draft.chains = {chain};
    ACCORD_RETURN_IF_ERROR(context.AddEntry(draft).status());
    context.MoveEpochs({9, 9, 9});
    context.Delete(kFamilyRequest, "a");
    return Error(Reason::kNothingPermitted, "no");
  });
  submit(2, StoreOnce("c"));
  go.Notify();
  left.Wait();
  EXPECT_EQ(answers[0], absl::OkStatus());
  EXPECT_TRUE(HasReason(answers[1], Reason::kNothingPermitted));
  EXPECT_EQ(answers[2], absl::OkStatus());
  EXPECT_EQ(Stored("a"), "value");
  EXPECT_EQ(Stored("b"), std::nullopt);
  EXPECT_EQ(Stored("c"), "value");
  const auto view = *sequencer_->View();
  EXPECT_EQ(view->ledger().size(), 2u);
  EXPECT_FALSE((*view->Get(kFamilyMeta, PrincipalChainKey("agency/refused"))).has_value());
  EXPECT_FALSE((*view->Get(kFamilyMeta, kMetaEpochsKey)).has_value());
  EXPECT_EQ(published, 1);  // At the opening alone.
}

TEST_F(SequencerTest, AnEntryOfAnUnknownChainIsRefused) {
  ASSERT_EQ(Start(), absl::OkStatus());
  const auto outcome = Do([](CommitContext& context) {
    EntryDraft draft;
    draft.chains = {std::string(16, 'x')};
    return context.AddEntry(draft).status();
  });
  EXPECT_TRUE(HasReason(outcome.status(), Reason::kStoreCorrupt));
}

TEST_F(SequencerTest, StepsComeInTheirOrderBeforeTheAnswer) {
  std::vector<std::string> steps;
  options_.on_step = [&](CommitStep step) {
    absl::MutexLock lock(&mu_);
    steps.push_back(fmt::format("{}", static_cast<int>(step)));
  };
  options_.publish = [&](const ReadView& view, const Epochs& epochs) {
    absl::MutexLock lock(&mu_);
    steps.push_back(fmt::format("publish {} at {}", epochs.directory, view.checkpoint().tree_size));
    return absl::OkStatus();
  };
  ASSERT_EQ(Start(), absl::OkStatus());
  const auto outcome = Do([](CommitContext& context) {
    context.MoveEpochs({.directory = 1});
    return StoreOnce("a")(context);
  });
  ASSERT_EQ(outcome.status(), absl::OkStatus());
  absl::MutexLock lock(&mu_);
  steps.push_back("done");
  EXPECT_THAT(steps, ElementsAre("publish 0 at 0", "0", "1", "2", "3", "publish 1 at 1", "4", "done"));
}

TEST_F(SequencerTest, MovedEpochsArePublishedBeforeTheNextCommandIsApplied) {
  uint64_t published = 0;  // Touched on the sequencer thread alone.
  options_.publish = [&](const ReadView&, const Epochs& epochs) {
    published = epochs.directory;
    return absl::OkStatus();
  };
  ASSERT_EQ(Start(), absl::OkStatus());
  absl::Notification go;
  absl::BlockingCounter left(20);
  int wrong = 0;
  for (int i = 0; i < 20; ++i) {
    sequencer_->Submit(std::make_unique<TestCommand>(
        [&, i](CommitContext& context) {
          go.WaitForNotification();
          if (context.epochs().directory != published) ++wrong;
          Epochs epochs = context.epochs();
          ++epochs.directory;
          if (i % 3 == 0) context.MoveEpochs(epochs);
          return StoreOnce(fmt::format("{}", i))(context);
        },
        [&](const auto&) { left.DecrementCount(); }));
  }
  go.Notify();
  left.Wait();
  Stop();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(published, 7u);
  ASSERT_EQ(Start(), absl::OkStatus());  // And they are read back.
  EXPECT_EQ(published, 7u);
}

TEST_F(SequencerTest, WhatBeginsItsBatchSeesInAViewAllThatCameBeforeIt) {
  constexpr int kCommands = 20;
  ASSERT_EQ(Start(), absl::OkStatus());
  absl::Notification go;
  absl::BlockingCounter left(kCommands);
  int unseen = 0;  // Touched on the sequencer thread alone.
  for (int i = 0; i < kCommands; ++i) {
    const bool begins = i % 5 == 4;
    sequencer_->Submit(std::make_unique<TestCommand>(
        [&, i, begins](CommitContext& context) {
          go.WaitForNotification();
          if (begins && (*sequencer_->View())->ledger().size() != static_cast<uint64_t>(i)) ++unseen;
          return StoreOnce(fmt::format("key-{}", i))(context);
        },
        [&](const auto&) { left.DecrementCount(); }, /*refusable=*/false, begins));
  }
  go.Notify();
  left.Wait();
  EXPECT_EQ(unseen, 0);
  EXPECT_EQ((*sequencer_->View())->ledger().size(), uint64_t{kCommands});
}

TEST_F(SequencerTest, ManyCommandsMakeFewBatches) {
  constexpr int kCommands = 10'000;
  int batches = 0;
  options_.queue_max = kCommands;
  options_.on_step = [&](CommitStep step) { batches += step == CommitStep::kAppended; };
  ASSERT_EQ(Start(), absl::OkStatus());
  absl::Notification go;
  absl::BlockingCounter left(kCommands);
  std::atomic<int> failed = 0;
  for (int i = 0; i < kCommands; ++i) {
    sequencer_->Submit(std::make_unique<TestCommand>(
        [&, i](CommitContext& context) {
          go.WaitForNotification();
          return StoreOnce(fmt::format("key-{}", i))(context);
        },
        [&](const absl::StatusOr<Committed>& outcome) {
          failed += !outcome.ok();
          left.DecrementCount();
        }));
  }
  go.Notify();
  left.Wait();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ((*sequencer_->View())->ledger().size(), uint64_t{kCommands});
  Stop();
  EXPECT_LE(batches, kCommands / 256 + 40);  // Fuller ones close at 1 MiB.
}

TEST_F(SequencerTest, AFailedSyncIsUnknownAndTheRetryFindsOut) {
  ASSERT_EQ(Start(), absl::OkStatus());
  ASSERT_EQ(Do(StoreOnce("before")).status(), absl::OkStatus());
  disk_.files->FailFrom(FaultFileSystem::Operation::kSync, 1, FaultFileSystem::Fault::kIoError);
  const auto outcome = Do(StoreOnce("during"));
  EXPECT_TRUE(HasReason(outcome.status(), Reason::kStoreUnavailable)) << outcome.status();
  disk_.files->Heal();
  // The commands wait while the store is opened anew; the repeat is answered whichever way it went.
  EXPECT_EQ(Do(StoreOnce("during")).status(), absl::OkStatus());
  EXPECT_EQ(Stored("before"), "value");
  EXPECT_EQ(Stored("during"), "value");
  EXPECT_EQ((*sequencer_->View())->ledger().size(), 2u);
  absl::MutexLock lock(&mu_);
  EXPECT_FALSE(health_[1]);
  EXPECT_TRUE(health_.back());
}

TEST_F(SequencerTest, CommandsWaitWhileTheStoreRefusesAndNoneIsForgotten) {
  options_.queue_max = 3;
  ASSERT_EQ(Start(), absl::OkStatus());
  // The disk stays full, so that the store cannot be opened either.
  disk_.files->FailFrom(FaultFileSystem::Operation::kAppend, 1, FaultFileSystem::Fault::kNoSpace, "");
  EXPECT_TRUE(HasReason(Do(StoreOnce("a")).status(), Reason::kStoreUnavailable));
  absl::BlockingCounter refused(2), done(3);
  std::vector<absl::Status> refusals;
  for (int i = 0; i < 5; ++i) {
    sequencer_->Submit(std::make_unique<TestCommand>(StoreOnce(fmt::format("{}", i)), [&](const absl::StatusOr<Committed>& outcome) -> void {
      if (outcome.ok()) {
        done.DecrementCount();
        return;
      }
      absl::MutexLock lock(&mu_);
      refusals.push_back(outcome.status());
      refused.DecrementCount();
    }));
  }
  refused.Wait();
  EXPECT_TRUE(HasReason(sequencer_->View().status(), Reason::kStoreUnavailable));
  EXPECT_FALSE(sequencer_->serving());
  disk_.files->Heal();
  done.Wait();
  absl::MutexLock lock(&mu_);
  for (const absl::Status& refusal : refusals) {
    EXPECT_TRUE(HasReason(refusal, Reason::kQueueFull));
    EXPECT_EQ(DetailOf(refusal).metadata["retry_after_ms"], "250");
  }
}

TEST_F(SequencerTest, ShutdownDuringAnOutageAnswersWhatWaits) {
  ASSERT_EQ(Start(), absl::OkStatus());
  disk_.files->FailFrom(FaultFileSystem::Operation::kAppend, 1, FaultFileSystem::Fault::kNoSpace, "");
  EXPECT_TRUE(HasReason(Do(StoreOnce("a")).status(), Reason::kStoreUnavailable));
  absl::Status answer;
  absl::Notification answered;
  sequencer_->Submit(std::make_unique<TestCommand>(StoreOnce("b"), [&](const absl::StatusOr<Committed>& outcome) {
    answer = outcome.status();
    answered.Notify();
  }));
  sequencer_->Shutdown();
  answered.WaitForNotification();
  EXPECT_TRUE(HasReason(answer, Reason::kStoreUnavailable));
  EXPECT_TRUE(HasReason(Do(StoreOnce("c")).status(), Reason::kShuttingDown));
  disk_.files->Heal();
}

TEST_F(SequencerTest, ShutdownCarriesOutWhatIsQueued) {
  ASSERT_EQ(Start(), absl::OkStatus());
  absl::Notification go;
  std::atomic<int> ok = 0;
  for (int i = 0; i < 600; ++i) {
    sequencer_->Submit(std::make_unique<TestCommand>(
        [&, i](CommitContext& context) {
          go.WaitForNotification();
          return StoreOnce(fmt::format("{}", i))(context);
        },
        [&](const absl::StatusOr<Committed>& outcome) { ok += outcome.ok(); }));
  }
  go.Notify();
  sequencer_->Shutdown();
  executor_.Shutdown();
  EXPECT_EQ(ok, 600);
}

TEST_F(SequencerTest, DoneIsCalledThoughTheExecutorTakesNoMore) {
  ASSERT_EQ(Start(), absl::OkStatus());
  executor_.Shutdown();
  EXPECT_EQ(Do(StoreOnce("a")).status(), absl::OkStatus());
}

TEST_F(SequencerTest, AViewKeepsItsStoreOpenUntilItIsLetGo) {
  ASSERT_EQ(Start(), absl::OkStatus());
  ASSERT_EQ(Do(StoreOnce("a")).status(), absl::OkStatus());
  auto view = *sequencer_->View();
  disk_.files->FailFrom(FaultFileSystem::Operation::kSync, 1, FaultFileSystem::Fault::kIoError);
  EXPECT_FALSE(Do(StoreOnce("b")).ok());
  disk_.files->Heal();
  EXPECT_EQ(**view->Get(kFamilyRequest, "a"), "value");
  view.reset();
  EXPECT_EQ(Do(StoreOnce("b")).status(), absl::OkStatus());
}

TEST_F(SequencerTest, BelowTheFloorOnlyWhatMustFitIsTaken) {
  std::atomic<uint64_t> free = 1000;
  options_.disk_floor_bytes = 500;
  options_.free_bytes = [&]() -> absl::StatusOr<uint64_t> { return free.load(); };
  ASSERT_EQ(Start(), absl::OkStatus());
  EXPECT_TRUE(Do(StoreOnce("a"), /*refusable=*/true).ok());
  free = 499;
  EXPECT_TRUE(HasReason(Do(StoreOnce("b"), true).status(), Reason::kDiskFloor));
  EXPECT_TRUE(Do(StoreOnce("ack"), false).ok());
  free = 500;
  EXPECT_TRUE(Do(StoreOnce("b"), true).ok());
}

TEST_F(SequencerTest, EntryTimesNeverGoBack) {
  ASSERT_EQ(Start(), absl::OkStatus());
  const absl::Time first = Do(StoreOnce("a"))->time;
  clock_.Advance(-absl::Hours(1));
  EXPECT_EQ(Do(StoreOnce("b"))->time, first);
  Stop();
  ASSERT_EQ(Start(), absl::OkStatus());
  EXPECT_EQ(Do(StoreOnce("c"))->time, first);
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(Do(StoreOnce("d"))->time, first + absl::Hours(1));
}

TEST_F(SequencerTest, ACommandThatOnlyRepeatsIsAnsweredUnderTheNewestCheckpoint) {
  ASSERT_EQ(Start(), absl::OkStatus());
  const auto first = Do(StoreOnce("a"));
  const auto second = Do(StoreOnce("a"));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->checkpoint, second->checkpoint);
}

TEST_F(SequencerTest, APowerCutKeepsEverythingThatWasAnswered) {
  for (const CommitStep cut : {CommitStep::kAppended, CommitStep::kReadBack, CommitStep::kGuarded, CommitStep::kSigned}) {
    bool armed = false;
    options_.on_step = [&](CommitStep step) {
      if (armed && step == cut) disk_.files->CutPower();
    };
    ASSERT_EQ(Start(), absl::OkStatus());
    const std::string name = fmt::format("{}", static_cast<int>(cut));
    ASSERT_EQ(Do(StoreOnce("before-" + name)).status(), absl::OkStatus());
    armed = true;
    const auto cut_off = Do(StoreOnce("cut-" + name));
    Stop();
    disk_.files->Restore(&random_);
    options_.on_step = nullptr;
    ASSERT_EQ(Start(), absl::OkStatus());
    EXPECT_EQ(Stored("before-" + name), "value");
    EXPECT_EQ(Stored("cut-" + name), "value") << "it was fsynced, and answered: " << cut_off.status();
    ASSERT_EQ(Do(StoreOnce("cut-" + name)).status(), absl::OkStatus());
    Stop();
  }
  ASSERT_EQ(Start(), absl::OkStatus());
  EXPECT_EQ((*sequencer_->View())->ledger().size(), 8u);
}

TEST_F(SequencerTest, RefusalsAreBoundedByThePrincipalReasonAndMinute) {
  ASSERT_EQ(Start(), absl::OkStatus());
  RefusalRecorder recorder(*sequencer_, clock_);
  const auto refuse = [&](const std::string& principal, Reason reason) {
    recorder.Record({.principal = principal, .certificate = std::string(32, 'c'), .method = "/a.B/C",
                     .status = Error(reason, "no"), .signature_digest = {}});
  };
  for (int i = 0; i < 50; ++i) refuse("agency/police", Reason::kSignatureInvalid);
  for (int i = 0; i < 5; ++i) refuse("agency/police", Reason::kRoleNotAllowed);
  refuse("agency/idva", Reason::kSignatureInvalid);
  recorder.Flush();  // The minute is not over.
  ASSERT_TRUE(Do([](CommitContext&) { return absl::OkStatus(); }).ok());
  EXPECT_EQ((*sequencer_->View())->ledger().size(), 26u);

  clock_.Advance(absl::Minutes(1));
  refuse("agency/police", Reason::kSignatureInvalid);  // Its summary comes before it.
  recorder.Flush();
  ASSERT_TRUE(Do([](CommitContext&) { return absl::OkStatus(); }).ok());
  const auto view = *sequencer_->View();
  EXPECT_EQ(view->ledger().size(), 28u);
  storage::v1::StoredOpenings openings;
  ASSERT_TRUE(openings.ParseFromString(**view->GetSealed(kFamilyOpening, KeyU64(26))));
  type::v1::EntryEvent event;
  ASSERT_TRUE(event.ParseFromString(openings.openings(0).content()));
  EXPECT_EQ(event.type(), type::v1::EVENT_TYPE_REFUSALS_SUMMARY);
  EXPECT_EQ(event.count(), 30u);
  EXPECT_EQ(event.reason(), "SIGNATURE_INVALID");
}

// The process itself dies between two steps; the next one opens and carries on. The child runs the test
// again up to the death, so the directory is handed over in the environment.
class SequencerCrashTest : public ::testing::TestWithParam<CommitStep> {};

TEST_P(SequencerCrashTest, ADeathBetweenTwoStepsLosesNothingAnswered) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  std::string root;
  if (const char* const given = getenv("ACCORD_CRASH_DIRECTORY")) {
    root = given;
  } else {
    char name[] = "/tmp/accord-crash-XXXXXX";
    root = mkdtemp(name);
    setenv("ACCORD_CRASH_DIRECTORY", root.c_str(), 1);
  }
  const auto opener = [&root](Random& random, Executor& executor) -> StoreOpener {
    return [&]() -> absl::StatusOr<std::unique_ptr<StoreSession>> {
      auto session = std::make_unique<StoreSession>();
      ACCORD_ASSIGN_OR_RETURN(auto store, storage::RocksStore::Open(root + "/store", BrokerFamilies()));
      ACCORD_ASSIGN_OR_RETURN(session->log, storage::RocksCommitLog::Open(
          *store, [](std::string_view bytes) { return crypto::Sha256(bytes); }));
      session->store = std::move(store);
      ACCORD_ASSIGN_OR_RETURN(session->slots,
                              KeySlots::Open(root + "/slots", crypto::SecretBytes(std::string(32, 'm')), random, executor,
                                             !std::filesystem::exists(root + "/slots")));
      ACCORD_ASSIGN_OR_RETURN(auto guard, Guard::Open(root + "/guard"));
      ACCORD_ASSIGN_OR_RETURN(session->signer,
                              CheckpointSigner::Open(*session->store, std::move(guard),
                                                     *crypto::Ed25519Signer::FromSeed(std::string(32, 'k')), "o"));
      ACCORD_ASSIGN_OR_RETURN(session->ledger, LedgerWriter::Open(*session->store, "o"));
      return session;
    };
  };
  const auto run = [&](bool dies) {
    FakeClock clock;
    SystemRandom random;
    telemetry::Metrics metrics;
    Executor executor(1, 100);
    int batches = 0;
    SequencerOptions options;
    if (dies) {
      options.on_step = [&](CommitStep step) {
        if (step == GetParam() && ++batches == 2) _exit(9);
      };
    }
    auto sequencer = Sequencer::Start(opener(random, executor), options, executor, clock, random, metrics);
    ACCORD_CHECK(sequencer.ok());
    for (const std::string key : {"first", "second"}) {
      absl::Notification done;
      (*sequencer)->Submit(std::make_unique<TestCommand>(
          [key](CommitContext& context) -> absl::Status {
            ACCORD_ASSIGN_OR_RETURN(const auto before, context.Get(kFamilyRequest, key));
            if (before.has_value()) return absl::OkStatus();
            ACCORD_ASSIGN_OR_RETURN(const std::string chain, PrincipalChain(context, "broker"));
            context.Put(kFamilyRequest, key, "value");
            EntryDraft draft;
            draft.chains = {chain};
            draft.event.set_type(type::v1::EVENT_TYPE_PREVIEWED);
            return context.AddEntry(draft).status();
          },
          [&](const absl::StatusOr<Committed>& outcome) {
            ACCORD_CHECK(outcome.ok());
            done.Notify();
          }));
      done.WaitForNotification();
    }
    const auto view = *(*sequencer)->View();
    EXPECT_EQ(view->ledger().size(), 2u);
    EXPECT_EQ(**view->Get(kFamilyRequest, "first"), "value");
    EXPECT_EQ(**view->Get(kFamilyRequest, "second"), "value");
  };
  if (!std::filesystem::exists(root + "/guard")) {
    ASSERT_EQ(Guard::Create(root + "/guard", {0, std::string(ledger::View(ledger::EmptyRoot()))}), absl::OkStatus());
    ASSERT_TRUE(storage::RocksStore::Open(root + "/store", BrokerFamilies(), {.create = true}).ok());
  }
  EXPECT_EXIT(run(true), ::testing::ExitedWithCode(9), "");
  run(false);
  unsetenv("ACCORD_CRASH_DIRECTORY");
  std::filesystem::remove_all(root);
}

INSTANTIATE_TEST_SUITE_P(Steps, SequencerCrashTest,
                         ::testing::Values(CommitStep::kAppended, CommitStep::kReadBack, CommitStep::kGuarded,
                                           CommitStep::kSigned, CommitStep::kPublished));

}  // namespace
}  // namespace accord::broker

// What falls due, when, and how often: over a real sequencer and store, and a clock that the test moves.
#include "services/broker/sharing/due.h"

#include <absl/synchronization/notification.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/crypto/digest.h"
#include "common/ledger/merkle.h"
#include "common/storage/rocks_store.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker::due_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kFirst(32, 'a'), kSecond(32, 'b');
const absl::Time kDue = absl::FromUnixSeconds(1'800'000'000);

std::vector<std::string> KeysOf(MemoryContext& context, std::string_view family) {
  std::vector<std::string> keys;
  EXPECT_EQ(context.Scan(family, {}, [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  }, nullptr), absl::OkStatus());
  return keys;
}

std::string Key(absl::Time when, DueKind kind, const std::string& digest, const std::string& agency = "police") {
  return DueKey(static_cast<uint64_t>(absl::ToUnixMillis(when)), kind, digest, agency, type::v1::DESK_MAIN);
}

TEST(DueTest, GoldenKeys) {
  EXPECT_EQ(ToHex(DueKey(0x0102, DueKind::kChange, std::string(32, '\xaa'), "idva", type::v1::DESK_CONFIDENTIAL)),
            "0000000000000102" "02" + std::string(64, 'a') + "04" "69647661" "02");
  EXPECT_EQ(ToHex(DueAtKey(DueKind::kBreach, std::string(32, '\xbb'), "idva", type::v1::DESK_MAIN)), std::string(64, 'b') + "03" "04" "69647661" "01");
  EXPECT_EQ(ToHex(ReviewKey(ReviewKind::kGap, "", true, 1, std::string(32, '\xcc'))), "01" "00" "01" "0000000000000001" + std::string(64, 'c'));
  EXPECT_EQ(ToHex(ReviewKey(ReviewKind::kBreach, "idva", false, 1, std::string(32, '\xcc'))), "02" "0469647661" "02" "0000000000000001" + std::string(64, 'c'));
  EXPECT_EQ(ToHex(SharingKey("idva", type::v1::SHARING_CLASS_EMERGENCY, 1, 2, "a")), "0469647661" "04" "0000000000000001" "0000000000000002" "0161");
}

TEST(DueTest, OneRowForEachOfKindReferralAgencyAndDesk) {
  MemoryContext context;
  ASSERT_EQ(PutDue(context, DueKind::kGap, kDue, kFirst, "police", type::v1::DESK_MAIN), absl::OkStatus());
  ASSERT_EQ(PutDue(context, DueKind::kBreach, kDue, kFirst, "police", type::v1::DESK_MAIN), absl::OkStatus());
  // Moved, not doubled.
  ASSERT_EQ(PutDue(context, DueKind::kGap, kDue + absl::Hours(1), kFirst, "police", type::v1::DESK_MAIN), absl::OkStatus());
  EXPECT_THAT(KeysOf(context, kFamilyDue), ElementsAre(Key(kDue, DueKind::kBreach, kFirst), Key(kDue + absl::Hours(1), DueKind::kGap, kFirst)));
  ASSERT_EQ(ClearDue(context, DueKind::kGap, kFirst, "police", type::v1::DESK_MAIN), absl::OkStatus());
  ASSERT_EQ(ClearDue(context, DueKind::kGap, kFirst, "police", type::v1::DESK_MAIN), absl::OkStatus());
  ASSERT_EQ(ClearDue(context, DueKind::kBreach, kFirst, "idva", type::v1::DESK_MAIN), absl::OkStatus());  // Another's.
  EXPECT_THAT(KeysOf(context, kFamilyDue), ElementsAre(Key(kDue, DueKind::kBreach, kFirst)));
  EXPECT_EQ(KeysOf(context, kFamilyDueAt).size(), 1u);
}

TEST(DueTest, SortsByTimeAcrossKinds) {
  MemoryContext context;
  ASSERT_EQ(PutDue(context, DueKind::kGap, kDue + absl::Seconds(1), kFirst, "police", type::v1::DESK_MAIN), absl::OkStatus());
  ASSERT_EQ(PutDue(context, DueKind::kBreach, kDue, kSecond, "police", type::v1::DESK_MAIN), absl::OkStatus());
  ASSERT_EQ(PutDue(context, DueKind::kChange, absl::FromUnixSeconds(-5), kSecond, "idva", type::v1::DESK_MAIN), absl::OkStatus());
  EXPECT_THAT(KeysOf(context, kFamilyDue),
              ElementsAre(Key(absl::UnixEpoch(), DueKind::kChange, kSecond, "idva"), Key(kDue, DueKind::kBreach, kSecond),
                          Key(kDue + absl::Seconds(1), DueKind::kGap, kFirst)));
}

TEST(DueTest, ARowThatDoesNotParseIsSaid) {
  MemoryContext context;
  context.Put(kFamilyDueAt, DueAtKey(DueKind::kGap, kFirst, "police", type::v1::DESK_MAIN), "short");
  EXPECT_TRUE(HasReason(ClearDue(context, DueKind::kGap, kFirst, "police", type::v1::DESK_MAIN), Reason::kStoreCorrupt));
  EXPECT_THAT(KeysOf(context, kFamilyDue), IsEmpty());
}

constexpr std::string_view kOrigin = "accord.test/broker";

// A command made of a function, with a word when it is done.
class RunCommand : public Command {
 public:
  RunCommand(std::function<absl::Status(CommitContext&)> apply, absl::Notification& done, absl::Status& status)
      : apply_(std::move(apply)), done_(done), status_(status) {}
  absl::Status Apply(CommitContext& context) override { return apply_(context); }
  void Done(const absl::StatusOr<Committed>& outcome) override {
    status_ = outcome.status();
    done_.Notify();
  }

 private:
  const std::function<absl::Status(CommitContext&)> apply_;
  absl::Notification& done_;
  absl::Status& status_;
};

class DueClockTest : public ::testing::Test {
 protected:
  DueClockTest() {
    char name[] = "/tmp/accord-due-XXXXXX";
    root_ = mkdtemp(name);
    ACCORD_CHECK(Guard::Create(root_ + "/guard", {0, std::string(ledger::View(ledger::EmptyRoot()))}).ok());
    ACCORD_CHECK(storage::RocksStore::Open(root_ + "/store", BrokerFamilies(), {.create = true}).ok());
    Start();
  }
  ~DueClockTest() override {
    sequencer_.reset();
    executor_.Shutdown();
    std::filesystem::remove_all(root_);
  }

  void Start() {
    due_.reset();
    sequencer_.reset();
    const StoreOpener opener = [this]() -> absl::StatusOr<std::unique_ptr<StoreSession>> {
      auto session = std::make_unique<StoreSession>();
      ACCORD_ASSIGN_OR_RETURN(auto store, storage::RocksStore::Open(root_ + "/store", BrokerFamilies(), {}));
      ACCORD_ASSIGN_OR_RETURN(session->log,
                              storage::RocksCommitLog::Open(*store, [](std::string_view bytes) { return crypto::Sha256(bytes); }));
      session->store = std::move(store);
      const std::string slots = root_ + "/slots";
      ACCORD_ASSIGN_OR_RETURN(session->slots, KeySlots::Open(slots, crypto::SecretBytes(std::string(32, 'm')), random_, executor_,
                                                             !std::filesystem::exists(slots)));
      ACCORD_ASSIGN_OR_RETURN(auto guard, Guard::Open(root_ + "/guard"));
      ACCORD_ASSIGN_OR_RETURN(session->signer, CheckpointSigner::Open(*session->store, std::move(guard), key_, std::string(kOrigin)));
      ACCORD_ASSIGN_OR_RETURN(session->ledger, LedgerWriter::Open(*session->store, std::string(kOrigin)));
      return session;
    };
    auto started = Sequencer::Start(opener, {}, executor_, clock_, random_, metrics_);
    ASSERT_EQ(started.status(), absl::OkStatus());
    sequencer_ = *std::move(started);
    due_ = std::make_unique<DueClock>(*sequencer_, mailboxes_, clock_, DueHandlers{{DueKind::kGap, [this](auto& context, const Due& due, auto&) {
                                        return Handle(context, due);
                                      }}});
  }
  void Run(std::function<absl::Status(CommitContext&)> apply) {
    absl::Status status;
    absl::Notification done;
    sequencer_->Submit(std::make_unique<RunCommand>(std::move(apply), done, status));
    done.WaitForNotification();
    ASSERT_EQ(status, absl::OkStatus());
  }
  void Put(absl::Time when, const std::string& digest, DueKind kind = DueKind::kGap) {
    Run([&](CommitContext& context) { return PutDue(context, kind, when, digest, "police", type::v1::DESK_MAIN); });
  }
  // Ticks once, and waits until what it began is done, putting off included.
  void Tick() {
    due_->Tick();
    while (due_->under_way()) Run([](CommitContext&) { return absl::OkStatus(); });
  }
  // On the sequencer thread, between whose commands the test reads `fired_`.
  absl::Status Handle(CommitContext& context, const Due& due) {
    if (due.header_digest == failing_) {
      context.Put(kFamilyMeta, "left behind", "");
      return Error(Reason::kStoreCorrupt, "as the test asks");
    }
    if (fired_.empty() && on_first_) on_first_();
    fired_.push_back(due.header_digest);
    when_.push_back(due.when);
    if (again_after_ == absl::ZeroDuration()) return absl::OkStatus();
    return PutDue(context, due.kind, due.when + again_after_, due.header_digest, due.agency, due.desk);
  }
  size_t Rows(std::string_view family) {
    size_t rows = 0;
    const auto view = sequencer_->View();
    EXPECT_EQ((*view)->Scan(family, {}, [&](std::string_view, std::string_view) { return ++rows > 0; }), absl::OkStatus());
    return rows;
  }

  std::string root_;
  FakeClock clock_{kDue - absl::Hours(2)};
  SystemRandom random_;
  telemetry::Metrics metrics_;
  const crypto::Ed25519Signer key_ = crypto::Ed25519Signer::Generate();
  Executor executor_{2, 1024};
  Mailboxes mailboxes_;
  std::string failing_;
  absl::Duration again_after_ = absl::ZeroDuration();
  std::function<void()> on_first_;
  std::vector<std::string> fired_;
  std::vector<absl::Time> when_;
  std::unique_ptr<Sequencer> sequencer_;
  std::unique_ptr<DueClock> due_;
};

TEST_F(DueClockTest, FiresAtItsTimeNotBeforeAndOnce) {
  Put(kDue, kFirst);
  Put(kDue + absl::Milliseconds(1), kSecond);
  clock_.Advance(absl::Hours(2) - absl::Milliseconds(1));
  Tick();
  EXPECT_THAT(fired_, IsEmpty());
  clock_.Advance(absl::Milliseconds(1));
  Tick();
  EXPECT_THAT(fired_, ElementsAre(kFirst));
  Tick();
  EXPECT_THAT(fired_, ElementsAre(kFirst));
  clock_.Advance(absl::Hours(1));
  Tick();
  EXPECT_THAT(fired_, ElementsAre(kFirst, kSecond));
  EXPECT_EQ(Rows(kFamilyDue), 0u);
  EXPECT_EQ(Rows(kFamilyDueAt), 0u);
}

TEST_F(DueClockTest, WhatIsClearedDoesNotFire) {
  Put(kDue, kFirst);
  Run([&](CommitContext& context) { return ClearDue(context, DueKind::kGap, kFirst, "police", type::v1::DESK_MAIN); });
  clock_.Advance(absl::Hours(24));
  Tick();
  EXPECT_THAT(fired_, IsEmpty());
}

TEST_F(DueClockTest, AClockThatJumpsAnHourSkipsAndDoublesNothing) {
  again_after_ = absl::Hours(24);
  Put(kDue, kFirst);
  clock_.Advance(absl::Hours(1));  // An hour to go, and the clock jumps it.
  clock_.Advance(absl::Hours(1));
  Tick();
  EXPECT_EQ(fired_.size(), 1u);
  clock_.Advance(-absl::Hours(1));  // Put right: not again when the hour really comes.
  Tick();
  clock_.Advance(absl::Hours(1));
  Tick();
  EXPECT_EQ(fired_.size(), 1u);
  clock_.Advance(absl::Hours(23));  // Put back instead while it waits: late by as much, and once.
  clock_.Advance(-absl::Hours(1));
  Tick();
  EXPECT_EQ(fired_.size(), 1u);
  clock_.Advance(absl::Hours(2));
  Tick();
  EXPECT_THAT(when_, ElementsAre(kDue, kDue + absl::Hours(24)));
}

TEST_F(DueClockTest, SurvivesARestartWithoutLossOrRepetition) {
  again_after_ = absl::Hours(24);
  Put(kDue, kFirst);
  Put(kDue + absl::Hours(3), kSecond);
  clock_.Advance(absl::Hours(2));
  Tick();
  EXPECT_THAT(fired_, ElementsAre(kFirst));
  Start();
  Tick();
  EXPECT_THAT(fired_, ElementsAre(kFirst));
  clock_.Advance(absl::Hours(24));  // Down all day: each once, in order.
  Start();
  Tick();
  EXPECT_THAT(fired_, ElementsAre(kFirst, kSecond, kFirst));
}

TEST_F(DueClockTest, WhatFailsIsPutOffAnHourAndHoldsUpNothing) {
  failing_ = kFirst;
  Put(kDue, kFirst);
  Put(kDue, kSecond);
  Put(kDue, std::string(32, 'c'), DueKind::kBreach);  // For which nobody registered.
  clock_.Advance(absl::Hours(2));
  Tick();
  EXPECT_THAT(fired_, ElementsAre(kSecond));
  EXPECT_EQ(*(*sequencer_->View())->Get(kFamilyMeta, "left behind"), std::nullopt);
  EXPECT_EQ(Rows(kFamilyDue), 2u);
  failing_.clear();
  clock_.Advance(kDueRetry - absl::Milliseconds(1));
  Tick();
  EXPECT_THAT(fired_, ElementsAre(kSecond));
  clock_.Advance(absl::Milliseconds(1));
  Tick();
  EXPECT_THAT(fired_, ElementsAre(kSecond, kFirst));
  EXPECT_EQ(Rows(kFamilyDue), 1u);
}

TEST_F(DueClockTest, GoesOnInRoundsWhileThereIsMoreAndLetsOthersThroughBetween) {
  constexpr size_t kRows = 3 * kDueAtOnceMax + 1;
  std::vector<std::string> expected;
  for (size_t i = 0; i < kRows; ++i) expected.push_back(crypto::Sha256(fmt::format("referral {}", i)));
  Run([&](CommitContext& context) -> absl::Status {
    for (size_t i = 0; i < kRows; ++i) {
      ACCORD_RETURN_IF_ERROR(PutDue(context, DueKind::kGap, kDue + absl::Milliseconds(i), expected[i], "police", type::v1::DESK_MAIN));
    }
    return absl::OkStatus();
  });
  size_t fired_before = 0;
  absl::Status status;
  absl::Notification done;
  on_first_ = [&] {  // A submission that comes while the first row is acted on.
    sequencer_->Submit(std::make_unique<RunCommand>(
        [&](CommitContext&) {
          fired_before = fired_.size();
          return absl::OkStatus();
        },
        done, status));
  };
  clock_.Advance(absl::Hours(3));
  Tick();
  done.WaitForNotification();
  EXPECT_EQ(fired_, expected);
  EXPECT_GE(fired_before, 1u);
  EXPECT_LE(fired_before, kDueAtOnceMax) << "it waits for the round that is under way at most";
  EXPECT_EQ(Rows(kFamilyDue), 0u);
}

}  // namespace
}  // namespace accord::broker::due_test

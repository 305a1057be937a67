// The witness against a broker that publishes, forgets to answer, forks and forges, over the real store and through restarts.
#include "common/agent/witness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/agent/fake_broker.h"
#include "common/agent/fork_report.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/ledger/policy.h"
#include "common/storage/rocks_store.h"

namespace accord::agent::witness_test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class WitnessTest : public ::testing::Test {
 protected:
  WitnessTest() : broker_(random_) {
    path_ = ::testing::TempDir() + "/accord_witness_" + ToHex(random_.Bytes(6));
    Restart();
  }
  ~WitnessTest() override {
    Close();
    std::filesystem::remove_all(path_);
  }
  void Close() { report_.reset(), witness_.reset(), log_.reset(), alarm_.reset(), store_.reset(), rocks_.reset(); }
  // What a crash leaves, opened.
  void Restart() {
    Close();
    std::vector<storage::FamilySpec> families;
    for (const std::string& name : AgencyFamilies()) families.push_back({name});
    storage::RocksStoreOptions options;
    options.create = !std::filesystem::exists(path_);
    rocks_ = *storage::RocksStore::Open(path_, families, options);
    store_ = std::make_unique<AgencyStore>(*rocks_, crypto::SecretBytes(std::string(32, 's')), random_);
    alarm_ = std::make_unique<Alarm>(*store_, clock_);
    ASSERT_EQ(alarm_->Load(), absl::OkStatus());
    log_ = *LogWatch::Open(*store_, broker_, *alarm_, FakeLog::LogVkey());
    witness_ = std::make_unique<Witness>(*log_, broker_, *alarm_, clock_, random_, Key());
    report_ = std::make_unique<ForkReport>(*alarm_, broker_);
  }
  static WitnessKey Key() { return {"idva.accord.test", *crypto::Ed25519Signer::FromSeed(std::string(32, 'W'))}; }
  void Append(int count) {
    type::v1::EntryEvent event;
    for (int i = 0; i < count; ++i) broker_.log.Append(event, "digest");
  }
  void Publish() { broker_.published = broker_.log.Checkpoint(); }
  // Of the newest note that the broker was handed.
  ledger::Cosignature Newest() {
    const auto note = ledger::ParseNote(broker_.cosigned.back());
    EXPECT_TRUE(note.ok()) << note.status();
    const auto cosignature = ledger::FindCosignature(*note, Key().Vkey());
    EXPECT_TRUE(cosignature.ok()) << cosignature.status();
    return *cosignature;
  }
  storage::v1::StoredCosigned Stored() {
    return store_->Get<storage::v1::StoredCosigned>(kFamilyMeta, kMetaCosigned)->value_or(storage::v1::StoredCosigned());
  }

  SystemRandom random_;
  FakeClock clock_;
  FakeBroker broker_;
  std::string path_;
  std::unique_ptr<storage::RocksStore> rocks_;
  std::unique_ptr<AgencyStore> store_;
  std::unique_ptr<Alarm> alarm_;
  std::unique_ptr<LogWatch> log_;
  std::unique_ptr<Witness> witness_;
  std::unique_ptr<ForkReport> report_;
};

TEST_F(WitnessTest, CosignsWhatIsPublishedOnceAndAgainWhenItStays) {
  ASSERT_EQ(witness_->Step(), absl::OkStatus());  // Nothing was published.
  EXPECT_THAT(broker_.cosigned, IsEmpty());
  Append(3);
  Publish();
  ASSERT_EQ(witness_->Step(), absl::OkStatus());
  ASSERT_THAT(broker_.cosigned, SizeIs(1));
  EXPECT_EQ(Newest().time_s, static_cast<uint64_t>(absl::ToUnixSeconds(clock_.Now())));
  const auto verified = ledger::VerifyCheckpoint(broker_.cosigned[0], log_->log_key(), std::vector{Key().Vkey()});
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->checkpoint.size, 3u);
  EXPECT_THAT(verified->cosigners, SizeIs(1));
  EXPECT_EQ(witness_->cosigned_size(), 3u);
  EXPECT_LE(witness_->NextDelay(), kWitnessIntervalMoving * (1 + kWitnessJitter));

  ASSERT_EQ(witness_->Step(), absl::OkStatus());
  EXPECT_THAT(broker_.cosigned, SizeIs(1));
  EXPECT_GE(witness_->NextDelay(), kWitnessIntervalIdle * (1 - kWitnessJitter));
  clock_.Advance(kRecosignInterval);
  ASSERT_EQ(witness_->Step(), absl::OkStatus());
  ASSERT_THAT(broker_.cosigned, SizeIs(2));
  EXPECT_EQ(Newest().time_s, static_cast<uint64_t>(absl::ToUnixSeconds(clock_.Now())));
}

// Goal: no crash makes the key sign what its store does not remember. Method: the store is read at the moment of sending.
TEST_F(WitnessTest, WhatIsCosignedIsDurableBeforeItIsSent) {
  Append(2);
  Publish();
  int sent = 0;
  broker_.on_cosign = [&](const std::string&) {
    ++sent;
    EXPECT_EQ(Stored().size(), 2u);
    EXPECT_EQ(Stored().time_s(), static_cast<uint64_t>(absl::ToUnixSeconds(clock_.Now())));
    EXPECT_TRUE((*store_->Get<storage::v1::StoredCheckpoint>(kFamilyMeta, kMetaCheckpoint)).has_value());
  };
  ASSERT_EQ(witness_->Step(), absl::OkStatus());
  EXPECT_EQ(sent, 1);
}

TEST_F(WitnessTest, ACrashBetweenStoringAndSendingCosignsTheSameAgainAndTimeNeverGoesBack) {
  Append(2);
  Publish();
  broker_.away = Error(Reason::kBrokerUnreachable, "away");
  EXPECT_FALSE(witness_->Step().ok());
  broker_.away = absl::OkStatus();
  broker_.lose_answer = true;  // It got there, as far as anybody knows.
  EXPECT_FALSE(witness_->Step().ok());
  ASSERT_THAT(broker_.cosigned, SizeIs(1));
  const uint64_t first = Newest().time_s;

  clock_.Advance(-absl::Hours(1));  // A clock that was set back, and a service that was killed.
  Restart();
  broker_.lose_answer = false;
  ASSERT_EQ(witness_->Step(), absl::OkStatus());
  ASSERT_THAT(broker_.cosigned, SizeIs(2));
  EXPECT_EQ(Newest().time_s, first);
  EXPECT_EQ(broker_.cosigned[0], broker_.cosigned[1]);
}

TEST_F(WitnessTest, NeverTwoRootsOfOneSize) {
  Append(3);
  Publish();
  ASSERT_EQ(witness_->Step(), absl::OkStatus());
  FakeLog other(random_);
  std::swap(broker_.log, other);
  Append(3);  // Another history of the same size, signed by the same key.
  Publish();
  EXPECT_TRUE(HasReason(witness_->Step(), Reason::kLogForked));
  EXPECT_THAT(broker_.cosigned, SizeIs(1));
  Append(4);  // Nor one that is longer, nor after a restart, nor once a person has cleared the alarm too early.
  Publish();
  EXPECT_TRUE(HasReason(witness_->Step(), Reason::kLogForked));
  Restart();
  EXPECT_TRUE(HasReason(witness_->Step(), Reason::kLogForked));
  ASSERT_EQ(alarm_->Clear(), absl::OkStatus());
  EXPECT_TRUE(HasReason(witness_->Step(), Reason::kLogForked));
  EXPECT_THAT(broker_.cosigned, SizeIs(1));
  EXPECT_EQ(Stored().size(), 3u);
}

TEST_F(WitnessTest, NothingSmallerIsCosignedAfterALargerOne) {
  Append(3);
  Publish();
  const std::string older = broker_.published;
  Append(4);
  Publish();
  ASSERT_EQ(witness_->Step(), absl::OkStatus());
  ASSERT_THAT(broker_.cosigned, SizeIs(1));
  broker_.published = older;  // Of the same history: no fork, and nothing to sign either.
  EXPECT_EQ(witness_->Step(), absl::OkStatus());
  EXPECT_THAT(broker_.cosigned, SizeIs(1));
  EXPECT_EQ(Stored().size(), 7u);
  EXPECT_EQ(alarm_->Check(), absl::OkStatus());
}

// A receipt may have moved the checkpoint held beyond the one that is published: that is cosigned all the same.
TEST_F(WitnessTest, APublishedCheckpointBehindTheOneHeldIsCosigned) {
  Append(3);
  Publish();
  Append(2);
  ASSERT_EQ(log_->Poll(), absl::OkStatus());
  ASSERT_EQ(log_->size(), 5u);
  ASSERT_EQ(witness_->Step(), absl::OkStatus());
  EXPECT_THAT(broker_.cosigned, SizeIs(1));
  EXPECT_EQ(log_->size(), 5u);
  EXPECT_EQ(Stored().size(), 3u);
}

// Goal: an update that comes between the proof and the write is not lost. Method: a newer checkpoint is held from within the
// request for the proof of an older one.
TEST_F(WitnessTest, AHolderThatComesBetweenIsNotLost) {
  Append(1);
  ASSERT_EQ(log_->Poll(), absl::OkStatus());
  Append(3);
  Publish();  // 4, whose proof from 1 is asked for …
  bool done = false;
  broker_.before_proof = [&] {
    if (std::exchange(done, true)) return;
    Append(5);
    EXPECT_EQ(log_->Poll(), absl::OkStatus());  // … while 9 is held.
    EXPECT_EQ(log_->size(), 9u);
  };
  ASSERT_EQ(witness_->Step(), absl::OkStatus());
  EXPECT_TRUE(done);
  EXPECT_EQ(log_->size(), 9u);
  EXPECT_THAT(broker_.cosigned, SizeIs(1));
  Restart();
  EXPECT_EQ(log_->size(), 9u);
  EXPECT_EQ(Stored().size(), 4u);
}

// Goal: what was verified against a checkpoint that is no longer the one held counts for nothing. Method: both branches of a fork
// extend the checkpoint held; one of them is held from within the request for the proof of the other.
TEST_F(WitnessTest, AForkThatComesBetweenIsNotCosigned) {
  Append(1);
  ASSERT_EQ(log_->Poll(), absl::OkStatus());
  FakeLog other = broker_.log;
  Append(3);
  Publish();
  type::v1::EntryEvent event;
  for (int i = 0; i < 5; ++i) other.Append(event, "digest");
  bool done = false;
  broker_.before_proof = [&] {
    if (std::exchange(done, true)) return;
    std::swap(broker_.log, other);
    EXPECT_EQ(log_->Poll(), absl::OkStatus());
    std::swap(broker_.log, other);
  };
  EXPECT_TRUE(HasReason(witness_->Step(), Reason::kLogForked));
  EXPECT_TRUE(done);
  EXPECT_EQ(log_->size(), 6u);
  EXPECT_THAT(broker_.cosigned, IsEmpty());
  EXPECT_EQ(Stored().size(), 0u);
}

TEST_F(WitnessTest, LinesOfOthersAreNotHandedOn) {
  Append(2);
  const auto parsed = ledger::ParseNote(broker_.log.Checkpoint());
  const auto stranger = *crypto::Ed25519Signer::FromSeed(std::string(32, 'S'));
  broker_.published = broker_.log.Checkpoint() + ledger::CosignatureLine(parsed->text, "other.test", 1, stranger) +
                      ledger::CosignatureLine(parsed->text, "idva.accord.test", 1, stranger) +  // Our name, another's key.
                      "\u2014 grease.test AAAAAQAB\n";
  ASSERT_EQ(witness_->Step(), absl::OkStatus());
  const auto note = ledger::ParseNote(broker_.cosigned.at(0));
  ASSERT_TRUE(note.ok());
  EXPECT_THAT(note->signatures, SizeIs(2));
  EXPECT_NE(Newest().time_s, 1u);
}

TEST_F(WitnessTest, ANoteThatTheLogDidNotSignIsNotCosigned) {
  Append(2);
  const auto other = *crypto::Ed25519Signer::FromSeed(std::string(32, 'O'));
  const auto checkpoint = ledger::ParseCheckpoint(ledger::ParseNote(broker_.log.Checkpoint())->text);
  broker_.published = ledger::SignCheckpoint(*checkpoint, other);
  EXPECT_TRUE(HasReason(witness_->Step(), Reason::kReceiptInvalid));
  EXPECT_THAT(broker_.cosigned, IsEmpty());
  EXPECT_FALSE(alarm_->Check().ok());
}

TEST_F(WitnessTest, AForkIsReportedWithBothCheckpointsUntilTheBrokerAnswers) {
  ASSERT_EQ(report_->Step(), absl::OkStatus());
  Append(3);
  ASSERT_EQ(log_->Poll(), absl::OkStatus());
  const std::string held = broker_.log.Checkpoint();
  FakeLog other(random_);
  std::swap(broker_.log, other);
  Append(5);
  const std::string shown = broker_.log.Checkpoint();
  ASSERT_TRUE(HasReason(log_->Poll(), Reason::kLogForked));
  broker_.away = Error(Reason::kBrokerUnreachable, "away");
  EXPECT_FALSE(report_->Step().ok());
  EXPECT_THAT(broker_.reported, IsEmpty());
  broker_.away = absl::OkStatus();
  ASSERT_EQ(report_->Step(), absl::OkStatus());
  EXPECT_THAT(broker_.reported, ::testing::UnorderedElementsAre(held, shown));
  ASSERT_EQ(report_->Step(), absl::OkStatus());
  EXPECT_THAT(broker_.reported, SizeIs(2));
  Restart();  // The alarm stands; that it was told is not remembered, and a repeat does no harm.
  ASSERT_EQ(report_->Step(), absl::OkStatus());
  EXPECT_THAT(broker_.reported, SizeIs(4));
}

TEST_F(WitnessTest, OtherAlarmsAreNoForks) {
  EXPECT_FALSE(alarm_->Raise(Error(Reason::kSealingKeyUntrusted, "another key"), {"a certificate"}).ok());
  ASSERT_EQ(report_->Step(), absl::OkStatus());
  EXPECT_THAT(broker_.reported, IsEmpty());
}

TEST(LoadWitnessKeyTest, TheFileIsTheOwnersAloneAndTheNameMayNameAKey) {
  const std::string path = ::testing::TempDir() + "/accord_witness_key.pem";
  const auto signer = crypto::Ed25519Signer::Generate();
  ASSERT_EQ(WriteFileDurably(path, signer.ToPem().view(), 0600), absl::OkStatus());
  const auto key = LoadWitnessKey(path, "idva.accord.test");
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->Vkey().key().public_key(), signer.public_key());
  EXPECT_TRUE(HasReason(LoadWitnessKey(path, "two words").status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(LoadWitnessKey(path, "a+b").status(), Reason::kFieldInvalid));
  std::filesystem::permissions(path, std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  EXPECT_EQ(LoadWitnessKey(path, "idva.accord.test").status().code(), absl::StatusCode::kFailedPrecondition);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace accord::agent::witness_test

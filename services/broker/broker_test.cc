// A broker made by init, opened, changed by two administrators, stopped, opened again.
#include "services/broker/broker.h"

#include <absl/synchronization/notification.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/crypto/testing_pki.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/tile.h"
#include "common/policy/clock_text.h"
#include "services/broker/directory/families.h"
#include "services/broker/recovery/ledger_recovery.h"
#include "services/broker/testing_config.h"

namespace accord::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class BrokerTest : public ::testing::Test {
 protected:
  BrokerTest() {
    char name[] = "/tmp/accord-broker-XXXXXX";
    root_ = mkdtemp(name);
    for (const std::string agency : {"police", "idva"}) {
      EXPECT_TRUE(MakeDirectory(root_ + "/pki/" + agency).ok());
      Write("pki/" + agency + "/signing.pem", authority_.IssueSigning(agency).certificate.pem());
      Write("pki/" + agency + "/sealing.pem", authority_.IssueSealing(agency).certificate.pem());
    }
    WriteDirectory("idva");
    Write("agreement.toml", R"(
version = "1"
parties = ["police", "idva"]
effective_from = "2026-01-01"
expires = "2036-01-01"
[[route]]
id = "support"
from_kinds = ["police"]
to_kinds = ["idva"]
purposes = ["support"]
categories = ["identity"]
)");
    config_ = MakeTestingConfig(root_, fmt::format("{}{}", kTestingDirectory, kTestingAgreement));
  }
  ~BrokerTest() override { fs::remove_all(root_); }

  void Write(const std::string& name, const std::string& text) {
    ASSERT_EQ(WriteFileDurably(root_ + "/" + name, text), absl::OkStatus());
  }
  void WriteDirectory(const std::string& deputy) {
    Write("directory.toml", fmt::format(R"(
[[agency]]
id = "police"
kind = "police"
display_name = "Area Police"
areas = ["E23000013"]
signing_certificate = "pki/police/signing.pem"
sealing_certificate = "pki/police/sealing.pem"
deputy = "{}"
[[agency]]
id = "idva"
kind = "idva"
signing_certificate = "pki/idva/signing.pem"
sealing_certificate = "pki/idva/sealing.pem"
)", deputy));
  }

  absl::StatusOr<std::unique_ptr<Broker>> Open() { return Broker::Open(config_, clock_, random_, metrics_); }

  // Proposes as alice and approves as bob.
  static absl::Status Change(Broker& broker, const admin::v1::Change& change, const std::string& request_id = "request-1") {
    absl::StatusOr<ChangeOutcome> proposed, approved;
    absl::Notification first, second;
    broker.sequencer().Submit(std::make_unique<ProposeChangeCommand>(
        broker.change_rules(), Administrator{"alice", std::string(32, 'a')}, request_id, change, [&](auto outcome) {
          proposed = std::move(outcome);
          first.Notify();
        }));
    first.WaitForNotification();
    ACCORD_RETURN_IF_ERROR(proposed);
    broker.sequencer().Submit(std::make_unique<ApproveChangeCommand>(
        broker.change_rules(), Administrator{"bob", std::string(32, 'b')}, request_id, proposed->number, [&](auto outcome) {
          approved = std::move(outcome);
          second.Notify();
        }));
    second.WaitForNotification();
    return approved.status();
  }

  std::string root_;
  crypto::testing::TestAuthority authority_;
  const SystemClock clock_;
  SystemRandom random_;
  telemetry::Metrics metrics_;
  BrokerConfig config_;
};

TEST_F(BrokerTest, InitMakesALogThatOpensWithDirectoryAndAgreement) {
  ASSERT_EQ(InitBroker(config_, clock_, random_), absl::OkStatus());
  for (const std::string& path : {config_.log_key, config_.master_key, config_.case_index_key}) {
    struct stat facts {};
    ASSERT_EQ(stat(path.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u) << path;
  }
  auto broker = Open();
  ASSERT_EQ(broker.status(), absl::OkStatus());
  EXPECT_NE((*broker)->directory().Get()->FindActiveAgency("police"), nullptr);
  EXPECT_NE((*broker)->directory().Get()->FindOfficer(false, "bob"), nullptr);
  ASSERT_EQ((*broker)->policy().Get()->compiled.LiveAgreements(clock_.Now()).size(), 1u);
  EXPECT_EQ((*broker)->policy().Get()->compiled.LiveAgreements(clock_.Now()).front()->version, "1");
  const auto view = *(*broker)->sequencer().View();
  EXPECT_EQ(view->ledger().size(), 4u);  // Opened, two agencies, one agreement.
  const auto vkey = ledger::Vkey::Parse((*broker)->vkey());
  EXPECT_EQ(ledger::VerifyCheckpoint(view->checkpoint().checkpoint, *vkey).status(), absl::OkStatus());
  EXPECT_EQ(*ReadFile(config_.log_key + kVkeySuffix), (*broker)->vkey() + "\n");  // What the agencies are given.
}

TEST_F(BrokerTest, InitImportsForumsAndTheOtherPolicyTexts) {
  WriteDirectory("idva");
  const std::string directory = *ReadFile(root_ + "/directory.toml");
  const std::string forum = "[[forum]]\nid = \"marac\"\nmembers = [\"police\", \"idva\"]\ncoordinator = \"idva\"\n";
  const auto directory_with = [&](const std::string& from) {
    return fmt::format("{}specialisms = [\"outreach\"]\nworks_with_perpetrators = true\nduty_telephone = \"01632 960105\"\n[[agency.duty_hours]]\n"
                       "first_day = 1\nlast_day = 5\nfrom = \"{}\"\nto = \"24:00\"\nnot_on_bank_holidays = true\n{}", directory, from, forum);
  };
  const std::string schedule = "version = \"emergency-2\"\neffective_from = \"2026-01-01\"\ncategories = [\"risk\"]\n[[recipient]]\nkind = \"idva\"\n";
  Write("schedule.toml", schedule + "surplus = 1\n");
  Write("law.toml", "version = \"law-2\"\neffective_from = \"2026-01-01\"\n[[basis]]\narticle6 = \"public_task\"\n");
  referral::ClockRules clocks = referral::DefaultClockRules();
  clocks.version = "clocks-2";
  Write("clocks.toml", policy::ClockRulesText(clocks));
  config_ = MakeTestingConfig(root_, fmt::format("{}{}emergency_schedule = \"schedule.toml\"\nlegal_register = \"law.toml\"\nclock_rules = \"clocks.toml\"\n",
                                                 kTestingDirectory, kTestingAgreement));
  for (const char* wrong : {"24:01", "9:30", "09-30", "0930x", "09:60"}) {
    Write("directory.toml", directory_with(wrong));
    EXPECT_THAT(InitBroker(config_, clock_, random_).ToString(), HasSubstr("a time such as 09:30 is needed")) << wrong;
  }
  Write("directory.toml", directory_with("09:30"));
  EXPECT_TRUE(HasReason(InitBroker(config_, clock_, random_), Reason::kScheduleMalformed));
  EXPECT_FALSE(fs::exists(config_.log_key)) << "found before a file is made";
  Write("schedule.toml", schedule);
  ASSERT_EQ(InitBroker(config_, clock_, random_), absl::OkStatus());
  auto broker = Open();
  ASSERT_EQ(broker.status(), absl::OkStatus());
  const auto policy = (*broker)->policy().Get();
  EXPECT_EQ(policy->compiled.Schedule(clock_.Now()).version, "emergency-2");
  EXPECT_EQ(policy->compiled.Law(clock_.Now()).version, "law-2");
  EXPECT_THAT(policy->compiled.sources().forums.at("marac").members, ::testing::ElementsAre("idva", "police"));
  EXPECT_THAT(policy->compiled.sources().agencies.at("idva").specialisms, ::testing::ElementsAre("outreach"));
  EXPECT_TRUE(policy->compiled.sources().agencies.at("idva").works_with_perpetrators);
  EXPECT_EQ(policy->compiled.Clocks(clock_.Now()).version, "clocks-2");
  const auto directory_row = (*broker)->directory().Get();
  const admin::v1::Agency& idva = directory_row->FindAgency("idva")->agency;
  EXPECT_EQ(idva.duty_telephone(), "01632 960105");
  ASSERT_EQ(idva.duty_hours_size(), 1);
  EXPECT_EQ(idva.duty_hours(0).last_day(), 5u);
  EXPECT_EQ(idva.duty_hours(0).from_minute(), 9u * 60 + 30);
  EXPECT_EQ(idva.duty_hours(0).to_minute(), 24u * 60);
  EXPECT_TRUE(idva.duty_hours(0).not_on_bank_holidays());
  EXPECT_EQ((*(*broker)->sequencer().View())->ledger().size(), 8u);
}

TEST_F(BrokerTest, InitTouchesNothingThatIsThere) {
  ASSERT_EQ(InitBroker(config_, clock_, random_), absl::OkStatus());
  const std::string key = *ReadFile(config_.log_key);
  EXPECT_EQ(InitBroker(config_, clock_, random_).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(*ReadFile(config_.log_key), key);
}

TEST_F(BrokerTest, InitFindsWhatIsWrongBeforeItMakesAnything) {
  const auto fails_with = [&](std::string_view what) {
    const absl::Status status = InitBroker(config_, clock_, random_);
    EXPECT_THAT(status.ToString(), HasSubstr(std::string(what)));
    EXPECT_FALSE(fs::exists(root_ + "/state") || fs::exists(root_ + "/keys") || fs::exists(root_ + "/guard"));
  };
  WriteDirectory("nobody");
  fails_with("nobody");
  WriteDirectory("idva");
  config_.administrators = {"alice", "alice"};
  fails_with("two different administrators");
  config_.administrators = {"alice", "bob"};
  const std::string agreement = *ReadFile(root_ + "/agreement.toml");
  Write("agreement.toml", agreement + "surplus = 1\n");
  fails_with("surplus");
  Write("agreement.toml", agreement);
  Write("pki/idva/sealing.pem", authority_.IssueSigning("idva").certificate.pem());
  fails_with("agency idva: agency.sealing_certificate");
}

TEST_F(BrokerTest, ChangesAreInForceAtOnceAndAfterARestart) {
  ASSERT_EQ(InitBroker(config_, clock_, random_), absl::OkStatus());
  auto broker = *Open();
  std::atomic<int> moved = 0;
  std::atomic<bool> healthy = false;
  broker->Listen([&](bool serving) { healthy = serving; }, [&] { ++moved; });
  EXPECT_TRUE(healthy);
  const uint64_t epoch = broker->policy().Get()->epochs.directory;
  admin::v1::Change change;
  const auto agency = broker->directory().Get()->FindAgency("idva")->agency;
  *change.mutable_put_agency()->mutable_agency() = agency;
  change.mutable_put_agency()->mutable_agency()->set_active(false);
  ASSERT_EQ(Change(*broker, change), absl::OkStatus());
  EXPECT_EQ(broker->directory().Get()->FindActiveAgency("idva"), nullptr);
  EXPECT_FALSE(broker->policy().Get()->compiled.sources().agencies.at("idva").active);
  EXPECT_EQ(broker->policy().Get()->epochs.directory, epoch + 1);
  broker->Shutdown();
  EXPECT_EQ(moved, 1);
  broker.reset();

  broker = *Open();
  EXPECT_EQ(broker->directory().Get()->FindActiveAgency("idva"), nullptr);
  EXPECT_EQ(broker->policy().Get()->epochs.directory, epoch + 1);
  EXPECT_EQ((*broker->sequencer().View())->ledger().size(), 6u);
}

TEST_F(BrokerTest, RefusesWhatIsNotItsLog) {
  EXPECT_FALSE(Open().ok());  // No init.
  EXPECT_FALSE(fs::exists(config_.store));
  ASSERT_EQ(InitBroker(config_, clock_, random_), absl::OkStatus());
  EXPECT_FALSE(InitBroker(config_, clock_, random_).ok());

  const std::string key = *ReadFile(config_.log_key);
  Write("keys/log.pem", std::string(crypto::Ed25519Signer::Generate().ToPem().view()));
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kFailedPrecondition);
  Write("keys/log.pem", key);
  config_.origin = "accord.test/other";
  EXPECT_FALSE(Open().ok());
  config_.origin = "accord.test/broker";
  EXPECT_EQ(Open().status(), absl::OkStatus());

  // An older copy of the store beside a newer guard.
  fs::copy(config_.store, root_ + "/copy", fs::copy_options::recursive);
  {
    auto broker = *Open();
    admin::v1::Change change;
    change.mutable_deny_key()->set_digest(std::string(32, 'd'));
    ASSERT_EQ(Change(*broker, change), absl::OkStatus());
  }
  fs::remove_all(config_.store);
  fs::rename(root_ + "/copy", config_.store);
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kDataLoss);
}

// The event of one entry.
type::v1::EntryEvent EventAt(Broker& broker, uint64_t index) {
  const auto view = *broker.sequencer().View();
  storage::v1::StoredOpenings openings;
  type::v1::EntryEvent event;
  const auto stored = view->GetSealed(kFamilyOpening, KeyU64(index));
  EXPECT_TRUE(stored.ok() && stored->has_value() && openings.ParseFromString(**stored) && openings.openings_size() > 0 &&
              event.ParseFromString(openings.openings(0).content()));
  return event;
}

admin::v1::Change DenyKey(char fill) {
  admin::v1::Change change;
  change.mutable_deny_key()->set_digest(std::string(32, fill));
  return change;
}

TEST_F(BrokerTest, ADamagedTailIsAdoptedAndThatIsTheFirstCommit) {
  ASSERT_EQ(InitBroker(config_, clock_, random_), absl::OkStatus());
  uint64_t size = 0;
  {
    auto broker = *Open();
    ASSERT_EQ(Change(*broker, DenyKey('d')), absl::OkStatus());
    size = (*broker->sequencer().View())->ledger().size();
  }
  // What a power cut can leave of a batch that was never synced: a record whose checksum is not that of its bytes.
  std::string wal;
  for (const auto& entry : fs::directory_iterator(config_.store)) {
    // The newest. An orderly stop leaves what is quick to replay in it.
    if (entry.path().extension() == ".log" && entry.path().string() > wal) wal = entry.path().string();
  }
  ASSERT_FALSE(wal.empty());
  std::ofstream(wal, std::ios::binary | std::ios::app) << std::string("\0\0\0\0\x40\0\1", 7) << std::string(200, 'x');
  const std::string damaged = *ReadFile(wal);

  auto broker = Open();
  ASSERT_EQ(broker.status(), absl::OkStatus());
  ASSERT_EQ(Change(**broker, DenyKey('e'), "request-2"), absl::OkStatus());
  const type::v1::EntryEvent event = EventAt(**broker, size);
  EXPECT_EQ(event.type(), type::v1::EVENT_TYPE_TAIL_ADOPTED);
  EXPECT_EQ(event.first_index(), size);
  EXPECT_EQ(event.end_index(), size);
  EXPECT_EQ(event.evidence_digest(), crypto::Sha256(damaged));
  EXPECT_GT((*(*broker)->sequencer().View())->epoch(), 2u) << "init and two openings";
  size = (*(*broker)->sequencer().View())->ledger().size();
  (*broker)->Shutdown();
  broker->reset();

  // It is said once.
  broker = Open();
  ASSERT_EQ(broker.status(), absl::OkStatus());
  ASSERT_EQ(Change(**broker, DenyKey('f'), "request-3"), absl::OkStatus());
  EXPECT_EQ(EventAt(**broker, size).type(), type::v1::EVENT_TYPE_CHANGE_PROPOSED);
}

TEST_F(BrokerTest, ARecoveredStoreGoesOnAndSaysSo) {
  ASSERT_EQ(InitBroker(config_, clock_, random_), absl::OkStatus());
  fs::copy(config_.store, root_ + "/backup", fs::copy_options::recursive);
  uint64_t size = 0;
  std::string note, vkey;
  {
    auto broker = *Open();
    ASSERT_EQ(Change(*broker, DenyKey('d')), absl::OkStatus());
    const auto view = *broker->sequencer().View();
    size = view->ledger().size();
    note = view->checkpoint().checkpoint;
    vkey = broker->vkey();
    std::vector<std::string> leaves;
    for (uint64_t i = 0; i < size; ++i) leaves.push_back(*view->ledger().Leaf(i));
    const std::string bundle = "export/" + ledger::EntriesPath(0, static_cast<uint32_t>(size));
    ASSERT_EQ(MakeDirectory(fs::path(root_ + "/" + bundle).parent_path().string()), absl::OkStatus());
    Write(bundle, ledger::EncodeBundle(leaves));
    Write("export/checkpoint", note);
  }
  // The volume is lost; there is the backup made after init, and an inspector's copy of the log.
  fs::remove_all(config_.store);
  const auto report = RecoverLedger({.store = root_ + "/backup", .guard = config_.guard, .export_directory = root_ + "/export",
                                     .out = config_.store, .log = *ledger::Vkey::Parse(vkey), .at_least = 0, .progress = nullptr});
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->end_lost - report->first_lost, 2u);
  ASSERT_EQ(report->chains.size(), 1u);
  EXPECT_EQ(report->chains[0].kind, LostChainKind::kAdministration);

  auto broker = Open();
  ASSERT_EQ(broker.status(), absl::OkStatus());
  // What administrators had changed is gone with its openings, and is done again.
  ASSERT_EQ(Change(**broker, DenyKey('d')), absl::OkStatus());
  const type::v1::EntryEvent event = EventAt(**broker, size);
  EXPECT_EQ(event.type(), type::v1::EVENT_TYPE_LEDGER_RECOVERED);
  EXPECT_EQ(event.first_index(), report->first_lost);
  EXPECT_EQ(event.end_index(), size);
  EXPECT_EQ(event.tree_size(), size);
  EXPECT_EQ(EventAt(**broker, size + 2).type(), type::v1::EVENT_TYPE_CHANGE_APPROVED);
  // No fork: what was signed before is extended.
  const auto view = *(*broker)->sequencer().View();
  const auto before = *ledger::VerifyCheckpoint(note, *ledger::Vkey::Parse(vkey));
  const auto after = *ledger::VerifyCheckpoint(view->checkpoint().checkpoint, *ledger::Vkey::Parse(vkey));
  EXPECT_EQ(ledger::VerifyConsistency(size, after.checkpoint.size, before.checkpoint.root, after.checkpoint.root,
                                      *view->ledger().ConsistencyProof(size, after.checkpoint.size)),
            absl::OkStatus());
}

TEST_F(BrokerTest, TheExampleConfigurationIsOne) {
  const auto config = LoadBrokerConfig("deploy/broker.toml.example");
  ASSERT_EQ(config.status(), absl::OkStatus());
  // It shows the defaults.
  EXPECT_EQ(config->limits.submissions_per_minute, QuotaLimits().submissions_per_minute);
  EXPECT_EQ(config->limits.streams_per_desk, QuotaLimits().streams_per_desk);
  EXPECT_EQ(config->limits.collect_interval_ms, QuotaLimits().collect_interval_ms);
  EXPECT_TRUE(config->statutory_bodies.empty());
}

TEST_F(BrokerTest, TheBodiesWithAPowerOfTheirOwnAreNamedByTheirIds) {
  EXPECT_THAT(MakeTestingConfig(root_, "[warrants]\nstatutory_bodies = [\"hmicfrs\", \"ofsted\"]\n").statutory_bodies, ElementsAre("hmicfrs", "ofsted"));
  std::string text = *ReadFile(root_ + "/broker.toml", 1 << 20);
  text.replace(text.find("hmicfrs"), 7, "HMICFRS");
  Write("broker.toml", text);
  EXPECT_THAT(LoadBrokerConfig(root_ + "/broker.toml").status().ToString(), HasSubstr("statutory_bodies"));
}

}  // namespace
}  // namespace accord::broker

// Erasure end to end: a whole broker with TLS, a real store and a real log.
//
// Goal: that after an erasure no byte of any file gives back what was erased, that everything which was signed still verifies,
// and that a crash after any step, or a backup put back, changes nothing about either.
// Method: secrets are read out of the store while it still has them; then every file under the broker's root is searched for
// their bytes. A crash is a copy of all files, taken while the eraser stands after a step, and opened as a broker of its own.
#include <absl/synchronization/notification.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <map>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/crypto/aead.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/frontier.h"
#include "common/ledger/tlog_proof.h"
#include "common/referral/referral_name.h"
#include "common/referral/statement.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_collector.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker::erasure_api_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
namespace fs = std::filesystem;

constexpr EraserStep kSteps[] = {EraserStep::kBegun,        EraserStep::kListed,      EraserStep::kKeysDestroyed,
                                 EraserStep::kKeysRecorded, EraserStep::kRowsDeleted, EraserStep::kPurged};

// What must not be found, with a name for the failure.
using Secrets = std::map<std::string, std::string>;

// The names of the secrets in any file under `root`.
std::vector<std::string> Found(const std::string& root, const Secrets& secrets) {
  std::vector<std::string> found;
  for (const auto& file : fs::recursive_directory_iterator(root)) {
    if (!file.is_regular_file()) continue;
    const auto bytes = ReadFile(file.path().string(), 1u << 30);
    EXPECT_EQ(bytes.status(), absl::OkStatus());
    for (const auto& [name, secret] : secrets) {
      if (bytes->find(secret) != std::string::npos) found.push_back(name + " in " + file.path().filename().string());
    }
  }
  return found;
}

// Counts rounds that came to their end.
class Rounds {
 public:
  std::function<void(EraserStep)> Hook(std::function<void(EraserStep)> then = nullptr) {
    return [this, then = std::move(then)](EraserStep step) {
      if (then) then(step);
      if (step != EraserStep::kPurgeRecorded) return;
      absl::MutexLock lock(&mu_);
      ++purged_;
    };
  }
  void Wait(int purges) {
    absl::MutexLock lock(&mu_);
    wanted_ = purges;
    ASSERT_TRUE(mu_.AwaitWithTimeout(absl::Condition(+[](Rounds* self) { return self->purged_ >= self->wanted_; }, this), kTestTimeout));
  }

 private:
  absl::Mutex mu_;
  int purged_ = 0, wanted_ = 0;
};

class ErasureTest : public ::testing::Test {
 protected:
  explicit ErasureTest(const Clock* clock = nullptr) : world_(clock) { Restart(); }

  void Restart(std::function<void(EraserStep)> then = nullptr) {
    world_.Stop();
    world_.Start(rounds_.Hook(std::move(then)));
    police_ = v1::ReferralService::NewStub(world_.Channel("agency/police"));
    idva_ = v1::ReferralService::NewStub(world_.Channel("agency/idva"));
    childrens_ = v1::ReferralService::NewStub(world_.Channel("agency/childrens"));
    admin_ = admin::v1::AdminService::NewStub(world_.Channel("admin/alice"));
  }
  absl::StatusOr<v1::SubmitReferralResponse> Submit(const v1::SubmitReferralRequest& request) {
    return rpc::CallUnary(*police_, &v1::ReferralService::Stub::SubmitReferral, request, kTestTimeout);
  }
  std::string Stored(const TestingReferral& spec) {
    const auto response = Submit(MakeSubmission(world_, spec));
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.ok() ? response->header_digest() : std::string();
  }
  absl::Status Get(v1::ReferralService::Stub& stub, const std::string& digest) {
    v1::GetReferralRequest request;
    request.set_name(referral::ReferralName(digest));
    return rpc::CallUnary(stub, &v1::ReferralService::Stub::GetReferral, request, kTestTimeout).status();
  }
  absl::Status Say(const std::string& request_id, const std::string& digest, StatementKind kind, const std::string& previous = "") {
    Statement statement;
    statement.set_request_id(request_id);
    statement.set_agency("idva");
    statement.mutable_worker()->set_pseudonym("worker-1");
    statement.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
    statement.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
    statement.set_header_digest(digest);
    statement.set_previous_statement(previous);
    statement.set_kind(kind);
    statement.set_acted_at_ms(absl::ToUnixMillis(world_.clock().Now()));
    v1::RespondToReferralRequest request;
    request.set_request_id(request_id);
    *request.mutable_statement() = *referral::SignStatement(statement, world_.signing("idva").signing_key());
    return rpc::CallUnary(*idva_, &v1::ReferralService::Stub::RespondToReferral, request, kTestTimeout).status();
  }
  absl::StatusOr<inspection::v1::QueryTrailResponse> Trail(const std::string& principal, const inspection::v1::QueryTrailRequest& request) {
    const auto stub = inspection::v1::TrailService::NewStub(world_.Channel(principal));
    return rpc::CallUnary(*stub, &inspection::v1::TrailService::Stub::QueryTrail, request, kTestTimeout);
  }
  std::shared_ptr<const ReadView> View() { return *world_.broker().sequencer().View(); }

  static admin::v1::Change EraseOf(const std::string& digest) {
    admin::v1::Change change;
    change.mutable_erase()->set_header_digest(digest);
    change.mutable_erase()->set_ground(ERASURE_GROUND_SUBJECT_REQUEST);
    change.mutable_erase()->set_authority("dpo:2026/17");
    return change;
  }
  static admin::v1::Change EraseOfCase(const std::string& pseudonym) {
    admin::v1::Change change = EraseOf("");
    change.mutable_erase()->set_case_pseudonym(pseudonym);
    return change;
  }
  std::string CaseOf(const std::string& digest) {
    const auto view = View();
    const auto stored = LoadReferral(SealedReaderOf(*view), digest);
    return stored.ok() && stored->has_value() ? (*stored)->cases(0) : std::string();
  }
  // The number of the newest change.
  uint64_t LastChange() { return U64FromKey(**View()->Get(kFamilyMeta, kMetaChangeKey)).value_or(0); }
  admin::v1::GetErasureResponse NewestErasure() {
    admin::v1::GetErasureRequest request;
    request.set_name(fmt::format("changes/{}", LastChange()));
    const auto response = rpc::CallUnary(*admin_, &admin::v1::AdminService::Stub::GetErasure, request, kTestTimeout);
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.ok() ? *response : admin::v1::GetErasureResponse();
  }

  // Everything that the store has of a referral and that may not be found again. REQUIRES: it is stored.
  Secrets SecretsOf(const std::string& digest, const std::string& request_id) {
    Secrets secrets = {{"request id", request_id}, {"header digest", digest}, {"header digest in hex", ToHex(digest)}};
    const auto view = View();
    const auto stored = *LoadReferral(SealedReaderOf(*view), digest);
    // What lies under the key, as it lies there.
    const std::string section = **view->Get(kFamilySection, SectionKey(digest, stored->section_ids(0)));
    secrets["section, sealed"] = section.substr(section.size() / 2, 32);
    secrets["referral, sealed"] = (*view->Get(kFamilyReferral, digest))->substr(40, 32);
    secrets["openings, sealed"] = (*view->Get(kFamilyOpening, KeyU64(stored->stored_index())))->substr(40, 32);
    secrets["section id"] = stored->section_ids(0);
    secrets["worker"] = "pc-1";
    for (const auto& recipient : stored->recipients()) secrets["delivery id of " + recipient.agency()] = recipient.delivery_id();
    // The key itself, wrapped and unwrapped.
    storage::v1::StoredChain chain;
    EXPECT_TRUE(chain.ParseFromString(**view->Get(kFamilyChain, stored->chain())));
    slot_ = chain.slot();
    const std::string slot = ReadFile(world_.config().key_slots)->substr(16 + 64 * slot_, 64);
    secrets["key, wrapped"] = slot.substr(16);
    const auto master = LoadMasterKey(world_.config().master_key);
    const auto key = crypto::aead::Open(*master, slot.substr(4, 12), "accord/key-slot/v1" + KeyU64(slot_), slot.substr(16));
    EXPECT_TRUE(key.has_value());
    secrets["key, unwrapped"] = key.value_or("");
    return secrets;
  }
  // As if the power had gone now: every file, beside the broker's own.
  void CopyAll(const std::string& to) {
    fs::create_directories(to);
    for (const char* part : {"state", "keys", "guard"}) fs::copy(world_.root() + "/" + part, to + "/" + part, fs::copy_options::recursive);
  }
  BrokerConfig ConfigIn(const std::string& root) {
    BrokerConfig config = world_.config();
    for (std::string* path : {&config.store, &config.key_slots, &config.guard, &config.erasures, &config.log_key, &config.master_key,
                              &config.case_index_key}) {
      *path = root + path->substr(world_.root().size());
    }
    return config;
  }

  Rounds rounds_;
  TestingBroker world_;
  std::unique_ptr<v1::ReferralService::Stub> police_, idva_, childrens_;
  std::unique_ptr<admin::v1::AdminService::Stub> admin_;
  uint64_t slot_ = 0;
};

TEST_F(ErasureTest, NothingOfItIsInAnyFileAndEverythingStillVerifies) {
  const std::string other = Stored({.request_id = "incident-other", .victim = "other"});
  const auto request = MakeSubmission(world_, {.request_id = "incident-to-forget-1"});
  // Refused first: that is on the record of the police, under a key that stays.
  auto refused = request;
  refused.set_decision_digest(std::string(32, 'x'));
  EXPECT_FALSE(Submit(refused).ok());
  const auto stored = Submit(request);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  const std::string digest = stored->header_digest();
  Collector idva(world_, "agency/idva", 8), housing(world_, "agency/housing", 8);
  for (int i = 0; i < 2; ++i) idva.Ack(idva.NextDelivery());
  // Released, not acknowledged when it is erased. They are of two cases, and may come in either order.
  auto acknowledged = housing.NextDelivery(), held_back = housing.NextDelivery();
  if (referral::DigestOf(held_back.referral().header()) != digest) std::swap(acknowledged, held_back);
  housing.Ack(acknowledged);
  ASSERT_EQ(Say("opened-to-forget-1", digest, STATEMENT_KIND_OPENED), absl::OkStatus());
  EXPECT_EQ(Get(*police_, digest), absl::OkStatus());
  inspection::v1::QueryTrailRequest about;
  about.set_referral(digest);
  const auto whole = Trail("agency/police", about);
  ASSERT_EQ(whole.status(), absl::OkStatus());
  int not_shown = 0;  // What the rules find of the case is there, and not for an agency.
  for (const auto& row : whole->rows()) {
    EXPECT_FALSE(row.erased());
    not_shown += row.openings().empty();
  }
  EXPECT_EQ(not_shown, 1);
  const std::string pseudonym = CaseOf(digest);

  Secrets secrets = SecretsOf(digest, "incident-to-forget-1");
  secrets["request id of the statement"] = "opened-to-forget-1";
  for (const char* visible : {"request id", "header digest", "section, sealed", "key, wrapped"}) {
    EXPECT_THAT(Found(world_.root(), {{visible, secrets[visible]}}), Not(IsEmpty())) << visible;  // The search finds what is there.
  }
  secrets.erase("worker");  // The other referral's as well.
  const auto before = View()->checkpoint();
  ASSERT_EQ(world_.Change(EraseOf(digest)), absl::OkStatus());
  // From the commit on, whatever the eraser has come to.
  EXPECT_TRUE(HasReason(Get(*police_, digest), Reason::kErased));
  EXPECT_TRUE(HasReason(Get(*idva_, digest), Reason::kErased));
  EXPECT_TRUE(HasReason(Get(*childrens_, digest), Reason::kNotPermitted));
  EXPECT_TRUE(HasReason(Submit(request).status(), Reason::kErased));
  const auto settled = housing.Ack(held_back);
  EXPECT_TRUE(settled.already());
  rounds_.Wait(1);

  for (int restarted = 0; restarted < 2; ++restarted) {
    EXPECT_THAT(Found(world_.root(), secrets), IsEmpty());
    EXPECT_TRUE(HasReason(Submit(request).status(), Reason::kErased));
    EXPECT_TRUE(HasReason(Submit(MakeSubmission(world_, {.request_id = "incident-to-forget-1"})).status(), Reason::kErased));
    EXPECT_TRUE(HasReason(Say("opened-to-forget-2", digest, STATEMENT_KIND_ACCEPTED), Reason::kErased));
    EXPECT_TRUE(HasReason(Get(*idva_, digest), Reason::kErased));
    EXPECT_TRUE(HasReason(Get(*childrens_, digest), Reason::kNotPermitted));
    EXPECT_TRUE(HasReason(Trail("agency/police", about).status(), Reason::kErased));
    EXPECT_TRUE(HasReason(Trail("admin/alice", about).status(), Reason::kErased));
    EXPECT_TRUE(HasReason(Trail("agency/childrens", about).status(), Reason::kNotPermitted));
    EXPECT_EQ(Get(*police_, other), absl::OkStatus());
    EXPECT_THAT(Found(world_.root(), secrets), IsEmpty());

    // The case's trail has every entry still, and says that it was erased, by whom and why.
    inspection::v1::QueryTrailRequest of_case;
    of_case.set_case_pseudonym(pseudonym);
    const auto trail = Trail("admin/alice", of_case);
    ASSERT_EQ(trail.status(), absl::OkStatus());
    int erased = 0, silent = 0;
    for (const auto& row : trail->rows()) {
      if (!row.has_event()) ++silent;
      EXPECT_EQ(row.erased(), !row.has_event());
      if (row.event().type() != EVENT_TYPE_ERASED) continue;
      ++erased;
      EXPECT_EQ(row.event().erasure_ground(), ERASURE_GROUND_SUBJECT_REQUEST);
      EXPECT_EQ(row.actor().principal(), "admin/bob");
      EXPECT_FALSE(row.has_referral());
    }
    EXPECT_EQ(erased, 1);
    EXPECT_GE(silent, 6);
    EXPECT_EQ(NewestErasure().step(), admin::v1::ERASURE_STEP_PURGED);
    EXPECT_EQ(NewestErasure().referrals(), 1u);

    // The receipt that the police hold, a new one of the same entry, and the whole log.
    const auto vkey = ledger::Vkey::Parse(world_.broker().vkey());
    EXPECT_EQ(ledger::VerifyReceipt(stored->receipt().tlog_proof(), *vkey).status(), absl::OkStatus());
    const auto ledger_stub = v1::LedgerService::NewStub(world_.Channel("agency/police"));
    v1::GetReceiptRequest of_entry;
    of_entry.set_index(stored->stored_index());
    const auto again = rpc::CallUnary(*ledger_stub, &v1::LedgerService::Stub::GetReceipt, of_entry, kTestTimeout);
    ASSERT_EQ(again.status(), absl::OkStatus());
    EXPECT_EQ(ledger::VerifyReceipt(again->receipt().tlog_proof(), *vkey).status(), absl::OkStatus());
    EXPECT_EQ(again->receipt().openings_size(), 0);
    auto view = View();
    const auto checkpoint = ledger::VerifyCheckpoint(view->checkpoint().checkpoint, *vkey);
    ASSERT_EQ(checkpoint.status(), absl::OkStatus());
    ledger::Frontier frontier;
    ASSERT_EQ(view->ledger().Leaves(0, checkpoint->checkpoint.size, [&](uint64_t, std::string_view leaf) {
      frontier.Append(ledger::LeafHash(leaf));
      return true;
    }), absl::OkStatus());
    EXPECT_EQ(frontier.Root(), checkpoint->checkpoint.root);
    EXPECT_GT(checkpoint->checkpoint.size, before.tree_size);
    view.reset();  // Or the store could not be closed.
    if (restarted == 0) Restart();
  }
}

TEST_F(ErasureTest, ACrashAfterAnyStepIsFinishedAtTheNextStart) {
  const std::string crashes = world_.root() + "-crashes";
  Restart([&](EraserStep step) {
    const std::string to = fmt::format("{}/{}", crashes, static_cast<int>(step));
    if (step != EraserStep::kPurgeRecorded && !fs::exists(to)) CopyAll(to);
  });
  const std::string other = Stored({.request_id = "incident-other", .victim = "other"});
  const std::string digest = Stored({.request_id = "incident-to-forget-2"});
  Secrets secrets = SecretsOf(digest, "incident-to-forget-2");
  secrets.erase("worker");
  const std::string slots_before = *ReadFile(world_.config().key_slots);
  const std::string before = crashes + "/before";
  CopyAll(before);
  ASSERT_EQ(world_.Change(EraseOf(digest)), absl::OkStatus());
  rounds_.Wait(1);
  world_.Stop();

  const SystemClock clock;
  SystemRandom random;
  const auto opens_clean = [&](const std::string& root) {
    telemetry::Metrics metrics;
    Rounds rounds;
    auto broker = Broker::Open(ConfigIn(root), clock, random, metrics, nullptr, rounds.Hook());
    ASSERT_EQ(broker.status(), absl::OkStatus());
    {
      // Before the first round, and before anything could be asked.
      const auto view = *(*broker)->sequencer().View();
      EXPECT_FALSE(view->GetSealed(kFamilyReferral, digest)->has_value());
      EXPECT_TRUE(view->GetSealed(kFamilyReferral, other)->has_value());
    }
    rounds.Wait(1);
    EXPECT_THAT(Found(root, secrets), IsEmpty());
    (*broker)->Shutdown();
  };
  for (const EraserStep step : kSteps) {
    SCOPED_TRACE(static_cast<int>(step));
    const std::string root = fmt::format("{}/{}", crashes, static_cast<int>(step));
    if (step <= EraserStep::kRowsDeleted) {
      EXPECT_THAT(Found(root, secrets), Not(IsEmpty()));
    }
    // A backup of the key slots, of before the erasure, beside it: it is forgotten again.
    if (step >= EraserStep::kKeysDestroyed) {
      ASSERT_EQ(WriteFileDurably(ConfigIn(root).key_slots, slots_before), absl::OkStatus());
    }
    opens_clean(root);
  }
  // A store of before it, as recovery from an export makes one: the list knows what the store does not.
  ASSERT_EQ(WriteFileDurably(ConfigIn(before).erasures, *ReadFile(world_.config().erasures)), absl::OkStatus());
  EXPECT_THAT(Found(before, secrets), Not(IsEmpty()));
  opens_clean(before);
  // The same beside the finished store: nothing is left to do but to forget.
  ASSERT_EQ(WriteFileDurably(world_.config().key_slots, slots_before), absl::OkStatus());
  EXPECT_THAT(Found(world_.root(), secrets), Not(IsEmpty()));
  Restart();
  EXPECT_THAT(Found(world_.root(), secrets), IsEmpty());
  EXPECT_EQ(Get(*police_, other), absl::OkStatus());
  fs::remove_all(crashes);
}

TEST_F(ErasureTest, AListThatIsGoneOrOlderIsNotTheStores) {
  const std::string digest = Stored({.request_id = "incident-1"});
  const std::string before = *ReadFile(world_.config().erasures);  // Made at the first opening.
  ASSERT_EQ(world_.Change(EraseOf(digest)), absl::OkStatus());
  rounds_.Wait(1);
  world_.Stop();
  const SystemClock clock;
  SystemRandom random;
  telemetry::Metrics metrics;
  const auto open = [&] { return Broker::Open(world_.config(), clock, random, metrics).status(); };
  const std::string list = *ReadFile(world_.config().erasures);
  EXPECT_EQ(list.size(), 2 * kListedErasureBytes);
  fs::remove(world_.config().erasures);
  EXPECT_TRUE(HasReason(open(), Reason::kStoreCorrupt));
  EXPECT_THAT(open().ToString(), HasSubstr("runbooks/erasure.md"));
  EXPECT_FALSE(fs::exists(world_.config().erasures));
  ASSERT_EQ(WriteFileDurably(world_.config().erasures, before), absl::OkStatus());
  EXPECT_TRUE(HasReason(open(), Reason::kStoreCorrupt));
  ASSERT_EQ(WriteFileDurably(world_.config().erasures, list), absl::OkStatus());
  EXPECT_EQ(open(), absl::OkStatus());
}

TEST_F(ErasureTest, TakesTwoAndALegalGround) {
  const std::string digest = Stored({.request_id = "incident-1"});
  const auto refused = [&](const std::function<void(admin::v1::Erase&)>& alter) {
    admin::v1::Change change = EraseOf(digest);
    alter(*change.mutable_erase());
    return DetailOf(world_.Change(change)).reason;
  };
  EXPECT_EQ(refused([](auto& erase) { erase.clear_target(); }), Reason::kFieldMissing);
  EXPECT_EQ(refused([](auto& erase) { erase.set_header_digest("short"); }), Reason::kFieldInvalid);
  EXPECT_EQ(refused([](auto& erase) { erase.clear_ground(); }), Reason::kFieldMissing);
  EXPECT_EQ(refused([](auto& erase) { erase.set_ground(ERASURE_GROUND_RETENTION_ENDED); }), Reason::kFieldInvalid);
  EXPECT_EQ(refused([](auto& erase) { erase.set_authority("of a person"); }), Reason::kFieldInvalid);
  EXPECT_EQ(refused([](auto& erase) { erase.clear_authority(); }), Reason::kFieldInvalid);
  EXPECT_EQ(refused([](auto& erase) { erase.set_header_digest(std::string(32, 'n')); }), Reason::kReferralNotFound);
  EXPECT_EQ(refused([](auto& erase) { erase.set_case_pseudonym(std::string(16, 'n')); }), Reason::kReferralNotFound);

  admin::v1::ProposeChangeRequest propose;
  propose.set_request_id("erase-request-1");
  *propose.mutable_change() = EraseOf(digest);
  const auto proposed = rpc::CallUnary(*admin_, &admin::v1::AdminService::Stub::ProposeChange, propose, kTestTimeout);
  ASSERT_EQ(proposed.status(), absl::OkStatus());
  EXPECT_EQ(NewestErasure().step(), admin::v1::ERASURE_STEP_PROPOSED);
  admin::v1::ApproveChangeRequest approve;
  approve.set_request_id("erase-request-2");
  approve.set_name(proposed->change().name());
  EXPECT_TRUE(HasReason(rpc::CallUnary(*admin_, &admin::v1::AdminService::Stub::ApproveChange, approve, kTestTimeout).status(),
                        Reason::kSelfApproval));
  EXPECT_EQ(Get(*police_, digest), absl::OkStatus());
  const auto bob = admin::v1::AdminService::NewStub(world_.Channel("admin/bob"));
  for (int i = 0; i < 2; ++i) {  // Again: the first answer.
    const auto approved = rpc::CallUnary(*bob, &admin::v1::AdminService::Stub::ApproveChange, approve, kTestTimeout);
    ASSERT_EQ(approved.status(), absl::OkStatus());
    EXPECT_FALSE(approved->change().change().erase().has_header_digest());  // The list of changes names it no longer.
  }
  rounds_.Wait(1);
  EXPECT_EQ(NewestErasure().step(), admin::v1::ERASURE_STEP_PURGED);
  EXPECT_EQ(refused([](auto&) {}), Reason::kErased);
  admin::v1::GetErasureRequest unknown;
  unknown.set_name("changes/77");
  EXPECT_TRUE(HasReason(rpc::CallUnary(*admin_, &admin::v1::AdminService::Stub::GetErasure, unknown, kTestTimeout).status(),
                        Reason::kChangeNotFound));
}

TEST_F(ErasureTest, ALegalHoldStopsIt) {
  const std::string digest = Stored({.request_id = "incident-1"});
  admin::v1::Change hold;
  hold.mutable_set_hold()->set_id("inquest-1");
  hold.mutable_set_hold()->add_case_pseudonyms(CaseOf(digest));
  hold.mutable_set_hold()->set_ground(HOLD_GROUND_INQUEST);
  hold.mutable_set_hold()->set_authority("coroner:1");
  hold.mutable_set_hold()->set_review_at_ms(absl::ToUnixMillis(world_.clock().Now() + absl::Hours(24 * 365)));
  ASSERT_EQ(world_.Change(hold), absl::OkStatus());
  const absl::Status stopped = world_.Change(EraseOf(digest));
  EXPECT_TRUE(HasReason(stopped, Reason::kOnHold));
  EXPECT_EQ(DetailOf(stopped).metadata.at("hold"), "inquest-1");
  EXPECT_TRUE(HasReason(world_.Change(EraseOfCase(CaseOf(digest))), Reason::kOnHold));
  EXPECT_EQ(Get(*police_, digest), absl::OkStatus());
  admin::v1::Change lift;
  lift.mutable_lift_hold()->set_id("inquest-1");
  ASSERT_EQ(world_.Change(lift), absl::OkStatus());
  EXPECT_EQ(world_.Change(EraseOf(digest)), absl::OkStatus());
  EXPECT_TRUE(HasReason(Get(*police_, digest), Reason::kErased));
}

TEST_F(ErasureTest, ErasesACaseWholeAndNothingElse) {
  const std::string first = Stored({.request_id = "incident-1"}), second = Stored({.request_id = "incident-2"});
  const std::string other = Stored({.request_id = "incident-3", .victim = "other"});
  const std::string pseudonym = CaseOf(first);
  ASSERT_EQ(pseudonym, CaseOf(second));
  Collector idva(world_, "agency/idva", 1);
  const auto delivery = idva.NextDelivery();
  ASSERT_EQ(world_.Change(EraseOfCase(pseudonym)), absl::OkStatus());
  rounds_.Wait(1);
  EXPECT_TRUE(HasReason(Get(*police_, first), Reason::kErased));
  EXPECT_TRUE(HasReason(Get(*police_, second), Reason::kErased));
  EXPECT_EQ(Get(*police_, other), absl::OkStatus());
  EXPECT_EQ(NewestErasure().referrals(), 2u);
  // What waited for it is gone, and not as a dead letter: the next is the other case's.
  EXPECT_TRUE(idva.Ack(delivery).already());
  const auto next = idva.NextDelivery();
  EXPECT_EQ(referral::DigestOf(next.referral().header()), other);
  EXPECT_EQ(world_.broker().mailboxes().depth({"idva"}), 1u);
  EXPECT_EQ(world_.broker().mailboxes().depth({"housing"}), 1u);
  // The case is still known by its people, until a rule ends that.
  EXPECT_EQ(CaseOf(Stored({.request_id = "incident-4"})), pseudonym);
}

class RetentionTest : public ErasureTest {
 protected:
  RetentionTest() : ErasureTest(&Clock()) {}
  static FakeClock& Clock() {
    static FakeClock clock(SystemClock().Now());
    return clock;
  }
  // A notification, for which no clock runs.
  std::string Notified(TestingReferral spec) {
    spec.alter = [](referral::HeaderParts& parts) {
      parts.core.set_type(REFERRAL_TYPE_NOTIFICATION);
      parts.core.mutable_risk()->set_grade(RISK_GRADE_STANDARD);
    };
    return Stored(spec);
  }
  absl::Status PutRules(uint32_t days, uint32_t mapping_days, ReferralType type = REFERRAL_TYPE_NOTIFICATION) {
    admin::v1::Change change;
    auto& rule = *change.mutable_put_retention()->add_rules();
    rule.set_type(type);
    rule.set_days(days);
    change.mutable_put_retention()->set_mapping_days(mapping_days);
    return world_.Change(change);
  }
};

TEST_F(RetentionTest, RulesEraseByThemselvesWhatIsDueAndThenItsMapping) {
  const std::string early = Notified({.request_id = "incident-1"});
  const std::string pseudonym = CaseOf(early);
  const std::string touched = Notified({.request_id = "incident-2", .victim = "other"});
  const std::string held = Notified({.request_id = "incident-3", .victim = "third"});
  admin::v1::Change hold;
  hold.mutable_set_hold()->set_id("inquest-1");
  hold.mutable_set_hold()->add_header_digests(held);
  hold.mutable_set_hold()->set_ground(HOLD_GROUND_INQUEST);
  hold.mutable_set_hold()->set_authority("coroner:1");
  hold.mutable_set_hold()->set_review_at_ms(absl::ToUnixMillis(Clock().Now() + absl::Hours(24 * 365)));
  ASSERT_EQ(world_.Change(hold), absl::OkStatus());
  const std::string ordered = Notified({.request_id = "incident-4", .victim = "fourth"});

  // Without rules nothing goes by itself: the round that an order leads to looks first.
  Clock().Advance(absl::Hours(24 * 31));
  ASSERT_EQ(world_.Change(EraseOf(ordered)), absl::OkStatus());
  rounds_.Wait(1);
  EXPECT_EQ(Get(*police_, touched), absl::OkStatus());  // Which is an entry: it begins anew.
  EXPECT_TRUE(View()->GetSealed(kFamilyReferral, early)->has_value());

  ASSERT_EQ(PutRules(30, 10), absl::OkStatus());
  Restart();  // A restart changes nothing about it, and looks at once.
  world_.broker().PokeEraser();
  rounds_.Wait(2);
  EXPECT_TRUE(HasReason(Get(*police_, early), Reason::kErased));
  EXPECT_TRUE(View()->GetSealed(kFamilyReferral, touched)->has_value());
  EXPECT_TRUE(View()->GetSealed(kFamilyReferral, held)->has_value());
  EXPECT_TRUE(View()->Get(kFamilyCase, pseudonym)->has_value());
  inspection::v1::QueryTrailRequest of_case;
  of_case.set_case_pseudonym(pseudonym);
  const auto trail = Trail("admin/alice", of_case);
  ASSERT_EQ(trail.status(), absl::OkStatus());
  int erased = 0;
  for (const auto& row : trail->rows()) {
    if (row.event().type() != EVENT_TYPE_ERASED) continue;
    ++erased;
    EXPECT_EQ(row.event().erasure_ground(), ERASURE_GROUND_RETENTION_ENDED);
    EXPECT_EQ(row.actor().principal(), "broker");
  }
  EXPECT_EQ(erased, 1);

  // Ten days on, the case's own time is up; nobody leads from its people to it any more.
  const std::string row = **View()->Get(kFamilyCase, pseudonym);
  storage::v1::StoredCase stored;
  ASSERT_TRUE(stored.ParseFromString(row));
  const Secrets mapping = {{"victim", stored.victim()}};
  Clock().Advance(absl::Hours(24 * 10 + 1));
  world_.broker().PokeEraser();
  rounds_.Wait(3);
  EXPECT_FALSE(View()->Get(kFamilyCase, pseudonym)->has_value());
  EXPECT_THAT(Found(world_.root(), {{"victim's and perpetrator's HMAC", stored.victim() + stored.alleged_perpetrator()}}), IsEmpty());
  // As is the one's that was touched; never the held one's.
  Clock().Advance(absl::Hours(24 * 60));
  world_.broker().PokeEraser();
  rounds_.Wait(4);
  EXPECT_TRUE(HasReason(Get(*police_, touched), Reason::kErased));
  EXPECT_TRUE(View()->GetSealed(kFamilyReferral, held)->has_value());
}

TEST_F(RetentionTest, ThatSomebodyIsLateDoesNotBeginItsTimeAnew) {
  const std::string digest = Stored({.request_id = "incident-1"});
  const std::string other = Notified({.request_id = "incident-2", .victim = "other"});
  Clock().Advance(absl::Hours(24 * 31));
  // The broker looks every second; until it has said so.
  const auto stored = [&] {
    storage::v1::StoredReferral row;
    EXPECT_TRUE(row.ParseFromString(**View()->GetSealed(kFamilyReferral, digest)));
    return row;
  };
  while (stored().recipients(0).pick_up_step() == ESCALATION_STEP_UNSPECIFIED || stored().recipients(0).response_step() == ESCALATION_STEP_UNSPECIFIED) {
    ASSERT_EQ(Get(*police_, other), absl::OkStatus());
  }
  ASSERT_EQ(PutRules(30, 10, REFERRAL_TYPE_REFERRAL), absl::OkStatus());
  world_.broker().PokeEraser();
  rounds_.Wait(1);
  EXPECT_FALSE(View()->GetSealed(kFamilyReferral, digest)->has_value());
}

// Makes the rows of a store those of a version before cases were numbered and retention had an index.
class MakeOlder : public Command {
 public:
  MakeOlder(std::vector<std::pair<std::string, std::string>> gone, std::string case_pseudonym, absl::Notification& done)
      : gone_(std::move(gone)), case_(std::move(case_pseudonym)), done_(done) {}
  absl::Status Apply(CommitContext& context) override {
    for (const auto& [family, key] : gone_) context.Delete(family, key);
    storage::v1::StoredCase stored;
    EXPECT_TRUE(stored.ParseFromString(**context.Get(kFamilyCase, case_)));
    stored.clear_referrals();
    stored.clear_indexed();
    context.Put(kFamilyCase, case_, stored.SerializeAsString());
    return absl::OkStatus();
  }
  void Done(const absl::StatusOr<Committed>& outcome) override {
    EXPECT_EQ(outcome.status(), absl::OkStatus());
    done_.Notify();
  }

 private:
  const std::vector<std::pair<std::string, std::string>> gone_;
  const std::string case_;
  absl::Notification& done_;
};

TEST_F(RetentionTest, WhatAnOlderVersionStoredIsFoundToo) {
  const std::string first = Notified({.request_id = "incident-1"}), second = Notified({.request_id = "incident-2"});
  const std::string other = Notified({.request_id = "incident-3", .victim = "other"});
  const std::string pseudonym = CaseOf(first);
  std::vector<std::pair<std::string, std::string>> gone;
  for (std::string_view family : {kFamilyCaseReferral, kFamilyRetention}) {
    ASSERT_EQ(View()->Scan(family, {}, [&](std::string_view key, std::string_view) {
      gone.emplace_back(family, key);
      return true;
    }), absl::OkStatus());
  }
  EXPECT_EQ(gone.size(), 6u);
  absl::Notification done;
  world_.broker().sequencer().Submit(std::make_unique<MakeOlder>(gone, pseudonym, done));
  done.WaitForNotification();
  const std::string third = Notified({.request_id = "incident-4"});  // Numbered, as the only one.

  ASSERT_EQ(world_.Change(EraseOfCase(pseudonym)), absl::OkStatus());
  rounds_.Wait(1);
  EXPECT_EQ(NewestErasure().referrals(), 3u);
  for (const std::string& digest : {first, second, third}) EXPECT_TRUE(HasReason(Get(*police_, digest), Reason::kErased));
  EXPECT_TRUE(View()->GetSealed(kFamilyReferral, other)->has_value());
  Clock().Advance(absl::Hours(24 * 31));
  ASSERT_EQ(PutRules(30, 365), absl::OkStatus());
  Restart();
  rounds_.Wait(2);
  EXPECT_TRUE(HasReason(Get(*police_, other), Reason::kErased));
}

TEST_F(RetentionTest, RulesAreValidatedAndEachVersionIsKept) {
  admin::v1::Change change;
  change.mutable_put_retention()->add_rules()->set_days(1);
  EXPECT_TRUE(HasReason(world_.Change(change), Reason::kEnumUnknown));
  EXPECT_TRUE(HasReason(PutRules(0, 0), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(PutRules(36'501, 0), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(PutRules(1, 36'501), Reason::kFieldInvalid));
  for (int i = 0; i < 2; ++i) {
    auto& rule = *change.mutable_put_retention()->add_rules();
    rule.set_type(REFERRAL_TYPE_REFERRAL);
    rule.set_days(1);
  }
  change.mutable_put_retention()->mutable_rules()->DeleteSubrange(0, 1);
  EXPECT_TRUE(HasReason(world_.Change(change), Reason::kFieldInvalid));
  ASSERT_EQ(PutRules(300, 10), absl::OkStatus());
  ASSERT_EQ(PutRules(400, 10), absl::OkStatus());
  storage::v1::StoredRetention first, second, current;
  ASSERT_TRUE(first.ParseFromString(**View()->Get(kFamilyPolicy, RetentionVersionKey(LastChange() - 1))));
  ASSERT_TRUE(second.ParseFromString(**View()->Get(kFamilyPolicy, RetentionVersionKey(LastChange()))));
  ASSERT_TRUE(current.ParseFromString(**View()->Get(kFamilyPolicy, kRetentionCurrentKey)));
  EXPECT_EQ(first.rules().rules(0).days(), 300u);
  EXPECT_EQ(second.SerializeAsString(), current.SerializeAsString());
}

}  // namespace
}  // namespace accord::broker::erasure_api_test

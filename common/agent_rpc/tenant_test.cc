// An agency that somebody else hosts: what stands at its port while it is locked, what opens it, and what its disk gives away.
#include "common/agent_rpc/tenant.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "accord/agency/v1/tenant_service.grpc.pb.h"
#include "common/agent/fake_broker.h"
#include "common/agent_rpc/key_files.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/protected_key.h"
#include "common/crypto/testing_pki.h"
#include "common/rpc/client.h"
#include "common/rpc/error_mapping.h"
#include "common/rpc/tls.h"

namespace accord::agent_rpc::tenant_test {
namespace {

namespace fs = std::filesystem;
using agency::v1::OutboxService;
using agency::v1::TenantService;

constexpr std::string_view kPassphrase = "the refuge's own passphrase";
constexpr absl::Duration kLong = absl::Seconds(60);

class TenantTest : public ::testing::Test {
 protected:
  TenantTest() {
    static const absl::Status tls13 = rpc::EnforceTls13();
    EXPECT_EQ(tls13, absl::OkStatus());
    root_ = ::testing::TempDir() + "/accord_tenant_" + ToHex(random_.Bytes(6));
    const auto signing = authority_.IssueSigning("refuge"), sealing = authority_.IssueSealing("refuge");
    const auto tls = authority_.IssueTls("agency/refuge");
    config_.agency = "refuge";
    config_.kind = type::v1::AGENCY_KIND_IDVA;
    config_.trust_domain = std::string(crypto::testing::kTrustDomain);
    config_.server.trust_domain = config_.trust_domain;
    config_.server.tls = {Write("tls.crt", tls.certificate.pem()), Write("tls.key", tls.key_pem), Write("ca.crt", authority_.pem())};
    config_.broker.target = "127.0.0.1:1";  // Nobody is there.
    config_.broker.server_spiffe_id = "spiffe://" + config_.trust_domain + "/broker/area-1";
    config_.broker.tls = config_.server.tls;
    config_.log_vkey = Write("log.vkey", agent::FakeLog::LogVkey() + "\n");
    config_.signing_key = Write("signing.key", signing.key_pem);
    config_.sealing_key = Write("sealing.key", sealing.key_pem);
    config_.sealing_certificate = Write("sealing.crt", sealing.certificate.pem());
    config_.area_authorities = Write("area.crt", authority_.pem());
    config_.linkage_domain = "area";
    config_.linkage_key_id = "k1";
    config_.linkage_key = Write("linkage.key", ToHex(std::string(32, 'l')) + "\n");
    config_.store = root_ + "/refuge/store";
    config_.store_key = root_ + "/refuge/store.key";
    config_.threads = 2;
    config_.poll_interval = absl::Hours(1);
    config_.passphrase = true;
  }
  ~TenantTest() override { fs::remove_all(root_); }

  std::string Write(const std::string& name, std::string_view text) {
    EXPECT_EQ(MakeDirectory(root_), absl::OkStatus());
    EXPECT_EQ(WriteFileDurably(root_ + "/" + name, text), absl::OkStatus());
    return root_ + "/" + name;
  }
  int Protect() {
    const auto count = ProtectKeyFiles(config_, crypto::SecretBytes(kPassphrase), random_);
    EXPECT_EQ(count.status(), absl::OkStatus());
    return count.value_or(-1);
  }
  std::unique_ptr<Tenant> Start(const Clock& clock) {
    AgencySpec spec;
    spec.program = "accord-agency";
    spec.services = [](AgencyRuntime&) { return std::vector<std::unique_ptr<grpc::Service>>(); };
    auto tenant = Tenant::Start(spec, config_.kind, config_, clock, random_);
    EXPECT_EQ(tenant.status(), absl::OkStatus());
    return tenant.ok() ? *std::move(tenant) : nullptr;
  }
  template <typename Stub, typename Request, typename Response>
  absl::Status Ask(const Tenant& tenant, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request,
                   Response& response) {
    rpc::ChannelOptions options{.target = "127.0.0.1:" + std::to_string(tenant.port()), .tls = config_.server.tls,
                                .server_spiffe_id = "spiffe://" + config_.trust_domain + "/agency/refuge"};
    options.share_connection = false;
    const auto channel = rpc::MakeChannel(options);
    EXPECT_EQ(channel.status(), absl::OkStatus());
    Stub stub(*channel);
    grpc::ClientContext context;
    rpc::SetTimeout(context, kLong);
    context.set_wait_for_ready(true);
    return rpc::FromGrpc((stub.*method)(&context, request, &response));
  }
  absl::Status AskStatus(const Tenant& tenant) {
    agency::v1::GetServiceStatusResponse response;
    return Ask(tenant, &OutboxService::Stub::GetServiceStatus, agency::v1::GetServiceStatusRequest(), response);
  }
  // Whether any file below the root has `bytes` in it.
  bool AnyFileHas(std::string_view bytes) {
    for (const auto& file : fs::recursive_directory_iterator(root_)) {
      if (!file.is_regular_file()) continue;
      const auto text = ReadFile(file.path().string());
      if (text.ok() && text->find(bytes) != std::string::npos) return true;
    }
    return false;
  }

  const crypto::testing::TestAuthority authority_{"Tenant Test Authority"};
  SystemRandom random_;
  SystemClock clock_;
  std::string root_;
  AgencyConfig config_;
};

TEST_F(TenantTest, LockedItSaysNothingElseAndServesOnceUnlockedUntilItIsStartedAgain) {
  EXPECT_EQ(Protect(), 3);
  for (int start = 0; start < 2; ++start) {
    const auto tenant = Start(clock_);
    ASSERT_NE(tenant, nullptr);
    EXPECT_TRUE(tenant->locked()) << "also where it was unlocked before";
    EXPECT_TRUE(HasReason(AskStatus(*tenant), Reason::kLocked)) << AskStatus(*tenant);
    agency::v1::GetTenantStatusResponse status;
    ASSERT_EQ(Ask(*tenant, &TenantService::Stub::GetTenantStatus, agency::v1::GetTenantStatusRequest(), status), absl::OkStatus());
    EXPECT_TRUE(status.locked());
    EXPECT_EQ(status.agency(), "refuge");
    EXPECT_EQ(fs::exists(config_.store), start > 0) << "there is no store before the first passphrase";
    if (start > 0) break;

    agency::v1::UnlockRequest unlock;
    agency::v1::UnlockResponse unlocked;
    unlock.set_passphrase("the refuge's other passphrase");
    EXPECT_TRUE(HasReason(Ask(*tenant, &TenantService::Stub::Unlock, unlock, unlocked), Reason::kPassphraseWrong));
    EXPECT_TRUE(tenant->locked());
    unlock.set_passphrase(std::string(kPassphrase));
    const absl::Status hasty = Ask(*tenant, &TenantService::Stub::Unlock, unlock, unlocked);
    absl::Status opened = hasty;
    if (!hasty.ok()) {  // The try before it was wrong, and its pause may not be over.
      EXPECT_TRUE(HasReason(hasty, Reason::kQuotaExceeded)) << hasty;
      while (HasReason(opened, Reason::kQuotaExceeded)) opened = Ask(*tenant, &TenantService::Stub::Unlock, unlock, unlocked);
    }
    ASSERT_EQ(opened, absl::OkStatus());
    ASSERT_TRUE(tenant->AwaitServing(kLong));
    EXPECT_EQ(AskStatus(*tenant), absl::OkStatus());
    ASSERT_EQ(Ask(*tenant, &TenantService::Stub::GetTenantStatus, agency::v1::GetTenantStatusRequest(), status), absl::OkStatus());
    EXPECT_FALSE(status.locked());
    unlock.set_passphrase("anything at all");
    EXPECT_EQ(Ask(*tenant, &TenantService::Stub::Unlock, unlock, unlocked), absl::OkStatus()) << "it is unlocked already";
    tenant->Stop();
  }
}

TEST_F(TenantTest, EachWrongPassphraseCostsALongerPause) {
  Protect();
  FakeClock clock;
  const auto tenant = Start(clock);
  ASSERT_NE(tenant, nullptr);
  for (const absl::Duration pause : {kUnlockPauseMin, 2 * kUnlockPauseMin}) {
    EXPECT_TRUE(HasReason(tenant->Unlock("not this passphrase"), Reason::kPassphraseWrong));
    const absl::Status early = tenant->Unlock(kPassphrase);
    EXPECT_TRUE(HasReason(early, Reason::kQuotaExceeded)) << early;
    EXPECT_FALSE(DetailOf(early).metadata["retry_after_ms"].empty());
    clock.Advance(pause - absl::Milliseconds(1));
    EXPECT_TRUE(HasReason(tenant->Unlock(kPassphrase), Reason::kQuotaExceeded));
    clock.Advance(absl::Milliseconds(1));
  }
  EXPECT_EQ(tenant->Unlock(kPassphrase), absl::OkStatus());
}

TEST_F(TenantTest, WithoutThePassphraseTheDiskGivesNothingAway) {
  const std::string linkage(32, 'l');
  ASSERT_TRUE(AnyFileHas(ToHex(linkage)));
  Protect();
  const crypto::SecretBytes passphrase(kPassphrase);
  telemetry::Metrics metrics;
  std::string store_key;
  {
    const auto runtime = AgencyRuntime::Open(config_, config_.kind, clock_, random_, metrics, &passphrase);
    ASSERT_EQ(runtime.status(), absl::OkStatus());
    agency::v1::Submission row;
    row.set_method("Miriam Ashdown is at the refuge");
    storage::Batch batch;
    (*runtime)->store().Put(batch, agent::kFamilyOutbox, "request-1", row);
    ASSERT_EQ((*runtime)->store().Commit(batch), absl::OkStatus());
    store_key = std::string(KeyFiles(config_, &passphrase).StoreKey()->view());
  }
  for (const std::string& secret : {std::string("Miriam"), linkage, ToHex(linkage), store_key, ToHex(store_key)}) {
    EXPECT_FALSE(AnyFileHas(secret)) << secret;
  }
  for (const std::string& key : {config_.signing_key, config_.sealing_key, config_.linkage_key, config_.store_key}) {
    EXPECT_TRUE(crypto::IsProtected(*ReadFile(key))) << key;
  }
  AgencyConfig without = config_;
  without.passphrase = false;
  EXPECT_FALSE(KeyFiles(without, nullptr).Load(config_.kind).ok());
  EXPECT_FALSE(KeyFiles(without, nullptr).StoreKey().ok());
  const crypto::SecretBytes wrong("a host's guess at it");
  EXPECT_TRUE(HasReason(AgencyRuntime::Open(config_, config_.kind, clock_, random_, metrics, &wrong).status(), Reason::kPassphraseWrong));
  // And with it everything is there.
  const auto again = AgencyRuntime::Open(config_, config_.kind, clock_, random_, metrics, &passphrase);
  ASSERT_EQ(again.status(), absl::OkStatus());
  const auto row = (*again)->store().Get<agency::v1::Submission>(agent::kFamilyOutbox, "request-1");
  ASSERT_TRUE(row.ok() && row->has_value());
  EXPECT_EQ((*row)->method(), "Miriam Ashdown is at the refuge");
}

TEST_F(TenantTest, ProtectingIsRepeatableAndHoldsToOnePassphrase) {
  const std::string before = *ReadFile(config_.signing_key);
  EXPECT_TRUE(HasReason(ProtectKeyFiles(config_, crypto::SecretBytes("too short"), random_).status(), Reason::kFieldInvalid));
  EXPECT_EQ(*ReadFile(config_.signing_key), before) << "nothing was changed";
  EXPECT_EQ(Protect(), 3);
  EXPECT_EQ(Protect(), 0);
  const std::string linkage = *ReadFile(config_.linkage_key);
  EXPECT_TRUE(HasReason(ProtectKeyFiles(config_, crypto::SecretBytes("another passphrase"), random_).status(), Reason::kPassphraseWrong));
  EXPECT_EQ(*ReadFile(config_.linkage_key), linkage);
  // A key that was left plain is told of, and one under a passphrase that nobody said is.
  const crypto::SecretBytes passphrase(kPassphrase);
  EXPECT_EQ(WriteFileDurably(config_.linkage_key, ToHex(std::string(32, 'l')) + "\n"), absl::OkStatus());
  EXPECT_NE(KeyFiles(config_, &passphrase).Load(config_.kind).status().message().find("is not under the passphrase"), absl::string_view::npos);
  EXPECT_NE(KeyFiles(config_, nullptr).Load(config_.kind).status().message().find("passphrase = true"), absl::string_view::npos);
  EXPECT_EQ(Protect(), 1);
  EXPECT_EQ(KeyFiles(config_, &passphrase).Load(config_.kind).status(), absl::OkStatus());
}

}  // namespace
}  // namespace accord::agent_rpc::tenant_test

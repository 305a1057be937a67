#include "services/broker/adapter/authorizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/chains.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker::authorizer_test {
namespace {

// Applies at once.
class ImmediateQueue : public CommandQueue {
 public:
  explicit ImmediateQueue(MemoryContext& context) : context_(context) {}
  void Submit(std::unique_ptr<Command> command) override {
    const absl::Status status = command->Apply(context_);
    command->Done(status.ok() ? absl::StatusOr<Committed>(Committed{}) : status);
  }

 private:
  MemoryContext& context_;
};

class AuthorizerTest : public ::testing::Test {
 protected:
  AuthorizerTest() {
    storage::v1::StoredOfficer officer;
    officer.set_active(true);
    context_.Put(kFamilyOfficer, OfficerKey(false, "alice"), officer.SerializeAsString());
    directory_.Set(*DirectorySnapshot::Load(context_, 1));
  }

  static rpc::Peer Peer(rpc::PeerKind kind, const std::string& id) {
    rpc::Peer peer;
    peer.trust_domain = "accord.test";
    peer.kind = kind;
    peer.id = id;
    peer.fingerprint = std::string(32, 'f');
    peer.public_key_id = std::string(32, 'k');
    peer.not_before = absl::UnixEpoch();
    return peer;
  }
  static constexpr std::string_view kPropose = "/accord.admin.v1.AdminService/ProposeChange";
  static constexpr std::string_view kList = "/accord.admin.v1.DirectoryService/ListAgencies";

  MemoryContext context_;
  ImmediateQueue queue_{context_};
  FakeClock clock_;
  DirectoryHolder directory_;
  RefusalRecorder refusals_{queue_, clock_};
  ConnectionRegister connections_;
  DirectoryAuthorizer authorizer_{directory_, refusals_, connections_, clock_};
};

TEST_F(AuthorizerTest, LetsInWhoIsEnrolledAndMay) {
  EXPECT_EQ(authorizer_.Authorize(Peer(rpc::PeerKind::kAdmin, "alice"), kPropose), absl::OkStatus());
  EXPECT_EQ(authorizer_.Judge(Peer(rpc::PeerKind::kAdmin, "alice"), kPropose), absl::OkStatus());
  EXPECT_TRUE(context_.entries.empty());
}

TEST_F(AuthorizerTest, PutsARefusalOnThePrincipalsOwnChain) {
  const std::string unknown_method = "/accord.admin.v1.AdminService/NoSuchMethod";
  EXPECT_TRUE(HasReason(authorizer_.Authorize(Peer(rpc::PeerKind::kAdmin, "alice"), unknown_method), Reason::kRoleNotAllowed));
  ASSERT_EQ(context_.entries.size(), 1u);
  const EntryDraft& entry = context_.entries[0];
  EXPECT_EQ(entry.event.type(), type::v1::EVENT_TYPE_REFUSED);
  EXPECT_EQ(entry.event.reason(), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(entry.event.method(), unknown_method);
  EXPECT_EQ(entry.actor->principal(), "admin/alice");
  EXPECT_EQ(entry.actor->certificate(), std::string(32, 'f'));
  EXPECT_EQ(entry.chains[0], **context_.Get(kFamilyMeta, PrincipalChainKey("admin/alice")));
}

// Wired in: SharingApiTest.AnAdministratorWithAConflictIsRefused.
TEST_F(AuthorizerTest, AnAdministratorWithAConflictSeesNothingOfCases) {
  constexpr std::string_view kTrail = "/accord.inspection.v1.TrailService/QueryTrail";
  constexpr std::string_view kSharing = "/accord.broker.v1.SharingService/ListSharing";
  const Principal alice = PrincipalOf(Peer(rpc::PeerKind::kAdmin, "alice"));
  const auto bar = [&](const std::string& list, const std::string& who) {
    storage::v1::StoredConflictList conflicts;
    conflicts.add_workers(who);
    context_.Put(kFamilyPolicy, ConflictListKey(list), conflicts.SerializeAsString());
    return *DirectorySnapshot::Load(context_, 2);
  };
  bar("administrators", "bob");
  EXPECT_EQ(CheckConflict(*bar("police", "alice"), alice, kSharing), absl::OkStatus()) << "of another name, and of an agency's list";
  const auto barred = bar("administrators", "alice");
  for (const std::string_view method : {kTrail, kSharing, std::string_view("/accord.inspection.v1.WarrantService/ChangeWarrant"),
                                        std::string_view("/accord.admin.v1.AuditService/AuditSharing"), std::string_view("/accord.admin.v1.AdminService/ListHolds"),
                                        std::string_view("/accord.admin.v1.AdminService/GetErasure"),
                                        std::string_view("/accord.admin.v1.AdminService/ListOverdue")}) {
    EXPECT_TRUE(HasReason(CheckConflict(*barred, alice, method), Reason::kNotPermitted)) << method;
  }
  EXPECT_EQ(CheckConflict(*barred, alice, kPropose), absl::OkStatus()) << "she administers all the same";
  EXPECT_EQ(CheckConflict(*barred, PrincipalOf(Peer(rpc::PeerKind::kInspector, "alice")), kTrail), absl::OkStatus()) << "an inspector of that name";
}

// What ends an open stream: AccessStreamTest.WhoLosesItsRoleLosesItsStreams has it over the wire.
TEST_F(AuthorizerTest, AStreamIsJudgedByTheRolesAsTheyAreNow) {
  const auto alice = Peer(rpc::PeerKind::kAdmin, "alice");
  const auto enrol = [&](options::v1::OfficerRole role, bool active) {
    storage::v1::StoredOfficer officer;
    officer.set_active(active);
    officer.add_roles(role);
    context_.Put(kFamilyOfficer, OfficerKey(false, "alice"), officer.SerializeAsString());
    directory_.Set(*DirectorySnapshot::Load(context_, 2));
  };
  enrol(options::v1::OFFICER_ROLE_ADMINISTRATOR, true);
  EXPECT_EQ(authorizer_.Judge(alice, kPropose), absl::OkStatus());
  enrol(options::v1::OFFICER_ROLE_OPERATOR, true);
  EXPECT_TRUE(HasReason(authorizer_.Judge(alice, kPropose), Reason::kRoleNotAllowed));
  EXPECT_EQ(authorizer_.Judge(alice, kList), absl::OkStatus()) << "what an operator may read it goes on reading";
  enrol(options::v1::OFFICER_ROLE_OPERATOR, false);
  EXPECT_TRUE(HasReason(authorizer_.Judge(alice, kList), Reason::kPrincipalUnknown));
  EXPECT_TRUE(context_.entries.empty());
}

TEST_F(AuthorizerTest, StrangersShareOneChainWhateverTheyAreRefusedFor) {
  context_.Put(kFamilyDeny, std::string(32, 'k'), "");
  directory_.Set(*DirectorySnapshot::Load(context_, 2));
  EXPECT_TRUE(HasReason(authorizer_.Authorize(Peer(rpc::PeerKind::kAgency, "mallory"), kList), Reason::kCertificateDenied));
  auto other = Peer(rpc::PeerKind::kAgency, "trudy");
  other.public_key_id = "";
  EXPECT_TRUE(HasReason(authorizer_.Authorize(other, kList), Reason::kPrincipalUnknown));
  EXPECT_TRUE(HasReason(authorizer_.Authorize(Peer(rpc::PeerKind::kBroker, "broker"), kList), Reason::kCertificateDenied));
  ASSERT_EQ(context_.entries.size(), 3u);
  for (const EntryDraft& entry : context_.entries) {
    EXPECT_EQ(entry.actor->principal(), kUnknownPrincipal);
    EXPECT_EQ(entry.chains, context_.entries[0].chains);
  }
  EXPECT_TRUE(HasReason(authorizer_.Judge(other, kList), Reason::kPrincipalUnknown));
  EXPECT_EQ(context_.entries.size(), 3u);  // To judge records nothing.
}

TEST_F(AuthorizerTest, ManyPrincipalsCannotGrowTheRecorderWithoutBound) {
  for (size_t i = 0; i < kRefusalWindowsMax + 100; ++i) {
    refusals_.Record({.principal = "agency/a" + std::to_string(i), .certificate = "", .method = "/m",
                      .status = Error(Reason::kNotPermitted, "no"), .signature_digest = ""});
  }
  // The 100 beyond were counted as one principal: 20 entries, and the rest in its summary.
  EXPECT_EQ(context_.entries.size(), kRefusalWindowsMax + kRefusalsPerMinuteMax);
  refusals_.Flush(/*all=*/true);
  ASSERT_EQ(context_.entries.size(), kRefusalWindowsMax + kRefusalsPerMinuteMax + 1);
  EXPECT_EQ(context_.entries.back().event.count(), 80u);
}

}  // namespace
}  // namespace accord::broker::authorizer_test

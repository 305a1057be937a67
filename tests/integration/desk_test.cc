// Which mailbox a desk's service opens. What the broker gives a desk is ReferralApiTest.TheMainDeskLearnsNothingOfTheConfidentialDesks.
#include <absl/synchronization/notification.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "accord/broker/v1/mailbox_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/agent_rpc/testing_agency_files.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/rpc/server.h"
#include "common/rpc/tls.h"

namespace accord {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(60);

// Notes what the first stream asks for, and by which certificate.
class Mailboxes final : public broker::v1::MailboxService::Service {
 public:
  grpc::Status OpenMailbox(grpc::ServerContext* context,
                           grpc::ServerReaderWriter<broker::v1::OpenMailboxResponse, broker::v1::OpenMailboxRequest>* stream) override {
    broker::v1::OpenMailboxRequest request;
    if (stream->Read(&request) && !opened.HasBeenNotified()) {
      desk = request.open().desk();
      for (const auto& name : context->auth_context()->FindPropertyValues("peer_spiffe_id")) principal.assign(name.data(), name.size());
      opened.Notify();
    }
    while (stream->Read(&request)) {
    }
    return grpc::Status::OK;
  }
  absl::Notification opened;
  type::v1::Desk desk = type::v1::DESK_UNSPECIFIED;
  std::string principal;
};

class DeskTest : public ::testing::TestWithParam<type::v1::Desk> {};

TEST_P(DeskTest, OpensItsOwnMailboxWithItsOwnCertificate) {
  ASSERT_TRUE(rpc::EnforceTls13().ok());
  const crypto::testing::TestAuthority authority;
  agent_rpc::AgencyFiles files, broker_files;
  Mailboxes mailboxes;
  auto server = rpc::Server::Start({.tls = broker_files.Tls("broker", authority.IssueTls("broker/main"), authority),
                                    .trust_domain = std::string(crypto::testing::kTrustDomain)},
                                   {&mailboxes});
  ASSERT_TRUE(server.ok()) << server.status();
  const bool confidential = GetParam() == type::v1::DESK_CONFIDENTIAL;
  agent_rpc::AgencyConfig config = files.Config(authority, confidential ? "idva/confidential" : "idva", authority.IssueSealing("idva"));
  config.desk = GetParam();
  config.broker.target = "127.0.0.1:" + std::to_string((*server)->port());
  const SystemClock clock;
  SystemRandom random;
  telemetry::Metrics metrics;
  auto runtime = agent_rpc::AgencyRuntime::Open(config, type::v1::AGENCY_KIND_IDVA, clock, random, metrics);
  ASSERT_TRUE(runtime.ok()) << runtime.status();
  (*runtime)->Start();
  const bool opened = mailboxes.opened.WaitForNotificationWithTimeout(kTimeout);
  (*runtime)->Stop();
  ASSERT_TRUE(opened);
  EXPECT_EQ(mailboxes.desk, GetParam());
  EXPECT_EQ(mailboxes.principal, crypto::testing::SpiffeId(confidential ? "agency/idva/confidential" : "agency/idva"));
  (*server)->Shutdown(absl::Seconds(5));
}

INSTANTIATE_TEST_SUITE_P(Desks, DeskTest, ::testing::Values(type::v1::DESK_MAIN, type::v1::DESK_CONFIDENTIAL));

}  // namespace
}  // namespace accord

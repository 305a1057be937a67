#include "services/broker/administration/connections.h"

#include <gtest/gtest.h>

#include "common/base/status.h"

namespace accord::broker::connections_test {
namespace {

constexpr std::string_view kList = "/accord.admin.v1.DirectoryService/ListAgencies";

TEST(ConnectionRegisterTest, KeepsTheLastOfEachAgency) {
  ConnectionRegister connections;
  const absl::Time first = absl::FromUnixSeconds(100), second = absl::FromUnixSeconds(200), until = absl::FromUnixSeconds(900);
  EXPECT_FALSE(connections.Of("police").last_call.has_value());
  connections.Note("police", kList, absl::OkStatus(), until, first);
  connections.Note("idva", kList, Error(Reason::kCertificateDenied, "no"), until, first);
  connections.Note("police", kList, absl::OkStatus(), until, second);
  EXPECT_EQ(connections.Of("police").last_call, second);
  EXPECT_EQ(connections.Of("police").certificate_until, until);
  EXPECT_FALSE(connections.Of("police").last_refused.has_value());
  EXPECT_FALSE(connections.Of("police").last_alert.has_value());
  EXPECT_FALSE(connections.Of("idva").last_call.has_value());
  EXPECT_EQ(connections.Of("idva").last_refused, first);
  EXPECT_EQ(connections.Of("idva").last_refusal, "CERTIFICATE_DENIED");
  connections.Note("idva", "/accord.broker.v1.MailboxService/ReportAlert", absl::OkStatus(), until, second);
  EXPECT_EQ(connections.Of("idva").last_alert, second);
  EXPECT_EQ(connections.Of("idva").last_refused, first) << "the last refusal stays to be seen";
}

TEST(ConnectionRegisterTest, HasABound) {
  ConnectionRegister connections;
  for (size_t i = 0; i < ConnectionRegister::kAgenciesSeenMax; ++i) {
    connections.Note("a" + std::to_string(i), kList, absl::OkStatus(), absl::UnixEpoch(), absl::UnixEpoch());
  }
  connections.Note("one-more", kList, absl::OkStatus(), absl::UnixEpoch(), absl::UnixEpoch());
  EXPECT_FALSE(connections.Of("one-more").last_call.has_value());
  connections.Note("a0", kList, absl::OkStatus(), absl::UnixEpoch(), absl::FromUnixSeconds(5));
  EXPECT_EQ(connections.Of("a0").last_call, absl::FromUnixSeconds(5));
}

}  // namespace
}  // namespace accord::broker::connections_test

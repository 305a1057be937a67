// What a server is without EnforceTls13: the self-test must say so. A program of its
// own, because the setting is the process's.
#include "common/rpc/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "common/base/file.h"
#include "common/crypto/testing_pki.h"
#include "common/rpc/server.h"

namespace accord::rpc::tls_test {
namespace {

TEST(SelfTestTest, AServerThatSpeaksTls12DoesNotStart) {
  std::string name = ::testing::TempDir() + "/accord_tls_XXXXXX";
  const std::string directory = mkdtemp(name.data());
  const crypto::testing::TestAuthority authority;
  const auto issued = authority.IssueTls("broker/main");
  const TlsFiles files = {directory + "/crt", directory + "/key", directory + "/roots"};
  ASSERT_TRUE(WriteFileDurably(files.certificate, issued.certificate.pem()).ok());
  ASSERT_TRUE(WriteFileDurably(files.private_key, issued.key_pem).ok());
  ASSERT_TRUE(WriteFileDurably(files.roots, authority.pem()).ok());
  const ServerOptions options = {.tls = files, .trust_domain = "accord.test"};

  const absl::Status refused = Server::Start(options, {}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.ToString(), ::testing::HasSubstr("TLS 1.2 is not refused"));

  ASSERT_TRUE(EnforceTls13().ok());
  const auto started = Server::Start(options, {});
  EXPECT_TRUE(started.ok()) << started.status();
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace accord::rpc::tls_test

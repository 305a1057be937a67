// The files of an agency's service in a directory of its own, for tests that open a whole runtime.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "common/agent/fake_broker.h"
#include "common/agent_rpc/agency_config.h"
#include "common/base/file.h"
#include "common/crypto/testing_pki.h"

namespace accord::agent_rpc {

// Thread-compatible. The directory goes with it.
class AgencyFiles {
 public:
  AgencyFiles() {
    std::string name = ::testing::TempDir() + "/accord_agency_XXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~AgencyFiles() { std::filesystem::remove_all(directory_); }

  // Of `agency`, such as `idva` or `idva/confidential`, with certificates of `authority`; its broker is nowhere, and its log FakeLog's.
  AgencyConfig Config(const crypto::testing::TestAuthority& authority, const std::string& agency, const crypto::testing::Issued& sealing) {
    const auto tls = authority.IssueTls("agency/" + agency);
    AgencyConfig config;
    config.agency = agency.substr(0, agency.find('/'));
    config.trust_domain = std::string(crypto::testing::kTrustDomain);
    config.server.tls = Tls("tls", tls, authority);
    config.server.trust_domain = config.trust_domain;
    config.broker = {.target = "127.0.0.1:1", .tls = config.server.tls, .server_spiffe_id = crypto::testing::SpiffeId("broker/main")};
    config.log_vkey = File("log.vkey", agent::FakeLog::LogVkey());
    config.signing_key = File("signing.key", authority.IssueSigning(config.agency).key_pem);
    config.sealing_key = File("sealing.key", sealing.key_pem);
    config.sealing_certificate = File("sealing.crt", sealing.certificate.pem());
    config.area_authorities = File("area.crt", authority.pem());
    config.store_key = directory_ + "/store.key";
    config.linkage_domain = "area";
    config.linkage_key_id = "k1";
    config.linkage_key = File("linkage.key", std::string(64, '6'));
    config.store = directory_ + "/store";
    config.poll_interval = absl::Hours(1);
    return config;
  }
  rpc::TlsFiles Tls(const std::string& name, const crypto::testing::Issued& issued, const crypto::testing::TestAuthority& authority) {
    return {File(name + ".crt", issued.certificate.pem()), File(name + ".key", issued.key_pem), File("roots", authority.pem())};
  }

  // Writes a file there; its path.
  std::string File(const std::string& name, const std::string& text) {
    const std::string path = directory_ + "/" + name;
    EXPECT_TRUE(WriteFileDurably(path, text).ok());
    return path;
  }
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
};

}  // namespace accord::agent_rpc

// How a broker is configured in tests: its broker.toml and the rows of its directory. No wire and no certificates: whoever serves
// writes those, under the names used here.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "common/base/file.h"
#include "services/broker/broker_config.h"

namespace accord::broker {

// Lines of [init] for those who wrote these files.
inline constexpr std::string_view kTestingDirectory = "directory = \"directory.toml\"\n";
inline constexpr std::string_view kTestingAgreement = "agreement = \"agreement.toml\"\n";

// Writes broker.toml into the directory `root`, which exists, and loads it: everything of the broker lies below `root`, its port is
// any free one, its administrators are alice and bob. `init` is further lines of [init].
inline BrokerConfig MakeTestingConfig(const std::string& root, std::string_view init = "") {
  const std::string path = root + "/broker.toml";
  EXPECT_EQ(WriteFileDurably(path, std::string(R"(
origin = "accord.test/broker"
trust_domain = "accord.test"
[server]
port = 0
certificate = "tls.pem"
private_key = "tls.key"
roots = "roots.pem"
[store]
directory = "state/store"
key_slots = "keys/slots"
guard = "guard/guard"
disk_floor = 0
[keys]
log_key = "keys/log.pem"
master_key = "keys/master"
case_index_key = "keys/case-index"
[init]
administrators = ["alice", "bob"]
)").append(init)), absl::OkStatus());
  auto config = LoadBrokerConfig(path);
  EXPECT_EQ(config.status(), absl::OkStatus());
  return *std::move(config);
}

// The row of an agency whose certificates are `agency`.signing.pem and `agency`.sealing.pem, beside the directory.
inline std::string DirectoryRow(std::string_view agency, std::string_view kind) {
  return fmt::format("[[agency]]\nid = \"{0}\"\nkind = \"{1}\"\nsigning_certificate = \"{0}.signing.pem\"\n"
                     "sealing_certificate = \"{0}.sealing.pem\"\n",
                     agency, kind);
}

}  // namespace accord::broker

// A broker's files on a disk: authority, certificates, directory, agreement, configuration.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <map>
#include <string>

#include "common/crypto/testing_pki.h"
#include "common/ledger/note.h"
#include "common/rpc/tls.h"

namespace accord::bench {

inline constexpr char kOrigin[] = "accord.test/bench";

// The five agencies of deploy/directory.toml under deploy/agreement.toml, with keys made here. Thread-compatible.
class Installation {
 public:
  // Writes everything below `root`, an empty directory. The broker will listen on `port`. Errors of files.
  static absl::StatusOr<Installation> Make(const std::string& root, int port);

  std::string broker_config() const { return root_ + "/broker.toml"; }
  // What the broker, the ceiling server and the sending agency show.
  rpc::TlsFiles ServerTls() const { return Tls("broker"); }
  rpc::TlsFiles SenderTls() const { return Tls("sender"); }
  static std::string ServerSpiffeId() { return crypto::testing::SpiffeId("broker/broker"); }

  const crypto::testing::Issued& signing(const std::string& agency) const { return signing_.at(agency); }
  const crypto::testing::Issued& sealing(const std::string& agency) const { return sealing_.at(agency); }
  // Once `accord-broker init` has made the log's key. Errors of files.
  absl::StatusOr<ledger::Vkey> LogKey() const;

 private:
  explicit Installation(std::string root) : root_(std::move(root)) {}
  rpc::TlsFiles Tls(const std::string& name) const;

  std::string root_;
  crypto::testing::TestAuthority authority_;
  std::map<std::string, crypto::testing::Issued> signing_, sealing_;
};

}  // namespace accord::bench

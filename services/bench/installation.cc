#include "services/bench/installation.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/ed25519.h"
#include "services/bench/agreement_text.h"

namespace accord::bench {
namespace {

// Id and kind.
constexpr std::pair<const char*, const char*> kAgencies[] = {
    {"police", "police"}, {"childrens", "childrens_services"}, {"housing", "housing"}, {"health", "health"}, {"idva", "idva"}};

// As deploy/broker.toml.example but for names, port and files; metrics on a free port.
constexpr char kBrokerConfig[] = R"(origin = "{}"
trust_domain = "{}"
[server]
port = {}
metrics_port = 0
certificate = "pki/broker.pem"
private_key = "pki/broker.key"
roots = "pki/roots.pem"
[store]
directory = "broker/store"
key_slots = "broker-keys/slots"
guard = "broker-guard/guard"
disk_floor = "64MiB"
[limits]
submissions_per_minute = 0
[keys]
log_key = "broker-keys/log.pem"
master_key = "broker-keys/master"
case_index_key = "broker-keys/case-index"
[init]
administrators = ["alice", "bob"]
directory = "directory.toml"
agreement = "agreement.toml"
)";

}  // namespace

absl::StatusOr<Installation> Installation::Make(const std::string& root, int port) {
  Installation made(root);
  const auto write = [&root](const std::string& name, const std::string& text) {
    return WriteFileDurably(root + "/" + name, text);
  };
  ACCORD_RETURN_IF_ERROR(MakeDirectory(root + "/pki"));
  ACCORD_RETURN_IF_ERROR(write("pki/roots.pem", made.authority_.pem()));
  for (const auto& [name, path] : {std::pair{"broker", "broker/broker"}, std::pair{"sender", "agency/police/outbox"}}) {
    const auto issued = made.authority_.IssueTls(path);
    ACCORD_RETURN_IF_ERROR(write(fmt::format("pki/{}.pem", name), issued.certificate.pem()));
    ACCORD_RETURN_IF_ERROR(write(fmt::format("pki/{}.key", name), issued.key_pem));
  }
  std::string directory;
  for (const auto& [id, kind] : kAgencies) {
    const auto& signing = made.signing_.emplace(id, made.authority_.IssueSigning(id)).first->second;
    const auto& sealing = made.sealing_.emplace(id, made.authority_.IssueSealing(id)).first->second;
    ACCORD_RETURN_IF_ERROR(write(fmt::format("pki/{}-signing.pem", id), signing.certificate.pem()));
    ACCORD_RETURN_IF_ERROR(write(fmt::format("pki/{}-sealing.pem", id), sealing.certificate.pem()));
    directory += fmt::format(
        "[[agency]]\nid = \"{0}\"\nkind = \"{1}\"\nsigning_certificate = \"pki/{0}-signing.pem\"\n"
        "sealing_certificate = \"pki/{0}-sealing.pem\"\n", id, kind);
  }
  ACCORD_RETURN_IF_ERROR(write("directory.toml", directory));
  ACCORD_RETURN_IF_ERROR(write("agreement.toml", kAgreementText));
  ACCORD_RETURN_IF_ERROR(
      write("broker.toml", fmt::format(kBrokerConfig, kOrigin, crypto::testing::kTrustDomain, port)));
  return made;
}

rpc::TlsFiles Installation::Tls(const std::string& name) const {
  return {fmt::format("{}/pki/{}.pem", root_, name), fmt::format("{}/pki/{}.key", root_, name), root_ + "/pki/roots.pem"};
}

absl::StatusOr<ledger::Vkey> Installation::LogKey() const {
  ACCORD_ASSIGN_OR_RETURN(const auto key, crypto::Ed25519Signer::FromPemFile(root_ + "/broker-keys/log.pem"));
  return ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, key.verifier());
}

}  // namespace accord::bench

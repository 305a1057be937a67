#include "common/rpc/identity.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/certificate.h"

namespace accord::rpc {
namespace {

constexpr std::array<std::string_view, 4> kKindNames = {"agency", "admin", "inspector", "broker"};

absl::Status Refused(std::string_view why) { return Error(Reason::kUnauthenticated, why); }

}  // namespace

std::string_view Name(PeerKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

std::string SpiffeId::ToString() const {
  return fmt::format("spiffe://{}/{}/{}{}{}", trust_domain, Name(kind), id, workload.empty() ? "" : "/", workload);
}

absl::StatusOr<SpiffeId> ParseSpiffeId(std::string_view uri) {
  constexpr std::string_view kScheme = "spiffe://";
  const absl::Status malformed = Refused("the certificate's URI is not spiffe://<trust-domain>/<kind>/<id>[/<workload>]");
  if (uri.size() > kSpiffeIdCharsMax || !uri.starts_with(kScheme)) return malformed;
  uri.remove_prefix(kScheme.size());
  std::vector<std::string_view> parts;
  for (size_t end = 0; end != std::string_view::npos;) {
    end = uri.find('/');
    parts.push_back(uri.substr(0, end));
    if (end != std::string_view::npos) uri.remove_prefix(end + 1);
  }
  if (parts.size() != 3 && parts.size() != 4) return malformed;

  SpiffeId result;
  result.trust_domain = parts[0];
  // As the SPIFFE standard has it, and no shorter than one character.
  if (parts[0].empty() || parts[0].find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") != std::string_view::npos) {
    return malformed;
  }
  size_t kind = 0;
  while (kind < kKindNames.size() && kKindNames[kind] != parts[1]) ++kind;
  if (kind == kKindNames.size() || !IsAgencyId(parts[2])) return malformed;
  result.kind = static_cast<PeerKind>(kind);
  result.id = parts[2];
  if (parts.size() == 4) {
    if (!IsAgencyId(parts[3])) return malformed;
    if (parts[3] == "signing" || parts[3] == "sealing") return Refused("a signing or sealing certificate does not speak TLS");
    result.workload = parts[3];
  }
  return result;
}

absl::StatusOr<std::shared_ptr<const Peer>> PeerReader::Read(const grpc::AuthContext& context) {
  const auto pems = context.FindPropertyValues("x509_pem_cert");
  if (pems.size() != 1) return Refused("the connection has no client certificate");
  return ReadPem({pems[0].data(), pems[0].size()});
}

absl::StatusOr<std::shared_ptr<const Peer>> PeerReader::ReadPem(std::string_view pem) {
  {
    absl::MutexLock lock(&mu_);
    const auto found = by_pem_.find(ToAbsl(pem));
    if (found != by_pem_.end()) return found->second;
  }
  const auto certificate = crypto::Certificate::FromPem(pem);
  if (!certificate.ok() || certificate->uri_sans().size() != 1) {
    return Refused("the certificate must name exactly one SPIFFE id");
  }
  ACCORD_ASSIGN_OR_RETURN(SpiffeId id, ParseSpiffeId(certificate->uri_sans()[0]));
  auto peer = std::make_shared<const Peer>(Peer{std::move(id), certificate->fingerprint(), certificate->public_key_id(),
                                                certificate->not_before(), certificate->not_after()});
  absl::MutexLock lock(&mu_);
  if (by_pem_.size() >= kPeersMax) by_pem_.clear();  // Rarer than renewals: starting afresh is cheap enough.
  by_pem_.insert_or_assign(std::string(pem), peer);
  return peer;
}

}  // namespace accord::rpc

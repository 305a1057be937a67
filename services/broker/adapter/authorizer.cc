#include "services/broker/adapter/authorizer.h"

#include <string>

#include "common/base/status.h"
#include "services/broker/sequencer/chains.h"

namespace accord::broker {

Principal PrincipalOf(const rpc::Peer& peer) {
  Principal principal{.kind = options::v1::CALLER_UNSPECIFIED,
                      .id = peer.id,
                      .certificate = peer.fingerprint,
                      .public_key_id = peer.public_key_id,
                      .not_before = peer.not_before};
  switch (peer.kind) {
    case rpc::PeerKind::kAgency: principal.kind = options::v1::CALLER_AGENCY; break;
    case rpc::PeerKind::kAdmin: principal.kind = options::v1::CALLER_ADMIN; break;
    case rpc::PeerKind::kInspector: principal.kind = options::v1::CALLER_INSPECTOR; break;
    case rpc::PeerKind::kBroker: break;
  }
  return principal;
}

Caller CallerOf(const rpc::Peer& peer) {
  const Principal principal = PrincipalOf(peer);
  const bool confidential = peer.kind == rpc::PeerKind::kAgency && peer.workload == kConfidentialWorkload;
  return {principal.kind, principal.id, PrincipalName(principal.kind, principal.id), principal.certificate,
          confidential ? type::v1::DESK_CONFIDENTIAL : type::v1::DESK_MAIN};
}

namespace {

absl::Status CheckCall(const DirectorySnapshot& directory, const Principal& principal, std::string_view method) {
  ACCORD_RETURN_IF_ERROR(CheckPrincipal(directory, principal));
  const Roles roles = principal.kind == options::v1::CALLER_ADMIN ? RolesOf(directory, principal.id) : Roles();
  ACCORD_RETURN_IF_ERROR(CheckMethod(method, principal.kind, roles));
  return CheckConflict(directory, principal, method);
}

}  // namespace

absl::Status DirectoryAuthorizer::Authorize(const rpc::Peer& peer, std::string_view method) {
  const Principal principal = PrincipalOf(peer);
  const auto directory = directory_.Get();
  const absl::Status status = CheckCall(*directory, principal, method);
  if (principal.kind == options::v1::CALLER_AGENCY && directory->FindAgency(principal.id) != nullptr) {
    connections_.Note(principal.id, method, status, peer.not_after, clock_.Now());
  }
  if (!status.ok()) {
    refusals_.Record({.principal = IsEnrolled(*directory, principal) ? PrincipalName(principal.kind, principal.id)
                                                                     : std::string(kUnknownPrincipal),
                      .certificate = principal.certificate,
                      .method = std::string(method),
                      .status = status,
                      .signature_digest = {}});
  }
  return status;
}

absl::Status DirectoryAuthorizer::Judge(const rpc::Peer& peer, std::string_view method) const {
  return CheckCall(*directory_.Get(), PrincipalOf(peer), method);
}

}  // namespace accord::broker

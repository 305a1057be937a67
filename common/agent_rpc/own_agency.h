// Who may call the service of an agency's desk, and by what certificate the desk is known.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "accord/admin/v1/admin_service.pb.h"
#include "accord/type/v1/vocabulary.pb.h"
#include "common/base/status.h"
#include "common/rpc/handler.h"

namespace accord::agent_rpc {

// The certificate of an agency's confidential desk names this workload, as the broker knows it by.
inline constexpr std::string_view kConfidentialWorkload = "confidential";

// What others seal for to reach this desk, as the broker's directory has it; empty when it knows of no such desk.
inline const std::string& DirectorySealing(const admin::v1::Agency& row, type::v1::Desk desk) {
  return desk == type::v1::DESK_CONFIDENTIAL ? row.confidential_sealing_certificate() : row.sealing_certificate();
}

// The agency's own certificates, its programs' and its systems', may call, and its confidential desk with that desk's alone; nobody else.
// Thread-safe.
class OwnAgencyOnly : public rpc::Authorizer {
 public:
  OwnAgencyOnly(std::string agency, type::v1::Desk desk) : agency_(std::move(agency)), confidential_(desk == type::v1::DESK_CONFIDENTIAL) {}
  absl::Status Authorize(const rpc::Peer& peer, std::string_view) override {
    const bool own = peer.kind == rpc::PeerKind::kAgency && peer.id == agency_;
    if (own && (!confidential_ || peer.workload == kConfidentialWorkload)) return absl::OkStatus();
    return Error(Reason::kRoleNotAllowed, "only certificates of the agency itself may call its service");
  }

 private:
  const std::string agency_;
  const bool confidential_;
};

}  // namespace accord::agent_rpc

// accordctl's configuration: as whom it can speak, and to whom (accordctl.toml.example).
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "accord/type/v1/referral.pb.h"
#include "common/rpc/tls.h"

namespace accord::accordctl {

// An agency to speak as.
struct AgencyIdentity {
  std::string id;
  std::string address, spiffe_id;  // Of its service; both empty when it has none.
  rpc::TlsFiles tls;
  type::v1::Worker worker;  // Its pseudonym is empty when none is configured.
};

// An administrator or an inspector to speak as.
struct OfficerIdentity {
  std::string id;
  rpc::TlsFiles tls;
  // Of an inspector, paths: what disclosures are sealed for, and whose certificates of agencies are believed. All empty, or none.
  std::string sealing_certificate, sealing_key, authorities;
};

struct CtlConfig {
  std::string as, as_admin, as_inspector;  // Defaults; empty when none.
  std::string broker_address, broker_spiffe_id;
  std::string log_vkey;  // Path.
  std::vector<AgencyIdentity> agencies;
  std::vector<OfficerIdentity> admins, inspectors;

  // Null when there is none of that id.
  const AgencyIdentity* FindAgency(const std::string& id) const;
  const OfficerIdentity* FindAdmin(const std::string& id) const;
  const OfficerIdentity* FindInspector(const std::string& id) const;
};

// NOT_FOUND, INVALID_ARGUMENT, with every error of the file. Thread-safe.
absl::StatusOr<CtlConfig> LoadCtlConfig(const std::string& path);

}  // namespace accord::accordctl

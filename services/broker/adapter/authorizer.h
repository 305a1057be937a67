// Judges every call by the directory in force, and puts what it refuses on the record.
#pragma once

#include <absl/status/status.h>

#include <string_view>

#include "common/base/clock.h"
#include "common/rpc/handler.h"
#include "common/rpc/identity.h"
#include "services/broker/administration/connections.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/refusal_recorder.h"

namespace accord::broker {

// A connection's peer as the directory knows principals; its kind is unspecified for a broker,
// which may call nothing but health.
Principal PrincipalOf(const rpc::Peer& peer);
// The certificate of an agency's confidential desk names this workload; every other is of the main desk.
inline constexpr std::string_view kConfidentialWorkload = "confidential";
// The peer of an authorised call.
Caller CallerOf(const rpc::Peer& peer);

// Thread-safe.
class DirectoryAuthorizer : public rpc::Authorizer {
 public:
  // All must outlive this.
  DirectoryAuthorizer(const DirectoryHolder& directory, RefusalRecorder& refusals, ConnectionRegister& connections, const Clock& clock)
      : directory_(directory), refusals_(refusals), connections_(connections), clock_(clock) {}

  // PRINCIPAL_UNKNOWN, CERTIFICATE_DENIED, ROLE_NOT_ALLOWED or NOT_PERMITTED (CheckConflict); recorded within the bound. Of an enrolled
  // agency the register notes either.
  absl::Status Authorize(const rpc::Peer& peer, std::string_view method) override;

  // The same, unrecorded: what LiveStreams::EndIf asks after a change, so that who has lost its roles, or got a conflict, is not read to any
  // longer than who is denied.
  absl::Status Judge(const rpc::Peer& peer, std::string_view method) const;

 private:
  const DirectoryHolder& directory_;
  RefusalRecorder& refusals_;
  ConnectionRegister& connections_;
  const Clock& clock_;
};

}  // namespace accord::broker

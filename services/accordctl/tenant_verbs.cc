// Opening an agency whose keys are under a passphrase, and asking whether it is.
#include <fmt/format.h>

#include "accord/agency/v1/tenant_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/console/passphrase.h"
#include "common/crypto/secret.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using agency::v1::TenantService;

constexpr absl::Duration kUnlockTimeout = absl::Minutes(1);  // Keys are slow to open by design, and a store has its start-up checks.

absl::StatusOr<int> Unlock(Session& session) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  if (session.dry_run()) return WouldDo(fmt::format("ask for the passphrase of {} and unlock it at {}", agency->id, service.who));
  auto given = console::ReadPassphrase(fmt::format("passphrase of {}", agency->id), /*twice=*/false);
  if (!given.ok()) return UsageError("no passphrase was given, or one over 1,024 bytes; nothing was sent");
  agency::v1::UnlockRequest request;
  request.set_passphrase(*given);
  crypto::Wipe(*given);
  request.set_request_id(session.RequestId());
  const auto response = Ask(service, &TenantService::Stub::Unlock, request, kUnlockTimeout);
  crypto::Wipe(*request.mutable_passphrase());
  if (!response.ok()) return response.status();
  if (session.json()) {
    session.PrintJson({{"agency", response->agency()}, {"locked", false}});
    return kDone;
  }
  session.Print(fmt::format("{} is unlocked; it serves in a moment\n", response->agency()));
  return kDone;
}

absl::StatusOr<int> TenantStatus(Session& session) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  ACCORD_ASSIGN_OR_RETURN(const auto status, Ask(service, &TenantService::Stub::GetTenantStatus, agency::v1::GetTenantStatusRequest()));
  if (session.json()) {
    session.PrintJson({{"agency", status.agency()}, {"locked", status.locked()}});
    return kDone;
  }
  session.Print(fmt::format("{}: {}\n", status.agency(), status.locked() ? "locked: its keys are under a passphrase" : "unlocked"));
  return kDone;
}

}  // namespace

void AddTenantVerbs(Command& app, Verb& chosen) {
  Command& tenant = app.AddGroup("tenant", "An agency that somebody else hosts, with its keys under its own passphrase (docs/hosting.md)");
  Command& unlock = tenant.AddChange("unlock", "Open the agency's keys with its passphrase, which is asked for, or read from standard input");
  unlock.Footer("After each start of the service it is locked again.\nExample: accordctl tenant unlock --as refuge");
  unlock.WhenGiven([&chosen] { chosen = [](Session& session) { return Unlock(session); }; });
  Command& status = tenant.AddVerb("status", "Say whether the agency is locked");
  status.Footer("Example: accordctl tenant status --as refuge");
  status.WhenGiven([&chosen] { chosen = [](Session& session) { return TenantStatus(session); }; });
}

}  // namespace accord::accordctl

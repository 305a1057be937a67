#include "services/broker/directory/access.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <iterator>

#include "common/base/status.h"

namespace accord::broker {

absl::Status CheckNotBarred(const DirectorySnapshot& directory, std::string_view agency, const std::string& worker) {
  if (!directory.IsBarred(agency, worker)) return absl::OkStatus();
  return Error(Reason::kNotPermitted, "a protective rule applies; nothing more can be said here");
}

std::string PrincipalName(options::v1::Caller kind, std::string_view id) {
  switch (kind) {
    case options::v1::CALLER_AGENCY: return fmt::format("agency/{}", id);
    case options::v1::CALLER_ADMIN: return fmt::format("admin/{}", id);
    case options::v1::CALLER_INSPECTOR: return fmt::format("inspector/{}", id);
    default: return "unknown";
  }
}

type::v1::EntryActor ActorOf(const Caller& caller) {
  type::v1::EntryActor actor;
  actor.set_principal(caller.principal);
  actor.set_certificate(caller.certificate);
  return actor;
}

type::v1::EntryActor ActorOf(const Caller& caller, const type::v1::Worker& worker) {
  type::v1::EntryActor actor = ActorOf(caller);
  *actor.mutable_worker() = worker;
  return actor;
}

bool IsEnrolled(const DirectorySnapshot& directory, const Principal& principal) {
  switch (principal.kind) {
    case options::v1::CALLER_AGENCY: return directory.FindAgency(principal.id) != nullptr;
    case options::v1::CALLER_ADMIN: return directory.FindOfficer(false, principal.id) != nullptr;
    case options::v1::CALLER_INSPECTOR: return directory.FindOfficer(true, principal.id) != nullptr;
    default: return false;
  }
}

absl::Status CheckPrincipal(const DirectorySnapshot& directory, const Principal& principal) {
  bool active = false;
  int64_t valid_from_ms = 0;
  if (principal.kind == options::v1::CALLER_AGENCY) {
    if (const AgencyRow* const row = directory.FindActiveAgency(principal.id); row != nullptr) {
      active = true;
      valid_from_ms = row->agency.valid_from_ms();
    }
  } else if (principal.kind == options::v1::CALLER_ADMIN || principal.kind == options::v1::CALLER_INSPECTOR) {
    const auto* const officer =
        directory.FindOfficer(principal.kind == options::v1::CALLER_INSPECTOR, principal.id);
    if (officer != nullptr && officer->active()) {
      active = true;
      valid_from_ms = officer->valid_from_ms();
    }
  }
  const std::string name = PrincipalName(principal.kind, principal.id);
  // Denied before unknown: a stolen certificate of somebody since removed is still told as one.
  if (directory.IsDenied(principal.certificate) || directory.IsDenied(principal.public_key_id)) {
    return Error(Reason::kCertificateDenied, fmt::format("the certificate of {} or its key is denied", name),
                 {{"principal", name}});
  }
  if (const Suspension* const suspension = active ? directory.FindSuspension(name) : nullptr; suspension != nullptr) {
    const std::string why = admin::v1::SuspensionReason_Name(suspension->reason);
    const std::string at = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", suspension->since, absl::UTCTimeZone());
    return Error(Reason::kPrincipalUnknown, fmt::format("{} is suspended since {} ({}); ask the administrators of Accord", name, at, why),
                 {{"principal", name}, {"state", "suspended"}, {"reason", why}, {"at", at}});
  }
  if (!active) {
    return Error(Reason::kPrincipalUnknown, fmt::format("{} is not enrolled and active", name), {{"principal", name}});
  }
  if (absl::ToUnixMillis(principal.not_before) < valid_from_ms) {
    return Error(Reason::kCertificateDenied,
                 fmt::format("the certificate of {} is older than its valid-from; obtain a new one", name),
                 {{"principal", name}});
  }
  return absl::OkStatus();
}

absl::Status CheckConflict(const DirectorySnapshot& directory, const Principal& principal, std::string_view method) {
  constexpr std::string_view kOfCases[] = {"/accord.inspection.v1.", "/accord.admin.v1.AuditService/", "/accord.broker.v1.SharingService/",
                                           "/accord.admin.v1.AdminService/ListHolds", "/accord.admin.v1.AdminService/GetErasure",
                                           "/accord.admin.v1.AdminService/ListOverdue"};
  const bool of_cases = std::any_of(std::begin(kOfCases), std::end(kOfCases), [&](std::string_view some) { return method.starts_with(some); });
  if (principal.kind != options::v1::CALLER_ADMIN || !of_cases) return absl::OkStatus();
  return CheckNotBarred(directory, kAdministrators, principal.id);
}

absl::Status CheckConflict(const DirectorySnapshot& directory, const std::string& id, const admin::v1::Change& change) {
  const bool own_list = change.has_put_conflict_list() && change.put_conflict_list().agency() == kAdministrators;
  if (!own_list && !change.has_erase() && !change.has_set_hold() && !change.has_lift_hold()) return absl::OkStatus();
  return CheckNotBarred(directory, kAdministrators, id);
}

absl::Status CheckMethod(std::string_view method, options::v1::Caller kind, const Roles& roles) {
  // "/package.Service/Method" → "package.Service.Method".
  std::string name(method.substr(method.starts_with('/') ? 1 : 0));
  std::replace(name.begin(), name.end(), '/', '.');
  const auto* const found = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
  bool caller = false, role = kind != options::v1::CALLER_ADMIN;
  if (found != nullptr) {
    const auto& options = found->options();
    for (int i = 0; i < options.ExtensionSize(options::v1::callers); ++i) {
      caller = caller || options.GetExtension(options::v1::callers, i) == kind;
    }
    for (int i = 0; i < options.ExtensionSize(options::v1::roles); ++i) {
      role = role || roles.contains(options.GetExtension(options::v1::roles, i));
    }
  }
  if (caller && role) return absl::OkStatus();
  return Error(Reason::kRoleNotAllowed, caller ? "none of the roles that you are enrolled for may call this method" : "this kind of principal may not call this method",
               {{"method", std::string(method)}});
}

}  // namespace accord::broker

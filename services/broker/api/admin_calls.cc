// What one officer does at once, and looks at: the rest of admin_service.h.
#include <fmt/format.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/administration/checklists.h"
#include "services/broker/api/admin_names.h"
#include "services/broker/api/admin_service.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/api/past_directory.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/history.h"
#include "services/broker/directory/maintenance.h"
#include "services/broker/directory/roles.h"
#include "services/broker/sequencer/judged_command.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

constexpr std::string_view kGetChange = "/accord.admin.v1.AdminService/GetChange";
constexpr std::string_view kSuspendPrincipal = "/accord.admin.v1.AdminService/SuspendPrincipal";
constexpr std::string_view kReinstatePrincipal = "/accord.admin.v1.AdminService/ReinstatePrincipal";
constexpr std::string_view kGetOnboarding = "/accord.admin.v1.AdminService/GetOnboarding";
constexpr std::string_view kGetLeaving = "/accord.admin.v1.AdminService/GetLeaving";
constexpr std::string_view kCheckConnection = "/accord.admin.v1.AdminService/CheckConnection";
constexpr std::string_view kSetMaintenance = "/accord.admin.v1.AdminService/SetMaintenance";
constexpr std::string_view kListOfficers = "/accord.admin.v1.AdminService/ListOfficers";
constexpr int kOfficersPageDefault = 100;

int64_t MillisOrNever(const std::optional<absl::Time>& time) { return time.has_value() ? absl::ToUnixMillis(*time) : 0; }

absl::Status ShowChange(const ReadView& view, const DirectorySnapshot& directory, const std::string& administrator, absl::Time now,
                        const admin::v1::GetChangeRequest& request, admin::v1::GetChangeResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const uint64_t number, ParseChangeName(request.name()));
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Get(kFamilyChange, KeyU64(number)));
  if (!bytes.has_value()) return Error(Reason::kChangeNotFound, "no such change", {{"change", fmt::to_string(number)}});
  storage::v1::StoredChange stored;
  if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored change does not parse");
  ACCORD_RETURN_IF_ERROR(CheckConflict(directory, administrator, stored.change()));
  ACCORD_ASSIGN_OR_RETURN(auto differences, DifferencesOfChange(view.store(), number, stored, now));
  for (auto& difference : differences.fields) *response.add_differences() = std::move(difference);
  for (const uint64_t planned : differences.planned) response.add_planned_before(ChangeNameOf(planned));
  for (const uint64_t planned : differences.withdrawn) response.add_planned_withdrawn(ChangeNameOf(planned));
  *response.mutable_change() = ToProposed(number, std::move(stored), now);
  return absl::OkStatus();
}

absl::Status AgencyNeeded(const std::string& agency) { return agency.empty() ? FieldNeeded("agency") : absl::OkStatus(); }

// `make` with what the check-lists are made from.
template <typename Make>
absl::StatusOr<std::vector<admin::v1::CheckListItem>> WithSources(const AdminParts& parts, const std::string& agency, Make make) {
  ACCORD_RETURN_IF_ERROR(AgencyNeeded(agency));
  ACCORD_ASSIGN_OR_RETURN(const auto view, parts.sequencer.View());
  const auto directory = parts.directory.Get();
  const auto policy = parts.policy.Get();
  const auto sealed = SealedReaderOf(*view);
  return make(CheckListSources{view->store(), sealed, *directory, *policy, parts.clock.Now()});
}

template <typename Response>
absl::Status ShowItems(absl::StatusOr<std::vector<admin::v1::CheckListItem>> items, Response& response) {
  if (!items.ok()) return items.status();
  for (auto& item : *items) *response.add_items() = std::move(item);
  return absl::OkStatus();
}

absl::Status ShowConnection(const AdminParts& parts, const std::string& agency, admin::v1::CheckConnectionResponse& response) {
  ACCORD_RETURN_IF_ERROR(AgencyNeeded(agency));
  if (parts.directory.Get()->FindAgency(agency) == nullptr) {
    return Error(Reason::kPrincipalNotFound, fmt::format("agency/{} is not enrolled", agency), {{"principal", fmt::format("agency/{}", agency)}});
  }
  const ConnectionRegister::Seen seen = parts.connections.Of(agency);
  response.set_last_call_ms(MillisOrNever(seen.last_call));
  response.set_last_refused_ms(MillisOrNever(seen.last_refused));
  response.set_last_refusal(seen.last_refusal);
  response.set_certificate_until_ms(MillisOrNever(seen.certificate_until));
  response.set_last_alert_ms(MillisOrNever(seen.last_alert));
  for (const auto desk : {type::v1::DESK_MAIN, type::v1::DESK_CONFIDENTIAL}) {
    response.set_streams(response.streams() + static_cast<uint32_t>(parts.mailboxes.listeners({agency, desk})));
    response.set_waiting(response.waiting() + parts.mailboxes.depth({agency, desk}));
  }
  return absl::OkStatus();
}

// An officer as it counts, or counted, when it was shut out or not.
admin::v1::PutOfficer ShowOfficer(bool suspended, const std::string& key, const storage::v1::StoredOfficer& officer) {
  admin::v1::PutOfficer shown;
  const std::string inspectors = OfficerKey(true, "");
  shown.set_inspector(key.starts_with(inspectors));
  shown.set_id(key.substr(OfficerKey(shown.inspector(), "").size()));
  shown.set_active(officer.active() && !suspended);
  shown.set_suspended(suspended);
  shown.set_valid_from_ms(officer.valid_from_ms());
  if (!shown.inspector()) {
    for (const auto role : RolesOf(officer)) shown.add_roles(role);
  }
  shown.set_inspectorate(officer.inspectorate());
  shown.set_sealing_certificate(officer.sealing_certificate());
  return shown;
}

// A page of `officers`; `suspended` says who of them is, or was, shut out.
template <typename IsSuspended>
absl::Status FillOfficers(const std::map<std::string, storage::v1::StoredOfficer, std::less<>>& officers, IsSuspended suspended,
                          const admin::v1::ListOfficersRequest& request, admin::v1::ListOfficersResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kOfficersPageDefault));
  const std::string query = request.as_at_ms() == 0 ? PageQuery(kListOfficers, {}) : PageQuery(kListOfficers, {fmt::to_string(request.as_at_ms())});
  ACCORD_ASSIGN_OR_RETURN(const std::optional<std::string> after, ReadPageToken(request.page_token(), query));
  std::string last;
  for (auto row = officers.upper_bound(after.value_or("")); row != officers.end(); ++row) {
    if (response.officers_size() == size) {
      response.set_next_page_token(MakePageToken(query, last));
      break;
    }
    *response.add_officers() = ShowOfficer(suspended(row->first), row->first, row->second);
    last = row->first;
  }
  return absl::OkStatus();
}

absl::Status ShowOfficers(const AdminParts& parts, const admin::v1::ListOfficersRequest& request, admin::v1::ListOfficersResponse& response) {
  if (request.as_at_ms() < 0) return Error(Reason::kFieldInvalid, "as_at_ms: negative", {{"field", "as_at_ms"}});
  if (request.as_at_ms() == 0) {
    const auto directory = parts.directory.Get();
    return FillOfficers(directory->officers(), [&](const std::string& key) { return directory->IsSuspended(key); }, request, response);
  }
  const absl::Time at = absl::FromUnixMillis(request.as_at_ms());
  ACCORD_ASSIGN_OR_RETURN(const auto view, parts.sequencer.View());
  ACCORD_ASSIGN_OR_RETURN(const auto officers, OfficersAt(*view, at));
  ACCORD_ASSIGN_OR_RETURN(const Suspensions suspended, SuspensionsAt(*view, at));
  return FillOfficers(officers, [&](const std::string& key) { return suspended.contains(key); }, request, response);
}

// What ends a call whose command leads to an entry alone.
template <typename Response>
SuspensionDone FinishWithIndex(Response* response, bool dry_run, Answer answer) {
  return [response, dry_run, answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable {
    if (index.ok() && !dry_run) response->set_index(*index);
    answer(index.status());
  };
}

// What both methods of suspension do.
template <typename Request, typename Response>
void Suspend(const AdminParts& parts, const BrokerCall& call, const Request& request, admin::v1::SuspensionReason reason, Response* response, Answer answer) {
  if (const absl::Status id = CheckRequestIdOf(request.request_id()); !id.ok()) return answer(id);
  if (request.principal().empty()) return answer(FieldNeeded("principal"));
  parts.sequencer.Submit(JudgedAlone(request.dry_run(), std::make_unique<SuspensionCommand>(
      parts.directory, Administrator{call.caller.id, call.caller.certificate}, request.request_id(), request.principal(), reason, parts.suspended,
      FinishWithIndex(response, request.dry_run(), std::move(answer)))));
}

}  // namespace

grpc::ServerUnaryReactor* AdminService::GetChange(grpc::CallbackServerContext* context, const admin::v1::GetChangeRequest* request,
                                                  admin::v1::GetChangeResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kGetChange, [this, request, response](const BrokerCall& call, Answer answer) {
    const auto view = parts_.sequencer.View();
    answer(view.ok() ? ShowChange(**view, *parts_.directory.Get(), call.caller.id, parts_.clock.Now(), *request, *response) : view.status());
  });
}

grpc::ServerUnaryReactor* AdminService::SuspendPrincipal(grpc::CallbackServerContext* context, const admin::v1::SuspendPrincipalRequest* request,
                                                         admin::v1::SuspendPrincipalResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kSuspendPrincipal, [this, request, response](const BrokerCall& call, Answer answer) {
    if (request->reason() == admin::v1::SUSPENSION_REASON_UNSPECIFIED) return answer(FieldNeeded("reason"));
    if (!admin::v1::SuspensionReason_IsValid(request->reason())) {
      return answer(Error(Reason::kEnumUnknown, "reason: not of the published list", {{"field", "reason"}}));
    }
    Suspend(parts_, call, *request, request->reason(), response, std::move(answer));
  });
}

grpc::ServerUnaryReactor* AdminService::ReinstatePrincipal(grpc::CallbackServerContext* context, const admin::v1::ReinstatePrincipalRequest* request,
                                                           admin::v1::ReinstatePrincipalResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kReinstatePrincipal, [this, request, response](const BrokerCall& call, Answer answer) {
    Suspend(parts_, call, *request, admin::v1::SUSPENSION_REASON_UNSPECIFIED, response, std::move(answer));
  });
}

grpc::ServerUnaryReactor* AdminService::GetOnboarding(grpc::CallbackServerContext* context, const admin::v1::GetOnboardingRequest* request,
                                                      admin::v1::GetOnboardingResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kGetOnboarding, [this, request, response](const BrokerCall&, Answer answer) {
    const ConnectionRegister::Seen seen = parts_.connections.Of(request->agency());
    answer(ShowItems(WithSources(parts_, request->agency(),
                                 [&](const CheckListSources& sources) {
                                   return OnboardingOf(sources, request->agency(), {seen.last_call.has_value(), seen.last_alert.has_value()});
                                 }),
                     *response));
  });
}

grpc::ServerUnaryReactor* AdminService::GetLeaving(grpc::CallbackServerContext* context, const admin::v1::GetLeavingRequest* request,
                                                   admin::v1::GetLeavingResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kGetLeaving, [this, request, response](const BrokerCall&, Answer answer) {
    answer(ShowItems(WithSources(parts_, request->agency(),
                                 [&](const CheckListSources& sources) { return LeavingOf(sources, request->agency()); }),
                     *response));
  });
}

grpc::ServerUnaryReactor* AdminService::CheckConnection(grpc::CallbackServerContext* context, const admin::v1::CheckConnectionRequest* request,
                                                        admin::v1::CheckConnectionResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kCheckConnection, [this, request, response](const BrokerCall&, Answer answer) {
    answer(ShowConnection(parts_, request->agency(), *response));
  });
}

grpc::ServerUnaryReactor* AdminService::SetMaintenance(grpc::CallbackServerContext* context, const admin::v1::SetMaintenanceRequest* request,
                                                       admin::v1::SetMaintenanceResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kSetMaintenance, [this, request, response](const BrokerCall& call, Answer answer) {
    if (const absl::Status id = CheckRequestIdOf(request->request_id()); !id.ok()) return answer(id);
    parts_.sequencer.Submit(JudgedAlone(request->dry_run(), std::make_unique<SetMaintenanceCommand>(
        parts_.directory, Administrator{call.caller.id, call.caller.certificate}, request->request_id(), request->on(), request->until_ms(),
        FinishWithIndex(response, request->dry_run(), std::move(answer)))));
  });
}

grpc::ServerUnaryReactor* AdminService::ListOfficers(grpc::CallbackServerContext* context, const admin::v1::ListOfficersRequest* request,
                                                     admin::v1::ListOfficersResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kListOfficers, [this, request, response](const BrokerCall&, Answer answer) {
    answer(ShowOfficers(parts_, *request, *response));
  });
}

}  // namespace accord::broker

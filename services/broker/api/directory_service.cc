#include "services/broker/api/directory_service.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/referral/header.h"
#include "common/referral/validate.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/api/past_directory.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/history.h"
#include "services/broker/directory/maintenance.h"
#include "services/broker/directory/support.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

constexpr std::string_view kListAgencies = "/accord.admin.v1.DirectoryService/ListAgencies";
constexpr std::string_view kPublishSupport = "/accord.admin.v1.DirectoryService/PublishSupport";
constexpr int kAgenciesPageDefault = 100;

// The row as it is shown: whether it is shut out, and with what the agency published, while that holds and the agency is active.
absl::StatusOr<admin::v1::Agency> Show(const AgencyRow& row, const DirectorySnapshot& directory, const ReadView& view, absl::Time now) {
  admin::v1::Agency agency = row.agency;
  agency.set_suspended(directory.IsSuspended(PrincipalName(options::v1::CALLER_AGENCY, agency.id())));
  if (!agency.active()) return agency;
  ACCORD_ASSIGN_OR_RETURN(auto published, SupportInForce(PlainReaderOf(view), agency.id(), now));
  if (published.has_value()) *agency.mutable_support() = std::move(*published->mutable_support());
  return agency;
}

// Of the agencies after `after`, by id; `shown` gives what is shown of one. A page begins after an id, so that it goes on where it was although
// agencies came meanwhile; directory_epoch says whether any did.
template <typename Agencies, typename Shown>
absl::Status FillPage(const Agencies& agencies, Shown shown, const admin::v1::ListAgenciesRequest& request, admin::v1::ListAgenciesResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kAgenciesPageDefault));
  const std::string query = request.as_at_ms() == 0 ? PageQuery(kListAgencies, {}) : PageQuery(kListAgencies, {std::to_string(request.as_at_ms())});
  ACCORD_ASSIGN_OR_RETURN(const std::optional<std::string> after, ReadPageToken(request.page_token(), query));
  size_t bytes = 0;
  for (auto row = agencies.upper_bound(after.value_or("")); row != agencies.end(); ++row) {
    if (response.agencies_size() == size || bytes >= kPageBytesMax) {
      response.set_next_page_token(MakePageToken(query, response.agencies(response.agencies_size() - 1).id()));
      break;
    }
    absl::StatusOr<admin::v1::Agency> agency = shown(row->second);
    if (!agency.ok()) return agency.status();
    bytes += agency->ByteSizeLong();
    *response.add_agencies() = *std::move(agency);
  }
  return absl::OkStatus();
}

absl::Status FillAgencies(const DirectorySnapshot& directory, const ReadView& view, absl::Time now, const Caller& caller,
                          const admin::v1::ListAgenciesRequest& request, admin::v1::ListAgenciesResponse& response) {
  if (request.as_at_ms() < 0) return Error(Reason::kFieldInvalid, "as_at_ms: negative", {{"field", "as_at_ms"}});
  response.set_directory_epoch(directory.epoch());
  ACCORD_ASSIGN_OR_RETURN(const auto maintenance, MaintenanceUnderWay(PlainReaderOf(view)));
  if (maintenance.has_value()) {
    response.set_maintenance_since_ms(maintenance->since_ms());
    response.set_maintenance_until_ms(maintenance->until_ms());
  }
  if (request.as_at_ms() == 0) {
    return FillPage(directory.agencies(), [&](const AgencyRow& row) { return Show(row, directory, view, now); }, request, response);
  }
  const absl::Time at = absl::FromUnixMillis(request.as_at_ms());
  ACCORD_ASSIGN_OR_RETURN(const auto agencies, AgenciesAt(view.store(), at));
  // Told to administrators alone: it costs a look at every entry of their chain, which must not be any agency's to ask for again and again.
  Suspensions suspended;
  if (caller.kind == options::v1::CALLER_ADMIN) {
    ACCORD_ASSIGN_OR_RETURN(suspended, SuspensionsAt(view, at));
  }
  const auto shown = [&](admin::v1::Agency agency) -> absl::StatusOr<admin::v1::Agency> {
    agency.set_suspended(suspended.contains(PrincipalName(options::v1::CALLER_AGENCY, agency.id())));
    return agency;
  };
  return FillPage(agencies, shown, request, response);
}

absl::StatusOr<SupportAct> ActOfCall(const admin::v1::PublishSupportRequest& request) {
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
  if (request.worker().pseudonym().size() > referral::kPseudonymBytesMax) {
    return Error(Reason::kFieldInvalid, "worker.pseudonym is too long", {{"field", "worker.pseudonym"}});
  }
  return SupportAct{request.request_id(), request.support(), request.worker()};
}

}  // namespace

grpc::ServerUnaryReactor* DirectoryService::ListAgencies(grpc::CallbackServerContext* context,
                                                         const admin::v1::ListAgenciesRequest* request,
                                                         admin::v1::ListAgenciesResponse* response) {
  return HandleRecorded(*context, shared_, refusals_, kListAgencies,
                        [this, request, response](const BrokerCall& call, Answer answer) {
                          answer([&]() -> absl::Status {
                            ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
                            return FillAgencies(*directory_.Get(), *view, clock_.Now(), call.caller, *request, *response);
                          }());
                        });
}

grpc::ServerUnaryReactor* DirectoryService::PublishSupport(grpc::CallbackServerContext* context,
                                                           const admin::v1::PublishSupportRequest* request,
                                                           admin::v1::PublishSupportResponse* response) {
  return HandleRecorded(*context, shared_, refusals_, kPublishSupport, [this, request, response](const BrokerCall& call, Answer answer) {
    auto act = ActOfCall(*request);
    if (!act.ok()) return answer(act.status());
    sequencer_.Submit(std::make_unique<PublishSupportCommand>(
        call.caller, *std::move(act), [response, answer = std::move(answer)](absl::StatusOr<storage::v1::StoredSupport> standing) mutable {
          if (standing.ok()) {
            response->set_index(standing->index());
            *response->mutable_support() = std::move(*standing->mutable_support());
          }
          answer(standing.status());
        }));
  });
}

}  // namespace accord::broker

#include "services/broker/api/directory_service.h"

#include <optional>
#include <string>

#include "common/base/status.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"

namespace accord::broker {
namespace {

constexpr std::string_view kListAgencies = "/accord.admin.v1.DirectoryService/ListAgencies";
constexpr int kAgenciesPageDefault = 100;

// A page begins after an id, so that it goes on where it was although agencies came meanwhile; directory_epoch says whether
// any did.
absl::Status List(const DirectorySnapshot& directory, const admin::v1::ListAgenciesRequest& request,
                  admin::v1::ListAgenciesResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kAgenciesPageDefault));
  const std::string query = PageQuery(kListAgencies, {});
  ACCORD_ASSIGN_OR_RETURN(const std::optional<std::string> after, ReadPageToken(request.page_token(), query));
  response.set_directory_epoch(directory.epoch());
  const auto& agencies = directory.agencies();
  size_t bytes = 0;
  for (auto row = agencies.upper_bound(after.value_or("")); row != agencies.end(); ++row) {
    if (response.agencies_size() == size || bytes >= kPageBytesMax) {
      response.set_next_page_token(MakePageToken(query, response.agencies(response.agencies_size() - 1).id()));
      break;
    }
    *response.add_agencies() = row->second.agency;
    bytes += row->second.agency.ByteSizeLong();
  }
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* DirectoryService::ListAgencies(grpc::CallbackServerContext* context,
                                                         const admin::v1::ListAgenciesRequest* request,
                                                         admin::v1::ListAgenciesResponse* response) {
  return HandleRecorded(*context, shared_, refusals_, kListAgencies,
                        [this, request, response](const BrokerCall&, Answer answer) {
                          answer(List(*directory_.Get(), *request, *response));
                        });
}

}  // namespace accord::broker

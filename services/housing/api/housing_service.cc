#include "services/housing/api/housing_service.h"

#include "common/agent_rpc/inbox_service.h"
#include "common/agent_rpc/push.h"
#include "common/agent_rpc/work.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/validate.h"
#include "services/housing/mapping.h"
#include "services/housing/notice.h"

namespace accord::housing {
namespace {

constexpr agent_rpc::PushMethod kReferOn("/accord.housing.v1.HousingService/ReferOn", MapOnward);

// The notice that `request` names, of which something is to be done.
template <typename Request>
absl::StatusOr<agent::InboxEntry> NoticeNamed(const agent::Inbox& inbox, const Request& request) {
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
  ACCORD_ASSIGN_OR_RETURN(const std::string digest, referral::ParseReferralName(request.notice(), "notice"));
  ACCORD_ASSIGN_OR_RETURN(agent::InboxEntry entry, inbox.Get(digest));
  ACCORD_RETURN_IF_ERROR(RequireNotice(entry));
  return entry;
}

}  // namespace

agent_rpc::PushCalls HousingService::Pushes() {
  return {kReferOn};
}

grpc::ServerUnaryReactor* HousingService::ReferOn(grpc::CallbackServerContext* context,
                                                  const v1::ReferOnRequest* request,
                                                  v1::ReferOnResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kReferOn, *request, *response);
}

grpc::ServerUnaryReactor* HousingService::ListHousingNotices(grpc::CallbackServerContext* context,
                                                             const v1::ListHousingNoticesRequest* request,
                                                             v1::ListHousingNoticesResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.housing.v1.HousingService/ListHousingNotices",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              ACCORD_ASSIGN_OR_RETURN(const int size, agent_rpc::PageSize(request->page_size()));
                              ACCORD_ASSIGN_OR_RETURN(const uint64_t before, agent_rpc::ParsePageToken(request->page_token()));
                              ACCORD_ASSIGN_OR_RETURN(const auto entries, runtime_.inbox().List(before, size));
                              for (const auto& entry : entries) {
                                if (IsNotice(entry)) *response->add_notices() = SummaryOf(entry);
                              }
                              if (static_cast<int>(entries.size()) == size && entries.back().stored.sequence() > 1) {
                                response->set_next_page_token(agent_rpc::MakePageToken(entries.back().stored.sequence()));
                              }
                              return absl::OkStatus();
                            }());
                          });
}

grpc::ServerUnaryReactor* HousingService::ReadHousingNotice(grpc::CallbackServerContext* context,
                                                            const v1::ReadHousingNoticeRequest* request,
                                                            v1::ReadHousingNoticeResponse* response) {
  return agent_rpc::HandleWork(*context, runtime_, "/accord.housing.v1.HousingService/ReadHousingNotice", *request, agent_rpc::Journalled::kByAct,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_ASSIGN_OR_RETURN(const auto named, NoticeNamed(runtime_.inbox(), *request));
                      ACCORD_ASSIGN_OR_RETURN(const auto sections,
                                              runtime_.inbox().Read(request->request_id(), named.header_digest, request->worker()));
                      ACCORD_ASSIGN_OR_RETURN(const auto entry, runtime_.inbox().Get(named.header_digest));  // As it stands now.
                      *response->mutable_notice() = NoticeOf(entry, sections, runtime_.keys().agency);
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* HousingService::OpenApplication(grpc::CallbackServerContext* context,
                                                          const v1::OpenApplicationRequest* request,
                                                          v1::OpenApplicationResponse* response) {
  return agent_rpc::HandleWork(*context, runtime_, "/accord.housing.v1.HousingService/OpenApplication", *request, agent_rpc::Journalled::kByAct,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_ASSIGN_OR_RETURN(const auto named, NoticeNamed(runtime_.inbox(), *request));
                      ACCORD_ASSIGN_OR_RETURN(const auto entry,
                                              runtime_.inbox().Act(request->request_id(), named.header_digest, request->worker(),
                                                                   type::v1::STATEMENT_KIND_ACCEPTED, [](type::v1::Statement&) {}));
                      *response->mutable_notice() = SummaryOf(entry);
                      return absl::OkStatus();
                    });
}

}  // namespace accord::housing

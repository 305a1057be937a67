#include "common/agent_rpc/retention_service.h"

#include "common/agent_rpc/inbox_service.h"
#include "common/agent_rpc/work.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/validate.h"

namespace accord::agent_rpc {
namespace {

agency::v1::AgencyHold ToHold(const agent::AgencyHold& hold) {
  agency::v1::AgencyHold row;
  row.set_hold(hold.id);
  row.set_ground(hold.stored.ground());
  row.set_authority(hold.stored.authority());
  row.set_review_at_ms(hold.stored.review_at_ms());
  row.set_set_at_ms(hold.stored.set_at_ms());
  row.set_lifted_at_ms(hold.stored.lifted_at_ms());
  row.set_received_at_ms(hold.stored.received_at_ms());
  row.set_referrals(hold.stored.referrals());
  row.set_answer(hold.stored.answer());
  row.set_erased_at_ms(hold.stored.erased_at_ms());
  row.set_answered_at_ms(hold.stored.answered_at_ms());
  row.set_by_person(hold.stored.by_person());
  if (hold.stored.has_receipt()) *row.mutable_receipt() = hold.stored.receipt();
  return row;
}

}  // namespace

grpc::ServerUnaryReactor* RetentionService::EraseReferral(grpc::CallbackServerContext* context,
                                                          const agency::v1::EraseReferralRequest* request,
                                                          agency::v1::EraseReferralResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.RetentionService/EraseReferral", *request, Journalled::kByCall,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      ACCORD_ASSIGN_OR_RETURN(const std::string digest, referral::ParseReferralName(request->referral()));
                      ACCORD_ASSIGN_OR_RETURN(const int64_t erased, runtime_.holds().Erase(digest, request->worker()));
                      response->set_erased_at_ms(erased);
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* RetentionService::ListAgencyHolds(grpc::CallbackServerContext* context,
                                                            const agency::v1::ListAgencyHoldsRequest* request,
                                                            agency::v1::ListAgencyHoldsResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.RetentionService/ListAgencyHolds",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
                              ACCORD_ASSIGN_OR_RETURN(const std::string after, ParseTextPageToken(request->page_token()));
                              ACCORD_ASSIGN_OR_RETURN(const auto holds, runtime_.holds().List(after, size));
                              for (const auto& hold : holds) *response->add_holds() = ToHold(hold);
                              if (static_cast<int>(holds.size()) == size) response->set_next_page_token(ToBase64(holds.back().id));
                              return absl::OkStatus();
                            }());
                          });
}

grpc::ServerUnaryReactor* RetentionService::AnswerAgencyHold(grpc::CallbackServerContext* context,
                                                             const agency::v1::AnswerAgencyHoldRequest* request,
                                                             agency::v1::AnswerAgencyHoldResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.RetentionService/AnswerAgencyHold", *request, Journalled::kByCall,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      ACCORD_ASSIGN_OR_RETURN(const auto hold, runtime_.holds().Answer(request->request_id(), request->hold(), request->answer(),
                                                                                      request->erased_at_ms(), request->worker()));
                      *response->mutable_hold() = ToHold(hold);
                      return absl::OkStatus();
                    });
}

}  // namespace accord::agent_rpc

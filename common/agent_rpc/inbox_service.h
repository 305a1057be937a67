// The InboxService of every agency service: converts, and calls the runtime's inbox.
#pragma once

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"

namespace accord::agent_rpc {

// An inbox entry as the API shows it, with who has it.
agency::v1::InboxItem ToItem(const AgencyRuntime& runtime, const agent::InboxEntry& entry);
// 1 to 500; 0 means 50. FIELD_INVALID otherwise.
absl::StatusOr<int> PageSize(int32_t asked);
// The sequence a page token stands for, 0 for the first page; PAGE_TOKEN_INVALID.
absl::StatusOr<uint64_t> ParsePageToken(std::string_view token);
// The same where the place is a text, which the token has as base64; empty for the first page.
absl::StatusOr<std::string> ParseTextPageToken(std::string_view token);
std::string MakePageToken(uint64_t sequence);

// Thread-safe.
class InboxService final : public agency::v1::InboxService::CallbackService {
 public:
  explicit InboxService(AgencyRuntime& runtime) : runtime_(runtime) {}

  grpc::ServerUnaryReactor* ListInbox(grpc::CallbackServerContext*, const agency::v1::ListInboxRequest*,
                                      agency::v1::ListInboxResponse*) override;
  grpc::ServerUnaryReactor* SearchInbox(grpc::CallbackServerContext*, const agency::v1::SearchInboxRequest*,
                                        agency::v1::SearchInboxResponse*) override;
  grpc::ServerUnaryReactor* AssignReferral(grpc::CallbackServerContext*, const agency::v1::AssignReferralRequest*,
                                           agency::v1::AssignReferralResponse*) override;
  grpc::ServerUnaryReactor* ReadReferral(grpc::CallbackServerContext*, const agency::v1::ReadReferralRequest*,
                                         agency::v1::ReadReferralResponse*) override;
  grpc::ServerUnaryReactor* AcceptReferral(grpc::CallbackServerContext*, const agency::v1::AcceptReferralRequest*,
                                           agency::v1::AcceptReferralResponse*) override;
  grpc::ServerUnaryReactor* DeclineReferral(grpc::CallbackServerContext*, const agency::v1::DeclineReferralRequest*,
                                            agency::v1::DeclineReferralResponse*) override;
  grpc::ServerUnaryReactor* DecideReferral(grpc::CallbackServerContext*, const agency::v1::DecideReferralRequest*,
                                           agency::v1::DecideReferralResponse*) override;
  grpc::ServerUnaryReactor* RecordReferralOutcome(grpc::CallbackServerContext*,
                                                  const agency::v1::RecordReferralOutcomeRequest*,
                                                  agency::v1::RecordReferralOutcomeResponse*) override;
  grpc::ServerUnaryReactor* ReturnReferral(grpc::CallbackServerContext*, const agency::v1::ReturnReferralRequest*,
                                           agency::v1::ReturnReferralResponse*) override;
  grpc::ServerUnaryReactor* RedirectReferral(grpc::CallbackServerContext*, const agency::v1::RedirectReferralRequest*,
                                             agency::v1::RedirectReferralResponse*) override;
  grpc::ServerUnaryReactor* RecordReferralAction(grpc::CallbackServerContext*, const agency::v1::RecordReferralActionRequest*,
                                                 agency::v1::RecordReferralActionResponse*) override;
  grpc::ServerUnaryReactor* CloseReferral(grpc::CallbackServerContext*, const agency::v1::CloseReferralRequest*,
                                          agency::v1::CloseReferralResponse*) override;
  grpc::ServerUnaryReactor* RecordForumStep(grpc::CallbackServerContext*, const agency::v1::RecordForumStepRequest*,
                                            agency::v1::RecordForumStepResponse*) override;
  grpc::ServerUnaryReactor* AnswerCheck(grpc::CallbackServerContext*, const agency::v1::AnswerCheckRequest*,
                                        agency::v1::AnswerCheckResponse*) override;
  grpc::ServerUnaryReactor* AnswerReferralChange(grpc::CallbackServerContext*, const agency::v1::AnswerReferralChangeRequest*,
                                                 agency::v1::AnswerReferralChangeResponse*) override;
  grpc::ServerUnaryReactor* ListToday(grpc::CallbackServerContext*, const agency::v1::ListTodayRequest*,
                                      agency::v1::ListTodayResponse*) override;
  grpc::ServerUnaryReactor* ListNotices(grpc::CallbackServerContext*, const agency::v1::ListNoticesRequest*,
                                        agency::v1::ListNoticesResponse*) override;

 private:
  AgencyRuntime& runtime_;
};

}  // namespace accord::agent_rpc

// The BrokerLink over gRPC.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <vector>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "accord/broker/v1/case_service.grpc.pb.h"
#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "accord/broker/v1/mailbox_service.grpc.pb.h"
#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "accord/broker/v1/sharing_service.grpc.pb.h"
#include "accord/inspection/v1/disclosure_service.grpc.pb.h"
#include "common/agent/broker_link.h"

namespace accord::agent_rpc {

// Thread-safe.
class GrpcBrokerLink : public agent::BrokerLink {
 public:
  // `channel` from rpc::MakeChannel, which checks who answers.
  explicit GrpcBrokerLink(const std::shared_ptr<grpc::Channel>& channel);

  absl::StatusOr<broker::v1::PreviewReferralResponse> Preview(const broker::v1::PreviewReferralRequest&) override;
  absl::StatusOr<broker::v1::SubmitReferralResponse> Submit(const broker::v1::SubmitReferralRequest&) override;
  absl::StatusOr<broker::v1::RespondToReferralResponse> Respond(const broker::v1::RespondToReferralRequest&) override;
  absl::StatusOr<broker::v1::RecordOutcomeResponse> RecordOutcome(const broker::v1::RecordOutcomeRequest&) override;
  absl::StatusOr<broker::v1::ChangeConsentResponse> ChangeConsent(const broker::v1::ChangeConsentRequest&) override;
  absl::StatusOr<broker::v1::CorrectReferralResponse> Correct(const broker::v1::CorrectReferralRequest&) override;
  absl::StatusOr<broker::v1::RecallReferralResponse> Recall(const broker::v1::RecallReferralRequest&) override;
  absl::StatusOr<broker::v1::WithdrawReferralResponse> Withdraw(const broker::v1::WithdrawReferralRequest&) override;
  absl::StatusOr<broker::v1::ResealReferralResponse> Reseal(const broker::v1::ResealReferralRequest&) override;
  absl::StatusOr<broker::v1::RegradeReferralResponse> Regrade(const broker::v1::RegradeReferralRequest&) override;
  absl::StatusOr<broker::v1::RecordReviewResponse> RecordReview(const broker::v1::RecordReviewRequest&) override;
  absl::StatusOr<broker::v1::GetHoldersResponse> GetHolders(const broker::v1::GetHoldersRequest&) override;
  absl::StatusOr<broker::v1::AnswerHoldResponse> AnswerHold(const broker::v1::AnswerHoldRequest&) override;
  absl::StatusOr<broker::v1::ListDeadLettersResponse> ListDeadLetters(const broker::v1::ListDeadLettersRequest&) override;
  absl::StatusOr<broker::v1::RequeueDeadLetterResponse> RequeueDeadLetter(const broker::v1::RequeueDeadLetterRequest&) override;
  absl::StatusOr<broker::v1::DiscardDeadLetterResponse> DiscardDeadLetter(const broker::v1::DiscardDeadLetterRequest&) override;
  absl::StatusOr<broker::v1::ReplayMailboxResponse> ReplayMailbox(const broker::v1::ReplayMailboxRequest&) override;
  absl::StatusOr<broker::v1::GetCaseHistoryResponse> GetCaseHistory(const broker::v1::GetCaseHistoryRequest&) override;
  absl::StatusOr<broker::v1::ListLinkProposalsResponse> ListLinkProposals(const broker::v1::ListLinkProposalsRequest&) override;
  absl::StatusOr<broker::v1::AnswerLinkProposalResponse> AnswerLinkProposal(const broker::v1::AnswerLinkProposalRequest&) override;
  absl::StatusOr<broker::v1::GetReferralResponse> GetReferral(const broker::v1::GetReferralRequest&) override;
  absl::StatusOr<inspection::v1::ListDisclosuresResponse> ListDisclosures(const inspection::v1::ListDisclosuresRequest&) override;
  absl::StatusOr<inspection::v1::GetDisclosureResponse> GetDisclosure(const inspection::v1::GetDisclosureRequest&) override;
  absl::StatusOr<inspection::v1::AnswerDisclosureResponse> AnswerDisclosure(const inspection::v1::AnswerDisclosureRequest&) override;
  absl::StatusOr<broker::v1::ReportAlertResponse> ReportAlert(const broker::v1::ReportAlertRequest&) override;
  absl::StatusOr<type::v1::Receipt> GetReceipt(uint64_t index) override;
  absl::StatusOr<std::string> GetCheckpoint() override;
  absl::StatusOr<std::string> GetPublishedCheckpoint() override;
  absl::StatusOr<bool> Cosign(const std::string& note) override;
  absl::StatusOr<bool> ReportFork(const std::string& note) override;
  absl::StatusOr<std::vector<std::string>> ProveConsistency(uint64_t old_size, uint64_t new_size) override;
  absl::StatusOr<std::vector<admin::v1::Agency>> ListAgencies() override;
  absl::Status UploadSection(const std::string& request_id, const std::string& digest, const std::string& cms) override;
  absl::StatusOr<std::string> FetchSection(const broker::v1::FetchSectionRequest& request) override;
  absl::StatusOr<admin::v1::PublishSupportResponse> PublishSupport(const admin::v1::PublishSupportRequest&) override;
  absl::StatusOr<std::shared_ptr<Mailbox>> OpenMailbox(type::v1::Desk desk, uint32_t credit) override;

 private:
  std::unique_ptr<broker::v1::ReferralService::Stub> referrals_;
  std::unique_ptr<broker::v1::SharingService::Stub> sharing_;
  std::unique_ptr<broker::v1::MailboxService::Stub> mailboxes_;
  std::unique_ptr<broker::v1::CaseService::Stub> cases_;
  std::unique_ptr<broker::v1::LedgerService::Stub> ledger_;
  std::unique_ptr<inspection::v1::DisclosureService::Stub> disclosures_;
  std::unique_ptr<admin::v1::DirectoryService::Stub> directory_;
};

}  // namespace accord::agent_rpc

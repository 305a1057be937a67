#include "common/agent_rpc/grpc_broker_link.h"

#include <absl/time/time.h>

#include <type_traits>
#include <utility>

#include "common/agent/waiting.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/referral/section.h"
#include "common/rpc/client.h"

namespace accord::agent_rpc {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(20);
constexpr int kDirectoryPage = 500;

using MailboxStream = grpc::ClientReaderWriter<broker::v1::OpenMailboxRequest, broker::v1::OpenMailboxResponse>;

// What broke on the way has gRPC's code and words alone: to who called us it is BROKER_UNREACHABLE, and no fault of ours.
absl::Status OfBroker(const absl::Status& ended) {
  return agent::DidNotAnswer(ended) ? Error(Reason::kBrokerUnreachable, FromAbsl(ended.message())) : ended;
}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> CallBroker(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                    const std::type_identity_t<Request>& request) {
  auto response = rpc::CallUnary(stub, method, request, kCallTimeout);
  if (!response.ok()) return OfBroker(response.status());
  return response;
}

class GrpcMailbox : public agent::BrokerLink::Mailbox {
 public:
  explicit GrpcMailbox(broker::v1::MailboxService::Stub& stub) : stream_(stub.OpenMailbox(&context_)) {}
  ~GrpcMailbox() override {
    context_.TryCancel();
    if (!finished_) stream_->Finish();
  }

  absl::StatusOr<broker::v1::OpenMailboxResponse> Receive() override {
    broker::v1::OpenMailboxResponse response;
    if (stream_->Read(&response)) return response;
    finished_ = true;
    const absl::Status ended = OfBroker(rpc::FromGrpc(stream_->Finish()));
    return ended.ok() ? Error(Reason::kBrokerUnreachable, "the broker ended the mailbox's stream") : ended;
  }
  bool Say(const broker::v1::OpenMailboxRequest& request) override { return stream_->Write(request); }
  void Cancel() override { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<MailboxStream> stream_;
  bool finished_ = false;
};

}  // namespace

GrpcBrokerLink::GrpcBrokerLink(const std::shared_ptr<grpc::Channel>& channel)
    : referrals_(broker::v1::ReferralService::NewStub(channel)),
      sharing_(broker::v1::SharingService::NewStub(channel)),
      mailboxes_(broker::v1::MailboxService::NewStub(channel)),
      cases_(broker::v1::CaseService::NewStub(channel)),
      ledger_(broker::v1::LedgerService::NewStub(channel)),
      disclosures_(inspection::v1::DisclosureService::NewStub(channel)),
      directory_(admin::v1::DirectoryService::NewStub(channel)) {}

absl::StatusOr<broker::v1::PreviewReferralResponse> GrpcBrokerLink::Preview(
    const broker::v1::PreviewReferralRequest& request) {
  return CallBroker(*referrals_, &broker::v1::ReferralService::Stub::PreviewReferral, request);
}
absl::StatusOr<broker::v1::SubmitReferralResponse> GrpcBrokerLink::Submit(
    const broker::v1::SubmitReferralRequest& request) {
  return CallBroker(*referrals_, &broker::v1::ReferralService::Stub::SubmitReferral, request);
}
absl::StatusOr<broker::v1::RespondToReferralResponse> GrpcBrokerLink::Respond(
    const broker::v1::RespondToReferralRequest& request) {
  return CallBroker(*referrals_, &broker::v1::ReferralService::Stub::RespondToReferral, request);
}
absl::StatusOr<broker::v1::RecordOutcomeResponse> GrpcBrokerLink::RecordOutcome(
    const broker::v1::RecordOutcomeRequest& request) {
  return CallBroker(*referrals_, &broker::v1::ReferralService::Stub::RecordOutcome, request);
}

absl::StatusOr<broker::v1::ChangeConsentResponse> GrpcBrokerLink::ChangeConsent(
    const broker::v1::ChangeConsentRequest& request) {
  return CallBroker(*referrals_, &broker::v1::ReferralService::Stub::ChangeConsent, request);
}
absl::StatusOr<broker::v1::CorrectReferralResponse> GrpcBrokerLink::Correct(
    const broker::v1::CorrectReferralRequest& request) {
  return CallBroker(*referrals_, &broker::v1::ReferralService::Stub::CorrectReferral, request);
}
absl::StatusOr<broker::v1::RecallReferralResponse> GrpcBrokerLink::Recall(
    const broker::v1::RecallReferralRequest& request) {
  return CallBroker(*referrals_, &broker::v1::ReferralService::Stub::RecallReferral, request);
}
absl::StatusOr<broker::v1::WithdrawReferralResponse> GrpcBrokerLink::Withdraw(const broker::v1::WithdrawReferralRequest& request) {
  return CallBroker(*referrals_, &broker::v1::ReferralService::Stub::WithdrawReferral, request);
}
absl::StatusOr<broker::v1::ResealReferralResponse> GrpcBrokerLink::Reseal(const broker::v1::ResealReferralRequest& request) {
  return CallBroker(*referrals_, &broker::v1::ReferralService::Stub::ResealReferral, request);
}

absl::StatusOr<broker::v1::RegradeReferralResponse> GrpcBrokerLink::Regrade(const broker::v1::RegradeReferralRequest& request) {
  return CallBroker(*referrals_, &broker::v1::ReferralService::Stub::RegradeReferral, request);
}
absl::StatusOr<broker::v1::RecordReviewResponse> GrpcBrokerLink::RecordReview(
    const broker::v1::RecordReviewRequest& request) {
  return CallBroker(*sharing_, &broker::v1::SharingService::Stub::RecordReview, request);
}
absl::StatusOr<broker::v1::GetHoldersResponse> GrpcBrokerLink::GetHolders(const broker::v1::GetHoldersRequest& request) {
  return CallBroker(*sharing_, &broker::v1::SharingService::Stub::GetHolders, request);
}

absl::StatusOr<broker::v1::AnswerHoldResponse> GrpcBrokerLink::AnswerHold(const broker::v1::AnswerHoldRequest& request) {
  return CallBroker(*mailboxes_, &broker::v1::MailboxService::Stub::AnswerHold, request);
}

absl::StatusOr<broker::v1::GetCaseHistoryResponse> GrpcBrokerLink::GetCaseHistory(const broker::v1::GetCaseHistoryRequest& request) {
  return CallBroker(*cases_, &broker::v1::CaseService::Stub::GetCaseHistory, request);
}
absl::StatusOr<broker::v1::ListLinkProposalsResponse> GrpcBrokerLink::ListLinkProposals(const broker::v1::ListLinkProposalsRequest& request) {
  return CallBroker(*cases_, &broker::v1::CaseService::Stub::ListLinkProposals, request);
}
absl::StatusOr<broker::v1::AnswerLinkProposalResponse> GrpcBrokerLink::AnswerLinkProposal(const broker::v1::AnswerLinkProposalRequest& request) {
  return CallBroker(*cases_, &broker::v1::CaseService::Stub::AnswerLinkProposal, request);
}

absl::StatusOr<broker::v1::GetReferralResponse> GrpcBrokerLink::GetReferral(const broker::v1::GetReferralRequest& request) {
  return CallBroker(*referrals_, &broker::v1::ReferralService::Stub::GetReferral, request);
}
absl::StatusOr<inspection::v1::ListDisclosuresResponse> GrpcBrokerLink::ListDisclosures(const inspection::v1::ListDisclosuresRequest& request) {
  return CallBroker(*disclosures_, &inspection::v1::DisclosureService::Stub::ListDisclosures, request);
}
absl::StatusOr<inspection::v1::GetDisclosureResponse> GrpcBrokerLink::GetDisclosure(const inspection::v1::GetDisclosureRequest& request) {
  return CallBroker(*disclosures_, &inspection::v1::DisclosureService::Stub::GetDisclosure, request);
}
absl::StatusOr<inspection::v1::AnswerDisclosureResponse> GrpcBrokerLink::AnswerDisclosure(
    const inspection::v1::AnswerDisclosureRequest& request) {
  return CallBroker(*disclosures_, &inspection::v1::DisclosureService::Stub::AnswerDisclosure, request);
}
absl::StatusOr<broker::v1::ReportAlertResponse> GrpcBrokerLink::ReportAlert(const broker::v1::ReportAlertRequest& request) {
  return CallBroker(*mailboxes_, &broker::v1::MailboxService::Stub::ReportAlert, request);
}

absl::StatusOr<broker::v1::ListDeadLettersResponse> GrpcBrokerLink::ListDeadLetters(const broker::v1::ListDeadLettersRequest& request) {
  return CallBroker(*mailboxes_, &broker::v1::MailboxService::Stub::ListDeadLetters, request);
}
absl::StatusOr<broker::v1::RequeueDeadLetterResponse> GrpcBrokerLink::RequeueDeadLetter(
    const broker::v1::RequeueDeadLetterRequest& request) {
  return CallBroker(*mailboxes_, &broker::v1::MailboxService::Stub::RequeueDeadLetter, request);
}
absl::StatusOr<broker::v1::DiscardDeadLetterResponse> GrpcBrokerLink::DiscardDeadLetter(
    const broker::v1::DiscardDeadLetterRequest& request) {
  return CallBroker(*mailboxes_, &broker::v1::MailboxService::Stub::DiscardDeadLetter, request);
}
absl::StatusOr<broker::v1::ReplayMailboxResponse> GrpcBrokerLink::ReplayMailbox(const broker::v1::ReplayMailboxRequest& request) {
  return CallBroker(*mailboxes_, &broker::v1::MailboxService::Stub::ReplayMailbox, request);
}

absl::StatusOr<type::v1::Receipt> GrpcBrokerLink::GetReceipt(uint64_t index) {
  broker::v1::GetReceiptRequest request;
  request.set_index(index);
  ACCORD_ASSIGN_OR_RETURN(auto response, CallBroker(*ledger_, &broker::v1::LedgerService::Stub::GetReceipt, request));
  return std::move(*response.mutable_receipt());
}

absl::StatusOr<std::string> GrpcBrokerLink::GetCheckpoint() {
  ACCORD_ASSIGN_OR_RETURN(auto response,
                          CallBroker(*ledger_, &broker::v1::LedgerService::Stub::GetCheckpoint, {}));
  return std::move(*response.mutable_checkpoint());
}

absl::StatusOr<std::string> GrpcBrokerLink::GetPublishedCheckpoint() {
  broker::v1::GetCheckpointRequest request;
  request.set_choice(broker::v1::CHECKPOINT_CHOICE_PUBLISHED);
  ACCORD_ASSIGN_OR_RETURN(auto response, CallBroker(*ledger_, &broker::v1::LedgerService::Stub::GetCheckpoint, request));
  return std::move(*response.mutable_checkpoint());
}

absl::StatusOr<bool> GrpcBrokerLink::Cosign(const std::string& note) {
  broker::v1::CosignRequest request;
  request.set_request_id("cosign");
  request.set_checkpoint(note);
  ACCORD_ASSIGN_OR_RETURN(const auto response, CallBroker(*ledger_, &broker::v1::LedgerService::Stub::Cosign, request));
  return response.quorum();
}

absl::StatusOr<bool> GrpcBrokerLink::ReportFork(const std::string& note) {
  broker::v1::ReportForkRequest request;
  request.set_request_id("report-fork");
  request.set_checkpoint(note);
  ACCORD_ASSIGN_OR_RETURN(const auto response, CallBroker(*ledger_, &broker::v1::LedgerService::Stub::ReportFork, request));
  return response.forked();
}

absl::StatusOr<std::vector<std::string>> GrpcBrokerLink::ProveConsistency(uint64_t old_size, uint64_t new_size) {
  broker::v1::ProveConsistencyRequest request;
  request.set_old_size(old_size);
  request.set_new_size(new_size);
  ACCORD_ASSIGN_OR_RETURN(const auto response, CallBroker(*ledger_, &broker::v1::LedgerService::Stub::ProveConsistency, request));
  return std::vector<std::string>(response.path().begin(), response.path().end());
}

absl::StatusOr<std::vector<admin::v1::Agency>> GrpcBrokerLink::ListAgencies() {
  std::vector<admin::v1::Agency> agencies;
  admin::v1::ListAgenciesRequest request;
  request.set_page_size(kDirectoryPage);
  do {
    ACCORD_ASSIGN_OR_RETURN(auto response, CallBroker(*directory_, &admin::v1::DirectoryService::Stub::ListAgencies, request));
    for (auto& agency : *response.mutable_agencies()) agencies.push_back(std::move(agency));
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return agencies;
}

absl::Status GrpcBrokerLink::UploadSection(const std::string& request_id, const std::string& digest, const std::string& cms) {
  grpc::ClientContext context;
  rpc::SetTimeout(context, agent::kTransferTimeout);
  broker::v1::UploadSectionResponse response;
  const auto stream = referrals_->UploadSection(&context, &response);
  broker::v1::UploadSectionRequest request;
  request.set_request_id(request_id);
  request.set_digest(digest);
  for (size_t at = 0; at < cms.size(); at += referral::kSectionChunkBytesMax) {
    request.set_chunk(cms.substr(at, referral::kSectionChunkBytesMax));
    if (!stream->Write(request)) break;  // It was refused: Finish says why.
    request.Clear();
  }
  stream->WritesDone();
  return OfBroker(rpc::FromGrpc(stream->Finish()));
}

absl::StatusOr<std::string> GrpcBrokerLink::FetchSection(const broker::v1::FetchSectionRequest& request) {
  grpc::ClientContext context;
  rpc::SetTimeout(context, agent::kTransferTimeout);
  const auto stream = mailboxes_->FetchSection(&context, request);
  std::string cms;
  broker::v1::FetchSectionResponse response;
  while (stream->Read(&response)) {
    if (response.chunk().size() > referral::kSealedSectionBytesMax - cms.size()) {
      context.TryCancel();
      stream->Finish();
      return Error(Reason::kSectionMalformed, "a section is larger than any may be");
    }
    cms += response.chunk();
  }
  if (const absl::Status ended = OfBroker(rpc::FromGrpc(stream->Finish())); !ended.ok()) return ended;
  return cms;
}

absl::StatusOr<admin::v1::PublishSupportResponse> GrpcBrokerLink::PublishSupport(const admin::v1::PublishSupportRequest& request) {
  return CallBroker(*directory_, &admin::v1::DirectoryService::Stub::PublishSupport, request);
}

absl::StatusOr<std::shared_ptr<agent::BrokerLink::Mailbox>> GrpcBrokerLink::OpenMailbox(type::v1::Desk desk,
                                                                                        uint32_t credit) {
  auto mailbox = std::make_shared<GrpcMailbox>(*mailboxes_);
  broker::v1::OpenMailboxRequest open;
  open.mutable_open()->set_desk(desk);
  open.mutable_open()->set_credit(credit);
  if (!mailbox->Say(open)) return Error(Reason::kBrokerUnreachable, "the mailbox's stream did not open");
  return mailbox;
}

}  // namespace accord::agent_rpc

// What an agency's service asks of the broker, without the wire: implemented over gRPC by
// common/agent_rpc and by a fake in tests. The messages are those of accord.broker.v1, which is what
// travels; the runtime keeps and re-sends them byte for byte.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"
#include "accord/broker/v1/case_service.pb.h"
#include "accord/broker/v1/ledger_service.pb.h"
#include "accord/broker/v1/mailbox_service.pb.h"
#include "accord/broker/v1/referral_service.pb.h"
#include "accord/broker/v1/sharing_service.pb.h"
#include "accord/inspection/v1/disclosure_service.pb.h"
#include "common/base/status.h"

namespace accord::agent {

// Whether `refusal` of a signed statement is one that sending the same again cannot change.
inline bool IsDefiniteRefusal(const absl::Status& refusal) {
  const absl::StatusCode code = refusal.code();
  return code == absl::StatusCode::kInvalidArgument || code == absl::StatusCode::kFailedPrecondition ||
         code == absl::StatusCode::kAlreadyExists || code == absl::StatusCode::kNotFound || code == absl::StatusCode::kUnimplemented ||
         HasReason(refusal, Reason::kNotPermitted) || HasReason(refusal, Reason::kSenderMismatch) || HasReason(refusal, Reason::kSelfReview);
}

inline constexpr absl::Duration kTransferTimeout = absl::Seconds(120);  // Of one section: 8 MiB at half a megabit a second.

// Errors are those of docs/errors.md; BROKER_UNREACHABLE (UNAVAILABLE) when there is no answer, which
// says nothing of whether the request was carried out. All calls block, at most 20 s but where another time is said. Thread-safe.
class BrokerLink {
 public:
  virtual ~BrokerLink() = default;

  virtual absl::StatusOr<broker::v1::PreviewReferralResponse> Preview(const broker::v1::PreviewReferralRequest&) = 0;
  virtual absl::StatusOr<broker::v1::SubmitReferralResponse> Submit(const broker::v1::SubmitReferralRequest&) = 0;
  virtual absl::StatusOr<broker::v1::RespondToReferralResponse> Respond(
      const broker::v1::RespondToReferralRequest&) = 0;
  virtual absl::StatusOr<broker::v1::RecordOutcomeResponse> RecordOutcome(
      const broker::v1::RecordOutcomeRequest&) = 0;
  virtual absl::StatusOr<broker::v1::ChangeConsentResponse> ChangeConsent(const broker::v1::ChangeConsentRequest&) = 0;
  virtual absl::StatusOr<broker::v1::CorrectReferralResponse> Correct(const broker::v1::CorrectReferralRequest&) = 0;
  virtual absl::StatusOr<broker::v1::RecallReferralResponse> Recall(const broker::v1::RecallReferralRequest&) = 0;
  virtual absl::StatusOr<broker::v1::WithdrawReferralResponse> Withdraw(const broker::v1::WithdrawReferralRequest&) = 0;
  virtual absl::StatusOr<broker::v1::RegradeReferralResponse> Regrade(const broker::v1::RegradeReferralRequest&) = 0;
  virtual absl::StatusOr<broker::v1::ResealReferralResponse> Reseal(const broker::v1::ResealReferralRequest&) = 0;
  virtual absl::StatusOr<broker::v1::RecordReviewResponse> RecordReview(const broker::v1::RecordReviewRequest&) = 0;
  virtual absl::StatusOr<broker::v1::GetHoldersResponse> GetHolders(const broker::v1::GetHoldersRequest&) = 0;
  virtual absl::StatusOr<broker::v1::AnswerHoldResponse> AnswerHold(const broker::v1::AnswerHoldRequest&) = 0;
  virtual absl::StatusOr<broker::v1::ListDeadLettersResponse> ListDeadLetters(const broker::v1::ListDeadLettersRequest&) = 0;
  virtual absl::StatusOr<broker::v1::RequeueDeadLetterResponse> RequeueDeadLetter(const broker::v1::RequeueDeadLetterRequest&) = 0;
  virtual absl::StatusOr<broker::v1::DiscardDeadLetterResponse> DiscardDeadLetter(const broker::v1::DiscardDeadLetterRequest&) = 0;
  virtual absl::StatusOr<broker::v1::ReplayMailboxResponse> ReplayMailbox(const broker::v1::ReplayMailboxRequest&) = 0;
  virtual absl::StatusOr<broker::v1::GetCaseHistoryResponse> GetCaseHistory(const broker::v1::GetCaseHistoryRequest&) = 0;
  virtual absl::StatusOr<broker::v1::ListLinkProposalsResponse> ListLinkProposals(const broker::v1::ListLinkProposalsRequest&) = 0;
  virtual absl::StatusOr<broker::v1::AnswerLinkProposalResponse> AnswerLinkProposal(const broker::v1::AnswerLinkProposalRequest&) = 0;
  // A referral as we may see it; of our own with how its recipients stand. Each is an entry of the log.
  virtual absl::StatusOr<broker::v1::GetReferralResponse> GetReferral(const broker::v1::GetReferralRequest&) = 0;
  // Uploads a sealed section for the submission, act or answer `request_id`, ahead of it; `digest`: SHA-256 of `cms`. Blocks up to kTransferTimeout.
  virtual absl::Status UploadSection(const std::string& request_id, const std::string& digest, const std::string& cms) = 0;
  // The sealed bytes of a section that was delivered by its digest, unverified; at most referral::kSealedSectionBytesMax. Likewise.
  virtual absl::StatusOr<std::string> FetchSection(const broker::v1::FetchSectionRequest&) = 0;
  // What inspectors ask of this agency's desk, and its answers.
  virtual absl::StatusOr<inspection::v1::ListDisclosuresResponse> ListDisclosures(const inspection::v1::ListDisclosuresRequest&) = 0;
  virtual absl::StatusOr<inspection::v1::GetDisclosureResponse> GetDisclosure(const inspection::v1::GetDisclosureRequest&) = 0;
  virtual absl::StatusOr<inspection::v1::AnswerDisclosureResponse> AnswerDisclosure(const inspection::v1::AnswerDisclosureRequest&) = 0;
  // Tells that our alert was run about a delivery.
  virtual absl::StatusOr<broker::v1::ReportAlertResponse> ReportAlert(const broker::v1::ReportAlertRequest&) = 0;
  // The receipt of an entry at the newest checkpoint.
  virtual absl::StatusOr<type::v1::Receipt> GetReceipt(uint64_t index) = 0;
  // The newest signed checkpoint.
  virtual absl::StatusOr<std::string> GetCheckpoint() = 0;
  // The newest published checkpoint, with whatever cosignatures it has. CHECKPOINT_NOT_FOUND before the first.
  virtual absl::StatusOr<std::string> GetPublishedCheckpoint() = 0;
  // Hands in a note with our cosignature. True when the checkpoint now meets the broker's quorum.
  virtual absl::StatusOr<bool> Cosign(const std::string& note) = 0;
  // Shows the broker a checkpoint that does not fit its log. True when it says that it is forked.
  virtual absl::StatusOr<bool> ReportFork(const std::string& note) = 0;
  // The consistency path, 32 bytes each.
  virtual absl::StatusOr<std::vector<std::string>> ProveConsistency(uint64_t old_size, uint64_t new_size) = 0;
  // The whole directory of agencies.
  virtual absl::StatusOr<std::vector<admin::v1::Agency>> ListAgencies() = 0;
  // Publishes whom this agency takes.
  virtual absl::StatusOr<admin::v1::PublishSupportResponse> PublishSupport(const admin::v1::PublishSupportRequest&) = 0;

  // An open mailbox. Destroying it ends the stream.
  class Mailbox {
   public:
    virtual ~Mailbox() = default;
    // The next message; blocks until there is one or Cancel() is called. Any error: the stream has ended.
    virtual absl::StatusOr<broker::v1::OpenMailboxResponse> Receive() = 0;
    // False when the stream has ended.
    virtual bool Say(const broker::v1::OpenMailboxRequest& request) = 0;
    // Ends the stream from another thread.
    virtual void Cancel() = 0;
  };
  // Receive is called from one thread, Say from the same one.
  virtual absl::StatusOr<std::shared_ptr<Mailbox>> OpenMailbox(type::v1::Desk desk, uint32_t credit) = 0;
};

}  // namespace accord::agent

// An agency's calls on the broker, over a channel that loses, delays and doubles what is said.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/agent/broker_link.h"
#include "common/base/status.h"
#include "services/broker/directory/access.h"
#include "tests/simulation/sim_broker.h"
#include "tests/simulation/world.h"

namespace accord::simulation {

// How bad the weather is. All: once in so many messages; 0 never.
struct Weather {
  uint64_t drop = 0, late = 0, twice = 0;
};

// Both directions between one agency and the broker. Nothing keeps the order of what is said: each message takes its own time.
//
// Single-thread.
class Channel {
 public:
  explicit Channel(World& world) : world_(world) {}

  void SetWeather(const Weather& weather) { weather_ = weather; }
  // Cut off: nothing arrives, either way.
  void Cut(bool cut) { cut_ = cut; }
  bool cut() const { return cut_; }

  // Runs `arrive` once for each time that the message arrives; never if it is lost.
  void Carry(std::function<void()> arrive);

 private:
  World& world_;
  Weather weather_;
  bool cut_ = false;
};

// The calls of one agency. What is late comes after its caller has given up: so it may be carried out beside, or after, the same call
// made again.
class SimLink : public agent::BrokerLink {
 public:
  SimLink(World& world, SimBroker& broker, Channel& channel, std::string_view agency, Actor actor);

  // The agency's process died: every call ends at once.
  void Kill() { alive_ = false; }

  absl::StatusOr<broker::v1::PreviewReferralResponse> Preview(const broker::v1::PreviewReferralRequest&) override;
  absl::StatusOr<broker::v1::SubmitReferralResponse> Submit(const broker::v1::SubmitReferralRequest&) override;
  absl::StatusOr<broker::v1::RespondToReferralResponse> Respond(const broker::v1::RespondToReferralRequest&) override;
  absl::StatusOr<broker::v1::RecordOutcomeResponse> RecordOutcome(const broker::v1::RecordOutcomeRequest&) override;
  absl::StatusOr<broker::v1::ChangeConsentResponse> ChangeConsent(const broker::v1::ChangeConsentRequest&) override;
  absl::StatusOr<broker::v1::CorrectReferralResponse> Correct(const broker::v1::CorrectReferralRequest&) override;
  absl::StatusOr<broker::v1::RecallReferralResponse> Recall(const broker::v1::RecallReferralRequest&) override;
  absl::StatusOr<broker::v1::WithdrawReferralResponse> Withdraw(const broker::v1::WithdrawReferralRequest&) override;
  absl::StatusOr<type::v1::Receipt> GetReceipt(uint64_t index) override;
  absl::StatusOr<std::string> GetCheckpoint() override;
  absl::StatusOr<std::vector<std::string>> ProveConsistency(uint64_t old_size, uint64_t new_size) override;
  absl::StatusOr<std::vector<admin::v1::Agency>> ListAgencies() override;

  // What nobody in the simulation asks for.
  absl::StatusOr<broker::v1::RecordReviewResponse> RecordReview(const broker::v1::RecordReviewRequest&) override { return Unasked(); }
  absl::StatusOr<broker::v1::RegradeReferralResponse> Regrade(const broker::v1::RegradeReferralRequest&) override { return Unasked(); }
  absl::StatusOr<broker::v1::ResealReferralResponse> Reseal(const broker::v1::ResealReferralRequest&) override { return Unasked(); }
  absl::StatusOr<broker::v1::GetHoldersResponse> GetHolders(const broker::v1::GetHoldersRequest&) override { return Unasked(); }
  absl::StatusOr<broker::v1::AnswerHoldResponse> AnswerHold(const broker::v1::AnswerHoldRequest&) override { return Unasked(); }
  absl::StatusOr<broker::v1::ListDeadLettersResponse> ListDeadLetters(const broker::v1::ListDeadLettersRequest&) override { return Unasked(); }
  absl::StatusOr<broker::v1::RequeueDeadLetterResponse> RequeueDeadLetter(const broker::v1::RequeueDeadLetterRequest&) override {
    return Unasked();
  }
  absl::StatusOr<broker::v1::DiscardDeadLetterResponse> DiscardDeadLetter(const broker::v1::DiscardDeadLetterRequest&) override {
    return Unasked();
  }
  absl::StatusOr<broker::v1::ReplayMailboxResponse> ReplayMailbox(const broker::v1::ReplayMailboxRequest&) override { return Unasked(); }
  absl::StatusOr<broker::v1::GetCaseHistoryResponse> GetCaseHistory(const broker::v1::GetCaseHistoryRequest&) override { return Unasked(); }
  absl::StatusOr<broker::v1::ListLinkProposalsResponse> ListLinkProposals(const broker::v1::ListLinkProposalsRequest&) override { return Unasked(); }
  absl::StatusOr<broker::v1::AnswerLinkProposalResponse> AnswerLinkProposal(const broker::v1::AnswerLinkProposalRequest&) override { return Unasked(); }
  absl::StatusOr<broker::v1::GetReferralResponse> GetReferral(const broker::v1::GetReferralRequest&) override { return Unasked(); }
  absl::Status UploadSection(const std::string&, const std::string&, const std::string&) override { return Unasked(); }
  absl::StatusOr<std::string> FetchSection(const broker::v1::FetchSectionRequest&) override { return Unasked(); }
  absl::StatusOr<inspection::v1::ListDisclosuresResponse> ListDisclosures(const inspection::v1::ListDisclosuresRequest&) override { return Unasked(); }
  absl::StatusOr<inspection::v1::GetDisclosureResponse> GetDisclosure(const inspection::v1::GetDisclosureRequest&) override { return Unasked(); }
  absl::StatusOr<inspection::v1::AnswerDisclosureResponse> AnswerDisclosure(const inspection::v1::AnswerDisclosureRequest&) override { return Unasked(); }
  absl::StatusOr<broker::v1::ReportAlertResponse> ReportAlert(const broker::v1::ReportAlertRequest&) override { return Unasked(); }
  absl::StatusOr<admin::v1::PublishSupportResponse> PublishSupport(const admin::v1::PublishSupportRequest&) override { return Unasked(); }
  absl::StatusOr<std::string> GetPublishedCheckpoint() override { return Unasked(); }
  absl::StatusOr<bool> Cosign(const std::string&) override { return Unasked(); }
  absl::StatusOr<bool> ReportFork(const std::string&) override { return Unasked(); }
  absl::StatusOr<std::shared_ptr<Mailbox>> OpenMailbox(type::v1::Desk, uint32_t) override { return Unasked(); }

 private:
  template <typename Response>
  using Answer = std::function<void(absl::StatusOr<Response>)>;
  // What the broker does with a request that arrived; `answer` may be called later.
  template <typename Response>
  using Handler = std::function<void(SimBroker& broker, const accord::broker::Caller& caller, Answer<Response> answer)>;

  static absl::Status Unasked() { return absl::UnimplementedError("nobody in the simulation asks for it"); }
  static absl::Status Unreachable() { return Error(Reason::kBrokerUnreachable, "no answer from the broker"); }

  // One call: at most 20 seconds, during which the others go on.
  template <typename Response>
  absl::StatusOr<Response> Call(Handler<Response> handle);
  // A recipient's statement.
  template <typename Response, typename Request>
  absl::StatusOr<Response> Say(const Request& request);

  World& world_;
  SimBroker& broker_;
  Channel& channel_;
  const accord::broker::Caller caller_;
  const Actor actor_;
  bool alive_ = true;
};

}  // namespace accord::simulation

#include "common/agent/cases.h"

#include "common/base/status.h"

namespace accord::agent {

absl::StatusOr<broker::v1::ListLinkProposalsResponse> Cases::ListLinks(const broker::v1::ListLinkProposalsRequest& request) {
  ACCORD_ASSIGN_OR_RETURN(auto page, broker_.ListLinkProposals(request));
  for (const auto& proposal : page.proposals()) {
    if (proposal.answer() != type::v1::LINK_ANSWER_UNSPECIFIED) ACCORD_RETURN_IF_ERROR(notices_.SettleLink(proposal.name()));
  }
  return page;
}

absl::Status Cases::Answer(const broker::v1::AnswerLinkProposalRequest& request) {
  ACCORD_RETURN_IF_ERROR(alarm_.Check());
  ACCORD_ASSIGN_OR_RETURN(const auto response, broker_.AnswerLinkProposal(request));
  ACCORD_ASSIGN_OR_RETURN(const auto verified, log_.Verify(response.receipt(), type::v1::EVENT_TYPE_LINK_ANSWERED, ""));
  if (verified.event.link_answer() != request.answer()) {
    return alarm_.Raise(Error(Reason::kReceiptInvalid, "the receipt is of another answer"), {response.receipt().SerializeAsString()});
  }
  return notices_.SettleLink(request.name());
}

}  // namespace accord::agent

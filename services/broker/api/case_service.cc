#include "services/broker/api/case_service.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/header.h"
#include "common/referral/referral_name.h"
#include "common/referral/validate.h"
#include "common/storage/store.h"
#include "services/broker/api/case_history_call.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/api/receipt.h"
#include "services/broker/cases/answer_link.h"
#include "services/broker/cases/links.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sequencer/record_command.h"

namespace accord::broker {
namespace {

constexpr std::string_view kListLinkProposals = "/accord.broker.v1.CaseService/ListLinkProposals";
constexpr std::string_view kAnswerLinkProposal = "/accord.broker.v1.CaseService/AnswerLinkProposal";
constexpr int kProposalPageDefault = 50;
constexpr size_t kReferralsShownMax = 10;     // Of each case of a proposal.
constexpr size_t kProposalRowsScanned = 500;  // Of one page: of what the caller was told of it may hold nothing any more.

absl::Status InvalidCase(const char* field, std::string_view why) { return Error(Reason::kFieldInvalid, why, {{"field", field}}); }

// The proposal as the caller may see it; nothing when it does not hold both cases any more.
absl::StatusOr<std::optional<v1::LinkProposal>> ShowProposal(const ReadView& view, const Caller& caller, uint64_t number) {
  const auto read = PlainReaderOf(view);
  const auto read_sealed = SealedReaderOf(view);
  ACCORD_ASSIGN_OR_RETURN(const auto link, LoadLink(read, number));
  if (!link.has_value()) return std::nullopt;
  v1::LinkProposal proposal;
  const auto add = [&](const std::string& pseudonym, google::protobuf::RepeatedPtrField<std::string>& names) -> absl::Status {
    ACCORD_ASSIGN_OR_RETURN(const auto held, ReferralsHeld(read, read_sealed, pseudonym, caller.id, kReferralsShownMax));
    for (const std::string& digest : held) *names.Add() = referral::ReferralName(digest);
    return absl::OkStatus();
  };
  ACCORD_RETURN_IF_ERROR(add(link->one(), *proposal.mutable_one()));
  ACCORD_RETURN_IF_ERROR(add(link->other(), *proposal.mutable_other()));
  if (proposal.one().empty() || proposal.other().empty()) return std::nullopt;
  proposal.set_name(LinkName(number));
  proposal.set_strength(link->strength());
  proposal.set_proposed_at_ms(link->proposed_at_ms());
  proposal.set_answer(link->answer());
  proposal.set_answered_at_ms(link->answered_at_ms());
  proposal.set_answered_by(link->answered_by());
  return proposal;
}

absl::Status ReadProposals(const ReadView& view, const Caller& caller, const v1::ListLinkProposalsRequest& request,
                           v1::ListLinkProposalsResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kProposalPageDefault));
  const std::string query = PageQuery(kListLinkProposals, {caller.principal});
  ACCORD_ASSIGN_OR_RETURN(const auto position, ReadPageToken(request.page_token(), query));
  // What cases there are is the main desk's to judge (links.h).
  if (!IsDeskOf(caller, type::v1::DESK_MAIN)) return absl::OkStatus();
  const std::string prefix = LinkPartyPrefix(caller.id);
  storage::Range range = accord::storage::Prefix(prefix);
  if (position.has_value()) {
    if (position->size() != sizeof(uint64_t)) return PageTokenInvalid();
    range.lower = prefix + *position + '\0';
  }
  std::vector<std::string> rows;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyLinkIndex, range, [&](std::string_view key, std::string_view) {
    rows.emplace_back(key.substr(prefix.size()));
    return rows.size() <= kProposalRowsScanned;
  }));
  for (size_t at = 0; at < rows.size(); ++at) {
    const bool last = at + 1 == rows.size() && rows.size() <= kProposalRowsScanned;
    ACCORD_ASSIGN_OR_RETURN(auto proposal, ShowProposal(view, caller, ~U64FromKey(rows[at]).value_or(0)));
    if (proposal.has_value()) *response.add_proposals() = *std::move(proposal);
    if (last) return absl::OkStatus();
    if (response.proposals_size() == size || at + 1 == kProposalRowsScanned) {
      response.set_next_page_token(MakePageToken(query, rows[at]));
      return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<LinkAct> ActOf(const v1::AnswerLinkProposalRequest& request) {
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
  if (request.worker().pseudonym().size() > referral::kPseudonymBytesMax) return InvalidCase("worker.pseudonym", "worker.pseudonym is too long");
  ACCORD_ASSIGN_OR_RETURN(const uint64_t link, ParseLinkName(request.name()));
  return LinkAct{request.request_id(), link, request.answer(), request.worker()};
}

}  // namespace

grpc::ServerUnaryReactor* CaseService::GetCaseHistory(grpc::CallbackServerContext* context, const v1::GetCaseHistoryRequest* request,
                                                      v1::GetCaseHistoryResponse* response) {
  return HandleGetCaseHistory(*context, shared_, {work_.sequencer, work_.linker, work_.policy, work_.refusals, work_.clock}, *request, *response);
}

grpc::ServerUnaryReactor* CaseService::ListLinkProposals(grpc::CallbackServerContext* context, const v1::ListLinkProposalsRequest* request,
                                                         v1::ListLinkProposalsResponse* response) {
  return HandleRecorded(*context, shared_, work_.refusals, kListLinkProposals, [this, request, response](const BrokerCall& call, Answer answer) {
    const absl::Status listed = [&]() -> absl::Status {
      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
      ACCORD_ASSIGN_OR_RETURN(const auto view, work_.sequencer.View());
      return ReadProposals(*view, call.caller, *request, *response);
    }();
    if (!listed.ok()) return answer(listed);
    EntryDraft entry;
    entry.event.set_type(type::v1::EVENT_TYPE_REFERRAL_READ);
    entry.event.set_method(std::string(kListLinkProposals));
    entry.actor = ActorOf(call.caller);
    work_.sequencer.Submit(std::make_unique<RecordCommand>(
        call.caller.principal, std::move(entry),
        [answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable { answer(index.status()); }));
  });
}

grpc::ServerUnaryReactor* CaseService::AnswerLinkProposal(grpc::CallbackServerContext* context, const v1::AnswerLinkProposalRequest* request,
                                                          v1::AnswerLinkProposalResponse* response) {
  return HandleRecorded(*context, shared_, work_.refusals, kAnswerLinkProposal, [this, request, response](const BrokerCall& call, Answer answer) {
    auto act = ActOf(*request);
    if (!act.ok()) return answer(act.status());
    work_.sequencer.Submit(std::make_unique<AnswerLinkCommand>(
        call.caller, *std::move(act), work_.directory,
        [this, response, caller = call.caller, answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable {
          answer([&]() -> absl::Status {
            ACCORD_RETURN_IF_ERROR(index.status());
            ACCORD_ASSIGN_OR_RETURN(*response->mutable_receipt(), ReceiptOf(work_.sequencer, *index, caller));
            return absl::OkStatus();
          }());
        }));
  });
}

}  // namespace accord::broker

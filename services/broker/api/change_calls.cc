#include "services/broker/api/change_calls.h"

#include <memory>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/referral/validate.h"
#include "services/broker/admission/consent_change.h"
#include "services/broker/admission/correction.h"
#include "services/broker/admission/recall.h"
#include "services/broker/admission/regrade.h"
#include "services/broker/admission/reseal.h"
#include "services/broker/admission/withdraw.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/receipt.h"
#include "services/broker/api/recipient_status.h"

namespace accord::broker {
namespace {

constexpr std::string_view kStatementSuffix = ".statement";  // Of a correction's request id: that of its statement.

ActWork ActsOf(const ReferralWork& work) { return {work.directory, work.policy, work.mailboxes}; }

// The signed statement of `kind` that a request brought.
absl::StatusOr<VerifiedStatement> Verify(const ReferralWork& work, const Caller& caller, std::string_view request_id,
                                         const type::v1::SignedPayload& document, type::v1::StatementKind kind) {
  ACCORD_ASSIGN_OR_RETURN(auto verified, VerifyStatement(*work.directory.Get(), caller, request_id, document, work.clock.Now()));
  if (verified.statement.kind() != kind) {
    return Error(Reason::kFieldInvalid, "this method does not take a statement of that kind", {{"field", "statement.kind"}});
  }
  return verified;
}

// What the answers have that say until when holders are to answer.
template <typename Response>
void Fill(const Said& said, Response& response) {
  response.set_statement_digest(said.digest);
  response.set_index(said.index);
  for (const auto& told : said.told) {
    auto& row = *response.add_told();
    row.set_agency(told.agency());
    row.set_desk(told.desk());
    row.set_due_at_ms(told.due_at_ms());
  }
  for (const std::string& agency : said.not_told) response.add_not_told(agency);
  for (const std::string& agency : said.stopped) response.add_stopped(agency);
}

template <typename Response>
SaidDone AnswerWith(const ReferralWork& work, const Caller& caller, Response& response, Answer answer) {
  return [&work, caller, &response, answer = std::move(answer)](absl::StatusOr<Said> said) mutable {
    answer([&]() -> absl::Status {
      ACCORD_RETURN_IF_ERROR(said);
      Fill(*said, response);
      ACCORD_ASSIGN_OR_RETURN(*response.mutable_receipt(), ReceiptOf(work.sequencer, said->index, caller));
      return absl::OkStatus();
    }());
  };
}

}  // namespace

grpc::ServerUnaryReactor* HandleChangeConsent(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const ReferralWork& work,
                                              const v1::ChangeConsentRequest& request, v1::ChangeConsentResponse& response) {
  return HandleRecorded(
      context, shared, work.refusals, "/accord.broker.v1.ReferralService/ChangeConsent",
      [&work, &request, &response](const BrokerCall& call, Answer answer) {
        std::vector<referral::Opened<type::v1::TagPart>> tags;
        auto verified = [&]() -> absl::StatusOr<VerifiedStatement> {
          ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
          answer.SetSignatureDigest(referral::DigestOf(request.statement()));
          ACCORD_ASSIGN_OR_RETURN(auto statement, Verify(work, call.caller, request.request_id(), request.statement(),
                                                         type::v1::STATEMENT_KIND_CONSENT_CHANGE));
          const std::vector<type::v1::Opening> openings(request.openings().begin(), request.openings().end());
          ACCORD_ASSIGN_OR_RETURN(tags, referral::OpenTags(statement.statement, openings));
          return statement;
        }();
        if (!verified.ok()) return answer(verified.status());
        work.sequencer.Submit(std::make_unique<ChangeConsentCommand>(*std::move(verified), std::move(tags), ActsOf(work),
                                                                     AnswerWith(work, call.caller, response, std::move(answer))));
      });
}

grpc::ServerUnaryReactor* HandleRecallReferral(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const ReferralWork& work,
                                               const v1::RecallReferralRequest& request, v1::RecallReferralResponse& response) {
  return HandleRecorded(
      context, shared, work.refusals, "/accord.broker.v1.ReferralService/RecallReferral",
      [&work, &request, &response](const BrokerCall& call, Answer answer) {
        auto verified = [&]() -> absl::StatusOr<VerifiedStatement> {
          ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
          answer.SetSignatureDigest(referral::DigestOf(request.statement()));
          return Verify(work, call.caller, request.request_id(), request.statement(), type::v1::STATEMENT_KIND_RECALL);
        }();
        if (!verified.ok()) return answer(verified.status());
        work.sequencer.Submit(std::make_unique<RecallCommand>(*std::move(verified), work.linker, ActsOf(work),
                                                              AnswerWith(work, call.caller, response, std::move(answer))));
      });
}

grpc::ServerUnaryReactor* HandleWithdrawReferral(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const ReferralWork& work,
                                                 const v1::WithdrawReferralRequest& request, v1::WithdrawReferralResponse& response) {
  return HandleRecorded(
      context, shared, work.refusals, "/accord.broker.v1.ReferralService/WithdrawReferral",
      [&work, &request, &response](const BrokerCall& call, Answer answer) {
        auto verified = [&]() -> absl::StatusOr<VerifiedStatement> {
          ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
          answer.SetSignatureDigest(referral::DigestOf(request.statement()));
          return Verify(work, call.caller, request.request_id(), request.statement(), type::v1::STATEMENT_KIND_WITHDRAWN);
        }();
        if (!verified.ok()) return answer(verified.status());
        SaidDone done = [&work, caller = call.caller, &response, answer = std::move(answer)](absl::StatusOr<Said> said) mutable {
          answer([&]() -> absl::Status {
            ACCORD_RETURN_IF_ERROR(said);
            response.set_statement_digest(said->digest);
            response.set_index(said->index);
            for (const auto& told : said->told) response.add_told(told.agency());
            for (const std::string& agency : said->stopped) response.add_stopped(agency);
            response.set_repeated_request(said->repeated);
            ACCORD_ASSIGN_OR_RETURN(*response.mutable_receipt(), ReceiptOf(work.sequencer, said->index, caller));
            return absl::OkStatus();
          }());
        };
        work.sequencer.Submit(std::make_unique<WithdrawCommand>(*std::move(verified), ActsOf(work), std::move(done)));
      });
}

grpc::ServerUnaryReactor* HandleRegradeReferral(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const ReferralWork& work,
                                                const v1::RegradeReferralRequest& request, v1::RegradeReferralResponse& response) {
  return HandleRecorded(
      context, shared, work.refusals, "/accord.broker.v1.ReferralService/RegradeReferral",
      [&work, &request, &response](const BrokerCall& call, Answer answer) {
        auto verified = [&]() -> absl::StatusOr<VerifiedStatement> {
          ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
          answer.SetSignatureDigest(referral::DigestOf(request.statement()));
          return Verify(work, call.caller, request.request_id(), request.statement(), type::v1::STATEMENT_KIND_REGRADED);
        }();
        if (!verified.ok()) return answer(verified.status());
        RegradedDone done = [&work, caller = call.caller, &response, answer = std::move(answer)](absl::StatusOr<Regraded> regraded) mutable {
          answer([&]() -> absl::Status {
            ACCORD_RETURN_IF_ERROR(regraded);
            response.set_statement_digest(regraded->said.digest);
            response.set_index(regraded->said.index);
            const StatusViewer viewer = {.sender = true, .immediate = regraded->immediate};
            const auto directory = work.directory.Get();
            const auto policy = work.policy.Get();
            for (const auto& row : regraded->recipients) *response.add_recipients() = ToStatus(row, viewer, *directory, *policy, work.clock.Now());
            ACCORD_ASSIGN_OR_RETURN(*response.mutable_receipt(), ReceiptOf(work.sequencer, regraded->said.index, caller));
            return absl::OkStatus();
          }());
        };
        work.sequencer.Submit(std::make_unique<RegradeCommand>(*std::move(verified), ActsOf(work), std::move(done)));
      });
}

grpc::ServerUnaryReactor* HandleResealReferral(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const ReferralWork& work,
                                               const v1::ResealReferralRequest& request, v1::ResealReferralResponse& response) {
  return HandleRecorded(
      context, shared, work.refusals, "/accord.broker.v1.ReferralService/ResealReferral",
      [&work, &request, &response](const BrokerCall& call, Answer answer) {
        std::vector<ResealedSection> sections;
        auto verified = [&]() -> absl::StatusOr<VerifiedStatement> {
          ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
          answer.SetSignatureDigest(referral::DigestOf(request.statement()));
          ACCORD_ASSIGN_OR_RETURN(auto statement, Verify(work, call.caller, request.request_id(), request.statement(),
                                                         type::v1::STATEMENT_KIND_RESEALED));
          ACCORD_ASSIGN_OR_RETURN(sections, ReadResealed(statement.statement.reseal(), request.sections()));
          return statement;
        }();
        if (!verified.ok()) return answer(verified.status());
        ResealedDone done = [&work, caller = call.caller, &response, answer = std::move(answer)](absl::StatusOr<Resealed> resealed) mutable {
          answer([&]() -> absl::Status {
            ACCORD_RETURN_IF_ERROR(resealed);
            response.set_statement_digest(resealed->said.digest);
            response.set_index(resealed->said.index);
            for (const auto& decision : resealed->decisions) *response.add_decisions() = decision;
            *response.mutable_recipient() = ToStatus(resealed->recipient, {.sender = true, .immediate = resealed->immediate},
                                                     *work.directory.Get(), *work.policy.Get(), work.clock.Now());
            ACCORD_ASSIGN_OR_RETURN(*response.mutable_receipt(), ReceiptOf(work.sequencer, resealed->said.index, caller));
            return absl::OkStatus();
          }());
        };
        work.sequencer.Submit(std::make_unique<ResealCommand>(*std::move(verified), std::move(sections), ActsOf(work), std::move(done)));
      });
}

grpc::ServerUnaryReactor* HandleCorrectReferral(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const ReferralWork& work,
                                                const v1::CorrectReferralRequest& request, v1::CorrectReferralResponse& response) {
  return HandleRecorded(
      context, shared, work.refusals, "/accord.broker.v1.ReferralService/CorrectReferral",
      [&work, &request, &response](const BrokerCall& call, Answer answer) {
        absl::StatusOr<Admitted> admitted;
        auto verified = [&]() -> absl::StatusOr<VerifiedStatement> {
          ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
          answer.SetSignatureDigest(referral::DigestOf(request.submission().header()));
          ACCORD_ASSIGN_OR_RETURN(auto statement, Verify(work, call.caller, request.request_id() + std::string(kStatementSuffix),
                                                         request.statement(), type::v1::STATEMENT_KIND_CORRECTION));
          admitted = work.admission.Admit(call.caller, request.request_id(), request.submission(), "");
          ACCORD_RETURN_IF_ERROR(admitted);
          ACCORD_RETURN_IF_ERROR(CheckCorrection(statement.statement, *admitted));
          return statement;
        }();
        if (!verified.ok()) return answer(verified.status());
        work.sequencer.Submit(std::make_unique<CorrectCommand>(
            *std::move(verified), *std::move(admitted), work.admission, work.linker, ActsOf(work),
            [&work, caller = call.caller, &response, answer = std::move(answer)](absl::StatusOr<Corrected> corrected) mutable {
              answer([&]() -> absl::Status {
                ACCORD_RETURN_IF_ERROR(corrected);
                Fill(corrected->said, response);
                ACCORD_ASSIGN_OR_RETURN(*response.mutable_stored(), SubmitResponse(work, caller, std::move(corrected->stored)));
                return absl::OkStatus();
              }());
            }));
      });
}

}  // namespace accord::broker

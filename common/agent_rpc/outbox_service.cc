#include "common/agent_rpc/outbox_service.h"

#include "common/agent/draft_builder.h"
#include "common/agent_rpc/inbox_service.h"
#include "common/agent_rpc/push.h"
#include "common/agent_rpc/work.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/statement.h"
#include "common/referral/validate.h"

namespace accord::agent_rpc {
namespace {

constexpr size_t kPageBytesMax = 2u << 20;  // A page with many receipts ends early; a row more fits the message.

absl::Status Invalid(const std::string& field, std::string_view why) {
  return Error(Reason::kFieldInvalid, field + " " + std::string(why), {{"field", field}});
}

// A basis that is put in place of another: where the sender acts was signed with the referral, and no rationale is sealed any more.
absl::Status CheckNewBasis(const agency::v1::SharingBasis& basis) {
  if (!basis.rationale().empty()) return Invalid("basis.rationale", "must be empty: nothing is sealed with a change; keep it in the case record");
  if (basis.jurisdiction() != type::v1::JURISDICTION_UNSPECIFIED) return Invalid("basis.jurisdiction", "is that of the referral and does not change");
  return absl::OkStatus();
}

// What an act asks for beside its kind, once it is known to be whole; null: it has no basis.
using ActBasis = const agency::v1::SharingBasis*;
absl::StatusOr<ActBasis> FillAct(const agency::v1::ChangeSubmissionConsentRequest& request, type::v1::Statement& asked) {
  asked.set_kind(type::v1::STATEMENT_KIND_CONSENT_CHANGE);
  ACCORD_RETURN_IF_ERROR(CheckNewBasis(request.basis()));
  return &request.basis();
}
absl::StatusOr<ActBasis> FillAct(const agency::v1::RecallSubmissionRequest& request, type::v1::Statement& asked) {
  asked.set_kind(type::v1::STATEMENT_KIND_RECALL);
  asked.set_recall_reason(request.reason());
  return nullptr;
}
absl::StatusOr<ActBasis> FillAct(const agency::v1::WithdrawSubmissionRequest& request, type::v1::Statement& asked) {
  asked.set_kind(type::v1::STATEMENT_KIND_WITHDRAWN);
  asked.set_withdraw_reason(request.reason());
  return nullptr;
}
absl::StatusOr<ActBasis> FillAct(const agency::v1::RegradeSubmissionRequest& request, type::v1::Statement& asked) {
  asked.set_kind(type::v1::STATEMENT_KIND_REGRADED);
  *asked.mutable_regraded() = request.risk();
  return nullptr;
}
absl::StatusOr<ActBasis> FillAct(const agency::v1::ReviewSubmissionGapRequest& request, type::v1::Statement& asked) {
  asked.set_kind(type::v1::STATEMENT_KIND_GAP_REVIEWED);
  asked.set_gap_review(request.review());
  const bool completed = request.review() == type::v1::GAP_REVIEW_COMPLETED;
  if (completed && !request.has_basis()) return Error(Reason::kFieldMissing, "basis is missing: COMPLETED says what it is now", {{"field", "basis"}});
  if (!completed && request.has_basis()) return Invalid("basis", "goes with COMPLETED alone");
  ACCORD_RETURN_IF_ERROR(CheckNewBasis(request.basis()));
  return completed ? &request.basis() : nullptr;
}
absl::StatusOr<ActBasis> FillAct(const agency::v1::AssessSubmissionBreachRequest& request, type::v1::Statement& asked) {
  asked.set_kind(type::v1::STATEMENT_KIND_BREACH_ASSESSED);
  asked.set_breach_assessment(request.assessment());
  return nullptr;
}

// Carries an act out; how it is asked for is the request's.
template <typename Request>
absl::StatusOr<storage::v1::StoredSubmission> CarryOut(AgencyRuntime& runtime, const Request& request, type::v1::Statement& asked) {
  ACCORD_ASSIGN_OR_RETURN(const ActBasis basis, FillAct(request, asked));
  return runtime.outbox().Act(request.submission(), asked, basis);
}
absl::StatusOr<storage::v1::StoredSubmission> CarryOut(AgencyRuntime& runtime, const agency::v1::ResealSubmissionRequest& request,
                                                       type::v1::Statement& asked) {
  return runtime.outbox().Reseal(request.submission(), asked, request.agency());
}

// The acts on a submission differ in what CarryOut makes of them.
template <typename Request, typename Response>
grpc::ServerUnaryReactor* HandleSenderAct(grpc::CallbackServerContext& context, AgencyRuntime& runtime, std::string_view method,
                                    const Request& request, Response& response) {
  return HandleWork(context, runtime, method, request, Journalled::kByCall, [&runtime, &request, &response](const rpc::Call&) -> absl::Status {
    ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
    type::v1::Statement asked;
    asked.set_request_id(request.request_id());
    *asked.mutable_worker() = request.worker();
    ACCORD_ASSIGN_OR_RETURN(const auto stored, CarryOut(runtime, request, asked));
    *response.mutable_submission() = ToSubmission(request.submission(), stored);
    return absl::OkStatus();
  });
}

absl::StatusOr<agent::Draft> MapNotShared(const agency::v1::RecordNotSharedRequest& request, const agent::MappingContext& context) {
  const auto& options = request.options();
  agent::DraftBuilder builder("RecordNotShared", request, options, context);
  builder.RequireValid(!options.preview_only(), "options.preview_only", "has nothing to show: nothing is shared")
      .RequireValid(!options.immediate(), "options.immediate", "is of what is shared")
      .RequireValid(options.section_bases().empty(), "options.section_bases", "must be empty: there are no sections")
      .RequireValid(options.corrects().empty(), "options.corrects", "must be empty: recall what should not have been shared");
  if (request.has_victim()) builder.Victim(request.victim(), "victim");
  if (request.has_alleged_perpetrator()) {
    google::protobuf::RepeatedPtrField<type::v1::AllegedPerpetrator> people;
    *people.Add()->mutable_person() = request.alleged_perpetrator();
    builder.AllegedPerpetrators(people, type::v1::RELATIONSHIP_CLASS_UNSPECIFIED);
  }
  return std::move(builder).BuildNotShared(request.purpose(), request.reason());
}

// `told_of`: the submission of ours that was told of; null when it was none.
absl::StatusOr<agent::Draft> MapSentOutside(const agency::v1::RecordSentOutsideRequest& request, const agent::MappingContext& context,
                                            const storage::v1::StoredSubmission* told_of) {
  const auto& options = request.options();
  agent::DraftBuilder builder("RecordSentOutside", request, options, context);
  builder.RequireValid(!options.preview_only(), "options.preview_only", "has nothing to show: it was told already")
      .RequireValid(!options.immediate(), "options.immediate", "is of what is shared through Accord")
      .RequireValid(options.section_bases().empty(), "options.section_bases", "must be empty: there are no sections")
      .RequireValid(options.corrects().empty(), "options.corrects", "must be empty: record what was told anew")
      .RequireValid(request.submission().empty() || options.caused_by().empty(), "submission", "and options.caused_by cannot both be what was told of");
  const bool names_people = request.has_victim() || !request.alleged_perpetrators().empty();
  if (told_of != nullptr && !names_people) {
    std::vector<agent::DraftSubject> subjects;
    for (const auto& row : told_of->draft().subjects()) subjects.push_back({row.part(), row.person()});
    builder.Concerns(std::move(subjects));
  }
  if (request.has_victim()) builder.Victim(request.victim(), "victim");
  builder.AllegedPerpetrators(request.alleged_perpetrators(), type::v1::RELATIONSHIP_CLASS_UNSPECIFIED);
  builder.FollowsOn(told_of != nullptr ? referral::ReferralName(told_of->header_digest()) : options.caused_by(), "options.caused_by");
  return std::move(builder).BuildSentOutside(request.purpose(), request.channel(), request.told_at_ms());
}

// The submission that was told of: it has to be with the broker, so that the record can name it.
absl::StatusOr<storage::v1::StoredSubmission> ToldOf(const agent::Outbox& outbox, const std::string& request_id) {
  ACCORD_ASSIGN_OR_RETURN(auto stored, outbox.Get(request_id));
  if (stored.state() == agency::v1::SUBMISSION_STATE_SETTLED || stored.state() == agency::v1::SUBMISSION_STATE_ERASED) return stored;
  return Error(Reason::kTransitionIllegal, "what was told of is not settled: nothing of it is with the broker yet", {{"state", "waiting"}});
}

absl::StatusOr<agent::Draft> MapSentOutsideHere(const agency::v1::RecordSentOutsideRequest& request, const agent::MappingContext& context, AgencyRuntime& runtime) {
  if (request.submission().empty()) return MapSentOutside(request, context, nullptr);
  ACCORD_ASSIGN_OR_RETURN(const auto told_of, ToldOf(runtime.outbox(), request.submission()));
  return MapSentOutside(request, context, &told_of);
}

constexpr PushMethod kRecordNotShared("/accord.agency.v1.OutboxService/RecordNotShared", MapNotShared);
constexpr PushMethod kRecordSentOutside("/accord.agency.v1.OutboxService/RecordSentOutside", MapSentOutsideHere);

}  // namespace

PushCalls OutboxService::Pushes() { return {kRecordNotShared, kRecordSentOutside}; }

agency::v1::Submission ToSubmission(const std::string& request_id, const storage::v1::StoredSubmission& stored) {
  agency::v1::Submission submission;
  submission.set_request_id(request_id);
  submission.set_state(stored.state());
  submission.set_method(stored.draft().method());
  if (!stored.header_digest().empty()) submission.set_referral(referral::ReferralName(stored.header_digest()));
  *submission.mutable_decisions() = stored.decisions();
  *submission.mutable_warnings() = stored.warnings();
  submission.set_waiting_for(stored.waiting_for());
  submission.set_accepted_at_ms(stored.accepted_at_ms());
  submission.set_attempts(stored.attempts());
  if (stored.has_receipt()) *submission.mutable_receipt() = stored.receipt();
  *submission.mutable_statements() = stored.statements();
  if (stored.has_pending_act()) {
    const auto act = referral::ParseStatement(stored.pending_act());
    if (act.ok()) submission.set_pending_act(act->kind());
  }
  *submission.mutable_act_receipts() = stored.act_receipts();
  *submission.mutable_not_told() = stored.not_told();
  *submission.mutable_recipients() = stored.recipients();
  return submission;
}

grpc::ServerUnaryReactor* OutboxService::GetSubmission(grpc::CallbackServerContext* context,
                                                       const agency::v1::GetSubmissionRequest* request,
                                                       agency::v1::GetSubmissionResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.OutboxService/GetSubmission",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            const auto stored = runtime_.outbox().GetFresh(request->request_id());
                            if (stored.ok()) *response->mutable_submission() = ToSubmission(request->request_id(), *stored);
                            done(stored.status());
                          });
}

grpc::ServerUnaryReactor* OutboxService::ListSubmissions(grpc::CallbackServerContext* context,
                                                         const agency::v1::ListSubmissionsRequest* request,
                                                         agency::v1::ListSubmissionsResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.OutboxService/ListSubmissions",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
                              ACCORD_ASSIGN_OR_RETURN(const uint64_t before, ParsePageToken(request->page_token()));
                              ACCORD_ASSIGN_OR_RETURN(const auto rows, runtime_.outbox().List(before, size));
                              uint64_t last = 0;
                              size_t bytes = 0;
                              for (const auto& [id, stored] : rows) {
                                if (bytes > kPageBytesMax) break;
                                auto& submission = *response->add_submissions() = ToSubmission(id, stored);
                                bytes += submission.ByteSizeLong();
                                last = stored.sequence();
                              }
                              const bool whole = response->submissions_size() < size && response->submissions_size() == static_cast<int>(rows.size());
                              if (!whole && last > 1) response->set_next_page_token(MakePageToken(last));
                              return absl::OkStatus();
                            }());
                          });
}

grpc::ServerUnaryReactor* OutboxService::ResolveSubmission(grpc::CallbackServerContext* context,
                                                           const agency::v1::ResolveSubmissionRequest* request,
                                                           agency::v1::ResolveSubmissionResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.OutboxService/ResolveSubmission", *request, Journalled::kByCall,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      ACCORD_ASSIGN_OR_RETURN(const auto stored, runtime_.outbox().Resolve(request->request_id(), request->send()));
                      *response->mutable_submission() = ToSubmission(request->request_id(), stored);
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* OutboxService::ChangeSubmissionConsent(grpc::CallbackServerContext* context,
                                                                 const agency::v1::ChangeSubmissionConsentRequest* request,
                                                                 agency::v1::ChangeSubmissionConsentResponse* response) {
  return HandleSenderAct(*context, runtime_, "/accord.agency.v1.OutboxService/ChangeSubmissionConsent", *request, *response);
}

grpc::ServerUnaryReactor* OutboxService::RecallSubmission(grpc::CallbackServerContext* context,
                                                          const agency::v1::RecallSubmissionRequest* request,
                                                          agency::v1::RecallSubmissionResponse* response) {
  return HandleSenderAct(*context, runtime_, "/accord.agency.v1.OutboxService/RecallSubmission", *request, *response);
}

grpc::ServerUnaryReactor* OutboxService::WithdrawSubmission(grpc::CallbackServerContext* context,
                                                            const agency::v1::WithdrawSubmissionRequest* request,
                                                            agency::v1::WithdrawSubmissionResponse* response) {
  return HandleSenderAct(*context, runtime_, "/accord.agency.v1.OutboxService/WithdrawSubmission", *request, *response);
}

grpc::ServerUnaryReactor* OutboxService::RegradeSubmission(grpc::CallbackServerContext* context,
                                                           const agency::v1::RegradeSubmissionRequest* request,
                                                           agency::v1::RegradeSubmissionResponse* response) {
  return HandleSenderAct(*context, runtime_, "/accord.agency.v1.OutboxService/RegradeSubmission", *request, *response);
}

grpc::ServerUnaryReactor* OutboxService::ResealSubmission(grpc::CallbackServerContext* context,
                                                          const agency::v1::ResealSubmissionRequest* request,
                                                          agency::v1::ResealSubmissionResponse* response) {
  return HandleSenderAct(*context, runtime_, "/accord.agency.v1.OutboxService/ResealSubmission", *request, *response);
}

grpc::ServerUnaryReactor* OutboxService::ReviewSubmissionGap(grpc::CallbackServerContext* context,
                                                             const agency::v1::ReviewSubmissionGapRequest* request,
                                                             agency::v1::ReviewSubmissionGapResponse* response) {
  return HandleSenderAct(*context, runtime_, "/accord.agency.v1.OutboxService/ReviewSubmissionGap", *request, *response);
}

grpc::ServerUnaryReactor* OutboxService::AssessSubmissionBreach(grpc::CallbackServerContext* context,
                                                                const agency::v1::AssessSubmissionBreachRequest* request,
                                                                agency::v1::AssessSubmissionBreachResponse* response) {
  return HandleSenderAct(*context, runtime_, "/accord.agency.v1.OutboxService/AssessSubmissionBreach", *request, *response);
}

grpc::ServerUnaryReactor* OutboxService::RecordNotShared(grpc::CallbackServerContext* context,
                                                         const agency::v1::RecordNotSharedRequest* request,
                                                         agency::v1::RecordNotSharedResponse* response) {
  return HandlePush(*context, runtime_, kRecordNotShared, *request, *response);
}

grpc::ServerUnaryReactor* OutboxService::RecordSentOutside(grpc::CallbackServerContext* context,
                                                           const agency::v1::RecordSentOutsideRequest* request,
                                                           agency::v1::RecordSentOutsideResponse* response) {
  return HandlePush(*context, runtime_, kRecordSentOutside, *request, *response);
}

grpc::ServerUnaryReactor* OutboxService::GetSubmissionHolders(grpc::CallbackServerContext* context,
                                                               const agency::v1::GetSubmissionHoldersRequest* request,
                                                               agency::v1::GetSubmissionHoldersResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.OutboxService/GetSubmissionHolders",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            auto holders = runtime_.outbox().Holders(request->submission());
                            if (holders.ok()) response->mutable_holders()->Swap(holders->mutable_holders());
                            done(holders.status());
                          });
}

grpc::ServerUnaryReactor* OutboxService::ListWaiting(grpc::CallbackServerContext* context, const agency::v1::ListWaitingRequest* request,
                                                     agency::v1::ListWaitingResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.OutboxService/ListWaiting",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
                              ACCORD_ASSIGN_OR_RETURN(const std::string after, ParseTextPageToken(request->page_token()));
                              ACCORD_ASSIGN_OR_RETURN(const auto waits, runtime_.Waits());
                              const agent::WaitingPage page = agent::PageOf(waits, after, static_cast<size_t>(size));
                              for (const agent::Wait& wait : page.waits) *response->add_items() = agent::ToItem(wait);
                              if (!page.next.empty()) response->set_next_page_token(ToBase64(page.next));
                              return absl::OkStatus();
                            }());
                          });
}

grpc::ServerUnaryReactor* OutboxService::GetServiceStatus(grpc::CallbackServerContext* context,
                                                          const agency::v1::GetServiceStatusRequest*,
                                                          agency::v1::GetServiceStatusResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.OutboxService/GetServiceStatus",
                          [this, response](const rpc::Call&, rpc::Completion done) {
                            *response = runtime_.Status();
                            done(absl::OkStatus());
                          });
}

}  // namespace accord::agent_rpc

#include "common/agent_rpc/inbox_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/agent/inbox_search.h"
#include "common/agent/today.h"
#include "common/agent_rpc/work.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/states.h"
#include "common/referral/validate.h"

namespace accord::agent_rpc {
namespace {

constexpr int kPageSizeDefault = 50;
constexpr int kPageSizeMax = 500;
constexpr int kPageWithReceiptsMax = 50;  // Some 17 receipts a row fit the message.

// Most acts of a worker differ in their kind and in what they add to the statement.
template <typename Request, typename Response, typename Fill>
grpc::ServerUnaryReactor* HandleAct(grpc::CallbackServerContext& context, AgencyRuntime& runtime, std::string_view method,
                                    const Request& request, Response& response, type::v1::StatementKind kind, Fill fill) {
  return HandleWork(context, runtime, method, request, Journalled::kByAct,
                    [&runtime, &request, &response, kind, fill](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
                      ACCORD_ASSIGN_OR_RETURN(const std::string digest, referral::ParseReferralName(request.referral()));
                      ACCORD_ASSIGN_OR_RETURN(const agent::InboxEntry entry,
                                              runtime.inbox().Act(request.request_id(), digest, request.worker(), kind,
                                                                  [&](type::v1::Statement& statement) { fill(request, statement); }));
                      *response.mutable_item() = ToItem(runtime, entry);
                      return absl::OkStatus();
                    });
}

// That somebody was looked for; whom is not kept.
absl::Status NoteSearch(AgencyRuntime& runtime, const type::v1::Worker& worker) {
  agency::v1::JournalEntry entry;
  entry.set_act(agency::v1::JOURNAL_ACT_SEARCHED);
  *entry.mutable_worker() = worker;
  return runtime.journal().Record(std::move(entry));
}

}  // namespace

agency::v1::InboxItem ToItem(const AgencyRuntime& runtime, const agent::InboxEntry& entry) {
  agency::v1::InboxItem item;
  const auto& core = entry.header.core.part;
  item.set_referral(referral::ReferralName(entry.header_digest));
  item.set_sender(core.sender());
  item.set_type(core.type());
  item.set_purpose(core.purpose());
  item.set_grade(agent::GradeNow(entry));
  item.set_checks(core.checks());
  item.set_lane(entry.stored.lane());
  item.set_state(agent::StateNow(entry.stored));
  item.set_received_at_ms(entry.stored.received_at_ms());
  for (const auto& section : entry.header.sections) item.add_categories(section.part.category());
  item.set_do_not_use(entry.stored.do_not_use());
  if (!entry.corrected_by.empty()) item.set_corrected_by(referral::ReferralName(entry.corrected_by));
  if (core.type() == type::v1::REFERRAL_TYPE_CORRECTION) item.set_corrects(referral::ReferralName(core.caused_by()));
  if (core.type() != type::v1::REFERRAL_TYPE_CORRECTION && !core.caused_by().empty()) item.set_caused_by(referral::ReferralName(core.caused_by()));
  item.set_recalled(entry.stored.recalled());
  item.set_withdrawn(entry.stored.withdrawn());
  item.set_consent_changed(entry.stored.consent_changed());
  item.set_answer_due_ms(entry.stored.answer_due_ms());
  // Once a person has opened it, or it was answered, those clocks run no more.
  if (agent::IsUnopened(entry.stored)) item.set_pick_up_due_ms(entry.stored.pick_up_due_ms());
  if (agent::IsUnanswered(entry.stored, core.type())) item.set_response_due_ms(entry.stored.response_due_ms());
  if (entry.stored.has_case_history()) *item.mutable_case_history() = entry.stored.case_history();
  if (agent::OwesFeedback(entry.stored)) item.set_feedback_due_ms(entry.stored.feedback_due_ms());
  if (auto assignment = runtime.workers().AssignmentOf(entry.header_digest); assignment.has_value()) *item.mutable_assignment() = *std::move(assignment);
  return item;
}

absl::StatusOr<int> PageSize(int32_t asked) {
  if (asked < 0 || asked > kPageSizeMax) {
    return Error(Reason::kFieldInvalid, fmt::format("page_size is not 0 to {}", kPageSizeMax), {{"field", "page_size"}});
  }
  return asked == 0 ? kPageSizeDefault : asked;
}

namespace {

absl::Status PageTokenInvalid() {
  return Error(Reason::kPageTokenInvalid, "the page token was not made here", {{"field", "page_token"}});
}

}  // namespace

absl::StatusOr<uint64_t> ParsePageToken(std::string_view token) {
  if (token.empty()) return uint64_t{0};
  const auto bytes = FromBase64(token);
  const auto sequence = bytes.has_value() ? U64FromKey(*bytes) : std::nullopt;
  if (!sequence.has_value()) return PageTokenInvalid();
  return *sequence;
}

absl::StatusOr<std::string> ParseTextPageToken(std::string_view token) {
  auto place = FromBase64(token);
  if (!place.has_value()) return PageTokenInvalid();
  return *std::move(place);
}

std::string MakePageToken(uint64_t sequence) { return ToBase64(KeyU64(sequence)); }

grpc::ServerUnaryReactor* InboxService::ListInbox(grpc::CallbackServerContext* context,
                                                  const agency::v1::ListInboxRequest* request,
                                                  agency::v1::ListInboxResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.InboxService/ListInbox",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              ACCORD_ASSIGN_OR_RETURN(int size, PageSize(request->page_size()));
                              if (request->with_receipts()) size = std::min(size, kPageWithReceiptsMax);
                              ACCORD_ASSIGN_OR_RETURN(const uint64_t before, ParsePageToken(request->page_token()));
                              ACCORD_ASSIGN_OR_RETURN(const auto entries, runtime_.inbox().List(before, size));
                              for (const auto& entry : entries) {
                                auto& item = *response->add_items() = ToItem(runtime_, entry);
                                if (!request->with_receipts()) continue;
                                *item.add_receipts() = entry.stored.released();
                                item.mutable_receipts()->MergeFrom(entry.stored.statement_receipts());
                              }
                              if (static_cast<int>(entries.size()) == size && entries.back().stored.sequence() > 1) {
                                response->set_next_page_token(MakePageToken(entries.back().stored.sequence()));
                              }
                              return absl::OkStatus();
                            }());
                          });
}

grpc::ServerUnaryReactor* InboxService::SearchInbox(grpc::CallbackServerContext* context, const agency::v1::SearchInboxRequest* request,
                                                    agency::v1::SearchInboxResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.InboxService/SearchInbox", *request, Journalled::kByAct,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
                      ACCORD_ASSIGN_OR_RETURN(const uint64_t before, ParsePageToken(request->page_token()));
                      if (request->has_person() && before == 0) ACCORD_RETURN_IF_ERROR(NoteSearch(runtime_, request->worker()));
                      ACCORD_ASSIGN_OR_RETURN(const auto page, agent::SearchInbox(runtime_.inbox(), runtime_.workers(), runtime_.keys(), *request,
                                                                                 before, size, runtime_.clock().Now()));
                      for (const auto& entry : page.entries) *response->add_items() = ToItem(runtime_, entry);
                      if (page.next != 0) response->set_next_page_token(MakePageToken(page.next));
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* InboxService::AssignReferral(grpc::CallbackServerContext* context, const agency::v1::AssignReferralRequest* request,
                                                       agency::v1::AssignReferralResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.InboxService/AssignReferral", *request, Journalled::kByAct,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      ACCORD_ASSIGN_OR_RETURN(const std::string digest, referral::ParseReferralName(request->referral()));
                      ACCORD_ASSIGN_OR_RETURN(const agent::InboxEntry entry, runtime_.inbox().Get(digest));
                      ACCORD_ASSIGN_OR_RETURN(const auto people, runtime_.inbox().People(digest));
                      ACCORD_RETURN_IF_ERROR(runtime_.workers().Assign(request->request_id(), digest, request->worker(), request->to_worker(),
                                                                       request->to_team(), people));
                      *response->mutable_item() = ToItem(runtime_, entry);
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* InboxService::ReadReferral(grpc::CallbackServerContext* context,
                                                     const agency::v1::ReadReferralRequest* request,
                                                     agency::v1::ReadReferralResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.InboxService/ReadReferral", *request, Journalled::kByAct,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      ACCORD_ASSIGN_OR_RETURN(const std::string digest, referral::ParseReferralName(request->referral()));
                      ACCORD_ASSIGN_OR_RETURN(auto sections, runtime_.inbox().Read(request->request_id(), digest,
                                                                                   request->worker()));
                      ACCORD_ASSIGN_OR_RETURN(const agent::InboxEntry entry, runtime_.inbox().Get(digest));
                      *response->mutable_item() = ToItem(runtime_, entry);
                      ACCORD_ASSIGN_OR_RETURN(const auto changed, runtime_.inbox().ChangedSince(entry));
                      response->mutable_item()->mutable_changed()->Add(changed.begin(), changed.end());
                      *response->mutable_core() = entry.header.core.part;
                      for (auto& section : sections) *response->add_sections() = std::move(section);
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* InboxService::AcceptReferral(grpc::CallbackServerContext* context,
                                                       const agency::v1::AcceptReferralRequest* request,
                                                       agency::v1::AcceptReferralResponse* response) {
  return HandleAct(*context, runtime_, "/accord.agency.v1.InboxService/AcceptReferral", *request, *response,
                   type::v1::STATEMENT_KIND_ACCEPTED, [](const auto&, type::v1::Statement&) {});
}

grpc::ServerUnaryReactor* InboxService::DeclineReferral(grpc::CallbackServerContext* context,
                                                        const agency::v1::DeclineReferralRequest* request,
                                                        agency::v1::DeclineReferralResponse* response) {
  return HandleAct(*context, runtime_, "/accord.agency.v1.InboxService/DeclineReferral", *request, *response,
                   type::v1::STATEMENT_KIND_DECLINED,
                   [](const auto& r, type::v1::Statement& statement) { statement.set_decline_reason(r.reason()); });
}

grpc::ServerUnaryReactor* InboxService::DecideReferral(grpc::CallbackServerContext* context,
                                                       const agency::v1::DecideReferralRequest* request,
                                                       agency::v1::DecideReferralResponse* response) {
  return HandleAct(*context, runtime_, "/accord.agency.v1.InboxService/DecideReferral", *request, *response,
                   type::v1::STATEMENT_KIND_DECIDED,
                   [](const auto& r, type::v1::Statement& statement) {
                     statement.set_decision(r.decision());
                     statement.set_decision_maker(r.decision_maker());
                     statement.set_decision_maker_role(r.decision_maker_role() != 0 ? r.decision_maker_role() : r.worker().role());
                     statement.set_threshold(r.threshold());
                     statement.set_decision_reason(r.decision_reason());
                   });
}

grpc::ServerUnaryReactor* InboxService::RecordReferralOutcome(grpc::CallbackServerContext* context,
                                                              const agency::v1::RecordReferralOutcomeRequest* request,
                                                              agency::v1::RecordReferralOutcomeResponse* response) {
  return HandleAct(*context, runtime_, "/accord.agency.v1.InboxService/RecordReferralOutcome", *request, *response,
                   type::v1::STATEMENT_KIND_OUTCOME,
                   [](const auto& r, type::v1::Statement& statement) { statement.set_outcome_code(r.outcome_code()); });
}

grpc::ServerUnaryReactor* InboxService::ReturnReferral(grpc::CallbackServerContext* context,
                                                       const agency::v1::ReturnReferralRequest* request,
                                                       agency::v1::ReturnReferralResponse* response) {
  return HandleAct(*context, runtime_, "/accord.agency.v1.InboxService/ReturnReferral", *request, *response,
                   type::v1::STATEMENT_KIND_RETURNED,
                   [](const auto& r, type::v1::Statement& statement) { *statement.mutable_return_reasons() = r.reasons(); });
}

grpc::ServerUnaryReactor* InboxService::RedirectReferral(grpc::CallbackServerContext* context,
                                                         const agency::v1::RedirectReferralRequest* request,
                                                         agency::v1::RedirectReferralResponse* response) {
  return HandleAct(*context, runtime_, "/accord.agency.v1.InboxService/RedirectReferral", *request, *response,
                   type::v1::STATEMENT_KIND_REDIRECTED,
                   [](const auto& r, type::v1::Statement& statement) { statement.set_redirect_to(r.agency()); });
}

grpc::ServerUnaryReactor* InboxService::RecordReferralAction(grpc::CallbackServerContext* context,
                                                             const agency::v1::RecordReferralActionRequest* request,
                                                             agency::v1::RecordReferralActionResponse* response) {
  return HandleAct(*context, runtime_, "/accord.agency.v1.InboxService/RecordReferralAction", *request, *response,
                   type::v1::STATEMENT_KIND_ACTION,
                   [](const auto& r, type::v1::Statement& statement) { statement.set_outcome_code(r.action_code()); });
}

grpc::ServerUnaryReactor* InboxService::CloseReferral(grpc::CallbackServerContext* context,
                                                      const agency::v1::CloseReferralRequest* request,
                                                      agency::v1::CloseReferralResponse* response) {
  return HandleAct(*context, runtime_, "/accord.agency.v1.InboxService/CloseReferral", *request, *response,
                   type::v1::STATEMENT_KIND_CLOSED,
                   [](const auto& r, type::v1::Statement& statement) { statement.set_close_reason(r.reason()); });
}

grpc::ServerUnaryReactor* InboxService::RecordForumStep(grpc::CallbackServerContext* context,
                                                        const agency::v1::RecordForumStepRequest* request,
                                                        agency::v1::RecordForumStepResponse* response) {
  static constexpr std::string_view kMethod = "/accord.agency.v1.InboxService/RecordForumStep";
  if (request->step() != type::v1::STATEMENT_KIND_UNSPECIFIED && !referral::IsForumStep(request->step())) {
    return rpc::HandleUnary(*context, runtime_.handlers(), kMethod, [](const rpc::Call&, rpc::Completion done) {
      done(Error(Reason::kFieldInvalid, "step is no step of a forum", {{"field", "step"}}));
    });
  }
  return HandleAct(*context, runtime_, kMethod, *request, *response, request->step(),
                   [](const auto& r, type::v1::Statement& statement) {
                     statement.set_meeting_at_ms(r.meeting_at_ms());
                     statement.set_other_forum(r.other_forum());
                   });
}

grpc::ServerUnaryReactor* InboxService::AnswerCheck(grpc::CallbackServerContext* context, const agency::v1::AnswerCheckRequest* request,
                                                    agency::v1::AnswerCheckResponse* response) {
  return HandleAct(*context, runtime_, "/accord.agency.v1.InboxService/AnswerCheck", *request, *response,
                   type::v1::STATEMENT_KIND_CHECK_ANSWERED, [](const auto& r, type::v1::Statement& statement) {
                     statement.set_check_answer(r.answer());
                     statement.set_check_withheld_reason(r.withheld_reason());
                   });
}

grpc::ServerUnaryReactor* InboxService::AnswerReferralChange(grpc::CallbackServerContext* context,
                                                             const agency::v1::AnswerReferralChangeRequest* request,
                                                             agency::v1::AnswerReferralChangeResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.InboxService/AnswerReferralChange", *request, Journalled::kByAct,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      ACCORD_ASSIGN_OR_RETURN(const std::string digest, referral::ParseReferralName(request->referral()));
                      const agent::ChangeAnswered answer{request->answer(), request->article6(), request->gateway()};
                      ACCORD_ASSIGN_OR_RETURN(const agent::InboxEntry entry,
                                              runtime_.holds().AnswerChange(request->request_id(), digest, request->worker(), answer));
                      *response->mutable_item() = ToItem(runtime_, entry);
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* InboxService::ListToday(grpc::CallbackServerContext* context, const agency::v1::ListTodayRequest* request,
                                                  agency::v1::ListTodayResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.InboxService/ListToday",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
                              // The list is made anew for each page: the token says how many were seen of it.
                              ACCORD_ASSIGN_OR_RETURN(const uint64_t seen, ParsePageToken(request->page_token()));
                              const absl::Time now = runtime_.clock().Now();
                              ACCORD_ASSIGN_OR_RETURN(const auto received, runtime_.inbox().WaitingEntries());
                              ACCORD_ASSIGN_OR_RETURN(const auto sent, runtime_.outbox().Concerns(now));
                              ACCORD_ASSIGN_OR_RETURN(const auto links, runtime_.notices().OpenLinks());
                              ACCORD_ASSIGN_OR_RETURN(auto further, runtime_.FurtherToday());
                              std::map<std::string, agency::v1::Assignment> assigned;
                              for (const auto& entry : received) {
                                auto assignment = runtime_.workers().AssignmentOf(entry.header_digest);
                                if (assignment.has_value()) assigned[entry.header_digest] = *std::move(assignment);
                              }
                              const auto items = agent::MakeToday(received, sent, now, links, assigned, std::move(further));
                              const uint64_t begin = std::min<uint64_t>(items.size(), seen), end = std::min<uint64_t>(items.size(), begin + size);
                              for (uint64_t i = begin; i < end; ++i) *response->add_items() = items[i];
                              if (end < items.size()) response->set_next_page_token(MakePageToken(end));
                              return absl::OkStatus();
                            }());
                          });
}

grpc::ServerUnaryReactor* InboxService::ListNotices(grpc::CallbackServerContext* context, const agency::v1::ListNoticesRequest* request,
                                                    agency::v1::ListNoticesResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.InboxService/ListNotices",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
                              ACCORD_ASSIGN_OR_RETURN(const uint64_t before, ParsePageToken(request->page_token()));
                              ACCORD_ASSIGN_OR_RETURN(const auto rows, runtime_.notices().List(before, size));
                              for (const auto& [place, stored] : rows) {
                                auto& notice = *response->add_notices();
                                *notice.mutable_notice() = stored.notice();
                                notice.set_received_at_ms(stored.received_at_ms());
                              }
                              if (static_cast<int>(rows.size()) == size && rows.back().first > 1) {
                                response->set_next_page_token(MakePageToken(rows.back().first));
                              }
                              return absl::OkStatus();
                            }());
                          });
}

}  // namespace accord::agent_rpc

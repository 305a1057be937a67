#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/console/message_text.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/referral/referral_name.h"
#include "common/referral/states.h"
#include "services/accordctl/attachment_calls.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/inbox_text.h"
#include "services/accordctl/policy_explain.h"
#include "services/accordctl/references.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using agency::v1::InboxService;

absl::StatusOr<int> List(Session& session, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  return ShowItems(session, agency::v1::ListInboxRequest(), rows_max,
                   [&](const auto& page) { return Ask(service, &InboxService::Stub::ListInbox, page); });
}

// What every act on a received referral begins with: who acts, on what, under which id.
template <typename Request>
absl::StatusOr<Endpoint> BeginAct(Session& session, const std::string& id, Request& request) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  ACCORD_ASSIGN_OR_RETURN(Endpoint service, session.Service(*agency));
  ACCORD_ASSIGN_OR_RETURN(const std::string name, FindInInbox(service, id));
  request.set_referral(name);
  request.set_request_id(session.RequestId());
  return service;
}

template <typename Request, typename Response>
absl::StatusOr<int> Act(Session& session, const std::string& id, Request request,
                        grpc::Status (InboxService::Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, BeginAct(session, id, request));
  ACCORD_ASSIGN_OR_RETURN(const Response response, Ask(service, method, request));
  session.json() ? session.PrintJson(ToJson(response.item())) : session.Print(ItemText(response.item()));
  return kDone;
}

absl::StatusOr<int> Read(Session& session, const std::string& id) {
  agency::v1::ReadReferralRequest request;
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, BeginAct(session, id, request));
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &InboxService::Stub::ReadReferral, request));
  if (session.json()) {
    session.PrintJson(ToJson(response));
    return kDone;
  }
  std::string text = ItemText(response.item()) + "\n" + console::MessageText(response.core());
  for (const auto& section : response.sections()) {
    const std::string heading = console::Words(section.category());
    text += fmt::format("\n{}\n{}\n{}", heading, std::string(heading.size(), '-'),
                        console::MessageText(section.content(), 2));
    if (section.content().has_attachment()) {
      text += fmt::format("  to have the file: accordctl inbox attachment {} {} --out FILE\n", ShortName(response.item().referral()), section.section());
    }
    if (!section.has_obligations()) continue;
    text += fmt::format("  to be kept to: {}\n", fmt::join(ObligationLines(section.obligations(), section.regime()), "; "));
  }
  session.Print(text);
  return kDone;
}

absl::StatusOr<int> Attachment(Session& session, const std::string& id, const std::string& section, const std::string& path) {
  agency::v1::ReadReferralRequest request;  // For who reads, and which referral.
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, BeginAct(session, id, request));
  ACCORD_ASSIGN_OR_RETURN(const std::string saved, SaveFile(service, request.referral(), section, request.worker(), request.request_id(), path));
  session.json() ? session.PrintJson({{"file", path}}) : session.Print(console::Printable(saved) + "\n");
  return kDone;
}

struct DecideArguments {
  std::string decision, threshold, reason_code, decision_maker, decision_maker_role;
};

absl::StatusOr<int> Decide(Session& session, const std::string& id, const DecideArguments& arguments) {
  if (arguments.decision_maker.empty() && !arguments.decision_maker_role.empty()) {
    return UsageError("--decision-maker-role goes with --decision-maker: who records it gives their own as --role");
  }
  agency::v1::DecideReferralRequest request;
  request.set_decision(Value<type::v1::ContactDecision>(arguments.decision));
  request.set_threshold(Value<type::v1::ContactThreshold>(arguments.threshold));
  request.set_decision_reason(arguments.reason_code);
  request.set_decision_maker(arguments.decision_maker);
  request.set_decision_maker_role(Value<type::v1::WorkerRole>(arguments.decision_maker_role));
  return Act(session, id, request, &InboxService::Stub::DecideReferral);
}

// The steps of a forum, as typed.
Choices IsForumStep() {
  std::vector<std::string> steps;
  for (const referral::StatementRow& row : referral::kStatements) {
    if (!referral::IsForumStep(row.kind)) continue;
    steps.push_back(console::Words(row.kind));
    std::replace(steps.back().begin(), steps.back().end(), ' ', '-');
  }
  return {fmt::format("{}", fmt::join(steps, ", ")),
          [](const std::string& words) { return referral::IsForumStep(Value<type::v1::StatementKind>(words)); }};
}

struct ForumArguments {
  std::string step, meeting, other_forum;
};

absl::StatusOr<int> AnswerAsForum(Session& session, const std::string& id, const ForumArguments& arguments) {
  agency::v1::RecordForumStepRequest request;
  request.set_step(Value<type::v1::StatementKind>(arguments.step));
  const bool meets = request.step() == type::v1::STATEMENT_KIND_LISTED || request.step() == type::v1::STATEMENT_KIND_DEFERRED;
  const bool transfers =
      request.step() == type::v1::STATEMENT_KIND_TRANSFERRED_OUT || request.step() == type::v1::STATEMENT_KIND_TRANSFERRED_IN;
  if (meets == arguments.meeting.empty()) return UsageError("--meeting goes with listed and deferred, which need it, and with nothing else");
  if (transfers == arguments.other_forum.empty()) {
    return UsageError("--other-forum goes with transferred-out and transferred-in, which need it, and with nothing else");
  }
  if (meets) {
    ACCORD_ASSIGN_OR_RETURN(const int64_t at_ms, TimeMs("--meeting", arguments.meeting));
    request.set_meeting_at_ms(at_ms);
  }
  request.set_other_forum(arguments.other_forum);
  return Act(session, id, request, &InboxService::Stub::RecordForumStep);
}

// The agency's own copy, received or sent.
absl::StatusOr<int> Erase(Session& session, const std::string& id) {
  agency::v1::EraseReferralRequest request;
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  ACCORD_ASSIGN_OR_RETURN(const std::string digest, FindHeaderDigest(session, id));
  request.set_referral(referral::ReferralName(digest));
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response,
                          Ask(service, &agency::v1::RetentionService::Stub::EraseReferral, request, kEraseTimeout));
  if (session.json()) {
    session.PrintJson(ToJson(response));
    return kDone;
  }
  session.Print(fmt::format("{}'s own copy of {} was erased at {}; the broker and other agencies keep theirs\n", agency->id,
                            ShortName(request.referral()), console::TimeText(response.erased_at_ms())));
  return kDone;
}

}  // namespace

void AddInboxVerbs(Command& app, Verb& chosen) {
  Command& inbox = app.AddGroup("inbox", "What this agency received");
  auto limit = std::make_shared<int>(kRowsDefault);
  Command& list = inbox.AddVerb("list", "List what was received, the newest first");
  list.AddOption("--limit", *limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  list.Footer("Example: accordctl inbox list --as idva");
  list.WhenGiven([&chosen, limit] { chosen = [limit](Session& session) { return List(session, *limit); }; });
  AddInboxTeamVerbs(inbox, chosen);

  auto id = std::make_shared<std::string>(), code = std::make_shared<std::string>();
  const auto add = [&](const char* name, const char* what) -> Command& {
    Command& verb = inbox.AddChange(name, what);
    verb.AddOption("ID", *id, "`referrals/…`, or the beginning of its digits").Required();
    return verb;
  };
  add("read", "Open a referral: shows its sections and records that a person opened it")
      .Footer("Example: accordctl inbox read 0123456789abcdef --as idva")
      .WhenGiven([&chosen, id] { chosen = [id](Session& session) { return Read(session, *id); }; });
  add("accept", "Accept a referral").Footer("Example: accordctl inbox accept 0123456789abcdef --as idva").WhenGiven([&chosen, id] {
    chosen = [id](Session& session) {
      return Act(session, *id, agency::v1::AcceptReferralRequest(), &InboxService::Stub::AcceptReferral);
    };
  });

  Command& decline = add("decline", "Decline a referral; children's services decide instead");
  decline.AddOption("--reason", *code, "Why").Required().Check(OneOf<type::v1::DeclineReason>());
  decline.Footer("Example: accordctl inbox decline 0123456789abcdef --reason no-capacity --as idva");
  decline.WhenGiven([&chosen, id, code] {
    chosen = [id, code](Session& session) {
      agency::v1::DeclineReferralRequest request;
      request.set_reason(Value<type::v1::DeclineReason>(*code));
      return Act(session, *id, request, &InboxService::Stub::DeclineReferral);
    };
  });

  auto decision = std::make_shared<DecideArguments>();
  Command& decide = add("decide", "Decide on a contact; children's services only");
  decide.AddOption("--decision", decision->decision, "What is decided").Required().Check(OneOf<type::v1::ContactDecision>());
  decide.AddOption("--threshold", decision->threshold, "Level of need it was decided at").Check(OneOf<type::v1::ContactThreshold>());
  decide.AddOption("--reason-code", decision->reason_code, "Why: a code of the agency's published list, at most 64 of [A-Za-z0-9._:/-]");
  decide.AddOption("--decision-maker", decision->decision_maker, "Pseudonym of who decided, when that is not who records it");
  decide.AddOption("--decision-maker-role", decision->decision_maker_role, "Their role; that of who records it when not given")
      .Check(OneOf<type::v1::WorkerRole>());
  decide.Footer("Example: accordctl inbox decide 0123456789abcdef --as childrens --decision section-47 --threshold significant-harm\n"
                "         --decision-maker m-2 --decision-maker-role supervisor");
  decide.WhenGiven([&chosen, id, decision] { chosen = [id, decision](Session& session) { return Decide(session, *id, *decision); }; });

  auto lacks = std::make_shared<std::vector<std::string>>();
  Command& returned = add("return", "Return a referral to its sender for completion");
  returned.AddOption("--lacks", *lacks, "What it lacks; up to 6").Required().Check(OneOf<type::v1::ReturnReason>()).Values(1, 6);
  returned.Footer("Its sender sends a corrected version. Example: accordctl inbox return 0123456789abcdef --as idva --lacks safe-contact-missing risk-not-assessed");
  returned.WhenGiven([&chosen, id, lacks] {
    chosen = [id, lacks](Session& session) {
      agency::v1::ReturnReferralRequest request;
      for (const std::string& words : *lacks) request.add_reasons(Value<type::v1::ReturnReason>(words));
      return Act(session, *id, request, &InboxService::Stub::ReturnReferral);
    };
  });

  auto section = std::make_shared<std::string>();
  Command& attachment = add("attachment", "Write a file that came with a referral; it is recorded as read");
  attachment.AddOption("SECTION", *section, "The section's id, as `inbox read` shows it").Required();
  attachment.AddOption("--out", *code, "Where to; nothing that is there is written over, and only you may read it").Path().Required();
  attachment.Footer("Example: accordctl inbox attachment 0123456789abcdef 00112233445566778899aabbccddeeff --as idva --out statement.pdf");
  attachment.WhenGiven([&chosen, id, section, code] {
    chosen = [id, section, code](Session& session) { return Attachment(session, *id, *section, *code); };
  });

  Command& redirect = add("redirect", "Say that another agency is the right one; its sender decides what follows");
  redirect.AddOption("--to", *code, "Id of that agency").Required();
  redirect.Footer("Nothing is passed on: the sender sends it there, or not. Example: accordctl inbox redirect 0123456789abcdef --as housing --to idva");
  redirect.WhenGiven([&chosen, id, code] {
    chosen = [id, code](Session& session) {
      agency::v1::RedirectReferralRequest request;
      request.set_agency(*code);
      return Act(session, *id, request, &InboxService::Stub::RedirectReferral);
    };
  });

  Command& close = add("close", "Close a referral: this agency has done with it; final");
  close.AddOption("REASON", *code, "Why").Required().Check(OneOf<type::v1::CloseReason>());
  close.Footer("Example: accordctl inbox close 0123456789abcdef completed --as idva");
  close.WhenGiven([&chosen, id, code] {
    chosen = [id, code](Session& session) {
      agency::v1::CloseReferralRequest request;
      request.set_reason(Value<type::v1::CloseReason>(*code));
      return Act(session, *id, request, &InboxService::Stub::CloseReferral);
    };
  });

  auto step = std::make_shared<ForumArguments>();
  Command& forum = add("forum", "Record a step of the forum that a referral is for; the agency that coordinates it only");
  forum.AddOption("STEP", step->step, "What the forum did").Required().Check(IsForumStep());
  forum.AddOption("--meeting", step->meeting, "For listed and deferred: when the meeting begins, such as 2027-03-31T09:30:00Z");
  forum.AddOption("--other-forum", step->other_forum, "For transferred-out and transferred-in: id of the other forum");
  forum.Footer("Example: accordctl inbox forum 0123456789abcdef listed --as idva --meeting 2027-03-31T09:30:00Z");
  forum.WhenGiven([&chosen, id, step] { chosen = [id, step](Session& session) { return AnswerAsForum(session, *id, *step); }; });

  Command& erase = add("erase", "Erase this agency's own copy of a referral it received or sent; nobody else's");
  erase.Footer("Example: accordctl inbox erase 0123456789abcdef --as idva");
  erase.WhenGiven([&chosen, id] {
    chosen = [id](Session& session) { return Erase(session, *id); };
  });

  Command& action = add("action", "Record an action on a referral; its outcome is still to come");
  action.AddOption("CODE", *code, "A code of the agency's published list, at most 64 characters").Required();
  action.Footer("Example: accordctl inbox action 0123456789abcdef safety-plan-made --as idva");
  action.WhenGiven([&chosen, id, code] {
    chosen = [id, code](Session& session) {
      agency::v1::RecordReferralActionRequest request;
      request.set_action_code(*code);
      return Act(session, *id, request, &InboxService::Stub::RecordReferralAction);
    };
  });

  Command& outcome = add("outcome", "Record what came of a referral");
  outcome.AddOption("--code", *code, "A code of the agency's published list, at most 64 characters").Required();
  outcome.Footer("Example: accordctl inbox outcome 0123456789abcdef --code safety-plan-made --as idva");
  outcome.WhenGiven([&chosen, id, code] {
    chosen = [id, code](Session& session) {
      agency::v1::RecordReferralOutcomeRequest request;
      request.set_outcome_code(*code);
      return Act(session, *id, request, &InboxService::Stub::RecordReferralOutcome);
    };
  });
}

}  // namespace accord::accordctl

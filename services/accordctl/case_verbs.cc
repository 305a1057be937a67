#include <absl/strings/numbers.h>
#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/referral/referral_name.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/history_text.h"
#include "services/accordctl/paging.h"
#include "services/accordctl/references.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using agency::v1::CasesService;

// "links/41", or its number alone.
absl::StatusOr<std::string> LinkOf(const std::string& text) {
  const std::string digits = text.starts_with("links/") ? text.substr(6) : text;
  uint64_t number = 0;
  if (absl::SimpleAtoi(ToAbsl(digits), &number)) return fmt::format("links/{}", number);
  return UsageError("a link is named as `case links` shows it, such as links/41");
}

std::string ShortNames(const google::protobuf::RepeatedPtrField<std::string>& names) {
  std::vector<std::string> some;
  for (const std::string& name : names) some.push_back(ShortName(name));
  return absl::StrJoin(some, ", ");
}

std::string LinkText(const broker::v1::LinkProposal& link) {
  auto facts = console::Table::Facts();
  facts.Add({"link", link.name()});
  facts.Add({"match", console::Words(link.strength())});
  facts.Add({"one case", ShortNames(link.one())});
  facts.Add({"the other", ShortNames(link.other())});
  facts.Add({"proposed", console::TimeText(link.proposed_at_ms())});
  const bool answered = link.answer() != type::v1::LINK_ANSWER_UNSPECIFIED;
  facts.Add({"answer", answered ? fmt::format("{} by {}, {}", console::Words(link.answer()), link.answered_by(), console::TimeText(link.answered_at_ms()))
                                : std::string("none yet")});
  return facts.ToString(console::TerminalWidth());
}

absl::StatusOr<int> Links(Session& session, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  nlohmann::json rows = nlohmann::json::array();
  std::string text;
  ACCORD_ASSIGN_OR_RETURN(const bool more,
                          EachRow(agency::v1::ListCaseLinksRequest(), rows_max,
                                  [&](const auto& request) { return Ask(service, &CasesService::Stub::ListCaseLinks, request); },
                                  [](const auto& page) -> const auto& { return page.proposals(); },
                                  [&](const broker::v1::LinkProposal& link) {
                                    rows.push_back(ToJson(link));
                                    text += (text.empty() ? "" : "\n") + LinkText(link);
                                  }));
  if (session.json()) {
    session.PrintJson({{"proposals", rows}, {"more", more}});
    return kDone;
  }
  session.Print(text.empty() ? "There is none.\n" : text);
  if (more) session.Print(fmt::format("… and more: --limit shows up to {}\n", kRowsMax));
  return kDone;
}

absl::StatusOr<int> AnswerLink(Session& session, const std::string& link, type::v1::LinkAnswer answer) {
  agency::v1::AnswerCaseLinkRequest request;
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_link(), LinkOf(link));
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  request.set_answer(answer);
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &CasesService::Stub::AnswerCaseLink, request));
  session.json() ? session.PrintJson(ToJson(response)) : session.Print(fmt::format("{} is {}\n", request.link(), console::Words(answer)));
  return kDone;
}

absl::StatusOr<int> History(Session& session, const std::string& id, const std::string& as_at, const std::string& time) {
  agency::v1::GetReferralHistoryRequest request;
  ACCORD_ASSIGN_OR_RETURN(const int64_t as_at_ms, TimeMsOrNone("--as-at", as_at));
  request.set_as_at_ms(as_at_ms);
  request.set_time(Value<type::v1::CaseTime>(time));
  ACCORD_ASSIGN_OR_RETURN(const std::string digest, FindHeaderDigest(session, id));
  request.set_referral(referral::ReferralName(digest));
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &CasesService::Stub::GetReferralHistory, request));
  session.json() ? session.PrintJson(ToJson(response.history())) : session.Print(HistoryText(response.history(), console::TerminalWidth()));
  return kDone;
}

}  // namespace

void AddCaseVerbs(Command& app, Verb& chosen) {
  Command& cases = app.AddGroup("case", "What is known of cases, and whether two are one");
  auto limit = std::make_shared<int>(kRowsDefault);
  Command& links = cases.AddVerb("links", "List pairs of cases that may be one and of which the agency holds both, the newest first");
  links.AddOption("--limit", *limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  links.Footer("Example:\n  accordctl case links --as idva");
  links.WhenGiven([&chosen, limit] { chosen = [limit](Session& session) { return Links(session, *limit); }; });

  auto link = std::make_shared<std::string>();
  const auto add_answer = [&](const char* name, const char* what, type::v1::LinkAnswer answer) {
    Command& verb = cases.AddChange(name, what);
    verb.AddOption("LINK", *link, "As `case links` shows it").Required();
    verb.Footer(fmt::format("Example:\n  accordctl case {} links/41 --as idva --worker s.okafor", name));
    verb.WhenGiven([&chosen, link, answer] { chosen = [link, answer](Session& session) { return AnswerLink(session, *link, answer); }; });
  };
  add_answer("confirm", "Say that two cases are one: they are counted together, and nothing is merged", type::v1::LINK_ANSWER_CONFIRMED);
  add_answer("reject", "Say that they are not", type::v1::LINK_ANSWER_REJECTED);
  add_answer("undo", "Take back that they are one", type::v1::LINK_ANSWER_UNDONE);

  auto id = std::make_shared<std::string>(), as_at = std::make_shared<std::string>(), time = std::make_shared<std::string>("recorded");
  Command& history = cases.AddVerb("history", "What the rules find of a referral's case, as far as the agency may know");
  history.AddOption("REFERRAL", *id, "Its name, the beginning of its digest, or its request id").Required();
  history.AddOption("--as-at", *as_at, "As it stood then, such as 2026-11-01 or 2026-11-01T09:30:00Z");
  history.AddOption("--time", *time, "Which time of an event has to have come by then").Check(OneOf<type::v1::CaseTime>()).ShowDefault();
  history.Footer("Example:\n  accordctl case history referrals/6f1d0c2a9be84f77 --as idva");
  history.WhenGiven([&chosen, id, as_at, time] {
    chosen = [id, as_at, time](Session& session) { return History(session, *id, *as_at, *time); };
  });
  AddTimelineVerb(cases, chosen);
  AddCasePackVerb(cases, chosen);
}

}  // namespace accord::accordctl

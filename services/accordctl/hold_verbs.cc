#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/proposals.h"
#include "services/accordctl/references.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using admin::v1::AdminService;
using agency::v1::RetentionService;

struct SetArguments {
  std::string id, ground, authority, review;
  std::vector<std::string> cases, referrals, subjects;
};

absl::StatusOr<admin::v1::Change> MakeHold(Session& session, const SetArguments& arguments) {
  admin::v1::Change change;
  auto& hold = *change.mutable_set_hold();
  hold.set_id(arguments.id);
  for (const std::string& hex : arguments.cases) {
    const auto pseudonym = FromHex(hex);
    if (!pseudonym.has_value() || pseudonym->size() != kIdBytes)
      return UsageError("a case is named by the 32 hex digits of its pseudonym");
    hold.add_case_pseudonyms(*pseudonym);
  }
  for (const std::string& id : arguments.referrals) {
    ACCORD_ASSIGN_OR_RETURN(*hold.add_header_digests(), FindHeaderDigest(session, id));
  }
  for (const std::string& subject : arguments.subjects) {
    ACCORD_ASSIGN_OR_RETURN(*hold.add_subjects(), SubjectOf(subject));
  }
  const auto ground = console::EnumFromWords(*type::v1::HoldGround_descriptor(), arguments.ground);
  if (!ground.has_value()) return UsageError("--ground: one of " + console::EnumChoices(*type::v1::HoldGround_descriptor()));
  hold.set_ground(static_cast<type::v1::HoldGround>(*ground));
  hold.set_authority(arguments.authority);
  ACCORD_ASSIGN_OR_RETURN(const int64_t review_at_ms, DayMs("--review", arguments.review));
  hold.set_review_at_ms(review_at_ms);
  return change;
}

absl::StatusOr<int> ProposeHold(Session& session, const admin::v1::Change& change, std::string_view what) {
  admin::v1::ProposeChangeRequest request;
  *request.mutable_change() = change;
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  return ProposeChange(session, broker, std::move(request), [&](const admin::v1::ProposedChange& proposed) {
    return fmt::format("{0} is proposed; {1} once another administrator has approved it:\n  accordctl admin approve {0}\n", proposed.name(), what);
  });
}

std::string AnswerText(type::v1::HoldAnswer answer, int64_t erased_at_ms) {
  if (answer == type::v1::HOLD_ANSWER_UNSPECIFIED) return "not yet";
  if (answer != type::v1::HOLD_ANSWER_ALREADY_ERASED) return console::Words(answer);
  return fmt::format("{} on {}", console::Words(answer), console::TimeText(erased_at_ms));
}

std::string HoldStateText(int64_t lifted_at_ms) {
  return lifted_at_ms == 0 ? "in force" : "lifted " + console::TimeText(lifted_at_ms);
}

std::string HoldText(const admin::v1::Hold& hold) {
  auto facts = console::Table::Facts();
  facts.Add({"hold", hold.hold().id()});
  facts.Add({"state", HoldStateText(hold.lifted_at_ms())});
  facts.Add({"ground", console::Words(hold.hold().ground())});
  facts.Add({"authority", hold.hold().authority()});
  facts.Add({"set", fmt::format("{} by {}", console::TimeText(hold.set_at_ms()), hold.change())});
  facts.Add({"review", console::TimeText(hold.hold().review_at_ms())});
  facts.Add({"names", fmt::format("{} cases, {} referrals, {} subjects", hold.hold().case_pseudonyms_size(),
                                  hold.hold().header_digests_size(), hold.hold().subjects_size())});
  facts.Add({hold.lifted_at_ms() == 0 ? "covers" : "covered", fmt::format("{} referrals{}{}", hold.referrals(),
                                   hold.erased() == 0 ? "" : fmt::format(", {} of them erased", hold.erased()),
                                   hold.walking() ? "; the broker is still looking, or telling holders" : "")});
  console::Table holders({"holder", "desk", "delivered", "answer", "answered"});
  for (const auto& holder : hold.holders()) {
    holders.Add({holder.agency(), console::Words(holder.desk()), console::TimeText(holder.delivered_at_ms()),
                 AnswerText(holder.answer(), holder.erased_at_ms()), console::TimeText(holder.answered_at_ms())});
  }
  return facts.ToString(console::TerminalWidth()) + "\n" + holders.ToString(console::TerminalWidth());
}

absl::StatusOr<int> ListOfAdmin(Session& session, const std::string& id, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"hold", "state", "ground", "authority", "review", "referrals", "answered"});
  std::string token, text;
  bool found = false;
  do {
    admin::v1::ListHoldsRequest request;
    request.set_page_size(id.empty() ? std::min(rows_max - static_cast<int>(rows.size()), kPageRowsMax) : kPageRowsMax);
    request.set_page_token(token);
    ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(broker, &AdminService::Stub::ListHolds, request));
    for (const auto& hold : page.holds()) {
      if (!id.empty() && hold.hold().id() != id) continue;
      found = true;
      rows.push_back(ToJson(hold));
      if (!id.empty()) text = HoldText(hold);
      const auto answered = std::count_if(hold.holders().begin(), hold.holders().end(),
                                          [](const auto& holder) { return holder.answered_at_ms() != 0; });
      table.Add({hold.hold().id(), HoldStateText(hold.lifted_at_ms()), console::Words(hold.hold().ground()), hold.hold().authority(),
                 console::TimeText(hold.hold().review_at_ms()), fmt::to_string(hold.referrals()),
                 fmt::format("{} of {}", answered, hold.holders_size())});
    }
    token = page.next_page_token();
  } while (!token.empty() && !(found && !id.empty()) && static_cast<int>(rows.size()) < rows_max);
  if (!id.empty() && !found) return Error(Reason::kHoldNotFound, fmt::format("there is no legal hold {}", id));
  if (session.json()) {
    session.PrintJson({{"holds", rows}, {"more", id.empty() && !token.empty()}});
  } else {
    session.Print(id.empty() ? table.ToString(console::TerminalWidth()) : text);
  }
  return kDone;
}

std::string OwnAnswer(const agency::v1::AgencyHold& hold) {
  std::string text = AnswerText(hold.answer(), hold.erased_at_ms());
  if (hold.answer() == type::v1::HOLD_ANSWER_UNSPECIFIED) return text;
  text += hold.by_person() ? ", by a person" : ", by the service";
  if (hold.answered_at_ms() == 0) text += "; waits for the broker";
  return text;
}

absl::StatusOr<int> ListOfAgency(Session& session, const AgencyIdentity& agency, const std::string& id, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(agency));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"hold", "state", "ground", "authority", "review", "referrals", "our answer"});
  std::string token;
  do {
    agency::v1::ListAgencyHoldsRequest request;
    request.set_page_size(kPageRowsMax);
    request.set_page_token(token);
    ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(service, &RetentionService::Stub::ListAgencyHolds, request));
    for (const auto& hold : page.holds()) {
      if ((!id.empty() && hold.hold() != id) || static_cast<int>(rows.size()) >= rows_max) continue;
      rows.push_back(ToJson(hold));
      table.Add({hold.hold(), HoldStateText(hold.lifted_at_ms()), console::Words(hold.ground()), hold.authority(),
                 console::TimeText(hold.review_at_ms()), fmt::to_string(hold.referrals()), OwnAnswer(hold)});
    }
    token = page.next_page_token();
  } while (!token.empty() && static_cast<int>(rows.size()) < rows_max);
  if (!id.empty() && rows.empty()) return Error(Reason::kHoldNotFound, fmt::format("no legal hold {} was delivered here", id));
  session.json() ? session.PrintJson({{"holds", rows}, {"more", !token.empty()}}) : session.Print(table.ToString(console::TerminalWidth()));
  return kDone;
}

absl::StatusOr<int> ListHolds(Session& session, const std::string& id, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const auto principal, session.Chosen(Prefer::kAdmin));
  if (principal.agency != nullptr) return ListOfAgency(session, *principal.agency, id, rows_max);
  return ListOfAdmin(session, id, rows_max);
}

absl::StatusOr<int> AnswerHold(Session& session, const std::string& id, const std::string& words, const std::string& day) {
  const auto answer = console::EnumFromWords(*type::v1::HoldAnswer_descriptor(), words);
  if (!answer.has_value()) return UsageError("the answer is one of " + console::EnumChoices(*type::v1::HoldAnswer_descriptor()));
  agency::v1::AnswerAgencyHoldRequest request;
  request.set_hold(id);
  request.set_answer(static_cast<type::v1::HoldAnswer>(*answer));
  if ((request.answer() == type::v1::HOLD_ANSWER_ALREADY_ERASED) == day.empty())
    return UsageError("--on, the day of the erasure, belongs to already-erased and to nothing else");
  if (!day.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const int64_t erased_at_ms, DayMs("--on", day));
    request.set_erased_at_ms(erased_at_ms);
  }
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &RetentionService::Stub::AnswerAgencyHold, request));
  if (session.json()) {
    session.PrintJson(ToJson(response.hold()));
    return kDone;
  }
  session.Print(fmt::format("{} answered of hold {}: {}\n", agency->id, id, OwnAnswer(response.hold())));
  return kDone;
}

}  // namespace

void AddHoldVerbs(Command& app, Verb& chosen) {
  Command& hold = app.AddGroup("hold", "Legal holds: what nobody may erase for now");
  auto arguments = std::make_shared<SetArguments>();
  Command& set = hold.AddChange("set", "Propose a legal hold; it is in force once another administrator approved it");
  set.AddOption("--id", arguments->id, "Its id, never used before: 1 to 63 of [a-z0-9-]").Required();
  set.AddOption("--case", arguments->cases, "A case covered: the 32 hex digits of its pseudonym; may be repeated");
  set.AddOption("--referral", arguments->referrals, "A referral covered: `referrals/HEX`, or what the agency of --as knows it by; may be repeated");
  set.AddOption("--subject", arguments->subjects, "A person covered, by token: DOMAIN:KEY:RECIPE:TOKEN, the token in hex; may be repeated");
  set.AddOption("--ground", arguments->ground, "Why").Required().Check(OneOf<type::v1::HoldGround>());
  set.AddOption("--authority", arguments->authority, "Who ordered it, and their reference: a code of at most 64 characters").Required();
  set.AddOption("--review", arguments->review, "The day on which it is to be reviewed, such as 2027-03-31").Required();
  set.Footer("Example: accordctl hold set --id inquest-1 --case 00112233445566778899aabbccddeeff --ground inquest --authority CORONER-2026-7 \\\n    --review 2027-03-31 --as-admin alice");
  set.WhenGiven([&chosen, arguments] {
    chosen = [arguments](Session& session) -> absl::StatusOr<int> {
      ACCORD_ASSIGN_OR_RETURN(const auto change, MakeHold(session, *arguments));
      return ProposeHold(session, change, "nothing it covers is erased");
    };
  });

  auto id = std::make_shared<std::string>();
  Command& lift = hold.AddChange("lift", "Propose to lift a legal hold; it is lifted once another administrator approved");
  lift.AddOption("ID", *id, "Its id").Required();
  lift.Footer("Example: accordctl hold lift inquest-1 --as-admin alice");
  lift.WhenGiven([&chosen, id] {
    chosen = [id](Session& session) {
      admin::v1::Change change;
      change.mutable_lift_hold()->set_id(*id);
      return ProposeHold(session, change, "the hold is lifted");
    };
  });

  auto limit = std::make_shared<int>(kRowsDefault);
  Command& list = hold.AddVerb("list", "List legal holds: as an administrator with who answered what, with --as an agency's own");
  list.AddOption("ID", *id, "Only this one, with each holder");
  list.AddOption("--limit", *limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  list.Footer("Example: accordctl hold list inquest-1 --as-admin alice");
  list.WhenGiven([&chosen, id, limit] { chosen = [id, limit](Session& session) { return ListHolds(session, *id, *limit); }; });

  auto answer = std::make_shared<std::string>(), day = std::make_shared<std::string>();
  Command& say = hold.AddChange("answer", "Answer a legal hold for all of an agency's systems; its service answers for its own store by itself");
  say.AddOption("ID", *id, "Its id").Required();
  say.AddOption("ANSWER", *answer, "What it holds").Required().Check(OneOf<type::v1::HoldAnswer>());
  say.AddOption("--on", *day, "For already-erased: the day, such as 2026-11-30");
  say.Footer("Example: accordctl hold answer inquest-1 nothing-held --as housing --worker s.okafor");
  say.WhenGiven([&chosen, id, answer, day] {
    chosen = [id, answer, day](Session& session) { return AnswerHold(session, *id, *answer, *day); };
  });
}

}  // namespace accord::accordctl

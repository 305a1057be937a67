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
#include "services/accordctl/choices.h"
#include "services/accordctl/policy_explain.h"
#include "services/accordctl/references.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using agency::v1::InboxItem;
using agency::v1::InboxService;

std::string Categories(const InboxItem& item) {
  std::vector<std::string> words;
  for (const int category : item.categories()) words.push_back(console::Words(static_cast<type::v1::Category>(category)));
  return fmt::format("{}", fmt::join(words, ", "));
}

// What its sender said of it since; empty when nothing.
std::string Marks(const InboxItem& item) {
  std::vector<std::string> marks;
  if (item.recalled()) marks.emplace_back("recalled: not shown");
  if (item.do_not_use()) marks.emplace_back("do not use the old value");
  if (!item.corrected_by().empty()) marks.push_back("corrected by " + ShortName(item.corrected_by()));
  if (!item.corrects().empty()) marks.push_back("corrects " + ShortName(item.corrects()));
  if (item.consent_changed()) marks.emplace_back("consent changed");
  if (item.answer_due_ms() != 0) marks.push_back("answer by " + console::TimeText(item.answer_due_ms()));
  return fmt::format("{}", fmt::join(marks, "; "));
}

std::string ItemText(const InboxItem& item) {
  auto table = console::Table::Facts();
  table.Add({"referral", item.referral()});
  table.Add({"from", item.sender()});
  table.Add({"what", fmt::format("{}, {}", console::Words(item.type()), console::Words(item.purpose()))});
  table.Add({"risk", console::Words(item.grade())});
  table.Add({"lane", console::Words(item.lane())});
  table.Add({"state", console::Words(item.state())});
  table.Add({"received", console::TimeText(item.received_at_ms())});
  table.Add({"sections", Categories(item)});
  if (const std::string marks = Marks(item); !marks.empty()) table.Add({"since then", marks});
  std::vector<std::string> changed;
  for (const int category : item.changed()) changed.push_back(console::Words(static_cast<type::v1::Category>(category)));
  if (!changed.empty()) table.Add({"changed", fmt::format("{}", fmt::join(changed, ", "))});
  return table.ToString(console::TerminalWidth());
}

absl::StatusOr<int> List(Session& session, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"received", "referral", "from", "purpose", "risk", "state", "sections", "since then"});
  std::string token;
  int left = rows_max;
  do {
    agency::v1::ListInboxRequest request;
    request.set_page_size(std::min(left, kPageRowsMax));
    request.set_page_token(token);
    ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(service, &InboxService::Stub::ListInbox, request));
    for (const InboxItem& item : page.items()) {
      rows.push_back(ToJson(item));
      table.Add({console::TimeText(item.received_at_ms()), ShortName(item.referral()), item.sender(),
                 console::Words(item.purpose()), console::Words(item.grade()), console::Words(item.state()),
                 Categories(item), Marks(item)});
    }
    left -= page.items_size();
    token = page.next_page_token();
  } while (!token.empty() && left > 0);
  if (session.json()) {
    session.PrintJson({{"items", rows}, {"more", !token.empty()}});
    return kDone;
  }
  session.Print(table.ToString(console::TerminalWidth()));
  if (!token.empty()) session.Print(fmt::format("… and more: --limit shows up to {}\n", kRowsMax));
  return kDone;
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
    if (!section.has_obligations()) continue;
    text += fmt::format("  to be kept to: {}\n", fmt::join(ObligationLines(section.obligations(), section.regime()), "; "));
  }
  session.Print(text);
  return kDone;
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

void AddInboxVerbs(CLI::App& app, Verb& chosen) {
  auto* inbox = app.add_subcommand("inbox", "What this agency received")->require_subcommand(1);
  auto limit = std::make_shared<int>(kRowsDefault);
  auto* list = inbox->add_subcommand("list", "List what was received, the newest first");
  list->add_option("--limit", *limit, "Most rows")->check(CLI::Range(1, kRowsMax))->capture_default_str();
  list->callback([&chosen, limit] { chosen = [limit](Session& session) { return List(session, *limit); }; });

  auto id = std::make_shared<std::string>(), code = std::make_shared<std::string>();
  const auto add = [&](const char* name, const char* what) {
    auto* verb = inbox->add_subcommand(name, what);
    verb->add_option("ID", *id, "`referrals/…`, or the beginning of its digits")->required();
    return verb;
  };
  add("read", "Open a referral: shows its sections and records that a person opened it")
      ->callback([&chosen, id] { chosen = [id](Session& session) { return Read(session, *id); }; });
  add("accept", "Accept a referral")->callback([&chosen, id] {
    chosen = [id](Session& session) {
      return Act(session, *id, agency::v1::AcceptReferralRequest(), &InboxService::Stub::AcceptReferral);
    };
  });

  auto* decline = add("decline", "Decline a referral; children's services decide instead");
  decline->add_option("--reason", *code, "Why")->required()->check(OneOf<type::v1::DeclineReason>());
  decline->callback([&chosen, id, code] {
    chosen = [id, code](Session& session) {
      agency::v1::DeclineReferralRequest request;
      request.set_reason(Value<type::v1::DeclineReason>(*code));
      return Act(session, *id, request, &InboxService::Stub::DeclineReferral);
    };
  });

  auto* decide = add("decide", "Decide on a contact; children's services only");
  decide->add_option("--decision", *code, "What is decided")->required()->check(OneOf<type::v1::ContactDecision>());
  decide->callback([&chosen, id, code] {
    chosen = [id, code](Session& session) {
      agency::v1::DecideReferralRequest request;
      request.set_decision(Value<type::v1::ContactDecision>(*code));
      return Act(session, *id, request, &InboxService::Stub::DecideReferral);
    };
  });

  add("erase", "Erase this agency's own copy of a referral it received or sent; nobody else's")->callback([&chosen, id] {
    chosen = [id](Session& session) { return Erase(session, *id); };
  });

  auto* outcome = add("outcome", "Record what came of a referral");
  outcome->add_option("--code", *code, "A code of the agency's published list, at most 64 characters")->required();
  outcome->callback([&chosen, id, code] {
    chosen = [id, code](Session& session) {
      agency::v1::RecordReferralOutcomeRequest request;
      request.set_outcome_code(*code);
      return Act(session, *id, request, &InboxService::Stub::RecordReferralOutcome);
    };
  });
}

}  // namespace accord::accordctl

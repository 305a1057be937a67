#include "services/accordctl/change_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/console/table.h"
#include "common/console/words.h"

namespace accord::accordctl {
namespace {

std::string AnswerOf(const broker::v1::Holder& holder) {
  if (holder.not_told()) return "not told";
  if (holder.change().empty()) return "-";
  if (holder.answer() == type::v1::CHANGE_ANSWER_UNSPECIFIED) return "due " + console::TimeText(holder.due_at_ms());
  if (holder.answer() != type::v1::CHANGE_ANSWER_KEPT_ON_BASIS) return console::Words(holder.answer());
  return fmt::format("{}: {}", console::Words(holder.answer()), console::Words(holder.kept_article6()));
}

std::string Desk(const broker::v1::Holder& holder) {
  return holder.desk() == type::v1::DESK_CONFIDENTIAL ? holder.agency() + ", confidential desk" : holder.agency();
}

std::string NamesText(const google::protobuf::RepeatedPtrField<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + console::Printable(name);
  return text;
}

}  // namespace

std::string HoldersText(const agency::v1::GetSubmissionHoldersResponse& response, size_t width) {
  if (response.holders().empty()) return "Nobody holds any of it.\n";
  console::Table table({"holder", "version", "since", "state", "section", "basis now", "answer to the newest change"});
  bool not_told = false;
  for (const auto& holder : response.holders()) {
    not_told = not_told || holder.not_told();
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> sections;  // By basis and rule.
    for (const auto& section : holder.sections()) {
      const std::string basis = fmt::format("{}; consent {}", console::Words(section.article6()), console::Words(section.consent()));
      sections[{basis, section.rule_id()}].push_back(console::Words(section.category()));
    }
    bool first = true;
    for (const auto& [why, categories] : sections) {
      const std::string what = fmt::format("{} [{}]", fmt::join(categories, ", "), why.second);
      if (first) {
        table.Add({Desk(holder), ShortName(holder.referral()), console::TimeText(holder.since_ms()), console::Words(holder.state()), what,
                   why.first, AnswerOf(holder)});
      } else {
        table.Add({"", "", "", "", what, why.first, ""});
      }
      first = false;
    }
    if (first) {
      table.Add({Desk(holder), ShortName(holder.referral()), console::TimeText(holder.since_ms()), console::Words(holder.state()), "-", "-",
                 AnswerOf(holder)});
    }
  }
  std::string text = table.ToString(width);
  if (not_told) text += "\nWho was not told may not receive a notice now, because a protective rule applies: a person has to see to it.\n";
  return text;
}

std::string StatementText(const agency::v1::ReceivedStatement& statement) {
  std::vector<std::string> says;
  if (!statement.outcome_code().empty()) says.push_back(statement.outcome_code());
  if (statement.decline_reason() != 0) says.push_back(console::Words(statement.decline_reason()));
  if (statement.decision() != 0) says.push_back(console::Words(statement.decision()));
  if (statement.threshold() != 0) says.push_back("need: " + console::Words(statement.threshold()));
  if (!statement.decision_reason().empty()) says.push_back("because: " + statement.decision_reason());
  for (const int reason : statement.return_reasons()) says.push_back(console::Words(static_cast<type::v1::ReturnReason>(reason)));
  if (!statement.redirect_to().empty()) says.push_back("to " + statement.redirect_to());
  if (statement.close_reason() != 0) says.push_back(console::Words(statement.close_reason()));
  if (statement.meeting_at_ms() != 0) says.push_back("meeting " + console::TimeText(statement.meeting_at_ms()));
  if (!statement.other_forum().empty()) {
    says.push_back((statement.kind() == type::v1::STATEMENT_KIND_TRANSFERRED_IN ? "from " : "to ") + statement.other_forum());
  }
  if (statement.change_answer() != 0) says.push_back(console::Words(statement.change_answer()));
  if (statement.check_answer() != 0) says.push_back(console::Words(statement.check_answer()));
  if (statement.check_withheld_reason() != 0) says.push_back(console::Words(statement.check_withheld_reason()));
  std::string text = fmt::format("{}", fmt::join(says, "; "));
  if (statement.kept_article6() != 0) text += ": " + console::Words(statement.kept_article6());
  return text;
}

std::string ActText(const agency::v1::Submission& submission, size_t width) {
  auto facts = console::Table::Facts();
  facts.Add({"request id", submission.request_id()});
  facts.Add({"referral", submission.referral()});
  const bool waits = submission.pending_act() != type::v1::STATEMENT_KIND_UNSPECIFIED;
  facts.Add({"act", waits ? fmt::format("{} waits for the broker; it is sent again by itself", console::Words(submission.pending_act()))
                          : "recorded by the broker, its receipt verified"});
  if (!submission.not_told().empty()) {
    facts.Add({"not told", fmt::format("{}: a protective rule keeps a notice from them; a person has to see to it",
                                       fmt::join(submission.not_told(), ", "))});
  }
  return facts.ToString(width) + fmt::format("Who was told and has answered: accordctl referral holders {}\n", submission.request_id());
}

void PrintAct(Session& session, const agency::v1::Submission& submission) {
  session.json() ? session.PrintJson(ToJson(submission)) : session.Print(ActText(submission, console::TerminalWidth()));
}

std::string NamedText(const admin::v1::Change& change) {
  if (change.has_put_conflict_list()) return console::Printable(ToJson(change).dump(2)) + "\n";
  std::string text;
  const auto& hold = change.set_hold();
  for (const std::string& pseudonym : hold.case_pseudonyms()) text += fmt::format("covers case {}\n", ToHex(pseudonym));
  for (const auto& subject : hold.subjects()) {
    text += fmt::format("covers a person, by a token of {}:{}:{}; of the token itself the broker keeps only its own digest, {}\n", console::Printable(subject.domain()),
                        console::Printable(subject.token_key()), subject.recipe(), ToHex(subject.token()));
  }
  return text;
}

std::string PlannedText(const admin::v1::GetChangeResponse& response, size_t width) {
  std::string text;
  if (!response.planned_before().empty()) {
    text += console::Paragraph(fmt::format("Before it comes into force the same will be replaced by {}, as was approved: what it makes different is shown from what that leaves.",
                                           NamesText(response.planned_before())),
                               width) + "\n";
  }
  if (!response.planned_withdrawn().empty()) {
    text += console::Paragraph(fmt::format("Once it is in force, what was approved of the same for later is withdrawn when its time comes: {}. Propose anew what of it is still wanted.",
                                           NamesText(response.planned_withdrawn())),
                               width) + "\n";
  }
  return text;
}

}  // namespace accord::accordctl

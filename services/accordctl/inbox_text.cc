#include "services/accordctl/inbox_text.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "common/console/words.h"
#include "services/accordctl/duty_text.h"
#include "services/accordctl/history_text.h"
#include "services/accordctl/references.h"

namespace accord::accordctl {
namespace {

using agency::v1::InboxItem;

std::string Categories(const InboxItem& item) {
  std::vector<std::string> words;
  for (const int category : item.categories()) words.push_back(console::Words(static_cast<type::v1::Category>(category)));
  return fmt::format("{}", fmt::join(words, ", "));
}

// What its sender said of it since; empty when nothing.
std::string Marks(const InboxItem& item) {
  std::vector<std::string> marks;
  if (item.checks()) marks.emplace_back("a check: answer known, not known or withheld");
  if (item.recalled()) marks.emplace_back("recalled: not shown");
  if (item.withdrawn()) marks.emplace_back("withdrawn: nothing more is expected");
  if (item.do_not_use()) marks.emplace_back("do not use the old value");
  if (!item.corrected_by().empty()) marks.push_back("corrected by " + ShortName(item.corrected_by()));
  if (!item.corrects().empty()) marks.push_back("corrects " + ShortName(item.corrects()));
  if (item.consent_changed()) marks.emplace_back("consent changed");
  if (item.answer_due_ms() != 0) marks.push_back("answer by " + console::TimeText(item.answer_due_ms()));
  return fmt::format("{}", fmt::join(marks, "; "));
}

std::string Stripped(std::string text) {
  absl::StripAsciiWhitespace(&text);
  return text;
}

}  // namespace

std::string AssignmentText(const agency::v1::Assignment& assignment) {
  if (assignment.team().empty()) return assignment.worker();
  return assignment.worker().empty() ? "team " + assignment.team() : assignment.worker() + ", team " + assignment.team();
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
  if (item.pick_up_due_ms() != 0 || item.response_due_ms() != 0) table.Add({"due", DueText(item, SystemClock().Now())});
  if (item.has_assignment()) table.Add({"with", AssignmentText(item.assignment())});
  table.Add({"sections", Categories(item)});
  if (item.has_case_history()) table.Add({"case history", HistoryLine(item.case_history())});
  if (const std::string marks = Marks(item); !marks.empty()) table.Add({"since then", marks});
  std::vector<std::string> changed;
  for (const int category : item.changed()) changed.push_back(console::Words(static_cast<type::v1::Category>(category)));
  if (!changed.empty()) table.Add({"changed", fmt::format("{}", fmt::join(changed, ", "))});
  return table.ToString(console::TerminalWidth());
}

console::Table InboxTable() {
  console::Table table({"received", "referral", "from", "purpose", "risk", "state", "due", "with", "sections", "since then"});
  table.KeepWhole(1);
  return table;
}

void AddItem(console::Table& table, const InboxItem& item, absl::Time now) {
  table.Add({console::TimeText(item.received_at_ms()), ShortName(item.referral()), item.sender(), console::Words(item.purpose()),
             console::Words(item.grade()), console::Words(item.state()), DueText(item, now),
             item.has_assignment() ? AssignmentText(item.assignment()) : "", Categories(item), Marks(item)});
}

absl::StatusOr<type::v1::Person> PersonOf(const std::string& option, const std::string& text) {
  const size_t first = text.find(','), last = text.rfind(',');
  const bool three = first != std::string::npos && last != first;
  type::v1::Person person;
  if (three) {
    person.set_family_name(Stripped(text.substr(0, first)));
    person.set_given_names(Stripped(text.substr(first + 1, last - first - 1)));
    person.add_dates_of_birth(Stripped(text.substr(last + 1)));
  }
  if (person.family_name().empty() || person.given_names().empty() || person.dates_of_birth(0).empty()) {
    return UsageError(fmt::format("{} needs a family name, given names and a date of birth: \"Ashdown, Miriam, 1990-02-03\"", option));
  }
  return person;
}

}  // namespace accord::accordctl

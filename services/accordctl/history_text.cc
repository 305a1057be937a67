#include "services/accordctl/history_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "common/console/table.h"
#include "common/console/words.h"

namespace accord::accordctl {
namespace {

std::string Flags(const broker::v1::CaseHistory& history) {
  std::vector<std::string> flags;
  for (const int flag : history.flags()) flags.push_back(console::Words(static_cast<type::v1::CaseFlag>(flag)));
  return fmt::format("{}", fmt::join(flags, ", "));
}

// "3", or "2 to 4".
std::string Events(const broker::v1::CaseHistory& history) {
  return history.events_at_least() == history.events_at_most() ? fmt::format("{}", history.events_at_least())
                                                               : fmt::format("{} to {}", history.events_at_least(), history.events_at_most());
}

}  // namespace

std::string HistoryText(const broker::v1::CaseHistory& history, size_t width) {
  auto facts = console::Table::Facts();
  facts.Add({"found", history.flags().empty() ? "nothing" : Flags(history)});
  const bool certain = history.events_at_least() == history.events_at_most();
  facts.Add({"events", certain ? Events(history) : fmt::format("{}, as their dates are known", Events(history))});
  facts.Add({"reports", fmt::format("{}, by {} {}", history.reports(), history.reporting_agencies(), history.reporting_agencies() == 1 ? "agency" : "agencies")});
  facts.Add({"last Marac referral", console::TimeText(history.last_marac_referral_ms())});
  facts.Add({"last Marac hearing", console::TimeText(history.last_marac_hearing_ms())});
  facts.Add({"other victims", fmt::format("{}", history.other_victims())});
  facts.Add({"by rules", history.rules_version()});
  return facts.ToString(width);
}

std::string HistoryLine(const broker::v1::CaseHistory& history) {
  if (history.flags().empty()) return "nothing found";
  std::string line = fmt::format("{}; {} event{} within the window", Flags(history), Events(history), history.events_at_most() == 1 ? "" : "s");
  if (history.last_marac_referral_ms() != 0) line += fmt::format("; last Marac referral {}", console::TimeText(history.last_marac_referral_ms()));
  if (history.other_victims() != 0) line += fmt::format("; other victims: {}", history.other_victims());
  return line;
}

}  // namespace accord::accordctl

#include "services/accordctl/policy_explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "common/console/table.h"
#include "common/console/words.h"
#include "common/policy/reading.h"

namespace accord::accordctl {
namespace {

constexpr std::string_view kAgreementRule = "agreement/", kEmergencyRule = "emergency/";
constexpr size_t kDayChars = 10;

std::string VerdictWords(const type::v1::SectionDecision& decision) {
  if (decision.verdict() == type::v1::VERDICT_PERMIT && decision.emergency_gap()) return "permit, under the emergency schedule alone";
  return console::Words(decision.verdict());
}

// What a recipient must keep to; empty where nothing was permitted.
std::string ObligationWords(const type::v1::SectionDecision& decision) {
  if (decision.verdict() != type::v1::VERDICT_PERMIT) return "-";
  return fmt::format("{}", fmt::join(ObligationLines(decision.obligations(), decision.recipient_regime()), "\n"));
}

std::string Versions(const Explained& explained) {
  return fmt::format("{}\n{}\n{}", explained.agreement_version.empty() ? "no agreement" : "agreement " + explained.agreement_version,
                     explained.emergency_version.empty() ? "schedule not kept" : "schedule " + explained.emergency_version,
                     explained.law_version.empty() ? "register not kept" : "register " + explained.law_version);
}

}  // namespace

std::vector<std::string> ObligationLines(const type::v1::Obligations& obligations, type::v1::Regime regime) {
  std::vector<std::string> words = {fmt::format("onward: {}", console::Words(obligations.onward()))};
  words.push_back(obligations.retention_days() == 0 ? "kept by the recipient's own schedule"
                                                    : fmt::format("kept for {} days", obligations.retention_days()));
  if (obligations.feedback_working_days() != 0) {
    words.push_back(fmt::format("feedback within {} working days", obligations.feedback_working_days()));
  }
  if (obligations.not_to_alleged_perpetrator()) words.push_back("never to the alleged perpetrator");
  if (regime != type::v1::REGIME_UNSPECIFIED) words.push_back("under " + console::Words(regime));
  return words;
}

std::vector<Explained> LastDecisions(const std::vector<CheckedRow>& rows, const ExplainAbout& about) {
  std::vector<Explained> explained;
  std::map<std::pair<std::string, std::string>, size_t> places;  // By section and recipient.
  for (const CheckedRow& row : rows) {
    const auto time_ms = static_cast<int64_t>(row.leaf.time_ms);
    if (!row.decisions.has_value() || !row.event.has_value() || (about.at_ms.has_value() && time_ms > *about.at_ms)) continue;
    for (const auto& decision : row.decisions->decisions()) {
      if (!about.recipient.empty() && decision.recipient() != about.recipient) continue;
      if (about.category.has_value() && decision.category() != *about.category) continue;
      Explained last{row.index, time_ms, row.event->type(), row.event->agreement_version(), row.event->emergency_version(),
                     row.event->law_version(), decision};
      const auto [place, is_new] = places.emplace(std::pair(decision.section_id(), decision.recipient()), explained.size());
      if (is_new) {
        explained.push_back(std::move(last));
      } else {
        explained[place->second] = std::move(last);
      }
    }
  }
  return explained;
}

std::optional<int64_t> ExplainTime(const std::string& text) {
  const auto time = policy::ParseTime(text);
  if (!time.has_value()) return std::nullopt;
  return absl::ToUnixMillis(*time) + (text.size() == kDayChars ? absl::ToInt64Milliseconds(absl::Hours(24)) - 1 : 0);
}

std::optional<std::pair<std::string, std::string>> RouteOfRule(const std::string& rule_id) {
  const size_t slash = rule_id.find('/', kAgreementRule.size());
  if (!rule_id.starts_with(kAgreementRule) || slash == std::string::npos) return std::nullopt;
  return std::pair(rule_id.substr(kAgreementRule.size(), slash - kAgreementRule.size()), rule_id.substr(slash + 1));
}

std::optional<std::string> ScheduleOfRule(const std::string& rule_id) {
  if (!rule_id.starts_with(kEmergencyRule)) return std::nullopt;
  return rule_id.substr(kEmergencyRule.size());
}

std::string ExplainText(const std::vector<Explained>& decisions, size_t width) {
  // Sections of which the same is said share a row.
  std::vector<std::vector<std::string>> rows;
  for (const Explained& each : decisions) {
    const auto& decision = each.decision;
    const auto& changes = decision.what_would_change_it();
    std::vector<std::string> row = {
        decision.recipient(), console::Words(decision.category()), VerdictWords(decision),
        fmt::format("{}\n[{}]", decision.reason(), decision.rule_id()),
        changes.empty() ? "-" : fmt::format("{}", fmt::join(changes, "\n")), ObligationWords(decision),
        fmt::format("{}\nentry {}: {}", console::TimeText(each.time_ms), each.index, console::Words(each.event)), Versions(each)};
    const auto same = std::find_if(rows.begin(), rows.end(), [&](const auto& other) {
      return other[0] == row[0] && std::equal(row.begin() + 2, row.end(), other.begin() + 2, other.end());
    });
    same == rows.end() ? rows.push_back(std::move(row)) : void((*same)[1] += ", " + row[1]);
  }
  std::string text;
  for (const auto& row : rows) {
    auto facts = console::Table::Facts();
    facts.Add({"recipient", row[0]});
    facts.Add({"sections", row[1]});
    facts.Add({"verdict", row[2]});
    facts.Add({"why", row[3]});
    if (row[4] != "-") facts.Add({"would change it", row[4]});
    if (row[5] != "-") facts.Add({"obligations", row[5]});
    facts.Add({"decided", row[6]});
    facts.Add({"in force then", row[7]});
    text += (text.empty() ? "" : "\n") + facts.ToString(width);
  }
  return text;
}

}  // namespace accord::accordctl

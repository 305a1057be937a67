#include "common/policy/case_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/policy/policy_text.h"
#include "common/policy/reading.h"
#include "common/policy/words.h"
#include "common/referral/risk.h"

namespace accord::policy {
namespace {

using referral::CaseRules;
using type::v1::ReferralType;

constexpr std::string_view kReferral = "referral", kHearing = "hearing";

uint32_t ReadNumber(config::Table& table, std::string_view key, int64_t min, int64_t max) {
  return static_cast<uint32_t>(table.RequiredInt(key, min, max));
}

CaseRules::Anchor ReadAnchor(config::Table& table) {
  const std::string word = table.RequiredString("anchor");
  if (word == kHearing) return CaseRules::Anchor::kHearing;
  if (word != kReferral && !word.empty()) table.Reject("anchor", fmt::format("`{}` is neither `{}` nor `{}`", word, kReferral, kHearing));
  return CaseRules::Anchor::kReferral;
}

}  // namespace

absl::StatusOr<CaseRules> ParseCaseRules(std::string_view text, const std::string& name) {
  const auto malformed = [](std::string_view why) { return Error(Reason::kFieldInvalid, why, {{"field", "case_rules"}}); };
  if (!IsUtf8(text)) return malformed(fmt::format("{}: the text is not UTF-8", name));
  if (text.size() > kPolicyTextBytesMax) return malformed(fmt::format("{}: the text is over {} bytes", name, kPolicyTextBytesMax));
  auto root = config::Table::Parse(text, name);
  if (!root.ok()) return malformed(FromAbsl(root.status().message()));
  CaseRules rules;
  rules.version = root->RequiredString("version");
  rules.effective_from = RequiredTime(*root, "effective_from");
  config::Table escalation = root->Section("escalation");
  rules.escalation_events = ReadNumber(escalation, "events", 2, referral::kEscalationEventsMax);
  rules.escalation_months = ReadNumber(escalation, "months", 1, referral::kCaseMonthsMax);
  const auto types = Words<ReferralType>(escalation, "types");
  rules.event_types.insert(types.begin(), types.end());
  config::Table repeat = root->Section("repeat");
  rules.repeat_months = ReadNumber(repeat, "months", 1, referral::kCaseMonthsMax);
  rules.repeat_anchor = ReadAnchor(repeat);
  config::Table other_victims = root->Section("other_victims");
  rules.other_victim_months = ReadNumber(other_victims, "months", 1, referral::kCaseMonthsMax);
  config::Table grades = root->Section("grades");
  rules.ric.medium = ReadNumber(grades, "ric_medium", 1, referral::kRicScoreMax);
  rules.ric.high = ReadNumber(grades, "ric_high", 1, referral::kRicScoreMax);
  if (const absl::Status finished = root->Finish(); !finished.ok()) return malformed(FromAbsl(finished.message()));
  if (const absl::Status valid = referral::ValidateCaseRules(rules); !valid.ok()) {
    return malformed(fmt::format("{}: {}", name, FromAbsl(valid.message())));
  }
  return rules;
}

std::string CaseRulesText(const CaseRules& rules) {
  const absl::Time from = rules.effective_from == absl::InfinitePast() ? absl::UnixEpoch() : rules.effective_from;
  std::vector<std::string> types;
  for (const ReferralType type : rules.event_types) types.push_back(fmt::format("\"{}\"", ToWord(type)));
  return fmt::format("version = \"{}\"\neffective_from = \"{}\"\n", rules.version, TimeText(from)) +
         fmt::format("\n[escalation]\nevents = {}\nmonths = {}\ntypes = [{}]\n", rules.escalation_events, rules.escalation_months,
                     fmt::join(types, ", ")) +
         fmt::format("\n[repeat]\nmonths = {}\nanchor = \"{}\"\n", rules.repeat_months, AnchorText(rules.repeat_anchor)) +
         fmt::format("\n[other_victims]\nmonths = {}\n", rules.other_victim_months) +
         fmt::format("\n[grades]\nric_medium = {}\nric_high = {}\n", rules.ric.medium, rules.ric.high);
}

std::string AnchorText(CaseRules::Anchor anchor) {
  return std::string(anchor == CaseRules::Anchor::kHearing ? kHearing : kReferral);
}

}  // namespace accord::policy

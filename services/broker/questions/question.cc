#include "services/broker/questions/question.h"

#include <algorithm>

#include "common/referral/school_days.h"
#include "services/broker/questions/themes.h"

namespace accord::broker {
namespace {

std::vector<Question> AllQuestions() {
  std::vector<Question> all;
  for (auto& theme : {TimelinessQuestions(), ReachQuestions(), SharingQuestions(), RepeatQuestions(), ForumQuestions(), RecordQuestions(), CommissioningQuestions()}) {
    all.insert(all.end(), theme.begin(), theme.end());
  }
  std::sort(all.begin(), all.end(), [](const Question& a, const Question& b) { return a.number < b.number; });
  return all;
}

}  // namespace

std::span<const Question> Questions() {
  static const auto& all = *new std::vector<Question>(AllQuestions());
  return all;
}

const Question* FindQuestion(uint32_t number) {
  const auto all = Questions();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Question& question) { return question.number == number; });
  return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> ParametersOf(const Question& question) {
  std::vector<std::string> names;
  if (question.one) {
    names = {"from_ms", "until_ms"};
  } else {
    names = {"areas", "agencies", "from_ms!", "until_ms!", "grades", "age_bands", "as_at_ms"};
  }
  // A needed one replaces what stands there already.
  for (const std::string_view parameter : question.parameters) names.emplace_back(parameter);
  if (question.counts) names.emplace_back("for_publication");
  return names;
}

inspection::v1::Question DescribeQuestion(const Question& question) {
  inspection::v1::Question described;
  described.set_number(question.number);
  described.set_title(std::string(question.title));
  described.set_definition(std::string(question.definition));
  for (std::string& parameter : ParametersOf(question)) described.add_parameters(std::move(parameter));
  for (const std::string_view field : question.fields) described.add_fields(std::string(field));
  return described;
}

type::v1::AgencyKind QuestionInput::KindOf(std::string_view agency) const {
  const auto found = agencies.find(agency);
  return found == agencies.end() ? type::v1::AGENCY_KIND_UNSPECIFIED : found->second.kind;
}

std::string QuestionInput::AreaOf(std::string_view agency) const {
  const auto found = agencies.find(agency);
  return found == agencies.end() || found->second.areas.empty() ? std::string() : found->second.areas.front();
}

int64_t QuestionInput::SchoolStartMs(std::string_view agency, int64_t ms) const {
  const std::vector<std::string> areas_there = {AreaOf(agency)};
  return absl::ToUnixMillis(referral::NextSchoolStart(clocks.school_terms, areas_there.front(), referral::HolidaysOf(clocks, areas_there), absl::FromUnixMillis(ms)));
}

const std::string& QuestionInput::GroupOf(const std::string& pseudonym) const {
  const auto found = groups.find(pseudonym);
  return found == groups.end() ? pseudonym : found->second;
}

std::vector<const ReferralFacts*> QuestionInput::SameCases(const ReferralFacts& facts) const {
  std::vector<const ReferralFacts*> same;
  for (const std::string& pseudonym : facts.cases) {
    const auto found = by_case.find(GroupOf(pseudonym));
    if (found != by_case.end()) same.insert(same.end(), found->second.begin(), found->second.end());
  }
  if (same.empty()) return {&facts};
  if (facts.cases.size() == 1) return same;
  const auto earlier = [](const ReferralFacts* a, const ReferralFacts* b) { return a->stored_index < b->stored_index; };
  std::sort(same.begin(), same.end(), earlier);
  same.erase(std::unique(same.begin(), same.end()), same.end());
  return same;
}

}  // namespace accord::broker

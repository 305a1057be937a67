#include "common/agent/person_match.h"

#include <algorithm>
#include <set>
#include <utility>

namespace accord::agent {
namespace {

using type::v1::MatchStrength;
using type::v1::Person;

void AddNamed(const type::v1::SectionContent& content, std::vector<NamedPerson>& named) {
  if (content.has_identity()) named.push_back({&content.identity().victim(), type::v1::SUBJECT_ROLE_VICTIM});
  for (const auto& row : content.alleged_perpetrators().alleged_perpetrators()) {
    named.push_back({&row.person(), type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR});
  }
  for (const auto& row : content.children().children()) {
    named.push_back({&row.person(), row.expected_on().empty() ? type::v1::SUBJECT_ROLE_CHILD : type::v1::SUBJECT_ROLE_UNBORN_CHILD});
  }
}

bool SharesNumber(const Person& one, const Person& other) {
  if (!one.record_number().empty() && one.record_number() == other.record_number()) return true;
  return std::any_of(one.identifiers().begin(), one.identifiers().end(), [&](const auto& mine) {
    return std::any_of(other.identifiers().begin(), other.identifiers().end(), [&](const auto& theirs) {
      return !mine.value().empty() && mine.scheme() == theirs.scheme() && mine.value() == theirs.value();
    });
  });
}

}  // namespace

bool PersonMatch::better_than(const PersonMatch& other) const {
  const auto rank = [](const PersonMatch& match) {
    const int strength = match.strength == type::v1::MATCH_STRENGTH_STRONG ? 2 : match.strength == type::v1::MATCH_STRENGTH_WEAK ? 1 : 0;
    // As strongly in two roles: the one in which most is marked.
    return std::pair(strength, match.role == type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR);
  };
  return rank(*this) > rank(other);
}

std::vector<NamedPerson> NamedIn(std::span<const agency::v1::OpenedSection> sections) {
  std::vector<NamedPerson> named;
  for (const auto& section : sections) AddNamed(section.content(), named);
  return named;
}

std::vector<NamedPerson> NamedIn(const storage::v1::StoredSubmission& sent) {
  std::vector<NamedPerson> named;
  for (const auto& section : sent.draft().sections()) AddNamed(section.content(), named);
  for (const auto& subject : sent.draft().subjects()) named.push_back({&subject.person(), subject.part().role()});
  return named;
}

std::vector<std::string> RecordNumbersOf(std::span<const NamedPerson> named) {
  std::vector<std::string> numbers;
  std::set<std::string> seen;
  for (const NamedPerson& one : named) {
    const std::string& number = one.person->record_number();
    if (!number.empty() && seen.insert(number).second) numbers.push_back(number);
  }
  return numbers;
}

PersonMatcher::PersonMatcher(const AgencyKeys& keys, Person person)
    : keys_(keys), person_(std::move(person)), tokens_(TokensOf(keys, person_)) {}

MatchStrength PersonMatcher::StrengthOf(const Person& person, const PersonTokens& tokens, bool by_number) const {
  if (by_number && SharesNumber(person_, person)) return type::v1::MATCH_STRENGTH_STRONG;
  return StrengthAmong(tokens);
}

MatchStrength PersonMatcher::StrengthOf(const Person& person, bool by_number) const {
  if (by_number && SharesNumber(person_, person)) return type::v1::MATCH_STRENGTH_STRONG;
  return StrengthAmong(TokensOf(keys_, person));
}

MatchStrength PersonMatcher::StrengthAmong(const storage::v1::StoredInboxPeople& people) const {
  return AreCurrent(keys_, people) ? StrengthAmong(TokensOf(keys_, people)) : type::v1::MATCH_STRENGTH_UNSPECIFIED;
}

MatchStrength PersonMatcher::StrengthAmong(const PersonTokens& tokens) const {
  if (!tokens_.strong.empty() && IsSurelyAmong(tokens_, tokens)) return type::v1::MATCH_STRENGTH_STRONG;
  return MayBeAmong(tokens_, tokens) ? type::v1::MATCH_STRENGTH_WEAK : type::v1::MATCH_STRENGTH_UNSPECIFIED;
}

PersonMatch PersonMatcher::Recognise(std::span<const NamedPerson> named, bool by_number) const {
  PersonMatch best;
  for (const NamedPerson& one : named) {
    const PersonMatch match{StrengthOf(*one.person, by_number), one.role};
    if (match.found() && match.better_than(best)) best = match;
  }
  return best;
}

}  // namespace accord::agent

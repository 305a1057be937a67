#include "services/broker/questions/asked.h"

#include <algorithm>

#include "services/broker/questions/rows.h"

namespace accord::broker {
namespace {

template <typename List, typename Value>
bool Lists(const List& list, const Value& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

bool IsAskedAbout(const ReferralFacts& facts, const AskedCodes& grades, const AskedCodes& age_bands) {
  if (!grades.empty() && !Lists(grades, CoreOf(facts).risk().grade())) return false;
  if (age_bands.empty()) return true;
  return std::any_of(facts.parts.subjects.begin(), facts.parts.subjects.end(), [&](const type::v1::SubjectPart& subject) {
    const bool about = subject.role() != type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR && subject.role() != type::v1::SUBJECT_ROLE_OTHER;
    return about && Lists(age_bands, subject.age_band());
  });
}

bool IsNarrowed(const Scope& scope, const AskedNames& areas, const AskedNames& agencies) {
  const auto& covers = scope.warrant().scope();
  return areas.empty() && agencies.empty() && (!covers.areas().empty() || !covers.agencies().empty());
}

AskedWhere WhereAsked(const Scope& scope, const AskedNames& areas, const AskedNames& agencies) {
  AskedWhere where{.agencies = {agencies.begin(), agencies.end()}, .areas = {areas.begin(), areas.end()}};
  if (!IsNarrowed(scope, areas, agencies)) return where;
  const auto& covers = scope.warrant().scope();
  where.areas = {covers.areas().begin(), covers.areas().end()};
  if (where.areas.empty()) where.agencies = {covers.agencies().begin(), covers.agencies().end()};
  return where;
}

std::vector<std::string> AgenciesThere(const Scope& scope, const AskedWhere& where, const std::map<std::string, AgencyFacts, std::less<>>& agencies) {
  const auto& covered = scope.warrant().scope().agencies();
  std::vector<std::string> there;
  for (const auto& [id, facts] : agencies) {
    const bool of_area = std::any_of(facts.areas.begin(), facts.areas.end(), [&](const std::string& area) { return Lists(where.areas, area); });
    if ((of_area || Lists(where.agencies, id)) && (covered.empty() || Lists(covered, id))) there.push_back(id);
  }
  return there;
}

}  // namespace accord::broker

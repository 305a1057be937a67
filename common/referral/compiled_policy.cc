#include <absl/algorithm/container.h>
#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "common/referral/decision.h"
#include "common/referral/policy_index.h"

namespace accord::referral {
namespace {

void Set(RouteBits& bits, size_t route) { bits[route / 64] |= uint64_t{1} << (route % 64); }

// May `route` reach `id` in some referral? Whether it does in one that is for another forum is asked of that.
bool Reaches(const Route& route, const std::string& id, const PolicyAgency& agency, const PolicySources& sources) {
  if (absl::c_linear_search(route.to_kinds, agency.kind) || absl::c_linear_search(route.to_agencies, id)) return true;
  return std::any_of(route.to_forums.begin(), route.to_forums.end(), [&](const std::string& name) {
    const auto forum = sources.forums.find(name);
    return forum != sources.forums.end() && forum->second.members.contains(id);
  });
}

CompiledAgreement Compile(const Agreement& agreement, const PolicySources& sources) {
  CompiledAgreement compiled;
  compiled.agreement = &agreement;
  for (const Route& route : agreement.routes) compiled.routes.push_back(&route);
  std::sort(compiled.routes.begin(), compiled.routes.end(), [](const Route* a, const Route* b) {
    return std::tie(a->needs_consent, a->id) < std::tie(b->needs_consent, b->id);
  });
  const RouteBits none((compiled.routes.size() + 63) / 64);
  compiled.by_purpose.fill(none);
  compiled.by_category.fill(none);
  for (const std::string& party : agreement.parties) {
    if (sources.agencies.contains(party)) compiled.from[party] = compiled.to[party] = none;
  }
  for (size_t i = 0; i < compiled.routes.size(); ++i) {
    const Route& route = *compiled.routes[i];
    compiled.rule_ids.push_back(fmt::format("agreement/{}/{}", agreement.version, route.id));
    for (const type::v1::Purpose purpose : route.purposes) Set(compiled.by_purpose[purpose], i);
    for (const type::v1::Category category : route.categories) Set(compiled.by_category[category], i);
    for (auto& [id, bits] : compiled.from) {
      const PolicyAgency& agency = sources.agencies.find(id)->second;
      if (absl::c_linear_search(route.from_kinds, agency.kind) || absl::c_linear_search(route.from_agencies, id)) Set(bits, i);
      if (Reaches(route, id, agency, sources)) Set(compiled.to[id], i);
    }
  }
  return compiled;
}

// The newest of `versions` that has come; of equal times the later in the list. Null when none has.
template <typename Version>
const Version* Newest(const std::vector<Version>& versions, absl::Time now) {
  const Version* newest = nullptr;
  for (const Version& version : versions) {
    if (version.effective_from <= now && (newest == nullptr || version.effective_from >= newest->effective_from)) newest = &version;
  }
  return newest;
}

}  // namespace

CompiledPolicy::CompiledPolicy(PolicySources sources) {
  auto index = std::make_shared<Index>();
  index->sources = std::move(sources);
  const PolicySources& kept = index->sources;
  for (const Agreement& agreement : kept.agreements) index->agreements.push_back(Compile(agreement, kept));
  for (const auto& [id, agency] : kept.agencies) {
    if (!agency.active) continue;
    CompiledAgency& compiled = index->agencies[id];
    compiled.facts = &agency;
    for (const std::string& area : agency.areas) {
      const type::v1::Jurisdiction jurisdiction = JurisdictionOf(area);
      if (jurisdiction != type::v1::JURISDICTION_UNSPECIFIED && !absl::c_linear_search(compiled.jurisdictions, jurisdiction)) {
        compiled.jurisdictions.push_back(jurisdiction);
      }
    }
  }
  index_ = std::move(index);
}

const PolicySources& CompiledPolicy::sources() const { return index_->sources; }

std::vector<const CompiledAgreement*> CompiledPolicy::Index::Live(absl::Time now) const {
  std::map<std::string_view, const CompiledAgreement*> newest;
  for (const CompiledAgreement& version : agreements) {
    if (version.agreement->effective_from > now) continue;
    const CompiledAgreement*& held = newest[version.agreement->id];
    if (held == nullptr || version.agreement->effective_from >= held->agreement->effective_from) held = &version;
  }
  std::vector<const CompiledAgreement*> live;
  for (const auto& [id, version] : newest) {
    // A version that ran out is not followed by the one before it: that had ended when this one came.
    if (now < version->agreement->expires) live.push_back(version);
  }
  return live;
}

std::vector<const Agreement*> CompiledPolicy::LiveAgreements(absl::Time now) const {
  std::vector<const Agreement*> live;
  for (const CompiledAgreement* agreement : index_->Live(now)) live.push_back(agreement->agreement);
  return live;
}

const EmergencySchedule& CompiledPolicy::Schedule(absl::Time now) const {
  const EmergencySchedule* newest = Newest(index_->sources.schedules, now);
  if (newest != nullptr) return *newest;
  static const EmergencySchedule* const kDefault = new EmergencySchedule();
  return *kDefault;
}

const LegalRegister& CompiledPolicy::Law(absl::Time now) const {
  const LegalRegister* newest = Newest(index_->sources.laws, now);
  if (newest != nullptr) return *newest;
  static const LegalRegister* const kDefault = new LegalRegister(DefaultLegalRegister());
  return *kDefault;
}

const ClockRules& CompiledPolicy::Clocks(absl::Time now) const {
  const ClockRules* newest = Newest(index_->sources.clocks, now);
  if (newest != nullptr) return *newest;
  static const ClockRules* const kDefault = new ClockRules(DefaultClockRules());
  return *kDefault;
}

const CaseRules& CompiledPolicy::CaseRules(absl::Time now) const {
  const referral::CaseRules* newest = Newest(index_->sources.cases, now);
  if (newest != nullptr) return *newest;
  static const referral::CaseRules* const kDefault = new referral::CaseRules(DefaultCaseRules());
  return *kDefault;
}

const ClockRules& CompiledPolicy::ClocksOf(std::string_view version, absl::Time now) const {
  for (const ClockRules& rules : index_->sources.clocks) {
    if (rules.version == version) return rules;
  }
  return Clocks(now);
}

}  // namespace accord::referral

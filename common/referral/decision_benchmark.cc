// What a decision costs for each section and recipient under an agreement of 500 routes (goal: under 1 µs, warm).
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "common/referral/decision.h"
#include "common/referral/testing_parts.h"

namespace accord::referral {
namespace {

using namespace testing;  // NOLINT

constexpr int kAgencies = 40;

// 40 agencies of all kinds, 500 routes over kinds, purposes and categories: some by kind, some by name, some with conditions.
PolicySources LargePolicy() {
  PolicySources policy;
  Agreement& agreement = policy.agreements.emplace_back();
  agreement.version = "large-1";
  agreement.effective_from = kNow - absl::Hours(1);
  agreement.expires = kNow + absl::Hours(1);
  for (int i = 0; i < kAgencies; ++i) {
    const std::string id = fmt::format("agency-{}", i);
    agreement.parties.push_back(id);
    policy.agencies[id] = {.kind = static_cast<AgencyKind>(1 + i % 10), .active = true, .areas = {fmt::format("E0800{:04}", i % 5)}};
  }
  for (int i = 0; i < 500; ++i) {
    Route& route = agreement.routes.emplace_back();
    route.id = fmt::format("route-{}", i);
    route.from_kinds = {static_cast<AgencyKind>(1 + i % 10), static_cast<AgencyKind>(1 + i / 10 % 10)};
    if (i % 7 == 0) {
      route.to_agencies = {fmt::format("agency-{}", i % kAgencies)};
    } else {
      route.to_kinds = {static_cast<AgencyKind>(1 + i / 3 % 10), static_cast<AgencyKind>(1 + i / 7 % 10)};
    }
    route.purposes = {static_cast<Purpose>(1 + i % 8), static_cast<Purpose>(1 + i / 5 % 8)};
    for (int category = 1; category < Category_ARRAYSIZE; ++category) {
      if ((i + category) % 3 == 0) route.categories.push_back(static_cast<Category>(category));
    }
    if (i % 5 == 0) route.min_grade = RISK_GRADE_HIGH;
    if (i % 11 == 0) route.needs_consent = true;
  }
  return policy;
}

HeaderParts LargeParts(bool consent) {
  HeaderParts parts = SampleParts();
  parts.core.set_sender("agency-0");
  parts.core.mutable_risk()->set_grade(RISK_GRADE_HIGH);
  parts.recipients.resize(8, parts.recipients[0]);
  for (size_t i = 0; i < parts.recipients.size(); ++i) parts.recipients[i].set_agency(fmt::format("agency-{}", i + 1));
  parts.sections.resize(12, parts.sections[0]);
  for (size_t i = 0; i < parts.sections.size(); ++i) {
    parts.sections[i].set_section_id(Id(static_cast<char>('a' + i)));
    parts.sections[i].set_category(static_cast<Category>(1 + i));
  }
  if (!consent) parts.tags[0].set_consent(CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE);
  return parts;
}

// Arguments: 1 when the person consents, 0 when neither consent nor a basis is there and every answer says what lacks.
void BM_Decide(benchmark::State& state) {
  const CompiledPolicy policy(LargePolicy());
  const HeaderParts parts = LargeParts(state.range(0) == 1);
  size_t pairs = 0, permits = 0;
  for (auto _ : state) {
    const Decisions decisions = Decide(policy, parts, {}, kNow);
    pairs += decisions.decisions.size();
    permits += PermittedSections(decisions, "agency-1").size();
  }
  state.SetItemsProcessed(static_cast<int64_t>(pairs));
  state.counters["pair"] = benchmark::Counter(static_cast<double>(pairs), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["permits"] = benchmark::Counter(static_cast<double>(permits), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_Decide)->Arg(1)->Arg(0);

}  // namespace
}  // namespace accord::referral

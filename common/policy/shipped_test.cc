// Goal: the tables of cases that come with the project hold for the documents that come with it, so that an area can begin with
// both, and a change of either that the other does not know of is seen. Tests run in the root of the project.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/policy/cases.h"
#include "common/policy/difference.h"
#include "common/policy/policy_text.h"

namespace accord::policy::shipped_test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

std::string Text(const std::string& path) {
  const auto text = ReadFile(path, 1u << 20);
  EXPECT_EQ(text.status(), absl::OkStatus());
  return text.ok() ? *text : "";
}

std::vector<std::string> Tables() {
  std::vector<std::string> tables;
  for (const auto& file : fs::directory_iterator("deploy/policy-tests")) tables.push_back(file.path().string());
  std::sort(tables.begin(), tables.end());
  return tables;
}

TEST(ShippedTest, TheRegisterSaysWhatTheProgramIsBuiltWith) {
  const auto law = ParseRegister(Text("deploy/legal-register.toml"), "deploy/legal-register.toml");
  ASSERT_EQ(law.status(), absl::OkStatus());
  EXPECT_THAT(DiffRegisters(referral::DefaultLegalRegister(), *law),
              ElementsAre("version: law-1 -> law-2", "effective_from: not set -> 2026-01-01"));
}

TEST(ShippedTest, TheScheduleIsNarrowerThanTheBuiltInOne) {
  const auto schedule = ParseSchedule(Text("deploy/emergency-schedule.toml"), "deploy/emergency-schedule.toml");
  ASSERT_EQ(schedule.status(), absl::OkStatus());
  EXPECT_THAT(DiffSchedules(referral::EmergencySchedule(), *schedule),
              ElementsAre("version: emergency-1 -> emergency-2", "effective_from: not set -> 2026-01-01",
                          "recipients: added childrens_services (duty_team), health (emergency_department); removed childrens_services, health"));
}

class ShippedTablesTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ShippedTablesTest, HoldForTheShippedDocuments) {
  const auto agreement = ParseAgreement(Text("deploy/agreement.toml"), "deploy/agreement.toml");
  ASSERT_EQ(agreement.status(), absl::OkStatus());
  referral::PolicySources sources;
  sources.agreements.push_back(*agreement);
  sources.schedules.push_back(*ParseSchedule(Text("deploy/emergency-schedule.toml")));
  sources.laws.push_back(*ParseRegister(Text("deploy/legal-register.toml")));
  const auto table = ParseCases(Text(GetParam()), GetParam());
  ASSERT_EQ(table.status(), absl::OkStatus());
  EXPECT_FALSE(table->agencies.empty()) << "a shipped table stands by itself";
  const absl::Time now = absl::FromCivil(absl::CivilDay(2026, 12, 1), absl::UTCTimeZone());
  const auto results = RunCases(referral::CompiledPolicy(std::move(sources)), *table, now);
  bool withholds = false, permits = false;
  for (const CaseResult& result : results) {
    EXPECT_TRUE(result.passed) << result.name << " (" << type::v1::Category_Name(result.category) << ")\n  expected " << result.expected
                               << "\n  got      " << result.got << "\n  " << result.reason;
    permits |= result.got.starts_with("permit");
    withholds |= !result.got.starts_with("permit");
  }
  EXPECT_TRUE(permits && withholds) << "a table says what goes and what does not";
}

INSTANTIATE_TEST_SUITE_P(All, ShippedTablesTest, ::testing::ValuesIn(Tables()), [](const auto& info) {
  std::string name = fs::path(info.param).stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

// Every route of the shipped agreement is the rule of some case that is permitted: one that is taken out is missed.
TEST(ShippedTest, EveryRouteHasACase) {
  const auto agreement = ParseAgreement(Text("deploy/agreement.toml"));
  ASSERT_EQ(agreement.status(), absl::OkStatus());
  std::set<std::string> named;
  for (const std::string& path : Tables()) {
    const auto table = ParseCases(Text(path), path);
    ASSERT_EQ(table.status(), absl::OkStatus());
    for (const PolicyCase& each : table->cases) {
      if (each.expect.verdict == type::v1::VERDICT_PERMIT) named.insert(each.expect.rule);
    }
  }
  for (const referral::Route& route : agreement->routes) EXPECT_TRUE(named.contains(route.id)) << route.id;
}

// The shipped documents, and how many results of the shipped tables differ under them.
struct Shipped {
  referral::Agreement agreement = *ParseAgreement(Text("deploy/agreement.toml"));
  referral::EmergencySchedule schedule = *ParseSchedule(Text("deploy/emergency-schedule.toml"));
  referral::LegalRegister law = *ParseRegister(Text("deploy/legal-register.toml"));

  size_t Misses() const {
    static const auto* const tables = [] {
      auto* read = new std::vector<CaseTable>();
      for (const std::string& path : Tables()) read->push_back(*ParseCases(Text(path), path));
      return read;
    }();
    const absl::Time now = absl::FromCivil(absl::CivilDay(2026, 12, 1), absl::UTCTimeZone());
    size_t misses = 0;
    for (const CaseTable& table : *tables) {
      referral::PolicySources sources;
      sources.agreements = {agreement};
      sources.schedules = {schedule};
      sources.laws = {law};
      for (const CaseResult& result : RunCases(referral::CompiledPolicy(std::move(sources)), table, now)) misses += !result.passed;
    }
    return misses;
  }
};

// Each rule of the documents is spoilt in turn, and some case of the tables must see it.
TEST(ShippedTest, TheTablesSeeEveryRuleThatIsSpoilt) {
  const Shipped shipped;
  ASSERT_EQ(shipped.Misses(), 0u);
  for (size_t i = 0; i < shipped.agreement.routes.size(); ++i) {
    const auto spoil = [&](const std::string& what, auto change) {
      Shipped spoilt = shipped;
      change(spoilt.agreement.routes, spoilt.agreement.routes[i]);
      EXPECT_GT(spoilt.Misses(), 0u) << shipped.agreement.routes[i].id << ": " << what;
    };
    spoil("taken out", [&](auto& routes, auto&) { routes.erase(routes.begin() + static_cast<ptrdiff_t>(i)); });
    // The duty to refer needs consent whatever a route says.
    const bool duty = shipped.agreement.routes[i].purposes == std::vector{type::v1::PURPOSE_HOUSING_DUTY_TO_REFER};
    if (shipped.agreement.routes[i].needs_consent && !duty) spoil("consent not needed", [](auto&, auto& route) { route.needs_consent = false; });
    if (shipped.agreement.routes[i].confidential_address) spoil("no address", [](auto&, auto& route) { route.confidential_address = false; });
    if (shipped.agreement.routes[i].min_grade != type::v1::RISK_GRADE_UNSPECIFIED) {
      spoil("any grade", [](auto&, auto& route) { route.min_grade = type::v1::RISK_GRADE_UNSPECIFIED; });
    }
    spoil("for another purpose", [](auto&, auto& route) { route.purposes = {type::v1::PURPOSE_VICTIM_INFORMATION_REQUEST}; });
  }
  for (size_t i = 0; i < shipped.schedule.recipients.size(); ++i) {
    Shipped spoilt = shipped;
    spoilt.schedule.recipients.erase(spoilt.schedule.recipients.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_GT(spoilt.Misses(), 0u) << "without recipient " << i << " of the schedule";
  }
  for (size_t i = 0; i < shipped.schedule.categories.size(); ++i) {
    Shipped spoilt = shipped;
    spoilt.schedule.categories.erase(spoilt.schedule.categories.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_GT(spoilt.Misses(), 0u) << "without category " << i << " of the schedule";
  }
}

}  // namespace
}  // namespace accord::policy::shipped_test

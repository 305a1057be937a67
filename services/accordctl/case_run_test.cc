#include "services/accordctl/case_run.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/policy/policy_text.h"

namespace accord::accordctl::case_run_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kCases[] = R"(
[[agency]]
id = "police"
kind = "police"
[[agency]]
id = "idva"
kind = "idva"
[[case]]
name = "risk goes"
from = "police"
to = "idva"
purpose = "support"
category = "risk"
article6 = "public_task"
expect = "permit"
[[case]]
name = "danger now"
from = "police"
to = "idva"
purpose = "marac"
category = "identity"
urgency = "immediate"
expect = "permit"
emergency = true
)";

referral::Agreement Agreement(const std::string& version, const std::string& category, const std::string& from = "2026-01-01",
                              const std::string& id = "area") {
  return *policy::ParseAgreement(fmt::format(R"(
id = "{}"
version = "{}"
parties = ["police", "idva"]
effective_from = "{}"
expires = "2040-01-01"
[[route]]
id = "r"
from_kinds = ["police"]
to_kinds = ["idva"]
purposes = ["support"]
categories = ["{}"]
)", id, version, from, category));
}

const absl::Time kNow = absl::FromCivil(absl::CivilDay(2026, 6, 1), absl::UTCTimeZone());

std::vector<bool> Passed(const CaseRun& run) {
  std::vector<bool> passed;
  for (const auto& result : run.results) passed.push_back(result.passed);
  return passed;
}

TEST(CaseRunTest, AProposedTextStandsInForTheOneInForce) {
  referral::PolicySources live;
  live.agreements = {Agreement("1", "identity"), Agreement("o", "voice", "2026-01-01", "other")};
  ProposedTexts proposed{.table = *policy::ParseCases(kCases)};
  EXPECT_THAT(Passed(RunProposed(proposed, live, kNow)), ::testing::ElementsAre(false, true)) << "as it is now";
  proposed.agreements = {Agreement("2", "risk")};
  const CaseRun run = RunProposed(proposed, live, kNow);
  EXPECT_THAT(Passed(run), ::testing::ElementsAre(true, true));
  EXPECT_EQ(run.at, kNow);
  EXPECT_EQ(run.failed(), 0u);
  proposed.agreements = {Agreement("2", "risk", "2026-01-01", "third")};
  EXPECT_THAT(Passed(RunProposed(proposed, live, kNow)), ::testing::ElementsAre(true, true)) << "beside the others";
  proposed.schedule = *policy::ParseSchedule("version = \"e\"\neffective_from = \"2026-01-01\"\ncategories = [\"identity\"]\n[[recipient]]\nkind = \"police\"\n");
  EXPECT_THAT(Passed(RunProposed(proposed, live, kNow)), ::testing::ElementsAre(true, false));
  proposed.law = *policy::ParseRegister("version = \"l\"\neffective_from = \"2026-01-01\"\n[[basis]]\narticle6 = \"legal_obligation\"\n");
  EXPECT_THAT(Passed(RunProposed(proposed, live, kNow)), ::testing::ElementsAre(false, false));
}

TEST(CaseRunTest, WhatIsProposedForLaterIsTriedThen) {
  ProposedTexts proposed{.table = *policy::ParseCases(kCases), .agreements = {Agreement("2", "risk", "2027-01-01")}};
  const CaseRun run = RunProposed(proposed, {}, kNow);
  EXPECT_EQ(run.at, proposed.agreements[0].effective_from);
  EXPECT_TRUE(run.results[0].passed);
  proposed.at = kNow;
  EXPECT_FALSE(RunProposed(proposed, {}, kNow).results[0].passed) << "unless another time is asked for";
}

TEST(CaseRunTest, TellsWhatFailedAndWhy) {
  ProposedTexts proposed{.table = *policy::ParseCases(kCases), .agreements = {Agreement("2", "voice")}};
  const CaseRun run = RunProposed(proposed, {}, kNow);
  EXPECT_EQ(run.failed(), 1u);
  const std::string text = run.ToText(140);
  for (const char* said : {"FAILS", "risk goes", "permit, any rule", "withhold, default/no-route", "no route for this category", "1 of 2 as expected",
                           "decided as at 2026-06-01"}) {
    EXPECT_THAT(text, HasSubstr(said));
  }
  EXPECT_EQ(run.ToJson()["failed"], 1);
  EXPECT_EQ(run.ToJson()["results"][0]["passed"], false);
  EXPECT_EQ(run.ToJson()["results"][1]["category"], "CATEGORY_IDENTITY");
  proposed.agreements = {Agreement("2", "risk")};
  EXPECT_THAT(RunProposed(proposed, {}, kNow).ToText(140), Not(HasSubstr("FAILS")));
}

}  // namespace
}  // namespace accord::accordctl::case_run_test

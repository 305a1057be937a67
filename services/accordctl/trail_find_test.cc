#include "services/accordctl/trail_find.h"

#include <gtest/gtest.h>

namespace accord::accordctl::trail_find_test {
namespace {

TEST(TrailFindTest, WhatIsTypedIsAsked) {
  FindArguments arguments{.agencies = {"idva"}, .workers = {"w-1"}, .areas = {"E08000012"}, .grades = {"high"}, .events = {"statement"},
                          .statements = {"accepted"}, .verdicts = {"withhold"}, .bases = {"public-task"}, .subjects = {"northshire:2026-1:1:0aff"},
                          .cases = {"00112233445566778899aabbccddeeff"}, .gateways = {"cda1998-s115"}, .schedule8 = {"statutory-purposes"}, .from = "2027-03-31",
                          .until = "2027-03-31T09:30:00Z", .purpose = "audit", .warrant = "jtai-1", .newest_first = true};
  const auto request = FindRequest(arguments);
  ASSERT_TRUE(request.ok()) << request.status();
  const auto& filter = request->filter();
  EXPECT_EQ(request->purpose(), "audit");
  EXPECT_EQ(request->warrant(), "jtai-1");
  EXPECT_EQ(filter.agencies(0), "idva");
  EXPECT_EQ(filter.workers(0), "w-1");
  EXPECT_EQ(filter.areas(0), "E08000012");
  EXPECT_EQ(filter.grades(0), type::v1::RISK_GRADE_HIGH);
  EXPECT_EQ(filter.events(0), type::v1::EVENT_TYPE_STATEMENT);
  EXPECT_EQ(filter.statements(0), type::v1::STATEMENT_KIND_ACCEPTED);
  EXPECT_EQ(filter.verdicts(0), type::v1::VERDICT_WITHHOLD);
  EXPECT_EQ(filter.article6(0), type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
  EXPECT_EQ(filter.subjects(0).domain(), "northshire");
  EXPECT_EQ(filter.subjects(0).token_key(), "2026-1");
  EXPECT_EQ(filter.subjects(0).recipe(), 1u);
  EXPECT_EQ(filter.subjects(0).token(), "\x0a\xff");
  EXPECT_EQ(filter.case_pseudonyms(0).size(), 16u);
  EXPECT_EQ(filter.case_pseudonyms(0).substr(0, 2), std::string("\0\x11", 2));
  EXPECT_EQ(filter.gateways(0), type::v1::GATEWAY_CDA1998_S115);
  EXPECT_EQ(filter.schedule8(0), type::v1::SCHEDULE8_CONDITION_STATUTORY_PURPOSES);
  EXPECT_EQ(filter.until_ms() - filter.from_ms(), (9 * 60 + 30) * 60'000);
  EXPECT_TRUE(filter.newest_first());
}

TEST(TrailFindTest, AWorkerIsOfOneAgencyAndATimeIsOne) {
  EXPECT_TRUE(IsUsageError(FindRequest({.workers = {"w-1"}}).status()));
  EXPECT_TRUE(IsUsageError(FindRequest({.agencies = {"idva", "police"}, .workers = {"w-1"}}).status()));
  EXPECT_TRUE(IsUsageError(FindRequest({.from = "last week"}).status()));
  EXPECT_TRUE(IsUsageError(FindRequest({.cases = {"0011"}}).status()));
}

TEST(TrailFindTest, ASubjectIsATokenInFourParts) {
  for (const char* wrong : {"", "northshire:2026-1:1", "northshire:2026-1:1:0aff:", "northshire:2026-1:1:0af", "northshire:2026-1:one:0aff", "northshire:2026-1:1x:0aff",
                            "Jane Smith"}) {
    EXPECT_TRUE(IsUsageError(FindRequest({.subjects = {wrong}}).status())) << wrong;
  }
}

TEST(TrailFindTest, TheReadingIsExplainedInWords) {
  inspection::v1::ExplainTrailResponse response;
  response.set_path("agency and kind of event");
  response.set_entries(1204);
  EXPECT_EQ(ExplainText(response), "Read by: agency and kind of event; at most 1204 entries. Nothing is left to check.\n");
  response.set_entries(1'000'000);
  response.add_checked("grade");
  response.add_checked("verdict");
  EXPECT_EQ(ExplainText(response), "Read by: agency and kind of event; a million or more entries. Checked one by one: grade, verdict.\n");
}

}  // namespace
}  // namespace accord::accordctl::trail_find_test

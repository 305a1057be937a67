// Goal: a person reads where a warrant stands and what it covers, and what they type becomes the warrant that they mean.
#include "services/accordctl/warrant_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "common/base/text.h"
#include "services/accordctl/session.h"

namespace accord::accordctl::warrant_text_test {
namespace {

using inspection::v1::Warrant;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kDayMs = 86'400'000;

WarrantOptions Typed() {
  return {.id = "jtai-1", .kind = "statutory", .inspectorate = "ofsted", .purpose = "JTAI/2026/7", .power = "CA2004_S20",
          .from = "1970-01-02", .until = "1970-01-03", .starts = "1970-01-04", .ends = "1970-01-05T12:00:00Z", .embargo = "",
          .officers = {"ines"}, .agencies = {"police"}, .areas = {"E08000012"}, .events = {"referral-stored"},
          .cases = {"00112233445566778899aabbccddeeff"}, .sample = 0};
}

TEST(WarrantTextTest, WhatIsTypedIsTheWarrant) {
  const auto warrant = WarrantFrom(Typed());
  ASSERT_TRUE(warrant.ok()) << warrant.status();
  EXPECT_EQ(warrant->kind(), inspection::v1::WARRANT_KIND_STATUTORY);
  EXPECT_EQ(warrant->scope().from_ms(), kDayMs);
  EXPECT_EQ(warrant->scope().until_ms(), 2 * kDayMs);
  EXPECT_EQ(warrant->starts_ms(), 3 * kDayMs);
  EXPECT_EQ(warrant->ends_ms(), 4 * kDayMs + kDayMs / 2);
  EXPECT_EQ(warrant->embargo_until_ms(), 0);
  EXPECT_EQ(warrant->scope().events(0), type::v1::EVENT_TYPE_REFERRAL_STORED);
  EXPECT_EQ(warrant->scope().cases(0).size(), 16u);
  EXPECT_EQ(warrant->officers(0), "ines");
}

TEST(WarrantTextTest, WhatIsMissingOrWrongIsNamedByItsOption) {
  const std::vector<std::pair<std::function<void(WarrantOptions&)>, std::string>> table = {
      {[](WarrantOptions& o) { o.id.clear(); }, "--id"},           {[](WarrantOptions& o) { o.kind.clear(); }, "--kind"},
      {[](WarrantOptions& o) { o.inspectorate.clear(); }, "--body"}, {[](WarrantOptions& o) { o.purpose.clear(); }, "--for"},
      {[](WarrantOptions& o) { o.power.clear(); }, "--power"},     {[](WarrantOptions& o) { o.from.clear(); }, "--from"},
      {[](WarrantOptions& o) { o.until = "soon"; }, "--until"},    {[](WarrantOptions& o) { o.starts.clear(); }, "--starts"},
      {[](WarrantOptions& o) { o.ends.clear(); }, "--ends"},       {[](WarrantOptions& o) { o.embargo = "2026"; }, "--embargo"},
      {[](WarrantOptions& o) { o.cases = {"0011"}; }, "--case"},
  };
  for (const auto& [change, option] : table) {
    WarrantOptions options = Typed();
    change(options);
    const auto warrant = WarrantFrom(options);
    ASSERT_FALSE(warrant.ok()) << option;
    EXPECT_TRUE(IsUsageError(warrant.status())) << option;
    EXPECT_THAT(std::string(FromAbsl(warrant.status().message())), HasSubstr(option));
  }
}

TEST(WarrantTextTest, WhereItStandsIsToldInWords) {
  Warrant warrant = *WarrantFrom(Typed());
  warrant.set_state(inspection::v1::WARRANT_STATE_PROPOSED);
  EXPECT_THAT(WarrantText(warrant, 0, 120), AllOf(HasSubstr("waits for a second officer"), HasSubstr("accordctl warrant activate jtai-1"),
                                                  HasSubstr("referral stored"), HasSubstr("00112233445566778899aabbccddeeff"), HasSubstr("at once")));
  warrant.set_state(inspection::v1::WARRANT_STATE_ACTIVE);
  EXPECT_EQ(WarrantStateText(warrant, warrant.starts_ms() - 1), "begins 1970-01-04 00:00:00Z");
  EXPECT_EQ(WarrantStateText(warrant, warrant.starts_ms()), "in force");
  warrant.set_state(inspection::v1::WARRANT_STATE_SUSPENDED);
  warrant.set_suspension(inspection::v1::WARRANT_SUSPENSION_OUTSIDE_POWER);
  EXPECT_EQ(WarrantStateText(warrant, 0), "suspended: outside power");
  Warrant ended = warrant;
  ended.set_state(inspection::v1::WARRANT_STATE_ENDED);
  EXPECT_EQ(WarrantStateText(ended, 0), "ended") << "by an older broker, which did not say when";
  ended.set_ended_at_ms(kDayMs);
  EXPECT_EQ(WarrantStateText(ended, 0), "ended 1970-01-02 00:00:00Z");
  warrant.mutable_scope()->clear_cases();
  warrant.mutable_scope()->set_sample_cases_max(10);
  warrant.set_sample_cases(4);
  warrant.set_embargo_until_ms(9 * kDayMs);
  EXPECT_THAT(WarrantText(warrant, 0, 120), AllOf(HasSubstr("4 of at most 10"), HasSubstr("from 1970-01-10"), HasSubstr("warrant resume jtai-1")));
  EXPECT_THAT(WarrantTable({warrant}, 0, 200), AllOf(HasSubstr("jtai-1"), HasSubstr("CA2004_S20")));
  EXPECT_EQ(WarrantTable({}, 0, 200), "No warrants.\n");
}

TEST(WarrantTextTest, AnOfficerWhoIsShutOutIsNamedWithTheReason) {
  inspection::v1::OfficerShutOut officer;
  officer.set_officer("ines");
  officer.set_suspended(true);
  officer.set_reason("SUSPENSION_REASON_AGREEMENT_ENDED");
  officer.set_time_ms(kDayMs);
  officer.set_index(90);
  EXPECT_EQ(ShutOutText(officer), "officer ines of your body was SHUT OUT by an administrator at 1970-01-02 00:00:00Z: agreement ended (entry 90)");
  officer.set_reason("SUSPENSION_REASON_OF_LATER\x1b");
  EXPECT_THAT(ShutOutText(officer), AllOf(HasSubstr("SUSPENSION_REASON_OF_LATER"), Not(HasSubstr("\x1b"))));
  officer.set_reason("SUSPENSION_REASON_UNSPECIFIED");
  EXPECT_EQ(ShutOutText(officer), "officer ines of your body was SHUT OUT at 1970-01-02 00:00:00Z by a change that two administrators made: inactive, or of another body; "
                                  "a change has no reason (entry 90)");
  officer.set_suspended(false);
  officer.clear_reason();
  EXPECT_EQ(ShutOutText(officer), "officer ines of your body may call again since 1970-01-02 00:00:00Z (entry 90)");
}

TEST(WarrantTextTest, ALookSaysWhoAskedWhat) {
  inspection::v1::Look look;
  look.set_inspectorate("ofsted");
  look.set_event(type::v1::EVENT_TYPE_QUESTION_ASKED);
  look.set_question(7);
  EXPECT_THAT(LookTable({look}, 200), AllOf(HasSubstr("ofsted"), HasSubstr("question 7 asked")));
  look.set_event(type::v1::EVENT_TYPE_TRAIL_QUERIED);
  look.set_referral("referrals/aa");
  EXPECT_THAT(LookTable({look}, 200), AllOf(HasSubstr("trail queried"), HasSubstr("referrals/aa"), Not(HasSubstr("question"))));
  EXPECT_THAT(LookTable({}, 200), HasSubstr("embargo is not over"));
  EXPECT_EQ(LookTable({}, 60).find('\n'), 58u) << "as wide as the terminal: " << LookTable({}, 60);
}

}  // namespace
}  // namespace accord::accordctl::warrant_text_test

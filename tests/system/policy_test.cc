// The rules of sharing over the real programs, as administrators and agencies work them with accordctl: a text is tried on cases and
// reviewed by its difference before a second administrator approves it, decides from then on, and the record says afterwards by which
// version something was withheld.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/base/file.h"
#include "common/base/status.h"
#include "tests/system/ctl.h"
#include "tests/system/traffic.h"

namespace accord::tests::policy_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PolicyTest : public ::testing::Test {
 protected:
  PolicyTest() : world_({.agreement = OpenAgreement("open-1")}) {}
  void SetUp() override { ASSERT_EQ(world_.StartAll({"police", "childrens", "idva"}), absl::OkStatus()); }

  Ran Ctl(const std::vector<std::string>& words) { return RunCtl(world_, words); }
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(world_.path(name)) << text;
    return world_.path(name);
  }
  // Verdict and rule of the one decision that `policy explain` tells.
  std::string Explain(const std::string& referral, const std::string& category) {
    const auto told = JsonOf(Ctl({"--as", "police", "--json", "policy", "explain", referral, "--recipient", "idva", "--section", category}));
    if (!told.is_object() || told["decisions"].size() != 1) return told.dump();
    const auto& decision = told["decisions"][0]["decision"];
    return decision["verdict"].get<std::string>() + " " + decision["ruleId"].get<std::string>();
  }

  World world_;
};

TEST_F(PolicyTest, ATextIsTriedReviewedApprovedAndExplained) {
  const auto before = Push(world_, "police", TestOptions("NSP-2026-1/1", {}, /*wait_ms=*/20'000));
  ASSERT_EQ(before.status(), absl::OkStatus());

  // Narrower: risk does not go any more.
  std::string text = OpenAgreement("narrow-1");
  const size_t risk = text.find("\"risk\", ");
  ASSERT_NE(risk, std::string::npos) << text;
  text.erase(risk, std::string("\"risk\", ").size());
  const std::string proposed = Write("narrow.toml", text);
  const std::string cases = Write("cases.toml", R"(
[[case]]
name = "risk goes to the Idva"
from = "police"
to = "idva"
purpose = "support"
category = "risk"
article6 = "public_task"
expect = "permit"
)");
  EXPECT_EQ(Ctl({"--as", "idva", "policy", "test", cases}).exit_status, 0) << "with what is in force, and the directory's agencies";
  const Ran tried = Ctl({"--as-admin", "alice", "policy", "test", cases, "--agreement", proposed});
  EXPECT_EQ(tried.exit_status, 1) << tried.output;
  EXPECT_THAT(tried.output, HasSubstr("default/no-route"));

  const Ran made = Ctl({"--as-admin", "alice", "--json", "admin", "propose", "--agreement", proposed});
  ASSERT_EQ(made.exit_status, 0) << made.output;
  const std::string change = JsonOf(made)["name"];
  const Ran review = Ctl({"--as-admin", "bob", "admin", "show", change});
  EXPECT_THAT(review.output, HasSubstr("Against open-1, which is in force"));
  EXPECT_THAT(review.output, HasSubstr("route everything: categories: removed risk"));
  ASSERT_EQ(Ctl({"--as-admin", "bob", "admin", "approve", change}).exit_status, 0);
  EXPECT_THAT(Ctl({"--as", "idva", "policy", "show", "agreement"}).output, HasSubstr("narrow-1"));
  EXPECT_EQ(Ctl({"--as", "idva", "policy", "test", cases}).exit_status, 1);

  // What was shared before was shared under the version of then; what is sent now is withheld under that of now.
  const auto after = Push(world_, "police", TestOptions("NSP-2026-2/1", {}, /*wait_ms=*/20'000));
  ASSERT_EQ(after.status(), absl::OkStatus());
  EXPECT_EQ(Explain("NSP-2026-1/1", "risk"), "VERDICT_PERMIT agreement/open-1/everything");
  EXPECT_EQ(Explain("NSP-2026-2/1", "risk"), "VERDICT_WITHHOLD default/no-route");
  const Ran told = Ctl({"--as", "police", "policy", "explain", "NSP-2026-1/1", "--recipient", "idva"});
  EXPECT_THAT(told.output, HasSubstr("agreement/open-1/everything, as it is kept:"));
  EXPECT_THAT(told.output, HasSubstr("proved to be in the log"));
  const Ran early = Ctl({"--as", "police", "policy", "explain", "NSP-2026-1/1", "--at", "2020-01-01"});
  EXPECT_EQ(early.exit_status, 1);
  EXPECT_THAT(early.output, HasSubstr("ENTRY_NOT_FOUND"));
}

TEST_F(PolicyTest, SchedulesAndRegistersGoTheSameWay) {
  EXPECT_THAT(Ctl({"--as", "idva", "policy", "list"}).output, HasSubstr("built in"));
  const std::pair<std::string, std::string> texts[] = {{"--emergency-schedule", "deploy/emergency-schedule.toml"},
                                                       {"--legal-register", "deploy/legal-register.toml"},
                                                       {"--clock-rules", "deploy/clock-rules.toml"},
                                                       {"--case-rules", "deploy/case-rules.toml"}};
  for (const auto& [option, file] : texts) {
    const Ran made = Ctl({"--as-admin", "alice", "--json", "admin", "propose", option, World::Source(file)});
    ASSERT_EQ(made.exit_status, 0) << made.output;
    ASSERT_EQ(Ctl({"--as-admin", "bob", "admin", "approve", JsonOf(made)["name"].get<std::string>()}).exit_status, 0);
    EXPECT_THAT(Ctl({"--as-admin", "bob", "policy", "diff", World::Source(file)}).output, HasSubstr(" says what "));
  }
  EXPECT_THAT(Ctl({"--as", "idva", "policy", "show", "schedule"}).output, HasSubstr("emergency_department"));
  EXPECT_THAT(Ctl({"--as", "idva", "policy", "show", "clocks"}).output, HasSubstr("clocks-4"));
  EXPECT_THAT(Ctl({"--as", "idva", "policy", "show", "clocks", "clocks-1"}).output, HasSubstr("managers_percent = 25"));
  EXPECT_THAT(Ctl({"--as", "idva", "policy", "show", "cases"}).output, HasSubstr("cases-2"));
  const Ran older = Ctl({"--as", "idva", "policy", "show", "register", "law-1"});
  EXPECT_THAT(older.output, HasSubstr("cda1998_s115"));
  EXPECT_THAT(older.output, Not(HasSubstr("law-2")));
  EXPECT_EQ(Ctl({"--as", "idva", "policy", "show", "register", "law-9"}).exit_status, 1);
  // A forum, as protobuf JSON.
  const std::string forum = Write("forum.json", R"({"putForum": {"forum": {"id": "marac", "members": ["police", "idva"], "coordinator": "idva", "active": true}}})");
  const Ran made = Ctl({"--as-admin", "alice", "--json", "admin", "propose", forum});
  ASSERT_EQ(made.exit_status, 0) << made.output;
  ASSERT_EQ(Ctl({"--as-admin", "bob", "admin", "approve", JsonOf(made)["name"].get<std::string>()}).exit_status, 0);
  EXPECT_THAT(Ctl({"--as", "idva", "policy", "forums"}).output, HasSubstr("police, idva"));
}

}  // namespace
}  // namespace accord::tests::policy_test

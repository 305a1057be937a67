// A legal hold over the real programs, as administrators and agencies work it with accordctl: set by two, it stops an erasure,
// every holder's service answers by itself, nobody else hears of it; lifted, the erasure passes.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "tests/system/ctl.h"
#include "tests/system/traffic.h"

namespace accord::tests::hold_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class HoldTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(world_.StartAll(), absl::OkStatus()); }

  Ran Ctl(const std::vector<std::string>& words) { return RunCtl(world_, words); }
  // Proposes with `words`, as alice.
  std::string Propose(const std::vector<std::string>& words) {
    std::vector<std::string> command = {"--as-admin", "alice", "--json"};
    command.insert(command.end(), words.begin(), words.end());
    const Ran ran = Ctl(command);
    EXPECT_EQ(ran.exit_status, 0) << ran.output;
    const auto change = JsonOf(ran);
    return change.is_object() ? change.value("name", "") : "";
  }
  Ran Approve(const std::string& admin, const std::string& change) { return Ctl({"--as-admin", admin, "admin", "approve", change}); }
  // What each holder answered, by `hold list ID`.
  std::map<std::string, std::string> Answers(const std::string& hold) {
    std::map<std::string, std::string> answers;
    const auto listed = JsonOf(Ctl({"--as-admin", "bob", "--json", "hold", "list", hold}));
    if (!listed.is_object()) return answers;
    for (const auto& row : listed["holds"]) {
      for (const auto& holder : row["holders"]) answers[holder["agency"]] = holder["answer"];
    }
    return answers;
  }

  World world_;
};

TEST_F(HoldTest, StopsAnErasureIsAnsweredByEveryHolderAndLifted) {
  const auto pushed = Push(world_, "police", TestOptions("NSP-2026-1/1", {}, /*wait_ms=*/20'000));
  ASSERT_EQ(pushed.status(), absl::OkStatus());
  const std::string referral = pushed->referral();
  for (const char* agency : {"idva", "childrens"}) ASSERT_EQ(AwaitArrival(world_, agency, referral).status(), absl::OkStatus());

  // Set by two, and not by one.
  const std::string set = Propose({"hold", "set", "--id", "inquest-42", "--referral", referral, "--ground", "inquest", "--authority",
                                   "coroner-durham/42", "--review", "2040-03-31"});
  ASSERT_FALSE(set.empty());
  const Ran alone = Approve("alice", set);
  EXPECT_EQ(alone.exit_status, 1) << alone.output;
  ASSERT_EQ(Approve("bob", set).exit_status, 0);

  // It stops an erasure at once, at the broker and at a holder.
  const std::string erase = Propose({"erase", "--referral", referral, "--ground", "subject-request", "--authority", "dpo-7"});
  const Ran refused = Approve("bob", erase);
  EXPECT_EQ(refused.exit_status, 1) << refused.output;
  EXPECT_THAT(refused.output, HasSubstr("hold"));
  EXPECT_TRUE(Eventually(kStartTime, [&] {
    return Ctl({"--as", "idva", "hold", "list", "inquest-42"}).exit_status == 0;
  }));
  const Ran own = Ctl({"--as", "idva", "inbox", "erase", referral});
  EXPECT_EQ(own.exit_status, 1) << own.output;

  // Every holder's service answers by itself; who holds nothing of it is not a holder, and sees nothing.
  const std::map<std::string, std::string> all_held = {
      {"police", "HOLD_ANSWER_HELD"}, {"idva", "HOLD_ANSWER_HELD"}, {"childrens", "HOLD_ANSWER_HELD"}};
  EXPECT_TRUE(Eventually(kStartTime, [&] { return Answers("inquest-42") == all_held; })) << Ctl({"--as-admin", "bob", "hold", "list", "inquest-42"}).output;
  const Ran table = Ctl({"--as-admin", "bob", "hold", "list", "inquest-42"});
  EXPECT_THAT(table.output, HasSubstr("coroner-durham/42"));
  for (const char* agency : {"housing", "health"}) {
    const Ran nothing = Ctl({"--as", agency, "--json", "hold", "list"});
    EXPECT_EQ(nothing.exit_status, 0) << nothing.output;
    EXPECT_THAT(nothing.output, Not(HasSubstr("inquest-42")));
    EXPECT_EQ(Ctl({"--as", agency, "hold", "answer", "inquest-42", "nothing-held"}).exit_status, 1);
  }
  // A holder sees no other holder.
  const Ran seen = Ctl({"--as", "idva", "--json", "hold", "list", "inquest-42"});
  EXPECT_THAT(seen.output, Not(HasSubstr("childrens")));
  EXPECT_THAT(seen.output, Not(HasSubstr("police")));

  // A person cannot answer away what the service has.
  EXPECT_EQ(Ctl({"--as", "idva", "hold", "answer", "inquest-42", "already-erased", "--on", "2026-01-31"}).exit_status, 1);
  EXPECT_EQ(Ctl({"--as", "idva", "hold", "answer", "inquest-42", "held"}).exit_status, 0);

  // Restarted, broker and holder: it stands.
  ASSERT_EQ(world_.process(kBroker).Stop(kStartTime).status(), absl::OkStatus());
  ASSERT_EQ(world_.Start(kBroker), absl::OkStatus());
  EXPECT_EQ(Approve("bob", erase).exit_status, 1);
  EXPECT_EQ(Answers("inquest-42"), all_held);

  // Lifted: told to the holders, and what waited passes.
  const std::string lift = Propose({"hold", "lift", "inquest-42"});
  ASSERT_EQ(Approve("bob", lift).exit_status, 0);
  EXPECT_TRUE(Eventually(kStartTime, [&] {
    return Ctl({"--as", "idva", "inbox", "erase", referral}).exit_status == 0;
  }));
  EXPECT_EQ(Ctl({"--as", "idva", "inbox", "read", referral}).exit_status, 1);
  const Ran passed = Approve("bob", erase);
  EXPECT_EQ(passed.exit_status, 0) << passed.output;
  const Ran purged = Ctl({"--as-admin", "bob", "erase", "status", erase, "--wait"});
  EXPECT_EQ(purged.exit_status, 0) << purged.output;
}

TEST_F(HoldTest, AHolderThatErasedBeforeSaysSoWithTheDate) {
  const auto pushed = Push(world_, "police", TestOptions("NSP-2026-2/1", {}, /*wait_ms=*/20'000));
  ASSERT_EQ(pushed.status(), absl::OkStatus());
  const std::string referral = pushed->referral();
  for (const char* agency : {"idva", "childrens"}) ASSERT_EQ(AwaitArrival(world_, agency, referral).status(), absl::OkStatus());
  const Ran erased = Ctl({"--as", "idva", "--json", "inbox", "erase", referral});
  ASSERT_EQ(erased.exit_status, 0) << erased.output;
  // The service was killed: what it erased stays so.
  world_.process("idva").Kill();
  ASSERT_EQ(world_.Start("idva"), absl::OkStatus());
  ASSERT_EQ(Ctl({"--as", "police", "inbox", "erase", "NSP-2026-2/1"}).exit_status, 0);  // Its own submission.

  const std::string set = Propose({"hold", "set", "--id", "trial-1", "--referral", referral, "--ground", "criminal-proceedings",
                                   "--authority", "crown-court-durham/T2026-1", "--review", "2040-03-31"});
  ASSERT_EQ(Approve("bob", set).exit_status, 0);
  const std::map<std::string, std::string> answers = {{"police", "HOLD_ANSWER_ALREADY_ERASED"},
                                                      {"idva", "HOLD_ANSWER_ALREADY_ERASED"},
                                                      {"childrens", "HOLD_ANSWER_HELD"}};
  EXPECT_TRUE(Eventually(kStartTime, [&] { return Answers("trial-1") == answers; })) << Ctl({"--as-admin", "bob", "hold", "list", "trial-1"}).output;
  const auto listed = JsonOf(Ctl({"--as-admin", "bob", "--json", "hold", "list", "trial-1"}));
  for (const auto& holder : listed["holds"][0]["holders"]) {
    if (holder["agency"] != "idva") continue;
    EXPECT_EQ(holder["erasedAtMs"], JsonOf(erased)["erasedAtMs"]);
  }
}

}  // namespace
}  // namespace accord::tests::hold_test

// Danger now, over the real programs: the Idva's service runs its hook for an IMMEDIATE referral, also after a kill -9, until a
// person opens it; the sender reads that somebody was called.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/system/ctl.h"
#include "tests/system/traffic.h"

namespace accord::tests::alert_test {
namespace {

using ::testing::HasSubstr;


class AlertTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // One line for each call, written at once so that a reader never sees half of it.
    std::ofstream(world_.path("idva.toml"), std::ios::app)
        << "\n[alert]\ncommand = [\"/bin/sh\", \"-c\", 'echo \"$ACCORD_ALERT $ACCORD_AGENCY $ACCORD_WAITING\" >>\"$0\"', \""
        << world_.path("alerts.txt") << "\"]\nrepeat = \"1h\"\n";
    ASSERT_EQ(world_.StartAll(), absl::OkStatus());
  }
  std::string Ctl(const std::vector<std::string>& words) {
    const Ran ran = RunCtl(world_, words);
    EXPECT_EQ(ran.exit_status, 0) << ::testing::PrintToString(words) << ran.output;
    return ran.output;
  }
  std::string Alerts() {
    std::ifstream file(world_.path("alerts.txt"));
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  // Until the hook has run that often.
  void AwaitAlerts(const std::string& all) {
    EXPECT_TRUE(Eventually(kStartTime, [&] { return Alerts().size() >= all.size(); })) << Alerts();
    EXPECT_EQ(Alerts(), all);
  }
  std::string Danger(const std::string& request_id) {
    auto options = TestOptions(request_id, {"idva"}, /*wait_ms=*/20'000);
    options.set_immediate(true);
    const auto pushed = Push(world_, "police", options);
    EXPECT_EQ(pushed.status(), absl::OkStatus());
    if (!pushed.ok()) return "";
    EXPECT_EQ(pushed->state(), agency::v1::SUBMISSION_STATE_SETTLED) << pushed->ShortDebugString();
    EXPECT_EQ(AwaitArrival(world_, "idva", pushed->referral()).status(), absl::OkStatus());
    return pushed->referral();
  }

  World world_;
};

TEST_F(AlertTest, SomebodyIsCalledUntilAPersonHasOpenedIt) {
  const std::string referral = Danger("NSP-2026-9/1");
  std::string all = "immediate idva 1\n";
  AwaitAlerts(all);
  EXPECT_THAT(Ctl({"--as", "idva", "today"}), HasSubstr("IMMEDIATE high-risk referral from police"));

  world_.process("idva").Kill();
  ASSERT_EQ(world_.Start("idva"), absl::OkStatus());
  AwaitAlerts(all += "immediate idva 1\n");
  EXPECT_TRUE(Eventually(kStartTime, [&] {
    return Ctl({"--as", "police", "referral", "show", "NSP-2026-9/1"}).find("alerted: their service called somebody") != std::string::npos;
  })) << Ctl({"--as", "police", "referral", "show", "NSP-2026-9/1"});

  Ctl({"--as", "idva", "inbox", "read", referral});
  EXPECT_TRUE(Eventually(kStartTime, [&] {
    return Ctl({"--as", "police", "referral", "show", "NSP-2026-9/1"}).find("opened by a person") != std::string::npos;
  }));
  // A start finds nothing to call for: the next call is for what arrives next, alone.
  world_.process("idva").Kill();
  ASSERT_EQ(world_.Start("idva"), absl::OkStatus());
  const std::string second = Danger("NSP-2026-9/2");
  AwaitAlerts(all += "immediate idva 1\n");

  // The first is still to be answered, the second to be opened: in pages.
  agency::v1::ListTodayRequest request;
  request.set_page_size(1);
  std::vector<std::string> waiting;
  do {
    grpc::ClientContext context;
    agency::v1::ListTodayResponse response;
    const grpc::Status status = world_.Own<agency::v1::InboxService>("idva")->ListToday(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response.items_size(), 1);
    waiting.push_back(response.items(0).referral());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && waiting.size() < 5);
  EXPECT_THAT(waiting, ::testing::UnorderedElementsAre(referral, second));
  EXPECT_THAT(Ctl({"--as", "police", "referral", "show", second.substr(0, 26)}), HasSubstr("NSP-2026-9/2")) << "by its digits";
}

TEST_F(AlertTest, NothingWaitsWhereNothingCame) {
  EXPECT_THAT(Ctl({"--as", "housing", "today"}), HasSubstr("Nothing waits."));
  EXPECT_THAT(Ctl({"--as", "housing", "today", "--json"}), HasSubstr("\"items\": []"));
}

}  // namespace
}  // namespace accord::tests::alert_test

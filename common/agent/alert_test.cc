// Goal: somebody is called for what is IMMEDIATE, and called again, until a person has opened it. Method: a real program in a
// temporary folder is the hook; each of its runs leaves its environment in a file of its own. The clock is a fake one.
#include "common/agent/alert.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "common/agent/testing_service.h"
#include "common/base/executor.h"

namespace accord::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr absl::Duration kRepeat = absl::Minutes(2);

std::string Text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class AlertTest : public AgentTest {
 protected:
  AlertTest() : folder_(::testing::TempDir() + "/accord_alert_" + ToHex(SystemRandom().Bytes(6))) {
    std::filesystem::create_directories(folder_);
    setenv("ACCORD_SECRET_OF_THE_SERVICE", "1", /*overwrite=*/1);
    // Each run leaves its environment as it was handed over, before the shell adds to it.
    Script("n=$(ls " + folder_ + " | grep -c '^run')\ncat /proc/$$/environ > " + folder_ + "/run$n");
    Begin();
  }
  ~AlertTest() override { std::filesystem::remove_all(folder_); }

  void Script(const std::string& body) {
    std::ofstream(folder_ + "/hook") << "#!/bin/sh\n" << body << "\n";
    chmod((folder_ + "/hook").c_str(), 0700);
  }
  void Begin(absl::Duration timeout = absl::Seconds(20)) {
    alert_.reset();
    metrics_ = std::make_unique<telemetry::Metrics>();
    hook_ = std::make_unique<AlertHook>(std::vector<std::string>{folder_ + "/hook", "an argument"}, "idva", timeout, clock);
    alert_ = std::make_unique<Alert>(*idva.inbox, broker, *hook_, kRepeat, clock, *metrics_);
  }
  void Restart() {
    alert_.reset();
    idva.Restart();
    Begin();
  }

  size_t Runs() const {
    size_t runs = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      runs += entry.path().filename().string().starts_with("run") ? 1 : 0;
    }
    return runs;
  }
  // The environment of a run, from 0.
  std::set<std::string> Environment(size_t run) const {
    std::set<std::string> rows;
    std::istringstream text(Text(fmt::format("{}/run{}", folder_, run)));
    for (std::string row; std::getline(text, row, '\0');) rows.insert(row);
    return rows;
  }
  double Counted(const std::string& result) const {
    return metrics_->Counters("accord_agent_alerts_total", "Runs of the alert hook ended, by result.", {"result"}).With({result}).value();
  }

  // An IMMEDIATE referral of police arrives; its header digest.
  std::string Arrives(const std::string& request_id, type::v1::Lane lane = type::v1::LANE_IMMEDIATE, int64_t pick_up_due_ms = 0) {
    if (!known_) SignWithKnownCertificate();
    known_ = true;
    EXPECT_TRUE(police.outbox->Push(SomeDraft(request_id)).ok());
    police.Settle();
    auto delivery = DeliveryFor(idva);
    delivery.set_lane(lane);
    delivery.mutable_referral()->set_pick_up_due_ms(pick_up_due_ms);
    EXPECT_EQ(idva.inbox->Receive(delivery), absl::OkStatus());
    deliveries_.push_back(delivery.delivery_id());
    return referral::DigestOf(delivery.referral().header());
  }
  void Opens(const std::string& digest, const type::v1::Worker& worker = SomeWorker()) {
    EXPECT_EQ(idva.inbox->Read(fmt::format("read-{:08}", ++reads_), digest, worker).status(), absl::OkStatus());
  }

  const std::string folder_;
  std::unique_ptr<telemetry::Metrics> metrics_;
  std::unique_ptr<AlertHook> hook_;
  std::unique_ptr<Alert> alert_;
  std::vector<std::string> deliveries_;
  bool known_ = false;
  int reads_ = 0;
};

TEST_F(AlertTest, RunsAtOnceRepeatsAndEndsWhenAPersonOpened) {
  EXPECT_EQ(alert_->Step(), absl::InfiniteFuture());
  EXPECT_EQ(Runs(), 0u);
  const std::string digest = Arrives("request-1");
  EXPECT_EQ(alert_->Step(), clock.Now() + kRepeat);
  EXPECT_EQ(Runs(), 1u);
  alert_->Step();
  EXPECT_EQ(Runs(), 1u) << "not before it is due";
  clock.Advance(kRepeat - absl::Milliseconds(1));
  alert_->Step();
  EXPECT_EQ(Runs(), 1u);
  clock.Advance(absl::Milliseconds(1));
  alert_->Step();
  EXPECT_EQ(Runs(), 2u);
  Opens(digest);
  clock.Advance(10 * kRepeat);
  EXPECT_EQ(alert_->Step(), absl::InfiniteFuture());
  EXPECT_EQ(Runs(), 2u);
  EXPECT_EQ(Counted("alerted"), 2);
}

TEST_F(AlertTest, IsGivenThisEnvironmentAndNothingElse) {
  Arrives("request-1");
  alert_->Step();
  const std::string since = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", clock.Now(), absl::UTCTimeZone());
  EXPECT_THAT(Environment(0), UnorderedElementsAre("ACCORD_ALERT=immediate", "ACCORD_AGENCY=idva", "ACCORD_WAITING=1",
                                                   "ACCORD_SINCE=" + since, std::string("PATH=") + std::getenv("PATH")));
}

TEST_F(AlertTest, IsGivenNoDescriptorOfTheService) {
  const int secret = open("/dev/zero", O_RDONLY);
  ASSERT_GE(secret, 0);
  // What $$ has open: 0 to 2, and the script that the shell reads.
  Script("for fd in /proc/$$/fd/*; do readlink $fd; done > " + folder_ + "/run0");
  Arrives("request-1");
  alert_->Step();
  close(secret);
  EXPECT_THAT(Text(folder_ + "/run0"), HasSubstr("/dev/null"));
  EXPECT_EQ(Text(folder_ + "/run0").find("/dev/zero"), std::string::npos) << Text(folder_ + "/run0");
}

TEST_F(AlertTest, OneRunIsForAllThatWaitAndTellsSinceTheOldest) {
  const std::string since = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", clock.Now(), absl::UTCTimeZone());
  const std::string first = Arrives("request-1");
  clock.Advance(absl::Seconds(7));
  Arrives("request-2");
  alert_->Step();
  ASSERT_EQ(Runs(), 1u);
  EXPECT_TRUE(Environment(0).contains("ACCORD_WAITING=2"));
  EXPECT_TRUE(Environment(0).contains("ACCORD_SINCE=" + since));
  clock.Advance(absl::Seconds(1));
  Arrives("request-3");
  alert_->Step();
  ASSERT_EQ(Runs(), 2u) << "another arrival does not wait for the repeat";
  EXPECT_TRUE(Environment(1).contains("ACCORD_WAITING=3"));
  Opens(first);
  clock.Advance(kRepeat);
  alert_->Step();
  ASSERT_EQ(Runs(), 3u);
  EXPECT_TRUE(Environment(2).contains("ACCORD_WAITING=2"));
}

TEST_F(AlertTest, OtherLanesCallNobody) {
  Arrives("request-1", type::v1::LANE_HIGH);
  EXPECT_EQ(alert_->Step(), absl::InfiniteFuture());
  EXPECT_EQ(Runs(), 0u);
}

TEST_F(AlertTest, SoftwareThatOpensItEndsNothingAndAPersonAfterItDoes) {
  const std::string digest = Arrives("request-1");
  Opens(digest, ServiceWorker());
  alert_->Step();
  EXPECT_EQ(Runs(), 1u);
  Restart();
  alert_->Step();
  EXPECT_EQ(Runs(), 2u) << "kept over the restart";
  Opens(digest);
  ASSERT_EQ(broker.statements.size(), 2u) << "the broker's pick-up clock waits for a person's word";
  EXPECT_EQ(broker.statements[1].kind(), type::v1::STATEMENT_KIND_OPENED);
  EXPECT_EQ(broker.statements[1].worker().pseudonym(), SomeWorker().pseudonym());
  Opens(digest);
  EXPECT_EQ(broker.statements.size(), 2u) << "once";
  clock.Advance(kRepeat);
  alert_->Step();
  EXPECT_EQ(Runs(), 2u);
  Restart();
  alert_->Step();
  EXPECT_EQ(Runs(), 2u);
}

// The broker knows that it was opened, and no clock waits: the person reads, and is not asked again.
TEST_F(AlertTest, APersonReadsAfterSoftwareWhateverTheBrokerSays) {
  const std::string digest = Arrives("request-1");
  Opens(digest, ServiceWorker());
  broker.refuse_respond = Error(Reason::kTransitionIllegal, "opened");
  Opens(digest);
  broker.refuse_respond = absl::OkStatus();
  Opens(digest);
  EXPECT_EQ(broker.statements.size(), 1u);
  alert_->Step();
  EXPECT_EQ(Runs(), 0u);
}

TEST_F(AlertTest, WhatAPersonOpensWhileTheBrokerIsAwayIsOpened) {
  const std::string digest = Arrives("request-1");
  alert_->Step();
  broker.away = Error(Reason::kBrokerUnreachable, "away");
  Opens(digest);
  clock.Advance(kRepeat);
  EXPECT_EQ(alert_->Step(), absl::InfiniteFuture());
  EXPECT_EQ(Runs(), 1u);
}

TEST_F(AlertTest, EndsWhenItIsRecalled) {
  Arrives("request-1");
  alert_->Step();
  ASSERT_TRUE(PoliceAct("recall-01", type::v1::STATEMENT_KIND_RECALL).ok());
  ASSERT_EQ(idva.inbox->Receive(DeliveryOf(broker.acts.back())), absl::OkStatus());
  clock.Advance(kRepeat);
  EXPECT_EQ(alert_->Step(), absl::InfiniteFuture());
  EXPECT_EQ(Runs(), 1u);
}

TEST_F(AlertTest, OfWhatWasCorrectedTheNewVersionIsToBeOpened) {
  Arrives("request-1");
  Draft correction = SomeDraft("request-2");
  correction.options.set_corrects("request-1");
  ASSERT_TRUE(police.outbox->Push(correction).ok());
  police.Settle();
  auto delivery = DeliveryFor(idva);
  delivery.set_lane(type::v1::LANE_IMMEDIATE);
  ASSERT_EQ(idva.inbox->Receive(delivery), absl::OkStatus());
  alert_->Step();
  EXPECT_TRUE(Environment(0).contains("ACCORD_WAITING=1"));
  Opens(referral::DigestOf(delivery.referral().header()));
  EXPECT_EQ(alert_->Step(), absl::InfiniteFuture());
  Restart();
  EXPECT_EQ(alert_->Step(), absl::InfiniteFuture());
}

TEST_F(AlertTest, WhatWaitsIsFoundAfterARestart) {
  Arrives("request-1");
  alert_->Step();
  Restart();
  alert_->Step();
  EXPECT_EQ(Runs(), 2u);
}

TEST_F(AlertTest, OneThatFailsIsTriedAgainAfterFiveSecondsThenTwiceAsLongUpToTheRepeat) {
  Script("exit 3");
  Arrives("request-1");
  std::vector<absl::Duration> waits;
  for (int i = 0; i < 7; ++i) {
    const absl::Time next = alert_->Step();
    waits.push_back(next - clock.Now());
    clock.Advance(waits.back());
  }
  EXPECT_THAT(waits, ElementsAre(absl::Seconds(5), absl::Seconds(10), absl::Seconds(20), absl::Seconds(40), absl::Seconds(80), kRepeat, kRepeat));
  EXPECT_EQ(Counted("failed"), 7);
  EXPECT_TRUE(broker.alerted.empty()) << "nobody was alerted";
  Script("exit 0");
  EXPECT_EQ(alert_->Step(), clock.Now() + kRepeat);
  EXPECT_THAT(broker.alerted, ElementsAre(deliveries_[0]));
}

TEST_F(AlertTest, OneThatDoesNotStartOrIsKilledFails) {
  std::filesystem::remove(folder_ + "/hook");
  Arrives("request-1");
  EXPECT_EQ(alert_->Step(), clock.Now() + kAlertRetryMin);
  EXPECT_EQ(Counted("not_started"), 1);
  Script("kill -9 $$");
  clock.Advance(kAlertRetryMin);
  alert_->Step();
  EXPECT_EQ(Counted("killed"), 1);
}

// The hook and what it started in its group are killed; one of them says so by its number.
TEST_F(AlertTest, OneThatHangsIsKilledWithAllThatItStarted) {
  Script("sleep 1000 & echo $! > " + folder_ + "/child.new; mv " + folder_ + "/child.new " + folder_ + "/child; wait");
  Begin(/*timeout=*/absl::Seconds(20));
  Arrives("request-1");
  {
    Thread stepping([this] { alert_->Step(); });
    while (!std::filesystem::exists(folder_ + "/child")) sched_yield();
    clock.Advance(absl::Seconds(20));
  }
  EXPECT_EQ(Counted("timed_out"), 1);
  const pid_t child = static_cast<pid_t>(std::atoi(Text(folder_ + "/child").c_str()));
  ASSERT_GT(child, 1);
  // Gone, or a zombie whose new parent has not looked yet; the signal may take a moment. The test's own time limit ends the wait.
  const auto gone = [&] {
    const std::string status = Text(fmt::format("/proc/{}/stat", child));
    return status.empty() || status.find(") Z") != std::string::npos || status.find(") X") != std::string::npos;
  };
  while (!gone()) sched_yield();
}

TEST_F(AlertTest, StoppingEndsARunAndNoOtherBegins) {
  Script("touch " + folder_ + "/begun; exec sleep 1000");
  Arrives("request-1");
  {
    Thread stepping([this] { alert_->Step(); });
    while (!std::filesystem::exists(folder_ + "/begun")) sched_yield();
    hook_->Stop();
  }
  std::filesystem::remove(folder_ + "/hook");
  EXPECT_EQ(hook_->Run({}).end, HookResult::End::kStopped) << "it would not even start";
  EXPECT_EQ(Counted("stopped"), 0) << "what is stopped with the service has not failed";
}

TEST_F(AlertTest, IsReportedOnceForEachDelivery) {
  Arrives("request-1");
  Arrives("request-2");
  alert_->Step();
  EXPECT_THAT(broker.alerted, UnorderedElementsAre(deliveries_[0], deliveries_[1]));
  clock.Advance(kRepeat);
  alert_->Step();
  EXPECT_EQ(Runs(), 2u);
  EXPECT_EQ(broker.alerted.size(), 2u);
}

TEST_F(AlertTest, AReportIsMadeAgainUntilTheBrokerTakesIt) {
  Arrives("request-1");
  broker.away = Error(Reason::kBrokerUnreachable, "away");
  EXPECT_EQ(alert_->Step(), clock.Now() + kReportRetry);
  EXPECT_EQ(Runs(), 1u);
  broker.away = absl::OkStatus();
  alert_->Step();
  EXPECT_TRUE(broker.alerted.empty()) << "not before it is due again";
  clock.Advance(kReportRetry);
  EXPECT_EQ(alert_->Step(), clock.Now() + kRepeat - kReportRetry);
  EXPECT_EQ(broker.alerted.size(), 1u);
  EXPECT_EQ(Runs(), 1u);
}

TEST_F(AlertTest, AReportThatTheBrokerDoesNotTakeYetIsMadeLaterAndOneThatItNeverTakesIsNot) {
  Arrives("request-1");
  broker.refuse_report = Error(Reason::kComesLater, "later");
  EXPECT_EQ(alert_->Step(), clock.Now() + kRepeat);
  EXPECT_EQ(broker.alerted.size(), 1u);
  broker.refuse_report = Error(Reason::kDeliveryNotFound, "not an IMMEDIATE one");
  clock.Advance(kRepeat);
  alert_->Step();
  EXPECT_EQ(broker.alerted.size(), 2u);
  clock.Advance(kRepeat);
  alert_->Step();
  EXPECT_EQ(broker.alerted.size(), 2u);
}

TEST_F(AlertTest, WhatTheBrokerSaysIsOverdueIsCalledForAtOnce) {
  const std::string digest = Arrives("request-1");
  alert_->Step();
  broker::v1::SharingNotice notice;
  notice.set_kind(type::v1::NOTICE_KIND_PICK_UP_OVERDUE);
  notice.set_step(type::v1::ESCALATION_STEP_REMINDER);
  notice.set_header_digest(std::string(32, 'x'));
  EXPECT_TRUE(alert_->Note(notice));
  alert_->Step();
  EXPECT_EQ(Runs(), 1u) << "that one does not wait here";
  notice.set_header_digest(digest);
  notice.set_step(type::v1::ESCALATION_STEP_SENDER);
  EXPECT_FALSE(alert_->Note(notice)) << "that step is for others";
  notice.set_step(type::v1::ESCALATION_STEP_MANAGERS);
  notice.set_kind(type::v1::NOTICE_KIND_RESPONSE_OVERDUE);
  EXPECT_FALSE(alert_->Note(notice)) << "it was opened";
  alert_->Step();
  EXPECT_EQ(Runs(), 1u);
  notice.set_kind(type::v1::NOTICE_KIND_PICK_UP_OVERDUE);
  EXPECT_TRUE(alert_->Note(notice));
  EXPECT_EQ(alert_->Step(), clock.Now() + kRepeat);
  ASSERT_EQ(Runs(), 2u);
  EXPECT_TRUE(Environment(1).contains("ACCORD_ALERT=overdue"));
  alert_->Step();
  EXPECT_EQ(Runs(), 2u);
  Opens(digest);
  Arrives("request-2");
  alert_->Step();
  ASSERT_EQ(Runs(), 3u);
  EXPECT_TRUE(Environment(2).contains("ACCORD_ALERT=immediate")) << "of the one that waits nothing is overdue";
}

TEST_F(AlertTest, OnceItsTimeIsOverRunsSayOverdue) {
  Arrives("request-1", type::v1::LANE_IMMEDIATE, absl::ToUnixMillis(clock.Now() + kRepeat));
  alert_->Step();
  EXPECT_TRUE(Environment(0).contains("ACCORD_ALERT=immediate"));
  clock.Advance(kRepeat);
  alert_->Step();
  EXPECT_TRUE(Environment(1).contains("ACCORD_ALERT=overdue"));
}

}  // namespace
}  // namespace accord::agent

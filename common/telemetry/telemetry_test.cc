#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <cmath>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/telemetry/log.h"
#include "common/telemetry/metrics.h"

namespace accord::telemetry::telemetry_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What was logged by `act` in the file of its own.
template <typename Act>
std::string Logged(Act act, Level level = Level::kInfo) {
  const std::string file = fmt::format("{}/accord_log_test.{}", ::testing::TempDir(), getpid());
  std::remove(file.c_str());
  const FakeClock clock(absl::FromUnixMillis(1'800'000'000'250));
  EXPECT_TRUE(StartLog({.file = file, .level = level}, clock).ok());
  act();
  StopLog();
  auto text = ReadFile(file);
  std::remove(file.c_str());
  return text.ok() ? *text : text.status().ToString();
}

TEST(LogTest, WritesOneJsonObjectALine) {
  EXPECT_EQ(Logged([] {
              Log(Level::kWarn, "mailbox.lease_expired",
                  {{"agency", "met-police"}, {"attempt", 3}, {"late", true}, {"seconds", 0.5}, {"ratio", NAN}});
            }),
            R"({"time":"2027-01-15T08:00:00.250Z","level":"warn","event":"mailbox.lease_expired",)"
            R"("agency":"met-police","attempt":3,"late":true,"seconds":0.5,"ratio":null})"
            "\n");
}

TEST(LogTest, NoTextOfAPeerCanBreakOutOrReadAsProse) {
  const std::string line = Logged([] { Log(Level::kInfo, "x", {{"id", "Ann Smith\",\"admin\":\"1\n\xff"}}); });
  EXPECT_THAT(line, HasSubstr(R"("id":"Ann_Smith_,_admin_:_1__"})"));
  EXPECT_LT(Logged([] { Log(Level::kInfo, "x", {{"id", std::string(5000, 'a')}}); }).size(), 400u);
}

TEST(LogTest, AStatusIsItsReasonNeverItsText) {
  const std::string line = Logged([] {
    Log(Level::kError, "x", {{"a", Error(Reason::kDiskFloor, "secret")}, {"b", absl::DataLossError("secret")}, {"c", absl::OkStatus()}});
  });
  EXPECT_THAT(line, HasSubstr(R"("a":"DISK_FLOOR","b":"DATA_LOSS","c":"OK")"));
  EXPECT_THAT(line, Not(HasSubstr("secret")));
}

TEST(LogTest, DropsWhatIsBelowItsLevel) {
  EXPECT_EQ(Logged([] { Log(Level::kInfo, "x"); }, Level::kWarn), "");
}

TEST(LogTest, FileThatCannotBeOpenedIsAnError) {
  const FakeClock clock;
  EXPECT_EQ(StartLog({.file = "/proc/no/such"}, clock).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Logged([] { Log(Level::kDebug, "x"); }), "") << "and another log can be opened";
}

TEST(MetricsTest, SeriesOfTheSameLabelsAreOne) {
  Metrics metrics;
  metrics.Counters("calls_total", "Calls.", {"method"}).With({"Get"}).Add();
  metrics.Counters("calls_total", "Calls.", {"method"}).With({"Get"}).Add(2);
  metrics.Gauges("depth", "Depth.").With().Set(7);
  EXPECT_EQ(metrics.Counters("calls_total", "", {"method"}).With({"Get"}).value(), 3);
  EXPECT_THAT(metrics.Text(), HasSubstr("calls_total{method=\"Get\"} 3"));
  EXPECT_THAT(metrics.Text(), HasSubstr("depth 7"));
}

TEST(MetricsTest, LabelsAreBounded) {
  Metrics metrics;
  Family<Counter> calls = metrics.Counters("calls_total", "Calls.", {"peer"});
  for (size_t i = 0; i < kSeriesMax + 10; ++i) calls.With({std::to_string(i)}).Add();
  EXPECT_EQ(calls.With({"other"}).value(), 10);
  EXPECT_EQ(calls.With({"0"}).value(), 1);
}

TEST(MetricsTest, TimerObservesTheClock) {
  Metrics metrics;
  FakeClock clock;
  {
    Timer timer(metrics.Histograms("commit_seconds", "Commit.").With(), clock);
    clock.Advance(absl::Seconds(3));
  }
  EXPECT_THAT(metrics.Text(), HasSubstr("commit_seconds_sum 3"));
  EXPECT_THAT(metrics.Text(), HasSubstr("commit_seconds_bucket{le=\"2.5\"} 0"));
  EXPECT_THAT(metrics.Text(), HasSubstr("commit_seconds_bucket{le=\"5\"} 1"));
}

TEST(MetricsTest, DefaultHandlesMeasureNothing) {
  Counter().Add();
  Gauge().Set(1);
  Histogram().Observe(1);
  Family<Counter>().With({"x"}).Add();
}

}  // namespace
}  // namespace accord::telemetry::telemetry_test

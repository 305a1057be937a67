// accord-backlog: a day's backlog of a police force in one go, and what danger now waits behind it.
//
// The real programs: a broker, the police service that pushes, children's services and the Idva service that receive. An IMMEDIATE
// referral is pushed every few seconds, first while nothing else waits, then while the backlog goes out; its time is from the push to when
// the Idva service has it. docs/performance.md says how to read it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/executor.h"
#include "common/base/status.h"
#include "tests/system/traffic.h"
#include "tests/system/world.h"

namespace accord::tests {
namespace {

constexpr int kPushers = 4;
constexpr absl::Duration kDrainTimeout = absl::Hours(2);

struct Options {
  int referrals = 4000;
  double every_s = 2;
  int quiet = 20;  // IMMEDIATE ones without a backlog.
};

struct Urgent {
  std::string referral;
  absl::Time pushed;
};

absl::StatusOr<Urgent> PushUrgent(World& world, const std::string& id) {
  agency::v1::PushOptions options = TestOptions(id, {"idva"}, /*wait_ms=*/10'000);
  options.set_immediate(true);
  Urgent urgent;
  urgent.pushed = SystemClock().Now();
  ACCORD_ASSIGN_OR_RETURN(const auto result, Push(world, "police", options));
  if (result.state() != agency::v1::SUBMISSION_STATE_SETTLED) return absl::InternalError(result.ShortDebugString());
  urgent.referral = result.referral();
  return urgent;
}

std::string Figures(std::vector<double> seconds) {
  if (seconds.empty()) return "none";
  std::sort(seconds.begin(), seconds.end());
  return fmt::format("{} of them, p50 {:.3f} s, max {:.3f} s", seconds.size(), seconds[seconds.size() / 2], seconds.back());
}

// From the push of each to when the Idva service had it.
absl::StatusOr<std::vector<double>> Times(World& world, const std::vector<Urgent>& urgent) {
  ACCORD_RETURN_IF_ERROR(AwaitArrival(world, "idva", urgent.back().referral));
  ACCORD_ASSIGN_OR_RETURN(const auto items, ListInbox(world, "idva"));
  std::map<std::string, absl::Time> received;
  for (const auto& item : items) received[item.referral()] = absl::FromUnixMillis(item.received_at_ms());
  std::vector<double> seconds;
  for (const Urgent& one : urgent) {
    if (!received.contains(one.referral)) return absl::InternalError(one.referral + " has not arrived");
    seconds.push_back(absl::ToDoubleSeconds(received[one.referral] - one.pushed));
  }
  return seconds;
}

absl::Status Run(const Options& options) {
  World world;
  ACCORD_RETURN_IF_ERROR(world.StartAll({"police", "childrens", "idva"}));
  const SystemClock clock;
  std::vector<Urgent> quiet, busy;
  for (int i = 0; i < options.quiet; ++i) {
    ACCORD_ASSIGN_OR_RETURN(Urgent urgent, PushUrgent(world, fmt::format("QUIET-2026-{}/1", i)));
    quiet.push_back(std::move(urgent));
  }
  ACCORD_ASSIGN_OR_RETURN(const std::vector<double> without, Times(world, quiet));

  const absl::Time begun = clock.Now();
  std::atomic<int> next = 0, failed = 0, pushing = kPushers;
  std::vector<std::unique_ptr<Thread>> pushers;
  for (int i = 0; i < kPushers; ++i) {
    pushers.push_back(std::make_unique<Thread>([&] {
      for (int number = next++; number < options.referrals; number = next++) {
        if (!Push(world, "police", TestOptions(fmt::format("BACKLOG-2026-{}/1", number), {"childrens", "idva"})).ok()) ++failed;
      }
      --pushing;
    }));
  }
  absl::Time accepted = absl::InfiniteFuture();
  for (absl::Time turn = begun;; turn += absl::Seconds(options.every_s)) {
    ACCORD_ASSIGN_OR_RETURN(Urgent urgent, PushUrgent(world, fmt::format("BUSY-2026-{}/1", busy.size())));
    busy.push_back(std::move(urgent));
    if (pushing == 0 && accepted == absl::InfiniteFuture()) accepted = clock.Now();
    ACCORD_ASSIGN_OR_RETURN(const auto status, ServiceStatus(world, "police"));
    if (pushing == 0 && status.outbox_waiting() == 0) break;
    if (clock.Now() - begun > kDrainTimeout) return absl::DeadlineExceededError("the backlog does not go out");
    Eventually(std::max(turn + absl::Seconds(options.every_s) - clock.Now(), absl::ZeroDuration()), [] { return false; });
  }
  pushers.clear();
  const absl::Duration out = clock.Now() - begun;
  if (failed > 0) return absl::InternalError(fmt::format("{} pushes of the backlog failed", failed.load()));
  ACCORD_ASSIGN_OR_RETURN(const std::vector<double> with, Times(world, busy));
  const double extra = *std::max_element(with.begin(), with.end()) - *std::max_element(without.begin(), without.end());
  fmt::print("IMMEDIATE alone:            {}\n", Figures(without));
  fmt::print("IMMEDIATE beside a backlog: {}\n", Figures(with));
  fmt::print("Most that a backlog of {} added: {:.3f} s\n", options.referrals, extra);
  fmt::print("The backlog was durable at the service after {:.0f} s, and stored by the broker after {:.0f} s: {:.0f} a minute\n",
             absl::ToDoubleSeconds(accepted - begun), absl::ToDoubleSeconds(out), options.referrals / absl::ToDoubleMinutes(out));
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App app("Measures what an IMMEDIATE referral waits for behind a day's backlog, over the real programs.", "accord-backlog");
  Options options;
  app.add_option("--referrals", options.referrals, "How many in one go")->capture_default_str()->check(CLI::Range(1, 100'000));
  app.add_option("--every", options.every_s, "Seconds between two IMMEDIATE ones")->capture_default_str()->check(CLI::Range(0.1, 60.0));
  app.add_option("--quiet", options.quiet, "IMMEDIATE ones before the backlog")->capture_default_str()->check(CLI::Range(1, 1000));
  CLI11_PARSE(app, argc, argv);
  if (const absl::Status status = Run(options); !status.ok()) {
    fmt::print(stderr, "accord-backlog: {}\n", status.ToString());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace accord::tests

int main(int argc, char** argv) { return accord::tests::Main(argc, argv); }

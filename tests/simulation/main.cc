// Runs seeds of the simulation and says which fail: docs/simulation.md.
#include <CLI/CLI.hpp>
#include <absl/time/time.h>
#include <fmt/format.h>

#include <cstdio>

#include "common/base/clock.h"
#include "common/telemetry/log.h"
#include "tests/simulation/simulation.h"

namespace {
constexpr absl::Duration kProgress = absl::Seconds(30);
}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs seeds of the simulation of an area and says which fail. Exit status: 0 none did, 1 some, 2 wrong use."};
  uint64_t first = 1, count = 1;
  accord::simulation::Options options;
  app.add_option("--seed", first, "The first seed");
  app.add_option("--seeds", count, "How many, one after the other");
  app.add_option("--referrals", options.referrals, "Of each");
  app.add_flag("--print", options.print, "Print every event");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const accord::SystemClock clock;
  const accord::simulation::Area area;
  // Crashes are loud, and these are meant.
  if (!accord::telemetry::StartLog({.file = area.root() + "/log", .level = accord::telemetry::Level::kError}, clock).ok()) return 2;
  const absl::Time began = clock.Now();
  absl::Time said = began;
  uint64_t failed = 0, events = 0, entries = 0, stored = 0, statements = 0, steps = 0, crashes = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    options.seed = seed;
    const auto result = accord::simulation::Simulate(area, options);
    events += result.events, entries += result.entries, stored += result.stored, statements += result.statements, steps += result.steps;
    crashes += static_cast<uint64_t>(result.broker_crashes + result.agency_crashes);
    // To whoever waits for ten thousand of them; the results alone go to standard output.
    if (const absl::Time now = clock.Now(); now - said >= kProgress) {
      said = now;
      const uint64_t done = seed - first + 1;
      fmt::print(stderr, "{} of {} seeds, {} failed, {:.1f} s each\n", done, count, failed, absl::ToDoubleSeconds(now - began) / static_cast<double>(done));
    }
    if (result.failures.empty()) continue;
    ++failed;
    fmt::print("seed {} failed {} times; replay it with: {} --seed {} --referrals {} --print\n", seed, result.failed, ACCORD_SIMULATION,
               seed, options.referrals);
    for (const std::string& failure : result.failures) fmt::print("  {}\n", failure);
    std::fflush(stdout);  // Whoever ends this early is to see it.
  }
  fmt::print("{} of {} seeds failed: {} referrals stored, {} entries, {} statements, {} steps of escalation, {} crashes, {} events\n", failed,
             count, stored, entries, statements, steps, crashes, events);
  accord::telemetry::StopLog();
  return failed == 0 ? 0 : 1;
}

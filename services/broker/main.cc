// accord-broker: the broker as a program.
//
//   accord-broker init --config FILE   makes a new broker
//   accord-broker --config FILE        serves until SIGTERM or SIGINT
//
// Order of stopping: health says no; streams are ended; the server finishes its calls; refusal
// counts are written; the sequencer carries out its queue and closes the store; the executor ends.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/base/version.h"
#include "common/console/manual.h"
#include "common/rpc/server.h"
#include "common/rpc/tls.h"
#include "common/telemetry/log.h"
#include "common/telemetry/metrics.h"
#include "services/broker/broker.h"
#include "services/broker/broker_config.h"
#include "services/broker/broker_services.h"

namespace accord::broker {
namespace {

constexpr int kFailed = 1, kWrongUse = 2;
constexpr absl::Duration kGrace = absl::Seconds(20);
constexpr absl::Duration kWatchdogPeriod = absl::Seconds(5);

int Fail(std::string_view what, const absl::Status& status) {
  telemetry::Log(telemetry::Level::kError, "broker.failed", {{"status", status}});
  std::fprintf(stderr, "accord-broker: %.*s: %s\n", static_cast<int>(what.size()), what.data(),
               std::string(FromAbsl(status.message())).c_str());
  return kFailed;
}

int Serve(const BrokerConfig& config, const Clock& clock, Random& random) {
  // Before any thread starts, so that all of them leave these signals to sigwait below.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  telemetry::Metrics metrics;
  auto exposer = telemetry::Exposer::Serve(metrics, config.metrics_port);
  if (!exposer.ok()) return Fail("metrics", exposer.status());
  auto broker = Broker::Open(config, clock, random, metrics);
  if (!broker.ok()) return Fail("the broker does not open", broker.status());

  BrokerServices services(**broker, metrics);
  auto server = rpc::Server::Start(config.server, services.all(), services.unreadable());
  if (!server.ok()) return Fail("the server does not start", server.status());
  (*broker)->Listen([&server](bool serving) { (*server)->SetServing(serving); },
                    [&services] { services.EndStreamsOfDenied(); });
  auto watchdog = rpc::Watchdog::Start(**server, config.server.tls, kWatchdogPeriod, [](const absl::Status& status) {
    if (!status.ok()) telemetry::Log(telemetry::Level::kError, "broker.deaf", {{"status", status}});
  });
  if (!watchdog.ok()) return Fail("the watchdog does not start", watchdog.status());
  telemetry::Log(telemetry::Level::kInfo, "broker.serves", {{"port", (*server)->port()}});

  int signal = 0;
  sigwait(&stop, &signal);
  telemetry::Log(telemetry::Level::kInfo, "broker.stops", {{"signal", signal}});
  (*broker)->Listen([](bool) {}, [] {});
  watchdog->reset();
  (*server)->SetServing(false);
  services.EndStreams();
  (*server)->Shutdown(kGrace);
  (*broker)->Shutdown();
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("The broker of Accord: decides, records and delivers referrals between agencies.", "accord-broker");
  app.set_version_flag("--version", kVersion);
  console::AddManualFlag(app);
  std::string path;
  app.add_option("--config", path, "Configuration file (deploy/broker.toml.example)")->required();
  CLI::App* const init = app.add_subcommand("init", "Make a new broker: files, keys, entry 0, directory, agreement");
  init->fallthrough();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUse;
  }
  auto config = LoadBrokerConfig(path);
  if (!config.ok()) {
    std::fprintf(stderr, "accord-broker: %s\n", std::string(FromAbsl(config.status().message())).c_str());
    return kWrongUse;
  }
  const SystemClock clock;
  SystemRandom random;
  if (init->parsed()) {
    const absl::Status made = InitBroker(*config, clock, random);
    return made.ok() ? 0 : Fail("init", made);
  }
  if (const absl::Status tls = rpc::EnforceTls13(); !tls.ok()) return Fail("TLS 1.3", tls);
  if (const absl::Status log = telemetry::StartLog(config->log, clock); !log.ok()) return Fail("log", log);
  const int result = Serve(*config, clock, random);
  telemetry::StopLog();
  return result;
}

}  // namespace
}  // namespace accord::broker

int main(int argc, char** argv) { return accord::broker::Main(argc, argv); }

#include "common/agent_rpc/program.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "common/agent_rpc/cases_service.h"
#include "common/agent_rpc/checks_service.h"
#include "common/agent_rpc/delivery_service.h"
#include "common/agent_rpc/inbox_service.h"
#include "common/agent_rpc/outbox_service.h"
#include "common/agent_rpc/retention_service.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/base/version.h"
#include "common/rpc/server.h"
#include "common/rpc/tls.h"
#include "common/telemetry/log.h"

namespace accord::agent_rpc {
namespace {

constexpr int kFailed = 1, kWrongUse = 2;
constexpr absl::Duration kGrace = absl::Seconds(10);
constexpr absl::Duration kWatchdogPeriod = absl::Seconds(5);

int Fail(const AgencySpec& spec, std::string_view what, const absl::Status& status) {
  telemetry::Log(telemetry::Level::kError, "agency.failed", {{"status", status}});
  std::fprintf(stderr, "%s: %.*s: %s\n", spec.program.c_str(), static_cast<int>(what.size()), what.data(),
               std::string(FromAbsl(status.message())).c_str());
  return kFailed;
}

int Serve(const AgencySpec& spec, const AgencyConfig& config, bool clear_alarm, const Clock& clock, Random& random) {
  // Before any thread starts, so that all of them leave these signals to sigwait below.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  telemetry::Metrics metrics;
  auto runtime = AgencyRuntime::Open(config, spec.kind, clock, random, metrics);
  if (!runtime.ok()) return Fail(spec, "the service does not open", runtime.status());
  if (clear_alarm) {
    const absl::Status cleared = (*runtime)->alarm().Clear();
    return cleared.ok() ? 0 : Fail(spec, "the alarm is not cleared", cleared);
  }
  auto exposer = telemetry::Exposer::Serve(metrics, config.metrics_port);
  if (!exposer.ok()) return Fail(spec, "metrics", exposer.status());

  InboxService inbox(**runtime);
  OutboxService outbox(**runtime);
  RetentionService retention(**runtime);
  DeliveryService delivery(**runtime);
  ChecksService checks(**runtime);
  CasesService cases(**runtime);
  const auto own = spec.services(**runtime);
  std::vector<grpc::Service*> services = {&inbox, &outbox, &retention, &delivery, &checks, &cases};
  for (const auto& service : own) services.push_back(service.get());
  auto server = rpc::Server::Start(config.server, services);
  if (!server.ok()) return Fail(spec, "the server does not start", server.status());
  auto watchdog = rpc::Watchdog::Start(**server, config.server.tls, kWatchdogPeriod, [](const absl::Status& status) {
    if (!status.ok()) telemetry::Log(telemetry::Level::kError, "agency.deaf", {{"status", status}});
  });
  if (!watchdog.ok()) return Fail(spec, "the watchdog does not start", watchdog.status());
  (*runtime)->OnHealth([&server](bool serving) { (*server)->SetServing(serving); });
  (*runtime)->Start();
  telemetry::Log(telemetry::Level::kInfo, "agency.serves", {{"agency", config.agency}, {"port", (*server)->port()}});

  int signal = 0;
  sigwait(&stop, &signal);
  telemetry::Log(telemetry::Level::kInfo, "agency.stops", {{"signal", signal}});
  watchdog->reset();
  (*server)->SetServing(false);
  (*server)->Shutdown(kGrace);
  (*runtime)->Stop();
  return 0;
}

}  // namespace

int RunAgency(int argc, char** argv, const AgencySpec& spec) {
  CLI::App app(spec.description, spec.program);
  app.set_version_flag("--version", kVersion);
  std::string path;
  bool clear_alarm = false;
  app.add_option("--config", path, "Configuration file (deploy/agency.toml.example)")->required();
  app.add_flag("--clear-alarm", clear_alarm, "Clear a standing alarm and exit; keep its evidence first (runbooks/fork.md)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUse;
  }
  const auto config = LoadAgencyConfig(path, spec.default_port);
  if (!config.ok()) {
    std::fprintf(stderr, "%s: %s\n", spec.program.c_str(), std::string(FromAbsl(config.status().message())).c_str());
    return kWrongUse;
  }
  const SystemClock clock;
  SystemRandom random;
  if (const absl::Status tls = rpc::EnforceTls13(); !tls.ok()) return Fail(spec, "TLS 1.3", tls);
  if (const absl::Status log = telemetry::StartLog(config->log, clock); !log.ok()) return Fail(spec, "log", log);
  const int result = Serve(spec, *config, clear_alarm, clock, random);
  telemetry::StopLog();
  return result;
}

}  // namespace accord::agent_rpc

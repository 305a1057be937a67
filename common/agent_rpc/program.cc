#include "common/agent_rpc/program.h"

#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>
#include <set>
#include <utility>

#include "common/agent_rpc/key_files.h"
#include "common/agent_rpc/tenant.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/base/version.h"
#include "common/console/manual.h"
#include "common/console/passphrase.h"
#include "common/rpc/tls.h"
#include "common/telemetry/log.h"

namespace accord::agent_rpc {
namespace {

constexpr int kFailed = 1, kWrongUse = 2;

void Say(const AgencySpec& spec, std::string_view what, std::string_view why) {
  std::fprintf(stderr, "%s: %.*s: %.*s\n", spec.program.c_str(), static_cast<int>(what.size()), what.data(), static_cast<int>(why.size()), why.data());
}

int Fail(const AgencySpec& spec, std::string_view what, const absl::Status& status) {
  telemetry::Log(telemetry::Level::kError, "agency.failed", {{"status", status}});
  Say(spec, what, FromAbsl(status.message()));
  return kFailed;
}

type::v1::AgencyKind KindOf(const AgencySpec& spec, const AgencyConfig& config) {
  return spec.kind == type::v1::AGENCY_KIND_UNSPECIFIED ? config.kind : spec.kind;
}

// What a program of one kind, and what the one of all kinds, does not take.
absl::Status CheckKind(const AgencySpec& spec, const AgencyConfig& config) {
  if (spec.kind == type::v1::AGENCY_KIND_UNSPECIFIED) {
    if (config.kind != type::v1::AGENCY_KIND_UNSPECIFIED) return absl::OkStatus();
    return absl::InvalidArgumentError("kind: is missing: this program serves any kind, and the file says which");
  }
  if (config.kind != type::v1::AGENCY_KIND_UNSPECIFIED && config.kind != spec.kind) {
    return absl::InvalidArgumentError("kind: is another than this program's; accord-agency serves any kind");
  }
  if (config.push_profiles.empty() && config.forum.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("[[push]] and [forum] are read by accord-agency alone");
}

// What no two agencies of one process may share.
absl::Status CheckApart(const AgencyConfig& config, std::set<std::string>& taken) {
  const std::string desk = config.agency + (config.desk == type::v1::DESK_CONFIDENTIAL ? " (confidential desk)" : "");
  for (const auto& [what, value] : {std::pair("agency", desk), std::pair("[store] directory", config.store),
                                    std::pair("[keys] store_key", config.store_key), std::pair("[keys] sealing_key", config.sealing_key),
                                    std::pair("[folder] directory", config.folder.directory)}) {
    if (!value.empty() && !taken.insert(fmt::format("{} {}", what, value)).second) {
      return absl::InvalidArgumentError(fmt::format("{}: {} is that of another agency of this process", what, value));
    }
  }
  return absl::OkStatus();
}

// Those of the files that are right; the others are told of.
std::vector<AgencyConfig> LoadConfigs(const AgencySpec& spec, const std::vector<std::string>& paths) {
  std::vector<AgencyConfig> configs;
  std::set<std::string> taken;
  for (const std::string& path : paths) {
    auto config = LoadAgencyConfig(path, spec.default_port);
    if (!config.ok()) {  // It names the file itself.
      std::fprintf(stderr, "%s: %s\n", spec.program.c_str(), std::string(FromAbsl(config.status().message())).c_str());
      continue;
    }
    absl::Status fit = CheckKind(spec, *config);
    if (fit.ok()) fit = CheckApart(*config, taken);
    if (!fit.ok()) {
      Say(spec, path, FromAbsl(fit.message()));
      continue;
    }
    configs.push_back(*std::move(config));
  }
  return configs;
}

// False when one of them did not start.
bool StartAll(const AgencySpec& spec, const std::vector<AgencyConfig>& configs, const Clock& clock, Random& random,
              std::vector<std::unique_ptr<Tenant>>& tenants) {
  bool all = true;
  for (const AgencyConfig& config : configs) {
    auto tenant = Tenant::Start(spec, KindOf(spec, config), config, clock, random);
    if (tenant.ok()) {
      tenants.push_back(*std::move(tenant));
      continue;
    }
    all = false;
    telemetry::Log(telemetry::Level::kError, "agency.failed", {{"agency", config.agency}, {"status", tenant.status()}});
    Say(spec, fmt::format("{} does not start", config.agency), FromAbsl(tenant.status().message()));
  }
  return all;
}

int Serve(const AgencySpec& spec, const std::vector<AgencyConfig>& configs, const Clock& clock, Random& random) {
  // Before any thread starts, so that all of them leave these signals to sigwait below.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  std::vector<std::unique_ptr<Tenant>> tenants;
  const bool all = StartAll(spec, configs, clock, random, tenants);
  if (tenants.empty()) return kFailed;
  int signal = 0;
  sigwait(&stop, &signal);
  telemetry::Log(telemetry::Level::kInfo, "process.stops", {{"signal", signal}});
  std::vector<std::unique_ptr<Thread>> stopping;  // At once: each may have to wait for its callers.
  for (const auto& tenant : tenants) stopping.push_back(std::make_unique<Thread>([&tenant] { tenant->Stop(); }));
  stopping.clear();
  return all ? 0 : kFailed;
}

int ClearAlarm(const AgencySpec& spec, const AgencyConfig& config, const Clock& clock, Random& random) {
  std::optional<crypto::SecretBytes> passphrase;
  if (config.passphrase) {
    auto given = console::ReadPassphrase("passphrase", /*twice=*/false);
    if (!given.ok()) return Fail(spec, "the passphrase", given.status());
    passphrase = crypto::SecretBytes::Take(*std::move(given));
  }
  telemetry::Metrics metrics;
  const auto runtime = AgencyRuntime::Open(config, KindOf(spec, config), clock, random, metrics, passphrase.has_value() ? &*passphrase : nullptr);
  if (!runtime.ok()) return Fail(spec, "the service does not open", runtime.status());
  const absl::Status cleared = (*runtime)->alarm().Clear();
  return cleared.ok() ? 0 : Fail(spec, "the alarm is not cleared", cleared);
}

int Protect(const AgencySpec& spec, const AgencyConfig& config, Random& random) {
  if (!config.passphrase) {
    Say(spec, config.agency, "put `passphrase = true` into [keys] first: a service that is started without it would not read its keys any more");
    return kWrongUse;
  }
  auto given = console::ReadPassphrase(fmt::format("passphrase of {}", config.agency), /*twice=*/true);
  if (!given.ok()) return Fail(spec, "the passphrase", given.status());
  const auto passphrase = crypto::SecretBytes::Take(*std::move(given));
  const auto count = ProtectKeyFiles(config, passphrase, random);
  if (!count.ok()) return Fail(spec, "the keys are not protected", count.status());
  std::printf("%s: %d key files were put under the passphrase\n", config.agency.c_str(), *count);
  return 0;
}

}  // namespace

int RunAgency(int argc, char** argv, const AgencySpec& spec) {
  CLI::App app(spec.description, spec.program);
  app.set_version_flag("--version", kVersion);
  console::AddManualFlag(app);
  std::vector<std::string> paths;
  bool clear_alarm = false, protect = false;
  app.add_option("--config", paths, "Configuration file (deploy/agency.toml.example); several times: several agencies, docs/hosting.md")
      ->required()
      ->allow_extra_args(false);
  app.add_flag("--clear-alarm", clear_alarm, "Clear a standing alarm and exit; keep its evidence first (runbooks/fork.md)");
  app.add_flag("--protect", protect, "Put the agency's key files under a passphrase and exit (docs/hosting.md)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUse;
  }
  if ((clear_alarm || protect) && (paths.size() > 1 || clear_alarm == protect)) {
    Say(spec, "--clear-alarm, --protect", "are one at a time, of one agency");
    return kWrongUse;
  }
  const std::vector<AgencyConfig> configs = LoadConfigs(spec, paths);
  if (configs.empty()) return kWrongUse;
  const SystemClock clock;
  SystemRandom random;
  if (const absl::Status tls = rpc::EnforceTls13(); !tls.ok()) return Fail(spec, "TLS 1.3", tls);
  if (const absl::Status log = telemetry::StartLog(configs.front().log, clock); !log.ok()) return Fail(spec, "log", log);
  int result = protect ? Protect(spec, configs.front(), random)
               : clear_alarm ? ClearAlarm(spec, configs.front(), clock, random)
                             : Serve(spec, configs, clock, random);
  telemetry::StopLog();
  if (result == 0 && configs.size() < paths.size()) result = kFailed;
  return result;
}

}  // namespace accord::agent_rpc

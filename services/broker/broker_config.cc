#include "services/broker/broker_config.h"

#include <filesystem>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/config/config.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

absl::StatusOr<BrokerConfig> LoadBrokerConfig(const std::string& path) {
  ACCORD_ASSIGN_OR_RETURN(config::Table root, config::Table::Load(path));
  BrokerConfig config;
  config.origin = root.RequiredString("origin");
  config.trust_domain = root.RequiredString("trust_domain");
  config.server.trust_domain = config.trust_domain;

  config::Table server = root.Section("server");
  config.server.address = server.OptionalString("address", "127.0.0.1");
  config.server.port = static_cast<int>(server.OptionalInt("port", 7400, 0, 65535));
  config.metrics_port = static_cast<int>(server.OptionalInt("metrics_port", 9400, 0, 65535));
  config.server.tls.certificate = server.RequiredPath("certificate");
  config.server.tls.private_key = server.RequiredPath("private_key");
  config.server.tls.roots = server.RequiredPath("roots");

  config::Table store = root.Section("store");
  config.store = store.RequiredPath("directory");
  config.key_slots = store.RequiredPath("key_slots");
  config.guard = store.RequiredPath("guard");
  config.erasures = store.OptionalPath("erasures");
  if (config.erasures.empty()) config.erasures = (std::filesystem::path(config.guard).parent_path() / "erasures").string();
  config.disk_floor_bytes = store.OptionalBytes("disk_floor", uint64_t{1} << 30, 0, uint64_t{1} << 50);
  if (config.guard.starts_with(config.store + "/")) store.Reject("guard", "must lie outside the store's directory");
  if (config.key_slots.starts_with(config.store + "/")) store.Reject("key_slots", "must lie outside the store's directory");

  if (config.erasures.starts_with(config.store + "/")) store.Reject("erasures", "must lie outside the store's directory");

  config::Table keys = root.Section("keys");
  config.log_key = keys.RequiredPath("log_key");
  config.master_key = keys.RequiredPath("master_key");
  config.case_index_key = keys.RequiredPath("case_index_key");

  config::Table witnesses = root.Section("witnesses");
  config.witness_policy = witnesses.OptionalPath("policy");

  config::Table work = root.Section("work");
  config.threads = static_cast<int>(work.OptionalInt("threads", 4, 1, 256));
  config.queue_max = static_cast<size_t>(work.OptionalInt("queue", kQueueCommandsMax, 64, 1 << 20));

  config::Table warrants = root.Section("warrants");
  config.statutory_bodies = warrants.Strings("statutory_bodies");
  for (const std::string& body : config.statutory_bodies) {
    if (!IsAgencyId(body)) warrants.Reject("statutory_bodies", "1 to 63 of [a-z0-9-] are needed");
  }

  config::Table previews = root.Section("previews");
  config.previews.per_minute = static_cast<uint32_t>(previews.OptionalInt("per_minute", config.previews.per_minute, 0, 100'000));
  config.previews.per_hour = static_cast<uint32_t>(previews.OptionalInt("per_hour", config.previews.per_hour, 0, 1'000'000));

  config::Table limits = root.Section("limits");
  config.limits.submissions_per_minute =
      static_cast<uint32_t>(limits.OptionalInt("submissions_per_minute", config.limits.submissions_per_minute, 0, 10'000'000));
  config.limits.streams_per_desk = static_cast<uint32_t>(limits.OptionalInt("streams_per_desk", config.limits.streams_per_desk, 0, 10'000));
  config.limits.collect_interval_ms =
      static_cast<uint32_t>(limits.OptionalInt("collect_interval_ms", config.limits.collect_interval_ms, 0, 3'600'000));

  config::Table log = root.Section("log");
  config.log.file = log.OptionalPath("file");
  const std::string level = log.OneOf("level", {"info", "debug", "warn", "error"});
  config.log.level = level == "debug"  ? telemetry::Level::kDebug
                     : level == "warn" ? telemetry::Level::kWarn
                     : level == "error" ? telemetry::Level::kError
                                        : telemetry::Level::kInfo;

  config::Table init = root.Section("init");
  config.administrators = init.Strings("administrators");
  config.directory_file = init.OptionalPath("directory");
  config.agreement_file = init.OptionalPath("agreement");
  config.emergency_schedule_file = init.OptionalPath("emergency_schedule");
  config.legal_register_file = init.OptionalPath("legal_register");
  config.clock_rules_file = init.OptionalPath("clock_rules");
  config.case_rules_file = init.OptionalPath("case_rules");
  ACCORD_RETURN_IF_ERROR(root.Finish());
  return config;
}

}  // namespace accord::broker

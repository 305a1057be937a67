#include "common/agent_rpc/agency_config.h"

#include "common/agent/alert.h"
#include "common/base/ids.h"
#include "common/base/text.h"
#include "common/base/status.h"
#include "common/config/config.h"
#include "common/webhook/alert_webhook.h"

namespace accord::agent_rpc {
namespace {

constexpr int kMetricsPortOffset = 2000;

struct KindName {
  const char* name;
  type::v1::AgencyKind kind;
};
constexpr KindName kKinds[] = {
    {"police", type::v1::AGENCY_KIND_POLICE},
    {"childrens_services", type::v1::AGENCY_KIND_CHILDRENS_SERVICES},
    {"housing", type::v1::AGENCY_KIND_HOUSING},
    {"health", type::v1::AGENCY_KIND_HEALTH},
    {"idva", type::v1::AGENCY_KIND_IDVA},
    {"substance_misuse", type::v1::AGENCY_KIND_SUBSTANCE_MISUSE},
    {"mental_health", type::v1::AGENCY_KIND_MENTAL_HEALTH},
    {"adult_social_care", type::v1::AGENCY_KIND_ADULT_SOCIAL_CARE},
    {"education", type::v1::AGENCY_KIND_EDUCATION},
    {"probation", type::v1::AGENCY_KIND_PROBATION},
};

}  // namespace

absl::StatusOr<AgencyConfig> LoadAgencyConfig(const std::string& path, int default_port) {
  ACCORD_ASSIGN_OR_RETURN(config::Table root, config::Table::Load(path));
  AgencyConfig config;
  config.agency = root.RequiredString("agency");
  if (!IsAgencyId(config.agency)) root.Reject("agency", "is not 1 to 63 of [a-z0-9-]");
  config.trust_domain = root.RequiredString("trust_domain");
  config.server.trust_domain = config.trust_domain;

  config::Table server = root.Section("server");
  config.server.address = server.OptionalString("address", "127.0.0.1");
  config.server.port = static_cast<int>(server.OptionalInt("port", default_port, 0, 65535));
  config.metrics_port = static_cast<int>(server.OptionalInt("metrics_port", default_port + kMetricsPortOffset, 0, 65535));
  config.server.tls.certificate = server.RequiredPath("certificate");
  config.server.tls.private_key = server.RequiredPath("private_key");
  config.server.tls.roots = server.RequiredPath("roots");

  config::Table broker = root.Section("broker");
  config.broker.target = broker.OptionalString("address", "127.0.0.1:7400");
  config.broker.server_spiffe_id = broker.RequiredString("spiffe_id");
  config.broker.tls = config.server.tls;
  config.log_vkey = broker.RequiredPath("log_vkey");

  config::Table keys = root.Section("keys");
  config.signing_key = keys.RequiredPath("signing_key");
  config.sealing_key = keys.RequiredPath("sealing_key");
  config.sealing_certificate = keys.RequiredPath("sealing_certificate");
  config.area_authorities = keys.RequiredPath("area_authorities");
  config.store_key = keys.RequiredPath("store_key");

  config.witness_key = keys.OptionalPath("witness_key");
  config.witness_name = keys.OptionalString("witness_name", config.agency + "." + config.trust_domain);

  for (config::Table& previous : root.Tables("previous_sealing_keys")) {
    config.previous_sealing_keys.push_back({previous.RequiredPath("key"), previous.RequiredPath("certificate")});
  }
  if (config.previous_sealing_keys.size() > kPreviousSealingKeysMax) root.Reject("previous_sealing_keys", "more than 16");

  config::Table linkage = root.Section("linkage");
  config.linkage_domain = linkage.RequiredString("domain");
  config.linkage_key_id = linkage.RequiredString("key_id");
  config.linkage_key = linkage.RequiredPath("key");

  config::Table store = root.Section("store");
  config.store = store.RequiredPath("directory");

  config::Table routing = root.Section("routing");
  for (const KindName& row : kKinds) {
    if (routing.Has(row.name)) config.routing[row.kind] = routing.Strings(row.name);
  }

  config::Table alert = root.Section("alert");
  config.alert_command = alert.Strings("command");
  const bool relative = !config.alert_command.empty() && !config.alert_command[0].starts_with('/');
  if (relative) alert.Reject("command", "does not begin with an absolute path: it is run without a shell");
  config.alert_webhook = alert.OptionalString("webhook");
  config.alert_authorities = alert.OptionalPath("authorities");
  if (!config.alert_webhook.empty()) {
    if (const absl::Status fit = webhook::CheckWebhook(config.alert_webhook); !fit.ok()) alert.Reject("webhook", FromAbsl(fit.message()));
    if (!config.alert_command.empty()) alert.Reject("webhook", "stands beside a command: one of them calls");
  }
  if (!config.alert_authorities.empty() && config.alert_webhook.empty()) alert.Reject("authorities", "are of a webhook, and there is none");
  config.alert_repeat = alert.OptionalDuration("repeat", absl::Minutes(2), agent::kAlertRepeatMin, agent::kAlertRepeatMax);
  config.alert_timeout = alert.OptionalDuration("timeout", absl::Seconds(20), agent::kAlertTimeoutMin, agent::kAlertTimeoutMax);

  config::Table work = root.Section("work");
  config.threads = static_cast<int>(work.OptionalInt("threads", 4, 1, 64));
  config.poll_interval = work.OptionalDuration("poll_interval", absl::Seconds(5), absl::Milliseconds(100), absl::Hours(1));

  config::Table log = root.Section("log");
  config.log.file = log.OptionalPath("file");
  const std::string level = log.OneOf("level", {"info", "debug", "warn", "error"});
  config.log.level = level == "debug"   ? telemetry::Level::kDebug
                     : level == "warn"  ? telemetry::Level::kWarn
                     : level == "error" ? telemetry::Level::kError
                                        : telemetry::Level::kInfo;
  ACCORD_RETURN_IF_ERROR(root.Finish());
  return config;
}

}  // namespace accord::agent_rpc

#include "common/agent_rpc/agency_config.h"

#include <absl/time/civil_time.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/agent/alert.h"
#include "common/base/ids.h"
#include "common/base/text.h"
#include "common/base/status.h"
#include "common/config/config.h"
#include "common/policy/instrument_text.h"
#include "common/policy/reading.h"
#include "common/referral/header.h"
#include "common/referral/identifiers.h"
#include "common/webhook/alert_webhook.h"

namespace accord::agent_rpc {
namespace {

constexpr uint64_t kDiskFloorDefault = uint64_t{256} << 20;  // What was accepted needs some to be sealed, sent and settled.
constexpr int kMetricsPortOffset = 2000;
constexpr size_t kDayChars = 10;
constexpr size_t kWorkerBytesMax = 64;  // Of a pseudonym.

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

void ReadSupportServices(config::Table& root, AgencyConfig& config) {
  for (config::Table& table : root.Tables("support_service")) {
    agent::SupportService& service = config.support_services.emplace_back();
    service.agency = table.RequiredString("agency");
    const bool routed = std::any_of(config.routing.begin(), config.routing.end(), [&](const auto& row) {
      return std::find(row.second.begin(), row.second.end(), service.agency) != row.second.end();
    });
    if (!routed) table.Reject("agency", "is not in [routing]: nothing would go to it");
    service.age_from = static_cast<uint32_t>(table.OptionalInt("age_from", 0, 0, agent::kClientAgeMax));
    service.age_to = static_cast<uint32_t>(table.OptionalInt("age_to", agent::kClientAgeMax, 0, agent::kClientAgeMax));
    if (service.age_from > service.age_to) table.Reject("age_to", "is below age_from");
    service.genders = table.Strings("genders");
    service.areas = table.Strings("areas");
    for (const std::string& area : service.areas) {
      if (!referral::IsGssCode(area)) table.Reject("areas", "has one that is no GSS code");
    }
    service.grades = policy::Words<type::v1::RiskGrade>(table, "grades");
    service.languages = table.Strings("languages");
    service.takes_new = table.OptionalBool("takes_new", true);
    const auto twice = std::count_if(config.support_services.begin(), config.support_services.end(), [&](const auto& one) { return one.agency == service.agency; });
    if (twice > 1) table.Reject("agency", "has two rows");
  }
  if (config.support_services.size() > agent::kSupportServicesMax) root.Reject("support_service", "more than 64");
}

void ReadFolder(config::Table& root, AgencyConfig& config) {
  config::Table table = root.Section("folder");
  config.folder.directory = table.OptionalPath("directory");
  config.folder.worker.set_pseudonym(table.OptionalString("worker"));
  config.folder.worker.set_role(policy::OptionalWord(table, "role", type::v1::WORKER_ROLE_SYSTEM));
  config.folder.worker.set_authentication(policy::OptionalWord(table, "authentication", type::v1::AUTHENTICATION_AUTOMATIC));
  if (config.folder.worker.pseudonym().size() > kWorkerBytesMax) table.Reject("worker", fmt::format("is over {} bytes", kWorkerBytesMax));
  config.folder.poll_interval = table.OptionalDuration("poll_interval", absl::Seconds(5), absl::Milliseconds(100), absl::Hours(1));
  if (config.folder.directory.empty() && !config.folder.worker.pseudonym().empty()) table.Reject("worker", "is of a directory, and there is none");
}

void ReadInstruments(config::Table& root, AgencyConfig& config) {
  config::Table table = root.Section("instruments");
  const std::string directory = table.OptionalPath("directory");
  if (directory.empty()) {
    config.instruments = policy::DefaultInstruments();
    return;
  }
  auto instruments = policy::LoadInstruments(directory);
  if (!instruments.ok()) return table.Reject("directory", FromAbsl(instruments.status().message()));
  config.instruments = *std::move(instruments);
}

type::v1::AgencyKind ReadKind(config::Table& root) {
  const std::string word = root.OptionalString("kind");
  const auto* const row = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const KindName& kind) { return word == kind.name; });
  if (row != std::end(kKinds)) return row->kind;
  if (root.Has("kind")) root.Reject("kind", policy::NotAWord(*type::v1::AgencyKind_descriptor(), word));
  return type::v1::AGENCY_KIND_UNSPECIFIED;
}

void ReadPushProfiles(config::Table& root, AgencyConfig& config) {
  using namespace type::v1;  // NOLINT: the words of the lists.
  for (config::Table& table : root.Tables("push")) {
    agent::PushProfile& profile = config.push_profiles.emplace_back();
    profile.name = table.RequiredString("name");
    if (!profile.name.empty() && !IsAgencyId(profile.name)) table.Reject("name", "is not 1 to 63 of [a-z0-9-]");
    profile.types = policy::Words<ReferralType>(table, "types");
    profile.purposes = policy::Words<Purpose>(table, "purposes");
    profile.categories = policy::Words<Category>(table, "categories");
    profile.recipients = policy::Words<AgencyKind>(table, "to");
    profile.childrens_services_if_concerned = table.OptionalBool("childrens_services_if_concerned", true);
    const auto pushed = [](ReferralType type) {
      return type == REFERRAL_TYPE_REFERRAL || type == REFERRAL_TYPE_NOTIFICATION || type == REFERRAL_TYPE_EVENT_NOTICE ||
             type == REFERRAL_TYPE_REQUEST_FOR_INFORMATION || type == REFERRAL_TYPE_RESPONSE;
    };
    if (profile.types.empty()) table.Reject("types", "names none");
    if (!std::all_of(profile.types.begin(), profile.types.end(), pushed)) table.Reject("types", "has one that is made by a call of its own");
    if (profile.purposes.empty()) table.Reject("purposes", "names none");
    const auto twice = std::count_if(config.push_profiles.begin(), config.push_profiles.end(), [&](const auto& one) { return one.name == profile.name; });
    if (twice > 1) table.Reject("name", "is that of another [[push]]");
  }
  if (config.push_profiles.size() > agent::kPushProfilesMax) root.Reject("push", "more than 16");
}

void ReadForum(config::Table& root, AgencyConfig& config) {
  if (!root.Has("forum")) return;
  config::Table table = root.Section("forum");
  config.forum = table.RequiredString("id");
  config.forum_members = table.Strings("members");
  if (!config.forum.empty() && !IsAgencyId(config.forum)) table.Reject("id", "is not 1 to 63 of [a-z0-9-]");
  if (!std::all_of(config.forum_members.begin(), config.forum_members.end(), IsAgencyId)) table.Reject("members", "has one that is not 1 to 63 of [a-z0-9-]");
  if (config.forum_members.empty() || config.forum_members.size() > kForumMembersMax) table.Reject("members", "are not 1 to 64");
}

// A name of a linkage domain or of one of its keys, as every token carries it.
std::string LinkageName(config::Table& table, std::string_view key, std::string name) {
  if (name.size() > referral::kVersionBytesMax) table.Reject(key, fmt::format("is over {} bytes", referral::kVersionBytesMax));
  return name;
}

// The keys that linkage domains had before, and the domains of others. A key id means one key of its domain for ever.
void ReadOtherLinkage(config::Table& root, AgencyConfig& config) {
  std::set<std::string> domains = {config.linkage_domain};
  std::set<std::pair<std::string, std::string>> ids = {{config.linkage_domain, config.linkage_key_id}};
  for (config::Table& other : root.Tables("other_linkage_domains")) {
    AgencyConfig::OtherLinkage row{LinkageName(other, "domain", other.RequiredString("domain")), LinkageName(other, "key_id", other.RequiredString("key_id")),
                                   other.RequiredPath("key"), other.Strings("agencies")};
    if (!domains.insert(row.domain).second) other.Reject("domain", "is configured already");
    if (row.agencies.empty()) other.Reject("agencies", "names nobody: its tokens would never be sent");
    if (!std::all_of(row.agencies.begin(), row.agencies.end(), IsAgencyId)) other.Reject("agencies", "has one that is not 1 to 63 of [a-z0-9-]");
    ids.emplace(row.domain, row.key_id);
    config.other_linkage_domains.push_back(std::move(row));
  }
  if (config.other_linkage_domains.size() > kOtherLinkageDomainsMax) root.Reject("other_linkage_domains", "more than 8");
  for (config::Table& previous : root.Tables("previous_linkage_keys")) {
    AgencyConfig::PreviousLinkage row{previous.OptionalString("domain", config.linkage_domain),
                                      LinkageName(previous, "key_id", previous.RequiredString("key_id")), previous.RequiredPath("key"), absl::InfinitePast()};
    absl::CivilDay last;
    const std::string until = previous.RequiredString("until");
    if (until.size() != kDayChars || !absl::ParseCivilTime(until, &last)) previous.Reject("until", "is no day, YYYY-MM-DD");
    row.sent_until = absl::FromCivil(last + 1, absl::UTCTimeZone());
    if (!domains.contains(row.domain)) previous.Reject("domain", "is no domain of this agency's");
    if (!ids.emplace(row.domain, row.key_id).second) previous.Reject("key_id", "is that of another key of the domain");
    config.previous_linkage_keys.push_back(std::move(row));
  }
  if (config.previous_linkage_keys.size() > kPreviousLinkageKeysMax) root.Reject("previous_linkage_keys", "more than 16");
}

}  // namespace

absl::StatusOr<AgencyConfig> LoadAgencyConfig(const std::string& path, int default_port) {
  ACCORD_ASSIGN_OR_RETURN(config::Table root, config::Table::Load(path));
  AgencyConfig config;
  config.agency = root.RequiredString("agency");
  if (!IsAgencyId(config.agency)) root.Reject("agency", "is not 1 to 63 of [a-z0-9-]");
  config.kind = ReadKind(root);
  config.trust_domain = root.RequiredString("trust_domain");
  config.desk = root.OneOf("desk", {"main", "confidential"}) == "confidential" ? type::v1::DESK_CONFIDENTIAL : type::v1::DESK_MAIN;
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
  config.passphrase = keys.OptionalBool("passphrase", false);

  config.witness_key = keys.OptionalPath("witness_key");
  config.witness_name = keys.OptionalString("witness_name", config.agency + "." + config.trust_domain);

  for (config::Table& previous : root.Tables("previous_sealing_keys")) {
    config.previous_sealing_keys.push_back({previous.RequiredPath("key"), previous.RequiredPath("certificate")});
  }
  if (config.previous_sealing_keys.size() > kPreviousSealingKeysMax) root.Reject("previous_sealing_keys", "more than 16");

  config::Table linkage = root.Section("linkage");
  config.linkage_domain = LinkageName(linkage, "domain", linkage.RequiredString("domain"));
  config.linkage_key_id = LinkageName(linkage, "key_id", linkage.RequiredString("key_id"));
  config.linkage_key = linkage.RequiredPath("key");
  ReadOtherLinkage(root, config);

  config::Table store = root.Section("store");
  config.store = store.RequiredPath("directory");
  config.disk_floor_bytes = store.OptionalBytes("disk_floor", kDiskFloorDefault, 0, uint64_t{1} << 50);

  config::Table routing = root.Section("routing");
  for (const KindName& row : kKinds) {
    if (routing.Has(row.name)) config.routing[row.kind] = routing.Strings(row.name);
  }
  ReadSupportServices(root, config);
  ReadInstruments(root, config);
  ReadPushProfiles(root, config);
  ReadForum(root, config);

  config::Table identifiers = root.Section("identifiers");
  config.force_codes = identifiers.Strings("force_codes");
  if (!std::all_of(config.force_codes.begin(), config.force_codes.end(), referral::IsForceCode)) {
    identifiers.Reject("force_codes", "has one that is not two digits");
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

  ReadFolder(root, config);

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

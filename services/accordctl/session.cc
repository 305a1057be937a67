#include "services/accordctl/session.h"

#include <absl/strings/cord.h>
#include <absl/time/time.h>
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <cstdio>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/console/words.h"
#include "common/crypto/certificate.h"
#include "common/crypto/ecdsa.h"

namespace accord::accordctl {
namespace {

constexpr char kUsagePayload[] = "accordctl/usage";
constexpr size_t kSessionVkeyBytesMax = 4096;
constexpr size_t kIdentityBytesMax = 1u << 20;

std::string Message(const absl::Status& status) { return std::string(FromAbsl(status.message())); }

// What fits an error that carries no reason of ours.
std::string NextStep(const absl::Status& status) {
  if (absl::IsUnavailable(status)) {
    // gRPC's words for what is wrong with a connection.
    constexpr std::pair<std::string_view, std::string_view> kSaid[] = {
        {"certificate does not name", "Another program answers there: check the address, and its spiffe_id, in the configuration."},
        {"certificate verify failed", "What answers there has no valid certificate of an authority in `roots`: check `roots` in the configuration, and whether its certificate has expired."},
        {"DNS resolution failed", "The name in the address is not known: check the address in the configuration."},
        {"Failed to create security handshaker", "Check that private_key is the key of certificate in the configuration, and that both and `roots` are PEM."},
        {"Socket closed", "It closed the connection: it is stopping, or does not take the certificate in the configuration. See which; then resend the same request id."},
        {"Connection reset", "It closed the connection: it is stopping, or does not take the certificate in the configuration. See which; then resend the same request id."},
    };
    for (const auto& [said, next] : kSaid) {
      if (FromAbsl(status.message()).find(said) != std::string_view::npos) return std::string(next);
    }
    return "See whether it runs and the address is right; then resend the same request id.";
  }
  if (absl::IsDeadlineExceeded(status)) return "It may have been done: look, or resend the same request id.";
  if (absl::IsUnimplemented(status)) return "That service does not offer this call: see --as.";
  return "";
}

// Why the other end may not take one's own certificate; empty when no reason is known. It decides by its own clock, which may be right where this computer's is
// wrong, so that it is tried all the same. What is no PEM is left to gRPC. A key of another certificate is an error.
absl::StatusOr<std::string> DoubtOfOwn(const rpc::TlsFiles& tls) {
  const auto pem = ReadFile(tls.certificate, kIdentityBytesMax);
  const auto chain = pem.ok() ? crypto::Certificate::ManyFromPem(*pem) : pem.status();
  if (!chain.ok()) return std::string();
  const crypto::Certificate& own = chain->front();
  const auto key = crypto::SigningKey::FromPemFile(tls.private_key);
  if (key.ok() && key->spki() != own.spki()) return UsageError(fmt::format("{} is not the key of {}", tls.private_key, tls.certificate));
  const absl::Time now = SystemClock().Now();
  if (own.not_after() < now) {
    return fmt::format("{} ended at {} by this computer's clock: have a new one issued under the same name", tls.certificate,
                       console::TimeText(absl::ToUnixMillis(own.not_after())));
  }
  if (own.not_before() > now) {
    return fmt::format("{} begins at {}, by this computer's clock later than now: set the clock right", tls.certificate,
                       console::TimeText(absl::ToUnixMillis(own.not_before())));
  }
  return std::string();
}

template <typename Enum>
absl::StatusOr<Enum> Choice(std::string_view option, const std::string& words) {
  const auto& type = *google::protobuf::GetEnumDescriptor<Enum>();
  const auto value = console::EnumFromWords(type, words);
  if (!value.has_value()) return UsageError(fmt::format("{} is one of {}", option, console::EnumChoices(type)));
  return static_cast<Enum>(*value);
}

}  // namespace

absl::Status UsageError(std::string_view why) {
  absl::Status status = absl::InvalidArgumentError(ToAbsl(why));
  status.SetPayload(kUsagePayload, absl::Cord("1"));
  return status;
}

bool IsUsageError(const absl::Status& status) { return status.GetPayload(kUsagePayload).has_value(); }

absl::Status Annotate(const absl::Status& status, std::string_view who) {
  absl::Status annotated(status.code(), fmt::format("{}: {}", who, Message(status)));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) { annotated.SetPayload(url, payload); });
  return annotated;
}

absl::Status Annotate(const absl::Status& status, const Endpoint& endpoint) {
  const bool doubtful = absl::IsUnavailable(status) && !endpoint.doubt.empty();
  return Annotate(status, doubtful ? fmt::format("{} ({})", endpoint.who, endpoint.doubt) : endpoint.who);
}

absl::StatusOr<std::unique_ptr<Session>> Session::Open(Settings settings, Random& random, Connector connect) {
  if (settings.config.empty()) return UsageError("no configuration: give --config FILE or set ACCORDCTL_CONFIG");
  auto config = LoadCtlConfig(settings.config);
  if (!config.ok()) return UsageError(Message(config.status()));
  // `--as admin/alice`, `--as inspector/ines` and `--as agency/police` name principals as the ledger does.
  constexpr std::string_view kAdminPrefix = "admin/", kInspectorPrefix = "inspector/", kAgencyPrefix = "agency/";
  if (settings.as.starts_with(kAdminPrefix)) settings.as_admin = std::exchange(settings.as, "").substr(kAdminPrefix.size());
  if (settings.as.starts_with(kInspectorPrefix)) settings.as_inspector = std::exchange(settings.as, "").substr(kInspectorPrefix.size());
  if (settings.as.starts_with(kAgencyPrefix)) settings.as = settings.as.substr(kAgencyPrefix.size());
  if (!settings.as_admin.empty() && !(settings.as.empty() && settings.as_inspector.empty())) return UsageError("--as and --as-admin exclude each other");
  if (!settings.as.empty() && config->FindAgency(settings.as) == nullptr) {
    return UsageError(fmt::format("{} has no [[agency]] with id {}", settings.config, settings.as));
  }
  if (!settings.as_admin.empty() && config->FindAdmin(settings.as_admin) == nullptr) {
    return UsageError(fmt::format("{} has no [[admin]] with id {}", settings.config, settings.as_admin));
  }
  if (!settings.as_inspector.empty() && config->FindInspector(settings.as_inspector) == nullptr) {
    return UsageError(fmt::format("{} has no [[inspector]] with id {}", settings.config, settings.as_inspector));
  }
  if (!settings.request_id.empty() && !IsRequestId(settings.request_id)) {
    return UsageError("--request-id is 8 to 128 characters of [A-Za-z0-9._:/-]");
  }
  return std::unique_ptr<Session>(new Session(std::move(settings), *std::move(config), random, std::move(connect)));
}

absl::StatusOr<const AgencyIdentity*> Session::Agency() const {
  if (!settings_.as.empty()) return config_.FindAgency(settings_.as);
  if (!config_.as.empty()) return config_.FindAgency(config_.as);
  if (config_.agencies.size() == 1) return &config_.agencies.front();
  return UsageError("as which agency? Give --as AGENCY.");
}

absl::StatusOr<const AgencyIdentity*> Session::AgencyOr(const std::string& id) const {
  if (!settings_.as.empty() || id.empty()) return Agency();
  const AgencyIdentity* agency = config_.FindAgency(id);
  if (agency == nullptr) return UsageError(fmt::format("{} has no [[agency]] with id {}", settings_.config, id));
  return agency;
}

const OfficerIdentity* Session::Inspector() const {
  if (!settings_.as_inspector.empty()) return config_.FindInspector(settings_.as_inspector);
  if (!config_.as_inspector.empty()) return config_.FindInspector(config_.as_inspector);
  return config_.inspectors.size() == 1 ? &config_.inspectors.front() : nullptr;
}

const OfficerIdentity* Session::Admin() const {
  if (!settings_.as_admin.empty()) return config_.FindAdmin(settings_.as_admin);
  if (!config_.as_admin.empty()) return config_.FindAdmin(config_.as_admin);
  return config_.admins.size() == 1 ? &config_.admins.front() : nullptr;
}

absl::StatusOr<Endpoint> Session::Connect(std::string who, const std::string& address, const std::string& spiffe_id,
                                          const rpc::TlsFiles& tls) const {
  auto doubt = DoubtOfOwn(tls);
  if (!doubt.ok()) return UsageError(fmt::format("{}: {}", who, Message(doubt.status())));
  if (!doubt->empty() && doubted_.insert(tls.certificate).second) Tell(fmt::format("accordctl: warning: {}\n", *doubt));
  auto channel = connect_({.target = address, .tls = tls, .server_spiffe_id = spiffe_id});
  if (!channel.ok()) return UsageError(fmt::format("{}: {}", who, Message(channel.status())));
  return Endpoint{.who = std::move(who), .channel = *std::move(channel), .dry_run = settings_.dry_run, .principal = {}, .doubt = *std::move(doubt)};
}

absl::StatusOr<Endpoint> Session::Service(const AgencyIdentity& agency) const {
  if (agency.address.empty()) return UsageError(fmt::format("no address is configured for the service of {}", agency.id));
  return Connect(fmt::format("{} at {}", agency.id, agency.address), agency.address, agency.spiffe_id, agency.tls);
}

absl::StatusOr<Endpoint> Session::BrokerCalledBy(std::string principal, const rpc::TlsFiles& tls) const {
  ACCORD_ASSIGN_OR_RETURN(Endpoint broker, Connect(fmt::format("the broker at {}, as {}", config_.broker_address, principal), config_.broker_address,
                                                   config_.broker_spiffe_id, tls));
  broker.principal = std::move(principal);
  return broker;
}

absl::StatusOr<Endpoint> Session::BrokerAs(const AgencyIdentity& agency) const { return BrokerCalledBy("agency/" + agency.id, agency.tls); }

absl::StatusOr<Session::Principal> Session::Chosen(Prefer prefer) const {
  const auto agency = Agency();
  const Principal as_agency{.agency = agency.ok() ? *agency : nullptr}, as_admin{.admin = Admin()}, as_inspector{.inspector = Inspector()};
  if (!settings_.as_inspector.empty()) return as_inspector;
  if (!settings_.as_admin.empty()) return as_admin;
  if (!settings_.as.empty()) return as_agency;
  std::vector<Principal> order = {as_agency, as_admin, as_inspector};
  if (prefer == Prefer::kAdmin) order = {as_admin, as_agency, as_inspector};
  if (prefer == Prefer::kInspector) order = {as_inspector, as_admin, as_agency};
  for (const Principal& one : order) {
    if (one.agency != nullptr || one.admin != nullptr || one.inspector != nullptr) return one;
  }
  return prefer == Prefer::kAgency ? agency.status() : UsageError("as whom? Give --as-admin NAME, --as inspector/NAME or --as AGENCY.");
}

absl::StatusOr<Endpoint> Session::Broker(Prefer prefer) const {
  ACCORD_ASSIGN_OR_RETURN(const Principal principal, Chosen(prefer));
  if (principal.agency != nullptr) return BrokerAs(*principal.agency);
  const OfficerIdentity& officer = principal.admin != nullptr ? *principal.admin : *principal.inspector;
  return BrokerCalledBy((principal.admin != nullptr ? "admin/" : "inspector/") + officer.id, officer.tls);
}

absl::StatusOr<ledger::Vkey> Session::LogKey() const {
  auto text = ReadFile(config_.log_vkey, kSessionVkeyBytesMax);
  if (!text.ok()) return UsageError(fmt::format("log_vkey: {}", Message(text.status())));
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  auto vkey = ledger::Vkey::Parse(*text);
  if (!vkey.ok()) return UsageError(fmt::format("{}: {}", config_.log_vkey, Message(vkey.status())));
  return vkey;
}

absl::StatusOr<type::v1::Worker> Session::Worker(const AgencyIdentity& agency) const {
  type::v1::Worker worker = agency.worker;
  if (!settings_.worker.empty()) worker.set_pseudonym(settings_.worker);
  if (worker.pseudonym().empty()) return UsageError("who acts? Give --worker PSEUDONYM, or `worker` in the configuration.");
  if (!settings_.role.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const auto role, Choice<type::v1::WorkerRole>("--role", settings_.role));
    worker.set_role(role);
  }
  if (!settings_.authentication.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const auto how, Choice<type::v1::Authentication>("--authentication", settings_.authentication));
    worker.set_authentication(how);
  }
  return worker;
}

std::string Session::RequestId() {
  if (!settings_.request_id.empty()) return settings_.request_id;
  std::string id = "accordctl/" + ToHex(NewId(random_));
  Tell(fmt::format("request id {}\n", id));
  return id;
}

void Session::Print(std::string_view text) const { std::fwrite(text.data(), 1, text.size(), stdout); }

void Session::PrintJson(const nlohmann::json& document) const {
  Print(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void Session::Tell(std::string_view text) const {
  std::fflush(stdout);  // What a person reads stays in the order in which it was said.
  std::fwrite(text.data(), 1, text.size(), stderr);
}

nlohmann::json ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) return nullptr;
  return nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
}

std::string ErrorText(const absl::Status& status) {
  const ErrorDetail detail = DetailOf(status);
  if (!HasReason(status, detail.reason)) {
    std::string text = fmt::format("accordctl: {}\n", console::Printable(Message(status)));
    const std::string next = NextStep(status);
    if (!IsUsageError(status) && !next.empty()) text += fmt::format("  what to do: {}\n", next);
    return text;
  }
  const ReasonRow& row = RowOf(detail.reason);
  std::string text = fmt::format("accordctl: {}: {}\n", row.name, console::Printable(Message(status)));
  for (const auto& [key, value] : detail.metadata) text += fmt::format("  {}: {}\n", key, console::Printable(value));
  text += fmt::format("  it means: {}\n  what to do: {}\n", row.meaning, row.next_step);
  return text;
}

nlohmann::json ErrorJson(const absl::Status& status) {
  const ErrorDetail detail = DetailOf(status);
  const bool ours = HasReason(status, detail.reason);
  nlohmann::json json = {{"code", absl::StatusCodeToString(status.code())}, {"message", Message(status)}};
  json["reason"] = ours ? std::string(RowOf(detail.reason).name) : IsUsageError(status) ? "USAGE" : "";
  json["nextStep"] = ours ? std::string(RowOf(detail.reason).next_step) : NextStep(status);
  json["metadata"] = detail.metadata;
  return json;
}

}  // namespace accord::accordctl

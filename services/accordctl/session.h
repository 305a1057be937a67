// One run of accordctl: as whom it speaks, the connections it makes, what it prints.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <google/protobuf/message.h>
#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "common/base/random.h"
#include "common/ledger/note.h"
#include "common/rpc/client.h"
#include "services/accordctl/ctl_config.h"
#include "services/accordctl/dry_run.h"

namespace accord::accordctl {

// Exit statuses of design.md §8.
inline constexpr int kDone = 0, kFailed = 1, kWrongUse = 2;

inline constexpr absl::Duration kCallTimeout = absl::Seconds(20);
inline constexpr absl::Duration kEraseTimeout = absl::Minutes(10);  // Of what erases: the service rewrites the files that held it.

// An error of the person at the keyboard: exit status 2.
absl::Status UsageError(std::string_view why);
bool IsUsageError(const absl::Status& status);

// The options that every verb takes.
struct Settings {
  std::string config;
  std::string as, as_admin, as_inspector;    // As given; empty: the configuration's.
  std::string worker, role, authentication;  // Likewise.
  std::string request_id;                    // Of an act; empty: a new one.
  bool json = false;
  bool dry_run = false;                      // Nothing is changed; what would be asked is said.
};

// Somebody to call.
struct Endpoint {
  std::string who;  // For errors: "police at 127.0.0.1:7411".
  std::shared_ptr<grpc::Channel> channel;
  bool dry_run = false;  // Ask asks nothing that changes something.
  std::string principal;  // As whom the broker is called, such as `admin/alice`; empty for a service of an agency.
  std::string doubt;      // Why it may not take the certificate, for the error of a connection that fails; empty: no reason is known.
};

// Makes the channel to a server; replaced by tests.
using Connector = std::function<absl::StatusOr<std::shared_ptr<grpc::Channel>>(const rpc::ChannelOptions&)>;

// Whose identity is taken when the command line names none.
enum class Prefer { kAgency, kAdmin, kInspector };

// Single-thread.
class Session {
 public:
  // Loads the configuration. A usage error when there is none, or when --as names nobody in it.
  static absl::StatusOr<std::unique_ptr<Session>> Open(Settings settings, Random& random, Connector connect);

  bool json() const { return settings_.json; }
  bool dry_run() const { return settings_.dry_run; }
  const CtlConfig& config() const { return config_; }

  // The agency of --as, else the configured one, else the only one. A usage error otherwise.
  absl::StatusOr<const AgencyIdentity*> Agency() const;
  // The agency of --as, else the one called `id`.
  absl::StatusOr<const AgencyIdentity*> AgencyOr(const std::string& id) const;

  // Whom calls of the broker are made as: one of the three is set. Whoever is named on the command line; else whom the configuration names
  // of the preferred kind, else of another. A usage error when nobody is named.
  struct Principal {
    const AgencyIdentity* agency = nullptr;
    const OfficerIdentity *admin = nullptr, *inspector = nullptr;
  };
  absl::StatusOr<Principal> Chosen(Prefer prefer) const;

  absl::StatusOr<Endpoint> Service(const AgencyIdentity& agency) const;
  absl::StatusOr<Endpoint> Broker(Prefer prefer) const;
  absl::StatusOr<Endpoint> BrokerAs(const AgencyIdentity& agency) const;
  // The log's key, from the configured file.
  absl::StatusOr<ledger::Vkey> LogKey() const;

  // Who acts: the options, and for what they leave open the configuration. A usage error when nobody is named.
  absl::StatusOr<type::v1::Worker> Worker(const AgencyIdentity& agency) const;
  // --request-id, or one that nobody else has. It is told on standard error, so that the act can be made again.
  std::string RequestId();

  // To standard output.
  void Print(std::string_view text) const;
  void PrintJson(const nlohmann::json& document) const;
  // To standard error.
  void Tell(std::string_view text) const;

 private:
  Session(Settings settings, CtlConfig config, Random& random, Connector connect)
      : settings_(std::move(settings)), config_(std::move(config)), random_(random), connect_(std::move(connect)) {}
  // Null when none is named or configured.
  const OfficerIdentity* Admin() const;
  const OfficerIdentity* Inspector() const;
  absl::StatusOr<Endpoint> BrokerCalledBy(std::string principal, const rpc::TlsFiles& tls) const;
  absl::StatusOr<Endpoint> Connect(std::string who, const std::string& address, const std::string& spiffe_id,
                                   const rpc::TlsFiles& tls) const;

  const Settings settings_;
  const CtlConfig config_;
  Random& random_;
  const Connector connect_;
  mutable std::set<std::string> doubted_;  // Certificates of which it was told, each once.
};

// `message` in the JSON of Protocol Buffers: 64-bit numbers are text, bytes base64, every field is there.
nlohmann::json ToJson(const google::protobuf::Message& message);

// What went wrong, in plain English, from the catalogue of reasons.
std::string ErrorText(const absl::Status& status);
nlohmann::json ErrorJson(const absl::Status& status);

// What a verb does once the command line was understood; the result is the exit status.
using Verb = std::function<absl::StatusOr<int>(Session&)>;

// Calls `method` of a service; an error names the endpoint and keeps its reason. On a dry run what changes something is judged by the service, where it can be
// asked for that alone, and the error is WouldBeDone; it is not called otherwise, and the error is WouldAsk.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Ask(const Endpoint& endpoint,
                             grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                             const std::type_identity_t<Request>& request, absl::Duration timeout = kCallTimeout);

// `status` with `who` before its message.
absl::Status Annotate(const absl::Status& status, std::string_view who);
// With who the endpoint is, and of one that is not reached with its doubt.
absl::Status Annotate(const absl::Status& status, const Endpoint& endpoint);

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Ask(const Endpoint& endpoint,
                             grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                             const std::type_identity_t<Request>& request, absl::Duration timeout) {
  Stub stub(endpoint.channel);
  if (endpoint.dry_run && IsChange(*Request::descriptor())) {
    if constexpr (requires(Request asked) { asked.set_dry_run(true); }) {
      Request judged = request;
      judged.set_dry_run(true);
      const auto response = rpc::CallUnary(stub, method, judged, timeout);
      return response.ok() ? WouldBeDone(endpoint.who, judged, *response) : Annotate(response.status(), endpoint);
    } else {
      return WouldAsk(endpoint.who, request);
    }
  }
  auto response = rpc::CallUnary(stub, method, request, timeout);
  if (!response.ok()) return Annotate(response.status(), endpoint);
  return response;
}

}  // namespace accord::accordctl

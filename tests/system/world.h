// One area run for real: a broker and five agency services as processes on loopback, with certificates,
// directory, agreement and configuration in a folder of their own, and stubs to call them as anybody.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <grpcpp/channel.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "common/agent/agency_keys.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/crypto/testing_pki.h"
#include "common/ledger/note.h"
#include "common/rpc/client.h"
#include "tests/system/process.h"

namespace accord::tests {

// The agencies of the area.
struct AgencyRow {
  const char* id;
  const char* kind;     // As a directory file says it.
  const char* program;
  type::v1::AgencyKind value;
};
inline constexpr AgencyRow kAgencies[] = {
    {"police", "police", "accord-police", type::v1::AGENCY_KIND_POLICE},
    {"childrens", "childrens_services", "accord-childrens", type::v1::AGENCY_KIND_CHILDRENS_SERVICES},
    {"housing", "housing", "accord-housing", type::v1::AGENCY_KIND_HOUSING},
    {"health", "health", "accord-health", type::v1::AGENCY_KIND_HEALTH},
    {"idva", "idva", "accord-idva", type::v1::AGENCY_KIND_IDVA},
};
inline constexpr const char* kBroker = "broker";

inline constexpr std::string_view kEveryCategory =
    R"("identity", "safe_contact", "risk", "incident", "children", "health", "housing", "alleged_perpetrator", "orders_and_bail",
  "safety_plan", "voice", "narrative", "rationale", "response", "outcome", "case_history", "attachment")";
// Everybody may have these categories of everybody, for every usual purpose: for tests of other things.
std::string OpenAgreement(std::string_view version = "open-1", std::string_view categories = kEveryCategory);

struct WorldOptions {
  std::string agreement;                   // Empty: deploy/agreement.toml, in force whenever the test runs.
  std::string poll_interval = "200ms";     // Of the agency services.
  std::string broker_disk_floor = "0";     // Below so much free space only IMMEDIATE and the like are taken.
  bool witnesses = false;                  // All cosign the log, any three are enough: witnesses.policy.
  std::vector<AgencyRow> further;          // Agencies beside kAgencies, which the others route to after those.
};

inline constexpr absl::Duration kStartTime = absl::Seconds(30);  // Programs under sanitizers are slow.
inline constexpr absl::Duration kCallTime = absl::Seconds(15);

// Single-thread but where said.
class World {
 public:
  // Makes folder, certificates and configuration, and runs `accord-broker init`. CHECK-fails with what went wrong.
  explicit World(WorldOptions options = {});
  // Kills what runs. When the test has failed it shows the end of every log and leaves the folder.
  ~World();

  // A server is `broker` or an agency's id. Waits until it says SERVING.
  absl::Status Start(const std::string& server);
  // Broker first, then the agencies; or those named.
  absl::Status StartAll(const std::vector<std::string>& agencies = {"police", "childrens", "housing", "health", "idva"});
  // Starts without waiting; channels made before are forgotten, so take new stubs.
  absl::Status Launch(const std::string& server);
  absl::Status AwaitServing(const std::string& server, absl::Duration within = kStartTime);
  // Launches a server that somebody may catch at something the moment it serves: waits until it answers, serving or not any more.
  absl::Status StartToBeCaught(const std::string& server);
  Process& process(const std::string& server) { return *processes_.at(server); }

  // What the server says of its health.
  absl::StatusOr<bool> Serving(const std::string& server);
  // What the server says at its metrics port; empty when it does not answer.
  std::string Metrics(const std::string& server) const;

  // A channel to `server` as `principal`: the path of a SPIFFE id, such as `agency/police/records` or `admin/alice`.
  // The certificate is issued at the first use. Thread-safe.
  std::shared_ptr<grpc::Channel> Channel(const std::string& server, const std::string& principal);
  // The same with any certificate.
  std::shared_ptr<grpc::Channel> ChannelWith(const std::string& server, const rpc::TlsFiles& files);
  template <typename Service>
  std::unique_ptr<typename Service::Stub> Stub(const std::string& server, const std::string& principal) {
    return Service::NewStub(Channel(server, principal));
  }
  // As the agency's own records system, at its own service.
  template <typename Service>
  std::unique_ptr<typename Service::Stub> Own(const std::string& agency) {
    return Stub<Service>(agency, "agency/" + agency + "/records");
  }

  // Closes every connection of Channel. An idle one is looked at every few seconds only, and a server that ends waits for
  // it as long as its grace lasts. Thread-safe.
  void DropChannels();

  // Files of `principal`'s certificate, issued at the first use. Thread-safe.
  rpc::TlsFiles Tls(const std::string& principal);
  // Writes an issued certificate as files.
  rpc::TlsFiles Write(const std::string& name, const crypto::testing::Issued& issued);

  // The change proposed by one administrator and approved by the other.
  absl::Status Change(const admin::v1::Change& change);
  absl::Status ChangeAgreement(const std::string& text);
  // The row of the directory that the broker now has.
  absl::StatusOr<admin::v1::Agency> Row(const std::string& agency);

  // Who the agency is, for tests that speak in its place.
  const agent::AgencyKeys& keys(const std::string& agency) const { return *keys_.at(agency); }
  const crypto::testing::TestAuthority& tls_authority() const { return tls_authority_; }
  const crypto::testing::TestAuthority& area_authority() const { return area_authority_; }
  ledger::Vkey log_key() const;

  int port(const std::string& server) const { return ports_.at(server)->number(); }
  std::string address(const std::string& server) const { return "127.0.0.1:" + std::to_string(port(server)); }
  std::string path(std::string_view name) const { return root_ + "/" + std::string(name); }
  Random& random() { return random_; }
  const Clock& clock() const { return clock_; }

  // Where the programs are.
  static std::string Program(std::string_view name);
  // A file of the project.
  static std::string Source(std::string_view name);

 private:
  void WriteText(const std::string& name, std::string_view text, int mode = 0600);
  // kAgencies, and those of the options.
  static std::vector<AgencyRow> AllOf(const WorldOptions& options);
  void MakeAgency(const AgencyRow& row);
  void WriteBrokerConfig(const WorldOptions& options);
  void WriteAgencyConfig(const AgencyRow& row, const WorldOptions& options);
  void WritePolicy();
  void WriteToolConfig();  // accordctl.toml, of every agency and both administrators.

  const std::vector<AgencyRow> agencies_;
  std::string root_;
  const SystemClock clock_;
  SystemRandom random_;
  const crypto::testing::TestAuthority tls_authority_{"Test TLS Authority"}, area_authority_{"Test Area Authority"};
  std::map<std::string, std::unique_ptr<agent::AgencyKeys>> keys_;
  std::map<std::string, std::unique_ptr<Port>> ports_, metrics_ports_;
  uint64_t changes_ = 0;

  absl::Mutex mu_;
  std::map<std::string, rpc::TlsFiles> issued_ ABSL_GUARDED_BY(mu_);
  std::map<std::pair<std::string, std::string>, std::shared_ptr<grpc::Channel>> channels_ ABSL_GUARDED_BY(mu_);

  // Last: ended first.
  std::map<std::string, std::unique_ptr<Process>> processes_;
};

// The services that the server lists by reflection.
absl::StatusOr<std::vector<std::string>> ListServices(const std::shared_ptr<grpc::Channel>& channel);

}  // namespace accord::tests

#include "tests/system/world.h"

#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <grpcpp/impl/codegen/sync_stream.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <regex>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/ed25519.h"
#include "common/rpc/tls.h"

namespace accord::tests {
namespace {

namespace fs = std::filesystem;
using google::protobuf::Empty;

constexpr const char* kOrigin = "accord.test/broker";
constexpr const char* kLinkageKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
constexpr size_t kLogLinesShown = 60;

void Must(const absl::Status& status, std::string_view what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(what.size()), what.data(), status.ToString().c_str());
  ACCORD_CHECK(false && "the world of the test could not be made");
}

// deploy/agreement.toml is in force for a year; the test runs in any.
std::string DeployedAgreement() {
  const auto text = ReadFile(World::Source("deploy/agreement.toml"));
  Must(text.status(), "deploy/agreement.toml");
  std::string agreement = std::regex_replace(*text, std::regex("\neffective_from = [^\n]*"), "\neffective_from = \"2020-01-01\"");
  return std::regex_replace(agreement, std::regex("\nexpires = [^\n]*"), "\nexpires = \"2099-01-01\"");
}

std::string Tail(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text.ok()) return "";
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n');
  std::string tail;
  for (size_t i = lines.size() > kLogLinesShown ? lines.size() - kLogLinesShown : 0; i < lines.size(); ++i) tail += lines[i] + "\n";
  return tail;
}

}  // namespace

std::string OpenAgreement(std::string_view version, std::string_view categories) {
  return fmt::format(R"(version = "{}"
parties = ["police", "childrens", "housing", "health", "idva"]
effective_from = "2020-01-01"
expires = "2099-01-01"
[[route]]
id = "everything"
from_kinds = ["police", "childrens_services", "housing", "health", "idva"]
to_kinds = ["police", "childrens_services", "housing", "health", "idva"]
purposes = ["safeguarding_adult", "safeguarding_child", "marac", "support", "housing_support", "health_care"]
categories = [{}]
)", version, categories);
}

std::vector<AgencyRow> World::AllOf(const WorldOptions& options) {
  std::vector<AgencyRow> all(std::begin(kAgencies), std::end(kAgencies));
  all.insert(all.end(), options.further.begin(), options.further.end());
  return all;
}

World::World(WorldOptions options) : agencies_(AllOf(options)) {
  static const absl::Status tls13 = rpc::EnforceTls13();
  Must(tls13, "TLS 1.3");
  char name[] = "/tmp/accord-system-XXXXXX";
  ACCORD_CHECK(mkdtemp(name) != nullptr);
  root_ = name;
  if (options.agreement.empty()) options.agreement = DeployedAgreement();

  WriteText("pki/tls-ca.crt", tls_authority_.pem());
  WriteText("pki/area-authority.crt", area_authority_.pem());
  WriteText("pki/linkage.key", std::string(kLinkageKey) + "\n");
  WriteText("agreement.toml", options.agreement);
  std::string directory;
  for (const AgencyRow& row : agencies_) {
    MakeAgency(row);
    directory += fmt::format(R"([[agency]]
id = "{0}"
kind = "{1}"
display_name = "Area {0}"
signing_certificate = "pki/{0}/signing.crt"
sealing_certificate = "pki/{0}/sealing.crt"
)", row.id, row.kind);
  }
  WriteText("directory.toml", directory);
  WriteBrokerConfig(options);
  const auto init = RunProgram({Program("accord-broker"), "init", "--config", path("broker.toml")}, kStartTime);
  Must(init.status(), "accord-broker init");
  if (init->exit_status != 0) Must(absl::InternalError(init->output), "accord-broker init");
  WriteText("broker.vkey", log_key().ToString() + "\n");
  if (options.witnesses) WritePolicy();
  for (const AgencyRow& row : agencies_) WriteAgencyConfig(row, options);
  WriteToolConfig();

  const auto add = [&](const std::string& server, std::string_view program) {
    processes_[server] = std::make_unique<Process>(std::vector<std::string>{Program(program), "--config", path(server + ".toml")},
                                                   path(server + ".log"));
  };
  add(kBroker, "accord-broker");
  for (const AgencyRow& row : agencies_) add(row.id, row.program);
}

World::~World() {
  const bool failed = ::testing::Test::HasFailure();
  if (failed) {
    for (const auto& [server, process] : processes_) {
      if (!fs::exists(process->log_file())) continue;
      std::fprintf(stderr, "--- end of %s\n%s", process->log_file().c_str(), Tail(process->log_file()).c_str());
    }
  }
  processes_.clear();
  DropChannels();  // They read the certificates again and again.
  if (!failed) fs::remove_all(root_);
}

void World::WriteText(const std::string& name, std::string_view text, int mode) {
  Must(MakeDirectory(fs::path(path(name)).parent_path().string()), name);
  Must(WriteFileDurably(path(name), text, mode), name);
}

void World::MakeAgency(const AgencyRow& row) {
  const std::string id = row.id;
  const auto signing = area_authority_.IssueSigning(id), sealing = area_authority_.IssueSealing(id);
  WriteText("pki/" + id + "/signing.crt", signing.certificate.pem());
  WriteText("pki/" + id + "/signing.key", signing.key_pem);
  WriteText("pki/" + id + "/sealing.crt", sealing.certificate.pem());
  WriteText("pki/" + id + "/sealing.key", sealing.key_pem);
  WriteText("pki/" + id + "/witness.key", crypto::Ed25519Signer::Generate().ToPem().view());
  const auto tls = tls_authority_.IssueTls("agency/" + id);
  WriteText("pki/" + id + "/tls.crt", tls.certificate.pem());
  WriteText("pki/" + id + "/tls.key", tls.key_pem);
  keys_[id].reset(new agent::AgencyKeys{id, row.value, std::string(crypto::testing::kTrustDomain), signing.signing_key(),
                                        sealing.sealing_key(), sealing.certificate, area_authority_.anchors(), "test-area", "1",
                                        crypto::SecretBytes::Take(*FromHex(kLinkageKey))});
}

void World::WriteBrokerConfig(const WorldOptions& options) {
  ports_[kBroker] = std::make_unique<Port>();
  metrics_ports_[kBroker] = std::make_unique<Port>();
  const rpc::TlsFiles tls = Tls("broker/area-1");
  WriteText("broker.toml", fmt::format(R"(origin = "{}"
trust_domain = "{}"
[server]
port = {}
metrics_port = {}
certificate = "{}"
private_key = "{}"
roots = "{}"
[store]
directory = "broker/store"
key_slots = "broker-keys/slots"
guard = "broker-guard/guard"
disk_floor = {}
[keys]
log_key = "broker-keys/log.pem"
master_key = "broker-keys/master"
case_index_key = "broker-keys/case-index"
[previews]
per_minute = 0  # A test pushes more than a person does.
per_hour = 0
[init]
administrators = ["alice", "bob"]
directory = "directory.toml"
agreement = "agreement.toml"
)", kOrigin, crypto::testing::kTrustDomain, port(kBroker), metrics_ports_[kBroker]->number(), tls.certificate,
                                           tls.private_key, tls.roots,
                                           options.broker_disk_floor == "0" ? "0" : "\"" + options.broker_disk_floor + "\"") +
                               (options.witnesses ? "[witnesses]\npolicy = \"witnesses.policy\"\n" : ""));
}

void World::WritePolicy() {
  std::string policy = fmt::format("log {}\n", log_key().ToString()), group = "group any-three 3";
  for (const AgencyRow& row : agencies_) {
    const auto key = crypto::Ed25519Signer::FromPemFile(path(fmt::format("pki/{}/witness.key", row.id)));
    Must(key.status(), "witness key");
    const std::string name = fmt::format("{}.{}", row.id, crypto::testing::kTrustDomain);
    policy += fmt::format("witness {} {}\n", row.id, ledger::Vkey::Make(name, ledger::kTypeCosignatureV1, key->verifier()).ToString());
    group += fmt::format(" {}", row.id);
  }
  WriteText("witnesses.policy", policy + group + "\nquorum any-three\n");
}

void World::WriteAgencyConfig(const AgencyRow& row, const WorldOptions& options) {
  const std::string id = row.id;
  ports_[id] = std::make_unique<Port>();
  metrics_ports_[id] = std::make_unique<Port>();
  std::map<std::string, std::string> routes;  // By kind.
  for (const AgencyRow& other : agencies_) routes[other.kind] += fmt::format("{}\"{}\"", routes[other.kind].empty() ? "" : ", ", other.id);
  std::string routing;
  for (const auto& [kind, ids] : routes) routing += fmt::format("{} = [{}]\n", kind, ids);
  WriteText(id + ".toml", fmt::format(R"(agency = "{0}"
trust_domain = "{1}"
[server]
port = {2}
metrics_port = {3}
certificate = "pki/{0}/tls.crt"
private_key = "pki/{0}/tls.key"
roots = "pki/tls-ca.crt"
[broker]
address = "{4}"
spiffe_id = "spiffe://{1}/broker/area-1"
log_vkey = "broker.vkey"
[keys]
signing_key = "pki/{0}/signing.key"
sealing_key = "pki/{0}/sealing.key"
sealing_certificate = "pki/{0}/sealing.crt"
area_authorities = "pki/area-authority.crt"
{7}store_key = "{0}/store.key"
[linkage]
domain = "test-area"
key_id = "1"
key = "pki/linkage.key"
[store]
directory = "{0}/store"
[work]
poll_interval = "{5}"
[routing]
{6})", id, crypto::testing::kTrustDomain, port(id), metrics_ports_[id]->number(), address(kBroker), options.poll_interval, routing,
                                      options.witnesses ? fmt::format("witness_key = \"pki/{}/witness.key\"\n", id) : ""));
}

void World::WriteToolConfig() {
  std::string text = fmt::format(R"([broker]
address = "{}"
spiffe_id = "spiffe://{}/broker/area-1"
log_vkey = "broker.vkey"
)", address(kBroker), crypto::testing::kTrustDomain);
  for (const AgencyRow& row : agencies_) {
    text += fmt::format(R"([[agency]]
id = "{0}"
address = "{1}"
spiffe_id = "spiffe://{2}/agency/{0}"
certificate = "pki/{0}/tls.crt"
private_key = "pki/{0}/tls.key"
roots = "pki/tls-ca.crt"
worker = "{0}-desk"
)", row.id, address(row.id), crypto::testing::kTrustDomain);
  }
  for (const std::string admin : {"alice", "bob"}) {
    const rpc::TlsFiles files = Tls("admin/" + admin);
    text += fmt::format(R"([[admin]]
id = "{}"
certificate = "{}"
private_key = "{}"
roots = "{}"
)", admin, files.certificate, files.private_key, files.roots);
  }
  WriteText("accordctl.toml", text);
}

ledger::Vkey World::log_key() const {
  const auto signer = crypto::Ed25519Signer::FromPemFile(path("broker-keys/log.pem"));
  Must(signer.status(), "the log's key");
  return ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, signer->verifier());
}

absl::Status World::Launch(const std::string& server) {
  {
    // A channel that saw the server die would wait before it tries again.
    absl::MutexLock lock(&mu_);
    std::erase_if(channels_, [&](const auto& row) { return row.first.first == server; });
  }
  return process(server).Start();
}

absl::Status World::AwaitServing(const std::string& server, absl::Duration within) {
  absl::StatusOr<bool> serving = false;
  const bool well = Eventually(within, [&] {
    if (!process(server).running()) return true;
    serving = Serving(server);
    return serving.ok() && *serving;
  });
  if (!process(server).running()) return absl::UnavailableError(server + " has ended:\n" + Tail(process(server).log_file()));
  if (well) return absl::OkStatus();
  return absl::DeadlineExceededError(fmt::format("{} is not serving: {}", server, serving.status().ToString()));
}

absl::Status World::Start(const std::string& server) {
  ACCORD_RETURN_IF_ERROR(Launch(server));
  return AwaitServing(server);
}

absl::Status World::StartToBeCaught(const std::string& server) {
  ACCORD_RETURN_IF_ERROR(Launch(server));
  absl::StatusOr<bool> serving;
  if (Eventually(kStartTime, [&] { return (serving = Serving(server)).ok(); })) return absl::OkStatus();
  return absl::DeadlineExceededError(fmt::format("{} does not answer: {}", server, serving.status().ToString()));
}

absl::Status World::StartAll(const std::vector<std::string>& agencies) {
  ACCORD_RETURN_IF_ERROR(Start(kBroker));
  for (const std::string& agency : agencies) ACCORD_RETURN_IF_ERROR(Launch(agency));
  for (const std::string& agency : agencies) ACCORD_RETURN_IF_ERROR(AwaitServing(agency));
  return absl::OkStatus();
}

absl::StatusOr<bool> World::Serving(const std::string& server) {
  // A connection of its own each time: one that failed a moment ago would wait before it tries again.
  const std::string principal = server == kBroker ? "admin/alice" : "agency/" + server;
  const auto channel = ChannelWith(server, Tls(principal));
  const grpc::internal::RpcMethod check("/grpc.health.v1.Health/Check", grpc::internal::RpcMethod::NORMAL_RPC);
  grpc::ClientContext context;
  rpc::SetTimeout(context, absl::Seconds(2));
  google::protobuf::Int32Value status;  // On the wire as HealthCheckResponse: field 1, 1 is SERVING.
  const grpc::Status answered = grpc::internal::BlockingUnaryCall(channel.get(), check, &context, Empty(), &status);
  if (!answered.ok()) return rpc::FromGrpc(answered);
  return status.value() == 1;
}

std::string World::Metrics(const std::string& server) const {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(metrics_ports_.at(server)->number()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  constexpr std::string_view kRequest = "GET /metrics HTTP/1.0\r\n\r\n";
  std::string text;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      write(fd, kRequest.data(), kRequest.size()) == static_cast<ssize_t>(kRequest.size())) {
    char buffer[4096];
    for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) text.append(buffer, static_cast<size_t>(n));
  }
  close(fd);
  return text;
}

void World::DropChannels() {
  absl::MutexLock lock(&mu_);
  channels_.clear();
}

rpc::TlsFiles World::Write(const std::string& name, const crypto::testing::Issued& issued) {
  WriteText("pki/" + name + "/tls.crt", issued.certificate.pem());
  WriteText("pki/" + name + "/tls.key", issued.key_pem);
  return {path("pki/" + name + "/tls.crt"), path("pki/" + name + "/tls.key"), path("pki/tls-ca.crt")};
}

rpc::TlsFiles World::Tls(const std::string& principal) {
  absl::MutexLock lock(&mu_);
  auto known = issued_.find(principal);
  if (known == issued_.end()) {
    const std::string folder = absl::StrReplaceAll(principal, {{"/", "-"}});
    known = issued_.emplace(principal, Write(folder, tls_authority_.IssueTls(principal))).first;
  }
  return known->second;
}

std::shared_ptr<grpc::Channel> World::Channel(const std::string& server, const std::string& principal) {
  const rpc::TlsFiles files = Tls(principal);
  absl::MutexLock lock(&mu_);
  auto& channel = channels_[{server, principal}];
  if (channel == nullptr) channel = ChannelWith(server, files);
  return channel;
}

std::shared_ptr<grpc::Channel> World::ChannelWith(const std::string& server, const rpc::TlsFiles& files) {
  const std::string id = server == kBroker ? "broker/area-1" : "agency/" + server;
  auto channel = rpc::MakeChannel({.target = address(server), .tls = files, .server_spiffe_id = crypto::testing::SpiffeId(id),
                                   .share_connection = false});
  Must(channel.status(), "channel");
  return *channel;
}

absl::Status World::Change(const admin::v1::Change& change) {
  using admin::v1::AdminService;
  admin::v1::ProposeChangeRequest propose;
  propose.set_request_id(fmt::format("change-{}-propose", ++changes_));
  *propose.mutable_change() = change;
  ACCORD_ASSIGN_OR_RETURN(const auto proposed, rpc::CallUnary(*Stub<AdminService>(kBroker, "admin/alice"),
                                                              &AdminService::Stub::ProposeChange, propose, kCallTime));
  admin::v1::ApproveChangeRequest approve;
  approve.set_request_id(fmt::format("change-{}-approve", changes_));
  approve.set_name(proposed.change().name());
  return rpc::CallUnary(*Stub<AdminService>(kBroker, "admin/bob"), &AdminService::Stub::ApproveChange, approve, kCallTime).status();
}

absl::Status World::ChangeAgreement(const std::string& text) {
  admin::v1::Change change;
  change.mutable_put_agreement()->set_text(text);
  return Change(change);
}

absl::StatusOr<admin::v1::Agency> World::Row(const std::string& agency) {
  using admin::v1::DirectoryService;
  ACCORD_ASSIGN_OR_RETURN(const auto listed, rpc::CallUnary(*Stub<DirectoryService>(kBroker, "admin/alice"),
                                                            &DirectoryService::Stub::ListAgencies, {}, kCallTime));
  for (const auto& row : listed.agencies()) {
    if (row.id() == agency) return row;
  }
  return absl::NotFoundError(ToAbsl(agency));
}

std::string World::Program(std::string_view name) { return std::string(ACCORD_BIN_DIR "/") + std::string(name); }
std::string World::Source(std::string_view name) { return std::string(ACCORD_SOURCE_DIR "/") + std::string(name); }

absl::StatusOr<std::vector<std::string>> ListServices(const std::shared_ptr<grpc::Channel>& channel) {
  // grpc.reflection.v1alpha has no header in Debian: its fields by number. Request: list_services = 7. Response:
  // list_services_response = 6 { service = 1 { name = 1 } }.
  const grpc::internal::RpcMethod method("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                         grpc::internal::RpcMethod::BIDI_STREAMING);
  grpc::ClientContext context;
  rpc::SetTimeout(context, kCallTime);
  const std::unique_ptr<grpc::ClientReaderWriter<Empty, Empty>> stream(
      grpc::internal::ClientReaderWriterFactory<Empty, Empty>::Create(channel.get(), method, &context));
  Empty request;
  request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(7, "*");
  Empty response;
  const bool answered = stream->Write(request) && stream->WritesDone() && stream->Read(&response);
  const grpc::Status status = stream->Finish();
  if (!answered || !status.ok()) return rpc::FromGrpc(status.ok() ? grpc::Status(grpc::StatusCode::INTERNAL, "no answer") : status);
  const auto fields_of = [](const Empty& message) -> const google::protobuf::UnknownFieldSet& {
    return message.GetReflection()->GetUnknownFields(message);
  };
  std::vector<std::string> names;
  const auto& outer = fields_of(response);
  for (int i = 0; i < outer.field_count(); ++i) {
    if (outer.field(i).number() != 6) continue;
    Empty list;
    if (!list.ParseFromString(outer.field(i).length_delimited())) return absl::InternalError("list");
    const auto& services = fields_of(list);
    for (int s = 0; s < services.field_count(); ++s) {
      google::protobuf::StringValue service;  // Field 1: the name.
      if (!service.ParseFromString(services.field(s).length_delimited())) return absl::InternalError("service");
      names.push_back(service.value());
    }
  }
  return names;
}

}  // namespace accord::tests

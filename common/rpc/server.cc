#include "common/rpc/server.h"

#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/server_builder.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/certificate.h"
#include "common/rpc/client.h"
#include "common/rpc/identity.h"
#include "common/telemetry/log.h"

namespace accord::rpc {
namespace {

constexpr unsigned kServerRefreshSeconds = 1;
// Reflection is gRPC's one synchronous service: a thread for each open stream of it.
constexpr int kReflectionThreadsMax = 8;
constexpr absl::Duration kWatchdogTimeout = absl::Seconds(5);

// Whether one more line about strangers may be logged: nobody without a certificate
// may fill the disk.
bool MayLogStranger() {
  constexpr int kLinesPerSecondMax = 5;
  static std::atomic<int64_t> second = 0;
  static std::atomic<int> lines = 0;
  const int64_t now = gpr_now(GPR_CLOCK_MONOTONIC).tv_sec;
  if (second.exchange(now) != now) lines = 0;
  return ++lines <= kLinesPerSecondMax;
}

// Lets in who names itself by exactly one SPIFFE id of our trust domain. The chain
// was verified before.
class PeerVerifier : public grpc::experimental::ExternalCertificateVerifier {
 public:
  explicit PeerVerifier(std::string trust_domain) : trust_domain_(std::move(trust_domain)) {}
  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* status) override {
    const auto uris = request->uri_names();
    if (uris.size() == 1) {
      const auto id = ParseSpiffeId({uris[0].data(), uris[0].size()});
      if (id.ok() && id->trust_domain == trust_domain_) return true;
    }
    if (MayLogStranger()) {
      telemetry::Log(telemetry::Level::kWarn, "rpc.handshake_refused", {{"uri_sans", uris.size()}});
    }
    *status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "the certificate must name one SPIFFE id of the trust domain");
    return true;
  }
  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest*) override {}

 private:
  const std::string trust_domain_;
};

// gRPC's own complaints, without their text: it may quote a peer. Who debugs with
// GRPC_VERBOSITY gets them whole on stderr.
void LogFromGrpc(gpr_log_func_args* args) {
  if (args->severity != GPR_LOG_SEVERITY_ERROR || !MayLogStranger()) return;
  const char* slash = std::strrchr(args->file, '/');
  telemetry::Log(telemetry::Level::kInfo, "grpc.error",
                 {{"file", slash == nullptr ? args->file : slash + 1}, {"line", args->line}});
}

void SetUpGrpcOnce() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function(LogFromGrpc);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

// Who the server itself is. The checks that gRPC would make too, but with words.
absl::StatusOr<SpiffeId> OwnId(const ServerOptions& options) {
  ACCORD_RETURN_IF_ERROR(CheckReadable(options.tls));
  ACCORD_ASSIGN_OR_RETURN(const std::string pem, ReadFile(options.tls.certificate));
  const auto chain = crypto::Certificate::ManyFromPem(pem);
  absl::StatusOr<SpiffeId> id = absl::InvalidArgumentError("it does not have exactly one URI");
  if (!chain.ok()) {
    id = chain.status();
  } else if (chain->front().uri_sans().size() == 1) {
    id = ParseSpiffeId(chain->front().uri_sans()[0]);
  }
  if (id.ok() && id->trust_domain != options.trust_domain) id = absl::InvalidArgumentError("it is of another trust domain");
  if (id.ok()) return id;
  return absl::FailedPreconditionError(
      fmt::format("{} does not serve: {}", options.tls.certificate, id.status().ToString()));
}

void AddLimits(grpc::ServerBuilder& builder, size_t memory_bytes_max) {
  builder.SetMaxReceiveMessageSize(kReadBytesMax);
  builder.SetMaxSendMessageSize(kReferralBytesMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnectionMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  // A second server on the port must fail, not share it.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Pings: what our clients send, client.cc.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 20'000);
  // So that renewed certificates and roots come to bear on everyone.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 30 * 60'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 60'000);
  // Sealed bytes do not compress, and a bomb cannot go off.
  builder.SetDefaultCompressionAlgorithm(GRPC_COMPRESS_NONE);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  grpc::ResourceQuota quota("accord");
  quota.Resize(memory_bytes_max);
  quota.SetMaxThreads(kReflectionThreadsMax);
  builder.SetResourceQuota(quota);
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
}

gpr_timespec After(absl::Duration wait) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(absl::ToInt64Milliseconds(wait), GPR_TIMESPAN));
}

// Health over a connection of its own. Whatever the health, an answer is an answer.
absl::Status AskHealth(const ChannelOptions& options) {
  ACCORD_ASSIGN_OR_RETURN(const auto channel, MakeChannel(options));
  const grpc::internal::RpcMethod check("/grpc.health.v1.Health/Check", grpc::internal::RpcMethod::NORMAL_RPC);
  grpc::ClientContext context;
  SetTimeout(context, kWatchdogTimeout);
  const grpc::ByteBuffer empty_request(nullptr, 0);  // Of the server as a whole.
  grpc::ByteBuffer response;
  return FromGrpc(grpc::internal::BlockingUnaryCall(channel.get(), check, &context, empty_request, &response));
}

// sd_notify(3), without the library: one datagram.
void FeedSystemd() {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || std::getenv("WATCHDOG_USEC") == nullptr) return;
  sockaddr_un to = {};
  to.sun_family = AF_UNIX;
  const size_t length = std::strlen(path);
  if (length >= sizeof(to.sun_path)) return;
  std::memcpy(to.sun_path, path, length);
  if (to.sun_path[0] == '@') to.sun_path[0] = '\0';  // The abstract namespace.
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  constexpr std::string_view kAlive = "WATCHDOG=1";
  // A lost datagram is made good by the next one.
  (void)sendto(fd, kAlive.data(), kAlive.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to),
               static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
  close(fd);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const std::vector<grpc::Service*>& services,
                                                      UnreadableReport unreadable, grpc::CallbackGenericService* others) {
  SetUpGrpcOnce();
  ACCORD_ASSIGN_OR_RETURN(SpiffeId id, OwnId(options));
  grpc::experimental::TlsServerCredentialsOptions tls(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          options.tls.private_key, options.tls.certificate, options.tls.roots, kServerRefreshSeconds));
  tls.watch_root_certs();
  tls.watch_identity_key_cert_pairs();
  tls.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.set_certificate_verifier(grpc::experimental::ExternalCertificateVerifier::Create<PeerVerifier>(options.trust_domain));

  grpc::ServerBuilder builder;
  AddLimits(builder, options.memory_bytes_max);
  std::unique_ptr<Server> server(new Server(options.address == "0.0.0.0" ? "127.0.0.1" : options.address, std::move(id)));
  builder.AddListeningPort(fmt::format("{}:{}", options.address, options.port),
                           grpc::experimental::TlsServerCredentials(tls), &server->port_);
  for (grpc::Service* service : services) builder.RegisterService(service);
  if (others != nullptr) builder.RegisterCallbackGenericService(others);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(MakeUnreadableInterceptors(std::move(unreadable)));
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr || server->port_ == 0) {
    return absl::UnavailableError(fmt::format("cannot listen on {}:{}", options.address, options.port));
  }
  server->server_->GetHealthCheckService()->SetServingStatus(false);
  ACCORD_RETURN_IF_ERROR(SelfTest(server->address_, server->port_, options.tls));  // The destructor stops it.
  return server;
}

Server::~Server() {
  if (server_ != nullptr) Shutdown(absl::ZeroDuration());
}

void Server::SetServing(bool serving) {
  absl::MutexLock lock(&mu_);
  if (down_ || serving == serving_) return;
  serving_ = serving;
  server_->GetHealthCheckService()->SetServingStatus(serving);
}

bool Server::serving() const {
  absl::MutexLock lock(&mu_);
  return serving_;
}

void Server::Shutdown(absl::Duration grace) {
  SetServing(false);
  {
    absl::MutexLock lock(&mu_);
    if (down_) return;
    down_ = true;
  }
  server_->Shutdown(After(grace));
  server_->Wait();
}

absl::StatusOr<std::unique_ptr<Watchdog>> Watchdog::Start(const Server& server, const TlsFiles& files,
                                                          absl::Duration period,
                                                          std::function<void(const absl::Status&)> report) {
  const ChannelOptions options = {.target = fmt::format("{}:{}", server.address(), server.port()),
                                  .tls = files,
                                  .server_spiffe_id = server.id().ToString(),
                                  .share_connection = false};
  ACCORD_RETURN_IF_ERROR(MakeChannel(options));
  return std::unique_ptr<Watchdog>(new Watchdog(period, [options, report = std::move(report)] {
    const absl::Status status = AskHealth(options);
    if (status.ok()) FeedSystemd();
    report(status);
  }));
}

}  // namespace accord::rpc

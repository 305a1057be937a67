#include "common/rpc/client.h"

#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "common/base/status.h"
#include "common/rpc/identity.h"
#include "common/rpc/server.h"

namespace accord::rpc {
namespace {

constexpr unsigned kRefreshSeconds = 1;

constexpr const char* kServiceConfig = R"({
  "methodConfig": [{"name": [{}], "retryPolicy": {
    "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "5s", "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"]}}],
  "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}
})";

// Accepts the one server we meant.
class ServerVerifier : public grpc::experimental::ExternalCertificateVerifier {
 public:
  explicit ServerVerifier(std::string expected) : expected_(std::move(expected)) {}
  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* status) override {
    const auto uris = request->uri_names();
    if (uris.size() != 1 || uris[0] != expected_) {
      *status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "the server's certificate does not name " + expected_);
    }
    return true;
  }
  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest*) override {}

 private:
  const std::string expected_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const ChannelOptions& options) {
  if (const auto id = ParseSpiffeId(options.server_spiffe_id); !id.ok()) {
    return absl::InvalidArgumentError(fmt::format("not a SPIFFE id: {}", options.server_spiffe_id));
  }
  ACCORD_RETURN_IF_ERROR(CheckReadable(options.tls));
  grpc::experimental::TlsChannelCredentialsOptions tls;
  tls.set_certificate_provider(std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      options.tls.private_key, options.tls.certificate, options.tls.roots, kRefreshSeconds));
  tls.watch_root_certs();
  tls.watch_identity_key_cert_pairs();
  tls.set_verify_server_certs(true);
  tls.set_check_call_host(false);  // The SPIFFE id says who it is; host names are not trusted.
  tls.set_certificate_verifier(
      grpc::experimental::ExternalCertificateVerifier::Create<ServerVerifier>(options.server_spiffe_id));

  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kReferralBytesMax);
  arguments.SetMaxSendMessageSize(kReadBytesMax);  // The server says why it takes less.
  arguments.SetServiceConfigJSON(kServiceConfig);
  // Both ends must agree on pings, or the server says "too_many_pings" and leaves.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 10'000);
  if (!options.share_connection) arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(options.target, grpc::experimental::TlsCredentials(tls), arguments);
}

void SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  // gRPC's own clock: the deadline is a matter between it and the caller.
  context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                    gpr_time_from_millis(absl::ToInt64Milliseconds(timeout), GPR_TIMESPAN)));
}

}  // namespace accord::rpc

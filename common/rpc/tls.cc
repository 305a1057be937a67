#include "common/rpc/tls.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/openssl.h"

namespace accord::rpc {
namespace {

constexpr size_t kPemBytesMax = 1u << 20;
constexpr absl::Duration kSelfTestTimeout = absl::Seconds(5);

// OpenSSL applies `system_default` to every SSL_CTX as it is made. gRPC then sets a
// lowest version of 1.2, which overrides MinProtocol but not Protocol. Without
// NumTickets, TLS 1.3 hands out tickets even with -SessionTicket: they name a session
// that the server itself keeps, and can be used while the first connection lives.
constexpr std::string_view kTlsConfig = R"(
openssl_conf = accord
[accord]
ssl_conf = ssl
[ssl]
system_default = tls
[tls]
Protocol = -ALL,TLSv1.3
Ciphersuites = TLS_AES_256_GCM_SHA384
NumTickets = 0
Options = -SessionTicket
)";
constexpr uint64_t kOldVersions = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2;

struct Free {
  void operator()(CONF* object) const { NCONF_free(object); }
  void operator()(SSL_CTX* object) const { SSL_CTX_free(object); }
  void operator()(SSL* object) const { SSL_free(object); }
  void operator()(SSL_SESSION* object) const { SSL_SESSION_free(object); }
};
using ConfPtr = std::unique_ptr<CONF, Free>;
using SslCtxPtr = std::unique_ptr<SSL_CTX, Free>;
using SslPtr = std::unique_ptr<SSL, Free>;
using SessionPtr = std::unique_ptr<SSL_SESSION, Free>;

absl::Status LoadTlsConfig() {
  // openssl.cnf first, once and for all, so that it cannot come later and undo ours.
  if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr) != 1) return crypto::OpenSslError("OPENSSL_init_ssl");
  const crypto::BioPtr text = crypto::ReadBio(kTlsConfig);
  const ConfPtr conf(NCONF_new(nullptr));
  long line = 0;
  if (NCONF_load_bio(conf.get(), text.get(), &line) != 1 || CONF_modules_load(conf.get(), nullptr, 0) != 1) {
    return crypto::OpenSslError("the TLS configuration");
  }
  const SslCtxPtr fresh(SSL_CTX_new(TLS_server_method()));
  if (fresh == nullptr || (SSL_CTX_get_options(fresh.get()) & kOldVersions) != kOldVersions ||
      SSL_CTX_get_num_tickets(fresh.get()) != 0) {
    return Error(Reason::kInternal, "OpenSSL still speaks TLS 1.2 or resumes sessions after it was told not to");
  }
  std::signal(SIGPIPE, SIG_IGN);
  return absl::OkStatus();
}

class Socket {
 public:
  Socket() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Socket(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }
  bool Connect(const std::string& address, int port, absl::Duration timeout) {
    const timeval limit = absl::ToTimeval(timeout);
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));  // Bounds connect() too.
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    return fd_ >= 0 && inet_pton(AF_INET, address.c_str(), &to.sin_addr) == 1 &&
           connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0;
  }

 private:
  const int fd_;
};

// One connection, up to the server's first byte, offering `session` if there is one
// and then keeping the new one in it. The result: whether the server resumed it.
absl::StatusOr<bool> Handshake(SSL_CTX* context, const std::string& address, int port, absl::Duration timeout,
                               SessionPtr& session) {
  Socket socket;
  if (!socket.Connect(address, port, timeout)) {
    return absl::UnavailableError(fmt::format("cannot connect to {}:{}", address, port));
  }
  const SslPtr ssl(SSL_new(context));
  SSL_set_fd(ssl.get(), socket.fd());
  if (session != nullptr) SSL_set_session(ssl.get(), session.get());
  // In TLS 1.3 our side is done before the server has judged our certificate: only
  // its first bytes (HTTP/2 SETTINGS) tell.
  char byte = 0;
  int result = SSL_connect(ssl.get());
  if (result == 1) result = SSL_read(ssl.get(), &byte, 1);
  const int error = SSL_get_error(ssl.get(), result);
  ERR_clear_error();
  if (result == 1) {
    session.reset(SSL_get1_session(ssl.get()));
    SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // Or the session counts as bad.
    return SSL_session_reused(ssl.get()) == 1;
  }
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return absl::UnavailableError("no answer in time");
  return absl::PermissionDeniedError("the server refused the handshake");
}

}  // namespace

absl::Status EnforceTls13() {
  static const absl::Status* const once = new absl::Status(LoadTlsConfig());
  return *once;
}

absl::Status CheckReadable(const TlsFiles& files) {
  for (const std::string& path : {files.certificate, files.private_key, files.roots}) {
    if (const auto bytes = ReadFile(path, kPemBytesMax); !bytes.ok()) {
      return absl::FailedPreconditionError(fmt::format("cannot read {}: {}", path, bytes.status().ToString()));
    }
  }
  return absl::OkStatus();
}

absl::Status ProbeTls(const std::string& address, int port, const TlsFiles& files, Offer offer, absl::Duration timeout) {
  const SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return crypto::OpenSslError("SSL_CTX_new");
  // Undo for this one context what EnforceTls13 did for all.
  SSL_CTX_clear_options(context.get(), SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TICKET);
  const int version = offer == Offer::kTls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  // Without the offer of HTTP/2, gRPC refuses for that reason and proves nothing.
  constexpr unsigned char kAlpn[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context.get(), kAlpn, sizeof(kAlpn));
  if (offer != Offer::kNoCertificate &&
      (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1 ||
       SSL_CTX_use_PrivateKey_file(context.get(), files.private_key.c_str(), SSL_FILETYPE_PEM) != 1)) {
    return crypto::OpenSslError("loading our own certificate and key");
  }

  SessionPtr session;
  auto resumed = Handshake(context.get(), address, port, timeout, session);
  if (resumed.ok() && offer == Offer::kResumption) {
    resumed = Handshake(context.get(), address, port, timeout, session);
    if (resumed.ok() && !*resumed) return absl::PermissionDeniedError("the server did not resume the session");
  }
  return resumed.status();
}

absl::Status SelfTest(const std::string& address, int port, const TlsFiles& files) {
  const auto failed = [&](std::string_view what, const absl::Status& probe) {
    return absl::FailedPreconditionError(
        fmt::format("self-test of TLS on {}:{}: {} ({})", address, port, what, probe.ToString()));
  };
  absl::Status probe = ProbeTls(address, port, files, Offer::kOwnCertificate, kSelfTestTimeout);
  if (!probe.ok()) return failed("our own certificate is not let in", probe);
  probe = ProbeTls(address, port, files, Offer::kNoCertificate, kSelfTestTimeout);
  if (!absl::IsPermissionDenied(probe)) return failed("a client without a certificate is not refused", probe);
  probe = ProbeTls(address, port, files, Offer::kTls12, kSelfTestTimeout);
  if (!absl::IsPermissionDenied(probe)) return failed("TLS 1.2 is not refused: is EnforceTls13 first in main()?", probe);
  probe = ProbeTls(address, port, files, Offer::kResumption, kSelfTestTimeout);
  if (!absl::IsPermissionDenied(probe)) return failed("a session is resumed, its certificate not verified again", probe);
  return absl::OkStatus();
}

}  // namespace accord::rpc

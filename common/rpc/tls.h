// TLS as this project allows it: version 1.3, AES-256-GCM, certificates at both
// ends, no resumption.
//
// gRPC 1.51 has no setting for the version (engine-notes §2), so it is set for the
// whole process in OpenSSL, and every server proves it on itself at start.
// The one user of OpenSSL outside common/crypto: only here are TLS sockets opened.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <string>

namespace accord::rpc {

// PEM files. Certificate and key are read again when they change; replace them by
// swapping one symlink, because while they do not fit each other every new
// connection fails.
struct TlsFiles {
  std::string certificate;  // Leaf first, then intermediates.
  std::string private_key;
  std::string roots;  // Who may issue the other end's certificate.
};

// Makes TLS 1.3 with TLS_AES_256_GCM_SHA384 the only one that this process speaks,
// turns off session tickets, and ignores SIGPIPE (OpenSSL's sockets raise it). First
// thing in main(), before any other use of gRPC or OpenSSL's ssl library. Needs no
// environment; what openssl.cnf says of engines and providers still holds. Returns
// INTERNAL when a new context would still speak anything else. Idempotent. Thread-safe.
absl::Status EnforceTls13();

// FAILED_PRECONDITION naming the file that cannot be read.
absl::Status CheckReadable(const TlsFiles& files);

// What a probe offers to a server.
enum class Offer {
  kOwnCertificate,
  kNoCertificate,
  kTls12,       // Our own certificate over the older version.
  kResumption,  // Our own certificate, then on a second connection the first's session.
};

// Opens a TLS connection to `address` (IPv4) and waits for the server's first bytes.
// OK: it let us in. PERMISSION_DENIED: it refused us in the handshake. UNAVAILABLE: it
// did not answer within `timeout`. Blocks. Thread-safe.
absl::Status ProbeTls(const std::string& address, int port, const TlsFiles& files, Offer offer, absl::Duration timeout);

// OK when that server lets in our own certificate, and refuses none at all, TLS 1.2
// and resumption. FAILED_PRECONDITION, naming what went wrong, otherwise. Blocks.
absl::Status SelfTest(const std::string& address, int port, const TlsFiles& files);

}  // namespace accord::rpc

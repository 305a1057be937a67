// Who is at the other end of a connection, from its certificate alone and never
// from metadata.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>
#include <grpcpp/security/auth_context.h>

#include <memory>
#include <string>
#include <string_view>

namespace accord::rpc {

inline constexpr size_t kSpiffeIdCharsMax = 512;

// What the path of the SPIFFE id begins with. A broker is a server; it is no
// principal that may call one, its own watchdog apart.
enum class PeerKind { kAgency, kAdmin, kInspector, kBroker };
std::string_view Name(PeerKind kind);

// spiffe://<trust_domain>/<kind>/<id>[/<workload>]
struct SpiffeId {
  std::string trust_domain;
  PeerKind kind = PeerKind::kAgency;
  std::string id;        // As IsAgencyId says.
  std::string workload;  // Likewise; empty when not given.

  std::string ToString() const;
};

// Strict: only the form above, no escapes, no port, no query. Also refused are the
// workloads `signing` and `sealing`: they name keys that do not speak TLS
// (docs/formats.md §4). UNAUTHENTICATED otherwise. Thread-safe.
absl::StatusOr<SpiffeId> ParseSpiffeId(std::string_view uri);

// The peer of one connection.
struct Peer : SpiffeId {
  std::string fingerprint;    // SHA-256 of the certificate's DER.
  std::string public_key_id;  // SHA-256 of its SubjectPublicKeyInfo.
  absl::Time not_before, not_after;
};

// Reads peers, parsing each certificate once. Holds at most kPeersMax. Thread-safe.
class PeerReader {
 public:
  static constexpr size_t kPeersMax = 4096;

  // UNAUTHENTICATED when the connection has no certificate that names one SPIFFE id.
  // The result never changes and may be kept.
  absl::StatusOr<std::shared_ptr<const Peer>> Read(const grpc::AuthContext& context);
  // The same from the PEM of a leaf certificate.
  absl::StatusOr<std::shared_ptr<const Peer>> ReadPem(std::string_view pem);

 private:
  absl::Mutex mu_;
  absl::flat_hash_map<std::string, std::shared_ptr<const Peer>> by_pem_ ABSL_GUARDED_BY(mu_);
};

}  // namespace accord::rpc

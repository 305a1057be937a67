// A gRPC server that speaks mutual TLS 1.3 only and shows itself to be well.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <grpcpp/server.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/executor.h"
#include "common/rpc/tls.h"

namespace accord::rpc {

inline constexpr size_t kReferralBytesMax = 4u << 20;  // The largest message, either way.
inline constexpr int kStreamsPerConnectionMax = 128;
inline constexpr int kMetadataBytesMax = 8 << 10;

struct ServerOptions {
  std::string address = "127.0.0.1";
  int port = 0;  // 0 picks a free one.
  TlsFiles tls;
  std::string trust_domain;  // Others are refused in the handshake.
  // Above it, new connections are dropped.
  size_t memory_bytes_max = size_t{512} << 20;
};

// Lets in whoever shows a certificate that chains to `tls.roots` and has exactly one
// URI SAN, a SPIFFE id of the trust domain (identity.h). Serves reflection and the
// standard health service, NOT_SERVING until SetServing(true). Files that change are
// read within two seconds. Thread-safe.
class Server {
 public:
  // `services` must outlive the result. Runs SelfTest(), so needs EnforceTls13()
  // before, and a certificate that is good for a client too.
  //   UNAVAILABLE          the port is taken
  //   FAILED_PRECONDITION  the certificates do not load, or a self-test failed;
  //                        nothing is served
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const std::vector<grpc::Service*>& services);
  // Shutdown(0) if it was not called.
  ~Server();

  int port() const { return port_; }
  // What health checks are told. Idempotent.
  void SetServing(bool serving);
  bool serving() const;

  // NOT_SERVING, takes no new call, waits up to `grace` for those under way and then
  // cancels them; returns when every handler has finished. The order in a main():
  // health, LiveStreams::EndIf, this, executor, sequencer, store. Idempotent.
  void Shutdown(absl::Duration grace);

 private:
  Server() = default;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
  mutable absl::Mutex mu_;
  bool serving_ ABSL_GUARDED_BY(mu_) = false;
  bool down_ ABSL_GUARDED_BY(mu_) = false;
};

// Opens a new mTLS connection to 127.0.0.1:`port` every `period` and asks for health
// over it, because a gRPC 1.51 listener that once ran out of file descriptors stays
// deaf while the process looks well (engine-notes §1).
//
// `report` is called from the watchdog's thread after each try: OK when the server
// answered, whatever its health. While it answers, systemd's WATCHDOG=1 is sent if
// the unit asked for it. Thread-safe.
class Watchdog {
 public:
  Watchdog(int port, const TlsFiles& files, absl::Duration period, std::function<void(const absl::Status&)> report);
  ~Watchdog();
  // Tries now.
  void Poke();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accord::rpc

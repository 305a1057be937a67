// A gRPC server that speaks mutual TLS 1.3 only and shows itself to be well.
#pragma once

#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/executor.h"
#include "common/rpc/identity.h"
#include "common/rpc/tls.h"
#include "common/rpc/unreadable.h"

namespace accord::rpc {

inline constexpr size_t kReferralBytesMax = 4u << 20;  // The largest message, either way.
// What a server still reads: a message between the two is refused by its handler, with a reason; beyond, gRPC cuts it
// off with RESOURCE_EXHAUSTED and no more.
inline constexpr size_t kReadBytesMax = kReferralBytesMax + (1u << 20);
inline constexpr int kStreamsPerConnectionMax = 128;
inline constexpr int kMetadataBytesMax = 8 << 10;

struct ServerOptions {
  std::string address = "127.0.0.1";  // IPv4; "0.0.0.0" for all.
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
  // `services`, and `others` that answers every method of none of them, must outlive the result; without `others` such a call ends with
  // UNIMPLEMENTED. `unreadable` is told of requests that cannot be read. Runs SelfTest(), so needs EnforceTls13()
  // before, and a certificate that is good for a client too.
  //   UNAVAILABLE          the port is taken
  //   FAILED_PRECONDITION  the certificates do not load, or a self-test failed;
  //                        nothing is served
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const std::vector<grpc::Service*>& services,
                                                       UnreadableReport unreadable = nullptr,
                                                       grpc::CallbackGenericService* others = nullptr);
  // Shutdown(0) if it was not called.
  ~Server();

  const std::string& address() const { return address_; }  // Where it reaches itself.
  int port() const { return port_; }
  const SpiffeId& id() const { return id_; }  // Of its own certificate at start.
  // What health checks are told. Idempotent.
  void SetServing(bool serving);
  bool serving() const;

  // NOT_SERVING, takes no new call, waits up to `grace` for those under way and then
  // cancels them; returns when every handler has finished. The order in a main():
  // health, LiveStreams::EndIf, this, executor, sequencer, store. Idempotent.
  void Shutdown(absl::Duration grace);

 private:
  Server(std::string address, SpiffeId id) : address_(std::move(address)), id_(std::move(id)) {}

  const std::string address_;
  const SpiffeId id_;
  int port_ = 0;  // Constant after Start, as is the pointer.
  std::unique_ptr<grpc::Server> server_;
  mutable absl::Mutex mu_;
  bool serving_ ABSL_GUARDED_BY(mu_) = false;
  bool down_ ABSL_GUARDED_BY(mu_) = false;
};

// Opens a new mTLS connection to the server every `period` and asks for health over
// it, because a gRPC 1.51 listener that once ran out of file descriptors stays deaf
// while the process looks well (engine-notes §1).
//
// `report` is called from the watchdog's thread after each try: OK when the server
// answered, whatever its health. When it answered, systemd's WATCHDOG=1 is sent if
// the unit asked for it. Thread-safe.
class Watchdog {
 public:
  // `server` must outlive the result. Errors as MakeChannel.
  static absl::StatusOr<std::unique_ptr<Watchdog>> Start(const Server& server, const TlsFiles& files,
                                                         absl::Duration period,
                                                         std::function<void(const absl::Status&)> report);
  // Tries now.
  void Poke() { periodic_.Poke(); }

 private:
  Watchdog(absl::Duration period, absl::AnyInvocable<void()> tick) : periodic_(period, std::move(tick)) {}
  Periodic periodic_;
};

}  // namespace accord::rpc

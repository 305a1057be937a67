// One agency of a process: from its configuration to serving, and to the end. A process has one or several, with nothing shared but the
// clock, the source of chance and the log.
//
//   Start ──▶ locked ──Unlock──▶ serving ──▶ Stop        with `[keys] passphrase = true`
//   Start ──▶ serving ──▶ Stop                           without
//
// While it is locked there are neither keys nor store in memory: a server stands at the agency's port that has the TenantService alone,
// says NOT_SERVING of its health, and answers LOCKED to everything else. A passphrase that opens the keys ends that server, and the
// agency's own takes its port; a new start is locked again.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <memory>
#include <string_view>

#include "common/agent_rpc/agency_config.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/agent_rpc/agency_spec.h"
#include "common/base/executor.h"
#include "common/telemetry/metrics.h"

namespace accord::agent_rpc {

// After a wrong passphrase the next is heard after this, and twice as long after each further one.
inline constexpr absl::Duration kUnlockPauseMin = absl::Seconds(1);
inline constexpr absl::Duration kUnlockPauseMax = absl::Minutes(5);

// Thread-safe after Start.
class Tenant {
 public:
  // Serves, or is locked. `clock` and `random` must outlive the result. Errors of AgencyRuntime::Open, Exposer::Serve and Server::Start:
  // then nothing of it runs.
  static absl::StatusOr<std::unique_ptr<Tenant>> Start(const AgencySpec& spec, type::v1::AgencyKind kind, const AgencyConfig& config,
                                                       const Clock& clock, Random& random);
  // Stop().
  ~Tenant();

  // Health says no; the server finishes its calls, or cancels them after a while; outbox and mailbox end; the store closes. Blocks;
  // idempotent.
  void Stop();

  // Tries `passphrase`. OK: it opened, or had been before; it serves a moment later.
  //   PASSPHRASE_WRONG  it does not
  //   QUOTA_EXCEEDED    too soon after a wrong one; metadata `retry_after_ms`; nothing was tried
  //   others            of AgencyRuntime::Open: the passphrase is right, and something else is wrong
  absl::Status Unlock(std::string_view passphrase);

  bool locked() const;
  // Where it listens, locked or not. Of one that failed after it was unlocked, where it did.
  int port() const;
  // Waits until it serves, or has failed to; false when neither came in time.
  bool AwaitServing(absl::Duration at_most) const;

 private:
  struct Door;   // What stands at the port while it is locked.
  struct House;  // What serves.

  Tenant(const AgencySpec& spec, type::v1::AgencyKind kind, const AgencyConfig& config, const Clock& clock, Random& random);
  absl::Status OpenDoor();
  absl::Status Serve(std::unique_ptr<AgencyRuntime> runtime, int port);
  void AwaitUnlocked();  // The thread of a locked one.

  const AgencySpec spec_;
  const type::v1::AgencyKind kind_;
  const AgencyConfig config_;
  const Clock& clock_;
  Random& random_;
  telemetry::Metrics metrics_;
  telemetry::Gauge locked_gauge_;
  std::unique_ptr<telemetry::Exposer> exposer_;

  absl::Mutex unlock_mu_;  // Held over a try, so that they come one after another; taken before mu_.
  int wrong_ ABSL_GUARDED_BY(unlock_mu_) = 0;  // One after another.
  absl::Time next_try_ ABSL_GUARDED_BY(unlock_mu_) = absl::InfinitePast();

  mutable absl::Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool settled_ ABSL_GUARDED_BY(mu_) = false;  // It serves, or has failed to.
  int port_ ABSL_GUARDED_BY(mu_) = 0;
  bool locked_ ABSL_GUARDED_BY(mu_) = false;
  std::unique_ptr<AgencyRuntime> opened_ ABSL_GUARDED_BY(mu_);  // Unlocked, and not served yet.
  std::unique_ptr<Door> door_;    // Of Start, then of the thread, then of Stop.
  std::unique_ptr<House> house_;  // The same.

  std::unique_ptr<Thread> opener_;  // Last: joined first.
};

}  // namespace accord::agent_rpc

// The witness policy in force: a tlog-policy file of the operator's, read anew when it changes.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/ledger/policy.h"
#include "services/broker/trails/published.h"

namespace accord::broker {

// A witness that has not cosigned what was published so long ago is behind.
inline constexpr absl::Duration kBehindAfter = absl::Minutes(1);

// Who witnesses this log. A witness's name in the policy is the id of the agency that runs it; its key has any name.
//
// Thread-safe.
class PolicyWitnesses : public Witnesses {
 public:
  // `path`: of the policy; empty: nobody witnesses. `clock` must outlive the result.
  //   FIELD_INVALID  not a policy, its one log is not `log`, a witness's name is no agency's id, or its key is the log's
  //   those of ReadFile
  static absl::StatusOr<std::unique_ptr<PolicyWitnesses>> Open(std::string path, ledger::Vkey log, const Clock& clock);

  // Reads the file anew. An error leaves the policy in force as it was.
  absl::Status Reload();

  // The witness's key; nothing when the policy has no such witness.
  std::optional<ledger::Vkey> KeyOf(std::string_view agency) const;
  // By name, in the policy's order.
  std::vector<std::string> names() const;
  const ledger::Vkey& log() const { return log_; }

  // Witnesses. One row is behind when a checkpoint that its witness has not cosigned was published more than kBehindAfter
  // ago, or when it has not cosigned the newest again within kRepublishInterval and kBehindAfter.
  bool Met(std::span<const std::string> witnesses) const override;
  absl::StatusOr<std::vector<WitnessStanding>> Standings(const ReadView& view) const override;

 private:
  PolicyWitnesses(std::string path, ledger::Vkey log, const Clock& clock) : path_(std::move(path)), log_(std::move(log)), clock_(clock) {}
  std::shared_ptr<const ledger::WitnessPolicy> policy() const;

  const std::string path_;
  const ledger::Vkey log_;
  const Clock& clock_;
  mutable absl::Mutex mu_;
  std::string text_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const ledger::WitnessPolicy> policy_ ABSL_GUARDED_BY(mu_);  // Null: nobody witnesses.
};

}  // namespace accord::broker

// The policy in force: agreement, agencies, protective lists, emergency schedule, and under which
// epochs they were read.
#pragma once

#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <memory>
#include <utility>

#include "common/referral/decision.h"
#include "common/storage/store.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// Immutable; a command carries `epochs` and decides again when they have moved.
struct Policy {
  Epochs epochs;
  referral::PolicySnapshot snapshot;
};

// Reads the family `policy`; `directory` is that of epochs.directory. Without an agreement there is none in
// `snapshot`: nothing but IMMEDIATE passes. DATA_LOSS when what is stored does not parse; errors of `store`.
absl::StatusOr<std::shared_ptr<const Policy>> LoadPolicy(const storage::Store& store,
                                                         const DirectorySnapshot& directory, const Epochs& epochs);

// Set by the sequencer between batches, as DirectoryHolder. Thread-safe.
class PolicyHolder {
 public:
  // Never null after the broker has opened.
  std::shared_ptr<const Policy> Get() const {
    absl::MutexLock lock(&mu_);
    return policy_;
  }
  void Set(std::shared_ptr<const Policy> policy) {
    absl::MutexLock lock(&mu_);
    policy_ = std::move(policy);
  }

 private:
  mutable absl::Mutex mu_;
  std::shared_ptr<const Policy> policy_ ABSL_GUARDED_BY(mu_);
};

}  // namespace accord::broker

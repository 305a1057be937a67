// The policy: agreements, agencies, forums, protective lists, emergency schedules, legal registers, clock rules, case rules, and under which
// epochs they were read.
#pragma once

#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <memory>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/type/v1/entry.pb.h"
#include "common/referral/decision.h"
#include "common/storage/store.h"
#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_documents.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// Immutable; a command carries `epochs` and decides again when they have moved.
struct Policy {
  Epochs epochs;
  referral::CompiledPolicy compiled;
  std::vector<PolicyDocument> documents;  // Every version that is kept, the newest approval first.
};

// Reads the family `policy`; `directory` is that of epochs.directory. Without an agreement nothing but IMMEDIATE
// passes. Errors of LoadPolicyDocuments; DATA_LOSS when a list or forum does not parse.
absl::StatusOr<std::shared_ptr<const Policy>> LoadPolicy(const storage::Store& store,
                                                         const DirectorySnapshot& directory, const Epochs& epochs);

// The bank holidays of an agency by the clock rules in force at `now`, by which whatever it has to do by a working day is due; those of
// England for one that is not in the directory. Thread-safe.
std::set<absl::CivilDay> HolidaysInForce(const Policy& policy, std::string_view agency, absl::Time now);

// Says in an entry under which versions `decided`, Decisions or what was kept of them, was decided. Thread-safe.
template <typename Decided>
void NameVersions(const Decided& decided, type::v1::EntryEvent& event) {
  event.set_agreement_version(decided.agreement_version);
  event.set_emergency_version(decided.emergency_version);
  event.set_law_version(decided.law_version);
}

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

// Trust policies: an inspector takes them from a file, the broker from its configuration.
#include <set>

#include "common/base/status.h"
#include "common/ledger/policy.h"
#include "tests/fuzz/golden_log.h"
#include "tests/fuzz/target.h"

namespace accord {
namespace {

// What QuorumMet says, by recursion from the quorum down: another way to the same answer.
bool Witnessed(const ledger::WitnessPolicy& policy, const std::string& name, const std::set<std::string>& cosigned) {
  for (const ledger::PolicyGroup& group : policy.groups()) {
    if (group.name != name) continue;
    size_t count = 0;
    for (const std::string& member : group.members) count += Witnessed(policy, member, cosigned) ? 1 : 0;
    return count >= group.threshold;
  }
  return cosigned.contains(name);
}

void CheckQuorum(const ledger::WitnessPolicy& policy) {
  // No witness, each alone, every other one, all of them.
  std::vector<std::vector<std::string>> sets(3);
  for (size_t i = 0; i < policy.witnesses().size(); ++i) {
    const std::string& name = policy.witnesses()[i].name;
    sets.push_back({name});
    if (i % 2 == 0) sets[1].push_back(name);
    sets[2].push_back(name);
  }
  const bool none = policy.quorum() == ledger::kPolicyQuorumNone;
  for (const auto& cosigned : sets) {
    ACCORD_CHECK(policy.QuorumMet(cosigned) ==
                 (none || Witnessed(policy, policy.quorum(), {cosigned.begin(), cosigned.end()})));
  }
  // Whatever a policy asks for can be had, and is not had for nothing.
  ACCORD_CHECK(policy.QuorumMet(sets[2]));
  ACCORD_CHECK(policy.QuorumMet({}) == none);
}

void CheckPolicy(std::string_view input) {
  const auto policy = ledger::WitnessPolicy::Parse(input);
  if (!policy.ok()) {
    ACCORD_CHECK(HasReason(policy.status(), Reason::kFieldInvalid));
    return;
  }
  ACCORD_CHECK(policy->logs().size() <= ledger::kPolicyLogsMax);
  ACCORD_CHECK(policy->witnesses().size() <= ledger::kPolicyWitnessesMax);
  ACCORD_CHECK(policy->groups().size() <= ledger::kPolicyGroupsMax);
  const std::string formatted = policy->ToString();
  const auto again = ledger::WitnessPolicy::Parse(formatted);
  ACCORD_CHECK(again.ok() && again->ToString() == formatted);
  CheckQuorum(*policy);
  // No policy makes another text of the golden log's, and none counts a witness twice.
  const auto judged = ledger::VerifyWitnessed(fuzz::kGoldenCosigned, *policy);
  if (!judged.ok()) return;
  ACCORD_CHECK(judged->checkpoint == fuzz::GoldenCheckpoint());
  ACCORD_CHECK(judged->witnesses.size() <= 1);
}

}  // namespace
}  // namespace accord

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  accord::CheckPolicy(accord::fuzz::Text(data, size));
  return 0;
}

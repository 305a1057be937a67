#include "services/broker/witness/policy_witnesses.h"

#include <fmt/format.h>

#include <algorithm>

#include "accord/storage/v1/witness.pb.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/telemetry/log.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

constexpr uint64_t kBehindCountMax = 1000;  // Checkpoints behind are counted to this.

absl::Status Wrong(std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("the witness policy {}", why), {{"field", "policy"}});
}

absl::Status CheckOurs(const ledger::WitnessPolicy& policy, const ledger::Vkey& log) {
  if (policy.logs().size() != 1 || policy.logs()[0].key.ToString() != log.ToString()) {
    return Wrong(fmt::format("must name this log and no other: log {}", log.ToString()));
  }
  for (const ledger::PolicyWitness& witness : policy.witnesses()) {
    if (!IsAgencyId(witness.name)) return Wrong("names a witness that is no agency's id, 1 to 63 of [a-z0-9-]");
    if (witness.key.key().public_key() == log.key().public_key()) return Wrong("has the log's own key as a witness's");
  }
  return absl::OkStatus();
}

// The first published checkpoint beyond `size`; nothing when there is none within the view.
absl::StatusOr<std::optional<PublishedCheckpoint>> FirstBeyond(const ReadView& view, uint64_t size) {
  uint64_t first = 0;
  if (size >= view.ledger().size()) return std::nullopt;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyCheckpoint, {.lower = KeyU64(size + 1), .upper = KeyU64(view.ledger().size() + 1)},
                                   [&](std::string_view key, std::string_view) {
                                     ByteReader(key).U64(first);
                                     return false;
                                   }));
  if (first == 0) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(PublishedCheckpoint published, PublishedAt(view, first));
  return published;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PolicyWitnesses>> PolicyWitnesses::Open(std::string path, ledger::Vkey log, const Clock& clock) {
  std::unique_ptr<PolicyWitnesses> witnesses(new PolicyWitnesses(std::move(path), std::move(log), clock));
  ACCORD_RETURN_IF_ERROR(witnesses->Reload());
  return witnesses;
}

absl::Status PolicyWitnesses::Reload() {
  if (path_.empty()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(std::string text, ReadFile(path_, ledger::kPolicyBytesMax));
  {
    absl::MutexLock lock(&mu_);
    if (policy_ != nullptr && text == text_) return absl::OkStatus();
  }
  ACCORD_ASSIGN_OR_RETURN(ledger::WitnessPolicy policy, ledger::WitnessPolicy::Parse(text));
  ACCORD_RETURN_IF_ERROR(CheckOurs(policy, log_));
  telemetry::Log(telemetry::Level::kInfo, "witnesses.policy", {{"witnesses", policy.witnesses().size()}, {"groups", policy.groups().size()}});
  absl::MutexLock lock(&mu_);
  text_ = std::move(text);
  policy_ = std::make_shared<const ledger::WitnessPolicy>(std::move(policy));
  return absl::OkStatus();
}

std::shared_ptr<const ledger::WitnessPolicy> PolicyWitnesses::policy() const {
  absl::MutexLock lock(&mu_);
  return policy_;
}

std::optional<ledger::Vkey> PolicyWitnesses::KeyOf(std::string_view agency) const {
  const auto policy = this->policy();
  const ledger::PolicyWitness* const witness = policy == nullptr ? nullptr : policy->FindWitness(agency);
  if (witness == nullptr) return std::nullopt;
  return witness->key;
}

std::vector<std::string> PolicyWitnesses::names() const {
  std::vector<std::string> names;
  const auto policy = this->policy();
  if (policy == nullptr) return names;
  for (const ledger::PolicyWitness& witness : policy->witnesses()) names.push_back(witness.name);
  return names;
}

bool PolicyWitnesses::Met(std::span<const std::string> witnesses) const {
  const auto policy = this->policy();
  return policy != nullptr && policy->QuorumMet(witnesses);
}

absl::StatusOr<std::vector<WitnessStanding>> PolicyWitnesses::Standings(const ReadView& view) const {
  const absl::Time now = clock_.Now();
  std::vector<WitnessStanding> standings;
  for (const std::string& name : names()) {
    WitnessStanding standing{.name = name};
    ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Get(kFamilyWitness, name));
    if (bytes.has_value()) {
      storage::v1::StoredWitness stored;
      if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a row of family witness does not parse");
      standing.cosigned_size = stored.cosigned_size();
      standing.cosigned_at_ms = stored.received_at_ms();
    }
    ACCORD_ASSIGN_OR_RETURN(standing.checkpoints_behind, CountPublishedAfter(view, standing.cosigned_size, kBehindCountMax));
    ACCORD_ASSIGN_OR_RETURN(const auto missed, FirstBeyond(view, standing.cosigned_size));
    if (missed.has_value()) {
      standing.behind = now > absl::FromUnixMillis(missed->published_at_ms) + kBehindAfter;
    } else if (standing.cosigned_size > 0) {
      standing.behind = now > absl::FromUnixMillis(standing.cosigned_at_ms) + kRepublishInterval + kBehindAfter;
    }
    standings.push_back(std::move(standing));
  }
  return standings;
}

}  // namespace accord::broker

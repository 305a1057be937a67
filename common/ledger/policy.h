// Trust policies (c2sp.org/tlog-policy): which logs and witnesses are known, and which of the witnesses must have cosigned a
// checkpoint before it counts. The file an inspector carries, and the one the broker collects cosignatures by. Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/ledger/checkpoint.h"
#include "common/ledger/note.h"

namespace accord::ledger {

inline constexpr size_t kPolicyBytesMax = 64u << 10;
inline constexpr size_t kPolicyLogsMax = 32;
inline constexpr size_t kPolicyWitnessesMax = 48;  // Their lines and the log's fit into one note (kNoteSignaturesMax).
inline constexpr size_t kPolicyGroupsMax = 32;
inline constexpr size_t kPolicyNameBytesMax = 128;
inline constexpr std::string_view kPolicyQuorumNone = "none";  // Predefined: no cosignature is needed.

struct PolicyLog {
  Vkey key;         // Of type 0x01; its name is the log's origin.
  std::string url;  // Empty when the line has none; its meaning is the application's.
};

struct PolicyWitness {
  std::string name;  // Of meaning inside the policy alone; the broker's has agencies' ids here.
  Vkey key;          // Of type 0x04.
  std::string url;
};

// Has witnessed what at least `threshold` of its members, witnesses or groups, have.
struct PolicyGroup {
  std::string name;
  size_t threshold = 0;  // 1 to members.size(); `any` and `all` are these two.
  std::vector<std::string> members;
};

// A policy whose names all resolve. Constant.
class WitnessPolicy {
 public:
  // Strict, by the specification and the limits above: lines end in a newline; names are octets, defined once, before they are
  // used, and members of one group at most; no key twice among logs or among witnesses; exactly one quorum line.
  // FIELD_INVALID otherwise, with the number of the line in the message and as metadata `line`.
  static absl::StatusOr<WitnessPolicy> Parse(std::string_view text);

  const std::vector<PolicyLog>& logs() const { return logs_; }
  const std::vector<PolicyWitness>& witnesses() const { return witnesses_; }
  const std::vector<PolicyGroup>& groups() const { return groups_; }
  const std::string& quorum() const { return quorum_; }  // A witness, a group, or `none`.

  // Null when the policy has no such witness.
  const PolicyWitness* FindWitness(std::string_view name) const;
  // True when a checkpoint cosigned by exactly the witnesses `cosigned` counts. Names that are no witness of the policy, and
  // repeated ones, change nothing.
  bool QuorumMet(std::span<const std::string> cosigned) const;

  // The policy as text that Parse reads to the same policy: logs, witnesses, groups, quorum, each in the order read, with
  // thresholds as numbers. Comments are gone. Never longer than what was read.
  std::string ToString() const;

 private:
  WitnessPolicy() = default;

  std::vector<PolicyLog> logs_;
  std::vector<PolicyWitness> witnesses_;
  std::vector<PolicyGroup> groups_;
  std::string quorum_;
};

// Names, in the policy's order, of the witnesses that cosigned `note`; lines of nobody in the policy are ignored. RECEIPT_INVALID
// when a line of a witness does not verify.
absl::StatusOr<std::vector<std::string>> VerifyCosignatures(const Note& note, const WitnessPolicy& policy);

// A checkpoint judged by a policy.
struct WitnessedCheckpoint {
  Checkpoint checkpoint;
  std::vector<std::string> witnesses;  // VerifyCosignatures.
  bool quorum = false;
};
// Verifies `note` by a log of `policy` and by those of its witnesses that cosigned; lines of nobody in the policy are ignored.
// RECEIPT_INVALID when no log of the policy signed it, when a line of a log or witness of the policy does not verify, or when it
// is no checkpoint. A quorum that is not met is no error here.
absl::StatusOr<WitnessedCheckpoint> VerifyWitnessed(std::string_view note, const WitnessPolicy& policy);

}  // namespace accord::ledger

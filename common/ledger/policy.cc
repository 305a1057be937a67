#include "common/ledger/policy.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::ledger {
namespace {

absl::Status At(size_t line, std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("line {} of the policy: {}", line, why),
               {{"field", "policy"}, {"line", fmt::format("{}", line)}});
}

absl::Status Whole(std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("the policy {}", why), {{"field", "policy"}});
}

// Items between spaces and tabs, the only whitespace there is.
std::vector<std::string_view> Items(std::string_view line) {
  std::vector<std::string_view> items;
  for (;;) {
    const size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return items;
    line.remove_prefix(begin);
    const size_t end = std::min(line.find_first_of(" \t"), line.size());
    items.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

bool HasControl(std::string_view line) {
  return std::any_of(line.begin(), line.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

std::string WithUrl(std::string line, const std::string& url) { return url.empty() ? line + "\n" : line + " " + url + "\n"; }

// What a file may still define, and by whom a name is used.
class Reading {
 public:
  absl::StatusOr<Vkey> Key(size_t line, std::string_view text, uint8_t type, std::set<std::string>& seen) {
    auto key = Vkey::Parse(text);
    if (!key.ok()) return At(line, FromAbsl(key.status().message()));
    if (key->type() != type) {
      return At(line, type == kTypeEd25519 ? "a log's key is of type 01, this one is a witness's"
                                           : "a witness's key is of type 04 (cosignature/v1), this one is a log's");
    }
    // Another name or id does not make it another key.
    if (!seen.insert(key->key().public_key()).second) return At(line, "this public key stands on an earlier line");
    return key;
  }

  absl::Status Define(size_t line, std::string_view name) {
    if (name == kPolicyQuorumNone) return At(line, "the name none is predefined");
    if (name.size() > kPolicyNameBytesMax) return At(line, fmt::format("a name has at most {} bytes", kPolicyNameBytesMax));
    if (!member_of_.try_emplace(std::string(name), 0).second) return At(line, fmt::format("{} is defined already", name));
    return absl::OkStatus();
  }

  absl::Status Join(size_t line, std::string_view member) {
    if (member == kPolicyQuorumNone) return At(line, "none cannot be a member of a group");
    const auto found = member_of_.find(std::string(member));
    if (found == member_of_.end()) return At(line, fmt::format("{} is not defined on an earlier line", member));
    if (found->second != 0) return At(line, fmt::format("{} is a member of the group on line {} already", member, found->second));
    found->second = line;
    return absl::OkStatus();
  }

  bool Defined(std::string_view name) const { return member_of_.contains(std::string(name)); }

  std::set<std::string> log_keys, witness_keys;

 private:
  std::map<std::string, size_t> member_of_;  // Line of the group that each name is a member of; 0: of none.
};

bool HasLineOf(const Note& note, const Vkey& key) {
  return std::any_of(note.signatures.begin(), note.signatures.end(), [&](const NoteSignature& signature) {
    return signature.name == key.name() && signature.id == key.id();
  });
}

absl::StatusOr<size_t> Threshold(size_t line, std::string_view word, size_t members) {
  if (word == "any") return 1;
  if (word == "all") return members;
  uint64_t k = 0;
  if (!absl::SimpleAtoi(ToAbsl(word), &k) || fmt::format("{}", k) != word) {
    return At(line, fmt::format("a group's threshold is any, all or a plain decimal number, not {}", word));
  }
  if (k < 1 || k > members) {
    return At(line, fmt::format("the threshold {} is not between 1 and the {} members listed", word, members));
  }
  return static_cast<size_t>(k);
}

}  // namespace

absl::StatusOr<WitnessPolicy> WitnessPolicy::Parse(std::string_view text) {
  if (text.size() > kPolicyBytesMax) return Whole(fmt::format("is larger than {} bytes", kPolicyBytesMax));
  WitnessPolicy policy;
  Reading reading;
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = text.find('\n');
    // A file cut short must not read as a shorter policy: `quorum all-five` as `quorum all`.
    if (end == std::string_view::npos) return At(line, "it does not end in a newline: the file was cut short");
    const std::string_view row = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (HasControl(row)) return At(line, "it has a control character");
    const std::vector<std::string_view> items = Items(row);
    if (items.empty() || items[0].front() == '#') continue;
    if (items[0] == "log") {
      if (items.size() < 2 || items.size() > 3) return At(line, "a log line is: log <vkey> [<url>]");
      if (policy.logs_.size() == kPolicyLogsMax) return At(line, fmt::format("there are more than {} logs", kPolicyLogsMax));
      ACCORD_ASSIGN_OR_RETURN(Vkey key, reading.Key(line, items[1], kTypeEd25519, reading.log_keys));
      policy.logs_.push_back({std::move(key), items.size() == 3 ? std::string(items[2]) : ""});
    } else if (items[0] == "witness") {
      if (items.size() < 3 || items.size() > 4) return At(line, "a witness line is: witness <name> <vkey> [<url>]");
      if (policy.witnesses_.size() == kPolicyWitnessesMax) {
        return At(line, fmt::format("there are more than {} witnesses", kPolicyWitnessesMax));
      }
      ACCORD_RETURN_IF_ERROR(reading.Define(line, items[1]));
      ACCORD_ASSIGN_OR_RETURN(Vkey key, reading.Key(line, items[2], kTypeCosignatureV1, reading.witness_keys));
      policy.witnesses_.push_back({std::string(items[1]), std::move(key), items.size() == 4 ? std::string(items[3]) : ""});
    } else if (items[0] == "group") {
      if (items.size() < 4) return At(line, "a group line is: group <name> all|any|<k> <member>...");
      if (policy.groups_.size() == kPolicyGroupsMax) return At(line, fmt::format("there are more than {} groups", kPolicyGroupsMax));
      PolicyGroup group{std::string(items[1]), 0, {items.begin() + 3, items.end()}};
      ACCORD_ASSIGN_OR_RETURN(group.threshold, Threshold(line, items[2], group.members.size()));
      for (const std::string& member : group.members) ACCORD_RETURN_IF_ERROR(reading.Join(line, member));
      ACCORD_RETURN_IF_ERROR(reading.Define(line, items[1]));  // Last: no group is a member of itself.
      policy.groups_.push_back(std::move(group));
    } else if (items[0] == "quorum") {
      if (items.size() != 2) return At(line, "a quorum line is: quorum <name>, or quorum none");
      if (!policy.quorum_.empty()) return At(line, "there is a quorum line already");
      if (items[1] != kPolicyQuorumNone && !reading.Defined(items[1])) {
        return At(line, fmt::format("{} is not defined on an earlier line", items[1]));
      }
      policy.quorum_ = items[1];
    } else {
      return At(line, "it begins with none of log, witness, group, quorum");
    }
  }
  if (policy.quorum_.empty()) return Whole("has no quorum line");
  return policy;
}

const PolicyWitness* WitnessPolicy::FindWitness(std::string_view name) const {
  const auto found = std::find_if(witnesses_.begin(), witnesses_.end(),
                                  [&](const PolicyWitness& witness) { return witness.name == name; });
  return found == witnesses_.end() ? nullptr : &*found;
}

bool WitnessPolicy::QuorumMet(std::span<const std::string> cosigned) const {
  if (quorum_ == kPolicyQuorumNone) return true;
  std::set<std::string_view> witnessed;
  for (const std::string& name : cosigned) {
    if (FindWitness(name) != nullptr) witnessed.insert(name);
  }
  for (const PolicyGroup& group : groups_) {  // Members stand before their group.
    const auto count = std::count_if(group.members.begin(), group.members.end(),
                                     [&](const std::string& member) { return witnessed.contains(member); });
    if (static_cast<size_t>(count) >= group.threshold) witnessed.insert(group.name);
  }
  return witnessed.contains(quorum_);
}

std::string WitnessPolicy::ToString() const {
  std::string text;
  for (const PolicyLog& log : logs_) text += WithUrl(fmt::format("log {}", log.key.ToString()), log.url);
  for (const PolicyWitness& witness : witnesses_) {
    text += WithUrl(fmt::format("witness {} {}", witness.name, witness.key.ToString()), witness.url);
  }
  for (const PolicyGroup& group : groups_) {
    text += fmt::format("group {} {} {}\n", group.name, group.threshold, fmt::join(group.members, " "));
  }
  return text + fmt::format("quorum {}\n", quorum_);
}

absl::StatusOr<std::vector<std::string>> VerifyCosignatures(const Note& note, const WitnessPolicy& policy) {
  std::vector<std::string> names;
  // One by one: a policy names witnesses itself, and two of them may have keys of one name.
  for (const PolicyWitness& witness : policy.witnesses()) {
    if (!HasLineOf(note, witness.key)) continue;
    ACCORD_RETURN_IF_ERROR(VerifyNote(note, {&witness.key, 1}).status());
    names.push_back(witness.name);
  }
  return names;
}

absl::StatusOr<WitnessedCheckpoint> VerifyWitnessed(std::string_view note, const WitnessPolicy& policy) {
  ACCORD_ASSIGN_OR_RETURN(const Note parsed, ParseNote(note));
  ACCORD_ASSIGN_OR_RETURN(Checkpoint checkpoint, ParseCheckpoint(parsed.text));
  bool known = false;
  for (const PolicyLog& log : policy.logs()) {
    if (log.key.name() != checkpoint.origin || !HasLineOf(parsed, log.key)) continue;
    ACCORD_RETURN_IF_ERROR(VerifyNote(parsed, {&log.key, 1}).status());
    known = true;
  }
  if (!known) return Error(Reason::kReceiptInvalid, "the checkpoint is not signed by a log of the policy");
  WitnessedCheckpoint result{std::move(checkpoint), {}, false};
  ACCORD_ASSIGN_OR_RETURN(result.witnesses, VerifyCosignatures(parsed, policy));
  result.quorum = policy.QuorumMet(result.witnesses);
  return result;
}

}  // namespace accord::ledger

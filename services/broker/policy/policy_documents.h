// Every version of every policy text that is kept, read: what decisions are made by, and what can be listed.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/referral/decision.h"
#include "common/storage/store.h"

namespace accord::broker {

enum class PolicyKind { kAgreement, kSchedule, kRegister, kClocks, kCases };

// One version, without its text.
struct PolicyDocument {
  PolicyKind kind = PolicyKind::kAgreement;
  std::string id;       // Of an agreement; empty for the others.
  std::string version;
  absl::Time effective_from = absl::InfinitePast();
  absl::Time expires = absl::InfiniteFuture();  // The latter when it does not expire by itself.
  int64_t approved_at_ms = 0;                   // 0: the program is built with it.
  bool replaced = false;  // By a later approval, in a store from when one agreement ended the one before: never in force again.
};

struct PolicyDocuments {
  // Those that may be in force at some time, in the order of approval; the versions that the program is built with come first.
  std::vector<referral::Agreement> agreements;
  std::vector<referral::EmergencySchedule> schedules;
  std::vector<referral::LegalRegister> laws;
  std::vector<referral::ClockRules> clocks;
  std::vector<referral::CaseRules> cases;
  // All of them, the newest approval first.
  std::vector<PolicyDocument> all;
};

// Reads family `policy`. DATA_LOSS when a row does not parse, or a text that may be in force does not read any more; errors of
// `store`.
absl::StatusOr<PolicyDocuments> LoadPolicyDocuments(const storage::Store& store);

// What was kept at `at`, of what is kept now: `documents` without what was approved later, and the policy texts that were in force or to come then.
// What older stores marked as replaced counts as replaced. Pure.
struct DocumentsAt {
  std::vector<PolicyDocument> all;
  referral::CompiledPolicy compiled;  // Of texts alone: it knows no agencies.
};
DocumentsAt ApprovedBy(PolicyDocuments documents, absl::Time at);

// The text of a version, as approved or as the program is built with it. POLICY_DOCUMENT_NOT_FOUND; DATA_LOSS.
absl::StatusOr<std::string> PolicyText(const storage::Store& store, PolicyKind kind, std::string_view version);

// True when `document` is in force at `now`, under `policy` of the same load. Pure.
bool IsLive(const PolicyDocument& document, const referral::CompiledPolicy& policy, absl::Time now);

}  // namespace accord::broker

#include "services/broker/directory/policy_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/policy/case_text.h"
#include "common/policy/clock_text.h"
#include "common/policy/policy_text.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/validation.h"

namespace accord::broker {
namespace {

using admin::v1::Change;

// A policy text, read.
struct Document {
  Reason malformed = Reason::kAgreementMalformed;  // What is wrong with its kind.
  std::string text, version, key;
  absl::Time effective_from;
  std::string id;  // Of agreements.
};

absl::StatusOr<Document> ReadDocument(const Change& change) {
  if (change.has_put_agreement()) {
    const std::string& text = change.put_agreement().text();
    ACCORD_ASSIGN_OR_RETURN(const auto agreement, policy::ParseAgreement(text));
    return Document{Reason::kAgreementMalformed, text, agreement.version, AgreementKey(agreement.version), agreement.effective_from,
                    agreement.id};
  }
  if (change.has_put_emergency_schedule()) {
    const std::string& text = change.put_emergency_schedule().text();
    ACCORD_ASSIGN_OR_RETURN(const auto schedule, policy::ParseSchedule(text));
    return Document{Reason::kScheduleMalformed, text, schedule.version, EmergencyKey(schedule.version), schedule.effective_from, ""};
  }
  if (change.has_put_clock_rules()) {
    const std::string& text = change.put_clock_rules().text();
    ACCORD_ASSIGN_OR_RETURN(const auto clocks, policy::ParseClockRules(text));
    return Document{Reason::kFieldInvalid, text, clocks.version, ClocksKey(clocks.version), clocks.effective_from, ""};
  }
  if (change.has_put_case_rules()) {
    const std::string& text = change.put_case_rules().text();
    ACCORD_ASSIGN_OR_RETURN(const auto cases, policy::ParseCaseRules(text));
    return Document{Reason::kFieldInvalid, text, cases.version, CasesKey(cases.version), cases.effective_from, ""};
  }
  const std::string& text = change.put_legal_register().text();
  ACCORD_ASSIGN_OR_RETURN(const auto law, policy::ParseRegister(text));
  return Document{Reason::kLegalRegisterMalformed, text, law.version, LawKey(law.version), law.effective_from, ""};
}

absl::Status CheckSize(std::string_view field, const std::string& text) {
  if (text.size() <= policy::kPolicyTextBytesMax) return absl::OkStatus();
  return Error(Reason::kMessageTooLarge, fmt::format("{} is over its limit", field),
               {{"limit_bytes", fmt::format("{}", policy::kPolicyTextBytesMax)}});
}

absl::Status Taken(const Document& document) {
  return Error(document.malformed, fmt::format("version {} is taken by another text; use a new one", document.version),
               {{"field", "version"}, {"version", document.version}});
}

// The text that is kept under the document's version; nothing when none is.
absl::StatusOr<std::optional<std::string>> KeptText(const Document& document, CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(const auto row, context.Get(kFamilyPolicy, document.key));
  if (!row.has_value()) {
    // The versions that the program is built with are taken too, though nobody approved them.
    const referral::EmergencySchedule schedule;
    const referral::LegalRegister law = referral::DefaultLegalRegister();
    if (document.key == EmergencyKey(schedule.version)) return policy::ScheduleText(schedule);
    if (document.key == LawKey(law.version)) return policy::RegisterText(law);
    const referral::CaseRules cases = referral::DefaultCaseRules();
    if (document.key == CasesKey(cases.version)) return policy::CaseRulesText(cases);
    for (const referral::ClockRules& clocks : referral::BuiltInClockRules()) {
      if (document.key == ClocksKey(clocks.version)) return policy::ClockRulesText(clocks);
    }
    return std::nullopt;
  }
  storage::v1::StoredAgreement agreement;
  storage::v1::StoredPolicyText other;
  if (document.malformed == Reason::kAgreementMalformed ? agreement.ParseFromString(*row) : other.ParseFromString(*row)) {
    return document.malformed == Reason::kAgreementMalformed ? agreement.text() : other.text();
  }
  return Error(Reason::kStoreCorrupt, "a policy text does not parse");
}

// Of several versions the one with the latest effective-from that has come is in force. A new one that takes effect before that
// one would be approved, and never in force: who approves it must not believe that it is.
template <typename Versions, typename Follows>
absl::Status CheckPlace(const Document& document, const Versions& versions, absl::Time now, Follows follows) {
  if (versions.size() >= kPolicyVersionsMax) {
    return Error(document.malformed, fmt::format("{} versions are kept already", kPolicyVersionsMax), {{"field", "version"}});
  }
  for (const auto& other : versions) {
    if (!follows(other) || other.version == document.version) continue;
    if (other.effective_from <= document.effective_from || other.effective_from > now) continue;
    return Error(document.malformed,
                 fmt::format("effective_from: version {} took effect later, so this one would never be in force; give it a later date",
                             other.version),
                 {{"field", "effective_from"}, {"version", other.version}});
  }
  return absl::OkStatus();
}

absl::Status CheckDocument(const Change& change, const referral::PolicySources& sources, CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(const Document document, ReadDocument(change));
  ACCORD_ASSIGN_OR_RETURN(const auto kept, KeptText(document, context));
  if (kept.has_value() && *kept != document.text) return Taken(document);
  const auto any = [](const auto&) { return true; };
  if (change.has_put_emergency_schedule()) return CheckPlace(document, sources.schedules, context.now(), any);
  if (change.has_put_legal_register()) return CheckPlace(document, sources.laws, context.now(), any);
  if (change.has_put_clock_rules()) return CheckPlace(document, sources.clocks, context.now(), any);
  if (change.has_put_case_rules()) return CheckPlace(document, sources.cases, context.now(), any);
  return CheckPlace(document, sources.agreements, context.now(),
                    [&](const referral::Agreement& other) { return other.id == document.id; });
}

// When it was approved: after every other, so that their order is that of their times.
absl::StatusOr<int64_t> ApprovedAt(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(const auto newest, context.Get(kFamilyPolicy, kPolicyApprovedKey));
  uint64_t at = static_cast<uint64_t>(absl::ToUnixMillis(context.now()));
  if (newest.has_value()) {
    const auto before = U64FromKey(*newest);
    if (!before.has_value()) return Error(Reason::kStoreCorrupt, "the time of the newest policy text does not decode");
    at = std::max(at, *before + 1);
  }
  context.Put(kFamilyPolicy, kPolicyApprovedKey, KeyU64(at));
  return static_cast<int64_t>(at);
}

}  // namespace

bool IsPolicyChange(const Change& change) {
  return change.has_put_agreement() || change.has_put_emergency_schedule() || change.has_put_legal_register() || change.has_put_clock_rules() ||
         change.has_put_case_rules() || change.has_put_forum();
}

absl::Status ValidatePolicyChange(const Change& change) {
  if (change.has_put_forum()) return ValidateForum(change.put_forum().forum());
  ACCORD_RETURN_IF_ERROR(CheckSize("put_agreement.text", change.put_agreement().text()));
  ACCORD_RETURN_IF_ERROR(CheckSize("put_emergency_schedule.text", change.put_emergency_schedule().text()));
  ACCORD_RETURN_IF_ERROR(CheckSize("put_legal_register.text", change.put_legal_register().text()));
  ACCORD_RETURN_IF_ERROR(CheckSize("put_clock_rules.text", change.put_clock_rules().text()));
  ACCORD_RETURN_IF_ERROR(CheckSize("put_case_rules.text", change.put_case_rules().text()));
  return ReadDocument(change).status();
}

absl::Status CheckPolicyChange(const Change& change, const referral::CompiledPolicy& policy, CommitContext& context) {
  const referral::PolicySources& sources = policy.sources();
  if (!change.has_put_forum()) return CheckDocument(change, sources, context);
  const auto& forum = change.put_forum().forum();
  if (!forum.active() || sources.forums.contains(forum.id()) || sources.forums.size() < kForumsMax) return absl::OkStatus();
  return Error(Reason::kFieldInvalid, fmt::format("forum.id: {} forums sit already", kForumsMax), {{"field", "forum.id"}});
}

absl::Status WritePolicyChange(const Change& change, CommitContext& context) {
  if (change.has_put_forum()) {
    const auto& forum = change.put_forum().forum();
    context.Put(kFamilyPolicy, ForumKey(forum.id()), forum.SerializeAsString());
    return absl::OkStatus();
  }
  ACCORD_ASSIGN_OR_RETURN(const Document document, ReadDocument(change));
  ACCORD_ASSIGN_OR_RETURN(const int64_t approved_at_ms, ApprovedAt(context));
  if (!change.has_put_agreement()) {
    storage::v1::StoredPolicyText stored;
    stored.set_text(document.text);
    stored.set_approved_at_ms(approved_at_ms);
    context.Put(kFamilyPolicy, document.key, stored.SerializeAsString());
    return absl::OkStatus();
  }
  storage::v1::StoredAgreement stored;
  stored.set_text(document.text);
  stored.set_version(document.version);
  stored.set_in_force_ms(approved_at_ms);
  // 0 marks the rows from before it was kept (kAgreementCurrentKey); decisions read the text.
  const int64_t effective_from_ms = absl::ToUnixMillis(document.effective_from);
  stored.set_effective_from_ms(effective_from_ms == 0 ? 1 : effective_from_ms);
  context.Put(kFamilyPolicy, document.key, stored.SerializeAsString());
  return absl::OkStatus();
}

}  // namespace accord::broker

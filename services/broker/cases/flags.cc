#include "services/broker/cases/flags.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/referral/risk.h"
#include "services/broker/cases/events.h"
#include "services/broker/cases/links.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

using referral::CaseFindings;
using referral::CaseReport;
using type::v1::SubjectRole;

constexpr std::string_view kBrokerPrincipal = "broker";

std::vector<std::string> StrongTokens(const CaseLinker& linker, std::span<const type::v1::SubjectPart> subjects, SubjectRole role) {
  std::vector<std::string> tokens;
  for (const auto& subject : subjects) {
    if (subject.role() != role) continue;
    for (const auto& token : subject.tokens()) {
      if (token.strong()) tokens.push_back(linker.Index(token));
    }
  }
  return tokens;
}

absl::Status AddCases(PlainReader read, SubjectRole role, const std::vector<std::string>& tokens, std::set<std::string>& cases) {
  for (const std::string& token : tokens) {
    ACCORD_ASSIGN_OR_RETURN(const auto of_token, CasesOfToken(read, role, token));
    cases.insert(of_token.begin(), of_token.end());
  }
  return absl::OkStatus();
}

// Was anything told of one of `cases` within the months before `now`?
absl::StatusOr<bool> AnyWithin(SealedReader read, PlainReader read_plain, const std::vector<std::string>& cases, uint32_t months, absl::Time now) {
  for (const std::string& pseudonym : cases) {
    ACCORD_ASSIGN_OR_RETURN(const auto reports, LoadReports(read, read_plain, {&pseudonym, 1}, kBesideReportsMax));
    const bool within = std::any_of(reports.begin(), reports.end(), [&](const CaseReport& report) {
      return referral::TellsWithin(report, months, now);
    });
    if (within) return true;
  }
  return false;
}

void Merge(const CaseFindings& more, CaseFindings& found) {
  found.flags.insert(more.flags.begin(), more.flags.end());
  if (more.change_reason != type::v1::RISK_CHANGE_REASON_UNSPECIFIED) found.change_reason = more.change_reason;
}

absl::Status AddFlagEntry(CommitContext& context, const referral::CaseRules& rules, const CaseToRecord& what, const CaseFindings& found) {
  EntryDraft entry;
  entry.chains = ChainsOf(what.stored);
  entry.event.set_type(type::v1::EVENT_TYPE_CASE_FLAGGED);
  for (const type::v1::CaseFlag flag : found.flags) entry.event.add_case_flags(flag);
  entry.event.set_case_rules_version(rules.version);
  entry.event.set_risk_change_reason(found.change_reason);
  entry.actor.emplace().set_principal(std::string(kBrokerPrincipal));
  auto& about = entry.referral.emplace();
  about.set_header_digest(what.header_digest);
  about.set_sender(what.core.sender());
  about.set_request_id(what.core.request_id());
  return context.AddEntry(entry).status();
}

}  // namespace

absl::StatusOr<BesideCases> CasesBeside(PlainReader read, const CaseLinker& linker, std::span<const type::v1::SubjectPart> subjects,
                                        const std::set<std::string>& own) {
  const auto victims = StrongTokens(linker, subjects, type::v1::SUBJECT_ROLE_VICTIM);
  const auto perpetrators = StrongTokens(linker, subjects, type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR);
  std::set<std::string> of_perpetrators, of_victims, accused, accusing;
  ACCORD_RETURN_IF_ERROR(AddCases(read, type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR, perpetrators, of_perpetrators));
  ACCORD_RETURN_IF_ERROR(AddCases(read, type::v1::SUBJECT_ROLE_VICTIM, victims, of_victims));
  ACCORD_RETURN_IF_ERROR(AddCases(read, type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR, victims, accused));
  ACCORD_RETURN_IF_ERROR(AddCases(read, type::v1::SUBJECT_ROLE_VICTIM, perpetrators, accusing));
  BesideCases beside;
  for (const std::string& other : of_perpetrators) {
    const bool another = !of_victims.contains(other) && !own.contains(other) && beside.other_victims.size() < kBesideCasesMax;
    if (another) beside.other_victims.push_back(other);
  }
  for (const std::string& other : accused) {
    const bool reversed = accusing.contains(other) && beside.reversed.size() < kBesideCasesMax;
    if (reversed) beside.reversed.push_back(other);
  }
  return beside;
}

absl::Status RecordCase(CommitContext& context, const CaseLinker& linker, const referral::CaseRules& rules, const CaseToRecord& what) {
  if (what.stored.cases().empty()) return absl::OkStatus();
  const auto read = SealedReaderOf(context);
  const auto read_plain = PlainReaderOf(context);
  auto event = EventOf(linker, what.header_digest, what.core, what.type, what.stored.stored_at_ms());
  CaseFindings found;
  std::set<std::string> own;
  // A case at a time: events of one alleged perpetrator do not add up with those of another.
  for (const std::string& pseudonym : what.stored.cases()) {
    ACCORD_ASSIGN_OR_RETURN(const auto group, LinkedCases(read_plain, pseudonym));
    own.insert(group.begin(), group.end());
    ACCORD_ASSIGN_OR_RETURN(auto reports, LoadReports(read, read_plain, group));
    // Judged against what this sender said itself: a refusal tells it nothing of others.
    if (const auto last = referral::LastRiskOf(reports, what.core.sender()); last.has_value()) {
      ACCORD_RETURN_IF_ERROR(referral::CheckLowered(*last, what.core.risk(), rules.ric));
    }
    reports.push_back(ReportOf(event));
    Merge(referral::FindAtStore(rules, reports), found);
  }
  ACCORD_ASSIGN_OR_RETURN(const BesideCases beside, CasesBeside(read_plain, linker, what.subjects, own));
  ACCORD_ASSIGN_OR_RETURN(const bool other, AnyWithin(read, read_plain, beside.other_victims, rules.other_victim_months, context.now()));
  if (other) found.flags.insert(type::v1::CASE_FLAG_OTHER_VICTIM);
  if (!beside.reversed.empty()) found.flags.insert(type::v1::CASE_FLAG_COUNTER_ALLEGATION);
  for (const type::v1::CaseFlag flag : found.flags) event.add_flags(flag);
  ACCORD_RETURN_IF_ERROR(PutEvent(context, what.stored, event));
  // Also of nothing: leaves are public, and one more or less would tell the sender what was found.
  return AddFlagEntry(context, rules, what, found);
}

}  // namespace accord::broker

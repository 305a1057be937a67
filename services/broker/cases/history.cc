#include "services/broker/cases/history.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"
#include "common/base/status.h"
#include "common/referral/decision.h"
#include "services/broker/cases/events.h"
#include "services/broker/cases/flags.h"
#include "services/broker/cases/links.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

using referral::CaseReport;

bool Holds(const storage::v1::StoredReferral& stored, const HistoryQuestion& question) {
  const auto* const recipient = FindRecipient(stored, question.agency);
  if (recipient == nullptr || recipient->first_released_ms() == 0) return false;
  return (recipient->desk() == type::v1::DESK_CONFIDENTIAL) == (question.desk == type::v1::DESK_CONFIDENTIAL);
}

// What one agency may know; asks once of each referral.
class Sieve {
 public:
  Sieve(SealedReader read, const Policy& policy, const HistoryQuestion& question, absl::Time now)
      : read_(read), policy_(policy), question_(question), now_(now) {}

  absl::StatusOr<bool> MayKnow(const CaseReport& report) {
    if (report.sender == question_.agency) return true;
    const auto known = asked_.find(report.digest);
    if (known != asked_.end()) return known->second;
    ACCORD_ASSIGN_OR_RETURN(const bool may, Ask(report.digest));
    asked_.emplace(report.digest, may);
    return may;
  }

  absl::StatusOr<std::vector<CaseReport>> Sift(const std::vector<CaseReport>& reports) {
    std::vector<CaseReport> some;
    for (const CaseReport& report : reports) {
      ACCORD_ASSIGN_OR_RETURN(const bool may, MayKnow(report));
      if (may) some.push_back(report);
    }
    return some;
  }

 private:
  absl::StatusOr<bool> Ask(const std::string& digest) const {
    ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(read_, digest));
    if (!stored.has_value()) return false;  // Erased.
    if (Holds(*stored, question_)) return true;
    ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(*stored));
    ACCORD_ASSIGN_OR_RETURN(const referral::HeaderParts parts, PartsNow(*stored, header));
    if (parts.tags.empty()) return false;
    ACCORD_ASSIGN_OR_RETURN(const Cause cause, CauseOf(read_, header.core.part));
    const auto decision = referral::DecideCaseHistory(policy_.compiled, parts, question_.agency, question_.desk, cause.facts(), now_);
    // What an emergency alone would open is reviewed for what it carries; history is not of it.
    return decision.verdict() == type::v1::VERDICT_PERMIT && !decision.emergency_gap();
  }

  const SealedReader read_;
  const Policy& policy_;
  const HistoryQuestion& question_;
  const absl::Time now_;
  std::map<std::string, bool> asked_;  // By header digest.
};

// May the agency learn of a counter-allegation at all?
absl::StatusOr<bool> MayKnowOfReversal(PlainReader read_plain, const Policy& policy, const type::v1::HeaderCore& core,
                                       const std::string& agency) {
  const auto& agencies = policy.compiled.sources().agencies;
  const auto row = agencies.find(agency);
  if (row == agencies.end() || !row->second.active) return false;
  if (row->second.kind == type::v1::AGENCY_KIND_IDVA) return true;
  if (core.forum().empty()) return false;
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read_plain(kFamilyPolicy, ForumKey(core.forum())));
  admin::v1::Forum forum;
  if (bytes.has_value() && !forum.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a forum does not parse");
  return forum.active() && forum.coordinator() == agency;
}

void MergeHistory(const referral::CaseFindings& found, CaseHistory& history) {
  history.flags.insert(found.flags.begin(), found.flags.end());
  history.count.at_least = std::max(history.count.at_least, found.count.at_least);
  history.count.at_most = std::max(history.count.at_most, found.count.at_most);
  history.count.reports = std::max(history.count.reports, found.count.reports);
  history.count.agencies = std::max(history.count.agencies, found.count.agencies);
  history.count.dates_in_conflict = history.count.dates_in_conflict || found.count.dates_in_conflict;
  history.last_marac_referral_ms = std::max(history.last_marac_referral_ms, found.last_marac_referral_ms);
  history.last_marac_hearing_ms = std::max(history.last_marac_hearing_ms, found.last_marac_hearing_ms);
}

}  // namespace

absl::StatusOr<CaseHistory> HistoryFor(SealedReader read, PlainReader read_plain, const CaseLinker& linker, const Policy& policy,
                                       const storage::v1::StoredReferral& stored, const referral::OpenedHeader& header,
                                       const HistoryQuestion& question, absl::Time now) {
  const referral::CaseRules& rules = policy.compiled.CaseRules(now);
  const absl::Time as_at = std::min(question.as_at, now);
  CaseHistory history;
  history.rules_version = rules.version;
  Sieve sieve(read, policy, question, now);
  // What stands in a case by then and may be known of.
  const auto reports_of = [&](std::span<const std::string> cases, size_t most) -> absl::StatusOr<std::vector<CaseReport>> {
    ACCORD_ASSIGN_OR_RETURN(const auto all, LoadReports(read, read_plain, cases, most));
    return sieve.Sift(referral::AsAt(all, question.time, as_at));
  };
  std::set<std::string> own;
  for (const std::string& pseudonym : stored.cases()) {
    if (own.contains(pseudonym)) continue;  // Counted with the one that it is confirmed to be one with.
    ACCORD_ASSIGN_OR_RETURN(const auto group, LinkedCases(read_plain, pseudonym));
    own.insert(group.begin(), group.end());
    ACCORD_ASSIGN_OR_RETURN(const auto reports, reports_of(group, kCaseEventsMax));
    MergeHistory(referral::FindInHistory(rules, reports, referral::DigestOf(stored.header())), history);
  }
  std::vector<type::v1::SubjectPart> subjects;
  for (const auto& subject : header.subjects) subjects.push_back(subject.part);
  ACCORD_ASSIGN_OR_RETURN(const BesideCases beside, CasesBeside(read_plain, linker, subjects, own));
  for (const std::string& pseudonym : beside.other_victims) {
    ACCORD_ASSIGN_OR_RETURN(const auto reports, reports_of({&pseudonym, 1}, kBesideReportsMax));
    history.other_victims += std::any_of(reports.begin(), reports.end(), [&](const CaseReport& report) {
      return referral::TellsWithin(report, rules.other_victim_months, as_at);
    });
  }
  if (history.other_victims > 0) history.flags.insert(type::v1::CASE_FLAG_OTHER_VICTIM);
  ACCORD_ASSIGN_OR_RETURN(const bool may_know, MayKnowOfReversal(read_plain, policy, header.core.part, question.agency));
  for (const std::string& pseudonym : beside.reversed) {
    if (!may_know) break;
    ACCORD_ASSIGN_OR_RETURN(const auto reports, reports_of({&pseudonym, 1}, kBesideReportsMax));
    const bool any = std::any_of(reports.begin(), reports.end(), [](const CaseReport& report) { return !report.recalled; });
    if (any) history.flags.insert(type::v1::CASE_FLAG_COUNTER_ALLEGATION);
  }
  return history;
}

}  // namespace accord::broker

// The one decision of Accord: which agency may have which section, and why (design.md §5 "Decision"). Pure.
//
// Default deny. Protective rules are asked first and always win; then the rules that no agreement can change; then the
// agreements' routes; then consent and lawful basis. Preview, submission and release call the same function. A deputy or duty
// recipient is decided as a recipient of its own: what its principal may have says nothing of it.
#pragma once

#include <absl/time/time.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/referral.pb.h"
#include "common/referral/agreement.h"
#include "common/referral/case_rules.h"
#include "common/referral/clock_rules.h"
#include "common/referral/header.h"

namespace accord::referral {

// An agency as a decision needs it.
struct PolicyAgency {
  type::v1::AgencyKind kind = type::v1::AGENCY_KIND_UNSPECIFIED;
  bool active = false;
  bool has_confidential_desk = false;
  std::set<std::string, std::less<>> areas;        // GSS codes.
  std::set<std::string, std::less<>> specialisms;
  bool works_with_perpetrators = false;            // Receives what concerns a forum only as its named member.
};

// A forum, such as a Marac.
struct PolicyForum {
  std::set<std::string, std::less<>> members;      // Agency ids.
};

// All a decision depends on beside the referral and the time, as it is written down. Every version is in it: which is live is
// asked of the time.
struct PolicySources {
  std::vector<Agreement> agreements;
  std::vector<EmergencySchedule> schedules;        // Empty: the default one.
  std::vector<LegalRegister> laws;                 // Empty: the default one.
  std::vector<ClockRules> clocks;                  // Empty: the default ones. No decision reads them.
  std::vector<CaseRules> cases;                    // Likewise.
  std::map<std::string, PolicyAgency, std::less<>> agencies;
  std::map<std::string, PolicyForum, std::less<>> forums;               // Active ones.
  std::map<std::string, std::set<std::string>, std::less<>> conflicts;  // Agency → barred workers' pseudonyms.
};

// The same, made ready for decisions. Immutable; copies share it. Thread-safe.
class CompiledPolicy {
 public:
  CompiledPolicy() : CompiledPolicy(PolicySources()) {}
  explicit CompiledPolicy(PolicySources sources);

  const PolicySources& sources() const;

  // What is live at `now`: of each agreement id the version with the greatest `effective_from` that has come, unless it has
  // expired; likewise the one schedule, the one register, and the one set of clock rules and of case rules. Of equal times the one later in the list.
  std::vector<const Agreement*> LiveAgreements(absl::Time now) const;
  const EmergencySchedule& Schedule(absl::Time now) const;
  const LegalRegister& Law(absl::Time now) const;
  const ClockRules& Clocks(absl::Time now) const;
  const referral::CaseRules& CaseRules(absl::Time now) const;
  // The rules of a version, by which a clock was started; those that are live at `now` when it is not kept.
  const ClockRules& ClocksOf(std::string_view version, absl::Time now) const;

  struct Index;
  const Index& index() const { return *index_; }  // decision.cc alone reads it.

 private:
  std::shared_ptr<const Index> index_;
};

// What the sender received by a referral that this one follows, and how far that may go.
struct ReceivedBefore {
  std::string originator;                                    // Its sender.
  std::map<type::v1::Category, type::v1::OnwardSharing> rules;  // Of what was received; of two of one category the stricter.

  // Takes up that something of `category` was received under `rule`.
  void Add(type::v1::Category category, type::v1::OnwardSharing rule);
};

// What a decision depends on beside policy and referral.
struct Facts {
  // Core of the referral that this one is `caused_by`; null when there is none or it is not known.
  const type::v1::HeaderCore* caused_by = nullptr;
  // Null when the sender received nothing that this one follows.
  const ReceivedBefore* received = nullptr;
};

struct Decisions {
  std::vector<type::v1::SectionDecision> decisions;  // One for each section and recipient, in the order of the parts.
  std::vector<std::string> warnings;                 // Advice that stops nothing, in plain English.
  size_t gaps_waived = 0;                            // Permits that stand on the emergency schedule alone.
  std::string agreement_version;                     // Of all live agreements, sorted, comma separated; empty when none is live.
  std::string emergency_version;
  std::string law_version;
};

// Decides for every section and recipient of `parts` at `now`. REQUIRES: ValidateParts holds. Thread-safe.
Decisions Decide(const CompiledPolicy& policy, const HeaderParts& parts, const Facts& facts, absl::Time now);

// What would be decided of a section of category `case_history` under the first tag of `parts`, were it addressed to this desk alone: by it
// is judged whether an agency may know what the rules find about a case. `parts` has a tag. Thread-safe.
type::v1::SectionDecision DecideCaseHistory(const CompiledPolicy& policy, const HeaderParts& parts, const std::string& agency,
                                            type::v1::Desk desk, const Facts& facts, absl::Time now);

// docs/formats.md §10: over versions and results, not the instant. 32 bytes.
std::string DecisionDigest(const Decisions& decisions);

// Ids of the sections that `agency` may have.
std::set<std::string> PermittedSections(const Decisions& decisions, std::string_view agency);

}  // namespace accord::referral

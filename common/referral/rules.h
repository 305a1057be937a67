// What the rules of the decision look at and say. Internal to decision.cc and the two files of rules: always_rules.cc, which no
// agreement changes, and route_rules.cc, those of agreements, consent and lawful basis.
//
// All functions are pure and thread-safe.
#pragma once

#include <absl/time/time.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/referral/policy_index.h"

namespace accord::referral::rules {

// One thing that would change a decision: the code for programs, the words for people.
struct Change {
  type::v1::ChangeCode code;
  std::string_view words;
};

// Changes that together would permit.
using Alternative = std::vector<Change>;

// What a rule says. Absent: the rule has nothing to say and the next one is asked.
struct Ruling {
  type::v1::Verdict verdict = type::v1::VERDICT_WITHHOLD;
  std::string_view rule_id;               // Of a literal, or of the policy.
  std::string_view reason;
  std::vector<Alternative> alternatives;  // Each alone would permit it.
  const Route* route = nullptr;           // By which it is permitted; null for the emergency schedule.
};

inline std::vector<Alternative> One(type::v1::ChangeCode code, std::string_view words) { return {{{code, words}}}; }

// What is in force at the time of a decision.
struct InForce {
  const CompiledPolicy::Index& policy;
  std::vector<const CompiledAgreement*> agreements;
  const EmergencySchedule& schedule;
  const LegalRegister& law;
  std::string emergency_rule;  // `emergency/<version>`.
  absl::Time now;
};

// A route that covers sender, recipient and purpose of a recipient, and what it lacks: conditions that somebody could meet.
struct OpenRoute {
  const CompiledAgreement* agreement;
  size_t route;
  uint32_t lacks;  // As ChangeBits; 0: nothing.

  const Route& operator*() const { return *agreement->routes[route]; }
  const std::string& rule_id() const { return agreement->rule_ids[route]; }
};

// All a rule of a recipient may look at.
struct Question {
  const InForce& law;
  const HeaderParts& parts;
  const Facts& facts;
  const CompiledAgency* sender;   // Null when unknown or inactive, as of all agencies here.
  const type::v1::RecipientPart& recipient;
  const CompiledAgency* agency;   // Of the recipient.

  type::v1::AgencyKind kind() const { return agency->facts->kind; }
  type::v1::AgencyKind sender_kind() const { return sender->facts->kind; }
};

// What holds of a section's tag whoever receives it.
struct TagFacts {
  const type::v1::TagPart& tag;
  bool lawful = false;            // Its Article 6 basis is in force.
  bool has_rationale = false;
  bool gateway_serves = false;    // Its gateway stands in for consent where a route names none,
  bool any_gateway = false;       // or some gateway would.
};

// The same of one section. REQUIRES: sender and agency are known.
struct SectionQuestion : Question {
  const type::v1::SectionPart& section;
  const TagFacts& tag_facts;
  bool consent_covers;

  const type::v1::TagPart& tag = tag_facts.tag;
};

template <typename List, typename T>
bool Has(const List& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Is the recipient a member of `forum`?
bool IsMember(const Question& q, const std::string& forum);
bool WorksWithPerpetrators(const CompiledAgency& agency);

// What holds for a recipient whatever the section; nothing when no rule says anything.
std::optional<Ruling> OnRecipient(const Question& q);
// What no agreement changes, of one section; likewise.
std::optional<Ruling> OnSection(const SectionQuestion& q);

// Is the consent that was given good for this recipient and category? Nobody consents for those they are said to abuse.
bool ConsentCovers(const Question& q, const type::v1::SectionPart& section, const type::v1::TagPart& tag);
// `sender` is null when it is unknown.
TagFacts FactsOf(const InForce& law, const HeaderParts& parts, const CompiledAgency* sender, const type::v1::TagPart& tag);

// The routes that may carry something from sender to recipient for the purpose, in order of preference.
std::vector<OpenRoute> OpenRoutes(const Question& q);
// The agreement, consent and basis: the only rules that IMMEDIATE waives, and only where there is a gap; `waived` is set then.
Ruling AgreementAndBasis(const SectionQuestion& q, const std::vector<OpenRoute>& open, bool& waived);

}  // namespace accord::referral::rules

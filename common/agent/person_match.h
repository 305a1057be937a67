// How surely somebody is in a record of this agency: for the case pack (case_pack.h) and what inspectors ask (disclosures.h).
//
// People are recognised as in the search of the inbox, by the tokens of docs/tokens.md; in what the agency sent itself also by its own record
// number and by identifiers as they are written, verified or not. Pure. Thread-safe.
#pragma once

#include <absl/functional/function_ref.h>

#include <span>
#include <string>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/storage/v1/agent.pb.h"
#include "common/agent/agency_keys.h"
#include "common/agent/inbox_people.h"

namespace accord::agent {

// How somebody is in a record. Unspecified strength: they are not.
struct PersonMatch {
  type::v1::MatchStrength strength = type::v1::MATCH_STRENGTH_UNSPECIFIED;
  type::v1::SubjectRole role = type::v1::SUBJECT_ROLE_UNSPECIFIED;
  bool found() const { return strength != type::v1::MATCH_STRENGTH_UNSPECIFIED; }
  bool better_than(const PersonMatch& other) const;
};

// Somebody whom a record names. Points into it.
struct NamedPerson {
  const type::v1::Person* person = nullptr;
  type::v1::SubjectRole role = type::v1::SUBJECT_ROLE_UNSPECIFIED;
};
// Whom sections name as victim, alleged perpetrator or child, in their order.
std::vector<NamedPerson> NamedIn(std::span<const agency::v1::OpenedSection> sections);
// The same of what was sent: of its sections, then its people, for of a record alone there are no sections.
std::vector<NamedPerson> NamedIn(const storage::v1::StoredSubmission& sent);
// The record numbers among them, none twice, in their order.
std::vector<std::string> RecordNumbersOf(std::span<const NamedPerson> named);

// Somebody who is looked for.
class PersonMatcher {
 public:
  // `keys` must outlive this.
  PersonMatcher(const AgencyKeys& keys, type::v1::Person person);

  // Whether there is a name with a date of birth, an identifier or a record number to recognise them by.
  bool can_recognise() const { return has_tokens() || !person_.record_number().empty() || !person_.identifiers().empty(); }
  bool has_tokens() const { return !tokens_.empty(); }

  // How surely they are `person`, of whom are `tokens`. `by_number`: also by numbers as they are written.
  type::v1::MatchStrength StrengthOf(const type::v1::Person& person, const PersonTokens& tokens, bool by_number) const;
  type::v1::MatchStrength StrengthOf(const type::v1::Person& person, bool by_number) const;
  // How surely they are among the people of a received referral.
  type::v1::MatchStrength StrengthAmong(const storage::v1::StoredInboxPeople& people) const;
  // The best of how they are in a record.
  PersonMatch Recognise(std::span<const NamedPerson> named, bool by_number) const;

 private:
  type::v1::MatchStrength StrengthAmong(const PersonTokens& tokens) const;

  const AgencyKeys& keys_;
  const type::v1::Person person_;
  const PersonTokens tokens_;
};

}  // namespace accord::agent

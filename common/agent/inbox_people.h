// Whom a received referral is about, as the tokens of docs/tokens.md: what a search for a person, and a worker's conflicts of interest, are
// held against. The header's own tokens are for the broker alone; these are made here, of what the sections say. Pure. Thread-safe.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/storage/v1/agent.pb.h"
#include "accord/type/v1/disclosure.pb.h"
#include "common/agent/agency_keys.h"

namespace accord::agent {

inline constexpr size_t kInboxPeopleMax = 64;  // Of one referral; the rest are not found, and what has more is kept from whoever has a conflict.

// Tokens under the newest key of the agency's own linkage domain, so that what was kept under any key of it compares.
struct PersonTokens {
  std::set<std::string> strong, weak;
  bool empty() const { return strong.empty() && weak.empty(); }
};

// Those of a person; none when neither a name with a date of birth, or its year, nor a verified identifier is there.
PersonTokens TokensOf(const AgencyKeys& keys, const type::v1::Person& person);
// The same to be kept, as they stand in StoredConflict.
storage::v1::StoredConflict ConflictOf(const AgencyKeys& keys, const type::v1::Person& person);
// What was kept. STORE_CORRUPT, naming the key, when a token is under a key or of a recipe that the agency does not have: whoever a worker
// may not know about would not be recognised.
absl::StatusOr<PersonTokens> TokensOf(const AgencyKeys& keys, const storage::v1::StoredConflict& conflict);

// Of everybody named in `sections`, wherever in them.
storage::v1::StoredInboxPeople PeopleIn(const AgencyKeys& keys, std::span<const agency::v1::OpenedSection> sections);
// Of everybody named in what is, or was, to be sent.
storage::v1::StoredInboxPeople PeopleIn(const AgencyKeys& keys, const storage::v1::StoredDraft& draft);
// Of everybody whom an inspector asks for.
storage::v1::StoredInboxPeople PeopleIn(const AgencyKeys& keys, const type::v1::PersonsQuestion& question);
// Whether they can be compared: else they are made anew of the sections.
bool AreCurrent(const AgencyKeys& keys, const storage::v1::StoredInboxPeople& people);
// REQUIRES: AreCurrent.
PersonTokens TokensOf(const AgencyKeys& keys, const storage::v1::StoredInboxPeople& people);

// A strong match, as the broker links by it: one strong token in common. A person of whom no strong token can be made is matched by a weak one.
bool IsSurelyAmong(const PersonTokens& person, const PersonTokens& people);
// Any token in common: also who is written with an error.
bool MayBeAmong(const PersonTokens& person, const PersonTokens& people);

}  // namespace accord::agent

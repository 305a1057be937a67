// Disclosures as people read them, and as programs do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "accord/agency/v1/disclosure_service.pb.h"
#include "accord/inspection/v1/disclosure_service.pb.h"
#include "services/accordctl/disclosure_check.h"

namespace accord::accordctl {

// "waits for an answer, due …", "OVERDUE since …" of what the record says so, "no answer, due …; not overdue on the record", "released …, 3 parts, collected …", "refused …: legal privilege". `now_ms` judges what waits. Pure.
// Thread-safe.
std::string DisclosureStateText(const inspection::v1::Disclosure& disclosure, int64_t now_ms);

// Every fact of one. Pure. Thread-safe.
std::string DisclosureText(const inspection::v1::Disclosure& disclosure, int64_t now_ms, size_t width);

// A row for each; words for none. Pure. Thread-safe.
std::string DisclosureTable(const std::vector<inspection::v1::Disclosure>& disclosures, int64_t now_ms, size_t width);

// What the authorising officer decides about: who asks, under which power, until when, what would be released, and the commands of both answers.
// Shows content. Pure. Thread-safe.
std::string HeldText(const agency::v1::ReadDisclosureResponse& held, int64_t now_ms, size_t width);

// Of which cases a referral is, as the broker tells under the warrant.
struct ReferralCases {
  std::vector<std::string> cases;  // Pseudonyms; none: it is of no case.
  bool outside = false;            // Not covered by the warrant: nothing is told of it.
  bool erased = false;             // From the record: of which case it was nobody can say any more.
};
using CasesOfReferrals = std::map<std::string, ReferralCases>;  // By header digest.

// What was disclosed: a row for each section, for each person with their cases, or for each case with its record numbers. `directory` is where
// the files are. Pure. Thread-safe.
std::string DisclosedText(const CollectedDisclosure& collected, const CheckedDisclosure& checked, const CasesOfReferrals& cases, const std::string& directory,
                          size_t width);

// The same for a program (docs/accordctl.md); cases are left out of people where `cases` is null. Pure. Thread-safe.
nlohmann::json DisclosedJson(const CollectedDisclosure& collected, const CheckedDisclosure& checked, const CasesOfReferrals* cases);

// The name of the files of section `index`, without what follows the dot: `01-identity`. Pure. Thread-safe.
std::string SectionFileName(size_t index, type::v1::Category category);

}  // namespace accord::accordctl

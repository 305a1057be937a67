// What a question or a sample asks about: of which referrals, and where they are looked for.
//
// Pure. Thread-safe.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <map>
#include <string>
#include <vector>

#include "services/broker/questions/facts.h"
#include "services/broker/questions/question.h"
#include "services/broker/warrants/scope.h"

namespace accord::broker {

using AskedNames = google::protobuf::RepeatedPtrField<std::string>;
using AskedCodes = google::protobuf::RepeatedField<int>;

// Whether the referral is of one of these grades, and a person whom it is about is in one of these age bands; of an empty list: any.
bool IsAskedAbout(const ReferralFacts& facts, const AskedCodes& grades, const AskedCodes& age_bands);

// Where referrals are looked for; both empty: everywhere.
struct AskedWhere {
  std::vector<std::string> agencies, areas;
};
// As asked. Of nothing asked as the warrant: its areas, else its agencies, since what lies elsewhere it does not cover. So an area is not refused for
// how much there is in others.
AskedWhere WhereAsked(const Scope& scope, const AskedNames& areas, const AskedNames& agencies);
// Nothing is asked, and the warrant names areas or agencies: what others stored is not looked at.
bool IsNarrowed(const Scope& scope, const AskedNames& areas, const AskedNames& agencies);

// The agencies there of which the scope covers what they do, so that an answer can say of each what there is, and if that is nothing. By id.
std::vector<std::string> AgenciesThere(const Scope& scope, const AskedWhere& where, const std::map<std::string, AgencyFacts, std::less<>>& agencies);

}  // namespace accord::broker

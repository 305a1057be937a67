// What one policy document says that another does not, by meaning: for who reviews a change before approving it.
//
// The order of routes and of lists means nothing, so it makes no difference. Lines come in a fixed order: the document's own
// keys, then routes by id, each with its keys in the order of docs/agreements.md. None: the two mean the same, whatever
// their comments. All functions are pure and thread-safe.
#pragma once

#include <string>
#include <vector>

#include "common/referral/agreement.h"
#include "common/referral/case_rules.h"
#include "common/referral/clock_rules.h"

namespace accord::policy {

// Such as `route support: categories: added health; removed voice`.
std::vector<std::string> DiffAgreements(const referral::Agreement& before, const referral::Agreement& after);
std::vector<std::string> DiffSchedules(const referral::EmergencySchedule& before, const referral::EmergencySchedule& after);
std::vector<std::string> DiffRegisters(const referral::LegalRegister& before, const referral::LegalRegister& after);
// The order of response rows means something: they are numbered.
std::vector<std::string> DiffClockRules(const referral::ClockRules& before, const referral::ClockRules& after);
std::vector<std::string> DiffCaseRules(const referral::CaseRules& before, const referral::CaseRules& after);

// What a route says, one `key: value` for each key that is not at its default: for who asks by which route something went.
std::vector<std::string> DescribeRoute(const referral::Route& route);
// The same of a schedule.
std::vector<std::string> DescribeSchedule(const referral::EmergencySchedule& schedule);

}  // namespace accord::policy

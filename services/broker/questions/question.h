// The named questions: what each asks and how its answer is computed from what the record says (docs/questions.md).
//
// A question is a row of one table with a function that is pure: it sees no store, no clock and no scope, only what the engine gave it.
//
// Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accord/inspection/v1/table.pb.h"
#include "accord/inspection/v1/trail_service.pb.h"
#include "accord/type/v1/vocabulary.pb.h"
#include "common/referral/clock_rules.h"
#include "services/broker/questions/facts.h"

namespace accord::broker {

inline constexpr int64_t kDayMs = int64_t{24} * 60 * 60 * 1000;

// What a question may know of an agency, from the directory as it is now.
struct AgencyFacts {
  type::v1::AgencyKind kind = type::v1::AGENCY_KIND_UNSPECIFIED;
  std::vector<std::string> areas;  // GSS codes.
  int64_t enrolled_ms = 0;
  std::set<std::string> barred;  // Workers with a conflict of interest.
};

// What an answer is computed from.
struct QuestionInput {
  std::vector<const ReferralFacts*> referrals;  // That are asked about, in the order of the log.
  std::vector<const ReferralFacts*> all;        // These and, for a question about cases, the others of their cases, in that order.
  std::map<std::string, std::string, std::less<>> groups;  // Of cases that are confirmed to be one: pseudonym → that of the one that stands for them.
  std::map<std::string, std::vector<const ReferralFacts*>, std::less<>> by_case;  // `all`, by GroupOf their pseudonyms, each in the order of the log.
  std::string asked_case;                       // Pseudonym; empty unless one is asked about.
  std::vector<const FactEvent*> of_case;        // What stands on its chain and on no referral's, in that order.
  bool of_period = false;                       // Of the case or referral that is asked about a period alone.
  std::map<std::string, AgencyFacts, std::less<>> agencies;
  std::set<std::string> barred_administrators;  // With a conflict of interest, by id.
  referral::ClockRules clocks;            // In force when it was asked: school terms and bank holidays.
  std::vector<std::string> areas;         // As asked; none: all.
  std::vector<std::string> asked_agencies;  // Likewise.
  std::vector<std::string> expected;      // Agencies of which an answer about a period says what there is, and if that is nothing.
  int64_t now_ms = 0;                     // As at, else when it was asked; never after the warrant's period, beyond which nothing is looked at.
  uint32_t days = 0, count = 0;           // As asked, or the question's own.
  bool small_left_out = false;            // Small counts are: words that would tell of one are to be left out too.
  uint64_t tree_size = 0;

  type::v1::AgencyKind KindOf(std::string_view agency) const;
  // The first area of the agency; empty when it has none or is not in the directory.
  std::string AreaOf(std::string_view agency) const;
  // When school next begins, strictly after `ms`, in the first area of `agency`.
  int64_t SchoolStartMs(std::string_view agency, int64_t ms) const;
  // The case that stands for it and those that are confirmed to be one with it.
  const std::string& GroupOf(const std::string& pseudonym) const;
  // Every referral of `all` that is of a case of `facts`, or of one that is confirmed to be one with it, itself included, in the order of the log.
  std::vector<const ReferralFacts*> SameCases(const ReferralFacts& facts) const;
};

// A column that is the sum of others, so that what is left out of one cannot be worked out from the rest.
struct SumOf {
  std::string_view total;
  std::vector<std::string_view> parts;
};

struct Question {
  uint32_t number = 0;
  std::string_view title, definition;
  std::vector<std::string_view> parameters;  // Beside from_ms, until_ms, areas, agencies, grades, age_bands and as_at_ms.
  std::vector<std::string_view> fields;      // Of entries and headers.
  // Counts alone; a row `all` at its end is the sum of the others. Others list what they found.
  bool counts = false;
  bool cases = false;  // Looks at the other referrals of the cases.
  bool one = false;    // About one case or referral, in place of areas and agencies; the period may be left out.
  uint32_t days = 0, count = 0;  // When the request says 0.
  std::vector<SumOf> sums;
  // A note that counts begins with the count, or with `Of` and it, so that it is left out for who may not have small counts (suppression.h).
  void (*answer)(const QuestionInput& input, inspection::v1::Table& table) = nullptr;
};

// By number.
std::span<const Question> Questions();
// Null when there is none.
const Question* FindQuestion(uint32_t number);
// As ListQuestions says it: parameters in the order of the request, needed ones with `!`.
inspection::v1::Question DescribeQuestion(const Question& question);
// The names of all parameters it takes, needed ones with `!`.
std::vector<std::string> ParametersOf(const Question& question);

}  // namespace accord::broker

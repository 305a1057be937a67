// What a score does and does not mean (domain.md §1); which answers count is the instrument's (instruments.h). Pure. Thread-safe.
#pragma once

#include <absl/status/status.h>

#include <cstdint>

#include "accord/type/v1/referral.pb.h"
#include "accord/type/v1/vocabulary.pb.h"
#include "common/referral/case_rules.h"
#include "common/referral/instruments.h"

namespace accord::referral {

// What a RIC can count: bands are within it.
inline constexpr uint32_t kRicScoreMax = 24;

// OK when `grade` is not below what the score of the same assessment gives: judgement may raise, never lower.
absl::Status CheckJudgement(type::v1::RiskGrade grade, const InstrumentScore& score);

// RISK_LOWERED when the grade is below what the score in the same Risk gives. Only a RIC has a score that gives one: no other instrument's
// answers are counted.
absl::Status CheckScore(const type::v1::Risk& risk, const RicBands& bands);

// May the sender whose last grade of the pair was `previous` now say `now`? A higher grade needs nothing. OK when `now` has none.
//   RISK_LOWERED  below what the score in it gives; lower than before without reason and supervisor, or by the same assessment when its
//                 score gives more or the reason is that it is a new one. That the same assessment was recorded wrongly may be said.
absl::Status CheckLowered(const type::v1::Risk& previous, const type::v1::Risk& now, const RicBands& bands);

}  // namespace accord::referral

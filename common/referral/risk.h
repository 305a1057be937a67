// Risk instruments as data, and what a score does and does not mean (domain.md §1). Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <span>
#include <string_view>

#include "accord/type/v1/section_content.pb.h"
#include "accord/type/v1/vocabulary.pb.h"
#include "common/referral/case_rules.h"

namespace accord::referral {

// A question: our code, and our own paraphrase of what it asks (the forms' texts are their authors').
struct Question {
  std::string_view code;
  std::string_view topic;
};

// The 24 questions of the SafeLives Dash RIC, in its order.
std::span<const Question> RicQuestions();

inline constexpr uint32_t kRicHighThreshold = 14;   // "Visible high risk"; a recommendation, so callers may give another.
inline constexpr uint32_t kRicMediumThreshold = 10;

// A RIC's count of YES (DONT_KNOW counts 0, and is counted apart: many are a warning in themselves).
struct RicScore {
  uint32_t yes = 0;
  uint32_t dont_know = 0;
  type::v1::RiskGrade grade = type::v1::RISK_GRADE_UNSPECIFIED;  // What the count alone gives.
};

// FIELD_INVALID unless every one of the 24 questions is answered once with YES, NO or DONT_KNOW.
absl::StatusOr<RicScore> ScoreRic(const google::protobuf::RepeatedPtrField<type::v1::RiskAnswer>& answers,
                                  uint32_t high_threshold = kRicHighThreshold);

// OK when `grade` is not below what the score of the same assessment gives: judgement may raise, never lower.
absl::Status CheckJudgement(type::v1::RiskGrade grade, const RicScore& score);

// RISK_LOWERED when the grade is below what the score in the same Risk gives. Only a RIC has a score that gives one: no other instrument's
// answers are counted.
absl::Status CheckScore(const type::v1::Risk& risk, const RicBands& bands);

// May the sender whose last grade of the pair was `previous` now say `now`? A higher grade needs nothing. OK when `now` has none.
//   RISK_LOWERED  below what the score in it gives; lower than before without reason and supervisor, or by the same assessment when its
//                 score gives more or the reason is that it is a new one. That the same assessment was recorded wrongly may be said.
absl::Status CheckLowered(const type::v1::Risk& previous, const type::v1::Risk& now, const RicBands& bands);

}  // namespace accord::referral

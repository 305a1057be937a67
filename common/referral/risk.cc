#include "common/referral/risk.h"

#include <string_view>

#include "common/base/status.h"

namespace accord::referral {
namespace {

type::v1::RiskGrade GradeOf(uint32_t yes, const RicBands& bands) {
  return yes >= bands.high ? type::v1::RISK_GRADE_HIGH : yes >= bands.medium ? type::v1::RISK_GRADE_MEDIUM : type::v1::RISK_GRADE_STANDARD;
}

// What the score gives; nothing when the instrument gives none by its score.
type::v1::RiskGrade GradeByScore(const type::v1::Risk& risk, const RicBands& bands) {
  const bool counts = risk.instrument() == type::v1::INSTRUMENT_SAFELIVES_DASH_RIC && risk.has_score();
  return counts ? GradeOf(risk.score(), bands) : type::v1::RISK_GRADE_UNSPECIFIED;
}

absl::Status Lowered(std::string_view why, type::v1::RiskGrade at_least) {
  return Error(Reason::kRiskLowered, why, {{"field", "risk.grade"}, {"at_least", type::v1::RiskGrade_Name(at_least)}});
}

}  // namespace

absl::Status CheckJudgement(type::v1::RiskGrade grade, const InstrumentScore& score) {
  if (grade >= score.grade) return absl::OkStatus();
  return Error(Reason::kFieldInvalid,
               "risk_grade is below what the score of the same assessment gives: judgement may raise it, never lower it. Make a new "
               "assessment if things have changed",
               {{"field", "risk_grade"}, {"score_grade", type::v1::RiskGrade_Name(score.grade)}});
}

absl::Status CheckScore(const type::v1::Risk& risk, const RicBands& bands) {
  const type::v1::RiskGrade by_score = GradeByScore(risk, bands);
  if (risk.grade() == type::v1::RISK_GRADE_UNSPECIFIED || risk.grade() >= by_score) return absl::OkStatus();
  return Lowered("the grade is below what the score of the same assessment gives: judgement may raise it, never lower it", by_score);
}

absl::Status CheckLowered(const type::v1::Risk& previous, const type::v1::Risk& now, const RicBands& bands) {
  ACCORD_RETURN_IF_ERROR(CheckScore(now, bands));
  if (now.grade() == type::v1::RISK_GRADE_UNSPECIFIED || now.grade() >= previous.grade()) return absl::OkStatus();
  if (now.change_reason() == type::v1::RISK_CHANGE_REASON_UNSPECIFIED || now.supervisor().empty()) {
    return Lowered("the grade is lower than this agency's last of the same people: say why, and which supervisor agreed", previous.grade());
  }
  const bool same = !now.assessment().empty() && now.assessment() == previous.assessment();
  if (!same || now.change_reason() == type::v1::RISK_CHANGE_REASON_RECORDED_WRONGLY) return absl::OkStatus();
  if (now.change_reason() == type::v1::RISK_CHANGE_REASON_NEW_ASSESSMENT) {
    return Lowered("the reason is a new assessment, and the assessment is the one that gave the higher grade", previous.grade());
  }
  const type::v1::RiskGrade by_score = GradeByScore(previous, bands);
  if (now.grade() >= by_score) return absl::OkStatus();
  return Lowered("the grade is below what the score of the same assessment gave before: assess anew", by_score);
}

}  // namespace accord::referral

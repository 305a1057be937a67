#include "common/referral/risk.h"

#include <fmt/format.h>

#include <array>
#include <set>

#include "common/base/status.h"

namespace accord::referral {
namespace {

constexpr std::array kRic = {
    Question{"ric.01.injury", "hurt this time"},
    Question{"ric.02.frightened", "very frightened"},
    Question{"ric.03.feared_harm", "what further harm is feared, and to whom"},
    Question{"ric.04.isolation", "kept from family or friends"},
    Question{"ric.05.low_mood", "low, or thinking of suicide"},
    Question{"ric.06.separation", "separated, or tried to, within the year"},
    Question{"ric.07.child_contact", "conflict over contact with children"},
    Question{"ric.08.stalking", "followed, pestered, stalked"},
    Question{"ric.09.pregnancy", "pregnant, or a baby under eighteen months"},
    Question{"ric.10.more_often", "abuse more often"},
    Question{"ric.11.worse", "abuse getting worse"},
    Question{"ric.12.control", "controlled, or watched out of jealousy"},
    Question{"ric.13.weapon", "hurt with a weapon or an object"},
    Question{"ric.14.threat_to_kill", "threatened with death, and believed it"},
    Question{"ric.15.strangle", "strangled, choked, suffocated or held under water"},
    Question{"ric.16.sexual", "sexual harm or degradation"},
    Question{"ric.17.others_feared", "somebody else is feared too"},
    Question{"ric.18.hurt_others", "has hurt others"},
    Question{"ric.19.animals", "cruel to animals"},
    Question{"ric.20.money", "money trouble or dependence"},
    Question{"ric.21.substances", "trouble with drink, drugs or mental health"},
    Question{"ric.22.suicide", "has threatened or attempted suicide"},
    Question{"ric.23.breach", "has broken bail, an order or an agreement"},
    Question{"ric.24.record", "known to police or convicted"},
};
static_assert(kRic.size() == 24);
static_assert(RicBands().medium == kRicMediumThreshold && RicBands().high == kRicHighThreshold);

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

std::span<const Question> RicQuestions() { return kRic; }

absl::StatusOr<RicScore> ScoreRic(const google::protobuf::RepeatedPtrField<type::v1::RiskAnswer>& answers,
                                  uint32_t high_threshold) {
  const auto invalid = [](const std::string& question, std::string_view why) {
    return Error(Reason::kFieldInvalid, fmt::format("ric_answers: {} {}", question, why), {{"field", "ric_answers"}, {"question", question}});
  };
  std::set<std::string_view> codes;
  for (const Question& question : kRic) codes.insert(question.code);
  RicScore score;
  for (const auto& answer : answers) {
    if (!codes.contains(answer.question())) return Error(Reason::kFieldInvalid, "ric_answers has a question that is unknown or answered twice", {{"field", "ric_answers"}});
    codes.erase(answer.question());
    if (answer.answer() == "YES") {
      ++score.yes;
    } else if (answer.answer() == "DONT_KNOW") {
      ++score.dont_know;
    } else if (answer.answer() != "NO") {
      return invalid(answer.question(), "is not answered YES, NO or DONT_KNOW");
    }
  }
  if (!codes.empty()) return invalid(std::string(*codes.begin()), "is not answered; DONT_KNOW is an answer");
  score.grade = GradeOf(score.yes, {kRicMediumThreshold, high_threshold});
  return score;
}

absl::Status CheckJudgement(type::v1::RiskGrade grade, const RicScore& score) {
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

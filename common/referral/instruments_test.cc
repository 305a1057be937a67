// Goal: what an instrument may say of itself, and what is found of answers under it, at each limit and one past it. The instrument of
// these tests is nobody's: the shipped documents are tested where they are read (common/policy/instrument_text_test.cc).
#include "common/referral/instruments.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/base/status.h"

namespace accord::referral::instruments_test {
namespace {

using namespace type::v1;  // NOLINT: the tests read best in the field's own words.
using About = AnswerFinding::About;

// Graded by count, with three questions; the third calls for the other one below.
InstrumentDocument Counted() {
  InstrumentDocument one;
  one.code = "counted";
  one.version = "1";
  one.title = "A test's instrument";
  one.publisher = "Nobody";
  one.value = INSTRUMENT_SAFELIVES_DASH_RIC;
  one.age_from = 16;
  one.graded_by = InstrumentDocument::GradedBy::kScore;
  one.counts = "YES";
  one.not_known = "DONT_KNOW";
  one.not_known_many = 2;
  one.bands = {{0, RISK_GRADE_STANDARD}, {2, RISK_GRADE_MEDIUM}, {3, RISK_GRADE_HIGH}};
  for (int i = 1; i <= 3; ++i) {
    InstrumentDocument::Question question;
    question.code = fmt::format("q.{}", i);
    question.topic = "something";
    question.answers = {"YES", "NO", "DONT_KNOW"};
    one.questions.push_back(question);
  }
  one.questions[2].follow_on = "more";
  one.questions[2].follow_on_when = {"YES"};
  return one;
}
// Of the agency's own, graded by nobody.
InstrumentDocument More() {
  InstrumentDocument one = Counted();
  one.code = "more";
  one.value = INSTRUMENT_OTHER;
  one.age_from = 0;
  one.graded_by = InstrumentDocument::GradedBy::kNobody;
  one.counts = "";
  one.bands.clear();
  one.questions.pop_back();
  return one;
}
Instruments Both() { return *Instruments::Make({Counted(), More()}); }

RiskAssessment Answered(std::vector<std::string> answers, const std::string& version = "1") {
  RiskAssessment assessment;
  assessment.mutable_risk()->set_instrument(INSTRUMENT_SAFELIVES_DASH_RIC);
  assessment.mutable_risk()->set_instrument_version(version);
  for (size_t i = 0; i < answers.size(); ++i) {
    RiskAnswer& answer = *assessment.add_answers();
    answer.set_question(fmt::format("q.{}", i + 1));
    answer.set_answer(answers[i]);
  }
  return assessment;
}
// The words of all findings, and no more than those: `A answers`, `V version`, `+ advice`.
std::string Found(const RiskAssessment& assessment, AgeBand who = AGE_BAND_ADULT, const Instruments& instruments = Both()) {
  std::string text;
  for (const AnswerFinding& one : CheckAnswers(instruments, assessment, who)) {
    text += fmt::format("{}{} {}", text.empty() ? "" : "; ", one.about == About::kAnswers ? "A" : one.about == About::kVersion ? "V" : "+", one.words);
  }
  return text;
}

TEST(InstrumentsTest, WhatContradictsItselfIsRefused) {
  ASSERT_EQ(ValidateInstrument(Counted()), absl::OkStatus());
  ASSERT_EQ(ValidateInstrument(More()), absl::OkStatus());
  const std::vector<std::pair<std::function<void(InstrumentDocument&)>, std::string>> table = {
      {[](InstrumentDocument& i) { i.code = "Counted"; }, "code is"},
      {[](InstrumentDocument& i) { i.code = std::string(33, 'a'); }, "code is"},
      {[](InstrumentDocument& i) { i.version = ""; }, "version is"},
      {[](InstrumentDocument& i) { i.version = std::string(33, '1'); }, "version is"},
      {[](InstrumentDocument& i) { i.version = "a b"; }, "version is"},
      {[](InstrumentDocument& i) { i.title = ""; }, "title and publisher"},
      {[](InstrumentDocument& i) { i.publisher = std::string(201, 'p'); }, "title and publisher"},
      {[](InstrumentDocument& i) { i.title = "\xff"; }, "title and publisher"},
      {[](InstrumentDocument& i) { i.value = INSTRUMENT_UNSPECIFIED; }, "instrument: is one of"},
      {[](InstrumentDocument& i) { i.value = INSTRUMENT_PROFESSIONAL_JUDGEMENT; }, "asks no questions"},
      {[](InstrumentDocument& i) { i.age_to = 15; }, "age_from and age_to"},
      {[](InstrumentDocument& i) { i.age_to = 121; }, "age_from and age_to"},
      {[](InstrumentDocument& i) { i.from = i.until = absl::UnixEpoch(); }, "until: is not after"},
      {[](InstrumentDocument& i) { i.questions.clear(); }, "there are none"},
      {[](InstrumentDocument& i) { i.questions.resize(kInstrumentQuestionsMax + 1, i.questions[0]); }, "over 200"},
      {[](InstrumentDocument& i) { i.questions[1].code = "q.1"; }, "question q.1: is there twice"},
      {[](InstrumentDocument& i) { i.questions[1].code = "Q 1"; }, "question: a code"},
      {[](InstrumentDocument& i) { i.questions[1].code = std::string(65, 'q'); }, "question: a code"},
      {[](InstrumentDocument& i) { i.questions[1].topic = std::string(201, 't'); }, "question q.2: topic"},
      {[](InstrumentDocument& i) { i.questions[1].answers = {}; }, "question q.2: has no answers"},
      {[](InstrumentDocument& i) { i.questions[1].answers = {"YES", "YES"}; }, "the answer YES is there twice"},
      {[](InstrumentDocument& i) { i.questions[1].answers = {"yes"}; }, "question q.2: an answer is"},
      {[](InstrumentDocument& i) { i.questions[1].answers.assign(17, "YES"); }, "over 16"},
      {[](InstrumentDocument& i) { i.questions[2].follow_on_when = {}; }, "go together"},
      {[](InstrumentDocument& i) { i.questions[2].follow_on = ""; }, "go together"},
      {[](InstrumentDocument& i) { i.questions[2].follow_on_when = {"OFTEN"}; }, "follow_on_when OFTEN"},
      {[](InstrumentDocument& i) { i.counts = "OFTEN"; }, "what counts is no answer"},
      {[](InstrumentDocument& i) { i.counts = "DONT_KNOW"; }, "the same answer"},
      {[](InstrumentDocument& i) { i.not_known = "OFTEN"; }, "not_known is no answer"},
      {[](InstrumentDocument& i) { i.not_known = ""; }, "not_known_many is of not_known"},
      {[](InstrumentDocument& i) { i.bands.clear(); }, "the first is from 0"},
      {[](InstrumentDocument& i) { i.bands[0].at_least = 1; }, "the first is from 0"},
      {[](InstrumentDocument& i) { i.bands[2].at_least = 2; }, "each is from more"},
      {[](InstrumentDocument& i) { i.bands[2].grade = RISK_GRADE_MEDIUM; }, "each is from more"},
      {[](InstrumentDocument& i) { i.bands[2].at_least = 4; }, "past the number of questions"},
      {[](InstrumentDocument& i) { i.bands[1].grade = RISK_GRADE_UNSPECIFIED; }, "has no grade"},
      {[](InstrumentDocument& i) { i.graded_by = InstrumentDocument::GradedBy::kAssessor; }, "score and band: are of"},
  };
  for (const auto& [spoil, why] : table) {
    InstrumentDocument one = Counted();
    spoil(one);
    const absl::Status status = ValidateInstrument(one);
    EXPECT_TRUE(HasReason(status, Reason::kFieldInvalid)) << why;
    EXPECT_NE(std::string(status.message()).find(why), std::string::npos) << status << "\n  wanted " << why;
  }
  InstrumentDocument full = Counted();
  full.code = std::string(32, 'a');
  full.version = std::string(32, '1');
  full.title = std::string(200, 't');
  full.questions[0].code = std::string(64, 'q');
  for (size_t i = full.questions.size(); i < kInstrumentQuestionsMax; ++i) {
    full.questions.push_back(full.questions[0]);
    full.questions.back().code = fmt::format("q.{}", i + 1);
  }
  EXPECT_EQ(ValidateInstrument(full), absl::OkStatus()) << "at every limit";
}

TEST(InstrumentsTest, ASetHasEachVersionOnceAndEveryFollowOn) {
  const auto told = [](std::vector<InstrumentDocument> all) { return std::string(Instruments::Make(std::move(all)).status().message()); };
  EXPECT_EQ(told({}), "") << "none at all: nothing is checked";
  EXPECT_NE(told({Counted()}).find("follow_on more is the code of no document"), std::string::npos);
  EXPECT_NE(told({Counted(), More(), More()}).find("more 1: there are two documents"), std::string::npos);
  InstrumentDocument second = More();
  second.version = "2";
  EXPECT_EQ(told({Counted(), More(), second}), "");
  second.value = INSTRUMENT_DARA;
  EXPECT_NE(told({Counted(), More(), second}).find("different values"), std::string::npos);
  second = Counted();
  second.code = "another";
  EXPECT_NE(told({Counted(), More(), second}).find("counted and another: name the same value"), std::string::npos);
  std::vector<InstrumentDocument> many(kInstrumentsMax, More());
  for (size_t i = 0; i < many.size(); ++i) many[i].version = fmt::format("{}", i);
  EXPECT_EQ(told(many), "");
  many.push_back(More());
  EXPECT_NE(told(many).find("over 64"), std::string::npos);
}

TEST(InstrumentsTest, AnswersStayWithTheirVersion) {
  InstrumentDocument second = Counted();
  second.version = "2";
  second.questions.pop_back();
  second.bands = {{0, RISK_GRADE_STANDARD}, {1, RISK_GRADE_HIGH}};
  const Instruments instruments = *Instruments::Make({Counted(), second, More()});
  EXPECT_EQ(Found(Answered({"YES", "NO", "NO"}), AGE_BAND_ADULT, instruments), "");
  EXPECT_EQ(Found(Answered({"YES", "NO", "NO"}, "2"), AGE_BAND_ADULT, instruments), "A [2] answers no question of counted 2");
  const Risk first = Answered({}).risk();
  EXPECT_EQ(ScoreAnswers(*instruments.Find(first), Answered({"YES", "NO", "NO"}).answers(), "answers")->grade, RISK_GRADE_STANDARD);
  EXPECT_EQ(ScoreAnswers(*instruments.Find(Answered({}, "2").risk()), Answered({"YES", "NO"}).answers(), "answers")->grade, RISK_GRADE_HIGH);

  EXPECT_EQ(instruments.Find(Answered({}, "3").risk()), nullptr) << "the newest is not taken in its place";
  EXPECT_NE(Found(Answered({"YES"}, "3"), AGE_BAND_ADULT, instruments).find("V is of no document that this agency has (of this instrument it has: 1, 2)"), std::string::npos);
  Risk other;
  other.set_instrument(INSTRUMENT_OTHER);
  other.set_instrument_version("1");
  EXPECT_EQ(instruments.Find(other), nullptr) << "nobody's without its code";
  other.set_instrument_code("more");
  ASSERT_NE(instruments.Find(other), nullptr);
  EXPECT_EQ(instruments.Find(other)->code, "more");
}

TEST(InstrumentsTest, WhatIsWrongWithAnswersIsSaidByQuestion) {
  EXPECT_EQ(Found(Answered({"YES", "NO"})), "A lacks an answer to q.3; DONT_KNOW is an answer");
  EXPECT_EQ(Found(Answered({"YES", "no", "NO"})), "A has an answer to q.2 that is not one of YES, NO, DONT_KNOW");
  RiskAssessment twice = Answered({"YES", "NO", "NO"});
  *twice.add_answers() = twice.answers(0);
  EXPECT_EQ(Found(twice), "A answers q.1 twice");
  RiskAssessment unknown = Answered({"YES", "NO", "NO"});
  unknown.add_answers()->set_question("his name is");
  EXPECT_EQ(Found(unknown), "A [3] answers no question of counted 1") << "what a caller wrote is not repeated";
  EXPECT_EQ(Found(Answered({})), "") << "a grade alone is not half an answer";

  InstrumentDocument lenient = Counted();
  lenient.questions[1].required = false;
  RiskAssessment assessment = Answered({"YES", "NO", "NO"});
  assessment.mutable_answers()->DeleteSubrange(1, 1);
  EXPECT_EQ(Found(assessment, AGE_BAND_ADULT, *Instruments::Make({lenient, More()})), "");
}

TEST(InstrumentsTest, AdviceIsNoFault) {
  EXPECT_EQ(Found(Answered({"NO", "NO", "YES"})), "+ has an answer to q.3 that calls for more, which is not among the further assessments");
  RiskAssessment followed = Answered({"NO", "NO", "YES"});
  RiskAssessment& more = *followed.add_further();
  more = Answered({"YES", "NO"});
  more.mutable_risk()->set_instrument(INSTRUMENT_OTHER);
  more.mutable_risk()->set_instrument_code("more");
  EXPECT_EQ(Found(followed), "");
  more.mutable_answers(1)->set_answer("OFTEN");
  EXPECT_EQ(Found(followed), "A has an answer to q.2 that is not one of YES, NO, DONT_KNOW") << "what goes with it is looked at too";

  EXPECT_EQ(Found(Answered({"DONT_KNOW", "NO", "NO"})), "");
  EXPECT_EQ(Found(Answered({"DONT_KNOW", "DONT_KNOW", "NO"})), "+ says DONT_KNOW to 2 of 3 questions: much is not known, which is a risk in itself");
  EXPECT_EQ(Found(Answered({"NO", "NO", "NO"}), AGE_BAND_16_17), "");
  EXPECT_EQ(Found(Answered({"NO", "NO", "NO"}), AGE_BAND_UNDER_16), "+ is by counted 1, which is for ages 16 to 120");
  EXPECT_EQ(Found(Answered({"NO", "NO", "NO"}), AGE_BAND_UNSPECIFIED), "");

  InstrumentDocument dated = Counted();
  dated.from = absl::FromUnixMillis(1000);
  dated.until = absl::FromUnixMillis(2000);
  const Instruments instruments = *Instruments::Make({dated, More()});
  for (const auto& [at, in_use] : {std::pair(0, true), {999, false}, {1000, true}, {1999, true}, {2000, false}}) {
    RiskAssessment assessment = Answered({"NO", "NO", "NO"});
    assessment.set_assessed_at_ms(at);
    EXPECT_EQ(Found(assessment, AGE_BAND_ADULT, instruments), in_use ? "" : "+ is by counted 1, which was not in use when it was assessed") << at;
  }
}

TEST(InstrumentsTest, ACountIsOfWholeAnswersAndGivesTheBandItReaches) {
  const InstrumentDocument counted = Counted();
  const auto score = [&](std::vector<std::string> answers) { return ScoreAnswers(counted, Answered(std::move(answers)).answers(), "ric_answers"); };
  EXPECT_EQ(score({"NO", "NO", "NO"})->grade, RISK_GRADE_STANDARD);
  EXPECT_EQ(score({"YES", "NO", "DONT_KNOW"})->grade, RISK_GRADE_STANDARD) << "what is not known counts for nothing";
  EXPECT_EQ(score({"YES", "NO", "DONT_KNOW"})->not_known, 1u);
  EXPECT_EQ(score({"YES", "YES", "NO"})->grade, RISK_GRADE_MEDIUM);
  EXPECT_EQ(score({"YES", "YES", "YES"})->grade, RISK_GRADE_HIGH);
  EXPECT_EQ(score({"YES", "YES", "YES"})->counted, 3u);
  const absl::Status lacking = score({"YES", "YES"}).status();
  EXPECT_TRUE(HasReason(lacking, Reason::kFieldInvalid));
  EXPECT_EQ(DetailOf(lacking).metadata["field"], "ric_answers");
  EXPECT_EQ(DetailOf(lacking).metadata["question"], "q.3");

  const auto further = ScoreAnswers(More(), Answered({"YES", "YES"}).answers(), "answers");
  ASSERT_TRUE(further.ok());
  EXPECT_EQ(further->counted, 0u) << "nothing is counted of what is not graded by score";
  EXPECT_EQ(further->grade, RISK_GRADE_UNSPECIFIED);
}

}  // namespace
}  // namespace accord::referral::instruments_test

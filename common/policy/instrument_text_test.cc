// Goal: a document of an instrument is read strictly, with everything that is wrong named by file, line and key; and the documents that
// come with the project say what domain facts and the rules of cases say. Tests run in the root of the project.
#include "common/policy/instrument_text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/referral/case_rules.h"
#include "common/referral/risk.h"

namespace accord::policy::instrument_text_test {
namespace {

namespace fs = std::filesystem;
using namespace type::v1;  // NOLINT: the tests read best in the field's own words.
using referral::InstrumentDocument;
using ::testing::HasSubstr;

constexpr std::string_view kSmall = R"(code = "local"
version = "2026.1"
title = "A local screen"
publisher = "Northshire"
instrument = "other"
graded_by = "score"
from = "2026-01-01"
answers = ["YES", "NO", "DONT_KNOW"]

[score]
counts = "YES"
not_known = "DONT_KNOW"

[[band]]
at_least = 0
grade = "standard"

[[band]]
at_least = 2
grade = "high"

[[question]]
code = "local.1"
topic = "afraid to go home"
high_risk = true

[[question]]
code = "local.2"
topic = "how often"
required = false
answers = ["NEVER", "OFTEN", "YES"]
)";

std::string With(std::string_view from, std::string_view to) {
  std::string text(kSmall);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}
std::string Wrong(const std::string& text) {
  const auto instrument = ParseInstrument(text, "x.toml");
  EXPECT_TRUE(HasReason(instrument.status(), Reason::kFieldInvalid)) << text;
  return std::string(instrument.status().message());
}

TEST(InstrumentTextTest, ReadsEveryKey) {
  const auto read = ParseInstrument(kSmall);
  ASSERT_EQ(read.status(), absl::OkStatus());
  EXPECT_EQ(read->code, "local");
  EXPECT_EQ(read->version, "2026.1");
  EXPECT_EQ(read->title, "A local screen");
  EXPECT_EQ(read->publisher, "Northshire");
  EXPECT_EQ(read->value, INSTRUMENT_OTHER);
  EXPECT_EQ(read->age_from, 0u);
  EXPECT_EQ(read->age_to, referral::kInstrumentAgeMax);
  EXPECT_EQ(read->from, absl::FromCivil(absl::CivilDay(2026, 1, 1), absl::UTCTimeZone()));
  EXPECT_EQ(read->until, absl::InfiniteFuture());
  EXPECT_EQ(read->graded_by, InstrumentDocument::GradedBy::kScore);
  EXPECT_EQ(read->counts, "YES");
  EXPECT_EQ(read->not_known, "DONT_KNOW");
  ASSERT_EQ(read->bands.size(), 2u);
  EXPECT_EQ(read->bands[1].at_least, 2u);
  EXPECT_EQ(read->bands[1].grade, RISK_GRADE_HIGH);
  ASSERT_EQ(read->questions.size(), 2u);
  EXPECT_TRUE(read->questions[0].high_risk && read->questions[0].required);
  EXPECT_EQ(read->questions[0].answers.size(), 3u) << "the instrument's own scale";
  EXPECT_FALSE(read->questions[1].required);
  EXPECT_EQ(read->questions[1].answers, (std::vector<std::string>{"NEVER", "OFTEN", "YES"}));
}

TEST(InstrumentTextTest, WhatIsWrongIsNamedByLineAndKey) {
  EXPECT_THAT(Wrong(With("code = \"local\"\n", "")), HasSubstr("x.toml:1: code: is required"));
  EXPECT_THAT(Wrong(With("\"other\"", "\"dash\"")), HasSubstr("x.toml:5: instrument: `dash` is not a word of the list"));
  EXPECT_THAT(Wrong(With("\"score\"", "\"officer\"")), HasSubstr("x.toml:6: graded_by: `officer`"));
  EXPECT_THAT(Wrong(With("2026-01-01", "January")), HasSubstr("x.toml:7: from:"));
  EXPECT_THAT(Wrong(With("high_risk = true", "high_risk = \"yes\"")), HasSubstr("high_risk"));
  EXPECT_THAT(Wrong(With("high_risk", "hgih_risk")), HasSubstr("hgih_risk"));
  EXPECT_THAT(Wrong(With("at_least = 2", "at_least = 201")), HasSubstr("at_least"));
  EXPECT_THAT(Wrong(With("at_least = 2", "at_least = 3")), HasSubstr("band: is past the number of questions"));
  EXPECT_THAT(Wrong(With("code = \"local.2\"", "code = \"local.1\"")), HasSubstr("question local.1: is there twice"));
  EXPECT_THAT(Wrong(With("= \"local\"", "= ")), HasSubstr("x.toml:1"));
  EXPECT_THAT(Wrong("\xff"), HasSubstr("not UTF-8"));
  const std::string padding(kInstrumentTextBytesMax - kSmall.size(), '#');
  EXPECT_TRUE(ParseInstrument(std::string(kSmall) + padding).ok()) << "at the limit";
  EXPECT_THAT(Wrong(std::string(kSmall) + padding + "#"), HasSubstr("over 65536 bytes"));
}

TEST(InstrumentTextTest, TheExampleOfTheDocumentReads) {
  const auto page = ReadFile("docs/instruments.md", 1u << 20);
  ASSERT_EQ(page.status(), absl::OkStatus());
  const std::string_view fence = "```toml\n";
  const size_t begin = page->find(fence) + fence.size(), end = page->find("```", begin);
  ASSERT_LT(begin, end);
  const auto read = ParseInstrument(std::string_view(*page).substr(begin, end - begin), "docs/instruments.md");
  ASSERT_EQ(read.status(), absl::OkStatus());
  EXPECT_EQ(read->Find("n.2")->follow_on, "s-dash");
}

TEST(InstrumentTextTest, ADirectoryIsReadWholeAndEveryErrorTold) {
  const std::string directory = ::testing::TempDir() + "/accord_instruments_test";
  fs::remove_all(directory);
  EXPECT_EQ(LoadInstruments(directory).status().code(), absl::StatusCode::kNotFound);
  fs::create_directory(directory);
  EXPECT_THAT(std::string(LoadInstruments(directory).status().message()), HasSubstr("has no documents"));
  const auto write = [&](const std::string& name, std::string_view text) { std::ofstream(directory + "/" + name) << text; };
  write("a.toml", kSmall);
  write("notes.txt", "not read");
  const auto one = LoadInstruments(directory);
  ASSERT_EQ(one.status(), absl::OkStatus());
  EXPECT_EQ(one->all().size(), 1u) << "nothing of the built-in set beside it";
  write("b.toml", With("2026.1", "2026.2"));
  EXPECT_EQ(LoadInstruments(directory)->all().size(), 2u) << "a new version is another document";
  write("c.toml", "code = 1\n");
  write("d.toml", "version = 1\n");
  const std::string both(LoadInstruments(directory).status().message());
  EXPECT_THAT(both, HasSubstr("c.toml:1: code"));
  EXPECT_THAT(both, HasSubstr("d.toml:1: version"));
  fs::remove(directory + "/d.toml");
  write("c.toml", kSmall);
  EXPECT_THAT(std::string(LoadInstruments(directory).status().message()), HasSubstr("local 2026.1: there are two documents"));
  fs::remove_all(directory);
}

TEST(InstrumentTextTest, TheProgramIsBuiltWithTheShippedDocuments) {
  std::set<std::string> shipped, built;
  for (const auto& file : fs::directory_iterator("deploy/instruments")) shipped.insert(file.path().string());
  for (const BuiltInInstrument& document : BuiltInInstruments()) {
    built.insert(std::string(document.name));
    EXPECT_EQ(*ReadFile(std::string(document.name), kInstrumentTextBytesMax), document.text) << "not configured since it was changed";
  }
  EXPECT_EQ(shipped, built);
  const auto loaded = LoadInstruments("deploy/instruments");
  ASSERT_EQ(loaded.status(), absl::OkStatus());
  EXPECT_EQ(loaded->all().size(), DefaultInstruments().all().size());
}

// Null when it is not shipped.
const InstrumentDocument* Shipped(type::v1::Instrument value) {
  for (const InstrumentDocument& one : DefaultInstruments().all()) {
    if (one.value == value) return &one;
  }
  return nullptr;
}

TEST(ShippedInstrumentsTest, AreThoseOfTheDomain) {
  struct Row {
    type::v1::Instrument value;
    size_t questions;
    InstrumentDocument::GradedBy graded_by;
    uint32_t from, to;
  };
  using By = InstrumentDocument::GradedBy;
  for (const Row& row : {Row{INSTRUMENT_SAFELIVES_DASH_RIC, 24, By::kScore, 16, 120}, Row{INSTRUMENT_POLICE_DASH_2009, 27, By::kAssessor, 16, 120},
                         Row{INSTRUMENT_DARA, 18, By::kAssessor, 16, 120}, Row{INSTRUMENT_S_DASH, 11, By::kNobody, 0, 120},
                         Row{INSTRUMENT_DASH_YP, 24, By::kAssessor, 13, 17}}) {
    const InstrumentDocument* const one = Shipped(row.value);
    ASSERT_NE(one, nullptr) << Instrument_Name(row.value);
    EXPECT_EQ(one->questions.size(), row.questions) << one->code;
    EXPECT_EQ(one->graded_by, row.graded_by) << one->code;
    EXPECT_EQ(one->age_from, row.from) << one->code;
    EXPECT_EQ(one->age_to, row.to) << one->code;
  }
}

// Codes that agencies send are one text for ever.
TEST(ShippedInstrumentsTest, TheCodesOfTheRicAreWhatTheyWere) {
  const char* const kCodes[] = {"ric.01.injury", "ric.02.frightened", "ric.03.feared_harm", "ric.04.isolation", "ric.05.low_mood", "ric.06.separation",
                                "ric.07.child_contact", "ric.08.stalking", "ric.09.pregnancy", "ric.10.more_often", "ric.11.worse", "ric.12.control",
                                "ric.13.weapon", "ric.14.threat_to_kill", "ric.15.strangle", "ric.16.sexual", "ric.17.others_feared", "ric.18.hurt_others",
                                "ric.19.animals", "ric.20.money", "ric.21.substances", "ric.22.suicide", "ric.23.breach", "ric.24.record"};
  const InstrumentDocument* const ric = Shipped(INSTRUMENT_SAFELIVES_DASH_RIC);
  ASSERT_EQ(ric->questions.size(), std::size(kCodes));
  for (size_t i = 0; i < std::size(kCodes); ++i) EXPECT_EQ(ric->questions[i].code, kCodes[i]);
  EXPECT_EQ(ric->Find("ric.08.stalking")->follow_on, "s-dash");
}

google::protobuf::RepeatedPtrField<RiskAnswer> Ric(size_t yes, size_t dont_know = 0) {
  google::protobuf::RepeatedPtrField<RiskAnswer> answers;
  for (const auto& question : Shipped(INSTRUMENT_SAFELIVES_DASH_RIC)->questions) {
    const size_t at = static_cast<size_t>(answers.size());
    RiskAnswer& answer = *answers.Add();
    answer.set_question(question.code);
    answer.set_answer(at < yes ? "YES" : at < yes + dont_know ? "DONT_KNOW" : "NO");
  }
  return answers;
}

TEST(ShippedInstrumentsTest, TheRicsBandsAreThoseOfTheRulesOfCases) {
  const InstrumentDocument& ric = *Shipped(INSTRUMENT_SAFELIVES_DASH_RIC);
  EXPECT_EQ(ric.questions.size(), referral::kRicScoreMax);
  const referral::RicBands bands;
  const auto grade = [&](size_t yes, size_t dont_know = 0) { return referral::ScoreAnswers(ric, Ric(yes, dont_know), "ric_answers")->grade; };
  EXPECT_EQ(grade(0), RISK_GRADE_STANDARD);
  EXPECT_EQ(grade(bands.medium - 1, 15), RISK_GRADE_STANDARD);
  EXPECT_EQ(grade(bands.medium), RISK_GRADE_MEDIUM);
  EXPECT_EQ(grade(bands.high - 1), RISK_GRADE_MEDIUM);
  EXPECT_EQ(grade(bands.high), RISK_GRADE_HIGH);
  EXPECT_EQ(grade(24), RISK_GRADE_HIGH);
}

}  // namespace
}  // namespace accord::policy::instrument_text_test

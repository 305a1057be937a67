// Samples of cases: who is drawn, what is refused, what a panel gets, and that nobody can choose what a sample opens.
#include "services/broker/questions/sample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/base/status.h"
#include "services/broker/questions/engine.h"
#include "services/broker/questions/testing_record.h"

namespace accord::broker::sample_test {
namespace {

using inspection::v1::Table;

Scope WarrantFor(inspection::v1::WarrantKind kind, uint32_t sample_cases_max = 0, std::set<std::string> sampled = {}) {
  inspection::v1::Warrant warrant;
  warrant.set_id("w-1");
  warrant.set_kind(kind);
  warrant.mutable_scope()->set_from_ms(kMondayMs);
  warrant.mutable_scope()->set_until_ms(kMondayMs + 90 * kDayMs);
  warrant.mutable_scope()->set_sample_cases_max(sample_cases_max);
  return Scope::Of(warrant, std::move(sampled));
}
const Scope kStatutory = WarrantFor(inspection::v1::WARRANT_KIND_STATUTORY);

std::vector<SampleCase> Frame(int high, int standard) {
  std::vector<SampleCase> frame;
  for (int i = 0; i < high + standard; ++i) {
    SampleCase one;
    one.pseudonym = std::string(12, 'c') + std::to_string(1000 + i);
    one.sender = "police";
    one.grade = i < high ? type::v1::RISK_GRADE_HIGH : type::v1::RISK_GRADE_STANDARD;
    frame.push_back(one);
  }
  return frame;
}
std::vector<uint64_t> DrawnOf(const Sample& sample) {
  std::vector<uint64_t> drawn;
  for (const auto& stratum : sample.strata) drawn.push_back(stratum.drawn);
  return drawn;
}

TEST(SampleTest, TheSameSeedDrawsTheSameAndAnotherDoesNot) {
  const auto frame = Frame(1000, 1000);
  const auto drawn = [&](const std::string& seed) { return DrawFrom(frame, {}, 10, seed).pseudonyms(); };
  const std::string seed(16, 's');
  EXPECT_EQ(drawn(seed).size(), 10u);
  EXPECT_EQ(drawn(seed), drawn(seed));
  EXPECT_NE(drawn(seed), drawn(std::string(16, 't')));
  // The order in which cases were found says nothing.
  auto turned = frame;
  std::reverse(turned.begin(), turned.end());
  EXPECT_EQ(DrawFrom(turned, {}, 10, seed).pseudonyms(), drawn(seed));
  const auto once = drawn(seed);
  EXPECT_EQ(std::set<std::string>(once.begin(), once.end()).size(), 10u);
}

TEST(SampleTest, EachStratumHasItsShareAndAtLeastOne) {
  const std::vector<inspection::v1::SampleStratum> by_grade = {inspection::v1::SAMPLE_STRATUM_GRADE};
  const std::string seed(16, 's');
  EXPECT_EQ(DrawnOf(DrawFrom(Frame(500, 500), by_grade, 10, seed)), (std::vector<uint64_t>{5, 5}));
  EXPECT_EQ(DrawnOf(DrawFrom(Frame(2, 998), by_grade, 10, seed)), (std::vector<uint64_t>{1, 9}));
  EXPECT_EQ(DrawnOf(DrawFrom(Frame(2, 998), by_grade, 1, seed)), (std::vector<uint64_t>{0, 1}));
  EXPECT_EQ(DrawnOf(DrawFrom(Frame(2, 3), by_grade, 10, seed)), (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(DrawnOf(DrawFrom(Frame(333, 667), by_grade, 3, seed)), (std::vector<uint64_t>{1, 2}));
  EXPECT_TRUE(DrawFrom({}, by_grade, 10, seed).cases.empty());
}

// "WARRANT_SCOPE sample", "FIELD_INVALID seed", or empty when chance alone opens what is drawn of the frame, under a warrant for samples where `opened` were drawn.
std::string Chosen(const std::vector<SampleCase>& frame, const inspection::v1::DrawSampleRequest& request, const std::set<std::string>& opened = {}) {
  std::vector<inspection::v1::SampleStratum> strata;
  for (const int stratum : request.strata()) strata.push_back(static_cast<inspection::v1::SampleStratum>(stratum));
  const Sample sample = DrawFrom(frame, strata, request.size(), request.seed().empty() ? std::string(16, 's') : request.seed());
  const absl::Status status = CheckLeftToChance(frame, sample, request, WarrantFor(inspection::v1::WARRANT_KIND_STATUTORY, 100, opened));
  if (status.ok()) return "";
  const ErrorDetail detail = DetailOf(status);
  EXPECT_EQ(std::string(status.message()).find_first_of("0123456789"), std::string::npos) << status;
  const bool of_seed = detail.reason == Reason::kFieldInvalid;
  return std::string(RowOf(detail.reason).name) + " " + detail.metadata.at(of_seed ? "field" : "dimension");
}

TEST(SampleTest, ASampleOpensAtMostOneOfTenSoThatNobodyChoosesByTheFrame) {
  inspection::v1::DrawSampleRequest request;
  request.set_size(1);
  EXPECT_EQ(Chosen(Frame(10, 0), request), "");
  EXPECT_EQ(Chosen(Frame(9, 0), request), "WARRANT_SCOPE sample");
  EXPECT_EQ(Chosen(Frame(1, 0), request), "WARRANT_SCOPE sample");
  EXPECT_EQ(Chosen({}, request), "WARRANT_SCOPE sample") << "that there is none is not told either";
  request.set_size(10);
  EXPECT_EQ(Chosen(Frame(100, 0), request), "");
  EXPECT_EQ(Chosen(Frame(99, 0), request), "WARRANT_SCOPE sample");
  // Who is under no such warrant opens nothing by drawing.
  const Sample sample = DrawFrom(Frame(1, 0), {}, 10, std::string(16, 's'));
  EXPECT_EQ(CheckLeftToChance(Frame(1, 0), sample, request, Scope::All()), absl::OkStatus());
  EXPECT_EQ(CheckLeftToChance(Frame(1, 0), sample, request, kStatutory), absl::OkStatus());
}

TEST(SampleTest, NeitherAStratumNorDrawingAgainChooses) {
  inspection::v1::DrawSampleRequest request;
  request.set_size(2);
  EXPECT_EQ(Chosen(Frame(1, 199), request), "");
  request.add_strata(inspection::v1::SAMPLE_STRATUM_GRADE);
  EXPECT_EQ(Chosen(Frame(1, 199), request), "WARRANT_SCOPE sample") << "each stratum has at least one: the only case at HIGH";
  EXPECT_EQ(Chosen(Frame(9, 191), request), "WARRANT_SCOPE sample");
  EXPECT_EQ(Chosen(Frame(10, 190), request), "");

  request.Clear();
  request.set_size(1);
  const auto drawn = DrawFrom(Frame(20, 0), {}, 1, std::string(16, 's')).pseudonyms();
  std::set<std::string> others;
  for (const SampleCase& one : Frame(20, 0)) {
    if (one.pseudonym != drawn[0]) others.insert(one.pseudonym);
  }
  EXPECT_EQ(Chosen(Frame(20, 0), request, {*others.begin()}), "") << "the second of twenty";
  EXPECT_EQ(Chosen(Frame(20, 0), request, {*others.begin(), *others.rbegin()}), "WARRANT_SCOPE sample") << "it would be the third";
  EXPECT_EQ(Chosen(Frame(20, 0), request, {*others.begin(), drawn[0]}), "") << "it is open";
}

TEST(SampleTest, ACallersSeedDrawsAgainAndOpensNothing) {
  inspection::v1::DrawSampleRequest request;
  request.set_size(2);
  request.set_seed(std::string(16, 'q'));
  const auto drawn = DrawFrom(Frame(50, 50), {}, 2, request.seed()).pseudonyms();
  EXPECT_EQ(Chosen(Frame(50, 50), request), "FIELD_INVALID seed");
  EXPECT_EQ(Chosen(Frame(50, 50), request, {drawn[0]}), "FIELD_INVALID seed");
  EXPECT_EQ(Chosen(Frame(50, 50), request, {drawn[0], drawn[1]}), "");
  // Of however many that were drawn since.
  std::set<std::string> all;
  for (const SampleCase& one : Frame(50, 50)) all.insert(one.pseudonym);
  EXPECT_EQ(Chosen(Frame(50, 50), request, all), "");
  // Nor does it tell whether there is one.
  EXPECT_EQ(Chosen({}, request, all), "WARRANT_SCOPE sample");
}

TEST(SampleTest, APanelGetsNumbersAndNoPseudonyms) {
  inspection::v1::DrawSampleRequest request;
  request.set_size(3);
  Sample sample = DrawFrom(Frame(10, 10), {}, 3, std::string(16, 's'));
  sample.referrals = 25;  // A case may have several.
  const Table whole = SampleTable(sample, request, kStatutory, 9);
  EXPECT_EQ(whole.title(), "A random sample of 3 cases");
  EXPECT_EQ(whole.rows_size(), 3);
  EXPECT_EQ(whole.referrals(), 25u);
  EXPECT_EQ(whole.rows(0).cells(1).size(), 32u);
  request.add_grades(type::v1::RISK_GRADE_HIGH);
  request.add_age_bands(type::v1::AGE_BAND_UNBORN);
  EXPECT_EQ(SampleTable(sample, request, kStatutory, 9).title(), "A random sample of 3 cases; grades: HIGH; age bands: UNBORN");
  const Table panel = SampleTable(sample, request, WarrantFor(inspection::v1::WARRANT_KIND_SCRUTINY_PANEL), 9);
  EXPECT_EQ(panel.rows(2).cells(0), "3");
  EXPECT_EQ(panel.referrals(), 0u);
  for (const auto& row : panel.rows()) {
    EXPECT_EQ(row.cells(1), "");
    EXPECT_EQ(row.entries_size(), 0);
  }
}

TEST(SampleTest, ShuffledItSaysNothingOfTheOrderInWhichTheyWereDrawn) {
  const Sample sample = DrawFrom(Frame(500, 500), {}, 100, std::string(16, 's'));
  FakeRandom random(7);
  std::set<std::vector<std::string>> orders = {sample.pseudonyms()};
  for (int i = 0; i < 3; ++i) {
    Sample shuffled = sample;
    ShuffleDrawn(random, shuffled);
    auto found = shuffled.pseudonyms(), drawn = sample.pseudonyms();
    EXPECT_TRUE(orders.insert(found).second) << "the same order again";
    std::sort(found.begin(), found.end());
    std::sort(drawn.begin(), drawn.end());
    EXPECT_EQ(found, drawn) << "the same cases";
  }
}

TEST(SampleTest, RefusesWhatItCannotDraw) {
  inspection::v1::DrawSampleRequest request;
  request.set_size(500);
  request.set_from_ms(kMondayMs);
  request.set_until_ms(kMondayMs + kDayMs);
  EXPECT_EQ(CheckSample(request, kStatutory, 10), absl::OkStatus());
  request.set_size(501);
  EXPECT_TRUE(HasReason(CheckSample(request, kStatutory, 10), Reason::kFieldInvalid));
  request.set_size(1);
  request.set_tree_size(11);
  EXPECT_TRUE(HasReason(CheckSample(request, kStatutory, 10), Reason::kFieldInvalid));
  request.set_tree_size(10);
  request.set_seed("short");
  EXPECT_TRUE(HasReason(CheckSample(request, kStatutory, 10), Reason::kFieldInvalid));
  request.clear_seed();
  request.set_from_ms(kMondayMs - 1);
  EXPECT_TRUE(HasReason(CheckSample(request, kStatutory, 10), Reason::kWarrantScope));
  request.set_from_ms(kMondayMs);
  EXPECT_TRUE(HasReason(CheckSample(request, WarrantFor(inspection::v1::WARRANT_KIND_COMMISSIONER), 10), Reason::kWarrantScope));
  for (int i = 0; i < kQuestionValuesMax; ++i) {
    request.add_grades(type::v1::RISK_GRADE_HIGH);
    request.add_age_bands(type::v1::AGE_BAND_UNBORN);
  }
  EXPECT_EQ(CheckSample(request, kStatutory, 10), absl::OkStatus());
  request.add_grades(type::v1::RISK_GRADE_HIGH);
  EXPECT_TRUE(HasReason(CheckSample(request, kStatutory, 10), Reason::kFieldInvalid));
  request.clear_grades();
  request.add_age_bands(type::v1::AGE_BAND_UNBORN);
  EXPECT_TRUE(HasReason(CheckSample(request, kStatutory, 10), Reason::kFieldInvalid));
  request.clear_age_bands();
  request.add_strata(inspection::v1::SAMPLE_STRATUM_GRADE);
  request.add_strata(inspection::v1::SAMPLE_STRATUM_GRADE);
  EXPECT_TRUE(HasReason(CheckSample(request, kStatutory, 10), Reason::kFieldInvalid));
}

}  // namespace
}  // namespace accord::broker::sample_test

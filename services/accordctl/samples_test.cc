#include "services/accordctl/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "common/base/text.h"
#include "services/accordctl/push_calls.h"
#include "services/accordctl/references.h"

namespace accord::accordctl::samples_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(FromAbsl(status.message())); }

// The quickstart pushes these: each must be a request of the call it names.
TEST(SamplesTest, EverySampleOfTheRepositoryIsARequestOfItsCall) {
  const auto samples = LoadSamples({"deploy/samples"});
  ASSERT_TRUE(samples.ok()) << samples.status();
  EXPECT_GE(samples->size(), 12u);
  for (const Sample& sample : *samples) {
    EXPECT_FALSE(sample.title.empty()) << sample.file;
    const auto push = MakePush(sample.call, sample.request);
    ASSERT_TRUE(push.ok()) << sample.file << ": " << push.status();
    EXPECT_FALSE(push->options->request_id().empty()) << sample.file;
  }
}

TEST(SamplesTest, MalformedOnesAreRefusedByName) {
  for (const auto& [text, what] : std::vector<std::pair<const char*, const char*>>{
           {"{", "not JSON"},
           {"[]", "not a JSON object"},
           {R"({"request": {}})", "no `call`"},
           {R"({"call": "ReportIncident"})", "no `request`"},
           {R"({"call": 1, "request": {}})", "`call` is not text"},
           {R"({"call": "A", "request": []})", "`request` is not an object"},
           {R"({"call": "A", "request": {}, "agancy": "x"})", "`agancy`"}}) {
    const auto sample = ParseSample(text, "a.json");
    ASSERT_FALSE(sample.ok()) << text;
    EXPECT_THAT(Message(sample.status()), HasSubstr("a.json: "));
    EXPECT_THAT(Message(sample.status()), HasSubstr(what));
  }
}

TEST(SamplesTest, WhatIsExpectedHasItsShape) {
  const auto parse = [](const std::string& expected) {
    return ParseSample(R"({"call": "A", "request": {}, "expected": )" + expected + "}", "a.json");
  };
  EXPECT_TRUE(parse(R"({"state": "NEEDS_PERSON", "received": {}, "warnings": [], "flags": []})").ok());
  EXPECT_TRUE(parse(R"({"state": "SETTLED", "received": {"idva": ["IDENTITY", "RISK"]}, "warnings": ["an area"], "flags": ["MARAC_REPEAT"]})").ok());
  const std::string state = R"("state": "SETTLED")", received = R"("received": {})", warnings = R"("warnings": [])", flags = R"("flags": [])";
  const auto of = [](const std::vector<std::string>& members) {
    std::string text;
    for (const std::string& member : members) text += (text.empty() ? "{" : ", ") + member;
    return text + "}";
  };
  for (const auto& [expected, what] : std::vector<std::pair<std::string, const char*>>{
           {"[]", "is not an object"},
           {of({received, warnings, flags}), "no `state`"},
           {of({state, warnings, flags}), "no `received`"},
           {of({state, received, flags}), "no `warnings`"},
           {of({state, received, warnings}), "no `flags`"},
           {of({state, received, warnings, flags, R"("flag": [])"}), "a key `flag`"},
           {of({R"("state": "DONE")", received, warnings, flags}), "no SubmissionState"},
           {of({R"("state": "UNSPECIFIED")", received, warnings, flags}), "no SubmissionState"},
           {of({R"("state": 4)", received, warnings, flags}), "not text"},
           {of({state, R"("received": [])", warnings, flags}), "`received` is not an object"},
           {of({state, R"("received": {"The Idva": ["RISK"]})", warnings, flags}), "no agency id"},
           {of({state, R"("received": {"idva": "RISK"})", warnings, flags}), "not a list"},
           {of({state, R"("received": {"idva": ["CATEGORY_RISK"]})", warnings, flags}), "no Category"},
           {of({state, R"("received": {"idva": ["RISK", "RISK"]})", warnings, flags}), "twice"},
           {of({state, R"("received": {"idva": []})", warnings, flags}), "nothing for idva"},
           {of({state, received, R"("warnings": [""])", flags}), "empty"},
           {of({state, received, warnings, R"("flags": ["REPEAT"])"}), "no CaseFlag"}}) {
    const auto sample = parse(expected);
    ASSERT_FALSE(sample.ok()) << expected;
    EXPECT_THAT(Message(sample.status()), HasSubstr("a.json: `expected` "));
    EXPECT_THAT(Message(sample.status()), HasSubstr(what));
  }
}

TEST(SamplesTest, AnUnknownCallOrFieldIsRefused) {
  EXPECT_THAT(Message(MakePush("Report", "{}").status()), HasSubstr("ReportIncident"));
  EXPECT_THAT(Message(MakePush("DecideContact", "{}").status()), HasSubstr("inbox decide"));
  EXPECT_FALSE(MakePush("ReportIncident", R"({"colour": "red"})").ok());
  EXPECT_FALSE(MakePush("ReportIncident", R"({"riskGrade": "VERY_HIGH"})").ok());
}

TEST(SamplesTest, DirectoriesAreReadByName) {
  std::string name = (fs::temp_directory_path() / "accordctl-XXXXXX").string();
  const fs::path directory = ::mkdtemp(name.data());
  for (const char* file : {"b.json", "a.json", "c.txt"}) std::ofstream(directory / file) << "{}";
  const auto found = FindSamples({directory.string(), (directory / "c.txt").string()});
  ASSERT_TRUE(found.ok());
  EXPECT_THAT(*found, ::testing::ElementsAre((directory / "a.json").string(), (directory / "b.json").string(),
                                           (directory / "c.txt").string()));
  EXPECT_FALSE(FindSamples({(directory / "absent").string()}).ok());
  // One malformed file: nothing is to be sent.
  EXPECT_FALSE(LoadSamples({directory.string()}).ok());
  fs::remove_all(directory);
}

TEST(ReferencesTest, AReferralIsNamedByItsDigitsOrTheirBeginning) {
  const std::string digits(64, 'a');
  EXPECT_EQ(ReferralDigits("referrals/" + digits), digits);
  EXPECT_EQ(ReferralDigits("ABCDEF01"), "abcdef01");
  EXPECT_EQ(ReferralDigits("abcdef0"), std::nullopt);
  EXPECT_EQ(ReferralDigits(digits + "a"), std::nullopt);
  EXPECT_EQ(ReferralDigits("NSP-2026-118822/1"), std::nullopt);
  EXPECT_EQ(ReferralDigits(""), std::nullopt);
  EXPECT_EQ(ShortName("referrals/" + digits), std::string(kDigitsShown, 'a'));
  EXPECT_EQ(ShortName("other"), "other");
}

}  // namespace
}  // namespace accord::accordctl::samples_test

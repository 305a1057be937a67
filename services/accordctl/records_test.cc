// What accordctl writes of an agency's own records: the file of an export, the pages of a case pack, the table of what waits.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "common/base/bytes.h"
#include "common/base/random.h"
#include "services/accordctl/case_pack_page.h"
#include "services/accordctl/record_file.h"
#include "services/accordctl/session.h"
#include "services/accordctl/waiting_text.h"

namespace accord::accordctl::records_test {
namespace {

namespace fs = std::filesystem;
using agency::v1::BuildCasePackResponse;

agency::v1::ExportRecordsResponse Exported(int n) {
  agency::v1::ExportRecordsResponse answer;
  answer.set_position(fmt::format("{}.0.0", n));
  answer.mutable_record()->mutable_sent()->mutable_submission()->set_request_id(fmt::format("request-{}", n));
  return answer;
}

class RecordFileTest : public ::testing::Test {
 protected:
  RecordFileTest() : path_(::testing::TempDir() + "/accord_records_" + ToHex(SystemRandom().Bytes(6))) {}
  ~RecordFileTest() override { fs::remove_all(path_); }
  std::string Text() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Write(const std::string& text) { std::ofstream(path_, std::ios::trunc) << text; }
  std::string path_;
};

TEST_F(RecordFileTest, IsItsOwnersAloneAndGoesOnAfterItsLastWholeLine) {
  {
    auto file = RecordFile::Open(path_);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ((*file)->position(), "");
    ASSERT_TRUE((*file)->Add(Exported(1)).ok());
    ASSERT_TRUE((*file)->Add(Exported(2)).ok());
    ASSERT_TRUE((*file)->Sync().ok());
  }
  struct stat status = {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const std::string two = Text();
  for (size_t torn = 0; torn < 40; ++torn) {  // A third line of which only the beginning was written.
    Write(two + two.substr(0, torn));
    auto file = RecordFile::Open(path_);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ((*file)->position(), "2.0.0");
    EXPECT_EQ(Text(), two);
  }
  fs::permissions(path_, fs::perms::all);
  auto file = RecordFile::Open(path_);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->Add(Exported(3)).ok());
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u) << "also when somebody opened it to others";
  EXPECT_EQ(Text().substr(0, two.size()), two);
  const auto last = nlohmann::json::parse(Text().substr(two.size()));
  EXPECT_EQ(last["record"]["sent"]["submission"]["requestId"], "request-3");
}

TEST_F(RecordFileTest, ATornFirstLineIsBegunAgainAndAnotherFileIsLeftAlone) {
  Write("{\"position\":\"1.0");
  auto file = RecordFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->position(), "");
  EXPECT_EQ(Text(), "");
  for (const char* other : {"dear diary", "dear diary\n", "{\"a\":1}\n", "{\"position\":\"1.0.0\"}\nnotes\n", "[]\n"}) {
    Write(other);
    EXPECT_FALSE(RecordFile::Open(path_).ok()) << other;
    EXPECT_EQ(Text(), other);
  }
}

TEST_F(RecordFileTest, ADirectoryGetsItsFile) {
  auto file = RecordFile::Open(path_ + "/");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(fs::path((*file)->path()), fs::path(path_) / "records.jsonl");
}

BuildCasePackResponse Record(const std::string& kind, const std::string& about) {
  BuildCasePackResponse record;
  record.set_kind(kind);
  record.set_about(about);
  record.set_at_ms(1'790'000'000'000);
  return record;
}

TEST(CasePackPageTest, TextFromOutsideDoesNothingInThePage) {
  EXPECT_EQ(Escaped("a<b>&\"'\x01\n"), "a&lt;b&gt;&amp;&quot;&#39;\xEF\xBF\xBD\n");
  BuildCasePackResponse record = Record("sent\"><script>", "request<1");
  auto& field = *record.add_fields();
  field.set_path("sections[0].<i>");
  field.set_label("narrative</td>");
  field.set_value("<script>alert(1)</script><img src=x onerror=y>\u202e");
  field.add_marks(agency::v1::REDACTION_MARK_THIRD_PARTY);
  field.add_reasons("Free text <b>can</b> name anybody");
  const PackHeading heading{"police<", "Ashdown, \"Miriam\"<script>", "court order", "NR<1", "w-1&", 1'790'000'000'000};
  const std::string page = PackPage(heading, {record});
  for (const char* wild : {"<script", "<img", "<i>", "narrative</td>", "request<1", "police<", "NR<1", "<b>can"}) {
    EXPECT_EQ(page.find(wild), std::string::npos) << wild;
  }
  EXPECT_NE(page.find("&lt;script&gt;alert(1)&lt;/script&gt;"), std::string::npos) << "it is all there";
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(page.find("http://"), std::string::npos);
  EXPECT_EQ(page.find("https://"), std::string::npos);
}

TEST(CasePackPageTest, EveryFieldStandsWithItsMarksAndAPlaceToDecide) {
  BuildCasePackResponse record = Record("received", "referrals/ab");
  record.set_strength(type::v1::MATCH_STRENGTH_WEAK);
  record.set_role(type::v1::SUBJECT_ROLE_VICTIM);
  for (int i = 0; i < 3; ++i) {
    auto& field = *record.add_fields();
    field.set_path(fmt::format("sections[{}]", i));
    field.set_label(fmt::format("label {}", i));
    field.set_value(fmt::format("value {}", i));
    for (int mark = 0; mark < i; ++mark) {
      field.add_marks(agency::v1::REDACTION_MARK_SERIOUS_HARM);
      field.add_reasons(fmt::format("reason {}{}", i, mark));
    }
  }
  const PackHeading heading{"idva", "by number", "subject access request", "SAR-1", "w-1", 0};
  const std::string page = PackPage(heading, {record});
  for (const char* there : {"value 0", "value 1", "value 2", "reason 10", "reason 20", "reason 21", "serious harm", "WEAK: may be somebody else", "no mark"}) {
    EXPECT_NE(page.find(there), std::string::npos) << there;
  }
  size_t boxes = 0;
  for (size_t at = page.find("redact</td>"); at != std::string::npos; at = page.find("redact</td>", at + 1)) ++boxes;
  EXPECT_EQ(boxes, 3u);
  EXPECT_NE(PackIndex(heading, {record}).find("3 fields, 1 without a mark; 2 serious harm"), std::string::npos);
  const auto json = PackJson(heading, {record});
  EXPECT_EQ(json["records"][0]["fields"].size(), 3u);
  EXPECT_EQ(json["records"][0]["fields"][2]["reasons"][1], "reason 21");
}

TEST(CasePackPageTest, ALongRecordIsOneAgainAndJournalEntriesStayApart) {
  std::vector<BuildCasePackResponse> answers = {Record("sent", "request-1"), Record("sent", "request-1"), Record("journal", "request-1"),
                                                Record("journal", "request-1"), Record("sent", "request-2")};
  for (int i = 0; i < 5; ++i) answers[static_cast<size_t>(i)].add_fields()->set_value(std::to_string(i));
  const auto records = WholeRecords(answers);
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0].fields_size(), 2);
  EXPECT_EQ(records[0].fields(1).value(), "1");
}

TEST(CasePackPageTest, APersonAsTyped) {
  const auto person = PersonOf("Ashdown, Miriam Jane, 1990-05-17");
  ASSERT_TRUE(person.ok());
  EXPECT_EQ(person->family_name(), "Ashdown");
  EXPECT_EQ(person->given_names(), "Miriam Jane");
  EXPECT_EQ(person->dates_of_birth(0), "1990-05-17");
  EXPECT_EQ(PersonOf("Ashdown")->dates_of_birth_size(), 0);
  for (const char* wrong : {"", ",,", ", , 1990", "a, b, c, d"}) EXPECT_FALSE(PersonOf(wrong).ok()) << wrong;
  EXPECT_EQ(IdentifierOf("nhs_number=943 476 5919")->value(), "943 476 5919");
  EXPECT_TRUE(IdentifierOf("upn=A=B")->verified());
  for (const char* wrong : {"", "nhs", "=1", "nhs="}) EXPECT_FALSE(IdentifierOf(wrong).ok()) << wrong;
}

TEST(WaitingTextTest, SaysWhyAndWhatToDo) {
  const absl::Time now = absl::FromUnixMillis(1'790'000'000'000);
  agency::v1::GetServiceStatusResponse status;
  EXPECT_EQ(WaitingText(status, {}, now, 200), "Nothing waits.\n");
  status.set_waiting_for("BROKER_UNREACHABLE: no answer");
  status.set_away_since_ms(absl::ToUnixMillis(now - absl::Hours(26)));
  status.set_certificate_until_ms(absl::ToUnixMillis(now));
  agency::v1::WaitingItem item;
  item.set_kind(agency::v1::WAITING_KIND_SUBMISSION);
  item.set_about("request-1");
  item.set_attempts(3);
  item.set_reason("NOTHING_PERMITTED");
  item.set_words("Look at it.");
  item.set_needs_person(true);
  const std::string text = WaitingText(status, {item}, now, 200);
  for (const char* there : {"Why: BROKER_UNREACHABLE", "has not answered for", "ended", "runbooks/outbox.md", "request-1", "3", "NOTHING_PERMITTED", "A PERSON: Look at it."}) {
    EXPECT_NE(text.find(there), std::string::npos) << there << "\n" << text;
  }
  status.set_waiting_for("BROKER_UNREACHABLE: the broker at broker.example does not answer, and nobody has been able to say why yet");
  std::istringstream lines(WaitingText(status, {}, now, 60));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 60u) << line;
  agency::v1::WaitingItem answer;
  answer.set_kind(agency::v1::WAITING_KIND_DISCLOSURE_ANSWER);
  answer.set_about("4711");
  for (const char* there : {"disclosure answer", "4711"}) EXPECT_NE(WaitingText(status, {answer}, now, 200).find(there), std::string::npos) << there;
  status.set_certificate_until_ms(absl::ToUnixMillis(now + kCertificateSoon));
  EXPECT_NE(WaitingText(status, {}, now, 200).find(" ends "), std::string::npos);
  status.set_certificate_until_ms(absl::ToUnixMillis(now + kCertificateSoon + absl::Seconds(1)));
  EXPECT_EQ(WaitingText(status, {}, now, 200).find("certificate"), std::string::npos);
}

}  // namespace
}  // namespace accord::accordctl::records_test

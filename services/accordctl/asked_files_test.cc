// Goal: who is asked for is read as it stands in the file, and what is wrong is told with line and field and without a word of what stands there.
#include "services/accordctl/asked_files.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/records/limits.h"
#include "common/referral/disclosure.h"

namespace accord::accordctl::asked_files_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kHeading[] = "mark,family_name,given_names,date_of_birth,record_number,nhs_number,identifier.liquidlogic\n";

// "line 3, mark: FIELD_INVALID", or "good".
std::string WrongIn(std::string_view bytes, std::string_view name = "people.csv") {
  const auto read = ReadPersons(bytes, name);
  if (read.ok()) return "good";
  return fmt::format("line {}, {}: {}", records::LineOf(read.status()), records::FieldOf(read.status()), RowOf(DetailOf(read.status()).reason).name);
}

TEST(AskedFilesTest, ACsvFileNamesPeople) {
  const auto read = ReadPersons(std::string("\xEF\xBB\xBF") + kHeading +
                                    "row-1,Ashdown,\"Miriam, Jane\",1990-02-03,,943 476 5919,\n"
                                    "\n"
                                    "row-2,,,,NSP-118822,,\n"
                                    "row-3,Čapek,Ána,1990,,,LL-7\n",
                                "people.csv");
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->persons_size(), 3);
  EXPECT_EQ(read->persons(0).mark(), "row-1");
  EXPECT_EQ(read->persons(0).person().given_names(), "Miriam, Jane");
  EXPECT_THAT(read->persons(0).person().dates_of_birth(), ElementsAre("1990-02-03"));
  ASSERT_EQ(read->persons(0).person().identifiers_size(), 1);
  EXPECT_EQ(read->persons(0).person().identifiers(0).scheme(), "nhs_number");
  EXPECT_TRUE(read->persons(0).person().identifiers(0).verified()) << "an agency matches on those that are";
  EXPECT_EQ(read->persons(1).person().record_number(), "NSP-118822");
  EXPECT_EQ(read->persons(2).person().family_name(), "Čapek");
  EXPECT_EQ(read->persons(2).person().identifiers(0).scheme(), "liquidlogic");
}

TEST(AskedFilesTest, AJsonFileIsTheQuestionOrItsList) {
  const std::string list = R"([{"mark": "a", "person": {"familyName": "Ashdown", "givenNames": "Miriam", "datesOfBirth": ["1990-02-03", "1990-03-02"]}},
 {"mark": "b", "person": {"record_number": "7", "identifiers": [{"scheme": "pnc_id", "value": "03/62845E"}]}}])";
  for (const std::string& bytes : {list, R"({"persons": )" + list + "}"}) {
    const auto read = ReadPersons(bytes, "people.json");
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->persons_size(), 2);
    EXPECT_EQ(read->persons(0).person().dates_of_birth_size(), 2);
    EXPECT_TRUE(read->persons(1).person().identifiers(0).verified());
  }
}

TEST(AskedFilesTest, EachErrorHasItsLineAndField) {
  const std::string heading = kHeading;
  EXPECT_EQ(WrongIn(heading + "row-1,Ashdown,Miriam,1990-02-03,,,\n"), "good");
  EXPECT_EQ(WrongIn(heading + "row-1,,,,1,,\n,Ashdown,Miriam,1990-02-03,,,\n"), "line 3, mark: FIELD_MISSING");
  EXPECT_EQ(WrongIn(heading + "row-1,,,,1,,\nrow-1,,,,2,,\n"), "line 3, mark: FIELD_INVALID");
  EXPECT_EQ(WrongIn(heading + "row 1,,,,1,,\n"), "line 2, mark: FIELD_INVALID");
  EXPECT_EQ(WrongIn(heading + std::string(64, 'm') + ",,,,1,,\n"), "good");
  EXPECT_EQ(WrongIn(heading + std::string(65, 'm') + ",,,,1,,\n"), "line 2, mark: FIELD_INVALID");
  EXPECT_EQ(WrongIn(heading + "row-1,Ashdown,Miriam,03/02/1990,,,\n"), "line 2, date_of_birth: FIELD_INVALID");
  EXPECT_EQ(WrongIn(heading + "row-1,,,,,943 476 5918,\n"), "line 2, nhs_number: FIELD_INVALID") << "its check digit is wrong";
  EXPECT_EQ(WrongIn(heading + "row-1,Ashdown,Miriam,,,,\n"), "line 2, person: FIELD_INVALID") << "a name alone finds nobody";
  EXPECT_EQ(WrongIn(heading + "row-1,,,,1,,,\n"), "line 2, : FIELD_INVALID") << "one cell too many";
  EXPECT_EQ(WrongIn("mark,surname\nrow-1,Ashdown\n"), "line 1, column 2: FIELD_INVALID");
  EXPECT_EQ(WrongIn("mark,record_number,mark\nrow-1,1,2\n"), "line 1, column 1: FIELD_INVALID");
  EXPECT_EQ(WrongIn("family_name,record_number\nAshdown,1\n"), "line 1, mark: FIELD_MISSING");
  EXPECT_EQ(WrongIn(heading), "line 0, : FIELD_INVALID") << "nobody";
  EXPECT_EQ(WrongIn(""), "line 0, : FIELD_INVALID");
  EXPECT_EQ(WrongIn(heading + "row-1,\"Ash\"down,,,1,,\n"), "line 2, : FIELD_INVALID");
  EXPECT_EQ(WrongIn(heading + "row-1,\xFF,,,1,,\n"), "line 0, : TEXT_NOT_UTF8");
  EXPECT_EQ(WrongIn(std::string(kAskedFileBytesMax + 1, ' ')), "line 0, : MESSAGE_TOO_LARGE");
  EXPECT_EQ(WrongIn(heading + "row-1,,,,1,,\n", "people.xlsx"), "line 0, : FIELD_INVALID");

  EXPECT_EQ(WrongIn("[{\"mark\": \"a\", \"person\": {\"recordNumber\": \"1\"}},\n{\"mark\": \"a\", \"person\": {\"recordNumber\": \"2\"}}]", "p.json"),
            "line 2, persons[1].mark: FIELD_INVALID");
  EXPECT_EQ(WrongIn("[{\"mark\": \"a\",\n\"person\": {\"recordNumber\": 1}}]", "p.json"), "line 2, persons[0].person.record_number: FIELD_INVALID");
  EXPECT_EQ(WrongIn("[{\"mark\": \"a\",\n\"persons\": {}}]", "p.json"), "line 2, persons[0]: FIELD_INVALID") << "a name that is none is not repeated";
  EXPECT_EQ(WrongIn("[{\"mark\": \"a\"}]", "p.json"), "line 1, persons[0].person: FIELD_INVALID");
  EXPECT_EQ(WrongIn("{\"people\": []}", "p.json"), "line 1, : FIELD_INVALID");
  EXPECT_EQ(WrongIn("[7]", "p.json"), "line 1, persons[0]: FIELD_INVALID");
  EXPECT_EQ(WrongIn("[]", "p.json"), "line 0, : FIELD_INVALID");
  EXPECT_EQ(WrongIn("[{", "p.json"), "line 1, : FIELD_INVALID");
}

TEST(AskedFilesTest, OneHundredPeopleAndNoMore) {
  std::string bytes = "mark,record_number\n";
  for (int i = 0; i < referral::kPersonsAskedMax; ++i) bytes += fmt::format("row-{0},{0}\n", i);
  ASSERT_TRUE(ReadPersons(bytes, "people.csv").ok());
  EXPECT_EQ(WrongIn(bytes + "row-100,100\n"), "line 102, : FIELD_INVALID");
}

TEST(AskedFilesTest, ErrorsSayNothingOfThePeople) {
  const std::string heading = kHeading;
  for (const char* row : {"row-1,Ashdown,Miriam,Feb 1990,,,\n", "row-1,Ashdown,Miriam,,,,\n", "Ashdown Miriam,Ashdown,,,1,,\n", "row-1,Ashdown,,,,123,\n"}) {
    const auto read = ReadPersons(heading + row, "people.csv");
    ASSERT_FALSE(read.ok()) << row;
    EXPECT_THAT(std::string(FromAbsl(read.status().message())), AllOf(Not(HasSubstr("Ashdown")), Not(HasSubstr("Miriam")), Not(HasSubstr("Feb")), Not(HasSubstr("123"))));
  }
}

TEST(AskedFilesTest, CasesAreReadFromASampleOrFromLines) {
  const std::string one(16, '\x11'), two(16, '\x22');
  const auto sample = ReadCases(R"({"title": "A random sample of 2 cases", "rows": [{"number": "1", "case": "11111111111111111111111111111111"},
    {"number": "2", "case": "22222222222222222222222222222222"}, {"number": "3", "case": null}, 7]})");
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_THAT(*sample, ElementsAre(one, two));
  const auto lines = ReadCases("\xEF\xBB\xBF" "11111111111111111111111111111111\n\n  22222222222222222222222222222222\r\n11111111111111111111111111111111");
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_THAT(*lines, ElementsAre(one, two)) << "each once; a byte order mark is none of it";
  EXPECT_EQ(records::LineOf(ReadCases("11111111111111111111111111111111\n1111\n").status()), 2u);
  for (const char* none : {"", "\n", "{}", R"({"rows": []})", R"({"rows": [{"case": "1111"}]})", "[]"}) EXPECT_FALSE(ReadCases(none).ok()) << none;
}

}  // namespace
}  // namespace accord::accordctl::asked_files_test

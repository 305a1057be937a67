// Check rules of identifiers, by the vectors of domain.md §5 and by what each rule promises.
#include "common/referral/identifiers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/random.h"

namespace accord::referral::identifiers_test {
namespace {

bool IsRight(std::string_view scheme, std::string_view value) { return IdentifierFault(scheme, value).empty(); }

TEST(IdentifierSchemesTest, RightAndWrongOnes) {
  struct Row {
    std::string_view scheme, value;
    bool right;
  };
  constexpr Row kRows[] = {
      {"nhs_number", "9434765919", true},     {"nhs_number", "943 476 5919", true},    {"nhs_number", "4010232137", true},
      {"nhs_number", "9434765918", false},    {"nhs_number", "943476591", false},      {"nhs_number", "94347659190", false},
      {"nhs_number", "94347659l9", false},    {"nhs_number", "0000000000", false},     {"nhs_number", "", false},
      {"upn", "B801200005001", true},         {"upn", "A801200005001", false},         {"upn", "P207000016049", true},
      {"upn", "Q207000016049", false},        {"upn", "I207000016049", false},         {"upn", "P20700001604", false},
      {"upn", "P2070000160499", false},       {"upn", "p207000016049", false},         {"upn", "P20700001604S", false},
      {"pnc_id", "2003/0062845E", true},      {"pnc_id", "03/62845E", true},           {"pnc_id", "03/0062845E", true},
      {"pnc_id", "2003/62845e", true},        {"pnc_id", "99/123P", true},             {"pnc_id", "1999/0000123P", true},
      {"pnc_id", "2003/0062845F", false},     {"pnc_id", "2004/0062845E", false},      {"pnc_id", "003/0062845E", false},
      {"pnc_id", "2003/00628451E", false},    {"pnc_id", "2003/E", false},             {"pnc_id", "2003-0062845E", false},
      {"pnc_id", "20030062845E", false},      {"pnc_id", "2003/0062845", false},       {"pnc_id", "2003/", false},
      {"pnc_id", "", false},                  {"pnc_id", "/", false},
      {"uprn", "1", true},                    {"uprn", "000100023336", true},          {"uprn", "100023336956", true},
      {"uprn", "1000233369561", false},       {"uprn", "000000000000", false},         {"uprn", "10002333 ", false},
      {"uprn", "", false},
      {"gss", "E06000047", true},             {"gss", "W06000015", true},              {"gss", "S12000033", true},
      {"gss", "N09000003", true},             {"gss", "X06000047", false},             {"gss", "E0600004", false},
      {"gss", "E060000477", false},           {"gss", "e06000047", false},
      {"ods", "A81001", true},                {"ods", "RX9", true},                    {"ods", "rx9", true},
      {"ods", "A8", false},                   {"ods", "A8100100000", false},           {"ods", "RX9 A", false},
      {"school_urn", "100001", true},         {"school_urn", "10000", false},          {"school_urn", "1000011", false},
      {"school_urn", "10000A", false},
      {"force", "01", true},                  {"force", "63", true},                   {"force", "00", false},
      {"force", "1", false},                  {"force", "020", false},                 {"force", "AB", false},
      {"crime_reference", "20/CR/118822/26/crime", true}, {"crime_reference", "20/118822-26/incident", true},
      {"crime_reference", "118822/26", false}, {"crime_reference", "20/118822", false}, {"crime_reference", "20//crime", false},
      {"crime_reference", "20/118822/", false}, {"crime_reference", "118822", false},  {"crime_reference", "", false},
      // An agency's own, of which nothing is known; an arrest summons number is such a one.
      {"housing_ref", "anything at all", true}, {"arrest_summons_number", "?", true},  {"NHS_NUMBER", "1", true},
  };
  std::set<std::string_view> seen_right, seen_wrong;
  for (const Row& row : kRows) {
    EXPECT_EQ(IsRight(row.scheme, row.value), row.right) << row.scheme << " " << row.value;
    (row.right ? seen_right : seen_wrong).insert(row.scheme);
  }
  for (const IdentifierScheme& scheme : IdentifierSchemes()) {
    EXPECT_TRUE(seen_right.contains(scheme.code) && seen_wrong.contains(scheme.code)) << scheme.code << " has no row of both kinds";
  }
}

TEST(IdentifierSchemesTest, AFaultSaysWhatIsWrongAndNeverTheValue) {
  EXPECT_EQ(IdentifierFault("nhs_number", "9434765918"), "has a wrong check character, or not the form, of an NHS number (ten digits)");
  EXPECT_EQ(IdentifierFault("school_urn", "12345"), "has not the form of a school's URN (six digits)");
  for (const IdentifierScheme& scheme : IdentifierSchemes()) {
    EXPECT_EQ(IdentifierFault(scheme.code, "secret!").find("secret"), std::string::npos) << scheme.code;
    EXPECT_NE(IdentifierFault(scheme.code, "secret!"), "") << scheme.code;
  }
}

TEST(IdentifierSchemesTest, OneFormToCompare) {
  EXPECT_EQ(NormaliseIdentifier("nhs_number", "943 476 5919"), "9434765919");
  for (const char* form : {"2003/0062845E", "03/62845e", "2003/62845E"}) EXPECT_EQ(NormaliseIdentifier("pnc_id", form), "03/0062845E") << form;
  EXPECT_EQ(NormaliseIdentifier("uprn", "000100023336"), "100023336");
  EXPECT_EQ(NormaliseIdentifier("ods", "a81001"), "A81001");
  EXPECT_EQ(NormaliseIdentifier("pnc_id", "03/62845F"), "03/62845F") << "a wrong one stays what it is";
  EXPECT_EQ(NormaliseIdentifier("housing_ref", "a 1"), "a 1");
}

TEST(IdentifierSchemesTest, APermanentPupilNumberEndsInADigit) {
  EXPECT_TRUE(IsPermanentUpn("P207000016049"));
  // A temporary one of the same school.
  std::string temporary;
  for (const char check : std::string_view("ABCDEFGHJKLMNPQRTUVWXYZ")) {
    if (IsUpn(fmt::format("{}20700001604A", check))) temporary = fmt::format("{}20700001604A", check);
  }
  ASSERT_NE(temporary, "");
  EXPECT_FALSE(IsPermanentUpn(temporary));
  EXPECT_FALSE(IsPermanentUpn(""));
}

// A right value of the scheme; empty when chance gave a number that has none.
std::string SomeRight(std::string_view scheme, FakeRandom& random) {
  const auto digits = [&](size_t count) {
    std::string text;
    while (text.size() < count) text.push_back(static_cast<char>('0' + random.Below(10)));
    return text;
  };
  const std::string head = scheme == "nhs_number" ? digits(9) : scheme == "pnc_id" ? (random.Below(2) == 0 ? digits(2) : "20" + digits(2)) + "/" + digits(7) : digits(12);
  for (const char check : std::string_view("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    const std::string value = scheme == "upn" ? check + head : head + check;
    if (IsRight(scheme, value)) return value;
  }
  return "";
}

TEST(IdentifierPropertyTest, EverySingleWrongCharacterIsCaughtAndEveryTwoThatAreExchanged) {
  FakeRandom random(5);
  for (const IdentifierScheme& scheme : IdentifierSchemes()) {
    if (!scheme.has_check_character) continue;
    int tried = 0, none = 0;
    for (int round = 0; round < 200; ++round) {
      const std::string value = SomeRight(scheme.code, random);
      none += value.empty();
      for (size_t at = 0; at < value.size(); ++at) {
        // The century of a PNC id is no part of its check.
        if (scheme.code == "pnc_id" && value[4] == '/' && at < 2) continue;
        const bool letter = value[at] >= 'A';
        if (value[at] == '/') continue;
        for (const char other : std::string_view(letter ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ" : "0123456789")) {
          std::string wrong = value;
          wrong[at] = other;
          if (wrong == value) continue;
          EXPECT_FALSE(IsRight(scheme.code, wrong)) << scheme.code << " " << value << " as " << wrong;
          ++tried;
        }
        std::string exchanged = value;
        if (at + 1 == value.size() || value[at + 1] == value[at] || value[at + 1] == '/') continue;
        std::swap(exchanged[at], exchanged[at + 1]);
        EXPECT_FALSE(IsRight(scheme.code, exchanged)) << scheme.code << " " << value << " as " << exchanged;
      }
    }
    EXPECT_GT(tried, 10'000) << scheme.code;
    EXPECT_EQ(none > 0, scheme.code == "nhs_number") << "of eleven numbers one has no check digit; the other rules give each one: " << scheme.code;
  }
}

}  // namespace
}  // namespace accord::referral::identifiers_test

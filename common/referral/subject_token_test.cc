// Subject tokens: what makes one, how strong it is, and under which keys. Names and slips are in referral_test.cc, bytes in tests/golden.
#include "common/referral/subject_token.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "common/referral/header.h"

namespace accord::referral::subject_token_test {
namespace {

using type::v1::Person;
using type::v1::SubjectToken;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kFirst(32, 'a'), kSecond(32, 'b'), kThird(32, 'c');

Person Somebody(const std::string& given, const std::string& family, const std::vector<std::string>& born) {
  Person person;
  person.set_given_names(given);
  person.set_family_name(family);
  for (const std::string& date : born) person.add_dates_of_birth(date);
  return person;
}
void Identify(Person& person, const std::string& scheme, const std::string& value, bool verified = true) {
  auto& identifier = *person.add_identifiers();
  identifier.set_scheme(scheme);
  identifier.set_value(value);
  identifier.set_verified(verified);
}
std::vector<SubjectToken> TokensOf(const Person& person) { return MakeTokens(person, "area", "k1", kFirst); }

// The bytes of those that are strong, or weak.
std::set<std::string> Those(const std::vector<SubjectToken>& tokens, bool strong) {
  std::set<std::string> bytes;
  for (const SubjectToken& token : tokens) {
    if (token.strong() == strong) bytes.insert(token.token());
  }
  return bytes;
}
std::set<std::string> Strong(const Person& person) { return Those(TokensOf(person), true); }
std::set<std::string> Common(const std::set<std::string>& one, const std::set<std::string>& other) {
  std::set<std::string> both;
  std::set_intersection(one.begin(), one.end(), other.begin(), other.end(), std::inserter(both, both.end()));
  return both;
}

TEST(SubjectTokenRecipeTest, AFormerNameIsANameInFull) {
  Person now = Somebody("Miriam Joy", "Khan", {"1991-04-17"});
  const Person then = Somebody("Miriam Joy", "Ashdown", {"1991-04-17"});
  EXPECT_THAT(Common(Strong(now), Strong(then)), IsEmpty());
  now.add_former_names("Ashdown, Miriam Joy");
  EXPECT_THAT(Common(Strong(now), Strong(then)), SizeIs(1));
  now.set_former_names(0, "Ashdown");
  EXPECT_THAT(Common(Strong(now), Strong(then)), IsEmpty()) << "half a name";
  now.set_former_names(0, ", ");
  EXPECT_EQ(TokensOf(now).size(), TokensOf(Somebody("Miriam Joy", "Khan", {"1991-04-17"})).size());
}

TEST(SubjectTokenRecipeTest, TheFamilyNameOfAFormerNameIsAmongItsWords) {
  // Four words of a name make a token each, the last first: of a longer name the family name is never the one left out.
  Person person;
  person.add_dates_of_birth("1991-04-17");
  person.add_former_names("Ashdown, Miriam Joy Anna Maria");
  const Person family = Somebody("Xxxx", "Ashdown", {"1991-04-17"});
  EXPECT_THAT(Common(Those(TokensOf(person), false), Those(TokensOf(family), false)), SizeIs(1));
}

TEST(SubjectTokenRecipeTest, AVerifiedIdentifierOfAPersonIsStrongInEitherForm) {
  const auto only = [](const std::string& scheme, const std::string& value, bool verified = true, bool quarantined = false) {
    Person person;
    Identify(person, scheme, value, verified);
    person.mutable_identifiers(0)->set_quarantined(quarantined);
    return Strong(person);
  };
  EXPECT_THAT(only("nhs_number", "943 476 5919"), SizeIs(1));
  EXPECT_EQ(only("pnc_id", "2003/0062845E"), only("pnc_id", "03/62845e"));
  EXPECT_THAT(only("pnc_id", "2003/0062845E"), SizeIs(1));
  EXPECT_THAT(only("upn", "P207000016049"), SizeIs(1));
  EXPECT_NE(only("upn", "P207000016049"), only("upn", "B801200005001"));

  for (const auto& [scheme, value] : {std::pair("nhs_number", "9434765919"), {"pnc_id", "2003/0062845E"}, {"upn", "P207000016049"}}) {
    EXPECT_THAT(only(scheme, value, /*verified=*/false), IsEmpty()) << scheme;
    EXPECT_THAT(only(scheme, value, true, /*quarantined=*/true), IsEmpty()) << scheme;
  }
  EXPECT_THAT(only("upn", "Q207000016049"), IsEmpty()) << "the wrong example of two vendors";
  EXPECT_THAT(only("pnc_id", "2003/0062845F"), IsEmpty());
  EXPECT_THAT(only("uprn", "100023336956"), IsEmpty()) << "an address links nobody";
  EXPECT_THAT(only("crime_reference", "20/118822/crime"), IsEmpty()) << "nor does a crime";
}

TEST(SubjectTokenRecipeTest, SeveralDatesThatMayBeOneBirthAreEachStrong) {
  for (const std::vector<std::string>& dates : std::vector<std::vector<std::string>>{
           {"1991-04-17", "1991-07-14"},                // Another day of the year,
           {"1991-04-17", "1981-04-17"},                // another year.
           {"1991-04-17", "1991-04-17"},                // The same twice.
           {"1991-04-17", "1965-01-01", "1991"}}) {     // A default date and a part of one contradict nothing.
    const auto strong = Strong(Somebody("Zoe", "Smith", dates));
    EXPECT_THAT(Common(strong, Strong(Somebody("Zoe", "Smith", {"1991-04-17"}))), SizeIs(1)) << dates[1];
    EXPECT_EQ(strong.size(), std::set(dates.begin(), dates.end()).size() == 2 ? 2u : 1u) << dates[1];
  }
}

TEST(SubjectTokenRecipeTest, DatesThatContradictEachOtherAreStrongOnlyTogether) {
  const Person father_and_son = Somebody("Mohammed", "Khan", {"1965-02-03", "1990-11-12"});
  const auto strong = Strong(father_and_son);
  EXPECT_THAT(strong, SizeIs(1)) << "whoever has the same record is linked";
  EXPECT_EQ(Strong(Somebody("Mohammed", "Khan", {"1990-11-12", "1991", "1965-02-03"})), strong) << "in any order";
  for (const char* date : {"1965-02-03", "1990-11-12"}) {
    const Person one = Somebody("Mohammed", "Khan", {date});
    EXPECT_THAT(Common(Strong(one), strong), IsEmpty()) << date;
    EXPECT_THAT(Common(Strong(one), Those(TokensOf(father_and_son), false)), SizeIs(1)) << "it is proposed: " << date;
  }
  const auto third = Strong(Somebody("Mohammed", "Khan", {"1965-02-03", "1990-11-12", "1990-11-13"}));
  EXPECT_THAT(third, SizeIs(1));
  EXPECT_THAT(Common(third, strong), IsEmpty());
}

TEST(SubjectTokenRecipeTest, NoLengthOfANameOrNumberOfDatesIsTooMuch) {
  Person person = Somebody("Zoe", "Smith", {"1991-04-17"});
  const size_t before = TokensOf(person).size();
  std::string ligature;
  for (int i = 0; i < 20'000; ++i) ligature += "\xEF\xB7\xBA";  // U+FDFA: eighteen letters each.
  person.add_aliases(ligature);
  person.add_former_names(std::string(60'000, 'x') + ", y");
  EXPECT_EQ(TokensOf(person).size(), before) << "no name";
  person.set_aliases(0, ligature.substr(0, 1023));
  EXPECT_GT(TokensOf(person).size(), before);
  Person dated = Somebody("Zoe", "Smith", {});
  for (int i = 0; i < 20'000; ++i) dated.add_dates_of_birth(fmt::format("{}-{:02}-02", 1900 + i % 100, 1 + i % 12));
  EXPECT_EQ(TokensOf(dated).size(), kTokensPerSubjectMax);
}

LinkageDomain Rotated(bool old_is_sent) {
  return {.name = "area", .keys = {{.id = "k1", .key = kFirst, .sent = old_is_sent}, {.id = "k2", .key = kSecond, .sent = true}}};
}

TEST(TokenKeysTest, UnderALaterKeyItIsTheWrappedTokenOfTheOneBefore) {
  const Person person = Somebody("Miriam Joy", "Ashdown", {"1991-04-17"});
  const auto old = TokensOf(person);
  const auto after = MakeTokens(person, std::vector{Rotated(false)});
  ASSERT_EQ(after.size(), old.size());
  for (size_t i = 0; i < old.size(); ++i) {
    const SubjectToken wrapped = WrapToken(old[i], {.id = "k2", .key = kSecond});
    EXPECT_EQ(after[i].SerializeAsString(), wrapped.SerializeAsString()) << "by whoever holds the token alone";
    EXPECT_EQ(after[i].token_key(), "k2");
    EXPECT_EQ(after[i].recipe(), kTokenRecipe);
    EXPECT_EQ(after[i].strong(), old[i].strong());
    EXPECT_NE(after[i].token(), old[i].token());
  }
  LinkageDomain third = Rotated(false);
  third.keys[1].sent = false;
  third.keys.push_back({.id = "k3", .key = kThird});
  const auto twice = MakeTokens(person, std::vector{third});
  EXPECT_EQ(twice[0].token(), WrapToken(after[0], third.keys[2]).token());
}

TEST(TokenKeysTest, InTheTransitionStrongOnesGoUnderBothKeysAndWeakOnesFirstUnderTheOld) {
  Person person = Somebody("Miriam Joy", "Ashdown", {"1991-04-17"});
  person.add_aliases("Mim Ashdown");
  const auto tokens = MakeTokens(person, std::vector{Rotated(true)});
  EXPECT_EQ(tokens.size(), kTokensPerSubjectMax);
  const auto old = TokensOf(person);
  const auto strong = static_cast<size_t>(std::count_if(old.begin(), old.end(), [](const auto& token) { return token.strong(); }));
  ASSERT_EQ(strong, 2u);
  for (size_t i = 0; i < 2 * strong; ++i) {
    EXPECT_TRUE(tokens[i].strong()) << i;
    EXPECT_EQ(tokens[i].token_key(), i % 2 == 0 ? "k1" : "k2") << i;
  }
  for (size_t i = strong; i < old.size(); ++i) EXPECT_EQ(tokens[strong + i].token(), old[i].token()) << "every weak one that every agency can match";
}

TEST(TokenKeysTest, StrongOnesFillTheLimitInPairs) {
  Person person = Somebody("Zoe", "Smith", {"1990-01-02"});
  for (int i = 0; i < 20; ++i) person.add_aliases(fmt::format("Zoe Smith{}", i));
  const auto tokens = MakeTokens(person, std::vector{Rotated(true)});
  ASSERT_EQ(tokens.size(), kTokensPerSubjectMax);
  for (size_t i = 0; i < tokens.size(); i += 2) EXPECT_EQ(WrapToken(tokens[i], Rotated(true).keys[1]).token(), tokens[i + 1].token()) << i;
}

TEST(TokenKeysTest, WhatAnotherDomainWouldMakeOfWhatItReceivedIsMadeByWhoeverHasItsKey) {
  Person victim = Somebody("Miriam Joy", "Ashdown", {"1991-04-17"});
  Identify(victim, "nhs_number", "943 476 5919");
  Identify(victim, "upn", "Q207000016049");
  victim.mutable_identifiers(1)->set_quarantined(true);
  const LinkageDomain home{.name = "northshire", .keys = {{.id = "n1", .key = kFirst}}}, other{.name = "southshire", .keys = {{.id = "s1", .key = kSecond}}};
  const auto both = MakeTokens(victim, std::vector{home, other});
  EXPECT_LE(both.size(), kTokensPerSubjectMax);
  std::set<std::string> sent;
  for (const SubjectToken& token : both) {
    if (token.domain() == "southshire") sent.insert(token.token());
  }
  // The receiver has the section identity, and its own key.
  type::v1::SectionContent section, received;
  *section.mutable_identity()->mutable_victim() = victim;
  ASSERT_TRUE(received.ParseFromString(section.SerializeAsString()));
  const auto theirs = MakeTokens(received.identity().victim(), std::vector{other});
  std::set<std::string> made;
  for (const SubjectToken& token : theirs) made.insert(token.token());
  EXPECT_TRUE(std::includes(made.begin(), made.end(), sent.begin(), sent.end()));
  for (const SubjectToken& token : theirs) {
    EXPECT_TRUE(!token.strong() || sent.contains(token.token()));
  }
  EXPECT_THAT(Those(theirs, true), SizeIs(2)) << "NHS number and name with date; what was quarantined links nobody there either";
}

TEST(TokenKeysTest, AnEventHasOneTokenUnderTheFirstKeyThatIsSent) {
  const std::string reference = "20/CR/118822/26";
  const SubjectToken old = MakeEventToken(reference, "area", "k1", kFirst);
  EXPECT_EQ(MakeEventToken(reference, Rotated(true)).SerializeAsString(), old.SerializeAsString());
  EXPECT_EQ(MakeEventToken(reference, Rotated(false)).SerializeAsString(), WrapToken(old, Rotated(false).keys[1]).SerializeAsString());
}

}  // namespace
}  // namespace accord::referral::subject_token_test

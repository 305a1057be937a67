// A linkage domain changes its key, and cases go on being found (docs/tokens.md).
//
// Goal: in the transition everybody finds what everybody opened; after it the old key finds nothing new; nobody sends who a person is.
// Method: real tokens of invented people, and the linker over rows in memory.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/referral/subject_token.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker::rotation_test {
namespace {

using referral::LinkageDomain;
using type::v1::Person;
using type::v1::SubjectPart;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kOldKey(32, 'o'), kNewKey(32, 'n'), kOtherKey(32, 's');

Person Somebody(const std::string& given, const std::string& family, const std::string& born) {
  Person person;
  person.set_given_names(given);
  person.set_family_name(family);
  person.add_dates_of_birth(born);
  return person;
}
const Person kMiriam = Somebody("Miriam Joy", "Ashdown", "1991-04-17"), kDaniel = Somebody("Daniel", "Ashdown", "1988-09-30");

// What an agency has in its configuration.
const std::vector<LinkageDomain> kNotRotated = {{.name = "area", .keys = {{.id = "k1", .key = kOldKey}}}};
const std::vector<LinkageDomain> kInTransition = {{.name = "area", .keys = {{.id = "k1", .key = kOldKey}, {.id = "k2", .key = kNewKey}}}};
const std::vector<LinkageDomain> kAfter = {{.name = "area", .keys = {{.id = "k1", .key = kOldKey, .sent = false}, {.id = "k2", .key = kNewKey}}}};
const std::vector<LinkageDomain> kOtherArea = {{.name = "other", .keys = {{.id = "s1", .key = kOtherKey}}}};
const std::vector<LinkageDomain> kBothAreas = {kNotRotated[0], kOtherArea[0]};

std::vector<SubjectPart> PartsOf(const std::vector<LinkageDomain>& configured, const Person& victim = kMiriam, const Person& perpetrator = kDaniel) {
  std::vector<SubjectPart> parts(2);
  parts[0].set_role(type::v1::SUBJECT_ROLE_VICTIM);
  parts[1].set_role(type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR);
  for (auto& token : referral::MakeTokens(victim, configured)) *parts[0].add_tokens() = std::move(token);
  for (auto& token : referral::MakeTokens(perpetrator, configured)) *parts[1].add_tokens() = std::move(token);
  return parts;
}

class RotationTest : public ::testing::Test {
 protected:
  Linked Link(const std::vector<SubjectPart>& parts) {
    context_.time += absl::Seconds(1);
    const auto linked = linker_.Link(parts, context_);
    EXPECT_EQ(linked.status(), absl::OkStatus());
    return linked.value_or(Linked());
  }
  std::string CaseOf(const std::vector<SubjectPart>& parts) {
    const Linked linked = Link(parts);
    EXPECT_THAT(linked.cases, SizeIs(1));
    return linked.cases.empty() ? "" : linked.cases.front();
  }

  MemoryContext context_;
  CaseLinker linker_{crypto::SecretBytes(std::string(32, 'i'))};
};

TEST_F(RotationTest, ACaseOfBeforeIsFoundInTheTransitionAndAfterIt) {
  const std::string opened = CaseOf(PartsOf(kNotRotated));
  EXPECT_EQ(CaseOf(PartsOf(kInTransition)), opened) << "by any agency: it learns the new tokens";
  EXPECT_EQ(CaseOf(PartsOf(kNotRotated)), opened) << "by one that has not rotated yet";
  EXPECT_EQ(CaseOf(PartsOf(kAfter)), opened) << "by new tokens alone";
}

TEST_F(RotationTest, ACaseOfTheTransitionIsFoundByAll) {
  const std::string opened = CaseOf(PartsOf(kInTransition));
  EXPECT_EQ(CaseOf(PartsOf(kNotRotated)), opened);
  EXPECT_EQ(CaseOf(PartsOf(kAfter)), opened);
}

TEST_F(RotationTest, WhoeverHasTheOldTokensBringsACaseOverWithoutKnowingWhomItIsOf) {
  const std::vector<SubjectPart> sent_before = PartsOf(kNotRotated);
  const std::string opened = CaseOf(sent_before);
  std::vector<SubjectPart> brought = sent_before;
  for (SubjectPart& part : brought) {
    const auto old = part.tokens();
    for (const auto& token : old) *part.add_tokens() = referral::WrapToken(token, {.id = "k2", .key = kNewKey});
  }
  EXPECT_EQ(CaseOf(brought), opened);
  EXPECT_EQ(CaseOf(PartsOf(kAfter)), opened);
}

TEST_F(RotationTest, OneErrorIsProposedAcrossTheRotation) {
  const Person mistyped = Somebody("Miriam Joy", "Ashdwon", "1991-04-17");
  const std::string opened = CaseOf(PartsOf(kNotRotated));
  const Linked in_transition = Link(PartsOf(kInTransition, mistyped));
  EXPECT_NE(in_transition.cases.front(), opened);
  ASSERT_THAT(in_transition.matches, SizeIs(1));
  EXPECT_EQ(in_transition.matches[0].one, opened);
  Link(PartsOf(kInTransition));
  const Linked after = Link(PartsOf(kAfter, Somebody("Miriam Joy", "Ashdonw", "1991-04-17")));
  EXPECT_THAT(after.matches, SizeIs(2)) << "both that learnt new weak tokens";
}

TEST_F(RotationTest, AfterTheTransitionTheOldKeyFindsNothingNew) {
  const std::string opened = CaseOf(PartsOf(kAfter));
  const Linked guessed = Link(PartsOf(kNotRotated));
  EXPECT_NE(guessed.cases.front(), opened);
  EXPECT_THAT(guessed.matches, IsEmpty());
  // Nor when what the old key makes is said to be of the new one.
  const std::vector<LinkageDomain> pretended = {{.name = "area", .keys = {{.id = "k2", .key = kOldKey}}}};
  const Linked claimed = Link(PartsOf(pretended));
  EXPECT_NE(claimed.cases.front(), opened);
  EXPECT_THAT(claimed.matches, IsEmpty());
  // And the new key alone, without what it wraps, makes other tokens.
  const std::vector<LinkageDomain> bare = {{.name = "area", .keys = {{.id = "k2", .key = kNewKey}}}};
  EXPECT_NE(CaseOf(PartsOf(bare)), opened);
}

TEST_F(RotationTest, WhatNobodySentAnythingOfInTheTransitionIsNotFoundAfterIt) {
  const std::string opened = CaseOf(PartsOf(kNotRotated));
  EXPECT_NE(CaseOf(PartsOf(kAfter)), opened) << "hence its length, which docs/tokens.md gives";
}

TEST_F(RotationTest, TwoRotationsInARow) {
  const std::string third_key(32, 't');
  const auto keys = [&](bool first, bool second) {
    return std::vector<LinkageDomain>{{.name = "area", .keys = {{.id = "k1", .key = kOldKey, .sent = first}, {.id = "k2", .key = kNewKey, .sent = second}, {.id = "k3", .key = third_key}}}};
  };
  const std::string opened = CaseOf(PartsOf(kNotRotated));
  EXPECT_EQ(CaseOf(PartsOf(kInTransition)), opened);
  EXPECT_EQ(CaseOf(PartsOf(keys(false, true))), opened);
  EXPECT_EQ(CaseOf(PartsOf(keys(false, false))), opened);
}

TEST_F(RotationTest, AVictimWhoMovesIsKnownInTheOtherArea) {
  const std::string opened = CaseOf(PartsOf(kNotRotated));
  EXPECT_NE(CaseOf(PartsOf(kOtherArea)), opened) << "domains know nothing of each other";
  const std::string elsewhere = CaseOf(PartsOf(kNotRotated, Somebody("Olga", "Nowak", "1979-03-05")));
  EXPECT_EQ(CaseOf(PartsOf(kBothAreas, Somebody("Olga", "Nowak", "1979-03-05"))), elsewhere) << "who serves both sends both";
  EXPECT_EQ(CaseOf(PartsOf(kOtherArea, Somebody("Olga", "Nowak", "1979-03-05"))), elsewhere);
  // Without that the two cases stay two, and one referral that has both sets of tokens tells that they are one.
  const Linked both = Link(PartsOf(kBothAreas));
  EXPECT_THAT(both.cases, SizeIs(2));
  EXPECT_THAT(both.matches, SizeIs(1));
}

}  // namespace
}  // namespace accord::broker::rotation_test

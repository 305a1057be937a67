// Which referrals are of one case. Goal: each victim with each alleged perpetrator is one case, whoever they are together with; only strong
// tokens of both link, and what matches less well is told of, not done.
#include "services/broker/cases/case_linker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "services/broker/directory/families.h"
#include "services/broker/sequencer/memory_context.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker::case_linker_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAreArray;

// "anna" is a strong token, "~anna" a weak one.
SubjectPart Person(SubjectRole role, const std::vector<std::string>& tokens) {
  SubjectPart part;
  part.set_role(role);
  for (const std::string& text : tokens) {
    auto& token = *part.add_tokens();
    token.set_domain("area");
    token.set_token_key("k1");
    token.set_recipe(1);
    token.set_strong(text.front() != '~');
    token.set_token(text);
  }
  return part;
}
SubjectPart Victim(const std::vector<std::string>& tokens) { return Person(SUBJECT_ROLE_VICTIM, tokens); }
SubjectPart Perpetrator(const std::vector<std::string>& tokens) { return Person(SUBJECT_ROLE_ALLEGED_PERPETRATOR, tokens); }

class CaseLinkerTest : public ::testing::Test {
 protected:
  Linked Link(const std::vector<SubjectPart>& subjects) {
    context_.time += absl::Seconds(1);
    const auto linked = linker_.Link(subjects, context_);
    EXPECT_EQ(linked.status(), absl::OkStatus());
    return linked.value_or(Linked());
  }
  // The one case of a victim and a perpetrator.
  std::string CaseOf(const std::string& victim, const std::string& perpetrator) {
    const Linked linked = Link({Victim({victim}), Perpetrator({perpetrator})});
    EXPECT_THAT(linked.cases, SizeIs(1));
    return linked.cases.empty() ? "" : linked.cases.front();
  }

  MemoryContext context_;
  CaseLinker linker_{crypto::SecretBytes(std::string(32, 'i'))};
};

TEST_F(CaseLinkerTest, SeveralPerpetratorsAtOnceAreSeveralCases) {
  const Linked both = Link({Victim({"anna"}), Perpetrator({"bob"}), Perpetrator({"carl"})});
  ASSERT_THAT(both.cases, SizeIs(2));
  EXPECT_THAT(both.matches, IsEmpty()) << "whoever names both says that they are two";
  EXPECT_THAT(both.cases, UnorderedElementsAreArray({CaseOf("anna", "bob"), CaseOf("anna", "carl")}));
  EXPECT_NE(CaseOf("anna", "bob"), CaseOf("anna", "carl"));
}

TEST_F(CaseLinkerTest, SeveralInTurnAndTheSamePerpetratorWithAnotherVictimAreNewCases) {
  const std::string first = CaseOf("anna", "bob");
  EXPECT_NE(CaseOf("anna", "carl"), first);
  EXPECT_NE(CaseOf("dora", "bob"), first);
  EXPECT_EQ(CaseOf("anna", "bob"), first);
  EXPECT_NE(CaseOf("bob", "anna"), first) << "roles reversed";
}

TEST_F(CaseLinkerTest, TwoVictimsAndTwoPerpetratorsAreFourCases) {
  const Linked linked = Link({Victim({"anna"}), Victim({"dora"}), Perpetrator({"bob"}), Perpetrator({"carl"})});
  EXPECT_THAT(linked.cases, SizeIs(4));
  EXPECT_EQ(std::set(linked.cases.begin(), linked.cases.end()).size(), 4u);
  EXPECT_THAT(linked.cases, UnorderedElementsAreArray({CaseOf("anna", "bob"), CaseOf("anna", "carl"), CaseOf("dora", "bob"), CaseOf("dora", "carl")}));
}

TEST_F(CaseLinkerTest, SeveralTokensOfOnePersonAreOnePerson) {
  const Linked alias = Link({Victim({"anna", "anna-by-nhs", "ann"}), Perpetrator({"bob"})});
  ASSERT_THAT(alias.cases, SizeIs(1));
  EXPECT_EQ(CaseOf("ann", "bob"), alias.cases.front());
  EXPECT_EQ(CaseOf("anna-by-nhs", "bob"), alias.cases.front());
  // Tokens that came to the case in different referrals.
  Link({Victim({"anna"}), Perpetrator({"bob", "robert"})});
  EXPECT_EQ(CaseOf("ann", "robert"), alias.cases.front());
}

TEST_F(CaseLinkerTest, TwoCasesFoundStayTwoAndAreProposed) {
  const std::string one = CaseOf("anna", "bob"), other = CaseOf("anne", "bob");
  ASSERT_NE(one, other);
  const Linked both = Link({Victim({"anne", "anna"}), Perpetrator({"bob"})});
  EXPECT_THAT(both.cases, ElementsAre(one, other)) << "the oldest first: it orders the deliveries";
  ASSERT_THAT(both.matches, SizeIs(1));
  EXPECT_EQ(both.matches[0].one, one);
  EXPECT_EQ(both.matches[0].other, other);
  EXPECT_EQ(both.matches[0].strength, MATCH_STRENGTH_STRONG);
  EXPECT_EQ(CaseOf("anne", "bob"), other);
}

TEST_F(CaseLinkerTest, WhatMatchesLessWellIsAnotherCaseAndTold) {
  const std::string first = Link({Victim({"anna", "~a"}), Perpetrator({"bob", "~b"})}).cases.front();
  const Linked weak_victim = Link({Victim({"anna1", "~a"}), Perpetrator({"bob"})});
  EXPECT_NE(weak_victim.cases.front(), first);
  ASSERT_THAT(weak_victim.matches, SizeIs(1));
  EXPECT_EQ(weak_victim.matches[0].one, first);
  EXPECT_EQ(weak_victim.matches[0].other, weak_victim.cases.front());
  EXPECT_EQ(weak_victim.matches[0].strength, MATCH_STRENGTH_STRONG_AND_WEAK);
  const Linked weak = Link({Victim({"~a"}), Perpetrator({"~b"})});
  ASSERT_THAT(weak.cases, SizeIs(1)) << "with weak tokens alone, too";
  ASSERT_THAT(weak.matches, SizeIs(1)) << "the second case has no `~b`";
  EXPECT_EQ(weak.matches[0].one, first);
  EXPECT_EQ(weak.matches[0].strength, MATCH_STRENGTH_WEAK);
  EXPECT_THAT(Link({Victim({"~a"}), Perpetrator({"~x"})}).matches, IsEmpty()) << "of the victim alone";
  EXPECT_THAT(Link({Victim({"~b"}), Perpetrator({"~a"})}).matches, IsEmpty()) << "in the other role";
}

TEST_F(CaseLinkerTest, AKnownCaseIsLookedAtAgainOnlyWhenItLearnsSomething) {
  Link({Victim({"anna", "~a"}), Perpetrator({"bob"})});
  const std::string other = CaseOf("anne", "bob");
  EXPECT_THAT(Link({Victim({"anne"}), Perpetrator({"bob"})}).matches, IsEmpty());
  const Linked learnt = Link({Victim({"anne", "~a"}), Perpetrator({"bob"})});
  EXPECT_THAT(learnt.cases, ElementsAre(other));
  EXPECT_THAT(learnt.matches, SizeIs(1));
  EXPECT_THAT(Link({Victim({"anne", "~a"}), Perpetrator({"bob"})}).matches, IsEmpty());
}

TEST_F(CaseLinkerTest, ATokenOfTooManyCasesTellsNothing) {
  for (size_t i = 0; i < kMatchCasesMax; ++i) Link({Victim({fmt::format("v{}", i), "~common"}), Perpetrator({fmt::format("p{}", i), "~b"})});
  const auto read = PlainReaderOf(context_);
  const std::string common = linker_.Index(Victim({"~common"}).tokens(0));
  EXPECT_THAT(*CasesOfToken(read, SUBJECT_ROLE_VICTIM, common), SizeIs(kMatchCasesMax));
  EXPECT_THAT(Link({Victim({"~common"}), Perpetrator({"~b"})}).matches, SizeIs(kMatchesPerReferralMax)) << "the bound of one referral";
  EXPECT_THAT(*CasesOfToken(read, SUBJECT_ROLE_VICTIM, common), IsEmpty());
  EXPECT_THAT(Link({Victim({"~common"}), Perpetrator({"~b"})}).matches, IsEmpty());
}

TEST_F(CaseLinkerTest, WithoutTokensOfBothThereIsNoCase) {
  EXPECT_THAT(Link({Victim({"anna"})}).cases, IsEmpty());
  EXPECT_THAT(Link({Perpetrator({"bob"})}).cases, IsEmpty());
  EXPECT_THAT(Link({Victim({"anna"}), Perpetrator({})}).cases, IsEmpty()) << "not known who it was";
  EXPECT_THAT(Link({Person(SUBJECT_ROLE_CHILD, {"kid"}), Person(SUBJECT_ROLE_UNBORN_CHILD, {}), Perpetrator({"bob"})}).cases, IsEmpty());
  const Linked family = Link({Victim({"anna"}), Person(SUBJECT_ROLE_CHILD, {"kid"}), Person(SUBJECT_ROLE_UNBORN_CHILD, {}), Perpetrator({"bob"})});
  EXPECT_THAT(family.cases, SizeIs(1));
}

TEST_F(CaseLinkerTest, WhereEachAccusesTheOtherThereAreTwoCases) {
  const Linked mutual = Link({Victim({"anna"}), Victim({"bob"}), Perpetrator({"bob"}), Perpetrator({"anna"})});
  EXPECT_THAT(mutual.cases, UnorderedElementsAreArray({CaseOf("anna", "bob"), CaseOf("bob", "anna")}));
}

TEST_F(CaseLinkerTest, PairsHaveABound) {
  std::vector<SubjectPart> subjects = {Victim({"anna"})};
  for (size_t i = 0; i < kCasePairsMax; ++i) subjects.push_back(Perpetrator({fmt::format("p{}", i)}));
  const Linked full = Link(subjects);
  EXPECT_THAT(full.cases, SizeIs(kCasePairsMax));
  EXPECT_FALSE(full.pairs_left);
  subjects.push_back(Perpetrator({"one more"}));
  const Linked more = Link(subjects);
  EXPECT_EQ(more.cases, full.cases);
  EXPECT_TRUE(more.pairs_left);
}

TEST_F(CaseLinkerTest, ACaseOfAnOlderStoreIsFoundAndLearns) {
  storage::v1::StoredCase old;
  old.set_opened_at_ms(1);
  const std::string anna = linker_.Index(Victim({"anna"}).tokens(0)), bob = linker_.Index(Perpetrator({"bob"}).tokens(0));
  context_.Put(kFamilyCase, std::string(16, 'o'), old.SerializeAsString());
  context_.Put(kFamilyCaseToken, anna + bob, std::string(16, 'o'));
  EXPECT_THAT(Link({Victim({"anna", "~a"}), Perpetrator({"bob", "~b"})}).cases, ElementsAre(std::string(16, 'o')));
  EXPECT_THAT(Link({Victim({"~a"}), Perpetrator({"~b"})}).matches, SizeIs(1));
}

}  // namespace
}  // namespace accord::broker::case_linker_test

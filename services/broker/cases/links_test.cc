// Proposing and answering that two cases are one. Goal: who holds both is told, once, and nobody else; only they answer; and what is
// confirmed can be undone.
#include "services/broker/cases/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/crypto/certificate.h"
#include "common/referral/testing_parts.h"
#include "services/broker/cases/answer_link.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/cases/proposals.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/memory_context.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker::links_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class LinksTest : public ::testing::Test {
 protected:
  LinksTest() { directory_.Set(*DirectorySnapshot::Load(context_, 0)); }

  static void AddPerson(std::vector<SubjectPart>& parts, SubjectRole role, const std::string& strong, const std::string& weak) {
    SubjectPart& part = parts.emplace_back();
    part.set_role(role);
    for (const std::string& text : {strong, weak}) {
      auto& token = *part.add_tokens();
      token.set_domain("area");
      token.set_strong(text == strong);
      token.set_token(text);
    }
  }
  // Stores a referral as its command does, and what it queued.
  std::string Send(const std::string& sender, const std::string& victim, const std::vector<std::string>& recipients = {}, Desk desk = DESK_MAIN) {
    std::vector<SubjectPart> subjects;
    AddPerson(subjects, SUBJECT_ROLE_VICTIM, victim, "~anna");
    AddPerson(subjects, SUBJECT_ROLE_ALLEGED_PERPETRATOR, "bob", "~bob");
    context_.time += absl::Seconds(1);
    const auto linked = linker_.Link(subjects, context_);
    EXPECT_EQ(linked.status(), absl::OkStatus());
    auto parts = referral::testing::SampleParts();
    parts.core.set_sender(sender);
    for (auto& recipient : parts.recipients) {
      if (recipient.agency() == sender) recipient.set_agency("childrens");
    }
    parts.core.set_request_id(fmt::format("request-{}", ++sent_));
    const auto header = referral::SignHeader(parts, signer_, random_);
    EXPECT_EQ(header.status(), absl::OkStatus());
    const std::string digest = referral::DigestOf(header->header);
    storage::v1::StoredReferral stored;
    *stored.mutable_header() = header->header;
    for (const auto& opening : header->openings) *stored.add_openings() = opening;
    const auto chain = context_.OpenChain();
    context_.Put(kFamilyChain, chain->pseudonym, storage::v1::StoredChain().SerializeAsString());
    stored.set_chain(chain->pseudonym);
    for (const std::string& pseudonym : linked->cases) {
      stored.add_cases(pseudonym);
      storage::v1::StoredCase row;
      EXPECT_TRUE(row.ParseFromString(**context_.Get(kFamilyCase, pseudonym)));
      context_.Put(kFamilyCaseReferral, CaseReferralKey(pseudonym, row.referrals()), digest);
      row.set_referrals(row.referrals() + 1);
      context_.Put(kFamilyCase, pseudonym, row.SerializeAsString());
    }
    for (const std::string& agency : recipients) {
      auto& recipient = *stored.add_recipients();
      recipient.set_agency(agency);
      recipient.set_desk(desk);
    }
    EXPECT_EQ(SaveReferral(context_, digest, stored), absl::OkStatus());
    EXPECT_EQ(NoteStoredInCases(context_, digest, stored, parts.core, linked->matches, queued_), absl::OkStatus());
    return digest;
  }
  void Release(const std::string& digest, const std::string& agency) {
    auto stored = **LoadReferral(context_, digest);
    auto& recipient = *FindRecipient(stored, agency);
    EXPECT_EQ(NoteReleasedInCases(context_, digest, stored, agency, recipient.desk(), queued_), absl::OkStatus());
    recipient.add_released_sections(std::string(16, 'a'));
    EXPECT_EQ(SaveReferral(context_, digest, stored), absl::OkStatus());
  }
  // Who was told since the last time.
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    for (const auto& [mailbox, waiting] : queued_) {
      EXPECT_EQ(mailbox.desk, DESK_MAIN);
      told.push_back(mailbox.agency);
    }
    queued_.clear();
    return told;
  }
  std::string CaseOf(const std::string& digest) { return (*LoadReferral(context_, digest))->cases(0); }
  // The number of the one link there is.
  uint64_t Link(const std::string& digest) {
    const auto numbers = LinksOfCase(Reader(), CaseOf(digest));
    EXPECT_THAT(*numbers, SizeIs(1));
    return numbers->empty() ? 0 : numbers->front();
  }
  std::function<absl::StatusOr<std::optional<std::string>>(std::string_view, std::string_view)> Reader() {
    return PlainReaderOf(context_);
  }
  absl::Status Answer(const std::string& agency, uint64_t link, LinkAnswer answer, const std::string& request_id = "", Desk desk = DESK_MAIN,
                      const std::string& worker = "w-1") {
    LinkAct act{request_id.empty() ? fmt::format("answer-{}", ++answers_) : request_id, link, answer, {}};
    act.worker.set_pseudonym(worker);
    const Caller caller{options::v1::CALLER_AGENCY, agency, "agency/" + agency, "certificate", desk};
    AnswerLinkCommand command(caller, act, directory_, [](const absl::StatusOr<uint64_t>&) {});
    return command.Apply(context_);
  }
  static Reason ReasonOf(const absl::Status& status) {
    for (const Reason reason : {Reason::kLinkNotFound, Reason::kTransitionIllegal, Reason::kRequestIdReused, Reason::kNotPermitted, Reason::kFieldInvalid}) {
      if (HasReason(status, reason)) return reason;
    }
    return Reason::kInternal;
  }
  std::vector<EntryDraft> Entries(EventType type) const {
    std::vector<EntryDraft> some;
    for (const EntryDraft& entry : context_.entries) {
      if (entry.event.type() == type) some.push_back(entry);
    }
    return some;
  }

  MemoryContext context_;
  FakeRandom random_{1};
  const crypto::SigningKey signer_ = crypto::SigningKey::Generate();
  CaseLinker linker_{crypto::SecretBytes(std::string(32, 'i'))};
  DirectoryHolder directory_;
  NewDeliveries queued_;
  int sent_ = 0, answers_ = 0;
};

TEST_F(LinksTest, WhoHoldsBothIsToldAndNobodyElse) {
  const std::string first = Send("police", "anna", {"idva", "housing"});
  Release(first, "idva");
  EXPECT_THAT(Told(), IsEmpty()) << "there is one case";
  const std::string second = Send("health", "anne", {"idva"});
  EXPECT_NE(CaseOf(first), CaseOf(second));
  EXPECT_THAT(Told(), IsEmpty()) << "the sender of the second has nothing of the first";
  Release(second, "idva");
  EXPECT_THAT(Told(), ElementsAre("idva"));
  Release(second, "idva");
  EXPECT_THAT(Told(), IsEmpty()) << "once";

  const auto proposed = Entries(EVENT_TYPE_LINK_PROPOSED);
  ASSERT_THAT(proposed, SizeIs(2));
  EXPECT_THAT(proposed[0].chains, ElementsAre(CaseOf(first), CaseOf(second)));
  EXPECT_EQ(proposed[0].event.match_strength(), MATCH_STRENGTH_STRONG_AND_WEAK);
  EXPECT_FALSE(proposed[0].referral.has_value());
  EXPECT_THAT(proposed[1].chains, ElementsAre((*LoadReferral(context_, second))->chain())) << "a chain that erasing the referral empties";
  EXPECT_EQ(proposed[1].referral->recipient(), "idva");
  EXPECT_EQ(proposed[1].referral->sender(), "") << "the sender of the referral that is named may not know of the other case";
  const auto link = *LoadLink(Reader(), Link(first));
  EXPECT_EQ(link->one(), CaseOf(first));
  EXPECT_EQ(link->other(), CaseOf(second));
}

TEST_F(LinksTest, AnAgencyThatSentBothIsToldAtOnceAndOneThatComesToHoldBothThen) {
  Send("police", "anna");
  const std::string second = Send("police", "anne", {"idva"});
  EXPECT_THAT(Told(), ElementsAre("police"));
  Release(second, "idva");
  EXPECT_THAT(Told(), IsEmpty());
  Send("idva", "anna");
  EXPECT_THAT(Told(), ElementsAre("idva")) << "it holds the second, and now sent something of the first";
  Send("police", "anne");
  EXPECT_THAT(Told(), IsEmpty()) << "the pair is proposed once";
  EXPECT_THAT(Entries(EVENT_TYPE_LINK_PROPOSED), SizeIs(3));
}

TEST_F(LinksTest, TheConfidentialDeskIsNotToldNorTheMainDeskOfItsOwn) {
  const std::string first = Send("police", "anna", {"idva"}, DESK_CONFIDENTIAL), second = Send("police", "anne", {"idva"});
  EXPECT_THAT(Told(), ElementsAre("police"));
  Release(first, "idva");
  Release(second, "idva");
  EXPECT_THAT(Told(), IsEmpty()) << "what the confidential desk has is not the main desk's to know";
  EXPECT_EQ(ReasonOf(Answer("idva", Link(first), LINK_ANSWER_CONFIRMED)), Reason::kLinkNotFound);
}

TEST_F(LinksTest, OnlyWhoHoldsBothAnswers) {
  const std::string first = Send("police", "anna", {"idva"}), second = Send("police", "anne", {"idva"});
  Release(second, "idva");
  const uint64_t link = Link(first);
  EXPECT_EQ(ReasonOf(Answer("idva", link, LINK_ANSWER_CONFIRMED)), Reason::kLinkNotFound) << "it holds one";
  EXPECT_EQ(ReasonOf(Answer("housing", link, LINK_ANSWER_CONFIRMED)), Reason::kLinkNotFound);
  EXPECT_EQ(ReasonOf(Answer("police", link + 1000, LINK_ANSWER_CONFIRMED)), Reason::kLinkNotFound);
  EXPECT_EQ(ReasonOf(Answer("police", link, LINK_ANSWER_CONFIRMED, "", DESK_CONFIDENTIAL)), Reason::kLinkNotFound);
  EXPECT_EQ(ReasonOf(Answer("police", link, LINK_ANSWER_UNSPECIFIED)), Reason::kFieldInvalid);
  Release(first, "idva");
  EXPECT_EQ(Answer("idva", link, LINK_ANSWER_CONFIRMED), absl::OkStatus());
}

TEST_F(LinksTest, AnswersFollowOneAnother) {
  const std::string first = Send("police", "anna"), second = Send("police", "anne");
  const uint64_t link = Link(first);
  EXPECT_EQ(ReasonOf(Answer("police", link, LINK_ANSWER_UNDONE)), Reason::kTransitionIllegal) << "nothing is confirmed";
  EXPECT_THAT(*LinkedCases(Reader(), CaseOf(first)), ElementsAre(CaseOf(first))) << "a proposal links nothing";
  EXPECT_EQ(Answer("police", link, LINK_ANSWER_CONFIRMED, "answer-yes"), absl::OkStatus());
  EXPECT_EQ(Answer("police", link, LINK_ANSWER_CONFIRMED, "answer-yes"), absl::OkStatus()) << "the same request";
  EXPECT_EQ(ReasonOf(Answer("police", link, LINK_ANSWER_REJECTED, "answer-yes")), Reason::kRequestIdReused);
  EXPECT_EQ(ReasonOf(Answer("police", link, LINK_ANSWER_CONFIRMED)), Reason::kTransitionIllegal);
  EXPECT_THAT(*LinkedCases(Reader(), CaseOf(first)), ElementsAre(CaseOf(first), CaseOf(second)));
  EXPECT_THAT(*LinkedCases(Reader(), CaseOf(second)), ElementsAre(CaseOf(second), CaseOf(first)));
  EXPECT_EQ(Answer("police", link, LINK_ANSWER_UNDONE), absl::OkStatus());
  EXPECT_THAT(*LinkedCases(Reader(), CaseOf(first)), ElementsAre(CaseOf(first)));
  EXPECT_EQ(Answer("police", link, LINK_ANSWER_REJECTED), absl::OkStatus());
  EXPECT_EQ(Answer("police", link, LINK_ANSWER_CONFIRMED), absl::OkStatus()) << "in place of another answer";

  const auto answered = Entries(EVENT_TYPE_LINK_ANSWERED);
  ASSERT_THAT(answered, SizeIs(4));
  EXPECT_THAT(answered[0].chains, UnorderedElementsAre(CaseOf(first), CaseOf(second)));
  EXPECT_EQ(answered[0].actor->principal(), "agency/police");
  EXPECT_EQ(answered[0].actor->worker().pseudonym(), "w-1");
  EXPECT_EQ(answered[1].event.link_answer(), LINK_ANSWER_UNDONE);
  EXPECT_NE(CaseOf(first), CaseOf(second)) << "nothing is merged";
}

TEST_F(LinksTest, AWorkerWithAConflictDoesNotAnswer) {
  storage::v1::StoredConflictList list;
  list.add_workers("w-1");
  context_.Put(kFamilyPolicy, ConflictListKey("police"), list.SerializeAsString());
  directory_.Set(*DirectorySnapshot::Load(context_, 1));
  const std::string first = Send("police", "anna");
  Send("police", "anne");
  EXPECT_EQ(ReasonOf(Answer("police", Link(first), LINK_ANSWER_CONFIRMED)), Reason::kNotPermitted);
  EXPECT_EQ(Answer("police", Link(first), LINK_ANSWER_CONFIRMED, "", DESK_MAIN, "w-2"), absl::OkStatus());
}

TEST_F(LinksTest, ConfirmedLinksReachThroughOthersUpToABound) {
  std::vector<std::string> cases;
  for (size_t i = 0; i < kLinkedCasesMax + 2; ++i) {
    cases.push_back(std::string(15, 'c') + static_cast<char>('a' + i));
    if (i == 0) continue;
    storage::v1::StoredLink link;
    link.set_one(cases[i - 1]);
    link.set_other(cases[i]);
    link.set_answer(LINK_ANSWER_CONFIRMED);
    context_.Put(kFamilyLink, KeyU64(i), link.SerializeAsString());
    for (const size_t end : {i - 1, i}) {
      const auto row = context_.Get(kFamilyLinkIndex, LinksOfCaseKey(cases[end]));
      context_.Put(kFamilyLinkIndex, LinksOfCaseKey(cases[end]), row->value_or("") + KeyU64(i));
    }
  }
  const auto linked = LinkedCases(Reader(), cases[0]);
  EXPECT_EQ(*linked, std::vector<std::string>(cases.begin(), cases.begin() + kLinkedCasesMax));
}

TEST_F(LinksTest, ACaseHasSoManyLinksAndNoMore) {
  storage::v1::StoredReferral stored;
  std::vector<CaseMatch> matches;
  for (size_t i = 0; i <= kLinksPerCaseMax; ++i) {
    const std::string first = matches.empty() ? context_.OpenChain()->pseudonym : matches[0].one;
    matches.push_back({first, context_.OpenChain()->pseudonym, MATCH_STRENGTH_WEAK});
  }
  ASSERT_EQ(NoteStoredInCases(context_, std::string(32, 'd'), stored, HeaderCore(), matches, queued_), absl::OkStatus());
  EXPECT_THAT(*LinksOfCase(Reader(), matches.front().one), SizeIs(kLinksPerCaseMax));
  EXPECT_THAT(*LinksOfCase(Reader(), matches[kLinksPerCaseMax - 1].other), SizeIs(1));
  EXPECT_THAT(*LinksOfCase(Reader(), matches[kLinksPerCaseMax].other), IsEmpty());
}

TEST_F(LinksTest, OfACaseThatEndsNothingIsLeft) {
  const std::string first = Send("police", "anna"), second = Send("police", "anne"), third = Send("police", "ann");
  ASSERT_EQ(ForgetCase(context_, CaseOf(first)), absl::OkStatus());
  EXPECT_THAT(*LinksOfCase(Reader(), CaseOf(first)), IsEmpty());
  EXPECT_THAT(*LinksOfCase(Reader(), CaseOf(second)), SizeIs(1)) << "the one with the third";
  for (const auto& [key, value] : context_.rows) {
    if (key.first == kFamilyCaseMatch || key.first == kFamilyLink || key.first == kFamilyLinkIndex) {
      EXPECT_EQ((key.second + value).find(CaseOf(first)), std::string::npos) << key.first;
    }
  }
  ASSERT_EQ(ForgetCase(context_, CaseOf(second)), absl::OkStatus());
  ASSERT_EQ(ForgetCase(context_, CaseOf(third)), absl::OkStatus());
  for (const auto& [key, value] : context_.rows) {
    EXPECT_TRUE(key.first != kFamilyCaseMatch && key.first != kFamilyLink && key.first != kFamilyLinkIndex) << key.first << " " << ToHex(key.second);
  }
}

TEST(LinkNameTest, IsExact) {
  EXPECT_EQ(*ParseLinkName(LinkName(41)), 41u);
  for (const char* name : {"", "links/", "links/041", "links/-1", "link/41", "links/41 ", "links/18446744073709551616"}) {
    EXPECT_FALSE(ParseLinkName(name).ok()) << name;
  }
}

}  // namespace
}  // namespace accord::broker::links_test

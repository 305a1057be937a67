// What an agency says of a submission after it was settled, with the broker away, refusing or losing its answers, and the service
// killed between any two steps; and a basis for some of the sections.
#include <gtest/gtest.h>

#include <functional>

#include "common/agent/testing_service.h"
#include "common/base/ids.h"
#include "common/crypto/commitment.h"
#include "common/referral/referral_name.h"

namespace accord::agent::acts_test {
namespace {

using agency::v1::SUBMISSION_STATE_NEEDS_PERSON;
using agency::v1::SUBMISSION_STATE_SETTLED;
using type::v1::STATEMENT_KIND_BREACH_ASSESSED;
using type::v1::STATEMENT_KIND_CONSENT_CHANGE;
using type::v1::STATEMENT_KIND_GAP_REVIEWED;
using type::v1::STATEMENT_KIND_RECALL;
using type::v1::STATEMENT_KIND_WITHDRAWN;

const absl::Status kAway = Error(Reason::kBrokerUnreachable, "no answer");

agency::v1::SharingBasis Refused() {
  agency::v1::SharingBasis basis;
  basis.set_victim_awareness(type::v1::VICTIM_AWARENESS_INFORMED);
  basis.set_consent(type::v1::CONFIDENTIALITY_CONSENT_REFUSED);
  basis.set_article6(type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
  return basis;
}

// The draft with a basis of its own for the narrative.
Draft DraftWithSectionBasis(const std::string& request_id = "request-1") {
  Draft draft = SomeDraft(request_id);
  draft.options.mutable_basis()->set_rationale("why all of it");
  auto& row = *draft.options.add_section_bases();
  row.set_category(type::v1::CATEGORY_NARRATIVE);
  *row.mutable_basis() = Refused();
  row.mutable_basis()->set_approver("a-1");
  row.mutable_basis()->set_rationale("why the narrative");
  return draft;
}

referral::OpenedHeader HeaderOf(const std::string& submitted) {
  type::v1::Submission submission;
  EXPECT_TRUE(submission.ParseFromString(submitted));
  const std::vector<type::v1::Opening> openings(submission.openings().begin(), submission.openings().end());
  return *referral::OpenHeader(*referral::ParseHeader(submission.header()), openings);
}

class ActsTest : public AgentTest {
 protected:
  // Police's request-1, settled.
  std::string Settled(const Draft& draft = SomeDraft()) {
    EXPECT_TRUE(police.outbox->Push(draft).ok());
    police.Settle();
    EXPECT_EQ(police.State(draft.options.request_id()), SUBMISSION_STATE_SETTLED);
    return police.outbox->Get(draft.options.request_id())->header_digest();
  }
  storage::v1::StoredSubmission Stored(const std::string& id = "request-1") { return *police.outbox->Get(id); }
  Draft Correction(const std::string& id = "request-2") {
    Draft draft = SomeDraft(id);
    draft.options.set_corrects("request-1");
    draft.sections[1].content.mutable_text()->set_text("what really happened");
    return draft;
  }
};

TEST_F(ActsTest, WhatCameFromAnotherAgencySaysItsNameAndAnswer) {
  SignWithKnownCertificate();
  Draft draft = SomeDraft();
  draft.options.set_originator("health");
  draft.options.set_originator_agreement(type::v1::ORIGINATOR_AGREEMENT_GIVEN);
  draft.sections[1].third_party_material = true;
  Settled(draft);
  const auto header = HeaderOf(broker.submitted.back());
  for (const auto& row : header.sections) {
    const auto& section = row.part;
    const bool theirs = section.category() == draft.sections[1].category;
    EXPECT_EQ(section.originator(), theirs ? "health" : "") << section.category();
    EXPECT_EQ(section.originator_agreement() == type::v1::ORIGINATOR_AGREEMENT_GIVEN, theirs);
  }
}

TEST_F(ActsTest, AVictimInformationRequestNamesTheSectionThatStatesIt) {
  SignWithKnownCertificate();
  const auto settled = [&](Draft draft) {
    auto& law = *draft.core.mutable_victim_information_request();
    law.add_sought(type::v1::VICTIM_MATERIAL_MEDICAL);
    law.set_notice(type::v1::VICTIM_NOTICE_GIVEN);
    Settled(draft);
    return HeaderOf(broker.submitted.back());
  };
  const auto names = [](const referral::OpenedHeader& header, const auto& section) {
    return section.part.section_id() == header.core.part.victim_information_request().statement_section();
  };
  const auto stated = settled(SomeDraft());
  for (const auto& section : stated.sections) EXPECT_EQ(names(stated, section), section.part.category() == type::v1::CATEGORY_NARRATIVE);
  Draft draft = SomeDraft("request-2");
  draft.sections.pop_back();
  const auto unstated = settled(draft);
  EXPECT_EQ(unstated.core.part.victim_information_request().statement_section().size(), kIdBytes) << "the broker says that it lacks";
  for (const auto& section : unstated.sections) EXPECT_FALSE(names(unstated, section));
}

using SectionBasisTest = ActsTest;

TEST_F(SectionBasisTest, EachSectionIsUnderItsOwnTagWithItsOwnRationale) {
  SignWithKnownCertificate();
  Settled(DraftWithSectionBasis());
  const auto header = HeaderOf(broker.submitted.back());
  ASSERT_EQ(header.tags.size(), 2u);
  ASSERT_EQ(header.sections.size(), 4u);
  int rationales_under_own = 0;
  for (const auto& section : header.sections) {
    const auto& tag = *header.FindTag(section.part.tag_id());
    const bool own = tag.approver() == "a-1";
    EXPECT_TRUE(tag.rationale_present());
    if (section.part.category() == type::v1::CATEGORY_RATIONALE) {
      rationales_under_own += own ? 1 : 0;
    } else {
      EXPECT_EQ(own, section.part.category() == type::v1::CATEGORY_NARRATIVE);
    }
    EXPECT_EQ(tag.consent(), own ? type::v1::CONFIDENTIALITY_CONSENT_REFUSED : type::v1::CONFIDENTIALITY_CONSENT_GIVEN);
  }
  EXPECT_EQ(rationales_under_own, 1);
  // The recipient opens them all: each is bound to the tag that it is under.
  const auto delivery = DeliveryFor(idva);
  ASSERT_EQ(idva.inbox->Receive(delivery), absl::OkStatus());
  const auto sections = idva.inbox->Read("read-0001", referral::DigestOf(delivery.referral().header()), SomeWorker());
  ASSERT_TRUE(sections.ok()) << sections.status();
  EXPECT_EQ(sections->size(), 4u);
}

TEST_F(SectionBasisTest, IsRefusedWhereItWouldNotBeWhatTheWorkerMeant) {
  const auto refused = [&](void (*alter)(Draft&)) {
    Draft draft = DraftWithSectionBasis();
    alter(draft);
    const absl::Status status = police.outbox->Push(draft).status();
    EXPECT_EQ(DetailOf(status).metadata["field"].substr(0, 21), "options.section_bases") << status;
    return HasReason(status, Reason::kFieldInvalid);
  };
  EXPECT_TRUE(refused([](Draft& d) { *d.options.add_section_bases() = d.options.section_bases(0); })) << "twice";
  EXPECT_TRUE(refused([](Draft& d) { d.options.mutable_section_bases(0)->set_category(type::v1::CATEGORY_HEALTH); })) << "no such section";
  EXPECT_TRUE(refused([](Draft& d) { d.options.mutable_section_bases(0)->set_category(type::v1::CATEGORY_RATIONALE); }));
  EXPECT_TRUE(refused([](Draft& d) { d.options.mutable_section_bases(0)->mutable_basis()->set_jurisdiction(type::v1::JURISDICTION_WALES); }));
  EXPECT_TRUE(police.outbox->Push(DraftWithSectionBasis()).ok());
}

TEST_F(SectionBasisTest, OtherBasesAreOtherContent) {
  ASSERT_TRUE(police.outbox->Push(DraftWithSectionBasis()).ok());
  EXPECT_TRUE(police.outbox->Push(DraftWithSectionBasis()).ok());
  EXPECT_TRUE(HasReason(police.outbox->Push(SomeDraft()).status(), Reason::kRequestIdReused));
}

TEST_F(ActsTest, AChangeOfConsentReplacesEveryTagUnderItsId) {
  const std::string digest = Settled(DraftWithSectionBasis());
  const auto header = HeaderOf(broker.submitted.back());
  const auto basis = Refused();
  const auto acted = PoliceAct("consent-1", STATEMENT_KIND_CONSENT_CHANGE, &basis);
  ASSERT_TRUE(acted.ok()) << acted.status();
  ASSERT_EQ(broker.acts.size(), 1u);
  const auto statement = *referral::ParseStatement(broker.acts[0]);
  EXPECT_EQ(statement.header_digest(), digest);
  EXPECT_EQ(statement.agency(), "police");
  EXPECT_TRUE(statement.previous_statement().empty());
  const auto tags = referral::OpenTags(statement, broker.act_openings);
  ASSERT_TRUE(tags.ok()) << tags.status();
  ASSERT_EQ(tags->size(), 2u);
  for (const auto& tag : *tags) {
    ASSERT_NE(header.FindTag(tag.part.tag_id()), nullptr) << "under the id of an old one";
    EXPECT_EQ(tag.part.consent(), type::v1::CONFIDENTIALITY_CONSENT_REFUSED);
    EXPECT_TRUE(tag.part.rationale_present()) << "the sealed rationale is still there";
    EXPECT_TRUE(tag.part.approver().empty()) << "of the new basis alone";
  }
  EXPECT_FALSE(acted->has_pending_act());
  EXPECT_EQ(acted->act_receipts_size(), 1);
  EXPECT_EQ(police.outbox->waiting(), 0u);
}

TEST_F(ActsTest, ActsAreChainedAndEachGoesItsOwnWay) {
  Settled();
  const auto basis = Refused();
  ASSERT_TRUE(PoliceAct("consent-1", STATEMENT_KIND_CONSENT_CHANGE, &basis).ok());
  ASSERT_TRUE(PoliceAct("gap-00001", STATEMENT_KIND_GAP_REVIEWED, &basis).ok());
  EXPECT_FALSE(broker.act_openings.empty());
  ASSERT_TRUE(PoliceAct("gap-00002", STATEMENT_KIND_GAP_REVIEWED).ok());
  EXPECT_TRUE(broker.act_openings.empty());
  ASSERT_TRUE(PoliceAct("recall-01", STATEMENT_KIND_RECALL).ok());
  ASSERT_TRUE(PoliceAct("breach-01", STATEMENT_KIND_BREACH_ASSESSED).ok());
  ASSERT_EQ(broker.acts.size(), 5u);
  for (size_t i = 1; i < broker.acts.size(); ++i) {
    EXPECT_EQ(referral::ParseStatement(broker.acts[i])->previous_statement(), referral::DigestOf(broker.acts[i - 1]));
  }
  EXPECT_EQ(Stored().act_receipts_size(), 5);
  EXPECT_EQ(Stored().last_statement(), referral::DigestOf(broker.acts.back()));
}

TEST_F(ActsTest, TheSameActIsDoneOnceAndAnIdStandsForOneActOnly) {
  Settled();
  const auto basis = Refused();
  ASSERT_TRUE(PoliceAct("consent-1", STATEMENT_KIND_CONSENT_CHANGE, &basis).ok());
  clock.Advance(absl::Minutes(1));
  EXPECT_TRUE(PoliceAct("consent-1", STATEMENT_KIND_CONSENT_CHANGE, &basis).ok());
  police.Restart();
  EXPECT_TRUE(PoliceAct("consent-1", STATEMENT_KIND_CONSENT_CHANGE, &basis).ok());
  EXPECT_EQ(broker.acts.size(), 1u);
  auto other = basis;
  other.set_consent(type::v1::CONFIDENTIALITY_CONSENT_GIVEN);
  EXPECT_TRUE(HasReason(PoliceAct("consent-1", STATEMENT_KIND_CONSENT_CHANGE, &other).status(), Reason::kRequestIdReused));
  EXPECT_TRUE(HasReason(PoliceAct("consent-1", STATEMENT_KIND_RECALL).status(), Reason::kRequestIdReused));
  EXPECT_TRUE(HasReason(PoliceAct("short", STATEMENT_KIND_RECALL).status(), Reason::kFieldInvalid));
}

TEST_F(ActsTest, AnActWaitsForABrokerThatIsAwayOverRestartsAndIsSentByteForByte) {
  Settled();
  const auto basis = Refused();
  broker.lose_answer = true;
  EXPECT_FALSE(PoliceAct("consent-1", STATEMENT_KIND_CONSENT_CHANGE, &basis).ok());
  EXPECT_TRUE(Stored().has_pending_act());
  EXPECT_EQ(police.outbox->waiting(), 0u) << "the submission itself is settled";
  EXPECT_NE(Stored().waiting_for().find("STORE_UNAVAILABLE"), std::string::npos);
  EXPECT_FALSE(police.outbox->Step()) << "it waits before the next try";
  // Meanwhile: the same act is sent again, another one may not begin, and nothing is erased.
  EXPECT_FALSE(PoliceAct("consent-1", STATEMENT_KIND_CONSENT_CHANGE, &basis).ok());
  EXPECT_TRUE(HasReason(PoliceAct("recall-01", STATEMENT_KIND_RECALL).status(), Reason::kTransitionIllegal));
  auto other = basis;
  other.set_consent(type::v1::CONFIDENTIALITY_CONSENT_GIVEN);
  EXPECT_TRUE(HasReason(PoliceAct("consent-1", STATEMENT_KIND_CONSENT_CHANGE, &other).status(), Reason::kRequestIdReused));
  EXPECT_TRUE(HasReason(police.holds->Erase(Stored().header_digest(), SomeWorker()).status(), Reason::kTransitionIllegal));
  police.Restart();
  police.Settle();
  EXPECT_TRUE(Stored().has_pending_act());
  broker.lose_answer = false;
  clock.Advance(kRetryDelayMax);
  police.Settle();
  EXPECT_FALSE(Stored().has_pending_act());
  EXPECT_TRUE(Stored().waiting_for().empty());
  EXPECT_EQ(Stored().act_receipts_size(), 1);
  EXPECT_EQ(broker.acted.size(), 1u);
  ASSERT_GE(broker.acts.size(), 3u);
  for (const auto& act : broker.acts) EXPECT_EQ(act.SerializeAsString(), broker.acts[0].SerializeAsString());
  EXPECT_EQ(police.outbox->NextDue(), absl::InfiniteFuture());
  EXPECT_TRUE(PoliceAct("recall-01", STATEMENT_KIND_RECALL).ok());
}

TEST_F(ActsTest, ADefiniteRefusalIsGivenToWhoAskedAndDropsTheAct) {
  Settled();
  broker.refuse_act = Error(Reason::kSelfReview, "the worker who shared it");
  EXPECT_TRUE(HasReason(PoliceAct("gap-00001", STATEMENT_KIND_GAP_REVIEWED).status(), Reason::kSelfReview));
  EXPECT_FALSE(Stored().has_pending_act());
  EXPECT_NE(Stored().waiting_for().find("SELF_REVIEW"), std::string::npos);
  EXPECT_EQ(police.State(), SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(police.outbox->NextDue(), absl::InfiniteFuture()) << "and is never sent again";
  // Also when it is refused while nobody waits.
  broker.refuse_act = absl::OkStatus();
  broker.away = kAway;
  EXPECT_FALSE(PoliceAct("gap-00002", STATEMENT_KIND_GAP_REVIEWED).ok());
  broker.away = absl::OkStatus();
  broker.refuse_act = Error(Reason::kTransitionIllegal, "nothing is open there");
  clock.Advance(kRetryDelayMax);
  police.Settle();
  EXPECT_FALSE(Stored().has_pending_act());
  EXPECT_NE(Stored().waiting_for().find("nothing is open there"), std::string::npos);
  broker.refuse_act = absl::OkStatus();
  ASSERT_TRUE(PoliceAct("recall-01", STATEMENT_KIND_RECALL).ok());
  EXPECT_TRUE(Stored().waiting_for().empty());
  EXPECT_TRUE(referral::ParseStatement(broker.acts.back())->previous_statement().empty()) << "nothing that was refused is in the chain";
}

TEST_F(ActsTest, AnActSignedWithARetiredKeyIsSignedAnew) {
  Settled();
  broker.away = kAway;
  EXPECT_FALSE(PoliceAct("recall-01", STATEMENT_KIND_RECALL).ok());
  const std::string retired = Stored().pending_act().key_id();
  SignWithKnownCertificate();
  broker.away = absl::OkStatus();
  broker.refuse_act = Error(Reason::kSigningKeyUnknown, "the directory does not have it");
  clock.Advance(kRetryDelayMax);
  police.Settle();
  ASSERT_TRUE(Stored().has_pending_act());
  EXPECT_NE(Stored().pending_act().key_id(), retired);
  broker.refuse_act = absl::OkStatus();
  clock.Advance(kRetryDelayMax);
  police.Settle();
  EXPECT_FALSE(Stored().has_pending_act());
}

TEST_F(ActsTest, OnlyWhatTheBrokerStoredCanBeActedOn) {
  EXPECT_TRUE(HasReason(PoliceAct("recall-01", STATEMENT_KIND_RECALL).status(), Reason::kReferralNotFound));
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  EXPECT_TRUE(HasReason(PoliceAct("recall-01", STATEMENT_KIND_RECALL).status(), Reason::kTransitionIllegal));
  EXPECT_TRUE(HasReason(police.outbox->Holders("request-1").status(), Reason::kReferralNotFound));
  police.Settle();
  broker.holders.add_holders()->set_agency("idva");
  EXPECT_EQ(police.outbox->Holders("request-1")->holders(0).agency(), "idva");
  ASSERT_TRUE(police.holds->Erase(Stored().header_digest(), SomeWorker()).ok());
  EXPECT_TRUE(HasReason(PoliceAct("recall-01", STATEMENT_KIND_RECALL).status(), Reason::kTransitionIllegal));
  EXPECT_TRUE(broker.acts.empty());
}

TEST_F(ActsTest, WhomNoNoticeMayReachIsSaidOfTheNewestAct) {
  Settled();
  broker.not_told = {"housing"};
  ASSERT_TRUE(PoliceAct("recall-01", STATEMENT_KIND_RECALL).ok());
  ASSERT_EQ(Stored().not_told_size(), 1);
  EXPECT_EQ(Stored().not_told(0), "housing");
  ASSERT_TRUE(PoliceAct("breach-01", STATEMENT_KIND_BREACH_ASSESSED).ok());
  EXPECT_EQ(Stored().not_told_size(), 0);
}

TEST_F(ActsTest, AWithdrawalIsAnActLikeTheOthers) {
  const std::string digest = Settled();
  broker.lose_answer = true;
  EXPECT_FALSE(PoliceAct("withdraw-1", STATEMENT_KIND_WITHDRAWN).ok());
  EXPECT_TRUE(Stored().has_pending_act());
  police.Restart();
  broker.lose_answer = false;
  clock.Advance(kRetryDelayMax);
  police.Settle();
  EXPECT_FALSE(Stored().has_pending_act());
  ASSERT_FALSE(broker.acts.empty());
  const auto statement = *referral::ParseStatement(broker.acts.back());
  EXPECT_EQ(statement.kind(), STATEMENT_KIND_WITHDRAWN);
  EXPECT_EQ(statement.header_digest(), digest);
  EXPECT_EQ(statement.withdraw_reason(), type::v1::WITHDRAW_REASON_NOT_WANTED);
  EXPECT_EQ(broker.acted.size(), 1u);
  EXPECT_EQ(Stored().act_receipts_size(), 1);
  EXPECT_TRUE(PoliceAct("withdraw-1", STATEMENT_KIND_WITHDRAWN).ok()) << "asked for again: its first answer";
  EXPECT_TRUE(HasReason(PoliceAct("withdraw-1", STATEMENT_KIND_RECALL).status(), Reason::kRequestIdReused));
}

// What the sender keeps of a recipient's word is all that it says.
TEST_F(ActsTest, AStatementIsKeptWithWhatItSays) {
  const std::string digest = Settled();
  const auto received = [&](const std::function<void(type::v1::Statement&)>& say) {
    type::v1::Statement statement;
    statement.set_agency("idva");
    say(statement);
    EXPECT_EQ(police.outbox->AddStatement(digest, statement), absl::OkStatus());
    const auto stored = Stored();
    EXPECT_GT(stored.statements_size(), 0);
    return stored.statements().empty() ? agency::v1::ReceivedStatement() : *stored.statements().rbegin();
  };
  const auto returned = received([](auto& s) { s.add_return_reasons(type::v1::RETURN_REASON_BASIS_UNCLEAR); });
  ASSERT_EQ(returned.return_reasons_size(), 1);
  EXPECT_EQ(returned.return_reasons(0), type::v1::RETURN_REASON_BASIS_UNCLEAR);
  EXPECT_EQ(received([](auto& s) { s.set_redirect_to("housing"); }).redirect_to(), "housing");
  EXPECT_EQ(received([](auto& s) { s.set_close_reason(type::v1::CLOSE_REASON_MOVED_AWAY); }).close_reason(), type::v1::CLOSE_REASON_MOVED_AWAY);
  EXPECT_EQ(received([](auto& s) { s.set_threshold(type::v1::CONTACT_THRESHOLD_EARLY_HELP); }).threshold(),
            type::v1::CONTACT_THRESHOLD_EARLY_HELP);
  EXPECT_EQ(received([](auto& s) { s.set_decision_reason("harm/4.2"); }).decision_reason(), "harm/4.2");
  EXPECT_EQ(received([](auto& s) { s.set_meeting_at_ms(5); }).meeting_at_ms(), 5);
  EXPECT_EQ(received([](auto& s) { s.set_other_forum("marac-south"); }).other_forum(), "marac-south");
  EXPECT_EQ(Stored().statements_size(), 7);
}

TEST_F(ActsTest, TheNewestReceiptsOfActsAreKept) {
  Settled();
  for (int i = 0; i <= kActReceiptsMax; ++i) {
    ASSERT_TRUE(PoliceAct("breach-" + std::to_string(100 + i), STATEMENT_KIND_BREACH_ASSESSED).ok());
  }
  EXPECT_EQ(Stored().act_receipts_size(), kActReceiptsMax);
}

using CorrectionTest = ActsTest;

TEST_F(CorrectionTest, GoesWithItsStatementOnTheOlderVersion) {
  const std::string older = Settled();
  Draft draft = Correction();
  draft.options.set_safe_contact_change(true);
  broker.not_told = {"housing"};
  const std::string newer = Settled(draft);
  const auto header = HeaderOf(broker.submitted.back());
  EXPECT_EQ(header.core.part.type(), type::v1::REFERRAL_TYPE_CORRECTION);
  EXPECT_EQ(header.core.part.caused_by(), older);
  EXPECT_TRUE(header.core.part.safe_contact_change());
  ASSERT_EQ(broker.acts.size(), 1u);
  const auto statement = *referral::ParseStatement(broker.acts[0]);
  EXPECT_EQ(statement.request_id(), "request-2.statement");
  EXPECT_EQ(statement.header_digest(), older);
  EXPECT_EQ(statement.replaced_by(), newer);
  EXPECT_TRUE(statement.safe_contact_change());
  for (const char* id : {"request-1", "request-2"}) {
    ASSERT_EQ(Stored(id).not_told_size(), 1) << id;
    EXPECT_EQ(Stored(id).not_told(0), "housing");
  }
  // The chain of the older version goes on from it.
  EXPECT_EQ(Stored().last_statement(), referral::DigestOf(broker.acts[0]));
  EXPECT_EQ(Stored().act_receipts_size(), 1);
  ASSERT_TRUE(PoliceAct("recall-01", STATEMENT_KIND_RECALL).ok());
  EXPECT_EQ(referral::ParseStatement(broker.acts.back())->previous_statement(), referral::DigestOf(broker.acts[0]));
}

TEST_F(CorrectionTest, SurvivesAKillInEachState) {
  Settled();
  ASSERT_TRUE(police.outbox->Push(Correction()).ok());
  police.Restart();
  ASSERT_TRUE(police.outbox->Step());
  police.Restart();
  EXPECT_TRUE(HasReason(PoliceAct("recall-01", STATEMENT_KIND_RECALL).status(), Reason::kTransitionIllegal))
      << "its statement would name the same one before it";
  EXPECT_TRUE(HasReason(police.holds->Erase(Stored().header_digest(), SomeWorker()).status(), Reason::kTransitionIllegal));
  broker.lose_answer = true;
  ASSERT_TRUE(police.outbox->Step());
  police.Restart();
  broker.lose_answer = false;
  police.Settle();
  EXPECT_EQ(police.State("request-2"), SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(broker.acted.size(), 1u);
  EXPECT_EQ(Stored().act_receipts_size(), 1);
  ASSERT_EQ(broker.acts.size(), 2u);
  EXPECT_EQ(broker.acts[0].SerializeAsString(), broker.acts[1].SerializeAsString());
  EXPECT_TRUE(police.outbox->Push(Correction()).ok()) << "pushed again: its first answer";
  ASSERT_TRUE(police.holds->Erase(Stored().header_digest(), SomeWorker()).ok());
  EXPECT_TRUE(police.outbox->Push(Correction()).ok()) << "also when what it corrected was erased since";
  EXPECT_TRUE(HasReason(police.outbox->Push(Correction("request-3")).status(), Reason::kTransitionIllegal));
}

TEST_F(CorrectionTest, WaitsForAnActOnWhatItCorrectsAndForAnotherCorrection) {
  Settled();
  broker.away = kAway;
  EXPECT_FALSE(PoliceAct("breach-01", STATEMENT_KIND_BREACH_ASSESSED).ok());
  broker.away = absl::OkStatus();
  ASSERT_TRUE(police.outbox->Push(Correction()).ok());
  ASSERT_TRUE(police.outbox->Step()) << "the act is not due yet; the correction finds that it waits";
  EXPECT_EQ(police.State("request-2"), agency::v1::SUBMISSION_STATE_ACCEPTED);
  clock.Advance(kRetryDelayMax);
  police.Settle();
  EXPECT_EQ(police.State("request-2"), SUBMISSION_STATE_SETTLED);
  ASSERT_EQ(broker.acts.size(), 2u);
  EXPECT_EQ(referral::ParseStatement(broker.acts[1])->previous_statement(), referral::DigestOf(broker.acts[0]));

  ASSERT_TRUE(police.outbox->Push(Correction("request-3")).ok());
  ASSERT_TRUE(police.outbox->Step());
  EXPECT_EQ(police.State("request-3"), agency::v1::SUBMISSION_STATE_PREPARED);
  ASSERT_TRUE(police.outbox->Push(Correction("request-4")).ok());
  broker.refuse_act = kAway;
  police.Settle();
  EXPECT_EQ(police.State("request-4"), agency::v1::SUBMISSION_STATE_ACCEPTED);
}

TEST_F(CorrectionTest, OfWhatWasErasedMeanwhileItAsksAPerson) {
  Settled();
  ASSERT_TRUE(police.outbox->Push(Correction()).ok());
  ASSERT_TRUE(police.holds->Erase(Stored().header_digest(), SomeWorker()).ok());
  police.Settle();
  EXPECT_EQ(police.State("request-2"), SUBMISSION_STATE_NEEDS_PERSON);
  EXPECT_TRUE(broker.acts.empty());
}

TEST_F(CorrectionTest, RefusedForGoodItAsksAPerson) {
  Settled();
  broker.refuse_act = Error(Reason::kTransitionIllegal, "it was recalled");
  ASSERT_TRUE(police.outbox->Push(Correction()).ok());
  police.Settle();
  EXPECT_EQ(police.State("request-2"), SUBMISSION_STATE_NEEDS_PERSON);
  broker.refuse_act = absl::OkStatus();
  EXPECT_TRUE(PoliceAct("recall-01", STATEMENT_KIND_RECALL).ok()) << "it is not on its way any more";
}

TEST_F(CorrectionTest, OfASafeContactOvertakesAllElse) {
  Settled();
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-5")).ok());
  Draft draft = Correction();
  draft.options.set_safe_contact_change(true);
  ASSERT_TRUE(police.outbox->Push(draft).ok());
  ASSERT_TRUE(police.outbox->Push(Correction("request-3")).ok());
  ASSERT_TRUE(police.outbox->Step());
  EXPECT_EQ(police.State("request-2"), agency::v1::SUBMISSION_STATE_PREPARED);
  EXPECT_EQ(police.State("request-5"), agency::v1::SUBMISSION_STATE_ACCEPTED);
}

TEST_F(CorrectionTest, IsOfASettledSubmissionOfOurOwnAlone) {
  EXPECT_TRUE(HasReason(police.outbox->Push(Correction()).status(), Reason::kReferralNotFound));
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  EXPECT_TRUE(HasReason(police.outbox->Push(Correction()).status(), Reason::kTransitionIllegal));
  police.Settle();
  Draft self = Correction("request-1");
  EXPECT_TRUE(HasReason(police.outbox->Push(self).status(), Reason::kFieldInvalid));
  Draft alone = SomeDraft("request-9");
  alone.options.set_safe_contact_change(true);
  EXPECT_TRUE(HasReason(police.outbox->Push(alone).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(police.outbox->Push(Correction(std::string(119, 'r'))).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(police.outbox->Push(Correction(std::string(118, 'r'))).ok());
}

using NotSharedTest = ActsTest;

Draft NotShared(const std::string& id = "request-1") {
  Draft draft = SomeDraft(id);
  draft.sections.clear();
  draft.core.set_type(type::v1::REFERRAL_TYPE_NOT_SHARED);
  draft.core.set_not_shared_reason(type::v1::NOT_SHARED_REASON_NO_CONSENT_NO_BASIS);
  draft.options.mutable_basis()->set_rationale("she said no, and nobody is in danger");
  return draft;
}

TEST_F(NotSharedTest, IsRecordedWithoutASectionAndItsRationaleStaysHere) {
  ASSERT_TRUE(police.outbox->Push(NotShared()).ok());
  police.Settle();
  ASSERT_EQ(police.State(), SUBMISSION_STATE_SETTLED) << Stored().waiting_for();
  const auto header = HeaderOf(broker.submitted.back());
  EXPECT_TRUE(header.sections.empty());
  ASSERT_EQ(header.tags.size(), 1u);
  EXPECT_FALSE(header.tags[0].part.rationale_present()) << "none is sealed";
  EXPECT_EQ(header.recipients.size(), 1u);
  EXPECT_EQ(broker.submitted.back().find("she said no"), std::string::npos);
  EXPECT_EQ(Stored().draft().options().basis().rationale(), "she said no, and nobody is in danger");
  EXPECT_TRUE(HasReason(police.outbox->Push(Correction()).status(), Reason::kTransitionIllegal)) << "nobody holds it";
}

TEST_F(NotSharedTest, WhatWasToldOutsideIsRecordedLikewise) {
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  police.Settle();
  Draft told = SomeDraft("request-2");
  told.sections.clear();
  told.core.set_type(type::v1::REFERRAL_TYPE_SENT_OUTSIDE);
  told.core.set_outside_channel(type::v1::OUTSIDE_CHANNEL_SECURE_MAIL);
  told.core.mutable_happened()->set_earliest_ms(1);
  told.core.mutable_happened()->set_latest_ms(1);
  told.core.set_caused_by(Stored().header_digest());
  told.options.mutable_basis()->set_rationale("she asked us to ring");
  ASSERT_TRUE(police.outbox->Push(told).ok());
  police.Settle();
  ASSERT_EQ(police.State("request-2"), SUBMISSION_STATE_SETTLED) << Stored("request-2").waiting_for();
  const auto header = HeaderOf(broker.submitted.back());
  EXPECT_TRUE(header.sections.empty());
  EXPECT_EQ(header.core.part.caused_by(), Stored().header_digest());
  EXPECT_EQ(broker.submitted.back().find("she asked us"), std::string::npos);
  Draft correction = Correction("request-3");
  correction.options.set_corrects("request-2");
  EXPECT_TRUE(HasReason(police.outbox->Push(correction).status(), Reason::kTransitionIllegal)) << "nobody holds it";
}

}  // namespace
}  // namespace accord::agent::acts_test

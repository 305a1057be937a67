// Change of consent, correction and recall over the wire: a whole broker with TLS, a real store and a real log.
//
// Goal: what docs/sharing.md promises when consent changes, something was wrong, or went astray; above all what must not happen: a copy
// that leaves after it was stopped, a notice that reaches whom it would endanger, a new value shown before the old one is marked.
// Method: raw stubs of single agencies, and the commands of the sequencer themselves where the interleaving is the point.
#include <absl/synchronization/notification.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "accord/broker/v1/sharing_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/working_days.h"
#include "common/crypto/commitment.h"
#include "common/ledger/note.h"
#include "common/ledger/tlog_proof.h"
#include "common/referral/referral_name.h"
#include "common/referral/statement.h"
#include "services/broker/api/testing_change.h"
#include "services/broker/delivery/release.h"
#include "services/broker/directory/families.h"
#include "services/broker/sharing/breach.h"
#include "services/broker/sharing/change_clock.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker::change_api_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// ---------------------------------------------------------------- change of consent

TEST_F(ChangeApiTest, WithdrawalStopsWhatHasNotLeftAndTellsWhoHolds) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva", "childrens"}});
  ASSERT_TRUE(Take("idva").has_referral());
  const auto request = MakeChange(sent, With(sent, CONFIDENTIALITY_CONSENT_WITHDRAWN), "withdrawn-1");
  const absl::Time before = world_.clock().Now();
  const auto changed = Change(request);
  ASSERT_EQ(changed.status(), absl::OkStatus());
  EXPECT_THAT(Agencies(changed->told()), ElementsAre("idva"));
  EXPECT_GE(changed->told(0).due_at_ms(), absl::ToUnixMillis(EndOfNextWorkingDay(before)));
  EXPECT_LE(changed->told(0).due_at_ms(), absl::ToUnixMillis(EndOfNextWorkingDay(world_.clock().Now())));
  EXPECT_THAT(List(changed->stopped()), ElementsAre("childrens"));
  EXPECT_THAT(changed->not_told(), IsEmpty());
  EXPECT_EQ(StateAt("childrens", sent.digest), REFERRAL_STATE_DEAD_LETTER);
  EXPECT_EQ(StateAt("idva", sent.digest), REFERRAL_STATE_DELIVERED);
  EXPECT_EQ(Depth("childrens"), 0u);
  EXPECT_EQ(EntriesOpenTo("police", EVENT_TYPE_COPY_STOPPED).size(), 1u);
  EXPECT_THAT(EntriesOpenTo("childrens", EVENT_TYPE_COPY_STOPPED), IsEmpty());

  // All of it is one batch: what was stored survives a stop, and a repeat is given the first answer.
  world_.Stop();
  world_.Start();
  Connect();
  const auto again = Change(request);
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_EQ(again->index(), changed->index());
  EXPECT_THAT(Agencies(again->told()), ElementsAre("idva"));
  EXPECT_EQ(again->told(0).due_at_ms(), changed->told(0).due_at_ms());
  EXPECT_THAT(List(again->stopped()), ElementsAre("childrens"));
  EXPECT_EQ(Depth("idva"), 1u) << "it is told once";
  EXPECT_EQ(Refused(Change(MakeChange(sent, With(sent, CONFIDENTIALITY_CONSENT_GIVEN), "withdrawn-1")).status()), Reason::kRequestIdReused);

  const v1::Delivery told = Take("idva");
  EXPECT_EQ(told.lane(), LANE_IMMEDIATE);
  EXPECT_EQ(told.answer_due_ms(), changed->told(0).due_at_ms());
  EXPECT_EQ(Read(told).kind(), STATEMENT_KIND_CONSENT_CHANGE);
  ASSERT_EQ(told.statement_openings_size(), 1);
  const Opening& opening = told.statement_openings(0);
  TagPart tag;
  ASSERT_TRUE(tag.ParseFromString(opening.content()));
  EXPECT_EQ(tag.consent(), CONFIDENTIALITY_CONSENT_WITHDRAWN);
  const Statement said = Read(told);
  EXPECT_THAT(std::vector<std::string>(said.tag_commitments().begin(), said.tag_commitments().end()),
              ::testing::Contains(crypto::Commit(crypto::kHeaderPartDomain, {opening.label(), opening.salt(), opening.content()})));
  // Its entry opens to the sender, who sees the act and each telling, and to who was told, who sees its own.
  EXPECT_EQ(EntriesOpenTo("police", EVENT_TYPE_STATEMENT).size(), 2u);
  const auto seen = EntriesOpenTo("idva", EVENT_TYPE_STATEMENT);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].referral->statement_digest(), changed->statement_digest());
  EXPECT_FALSE(seen[0].decisions.has_value() || seen[0].actor.has_value());
  EXPECT_THAT(EntriesOpenTo("childrens", EVENT_TYPE_STATEMENT), IsEmpty());

  auto held = Holders("police", sent.digest);
  ASSERT_EQ(held.status(), absl::OkStatus());
  ASSERT_EQ(held->holders_size(), 1);
  EXPECT_EQ(held->holders(0).agency(), "idva");
  EXPECT_EQ(held->holders(0).change(), changed->statement_digest());
  EXPECT_EQ(held->holders(0).due_at_ms(), changed->told(0).due_at_ms());
  ASSERT_EQ(held->holders(0).sections_size(), 3);
  EXPECT_EQ(held->holders(0).sections(0).consent(), CONFIDENTIALITY_CONSENT_WITHDRAWN);
  EXPECT_EQ(held->holders(0).sections(0).article6(), ARTICLE6_BASIS_PUBLIC_TASK);
  EXPECT_EQ(held->holders(0).sections(0).rule_id(), "agreement/1/all");

  const auto answered = AnswerChange("idva", sent.digest, changed->statement_digest(), CHANGE_ANSWER_KEPT_ON_BASIS, "", ARTICLE6_BASIS_LEGAL_OBLIGATION);
  ASSERT_EQ(answered.status(), absl::OkStatus());
  EXPECT_EQ(answered->state(), REFERRAL_STATE_DELIVERED) << "an answer moves nothing";
  EXPECT_EQ(DueRows(DueKind::kChange), 0u);
  const Statement word = Read(Take("police"));
  EXPECT_EQ(word.change_answer(), CHANGE_ANSWER_KEPT_ON_BASIS);
  held = Holders("police", sent.digest);
  EXPECT_EQ(held->holders(0).answer(), CHANGE_ANSWER_KEPT_ON_BASIS);
  EXPECT_EQ(held->holders(0).kept_article6(), ARTICLE6_BASIS_LEGAL_OBLIGATION);
  EXPECT_EQ(held->holders(0).due_at_ms(), 0);
  // A later answer to the same change replaces it.
  EXPECT_EQ(AnswerChange("idva", sent.digest, changed->statement_digest(), CHANGE_ANSWER_STOPPED, answered->statement_digest()).status(), absl::OkStatus());
  EXPECT_EQ(Holders("police", sent.digest)->holders(0).answer(), CHANGE_ANSWER_STOPPED);
}

// Decided by a worker, then consent is withdrawn, then the sequencer's turn: the copy does not leave.
TEST_F(ChangeApiTest, ALeaseInFlightDoesNotLeaveAfterTheChange) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Leased leased = PlanOf("idva", sent.digest);
  ASSERT_EQ(leased.plan.sections.size(), 3u);
  ASSERT_EQ(Change(MakeChange(sent, With(sent, CONFIDENTIALITY_CONSENT_WITHDRAWN), "withdrawn-1")).status(), absl::OkStatus());
  EXPECT_EQ(Refused(Release("idva", std::move(leased)).status()), Reason::kDeliveryNotFound);
  EXPECT_THAT(EntriesOpenTo("police", EVENT_TYPE_RELEASED), IsEmpty());
}

TEST_F(ChangeApiTest, ALeaseInFlightIsPlannedAgainUnderTheNarrowerConsent) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Leased leased = PlanOf("idva", sent.digest);
  const auto changed = Change(MakeChange(sent, With(sent, CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS,
                                                    [](TagPart& tag) { tag.add_consent_excludes_categories(CATEGORY_NARRATIVE); }), "narrowed-1"));
  ASSERT_EQ(changed.status(), absl::OkStatus());
  EXPECT_THAT(List(changed->stopped()), ElementsAre("idva")) << "in part";
  EXPECT_THAT(changed->told(), IsEmpty());
  const auto released = Release("idva", std::move(leased));
  ASSERT_EQ(released.status(), absl::OkStatus());
  EXPECT_THAT(SectionsOf(released->plan), UnorderedElementsAre(sent.sections.at(CATEGORY_IDENTITY), sent.sections.at(CATEGORY_RISK)));
}

// What can still slip: a copy whose RELEASED entry is before the change's. It is held, so its holder is told.
TEST_F(ChangeApiTest, WhatWasReleasedBeforeTheChangeIsHeldAndTold) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  ASSERT_EQ(Release("idva", PlanOf("idva", sent.digest)).status(), absl::OkStatus());
  const auto changed = Change(MakeChange(sent, With(sent, CONFIDENTIALITY_CONSENT_WITHDRAWN), "withdrawn-1"));
  ASSERT_EQ(changed.status(), absl::OkStatus());
  EXPECT_THAT(Agencies(changed->told()), ElementsAre("idva"));
  EXPECT_THAT(changed->stopped(), IsEmpty());
  // The attempt is not made again, whatever came of it.
  EXPECT_EQ(EntriesOpenTo("police", EVENT_TYPE_COPY_STOPPED).size(), 1u);
  EXPECT_EQ(Depth("idva"), 1u);
  EXPECT_TRUE(Take("idva").has_statement());
  EXPECT_EQ(StateAt("idva", sent.digest), REFERRAL_STATE_RELEASED);
}

TEST_F(ChangeApiTest, WideningFlowsToWhoStillWaits) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  const auto narrowed = Change(MakeChange(sent, With(sent, CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS,
                                                     [](TagPart& tag) { tag.add_consent_categories(CATEGORY_IDENTITY); }), "narrowed-1"));
  ASSERT_EQ(narrowed.status(), absl::OkStatus());
  EXPECT_EQ(PlanOf("idva", sent.digest).plan.sections.size(), 1u);
  // In the order of the sender's statements, and no other.
  EXPECT_EQ(Refused(Change(MakeChange(sent, With(sent, CONFIDENTIALITY_CONSENT_GIVEN), "widened-01")).status()), Reason::kTransitionIllegal);
  const auto widened = Change(MakeChange(sent, With(sent, CONFIDENTIALITY_CONSENT_GIVEN), "widened-01", narrowed->statement_digest()));
  ASSERT_EQ(widened.status(), absl::OkStatus());
  EXPECT_THAT(widened->stopped(), IsEmpty());
  EXPECT_EQ(Take("idva").referral().sections_size(), 3);
  // Its copy shows the tags as they were signed: what was said since follows, in order, and nothing is asked.
  const v1::Delivery first = Take("idva"), second = Take("idva");
  EXPECT_EQ(referral::DigestOf(first.statement()), narrowed->statement_digest());
  EXPECT_EQ(referral::DigestOf(second.statement()), widened->statement_digest());
  EXPECT_EQ(second.statement_openings_size(), 1);
  EXPECT_EQ(second.answer_due_ms(), 0);
  EXPECT_EQ(EntriesOpenTo("idva", EVENT_TYPE_STATEMENT).size(), 2u);
  EXPECT_EQ(DueRows(DueKind::kChange), 0u);
  EXPECT_EQ(Depth("idva"), 0u);
}

TEST_F(ChangeApiTest, TellsOnlyThoseWhoseTagChangedAndOpensOnlyTheirs) {
  std::string narrative_tag;
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva", "housing"}, .alter = [&](referral::HeaderParts& parts) {
                            TagPart tag = parts.tags[0];
                            tag.set_tag_id(narrative_tag = NewId(world_.random()));
                            parts.tags.push_back(tag);
                            for (auto& section : parts.sections) {
                              if (section.category() == CATEGORY_NARRATIVE) section.set_tag_id(narrative_tag);
                            }
                          }});
  Take("idva");
  Take("housing");
  std::vector<TagPart> narrative;
  for (const TagPart& tag : With(sent, CONFIDENTIALITY_CONSENT_WITHDRAWN)) {
    if (tag.tag_id() == narrative_tag) narrative.push_back(tag);
  }
  const auto first = Change(MakeChange(sent, narrative, "withdrawn-1"));
  ASSERT_EQ(first.status(), absl::OkStatus());
  EXPECT_THAT(Agencies(first->told()), ElementsAre("idva"));
  EXPECT_EQ(Depth("housing"), 0u);
  const auto second = Change(MakeChange(sent, With(sent, CONFIDENTIALITY_CONSENT_WITHDRAWN), "withdrawn-2", first->statement_digest()));
  ASSERT_EQ(second.status(), absl::OkStatus());
  EXPECT_THAT(Agencies(second->told()), UnorderedElementsAre("idva", "housing"));
  // Housing holds the identity alone: it learns of no other tag.
  const v1::Delivery told = Take("housing");
  ASSERT_EQ(told.statement_openings_size(), 1);
  TagPart tag;
  ASSERT_TRUE(tag.ParseFromString(told.statement_openings(0).content()));
  EXPECT_NE(tag.tag_id(), narrative_tag);
  EXPECT_EQ(Take("idva").statement_openings_size(), 1) << "of the first, in its order";
  EXPECT_EQ(Take("idva").statement_openings_size(), 2);
  // The newest is to be answered.
  EXPECT_EQ(Refused(AnswerChange("idva", sent.digest, first->statement_digest(), CHANGE_ANSWER_STOPPED).status()), Reason::kTransitionIllegal);
  EXPECT_EQ(AnswerChange("idva", sent.digest, second->statement_digest(), CHANGE_ANSWER_STOPPED).status(), absl::OkStatus());
}

TEST_F(ChangeApiTest, RefusesWhatIsNotTheSendersToChange) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Take("idva");
  const auto tags = With(sent, CONFIDENTIALITY_CONSENT_WITHDRAWN);
  // Another agency's: the answer is that of a referral that is not there.
  const auto foreign = Change(MakeChange(sent, tags, "withdrawn-1", "", [](Statement& statement) { statement.set_agency("idva"); }), "idva");
  EXPECT_EQ(Refused(foreign.status()), Reason::kNotPermitted);
  const auto absent = Change(MakeChange(sent, tags, "withdrawn-1", "", [](Statement& statement) { statement.set_header_digest(std::string(32, 'x')); }));
  EXPECT_EQ(absent.status(), foreign.status());
  EXPECT_EQ(Refused(Change(MakeChange(sent, tags, "withdrawn-1", "", [](Statement& statement) { statement.set_agency("idva"); })).status()), Reason::kSigningKeyUnknown);

  auto request = MakeChange(sent, tags, "withdrawn-1");
  request.mutable_openings(0)->mutable_content()->back() ^= 1;
  EXPECT_EQ(Refused(Change(request).status()), Reason::kOpeningMismatch);
  request = MakeChange(sent, tags, "withdrawn-1");
  request.clear_openings();
  EXPECT_EQ(Refused(Change(request).status()), Reason::kFieldMissing);
  request = MakeChange(sent, tags, "withdrawn-1");
  request.mutable_statement()->mutable_signature()->back() ^= 1;
  EXPECT_EQ(Refused(Change(request).status()), Reason::kSignatureInvalid);
  auto others = tags;
  others[0].set_tag_id(NewId(world_.random()));
  EXPECT_EQ(Refused(Change(MakeChange(sent, others, "withdrawn-1")).status()), Reason::kFieldInvalid);
  others = tags;
  others[0].clear_regime();
  EXPECT_EQ(Refused(Change(MakeChange(sent, others, "withdrawn-1")).status()), Reason::kFieldMissing) << "no tag of a referral";
  v1::ChangeConsentRequest recall = MakeChange(sent, tags, "withdrawn-1");
  Statement statement = Word("police", STATEMENT_KIND_RECALL, "withdrawn-1", sent.digest, "");
  statement.set_recall_reason(RECALL_REASON_WRONG_PERSON);
  *recall.mutable_statement() = Sign(statement);
  EXPECT_EQ(Refused(Change(recall).status()), Reason::kFieldInvalid);
  // None of these refusals took the id, and a worker in conflict is refused like anybody who may not know of it.
  admin::v1::Change conflict;
  conflict.mutable_put_conflict_list()->set_agency("police");
  conflict.mutable_put_conflict_list()->add_workers("worker-1");
  ASSERT_EQ(world_.Change(conflict), absl::OkStatus());
  EXPECT_EQ(Change(MakeChange(sent, tags, "withdrawn-1")).status(), foreign.status());
  EXPECT_EQ(Refused(Recall(sent.digest, "recalled-01").status()), Reason::kNotPermitted);
  EXPECT_EQ(Depth("idva"), 0u);
  const auto other = Change(MakeChange(sent, tags, "withdrawn-1", "", [](Statement& by) { by.mutable_worker()->set_pseudonym("worker-2"); }));
  EXPECT_EQ(other.status(), absl::OkStatus());
}

TEST_F(ChangeApiTest, AnErasedReferralCannotBeChanged) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva", "childrens"}});
  Take("idva");
  const auto request = MakeChange(sent, With(sent, CONFIDENTIALITY_CONSENT_WITHDRAWN), "withdrawn-1");
  ASSERT_EQ(Change(request).status(), absl::OkStatus());
  admin::v1::Change erase;
  erase.mutable_erase()->set_header_digest(sent.digest);
  erase.mutable_erase()->set_ground(ERASURE_GROUND_ORDER);
  erase.mutable_erase()->set_authority("court-1");
  ASSERT_EQ(world_.Change(erase), absl::OkStatus());
  EXPECT_EQ(Refused(Change(request).status()), Reason::kErased);
  EXPECT_EQ(Refused(Recall(sent.digest, "recalled-01").status()), Reason::kErased);
  EXPECT_EQ(Refused(Holders("police", sent.digest).status()), Reason::kErased);
  EXPECT_EQ(Refused(AnswerChange("idva", sent.digest, std::string(32, 's'), CHANGE_ANSWER_STOPPED).status()), Reason::kErased);
  // Whoever never had anything of it is told nothing.
  EXPECT_EQ(Refused(AnswerChange("childrens", sent.digest, std::string(32, 's'), CHANGE_ANSWER_STOPPED).status()), Reason::kNotPermitted);
}

TEST_F(ChangeApiTest, AHolderThatIsNoActiveAgencyAnyMoreIsNotTold) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva", "housing"}});
  Take("idva");
  Take("housing");
  admin::v1::Change leave;
  *leave.mutable_put_agency()->mutable_agency() = world_.broker().directory().Get()->FindAgency("idva")->agency;
  leave.mutable_put_agency()->mutable_agency()->set_active(false);
  ASSERT_EQ(world_.Change(leave), absl::OkStatus());
  const auto changed = Change(MakeChange(sent, With(sent, CONFIDENTIALITY_CONSENT_WITHDRAWN), "withdrawn-1"));
  ASSERT_EQ(changed.status(), absl::OkStatus());
  EXPECT_THAT(Agencies(changed->told()), ElementsAre("housing"));
  EXPECT_THAT(List(changed->not_told()), ElementsAre("idva"));
  EXPECT_EQ(Depth("idva"), 0u);
  EXPECT_EQ(DueRows(DueKind::kChange), 1u);
  const auto held = Holders("police", sent.digest);
  ASSERT_EQ(held.status(), absl::OkStatus());
  for (const auto& holder : held->holders()) EXPECT_EQ(holder.not_told(), holder.agency() == "idva");
  // The sender and administrators can see it on the record; nobody else.
  const auto acts = EntriesOpenTo("police", EVENT_TYPE_STATEMENT);
  ASSERT_FALSE(acts.empty());
  ASSERT_TRUE(acts[0].decisions.has_value());
  EXPECT_EQ(std::count_if(acts[0].decisions->decisions().begin(), acts[0].decisions->decisions().end(),
                          [](const auto& row) { return row.recipient() == "idva" && row.rule_id() == "always/protective-list"; }), 1);
}

// ---------------------------------------------------------------- recall

TEST_F(ChangeApiTest, ARecallErasesWhatHasNotLeft) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva", "housing"}});
  Leased leased = PlanOf("idva", sent.digest);
  ASSERT_EQ(SectionRows(sent.digest), 3u);
  const auto request = MakeRecall(sent.digest, "recalled-01");
  const auto recalled = Recall(request);
  ASSERT_EQ(recalled.status(), absl::OkStatus());
  EXPECT_THAT(List(recalled->stopped()), UnorderedElementsAre("idva", "housing"));
  EXPECT_THAT(recalled->told(), IsEmpty());
  EXPECT_EQ(SectionRows(sent.digest), 0u);
  EXPECT_EQ(StateAt("idva", sent.digest), REFERRAL_STATE_RECALLED);
  EXPECT_EQ(Depth("idva") + Depth("housing"), 0u);
  EXPECT_THAT(EntriesOpenTo("police", EVENT_TYPE_BREACH_RECORDED), IsEmpty()) << "nothing had left";
  EXPECT_EQ(Refused(Release("idva", std::move(leased)).status()), Reason::kDeliveryNotFound);
  // Nothing tells the recipients that there was something.
  EXPECT_EQ(Refused(Get("idva", sent.digest).status()), Reason::kNotPermitted);
  EXPECT_THAT(EntriesOpenTo("idva", EVENT_TYPE_COPY_STOPPED), IsEmpty());
  EXPECT_EQ(Refused(Recall(sent.digest, "recalled-02", recalled->statement_digest()).status()), Reason::kTransitionIllegal);
  EXPECT_EQ(Refused(Change(MakeChange(sent, With(sent, CONFIDENTIALITY_CONSENT_WITHDRAWN), "withdrawn-1", recalled->statement_digest())).status()),
            Reason::kTransitionIllegal);
  const auto again = Recall(request);
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_EQ(again->index(), recalled->index());
  EXPECT_EQ(List(again->stopped()), List(recalled->stopped()));
  // What is left of it can be erased.
  admin::v1::Change erase;
  erase.mutable_erase()->set_header_digest(sent.digest);
  erase.mutable_erase()->set_ground(ERASURE_GROUND_ORDER);
  erase.mutable_erase()->set_authority("court-1");
  EXPECT_EQ(world_.Change(erase), absl::OkStatus());
  EXPECT_EQ(Refused(Get("idva", sent.digest).status()), Reason::kNotPermitted);
}

TEST_F(ChangeApiTest, ARecallOfWhatLeftIsABreachAndEveryHolderAnswers) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva", "housing", "childrens"}});
  Take("idva");
  ASSERT_EQ(Release("housing", PlanOf("housing", sent.digest)).status(), absl::OkStatus());  // Left, and not acknowledged.
  const absl::Time before = world_.clock().Now();
  const auto recalled = Recall(sent.digest, "recalled-01");
  ASSERT_EQ(recalled.status(), absl::OkStatus());
  EXPECT_THAT(Agencies(recalled->told()), UnorderedElementsAre("idva", "housing"));
  EXPECT_GE(recalled->told(0).due_at_ms(), absl::ToUnixMillis(before + kRecallAnswerTime));
  EXPECT_LE(recalled->told(0).due_at_ms(), absl::ToUnixMillis(world_.clock().Now() + kRecallAnswerTime));
  EXPECT_THAT(List(recalled->stopped()), ElementsAre("childrens"));
  EXPECT_EQ(StateAt("childrens", sent.digest), REFERRAL_STATE_RECALLED);
  EXPECT_EQ(StateAt("idva", sent.digest), REFERRAL_STATE_DELIVERED);
  EXPECT_EQ(StateAt("housing", sent.digest), REFERRAL_STATE_RELEASED);
  EXPECT_EQ(SectionRows(sent.digest), 0u);
  EXPECT_EQ(EntriesOpenTo("police", EVENT_TYPE_BREACH_RECORDED).size(), 1u);
  EXPECT_EQ(DueRows(DueKind::kBreach), 1u);

  const v1::Delivery told = Take("housing");
  ASSERT_TRUE(told.has_statement()) << "its second attempt is not made";
  EXPECT_EQ(Read(told).recall_reason(), RECALL_REASON_WRONG_RECIPIENT);
  EXPECT_EQ(told.statement_openings_size(), 0);
  EXPECT_EQ(Depth("housing"), 0u);
  EXPECT_THAT(Get("idva", sent.digest)->openings(), IsEmpty()) << "its content is not read back any more";
  // Nothing is said of it any more but what became of it.
  EXPECT_EQ(Refused(Respond(Word("idva", STATEMENT_KIND_OPENED, "opened-01", sent.digest, "")).status()), Reason::kTransitionIllegal);
  const std::string& change = recalled->statement_digest();
  EXPECT_EQ(Refused(AnswerChange("idva", sent.digest, change, CHANGE_ANSWER_CONFIRMED).status()), Reason::kFieldInvalid);
  EXPECT_EQ(Refused(AnswerChange("idva", sent.digest, std::string(32, 'x'), CHANGE_ANSWER_DESTROYED).status()), Reason::kTransitionIllegal);
  EXPECT_EQ(Refused(AnswerChange("childrens", sent.digest, change, CHANGE_ANSWER_DESTROYED).status()), Reason::kNotPermitted) << "it knows of nothing";
  EXPECT_EQ(AnswerChange("idva", sent.digest, change, CHANGE_ANSWER_DESTROYED).status(), absl::OkStatus());
  EXPECT_EQ(AnswerChange("housing", sent.digest, change, CHANGE_ANSWER_NOT_OPENED).status(), absl::OkStatus());
  EXPECT_EQ(DueRows(DueKind::kChange), 0u);
}

// A legal hold forbids that what is held is destroyed: it stays, and goes nowhere.
TEST_F(ChangeApiTest, ARecallKeepsWhatALegalHoldCovers) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  admin::v1::Change hold;
  auto& set = *hold.mutable_set_hold();
  set.set_id("hold-1");
  set.add_header_digests(sent.digest);
  set.set_ground(HOLD_GROUND_CIVIL_OR_FAMILY_PROCEEDINGS);
  set.set_authority("court-1");
  set.set_review_at_ms(absl::ToUnixMillis(world_.clock().Now() + absl::Hours(24 * 30)));
  ASSERT_EQ(world_.Change(hold), absl::OkStatus());
  ASSERT_EQ(Recall(sent.digest, "recalled-01").status(), absl::OkStatus());
  EXPECT_EQ(SectionRows(sent.digest), 3u);
  EXPECT_THAT(PlanOf("idva", sent.digest).plan.sections, IsEmpty());
  EXPECT_EQ(StateAt("idva", sent.digest), REFERRAL_STATE_RECALLED);
  EXPECT_EQ(Depth("idva"), 0u);
}

// ---------------------------------------------------------------- correction

TEST_F(ChangeApiTest, MarksTheOldValueBeforeTheNewOneIsShown) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva", "childrens"}, .grade = RISK_GRADE_STANDARD});
  Take("idva");
  // Linked to another case, and of a lower lane: it follows all the same.
  const auto request = MakeCorrection(sent.digest, {.request_id = "incident-1-corrected", .recipients = {"idva", "childrens"},
                                                    .grade = RISK_GRADE_STANDARD, .victim = "somebody-else"}, /*safe_contact=*/true);
  const absl::Time before = world_.clock().Now();
  const auto corrected = Correct(request);
  ASSERT_EQ(corrected.status(), absl::OkStatus());
  EXPECT_THAT(Agencies(corrected->told()), ElementsAre("idva"));
  EXPECT_GE(corrected->told(0).due_at_ms(), absl::ToUnixMillis(before + kSafeContactAnswerTime));
  EXPECT_LE(corrected->told(0).due_at_ms(), absl::ToUnixMillis(world_.clock().Now() + kSafeContactAnswerTime));
  EXPECT_THAT(List(corrected->stopped()), ElementsAre("childrens"));
  EXPECT_EQ(StateAt("childrens", sent.digest), REFERRAL_STATE_DEAD_LETTER);
  const std::string newer = corrected->stored().header_digest();
  EXPECT_EQ(newer, referral::DigestOf(request.submission().header()));
  {
    // Room for both: the second waits until the first is settled.
    Collector idva(world_, "agency/idva", 8);
    const v1::Delivery told = idva.NextDelivery();
    ASSERT_TRUE(told.has_statement());
    EXPECT_EQ(told.lane(), LANE_IMMEDIATE);
    EXPECT_EQ(Read(told).replaced_by(), newer);
    EXPECT_TRUE(Read(told).safe_contact_change());
    EXPECT_EQ(EntriesOpenTo("idva", EVENT_TYPE_RELEASED).size(), 2u) << "the old version and the statement, not the new one";
    idva.Ack(told);
    const v1::Delivery shown = idva.NextDelivery();
    ASSERT_TRUE(shown.has_referral());
    EXPECT_EQ(shown.lane(), LANE_IMMEDIATE);
    EXPECT_EQ(referral::DigestOf(shown.referral().header()), newer);
    EXPECT_GT(shown.key_sequence(), told.key_sequence());
    idva.Ack(shown);
  }
  // Who had nothing is given the new version alone.
  const v1::Delivery only = Take("childrens");
  EXPECT_EQ(referral::DigestOf(only.referral().header()), newer);
  EXPECT_EQ(Depth("childrens"), 0u);

  const auto again = Correct(request);
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_TRUE(again->stored().repeated_request());
  EXPECT_EQ(again->index(), corrected->index());
  EXPECT_THAT(Agencies(again->told()), ElementsAre("idva"));
  EXPECT_EQ(Depth("idva"), 0u);

  EXPECT_EQ(Refused(AnswerChange("idva", sent.digest, corrected->statement_digest(), CHANGE_ANSWER_KEPT_ON_BASIS, "", ARTICLE6_BASIS_LEGAL_OBLIGATION).status()),
            Reason::kFieldInvalid);
  EXPECT_EQ(AnswerChange("idva", sent.digest, corrected->statement_digest(), CHANGE_ANSWER_CONFIRMED).status(), absl::OkStatus());

  // From either version both are found, the older first.
  for (const std::string& digest : {sent.digest, newer}) {
    const auto held = Holders("police", digest);
    ASSERT_EQ(held.status(), absl::OkStatus());
    ASSERT_EQ(held->holders_size(), 3);
    EXPECT_EQ(held->holders(0).referral(), referral::ReferralName(sent.digest));
    EXPECT_EQ(held->holders(0).answer(), CHANGE_ANSWER_CONFIRMED);
    EXPECT_EQ(held->holders(1).referral(), referral::ReferralName(newer));
  }
  EXPECT_EQ(Refused(Holders("idva", sent.digest).status()), Reason::kNotPermitted);

  // A version is corrected once; then the newer one is.
  EXPECT_EQ(Refused(Correct(MakeCorrection(sent.digest, {.request_id = "incident-1-again", .recipients = {"idva"}}, true, corrected->statement_digest())).status()),
            Reason::kTransitionIllegal);
  EXPECT_EQ(Correct(MakeCorrection(newer, {.request_id = "incident-1-again", .recipients = {"idva"}}, false)).status(), absl::OkStatus());
}

TEST_F(ChangeApiTest, ACorrectionOfSomethingElseIsShownAfterItsStatementToo) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}, .grade = RISK_GRADE_STANDARD});
  Take("idva");
  const auto corrected = Correct(MakeCorrection(sent.digest, {.request_id = "incident-1-corrected", .recipients = {"idva"}}, false));
  ASSERT_EQ(corrected.status(), absl::OkStatus());
  EXPECT_GT(corrected->told(0).due_at_ms(), absl::ToUnixMillis(world_.clock().Now() + absl::Hours(4)));
  Collector idva(world_, "agency/idva", 8);
  const v1::Delivery told = idva.NextDelivery();
  ASSERT_TRUE(told.has_statement());
  EXPECT_EQ(EntriesOpenTo("idva", EVENT_TYPE_RELEASED).size(), 2u) << "of another lane, and waiting all the same";
  idva.Ack(told);
  const v1::Delivery shown = idva.NextDelivery();
  ASSERT_TRUE(shown.has_referral());
  EXPECT_EQ(shown.lane(), LANE_HIGH);
}

TEST_F(ChangeApiTest, ACorrectionIsWholeOrNothing) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Take("idva");
  const uint64_t entries = (*world_.broker().sequencer().View())->ledger().size();
  const TestingReferral spec = {.request_id = "incident-1-corrected", .recipients = {"idva"}};
  const auto refused = [&](const v1::CorrectReferralRequest& request) { return Refused(Correct(request).status()); };
  EXPECT_EQ(refused(MakeCorrection(sent.digest, spec, true, "", [](Statement& s) { s.set_safe_contact_change(false); })), Reason::kFieldInvalid);
  EXPECT_EQ(refused(MakeCorrection(sent.digest, spec, true, "", [](Statement& s) { s.set_replaced_by(std::string(32, 'x')); })), Reason::kFieldInvalid);
  EXPECT_EQ(refused(MakeCorrection(sent.digest, spec, true, "", [](Statement& s) { s.set_header_digest(std::string(32, 'x')); })), Reason::kFieldInvalid);
  EXPECT_EQ(refused(MakeCorrection(sent.digest, spec, true, "", [](Statement& s) { s.set_request_id("incident-1-else"); })), Reason::kFieldInvalid);
  TestingReferral other_type = spec;
  other_type.alter = [](referral::HeaderParts& parts) { parts.core.set_type(REFERRAL_TYPE_REFERRAL); };
  EXPECT_EQ(refused(MakeCorrection(sent.digest, other_type, true)), Reason::kFieldInvalid);
  EXPECT_EQ(refused(MakeCorrection(std::string(32, 'x'), spec, true)), Reason::kNotPermitted);
  // The newer version may go to nobody: then nothing is said of the older one.
  TestingReferral refused_consent = spec;
  refused_consent.consent = CONFIDENTIALITY_CONSENT_REFUSED;
  refused_consent.sealed_for = {{CATEGORY_IDENTITY, {}}, {CATEGORY_RISK, {}}, {CATEGORY_NARRATIVE, {}}};
  EXPECT_EQ(refused(MakeCorrection(sent.digest, refused_consent, true)), Reason::kNothingPermitted);
  EXPECT_EQ(Depth("idva"), 0u);
  EXPECT_THAT(EntriesOpenTo("police", EVENT_TYPE_STATEMENT), IsEmpty());
  EXPECT_EQ(DueRows(DueKind::kChange), 0u);
  EXPECT_GT((*world_.broker().sequencer().View())->ledger().size(), entries) << "the refusals are on the record";
  ASSERT_EQ(Correct(MakeCorrection(sent.digest, spec, true)).status(), absl::OkStatus());
}

TEST_F(ChangeApiTest, NoNoticeReachesWhomTheCorrectionExcludes) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva", "housing"}});
  Take("idva");
  Take("housing");
  // A change of before, which idva has not collected.
  const auto narrowed = Change(MakeChange(sent, With(sent, CONFIDENTIALITY_CONSENT_WITHDRAWN), "withdrawn-1"));
  ASSERT_EQ(narrowed.status(), absl::OkStatus());
  ASSERT_EQ(Depth("idva"), 1u);
  const auto corrected = Correct(MakeCorrection(
      sent.digest,
      {.request_id = "incident-1-corrected", .recipients = {"housing"},
       .alter = [](referral::HeaderParts& parts) { parts.subjects[0].add_exclusions()->set_agency("idva"); }},
      true, narrowed->statement_digest()));
  ASSERT_EQ(corrected.status(), absl::OkStatus());
  EXPECT_THAT(Agencies(corrected->told()), ElementsAre("housing"));
  EXPECT_THAT(List(corrected->not_told()), ElementsAre("idva"));
  // What was queued for it is withheld when it comes to collect: it gets nothing, and the queue is empty then.
  {
    Collector idva(world_, "agency/idva", 8);
    const Sent later = Send({.request_id = "incident-2", .recipients = {"idva"}, .victim = "another"});
    const v1::Delivery next = idva.NextDelivery();
    ASSERT_TRUE(next.has_referral());
    EXPECT_EQ(referral::DigestOf(next.referral().header()), later.digest);
    idva.Ack(next);
  }
  EXPECT_EQ(Depth("idva"), 0u);
  EXPECT_EQ(EntriesOpenTo("police", EVENT_TYPE_WITHHELD_AT_RELEASE).size(), 1u);
  const auto held = Holders("police", sent.digest);
  ASSERT_EQ(held.status(), absl::OkStatus());
  for (const auto& holder : held->holders()) EXPECT_EQ(holder.not_told(), holder.agency() == "idva") << holder.agency();
  // A recall is not told to it either, and it is a breach all the same.
  const auto recalled = Recall(sent.digest, "recalled-01", corrected->statement_digest());
  ASSERT_EQ(recalled.status(), absl::OkStatus());
  EXPECT_THAT(List(recalled->not_told()), ElementsAre("idva"));
  EXPECT_EQ(EntriesOpenTo("police", EVENT_TYPE_BREACH_RECORDED).size(), 1u);
}

// Only some categories are kept from an agency: it is told unless it holds one of them.
TEST_F(ChangeApiTest, AnExclusionOfCategoriesBindsWhoHoldsThem) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva", "housing"}});
  Take("idva");
  Take("housing");
  const auto corrected = Correct(MakeCorrection(
      sent.digest,
      {.request_id = "incident-1-corrected", .recipients = {"housing"},
       .alter =
           [](referral::HeaderParts& parts) {
             for (const char* agency : {"idva", "housing"}) {
               auto& exclusion = *parts.subjects[0].add_exclusions();
               exclusion.set_agency(agency);
               exclusion.add_categories(CATEGORY_RISK);
             }
           }},
      true));
  ASSERT_EQ(corrected.status(), absl::OkStatus());
  EXPECT_THAT(Agencies(corrected->told()), ElementsAre("housing")) << "it holds the identity alone";
  EXPECT_THAT(List(corrected->not_told()), ElementsAre("idva"));
}

// ---------------------------------------------------------------- chasing

class ChangeClockTest : public ChangeApiTest {
 protected:
  ChangeClockTest() : ChangeApiTest(&Clock()) {}
  static FakeClock& Clock() {
    static FakeClock clock(SystemClock().Now());
    return clock;
  }
  // The next notice of an agency, acknowledged.
  v1::SharingNotice Notice(const std::string& agency) {
    const v1::Delivery delivery = Take(agency);
    EXPECT_TRUE(delivery.has_notice());
    return delivery.notice();
  }
};

TEST_F(ChangeClockTest, RemindsHolderAndSenderUntilItAnswers) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Take("idva");
  const auto recalled = Recall(sent.digest, "recalled-01");
  ASSERT_EQ(recalled.status(), absl::OkStatus());
  ASSERT_TRUE(Take("idva").has_statement());
  for (uint32_t reminder = 1; reminder <= 3; ++reminder) {
    Clock().Advance(kChangeReminderEvery + absl::Seconds(1));
    const v1::SharingNotice to_holder = Notice("idva");
    EXPECT_EQ(to_holder.kind(), NOTICE_KIND_CHANGE_OVERDUE);
    EXPECT_EQ(to_holder.header_digest(), sent.digest);
    EXPECT_EQ(to_holder.agency(), "idva");
    EXPECT_EQ(to_holder.due_at_ms(), recalled->told(0).due_at_ms());
    EXPECT_EQ(to_holder.reminder(), reminder);
    v1::SharingNotice to_sender;
    do {
      to_sender = Notice("police");
    } while (to_sender.kind() == NOTICE_KIND_BREACH_OVERDUE);  // That of the recall itself, from 48 hours on.
    EXPECT_EQ(to_sender.kind(), NOTICE_KIND_CHANGE_OVERDUE);
    EXPECT_EQ(to_sender.reminder(), reminder);
  }
  EXPECT_EQ(EntriesOpenTo("police", EVENT_TYPE_CHANGE_OVERDUE).size(), 3u);
  EXPECT_THAT(EntriesOpenTo("idva", EVENT_TYPE_CHANGE_OVERDUE), IsEmpty());
  EXPECT_EQ(AnswerChange("idva", sent.digest, recalled->statement_digest(), CHANGE_ANSWER_DESTROYED).status(), absl::OkStatus());
  EXPECT_EQ(DueRows(DueKind::kChange), 0u);
}

TEST_F(ChangeClockTest, ChasesASafeContactEveryFourHoursAndNeverWhoMustNotBeTold) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva", "housing"}});
  Take("idva");
  Take("housing");
  const auto corrected = Correct(MakeCorrection(sent.digest, {.request_id = "incident-1-corrected", .recipients = {"idva"}}, true));
  ASSERT_EQ(corrected.status(), absl::OkStatus());
  ASSERT_TRUE(Take("idva").has_statement());
  ASSERT_TRUE(Take("idva").has_referral());
  ASSERT_EQ(AnswerChange("housing", sent.digest, corrected->statement_digest(), CHANGE_ANSWER_STOPPED).status(), absl::OkStatus());
  Take("police");
  ASSERT_TRUE(Take("housing").has_statement());
  Clock().Advance(kSafeContactAnswerTime + absl::Seconds(1));
  EXPECT_EQ(Notice("idva").reminder(), 1u);
  EXPECT_EQ(Notice("police").reminder(), 1u);
  EXPECT_EQ(Depth("housing"), 0u) << "it has answered";
  // From now on idva is in the way of danger: the sender alone is reminded.
  const auto further = Correct(MakeCorrection(corrected->stored().header_digest(),
                                              {.request_id = "incident-1-further", .recipients = {"housing"},
                                               .alter = [](referral::HeaderParts& parts) { parts.subjects[0].add_exclusions()->set_agency("idva"); }},
                                              true));
  ASSERT_EQ(further.status(), absl::OkStatus());
  EXPECT_THAT(List(further->not_told()), ElementsAre("idva"));
  Clock().Advance(kSafeContactReminderEvery + absl::Seconds(1));
  EXPECT_EQ(Notice("police").reminder(), 2u) << "of the first version still";
  EXPECT_EQ(Depth("idva"), 0u);
}

// A newer change does not put off what an older one asks for.
TEST_F(ChangeClockTest, KeepsTheEarlierDeadline) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Take("idva");
  const auto corrected = Correct(MakeCorrection(sent.digest, {.request_id = "incident-1-corrected", .recipients = {"idva"}}, true));
  ASSERT_EQ(corrected.status(), absl::OkStatus());
  const auto recalled = Recall(sent.digest, "recalled-01", corrected->statement_digest());
  ASSERT_EQ(recalled.status(), absl::OkStatus());
  ASSERT_EQ(recalled->told_size(), 1);
  EXPECT_LT(recalled->told(0).due_at_ms() - corrected->told(0).due_at_ms(), absl::ToInt64Milliseconds(absl::Minutes(5)));
  // But never less time than that: one that is long overdue does not make the newer one so.
  Clock().Advance(absl::Hours(48));
  EXPECT_EQ(DueRows(DueKind::kChange), 1u);
}

}  // namespace
}  // namespace accord::broker::change_api_test

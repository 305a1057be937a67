// Goal: audits follow a referral beyond its storing: what left and what was kept back then, gaps that open again, answers that are referrals. Method: facts
// are made up; nothing is stored.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "services/broker/audits/audit.h"
#include "services/broker/questions/testing_record.h"

namespace accord::broker::later_test {
namespace {

using namespace type::v1;  // NOLINT: facts are made of its messages throughout.
using inspection::v1::Table;
using ::testing::HasSubstr;
using ::testing::Not;

class LaterTest : public ::testing::Test {
 protected:
  LaterTest() {
    input_.agencies = record_.agencies;
    input_.from_ms = kMondayMs;
    input_.until_ms = kMondayMs + 14 * kDayMs;
    input_.now_ms = kMondayMs + 30 * kDayMs;
  }
  // Of the police to the Idva service: risk and health, both permitted, under one tag.
  RecordedReferral Referral() {
    auto one = record_.Stored(kMondayMs).To("idva").To("idva", CATEGORY_HEALTH);
    auto& tag = one.facts().parts.tags.emplace_back();
    tag.set_tag_id(std::string(16, 't'));
    tag.set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
    tag.set_article6(ARTICLE6_BASIS_PUBLIC_TASK);
    tag.set_gateway(GATEWAY_CA2004_S11);
    for (auto& section : one.facts().parts.sections) section.set_digest("digest of " + section.section_id());
    input_.referrals.push_back(&one.facts());
    return one;
  }
  // The entry of the release has the digests of these sections.
  void SaysLeft(RecordedReferral& one, uint64_t entry, const std::vector<size_t>& sections) {
    auto& left = input_.left[entry];
    left.clear();
    for (const size_t section : sections) left.insert(one.facts().parts.sections[section - 1].digest());
  }
  static SectionDecision& DecisionOn(FactEvent& event, int section, const std::string& recipient = "idva") {
    for (auto& decision : *event.decisions->mutable_decisions()) {
      if (decision.section_id().back() == '0' + section && decision.recipient() == recipient) return decision;
    }
    ADD_FAILURE() << "no decision about section " << section;
    return *event.decisions->add_decisions();
  }
  // As it leaves, with all its sections: decided as it was stored, but this section as said.
  FactEvent& Leaves(RecordedReferral& one, int64_t time_ms, int section, Verdict verdict, EventType type = EVENT_TYPE_RELEASED) {
    one.Released(time_ms, "idva");
    FactEvent& event = one.facts().events.back();
    event.event.set_type(type);
    if (type == EVENT_TYPE_RELEASED) SaysLeft(one, event.index, {1, 2});
    auto& decisions = *event.decisions->mutable_decisions();
    decisions.erase(std::remove_if(decisions.begin(), decisions.end(), [](const auto& about) { return about.recipient() != "idva"; }), decisions.end());
    auto& decision = DecisionOn(event, section);
    decision.set_verdict(verdict);
    decision.set_rule_id(verdict == VERDICT_PERMIT ? "agreement/1/all" : "agreement/2/default");
    return event;
  }
  Table Ask(admin::v1::SharingAudit id) { return ComputeAudit(*FindAudit(id), input_); }
  static std::string Notes(const Table& table) {
    std::string notes;
    for (const auto& note : table.notes()) notes += note + "\n";
    return notes;
  }

  TestingRecord record_;
  AuditInput input_;
};

TEST_F(LaterTest, OfWhatLeftInPartOnlyTheSectionsThatLeftAreReleased) {
  auto one = Referral();
  Leaves(one, kMondayMs + kHourMs, 2, VERDICT_WITHHOLD);
  const Table flows = Ask(admin::v1::SHARING_AUDIT_FLOWS);
  EXPECT_EQ(RowWhere(flows, "category", "RISK")["released"], "1");
  EXPECT_EQ(RowWhere(flows, "category", "HEALTH")["sections"], "1") << "permitted as it was stored";
  EXPECT_EQ(RowWhere(flows, "category", "HEALTH")["released"], "0");
  const Table withheld = Ask(admin::v1::SHARING_AUDIT_WITHHELD);
  ASSERT_EQ(withheld.rows_size(), 1);
  EXPECT_EQ(RowWhere(withheld, "category", "HEALTH")["when"], "RELEASE");
  EXPECT_EQ(RowWhere(withheld, "category", "HEALTH")["rule"], "agreement/2/default");
  EXPECT_EQ(withheld.rows(0).entries(0), one.facts().events.back().index);
}

TEST_F(LaterTest, WhatIsWithheldCountsOnceAndNotWhatHadLeft) {
  auto one = Referral();
  DecisionOn(one.facts().events.front(), 2).set_verdict(VERDICT_WITHHOLD);
  for (int attempt = 0; attempt < 2; ++attempt) Leaves(one, kMondayMs + attempt, 2, VERDICT_WITHHOLD);
  const Table stored = Ask(admin::v1::SHARING_AUDIT_WITHHELD);
  ASSERT_EQ(stored.rows_size(), 1) << "as it was stored, and not once more with every attempt";
  EXPECT_EQ(RowWhere(stored, "when", "STORED")["sections"], "1");
  // It had left before: the copy is there, whatever is decided at another attempt.
  Leaves(one, kMondayMs + 3, 1, VERDICT_WITHHOLD, EVENT_TYPE_WITHHELD_AT_RELEASE);
  EXPECT_EQ(Ask(admin::v1::SHARING_AUDIT_WITHHELD).rows_size(), 1);

  auto other = Referral();
  for (int attempt = 0; attempt < 2; ++attempt) Leaves(other, kMondayMs + attempt, 1, VERDICT_NEEDS_BASIS, EVENT_TYPE_WITHHELD_AT_RELEASE);
  const Table twice = Ask(admin::v1::SHARING_AUDIT_WITHHELD);
  EXPECT_EQ(RowWhere(twice, "when", "RELEASE")["verdict"], "NEEDS_BASIS");
  EXPECT_EQ(RowWhere(twice, "when", "RELEASE")["sections"], "1") << "of two attempts";
}

// Who stands in for another is not in what was decided as the referral was stored.
TEST_F(LaterTest, WhatLeftForWhoWasNamedLaterIsShared) {
  auto one = Referral();
  FactEvent& handed = Leaves(one, kMondayMs + kDayMs, 1, VERDICT_PERMIT);
  handed.recipient = "housing";
  for (auto& decision : *handed.decisions->mutable_decisions()) decision.set_recipient("housing");
  auto& history = *handed.decisions->add_decisions();  // The broker's own.
  history.set_section_id(std::string(16, '\0'));
  history.set_category(CATEGORY_CASE_HISTORY);
  history.set_recipient("housing");
  history.set_verdict(VERDICT_PERMIT);
  const Table flows = Ask(admin::v1::SHARING_AUDIT_FLOWS);
  EXPECT_EQ(flows.rows_size(), 4) << "two sections, two recipients, and no history of the case";
  EXPECT_EQ(RowWhere(flows, "recipient", "housing")["sections"], "1");
  EXPECT_EQ(RowWhere(flows, "recipient", "housing")["released"], "1");
  EXPECT_EQ(RowWhere(flows, "recipient", "idva")["released"], "0");
  EXPECT_EQ(RowWhere(Ask(admin::v1::SHARING_AUDIT_WITHOUT_CONSENT), "recipient", "housing")["sections"], "2");
}

TEST_F(LaterTest, NothingIsSharedWithWhoWouldStandInBeforeItIsHandedOver) {
  auto one = Referral();
  auto& deputy = one.facts().parts.recipients.emplace_back();
  deputy.set_agency("housing");
  deputy.set_on_behalf_of("idva");
  auto decision = one.facts().events.front().decisions->decisions(0);
  decision.set_recipient("housing");
  *one.facts().events.front().decisions->add_decisions() = decision;
  decision.set_section_id(one.facts().parts.sections[1].section_id());
  decision.set_verdict(VERDICT_WITHHOLD);
  *one.facts().events.front().decisions->add_decisions() = decision;
  for (const auto id : {admin::v1::SHARING_AUDIT_FLOWS, admin::v1::SHARING_AUDIT_WITHHELD, admin::v1::SHARING_AUDIT_WITHOUT_CONSENT}) {
    EXPECT_TRUE(RowWhere(Ask(id), "recipient", "housing").empty()) << id;
  }
  EXPECT_FALSE(RowWhere(Ask(admin::v1::SHARING_AUDIT_WITHOUT_CONSENT), "recipient", "idva").empty());
  FactEvent& handed = one.Add(kMondayMs + kHourMs, EVENT_TYPE_RELEASED, "agency/housing", "housing");
  handed.decisions.emplace();
  for (const auto& stored : one.facts().events.front().decisions->decisions()) {
    if (stored.recipient() == "housing") *handed.decisions->add_decisions() = stored;
  }
  SaysLeft(one, handed.index, {1});
  EXPECT_EQ(RowWhere(Ask(admin::v1::SHARING_AUDIT_FLOWS), "recipient", "housing")["released"], "1");
  EXPECT_EQ(RowWhere(Ask(admin::v1::SHARING_AUDIT_WITHHELD), "recipient", "housing")["when"], "RELEASE");
  EXPECT_EQ(RowWhere(Ask(admin::v1::SHARING_AUDIT_WITHOUT_CONSENT), "recipient", "housing")["sections"], "1");
}

// Withheld as it was stored, and left when the victim had agreed: the header's tag says no more what it left under.
TEST_F(LaterTest, WhatLeftAfterAChangeOfConsentIsNotHeldAgainstTheTagAsItWasStored) {
  auto one = Referral();
  for (const int section : {1, 2}) DecisionOn(one.facts().events.front(), section).set_verdict(VERDICT_WITHHOLD);
  EXPECT_EQ(Ask(admin::v1::SHARING_AUDIT_MISSING_RATIONALES).rows_size(), 0);
  Leaves(one, kMondayMs + kDayMs, 1, VERDICT_PERMIT);
  EXPECT_EQ(Ask(admin::v1::SHARING_AUDIT_WITHOUT_CONSENT).rows_size(), 1) << "nothing was changed: it left under that tag";
  EXPECT_EQ(Ask(admin::v1::SHARING_AUDIT_MISSING_RATIONALES).rows_size(), 1);
  FactEvent left = one.facts().events.back();
  one.facts().events.pop_back();
  one.Said(kMondayMs + kHourMs, "police", STATEMENT_KIND_CONSENT_CHANGE);
  left.index = one.facts().events.back().index + 1;
  one.facts().events.push_back(left);
  SaysLeft(one, left.index, {1, 2});
  EXPECT_EQ(Ask(admin::v1::SHARING_AUDIT_WITHOUT_CONSENT).rows_size(), 0);
  EXPECT_EQ(Ask(admin::v1::SHARING_AUDIT_MISSING_RATIONALES).rows_size(), 0);
  EXPECT_EQ(RowWhere(Ask(admin::v1::SHARING_AUDIT_FLOWS), "category", "RISK")["released"], "1");
}

// It was not sealed for its recipient, and is not because an agreement permits it now.
TEST_F(LaterTest, WhatWasKeptBackAsItWasStoredLeftOnlyByAReleaseThatNamesIt) {
  auto one = Referral();
  for (const int section : {1, 2}) DecisionOn(one.facts().events.front(), section).set_verdict(VERDICT_WITHHOLD);
  FactEvent& released = Leaves(one, kMondayMs + kHourMs, 1, VERDICT_PERMIT);
  DecisionOn(released, 2).set_verdict(VERDICT_PERMIT);
  DecisionOn(released, 2).set_emergency_gap(true);
  const uint64_t entry = released.index;
  const auto left = [&](const char* category) { return RowWhere(Ask(admin::v1::SHARING_AUDIT_FLOWS), "category", category)["released"]; };
  const auto without_consent = [&] { return RowWhere(Ask(admin::v1::SHARING_AUDIT_WITHOUT_CONSENT), "recipient", "idva")["sections"]; };
  const auto gaps = [&] { return RowWhere(Ask(admin::v1::SHARING_AUDIT_IMMEDIATE), "worker", "all")["gaps"]; };
  const auto expect_unknown = [&](bool unknown) {
    for (const auto id : {admin::v1::SHARING_AUDIT_FLOWS, admin::v1::SHARING_AUDIT_WITHHELD, admin::v1::SHARING_AUDIT_WITHOUT_CONSENT,
                          admin::v1::SHARING_AUDIT_MISSING_RATIONALES, admin::v1::SHARING_AUDIT_IMMEDIATE}) {
      EXPECT_EQ(Notes(Ask(id)).find("the record does not say any more") != std::string::npos, unknown) << id;
    }
  };

  SaysLeft(one, entry, {1});
  EXPECT_EQ(left("RISK"), "1");
  EXPECT_EQ(left("HEALTH"), "") << "permitted, and not sealed";
  EXPECT_EQ(without_consent(), "1");
  EXPECT_EQ(gaps(), "0");
  EXPECT_EQ(RowWhere(Ask(admin::v1::SHARING_AUDIT_WITHHELD), "category", "HEALTH")["when"], "STORED");
  expect_unknown(false);
  SaysLeft(one, entry, {});
  EXPECT_EQ(Ask(admin::v1::SHARING_AUDIT_MISSING_RATIONALES).rows_size(), 0);
  SaysLeft(one, entry, {1, 2});
  EXPECT_EQ(left("HEALTH"), "1") << "sealed again";
  EXPECT_EQ(without_consent(), "2");
  EXPECT_EQ(gaps(), "1");
  EXPECT_EQ(Ask(admin::v1::SHARING_AUDIT_MISSING_RATIONALES).rows_size(), 1);
  expect_unknown(false);
  input_.left.clear();  // The entry's opening is gone.
  EXPECT_EQ(left("RISK"), "");
  EXPECT_EQ(without_consent(), "");
  EXPECT_EQ(gaps(), "0");
  expect_unknown(true);
}

TEST_F(LaterTest, AGapOpensAgainWhenMoreIsSharedSoAfterItsReview) {
  auto one = Referral();
  const auto open = [&] { return RowWhere(Ask(admin::v1::SHARING_AUDIT_IMMEDIATE), "worker", "all")["open"]; };
  const auto gap = [&](FactEvent& event, const std::string& recipient) {
    auto& decision = *event.decisions->add_decisions();
    decision.set_section_id(one.facts().parts.sections[0].section_id());
    decision.set_recipient(recipient);
    decision.set_verdict(VERDICT_PERMIT);
    decision.set_emergency_gap(true);
  };
  // To who would only stand in nothing is delivered yet.
  auto& deputy = one.facts().parts.recipients.emplace_back();
  deputy.set_agency("housing");
  deputy.set_on_behalf_of("idva");
  gap(one.facts().events.front(), "housing");
  EXPECT_EQ(RowWhere(Ask(admin::v1::SHARING_AUDIT_IMMEDIATE), "worker", "all")["gaps"], "0");
  gap(one.facts().events.front(), "idva");
  EXPECT_EQ(open(), "1");
  one.Said(kMondayMs + kHourMs, "police", STATEMENT_KIND_GAP_REVIEWED);
  EXPECT_EQ(open(), "0");
  gap(Leaves(one, kMondayMs + 2 * kHourMs, 1, VERDICT_PERMIT), "idva");
  EXPECT_EQ(open(), "0") << "that was reviewed";
  gap(Leaves(one, kMondayMs + 3 * kHourMs, 1, VERDICT_PERMIT), "housing");
  EXPECT_EQ(open(), "1");
  EXPECT_EQ(RowWhere(Ask(admin::v1::SHARING_AUDIT_IMMEDIATE), "worker", "all")["overdue"], "0");
  one.Add(kMondayMs + 3 * kDayMs, EVENT_TYPE_GAP_OVERDUE, "broker");
  EXPECT_EQ(RowWhere(Ask(admin::v1::SHARING_AUDIT_IMMEDIATE), "worker", "all")["overdue"], "1");
}

TEST_F(LaterTest, APreviewAtTheEndOfThePeriodIsFollowedByWhatWasStoredAfterIt) {
  input_.acts = {{.index = 900, .time_ms = input_.until_ms - 1, .event = EVENT_TYPE_PREVIEWED, .agency = "police", .worker = "w-1", .decision_digest = "decided"}};
  const auto unfollowed = [&] { return RowWhere(Ask(admin::v1::SHARING_AUDIT_PROBING), "worker", "w-1")["previews_unfollowed"]; };
  EXPECT_EQ(unfollowed(), "1");
  auto stored = record_.Stored(input_.until_ms + kHourMs);
  stored.facts().events.front().decisions->set_decision_digest("decided");
  input_.after = {&stored.facts()};
  EXPECT_EQ(unfollowed(), "0");
  EXPECT_THAT(Notes(Ask(admin::v1::SHARING_AUDIT_PROBING)), Not(HasSubstr("may yet be followed")));
  input_.now_ms = input_.until_ms + kDayMs - 1;
  EXPECT_THAT(Notes(Ask(admin::v1::SHARING_AUDIT_PROBING)), HasSubstr("may yet be followed"));
}

TEST_F(LaterTest, WhoReadsTheHistoryOfACaseOrExportsItReadsToo) {
  auto one = Referral();
  for (const auto type : {EVENT_TYPE_CASE_HISTORY_READ, EVENT_TYPE_BUNDLE_EXPORTED, EVENT_TYPE_DELIVERED}) one.Add(kMondayMs, type, "agency/idva");
  EXPECT_EQ(RowWhere(Ask(admin::v1::SHARING_AUDIT_PROBING), "agency", "idva")["reads"], "2");
}

// An enrolment that was moved, and one that the directory does not date.
TEST_F(LaterTest, TheRecordOfAnAgencyBeginsWithWhatItStoredThough) {
  std::vector<RecordedReferral> sent;
  for (int i = 0; i < 10; ++i) sent.push_back(record_.Stored(kMondayMs + kDayMs));
  sent.push_back(record_.Stored(kMondayMs - 5 * kWeekMs));
  for (int i = 0; i < 10; ++i) input_.referrals.push_back(&sent[i].facts());
  const auto weeks = [&] { return RowWhere(Ask(admin::v1::SHARING_AUDIT_UNUSUAL_VOLUMES), "worker", "all")["weeks_before"]; };
  input_.agencies["police"].enrolled_ms = kMondayMs;
  EXPECT_EQ(weeks(), "") << "not judged";
  input_.before = {&sent.back().facts()};
  EXPECT_EQ(weeks(), "5");
  input_.before.clear();
  input_.agencies["police"].enrolled_ms = 0;
  input_.log_begins_ms = kMondayMs - 3 * kWeekMs;
  EXPECT_EQ(weeks(), "");
  input_.log_begins_ms = kMondayMs - 6 * kWeekMs;
  EXPECT_EQ(weeks(), "6");
}

TEST_F(LaterTest, AResponseIsAnAnswerAndADecisionTakesOn) {
  auto one = Referral();
  one.Released(kMondayMs + kHourMs, "idva");
  const auto row = [&] { return RowWhere(Ask(admin::v1::SHARING_AUDIT_NEVER_ANSWER), "recipient", "idva"); };
  EXPECT_EQ(row()["never_answered"], "1");
  FactEvent& missed = one.Add(kMondayMs + kDayMs, EVENT_TYPE_RESPONSE_OVERDUE, "broker", "idva");
  input_.responses[{one.digest(), "idva"}] = missed.index - 1;
  EXPECT_EQ(row()["answered"], "1");
  EXPECT_EQ(row()["answered_late"], "0") << "the clock was missed after it";
  input_.responses[{one.digest(), "idva"}] = missed.index + 100;
  EXPECT_EQ(row()["answered_late"], "1");
  EXPECT_EQ(row()["taken_on"], "0");

  auto& decided = *one.Said(kMondayMs + 2 * kDayMs, "idva", STATEMENT_KIND_DECIDED).statement;
  decided.set_decision(CONTACT_DECISION_NO_FURTHER_ACTION);
  EXPECT_EQ(row()["taken_on"], "0");
  decided.set_decision(CONTACT_DECISION_SECTION_47);
  EXPECT_EQ(row()["taken_on"], "1");
  EXPECT_EQ(row()["no_outcome"], "1");
  one.Add(kMondayMs + 3 * kDayMs, EVENT_TYPE_FEEDBACK_OVERDUE, "broker", "idva");
  one.Said(kMondayMs + 4 * kDayMs, "idva", STATEMENT_KIND_DECIDED).statement->set_decision(CONTACT_DECISION_NO_FURTHER_ACTION);
  EXPECT_EQ(row()["outcome"], "1");
  EXPECT_EQ(row()["outcome_late"], "1");
  EXPECT_EQ(row()["no_outcome"], "0");
}

TEST_F(LaterTest, ACorrectionCountsWithWhatItCorrects) {
  auto one = Referral();
  one.Released(kMondayMs + kHourMs, "idva");
  auto correction = record_.Stored(kMondayMs + kDayMs).Type(REFERRAL_TYPE_CORRECTION).To("idva").To("housing");
  correction.core().set_caused_by(one.digest());
  const auto row = [&](const char* recipient) { return RowWhere(Ask(admin::v1::SHARING_AUDIT_NEVER_ANSWER), "recipient", recipient); };
  EXPECT_TRUE(row("housing").empty());
  input_.referrals.push_back(&correction.facts());
  EXPECT_EQ(row("idva")["addressed"], "1");
  EXPECT_EQ(row("housing")["never_collected"], "1") << "that is addressed in the newer version";
  correction.Released(kMondayMs + kDayMs + 1, "idva");
  EXPECT_EQ(row("idva")["never_answered"], "1");
  one.Said(kMondayMs + 2 * kDayMs, "idva", STATEMENT_KIND_OPENED);
  correction.Said(kMondayMs + 2 * kDayMs, "idva", STATEMENT_KIND_ACCEPTED);
  EXPECT_EQ(row("idva")["opened"], "1");
  EXPECT_EQ(row("idva")["answered"], "1");
  EXPECT_EQ(row("idva")["never_answered"], "0");
  // Of another sender it is none.
  correction.core().set_sender("childrens");
  EXPECT_EQ(row("idva")["addressed"], "2");
}

// The copy that waited was stopped, and what replaced it is not for the same agency.
TEST_F(LaterTest, OfWhatIsCorrectedTheNewestVersionIsToBeCollected) {
  auto one = Referral();
  one.Add(kMondayMs + kHourMs, EVENT_TYPE_COPY_STOPPED, "agency/police", "idva");
  auto correction = record_.Stored(kMondayMs + kDayMs).Type(REFERRAL_TYPE_CORRECTION).To("housing");
  correction.core().set_caused_by(one.digest());
  input_.referrals.push_back(&correction.facts());
  const auto collected = [&](const char* recipient) { return RowWhere(Ask(admin::v1::SHARING_AUDIT_NEVER_ANSWER), "recipient", recipient)["never_collected"]; };
  EXPECT_EQ(collected("idva"), "0");
  EXPECT_EQ(collected("housing"), "1");
  correction.To("idva");
  EXPECT_EQ(collected("idva"), "1") << "it waits for it now";
}

TEST_F(LaterTest, WhatSoftwareAloneSaysIsNoAnswer) {
  auto one = Referral();
  one.Released(kMondayMs + kHourMs, "idva");
  const auto row = [&] { return RowWhere(Ask(admin::v1::SHARING_AUDIT_NEVER_ANSWER), "recipient", "idva"); };
  for (const auto kind : {STATEMENT_KIND_OPENED, STATEMENT_KIND_ACCEPTED, STATEMENT_KIND_OUTCOME}) {
    one.Said(kMondayMs + 2 * kHourMs, "idva", kind).worker.set_authentication(AUTHENTICATION_AUTOMATIC);
  }
  EXPECT_EQ(row()["never_opened"], "1");
  EXPECT_EQ(row()["never_answered"], "1");
  EXPECT_EQ(row()["taken_on"], "1");
  EXPECT_EQ(row()["no_outcome"], "1");
  for (const auto kind : {STATEMENT_KIND_OPENED, STATEMENT_KIND_ACCEPTED, STATEMENT_KIND_OUTCOME}) one.Said(kMondayMs + kDayMs, "idva", kind);
  EXPECT_EQ(row()["opened"], "1");
  EXPECT_EQ(row()["answered"], "1");
  EXPECT_EQ(row()["outcome"], "1");
}

TEST_F(LaterTest, WhetherAnAgreementIsUsedIsNotSaidWhereNobodyLooked) {
  input_.agreements = {{.id = "dsa", .version = "1", .expires_ms = input_.now_ms + 1, .live = true}};
  input_.asked_agencies = {"police"};
  EXPECT_EQ(RowWhere(Ask(admin::v1::SHARING_AUDIT_STALE_AGREEMENTS), "finding", "ENDS_SOON")["referrals"], "0");
  EXPECT_THAT(Notes(Ask(admin::v1::SHARING_AUDIT_STALE_AGREEMENTS)), HasSubstr("senders named above"));
  input_.from_ms = input_.until_ms = 0;
  const Table table = Ask(admin::v1::SHARING_AUDIT_STALE_AGREEMENTS);
  EXPECT_EQ(RowWhere(table, "finding", "ENDS_SOON")["referrals"], "");
  EXPECT_THAT(Notes(table), Not(HasSubstr("senders named above")));
}

}  // namespace
}  // namespace accord::broker::later_test

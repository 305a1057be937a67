// Goal: each audit counts what its definition says, finds nothing where there is nothing, and keeps to its limits. Method: facts are
// made up; nothing is stored.
#include "services/broker/audits/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "common/base/status.h"
#include "services/broker/audits/gather.h"

namespace accord::broker::audit_test {
namespace {

using namespace type::v1;  // NOLINT: facts are made of its messages throughout.
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Wednesday 13 January 2027, 10:00 in London.
constexpr int64_t kNow = 1'799'834'400'000;
constexpr int64_t kHourMs = 3'600'000;

class AuditTest : public ::testing::Test {
 protected:
  AuditTest() {
    for (const char* agency : {"police", "idva", "housing"}) input_.agencies[agency].enrolled_ms = kNow - 365 * kDayMs;
    input_.from_ms = kNow - 28 * kDayMs;
    input_.until_ms = kNow + kDayMs;
    input_.now_ms = kNow;
  }

  // A referral with one section of `category` under one tag, permitted to idva by agreement 7 while another is in force, too.
  ReferralFacts& Referral(const std::string& sender, int64_t stored_ms, Category category = CATEGORY_RISK) {
    ReferralFacts& facts = facts_.emplace_back();
    facts.digest = std::string(32, static_cast<char>(facts_.size()));
    facts.stored_index = 10 * facts_.size();
    facts.stored_ms = stored_ms;
    auto& core = facts.parts.core;
    core.set_sender(sender);
    core.mutable_worker()->set_pseudonym("w-1");
    core.set_type(REFERRAL_TYPE_REFERRAL);
    facts.parts.recipients.emplace_back().set_agency("idva");
    auto& tag = facts.parts.tags.emplace_back();
    tag.set_tag_id("tag-1");
    tag.set_consent(CONFIDENTIALITY_CONSENT_GIVEN);
    tag.set_article6(ARTICLE6_BASIS_PUBLIC_TASK);
    tag.set_rationale_present(true);
    auto& section = facts.parts.sections.emplace_back();
    section.set_section_id("section-1");
    section.set_category(category);
    section.set_tag_id("tag-1");
    FactEvent stored = Event(facts, EVENT_TYPE_REFERRAL_STORED, stored_ms);
    stored.agency = sender;
    stored.event.set_agreement_version("7,b-1");
    stored.decisions.emplace().set_decision_digest("digest-" + std::to_string(facts_.size()));
    facts.events.push_back(stored);
    Decide(facts, "section-1", category, "idva", VERDICT_PERMIT).set_rule_id("agreement/7/all");
    input_.referrals.push_back(&facts);
    return facts;
  }
  static FactEvent Event(const ReferralFacts& facts, EventType type, int64_t time_ms, const std::string& recipient = "") {
    FactEvent event;
    event.index = facts.stored_index + facts.events.size();
    event.time_ms = time_ms;
    event.event.set_type(type);
    event.recipient = recipient;
    return event;
  }
  static SectionDecision& Decide(ReferralFacts& facts, const std::string& section, Category category, const std::string& recipient, Verdict verdict) {
    auto& decision = *facts.events.front().decisions->add_decisions();
    decision.set_section_id(section);
    decision.set_category(category);
    decision.set_recipient(recipient);
    decision.set_verdict(verdict);
    return decision;
  }
  static void Happens(ReferralFacts& facts, EventType type, int64_t time_ms, const std::string& recipient) {
    facts.events.push_back(Event(facts, type, time_ms, recipient));
    // Of the referral's own delivery, as FirstOwn tells it: by its decisions.
    facts.events.back().delivery_id = "delivery";
    auto& decisions = facts.events.back().decisions.emplace();
    for (const auto& decision : facts.events.front().decisions->decisions()) {
      if (decision.recipient() == recipient) *decisions.add_decisions() = decision;
    }
  }
  static FactEvent& Says(ReferralFacts& facts, StatementKind kind, int64_t time_ms, const std::string& agency) {
    facts.events.push_back(Event(facts, EVENT_TYPE_STATEMENT, time_ms));
    facts.events.back().event.set_statement(kind);
    facts.events.back().agency = agency;
    return facts.events.back();
  }
  AuditedAct& Act(EventType event, int64_t time_ms, const std::string& worker = "w-1") {
    return input_.acts.emplace_back(AuditedAct{.index = 900 + input_.acts.size(), .time_ms = time_ms, .event = event, .agency = "police", .worker = worker});
  }

  // The rows of an audit, each as its cells with `|` between.
  std::vector<std::string> Rows(admin::v1::SharingAudit id) {
    table_ = ComputeAudit(*FindAudit(id), input_);
    std::vector<std::string> rows;
    for (const auto& row : table_.rows()) {
      EXPECT_EQ(row.cells_size(), table_.columns_size());
      std::string text;
      for (const auto& cell : row.cells()) text += (text.empty() && &cell == &row.cells(0) ? "" : "|") + cell;
      rows.push_back(text);
    }
    return rows;
  }
  std::string Notes() const {
    std::string notes;
    for (const auto& note : table_.notes()) notes += note + "\n";
    return notes;
  }

  std::deque<ReferralFacts> facts_;
  AuditInput input_;
  inspection::v1::Table table_;
};

TEST_F(AuditTest, EveryAuditSaysInWordsWhatItCountsAndThatThereIsNothing) {
  EXPECT_EQ(Audits().size(), static_cast<size_t>(admin::v1::SharingAudit_MAX));
  input_.agreements = {{.id = "dsa", .version = "7", .live = true}};
  input_.until_ms = 0;
  for (const Audit& audit : Audits()) {
    EXPECT_THAT(Rows(audit.id), IsEmpty()) << audit.title;
    EXPECT_GT(table_.definition().size(), 50u) << audit.title;
    EXPECT_GT(table_.columns_size(), 4) << audit.title;
    EXPECT_THAT(Notes(), HasSubstr("no record in Accord")) << audit.title;
  }
  EXPECT_EQ(FindAudit(admin::v1::SHARING_AUDIT_UNSPECIFIED), nullptr);
}

// An empty cell reads "no record in Accord", and this is recorded.
TEST_F(AuditTest, ABasisThatIsNotThereSaysWhy) {
  const auto flow = [&] {
    const auto rows = Rows(admin::v1::SHARING_AUDIT_FLOWS);
    return rows.size() == 1 ? rows[0] : std::string("not one row");
  };
  TagPart& tag = Referral("police", kNow).parts.tags[0];
  tag.set_gateway(GATEWAY_CA1989_S47);
  EXPECT_EQ(flow(), "police|idva|RISK|PUBLIC_TASK|CA1989_S47|7|false|1|0|1");
  tag.clear_gateway();
  EXPECT_EQ(flow(), "police|idva|RISK|PUBLIC_TASK|NONE_NEEDED|7|false|1|0|1");
  for (const auto consent : {CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS, CONFIDENTIALITY_CONSENT_REFUSED, CONFIDENTIALITY_CONSENT_UNSPECIFIED}) {
    tag.set_consent(consent);
    EXPECT_EQ(flow(), "police|idva|RISK|PUBLIC_TASK|NONE_STATED|7|false|1|0|1") << ConfidentialityConsent_Name(consent);
  }
  tag.clear_article6();
  EXPECT_EQ(flow(), "police|idva|RISK|NONE_STATED|NONE_STATED|7|false|1|0|1");
  tag.set_regime(REGIME_DPA_PART3);
  EXPECT_EQ(flow(), "police|idva|RISK|NONE_UNDER_PART3|NONE_STATED|7|false|1|0|1");
  EXPECT_THAT(Notes(), HasSubstr("NONE_NEEDED"));
}

TEST_F(AuditTest, FlowsAreCountedByWhoWhatWithWhomAndOnWhichBasis) {
  Happens(Referral("police", kNow), EVENT_TYPE_RELEASED, kNow, "idva");
  Referral("police", kNow);
  auto& other = Referral("police", kNow, CATEGORY_CHILDREN);
  Decide(other, "section-1", CATEGORY_CHILDREN, "housing", VERDICT_WITHHOLD);
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_FLOWS), ElementsAre("police|idva|CHILDREN|PUBLIC_TASK|NONE_NEEDED|7|false|1|0|1", "police|idva|RISK|PUBLIC_TASK|NONE_NEEDED|7|false|2|1|2"));
  EXPECT_THAT(table_.rows(1).entries(), ElementsAre(10, 20));
  EXPECT_EQ(table_.referrals(), 3u);
  input_.categories = {CATEGORY_CHILDREN};
  EXPECT_EQ(Rows(admin::v1::SHARING_AUDIT_FLOWS).size(), 1u);
  EXPECT_THAT(table_.title(), HasSubstr("from 2026-12-16 to before 2027-01-14; categories: CHILDREN"));
}

// Of all agreements that are in force, the one whose route permitted it.
TEST_F(AuditTest, AFlowIsUnderTheAgreementThatPermittedIt) {
  auto& facts = Referral("police", kNow);
  Decide(facts, "section-1", CATEGORY_RISK, "housing", VERDICT_PERMIT).set_rule_id("agreement/b-1/housing");
  auto& emergency = Decide(facts, "section-1", CATEGORY_RISK, "health", VERDICT_PERMIT);
  emergency.set_rule_id("emergency/emergency-1");
  emergency.set_emergency_gap(true);
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_FLOWS),
              ElementsAre("police|health|RISK|PUBLIC_TASK|NONE_NEEDED|NONE_EMERGENCY|true|1|0|1", "police|housing|RISK|PUBLIC_TASK|NONE_NEEDED|b-1|false|1|0|1",
                          "police|idva|RISK|PUBLIC_TASK|NONE_NEEDED|7|false|1|0|1"));
  EXPECT_THAT(Notes(), HasSubstr("NONE_EMERGENCY"));
}

TEST(PermittedUnderTest, IsTheVersionInTheRuleOfARoute) {
  const auto under = [](Verdict verdict, const char* rule) {
    SectionDecision decision;
    decision.set_verdict(verdict);
    decision.set_rule_id(rule);
    return PermittedUnder(decision);
  };
  EXPECT_EQ(under(VERDICT_PERMIT, "agreement/2026.11-a/support"), "2026.11-a");
  EXPECT_EQ(under(VERDICT_NEEDS_BASIS, "agreement/2026.11-a/support"), "") << "it did not permit";
  for (const char* rule : {"emergency/emergency-1", "always/protective-list", "default/no-route", ""}) EXPECT_EQ(under(VERDICT_PERMIT, rule), "") << rule;
}

TEST_F(AuditTest, WhatWasWithheldHasItsRuleAndWhen) {
  auto& facts = Referral("police", kNow);
  auto& decision = Decide(facts, "section-1", CATEGORY_RISK, "housing", VERDICT_WITHHOLD);
  decision.set_rule_id("agreement/7/default");
  decision.set_reason("No route.");
  auto& late = facts.events.emplace_back(Event(facts, EVENT_TYPE_WITHHELD_AT_RELEASE, kNow + 1, "idva"));
  auto& later = *late.decisions.emplace().add_decisions();
  later.set_section_id("section-1");
  later.set_recipient("idva");
  later.set_category(CATEGORY_RISK);
  later.set_verdict(VERDICT_NEEDS_BASIS);
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_WITHHELD),
              ElementsAre("police|housing|RISK|WITHHOLD|agreement/7/default|No route.|STORED|1|1", "police|idva|RISK|NEEDS_BASIS|||RELEASE|1|1"));
  input_.categories = {CATEGORY_HEALTH};
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_WITHHELD), IsEmpty());
}

TEST_F(AuditTest, SharedWithoutConsentIsListedWithBasisAndWorker) {
  auto& facts = Referral("police", kNow);
  facts.parts.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
  facts.parts.tags[0].set_approver("chief");
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_WITHOUT_CONSENT), ElementsAre(HasSubstr("|police|w-1|idva|REFUSED|PUBLIC_TASK||NONE_STATED|chief|1")));
  // Lacking capacity is no refusal, and what was withheld was not shared.
  facts.parts.tags[0].set_consent(CONFIDENTIALITY_CONSENT_LACKS_CAPACITY);
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_WITHOUT_CONSENT), IsEmpty());
  facts.parts.tags[0].set_consent(CONFIDENTIALITY_CONSENT_WITHDRAWN);
  facts.events.front().decisions->mutable_decisions(0)->set_verdict(VERDICT_WITHHOLD);
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_WITHOUT_CONSENT), IsEmpty());
}

TEST_F(AuditTest, ARationaleIsThereWhenASectionUnderTheTagSaysSo) {
  auto& facts = Referral("police", kNow);
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_MISSING_RATIONALES), IsEmpty()) << "consent was given";
  facts.parts.tags[0].set_consent(CONFIDENTIALITY_CONSENT_LACKS_CAPACITY);
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_MISSING_RATIONALES), ElementsAre(HasSubstr("|LACKS_CAPACITY|PUBLIC_TASK|NONE_STATED|true|false"))) << "it is said, and is not there";
  auto& rationale = facts.parts.sections.emplace_back();
  rationale.set_category(CATEGORY_RATIONALE);
  rationale.set_tag_id("tag-2");
  EXPECT_EQ(Rows(admin::v1::SHARING_AUDIT_MISSING_RATIONALES).size(), 1u) << "of another tag";
  rationale.set_tag_id("tag-1");
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_MISSING_RATIONALES), IsEmpty());
}

TEST_F(AuditTest, GapsOfImmediateAreOpenOverdueOrNotJustified) {
  const auto gap = [&](int64_t stored_ms) -> ReferralFacts& {
    auto& facts = Referral("police", stored_ms);
    facts.parts.core.set_urgency(URGENCY_IMMEDIATE);
    facts.events.front().decisions->mutable_decisions(0)->set_emergency_gap(true);
    return facts;
  };
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_IMMEDIATE), IsEmpty());
  Referral("police", kNow - 9 * kDayMs).parts.core.mutable_worker()->set_pseudonym("w-2");
  gap(kNow - kDayMs);      // Tuesday: due at the end of this Wednesday, and open.
  auto& overdue = gap(kNow - 2 * kDayMs);  // Monday: its time ended with Tuesday.
  overdue.events.push_back(Event(overdue, EVENT_TYPE_GAP_OVERDUE, kNow - 10 * kHourMs));
  auto& reviewed = gap(kNow - 9 * kDayMs);
  reviewed.events.push_back(Event(reviewed, EVENT_TYPE_STATEMENT, kNow - 9 * kDayMs + kHourMs));
  reviewed.events.back().event.set_statement(STATEMENT_KIND_GAP_REVIEWED);
  reviewed.events.back().statement.emplace().set_gap_review(GAP_REVIEW_NOT_JUSTIFIED);
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_IMMEDIATE), ElementsAre("police|all|4|3|75.0|3|2|1|1", "police|w-1|3|3|100.0|3|2|1|1"));
}

// A week is unusual above three times the median of the eight before, and from ten on.
TEST_F(AuditTest, AWeekIsUnusualAboveThreeTimesTheMedianAndFromTenOn) {
  const int64_t monday = kNow - 2 * kDayMs;
  const auto send = [&](int weeks_back, int count) {
    for (int i = 0; i < count; ++i) {
      Referral("police", monday - weeks_back * kWeekMs);
      if (weeks_back > 4) {
        input_.before.push_back(input_.referrals.back());
        input_.referrals.pop_back();
      }
    }
  };
  for (int week = 1; week <= 8; ++week) send(week, 4);
  input_.from_ms = monday - kDayMs;
  std::erase_if(input_.referrals, [&](const ReferralFacts* facts) {
    if (facts->stored_ms < input_.from_ms) input_.before.push_back(facts);
    return facts->stored_ms < input_.from_ms;
  });
  send(0, 12);
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_UNUSUAL_VOLUMES), IsEmpty()) << "three times is not more than three times";
  send(0, 1);
  const std::string week = std::to_string(monday - 10 * kHourMs);
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_UNUSUAL_VOLUMES), ElementsAre("police|all|" + week + "|13|4|8", "police|w-1|" + week + "|13|4|8"));
}

TEST_F(AuditTest, TenAreNeededAndFourWeeksOfRecord) {
  const int64_t monday = kNow - 2 * kDayMs;
  input_.from_ms = monday - kDayMs;
  for (int i = 0; i < 9; ++i) Referral("police", monday);
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_UNUSUAL_VOLUMES), IsEmpty()) << "nine against none";
  Referral("police", monday);
  EXPECT_EQ(Rows(admin::v1::SHARING_AUDIT_UNUSUAL_VOLUMES).size(), 2u);
  input_.agencies["police"].enrolled_ms = monday - 4 * kWeekMs;
  EXPECT_EQ(Rows(admin::v1::SHARING_AUDIT_UNUSUAL_VOLUMES).size(), 2u) << "four weeks will do";
  input_.agencies["police"].enrolled_ms = monday - 3 * kWeekMs;
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_UNUSUAL_VOLUMES), IsEmpty());
  EXPECT_THAT(Notes(), HasSubstr("fewer than 4 weeks of record"));
  EXPECT_EQ(LooksBackToMs(monday), monday - 10 * kHourMs - 8 * kWeekMs);
}

TEST_F(AuditTest, APreviewIsFollowedByAReferralWithItsDecisionsWithinADay) {
  Referral("police", kNow);  // digest-1
  Act(EVENT_TYPE_PREVIEWED, kNow - kDayMs).decision_digest = "digest-1";
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_PROBING), ElementsAre("police|w-1|1|0|0|0|0"));
  Act(EVENT_TYPE_PREVIEWED, kNow - kDayMs - 1).decision_digest = "digest-1";
  Act(EVENT_TYPE_PREVIEWED, kNow).decision_digest = "digest-2";
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_PROBING), ElementsAre("police|w-1|3|2|0|0|0"));
  EXPECT_THAT(table_.rows(0).entries(), ElementsAre(901, 902));
}

TEST_F(AuditTest, RefusalsAndReadsAreCountedByWorkerWithThoseOutOfHours) {
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_PROBING), IsEmpty());
  Act(EVENT_TYPE_REFUSED, kNow);
  auto& many = Act(EVENT_TYPE_REFUSALS_SUMMARY, kNow, "");
  many.count = 40;
  Act(EVENT_TYPE_TRAIL_QUERIED, kNow + 9 * kHourMs - 1);  // 18:59:59.
  Act(EVENT_TYPE_TRAIL_QUERIED, kNow + 9 * kHourMs);      // 19:00.
  Act(EVENT_TYPE_TRAIL_QUERIED, kNow - 3 * kHourMs - 1);  // 6:59:59.
  Act(EVENT_TYPE_TRAIL_QUERIED, kNow - 4 * kDayMs);       // Saturday.
  auto& facts = Referral("housing", kNow);
  auto& opened = Says(facts, STATEMENT_KIND_OPENED, kNow + kHourMs, "idva");
  opened.worker.set_pseudonym("s-1");
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_PROBING), ElementsAre("idva|s-1|0|0|0|1|0", "police||0|0|40|0|0", "police|w-1|0|0|1|4|3"));
  input_.asked_agencies = {"police"};
  EXPECT_EQ(Rows(admin::v1::SHARING_AUDIT_PROBING).size(), 2u);
}

TEST_F(AuditTest, AgreementsThatEndedEndSoonOrAreNotUsed) {
  Referral("police", kNow);  // Under version 7.
  input_.agreements = {{.id = "dsa", .version = "7", .effective_from_ms = 1, .expires_ms = kNow + kEndsSoonMs + 1, .live = true},
                       {.id = "dsa", .version = "6", .effective_from_ms = 1, .expires_ms = kNow - 1, .replaced = true}};
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_STALE_AGREEMENTS), IsEmpty());
  input_.agreements[0].expires_ms = kNow + kEndsSoonMs;
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_STALE_AGREEMENTS), ElementsAre(HasSubstr("dsa|7|ENDS_SOON|1|")));
  EXPECT_THAT(Notes(), Not(HasSubstr("names one of them")));
  input_.agreements[0].version = "8";
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_STALE_AGREEMENTS), ElementsAre(HasSubstr("dsa|8|ENDS_SOON|"), HasSubstr("dsa|8|NOT_USED|")));
  input_.agreements[0].live = false;
  input_.agreements[0].expires_ms = kNow;
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_STALE_AGREEMENTS), ElementsAre(HasSubstr("dsa|8|ENDED|")));
  EXPECT_THAT(Notes(), HasSubstr("No agreement is in force"));
}

// Two agreements side by side: each is used, and each ends, by itself.
TEST_F(AuditTest, OfSeveralAgreementsEachIsUsedAndEndsByItself) {
  Referral("police", kNow - kDayMs);
  auto& both = Referral("police", kNow);
  Decide(both, "section-1", CATEGORY_HEALTH, "idva", VERDICT_PERMIT).set_rule_id("agreement/7/health");  // Of one referral, once.
  auto& asks = Decide(both, "section-1", CATEGORY_RISK, "housing", VERDICT_NEEDS_BASIS);
  asks.set_rule_id("agreement/b-1/housing");
  input_.agreements = {{.id = "dsa", .version = "7", .effective_from_ms = 1, .expires_ms = kNow + kDayMs, .live = true},
                       {.id = "dsa-b", .version = "b-1", .effective_from_ms = 1, .live = true},
                       {.id = "dsa-c", .version = "c-1", .effective_from_ms = 1, .expires_ms = kNow}};
  const std::string last = std::to_string(kNow), soon = std::to_string(kNow + kDayMs);
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_STALE_AGREEMENTS),
              ElementsAre("dsa|7|ENDS_SOON|1|" + soon + "|2|" + last, "dsa-b|b-1|NOT_USED|1||0|", "dsa-c|c-1|ENDED|1|" + last + "|0|"));
  EXPECT_THAT(table_.rows(0).entries(), ElementsAre(10, 20));
  EXPECT_THAT(table_.rows(1).entries(), IsEmpty());
  EXPECT_THAT(Notes(), HasSubstr("names one of them"));
  EXPECT_THAT(Notes(), Not(HasSubstr("No agreement is in force")));
  asks.set_verdict(VERDICT_PERMIT);
  input_.agreements[2].replaced = true;
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_STALE_AGREEMENTS), ElementsAre(HasSubstr("dsa|7|ENDS_SOON|")));
  EXPECT_THAT(Notes(), Not(HasSubstr("senders named above")));
  input_.asked_agencies = {"housing"};
  input_.referrals.clear();
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_STALE_AGREEMENTS), ElementsAre(HasSubstr("ENDS_SOON"), HasSubstr("dsa|7|NOT_USED"), HasSubstr("dsa-b|b-1|NOT_USED")));
  EXPECT_THAT(Notes(), HasSubstr("senders named above"));
}

TEST_F(AuditTest, AnAgencyThatNeverCollectsIsTold) {
  auto& waits = Referral("police", kNow - kDayMs);
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_NEVER_ANSWER), ElementsAre("idva|1|1|0|0|0|0|0|0|0|0|0|0|0"));
  EXPECT_THAT(table_.rows(0).entries(), ElementsAre(waits.stored_index));
  // Named and permitted nothing, and standing in for another without a handing over: neither has anything to collect.
  waits.parts.recipients.emplace_back().set_agency("housing");
  Decide(waits, "section-1", CATEGORY_RISK, "housing", VERDICT_WITHHOLD);
  auto& deputy = waits.parts.recipients.emplace_back();
  deputy.set_agency("health");
  deputy.set_capacity(RECIPIENT_CAPACITY_DEPUTY);
  deputy.set_on_behalf_of("idva");
  Decide(waits, "section-1", CATEGORY_RISK, "health", VERDICT_PERMIT).set_rule_id("agreement/7/all");
  EXPECT_EQ(Rows(admin::v1::SHARING_AUDIT_NEVER_ANSWER).size(), 1u);
  // Handed over, and collected there; likewise by whom the recipient sent it on to.
  Happens(waits, EVENT_TYPE_RELEASED, kNow, "health");
  Happens(waits, EVENT_TYPE_RELEASED, kNow, "education");
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_NEVER_ANSWER),
              ElementsAre("education|1|0|1|0|0|1|0|0|1|0|0|0|0", "health|1|0|1|0|0|1|0|0|1|0|0|0|0", "idva|1|1|0|0|0|0|0|0|0|0|0|0|0"));
}

// Nothing was released, and that is not the recipient's doing.
TEST_F(AuditTest, WhatWasAskedForInVainOrTakenBackIsNotNeverCollected) {
  for (const auto type : {EVENT_TYPE_WITHHELD_AT_RELEASE, EVENT_TYPE_RESEAL_WANTED, EVENT_TYPE_COPY_STOPPED}) {
    auto& facts = Referral("police", kNow);
    facts.events.push_back(Event(facts, type, kNow, "idva"));
  }
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_NEVER_ANSWER), ElementsAre("idva|3|0|0|0|0|0|0|0|0|0|0|0|0"));
  auto& other = Referral("police", kNow);
  other.events.push_back(Event(other, EVENT_TYPE_COPY_STOPPED, kNow, "housing"));
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_NEVER_ANSWER), ElementsAre(HasSubstr("idva|4|1|0|")));
}

TEST_F(AuditTest, WhoOpensAnswersAndTellsWhatCameOfItLateOrNever) {
  auto& silent = Referral("police", kNow - kDayMs);
  Happens(silent, EVENT_TYPE_RELEASED, kNow, "idva");
  auto& late = Referral("police", kNow - kDayMs);
  Happens(late, EVENT_TYPE_RELEASED, kNow, "idva");
  late.events.push_back(Event(late, EVENT_TYPE_PICK_UP_OVERDUE, kNow, "idva"));
  Says(late, STATEMENT_KIND_OPENED, kNow, "idva");
  Says(late, STATEMENT_KIND_ACCEPTED, kNow, "idva");
  // A clock that is missed after the answer does not make it late.
  late.events.push_back(Event(late, EVENT_TYPE_RESPONSE_OVERDUE, kNow, "idva"));
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_NEVER_ANSWER), ElementsAre("idva|2|0|2|1|1|1|1|0|1|1|0|0|1"));
  Says(late, STATEMENT_KIND_OUTCOME, kNow, "idva");
  silent.recorded_later = true;
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_NEVER_ANSWER), ElementsAre("idva|1|0|1|1|1|0|1|0|0|1|1|0|0"));
  EXPECT_THAT(Notes(), HasSubstr("1 referrals were recorded more than 30 days after"));
  input_.asked_agencies = {"housing"};
  EXPECT_THAT(Rows(admin::v1::SHARING_AUDIT_NEVER_ANSWER), IsEmpty());
}

// What is asked is checked before anything is read.
TEST(CheckAuditTest, FieldsThatAnAuditDoesNotTakeAndOthersAgenciesAreRefused) {
  const Caller admin{.kind = options::v1::CALLER_ADMIN, .id = "alice"}, police{.kind = options::v1::CALLER_AGENCY, .id = "police"};
  const auto reason = [](const admin::v1::AuditSharingRequest& request, const Caller& caller) {
    const auto checked = CheckAudit(request, caller);
    return checked.ok() ? std::string() : std::string(RowOf(DetailOf(checked.status()).reason).name);
  };
  admin::v1::AuditSharingRequest request;
  EXPECT_EQ(reason(request, admin), "ENUM_UNKNOWN");
  request.set_audit(admin::v1::SHARING_AUDIT_NEVER_ANSWER);
  request.set_from_ms(kNow);
  request.set_until_ms(kNow + 732 * kDayMs);
  EXPECT_EQ(reason(request, admin), "");
  request.set_until_ms(request.until_ms() + 1);
  EXPECT_EQ(reason(request, admin), "FIELD_INVALID") << "two years";
  request.set_until_ms(kNow + 1);
  request.add_categories(CATEGORY_RISK);
  EXPECT_EQ(reason(request, admin), "FIELD_INVALID") << "takes none";
  request.set_audit(admin::v1::SHARING_AUDIT_FLOWS);
  EXPECT_EQ(reason(request, admin), "");
  request.add_categories(static_cast<Category>(4711));
  EXPECT_EQ(reason(request, admin), "ENUM_UNKNOWN");
  request.clear_categories();
  request.add_agencies("idva");
  EXPECT_EQ(reason(request, police), "NOT_PERMITTED");
  request.set_audit(admin::v1::SHARING_AUDIT_NEVER_ANSWER);
  EXPECT_EQ(reason(request, police), "") << "a recipient of what it sent";
  for (int i = 0; i < kAuditValuesMax; ++i) request.add_agencies("idva");
  EXPECT_EQ(reason(request, admin), "FIELD_INVALID");
  admin::v1::AuditSharingRequest agreements;
  agreements.set_audit(admin::v1::SHARING_AUDIT_STALE_AGREEMENTS);
  EXPECT_EQ(reason(agreements, police), "") << "needs no period";
  agreements.set_purpose("why not");
  EXPECT_EQ(reason(agreements, police), "FIELD_INVALID");
}

}  // namespace
}  // namespace accord::broker::audit_test

// What referrals say of their cases, what the rules find as they are stored, and what each agency may know of it afterwards. Goal: nobody
// learns of a report that no decision lets it have, and every answer has one shape.
#include "services/broker/cases/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"
#include "common/base/bytes.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/referral/testing_parts.h"
#include "services/broker/cases/flags.h"
#include "services/broker/cases/history.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/memory_context.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker::case_events_test {
namespace {

using namespace type::v1;  // NOLINT
using referral::testing::SampleParts;
using referral::testing::SamplePolicy;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

SubjectPart Person(SubjectRole role, const std::string& name) {
  SubjectPart part;
  part.set_subject_id((name + std::string(16, role == SUBJECT_ROLE_VICTIM ? 'v' : 'p')).substr(0, 16));
  part.set_role(role);
  part.set_age_band(AGE_BAND_ADULT);
  auto& token = *part.add_tokens();
  token.set_domain("area");
  token.set_token_key("k1");
  token.set_recipe(1);
  token.set_strong(true);
  token.set_token((name + std::string(32, '.')).substr(0, 32));
  return part;
}

// One referral to be.
struct Sent {
  std::string sender = "police", victim = "anna";
  std::vector<std::string> perpetrators = {"bob"};
  std::vector<std::string> recipients = {"idva"};
  std::function<void(HeaderCore&)> alter;
  std::vector<std::string> held_by;  // Of the recipients: to whom it was released.
};

class CaseEventsTest : public ::testing::Test {
 protected:
  CaseEventsTest() {
    auto sources = SamplePolicy();
    auto& agreement = sources.agreements[0];
    agreement.effective_from = absl::UnixEpoch();
    agreement.expires = absl::InfiniteFuture();
    for (auto& route : agreement.routes) {
      route.from_kinds = {AGENCY_KIND_POLICE, AGENCY_KIND_HEALTH, AGENCY_KIND_IDVA};
      if (route.id == "to-idva") route.categories.push_back(CATEGORY_CASE_HISTORY);
    }
    policy_.compiled = referral::CompiledPolicy(sources);
  }

  // Stores it a day after the last; its digest. RecordCase alone is under test, so that what stores it here is no more than it reads.
  absl::StatusOr<std::string> TryStore(const Sent& sent) {
    context_.time += absl::Hours(24);
    referral::HeaderParts parts = SampleParts();
    parts.core.set_sender(sent.sender);
    parts.core.set_request_id("request-" + std::to_string(++requests_));
    parts.core.mutable_happened()->set_earliest_ms(absl::ToUnixMillis(context_.time - absl::Hours(1)));
    parts.core.mutable_happened()->set_latest_ms(absl::ToUnixMillis(context_.time - absl::Hours(1)));
    if (sent.alter) sent.alter(parts.core);
    parts.recipients.resize(sent.recipients.size());
    for (size_t i = 0; i < sent.recipients.size(); ++i) {
      parts.recipients[i].set_agency(sent.recipients[i]);
      parts.recipients[i].set_capacity(RECIPIENT_CAPACITY_NAMED);
    }
    parts.subjects = {Person(SUBJECT_ROLE_VICTIM, sent.victim)};
    for (const std::string& name : sent.perpetrators) parts.subjects.push_back(Person(SUBJECT_ROLE_ALLEGED_PERPETRATOR, name));
    const auto header = referral::SignHeader(parts, signer_, random_);
    EXPECT_EQ(header.status(), absl::OkStatus());
    const std::string digest = referral::DigestOf(header->header);
    storage::v1::StoredReferral stored;
    *stored.mutable_header() = header->header;
    for (const auto& opening : header->openings) *stored.add_openings() = opening;
    stored.set_stored_at_ms(absl::ToUnixMillis(context_.time));
    const auto chain = context_.OpenChain();
    stored.set_chain(chain->pseudonym);
    context_.Put(kFamilyChain, chain->pseudonym, storage::v1::StoredChain().SerializeAsString());
    for (const std::string& agency : sent.recipients) {
      auto& recipient = *stored.add_recipients();
      recipient.set_agency(agency);
      const bool held = std::find(sent.held_by.begin(), sent.held_by.end(), agency) != sent.held_by.end();
      if (held) recipient.set_first_released_ms(stored.stored_at_ms());
    }
    const auto linked = linker_.Link(parts.subjects, context_);
    EXPECT_EQ(linked.status(), absl::OkStatus());
    for (const std::string& pseudonym : linked->cases) {
      storage::v1::StoredCase row;
      EXPECT_TRUE(row.ParseFromString(**context_.Get(kFamilyCase, pseudonym)));
      stored.add_cases(pseudonym);
      stored.add_case_numbers(row.referrals());
      row.set_referrals(row.referrals() + 1);
      context_.Put(kFamilyCase, pseudonym, row.SerializeAsString());
      context_.Put(kFamilyCaseReferral, CaseReferralKey(pseudonym, row.referrals() - 1), digest);
    }
    ACCORD_RETURN_IF_ERROR(RecordCase(context_, linker_, policy_.compiled.CaseRules(context_.time),
                                      {digest, parts.core, parts.core.type(), parts.subjects, stored}));
    context_.Put(kFamilyReferral, digest, stored.SerializeAsString());
    return digest;
  }
  std::string Store(const Sent& sent) {
    const auto digest = TryStore(sent);
    EXPECT_EQ(digest.status(), absl::OkStatus());
    return digest.value_or("");
  }
  storage::v1::StoredReferral Stored(const std::string& digest) {
    storage::v1::StoredReferral stored;
    EXPECT_TRUE(stored.ParseFromString(**context_.Get(kFamilyReferral, digest)));
    return stored;
  }
  // The flags of the last CASE_FLAGGED entry.
  std::vector<int> LastFlags() const {
    for (auto entry = context_.entries.rbegin(); entry != context_.entries.rend(); ++entry) {
      if (entry->event.type() == EVENT_TYPE_CASE_FLAGGED) return {entry->event.case_flags().begin(), entry->event.case_flags().end()};
    }
    return {};
  }
  // Entries CASE_FLAGGED that have a flag.
  size_t FlagEntries() const {
    return static_cast<size_t>(std::count_if(context_.entries.begin(), context_.entries.end(), [](const EntryDraft& entry) {
      return entry.event.type() == EVENT_TYPE_CASE_FLAGGED && entry.event.case_flags_size() > 0;
    }));
  }
  CaseHistory Ask(const std::string& digest, const std::string& agency, CaseTime time = CASE_TIME_RECORDED, absl::Time as_at = absl::InfiniteFuture()) {
    const auto stored = Stored(digest);
    const auto header = OpenStored(stored);
    EXPECT_EQ(header.status(), absl::OkStatus());
    const auto history = HistoryFor(SealedReaderOf(context_),
                                    PlainReaderOf(context_), linker_, policy_,
                                    stored, *header, {.agency = agency, .time = time, .as_at = as_at}, context_.time);
    EXPECT_EQ(history.status(), absl::OkStatus());
    return history.value_or(CaseHistory());
  }

  MemoryContext context_;
  FakeRandom random_{3};
  const crypto::SigningKey signer_ = crypto::SigningKey::Generate();
  CaseLinker linker_{crypto::SecretBytes(std::string(32, 'i'))};
  Policy policy_;
  int requests_ = 0;
};

TEST_F(CaseEventsTest, KeepsWhatAReferralSaysInEachOfItsCases) {
  const std::string digest = Store({.perpetrators = {"bob", "carl"}, .alter = [](HeaderCore& core) {
                                      core.mutable_report()->set_credibility(REPORT_CREDIBILITY_LABELLED_MALICIOUS);
                                      auto& event = *core.mutable_report()->mutable_event();
                                      event.set_domain("area"), event.set_token_key("k1"), event.set_recipe(1);
                                      event.set_token(std::string(32, 'e'));
                                    }});
  const auto stored = Stored(digest);
  ASSERT_EQ(stored.cases_size(), 2);
  for (const std::string& pseudonym : stored.cases()) {
    const auto reports = LoadReports(SealedReaderOf(context_),
                                     PlainReaderOf(context_), {&pseudonym, 1});
    ASSERT_EQ(reports.status(), absl::OkStatus());
    ASSERT_THAT(*reports, SizeIs(1));
    EXPECT_EQ((*reports)[0].digest, digest);
    EXPECT_EQ((*reports)[0].event.size(), 32u);
    EXPECT_NE((*reports)[0].event, std::string(32, 'e')) << "under the broker's own key";
    EXPECT_EQ((*reports)[0].credibility, REPORT_CREDIBILITY_LABELLED_MALICIOUS);
  }
  EXPECT_EQ(FlagEntries(), 0u);
}

TEST_F(CaseEventsTest, FlagsStandOnTheRecord) {
  Store({});
  Store({});
  EXPECT_EQ(FlagEntries(), 0u) << "two below the limit";
  EXPECT_EQ(context_.entries.size(), 2u) << "one of each all the same: that there is none would tell";
  const std::string third = Store({});
  ASSERT_EQ(FlagEntries(), 1u);
  const EntryDraft& entry = context_.entries.back();
  EXPECT_THAT(LastFlags(), ElementsAre(CASE_FLAG_ESCALATION));
  EXPECT_EQ(entry.event.case_rules_version(), "cases-1");
  EXPECT_EQ(entry.chains, ChainsOf(Stored(third)));
  EXPECT_FALSE(entry.actor->has_worker());
}

TEST_F(CaseEventsTest, EachAllegedPerpetratorCountsApart) {
  Store({.perpetrators = {"bob"}});
  Store({.perpetrators = {"carl"}});
  Store({.perpetrators = {"bob", "carl"}});
  EXPECT_EQ(FlagEntries(), 0u) << "two events of each, in turn and at once";
  Store({.perpetrators = {"carl"}});
  EXPECT_THAT(LastFlags(), ElementsAre(CASE_FLAG_ESCALATION));
}

TEST_F(CaseEventsTest, AMaracRepeatIsOfTheSamePair) {
  const auto marac = [](HeaderCore& core) { core.set_purpose(PURPOSE_MARAC); };
  Store({.alter = marac});
  Store({.perpetrators = {"carl"}, .alter = marac});
  EXPECT_EQ(FlagEntries(), 0u) << "a new alleged perpetrator is a new case";
  Store({.sender = "health"});
  EXPECT_THAT(LastFlags(), ElementsAre(CASE_FLAG_MARAC_REPEAT)) << "any agency, any abuse";
}

TEST_F(CaseEventsTest, AnotherVictimOfTheSamePerpetratorWithinTheTime) {
  Store({.victim = "anna"});
  Store({.victim = "dora"});
  EXPECT_THAT(LastFlags(), ElementsAre(CASE_FLAG_OTHER_VICTIM));
  context_.time += absl::Hours(24 * 366 * 3);
  Store({.victim = "ella"});
  EXPECT_EQ(FlagEntries(), 1u) << "more than three years later";
}

TEST_F(CaseEventsTest, ReversedRolesAreACounterAllegation) {
  Store({.victim = "anna", .perpetrators = {"bob"}});
  Store({.victim = "bob", .perpetrators = {"anna"}});
  EXPECT_THAT(LastFlags(), ElementsAre(CASE_FLAG_COUNTER_ALLEGATION));
}

TEST_F(CaseEventsTest, ALowerGradeNeedsReasonAndSupervisor) {
  const auto graded = [](RiskGrade grade, bool why = false) {
    return [=](HeaderCore& core) {
      core.mutable_risk()->set_grade(grade);
      if (!why) return;
      core.mutable_risk()->set_change_reason(RISK_CHANGE_REASON_NEW_ASSESSMENT);
      core.mutable_risk()->set_supervisor("sergeant-7");
    };
  };
  Store({.alter = graded(RISK_GRADE_HIGH)});
  EXPECT_TRUE(HasReason(TryStore({.alter = graded(RISK_GRADE_MEDIUM)}).status(), Reason::kRiskLowered));
  Store({.sender = "health", .alter = graded(RISK_GRADE_MEDIUM)});  // Not judged by what others said.
  EXPECT_EQ(FlagEntries(), 0u);
  Store({.victim = "dora", .alter = graded(RISK_GRADE_STANDARD)});  // Nor of another pair.
  Store({.alter = graded(RISK_GRADE_MEDIUM, true)});
  EXPECT_THAT(LastFlags(), ::testing::Contains(CASE_FLAG_GRADE_LOWERED));
  EXPECT_EQ(context_.entries.back().event.risk_change_reason(), RISK_CHANGE_REASON_NEW_ASSESSMENT);
  Store({.alter = graded(RISK_GRADE_HIGH)});
  EXPECT_THAT(LastFlags(), ::testing::Contains(CASE_FLAG_GRADE_RAISED)) << "higher needs nothing";
}

TEST_F(CaseEventsTest, WhatHappensToAReferralLaterCounts) {
  Store({});
  const std::string second = Store({}), third = Store({});
  const auto count = [&] { return Ask(third, "police").count.at_least; };
  EXPECT_EQ(count(), 3u);
  ASSERT_EQ(ChangeEvent(context_, Stored(second), [](storage::v1::StoredCaseEvent& event) { event.set_recalled(true); }), absl::OkStatus());
  EXPECT_EQ(count(), 2u);
  ASSERT_EQ(ChangeEvent(context_, Stored(third), [](storage::v1::StoredCaseEvent& event) { event.set_replaced_by("newer"); }), absl::OkStatus());
  EXPECT_EQ(count(), 1u);
}

TEST_F(CaseEventsTest, TheRulesLookAtTheNewestAlone) {
  for (size_t i = 0; i < kCaseEventsMax + 3; ++i) Store({});
  EXPECT_EQ(Ask(Store({}), "police").count.reports, kCaseEventsMax);
}

TEST_F(CaseEventsTest, AnAgencyCountsWhatItSentHoldsOrMayHave) {
  Store({.recipients = {"housing"}, .held_by = {"housing"}});
  Store({.sender = "health", .recipients = {"housing"}});
  const std::string last = Store({.recipients = {"idva", "housing"}, .held_by = {"idva", "housing"}});
  EXPECT_EQ(Ask(last, "police").count.reports, 2u) << "what it sent";
  EXPECT_EQ(Ask(last, "housing").count.reports, 2u) << "what it holds: no route gives housing case history";
  const CaseHistory idva = Ask(last, "idva");
  EXPECT_EQ(idva.count.reports, 3u) << "a route gives it case history of all";
  EXPECT_EQ(idva.count.agencies, 2u);
  EXPECT_THAT(idva.flags, ElementsAre(CASE_FLAG_ESCALATION));
  EXPECT_THAT(Ask(last, "housing").flags, IsEmpty());
}

TEST_F(CaseEventsTest, TodaysPolicyDecides) {
  Store({});
  const std::string last = Store({.held_by = {"idva"}});
  EXPECT_EQ(Ask(last, "idva").count.reports, 2u);
  auto sources = policy_.compiled.sources();
  sources.agencies.at("idva").active = false;
  policy_.compiled = referral::CompiledPolicy(sources);
  EXPECT_EQ(Ask(last, "idva").count.reports, 1u) << "today's policy: what it holds is left";
}

TEST_F(CaseEventsTest, EveryAnswerHasOneShape) {
  const std::string alone = Store({.recipients = {"housing"}, .held_by = {"housing"}});
  Store({.sender = "health", .alter = [](HeaderCore& core) { core.set_purpose(PURPOSE_MARAC); }});
  const CaseHistory told = Ask(alone, "housing"), stranger = Ask(alone, "childrens");
  EXPECT_EQ(told.rules_version, "cases-1");
  EXPECT_EQ(stranger.rules_version, "cases-1");
  EXPECT_EQ(told.last_marac_referral_ms, 0) << "of another agency, and no decision lets it have that";
  EXPECT_EQ(stranger.count.reports, 0u);
  EXPECT_GT(Ask(alone, "idva").last_marac_referral_ms, 0);
}

TEST_F(CaseEventsTest, ACounterAllegationGoesToIdvaAndCoordinatorAlone) {
  Store({.victim = "bob", .perpetrators = {"anna"}, .recipients = {"idva", "housing"}, .held_by = {"idva", "housing"}});
  const std::string digest = Store({.recipients = {"idva", "housing"}, .alter = [](HeaderCore& core) { core.set_forum("marac"); }});
  const auto knows = [&](const std::string& agency) { return Ask(digest, agency).flags.contains(CASE_FLAG_COUNTER_ALLEGATION); };
  EXPECT_TRUE(knows("idva"));
  EXPECT_FALSE(knows("police")) << "though it sent both";
  EXPECT_FALSE(knows("housing"));
  admin::v1::Forum forum;
  forum.set_id("marac");
  forum.set_active(true);
  forum.set_coordinator("housing");
  context_.Put(kFamilyPolicy, ForumKey("marac"), forum.SerializeAsString());
  EXPECT_TRUE(knows("housing"));
  forum.set_active(false);
  context_.Put(kFamilyPolicy, ForumKey("marac"), forum.SerializeAsString());
  EXPECT_FALSE(knows("housing")) << "the forum does not sit";
}

TEST_F(CaseEventsTest, OtherVictimsAreACount) {
  const std::string first = Store({.victim = "anna"});
  Store({.victim = "dora"});
  Store({.sender = "health", .victim = "ella"});
  EXPECT_EQ(Ask(first, "idva").other_victims, 2u);
  EXPECT_EQ(Ask(first, "police").other_victims, 1u) << "of what health said it may not know";
  EXPECT_TRUE(Ask(first, "police").flags.contains(CASE_FLAG_OTHER_VICTIM));
}

TEST_F(CaseEventsTest, TheThreeTimesAreAskedOfLater) {
  // Happened two days before it was known, and that two days before it was stored.
  const auto late = [&](HeaderCore& core) {
    const int64_t stored_ms = absl::ToUnixMillis(context_.time), two_days = absl::ToInt64Milliseconds(absl::Hours(48));
    core.mutable_happened()->set_earliest_ms(stored_ms - 2 * two_days);
    core.mutable_happened()->set_latest_ms(stored_ms - 2 * two_days);
    core.mutable_known()->set_earliest_ms(stored_ms - two_days);
    core.mutable_known()->set_latest_ms(stored_ms - two_days);
  };
  const std::string digest = Store({.alter = late});
  const absl::Time stored = context_.time;
  context_.time += absl::Hours(24 * 30);
  const auto reports = [&](CaseTime time, absl::Duration before) { return Ask(digest, "police", time, stored - before).count.reports; };
  EXPECT_EQ(reports(CASE_TIME_RECORDED, absl::ZeroDuration()), 1u);
  EXPECT_EQ(reports(CASE_TIME_RECORDED, absl::Milliseconds(1)), 0u);
  EXPECT_EQ(reports(CASE_TIME_KNOWN, absl::Hours(48)), 1u);
  EXPECT_EQ(reports(CASE_TIME_KNOWN, absl::Hours(48) + absl::Milliseconds(1)), 0u);
  EXPECT_EQ(reports(CASE_TIME_HAPPENED, absl::Hours(96)), 1u);
  EXPECT_EQ(reports(CASE_TIME_HAPPENED, absl::Hours(96) + absl::Milliseconds(1)), 0u);
}

TEST_F(CaseEventsTest, AReferralWithoutACaseHasAHistoryOfTheSameShape) {
  Sent sent;
  sent.perpetrators = {};
  const std::string digest = Store(sent);
  EXPECT_EQ(Ask(digest, "police").rules_version, "cases-1");
  EXPECT_EQ(Ask(digest, "police").count.reports, 0u);
  EXPECT_EQ(FlagEntries(), 0u);
}

}  // namespace
}  // namespace accord::broker::case_events_test

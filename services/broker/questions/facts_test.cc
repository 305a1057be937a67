// What is gathered of referrals, over a log in memory, and how many places of the store that takes.
#include "services/broker/questions/facts.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/executor.h"
#include "common/base/ids.h"
#include "common/crypto/testing_pki.h"
#include "common/referral/header.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/history.h"
#include "services/broker/questions/engine.h"
#include "services/broker/questions/sample.h"
#include "services/broker/trails/covered.h"
#include "services/broker/trails/fact.h"
#include "services/broker/trails/indexer.h"
#include "services/broker/trails/testing_log.h"

namespace accord::broker::facts_test {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class FactsTest : public ::testing::Test {
 protected:
  // A referral of the police to the Idva service unless said, of a case of its own, and so many other entries on its chain. Its stored entry.
  // With `corrects` it is a correction of that one.
  uint64_t Store(const std::string& request_id, int others, const std::string& recipient = "idva", type::v1::RiskGrade grade = type::v1::RISK_GRADE_HIGH,
                 const std::string& corrects = {}) {
    uint64_t stored_index = 0;
    const referral::SignedHeader header = Header(request_id, recipient, grade, corrects);
    EXPECT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
                ACCORD_ASSIGN_OR_RETURN(const auto chain, context.OpenChain());
                slots_[request_id] = chain.slot;
                chains_[request_id] = chain.pseudonym;
                EntryDraft entry;
                entry.chains = {chain.pseudonym};
                entry.event.set_type(type::v1::EVENT_TYPE_REFERRAL_STORED);
                entry.actor.emplace().set_principal("agency/police/rms");
                entry.referral.emplace().set_header_digest(Digest(request_id));
                auto& permitted = *entry.decisions.emplace().add_decisions();
                permitted.set_recipient(recipient);
                permitted.set_verdict(type::v1::VERDICT_PERMIT);
                ACCORD_ASSIGN_OR_RETURN(stored_index, context.AddEntry(entry));
                entry.event.set_type(type::v1::EVENT_TYPE_RELEASED);
                entry.referral->set_recipient("idva");
                entry.decisions.emplace().add_decisions()->set_rule_id("agreement/1/all");
                for (int i = 0; i < others; ++i) ACCORD_RETURN_IF_ERROR(context.AddEntry(entry));
                if (others > 0) ACCORD_RETURN_IF_ERROR(AddStatement(context, entry, chain.slot));
                storage::v1::StoredReferral stored;
                *stored.mutable_header() = header.header;
                for (const auto& opening : header.openings) *stored.add_openings() = opening;
                stored.set_chain(chain.pseudonym);
                stored.add_cases(CaseOf(request_id));
                context.Put(kFamilyCaseReferral, CaseReferralKey(CaseOf(request_id), 0), Digest(request_id));
                stored.add_recipients()->set_agency(recipient);
                stored.set_stored_index(stored_index);
                return context.PutSealed(kFamilyReferral, entry.referral->header_digest(), chain.slot, stored.SerializeAsString());
              }),
              absl::OkStatus());
    return stored_index;
  }

  static absl::Status AddStatement(CommitContext& context, EntryDraft entry, uint64_t slot) {
    type::v1::Statement said;
    said.set_kind(type::v1::STATEMENT_KIND_ACCEPTED);
    said.set_agency("idva");
    storage::v1::StoredStatement stored;
    stored.mutable_statement()->set_payload(said.SerializeAsString());
    entry.event.set_type(type::v1::EVENT_TYPE_STATEMENT);
    entry.event.set_statement(said.kind());
    entry.actor->set_principal("agency/idva");
    entry.actor->mutable_worker()->set_pseudonym("w-1");
    entry.referral->set_desk(type::v1::DESK_CONFIDENTIAL);
    entry.referral->set_statement_digest(std::string(32, 's'));
    entry.decisions.reset();
    ACCORD_RETURN_IF_ERROR(context.AddEntry(entry));
    return context.PutSealed(kFamilyStatement, StatementKey(entry.referral->header_digest(), entry.referral->statement_digest()), slot,
                             stored.SerializeAsString());
  }

  // A statement of `agency` on the referral.
  void Say(const std::string& request_id, const std::string& agency, const type::v1::Statement& said) {
    EXPECT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
                EntryDraft entry;
                entry.chains = {chains_[request_id]};
                entry.event.set_type(type::v1::EVENT_TYPE_STATEMENT);
                entry.event.set_statement(said.kind());
                entry.actor.emplace().set_principal("agency/" + agency);
                entry.referral.emplace().set_header_digest(Digest(request_id));
                entry.referral->set_statement_digest(std::string(31, 's') + static_cast<char>(said.kind()));
                ACCORD_RETURN_IF_ERROR(context.AddEntry(entry).status());
                storage::v1::StoredStatement stored;
                stored.mutable_statement()->set_payload(said.SerializeAsString());
                return context.PutSealed(kFamilyStatement, StatementKey(Digest(request_id), entry.referral->statement_digest()), slots_[request_id], stored.SerializeAsString());
              }),
              absl::OkStatus());
  }
  static std::string CaseOf(const std::string& request_id) { return std::string(kIdBytes - request_id.size(), 'c') + request_id; }
  void Enrol(const std::string& id, type::v1::AgencyKind kind) {
    admin::v1::Agency agency;
    agency.set_id(id);
    agency.set_kind(kind);
    agency.set_active(true);
    log_.store().Put(kFamilyAgency, id, agency.SerializeAsString());
  }
  // Links 1, 2, …: each of two cases, with its answer.
  void Link(uint64_t number, const std::string& one, const std::string& other, type::v1::LinkAnswer answer, int64_t answered_ms) {
    storage::v1::StoredLink link;
    link.set_one(one);
    link.set_other(other);
    link.set_answer(answer);
    link.set_answered_at_ms(answered_ms);
    log_.store().Put(kFamilyLink, KeyU64(number), link.SerializeAsString());
    for (const std::string& pseudonym : {one, other}) {
      links_[pseudonym] += KeyU64(number);
      log_.store().Put(kFamilyLinkIndex, LinksOfCaseKey(pseudonym), links_[pseudonym]);
    }
  }
  // Asked of all that was stored in the last day and the next, `later` after the last commit.
  inspection::v1::Table Ask(uint32_t number, int64_t later_ms) {
    inspection::v1::AskQuestionRequest request;
    request.set_question(number);
    request.set_from_ms(absl::ToUnixMillis(log_.now) - kDayMs);
    request.set_until_ms(absl::ToUnixMillis(log_.now) + kDayMs);
    Executor executor(1, 16);
    const auto table = AnswerQuestion(log_.View(), executor, keys_, *log_.Directory(), referral::DefaultClockRules(), Scope::All(), *FindQuestion(number), request, Size(),
                                      absl::ToUnixMillis(log_.now) + later_ms);
    executor.Shutdown();
    EXPECT_EQ(table.status(), absl::OkStatus());
    return *table;
  }

  // Keeps what the entries before `until` say, as the index does.
  void Keep(uint64_t until) {
    EntryOpener opener(keys_);
    const uint64_t from = *FactsKept(log_.View());
    const auto entries = opener.Open(log_.View(), from, until);
    ASSERT_EQ(entries.status(), absl::OkStatus());
    ASSERT_EQ(log_.Commit([&](CommitContext& context) { return PutTrailRows(context, from, until, *entries); }), absl::OkStatus());
  }
  size_t Kept() {
    return static_cast<size_t>(std::count_if(log_.store().rows.begin(), log_.store().rows.end(), [](const auto& row) { return row.first.first == kFamilyFact; }));
  }
  uint64_t Size() const { return log_.View().ledger().size(); }
  static std::string Digest(const std::string& request_id) { return std::string(32 - request_id.size(), 'd') + request_id; }

  // All that is read of a referral, to compare.
  static std::string Text(const absl::StatusOr<std::optional<ReferralFacts>>& facts) {
    if (!facts.ok() || !facts->has_value()) return facts.status().ToString();
    std::string text = fmt::format("{} {} {} {}\n", (*facts)->digest, (*facts)->stored_index, (*facts)->stored_ms, (*facts)->parts.core.request_id());
    for (const FactEvent& event : (*facts)->events) {
      text += fmt::format("{} {} {} {} {} {} {} {} {} {} {} {}\n", event.index, event.time_ms, event.event.ShortDebugString(), event.principal, event.agency,
                          event.worker.ShortDebugString(), event.recipient, event.delivery_id, event.statement_digest, static_cast<int>(event.desk),
                          event.decisions.has_value() ? event.decisions->ShortDebugString() : "none",
                          event.statement.has_value() ? event.statement->ShortDebugString() : "none");
    }
    return text;
  }

  referral::SignedHeader Header(const std::string& request_id, const std::string& recipient, type::v1::RiskGrade grade, const std::string& corrects) {
    referral::HeaderParts parts;
    parts.core.set_request_id(request_id);
    parts.core.set_sender("police");
    parts.core.mutable_worker()->set_pseudonym("pc-1");
    parts.core.mutable_worker()->set_role(type::v1::WORKER_ROLE_PRACTITIONER);
    parts.core.mutable_worker()->set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
    parts.core.set_type(corrects.empty() ? type::v1::REFERRAL_TYPE_REFERRAL : type::v1::REFERRAL_TYPE_CORRECTION);
    if (!corrects.empty()) parts.core.set_caused_by(Digest(corrects));
    parts.core.set_purpose(type::v1::PURPOSE_SAFEGUARDING_ADULT);
    parts.core.set_urgency(type::v1::URGENCY_ROUTINE);
    parts.core.mutable_risk()->set_grade(grade);
    parts.core.mutable_risk()->set_instrument(type::v1::INSTRUMENT_DARA);
    parts.core.mutable_risk()->set_subject(type::v1::SUBJECT_ROLE_VICTIM);
    parts.core.set_signed_at_ms(absl::ToUnixMillis(log_.now));
    parts.recipients.emplace_back().set_agency(recipient);
    parts.recipients.back().set_capacity(type::v1::RECIPIENT_CAPACITY_NAMED);
    auto& tag = parts.tags.emplace_back();
    tag.set_tag_id(std::string(16, 't'));
    tag.set_victim_awareness(type::v1::VICTIM_AWARENESS_INFORMED);
    tag.set_consent(type::v1::CONFIDENTIALITY_CONSENT_GIVEN);
    tag.set_article6(type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
    tag.set_article9(type::v1::ARTICLE9_CONDITION_SAFEGUARDING);
    tag.set_regime(type::v1::REGIME_DPA_PART3);
    auto& section = parts.sections.emplace_back();
    section.set_section_id(std::string(16, 's'));
    section.set_category(type::v1::CATEGORY_RISK);
    section.set_tag_id(tag.tag_id());
    section.set_digest(std::string(32, 'x'));
    auto& subject = parts.subjects.emplace_back();
    subject.set_subject_id(std::string(16, 'v'));
    subject.set_role(type::v1::SUBJECT_ROLE_VICTIM);
    subject.set_age_band(type::v1::AGE_BAND_ADULT);
    auto header = referral::SignHeader(parts, key_, random_);
    EXPECT_EQ(header.status(), absl::OkStatus());
    return *std::move(header);
  }

  TestingLog log_;
  const TrailKeys keys_{std::string(32, 'k')};
  FakeRandom random_{3};
  const crypto::SigningKey key_ = crypto::testing::TestAuthority().IssueSigning("police").signing_key();
  std::map<std::string, uint64_t> slots_;
  std::map<std::string, std::string> chains_, links_;
};

TEST_F(FactsTest, AnErasedOneIsNone) {
  const uint64_t erased = Store("request-1", 3), other = Store("request-2", 3);
  Keep(Size());
  ASSERT_EQ(log_.slots().Destroy(slots_["request-1"]), absl::OkStatus());
  for (const auto& facts : {ReadFacts(log_.View(), erased), ReadFactsOfReferral(log_.View(), Digest("request-1"))}) {
    ASSERT_EQ(facts.status(), absl::OkStatus());
    EXPECT_FALSE(facts->has_value());
  }
  EXPECT_TRUE(ReadFacts(log_.View(), other)->has_value());
  EXPECT_FALSE(ReadFactsOfReferral(log_.View(), std::string(32, 'n'))->has_value());
}

// Whether none, some or all of it is kept beside the log, and by whichever name it is asked for.
TEST_F(FactsTest, WhatIsKeptIsWhatTheLogSays) {
  Store("request-0", 2);
  const uint64_t stored = Store("request-1", 6);
  const std::string from_log = Text(ReadFacts(log_.View(), stored));
  for (const char* said : {"EVENT_TYPE_RELEASED", "STATEMENT_KIND_ACCEPTED", "agreement/1/all", "agency/police/rms police", "pseudonym: \"w-1\""}) {
    EXPECT_THAT(from_log, HasSubstr(said));
  }
  for (const uint64_t until : {stored + 1, stored + 4, Size()}) {
    Keep(until);
    EXPECT_EQ(*FactsKept(log_.View()), until);
    EXPECT_EQ(Kept(), until);  // Entry 0 is the first of these, and each is of a referral.
    EXPECT_EQ(Text(ReadFacts(log_.View(), stored)), from_log);
    EXPECT_EQ(Text(ReadFactsOfReferral(log_.View(), Digest("request-1"))), from_log);
  }
  // Of a tree in which it had fewer entries, or was not there.
  EXPECT_THAT((*ReadFactsOfReferral(log_.View(), Digest("request-1"), stored + 3))->events, SizeIs(3));
  EXPECT_FALSE(ReadFactsOfReferral(log_.View(), Digest("request-1"), stored)->has_value());
  EXPECT_FALSE(ReadFacts(log_.View(), stored, stored)->has_value());
}

TEST_F(FactsTest, WhatDoesNotFitTogetherIsTold) {
  const uint64_t stored = Store("request-1", 3);
  log_.store().Put(kFamilyLeaf, KeyU64(stored + 1), "no leaf");
  EXPECT_TRUE(HasReason(ReadFacts(log_.View(), stored).status(), Reason::kStoreCorrupt));
  // Of that entry nothing is kept, and whoever reads it is told; its rows of the index are there.
  Keep(Size());
  EXPECT_EQ(Kept(), Size() - 1);
  EXPECT_TRUE(HasReason(ReadFacts(log_.View(), stored).status(), Reason::kStoreCorrupt));
  EXPECT_TRUE(HasReason(ReadFactsOfReferral(log_.View(), Digest("request-1")).status(), Reason::kStoreCorrupt));
}

TEST_F(FactsTest, AKeptRowThatWasAlteredIsTold) {
  const uint64_t stored = Store("request-1", 3);
  Keep(Size());
  auto row = std::find_if(log_.store().rows.begin(), log_.store().rows.end(), [](const auto& one) { return one.first.first == kFamilyFact; });
  ASSERT_NE(row, log_.store().rows.end());
  row->second.back() ^= 1;
  EXPECT_TRUE(HasReason(ReadFacts(log_.View(), stored).status(), Reason::kStoreCorrupt));
  // Who asks about few is answered from the log itself.
  const auto from_log = ReadFactsOfReferral(log_.View(), Digest("request-1"), 0, FactsFrom::kLog);
  ASSERT_EQ(from_log.status(), absl::OkStatus());
  EXPECT_THAT((*from_log)->events, SizeIs(5));
}

// Each read by key is a place of its own in a long log, and so is the beginning of a scan.
TEST_F(FactsTest, ReadsAFewPlacesOfAReferralOnceItIsKept) {
  const uint64_t stored = Store("request-1", 8);  // And a statement: ten entries.
  const auto reads = [&](const auto& read) {
    CountedReads store(log_.store());
    EXPECT_TRUE(read(log_.ViewOf(store))->has_value());
    return std::pair(store.gets.load(), store.scans.load());
  };
  const auto by_index = [&](const ReadView& view) { return ReadFacts(view, stored); };
  const auto by_digest = [&](const ReadView& view) { return ReadFactsOfReferral(view, Digest("request-1")); };
  EXPECT_EQ(reads(by_index), std::pair(2 * 10 + 1 + 1, 2)) << "leaf and openings of each, the referral, the statement; its chain, what is kept of it";
  Keep(Size());
  EXPECT_EQ(reads(by_index), std::pair(2 + 1, 2)) << "its stored entry and the referral";
  EXPECT_EQ(reads(by_digest), std::pair(1, 2));
}

TEST_F(FactsTest, OfACaseIsWhatStandsOnItsChainAlone) {
  Store("request-1", 2);
  std::string chain;
  uint64_t slot = 0;
  std::vector<uint64_t> own;
  const auto add = [&](type::v1::EventType type) {
    ASSERT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
                if (chain.empty()) {
                  ACCORD_ASSIGN_OR_RETURN(const auto opened, context.OpenChain());
                  chain = opened.pseudonym;
                  slot = opened.slot;
                }
                EntryDraft entry;
                entry.chains = {chain};
                entry.event.set_type(type);
                entry.actor.emplace().set_principal("agency/idva/desk");
                ACCORD_ASSIGN_OR_RETURN(own.emplace_back(), context.AddEntry(entry));
                return absl::OkStatus();
              }),
              absl::OkStatus());
  };
  for (const auto type : {type::v1::EVENT_TYPE_LINK_PROPOSED, type::v1::EVENT_TYPE_LINK_ANSWERED, type::v1::EVENT_TYPE_TRAIL_QUERIED}) add(type);
  const auto events = ReadEventsOfCase(log_.View(), chain, {own[0]}, 0, 2);
  ASSERT_EQ(events.status(), absl::OkStatus());
  ASSERT_THAT(*events, SizeIs(2));
  EXPECT_EQ((*events)[0].event.type(), type::v1::EVENT_TYPE_LINK_ANSWERED);
  EXPECT_EQ((*events)[0].agency, "idva");
  EXPECT_EQ((*events)[1].index, own[2]);
  EXPECT_THAT(*ReadEventsOfCase(log_.View(), chain, {}, own[2], 2), SizeIs(2)) << "the tree ends before the third";
  EXPECT_TRUE(HasReason(ReadEventsOfCase(log_.View(), chain, {}, 0, 2).status(), Reason::kQueryTooCostly));
  ASSERT_EQ(log_.slots().Destroy(slot), absl::OkStatus());
  EXPECT_THAT(*ReadEventsOfCase(log_.View(), chain, {}, 0, 3), SizeIs(0)) << "erased";
}

// What a question and a sample read of the store, of which one case in the area asked about and eight in another.
TEST_F(FactsTest, AskedForNoAreaTheOneOfTheWarrantIsReadAndNoOther) {
  log_.Enrol("idva", "E08000012");
  log_.Enrol("school", "E08000003");
  Store("request-0", 0);
  for (int i = 1; i <= 8; ++i) Store(fmt::format("request-{}", i), 0, "school");
  Keep(Size());
  const auto directory = log_.Directory();
  Executor executor(1, 16);
  const int64_t now_ms = absl::ToUnixMillis(log_.now), day_ms = 86'400'000;
  inspection::v1::Warrant warrant;
  warrant.set_id("jtai-1");
  warrant.set_kind(inspection::v1::WARRANT_KIND_STATUTORY);
  warrant.mutable_scope()->set_from_ms(now_ms - day_ms);
  warrant.mutable_scope()->set_until_ms(now_ms + day_ms);
  const auto filled = [&](auto request) {
    request.set_from_ms(now_ms - day_ms);
    request.set_until_ms(now_ms + day_ms);
    return request;
  };
  const auto asks = [&](const inspection::v1::AskQuestionRequest& request) {
    CountedReads store(log_.store());
    const auto table = AnswerQuestion(log_.ViewOf(store), executor, keys_, *directory, referral::DefaultClockRules(), Scope::Of(warrant, {}), *FindQuestion(7), request,
                                      Size(), now_ms);
    EXPECT_EQ(table.status(), absl::OkStatus());
    EXPECT_EQ(table->referrals(), 1u);
    return store.gets.load();
  };
  const auto draws = [&](const inspection::v1::DrawSampleRequest& request) {
    CountedReads store(log_.store());
    const auto sample = DrawSample(log_.ViewOf(store), keys_, *directory, Scope::Of(warrant, {}), request, std::string(kSampleSeedBytes, 's'), Size());
    EXPECT_EQ(sample.status(), absl::OkStatus());
    EXPECT_THAT(sample->cases, SizeIs(1));
    return store.gets.load();
  };
  auto question = filled(inspection::v1::AskQuestionRequest());
  auto sample = filled(inspection::v1::DrawSampleRequest());
  sample.set_size(10);
  auto question_there = question;
  question_there.add_areas("E08000012");
  auto sample_there = sample;
  sample_there.add_areas("E08000012");
  warrant.mutable_scope()->add_areas("E08000012");
  EXPECT_EQ(asks(question), asks(question_there));
  EXPECT_EQ(draws(sample), draws(sample_there));
  warrant.mutable_scope()->clear_areas();
  warrant.mutable_scope()->add_agencies("idva");
  EXPECT_EQ(asks(question), asks(question_there));
  EXPECT_EQ(draws(sample), draws(sample_there));
  executor.Shutdown();
}

// It is of another case, and of after the period.
TEST_F(FactsTest, TheVersionThatReplacedAReferralIsReadWithIt) {
  Enrol("childrens", type::v1::AGENCY_KIND_CHILDRENS_SERVICES);
  Store("request-1", 0, "childrens");
  EXPECT_EQ(Ask(6, 10 * kDayMs).rows_size(), 1);
  const absl::Time stored = log_.now;
  log_.now += absl::Hours(25);
  type::v1::Statement corrects, decides;
  corrects.set_kind(type::v1::STATEMENT_KIND_CORRECTION);
  corrects.set_replaced_by(Digest("request-2"));
  Say("request-1", "police", corrects);
  Store("request-2", 0, "childrens", type::v1::RISK_GRADE_HIGH, "request-1");
  decides.set_kind(type::v1::STATEMENT_KIND_DECIDED);
  Say("request-2", "childrens", decides);
  Keep(Size());
  log_.now = stored;
  const auto table = Ask(6, 10 * kDayMs);
  ASSERT_EQ(table.rows_size(), 1);
  EXPECT_EQ(table.referrals(), 1u);
  EXPECT_EQ(table.rows(0).cells(6), fmt::to_string(absl::ToUnixMillis(stored + absl::Hours(25))));
  EXPECT_EQ(table.rows(0).cells(9), "feedback");
}

TEST_F(FactsTest, CasesThatAreConfirmedToBeOneAreReadTogether) {
  Enrol("idva", type::v1::AGENCY_KIND_IDVA);
  Store("request-1", 0, "housing");
  Store("request-2", 1, "idva", type::v1::RISK_GRADE_MEDIUM);
  Keep(Size());
  const int64_t asked_ms = absl::ToUnixMillis(log_.now) + 10 * kDayMs;
  const auto listed = [&] { return Ask(3, 10 * kDayMs).rows_size(); };
  EXPECT_EQ(listed(), 1);
  Link(1, CaseOf("request-1"), CaseOf("request-2"), type::v1::LINK_ANSWER_CONFIRMED, asked_ms + 1);
  EXPECT_EQ(listed(), 1) << "confirmed after it was asked";
  Link(2, CaseOf("request-2"), CaseOf("request-1"), type::v1::LINK_ANSWER_REJECTED, 1);
  EXPECT_EQ(listed(), 1);
  Link(3, CaseOf("request-2"), std::string(kIdBytes, 'x'), type::v1::LINK_ANSWER_CONFIRMED, 1);
  Link(4, CaseOf("request-1"), std::string(kIdBytes, 'x'), type::v1::LINK_ANSWER_CONFIRMED, 1);
  EXPECT_EQ(listed(), 0) << "through a third";
}

TEST_F(FactsTest, CoverageSaysSinceWhenAnAgencyIsEnrolled) {
  uint64_t number = 0;
  const auto put = [&](bool active, int64_t approved_ms, int64_t effective_from_ms = 0, bool in_force = true) {
    storage::v1::StoredChange stored;
    stored.mutable_change()->mutable_put_agency()->mutable_agency()->set_id("police");
    stored.mutable_change()->mutable_put_agency()->mutable_agency()->set_active(active);
    stored.set_approved_by("bob");
    stored.set_approved_at_ms(approved_ms);
    stored.set_effective_from_ms(effective_from_ms);
    stored.set_in_force(in_force);
    log_.store().Put(kFamilyChange, KeyU64(++number), stored.SerializeAsString());
  };
  Enrol("police", type::v1::AGENCY_KIND_POLICE);
  Store("request-1", 0);
  const auto enrolled = [&] { return Ask(17, 1).coverage(1).enrolled_ms(); };
  ASSERT_EQ(Ask(17, 1).coverage(1).agency(), "police");
  EXPECT_EQ(enrolled(), 0);
  put(true, 100);
  put(true, 200);  // Another certificate.
  EXPECT_EQ(enrolled(), 100);
  put(true, 50, 90);
  EXPECT_EQ(enrolled(), 90) << "since it was in force";
  put(true, 20, 80, false);
  EXPECT_EQ(enrolled(), 90) << "its time has not come";
  storage::v1::StoredChange leaves;
  leaves.mutable_change()->mutable_leave_agency()->set_agency("police");
  leaves.set_approved_by("bob");
  leaves.set_approved_at_ms(300);
  log_.store().Put(kFamilyChange, KeyU64(++number), leaves.SerializeAsString());
  EXPECT_EQ(enrolled(), 90);
  put(true, 400);
  EXPECT_EQ(enrolled(), 400) << "it came back";
  log_.store().Put(kFamilyChange, KeyU64(++number), "no change");
  EXPECT_TRUE(HasReason(EnrolledSince(log_.store()).status(), Reason::kStoreCorrupt));
}

TEST_F(FactsTest, ASampleIsOfTheGradesAndAgeBandsAskedFor) {
  Store("request-1", 0);
  Store("request-2", 0, "idva", type::v1::RISK_GRADE_MEDIUM);
  Keep(Size());
  const auto directory = log_.Directory();
  inspection::v1::DrawSampleRequest request;
  request.set_size(10);
  request.set_from_ms(1);
  request.set_until_ms(absl::ToUnixMillis(log_.now) + 1);
  const auto drawn = [&] {
    const auto sample = DrawSample(log_.View(), keys_, *directory, Scope::All(), request, std::string(kSampleSeedBytes, 's'), Size());
    EXPECT_EQ(sample.status(), absl::OkStatus());
    std::set<std::string> grades;
    for (const SampleDrawn& one : sample->cases) grades.insert(type::v1::RiskGrade_Name(one.one.grade));
    return grades;
  };
  EXPECT_THAT(drawn(), SizeIs(2));
  request.add_grades(type::v1::RISK_GRADE_MEDIUM);
  EXPECT_THAT(drawn(), ::testing::ElementsAre("RISK_GRADE_MEDIUM"));
  request.add_age_bands(type::v1::AGE_BAND_UNDER_16);
  EXPECT_THAT(drawn(), SizeIs(0));
  request.add_age_bands(type::v1::AGE_BAND_ADULT);
  EXPECT_THAT(drawn(), SizeIs(1));
}

}  // namespace
}  // namespace accord::broker::facts_test

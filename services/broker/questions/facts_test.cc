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
  uint64_t Store(const std::string& request_id, int others, const std::string& recipient = "idva", type::v1::RiskGrade grade = type::v1::RISK_GRADE_HIGH) {
    uint64_t stored_index = 0;
    const referral::SignedHeader header = Header(request_id, recipient, grade);
    EXPECT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
                ACCORD_ASSIGN_OR_RETURN(const auto chain, context.OpenChain());
                slots_[request_id] = chain.slot;
                EntryDraft entry;
                entry.chains = {chain.pseudonym};
                entry.event.set_type(type::v1::EVENT_TYPE_REFERRAL_STORED);
                entry.actor.emplace().set_principal("agency/police/rms");
                entry.referral.emplace().set_header_digest(Digest(request_id));
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
                stored.add_cases(std::string(kIdBytes - request_id.size(), 'c') + request_id);
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

  referral::SignedHeader Header(const std::string& request_id, const std::string& recipient, type::v1::RiskGrade grade) {
    referral::HeaderParts parts;
    parts.core.set_request_id(request_id);
    parts.core.set_sender("police");
    parts.core.mutable_worker()->set_pseudonym("pc-1");
    parts.core.mutable_worker()->set_role(type::v1::WORKER_ROLE_PRACTITIONER);
    parts.core.mutable_worker()->set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
    parts.core.set_type(type::v1::REFERRAL_TYPE_REFERRAL);
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

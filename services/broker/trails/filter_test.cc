// The index of the record and what filters find by it, over a log in memory: with all of it indexed, some of it, and none.
#include "services/broker/trails/filter.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "common/base/bytes.h"
#include "services/broker/cases/links.h"
#include "services/broker/trails/covered.h"
#include "services/broker/trails/indexer.h"
#include "services/broker/trails/testing_log.h"
#include "services/broker/trails/trail.h"

namespace accord::broker::filter_test {
namespace {

using inspection::v1::TrailFilter;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using type::v1::EventType;

constexpr char kLiverpool[] = "E08000012", kWirral[] = "E08000015";

class FilterTest : public ::testing::Test {
 protected:
  FilterTest() {
    log_.Enrol("police", kLiverpool);
    log_.Enrol("idva", kLiverpool);
    log_.Enrol("school", kWirral);
  }

  // A referral of the police with these recipients; its stored entry. Later entries are added to its chain.
  struct Referral {
    std::string digest, chain, pseudonym;
    uint64_t stored = 0;
  };
  Referral Store(std::vector<std::string> recipients, type::v1::RiskGrade grade, type::v1::Article6Basis basis, const std::vector<type::v1::TagPart>& tags = {}) {
    Referral made{.digest = std::string(31, 'd') + static_cast<char>('0' + referrals_++)};
    EXPECT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
                ACCORD_ASSIGN_OR_RETURN(const auto chain, context.OpenChain());
                ACCORD_ASSIGN_OR_RETURN(const auto of_case, context.OpenChain());
                made.chain = chain.pseudonym, made.pseudonym = of_case.pseudonym;
                storage::v1::StoredReferral stored;
                const auto add = [&](const char* label, const google::protobuf::Message& part) {
                  auto& opening = *stored.add_openings();
                  opening.set_label(label);
                  opening.set_content(part.SerializeAsString());
                };
                type::v1::HeaderCore core;
                core.mutable_risk()->set_grade(grade);
                add("core", core);
                for (const std::string& agency : recipients) {
                  type::v1::RecipientPart recipient;
                  recipient.set_agency(agency);
                  add("recipient", recipient);
                }
                type::v1::TagPart tag;
                tag.set_article6(basis);
                add("tag", tag);
                for (const type::v1::TagPart& one : tags) add("tag", one);
                stored.set_chain(made.chain);
                stored.add_cases(made.pseudonym);
                EntryDraft entry = Draft(made, type::v1::EVENT_TYPE_REFERRAL_STORED, "agency/police/rms", "");
                entry.actor->mutable_worker()->set_pseudonym("pc-1");
                auto& decision = *entry.decisions.emplace().add_decisions();
                decision.set_recipient(recipients.front());
                decision.set_verdict(grade == type::v1::RISK_GRADE_HIGH ? type::v1::VERDICT_PERMIT : type::v1::VERDICT_WITHHOLD);
                ACCORD_ASSIGN_OR_RETURN(made.stored, context.AddEntry(entry));
                stored.set_stored_index(made.stored);
                return context.PutSealed(kFamilyReferral, made.digest, chain.slot, stored.SerializeAsString());
              }),
              absl::OkStatus());
    return made;
  }
  static EntryDraft Draft(const Referral& of, EventType type, const std::string& actor, const std::string& recipient) {
    EntryDraft entry;
    entry.chains = {of.chain, of.pseudonym};
    entry.event.set_type(type);
    entry.actor.emplace().set_principal(actor);
    auto& about = entry.referral.emplace();
    about.set_header_digest(of.digest);
    about.set_sender("police");
    about.set_recipient(recipient);
    return entry;
  }
  uint64_t Add(const EntryDraft& entry) {
    uint64_t index = 0;
    EXPECT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
                ACCORD_ASSIGN_OR_RETURN(index, context.AddEntry(entry));
                return absl::OkStatus();
              }),
              absl::OkStatus());
    return index;
  }
  // Of Part 3, which has a condition of Schedule 8 in place of an Article 6 basis.
  static type::v1::TagPart Part3(type::v1::Gateway gateway, type::v1::Schedule8Condition condition) {
    type::v1::TagPart tag;
    tag.set_regime(type::v1::REGIME_DPA_PART3);
    tag.set_gateway(gateway);
    tag.set_schedule8(condition);
    return tag;
  }
  uint64_t Said(const Referral& of, const std::string& agency, type::v1::StatementKind kind, const std::string& worker) {
    EntryDraft entry = Draft(of, type::v1::EVENT_TYPE_STATEMENT, "agency/" + agency, agency);
    entry.event.set_statement(kind);
    entry.actor->mutable_worker()->set_pseudonym(worker);
    return Add(entry);
  }

  // Indexes the entries before `until`, a few at a time.
  void Index(uint64_t until) {
    EntryOpener opener(keys_);
    for (uint64_t from = *TrailIndexed(log_.View()); from < until;) {
      const uint64_t end = std::min(until, from + 3);
      const auto entries = opener.Open(log_.View(), from, end);
      ASSERT_EQ(entries.status(), absl::OkStatus());
      ASSERT_EQ(log_.Commit([&](CommitContext& context) { return PutTrailRows(context, from, end, *entries); }), absl::OkStatus());
      from = end;
    }
  }
  uint64_t Size() const { return log_.View().ledger().size(); }
  size_t Rows() { return static_cast<size_t>(std::count_if(log_.store().rows.begin(), log_.store().rows.end(), [](const auto& row) { return row.first.first == kFamilyTrailIndex; })); }

  FilterGround Ground(const DirectorySnapshot& directory, std::vector<std::string> subject_cases = {}) const {
    return {keys_, directory, scope_, std::move(subject_cases)};
  }
  static std::string IndexOf(const type::v1::SubjectToken& token) { return token.token(); }
  absl::StatusOr<std::vector<std::string>> SubjectCases(const ReadView& view, const TrailFilter& filter) const {
    return CasesOfSubjects(view, IndexOf, *log_.Directory(), scope_, filter);
  }
  static void AddSubject(TrailFilter& filter, char name) {
    auto& token = *filter.add_subjects();
    token.set_domain("area"), token.set_token_key("1"), token.set_recipe(1), token.set_token(std::string(32, name));
  }
  // Cases of the token of `name`, as a victim's.
  void PutCases(char name, const std::string& pseudonyms) {
    log_.store().Put(kFamilyCaseMatch, MatchTokenKey(type::v1::SUBJECT_ROLE_VICTIM, std::string(32, name)), pseudonyms);
  }
  // The indices that it selects, over pages of `page`.
  std::vector<uint64_t> Find(const TrailFilter& filter, int page = 2) {
    EXPECT_EQ(ValidateFilter(filter), absl::OkStatus());
    const ReadView view = log_.View();
    const auto directory = log_.Directory();
    const auto cases = SubjectCases(view, filter);
    EXPECT_EQ(cases.status(), absl::OkStatus());
    const auto search = TrailSearch::Make(view, Ground(*directory, *cases), filter, Size());
    EXPECT_EQ(search.status(), absl::OkStatus());
    std::vector<uint64_t> found;
    uint64_t next = search->begin();
    for (bool last = false; !last;) {
      const auto read = search->Read(view, next, page);
      EXPECT_EQ(read.status(), absl::OkStatus());
      if (!read.ok()) break;
      for (const auto& entry : read->entries) found.push_back(entry.index);
      last = read->last, next = read->next;
    }
    return found;
  }

  const TrailKeys keys_{std::string(32, 'k')};
  TestingLog log_;
  Scope scope_ = Scope::All();
  int referrals_ = 0;
};

// Two referrals and six entries: 0 stored (high, to idva), 1 opened by idva, 2 stored (standard, to the school), 3 accepted by idva,
// 4 opened by the school, 5 a refusal of the school.
class FilledFilterTest : public FilterTest {
 protected:
  FilledFilterTest() {
    first_ = Store({"idva"}, type::v1::RISK_GRADE_HIGH, type::v1::ARTICLE6_BASIS_LEGAL_OBLIGATION,
                   {Part3(type::v1::GATEWAY_CDA1998_S115, type::v1::SCHEDULE8_CONDITION_SAFEGUARDING),
                    Part3(type::v1::GATEWAY_DVDS, type::v1::SCHEDULE8_CONDITION_VITAL_INTERESTS)});
    Said(first_, "idva", type::v1::STATEMENT_KIND_OPENED, "idva-1");
    log_.now += absl::Hours(1);
    second_ = Store({"school"}, type::v1::RISK_GRADE_STANDARD, type::v1::ARTICLE6_BASIS_PUBLIC_TASK,
                    {Part3(type::v1::GATEWAY_CA1989_S47, type::v1::SCHEDULE8_CONDITION_SAFEGUARDING)});
    Said(first_, "idva", type::v1::STATEMENT_KIND_ACCEPTED, "idva-2");
    log_.now += absl::Hours(1);
    Said(second_, "school", type::v1::STATEMENT_KIND_OPENED, "teacher");
    EntryDraft refused;
    EXPECT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
                ACCORD_ASSIGN_OR_RETURN(const auto chain, context.OpenChain());
                refused.chains = {chain.pseudonym};
                refused.event.set_type(type::v1::EVENT_TYPE_REFUSED);
                refused.actor.emplace().set_principal("agency/school");
                return context.AddEntry(refused).status();
              }),
              absl::OkStatus());
  }

  void ExpectAll() {
    TrailFilter filter;
    filter.add_agencies("idva");
    EXPECT_THAT(Find(filter), ElementsAre(0, 1, 3)) << "a stored entry concerns whom it names as recipient";
    filter.set_newest_first(true);
    EXPECT_THAT(Find(filter), ElementsAre(3, 1, 0));
    filter.add_statements(type::v1::STATEMENT_KIND_ACCEPTED);
    EXPECT_THAT(Find(filter), ElementsAre(3));
    TrailFilter worker;
    worker.add_agencies("idva");
    worker.add_workers("idva-1");
    EXPECT_THAT(Find(worker), ElementsAre(1));
    worker.set_agencies(0, "school");
    EXPECT_THAT(Find(worker), IsEmpty()) << "a worker of another agency with the same pseudonym is another";
    TrailFilter area;
    area.add_areas(kWirral);
    EXPECT_THAT(Find(area), ElementsAre(2, 4, 5));
    area.add_events(type::v1::EVENT_TYPE_STATEMENT);
    EXPECT_THAT(Find(area), ElementsAre(4));
    TrailFilter grade;
    grade.add_grades(type::v1::RISK_GRADE_HIGH);
    EXPECT_THAT(Find(grade), ElementsAre(0, 1, 3)) << "of the referral, whatever the entry";
    grade.add_article6(type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
    EXPECT_THAT(Find(grade), IsEmpty());
    TrailFilter verdict;
    verdict.add_verdicts(type::v1::VERDICT_WITHHOLD);
    EXPECT_THAT(Find(verdict), ElementsAre(2));
    TrailFilter period;
    period.set_from_ms(absl::ToUnixMillis(log_.now - absl::Hours(1)));
    period.set_until_ms(absl::ToUnixMillis(log_.now));
    EXPECT_THAT(Find(period), ElementsAre(2, 3));
    period.set_newest_first(true);
    EXPECT_THAT(Find(period, 1), ElementsAre(3, 2));
    TrailFilter subject;
    AddSubject(subject, 'v');
    PutCases('v', second_.pseudonym);
    EXPECT_THAT(Find(subject), ElementsAre(2, 4));
    TrailFilter cases;
    cases.add_case_pseudonyms(second_.pseudonym);
    EXPECT_THAT(Find(cases), ElementsAre(2, 4));
    cases.add_case_pseudonyms(std::string(16, 'n'));
    EXPECT_THAT(Find(cases), ElementsAre(2, 4)) << "one that is not there";
    cases.add_case_pseudonyms(first_.pseudonym);
    EXPECT_THAT(Find(cases), ElementsAre(0, 1, 2, 3, 4)) << "and nothing of no case";
    cases.set_newest_first(true);
    EXPECT_THAT(Find(cases), ElementsAre(4, 3, 2, 1, 0));
    cases.set_newest_first(false);
    cases.add_agencies("idva");
    EXPECT_THAT(Find(cases), ElementsAre(0, 1, 3));
    *cases.add_subjects() = subject.subjects(0);
    EXPECT_THAT(Find(cases), IsEmpty()) << "the subject is in the other";
    cases.clear_agencies();
    EXPECT_THAT(Find(cases), ElementsAre(2, 4));
    TrailFilter gateway;
    gateway.add_gateways(type::v1::GATEWAY_DVDS);
    EXPECT_THAT(Find(gateway), ElementsAre(0, 1, 3)) << "of any tag";
    gateway.add_schedule8(type::v1::SCHEDULE8_CONDITION_CONSENT);
    EXPECT_THAT(Find(gateway), IsEmpty());
    gateway.set_schedule8(0, type::v1::SCHEDULE8_CONDITION_SAFEGUARDING);
    EXPECT_THAT(Find(gateway), ElementsAre(0, 1, 3)) << "of another";
    gateway.clear_gateways();
    EXPECT_THAT(Find(gateway), ElementsAre(0, 1, 2, 3, 4));
    gateway.add_agencies("school");
    EXPECT_THAT(Find(gateway), ElementsAre(2, 4));
  }

  Referral first_, second_;
};

TEST_F(FilledFilterTest, FindsTheSameWithAllIndexedWithSomeAndWithNothing) {
  ExpectAll();
  for (uint64_t until = 1; until <= Size(); ++until) {
    SCOPED_TRACE(until);
    Index(until);
    ExpectAll();
  }
}

TEST_F(FilledFilterTest, KeysTellNothingWithoutTheKey) {
  Index(Size());
  ASSERT_GT(Rows(), 30u);
  for (const auto& [key, value] : log_.store().rows) {
    if (key.first != kFamilyTrailIndex) continue;
    EXPECT_EQ(key.second.size(), 1 + kTrailKeyBytes + sizeof(uint64_t));
    EXPECT_EQ(value, "");
    for (const char* word : {"police", "idva", "school", "pc-1"}) EXPECT_EQ(key.second.find(word), std::string::npos);
  }
  EXPECT_NE(TrailKeys(std::string(32, 'x')).Of(kByAgency, "idva"), keys_.Of(kByAgency, "idva"));
  EXPECT_NE(keys_.Of("ab", "c"), keys_.Of("a", "bc"));
}

TEST_F(FilledFilterTest, WhatIsErasedIsFoundNoMoreAndAStaleCommandPutsNoRowsOfIt) {
  EntryOpener opener(keys_);
  const auto prepared = opener.Open(log_.View(), 0, Size());
  ASSERT_EQ(prepared.status(), absl::OkStatus());
  // The erasure deletes the openings of the first referral between the making of the keys and the command.
  for (const uint64_t index : {0, 1, 3}) log_.store().Delete(kFamilyOpening, KeyU64(index));
  // Of the second its key is destroyed, and its rows are still there: what is kept goes by the rows that the erasure deletes next.
  const auto second = std::find_if(prepared->begin(), prepared->end(), [](const EntryRows& rows) { return rows.index == 2; });
  ASSERT_TRUE(second != prepared->end() && second->fact.has_value());
  ASSERT_EQ(log_.slots().Destroy(second->fact->slot), absl::OkStatus());
  ASSERT_EQ(log_.Commit([&](CommitContext& context) { return PutTrailRows(context, 0, Size(), *prepared); }), absl::OkStatus());
  for (const auto& [key, value] : log_.store().rows) {
    if (key.first != kFamilyTrailIndex) continue;
    const auto index = U64FromKey(std::string_view(key.second).substr(1 + kTrailKeyBytes));
    EXPECT_THAT(*index, ::testing::AnyOf(2, 4, 5));
  }
  for (const auto& [key, value] : log_.store().rows) {
    if (key.first != kFamilyFact) continue;
    EXPECT_NE(*KeySlots::SlotOf(value), second->fact->slot);
    for (const EntryRows& gone : *prepared) {
      if (gone.index < 2 || gone.index == 3) {
        EXPECT_NE(key.second, gone.fact->key);
      }
    }
  }
  TrailFilter filter;
  filter.add_agencies("idva");
  EXPECT_THAT(Find(filter), IsEmpty());
}

TEST_F(FilledFilterTest, ACommandForAnotherPlaceThanTheIndexIsAtPutsNothing) {
  EntryOpener opener(keys_);
  const auto prepared = opener.Open(log_.View(), 2, 4);
  ASSERT_EQ(log_.Commit([&](CommitContext& context) { return PutTrailRows(context, 2, 4, *prepared); }), absl::OkStatus());
  EXPECT_EQ(Rows(), 0u);
  EXPECT_EQ(*TrailIndexed(log_.View()), 0u);
}

// A store from before facts were kept has an index that is whole.
TEST_F(FilledFilterTest, TheIndexAndTheFactsHaveAPlaceEach) {
  const auto facts = [&] {
    return std::count_if(log_.store().rows.begin(), log_.store().rows.end(), [](const auto& row) { return row.first.first == kFamilyFact; });
  };
  Index(Size());
  const size_t rows = Rows();
  const auto kept = facts();
  EXPECT_GT(kept, 3);
  std::erase_if(log_.store().rows, [](const auto& row) { return row.first.first == kFamilyFact || row.first.second == kMetaFactKey; });
  EntryOpener opener(keys_);
  const auto prepared = opener.Open(log_.View(), 0, Size());
  ASSERT_EQ(prepared.status(), absl::OkStatus());
  std::erase_if(log_.store().rows, [](const auto& row) { return row.first.first == kFamilyTrailIndex; });  // To see that none is written.
  ASSERT_EQ(log_.Commit([&](CommitContext& context) { return PutTrailRows(context, 0, Size(), *prepared); }), absl::OkStatus());
  EXPECT_EQ(Rows(), 0u);
  EXPECT_GT(rows, 0u);
  EXPECT_EQ(facts(), kept);
  EXPECT_EQ(*TrailIndexed(log_.View()), Size());
  EXPECT_EQ(*FactsKept(log_.View()), Size());
}

TEST_F(FilledFilterTest, AWarrantsScopeIsHeldToByEveryRow) {
  inspection::v1::Warrant warrant;
  warrant.set_id("jtai-1");
  warrant.set_kind(inspection::v1::WARRANT_KIND_STATUTORY);
  warrant.mutable_scope()->set_from_ms(0);
  warrant.mutable_scope()->set_until_ms(absl::ToUnixMillis(log_.now));
  warrant.mutable_scope()->add_agencies("idva");
  scope_ = Scope::Of(warrant, {});
  TrailFilter filter;
  filter.add_agencies("police");
  for (const bool indexed : {false, true}) {
    if (indexed) Index(Size());
    EXPECT_THAT(Find(filter), ElementsAre(0, 1, 3)) << "what the police sent to the school is not the warrant's";
    filter.set_newest_first(true);
    EXPECT_THAT(Find(filter), ElementsAre(3, 1, 0));
    filter.set_newest_first(false);
  }
  warrant.mutable_scope()->add_events(type::v1::EVENT_TYPE_STATEMENT);
  warrant.mutable_scope()->set_until_ms(absl::ToUnixMillis(log_.now - absl::Hours(1)));
  scope_ = Scope::Of(warrant, {});
  EXPECT_THAT(Find(filter), ElementsAre(1)) << "the other statement is past the period";
}

// Filters of every kind and their combinations, against a reading of all entries that knows nothing of indices. A failure prints the filter.
class RandomFilterTest : public FilterTest {
 protected:
  // What the test knows of an entry, because it made it.
  struct Known {
    uint64_t index = 0;
    int64_t time_ms = 0;
    std::set<std::string> agencies, areas;
    std::string actor, worker, pseudonym;
    EventType event = type::v1::EVENT_TYPE_STATEMENT;
    int statement = 0, verdict = 0, grade = 0, article6 = 0;
    std::set<int> gateways, schedule8;
  };
  // The same numbers in every run.
  uint32_t Below(uint32_t end) { return ((state_ = state_ * 1'664'525u + 1'013'904'223u) >> 8) % end; }
  template <typename Value>
  Value OneOf(const std::vector<Value>& values) { return values[Below(static_cast<uint32_t>(values.size()))]; }

  void MakeEntries() {
    log_.Enrol("health", kWirral);
    std::vector<std::pair<Referral, Known>> referrals;
    for (int i = 0; i < 90; ++i) {
      if (Below(3) == 0) log_.now += absl::Minutes(30);
      if (referrals.empty() || (Below(4) == 0 && referrals.size() < 9)) {
        Known known;
        std::vector<std::string> recipients = {OneOf(kAgencies)};
        if (const std::string second = OneOf(kAgencies); second != recipients[0]) recipients.push_back(second);
        std::vector<type::v1::TagPart> tags;
        for (uint32_t tag = Below(3); tag > 0; --tag) {
          tags.push_back(Part3(OneOf(kGateways), OneOf(kConditions)));
          known.gateways.insert(tags.back().gateway());
          known.schedule8.insert(tags.back().schedule8());
        }
        const auto grade = OneOf(kGrades);
        const auto basis = OneOf(kBases);
        const Referral made = Store(recipients, grade, basis, tags);
        known.grade = grade, known.article6 = basis, known.pseudonym = made.pseudonym;
        referrals.emplace_back(made, known);
        known.agencies = {recipients.begin(), recipients.end()};
        known.actor = "police", known.worker = "pc-1", known.event = type::v1::EVENT_TYPE_REFERRAL_STORED;
        known.verdict = grade == type::v1::RISK_GRADE_HIGH ? type::v1::VERDICT_PERMIT : type::v1::VERDICT_WITHHOLD;
        Keep(made.stored, known);
      } else {
        auto& [of, known] = referrals[Below(static_cast<uint32_t>(referrals.size()))];
        Known said = known;
        said.actor = OneOf(kAgencies), said.worker = OneOf(kWorkers), said.statement = OneOf(kStatements);
        said.agencies = {said.actor};
        Keep(Said(of, said.actor, static_cast<type::v1::StatementKind>(said.statement), said.worker), said);
      }
    }
    for (const auto& [of, known] : referrals) pseudonyms_.push_back(of.pseudonym);
  }
  TrailFilter MakeFilter() {
    TrailFilter filter;
    const auto some = [&](const auto& values, const auto& add) {
      if (Below(4) != 0) return;
      for (uint32_t count = 1 + Below(2); count > 0; --count) add(OneOf(values));
    };
    some(kAgencies, [&](const std::string& agency) { filter.add_agencies(agency); });
    if (filter.agencies_size() == 1) some(kWorkers, [&](const std::string& worker) { filter.add_workers(worker); });
    some(std::vector<std::string>{kLiverpool, kWirral}, [&](const std::string& area) { filter.add_areas(area); });
    some(kGrades, [&](auto grade) { filter.add_grades(grade); });
    some(kBases, [&](auto basis) { filter.add_article6(basis); });
    some(kGateways, [&](auto gateway) { filter.add_gateways(gateway); });
    some(kConditions, [&](auto condition) { filter.add_schedule8(condition); });
    some(kStatements, [&](int kind) { filter.add_statements(static_cast<type::v1::StatementKind>(kind)); });
    some(kEvents, [&](EventType event) { filter.add_events(event); });
    some(kVerdicts, [&](auto verdict) { filter.add_verdicts(verdict); });
    some(pseudonyms_, [&](const std::string& pseudonym) { filter.add_case_pseudonyms(pseudonym); });
    if (Below(4) == 0) {
      AddSubject(filter, 'v');
      PutCases('v', pseudonyms_[0] + pseudonyms_[2]);
    }
    const int64_t begun = entries_.front().time_ms, span = entries_.back().time_ms - begun;
    if (Below(3) == 0) filter.set_from_ms(begun + span / 4);
    if (Below(3) == 0) filter.set_until_ms(begun + span * 3 / 4);
    filter.set_newest_first(Below(2) == 0);
    return filter;
  }
  std::vector<uint64_t> Selected(const TrailFilter& filter) const {
    const auto any = [](const auto& asked, const auto& is_one) { return asked.empty() || std::any_of(asked.begin(), asked.end(), is_one); };
    std::vector<uint64_t> selected;
    for (const Known& entry : entries_) {
      const auto has = [](const std::set<int>& own) { return [&own](int one) { return own.contains(one); }; };
      const auto is = [](const auto& own) { return [&own](const auto& one) { return own == one; }; };
      const bool in_case = any(filter.case_pseudonyms(), is(entry.pseudonym)) &&
                           (filter.subjects().empty() || entry.pseudonym == pseudonyms_[0] || entry.pseudonym == pseudonyms_[2]);
      const bool by_whom = any(filter.agencies(), [&](const auto& one) { return entry.agencies.contains(one); }) && any(filter.areas(), [&](const auto& one) { return entry.areas.contains(one); }) &&
                           (filter.workers().empty() || (entry.actor == filter.agencies(0) && any(filter.workers(), is(entry.worker))));
      const bool of_what = any(filter.grades(), is(entry.grade)) && any(filter.article6(), is(entry.article6)) && any(filter.gateways(), has(entry.gateways)) &&
                           any(filter.schedule8(), has(entry.schedule8)) && any(filter.statements(), is(entry.statement)) && any(filter.events(), is(static_cast<int>(entry.event))) &&
                           any(filter.verdicts(), is(entry.verdict));
      const bool then = entry.time_ms >= filter.from_ms() && (filter.until_ms() == 0 || entry.time_ms < filter.until_ms());
      if (in_case && by_whom && of_what && then) selected.push_back(entry.index);
    }
    if (filter.newest_first()) std::reverse(selected.begin(), selected.end());
    return selected;
  }

  std::vector<Known> entries_;
  std::vector<std::string> pseudonyms_;

 private:
  void Keep(uint64_t index, Known known) {
    known.index = index;
    known.time_ms = absl::ToUnixMillis(log_.now);
    known.agencies.insert("police");  // Who sent it.
    for (const std::string& agency : known.agencies) known.areas.insert(agency == "school" || agency == "health" ? kWirral : kLiverpool);
    entries_.push_back(std::move(known));
  }

  const std::vector<std::string> kAgencies = {"idva", "school", "health"}, kWorkers = {"w-1", "w-2", "pc-1"};
  const std::vector<type::v1::RiskGrade> kGrades = {type::v1::RISK_GRADE_HIGH, type::v1::RISK_GRADE_MEDIUM, type::v1::RISK_GRADE_STANDARD};
  const std::vector<type::v1::Article6Basis> kBases = {type::v1::ARTICLE6_BASIS_LEGAL_OBLIGATION, type::v1::ARTICLE6_BASIS_PUBLIC_TASK};
  const std::vector<type::v1::Gateway> kGateways = {type::v1::GATEWAY_DVDS, type::v1::GATEWAY_CDA1998_S115, type::v1::GATEWAY_CA1989_S47};
  const std::vector<type::v1::Schedule8Condition> kConditions = {type::v1::SCHEDULE8_CONDITION_SAFEGUARDING, type::v1::SCHEDULE8_CONDITION_VITAL_INTERESTS};
  const std::vector<int> kStatements = {type::v1::STATEMENT_KIND_OPENED, type::v1::STATEMENT_KIND_ACCEPTED, type::v1::STATEMENT_KIND_OUTCOME};
  const std::vector<EventType> kEvents = {type::v1::EVENT_TYPE_REFERRAL_STORED, type::v1::EVENT_TYPE_STATEMENT, type::v1::EVENT_TYPE_RELEASED};
  const std::vector<type::v1::Verdict> kVerdicts = {type::v1::VERDICT_PERMIT, type::v1::VERDICT_WITHHOLD};
  uint32_t state_ = 7;
};

TEST_F(RandomFilterTest, EveryFilterSelectsWhatAReadingOfAllEntriesDoes) {
  MakeEntries();
  ASSERT_EQ(entries_.size(), Size());
  int found = 0;
  for (int tries = 0; tries < 400; ++tries) {
    if (tries % 100 == 0) Index(Size() * static_cast<uint64_t>(tries) / 300);
    const TrailFilter filter = MakeFilter();
    if (!ValidateFilter(filter).ok()) continue;  // Nothing is asked.
    const auto expected = Selected(filter);
    found += expected.empty() ? 0 : 1;
    EXPECT_EQ(Find(filter, static_cast<int>(1 + Below(5))), expected) << filter.ShortDebugString();
  }
  EXPECT_GT(found, 150) << "most find something";
}

TEST_F(FilledFilterTest, TheCasesOfASubjectAreThoseOfWhichTheWarrantCoversAnything) {
  TrailFilter filter;
  AddSubject(filter, 'v');
  PutCases('v', first_.pseudonym + second_.pseudonym);
  const auto of = [&](const std::function<void(inspection::v1::WarrantScope&)>& limit) {
    inspection::v1::Warrant warrant;
    warrant.set_id("jtai-1");
    warrant.mutable_scope()->set_until_ms(absl::ToUnixMillis(log_.now) + 1);
    limit(*warrant.mutable_scope());
    scope_ = Scope::Of(warrant, {});
    const auto cases = SubjectCases(log_.View(), filter);
    EXPECT_EQ(cases.status(), absl::OkStatus());
    std::string named;
    for (const std::string& pseudonym : *cases) named += pseudonym == first_.pseudonym ? '1' : '2';
    std::sort(named.begin(), named.end());
    return named;
  };
  EXPECT_EQ(of([](auto&) {}), "12");
  EXPECT_EQ(of([](auto& scope) { scope.add_agencies("idva"); }), "1");
  EXPECT_EQ(of([](auto& scope) { scope.add_agencies("idva"), scope.add_events(type::v1::EVENT_TYPE_DELIVERED); }), "") << "a kind of event that is in neither";
  EXPECT_EQ(of([](auto& scope) { scope.add_areas(kWirral); }), "2");
  EXPECT_EQ(of([&](auto& scope) { scope.set_until_ms(absl::ToUnixMillis(log_.now - absl::Hours(1))); }), "1") << "the other is later";
  EXPECT_EQ(of([&](auto& scope) { scope.set_from_ms(absl::ToUnixMillis(log_.now)); }), "2") << "of the first nothing is as late";
  EXPECT_EQ(of([&](auto& scope) { scope.add_cases(second_.pseudonym); }), "2");
  EXPECT_EQ(of([&](auto& scope) { scope.add_cases(second_.pseudonym), scope.add_agencies("idva"); }), "");
  scope_ = Scope::All();
  EXPECT_EQ(SubjectCases(log_.View(), filter)->size(), 2u);
  EXPECT_THAT(Find(filter), ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(FilledFilterTest, SubjectsOfTooManyCasesAreRefused) {
  TrailFilter filter;
  AddSubject(filter, 'v');
  AddSubject(filter, 'w');
  const auto cases = [](int from, size_t count) {
    std::string pseudonyms;
    for (size_t i = 0; i < count; ++i) pseudonyms += fmt::format("{:016}", from + static_cast<int>(i));
    return pseudonyms;
  };
  PutCases('v', cases(0, kMatchCasesMax));
  PutCases('w', cases(1'000, kFilterSubjectCasesMax - kMatchCasesMax));
  ASSERT_EQ(SubjectCases(log_.View(), filter).status(), absl::OkStatus());
  EXPECT_EQ(SubjectCases(log_.View(), filter)->size(), kFilterSubjectCasesMax);
  PutCases('w', cases(1'000, kFilterSubjectCasesMax - kMatchCasesMax + 1));
  const auto refused = [&](const char* limit) {
    const absl::Status status = SubjectCases(log_.View(), filter).status();
    EXPECT_TRUE(HasReason(status, Reason::kQueryTooCostly)) << status;
    EXPECT_EQ(DetailOf(status).metadata["field"], "filter.subjects");
    EXPECT_EQ(DetailOf(status).metadata["limit"], limit);
  };
  refused("100");
  PutCases('w', cases(0, 30));
  EXPECT_EQ(SubjectCases(log_.View(), filter)->size(), kMatchCasesMax) << "of each case once";
  PutCases('w', KeyU64(kMatchCasesMax + 1));  // Of one that is in more, none is listed.
  refused("64");
}

// A long case of which the warrant covers nothing, so that all of it is looked at.
TEST_F(FilledFilterTest, SubjectsOfTooManyEntriesThatAreNotCoveredAreRefused) {
  constexpr uint64_t kAtOnce = 1'000;
  static_assert(kSubjectEntriesMax % kAtOnce == 0);
  EntryDraft entry;
  entry.event.set_type(type::v1::EVENT_TYPE_CASE_JOINED);
  entry.actor.emplace().set_principal("broker");
  const auto add = [&](uint64_t count) {
    return log_.Commit([&](CommitContext& context) -> absl::Status {
      if (entry.chains.empty()) {
        ACCORD_ASSIGN_OR_RETURN(const auto chain, context.OpenChain());
        entry.chains = {chain.pseudonym};
      }
      for (uint64_t i = 0; i < count; ++i) ACCORD_RETURN_IF_ERROR(context.AddEntry(entry).status());
      return absl::OkStatus();
    });
  };
  for (uint64_t added = 0; added < kSubjectEntriesMax; added += kAtOnce) ASSERT_EQ(add(kAtOnce), absl::OkStatus());
  PutCases('v', entry.chains[0]);
  inspection::v1::Warrant warrant;
  warrant.set_id("jtai-1");
  warrant.mutable_scope()->add_agencies("idva");
  warrant.mutable_scope()->set_until_ms(absl::ToUnixMillis(log_.now) + 1);
  scope_ = Scope::Of(warrant, {});
  TrailFilter filter;
  AddSubject(filter, 'v');
  const auto most = SubjectCases(log_.View(), filter);
  ASSERT_EQ(most.status(), absl::OkStatus());
  EXPECT_THAT(*most, IsEmpty());
  ASSERT_EQ(add(1), absl::OkStatus());
  const absl::Status refused = SubjectCases(log_.View(), filter).status();
  EXPECT_TRUE(HasReason(refused, Reason::kQueryTooCostly)) << refused;
  EXPECT_EQ(DetailOf(refused).metadata["limit"], std::to_string(kSubjectEntriesMax));
  scope_ = Scope::All();
  EXPECT_EQ(SubjectCases(log_.View(), filter)->size(), 1u) << "without a warrant no entry is looked at";
}

TEST_F(FilledFilterTest, FurtherPagesAreOfTheCasesOnTheRecordAlone) {
  TrailFilter filter;
  AddSubject(filter, 'v');
  for (const std::string& pseudonym : {first_.pseudonym, second_.pseudonym}) {
    ASSERT_EQ(log_.Commit([&](CommitContext& context) {
      return AddTokens(context, pseudonym, {{.role = type::v1::SUBJECT_ROLE_VICTIM, .token = std::string(32, 'v'), .strong = true}});
    }), absl::OkStatus());
  }
  const auto among = [&](const std::set<std::string>& chains) { return *SubjectCasesAmong(log_.View(), IndexOf, filter, chains); };
  EXPECT_THAT(among({second_.pseudonym, second_.chain}), ElementsAre(second_.pseudonym)) << "that of the referral is no case of anybody";
  EXPECT_THAT(among({}), IsEmpty());
  filter.clear_subjects();
  AddSubject(filter, 'w');
  EXPECT_THAT(among({first_.pseudonym, second_.pseudonym}), IsEmpty());
}

TEST_F(FilledFilterTest, ReadsByWhatSelectsTheFewest) {
  Index(Size());
  const auto directory = log_.Directory();
  // How many rows are read by key: some for each entry that is looked at, and none to choose by what.
  const auto gets = [&](const TrailFilter& filter) {
    CountedReads store(log_.store());
    const ReadView view = log_.ViewOf(store);
    const auto search = TrailSearch::Make(view, Ground(*directory), filter, Size());
    EXPECT_EQ(search.status(), absl::OkStatus());
    store.gets = 0;
    EXPECT_EQ(search->Read(view, search->begin(), 100).status(), absl::OkStatus());
    return store.gets.load();
  };
  TrailFilter agency, statement, both;
  agency.add_agencies("police");
  statement.add_statements(type::v1::STATEMENT_KIND_ACCEPTED);
  both.MergeFrom(agency);
  both.MergeFrom(statement);
  EXPECT_EQ(gets(both), gets(statement)) << "of the one entry that says so, and of none else of the police's";
  EXPECT_GT(gets(agency), gets(both));
  // Either alone has two entries or more; of the verdict there is one, and it is the same.
  TrailFilter stored, withheld;
  for (TrailFilter* filter : {&stored, &withheld}) filter->add_agencies("school");
  stored.add_events(type::v1::EVENT_TYPE_REFERRAL_STORED);
  withheld.add_verdicts(type::v1::VERDICT_WITHHOLD);
  EXPECT_EQ(gets(stored), gets(withheld)) << "by agency and kind of event together";
}

TEST_F(FilledFilterTest, WhatNothingIsFoundByIsToldAsChecked) {
  Index(Size());
  const ReadView view = log_.View();
  const auto directory = log_.Directory();
  TrailFilter filter;
  filter.add_gateways(type::v1::GATEWAY_DVDS);
  filter.add_schedule8(type::v1::SCHEDULE8_CONDITION_SAFEGUARDING);
  auto path = TrailSearch::Make(view, Ground(*directory), filter, Size())->Explain();
  EXPECT_EQ(path.by, "the log itself, entry by entry");
  EXPECT_THAT(path.checked, ElementsAre("Schedule 8 condition", "gateway"));
  filter.add_case_pseudonyms(second_.pseudonym);
  path = TrailSearch::Make(view, Ground(*directory), filter, Size())->Explain();
  EXPECT_EQ(path.by, "case");
  EXPECT_THAT(path.checked, ElementsAre("case", "Schedule 8 condition", "gateway"));
}

// An explanation is no entry, so it says nothing of what there is: which of two has fewer rows is something of them, and so is any number of them.
TEST_F(FilledFilterTest, HowItWouldBeReadIsToldWithoutTheIndex) {
  inspection::v1::Warrant warrant;
  warrant.set_id("jtai-1");
  warrant.mutable_scope()->set_until_ms(absl::ToUnixMillis(log_.now) + 1);
  warrant.mutable_scope()->add_cases(first_.pseudonym);
  warrant.mutable_scope()->add_events(type::v1::EVENT_TYPE_STATEMENT);
  Index(Size());
  const auto directory = log_.Directory();
  const auto explained = [&](const std::string& agency) {
    TrailFilter filter;
    filter.add_agencies(agency);
    filter.add_grades(type::v1::RISK_GRADE_STANDARD);
    CountedReads store(log_.store());
    const auto search = TrailSearch::Make(log_.ViewOf(store), Ground(*directory), filter, Size());
    EXPECT_EQ(search.status(), absl::OkStatus());
    store.gets = 0, store.scans = 0;
    const FilterPath path = search->Explain();
    EXPECT_EQ(store.gets + store.scans, 0) << agency;
    EXPECT_EQ(path.entries, kExplainedEntriesMin);
    return fmt::format("{}; checked: {}", path.by, fmt::join(path.checked, ", "));
  };
  for (const char* agency : {"police", "idva", "school", "nobody"}) {
    scope_ = Scope::All();
    EXPECT_EQ(explained(agency), "whichever has the fewest entries: agency, grade; checked: agency, grade");
    scope_ = Scope::Of(warrant, {});
    EXPECT_EQ(explained(agency), "whichever has the fewest entries: agency, grade, kind of event of the warrant; checked: agency, grade, scope of the warrant");
  }
  EXPECT_EQ(CoarseEntries(0), 1'024u);
  EXPECT_EQ(CoarseEntries(1'024), 1'024u);
  EXPECT_EQ(CoarseEntries(1'025), 2'048u);
  EXPECT_EQ(CoarseEntries(kExplainedEntriesMax), kExplainedEntriesMax);
  EXPECT_EQ(CoarseEntries(kExplainedEntriesMax + 1), kExplainedEntriesMax);
}

// However long the log is: a filter reads what it is found by, and those entries.
TEST_F(FilterTest, WhatSelectsFewReadsFewHoweverLongTheLog) {
  const Referral few = Store({"school"}, type::v1::RISK_GRADE_HIGH, type::v1::ARTICLE6_BASIS_LEGAL_OBLIGATION);
  const Referral many = Store({"idva"}, type::v1::RISK_GRADE_STANDARD, type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
  Said(few, "school", type::v1::STATEMENT_KIND_ACCEPTED, "seldom");
  PutCases('v', few.pseudonym);
  std::vector<TrailFilter> filters(8);
  filters[0].add_agencies("school");
  filters[1].add_agencies("school");
  filters[1].add_workers("seldom");
  filters[2].add_areas(kWirral);
  filters[3].add_grades(type::v1::RISK_GRADE_HIGH);
  filters[4].add_statements(type::v1::STATEMENT_KIND_ACCEPTED);
  filters[5].add_article6(type::v1::ARTICLE6_BASIS_LEGAL_OBLIGATION);
  filters[6].add_case_pseudonyms(few.pseudonym);
  AddSubject(filters[7], 'v');
  const auto directory = log_.Directory();
  const auto reads = [&](size_t others) {
    for (size_t i = 0; i < others; ++i) Said(many, "idva", type::v1::STATEMENT_KIND_OPENED, "w");
    Index(Size());
    std::vector<std::pair<int, int>> counted;
    for (TrailFilter filter : filters) {
      for (const bool newest_first : {false, true}) {
        filter.set_newest_first(newest_first);
        CountedReads store(log_.store());
        const ReadView view = log_.ViewOf(store);
        const auto cases = SubjectCases(view, filter);
        EXPECT_EQ(cases.status(), absl::OkStatus());
        const auto search = TrailSearch::Make(view, Ground(*directory, *cases), filter, Size());
        EXPECT_EQ(search.status(), absl::OkStatus());
        const auto page = search->Read(view, search->begin(), 100);
        EXPECT_EQ(page.status(), absl::OkStatus());
        EXPECT_FALSE(page->entries.empty()) << filter.ShortDebugString();
        EXPECT_TRUE(page->last);
        counted.emplace_back(store.gets, store.scans);
      }
    }
    return counted;
  };
  const auto before = reads(10), after = reads(200);
  EXPECT_EQ(after, before);
}

TEST_F(FilledFilterTest, ReferralsStoredAreThoseOfAgenciesAndAreas) {
  const auto directory = log_.Directory();
  const auto stored = [&](const std::vector<std::string>& agencies, const std::vector<std::string>& areas, size_t limit = 10) {
    return ReferralsStored(log_.View(), keys_, *directory, agencies, areas, 0, Size(), limit);
  };
  for (const uint64_t indexed : {uint64_t{0}, uint64_t{1}, Size()}) {
    Index(indexed);
    EXPECT_THAT(*stored({}, {}), ElementsAre(0, 2));
    EXPECT_THAT(*stored({"idva"}, {}), ElementsAre(0));
    EXPECT_THAT(*stored({}, {kWirral}), ElementsAre(2));
    EXPECT_THAT(*stored({"idva"}, {kWirral}), ElementsAre(0, 2));
    EXPECT_THAT(*stored({"nobody"}, {}), IsEmpty());
    EXPECT_THAT(*stored({}, {}, 2), ElementsAre(0, 2));
    EXPECT_TRUE(HasReason(stored({}, {}, 1).status(), Reason::kQueryTooCostly));
  }
}

TEST_F(FilledFilterTest, TimesAreFoundInTheLog) {
  const int64_t last_ms = absl::ToUnixMillis(log_.now);
  EXPECT_EQ(*IndexAt(log_.View(), 0), 0u);
  EXPECT_EQ(*IndexAt(log_.View(), last_ms - 3'600'000), 2u);
  EXPECT_EQ(*IndexAt(log_.View(), last_ms), 4u);
  EXPECT_EQ(*IndexAt(log_.View(), last_ms + 1), 6u);
}

TEST_F(FilterTest, ManyEntriesAreReadInPiecesInBothDirections) {
  const Referral one = Store({"idva"}, type::v1::RISK_GRADE_HIGH, type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
  std::vector<uint64_t> expected;
  for (size_t i = 0; i < kPostingsAtOnce + 20; ++i) {
    expected.push_back(Said(one, "idva", type::v1::STATEMENT_KIND_OPENED, "w"));
    if (i % 3 == 0) Said(one, "school", type::v1::STATEMENT_KIND_OPENED, "w");
  }
  Index(Size() - 5);
  TrailFilter filter;
  filter.add_agencies("idva");
  filter.add_events(type::v1::EVENT_TYPE_STATEMENT);
  EXPECT_EQ(Find(filter, 100), expected);
  std::reverse(expected.begin(), expected.end());
  filter.set_newest_first(true);
  EXPECT_EQ(Find(filter, 100), expected);
}

TEST_F(FilterTest, APageLooksAtABoundedNumberOfEntries) {
  const Referral one = Store({"idva"}, type::v1::RISK_GRADE_HIGH, type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
  EntryDraft entry = Draft(one, type::v1::EVENT_TYPE_RELEASED, "broker", "idva");
  ASSERT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
              for (int i = 0; i < kTrailEntriesScannedMax + 1; ++i) ACCORD_RETURN_IF_ERROR(context.AddEntry(entry));
              return absl::OkStatus();
            }),
            absl::OkStatus());
  TrailFilter filter;
  filter.set_until_ms(absl::ToUnixMillis(log_.now) + 1);
  filter.add_statements(type::v1::STATEMENT_KIND_OPENED);
  const auto directory = log_.Directory();
  const ReadView view = log_.View();
  const auto search = TrailSearch::Make(view, Ground(*directory), filter, Size());
  const auto page = search->Read(view, search->begin(), 100);
  ASSERT_EQ(page.status(), absl::OkStatus());
  EXPECT_THAT(page->entries, IsEmpty());
  EXPECT_FALSE(page->last);
  EXPECT_EQ(page->next, static_cast<uint64_t>(kTrailEntriesScannedMax));
  EXPECT_TRUE(search->Read(view, page->next, 100)->last);
}

TEST_F(FilterTest, AFilterThatIsNoneIsRefused) {
  const auto refused = [](const TrailFilter& filter) { return DetailOf(ValidateFilter(filter)).metadata["field"]; };
  EXPECT_EQ(refused({}), "filter");
  TrailFilter filter;
  filter.add_workers("w");
  EXPECT_EQ(refused(filter), "filter.agencies");
  filter.add_agencies("police");
  EXPECT_EQ(ValidateFilter(filter), absl::OkStatus());
  filter.add_agencies("idva");
  EXPECT_EQ(refused(filter), "filter.agencies") << "whose worker?";
  TrailFilter many;
  for (int i = 0; i < kFilterValuesMax; ++i) many.add_agencies(fmt::format("a{}", i));
  EXPECT_EQ(ValidateFilter(many), absl::OkStatus());
  many.add_agencies("one-more");
  EXPECT_EQ(refused(many), "filter.agencies");
  TrailFilter cases;
  for (int i = 0; i < kFilterCasesMax; ++i) cases.add_case_pseudonyms(fmt::format("{:016}", i));
  EXPECT_EQ(cases.case_pseudonyms_size(), 100);
  EXPECT_EQ(ValidateFilter(cases), absl::OkStatus());
  cases.add_case_pseudonyms(fmt::format("{:016}", kFilterCasesMax));
  EXPECT_EQ(refused(cases), "filter.case_pseudonyms");
  EXPECT_TRUE(HasReason(ValidateFilter(cases), Reason::kFieldInvalid));
  EXPECT_THAT(ValidateFilter(cases).message(), ::testing::HasSubstr("at most 100 values"));
  cases.clear_case_pseudonyms();
  for (const size_t bytes : {0, 15, 17}) {
    *cases.add_case_pseudonyms() = std::string(bytes, 'c');
    EXPECT_EQ(refused(cases), "filter.case_pseudonyms") << bytes;
    cases.clear_case_pseudonyms();
  }
  TrailFilter area;
  area.add_areas("Durham");
  EXPECT_EQ(refused(area), "filter.areas");
  TrailFilter period;
  period.set_from_ms(2);
  period.set_until_ms(2);
  EXPECT_EQ(refused(period), "filter.until_ms");
  TrailFilter events;
  events.add_events(type::v1::EVENT_TYPE_UNSPECIFIED);
  EXPECT_EQ(refused(events), "events[0]");
  for (const int value : {0, 999}) {
    TrailFilter gateways, schedule8;
    gateways.add_gateways(static_cast<type::v1::Gateway>(value));
    EXPECT_TRUE(HasReason(ValidateFilter(gateways), Reason::kEnumUnknown)) << value;
    EXPECT_EQ(refused(gateways), "gateways[0]");
    schedule8.add_schedule8(static_cast<type::v1::Schedule8Condition>(value));
    EXPECT_TRUE(HasReason(ValidateFilter(schedule8), Reason::kEnumUnknown)) << value;
    EXPECT_EQ(refused(schedule8), "schedule8[0]");
  }
  TrailFilter gateways, schedule8;
  for (int i = 0; i < kFilterValuesMax; ++i) {
    gateways.add_gateways(type::v1::GATEWAY_DVDS);
    schedule8.add_schedule8(type::v1::SCHEDULE8_CONDITION_CONSENT);
  }
  EXPECT_EQ(ValidateFilter(gateways), absl::OkStatus());
  EXPECT_EQ(ValidateFilter(schedule8), absl::OkStatus());
  gateways.add_gateways(type::v1::GATEWAY_DVDS);
  EXPECT_EQ(refused(gateways), "filter.gateways");
  schedule8.add_schedule8(type::v1::SCHEDULE8_CONDITION_CONSENT);
  EXPECT_EQ(refused(schedule8), "filter.schedule8");
}

TEST(IndexerTest, FollowsInShortPiecesAndCatchesUpInLongOnes) {
  EXPECT_EQ(IndexedUntil(0, kIndexedFollowing), kIndexedFollowing);
  EXPECT_EQ(IndexedUntil(0, kIndexedFollowing + 1), kIndexedFollowing);
  EXPECT_EQ(IndexedUntil(5, 5 + kIndexerFarBehind), 5 + kIndexedFollowing);
  EXPECT_EQ(IndexedUntil(5, 5 + kIndexerFarBehind + 1), 5 + kIndexedAtOnce);
  EXPECT_EQ(IndexedUntil(7, 9), 9u);
  EXPECT_EQ(IndexedUntil(9, 9), 9u);
}

}  // namespace
}  // namespace accord::broker::filter_test

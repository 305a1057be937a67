// Goal: two people stand behind every warrant, each of them whose business it is; every act is an entry, stands once however often it is asked, and
// is told; nothing beyond a bound is proposed; what is asked under a warrant is on its chain with who may see it, in one batch.
#include "services/broker/warrants/warrants.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/warrants/query_entry.h"
#include "services/broker/warrants/testing_warrant.h"

namespace accord::broker::warrants_test {
namespace {

using inspection::v1::Warrant;
using inspection::v1::WarrantState;
using ::testing::ElementsAre;

std::string ToldOfWarrant(const absl::Status& status) {
  if (status.ok()) return "OK";
  const ErrorDetail detail = DetailOf(status);
  std::string told(RowOf(detail.reason).name);
  for (const char* key : {"field", "state", "proposed_by", "suspended_by", "dimension"}) {
    if (detail.metadata.contains(key)) told += " " + detail.metadata.at(key);
  }
  return told;
}

class WarrantsTest : public ::testing::Test {
 protected:
  WarrantsTest() {
    for (const char* id : {"ines", "omar", "olga"}) PutTestingOfficer(context_, id, "ofsted");
    PutTestingOfficer(context_, "carl", "cqc");
    for (const char* id : {"alice", "bob"}) PutTestingOfficer(context_, id, "");
    PutTestingAgency(context_, "police", "E08000012");
    PutTestingAgency(context_, "idva", "E08000012");
    PutTestingAgency(context_, "housing", "E08000013");
    Reload();
  }
  void Reload() { directory_.Set(TestingDirectory(context_)); }

  // What fails leaves nothing, as the sequencer has it.
  absl::Status Apply(Command& command) {
    const auto rows = context_.rows;
    const auto entries = context_.entries;
    absl::Status applied = command.Apply(context_);
    if (!applied.ok()) context_.rows = rows, context_.entries = entries;
    return applied;
  }
  absl::StatusOr<WarrantOutcome> Run(Command& command, std::function<absl::StatusOr<WarrantOutcome>()> outcome) {
    const absl::Status applied = Apply(command);
    if (applied.ok()) command.Published();
    command.Done(applied.ok() ? absl::StatusOr<Committed>(Committed()) : applied);
    return outcome();
  }
  absl::StatusOr<WarrantOutcome> Propose(const Caller& caller, const Warrant& warrant, const std::string& request_id = "propose-1") {
    absl::StatusOr<WarrantOutcome> got = absl::UnknownError("not done");
    ProposeWarrantCommand command(rules_, caller, request_id, warrant, [&](absl::StatusOr<WarrantOutcome> outcome) { got = std::move(outcome); });
    return Run(command, [&] { return got; });
  }
  absl::StatusOr<WarrantOutcome> Act(const Caller& caller, WarrantEvent event, const std::string& request_id,
                                     inspection::v1::WarrantSuspension why = inspection::v1::WARRANT_SUSPENSION_UNSPECIFIED) {
    absl::StatusOr<WarrantOutcome> got = absl::UnknownError("not done");
    ChangeWarrantCommand command(rules_, caller, request_id, {"jtai-1", event, why}, [&](absl::StatusOr<WarrantOutcome> outcome) { got = std::move(outcome); });
    return Run(command, [&] { return got; });
  }
  std::string TellAct(const Caller& caller, WarrantEvent event, const std::string& request_id,
                      inspection::v1::WarrantSuspension why = inspection::v1::WARRANT_SUSPENSION_UNSPECIFIED) {
    return ToldOfWarrant(Act(caller, event, request_id, why).status());
  }
  // Proposed by ines, activated by omar.
  void Begin() {
    ASSERT_EQ(Propose(ines_, TestingWarrant(context_.time)).status(), absl::OkStatus());
    ASSERT_EQ(Act(omar_, WarrantEvent::kActivate, "activate-1").status(), absl::OkStatus());
  }
  storage::v1::StoredWarrant Stored() {
    storage::v1::StoredWarrant stored;
    EXPECT_TRUE(stored.ParseFromString(context_.rows[{std::string(kFamilyWarrant), "jtai-1"}]));
    return stored;
  }

  const Caller ines_ = TestingInspector("ines"), omar_ = TestingInspector("omar"), carl_ = TestingInspector("carl");
  const Caller alice_ = TestingAdministrator("alice"), bob_ = TestingAdministrator("bob");
  MemoryContext context_;
  DirectoryHolder directory_;
  std::vector<std::string> told_;  // Who was told of which state.
  WarrantRules rules_{directory_, [this](const Warrant& w) { told_.push_back(fmt::format("{} {}", w.id(), inspection::v1::WarrantState_Name(w.state()))); }};
};

TEST(WarrantStatesTest, EveryPairOfStateAndEvent) {
  const std::map<std::pair<WarrantState, WarrantEvent>, WarrantState> legal = {
      {{inspection::v1::WARRANT_STATE_PROPOSED, WarrantEvent::kActivate}, inspection::v1::WARRANT_STATE_ACTIVE},
      {{inspection::v1::WARRANT_STATE_PROPOSED, WarrantEvent::kEnd}, inspection::v1::WARRANT_STATE_ENDED},
      {{inspection::v1::WARRANT_STATE_ACTIVE, WarrantEvent::kSuspend}, inspection::v1::WARRANT_STATE_SUSPENDED},
      {{inspection::v1::WARRANT_STATE_ACTIVE, WarrantEvent::kEnd}, inspection::v1::WARRANT_STATE_ENDED},
      {{inspection::v1::WARRANT_STATE_SUSPENDED, WarrantEvent::kResume}, inspection::v1::WARRANT_STATE_ACTIVE},
      {{inspection::v1::WARRANT_STATE_SUSPENDED, WarrantEvent::kEnd}, inspection::v1::WARRANT_STATE_ENDED},
  };
  for (int state = 0; state < inspection::v1::WarrantState_ARRAYSIZE; ++state) {
    for (const WarrantEvent event : {WarrantEvent::kActivate, WarrantEvent::kSuspend, WarrantEvent::kResume, WarrantEvent::kEnd}) {
      const auto from = static_cast<WarrantState>(state);
      const auto found = legal.find({from, event});
      EXPECT_EQ(NextWarrantState(from, event), found == legal.end() ? std::nullopt : std::optional(found->second)) << state << " " << static_cast<int>(event);
    }
  }
}

TEST_F(WarrantsTest, AStatutoryOneTakesTwoOfficersOfItsInspectorate) {
  const Warrant warrant = TestingWarrant(context_.time);
  EXPECT_EQ(ToldOfWarrant(Propose(alice_, warrant).status()), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(ToldOfWarrant(Propose(carl_, warrant).status()), "NOT_PERMITTED");
  EXPECT_TRUE(context_.entries.empty());
  const auto proposed = Propose(ines_, warrant);
  ASSERT_EQ(proposed.status(), absl::OkStatus());
  EXPECT_EQ(proposed->stored.warrant().state(), inspection::v1::WARRANT_STATE_PROPOSED);
  EXPECT_EQ(proposed->stored.warrant().proposed_by(), "inspector/ines");

  EXPECT_EQ(TellAct(ines_, WarrantEvent::kActivate, "activate-1"), "SELF_APPROVAL inspector/ines");
  EXPECT_EQ(TellAct(carl_, WarrantEvent::kActivate, "activate-1"), "NOT_PERMITTED");
  EXPECT_EQ(TellAct(bob_, WarrantEvent::kActivate, "activate-1"), "NOT_PERMITTED");
  ASSERT_EQ(context_.entries.size(), 1u) << "none of these left anything";
  const auto active = Act(omar_, WarrantEvent::kActivate, "activate-1");
  ASSERT_EQ(active.status(), absl::OkStatus());
  EXPECT_EQ(active->stored.warrant().activated_by(), "inspector/omar");
  EXPECT_EQ(active->stored.warrant().activated_at_ms(), absl::ToUnixMillis(context_.time));

  ASSERT_EQ(context_.entries.size(), 2u);
  const EntryDraft &first = context_.entries[0], &second = context_.entries[1];
  EXPECT_EQ(first.event.type(), type::v1::EVENT_TYPE_WARRANT_PROPOSED);
  EXPECT_EQ(second.event.type(), type::v1::EVENT_TYPE_WARRANT_ACTIVATED);
  EXPECT_EQ(second.event.legal_power(), "CA2004_S20");
  EXPECT_EQ(second.event.warrant(), "jtai-1");
  EXPECT_EQ(second.actor->principal(), "inspector/omar");
  EXPECT_FALSE(first.event.change_digest().empty());
  EXPECT_EQ(first.event.change_digest(), second.event.change_digest()) << "both put their names to the same";
  EXPECT_EQ(first.chains, std::vector{active->stored.chain()});
  EXPECT_EQ(second.chains, first.chains);
  EXPECT_THAT(told_, ElementsAre("jtai-1 WARRANT_STATE_PROPOSED", "jtai-1 WARRANT_STATE_ACTIVE"));
}

TEST_F(WarrantsTest, WhoProposedItIsStillThereWhenItIsActivated) {
  ASSERT_EQ(Propose(ines_, TestingWarrant(context_.time)).status(), absl::OkStatus());
  PutTestingOfficer(context_, "ines", "ofsted", /*active=*/false);
  Reload();
  EXPECT_EQ(TellAct(omar_, WarrantEvent::kActivate, "activate-1"), "NOT_PERMITTED");
  PutTestingOfficer(context_, "ines", "cqc");
  Reload();
  EXPECT_EQ(TellAct(omar_, WarrantEvent::kActivate, "activate-1"), "NOT_PERMITTED");
  PutTestingOfficer(context_, "ines", "ofsted");
  context_.Put(kFamilySuspension, "inspector/ines", "");
  Reload();
  EXPECT_EQ(TellAct(omar_, WarrantEvent::kActivate, "activate-1"), "NOT_PERMITTED");
  context_.Delete(kFamilySuspension, "inspector/ines");
  Reload();
  EXPECT_EQ(TellAct(omar_, WarrantEvent::kActivate, "activate-1"), "OK");
}

TEST_F(WarrantsTest, EveryOtherKindTakesTwoAdministrators) {
  for (const auto kind : {inspection::v1::WARRANT_KIND_DEATH_REVIEW, inspection::v1::WARRANT_KIND_SCRUTINY_PANEL, inspection::v1::WARRANT_KIND_COMMISSIONER}) {
    context_.rows.erase({std::string(kFamilyWarrant), "jtai-1"});
    Warrant warrant = TestingWarrant(context_.time);
    warrant.set_kind(kind);
    const std::string salt = fmt::format("{}", kind);
    EXPECT_EQ(ToldOfWarrant(Propose(ines_, warrant).status()), "ROLE_NOT_ALLOWED");
    EXPECT_EQ(Propose(alice_, warrant, "propose-" + salt).status(), absl::OkStatus());
    EXPECT_EQ(TellAct(alice_, WarrantEvent::kActivate, "activate-" + salt), "SELF_APPROVAL admin/alice");
    EXPECT_EQ(TellAct(omar_, WarrantEvent::kActivate, "activate-" + salt), "NOT_PERMITTED");
    PutTestingConflict(context_, "alice"), Reload();
    EXPECT_EQ(TellAct(bob_, WarrantEvent::kActivate, "activate-" + salt), "NOT_PERMITTED") << "she has a conflict of interest by now";
    PutTestingConflict(context_, ""), Reload();
    EXPECT_EQ(TellAct(bob_, WarrantEvent::kActivate, "activate-" + salt), "OK");
    EXPECT_EQ(TellAct(omar_, WarrantEvent::kEnd, "end-" + salt), "NOT_PERMITTED");
    EXPECT_EQ(TellAct(alice_, WarrantEvent::kEnd, "end-" + salt), "OK");
  }
}

TEST_F(WarrantsTest, AdministratorsSuspendAndAnotherResumes) {
  Begin();
  const auto why = inspection::v1::WARRANT_SUSPENSION_OUTSIDE_POWER;
  EXPECT_EQ(TellAct(omar_, WarrantEvent::kSuspend, "suspend-1", why), "NOT_PERMITTED");
  EXPECT_EQ(TellAct(alice_, WarrantEvent::kResume, "resume-01"), "TRANSITION_ILLEGAL WARRANT_STATE_ACTIVE");
  EXPECT_EQ(TellAct(alice_, WarrantEvent::kSuspend, "suspend-1", why), "OK");
  EXPECT_EQ(context_.entries.back().event.type(), type::v1::EVENT_TYPE_WARRANT_SUSPENDED);
  EXPECT_EQ(context_.entries.back().event.why(), "WARRANT_SUSPENSION_OUTSIDE_POWER");
  EXPECT_EQ(Stored().warrant().suspended_by(), "admin/alice");
  EXPECT_EQ(told_.back(), "jtai-1 WARRANT_STATE_SUSPENDED");
  EXPECT_EQ(TellAct(bob_, WarrantEvent::kSuspend, "suspend-2", why), "TRANSITION_ILLEGAL WARRANT_STATE_SUSPENDED");
  EXPECT_EQ(TellAct(alice_, WarrantEvent::kResume, "resume-02"), "SELF_APPROVAL admin/alice");
  EXPECT_EQ(TellAct(ines_, WarrantEvent::kResume, "resume-03"), "NOT_PERMITTED");
  EXPECT_EQ(TellAct(bob_, WarrantEvent::kResume, "resume-04"), "OK");
  EXPECT_EQ(context_.entries.back().event.type(), type::v1::EVENT_TYPE_WARRANT_RESUMED);
  EXPECT_EQ(Stored().warrant().state(), inspection::v1::WARRANT_STATE_ACTIVE);
  EXPECT_TRUE(Stored().warrant().suspended_by().empty());
  EXPECT_EQ(TellAct(alice_, WarrantEvent::kEnd, "end-00001"), "NOT_PERMITTED") << "a statutory one is its inspectorate's to end";
  EXPECT_EQ(TellAct(carl_, WarrantEvent::kEnd, "end-00002"), "NOT_PERMITTED");
  EXPECT_EQ(TellAct(ines_, WarrantEvent::kEnd, "end-00003"), "OK");
  EXPECT_EQ(context_.entries.back().event.type(), type::v1::EVENT_TYPE_WARRANT_ENDED);
  EXPECT_EQ(TellAct(bob_, WarrantEvent::kSuspend, "suspend-3", why), "TRANSITION_ILLEGAL WARRANT_STATE_ENDED");
}

TEST_F(WarrantsTest, AnApproverEndsASuspensionAndDoesNothingElse) {
  const auto enrol = [&](const std::string& id, options::v1::OfficerRole role) {
    storage::v1::StoredOfficer officer;
    officer.set_active(true);
    officer.add_roles(role);
    context_.Put(kFamilyOfficer, OfficerKey(false, id), officer.SerializeAsString());
  };
  enrol("abe", options::v1::OFFICER_ROLE_APPROVER);
  enrol("dora", options::v1::OFFICER_ROLE_DATA_PROTECTION_OFFICER);
  enrol("audrey", options::v1::OFFICER_ROLE_AUDITOR);
  Reload();
  const Caller abe = TestingAdministrator("abe"), dora = TestingAdministrator("dora"), audrey = TestingAdministrator("audrey");
  const auto why = inspection::v1::WARRANT_SUSPENSION_COURT_ORDER;
  Begin();
  EXPECT_EQ(TellAct(abe, WarrantEvent::kSuspend, "suspend-1", why), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(TellAct(abe, WarrantEvent::kEnd, "end-00001"), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(TellAct(dora, WarrantEvent::kSuspend, "suspend-2", why), "OK");
  EXPECT_EQ(TellAct(abe, WarrantEvent::kEnd, "end-00002"), "ROLE_NOT_ALLOWED") << "nor one that is suspended";
  EXPECT_EQ(TellAct(audrey, WarrantEvent::kResume, "resume-01"), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(TellAct(abe, WarrantEvent::kResume, "resume-02"), "OK");
  EXPECT_EQ(Stored().warrant().state(), inspection::v1::WARRANT_STATE_ACTIVE);
  // What it asked for before it was shut out is not done after.
  EXPECT_EQ(TellAct(dora, WarrantEvent::kSuspend, "suspend-3", why), "OK");
  context_.Put(kFamilySuspension, "admin/abe", "");
  Reload();
  EXPECT_EQ(TellAct(abe, WarrantEvent::kResume, "resume-03"), "ROLE_NOT_ALLOWED");
}

TEST_F(WarrantsTest, TimeEndsWhatNobodyDoes) {
  ASSERT_EQ(Propose(ines_, TestingWarrant(context_.time)).status(), absl::OkStatus());
  const absl::Time proposed = context_.time;
  context_.time = proposed + kWarrantProposalLife - absl::Milliseconds(1);
  EXPECT_EQ(WarrantStateAt(Stored(), context_.time), inspection::v1::WARRANT_STATE_PROPOSED);
  context_.time = proposed + kWarrantProposalLife;
  EXPECT_EQ(TellAct(omar_, WarrantEvent::kActivate, "activate-1"), "TRANSITION_ILLEGAL WARRANT_STATE_EXPIRED");
  context_.time -= absl::Milliseconds(1);
  EXPECT_EQ(TellAct(omar_, WarrantEvent::kActivate, "activate-1"), "OK");
  context_.time = absl::FromUnixMillis(Stored().warrant().ends_ms());
  EXPECT_EQ(TellAct(alice_, WarrantEvent::kSuspend, "suspend-1", inspection::v1::WARRANT_SUSPENSION_CONFLICT), "TRANSITION_ILLEGAL WARRANT_STATE_EXPIRED");
}

TEST_F(WarrantsTest, ARepeatAnswersAndDoesNothingAgain) {
  Begin();
  const auto again = Propose(ines_, TestingWarrant(context_.time));
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->index, 0u);
  EXPECT_EQ(again->stored.warrant().state(), inspection::v1::WARRANT_STATE_ACTIVE) << "as it stands now";
  EXPECT_EQ(Act(omar_, WarrantEvent::kActivate, "activate-1")->index, 1u);
  EXPECT_EQ(context_.entries.size(), 2u);
  EXPECT_EQ(told_.size(), 2u);
  EXPECT_EQ(TellAct(omar_, WarrantEvent::kEnd, "activate-1"), "REQUEST_ID_REUSED");
  Warrant other = TestingWarrant(context_.time);
  other.set_purpose("another");
  EXPECT_EQ(ToldOfWarrant(Propose(ines_, other).status()), "REQUEST_ID_REUSED");
  EXPECT_EQ(ToldOfWarrant(Propose(ines_, TestingWarrant(context_.time), "propose-2").status()), "FIELD_INVALID warrant.id");
  ChangeWarrantCommand none(rules_, omar_, "activate-2", {"jtai-2", WarrantEvent::kActivate, {}}, [](const absl::StatusOr<WarrantOutcome>&) {});
  EXPECT_EQ(ToldOfWarrant(none.Apply(context_)), "WARRANT_NOT_FOUND");
}

TEST_F(WarrantsTest, ALimitHoldsAndOneMoreIsNamedByItsField) {
  const absl::Time now = context_.time;
  const auto whole = [&] {
    Warrant w = TestingWarrant(now);
    auto& scope = *w.mutable_scope();
    for (const char* officer : {"ines", "omar"}) w.add_officers(officer);
    while (scope.cases_size() < kWarrantCasesMax) scope.add_cases(std::string(16, 'x'));
    while (scope.areas_size() < kWarrantAreasMax) scope.add_areas("E08000001");
    while (scope.agencies_size() < kWarrantAgenciesMax) scope.add_agencies("idva");
    while (w.officers_size() < kWarrantOfficersMax) w.add_officers("olga");
    w.set_purpose(std::string(kWarrantCodeCharsMax, 'p'));
    w.set_legal_power(std::string(kWarrantCodeCharsMax, 'l'));
    w.set_ends_ms(w.starts_ms() + absl::ToInt64Milliseconds(kWarrantLifeMax));
    w.set_embargo_until_ms(w.ends_ms() + absl::ToInt64Milliseconds(kWarrantEmbargoMax));
    return w;
  };
  const std::vector<std::pair<std::function<void(Warrant&)>, std::string>> table = {
      {[](Warrant&) {}, "OK"},
      {[](Warrant& w) { w.set_id("JTAI"); }, "FIELD_INVALID warrant.id"},
      {[](Warrant& w) { w.clear_kind(); }, "ENUM_UNKNOWN warrant.kind"},
      {[](Warrant& w) { w.set_kind(static_cast<inspection::v1::WarrantKind>(99)); }, "ENUM_UNKNOWN warrant.kind"},
      {[](Warrant& w) { w.set_inspectorate("Ofsted!"); }, "FIELD_INVALID warrant.inspectorate"},
      {[](Warrant& w) { w.add_officers("olga"); }, "FIELD_INVALID warrant.officers"},
      {[](Warrant& w) { w.set_officers(0, "carl"); }, "FIELD_INVALID warrant.officers"},
      {[](Warrant& w) { w.set_officers(0, "nobody"); }, "FIELD_INVALID warrant.officers"},
      {[](Warrant& w) { w.clear_purpose(); }, "FIELD_MISSING warrant.purpose"},
      {[](Warrant& w) { w.mutable_purpose()->push_back('p'); }, "FIELD_INVALID warrant.purpose"},
      {[](Warrant& w) { w.set_purpose("of Ms Smith"); }, "FIELD_INVALID warrant.purpose"},
      {[](Warrant& w) { w.clear_legal_power(); }, "FIELD_MISSING warrant.legal_power"},
      {[](Warrant& w) { w.mutable_legal_power()->push_back('l'); }, "FIELD_INVALID warrant.legal_power"},
      {[](Warrant& w) { w.mutable_scope()->add_agencies("idva"); }, "FIELD_INVALID warrant.scope.agencies"},
      {[](Warrant& w) { w.mutable_scope()->set_agencies(0, "nowhere"); }, "FIELD_INVALID warrant.scope.agencies"},
      {[](Warrant& w) { w.mutable_scope()->add_areas("E08000001"); }, "FIELD_INVALID warrant.scope.areas"},
      {[](Warrant& w) { w.mutable_scope()->set_areas(0, "Leeds"); }, "FIELD_INVALID warrant.scope.areas"},
      {[](Warrant& w) { w.mutable_scope()->set_from_ms(-1); }, "FIELD_INVALID warrant.scope.from_ms"},
      {[](Warrant& w) { w.mutable_scope()->set_until_ms(w.scope().from_ms()); }, "FIELD_INVALID warrant.scope.until_ms"},
      {[](Warrant& w) { w.mutable_scope()->clear_until_ms(); }, "FIELD_INVALID warrant.scope.until_ms"},
      {[](Warrant& w) { w.mutable_scope()->add_events(type::v1::EVENT_TYPE_UNSPECIFIED); }, "ENUM_UNKNOWN warrant.scope.events"},
      {[](Warrant& w) { w.mutable_scope()->add_cases(std::string(16, 'y')); }, "FIELD_INVALID warrant.scope.cases"},
      {[](Warrant& w) { w.mutable_scope()->set_cases(0, std::string(15, 'y')); }, "FIELD_INVALID warrant.scope.cases"},
      {[](Warrant& w) { w.mutable_scope()->set_sample_cases_max(1); }, "FIELD_INVALID warrant.scope.sample_cases_max"},
      {[](Warrant& w) { w.mutable_scope()->clear_cases(), w.mutable_scope()->set_sample_cases_max(kWarrantSampleMax); }, "OK"},
      {[](Warrant& w) { w.mutable_scope()->clear_cases(), w.mutable_scope()->set_sample_cases_max(kWarrantSampleMax + 1); },
       "FIELD_INVALID warrant.scope.sample_cases_max"},
      {[](Warrant& w) { w.clear_starts_ms(); }, "FIELD_MISSING warrant.starts_ms"},
      {[](Warrant& w) { w.clear_ends_ms(); }, "FIELD_MISSING warrant.ends_ms"},
      {[](Warrant& w) { w.set_ends_ms(w.starts_ms()); }, "FIELD_INVALID warrant.ends_ms"},
      {[](Warrant& w) { w.set_ends_ms(w.ends_ms() + 1), w.clear_embargo_until_ms(); }, "FIELD_INVALID warrant.ends_ms"},
      {[&](Warrant& w) { w.set_starts_ms(1), w.set_ends_ms(absl::ToUnixMillis(now)), w.clear_embargo_until_ms(); }, "FIELD_INVALID warrant.ends_ms"},
      {[](Warrant& w) { w.set_embargo_until_ms(w.embargo_until_ms() + 1); }, "FIELD_INVALID warrant.embargo_until_ms"},
      {[](Warrant& w) { w.set_embargo_until_ms(-1); }, "FIELD_INVALID warrant.embargo_until_ms"},
      {[](Warrant& w) { w.set_state(inspection::v1::WARRANT_STATE_ACTIVE), w.set_activated_by("inspector/omar"); }, "OK"},
  };
  for (size_t i = 0; i < table.size(); ++i) {
    Warrant warrant = whole();
    table[i].first(warrant);
    EXPECT_EQ(ToldOfWarrant(CheckProposal(PlainReaderOf(context_), *directory_.Get(), ines_, warrant, now)), table[i].second) << i;
  }
  // What a caller says of where it stands is not taken.
  Warrant forged = TestingWarrant(now);
  forged.set_state(inspection::v1::WARRANT_STATE_ACTIVE);
  forged.set_activated_by("inspector/omar");
  const auto proposed = Propose(ines_, forged);
  ASSERT_EQ(proposed.status(), absl::OkStatus());
  EXPECT_EQ(proposed->stored.warrant().state(), inspection::v1::WARRANT_STATE_PROPOSED);
  EXPECT_TRUE(proposed->stored.warrant().activated_by().empty());
}

class QueryEntryTest : public WarrantsTest {
 protected:
  QueryEntryTest() {
    Begin();
    context_.time += absl::Hours(48);
  }
  QueryEntry Query(const Caller& caller, type::v1::EventType type = type::v1::EVENT_TYPE_QUESTION_ASKED) {
    const auto scope = OpenScope(PlainReaderOf(context_), caller, caller.kind == options::v1::CALLER_ADMIN ? "" : "jtai-1", context_.time);
    EXPECT_EQ(scope.status(), absl::OkStatus());
    return QueryEntryOf(caller, *scope, type, "/a/B", "audit");
  }
  absl::StatusOr<uint64_t> Record(QueryEntry query) {
    absl::StatusOr<uint64_t> got = absl::UnknownError("not done");
    RecordQueryCommand command(std::move(query), [&](const absl::StatusOr<uint64_t>& index) { got = index; });
    const absl::Status applied = Apply(command);
    command.Done(applied.ok() ? absl::StatusOr<Committed>(Committed()) : applied);
    return got;
  }
  std::map<std::string, storage::v1::StoredLook> Looks() {
    std::map<std::string, storage::v1::StoredLook> looks;
    for (const auto& [key, value] : context_.rows) {
      if (key.first == kFamilyWarrantIndex && key.second.starts_with(LookPrefix("", {}).substr(0, 1))) looks[key.second].ParseFromString(value);
    }
    return looks;
  }
};

TEST_F(QueryEntryTest, ItStandsOnTheWarrantsChainWithARowForWhoMaySeeIt) {
  QueryEntry query = Query(ines_);
  query.draft.event.set_question(7);
  query.looked_at = {{.agency = "police", .party = true}, {.agency = "idva", .desk = type::v1::DESK_CONFIDENTIAL}};
  const auto index = Record(std::move(query));
  ASSERT_EQ(index.status(), absl::OkStatus());
  const EntryDraft& entry = context_.entries[*index];
  EXPECT_EQ(entry.chains, std::vector{Stored().chain()});
  EXPECT_EQ(entry.event.warrant(), "jtai-1");
  EXPECT_EQ(entry.actor->principal(), "inspector/ines");
  const auto looks = Looks();
  ASSERT_EQ(looks.size(), 2u);
  const int64_t out = Stored().warrant().embargo_until_ms();
  ASSERT_TRUE(looks.contains(LookKey("police", type::v1::DESK_MAIN, out, *index)));
  const auto& look = looks.at(LookKey("police", type::v1::DESK_MAIN, out, *index));
  EXPECT_EQ(look.warrant(), "jtai-1");
  EXPECT_EQ(look.event(), type::v1::EVENT_TYPE_QUESTION_ASKED);
  EXPECT_EQ(look.question(), 7u);
  EXPECT_EQ(look.time_ms(), absl::ToUnixMillis(context_.time));
  EXPECT_TRUE(look.party());
  EXPECT_FALSE(looks.at(LookKey("idva", type::v1::DESK_CONFIDENTIAL, out, *index)).party());
}

TEST_F(QueryEntryTest, WhatIsAskedAboutComesFirstAndTheWarrantTakesTheLastPlace) {
  std::vector<std::string> chains;
  for (int i = 0; i < 4; ++i) chains.push_back(context_.OpenChain()->pseudonym);
  for (size_t count = 1; count <= 4; ++count) {
    QueryEntry query = Query(ines_);
    query.draft.chains.assign(chains.begin(), chains.begin() + static_cast<int>(count));
    const auto index = Record(std::move(query));
    ASSERT_EQ(index.status(), absl::OkStatus());
    const auto& own = context_.entries[*index].chains;
    ASSERT_EQ(own.size(), std::min<size_t>(count + 1, 4));
    EXPECT_EQ(own.front(), chains[0]);
    EXPECT_EQ(own.back(), Stored().chain());
  }
}

// As many as are named, each by itself: one leaf would join them for everybody who holds the leaves.
TEST_F(QueryEntryTest, WhatElseIsAskedAboutHasTheEntryOnItsChainToo) {
  std::vector<std::string> chains;
  for (int i = 0; i < 6; ++i) chains.push_back(context_.OpenChain()->pseudonym);
  for (const bool under_warrant : {false, true}) {
    SCOPED_TRACE(under_warrant);
    QueryEntry query = Query(under_warrant ? ines_ : alice_, type::v1::EVENT_TYPE_TRAIL_QUERIED);
    query.draft.event.set_query_digest(std::string(32, 'q'));
    query.draft.chains = {chains[0]};
    query.others.assign(chains.begin() + 1, chains.end());
    query.looked_at = {{.agency = "police"}};
    const size_t before = context_.entries.size();
    const auto index = Record(std::move(query));
    ASSERT_EQ(index.status(), absl::OkStatus());
    EXPECT_EQ(*index, before) << "the first";
    ASSERT_EQ(context_.entries.size(), before + chains.size());
    for (size_t i = 0; i < chains.size(); ++i) {
      const EntryDraft& entry = context_.entries[before + i];
      auto expected = std::vector{chains[i]};
      if (under_warrant) expected.push_back(Stored().chain());
      EXPECT_EQ(entry.chains, expected);
      EXPECT_EQ(entry.event.SerializeAsString(), context_.entries[before].event.SerializeAsString());
      EXPECT_EQ(entry.actor->principal(), under_warrant ? "inspector/ines" : "admin/alice");
    }
    if (under_warrant) {
      EXPECT_EQ(Looks().size(), 1u) << "one look, and not one for each";
      EXPECT_TRUE(Looks().contains(LookKey("police", type::v1::DESK_MAIN, Stored().warrant().embargo_until_ms(), *index)));
    }
  }
}

TEST_F(QueryEntryTest, AnAdministratorsIsNoLook) {
  QueryEntry query = Query(alice_);
  query.looked_at = LookedAtUnder(Scope::All(), *directory_.Get(), {"police"});
  EXPECT_TRUE(query.looked_at.empty());
  const auto index = Record(std::move(query));
  ASSERT_EQ(index.status(), absl::OkStatus());
  EXPECT_TRUE(Looks().empty());
  EXPECT_NE(context_.entries[*index].chains, std::vector{Stored().chain()});
}

TEST_F(QueryEntryTest, OneThatWasSuspendedAMomentAgoGivesNothingMore) {
  QueryEntry query = Query(ines_);
  query.looked_at = {LookedAt{}};
  ASSERT_EQ(TellAct(alice_, WarrantEvent::kSuspend, "suspend-1", inspection::v1::WARRANT_SUSPENSION_COMPROMISED), "OK");
  const size_t entries = context_.entries.size();
  EXPECT_EQ(ToldOfWarrant(Record(std::move(query)).status()), "WARRANT_NOT_ACTIVE WARRANT_STATE_SUSPENDED");
  EXPECT_EQ(context_.entries.size(), entries);
  EXPECT_TRUE(Looks().empty());
}

TEST_F(QueryEntryTest, SamplesAddUpToTheLimitAndNotOneBeyond) {
  storage::v1::StoredWarrant stored = Stored();
  stored.mutable_warrant()->mutable_scope()->clear_cases();
  stored.mutable_warrant()->mutable_scope()->set_sample_cases_max(3);
  context_.Put(kFamilyWarrant, "jtai-1", stored.SerializeAsString());
  const auto draw = [&](const std::string& initials) {
    QueryEntry query = Query(ines_, type::v1::EVENT_TYPE_SAMPLE_DRAWN);
    for (const char initial : initials) query.sampled.push_back(std::string(16, initial));
    return Record(std::move(query)).status();
  };
  EXPECT_EQ(ToldOfWarrant(draw("ab")), "OK");
  const absl::Status refused = draw("bcd");
  EXPECT_EQ(ToldOfWarrant(refused), "WARRANT_SCOPE sample");
  EXPECT_EQ(std::string(refused.message()).find_first_of("0123456789"), std::string::npos) << "how many were drawn can be how many there are: " << refused;
  EXPECT_EQ(DetailOf(refused).metadata.size(), 1u) << refused;
  EXPECT_EQ(Stored().sampled_size(), 2);
  EXPECT_EQ(ToldOfWarrant(draw("bc")), "OK") << "one that is drawn again counts once";
  EXPECT_EQ(WarrantAt(Stored(), context_.time).sample_cases(), 3u);
}

TEST_F(QueryEntryTest, WhomAQueryAboutManyConcerns) {
  const auto of = [&](const std::function<void(inspection::v1::WarrantScope&)>& change, const std::set<std::string>& named) {
    Warrant warrant = TestingWarrant(context_.time);
    change(*warrant.mutable_scope());
    std::vector<std::string> agencies;
    for (const LookedAt& viewer : LookedAtUnder(Scope::Of(warrant, {}), *directory_.Get(), named)) agencies.push_back(viewer.agency);
    return agencies;
  };
  // The police are named and of the area, the Idva is of it, housing is of another. A referral is covered when any of its parties is named and any is of the
  // area: what the police sent the Idva is, whichever of the two is either.
  EXPECT_THAT(of([](auto&) {}, {}), ElementsAre("idva", "police"));
  EXPECT_THAT(of([](auto& s) { s.clear_areas(); }, {}), ElementsAre("police"));
  EXPECT_THAT(of([](auto& s) { s.clear_agencies(); }, {}), ElementsAre("idva", "police"));
  // Asked about housing, what is answered is what it had to do with the area's.
  EXPECT_THAT(of([](auto& s) { s.clear_agencies(); }, {"housing"}), ElementsAre("housing", "idva", "police"));
  EXPECT_THAT(of([](auto& s) { s.clear_agencies(); }, {"idva"}), ElementsAre("idva", "police"));
  EXPECT_THAT(of([](auto& s) { s.clear_areas(); }, {"housing", "nobody"}), ElementsAre("housing", "police"));
  for (const auto& named : std::vector<std::set<std::string>>{{}, {"idva", "housing"}}) {
    EXPECT_THAT(of([](auto& s) { s.clear_agencies(), s.clear_areas(); }, named), ElementsAre("")) << "every agency, as one row";
  }
}

}  // namespace
}  // namespace accord::broker::warrants_test

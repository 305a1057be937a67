// Who works here, about whom they may not know, who has what, and what becomes of it when they leave.
#include "common/agent/workers.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/agent/testing_service.h"
#include "common/referral/referral_name.h"

namespace accord::agent::workers_test {
namespace {

using agency::v1::WorkerRecord;
using type::v1::WORKER_ROLE_PRACTITIONER;
using type::v1::WORKER_ROLE_SUPERVISOR;

type::v1::Person Miriam(const std::string& born = "1990-02-03") {
  type::v1::Person person;
  person.set_family_name("Ashdown");
  person.set_given_names("Miriam");
  if (!born.empty()) person.add_dates_of_birth(born);
  return person;
}

type::v1::Worker Named(const std::string& pseudonym, type::v1::WorkerRole role = WORKER_ROLE_PRACTITIONER) {
  type::v1::Worker worker = SomeWorker();
  worker.set_pseudonym(pseudonym);
  worker.set_role(role);
  return worker;
}

WorkerRecord Record(const std::string& pseudonym, const std::vector<std::string>& teams = {"north"}) {
  WorkerRecord record;
  record.set_pseudonym(pseudonym);
  for (const std::string& team : teams) record.add_teams(team);
  return record;
}

class WorkersTest : public AgentTest {
 protected:
  Workers& workers() { return *idva.workers; }
  absl::Status Put(const WorkerRecord& record) {
    return workers().Put("put-" + std::to_string(++puts_), record, Named("boss"), [this](std::string_view digest) { return idva.inbox->People(digest); }).status();
  }
  absl::StatusOr<Workers::Ended> End(const std::string& pseudonym) {
    return workers().End(pseudonym, Named("boss"), [this](std::string_view digest) { return idva.inbox->IsOpenWork(digest); });
  }
  absl::Status Assign(const std::string& digest, const std::string& to_worker, const std::string& to_team = "") {
    const auto people = idva.inbox->People(digest);
    EXPECT_TRUE(people.ok()) << people.status();
    return workers().Assign("assign-" + std::to_string(++assigns_), digest, Named("boss"), to_worker, to_team, *people).status();
  }
  // "worker/team", "-" when nobody has it.
  std::string Has(const std::string& digest) {
    const auto assignment = workers().AssignmentOf(digest);
    return assignment.has_value() ? assignment->worker() + "/" + assignment->team() : "-";
  }
  std::string Deliver(const std::string& request_id, const type::v1::Person& victim = Miriam()) {
    if (!known_) SignWithKnownCertificate();
    known_ = true;
    Draft draft = SomeDraft(request_id);
    *draft.sections[0].content.mutable_identity()->mutable_victim() = victim;
    EXPECT_TRUE(police.outbox->Push(draft).ok());
    police.Settle();
    const auto delivery = DeliveryFor(idva);
    EXPECT_TRUE(idva.inbox->Receive(delivery).ok());
    return referral::DigestOf(delivery.referral().header());
  }
  static Reason ReasonOf(const absl::Status& status) { return status.ok() ? Reason::kInternal : DetailOf(status).reason; }

  bool known_ = false;
  int puts_ = 0, assigns_ = 0;
};

TEST_F(WorkersTest, WithoutARegisterEverybodyActsAndFromItsFirstWorkerOnOnlyThoseInIt) {
  EXPECT_TRUE(workers().Check(Named("anybody")).ok());
  WorkerRecord record = Record("w-1");
  record.add_roles(WORKER_ROLE_PRACTITIONER);
  ASSERT_TRUE(Put(record).ok());
  EXPECT_EQ(ReasonOf(workers().Check(Named("anybody"))), Reason::kWorkerNotKnown);
  EXPECT_TRUE(workers().Check(Named("w-1")).ok());
  EXPECT_EQ(ReasonOf(workers().Check(Named("w-1", WORKER_ROLE_SUPERVISOR))), Reason::kWorkerNotKnown) << "in another role";
  ASSERT_TRUE(Put(Record("w-2")).ok());
  EXPECT_TRUE(workers().Check(Named("w-2", WORKER_ROLE_SUPERVISOR)).ok()) << "without roles: any";
  idva.Restart();
  EXPECT_EQ(ReasonOf(workers().Check(Named("anybody"))), Reason::kWorkerNotKnown);
  EXPECT_TRUE(workers().Check(Named("w-1")).ok());
}

TEST_F(WorkersTest, ARecordKeepsItsLimits) {
  WorkerRecord teams = Record("w-1", {});
  for (int i = 0; i < kTeamsPerWorkerMax; ++i) teams.add_teams("t" + std::to_string(i));
  EXPECT_TRUE(Put(teams).ok());
  teams.add_teams("more");
  EXPECT_EQ(ReasonOf(Put(teams)), Reason::kFieldInvalid);
  EXPECT_TRUE(Put(Record(std::string(64, 'w'))).ok());
  EXPECT_EQ(ReasonOf(Put(Record(std::string(65, 'w')))), Reason::kFieldInvalid);
  for (const char* team : {"", "North", "a b", "a_b"}) EXPECT_EQ(ReasonOf(Put(Record("w-2", {team}))), Reason::kFieldInvalid) << team;
  EXPECT_TRUE(IsTeamId(std::string(63, 'a')));
  EXPECT_FALSE(IsTeamId(std::string(64, 'a')));
  WorkerRecord conflicts = Record("w-3");
  for (int i = 1; i <= kConflictsPerWorkerMax; ++i) *conflicts.add_conflicts() = Miriam(fmt::format("19{}-02-03", 40 + i));
  EXPECT_TRUE(Put(conflicts).ok());
  WorkerRecord one_more = Record("w-3");
  *one_more.add_conflicts() = Miriam("1990-02-03");
  EXPECT_EQ(ReasonOf(Put(one_more)), Reason::kFieldInvalid) << "with those that are kept";
  one_more.set_replace_conflicts(true);
  EXPECT_TRUE(Put(one_more).ok());
  const WorkerRecord kept = workers().List("w-2", 1).at(0);
  EXPECT_EQ(kept.pseudonym(), "w-3");
  EXPECT_EQ(kept.conflicts_kept(), 1u);
  EXPECT_EQ(kept.conflicts_size(), 0) << "they are not given back";
  WorkerRecord nobody = Record("w-4");
  *nobody.add_conflicts() = Miriam("");
  EXPECT_EQ(ReasonOf(Put(nobody)), Reason::kFieldInvalid) << "a name alone recognises nobody";
  WorkerRecord no_role = Record("w-5");
  no_role.add_roles(type::v1::WORKER_ROLE_UNSPECIFIED);
  EXPECT_EQ(ReasonOf(Put(no_role)), Reason::kFieldInvalid);
}

TEST_F(WorkersTest, ALeaversOpenWorkGoesToItsTeamInTheWriteThatEndsThem) {
  ASSERT_TRUE(Put(Record("boss")).ok());
  ASSERT_TRUE(Put(Record("w-1", {"north", "south"})).ok());
  ASSERT_TRUE(Put(Record("w-2", {})).ok());
  const std::string given = Deliver("request-1"), first = Deliver("request-2"), closed = Deliver("request-3"), other = Deliver("request-4");
  ASSERT_TRUE(Assign(given, "w-1", "south").ok());
  ASSERT_TRUE(Assign(first, "w-1").ok());
  ASSERT_TRUE(Assign(closed, "w-1").ok());
  ASSERT_TRUE(Assign(other, "w-2").ok());
  ASSERT_TRUE(idva.inbox->Read("read-0001", closed, Named("w-1")).ok());
  ASSERT_TRUE(idva.inbox->Act("decline-1", closed, Named("w-1"), type::v1::STATEMENT_KIND_DECLINED,
                              [](auto& statement) { statement.set_decline_reason(type::v1::DECLINE_REASON_OUT_OF_AREA); }).ok());
  const uint64_t writes = idva.disk.writes;
  const auto ended = End("w-1");
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(idva.disk.writes, writes + 1) << "one write";
  EXPECT_EQ(ended->returned, 2u);
  EXPECT_EQ(ended->left_at_ms, absl::ToUnixMillis(clock.Now()));
  for (const bool restarted : {false, true}) {
    if (restarted) idva.Restart();
    EXPECT_EQ(ReasonOf(workers().Check(Named("w-1"))), Reason::kWorkerLeft);
    EXPECT_EQ(Has(given), "/south");
    EXPECT_EQ(Has(first), "/north");
    EXPECT_EQ(Has(closed), "w-1/north") << "there is nothing left to do";
    EXPECT_EQ(Has(other), "w-2/");
  }
  const auto returned = idva.journal->List(0, 10, referral::ReferralName(given), "");
  EXPECT_EQ(returned->entries[0].act(), agency::v1::JOURNAL_ACT_RETURNED_TO_TEAM);
  EXPECT_EQ(returned->entries[0].other_worker(), "w-1");
  EXPECT_EQ(returned->entries[0].worker().pseudonym(), "boss");
  EXPECT_EQ(returned->entries[0].team(), "south");
  clock.Advance(absl::Hours(1));
  EXPECT_EQ(End("w-1")->left_at_ms, ended->left_at_ms) << "again: the first answer";
  EXPECT_EQ(End("w-1")->returned, 2u);
  ASSERT_TRUE(End("w-2").ok());
  EXPECT_EQ(Has(other), "-") << "there is no team";
}

TEST_F(WorkersTest, NothingIsGivenToWhoIsLeaving) {
  ASSERT_TRUE(Put(Record("boss")).ok());
  ASSERT_TRUE(Put(Record("w-1")).ok());
  const std::string held = Deliver("request-1"), late = Deliver("request-2");
  ASSERT_TRUE(Assign(held, "w-1").ok());
  const auto ended = workers().End("w-1", Named("boss"), [&](std::string_view) {
    EXPECT_EQ(ReasonOf(workers().Check(Named("w-1"))), Reason::kWorkerLeft);
    EXPECT_EQ(ReasonOf(Assign(late, "w-1")), Reason::kWorkerLeft);
    return true;
  });
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(Has(late), "-");
}

TEST_F(WorkersTest, ALeaverStaysRefusedWhenTheStoreFails) {
  ASSERT_TRUE(Put(Record("boss")).ok());
  ASSERT_TRUE(Put(Record("w-1")).ok());
  const std::string held = Deliver("request-1");
  ASSERT_TRUE(Assign(held, "w-1").ok());
  idva.disk.full = true;
  EXPECT_FALSE(End("w-1").ok());
  EXPECT_EQ(ReasonOf(workers().Check(Named("w-1"))), Reason::kWorkerLeft);
  idva.disk.full = false;
  idva.Restart();
  EXPECT_TRUE(workers().Check(Named("w-1")).ok()) << "nothing was written";
  EXPECT_EQ(Has(held), "w-1/north");
  EXPECT_TRUE(End("w-1").ok());
}

TEST_F(WorkersTest, WhoComesAgainBeginsWithNoWorkAndSomebodyAlwaysStays) {
  EXPECT_EQ(ReasonOf(End("w-1").status()), Reason::kWorkerNotKnown);
  ASSERT_TRUE(Put(Record("w-1")).ok());
  EXPECT_EQ(ReasonOf(End("w-1").status()), Reason::kTransitionIllegal) << "nobody could enrol anybody any more";
  EXPECT_TRUE(workers().Check(Named("w-1")).ok());
  ASSERT_TRUE(Put(Record("w-2")).ok());
  const std::string held = Deliver("request-1");
  ASSERT_TRUE(Assign(held, "w-1").ok());
  ASSERT_TRUE(End("w-1").ok());
  EXPECT_EQ(ReasonOf(End("w-2").status()), Reason::kTransitionIllegal);
  ASSERT_TRUE(Put(Record("w-1")).ok());
  EXPECT_TRUE(workers().Check(Named("w-1")).ok());
  EXPECT_EQ(Has(held), "/north");
  EXPECT_EQ(workers().List("", 10)[0].left_at_ms(), 0);
}

TEST_F(WorkersTest, GivesAReferralToWhoMayHaveIt) {
  const std::string digest = Deliver("request-1");
  EXPECT_TRUE(Assign(digest, "anybody", "anywhere").ok()) << "no register";
  ASSERT_TRUE(Put(Record("w-1")).ok());
  WorkerRecord kin = Record("w-2", {"south"});
  *kin.add_conflicts() = Miriam();
  ASSERT_TRUE(Put(kin).ok());
  EXPECT_EQ(ReasonOf(Assign(digest, "w-9")), Reason::kWorkerNotKnown);
  EXPECT_EQ(ReasonOf(Assign(digest, "w-2")), Reason::kWorkerBarred);
  EXPECT_EQ(ReasonOf(Assign(digest, "", "east")), Reason::kFieldInvalid) << "nobody's team";
  EXPECT_EQ(ReasonOf(Assign(digest, "", "South")), Reason::kFieldInvalid);
  EXPECT_EQ(Has(digest), "anybody/anywhere") << "refused: it stays";
  EXPECT_TRUE(Assign(digest, "w-1").ok());
  EXPECT_EQ(Has(digest), "w-1/north") << "the worker's first team";
  EXPECT_TRUE(Assign(digest, "w-1", "south").ok());
  EXPECT_EQ(Has(digest), "w-1/south");
  EXPECT_TRUE(Assign(digest, "", "south").ok());
  EXPECT_EQ(Has(digest), "/south");
  EXPECT_TRUE(Assign(digest, "").ok());
  EXPECT_EQ(Has(digest), "-");

  const auto people = *idva.inbox->People(digest);
  const auto ask = [&](const std::string& worker) { return workers().Assign("again-001", digest, Named("boss"), worker, "", people).status(); };
  EXPECT_TRUE(ask("w-1").ok());
  const size_t noted = idva.journal->List(0, 100, "", "w-1")->entries.size();
  clock.Advance(absl::Minutes(1));
  EXPECT_TRUE(ask("w-1").ok());
  EXPECT_EQ(idva.journal->List(0, 100, "", "w-1")->entries.size(), noted) << "again: nothing is done";
  EXPECT_EQ(ReasonOf(ask("")), Reason::kRequestIdReused);
}

TEST_F(WorkersTest, AConflictBarsFromTheSamePersonAndFromNobodyElse) {
  WorkerRecord record = Record("w-1");
  *record.add_conflicts() = Miriam();
  ASSERT_TRUE(Put(record).ok());
  ASSERT_TRUE(Put(Record("w-2")).ok());
  const auto barred = [&](const std::string& digest, const std::string& who = "w-1") { return workers().Bars(who, *idva.inbox->People(digest)); };
  type::v1::Person written_otherwise;
  written_otherwise.set_family_name("ASHDOWN");
  written_otherwise.set_given_names("miriam");
  written_otherwise.add_dates_of_birth("1990-02-03");
  const std::string same = Deliver("request-1"), otherwise = Deliver("request-2", written_otherwise), later_born = Deliver("request-3", Miriam("1991-02-04"));
  EXPECT_TRUE(barred(same));
  EXPECT_TRUE(barred(otherwise));
  EXPECT_FALSE(barred(later_born));
  EXPECT_FALSE(barred(same, "w-2"));
  EXPECT_FALSE(barred(same, "w-9"));
  storage::v1::StoredInboxPeople many = *idva.inbox->People(later_born);
  many.set_cut(true);
  EXPECT_TRUE(workers().Bars("w-1", many)) << "more people than are kept";
  EXPECT_FALSE(workers().Bars("w-2", many));
  EXPECT_TRUE(workers().Bars("w-1", storage::v1::StoredInboxPeople())) << "what cannot be compared";
}

TEST_F(WorkersTest, PeopleAnywhereInASectionCount) {
  Draft draft = SomeDraft();
  DraftSection family;
  family.category = type::v1::CATEGORY_CHILDREN;
  *family.content.mutable_children()->add_children()->mutable_person() = Miriam("2015-06-07");
  draft.sections.push_back(family);
  SignWithKnownCertificate();
  ASSERT_TRUE(police.outbox->Push(draft).ok());
  police.Settle();
  const auto delivery = DeliveryFor(idva);
  ASSERT_TRUE(idva.inbox->Receive(delivery).ok());
  WorkerRecord record = Record("w-1");
  *record.add_conflicts() = Miriam("2015-06-07");
  ASSERT_TRUE(Put(record).ok());
  EXPECT_TRUE(workers().Bars("w-1", *idva.inbox->People(referral::DigestOf(delivery.referral().header()))));
}

TEST_F(WorkersTest, WhatAWorkerMayNotKnowAboutAnyMoreGoesBack) {
  ASSERT_TRUE(Put(Record("w-1")).ok());
  const std::string hers = Deliver("request-1"), other = Deliver("request-2", Miriam("1991-02-04"));
  ASSERT_TRUE(Assign(hers, "w-1").ok());
  ASSERT_TRUE(Assign(other, "w-1").ok());
  WorkerRecord record = Record("w-1", {"south"});
  *record.add_conflicts() = Miriam();
  ASSERT_TRUE(Put(record).ok());
  EXPECT_EQ(Has(hers), "/north");
  EXPECT_EQ(Has(other), "w-1/north");
}

TEST_F(WorkersTest, ConflictsOutliveTheLinkageKey) {
  WorkerRecord record = Record("w-1");
  *record.add_conflicts() = Miriam();
  ASSERT_TRUE(Put(record).ok());
  const std::string before = Deliver("request-1");
  // Rotated: the earlier key stays in the configuration, long after it was last sent.
  idva.keys.earlier_linkage.push_back({"k1", crypto::SecretBytes(std::string(32, 'k')), absl::InfinitePast()});
  idva.keys.linkage_key_id = "k2";
  idva.keys.linkage_key = crypto::SecretBytes(std::string(32, 'n'));
  idva.Restart();
  const std::string after = Deliver("request-2");
  EXPECT_TRUE(workers().Bars("w-1", *idva.inbox->People(before)));
  EXPECT_TRUE(workers().Bars("w-1", *idva.inbox->People(after)));
  EXPECT_EQ(idva.inbox->People(after)->token_key(), "k2");
  // Without it nobody would be recognised: it does not start.
  idva.keys.earlier_linkage.clear();
  Workers forgetful(*idva.store, idva.keys, *idva.journal, clock);
  const absl::Status loaded = forgetful.Load();
  EXPECT_EQ(ReasonOf(loaded), Reason::kStoreCorrupt);
  EXPECT_EQ(DetailOf(loaded).metadata.at("token_key"), "k1");
}

TEST_F(WorkersTest, WhatCameBeforePeopleWereKeptIsOpenedForThem) {
  const std::string digest = Deliver("request-1");
  const auto kept = *idva.inbox->People(digest);
  accord::storage::Batch old;
  old.Delete(kFamilyInboxPeople, digest);
  ASSERT_TRUE(idva.store->Commit(old).ok());
  EXPECT_EQ(idva.inbox->People(digest)->SerializeAsString(), kept.SerializeAsString());
  EXPECT_TRUE((*idva.store->Get<storage::v1::StoredInboxPeople>(kFamilyInboxPeople, digest)).has_value()) << "and kept";
}

TEST_F(WorkersTest, AnErasureLeavesNothingOfWhomItWasAboutOrWhoHadIt) {
  ASSERT_TRUE(Put(Record("w-1")).ok());
  const std::string digest = Deliver("request-1");
  ASSERT_TRUE(Assign(digest, "w-1").ok());
  ASSERT_TRUE(*idva.inbox->Erase(digest, [](auto&, const auto&) {}));
  EXPECT_EQ(Has(digest), "-");
  for (const std::string_view family : {kFamilyInboxPeople, kFamilyAssignment}) {
    EXPECT_FALSE((*idva.store->raw().Get(family, digest)).has_value()) << family;
  }
  EXPECT_TRUE(absl::IsNotFound(idva.inbox->People(digest).status()));
  idva.Restart();
  EXPECT_EQ(Has(digest), "-");
}

TEST_F(WorkersTest, TheSamePutAgainChangesNothing) {
  const auto put = [&](const std::vector<std::string>& teams) {
    return workers().Put("same-0001", Record("w-1", teams), Named("boss"), [this](std::string_view digest) { return idva.inbox->People(digest); });
  };
  ASSERT_TRUE(put({"north"}).ok());
  const auto again = put({"south"});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->teams(0), "north") << "as it stands";
  EXPECT_EQ(idva.journal->List(0, 10, "", "w-1")->entries.size(), 1u);
}

}  // namespace
}  // namespace accord::agent::workers_test

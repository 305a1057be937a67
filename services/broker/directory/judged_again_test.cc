// What became, between the proposal of a change and its force, of the row that it replaces, of who is behind it and of whom it names.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accord/storage/v1/inspection.pb.h"
#include "common/base/status.h"
#include "services/broker/directory/change_parts.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/history.h"
#include "services/broker/directory/testing_directory.h"

namespace accord::broker::judged_again_test {
namespace {

using admin::v1::CHANGE_STATE_IN_FORCE;
using admin::v1::CHANGE_STATE_PROPOSED;
using admin::v1::CHANGE_STATE_WITHDRAWN;

class JudgedAgainTest : public DirectoryTest {
 protected:
  // A row is replaced a second after the last thing that was done.
  void MakeLater(const admin::v1::Change& change) {
    context_.time += absl::Seconds(1);
    Make(change);
  }
  void SetSuspended(const std::string& principal, bool suspended) {
    if (suspended) {
      context_.Put(kFamilySuspension, principal, storage::v1::StoredSuspension().SerializeAsString());
    } else {
      context_.Delete(kFamilySuspension, principal);
    }
    Publish();
  }
  static admin::v1::Change ConflictList(const std::string& of, const std::vector<std::string>& barred) {
    admin::v1::Change change;
    change.mutable_put_conflict_list()->set_agency(of);
    for (const std::string& one : barred) change.mutable_put_conflict_list()->add_workers(one);
    return change;
  }
  static admin::v1::Change Forum(const std::vector<std::string>& members, bool active = true) {
    admin::v1::Change change;
    auto& forum = *change.mutable_put_forum()->mutable_forum();
    forum.set_id("marac");
    for (const std::string& member : members) forum.add_members(member);
    forum.set_coordinator(members.front());
    forum.set_active(active);
    return change;
  }
  static admin::v1::Change Leave(const std::string& agency) {
    admin::v1::Change change;
    change.mutable_leave_agency()->set_agency(agency);
    return change;
  }
  // Of a change that waits: what its approver is shown, and after which others.
  ChangeDifferences Shown(uint64_t number) {
    storage::v1::StoredChange stored;
    EXPECT_TRUE(stored.ParseFromString((*context_.Get(kFamilyChange, KeyU64(number))).value_or("")));
    auto shown = DifferencesOfChange(context_, number, stored, context_.time);
    EXPECT_EQ(shown.status(), absl::OkStatus());
    return *std::move(shown);
  }
  static std::string StateIn(const absl::Status& status) {
    return HasReason(status, Reason::kTransitionIllegal) ? DetailOf(status).metadata["state"] : fmt::format("not refused so: {}", status.ToString());
  }
  std::string FieldOf(const admin::v1::Change& change) {
    const absl::Status status = Propose("alice", "field-0001", change, {.dry_run = true}).status();
    EXPECT_TRUE(status.ok() || HasReason(status, Reason::kFieldInvalid)) << status;
    return DetailOf(status).metadata["field"];
  }
  ProposeOptions From(absl::Time time) const { return {.effective_from_ms = absl::ToUnixMillis(time)}; }
};

TEST(PutKeyTest, HasItsGoldenBytes) { EXPECT_EQ(PutKey("agency/police"), "put/agency/police"); }

// alice puts a telephone number right; before bob comes to it a lost key is replaced. Her row has the old key.
TEST_F(JudgedAgainTest, AnApprovalDoesNotUndoWhatWasApprovedSinceTheProposal) {
  auto police = Agency("police");
  OpenLog({PutAgency(police), PutAgency(Agency("idva"))});
  auto with_telephone = police;
  with_telephone.set_duty_telephone("0300 000 0000");
  const auto telephone = Propose("alice", "request-1", PutAgency(with_telephone));
  const auto leave = Propose("alice", "request-2", Leave("police"));
  const auto another = Propose("alice", "request-3", PutAgency(Agency("idva")));
  police.set_sealing_certificate(authority_.IssueSealing("police").certificate.der());
  MakeLater(PutAgency(police));

  const absl::Status refused = Approve("bob", "request-4", *telephone).status();
  EXPECT_EQ(StateIn(refused), "replaced");
  EXPECT_EQ(DetailOf(refused).metadata["change"], fmt::to_string(*another + 1)) << "the one to look at";
  EXPECT_EQ(holder_.Get()->FindAgency("police")->agency.sealing_certificate(), police.sealing_certificate());
  EXPECT_EQ(StateOfChange(*telephone), CHANGE_STATE_PROPOSED) << "to be withdrawn by a person, or to expire";
  EXPECT_TRUE(Approve("bob", "request-5", *another).ok()) << "another row";
  // Begun from what stands now it is taken; of the same moment it is begun from that too.
  with_telephone.set_sealing_certificate(police.sealing_certificate());
  Make(PutAgency(with_telephone));
  EXPECT_EQ(holder_.Get()->FindAgency("police")->agency.duty_telephone(), "0300 000 0000");
  EXPECT_TRUE(Approve("bob", "request-6", *leave).ok()) << "who leaves takes the row as it stands";
}

// Who approves what comes between is told which of the planned ones goes for it.
TEST_F(JudgedAgainTest, WhoApprovesIsToldWhatWillBeWithdrawn) {
  OpenLog({PutAgency(Agency("police"))});
  const absl::Time april = context_.time + absl::Hours(48), may = april + absl::Hours(48);
  const auto for_may = Propose("alice", "request-1", ConflictList("police", {"pc-1"}), From(may));
  const auto leaves = Propose("alice", "request-2", Leave("police"), From(may));
  ASSERT_TRUE(Approve("bob", "request-1", *for_may).ok());
  ASSERT_TRUE(Approve("bob", "request-2", *leaves).ok());
  context_.time += absl::Seconds(1);
  const auto for_april = Propose("alice", "request-3", ConflictList("police", {"pc-2"}), From(april));
  const auto taken_back = Propose("alice", "request-4", ConflictList("police", {}), From(april));
  EXPECT_THAT(Shown(*for_april).withdrawn, testing::ElementsAre(*for_may));
  EXPECT_THAT(Shown(*Propose("alice", "request-5", PutAgency(Agency("police")))).withdrawn, testing::IsEmpty()) << "who leaves takes the row as it stands";
  ASSERT_TRUE(Withdraw("alice", "request-6", *taken_back).ok());
  EXPECT_THAT(Shown(*taken_back).withdrawn, testing::IsEmpty()) << "it comes to nothing";
  context_.time += absl::Seconds(1);
  ASSERT_TRUE(Approve("bob", "request-3", *for_april).ok());
  EXPECT_THAT(Shown(*for_april).withdrawn, testing::ElementsAre(*for_may));
  At(april);
  EXPECT_EQ(StateOfChange(*for_april), CHANGE_STATE_IN_FORCE);
  EXPECT_THAT(Shown(*for_april).withdrawn, testing::IsEmpty()) << "it is in force";
  At(may);
  EXPECT_EQ(StateOfChange(*for_may), CHANGE_STATE_WITHDRAWN);
}

// A dismissal is not undone by what two approved in January for April.
TEST_F(JudgedAgainTest, WhatWaitsIsWithdrawnWhenItsRowWasReplacedMeanwhile) {
  OpenLog({PutAgency(Agency("police")), PutAgency(Agency("idva"))});
  Make(PutOfficer("carol", {}));
  Make(PutOfficer("dave", {}));
  const absl::Time from = context_.time + absl::Hours(48);
  struct Case {
    admin::v1::Change waits, meanwhile;
  };
  const std::vector<Case> cases = {{PutOfficer("carol", {options::v1::OFFICER_ROLE_APPROVER}), PutOfficer("carol", {}, /*active=*/false)},
                                   {ConflictList("police", {"pc-1"}), ConflictList("police", {"pc-1", "pc-2"})},
                                   {Forum({"police"}), Forum({"police", "idva"})},
                                   {PutAgency(Agency("idva")), PutAgency(Agency("idva"))}};
  std::vector<uint64_t> numbers;
  for (const Case& one : cases) {
    const std::string request = fmt::format("request-{}", numbers.size());
    const auto number = Propose("alice", request, one.waits, From(from));
    ASSERT_EQ(number.status(), absl::OkStatus());
    ASSERT_EQ(Approve("dave", request, *number).status(), absl::OkStatus());
    numbers.push_back(*number);
  }
  for (const Case& one : cases) MakeLater(one.meanwhile);
  const auto stands = Propose("alice", "request-stands", ConflictList("idva", {"worker-1"}), From(from));
  ASSERT_TRUE(Approve("dave", "request-stands", *stands).ok());
  At(from);
  for (const uint64_t number : numbers) EXPECT_EQ(StateOfChange(number), CHANGE_STATE_WITHDRAWN) << number;
  EXPECT_EQ(StateOfChange(*stands), CHANGE_STATE_IN_FORCE);
  EXPECT_FALSE(holder_.Get()->FindOfficer(false, "carol")->active());
  EXPECT_TRUE(holder_.Get()->IsBarred("police", "pc-2"));
}

TEST_F(JudgedAgainTest, WhatIsPlannedOneAfterTheOtherComesIntoForceInTurn) {
  OpenLog({PutAgency(Agency("police"))});
  const absl::Time april = context_.time + absl::Hours(48), may = april + absl::Hours(48);
  // One after the other, as an area plans its year: who proposes the second knows of the first.
  const auto first = Propose("alice", "request-1", ConflictList("police", {"pc-1"}), From(april));
  context_.time += absl::Seconds(1);
  ASSERT_TRUE(Approve("bob", "request-1", *first).ok());
  const auto second = Propose("alice", "request-2", ConflictList("police", {"pc-1", "pc-2"}), From(may));
  context_.time += absl::Seconds(1);
  ASSERT_TRUE(Approve("bob", "request-2", *second).ok());
  At(april);
  EXPECT_EQ(StateOfChange(*first), CHANGE_STATE_IN_FORCE);
  At(may);
  EXPECT_EQ(StateOfChange(*second), CHANGE_STATE_IN_FORCE);
}

// Two changes of one row that both wait: who approves the later sees what it does to the earlier.
TEST_F(JudgedAgainTest, TheLaterOfTwoThatWaitIsShownAgainstTheEarlier) {
  auto police = Agency("police");
  OpenLog({PutAgency(police)});
  const absl::Time april = context_.time + absl::Hours(48), may = april + absl::Hours(48);
  auto renamed = police, moved = police;
  renamed.set_duty_telephone("0300 000 0001");
  moved.add_areas("E06000001");  // Begun from what stands today: it has the old telephone.
  const auto first = Propose("alice", "request-1", PutAgency(renamed), From(april));
  context_.time += absl::Seconds(1);
  const auto unapproved = Propose("alice", "request-2", PutAgency(moved), From(may));
  EXPECT_EQ(Shown(*unapproved).fields.size(), 1u) << "nothing is planned: what is proposed may come to nothing";
  EXPECT_THAT(Shown(*unapproved).planned, testing::IsEmpty());
  ASSERT_TRUE(Approve("bob", "request-1", *first).ok());
  context_.time += absl::Seconds(1);
  const auto second = Propose("alice", "request-3", PutAgency(moved), From(may));
  const auto shown = Shown(*second);
  EXPECT_THAT(shown.planned, testing::ElementsAre(*first));
  ASSERT_EQ(shown.fields.size(), 2u);
  EXPECT_EQ(shown.fields[0].field(), "agency.areas");
  EXPECT_EQ(shown.fields[1].field(), "agency.duty_telephone");
  EXPECT_EQ(shown.fields[1].before(), "0300 000 0001");
  EXPECT_EQ(shown.fields[1].after(), police.duty_telephone());
  const auto at_once = Propose("alice", "request-4", PutAgency(moved));
  EXPECT_EQ(Shown(*at_once).fields.size(), 1u) << "it comes into force before the other";
  EXPECT_THAT(Shown(*at_once).planned, testing::IsEmpty());
  EXPECT_THAT(Shown(*at_once).withdrawn, testing::ElementsAre(*first)) << "what is only proposed is told to whoever approves that";
  EXPECT_THAT(shown.withdrawn, testing::IsEmpty());
  const auto leaves = Propose("alice", "request-5", Leave("police"), From(may));
  ASSERT_EQ(Shown(*leaves).fields.size(), 1u);
  EXPECT_EQ(Shown(*leaves).fields[0].field(), "agency.active");
  EXPECT_THAT(Shown(*leaves).planned, testing::ElementsAre(*first));

  ASSERT_TRUE(Approve("bob", "request-3", *second).ok()) << "its approver has seen it";
  EXPECT_THAT(Shown(*at_once).withdrawn, testing::ElementsAre(*first, *second));
  EXPECT_THAT(Shown(*first).withdrawn, testing::IsEmpty()) << "the second was proposed when this was approved";
  EXPECT_THAT(Shown(*second).planned, testing::ElementsAre(*first));
  At(april);
  ASSERT_EQ(StateOfChange(*first), CHANGE_STATE_IN_FORCE);
  EXPECT_THAT(Shown(*second).planned, testing::IsEmpty());
  EXPECT_EQ(Shown(*second).fields.size(), 2u) << "the same, from what stands now";
  At(may);
  EXPECT_EQ(StateOfChange(*second), CHANGE_STATE_IN_FORCE);
}

TEST_F(JudgedAgainTest, WhatASuspendedOfficerIsBehindDoesNotStand) {
  OpenLog({});
  Make(PutOfficer("carol", {}));
  const absl::Time from = context_.time + absl::Hours(48);
  const auto at_once = Propose("carol", "request-1", PutAgency(Agency("police")));
  const auto approved = Propose("alice", "request-2", PutAgency(Agency("idva")), From(from));
  const auto proposed = Propose("carol", "request-3", PutAgency(Agency("health")), From(from));
  const auto forgiven = Propose("carol", "request-4", PutAgency(Agency("housing")), From(from - absl::Hours(1)));
  ASSERT_TRUE(Approve("carol", "request-5", *approved).ok());
  ASSERT_TRUE(Approve("bob", "request-6", *proposed).ok());
  ASSERT_TRUE(Approve("bob", "request-7", *forgiven).ok());
  SetSuspended("admin/carol", true);
  const absl::Status refused = Approve("bob", "request-8", *at_once).status();
  EXPECT_EQ(StateIn(refused), "suspended");
  EXPECT_EQ(DetailOf(refused).metadata["principal"], "admin/carol");
  SetSuspended("admin/carol", false);
  At(from - absl::Hours(1));
  EXPECT_EQ(StateOfChange(*forgiven), CHANGE_STATE_IN_FORCE) << "let in again before its time";
  SetSuspended("admin/carol", true);
  At(from);
  EXPECT_EQ(StateOfChange(*approved), CHANGE_STATE_WITHDRAWN);
  EXPECT_EQ(StateOfChange(*proposed), CHANGE_STATE_WITHDRAWN);
  EXPECT_EQ(holder_.Get()->agencies().size(), 1u);
  SetSuspended("admin/carol", false);
  EXPECT_TRUE(Approve("bob", "request-9", *at_once).ok());
}

TEST_F(JudgedAgainTest, WhoStandsInIsActiveWhenItIsNamed) {
  OpenLog({PutAgency(Agency("police")), PutAgency(Agency("idva")), PutAgency(Agency("health"))});
  auto police = Agency("police");
  police.set_deputy("idva");
  const absl::Time from = context_.time + absl::Hours(48);
  const auto waits = Propose("alice", "request-1", PutAgency(police), From(from));
  ASSERT_TRUE(Approve("bob", "request-1", *waits).ok());
  Make(Leave("idva"));
  EXPECT_EQ(FieldOf(PutAgency(police)), "agency.deputy");
  At(from);
  EXPECT_EQ(StateOfChange(*waits), CHANGE_STATE_WITHDRAWN) << "its deputy has left";
  police.clear_deputy();
  police.set_duty_recipient("idva");
  EXPECT_EQ(FieldOf(PutAgency(police)), "agency.duty_recipient");
  police.set_active(false);
  EXPECT_EQ(FieldOf(PutAgency(police)), "") << "of who rests itself nobody asks anything";

  // Who stands in and comes to rest later keeps no other change of the row out, but is not named anew.
  police.set_active(true);
  police.set_duty_recipient("health");
  Make(PutAgency(police));
  auto health = Agency("health");
  health.set_active(false);
  Make(PutAgency(health));
  police.set_duty_telephone("0300 000 0000");
  EXPECT_EQ(FieldOf(PutAgency(police)), "");
  police.set_deputy("health");
  EXPECT_EQ(FieldOf(PutAgency(police)), "agency.deputy");
  auto housing = Agency("housing");
  housing.set_duty_recipient("health");
  EXPECT_EQ(FieldOf(PutAgency(housing)), "agency.duty_recipient");
}

TEST_F(JudgedAgainTest, NobodyIsPutOnAForumWhoIsNotActive) {
  OpenLog({PutAgency(Agency("police")), PutAgency(Agency("idva"))});
  const absl::Time from = context_.time + absl::Hours(48);
  const auto waits = Propose("alice", "request-1", Forum({"police", "idva"}), From(from));
  ASSERT_TRUE(Approve("bob", "request-1", *waits).ok());
  Make(Leave("idva"));
  EXPECT_EQ(FieldOf(Forum({"police", "idva"})), "forum.members");
  EXPECT_EQ(FieldOf(Forum({"police"})), "");
  EXPECT_EQ(FieldOf(Forum({"police", "idva"}, /*active=*/false)), "") << "it does not sit";
  At(from);
  EXPECT_EQ(StateOfChange(*waits), CHANGE_STATE_WITHDRAWN);
  sources_.forums["marac"].members = {"police", "idva"};
  EXPECT_EQ(FieldOf(Forum({"police", "idva"})), "") << "it sits there already";
}

TEST_F(JudgedAgainTest, TheListOfAdministratorsNamesAdministrators) {
  OpenLog({PutAgency(Agency("police"))});
  auto ines = PutOfficer("ines", {});
  ines.mutable_put_officer()->set_inspector(true);
  Make(ines);
  Make(PutOfficer("gone", {}, /*active=*/false));
  for (const std::string slip : {"admin/alice", "alcie", "Alice", "ines"}) EXPECT_EQ(FieldOf(ConflictList("administrators", {slip})), "conflict_list.workers") << slip;
  EXPECT_EQ(FieldOf(ConflictList("administrators", {"alice", "gone"})), "");
  EXPECT_EQ(FieldOf(ConflictList("police", {"pc-1"})), "") << "whom an agency lists it knows itself";
  EXPECT_EQ(FieldOf(PutOfficer("broker", {})), "officer.id") << "what the broker did itself bears that name";
}

// Of two administrators one would be shut out until then, and the other could not undo it alone.
TEST_F(JudgedAgainTest, AValidFromIsNotToCome) {
  OpenLog({PutAgency(Agency("police"))});
  auto bob = PutOfficer("bob", {});
  bob.mutable_put_officer()->set_valid_from_ms(absl::ToUnixMillis(context_.time + kValidFromAheadMax));
  EXPECT_EQ(FieldOf(bob), "");
  bob.mutable_put_officer()->set_valid_from_ms(bob.put_officer().valid_from_ms() + 1);
  EXPECT_EQ(FieldOf(bob), "officer.valid_from_ms");
  EXPECT_TRUE(Propose("alice", "request-1", bob, From(context_.time + absl::Hours(1))).ok()) << "it is past when that comes into force";
  auto police = Agency("police");
  police.set_valid_from_ms(bob.put_officer().valid_from_ms());
  EXPECT_EQ(FieldOf(PutAgency(police)), "agency.valid_from_ms");
}

TEST_F(JudgedAgainTest, WhatThisVersionDoesNotKnowIsNotKeptForTheNext) {
  OpenLog({});
  auto change = PutAgency(Agency("police"));
  auto& agency = *change.mutable_put_agency()->mutable_agency();
  agency.GetReflection()->MutableUnknownFields(&agency)->AddVarint(999, 1);
  EXPECT_EQ(FieldOf(change), "change");
  agency.DiscardUnknownFields();
  EXPECT_EQ(FieldOf(change), "");
}

TEST_F(JudgedAgainTest, ARepeatDoesNotShowWhatIsKeptFromAnAdministratorSince) {
  OpenLog({});
  for (const std::string id : {"carol", "dave"}) Make(PutOfficer(id, {}));
  const auto others = Propose("dave", "request-1", ConflictList("administrators", {"bob"}));
  const auto own = Propose("carol", "request-2", ConflictList("administrators", {}));
  ASSERT_TRUE(Approve("carol", "request-3", *others).ok());
  ASSERT_TRUE(Approve("carol", "request-3", *others)->repeated);
  // bob is on the list by now, so that others put her there.
  const auto list = Propose("alice", "request-4", ConflictList("administrators", {"carol"}));
  ASSERT_TRUE(Approve("dave", "request-4", *list).ok());
  EXPECT_TRUE(HasReason(Approve("carol", "request-3", *others).status(), Reason::kNotPermitted));
  EXPECT_TRUE(Propose("carol", "request-2", ConflictList("administrators", {})).ok()) << "her own words";
  EXPECT_TRUE(own.ok());
}

}  // namespace
}  // namespace accord::broker::judged_again_test

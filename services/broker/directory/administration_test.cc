// Roles, suspension, the life of a change, maintenance and the directory as it was: what administrators do, as commands over a map.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accord/storage/v1/inspection.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/history.h"
#include "services/broker/directory/maintenance.h"
#include "services/broker/directory/suspension.h"
#include "services/broker/directory/testing_directory.h"

namespace accord::broker::administration_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace options::v1;  // NOLINT: roles.
using admin::v1::CHANGE_STATE_APPROVED;
using admin::v1::CHANGE_STATE_EXPIRED;
using admin::v1::CHANGE_STATE_IN_FORCE;
using admin::v1::CHANGE_STATE_PROPOSED;
using admin::v1::CHANGE_STATE_WITHDRAWN;

class AdministrationTest : public DirectoryTest {
 protected:
  absl::StatusOr<uint64_t> Suspend(const std::string& who, const std::string& request, const std::string& principal,
                                   admin::v1::SuspensionReason reason = admin::v1::SUSPENSION_REASON_COMPROMISED) {
    absl::StatusOr<uint64_t> result = absl::UnknownError("no answer");
    SuspensionCommand command(holder_, {who, std::string(32, 'c')}, request, principal, reason,
                              [&](const SuspensionAct& act) {
                                told_.push_back(fmt::format("{} {} at {} by entry {}", act.principal, admin::v1::SuspensionReason_Name(act.reason), absl::ToUnixMillis(act.time), act.index));
                              },
                              [&](const auto& index) { result = index; });
    const absl::Status status = command.Apply(context_);
    if (status.ok()) command.Published();
    command.Done(status.ok() ? absl::StatusOr<Committed>(Committed{}) : status);
    if (status.ok()) Publish();
    return result;
  }
  absl::StatusOr<uint64_t> Reinstate(const std::string& who, const std::string& request, const std::string& principal) {
    return Suspend(who, request, principal, admin::v1::SUSPENSION_REASON_UNSPECIFIED);
  }
  absl::StatusOr<uint64_t> Maintain(const std::string& who, const std::string& request, bool on, absl::Time until = absl::UnixEpoch()) {
    absl::StatusOr<uint64_t> result = absl::UnknownError("no answer");
    SetMaintenanceCommand command(holder_, {who, std::string(32, 'c')}, request, on, absl::ToUnixMillis(until), [&](const auto& index) { result = index; });
    const absl::Status status = command.Apply(context_);
    command.Done(status.ok() ? absl::StatusOr<Committed>(Committed{}) : status);
    return result;
  }
  absl::Status CheckCall(options::v1::Caller caller, const std::string& id) const {
    return CheckPrincipal(*holder_.Get(), {.kind = caller, .id = id, .certificate = std::string(32, 'a'), .public_key_id = std::string(32, 'b'),
                                           .not_before = absl::UnixEpoch()});
  }
  admin::v1::Change Hold() const {
    admin::v1::Change change;
    change.mutable_lift_hold()->set_id("inquest-1");
    return change;
  }
  const EntryDraft& LastEntry() const { return context_.entries.back(); }

  std::vector<std::string> told_;  // Of suspensions.
};

TEST_F(AdministrationTest, WhoHasNoRoleHasThoseOfOld) {
  storage::v1::StoredOfficer officer;
  EXPECT_EQ(RolesOf(officer), (Roles{OFFICER_ROLE_ADMINISTRATOR, OFFICER_ROLE_APPROVER, OFFICER_ROLE_DATA_PROTECTION_OFFICER}));
  officer.add_roles(OFFICER_ROLE_AUDITOR);
  EXPECT_EQ(RolesOf(officer), Roles{OFFICER_ROLE_AUDITOR});
}

TEST_F(AdministrationTest, ARoleMayDoWhatItIsForAndNoMore) {
  admin::v1::Change agency = PutAgency(Agency("police"));
  const auto refused = [](const absl::Status& status) { return HasReason(status, Reason::kRoleNotAllowed); };
  EXPECT_EQ(CheckMayPropose({OFFICER_ROLE_ADMINISTRATOR}, agency), absl::OkStatus());
  EXPECT_EQ(CheckMayPropose({OFFICER_ROLE_ADMINISTRATOR}, Hold()), absl::OkStatus());
  EXPECT_EQ(CheckMayPropose({OFFICER_ROLE_DATA_PROTECTION_OFFICER}, Hold()), absl::OkStatus());
  EXPECT_TRUE(refused(CheckMayPropose({OFFICER_ROLE_DATA_PROTECTION_OFFICER}, agency)));
  EXPECT_TRUE(refused(CheckMayPropose({OFFICER_ROLE_APPROVER, OFFICER_ROLE_AUDITOR, OFFICER_ROLE_OPERATOR}, agency)));
  EXPECT_EQ(CheckMayApprove({OFFICER_ROLE_APPROVER}, agency), absl::OkStatus());
  EXPECT_EQ(CheckMayApprove({OFFICER_ROLE_DATA_PROTECTION_OFFICER}, Hold()), absl::OkStatus());
  EXPECT_TRUE(refused(CheckMayApprove({OFFICER_ROLE_DATA_PROTECTION_OFFICER}, agency)));
  EXPECT_TRUE(refused(CheckMayApprove({OFFICER_ROLE_ADMINISTRATOR}, agency)));

  OpenLog({});
  Make(PutOfficer("dora", {OFFICER_ROLE_DATA_PROTECTION_OFFICER}));
  Make(PutOfficer("adam", {OFFICER_ROLE_ADMINISTRATOR}));
  EXPECT_TRUE(refused(Propose("dora", "request-1", agency).status()));
  const auto number = Propose("adam", "request-2", agency);
  ASSERT_TRUE(number.ok());
  Make(PutOfficer("eve", {OFFICER_ROLE_ADMINISTRATOR}));
  EXPECT_TRUE(refused(Approve("eve", "request-3", *number).status())) << "who proposes does not approve";
  EXPECT_EQ(Approve("bob", "request-4", *number).status(), absl::OkStatus());
}

TEST_F(AdministrationTest, OfficersKeepWhatTheyAreEnrolledWith) {
  OpenLog({});
  auto inspector = PutOfficer("ines", {});
  inspector.mutable_put_officer()->set_inspector(true);
  inspector.mutable_put_officer()->set_inspectorate("ofsted");
  const auto sealing = authority_.Issue({.common_name = "ines", .uris = {crypto::testing::SpiffeId("inspector/ines/sealing")}, .key_usage = crypto::kKeyAgreement});
  inspector.mutable_put_officer()->set_sealing_certificate(sealing.certificate.der());
  Make(inspector);
  const auto* kept = holder_.Get()->FindOfficer(true, "ines");
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->inspectorate(), "ofsted");
  EXPECT_EQ(kept->sealing_certificate(), sealing.certificate.der());

  const auto field_of = [&](const admin::v1::Change& change) { return DetailOf(Propose("alice", "request-9", change).status()).metadata["field"]; };
  auto wrong = inspector;
  wrong.mutable_put_officer()->add_roles(OFFICER_ROLE_AUDITOR);
  EXPECT_EQ(field_of(wrong), "officer.roles");
  wrong = inspector;
  wrong.mutable_put_officer()->set_inspectorate("Ofsted!");
  EXPECT_EQ(field_of(wrong), "officer.inspectorate");
  wrong = inspector;
  wrong.mutable_put_officer()->set_id("other");
  EXPECT_EQ(field_of(wrong), "officer.sealing_certificate") << "it names somebody else";
  wrong = PutOfficer("carol", {OFFICER_ROLE_AUDITOR, OFFICER_ROLE_AUDITOR});
  EXPECT_EQ(field_of(wrong), "officer.roles");
  wrong = PutOfficer("carol", {OFFICER_ROLE_UNSPECIFIED});
  EXPECT_EQ(field_of(wrong), "officer.roles");
  wrong = PutOfficer("carol", {});
  wrong.mutable_put_officer()->set_inspectorate("ofsted");
  EXPECT_EQ(field_of(wrong), "officer.inspectorate");
}

TEST_F(AdministrationTest, OneWhoProposesAndAnotherWhoApprovesRemain) {
  OpenLog({});
  Make(PutOfficer("carol", {OFFICER_ROLE_AUDITOR}));
  const auto refused = [&](const admin::v1::Change& change) {
    return HasReason(Propose("alice", "refused-1", change, {.dry_run = true}).status(), Reason::kLastAdministrator);
  };
  EXPECT_TRUE(refused(PutOfficer("bob", {OFFICER_ROLE_OPERATOR}))) << "nobody would be left beside alice";
  EXPECT_FALSE(refused(PutOfficer("bob", {OFFICER_ROLE_APPROVER})));
  Make(PutOfficer("carol", {OFFICER_ROLE_APPROVER}));
  EXPECT_FALSE(refused(PutOfficer("bob", {OFFICER_ROLE_OPERATOR})));
  EXPECT_FALSE(refused(PutOfficer("alice", {OFFICER_ROLE_APPROVER}))) << "bob proposes still";
  Make(PutOfficer("bob", {OFFICER_ROLE_APPROVER}));
  EXPECT_TRUE(refused(PutOfficer("alice", {OFFICER_ROLE_APPROVER}))) << "nobody would propose any more";
  // Who is suspended does not count.
  ASSERT_TRUE(Suspend("alice", "suspend-1", "admin/carol").ok());
  EXPECT_TRUE(HasReason(Suspend("alice", "suspend-2", "admin/bob").status(), Reason::kLastAdministrator));
  EXPECT_TRUE(refused(PutOfficer("bob", {OFFICER_ROLE_OPERATOR})));
}

TEST_F(AdministrationTest, ASuspendedPrincipalIsShutOutAtOnceUntilAnotherLetsItIn) {
  OpenLog({PutAgency(Agency("police"))});
  Make(PutOfficer("carol", {}));
  const Epochs before = context_.current;
  const auto index = Suspend("carol", "suspend-1", "agency/police");
  ASSERT_TRUE(index.ok());
  EXPECT_EQ(context_.current.directory, before.directory + 1) << "streams are ended by it";
  EXPECT_EQ(LastEntry().event.type(), type::v1::EVENT_TYPE_PRINCIPAL_SUSPENDED);
  EXPECT_EQ(LastEntry().event.concerns(), "agency/police");
  EXPECT_EQ(LastEntry().event.why(), "SUSPENSION_REASON_COMPROMISED");
  EXPECT_EQ(LastEntry().actor->principal(), "admin/carol");
  const absl::Status shut_out = CheckCall(CALLER_AGENCY, "police");
  EXPECT_TRUE(HasReason(shut_out, Reason::kPrincipalUnknown));
  const std::string since = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", context_.time, absl::UTCTimeZone());
  EXPECT_THAT(DetailOf(shut_out).metadata, ::testing::UnorderedElementsAre(::testing::Pair("principal", "agency/police"), ::testing::Pair("state", "suspended"),
                                                                          ::testing::Pair("reason", "SUSPENSION_REASON_COMPROMISED"), ::testing::Pair("at", since)));
  const std::string told = fmt::format("agency/police SUSPENSION_REASON_COMPROMISED at {} by entry {}", absl::ToUnixMillis(context_.time), *index);
  EXPECT_THAT(told_, ElementsAre(told));
  EXPECT_NE(holder_.Get()->FindActiveAgency("police"), nullptr) << "what is sent to it waits for it";

  // A repeat, and the same again under another id, are answered and write nothing.
  const size_t entries = context_.entries.size();
  EXPECT_EQ(*Suspend("carol", "suspend-1", "agency/police"), *index);
  EXPECT_EQ(*Suspend("alice", "suspend-2", "agency/police"), *index);
  EXPECT_EQ(context_.entries.size(), entries);
  EXPECT_THAT(told_, ElementsAre(told)) << "nor are they told again";
  EXPECT_TRUE(HasReason(Suspend("carol", "suspend-1", "admin/bob").status(), Reason::kRequestIdReused));
  EXPECT_TRUE(Suspend("alice", "suspend-3", "agency/police", admin::v1::SUSPENSION_REASON_FAULT).ok());
  EXPECT_EQ(context_.entries.size(), entries + 1) << "for another reason it is another act";
  EXPECT_EQ(DetailOf(CheckCall(CALLER_AGENCY, "police")).metadata["reason"], "SUSPENSION_REASON_FAULT");

  ASSERT_TRUE(Reinstate("bob", "back-0001", "agency/police").ok());
  EXPECT_EQ(LastEntry().event.type(), type::v1::EVENT_TYPE_PRINCIPAL_REINSTATED);
  ASSERT_EQ(told_.size(), 3u);
  EXPECT_THAT(told_.back(), ::testing::StartsWith("agency/police SUSPENSION_REASON_UNSPECIFIED at "));
  EXPECT_EQ(CheckCall(CALLER_AGENCY, "police"), absl::OkStatus());
  EXPECT_TRUE(HasReason(Reinstate("bob", "back-0002", "agency/police").status(), Reason::kTransitionIllegal));
  for (const std::string nobody : {"agency/nobody", "admin/police", "inspector/alice"}) {
    EXPECT_TRUE(HasReason(Suspend("bob", "nobody-" + nobody, nobody).status(), Reason::kPrincipalNotFound)) << nobody;
  }
  for (const std::string wrong : {"police", "agency/", "broker/broker", "admin/Alice", "admin/bob"}) {
    EXPECT_TRUE(HasReason(Suspend("bob", "wrong-" + wrong, wrong).status(), Reason::kFieldInvalid)) << wrong;
  }
}

TEST_F(AdministrationTest, ASuspendedOfficerCanDoNothingNotEvenWhatItAskedForBefore) {
  OpenLog({});
  Make(PutOfficer("carol", {}));
  const auto number = Propose("alice", "request-1", PutAgency(Agency("police")));
  ASSERT_TRUE(Suspend("alice", "suspend-1", "admin/carol").ok());
  EXPECT_TRUE(HasReason(CheckCall(CALLER_ADMIN, "carol"), Reason::kPrincipalUnknown));
  EXPECT_TRUE(HasReason(Approve("carol", "request-2", *number).status(), Reason::kPrincipalUnknown));
  EXPECT_TRUE(HasReason(Propose("carol", "request-3", PutAgency(Agency("police"))).status(), Reason::kPrincipalUnknown));
  EXPECT_TRUE(HasReason(Reinstate("carol", "back-0001", "admin/carol").status(), Reason::kPrincipalUnknown));
  EXPECT_TRUE(HasReason(Maintain("carol", "maintain-1", true).status(), Reason::kPrincipalUnknown));
  EXPECT_TRUE(Reinstate("bob", "back-0002", "admin/carol").ok());
  EXPECT_TRUE(Approve("carol", "request-4", *number).ok());
}

TEST_F(AdministrationTest, AProposalExpiresWithAnEntryWhenNobodyApprovesIt) {
  OpenLog({});
  const absl::Time proposed = context_.time;
  const auto number = Propose("alice", "request-1", PutAgency(Agency("police")));
  const auto other = Propose("alice", "request-2", PutAgency(Agency("idva")));
  At(proposed + kChangeApprovalTime - absl::Milliseconds(1));
  EXPECT_EQ(StateOfChange(*number), CHANGE_STATE_PROPOSED);
  EXPECT_TRUE(Approve("bob", "request-3", *other).ok()) << "to the last moment";
  EXPECT_FALSE(due_.contains(*other));
  context_.time = proposed + kChangeApprovalTime;
  EXPECT_TRUE(HasReason(Approve("bob", "request-4", *number).status(), Reason::kChangeExpired)) << "even before the broker came to it";
  At(context_.time);
  EXPECT_EQ(StateOfChange(*number), CHANGE_STATE_EXPIRED);
  EXPECT_EQ(LastEntry().event.type(), type::v1::EVENT_TYPE_CHANGE_WITHDRAWN);
  EXPECT_EQ(LastEntry().actor->principal(), "broker");
  EXPECT_TRUE(HasReason(Approve("bob", "request-5", *number).status(), Reason::kChangeExpired));
  EXPECT_TRUE(HasReason(Withdraw("alice", "request-6", *number).status(), Reason::kTransitionIllegal));
  const size_t entries = context_.entries.size();
  EXPECT_EQ(ActOnChange(context_, rules_, *number), absl::OkStatus());
  EXPECT_EQ(context_.entries.size(), entries) << "once";
}

TEST_F(AdministrationTest, ChangesFromBeforeTheyCouldExpireStandAsTheyDid) {
  storage::v1::StoredChange stored;
  stored.set_proposed_by("alice");
  EXPECT_EQ(StateOf(stored, absl::InfiniteFuture() - absl::Hours(1)), CHANGE_STATE_PROPOSED);
  stored.set_approved_by("bob");
  EXPECT_EQ(StateOf(stored, absl::UnixEpoch()), CHANGE_STATE_IN_FORCE);
}

TEST_F(AdministrationTest, AChangeIsTakenBackByItsProposerOrRejectedByWhoMayApprove) {
  OpenLog({});
  Make(PutOfficer("adam", {OFFICER_ROLE_ADMINISTRATOR}));
  const auto mine = Propose("adam", "request-1", PutAgency(Agency("police")));
  const auto another = Propose("alice", "request-2", PutAgency(Agency("idva")));
  EXPECT_TRUE(HasReason(Withdraw("adam", "request-3", *another).status(), Reason::kRoleNotAllowed));
  ASSERT_TRUE(Withdraw("adam", "request-4", *mine).ok());
  EXPECT_EQ(LastEntry().event.type(), type::v1::EVENT_TYPE_CHANGE_WITHDRAWN);
  EXPECT_EQ(LastEntry().actor->principal(), "admin/adam");
  EXPECT_EQ(StateOfChange(*mine), CHANGE_STATE_WITHDRAWN);
  EXPECT_TRUE(Withdraw("adam", "request-4", *mine)->repeated);
  EXPECT_TRUE(HasReason(Withdraw("adam", "request-5", *mine).status(), Reason::kTransitionIllegal));
  EXPECT_TRUE(HasReason(Approve("bob", "request-6", *mine).status(), Reason::kTransitionIllegal));
  EXPECT_TRUE(Withdraw("bob", "request-7", *another).ok());
  EXPECT_TRUE(due_.empty());
  EXPECT_TRUE(HasReason(Withdraw("bob", "request-8", 999).status(), Reason::kChangeNotFound));
}

// Who is barred neither lifts the bar nor moves it, whether its part comes before it was listed or after; and has no part in what names cases.
TEST_F(AdministrationTest, WhoHasAConflictHasNoPartInTheListNorInErasuresAndHolds) {
  const auto list = [](const std::string& of, const std::vector<std::string>& barred) {
    admin::v1::Change change;
    change.mutable_put_conflict_list()->set_agency(of);
    for (const std::string& one : barred) change.mutable_put_conflict_list()->add_workers(one);
    return change;
  };
  const auto refused = [](const auto& done) { return HasReason(done.status(), Reason::kNotPermitted); };
  OpenLog({});
  for (const std::string id : {"carol", "dave"}) Make(PutOfficer(id, {}));
  Make(PutAgency(Agency("police")));
  const auto early = Propose("carol", "request-1", list("administrators", {}));
  const absl::Time from = context_.time + absl::Hours(48);
  const auto waits = Propose("dave", "request-2", list("administrators", {"bob"}), {.effective_from_ms = absl::ToUnixMillis(from)});
  ASSERT_TRUE(Approve("carol", "request-3", *waits).ok());
  Make(list("administrators", {"carol"}));

  EXPECT_TRUE(refused(Propose("carol", "request-4", list("administrators", {}))));
  EXPECT_TRUE(refused(Propose("carol", "request-4", list("administrators", {"carol", "bob"}), {.dry_run = true})));
  const auto lift = Propose("alice", "request-5", list("administrators", {}));
  ASSERT_TRUE(lift.ok());
  EXPECT_TRUE(refused(Approve("carol", "request-6", *lift)));
  EXPECT_TRUE(refused(Withdraw("carol", "request-7", *lift)));
  EXPECT_TRUE(refused(Approve("bob", "request-8", *early))) << "carol proposed it before she was listed";
  At(from);
  EXPECT_EQ(StateOfChange(*waits), CHANGE_STATE_WITHDRAWN) << "carol approved it before she was listed";
  EXPECT_TRUE(holder_.Get()->IsBarred(kAdministrators, "carol"));
  EXPECT_TRUE(refused(Propose("carol", "request-9", Hold())));
  EXPECT_TRUE(HasReason(Propose("alice", "request-9", Hold()).status(), Reason::kFieldMissing)) << "this fixture has no holds; she may";

  // She administers all the same: agencies' lists too, and what she proposed herself she takes back.
  EXPECT_TRUE(Propose("carol", "request-10", list("police", {"carol"})).ok());
  EXPECT_TRUE(Withdraw("carol", "request-11", *early).ok());
  ASSERT_TRUE(Approve("bob", "request-12", *lift).ok());
  EXPECT_TRUE(Propose("carol", "request-13", list("administrators", {"bob"})).ok());
}

TEST_F(AdministrationTest, AChangeComesIntoForceWhenItsTimeHasCome) {
  OpenLog({});
  const absl::Time from = context_.time + absl::Hours(48);
  const auto number = Propose("alice", "request-1", PutAgency(Agency("police")), {.effective_from_ms = absl::ToUnixMillis(from)});
  ASSERT_TRUE(number.ok());
  EXPECT_TRUE(HasReason(Propose("alice", "request-1", PutAgency(Agency("police"))).status(), Reason::kRequestIdReused)) << "for another time it is another request";
  const Epochs before = context_.current;
  ASSERT_TRUE(Approve("bob", "request-2", *number).ok());
  EXPECT_EQ(StateOfChange(*number), CHANGE_STATE_APPROVED);
  EXPECT_EQ(context_.current, before);
  At(from - absl::Milliseconds(1));
  EXPECT_EQ(holder_.Get()->FindAgency("police"), nullptr);
  At(from + absl::Seconds(1));
  EXPECT_EQ(StateOfChange(*number), CHANGE_STATE_IN_FORCE);
  EXPECT_NE(holder_.Get()->FindActiveAgency("police"), nullptr);
  EXPECT_EQ(LastEntry().event.type(), type::v1::EVENT_TYPE_CHANGE_APPROVED);
  EXPECT_EQ(LastEntry().actor->principal(), "broker");
  EXPECT_TRUE(HasReason(Withdraw("alice", "request-3", *number).status(), Reason::kTransitionIllegal));
  EXPECT_TRUE(AgenciesAt(context_, from)->empty()) << "it came a second later, and that is what counts";
  EXPECT_EQ(AgenciesAt(context_, from + absl::Seconds(1))->size(), 1u);
}

TEST_F(AdministrationTest, WhatWaitsIsJudgedAgainAndCanBeStopped) {
  OpenLog({});
  Make(PutOfficer("carol", {}));
  const int64_t from = absl::ToUnixMillis(context_.time + absl::Hours(48));
  const auto gone = Propose("alice", "request-1", PutOfficer("carol", {}, false), {.effective_from_ms = from});
  const auto stopped = Propose("alice", "request-2", PutAgency(Agency("police")), {.effective_from_ms = from});
  ASSERT_TRUE(Approve("bob", "request-3", *gone).ok());
  ASSERT_TRUE(Approve("bob", "request-4", *stopped).ok());
  ASSERT_TRUE(Withdraw("bob", "request-5", *stopped).ok());
  Make(PutOfficer("bob", {OFFICER_ROLE_AUDITOR}));  // Now carol must stay.
  At(absl::FromUnixMillis(from));
  EXPECT_EQ(StateOfChange(*gone), CHANGE_STATE_WITHDRAWN);
  EXPECT_EQ(LastEntry().event.type(), type::v1::EVENT_TYPE_CHANGE_WITHDRAWN);
  EXPECT_EQ(LastEntry().actor->principal(), "broker");
  EXPECT_TRUE(holder_.Get()->FindOfficer(false, "carol")->active());
  EXPECT_EQ(StateOfChange(*stopped), CHANGE_STATE_WITHDRAWN);
  EXPECT_EQ(holder_.Get()->FindAgency("police"), nullptr);
}

TEST_F(AdministrationTest, OnlyWhatCanWaitMayBePutOff) {
  OpenLog({});
  const auto at = [&](absl::Duration ahead) { return ProposeOptions{.effective_from_ms = absl::ToUnixMillis(context_.time + ahead)}; };
  const auto refused = [&](const admin::v1::Change& change, ProposeOptions options) {
    options.dry_run = true;
    const absl::Status status = Propose("alice", "request-1", change, options).status();
    return HasReason(status, Reason::kFieldInvalid) && DetailOf(status).metadata["field"] == "effective_from_ms";
  };
  const auto agency = PutAgency(Agency("police"));
  EXPECT_TRUE(refused(agency, at(absl::ZeroDuration())));
  EXPECT_FALSE(refused(agency, at(absl::Milliseconds(1))));
  EXPECT_FALSE(refused(agency, at(kEffectiveFromMax)));
  EXPECT_TRUE(refused(agency, at(kEffectiveFromMax + absl::Milliseconds(1))));
  admin::v1::Change text;
  text.mutable_put_emergency_schedule()->set_text("version = \"e-2\"\neffective_from = \"2027-01-01\"\ncategories = [\"risk\"]\n[[recipient]]\nkind = \"police\"\n");
  EXPECT_FALSE(refused(text, {}));
  EXPECT_TRUE(refused(text, at(absl::Hours(1))));
}

TEST_F(AdministrationTest, ADryRunSaysWhatWouldRefuseItAndKeepsNothing) {
  OpenLog({});
  const auto rows = context_.rows;
  const size_t entries = context_.entries.size();
  EXPECT_EQ(Propose("alice", "request-1", PutAgency(Agency("police")), {.dry_run = true}).value_or(7), 0u);
  auto wrong = Agency("police");
  wrong.clear_sealing_certificate();
  EXPECT_TRUE(HasReason(Propose("alice", "request-1", PutAgency(wrong), {.dry_run = true}).status(), Reason::kFieldMissing));
  EXPECT_EQ(context_.rows, rows);
  EXPECT_EQ(context_.entries.size(), entries);
  EXPECT_TRUE(due_.empty());
  EXPECT_TRUE(Propose("alice", "request-1", PutAgency(Agency("idva"))).ok()) << "the request id is free";
}

TEST_F(AdministrationTest, AnAgencyLeavesOnlyWhenNothingIsOpen) {
  OpenLog({PutAgency(Agency("police")), PutAgency(Agency("idva"))});
  admin::v1::Change leave;
  leave.mutable_leave_agency()->set_agency("nobody");
  EXPECT_TRUE(HasReason(Propose("alice", "request-1", leave).status(), Reason::kPrincipalNotFound));
  leave.mutable_leave_agency()->set_agency("police");
  const auto number = Propose("alice", "request-1", leave);
  ASSERT_TRUE(number.ok());
  busy_ = {"police"};
  EXPECT_TRUE(HasReason(Approve("bob", "request-2", *number).status(), Reason::kLeavingIncomplete));
  EXPECT_NE(holder_.Get()->FindActiveAgency("police"), nullptr);
  busy_.clear();
  ASSERT_TRUE(Approve("bob", "request-2", *number).ok());
  EXPECT_EQ(holder_.Get()->FindActiveAgency("police"), nullptr);
  EXPECT_NE(holder_.Get()->FindAgency("police"), nullptr) << "its keys stay, by which what it signed is checked";
  EXPECT_EQ(LastEntry().event.change(), "leave_agency");
  EXPECT_NE(holder_.Get()->FindActiveAgency("idva"), nullptr);
}

TEST_F(AdministrationTest, WhoHasLeftDoesNotComeBackUnderItsName) {
  OpenLog({PutAgency(Agency("police")), PutAgency(Agency("idva"))});
  admin::v1::Change leave;
  leave.mutable_leave_agency()->set_agency("police");
  // Proposed before it leaves, one to count at once and one to come into force later: neither undoes the departure.
  const auto at_once = Propose("alice", "request-1", PutAgency(Agency("police")));
  const absl::Time from = context_.time + absl::Hours(1);
  const auto later = Propose("alice", "request-2", PutAgency(Agency("police")), {.effective_from_ms = absl::ToUnixMillis(from)});
  ASSERT_TRUE(later.ok()) << later.status();
  ASSERT_TRUE(Approve("bob", "request-3", *later).ok());
  Make(leave);
  const absl::Status refused = Approve("bob", "request-4", *at_once).status();
  EXPECT_TRUE(HasReason(refused, Reason::kTransitionIllegal)) << refused;
  EXPECT_EQ(DetailOf(refused).metadata["state"], "left");
  At(from);
  EXPECT_EQ(StateOfChange(*later), CHANGE_STATE_WITHDRAWN);
  EXPECT_TRUE(HasReason(Propose("alice", "request-5", PutAgency(Agency("police"))).status(), Reason::kTransitionIllegal));
  EXPECT_EQ(holder_.Get()->FindActiveAgency("police"), nullptr);
  // What stays inactive may be put right; others are not concerned, nor who was put inactive without leaving.
  auto gone = Agency("police");
  gone.set_active(false);
  gone.set_display_name("Northshire Police (left in 2027)");
  Make(PutAgency(gone));
  auto resting = Agency("idva");
  resting.set_active(false);
  Make(PutAgency(resting));
  Make(PutAgency(Agency("idva")));
  EXPECT_NE(holder_.Get()->FindActiveAgency("idva"), nullptr);
}

TEST_F(AdministrationTest, TheDirectoryIsReadAsItWas) {
  auto police = Agency("police");
  OpenLog({PutAgency(police)});
  const absl::Time opened = context_.time;
  context_.time += absl::Hours(1);
  police.set_duty_telephone("0300 000 0000");
  Make(PutAgency(police));
  context_.time += absl::Hours(1);
  Make(PutAgency(Agency("idva")));
  context_.time += absl::Hours(1);
  admin::v1::Change leave;
  leave.mutable_leave_agency()->set_agency("police");
  Make(leave);
  const auto proposed = Propose("alice", "request-1", PutAgency(Agency("health")));
  ASSERT_TRUE(proposed.ok());

  const auto seen = [&](absl::Time at) {
    std::vector<std::string> rows;
    const auto agencies = AgenciesAt(context_, at);
    EXPECT_EQ(agencies.status(), absl::OkStatus());
    for (const auto& [id, agency] : *agencies) rows.push_back(fmt::format("{} {}{}", id, agency.duty_telephone(), agency.active() ? "" : "gone"));
    return rows;
  };
  EXPECT_THAT(seen(opened - absl::Milliseconds(1)), IsEmpty());
  EXPECT_THAT(seen(opened), ElementsAre("police "));
  EXPECT_THAT(seen(opened + absl::Hours(1)), ElementsAre("police 0300 000 0000"));
  EXPECT_THAT(seen(opened + absl::Hours(2)), ElementsAre("idva ", "police 0300 000 0000"));
  EXPECT_THAT(seen(context_.time), ElementsAre("idva ", "police 0300 000 0000gone"));
  context_.Put(kFamilyChange, KeyU64(99), "\xff");
  EXPECT_TRUE(HasReason(AgenciesAt(context_, opened).status(), Reason::kStoreCorrupt));
}

TEST_F(AdministrationTest, ForumsAreReadAsTheyStood) {
  const auto put = [](const std::string& id, const std::vector<std::string>& members, bool active = true) {
    admin::v1::Change change;
    auto& forum = *change.mutable_put_forum()->mutable_forum();
    forum.set_id(id);
    for (const std::string& member : members) forum.add_members(member);
    forum.set_coordinator(members.back());
    forum.set_active(active);
    return change;
  };
  OpenLog({PutAgency(Agency("police")), PutAgency(Agency("idva")), put("marac", {"police"})});
  const absl::Time opened = context_.time;
  context_.time += absl::Hours(1);
  Make(put("marac", {"police", "idva"}));
  const auto later = Propose("alice", "request-1", put("channel", {"police"}), {.effective_from_ms = absl::ToUnixMillis(opened + absl::Hours(3))});
  ASSERT_TRUE(Approve("bob", "request-2", *later).ok());
  context_.time += absl::Hours(1);
  Make(put("marac", {"idva"}, false));
  ASSERT_TRUE(Propose("alice", "request-3", put("mappa", {"police"})).ok());

  const auto seen = [&](absl::Time at) {
    std::vector<std::string> rows;
    const auto forums = ForumsAt(context_, at);
    EXPECT_EQ(forums.status(), absl::OkStatus());
    for (const auto& [id, forum] : *forums) {
      rows.push_back(fmt::format("{} {} led by {}{}", id, fmt::join(forum.members(), "+"), forum.coordinator(), forum.active() ? "" : ", over"));
    }
    return rows;
  };
  EXPECT_THAT(seen(opened - absl::Milliseconds(1)), IsEmpty());
  EXPECT_THAT(seen(opened), ElementsAre("marac police led by police"));
  EXPECT_THAT(seen(opened + absl::Hours(1) - absl::Milliseconds(1)), ElementsAre("marac police led by police"));
  EXPECT_THAT(seen(opened + absl::Hours(1)), ElementsAre("marac police+idva led by idva"));
  EXPECT_THAT(seen(opened + absl::Hours(2)), ElementsAre("marac idva led by idva, over"));
  EXPECT_THAT(seen(opened + absl::Hours(3)), ElementsAre("marac idva led by idva, over")) << "approved for later, and not put yet";
  At(opened + absl::Hours(3));
  EXPECT_THAT(seen(opened + absl::Hours(3) - absl::Milliseconds(1)), ElementsAre("marac idva led by idva, over"));
  EXPECT_THAT(seen(opened + absl::Hours(3)), ElementsAre("channel police led by police", "marac idva led by idva, over"));
  context_.Put(kFamilyChange, KeyU64(99), "\xff");
  EXPECT_TRUE(HasReason(ForumsAt(context_, opened).status(), Reason::kStoreCorrupt));
}

TEST_F(AdministrationTest, AnApproverSeesFieldByFieldWhatWouldBeDifferent) {
  auto police = Agency("police");
  police.set_deputy("idva");
  OpenLog({PutAgency(police), PutAgency(Agency("idva"))});
  const std::string old_key = police.sealing_certificate();
  police.set_sealing_certificate(authority_.IssueSealing("police").certificate.der());
  police.clear_deputy();
  police.add_areas("E06000001");
  auto& hours = *police.add_duty_hours();
  hours.set_first_day(1);
  hours.set_last_day(5);
  context_.time += absl::Hours(1);
  const auto number = Propose("alice", "request-1", PutAgency(police));
  const auto differences = [&] {
    std::vector<std::string> rows;
    storage::v1::StoredChange stored;
    EXPECT_TRUE(stored.ParseFromString((*context_.Get(kFamilyChange, KeyU64(*number))).value_or("")));
    const auto all = DifferencesOfChange(context_, *number, stored, context_.time);
    EXPECT_EQ(all.status(), absl::OkStatus());
    for (const auto& row : all->fields) rows.push_back(fmt::format("{}: {} → {}", row.field(), row.before(), row.after()));
    return rows;
  };
  const auto sha = [](const std::string& der) { return "sha256 " + ToHex(crypto::Sha256(der)); };
  const auto expected = ElementsAre("agency.areas: E23000016 → E23000016, E06000001",
                                    fmt::format("agency.sealing_certificate: {} → {}", sha(old_key), sha(police.sealing_certificate())),
                                    "agency.deputy: idva → ", "agency.duty_hours:  → first_day 1, last_day 5");
  EXPECT_THAT(differences(), expected);
  ASSERT_TRUE(Approve("bob", "request-2", *number).ok());
  EXPECT_THAT(differences(), expected) << "what it did make different";
  EXPECT_THAT(DifferencesOf(admin::v1::PutAgency(), admin::v1::PutAgency()), IsEmpty());
}

TEST_F(AdministrationTest, ADifferenceNamesNoPerson) {
  OpenLog({PutAgency(Agency("police"))});
  admin::v1::Change change;
  change.mutable_put_conflict_list()->set_agency("police");
  change.mutable_put_conflict_list()->add_workers("pc-1");
  change.mutable_put_conflict_list()->add_workers("pc-2");
  const auto number = Propose("alice", "request-1", change);
  storage::v1::StoredChange stored;
  ASSERT_TRUE(stored.ParseFromString((*context_.Get(kFamilyChange, KeyU64(*number))).value_or("")));
  const auto rows = DifferencesOfChange(context_, *number, stored, context_.time);
  ASSERT_EQ(rows.status(), absl::OkStatus());
  ASSERT_EQ(rows->fields.size(), 2u);
  EXPECT_EQ(rows->fields[1].field(), "workers");
  EXPECT_EQ(rows->fields[1].after(), "2 of them, sha256 " + ToHex(crypto::Sha256("pc-1, pc-2")));
}

TEST_F(AdministrationTest, MaintenanceIsBegunAndEndedByOneOfficerWithEntries) {
  OpenLog({});
  EXPECT_EQ(CheckNoMaintenance(context_), absl::OkStatus());
  EXPECT_TRUE(HasReason(Maintain("alice", "maintain-1", false).status(), Reason::kTransitionIllegal));
  EXPECT_TRUE(HasReason(Maintain("alice", "maintain-1", true, context_.time).status(), Reason::kFieldInvalid));
  const auto index = Maintain("alice", "maintain-1", true);
  ASSERT_TRUE(index.ok());
  EXPECT_EQ(LastEntry().event.type(), type::v1::EVENT_TYPE_MAINTENANCE_SET);
  EXPECT_TRUE(LastEntry().event.maintenance());
  EXPECT_EQ(*Maintain("bob", "maintain-2", true), *index) << "what stands makes no entry";
  absl::Status refusal = CheckNoMaintenance(context_);
  EXPECT_TRUE(HasReason(refusal, Reason::kMaintenance));
  EXPECT_EQ(DetailOf(refusal).metadata["retry_after_ms"], "60000");
  EXPECT_FALSE(DetailOf(refusal).metadata.contains("until"));
  const absl::Time until = context_.time + absl::Hours(2);
  EXPECT_GT(*Maintain("bob", "maintain-3", true, until), *index);
  EXPECT_EQ(DetailOf(CheckNoMaintenance(context_)).metadata["until"], absl::FormatTime(absl::RFC3339_sec, until, absl::UTCTimeZone()));
  EXPECT_TRUE(HasReason(Maintain("bob", "maintain-4", false, until).status(), Reason::kFieldInvalid));
  context_.time = until + absl::Hours(1);
  EXPECT_FALSE(CheckNoMaintenance(context_).ok()) << "it does not end by itself";
  ASSERT_TRUE(Maintain("bob", "maintain-4", false).ok());
  EXPECT_FALSE(LastEntry().event.maintenance());
  EXPECT_EQ(CheckNoMaintenance(context_), absl::OkStatus());
}

}  // namespace
}  // namespace accord::broker::administration_test

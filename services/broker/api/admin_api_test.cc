// Goal: what administrators do at once holds on the wire: a suspended agency's stream ends and its deliveries wait; a change comes into force
// by the broker's clock, over a restart; maintenance lets IMMEDIATE through; the check-lists, the connection and the past can be asked for.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <map>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "accord/broker/v1/mailbox_service.pb.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_wire.h"

namespace accord::broker::admin_api_test {
namespace {

using namespace admin::v1;  // NOLINT
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

const absl::Time kAdminTuesday = absl::FromCivil(absl::CivilSecond(2026, 11, 24, 10, 0, 0), absl::UTCTimeZone());

// The main desk's mailbox, open.
class OpenBox {
 public:
  OpenBox(const std::shared_ptr<grpc::Channel>& channel, uint32_t credit) : call_(channel, "/accord.broker.v1.MailboxService/OpenMailbox") {
    v1::OpenMailboxRequest request;
    request.mutable_open()->set_credit(credit);
    call_.Write(request);
  }
  bool NextIsReferral() {
    const auto message = call_.Read();
    return message.has_value() && Parse<v1::OpenMailboxResponse>(*message).delivery().has_referral();
  }
  Reason End() { return call_.Finish().reason(); }

 private:
  WireCall call_;
};

class AdminApiTest : public ::testing::Test {
 protected:
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> As(const std::string& principal, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request) {
    auto& channel = channels_[principal];
    if (channel == nullptr) channel = world_.Channel(principal);
    Stub stub(channel);
    return rpc::CallUnary(stub, method, request, kTestTimeout);
  }
  absl::Status Suspend(const std::string& principal) {
    SuspendPrincipalRequest request;
    request.set_request_id("suspend-" + principal);
    request.set_principal(principal);
    request.set_reason(SUSPENSION_REASON_COMPROMISED);
    return As("admin/alice", &AdminService::Stub::SuspendPrincipal, request).status();
  }
  absl::Status Reinstate(const std::string& principal) {
    ReinstatePrincipalRequest request;
    request.set_request_id("reinstate-" + principal);
    request.set_principal(principal);
    return As("admin/bob", &AdminService::Stub::ReinstatePrincipal, request).status();
  }
  absl::Status Maintain(bool on) {
    SetMaintenanceRequest request;
    request.set_request_id(on ? "maintain-on" : "maintain-off");
    request.set_on(on);
    return As("admin/alice", &AdminService::Stub::SetMaintenance, request).status();
  }
  absl::Status Submit(const TestingReferral& spec) {
    return As("agency/police", &v1::ReferralService::Stub::SubmitReferral, MakeSubmission(world_, spec)).status();
  }
  ListAgenciesResponse Agencies(absl::Time as_at = absl::UnixEpoch(), const std::string& principal = "agency/idva") {
    ListAgenciesRequest request;
    request.set_as_at_ms(absl::ToUnixMillis(as_at));
    const auto response = As(principal, &DirectoryService::Stub::ListAgencies, request);
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.value_or(ListAgenciesResponse());
  }
  std::string TelephoneOf(const std::string& agency) {
    const ListAgenciesResponse listed = Agencies();
    for (const auto& row : listed.agencies()) {
      if (row.id() == agency) return row.duty_telephone();
    }
    return "no such agency";
  }
  // The codes of what is open on a check-list.
  template <typename Response>
  static std::vector<std::string> Open(const absl::StatusOr<Response>& response) {
    EXPECT_EQ(response.status(), absl::OkStatus());
    std::vector<std::string> codes;
    if (!response.ok()) return codes;
    for (const auto& item : response->items()) {
      if (!item.done() && !item.optional()) codes.push_back(item.code());
    }
    return codes;
  }

  FakeClock clock_{kAdminTuesday};
  TestingBroker world_{&clock_};
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
};

TEST_F(AdminApiTest, ASuspendedAgencyIsPutOutAndFindsWhatWaitedForIt) {
  ASSERT_EQ(Submit({.request_id = "incident-1"}), absl::OkStatus());
  CheckConnectionRequest connection;
  connection.set_agency("idva");
  {
    OpenBox mailbox(world_.Channel("agency/idva"), 1);
    ASSERT_TRUE(mailbox.NextIsReferral());
    ListAgenciesRequest list;
    ASSERT_EQ(As("agency/idva", &DirectoryService::Stub::ListAgencies, list).status(), absl::OkStatus());
    ASSERT_EQ(Suspend("agency/idva"), absl::OkStatus());
    EXPECT_EQ(mailbox.End(), Reason::kPrincipalUnknown) << "its stream ends";
  }
  EXPECT_TRUE(HasReason(As("agency/idva", &DirectoryService::Stub::ListAgencies, ListAgenciesRequest()).status(), Reason::kPrincipalUnknown));
  const auto seen = As("admin/alice", &AdminService::Stub::CheckConnection, connection);
  ASSERT_EQ(seen.status(), absl::OkStatus());
  EXPECT_EQ(seen->last_call_ms(), absl::ToUnixMillis(kAdminTuesday));
  EXPECT_EQ(seen->last_refusal(), "PRINCIPAL_UNKNOWN");
  EXPECT_GT(seen->certificate_until_ms(), absl::ToUnixMillis(kAdminTuesday));
  EXPECT_EQ(seen->waiting(), 1u);
  EXPECT_EQ(Submit({.request_id = "incident-2", .victim = "another"}), absl::OkStatus()) << "what is sent to it waits for it";

  world_.Stop();
  world_.Start();
  channels_.clear();
  EXPECT_TRUE(HasReason(As("agency/idva", &DirectoryService::Stub::ListAgencies, ListAgenciesRequest()).status(), Reason::kPrincipalUnknown));
  ASSERT_EQ(Reinstate("agency/idva"), absl::OkStatus());
  OpenBox mailbox(world_.Channel("agency/idva"), 2);
  EXPECT_TRUE(mailbox.NextIsReferral());
  EXPECT_TRUE(mailbox.NextIsReferral());
}

TEST_F(AdminApiTest, AChangeComesIntoForceByTheClockAfterARestart) {
  ProposeChangeRequest propose;
  propose.set_request_id("propose-1");
  *propose.mutable_change()->mutable_put_agency()->mutable_agency() = world_.broker().directory().Get()->FindAgency("idva")->agency;
  propose.mutable_change()->mutable_put_agency()->mutable_agency()->set_duty_telephone("0300 000 0000");
  propose.set_effective_from_ms(absl::ToUnixMillis(kAdminTuesday + absl::Hours(24)));
  propose.set_dry_run(true);
  const auto dry = As("admin/alice", &AdminService::Stub::ProposeChange, propose);
  ASSERT_EQ(dry.status(), absl::OkStatus());
  EXPECT_EQ(dry->change().name(), "");
  propose.set_dry_run(false);
  const auto proposed = As("admin/alice", &AdminService::Stub::ProposeChange, propose);
  ASSERT_EQ(proposed.status(), absl::OkStatus());
  EXPECT_EQ(proposed->change().state(), CHANGE_STATE_PROPOSED);
  GetChangeRequest get;
  get.set_name(proposed->change().name());
  const auto shown = As("admin/bob", &AdminService::Stub::GetChange, get);
  ASSERT_EQ(shown.status(), absl::OkStatus());
  ASSERT_EQ(shown->differences_size(), 1);
  EXPECT_EQ(shown->differences(0).field(), "agency.duty_telephone");
  EXPECT_EQ(shown->differences(0).after(), "0300 000 0000");
  ApproveChangeRequest approve;
  approve.set_request_id("approve-1");
  approve.set_name(get.name());
  const auto approved = As("admin/bob", &AdminService::Stub::ApproveChange, approve);
  ASSERT_EQ(approved.status(), absl::OkStatus());
  EXPECT_EQ(approved->change().state(), CHANGE_STATE_APPROVED);
  EXPECT_EQ(TelephoneOf("idva"), "");

  world_.Stop();
  clock_.Advance(absl::Hours(24));
  world_.Start();
  channels_.clear();
  while (TelephoneOf("idva").empty()) {
  }
  EXPECT_EQ(TelephoneOf("idva"), "0300 000 0000");
  EXPECT_EQ(As("admin/bob", &AdminService::Stub::GetChange, get)->change().state(), CHANGE_STATE_IN_FORCE);
  const auto then = Agencies(kAdminTuesday);
  ASSERT_EQ(then.agencies_size(), 4);
  for (const auto& row : then.agencies()) EXPECT_EQ(row.duty_telephone(), "") << "as it was then";
}

// The whole of a log is what says that nothing was kept: what a dry run wrote is taken back with its entry.
TEST_F(AdminApiTest, ADryRunIsJudgedAsTheActAndKeepsNothing) {
  ProposeChangeRequest propose;
  propose.set_request_id("propose-1");
  *propose.mutable_change()->mutable_put_agency()->mutable_agency() = world_.broker().directory().Get()->FindAgency("idva")->agency;
  propose.mutable_change()->mutable_put_agency()->mutable_agency()->set_duty_telephone("0300 000 0000");
  const auto proposed = As("admin/alice", &AdminService::Stub::ProposeChange, propose);
  ASSERT_EQ(proposed.status(), absl::OkStatus());
  const uint64_t entries = world_.broker().sequencer().View().value()->checkpoint().tree_size;

  ApproveChangeRequest approve;
  approve.set_request_id("approve-1");
  approve.set_name(proposed->change().name());
  approve.set_dry_run(true);
  const auto would = As("admin/bob", &AdminService::Stub::ApproveChange, approve);
  ASSERT_EQ(would.status(), absl::OkStatus());
  EXPECT_EQ(would->change().state(), CHANGE_STATE_IN_FORCE);
  WithdrawChangeRequest withdraw;
  withdraw.set_request_id("withdraw-1");
  withdraw.set_name(proposed->change().name());
  withdraw.set_dry_run(true);
  const auto withdrawn = As("admin/alice", &AdminService::Stub::WithdrawChange, withdraw);
  ASSERT_EQ(withdrawn.status(), absl::OkStatus());
  EXPECT_EQ(withdrawn->change().state(), CHANGE_STATE_WITHDRAWN);
  SuspendPrincipalRequest suspend;
  suspend.set_request_id("suspend-1");
  suspend.set_principal("agency/idva");
  suspend.set_reason(SUSPENSION_REASON_FAULT);
  suspend.set_dry_run(true);
  const auto suspended = As("admin/alice", &AdminService::Stub::SuspendPrincipal, suspend);
  ASSERT_EQ(suspended.status(), absl::OkStatus());
  EXPECT_EQ(suspended->index(), 0u);
  SetMaintenanceRequest maintain;
  maintain.set_request_id("maintain-1");
  maintain.set_on(true);
  maintain.set_dry_run(true);
  EXPECT_EQ(As("admin/alice", &AdminService::Stub::SetMaintenance, maintain).status(), absl::OkStatus());
  EXPECT_EQ(world_.broker().sequencer().View().value()->checkpoint().tree_size, entries);
  EXPECT_EQ(TelephoneOf("idva"), "") << "asked by the agency itself, which is not suspended";
  EXPECT_EQ(Submit({.request_id = "incident-1"}), absl::OkStatus()) << "nor is there maintenance";

  // What would be refused is, as the act is.
  approve.set_request_id("approve-2");
  EXPECT_TRUE(HasReason(As("admin/alice", &AdminService::Stub::ApproveChange, approve).status(), Reason::kSelfApproval));
  suspend.set_request_id("suspend-2");
  suspend.set_principal("agency/nobody");
  EXPECT_TRUE(HasReason(As("admin/alice", &AdminService::Stub::SuspendPrincipal, suspend).status(), Reason::kPrincipalNotFound));
  ReinstatePrincipalRequest reinstate;
  reinstate.set_request_id("reinstate-1");
  reinstate.set_principal("agency/idva");
  reinstate.set_dry_run(true);
  EXPECT_TRUE(HasReason(As("admin/bob", &AdminService::Stub::ReinstatePrincipal, reinstate).status(), Reason::kTransitionIllegal));

  // Its request id is free still.
  approve.set_request_id("approve-1");
  approve.set_dry_run(false);
  ASSERT_EQ(As("admin/bob", &AdminService::Stub::ApproveChange, approve).status(), absl::OkStatus());
  EXPECT_EQ(TelephoneOf("idva"), "0300 000 0000");
}

TEST_F(AdminApiTest, UnderMaintenanceOnlyWhatIsImmediateIsNew) {
  ASSERT_EQ(Submit({.request_id = "before-01"}), absl::OkStatus());
  ASSERT_EQ(Maintain(true), absl::OkStatus());
  EXPECT_EQ(Agencies().maintenance_since_ms(), absl::ToUnixMillis(kAdminTuesday));
  const absl::Status refused = Submit({.request_id = "during-01", .victim = "another"});
  EXPECT_TRUE(HasReason(refused, Reason::kMaintenance));
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable) << "agencies keep it and try again";
  EXPECT_EQ(Submit({.request_id = "during-02", .urgency = type::v1::URGENCY_IMMEDIATE, .victim = "third"}), absl::OkStatus());
  {
    OpenBox mailbox(world_.Channel("agency/idva"), 1);
    EXPECT_TRUE(mailbox.NextIsReferral()) << "what is there is delivered";
  }
  world_.Stop();
  world_.Start();
  channels_.clear();
  EXPECT_TRUE(HasReason(Submit({.request_id = "during-01", .victim = "another"}), Reason::kMaintenance)) << "over a restart";
  ASSERT_EQ(Maintain(false), absl::OkStatus());
  EXPECT_EQ(Agencies().maintenance_since_ms(), 0);
  EXPECT_EQ(Submit({.request_id = "during-01", .victim = "another"}), absl::OkStatus());
}

TEST_F(AdminApiTest, AnAgencyComesAndLeavesByItsCheckLists) {
  GetOnboardingRequest onboarding;
  onboarding.set_agency("idva");
  EXPECT_THAT(Open(As("admin/alice", &AdminService::Stub::GetOnboarding, onboarding)), ::testing::Contains("connection"));
  Agencies();
  EXPECT_THAT(Open(As("admin/alice", &AdminService::Stub::GetOnboarding, onboarding)), Not(::testing::Contains("connection")));
  ASSERT_EQ(Submit({.request_id = "incident-1", .recipients = {"idva"}}), absl::OkStatus());
  GetLeavingRequest leaving;
  leaving.set_agency("idva");
  EXPECT_THAT(Open(As("admin/alice", &AdminService::Stub::GetLeaving, leaving)), ElementsAre("agreements", "deliveries", "unread"));
  admin::v1::Change leave;
  leave.mutable_leave_agency()->set_agency("idva");
  const absl::Status refused = world_.Change(leave);
  EXPECT_TRUE(HasReason(refused, Reason::kLeavingIncomplete)) << refused;
  leave.mutable_leave_agency()->set_agency("childrens");
  leaving.set_agency("childrens");
  EXPECT_THAT(Open(As("admin/alice", &AdminService::Stub::GetLeaving, leaving)), ElementsAre("agreements"));
  admin::v1::Change without;
  std::string text = TestingBroker::Agreement("2", R"("identity")");
  text.replace(text.find(R"("childrens", )"), std::string_view(R"("childrens", )").size(), "");
  without.mutable_put_agreement()->set_text(text);
  ASSERT_EQ(world_.Change(without), absl::OkStatus());
  EXPECT_EQ(world_.Change(leave), absl::OkStatus());
  EXPECT_TRUE(HasReason(As("agency/childrens", &DirectoryService::Stub::ListAgencies, ListAgenciesRequest()).status(), Reason::kPrincipalUnknown));
  leaving.set_agency("nobody");
  EXPECT_TRUE(HasReason(As("admin/alice", &AdminService::Stub::GetLeaving, leaving).status(), Reason::kPrincipalNotFound));
}

TEST_F(AdminApiTest, OfficersAndPolicyAreListedAsTheyCountAndCounted) {
  admin::v1::Change change;
  change.mutable_put_officer()->set_id("audrey");
  change.mutable_put_officer()->set_active(true);
  change.mutable_put_officer()->add_roles(options::v1::OFFICER_ROLE_AUDITOR);
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  ASSERT_EQ(Suspend("admin/audrey"), absl::OkStatus());
  change.mutable_put_officer()->set_id("carol");
  change.mutable_put_officer()->set_active(false);
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  ListOfficersRequest list;
  list.set_page_size(2);
  const auto first = As("admin/alice", &AdminService::Stub::ListOfficers, list);
  ASSERT_EQ(first.status(), absl::OkStatus());
  ASSERT_EQ(first->officers_size(), 2);
  EXPECT_EQ(first->officers(0).id(), "alice");
  EXPECT_EQ(first->officers(0).roles_size(), 3);
  EXPECT_EQ(first->officers(1).id(), "audrey");
  EXPECT_FALSE(first->officers(1).active());
  EXPECT_TRUE(first->officers(1).suspended());
  list.set_page_token(first->next_page_token());
  const auto second = As("admin/alice", &AdminService::Stub::ListOfficers, list);
  ASSERT_EQ(second->officers_size(), 2);
  EXPECT_EQ(second->officers(0).id(), "bob");
  EXPECT_FALSE(second->officers(0).suspended());
  EXPECT_FALSE(second->officers(1).active());
  EXPECT_FALSE(second->officers(1).suspended()) << "inactive, and not shut out";
  change.mutable_put_officer()->set_suspended(true);
  EXPECT_EQ(DetailOf(world_.Change(change)).metadata["field"], "officer.suspended") << "told, not put";

  clock_.Advance(absl::Hours(1));
  ASSERT_EQ(world_.PutAgreement("2", R"("identity")"), absl::OkStatus());
  ListPolicyDocumentsRequest documents;
  const auto live = [&] {
    std::vector<std::string> versions;
    const auto response = As("admin/alice", &PolicyService::Stub::ListPolicyDocuments, documents);
    EXPECT_EQ(response.status(), absl::OkStatus());
    for (const auto& row : response->documents()) {
      if (row.kind() == POLICY_DOCUMENT_KIND_AGREEMENT) versions.push_back(row.version() + (row.live() ? " live" : ""));
    }
    return versions;
  };
  EXPECT_THAT(live(), ElementsAre("2 live", "1"));
  documents.set_as_at_ms(absl::ToUnixMillis(kAdminTuesday));
  EXPECT_THAT(live(), ElementsAre("1 live"));
  documents.set_as_at_ms(absl::ToUnixMillis(kAdminTuesday - absl::Hours(1)));
  EXPECT_THAT(live(), IsEmpty());
}

// Suspensions are rows while they last and entries for good: the past is read from these.
TEST_F(AdminApiTest, TheDirectoryIsListedAsItStoodWithWhoWasShutOut) {
  const auto at = [](int hours) { return kAdminTuesday + absl::Hours(hours); };
  const auto agencies = [&](absl::Time time, const std::string& principal = "admin/alice") {
    std::vector<std::string> all;
    const ListAgenciesResponse listed = Agencies(time, principal);
    for (const auto& row : listed.agencies()) all.push_back(row.id() + (row.suspended() ? " out" : ""));
    return all;
  };
  ListOfficersRequest list;
  const auto ask = [&] { return As("admin/alice", &AdminService::Stub::ListOfficers, list); };
  const auto officers = [&](absl::Time time) {
    std::vector<std::string> all;
    list.set_as_at_ms(absl::ToUnixMillis(time));
    list.clear_page_token();
    do {
      const auto page = ask();
      EXPECT_EQ(page.status(), absl::OkStatus());
      if (!page.ok()) return all;
      for (const auto& officer : page->officers()) {
        all.push_back(fmt::format("{}{} {}", officer.id(), officer.suspended() ? " out" : officer.active() ? "" : " inactive", officer.inspector() ? officer.inspectorate() : fmt::to_string(officer.roles_size())));
      }
      list.set_page_token(page->next_page_token());
    } while (!list.page_token().empty());
    return all;
  };
  const auto enrol = [&](const std::string& id, bool inspector, bool active, std::vector<options::v1::OfficerRole> roles) {
    admin::v1::Change change;
    auto& officer = *change.mutable_put_officer();
    officer.set_id(id);
    officer.set_active(active);
    officer.set_inspector(inspector);
    if (inspector) officer.set_inspectorate("ofsted");
    for (const auto role : roles) officer.add_roles(role);
    return world_.Change(change);
  };
  clock_.Advance(absl::Hours(1));
  ASSERT_EQ(enrol("audrey", false, true, {options::v1::OFFICER_ROLE_AUDITOR}), absl::OkStatus());
  ASSERT_EQ(enrol("ines", true, true, {}), absl::OkStatus());
  clock_.Advance(absl::Hours(1));
  for (const std::string principal : {"agency/housing", "admin/audrey", "inspector/ines"}) ASSERT_EQ(Suspend(principal), absl::OkStatus());
  clock_.Advance(absl::Hours(1));
  ASSERT_EQ(Reinstate("agency/housing"), absl::OkStatus());
  ASSERT_EQ(enrol("bob", false, true, {options::v1::OFFICER_ROLE_ADMINISTRATOR, options::v1::OFFICER_ROLE_APPROVER}), absl::OkStatus());
  ASSERT_EQ(enrol("audrey", false, false, {options::v1::OFFICER_ROLE_AUDITOR}), absl::OkStatus());

  list.set_page_size(2);
  EXPECT_THAT(officers(at(0) - absl::Hours(1)), IsEmpty()) << "before the log";
  EXPECT_THAT(officers(at(0)), ElementsAre("alice 3", "bob 3"));
  EXPECT_THAT(officers(at(1) - absl::Milliseconds(1)), ElementsAre("alice 3", "bob 3"));
  EXPECT_THAT(officers(at(1)), ElementsAre("alice 3", "audrey 1", "bob 3", "ines ofsted"));
  EXPECT_THAT(officers(at(2) - absl::Milliseconds(1)), ElementsAre("alice 3", "audrey 1", "bob 3", "ines ofsted"));
  EXPECT_THAT(officers(at(2)), ElementsAre("alice 3", "audrey out 1", "bob 3", "ines out ofsted"));
  const auto now = ElementsAre("alice 3", "audrey out 1", "bob 2", "ines out ofsted");
  EXPECT_THAT(officers(at(3)), now);
  EXPECT_THAT(officers(at(99)), now);
  EXPECT_THAT(officers(absl::UnixEpoch()), now) << "0 is now";

  EXPECT_THAT(agencies(at(2) - absl::Milliseconds(1)), ElementsAre("childrens", "housing", "idva", "police"));
  EXPECT_THAT(agencies(at(2)), ElementsAre("childrens", "housing out", "idva", "police"));
  EXPECT_THAT(agencies(at(3)), ElementsAre("childrens", "housing", "idva", "police"));
  EXPECT_THAT(agencies(absl::UnixEpoch()), ElementsAre("childrens", "housing", "idva", "police"));
  EXPECT_THAT(agencies(at(2), "agency/idva"), ElementsAre("childrens", "housing", "idva", "police")) << "who was shut out is administrators' to know";
  SuspendPrincipalRequest again;
  again.set_request_id("suspend-again");
  again.set_principal("agency/housing");
  again.set_reason(SUSPENSION_REASON_FAULT);
  ASSERT_EQ(As("admin/alice", &AdminService::Stub::SuspendPrincipal, again).status(), absl::OkStatus());
  EXPECT_THAT(agencies(absl::UnixEpoch()), ElementsAre("childrens", "housing out", "idva", "police")) << "as it stands now";
  EXPECT_THAT(agencies(at(3)), ElementsAre("childrens", "housing out", "idva", "police")) << "in the same millisecond, and from then on";

  // A page of one time is no page of another.
  list.set_as_at_ms(absl::ToUnixMillis(at(1)));
  list.clear_page_token();
  list.set_page_token(ask()->next_page_token());
  ASSERT_FALSE(list.page_token().empty());
  list.set_as_at_ms(absl::ToUnixMillis(at(2)));
  EXPECT_TRUE(HasReason(ask().status(), Reason::kPageTokenInvalid));
  list.clear_page_token();
  list.set_as_at_ms(-1);
  EXPECT_EQ(DetailOf(ask().status()).metadata["field"], "as_at_ms");
}

TEST_F(AdminApiTest, ForumsAreListedAsTheyStoodPageByPage) {
  const auto put = [&](const std::string& id, const std::vector<std::string>& members, bool active = true) {
    admin::v1::Change change;
    Forum& forum = *change.mutable_put_forum()->mutable_forum();
    forum.set_id(id);
    for (const std::string& member : members) forum.add_members(member);
    forum.set_coordinator(members.back());
    forum.set_active(active);
    return world_.Change(change);
  };
  ListForumsRequest list;
  const auto ask = [&] { return As("agency/idva", &PolicyService::Stub::ListForums, list); };
  const auto rows = [&] {
    std::vector<std::string> all;
    const auto response = ask();
    EXPECT_EQ(response.status(), absl::OkStatus());
    if (!response.ok()) return all;
    for (const auto& forum : response->forums()) {
      all.push_back(fmt::format("{} {} led by {}{}", forum.id(), fmt::join(forum.members(), "+"), forum.coordinator(), forum.active() ? "" : ", over"));
    }
    list.set_page_token(response->next_page_token());
    return all;
  };
  const auto at = [&](absl::Duration since_tuesday) {
    list.set_as_at_ms(absl::ToUnixMillis(kAdminTuesday + since_tuesday));
    list.clear_page_token();
  };
  clock_.Advance(absl::Hours(1));
  ASSERT_EQ(put("marac", {"police"}), absl::OkStatus());
  clock_.Advance(absl::Hours(1));
  ASSERT_EQ(put("marac", {"police", "idva"}), absl::OkStatus());
  ASSERT_EQ(put("channel", {"housing"}), absl::OkStatus());
  clock_.Advance(absl::Hours(1));
  ASSERT_EQ(put("marac", {"police", "housing"}, false), absl::OkStatus());

  at(absl::Minutes(59));
  EXPECT_THAT(rows(), IsEmpty()) << "there was none yet";
  at(absl::Hours(1));
  EXPECT_THAT(rows(), ElementsAre("marac police led by police"));
  at(absl::Hours(2) - absl::Milliseconds(1));
  EXPECT_THAT(rows(), ElementsAre("marac police led by police"));
  at(absl::Hours(3));
  EXPECT_THAT(rows(), ElementsAre("channel housing led by housing", "marac police+housing led by housing, over"));
  at(absl::Hours(24));
  EXPECT_THAT(rows(), ElementsAre("channel housing led by housing", "marac police+housing led by housing, over")) << "nothing came since";
  list.clear_as_at_ms();
  EXPECT_THAT(rows(), ElementsAre("channel housing led by housing", "marac police+housing led by housing, over"));

  // The pages of a time stay as they were, whatever comes after it, and are of that time alone.
  at(absl::Hours(2));
  list.set_page_size(1);
  EXPECT_THAT(rows(), ElementsAre("channel housing led by housing"));
  const std::string second = list.page_token();
  ASSERT_FALSE(second.empty());
  ASSERT_EQ(put("daps", {"police"}), absl::OkStatus());
  EXPECT_THAT(rows(), ElementsAre("marac police+idva led by idva"));
  EXPECT_EQ(list.page_token(), "");
  for (const int64_t other : {int64_t{0}, absl::ToUnixMillis(kAdminTuesday + absl::Hours(3))}) {
    list.set_as_at_ms(other);
    list.set_page_token(second);
    EXPECT_TRUE(HasReason(ask().status(), Reason::kPageTokenInvalid)) << other;
  }
  list.clear_as_at_ms();
  list.clear_page_token();
  EXPECT_THAT(rows(), ElementsAre("channel housing led by housing"));
  list.set_as_at_ms(absl::ToUnixMillis(kAdminTuesday + absl::Hours(2)));
  EXPECT_TRUE(HasReason(ask().status(), Reason::kPageTokenInvalid)) << "one of what stands now";

  list.clear_page_token();
  list.set_as_at_ms(-1);
  const absl::Status refused = ask().status();
  EXPECT_TRUE(HasReason(refused, Reason::kFieldInvalid)) << refused;
  EXPECT_EQ(DetailOf(refused).metadata["field"], "as_at_ms");
}

}  // namespace
}  // namespace accord::broker::admin_api_test

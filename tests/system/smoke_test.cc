// One referral, end to end, over the real programs: pushed at the police's service, delivered to the Idva and to
// children's services, read, accepted and decided there, its answers back at the police; and the record of it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "accord/childrens/v1/childrens_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/ledger/frontier.h"
#include "common/ledger/leaf.h"
#include "tests/system/traffic.h"

namespace accord::tests::smoke_test {
namespace {

using agency::v1::InboxService;
using ::testing::Contains;
using ::testing::IsSupersetOf;
using ::testing::Not;

std::vector<int> Types(const std::vector<inspection::v1::TrailRow>& rows) {
  std::vector<int> types;
  for (const auto& row : rows) types.push_back(row.event().type());
  return types;
}

bool HasStatement(const agency::v1::Submission& submission, const std::string& agency, type::v1::StatementKind kind) {
  return std::any_of(submission.statements().begin(), submission.statements().end(),
                     [&](const auto& row) { return row.agency() == agency && row.kind() == kind; });
}

TEST(SmokeTest, OneReferralGoesThereAndItsAnswersComeBack) {
  World world;
  ASSERT_EQ(world.StartAll(), absl::OkStatus());
  const auto first = GetCheckpoint(world);
  ASSERT_EQ(first.status(), absl::OkStatus());

  // Pushed, sealed, stored: the police's system is told within its wait.
  const auto pushed = Push(world, "police", TestOptions("NSP-2026-1/1", {}, /*wait_ms=*/20'000));
  ASSERT_EQ(pushed.status(), absl::OkStatus());
  ASSERT_EQ(pushed->state(), agency::v1::SUBMISSION_STATE_SETTLED) << pushed->DebugString();
  const std::string referral = pushed->referral(), digest = DigestOfName(referral);
  ASSERT_EQ(digest.size(), 32u);

  // There: the Idva by routing, children's services because there is a child.
  for (const std::string agency : {"idva", "childrens"}) {
    const auto item = AwaitArrival(world, agency, referral);
    ASSERT_EQ(item.status(), absl::OkStatus()) << agency;
    EXPECT_EQ(item->sender(), "police");
    EXPECT_EQ(item->grade(), type::v1::RISK_GRADE_HIGH);
    EXPECT_EQ(item->lane(), type::v1::LANE_HIGH);
    EXPECT_EQ(item->state(), type::v1::REFERRAL_STATE_DELIVERED);
    EXPECT_THAT(item->categories(), Contains(type::v1::CATEGORY_IDENTITY));
    agency::v1::ReadReferralRequest read;
    read.set_request_id("read-" + agency);
    read.set_referral(referral);
    *read.mutable_worker() = TestWorker("reader-" + agency);
    const auto opened = rpc::CallUnary(*world.Own<InboxService>(agency), &InboxService::Stub::ReadReferral, read, kCallTime);
    ASSERT_EQ(opened.status(), absl::OkStatus()) << agency;
    const auto identity = std::find_if(opened->sections().begin(), opened->sections().end(),
                                       [](const auto& section) { return section.category() == type::v1::CATEGORY_IDENTITY; });
    ASSERT_NE(identity, opened->sections().end());
    EXPECT_EQ(identity->content().identity().victim().family_name(), "Ashdown");
    EXPECT_EQ(opened->core().request_id(), "NSP-2026-1/1");
  }
  const auto housing = ListInbox(world, "housing");
  ASSERT_EQ(housing.status(), absl::OkStatus());
  EXPECT_TRUE(housing->empty());

  // Answered.
  agency::v1::AcceptReferralRequest accept;
  accept.set_request_id("accept-1");
  accept.set_referral(referral);
  *accept.mutable_worker() = TestWorker("idva-7");
  const auto accepted = rpc::CallUnary(*world.Own<InboxService>("idva"), &InboxService::Stub::AcceptReferral, accept, kCallTime);
  ASSERT_EQ(accepted.status(), absl::OkStatus());
  EXPECT_EQ(accepted->item().state(), type::v1::REFERRAL_STATE_ACCEPTED);
  childrens::v1::DecideContactRequest decide;  // In the front door's words, which the business support records.
  decide.set_request_id("decide-1");
  decide.set_contact(referral);
  decide.set_decision_maker("manager-2");
  *decide.mutable_worker() = TestWorker("support-4");
  decide.set_decision(type::v1::CONTACT_DECISION_SECTION_47);
  decide.set_threshold(type::v1::CONTACT_THRESHOLD_SIGNIFICANT_HARM);
  decide.set_decision_reason("harm/4.2");
  const auto decided = rpc::CallUnary(*world.Own<childrens::v1::ChildrensService>("childrens"),
                                      &childrens::v1::ChildrensService::Stub::DecideContact, decide, kCallTime);
  ASSERT_EQ(decided.status(), absl::OkStatus());
  EXPECT_EQ(decided->contact().state(), type::v1::REFERRAL_STATE_DECIDED);

  // Back at the police.
  absl::StatusOr<agency::v1::Submission> submission;
  EXPECT_TRUE(Eventually(kStartTime, [&] {
    submission = GetSubmission(world, "police", "NSP-2026-1/1");
    return submission.ok() && HasStatement(*submission, "idva", type::v1::STATEMENT_KIND_OPENED) &&
           HasStatement(*submission, "idva", type::v1::STATEMENT_KIND_ACCEPTED) &&
           HasStatement(*submission, "childrens", type::v1::STATEMENT_KIND_OPENED) &&
           HasStatement(*submission, "childrens", type::v1::STATEMENT_KIND_DECIDED);
  })) << submission->DebugString();
  const auto decision = std::find_if(submission->statements().begin(), submission->statements().end(),
                                     [](const auto& row) { return row.kind() == type::v1::STATEMENT_KIND_DECIDED; });
  EXPECT_EQ(decision->decision(), type::v1::CONTACT_DECISION_SECTION_47);
  EXPECT_EQ(decision->threshold(), type::v1::CONTACT_THRESHOLD_SIGNIFICANT_HARM);
  EXPECT_EQ(decision->decision_reason(), "harm/4.2");

  // The record: receipt, log, trail.
  const auto newest = GetCheckpoint(world);
  ASSERT_EQ(newest.status(), absl::OkStatus());
  EXPECT_GT(newest->checkpoint.size, first->checkpoint.size);
  EXPECT_EQ(CheckConsistent(world, first->checkpoint, newest->checkpoint), absl::OkStatus());
  EXPECT_EQ(CheckReceipt(world, submission->receipt(), newest->checkpoint), absl::OkStatus());

  const auto leaves = StreamLeaves(world, newest->checkpoint.size);
  ASSERT_EQ(leaves.status(), absl::OkStatus());
  ASSERT_EQ(leaves->size(), newest->checkpoint.size);
  ledger::Frontier tree;
  for (const std::string& leaf : *leaves) {
    ASSERT_EQ(ledger::ParseLeaf(leaf).status(), absl::OkStatus());
    tree.Append(ledger::LeafHash(leaf));
  }
  EXPECT_EQ(tree.Root(), newest->checkpoint.root);

  const auto as_admin = TrailOfReferral(world, "admin/alice", digest);
  ASSERT_EQ(as_admin.status(), absl::OkStatus());
  EXPECT_THAT(Types(*as_admin), IsSupersetOf({type::v1::EVENT_TYPE_REFERRAL_STORED, type::v1::EVENT_TYPE_RELEASED, type::v1::EVENT_TYPE_RELEASED,
                                              type::v1::EVENT_TYPE_DELIVERED, type::v1::EVENT_TYPE_DELIVERED, type::v1::EVENT_TYPE_STATEMENT,
                                              type::v1::EVENT_TYPE_STATEMENT, type::v1::EVENT_TYPE_STATEMENT, type::v1::EVENT_TYPE_STATEMENT}));
  EXPECT_EQ(as_admin->front().event().type(), type::v1::EVENT_TYPE_REFERRAL_STORED);
  for (const auto& row : *as_admin) EXPECT_LT(row.index(), GetCheckpoint(world)->checkpoint.size);
  // A recipient's own trail has nothing of the other's; who is no party has none.
  const auto as_idva = TrailOfReferral(world, "agency/idva/records", digest);
  ASSERT_EQ(as_idva.status(), absl::OkStatus());
  for (const auto& row : *as_idva) {
    EXPECT_TRUE(row.referral().recipient().empty() || row.referral().recipient() == "idva") << row.DebugString();
    EXPECT_NE(row.event().type(), type::v1::EVENT_TYPE_REFERRAL_STORED);
  }
  EXPECT_LT(as_idva->size(), as_admin->size());
  const auto as_housing = TrailOfReferral(world, "agency/housing/records", digest);
  EXPECT_TRUE(HasReason(as_housing.status(), Reason::kNotPermitted)) << as_housing.status();
}

TEST(SmokeTest, EveryServerSaysWhatItServes) {
  World world;
  ASSERT_EQ(world.StartAll(), absl::OkStatus());
  const auto broker = ListServices(world.Channel(kBroker, "admin/alice"));
  ASSERT_EQ(broker.status(), absl::OkStatus());
  EXPECT_THAT(*broker, IsSupersetOf({"accord.broker.v1.ReferralService", "accord.broker.v1.MailboxService", "accord.broker.v1.LedgerService",
                                     "accord.inspection.v1.TrailService", "accord.admin.v1.DirectoryService", "accord.admin.v1.AdminService",
                                     "accord.admin.v1.PolicyService",
                                     "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}));
  const std::pair<const char*, const char*> own[] = {{"police", "accord.police.v1.PoliceService"},
                                                     {"childrens", "accord.childrens.v1.ChildrensService"},
                                                     {"housing", "accord.housing.v1.HousingService"},
                                                     {"health", "accord.health.v1.HealthService"},
                                                     {"idva", "accord.idva.v1.IdvaService"}};
  for (const auto& [agency, service] : own) {
    const auto services = ListServices(world.Channel(agency, std::string("agency/") + agency + "/records"));
    ASSERT_EQ(services.status(), absl::OkStatus()) << agency;
    EXPECT_THAT(*services, IsSupersetOf({service, "accord.agency.v1.OutboxService", "accord.agency.v1.InboxService", "grpc.health.v1.Health"}));
    EXPECT_THAT(*services, Not(Contains("accord.broker.v1.ReferralService")));
    EXPECT_TRUE(*world.Serving(agency));
  }
  // Orderly ends, all of them at once, and another beginning.
  world.DropChannels();
  std::vector<std::string> servers = {kBroker};
  for (const AgencyRow& row : kAgencies) servers.push_back(row.id);
  for (const std::string& server : servers) world.process(server).Terminate();
  for (const std::string& server : servers) EXPECT_EQ(world.process(server).Wait(kStartTime).value_or(-1), 0) << server;
  EXPECT_EQ(world.StartAll({"idva"}), absl::OkStatus());
}

}  // namespace
}  // namespace accord::tests::smoke_test

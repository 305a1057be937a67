// Audits of sharing over the wire: what is asked is on the record before it is answered, and each is told what it may know.
//
// Method: a whole broker whose clock the test moves, and raw stubs.
#include <absl/synchronization/notification.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "accord/admin/v1/audit_service.grpc.pb.h"
#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/api/audit_service.h"
#include "services/broker/api/paging.h"
#include "services/broker/api/table_pages.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_collector.h"
#include "services/broker/api/testing_wire.h"
#include "services/broker/sequencer/testing_command.h"
#include "services/broker/trails/receipts.h"
#include "services/broker/trails/trail.h"

namespace accord::broker::audit_api_test {
namespace {

using namespace type::v1;  // NOLINT
using admin::v1::AuditSharingRequest;
using admin::v1::AuditSharingResponse;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class AuditApiTest : public ::testing::Test {
 protected:
  AuditApiTest() : world_(&clock_) {}

  absl::StatusOr<AuditSharingResponse> Ask(const std::string& principal, const AuditSharingRequest& request) {
    auto& stub = stubs_[principal];
    if (stub == nullptr) stub = admin::v1::AuditService::NewStub(world_.Channel(principal));
    return rpc::CallUnary(*stub, &admin::v1::AuditService::Stub::AuditSharing, request, kTestTimeout);
  }
  AuditSharingRequest Request(admin::v1::SharingAudit audit) const {
    AuditSharingRequest request;
    request.set_audit(audit);
    request.set_from_ms(absl::ToUnixMillis(clock_.Now() - absl::Hours(24)));
    request.set_until_ms(absl::ToUnixMillis(clock_.Now() + absl::Hours(24)));
    return request;
  }
  // Its header digest.
  std::string Store(const TestingReferral& spec) {
    if (referrals_ == nullptr) referrals_ = v1::ReferralService::NewStub(world_.Channel("agency/police"));
    const auto stored = rpc::CallUnary(*referrals_, &v1::ReferralService::Stub::SubmitReferral, MakeSubmission(world_, spec), kTestTimeout);
    EXPECT_EQ(stored.status(), absl::OkStatus());
    return stored.ok() ? stored->header_digest() : "";
  }
  static std::vector<std::string> FirstCells(const AuditSharingResponse& response) {
    std::vector<std::string> cells;
    for (const auto& row : response.table().rows()) cells.push_back(row.cells(0));
    return cells;
  }

  FakeClock clock_;
  TestingBroker world_;
  std::unique_ptr<v1::ReferralService::Stub> referrals_;
  std::map<std::string, std::unique_ptr<admin::v1::AuditService::Stub>> stubs_;
};

TEST_F(AuditApiTest, AnAuditIsAnEntryBeforeItsFirstRowAndAnAgencySeesItsOwnSharingAlone) {
  Store({.request_id = "incident-1"});
  // Under the emergency schedule alone: identity and risk.
  Store({.request_id = "incident-2", .recipients = {"idva"}, .urgency = URGENCY_IMMEDIATE, .consent = CONFIDENTIALITY_CONSENT_REFUSED,
         .sealed_for = {{CATEGORY_NARRATIVE, {}}}});
  auto request = Request(admin::v1::SHARING_AUDIT_FLOWS);
  request.set_purpose("yearly-review");
  const auto flows = Ask("admin/alice", request);
  ASSERT_EQ(flows.status(), absl::OkStatus());
  EXPECT_GE(flows->table().rows_size(), 3);
  EXPECT_THAT(FirstCells(*flows), Each("police"));
  EXPECT_EQ(flows->table().referrals(), 2u);
  EXPECT_EQ(flows->table().completeness(), "attested");
  EXPECT_EQ(flows->table().tree_size(), flows->table().query_index());
  EXPECT_FALSE(flows->table().coverage().empty());
  {
    const auto view = *world_.broker().sequencer().View();
    const auto entry = *ReadEntry(*view, flows->table().query_index());
    const std::vector<Opening> openings(entry.openings.openings().begin(), entry.openings.openings().end());
    const auto parts = *ReadParts(openings);
    EXPECT_EQ(parts.event->type(), EVENT_TYPE_SHARING_AUDITED);
    EXPECT_EQ(parts.event->question(), static_cast<uint32_t>(admin::v1::SHARING_AUDIT_FLOWS));
    EXPECT_EQ(parts.event->purpose(), "yearly-review");
    EXPECT_EQ(parts.event->query_digest().size(), 32u);
    EXPECT_EQ(parts.actor->principal(), "admin/alice");
  }
  // The sender its own; a recipient, which sent nothing, nothing.
  request.clear_purpose();
  EXPECT_EQ(Ask("agency/police", request)->table().rows_size(), flows->table().rows_size());
  const auto recipient = Ask("agency/idva", request);
  ASSERT_EQ(recipient.status(), absl::OkStatus());
  EXPECT_EQ(recipient->table().rows_size(), 0);
  EXPECT_EQ(recipient->table().referrals(), 0u);
  request.add_agencies("police");
  EXPECT_TRUE(HasReason(Ask("agency/idva", request).status(), Reason::kNotPermitted));

  const auto refused = Ask("admin/alice", Request(admin::v1::SHARING_AUDIT_WITHOUT_CONSENT));
  ASSERT_EQ(refused.status(), absl::OkStatus());
  ASSERT_EQ(refused->table().rows_size(), 1);
  EXPECT_EQ(refused->table().rows(0).cells(5), "REFUSED");
  EXPECT_EQ(refused->table().rows(0).cells(10), "2") << "sections";
  const auto immediate = Ask("admin/alice", Request(admin::v1::SHARING_AUDIT_IMMEDIATE));
  ASSERT_EQ(immediate->table().rows_size(), 2);
  EXPECT_EQ(immediate->table().rows(0).cells(6), "1") << "a gap is open";
  // Everything else is answered, too.
  for (int audit = admin::v1::SHARING_AUDIT_WITHHELD; audit <= admin::v1::SharingAudit_MAX; ++audit) {
    const auto answer = Ask("admin/alice", Request(static_cast<admin::v1::SharingAudit>(audit)));
    ASSERT_EQ(answer.status(), absl::OkStatus()) << audit;
    EXPECT_FALSE(answer->table().definition().empty());
  }
}

// The refused call of the test above is one of idva's acts; and what is asked for in pages is one answer.
TEST_F(AuditApiTest, PagesAreOfOneAnswerForAnHourAndWhoIsInConflictIsAnsweredNothing) {
  Store({.request_id = "incident-1"});
  auto request = Request(admin::v1::SHARING_AUDIT_FLOWS);
  const int whole = Ask("admin/alice", request)->table().rows_size();
  ASSERT_GE(whole, 2);
  request.set_page_size(1);
  const auto first = Ask("admin/alice", request);
  ASSERT_EQ(first.status(), absl::OkStatus());
  request.set_page_token(first->next_page_token());
  Store({.request_id = "incident-2", .grade = RISK_GRADE_MEDIUM});
  const auto second = Ask("admin/alice", request);
  ASSERT_EQ(second.status(), absl::OkStatus());
  EXPECT_EQ(second->table().query_index(), first->table().query_index()) << "no further entry";
  EXPECT_EQ(second->table().referrals(), 1u) << "as the log was when it was asked";
  EXPECT_NE(second->table().rows(0).SerializeAsString(), first->table().rows(0).SerializeAsString());
  EXPECT_TRUE(HasReason(Ask("admin/bob", request).status(), Reason::kPageTokenInvalid)) << "somebody else's";
  auto other = request;
  other.set_audit(admin::v1::SHARING_AUDIT_WITHHELD);
  EXPECT_TRUE(HasReason(Ask("admin/alice", other).status(), Reason::kPageTokenInvalid));
  // A token is no secret and grants nothing: one that names another's entry of the same question, or an entry of another question, is none.
  const auto turned = [&](uint64_t index, uint64_t row) {
    auto forged = request;
    forged.set_page_token(MakePageToken(PageQuery("/accord.admin.v1.AuditService/AuditSharing", {"admin/alice", DigestWithoutPage(request)}),
                                        ByteWriter().U64(index).U64(row).bytes()));
    return Ask("admin/alice", forged);
  };
  auto again = request;
  again.clear_page_token();
  const uint64_t bobs = Ask("admin/bob", again)->table().query_index();
  auto withheld = again;
  withheld.set_audit(admin::v1::SHARING_AUDIT_WITHHELD);
  const uint64_t others_question = Ask("admin/alice", withheld)->table().query_index();
  for (const uint64_t index : {uint64_t{0}, bobs, others_question, uint64_t{1} << 40}) {
    EXPECT_TRUE(HasReason(turned(index, 0).status(), Reason::kPageTokenInvalid)) << index;
  }
  const uint64_t own = first->table().query_index();
  EXPECT_EQ(turned(own, 0)->table().rows(0).SerializeAsString(), first->table().rows(0).SerializeAsString());
  const auto beyond = turned(own, uint64_t{1} << 40);
  ASSERT_EQ(beyond.status(), absl::OkStatus());
  EXPECT_EQ(beyond->table().rows_size(), 0);
  EXPECT_EQ(beyond->next_page_token(), "");
  clock_.Advance(kTrailQueryLife);
  EXPECT_TRUE(Ask("admin/alice", request).ok()) << "to the last moment";
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(HasReason(Ask("admin/alice", request).status(), Reason::kPageTokenInvalid));

  // Probing has what idva was refused, by the record of its own chain.
  auto others = Request(admin::v1::SHARING_AUDIT_FLOWS);
  others.add_agencies("police");
  EXPECT_TRUE(HasReason(Ask("agency/idva", others).status(), Reason::kNotPermitted));
  clock_.Advance(absl::Minutes(2));
  auto probing = Request(admin::v1::SHARING_AUDIT_PROBING);
  probing.add_agencies("idva");
  const auto acts = Ask("admin/alice", probing);
  ASSERT_EQ(acts.status(), absl::OkStatus());
  ASSERT_EQ(acts->table().rows_size(), 1);
  EXPECT_EQ(acts->table().rows(0).cells(0), "idva");
  EXPECT_EQ(acts->table().rows(0).cells(4), "1") << "one refusal";

  admin::v1::Change bar;
  bar.mutable_put_conflict_list()->set_agency("administrators");
  bar.mutable_put_conflict_list()->add_workers("alice");
  ASSERT_EQ(world_.Change(bar), absl::OkStatus());
  const auto barred = Ask("admin/alice", Request(admin::v1::SHARING_AUDIT_FLOWS));
  EXPECT_TRUE(HasReason(barred.status(), Reason::kNotPermitted));
  EXPECT_THAT(barred.status().ToString(), HasSubstr("a protective rule applies"));
}

// Of what it received an agency is told its own reads, and neither to whom else it went nor that there is something which it has not.
TEST_F(AuditApiTest, AnAgencysAuditOfReadsSaysNothingOfWhatOthersWereSent) {
  Store({.request_id = "incident-1"});
  const auto probing = [&](const std::string& agency) {
    const auto answer = Ask("agency/" + agency, Request(admin::v1::SHARING_AUDIT_PROBING));
    EXPECT_EQ(answer.status(), absl::OkStatus());
    std::vector<std::string> covered;
    for (const auto& coverage : answer->table().coverage()) covered.push_back(coverage.agency());
    return std::pair(answer->table().referrals(), covered);
  };
  EXPECT_THAT(probing("housing").second, ElementsAre("housing"));
  EXPECT_EQ(probing("housing").first, 0u) << "it collected nothing";
  {
    Collector collector(world_, "agency/idva", 1);
    collector.Ack(collector.NextDelivery());
  }
  EXPECT_THAT(probing("idva").second, ElementsAre("idva", "police"));
  EXPECT_EQ(probing("idva").first, 1u);
  EXPECT_EQ(probing("police").second.size(), 3u) << "the sender knows to whom it sent";
}

TEST_F(AuditApiTest, AnAgencyThatIsNamedTwiceCountsOnceAndOneThatIsNotThereIsTold) {
  auto others = Request(admin::v1::SHARING_AUDIT_FLOWS);
  others.add_agencies("police");
  EXPECT_TRUE(HasReason(Ask("agency/idva", others).status(), Reason::kNotPermitted));
  auto request = Request(admin::v1::SHARING_AUDIT_PROBING);
  for (const char* agency : {"idva", "idva", "idwa"}) request.add_agencies(agency);
  const auto answer = Ask("admin/alice", request);
  ASSERT_EQ(answer.status(), absl::OkStatus());
  ASSERT_EQ(answer->table().rows_size(), 1);
  EXPECT_EQ(answer->table().rows(0).cells(4), "1") << "one refusal";
  EXPECT_THAT(answer->table().DebugString(), HasSubstr("The directory has no agency idwa:"));
}

// The rows by which it would be found went with it.
TEST_F(AuditApiTest, ThatThereWereErasuresIsSaid) {
  const std::string digest = Store({.request_id = "incident-1"});
  Store({.request_id = "incident-2", .grade = RISK_GRADE_MEDIUM});
  const auto request = Request(admin::v1::SHARING_AUDIT_FLOWS);
  EXPECT_THAT(Ask("admin/alice", request)->table().DebugString(), Not(HasSubstr("have been erased")));
  admin::v1::Change erase;
  erase.mutable_erase()->set_header_digest(digest);
  erase.mutable_erase()->set_ground(ERASURE_GROUND_ORDER);
  erase.mutable_erase()->set_authority("court-1");
  ASSERT_EQ(world_.Change(erase), absl::OkStatus());
  const auto after = Ask("admin/alice", request);
  ASSERT_EQ(after.status(), absl::OkStatus());
  EXPECT_EQ(after->table().referrals(), 1u);
  EXPECT_THAT(after->table().DebugString(), HasSubstr("have been erased"));
}

// It was not sealed for whom it was kept from, so it stays though an agreement permits it as the rest leaves.
TEST_F(AuditApiTest, WhatWasKeptBackAsItWasStoredIsNotSaidToHaveLeft) {
  ASSERT_EQ(world_.PutAgreement("2", R"("identity", "risk")"), absl::OkStatus());
  Store({.request_id = "incident-1", .recipients = {"idva"}, .sealed_for = {{CATEGORY_NARRATIVE, {}}}});
  ASSERT_EQ(world_.PutAgreement("3", R"("identity", "risk", "narrative")"), absl::OkStatus());
  {
    Collector collector(world_, "agency/idva", 1);
    const auto delivery = collector.NextDelivery();
    EXPECT_EQ(delivery.referral().sections_size(), 2) << "the rest";
    collector.Ack(delivery);
  }
  const auto flows = Ask("admin/alice", Request(admin::v1::SHARING_AUDIT_FLOWS));
  ASSERT_EQ(flows.status(), absl::OkStatus());
  std::set<std::string> shared;
  for (const auto& row : flows->table().rows()) {
    shared.insert(row.cells(2));
    EXPECT_EQ(row.cells(8), "1") << "of " << row.cells(2) << " left";
  }
  EXPECT_THAT(shared, ElementsAre("IDENTITY", "RISK"));
  EXPECT_THAT(flows->table().DebugString(), Not(HasSubstr("the record does not say any more"))) << "it was read";
  const auto withheld = Ask("admin/alice", Request(admin::v1::SHARING_AUDIT_WITHHELD));
  ASSERT_EQ(withheld->table().rows_size(), 1);
  EXPECT_EQ(withheld->table().rows(0).cells(2), "NARRATIVE");
}

// For its memory. The first takes the place and then waits for its entry; the second finds none, and is not on the record. An agency's has another.
TEST_F(AuditApiTest, OneAuditIsComputedAtATimeForAgenciesAndOneForAdministrators) {
  Store({.request_id = "incident-1"});
  const auto request = Request(admin::v1::SHARING_AUDIT_FLOWS);
  const auto audit = Ask("admin/alice", request);
  ASSERT_EQ(audit.status(), absl::OkStatus());
  ASSERT_EQ(Ask("agency/police", request).status(), absl::OkStatus());
  constexpr int kAsked = 2 * kAuditsAtOnceMax + 1;
  grpc::ClientContext contexts[kAsked];
  AuditSharingResponse responses[kAsked];
  EndedCalls ended;
  absl::Notification go_on;
  world_.broker().sequencer().Submit(std::make_unique<HeldUp>(go_on));
  for (int i = 0; i < kAsked; ++i) {
    rpc::SetTimeout(contexts[i], kTestTimeout);
    stubs_.at(i <= kAuditsAtOnceMax ? "admin/alice" : "agency/police")->async()->AuditSharing(&contexts[i], &request, &responses[i], [&](const grpc::Status& status) { ended.Add(rpc::FromGrpc(status)); });
  }
  const auto first = ended.Wait(1);
  go_on.Notify();
  const auto all = ended.Wait(kAsked);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(HasReason(first[0], Reason::kQueueFull)) << first[0];
  ASSERT_EQ(all.size(), size_t{kAsked});
  for (int i = 1; i < kAsked; ++i) EXPECT_EQ(all[i], absl::OkStatus()) << "one of each kind";
  for (const char* who : {"admin/alice", "agency/police", "admin/alice", "agency/police"}) {
    EXPECT_EQ(Ask(who, request).status(), absl::OkStatus()) << "each gives its place back";
  }
}

}  // namespace
}  // namespace accord::broker::audit_api_test

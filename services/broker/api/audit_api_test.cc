// Audits of sharing over the wire: what is asked is on the record before it is answered, and each is told what it may know.
//
// Method: a whole broker whose clock the test moves, and raw stubs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accord/admin/v1/audit_service.grpc.pb.h"
#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/api/paging.h"
#include "services/broker/api/table_pages.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/trails/receipts.h"
#include "services/broker/trails/trail.h"

namespace accord::broker::audit_api_test {
namespace {

using namespace type::v1;  // NOLINT
using admin::v1::AuditSharingRequest;
using admin::v1::AuditSharingResponse;
using ::testing::Each;
using ::testing::HasSubstr;

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
  void Store(const TestingReferral& spec) {
    if (referrals_ == nullptr) referrals_ = v1::ReferralService::NewStub(world_.Channel("agency/police"));
    EXPECT_EQ(rpc::CallUnary(*referrals_, &v1::ReferralService::Stub::SubmitReferral, MakeSubmission(world_, spec), kTestTimeout).status(), absl::OkStatus());
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

}  // namespace
}  // namespace accord::broker::audit_api_test

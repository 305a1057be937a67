// Goal: a client is handed over from one Idva service to the next as the next has published that it takes such clients, over the real
// programs and under the shipped agreement: found by routing, delivered whole, accepted, heard of by who handed over. Once the next has
// closed, nobody is told, and that is an entry.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "accord/idva/v1/idva_service.grpc.pb.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "tests/system/ctl.h"
#include "tests/system/traffic.h"

namespace accord::tests::handover_test {
namespace {

using agency::v1::InboxService;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using idva::v1::IdvaService;

constexpr char kHere[] = "idva", kNext[] = "idva-southshire";

// The sample of a handover, to nobody named.
idva::v1::HandOverClientRequest Handover(const std::string& request_id) {
  const auto text = ReadFile(World::Source("deploy/samples/65-idva-handover-service-not-here.json"), 1u << 20);
  EXPECT_EQ(text.status(), absl::OkStatus());
  idva::v1::HandOverClientRequest request;
  const auto parsed = google::protobuf::util::JsonStringToMessage(nlohmann::json::parse(*text).at("request").dump(), &request);
  EXPECT_TRUE(parsed.ok()) << parsed.ToString();
  request.mutable_options()->set_request_id(request_id);
  request.mutable_options()->clear_recipients();
  request.mutable_options()->set_wait_ms(20'000);
  return request;
}

class HandoverTest : public ::testing::Test {
 protected:
  HandoverTest() : world_({.further = {{kNext, "idva", "accord-idva", type::v1::AGENCY_KIND_IDVA}}}) {}
  void SetUp() override { ASSERT_EQ(world_.StartAll({kHere, kNext}), absl::OkStatus()); }

  absl::StatusOr<agency::v1::PushResult> HandOver(const std::string& request_id) {
    const auto response = rpc::CallUnary(*world_.Own<IdvaService>(kHere), &IdvaService::Stub::HandOverClient, Handover(request_id), kStartTime);
    if (!response.ok()) return response.status();
    return response->result();
  }
  // What `accordctl support …` says.
  std::string Support(std::vector<std::string> words) {
    words.insert(words.begin(), "support");
    const Ran ran = RunCtl(world_, words);
    EXPECT_EQ(ran.exit_status, 0) << ran.output;
    return ran.output;
  }
  // That the service here routes so by now: a preview tells nobody.
  bool RoutesToNext() {
    auto request = Handover("OAS-20311/preview");
    request.mutable_options()->set_preview_only(true);
    const auto response = rpc::CallUnary(*world_.Own<IdvaService>(kHere), &IdvaService::Stub::HandOverClient, request, kCallTime);
    return response.ok() && std::any_of(response->result().decisions().begin(), response->result().decisions().end(),
                                        [](const auto& decision) { return decision.recipient() == kNext; });
  }

  World world_;
};

TEST_F(HandoverTest, GoesToTheServiceThatPublishedThatItTakesTheClient) {
  EXPECT_THAT(Support({"publish", "--places", "2", "--age-from", "18", "--area", "E07000064", "--as", kNext, "--dry-run"}), HasSubstr("would publish"));
  EXPECT_THAT(Support({"list", "--as", kHere}), HasSubstr("No agency has published"));
  Support({"publish", "--places", "2", "--age-from", "18", "--area", "E07000064", "--as", kNext});
  EXPECT_THAT(Support({"list", "--as", kHere}), HasSubstr("2 places"));

  const auto pushed = HandOver("OAS-20311/handover-2");
  ASSERT_EQ(pushed.status(), absl::OkStatus());
  ASSERT_EQ(pushed->state(), agency::v1::SUBMISSION_STATE_SETTLED) << pushed->DebugString();
  const auto item = AwaitArrival(world_, kNext, pushed->referral());
  ASSERT_EQ(item.status(), absl::OkStatus());
  EXPECT_EQ(item->sender(), kHere);
  const std::set<int> categories(item->categories().begin(), item->categories().end());
  EXPECT_THAT(categories, IsSupersetOf({int{type::v1::CATEGORY_IDENTITY}, int{type::v1::CATEGORY_SAFE_CONTACT}, int{type::v1::CATEGORY_RISK},
                                        int{type::v1::CATEGORY_ALLEGED_PERPETRATOR}, int{type::v1::CATEGORY_SAFETY_PLAN},
                                        int{type::v1::CATEGORY_VOICE}, int{type::v1::CATEGORY_NARRATIVE}}));
  agency::v1::ReadReferralRequest read;
  read.set_request_id("read-0001");
  read.set_referral(pushed->referral());
  *read.mutable_worker() = TestWorker("south-1");
  ASSERT_EQ(rpc::CallUnary(*world_.Own<InboxService>(kNext), &InboxService::Stub::ReadReferral, read, kCallTime).status(), absl::OkStatus());
  agency::v1::AcceptReferralRequest accept;
  accept.set_request_id("accept-0001");
  accept.set_referral(pushed->referral());
  *accept.mutable_worker() = TestWorker("south-1");
  ASSERT_EQ(rpc::CallUnary(*world_.Own<InboxService>(kNext), &InboxService::Stub::AcceptReferral, accept, kCallTime).status(), absl::OkStatus());
  EXPECT_TRUE(Eventually(kStartTime, [&] {
    const auto submission = GetSubmission(world_, kHere, "OAS-20311/handover-2");
    return submission.ok() && std::any_of(submission->statements().begin(), submission->statements().end(), [](const auto& row) {
             return row.agency() == kNext && row.kind() == type::v1::STATEMENT_KIND_ACCEPTED;
           });
  })) << "who handed over knows whose the client is";

  // It fills up.
  EXPECT_TRUE(Eventually(kStartTime, [&] { return RunCtl(world_, {"support", "room", "--places", "0", "--as", kNext}).exit_status == 0; }))
      << "one change a second is taken";
  EXPECT_THAT(Support({"list", "--as", kHere}), HasSubstr("no room"));
  ASSERT_TRUE(Eventually(kStartTime, [&] { return !RoutesToNext(); }));
  const absl::Status refused = HandOver("OAS-20311/handover-3").status();
  EXPECT_TRUE(HasReason(refused, Reason::kFieldMissing)) << refused;
  EXPECT_EQ(DetailOf(refused).metadata["not_eligible"], kNext);
  const auto recorded = AwaitState(world_, kHere, "OAS-20311/handover-3/not-eligible", agency::v1::SUBMISSION_STATE_SETTLED);
  ASSERT_EQ(recorded.status(), absl::OkStatus());
  EXPECT_THAT(RunCtl(world_, {"sharing", "list", "--class", "not-shared", "--as", kHere}).output, HasSubstr("no capacity")) << "unmet demand";
  const auto trail = TrailOfReferral(world_, "admin/alice", DigestOfName(recorded->referral()));
  ASSERT_EQ(trail.status(), absl::OkStatus());
  EXPECT_TRUE(std::any_of(trail->begin(), trail->end(),
                          [](const auto& row) { return row.event().type() == type::v1::EVENT_TYPE_NOT_SHARED_RECORDED; }));
  const auto inbox = ListInbox(world_, kNext);
  ASSERT_EQ(inbox.status(), absl::OkStatus());
  EXPECT_EQ(inbox->size(), 1u) << "it was told of the first alone";
}

}  // namespace
}  // namespace accord::tests::handover_test

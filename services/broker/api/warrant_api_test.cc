// Warrants over the wire: a whole broker with TLS, a real store and a real log.
//
// Goal: what an inspector is shown of the record is what its warrant covers, whichever of its dimensions it is that ends; a suspension reaches the
// inspectorate at once and the next call; agencies see who looked once the embargo is over and before it nothing, not that there is anything.
// Method: raw answers, so that every byte that comes back can be compared.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "accord/inspection/v1/trail_service.pb.h"
#include "accord/inspection/v1/warrant_service.pb.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "services/broker/api/testing_warrants.h"
#include "services/broker/api/testing_wire.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker::warrant_api_test {
namespace {

using inspection::v1::QueryTrailRequest;
using inspection::v1::QueryTrailResponse;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WarrantApiTest : public WarrantFixture {
 protected:
  WarrantApiTest() {
    for (const char* id : {"ines", "omar"}) Enrol(id, "ofsted");
    Enrol("carl", "cqc");
  }
  static QueryTrailRequest AboutReferral(const std::string& digest, const std::string& warrant) {
    QueryTrailRequest request;
    request.set_referral(digest);
    request.set_warrant(warrant);
    return request;
  }
  WireAnswer Trail(const std::string& principal, const QueryTrailRequest& request) { return Call(principal, kTrails + "QueryTrail", request); }
  // The types of the rows; or the reason of the refusal, with the dimension.
  std::string Shown(const WireAnswer& answer) {
    if (answer.code != grpc::StatusCode::OK) {
      const ErrorDetail detail = DetailOf(rpc::FromGrpc(grpc::Status(answer.code, answer.words, answer.details)));
      std::string told(RowOf(detail.reason).name);
      for (const char* key : {"dimension", "state", "reason"}) {
        if (detail.metadata.contains(key)) told += " " + detail.metadata.at(key);
      }
      return told;
    }
    std::set<std::string> types;
    const auto response = Only<QueryTrailResponse>(answer);
    for (const auto& row : response.rows()) {
      const std::string type = row.has_event() ? type::v1::EventType_Name(row.event().type()).substr(11) : "closed";
      if (!type.ends_with("_OVERDUE")) types.insert(type);  // Whether a clock had its turn since the time was moved is nobody's here to say.
    }
    return fmt::format("{}", fmt::join(types, " "));
  }
  std::vector<inspection::v1::Look> Looks(const std::string& principal, int page_size = 1) {
    std::vector<inspection::v1::Look> looks;
    inspection::v1::ListLooksRequest request;
    request.set_page_size(page_size);
    do {
      const auto page = Only<inspection::v1::ListLooksResponse>(Call(principal, kWarrants + "ListLooks", request));
      looks.insert(looks.end(), page.looks().begin(), page.looks().end());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return looks;
  }
};

TEST_F(WarrantApiTest, OneStepOutsideAnyDimensionAnInspectorIsShownNothing) {
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"idva"}}), other = Store({.request_id = "incident-2", .recipients = {"housing"}});
  const std::string own_case = CaseOf(digest);
  ASSERT_EQ(own_case.size(), kIdBytes);
  const int64_t now = absl::ToUnixMillis(clock_.Now());
  const std::string all = "CASE_FLAGGED DELIVERED REFERRAL_STORED RELEASED TRAIL_QUERIED";
  struct Row {
    std::string id;
    std::function<void(Warrant&)> change;
    std::string shown;
  };
  const std::vector<Row> table = {
      {"whole", nullptr, all},
      {"agency", [](Warrant& w) { w.mutable_scope()->add_agencies("police"); }, all},
      // What Accord finds about a case concerns its sender alone.
      {"agency-recipient", [](Warrant& w) { w.mutable_scope()->add_agencies("idva"); }, "DELIVERED REFERRAL_STORED RELEASED TRAIL_QUERIED"},
      {"agency-beyond", [](Warrant& w) { w.mutable_scope()->add_agencies("housing"); }, "WARRANT_SCOPE agency"},
      {"area", [](Warrant& w) { w.mutable_scope()->add_areas(std::string(kArea)); }, all},
      {"area-beyond", [](Warrant& w) { w.mutable_scope()->add_areas(std::string(kOtherArea)); }, "WARRANT_SCOPE area"},
      {"from", [&](Warrant& w) { w.mutable_scope()->set_from_ms(now); }, all},
      {"from-beyond", [&](Warrant& w) { w.mutable_scope()->set_from_ms(now + 1); }, "TRAIL_QUERIED"},
      {"until", [&](Warrant& w) { w.mutable_scope()->set_until_ms(now + 1); }, all},
      {"until-beyond", [&](Warrant& w) { w.mutable_scope()->set_until_ms(now); }, "TRAIL_QUERIED"},
      {"event", [](Warrant& w) { w.mutable_scope()->add_events(type::v1::EVENT_TYPE_RELEASED); }, "RELEASED TRAIL_QUERIED"},
      {"case", [&](Warrant& w) { w.mutable_scope()->add_cases(own_case); }, all},
      {"case-beyond", [](Warrant& w) { w.mutable_scope()->add_cases(std::string(16, 'c')); }, "WARRANT_SCOPE case"},
      {"sample-beyond", [](Warrant& w) { w.mutable_scope()->set_sample_cases_max(5); }, "WARRANT_SCOPE case"},
      {"officer", [](Warrant& w) { w.add_officers("ines"); }, all},
      {"officer-beyond", [](Warrant& w) { w.add_officers("omar"); }, "WARRANT_NOT_FOUND"},
      {"start-beyond", [&](Warrant& w) { w.set_starts_ms(now + 1); }, "WARRANT_NOT_ACTIVE WARRANT_STATE_ACTIVE"},
      {"panel", [](Warrant& w) { w.set_kind(inspection::v1::WARRANT_KIND_SCRUTINY_PANEL); }, "WARRANT_SCOPE kind"},
      {"commissioner", [](Warrant& w) { w.set_kind(inspection::v1::WARRANT_KIND_COMMISSIONER); }, "WARRANT_SCOPE kind"},
      {"death-review", [](Warrant& w) { w.set_kind(inspection::v1::WARRANT_KIND_DEATH_REVIEW); }, all},
  };
  for (const Row& row : table) {
    Activated(row.id, row.change);
    EXPECT_EQ(Shown(Trail("inspector/ines", AboutReferral(digest, row.id))), row.shown) << row.id;
  }
  EXPECT_EQ(Shown(Trail("inspector/ines", AboutReferral(digest, ""))), "NOT_PERMITTED");
  EXPECT_EQ(Shown(Trail("inspector/carl", AboutReferral(digest, "whole"))), "WARRANT_NOT_FOUND") << "of another body";
  EXPECT_EQ(Shown(Trail("agency/police", AboutReferral(digest, "whole"))), "NOT_PERMITTED");
  EXPECT_EQ(Shown(Trail("admin/alice", AboutReferral(digest, "whole"))), "FIELD_INVALID");
  EXPECT_EQ(Shown(Trail("inspector/ines", AboutReferral(std::string(32, 'x'), "whole"))), "REFERRAL_NOT_FOUND");
  EXPECT_EQ(Shown(Trail("inspector/ines", AboutReferral(other, "case"))), "WARRANT_SCOPE case");

  QueryTrailRequest about;
  about.set_case_pseudonym(own_case);
  for (const auto& [warrant, shown] : std::map<std::string, std::string>{{"whole", "TRAIL_QUERIED"}, {"case-beyond", "WARRANT_SCOPE case"}}) {
    about.set_warrant(warrant);
    EXPECT_THAT(Shown(Trail("inspector/ines", about)), ::testing::HasSubstr(shown)) << warrant;
  }
  about.set_warrant("whole");
  about.set_agency("police");
  EXPECT_EQ(Shown(Trail("inspector/ines", about)), "NOT_PERMITTED");

  // A page may be turned by who asked, under the warrant that it was asked under, as long as that is in force.
  QueryTrailRequest request = AboutReferral(digest, "whole");
  request.set_page_size(1);
  request.set_page_token(Only<QueryTrailResponse>(Trail("inspector/ines", request)).next_page_token());
  EXPECT_FALSE(request.page_token().empty());
  EXPECT_EQ(Shown(Trail("inspector/ines", request)), "CASE_FLAGGED");
  EXPECT_EQ(Shown(Trail("inspector/omar", request)), "PAGE_TOKEN_INVALID");
  QueryTrailRequest elsewhere = request;
  elsewhere.set_warrant("agency");
  EXPECT_EQ(Shown(Trail("inspector/ines", elsewhere)), "PAGE_TOKEN_INVALID");
  clock_.Advance(absl::Hours(24 * 10) - absl::Milliseconds(1));
  EXPECT_EQ(Shown(Trail("inspector/ines", AboutReferral(digest, "whole"))), all);
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(Shown(Trail("inspector/ines", AboutReferral(digest, "whole"))), "WARRANT_NOT_ACTIVE WARRANT_STATE_EXPIRED");
  EXPECT_EQ(Shown(Trail("inspector/ines", request)), "WARRANT_NOT_ACTIVE WARRANT_STATE_EXPIRED");
}

TEST_F(WarrantApiTest, ASuspensionReachesTheInspectorateAtOnceAndTheNextCall) {
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"idva"}});
  Activated("jtai-1");
  Activated("other-1", [](Warrant& w) {
    w.set_kind(inspection::v1::WARRANT_KIND_DEATH_REVIEW);
    w.set_inspectorate("cqc");
  });
  WireCall watch(world_.Channel("inspector/omar"), kWarrants + "WatchWarrants");
  watch.Write(inspection::v1::WatchWarrantsRequest());
  watch.WritesDone();
  const auto next = [&] {
    const auto message = watch.Read();
    EXPECT_TRUE(message.has_value());
    const auto warrant = Parse<inspection::v1::WatchWarrantsResponse>(message.value_or("")).warrant();
    return fmt::format("{} {} {}", warrant.id(), inspection::v1::WarrantState_Name(warrant.state()), inspection::v1::WarrantSuspension_Name(warrant.suspension()));
  };
  EXPECT_EQ(next(), "jtai-1 WARRANT_STATE_ACTIVE WARRANT_SUSPENSION_UNSPECIFIED");

  QueryTrailRequest turning = AboutReferral(digest, "jtai-1");
  turning.set_page_size(1);
  turning.set_page_token(Only<QueryTrailResponse>(Trail("inspector/ines", turning)).next_page_token());
  EXPECT_EQ(Change("admin/alice", "jtai-1", inspection::v1::WARRANT_ACT_SUSPEND).reason(), Reason::kFieldMissing) << "not without a reason";
  EXPECT_EQ(Change("inspector/ines", "jtai-1", inspection::v1::WARRANT_ACT_SUSPEND, inspection::v1::WARRANT_SUSPENSION_CONFLICT).reason(), Reason::kNotPermitted);
  EXPECT_EQ(Change("admin/alice", "other-1", inspection::v1::WARRANT_ACT_SUSPEND, inspection::v1::WARRANT_SUSPENSION_CONFLICT).code, grpc::StatusCode::OK);
  EXPECT_EQ(Change("admin/alice", "jtai-1", inspection::v1::WARRANT_ACT_SUSPEND, inspection::v1::WARRANT_SUSPENSION_OUTSIDE_POWER).code, grpc::StatusCode::OK);
  EXPECT_EQ(next(), "jtai-1 WARRANT_STATE_SUSPENDED WARRANT_SUSPENSION_OUTSIDE_POWER") << "and nothing of another body's";
  const std::string refused = "WARRANT_NOT_ACTIVE WARRANT_STATE_SUSPENDED WARRANT_SUSPENSION_OUTSIDE_POWER";
  EXPECT_EQ(Shown(Trail("inspector/ines", AboutReferral(digest, "jtai-1"))), refused);
  EXPECT_EQ(Shown(Trail("inspector/ines", turning)), refused);

  EXPECT_EQ(Change("admin/alice", "jtai-1", inspection::v1::WARRANT_ACT_RESUME).reason(), Reason::kSelfApproval);
  EXPECT_EQ(Change("admin/bob", "jtai-1", inspection::v1::WARRANT_ACT_RESUME).code, grpc::StatusCode::OK);
  EXPECT_EQ(next(), "jtai-1 WARRANT_STATE_ACTIVE WARRANT_SUSPENSION_UNSPECIFIED");
  EXPECT_EQ(Change("admin/bob", "jtai-1", inspection::v1::WARRANT_ACT_END).reason(), Reason::kNotPermitted);
  EXPECT_EQ(Change("inspector/ines", "jtai-1", inspection::v1::WARRANT_ACT_END).code, grpc::StatusCode::OK);
  EXPECT_EQ(next(), "jtai-1 WARRANT_STATE_ENDED WARRANT_SUSPENSION_UNSPECIFIED");

  inspection::v1::ListWarrantsRequest list;
  EXPECT_EQ(Only<inspection::v1::ListWarrantsResponse>(Call("inspector/ines", kWarrants + "ListWarrants", list)).warrants_size(), 0);
  list.set_with_ended(true);
  EXPECT_EQ(Only<inspection::v1::ListWarrantsResponse>(Call("inspector/ines", kWarrants + "ListWarrants", list)).warrants(0).id(), "jtai-1");
  list.set_page_size(1);
  const auto first = Only<inspection::v1::ListWarrantsResponse>(Call("admin/alice", kWarrants + "ListWarrants", list));
  ASSERT_EQ(first.warrants_size(), 1);
  EXPECT_EQ(first.warrants(0).id(), "other-1") << "the newest first";
  list.set_page_token(first.next_page_token());
  const auto second = Only<inspection::v1::ListWarrantsResponse>(Call("admin/alice", kWarrants + "ListWarrants", list));
  ASSERT_EQ(second.warrants_size(), 1);
  EXPECT_EQ(second.warrants(0).id(), "jtai-1");
  EXPECT_TRUE(second.next_page_token().empty());

  // A dry run leaves nothing.
  inspection::v1::ProposeWarrantRequest dry;
  dry.set_request_id("propose-dry");
  dry.set_dry_run(true);
  *dry.mutable_warrant() = Make("jtai-2");
  EXPECT_EQ(Only<inspection::v1::ProposeWarrantResponse>(Call("inspector/ines", kWarrants + "ProposeWarrant", dry)).index(), 0u);
  dry.mutable_warrant()->set_id("jtai-1");
  EXPECT_EQ(Call("inspector/ines", kWarrants + "ProposeWarrant", dry).reason(), Reason::kFieldInvalid);
  list.clear_page_token(), list.set_page_size(0);
  EXPECT_EQ(Only<inspection::v1::ListWarrantsResponse>(Call("inspector/ines", kWarrants + "ListWarrants", list)).warrants_size(), 1);

  Enrol("omar", "ofsted", /*certificate=*/"", /*active=*/false);
  EXPECT_EQ(watch.Finish().reason(), Reason::kPrincipalUnknown) << "who may call no more watches no more";
}

TEST_F(WarrantApiTest, AnAgencySeesWhoLookedAfterTheEmbargoAndNothingBefore) {
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"idva"}});
  Store({.request_id = "incident-2", .recipients = {"housing"}}, /*collected=*/false);
  const int64_t embargo = absl::ToUnixMillis(clock_.Now() + absl::Hours(24 * 30));
  Activated("jtai-1", [&](Warrant& w) { w.set_embargo_until_ms(embargo); });
  EXPECT_EQ(Call("admin/alice", kWarrants + "ListLooks", inspection::v1::ListLooksRequest()).reason(), Reason::kRoleNotAllowed);
  const auto query_index = Only<QueryTrailResponse>(Trail("inspector/ines", AboutReferral(digest, "jtai-1"))).query_index();
  QueryTrailRequest of_case;
  of_case.set_case_pseudonym(CaseOf(digest));
  of_case.set_warrant("jtai-1");
  EXPECT_EQ(Trail("inspector/ines", of_case).code, grpc::StatusCode::OK);

  clock_.Advance(absl::FromUnixMillis(embargo) - clock_.Now() - absl::Milliseconds(1));
  for (const char* agency : {"agency/police", "agency/idva", "agency/childrens"}) {
    EXPECT_THAT(Call(agency, kWarrants + "ListLooks", inspection::v1::ListLooksRequest()).messages, ElementsAre("")) << agency;
  }
  // Its row in the sender's trail says nothing but that there is an entry.
  EXPECT_EQ(Shown(Trail("agency/police", AboutReferral(digest, ""))), "DELIVERED REFERRAL_STORED RELEASED TRAIL_QUERIED closed");
  {
    const auto view = world_.broker().sequencer().View();
    const auto entry = ReadEntry(**view, query_index);
    EXPECT_THAT(OpeningsFor(entry->openings, {options::v1::CALLER_AGENCY, "police", "agency/police", ""}), IsEmpty());
    EXPECT_EQ(entry->parsed.chains.size(), 3u) << "the referral's, the case's, the warrant's";
  }

  clock_.Advance(absl::Milliseconds(1));
  for (const char* agency : {"agency/police", "agency/idva"}) {
    const auto looks = Looks(agency);
    ASSERT_EQ(looks.size(), 2u) << agency;
    EXPECT_EQ(looks[1].index(), query_index);
    EXPECT_EQ(looks[1].referral(), referral::ReferralName(digest));
    EXPECT_EQ(looks[1].warrant(), "jtai-1");
    EXPECT_EQ(looks[1].inspectorate(), "ofsted");
    EXPECT_EQ(looks[1].legal_power(), "CA2004_S20");
    EXPECT_EQ(looks[1].event(), type::v1::EVENT_TYPE_TRAIL_QUERIED);
    EXPECT_TRUE(looks[0].referral().empty()) << "about a case: not which of its referrals";
  }
  EXPECT_THAT(Looks("agency/childrens"), IsEmpty());
  EXPECT_THAT(Looks("agency/housing"), IsEmpty()) << "nothing of incident-2 was looked at, nor released";

  Erase(digest);
  const auto left = Looks("agency/police");
  ASSERT_EQ(left.size(), 2u);
  EXPECT_TRUE(left[1].referral().empty()) << "that somebody looked stays, and at which referral went with it";
}

TEST_F(WarrantApiTest, OfAReferralThatWasNotReleasedToItAnAgencyLearnsNothingByALook) {
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"housing"}}, /*collected=*/false);
  Activated("jtai-1");
  EXPECT_EQ(Trail("inspector/ines", AboutReferral(digest, "jtai-1")).code, grpc::StatusCode::OK);
  EXPECT_THAT(Looks("agency/housing"), IsEmpty());
  EXPECT_EQ(Looks("agency/police").size(), 1u) << "without an embargo at once";
}

}  // namespace
}  // namespace accord::broker::warrant_api_test

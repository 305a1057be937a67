// Warrants over the wire: a whole broker with TLS, a real store and a real log.
//
// Goal: what an inspector is shown of the record is what its warrant covers, whichever of its dimensions it is that ends and whichever call it asks by; a
// suspension reaches the inspectorate at once and the next call (that it ends a stream is in warrant_calls_api_test.cc); agencies see who looked once the
// embargo is over and before it nothing, not that there is anything.
// Method: raw answers, so that every byte that comes back can be compared.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"
#include "accord/inspection/v1/trail_service.pb.h"
#include "accord/inspection/v1/warrant_service.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "services/broker/api/testing_warrant_calls.h"
#include "services/broker/api/testing_wire.h"
#include "services/broker/trails/filter.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker::warrant_api_test {
namespace {

using inspection::v1::QueryTrailRequest;
using inspection::v1::QueryTrailResponse;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class WarrantApiTest : public WarrantCallsFixture {
 protected:
  WarrantApiTest() { Enrol("carl", "cqc"); }
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
  std::unique_ptr<WireCall> Watching(const std::string& principal) {
    auto watch = std::make_unique<WireCall>(world_.Channel(principal), kWarrants + "WatchWarrants");
    watch->Write(inspection::v1::WatchWarrantsRequest());
    watch->WritesDone();
    return watch;
  }
  // A warrant's id; or who was shut out or let in, when, by which entry and why.
  static std::string NextOf(WireCall& watch) {
    const auto message = watch.Read();
    if (!message.has_value()) return "the end";
    const auto told = Parse<inspection::v1::WatchWarrantsResponse>(*message);
    if (!told.has_shut_out()) return told.warrant().id();
    const auto& officer = told.shut_out();
    return fmt::format("{} {} {} {}{}", officer.officer(), officer.suspended() ? "out" : "in", officer.time_ms(), officer.index(), officer.reason().empty() ? "" : " " + officer.reason());
  }
};

// Of each call nothing is shown when it is refused; of a filter, which refuses no values, and of its stream when the query's own row is the only one; of
// questions and samples about many when the table has no row. A bundle opens as many entries as the trail has rows, and where a trail is refused it is
// refused alike, as is how the trail would be read, of which else nothing is told.
TEST_F(WarrantApiTest, OneStepOutsideAnyDimensionAnInspectorIsShownNothing) {
  const int64_t stored = absl::ToUnixMillis(clock_.Now());
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"idva"}}, /*collected=*/false);
  const std::string other = Store({.request_id = "incident-2", .recipients = {"housing"}}, /*collected=*/false);
  clock_.Advance(absl::Minutes(1));
  const int64_t delivered = absl::ToUnixMillis(clock_.Now());
  for (const char* recipient : {"agency/idva", "agency/housing"}) {
    Collector collector(world_, recipient, 1);
    collector.Ack(collector.NextDelivery());
  }
  const std::string own_case = CaseOf(digest);
  ASSERT_EQ(own_case.size(), kIdBytes);
  const std::map<std::string, std::string> known_as = {{referral::ReferralName(digest), "1"}, {referral::ReferralName(other), "2"},
                                                       {ToHex(own_case), "1"}, {ToHex(CaseOf(other)), "2"}, {"", "unnamed"}};
  clock_.Advance(absl::Hours(6 * 24));  // Past the days within which what is HIGH is to reach an Idva, which incident-2 did not.
  const int64_t now = absl::ToUnixMillis(clock_.Now());

  const std::string own = "TRAIL_QUERIED", none;
  const std::string all = "CASE_FLAGGED DELIVERED REFERRAL_STORED RELEASED", found = "DELIVERED REFERRAL_STORED RELEASED";
  struct Row {
    std::string id;
    std::function<void(Warrant&)> change;
    std::string trail, filter;     // Of incident-1; of what concerns its recipient. Besides the query's own row.
    std::string timeline;          // Question 1, of incident-1.
    std::string high, sample;      // Question 3; and the cases of a sample.
  };
  const auto whole = [&](const std::string& id, std::function<void(Warrant&)> change) { return Row{id, std::move(change), all, found, all, "2", "1 2"}; };
  const auto refused = [&](const std::string& id, std::function<void(Warrant&)> change, const std::string& reason) {
    return Row{id, std::move(change), reason, reason, reason, reason, reason};
  };
  // Of a referral no part without its beginning: that is what says that there is one.
  const std::string no_period = "WARRANT_SCOPE period", no_event = "WARRANT_SCOPE event", no_area = "WARRANT_SCOPE area", no_case = "WARRANT_SCOPE case";
  const std::vector<Row> table = {
      whole("whole", nullptr),
      whole("agency", [](Warrant& w) { w.mutable_scope()->add_agencies("police"); }),
      // What Accord finds about a case concerns its sender alone.
      {"agency-recipient", [](Warrant& w) { w.mutable_scope()->add_agencies("idva"); }, found, found, found, none, "1"},
      {"agency-beyond", [](Warrant& w) { w.mutable_scope()->add_agencies("housing"); }, "WARRANT_SCOPE agency", none, "WARRANT_SCOPE agency", "2", "2"},
      whole("area", [](Warrant& w) { w.mutable_scope()->add_areas(std::string(kArea)); }),
      {"area-beyond", [](Warrant& w) { w.mutable_scope()->add_areas(std::string(kOtherArea)); }, no_area, none, no_area, none, none},
      whole("from", [&](Warrant& w) { w.mutable_scope()->set_from_ms(stored); }),
      {"from-after-stored", [&](Warrant& w) { w.mutable_scope()->set_from_ms(stored + 1); }, "DELIVERED RELEASED", "DELIVERED RELEASED", no_period, none, none},
      {"from-beyond", [&](Warrant& w) { w.mutable_scope()->set_from_ms(delivered + 1); }, none, none, no_period, none, none},
      // What is to reach an Idva within days is not late before the period is over.
      {"until", [&](Warrant& w) { w.mutable_scope()->set_until_ms(delivered + 1); }, all, found, all, none, "1 2"},
      // That incident-1 reached the Idva lies outside.
      {"until-delivered", [&](Warrant& w) { w.mutable_scope()->set_until_ms(delivered); }, "CASE_FLAGGED REFERRAL_STORED", "REFERRAL_STORED",
       "CASE_FLAGGED REFERRAL_STORED", none, "1 2"},
      {"until-beyond", [&](Warrant& w) { w.mutable_scope()->set_until_ms(stored); }, none, none, no_period, none, none},
      {"event", [](Warrant& w) { w.mutable_scope()->add_events(type::v1::EVENT_TYPE_REFERRAL_STORED); }, "REFERRAL_STORED", "REFERRAL_STORED",
       "REFERRAL_STORED", "1 2", "1 2"},
      {"event-later", [](Warrant& w) { w.mutable_scope()->add_events(type::v1::EVENT_TYPE_RELEASED); }, "RELEASED", "RELEASED", no_event, none, none},
      {"case", [&](Warrant& w) { w.mutable_scope()->add_cases(own_case); }, all, found, all, none, "1"},
      {"case-beyond", [](Warrant& w) { w.mutable_scope()->add_cases(std::string(16, 'c')); }, no_case, none, no_case, none, none},
      // A sample would open it, but none of so few cases that it were chosen.
      {"sample-beyond", [](Warrant& w) { w.mutable_scope()->set_sample_cases_max(5); }, no_case, none, no_case, none, "WARRANT_SCOPE sample"},
      whole("officer", [](Warrant& w) { w.add_officers("ines"); }),
      refused("officer-beyond", [](Warrant& w) { w.add_officers("omar"); }, "WARRANT_NOT_FOUND"),
      refused("start-beyond", [&](Warrant& w) { w.set_starts_ms(now + 1); }, "WARRANT_NOT_ACTIVE WARRANT_STATE_ACTIVE"),
      {"panel", [](Warrant& w) { w.set_kind(inspection::v1::WARRANT_KIND_SCRUTINY_PANEL); }, "WARRANT_SCOPE kind", "WARRANT_SCOPE kind", no_case, "unnamed",
       "unnamed"},
      {"commissioner", [](Warrant& w) { w.set_kind(inspection::v1::WARRANT_KIND_COMMISSIONER); }, "WARRANT_SCOPE kind", "WARRANT_SCOPE kind",
       "WARRANT_SCOPE rows", "WARRANT_SCOPE rows", "WARRANT_SCOPE rows"},
      whole("death-review", [](Warrant& w) { w.set_kind(inspection::v1::WARRANT_KIND_DEATH_REVIEW); }),
  };
  const auto with_own = [&](const std::string& shown) {
    return shown.starts_with("WARRANT_") ? shown : shown + (shown.empty() ? "" : " ") + own;
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.id);
    int64_t from_ms = 0, until_ms = 0;
    Activated(row.id, [&](Warrant& warrant) {
      warrant.mutable_scope()->set_from_ms(stored - 3'600'000);
      warrant.mutable_scope()->set_until_ms(now);  // What is asked here lies outside.
      if (row.change) row.change(warrant);
      from_ms = warrant.scope().from_ms(), until_ms = warrant.scope().until_ms();
    });
    const WireAnswer trail = Trail("inspector/ines", AboutReferral(digest, row.id));
    EXPECT_EQ(Shown(trail), with_own(row.trail));
    EXPECT_EQ(Shown(Trail("inspector/ines", Concerning("idva", row.id))), with_own(row.filter));
    EXPECT_EQ(Streamed(Stream(Concerning("idva", row.id))), with_own(row.filter));
    inspection::v1::AskQuestionRequest timeline, high;
    timeline.set_question(1), timeline.set_referral(digest), timeline.set_warrant(row.id);
    EXPECT_EQ(CellsOf<inspection::v1::AskQuestionResponse>(Call("inspector/ines", kTrails + "AskQuestion", timeline), 1), row.timeline);
    high.set_question(3), high.set_from_ms(from_ms), high.set_until_ms(until_ms), high.set_warrant(row.id);
    EXPECT_EQ(CellsOf<inspection::v1::AskQuestionResponse>(Call("inspector/ines", kTrails + "AskQuestion", high), 0, known_as), row.high);
    inspection::v1::ExportBundleRequest exported;
    exported.add_referrals(digest), exported.set_warrant(row.id);
    const WireAnswer bundle = Call("inspector/ines", kTrails + "ExportBundle", exported), explained = Explain(AboutReferral(digest, row.id));
    EXPECT_EQ(Refusal(bundle), Refusal(trail));
    EXPECT_EQ(Refusal(explained), Refusal(trail));
    if (Refusal(trail).empty()) {
      EXPECT_EQ(OpenedOf(bundle), static_cast<size_t>(Only<QueryTrailResponse>(trail).rows_size()));
      EXPECT_EQ(Only<inspection::v1::ExplainTrailResponse>(explained).entries(), kExplainedEntriesMin);
    }
    inspection::v1::DrawSampleRequest sample;
    sample.set_size(5), sample.set_from_ms(from_ms), sample.set_until_ms(until_ms), sample.set_warrant(row.id);
    EXPECT_EQ(CellsOf<inspection::v1::DrawSampleResponse>(Call("inspector/ines", kTrails + "DrawSample", sample), 1, known_as), row.sample);
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
  // A filter names cases as a trail does, and none that the warrant does not cover.
  QueryTrailRequest cases;
  cases.set_warrant("case");
  cases.mutable_filter()->add_case_pseudonyms(own_case);
  const WireAnswer of_cases = Trail("inspector/ines", cases);
  EXPECT_EQ(Shown(of_cases), with_own(all));
  const auto looks = Looks("agency/idva", 100);
  EXPECT_EQ(looks.front().event(), type::v1::EVENT_TYPE_TRAIL_QUERIED);
  EXPECT_EQ(looks.front().index(), Only<QueryTrailResponse>(of_cases).query_index());
  EXPECT_NE(Looks("agency/housing", 100).front().index(), looks.front().index()) << "no party of that case";
  cases.mutable_filter()->add_case_pseudonyms(CaseOf(other));
  EXPECT_EQ(Shown(Trail("inspector/ines", cases)), no_case);
  EXPECT_EQ(Streamed(Stream(cases)), no_case);
  EXPECT_EQ(Refusal(Explain(cases)), no_case);

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
  EXPECT_EQ(Shown(Trail("inspector/ines", AboutReferral(digest, "whole"))), with_own(all));
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
  inspection::v1::ChangeWarrantRequest end;
  end.set_request_id("end-dry-1");
  end.set_id("jtai-1");
  end.set_act(inspection::v1::WARRANT_ACT_END);
  end.set_dry_run(true);
  EXPECT_EQ(Call("admin/bob", kWarrants + "ChangeWarrant", end).reason(), Reason::kNotPermitted) << "as without a dry run";
  const auto would = Only<inspection::v1::ChangeWarrantResponse>(Call("inspector/ines", kWarrants + "ChangeWarrant", end));
  EXPECT_EQ(would.warrant().state(), inspection::v1::WARRANT_STATE_ENDED);
  EXPECT_EQ(would.index(), 0u);
  EXPECT_EQ(Only<inspection::v1::ListWarrantsResponse>(Call("inspector/ines", kWarrants + "ListWarrants", inspection::v1::ListWarrantsRequest())).warrants_size(), 1) << "it goes on";
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

TEST_F(WarrantApiTest, WhoOnlyApprovesEndsASuspensionAndDoesNothingElse) {
  Activated("jtai-1");
  admin::v1::Change change;
  change.mutable_put_officer()->set_id("abe");
  change.mutable_put_officer()->set_active(true);
  change.mutable_put_officer()->add_roles(options::v1::OFFICER_ROLE_APPROVER);
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  const auto why = inspection::v1::WARRANT_SUSPENSION_COURT_ORDER;
  EXPECT_EQ(Change("admin/abe", "jtai-1", inspection::v1::WARRANT_ACT_SUSPEND, why).reason(), Reason::kRoleNotAllowed);
  ASSERT_EQ(Change("admin/alice", "jtai-1", inspection::v1::WARRANT_ACT_SUSPEND, why).code, grpc::StatusCode::OK);
  EXPECT_EQ(Change("admin/abe", "jtai-1", inspection::v1::WARRANT_ACT_END).reason(), Reason::kRoleNotAllowed);
  EXPECT_EQ(Change("admin/abe", "jtai-1", inspection::v1::WARRANT_ACT_RESUME).code, grpc::StatusCode::OK);
}

// A warrant that names no officer still needs one: who shuts out its officers stops it as surely as who suspends it.
TEST_F(WarrantApiTest, AnOfficerWhoIsShutOutHearsWhyAndItsColleaguesHearItAtOnce) {
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"idva"}});
  Activated("jtai-1");
  const auto own = Watching("inspector/ines"), colleague = Watching("inspector/omar"), other = Watching("inspector/carl");
  EXPECT_EQ(NextOf(*own), "jtai-1");
  EXPECT_EQ(NextOf(*colleague), "jtai-1");

  clock_.Advance(absl::Hours(1));
  const absl::Time since = clock_.Now();
  const std::string admin = "/accord.admin.v1.AdminService/";
  admin::v1::SuspendPrincipalRequest suspend;
  suspend.set_request_id(NextId());
  suspend.set_principal("inspector/ines");
  suspend.set_reason(admin::v1::SUSPENSION_REASON_MISUSE);
  const uint64_t index = Only<admin::v1::SuspendPrincipalResponse>(Call("admin/alice", admin + "SuspendPrincipal", suspend)).index();
  const std::string out = fmt::format("ines out {} {} SUSPENSION_REASON_MISUSE", absl::ToUnixMillis(since), index);
  EXPECT_EQ(NextOf(*colleague), out);

  const auto why = [](const WireAnswer& answer) {
    const ErrorDetail detail = DetailOf(rpc::FromGrpc(grpc::Status(answer.code, answer.words, answer.details)));
    const auto of = [&](const char* key) { return detail.metadata.contains(key) ? detail.metadata.at(key) : ""; };
    return fmt::format("{} {} {} {}", RowOf(detail.reason).name, of("state"), of("reason"), of("at"));
  };
  const std::string refused = absl::FormatTime("PRINCIPAL_UNKNOWN suspended SUSPENSION_REASON_MISUSE %Y-%m-%dT%H:%M:%SZ", since, absl::UTCTimeZone());
  EXPECT_EQ(why(own->Finish()), refused) << "its own stream ends with the reason";
  EXPECT_EQ(why(Trail("inspector/ines", AboutReferral(digest, "jtai-1"))), refused);
  EXPECT_EQ(Trail("inspector/omar", AboutReferral(digest, "jtai-1")).code, grpc::StatusCode::OK) << "the warrant stands";

  // Who watches only now, for nobody may have watched then; and it is not told again to who was told.
  const auto late = Watching("inspector/omar");
  EXPECT_EQ(NextOf(*late), out);
  EXPECT_EQ(NextOf(*late), "jtai-1");
  admin::v1::ReinstatePrincipalRequest reinstate;
  reinstate.set_request_id(NextId());
  reinstate.set_principal("inspector/ines");
  const uint64_t back = Only<admin::v1::ReinstatePrincipalResponse>(Call("admin/bob", admin + "ReinstatePrincipal", reinstate)).index();
  const std::string in = fmt::format("ines in {} {}", absl::ToUnixMillis(since), back);
  EXPECT_EQ(NextOf(*colleague), in);
  EXPECT_EQ(NextOf(*late), in);
  const auto again = Watching("inspector/ines");
  EXPECT_EQ(NextOf(*again), "jtai-1") << "nobody is shut out any more";
  EXPECT_THAT(other->Cancel().messages, IsEmpty()) << "another body hears nothing of it";
}

// What one administrator does to an officer at once, two do by enrolling it anew: its colleagues hear of either.
TEST_F(WarrantApiTest, AnOfficerWhomAChangeShutsOutIsNamedToItsColleaguesAtOnce) {
  Enrol("ivy", "ofsted");
  Activated("jtai-1");
  Activated("other-1", [](Warrant& w) {
    w.set_kind(inspection::v1::WARRANT_KIND_DEATH_REVIEW);
    w.set_inspectorate("cqc");
  });
  const auto colleague = Watching("inspector/omar"), other = Watching("inspector/carl");
  ASSERT_EQ(NextOf(*colleague), "jtai-1");
  ASSERT_EQ(NextOf(*other), "other-1");
  const auto entries = [&] { return world_.broker().sequencer().View().value()->ledger().size(); };
  const auto told = [&](const std::string& officer, const std::string& how, const std::string& why) {
    return fmt::format("{} {} {} {}{}", officer, how, absl::ToUnixMillis(clock_.Now()), entries() - 1, why);
  };
  const std::string no_reason = " SUSPENSION_REASON_UNSPECIFIED";
  clock_.Advance(absl::Minutes(1));
  Enrol("ines", "ofsted", "", /*active=*/false);
  EXPECT_EQ(NextOf(*colleague), told("ines", "out", no_reason));
  Enrol("ines", "ofsted", "", /*active=*/false);  // As it was: nothing to tell.
  clock_.Advance(absl::Minutes(1));
  Enrol("ines", "ofsted");
  EXPECT_EQ(NextOf(*colleague), told("ines", "in", ""));
  Enrol("ivy", "cqc");
  EXPECT_EQ(NextOf(*colleague), told("ivy", "out", no_reason)) << "an officer of another body";

  // By the clock, when nobody calls.
  const std::string admin = "/accord.admin.v1.AdminService/";
  admin::v1::ProposeChangeRequest propose;
  propose.set_request_id(NextId());
  propose.mutable_change()->mutable_put_officer()->set_id("ines");
  propose.mutable_change()->mutable_put_officer()->set_inspector(true);
  propose.mutable_change()->mutable_put_officer()->set_inspectorate("ofsted");
  propose.set_effective_from_ms(absl::ToUnixMillis(clock_.Now() + absl::Hours(1)));
  admin::v1::ApproveChangeRequest approve;
  approve.set_request_id(NextId());
  approve.set_name(Only<admin::v1::ProposeChangeResponse>(Call("admin/alice", admin + "ProposeChange", propose)).change().name());
  EXPECT_EQ(Only<admin::v1::ApproveChangeResponse>(Call("admin/bob", admin + "ApproveChange", approve)).change().state(), admin::v1::CHANGE_STATE_APPROVED);
  EXPECT_EQ(Trail("inspector/ines", Concerning("idva", "jtai-1")).code, grpc::StatusCode::OK) << "not before its time";
  const uint64_t next = entries();
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(NextOf(*colleague), fmt::format("ines out {} {}{}", absl::ToUnixMillis(clock_.Now()), next, no_reason));
  EXPECT_THAT(other->Cancel().messages, SizeIs(1)) << "another body hears nothing of it";
}

// A panel's people are enrolled as inspectors too: where the operator names the bodies with a power of their own, all others ask administrators.
TEST_F(WarrantApiTest, OnlyANamedBodyGivesItselfAStatutoryWarrant) {
  Enrol("cleo", "cqc");
  const auto propose = [&](const std::string& principal, const std::string& id, const std::string& body, bool dry_run = false) {
    inspection::v1::ProposeWarrantRequest request;
    request.set_request_id(NextId());
    *request.mutable_warrant() = Make(id, [&](Warrant& w) { w.set_inspectorate(body); });
    request.set_dry_run(dry_run);
    return Refusal(Call(principal, kWarrants + "ProposeWarrant", request));
  };
  const auto activate = [&](const std::string& principal, const std::string& id) {
    inspection::v1::ActivateWarrantRequest request;
    request.set_request_id(NextId());
    request.set_id(id);
    return Refusal(Call(principal, kWarrants + "ActivateWarrant", request));
  };
  EXPECT_EQ(propose("inspector/carl", "before-1", "cqc"), "") << "none is named: every body does";
  EXPECT_EQ(propose("inspector/carl", "before-2", "cqc"), "");
  EXPECT_EQ(activate("inspector/cleo", "before-2"), "");
  world_.Stop();
  world_.SetStatutoryBodies({"hmicfrs", "ofsted"});
  world_.Start();
  EXPECT_EQ(propose("inspector/ines", "jtai-1", "ofsted"), "");
  EXPECT_EQ(activate("inspector/omar", "jtai-1"), "");
  EXPECT_EQ(propose("inspector/carl", "panel-1", "cqc"), "NOT_PERMITTED");
  EXPECT_EQ(propose("inspector/carl", "panel-1", "cqc", /*dry_run=*/true), "NOT_PERMITTED");
  EXPECT_EQ(propose("inspector/carl", "panel-1", "ofsted"), "NOT_PERMITTED") << "in another body's name";
  EXPECT_EQ(activate("inspector/cleo", "before-1"), "NOT_PERMITTED") << "proposed while every body could";
  EXPECT_EQ(Trail("inspector/carl", Concerning("idva", "before-2")).code, grpc::StatusCode::OK) << "what is in force stays so";
  Activated("review-1", [](Warrant& w) {
    w.set_kind(inspection::v1::WARRANT_KIND_DEATH_REVIEW);
    w.set_inspectorate("cqc");
  });
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

// Single calls under a warrant, and the watch of warrants, over the wire: what is refused, ended or left unsaid. What each dimension of a warrant opens to each call is in
// warrant_api_test.cc.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "accord/inspection/v1/trail_service.pb.h"
#include "accord/inspection/v1/warrant_service.pb.h"
#include "common/base/status.h"
#include "services/broker/api/testing_warrant_calls.h"
#include "services/broker/api/testing_wire.h"
#include "services/broker/api/warrant_service.h"
#include "services/broker/sequencer/testing_command.h"
#include "services/broker/trails/filter.h"
#include "services/broker/warrants/warrants.h"

namespace accord::broker::warrant_calls_api_test {
namespace {

using inspection::v1::QueryTrailResponse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class WarrantCallsTest : public WarrantCallsFixture {
 protected:
  std::unique_ptr<WireCall> Watching(const std::string& principal) {
    auto watch = std::make_unique<WireCall>(world_.Channel(principal), kWarrants + "WatchWarrants");
    watch->Write(inspection::v1::WatchWarrantsRequest());
    watch->WritesDone();
    return watch;
  }
  // How the next warrant of the watch stands.
  static std::string StateOf(WireCall& watch) {
    const auto message = watch.Read();
    return message.has_value() ? inspection::v1::WarrantState_Name(Parse<inspection::v1::WatchWarrantsResponse>(*message).warrant().state()) : "the end";
  }
  // Until the broker opens it anew its guard can be read and not written, so that the next batch is durable and never signed: what came of it nobody knows.
  void SpoilTheGuard() {
    namespace fs = std::filesystem;
    const fs::path guard = fs::canonical(world_.config().guard);
    std::vector<int> held;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      if (fs::read_symlink(entry.path(), gone) == guard) held.push_back(std::stoi(entry.path().filename()));
    }
    ASSERT_FALSE(held.empty());
    const int read_only = ::open(guard.c_str(), O_RDONLY);
    for (const int one : held) ASSERT_EQ(::dup2(read_only, one), one);
    ::close(read_only);
  }
};

// A panel sees no identities, which the rows of a filter are full of.
TEST_F(WarrantCallsTest, APanelAsksByNoFilterAndItsAttemptIsNoQuery) {
  Store({.request_id = "incident-1", .recipients = {"idva"}});
  Activated("panel-1", [](Warrant& w) { w.set_kind(inspection::v1::WARRANT_KIND_SCRUTINY_PANEL); });
  const auto last_query = [&] {
    QueryTrailRequest request;
    request.mutable_filter()->add_events(type::v1::EVENT_TYPE_TRAIL_QUERIED);
    const auto response = Only<QueryTrailResponse>(Trail("admin/alice", request));
    return response.rows_size();
  };
  const int before = last_query();
  const QueryTrailRequest request = Concerning("idva", "panel-1");
  EXPECT_EQ(Refusal(Trail("inspector/ines", request)), "WARRANT_SCOPE kind");
  EXPECT_EQ(Refusal(Explain(request)), "WARRANT_SCOPE kind");
  const WireAnswer streamed = Stream(request);
  EXPECT_EQ(Refusal(streamed), "WARRANT_SCOPE kind");
  EXPECT_THAT(streamed.messages, IsEmpty());
  EXPECT_EQ(last_query(), before + 1) << "the administrator's own alone";
}

TEST_F(WarrantCallsTest, HowAFilterWouldBeReadTellsNothingOfWhatTheWarrantDoesNotCover) {
  const std::string own = Store({.request_id = "incident-1", .recipients = {"idva"}});
  const int64_t now = absl::ToUnixMillis(clock_.Now());
  Activated("case-1", [&](Warrant& w) { w.mutable_scope()->add_cases(CaseOf(own)); });
  const auto explained = [&](const std::string& agency, const std::string& worker, type::v1::EventType event = type::v1::EVENT_TYPE_UNSPECIFIED) {
    QueryTrailRequest request = Concerning(agency, "case-1");
    request.mutable_filter()->set_from_ms(now);
    request.mutable_filter()->set_until_ms(now + 1'000);
    if (!worker.empty()) request.mutable_filter()->add_workers(worker);
    if (event != type::v1::EVENT_TYPE_UNSPECIFIED) request.mutable_filter()->add_events(event);
    const auto response = Only<inspection::v1::ExplainTrailResponse>(Explain(request));
    EXPECT_EQ(response.entries(), kExplainedEntriesMin);
    return response.SerializeAsString();
  };
  const auto told = [&] {
    std::vector<std::string> answers;
    for (const char* agency : {"housing", "childrens", "police", "idva"}) {
      answers.push_back(explained(agency, ""));
      answers.push_back(explained(agency, "worker-1"));
      answers.push_back(explained(agency, "", type::v1::EVENT_TYPE_DELIVERED));
    }
    return answers;
  };
  const auto before = told();
  // In the very second.
  for (int i = 0; i < 3; ++i) Store({.request_id = fmt::format("incident-other-{}", i), .recipients = {"housing"}});
  EXPECT_EQ(told(), before);
  for (size_t i = 3; i < before.size(); ++i) EXPECT_EQ(before[i], before[i - 3]) << "the same of any agency";
}

// A warrant covers a referral by the area of any of its parties. So what is answered of one of another area is what it had to do with the area's, and they
// are all told.
TEST_F(WarrantCallsTest, WhoIsNamedIsToldWhateverItsAreaAndSoIsWhomTheWarrantCovers) {
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"idva"}});
  const std::string other = Store({.request_id = "incident-2", .recipients = {"housing"}});
  const int64_t now = absl::ToUnixMillis(clock_.Now());
  Activated("area-1", [&](Warrant& w) { w.mutable_scope()->add_areas(std::string(kArea)); });
  const auto looks = [&] {
    std::vector<int> counts;
    for (const char* agency : {"agency/police", "agency/idva", "agency/housing"}) {
      counts.push_back(Only<inspection::v1::ListLooksResponse>(Call(agency, kWarrants + "ListLooks", inspection::v1::ListLooksRequest())).looks_size());
    }
    return counts;
  };
  inspection::v1::AskQuestionRequest high;
  high.set_question(3), high.add_agencies("idva"), high.set_from_ms(now - 3'600'000), high.set_until_ms(now + 3'600'000), high.set_warrant("area-1");
  EXPECT_EQ(Refusal(Call("inspector/ines", kTrails + "AskQuestion", high)), "");
  EXPECT_THAT(looks(), ElementsAre(1, 1, 0));
  EXPECT_THAT(Shown(Trail("inspector/ines", Concerning("idva", "area-1"))), HasSubstr("REFERRAL_STORED"));
  EXPECT_THAT(looks(), ElementsAre(2, 2, 0));
  // Of cases their parties, once for all that were named; and each case's trail has it.
  QueryTrailRequest cases;
  cases.set_warrant("area-1");
  for (const std::string& one : {digest, other}) cases.mutable_filter()->add_case_pseudonyms(CaseOf(one));
  const auto found = Only<QueryTrailResponse>(Trail("inspector/ines", cases));
  EXPECT_THAT(looks(), ElementsAre(3, 3, 1));
  for (const std::string& one : {digest, other}) {
    QueryTrailRequest of_case;
    of_case.set_case_pseudonym(CaseOf(one));
    const auto trail = Only<QueryTrailResponse>(Trail("admin/alice", of_case));
    EXPECT_EQ(std::count_if(trail.rows().begin(), trail.rows().end(), [&](const auto& row) {
      return row.index() >= found.query_index() && row.event().type() == type::v1::EVENT_TYPE_TRAIL_QUERIED && row.event().warrant() == "area-1";
    }), 1);
  }
}

// The batch stands and was never published: a watch that went on would say for ever that the warrant is in force.
TEST_F(WarrantCallsTest, AWatchEndsWhenTheOutcomeOfAnActIsNotKnownAndTheNextSaysHowThingsStand) {
  Activated("jtai-1");
  const auto watch = Watching("inspector/omar");
  ASSERT_EQ(StateOf(*watch), "WARRANT_STATE_ACTIVE");
  const WarrantRules rules{world_.broker().directory()};
  const absl::Status outcome = RunCommand(world_.broker().sequencer(), [&](CommitContext& context) {
    SpoilTheGuard();  // In the batch's own turn: no other comes between.
    ChangeWarrantCommand suspend(rules, {options::v1::CALLER_ADMIN, "alice", "admin/alice", std::string(32, 'f')}, NextId(),
                                 {"jtai-1", WarrantEvent::kSuspend, inspection::v1::WARRANT_SUSPENSION_COURT_ORDER}, [](const absl::StatusOr<WarrantOutcome>&) {});
    return suspend.Apply(context);
  });
  EXPECT_TRUE(HasReason(outcome, Reason::kStoreUnavailable)) << outcome;
  EXPECT_EQ(watch->Finish().reason(), Reason::kStoreUnavailable);
  const auto again = Watching("inspector/omar");
  EXPECT_EQ(StateOf(*again), "WARRANT_STATE_SUSPENDED");
  EXPECT_EQ(Change("admin/bob", "jtai-1", inspection::v1::WARRANT_ACT_RESUME).code, grpc::StatusCode::OK);
  EXPECT_EQ(StateOf(*again), "WARRANT_STATE_ACTIVE");
}

// A stream that broke may have missed it, and a warrant that is not told of reads as one that goes on.
TEST_F(WarrantCallsTest, AWatchBeginsWithWhatAPersonEndedOfLateAndNotWithWhatTimeDid) {
  const auto ends = [&](absl::Duration after) {
    return [this, after](Warrant& w) { w.set_ends_ms(absl::ToUnixMillis(clock_.Now() + after)); };
  };
  Activated("ended-1", ends(absl::Hours(24 * 90)));
  Activated("expires-1", ends(absl::Hours(1)));
  Activated("goes-on-1", ends(absl::Hours(24 * 90)));
  EXPECT_EQ(Change("inspector/omar", "ended-1", inspection::v1::WARRANT_ACT_END).code, grpc::StatusCode::OK);
  const absl::Time ended = clock_.Now();
  const auto told = [&] {
    const auto watch = Watching("inspector/omar");
    std::vector<std::string> all;
    while (all.empty() || !all.back().starts_with("goes-on-1")) {  // The newest comes last.
      const auto message = watch->Read();
      if (!message.has_value()) break;
      const auto warrant = Parse<inspection::v1::WatchWarrantsResponse>(*message).warrant();
      all.push_back(warrant.id() + " " + inspection::v1::WarrantState_Name(warrant.state()));
      EXPECT_EQ(warrant.ended_at_ms(), warrant.id() == "ended-1" ? absl::ToUnixMillis(ended) : 0);
    }
    return all;
  };
  EXPECT_THAT(told(), ElementsAre("ended-1 WARRANT_STATE_ENDED", "expires-1 WARRANT_STATE_ACTIVE", "goes-on-1 WARRANT_STATE_ACTIVE"));
  clock_.Advance(kEndedWarrantTold);
  EXPECT_THAT(told(), ElementsAre("ended-1 WARRANT_STATE_ENDED", "goes-on-1 WARRANT_STATE_ACTIVE"));
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(told(), ElementsAre("goes-on-1 WARRANT_STATE_ACTIVE"));
}

TEST_F(WarrantCallsTest, AWatchThatIsRefusedIsOnTheRecord) {
  Enrol("iris", "");
  EXPECT_EQ(Watching("inspector/iris")->Finish().reason(), Reason::kNotPermitted);
  QueryTrailRequest refusals;
  refusals.mutable_filter()->add_events(type::v1::EVENT_TYPE_REFUSED);
  std::vector<std::string> told;
  const auto response = Only<QueryTrailResponse>(Trail("admin/alice", refusals));
  for (const auto& row : response.rows()) {
    if (row.event().method() == kWarrants + "WatchWarrants") told.push_back(row.event().reason() + " " + row.actor().principal());
  }
  EXPECT_THAT(told, ElementsAre("NOT_PERMITTED inspector/iris"));
}

// More than the connection holds at once, so that most of it is still to be read when the warrant is suspended.
TEST_F(WarrantCallsTest, ASuspensionEndsAStreamBeforeItsNextMessage) {
  constexpr int kLongEntries = 600, kAtOnce = 50;
  constexpr size_t kLongBytes = 20'000;
  for (int done = 0; done < kLongEntries; done += kAtOnce) {
    ASSERT_EQ(RunCommand(world_.broker().sequencer(), [&](CommitContext& context) -> absl::Status {
      ACCORD_ASSIGN_OR_RETURN(const auto chain, context.OpenChain());
      EntryDraft draft;
      draft.chains = {chain.pseudonym};
      draft.event.set_type(type::v1::EVENT_TYPE_REFUSED);
      draft.actor.emplace().set_principal("agency/housing/" + std::string(kLongBytes, 'w'));
      for (int i = 0; i < kAtOnce; ++i) ACCORD_RETURN_IF_ERROR(context.AddEntry(draft).status());
      return absl::OkStatus();
    }), absl::OkStatus());
  }
  Activated("jtai-1");
  inspection::v1::StreamTrailRequest request;
  *request.mutable_query() = Concerning("housing", "jtai-1");
  WireCall call(world_.Channel("inspector/ines"), kTrails + "StreamTrail");
  call.Write(request);
  call.WritesDone();
  ASSERT_TRUE(call.Read().has_value());
  EXPECT_EQ(Change("admin/alice", "jtai-1", inspection::v1::WARRANT_ACT_SUSPEND, inspection::v1::WARRANT_SUSPENSION_COURT_ORDER).code, grpc::StatusCode::OK);
  const WireAnswer& answer = call.Finish();
  EXPECT_EQ(Refusal(answer), "WARRANT_NOT_ACTIVE WARRANT_STATE_SUSPENDED WARRANT_SUSPENSION_COURT_ORDER");
  int rows = 0;
  for (const std::string& message : answer.messages) rows += Parse<inspection::v1::StreamTrailResponse>(message).page().rows_size();
  EXPECT_GT(rows, 0);
  // How much the connection takes ahead of its reader is not ours to say.
  EXPECT_LT(rows, kLongEntries) << "what was on its way, and nothing more";

  QueryTrailRequest refusals;
  refusals.mutable_filter()->add_events(type::v1::EVENT_TYPE_REFUSED);
  refusals.mutable_filter()->set_newest_first(true);
  refusals.set_page_size(1);
  const auto last = Only<QueryTrailResponse>(Trail("admin/alice", refusals));
  ASSERT_EQ(last.rows_size(), 1);
  EXPECT_EQ(last.rows(0).event().method() + " " + last.rows(0).event().reason(), kTrails + "StreamTrail WARRANT_NOT_ACTIVE");
}

}  // namespace
}  // namespace accord::broker::warrant_calls_api_test

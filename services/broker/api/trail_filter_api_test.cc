// Filters over the wire: what they find, in pages, as a stream and explained; what is recorded of them; and that an erasure and a store
// from before the index leave nothing wrong. Filters themselves are tested over a log in memory (trails/filter_test.cc).
#include <absl/synchronization/notification.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/ledger/leaf.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/testing_command.h"
#include "services/broker/trails/covered.h"
#include "services/broker/trails/filter.h"
#include "services/broker/trails/indexer.h"

namespace accord::broker::trail_filter_api_test {
namespace {

using inspection::v1::QueryTrailRequest;
using inspection::v1::QueryTrailResponse;
using inspection::v1::TrailService;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class TrailFilterApiTest : public ::testing::Test {
 protected:
  void Submit(const std::string& request_id, type::v1::RiskGrade grade, std::string& digest, const std::function<void(referral::HeaderParts&)>& alter = nullptr) {
    const auto police = v1::ReferralService::NewStub(world_.Channel("agency/police"));
    const auto response = rpc::CallUnary(*police, &v1::ReferralService::Stub::SubmitReferral,
                                         MakeSubmission(world_, {.request_id = request_id, .grade = grade, .victim = "victim of " + request_id, .alter = alter}),
                                         kTestTimeout);
    ASSERT_EQ(response.status(), absl::OkStatus());
    digest = response->header_digest();
  }
  // Takes the index to where the log is, beside the broker's own.
  void Index() {
    telemetry::Metrics metrics;
    Indexer indexer(world_.broker().sequencer(), world_.broker().trail_keys(), metrics);
    ASSERT_EQ(indexer.Run(), absl::OkStatus());
  }
  std::shared_ptr<const ReadView> View() { return *world_.broker().sequencer().View(); }
  // The entries that the index has rows of.
  std::set<uint64_t> Indexed() {
    std::set<uint64_t> entries;
    EXPECT_EQ(View()->Scan(kFamilyTrailIndex, {}, [&](std::string_view key, std::string_view) {
      entries.insert(U64FromKey(key.substr(key.size() - sizeof(uint64_t))).value_or(0));
      return true;
    }), absl::OkStatus());
    return entries;
  }
  absl::StatusOr<QueryTrailResponse> Query(const std::string& principal, const QueryTrailRequest& request) {
    return rpc::CallUnary(*TrailService::NewStub(world_.Channel(principal)), &TrailService::Stub::QueryTrail, request, kTestTimeout);
  }
  // Every row, over pages of one.
  std::vector<inspection::v1::TrailRow> Pages(QueryTrailRequest request) {
    std::vector<inspection::v1::TrailRow> rows;
    request.set_page_size(1);
    do {
      const auto response = Query("admin/alice", request);
      EXPECT_EQ(response.status(), absl::OkStatus());
      if (!response.ok()) break;
      rows.insert(rows.end(), response->rows().begin(), response->rows().end());
      request.set_page_token(response->next_page_token());
    } while (!request.page_token().empty());
    return rows;
  }
  static std::vector<uint64_t> IndicesOf(const std::vector<inspection::v1::TrailRow>& rows) {
    std::vector<uint64_t> indices;
    for (const auto& row : rows) indices.push_back(row.index());
    return indices;
  }
  static QueryTrailRequest Stored(type::v1::RiskGrade grade = type::v1::RISK_GRADE_UNSPECIFIED) {
    QueryTrailRequest request;
    request.set_purpose("audit");
    request.mutable_filter()->add_agencies("idva");
    request.mutable_filter()->add_events(type::v1::EVENT_TYPE_REFERRAL_STORED);
    if (grade != type::v1::RISK_GRADE_UNSPECIFIED) request.mutable_filter()->add_grades(grade);
    return request;
  }

  TestingBroker world_;
};

TEST_F(TrailFilterApiTest, FindsPagesStreamsExplainsAndIsRecorded) {
  std::string high, medium;
  Submit("incident-high", type::v1::RISK_GRADE_HIGH, high);
  Submit("incident-medium", type::v1::RISK_GRADE_MEDIUM, medium);
  for (const bool indexed : {false, true}) {
    if (indexed) Index();
    const auto rows = Pages(Stored());
    ASSERT_EQ(rows.size(), 3u) << "both and the query's own";
    EXPECT_EQ(rows[0].referral().header_digest(), high);
    EXPECT_EQ(rows[1].referral().header_digest(), medium);
    EXPECT_EQ(rows[2].event().type(), type::v1::EVENT_TYPE_TRAIL_QUERIED);
    EXPECT_EQ(rows[2].event().query_digest().size(), 32u);
    EXPECT_EQ(rows[2].actor().principal(), "admin/alice");
    EXPECT_FALSE(rows[0].openings().empty());
    QueryTrailRequest newest = Stored();
    newest.mutable_filter()->set_newest_first(true);
    const auto reversed = IndicesOf(Pages(newest));
    ASSERT_EQ(reversed.size(), 3u);
    EXPECT_THAT(std::vector(reversed.begin(), reversed.begin() + 2), ElementsAre(rows[1].index(), rows[0].index()));
    const auto one = Query("admin/alice", Stored(type::v1::RISK_GRADE_MEDIUM));
    ASSERT_EQ(one.status(), absl::OkStatus());
    ASSERT_EQ(one->rows_size(), 2);
    EXPECT_EQ(one->rows(0).referral().header_digest(), medium);
    EXPECT_EQ(one->rows(1).index(), one->query_index());
  }
  const auto stub = TrailService::NewStub(world_.Channel("admin/alice"));
  grpc::ClientContext context;
  rpc::SetTimeout(context, kTestTimeout);
  inspection::v1::StreamTrailRequest stream;
  *stream.mutable_query() = Stored();
  const auto reader = stub->StreamTrail(&context, stream);
  std::vector<inspection::v1::TrailRow> streamed;
  for (inspection::v1::StreamTrailResponse message; reader->Read(&message);) {
    streamed.insert(streamed.end(), message.page().rows().begin(), message.page().rows().end());
  }
  EXPECT_TRUE(reader->Finish().ok());
  ASSERT_EQ(streamed.size(), 3u);
  EXPECT_EQ(streamed[2].event().type(), type::v1::EVENT_TYPE_TRAIL_QUERIED);
  const uint64_t size = View()->ledger().size();
  inspection::v1::ExplainTrailRequest explained;
  *explained.mutable_query() = Stored();
  const auto path = rpc::CallUnary(*stub, &TrailService::Stub::ExplainTrail, explained, kTestTimeout);
  ASSERT_EQ(path.status(), absl::OkStatus());
  EXPECT_EQ(path->path(), "whichever has the fewest entries: agency, agency and kind of event, kind of event");
  EXPECT_EQ(path->entries(), kExplainedEntriesMin);
  explained.mutable_query()->set_referral(high);
  EXPECT_EQ(rpc::CallUnary(*stub, &TrailService::Stub::ExplainTrail, explained, kTestTimeout)->entries(), kExplainedEntriesMin) << "of one chain likewise";
  EXPECT_EQ(View()->ledger().size(), size) << "nothing is recorded of it, so it tells an administrator no more than an inspector";
  EXPECT_TRUE(HasReason(Query("agency/police", Stored()).status(), Reason::kNotPermitted));
  QueryTrailRequest nothing;
  nothing.mutable_filter();
  EXPECT_TRUE(HasReason(Query("admin/alice", nothing).status(), Reason::kFieldMissing));
  // A token is of its own question, and of who asked.
  QueryTrailRequest request = Stored();
  request.set_page_size(1);
  const std::string token = Query("admin/alice", request)->next_page_token();
  ASSERT_THAT(token, Not(IsEmpty()));
  request.set_page_token(token);
  EXPECT_TRUE(HasReason(Query("admin/bob", request).status(), Reason::kPageTokenInvalid));
  request.mutable_filter()->add_grades(type::v1::RISK_GRADE_HIGH);
  EXPECT_TRUE(HasReason(Query("admin/alice", request).status(), Reason::kPageTokenInvalid));
}

TEST_F(TrailFilterApiTest, FindsByCasesGatewaysAndConditionsOfSchedule8) {
  std::string by_gateway, other;
  Submit("incident-1", type::v1::RISK_GRADE_HIGH, by_gateway, [](referral::HeaderParts& parts) {
    parts.tags.front().set_gateway(type::v1::GATEWAY_CDA1998_S115);
    parts.tags.front().set_schedule8(type::v1::SCHEDULE8_CONDITION_SAFEGUARDING);
  });
  Submit("incident-2", type::v1::RISK_GRADE_HIGH, other);
  // The referrals that were stored, of those that `filter` selects besides.
  const auto found = [&](const std::function<void(inspection::v1::TrailFilter&)>& filter) {
    QueryTrailRequest request;
    request.mutable_filter()->add_events(type::v1::EVENT_TYPE_REFERRAL_STORED);
    filter(*request.mutable_filter());
    std::vector<std::string> digests;
    for (const auto& row : Pages(request)) {
      if (row.event().type() == type::v1::EVENT_TYPE_REFERRAL_STORED) digests.push_back(row.referral().header_digest());
    }
    return digests;
  };
  const auto case_of = [&](const std::string& digest) {
    QueryTrailRequest request;
    request.set_referral(digest);
    return Query("admin/alice", request)->case_pseudonyms(0);
  };
  const std::string its_case = case_of(by_gateway), other_case = case_of(other);
  for (const bool indexed : {false, true}) {
    if (indexed) Index();
    EXPECT_THAT(found([](auto& filter) { filter.add_gateways(type::v1::GATEWAY_CDA1998_S115); }), ElementsAre(by_gateway));
    EXPECT_THAT(found([](auto& filter) { filter.add_gateways(type::v1::GATEWAY_DVDS); }), IsEmpty());
    EXPECT_THAT(found([](auto& filter) { filter.add_schedule8(type::v1::SCHEDULE8_CONDITION_SAFEGUARDING); }), ElementsAre(by_gateway));
    EXPECT_THAT(found([](auto& filter) { filter.add_schedule8(type::v1::SCHEDULE8_CONDITION_CONSENT); }), IsEmpty());
    EXPECT_THAT(found([&](auto& filter) { filter.add_case_pseudonyms(other_case); }), ElementsAre(other));
    EXPECT_THAT(found([&](auto& filter) { filter.add_case_pseudonyms(other_case), filter.add_case_pseudonyms(its_case); }), ElementsAre(by_gateway, other));
    EXPECT_THAT(found([&](auto& filter) { filter.add_case_pseudonyms(other_case), filter.add_gateways(type::v1::GATEWAY_CDA1998_S115); }), IsEmpty());
  }
  // A token is of the very cases, gateways and conditions, and the limit of cases is the broker's.
  QueryTrailRequest asked;
  asked.set_page_size(1);
  asked.mutable_filter()->add_case_pseudonyms(other_case);
  asked.set_page_token(Query("admin/alice", asked)->next_page_token());
  ASSERT_THAT(asked.page_token(), Not(IsEmpty()));
  EXPECT_EQ(Query("admin/alice", asked).status(), absl::OkStatus());
  for (const auto& change : std::vector<std::function<void(inspection::v1::TrailFilter&)>>{
           [&](auto& filter) { filter.add_case_pseudonyms(its_case); }, [](auto& filter) { filter.add_gateways(type::v1::GATEWAY_CDA1998_S115); },
           [](auto& filter) { filter.add_schedule8(type::v1::SCHEDULE8_CONDITION_SAFEGUARDING); }}) {
    QueryTrailRequest changed = asked;
    change(*changed.mutable_filter());
    EXPECT_TRUE(HasReason(Query("admin/alice", changed).status(), Reason::kPageTokenInvalid));
  }
  asked.clear_page_token();
  while (asked.filter().case_pseudonyms_size() < kFilterCasesMax) asked.mutable_filter()->add_case_pseudonyms(its_case);
  EXPECT_EQ(Query("admin/alice", asked).status(), absl::OkStatus());
  asked.mutable_filter()->add_case_pseudonyms(its_case);
  EXPECT_TRUE(HasReason(Query("admin/alice", asked).status(), Reason::kFieldInvalid));
}

// A filter that names a case reads what the case's trail reads, and is seen where that is.
TEST_F(TrailFilterApiTest, WhoNamesCasesInAFilterStandsInTheirTrailsAndInQuestion9) {
  std::string one, two;
  Submit("incident-1", type::v1::RISK_GRADE_HIGH, one);
  Submit("incident-2", type::v1::RISK_GRADE_HIGH, two);
  const auto stored_of = [&](const std::string& digest) {
    storage::v1::StoredReferral stored;
    EXPECT_TRUE(stored.ParseFromString(View()->GetSealed(kFamilyReferral, digest)->value_or("")));
    return stored;
  };
  QueryTrailRequest request;
  request.set_purpose("curious");
  for (const std::string& digest : {two, one, two}) request.mutable_filter()->add_case_pseudonyms(stored_of(digest).cases(0));
  const auto answer = Query("admin/bob", request);
  ASSERT_EQ(answer.status(), absl::OkStatus());
  EXPECT_EQ(answer->rows().rbegin()->index(), answer->query_index());
  std::vector<uint64_t> seen;
  for (const std::string& digest : {one, two}) {
    const std::string pseudonym = stored_of(digest).cases(0);
    QueryTrailRequest of_case;
    of_case.set_case_pseudonym(pseudonym);
    const auto trail = Query("admin/alice", of_case);
    ASSERT_EQ(trail.status(), absl::OkStatus());
    for (const auto& row : trail->rows()) {
      if (row.actor().principal() != "admin/bob") continue;
      EXPECT_EQ(row.event().type(), type::v1::EVENT_TYPE_TRAIL_QUERIED);
      EXPECT_EQ(row.event().purpose(), "curious");
      EXPECT_EQ(ledger::ParseLeaf(row.leaf())->chains.size(), 1u) << "the leaf joins the cases for nobody";
      seen.push_back(row.index());
    }
    inspection::v1::AskQuestionRequest who;
    who.set_question(9);
    who.set_case_pseudonym(pseudonym);
    const auto viewed = rpc::CallUnary(*TrailService::NewStub(world_.Channel("admin/alice")), &TrailService::Stub::AskQuestion, who, kTestTimeout);
    ASSERT_EQ(viewed.status(), absl::OkStatus());
    int told = 0;
    for (const auto& row : viewed->table().rows()) told += row.cells(1) == "TRAIL_QUERIED" && row.cells(2) == "admin/bob" && row.cells(5) == "curious";
    EXPECT_EQ(told, 1) << viewed->table().ShortDebugString();
  }
  EXPECT_THAT(seen, UnorderedElementsAre(answer->query_index(), answer->query_index() + 1)) << "one entry for each case, however often it is named";
  // What is no case is not read as one: a referral's chain is asked about as the referral.
  for (const std::string& none : {stored_of(one).chain(), std::string(16, 'n')}) {
    request.mutable_filter()->set_case_pseudonyms(0, none);
    EXPECT_TRUE(HasReason(Query("admin/bob", request).status(), Reason::kEntryNotFound));
  }

  // As many as a filter may name.
  request.mutable_filter()->clear_case_pseudonyms();
  std::set<std::string> cases, told;
  ASSERT_EQ(RunCommand(world_.broker().sequencer(), [&](CommitContext& context) -> absl::Status {
    for (int i = 0; i < kFilterCasesMax; ++i) {
      ACCORD_ASSIGN_OR_RETURN(const auto chain, context.OpenChain());
      context.Put(kFamilyCase, chain.pseudonym, storage::v1::StoredCase().SerializeAsString());
      EntryDraft draft;
      draft.chains = {chain.pseudonym};
      draft.event.set_type(type::v1::EVENT_TYPE_REFUSED);
      draft.actor.emplace().set_principal("broker");
      ACCORD_RETURN_IF_ERROR(context.AddEntry(draft).status());
      request.mutable_filter()->add_case_pseudonyms(chain.pseudonym);
      cases.insert(chain.pseudonym);
    }
    return absl::OkStatus();
  }), absl::OkStatus());
  const auto of_all = Query("admin/bob", request);
  ASSERT_EQ(of_all.status(), absl::OkStatus());
  for (uint64_t i = 0; i < kFilterCasesMax; ++i) {
    const auto entry = ReadIndexed(*View(), of_all->query_index() + i);
    ASSERT_TRUE(entry.ok() && entry->has_value()) << i;
    EXPECT_EQ((*entry)->parts.event->type(), type::v1::EVENT_TYPE_TRAIL_QUERIED);
    told.insert((*entry)->chains.begin(), (*entry)->chains.end());
  }
  EXPECT_EQ(told, cases);
}

TEST_F(TrailFilterApiTest, EveryPageIsOfTheAgenciesThatTheAreaHadOnTheFirst) {
  const std::string area = "E08000012";
  const auto put = [&](const std::string& id, const std::function<void(admin::v1::Agency&)>& make) {
    admin::v1::Change change;
    auto& agency = *change.mutable_put_agency()->mutable_agency();
    agency = world_.broker().directory().Get()->FindAgency(id)->agency;
    make(agency);
    ASSERT_EQ(world_.Change(change), absl::OkStatus());
  };
  put("idva", [&](auto& agency) { agency.add_areas(area); });
  std::string digest;
  Submit("incident-1", type::v1::RISK_GRADE_HIGH, digest);
  QueryTrailRequest request;
  request.mutable_filter()->add_areas(area);
  request.set_page_size(1);
  request.set_page_token(Query("admin/alice", request)->next_page_token());
  ASSERT_THAT(request.page_token(), Not(IsEmpty()));
  QueryTrailRequest of_no_area;
  of_no_area.mutable_filter()->add_agencies("idva");
  of_no_area.set_page_size(1);
  of_no_area.set_page_token(Query("admin/alice", of_no_area)->next_page_token());
  put("police", [](auto& agency) { agency.add_areas("E08000013"); });
  EXPECT_EQ(Query("admin/alice", request).status(), absl::OkStatus()) << "a change that is not the area's";
  put("police", [&](auto& agency) { agency.add_areas(area); });
  EXPECT_TRUE(HasReason(Query("admin/alice", request).status(), Reason::kPageTokenInvalid)) << "the rest would be of two agencies, and what was shown of one";
  EXPECT_EQ(Query("admin/alice", of_no_area).status(), absl::OkStatus());
  request.clear_page_token();
  EXPECT_EQ(Query("admin/alice", request).status(), absl::OkStatus());
}

TEST_F(TrailFilterApiTest, WhatIsErasedGoesFromTheIndexAndAnOldStoreIsIndexedAnew) {
  absl::Notification deleted;
  world_.Stop();
  world_.Start([&](EraserStep step) {
    if (step == EraserStep::kRowsDeleted) deleted.Notify();
  });
  std::string erased, kept;
  Submit("incident-1", type::v1::RISK_GRADE_HIGH, erased);
  Submit("incident-2", type::v1::RISK_GRADE_HIGH, kept);
  Index();
  const auto before = Pages(Stored());
  ASSERT_EQ(before.size(), 3u);
  EXPECT_TRUE(Indexed().contains(before[0].index()));
  admin::v1::Change change;
  change.mutable_erase()->set_header_digest(erased);
  change.mutable_erase()->set_ground(type::v1::ERASURE_GROUND_SUBJECT_REQUEST);
  change.mutable_erase()->set_authority("dpo:2026/17");
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  ASSERT_TRUE(deleted.WaitForNotificationWithTimeout(kTestTimeout));
  Index();
  EXPECT_FALSE(Indexed().contains(before[0].index()));
  EXPECT_TRUE(Indexed().contains(before[1].index()));
  const auto after = Pages(Stored());
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(after[0].referral().header_digest(), kept);

  // A question about it is told that it was erased, as its trail is, and one about what never was is told that.
  const auto asked = [&](const std::string& referral) {
    inspection::v1::AskQuestionRequest request;
    request.set_question(22);
    request.set_purpose("audit");
    request.set_referral(referral);
    return rpc::CallUnary(*TrailService::NewStub(world_.Channel("admin/alice")), &TrailService::Stub::AskQuestion, request, kTestTimeout).status();
  };
  EXPECT_TRUE(HasReason(asked(erased), Reason::kErased)) << asked(erased);
  EXPECT_TRUE(HasReason(asked(std::string(32, 'n')), Reason::kReferralNotFound));
  EXPECT_EQ(asked(kept), absl::OkStatus());

  // A store from before the index has none of its rows, nor how far it is.
  Index();
  const std::set<uint64_t> rows = Indexed();
  std::vector<std::string> keys;
  ASSERT_EQ(View()->Scan(kFamilyTrailIndex, {}, [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  }), absl::OkStatus());
  ASSERT_EQ(RunCommand(world_.broker().sequencer(), [&](CommitContext& context) -> absl::Status {
    for (const std::string& key : keys) context.Delete(kFamilyTrailIndex, key);
    context.Delete(kFamilyMeta, kMetaTrailIndexKey);
    return absl::OkStatus();
  }), absl::OkStatus());
  world_.Stop();
  world_.Start();
  Index();
  EXPECT_EQ(Indexed(), rows);
  EXPECT_EQ(*TrailIndexed(*View()), View()->ledger().size());
}

}  // namespace
}  // namespace accord::broker::trail_filter_api_test

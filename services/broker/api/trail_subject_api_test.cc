// Filters by subject over the wire: whoever asks for somebody's cases stands in the trails of those cases, however many pages are turned and whatever cases
// the subject is in by then; under a warrant in those alone of which it covers anything.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "accord/inspection/v1/trail_service.pb.h"
#include "accord/inspection/v1/warrant_service.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/ledger/leaf.h"
#include "services/broker/api/testing_places.h"
#include "services/broker/api/testing_warrant_calls.h"
#include "services/broker/api/testing_wire.h"
#include "services/broker/api/trail_query.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/testing_command.h"
#include "services/broker/trails/filter.h"

namespace accord::broker::trail_subject_api_test {
namespace {

using inspection::v1::QueryTrailResponse;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class TrailSubjectApiTest : public WarrantCallsFixture {
 protected:
  using Rows = std::vector<inspection::v1::TrailRow>;

  // The token that MakeSubmission makes of a name.
  static type::v1::SubjectToken TokenOf(const std::string& name) {
    type::v1::SubjectToken token;
    token.set_domain("northshire");
    token.set_token_key("2026-1");
    token.set_recipe(1);
    token.set_token((name + std::string(32, '.')).substr(0, 32));
    return token;
  }
  static QueryTrailRequest AboutSubjects(const std::vector<std::string>& names, const std::string& warrant = "") {
    QueryTrailRequest request;
    request.set_purpose("curious");
    request.set_warrant(warrant);
    for (const std::string& name : names) *request.mutable_filter()->add_subjects() = TokenOf(name);
    return request;
  }
  std::string StoreOf(const std::string& id, const std::string& victim, const std::string& perpetrator, const std::string& recipient = "idva") {
    return Store({.request_id = id, .recipients = {recipient}, .victim = victim, .perpetrator = perpetrator}, /*collected=*/false);
  }
  // The queries that stand in the trail of a case, by whom they were made.
  std::map<std::string, std::vector<uint64_t>> AskedOf(const std::string& pseudonym) {
    QueryTrailRequest request;
    request.set_case_pseudonym(pseudonym);
    std::map<std::string, std::vector<uint64_t>> asked;
    const auto trail = Only<QueryTrailResponse>(Trail("admin/alice", request));
    for (const auto& row : trail.rows()) {
      if (row.event().type() != type::v1::EVENT_TYPE_TRAIL_QUERIED) continue;
      asked[row.actor().principal()].push_back(row.index());
      const size_t own_chains = row.event().warrant().empty() ? 1 : 2;  // And the warrant's.
      EXPECT_EQ(ledger::ParseLeaf(row.leaf())->chains.size(), own_chains) << "the leaf joins the cases for nobody";
    }
    return asked;
  }
  static std::set<std::string> Referrals(const Rows& rows) {
    std::set<std::string> digests;
    for (const auto& row : rows) {
      if (!row.referral().header_digest().empty()) digests.insert(row.referral().header_digest());
    }
    return digests;
  }
  // A case that a name is in as victim, with an entry of its own.
  absl::Status OpenCase(CommitContext& context, const std::string& name, std::string* pseudonym = nullptr) {
    ACCORD_ASSIGN_OR_RETURN(const auto chain, context.OpenChain());
    context.Put(kFamilyCase, chain.pseudonym, storage::v1::StoredCase().SerializeAsString());
    EntryDraft draft;
    draft.chains = {chain.pseudonym};
    draft.event.set_type(type::v1::EVENT_TYPE_CASE_JOINED);
    draft.actor.emplace().set_principal("broker");
    ACCORD_RETURN_IF_ERROR(context.AddEntry(draft).status());
    if (pseudonym != nullptr) *pseudonym = chain.pseudonym;
    return AddTokens(context, chain.pseudonym, {KnownAs(name)});
  }
  CaseToken KnownAs(const std::string& name) {
    return {.role = type::v1::SUBJECT_ROLE_VICTIM, .token = world_.broker().linker().Index(TokenOf(name)), .strong = true};
  }
};

TEST_F(TrailSubjectApiTest, WhoAsksForASubjectStandsInTheTrailsOfItsCasesAndInQuestion9) {
  const std::string one = StoreOf("incident-1", "ann", "bill"), two = StoreOf("incident-2", "ann", "carl"), others = StoreOf("incident-3", "eve", "carl");
  ASSERT_NE(CaseOf(one), CaseOf(two));
  const auto answer = Only<QueryTrailResponse>(Trail("admin/bob", AboutSubjects({"ann"})));
  EXPECT_THAT(Referrals({answer.rows().begin(), answer.rows().end()}), UnorderedElementsAre(one, two));
  EXPECT_EQ(answer.rows().rbegin()->index(), answer.query_index());
  std::vector<uint64_t> seen;
  for (const std::string& digest : {one, two}) {
    const auto asked = AskedOf(CaseOf(digest));
    ASSERT_TRUE(asked.contains("admin/bob"));
    seen.insert(seen.end(), asked.at("admin/bob").begin(), asked.at("admin/bob").end());
    inspection::v1::AskQuestionRequest who;
    who.set_question(9);
    who.set_case_pseudonym(CaseOf(digest));
    const auto viewed = Only<inspection::v1::AskQuestionResponse>(Call("admin/alice", kTrails + "AskQuestion", who));
    EXPECT_EQ(std::count_if(viewed.table().rows().begin(), viewed.table().rows().end(),
                            [](const auto& row) { return row.cells(1) == "TRAIL_QUERIED" && row.cells(2) == "admin/bob" && row.cells(5) == "curious"; }),
              1);
  }
  EXPECT_THAT(seen, UnorderedElementsAre(answer.query_index(), answer.query_index() + 1));
  EXPECT_FALSE(AskedOf(CaseOf(others)).contains("admin/bob")) << "carl is in it, and was not asked for";

  // A perpetrator is one too; a case that is named beside its subject has one entry; a stream is a query like any other.
  EXPECT_THAT(Referrals([&] {
                const auto of_carl = Only<QueryTrailResponse>(Trail("admin/bob", AboutSubjects({"carl"})));
                return Rows(of_carl.rows().begin(), of_carl.rows().end());
              }()),
              UnorderedElementsAre(two, others));
  EXPECT_EQ(AskedOf(CaseOf(others))["admin/bob"].size(), 1u);
  QueryTrailRequest both = AboutSubjects({"ann"});
  both.mutable_filter()->add_case_pseudonyms(CaseOf(one));
  both.mutable_filter()->add_case_pseudonyms(CaseOf(others));
  const auto of_both = Only<QueryTrailResponse>(Trail("admin/bob", both));
  EXPECT_THAT(Referrals({of_both.rows().begin(), of_both.rows().end()}), ElementsAre(one));
  EXPECT_EQ(AskedOf(CaseOf(one))["admin/bob"].size(), 2u);
  EXPECT_EQ(AskedOf(CaseOf(others))["admin/bob"].size(), 2u);
  inspection::v1::StreamTrailRequest stream;
  *stream.mutable_query() = AboutSubjects({"ann"});
  Rows streamed;
  const WireAnswer messages = Call("admin/bob", kTrails + "StreamTrail", stream);
  for (const std::string& message : messages.messages) {
    const auto page = Parse<inspection::v1::StreamTrailResponse>(message).page();
    streamed.insert(streamed.end(), page.rows().begin(), page.rows().end());
  }
  EXPECT_THAT(Referrals(streamed), UnorderedElementsAre(one, two));
  EXPECT_EQ(AskedOf(CaseOf(one))["admin/bob"].size(), 3u);
}

TEST_F(TrailSubjectApiTest, EveryPageIsOfTheCasesThatTheFirstStandsOnTheRecordOf) {
  const std::string one = StoreOf("incident-1", "ann", "bill"), two = StoreOf("incident-2", "ann", "carl"), others = StoreOf("incident-3", "eve", "dan");
  QueryTrailRequest request = AboutSubjects({"ann"});
  request.set_page_size(1);
  Rows rows;
  const auto turn = [&] {
    const auto page = Only<QueryTrailResponse>(Trail("admin/bob", request));
    rows.insert(rows.end(), page.rows().begin(), page.rows().end());
    request.set_page_token(page.next_page_token());
  };
  turn();
  ASSERT_THAT(request.page_token(), Not(IsEmpty()));
  // Ann is found to be in a case that was there already, and in a new one.
  const std::string of_others = CaseOf(others);
  ASSERT_EQ(RunCommand(world_.broker().sequencer(), [&](CommitContext& context) { return AddTokens(context, of_others, {KnownAs("ann")}); }), absl::OkStatus());
  const std::string later = StoreOf("incident-4", "ann", "fred");
  for (int page = 0; page < 50 && !request.page_token().empty(); ++page) turn();
  ASSERT_THAT(request.page_token(), IsEmpty());
  EXPECT_THAT(Referrals(rows), UnorderedElementsAre(one, two)) << "to the last page, and nothing that stands on no record";
  EXPECT_EQ(rows.back().event().type(), type::v1::EVENT_TYPE_TRAIL_QUERIED);
  EXPECT_FALSE(AskedOf(of_others).contains("admin/bob"));
  const auto anew = Only<QueryTrailResponse>(Trail("admin/bob", AboutSubjects({"ann"})));
  EXPECT_THAT(Referrals({anew.rows().begin(), anew.rows().end()}), UnorderedElementsAre(one, two, others, later));
  EXPECT_EQ(AskedOf(of_others)["admin/bob"].size(), 1u);
}

// As of one that was recorded before its subjects' cases were named on the record.
TEST_F(TrailSubjectApiTest, ALaterPageOfAQueryThatStandsOnNoCaseIsRefusedAndNotTheLast) {
  QueryTrailRequest request = AboutSubjects({"ann"});
  const auto none = Only<QueryTrailResponse>(Trail("admin/bob", request));
  EXPECT_EQ(none.rows_size(), 1) << "the query's own";
  EXPECT_THAT(none.next_page_token(), IsEmpty());
  StoreOf("incident-1", "ann", "bill");
  request.set_page_size(1);
  const std::string token = Only<QueryTrailResponse>(Trail("admin/bob", request)).next_page_token();
  std::string position = FromHex(token).value_or("");
  ASSERT_GT(position.size(), 16u);
  position.replace(position.size() - 16, 8, ByteWriter().U64(none.query_index()).bytes());  // Before the place.
  request.set_page_token(ToHex(position));
  EXPECT_EQ(Trail("admin/bob", request).reason(), Reason::kPageTokenInvalid);
  request.set_page_token(token);
  EXPECT_EQ(Refusal(Trail("admin/bob", request)), "");
}

TEST_F(TrailSubjectApiTest, SubjectsOfTooManyCasesAreRefusedOnTheRecordAndExplainedWithoutAWord) {
  std::set<std::string> cases, told;
  ASSERT_EQ(RunCommand(world_.broker().sequencer(), [&](CommitContext& context) -> absl::Status {
    for (size_t i = 0; i < kFilterSubjectCasesMax; ++i) {
      std::string pseudonym;
      ACCORD_RETURN_IF_ERROR(OpenCase(context, i < kMatchCasesMax ? "ann" : "eve", &pseudonym));
      cases.insert(pseudonym);
    }
    return absl::OkStatus();
  }), absl::OkStatus());
  const QueryTrailRequest request = AboutSubjects({"ann", "eve"});
  const auto answer = Only<QueryTrailResponse>(Trail("admin/bob", request));
  for (uint64_t i = 0; i < kFilterSubjectCasesMax; ++i) {
    const auto view = world_.broker().sequencer().View();
    const auto entry = ReadIndexed(**view, answer.query_index() + i);
    ASSERT_TRUE(entry.ok() && entry->has_value()) << i;
    EXPECT_EQ((*entry)->parts.event->type(), type::v1::EVENT_TYPE_TRAIL_QUERIED);
    told.insert((*entry)->chains.begin(), (*entry)->chains.end());
  }
  EXPECT_EQ(told, cases);
  const auto explained = [&] {
    inspection::v1::ExplainTrailRequest explain;
    *explain.mutable_query() = request;
    return Call("admin/bob", kTrails + "ExplainTrail", explain).messages;
  };
  const auto before = explained();
  ASSERT_EQ(before.size(), 1u);

  ASSERT_EQ(RunCommand(world_.broker().sequencer(), [&](CommitContext& context) { return OpenCase(context, "eve"); }), absl::OkStatus());
  const WireAnswer refused = Trail("admin/bob", request);
  EXPECT_EQ(refused.reason(), Reason::kQueryTooCostly);
  EXPECT_THAT(refused.messages, IsEmpty());
  EXPECT_THAT(refused.words, ::testing::HasSubstr("more than 100 cases: ask by another token of the person, by fewer at a time, or by case"));
  EXPECT_EQ(Refusal(Trail("admin/bob", AboutSubjects({"ann"}))), "") << "fewer at a time";
  // One who is in one more case than are listed.
  ASSERT_EQ(RunCommand(world_.broker().sequencer(), [&](CommitContext& context) { return OpenCase(context, "ann"); }), absl::OkStatus());
  const WireAnswer known = Trail("admin/bob", AboutSubjects({"ann"}));
  EXPECT_EQ(known.reason(), Reason::kQueryTooCostly);
  EXPECT_THAT(known.words, ::testing::HasSubstr("a token is in more than 64 cases"));
  EXPECT_EQ(explained(), before) << "nothing records that it was asked";

  // That somebody is in many cases was told: it stands on the record that it was.
  QueryTrailRequest refusals;
  refusals.mutable_filter()->add_events(type::v1::EVENT_TYPE_REFUSED);
  int recorded = 0;
  const auto all_refused = Only<QueryTrailResponse>(Trail("admin/alice", refusals));
  for (const auto& row : all_refused.rows()) {
    recorded += row.event().reason() == "QUERY_TOO_COSTLY" && row.actor().principal() == "admin/bob";
  }
  EXPECT_EQ(recorded, 2);
}

TEST_F(TrailSubjectApiTest, UnderAWarrantTheRecordNamesNoCaseOfWhichItCoversNothing) {
  const std::string within = StoreOf("incident-1", "ann", "bill", "idva"), beyond = StoreOf("incident-2", "ann", "carl", "housing");
  Activated("idva-1", [](Warrant& w) { w.mutable_scope()->add_agencies("idva"); });
  const auto looks = [&](const std::string& agency) {
    return Only<inspection::v1::ListLooksResponse>(Call(agency, kWarrants + "ListLooks", inspection::v1::ListLooksRequest())).looks_size();
  };
  const int before = looks("agency/housing");
  const auto answer = Only<QueryTrailResponse>(Trail("inspector/ines", AboutSubjects({"ann"}, "idva-1")));
  EXPECT_THAT(Referrals({answer.rows().begin(), answer.rows().end()}), ElementsAre(within));
  EXPECT_THAT(AskedOf(CaseOf(within))["inspector/ines"], ElementsAre(answer.query_index()));
  EXPECT_FALSE(AskedOf(CaseOf(beyond)).contains("inspector/ines")) << "its leaf would say which case of ann's it is";
  EXPECT_EQ(looks("agency/police"), 1) << "a party of the case";
  EXPECT_EQ(looks("agency/housing"), before);
}

// Whether a warrant covers anything of a subject's cases is read before its question is on the record.
TEST_F(TrailSubjectApiTest, NoMoreThanTwoLookForCasesOfSubjectsUnderAWarrantAtATime) {
  StoreOf("incident-1", "ann", "bill");
  Activated("idva-1", [](Warrant& w) { w.mutable_scope()->add_agencies("idva"); });
  const auto one_too_many = [&](const std::string& principal, const QueryTrailRequest& request) {
    return OneTooMany<QueryTrailRequest, QueryTrailResponse>(world_, principal, kSubjectSearchesAtOnceMax, request, [](auto& stub, auto& context, auto& asked, auto& response, auto ended) {
      stub.QueryTrail(&context, &asked, &response, ended);
    });
  };
  const absl::Status first = one_too_many("inspector/ines", AboutSubjects({"ann"}, "idva-1"));
  ASSERT_TRUE(HasReason(first, Reason::kQueueFull)) << first;
  EXPECT_EQ(DetailOf(first).metadata.at(std::string(rpc::kRetryAfterKey)), "10000");
  for (int i = 0; i <= kSubjectSearchesAtOnceMax; ++i) {
    EXPECT_EQ(Refusal(Trail("inspector/ines", AboutSubjects({"ann"}, "idva-1"))), "") << "each gives its place back";
    EXPECT_EQ(Refusal(Stream(AboutSubjects({"ann"}, "idva-1"))), "");
    EXPECT_EQ(Refusal(Trail("inspector/ines", AboutSubjects({"ann"}, "idva-9"))), "WARRANT_NOT_FOUND") << "takes none";
  }
}

}  // namespace
}  // namespace accord::broker::trail_subject_api_test

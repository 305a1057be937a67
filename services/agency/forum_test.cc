// A forum over a real store and a broker that records: who may be listed, heard and given an action, and what becomes of it.
#include "services/agency/forum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/agent/testing_service.h"
#include "common/agent/today.h"
#include "common/referral/referral_name.h"

namespace accord::agency::forum_test {
namespace {

using namespace type::v1;  // NOLINT: states and kinds.
using agent::SomeWorker;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMeetingMs = 4'000'000'000'000;

std::string Reason(const absl::Status& status) { return status.ok() ? "OK" : std::string(RowOf(DetailOf(status).reason).name); }
template <typename T>
std::string Reason(const absl::StatusOr<T>& result) { return Reason(result.status()); }

class ForumTest : public agent::AgentTest {
 protected:
  ForumTest() { MakeForum(); }
  void MakeForum() { forum_ = std::make_unique<Forum>(*idva.store, *idva.inbox, *idva.outbox, clock, "marac-northshire", "idva"); }

  // A case that the forum has received, read and accepted.
  std::string Case(const std::string& id = "forum-case-1", const std::string& forum = "marac-northshire") {
    if (id == "forum-case-1") SignWithKnownCertificate();
    agent::Draft draft = agent::SomeDraft(id);
    draft.core.set_purpose(PURPOSE_MARAC);
    draft.core.set_forum(forum);
    draft.core.add_marac_criteria(MARAC_CRITERION_PROFESSIONAL_JUDGEMENT);
    EXPECT_EQ(police.outbox->Push(draft).status(), absl::OkStatus());
    police.Settle();
    const auto delivery = DeliveryFor(idva);
    EXPECT_EQ(idva.inbox->Receive(delivery), absl::OkStatus());
    const std::string digest = referral::DigestOf(delivery.referral().header());
    EXPECT_TRUE(idva.inbox->Read(id + "/read", digest, SomeWorker()).ok());
    EXPECT_TRUE(idva.inbox->Act(id + "/accept", digest, SomeWorker(), STATEMENT_KIND_ACCEPTED, [](Statement&) {}).ok());
    return referral::ReferralName(digest);
  }
  absl::StatusOr<ForumCase> List(const std::string& referral, int64_t meeting_ms = kMeetingMs, const std::string& id = "forum-list-1") {
    forum::v1::ScheduleCaseRequest request;
    request.set_request_id(id);
    request.set_referral(referral);
    *request.mutable_worker() = SomeWorker();
    request.set_meeting_at_ms(meeting_ms);
    return forum_->List(request);
  }
  absl::StatusOr<ForumCase> Hear(const std::string& referral, std::vector<std::string> decisions, int64_t deferred_to_ms = 0, const std::string& id = "forum-hear-1") {
    forum::v1::RecordHearingRequest request;
    request.set_request_id(id);
    request.set_referral(referral);
    *request.mutable_worker() = SomeWorker();
    *request.mutable_decisions() = {decisions.begin(), decisions.end()};
    request.set_deferred_to_ms(deferred_to_ms);
    return forum_->Hear(request);
  }
  forum::v1::AddActionRequest Action(const std::string& referral, const std::string& id = "forum-action-1", const std::string& owner = "police") {
    forum::v1::AddActionRequest request;
    request.mutable_options()->set_request_id(id);
    *request.mutable_options()->mutable_worker() = SomeWorker();
    request.set_referral(referral);
    request.set_owner(owner);
    request.set_code("address_flag");
    request.set_words("Flag her sister's address.");
    request.set_due_at_ms(absl::ToUnixMillis(clock.Now() + absl::Hours(24)));
    return request;
  }
  absl::Status Add(const std::string& referral, const forum::v1::AddActionRequest& request) {
    ACCORD_ASSIGN_OR_RETURN(const ForumCase one, forum_->Find(referral));
    ACCORD_RETURN_IF_ERROR(forum_->CheckAction(one, request));
    return forum_->KeepAction(one, request);
  }
  std::string Heard() {
    const std::string referral = Case();
    EXPECT_EQ(List(referral).status(), absl::OkStatus());
    EXPECT_EQ(Hear(referral, {"agreed"}).status(), absl::OkStatus());
    return referral;
  }

  std::vector<agency::v1::TodayItem> Today() {
    const auto items = forum_->Today();
    EXPECT_EQ(items.status(), absl::OkStatus());
    return items.ok() ? *items : std::vector<agency::v1::TodayItem>();
  }
  std::vector<agency::v1::TodayKind> Kinds() {
    std::vector<agency::v1::TodayKind> kinds;
    for (const auto& item : Today()) kinds.push_back(item.kind());
    return kinds;
  }

  std::unique_ptr<Forum> forum_;
};

TEST_F(ForumTest, ACaseGoesFromTheAgendaToItsHearing) {
  const std::string referral = Case();
  const auto listed = List(referral);
  ASSERT_EQ(listed.status(), absl::OkStatus());
  EXPECT_EQ(listed->entry.stored.state(), REFERRAL_STATE_LISTED);
  EXPECT_EQ(broker.statements.back().meeting_at_ms(), kMeetingMs);
  EXPECT_EQ(List(referral).status(), absl::OkStatus()) << "the same call again";
  EXPECT_THAT(*forum_->Agenda(kMeetingMs), SizeIs(1));
  EXPECT_THAT(*forum_->Agenda(kMeetingMs + 1), SizeIs(0));
  EXPECT_THAT(*forum_->Agenda(0), SizeIs(1));
  const auto heard = Hear(referral, {"agreed", "no-further-action"});
  ASSERT_EQ(heard.status(), absl::OkStatus());
  EXPECT_EQ(heard->entry.stored.state(), REFERRAL_STATE_HEARD);
  EXPECT_THAT(heard->stored.decisions(), ElementsAre("agreed", "no-further-action"));
  // And after a restart.
  idva.Restart();
  MakeForum();
  const auto agenda = forum_->Agenda(kMeetingMs);
  ASSERT_THAT(*agenda, SizeIs(1));
  EXPECT_THAT(agenda->front().stored.decisions(), SizeIs(2));
}

TEST_F(ForumTest, ADeferredCaseGoesToTheNextMeeting) {
  const std::string referral = Case();
  ASSERT_EQ(List(referral).status(), absl::OkStatus());
  const auto deferred = Hear(referral, {}, kMeetingMs + 1000);
  ASSERT_EQ(deferred.status(), absl::OkStatus());
  EXPECT_EQ(deferred->entry.stored.state(), REFERRAL_STATE_DEFERRED);
  EXPECT_THAT(*forum_->Agenda(kMeetingMs), SizeIs(0));
  EXPECT_THAT(*forum_->Agenda(kMeetingMs + 1000), SizeIs(1));
}

TEST_F(ForumTest, OneListedElsewhereIsOnEveryAgenda) {
  const std::string referral = Case();
  ASSERT_TRUE(idva.inbox->Act("forum-by-hand", *referral::ParseReferralName(referral), SomeWorker(), STATEMENT_KIND_LISTED, [](Statement& statement) {
    statement.set_meeting_at_ms(kMeetingMs);
  }).ok());
  EXPECT_THAT(*forum_->Agenda(7), SizeIs(1));
}

TEST_F(ForumTest, RefusesWhatIsWrong) {
  const std::string referral = Case(), other = Case("forum-case-2", "marac-elsewhere");
  EXPECT_EQ(Reason(List(other)), "FIELD_INVALID") << "it is for another forum";
  EXPECT_EQ(Reason(List("referrals/" + std::string(64, 'a'))), "REFERRAL_NOT_FOUND");
  EXPECT_EQ(Reason(List(referral, 0)), "FIELD_MISSING");
  EXPECT_EQ(Reason(Hear(referral, {"agreed"})), "TRANSITION_ILLEGAL") << "it is not listed";
  EXPECT_EQ(Reason(Hear(referral, {})), "FIELD_MISSING");
  EXPECT_EQ(Reason(Hear(referral, {"agreed"}, kMeetingMs)), "FIELD_INVALID");
  EXPECT_EQ(Reason(Hear(referral, {"not a code"})), "FIELD_INVALID");
  EXPECT_EQ(Reason(Hear(referral, std::vector<std::string>(kDecisionsMax + 1, "x"))), "FIELD_INVALID");
  EXPECT_EQ(Reason(Add(referral, Action(referral))), "TRANSITION_ILLEGAL") << "it was not heard";
  EXPECT_FALSE(IsForumCode("")) << "nor " << IsForumCode(std::string(kForumCodeBytesMax + 1, 'x'));
  EXPECT_TRUE(IsForumCode(std::string(kForumCodeBytesMax, 'x')));
}

TEST_F(ForumTest, ResearchIsAskedOnceForAListedCase) {
  const std::string referral = Case();
  EXPECT_EQ(Reason(Forum::CheckResearch(*forum_->Find(referral), "forum-research-1")), "TRANSITION_ILLEGAL");
  ASSERT_EQ(List(referral).status(), absl::OkStatus());
  ASSERT_EQ(Forum::CheckResearch(*forum_->Find(referral), "forum-research-1"), absl::OkStatus());
  ASSERT_EQ(forum_->NoteResearch(*forum_->Find(referral), "forum-research-1", "forum-research/1", SomeWorker()), absl::OkStatus());
  const ForumCase asked = *forum_->Find(referral);
  EXPECT_EQ(asked.entry.stored.state(), REFERRAL_STATE_RESEARCH_REQUESTED);
  EXPECT_EQ(asked.stored.research(), "forum-research-1");
  EXPECT_EQ(asked.stored.meeting_at_ms(), kMeetingMs);
  EXPECT_EQ(Forum::CheckResearch(asked, "forum-research-1"), absl::OkStatus()) << "the same call again";
  EXPECT_EQ(Reason(Forum::CheckResearch(asked, "forum-research-2")), "TRANSITION_ILLEGAL");
  EXPECT_EQ(forum_->NoteResearch(asked, "forum-research-1", "forum-research/1", SomeWorker()), absl::OkStatus());
}

TEST_F(ForumTest, TheOwnersStatementCompletesAnAction) {
  const std::string referral = Heard();
  const auto request = Action(referral);
  ASSERT_EQ(Add(referral, request), absl::OkStatus());
  ASSERT_EQ(Add(referral, request), absl::OkStatus()) << "the same call again";
  EXPECT_EQ(forum_->GetAction("forum-action-1")->state, forum::v1::ACTION_STATE_NOT_TOLD);

  agent::Draft draft = agent::SomeDraft("forum-action-1");
  draft.recipients = {"police"};
  broker.certificates["police"] = police.keys.sealing_certificate.der();
  ASSERT_TRUE(idva.outbox->Push(draft).ok());
  idva.Settle();
  EXPECT_EQ(forum_->GetAction("forum-action-1")->state, forum::v1::ACTION_STATE_OPEN);
  const std::string digest = idva.outbox->Get("forum-action-1")->header_digest();
  const auto said = [&](StatementKind kind, const std::string& code, const std::string& by) {
    Statement statement;
    statement.set_kind(kind);
    statement.set_outcome_code(code);
    statement.set_agency(by);
    statement.set_acted_at_ms(77);
    EXPECT_EQ(idva.outbox->AddStatement(digest, statement), absl::OkStatus());
  };
  said(STATEMENT_KIND_OUTCOME, "not_theirs", "housing");
  said(STATEMENT_KIND_DECLINED, "", "police");
  EXPECT_EQ(forum_->GetAction("forum-action-1")->state, forum::v1::ACTION_STATE_REFUSED);
  clock.Advance(absl::Hours(24));
  EXPECT_TRUE(forum_->GetAction("forum-action-1")->overdue);
  said(STATEMENT_KIND_ACTION, "flagged", "police");
  const ForumAction done = *forum_->GetAction("forum-action-1");
  EXPECT_EQ(done.state, forum::v1::ACTION_STATE_COMPLETED);
  EXPECT_EQ(done.stored.completed_code(), "flagged");
  EXPECT_EQ(done.stored.completed_at_ms(), 77);
  EXPECT_FALSE(done.overdue);
  EXPECT_THAT(forum_->Find(referral)->actions, SizeIs(1));
}

TEST_F(ForumTest, AnActionOfItsOwnIsCompletedByHandAndGoesWithTheCase) {
  const std::string referral = Heard();
  ASSERT_EQ(Add(referral, Action(referral, "forum-own-1", "idva")), absl::OkStatus());
  EXPECT_EQ(forum_->GetAction("forum-own-1")->state, forum::v1::ACTION_STATE_OPEN);
  forum::v1::CompleteActionRequest request;
  request.set_action("forum-own-1");
  request.set_code("not a code");
  EXPECT_EQ(Reason(forum_->Complete(request)), "FIELD_INVALID");
  request.set_code("done");
  *request.mutable_worker() = SomeWorker();
  ASSERT_EQ(forum_->Complete(request).status(), absl::OkStatus());
  EXPECT_EQ(forum_->Complete(request)->state, forum::v1::ACTION_STATE_COMPLETED);
  request.set_action("nobody's");
  EXPECT_EQ(Reason(forum_->Complete(request)), "REFERRAL_NOT_FOUND");

  const std::string digest = *referral::ParseReferralName(referral);
  ASSERT_TRUE(*idva.inbox->Erase(digest, [](auto&, const auto&) {}));
  EXPECT_EQ(Reason(forum_->GetAction("forum-own-1")), "REFERRAL_NOT_FOUND");
  EXPECT_THAT(*forum_->Actions(""), SizeIs(0));
  EXPECT_FALSE(idva.store->Get<storage::v1::StoredForumCase>(agent::kFamilyForumCase, digest)->has_value());
}

TEST_F(ForumTest, TodayHasACaseUntilItIsListedAndOnceItsMeetingHasBegun) {
  EXPECT_THAT(Today(), IsEmpty());
  const std::string referral = Case();
  Case("forum-case-2", "marac-elsewhere");
  ASSERT_THAT(Kinds(), ElementsAre(agency::v1::TODAY_KIND_CASE_TO_LIST)) << "of this forum alone";
  EXPECT_EQ(Today()[0].referral(), referral);
  EXPECT_EQ(Today()[0].agency(), "police");
  EXPECT_THAT(Today()[0].words(), AllOf(HasSubstr("A case of marac-northshire from police, received "), HasSubstr("on no agenda yet")));
  const int64_t meeting_ms = absl::ToUnixMillis(clock.Now() + absl::Hours(24));
  ASSERT_EQ(List(referral, meeting_ms).status(), absl::OkStatus());
  clock.Advance(absl::Hours(24) - absl::Milliseconds(1));
  EXPECT_THAT(Kinds(), IsEmpty());
  clock.Advance(absl::Milliseconds(1));
  ASSERT_THAT(Kinds(), ElementsAre(agency::v1::TODAY_KIND_CASE_TO_HEAR));
  EXPECT_EQ(Today()[0].due_ms(), meeting_ms);
  clock.Advance(absl::Hours(3));
  EXPECT_THAT(Today()[0].words(), HasSubstr("3 hours ago, and neither a hearing nor a deferral is recorded"));

  const int64_t next_ms = absl::ToUnixMillis(clock.Now() + absl::Hours(24 * 14));
  ASSERT_EQ(Hear(referral, {}, next_ms).status(), absl::OkStatus());
  ASSERT_THAT(Kinds(), ElementsAre(agency::v1::TODAY_KIND_CASE_TO_LIST));
  EXPECT_THAT(Today()[0].words(), HasSubstr("deferred, and to be listed again; due "));
  ASSERT_EQ(List(referral, next_ms, "forum-list-2").status(), absl::OkStatus());
  EXPECT_THAT(Kinds(), IsEmpty());
  ASSERT_EQ(Hear(referral, {"agreed"}, 0, "forum-hear-2").status(), absl::OkStatus());
  clock.Advance(absl::Hours(24 * 15));
  EXPECT_THAT(Kinds(), IsEmpty());
}

TEST_F(ForumTest, TodayHasNoMeetingOfACaseThatIsListedWithoutOne) {
  const std::string referral = Case();
  ASSERT_TRUE(idva.inbox->Act("forum-by-hand", *referral::ParseReferralName(referral), SomeWorker(), STATEMENT_KIND_LISTED, [](Statement& statement) {
    statement.set_meeting_at_ms(kMeetingMs);
  }).ok());
  clock.Advance(absl::Hours(24 * 365 * 200));
  EXPECT_THAT(Kinds(), IsEmpty());
}

TEST_F(ForumTest, TodayHasResearchWhoseTimeIsOverInPlaceOfItsCheck) {
  const std::string referral = Case();
  ASSERT_EQ(List(referral).status(), absl::OkStatus());
  broker.certificates["police"] = police.keys.sealing_certificate.der();
  broker::v1::RecipientStatus row;
  row.set_agency("police");
  row.set_state(REFERRAL_STATE_STORED);
  row.set_response_due_ms(absl::ToUnixMillis(clock.Now() + absl::Hours(24)));
  broker.recipients = {row};
  agent::Draft research = agent::SomeDraft("forum-research-1");
  research.core.set_checks(true);
  research.core.set_type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
  research.recipients = {"police"};
  ASSERT_TRUE(idva.outbox->Push(research).ok());
  idva.Settle();
  ASSERT_EQ(forum_->NoteResearch(*forum_->Find(referral), "forum-research-1", "forum-research/1", SomeWorker()), absl::OkStatus());
  const auto whole = [&] {
    std::vector<agency::v1::TodayKind> kinds;
    for (const auto& item : agent::MakeToday({}, *idva.outbox->Concerns(clock.Now()), clock.Now(), {}, {}, Today())) kinds.push_back(item.kind());
    return kinds;
  };
  clock.Advance(absl::Hours(24) - absl::Milliseconds(1));
  EXPECT_THAT(whole(), IsEmpty());
  clock.Advance(absl::Milliseconds(1));
  EXPECT_THAT(whole(), ElementsAre(agency::v1::TODAY_KIND_RESEARCH_DUE)) << "said once, and with the case";
  const auto item = Today().at(0);
  EXPECT_EQ(item.referral(), referral);
  EXPECT_EQ(item.about(), "forum-research-1");
  EXPECT_THAT(item.words(), HasSubstr("1 asked, 0 answered; police has not; due "));
  ASSERT_EQ(Hear(referral, {"agreed"}).status(), absl::OkStatus());
  EXPECT_THAT(whole(), ElementsAre(agency::v1::TODAY_KIND_CHECKS_DUE)) << "the meeting needs it no more; the check is still open";
}

TEST_F(ForumTest, TodayHasActionsThatAreOverdueAndThoseThatNobodyHas) {
  const std::string referral = Heard();
  ASSERT_EQ(Add(referral, Action(referral, "forum-own-1", "idva")), absl::OkStatus());
  EXPECT_THAT(Kinds(), IsEmpty());
  // Kept, and the service died before anybody was told.
  ASSERT_EQ(Add(referral, Action(referral)), absl::OkStatus());
  ASSERT_THAT(Kinds(), ElementsAre(agency::v1::TODAY_KIND_ACTION_UNOWNED));
  EXPECT_EQ(Today()[0].about(), "forum-action-1");
  EXPECT_EQ(Today()[0].agency(), "police");
  EXPECT_THAT(Today()[0].words(), HasSubstr("Action address_flag of police in a case of marac-northshire from police: they are not told; add it again under its id; due "));

  agent::Draft draft = agent::SomeDraft("forum-action-1");
  draft.recipients = {"police"};
  broker.certificates["police"] = police.keys.sealing_certificate.der();
  ASSERT_TRUE(idva.outbox->Push(draft).ok());
  EXPECT_THAT(Kinds(), IsEmpty()) << "it goes by itself";
  idva.Settle();
  EXPECT_THAT(Kinds(), IsEmpty());
  clock.Advance(absl::Hours(24));
  EXPECT_THAT(Kinds(), ElementsAre(agency::v1::TODAY_KIND_ACTION_OVERDUE, agency::v1::TODAY_KIND_ACTION_OVERDUE)) << "its own too";

  Statement statement;
  statement.set_kind(STATEMENT_KIND_DECLINED);
  statement.set_decline_reason(DECLINE_REASON_NOT_WANTED);
  statement.set_agency("police");
  statement.set_acted_at_ms(absl::ToUnixMillis(clock.Now()));
  ASSERT_EQ(idva.outbox->AddStatement(idva.outbox->Get("forum-action-1")->header_digest(), statement), absl::OkStatus());
  EXPECT_THAT(Kinds(), ::testing::UnorderedElementsAre(agency::v1::TODAY_KIND_ACTION_UNOWNED, agency::v1::TODAY_KIND_ACTION_OVERDUE));
  const auto whole = agent::MakeToday({}, *idva.outbox->Concerns(clock.Now()), clock.Now(), {}, {}, Today());
  EXPECT_THAT(whole, SizeIs(2)) << "not declined beside it";
  forum::v1::CompleteActionRequest done;
  done.set_code("done");
  *done.mutable_worker() = SomeWorker();
  for (const char* action : {"forum-action-1", "forum-own-1"}) {
    done.set_action(action);
    ASSERT_EQ(forum_->Complete(done).status(), absl::OkStatus());
  }
  EXPECT_THAT(Kinds(), IsEmpty());
}

TEST_F(ForumTest, TodaySaysWhyAnOwnerIsNotTold) {
  const std::string referral = Heard();
  ASSERT_EQ(Add(referral, Action(referral)), absl::OkStatus());
  agent::Draft draft = agent::SomeDraft("forum-action-1");
  draft.recipients = {"police"};
  broker.certificates["police"] = police.keys.sealing_certificate.der();
  broker.denied = {"police"};
  ASSERT_TRUE(idva.outbox->Push(draft).ok());
  idva.Settle();
  ASSERT_EQ(idva.State("forum-action-1"), agency::v1::SUBMISSION_STATE_NEEDS_PERSON);
  ASSERT_THAT(Kinds(), ElementsAre(agency::v1::TODAY_KIND_ACTION_UNOWNED));
  EXPECT_THAT(Today()[0].words(), HasSubstr("they are not told, and that waits for a person here: "));
  EXPECT_THAT(agent::MakeToday({}, *idva.outbox->Concerns(clock.Now()), clock.Now(), {}, {}, Today()), SizeIs(1));
}

TEST_F(ForumTest, RefusesAnActionThatIsWrong) {
  const std::string referral = Heard();
  const auto with = [&](auto spoil) {
    auto request = Action(referral);
    spoil(request);
    return Reason(Add(referral, request));
  };
  EXPECT_EQ(with([](auto& r) { r.set_owner("Nobody!"); }), "FIELD_INVALID");
  EXPECT_EQ(with([](auto& r) { r.set_code(""); }), "FIELD_INVALID");
  EXPECT_EQ(with([&](auto& r) { r.set_due_at_ms(absl::ToUnixMillis(clock.Now())); }), "FIELD_INVALID");
  EXPECT_EQ(with([](auto&) {}), "OK");
  EXPECT_EQ(with([](auto& r) { r.set_words("Something else."); }), "REQUEST_ID_REUSED");
  for (size_t i = 1; i < kActionsPerCaseMax; ++i) ASSERT_EQ(Add(referral, Action(referral, "forum-more-" + std::to_string(i))), absl::OkStatus());
  EXPECT_EQ(Reason(Add(referral, Action(referral, "forum-one-too-many"))), "QUOTA_EXCEEDED");
}

}  // namespace
}  // namespace accord::agency::forum_test

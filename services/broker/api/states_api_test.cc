// What recipients, a forum's coordinator and a sender who withdraws say of a referral, over the wire: a whole broker with TLS, a real
// store and a real log.
//
// Goal: what docs/states.md promises, and above all what must not happen: a word of who may not say it, a state that moves after the
// end, a copy that leaves after it was withdrawn, a recipient that learns of what it was never given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "services/broker/api/testing_change.h"

namespace accord::broker::states_api_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class StatesApiTest : public ChangeApiTest {
 protected:
  using Fill = std::function<void(Statement&)>;

  // What the agency says next; its own last word comes before it.
  absl::StatusOr<v1::RespondToReferralResponse> Say(const std::string& agency, const std::string& digest, StatementKind kind,
                                                    const Fill& fill = nullptr) {
    std::string& last = last_[agency + digest];
    Statement statement = Word(agency, kind, fmt::format("{}-word-{:04}", agency, ++words_), digest, last);
    if (fill) fill(statement);
    const SignedPayload document = Sign(statement);
    v1::RespondToReferralRequest request;
    request.set_request_id(statement.request_id());
    *request.mutable_statement() = document;
    auto response = rpc::CallUnary(Stub(agency), &v1::ReferralService::Stub::RespondToReferral, request, kTestTimeout);
    if (response.ok()) last = referral::DigestOf(document);
    return response;
  }
  absl::StatusOr<v1::RecordOutcomeResponse> Record(const std::string& agency, const std::string& digest, StatementKind kind,
                                                   const Fill& fill = nullptr) {
    std::string& last = last_[agency + digest];
    Statement statement = Word(agency, kind, fmt::format("{}-word-{:04}", agency, ++words_), digest, last);
    if (fill) fill(statement);
    const SignedPayload document = Sign(statement);
    v1::RecordOutcomeRequest request;
    request.set_request_id(statement.request_id());
    *request.mutable_statement() = document;
    auto response = rpc::CallUnary(Stub(agency), &v1::ReferralService::Stub::RecordOutcome, request, kTestTimeout);
    if (response.ok()) last = referral::DigestOf(document);
    return response;
  }
  // The state that a word leads to; fails the test when it is refused.
  template <typename Response>
  static ReferralState After(const absl::StatusOr<Response>& said) {
    EXPECT_EQ(said.status(), absl::OkStatus());
    return said.ok() ? said->state() : REFERRAL_STATE_UNSPECIFIED;
  }
  static void Code(Statement& statement) { statement.set_outcome_code("safety-plan-made"); }
  static void Meeting(Statement& statement) { statement.set_meeting_at_ms(1'800'000'000'000); }
  static void South(Statement& statement) { statement.set_other_forum("marac-south"); }

  // Taken and opened by the agency.
  void Open(const std::string& agency, const std::string& digest) {
    ASSERT_TRUE(Take(agency).has_referral());
    ASSERT_EQ(After(Say(agency, digest, STATEMENT_KIND_OPENED)), REFERRAL_STATE_OPENED);
  }
  void PutForum(const std::string& coordinator, bool active = true) {
    admin::v1::Change change;
    auto& forum = *change.mutable_put_forum()->mutable_forum();
    forum.set_id("marac");
    forum.add_members("idva");
    forum.add_members("housing");
    forum.set_coordinator(coordinator);
    forum.set_active(active);
    ASSERT_EQ(world_.Change(change), absl::OkStatus());
  }
  v1::WithdrawReferralRequest MakeWithdrawal(const std::string& digest, const std::string& request_id, const std::string& previous = "",
                                             const std::string& agency = "police") {
    Statement statement = Word(agency, STATEMENT_KIND_WITHDRAWN, request_id, digest, previous);
    statement.set_withdraw_reason(WITHDRAW_REASON_NOT_WANTED);
    v1::WithdrawReferralRequest request;
    request.set_request_id(request_id);
    *request.mutable_statement() = Sign(statement);
    return request;
  }
  absl::StatusOr<v1::WithdrawReferralResponse> Withdraw(const v1::WithdrawReferralRequest& request, const std::string& by = "police") {
    return rpc::CallUnary(Stub(by), &v1::ReferralService::Stub::WithdrawReferral, request, kTestTimeout);
  }

  // Changes the stored row, as an older broker may have left it.
  void Alter(const std::string& digest, std::function<void(storage::v1::StoredReferral&)> alter) {
    struct AlterCommand : Command {
      AlterCommand(std::string what, std::function<void(storage::v1::StoredReferral&)> how, absl::Notification& when)
          : digest(std::move(what)), alter(std::move(how)), done(when) {}
      absl::Status Apply(CommitContext& context) override {
        ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, digest));
        alter(*stored);
        return SaveReferral(context, digest, *stored);
      }
      void Done(const absl::StatusOr<Committed>& outcome) override {
        EXPECT_EQ(outcome.status(), absl::OkStatus());
        done.Notify();
      }
      const std::string digest;
      const std::function<void(storage::v1::StoredReferral&)> alter;
      absl::Notification& done;
    };
    absl::Notification done;
    world_.broker().sequencer().Submit(std::make_unique<AlterCommand>(digest, std::move(alter), done));
    done.WaitForNotification();
  }

 private:
  std::map<std::string, std::string> last_;  // By agency and referral.
  int words_ = 0;
};

// ---------------------------------------------------------------- recipients

TEST_F(StatesApiTest, AReturnedReferralIsTakenAfterAllAndClosed) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Open("idva", sent.digest);
  Take("police");  // OPENED.
  const auto lacks = [](Statement& statement) {
    statement.add_return_reasons(RETURN_REASON_SAFE_CONTACT_MISSING);
    statement.add_return_reasons(RETURN_REASON_RISK_NOT_ASSESSED);
  };
  EXPECT_EQ(After(Say("idva", sent.digest, STATEMENT_KIND_RETURNED, lacks)), REFERRAL_STATE_RETURNED);
  EXPECT_EQ(StateAt("idva", sent.digest), REFERRAL_STATE_RETURNED);
  // The sender is given the statement itself.
  const v1::Delivery told = Take("police");
  ASSERT_TRUE(told.has_statement());
  EXPECT_THAT(Read(told).return_reasons(), ElementsAre(RETURN_REASON_SAFE_CONTACT_MISSING, RETURN_REASON_RISK_NOT_ASSESSED));
  EXPECT_EQ(Refused(Say("idva", sent.digest, STATEMENT_KIND_RETURNED, lacks).status()), Reason::kTransitionIllegal);
  EXPECT_EQ(After(Say("idva", sent.digest, STATEMENT_KIND_ACCEPTED)), REFERRAL_STATE_ACCEPTED);
  EXPECT_EQ(After(Record("idva", sent.digest, STATEMENT_KIND_ACTION, Code)), REFERRAL_STATE_ACTION_RECORDED);
  EXPECT_EQ(After(Record("idva", sent.digest, STATEMENT_KIND_OUTCOME, Code)), REFERRAL_STATE_OUTCOME_RECORDED);
  const Fill completed = [](Statement& statement) { statement.set_close_reason(CLOSE_REASON_COMPLETED); };
  EXPECT_EQ(After(Say("idva", sent.digest, STATEMENT_KIND_CLOSED, completed)), REFERRAL_STATE_CLOSED);
  EXPECT_EQ(StateAt("idva", sent.digest), REFERRAL_STATE_CLOSED);
  // It is final, for the sender too: it has come to an end everywhere.
  EXPECT_EQ(Refused(Say("idva", sent.digest, STATEMENT_KIND_ACCEPTED).status()), Reason::kTransitionIllegal);
  EXPECT_EQ(Refused(Record("idva", sent.digest, STATEMENT_KIND_ACTION, Code).status()), Reason::kTransitionIllegal);
  EXPECT_EQ(Refused(Withdraw(MakeWithdrawal(sent.digest, "withdrawn-1")).status()), Reason::kTransitionIllegal);
}

TEST_F(StatesApiTest, WhoTakesItOnIsToldByWhenToTellWhatCameOfItAndSoIsTheSender) {
  std::string agreement = TestingBroker::Agreement("feedback-1", "\"identity\", \"risk\", \"narrative\"");
  const std::string route = "id = \"all\"\n";
  agreement.insert(agreement.find(route) + route.size(), "feedback_working_days = 2\n");
  admin::v1::Change change;
  change.mutable_put_agreement()->set_text(agreement);
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Open("idva", sent.digest);
  const auto due_at = [&] { return Get("police", sent.digest)->recipients(0).feedback_due_ms(); };
  EXPECT_EQ(due_at(), 0);
  const absl::Time now = world_.clock().Now();
  const auto accepted = Say("idva", sent.digest, STATEMENT_KIND_ACCEPTED);
  ASSERT_EQ(accepted.status(), absl::OkStatus());
  EXPECT_GT(accepted->feedback_due_ms(), absl::ToUnixMillis(now + absl::Hours(24)));
  EXPECT_EQ(due_at(), accepted->feedback_due_ms());
  EXPECT_EQ(After(Record("idva", sent.digest, STATEMENT_KIND_ACTION, Code)), REFERRAL_STATE_ACTION_RECORDED);
  EXPECT_EQ(due_at(), accepted->feedback_due_ms());
  EXPECT_EQ(After(Record("idva", sent.digest, STATEMENT_KIND_OUTCOME, Code)), REFERRAL_STATE_OUTCOME_RECORDED);
  EXPECT_EQ(due_at(), 0);
}

TEST_F(StatesApiTest, ARedirectionNamesTheAgencyAndPassesNothingOn) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"housing"}});
  Open("housing", sent.digest);
  Take("police");
  const Fill to_idva = [](Statement& statement) { statement.set_redirect_to("idva"); };
  EXPECT_EQ(After(Say("housing", sent.digest, STATEMENT_KIND_REDIRECTED, to_idva)), REFERRAL_STATE_REDIRECTED);
  EXPECT_EQ(Read(Take("police")).redirect_to(), "idva");
  EXPECT_EQ(Depth("idva"), 0u);
  EXPECT_EQ(Refused(Get("idva", sent.digest).status()), Reason::kNotPermitted);
  EXPECT_EQ(Refused(Say("housing", sent.digest, STATEMENT_KIND_ACCEPTED).status()), Reason::kTransitionIllegal);
}

// Children's services answer with a decision, and may return and redirect as others.
TEST_F(StatesApiTest, ChildrensServicesDecideAndMayReturn) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"childrens"}});
  Open("childrens", sent.digest);
  const Fill unclear = [](Statement& statement) { statement.add_return_reasons(RETURN_REASON_BASIS_UNCLEAR); };
  EXPECT_EQ(After(Say("childrens", sent.digest, STATEMENT_KIND_RETURNED, unclear)), REFERRAL_STATE_RETURNED);
  const Fill decision = [](Statement& statement) {
    statement.set_decision(CONTACT_DECISION_SECTION_47);
    statement.set_threshold(CONTACT_THRESHOLD_SIGNIFICANT_HARM);
    statement.set_decision_maker("manager-1");
    statement.set_decision_maker_role(WORKER_ROLE_SUPERVISOR);
    statement.set_decision_reason("harm/4.2");
  };
  EXPECT_EQ(After(Say("childrens", sent.digest, STATEMENT_KIND_DECIDED, decision)), REFERRAL_STATE_DECIDED);
}

TEST_F(StatesApiTest, EachMethodTakesItsOwnKindsOnly) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Open("idva", sent.digest);
  EXPECT_EQ(Refused(Say("idva", sent.digest, STATEMENT_KIND_ACTION, Code).status()), Reason::kFieldInvalid);
  const Fill withdrawn = [](Statement& statement) { statement.set_withdraw_reason(WITHDRAW_REASON_NOT_NEEDED); };
  EXPECT_EQ(Refused(Say("idva", sent.digest, STATEMENT_KIND_WITHDRAWN, withdrawn).status()), Reason::kFieldInvalid);
  const Fill completed = [](Statement& statement) { statement.set_close_reason(CLOSE_REASON_COMPLETED); };
  EXPECT_EQ(Refused(Record("idva", sent.digest, STATEMENT_KIND_CLOSED, completed).status()), Reason::kFieldInvalid);
  Statement accepted = Word("police", STATEMENT_KIND_ACCEPTED, "accepted-1", sent.digest, "");
  v1::WithdrawReferralRequest request;
  request.set_request_id("accepted-1");
  *request.mutable_statement() = Sign(accepted);
  EXPECT_EQ(Refused(Withdraw(request).status()), Reason::kFieldInvalid);
}

// ---------------------------------------------------------------- forums

TEST_F(StatesApiTest, OnlyTheCoordinatorOfItsForumSaysWhatTheForumDoes) {
  PutForum("idva");
  const auto for_marac = [](referral::HeaderParts& parts) { parts.core.set_forum("marac"); };
  const Sent sent = Send({.request_id = "incident-1", .alter = for_marac});
  for (const char* agency : {"idva", "housing"}) {
    Open(agency, sent.digest);
    ASSERT_EQ(After(Say(agency, sent.digest, STATEMENT_KIND_ACCEPTED)), REFERRAL_STATE_ACCEPTED);
  }
  EXPECT_EQ(Refused(Say("housing", sent.digest, STATEMENT_KIND_LISTED, Meeting).status()), Reason::kTransitionIllegal) << "a member";
  EXPECT_EQ(StateAt("housing", sent.digest), REFERRAL_STATE_ACCEPTED);
  EXPECT_EQ(After(Say("idva", sent.digest, STATEMENT_KIND_LISTED, Meeting)), REFERRAL_STATE_LISTED);
  EXPECT_EQ(After(Say("idva", sent.digest, STATEMENT_KIND_RESEARCH_REQUESTED)), REFERRAL_STATE_RESEARCH_REQUESTED);
  EXPECT_EQ(After(Say("idva", sent.digest, STATEMENT_KIND_DEFERRED, Meeting)), REFERRAL_STATE_DEFERRED);
  // A forum that does not sit has no coordinator; one that changes hands has another.
  PutForum("idva", /*active=*/false);
  EXPECT_EQ(Refused(Say("idva", sent.digest, STATEMENT_KIND_LISTED, Meeting).status()), Reason::kTransitionIllegal);
  PutForum("housing");
  EXPECT_EQ(Refused(Say("idva", sent.digest, STATEMENT_KIND_LISTED, Meeting).status()), Reason::kTransitionIllegal);
  EXPECT_EQ(After(Say("housing", sent.digest, STATEMENT_KIND_LISTED, Meeting)), REFERRAL_STATE_LISTED);
  PutForum("idva");
  EXPECT_EQ(After(Say("idva", sent.digest, STATEMENT_KIND_LISTED, Meeting)), REFERRAL_STATE_LISTED);
  EXPECT_EQ(After(Say("idva", sent.digest, STATEMENT_KIND_HEARD)), REFERRAL_STATE_HEARD);
  const Fill itself = [](Statement& statement) { statement.set_other_forum("marac"); };
  EXPECT_EQ(Refused(Say("idva", sent.digest, STATEMENT_KIND_TRANSFERRED_OUT, itself).status()), Reason::kFieldInvalid);
  EXPECT_EQ(After(Say("idva", sent.digest, STATEMENT_KIND_TRANSFERRED_OUT, South)), REFERRAL_STATE_TRANSFERRED_OUT);
  EXPECT_EQ(Refused(Say("idva", sent.digest, STATEMENT_KIND_LISTED, Meeting).status()), Reason::kTransitionIllegal);
}

TEST_F(StatesApiTest, AReferralForNoForumOrForOneUnknownHasNoSteps) {
  PutForum("idva");
  const Sent none = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Open("idva", none.digest);
  EXPECT_EQ(Refused(Say("idva", none.digest, STATEMENT_KIND_TRANSFERRED_IN, South).status()), Reason::kTransitionIllegal);
  const auto elsewhere = [](referral::HeaderParts& parts) { parts.core.set_forum("matac"); };
  const Sent other = Send({.request_id = "incident-2", .recipients = {"idva"}, .victim = "another", .alter = elsewhere});
  Open("idva", other.digest);
  EXPECT_EQ(Refused(Say("idva", other.digest, STATEMENT_KIND_TRANSFERRED_IN, South).status()), Reason::kTransitionIllegal);
  // It is how the coordinator begins with what comes from another forum.
  const auto for_marac = [](referral::HeaderParts& parts) { parts.core.set_forum("marac"); };
  const Sent theirs = Send({.request_id = "incident-3", .recipients = {"idva"}, .victim = "a third", .alter = for_marac});
  Open("idva", theirs.digest);
  EXPECT_EQ(After(Say("idva", theirs.digest, STATEMENT_KIND_TRANSFERRED_IN, South)), REFERRAL_STATE_TRANSFERRED_IN);
  EXPECT_EQ(After(Say("idva", theirs.digest, STATEMENT_KIND_LISTED, Meeting)), REFERRAL_STATE_LISTED);
}

// ---------------------------------------------------------------- withdrawal

TEST_F(StatesApiTest, AWithdrawalStopsWhatHasNotLeftAndTellsWhoHolds) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva", "childrens"}});
  Open("idva", sent.digest);
  const size_t sections = SectionRows(sent.digest);
  EXPECT_EQ(DueRows(DueKind::kResponse), 2u);
  const auto request = MakeWithdrawal(sent.digest, "withdrawn-1");
  const auto withdrawn = Withdraw(request);
  ASSERT_EQ(withdrawn.status(), absl::OkStatus());
  EXPECT_THAT(List(withdrawn->told()), ElementsAre("idva"));
  EXPECT_THAT(List(withdrawn->stopped()), ElementsAre("childrens"));
  EXPECT_FALSE(withdrawn->repeated_request());
  EXPECT_EQ(StateAt("idva", sent.digest), REFERRAL_STATE_WITHDRAWN);
  EXPECT_EQ(StateAt("childrens", sent.digest), REFERRAL_STATE_WITHDRAWN);
  EXPECT_EQ(Depth("childrens"), 0u);
  EXPECT_EQ(EntriesOpenTo("police", EVENT_TYPE_COPY_STOPPED).size(), 1u);
  EXPECT_THAT(EntriesOpenTo("childrens", EVENT_TYPE_COPY_STOPPED), IsEmpty());
  // Nothing was wrong with the sharing: no breach, nothing to answer, nothing deleted.
  EXPECT_THAT(EntriesOpenTo("police", EVENT_TYPE_BREACH_RECORDED), IsEmpty());
  EXPECT_EQ(DueRows(DueKind::kChange), 0u);
  EXPECT_EQ(SectionRows(sent.digest), sections);
  for (const DueKind clock : {DueKind::kPickUp, DueKind::kResponse}) EXPECT_EQ(DueRows(clock), 0u) << "nothing is late any more";

  // All of it is one batch: what was stored survives a stop, and a repeat is given the first answer.
  world_.Stop();
  world_.Start();
  Connect();
  const auto again = Withdraw(request);
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_TRUE(again->repeated_request());
  EXPECT_EQ(again->index(), withdrawn->index());
  EXPECT_EQ(again->statement_digest(), withdrawn->statement_digest());
  EXPECT_THAT(List(again->told()), ElementsAre("idva"));
  EXPECT_THAT(List(again->stopped()), ElementsAre("childrens"));
  EXPECT_EQ(Depth("idva"), 1u) << "it is told once";
  EXPECT_EQ(Refused(Withdraw(MakeWithdrawal(sent.digest, "withdrawn-1", std::string(32, 'p'))).status()), Reason::kRequestIdReused);
  const absl::Status twice = Withdraw(MakeWithdrawal(sent.digest, "withdrawn-2", withdrawn->statement_digest())).status();
  EXPECT_EQ(Refused(twice), Reason::kTransitionIllegal);
  EXPECT_EQ(DetailOf(twice).metadata["state"], "REFERRAL_STATE_WITHDRAWN");

  const v1::Delivery told = Take("idva");
  ASSERT_TRUE(told.has_statement());
  EXPECT_EQ(Read(told).kind(), STATEMENT_KIND_WITHDRAWN);
  EXPECT_EQ(Read(told).withdraw_reason(), WITHDRAW_REASON_NOT_WANTED);
  EXPECT_EQ(told.answer_due_ms(), 0);
  // The holder still sees what it has, and says nothing more of it.
  const auto seen = Get("idva", sent.digest);
  ASSERT_EQ(seen.status(), absl::OkStatus());
  EXPECT_EQ(seen->recipients(0).state(), REFERRAL_STATE_WITHDRAWN);
  EXPECT_GT(seen->openings_size(), 0);
  EXPECT_EQ(Refused(Say("idva", sent.digest, STATEMENT_KIND_ACCEPTED).status()), Reason::kTransitionIllegal);
  // Who had nothing is told, and can find, nothing: as if there were no such referral.
  const absl::Status absent = Get("childrens", std::string(32, 'x')).status();
  EXPECT_EQ(Get("childrens", sent.digest).status(), absent);
  EXPECT_EQ(Refused(Say("childrens", sent.digest, STATEMENT_KIND_OPENED).status()), Reason::kNotPermitted);
}

TEST_F(StatesApiTest, OnlyTheSenderWithdrawsWhatStillStands) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Take("idva");
  const auto refused = [&](const v1::WithdrawReferralRequest& request, const std::string& by = "police") {
    return Refused(Withdraw(request, by).status());
  };
  EXPECT_EQ(refused(MakeWithdrawal(sent.digest, "withdrawn-1", "", "idva"), "idva"), Reason::kNotPermitted);
  EXPECT_EQ(refused(MakeWithdrawal(sent.digest, "withdrawn-1", "", "housing"), "housing"), Reason::kNotPermitted);
  EXPECT_EQ(refused(MakeWithdrawal(std::string(32, 'x'), "withdrawn-1")), Reason::kNotPermitted);
  EXPECT_EQ(refused(MakeWithdrawal(sent.digest, "withdrawn-1"), "idva"), Reason::kSigningKeyUnknown) << "signed by another";
  EXPECT_EQ(refused(MakeWithdrawal(sent.digest, "withdrawn-1", std::string(32, 'p'))), Reason::kTransitionIllegal) << "does not follow";
  EXPECT_EQ(StateAt("idva", sent.digest), REFERRAL_STATE_DELIVERED);

  const Sent recalled = Send({.request_id = "incident-2", .recipients = {"idva"}, .victim = "another"});
  const auto recall = Recall(recalled.digest, "recalled-1");
  ASSERT_EQ(recall.status(), absl::OkStatus());
  EXPECT_EQ(refused(MakeWithdrawal(recalled.digest, "withdrawn-2", recall->statement_digest())), Reason::kTransitionIllegal);

  const auto corrected = Correct(MakeCorrection(sent.digest, {.request_id = "incident-1-corrected", .recipients = {"idva"}}, false));
  ASSERT_EQ(corrected.status(), absl::OkStatus());
  EXPECT_EQ(refused(MakeWithdrawal(sent.digest, "withdrawn-3", corrected->statement_digest())), Reason::kTransitionIllegal);
  const std::string newer = corrected->stored().header_digest();
  EXPECT_EQ(Withdraw(MakeWithdrawal(newer, "withdrawn-4")).status(), absl::OkStatus());
  EXPECT_EQ(StateAt("idva", newer), REFERRAL_STATE_WITHDRAWN);
}

// A person who withdraws consent and then the request is still owed an answer to the first; and what went astray is recalled even so.
TEST_F(StatesApiTest, WhatWasAskedBeforeIsStillToBeAnsweredAndARecallStillPossible) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Open("idva", sent.digest);
  const auto changed = Change(MakeChange(sent, With(sent, CONFIDENTIALITY_CONSENT_WITHDRAWN), "consent-1"));
  ASSERT_EQ(changed.status(), absl::OkStatus());
  const auto withdrawn = Withdraw(MakeWithdrawal(sent.digest, "withdrawn-1", changed->statement_digest()));
  ASSERT_EQ(withdrawn.status(), absl::OkStatus());
  EXPECT_EQ(DueRows(DueKind::kChange), 1u);
  const Fill stopped = [&](Statement& statement) {
    statement.set_answers(changed->statement_digest());
    statement.set_change_answer(CHANGE_ANSWER_STOPPED);
  };
  EXPECT_EQ(After(Say("idva", sent.digest, STATEMENT_KIND_CHANGE_ANSWERED, stopped)), REFERRAL_STATE_WITHDRAWN);
  EXPECT_EQ(DueRows(DueKind::kChange), 0u);
  const auto recalled = Recall(sent.digest, "recalled-1", withdrawn->statement_digest());
  ASSERT_EQ(recalled.status(), absl::OkStatus());
  EXPECT_THAT(Agencies(recalled->told()), ElementsAre("idva"));
  EXPECT_EQ(EntriesOpenTo("police", EVENT_TYPE_BREACH_RECORDED).size(), 1u);
  EXPECT_EQ(StateAt("idva", sent.digest), REFERRAL_STATE_WITHDRAWN);
}

// Released but not acknowledged: it counts as held, and is not given again.
TEST_F(StatesApiTest, ACopyThatIsOutIsHeldAndOneThatWasOnlyPlannedDoesNotLeave) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva", "housing"}});
  {
    Collector idva(world_, "agency/idva", 1);
    ASSERT_TRUE(idva.NextDelivery().has_referral());
  }
  Leased planned = PlanOf("housing", sent.digest);
  const auto withdrawn = Withdraw(MakeWithdrawal(sent.digest, "withdrawn-1"));
  ASSERT_EQ(withdrawn.status(), absl::OkStatus());
  EXPECT_THAT(List(withdrawn->told()), ElementsAre("idva"));
  EXPECT_THAT(List(withdrawn->stopped()), ElementsAre("housing"));
  EXPECT_EQ(Refused(Release("housing", std::move(planned)).status()), Reason::kDeliveryNotFound);
  EXPECT_EQ(Depth("housing"), 0u);
  ASSERT_TRUE(Take("idva").has_statement());
  EXPECT_EQ(Depth("idva"), 0u);
  EXPECT_EQ(StateAt("idva", sent.digest), REFERRAL_STATE_WITHDRAWN);
}

// Rows from before the first release was kept in them: who holds something is known by the delivery, and after the withdrawal still.
// Erased later, it tells each what it knew before.
TEST_F(StatesApiTest, AnOldRowIsHeldAllTheSameAndErasureTellsNoNewThing) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva", "childrens"}});
  Take("idva");
  Alter(sent.digest, [](storage::v1::StoredReferral& stored) {
    for (auto& recipient : *stored.mutable_recipients()) {
      recipient.clear_first_released_ms();
      recipient.clear_released_sections();
      recipient.clear_released_rules();
    }
  });
  ASSERT_EQ(Withdraw(MakeWithdrawal(sent.digest, "withdrawn-1")).status(), absl::OkStatus());
  EXPECT_EQ(Get("idva", sent.digest).status(), absl::OkStatus());
  const auto held = Holders("police", sent.digest);
  ASSERT_EQ(held.status(), absl::OkStatus());
  ASSERT_EQ(held->holders_size(), 1);
  EXPECT_EQ(held->holders(0).agency(), "idva");
  EXPECT_EQ(held->holders(0).sections_size(), 3);
  const absl::Status unknown = Get("childrens", sent.digest).status();
  EXPECT_EQ(DetailOf(unknown).reason, Reason::kNotPermitted);
  admin::v1::Change erase;
  erase.mutable_erase()->set_header_digest(sent.digest);
  erase.mutable_erase()->set_ground(ERASURE_GROUND_ORDER);
  erase.mutable_erase()->set_authority("county-court/7");
  ASSERT_EQ(world_.Change(erase), absl::OkStatus());
  EXPECT_EQ(Refused(Get("idva", sent.digest).status()), Reason::kErased);
  EXPECT_EQ(Get("childrens", sent.digest).status(), unknown);
}

// A dead letter tells its recipient nothing; that it was withdrawn since changes nothing of that.
TEST_F(StatesApiTest, ADeadLetterIsWithdrawnToo) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  {
    Collector idva(world_, "agency/idva", 1);
    v1::OpenMailboxRequest reject;
    reject.mutable_reject()->set_delivery_id(idva.NextDelivery().delivery_id());
    reject.mutable_reject()->set_reason("SECTION_MALFORMED");
    idva.Say(reject);
    ASSERT_TRUE(idva.Next().has_value());
  }
  ASSERT_EQ(StateAt("idva", sent.digest), REFERRAL_STATE_DEAD_LETTER);
  const absl::Status hidden = Get("idva", sent.digest).status();
  EXPECT_EQ(DetailOf(hidden).reason, Reason::kNotPermitted);
  ASSERT_EQ(Withdraw(MakeWithdrawal(sent.digest, "withdrawn-1")).status(), absl::OkStatus());
  EXPECT_EQ(StateAt("idva", sent.digest), REFERRAL_STATE_WITHDRAWN);
  EXPECT_EQ(Get("idva", sent.digest).status(), hidden);
}

TEST_F(StatesApiTest, WhoMayNotBeToldIsNotToldOfAWithdrawal) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva", "housing"}});
  Take("idva");
  Take("housing");
  admin::v1::Change change;
  auto& row = *change.mutable_put_agency()->mutable_agency();
  row = world_.broker().directory().Get()->FindAgency("housing")->agency;
  row.set_active(false);
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  const auto withdrawn = Withdraw(MakeWithdrawal(sent.digest, "withdrawn-1"));
  ASSERT_EQ(withdrawn.status(), absl::OkStatus());
  EXPECT_THAT(List(withdrawn->told()), ElementsAre("idva"));
  EXPECT_EQ(Depth("housing"), 0u);
  EXPECT_EQ(StateAt("housing", sent.digest), REFERRAL_STATE_WITHDRAWN);
}

}  // namespace
}  // namespace accord::broker::states_api_test

// Where a referral may go from where, who may say so, and what each statement on it must have.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/referral/states.h"
#include "common/referral/statement.h"

namespace accord::referral::states_test {
namespace {

using namespace type::v1;  // NOLINT

constexpr AgencyKind kKinds[] = {AGENCY_KIND_POLICE, AGENCY_KIND_CHILDRENS_SERVICES, AGENCY_KIND_HOUSING, AGENCY_KIND_HEALTH, AGENCY_KIND_IDVA};

// What is legal, written down apart from the table: each event, and the states from which it may happen. All else is illegal.
struct Written {
  Event event;
  ReferralState to;
  std::set<ReferralState> from;
};
const Written kWritten[] = {
    {Event::kRelease, REFERRAL_STATE_RELEASED, {REFERRAL_STATE_STORED, REFERRAL_STATE_RELEASED}},
    {Event::kDeliver, REFERRAL_STATE_DELIVERED, {REFERRAL_STATE_RELEASED}},
    {Event::kDie, REFERRAL_STATE_DEAD_LETTER, {REFERRAL_STATE_STORED, REFERRAL_STATE_RELEASED}},
    {Event::kRequeue, REFERRAL_STATE_STORED, {REFERRAL_STATE_DEAD_LETTER}},
    {Event::kRecall, REFERRAL_STATE_RECALLED, {REFERRAL_STATE_STORED}},
    {Event::kWithdraw,
     REFERRAL_STATE_WITHDRAWN,
     {REFERRAL_STATE_STORED, REFERRAL_STATE_RELEASED, REFERRAL_STATE_DELIVERED, REFERRAL_STATE_DEAD_LETTER, REFERRAL_STATE_OPENED,
      REFERRAL_STATE_ACCEPTED, REFERRAL_STATE_RETURNED, REFERRAL_STATE_REDIRECTED, REFERRAL_STATE_DECLINED, REFERRAL_STATE_DECIDED,
      REFERRAL_STATE_ACTION_RECORDED, REFERRAL_STATE_OUTCOME_RECORDED, REFERRAL_STATE_LISTED, REFERRAL_STATE_RESEARCH_REQUESTED,
      REFERRAL_STATE_HEARD, REFERRAL_STATE_DEFERRED, REFERRAL_STATE_TRANSFERRED_IN, REFERRAL_STATE_ANSWERED}},
    {Event::kOpen, REFERRAL_STATE_OPENED, {REFERRAL_STATE_RELEASED, REFERRAL_STATE_DELIVERED}},
    {Event::kAccept, REFERRAL_STATE_ACCEPTED, {REFERRAL_STATE_OPENED, REFERRAL_STATE_RETURNED}},
    {Event::kReturn, REFERRAL_STATE_RETURNED, {REFERRAL_STATE_OPENED}},
    {Event::kRedirect, REFERRAL_STATE_REDIRECTED, {REFERRAL_STATE_OPENED}},
    {Event::kDecline, REFERRAL_STATE_DECLINED, {REFERRAL_STATE_OPENED, REFERRAL_STATE_ACCEPTED}},
    {Event::kDecide,
     REFERRAL_STATE_DECIDED,
     {REFERRAL_STATE_OPENED, REFERRAL_STATE_ACCEPTED, REFERRAL_STATE_RETURNED, REFERRAL_STATE_DECIDED, REFERRAL_STATE_ACTION_RECORDED}},
    {Event::kAction,
     REFERRAL_STATE_ACTION_RECORDED,
     {REFERRAL_STATE_ACCEPTED, REFERRAL_STATE_DECIDED, REFERRAL_STATE_ACTION_RECORDED, REFERRAL_STATE_OUTCOME_RECORDED, REFERRAL_STATE_HEARD,
      REFERRAL_STATE_DEFERRED, REFERRAL_STATE_TRANSFERRED_IN}},
    {Event::kOutcome,
     REFERRAL_STATE_OUTCOME_RECORDED,
     {REFERRAL_STATE_ACCEPTED, REFERRAL_STATE_DECIDED, REFERRAL_STATE_ACTION_RECORDED, REFERRAL_STATE_OUTCOME_RECORDED, REFERRAL_STATE_HEARD}},
    {Event::kClose,
     REFERRAL_STATE_CLOSED,
     {REFERRAL_STATE_ACCEPTED, REFERRAL_STATE_RETURNED, REFERRAL_STATE_REDIRECTED, REFERRAL_STATE_DECLINED, REFERRAL_STATE_DECIDED,
      REFERRAL_STATE_ACTION_RECORDED, REFERRAL_STATE_OUTCOME_RECORDED, REFERRAL_STATE_HEARD, REFERRAL_STATE_DEFERRED,
      REFERRAL_STATE_TRANSFERRED_IN, REFERRAL_STATE_ANSWERED}},
    {Event::kList,
     REFERRAL_STATE_LISTED,
     {REFERRAL_STATE_ACCEPTED, REFERRAL_STATE_TRANSFERRED_IN, REFERRAL_STATE_DEFERRED, REFERRAL_STATE_ACTION_RECORDED}},
    {Event::kRequestResearch, REFERRAL_STATE_RESEARCH_REQUESTED, {REFERRAL_STATE_LISTED}},
    {Event::kHear, REFERRAL_STATE_HEARD, {REFERRAL_STATE_LISTED, REFERRAL_STATE_RESEARCH_REQUESTED}},
    {Event::kDefer, REFERRAL_STATE_DEFERRED, {REFERRAL_STATE_LISTED, REFERRAL_STATE_RESEARCH_REQUESTED}},
    {Event::kTransferOut,
     REFERRAL_STATE_TRANSFERRED_OUT,
     {REFERRAL_STATE_ACCEPTED, REFERRAL_STATE_TRANSFERRED_IN, REFERRAL_STATE_LISTED, REFERRAL_STATE_RESEARCH_REQUESTED, REFERRAL_STATE_HEARD,
      REFERRAL_STATE_DEFERRED, REFERRAL_STATE_ACTION_RECORDED}},
    {Event::kTransferIn, REFERRAL_STATE_TRANSFERRED_IN, {REFERRAL_STATE_OPENED}},
    {Event::kAnswerCheck, REFERRAL_STATE_ANSWERED, {REFERRAL_STATE_OPENED, REFERRAL_STATE_RETURNED, REFERRAL_STATE_ANSWERED}},
};

TEST(StatesTest, EveryPairLeadsWhereItShouldOrNowhere) {
  ASSERT_EQ(std::size(kWritten), kAllEvents.size());
  size_t legal = 0;
  for (const Written& row : kWritten) {
    for (int number = 0; number < ReferralState_ARRAYSIZE; ++number) {
      const auto from = static_cast<ReferralState>(number);
      const auto next = Next(from, row.event);
      const auto expected = row.from.contains(from) ? std::optional(row.to) : std::nullopt;
      EXPECT_EQ(next, expected) << ReferralState_Name(from) << " to " << ReferralState_Name(row.to);
      if (next.has_value()) ++legal;
    }
  }
  EXPECT_EQ(legal, kArrows.size()) << "a pair stands in the table twice";
}

TEST(StatesTest, ACheckIsAnsweredAndNothingElseIs) {
  const std::set<StatementKind> of_checks = {STATEMENT_KIND_OPENED, STATEMENT_KIND_CHECK_ANSWERED, STATEMENT_KIND_RETURNED, STATEMENT_KIND_CLOSED,
                                             STATEMENT_KIND_CHANGE_ANSWERED};
  for (const StatementRow& row : kStatements) {
    if (row.by != Party::kRecipient) continue;
    EXPECT_EQ(MaySayOfCheck(true, row.kind), of_checks.contains(row.kind)) << StatementKind_Name(row.kind);
    EXPECT_EQ(MaySayOfCheck(false, row.kind), row.kind != STATEMENT_KIND_CHECK_ANSWERED) << StatementKind_Name(row.kind);
  }
}

TEST(StatesTest, NothingFollowsWhatIsFinalAndEverythingElseCanBeWithdrawn) {
  for (int number = 0; number < ReferralState_ARRAYSIZE; ++number) {
    const auto state = static_cast<ReferralState>(number);
    bool follows = false;
    for (const Event event : kAllEvents) follows = follows || Next(state, event).has_value();
    const bool known = state != REFERRAL_STATE_UNSPECIFIED;
    EXPECT_EQ(follows, known && !IsFinal(state)) << ReferralState_Name(state);
    EXPECT_EQ(Next(state, Event::kWithdraw).has_value(), known && !IsFinal(state)) << ReferralState_Name(state);
  }
}

// A Marac as its coordinator sees it (docs/states.md): put off, heard, acted on, closed; and the person who moves away.
TEST(StatesTest, AForumWalksItsWay) {
  const auto walk = [](std::initializer_list<Event> events) {
    std::optional<ReferralState> state = REFERRAL_STATE_OPENED;
    for (const Event event : events) {
      if (state.has_value()) state = Next(*state, event);
    }
    return state;
  };
  EXPECT_EQ(walk({Event::kAccept, Event::kList, Event::kRequestResearch, Event::kDefer, Event::kList, Event::kHear, Event::kAction,
                  Event::kAction, Event::kOutcome, Event::kClose}),
            REFERRAL_STATE_CLOSED);
  EXPECT_EQ(walk({Event::kTransferIn, Event::kList, Event::kHear, Event::kTransferOut}), REFERRAL_STATE_TRANSFERRED_OUT);
  EXPECT_EQ(walk({Event::kList}), std::nullopt) << "nobody has accepted it";
  EXPECT_EQ(walk({Event::kAccept, Event::kHear}), std::nullopt) << "it is not listed";
  EXPECT_EQ(walk({Event::kReturn, Event::kList}), std::nullopt);
  EXPECT_EQ(walk({Event::kAccept, Event::kTransferIn}), std::nullopt);
}

// Every (party, kind of agency, statement).
TEST(StatesTest, EachPartySaysItsOwnStatementsOnly) {
  const std::set<StatementKind> senders = {STATEMENT_KIND_CONSENT_CHANGE, STATEMENT_KIND_CORRECTION,      STATEMENT_KIND_RECALL,
                                           STATEMENT_KIND_GAP_REVIEWED,   STATEMENT_KIND_BREACH_ASSESSED, STATEMENT_KIND_WITHDRAWN,
                                           STATEMENT_KIND_REGRADED,       STATEMENT_KIND_RESEALED};
  const std::set<StatementKind> forums = {STATEMENT_KIND_LISTED,   STATEMENT_KIND_RESEARCH_REQUESTED, STATEMENT_KIND_HEARD,
                                          STATEMENT_KIND_DEFERRED, STATEMENT_KIND_TRANSFERRED_OUT,    STATEMENT_KIND_TRANSFERRED_IN};
  for (int number = 0; number < StatementKind_ARRAYSIZE; ++number) {
    const auto kind = static_cast<StatementKind>(number);
    const bool known = kind != STATEMENT_KIND_UNSPECIFIED, by_sender = senders.contains(kind);
    for (const AgencyKind agency : kKinds) {
      const bool childrens = agency == AGENCY_KIND_CHILDRENS_SERVICES;
      const bool fits = (kind != STATEMENT_KIND_DECIDED || childrens) && (kind != STATEMENT_KIND_DECLINED || !childrens);
      EXPECT_EQ(MaySay(Party::kSender, agency, kind), known && by_sender) << StatementKind_Name(kind);
      EXPECT_EQ(MaySay(Party::kRecipient, agency, kind), known && !by_sender && fits) << StatementKind_Name(kind);
      EXPECT_FALSE(MaySay(Party::kBroker, agency, kind)) << StatementKind_Name(kind);
    }
    EXPECT_EQ(IsForumStep(kind), forums.contains(kind)) << StatementKind_Name(kind);
  }
  EXPECT_FALSE(MaySay(Party::kRecipient, AGENCY_KIND_IDVA, static_cast<StatementKind>(99)));
  EXPECT_FALSE(IsForumStep(static_cast<StatementKind>(99)));
}

TEST(StatesTest, EachStatementIsTheEventThatItSays) {
  const std::map<StatementKind, Event> expected = {
      {STATEMENT_KIND_OPENED, Event::kOpen},
      {STATEMENT_KIND_ACCEPTED, Event::kAccept},
      {STATEMENT_KIND_RETURNED, Event::kReturn},
      {STATEMENT_KIND_REDIRECTED, Event::kRedirect},
      {STATEMENT_KIND_DECLINED, Event::kDecline},
      {STATEMENT_KIND_DECIDED, Event::kDecide},
      {STATEMENT_KIND_ACTION, Event::kAction},
      {STATEMENT_KIND_OUTCOME, Event::kOutcome},
      {STATEMENT_KIND_CLOSED, Event::kClose},
      {STATEMENT_KIND_WITHDRAWN, Event::kWithdraw},
      {STATEMENT_KIND_LISTED, Event::kList},
      {STATEMENT_KIND_RESEARCH_REQUESTED, Event::kRequestResearch},
      {STATEMENT_KIND_HEARD, Event::kHear},
      {STATEMENT_KIND_DEFERRED, Event::kDefer},
      {STATEMENT_KIND_TRANSFERRED_OUT, Event::kTransferOut},
      {STATEMENT_KIND_TRANSFERRED_IN, Event::kTransferIn},
      {STATEMENT_KIND_CHECK_ANSWERED, Event::kAnswerCheck},
  };
  for (int number = 0; number < StatementKind_ARRAYSIZE; ++number) {
    const auto kind = static_cast<StatementKind>(number);
    const auto row = expected.find(kind);
    EXPECT_EQ(EventOf(kind), row == expected.end() ? std::nullopt : std::optional(row->second)) << StatementKind_Name(kind);
  }
}

// ---------------------------------------------------------------- what a statement must have

Statement Sample(StatementKind kind) {
  Statement statement;
  statement.set_request_id("statement-1");
  statement.set_agency("childrens");
  statement.mutable_worker()->set_pseudonym("w-1");
  statement.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
  statement.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
  statement.set_header_digest(std::string(32, 'h'));
  statement.set_acted_at_ms(1);
  statement.set_kind(kind);
  return statement;
}

// What is wrong with the field of metadata; nothing when it stands.
std::string WrongWith(const Statement& statement) {
  static const crypto::SigningKey& key = *new crypto::SigningKey(crypto::SigningKey::Generate());
  const absl::Status status = SignStatement(statement, key).status();
  return status.ok() ? "" : DetailOf(status).metadata["field"];
}

TEST(StatementRulesTest, AReturnSaysWhatLacksUpToSixEachOnce) {
  Statement statement = Sample(STATEMENT_KIND_RETURNED);
  EXPECT_EQ(WrongWith(statement), "return_reasons");
  for (int reason = 1; reason <= kReturnReasonsMax; ++reason) {
    statement.add_return_reasons(static_cast<ReturnReason>(reason));
    EXPECT_EQ(WrongWith(statement), "");
  }
  Statement twice = Sample(STATEMENT_KIND_RETURNED);
  twice.add_return_reasons(RETURN_REASON_BASIS_UNCLEAR);
  twice.add_return_reasons(RETURN_REASON_BASIS_UNCLEAR);
  EXPECT_EQ(WrongWith(twice), "return_reasons");
  statement.add_return_reasons(RETURN_REASON_BASIS_UNCLEAR);
  EXPECT_EQ(WrongWith(statement), "return_reasons") << "seven";
  Statement nothing = Sample(STATEMENT_KIND_RETURNED);
  nothing.add_return_reasons(RETURN_REASON_BASIS_UNCLEAR);
  nothing.add_return_reasons(RETURN_REASON_UNSPECIFIED);
  EXPECT_NE(WrongWith(nothing), "");
  Statement unknown = Sample(STATEMENT_KIND_RETURNED);
  unknown.add_return_reasons(static_cast<ReturnReason>(99));
  EXPECT_NE(WrongWith(unknown), "");
}

TEST(StatementRulesTest, ARedirectionNamesAnotherAgency) {
  Statement statement = Sample(STATEMENT_KIND_REDIRECTED);
  EXPECT_EQ(WrongWith(statement), "redirect_to");
  for (const char* wrong : {"childrens", "The Idva", "idva "}) {
    statement.set_redirect_to(wrong);
    EXPECT_EQ(WrongWith(statement), "redirect_to") << wrong;
  }
  statement.set_redirect_to("idva");
  EXPECT_EQ(WrongWith(statement), "");
}

TEST(StatementRulesTest, ADecisionMaySayWhoDecidedAtWhichLevelAndWhy) {
  Statement statement = Sample(STATEMENT_KIND_DECIDED);
  statement.set_decision(CONTACT_DECISION_SECTION_47);
  EXPECT_EQ(WrongWith(statement), "") << "older ones say no more";
  statement.set_threshold(CONTACT_THRESHOLD_SIGNIFICANT_HARM);
  statement.set_decision_maker_role(WORKER_ROLE_SUPERVISOR);
  EXPECT_EQ(WrongWith(statement), "");
  statement.set_decision_maker("w-1");
  EXPECT_EQ(WrongWith(statement), "decision_maker") << "the worker, who is named already";
  statement.set_decision_maker(std::string(64, 'm'));
  EXPECT_EQ(WrongWith(statement), "");
  statement.set_decision_maker(std::string(65, 'm'));
  EXPECT_EQ(WrongWith(statement), "decision_maker");
  statement.set_decision_maker("m-2");
  statement.set_decision_reason("threshold/4.2:harm_A-1" + std::string(kDecisionReasonCharsMax - 22, 'x'));
  EXPECT_EQ(WrongWith(statement), "");
  statement.set_decision_reason(statement.decision_reason() + "x");
  EXPECT_EQ(WrongWith(statement), "decision_reason");
  statement.set_decision_reason("she said that he");
  EXPECT_EQ(WrongWith(statement), "decision_reason") << "words are no code";

  const std::pair<const char*, std::function<void(Statement&)>> fields[] = {
      {"decision_maker", [](Statement& s) { s.set_decision_maker("m-2"); }},
      {"decision_maker_role", [](Statement& s) { s.set_decision_maker_role(WORKER_ROLE_SUPERVISOR); }},
      {"threshold", [](Statement& s) { s.set_threshold(CONTACT_THRESHOLD_EARLY_HELP); }},
      {"decision_reason", [](Statement& s) { s.set_decision_reason("code"); }},
  };
  for (const auto& [field, set] : fields) {
    Statement accepted = Sample(STATEMENT_KIND_ACCEPTED);
    set(accepted);
    EXPECT_EQ(WrongWith(accepted), field);
  }
}

TEST(StatementRulesTest, AForumNamesItsMeetingOrTheOtherForum) {
  Statement listed = Sample(STATEMENT_KIND_LISTED);
  EXPECT_EQ(WrongWith(listed), "meeting_at_ms");
  listed.set_meeting_at_ms(-1);
  EXPECT_EQ(WrongWith(listed), "meeting_at_ms");
  listed.set_meeting_at_ms(1);
  EXPECT_EQ(WrongWith(listed), "");
  Statement transferred = Sample(STATEMENT_KIND_TRANSFERRED_OUT);
  EXPECT_EQ(WrongWith(transferred), "other_forum");
  transferred.set_other_forum("Marac South");
  EXPECT_EQ(WrongWith(transferred), "other_forum");
  transferred.set_other_forum("marac-south");
  EXPECT_EQ(WrongWith(transferred), "");
}

}  // namespace
}  // namespace accord::referral::states_test

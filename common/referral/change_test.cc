// What a sender's acts and a holder's answers must have, and which answers go with which act.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/referral/states.h"
#include "common/referral/statement.h"

namespace accord::referral::change_test {
namespace {

using namespace type::v1;  // NOLINT

Statement Sample(StatementKind kind) {
  Statement statement;
  statement.set_request_id("change-0001");
  statement.set_agency("police");
  statement.mutable_worker()->set_pseudonym("w-1");
  statement.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
  statement.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
  statement.set_header_digest(std::string(32, 'h'));
  statement.set_acted_at_ms(1'800'000'000'000);
  statement.set_kind(kind);
  switch (kind) {
    case STATEMENT_KIND_DECLINED: statement.set_decline_reason(DECLINE_REASON_CRITERIA_NOT_MET); break;
    case STATEMENT_KIND_DECIDED: statement.set_decision(CONTACT_DECISION_SECTION_47); break;
    case STATEMENT_KIND_OUTCOME:
    case STATEMENT_KIND_ACTION: statement.set_outcome_code("visited"); break;
    case STATEMENT_KIND_CONSENT_CHANGE: statement.add_tag_commitments(std::string(32, 't')); break;
    case STATEMENT_KIND_CORRECTION: statement.set_replaced_by(std::string(32, 'n')); break;
    case STATEMENT_KIND_RECALL: statement.set_recall_reason(RECALL_REASON_WRONG_RECIPIENT); break;
    case STATEMENT_KIND_CHANGE_ANSWERED:
      statement.set_answers(std::string(32, 's'));
      statement.set_change_answer(CHANGE_ANSWER_STOPPED);
      break;
    case STATEMENT_KIND_GAP_REVIEWED: statement.set_gap_review(GAP_REVIEW_JUSTIFIED_AS_IT_STANDS); break;
    case STATEMENT_KIND_BREACH_ASSESSED: statement.set_breach_assessment(BREACH_ASSESSMENT_NO_RISK); break;
    case STATEMENT_KIND_RETURNED: statement.add_return_reasons(RETURN_REASON_SAFE_CONTACT_MISSING); break;
    case STATEMENT_KIND_REDIRECTED: statement.set_redirect_to("housing"); break;
    case STATEMENT_KIND_CLOSED: statement.set_close_reason(CLOSE_REASON_COMPLETED); break;
    case STATEMENT_KIND_WITHDRAWN: statement.set_withdraw_reason(WITHDRAW_REASON_NOT_WANTED); break;
    case STATEMENT_KIND_LISTED:
    case STATEMENT_KIND_DEFERRED: statement.set_meeting_at_ms(1'800'000'000'000); break;
    case STATEMENT_KIND_TRANSFERRED_OUT:
    case STATEMENT_KIND_TRANSFERRED_IN: statement.set_other_forum("marac-south"); break;
    case STATEMENT_KIND_CHECK_ANSWERED: statement.set_check_answer(CHECK_ANSWER_NOT_KNOWN); break;
    case STATEMENT_KIND_REGRADED:
      statement.mutable_regraded()->set_grade(RISK_GRADE_HIGH);
      statement.mutable_regraded()->set_change_reason(RISK_CHANGE_REASON_CHECKS);
      break;
    case STATEMENT_KIND_RESEALED:
      statement.mutable_reseal()->mutable_recipient()->set_agency("housing");
      statement.mutable_reseal()->mutable_recipient()->set_capacity(RECIPIENT_CAPACITY_NAMED);
      statement.mutable_reseal()->set_sealing_certificate_digest(std::string(32, 'c'));
      statement.mutable_reseal()->add_section_ids(std::string(16, 's'));
      break;
    default: break;
  }
  return statement;
}

Reason ReasonOf(const Statement& statement) {
  static const crypto::SigningKey& key = *new crypto::SigningKey(crypto::SigningKey::Generate());
  const absl::Status status = SignStatement(statement, key).status();
  return status.ok() ? Reason::kInternal : DetailOf(status).reason;
}
bool Stands(const Statement& statement) { return ReasonOf(statement) == Reason::kInternal; }

// Each field in each kind: where it is not at home it is refused.
TEST(ChangeStatementTest, EveryFieldStandsInItsOwnKindsAndNoOther) {
  struct Field {
    std::string name;
    std::set<StatementKind> kinds;
    std::function<void(Statement&)> set, clear;
  };
  const std::vector<Field> fields = {
      {"tag_commitments", {STATEMENT_KIND_CONSENT_CHANGE},
       [](Statement& s) { s.add_tag_commitments(std::string(32, 'x')); }, [](Statement& s) { s.clear_tag_commitments(); }},
      {"recall_reason", {STATEMENT_KIND_RECALL},
       [](Statement& s) { s.set_recall_reason(RECALL_REASON_WRONG_PERSON); }, [](Statement& s) { s.clear_recall_reason(); }},
      {"answers", {STATEMENT_KIND_CHANGE_ANSWERED},
       [](Statement& s) { s.set_answers(std::string(32, 'x')); }, [](Statement& s) { s.clear_answers(); }},
      {"change_answer", {STATEMENT_KIND_CHANGE_ANSWERED},
       [](Statement& s) { s.set_change_answer(CHANGE_ANSWER_CONFIRMED); }, [](Statement& s) { s.clear_change_answer(); }},
      {"gap_review", {STATEMENT_KIND_GAP_REVIEWED},
       [](Statement& s) { s.set_gap_review(GAP_REVIEW_NOT_JUSTIFIED); }, [](Statement& s) { s.clear_gap_review(); }},
      {"breach_assessment", {STATEMENT_KIND_BREACH_ASSESSED},
       [](Statement& s) { s.set_breach_assessment(BREACH_ASSESSMENT_COMMISSIONER_NOTIFIED); }, [](Statement& s) { s.clear_breach_assessment(); }},
      {"return_reasons", {STATEMENT_KIND_RETURNED},
       [](Statement& s) { s.add_return_reasons(RETURN_REASON_BASIS_UNCLEAR); }, [](Statement& s) { s.clear_return_reasons(); }},
      {"redirect_to", {STATEMENT_KIND_REDIRECTED},
       [](Statement& s) { s.set_redirect_to("idva"); }, [](Statement& s) { s.clear_redirect_to(); }},
      {"close_reason", {STATEMENT_KIND_CLOSED},
       [](Statement& s) { s.set_close_reason(CLOSE_REASON_MOVED_AWAY); }, [](Statement& s) { s.clear_close_reason(); }},
      {"withdraw_reason", {STATEMENT_KIND_WITHDRAWN},
       [](Statement& s) { s.set_withdraw_reason(WITHDRAW_REASON_DUPLICATE); }, [](Statement& s) { s.clear_withdraw_reason(); }},
      {"decision", {STATEMENT_KIND_DECIDED},
       [](Statement& s) { s.set_decision(CONTACT_DECISION_SECTION_47); }, [](Statement& s) { s.clear_decision(); }},
      {"meeting_at_ms", {STATEMENT_KIND_LISTED, STATEMENT_KIND_DEFERRED},
       [](Statement& s) { s.set_meeting_at_ms(1); }, [](Statement& s) { s.clear_meeting_at_ms(); }},
      {"other_forum", {STATEMENT_KIND_TRANSFERRED_OUT, STATEMENT_KIND_TRANSFERRED_IN},
       [](Statement& s) { s.set_other_forum("marac"); }, [](Statement& s) { s.clear_other_forum(); }},
      {"check_answer", {STATEMENT_KIND_CHECK_ANSWERED},
       [](Statement& s) { s.set_check_answer(CHECK_ANSWER_KNOWN); }, [](Statement& s) { s.clear_check_answer(); }},
      {"regraded", {STATEMENT_KIND_REGRADED},
       [](Statement& s) { *s.mutable_regraded() = Sample(STATEMENT_KIND_REGRADED).regraded(); }, [](Statement& s) { s.clear_regraded(); }},
      {"reseal", {STATEMENT_KIND_RESEALED},
       [](Statement& s) { *s.mutable_reseal() = Sample(STATEMENT_KIND_RESEALED).reseal(); }, [](Statement& s) { s.clear_reseal(); }},
  };
  for (int number = 1; number < StatementKind_ARRAYSIZE; ++number) {
    const auto kind = static_cast<StatementKind>(number);
    EXPECT_TRUE(Stands(Sample(kind))) << StatementKind_Name(kind) << " " << RowOf(ReasonOf(Sample(kind))).name;
    for (const Field& field : fields) {
      Statement with = Sample(kind), without = Sample(kind);
      field.set(with);
      field.clear(without);
      if (field.kinds.contains(kind)) {
        EXPECT_TRUE(Stands(with)) << StatementKind_Name(kind) << " " << field.name;
        EXPECT_EQ(ReasonOf(without), Reason::kFieldMissing) << StatementKind_Name(kind) << " " << field.name;
      } else {
        EXPECT_EQ(ReasonOf(with), Reason::kFieldInvalid) << StatementKind_Name(kind) << " " << field.name;
      }
    }
    Statement safe_contact = Sample(kind);
    safe_contact.set_safe_contact_change(true);
    EXPECT_EQ(Stands(safe_contact), kind == STATEMENT_KIND_CORRECTION) << StatementKind_Name(kind);
  }
}

TEST(ChangeStatementTest, WhoKnowsAndDoesNotTellSaysWhy) {
  Statement statement = Sample(STATEMENT_KIND_CHECK_ANSWERED);
  statement.set_check_withheld_reason(NOT_SHARED_REASON_NOT_PROPORTIONATE);
  EXPECT_EQ(ReasonOf(statement), Reason::kFieldInvalid) << "what is not known is not withheld";
  statement.set_check_answer(CHECK_ANSWER_KNOWN_WITHHELD);
  EXPECT_TRUE(Stands(statement));
  statement.clear_check_withheld_reason();
  EXPECT_EQ(ReasonOf(statement), Reason::kFieldMissing);
}

TEST(ChangeStatementTest, ARegradeSaysWhatAndWhy) {
  for (const auto& spoil : std::vector<std::function<void(Risk&)>>{
           [](Risk& r) { r.clear_grade(); }, [](Risk& r) { r.clear_change_reason(); }, [](Risk& r) { r.set_assessment("short"); },
           [](Risk& r) { r.set_supervisor(std::string(65, 's')); }, [](Risk& r) { r.set_assessed_at_ms(-1); }}) {
    Statement statement = Sample(STATEMENT_KIND_REGRADED);
    spoil(*statement.mutable_regraded());
    EXPECT_EQ(ReasonOf(statement), Reason::kFieldInvalid) << statement.regraded().ShortDebugString();
  }
  Statement whole = Sample(STATEMENT_KIND_REGRADED);
  whole.mutable_regraded()->set_assessment(std::string(16, 'a'));
  whole.mutable_regraded()->set_supervisor(std::string(64, 's'));
  EXPECT_TRUE(Stands(whole));
}

TEST(ChangeStatementTest, AResealNamesWhomWhatAndTheKey) {
  for (const auto& spoil : std::vector<std::function<void(Reseal&)>>{
           [](Reseal& r) { r.mutable_recipient()->set_agency("No Agency"); }, [](Reseal& r) { r.mutable_recipient()->set_agency("police"); },
           [](Reseal& r) { r.set_sealing_certificate_digest(std::string(31, 'c')); }, [](Reseal& r) { r.set_approver(std::string(65, 'a')); },
           [](Reseal& r) { r.add_section_ids(r.section_ids(0)); }, [](Reseal& r) { r.add_section_ids("short"); },
           [](Reseal& r) {
             for (int i = 0; i < 64; ++i) r.add_section_ids(std::string(8, 'x') + std::string(7, '0') + static_cast<char>(i));
           }}) {
    Statement statement = Sample(STATEMENT_KIND_RESEALED);
    spoil(*statement.mutable_reseal());
    EXPECT_EQ(ReasonOf(statement), Reason::kFieldInvalid) << statement.reseal().ShortDebugString();
  }
  Statement most = Sample(STATEMENT_KIND_RESEALED);
  for (int i = 0; i < 63; ++i) most.mutable_reseal()->add_section_ids(std::string(8, 'x') + std::string(7, '0') + static_cast<char>(i));
  EXPECT_TRUE(Stands(most));
}

TEST(ChangeStatementTest, WhoKeepsItNamesItsBasis) {
  Statement statement = Sample(STATEMENT_KIND_CHANGE_ANSWERED);
  statement.set_change_answer(CHANGE_ANSWER_KEPT_ON_BASIS);
  EXPECT_EQ(ReasonOf(statement), Reason::kFieldMissing);
  statement.set_kept_article6(ARTICLE6_BASIS_LEGAL_OBLIGATION);
  EXPECT_TRUE(Stands(statement));
  statement.set_kept_gateway(GATEWAY_CA2004_S11);
  EXPECT_TRUE(Stands(statement));
  statement.set_change_answer(CHANGE_ANSWER_STOPPED);
  EXPECT_EQ(ReasonOf(statement), Reason::kFieldInvalid);
  statement.clear_kept_article6();
  EXPECT_EQ(ReasonOf(statement), Reason::kFieldInvalid) << "a gateway of what is not kept";
}

TEST(ChangeStatementTest, AReviewHasTagsWhenItCompletes) {
  Statement statement = Sample(STATEMENT_KIND_GAP_REVIEWED);
  statement.add_tag_commitments(std::string(32, 't'));
  EXPECT_EQ(ReasonOf(statement), Reason::kFieldInvalid);
  statement.set_gap_review(GAP_REVIEW_COMPLETED);
  EXPECT_TRUE(Stands(statement));
  statement.clear_tag_commitments();
  EXPECT_EQ(ReasonOf(statement), Reason::kFieldMissing);
}

TEST(ChangeStatementTest, BoundsItsTags) {
  Statement statement = Sample(STATEMENT_KIND_CONSENT_CHANGE);
  statement.clear_tag_commitments();
  for (size_t i = 0; i < kStatementTagsMax; ++i) {
    std::string commitment(32, 't');
    commitment.back() = static_cast<char>(i);
    statement.add_tag_commitments(commitment);
  }
  EXPECT_TRUE(Stands(statement));
  statement.add_tag_commitments(std::string(32, 'x'));
  EXPECT_EQ(ReasonOf(statement), Reason::kStatementMalformed);
  for (const auto& bad : {std::string(31, 't'), std::string(33, 't')}) {
    statement = Sample(STATEMENT_KIND_CONSENT_CHANGE);
    statement.set_tag_commitments(0, bad);
    EXPECT_EQ(ReasonOf(statement), Reason::kStatementMalformed);
  }
  statement = Sample(STATEMENT_KIND_CONSENT_CHANGE);
  statement.add_tag_commitments(statement.tag_commitments(0));
  EXPECT_EQ(ReasonOf(statement), Reason::kStatementMalformed);
  statement = Sample(STATEMENT_KIND_CHANGE_ANSWERED);
  statement.set_answers(std::string(31, 's'));
  EXPECT_EQ(ReasonOf(statement), Reason::kStatementMalformed);
}

TEST(ChangeStatementTest, OpensExactlyTheTagsThatItCommitsTo) {
  FakeRandom random{1};
  std::vector<TagPart> tags(2);
  tags[0].set_tag_id(std::string(16, 'a'));
  tags[1].set_tag_id(std::string(16, 'b'));
  Statement statement = Sample(STATEMENT_KIND_CONSENT_CHANGE);
  const auto openings = CommitToTags(tags, random, statement);
  ASSERT_EQ(statement.tag_commitments_size(), static_cast<int>(kStatementTagsStep)) << "what was there before is gone; how many tags, does not show";
  EXPECT_TRUE(std::is_sorted(statement.tag_commitments().begin(), statement.tag_commitments().end())) << "nor which";
  const auto opened = OpenTags(statement, openings);
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_EQ(opened->size(), 2u);
  EXPECT_EQ((*opened)[1].part.tag_id(), tags[1].tag_id());
  EXPECT_EQ((*opened)[1].opening.content(), openings[1].content());
  const auto swapped = OpenTags(statement, std::vector<Opening>(openings.rbegin(), openings.rend()));
  EXPECT_TRUE(swapped.ok()) << "in any order";

  const auto refused = [&](std::vector<Opening> some) { return DetailOf(OpenTags(statement, some).status()).reason; };
  EXPECT_EQ(refused({openings.begin() + 1, openings.end()}), Reason::kOpeningMismatch) << "one is held back";
  EXPECT_EQ(refused({openings.begin(), openings.end() - 1}), Reason::kOpeningMismatch) << "and be it padding";
  auto doubled = openings;
  doubled[0] = doubled[1];
  EXPECT_EQ(refused(doubled), Reason::kOpeningMismatch);
  doubled = openings;
  doubled.push_back(openings[1]);
  EXPECT_EQ(refused(doubled), Reason::kOpeningMismatch);
  Statement nine = Sample(STATEMENT_KIND_CONSENT_CHANGE);
  std::vector<TagPart> more(kStatementTagsStep + 1);
  for (size_t i = 0; i < more.size(); ++i) more[i].set_tag_id(std::string(16, static_cast<char>('a' + i)));
  EXPECT_EQ(OpenTags(nine, CommitToTags(more, random, nine))->size(), more.size());
  EXPECT_EQ(nine.tag_commitments_size(), static_cast<int>(2 * kStatementTagsStep));
  EXPECT_EQ(refused({}), Reason::kOpeningMismatch);
  auto altered = openings;
  altered[0].mutable_content()->back() ^= 1;
  EXPECT_EQ(refused(altered), Reason::kOpeningMismatch);
  altered = openings;
  altered[0].set_label("section");
  EXPECT_EQ(refused(altered), Reason::kOpeningMismatch);

  tags[1].set_tag_id(tags[0].tag_id());
  const auto twice = CommitToTags(tags, random, statement);
  EXPECT_EQ(DetailOf(OpenTags(statement, twice).status()).reason, Reason::kFieldInvalid);
}

// Every change with every answer, written down apart from the table.
TEST(ChangeAnswersTest, EveryPairIsLegalOrNot) {
  const auto expected = [](StatementKind change, ChangeAnswer answer) {
    switch (answer) {
      case CHANGE_ANSWER_STOPPED: return change == STATEMENT_KIND_CONSENT_CHANGE || change == STATEMENT_KIND_CORRECTION;
      case CHANGE_ANSWER_KEPT_ON_BASIS: return change == STATEMENT_KIND_CONSENT_CHANGE || change == STATEMENT_KIND_RECALL;
      case CHANGE_ANSWER_ALREADY_ACTED:
        return change == STATEMENT_KIND_CONSENT_CHANGE || change == STATEMENT_KIND_CORRECTION || change == STATEMENT_KIND_RECALL;
      case CHANGE_ANSWER_DESTROYED:
      case CHANGE_ANSWER_NOT_OPENED: return change == STATEMENT_KIND_CORRECTION || change == STATEMENT_KIND_RECALL;
      case CHANGE_ANSWER_CONFIRMED: return change == STATEMENT_KIND_CORRECTION;
      default: return false;
    }
  };
  size_t legal = 0;
  for (int kind = 0; kind < StatementKind_ARRAYSIZE; ++kind) {
    for (int answer = 0; answer < ChangeAnswer_ARRAYSIZE; ++answer) {
      const auto change = static_cast<StatementKind>(kind);
      const auto given = static_cast<ChangeAnswer>(answer);
      EXPECT_EQ(MayAnswer(change, given), expected(change, given)) << StatementKind_Name(change) << " " << ChangeAnswer_Name(given);
      if (MayAnswer(change, given)) ++legal;
    }
  }
  EXPECT_EQ(legal, kChangeAnswers.size()) << "a pair stands in the table twice";
}

TEST(ChangeAnswersTest, AWithdrawalAsksForNone) {
  for (int kind = 0; kind < StatementKind_ARRAYSIZE; ++kind) {
    EXPECT_EQ(AsksForAnswer(static_cast<StatementKind>(kind)),
              kind == STATEMENT_KIND_CONSENT_CHANGE || kind == STATEMENT_KIND_CORRECTION || kind == STATEMENT_KIND_RECALL)
        << kind;
  }
}

TEST(ChangeAnswersTest, OfARecalledReferralTheAftermathAloneIsSaid) {
  for (int kind = 0; kind < StatementKind_ARRAYSIZE; ++kind) {
    EXPECT_EQ(MaySayOfRecalled(static_cast<StatementKind>(kind)),
              kind == STATEMENT_KIND_CHANGE_ANSWERED || kind == STATEMENT_KIND_GAP_REVIEWED || kind == STATEMENT_KIND_BREACH_ASSESSED)
        << kind;
  }
}

}  // namespace
}  // namespace accord::referral::change_test

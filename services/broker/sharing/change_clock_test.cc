// Until when a holder must answer, and what it may answer; chasing is tested over the wire (change_api_test.cc).
#include "services/broker/sharing/change_clock.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/status.h"
#include "common/base/working_days.h"
#include "common/referral/statement.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker::change_clock_test {
namespace {

using namespace type::v1;  // NOLINT

const std::string kReferral(32, 'r');

class ChangeClockTest : public ::testing::Test {
 protected:
  ChangeClockTest() {
    holder_.set_agency("idva");
    holder_.set_desk(DESK_MAIN);
    context_.time = absl::FromCivil(absl::CivilSecond(2026, 12, 4, 15, 0, 0), absl::UTCTimeZone());  // A Friday.
  }

  // A change of the sender's, stored as the act would; its digest.
  std::string Store(Statement statement) {
    statement.set_request_id("change-0001");
    statement.set_agency("police");
    statement.mutable_worker()->set_pseudonym("w-1");
    statement.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
    statement.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
    statement.set_header_digest(kReferral);
    statement.set_acted_at_ms(1);
    storage::v1::StoredStatement stored;
    const auto document = referral::SignStatement(statement, key_);
    EXPECT_EQ(document.status(), absl::OkStatus());
    *stored.mutable_statement() = *document;
    const std::string digest = referral::DigestOf(*document);
    EXPECT_EQ(context_.PutSealed(kFamilyStatement, StatementKey(kReferral, digest), 0, stored.SerializeAsString()), absl::OkStatus());
    return digest;
  }
  static Statement Recall() {
    Statement statement;
    statement.set_kind(STATEMENT_KIND_RECALL);
    statement.set_recall_reason(RECALL_REASON_WRONG_PERSON);
    return statement;
  }
  static Statement Correction(bool safe_contact) {
    Statement statement;
    statement.set_kind(STATEMENT_KIND_CORRECTION);
    statement.set_replaced_by(std::string(32, 'n'));
    statement.set_safe_contact_change(safe_contact);
    return statement;
  }
  static Statement ConsentChange() {
    Statement statement;
    statement.set_kind(STATEMENT_KIND_CONSENT_CHANGE);
    statement.add_tag_commitments(std::string(32, 't'));
    return statement;
  }
  // When an answer is due that was asked for now.
  absl::Time Asked(const Statement& change) {
    EXPECT_EQ(AskForAnswer(context_, policy_, kReferral, change, Store(change), holder_), absl::OkStatus());
    return absl::FromUnixMillis(holder_.change_due_ms());
  }
  absl::Status Answer(const std::string& change, ChangeAnswer given) {
    Statement statement;
    statement.set_header_digest(kReferral);
    statement.set_answers(change);
    statement.set_change_answer(given);
    return TakeAnswer(context_, statement, holder_);
  }
  size_t DueRows() const {
    size_t rows = 0;
    for (const auto& [key, value] : context_.rows) rows += key.first == kFamilyDue;
    return rows;
  }

  MemoryContext context_;
  Policy policy_;
  const crypto::SigningKey key_ = crypto::SigningKey::Generate();
  storage::v1::StoredRecipient holder_;
};

TEST_F(ChangeClockTest, DangerKeepsNoOfficeHoursAndAllElseDoes) {
  const absl::Time now = context_.time;
  EXPECT_EQ(Asked(Correction(true)), now + absl::Hours(4));
  holder_.set_change_due_ms(0);
  EXPECT_EQ(Asked(Recall()), now + absl::Hours(24));
  holder_.set_change_due_ms(0);
  EXPECT_EQ(Asked(Correction(false)), EndOfNextWorkingDay(now));
  holder_.set_change_due_ms(0);
  EXPECT_EQ(Asked(ConsentChange()), EndOfNextWorkingDay(now));
  EXPECT_EQ(DueRows(), 1u) << "a desk has one clock for a referral";
}

TEST_F(ChangeClockTest, TheBankHolidaysInForceCount) {
  const absl::Time now = context_.time;
  const absl::Time usual = EndOfNextWorkingDay(now);
  // A day of mourning, proclaimed since the program was built.
  referral::ClockRules rules = referral::DefaultClockRules();
  rules.version = "clocks-2";
  for (auto& row : rules.bank_holidays) row.days.insert(LondonDay(usual - absl::Seconds(1)));
  referral::PolicySources sources;
  sources.clocks = {rules};
  policy_.compiled = referral::CompiledPolicy(sources);
  EXPECT_EQ(Asked(ConsentChange()), EndOfNextWorkingDay(usual - absl::Seconds(1)));
}

TEST_F(ChangeClockTest, ANewerChangeKeepsTheEarlierDeadlineAndLeavesTimeToAnswer) {
  const absl::Time safe_contact = Asked(Correction(true));
  context_.time += absl::Minutes(10);
  EXPECT_EQ(Asked(ConsentChange()), context_.time + kChangeAnswerTimeMin) << "ten minutes later than the older one, so that there are four hours";
  EXPECT_LT(safe_contact, absl::FromUnixMillis(holder_.change_due_ms()));
  holder_.set_change_due_ms(absl::ToUnixMillis(context_.time + absl::Hours(20)));
  EXPECT_EQ(Asked(Recall()), context_.time + absl::Hours(20));
  holder_.set_change_due_ms(absl::ToUnixMillis(context_.time - absl::Hours(200)));  // Long overdue.
  EXPECT_EQ(Asked(Recall()), context_.time + kChangeAnswerTimeMin);
}

TEST_F(ChangeClockTest, TakesAnAnswerToTheNewestChangeAlone) {
  const std::string older = Store(ConsentChange()), newer = Store(Recall());
  EXPECT_TRUE(HasReason(Answer(older, CHANGE_ANSWER_STOPPED), Reason::kTransitionIllegal)) << "it was told of nothing";
  ASSERT_EQ(AskForAnswer(context_, policy_, kReferral, ConsentChange(), older, holder_), absl::OkStatus());
  ASSERT_EQ(AskForAnswer(context_, policy_, kReferral, Recall(), newer, holder_), absl::OkStatus());
  EXPECT_TRUE(HasReason(Answer(older, CHANGE_ANSWER_STOPPED), Reason::kTransitionIllegal));
  EXPECT_TRUE(HasReason(Answer(newer, CHANGE_ANSWER_STOPPED), Reason::kFieldInvalid)) << "nobody stops what they must destroy";
  EXPECT_EQ(DueRows(), 1u) << "no refusal stops the clock";
  EXPECT_EQ(Answer(newer, CHANGE_ANSWER_DESTROYED), absl::OkStatus());
  EXPECT_EQ(holder_.change_answer(), CHANGE_ANSWER_DESTROYED);
  EXPECT_EQ(holder_.change_due_ms(), 0);
  EXPECT_EQ(DueRows(), 0u);
  EXPECT_EQ(Answer(newer, CHANGE_ANSWER_NOT_OPENED), absl::OkStatus()) << "it may answer again";
}

TEST_F(ChangeClockTest, NothingIsAskedOfWhomIsNotTold) {
  const std::string first = Store(ConsentChange());
  ASSERT_EQ(AskForAnswer(context_, policy_, kReferral, ConsentChange(), first, holder_), absl::OkStatus());
  const std::string second = Store(Recall());
  ASSERT_EQ(NoteNotTold(context_, kReferral, second, holder_), absl::OkStatus());
  EXPECT_TRUE(holder_.not_told());
  EXPECT_EQ(DueRows(), 0u);
  const absl::Status refused = Answer(second, CHANGE_ANSWER_DESTROYED);
  EXPECT_TRUE(HasReason(refused, Reason::kTransitionIllegal));
  EXPECT_EQ(DetailOf(refused).metadata.at("change"), "") << "and its name is not told either";
  ASSERT_EQ(AskForAnswer(context_, policy_, kReferral, Recall(), second, holder_), absl::OkStatus());
  EXPECT_FALSE(holder_.not_told());
}

}  // namespace
}  // namespace accord::broker::change_clock_test

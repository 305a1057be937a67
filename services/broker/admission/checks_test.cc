// Checks and changes of a grade as commands: what may be said of a check, which clocks run and move, who is told, and above all what must
// not happen: a missed clock that is forgotten, a requester told twice or of nothing, a grade lowered without a word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/testing_pki.h"
#include "common/referral/statement.h"
#include "common/referral/states.h"
#include "common/referral/testing_parts.h"
#include "services/broker/admission/regrade.h"
#include "services/broker/admission/statement_command.h"
#include "services/broker/admission/withdraw.h"
#include "services/broker/cases/events.h"
#include "services/broker/clocks/checks.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/memory_context.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker::checks_test {
namespace {

using namespace type::v1;  // NOLINT
using referral::testing::kNow;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Asked {
  bool checks = true;
  RiskGrade grade = RISK_GRADE_HIGH;
  Urgency urgency = URGENCY_ROUTINE;
  ReferralType type = REFERRAL_TYPE_REQUEST_FOR_INFORMATION;
  std::string stand_in = {};  // For idva; not given anything yet.
};

class ChecksTest : public ::testing::Test {
 protected:
  ChecksTest() {
    for (const auto& [id, kind] : {std::pair("police", AGENCY_KIND_POLICE), {"idva", AGENCY_KIND_IDVA}, {"housing", AGENCY_KIND_HOUSING},
                                   {"childrens", AGENCY_KIND_CHILDRENS_SERVICES}}) {
      issued_.emplace(id, authority_.IssueSigning(id));
      admin::v1::Agency agency;
      agency.set_id(id);
      agency.set_kind(kind);
      agency.set_active(true);
      agency.add_signing_certificates(issued_.at(id).certificate.der());
      context_.Put(kFamilyAgency, id, agency.SerializeAsString());
    }
    directory_.Set(*DirectorySnapshot::Load(context_, 1));
    auto sources = referral::testing::SamplePolicy();
    sources.agreements[0].expires = kNow + absl::Hours(24 * 365);
    auto policy = std::make_shared<Policy>();
    policy->compiled = referral::CompiledPolicy(sources);
    policy_.Set(policy);
    context_.time = kNow;
  }

  Caller CallerFor(const std::string& agency) {
    return {options::v1::CALLER_AGENCY, agency, PrincipalName(options::v1::CALLER_AGENCY, agency), std::string(32, 'c'), DESK_MAIN};
  }

  // What police ask of idva, housing and children's services, stored and queued now; its digest.
  void Store(const Asked& asked = {}) {
    referral::HeaderParts parts = referral::testing::SampleParts();
    parts.core.set_type(asked.type);
    parts.core.set_checks(asked.checks);
    parts.core.set_urgency(asked.urgency);
    parts.core.mutable_risk()->set_grade(asked.grade);
    parts.recipients.push_back(parts.recipients[1]);
    parts.recipients[2].set_agency("childrens");
    if (!asked.stand_in.empty()) {
      parts.recipients.push_back(parts.recipients[0]);
      parts.recipients[3].set_agency(asked.stand_in);
      parts.recipients[3].set_capacity(RECIPIENT_CAPACITY_DEPUTY);
      parts.recipients[3].set_on_behalf_of("idva");
    }
    const auto header = *referral::SignHeader(parts, issued_.at("police").signing_key(), random_);
    digest_ = referral::DigestOf(header.header);
    const auto chain = *context_.OpenChain();
    storage::v1::StoredChain row;
    row.set_slot(chain.slot);
    context_.Put(kFamilyChain, chain.pseudonym, row.SerializeAsString());
    storage::v1::StoredReferral stored;
    *stored.mutable_header() = header.header;
    for (const auto& opening : header.openings) *stored.add_openings() = opening;
    stored.set_chain(chain.pseudonym);
    stored.set_stored_at_ms(absl::ToUnixMillis(context_.now()));
    EntryDraft entry;
    entry.chains = {chain.pseudonym};
    entry.event.set_type(EVENT_TYPE_REFERRAL_STORED);
    stored.set_stored_index(*context_.AddEntry(entry));
    const auto read = SealedReaderOf(context_);
    const referral::Clocked clocked = *ClockedOf(read, parts.core, context_.now());
    NewDeliveries queued;
    for (const char* agency : {"idva", "housing", "childrens"}) {
      auto& recipient = *stored.add_recipients();
      recipient.set_agency(agency);
      recipient.set_desk(DESK_MAIN);
      recipient.set_state(REFERRAL_STATE_STORED);
      recipient.set_delivery_id(context_.RandomBytes(16));
      storage::v1::StoredDelivery delivery;
      delivery.set_agency(agency);
      delivery.set_desk(DESK_MAIN);
      delivery.set_header_digest(digest_);
      delivery.set_sender("police");
      delivery.set_lane(referral::LaneOf(asked.type, asked.urgency, asked.grade));
      delivery.set_ordering_key(chain.pseudonym);
      ASSERT_EQ(PutDelivery(context_, recipient.delivery_id(), std::move(delivery), stored.stored_index(), queued), absl::OkStatus());
      ASSERT_EQ(StartClocks(context_, policy_.Get()->compiled.Clocks(context_.now()), *directory_.Get(), clocked, digest_, recipient),
                absl::OkStatus());
    }
    ASSERT_EQ(StartCheck(context_, digest_, parts.core, stored), absl::OkStatus());
    ASSERT_EQ(SaveReferral(context_, digest_, stored), absl::OkStatus());
    for (auto& [mailbox, waiting] : queued) mailboxes_.Add(mailbox, std::move(waiting));
    context_.entries.clear();
  }
  storage::v1::StoredReferral Stored() { return **LoadReferral(context_, digest_); }
  storage::v1::StoredRecipient At(const std::string& agency) { return *FindRecipient(Stored(), agency); }
  void Alter(const std::string& agency, const std::function<void(storage::v1::StoredRecipient&)>& alter) {
    auto stored = Stored();
    alter(*FindRecipient(stored, agency));
    ASSERT_EQ(SaveReferral(context_, digest_, stored), absl::OkStatus());
  }
  // Handed over to the agency, and settled.
  void Release(const std::string& agency) {
    Alter(agency, [&](storage::v1::StoredRecipient& row) {
      row.set_state(REFERRAL_STATE_DELIVERED);
      row.set_first_released_ms(absl::ToUnixMillis(context_.now()));
      auto delivery = **LoadDelivery(context_, row.delivery_id());
      context_.Delete(kFamilyMailbox, MailboxKey(agency, DESK_MAIN, delivery.lane(), delivery.mailbox_sequence()));
      delivery.set_state(storage::v1::DELIVERY_STATE_DELIVERED);
      context_.Put(kFamilyDelivery, row.delivery_id(), delivery.SerializeAsString());
      mailboxes_.Remove(row.delivery_id());
    });
  }

  using Fill = std::function<void(Statement&)>;
  VerifiedStatement Word(const std::string& agency, StatementKind kind, const std::string& previous, const Fill& fill,
                         const std::string& request_id = "") {
    Statement statement;
    statement.set_request_id(request_id.empty() ? "word-" + std::to_string(1000 + ++words_) : request_id);
    statement.set_agency(agency);
    statement.set_kind(kind);
    statement.set_header_digest(digest_);
    statement.set_previous_statement(previous);
    statement.set_acted_at_ms(absl::ToUnixMillis(context_.now()));
    statement.mutable_worker()->set_pseudonym("w-1");
    statement.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
    statement.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
    if (fill) fill(statement);
    const auto document = referral::SignStatement(statement, issued_.at(agency).signing_key());
    EXPECT_EQ(document.status(), absl::OkStatus());
    auto verified = VerifyStatement(*directory_.Get(), CallerFor(agency), statement.request_id(), *document, context_.now());
    EXPECT_EQ(verified.status(), absl::OkStatus());
    return *verified;
  }
  absl::Status Say(const std::string& agency, StatementKind kind, const Fill& fill = nullptr) {
    std::string& last = last_[agency];
    const VerifiedStatement word = Word(agency, kind, last, fill);
    StatementCommand command(word, directory_, policy_, mailboxes_, [](const absl::StatusOr<Recorded>&) {});
    const absl::Status said = command.Apply(context_);
    if (said.ok()) last = word.digest;
    return said;
  }
  absl::Status Answer(const std::string& agency, CheckAnswer answer) {
    return Say(agency, STATEMENT_KIND_CHECK_ANSWERED, [answer](Statement& statement) {
      statement.set_check_answer(answer);
      if (answer == CHECK_ANSWER_KNOWN_WITHHELD) statement.set_check_withheld_reason(NOT_SHARED_REASON_NOT_PROPORTIONATE);
    });
  }
  void Open(const std::string& agency) {
    Release(agency);
    ASSERT_EQ(Say(agency, STATEMENT_KIND_OPENED), absl::OkStatus());
  }

  // Police change the grade; the statement goes with `id`.
  absl::Status Regrade(RiskGrade grade, const std::function<void(Risk&)>& alter = nullptr, const std::string& id = "") {
    const VerifiedStatement word = Word("police", STATEMENT_KIND_REGRADED, Stored().sender_statement(), [&](Statement& statement) {
      statement.mutable_regraded()->set_grade(grade);
      statement.mutable_regraded()->set_change_reason(RISK_CHANGE_REASON_NEW_INFORMATION);
      if (alter) alter(*statement.mutable_regraded());
    }, id);
    return Apply(word);
  }
  absl::Status Apply(const VerifiedStatement& word) {
    absl::StatusOr<Regraded> result;
    RegradeCommand command(word, {directory_, policy_, mailboxes_}, [&](absl::StatusOr<Regraded> regraded) { result = std::move(regraded); });
    const absl::Status applied = command.Apply(context_);
    if (!applied.ok()) return applied;
    command.Published();
    command.Done(Committed{});
    regraded_ = *std::move(result);
    return absl::OkStatus();
  }
  static void WithSupervisor(Risk& risk) { risk.set_supervisor("supervisor-1"); }

  // When the row of this kind falls due; InfinitePast when there is none.
  absl::Time DueAt(DueKind kind, const std::string& agency) {
    const auto at = *context_.Get(kFamilyDueAt, DueAtKey(kind, digest_, agency, DESK_MAIN));
    return at.has_value() ? absl::FromUnixMillis(static_cast<int64_t>(*U64FromKey(*at))) : absl::InfinitePast();
  }
  // The time of the check has come: what is queued for police.
  std::vector<storage::v1::StoredDelivery> Fire() {
    const absl::Time when = DueAt(DueKind::kChecks, "police");
    EXPECT_EQ(ClearDue(context_, DueKind::kChecks, digest_, "police", DESK_MAIN), absl::OkStatus());  // As the clock does.
    NewDeliveries queued;
    EXPECT_EQ(TellChecksDue(context_, {DueKind::kChecks, when, digest_, "police", DESK_MAIN}, queued), absl::OkStatus());
    std::vector<storage::v1::StoredDelivery> told;
    for (const auto& [mailbox, waiting] : queued) {
      EXPECT_EQ(mailbox.agency, "police");
      told.push_back(**LoadDelivery(context_, waiting.delivery_id));
    }
    return told;
  }
  std::vector<EventType> Events() {
    std::vector<EventType> events;
    for (const auto& entry : context_.entries) events.push_back(entry.event.type());
    return events;
  }

  crypto::testing::TestAuthority authority_;
  std::map<std::string, crypto::testing::Issued> issued_;
  MemoryContext context_;
  SystemRandom random_;
  DirectoryHolder directory_;
  PolicyHolder policy_;
  Mailboxes mailboxes_;
  std::string digest_;
  std::map<std::string, std::string> last_;
  int words_ = 0;
  Regraded regraded_;
};

const absl::Time kHighDue = kNow + absl::Hours(24);

// ---------------------------------------------------------------- what is said of a check

TEST_F(ChecksTest, ACheckIsAnsweredAndNotAcceptedDeclinedOrDecided) {
  Store();
  for (const char* agency : {"idva", "childrens"}) {
    Open(agency);
    EXPECT_TRUE(HasReason(Say(agency, STATEMENT_KIND_ACCEPTED), Reason::kTransitionIllegal));
    EXPECT_TRUE(HasReason(Say(agency, STATEMENT_KIND_REDIRECTED, [](Statement& s) { s.set_redirect_to("housing"); }), Reason::kTransitionIllegal));
    EXPECT_EQ(At(agency).state(), REFERRAL_STATE_OPENED);
  }
  EXPECT_TRUE(HasReason(Say("idva", STATEMENT_KIND_DECLINED, [](Statement& s) { s.set_decline_reason(DECLINE_REASON_NO_CAPACITY); }),
                        Reason::kTransitionIllegal));
  EXPECT_TRUE(HasReason(Say("childrens", STATEMENT_KIND_DECIDED, [](Statement& s) { s.set_decision(CONTACT_DECISION_NO_FURTHER_ACTION); }),
                        Reason::kTransitionIllegal));
  EXPECT_EQ(Answer("childrens", CHECK_ANSWER_KNOWN_WITHHELD), absl::OkStatus()) << "children's services are asked as everybody is";
  EXPECT_EQ(Say("idva", STATEMENT_KIND_RETURNED, [](Statement& s) { s.add_return_reasons(RETURN_REASON_BASIS_UNCLEAR); }), absl::OkStatus());
  EXPECT_EQ(Answer("idva", CHECK_ANSWER_KNOWN), absl::OkStatus()) << "what lacked was said by telephone";
  EXPECT_TRUE(HasReason(Answer("housing", CHECK_ANSWER_KNOWN), Reason::kNotPermitted)) << "it was given nothing yet";
}

TEST_F(ChecksTest, WhatIsNoCheckIsNotAnsweredAsOne) {
  Store({.checks = false});
  Open("idva");
  EXPECT_TRUE(HasReason(Answer("idva", CHECK_ANSWER_NOT_KNOWN), Reason::kTransitionIllegal));
  EXPECT_EQ(Say("idva", STATEMENT_KIND_ACCEPTED), absl::OkStatus());
  EXPECT_EQ(DueAt(DueKind::kChecks, "police"), absl::InfinitePast());
}

TEST_F(ChecksTest, ANilReturnEndsTheClockAndWhatIsKnownMayChange) {
  Store();
  Open("idva");
  EXPECT_EQ(absl::FromUnixMillis(At("idva").response_due_ms()), kHighDue);
  ASSERT_EQ(Answer("idva", CHECK_ANSWER_NOT_KNOWN), absl::OkStatus());
  EXPECT_EQ(At("idva").state(), REFERRAL_STATE_ANSWERED);
  EXPECT_EQ(At("idva").check_answer(), CHECK_ANSWER_NOT_KNOWN);
  EXPECT_EQ(At("idva").response_due_ms(), 0);
  EXPECT_EQ(DueAt(DueKind::kResponse, "idva"), absl::InfinitePast());
  ASSERT_EQ(Answer("idva", CHECK_ANSWER_KNOWN), absl::OkStatus());
  EXPECT_EQ(At("idva").check_answer(), CHECK_ANSWER_KNOWN);
  EXPECT_EQ(Say("idva", STATEMENT_KIND_CLOSED, [](Statement& s) { s.set_close_reason(CLOSE_REASON_COMPLETED); }), absl::OkStatus());
  EXPECT_TRUE(HasReason(Answer("idva", CHECK_ANSWER_NOT_KNOWN), Reason::kTransitionIllegal));
}

TEST_F(ChecksTest, AnAnswerBySoftwareAloneCountsForNothing) {
  Store();
  Open("idva");
  ASSERT_EQ(Say("idva", STATEMENT_KIND_CHECK_ANSWERED, [](Statement& statement) {
    statement.set_check_answer(CHECK_ANSWER_NOT_KNOWN);
    statement.mutable_worker()->set_role(WORKER_ROLE_SYSTEM);
  }), absl::OkStatus());
  EXPECT_EQ(At("idva").check_answer(), CHECK_ANSWER_UNSPECIFIED);
  EXPECT_EQ(absl::FromUnixMillis(At("idva").response_due_ms()), kHighDue);
}

// ---------------------------------------------------------------- the time of a check

TEST_F(ChecksTest, WhenTheFirstAnswerLacksItsSenderIsToldTheFiguresOnce) {
  Store();
  EXPECT_EQ(DueAt(DueKind::kChecks, "police"), kHighDue);
  Open("idva");
  ASSERT_EQ(Answer("idva", CHECK_ANSWER_NOT_KNOWN), absl::OkStatus());
  EXPECT_EQ(DueAt(DueKind::kChecks, "police"), kHighDue);
  context_.time = kHighDue;
  context_.entries.clear();
  const auto told = Fire();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].notice(), NOTICE_KIND_CHECKS_DUE);
  EXPECT_EQ(told[0].notice_agency(), "police");
  EXPECT_EQ(told[0].notice_asked(), 3u);
  EXPECT_EQ(told[0].notice_answered(), 1u);
  EXPECT_EQ(absl::FromUnixMillis(told[0].notice_due_ms()), kHighDue);
  ASSERT_THAT(Events(), ElementsAre(EVENT_TYPE_CHECKS_DUE));
  EXPECT_EQ(context_.entries[0].event.clock_version(), "clocks-1.2");
  EXPECT_EQ(context_.entries[0].referral->recipient(), "") << "opened to its sender alone";
  EXPECT_EQ(DueAt(DueKind::kChecks, "police"), absl::InfinitePast()) << "once";
  Open("housing");
  ASSERT_EQ(Answer("housing", CHECK_ANSWER_KNOWN), absl::OkStatus()) << "late, and no less heard";
  EXPECT_EQ(DueAt(DueKind::kChecks, "police"), absl::InfinitePast());
}

TEST_F(ChecksTest, WhoHasAllAnswersBeforeIsNotTold) {
  Store();
  for (const char* agency : {"idva", "housing", "childrens"}) {
    EXPECT_EQ(DueAt(DueKind::kChecks, "police"), kHighDue);
    Open(agency);
    ASSERT_EQ(Answer(agency, CHECK_ANSWER_NOT_KNOWN), absl::OkStatus());
  }
  EXPECT_EQ(DueAt(DueKind::kChecks, "police"), absl::InfinitePast());
  context_.entries.clear();
  EXPECT_THAT(Fire(), IsEmpty()) << "nor if it were looked at";
  EXPECT_THAT(context_.entries, IsEmpty());
}

TEST_F(ChecksTest, WhatWasReturnedOrWithdrawnIsNotAwaited) {
  Store();
  Open("idva");
  Open("housing");
  ASSERT_EQ(Answer("idva", CHECK_ANSWER_NOT_KNOWN), absl::OkStatus());
  ASSERT_EQ(Say("housing", STATEMENT_KIND_RETURNED, [](Statement& s) { s.add_return_reasons(RETURN_REASON_BASIS_UNCLEAR); }), absl::OkStatus());
  EXPECT_EQ(DueAt(DueKind::kChecks, "police"), kHighDue) << "children's services have not answered";
  WithdrawCommand withdraw(Word("police", STATEMENT_KIND_WITHDRAWN, "", [](Statement& s) { s.set_withdraw_reason(WITHDRAW_REASON_NOT_WANTED); }),
                           {directory_, policy_, mailboxes_}, [](const absl::StatusOr<Said>&) {});
  ASSERT_EQ(withdraw.Apply(context_), absl::OkStatus());
  context_.entries.clear();
  EXPECT_THAT(Fire(), IsEmpty());
  EXPECT_THAT(context_.entries, IsEmpty());
}

TEST_F(ChecksTest, WhoeverStandsInAnswersForTheOther) {
  Store({.stand_in = "health"});
  auto stored = Stored();
  auto& deputy = *stored.add_recipients();
  deputy.set_agency("health");
  deputy.set_state(REFERRAL_STATE_DELIVERED);
  ASSERT_EQ(SaveReferral(context_, digest_, stored), absl::OkStatus());
  const auto count = [&] {
    const CheckCount made = CountChecks(*OpenStored(Stored()), Stored());
    return std::pair(made.answered, made.asked);
  };
  EXPECT_EQ(count(), std::pair(0u, 3u));
  Alter("health", [](auto& row) { row.set_check_answer(CHECK_ANSWER_KNOWN); });
  EXPECT_EQ(count(), std::pair(1u, 3u));
  Alter("idva", [](auto& row) { row.set_check_answer(CHECK_ANSWER_KNOWN); });
  EXPECT_EQ(count(), std::pair(1u, 3u)) << "both, and counted once";
}

// ---------------------------------------------------------------- a change of the grade

TEST_F(ChecksTest, ARaiseShortensAndALoweringLengthensFromWhenItWasStored) {
  Store({.grade = RISK_GRADE_STANDARD});
  const absl::Time standard = absl::FromUnixMillis(At("idva").response_due_ms());
  ASSERT_GT(standard, kHighDue);
  context_.time = kNow + absl::Hours(1);
  ASSERT_EQ(Regrade(RISK_GRADE_HIGH), absl::OkStatus());
  EXPECT_EQ(Stored().regraded().grade(), RISK_GRADE_HIGH);
  for (const char* agency : {"idva", "housing", "childrens"}) {
    EXPECT_EQ(absl::FromUnixMillis(At(agency).response_due_ms()), kHighDue);
    EXPECT_EQ(absl::FromUnixMillis(At(agency).pick_up_due_ms()), kNow + referral::kHighPickUp);
    EXPECT_EQ(DueAt(DueKind::kResponse, agency), kHighDue);
    EXPECT_EQ(DueAt(DueKind::kPickUp, agency), kNow + referral::kHighPickUp);
  }
  EXPECT_EQ(DueAt(DueKind::kChecks, "police"), kHighDue);
  ASSERT_EQ(regraded_.recipients.size(), 3u);
  EXPECT_EQ(absl::FromUnixMillis(regraded_.recipients[0].response_due_ms()), kHighDue);
  ASSERT_EQ(Regrade(RISK_GRADE_STANDARD, WithSupervisor), absl::OkStatus());
  EXPECT_EQ(absl::FromUnixMillis(At("idva").response_due_ms()), standard);
  EXPECT_EQ(DueAt(DueKind::kChecks, "police"), standard);
}

TEST_F(ChecksTest, ARaiseMayLeaveNoTimeAtAll) {
  Store({.grade = RISK_GRADE_STANDARD});
  context_.time = kNow + absl::Hours(30);
  ASSERT_EQ(Regrade(RISK_GRADE_HIGH), absl::OkStatus());
  EXPECT_EQ(DueAt(DueKind::kResponse, "idva"), kHighDue) << "it falls due at once, and is told of";
}

TEST_F(ChecksTest, WhatWasMissedStaysMissedAndWhatEndedStaysEnded) {
  Store();
  Open("housing");
  ASSERT_EQ(Answer("housing", CHECK_ANSWER_KNOWN), absl::OkStatus());
  Alter("childrens", [](auto& row) { row.set_response_step(ESCALATION_STEP_REMINDER); });
  Open("childrens");
  context_.time = kHighDue - absl::Milliseconds(1);
  ASSERT_EQ(Regrade(RISK_GRADE_STANDARD, WithSupervisor), absl::OkStatus());
  EXPECT_GT(absl::FromUnixMillis(At("idva").response_due_ms()), kHighDue) << "at the last moment";
  EXPECT_EQ(absl::FromUnixMillis(At("childrens").response_due_ms()), kHighDue) << "its escalation has begun";
  EXPECT_EQ(At("childrens").pick_up_due_ms(), 0) << "it was opened";
  EXPECT_EQ(At("housing").response_due_ms(), 0);
  EXPECT_EQ(At("housing").pick_up_due_ms(), 0);

  last_.clear();
  Store();
  context_.time = context_.time + absl::Hours(24);
  const int64_t missed = At("idva").response_due_ms();
  ASSERT_EQ(absl::FromUnixMillis(missed), context_.now());
  ASSERT_EQ(Regrade(RISK_GRADE_STANDARD, WithSupervisor), absl::OkStatus());
  EXPECT_EQ(At("idva").response_due_ms(), missed) << "due now, though nobody has looked yet";
}

TEST_F(ChecksTest, TheSameGradeMovesNoClockAndFlagsNothing) {
  Store();
  const std::string before = Stored().recipients(0).SerializeAsString();
  context_.time += absl::Hours(2);
  ASSERT_EQ(Regrade(RISK_GRADE_HIGH, [](Risk& risk) { risk.set_change_reason(RISK_CHANGE_REASON_SUPERVISION); }), absl::OkStatus());
  EXPECT_EQ(Stored().recipients(0).SerializeAsString(), before);
  EXPECT_THAT(Events(), ElementsAre(EVENT_TYPE_STATEMENT));
}

TEST_F(ChecksTest, ACheckThatWasToldOfIsNotToldOfAgain) {
  Store();
  context_.time = kHighDue;
  ASSERT_EQ(Fire().size(), 1u);
  ASSERT_EQ(Regrade(RISK_GRADE_STANDARD, WithSupervisor), absl::OkStatus());
  EXPECT_EQ(DueAt(DueKind::kChecks, "police"), absl::InfinitePast());
}

TEST_F(ChecksTest, ALowerGradeNeedsWhyAndWhoAgreed) {
  Store();
  EXPECT_TRUE(HasReason(Regrade(RISK_GRADE_MEDIUM), Reason::kRiskLowered));
  const auto scored = [](Risk& risk) {
    WithSupervisor(risk);
    risk.set_instrument(INSTRUMENT_SAFELIVES_DASH_RIC);
    risk.set_score(14);
  };
  EXPECT_TRUE(HasReason(Regrade(RISK_GRADE_MEDIUM, scored), Reason::kRiskLowered)) << "the score of the same assessment gives HIGH";
  EXPECT_FALSE(Stored().has_regraded());
  EXPECT_THAT(context_.entries, IsEmpty());
  EXPECT_EQ(absl::FromUnixMillis(At("idva").response_due_ms()), kHighDue);
  EXPECT_EQ(Regrade(RISK_GRADE_MEDIUM, [&](Risk& risk) { scored(risk), risk.set_score(13); }), absl::OkStatus());
  EXPECT_EQ(Regrade(RISK_GRADE_HIGH), absl::OkStatus()) << "a raise needs neither";
  EXPECT_TRUE(HasReason(Regrade(RISK_GRADE_STANDARD), Reason::kRiskLowered)) << "lower than the grade as it is now, not as it was sent";
}

TEST_F(ChecksTest, WhatWaitsMovesToTheLaneOfTheGrade) {
  Store({.grade = RISK_GRADE_STANDARD});
  Release("housing");
  const uint64_t sequence = Stored().stored_index();
  ASSERT_TRUE((*context_.Get(kFamilyMailbox, MailboxKey("idva", DESK_MAIN, LANE_STANDARD, sequence))).has_value());
  ASSERT_EQ(mailboxes_.figures(kNow).lanes[LANE_STANDARD].deliveries, 2u);
  ASSERT_EQ(Regrade(RISK_GRADE_HIGH), absl::OkStatus());
  EXPECT_EQ(*context_.Get(kFamilyMailbox, MailboxKey("idva", DESK_MAIN, LANE_STANDARD, sequence)), std::nullopt);
  EXPECT_EQ(*context_.Get(kFamilyMailbox, MailboxKey("idva", DESK_MAIN, LANE_HIGH, sequence)), At("idva").delivery_id());
  EXPECT_EQ((**LoadDelivery(context_, At("idva").delivery_id())).lane(), LANE_HIGH);
  EXPECT_EQ((**LoadDelivery(context_, At("housing").delivery_id())).lane(), LANE_STANDARD) << "it has arrived";
  EXPECT_EQ(mailboxes_.figures(kNow).lanes[LANE_STANDARD].deliveries, 0u);
  EXPECT_EQ(mailboxes_.figures(kNow).lanes[LANE_HIGH].deliveries, 3u) << "two copies, and what housing is told";
  Mailboxes anew;
  EXPECT_EQ(anew.Load(context_), absl::OkStatus()) << "each row names its own";
  EXPECT_EQ(anew.figures(kNow).lanes[LANE_HIGH].deliveries, 3u);
}

TEST_F(ChecksTest, WhatIsLeasedAndWhatRidesElsewhereKeepsItsPlace) {
  Store({.grade = RISK_GRADE_STANDARD});
  ASSERT_EQ(mailboxes_.Lease({"idva"}, 7, kNow), At("idva").delivery_id());
  auto copy = **LoadDelivery(context_, At("housing").delivery_id());
  context_.Delete(kFamilyMailbox, MailboxKey("housing", DESK_MAIN, copy.lane(), copy.mailbox_sequence()));
  copy.set_lane(LANE_IMMEDIATE);  // A safe contact changed.
  context_.Put(kFamilyDelivery, At("housing").delivery_id(), copy.SerializeAsString());
  ASSERT_EQ(Regrade(RISK_GRADE_HIGH), absl::OkStatus());
  EXPECT_EQ((**LoadDelivery(context_, At("housing").delivery_id())).lane(), LANE_IMMEDIATE);
  EXPECT_EQ(mailboxes_.Lease({"idva"}, 8, kNow), std::nullopt) << "nobody is given it twice at a time";
  EXPECT_EQ((**LoadDelivery(context_, At("idva").delivery_id())).lane(), LANE_HIGH) << "from the next start on";
}

TEST_F(ChecksTest, AGradeDoesNotMoveWhatIsImmediate) {
  Store({.grade = RISK_GRADE_STANDARD, .urgency = URGENCY_IMMEDIATE});
  const std::string before = Stored().recipients(0).SerializeAsString();
  ASSERT_EQ(Regrade(RISK_GRADE_HIGH), absl::OkStatus());
  EXPECT_EQ(Stored().recipients(0).SerializeAsString(), before);
  EXPECT_EQ((**LoadDelivery(context_, At("idva").delivery_id())).lane(), LANE_IMMEDIATE);
  EXPECT_TRUE(regraded_.immediate);
}

TEST_F(ChecksTest, ANotificationThatIsRaisedIsToBeOpened) {
  Store({.checks = false, .grade = RISK_GRADE_STANDARD, .type = REFERRAL_TYPE_NOTIFICATION});
  ASSERT_EQ(At("idva").pick_up_due_ms(), 0);
  Open("housing");
  ASSERT_EQ(Regrade(RISK_GRADE_HIGH), absl::OkStatus());
  EXPECT_EQ(absl::FromUnixMillis(At("idva").pick_up_due_ms()), kNow + referral::kHighPickUp);
  EXPECT_EQ(At("idva").clock_version(), "clocks-1.2");
  EXPECT_EQ(At("housing").pick_up_due_ms(), 0) << "it was opened";
  ASSERT_EQ(Regrade(RISK_GRADE_STANDARD, WithSupervisor), absl::OkStatus());
  EXPECT_EQ(At("idva").pick_up_due_ms(), 0);
  EXPECT_EQ(DueAt(DueKind::kPickUp, "idva"), absl::InfinitePast());
}

TEST_F(ChecksTest, HoldersAreToldInItsLaneAndWhoHasNothingIsNot) {
  Store({.grade = RISK_GRADE_STANDARD});
  Release("idva");
  ASSERT_EQ(Regrade(RISK_GRADE_HIGH), absl::OkStatus());
  ASSERT_EQ(regraded_.said.told.size(), 1u);
  EXPECT_EQ(regraded_.said.told[0].agency(), "idva");
  EXPECT_EQ(regraded_.said.told[0].due_at_ms(), 0) << "no answer is asked";
  const auto told = [&] {
    std::vector<Lane> lanes;
    for (const auto& [key, value] : context_.rows) {
      storage::v1::StoredDelivery delivery;
      if (key.first != kFamilyDelivery || !delivery.ParseFromString(value) || delivery.statement_digest().empty()) continue;
      EXPECT_EQ(delivery.agency(), "idva");
      if (delivery.statement_digest() == Stored().sender_statement()) lanes.push_back(delivery.lane());
    }
    return lanes;
  };
  EXPECT_THAT(told(), ElementsAre(LANE_HIGH));
  EXPECT_THAT(Events(), ElementsAre(EVENT_TYPE_STATEMENT, EVENT_TYPE_CASE_FLAGGED, EVENT_TYPE_STATEMENT)) << "and that idva is told";
  EXPECT_EQ(context_.entries[0].event.statement(), STATEMENT_KIND_REGRADED);
  EXPECT_THAT(context_.entries[1].event.case_flags(), ElementsAre(CASE_FLAG_GRADE_RAISED));
  EXPECT_EQ(context_.entries[1].event.risk_change_reason(), RISK_CHANGE_REASON_NEW_INFORMATION);
  EXPECT_EQ(context_.entries[1].actor->worker().pseudonym(), "w-1");
  ASSERT_EQ(Regrade(RISK_GRADE_MEDIUM, WithSupervisor), absl::OkStatus());
  EXPECT_THAT(told(), ElementsAre(LANE_NOTICES));
}

TEST_F(ChecksTest, ARepeatIsAnsweredAsTheFirstAndAnotherIsRefused) {
  Store({.grade = RISK_GRADE_STANDARD});
  const VerifiedStatement word = Word("police", STATEMENT_KIND_REGRADED, "", [](Statement& statement) {
    statement.mutable_regraded()->set_grade(RISK_GRADE_HIGH);
    statement.mutable_regraded()->set_change_reason(RISK_CHANGE_REASON_CHECKS);
  }, "regrade-1");
  ASSERT_EQ(Apply(word), absl::OkStatus());
  const uint64_t index = regraded_.said.index;
  const size_t entries = context_.entries.size();
  ASSERT_EQ(Apply(word), absl::OkStatus());
  EXPECT_EQ(regraded_.said.index, index);
  EXPECT_EQ(regraded_.recipients.size(), 3u);
  EXPECT_EQ(context_.entries.size(), entries);
  EXPECT_TRUE(HasReason(Regrade(RISK_GRADE_MEDIUM, WithSupervisor, "regrade-1"), Reason::kRequestIdReused));
}

TEST_F(ChecksTest, OnlyItsSenderRegradesAndOnlyWhatIsOpenSomewhere) {
  Store();
  const VerifiedStatement stranger = Word("idva", STATEMENT_KIND_REGRADED, "", [](Statement& statement) {
    statement.mutable_regraded()->set_grade(RISK_GRADE_HIGH);
    statement.mutable_regraded()->set_change_reason(RISK_CHANGE_REASON_CHECKS);
  });
  EXPECT_TRUE(HasReason(Apply(stranger), Reason::kNotPermitted));
  for (const char* agency : {"idva", "housing", "childrens"}) Alter(agency, [](auto& row) { row.set_state(REFERRAL_STATE_CLOSED); });
  EXPECT_TRUE(HasReason(Regrade(RISK_GRADE_HIGH), Reason::kTransitionIllegal));
  Alter("idva", [](auto& row) { row.set_state(REFERRAL_STATE_OPENED); });
  EXPECT_EQ(Regrade(RISK_GRADE_HIGH), absl::OkStatus());
  auto stored = Stored();
  stored.set_replaced_by(std::string(32, 'n'));
  ASSERT_EQ(SaveReferral(context_, digest_, stored), absl::OkStatus());
  EXPECT_TRUE(HasReason(Regrade(RISK_GRADE_HIGH), Reason::kTransitionIllegal));
}

TEST_F(ChecksTest, TheCaseKnowsTheGradeAsItIs) {
  Store({.grade = RISK_GRADE_STANDARD});
  auto stored = Stored();
  stored.add_cases(stored.chain());
  stored.add_case_numbers(0);
  storage::v1::StoredCaseEvent event;
  event.set_header_digest(digest_);
  event.mutable_risk()->set_grade(RISK_GRADE_STANDARD);
  ASSERT_EQ(SaveReferral(context_, digest_, stored), absl::OkStatus());
  ASSERT_EQ(PutEvent(context_, stored, event), absl::OkStatus());
  ASSERT_EQ(Regrade(RISK_GRADE_MEDIUM), absl::OkStatus());
  ASSERT_TRUE(event.ParseFromString(**context_.Get(kFamilyCaseEvent, CaseReferralKey(stored.chain(), 0))));
  EXPECT_EQ(event.risk().grade(), RISK_GRADE_MEDIUM);
}

TEST_F(ChecksTest, WhatIsDecidedAtReleaseIsDecidedByTheGradeAsItIs) {
  Store({.grade = RISK_GRADE_STANDARD});
  ASSERT_EQ(Regrade(RISK_GRADE_HIGH), absl::OkStatus());
  EXPECT_EQ(PartsNow(Stored(), *OpenStored(Stored()))->core.risk().grade(), RISK_GRADE_HIGH);
}

}  // namespace
}  // namespace accord::broker::checks_test

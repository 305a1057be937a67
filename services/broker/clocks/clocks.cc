#include "services/broker/clocks/clocks.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/referral/states.h"
#include "services/broker/clocks/duty.h"
#include "services/broker/delivery/telling.h"
#include "services/broker/directory/families.h"
#include "services/broker/sharing/due.h"
#include "services/broker/sharing/reseal_wanted.h"

namespace accord::broker {
namespace {

using namespace type::v1;  // NOLINT: kinds of statements.
using storage::v1::StoredRecipient;

// What a recipient says that answers a referral. An outcome or an action follows one of these.
bool Answers(StatementKind kind) {
  switch (kind) {
    case STATEMENT_KIND_ACCEPTED:
    case STATEMENT_KIND_DECLINED:
    case STATEMENT_KIND_DECIDED:
    case STATEMENT_KIND_RETURNED:
    case STATEMENT_KIND_REDIRECTED:
    case STATEMENT_KIND_CLOSED:
    case STATEMENT_KIND_LISTED:
    case STATEMENT_KIND_RESEARCH_REQUESTED:
    case STATEMENT_KIND_HEARD:
    case STATEMENT_KIND_DEFERRED:
    case STATEMENT_KIND_TRANSFERRED_OUT:
    case STATEMENT_KIND_TRANSFERRED_IN:
    case STATEMENT_KIND_CHECK_ANSWERED: return true;
    default: return false;
  }
}

// `what` as it is for `agency`: of its kind, and on its calendar.
referral::Clocked For(const referral::ClockRules& rules, const DirectorySnapshot& directory, const std::string& agency, referral::Clocked what) {
  const AgencyRow* const sender = directory.FindAgency(what.sender);
  if (sender != nullptr) what.sender_kind = sender->agency.kind();
  const AgencyRow* const row = directory.FindActiveAgency(agency);
  if (row == nullptr) return what;
  what.kind = row->agency.kind();
  what.areas.assign(row->agency.areas().begin(), row->agency.areas().end());
  what.holidays = referral::HolidaysOf(rules, what.areas);
  return what;
}

absl::Status StopFeedback(CommitContext& context, std::string_view header_digest, StoredRecipient& recipient) {
  recipient.set_feedback_due_ms(0);
  return ClearDue(context, DueKind::kFeedback, header_digest, recipient.agency(), recipient.desk());
}

absl::Status StopPickUp(CommitContext& context, std::string_view header_digest, StoredRecipient& recipient) {
  recipient.set_pick_up_due_ms(0);
  return ClearDue(context, DueKind::kPickUp, header_digest, recipient.agency(), recipient.desk());
}

// Pick-up and response: what an answer ends.
absl::Status StopAnswering(CommitContext& context, std::string_view header_digest, StoredRecipient& recipient) {
  ACCORD_RETURN_IF_ERROR(StopPickUp(context, header_digest, recipient));
  recipient.set_response_due_ms(0);
  return ClearDue(context, DueKind::kResponse, header_digest, recipient.agency(), recipient.desk());
}

// What a recipient says with which it takes a referral on, and after which there is more to be told.
bool TakesOn(const Statement& statement) {
  switch (statement.kind()) {
    case STATEMENT_KIND_ACCEPTED:
    case STATEMENT_KIND_HEARD: return true;
    case STATEMENT_KIND_DECIDED: return statement.decision() != CONTACT_DECISION_NO_FURTHER_ACTION;
    default: return false;
  }
}

// What tells what came of it, or that nothing will.
bool TellsWhatCameOfIt(const Statement& statement) {
  switch (statement.kind()) {
    case STATEMENT_KIND_OUTCOME:
    case STATEMENT_KIND_DECLINED:
    case STATEMENT_KIND_CLOSED:
    case STATEMENT_KIND_RETURNED:
    case STATEMENT_KIND_REDIRECTED:
    case STATEMENT_KIND_TRANSFERRED_OUT: return true;
    case STATEMENT_KIND_DECIDED: return !TakesOn(statement);
    default: return false;
  }
}

// Working days within which `agency` tells what came of it: the fewest under which it has a section. 0: it was not asked to.
uint32_t FeedbackDays(const storage::v1::StoredReferral& stored, std::string_view agency) {
  uint32_t days = 0;
  for (const SectionDecision& decision : stored.decisions()) {
    if (decision.recipient() != agency || decision.verdict() != VERDICT_PERMIT) continue;
    const uint32_t told = decision.obligations().feedback_working_days();
    if (told != 0) days = days == 0 ? told : std::min(days, told);
  }
  return days;
}

}  // namespace

absl::StatusOr<referral::Clocked> ClockedOf(SealedReader read, const HeaderCore& core, absl::Time stored) {
  ReferralType type = core.type();
  HeaderCore version = core;
  for (size_t versions = 0; type == REFERRAL_TYPE_CORRECTION && versions < kVersionsMax; ++versions) {
    ACCORD_ASSIGN_OR_RETURN(auto older, CausedBy(read, version));
    if (!older.has_value()) break;
    version = *std::move(older);
    type = version.type();
  }
  // Of what nobody can tell any more, the type that asks most.
  if (type == REFERRAL_TYPE_CORRECTION) type = REFERRAL_TYPE_REFERRAL;
  referral::Clocked clocked{type, referral::LaneOf(type, core.urgency(), core.risk().grade()), AGENCY_KIND_UNSPECIFIED, {}, stored};
  clocked.purpose = core.purpose();
  clocked.sender = core.sender();
  return clocked;
}

absl::Status StartClocks(CommitContext& context, const referral::ClockRules& rules, const DirectorySnapshot& directory,
                         referral::Clocked what, std::string_view header_digest, StoredRecipient& recipient) {
  what = For(rules, directory, recipient.agency(), std::move(what));
  if (what.lane == LANE_IMMEDIATE) recipient.set_no_one_on_duty(!SomebodyOnDuty(directory, rules, recipient.agency(), context.now()));
  if (const auto due = referral::PickUpDue(rules, what); due.has_value()) {
    recipient.set_pick_up_due_ms(absl::ToUnixMillis(*due));
    recipient.set_clock_version(rules.version);
    ACCORD_RETURN_IF_ERROR(PutDue(context, DueKind::kPickUp, *due, header_digest, recipient.agency(), recipient.desk()));
  }
  if (const auto due = referral::ResponseDue(rules, what); due.has_value()) {
    recipient.set_response_due_ms(absl::ToUnixMillis(*due));
    recipient.set_clock_version(rules.version);
    ACCORD_RETURN_IF_ERROR(PutDue(context, DueKind::kResponse, *due, header_digest, recipient.agency(), recipient.desk()));
  }
  return absl::OkStatus();
}

absl::Status RestartClocks(CommitContext& context, const Policy& policy, const DirectorySnapshot& directory, referral::Clocked what,
                           std::string_view header_digest, StoredRecipient& recipient) {
  const int64_t now_ms = absl::ToUnixMillis(context.now());
  const bool on_its_way = recipient.state() == REFERRAL_STATE_STORED || recipient.state() == REFERRAL_STATE_RELEASED ||
                          recipient.state() == REFERRAL_STATE_DELIVERED;
  const referral::ClockRules& rules = policy.compiled.ClocksOf(recipient.clock_version(), context.now());
  what = For(rules, directory, recipient.agency(), std::move(what));
  const auto restarts = [now_ms](int64_t due_ms, EscalationStep step) {
    return due_ms > now_ms && step == ESCALATION_STEP_UNSPECIFIED;
  };
  const bool begins = on_its_way && recipient.pick_up_due_ms() == 0 && recipient.clock_version().empty();
  if (begins || restarts(recipient.pick_up_due_ms(), recipient.pick_up_step())) {
    const auto due = referral::PickUpDue(rules, what);
    if (due.has_value()) {
      recipient.set_pick_up_due_ms(absl::ToUnixMillis(*due));
      recipient.set_clock_version(rules.version);
      ACCORD_RETURN_IF_ERROR(PutDue(context, DueKind::kPickUp, *due, header_digest, recipient.agency(), recipient.desk()));
    } else {
      ACCORD_RETURN_IF_ERROR(StopPickUp(context, header_digest, recipient));
    }
  }
  if (!restarts(recipient.response_due_ms(), recipient.response_step())) return absl::OkStatus();
  const auto due = referral::ResponseDue(rules, what);
  if (!due.has_value()) return absl::OkStatus();  // No type is answered in one lane and not in another.
  recipient.set_response_due_ms(absl::ToUnixMillis(*due));
  return PutDue(context, DueKind::kResponse, *due, header_digest, recipient.agency(), recipient.desk());
}

absl::Status StopClocks(CommitContext& context, std::string_view header_digest, StoredRecipient& recipient) {
  ACCORD_RETURN_IF_ERROR(StopAnswering(context, header_digest, recipient));
  ACCORD_RETURN_IF_ERROR(EndReseal(context, header_digest, recipient));
  return StopFeedback(context, header_digest, recipient);
}

bool SaidByPerson(const Statement& statement) {
  return statement.worker().role() != WORKER_ROLE_SYSTEM && statement.worker().authentication() != AUTHENTICATION_AUTOMATIC;
}

bool OpensAfterSoftware(const Statement& statement, const StoredRecipient& recipient) {
  return statement.kind() == STATEMENT_KIND_OPENED && SaidByPerson(statement) && recipient.state() == REFERRAL_STATE_OPENED &&
         recipient.pick_up_due_ms() > 0;
}

absl::Status NoteStatement(CommitContext& context, const Statement& statement, const referral::OpenedHeader& header,
                           storage::v1::StoredReferral& stored) {
  const bool answers = Answers(statement.kind());
  if (!SaidByPerson(statement) || (!answers && statement.kind() != STATEMENT_KIND_OPENED)) return absl::OkStatus();
  const auto note = [&](std::string_view agency) -> absl::Status {
    auto* const recipient = FindRecipient(stored, agency);
    if (recipient == nullptr) return absl::OkStatus();
    if (agency == statement.agency() && statement.check_answer() != CHECK_ANSWER_UNSPECIFIED) recipient->set_check_answer(statement.check_answer());
    return answers ? StopAnswering(context, statement.header_digest(), *recipient) : StopPickUp(context, statement.header_digest(), *recipient);
  };
  ACCORD_RETURN_IF_ERROR(note(statement.agency()));
  for (const auto& recipient : header.recipients) {
    if (recipient.part.agency() == statement.agency() && !recipient.part.on_behalf_of().empty()) {
      ACCORD_RETURN_IF_ERROR(note(recipient.part.on_behalf_of()));
    }
  }
  return absl::OkStatus();
}

int64_t DueOfEnded(const StoredRecipient& before, const StoredRecipient& after) {
  if (before.response_due_ms() > 0 && after.response_due_ms() == 0) return before.response_due_ms();
  if (before.pick_up_due_ms() > 0 && after.pick_up_due_ms() == 0) return before.pick_up_due_ms();
  return after.feedback_due_ms() == 0 ? before.feedback_due_ms() : 0;
}

std::set<absl::CivilDay> HolidaysOf(const Policy& policy, const StoredRecipient& recipient, absl::Time now) {
  const auto& agencies = policy.compiled.sources().agencies;
  const auto facts = agencies.find(recipient.agency());
  std::vector<std::string> areas;
  if (facts != agencies.end()) areas.assign(facts->second.areas.begin(), facts->second.areas.end());
  return referral::HolidaysOf(policy.compiled.ClocksOf(recipient.clock_version(), now), areas);
}

absl::Status NoteFeedback(CommitContext& context, const Policy& policy, const Statement& statement, storage::v1::StoredReferral& stored) {
  auto* const recipient = FindRecipient(stored, statement.agency());
  if (recipient == nullptr) return absl::OkStatus();
  if (TellsWhatCameOfIt(statement)) {
    return SaidByPerson(statement) ? StopFeedback(context, statement.header_digest(), *recipient) : absl::OkStatus();
  }
  const uint32_t days = FeedbackDays(stored, statement.agency());
  if (!TakesOn(statement) || days == 0 || recipient->feedback_due_ms() > 0) return absl::OkStatus();
  if (recipient->clock_version().empty()) recipient->set_clock_version(policy.compiled.Clocks(context.now()).version);
  const absl::Time due = referral::EndOfNthWorkingDay(context.now(), days, HolidaysOf(policy, *recipient, context.now()));
  recipient->set_feedback_due_ms(absl::ToUnixMillis(due));
  recipient->set_feedback_reminders(0);
  return PutDue(context, DueKind::kFeedback, due, statement.header_digest(), recipient->agency(), recipient->desk());
}

}  // namespace accord::broker

#include "services/broker/sharing/change_clock.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/clock_rules.h"
#include "common/referral/states.h"
#include "common/referral/statement.h"
#include "services/broker/delivery/telling.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/notices.h"

namespace accord::broker {
namespace {

using storage::v1::StoredRecipient;

bool ChangesSafeContact(const type::v1::Statement& change) {
  return change.kind() == type::v1::STATEMENT_KIND_CORRECTION && change.safe_contact_change();
}

absl::Time AnswerDue(const Policy& policy, const type::v1::Statement& change, const std::string& holder, absl::Time now) {
  if (ChangesSafeContact(change)) return now + kSafeContactAnswerTime;
  if (change.kind() == type::v1::STATEMENT_KIND_RECALL) return now + kRecallAnswerTime;
  return referral::EndOfNthWorkingDay(now, 1, HolidaysInForce(policy, holder, now));
}

absl::StatusOr<type::v1::Statement> LoadChange(CommitContext& context, std::string_view header_digest, std::string_view change_digest) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.GetSealed(kFamilyStatement, StatementKey(header_digest, change_digest)));
  storage::v1::StoredStatement stored;
  if (!bytes.has_value() || !stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a change that waits for answers is not stored");
  auto statement = referral::ParseStatement(stored.statement());
  if (!statement.ok()) return Error(Reason::kStoreCorrupt, "a stored statement does not parse");
  return statement;
}

void Renew(StoredRecipient& recipient, std::string_view change_digest) {
  recipient.set_change(std::string(change_digest));
  recipient.set_change_due_ms(0);
  recipient.clear_change_answer();
  recipient.clear_kept_article6();
  recipient.set_change_reminders(0);
}

}  // namespace

absl::Status AskForAnswer(CommitContext& context, const Policy& policy, std::string_view header_digest, const type::v1::Statement& change,
                          std::string_view change_digest, StoredRecipient& recipient) {
  absl::Time due = AnswerDue(policy, change, recipient.agency(), context.now());
  if (recipient.change_due_ms() > 0) {
    const absl::Time older = absl::FromUnixMillis(recipient.change_due_ms());
    due = std::min(due, std::max(older, context.now() + kChangeAnswerTimeMin));
  }
  Renew(recipient, change_digest);
  recipient.set_not_told(false);
  recipient.set_change_due_ms(absl::ToUnixMillis(due));
  return PutDue(context, DueKind::kChange, due, header_digest, recipient.agency(), recipient.desk());
}

absl::Status NoteNotTold(CommitContext& context, std::string_view header_digest, std::string_view change_digest,
                         StoredRecipient& recipient) {
  Renew(recipient, change_digest);
  recipient.set_not_told(true);
  return ClearDue(context, DueKind::kChange, header_digest, recipient.agency(), recipient.desk());
}

absl::Status TakeAnswer(CommitContext& context, const type::v1::Statement& answer, StoredRecipient& recipient) {
  if (recipient.change().empty() || recipient.not_told() || recipient.change() != answer.answers()) {
    return Error(Reason::kTransitionIllegal, "the statement does not answer the newest change that this desk was told of",
                 {{"state", type::v1::ReferralState_Name(recipient.state())},
                  {"change", recipient.not_told() ? "" : ToHex(recipient.change())}});
  }
  ACCORD_ASSIGN_OR_RETURN(const auto change, LoadChange(context, answer.header_digest(), recipient.change()));
  if (!referral::MayAnswer(change.kind(), answer.change_answer())) {
    return Error(Reason::kFieldInvalid, "this is no answer to a change of that kind", {{"field", "statement.change_answer"}});
  }
  recipient.set_change_answer(answer.change_answer());
  recipient.set_kept_article6(answer.kept_article6());
  recipient.set_change_due_ms(0);
  return ClearDue(context, DueKind::kChange, answer.header_digest(), recipient.agency(), recipient.desk());
}

absl::Status ChaseChange(CommitContext& context, const Policy& policy, const Due& due, NewDeliveries& queued) {
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, due.header_digest));
  if (!stored.has_value()) return absl::OkStatus();
  auto* const recipient = FindRecipient(*stored, due.agency);
  if (recipient == nullptr || recipient->change_due_ms() == 0) return absl::OkStatus();  // It has answered.
  ACCORD_ASSIGN_OR_RETURN(const auto change, LoadChange(context, due.header_digest, recipient->change()));
  ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(*stored));
  const auto read = SealedReaderOf(context);
  const auto read_plain = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const Holding holding, HoldingOf(read_plain, *recipient));
  ACCORD_ASSIGN_OR_RETURN(referral::HeaderParts parts, PartsForTelling(read, *stored, header));

  std::vector<MailboxId> desks = {{header.core.part.sender(), type::v1::DESK_MAIN}};
  if (MayTell(policy, std::move(parts), recipient->agency(), recipient->desk(), holding, context.now())) {
    desks.push_back({recipient->agency(), recipient->desk()});
  }
  recipient->set_change_reminders(recipient->change_reminders() + 1);
  const absl::Time was_due = absl::FromUnixMillis(recipient->change_due_ms());
  ACCORD_RETURN_IF_ERROR(TellOverdue(context, type::v1::EVENT_TYPE_CHANGE_OVERDUE,
                                     {type::v1::NOTICE_KIND_CHANGE_OVERDUE, due.header_digest, due.agency, was_due, recipient->change_reminders()},
                                     *stored, header.core.part, desks, queued));
  ACCORD_RETURN_IF_ERROR(SaveReferral(context, due.header_digest, *stored));
  const absl::Duration every = ChangesSafeContact(change) ? kSafeContactReminderEvery : kChangeReminderEvery;
  // A reminder that is late does not shift those after it; those that were missed altogether are not made up for.
  const absl::Time next = due.when + every > context.now() ? due.when + every : context.now() + every;
  return PutDue(context, DueKind::kChange, next, due.header_digest, due.agency, due.desk);
}

}  // namespace accord::broker

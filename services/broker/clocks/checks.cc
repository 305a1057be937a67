#include "services/broker/clocks/checks.h"

#include <set>
#include <string>

#include "common/base/status.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/sharing/notices.h"

namespace accord::broker {
namespace {

using storage::v1::StoredRecipient;
using storage::v1::StoredReferral;

bool HasAnswered(const StoredRecipient& recipient) { return recipient.check_answer() != type::v1::CHECK_ANSWER_UNSPECIFIED; }

// The recipient that first lacks an answer; null when none is awaited.
const StoredRecipient* FirstAwaited(const StoredReferral& stored) {
  const StoredRecipient* first = nullptr;
  for (const auto& recipient : stored.recipients()) {
    if (recipient.response_due_ms() == 0) continue;
    if (first == nullptr || recipient.response_due_ms() < first->response_due_ms()) first = &recipient;
  }
  return first;
}

absl::Status PutCheck(CommitContext& context, std::string_view header_digest, const type::v1::HeaderCore& core, const StoredReferral& stored) {
  const StoredRecipient* const first = FirstAwaited(stored);
  if (first == nullptr) return ClearDue(context, DueKind::kChecks, header_digest, core.sender(), type::v1::DESK_MAIN);
  return PutDue(context, DueKind::kChecks, absl::FromUnixMillis(first->response_due_ms()), header_digest, core.sender(), type::v1::DESK_MAIN);
}

}  // namespace

CheckCount CountChecks(const referral::OpenedHeader& header, const StoredReferral& stored) {
  std::set<std::string> answered;  // By whom stands in for them.
  for (const auto& row : header.recipients) {
    const StoredRecipient* const recipient = FindRecipient(stored, row.part.agency());
    if (recipient != nullptr && HasAnswered(*recipient)) answered.insert(row.part.on_behalf_of());
  }
  CheckCount count;
  for (const auto& recipient : stored.recipients()) {
    if (StandsIn(header, recipient)) continue;
    ++count.asked;
    if (HasAnswered(recipient) || answered.contains(recipient.agency())) ++count.answered;
  }
  return count;
}

absl::Status StartCheck(CommitContext& context, std::string_view header_digest, const type::v1::HeaderCore& core,
                        const StoredReferral& stored) {
  return core.checks() ? PutCheck(context, header_digest, core, stored) : absl::OkStatus();
}

absl::Status MoveCheck(CommitContext& context, std::string_view header_digest, const type::v1::HeaderCore& core,
                       const StoredReferral& stored) {
  if (!core.checks()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto waits,
                          context.Get(kFamilyDueAt, DueAtKey(DueKind::kChecks, header_digest, core.sender(), type::v1::DESK_MAIN)));
  return waits.has_value() ? PutCheck(context, header_digest, core, stored) : absl::OkStatus();
}

absl::Status TellChecksDue(CommitContext& context, const Due& due, NewDeliveries& queued) {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(context, due.header_digest));
  if (!stored.has_value()) return absl::OkStatus();  // Erased.
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(*stored));
  const type::v1::HeaderCore& core = header.core.part;
  const CheckCount count = CountChecks(header, *stored);
  const StoredRecipient* const first = FirstAwaited(*stored);
  if (first == nullptr || count.answered == count.asked) return absl::OkStatus();
  Overdue overdue{type::v1::NOTICE_KIND_CHECKS_DUE, due.header_digest, core.sender(), absl::FromUnixMillis(first->response_due_ms())};
  overdue.clock_version = first->clock_version();
  overdue.asked = count.asked;
  overdue.answered = count.answered;
  return TellOverdue(context, type::v1::EVENT_TYPE_CHECKS_DUE, overdue, *stored, core, {{core.sender(), type::v1::DESK_MAIN}}, queued).status();
}

}  // namespace accord::broker

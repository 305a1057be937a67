#include "services/broker/sharing/reseal_wanted.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/base/working_days.h"
#include "services/broker/directory/families.h"
#include "services/broker/sharing/notices.h"

namespace accord::broker {
namespace {

using storage::v1::StoredRecipient;
using storage::v1::StoredReferral;

// Entry and notice of one time that the sender is asked, and the row of the next.
absl::Status Ask(CommitContext& context, std::string_view header_digest, const type::v1::HeaderCore& core, const StoredReferral& stored,
                 StoredRecipient& recipient, NewDeliveries& queued) {
  recipient.set_reseal_reminders(recipient.reseal_reminders() + 1);
  const absl::Time due = EndOfNextWorkingDay(absl::FromUnixMillis(recipient.reseal_wanted_ms()));
  const Overdue wanted{type::v1::NOTICE_KIND_RESEAL_WANTED, std::string(header_digest), recipient.agency(), due, recipient.reseal_reminders()};
  ACCORD_RETURN_IF_ERROR(TellOverdue(context, type::v1::EVENT_TYPE_RESEAL_WANTED, wanted, stored, core, {{core.sender(), type::v1::DESK_MAIN}}, queued));
  if (recipient.reseal_reminders() >= kResealRemindersMax) return absl::OkStatus();
  // Reminded at the end of a working day, as of all that a sender has to do.
  return PutDue(context, DueKind::kReseal, EndOfNextWorkingDay(context.now()), header_digest, recipient.agency(), recipient.desk());
}

}  // namespace

absl::Status AskForReseal(CommitContext& context, std::string_view header_digest, const type::v1::HeaderCore& core, StoredReferral& stored,
                          StoredRecipient& recipient, NewDeliveries& queued) {
  if (recipient.reseal_wanted_ms() > 0) return absl::OkStatus();
  recipient.set_reseal_wanted_ms(absl::ToUnixMillis(context.now()));
  recipient.set_reseal_reminders(0);
  return Ask(context, header_digest, core, stored, recipient, queued);
}

absl::Status EndReseal(CommitContext& context, std::string_view header_digest, StoredRecipient& recipient) {
  if (recipient.reseal_wanted_ms() == 0) return absl::OkStatus();
  recipient.clear_reseal_wanted_ms();
  recipient.clear_reseal_reminders();
  return ClearDue(context, DueKind::kReseal, header_digest, recipient.agency(), recipient.desk());
}

absl::Status EndResealByNew(CommitContext& context, const type::v1::HeaderCore& core, std::string_view agency) {
  if (core.caused_by().empty()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, core.caused_by()));
  auto* const recipient = stored.has_value() ? FindRecipient(*stored, agency) : nullptr;
  if (recipient == nullptr || recipient->reseal_wanted_ms() == 0) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(*stored));
  // The sender itself, or the recipient that named this one.
  const bool may = header.core.part.sender() == core.sender() || recipient->on_behalf_of() == core.sender();
  if (!may) return absl::OkStatus();
  ACCORD_RETURN_IF_ERROR(EndReseal(context, core.caused_by(), *recipient));
  if (recipient->delivery_id().empty()) {
    auto& rows = *stored->mutable_recipients();
    rows.erase(std::find_if(rows.begin(), rows.end(), [&](const StoredRecipient& row) { return row.agency() == agency; }));
  }
  return SaveReferral(context, core.caused_by(), *stored);
}

absl::Status ChaseReseal(CommitContext& context, const Due& due, NewDeliveries& queued) {
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, due.header_digest));
  auto* const recipient = stored.has_value() ? FindRecipient(*stored, due.agency) : nullptr;
  if (recipient == nullptr || recipient->reseal_wanted_ms() == 0) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(*stored));
  ACCORD_RETURN_IF_ERROR(Ask(context, due.header_digest, header.core.part, *stored, *recipient, queued));
  // Tried once more, in case the recipient has taken up its old key again.
  if (!recipient->delivery_id().empty()) {
    ACCORD_ASSIGN_OR_RETURN(const auto delivery, LoadDelivery(context, recipient->delivery_id()));
    if (delivery.has_value() && delivery->state() == storage::v1::DELIVERY_STATE_QUEUED) {
      queued.push_back({{delivery->agency(), delivery->desk()}, WaitingOf(recipient->delivery_id(), *delivery)});
    }
  }
  return SaveReferral(context, due.header_digest, *stored);
}

}  // namespace accord::broker

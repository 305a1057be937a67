#include "services/broker/clocks/clocks.h"

#include <utility>

#include "common/base/status.h"
#include "common/referral/states.h"
#include "services/broker/clocks/duty.h"
#include "services/broker/delivery/telling.h"
#include "services/broker/directory/families.h"
#include "services/broker/sharing/due.h"

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
    case STATEMENT_KIND_TRANSFERRED_IN: return true;
    default: return false;
  }
}

absl::Status StopPickUp(CommitContext& context, std::string_view header_digest, StoredRecipient& recipient) {
  recipient.set_pick_up_due_ms(0);
  return ClearDue(context, DueKind::kPickUp, header_digest, recipient.agency(), recipient.desk());
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
  return referral::Clocked{type, referral::LaneOf(type, core.urgency(), core.risk().grade()), AGENCY_KIND_UNSPECIFIED, {}, stored};
}

absl::Status StartClocks(CommitContext& context, const referral::ClockRules& rules, const DirectorySnapshot& directory,
                         referral::Clocked what, std::string_view header_digest, StoredRecipient& recipient) {
  if (const AgencyRow* row = directory.FindActiveAgency(recipient.agency()); row != nullptr) {
    const auto& areas = row->agency.areas();
    what.kind = row->agency.kind();
    what.holidays = referral::HolidaysOf(rules, std::vector<std::string>(areas.begin(), areas.end()));
  }
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

absl::Status StopClocks(CommitContext& context, std::string_view header_digest, StoredRecipient& recipient) {
  ACCORD_RETURN_IF_ERROR(StopPickUp(context, header_digest, recipient));
  recipient.set_response_due_ms(0);
  return ClearDue(context, DueKind::kResponse, header_digest, recipient.agency(), recipient.desk());
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
    return answers ? StopClocks(context, statement.header_digest(), *recipient) : StopPickUp(context, statement.header_digest(), *recipient);
  };
  ACCORD_RETURN_IF_ERROR(note(statement.agency()));
  for (const auto& recipient : header.recipients) {
    if (recipient.part.agency() == statement.agency() && !recipient.part.on_behalf_of().empty()) {
      ACCORD_RETURN_IF_ERROR(note(recipient.part.on_behalf_of()));
    }
  }
  return absl::OkStatus();
}

}  // namespace accord::broker

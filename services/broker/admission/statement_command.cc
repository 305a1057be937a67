#include "services/broker/admission/statement_command.h"

#include <utility>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/states.h"
#include "common/referral/statement.h"
#include "services/broker/admission/redirect.h"
#include "services/broker/cases/events.h"
#include "services/broker/clocks/checks.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/delivery/telling.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/forums.h"
#include "services/broker/directory/requests.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/change_clock.h"

namespace accord::broker {

using storage::v1::StoredRequest;

namespace {

// May `agency` say a step of the forum that the referral is for? Only who coordinates it, while it sits.
absl::Status CheckForumStep(CommitContext& context, const type::v1::HeaderCore& core, const type::v1::Statement& statement,
                            std::string_view agency) {
  ACCORD_ASSIGN_OR_RETURN(const std::string coordinator, CoordinatorOf(context, core.forum()));
  if (coordinator != agency) {
    return Error(Reason::kTransitionIllegal, "only the agency that coordinates the forum which the referral is for says what that forum does");
  }
  if (statement.other_forum() != core.forum()) return absl::OkStatus();
  return Error(Reason::kFieldInvalid, "other_forum is the forum that the referral is for", {{"field", "statement.other_forum"}});
}

}  // namespace

absl::StatusOr<VerifiedStatement> VerifyStatement(const DirectorySnapshot& directory, const Caller& caller,
                                                  std::string_view request_id, const type::v1::SignedPayload& document,
                                                  absl::Time now) {
  ACCORD_ASSIGN_OR_RETURN(type::v1::Statement statement, referral::ParseStatement(document));
  const auto* key = directory.FindSigningKey(caller.id, document.key_id(), now);
  if (key == nullptr) {
    return SigningKeyUnknown(caller.id);
  }
  ACCORD_RETURN_IF_ERROR(referral::VerifySignature(document, key->key));
  if (statement.agency() != caller.id) return Error(Reason::kSenderMismatch, "the statement is of another agency than the connection");
  if (statement.request_id() != request_id) {
    return Error(Reason::kFieldInvalid, "request_id is not the one that was signed", {{"field", "request_id"}});
  }
  return VerifiedStatement{caller, document, std::move(statement), referral::DigestOf(document)};
}

absl::Status StatementCommand::Apply(CommitContext& context) {
  const auto& statement = verified_.statement;
  result_ = {verified_.digest, statement.header_digest(), 0, type::v1::REFERRAL_STATE_UNSPECIFIED, 0};
  ACCORD_ASSIGN_OR_RETURN(const auto first, FirstRequest(context, verified_.caller.principal, statement.request_id(), verified_.digest));
  if (first.has_value()) {
    result_.index = first->index();
    result_.state = first->state();
    ACCORD_ASSIGN_OR_RETURN(const auto stands, LoadReferral(context, statement.header_digest()));
    const auto* row = stands.has_value() ? FindRecipient(*stands, verified_.caller.id) : nullptr;
    if (row != nullptr) result_.feedback_due_ms = row->feedback_due_ms();
    return absl::OkStatus();
  }
  // Absent, erased, and not the caller's are one answer to whoever did not know of it: it must not tell which.
  const absl::Status not_permitted = Error(Reason::kNotPermitted, "no such referral, or this agency is not one of its recipients");
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, statement.header_digest()));
  if (!stored.has_value()) {
    const auto read = PlainReaderOf(context);
    ACCORD_RETURN_IF_ERROR(RefuseIfErased(read, statement.header_digest(), verified_.caller.id, verified_.caller.desk));
    return not_permitted;
  }
  auto* const recipient = FindRecipient(*stored, verified_.caller.id);
  if (recipient == nullptr || !IsDeskOf(verified_.caller, recipient->desk())) return not_permitted;
  // Nor does it know of what waits, or was stopped before anything left.
  const auto read = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const Holding holding, HoldingOf(read, *recipient));
  if (holding.since_ms == 0) return not_permitted;

  const auto directory = directory_.Get();
  ACCORD_RETURN_IF_ERROR(CheckSignerStands(*directory, verified_.caller.id, verified_.document.key_id(), statement.worker(), context.now()));
  const AgencyRow& agency = *directory->FindActiveAgency(verified_.caller.id);
  ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(*stored));
  const auto& core = header.core.part;
  const bool may_say = referral::MaySay(referral::Party::kRecipient, agency.agency.kind(), statement.kind());
  if (stored->recalled() && !referral::MaySayOfRecalled(statement.kind())) {
    return Error(Reason::kTransitionIllegal, "the referral was recalled: what is left to say is what was done with it",
                 {{"state", type::v1::ReferralState_Name(type::v1::REFERRAL_STATE_RECALLED)}});
  }
  if (referral::IsForumStep(statement.kind())) ACCORD_RETURN_IF_ERROR(CheckForumStep(context, core, statement, verified_.caller.id));
  if (!referral::MaySayOfCheck(core.checks(), statement.kind())) {
    return Error(Reason::kTransitionIllegal,
                 core.checks() ? "a check is answered: known, not known, or known and withheld" : "only a check is answered so",
                 {{"state", type::v1::ReferralState_Name(recipient->state())}});
  }
  // An answer to a change moves no state: it is right wherever the desk was told of that change.
  const bool answers = statement.kind() == type::v1::STATEMENT_KIND_CHANGE_ANSWERED;
  const bool stays = answers || OpensAfterSoftware(statement, *recipient);
  const auto event = referral::EventOf(statement.kind());
  const auto next = may_say && stays               ? std::optional(recipient->state())
                    : may_say && event.has_value() ? referral::Next(recipient->state(), *event)
                                                   : std::nullopt;
  if (!next.has_value()) {
    return Error(Reason::kTransitionIllegal,
                 may_say ? "the referral is not in a state that allows this"
                         : "children's services decide on a contact, and only they do; others accept or decline",
                 {{"state", type::v1::ReferralState_Name(recipient->state())}});
  }
  if (recipient->last_statement() != statement.previous_statement()) {
    return Error(Reason::kTransitionIllegal, "the statement does not follow the agency's last one on this referral",
                 {{"state", type::v1::ReferralState_Name(recipient->state())}, {"last_statement", ToHex(recipient->last_statement())}});
  }
  if (answers) {
    ACCORD_RETURN_IF_ERROR(TakeAnswer(context, statement, *recipient));
  } else {
    recipient->set_state(*next);
    recipient->set_since_ms(absl::ToUnixMillis(context.now()));
  }
  recipient->set_last_statement(verified_.digest);
  const storage::v1::StoredRecipient before = *recipient;
  ACCORD_RETURN_IF_ERROR(NoteStatement(context, statement, header, *stored));
  if (statement.kind() == type::v1::STATEMENT_KIND_HEARD) {
    ACCORD_RETURN_IF_ERROR(ChangeEvent(context, *stored, [&](storage::v1::StoredCaseEvent& event) { event.set_heard_at_ms(statement.acted_at_ms()); }));
  }
  ACCORD_RETURN_IF_ERROR(NoteFeedback(context, *policy_.Get(), statement, *stored));
  result_.feedback_due_ms = recipient->feedback_due_ms();
  ACCORD_RETURN_IF_ERROR(MoveCheck(context, statement.header_digest(), core, *stored));

  EntryDraft entry;
  entry.chains = ChainsOf(*stored);
  entry.event.set_type(type::v1::EVENT_TYPE_STATEMENT);
  entry.event.set_statement(statement.kind());
  if (const int64_t due_ms = DueOfEnded(before, *recipient); due_ms > 0) {
    entry.event.set_due_at_ms(due_ms);
    entry.event.set_clock_version(before.clock_version());
  }
  entry.actor = ActorOf(verified_.caller, statement.worker());
  auto& about = entry.referral.emplace();
  about.set_header_digest(statement.header_digest());
  about.set_sender(core.sender());
  about.set_request_id(core.request_id());
  about.set_recipient(verified_.caller.id);
  about.set_desk(recipient->desk());
  about.set_statement_digest(verified_.digest);
  ACCORD_ASSIGN_OR_RETURN(result_.index, context.AddEntry(entry));
  result_.state = *next;
  ACCORD_RETURN_IF_ERROR(FollowRedirect(context, *policy_.Get(), *directory, statement, header, *stored, queued_));

  ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, SlotOfChain(context, stored->chain()));
  storage::v1::StoredStatement kept;
  *kept.mutable_statement() = verified_.document;
  kept.set_index(result_.index);
  ACCORD_RETURN_IF_ERROR(context.PutSealed(kFamilyStatement, StatementKey(statement.header_digest(), verified_.digest), slot, kept.SerializeAsString()));
  ACCORD_RETURN_IF_ERROR(SaveReferral(context, statement.header_digest(), *stored));

  StoredRequest request;
  request.set_digest(verified_.digest);
  request.set_index(result_.index);
  request.set_header_digest(statement.header_digest());
  request.set_state(*next);
  KeepRequest(context, verified_.caller.principal, statement.request_id(), request);

  storage::v1::StoredDelivery notice;
  notice.set_agency(core.sender());
  notice.set_desk(type::v1::DESK_MAIN);
  notice.set_header_digest(statement.header_digest());
  notice.set_sender(core.sender());
  notice.set_statement_digest(verified_.digest);
  notice.set_lane(referral::LaneOf(type::v1::REFERRAL_TYPE_NOTIFICATION, core.urgency(), RiskNow(*stored, core).grade()));
  notice.set_ordering_key(OrderingKeyOf(*stored));
  return PutDelivery(context, context.RandomBytes(kIdBytes), std::move(notice), result_.index, queued_);
}

void StatementCommand::Published() {
  for (auto& [mailbox, waiting] : queued_) mailboxes_.Add(mailbox, std::move(waiting));
}

void StatementCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(std::move(result_));
}

}  // namespace accord::broker

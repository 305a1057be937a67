#include "services/broker/directory/changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/change_parts.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/requests.h"
#include "services/broker/directory/roles.h"
#include "services/broker/directory/validation.h"

namespace accord::broker {
namespace {

using admin::v1::Change;

Change Kept(Change change, const ChangeRules& rules) {
  const ChangeHandler* handler = HandlerOf(change, rules);
  return handler == nullptr ? change : handler->Kept(std::move(change));
}

std::string AdminPrincipal(const Administrator& administrator) {
  return PrincipalName(options::v1::CALLER_ADMIN, administrator.id);
}

// What a request to do `what` about a change is known by.
std::string ActDigest(std::string_view what, uint64_t number) {
  return crypto::Sha256({what, std::string_view("\0", 1), KeyU64(number)});
}

// What a proposal is known by: its change alone where nothing else was asked, as before there was more to ask.
std::string ProposalDigest(const std::string& change_digest, const ProposeOptions& options) {
  if (options.effective_from_ms == 0) return change_digest;
  return crypto::Sha256({"accord/proposal/v1", std::string_view("\0", 1), change_digest, KeyU64(static_cast<uint64_t>(options.effective_from_ms))});
}

absl::StatusOr<storage::v1::StoredChange> ReadChange(CommitContext& context, uint64_t number) {
  ACCORD_ASSIGN_OR_RETURN(auto stored, ReadRow<storage::v1::StoredChange>(context, kFamilyChange, KeyU64(number)));
  if (stored.has_value()) return *std::move(stored);
  return Error(Reason::kChangeNotFound, "no such proposed change", {{"change", fmt::format("{}", number)}});
}

// What an earlier request with this id led to; nothing when the id is free.
absl::StatusOr<std::optional<ChangeOutcome>> Repeated(CommitContext& context, const std::string& principal,
                                                      const std::string& request_id, const std::string& digest) {
  ACCORD_ASSIGN_OR_RETURN(const auto request, FirstRequest(context, principal, request_id, digest));
  if (!request.has_value()) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(auto stored, ReadRow<storage::v1::StoredChange>(context, kFamilyChange, KeyU64(request->change())));
  if (!stored.has_value()) return Error(Reason::kStoreCorrupt, "a request names a change that is not there");
  return ChangeOutcome{request->change(), *std::move(stored), request->index(), true};
}

void KeepChangeRequest(CommitContext& context, const std::string& principal, const std::string& request_id, const std::string& digest,
                       const ChangeOutcome& outcome) {
  storage::v1::StoredRequest request;
  request.set_digest(digest);
  request.set_index(outcome.index);
  request.set_change(outcome.number);
  KeepRequest(context, principal, request_id, request);
}

// OK unless the answer to a repeat would show the administrator another's change that is kept from it since.
absl::Status CheckMaySeeAgain(const ChangeRules& rules, const Administrator& administrator, const ChangeOutcome& outcome) {
  if (outcome.stored.proposed_by() == administrator.id) return absl::OkStatus();
  return CheckConflict(*rules.directory.Get(), administrator.id, outcome.stored.change());
}

// OK while it waits for somebody to approve it.
absl::Status CheckOpen(const storage::v1::StoredChange& stored, absl::Time now) {
  switch (StateOf(stored, now)) {
    case admin::v1::CHANGE_STATE_PROPOSED: return absl::OkStatus();
    case admin::v1::CHANGE_STATE_EXPIRED: return Error(Reason::kChangeExpired, "nobody approved it in time; propose it again");
    case admin::v1::CHANGE_STATE_WITHDRAWN: return Error(Reason::kTransitionIllegal, "the change was taken back or rejected", {{"state", "withdrawn"}});
    default: break;
  }
  return Error(Reason::kTransitionIllegal, "the change is approved already", {{"state", "approved"}});
}

absl::Status CheckEffectiveFrom(const Change& change, const ProposeOptions& options, const ChangeRules& rules, absl::Time now) {
  if (options.effective_from_ms == 0) return absl::OkStatus();
  const auto invalid = [](std::string_view why) {
    return Error(Reason::kFieldInvalid, fmt::format("effective_from_ms: {}", why), {{"field", "effective_from_ms"}});
  };
  if (HandlerOf(change, rules) != nullptr) return invalid("erasures, holds and retention are in force at their approval");
  if (IsPolicyChange(change) && !change.has_put_forum()) return invalid("the text names its own effective_from");
  const absl::Time from = absl::FromUnixMillis(options.effective_from_ms);
  if (from <= now) return invalid("is not in the future");
  if (from > now + kEffectiveFromMax) return invalid("is more than a year from now");
  return absl::OkStatus();
}

// What this broker does not know it cannot show to who approves it, and the next version would take it for approved.
absl::Status CheckKnown(const Change& change) {
  Change known = change;
  known.DiscardUnknownFields();
  if (known.ByteSizeLong() == change.ByteSizeLong()) return absl::OkStatus();
  return Error(Reason::kFieldInvalid, "change: it has fields that this broker does not know; use an accordctl of its version", {{"field", "change"}});
}

// No certificate of today would count under a valid-from that is to come; of two administrators neither could put that right before it has.
absl::Status CheckValidFrom(const Change& change, absl::Time in_force) {
  const bool agency = change.has_put_agency();
  const int64_t valid_from_ms = agency ? change.put_agency().agency().valid_from_ms() : change.put_officer().valid_from_ms();
  if (absl::FromUnixMillis(valid_from_ms) <= in_force + kValidFromAheadMax) return absl::OkStatus();
  const std::string_view field = agency ? "agency.valid_from_ms" : "officer.valid_from_ms";
  return Error(Reason::kFieldInvalid, fmt::format("{}: is later than this comes into force, so that no certificate would count until then", field), {{"field", std::string(field)}});
}

// What has to be true of a change beside the state, whenever it is proposed or comes into force; `in_force`: when it does.
absl::Status Judge(const Change& change, const ChangeRules& rules, CommitContext& context, absl::Time in_force) {
  ACCORD_RETURN_IF_ERROR(ValidateChange(change, rules));
  ACCORD_RETURN_IF_ERROR(CheckValidFrom(change, in_force));
  if (IsPolicyChange(change)) return CheckPolicyChange(change, rules.policy(), context);
  if (change.has_put_agency()) return CheckNotLeft(change.put_agency().agency(), context);
  return absl::OkStatus();
}

absl::Status Schedule(CommitContext& context, const ChangeRules& rules, uint64_t number, absl::Time when) {
  return rules.schedule ? rules.schedule(context, number, when) : absl::OkStatus();
}

// What has to be true of what stands now and of who is behind it: at approval, and again when it comes into force later.
absl::Status CheckStandsStill(CommitContext& context, const ChangeRules& rules, uint64_t number, const storage::v1::StoredChange& stored) {
  const auto directory = rules.directory.Get();
  ACCORD_RETURN_IF_ERROR(CheckNotSuspended(*directory, stored.proposed_by(), "proposed"));
  ACCORD_RETURN_IF_ERROR(CheckConflict(*directory, stored.proposed_by(), stored.change()));  // Listed since.
  if (!stored.approved_by().empty()) {
    ACCORD_RETURN_IF_ERROR(CheckNotSuspended(*directory, stored.approved_by(), "approved"));
    ACCORD_RETURN_IF_ERROR(CheckConflict(*directory, stored.approved_by(), stored.change()));
  }
  if (stored.change().has_put_agency()) ACCORD_RETURN_IF_ERROR(CheckNotLeft(stored.change().put_agency().agency(), context));
  return CheckNotReplaced(number, stored, context);
}

// Puts an approved change into force. `actor` approved it, or is the broker, when its time has come. Of what can be put off an error
// has written nothing.
absl::Status PutIntoForce(CommitContext& context, const ChangeRules& rules, uint64_t number, const type::v1::EntryActor& actor,
                          storage::v1::StoredChange& stored) {
  const std::string target = TargetOf(stored.change());
  stored.set_in_force(true);
  Epochs epochs = context.epochs();
  if (const ChangeHandler* handler = HandlerOf(stored.change(), rules); handler != nullptr) {
    ACCORD_RETURN_IF_ERROR(handler->Write(number, stored, actor, context));
  } else {
    ACCORD_RETURN_IF_ERROR(WriteChange(stored.change(), number, rules, context, epochs));
  }
  if (!target.empty()) context.Put(kFamilyMeta, PutKey(target), KeyU64(number));
  context.MoveEpochs(epochs);
  return absl::OkStatus();
}

// After entry `index`, by which `change` is in force; the directory is still that of before. Who puts an inspector in inactive shuts it out as
// surely as who suspends it, and its colleagues are to hear of either (docs/warrants.md).
void TellOfficerMoved(const Change& change, const ChangeRules& rules, absl::Time now, uint64_t index) {
  if (!rules.officer_moved || !change.has_put_officer() || !change.put_officer().inspector()) return;
  const auto& becomes = change.put_officer();
  const auto directory = rules.directory.Get();
  const storage::v1::StoredOfficer* const was = directory->FindOfficer(/*inspector=*/true, becomes.id());
  if (was == nullptr || was->inspectorate().empty()) return;
  const bool in = becomes.active() && becomes.inspectorate() == was->inspectorate();
  if (in == was->active()) return;
  if (in && directory->IsSuspended(PrincipalName(options::v1::CALLER_INSPECTOR, becomes.id()))) return;  // Out still, as they were told.
  rules.officer_moved({becomes.id(), was->inspectorate(), !in, now, index});
}

}  // namespace

std::string_view KindOf(const Change& change) {
  switch (change.change_case()) {
    case Change::kPutAgency: return "put_agency";
    case Change::kDenyKey: return "deny_key";
    case Change::kPutAgreement: return "put_agreement";
    case Change::kPutOfficer: return "put_officer";
    case Change::kPutConflictList: return "put_conflict_list";
    case Change::kErase: return "erase";
    case Change::kSetHold: return "set_hold";
    case Change::kLiftHold: return "lift_hold";
    case Change::kPutRetention: return "put_retention";
    case Change::kPutEmergencySchedule: return "put_emergency_schedule";
    case Change::kPutLegalRegister: return "put_legal_register";
    case Change::kPutForum: return "put_forum";
    case Change::kPutClockRules: return "put_clock_rules";
    case Change::kPutCaseRules: return "put_case_rules";
    case Change::kLeaveAgency: return "leave_agency";
    case Change::CHANGE_NOT_SET: break;
  }
  return "";
}

admin::v1::ChangeState StateOf(const storage::v1::StoredChange& stored, absl::Time now) {
  const bool approved = !stored.approved_by().empty();
  if (!stored.withdrawn_by().empty()) {
    return stored.withdrawn_by() == kBrokerPrincipal && !approved ? admin::v1::CHANGE_STATE_EXPIRED : admin::v1::CHANGE_STATE_WITHDRAWN;
  }
  // Rows from before changes could wait have neither the mark nor a time.
  if (approved) return stored.in_force() || stored.effective_from_ms() == 0 ? admin::v1::CHANGE_STATE_IN_FORCE : admin::v1::CHANGE_STATE_APPROVED;
  const bool over = stored.expires_at_ms() != 0 && stored.expires_at_ms() <= absl::ToUnixMillis(now);
  return over ? admin::v1::CHANGE_STATE_EXPIRED : admin::v1::CHANGE_STATE_PROPOSED;
}

absl::Status ValidateChange(const Change& change, const ChangeRules& rules) {
  if (const ChangeHandler* handler = HandlerOf(change, rules); handler != nullptr) return handler->Validate(change);
  ACCORD_RETURN_IF_ERROR(ValidateInItself(change, rules));
  const auto directory = rules.directory.Get();
  if (change.has_put_agency()) return ValidateAmongOthers(change.put_agency().agency(), *directory);
  if (change.has_put_conflict_list()) return ValidateConflictList(change.put_conflict_list(), *directory);
  if (change.has_put_forum()) {
    const auto policy = rules.policy();
    const auto& forums = policy.sources().forums;
    const auto sits = forums.find(change.put_forum().forum().id());
    return ValidateForumAmongOthers(change.put_forum().forum(), *directory, sits == forums.end() ? std::set<std::string, std::less<>>() : sits->second.members);
  }
  if (change.has_put_officer() && !change.put_officer().inspector()) {
    const storage::v1::StoredOfficer becomes = AsStored(change.put_officer());
    return CheckAdministrationRemains(*directory, change.put_officer().id(), &becomes);
  }
  if (change.has_leave_agency() && directory->FindActiveAgency(change.leave_agency().agency()) == nullptr) {
    return Error(Reason::kPrincipalNotFound, "leave_agency.agency: no active agency of that name", {{"field", "leave_agency.agency"}});
  }
  return absl::OkStatus();
}

ProposeChangeCommand::ProposeChangeCommand(const ChangeRules& rules, Administrator administrator, std::string request_id, Change change,
                                           ChangeDone done, ProposeOptions options)
    : rules_(rules), administrator_(std::move(administrator)), request_id_(std::move(request_id)), change_(Kept(std::move(change), rules)),
      options_(options), digest_(crypto::Sha256(change_.SerializeAsString())), asked_(ProposalDigest(digest_, options_)), done_(std::move(done)) {}

absl::Status ProposeChangeCommand::Apply(CommitContext& context) {
  const std::string principal = AdminPrincipal(administrator_);
  if (!options_.dry_run) {
    ACCORD_ASSIGN_OR_RETURN(auto repeated, Repeated(context, principal, request_id_, asked_));
    if (repeated.has_value()) {
      outcome_ = *std::move(repeated);
      return CheckMaySeeAgain(rules_, administrator_, outcome_);
    }
  }
  const auto directory = rules_.directory.Get();
  ACCORD_RETURN_IF_ERROR(CheckActing(*directory, administrator_.id));
  ACCORD_RETURN_IF_ERROR(CheckMayPropose(RolesOf(*directory, administrator_.id), change_));
  ACCORD_RETURN_IF_ERROR(CheckConflict(*directory, administrator_.id, change_));
  ACCORD_RETURN_IF_ERROR(CheckKnown(change_));
  ACCORD_RETURN_IF_ERROR(Judge(change_, rules_, context, std::max(context.now(), absl::FromUnixMillis(options_.effective_from_ms))));
  if (const ChangeHandler* handler = HandlerOf(change_, rules_); handler != nullptr) {
    ACCORD_RETURN_IF_ERROR(handler->Check(change_, context));
  }
  ACCORD_RETURN_IF_ERROR(CheckEffectiveFrom(change_, options_, rules_, context.now()));
  auto& stored = outcome_.stored;
  *stored.mutable_change() = change_;
  stored.set_digest(digest_);
  stored.set_proposed_by(administrator_.id);
  stored.set_proposed_at_ms(absl::ToUnixMillis(context.now()));
  stored.set_effective_from_ms(options_.effective_from_ms);
  stored.set_expires_at_ms(absl::ToUnixMillis(context.now() + kChangeApprovalTime));
  if (options_.dry_run) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(outcome_.number, NextChangeNumber(context));
  context.Put(kFamilyChange, KeyU64(outcome_.number), stored.SerializeAsString());
  ACCORD_RETURN_IF_ERROR(Schedule(context, rules_, outcome_.number, absl::FromUnixMillis(stored.expires_at_ms())));
  ACCORD_ASSIGN_OR_RETURN(outcome_.index, AddChangeEntry(context, type::v1::EVENT_TYPE_CHANGE_PROPOSED, stored, principal, administrator_.certificate));
  KeepChangeRequest(context, principal, request_id_, asked_, outcome_);
  return absl::OkStatus();
}

void ProposeChangeCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (outcome.ok()) return std::move(done_)(std::move(outcome_));
  std::move(done_)(outcome.status());
}

ApproveChangeCommand::ApproveChangeCommand(const ChangeRules& rules, Administrator administrator, std::string request_id, uint64_t number,
                                           ChangeDone done)
    : rules_(rules), administrator_(std::move(administrator)), request_id_(std::move(request_id)), number_(number),
      digest_(ActDigest("accord/approval/v1", number)), done_(std::move(done)) {}

absl::Status ApproveChangeCommand::Apply(CommitContext& context) {
  const std::string principal = AdminPrincipal(administrator_);
  ACCORD_ASSIGN_OR_RETURN(auto repeated, Repeated(context, principal, request_id_, digest_));
  if (repeated.has_value()) {
    outcome_ = *std::move(repeated);
    return CheckMaySeeAgain(rules_, administrator_, outcome_);
  }
  const auto directory = rules_.directory.Get();
  ACCORD_RETURN_IF_ERROR(CheckActing(*directory, administrator_.id));
  ACCORD_ASSIGN_OR_RETURN(outcome_.stored, ReadChange(context, number_));
  auto& stored = outcome_.stored;
  ACCORD_RETURN_IF_ERROR(CheckOpen(stored, context.now()));
  if (stored.proposed_by() == administrator_.id) {
    return Error(Reason::kSelfApproval, "another administrator must approve it", {{"proposed_by", stored.proposed_by()}});
  }
  ACCORD_RETURN_IF_ERROR(CheckMayApprove(RolesOf(*directory, administrator_.id), stored.change()));
  ACCORD_RETURN_IF_ERROR(CheckConflict(*directory, administrator_.id, stored.change()));
  ACCORD_RETURN_IF_ERROR(CheckStandsStill(context, rules_, number_, stored));
  ACCORD_RETURN_IF_ERROR(ValidateChange(stored.change(), rules_));
  outcome_.number = number_;
  stored.set_approved_by(administrator_.id);
  stored.set_approved_at_ms(absl::ToUnixMillis(context.now()));
  const absl::Time from = absl::FromUnixMillis(stored.effective_from_ms());
  if (from > context.now()) {
    if (IsPolicyChange(stored.change())) ACCORD_RETURN_IF_ERROR(CheckPolicyChange(stored.change(), rules_.policy(), context));
    ACCORD_RETURN_IF_ERROR(Schedule(context, rules_, number_, from));
  } else {
    type::v1::EntryActor actor;
    actor.set_principal(principal);
    actor.set_certificate(administrator_.certificate);
    ACCORD_RETURN_IF_ERROR(PutIntoForce(context, rules_, number_, actor, stored));
    ACCORD_RETURN_IF_ERROR(Schedule(context, rules_, number_, absl::InfiniteFuture()));
  }
  context.Put(kFamilyChange, KeyU64(number_), stored.SerializeAsString());
  ACCORD_ASSIGN_OR_RETURN(outcome_.index, AddChangeEntry(context, type::v1::EVENT_TYPE_CHANGE_APPROVED, stored, principal, administrator_.certificate));
  KeepChangeRequest(context, principal, request_id_, digest_, outcome_);
  if (stored.in_force()) TellOfficerMoved(stored.change(), rules_, context.now(), outcome_.index);
  return absl::OkStatus();
}

void ApproveChangeCommand::Published() {
  if (outcome_.repeated || !outcome_.stored.in_force()) return;
  if (const ChangeHandler* handler = HandlerOf(outcome_.stored.change(), rules_); handler != nullptr) {
    handler->Published(number_, outcome_.stored);
  }
}

void ApproveChangeCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (outcome.ok()) return std::move(done_)(std::move(outcome_));
  std::move(done_)(outcome.status());
}

WithdrawChangeCommand::WithdrawChangeCommand(const ChangeRules& rules, Administrator administrator, std::string request_id, uint64_t number,
                                             ChangeDone done)
    : rules_(rules), administrator_(std::move(administrator)), request_id_(std::move(request_id)), number_(number),
      digest_(ActDigest("accord/withdrawal/v1", number)), done_(std::move(done)) {}

absl::Status WithdrawChangeCommand::Apply(CommitContext& context) {
  const std::string principal = AdminPrincipal(administrator_);
  ACCORD_ASSIGN_OR_RETURN(auto repeated, Repeated(context, principal, request_id_, digest_));
  if (repeated.has_value()) {
    outcome_ = *std::move(repeated);
    return CheckMaySeeAgain(rules_, administrator_, outcome_);
  }
  const auto directory = rules_.directory.Get();
  ACCORD_RETURN_IF_ERROR(CheckActing(*directory, administrator_.id));
  ACCORD_ASSIGN_OR_RETURN(outcome_.stored, ReadChange(context, number_));
  auto& stored = outcome_.stored;
  const auto state = StateOf(stored, context.now());
  // What is approved and not yet in force can be stopped still.
  if (state != admin::v1::CHANGE_STATE_PROPOSED && state != admin::v1::CHANGE_STATE_APPROVED) {
    return Error(Reason::kTransitionIllegal, "it cannot be taken back any more", {{"state", admin::v1::ChangeState_Name(state)}});
  }
  if (stored.proposed_by() != administrator_.id) {
    ACCORD_RETURN_IF_ERROR(CheckMayApprove(RolesOf(*directory, administrator_.id), stored.change()));
    ACCORD_RETURN_IF_ERROR(CheckConflict(*directory, administrator_.id, stored.change()));
  }
  outcome_.number = number_;
  stored.set_withdrawn_by(administrator_.id);
  stored.set_withdrawn_at_ms(absl::ToUnixMillis(context.now()));
  ACCORD_RETURN_IF_ERROR(Schedule(context, rules_, number_, absl::InfiniteFuture()));
  context.Put(kFamilyChange, KeyU64(number_), stored.SerializeAsString());
  ACCORD_ASSIGN_OR_RETURN(outcome_.index, AddChangeEntry(context, type::v1::EVENT_TYPE_CHANGE_WITHDRAWN, stored, principal, administrator_.certificate));
  KeepChangeRequest(context, principal, request_id_, digest_, outcome_);
  return absl::OkStatus();
}

void WithdrawChangeCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (outcome.ok()) return std::move(done_)(std::move(outcome_));
  std::move(done_)(outcome.status());
}

absl::Status ActOnChange(CommitContext& context, const ChangeRules& rules, uint64_t number) {
  ACCORD_ASSIGN_OR_RETURN(auto stored, ReadChange(context, number));
  const auto state = StateOf(stored, context.now());
  const bool approved = state == admin::v1::CHANGE_STATE_APPROVED;
  if (!approved && (state != admin::v1::CHANGE_STATE_EXPIRED || !stored.withdrawn_by().empty())) return absl::OkStatus();
  type::v1::EntryActor broker;
  broker.set_principal(std::string(kBrokerPrincipal));
  auto event = type::v1::EVENT_TYPE_CHANGE_WITHDRAWN;
  absl::Status stands = approved ? Judge(stored.change(), rules, context, context.now()) : Error(Reason::kChangeExpired, "nobody approved it in time");
  if (stands.ok()) stands = CheckStandsStill(context, rules, number, stored);
  if (stands.ok()) stands = PutIntoForce(context, rules, number, broker, stored);
  if (stands.ok()) {
    event = type::v1::EVENT_TYPE_CHANGE_APPROVED;
    // When it did come into force: later than was asked, if the broker was not running then.
    stored.set_effective_from_ms(absl::ToUnixMillis(context.now()));
  } else if (!HasReason(stands, DetailOf(stands).reason) || HasReason(stands, Reason::kStoreCorrupt)) {
    return stands;  // The store's own: tried again.
  } else {
    stored.set_in_force(false);
    stored.set_withdrawn_by(std::string(kBrokerPrincipal));
    stored.set_withdrawn_at_ms(absl::ToUnixMillis(context.now()));
  }
  context.Put(kFamilyChange, KeyU64(number), stored.SerializeAsString());
  ACCORD_ASSIGN_OR_RETURN(const uint64_t index, AddChangeEntry(context, event, stored, std::string(kBrokerPrincipal), ""));
  if (stored.in_force()) TellOfficerMoved(stored.change(), rules, context.now(), index);
  return absl::OkStatus();
}

}  // namespace accord::broker

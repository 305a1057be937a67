#include "services/broker/warrants/warrants.h"

#include <fmt/format.h>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/requests.h"
#include "services/broker/directory/roles.h"

namespace accord::broker {
namespace {

using inspection::v1::Warrant;
using storage::v1::StoredWarrant;

absl::StatusOr<std::optional<StoredWarrant>> LoadWarrant(CommitContext& context, const std::string& id) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyWarrant, id));
  if (!bytes.has_value()) return std::nullopt;
  StoredWarrant stored;
  if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored warrant does not parse");
  return stored;
}

// What an earlier request with this id led to; nothing when the id is free.
absl::StatusOr<std::optional<WarrantOutcome>> RepeatedWarrantAct(CommitContext& context, const Caller& caller, const std::string& request_id,
                                                                 const std::string& digest, const std::string& id) {
  ACCORD_ASSIGN_OR_RETURN(const auto request, FirstRequest(context, caller.principal, request_id, digest));
  if (!request.has_value()) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadWarrant(context, id));
  if (!stored.has_value()) return Error(Reason::kStoreCorrupt, "a request names a warrant that is not there");
  return WarrantOutcome{*std::move(stored), request->index(), true, context.now()};
}

// The entry, the warrant and the request, once all else is settled. `event` has what the act adds to the entry.
absl::Status WriteWarrantAct(CommitContext& context, const Caller& caller, const std::string& request_id, const std::string& digest,
                             type::v1::EntryEvent event, WarrantOutcome& outcome) {
  outcome.now = context.now();
  EntryDraft draft;
  draft.chains.push_back(outcome.stored.chain());
  draft.event = std::move(event);
  draft.event.set_warrant(outcome.stored.warrant().id());
  draft.actor = ActorOf(caller);
  ACCORD_ASSIGN_OR_RETURN(outcome.index, context.AddEntry(draft));
  outcome.stored.set_index(outcome.index);
  context.Put(kFamilyWarrant, outcome.stored.warrant().id(), outcome.stored.SerializeAsString());
  KeepRequest(context, caller.principal, request_id, digest, outcome.index);
  return absl::OkStatus();
}

// What two officers put their names to: without where it stands.
std::string ProposalDigest(const Warrant& warrant) {
  const Warrant proposed = AsProposed(warrant);
  return crypto::Sha256({"accord/warrant/v1", std::string_view("\0", 1), proposed.SerializeAsString()});
}

std::string ActDigest(const WarrantAct& act) {
  const std::string words = ByteWriter().Lp8(act.id).U8(static_cast<uint8_t>(act.event)).U8(static_cast<uint8_t>(act.suspension)).bytes();
  return crypto::Sha256({"accord/warrant-act/v1", std::string_view("\0", 1), words});
}

absl::Status NotTheirsToDo(std::string_view why) { return Error(Reason::kNotPermitted, why); }

// Of administrators an approver may end what another of them began, a suspension, and begin nothing. Who may activate is said by that method.
absl::Status CheckRole(const DirectorySnapshot& directory, const Caller& caller, WarrantEvent event) {
  if (caller.kind != options::v1::CALLER_ADMIN || event == WarrantEvent::kActivate) return absl::OkStatus();
  const Roles roles = RolesOf(directory, caller.id);
  const bool approver = event == WarrantEvent::kResume && roles.contains(options::v1::OFFICER_ROLE_APPROVER);
  if (approver || roles.contains(options::v1::OFFICER_ROLE_ADMINISTRATOR) || roles.contains(options::v1::OFFICER_ROLE_DATA_PROTECTION_OFFICER)) return absl::OkStatus();
  return Error(Reason::kRoleNotAllowed, "none of the roles that you are enrolled for may do this to a warrant; an approver may end its suspension");
}

// A statutory warrant is activated and ended within its inspectorate, every other by administrators; suspending is administrators' alone.
absl::Status CheckActor(const DirectorySnapshot& directory, const Caller& caller, const Warrant& warrant, WarrantEvent event) {
  const bool administrator = caller.kind == options::v1::CALLER_ADMIN;
  if (event == WarrantEvent::kSuspend || event == WarrantEvent::kResume) {
    return administrator ? absl::OkStatus() : NotTheirsToDo("a warrant is suspended and resumed by administrators");
  }
  if (warrant.kind() != inspection::v1::WARRANT_KIND_STATUTORY) {
    return administrator ? absl::OkStatus() : NotTheirsToDo("a warrant of this kind is activated and ended by administrators");
  }
  if (caller.kind == options::v1::CALLER_INSPECTOR && InspectorateOf(directory, caller.id) == warrant.inspectorate()) return absl::OkStatus();
  return NotTheirsToDo("a statutory warrant is activated and ended by officers of its inspectorate");
}

// Two different people: who proposed it is still enrolled, so that two stand behind it at the moment at which it comes into force.
absl::Status CheckSecondPerson(const DirectorySnapshot& directory, const Caller& caller, const Warrant& warrant, WarrantEvent event) {
  if (event == WarrantEvent::kResume && warrant.suspended_by() == caller.principal) {
    return Error(Reason::kSelfApproval, "another administrator must end the suspension", {{"suspended_by", warrant.suspended_by()}});
  }
  if (event != WarrantEvent::kActivate) return absl::OkStatus();
  if (warrant.proposed_by() == caller.principal) {
    return Error(Reason::kSelfApproval, "another officer must activate it", {{"proposed_by", warrant.proposed_by()}});
  }
  const std::string_view proposer = warrant.proposed_by();
  const std::string_view id = proposer.substr(proposer.find('/') + 1);
  if (warrant.kind() == inspection::v1::WARRANT_KIND_STATUTORY) {
    if (InspectorateOf(directory, id) == warrant.inspectorate()) return absl::OkStatus();
  } else {
    ACCORD_RETURN_IF_ERROR(CheckNotBarred(directory, kAdministrators, std::string(id)));  // Listed since.
    const auto* const officer = directory.FindOfficer(false, id);
    if (officer != nullptr && officer->active() && !directory.IsSuspended(proposer)) return absl::OkStatus();
  }
  return NotTheirsToDo("who proposed it is not enrolled any more; propose it anew");
}

type::v1::EventType EventTypeOf(WarrantEvent event) {
  switch (event) {
    case WarrantEvent::kActivate: return type::v1::EVENT_TYPE_WARRANT_ACTIVATED;
    case WarrantEvent::kSuspend: return type::v1::EVENT_TYPE_WARRANT_SUSPENDED;
    case WarrantEvent::kResume: return type::v1::EVENT_TYPE_WARRANT_RESUMED;
    case WarrantEvent::kEnd: break;
  }
  return type::v1::EVENT_TYPE_WARRANT_ENDED;
}

// Puts into `stored` what the act changes, and into the entry what it says.
type::v1::EntryEvent Carry(const WarrantAct& act, inspection::v1::WarrantState to, const Caller& caller, absl::Time now, StoredWarrant& stored) {
  type::v1::EntryEvent event;
  event.set_type(EventTypeOf(act.event));
  Warrant& warrant = *stored.mutable_warrant();
  warrant.set_state(to);
  const int64_t now_ms = absl::ToUnixMillis(now);
  switch (act.event) {
    case WarrantEvent::kActivate:
      warrant.set_activated_by(caller.principal);
      warrant.set_activated_at_ms(now_ms);
      event.set_legal_power(warrant.legal_power());
      event.set_change_digest(ProposalDigest(warrant));
      break;
    case WarrantEvent::kSuspend:
      warrant.set_suspension(act.suspension);
      warrant.set_suspended_by(caller.principal);
      warrant.set_suspended_at_ms(now_ms);
      event.set_why(inspection::v1::WarrantSuspension_Name(act.suspension));
      break;
    case WarrantEvent::kResume:
      warrant.clear_suspension();
      warrant.clear_suspended_by();
      warrant.clear_suspended_at_ms();
      break;
    case WarrantEvent::kEnd:
      stored.set_ended_at_ms(now_ms);
      break;
  }
  return event;
}

}  // namespace

ProposeWarrantCommand::ProposeWarrantCommand(const WarrantRules& rules, Caller caller, std::string request_id, Warrant warrant, WarrantDone done)
    : rules_(rules), caller_(std::move(caller)), request_id_(std::move(request_id)), warrant_(AsProposed(std::move(warrant))),
      digest_(ProposalDigest(warrant_)), done_(std::move(done)) {}

absl::Status ProposeWarrantCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(auto repeated, RepeatedWarrantAct(context, caller_, request_id_, digest_, warrant_.id()));
  if (repeated.has_value()) {
    outcome_ = *std::move(repeated);
    return absl::OkStatus();
  }
  ACCORD_RETURN_IF_ERROR(CheckProposal(PlainReaderOf(context), *rules_.directory.Get(), caller_, warrant_, context.now()));
  ACCORD_ASSIGN_OR_RETURN(const CommitContext::NewChain chain, context.OpenChain());
  StoredWarrant& stored = outcome_.stored;
  *stored.mutable_warrant() = warrant_;
  stored.mutable_warrant()->set_state(inspection::v1::WARRANT_STATE_PROPOSED);
  stored.mutable_warrant()->set_proposed_by(caller_.principal);
  stored.set_proposed_at_ms(absl::ToUnixMillis(context.now()));
  stored.set_chain(chain.pseudonym);
  type::v1::EntryEvent event;
  event.set_type(type::v1::EVENT_TYPE_WARRANT_PROPOSED);
  event.set_change_digest(digest_);
  event.set_purpose(warrant_.purpose());
  ACCORD_RETURN_IF_ERROR(WriteWarrantAct(context, caller_, request_id_, digest_, std::move(event), outcome_));
  for (const std::string& viewer : {warrant_.inspectorate(), std::string()}) {
    context.Put(kFamilyWarrantIndex, WarrantOrderKey(viewer, outcome_.index), warrant_.id());
  }
  return absl::OkStatus();
}

void ProposeWarrantCommand::Published() {
  if (!outcome_.repeated) rules_.changed(outcome_.stored.warrant());
}

void ProposeWarrantCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (outcome.ok()) return std::move(done_)(std::move(outcome_));
  std::move(done_)(outcome.status());
}

ChangeWarrantCommand::ChangeWarrantCommand(const WarrantRules& rules, Caller caller, std::string request_id, WarrantAct act, WarrantDone done)
    : rules_(rules), caller_(std::move(caller)), request_id_(std::move(request_id)), act_(std::move(act)), digest_(ActDigest(act_)),
      done_(std::move(done)) {}

absl::Status ChangeWarrantCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(auto repeated, RepeatedWarrantAct(context, caller_, request_id_, digest_, act_.id));
  if (repeated.has_value()) {
    outcome_ = *std::move(repeated);
    return absl::OkStatus();
  }
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadWarrant(context, act_.id));
  if (!stored.has_value()) return Error(Reason::kWarrantNotFound, "there is no such warrant");
  const auto directory = rules_.directory.Get();
  ACCORD_RETURN_IF_ERROR(CheckRole(*directory, caller_, act_.event));
  ACCORD_RETURN_IF_ERROR(CheckActor(*directory, caller_, stored->warrant(), act_.event));
  const auto state = WarrantStateAt(*stored, context.now());
  const auto to = NextWarrantState(state, act_.event);
  if (!to.has_value()) {
    return Error(Reason::kTransitionIllegal, "the warrant does not stand where this can be done", {{"state", inspection::v1::WarrantState_Name(state)}});
  }
  ACCORD_RETURN_IF_ERROR(CheckSecondPerson(*directory, caller_, stored->warrant(), act_.event));
  outcome_.stored = *std::move(stored);
  type::v1::EntryEvent event = Carry(act_, *to, caller_, context.now(), outcome_.stored);
  return WriteWarrantAct(context, caller_, request_id_, digest_, std::move(event), outcome_);
}

void ChangeWarrantCommand::Published() {
  if (!outcome_.repeated) rules_.changed(outcome_.stored.warrant());
}

void ChangeWarrantCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (outcome.ok()) return std::move(done_)(std::move(outcome_));
  std::move(done_)(outcome.status());
}

}  // namespace accord::broker

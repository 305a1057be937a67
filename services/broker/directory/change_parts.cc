#include "services/broker/directory/change_parts.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/roles.h"
#include "services/broker/directory/validation.h"
#include "services/broker/sequencer/chains.h"

namespace accord::broker {

using admin::v1::Change;

absl::Status CheckActing(const DirectorySnapshot& directory, std::string_view administrator) {
  if (!RolesOf(directory, administrator).empty()) return absl::OkStatus();
  const std::string name = OfficerKey(false, administrator);
  return Error(Reason::kPrincipalUnknown, fmt::format("{} is not enrolled and active", name), {{"principal", name}});
}

const ChangeHandler* HandlerOf(const Change& change, const ChangeRules& rules) {
  for (const ChangeHandler* handler : rules.handlers) {
    if (handler->Handles(change)) return handler;
  }
  return nullptr;
}

absl::Status ValidateInItself(const Change& change, const ChangeRules& rules) {
  if (IsPolicyChange(change)) return ValidatePolicyChange(change);
  switch (change.change_case()) {
    case Change::kPutAgency:
      return ValidateAgency(change.put_agency().agency(), rules.trust_domain);
    case Change::kDenyKey:
      if (change.deny_key().digest().size() == crypto::kDigestBytes) return absl::OkStatus();
      return Error(Reason::kFieldInvalid, "deny_key.digest: 32 bytes are needed", {{"field", "deny_key.digest"}});
    case Change::kPutOfficer:
      return ValidateOfficer(change.put_officer(), rules.trust_domain);
    case Change::kPutConflictList:
    case Change::kLeaveAgency:
      return absl::OkStatus();
    default:
      break;
  }
  return Error(Reason::kFieldMissing, "change is needed", {{"field", "change"}});
}

std::string TargetOf(const Change& change) {
  switch (change.change_case()) {
    case Change::kPutAgency: return "agency/" + change.put_agency().agency().id();
    case Change::kLeaveAgency: return "agency/" + change.leave_agency().agency();
    case Change::kPutOfficer: return "officer/" + OfficerKey(change.put_officer().inspector(), change.put_officer().id());
    case Change::kPutConflictList: return "conflicts/" + change.put_conflict_list().agency();
    case Change::kPutForum: return "forum/" + change.put_forum().forum().id();
    case Change::kPutRetention: return "retention";
    default: return "";
  }
}

std::string PutKey(std::string_view target) { return "put/" + std::string(target); }

bool WouldUndo(const Change& change, int64_t proposed_at_ms, int64_t approved_at_ms) {
  return !change.has_leave_agency() && proposed_at_ms < approved_at_ms;
}

absl::Status CheckNotReplaced(uint64_t number, const storage::v1::StoredChange& stored, CommitContext& context) {
  const std::string target = TargetOf(stored.change());
  if (target.empty()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto put, context.Get(kFamilyMeta, PutKey(target)));
  if (!put.has_value()) return absl::OkStatus();
  const auto newest = U64FromKey(*put);
  if (!newest.has_value()) return Error(Reason::kStoreCorrupt, "the number of the newest change of a row does not decode");
  if (*newest == number) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto other, ReadRow<storage::v1::StoredChange>(context, kFamilyChange, KeyU64(*newest)));
  if (!other.has_value()) return Error(Reason::kStoreCorrupt, "the newest change of a row is not there");
  if (!WouldUndo(stored.change(), stored.proposed_at_ms(), other->approved_at_ms())) return absl::OkStatus();
  return Error(Reason::kTransitionIllegal,
               fmt::format("changes/{} was approved after this was proposed, and this would undo it: withdraw this, begin from what stands now, and propose that", *newest),
               {{"state", "replaced"}, {"change", fmt::to_string(*newest)}});
}

absl::Status CheckNotSuspended(const DirectorySnapshot& directory, const std::string& administrator, std::string_view did) {
  const std::string name = OfficerKey(false, administrator);
  if (!directory.IsSuspended(name)) return absl::OkStatus();
  return Error(Reason::kTransitionIllegal, fmt::format("{}, who {} it, is suspended: whoever still wants it proposes it anew", name, did),
               {{"state", "suspended"}, {"principal", name}});
}

absl::Status CheckNotLeft(const admin::v1::Agency& agency, CommitContext& context) {
  if (!agency.active()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto left, context.Get(kFamilyMeta, LeftKey(agency.id())));
  if (!left.has_value()) return absl::OkStatus();
  return Error(Reason::kTransitionIllegal,
               fmt::format("agency/{} has left, and the record keeps its name for what it was: who comes back is enrolled under another id", agency.id()),
               {{"principal", fmt::format("agency/{}", agency.id())}, {"state", "left"}});
}

absl::Status WriteChange(const Change& change, uint64_t number, const ChangeRules& rules, CommitContext& context, Epochs& epochs) {
  if (IsPolicyChange(change)) {
    ACCORD_RETURN_IF_ERROR(CheckPolicyChange(change, rules.policy(), context));
    ++epochs.agreement;
    return WritePolicyChange(change, context);
  }
  switch (change.change_case()) {
    case Change::kPutAgency: {
      const auto& agency = change.put_agency().agency();
      context.Put(kFamilyAgency, agency.id(), agency.SerializeAsString());
      break;
    }
    case Change::kLeaveAgency: {
      const std::string& id = change.leave_agency().agency();
      if (rules.check_leaving) ACCORD_RETURN_IF_ERROR(rules.check_leaving(id));
      ACCORD_ASSIGN_OR_RETURN(auto agency, ReadRow<admin::v1::Agency>(context, kFamilyAgency, id));
      if (!agency.has_value()) return Error(Reason::kPrincipalNotFound, fmt::format("agency/{} is not enrolled", id));
      agency->set_active(false);
      context.Put(kFamilyAgency, id, agency->SerializeAsString());
      context.Put(kFamilyMeta, LeftKey(id), KeyU64(number));
      break;
    }
    case Change::kDenyKey:
      context.Put(kFamilyDeny, change.deny_key().digest(), KeyU64(number));
      break;
    case Change::kPutOfficer: {
      const auto& officer = change.put_officer();
      context.Put(kFamilyOfficer, OfficerKey(officer.inspector(), officer.id()), AsStored(officer).SerializeAsString());
      break;
    }
    case Change::kPutConflictList: {
      const auto& list = change.put_conflict_list();
      storage::v1::StoredConflictList stored;
      *stored.mutable_workers() = list.workers();
      context.Put(kFamilyPolicy, ConflictListKey(list.agency()), stored.SerializeAsString());
      ++epochs.lists;
      return absl::OkStatus();
    }
    default:
      return Error(Reason::kFieldMissing, "change is needed", {{"field", "change"}});
  }
  ++epochs.directory;
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> NextChangeNumber(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(const auto last, context.Get(kFamilyMeta, kMetaChangeKey));
  uint64_t number = 1;
  if (last.has_value()) {
    const auto value = U64FromKey(*last);
    if (!value.has_value()) return Error(Reason::kStoreCorrupt, "the number of the last change does not decode");
    number = *value + 1;
  }
  context.Put(kFamilyMeta, kMetaChangeKey, KeyU64(number));
  return number;
}

absl::StatusOr<uint64_t> AddChangeEntry(CommitContext& context, type::v1::EventType type, const storage::v1::StoredChange& stored,
                                        const std::string& principal, const std::string& certificate) {
  EntryDraft draft;
  ACCORD_ASSIGN_OR_RETURN(std::string chain, AdministrationChain(context));
  draft.chains.push_back(std::move(chain));
  draft.event.set_type(type);
  draft.event.set_change(std::string(KindOf(stored.change())));
  draft.event.set_change_digest(stored.digest());
  draft.actor.emplace();
  draft.actor->set_principal(principal);
  draft.actor->set_certificate(certificate);
  return context.AddEntry(draft);
}

}  // namespace accord::broker

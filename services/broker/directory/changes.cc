#include "services/broker/directory/changes.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/validation.h"
#include "services/broker/sequencer/chains.h"

namespace accord::broker {
namespace {

using admin::v1::Change;

absl::Status Missing(std::string_view field) {
  return Error(Reason::kFieldMissing, fmt::format("{} is needed", field), {{"field", std::string(field)}});
}

template <typename Message>
absl::StatusOr<std::optional<Message>> Read(CommitContext& context, std::string_view family, std::string_view key) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(family, key));
  if (!bytes.has_value()) return std::nullopt;
  Message message;
  if (!message.ParseFromString(*bytes)) {
    return Error(Reason::kStoreCorrupt, fmt::format("a row of family {} does not parse", family));
  }
  return message;
}

// Whose the change is; null when it is the directory's, or nobody's.
const ChangeHandler* HandlerOf(const Change& change, const ChangeRules& rules) {
  for (const ChangeHandler* handler : rules.handlers) {
    if (handler->Handles(change)) return handler;
  }
  return nullptr;
}

Change Kept(Change change, const ChangeRules& rules) {
  const ChangeHandler* handler = HandlerOf(change, rules);
  return handler == nullptr ? change : handler->Kept(std::move(change));
}

// Everything but how an agency stands to the others.
absl::Status ValidateInItself(const Change& change, const ChangeRules& rules) {
  if (IsPolicyChange(change)) return ValidatePolicyChange(change);
  switch (change.change_case()) {
    case Change::kPutAgency:
      return ValidateAgency(change.put_agency().agency(), rules.trust_domain);
    case Change::kDenyKey:
      if (change.deny_key().digest().size() == crypto::kDigestBytes) return absl::OkStatus();
      return Error(Reason::kFieldInvalid, "deny_key.digest: 32 bytes are needed", {{"field", "deny_key.digest"}});
    case Change::kPutOfficer:
      return ValidateOfficer(change.put_officer());
    case Change::kPutConflictList:
      return absl::OkStatus();
    default:
      break;
  }
  return Missing("change");
}

// Writes what `change` says and moves in `epochs` what it moves.
absl::Status WriteChange(const Change& change, uint64_t number, const ChangeRules& rules, CommitContext& context,
                         Epochs& epochs) {
  if (IsPolicyChange(change)) {
    ACCORD_RETURN_IF_ERROR(CheckPolicyChange(change, rules.policy(), context));
    ++epochs.agreement;
    return WritePolicyChange(change, context);
  }
  switch (change.change_case()) {
    case Change::kPutAgency: {
      const auto& agency = change.put_agency().agency();
      context.Put(kFamilyAgency, agency.id(), agency.SerializeAsString());
      ++epochs.directory;
      return absl::OkStatus();
    }
    case Change::kDenyKey:
      context.Put(kFamilyDeny, change.deny_key().digest(), KeyU64(number));
      ++epochs.directory;
      return absl::OkStatus();
    case Change::kPutOfficer: {
      const auto& officer = change.put_officer();
      storage::v1::StoredOfficer stored;
      stored.set_active(officer.active());
      stored.set_valid_from_ms(officer.valid_from_ms());
      context.Put(kFamilyOfficer, OfficerKey(officer.inspector(), officer.id()), stored.SerializeAsString());
      ++epochs.directory;
      return absl::OkStatus();
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
      break;
  }
  return Missing("change");
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

absl::StatusOr<uint64_t> AddChangeEntry(CommitContext& context, type::v1::EventType type, const Change& change,
                                        const std::string& digest, const std::string& principal,
                                        const std::string& certificate) {
  EntryDraft draft;
  ACCORD_ASSIGN_OR_RETURN(std::string chain, AdministrationChain(context));
  draft.chains.push_back(std::move(chain));
  draft.event.set_type(type);
  draft.event.set_change(std::string(KindOf(change)));
  draft.event.set_change_digest(digest);
  draft.actor.emplace();
  draft.actor->set_principal(principal);
  draft.actor->set_certificate(certificate);
  return context.AddEntry(draft);
}

std::string AdminPrincipal(const Administrator& administrator) {
  return PrincipalName(options::v1::CALLER_ADMIN, administrator.id);
}

// What an earlier request with this id led to; nothing when the id is free.
absl::StatusOr<std::optional<ChangeOutcome>> Repeated(CommitContext& context, const std::string& principal,
                                                      const std::string& request_id, const std::string& digest) {
  ACCORD_ASSIGN_OR_RETURN(const auto request,
                          Read<storage::v1::StoredRequest>(context, kFamilyRequest, RequestKey(principal, request_id)));
  if (!request.has_value()) return std::nullopt;
  if (request->digest() != digest) {
    return Error(Reason::kRequestIdReused, "the request id was used with other content",
                 {{"first_digest", ToHex(request->digest())}});
  }
  ACCORD_ASSIGN_OR_RETURN(auto stored,
                          Read<storage::v1::StoredChange>(context, kFamilyChange, KeyU64(request->change())));
  if (!stored.has_value()) return Error(Reason::kStoreCorrupt, "a request names a change that is not there");
  return ChangeOutcome{request->change(), *std::move(stored), request->index(), true};
}

void PutRequest(CommitContext& context, const std::string& principal, const std::string& request_id,
                const std::string& digest, const ChangeOutcome& outcome) {
  storage::v1::StoredRequest request;
  request.set_digest(digest);
  request.set_index(outcome.index);
  request.set_change(outcome.number);
  context.Put(kFamilyRequest, RequestKey(principal, request_id), request.SerializeAsString());
}

// Two active administrators must remain, or nobody could approve anything again.
absl::Status CheckAdministratorsRemain(const Change& change, const DirectorySnapshot& directory) {
  if (change.change_case() != Change::kPutOfficer || change.put_officer().inspector() ||
      change.put_officer().active()) {
    return absl::OkStatus();
  }
  if (directory.ActiveAdministrators(change.put_officer().id()) >= 2) return absl::OkStatus();
  return Error(Reason::kFieldInvalid, "two active administrators must remain; enrol another first",
               {{"field", "put_officer.active"}});
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
    case Change::CHANGE_NOT_SET: break;
  }
  return "";
}

absl::Status ValidateChange(const Change& change, const ChangeRules& rules) {
  if (const ChangeHandler* handler = HandlerOf(change, rules); handler != nullptr) return handler->Validate(change);
  ACCORD_RETURN_IF_ERROR(ValidateInItself(change, rules));
  const auto directory = rules.directory.Get();
  if (change.has_put_agency()) return ValidateAmongOthers(change.put_agency().agency(), *directory);
  if (change.has_put_conflict_list()) return ValidateConflictList(change.put_conflict_list(), *directory);
  if (change.has_put_forum()) return ValidateForumAmongOthers(change.put_forum().forum(), *directory);
  return CheckAdministratorsRemain(change, *directory);
}

ProposeChangeCommand::ProposeChangeCommand(const ChangeRules& rules, Administrator administrator,
                                           std::string request_id, Change change, ChangeDone done)
    : rules_(rules), administrator_(std::move(administrator)), request_id_(std::move(request_id)),
      change_(Kept(std::move(change), rules)),
      digest_(crypto::Sha256(change_.SerializeAsString())),
      done_(std::move(done)) {}

absl::Status ProposeChangeCommand::Apply(CommitContext& context) {
  const std::string principal = AdminPrincipal(administrator_);
  ACCORD_ASSIGN_OR_RETURN(auto repeated, Repeated(context, principal, request_id_, digest_));
  if (repeated.has_value()) {
    outcome_ = *std::move(repeated);
    return absl::OkStatus();
  }
  ACCORD_RETURN_IF_ERROR(ValidateChange(change_, rules_));
  if (const ChangeHandler* handler = HandlerOf(change_, rules_); handler != nullptr) {
    ACCORD_RETURN_IF_ERROR(handler->Check(change_, context));
  }
  if (IsPolicyChange(change_)) ACCORD_RETURN_IF_ERROR(CheckPolicyChange(change_, rules_.policy(), context));
  ACCORD_ASSIGN_OR_RETURN(outcome_.number, NextChangeNumber(context));
  auto& stored = outcome_.stored;
  *stored.mutable_change() = change_;
  stored.set_digest(digest_);
  stored.set_proposed_by(administrator_.id);
  stored.set_proposed_at_ms(absl::ToUnixMillis(context.now()));
  context.Put(kFamilyChange, KeyU64(outcome_.number), stored.SerializeAsString());
  ACCORD_ASSIGN_OR_RETURN(outcome_.index, AddChangeEntry(context, type::v1::EVENT_TYPE_CHANGE_PROPOSED, change_,
                                                         digest_, principal, administrator_.certificate));
  PutRequest(context, principal, request_id_, digest_, outcome_);
  return absl::OkStatus();
}

void ProposeChangeCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (outcome.ok()) return std::move(done_)(std::move(outcome_));
  std::move(done_)(outcome.status());
}

ApproveChangeCommand::ApproveChangeCommand(const ChangeRules& rules, Administrator administrator,
                                           std::string request_id, uint64_t number, ChangeDone done)
    : rules_(rules), administrator_(std::move(administrator)), request_id_(std::move(request_id)), number_(number),
      digest_(crypto::Sha256({"accord/approval/v1", std::string_view("\0", 1), KeyU64(number)})),
      done_(std::move(done)) {}

absl::Status ApproveChangeCommand::Apply(CommitContext& context) {
  const std::string principal = AdminPrincipal(administrator_);
  ACCORD_ASSIGN_OR_RETURN(auto repeated, Repeated(context, principal, request_id_, digest_));
  if (repeated.has_value()) {
    outcome_ = *std::move(repeated);
    return absl::OkStatus();
  }
  ACCORD_ASSIGN_OR_RETURN(auto stored, Read<storage::v1::StoredChange>(context, kFamilyChange, KeyU64(number_)));
  if (!stored.has_value()) {
    return Error(Reason::kChangeNotFound, "no such proposed change", {{"change", fmt::format("{}", number_)}});
  }
  if (!stored->approved_by().empty()) {
    return Error(Reason::kTransitionIllegal, "the change is in force already", {{"state", "approved"}});
  }
  if (stored->proposed_by() == administrator_.id) {
    return Error(Reason::kSelfApproval, "another administrator must approve it",
                 {{"proposed_by", stored->proposed_by()}});
  }
  ACCORD_RETURN_IF_ERROR(ValidateChange(stored->change(), rules_));
  outcome_.number = number_;
  outcome_.stored = *std::move(stored);
  outcome_.stored.set_approved_by(administrator_.id);
  outcome_.stored.set_approved_at_ms(absl::ToUnixMillis(context.now()));
  Epochs epochs = context.epochs();
  if (const ChangeHandler* handler = HandlerOf(outcome_.stored.change(), rules_); handler != nullptr) {
    type::v1::EntryActor actor;
    actor.set_principal(principal);
    actor.set_certificate(administrator_.certificate);
    ACCORD_RETURN_IF_ERROR(handler->Write(number_, outcome_.stored, actor, context));
  } else {
    ACCORD_RETURN_IF_ERROR(WriteChange(outcome_.stored.change(), number_, rules_, context, epochs));
  }
  context.Put(kFamilyChange, KeyU64(number_), outcome_.stored.SerializeAsString());
  ACCORD_ASSIGN_OR_RETURN(outcome_.index,
                          AddChangeEntry(context, type::v1::EVENT_TYPE_CHANGE_APPROVED, outcome_.stored.change(),
                                         outcome_.stored.digest(), principal, administrator_.certificate));
  PutRequest(context, principal, request_id_, digest_, outcome_);
  context.MoveEpochs(epochs);
  return absl::OkStatus();
}

void ApproveChangeCommand::Published() {
  if (outcome_.repeated) return;
  if (const ChangeHandler* handler = HandlerOf(outcome_.stored.change(), rules_); handler != nullptr) {
    handler->Published(number_, outcome_.stored);
  }
}

void ApproveChangeCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (outcome.ok()) return std::move(done_)(std::move(outcome_));
  std::move(done_)(outcome.status());
}

absl::Status ValidateImport(std::span<const std::string> administrators, std::span<const Change> changes,
                            const ChangeRules& rules) {
  if (administrators.size() != 2 || administrators[0] == administrators[1]) {
    return Error(Reason::kFieldInvalid, "a log opens with two different administrators", {{"field", "administrators"}});
  }
  for (const std::string& id : administrators) {
    admin::v1::PutOfficer officer;
    officer.set_id(id);
    ACCORD_RETURN_IF_ERROR(ValidateOfficer(officer));
  }
  // Agencies may name each other and come in any order, so they are judged together.
  std::set<std::string> ids, forums;
  std::map<std::string, std::string> key_owners;
  for (const Change& change : changes) {
    if (!change.has_put_agency()) {
      ACCORD_RETURN_IF_ERROR(ValidateInItself(change, rules));
      const std::string& forum = change.put_forum().forum().id();
      if (!change.has_put_forum() || forums.insert(forum).second) continue;
      return Error(Reason::kFieldInvalid, fmt::format("forum {} is imported twice", forum), {{"field", "forum.id"}});
    }
    const auto& agency = change.put_agency().agency();
    const auto about = [&](const absl::Status& status) {
      return ErrorWith(DetailOf(status), fmt::format("agency {}: {}", agency.id(), FromAbsl(status.message())));
    };
    if (const absl::Status status = ValidateInItself(change, rules); !status.ok()) return about(status);
    if (!ids.insert(agency.id()).second) {
      return about(Error(Reason::kFieldInvalid, "is imported twice", {{"field", "agency.id"}}));
    }
    ACCORD_ASSIGN_OR_RETURN(const auto sealing, crypto::Certificate::FromDer(agency.sealing_certificate()));
    const auto [owner, is_new] = key_owners.emplace(sealing.subject_key_id(), agency.id());
    if (!is_new) {
      return about(Error(Reason::kFieldInvalid, fmt::format("its sealing key is that of agency {}", owner->second),
                         {{"field", "agency.sealing_certificate"}}));
    }
  }
  for (const Change& change : changes) {
    for (const std::string& member : change.put_forum().forum().members()) {
      if (ids.contains(member)) continue;
      return Error(Reason::kFieldInvalid, fmt::format("forum {} has member {}, which is not imported", change.put_forum().forum().id(), member),
                   {{"field", "forum.members"}});
    }
    const auto& agency = change.put_agency().agency();
    for (const std::string& id : {agency.deputy(), agency.duty_recipient()}) {
      if (id.empty() || (id != agency.id() && ids.contains(id))) continue;
      return Error(Reason::kFieldInvalid, fmt::format("agency {} names {} to stand in, which is not imported", agency.id(), id),
                   {{"field", "agency.deputy"}});
    }
  }
  return absl::OkStatus();
}

OpenLogCommand::OpenLogCommand(const ChangeRules& rules, std::string origin, std::string vkey,
                               std::vector<std::string> administrators, std::vector<Change> changes,
                               OpenLogDone done)
    : rules_(rules), origin_(std::move(origin)), vkey_(std::move(vkey)), administrators_(std::move(administrators)),
      changes_(std::move(changes)), done_(std::move(done)) {}

absl::Status OpenLogCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(const auto opened, context.Get(kFamilyMeta, kMetaAdministrationChain));
  if (opened.has_value()) return absl::FailedPreconditionError("the log is open already");
  ACCORD_RETURN_IF_ERROR(ValidateImport(administrators_, changes_, rules_));

  EntryDraft first;
  ACCORD_ASSIGN_OR_RETURN(std::string chain, AdministrationChain(context));
  first.chains.push_back(std::move(chain));
  first.event.set_type(type::v1::EVENT_TYPE_LOG_OPENED);
  first.event.set_origin(origin_);
  first.event.set_log_vkey(vkey_);
  first.event.set_change(fmt::format("{},{}", administrators_[0], administrators_[1]));
  first.actor.emplace();
  first.actor->set_principal("broker");
  ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(first));
  if (index != 0) return absl::FailedPreconditionError("the log has entries");

  Epochs epochs = context.epochs();
  for (const std::string& id : administrators_) {
    Change change;
    change.mutable_put_officer()->set_id(id);
    change.mutable_put_officer()->set_active(true);
    ACCORD_RETURN_IF_ERROR(WriteChange(change, 0, rules_, context, epochs));
  }

  for (const Change& change : changes_) {
    storage::v1::StoredChange stored;
    *stored.mutable_change() = change;
    stored.set_digest(crypto::Sha256(change.SerializeAsString()));
    stored.set_proposed_by("broker");
    stored.set_approved_by("broker");
    stored.set_proposed_at_ms(absl::ToUnixMillis(context.now()));
    stored.set_approved_at_ms(absl::ToUnixMillis(context.now()));
    ACCORD_ASSIGN_OR_RETURN(const uint64_t number, NextChangeNumber(context));
    ACCORD_RETURN_IF_ERROR(WriteChange(change, number, rules_, context, epochs));
    context.Put(kFamilyChange, KeyU64(number), stored.SerializeAsString());
    ACCORD_RETURN_IF_ERROR(AddChangeEntry(context, type::v1::EVENT_TYPE_CHANGE_APPROVED, change, stored.digest(),
                                          "broker", "").status());
  }
  context.MoveEpochs(epochs);
  return absl::OkStatus();
}

}  // namespace accord::broker

#include "services/broker/directory/open_log.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/change_parts.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/validation.h"
#include "services/broker/sequencer/chains.h"

namespace accord::broker {

using admin::v1::Change;

absl::Status ValidateImport(std::span<const std::string> administrators, std::span<const Change> changes,
                            const ChangeRules& rules) {
  if (administrators.size() != 2 || administrators[0] == administrators[1]) {
    return Error(Reason::kFieldInvalid, "a log opens with two different administrators", {{"field", "administrators"}});
  }
  for (const std::string& id : administrators) {
    admin::v1::PutOfficer officer;
    officer.set_id(id);
    ACCORD_RETURN_IF_ERROR(ValidateOfficer(officer, rules.trust_domain));
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
    stored.set_in_force(true);
    ACCORD_ASSIGN_OR_RETURN(const uint64_t number, NextChangeNumber(context));
    ACCORD_RETURN_IF_ERROR(WriteChange(change, number, rules_, context, epochs));
    context.Put(kFamilyChange, KeyU64(number), stored.SerializeAsString());
    ACCORD_RETURN_IF_ERROR(AddChangeEntry(context, type::v1::EVENT_TYPE_CHANGE_APPROVED, stored, "broker", "").status());
  }
  context.MoveEpochs(epochs);
  return absl::OkStatus();
}

}  // namespace accord::broker

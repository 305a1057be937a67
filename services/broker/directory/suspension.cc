#include "services/broker/directory/suspension.h"

#include <fmt/format.h>

#include <utility>

#include "accord/storage/v1/inspection.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/change_parts.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/requests.h"
#include "services/broker/directory/roles.h"
#include "services/broker/sequencer/chains.h"

namespace accord::broker {
namespace {

std::string AskedDigest(std::string_view principal, admin::v1::SuspensionReason reason) {
  return crypto::Sha256({"accord/suspension/v1", std::string_view("\0", 1), principal, std::string_view("\0", 1),
                         admin::v1::SuspensionReason_Name(reason)});
}

// Its kind, from the name; unspecified when it is none.
options::v1::Caller KindOfName(std::string_view principal, std::string_view& id) {
  const size_t slash = principal.find('/');
  if (slash == std::string_view::npos) return options::v1::CALLER_UNSPECIFIED;
  id = principal.substr(slash + 1);
  for (const auto kind : {options::v1::CALLER_AGENCY, options::v1::CALLER_ADMIN, options::v1::CALLER_INSPECTOR}) {
    if (IsAgencyId(id) && PrincipalName(kind, id) == principal) return kind;
  }
  return options::v1::CALLER_UNSPECIFIED;
}

}  // namespace

bool IsInDirectory(const DirectorySnapshot& directory, std::string_view principal) {
  std::string_view id;
  switch (KindOfName(principal, id)) {
    case options::v1::CALLER_AGENCY: return directory.FindAgency(id) != nullptr;
    case options::v1::CALLER_ADMIN: return directory.FindOfficer(false, id) != nullptr;
    case options::v1::CALLER_INSPECTOR: return directory.FindOfficer(true, id) != nullptr;
    default: return false;
  }
}

SuspensionCommand::SuspensionCommand(const DirectoryHolder& directory, Administrator administrator, std::string request_id,
                                     std::string principal, admin::v1::SuspensionReason reason, SuspensionTold told, SuspensionDone done)
    : directory_(directory), administrator_(std::move(administrator)), request_id_(std::move(request_id)), principal_(std::move(principal)),
      reason_(reason), digest_(AskedDigest(principal_, reason)), told_(std::move(told)), done_(std::move(done)) {}

absl::Status SuspensionCommand::Check(const DirectorySnapshot& directory) const {
  std::string_view id;
  const auto kind = KindOfName(principal_, id);
  if (kind == options::v1::CALLER_UNSPECIFIED) {
    return Error(Reason::kFieldInvalid, "principal: agency/{id}, admin/{id} or inspector/{id} is needed", {{"field", "principal"}});
  }
  if (kind == options::v1::CALLER_ADMIN && id == administrator_.id) {
    return Error(Reason::kFieldInvalid, "principal: another officer must do this to you", {{"field", "principal"}});
  }
  if (!IsInDirectory(directory, principal_)) {
    return Error(Reason::kPrincipalNotFound, fmt::format("{} is not enrolled", principal_), {{"principal", principal_}});
  }
  if (lets_in() || kind != options::v1::CALLER_ADMIN) return absl::OkStatus();
  return CheckAdministrationRemains(directory, id, nullptr);
}

absl::Status SuspensionCommand::Apply(CommitContext& context) {
  const std::string officer = PrincipalName(options::v1::CALLER_ADMIN, administrator_.id);
  ACCORD_ASSIGN_OR_RETURN(const auto repeated, FirstRequest(context, officer, request_id_, digest_));
  if (repeated.has_value()) {
    index_ = repeated->index();
    return absl::OkStatus();
  }
  const auto directory = directory_.Get();
  ACCORD_RETURN_IF_ERROR(CheckActing(*directory, administrator_.id));
  ACCORD_RETURN_IF_ERROR(Check(*directory));
  ACCORD_ASSIGN_OR_RETURN(const auto standing, ReadRow<storage::v1::StoredSuspension>(context, kFamilySuspension, principal_));
  if (lets_in() && !standing.has_value()) {
    return Error(Reason::kTransitionIllegal, fmt::format("{} is not suspended", principal_), {{"state", "not suspended"}});
  }
  if (standing.has_value() && standing->reason() == reason_) {
    index_ = standing->index();
    return absl::OkStatus();
  }
  EntryDraft draft;
  ACCORD_ASSIGN_OR_RETURN(std::string chain, AdministrationChain(context));
  draft.chains.push_back(std::move(chain));
  draft.event.set_type(lets_in() ? type::v1::EVENT_TYPE_PRINCIPAL_REINSTATED : type::v1::EVENT_TYPE_PRINCIPAL_SUSPENDED);
  draft.event.set_concerns(principal_);
  if (!lets_in()) draft.event.set_why(admin::v1::SuspensionReason_Name(reason_));
  auto& actor = draft.actor.emplace();
  actor.set_principal(officer);
  actor.set_certificate(administrator_.certificate);
  ACCORD_ASSIGN_OR_RETURN(index_, context.AddEntry(draft));
  if (lets_in()) {
    context.Delete(kFamilySuspension, principal_);
  } else {
    storage::v1::StoredSuspension stored;
    stored.set_reason(reason_);
    stored.set_suspended_by(administrator_.id);
    stored.set_suspended_at_ms(absl::ToUnixMillis(context.now()));
    stored.set_index(index_);
    context.Put(kFamilySuspension, principal_, stored.SerializeAsString());
  }
  KeepRequest(context, officer, request_id_, digest_, index_);
  Epochs epochs = context.epochs();
  ++epochs.directory;
  context.MoveEpochs(epochs);
  act_ = {principal_, reason_, context.now(), index_};
  acted_ = true;
  return absl::OkStatus();
}

void SuspensionCommand::Published() {
  if (acted_) told_(act_);
}

void SuspensionCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(index_);
}

}  // namespace accord::broker

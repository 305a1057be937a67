#include "services/broker/directory/maintenance.h"

#include <absl/time/time.h>

#include <map>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/change_parts.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/requests.h"
#include "services/broker/sequencer/chains.h"

namespace accord::broker {

absl::StatusOr<std::optional<storage::v1::StoredMaintenance>> MaintenanceUnderWay(PlainReader read) {
  ACCORD_ASSIGN_OR_RETURN(const auto row, read(kFamilyMeta, kMetaMaintenanceKey));
  if (!row.has_value()) return std::nullopt;
  storage::v1::StoredMaintenance stored;
  if (!stored.ParseFromString(*row)) return Error(Reason::kStoreCorrupt, "the maintenance under way does not parse");
  return stored;
}

absl::Status CheckNoMaintenance(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(const auto under_way, MaintenanceUnderWay(PlainReaderOf(context)));
  if (!under_way.has_value()) return absl::OkStatus();
  ErrorDetail detail{.reason = Reason::kMaintenance, .metadata = {{"retry_after_ms", fmt::format("{}", kMaintenanceRetryAfterMs)}}};
  if (under_way->until_ms() == 0) return ErrorWith(detail, "the broker is under maintenance; what is not IMMEDIATE is taken afterwards");
  const std::string until = absl::FormatTime(absl::RFC3339_sec, absl::FromUnixMillis(under_way->until_ms()), absl::UTCTimeZone());
  detail.metadata["until"] = until;
  return ErrorWith(detail, fmt::format("the broker is under maintenance until about {}; what is not IMMEDIATE is taken afterwards", until));
}

SetMaintenanceCommand::SetMaintenanceCommand(const DirectoryHolder& directory, Administrator administrator, std::string request_id, bool on,
                                             int64_t until_ms, MaintenanceDone done)
    : directory_(directory), administrator_(std::move(administrator)), request_id_(std::move(request_id)), on_(on), until_ms_(until_ms),
      done_(std::move(done)) {}

absl::Status SetMaintenanceCommand::Apply(CommitContext& context) {
  const std::string officer = PrincipalName(options::v1::CALLER_ADMIN, administrator_.id);
  const std::string digest = crypto::Sha256({"accord/maintenance/v1", std::string_view("\0", 1), on_ ? "on" : "off",
                                             KeyU64(static_cast<uint64_t>(until_ms_))});
  ACCORD_ASSIGN_OR_RETURN(const auto repeated, FirstRequest(context, officer, request_id_, digest));
  if (repeated.has_value()) {
    index_ = repeated->index();
    return absl::OkStatus();
  }
  ACCORD_RETURN_IF_ERROR(CheckActing(*directory_.Get(), administrator_.id));
  if (until_ms_ != 0 && (!on_ || until_ms_ <= absl::ToUnixMillis(context.now()))) {
    return Error(Reason::kFieldInvalid, on_ ? "until_ms is not in the future" : "until_ms goes with a beginning", {{"field", "until_ms"}});
  }
  ACCORD_ASSIGN_OR_RETURN(const auto standing, MaintenanceUnderWay(PlainReaderOf(context)));
  if (!on_ && !standing.has_value()) return Error(Reason::kTransitionIllegal, "no maintenance is under way", {{"state", "off"}});
  if (on_ && standing.has_value() && standing->until_ms() == until_ms_) {
    index_ = standing->index();
    return absl::OkStatus();
  }
  EntryDraft draft;
  ACCORD_ASSIGN_OR_RETURN(std::string chain, AdministrationChain(context));
  draft.chains.push_back(std::move(chain));
  draft.event.set_type(type::v1::EVENT_TYPE_MAINTENANCE_SET);
  draft.event.set_maintenance(on_);
  auto& actor = draft.actor.emplace();
  actor.set_principal(officer);
  actor.set_certificate(administrator_.certificate);
  ACCORD_ASSIGN_OR_RETURN(index_, context.AddEntry(draft));
  if (on_) {
    storage::v1::StoredMaintenance stored;
    stored.set_since_ms(standing.has_value() ? standing->since_ms() : absl::ToUnixMillis(context.now()));
    stored.set_until_ms(until_ms_);
    stored.set_index(index_);
    context.Put(kFamilyMeta, kMetaMaintenanceKey, stored.SerializeAsString());
  } else {
    context.Delete(kFamilyMeta, kMetaMaintenanceKey);
  }
  KeepRequest(context, officer, request_id_, digest, index_);
  return absl::OkStatus();
}

void SetMaintenanceCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(index_);
}

}  // namespace accord::broker

#include "services/broker/warrants/query_entry.h"

#include <absl/time/time.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/chains.h"
#include "services/broker/warrants/warrant_states.h"

namespace accord::broker {
namespace {

using storage::v1::StoredWarrant;

constexpr size_t kChainsOfEntryMax = 4;  // Of a leaf (docs/formats.md).

absl::StatusOr<StoredWarrant> WarrantInForce(CommitContext& context, const std::string& id) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyWarrant, id));
  if (!bytes.has_value()) return Error(Reason::kWarrantNotFound, "there is no such warrant");
  StoredWarrant stored;
  if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored warrant does not parse");
  ACCORD_RETURN_IF_ERROR(CheckInForce(stored, context.now()));
  return stored;
}

// Adds the cases to those drawn under the warrant. One that is drawn again counts once.
absl::Status AddSampled(const std::vector<std::string>& cases, StoredWarrant& stored) {
  if (cases.empty()) return absl::OkStatus();
  std::set<std::string> drawn(stored.sampled().begin(), stored.sampled().end());
  for (const std::string& pseudonym : cases) {
    if (drawn.insert(pseudonym).second) stored.add_sampled(pseudonym);
  }
  const uint32_t limit = stored.warrant().scope().sample_cases_max();
  if (limit == 0 || drawn.size() <= limit) return absl::OkStatus();
  // Not how many: of a sample larger than there are cases that would be how many there are.
  return Error(Reason::kWarrantScope, "more cases would be drawn under the warrant in all than it allows", {{"dimension", "sample"}});
}

void PutLooks(const QueryEntry& query, const StoredWarrant& stored, uint64_t index, CommitContext& context) {
  storage::v1::StoredLook look;
  look.set_warrant(stored.warrant().id());
  look.set_event(query.draft.event.type());
  look.set_question(query.draft.event.question());
  look.set_time_ms(absl::ToUnixMillis(context.now()));
  const int64_t visible_from_ms = std::max(stored.warrant().embargo_until_ms(), look.time_ms());
  for (const LookedAt& viewer : query.looked_at) {
    look.set_party(viewer.party);
    context.Put(kFamilyWarrantIndex, LookKey(viewer.agency, viewer.desk, visible_from_ms, index), look.SerializeAsString());
  }
}

absl::StatusOr<uint64_t> RecordOneQuery(CommitContext& context, const QueryEntry& query) {
  if (!query.draft.event.warrant().empty()) return RecordUnderWarrant(context, query);
  EntryDraft draft = query.draft;
  if (draft.chains.empty()) {
    ACCORD_ASSIGN_OR_RETURN(std::string chain, PrincipalChain(context, query.principal));
    draft.chains.push_back(std::move(chain));
  }
  return context.AddEntry(draft);
}

}  // namespace

QueryEntry QueryEntryOf(const Caller& caller, const Scope& scope, type::v1::EventType type, std::string_view method, std::string_view purpose) {
  QueryEntry query;
  query.principal = caller.principal;
  query.draft.event.set_type(type);
  query.draft.event.set_method(std::string(method));
  query.draft.event.set_purpose(std::string(purpose));
  query.draft.event.set_warrant(scope.warrant_id());
  query.draft.actor = ActorOf(caller);
  return query;
}

std::set<LookedAt> LookedAtUnder(const Scope& scope, const DirectorySnapshot& directory, const std::set<std::string>& named) {
  if (scope.warrant_id().empty()) return {};
  const auto& covered = scope.warrant().scope();
  if (covered.agencies().empty() && covered.areas().empty()) return {LookedAt{}};
  std::set<std::string> agencies = named;
  agencies.insert(covered.agencies().begin(), covered.agencies().end());
  const std::set<std::string> areas(covered.areas().begin(), covered.areas().end());
  std::set<LookedAt> found;
  for (const auto& [id, row] : directory.agencies()) {
    const auto& own = row.agency.areas();
    const bool there = std::any_of(own.begin(), own.end(), [&](const std::string& area) { return areas.contains(area); });
    if (there || agencies.contains(id)) found.insert(LookedAt{.agency = id});
  }
  return found;
}

absl::StatusOr<uint64_t> RecordUnderWarrant(CommitContext& context, const QueryEntry& query) {
  ACCORD_ASSIGN_OR_RETURN(StoredWarrant stored, WarrantInForce(context, query.draft.event.warrant()));
  return RecordOfWarrant(context, std::move(stored), query);
}

absl::StatusOr<uint64_t> RecordOfWarrant(CommitContext& context, StoredWarrant stored, const QueryEntry& query) {
  ACCORD_RETURN_IF_ERROR(AddSampled(query.sampled, stored));
  EntryDraft draft = query.draft;
  if (draft.chains.size() >= kChainsOfEntryMax) draft.chains.resize(kChainsOfEntryMax - 1);
  draft.chains.push_back(stored.chain());
  ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(draft));
  PutLooks(query, stored, index, context);
  if (!query.sampled.empty()) context.Put(kFamilyWarrant, stored.warrant().id(), stored.SerializeAsString());
  return index;
}

absl::Status RecordQueryCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(index_, RecordOneQuery(context, query_));
  if (query_.others.empty()) return absl::OkStatus();
  QueryEntry other = query_;
  // Told once, of the first.
  other.looked_at.clear();
  other.sampled.clear();
  for (const std::string& chain : query_.others) {
    other.draft.chains = {chain};
    ACCORD_RETURN_IF_ERROR(RecordOneQuery(context, other).status());
  }
  return absl::OkStatus();
}

void RecordQueryCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(index_);
}

}  // namespace accord::broker

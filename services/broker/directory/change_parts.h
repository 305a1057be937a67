// What the commands of changes.h, suspension.h and maintenance.h, and requests.h, are made of. Not for others.
//
// All functions are of the sequencer thread but those marked.
#pragma once

#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/status.h"
#include "services/broker/directory/changes.h"

namespace accord::broker {

template <typename Message>
absl::StatusOr<std::optional<Message>> ReadRow(CommitContext& context, std::string_view family, std::string_view key) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(family, key));
  if (!bytes.has_value()) return std::nullopt;
  Message message;
  if (!message.ParseFromString(*bytes)) {
    return Error(Reason::kStoreCorrupt, fmt::format("a row of family {} does not parse", family));
  }
  return message;
}

// OK while the administrator is active and not suspended: what it asked for may have waited since it was. PRINCIPAL_UNKNOWN. Thread-safe.
absl::Status CheckActing(const DirectorySnapshot& directory, std::string_view administrator);

// Whose the change is; null when it is the directory's, or nobody's. Thread-safe.
const ChangeHandler* HandlerOf(const admin::v1::Change& change, const ChangeRules& rules);

// Everything of a change that the directory alone judges, but how an agency stands to the others. Thread-safe.
absl::Status ValidateInItself(const admin::v1::Change& change, const ChangeRules& rules);

// What a change is put in place of, such as "agency/police"; empty for those that replace nothing. Thread-safe.
std::string TargetOf(const admin::v1::Change& change);
// "put/" ‖ target, in family `meta`: u64 number of the newest change of it that came into force. Absent: none has since this is kept.
std::string PutKey(std::string_view target);

// OK unless it makes an agency active that has left: the record names it for what it was, and who comes back has another id. TRANSITION_ILLEGAL;
// errors of `context`.
absl::Status CheckNotLeft(const admin::v1::Agency& agency, CommitContext& context);
// True when `change`, proposed then, would undo another of the same target that was approved at `approved_at_ms` and is in force before it: whoever proposed it did
// not know of that. Who leaves takes the row as it stands. Pure. Thread-safe.
bool WouldUndo(const admin::v1::Change& change, int64_t proposed_at_ms, int64_t approved_at_ms);
// OK unless another change of the same target was approved after change `number`, which is `stored`, had been proposed, and came into force. A change
// replaces all of its target: it would undo what neither who proposed it nor, if it waits for its time, who approved it had seen. TRANSITION_ILLEGAL;
// errors of `context`.
absl::Status CheckNotReplaced(uint64_t number, const storage::v1::StoredChange& stored, CommitContext& context);
// OK unless `administrator`, who `did` something to a change that waits, such as "proposed", is suspended now. TRANSITION_ILLEGAL. Thread-safe.
absl::Status CheckNotSuspended(const DirectorySnapshot& directory, const std::string& administrator, std::string_view did);

// Writes what `change`, which no handler has, says and moves in `epochs` what it moves. Errors refuse it.
absl::Status WriteChange(const admin::v1::Change& change, uint64_t number, const ChangeRules& rules, CommitContext& context, Epochs& epochs);

// The number of a new change, which is then taken.
absl::StatusOr<uint64_t> NextChangeNumber(CommitContext& context);

// An entry about a change, on the administration chain. `certificate` is empty for the broker itself.
absl::StatusOr<uint64_t> AddChangeEntry(CommitContext& context, type::v1::EventType type, const storage::v1::StoredChange& stored,
                                        const std::string& principal, const std::string& certificate);

}  // namespace accord::broker

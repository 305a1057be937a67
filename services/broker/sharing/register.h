// The register of sharing: how each referral was shared with each of its recipients, or that it was not (docs/sharing.md).
//
// Written when a referral is stored and never changed: what was decided then stays counted, whatever is reviewed, corrected or recalled
// later. Only erasure takes rows out.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "common/referral/header.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

// One recipient's row to be.
struct SharingMade {
  std::string recipient;
  type::v1::SharingClass sharing_class = type::v1::SHARING_CLASS_UNSPECIFIED;
};

// How `section_ids` of `parts`, which it is permitted, are shared with `recipient`, an agency of `kind`: the widest class of any of
// them. REQUIRES: at least one section. Pure. Thread-safe.
type::v1::SharingClass ClassOf(const referral::HeaderParts& parts, std::span<const type::v1::SectionDecision> decisions,
                               const std::string& recipient, type::v1::AgencyKind kind, const std::set<std::string>& section_ids);

// Enters `made` for a referral that is being stored. Sequencer thread.
absl::Status EnterSharing(CommitContext& context, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                          const type::v1::HeaderCore& core, const std::vector<SharingMade>& made);

// The rows of a referral, as keys of family `sharing`, for its erasure. Sequencer thread.
absl::StatusOr<std::vector<std::string>> SharingKeysOf(CommitContext& context, const storage::v1::StoredReferral& stored,
                                                       const referral::OpenedHeader& header);
// The administrators' key that belongs to a sender's; nothing when it is no sender's. Thread-safe.
std::optional<std::string> AdministratorsSharingKey(std::string_view senders_key);

// Which rows.
struct SharingQuery {
  std::string viewer;                                                             // A sender; empty: administrators, who see all.
  type::v1::SharingClass sharing_class = type::v1::SHARING_CLASS_UNSPECIFIED;      // Unspecified: any.
  int64_t from_ms = 0, until_ms = 0;                                              // Stored in [from, until); 0: any.
};
// One row.
struct SharingRow {
  std::string sender;
  storage::v1::StoredSharing stored;
  uint64_t index = 0;  // Leaf index of its entry.
};
// A page of them.
struct SharingPage {
  std::vector<SharingRow> rows;
  std::string next;  // Position of the last that was looked at; empty on the last page.
};
// At most `rows_max` rows before `before`, the newest first; empty: from the newest on. An erased one is passed over. Reads rows_max + 1
// rows of each class that is asked for, and nothing else. Errors of `view`. Thread-safe.
absl::StatusOr<SharingPage> ReadSharing(const ReadView& view, const SharingQuery& query, std::string_view before, size_t rows_max);

inline constexpr uint64_t kSharingCountedMax = 1'000'000;  // Of each class: a count of as many says "or more".
// How many rows there are of each class that is asked for and has any. Thread-safe.
absl::StatusOr<std::map<type::v1::SharingClass, uint64_t>> CountSharing(const ReadView& view, const SharingQuery& query);

}  // namespace accord::broker

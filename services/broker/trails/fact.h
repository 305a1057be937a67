// What one entry of a referral says, as questions and audits are computed from it, and where it is kept beside the log (family `fact`,
// docs/storage.md): a question looks at thousands of referrals, each of some ten entries that lie anywhere in a long log.
//
// The log is the record. A fact that is kept was made of its entry by the same function that makes it when it is not.
//
// Thread-safe: all functions are pure but for what they read of the view.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker {

// Of an entry of `time_ms` that says `parts`; nothing when that was erased. Reads the statement, of an entry that is about one.
//   STORE_CORRUPT  the statement does not parse
//   errors of the view
absl::StatusOr<std::optional<storage::v1::StoredFact>> MakeFact(const ReadView& view, int64_t time_ms, EntryParts parts);

// The facts kept of the first `entries` entries of `chain`, by their number on it; those that are not kept are absent.
//   STORE_CORRUPT  one is not what was kept
//   errors of the view
absl::StatusOr<std::vector<std::optional<storage::v1::StoredFact>>> KeptFacts(const ReadView& view, std::string_view chain, size_t entries);

}  // namespace accord::broker

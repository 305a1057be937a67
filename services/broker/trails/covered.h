// How far what is written behind the log has come: the families `trail_index` and `fact` (docs/storage.md), each by its own place.
//
// Thread-safe as what is read.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string_view>

#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

// How many entries, from the first, the place in family `meta` under `key` names; 0 when it is absent. STORE_CORRUPT; errors of what is read.
absl::StatusOr<uint64_t> CoveredEntries(PlainReader read, std::string_view key);

// Of the families, as a ReadView or a CommitContext has them. Errors of CoveredEntries.
absl::StatusOr<uint64_t> TrailIndexed(auto&& from) { return CoveredEntries(PlainReaderOf(from), kMetaTrailIndexKey); }
absl::StatusOr<uint64_t> FactsKept(auto&& from) { return CoveredEntries(PlainReaderOf(from), kMetaFactKey); }

}  // namespace accord::broker

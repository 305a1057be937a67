// What a start does about the damaged end of a write-ahead log (design.md §5, WAL recovery).
//
// An ordinary power cut leaves a torn last record, which RocksDB drops by itself. It can also leave a hole or a page of
// zeros in what was not synced yet, at which RocksDB refuses to open. Since every batch is synced before the guard moves, and
// the guard before anything is answered, such damage lies behind everything that anybody was told. So a copy is opened that
// ends before the damage, and it takes the store's place only if it reaches the guard.
//
//   store                damaged                                damaged, set aside ──▶ store.damaged-<time>
//   store.adopting         └─▶ copy, opened, judged, recorded ─┐
//   store.adopted                                              └─▶ ready ───────────▶ store
//
// Whichever step a crash follows, the next start rolls back while the store stands in its place, and finishes when it does
// not. Nothing of the damaged store is ever deleted or written to.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/storage/rocks_store.h"
#include "services/broker/ledger/guard.h"

namespace accord::broker {

inline constexpr char kAdoptingSuffix[] = ".adopting", kAdoptedSuffix[] = ".adopted", kDamagedSuffix[] = ".damaged-";

// In their order; for tests that crash in between.
enum class AdoptionStep { kCopied, kJudged, kRecorded, kReady, kSetAside, kInPlace };

struct AdoptionOptions {
  std::function<void(AdoptionStep)> on_step;  // For tests.
};

// Opens the store in `directory` for writing, first finishing an adoption that a crash interrupted, and adopting its tail if it
// has to and may. `guard` is the guard's mark, whose lock the caller holds: nobody else opens this store meanwhile. What was
// adopted is under kMetaRecoveryPrefix for the first commit to record. Blocks; an adoption copies the logs.
//   DATA_LOSS (kStoreCorrupt)        damaged, and not in a way that may be adopted; says why. The store is as it was
//   UNAVAILABLE (kStoreUnavailable)  as of RocksStore::Open, or the copy could not be made
absl::StatusOr<std::unique_ptr<storage::RocksStore>> OpenOrAdopt(const std::string& directory,
                                                                 const std::vector<storage::FamilySpec>& families,
                                                                 const GuardMark& guard, const Clock& clock,
                                                                 const AdoptionOptions& options = {});

}  // namespace accord::broker

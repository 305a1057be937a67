// Published checkpoints with their cosignatures: what agencies witness, and what a receipt can be had at.
//
// The sequencer publishes (sequencer.h); the rows are kept for ever. An idle log publishes nothing anew: a note of the same
// tree would be the same bytes, for Ed25519 is deterministic. Instead the newest published one counts as published again every
// kRepublishInterval: witnesses cosign it again, with fresh time, and the newer line takes the place of the older.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

inline constexpr absl::Duration kRepublishInterval = absl::Minutes(10);
// Rows of cosignatures that one search for the newest witnessed checkpoint looks at, from the newest.
inline constexpr int kWitnessedRowsMax = 1024;

// As stored.
struct PublishedCheckpoint {
  uint64_t size = 0;
  std::string note;             // With the log's signature alone.
  int64_t published_at_ms = 0;  // 0: by a version that did not keep it.
};
struct KeptCosignature {
  std::string witness;
  std::string line;  // With its newline.
  int64_t received_at_ms = 0;
};

// Where a witness of the policy in force stands.
struct WitnessStanding {
  std::string name;
  uint64_t cosigned_size = 0;  // 0: none yet.
  int64_t cosigned_at_ms = 0;
  uint64_t checkpoints_behind = 0;
  bool behind = false;
};

// The witness policy in force (ledger::WitnessPolicy), as far as reading needs it. Thread-safe.
class Witnesses {
 public:
  virtual ~Witnesses() = default;
  // True when cosignatures of these meet the quorum. Names that are none of the policy's count for nothing.
  virtual bool Met(std::span<const std::string> witnesses) const = 0;
  // One for each witness. Errors of the store.
  virtual absl::StatusOr<std::vector<WitnessStanding>> Standings(const ReadView& view) const = 0;
};

// No policy: nothing is ever witnessed.
class NoWitnesses final : public Witnesses {
 public:
  bool Met(std::span<const std::string>) const override { return false; }
  absl::StatusOr<std::vector<WitnessStanding>> Standings(const ReadView&) const override {
    return std::vector<WitnessStanding>();
  }
};

// All below see only what is published within the view's tree: a batch that was shown to readers after the view was made may
// have published more. Errors of all: those of the store, STORE_CORRUPT. Thread-safe.

// The newest; nothing before the first.
absl::StatusOr<std::optional<PublishedCheckpoint>> NewestPublished(const ReadView& view);
// Of exactly `size`. CHECKPOINT_NOT_FOUND.
absl::StatusOr<PublishedCheckpoint> PublishedAt(const ReadView& view, uint64_t size);
// At most `limit` of sizes below `before`, or from the newest, descending.
absl::StatusOr<std::vector<PublishedCheckpoint>> ListPublished(const ReadView& view, std::optional<uint64_t> before, int limit);
// How many are larger than `size`; counts to `limit`.
absl::StatusOr<uint64_t> CountPublishedAfter(const ReadView& view, uint64_t size, uint64_t limit);
// The newest that meets the quorum of `policy`; nothing when there is none. Looks at the newest kWitnessedRowsMax cosignatures
// and at the checkpoint that NoteWitnessed noted.
absl::StatusOr<std::optional<PublishedCheckpoint>> NewestWitnessed(const ReadView& view, const Witnesses& policy);

// Of the published checkpoint of `size`, by witness.
absl::StatusOr<std::vector<KeptCosignature>> Cosignatures(const ReadView& view, uint64_t size);
std::vector<std::string> WitnessesOf(std::span<const KeptCosignature> cosignatures);
// The note with the lines below its own.
std::string JoinNote(const PublishedCheckpoint& published, std::span<const KeptCosignature> cosignatures);

// For the command that takes a cosignature: keeps `line`, which must be verified, in place of an older one of that witness
// and size. REQUIRES: the checkpoint is published.
void KeepCosignature(CommitContext& context, uint64_t size, std::string_view witness, std::string_view line);
// And once the quorum is met at `size`: notes it, unless a larger one is noted.
absl::Status NoteWitnessed(CommitContext& context, uint64_t size);

}  // namespace accord::broker

// Checkpoints (c2sp.org/tlog-checkpoint): the signed size and root of the log. Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/ledger/merkle.h"
#include "common/ledger/note.h"

namespace accord::ledger {

// What a checkpoint says.
struct Checkpoint {
  std::string origin;
  uint64_t size = 0;
  Hash root{};
  bool operator==(const Checkpoint&) const = default;
};

// Note text: origin, size, base64 of the root, a line each.
std::string FormatCheckpoint(const Checkpoint& checkpoint);
// Strict: no leading zeros, no empty extension line. RECEIPT_INVALID otherwise.
absl::StatusOr<Checkpoint> ParseCheckpoint(std::string_view text);

// The signed note; the key's name is the origin.
std::string SignCheckpoint(const Checkpoint& checkpoint, const crypto::Ed25519Signer& signer);

// A checkpoint that the log's key signed.
struct VerifiedCheckpoint {
  Checkpoint checkpoint;
  std::vector<std::string> cosigners;  // Those of `witnesses` that cosigned.
};
// Verifies `note` by the log's key, whose name must be the origin, and by those of `witnesses` that signed.
// RECEIPT_INVALID otherwise.
absl::StatusOr<VerifiedCheckpoint> VerifyCheckpoint(std::string_view note, const Vkey& log,
                                                    std::span<const Vkey> witnesses = {});

}  // namespace accord::ledger

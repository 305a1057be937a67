// Receipts: c2sp.org/tlog-proof@v1 with the leaf in the `extra` line (docs/formats.md §6). Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/ledger/checkpoint.h"
#include "common/ledger/leaf.h"
#include "common/ledger/merkle.h"

namespace accord::ledger {

inline constexpr size_t kReceiptBytesMax = 128u << 10;

// As parsed; nothing of it is verified.
struct TlogProof {
  std::string extra;  // The leaf, decoded.
  uint64_t index = 0;
  Path path;               // From leaf to root.
  std::string checkpoint;  // Signed note, verbatim.
};

std::string FormatTlogProof(const TlogProof& proof);
// RECEIPT_INVALID, with what is wrong, unless formatting the result gives `text` again.
absl::StatusOr<TlogProof> ParseTlogProof(std::string_view text);

// A receipt that verifies.
struct VerifiedReceipt {
  uint64_t index = 0;
  std::string leaf_bytes;
  Leaf leaf;
  Checkpoint checkpoint;
  std::vector<std::string> cosigners;
};
// Verifies signature, inclusion and leaf. Size and root are taken from the signed checkpoint alone, and the leaf
// must be of the same origin. RECEIPT_INVALID otherwise, with what is wrong.
absl::StatusOr<VerifiedReceipt> VerifyReceipt(std::string_view text, const Vkey& log,
                                              std::span<const Vkey> witnesses = {});

}  // namespace accord::ledger

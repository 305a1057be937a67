// Whether a receipt file proves its entry, and what its openings say of it.
#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/commitment.h"
#include "common/ledger/export_bundle.h"
#include "common/ledger/note.h"
#include "common/ledger/policy.h"
#include "common/ledger/tlog_proof.h"

namespace accord::verify {

inline constexpr size_t kOpeningsBytesMax = 4u << 20;  // Of an openings file.

// An opening that is one of the leaf's commitments.
struct CheckedOpening {
  std::string label;
  std::string text;  // For people, many lines.
  std::string json;  // Protobuf JSON; empty for a label that this program does not know.
};

struct ReceiptReport {
  ledger::VerifiedReceipt receipt;
  std::vector<CheckedOpening> openings;
};

using ledger::ParseOpenings;  // Of the JSON of `NAME.openings.json`.

// RECEIPT_INVALID unless the receipt verifies by `log` and each opening is one of its leaf's commitments; what an
// opening says is not looked at before that. Thread-safe.
absl::StatusOr<ReceiptReport> VerifyReceiptFile(std::string_view tlog_proof, const std::vector<crypto::Opening>& openings,
                                                const ledger::Vkey& log);

// What a witness policy makes of the receipt's checkpoint.
struct WitnessReport {
  std::vector<std::string> witnesses;  // Who cosigned, by the policy's names.
  bool quorum = false;
};
// REQUIRES: VerifyReceiptFile is OK for the log's key. RECEIPT_INVALID when a line of a witness of the policy does not verify.
// Thread-safe.
absl::StatusOr<WitnessReport> JudgeWitnesses(std::string_view tlog_proof, const ledger::WitnessPolicy& policy);

// What each opening of the entry at `index` says. RECEIPT_INVALID unless all are `leaf`'s commitments and messages of their
// kind. Thread-safe.
absl::StatusOr<std::vector<CheckedOpening>> DescribeOpenings(const ledger::Leaf& leaf, uint64_t index,
                                                             const std::vector<crypto::Opening>& openings);

}  // namespace accord::verify

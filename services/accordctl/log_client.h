// The log as a reader holds it: every answer of the broker verified by the log's key before it is used.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <string>

#include "accord/type/v1/entry.pb.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/note.h"
#include "common/ledger/tlog_proof.h"
#include "services/accordctl/log_export.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// The newest checkpoint as a note, and what it signs. RECEIPT_INVALID when the key did not sign it.
struct SignedCheckpoint {
  std::string note;
  ledger::Checkpoint checkpoint;
};
absl::StatusOr<SignedCheckpoint> NewestCheckpoint(const Endpoint& broker, const ledger::Vkey& log);
// The newest published one. CHECKPOINT_NOT_FOUND before the first.
absl::StatusOr<SignedCheckpoint> PublishedCheckpoint(const Endpoint& broker, const ledger::Vkey& log);

// The receipt of an entry. ENTRY_NOT_FOUND; RECEIPT_INVALID when it does not verify, is of another entry, or has an
// opening that is not its leaf's.
struct CheckedReceipt {
  type::v1::Receipt receipt;
  ledger::VerifiedReceipt verified;
};
absl::StatusOr<CheckedReceipt> CheckReceipt(type::v1::Receipt receipt, const ledger::Vkey& log);
// At the published checkpoint of `published_size`, or with 0 at the newest.
absl::StatusOr<CheckedReceipt> ReceiptOf(const Endpoint& broker, const ledger::Vkey& log, uint64_t index,
                                         uint64_t published_size = 0);

// Streams the leaves [first, end) to `sink`, going on after a broken connection. Errors of the broker and of `sink`.
absl::Status StreamLeaves(const Endpoint& broker, uint64_t first, uint64_t end, LeafSink sink);

// Path of RFC 9162 §2.1.4 between two sizes, not verified.
absl::StatusOr<ledger::Path> ConsistencyPath(const Endpoint& broker, uint64_t old_size, uint64_t new_size);
// OK when the two signed trees are of one log, the smaller a beginning of the larger. LOG_FORKED or RECEIPT_INVALID otherwise.
absl::Status ProveOneLog(const Endpoint& broker, const ledger::Checkpoint& one, const ledger::Checkpoint& other);

}  // namespace accord::accordctl

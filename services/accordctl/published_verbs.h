// What is published of the log: checkpoints and receipts at a chosen one, and how the log stands.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>

#include "services/accordctl/command_line.h"
#include "services/accordctl/log_client.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// Which checkpoint a person names on the command line; none of them: the newest signed one.
struct CheckpointOptions {
  bool published = false;  // The newest published one.
  bool witnessed = false;  // The newest that meets the broker's witness policy.
  uint64_t size = 0;       // The published one of this size.
  bool newest_signed() const { return !published && !witnessed && size == 0; }
};
// The options of a verb; only one of them may be given.
std::shared_ptr<CheckpointOptions> AddCheckpointOptions(Command& verb, bool with_published);

// As chosen, verified by the log's key; cosignatures are the policy's to judge. CHECKPOINT_NOT_FOUND; RECEIPT_INVALID.
absl::StatusOr<SignedCheckpoint> ChosenCheckpoint(const Endpoint& broker, const ledger::Vkey& log, const CheckpointOptions& chosen);
// The receipt of entry `index` there. Errors of ReceiptOf, CHECKPOINT_NOT_FOUND.
absl::StatusOr<CheckedReceipt> ChosenReceipt(const Endpoint& broker, const ledger::Vkey& log, uint64_t index,
                                             const CheckpointOptions& chosen);

// `ledger checkpoints`, `ledger status`, `receipt upgrade`.
void AddPublishedVerbs(Command& ledger, Command& receipt, Verb& chosen);

}  // namespace accord::accordctl

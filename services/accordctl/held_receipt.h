// What is already where a checkpoint or a receipt is to be written: it makes room for one of the same log alone, since one of another log is the proof that
// the log forked.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <vector>

#include "common/crypto/commitment.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/leaf.h"
#include "common/ledger/note.h"
#include "common/ledger/tlog_proof.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// A receipt that is there, and the openings of the file beside it.
struct HeldReceipt {
  std::optional<ledger::VerifiedReceipt> receipt;
  std::vector<crypto::Opening> openings;
};

// Empty when neither is at `path`. A usage error when anything is there that is no receipt of the log of `key`, or no openings. Reads the file system.
absl::StatusOr<HeldReceipt> ReceiptAt(const std::string& path, const ledger::Vkey& key);

// OK when the openings that are there are of the receipt that is, or of `next`: they go first when a receipt is written, so those of a run that was
// interrupted are of the receipt that now comes. A usage error otherwise. Pure.
absl::Status CheckOpeningsMakeRoom(const HeldReceipt& held, const std::string& path, const ledger::Leaf& next);

// OK when the broker proves that the two checkpoints are of one log. Errors of ProveOneLog, which say that `path` is not written over.
absl::Status CheckOneLog(const Endpoint& broker, const std::string& path, const ledger::Checkpoint& held, const ledger::Checkpoint& next);

}  // namespace accord::accordctl

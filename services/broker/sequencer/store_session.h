// One opening of everything that a commit touches.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <memory>

#include "common/storage/commit_log.h"
#include "common/storage/store.h"
#include "services/broker/ledger/checkpoint_signer.h"
#include "services/broker/ledger/key_slots.h"
#include "services/broker/ledger/ledger_writer.h"

namespace accord::broker {

// Closed in the reverse order: the ledger before its guard and the store it reads.
struct StoreSession {
  std::unique_ptr<storage::Store> store;
  std::unique_ptr<storage::CommitLog> log;
  std::unique_ptr<KeySlots> slots;
  std::unique_ptr<CheckpointSigner> signer;
  std::unique_ptr<LedgerWriter> ledger;
  // Called before an orderly stop closes it, with nothing in flight: for what makes the next opening quick. May be empty.
  std::function<absl::Status()> settle;
};

// Opens a store that is closed, with every start-up check; called again after each failed write.
// Errors as of what it opens: UNAVAILABLE may pass, DATA_LOSS needs a person (runbooks/ledger.md).
using StoreOpener = std::function<absl::StatusOr<std::unique_ptr<StoreSession>>()>;

}  // namespace accord::broker

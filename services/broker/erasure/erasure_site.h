// Where an erasure destroys: the store, the key slots and the erasure list of the opening that is current.
#pragma once

#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>

#include <memory>
#include <string>

#include "common/storage/rocks_store.h"
#include "services/broker/erasure/erasure_list.h"
#include "services/broker/ledger/key_slots.h"

namespace accord::broker {

// Thread-safe.
class ErasureSite {
 public:
  // For the store's opener, before anything is read or served: opens the list at `list_path` and destroys again, in `slots`,
  // every key that it names, and those of erasures on the record that have not got so far. Both must outlive the session. A list
  // is made for a store without erasures that has none. Blocks.
  //   DATA_LOSS (kStoreCorrupt)        the list is gone or older than the store, or damaged: runbooks/erasure.md
  //   UNAVAILABLE (kStoreUnavailable)  a disk failed
  absl::Status Open(const std::string& list_path, storage::RocksStore& store, KeySlots& slots);

  struct Current {
    storage::RocksStore* store = nullptr;
    KeySlots* slots = nullptr;
    ErasureList* list = nullptr;  // The eraser's alone.
  };
  // REQUIRES: on the sequencer thread while the store is open, or while a view of it is held: the pointers live as long.
  Current current() const;

 private:
  mutable absl::Mutex mu_;
  Current current_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<ErasureList> list_ ABSL_GUARDED_BY(mu_);
};

}  // namespace accord::broker

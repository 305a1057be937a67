// A durable, ordered map of bytes in named families: what every module persists in.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/storage/batch.h"

namespace accord::storage {

// A fixed view of a store. Must not outlive it. Thread-safe.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
};

// Which keys a scan visits, in which order.
struct Range {
  std::string lower;  // Inclusive; empty: from the first key.
  std::string upper;  // Exclusive; empty: to the last key.
  bool descending = false;
};

// Every key that begins with `prefix`.
Range Prefix(std::string_view prefix);

// Readers take `const Store&`. Whoever holds it mutable is its only writer; in the
// broker nobody does, there a CommitLog writes.
//
// Naming a family that was not given at opening is the caller's bug (ACCORD_CHECK).
// All reads see only whole batches. Errors of reads: DATA_LOSS (kStoreCorrupt) when
// stored bytes fail a checksum, UNAVAILABLE (kStoreUnavailable) when the disk does.
//
// Thread-safe for reads, together with one writer.
class Store {
 public:
  virtual ~Store() = default;

  // The value, or nothing when the key is absent.
  virtual absl::StatusOr<std::optional<std::string>> Get(
      std::string_view family, std::string_view key, const Snapshot* at = nullptr) const = 0;

  // What Get gives of each key, in their order. In a long store it takes less time than one Get after the other, of keys near each other most.
  virtual absl::StatusOr<std::vector<std::optional<std::string>>> GetMany(std::string_view family, std::span<const std::string> keys) const {
    std::vector<std::optional<std::string>> values;
    for (const std::string& key : keys) {
      auto value = Get(family, key);
      if (!value.ok()) return value.status();
      values.push_back(*std::move(value));
    }
    return values;
  }

  // Calls `visit` with each key and value of `range` until it returns false. The views
  // end with the call. Sees one fixed view: `at`, or the moment of the call.
  virtual absl::Status Scan(std::string_view family, const Range& range,
                            absl::FunctionRef<bool(std::string_view key, std::string_view value)> visit,
                            const Snapshot* at = nullptr) const = 0;

  virtual std::unique_ptr<Snapshot> NewSnapshot() const = 0;

  // Writes the batch, all or nothing; with `sync` it survives power loss on OK. Blocks.
  // UNAVAILABLE (kStoreUnavailable): it may or may not be there, and this store
  // refuses every write from now on; open it anew to find out.
  virtual absl::Status Write(const Batch& batch, bool sync) = 0;
};

}  // namespace accord::storage

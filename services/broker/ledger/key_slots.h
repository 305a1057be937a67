// The keys under which personal data lies in the store, apart from it, so that an
// erasure can destroy one (docs/formats.md §8, ADR 0004).
//
// What stays of a destroyed key where a disk or a backup keeps old sectors is wrapped
// under the master key; runbooks/ledger.md says when to change that.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "common/base/executor.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "common/crypto/secret.h"

namespace accord::broker {

// The master key: 64 hex digits and a newline, in a file only its owner may read.
// FAILED_PRECONDITION when it is open to others or malformed, or, to Create, is there.
absl::StatusOr<crypto::SecretBytes> LoadMasterKey(const std::string& path);
absl::Status CreateMasterKey(const std::string& path, Random& random);

// Slots are made ahead, many to an fsync, already marked in use: a slot given out and
// then lost in a crash is never given out twice, at the price of some unused ones after
// each start. Thread-safe.
class KeySlots {
 public:
  static constexpr uint64_t kRefillSlots = 1024;
  static constexpr uint64_t kRefillBelow = 512;  // A refill starts when so few are left.
  // A referral's key is used some seven times within milliseconds of its making.
  static constexpr size_t kKeysCachedMax = 256;

  // Opens the file, or with `create` makes it. `random` and `executor`, which refills run
  // on, must outlive the result.
  //   DATA_LOSS    the file is not one of key slots, or the master key is not its own
  //   UNAVAILABLE  absent or unreadable
  static absl::StatusOr<std::unique_ptr<KeySlots>> Open(const std::string& path, crypto::SecretBytes master,
                                                        Random& random, Executor& executor, bool create);
  // Waits for a refill that is running.
  ~KeySlots();

  // A fresh slot whose key survives power loss. Waits on fsync only when none is left.
  // UNAVAILABLE: the disk failed.
  absl::StatusOr<uint64_t> Take();

  // Overwrites the key. Idempotent. OK: durable, and nothing sealed under it opens again.
  //   NOT_FOUND    no such slot
  //   UNAVAILABLE  the disk failed: redo it
  absl::Status Destroy(uint64_t slot);

  // From now on nothing is sealed or unsealed under `slots`, as if they were destroyed; ends with this object. Does not block.
  void Shut(std::span<const uint64_t> slots);
  // How often Shut or Destroy was called: what was unsealed before may be gone since. Single figures of one object compare, none of two.
  uint64_t destructions() const;
  // Destroys all of them, those that were never made as well, so that they are never given out. Idempotent: writes nothing
  // for those that are destroyed. For a start, before anything is taken. UNAVAILABLE: the disk failed: redo it.
  absl::Status DestroyAtStart(std::span<const uint64_t> slots);

  // The persisted form of `value` under family and key. REQUIRES: a slot from Take.
  //   NOT_FOUND    the slot is destroyed, or none
  //   DATA_LOSS    the slot's bytes fail their check
  absl::StatusOr<std::string> Seal(uint64_t slot, std::string_view family, std::string_view key,
                                   std::string_view value);
  // What was sealed; nothing when its key was destroyed.
  //   DATA_LOSS    not what Seal made for this family and key, or the slot fails its check
  absl::StatusOr<std::optional<std::string>> Unseal(std::string_view family, std::string_view key,
                                                    std::string_view stored) const;
  // The slot that a sealed value names. DATA_LOSS when it is none.
  static absl::StatusOr<uint64_t> SlotOf(std::string_view stored);

 private:
  KeySlots(std::unique_ptr<PositionedFile> file, crypto::SecretBytes master, Random& random, Executor& executor)
      : file_(std::move(file)), master_(std::move(master)), random_(random), executor_(executor) {}

  // The key in `slot`, from the newest kKeysCachedMax that were asked for or from the file; null when destroyed.
  absl::StatusOr<std::shared_ptr<const crypto::SecretBytes>> Key(uint64_t slot) const;
  absl::StatusOr<std::shared_ptr<const crypto::SecretBytes>> ReadKey(uint64_t slot) const;
  // Writes kRefillSlots more and offers them. Only one at a time (refilling_).
  absl::Status Refill() ABSL_LOCKS_EXCLUDED(mu_);

  const std::unique_ptr<PositionedFile> file_;
  const crypto::SecretBytes master_;
  Random& random_;
  Executor& executor_;

  mutable absl::Mutex mu_;
  uint64_t next_ ABSL_GUARDED_BY(mu_) = 0;  // The next slot to give out,
  uint64_t end_ ABSL_GUARDED_BY(mu_) = 0;   // and the end of those made.
  bool refilling_ ABSL_GUARDED_BY(mu_) = false;

  // Unwrapped keys. One that was read before Destroy wrote must not come here after it: `destructions_` tells.
  mutable absl::Mutex cache_mu_;
  mutable std::unordered_map<uint64_t, std::shared_ptr<const crypto::SecretBytes>> cached_ ABSL_GUARDED_BY(cache_mu_);
  mutable std::deque<uint64_t> oldest_ ABSL_GUARDED_BY(cache_mu_);  // Slots of cached_ as they came, and some destroyed.
  uint64_t destructions_ ABSL_GUARDED_BY(cache_mu_) = 0;
  std::unordered_set<uint64_t> shut_ ABSL_GUARDED_BY(cache_mu_);
};

}  // namespace accord::broker

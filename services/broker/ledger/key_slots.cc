#include "services/broker/ledger/key_slots.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/aead.h"

namespace accord::broker {
namespace {

namespace aead = crypto::aead;

constexpr std::string_view kMagic = "ACRDKEY1";
constexpr size_t kHeaderBytes = 16;
constexpr size_t kSlotBytes = 64;
constexpr uint64_t kCheckSlot = 0;  // Never given out: shows whether a master key is the file's own.
constexpr size_t kWrappedBytes = aead::kKeyBytes + aead::kTagBytes;
constexpr uint8_t kInUse = 1;      // Persisted. Do not renumber.
constexpr uint8_t kDestroyed = 2;  // Persisted. Do not renumber.
constexpr uint8_t kSealedVersion = 1;

std::string Header() { return std::string(kMagic) + std::string(kHeaderBytes - kMagic.size(), '\0'); }
uint64_t Offset(uint64_t slot) { return kHeaderBytes + slot * kSlotBytes; }
std::string SlotAad(uint64_t slot) { return "accord/key-slot/v1" + KeyU64(slot); }

std::string ValueAad(std::string_view family, std::string_view key) {
  ByteWriter aad;
  aad.Lp8(family).Lp16(key);
  return std::move(aad).Take();
}

std::string EncodeSlot(uint8_t state, std::string_view nonce, std::string_view wrapped) {
  ByteWriter out;
  out.U8(state).Raw(std::string_view("\0\0\0", 3)).Raw(nonce).Raw(wrapped);
  return std::move(out).Take();
}

std::string DestroyedSlot() {
  return EncodeSlot(kDestroyed, std::string(aead::kNonceBytes, '\0'), std::string(kWrappedBytes, '\0'));
}

// A slot in use, with a fresh key.
std::string MakeSlot(uint64_t slot, const crypto::SecretBytes& master, Random& random) {
  const crypto::SecretBytes key = crypto::SecretBytes::Take(random.Bytes(aead::kKeyBytes));
  const std::string nonce = random.Bytes(aead::kNonceBytes);
  return EncodeSlot(kInUse, nonce, aead::Seal(master, nonce, SlotAad(slot), key.view()));
}

absl::Status SlotsUnavailable(const absl::Status& cause) {
  return Error(Reason::kStoreUnavailable, fmt::format("key slots: {}", cause.ToString()));
}
absl::Status Corrupt(std::string_view what) { return Error(Reason::kStoreCorrupt, what); }
absl::Status NoSuchSlot(uint64_t slot) {
  return absl::NotFoundError(fmt::format("key slot {} is destroyed or was never made", slot));
}

}  // namespace

absl::StatusOr<crypto::SecretBytes> LoadMasterKey(const std::string& path) {
  std::error_code error;
  const auto mode = std::filesystem::status(path, error).permissions();
  using std::filesystem::perms;
  if (!error && (mode & (perms::group_all | perms::others_all)) != perms::none) {
    return absl::FailedPreconditionError(fmt::format("the master key {} is open to others; chmod 600 it", path));
  }
  ACCORD_ASSIGN_OR_RETURN(std::string text, ReadFile(path, 4096));
  if (text.ends_with('\n')) text.pop_back();
  std::optional<std::string> key = FromHex(text);
  crypto::Wipe(text);
  if (!key || key->size() != aead::kKeyBytes) {
    return absl::FailedPreconditionError(fmt::format("the master key {} is not 64 hex digits", path));
  }
  return crypto::SecretBytes::Take(*std::move(key));
}

absl::Status CreateMasterKey(const std::string& path, Random& random) {
  if (std::filesystem::exists(path)) {
    return absl::FailedPreconditionError(fmt::format("a master key is already at {}", path));
  }
  std::string text = ToHex(random.Bytes(aead::kKeyBytes)) + "\n";
  absl::Status status = WriteFileDurably(path, text, 0600);
  crypto::Wipe(text);
  return status;
}

absl::StatusOr<std::unique_ptr<KeySlots>> KeySlots::Open(const std::string& path, crypto::SecretBytes master,
                                                         Random& random, Executor& executor, bool create) {
  ACCORD_CHECK(master.size() == aead::kKeyBytes);
  if (create && !std::filesystem::exists(path)) {
    ACCORD_RETURN_IF_ERROR(WriteFileDurably(path, Header() + MakeSlot(kCheckSlot, master, random)));
  }
  auto file = PositionedFile::Open(path, /*create=*/false);
  if (!file.ok()) return SlotsUnavailable(file.status());
  std::unique_ptr<KeySlots> slots(new KeySlots(*std::move(file), std::move(master), random, executor));

  const auto header = slots->file_->Read(0, kHeaderBytes);
  const auto size = slots->file_->Size();
  if (!header.ok()) return SlotsUnavailable(header.status());
  if (!size.ok()) return SlotsUnavailable(size.status());
  if (*header != Header()) return Corrupt(fmt::format("{} is not a key-slot file", path));
  if (const auto check = slots->Key(kCheckSlot); !check.ok() || !*check) {
    return Corrupt(fmt::format("{} was made under another master key, or is damaged", path));
  }
  {
    // A slot cut short by a crash was never given out; its place is left unused.
    absl::MutexLock lock(&slots->mu_);
    slots->next_ = slots->end_ = (*size - kHeaderBytes + kSlotBytes - 1) / kSlotBytes;
    slots->refilling_ = true;
  }
  ACCORD_RETURN_IF_ERROR(slots->Refill());
  return slots;
}

KeySlots::~KeySlots() {
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(+[](bool* refilling) { return !*refilling; }, &refilling_));
}

absl::Status KeySlots::Refill() {
  uint64_t first = 0;
  {
    absl::MutexLock lock(&mu_);
    first = end_;
  }
  std::string made;
  for (uint64_t slot = first; slot < first + kRefillSlots; ++slot) made += MakeSlot(slot, master_, random_);
  absl::Status status = file_->Write(Offset(first), made);
  if (status.ok()) status = file_->Sync();

  absl::MutexLock lock(&mu_);
  refilling_ = false;
  if (!status.ok()) return SlotsUnavailable(status);
  end_ = first + kRefillSlots;
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> KeySlots::Take() {
  for (;;) {
    bool refill_here = false;
    {
      absl::MutexLock lock(&mu_);
      if (next_ == end_) {
        mu_.Await(absl::Condition(+[](bool* refilling) { return !*refilling; }, &refilling_));
      }
      if (next_ < end_) {
        const uint64_t slot = next_++;
        if (end_ - next_ < kRefillBelow && !refilling_) {
          refilling_ = executor_.Run([this] { Refill().IgnoreError(); });  // An error shows when none is left.
        }
        return slot;
      }
      refilling_ = refill_here = true;
    }
    if (refill_here) ACCORD_RETURN_IF_ERROR(Refill());
  }
}

absl::StatusOr<std::shared_ptr<const crypto::SecretBytes>> KeySlots::Key(uint64_t slot) const {
  uint64_t destructions = 0;
  {
    absl::MutexLock lock(&cache_mu_);
    if (shut_.contains(slot)) return nullptr;
    if (const auto found = cached_.find(slot); found != cached_.end()) return found->second;
    destructions = destructions_;
  }
  ACCORD_ASSIGN_OR_RETURN(auto key, ReadKey(slot));
  absl::MutexLock lock(&cache_mu_);
  if (shut_.contains(slot)) return nullptr;
  if (key == nullptr || destructions != destructions_ || !cached_.emplace(slot, key).second) return key;
  oldest_.push_back(slot);
  if (oldest_.size() > kKeysCachedMax) {
    cached_.erase(oldest_.front());
    oldest_.pop_front();
  }
  return key;
}

absl::StatusOr<std::shared_ptr<const crypto::SecretBytes>> KeySlots::ReadKey(uint64_t slot) const {
  const auto read = file_->Read(Offset(slot), kSlotBytes);
  if (!read.ok()) return SlotsUnavailable(read.status());
  if (*read == DestroyedSlot()) return nullptr;
  ByteReader in(*read);
  uint8_t state = 0;
  std::string_view zero, nonce, wrapped;
  if (!in.U8(state) || !in.Raw(3, zero) || !in.Raw(aead::kNonceBytes, nonce) || !in.Raw(kWrappedBytes, wrapped) ||
      state != kInUse || zero != std::string_view("\0\0\0", 3)) {
    return Corrupt(fmt::format("key slot {} is malformed", slot));
  }
  std::optional<std::string> key = aead::Open(master_, nonce, SlotAad(slot), wrapped);
  if (!key) return Corrupt(fmt::format("key slot {} does not open under the master key", slot));
  return std::make_shared<const crypto::SecretBytes>(crypto::SecretBytes::Take(*std::move(key)));
}

absl::Status KeySlots::Destroy(uint64_t slot) {
  {
    absl::MutexLock lock(&mu_);
    if (slot == kCheckSlot || slot >= end_) return NoSuchSlot(slot);
  }
  absl::Status status = file_->Write(Offset(slot), DestroyedSlot());
  {
    // Even if the write failed: nobody knows then what the file holds.
    absl::MutexLock lock(&cache_mu_);
    ++destructions_;
    cached_.erase(slot);
  }
  if (status.ok()) status = file_->Sync();
  if (!status.ok()) return SlotsUnavailable(status);
  absl::MutexLock lock(&cache_mu_);
  shut_.erase(slot);
  return status;
}

void KeySlots::Shut(std::span<const uint64_t> slots) {
  absl::MutexLock lock(&cache_mu_);
  ++destructions_;
  for (const uint64_t slot : slots) {
    shut_.insert(slot);
    cached_.erase(slot);
  }
}

uint64_t KeySlots::destructions() const {
  absl::MutexLock lock(&cache_mu_);
  return destructions_;
}

absl::Status KeySlots::DestroyAtStart(std::span<const uint64_t> slots) {
  const std::string destroyed = DestroyedSlot();
  uint64_t end = 0;
  {
    absl::MutexLock lock(&mu_);
    end = end_;
  }
  bool written = false;
  for (const uint64_t slot : slots) {
    if (slot == kCheckSlot) return NoSuchSlot(slot);
    // Those between are lost with the file that had them: what lies under them must not get another key.
    for (; end <= slot; ++end, written = true) {
      if (const absl::Status status = file_->Write(Offset(end), destroyed); !status.ok()) return SlotsUnavailable(status);
    }
    const auto read = file_->Read(Offset(slot), kSlotBytes);
    if (!read.ok()) return SlotsUnavailable(read.status());
    if (*read == destroyed) continue;
    if (const absl::Status status = file_->Write(Offset(slot), destroyed); !status.ok()) return SlotsUnavailable(status);
    written = true;
  }
  if (!written) return absl::OkStatus();
  if (const absl::Status status = file_->Sync(); !status.ok()) return SlotsUnavailable(status);
  absl::MutexLock lock(&mu_);
  if (end > end_) next_ = end_ = end;
  return absl::OkStatus();
}

absl::StatusOr<std::string> KeySlots::Seal(uint64_t slot, std::string_view family, std::string_view key,
                                           std::string_view value) {
  ACCORD_ASSIGN_OR_RETURN(const auto secret, Key(slot));
  if (!secret) return NoSuchSlot(slot);
  const std::string nonce = random_.Bytes(aead::kNonceBytes);
  ByteWriter out;
  out.U8(kSealedVersion).U64(slot).Raw(nonce).Raw(aead::Seal(*secret, nonce, ValueAad(family, key), value));
  return std::move(out).Take();
}

absl::StatusOr<std::optional<std::string>> KeySlots::Unseal(std::string_view family, std::string_view key,
                                                            std::string_view stored) const {
  ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, SlotOf(stored));
  ACCORD_ASSIGN_OR_RETURN(const auto secret, Key(slot));
  if (!secret) return std::optional<std::string>();
  stored.remove_prefix(1 + sizeof(uint64_t));
  std::optional<std::string> value = aead::Open(*secret, stored.substr(0, aead::kNonceBytes), ValueAad(family, key),
                                                stored.substr(aead::kNonceBytes));
  if (!value) return Corrupt(fmt::format("a sealed value of family {} does not open", family));
  return value;
}

absl::StatusOr<uint64_t> KeySlots::SlotOf(std::string_view stored) {
  ByteReader in(stored);
  uint8_t version = 0;
  uint64_t slot = 0;
  if (!in.U8(version) || !in.U64(slot) || version != kSealedVersion ||
      in.rest().size() < aead::kNonceBytes + aead::kTagBytes) {
    return Corrupt("a sealed value is malformed");
  }
  return slot;
}

}  // namespace accord::broker

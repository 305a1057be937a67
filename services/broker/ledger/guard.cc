#include "services/broker/ledger/guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace accord::broker {
namespace {

constexpr std::string_view kMagic1 = "ACRDGRD1", kMagic2 = "ACRDGRD2";
constexpr size_t kRootBytes = 32;
constexpr std::string_view kRunbook = "; nothing may be signed until a person has followed runbooks/ledger.md";

constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82f63b78u : 0);  // CRC-32C, reflected.
    table[i] = value;
  }
  return table;
}

uint32_t Crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = MakeCrcTable();
  uint32_t crc = ~0u;
  for (const char byte : bytes) crc = crc >> 8 ^ kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  return ~crc;
}

absl::Status Unavailable(std::string_view what, const absl::Status& cause) {
  return Error(Reason::kStoreUnavailable, fmt::format("{}: {}", what, cause.ToString()));
}

// Zeros up to the length of a slot, and the CRC.
std::string Seal(ByteWriter out) {
  out.Raw(std::string(kGuardSlotBytes - sizeof(uint32_t) - out.bytes().size(), '\0'));
  out.U32(Crc32c(out.bytes()));
  return std::move(out).Take();
}

std::string EncodeVersion1(const GuardSlot& slot) {
  ByteWriter out;
  out.Raw(kMagic1).U64(slot.generation).U64(slot.mark.size).Raw(slot.mark.root);
  return Seal(std::move(out));
}

}  // namespace

std::string EncodeGuardSlot(const GuardSlot& slot) {
  ByteWriter out;
  out.Raw(kMagic2).U64(slot.generation).U64(slot.epoch).U64(slot.mark.sequence).U64(slot.mark.size).Raw(slot.mark.root);
  return Seal(std::move(out));
}

std::optional<GuardSlot> DecodeGuardSlot(std::string_view bytes) {
  ByteReader in(bytes);
  GuardSlot slot;
  std::string_view magic, root;
  if (bytes.size() != kGuardSlotBytes || !in.Raw(kMagic1.size(), magic) || !in.U64(slot.generation)) return std::nullopt;
  const bool second = magic == kMagic2;
  if (!second && magic != kMagic1) return std::nullopt;
  if (second && (!in.U64(slot.epoch) || !in.U64(slot.mark.sequence))) return std::nullopt;
  if (!in.U64(slot.mark.size) || !in.Raw(kRootBytes, root)) return std::nullopt;
  slot.mark.root = root;
  if ((second ? EncodeGuardSlot(slot) : EncodeVersion1(slot)) != bytes) return std::nullopt;
  return slot;
}

absl::Status Guard::Create(const std::string& path, const GuardMark& mark) {
  ACCORD_CHECK(mark.root.size() == kRootBytes);
  if (ReadFile(path).status().code() != absl::StatusCode::kNotFound) {
    return absl::FailedPreconditionError(fmt::format("a guard is already at {}", path));
  }
  return WriteFileDurably(path, EncodeGuardSlot({.generation = 0, .epoch = 0, .mark = mark}) + std::string(kGuardSlotBytes, '\0'));
}

absl::StatusOr<std::unique_ptr<Guard>> Guard::Open(const std::string& path) {
  auto lock = FileLock::Take(path + ".lock");
  if (!lock.ok()) return Unavailable("guard", lock.status());
  auto file = PositionedFile::Open(path, /*create=*/false);
  if (!file.ok()) return Unavailable(fmt::format("the guard cannot be opened{}", kRunbook), file.status());
  auto file_lock = FileLock::Take(path);
  if (!file_lock.ok()) return Unavailable("guard, by another path", file_lock.status());
  std::unique_ptr<Guard> guard(new Guard(*std::move(file), *std::move(lock), *std::move(file_lock)));

  auto bytes = guard->file_->Read(0, 2 * kGuardSlotBytes);
  if (!bytes.ok()) return Unavailable("guard", bytes.status());
  guard->bytes_ = *std::move(bytes);
  bool found = false;
  for (uint64_t index = 0; index < 2; ++index) {
    auto slot = DecodeGuardSlot(std::string_view(guard->bytes_).substr(
        std::min(index * kGuardSlotBytes, guard->bytes_.size()), kGuardSlotBytes));
    // A slot counts only where its generation is written.
    if (!slot.has_value() || slot->generation % 2 != index) continue;
    if (!found || slot->generation > guard->newest_.generation) guard->newest_ = *std::move(slot);
    found = true;
  }
  if (!found) return Error(Reason::kStoreCorrupt, fmt::format("neither slot of the guard is whole{}", kRunbook));
  return guard;
}

absl::Status Guard::BeginEpoch(uint64_t at_least) {
  GuardSlot next = newest_;
  next.epoch = std::max(next.epoch, at_least) + 1;
  return Swap(std::move(next));
}

absl::Status Guard::Advance(const GuardMark& mark) {
  const GuardMark& last = newest_.mark;
  if (mark.size < last.size || (mark.size == last.size && mark.root != last.root)) {
    return Error(Reason::kStoreCorrupt,
                 fmt::format("the guard stands at size {} and the log would be signed at {}{}{}", last.size, mark.size,
                             mark.size == last.size ? " with another root" : "", kRunbook));
  }
  if (mark.sequence < last.sequence) {
    return Error(Reason::kStoreCorrupt, fmt::format("the guard stands at batch {} and the log at batch {}{}",
                                                    last.sequence, mark.sequence, kRunbook));
  }
  GuardSlot next = newest_;
  next.mark = mark;
  return Swap(std::move(next));
}

absl::Status Guard::Swap(GuardSlot next) {
  ACCORD_RETURN_IF_ERROR(failed_);
  const auto there = file_->Read(0, 2 * kGuardSlotBytes);
  if (!there.ok()) return failed_ = Unavailable("guard", there.status());
  if (*there != bytes_ || !file_->IsAtItsPath()) {
    return failed_ = Error(Reason::kStoreCorrupt,
                           fmt::format("the guard is not as this broker last wrote it: another broker writes it, or it was "
                                       "put back underneath{}", kRunbook));
  }
  ++next.generation;
  const uint64_t offset = next.generation % 2 * kGuardSlotBytes;
  const std::string slot = EncodeGuardSlot(next);
  absl::Status status = file_->Write(offset, slot);
  if (status.ok()) status = file_->Sync();
  if (!status.ok()) return failed_ = Unavailable("guard; open it anew", status);
  bytes_.resize(2 * kGuardSlotBytes);
  bytes_.replace(offset, kGuardSlotBytes, slot);
  newest_ = std::move(next);
  return absl::OkStatus();
}

}  // namespace accord::broker

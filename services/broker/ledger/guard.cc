#include "services/broker/ledger/guard.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace accord::broker {
namespace {

constexpr std::string_view kMagic = "ACRDGRD1";
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

}  // namespace

std::string EncodeGuardSlot(uint64_t generation, const GuardMark& mark) {
  ByteWriter out;
  out.Raw(kMagic).U64(generation).U64(mark.size).Raw(mark.root);
  out.Raw(std::string(kGuardSlotBytes - sizeof(uint32_t) - out.bytes().size(), '\0'));
  out.U32(Crc32c(out.bytes()));
  return std::move(out).Take();
}

bool DecodeGuardSlot(std::string_view slot, uint64_t& generation, GuardMark& mark) {
  ByteReader in(slot);
  std::string_view magic, root;
  if (slot.size() != kGuardSlotBytes || !in.Raw(kMagic.size(), magic) || magic != kMagic ||
      !in.U64(generation) || !in.U64(mark.size) || !in.Raw(kRootBytes, root)) {
    return false;
  }
  mark.root = root;
  return EncodeGuardSlot(generation, mark) == slot;
}

absl::Status Guard::Create(const std::string& path, const GuardMark& mark) {
  ACCORD_CHECK(mark.root.size() == kRootBytes);
  if (ReadFile(path).status().code() != absl::StatusCode::kNotFound) {
    return absl::FailedPreconditionError(fmt::format("a guard is already at {}", path));
  }
  return WriteFileDurably(path, EncodeGuardSlot(0, mark) + std::string(kGuardSlotBytes, '\0'));
}

absl::StatusOr<std::unique_ptr<Guard>> Guard::Open(const std::string& path) {
  auto lock = FileLock::Take(path + ".lock");
  if (!lock.ok()) return Unavailable("guard", lock.status());
  auto file = PositionedFile::Open(path, /*create=*/false);
  if (!file.ok()) return Unavailable(fmt::format("the guard cannot be opened{}", kRunbook), file.status());
  std::unique_ptr<Guard> guard(new Guard(*std::move(file), *std::move(lock)));

  bool found = false;
  for (uint64_t slot = 0; slot < 2; ++slot) {
    const auto bytes = guard->file_->Read(slot * kGuardSlotBytes, kGuardSlotBytes);
    if (!bytes.ok()) return Unavailable("guard", bytes.status());
    uint64_t generation = 0;
    GuardMark mark;
    // A slot counts only where its generation is written.
    if (!DecodeGuardSlot(*bytes, generation, mark) || generation % 2 != slot) continue;
    if (!found || generation > guard->generation_) {
      guard->generation_ = generation;
      guard->mark_ = std::move(mark);
    }
    found = true;
  }
  if (!found) return Error(Reason::kStoreCorrupt, fmt::format("neither slot of the guard is whole{}", kRunbook));
  return guard;
}

absl::Status Guard::Advance(uint64_t size, std::string_view root) {
  if (failed_) return Error(Reason::kStoreUnavailable, "an earlier write of the guard failed; open it anew");
  if (size < mark_.size || (size == mark_.size && root != mark_.root)) {
    return Error(Reason::kStoreCorrupt,
                 fmt::format("the guard stands at size {} and the log would be signed at {}{}", mark_.size, size,
                             size == mark_.size ? " with another root" : ""));
  }
  GuardMark next{size, std::string(root)};
  const uint64_t generation = generation_ + 1;
  absl::Status status = file_->Write(generation % 2 * kGuardSlotBytes, EncodeGuardSlot(generation, next));
  if (status.ok()) status = file_->Sync();
  if (!status.ok()) {
    failed_ = true;
    return Unavailable("guard", status);
  }
  generation_ = generation;
  mark_ = std::move(next);
  return absl::OkStatus();
}

}  // namespace accord::broker

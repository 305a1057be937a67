#include "common/storage/batch.h"

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace accord::storage {
namespace {
constexpr std::string_view kMagic = "ABR1";
}

void Batch::Put(std::string_view family, std::string_view key, std::string_view value) {
  ACCORD_CHECK(!family.empty() && family.size() <= 255 && !key.empty());
  ops_.push_back({Kind::kPut, std::string(family), std::string(key), std::string(value)});
  bytes_ += key.size() + value.size();
}

void Batch::Delete(std::string_view family, std::string_view key) {
  ACCORD_CHECK(!family.empty() && family.size() <= 255 && !key.empty());
  ops_.push_back({Kind::kDelete, std::string(family), std::string(key), {}});
  bytes_ += key.size();
}

Batch::Op Batch::TakeLast() {
  Op last = std::move(ops_.back());
  ops_.pop_back();
  bytes_ -= last.key.size() + last.value.size();
  return last;
}

std::string EncodeRecord(uint64_t term, uint64_t sequence, uint64_t time_ms, const Batch& batch) {
  ByteWriter out;
  out.Raw(kMagic).U64(term).U64(sequence).U64(time_ms).U32(static_cast<uint32_t>(batch.ops().size()));
  for (const Batch::Op& op : batch.ops()) {
    out.U8(static_cast<uint8_t>(op.kind)).Lp8(op.family).Lp32(op.key);
    if (op.kind == Batch::Kind::kPut) out.Lp32(op.value);
  }
  return std::move(out).Take();
}

absl::StatusOr<Record> DecodeRecord(std::string_view bytes) {
  const auto malformed = [] { return Error(Reason::kStoreCorrupt, "a batch record does not decode"); };
  ByteReader in(bytes);
  Record record;
  std::string_view magic;
  uint32_t count = 0;
  if (!in.Raw(kMagic.size(), magic) || magic != kMagic || !in.U64(record.term) ||
      !in.U64(record.sequence) || !in.U64(record.time_ms) || !in.U32(count)) {
    return malformed();
  }
  for (uint32_t i = 0; i < count; ++i) {
    uint8_t kind = 0;
    std::string_view family, key, value;
    if (!in.U8(kind) || !in.Lp8(family) || !in.Lp32(key) || family.empty() || key.empty()) return malformed();
    if (kind == static_cast<uint8_t>(Batch::Kind::kPut)) {
      if (!in.Lp32(value)) return malformed();
      record.batch.Put(family, key, value);
    } else if (kind == static_cast<uint8_t>(Batch::Kind::kDelete)) {
      record.batch.Delete(family, key);
    } else {
      return malformed();
    }
  }
  if (!in.AtEnd()) return malformed();
  return record;
}

}  // namespace accord::storage

#include "common/storage/batch.h"

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/storage/record.h"

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

size_t OpBytes(std::string_view family, std::string_view key, std::string_view value) {
  return 1 + 1 + family.size() + sizeof(uint32_t) + key.size() + sizeof(uint32_t) + value.size();
}

void AppendRecordHeader(std::string& record, uint64_t term, uint64_t sequence, uint64_t time_ms, uint32_t count) {
  record += ByteWriter().Raw(kMagic).U64(term).U64(sequence).U64(time_ms).U32(count).bytes();
}

void AppendOp(std::string& record, Batch::Kind kind, std::string_view family, std::string_view key, std::string_view value) {
  // By hand: a commit passes here twice with all it writes.
  const auto append_u32 = [&record](size_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) record.push_back(static_cast<char>(number >> shift & 0xFF));
  };
  record.push_back(static_cast<char>(kind));
  record.push_back(static_cast<char>(family.size()));
  record.append(family);
  append_u32(key.size());
  record.append(key);
  if (kind != Batch::Kind::kPut) return;
  append_u32(value.size());
  record.append(value);
}

std::string EncodeRecord(uint64_t term, uint64_t sequence, uint64_t time_ms, const Batch& batch) {
  size_t bytes = kRecordHeaderBytes;
  for (const Batch::Op& op : batch.ops()) bytes += OpBytes(op.family, op.key, op.value);
  std::string record;
  record.reserve(bytes);
  AppendRecordHeader(record, term, sequence, time_ms, static_cast<uint32_t>(batch.ops().size()));
  for (const Batch::Op& op : batch.ops()) AppendOp(record, op.kind, op.family, op.key, op.value);
  return record;
}

namespace {

// Reads the header into `record`, then visits.
absl::Status Read(std::string_view bytes, Record& record,
                  absl::FunctionRef<void(Batch::Kind, std::string_view, std::string_view, std::string_view)> visit) {
  const auto malformed = [] { return Error(Reason::kStoreCorrupt, "a batch record does not decode"); };
  ByteReader in(bytes);
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
    const bool put = kind == static_cast<uint8_t>(Batch::Kind::kPut);
    if (!put && kind != static_cast<uint8_t>(Batch::Kind::kDelete)) return malformed();
    if (put && !in.Lp32(value)) return malformed();
    visit(static_cast<Batch::Kind>(kind), family, key, value);
  }
  return in.AtEnd() ? absl::OkStatus() : malformed();
}

}  // namespace

absl::Status VisitRecord(std::string_view bytes,
                         absl::FunctionRef<void(Batch::Kind, std::string_view, std::string_view, std::string_view)> visit) {
  Record ignored;
  return Read(bytes, ignored, visit);
}

absl::StatusOr<Record> DecodeRecord(std::string_view bytes) {
  Record record;
  ACCORD_RETURN_IF_ERROR(Read(bytes, record, [&](Batch::Kind kind, std::string_view family, std::string_view key, std::string_view value) {
    if (kind == Batch::Kind::kPut) {
      record.batch.Put(family, key, value);
    } else {
      record.batch.Delete(family, key);
    }
  }));
  return record;
}

}  // namespace accord::storage

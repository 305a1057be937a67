#include "services/broker/erasure/erasure_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"

namespace accord::broker {
namespace {

constexpr std::string_view kMagic = "ACRDERA1";
constexpr uint8_t kVersion = 1;
constexpr size_t kCheckBytes = 4;
constexpr size_t kRecordsAtOnce = 4096;
// What a list of 64 MiB holds: two million erased referrals. Reading it takes some ten milliseconds.
constexpr uint64_t kListBytesMax = 64u << 20;

std::string Header() {
  std::string header(kMagic);
  header.resize(kListedErasureBytes, '\0');
  return header;
}
uint64_t Offset(uint64_t record) { return (record + 1) * kListedErasureBytes; }

absl::Status Unavailable(const absl::Status& cause) {
  return Error(Reason::kStoreUnavailable, fmt::format("erasure list: {}", cause.ToString()));
}

}  // namespace

std::string EncodeListedErasure(const ListedErasure& listed) {
  ByteWriter out;
  out.U8(kVersion).Raw(std::string_view("\0\0\0", 3)).U64(listed.slot).U64(listed.index).U64(static_cast<uint64_t>(listed.time_ms));
  out.Raw(crypto::Sha256(ByteWriter().Lp16("accord/erasure-list/v1").Raw(out.bytes()).bytes()).substr(0, kCheckBytes));
  return std::move(out).Take();
}

bool DecodeListedErasure(std::string_view bytes, ListedErasure& listed) {
  ByteReader in(bytes);
  uint8_t version = 0;
  std::string_view zero;
  uint64_t time_ms = 0;
  if (!in.U8(version) || !in.Raw(3, zero) || !in.U64(listed.slot) || !in.U64(listed.index) || !in.U64(time_ms)) return false;
  listed.time_ms = static_cast<int64_t>(time_ms);
  return EncodeListedErasure(listed) == bytes;
}

absl::Status ErasureList::Create(const std::string& path) {
  if (ReadFile(path, kListBytesMax).status().code() != absl::StatusCode::kNotFound) {
    return absl::FailedPreconditionError(fmt::format("an erasure list is already at {}", path));
  }
  return WriteFileDurably(path, Header());
}

absl::StatusOr<std::unique_ptr<ErasureList>> ErasureList::Open(const std::string& path) {
  auto file = PositionedFile::Open(path, /*create=*/false);
  if (!file.ok()) return file.status();
  std::unique_ptr<ErasureList> list(new ErasureList(*std::move(file)));
  const auto size = list->file_->Size();
  const auto header = list->file_->Read(0, kListedErasureBytes);
  if (!size.ok()) return Unavailable(size.status());
  if (!header.ok()) return Unavailable(header.status());
  if (*header != Header()) return Error(Reason::kStoreCorrupt, fmt::format("{} is not an erasure list", path));

  const uint64_t records = (*size - kListedErasureBytes + kListedErasureBytes - 1) / kListedErasureBytes;
  for (uint64_t first = 0; first < records; first += kRecordsAtOnce) {
    const auto bytes = list->file_->Read(Offset(first), kRecordsAtOnce * kListedErasureBytes);
    if (!bytes.ok()) return Unavailable(bytes.status());
    for (uint64_t record = first; record < std::min(records, first + kRecordsAtOnce); ++record) {
      ListedErasure listed;
      const size_t begin = (record - first) * kListedErasureBytes;
      const bool whole = begin < bytes->size() && DecodeListedErasure(std::string_view(*bytes).substr(begin, kListedErasureBytes), listed);
      if (!whole && record + 1 == records) return list;  // Torn: it was not durable, and nothing came of it.
      if (!whole) {
        return Error(Reason::kStoreCorrupt, fmt::format("record {} of the erasure list {} is damaged; runbooks/erasure.md", record, path));
      }
      if (list->known_.insert(listed.slot).second) list->records_.push_back(listed);
    }
  }
  return list;
}

std::vector<uint64_t> ErasureList::slots() const {
  std::vector<uint64_t> slots;
  for (const ListedErasure& listed : records_) slots.push_back(listed.slot);
  return slots;
}

absl::Status ErasureList::Add(const ListedErasure& listed) {
  if (known_.contains(listed.slot)) return absl::OkStatus();
  absl::Status status = file_->Write(Offset(records_.size()), EncodeListedErasure(listed));
  if (status.ok()) status = file_->Sync();
  if (!status.ok()) return Unavailable(status);
  known_.insert(listed.slot);
  records_.push_back(listed);
  return absl::OkStatus();
}

}  // namespace accord::broker

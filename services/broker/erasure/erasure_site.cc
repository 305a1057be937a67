#include "services/broker/erasure/erasure_site.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "accord/storage/v1/erasure.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

absl::Status NotTheStores(std::string_view path, std::string_view why) {
  return Error(Reason::kStoreCorrupt,
               fmt::format("the erasure list {} {}; put back the newest one: runbooks/erasure.md", path, why));
}

// What the store says of its list.
absl::StatusOr<uint64_t> ListedAtLeast(const storage::Store& store) {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, store.Get(kFamilyMeta, kMetaErasureListKey));
  if (!stored.has_value()) return 0;
  const auto count = U64FromKey(*stored);
  if (!count.has_value()) return Error(Reason::kStoreCorrupt, "the length of the erasure list does not decode");
  return *count;
}

// The slots of erasures on the record whose keys may not be destroyed yet.
absl::StatusOr<std::vector<ListedErasure>> Recorded(const storage::Store& store) {
  std::vector<uint64_t> indexes;
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyErasure, storage::Prefix(ErasingPrefix()), [&](std::string_view key, std::string_view) {
    indexes.push_back(U64FromKey(key.substr(ErasingPrefix().size())).value_or(0));
    return true;
  }));
  std::vector<ListedErasure> slots;
  for (const uint64_t index : indexes) {
    ACCORD_ASSIGN_OR_RETURN(const auto bytes, store.Get(kFamilyErasure, ErasureKey(index)));
    storage::v1::StoredErasure erasure;
    if (!bytes.has_value() || !erasure.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored erasure is not there");
    if (erasure.step() != admin::v1::ERASURE_STEP_RECORDED) continue;
    for (const uint64_t slot : erasure.slots()) slots.push_back({slot, index, erasure.erased_at_ms()});
  }
  return slots;
}

}  // namespace

absl::Status ErasureSite::Open(const std::string& list_path, storage::RocksStore& store, KeySlots& slots) {
  ACCORD_ASSIGN_OR_RETURN(const uint64_t listed, ListedAtLeast(store));
  auto list = ErasureList::Open(list_path);
  if (list.status().code() == absl::StatusCode::kNotFound) {
    if (listed > 0) return NotTheStores(list_path, fmt::format("is not there, and the store says that it has {} records", listed));
    ACCORD_RETURN_IF_ERROR(ErasureList::Create(list_path));
    list = ErasureList::Open(list_path);
  }
  ACCORD_RETURN_IF_ERROR(list.status());
  if ((*list)->records().size() < listed) {
    return NotTheStores(list_path, fmt::format("has {} records, and the store says {}", (*list)->records().size(), listed));
  }
  ACCORD_ASSIGN_OR_RETURN(const auto recorded, Recorded(store));
  for (const ListedErasure& one : recorded) ACCORD_RETURN_IF_ERROR((*list)->Add(one));
  ACCORD_RETURN_IF_ERROR(slots.DestroyAtStart((*list)->slots()));

  absl::MutexLock lock(&mu_);
  list_ = *std::move(list);
  current_ = {&store, &slots, list_.get()};
  return absl::OkStatus();
}

ErasureSite::Current ErasureSite::current() const {
  absl::MutexLock lock(&mu_);
  return current_;
}

}  // namespace accord::broker

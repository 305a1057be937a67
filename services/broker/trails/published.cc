#include "services/broker/trails/published.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

absl::Status Corrupt(std::string_view family) {
  return Error(Reason::kStoreCorrupt, fmt::format("a row of family {} does not parse", family));
}

// Of a cosignature: size and witness.
bool ReadKey(std::string_view key, uint64_t& size, std::string_view& witness) {
  ByteReader reader(key);
  if (!reader.U64(size)) return false;
  witness = reader.rest();
  return true;
}

absl::StatusOr<PublishedCheckpoint> WithTime(const ReadView& view, uint64_t size, std::string note) {
  PublishedCheckpoint published{.size = size, .note = std::move(note)};
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Get(kFamilyPublished, KeyU64(size)));
  if (bytes.has_value()) {
    storage::v1::StoredPublished stored;
    if (!stored.ParseFromString(*bytes)) return Corrupt(kFamilyPublished);
    published.published_at_ms = stored.published_at_ms();
  }
  return published;
}

}  // namespace

absl::StatusOr<std::vector<PublishedCheckpoint>> ListPublished(const ReadView& view, std::optional<uint64_t> before,
                                                               int limit) {
  std::vector<std::pair<uint64_t, std::string>> notes;
  if (limit <= 0) return std::vector<PublishedCheckpoint>();
  bool whole = true;
  const uint64_t upper = std::min(before.value_or(UINT64_MAX), view.ledger().size() + 1);
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyCheckpoint, {.upper = KeyU64(upper), .descending = true},
                                   [&](std::string_view key, std::string_view note) {
                                     const auto size = U64FromKey(key);
                                     whole = size.has_value();
                                     if (whole) notes.emplace_back(*size, note);
                                     return whole && static_cast<int>(notes.size()) < limit;
                                   }));
  if (!whole) return Corrupt(kFamilyCheckpoint);
  std::vector<PublishedCheckpoint> found;
  for (auto& [size, note] : notes) {
    ACCORD_ASSIGN_OR_RETURN(PublishedCheckpoint published, WithTime(view, size, std::move(note)));
    found.push_back(std::move(published));
  }
  return found;
}

absl::StatusOr<std::optional<PublishedCheckpoint>> NewestPublished(const ReadView& view) {
  ACCORD_ASSIGN_OR_RETURN(auto found, ListPublished(view, std::nullopt, 1));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

absl::StatusOr<PublishedCheckpoint> PublishedAt(const ReadView& view, uint64_t size) {
  std::optional<std::string> note;
  if (size <= view.ledger().size()) {
    ACCORD_ASSIGN_OR_RETURN(note, view.Get(kFamilyCheckpoint, KeyU64(size)));
  }
  if (!note.has_value()) {
    return Error(Reason::kCheckpointNotFound, fmt::format("no checkpoint of size {} was published", size),
                 {{"size", fmt::format("{}", size)}});
  }
  return WithTime(view, size, *std::move(note));
}

absl::StatusOr<uint64_t> CountPublishedAfter(const ReadView& view, uint64_t size, uint64_t limit) {
  uint64_t count = 0;
  const uint64_t end = view.ledger().size();
  if (size >= end || limit == 0) return count;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyCheckpoint, {.lower = KeyU64(size + 1), .upper = KeyU64(end + 1)},
                                   [&](std::string_view, std::string_view) { return ++count < limit; }));
  return count;
}

absl::StatusOr<std::optional<PublishedCheckpoint>> NewestWitnessed(const ReadView& view, const Witnesses& policy) {
  // Witnesses of one size at a time, the newest first.
  std::optional<uint64_t> met;
  uint64_t at = 0;
  std::vector<std::string> witnesses;
  int rows = 0;
  bool whole = true;
  const auto judge = [&] {
    if (!witnesses.empty() && policy.Met(witnesses)) met = at;
    witnesses.clear();
  };
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyCosignature, {.upper = KeyU64(view.ledger().size() + 1), .descending = true},
                                   [&](std::string_view key, std::string_view) {
                                     uint64_t size = 0;
                                     std::string_view witness;
                                     whole = ReadKey(key, size, witness);
                                     if (!whole) return false;
                                     if (size != at) judge();
                                     if (met.has_value() || ++rows > kWitnessedRowsMax) return false;
                                     at = size;
                                     witnesses.emplace_back(witness);
                                     return true;
                                   }));
  if (!whole) return Corrupt(kFamilyCosignature);
  if (!met.has_value()) judge();
  if (!met.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(const auto noted, view.Get(kFamilyMeta, kMetaWitnessedKey));
    if (!noted.has_value()) return std::nullopt;
    const auto size = U64FromKey(*noted);
    if (!size.has_value()) return Corrupt(kFamilyMeta);
    if (*size > view.ledger().size()) return std::nullopt;
    ACCORD_ASSIGN_OR_RETURN(const auto kept, Cosignatures(view, *size));
    if (!policy.Met(WitnessesOf(kept))) return std::nullopt;  // By a policy that is no longer in force.
    met = size;
  }
  ACCORD_ASSIGN_OR_RETURN(PublishedCheckpoint published, PublishedAt(view, *met));
  return published;
}

absl::StatusOr<std::vector<KeptCosignature>> Cosignatures(const ReadView& view, uint64_t size) {
  std::vector<KeptCosignature> found;
  bool whole = true;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyCosignature, storage::Prefix(KeyU64(size)),
                                   [&](std::string_view key, std::string_view value) {
                                     uint64_t of = 0;
                                     std::string_view witness;
                                     storage::v1::StoredCosignature stored;
                                     whole = ReadKey(key, of, witness) &&
                                             stored.ParseFromArray(value.data(), static_cast<int>(value.size()));
                                     if (whole) found.push_back({std::string(witness), stored.line(), stored.received_at_ms()});
                                     return whole;
                                   }));
  if (!whole) return Corrupt(kFamilyCosignature);
  return found;
}

std::vector<std::string> WitnessesOf(std::span<const KeptCosignature> cosignatures) {
  std::vector<std::string> names;
  for (const KeptCosignature& cosignature : cosignatures) names.push_back(cosignature.witness);
  return names;
}

std::string JoinNote(const PublishedCheckpoint& published, std::span<const KeptCosignature> cosignatures) {
  std::string note = published.note;
  for (const KeptCosignature& cosignature : cosignatures) note += cosignature.line;
  return note;
}

void KeepCosignature(CommitContext& context, uint64_t size, std::string_view witness, std::string_view line) {
  storage::v1::StoredCosignature stored;
  stored.set_line(std::string(line));
  stored.set_received_at_ms(absl::ToUnixMillis(context.now()));
  context.Put(kFamilyCosignature, CosignatureKey(size, witness), stored.SerializeAsString());
}

absl::Status NoteWitnessed(CommitContext& context, uint64_t size) {
  ACCORD_ASSIGN_OR_RETURN(const auto noted, context.Get(kFamilyMeta, kMetaWitnessedKey));
  const auto before = noted.has_value() ? U64FromKey(*noted) : std::nullopt;
  if (noted.has_value() && !before.has_value()) return Corrupt(kFamilyMeta);
  if (!before.has_value() || *before < size) context.Put(kFamilyMeta, kMetaWitnessedKey, KeyU64(size));
  return absl::OkStatus();
}

}  // namespace accord::broker

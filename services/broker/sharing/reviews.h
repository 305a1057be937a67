// Rows of gaps and breaches, and the order in which they are listed: what gap.cc and breach.cc share.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// The row of a referral, from a CommitContext or a ReadView; nothing when there is none or it was erased. DATA_LOSS when it does not
// parse. Thread-safe if `source` is.
template <typename Row, typename Source>
absl::StatusOr<std::optional<Row>> LoadReview(Source& source, std::string_view family, std::string_view header_digest) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, source.GetSealed(family, header_digest));
  if (!bytes.has_value()) return std::optional<Row>();
  Row row;
  if (!row.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, fmt::format("a row of family {} does not parse", family));
  return std::optional<Row>(std::move(row));
}

// Sealed under the slot of the referral's chain. Sequencer thread.
template <typename Row>
absl::Status SaveReview(CommitContext& context, std::string_view family, std::string_view header_digest,
                        const storage::v1::StoredReferral& stored, const Row& row) {
  ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, SlotOfChain(context, stored.chain()));
  return context.PutSealed(family, header_digest, slot, row.SerializeAsString());
}

// Lists it for administrators and `viewers`, as open or as closed and no more as the other. Sequencer thread.
inline void ListReview(CommitContext& context, ReviewKind what, std::vector<std::string> viewers, bool open, int64_t due_ms,
                       std::string_view header_digest) {
  viewers.emplace_back();
  for (const std::string& viewer : viewers) {
    context.Delete(kFamilyReview, ReviewKey(what, viewer, !open, static_cast<uint64_t>(due_ms), header_digest));
    context.Put(kFamilyReview, ReviewKey(what, viewer, open, static_cast<uint64_t>(due_ms), header_digest), "");
  }
}

// Takes it out of all their lists. Sequencer thread.
inline void UnlistReview(CommitContext& context, ReviewKind what, std::vector<std::string> viewers, int64_t due_ms,
                         std::string_view header_digest) {
  viewers.emplace_back();
  for (const std::string& viewer : viewers) {
    for (const bool open : {true, false}) context.Delete(kFamilyReview, ReviewKey(what, viewer, open, static_cast<uint64_t>(due_ms), header_digest));
  }
}

}  // namespace accord::broker

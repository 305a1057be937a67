#include "services/broker/clocks/overdue.h"

#include <optional>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/states.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

// The clock at `position`: u64 overdue since ‖ the rest of a DueKey. Nothing when it ran no longer by the time that it was read.
absl::StatusOr<std::optional<OverdueClock>> ReadClock(const ReadView& view, std::string_view position) {
  ByteReader reader(position);
  uint64_t due_ms = 0;
  uint8_t kind = 0;
  std::string_view digest, agency;
  if (!reader.U64(due_ms) || !reader.U8(kind) || !reader.Raw(crypto::kDigestBytes, digest) || !reader.Lp8(agency)) {
    return Error(Reason::kStoreCorrupt, "a row of family due does not parse");
  }
  const auto read = SealedReaderOf(view);
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(read, digest));
  if (!stored.has_value()) return std::optional<OverdueClock>();
  const auto* recipient = FindRecipient(*stored, agency);
  const bool pick_up = static_cast<DueKind>(kind) == DueKind::kPickUp;
  const int64_t runs_ms = recipient == nullptr ? 0 : pick_up ? recipient->pick_up_due_ms() : recipient->response_due_ms();
  if (runs_ms != static_cast<int64_t>(due_ms)) return std::optional<OverdueClock>();
  ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(*stored));
  const auto& core = header.core.part;
  return OverdueClock{std::string(agency), core.sender(), pick_up, referral::LaneOf(core.type(), core.urgency(), core.risk().grade()),
                      runs_ms, stored->stored_index()};
}

}  // namespace

absl::StatusOr<OverduePage> ReadOverdue(const ReadView& view, std::string_view after, size_t rows_max) {
  std::set<std::string> first;  // Positions, the first of those after `after`, and one more, which tells of a next page.
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyDue, {}, [&](std::string_view key, std::string_view since) {
    if (since.empty()) return true;
    std::string position = std::string(since) + std::string(key.substr(sizeof(uint64_t)));
    if (position > after) first.insert(std::move(position));
    if (first.size() > rows_max + 1) first.erase(std::prev(first.end()));
    return true;
  }));
  OverduePage page;
  if (first.size() > rows_max) {
    first.erase(std::prev(first.end()));
    page.next = *first.rbegin();
  }
  for (const std::string& position : first) {
    ACCORD_ASSIGN_OR_RETURN(auto row, ReadClock(view, position));
    if (row.has_value()) page.rows.push_back(*std::move(row));
  }
  return page;
}

}  // namespace accord::broker

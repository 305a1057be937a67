// Rows of a trail, believed only as far as their leaves prove them. Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/inspection/v1/trail_service.pb.h"
#include "common/ledger/leaf.h"

namespace accord::accordctl {

// A row whose openings are commitments of its leaf; what it says is read from those openings alone.
struct CheckedRow {
  uint64_t index = 0;
  ledger::Leaf leaf;
  std::string leaf_bytes;
  std::vector<type::v1::Opening> openings;  // As received.
  std::optional<type::v1::EntryEvent> event;
  std::optional<type::v1::EntryActor> actor;
  std::optional<type::v1::EntryReferral> referral;
  std::optional<type::v1::EntryDecisions> decisions;
  bool erased = false;  // With no openings: as the broker says.
};

// RECEIPT_INVALID, naming the entry and what is wrong, when the leaf is no leaf of `origin`, an opening is not one of
// its commitments, or the row says anything that no opening proves.
absl::StatusOr<CheckedRow> CheckRow(const inspection::v1::TrailRow& row, std::string_view origin);

// What the rows together show.
struct TrailCheck {
  bool in_order = true;            // Indices rise and time does not go back.
  bool every_entry_shown = false;  // One chain runs through all of them from number 0 without a gap.
  uint64_t entries = 0;            // Of that chain, when every entry is shown.
};
TrailCheck CheckOrder(const std::vector<CheckedRow>& rows);

// For a table: what happened, who did it, to whom it was addressed, and the rest.
std::string EventText(const CheckedRow& row);
std::string ActorText(const CheckedRow& row);
std::string RecipientText(const CheckedRow& row);
std::string DetailText(const CheckedRow& row);

}  // namespace accord::accordctl

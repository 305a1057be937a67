// Holds as administrators see them: what is covered, who was told, who answered what.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

inline constexpr uint64_t kHoldRowsLookedAtMax = 100'000;  // Referrals, holders and changes, for one page.
inline constexpr size_t kHoldPageBytesMax = 2u << 20;          // A page ends early once its holds have these.

// One page: the newest first by the number of the change that set them.
struct HoldPage {
  std::vector<admin::v1::Hold> holds;
  std::optional<uint64_t> next;  // The change before which the next page begins; absent on the last.
};

// Up to `size` holds whose change is before `before`. DATA_LOSS when a row does not parse. Thread-safe.
absl::StatusOr<HoldPage> ListHolds(const ReadView& view, std::optional<uint64_t> before, int size);

}  // namespace accord::broker

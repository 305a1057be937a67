// Warrants as they are listed: an inspector those of its inspectorate, an administrator all.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/inspection/v1/warrant_service.pb.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

inline constexpr int kWarrantsLookedAtMax = 2000;              // For one page, listed or not.
inline constexpr size_t kWarrantPageBytesMax = 2u << 20;       // A page ends early once its warrants have these.

// One page, the newest first.
struct WarrantPage {
  std::vector<inspection::v1::Warrant> warrants;
  std::optional<uint64_t> next;  // Leaf index of the proposal before which the next page begins; absent on the last.
};

// The warrant `id` as it stands at `now`, or nothing. DATA_LOSS when it does not parse. Thread-safe.
absl::StatusOr<std::optional<inspection::v1::Warrant>> ReadWarrant(const ReadView& view, std::string_view id, absl::Time now);

// Up to `size` warrants of `body`, or of all for an empty one, proposed before the entry `before`. DATA_LOSS when a row does not parse. Thread-safe.
absl::StatusOr<WarrantPage> ListWarrants(const ReadView& view, std::string_view body, std::optional<uint64_t> before, bool with_ended, int size,
                                         absl::Time now);

}  // namespace accord::broker

// Clocks that were missed and whose sender was told, for administrators, who have no mailbox (docs/clocks.md).
//
// They are found by what falls due: such a clock is chased, and its row of family `due` says since when it is overdue. So what is read is
// one row for each clock that runs, and never a referral that asks for nothing.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/vocabulary.pb.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

// One clock.
struct OverdueClock {
  std::string agency;  // Who has to act.
  std::string sender;
  bool pick_up = false;  // Else response.
  type::v1::Lane lane = type::v1::LANE_UNSPECIFIED;
  int64_t due_at_ms = 0;
  uint64_t stored_index = 0;
};

struct OverduePage {
  std::vector<OverdueClock> rows;
  std::string next;  // Where the next page begins; empty on the last one.
};

// Those that were due longest first, from after `after`, an earlier page's `next` or empty. Errors of `view`; STORE_CORRUPT. Thread-safe.
// REQUIRES: rows_max > 0.
absl::StatusOr<OverduePage> ReadOverdue(const ReadView& view, std::string_view after, size_t rows_max);

}  // namespace accord::broker

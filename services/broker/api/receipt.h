// The receipt that an act is answered with.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>

#include "common/base/status.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/sequencer.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker {

// Of entry `index` at the newest checkpoint, with the openings that the caller may have. Errors of Sequencer::View and MakeReceipt.
// Thread-safe.
inline absl::StatusOr<type::v1::Receipt> ReceiptOf(const Sequencer& sequencer, uint64_t index, const Caller& caller) {
  ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer.View());
  return MakeReceipt(*view, index, caller);
}

}  // namespace accord::broker

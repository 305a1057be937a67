// Since when agencies are enrolled, which their rows in the directory do not say.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

// By id, milliseconds since 1970, UTC: when the change came into force that put it into the directory as active; of one that left and was put back the
// last such change, and of one that is not active now the one before it left. Reads family `change` from end to end, as the directory as at a time does.
// DATA_LOSS when a row does not parse; errors of the view. Thread-safe.
absl::StatusOr<std::map<std::string, int64_t, std::less<>>> EnrolledSince(const ReadView& view);

}  // namespace accord::broker

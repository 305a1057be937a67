// `accordctl ledger recover`: the one verb that speaks to nobody and needs no configuration.
#pragma once

#include <absl/status/statusor.h>

#include <functional>

#include "services/accordctl/command_line.h"

namespace accord::accordctl {

// What such a verb does once the command line was understood; the result is the exit status.
using OfflineVerb = std::function<absl::StatusOr<int>(bool json)>;

// Adds it to `ledger`; the callback puts what is to be done into `chosen`.
void AddRecoverVerb(Command& ledger, OfflineVerb& chosen);

}  // namespace accord::accordctl

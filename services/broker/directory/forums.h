// Which agency speaks for a forum.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "services/broker/sequencer/command.h"

namespace accord::broker {

// The agency that coordinates the forum as the batch under way knows it; empty when there is no such forum, or it does not sit.
// DATA_LOSS when it does not parse. Of the sequencer thread.
absl::StatusOr<std::string> CoordinatorOf(CommitContext& context, std::string_view forum);

}  // namespace accord::broker

// `accordctl completion` and `accordctl man`: what accordctl says of itself. They speak to nobody and need no configuration.
#pragma once

#include "services/accordctl/command_line.h"
#include "services/accordctl/recover_verb.h"

namespace accord::accordctl {

// Adds them to `line`, the whole of which they describe: what is added to it later too. `line` must outlive `chosen`.
void AddSelfVerbs(CommandLine& line, OfflineVerb& chosen);

}  // namespace accord::accordctl

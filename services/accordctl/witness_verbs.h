// The verbs of witnessing, under `accordctl ledger`: witness-key, policy, report-fork.
#pragma once

#include "services/accordctl/command_line.h"
#include "services/accordctl/recover_verb.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// Adds them to `ledger`. The first two speak to nobody and go into `offline`, the last into `chosen`.
void AddWitnessVerbs(Command& ledger, Verb& chosen, OfflineVerb& offline);

}  // namespace accord::accordctl

// `accordctl policy …`: the rules that decisions are made by, tried and explained.
#pragma once

#include "services/accordctl/recover_verb.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {

// Adds list, show, diff, test, explain and forums; `test --offline` speaks to nobody and needs no configuration.
void AddPolicyVerbs(Command& app, Verb& chosen, OfflineVerb& offline);

}  // namespace accord::accordctl

// The command line of accordctl.
#pragma once

#include "common/base/random.h"

namespace accord::accordctl {

// Understands the command line, does what it says, prints what came of it. Returns the exit status of design.md §8: 0, 1
// the thing asked for failed, 2 wrong use. With --json, standard output is one JSON document, whatever happens but
// a command line that is not understood. Blocks. Call EnforceTls13 before.
int RunAccordctl(int argc, const char* const* argv, Random& random);

}  // namespace accord::accordctl

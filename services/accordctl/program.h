// The command line of accordctl.
#pragma once

#include "common/base/random.h"
#include "services/accordctl/command_line.h"
#include "services/accordctl/recover_verb.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// The command line of accordctl with where its values go. Not movable: what is in it refers to it.
class Program {
 public:
  Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  CommandLine line;
  Settings settings;
  // One of them is set once a command line was understood.
  Verb verb;
  OfflineVerb offline;
};

// Understands the command line, does what it says, prints what came of it. Returns the exit status of design.md §8: 0, 1
// the thing asked for failed, 2 wrong use. With --json, standard output is one JSON document, whatever happens. Sets what SIGPIPE does.
// Blocks. Call EnforceTls13 before.
int RunAccordctl(int argc, const char* const* argv, Random& random, Connector connect = rpc::MakeChannel);

}  // namespace accord::accordctl

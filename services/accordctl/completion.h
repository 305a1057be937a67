// Completion of a command line in a shell, made from its description: verbs, options, the words that a value must be one of, files.
#pragma once

#include <string>

#include "services/accordctl/command_line.h"

namespace accord::accordctl {

// A script for bash 4 or later that completes what `line` takes; to be sourced. Pure. Thread-safe.
//
// It calls nobody and needs no program but bash: what there is to complete stands in it. Agencies and administrators (`--as`,
// `--as-admin`) are those of the file that --config or ACCORDCTL_CONFIG names.
std::string BashCompletion(const CommandLine& line);

}  // namespace accord::accordctl

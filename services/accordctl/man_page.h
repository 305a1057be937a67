// The page of the manual of a program, made from the description of its command line.
#pragma once

#include <string>

#include "services/accordctl/command_line.h"

namespace accord::accordctl {

// Section 1, in the man macros, in ASCII: name, synopsis, the options that every verb takes, each verb with what it takes and its
// examples, exit statuses, environment. Pure. Thread-safe.
std::string ManPage(const CommandLine& line);

}  // namespace accord::accordctl

// The page of the manual of a program whose command line CLI11 reads, made from what its --help is made from. accordctl, which describes its
// command line without CLI11, makes its own (services/accordctl/man_page.h).
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace accord::console {

// Section 1, in the man macros, in ASCII: name, synopsis, options, each subcommand with what it takes, the footer, exit statuses. What the
// help hides is left out. Pure. Thread-safe.
std::string ManualPage(const CLI::App& app);

// Adds `--man`, which prints the page and ends with 0, whatever else is required. `app` must outlive the parsing.
void AddManualFlag(CLI::App& app);

}  // namespace accord::console

// Text as the macros of the manual show it.
#pragma once

#include <string>
#include <string_view>

namespace accord::console {

// `text`, our own UTF-8, in ASCII as roff shows it and does not obey it: hyphens that can be copied, and no line that begins like a request.
// Pure. Thread-safe.
std::string Roff(std::string_view text);

// The sections that end the page of every program: what its exit status says (design.md §8). Pure. Thread-safe.
std::string RoffExitStatus();

}  // namespace accord::console

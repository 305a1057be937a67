// A timeline as one page that loads nothing and runs nothing: to read, to print, to keep with a file. Pure. Thread-safe.
#pragma once

#include <string>

#include "services/accordctl/timeline.h"

namespace accord::accordctl {

// The same timeline is the same bytes. All text in it is escaped; what colours say, words say too.
std::string TimelinePage(const Timeline& timeline);

}  // namespace accord::accordctl

// Which cases are counted as one, since agencies confirmed that they are (docs/cases.md).
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "common/base/executor.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

// Of each of `cases` that is confirmed to be one with another, and of those others, through others too: the one that stands for all of them, which is the
// first of them. A case that is not there stands for itself. By the links as they stand now, but for answers given after `until_ms`; at most
// kLinkedCasesMax cases are one. Threads of `executor` that are free help to read. DATA_LOSS when a row does not parse; errors of the view. Thread-safe.
absl::StatusOr<std::map<std::string, std::string, std::less<>>> GroupsOfCases(const ReadView& view, Executor& executor, const std::set<std::string>& cases,
                                                                              int64_t until_ms);

}  // namespace accord::broker

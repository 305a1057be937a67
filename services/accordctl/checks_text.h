// The table of a check as people read it.
#pragma once

#include <absl/time/time.h>

#include <string>

#include "accord/agency/v1/agency_service.pb.h"

namespace accord::accordctl {

// How far it is, in one line: "3 of 5 answered, due 27 Nov 14:02"; "…, its time is over since …"; "all 5 have answered". Pure. Thread-safe.
std::string ChecksProgress(const agency::v1::GetChecksResponse& checks);
// That line, and a row for each agency that was asked: answer, reason, when, by when, and what it sent in answer. London times. Pure. Thread-safe.
std::string ChecksText(const agency::v1::GetChecksResponse& checks, size_t width);

}  // namespace accord::accordctl

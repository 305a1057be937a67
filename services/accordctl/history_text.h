// What the broker's rules find about the cases of a referral, as people read it.
#pragma once

#include <cstddef>
#include <string>

#include "accord/broker/v1/case_service.pb.h"

namespace accord::accordctl {

// A line for each thing that is known, of whatever there is: an answer has the same lines when there is nothing. Pure. Thread-safe.
std::string HistoryText(const broker::v1::CaseHistory& history, size_t width);

// The same in one line, for a table of facts: "escalation: 3 to 4 events; last Marac referral 10 Jan 2026"; "nothing found". Pure.
// Thread-safe.
std::string HistoryLine(const broker::v1::CaseHistory& history);

}  // namespace accord::accordctl

// Whether anybody is there to open what was sent, and by when it is due, as people read it.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"

namespace accord::accordctl {

// Of a submission that is IMMEDIATE: a line for each recipient, which says whether somebody was called there and, if nobody is on
// duty, whom to telephone. Of others with clocks: by when each is to open and answer it. Empty when there is nothing to say. London
// times. Pure. Thread-safe.
std::string RecipientsText(const agency::v1::Submission& submission, absl::Time now, size_t width, bool coloured);

// By when the item is to be opened or answered: "27 Nov 14:02", "overdue 2 h"; "-": no clock runs. Pure. Thread-safe.
std::string DueText(const agency::v1::InboxItem& item, absl::Time now);

// What waits, grouped in plain words; "Nothing waits." when nothing does. Pure. Thread-safe.
std::string TodayText(const std::vector<agency::v1::TodayItem>& items, absl::Time now, size_t width, bool coloured);

}  // namespace accord::accordctl

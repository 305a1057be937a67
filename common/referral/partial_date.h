// Dates as records have them: known to the second, the day, the month or the year. Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "accord/type/v1/referral.pb.h"
#include "accord/type/v1/vocabulary.pb.h"

namespace accord::referral {

// The range that `text` stands for: `YYYY`, `YYYY-MM`, `YYYY-MM-DD` (calendar days of UTC) or RFC 3339 with seconds and
// zone, from 1900 to 2199. FIELD_INVALID naming `field` otherwise; the text itself is not repeated, it is personal.
absl::StatusOr<type::v1::TimeRange> ParsePartialDate(std::string_view text, std::string_view field);

// The age band of somebody with these recorded dates of birth at `event`. What is uncertain protects: each date of
// birth counts as the latest it may be, the event as the earliest, and of several dates of birth the youngest counts.
// Dates that do not parse are passed over; UNSPECIFIED when none is left. Born on 29 February: a year older on 1 March.
type::v1::AgeBand AgeBandAt(const type::v1::TimeRange& event,
                            const google::protobuf::RepeatedPtrField<std::string>& dates_of_birth);

}  // namespace accord::referral

// What an answer rests on, agency by agency.
//
// Pure. Thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "accord/inspection/v1/table.pb.h"
#include "services/broker/questions/question.h"

namespace accord::broker {

// One for each agency that acted in, sent or was to receive any of `input.referrals`, acted in its case, was asked about or is expected: which kinds of its entries there are from
// `from_ms` to before `until_ms`, from when to when, the longest stretch of days without any, and how many of its referrals were recorded later. With `small_left_out`
// nothing but its enrolment of one that has entries of fewer than kSmallCount (suppression.h) of these referrals, as of one that has none; and of others from which UTC day
// to which. How many were recorded later is left to LeaveOutTold.
void AddCoverage(const QuestionInput& input, int64_t from_ms, int64_t until_ms, bool small_left_out, inspection::v1::Table& table);

}  // namespace accord::broker

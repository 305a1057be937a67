// What is left out of an answer for who may not have it, identities and small counts, and what it did not look at (docs/questions.md).
//
// Pure. Thread-safe.
#pragma once

#include <cstdint>

#include "accord/inspection/v1/table.pb.h"
#include "accord/inspection/v1/trail_service.pb.h"
#include "services/broker/questions/question.h"
#include "services/broker/warrants/scope.h"

namespace accord::broker {

inline constexpr char kNothingFound[] = "No record in Accord of any such thing in what was asked about";

// Whether small counts are left out. Administrators have every row of a list, so that its counts are none to them.
bool LeavesOutSmall(const Question& question, const inspection::v1::AskQuestionRequest& request, const Scope& scope);
// Leaves them out. Of a list the rows are what was asked for; how many of how many they are is not.
void LeaveOutSmall(const Question& question, inspection::v1::Table& table);

// Leaves out what names cases, referrals and workers, the entries behind each row, and the moments, which tell the entries.
void LeaveOutIdentities(const Question& question, inspection::v1::Table& table);

// Says what may make an answer say less than who reads it expects: beyond the warrant's period nothing is looked at, so that nothing is late for want of it;
// cases that are counted as one; and an agency or area that the directory does not know. `now_ms` is when it was asked.
void AddBounds(const inspection::v1::AskQuestionRequest& request, const Scope& scope, const Question& question, int64_t now_ms, const QuestionInput& input,
               inspection::v1::Table& table);

// Says that something was not looked at, or erased: how much only where `counts_shown`.
void AddLeftOut(bool outside, uint64_t erased, bool counts_shown, inspection::v1::Table& table);

}  // namespace accord::broker

// The rows of the table of named questions, by theme; Questions() (question.h) puts them together.
#pragma once

#include <vector>

#include "services/broker/questions/question.h"

namespace accord::broker {

std::vector<Question> TimelinessQuestions();     // 2, 6, 16
std::vector<Question> ReachQuestions();          // 3, 4, 5, 17
std::vector<Question> SharingQuestions();        // 7, 8, 21
std::vector<Question> RepeatQuestions();         // 10, 11, 12, 18
std::vector<Question> ForumQuestions();          // 13, 14, 15, 19
std::vector<Question> RecordQuestions();         // 1, 9, 20, 22
std::vector<Question> CommissioningQuestions();  // 101, 102

}  // namespace accord::broker

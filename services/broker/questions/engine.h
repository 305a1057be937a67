// Asks a named question of the record within a scope: what is understood of a request, and its answer.
//
// Every referral and every entry that an answer rests on is judged by the scope; what it does not cover is as if it were not there, and
// a note says so. What is left out for who may not have it: identities, small counts, rows (docs/warrants.md).
//
// Thread-safe: all functions are pure but for what they read of the view.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>

#include "accord/inspection/v1/trail_service.pb.h"
#include "common/base/executor.h"
#include "services/broker/directory/directory.h"
#include "services/broker/questions/asked.h"
#include "services/broker/questions/question.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/trails/index.h"
#include "services/broker/warrants/scope.h"

namespace accord::broker {

inline constexpr size_t kQuestionReferralsMax = 20'000;  // Looked at for one answer.
inline constexpr int64_t kQuestionPeriodMsMax = 732 * kDayMs;  // Two years, whatever the years.
inline constexpr int kQuestionValuesMax = 32;  // Of each list.
inline constexpr uint32_t kQuestionDaysMax = 3660, kQuestionCountMax = 1000;

// The question of the request, whose parameters are those that it takes.
//   QUESTION_UNKNOWN
//   FIELD_MISSING, FIELD_INVALID  with `field`
//   WARRANT_SCOPE                 with `dimension`: what is asked lies outside the warrant; `rows` of a list for who may have counts alone, `case` of one
//                                 case for who may have no identities
absl::StatusOr<const Question*> CheckQuestion(const inspection::v1::AskQuestionRequest& request, const Scope& scope);
// WARRANT_SCOPE, with `dimension`, unless areas, agencies and period are within those that the warrant names.
absl::Status CheckAskedWithin(const Scope& scope, const AskedNames& areas, const AskedNames& agencies, int64_t from_ms, int64_t until_ms);
// FIELD_INVALID when one has more than kQuestionValuesMax. Nothing else is needed of them: a value that is not known finds nothing.
absl::Status CheckAskedLists(const AskedNames& areas, const AskedCodes& grades, const AskedCodes& age_bands);
// FIELD_MISSING, FIELD_INVALID unless it is one of at most two years. REQUIRES of all three: nothing.
absl::Status CheckPeriod(int64_t from_ms, int64_t until_ms);

// What a referral, and one entry of it, is judged by.
ScopeFacts ScopeFactsOf(const ReferralFacts& facts, const DirectorySnapshot& directory);
ScopeFacts ScopeFactsOf(const ReferralFacts& facts, const FactEvent& event, const DirectorySnapshot& directory);

// The whole answer over the first `tree_size` entries, as of `now_ms`. `scope` as that of CheckQuestion. Threads of `executor` that are free help
// to read.
//   QUERY_TOO_COSTLY  more than kQuestionReferralsMax
//   WARRANT_SCOPE     the case or referral is not covered
//   REFERRAL_NOT_FOUND, ENTRY_NOT_FOUND  there is no such referral or case, to who may know
//   errors of the view
absl::StatusOr<inspection::v1::Table> AnswerQuestion(const ReadView& view, Executor& executor, const TrailKeys& keys, const DirectorySnapshot& directory,
                                                     const referral::ClockRules& clocks, const Scope& scope, const Question& question, const inspection::v1::AskQuestionRequest& request,
                                                     uint64_t tree_size, int64_t now_ms);

// The same of facts that were read and judged: `asked` are asked about, `beside` are others of their cases, and newer versions. Pure; for tests too.
struct JudgedFacts {
  std::vector<ReferralFacts> asked, beside;
  std::map<std::string, std::string, std::less<>> groups;  // GroupsOfCases.
  std::set<std::string> barred_administrators;             // With a conflict of interest.
  std::vector<FactEvent> of_case;  // Of the case that is asked about: what stands on no chain of its referrals.
  uint64_t outside = 0;  // Referrals and entries that the scope does not cover.
  uint64_t erased = 0;
};
inspection::v1::Table ComputeAnswer(const JudgedFacts& facts, const std::map<std::string, AgencyFacts, std::less<>>& agencies, const referral::ClockRules& clocks, const Scope& scope,
                                    const Question& question, const inspection::v1::AskQuestionRequest& request, uint64_t tree_size, int64_t now_ms);

// What the directory says of its agencies, and its changes of since when they are enrolled. Errors of EnrolledSince.
absl::StatusOr<std::map<std::string, AgencyFacts, std::less<>>> AgencyFactsOf(const ReadView& view, const DirectorySnapshot& directory);

}  // namespace accord::broker

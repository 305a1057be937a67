// One question about a trail, from the request to its pages.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/inspection/v1/trail_service.pb.h"
#include "common/base/clock.h"
#include "services/broker/api/running_place.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"
#include "services/broker/trails/filter.h"
#include "services/broker/trails/trail.h"

namespace accord::broker {

inline constexpr std::string_view kQueryTrail = "/accord.inspection.v1.TrailService/QueryTrail";
// For cases of subjects under a warrant, of all callers: each looks at up to kSubjectEntriesMax entries before anything is on the record of it.
inline constexpr int kSubjectSearchesAtOnceMax = 2;

// What the calls need. All that is named must outlive the server.
struct TrailWork {
  Sequencer& sequencer;
  const DirectoryHolder& directory;
  const TrailKeys& keys;
  const CaseLinker& linker;
  RefusalRecorder& refusals;
  Executor& executor;  // Helps to read.
  Executor& ahead;     // Reads while a query's entry waits for the disk, behind everybody else.
};

// Where a page begins: the query it is of, and the sequence in its chain or, of a filter, the place in the log. Without a place: the first.
struct TrailPosition {
  uint64_t query_index = 0;
  std::optional<uint64_t> place;
};

// A question, once it is understood.
struct TrailQuery {
  Caller caller;
  std::string method, purpose, warrant;
  std::shared_ptr<const DirectorySnapshot> directory;
  QueryEntry entry;                                    // To be recorded before the first row.
  std::optional<inspection::v1::TrailFilter> filter;   // Of the entries that it selects, or else
  Trail trail;                                         // of one chain.
  Scope scope;                                         // Of `filter`.
  std::vector<std::string> subject_cases;              // Of `filter`, on the first page: what NameOnRecord found.
  std::string page_query;
  int page_size = 0;
  std::optional<TrailPosition> from;                   // Absent for the first page.
  std::unique_ptr<RunningPlace> searching;             // Of kSubjectSearchesAtOnceMax, from NameOnRecord on; the caller gives it back once the entry is there.

  TrailAsker asker(absl::Time now) const { return {caller, method, purpose, warrant, *directory, now}; }
};

// FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN, PAGE_TOKEN_INVALID, ERASED; of a filter NOT_PERMITTED to an agency; those of OpenTrail. Of a filter it reads nothing
// of the record. Thread-safe.
absl::StatusOr<TrailQuery> ReadTrailQuery(const TrailWork& work, const ReadView& view, const Caller& caller, std::string_view method, absl::Time now,
                                          const inspection::v1::QueryTrailRequest& request);

// Before a filter's first page: the cases that it names and those of its subjects go into its entry, so that their trails and question 9 show who read them, as if
// each had been asked about alone; and who is told of it. Any other query has both already. `searches`, which must outlive the query, counts those that look
// for cases of subjects under a warrant. Thread-safe. Errors of the view;
//   QUEUE_FULL        kSubjectSearchesAtOnceMax do
//   ENTRY_NOT_FOUND   a case that it names is not there
//   QUERY_TOO_COSTLY  CasesOfSubjects. It tells of somebody, so it is to be recorded though it is no refusal (api/handle.h)
absl::Status NameOnRecord(const TrailWork& work, std::atomic<int>& searches, const ReadView& view, TrailQuery& query);

// Fills the page at `position` and returns where the next one begins; nothing for the last, which ends with the query's own row. A warrant is
// judged again. ENTRY_NOT_FOUND when the position is of no query of this caller for this, or it is over; PAGE_TOKEN_INVALID when it is of a later page
// of a filter by subject whose query stands on no case of them: one of subjects in no case has one page; errors of reading. Thread-safe.
absl::StatusOr<std::optional<uint64_t>> AnswerTrailPage(const TrailWork& work, const ReadView& view, const TrailQuery& query, TrailPosition position,
                                                        absl::Time now, inspection::v1::QueryTrailResponse& response);

// How it would be read, without what that tells of entries: it is no query of the record (kExplainedEntriesMin). Errors of reading. Thread-safe.
absl::StatusOr<FilterPath> ExplainTrailQuery(const TrailWork& work, const ReadView& view, const TrailQuery& query);

}  // namespace accord::broker

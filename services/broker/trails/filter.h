// Entries that a filter selects: read from the index of what selects the fewest, the rest checked entry by entry.
//
//   filter ─▶ conditions, each with what it is found by ─▶ the one with the fewest rows in the period ─▶ its entries, in order
//          ─▶ opened ─▶ every condition ─▶ the scope ─▶ a row
//
// What the index has not reached yet is read from the log itself, likewise in order. Nothing is shown for what the index says alone.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "accord/inspection/v1/trail_service.pb.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/trails/index.h"
#include "services/broker/trails/postings.h"
#include "services/broker/warrants/scope.h"

namespace accord::broker {

inline constexpr int kFilterValuesMax = 32;                   // Of each list but of cases.
inline constexpr int kFilterCasesMax = 100;                   // As many as a bundle may have.
inline constexpr size_t kFilterSubjectCasesMax = 100;         // That all subjects of one are in: its query stands on the chain of each.
inline constexpr uint64_t kSubjectEntriesMax = 20'000;        // Looked at to find of which of them a warrant covers anything.
inline constexpr uint64_t kExplainedEntriesMax = 1'000'000;   // Told no further.
// No smaller number is told, nor another than a power of two: an explanation is no entry, and how many entries there are in a short time is what somebody
// did in it.
inline constexpr uint64_t kExplainedEntriesMin = 1'024;

using SubjectIndexOf = std::function<std::string(const type::v1::SubjectToken&)>;  // CaseLinker::Index.

// What a filter is read by. What it points to must outlive the search.
struct FilterGround {
  const TrailKeys& keys;
  const DirectorySnapshot& directory;
  const Scope& scope;
  // Pseudonyms of its subjects' cases: those that the query stands on the record of, so that none is read of which the record does not say so.
  std::vector<std::string> subject_cases = {};
};

// Pseudonyms of the cases that any of the filter's subjects is in, in order: of an administrator's all, under a warrant those on whose chains is anything that it
// covers. No other may be put on the record of the query, for who may hold the leaves would see which they are. Errors of the view;
//   QUERY_TOO_COSTLY  a token is in more cases than are listed with it; these are in more than kFilterSubjectCasesMax, or it takes more than kSubjectEntriesMax
//                     entries to tell
absl::StatusOr<std::vector<std::string>> CasesOfSubjects(const ReadView& view, const SubjectIndexOf& index_of, const DirectorySnapshot& directory, const Scope& scope,
                                                         const inspection::v1::TrailFilter& filter);
// Those of `chains`, on which such a query stands, that are cases of the filter's subjects: what its further pages may read. Errors of the view.
absl::StatusOr<std::vector<std::string>> SubjectCasesAmong(const ReadView& view, const SubjectIndexOf& index_of, const inspection::v1::TrailFilter& filter,
                                                           const std::set<std::string>& chains);

// OK when the filter is one. Pure. Thread-safe.
//   FIELD_MISSING  no list and no period; workers without exactly one agency
//   FIELD_INVALID  too many values; no agency id, area or period; a token or case of another length
//   ENUM_UNKNOWN   a value that is none, or unspecified
absl::Status ValidateFilter(const inspection::v1::TrailFilter& filter);

// How it would be read.
struct FilterPath {
  std::string by;                    // In plain English.
  uint64_t entries = 0;              // Looked at, at most; as CoarseEntries tells it.
  std::vector<std::string> checked;  // Conditions that are checked entry by entry.
};
// What may be told of so many entries: at most that many are looked at. Pure.
uint64_t CoarseEntries(uint64_t entries);

// One page.
struct FilterPage {
  std::vector<IndexedEntry> entries;
  bool last = true;
  uint64_t next = 0;  // Where the next page begins.
};

// One filter over the entries before `end`. Single-thread.
class TrailSearch {
 public:
  // REQUIRES: ValidateFilter(filter). Errors of the view.
  static absl::StatusOr<TrailSearch> Make(const ReadView& view, const FilterGround& ground, const inspection::v1::TrailFilter& filter,
                                          uint64_t end);

  // Where the first page begins.
  uint64_t begin() const { return newest_first_ ? range_.until : range_.from; }
  // Says what the filter itself says and how long the log is in the period, which everybody may see, and reads nothing: which of two things has fewer rows
  // tells of those rows, however coarse the number, and nobody would know that it was told.
  FilterPath Explain() const;
  // Up to `entries_max` entries from `next` on. It looks at kTrailEntriesScannedMax at most, so that a page may have fewer, or none, and yet not be
  // the last. Errors of the view; STORE_CORRUPT for an entry that fails a check.
  absl::StatusOr<FilterPage> Read(const ReadView& view, uint64_t next, int entries_max) const;

 private:
  // Any of some values of one thing.
  struct Condition {
    std::string name;               // In plain English.
    std::vector<std::string> covers;  // Names of the conditions that need no check when this one is read by.
    std::vector<Posting> postings;  // Where it is found.
  };
  explicit TrailSearch(const FilterGround& ground) : ground_(ground) {}

  void AddConditions();
  void AddCases(std::string name, const std::vector<std::string>& cases);
  void AddScope();
  void Add(std::string name, std::vector<std::string> covers, std::vector<Posting> postings);
  // The condition that is read by; null: none has an index.
  absl::StatusOr<const Condition*> Choose(const ReadView& view) const;
  absl::StatusOr<bool> Selects(const ReadView& view, const IndexedEntry& entry) const;

  const FilterGround ground_;
  inspection::v1::TrailFilter filter_;
  bool newest_first_ = false;
  IndexRange range_;
  uint64_t indexed_ = 0;
  std::vector<std::string> area_agencies_;  // Of filter_.areas().
  std::vector<Condition> conditions_;       // Of the filter, in the order in which they are told, then of the scope.
  std::vector<std::string> unindexed_;      // Names of the filter's conditions that nothing is found by.
};

}  // namespace accord::broker

// A case or a referral across agencies, on one screen: what came, who got what and why not, how long each waited and against which deadline,
// and where the record is silent. Made of rows that were checked against the log and of nothing else, so that the same rows are always the
// same words (timeline_html.h makes them a page). Pure. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/accordctl/trail_rows.h"

namespace accord::accordctl {

inline constexpr int kGapDays = 14;  // Without any entry: a stretch that is marked.
inline constexpr std::string_view kUnsentWords = "permitted, and no record in Accord that it was sent";

// What the reader can hold the timeline to.
struct TimelineProof {
  std::string origin;
  std::string completeness;  // As the broker grades it; empty: it told none.
  uint64_t query_index = 0;  // The entry that records the question.
  bool every_entry = false;  // The rows are the chain's without a gap.
  // The checkpoint that every row was proved under; size 0: that of the question alone was proved.
  uint64_t checkpoint_size = 0;
  std::string checkpoint_root;  // Hex.
};

// From one thing that happened to another, by its deadline where the record names one.
struct TimelineWait {
  std::string what;                // "collected", "opened by a person", "answered", "outcome told".
  int64_t from_ms = 0;             // When it could first have happened.
  std::optional<int64_t> done_ms;  // Absent: no record in Accord.
  int64_t open_ms = 0;             // Not done: how long it had waited when this was asked; 0: the rows do not tell.
  int64_t due_ms = 0;              // As the first overdue entry says, else what ended it; 0: the record names no deadline.
  std::string clock_version;
  int reminders = 0;               // Overdue entries.
  bool over = false;               // It can no longer happen: declined, returned, recalled, withdrawn, corrected or given up first.
  bool overdue() const { return reminders > 0; }
};

// A section that a recipient did not get.
struct TimelineWithheld {
  std::string section, verdict, reason;
};

// One recipient of one referral.
struct TimelineParty {
  std::string agency;  // With its desk when that is the confidential one.
  std::vector<std::string> gets;   // What was sent to it. A later decision takes back nothing that it has.
  std::vector<std::string> unsent; // Permitted, and no record in Accord that it was sent.
  std::vector<TimelineWithheld> withheld;
  std::vector<TimelineWait> waits;
  std::string stands;              // Its last statement on what was asked of it, or what became of the delivery.
  std::vector<std::string> silent; // "no record in Accord that anybody opened it".
};

struct TimelineReferral {
  std::string digest;  // Hex.
  std::string sender, recorded_as, agreement;
  int64_t time_ms = 0;
  std::vector<TimelineParty> parties;
};

// One line of the course of events.
struct TimelineEvent {
  enum class Mark { kPlain, kOverdue, kWithheld, kChange, kFlag, kClosed };
  uint64_t entry = 0;
  int64_t time_ms = 0;
  std::string what, who, to, detail, referral;  // `referral`: the first digits of its digest.
  Mark mark = Mark::kPlain;
  int64_t silent_before_days = 0;  // Without any entry before it; 0: less than kGapDays.
};
std::string_view Word(TimelineEvent::Mark mark);  // "overdue", …; empty for a plain one.

struct Timeline {
  std::string about;  // "Case c0de…", "Referral …".
  std::vector<TimelineReferral> referrals;
  std::vector<TimelineEvent> events;
  std::vector<std::string> flags;  // What the case rules found, in words, each once.
  size_t erased = 0, closed = 0;   // Rows that say nothing: erased, and not for this reader.
  size_t left_out = 0;             // Rows of other referrals than the one that is shown.
  TimelineProof proof;
};

// REQUIRES: `rows` in the order of the log (CheckOrder). `only`: header digest of the referral to show; empty: all. That nothing happened until this was asked is
// told of the row that `proof` names.
Timeline MakeTimeline(const std::vector<CheckedRow>& rows, std::string about, TimelineProof proof, const std::string& only = "");

// What a reader is told of a wait: "after 2 hours", "due 14 Mar 2026 17:00, 3 hours late", "no record in Accord in 9 days".
std::string WaitText(const TimelineWait& wait);
// "14 Mar 2026 09:26", by London's clock; "-" for 0.
std::string TimelineTime(int64_t ms);
// Sentences on how complete it is and what would contradict it.
std::vector<std::string> ProofText(const Timeline& timeline);

std::string TimelineText(const Timeline& timeline, size_t width);
nlohmann::json TimelineJson(const Timeline& timeline);

}  // namespace accord::accordctl

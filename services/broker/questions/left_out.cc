#include "services/broker/questions/left_out.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "services/broker/questions/suppression.h"

namespace accord::broker {
namespace {

using inspection::v1::Table;

// What identifies people at the agencies, beside cases and referrals.
bool NamesWorkers(std::string_view column) { return column == "worker" || column == "supervisor" || column == "principal" || column == "noticed_by"; }

// To the day, UTC: the moment of an entry is which entry it is, to whoever has the log's own rows.
std::string CutToDay(const std::string& cell) { return cell.empty() ? cell : fmt::to_string(std::stoll(cell) / kDayMs * kDayMs); }

std::string UtcDay(int64_t ms) { return absl::FormatTime("%Y-%m-%d", absl::FromUnixMillis(ms), absl::UTCTimeZone()); }

}  // namespace

bool LeavesOutSmall(const Question& question, const inspection::v1::AskQuestionRequest& request, const Scope& scope) {
  return question.counts ? request.for_publication() || !scope.small_counts() : !scope.small_counts() && !scope.warrant_id().empty();
}

void LeaveOutSmall(const Question& question, Table& table) {
  LeaveOutTold(table);
  if (question.counts) {
    SuppressSmallCounts(question.sums, table);
    DropEmptiedRows(table);
    RoundShown(table);
    if (table.rows().empty()) table.add_notes(fmt::format("{}, or of too few to be shown.", kNothingFound));
    table.add_notes(fmt::format("Counts below {} are left out, as many more as a sum would give away, and rows of which no count is left. All others, and shares in percent, are "
                                "rounded to the nearest {}: sums and differences of them, in one answer or between two, are not exact to the last unit. Lengths of time are to the "
                                "nearest hour.",
                                kSmallCount, kCountRounding));
  } else {
    table.add_notes(fmt::format("Counts below {} of what is not listed are left out, and notes that count; other counts of it are rounded to the nearest {}.", kSmallCount,
                                kCountRounding));
  }
  if (!question.one) {
    table.add_notes(fmt::format("Of an agency with entries of fewer than {} of the referrals coverage has its name and enrolment alone, as if it had none; of others first and last "
                                "entry to the day.",
                                kSmallCount));
  }
}

void LeaveOutIdentities(const Question& question, Table& table) {
  for (auto& row : *table.mutable_rows()) {
    row.clear_entries();
    for (int column = 0; column < table.columns_size(); ++column) {
      const auto kind = table.columns(column).kind();
      const bool identity = kind == inspection::v1::COLUMN_KIND_CASE || kind == inspection::v1::COLUMN_KIND_REFERRAL || NamesWorkers(table.columns(column).name());
      if (identity) row.set_cells(column, "");
      // A length of time is of one referral in a list, and of many where referrals are counted.
      const bool moment = kind == inspection::v1::COLUMN_KIND_TIME || (kind == inspection::v1::COLUMN_KIND_DURATION && !question.counts);
      if (moment) row.set_cells(column, CutToDay(row.cells(column)));
    }
  }
  table.add_notes("Without identities: cases, referrals, workers and the entries behind each row are left out; times are to the day.");
}

void AddBounds(const inspection::v1::AskQuestionRequest& request, const Scope& scope, const Question& question, int64_t now_ms, const QuestionInput& input, Table& table) {
  const auto& covers = scope.warrant().scope();
  if (covers.until_ms() != 0 && input.now_ms == covers.until_ms() && input.now_ms < now_ms) {
    table.add_notes(fmt::format("As it stood on {}, when the warrant's period ends: what was recorded later was not looked at, and nothing is counted as late for want of it.",
                                UtcDay(covers.until_ms())));
  }
  if (question.cases && covers.from_ms() > 0) {
    table.add_notes(fmt::format("What was recorded before {}, when the warrant's period begins, was not looked at: what a row of the days after it lacks may have come before.",
                                UtcDay(covers.from_ms())));
  }
  if (!input.groups.empty()) {
    table.add_notes("Cases that agencies confirmed to be one are counted together, by the links as they stand, but for answers that were given later than it is asked as at.");
  }
  for (const std::string& agency : request.agencies()) {
    if (!input.agencies.contains(agency)) table.add_notes(fmt::format("The directory has no agency {}: is its id right?", agency));
  }
  for (const std::string& area : request.areas()) {
    const auto has = [&](const auto& one) { return std::find(one.second.areas.begin(), one.second.areas.end(), area) != one.second.areas.end(); };
    const bool known = std::any_of(input.agencies.begin(), input.agencies.end(), has);
    if (!known) table.add_notes(fmt::format("No agency of the directory has the area {}: is its code right?", area));
  }
}

void AddLeftOut(bool outside, uint64_t erased, bool counts_shown, Table& table) {
  if (outside) table.add_notes("Referrals and entries that the warrant does not cover were not looked at: what a row lacks may be among them.");
  if (erased == 0) return;
  table.add_notes(counts_shown ? fmt::format("{} referrals were erased, lawfully and on the record; what they said is not counted.", erased)
                               : "Referrals were erased, lawfully and on the record; what they said is not counted.");
}

}  // namespace accord::broker

// Leaves small counts out of a table of counts, so that nobody is found in it.
//
// Pure. Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

#include "accord/inspection/v1/table.pb.h"
#include "services/broker/questions/question.h"

namespace accord::broker {

inline constexpr uint64_t kSmallCount = 6;  // Counts below it are not shown, nought included.
// What counts are rounded to, and shares in percent, where small ones are left out: as published statistics of health and justice have it. Of two answers, or of several
// sums, the exact difference would be a count that neither shows.
inline constexpr uint64_t kCountRounding = 5;
// What lengths of time are rounded to there: to the moment one would be that of a single referral, and with when it happened tell which entry of the log that is.
inline constexpr int64_t kDurationRoundingMs = int64_t{60} * 60 * 1000;

// Empties every count below kSmallCount of a table whose last row, when it is `all`, is the sum of the others, and whose columns `sums` tell; then as many
// more, the smallest first, that none can be worked out from any one sum: not from what is left when a single one is hidden, nor because all that
// are hidden must stand at a bound. What several sums tell together, RoundShown blurs. Shares and lengths of time in a row that lost a count
// are emptied too, and no row keeps its entries. `suppressed` says which rows lost something.
void SuppressSmallCounts(const std::vector<SumOf>& sums, inspection::v1::Table& table);
// After it. Takes out the rows of which no count is left, whose names would tell that there is at least one.
void DropEmptiedRows(inspection::v1::Table& table);
// After it. Rounds the counts and the shares that are left to the nearest multiple of kCountRounding, and lengths of time to that of kDurationRoundingMs.
void RoundShown(inspection::v1::Table& table);

// A note that counts: it begins with the count, or with `Of` and it.
bool IsCountingNote(std::string_view note);
// Takes out every note that counts, whatever its counts, since one can often be worked out from another; and of the table's own counts those below kSmallCount. The
// others of these it rounds.
void LeaveOutTold(inspection::v1::Table& table);

}  // namespace accord::broker

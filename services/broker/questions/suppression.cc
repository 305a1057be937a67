#include "services/broker/questions/suppression.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "services/broker/questions/rows.h"

namespace accord::broker {
namespace {

using inspection::v1::Table;

struct CountAt {
  uint64_t value = 0;
  bool hidden = false;
};

// A sum that whoever has the table knows: the last of `cells` is the total of those before it.
using KnownSum = std::vector<CountAt*>;

// Hides the smallest that is shown, a part before the total. False when nothing is left to hide.
bool HideOneMore(const KnownSum& sum) {
  CountAt* smallest = nullptr;
  for (size_t i = 0; i + 1 < sum.size(); ++i) {
    if (!sum[i]->hidden && (smallest == nullptr || sum[i]->value < smallest->value)) smallest = sum[i];
  }
  if (smallest == nullptr && !sum.back()->hidden) smallest = sum.back();
  if (smallest == nullptr) return false;
  smallest->hidden = true;
  return true;
}

bool CanBeWorkedOut(const KnownSum& sum) {
  size_t hidden = 0;
  uint64_t hidden_sum = 0;
  bool all_small = true;
  for (size_t i = 0; i + 1 < sum.size(); ++i) {
    if (!sum[i]->hidden) continue;
    ++hidden;
    hidden_sum += sum[i]->value;
    all_small = all_small && sum[i]->value < kSmallCount;
  }
  if (sum.back()->hidden) return hidden == 0;  // The total is what its shown parts add up to.
  if (hidden == 0) return false;
  return hidden == 1 || (all_small && (hidden_sum == 0 || hidden_sum == hidden * (kSmallCount - 1)));
}

class CountGrid {
 public:
  explicit CountGrid(const Table& table) : columns_(table.columns_size()), cells_(static_cast<size_t>(table.rows_size()) * columns_) {
    for (int row = 0; row < table.rows_size(); ++row) {
      for (int column = 0; column < table.columns_size(); ++column) {
        if (!IsCount(table, column)) continue;
        CountAt& cell = At(row, column);
        cell.value = std::stoull("0" + table.rows(row).cells(column));
        cell.hidden = cell.value < kSmallCount;
      }
    }
  }
  static bool IsCount(const Table& table, int column) { return table.columns(column).kind() == inspection::v1::COLUMN_KIND_COUNT; }
  CountAt& At(int row, int column) { return cells_[static_cast<size_t>(row) * columns_ + static_cast<size_t>(column)]; }

 private:
  const size_t columns_;
  std::vector<CountAt> cells_;
};

int ColumnOf(const Table& table, std::string_view name) {
  for (int column = 0; column < table.columns_size(); ++column) {
    if (table.columns(column).name() == name) return column;
  }
  return -1;
}

std::vector<KnownSum> SumsOf(const Table& table, const std::vector<SumOf>& sums, CountGrid& grid) {
  std::vector<KnownSum> known;
  const int last = table.rows_size() - 1;
  const bool has_total = last >= 1 && table.rows(last).cells(0) == kTotalRow;
  for (int column = 0; has_total && column < table.columns_size(); ++column) {
    if (!CountGrid::IsCount(table, column)) continue;
    KnownSum& sum = known.emplace_back();
    for (int row = 0; row <= last; ++row) sum.push_back(&grid.At(row, column));
  }
  for (int row = 0; row <= last; ++row) {
    for (const SumOf& of : sums) {
      KnownSum& sum = known.emplace_back();
      for (const std::string_view part : of.parts) sum.push_back(&grid.At(row, ColumnOf(table, part)));
      sum.push_back(&grid.At(row, ColumnOf(table, of.total)));
    }
  }
  return known;
}

uint64_t RoundedCount(uint64_t count) { return (count + kCountRounding / 2) / kCountRounding * kCountRounding; }

uint64_t ShownCount(uint64_t count) { return count < kSmallCount ? 0 : RoundedCount(count); }

// Of a count that is not shown what is computed from it is not shown either.
void EmptyHidden(CountGrid& grid, int row, Table& table) {
  auto& cells = *table.mutable_rows(row);
  cells.clear_entries();
  bool lost = false;
  for (int column = 0; column < table.columns_size(); ++column) {
    if (!CountGrid::IsCount(table, column) || !grid.At(row, column).hidden) continue;
    lost = true;
    cells.set_suppressed(true);
    cells.set_cells(column, "");
  }
  for (int column = 0; lost && column < table.columns_size(); ++column) {
    const auto kind = table.columns(column).kind();
    if (kind == inspection::v1::COLUMN_KIND_PERCENT || kind == inspection::v1::COLUMN_KIND_DURATION) cells.set_cells(column, "");
  }
}

}  // namespace

void SuppressSmallCounts(const std::vector<SumOf>& sums, Table& table) {
  CountGrid grid(table);
  const std::vector<KnownSum> known = SumsOf(table, sums, grid);
  for (bool changed = true; changed;) {  // Each round hides at least one cell more.
    changed = false;
    for (const KnownSum& sum : known) {
      if (CanBeWorkedOut(sum)) changed = HideOneMore(sum) || changed;
    }
  }
  for (int row = 0; row < table.rows_size(); ++row) EmptyHidden(grid, row, table);
}

void DropEmptiedRows(Table& table) {
  auto& rows = *table.mutable_rows();
  const auto emptied = [&](const inspection::v1::Row& row) {
    if (!row.suppressed()) return false;
    for (int column = 0; column < table.columns_size(); ++column) {
      if (CountGrid::IsCount(table, column) && !row.cells(column).empty()) return false;
    }
    return true;
  };
  rows.erase(std::remove_if(rows.begin(), rows.end(), emptied), rows.end());
}

void RoundShown(Table& table) {
  for (auto& row : *table.mutable_rows()) {
    for (int column = 0; column < table.columns_size(); ++column) {
      std::string& cell = *row.mutable_cells(column);
      if (cell.empty()) continue;
      const auto kind = table.columns(column).kind();
      if (kind == inspection::v1::COLUMN_KIND_COUNT) cell = fmt::to_string(RoundedCount(std::stoull(cell)));
      if (kind == inspection::v1::COLUMN_KIND_PERCENT) cell = fmt::format("{:.1f}", std::round(std::stod(cell) / kCountRounding) * kCountRounding);
      if (kind == inspection::v1::COLUMN_KIND_DURATION) {
        cell = fmt::to_string((std::stoll(cell) + kDurationRoundingMs / 2) / kDurationRoundingMs * kDurationRoundingMs);
      }
    }
  }
}

bool IsCountingNote(std::string_view note) {
  if (note.starts_with("Of ")) note.remove_prefix(3);
  return !note.empty() && note.front() >= '0' && note.front() <= '9';
}

void LeaveOutTold(Table& table) {
  auto& notes = *table.mutable_notes();
  notes.erase(std::remove_if(notes.begin(), notes.end(), IsCountingNote), notes.end());
  table.set_referrals(ShownCount(table.referrals()));
  for (auto& coverage : *table.mutable_coverage()) coverage.set_recorded_later(ShownCount(coverage.recorded_later()));
}

}  // namespace accord::broker

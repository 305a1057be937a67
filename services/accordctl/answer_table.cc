#include "services/accordctl/answer_table.h"

#include <absl/strings/numbers.h>
#include <absl/time/time.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "common/base/working_days.h"
#include "common/console/table.h"
#include "common/console/words.h"

namespace accord::accordctl {
namespace {

using inspection::v1::Column;
using inspection::v1::Row;

constexpr std::string_view kNoRecord = "no record in Accord";
constexpr std::string_view kNothing = "-";
constexpr std::string_view kLeftOut = "*";
constexpr int kEntriesShown = 3;  // Of a row at a terminal; CSV and JSON have all.

// Nothing when the cell is no number: the cell is shown as it came.
std::optional<int64_t> AnswerNumber(const std::string& cell) {
  int64_t value = 0;
  return absl::SimpleAtoi(cell, &value) ? std::optional(value) : std::nullopt;
}

// "2026-07-01 09:30"; with `offset` also the seconds and how far London is from UTC.
std::string AnswerTime(int64_t ms, bool offset) {
  const absl::Time time = absl::FromUnixMillis(ms);
  const absl::CivilSecond london = LondonTime(time);
  const std::string day = fmt::format("{:04}-{:02}-{:02}", london.year(), london.month(), london.day());
  if (!offset) return fmt::format("{} {:02}:{:02}", day, london.hour(), london.minute());
  const bool summer = london.hour() != absl::ToCivilSecond(time, absl::UTCTimeZone()).hour();
  return fmt::format("{}T{:02}:{:02}:{:02}+0{}:00", day, london.hour(), london.minute(), london.second(), summer ? 1 : 0);
}

// The two largest units: "2 d 4 h", "3 h 20 min", "0 min".
std::string AnswerDuration(int64_t ms) {
  const int64_t minutes = std::max<int64_t>(ms, 0) / 60'000, hours = minutes / 60, days = hours / 24;
  if (days > 0) return fmt::format("{} d {} h", days, hours % 24);
  if (hours > 0) return fmt::format("{} h {} min", hours, minutes % 60);
  return fmt::format("{} min", minutes);
}

std::string AnswerCell(const Column& column, const std::string& cell, bool suppressed) {
  // What has no time did not happen as far as the record goes. A word or number that is not there, such as the reason of what needs none, is no such absence.
  if (cell.empty()) return std::string(suppressed ? kLeftOut : column.kind() == inspection::v1::COLUMN_KIND_TIME ? kNoRecord : kNothing);
  const auto number = AnswerNumber(cell);
  switch (column.kind()) {
    case inspection::v1::COLUMN_KIND_TIME: return number.has_value() ? AnswerTime(*number, false) : cell;
    case inspection::v1::COLUMN_KIND_DURATION: return number.has_value() ? AnswerDuration(*number) : cell;
    case inspection::v1::COLUMN_KIND_PERCENT: return cell + " %";
    case inspection::v1::COLUMN_KIND_BOOL: return cell == "true" ? "yes" : "no";
    default: return cell;
  }
}

std::string AnswerEntries(const Row& row) {
  std::vector<std::string> shown;
  for (int i = 0; i < std::min(row.entries_size(), kEntriesShown); ++i) shown.push_back(fmt::to_string(row.entries(i)));
  std::string text = fmt::format("{}", fmt::join(shown, ", "));
  if (row.entries_size() > kEntriesShown) text += fmt::format(" and {} more", row.entries_size() - kEntriesShown);
  return text.empty() ? "-" : text;
}

const std::string& AnswerCellAt(const Row& row, int column) {
  static const std::string kNone;
  return column < row.cells_size() ? row.cells(column) : kNone;
}

// A paragraph that keeps to the width.
std::string AnswerParagraph(std::string_view text, size_t width) {
  std::string out;
  for (const std::string& line : console::Wrap(console::Printable(text), width)) out += line + "\n";
  return out;
}

std::string AnswerRows(const inspection::v1::Table& table, size_t width) {
  if (table.rows().empty()) return fmt::format("{}\n", kNoRecord);
  std::vector<std::string> headings;
  for (const Column& column : table.columns()) headings.push_back(column.name());
  headings.push_back("entries");
  console::Table rows(std::move(headings));
  bool left_out = false;
  for (const Row& row : table.rows()) {
    std::vector<std::string> cells;
    for (int i = 0; i < table.columns_size(); ++i) cells.push_back(AnswerCell(table.columns(i), AnswerCellAt(row, i), row.suppressed()));
    cells.push_back(AnswerEntries(row));
    rows.Add(std::move(cells));
    left_out |= row.suppressed();
  }
  return rows.ToString(width) + (left_out ? "* a small count is left out\n" : "");
}

std::string AnswerCoverage(const inspection::v1::Table& table, size_t width) {
  if (table.coverage().empty()) return "";
  console::Table rows({"agency", "enrolled", "first entry", "last entry", "longest gap", "recorded later", "events"});
  const auto time = [](int64_t ms) { return ms == 0 ? std::string("-") : AnswerTime(ms, false); };
  for (const auto& part : table.coverage()) {
    rows.Add({part.agency(), time(part.enrolled_ms()), time(part.first_ms()), time(part.last_ms()),
              fmt::format("{} days", part.longest_gap_days()), fmt::to_string(part.recorded_later()),
              part.events().empty() ? std::string(kNoRecord) : fmt::format("{}", fmt::join(part.events(), ", "))});
  }
  return "\nWhat it rests on\n" + rows.ToString(width, 2);
}

// What a spreadsheet would run instead of showing it.
bool LooksLikeAFormula(std::string_view text) { return !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos; }

std::string CsvQuoted(std::string text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string CsvText(std::string text) { return CsvQuoted(LooksLikeAFormula(text) ? "'" + text : std::move(text)); }

std::string CsvCell(const Column& column, const std::string& cell) {
  const auto number = AnswerNumber(cell);
  if (number.has_value()) {
    if (column.kind() == inspection::v1::COLUMN_KIND_TIME) return AnswerTime(*number, true);
    if (column.kind() == inspection::v1::COLUMN_KIND_DURATION) return fmt::to_string(*number / 60'000);
    if (column.kind() == inspection::v1::COLUMN_KIND_COUNT) return cell;
  }
  return CsvText(cell);
}

std::string CsvHeading(const Column& column) {
  if (column.kind() == inspection::v1::COLUMN_KIND_DURATION) return CsvText(column.name() + " (minutes)");
  if (column.kind() == inspection::v1::COLUMN_KIND_PERCENT) return CsvText(column.name() + " (%)");
  return CsvText(column.name());
}

nlohmann::json JsonCell(const Column& column, const std::string& cell) {
  if (cell.empty()) return nullptr;
  const auto number = AnswerNumber(cell);
  double share = 0;
  switch (column.kind()) {
    case inspection::v1::COLUMN_KIND_TIME: return number.has_value() ? nlohmann::json(AnswerTime(*number, true)) : nlohmann::json(cell);
    case inspection::v1::COLUMN_KIND_COUNT:
    case inspection::v1::COLUMN_KIND_DURATION: return number.has_value() ? nlohmann::json(*number) : nlohmann::json(cell);
    case inspection::v1::COLUMN_KIND_PERCENT: return absl::SimpleAtod(cell, &share) ? nlohmann::json(share) : nlohmann::json(cell);
    case inspection::v1::COLUMN_KIND_BOOL: return cell == "true";
    default: return cell;
  }
}

// What is said before the rows, and after them.
std::string AnswerHead(const inspection::v1::Table& table, size_t width) {
  return AnswerParagraph(table.title(), width) + (table.definition().empty() ? "" : AnswerParagraph(table.definition(), width));
}

std::string AnswerFoot(const inspection::v1::Table& table, const QueryProof& proof, size_t width) {
  std::string text;
  for (const std::string& note : table.notes()) {
    if (note != kNoRecord) text += AnswerParagraph("note: " + note, width);  // Said in place of the rows already.
  }
  text += AnswerCoverage(table, width);
  // 0 is told of a few too, where small counts are left out.
  const std::string referrals = table.referrals() == 0 ? "no referrals, or too few to tell," : fmt::format("{} referrals", table.referrals());
  return text + AnswerParagraph(fmt::format("\n{} looked at; completeness: {}; asked as entry {} of a log of {} entries",
                                            referrals, table.completeness().empty() ? "not stated" : table.completeness(),
                                            table.query_index(), table.tree_size()),
                                width) +
         AnswerParagraph(QueryProofText(proof), width);
}

}  // namespace

std::string AnswerText(const inspection::v1::Table& table, const QueryProof& proof, size_t width) {
  return AnswerHead(table, width) + "\n" + AnswerRows(table, width) + AnswerFoot(table, proof, width);
}

std::string AnswerCsv(const inspection::v1::Table& table) {
  std::string text;
  for (const Column& column : table.columns()) text += CsvHeading(column) + ",";
  text += "entries,suppressed\r\n";
  for (const Row& row : table.rows()) {
    for (int i = 0; i < table.columns_size(); ++i) text += CsvCell(table.columns(i), AnswerCellAt(row, i)) + ",";
    text += fmt::format("{},{}\r\n", fmt::join(row.entries(), " "), row.suppressed());
  }
  return text;
}

nlohmann::json AnswerJson(const inspection::v1::Table& table, const QueryProof& proof) {
  nlohmann::json columns = nlohmann::json::array(), rows = nlohmann::json::array(), coverage = nlohmann::json::array();
  for (const Column& column : table.columns()) {
    columns.push_back({{"name", column.name()}, {"kind", console::Words(column.kind())}});
  }
  for (const Row& row : table.rows()) {
    nlohmann::json cells = nlohmann::json::object();
    for (int i = 0; i < table.columns_size(); ++i) cells[table.columns(i).name()] = JsonCell(table.columns(i), AnswerCellAt(row, i));
    cells["entries"] = row.entries();
    cells["suppressed"] = row.suppressed();
    rows.push_back(std::move(cells));
  }
  for (const auto& part : table.coverage()) coverage.push_back(ToJson(part));
  return {{"title", table.title()},
          {"definition", table.definition()},
          {"columns", std::move(columns)},
          {"rows", std::move(rows)},
          {"notes", table.notes()},
          {"coverage", std::move(coverage)},
          {"completeness", table.completeness()},
          {"queryIndex", table.query_index()},
          {"treeSize", table.tree_size()},
          {"referrals", table.referrals()},
          {"proof", QueryProofJson(proof)}};
}

void PrintAnswer(const Session& session, const inspection::v1::Table& table, const QueryProof& proof, bool csv) {
  const size_t width = console::TerminalWidth();
  if (session.json()) {
    session.PrintJson(AnswerJson(table, proof));
  } else if (csv) {
    session.Tell(AnswerHead(table, width));
    session.Print(AnswerCsv(table));
    session.Tell(AnswerFoot(table, proof, width));
  } else {
    session.Print(AnswerText(table, proof, width));
  }
}

}  // namespace accord::accordctl

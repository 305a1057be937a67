#include "common/console/table.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "common/base/status.h"
#include "common/console/words.h"

namespace accord::console {
namespace {

constexpr std::string_view kGap = "  ";

// Bytes of the first `width` code points.
size_t PrefixBytes(std::string_view text, size_t width) {
  size_t at = 0;
  for (size_t points = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && ++points > width) break;
  }
  return at;
}

void WrapLine(std::string_view line, size_t width, bool words_whole, std::vector<std::string>& out) {
  while (Width(line) > width) {
    const size_t fits = PrefixBytes(line, width);
    // The space right after what fits is as good as one within.
    size_t space = line.rfind(' ', fits);
    if (words_whole && (space == std::string_view::npos || space == 0)) {
      space = line.find(' ', fits);
      if (space == std::string_view::npos) break;
    }
    if (space == std::string_view::npos || space == 0) {
      out.emplace_back(line.substr(0, fits));
      line.remove_prefix(fits);
    } else {
      out.emplace_back(line.substr(0, space));
      line.remove_prefix(space + 1);
    }
  }
  out.emplace_back(line);
}

std::vector<std::string> WrapText(std::string_view text, size_t width, bool words_whole) {
  std::vector<std::string> lines;
  for (;;) {
    const size_t end = text.find('\n');
    WrapLine(text.substr(0, end), std::max<size_t>(width, 1), words_whole, lines);
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

size_t LongestLine(std::string_view cell) {
  size_t longest = 0;
  for (;;) {
    const size_t end = cell.find('\n');
    longest = std::max(longest, Width(cell.substr(0, end)));
    if (end == std::string_view::npos) return longest;
    cell.remove_prefix(end + 1);
  }
}

std::string_view Code(Colour colour) {
  switch (colour) {
    case Colour::kPlain: return "";
    case Colour::kGreen: return "\x1b[32m";
    case Colour::kYellow: return "\x1b[33m";
    case Colour::kRed: return "\x1b[31m";
    case Colour::kBoldRed: return "\x1b[1;31m";
  }
  return "";
}
constexpr std::string_view kPlainAgain = "\x1b[0m";

std::string InColour(const std::string& text, Colour colour) {
  const std::string_view code = text.empty() ? "" : Code(colour);
  return std::string(code) + text + std::string(code.empty() ? "" : kPlainAgain);
}

bool HasHeadings(const std::vector<std::string>& headings) {
  return std::any_of(headings.begin(), headings.end(), [](const std::string& heading) { return !heading.empty(); });
}

}  // namespace

bool ColourWanted() {
  const char* no_color = getenv("NO_COLOR");
  const char* term = getenv("TERM");
  return isatty(STDOUT_FILENO) != 0 && (no_color == nullptr || *no_color == '\0') && term != nullptr && std::string_view(term) != "dumb";
}

size_t TerminalWidth() {
  if (isatty(STDOUT_FILENO) == 0) return kWidthOfPipe;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) return std::max<size_t>(size.ws_col, kWidthMin);
  const char* columns = getenv("COLUMNS");
  const unsigned long told = columns == nullptr ? 0 : std::strtoul(columns, nullptr, 10);
  return told == 0 ? kWidthDefault : std::clamp<size_t>(told, kWidthMin, kWidthOfPipe);
}

std::vector<std::string> Wrap(std::string_view text, size_t width) { return WrapText(text, width, /*words_whole=*/false); }

std::string Paragraph(std::string_view text, size_t width) {
  std::string paragraph;
  for (const std::string& line : Wrap(text, width)) paragraph += line + "\n";
  return paragraph;
}

Table Table::Facts() {
  Table facts({"", ""});
  facts.words_whole_ = true;
  return facts;
}

void Table::Add(std::vector<std::string> cells) {
  std::vector<Cell> plain;
  for (std::string& cell : cells) plain.push_back({std::move(cell), Colour::kPlain});
  AddColoured(std::move(plain));
}

void Table::AddColoured(std::vector<Cell> cells) {
  ACCORD_CHECK(cells.size() == headings_.size());
  for (Cell& cell : cells) cell.text = Printable(cell.text);
  rows_.push_back(std::move(cells));
}

std::string Table::ToString(size_t width, size_t indent) const {
  std::vector<size_t> columns;
  for (const auto& heading : headings_) columns.push_back(Width(heading));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) columns[i] = std::max(columns[i], LongestLine(row[i].text));
  }
  const auto total = [&] {
    return std::accumulate(columns.begin(), columns.end(), indent + kGap.size() * (columns.size() - 1));
  };
  const size_t whole = whole_ < columns.size() ? std::exchange(columns[whole_], 0) : 0;
  const size_t narrow = width - std::min(width, whole);
  while (total() > narrow) {
    const auto widest = std::max_element(columns.begin(), columns.end());
    if (*widest <= kColumnMin) break;
    // Down to the next widest at once, so that this ends after a few steps.
    size_t next = kColumnMin;
    for (const size_t column : columns) {
      if (column < *widest) next = std::max(next, column);
    }
    const auto equals = static_cast<size_t>(std::count(columns.begin(), columns.end(), *widest));
    const size_t share = (total() - narrow + equals - 1) / equals;
    const size_t from = *widest, to = std::max(next, from - std::min(from, share));
    for (size_t& column : columns) {
      if (column == from) column = std::max(to, kColumnMin);
    }
  }
  if (whole_ < columns.size()) columns[whole_] = whole;
  if (total() > width && HasHeadings(headings_)) return Blocks(width, indent);

  std::string out;
  const auto add = [&](const std::vector<Cell>& cells) {
    std::vector<std::vector<std::string>> lines;
    size_t height = 1;
    for (size_t i = 0; i < cells.size(); ++i) {
      lines.push_back(WrapText(cells[i].text, columns[i], words_whole_ && i + 1 == cells.size()));
      height = std::max(height, lines.back().size());
    }
    for (size_t line = 0; line < height; ++line) {
      std::string text(indent, ' ');
      for (size_t i = 0; i < cells.size(); ++i) {
        const std::string part = line < lines[i].size() ? lines[i][line] : "";
        text += InColour(part, cells[i].colour);
        if (i + 1 < cells.size()) text += std::string(columns[i] - std::min(columns[i], Width(part)), ' ') + std::string(kGap);
      }
      text.erase(text.find_last_not_of(' ') + 1);
      out += text + "\n";
    }
  };
  if (HasHeadings(headings_)) {
    std::vector<Cell> headings, rule;
    for (const auto& heading : headings_) headings.push_back({heading});
    for (const size_t column : columns) rule.push_back({std::string(column, '-')});
    add(headings);
    add(rule);
  }
  for (const auto& row : rows_) add(row);
  return out;
}

std::string Table::Blocks(size_t width, size_t indent) const {
  size_t names = 0;
  for (const auto& heading : headings_) names = std::max(names, Width(heading));
  const size_t before = indent + names + kGap.size();
  const size_t room = std::max(width - std::min(width, before), kColumnMin);
  std::string out;
  for (const auto& row : rows_) {
    if (!out.empty()) out += "\n";
    for (size_t i = 0; i < row.size(); ++i) {
      if (row[i].text.empty()) continue;
      std::string margin = std::string(indent, ' ') + headings_[i];
      margin.append(names - Width(headings_[i]) + kGap.size(), ' ');
      for (const std::string& line : WrapText(row[i].text, room, /*words_whole=*/i == whole_)) {
        out += margin + InColour(line, row[i].colour) + "\n";
        margin.assign(before, ' ');
      }
    }
  }
  return out;
}

}  // namespace accord::console

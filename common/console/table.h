// Tables for people at a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace accord::console {

inline constexpr size_t kWidthDefault = 120;        // Of a terminal that does not tell its own.
inline constexpr size_t kWidthOfPipe = 1'000'000;   // Of what is no terminal: nothing is wrapped or cut for a program.
inline constexpr size_t kWidthMin = 60;
inline constexpr size_t kColumnMin = 12;  // Columns are not wrapped narrower than this.

// The width of the terminal at standard output: what it tells, else COLUMNS, else kWidthDefault; at least kWidthMin. kWidthOfPipe where
// there is none. Not thread-safe against setenv.
size_t TerminalWidth();

// Breaks `text` into lines of at most `width` at spaces, or within a word that is longer. At least one line; a newline
// in `text` breaks too. Thread-safe.
std::vector<std::string> Wrap(std::string_view text, size_t width);

// The same as one text, each of its lines ended by a newline.
std::string Paragraph(std::string_view text, size_t width);

enum class Colour { kPlain, kGreen, kYellow, kRed, kBoldRed };

// Whether to colour what goes to standard output: it is a terminal that takes colours, and the person has not asked for none
// (NO_COLOR set to anything, as https://no-color.org says; TERM=dumb). Not thread-safe against setenv.
bool ColourWanted();

// One cell in a colour.
struct Cell {
  std::string text;
  Colour colour = Colour::kPlain;
};

// Columns as wide as they need; when all together are too wide, the widest are wrapped; and where there is no room for all of them even so, each
// row is a block with a line for each column that has something. Nothing is cut. Cells are made Printable. Thread-compatible.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  // Without headings and rule: names and what they stand for. A word of the latter is never broken, so that an id is copied whole where the
  // terminal itself goes on in the next line.
  static Table Facts();

  // REQUIRES: as many cells as headings.
  void Add(std::vector<std::string> cells);
  // The same with colours, which are always written: the caller asks ColourWanted. REQUIRES: as Add.
  void AddColoured(std::vector<Cell> cells);
  // No word of the column is ever broken: an id that people copy. REQUIRES: there is such a column.
  void KeepWhole(size_t column) { whole_ = column; }
  bool empty() const { return rows_.empty(); }
  // Headings and a rule, unless all headings are empty; the rows. Every line indented by `indent`, without trailing spaces.
  std::string ToString(size_t width, size_t indent = 0) const;

 private:
  std::string Blocks(size_t width, size_t indent) const;

  std::vector<std::string> headings_;
  std::vector<std::vector<Cell>> rows_;
  size_t whole_ = SIZE_MAX;   // None.
  bool words_whole_ = false;  // Of the last column.
};

}  // namespace accord::console

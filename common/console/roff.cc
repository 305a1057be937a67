#include "common/console/roff.h"

#include <fmt/format.h>

#include <cstdint>

namespace accord::console {
namespace {

// The next code point of UTF-8 `text`, which is our own, and past it.
uint32_t NextRoffPoint(std::string_view text, size_t& at) {
  const auto byte = [&] { return static_cast<unsigned char>(text[at++]); };
  const uint32_t first = byte();
  if (first < 0x80) return first;
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  uint32_t point = first & (0x3Fu >> more);
  for (int i = 0; i < more && at < text.size(); ++i) point = (point << 6) | (byte() & 0x3Fu);
  return point;
}

}  // namespace

std::string Roff(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const uint32_t point = NextRoffPoint(text, at);
    const bool line_begins = out.empty() || out.back() == '\n';
    if (line_begins && (point == '.' || point == '\'')) out += "\\&";
    switch (point) {
      case '\\': out += "\\e"; break;
      case '-': out += "\\-"; break;
      case '`': out += "\\(ga"; break;
      case '\'': out += "\\(aq"; break;
      case '^': out += "\\(ha"; break;
      case '~': out += "\\(ti"; break;
      case '"': out += "\\(dq"; break;
      default: out += point < 0x80 ? std::string(1, static_cast<char>(point)) : fmt::format("\\[u{:04X}]", point);
    }
  }
  return out;
}

std::string RoffExitStatus() {
  return ".SH EXIT STATUS\n.TP\n0\nDone; it verifies.\n.TP\n1\nThe thing asked for failed, or does not verify.\n"
         ".TP\n2\nWrong use: command line, configuration, a file that is not there or malformed. Nothing was sent.\n";
}

}  // namespace accord::console

#include "services/accordctl/man_page.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <string_view>

#include "common/base/text.h"

namespace accord::accordctl {
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

// `text` as roff shows it and does not obey it: hyphens that can be copied, and no line that begins like a request.
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

std::string ManValue(const Option& option) {
  if (option.numeric()) return "N";
  if (option.is_directory()) return "DIR";
  if (option.is_path()) return "FILE";
  return option.choices().empty() ? "TEXT" : "WORD";
}

void AddManOption(const Option& option, std::string& page) {
  page += ".TP\n";
  if (option.by_place()) {
    page += fmt::format("\\fI{}\\fR\n", Roff(option.name()));
  } else if (option.takes_value()) {
    page += fmt::format("\\fB{}\\fR \\fI{}\\fR\n", Roff(option.name()), ManValue(option));
  } else {
    page += fmt::format("\\fB{}\\fR\n", Roff(option.name()));
  }
  std::string text = option.help();
  const auto choices = option.choices();
  if (!choices.empty() && text.find(choices.front()) == std::string::npos) text += ". One of " + absl::StrJoin(choices, ", ");
  if (!option.limits().empty()) text += "; " + option.limits();
  if (!option.default_shown().empty()) text += "; " + option.default_shown() + " when not given";
  if (!option.variable().empty()) text += "; when not given, the environment variable " + option.variable();
  if (option.required() && !option.by_place()) text += " (required)";
  page += Roff(text) + "\n";
}

std::string ManSynopsis(const std::string& words, const Command& command) {
  std::string text = words;
  for (const Option& option : command.options()) {
    if (!option.by_place()) continue;
    const std::string shown = option.name() + (option.repeated() ? " …" : "");
    text += option.required() ? " " + shown : " [" + shown + "]";
  }
  return text;
}

void AddManVerbs(const std::string& words, const Command& command, std::string& page) {
  if (command.is_verb()) {
    page += fmt::format(".SS \"{}\"\n{}\n", Roff(ManSynopsis(words, command)), Roff(command.help() + "."));
    if (command.changes()) page += ".br\n" + Roff("Takes --dry-run.") + "\n";
    for (const Option& option : command.options()) AddManOption(option, page);
    for (const Command::OneOf& one_of : command.one_ofs()) {
      page += fmt::format(".P\n{}\n", Roff(fmt::format("Exactly one of ({}):", one_of.title)));
      for (const Option& option : one_of.options.options()) AddManOption(option, page);
    }
    if (!command.footer().empty()) page += fmt::format(".P\n.nf\n{}\n.fi\n", Roff(command.footer()));
  }
  for (const Command& below : command.commands()) AddManVerbs(words + " " + below.name(), below, page);
}

}  // namespace

std::string ManPage(const CommandLine& line) {
  std::string upper = line.name();
  for (char& c : upper) c = absl::ascii_toupper(static_cast<unsigned char>(c));
  std::string page = fmt::format(
      ".\\\" Made by `{0} man` from what `{0} --help` is made from.\n"
      ".TH {1} 1 \"\" \"Accord {2}\" \"Accord\"\n.ad l\n.SH NAME\n{0} \\- {3}\n"
      ".SH SYNOPSIS\n.B {0}\n[\\fIOPTION\\fR ...] \\fIVERB\\fR ...\n.SH OPTIONS\nOf every verb; they may stand before it or after it.\n",
      line.name(), upper, Roff(line.version()), Roff(line.help()));
  for (const Option& option : line.options()) AddManOption(option, page);
  page += ".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nSay what a verb does and takes.\n.TP\n\\fB\\-\\-version\\fR\nSay the version.\n.SH VERBS\n";
  AddManVerbs(line.name(), line, page);
  page +=
      ".SH EXIT STATUS\n.TP\n0\nDone; it verifies.\n.TP\n1\nThe thing asked for failed, or does not verify.\n"
      ".TP\n2\nWrong use: command line, configuration, a file that is not there or malformed. Nothing was sent.\n"
      ".SH ENVIRONMENT\n";
  for (const Option& option : line.options()) {
    if (!option.variable().empty()) page += fmt::format(".TP\n{}\nWhat {} is when it is not given.\n", Roff(option.variable()), Roff(option.name()));
  }
  page +=
      ".TP\nCOLUMNS\nThe width of the terminal, where that does not tell its own. What goes to a pipe or a file is never wrapped or cut.\n"
      ".TP\nNO_COLOR\nSet to anything: no colours. There are none but on a terminal.\n";
  return page;
}

}  // namespace accord::accordctl

#include "services/accordctl/man_page.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <string_view>

#include "common/console/roff.h"

namespace accord::accordctl {
namespace {

using console::Roff;

void AddManOption(const Option& option, std::string& page) {
  page += ".TP\n";
  if (option.by_place()) {
    page += fmt::format("\\fI{}\\fR\n", Roff(option.name()));
  } else if (option.takes_value()) {
    page += fmt::format("\\fB{}\\fR \\fI{}\\fR\n", Roff(option.name()), option.value_word());
  } else {
    page += fmt::format("\\fB{}\\fR\n", Roff(option.name()));
  }
  std::string text = option.whole_help();
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
  page += console::RoffExitStatus() + ".SH ENVIRONMENT\n";
  for (const Option& option : line.options()) {
    if (!option.variable().empty()) page += fmt::format(".TP\n{}\nWhat {} is when it is not given.\n", Roff(option.variable()), Roff(option.name()));
  }
  page +=
      ".TP\nCOLUMNS\nThe width of the terminal, where that does not tell its own. What goes to a pipe or a file is never wrapped or cut.\n"
      ".TP\nNO_COLOR\nSet to anything: no colours. There are none but on a terminal.\n";
  return page;
}

}  // namespace accord::accordctl

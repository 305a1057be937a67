#include "common/console/manual.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <string_view>

#include "common/base/version.h"
#include "common/console/roff.h"

namespace accord::console {
namespace {

// "\fB\-v\fR, \fB\-\-vkey\fR \fITEXT\fR" and what it is.
void AddManualOption(const CLI::Option& option, std::string& page) {
  const std::string type = option.get_type_name();
  const size_t colon = std::min(type.find(':'), type.size());  // What CLI11 checks of the value comes after it.
  std::string names;
  if (option.get_positional()) {
    names = fmt::format("\\fI{}\\fR", Roff(option.get_name(true)));
  } else {
    const auto add = [&](std::string_view dashes, const std::vector<std::string>& all) {
      for (const std::string& name : all) names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", Roff(fmt::format("{}{}", dashes, name)));
    };
    add("-", option.get_snames());
    add("--", option.get_lnames());
    if (option.get_items_expected_max() != 0) names += fmt::format(" \\fI{}\\fR", Roff(type.substr(0, colon)));
  }
  std::string text = option.get_description();
  if (colon < type.size()) text += "; " + type.substr(colon + 1);
  if (!option.get_default_str().empty()) text += fmt::format("; {} when not given", option.get_default_str());
  if (option.get_required()) text += " (required)";
  page += fmt::format(".TP\n{}\n{}\n", names, Roff(text));
}

// The help of a subcommand is said once, of the program.
void AddManualOptions(const CLI::App& app, std::string& page) {
  for (const CLI::Option* const option : app.get_options()) {
    const bool again = app.get_parent() != nullptr && option == app.get_help_ptr();
    if (!option->get_group().empty() && !again) AddManualOption(*option, page);
  }
}

std::vector<const CLI::App*> ShownSubcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* below) { return !below->get_group().empty(); });
}

}  // namespace

std::string ManualPage(const CLI::App& app) {
  std::string upper = app.get_name();
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const auto subcommands = ShownSubcommands(app);
  std::string page = fmt::format(
      ".\\\" Made by `{0} --man` from what `{0} --help` is made from.\n"
      ".TH {1} 1 \"\" \"Accord {2}\" \"Accord\"\n.ad l\n.SH NAME\n{0} \\- {3}\n.SH SYNOPSIS\n.B {0}\n[\\fIOPTION\\fR ...]{4}\n.SH OPTIONS\n",
      app.get_name(), upper, Roff(kVersion), Roff(app.get_description()), subcommands.empty() ? "" : " [\\fICOMMAND\\fR ...]");
  AddManualOptions(app, page);
  if (!subcommands.empty()) page += ".SH COMMANDS\n";
  for (const CLI::App* const below : subcommands) {
    std::string words = app.get_name() + " " + below->get_name();
    for (const CLI::Option* const option : below->get_options()) {
      if (option->get_positional() && !option->get_group().empty()) words += option->get_required() ? " " + option->get_name(true) : " [" + option->get_name(true) + "]";
    }
    page += fmt::format(".SS \"{}\"\n{}\n", Roff(words), Roff(below->get_description() + "."));
    AddManualOptions(*below, page);
    // One that has none inherits the program's.
    if (!below->get_footer().empty() && below->get_footer() != app.get_footer()) page += fmt::format(".P\n.nf\n{}\n.fi\n", Roff(below->get_footer()));
  }
  if (!app.get_footer().empty()) page += fmt::format(".SH NOTES\n.nf\n{}\n.fi\n", Roff(app.get_footer()));
  return page + RoffExitStatus();
}

void AddManualFlag(CLI::App& app) {
  // As CLI11's own --version does.
  app.add_flag_callback("--man", [&app] { throw CLI::CallForVersion(ManualPage(app), 0); }, "Print the page of the manual and exit")->configurable(false);
}

}  // namespace accord::console

#include "services/accordctl/completion.h"

#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <fmt/format.h>

#include <vector>

namespace accord::accordctl {
namespace {

// What is done with the tables. `@PROGRAM@` is the program's name.
constexpr char kCompletionEnd[] = R"bash(
# What a value may be: its words, or @file, @directory, @agency, @admin, @text.
_@PROGRAM@_offer() {
  local offered= section=
  case $1 in
    @file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$2"); return ;;
    @directory) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$2"); return ;;
    @agency | @admin)
      section=${1#@}
      [[ -r $3 ]] && offered=$(sed -n "/^\[\[$section\]\]/,/^id/s/^id *= *\"\([^\"]*\)\".*/\1/p" "$3") ;;
    @text) ;;
    *) offered=$1 ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$2")
}

_@PROGRAM@() {
  local at=. wants= place=0 given= config=${ACCORDCTL_CONFIG-} cur=${COMP_WORDS[COMP_CWORD]} word i
  local -a places
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ -n $wants ]]; then
      [[ $word == = ]] && continue
      [[ $given == --config ]] && config=$word
      wants=
    elif [[ $word == -* ]]; then
      given=$word
      wants=${_@PROGRAM@_values["$at $word"]-${_@PROGRAM@_values[". $word"]-}}
    elif [[ " ${_@PROGRAM@_verbs[$at]-} " == *" $word "* ]]; then
      at=${at%.}.$word
    else
      ((place += 1))
    fi
  done
  [[ $cur == = ]] && cur=
  if [[ -n $wants ]]; then
    _@PROGRAM@_offer "$wants" "$cur" "$config"
  elif [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "${_@PROGRAM@_options[$at]-} ${_@PROGRAM@_options[.]} --help" -- "$cur" | sort -u)
  else
    IFS='|' read -r -a places <<< "${_@PROGRAM@_places[$at]-}"
    if ((place >= ${#places[@]} && ${#places[@]} > 0)) && [[ ${places[-1]} == +* ]]; then place=$((${#places[@]} - 1)); fi
    word=${places[place]-}
    word=${word#+}
    [[ -n ${_@PROGRAM@_verbs[$at]-} ]] && word=${_@PROGRAM@_verbs[$at]}
    [[ -n $word ]] && _@PROGRAM@_offer "$word" "$cur" "$config"
  fi
}
complete -F _@PROGRAM@ @PROGRAM@
)bash";

std::string CompletionKind(const Option& option) {
  const std::vector<std::string> choices = option.choices();
  if (!choices.empty()) return absl::StrJoin(choices, " ");
  if (option.is_directory()) return "@directory";
  if (option.is_path()) return "@file";
  if (option.name() == "--as") return "@agency";
  if (option.name() == "--as-admin") return "@admin";
  return "@text";
}

// One row of a table of the script. What is in it are names and words of our own, without quotes.
std::string CompletionRow(const std::string& key, const std::string& value) { return fmt::format("['{}']='{}'\n", key, value); }

// The tables of a command and all below it.
struct CompletionTables {
  std::string verbs, options, values, places;
};

void AddCompletionOptions(const std::string& at, const OptionSet& set, std::vector<std::string>& options, std::vector<std::string>& places, std::string& values) {
  for (const Option& option : set.options()) {
    if (option.by_place()) {
      places.push_back((option.repeated() ? "+" : "") + CompletionKind(option));
      continue;
    }
    options.push_back(option.name());
    if (option.takes_value()) values += CompletionRow(at + " " + option.name(), CompletionKind(option));
  }
}

void AddCompletionOf(const std::string& at, const Command& command, CompletionTables& tables) {
  std::vector<std::string> verbs, options, places;
  for (const Command& below : command.commands()) verbs.push_back(below.name());
  AddCompletionOptions(at, command, options, places, tables.values);
  for (const Command::OneOf& one_of : command.one_ofs()) AddCompletionOptions(at, one_of.options, options, places, tables.values);
  if (at == ".") options.push_back("--version");
  if (!verbs.empty()) tables.verbs += CompletionRow(at, absl::StrJoin(verbs, " "));
  if (!options.empty()) tables.options += CompletionRow(at, absl::StrJoin(options, " "));
  if (!places.empty()) tables.places += CompletionRow(at, absl::StrJoin(places, "|"));
  for (const Command& below : command.commands()) AddCompletionOf((at == "." ? at : at + ".") + below.name(), below, tables);
}

}  // namespace

std::string BashCompletion(const CommandLine& line) {
  CompletionTables tables;
  AddCompletionOf(".", line, tables);
  const std::string& program = line.name();
  std::string script = fmt::format(
      "# Completion of {0} {1} for bash 4 or later, made by `{0} completion bash`. To have it in every shell:\n"
      "#   {0} completion bash > ~/.local/share/bash-completion/completions/{0}\n",
      program, line.version());
  const auto add = [&](const char* name, const std::string& rows) { script += fmt::format("declare -gA _{}_{}=(\n{})\n", program, name, rows); };
  add("verbs", tables.verbs);
  add("options", tables.options);
  add("values", tables.values);
  add("places", tables.places);
  return script + absl::StrReplaceAll(kCompletionEnd, {{"@PROGRAM@", program}});
}

}  // namespace accord::accordctl

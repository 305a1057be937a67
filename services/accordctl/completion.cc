#include "services/accordctl/completion.h"

#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <fmt/format.h>

#include <vector>

namespace accord::accordctl {
namespace {

// What is done with the tables. `@PROGRAM@` is the program's name.
constexpr char kCompletionEnd[] = R"bash(
# The ids of section $1 of the configuration $3, each after $2.
_@PROGRAM@_ids() {
  [[ -r $3 ]] && sed -n "/^\[\[$1\]\]/,/^ *id/s|^ *id *= *\"\([a-z0-9-]*\)\".*|$2\1|p" "$3"
}

# What a value may be: its words, or @file, @directory, @principal, @admin, @text. $2 is what is there of it, $3 the configuration, $4 what of
# $2 stays: bash replaces what follows the last `:` or `=` alone.
_@PROGRAM@_offer() {
  local offered=
  case $1 in
    @file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
    @directory) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
    @principal) offered="$(_@PROGRAM@_ids agency '' "$3") $(_@PROGRAM@_ids admin admin/ "$3") $(_@PROGRAM@_ids inspector inspector/ "$3")" ;;
    @admin) offered=$(_@PROGRAM@_ids admin '' "$3") ;;
    @text) ;;
    *) offered=$1 ;;
  esac
  [[ -n $offered ]] && mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$2")
  [[ -n $4 ]] && COMPREPLY=("${COMPREPLY[@]#"$4"}")
}

_@PROGRAM@() {
  local at=. wants= taken= given= place=0 config=${ACCORDCTL_CONFIG-} line=$COMP_LINE last=${COMP_WORDS[COMP_CWORD]} cur word i
  local redirects='^([0-9]*|&)[<>]+[|]?([^&]*)$'
  local -a words=() places
  COMPREPLY=()
  # bash breaks words at `:` and `=` as well; here they are whole again.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $i -eq 0 || $line == [[:space:]]* ]]; then words+=("$word"); else words[-1]+=$word; fi
    line=${line#"${line%%[![:space:]]*}"}
    line=${line#"$word"}
  done
  cur=${words[-1]}
  unset 'words[-1]'
  [[ $last =~ ^[:=@\<\>\|\&]+$ ]] && last=
  for word in "${words[@]:1}"; do
    if [[ $word =~ $redirects ]]; then
      [[ -n ${BASH_REMATCH[2]} ]] || { given='>' taken= wants=@file; }
    elif [[ -n $wants && ! ( -n $taken && $word == -* ) ]]; then
      [[ $given == --config ]] && config=${word/#\~\//$HOME/}
      taken=yes
      [[ $wants == +* ]] || wants=
    elif [[ $word == --*=* ]]; then
      [[ $word == --config=* ]] && word=${word#*=} && config=${word/#\~\//$HOME/}
      wants=
    elif [[ $word == -* ]]; then
      given=$word taken=
      wants=${_@PROGRAM@_values["$at $word"]-${_@PROGRAM@_values[". $word"]-}}
    elif [[ " ${_@PROGRAM@_verbs[$at]-} " == *" $word "* ]]; then
      at=${at%.}.$word
    else
      ((place += 1))
    fi
  done
  if [[ $cur =~ $redirects ]]; then
    wants=@file cur=${BASH_REMATCH[2]}
  elif [[ $cur == --*=* ]]; then
    word=${cur%%=*} cur=${cur#*=}
    wants=${_@PROGRAM@_values["$at $word"]-${_@PROGRAM@_values[". $word"]-}}
  elif [[ -n $taken && $cur == -* ]]; then
    wants=
  elif [[ -z $wants && $cur != -* ]]; then
    IFS='|' read -r -a places <<< "${_@PROGRAM@_places[$at]-}"
    if ((place >= ${#places[@]} && ${#places[@]} > 0)) && [[ ${places[-1]} == +* ]]; then place=$((${#places[@]} - 1)); fi
    wants=${_@PROGRAM@_verbs[$at]-${places[place]-}}
  fi
  if [[ -n $wants ]]; then
    _@PROGRAM@_offer "${wants#+}" "$cur" "$config" "${cur%"$last"}"
  elif [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "${_@PROGRAM@_options[$at]-} ${_@PROGRAM@_options[.]} --help" -- "$cur" | sort -u)
  fi
}
complete -F _@PROGRAM@ @PROGRAM@
)bash";

std::string CompletionKind(const Option& option) {
  const std::vector<std::string> choices = option.choices();
  if (!choices.empty()) return absl::StrJoin(choices, " ");
  if (option.is_directory()) return "@directory";
  if (option.is_path()) return "@file";
  if (option.name() == "--as") return "@principal";
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
    if (option.takes_value()) values += CompletionRow(at + " " + option.name(), (option.values_at_once() > 1 ? "+" : "") + CompletionKind(option));
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

// The command line of accordctl as a description: its verbs, what each takes, and what is done when one is given. How it is read,
// and what is said of a wrong one, is the business of command_line.cc: it alone knows CLI11, whose header costs every file that
// includes it seconds. The help, the completion (completion.h) and the page of the manual (man_page.h) are all made from it.
// Single-thread, all of it.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace accord::accordctl {

// The words of which a value must be one.
struct Choices {
  std::string words;                             // As the help and the error list them: "known, not-known, withheld".
  std::function<bool(const std::string&)> have;  // May know other spellings too.
};

// One thing that a verb takes: `--wait` with its value, the flag `--json`, or by its place the FILE.
class Option {
 public:
  // Where the value goes when the command line was understood; the type says what it has to be. A flag is a bool.
  using Target = std::variant<std::string*, std::vector<std::string>*, int*, uint64_t*, bool*>;

  Option(std::string_view name, Target target, std::string_view help);
  ~Option();
  Option(const Option&) = delete;
  Option& operator=(const Option&) = delete;

  // What each of its values must be; an option has at most one of these. All return this option.
  Option& Check(Choices choices);
  Option& Range(int least, int most);  // Both included.
  Option& PositiveNumber();
  Option& ExistingFile();
  Option& ExistingDirectory();
  Option& Path();  // Of a file or directory that need not be there.

  Option& Required();
  Option& ShowDefault();                         // The help shows what is in the value before the command line is read.
  Option& Excludes(Option& other);               // One that was added before: neither may be given beside the other.
  Option& Values(int least, int most);           // So many may follow the name at once; of 1, 1 it is named anew for each.
  Option& Heading(std::string_view heading);     // The help has it under this one.
  Option& OrVariable(std::string_view variable); // What is not given is taken from this variable of the environment.
  Option& Formerly(std::string_view name);       // An older name, which scripts may still have: understood, shown nowhere. REQUIRES: not Required.

  // What was said of it.
  const std::string& name() const { return name_; }
  const std::string& help() const { return help_; }
  bool by_place() const { return !name_.starts_with('-'); }
  bool takes_value() const { return !std::holds_alternative<bool*>(target_); }
  int values_at_once() const { return values_most_; }  // 0: not said.
  bool repeated() const { return std::holds_alternative<std::vector<std::string>*>(target_); }
  bool numeric() const { return std::holds_alternative<int*>(target_) || std::holds_alternative<uint64_t*>(target_); }
  bool required() const { return required_; }
  bool is_directory() const { return std::holds_alternative<Directory>(must_be_); }
  bool is_path() const { return path_ || is_directory() || std::holds_alternative<File>(must_be_); }
  const std::string& variable() const { return variable_; }
  std::vector<std::string> choices() const;  // The words of Check, one by one; empty without.
  std::string limits() const;                // "1 to 9", "a positive number"; empty without.
  std::string default_shown() const;         // Of ShowDefault; empty without.
  std::string_view value_word() const;       // What stands for its value: N, DIR, FILE, WORD or TEXT.
  std::string whole_help() const;            // The help, with the words, limits, default and variable.

 private:
  friend class OptionSet;
  friend class CommandLine;
  struct Between {
    int least, most;
  };
  struct Positive {};
  struct File {};
  struct Directory {};

  const std::string name_, help_;
  const Target target_;
  std::variant<std::monostate, Choices, Between, Positive, File, Directory> must_be_;
  std::string heading_, variable_, former_;
  std::vector<Option*> excluded_;
  int values_least_ = 0, values_most_ = 0;  // 0: as the target says.
  bool required_ = false, default_shown_ = false, path_ = false;
  bool given_ = false;
};

// Options that belong together. What a `value` refers to must live until the verb is done.
class OptionSet {
 public:
  OptionSet();
  ~OptionSet();
  OptionSet(const OptionSet&) = delete;
  OptionSet& operator=(const OptionSet&) = delete;

  // A name without hyphens is given by its place. The reference stays good.
  Option& AddOption(std::string_view name, std::string& value, std::string_view help);
  Option& AddOption(std::string_view name, std::vector<std::string>& value, std::string_view help);
  Option& AddOption(std::string_view name, int& value, std::string_view help);
  Option& AddOption(std::string_view name, uint64_t& value, std::string_view help);
  Option& AddFlag(std::string_view name, bool& value, std::string_view help);

  // Whether the option of this name was given; false before the command line was understood.
  bool Given(std::string_view name) const;

  const std::list<Option>& options() const { return options_; }

 private:
  friend class CommandLine;
  std::list<Option> options_;
};

// A word of the command line: a verb, or a group of which one verb must be given. References to what is added stay good.
class Command : public OptionSet {
 public:
  enum class Kind { kVerb, kGroup };
  Command(Kind kind, std::string_view name, std::string_view help);
  ~Command();

  Command& AddVerb(std::string_view name, std::string_view help);
  // A verb that changes what a service, the broker or a directory holds: it takes --dry-run.
  Command& AddChange(std::string_view name, std::string_view help);
  Command& AddGroup(std::string_view name, std::string_view help);
  OptionSet& AddOneOf(std::string_view title);  // Options of which exactly one must be given.
  Command& Footer(std::string_view footer);     // What the help ends with: examples.
  // Called once the whole command line was understood, after those of the verbs below this one.
  Command& WhenGiven(std::function<void()> then);

  // Whether it was given; false before the command line was understood.
  bool given() const { return given_; }
  // The innermost verb that was given, from here on; null when none was.
  const Command* GivenVerb() const;

  // What was said of it.
  struct OneOf {
    std::string title;
    OptionSet options;
  };
  const std::string& name() const { return name_; }
  const std::string& help() const { return help_; }
  const std::string& footer() const { return footer_; }
  bool is_verb() const { return kind_ == Kind::kVerb; }
  bool changes() const { return changes_; }
  const std::list<OneOf>& one_ofs() const { return one_ofs_; }
  const std::list<Command>& commands() const { return commands_; }

 private:
  friend class CommandLine;

  const Kind kind_;
  const std::string name_, help_;
  std::string footer_;
  std::list<OneOf> one_ofs_;
  std::list<Command> commands_;
  std::function<void()> when_given_;
  bool changes_ = false;
  bool given_ = false;
};

// The whole: a group whose own options may stand after the verb too.
class CommandLine : public Command {
 public:
  CommandLine(std::string_view program, std::string_view help, std::string_view version);
  ~CommandLine();

  enum class Outcome {
    kUnderstood,  // The values are where they belong, and what was given to WhenGiven was called.
    kAnswered,    // The help or the version was asked for, and is on standard output.
    kWrong,       // Standard error says what is wrong, and so does wrong().
  };
  Outcome Parse(int argc, const char* const* argv);

  // What was wrong with the command line, and what to do next; empty unless it was.
  struct Wrong {
    std::string what, next;
  };
  const Wrong& wrong() const { return wrong_; }
  const std::string& version() const { return version_; }

 private:
  class Reader;

  const std::string version_;
  Wrong wrong_;
};

}  // namespace accord::accordctl

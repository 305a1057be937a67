#include "services/accordctl/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/console/table.h"

namespace accord::accordctl {
namespace {

CLI::Validator IsOneOf(const Choices& choices) {
  return CLI::Validator(
      [&choices](std::string& words) { return choices.have(words) ? std::string() : "one of " + choices.words; }, choices.words);
}

// How many letters have to be added, left out, replaced or exchanged with the next to make `b` of `a`.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

constexpr size_t kMeantBytesMax = 64;  // What is longer is nobody's slip of the finger.

// Whether who typed `word` may have meant `name`: its beginning, or nearly it.
bool MayMean(std::string_view word, std::string_view name) {
  const size_t letters = word.size() - std::min(word.find_first_not_of('-'), word.size());
  if (word.size() > kMeantBytesMax || letters == 0) return false;
  return (letters > 2 && name.starts_with(word)) || Distance(word, name) <= (letters < 5 ? 1u : 2u);
}

std::string Quoted(const std::vector<std::string>& words) { return fmt::format("\"{}\"", fmt::join(words, "\" or \"")); }

// The verbs called `name`, wherever they are: "tool inbox accept".
void FindCalled(const std::string& words, const Command& command, const std::string& name, std::vector<std::string>& found) {
  for (const Command& below : command.commands()) {
    const std::string path = words + " " + below.name();
    if (below.is_verb() && below.name() == name) found.push_back(path);
    FindCalled(path, below, name, found);
  }
}

constexpr size_t kMeantMax = 4;  // A word that more have is no help.

// Lines that fit the terminal; otherwise as CLI11 has it.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option(const CLI::Option* option, bool by_place) const override {
    return Entry(make_option_name(option, by_place) + make_option_opts(option), make_option_desc(option));
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0) return "";
    const std::string type = option->get_type_name();  // What CLI11 adds behind a colon is in the description.
    std::string text = option->get_positional() ? "" : " " + type.substr(0, type.find(':'));
    if (option->get_expected_max() == CLI::detail::expected_max_vector_size || option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll) text += " ...";
    if (option->get_required()) text += " REQUIRED";
    return text;
  }
  std::string make_subcommand(const CLI::App* below) const override { return Entry(below->get_name(), below->get_description()); }

 private:
  std::string Entry(const std::string& name, const std::string& text) const {
    const size_t column = get_column_width();
    const std::string margin(column, ' ');
    std::string out = "  " + name;
    out += out.size() < column ? std::string(column - out.size(), ' ') : "\n" + margin;
    // What is in a group of options stands two columns further in.
    const auto lines = console::Wrap(text, console::TerminalWidth() - column - 2);
    return out + fmt::format("{}", fmt::join(lines, "\n" + margin)) + "\n";
  }
};

}  // namespace

Option::Option(std::string_view name, Target target, std::string_view help) : name_(name), help_(help), target_(target) {}
Option::~Option() = default;

Option& Option::Check(Choices choices) {
  must_be_ = std::move(choices);
  return *this;
}

Option& Option::Range(int least, int most) {
  must_be_ = Between{least, most};
  return *this;
}

Option& Option::PositiveNumber() {
  must_be_ = Positive();
  return *this;
}

Option& Option::ExistingFile() {
  must_be_ = File();
  return *this;
}

Option& Option::ExistingDirectory() {
  must_be_ = Directory();
  return *this;
}

Option& Option::Path() {
  path_ = true;
  return *this;
}

Option& Option::Required() {
  required_ = true;
  return *this;
}

Option& Option::ShowDefault() {
  default_shown_ = true;
  return *this;
}

Option& Option::Excludes(Option& other) {
  excluded_.push_back(&other);
  return *this;
}

Option& Option::Values(int least, int most) {
  values_least_ = least;
  values_most_ = most;
  return *this;
}

Option& Option::Heading(std::string_view heading) {
  heading_ = heading;
  return *this;
}

Option& Option::OrVariable(std::string_view variable) {
  variable_ = variable;
  return *this;
}

Option& Option::Formerly(std::string_view name) {
  former_ = name;
  return *this;
}

std::vector<std::string> Option::choices() const {
  std::vector<std::string> words;
  const auto* choices = std::get_if<Choices>(&must_be_);
  if (choices == nullptr) return words;
  for (size_t begin = 0; begin <= choices->words.size();) {
    const size_t end = std::min(choices->words.find(", ", begin), choices->words.size());
    words.push_back(choices->words.substr(begin, end - begin));
    begin = end + 2;
  }
  return words;
}

std::string Option::limits() const {
  if (std::holds_alternative<Positive>(must_be_)) return "a positive number";
  const auto* between = std::get_if<Between>(&must_be_);
  return between == nullptr ? "" : std::to_string(between->least) + " to " + std::to_string(between->most);
}

std::string Option::default_shown() const {
  if (!default_shown_) return "";
  if (const auto* text = std::get_if<std::string*>(&target_)) return **text;
  if (const auto* number = std::get_if<int*>(&target_)) return std::to_string(**number);
  if (const auto* size = std::get_if<uint64_t*>(&target_)) return std::to_string(**size);
  return "";
}

std::string_view Option::value_word() const {
  if (numeric()) return "N";
  if (is_directory()) return "DIR";
  if (is_path()) return "FILE";
  return choices().empty() ? "TEXT" : "WORD";
}

std::string Option::whole_help() const {
  std::string text = help_;
  const auto words = choices();
  if (!words.empty() && text.find(words.front()) == std::string::npos) text += fmt::format(". One of {}", fmt::join(words, ", "));
  if (!limits().empty()) text += "; " + limits();
  if (!default_shown().empty()) text += "; " + default_shown() + " when not given";
  if (!variable_.empty()) text += "; when not given, the environment variable " + variable_;
  for (const Option* other : excluded_) text += fmt::format("; not with {}", other->name());
  return text;
}

OptionSet::OptionSet() = default;
OptionSet::~OptionSet() = default;

Option& OptionSet::AddOption(std::string_view name, std::string& value, std::string_view help) {
  return options_.emplace_back(name, &value, help);
}

Option& OptionSet::AddOption(std::string_view name, std::vector<std::string>& value, std::string_view help) {
  return options_.emplace_back(name, &value, help);
}

Option& OptionSet::AddOption(std::string_view name, int& value, std::string_view help) {
  return options_.emplace_back(name, &value, help);
}

Option& OptionSet::AddOption(std::string_view name, uint64_t& value, std::string_view help) {
  return options_.emplace_back(name, &value, help);
}

Option& OptionSet::AddFlag(std::string_view name, bool& value, std::string_view help) {
  return options_.emplace_back(name, &value, help);
}

bool OptionSet::Given(std::string_view name) const {
  return std::any_of(options_.begin(), options_.end(), [&](const Option& option) { return option.name_ == name && option.given_; });
}

Command::Command(Kind kind, std::string_view name, std::string_view help) : kind_(kind), name_(name), help_(help) {}
Command::~Command() = default;

Command& Command::AddVerb(std::string_view name, std::string_view help) { return commands_.emplace_back(Kind::kVerb, name, help); }
Command& Command::AddChange(std::string_view name, std::string_view help) {
  Command& verb = AddVerb(name, help);
  verb.changes_ = true;
  return verb;
}
Command& Command::AddGroup(std::string_view name, std::string_view help) { return commands_.emplace_back(Kind::kGroup, name, help); }

OptionSet& Command::AddOneOf(std::string_view title) {
  OneOf& one_of = one_ofs_.emplace_back();
  one_of.title = title;
  return one_of.options;
}

Command& Command::Footer(std::string_view footer) {
  footer_ = footer;
  return *this;
}

Command& Command::WhenGiven(std::function<void()> then) {
  when_given_ = std::move(then);
  return *this;
}

const Command* Command::GivenVerb() const {
  for (const Command& below : commands_) {
    if (below.given_) return below.GivenVerb();
  }
  return given_ && is_verb() ? this : nullptr;
}

// Says the description again in CLI11's words.
class CommandLine::Reader {
 public:
  explicit Reader(CommandLine& line) : line_(line), app_(line.help_, line.name_) {
    app_.set_version_flag("--version", line.version_);
    app_.formatter(std::make_shared<HelpFormatter>());
    app_.fallthrough();  // Inherited by what is added from now on.
    Fill(app_, line);
  }

  Outcome Parse(int argc, const char* const* argv) {
    line_.wrong_ = {};
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) {
        app_.exit(error);
        return Outcome::kAnswered;
      }
      line_.wrong_ = WhatIsWrong(error, {argv + 1, argv + argc});
      std::fputs(fmt::format("{}\n  what to do: {}\n", line_.wrong_.what, line_.wrong_.next).c_str(), stderr);
      return Outcome::kWrong;
    }
    for (const auto& [option, read] : options_) option->given_ = read->count() > 0;
    for (const auto& [option, read] : former_) option->given_ |= read->count() > 0;
    // Each callback may ask what else was given.
    for (Command* command : given_) command->given_ = true;
    for (const Command* command : given_) {
      if (command->when_given_) command->when_given_();
    }
    return Outcome::kUnderstood;
  }

 private:
  // CLI11 says that something required lacks also where a word was given that nothing knows, and takes what follows such a word for what was meant: of
  // "trial case" that `case` has no "trial".
  Wrong WhatIsWrong(const CLI::ParseError& error, const std::vector<std::string>& given_words) const {
    const CLI::App* app = &app_;
    std::vector<const Command*> path = {&line_};
    std::string words = line_.name_;
    const std::vector<std::string> unknown = app_.remaining(/*recurse=*/true);
    const auto place = [&](const std::string& word) { return std::find(given_words.begin(), given_words.end(), word); };
    const bool unknown_first = !unknown.empty() && !unknown.front().starts_with('-') && !app->get_subcommands().empty() &&
                               place(unknown.front()) < place(app->get_subcommands().front()->get_name());
    while (!unknown_first && !app->get_subcommands().empty()) {
      app = app->get_subcommands().back();
      const auto& commands = path.back()->commands_;
      const auto given = std::find_if(commands.begin(), commands.end(), [&](const Command& one) { return one.name_ == app->get_name(); });
      if (given == commands.end()) break;
      path.push_back(&*given);
      words += " " + given->name_;
    }
    const Command& innermost = *path.back();
    const bool required = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError);
    const bool verb_lacks = (required || unknown_first) && innermost.kind_ == Kind::kGroup;
    const auto option = std::find_if(unknown.begin(), unknown.end(), [](const std::string& word) { return word.starts_with('-'); });
    const std::string help = fmt::format("{} --help says what {}", words, innermost.commands_.empty() ? "it takes" : "there is");

    std::string what = fmt::format("{}: {}", words, error.what());
    std::vector<std::string> meant;
    if (verb_lacks && !unknown.empty() && option != unknown.begin()) {
      what = fmt::format("{} has no \"{}\"; it has {}", words, unknown.front(), fmt::join(Names(innermost), ", "));
      meant = VerbsMeant(words, innermost, unknown.front());
    } else if ((required || error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) && !unknown.empty()) {
      const std::string& word = option != unknown.end() ? *option : unknown.front();
      what = fmt::format("{} takes no \"{}\"", words, word);
      meant = option != unknown.end() ? OptionsMeant(path, word.substr(0, word.find('='))) : VerbsMeant(words, innermost, word);
    } else if (verb_lacks) {
      what = fmt::format("{} needs to be told what: one of {}", words, fmt::join(Names(innermost), ", "));
    } else if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ArgumentMismatch) && what.ends_with(" missing")) {
      const std::string_view told = error.what();  // "--limit: 1 required N missing".
      what = fmt::format("{}: {} needs a value", words, told.substr(0, told.find(':')));
    }
    return {what, meant.empty() || meant.size() > kMeantMax ? help : fmt::format("perhaps {} is meant; {}", Quoted(meant), help)};
  }

  static std::vector<std::string> Names(const Command& group) {
    std::vector<std::string> names;
    for (const Command& below : group.commands_) names.push_back(below.name_);
    std::sort(names.begin(), names.end());
    return names;
  }

  // Those of the group that are called nearly so; else those that are called so elsewhere.
  std::vector<std::string> VerbsMeant(const std::string& words, const Command& group, const std::string& word) const {
    std::vector<std::string> meant;
    for (const Command& below : group.commands_) {
      if (MayMean(word, below.name_)) meant.push_back(words + " " + below.name_);
    }
    if (meant.empty()) FindCalled(line_.name_, line_, word, meant);
    return meant;
  }

  static std::vector<std::string> OptionsMeant(const std::vector<const Command*>& path, const std::string& word) {
    std::vector<std::string> meant;
    const auto look = [&](const OptionSet& set) {
      for (const Option& option : set.options()) {
        if (!option.by_place() && MayMean(word, option.name_)) meant.push_back(option.name_);
      }
    };
    for (const Command* command : path) {
      look(*command);
      for (const OneOf& one_of : command->one_ofs_) look(one_of.options);
    }
    return meant;
  }

  // What is not said of a verb because all take it.
  std::string FooterOf(const Command& command) const {
    if (!command.is_verb() || line_.options().empty()) return command.footer_;
    const std::string all = fmt::format("Takes what every verb takes ({} --help){}.", line_.name_,
                                        command.changes_ ? ", and --dry-run: nothing is changed, and it says what would be asked" : "");
    return command.footer_.empty() ? all : all + "\n" + command.footer_;
  }

  void Fill(CLI::App& app, Command& command) {
    if (command.kind_ == Kind::kGroup) app.require_subcommand(1);
    app.footer(FooterOf(command));
    command.given_ = false;
    app.callback([this, &command] { given_.push_back(&command); });
    for (Option& option : command.options_) Add(app, option);
    for (OneOf& one_of : command.one_ofs_) {
      CLI::App& group = *app.add_option_group(one_of.title)->require_option(1);
      for (Option& option : one_of.options.options_) Add(group, option);
    }
    for (Command& below : command.commands_) Fill(*app.add_subcommand(below.name_, below.help_), below);
  }

  void Add(CLI::App& app, Option& option) {
    CLI::Option& read = *std::visit([&](auto* value) { return AddTo(app, option.name_, option, *value); }, option.target_);
    std::visit([&](const auto& limit) { Limit(read, limit); }, option.must_be_);
    if (option.required_) read.required();
    if (option.takes_value()) read.type_name(std::string(option.value_word()));
    if (option.values_most_ == 1) {
      read.expected(1)->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    } else if (option.values_most_ > 1) {
      read.expected(option.values_least_, option.values_most_);
    }
    if (!option.heading_.empty()) read.group(option.heading_);
    if (!option.variable_.empty()) read.envname(option.variable_);
    for (Option* other : option.excluded_) read.excludes(options_.at(other));
    option.given_ = false;
    options_[&option] = &read;
    if (option.former_.empty()) return;
    CLI::Option& former = *std::visit([&](auto* value) { return AddTo(app, option.former_, option, *value); }, option.target_);
    std::visit([&](const auto& limit) { Limit(former, limit); }, option.must_be_);
    former.group("")->excludes(&read);  // CLI11 shows nothing of a group without a name.
    for (Option* other : option.excluded_) former.excludes(options_.at(other));
    former_[&option] = &former;
  }

  template <typename Value>
  static CLI::Option* AddTo(CLI::App& app, const std::string& name, const Option& option, Value& value) {
    return app.add_option(name, value, option.whole_help());
  }
  static CLI::Option* AddTo(CLI::App& app, const std::string& name, const Option& option, bool& value) { return app.add_flag(name, value, option.help_); }

  static void Limit(CLI::Option&, std::monostate) {}
  static void Limit(CLI::Option& read, const Choices& choices) { read.check(IsOneOf(choices)); }
  static void Limit(CLI::Option& read, Option::Between limit) { read.check(CLI::Range(limit.least, limit.most)); }
  static void Limit(CLI::Option& read, Option::Positive) { read.check(CLI::PositiveNumber); }
  static void Limit(CLI::Option& read, Option::File) { read.check(CLI::ExistingFile); }
  static void Limit(CLI::Option& read, Option::Directory) { read.check(CLI::ExistingDirectory); }

  CommandLine& line_;
  CLI::App app_;
  std::map<Option*, CLI::Option*> options_;
  std::map<Option*, CLI::Option*> former_;  // By the older name, of those that have one.
  std::vector<Command*> given_;  // In the order in which they are to be called.
};

CommandLine::CommandLine(std::string_view program, std::string_view help, std::string_view version)
    : Command(Kind::kGroup, program, help), version_(version) {}
CommandLine::~CommandLine() = default;

CommandLine::Outcome CommandLine::Parse(int argc, const char* const* argv) { return Reader(*this).Parse(argc, argv); }

}  // namespace accord::accordctl

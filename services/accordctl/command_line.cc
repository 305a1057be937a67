#include "services/accordctl/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace accord::accordctl {
namespace {

CLI::Validator IsOneOf(const Choices& choices) {
  return CLI::Validator(
      [&choices](std::string& words) { return choices.have(words) ? std::string() : "one of " + choices.words; }, choices.words);
}

// What is wrong and what to do next. CLI11 says that a subcommand is required also where a word was given that names none.
std::string WhatIsWrong(const CLI::App* app, const CLI::Error& error) {
  std::string path = app->get_name();
  const CLI::App* group = app;
  while (!group->get_subcommands().empty()) {
    group = group->get_subcommands().back();
    path += " " + group->get_name();
  }
  if (error.get_exit_code() != static_cast<int>(CLI::ExitCodes::RequiredError) || group->get_require_subcommand_min() == 0) {
    return CLI::FailureMessage::simple(app, error);
  }
  std::vector<std::string> names;
  for (const CLI::App* below : group->get_subcommands([](const CLI::App* one) { return !one->get_name().empty(); })) names.push_back(below->get_name());
  std::sort(names.begin(), names.end());
  const std::vector<std::string> words = app->remaining(/*recurse=*/true);
  const std::string what = words.empty() ? "needs to be told what: one of" : fmt::format("has no \"{}\"; it has", words.front());
  return fmt::format("{} {} {}\nRun with --help for more information.\n", path, what, fmt::join(names, ", "));
}

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
  explicit Reader(CommandLine& line) : app_(line.help_, line.name_) {
    app_.set_version_flag("--version", line.version_);
    app_.failure_message(&WhatIsWrong);
    app_.fallthrough();  // Inherited by what is added from now on.
    Fill(app_, line);
  }

  Outcome Parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app_.exit(error) == 0 ? Outcome::kAnswered : Outcome::kWrong;
    }
    for (const auto& [option, read] : options_) option->given_ = read->count() > 0;
    // Each callback may ask what else was given.
    for (Command* command : given_) command->given_ = true;
    for (const Command* command : given_) {
      if (command->when_given_) command->when_given_();
    }
    return Outcome::kUnderstood;
  }

 private:
  void Fill(CLI::App& app, Command& command) {
    if (command.kind_ == Kind::kGroup) app.require_subcommand(1);
    app.footer(command.footer_);
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
    CLI::Option& read = *std::visit([&](auto* value) { return AddTo(app, option, *value); }, option.target_);
    std::visit([&](const auto& limit) { Limit(read, limit); }, option.must_be_);
    if (option.required_) read.required();
    if (option.default_shown_) read.capture_default_str();
    if (option.values_most_ > 0) read.expected(option.values_least_, option.values_most_);
    if (!option.heading_.empty()) read.group(option.heading_);
    if (!option.variable_.empty()) read.envname(option.variable_);
    for (Option* other : option.excluded_) read.excludes(options_.at(other));
    option.given_ = false;
    options_[&option] = &read;
  }

  template <typename Value>
  static CLI::Option* AddTo(CLI::App& app, const Option& option, Value& value) {
    return app.add_option(option.name_, value, option.help_);
  }
  static CLI::Option* AddTo(CLI::App& app, const Option& option, bool& value) { return app.add_flag(option.name_, value, option.help_); }

  static void Limit(CLI::Option&, std::monostate) {}
  static void Limit(CLI::Option& read, const Choices& choices) { read.check(IsOneOf(choices)); }
  static void Limit(CLI::Option& read, Option::Between limit) { read.check(CLI::Range(limit.least, limit.most)); }
  static void Limit(CLI::Option& read, Option::Positive) { read.check(CLI::PositiveNumber); }
  static void Limit(CLI::Option& read, Option::File) { read.check(CLI::ExistingFile); }
  static void Limit(CLI::Option& read, Option::Directory) { read.check(CLI::ExistingDirectory); }

  CLI::App app_;
  std::map<Option*, CLI::Option*> options_;
  std::vector<Command*> given_;  // In the order in which they are to be called.
};

CommandLine::CommandLine(std::string_view program, std::string_view help, std::string_view version)
    : Command(Kind::kGroup, program, help), version_(version) {}
CommandLine::~CommandLine() = default;

CommandLine::Outcome CommandLine::Parse(int argc, const char* const* argv) { return Reader(*this).Parse(argc, argv); }

}  // namespace accord::accordctl

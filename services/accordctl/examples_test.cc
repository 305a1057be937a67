// Goal: whoever asks how a verb is used is shown a line that works: every verb's help has an example, and the program understands it as that verb.
//
// Method: the description of the command line is walked, so that a verb that is added is looked at with the rest. Each line is read by the
// program's own parser, which runs nothing, where every file that it names is there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/accordctl/program.h"

namespace accord::accordctl::examples_test {
namespace {

namespace fs = std::filesystem;

struct DescribedVerb {
  std::string words;  // "inbox accept".
  const Command* command;
};

void Describe(const std::string& words, const Command& command, std::vector<DescribedVerb>& found) {
  if (command.is_verb()) found.push_back({words, &command});
  for (const Command& below : command.commands()) Describe(words.empty() ? below.name() : words + " " + below.name(), below, found);
}

// The command lines in `footer`, each from `accordctl` to the end of its line; a line that ends with a backslash goes on in the next.
std::vector<std::string> LinesShown(std::string footer) {
  constexpr std::string_view kProgram = "accordctl ", kBefore = "Example: ";
  for (size_t at = footer.find("\\\n"); at != std::string::npos; at = footer.find("\\\n")) footer.replace(at, 2, " ");
  std::vector<std::string> lines;
  std::istringstream stream(footer);
  for (std::string line; std::getline(stream, line);) {
    const size_t example = line.find(kBefore);
    const size_t begin = example == std::string::npos ? line.find_first_not_of(' ') : example + kBefore.size();
    if (begin != std::string::npos && line.compare(begin, kProgram.size(), kProgram) == 0) lines.push_back(line.substr(begin));
  }
  return lines;
}

// As a shell hands them on: what is quoted is one word, and what is done with the output is the shell's.
std::vector<std::string> ShellWords(const std::string& line) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  bool quoted = false;
  for (const char c : line + " ") {
    if (c == '"') {
      quoted = !quoted;
      if (!word.has_value()) word.emplace();
    } else if (c == ' ' && !quoted) {
      if (word == ">" || word == "&&" || word == "|") return words;
      if (word.has_value()) words.push_back(*std::exchange(word, std::nullopt));
    } else {
      word = word.value_or("") + c;
    }
  }
  return words;
}

class ExamplesTest : public ::testing::Test {
 protected:
  ExamplesTest() : before_(fs::current_path()) {
    ::unsetenv("ACCORDCTL_CONFIG");
    std::string name = (fs::temp_directory_path() / "accordctl-examples-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    fs::current_path(directory_);
  }
  ~ExamplesTest() override {
    fs::current_path(before_);
    fs::remove_all(directory_);
  }

  // Makes what `option` names when it is a file or a directory.
  static void Provide(const Option& option, const std::string& value) {
    const fs::path path(value);
    if (!option.is_path() || path.is_absolute() || value.empty()) return;
    if (option.is_directory()) {
      fs::create_directories(path);
    } else if (path.has_filename()) {
      if (path.has_parent_path()) fs::create_directories(path.parent_path());
      if (!fs::exists(path)) std::ofstream(path) << "-";
    }
  }
  // Of all the words, as it is not known here which of them stand by their place.
  static void ProvideAll(const Command& verb, const std::vector<std::string>& words) {
    const auto provide = [&](const OptionSet& set) {
      for (const Option& option : set.options()) {
        for (size_t i = 1; i < words.size(); ++i) {
          if (option.by_place() ? words[i].find('.') != std::string::npos : words[i - 1] == option.name()) Provide(option, words[i]);
        }
      }
    };
    provide(verb);
    for (const Command::OneOf& one_of : verb.one_ofs()) provide(one_of.options);
  }

  const fs::path before_;
  fs::path directory_;
};

// The words of the verb that the program understands `words` as; empty when it does not.
std::string Understood(const std::vector<std::string>& words) {
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  Program program;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const auto outcome = program.line.Parse(static_cast<int>(argv.size()), argv.data());
  ::testing::internal::GetCapturedStdout();
  const std::string said = ::testing::internal::GetCapturedStderr();
  if (outcome != CommandLine::Outcome::kUnderstood) return "wrong: " + said;
  std::vector<DescribedVerb> verbs;
  Describe("", program.line, verbs);
  const auto given = std::find_if(verbs.begin(), verbs.end(), [&](const DescribedVerb& verb) { return verb.command == program.line.GivenVerb(); });
  return given == verbs.end() ? "no verb" : given->words;
}

TEST_F(ExamplesTest, TheHelpOfEveryVerbShowsACommandThatTheProgramUnderstands) {
  const Program program;
  std::vector<DescribedVerb> verbs;
  Describe("", program.line, verbs);
  EXPECT_GT(verbs.size(), 100u);
  for (const DescribedVerb& verb : verbs) {
    const std::string& footer = verb.command->footer();
    const auto lines = LinesShown(footer);
    EXPECT_NE(footer.find("Example:"), std::string::npos) << verb.words;
    ASSERT_FALSE(lines.empty()) << verb.words;
    for (const std::string& line : lines) {
      const auto words = ShellWords(line);
      ProvideAll(*verb.command, words);
      EXPECT_EQ(Understood(words), verb.words) << line;
    }
  }
}

TEST_F(ExamplesTest, WhatTheProgramDoesNotUnderstandIsFoundOut) {
  EXPECT_THAT(Understood(ShellWords("accordctl inbox raed 0123 --as idva")), ::testing::HasSubstr("wrong: "));
  EXPECT_THAT(Understood(ShellWords("accordctl policy diff absent.toml")), ::testing::HasSubstr("wrong: "));
  EXPECT_EQ(Understood(ShellWords("accordctl --as idva inbox list > file && less file")), "inbox list");
  EXPECT_THAT(LinesShown("To link it: accordctl none\nTold. Example: accordctl today \\\n    --as \"a b\"\n  accordctl status\n"),
              ::testing::ElementsAre("accordctl today      --as \"a b\"", "accordctl status"));
  EXPECT_THAT(ShellWords("a --as \"b c\" \"\" > d"), ::testing::ElementsAre("a", "--as", "b c", ""));
}

}  // namespace
}  // namespace accord::accordctl::examples_test

// Goal: what is said in the description is what the command line takes, refuses and shows.
#include "services/accordctl/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace accord::accordctl::command_line_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Outcome = CommandLine::Outcome;

class CommandLineTest : public ::testing::Test {
 protected:
  Outcome Parse(const std::vector<const char*>& words) {
    std::vector<const char*> argv = {"tool"};
    argv.insert(argv.end(), words.begin(), words.end());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const Outcome outcome = line_.Parse(static_cast<int>(argv.size()), argv.data());
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return outcome;
  }
  // A verb that says when it was called.
  Command& Verb(Command& above, const char* name) {
    return above.AddVerb(name, std::string("Does ") + name).WhenGiven([this, name] { called_.push_back(name); });
  }

  CommandLine line_{"tool", "A tool.", "7.8"};
  Command& verb_ = Verb(line_, "run");
  std::vector<std::string> called_;
  std::string out_, err_;
};

TEST_F(CommandLineTest, FillsValuesOfEveryType) {
  std::string text, file;
  std::vector<std::string> list;
  int number = 0;
  uint64_t size = 0;
  bool flag = false;
  verb_.AddOption("FILE", file, "By its place").Required();
  verb_.AddOption("--text", text, "Text");
  verb_.AddOption("--list", list, "Some");
  verb_.AddOption("--number", number, "A number");
  verb_.AddOption("--size", size, "A size");
  verb_.AddFlag("--flag", flag, "A flag");
  ASSERT_EQ(Parse({"run", "a.json", "--text", "t", "--list", "x", "--list", "y", "--number=-3", "--size", "18446744073709551615",
                   "--flag"}),
            Outcome::kUnderstood)
      << err_;
  EXPECT_EQ(file, "a.json");
  EXPECT_EQ(text, "t");
  EXPECT_THAT(list, ElementsAre("x", "y"));
  EXPECT_EQ(number, -3);
  EXPECT_EQ(size, 18446744073709551615u);
  EXPECT_TRUE(flag);
  EXPECT_THAT(called_, ElementsAre("run"));
}

TEST_F(CommandLineTest, WhatIsWrongIsSaidAndNothingIsCalled) {
  std::string file;
  verb_.AddOption("FILE", file, "The file").Required();
  EXPECT_EQ(Parse({"run"}), Outcome::kWrong);
  EXPECT_EQ(err_, "tool run: FILE is required\n  what to do: tool run --help says what it takes\n");
  EXPECT_EQ(out_, "");
  EXPECT_EQ(line_.wrong().what, "tool run: FILE is required");
  EXPECT_THAT(called_, ElementsAre());
}

TEST_F(CommandLineTest, WhatMayBeMeantIsSaid) {
  std::string text;
  bool flag = false;
  line_.AddFlag("--json", flag, "JSON");
  verb_.AddOption("--reason", text, "Why");
  Command& group = line_.AddGroup("inbox", "What came");
  Verb(group, "accept");
  Verb(group, "list");
  for (const char* name : {"a-group", "b-group", "c-group", "d-group"}) Verb(line_.AddGroup(name, "One"), "list");
  const auto next = [&](const std::vector<const char*>& words) {
    EXPECT_EQ(Parse(words), Outcome::kWrong);
    EXPECT_EQ(err_, line_.wrong().what + "\n  what to do: " + line_.wrong().next + "\n");
    return line_.wrong().next;
  };
  EXPECT_EQ(next({"inbox", "acecpt"}), "perhaps \"tool inbox accept\" is meant; tool inbox --help says what there is");
  EXPECT_EQ(next({"rnu"}), "perhaps \"tool run\" is meant; tool --help says what there is");
  EXPECT_EQ(next({"accept"}), "perhaps \"tool inbox accept\" is meant; tool --help says what there is") << "in another group";
  EXPECT_EQ(next({"list"}), "tool --help says what there is") << "five groups have one";
  EXPECT_EQ(next({"run", "--jsn"}), "perhaps \"--json\" is meant; tool run --help says what it takes");
  EXPECT_EQ(line_.wrong().what, "tool run takes no \"--jsn\"");
  EXPECT_EQ(next({"run", "--resaon=x"}), "perhaps \"--reason\" is meant; tool run --help says what it takes");
  EXPECT_EQ(next({"run", "--elsewhere"}), "tool run --help says what it takes");
  next({"run", "more"});
  EXPECT_EQ(line_.wrong().what, "tool run takes no \"more\"");
  next({"run", "--reason"});
  EXPECT_EQ(line_.wrong().what, "tool run: --reason needs a value");
  verb_.AddOption("FILE", text, "The file").Required();
  next({"run", "--resaon"});
  EXPECT_EQ(line_.wrong().what, "tool run takes no \"--resaon\"") << "and not that FILE is required";
}

TEST_F(CommandLineTest, AGroupNeedsOneOfItsVerbs) {
  Command& group = line_.AddGroup("list", "Lists");
  Verb(group, "all");
  Verb(group, "none");
  EXPECT_EQ(Parse({"list"}), Outcome::kWrong);
  EXPECT_EQ(err_, "tool list needs to be told what: one of all, none\n  what to do: tool list --help says what there is\n");
  EXPECT_EQ(Parse({"list", "some"}), Outcome::kWrong);
  EXPECT_EQ(err_, "tool list has no \"some\"; it has all, none\n  what to do: tool list --help says what there is\n");
}

TEST_F(CommandLineTest, TheProgramIsAGroup) {
  EXPECT_EQ(Parse({}), Outcome::kWrong);
  EXPECT_EQ(err_, "tool needs to be told what: one of run\n  what to do: tool --help says what there is\n");
  EXPECT_EQ(Parse({"walk", "--far"}), Outcome::kWrong);
  EXPECT_EQ(err_, "tool has no \"walk\"; it has run\n  what to do: tool --help says what there is\n");
  Verb(line_.AddGroup("list", "Lists"), "all");
  EXPECT_EQ(Parse({"rum", "list"}), Outcome::kWrong);
  EXPECT_EQ(err_, "tool has no \"rum\"; it has list, run\n  what to do: perhaps \"tool run\" is meant; tool --help says what there is\n") << "and not that list has no rum";
  EXPECT_EQ(Parse({"rum", "list", "all"}), Outcome::kWrong);
  EXPECT_THAT(err_, HasSubstr("tool has no \"rum\""));
}

TEST_F(CommandLineTest, AVerbMayHaveVerbsBelowIt) {
  Command& below = Verb(verb_, "status");
  EXPECT_FALSE(below.given());
  ASSERT_EQ(Parse({"run", "status"}), Outcome::kUnderstood);
  EXPECT_TRUE(below.given());
  EXPECT_THAT(called_, ElementsAre("status", "run"));
}

TEST_F(CommandLineTest, TheProgramsOptionsMayStandAfterTheVerb) {
  std::string as;
  line_.AddOption("--as", as, "As whom");
  bool given = false;
  verb_.WhenGiven([&] { given = line_.Given("--as"); });
  EXPECT_FALSE(line_.Given("--as"));
  ASSERT_EQ(Parse({"run", "--as", "x"}), Outcome::kUnderstood);
  EXPECT_EQ(as, "x");
  EXPECT_TRUE(given);
  EXPECT_FALSE(line_.Given("--other"));
}

TEST_F(CommandLineTest, ChoicesAreShownAndHeld) {
  std::string word;
  verb_.AddOption("WORD", word, "Which").Check({"one, two", [](const std::string& text) { return text == "one" || text == "TWO"; }});
  ASSERT_EQ(Parse({"run", "TWO"}), Outcome::kUnderstood);
  EXPECT_EQ(word, "TWO");
  EXPECT_EQ(Parse({"run", "three"}), Outcome::kWrong);
  EXPECT_EQ(err_, "tool run: WORD: one of one, two\n  what to do: tool run --help says what it takes\n");
  EXPECT_EQ(Parse({"run", "--help"}), Outcome::kAnswered);
  EXPECT_THAT(out_, HasSubstr("  WORD                        Which. One of one, two\n"));
}

TEST_F(CommandLineTest, AnOlderNameIsUnderstoodAndShownNowhere) {
  int number = 5;
  verb_.AddOption("--limit", number, "How many").Range(1, 9).ShowDefault().Formerly("--rows");
  EXPECT_EQ(Parse({"run", "--rows", "7"}), Outcome::kUnderstood);
  EXPECT_EQ(number, 7);
  EXPECT_TRUE(verb_.Given("--limit"));
  EXPECT_EQ(Parse({"run", "--rows", "10"}), Outcome::kWrong);
  EXPECT_EQ(Parse({"run", "--rows", "1", "--limit", "2"}), Outcome::kWrong) << "which of the two is meant?";
  number = 4;
  EXPECT_EQ(Parse({"run"}), Outcome::kUnderstood);
  EXPECT_EQ(number, 4);
  EXPECT_FALSE(verb_.Given("--limit"));
  EXPECT_EQ(Parse({"run", "--help"}), Outcome::kAnswered);
  EXPECT_THAT(out_, HasSubstr("  --limit N                   How many; 1 to 9; 4 when not given\n"));
  EXPECT_THAT(out_, Not(HasSubstr("--rows")));
}

TEST_F(CommandLineTest, ARangeIncludesItsEnds) {
  int number = 5;
  verb_.AddOption("--n", number, "How many").Range(1, 9).ShowDefault();
  EXPECT_EQ(Parse({"run", "--n", "1"}), Outcome::kUnderstood);
  EXPECT_EQ(Parse({"run", "--n", "9"}), Outcome::kUnderstood);
  EXPECT_EQ(number, 9);
  EXPECT_EQ(Parse({"run", "--n", "0"}), Outcome::kWrong);
  EXPECT_EQ(Parse({"run", "--n", "10"}), Outcome::kWrong);
  EXPECT_THAT(err_, HasSubstr("--n: Value 10 not in range"));
  number = 4;
  EXPECT_EQ(Parse({"run", "--help"}), Outcome::kAnswered);
  EXPECT_THAT(out_, HasSubstr("  --n N                       How many; 1 to 9; 4 when not given\n"));
}

TEST_F(CommandLineTest, APositiveNumberIsNotNought) {
  uint64_t size = 0;
  verb_.AddOption("--size", size, "How large").PositiveNumber();
  EXPECT_EQ(Parse({"run", "--size", "0"}), Outcome::kWrong);
  EXPECT_EQ(Parse({"run", "--size", "1"}), Outcome::kUnderstood);
  EXPECT_EQ(size, 1u);
}

TEST_F(CommandLineTest, FilesAndDirectoriesMustBeThere) {
  std::string file, directory;
  verb_.AddOption("--file", file, "A file").ExistingFile();
  verb_.AddOption("--directory", directory, "A directory").ExistingDirectory();
  const std::string here = std::filesystem::temp_directory_path().string();
  EXPECT_EQ(Parse({"run", "--directory", here.c_str(), "--file", "/proc/self/exe"}), Outcome::kUnderstood) << err_;
  EXPECT_EQ(Parse({"run", "--file", here.c_str()}), Outcome::kWrong);
  EXPECT_EQ(Parse({"run", "--file", "/nowhere"}), Outcome::kWrong);
  EXPECT_EQ(err_, "tool run: --file: File does not exist: /nowhere\n  what to do: tool run --help says what it takes\n");
  EXPECT_EQ(Parse({"run", "--directory", "/proc/self/exe"}), Outcome::kWrong);
}

TEST_F(CommandLineTest, ExclusionHoldsInBothOrders) {
  bool first = false, second = false;
  Option& one = verb_.AddFlag("--first", first, "First");
  verb_.AddFlag("--second", second, "Second").Excludes(one);
  EXPECT_EQ(Parse({"run", "--first"}), Outcome::kUnderstood);
  EXPECT_EQ(Parse({"run", "--first", "--second"}), Outcome::kWrong);
  EXPECT_EQ(Parse({"run", "--second", "--first"}), Outcome::kWrong);
  EXPECT_THAT(err_, HasSubstr("excludes"));
}

TEST_F(CommandLineTest, OneOfMeansExactlyOne) {
  bool send = false, drop = false;
  OptionSet& decision = verb_.AddOneOf("decision");
  decision.AddFlag("--send", send, "Send it");
  decision.AddFlag("--drop", drop, "Do not");
  EXPECT_EQ(Parse({"run"}), Outcome::kWrong);
  EXPECT_EQ(Parse({"run", "--send", "--drop"}), Outcome::kWrong);
  EXPECT_EQ(Parse({"run", "--drop"}), Outcome::kUnderstood);
  EXPECT_TRUE(drop);
  EXPECT_TRUE(decision.Given("--drop"));
  EXPECT_FALSE(decision.Given("--send"));
}

TEST_F(CommandLineTest, AsManyValuesAsSaid) {
  std::vector<std::string> lacks;
  verb_.AddOption("--lacks", lacks, "What").Values(1, 2);
  EXPECT_EQ(Parse({"run", "--lacks", "a", "b"}), Outcome::kUnderstood);
  EXPECT_THAT(lacks, ElementsAre("a", "b"));
  EXPECT_EQ(Parse({"run", "--lacks"}), Outcome::kWrong);
  EXPECT_EQ(Parse({"run", "--lacks", "a", "b", "c"}), Outcome::kWrong);
}

TEST_F(CommandLineTest, OneValueAtATime) {
  std::vector<std::string> attach, files;
  verb_.AddOption("FILE", files, "Which").Required();
  verb_.AddOption("--attach", attach, "With it").Values(1, 1);
  ASSERT_EQ(Parse({"run", "a.json", "--attach", "x.pdf", "--attach", "y.pdf", "b.json"}), Outcome::kUnderstood) << err_;
  EXPECT_THAT(attach, ElementsAre("x.pdf", "y.pdf"));
  EXPECT_THAT(files, ElementsAre("a.json", "b.json")) << "what follows a value is not another";
  EXPECT_EQ(Parse({"run", "--help"}), Outcome::kAnswered);
  EXPECT_THAT(out_, HasSubstr("  --attach TEXT ... "));
}

TEST_F(CommandLineTest, TheEnvironmentGivesWhatTheCommandLineDoesNot) {
  std::string config;
  line_.AddOption("--config", config, "The file").OrVariable("ACCORD_COMMAND_LINE_TEST");
  ::setenv("ACCORD_COMMAND_LINE_TEST", "from-variable", 1);
  EXPECT_EQ(Parse({"run"}), Outcome::kUnderstood);
  EXPECT_EQ(config, "from-variable");
  EXPECT_EQ(Parse({"run", "--config", "given"}), Outcome::kUnderstood);
  EXPECT_EQ(config, "given");
  ::unsetenv("ACCORD_COMMAND_LINE_TEST");
}

TEST_F(CommandLineTest, HelpShowsHeadingsAndEndsWithTheFooter) {
  std::string why;
  verb_.AddOption("--why", why, "The reason").Heading("Reasons");
  verb_.Footer("Example: tool run");
  EXPECT_EQ(Parse({"run", "--help"}), Outcome::kAnswered);
  EXPECT_EQ(out_, "Does run\nUsage: tool run [OPTIONS]\n\nOptions:\n  -h,--help                   Print this help message and exit\n\n"
                  "\nReasons:\n  --why TEXT                  The reason\n\nExample: tool run\n");
  EXPECT_EQ(err_, "");
  EXPECT_THAT(called_, ElementsAre());
  Verb(line_, "walk");
  EXPECT_EQ(Parse({"walk", "--help"}), Outcome::kAnswered);
  EXPECT_THAT(out_, Not(HasSubstr("Example")));
}

TEST_F(CommandLineTest, HelpOfAVerbTellsOfWhatAllTake) {
  bool json = false;
  line_.AddFlag("--json", json, "JSON");
  line_.AddChange("alter", "Alters").Footer("Example: tool alter");
  EXPECT_EQ(Parse({"run", "--help"}), Outcome::kAnswered);
  EXPECT_THAT(out_, HasSubstr("\nTakes what every verb takes (tool --help).\n"));
  EXPECT_EQ(Parse({"alter", "--help"}), Outcome::kAnswered);
  EXPECT_THAT(out_, HasSubstr("\nTakes what every verb takes (tool --help), and --dry-run: nothing is changed, and it says what would be asked.\nExample: tool alter\n"));
}

// Standard output is a terminal of 60 columns while the help is printed.
TEST_F(CommandLineTest, HelpFitsTheTerminal) {
  std::string word;
  verb_.AddOption("--event", word, "Kind of event").Check({"referral-stored, released, delivered, delivery-nacked, dead-letter, statement, refused", [](const std::string&) { return true; }});
  winsize size{.ws_row = 24, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
  int master = -1, slave = -1;
  if (::openpty(&master, &slave, nullptr, nullptr, &size) != 0) GTEST_SKIP() << "no pseudo-terminal";
  std::fflush(stdout);
  const int kept = ::dup(STDOUT_FILENO);
  ::dup2(slave, STDOUT_FILENO);
  const char* const words[] = {"tool", "run", "--help"};
  const Outcome outcome = line_.Parse(3, words);
  std::fflush(stdout);
  ::dup2(kept, STDOUT_FILENO);
  std::array<char, 4096> bytes;
  pollfd there{.fd = master, .events = POLLIN, .revents = 0};
  const ssize_t count = ::poll(&there, 1, /*timeout=*/5000) == 1 ? ::read(master, bytes.data(), bytes.size()) : 0;
  for (const int file : {kept, master, slave}) ::close(file);
  EXPECT_EQ(outcome, Outcome::kAnswered);
  ASSERT_GT(count, 0);
  const std::string shown(bytes.data(), static_cast<size_t>(count));
  EXPECT_THAT(shown, HasSubstr("  --event WORD                Kind of event. One of\r\n                              referral-stored, released,\r\n"));
  std::istringstream lines(shown);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 61u) << line;
}

TEST_F(CommandLineTest, Version) {
  EXPECT_EQ(Parse({"--version"}), Outcome::kAnswered);
  EXPECT_EQ(out_, "7.8\n");
}

}  // namespace
}  // namespace accord::accordctl::command_line_test

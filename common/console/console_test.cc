#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <sstream>

#include "accord/type/v1/section_content.pb.h"
#include "accord/type/v1/vocabulary.pb.h"
#include "common/console/message_text.h"
#include "common/console/passphrase.h"
#include "common/console/table.h"
#include "common/console/words.h"

namespace accord::console {
namespace {

TEST(WordsTest, CodedValuesReadAsWordsAndBack) {
  const auto& categories = *type::v1::Category_descriptor();
  for (int i = 0; i < categories.value_count(); ++i) {
    const int number = categories.value(i)->number();
    if (number == 0) continue;
    EXPECT_EQ(EnumFromWords(categories, EnumWords(categories, number)), number);
    EXPECT_EQ(EnumFromWords(categories, categories.value(i)->name()), number);
  }
  EXPECT_EQ(Words(type::v1::CATEGORY_SAFE_CONTACT), "safe contact");
  EXPECT_EQ(Words(type::v1::CONTACT_DECISION_SECTION_47), "section 47");
  EXPECT_EQ(Words(type::v1::CATEGORY_UNSPECIFIED), "not stated");
  EXPECT_EQ(Words(static_cast<type::v1::Category>(99)), "value 99");
  EXPECT_EQ(EnumFromWords(*type::v1::DeclineReason_descriptor(), "No-Capacity"), type::v1::DECLINE_REASON_NO_CAPACITY);
  EXPECT_EQ(EnumFromWords(*type::v1::DeclineReason_descriptor(), "unspecified"), std::nullopt);
  EXPECT_EQ(EnumFromWords(*type::v1::DeclineReason_descriptor(), ""), std::nullopt);
  EXPECT_EQ(EnumChoices(*type::v1::DeclineReason_descriptor()),
            "no-capacity, out-of-area, criteria-not-met, not-wanted, already-open");
}

TEST(WordsTest, TextOfOthersCannotSteerATerminal) {
  EXPECT_EQ(Printable("a\x1b[2Jb"), "a\uFFFD[2Jb");
  EXPECT_EQ(Printable("a\u009b2Jb"), "a\uFFFD2Jb");
  EXPECT_EQ(Printable("two\nlines, José \u00a0"), "two\nlines, José \u00a0");
  EXPECT_EQ(Printable("\xff\xfe"), "(2 bytes that are not UTF-8)");
}

TEST(WordsTest, TimesAreUtc) {
  EXPECT_EQ(TimeText(1'800'000'000'123), "2027-01-15 08:00:00Z");
  EXPECT_EQ(TimeText(0), "-");
}

TEST(TableTest, ColumnsAreAsWideAsTheyNeed) {
  Table table({"agency", "state"});
  table.Add({"idva", "opened"});
  table.Add({"José", "-"});
  EXPECT_EQ(table.ToString(80, 2),
            "  agency  state\n"
            "  ------  ------\n"
            "  idva    opened\n"
            "  José    -\n");
}

TEST(TableTest, ColouredCellsTakeNoMoreRoomAndCannotSteerATerminal) {
  Table table({"a", "b"});
  table.AddColoured({{"no", Colour::kRed}, {"x"}});
  table.AddColoured({{"\x1b[2J", Colour::kPlain}, {"y", Colour::kGreen}});
  EXPECT_EQ(table.ToString(80),
            "a     b\n"
            "----  -\n"
            "\x1b[31mno\x1b[0m    x\n"
            "\uFFFD[2J  \x1b[32my\x1b[0m\n");
}

// Standard output of a test is no terminal, so this shows the first condition alone.
TEST(TableTest, NothingIsColouredButATerminal) { EXPECT_FALSE(ColourWanted()); }

TEST(TableTest, FactsHaveNoHeadings) {
  Table facts = Table::Facts();
  facts.Add({"log", "a"});
  facts.Add({"entry", "7"});
  EXPECT_EQ(facts.ToString(80), "log    a\nentry  7\n");
}

TEST(TableTest, AnIdAmongFactsIsCopiedWhole) {
  Table facts = Table::Facts();
  const std::string id = "referrals/" + std::string(64, 'a');
  facts.Add({"referral", id});
  facts.Add({"said", "It is " + id + " again, and as many words more as have no room in one line."});
  EXPECT_EQ(facts.ToString(60),
            "referral  " + id + "\n"
            "said      It is\n"
            "          " + id + "\n"
            "          again, and as many words more as have no room in\n"
            "          one line.\n");
}

TEST(TableTest, TheWidestColumnsAreWrappedToTheWidthGiven) {
  Table table({"a", "why", "what would change it"});
  table.Add({"x", "The agreement does not let housing have the health of a person.",
             "Consent of the person that names housing."});
  const std::string text = table.ToString(60);
  size_t begin = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; begin = end + 1, end = text.find('\n', begin)) {
    EXPECT_LE(Width(text.substr(begin, end - begin)), 60u) << text;
  }
  for (const char* word : {"agreement", "housing.", "person."}) EXPECT_NE(text.find(word), std::string::npos) << text;
}

TEST(TableTest, AColumnThatIsKeptWholeIsNotWrapped) {
  Table table({"id", "more", "and more"});
  const std::string words = "words that are longer than the width leaves room for";
  table.Add({"referrals/0123456789abcdef", words, words});
  EXPECT_EQ(table.ToString(kWidthMin).find("referrals/0123456789abcdef"), std::string::npos) << "as wide as the rest otherwise";
  table.KeepWhole(0);
  const std::string text = table.ToString(kWidthMin);
  EXPECT_NE(text.find("referrals/0123456789abcdef"), std::string::npos) << text;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), kWidthMin) << line;
}

TEST(TableTest, WhatIsTooWideEvenWrappedIsABlockARowAndNothingIsCut) {
  Table table({"a", "b", "c", "d", "e", "more"});
  table.Add({"one two three four", "five six seven eight", "nine ten eleven twelve", "", "fifteen sixteen", "seventeen eighteen nineteen twenty twenty-one"});
  table.AddColoured({{"no", Colour::kRed}, {"x"}, {"y"}, {"z"}, {"v"}, {"w"}});
  EXPECT_EQ(table.ToString(40, 2),
            "  a     one two three four\n"
            "  b     five six seven eight\n"
            "  c     nine ten eleven twelve\n"
            "  e     fifteen sixteen\n"
            "  more  seventeen eighteen nineteen\n"
            "        twenty twenty-one\n"
            "\n"
            "  a     \x1b[31mno\x1b[0m\n"
            "  b     x\n"
            "  c     y\n"
            "  d     z\n"
            "  e     v\n"
            "  more  w\n");
  // A pipe gets every word, each row in one line.
  const std::string whole = table.ToString(kWidthOfPipe);
  EXPECT_EQ(std::count(whole.begin(), whole.end(), '\n'), 4) << whole;
  EXPECT_NE(whole.find("one two three four  five six seven eight"), std::string::npos) << whole;
}

// Standard output is a terminal of our own while it lives.
class TerminalAtOutput {
 public:
  explicit TerminalAtOutput(unsigned short columns) : kept_(::dup(STDOUT_FILENO)) {
    winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    if (::openpty(&master_, &slave_, nullptr, nullptr, &size) != 0) return;
    std::fflush(stdout);
    ::dup2(slave_, STDOUT_FILENO);
  }
  ~TerminalAtOutput() {
    std::fflush(stdout);
    ::dup2(kept_, STDOUT_FILENO);
    for (const int file : {kept_, master_, slave_}) ::close(file);
  }
  bool ok() const { return slave_ >= 0; }

 private:
  int kept_, master_ = -1, slave_ = -1;
};

TEST(TableTest, TheWidthIsTheTerminalsAndColoursAreForOneThatWantsThem) {
  ::unsetenv("NO_COLOR");
  ::setenv("TERM", "xterm", 1);
  ::setenv("COLUMNS", "90", 1);
  EXPECT_EQ(TerminalWidth(), kWidthOfPipe) << "no terminal: COLUMNS or not, nothing is wrapped";
  EXPECT_FALSE(ColourWanted());
  {
    const TerminalAtOutput terminal(77);
    if (!terminal.ok()) GTEST_SKIP() << "no pseudo-terminal";
    EXPECT_EQ(TerminalWidth(), 77u);
    EXPECT_TRUE(ColourWanted());
    ::setenv("NO_COLOR", "1", 1);
    EXPECT_FALSE(ColourWanted());
    ::unsetenv("NO_COLOR");
    ::setenv("TERM", "dumb", 1);
    EXPECT_FALSE(ColourWanted());
  }
  const auto width = [](const char* columns) {
    ::setenv("COLUMNS", columns, 1);
    const TerminalAtOutput silent(0);
    return TerminalWidth();
  };
  EXPECT_EQ(width("90"), 90u);
  EXPECT_EQ(width("10"), kWidthMin);
  EXPECT_EQ(width("wide"), kWidthDefault);
  const TerminalAtOutput narrow(20);
  EXPECT_EQ(TerminalWidth(), kWidthMin);
}

TEST(TableTest, WrapBreaksAtSpacesAndOtherwiseWithinAWord) {
  EXPECT_EQ(Wrap("ab cd efgh", 5), (std::vector<std::string>{"ab cd", "efgh"}));
  EXPECT_EQ(Wrap("äöüßx", 4), (std::vector<std::string>{"äöüß", "x"}));
  EXPECT_EQ(Wrap("one\n\ntwo", 9), (std::vector<std::string>{"one", "", "two"}));
  EXPECT_EQ(Wrap("", 9), (std::vector<std::string>{""}));
  EXPECT_EQ(Paragraph("ab cd efgh", 5), "ab cd\nefgh\n");
}

// Ctrl-C at the passphrase.
TEST(PassphraseTest, WhoBreaksOffHasATerminalThatShowsAgainWhatIsTyped) {
  int master = -1, slave = -1;
  if (::openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) GTEST_SKIP() << "no pseudo-terminal";
  const auto shows = [slave] {
    termios now = {};
    return ::tcgetattr(slave, &now) == 0 && (now.c_lflag & ECHO) != 0;
  };
  ASSERT_TRUE(shows());
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::dup2(slave, STDIN_FILENO);
    ::dup2(slave, STDERR_FILENO);
    (void)ReadPassphrase("passphrase", /*twice=*/false);
    ::_exit(0);
  }
  for (int i = 0; i < 1000 && shows(); ++i) ::poll(nullptr, 0, 10);
  EXPECT_FALSE(shows());
  ::kill(child, SIGINT);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
  EXPECT_TRUE(shows());
  for (const int file : {master, slave}) ::close(file);
}

TEST(MessageTextTest, ShowsWhatIsSetInWords) {
  type::v1::SectionContent content;
  auto& risk = *content.mutable_risk();
  risk.mutable_risk()->set_grade(type::v1::RISK_GRADE_HIGH);
  risk.set_rationale("first\nsecond \x1b[2J");
  risk.set_assessed_at_ms(1'800'000'000'000);
  risk.add_marac_criteria(type::v1::MARAC_CRITERION_MARAC_REPEAT);
  EXPECT_EQ(MessageText(content),
            "risk\n"
            "  risk\n"
            "    grade: high\n"
            "  rationale: first\n"
            "    second \uFFFD[2J\n"
            "  assessed at: 2027-01-15 08:00:00Z\n"
            "  marac criteria: marac repeat\n");
}

}  // namespace
}  // namespace accord::console

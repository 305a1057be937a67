// The page of the manual of a made-up program. That those of the real programs have what their help has: tests/docs/commands_test.py.
#include "common/console/manual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace accord::console {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ManualTest : public ::testing::Test {
 protected:
  ManualTest() {
    app_.add_option("-c,--config", config_, "Where the keys' names are")->required();
    app_.add_option("--threads", threads_, "Threads")->check(CLI::Range(1, 8))->capture_default_str();
    app_.add_option("--inner", config_, "Not for people")->group("");
    app_.add_flag("--json", json_, "JSON");
    app_.footer("The end.");
    CLI::App* const range = app_.add_subcommand("check-range", "Check a range");
    range->add_option("DIR", config_, "The copy")->required();
    range->add_option("--from", threads_, "First entry");
    range->footer(".begins with a dot");
    app_.add_subcommand("plain", "Do it plainly");
    app_.add_subcommand("child", "Not for people")->group("");
    AddManualFlag(app_);
  }
  // Standard output of the program, and its exit status.
  std::pair<int, std::string> Run(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "made-up");
    std::ostringstream out, err;
    try {
      app_.parse(static_cast<int>(arguments.size()), arguments.data());
    } catch (const CLI::ParseError& error) {
      return {app_.exit(error, out, err), out.str()};
    }
    return {-1, ""};
  }

  CLI::App app_{"Does a thing – well.", "made-up"};
  std::string config_;
  int threads_ = 4;
  bool json_ = false;
};

TEST_F(ManualTest, HasEverythingThatTheHelpHas) {
  const std::string page = ManualPage(app_);
  EXPECT_THAT(page, HasSubstr(".TH MADE-UP 1 "));
  EXPECT_THAT(page, HasSubstr(".SH NAME\nmade-up \\- Does a thing \\[u2013] well.\n"));
  EXPECT_THAT(page, HasSubstr("\\fB\\-c\\fR, \\fB\\-\\-config\\fR \\fITEXT\\fR\nWhere the keys\\(aq names are (required)\n"));
  EXPECT_THAT(page, HasSubstr("\\fB\\-\\-threads\\fR \\fIINT\\fR\nThreads; INT in [1 \\- 8]; 4 when not given\n"));
  EXPECT_THAT(page, HasSubstr("\\fB\\-\\-json\\fR\nJSON\n"));
  EXPECT_THAT(page, HasSubstr("\\fB\\-h\\fR, \\fB\\-\\-help\\fR\n"));
  EXPECT_THAT(page, HasSubstr(".SS \"made\\-up check\\-range DIR\"\nCheck a range.\n"));
  EXPECT_THAT(page, HasSubstr("\\fIDIR\\fR\nThe copy (required)\n"));
  EXPECT_THAT(page, HasSubstr("\\fB\\-\\-from\\fR \\fIINT\\fR\nFirst entry\n"));
  EXPECT_THAT(page, HasSubstr(".nf\n\\&.begins with a dot\n.fi\n")) << "shown, not obeyed";
  EXPECT_THAT(page, HasSubstr(".SH EXIT STATUS\n"));
  for (const std::string once : {"\\-\\-help", "The end."}) EXPECT_EQ(page.find(once), page.rfind(once)) << once;
  for (const char* hidden : {"inner", "child", "Not for people"}) EXPECT_THAT(page, Not(HasSubstr(hidden)));
  for (const char c : page) ASSERT_LT(static_cast<unsigned char>(c), 0x80u) << "a page is ASCII";
}

TEST_F(ManualTest, IsPrintedWhateverElseIsNeeded) {
  EXPECT_EQ(Run({"--man"}), std::pair(0, ManualPage(app_) + "\n"));
  EXPECT_NE(Run({}).first, 0);
  EXPECT_NE(Run({"--man=perhaps"}).first, 0);
}

}  // namespace
}  // namespace accord::console

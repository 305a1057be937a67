// Goal: what bash offers of a line that was begun, by bash itself.
#include "services/accordctl/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "services/accordctl/program.h"

namespace accord::accordctl::completion_test {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CompletionTest : public ::testing::Test {
 protected:
  CompletionTest() {
    std::string name = (fs::temp_directory_path() / "accordctl-completion-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    std::ofstream(Path("completion")) << BashCompletion(Program().line);
  }
  ~CompletionTest() override { fs::remove_all(directory_); }

  std::string Path(const std::string& name) const { return (directory_ / name).string(); }
  // What bash offers at the end of `accordctl TYPED`.
  std::vector<std::string> Complete(const std::string& typed, const std::string& config = "") const;

  fs::path directory_;
};

// `typed` as bash breaks it: at blanks, and at `:` and `=`, which are words of their own.
std::vector<std::string> BashWords(const std::string& typed) {
  std::vector<std::string> words = {""};
  for (const char c : typed) {
    const bool breaks = c == ':' || c == '=';
    const std::string& last = words.back();
    if (c == ' ' || (!last.empty() && breaks != (last[0] == ':' || last[0] == '='))) words.emplace_back();
    if (c != ' ') words.back() += c;
  }
  return words;
}

std::vector<std::string> CompletionTest::Complete(const std::string& typed, const std::string& config) const {
  const std::string script = Path("completion");
  const auto words = BashWords(typed);
  std::string command = "source '" + script + "'; export ACCORDCTL_CONFIG='" + config + "'; COMP_LINE='accordctl " + typed + "'; COMP_WORDS=(accordctl";
  for (const std::string& word : words) command += " '" + word + "'";
  command += "); COMP_CWORD=" + std::to_string(words.size()) + "; _accordctl; printf '%s\\n' \"${COMPREPLY[@]}\"";
  const std::string file = script + ".run";
  std::ofstream(file) << command << "\n";
  std::vector<std::string> offered;
  FILE* const pipe = ::popen(("bash '" + file + "' 2>&1").c_str(), "r");
  std::array<char, 4096> line;
  while (pipe != nullptr && std::fgets(line.data(), line.size(), pipe) != nullptr) {
    std::string word(line.data());
    while (!word.empty() && word.back() == '\n') word.pop_back();
    if (!word.empty()) offered.push_back(word);
  }
  if (pipe != nullptr) ::pclose(pipe);
  return offered;
}

TEST_F(CompletionTest, BashCompletesVerbsOptionsWordsAndFiles) {
  EXPECT_THAT(Complete("inb"), ElementsAre("inbox"));
  EXPECT_THAT(Complete("inbox dec"), ElementsAre("decline", "decide"));
  EXPECT_THAT(Complete("inbox decline 0123 --reason no"), ElementsAre("no-capacity", "not-wanted"));
  EXPECT_THAT(Complete("inbox decline 0123 --reason=out"), ElementsAre("out-of-area"));
  EXPECT_THAT(Complete("inbox decline 0123 --reason="), Contains("already-open"));
  EXPECT_THAT(Complete("inbox decline --rea"), ElementsAre("--reason"));
  EXPECT_THAT(Complete("inbox close 0123 comp"), ElementsAre("completed"));
  EXPECT_THAT(Complete("inbox list --js"), ElementsAre("--json")) << "an option of all";
  EXPECT_THAT(Complete("--as inb"), IsEmpty()) << "an agency is needed, and there is no configuration";
  for (const char* file : {"push.json", "accordctl.toml"}) std::ofstream(directory_ / file) << "{}";
  EXPECT_THAT(Complete("referral submit " + Path("push")), ElementsAre(Path("push.json")));
  EXPECT_THAT(Complete("referral submit a.json b.json " + Path("push")), ElementsAre(Path("push.json"))) << "repeated";
  EXPECT_THAT(Complete("--config " + Path("accordctl.t")), ElementsAre(Path("accordctl.toml")));
  EXPECT_THAT(Complete("forum action "), ElementsAre("add", "done", "list"));
  EXPECT_THAT(Complete("policy show cl"), ElementsAre("clocks"));
  EXPECT_THAT(Complete("erase --ground "), ElementsAre("subject-request", "unlawfully-processed", "order"));
  EXPECT_THAT(Complete("inbox accept 01"), IsEmpty()) << "an id is of nobody's list";
}

TEST_F(CompletionTest, BashCompletesWhoMayBeNamed) {
  const std::string config = Path("accordctl.toml");
  std::ofstream(config) << "[[agency]]\nid = \"police\"\n[[admin]]\nid   =   \"alice\"  # The first.\n[[inspector]]\ncertificate = \"tls.crt\"\nid = \"ines\"\n[[agency]]\nid = \"$(touch " << Path("run") << ")\"\n";
  EXPECT_THAT(Complete("--as pol", config), ElementsAre("police"));
  EXPECT_THAT(Complete("--as-admin ", config), ElementsAre("alice"));
  EXPECT_THAT(Complete("--as ", config), ElementsAre("police", "admin/alice", "inspector/ines"));
  EXPECT_THAT(Complete("--as=insp", config), ElementsAre("inspector/ines"));
  EXPECT_THAT(Complete("today --as admin/", config), ElementsAre("admin/alice"));
  EXPECT_THAT(Complete("--as police inbox acc", config), ElementsAre("accept")) << "past an option's value";
  EXPECT_THAT(Complete("--config " + config + " --as pol"), ElementsAre("police"));
  EXPECT_THAT(Complete("--config=" + config + " --as pol"), ElementsAre("police"));
  EXPECT_FALSE(fs::exists(Path("run"))) << "what stands in a configuration is read and not run";
}

// bash breaks words at `:` and `=`, which times and file names have, and replaces what follows the last of them alone.
TEST_F(CompletionTest, BashCompletesPastColonsSeveralValuesAndRedirections) {
  for (const char* file : {"a:b.json", "k=v.json"}) std::ofstream(directory_ / file) << "{}";
  std::ofstream(Path("push.json")) << "{}";
  EXPECT_THAT(Complete("inbox forum 0123 --meeting 2027-03-31T09:30:00Z lis"), ElementsAre("listed"));
  EXPECT_THAT(Complete("trail find --from=2027-03-31T09:30:00Z --gra"), ElementsAre("--grade"));
  EXPECT_THAT(Complete("referral submit " + Path("a:")), ElementsAre("b.json"));
  EXPECT_THAT(Complete("referral submit " + Path("k=")), ElementsAre("v.json"));
  EXPECT_THAT(Complete("referral submit --attach=" + Path("k=v")), ElementsAre("v.json"));
  EXPECT_THAT(Complete("inbox return 0123 --lacks safe-contact-missing risk"), ElementsAre("risk-not-assessed"));
  EXPECT_THAT(Complete("inbox return 0123 --lacks safe-contact-missing --as-"), ElementsAre("--as-admin"));
  EXPECT_THAT(Complete("policy list > " + Path("push")), ElementsAre(Path("push.json")));
}

}  // namespace
}  // namespace accord::accordctl::completion_test

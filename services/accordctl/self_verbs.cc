#include "services/accordctl/self_verbs.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "services/accordctl/completion.h"
#include "services/accordctl/man_page.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {
namespace {

// The text as it is, or in a document of one field.
int PrintOwnText(const std::string& text, const char* field, bool json) {
  const std::string output = json ? nlohmann::json{{field, text}}.dump(2) + "\n" : text;
  std::fwrite(output.data(), 1, output.size(), stdout);
  return kDone;
}

}  // namespace

void AddSelfVerbs(CommandLine& line, OfflineVerb& chosen) {
  auto shell = std::make_shared<std::string>();
  Command& completion = line.AddVerb("completion", "Print a script by which a shell completes verbs, options, their words and files");
  completion.AddOption("SHELL", *shell, "Which shell").Required().Check({"bash", [](const std::string& word) { return word == "bash"; }});
  completion.Footer("Example: accordctl completion bash > ~/.local/share/bash-completion/completions/accordctl");
  completion.WhenGiven([&line, &chosen, shell] { chosen = [&line](bool json) { return PrintOwnText(BashCompletion(line), "script", json); }; });

  Command& man = line.AddVerb("man", "Print the page of the manual");
  man.Footer("Example: accordctl man > accordctl.1 && man -l accordctl.1");
  man.WhenGiven([&line, &chosen] { chosen = [&line](bool json) { return PrintOwnText(ManPage(line), "page", json); }; });
}

}  // namespace accord::accordctl

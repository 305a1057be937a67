#include <memory>
#include <string>
#include <vector>

#include "services/accordctl/verbs.h"

namespace accord::accordctl {

void AddLaterVerbs(Command& app, bool& later) {
  auto words = std::make_shared<std::vector<std::string>>();  // Whatever the later version will take.
  Command& warrant = app.AddVerb("warrant", "An inspector's grants (comes later)");
  warrant.AddOption("WORDS", *words, "Not looked at yet");
  warrant.WhenGiven([&later, words] { later = true; });
}

}  // namespace accord::accordctl

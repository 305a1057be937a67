#include <memory>
#include <string>
#include <vector>

#include "services/accordctl/verbs.h"

namespace accord::accordctl {

void AddLaterVerbs(CLI::App& app, bool& later) {
  auto words = std::make_shared<std::vector<std::string>>();  // Whatever the later version will take.
  auto* warrant = app.add_subcommand("warrant", "An inspector's grants (comes later)");
  warrant->add_option("WORDS", *words, "Not looked at yet");
  warrant->callback([&later, words] { later = true; });
}

}  // namespace accord::accordctl

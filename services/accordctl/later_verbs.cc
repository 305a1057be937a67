#include <fmt/format.h>

#include "common/base/status.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {

void AddLaterVerbs(CLI::App& app, Verb& chosen) {
  auto* warrant = app.add_subcommand("warrant", "An inspector's grants (comes later)");
  warrant->prefix_command();  // Takes whatever the later version will.
  warrant->callback([&chosen] {
    chosen = [](Session&) -> absl::StatusOr<int> {
      return Error(Reason::kComesLater, "warrants are part of the published interface and come later: this version has none");
    };
  });
}

}  // namespace accord::accordctl

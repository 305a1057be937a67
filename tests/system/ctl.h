// accordctl as a person runs it, against a World.
#pragma once

#include <absl/time/time.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/system/world.h"

namespace accord::tests {

inline constexpr absl::Duration kProgramTime = absl::Seconds(60);

// Runs it with the world's configuration; that it does not come to its end in kProgramTime fails the test.
Ran RunCtl(const World& world, const std::vector<std::string>& words);

// The document that --json prints; what accordctl tells a person beside it comes before. Null when there is none.
nlohmann::json JsonOf(const Ran& ran);

}  // namespace accord::tests

#include "tests/system/ctl.h"

#include <gtest/gtest.h>

#include <utility>

namespace accord::tests {

Ran RunCtl(const World& world, const std::vector<std::string>& words) {
  std::vector<std::string> command = {World::Program("accordctl"), "--config", world.path("accordctl.toml")};
  command.insert(command.end(), words.begin(), words.end());
  const auto ran = RunProgram(std::move(command), kProgramTime);
  EXPECT_EQ(ran.status(), absl::OkStatus());
  return ran.value_or(Ran());
}

nlohmann::json JsonOf(const Ran& ran) {
  const size_t begin = ran.output.find('{');
  if (begin == std::string::npos) return {};
  return nlohmann::json::parse(ran.output.substr(begin), nullptr, /*allow_exceptions=*/false);
}

}  // namespace accord::tests

#include "common/agent_rpc/agency_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/agent/alert.h"

namespace accord::agent_rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The example, without its [alert], and `alert` in its place.
absl::StatusOr<AgencyConfig> LoadWith(const std::string& alert) {
  std::ifstream example("deploy/agency.toml.example");
  std::stringstream text;
  text << example.rdbuf();
  std::string all = text.str();
  const size_t begin = all.find("[alert]"), end = all.find("[work]");
  EXPECT_TRUE(begin != std::string::npos && end != std::string::npos && begin < end);
  all.replace(begin, end - begin, alert + "\n");
  const std::string path = testing::TempDir() + "/accord_agency_config_test.toml";
  std::ofstream(path) << all;
  auto config = LoadAgencyConfig(path, 7411);
  std::filesystem::remove(path);
  return config;
}

std::string Wrong(const std::string& alert) { return std::string(LoadWith(alert).status().message()); }

TEST(AgencyConfigTest, NobodyIsCalledUnlessItSaysWhom) {
  const auto config = LoadWith("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->alert_command, IsEmpty());
  EXPECT_EQ(config->alert_repeat, absl::Minutes(2));
  EXPECT_EQ(config->alert_timeout, absl::Seconds(20));
}

TEST(AgencyConfigTest, KeepsTheSealingKeysThatWereReplaced) {
  const std::string one = "[[previous_sealing_keys]]\nkey = \"old.key\"\ncertificate = \"old.crt\"\n";
  const auto config = LoadWith(one);
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->previous_sealing_keys.size(), 1u);
  EXPECT_EQ(config->previous_sealing_keys[0].key, std::filesystem::path(testing::TempDir() + "/old.key").lexically_normal().string());
  EXPECT_EQ(config->previous_sealing_keys[0].certificate, std::filesystem::path(testing::TempDir() + "/old.crt").lexically_normal().string());
  EXPECT_THAT(LoadWith("")->previous_sealing_keys, IsEmpty());
  EXPECT_THAT(Wrong("[[previous_sealing_keys]]\nkey = \"old.key\"\n"), HasSubstr("certificate"));
  std::string many;
  for (size_t i = 0; i < kPreviousSealingKeysMax; ++i) many += one;
  EXPECT_TRUE(LoadWith(many).ok());
  EXPECT_THAT(Wrong(many + one), HasSubstr("previous_sealing_keys"));
}

TEST(AgencyConfigTest, TakesTheHookWithinItsLimits) {
  for (const char* repeat : {"30s", "1h"}) {
    const auto config = LoadWith(std::string("[alert]\ncommand = [\"/bin/pager\", \"an argument\"]\nrepeat = \"") + repeat + "\"\ntimeout = \"1s\"");
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_THAT(config->alert_command, ElementsAre("/bin/pager", "an argument"));
    EXPECT_EQ(config->alert_timeout, agent::kAlertTimeoutMin);
  }
  EXPECT_THAT(Wrong("[alert]\nrepeat = \"29s\""), HasSubstr("alert.repeat"));
  EXPECT_THAT(Wrong("[alert]\nrepeat = \"61m\""), HasSubstr("alert.repeat"));
  EXPECT_THAT(Wrong("[alert]\ntimeout = \"500ms\""), HasSubstr("alert.timeout"));
  EXPECT_THAT(Wrong("[alert]\ntimeout = \"6m\""), HasSubstr("alert.timeout"));
}

TEST(AgencyConfigTest, RefusesAHookThatAShellWouldHaveToFind) {
  EXPECT_THAT(Wrong("[alert]\ncommand = [\"pager\"]"), HasSubstr("alert.command"));
  EXPECT_THAT(Wrong("[alert]\ncommand = [\"\"]"), HasSubstr("alert.command"));
  EXPECT_THAT(Wrong("[alert]\ncommand = \"/bin/pager\""), HasSubstr("alert.command"));
}

TEST(AgencyConfigTest, TakesAWebhookInPlaceOfACommand) {
  const auto config = LoadWith("[alert]\nwebhook = \"https://pager.example/desk\"\nauthorities = \"/etc/pager.pem\"");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->alert_webhook, "https://pager.example/desk");
  EXPECT_EQ(config->alert_authorities, "/etc/pager.pem");
  EXPECT_THAT(Wrong("[alert]\nwebhook = \"http://pager.example/desk\""), HasSubstr("alert.webhook"));
  EXPECT_THAT(Wrong("[alert]\nwebhook = \"https://pager.example\"\ncommand = [\"/bin/pager\"]"), HasSubstr("alert.webhook"));
  EXPECT_THAT(Wrong("[alert]\nauthorities = \"/etc/pager.pem\""), HasSubstr("alert.authorities"));
}

}  // namespace
}  // namespace accord::agent_rpc

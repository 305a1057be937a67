#include "common/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accord::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Table Parsed(std::string_view text) {
  auto table = Table::Parse(text, "/etc/accord/broker.toml");
  EXPECT_TRUE(table.ok()) << table.status();
  return *table;
}

std::string ErrorsOf(const Table& table) { return std::string(table.Finish().message()); }

TEST(ConfigTest, ReadsEveryKindOfValue) {
  Table root = Parsed(R"(
    origin = "broker.test"
    mode = "wide"
    peers = ["a", "b"]
    [server]
    port = 7400
    reflect = true
    grace = "1m30s"
    memory = "64MiB"
    store = "data/store"
    key = "/run/key"
    [[agency]]
    id = "met"
    [[agency]]
    id = "nhs")");
  EXPECT_EQ(root.RequiredString("origin"), "broker.test");
  EXPECT_EQ(root.OneOf("mode", {"narrow", "wide"}), "wide");
  EXPECT_THAT(root.Strings("peers"), ElementsAre("a", "b"));
  Table server = root.Section("server");
  EXPECT_EQ(server.RequiredInt("port", 1, 65535), 7400);
  EXPECT_TRUE(server.OptionalBool("reflect", false));
  EXPECT_EQ(server.OptionalDuration("grace", absl::Seconds(1), absl::ZeroDuration(), absl::Hours(1)), absl::Seconds(90));
  EXPECT_EQ(server.OptionalBytes("memory", 0, 0, 1u << 30), 64u << 20);
  EXPECT_EQ(server.RequiredPath("store"), "/etc/accord/data/store");
  EXPECT_EQ(server.OptionalPath("key"), "/run/key");
  std::vector<Table> agencies = root.Tables("agency");
  ASSERT_EQ(agencies.size(), 2u);
  EXPECT_EQ(agencies[0].RequiredString("id"), "met");
  EXPECT_EQ(agencies[1].RequiredString("id"), "nhs");
  EXPECT_TRUE(root.Finish().ok()) << root.Finish();
}

TEST(ConfigTest, GivesDefaultsForWhatIsAbsent) {
  Table root = Parsed("");
  EXPECT_EQ(root.OptionalInt("n", 5, 1, 9), 5);
  EXPECT_EQ(root.OneOf("mode", {"narrow", "wide"}), "narrow");
  EXPECT_EQ(root.OptionalPath("log"), "") << "absent stays empty, not the directory";
  EXPECT_EQ(root.OptionalPath("store", "data"), "/etc/accord/data");
  EXPECT_EQ(root.Section("tls").OptionalString("name", "x"), "x");
  EXPECT_TRUE(root.Tables("agency").empty());
  EXPECT_FALSE(root.Has("n"));
  EXPECT_TRUE(root.Finish().ok());
}

TEST(ConfigTest, UnknownKeyIsAnErrorThatListsTheKnownOnes) {
  Table root = Parsed("[server]\nprot = 1\n");
  Table server = root.Section("server");
  server.OptionalInt("port", 1, 1, 9);
  server.OptionalBool("reflect", true);
  EXPECT_EQ(ErrorsOf(root), "/etc/accord/broker.toml:2: server.prot: unknown key; known here: port, reflect");
}

TEST(ConfigTest, ATableNobodyAskedForIsUnknown) {
  EXPECT_THAT(ErrorsOf(Parsed("[sever]\nport = 1\n")), HasSubstr("sever: unknown key"));
}

TEST(ConfigTest, TellsEveryErrorWithItsLine) {
  Table root = Parsed("a = \"x\"\nb = 70000\nc = \"5 parsecs\"\nd = \"\"\ne = 1.5\nf = [1]\ng = \"12 MB\"\nh = \"z\"\n");
  EXPECT_EQ(root.RequiredInt("a", 1, 9), 1);
  EXPECT_EQ(root.OptionalInt("b", 7, 1, 65535), 7) << "out of range gives the default";
  root.OptionalDuration("c", absl::Seconds(1), absl::ZeroDuration(), absl::Hours(1));
  root.RequiredString("d");
  root.OptionalInt("e", 1, 1, 9);
  root.Strings("f");
  root.OptionalBytes("g", 1, 0, 9);
  root.OneOf("h", {"x", "y"});
  root.RequiredString("missing");
  EXPECT_THAT(ErrorsOf(root),
              AllOf(HasSubstr("toml:1: a: must be a whole number"), HasSubstr("toml:2: b: must be from 1 to 65535"),
                    HasSubstr("toml:3: c: must be a duration"), HasSubstr("toml:4: d: must not be empty"),
                    HasSubstr("toml:5: e: must be a whole number"), HasSubstr("toml:6: f: must be an array of texts"),
                    HasSubstr("toml:7: g: must be a size"), HasSubstr("toml:8: h: must be one of x, y"),
                    HasSubstr("missing: is required and missing"), Not(HasSubstr("unknown"))));
}

TEST(ConfigTest, MissingKeyInATableOfManyNamesWhichOne) {
  Table root = Parsed("[[agency]]\nid = \"a\"\n[[agency]]\n");
  for (Table& agency : root.Tables("agency")) agency.RequiredString("id");
  EXPECT_EQ(ErrorsOf(root), "/etc/accord/broker.toml:3: agency[1].id: is required and missing");
}

TEST(ConfigTest, RejectAddsTheCallersOwnError) {
  Table root = Parsed("low = 5\nhigh = 3\n");
  root.OptionalInt("low", 1, 1, 9);
  root.OptionalInt("high", 1, 1, 9);
  root.Reject("high", "must not be below low");
  EXPECT_EQ(ErrorsOf(root), "/etc/accord/broker.toml:2: high: must not be below low");
}

TEST(ConfigTest, NotTomlNamesTheLine) {
  const auto table = Table::Parse("a = 1\nb = = 2\n", "x.toml");
  EXPECT_EQ(table.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(table.status().message()), HasSubstr("x.toml:2:"));
}

TEST(ConfigTest, AbsentFileIsNotFound) {
  EXPECT_EQ(Table::Load("/nonexistent/accord.toml").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace accord::config

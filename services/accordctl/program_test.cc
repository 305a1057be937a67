// Goal: exit statuses and errors as a person and a program see them, with nobody at the other end.
#include "services/accordctl/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/base/status.h"
#include "common/base/text.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ProgramTest : public ::testing::Test {
 protected:
  ProgramTest() {
    std::string name = (fs::temp_directory_path() / "accordctl-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    ::unsetenv("ACCORDCTL_CONFIG");
    // Readable files are all that is asked for before a connection is made; port 1 refuses it.
    for (const char* file : {"tls.crt", "tls.key", "ca.crt"}) std::ofstream(directory_ / file) << "-";
    const std::string tls = "certificate = \"tls.crt\"\nprivate_key = \"tls.key\"\nroots = \"ca.crt\"\n";
    std::ofstream(Config())
        << "[broker]\naddress = \"127.0.0.1:1\"\nspiffe_id = \"spiffe://a.example/broker/x\"\nlog_vkey = \"vkey\"\n"
        << "[[agency]]\nid = \"police\"\naddress = \"127.0.0.1:1\"\nspiffe_id = \"spiffe://a.example/agency/police\"\n"
        << tls << "[[agency]]\nid = \"idva\"\n"
        << tls << "[[admin]]\nid = \"alice\"\n"
        << tls;
  }
  ~ProgramTest() override { fs::remove_all(directory_); }

  std::string Config() const { return (directory_ / "accordctl.toml").string(); }

  // Runs with the configuration; standard output into out_, standard error into err_.
  int Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--config", Config()});
    return RunBare(arguments);
  }
  int RunBare(const std::vector<std::string>& arguments) {
    std::vector<const char*> argv = {"accordctl"};
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    FakeRandom random(1);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int status = RunAccordctl(static_cast<int>(argv.size()), argv.data(), random);
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return status;
  }

  fs::path directory_;
  std::string out_, err_;
};

TEST_F(ProgramTest, HelpAndVersionAreNoErrors) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"--help"},
                                                                     {"--version"},
                                                                     {"referral", "--help"},
                                                                     {"referral", "submit", "--help"},
                                                                     {"inbox", "decline", "--help"}}) {
    EXPECT_EQ(RunBare(arguments), kDone) << arguments[0];
    EXPECT_FALSE(out_.empty());
  }
}

TEST_F(ProgramTest, WrongUseIsTwo) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {},
           {"referral"},
           {"refer"},
           {"referral", "submit"},
           {"referral", "submit", "absent.json", "--as", "police"},
           {"referral", "submit", "deploy/samples", "--wait", "31"},
           {"inbox", "decline", "0123456789", "--reason", "because"},
           {"inbox", "list"},  // As whom?
           {"inbox", "list", "--as", "nobody"},
           {"inbox", "list", "--as", "police", "--as-admin", "alice"},
           {"inbox", "list", "--as", "idva"},                            // Has no service.
           {"inbox", "accept", "0123456789abcdef", "--as", "police"},    // Who acts?
           {"inbox", "accept", "x", "--as", "police", "--worker", "w"},  // Names no referral.
           {"trail", "case", "12", "--as-admin", "alice"},
           {"ledger", "checkpoint", "--as", "police"},  // No vkey file.
           {"referral", "list", "--as", "police", "--request-id", "bad id"},
           {"referral", "resolve", "some-request-id", "--as", "police"}}) {
    EXPECT_EQ(Run(arguments), kWrongUse) << testing::PrintToString(arguments) << err_;
    EXPECT_FALSE(err_.empty());
  }
  EXPECT_EQ(RunBare({"status"}), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("ACCORDCTL_CONFIG"));
  EXPECT_EQ(RunBare({"--config", (directory_ / "absent").string(), "status"}), kWrongUse);
}

TEST_F(ProgramTest, AServiceThatDoesNotAnswerIsOneAndIsNamed) {
  EXPECT_EQ(Run({"referral", "list", "--as", "agency/police"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("police at 127.0.0.1:1"));
  EXPECT_THAT(err_, HasSubstr("what to do:"));
  EXPECT_TRUE(out_.empty());

  EXPECT_EQ(Run({"--json", "referral", "list", "--as", "police"}), kFailed);
  const auto json = nlohmann::json::parse(out_);
  EXPECT_EQ(json["error"]["code"], "UNAVAILABLE");
}

TEST_F(ProgramTest, EveryFileIsReadBeforeTheFirstIsSent) {
  std::ofstream(directory_ / "good.json")
      << R"({"agency": "police", "call": "ReportIncident", "request": {"options": {"worker": {}}}})";
  std::ofstream(directory_ / "bad.json") << R"({"agency": "police", "call": "ReportIncident", "request": {"colour": 1}})";
  EXPECT_EQ(Run({"referral", "submit", (directory_ / "good.json").string(), (directory_ / "bad.json").string()}), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("bad.json"));
  EXPECT_THAT(err_, HasSubstr("nothing was sent"));
  // The good one alone is tried, and fails for want of a service.
  EXPECT_EQ(Run({"referral", "submit", (directory_ / "good.json").string(), "--json"}), kFailed);
  const auto json = nlohmann::json::parse(out_);
  EXPECT_EQ(json["failed"], 1);
  EXPECT_EQ(json["submissions"][0]["error"]["code"], "UNAVAILABLE");
}

TEST_F(ProgramTest, WarrantsComeLater) {
  EXPECT_EQ(RunBare({"warrant", "list"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("COMES_LATER"));
  EXPECT_EQ(RunBare({"--json", "warrant", "activate", "w-1"}), kFailed);
  EXPECT_EQ(nlohmann::json::parse(out_)["error"]["reason"], "COMES_LATER");
}

TEST(ErrorTextTest, AReasonIsToldInPlainEnglishWithItsMetadata) {
  const absl::Status status = Annotate(Error(Reason::kQueueFull, "too much", {{"retry_after_ms", "1000"}}), "the broker");
  const std::string text = ErrorText(status);
  EXPECT_THAT(text, HasSubstr("QUEUE_FULL: the broker: too much"));
  EXPECT_THAT(text, HasSubstr("retry_after_ms: 1000"));
  EXPECT_THAT(text, HasSubstr(std::string(RowOf(Reason::kQueueFull).next_step)));
  EXPECT_EQ(ErrorJson(status)["metadata"]["retry_after_ms"], "1000");
  EXPECT_THAT(ErrorText(absl::UnknownError("\x1b[2J")), testing::Not(HasSubstr("\x1b")));
}

// The example is what people start from: it must load.
TEST(CtlConfigTest, TheExampleLoads) {
  const auto config = LoadCtlConfig("services/accordctl/accordctl.toml.example");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_NE(config->FindAgency("police"), nullptr);
  EXPECT_EQ(config->FindAgency("police")->worker.role(), type::v1::WORKER_ROLE_PRACTITIONER);
  EXPECT_EQ(config->FindAgency("idva"), nullptr);
  EXPECT_NE(config->FindAdmin("alice"), nullptr);
  EXPECT_EQ(config->broker_address, "127.0.0.1:7400");
}

TEST_F(ProgramTest, AWitnessKeyIsMadeOnceForItsOwnerAlone) {
  const std::string key = (directory_ / "witness.key").string();
  ASSERT_EQ(RunBare({"ledger", "witness-key", "--name", "idva.accord.test", "--out", key}), kDone) << err_;
  const std::string vkey = out_;
  EXPECT_THAT(vkey, ::testing::MatchesRegex("idva.accord.test\\+[0-9a-f]{8}\\+B[A-Za-z0-9+/=]+\n"));
  EXPECT_EQ(fs::status(key).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  // Again: the same key, and another name is another verification key of it.
  ASSERT_EQ(RunBare({"ledger", "witness-key", "--name", "idva.accord.test", "--out", key}), kDone) << err_;
  EXPECT_EQ(out_, vkey);
  ASSERT_EQ(RunBare({"--json", "ledger", "witness-key", "--name", "other", "--out", key}), kDone);
  EXPECT_EQ(nlohmann::json::parse(out_)["made"], false);
  EXPECT_EQ(RunBare({"ledger", "witness-key", "--name", "two words", "--out", key}), kWrongUse);
  std::ofstream(key) << "no key";
  EXPECT_EQ(RunBare({"ledger", "witness-key", "--name", "idva.accord.test", "--out", key}), kFailed);
}

TEST_F(ProgramTest, APolicyIsCheckedAndPrinted) {
  const std::string key = (directory_ / "witness.key").string(), policy = (directory_ / "witnesses.policy").string();
  ASSERT_EQ(RunBare({"ledger", "witness-key", "--name", "idva.accord.test", "--out", key}), kDone);
  const std::string line = "witness idva " + out_;
  std::ofstream(policy) << "# ours\n" << line << "group one any idva\nquorum one\n";
  ASSERT_EQ(RunBare({"ledger", "policy", policy}), kDone) << err_;
  EXPECT_EQ(out_, line + "group one 1 idva\nquorum one\n");
  ASSERT_EQ(RunBare({"--json", "ledger", "policy", policy}), kDone);
  EXPECT_EQ(nlohmann::json::parse(out_)["groups"][0]["members"][0], "idva");
  std::ofstream(policy) << line << "quorum two\n";
  EXPECT_EQ(RunBare({"ledger", "policy", policy}), kFailed);
  EXPECT_THAT(err_, HasSubstr("line 2 of the policy: two is not defined"));
  EXPECT_EQ(RunBare({"ledger", "policy"}), kWrongUse);
}

TEST_F(ProgramTest, RecoverNeedsNoConfigurationAndTellsWrongUseFromRefusal) {
  EXPECT_EQ(RunBare({"ledger", "recover", "--help"}), kDone);
  EXPECT_THAT(out_, HasSubstr("the guard tells of more signed entries"));
  EXPECT_EQ(RunBare({"ledger", "recover"}), kWrongUse);

  std::ofstream(directory_ / "guard") << std::string(1024, 'x');
  fs::create_directory(directory_ / "export");
  std::vector<std::string> recover = {"ledger", "recover", "--json", "--guard", directory_ / "guard", "--from", directory_ / "export",
                                      "--out", directory_ / "out", "--vkey", directory_ / "vkey"};
  std::ofstream(directory_ / "vkey") << "no key\n";
  EXPECT_EQ(RunBare(recover), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("is no log's verification key"));
  std::ofstream(directory_ / "vkey") << "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n";
  EXPECT_EQ(RunBare(recover), kFailed);
  EXPECT_EQ(nlohmann::json::parse(out_)["error"]["reason"], "STORE_CORRUPT") << out_;
  EXPECT_FALSE(fs::exists(directory_ / "out"));
}

}  // namespace
}  // namespace accord::accordctl

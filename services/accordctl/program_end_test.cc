// Goal: how a run ends that was not understood, or whose answer nobody takes.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "common/crypto/testing_pki.h"
#include "services/accordctl/program.h"

namespace accord::accordctl::program_end_test {
namespace {

using ::testing::HasSubstr;

struct Ran {
  int status;
  std::string out, err;
};

int RunWith(std::vector<const char*> argv) {
  argv.insert(argv.begin(), "accordctl");
  FakeRandom random(1);
  return RunAccordctl(static_cast<int>(argv.size()), argv.data(), random);
}

Ran RunPlain(const std::vector<const char*>& argv) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int status = RunWith(argv);
  return {status, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
}

// With standard output into `file`.
Ran RunInto(const char* file, const std::vector<const char*>& argv) {
  std::fflush(stdout);
  const int kept = ::dup(STDOUT_FILENO), into = ::open(file, O_WRONLY);
  ::dup2(into, STDOUT_FILENO);
  ::testing::internal::CaptureStderr();
  const int status = RunWith(argv);
  Ran ran{status, "", ::testing::internal::GetCapturedStderr()};
  std::clearerr(stdout);
  std::cout.clear();
  ::dup2(kept, STDOUT_FILENO);
  for (const int fd : {kept, into}) ::close(fd);
  return ran;
}

// A program that reads JSON is told in JSON, also of what was not understood.
TEST(ProgramEndTest, ACommandLineThatIsNotUnderstoodIsToldInJsonToo) {
  const Ran json = RunPlain({"--json", "inbox", "acecpt"});
  EXPECT_EQ(json.status, kWrongUse);
  const auto error = nlohmann::json::parse(json.out)["error"];
  EXPECT_EQ(error["reason"], "USAGE");
  EXPECT_THAT(error["message"], HasSubstr("accordctl inbox has no \"acecpt\""));
  EXPECT_THAT(error["nextStep"], HasSubstr("accordctl inbox accept"));
  EXPECT_THAT(json.err, HasSubstr("accordctl inbox has no \"acecpt\""));
  const Ran plain = RunPlain({"inbox", "acecpt"});
  EXPECT_EQ(plain.status, kWrongUse);
  EXPECT_EQ(plain.out, "");
}

TEST(ProgramEndTest, AnAnswerThatDidNotGetOutWasNotGiven) {
  // Much, so that what is lost is lost before the end; and little.
  const Ran much = RunInto("/dev/full", {"man"});
  EXPECT_EQ(much.status, kFailed);
  EXPECT_THAT(much.err, HasSubstr("standard output could not be written"));
  EXPECT_EQ(RunInto("/dev/full", {"--version"}).status, kFailed);
  EXPECT_EQ(RunInto("/dev/full", {"refer", "--json"}).status, kWrongUse) << "wrong use stays so";
  const Ran well = RunInto("/dev/null", {"man"});
  EXPECT_EQ(well.status, kDone);
  EXPECT_EQ(well.err, "");
}

// `| head` ends what only asks, and nothing that changes something.
TEST(ProgramEndTest, OnlyWhatReadsEndsWhenNobodyReadsOn) {
  ::unsetenv("ACCORDCTL_CONFIG");  // None is needed to know what the verb is.
  std::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(RunPlain({"referral", "list"}).status, kWrongUse);
  EXPECT_EQ(std::signal(SIGPIPE, SIG_DFL), SIG_DFL);
  EXPECT_EQ(RunPlain({"referral", "withdraw", "push-0001", "not-wanted"}).status, kWrongUse);
  EXPECT_EQ(std::signal(SIGPIPE, SIG_DFL), SIG_IGN);
}

// What gRPC says of a connection that fails is no help to anybody; what is wrong with one's own certificate it does not say at all.
TEST(ProgramEndTest, AConnectionThatFailsIsToldWithWhatToDo) {
  const auto next = [](const char* said) { return ErrorJson(absl::UnavailableError(said))["nextStep"].get<std::string>(); };
  EXPECT_THAT(next("UNAUTHENTICATED: the server's certificate does not name spiffe://a.example/broker/x"), HasSubstr("spiffe_id"));
  EXPECT_THAT(next("SSL_ERROR_SSL: error:0A000086:SSL routines::certificate verify failed"), HasSubstr("`roots`"));
  EXPECT_THAT(next("DNS resolution failed for nowhere.invalid:7400"), HasSubstr("name in the address"));
  EXPECT_THAT(next("UNAVAILABLE: ipv4:127.0.0.1:7400: Socket closed"), HasSubstr("does not take the certificate"));
  EXPECT_THAT(next("Connection refused"), HasSubstr("See whether it runs"));
}

TEST(ProgramEndTest, OnesOwnCertificateIsLookedAtFirst) {
  namespace pki = crypto::testing;
  std::string name = (std::filesystem::temp_directory_path() / "accordctl-end-XXXXXX").string();
  const std::filesystem::path directory = ::mkdtemp(name.data());
  const auto write = [&](const char* file, const std::string& text) { std::ofstream(directory / file) << text; };
  const pki::TestAuthority authority;
  const auto issue = [&](const char* begins, const char* ends) {
    absl::Time not_before, not_after;
    std::string error;
    EXPECT_TRUE(absl::ParseTime("%Y-%m-%d", begins, &not_before, &error) && absl::ParseTime("%Y-%m-%d", ends, &not_after, &error));
    return authority.Issue({.uris = {pki::SpiffeId("admin/alice")}, .tls = true, .not_before = not_before, .not_after = not_after});
  };
  write("ca.crt", authority.pem());
  write("accordctl.toml",
        "[broker]\naddress = \"127.0.0.1:1\"\nspiffe_id = \"spiffe://accord.test/broker/x\"\nlog_vkey = \"vkey\"\n"
        "[[admin]]\nid = \"alice\"\ncertificate = \"tls.crt\"\nprivate_key = \"tls.key\"\nroots = \"ca.crt\"\n"
        "[[agency]]\nid = \"police\"\naddress = \"127.0.0.1:1\"\nspiffe_id = \"spiffe://accord.test/agency/police\"\n"
        "certificate = \"tls.crt\"\nprivate_key = \"tls.key\"\nroots = \"ca.crt\"\n");
  const std::string config = (directory / "accordctl.toml").string();
  const auto asked = [&](const pki::Issued& certificate, const pki::Issued& key) {
    write("tls.crt", certificate.certificate.pem());
    write("tls.key", key.key_pem);
    return RunPlain({"--config", config.c_str(), "admin", "changes"});
  };
  const pki::Issued good = issue("2020-01-01", "2048-01-01"), ended = issue("2020-01-01", "2021-01-01"), early = issue("2047-01-01", "2048-01-01");
  // By this computer's clock, which may be wrong: it is told, and tried all the same. The error of the connection that fails says it again.
  for (const auto& [certificate, why] : {std::pair(&ended, "tls.crt ended at 2021-01-01 00:00:00Z"), std::pair(&early, "tls.crt begins at 2047-01-01 00:00:00Z")}) {
    const Ran tried = asked(*certificate, *certificate);
    EXPECT_EQ(tried.status, kFailed) << "nobody is there; and so it was tried";
    const size_t warned = tried.err.find("accordctl: warning: "), failed = tried.err.find("accordctl: the broker at 127.0.0.1:1, as admin/alice (");
    ASSERT_NE(warned, std::string::npos) << tried.err;
    ASSERT_NE(failed, std::string::npos) << tried.err;
    EXPECT_LT(warned, failed);
    EXPECT_THAT(tried.err.substr(warned, failed - warned), HasSubstr(why));
    EXPECT_THAT(tried.err.substr(failed), HasSubstr(why));
    // What streams says it too.
    const std::string out = (directory / "out").string();
    for (std::vector<const char*> line : std::vector<std::vector<const char*>>{
             {"export"}, {"case", "pack", "--record-number", "1", "--ground", "court-order", "--authority", "1"}}) {
      line.insert(line.end(), {"--out", out.c_str(), "--as", "police", "--worker", "w", "--config", config.c_str()});
      const Ran streamed = RunPlain(line);
      EXPECT_EQ(streamed.status, kFailed) << line.front();
      const size_t ended = streamed.err.find("accordctl: police at 127.0.0.1:1 (");
      ASSERT_NE(ended, std::string::npos) << streamed.err;
      EXPECT_THAT(streamed.err.substr(ended), HasSubstr(why)) << line.front();
      std::filesystem::remove_all(out);
    }
  }
  const Ran other = asked(good, ended);
  EXPECT_EQ(other.status, kWrongUse);
  EXPECT_THAT(other.err, HasSubstr("tls.key is not the key of "));
  const Ran well = asked(good, good);
  EXPECT_EQ(well.status, kFailed) << "nobody is there; and so it was tried";
  EXPECT_THAT(well.err, HasSubstr("See whether it runs"));
  EXPECT_EQ(well.err.find("warning"), std::string::npos);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace accord::accordctl::program_end_test

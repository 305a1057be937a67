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
#include "services/accordctl/change_text.h"
#include "services/accordctl/session.h"

namespace accord::accordctl::program_test {
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
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int status = RunAccordctl(static_cast<int>(argv.size()), argv.data(), random);
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
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
                                                                     {"inbox", "decline", "--help"},
                                                                     {"referral", "consent", "--help"},
                                                                     {"gap", "review", "--help"},
                                                                     {"deadletter", "--help"},
                                                                     {"deadletter", "discard", "--help"},
                                                                     {"mailbox", "replay", "--help"},
                                                                     {"case", "confirm", "--help"},
                                                                     {"sharing", "count", "--help"}}) {
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
           {"waiting"},  // As whom?
           {"export", "--as", "police", "--worker", "w"},  // Where to?
           {"case", "pack", "--as", "police", "--worker", "w", "--ground", "court-order", "--authority", "1", "--out", "build/no-such-pack"},  // About whom?
           {"case", "pack", "--as", "police", "--worker", "w", "--person", ", , 1990-05-17", "--ground", "court-order", "--authority", "1", "--out", "build/no-such-pack"},
           {"case", "pack", "--as", "police", "--worker", "w", "--person", "A, B, 1990", "--ground", "curiosity", "--authority", "1", "--out", "build/no-such-pack"},
           {"case", "pack", "--as", "police", "--worker", "w", "--identifier", "9434765919", "--ground", "court-order", "--authority", "1", "--out", "build/no-such-pack"},
           {"case", "pack", "--as", "police", "--worker", "w", "--person", "A, B, 1990", "--ground", "court-order", "--authority", "1", "--out", "deploy"},  // Is there.
           {"trail", "case", "12", "--as-admin", "alice"},
           {"trail", "referral", "0123456789", "--as-admin", "alice"},  // By less than all its digits nobody but an agency knows one.
           {"trail", "find", "--subject", "Jane Smith", "--as-admin", "alice"},
           {"case", "timeline", "--referral", "0123456789", "--as-admin", "alice"},
           {"ledger", "checkpoint", "--as", "police"},  // No vkey file.
           {"referral", "list", "--as", "police", "--request-id", "bad id"},
           {"referral", "resolve", "some-request-id", "--as", "police"},
           // What is said after it was sent.
           {"referral", "consent", "push-0001", "--as", "police", "--worker", "w", "--consent", "withdrawn"},  // Do they know?
           {"referral", "consent", "push-0001", "--as", "police", "--worker", "w", "--awareness", "informed", "--consent", "perhaps"},
           {"referral", "recall", "push-0001", "--as", "police", "--worker", "w"},  // Why?
           {"referral", "withdraw", "push-0001", "--as", "police", "--worker", "w"},
           {"referral", "withdraw", "push-0001", "because", "--as", "police", "--worker", "w"},
           {"inbox", "return", "0123456789abcdef", "--as", "police", "--worker", "w"},  // What lacks?
           {"inbox", "return", "0123456789abcdef", "--lacks", "everything", "--as", "police", "--worker", "w"},
           {"inbox", "redirect", "0123456789abcdef", "--as", "police", "--worker", "w"},
           {"inbox", "close", "0123456789abcdef", "tired", "--as", "police", "--worker", "w"},
           {"inbox", "forum", "0123456789abcdef", "accepted", "--as", "police", "--worker", "w"},  // No step of a forum.
           {"inbox", "forum", "0123456789abcdef", "listed", "--as", "police", "--worker", "w"},    // When?
           {"inbox", "forum", "0123456789abcdef", "heard", "--meeting", "2027-03-31", "--as", "police", "--worker", "w"},
           {"inbox", "forum", "0123456789abcdef", "deferred", "--meeting", "tomorrow", "--as", "police", "--worker", "w"},
           {"inbox", "forum", "0123456789abcdef", "transferred-out", "--as", "police", "--worker", "w"},
           {"inbox", "decide", "0123456789abcdef", "--decision", "section-47", "--threshold", "high", "--as", "police", "--worker", "w"},
           {"inbox", "decide", "0123456789abcdef", "--decision", "section-47", "--decision-maker-role", "supervisor", "--as", "police", "--worker",
            "w"},
           {"referral", "correct", "push-0001", "--as", "police", "--worker", "w"},
           {"referral", "not-shared", "--as", "police", "--worker", "w", "--with", "idva", "--purpose", "support", "--reason", "because"},
           {"referral", "reseal", "push-0001", "--as", "police", "--worker", "w"},  // For whom?
           {"admin", "endorse", "--key", "no.key", "--certificate", "no.crt", "--next", "no.crt"},
           {"admin", "suspend", "agency/police"},  // Why?
           {"admin", "suspend", "agency/police", "--reason", "dislike"},
           {"admin", "maintenance", "perhaps"},
           {"admin", "maintenance", "on", "--until", "soon"},
           {"admin", "agencies", "--as-at", "yesterday"},
           {"policy", "list", "--as-at", "yesterday"},
           {"policy", "forums", "--as-at", "yesterday"},
           {"admin", "onboard"},  // Whom?
           {"admin", "propose", "--leave", "housing", "--effective-from", "soon"},
           {"referral", "sent-outside", "--as", "police", "--worker", "w", "--to", "idva", "--by", "pigeon", "--at", "2026-11-28", "--of",
            "push-0001", "--purpose", "support", "--awareness", "informed", "--consent", "given"},
           {"referral", "sent-outside", "--as", "police", "--worker", "w", "--to", "idva", "--by", "telephone", "--at", "yesterday", "--of",
            "push-0001", "--purpose", "support", "--awareness", "informed", "--consent", "given"},
           {"referral", "answer", "0123456789abcdef", "kept-on-basis", "--as", "police", "--worker", "w"},  // On which?
           {"referral", "answer", "0123456789abcdef", "stopped", "--article6", "public-task", "--as", "police", "--worker", "w"},
           {"referral", "regrade", "push-0001", "--as", "police", "--worker", "w", "--grade", "high"},  // Why?
           {"referral", "regrade", "push-0001", "--as", "police", "--worker", "w", "--grade", "high", "--reason", "checks", "--assessment", "12"},
           {"checks", "request", "deploy/samples/02-police-high-risk-children-present.json", "--as", "police", "--worker", "w"},  // Asks nobody.
           {"checks", "answer", "0123456789abcdef", "perhaps", "--as", "police", "--worker", "w"},
           {"checks", "answer", "0123456789abcdef", "withheld", "--as", "police", "--worker", "w"},  // Why?
           {"checks", "answer", "0123456789abcdef", "known", "--reason", "not-proportionate", "--as", "police", "--worker", "w"},
           {"gap", "review", "push-0001", "--as", "police", "--worker", "w", "--review", "completed"},  // How does it stand now?
           {"gap", "review", "push-0001", "--as", "police", "--worker", "w", "--review", "not-justified", "--consent", "given"},
           {"breach", "assess", "push-0001", "--as", "police", "--worker", "w"},
           {"sharing", "list", "--as", "police", "--from", "yesterday"},
           {"sharing", "count", "--as", "police", "--class", "shared"},
           {"case"},
           {"case", "confirm", "--as", "police", "--worker", "w"},          // What?
           {"case", "confirm", "links/x", "--as", "police", "--worker", "w"},
           {"case", "undo", "41", "--as", "police"},                        // Who?
           {"case", "history", "0123456789abcdef", "--as", "police", "--time", "later"},
           {"case", "history", "0123456789abcdef", "--as", "police", "--as-at", "yesterday"},
           {"deadletter", "requeue", "not-hex", "--as", "police", "--worker", "w"},
           {"deadletter", "discard", "0123456789abcdef0123456789abcdef", "--as", "police", "--worker", "w"},  // Why?
           {"deadletter", "discard", "0123456789abcdef0123456789abcdef", "because", "--as", "police", "--worker", "w"},
           {"deadletter", "requeue", "0123456789abcdef0123456789abcdef", "--as", "police"},  // Who?
           {"mailbox", "replay", "--as", "police", "--worker", "w"},  // Since when?
           {"mailbox", "replay", "--since", "2026-11-01T09:30", "--as", "police", "--worker", "w"},
           {"mailbox", "replay", "--since", "1969-12-31T23:59:59Z", "--as", "police", "--worker", "w"},
           {"erase", "--as-admin", "alice", "--case", "0123456789abcdef0123456789abcdef", "--authority", "1", "--ground", "retention-ended"},  // The broker's own.
           {"notices", "--as", "police", "--limit", "0"}}) {
    EXPECT_EQ(Run(arguments), kWrongUse) << ::testing::PrintToString(arguments) << err_;
    EXPECT_FALSE(err_.empty());
  }
  EXPECT_EQ(RunBare({"status"}), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("ACCORDCTL_CONFIG"));
  EXPECT_EQ(RunBare({"--config", (directory_ / "absent").string(), "status"}), kWrongUse);
}

// Needs no configuration and speaks to nobody: who writes an agreement may be nowhere near the broker.
TEST_F(ProgramTest, ATableOfCasesIsRunOffline) {
  const std::vector<std::string> run = {"policy", "test", "deploy/policy-tests/housing.toml", "--offline", "--agreement", "deploy/agreement.toml",
                                        "--schedule", "deploy/emergency-schedule.toml", "--register", "deploy/legal-register.toml", "--at", "2026-12-01"};
  EXPECT_EQ(RunBare(run), kDone) << out_ << err_;
  EXPECT_THAT(out_, HasSubstr("as expected, decided as at 2026-12-01"));
  auto json = run;
  json.push_back("--json");
  EXPECT_EQ(RunBare(json), kDone);
  EXPECT_EQ(nlohmann::json::parse(out_)["failed"], 0);
  // Nothing is in force any more: what the table permits is not.
  auto later = run;
  later.back() = "2030-01-01";
  EXPECT_EQ(RunBare(later), kFailed);
  EXPECT_THAT(out_, HasSubstr("FAILS"));

  later.back() = "some day";
  EXPECT_EQ(RunBare(later), kWrongUse);
  EXPECT_EQ(RunBare({"policy", "test", "deploy/agreement.toml", "--offline"}), kFailed) << "no table";
  EXPECT_THAT(err_, HasSubstr("deploy/agreement.toml:"));
  std::ofstream(directory_ / "bare.toml") << "[[case]]\nname = \"a\"\nfrom = \"police\"\nto = \"idva\"\npurpose = \"support\"\n"
                                             "category = \"risk\"\nexpect = \"permit\"\n";
  EXPECT_EQ(RunBare({"policy", "test", (directory_ / "bare.toml").string(), "--offline"}), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("[[agency]]"));
  EXPECT_EQ(Run({"policy", "test", (directory_ / "bare.toml").string(), "--as", "idva"}), kFailed) << "with what is live, and nobody answers";
  EXPECT_THAT(err_, HasSubstr("127.0.0.1:1"));
}

TEST_F(ProgramTest, APolicyTextIsReadBeforeAnybodyIsAsked) {
  std::ofstream(directory_ / "bad.toml") << "[[route]]\nid = 7\n";
  EXPECT_EQ(Run({"policy", "diff", (directory_ / "bad.toml").string(), "--as-admin", "alice"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("bad.toml:2: route[0].id"));
  EXPECT_EQ(Run({"policy", "diff", "deploy/directory.toml", "--as-admin", "alice"}), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("no agreement, emergency schedule or legal register"));
  EXPECT_EQ(Run({"policy", "diff", "deploy/agreement.toml", "--as-admin", "alice"}), kFailed) << "nobody answers";
  EXPECT_THAT(err_, HasSubstr("127.0.0.1:1"));
  EXPECT_EQ(Run({"policy", "show", "treaty", "--as-admin", "alice"}), kWrongUse);
  EXPECT_EQ(Run({"policy", "explain", std::string(64, 'a'), "--section", "gossip", "--as", "police"}), kWrongUse);
  EXPECT_EQ(Run({"policy", "explain", std::string(64, 'a'), "--at", "some day", "--as", "police"}), kWrongUse);
}

TEST_F(ProgramTest, AServiceThatDoesNotAnswerIsOneAndIsNamed) {
  EXPECT_EQ(Run({"referral", "list", "--as", "agency/police"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("police at 127.0.0.1:1"));
  EXPECT_THAT(err_, HasSubstr("what to do:"));
  EXPECT_TRUE(out_.empty());

  EXPECT_EQ(Run({"--json", "referral", "list", "--as", "police"}), kFailed);
  const auto json = nlohmann::json::parse(out_);
  EXPECT_EQ(json["error"]["code"], "UNAVAILABLE");
  // What is no whole name is looked for at the agency's own service.
  for (const std::string id : {"push-0001", "0123456789", "referrals/0123456789"}) {
    EXPECT_EQ(Run({"case", "timeline", "--referral", id, "--as", "police"}), kFailed);
    EXPECT_THAT(err_, HasSubstr("police at 127.0.0.1:1")) << id;
    EXPECT_EQ(Run({"trail", "referral", id, "--as", "police"}), kFailed);
    EXPECT_THAT(err_, HasSubstr("police at 127.0.0.1:1")) << id;
  }
}

// Each verb gets as far as the connection that it is to use: the agency's service, or the broker as agency or administrator.
TEST_F(ProgramTest, WhatIsSaidAfterwardsGoesToTheServiceAndTheRegisterToTheBroker) {
  const std::vector<std::string> basis = {"--awareness", "informed", "--consent", "withdrawn", "--not-to", "police", "--not-to", "housing"};
  const auto with = [](std::vector<std::string> verb, const std::vector<std::string>& more) {
    verb.insert(verb.end(), more.begin(), more.end());
    verb.insert(verb.end(), {"--as", "police", "--worker", "w"});
    return verb;
  };
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           with({"referral", "consent", "push-0001"}, basis), with({"referral", "recall", "push-0001", "--reason", "wrong-person"}, {}),
           with({"referral", "withdraw", "push-0001", "not-wanted"}, {}),
           with({"inbox", "return", "0123456789abcdef", "--lacks", "basis-unclear", "risk-not-assessed"}, {}),
           with({"inbox", "redirect", "0123456789abcdef", "--to", "idva"}, {}), with({"inbox", "action", "0123456789abcdef", "visited"}, {}),
           with({"inbox", "close", "0123456789abcdef", "moved-away"}, {}),
           with({"inbox", "forum", "0123456789abcdef", "listed", "--meeting", "2027-03-31T09:30:00Z"}, {}),
           with({"inbox", "forum", "0123456789abcdef", "transferred-in", "--other-forum", "marac-south"}, {}),
           with({"inbox", "decide", "0123456789abcdef", "--decision", "section-47", "--threshold", "significant-harm", "--reason-code", "harm/4.2",
                 "--decision-maker", "m-2"}, {}),
           with({"referral", "holders", "push-0001"}, {}), with({"referral", "answer", "0123456789abcdef", "stopped"}, {}),
           with({"referral", "not-shared", "--with", "idva", "--purpose", "support", "--reason", "already-known"}, basis),
           with({"referral", "sent-outside", "--to", "idva", "--by", "telephone", "--at", "2026-11-28T09:30:00Z", "--of", "push-0001",
                 "--purpose", "support"}, basis),
           with({"referral", "reseal", "push-0001", "--for", "housing"}, {}),
           with({"gap", "review", "push-0001", "--review", "completed"}, basis),
           with({"breach", "assess", "push-0001", "--assessment", "no-risk"}, {}), with({"notices"}, {})}) {
    EXPECT_EQ(Run(arguments), kFailed) << ::testing::PrintToString(arguments) << err_;
    EXPECT_THAT(err_, HasSubstr("police at 127.0.0.1:1"));
  }
  for (const auto& verb : std::vector<std::vector<std::string>>{{"gap", "list"}, {"breach", "list"}, {"sharing", "list"}, {"sharing", "count"}}) {
    EXPECT_EQ(Run({verb[0], verb[1], "--as", "police"}), kFailed);
    EXPECT_THAT(err_, HasSubstr("the broker at 127.0.0.1:1, as agency/police"));
    EXPECT_EQ(Run({verb[0], verb[1], "--as-admin", "alice"}), kFailed);
    EXPECT_THAT(err_, HasSubstr("the broker at 127.0.0.1:1, as admin/alice"));
  }
}

TEST_F(ProgramTest, AnOldSealingKeyVouchesForTheNewOneWithoutAnyServer) {
  const std::string keys = "tests/golden/keys/northshire-idva-sealing";
  const auto endorse = [&](const std::string& key, const std::string& next) {
    return Run({"admin", "endorse", "--key", key, "--certificate", keys + ".cert.pem", "--next", next});
  };
  ASSERT_EQ(endorse(keys + ".key.pem", keys + "-2.cert.pem"), kDone) << err_;
  const auto fields = nlohmann::json::parse(out_);
  for (const char* field : {"sealingCertificate", "previousSealingCertificate", "sealingEndorsement"}) {
    EXPECT_FALSE(fields.at(field).get<std::string>().empty()) << field;
  }
  EXPECT_NE(fields["sealingCertificate"], fields["previousSealingCertificate"]);
  EXPECT_EQ(endorse(keys + "-2.key.pem", keys + "-2.cert.pem"), kWrongUse) << "not the key of the older certificate";
  EXPECT_EQ(endorse(keys + ".key.pem", "tests/golden/keys/northshire-childrens-sealing.cert.pem"), kWrongUse) << "another agency's";
}

TEST(ChangeTextTest, HoldersSayWhatTheyHoldOnWhichBasisAndWhatTheyAnswered) {
  agency::v1::GetSubmissionHoldersResponse response;
  EXPECT_EQ(HoldersText(response, 200), "Nobody holds any of it.\n");
  auto& holder = *response.add_holders();
  holder.set_agency("idva");
  holder.set_desk(type::v1::DESK_CONFIDENTIAL);
  holder.set_referral("referrals/" + std::string(64, 'a'));
  holder.set_state(type::v1::REFERRAL_STATE_OPENED);
  auto& section = *holder.add_sections();
  section.set_category(type::v1::CATEGORY_RISK);
  section.set_rule_id("agreement/a/marac-idva");
  section.set_article6(type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
  section.set_consent(type::v1::CONFIDENTIALITY_CONSENT_WITHDRAWN);
  EXPECT_THAT(HoldersText(response, 200), HasSubstr("idva, confidential desk  aaaaaaaaaaaaaaaa"));
  EXPECT_THAT(HoldersText(response, 200), HasSubstr("risk [agreement/a/marac-idva]  public task; consent withdrawn  -"));
  holder.set_change(std::string(32, 'c'));
  holder.set_due_at_ms(1'800'000'000'000);
  EXPECT_THAT(HoldersText(response, 200), HasSubstr("due 2027-01-15 08:00:00Z"));
  holder.set_answer(type::v1::CHANGE_ANSWER_KEPT_ON_BASIS);
  holder.set_kept_article6(type::v1::ARTICLE6_BASIS_LEGAL_OBLIGATION);
  EXPECT_THAT(HoldersText(response, 200), HasSubstr("kept on basis: legal obligation"));
  EXPECT_THAT(HoldersText(response, 200), ::testing::Not(HasSubstr("a person has to see to it")));
  holder.set_not_told(true);
  EXPECT_THAT(HoldersText(response, 200), HasSubstr("a person has to see to it"));
}

TEST(ChangeTextTest, AnActSaysWhetherItIsDoneAndWhomNoNoticeMayReach) {
  agency::v1::Submission submission;
  submission.set_request_id("push-0001");
  EXPECT_THAT(ActText(submission, 200), HasSubstr("recorded by the broker"));
  EXPECT_THAT(ActText(submission, 200), ::testing::Not(HasSubstr("not told")));
  submission.set_pending_act(type::v1::STATEMENT_KIND_RECALL);
  submission.add_not_told("housing");
  EXPECT_THAT(ActText(submission, 200), HasSubstr("recall waits for the broker"));
  EXPECT_THAT(ActText(submission, 200), HasSubstr("not told    housing: "));
}

TEST(ChangeTextTest, AStatementSaysAllThatItSays) {
  agency::v1::ReceivedStatement statement;
  EXPECT_EQ(StatementText(statement), "");
  statement.add_return_reasons(type::v1::RETURN_REASON_SAFE_CONTACT_MISSING);
  statement.add_return_reasons(type::v1::RETURN_REASON_BASIS_UNCLEAR);
  EXPECT_EQ(StatementText(statement), "safe contact missing; basis unclear");
  statement.Clear();
  statement.set_decision(type::v1::CONTACT_DECISION_SECTION_47);
  statement.set_threshold(type::v1::CONTACT_THRESHOLD_SIGNIFICANT_HARM);
  statement.set_decision_reason("harm/4.2");
  EXPECT_EQ(StatementText(statement), "section 47; need: significant harm; because: harm/4.2");
  statement.Clear();
  statement.set_redirect_to("housing");
  EXPECT_EQ(StatementText(statement), "to housing");
  statement.Clear();
  statement.set_close_reason(type::v1::CLOSE_REASON_MOVED_AWAY);
  EXPECT_EQ(StatementText(statement), "moved away");
  statement.Clear();
  statement.set_meeting_at_ms(1'800'000'000'000);
  EXPECT_EQ(StatementText(statement), "meeting 2027-01-15 08:00:00Z");
  statement.Clear();
  statement.set_kind(type::v1::STATEMENT_KIND_TRANSFERRED_IN);
  statement.set_other_forum("marac-south");
  EXPECT_EQ(StatementText(statement), "from marac-south");
  statement.Clear();
  statement.set_change_answer(type::v1::CHANGE_ANSWER_KEPT_ON_BASIS);
  statement.set_kept_article6(type::v1::ARTICLE6_BASIS_LEGAL_OBLIGATION);
  EXPECT_EQ(StatementText(statement), "kept on basis: legal obligation");
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

TEST_F(ProgramTest, AnInspectorIsNamedLikeAnyPrincipal) {
  std::ofstream(Config(), std::ios::app) << "[[inspector]]\nid = \"ines\"\ncertificate = \"tls.crt\"\nprivate_key = \"tls.key\"\nroots = \"ca.crt\"\n";
  EXPECT_EQ(Run({"warrant", "list"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("as inspector/ines")) << "an inspector's verb is the inspector's, when nobody is named";
  EXPECT_EQ(Run({"warrant", "list", "--as", "admin/alice"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("as admin/alice"));
  EXPECT_EQ(Run({"admin", "agencies", "--as", "inspector/ines"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("as inspector/ines"));
  EXPECT_EQ(Run({"admin", "agencies"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("as admin/alice")) << "as before there were inspectors";
  EXPECT_EQ(Run({"looks", "--as", "police"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("as agency/police"));
  EXPECT_EQ(Run({"warrant", "list", "--as", "inspector/omar"}), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("no [[inspector]] with id omar"));
  EXPECT_EQ(Run({"warrant", "list", "--as", "inspector/ines", "--as-admin", "alice"}), kWrongUse);
  EXPECT_EQ(Run({"warrant", "propose", "--id", "jtai-1"}), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("--kind is needed, or a FILE"));
  EXPECT_EQ(Run({"warrant", "suspend", "jtai-1"}), kWrongUse) << "not without a reason";
}

TEST(ErrorTextTest, AReasonIsToldInPlainEnglishWithItsMetadata) {
  const absl::Status status = Annotate(Error(Reason::kQueueFull, "too much", {{"retry_after_ms", "1000"}}), "the broker");
  const std::string text = ErrorText(status);
  EXPECT_THAT(text, HasSubstr("QUEUE_FULL: the broker: too much"));
  EXPECT_THAT(text, HasSubstr("retry_after_ms: 1000"));
  EXPECT_THAT(text, HasSubstr(std::string(RowOf(Reason::kQueueFull).next_step)));
  EXPECT_EQ(ErrorJson(status)["metadata"]["retry_after_ms"], "1000");
  EXPECT_THAT(ErrorText(absl::UnknownError("\x1b[2J")), ::testing::Not(HasSubstr("\x1b")));
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
}  // namespace accord::accordctl::program_test

// Goal: what accordctl says of itself is true of all of it: completion, manual, `--json`, `--dry-run`, the names of its verbs.
//
// Method: the description of the command line is walked, so that a verb that is added is tried with the rest. Every verb is run with what
// its description requires, against a server in this process that answers every call with an empty message.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/options/v1/options.pb.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/rpc/error_mapping.h"
#include "services/accordctl/completion.h"
#include "services/accordctl/dry_run.h"
#include "services/accordctl/man_page.h"
#include "services/accordctl/program.h"
#include "services/accordctl/progress.h"
#include "services/accordctl/testing_empty_server.h"

namespace accord::accordctl::self_test {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::IsEmpty;
using ::testing::Not;

// A verb with the words that lead to it: "inbox accept".
struct FoundVerb {
  std::string words;
  const Command* command;
};

void FindVerbs(const std::string& words, const Command& command, std::vector<FoundVerb>& found) {
  if (command.is_verb()) found.push_back({words, &command});
  for (const Command& below : command.commands()) FindVerbs(words.empty() ? below.name() : words + " " + below.name(), below, found);
}

std::vector<FoundVerb> AllVerbs(const Program& program) {
  std::vector<FoundVerb> found;
  FindVerbs("", program.line, found);
  return found;
}

class SelfTest : public ::testing::Test {
 protected:
  SelfTest() {
    std::string name = (fs::temp_directory_path() / "accordctl-self-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    for (const char* file : {"tls.crt", "tls.key", "ca.crt"}) std::ofstream(directory_ / file) << "-";
    std::ofstream(directory_ / "vkey") << "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n";
    std::ofstream(directory_ / "records.jsonl")
        << R"({"call": "ReportIncident", "options": {"request_id": "incident-0001"}})" << "\n";
    std::ofstream(directory_ / "push.json") << R"({"agency": "police", "call": "ReportIncident", "request": {"options": {"request_id": "push-0001"}}})";
    std::ofstream(directory_ / "checks.json") << R"({"agency": "police", "call": "RequestChecks", "request": {"options": {"request_id": "push-0002"}}})";
    std::ofstream(directory_ / "research.json") << R"({"agency": "police", "call": "RequestResearch", "request": {"options": {"request_id": "push-0003"}}})";
    std::ofstream(directory_ / "action.json") << R"({"agency": "police", "call": "AddAction", "request": {"options": {"request_id": "push-0004"}}})";
    std::ofstream(directory_ / "change.json") << R"({"lift_hold": {"id": "inquest-1"}})";
    const std::string tls = "certificate = \"tls.crt\"\nprivate_key = \"tls.key\"\nroots = \"ca.crt\"\n";
    std::ofstream(directory_ / "accordctl.toml")
        << "[broker]\naddress = \"127.0.0.1:1\"\nspiffe_id = \"spiffe://a.example/broker/x\"\nlog_vkey = \"vkey\"\n"
        << "[[agency]]\nid = \"police\"\naddress = \"127.0.0.1:1\"\nspiffe_id = \"spiffe://a.example/agency/police\"\n"
        << tls << "[[admin]]\nid = \"alice\"\n"
        << tls;
  }
  ~SelfTest() override { fs::remove_all(directory_); }

  std::string Path(const std::string& name) const { return (directory_ / name).string(); }

  int Run(std::vector<std::string> arguments) {
    std::vector<const char*> argv = {"accordctl"};
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    FakeRandom random(1);
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int status = RunAccordctl(static_cast<int>(argv.size()), argv.data(), random,
                                    [this](const rpc::ChannelOptions&) { return server_.Channel(); });
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return status;
  }

  // What a person would give for one option.
  std::string ValueOf(const std::string& words, const Option& option) const;
  // The whole command line of a verb with all that it requires.
  std::vector<std::string> Example(const FoundVerb& verb);

  fs::path directory_;
  EmptyServer server_;
  std::string out_, err_;
  int made_ = 0;  // For names of what must not be there.
};

// Values where the description does not say enough.
const std::map<std::string, std::string>& Values() {
  static const auto& values = *new std::map<std::string, std::string>{
      {"checks request FILE", "checks.json"},
      {"forum research FILE", "research.json"},
      {"forum action add FILE", "action.json"},
      {"admin propose FILE", "change.json"},
      {"import FILE", "records.jsonl"},
  };
  return values;
}

std::string SelfTest::ValueOf(const std::string& words, const Option& option) const {
  const std::string& name = option.name();
  if (const auto known = Values().find(words + " " + name); known != Values().end()) return Path(known->second);
  if (!option.choices().empty()) return option.choices().front();
  if (option.numeric()) return "1";
  if (option.is_directory()) return directory_.string();
  if (name == "--out" || name == "--bundle") return Path("made-" + std::to_string(made_));
  if (name == "--vkey" || name == "--guard") return Path("vkey");
  if (option.is_path()) return Path("push.json");
  if (name == "--meeting" || name == "--at" || name == "--since") return "2027-03-31T09:30:00Z";
  if (name == "--review" || name == "--until" || name == "--from") return "2027-03-31";
  if (name == "LINK") return "links/41";
  if (words == "admin put-officer" && name == "PRINCIPAL") return "inspector/ines";
  if (words == "disclosure request" && name == "REFERRAL") return "referrals/" + std::string(64, 'a');
  if (name == "CHANGE") return "changes/7";
  if (name == "REASON") return "wrong-person";
  return "0123456789abcdef0123456789abcdef";
}

std::vector<std::string> SelfTest::Example(const FoundVerb& verb) {
  ++made_;
  std::vector<std::string> line = {"--config", Path("accordctl.toml"), "--worker", "w-1"};
  std::istringstream words(verb.words);
  for (std::string word; words >> word;) line.push_back(word);
  const auto add = [&](const Option& option) {
    if (!option.by_place()) line.push_back(option.name());
    if (option.takes_value()) line.push_back(ValueOf(verb.words, option));
  };
  for (const Option& option : verb.command->options()) {
    if (option.required()) add(option);
  }
  for (const Command::OneOf& one_of : verb.command->one_ofs()) add(one_of.options.options().front());
  // What the description cannot say: one of several must be given.
  static const auto& more = *new std::map<std::string, std::vector<std::string>>{
      {"erase", {"--case", "0123456789abcdef0123456789abcdef", "--ground", "order", "--authority", "court/7"}},
      {"bundle export", {"--case", "0123456789abcdef0123456789abcdef"}},
      {"case timeline", {"0123456789abcdef0123456789abcdef"}},
      {"warrant resolve", {"--case", "0123456789abcdef0123456789abcdef"}},
      {"hold set", {"--case", "0123456789abcdef0123456789abcdef"}},
      {"inbox assign", {"--to-team", "north"}},
      {"inbox forum", {"--meeting", "2027-03-31T09:30:00Z"}},
      {"forum hear", {"--decision", "safety-plan"}},
      {"case pack", {"--person", "A, B, 1990-05-17"}},
      {"ledger prove", {}},
  };
  if (const auto found = more.find(verb.words); found != more.end()) line.insert(line.end(), found->second.begin(), found->second.end());
  return line;
}

TEST_F(SelfTest, EveryVerbPrintsOneJsonDocument) {
  const Program program;
  std::set<std::string> answered;
  for (const FoundVerb& verb : AllVerbs(program)) {
    auto line = Example(verb);
    line.push_back("--json");
    const int status = Run(line);
    const auto document = nlohmann::json::parse(out_, nullptr, /*allow_exceptions=*/false);
    EXPECT_FALSE(document.is_discarded()) << verb.words << " (" << status << ")\n" << out_ << err_;
    if (status == kDone && !document.contains("error")) answered.insert(verb.words);
  }
  // An empty answer suffices to print these; the others say in their document what is wrong with it, and have tests of their own.
  EXPECT_THAT(answered, IsSupersetOf({"admin agencies", "admin changes", "admin officers", "admin overdue", "breach list", "case links", "checks show", "completion",
                                      "deadletter list", "disclosure list", "gap list", "hold list", "inbox list", "inbox search", "journal", "man", "notices", "policy list", "policy forums", "question list",
                                      "referral list", "sharing count", "support list", "tenant status", "today", "waiting", "workers list"}));
}

// True for a push that asks for its preview, and for what the server is asked to check and not to do.
bool IsPreview(const google::protobuf::MethodDescriptor& method, const std::string& request) {
  const std::unique_ptr<google::protobuf::Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(method.input_type())->New());
  if (!message->ParseFromString(request)) return false;
  const auto* dry_run = method.input_type()->FindFieldByName("dry_run");
  if (dry_run != nullptr) return message->GetReflection()->GetBool(*message, dry_run);
  const auto* options = method.input_type()->FindFieldByName("options");
  if (options == nullptr || options->message_type() != agency::v1::PushOptions::descriptor()) return false;
  return static_cast<const agency::v1::PushOptions&>(message->GetReflection()->GetMessage(*message, options)).preview_only();
}

// "/package.Service/Method" changes something; previews store nothing.
bool Changes(const MadeCall& call) {
  std::string name = call.method.substr(1);
  std::replace(name.begin(), name.end(), '/', '.');
  const auto* method = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
  return method == nullptr || (!method->options().GetExtension(options::v1::reads_only) && !IsPreview(*method, call.request));
}

// Verbs that change nothing that others hold: what they write is what they are told to write. One that is added stands here or is an
// AddChange.
const std::set<std::string>& Reading() {
  static const auto& reading = *new std::set<std::string>{
      "admin agencies", "admin changes", "admin connection", "admin endorse", "admin leaving", "admin officers", "admin onboard",
      "admin overdue", "admin show", "audit flows", "audit immediate", "audit missing-rationales", "audit never-answer",
      "audit probing", "audit stale-agreements", "audit unusual-volumes", "audit withheld", "audit without-consent",
      "breach list", "bundle export", "case history", "case links", "case timeline", "checks show", "completion",
      "deadletter list", "disclosure collect", "disclosure list", "erase status", "forum action list", "forum agenda", "gap list", "hold list", "inbox list",
      "inbox search", "journal", "ledger checkpoint", "ledger checkpoints", "ledger export", "ledger policy", "ledger prove",
      "ledger recover", "ledger status", "ledger witness-key", "looks", "man", "notices", "policy diff", "policy explain",
      "policy forums", "policy list", "policy show", "policy test", "question ask", "question list", "question show",
      "receipt export", "receipt get", "receipt upgrade", "referral holders", "referral list", "referral preview",
      "referral show", "sample draw", "sharing count", "sharing list", "status", "support list", "tenant status", "today",
      "trail agency", "trail case", "trail find", "trail referral", "waiting", "warrant list", "warrant show", "warrant watch",
      "workers list",
  };
  return reading;
}

TEST_F(SelfTest, EveryVerbThatChangesSomethingHasADryRunThatChangesNothing) {
  const Program program;
  std::set<std::string> told;
  for (const FoundVerb& verb : AllVerbs(program)) {
    server_.TakeCalls();
    auto line = Example(verb);
    line.insert(line.end(), {"--dry-run", "--json"});
    const int status = Run(line);
    EXPECT_NE(verb.command->changes(), Reading().contains(verb.words))
        << verb.words << " changes something and is an AddChange, or stands in the list of what reads";
    const auto document = nlohmann::json::parse(out_, nullptr, false);
    if (!verb.command->changes()) {
      EXPECT_EQ(status, kWrongUse) << verb.words;
      EXPECT_THAT(err_, HasSubstr("changes nothing")) << verb.words;
      EXPECT_TRUE(server_.TakeCalls().empty()) << verb.words;
      continue;
    }
    EXPECT_FALSE(document.is_discarded()) << verb.words << out_;
    if (document.contains("dryRun")) told.insert(verb.words);
    EXPECT_FALSE(fs::exists(Path("made-" + std::to_string(made_)))) << verb.words;
    for (const MadeCall& call : server_.TakeCalls()) EXPECT_FALSE(Changes(call)) << verb.words << " calls " << call.method;
  }
  // Those whose way there the empty answers allow; of the others the look-up before it ends the run.
  EXPECT_THAT(told, IsSupersetOf({"admin approve", "breach assess", "admin put-officer", "case confirm", "case pack", "deadletter discard", "support publish", "disclosure release", "disclosure refuse", "disclosure request", "disclosure show", "erase", "export", "hold lift",
                                  "hold set", "mailbox replay", "referral recall", "referral resolve", "tenant unlock", "warrant activate", "warrant resolve", "workers end", "workers put"}));
}

// The time of which a call asks; 0: as it is now, or it is not of those that know `as_at_ms`.
int64_t AsAtOf(const MadeCall& call) {
  std::string name = call.method.substr(1);
  std::replace(name.begin(), name.end(), '/', '.');
  const auto* method = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
  const auto* field = method == nullptr ? nullptr : method->input_type()->FindFieldByName("as_at_ms");
  if (field == nullptr) return 0;
  const std::unique_ptr<google::protobuf::Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(method->input_type())->New());
  return message->ParseFromString(call.request) ? message->GetReflection()->GetInt64(*message, field) : 0;
}

TEST_F(SelfTest, EveryVerbThatTakesATimeAsAtAsksForThatTime) {
  const Program program;
  std::set<std::string> asked;
  for (const FoundVerb& verb : AllVerbs(program)) {
    const auto& options = verb.command->options();
    if (std::none_of(options.begin(), options.end(), [](const Option& option) { return option.name() == "--as-at"; })) continue;
    server_.TakeCalls();
    auto line = Example(verb);
    line.insert(line.end(), {"--as-at", "2026-11-01T09:30:00Z"});
    Run(line);
    for (const MadeCall& call : server_.TakeCalls()) {
      if (AsAtOf(call) == 1'793'525'400'000) asked.insert(verb.words);
    }
  }
  // Those whose way there the empty answers allow.
  EXPECT_THAT(asked, IsSupersetOf({"admin agencies", "admin officers", "policy list", "policy forums"}));
}

TEST_F(SelfTest, AFieldThatIsWrongIsNamedByTheOptionThatFillsIt) {
  const auto refused = [&](const char* field, std::vector<std::string> verb) {
    server_.Refuse(rpc::ToGrpc(Error(Reason::kFieldMissing, "it is needed", {{"field", field}})));
    verb.insert(verb.begin(), {"--config", Path("accordctl.toml"), "--as-admin", "alice", "--json"});
    EXPECT_EQ(Run(verb), kFailed);
    const auto error = nlohmann::json::parse(out_)["error"];
    return error.contains("option") ? error["option"].get<std::string>() : "none";
  };
  const std::vector<std::string> ask = {"question", "ask", "1", "--from", "2027-01-01", "--until", "2027-02-01"};
  EXPECT_EQ(refused("case_pseudonym", ask), "--case");
  EXPECT_THAT(err_, HasSubstr("\n  on the command line: --case\n"));
  EXPECT_EQ(refused("agencies", ask), "--agency");
  EXPECT_EQ(refused("until_ms", ask), "--until");
  EXPECT_EQ(refused("colour", ask), "none");
  EXPECT_THAT(err_, Not(HasSubstr("on the command line")));
  EXPECT_EQ(refused("case_pseudonym", {"question", "list"}), "none") << "this verb has no such option";
}

TEST_F(SelfTest, WhatIsNoReceiptOrCheckpointIsNotWrittenOver) {
  const std::string precious = Path("push.json");
  const auto size = fs::file_size(precious);
  for (const auto& verb : std::vector<std::vector<std::string>>{{"receipt", "get", "12"}, {"ledger", "checkpoint"}}) {
    server_.TakeCalls();
    auto line = verb;
    line.insert(line.end(), {"--config", Path("accordctl.toml"), "--out", precious});
    EXPECT_EQ(Run(line), kWrongUse) << verb[0];
    EXPECT_THAT(err_, HasSubstr("push.json is there already")) << verb[0];
    EXPECT_EQ(fs::file_size(precious), size) << verb[0];
    EXPECT_TRUE(server_.TakeCalls().empty()) << "before anything is asked";
    line.back() = Path("new");
    EXPECT_EQ(Run(line), kFailed) << verb[0] << " goes on when nothing is there: the server's empty answer does not verify";
  }
  // Nor what is where its openings go.
  const std::vector<std::string> get = {"receipt", "get", "12", "--config", Path("accordctl.toml"), "--out", Path("other")};
  std::ofstream(Path("other.openings.json")) << "{\"of\": \"another program\"}";
  server_.TakeCalls();
  EXPECT_EQ(Run(get), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("other.openings.json is there already"));
  EXPECT_TRUE(server_.TakeCalls().empty());
  std::ofstream(Path("other.openings.json")) << "[]\n";
  EXPECT_EQ(Run(get), kFailed) << "openings make room";
}

TEST_F(SelfTest, ADryRunSaysWhatWouldBeAskedOfWhom) {
  const auto confirm = [&](const std::vector<std::string>& more) {
    std::vector<std::string> line = {"--config", Path("accordctl.toml"), "--worker", "w-1", "case", "confirm", "links/41"};
    line.insert(line.end(), more.begin(), more.end());
    return Run(line);
  };
  ASSERT_EQ(confirm({"--dry-run"}), kDone) << err_;
  EXPECT_THAT(out_, HasSubstr("dry run: nothing was changed. police at 127.0.0.1:1 would be asked for accord.agency.v1.CasesService.AnswerCaseLink with\n"));
  EXPECT_THAT(out_, HasSubstr("links/41"));
  ASSERT_EQ(confirm({"--dry-run", "--json"}), kDone);
  const auto document = nlohmann::json::parse(out_);
  EXPECT_EQ(document["dryRun"], true);
  EXPECT_EQ(document["method"], "accord.agency.v1.CasesService.AnswerCaseLink");
  EXPECT_EQ(document["request"]["link"], "links/41");
  // Without it the change is asked for, so the test above could fail.
  server_.TakeCalls();
  confirm({});
  const auto calls = server_.TakeCalls();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_TRUE(Changes(calls[0]));
  // A passphrase is neither asked for nor shown.
  ASSERT_EQ(Run({"--config", Path("accordctl.toml"), "tenant", "unlock", "--dry-run"}), kDone) << err_;
  EXPECT_THAT(out_, HasSubstr("It would ask for the passphrase of police"));
}

TEST_F(SelfTest, ADryRunOfWhatTheBrokerDecidesIsJudgedByIt) {
  const std::string admin = "accord.admin.v1.AdminService.", warrant = "accord.inspection.v1.WarrantService.";
  const std::vector<std::pair<std::vector<std::string>, std::string>> acts = {
      {{"hold", "lift", "inquest-1"}, admin + "ProposeChange"},
      {{"hold", "set", "--id", "inquest-1", "--case", "0123456789abcdef0123456789abcdef", "--ground", "inquest", "--authority", "coroner/1", "--review", "2030-03-31"}, admin + "ProposeChange"},
      {{"erase", "--case", "0123456789abcdef0123456789abcdef", "--ground", "order", "--authority", "court/7"}, admin + "ProposeChange"},
      {{"admin", "propose", "--leave", "housing"}, admin + "ProposeChange"},
      {{"admin", "put-officer", "admin/dora"}, admin + "ProposeChange"},
      {{"admin", "approve", "7"}, admin + "ApproveChange"},
      {{"admin", "withdraw", "7"}, admin + "WithdrawChange"},
      {{"admin", "suspend", "agency/housing", "--reason", "fault"}, admin + "SuspendPrincipal"},
      {{"admin", "reinstate", "agency/housing"}, admin + "ReinstatePrincipal"},
      {{"admin", "maintenance", "on"}, admin + "SetMaintenance"},
      {{"warrant", "activate", "jtai-1"}, warrant + "ActivateWarrant"},
      {{"warrant", "suspend", "jtai-1", "--why", "court-order"}, warrant + "ChangeWarrant"},
      {{"warrant", "resume", "jtai-1"}, warrant + "ChangeWarrant"},
      {{"warrant", "end", "jtai-1"}, warrant + "ChangeWarrant"},
  };
  for (const auto& [act, method] : acts) {
    std::vector<std::string> line = act;
    line.insert(line.end(), {"--config", Path("accordctl.toml"), "--as", "admin/alice", "--dry-run"});
    server_.TakeCalls();
    ASSERT_EQ(Run(line), kDone) << act[0] << " " << act[1] << err_;
    EXPECT_THAT(out_, HasSubstr("dry run: nothing was changed. the broker at 127.0.0.1:1, as admin/alice judged it and would do it")) << act[0] << " " << act[1];
    const auto calls = server_.TakeCalls();
    ASSERT_FALSE(calls.empty());
    EXPECT_EQ(std::count_if(calls.begin(), calls.end(), Changes), 0) << act[0] << " " << act[1];
    line.emplace_back("--json");
    ASSERT_EQ(Run(line), kDone);
    const auto document = nlohmann::json::parse(out_);
    EXPECT_EQ(document["dryRun"], true);
    EXPECT_EQ(document["method"], method);
    EXPECT_TRUE(document.contains("answer"));
  }
}

// Nouns first, then what is done: one word for one thing. A new word here is a decision.
TEST(VerbsTest, VerbsAreOfOneVocabulary) {
  const Program program;
  const std::set<std::string> words = {
      "accept", "action", "activate", "add", "agencies", "agency", "agenda", "answer", "approve", "ask", "assess", "assign",
      "attachment", "case", "changes", "checkpoint", "checkpoints", "close", "collect", "completion", "confirm", "connection", "consent",
      "correct", "count", "decide", "decline", "diff", "discard", "done", "draw", "end", "endorse", "erase", "explain", "export",
      "find", "flows", "forum", "forums", "get", "hear", "history", "holders", "immediate", "import", "journal", "leaving",
      "lift", "links", "list", "looks", "maintenance", "man", "missing-rationales", "never-answer", "not-shared", "notices",
      "officers", "onboard", "outcome", "overdue", "pack", "policy", "preview", "probing", "propose", "prove", "publish", "put", "put-officer",
      "read", "recall", "recover", "redirect", "referral", "refuse", "regrade", "reinstate", "reject", "release", "replay", "report-fork", "request",
      "requeue", "reseal", "research", "resolve", "resume", "return", "review", "room", "search", "sent-outside", "set", "show",
      "stale-agreements", "status", "submit", "suspend", "test", "timeline", "today", "undo", "unlock", "unusual-volumes",
      "upgrade", "waiting", "watch", "withdraw", "withheld", "without-consent", "witness-key",
  };
  for (const FoundVerb& verb : AllVerbs(program)) {
    EXPECT_TRUE(words.contains(verb.command->name())) << verb.words << ": is there no word for it yet?";
    EXPECT_FALSE(verb.command->help().empty()) << verb.words;
    EXPECT_FALSE(verb.command->help().ends_with('.')) << verb.words;
    for (const Option& option : verb.command->options()) EXPECT_FALSE(option.help().empty()) << verb.words << " " << option.name();
  }
}

TEST(ErrorsTest, EveryReasonIsToldWithWhatToDo) {
  for (const ReasonRow& row : AllReasons()) {
    const absl::Status status = Annotate(Error(row.reason, "as the broker said"), "the broker");
    const std::string text = ErrorText(status);
    EXPECT_THAT(text, HasSubstr(std::string(row.name))) << text;
    EXPECT_FALSE(row.next_step.empty()) << row.name;
    EXPECT_THAT(text, HasSubstr("what to do: " + std::string(row.next_step))) << row.name;
    EXPECT_EQ(ErrorJson(status)["nextStep"], std::string(row.next_step)) << row.name;
  }
}

// Every word of the description is in the script: nothing is left out on the way.
TEST_F(SelfTest, CompletionAndManualHaveEveryVerbAndOption) {
  const Program program;
  const std::string script = BashCompletion(program.line), page = ManPage(program.line);
  for (const FoundVerb& verb : AllVerbs(program)) {
    std::string at = "." + verb.words, escaped = "accordctl " + verb.words;
    std::replace(at.begin(), at.end(), ' ', '.');
    for (size_t i = escaped.find('-'); i != std::string::npos; i = escaped.find('-', i + 2)) escaped.insert(i, "\\");
    EXPECT_THAT(page, HasSubstr(".SS \"" + escaped)) << verb.words;
    for (const Option& option : verb.command->options()) {
      if (option.by_place() || !option.takes_value()) continue;
      EXPECT_THAT(script, HasSubstr("['" + at + " " + option.name() + "']=")) << verb.words;
    }
  }
  for (const char c : page) ASSERT_LT(static_cast<unsigned char>(c), 0x80u) << "a page is ASCII";
  EXPECT_EQ(script.find("\n''"), std::string::npos);
}

TEST_F(SelfTest, ThePageOfTheManualIsCleanRoff) {
  ASSERT_EQ(Run({"man"}), kDone);
  EXPECT_THAT(out_, HasSubstr(".TH ACCORDCTL 1"));
  for (const char* section : {"NAME", "SYNOPSIS", "OPTIONS", "VERBS", "EXIT STATUS", "ENVIRONMENT"}) {
    EXPECT_THAT(out_, HasSubstr(std::string(".SH ") + section + "\n"));
  }
  std::ofstream(Path("accordctl.1")) << out_;
  if (std::system("command -v groff >/dev/null 2>&1") != 0) GTEST_SKIP() << "no groff: the sections were looked at alone";
  FILE* const pipe = ::popen(("groff -man -ww -Tutf8 -z '" + Path("accordctl.1") + "' 2>&1").c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string said;
  for (std::array<char, 512> line; std::fgets(line.data(), line.size(), pipe) != nullptr;) said += line.data();
  ::pclose(pipe);
  EXPECT_EQ(said, "");
}

TEST(ProgressTest, OneLineIsWrittenOverAtMostTenTimesASecond) {
  FakeClock clock(absl::FromUnixSeconds(1'800'000'000));
  std::string said;
  {
    Progress progress("records", clock, [&](std::string_view text) { said += text; });
    progress.Tell(1, 34'000);
    progress.Tell(2, 34'000);  // Too soon.
    clock.Advance(kProgressEvery);
    progress.Tell(1'200, 34'000);
    progress.Tell(7, 0, "sent");  // Another phase is told at once.
  }
  EXPECT_EQ(said, "\r\x1b[K1 of 34,000 records\r\x1b[K1,200 of 34,000 records\r\x1b[Ksent: 7 records\r\x1b[K");
  // The standard error of a test is no terminal.
  ::testing::internal::CaptureStderr();
  Progress silent("records");
  silent.Tell(1, 2);
  silent.End();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace accord::accordctl::self_test

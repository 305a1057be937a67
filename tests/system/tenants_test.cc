// Goal: agencies of kinds that the project has no service for, a schools' desk and a Marac forum among them, by configuration alone, as
// tenants of one process of which one is locked and one does not start.
// Method: an area of real programs with four further agencies of one accord-agency; their samples are pushed as a person would, and held
// against what each file expects; then a case goes through a forum to an action that its owner completes.
#include <absl/strings/str_replace.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "common/base/file.h"
#include "common/base/status.h"
#include "tests/system/ctl.h"
#include "tests/system/traffic.h"

namespace accord::tests::tenants_test {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kProgram = "accord-agency";
constexpr const char* kPassphrase = "the trust's own passphrase";
constexpr const char* kForum = "marac-northshire";
constexpr const char* kMeeting = "2100-01-05T10:00:00Z";

// What the area agreed with the four. The notices are those of deploy/agreement.toml.
constexpr const char* kAgreement = R"(version = "others-1"
parties = ["police", "childrens", "housing", "health", "idva", "recovery", "wellmind", "marac", "schools"]
effective_from = "2020-01-01"
expires = "2099-01-01"
[[route]]
id = "support"
from_kinds = ["substance_misuse", "mental_health"]
to_kinds = ["idva"]
purposes = ["support"]
categories = ["identity", "safe_contact", "risk", "health", "voice", "narrative", "rationale"]
needs_consent = true
[[route]]
id = "safeguarding"
from_kinds = ["substance_misuse", "mental_health"]
to_kinds = ["idva", "childrens_services"]
purposes = ["safeguarding_adult", "safeguarding_child"]
categories = ["identity", "safe_contact", "risk", "children", "alleged_perpetrator", "narrative", "rationale"]
[[route]]
id = "marac"
from_kinds = ["substance_misuse", "mental_health", "police", "adult_social_care"]
to_kinds = ["police", "adult_social_care"]
purposes = ["marac"]
categories = ["identity", "risk", "alleged_perpetrator", "safety_plan", "narrative", "response", "outcome", "rationale"]
[[route]]
id = "child-safeguarding"
from_kinds = ["police"]
to_kinds = ["childrens_services"]
purposes = ["safeguarding_child"]
categories = ["identity", "risk", "incident", "children", "alleged_perpetrator", "narrative"]
[[route]]
id = "child-notice-health"
from_kinds = ["police"]
to_kinds = ["health"]
purposes = ["safeguarding_child"]
categories = ["identity", "risk", "incident", "children", "narrative"]
[[route]]
id = "child-notice-education"
from_kinds = ["police"]
to_kinds = ["education"]
purposes = ["safeguarding_child"]
categories = ["incident", "children"]
)";

WorldOptions Options() {
  WorldOptions options;
  options.agreement = kAgreement;
  options.further = {{"recovery", "substance_misuse", kProgram, type::v1::AGENCY_KIND_SUBSTANCE_MISUSE},
                     {"wellmind", "mental_health", kProgram, type::v1::AGENCY_KIND_MENTAL_HEALTH},
                     {"marac", "adult_social_care", kProgram, type::v1::AGENCY_KIND_ADULT_SOCIAL_CARE},
                     {"schools", "education", kProgram, type::v1::AGENCY_KIND_EDUCATION}};
  return options;
}

std::string Short(const std::string& name, std::string_view prefix) { return name.starts_with(prefix) ? name.substr(prefix.size()) : name; }

class TenantsTest : public ::testing::Test {
 protected:
  TenantsTest() : world_(Options()) {
    const auto push = ReadFile(World::Source("deploy/push.toml.example"));
    EXPECT_EQ(push.status(), absl::OkStatus());
    Configure("recovery", "substance_misuse", *push);
    Configure("wellmind", "mental_health", *push);
    Configure("schools", "education", *push);
    Configure("marac", "adult_social_care", fmt::format("[forum]\nid = \"{}\"\nmembers = [\"police\", \"recovery\", \"wellmind\", \"marac\"]\n[folder]\ndirectory = \"marac/folder\"\n", kForum));
  }
  // The world's own file of an agency, with its kind and what makes it what it is.
  void Configure(const std::string& agency, const std::string& kind, const std::string& more) {
    auto text = ReadFile(world_.path(agency + ".toml"));
    ASSERT_EQ(text.status(), absl::OkStatus());
    if (agency == "wellmind") {  // With a copy of its own of the key that all of an area have.
      *text = absl::StrReplaceAll(*text, {{"[keys]\n", "[keys]\npassphrase = true\n"}, {"pki/linkage.key", "pki/wellmind/linkage.key"}});
      fs::copy_file(world_.path("pki/linkage.key"), world_.path("pki/wellmind/linkage.key"));
    }
    ASSERT_EQ(WriteFileDurably(world_.path(agency + ".toml"), fmt::format("kind = \"{}\"\n{}\n{}", kind, *text, more)), absl::OkStatus());
  }
  // `words` as a shell has them, with the passphrase at their standard input.
  Ran WithPassphrase(const std::string& command) {
    const auto ran = RunProgram({"/bin/sh", "-c", fmt::format("echo \"{}\" | {}", kPassphrase, command)}, kProgramTime);
    EXPECT_EQ(ran.status(), absl::OkStatus());
    return ran.ok() ? *ran : Ran();
  }
  bool AwaitServing(const std::string& agency) {
    return Eventually(kStartTime, [&] {
      const auto serving = world_.Serving(agency);
      return serving.ok() && *serving;
    });
  }
  nlohmann::json Ctl(std::vector<std::string> words) {
    words.insert(words.begin(), "--json");
    const Ran ran = RunCtl(world_, words);
    EXPECT_EQ(ran.exit_status, 0) << ran.output;
    // What it tells a person stands before and after the document.
    const size_t begin = ran.output.find('{'), end = ran.output.rfind('}');
    if (begin == std::string::npos) return nullptr;
    return nlohmann::json::parse(ran.output.substr(begin, end - begin + 1), nullptr, /*allow_exceptions=*/false);
  }
  // A file of records is renamed into the forum's folder; its result, once it is in `folder`.
  nlohmann::json Dropped(const std::string& name, const nlohmann::json& records, const std::string& folder) {
    EXPECT_EQ(WriteFileDurably(world_.path(name), records.dump()), absl::OkStatus());
    fs::rename(world_.path(name), world_.path("marac/folder/in/" + name));
    const std::string there = world_.path("marac/folder/" + folder + "/" + name);
    EXPECT_TRUE(Eventually(kStartTime, [&] { return fs::exists(there); })) << there;
    const auto result = ReadFile(there + ".result.json", 1u << 20);
    return nlohmann::json::parse(result.value_or(""), nullptr, /*allow_exceptions=*/false);
  }
  // The request of the sample of an action, as a record of a file.
  static nlohmann::json ActionRecord(const std::string& request_id, const std::string& referral, const std::string& owner) {
    auto record = nlohmann::json::parse(*ReadFile(World::Source("deploy/samples/forum/action.json")))["request"];
    record["call"] = "AddAction";
    record["options"]["requestId"] = request_id;
    record["referral"] = referral;
    record["owner"] = owner;
    return record;
  }
  void AForumTakesFiles(const std::string& referral);
  void SamplesDoWhatTheySay();
  void AForumHearsACase(const std::string& referral);

  World world_;
  std::map<std::string, std::string> referrals_;  // By the beginning of the sample's name.
};

void TenantsTest::SamplesDoWhatTheySay() {
  const auto answer = Ctl({"referral", "submit", World::Source("deploy/samples/other"), "--wait", "15"});
  ASSERT_TRUE(answer.contains("submissions")) << answer;
  for (const auto& row : answer["submissions"]) {
    const std::string file = row["file"];
    ASSERT_TRUE(row.contains("result")) << row;
    const auto expected = nlohmann::json::parse(*ReadFile(file))["expected"];
    EXPECT_EQ(Short(row["result"].value("state", ""), "SUBMISSION_STATE_"), expected["state"]) << file << row;
    EXPECT_EQ(row["result"].value("warnings", nlohmann::json::array()), expected["warnings"]) << file;
    std::map<std::string, std::set<std::string>> received, permitted;
    for (const auto& [agency, categories] : expected["received"].items()) received[agency] = categories.get<std::set<std::string>>();
    for (const auto& decision : row["result"].value("decisions", nlohmann::json::array())) {
      if (decision.value("verdict", "") == "VERDICT_PERMIT") permitted[decision["recipient"]].insert(Short(decision["category"], "CATEGORY_"));
    }
    EXPECT_EQ(permitted, received) << file;
    const std::string referral = row["result"].value("referral", "");
    for (const auto& [agency, categories] : received) {
      if (agency == "childrens" || agency == "health") continue;  // Does not run here: it has it at the broker.
      const auto item = AwaitArrival(world_, agency, referral);
      EXPECT_EQ(item.status(), absl::OkStatus()) << file << " at " << agency;
      if (agency != "schools" || !item.ok()) continue;
      EXPECT_GT(item->pick_up_due_ms(), 0) << "before school begins";
    }
    referrals_[fs::path(file).filename().string().substr(0, 2)] = referral;
  }
  EXPECT_EQ(referrals_.size(), 6u);
}

void TenantsTest::AForumHearsACase(const std::string& referral) {
  const auto marac = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--as", "marac"});
    return Ctl(words);
  };
  marac({"inbox", "read", referral});
  marac({"inbox", "accept", referral});
  const auto kinds = [&] {
    std::vector<std::string> kinds;
    const nlohmann::json today = marac({"today"});
    for (const auto& item : today["items"]) kinds.push_back(item["kind"]);
    return kinds;
  };
  EXPECT_THAT(kinds(), Contains("TODAY_KIND_CASE_TO_LIST"));
  EXPECT_EQ(marac({"forum", "list", referral, "--meeting", kMeeting})["item"]["state"], "REFERRAL_STATE_LISTED");
  const auto asked = marac({"forum", "research", referral, World::Source("deploy/samples/forum/research.json"), "--wait", "15"});
  ASSERT_EQ(asked["state"], "SUBMISSION_STATE_SETTLED") << asked;
  const std::string check = asked["referral"];
  ASSERT_EQ(AwaitArrival(world_, "police", check).status(), absl::OkStatus());
  Ctl({"inbox", "read", check, "--as", "police"});
  Ctl({"checks", "answer", check, "known", "--as", "police"});
  nlohmann::json agenda;
  EXPECT_TRUE(Eventually(kCallTime, [&] {
    agenda = marac({"forum", "agenda", "--meeting", kMeeting});
    return agenda["items"].size() == 1 && agenda["items"][0]["answers"]["answered"] == 1;
  })) << agenda;
  EXPECT_EQ(agenda["items"][0]["item"]["state"], "REFERRAL_STATE_RESEARCH_REQUESTED");
  EXPECT_EQ(agenda["items"][0]["criteria"][0], "MARAC_CRITERION_PROFESSIONAL_JUDGEMENT");
  EXPECT_EQ(marac({"forum", "agenda", "--meeting", "2100-01-19T10:00:00Z"})["items"].size(), 0u);

  EXPECT_THAT(kinds(), Not(Contains("TODAY_KIND_CASE_TO_LIST")));
  const Ran early = RunCtl(world_, {"forum", "action", "add", referral, World::Source("deploy/samples/forum/action.json"), "--as", "marac"});
  EXPECT_THAT(early.output, HasSubstr("TRANSITION_ILLEGAL")) << "before the hearing there are no actions";
  const auto heard = marac({"forum", "hear", referral, "--decision", "actions_agreed", "--decision", "idva_to_contact"});
  EXPECT_EQ(heard["decisions"].size(), 2u);
  EXPECT_EQ(heard["item"]["state"], "REFERRAL_STATE_HEARD");
  const auto told = marac({"forum", "action", "add", referral, World::Source("deploy/samples/forum/action.json"), "--wait", "15"});
  ASSERT_EQ(told["state"], "SUBMISSION_STATE_SETTLED") << told;
  const std::string notification = told["referral"];
  const auto arrived = AwaitArrival(world_, "police", notification);
  ASSERT_EQ(arrived.status(), absl::OkStatus());
  EXPECT_EQ(arrived->caused_by(), referral);
  EXPECT_EQ(marac({"forum", "action", "list"})["actions"][0]["state"], "ACTION_STATE_OPEN");

  Ctl({"inbox", "read", notification, "--as", "police"});
  Ctl({"inbox", "accept", notification, "--as", "police"});
  Ctl({"inbox", "action", notification, "address_flagged", "--as", "police"});
  nlohmann::json actions;
  EXPECT_TRUE(Eventually(kCallTime, [&] {
    actions = marac({"forum", "action", "list", "--all"});
    return actions["actions"].size() == 1 && actions["actions"][0]["state"] == "ACTION_STATE_COMPLETED";
  })) << actions;
  EXPECT_EQ(actions["actions"][0]["completedCode"], "address_flagged");
  EXPECT_EQ(marac({"forum", "action", "list"})["actions"].size(), 0u);
}

// The forum's own system writes files: actions of a case that was heard, by the watched folder and by import.
void TenantsTest::AForumTakesFiles(const std::string& referral) {
  const auto refused = Dropped("wrong.json", {ActionRecord("MARAC-0001/file-1", referral, "police"), ActionRecord("MARAC-0001/file-2", "referrals/" + std::string(64, 'a'), "police")}, "rejected");
  ASSERT_TRUE(refused.is_object()) << refused;
  EXPECT_EQ(refused["records"][0]["state"], "NOT_PUSHED");
  EXPECT_EQ(refused["records"][1]["reason"], "REFERRAL_NOT_FOUND");
  const auto again = ActionRecord("MARAC-0001/action-1", referral, "police");  // It was added by a call, in the same words.
  const auto done = Dropped("actions.json", {ActionRecord("MARAC-0001/file-1", referral, "police"), ActionRecord("MARAC-0001/own-1", referral, "marac"), again}, "done");
  ASSERT_TRUE(done.is_object()) << done;
  ASSERT_EQ(done["records"].size(), 3u);
  EXPECT_EQ(done["records"][1]["state"], "SETTLED") << "its own is told to nobody";
  const auto told = AwaitState(world_, "marac", "MARAC-0001/file-1", agency::v1::SUBMISSION_STATE_SETTLED);
  ASSERT_EQ(told.status(), absl::OkStatus());
  EXPECT_EQ(AwaitArrival(world_, "police", told->referral()).status(), absl::OkStatus());
  ASSERT_EQ(WriteFileDurably(world_.path("more.json"), nlohmann::json::array({ActionRecord("MARAC-0001/own-2", referral, "marac")}).dump()), absl::OkStatus());
  for (const char* state : {"SETTLED", "SETTLED"}) {  // Run again it passes over what is done.
    const auto imported = Ctl({"import", world_.path("more.json"), "--as", "marac"});
    EXPECT_EQ(imported["records"][0]["state"], state) << imported;
    EXPECT_EQ(imported["refused"], 0);
  }
  std::set<std::string> actions;
  const nlohmann::json listed = Ctl({"forum", "action", "list", "--all", "--as", "marac"});
  for (const auto& action : listed["actions"]) actions.insert(action["id"]);
  EXPECT_EQ(actions, (std::set<std::string>{"MARAC-0001/action-1", "MARAC-0001/file-1", "MARAC-0001/own-1", "MARAC-0001/own-2"}));
}

TEST_F(TenantsTest, OneProcessHostsAgenciesThatNoServiceWasWrittenFor) {
  const Ran under = WithPassphrase(fmt::format("{} --config {} --protect", World::Program(kProgram), world_.path("wellmind.toml")));
  ASSERT_EQ(under.exit_status, 0) << under.output;
  EXPECT_THAT(under.output, HasSubstr("3 key files"));
  ASSERT_EQ(world_.StartAll({"police", "idva"}), absl::OkStatus());
  ASSERT_EQ(WriteFileDurably(world_.path("broken.toml"), "agency = \"broken\"\n"), absl::OkStatus());
  Process hosts({World::Program(kProgram), "--config", world_.path("recovery.toml"), "--config", world_.path("broken.toml"), "--config",
                 world_.path("wellmind.toml"), "--config", world_.path("marac.toml"), "--config", world_.path("schools.toml")},
                world_.path("hosts.log"));
  ASSERT_EQ(hosts.Start(), absl::OkStatus());
  // One has no configuration to speak of, and one is locked: the others serve.
  EXPECT_TRUE(AwaitServing("recovery"));
  EXPECT_TRUE(AwaitServing("marac"));
  EXPECT_TRUE(AwaitServing("schools"));
  EXPECT_TRUE(Eventually(kStartTime, [&] { return world_.Serving("wellmind").ok(); }));
  EXPECT_FALSE(*world_.Serving("wellmind"));
  EXPECT_THAT(world_.Metrics("wellmind"), HasSubstr("accord_tenant_locked{agency=\"wellmind\"} 1"));
  EXPECT_THAT(RunCtl(world_, {"inbox", "list", "--as", "wellmind"}).output, HasSubstr("LOCKED"));
  EXPECT_THAT(RunCtl(world_, {"tenant", "status", "--as", "wellmind"}).output, HasSubstr("locked"));
  // Each opens to itself alone.
  agency::v1::GetServiceStatusResponse status;
  grpc::ClientContext context;
  rpc::SetTimeout(context, kCallTime);
  const auto other = world_.Stub<agency::v1::OutboxService>("recovery", "agency/marac")->GetServiceStatus(&context, {}, &status);
  EXPECT_TRUE(HasReason(rpc::FromGrpc(other), Reason::kRoleNotAllowed));

  const Ran unlocked = WithPassphrase(fmt::format("{} --config {} tenant unlock --as wellmind", World::Program("accordctl"), world_.path("accordctl.toml")));
  EXPECT_EQ(unlocked.exit_status, 0) << unlocked.output;
  ASSERT_TRUE(AwaitServing("wellmind"));

  admin::v1::Change forum;
  forum.mutable_put_forum()->mutable_forum()->set_id(kForum);
  for (const char* member : {"police", "recovery", "wellmind", "marac"}) forum.mutable_put_forum()->mutable_forum()->add_members(member);
  forum.mutable_put_forum()->mutable_forum()->set_coordinator("marac");
  forum.mutable_put_forum()->mutable_forum()->set_active(true);
  ASSERT_EQ(world_.Change(forum), absl::OkStatus());
  SamplesDoWhatTheySay();
  if (!HasFailure()) AForumHearsACase(referrals_["74"]);
  if (!HasFailure()) AForumTakesFiles(referrals_["74"]);
  world_.DropChannels();
  const auto ended = hosts.Stop(kStartTime);
  ASSERT_EQ(ended.status(), absl::OkStatus());
  EXPECT_EQ(*ended, 1) << "one of them did not start";
  if (HasFailure()) std::fprintf(stderr, "%s\n", ReadFile(world_.path("hosts.log"))->c_str());
}

}  // namespace
}  // namespace accord::tests::tenants_test

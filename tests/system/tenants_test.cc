// Goal: agencies of kinds that the project has no service for, and a Marac forum, by configuration alone, as tenants of one process of
// which one is locked and one does not start.
// Method: an area of real programs with three further agencies of one accord-agency; their samples are pushed as a person would, and held
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

namespace accord::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr const char* kProgram = "accord-agency";
constexpr const char* kPassphrase = "the trust's own passphrase";
constexpr const char* kForum = "marac-northshire";
constexpr const char* kMeeting = "2100-01-05T10:00:00Z";

// What the area agreed with the three.
constexpr const char* kAgreement = R"(version = "others-1"
parties = ["police", "childrens", "housing", "health", "idva", "recovery", "wellmind", "marac"]
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
)";

WorldOptions Options() {
  WorldOptions options;
  options.agreement = kAgreement;
  options.further = {{"recovery", "substance_misuse", kProgram, type::v1::AGENCY_KIND_SUBSTANCE_MISUSE},
                     {"wellmind", "mental_health", kProgram, type::v1::AGENCY_KIND_MENTAL_HEALTH},
                     {"marac", "adult_social_care", kProgram, type::v1::AGENCY_KIND_ADULT_SOCIAL_CARE}};
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
    Configure("marac", "adult_social_care", fmt::format("[forum]\nid = \"{}\"\nmembers = [\"police\", \"recovery\", \"wellmind\", \"marac\"]\n", kForum));
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
      if (agency == "childrens") continue;  // Does not run here: it has it at the broker.
      EXPECT_EQ(AwaitArrival(world_, agency, referral).status(), absl::OkStatus()) << file << " at " << agency;
    }
    referrals_[fs::path(file).filename().string().substr(0, 2)] = referral;
  }
  EXPECT_EQ(referrals_.size(), 5u);
}

void TenantsTest::AForumHearsACase(const std::string& referral) {
  const auto marac = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--as", "marac"});
    return Ctl(words);
  };
  marac({"inbox", "read", referral});
  marac({"inbox", "accept", referral});
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

TEST_F(TenantsTest, OneProcessHostsThreeAgenciesThatNoServiceWasWrittenFor) {
  const Ran under = WithPassphrase(fmt::format("{} --config {} --protect", World::Program(kProgram), world_.path("wellmind.toml")));
  ASSERT_EQ(under.exit_status, 0) << under.output;
  EXPECT_THAT(under.output, HasSubstr("3 key files"));
  ASSERT_EQ(world_.StartAll({"police", "idva"}), absl::OkStatus());
  ASSERT_EQ(WriteFileDurably(world_.path("broken.toml"), "agency = \"broken\"\n"), absl::OkStatus());
  Process hosts({World::Program(kProgram), "--config", world_.path("recovery.toml"), "--config", world_.path("broken.toml"), "--config",
                 world_.path("wellmind.toml"), "--config", world_.path("marac.toml")},
                world_.path("hosts.log"));
  ASSERT_EQ(hosts.Start(), absl::OkStatus());
  // One has no configuration to speak of, and one is locked: the others serve.
  EXPECT_TRUE(AwaitServing("recovery"));
  EXPECT_TRUE(AwaitServing("marac"));
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
  world_.DropChannels();
  const auto ended = hosts.Stop(kStartTime);
  ASSERT_EQ(ended.status(), absl::OkStatus());
  EXPECT_EQ(*ended, 1) << "one of them did not start";
  if (HasFailure()) std::fprintf(stderr, "%s\n", ReadFile(world_.path("hosts.log"))->c_str());
}

}  // namespace
}  // namespace accord::tests

// Administrators' daily work over the real programs, as they do it with accordctl: an agency comes, is shut out and let in again, and leaves;
// maintenance; a proposal that is taken back; and what audits tell of sharing under two agreements side by side.
#include <absl/strings/match.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "common/base/status.h"
#include "tests/system/ctl.h"
#include "tests/system/traffic.h"

namespace accord::tests::admin_test {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// What accordctl takes as a time.
std::string TimeWord(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()); }

// An agreement of an id of its own, beside the area's.
std::string FurtherAgreement(const std::string& id, const std::string& version, std::string_view categories, absl::Time expires) {
  std::string text = OpenAgreement(version, categories);
  constexpr std::string_view kExpires = "2099-01-01";
  text.replace(text.find(kExpires), kExpires.size(), TimeWord(expires));
  return fmt::format("id = \"{}\"\n{}", id, text);
}

class AdminTest : public ::testing::Test {
 protected:
  AdminTest() : world_({.agreement = OpenAgreement("open-1")}) {}
  // Children's services, housing and health have no service that runs.
  void SetUp() override { ASSERT_EQ(world_.StartAll({"police", "idva"}), absl::OkStatus()); }

  Ran Ctl(const std::vector<std::string>& words) { return RunCtl(world_, words); }
  Ran AsAlice(std::vector<std::string> words) {
    words.insert(words.begin(), {"--as-admin", "alice"});
    return Ctl(words);
  }
  // What a verb prints with --json, and that it ended with `exit_status`.
  json Told(std::vector<std::string> words, int exit_status = 0) {
    words.insert(words.begin(), "--json");
    const Ran ran = AsAlice(words);
    EXPECT_EQ(ran.exit_status, exit_status) << ran.output;
    return JsonOf(ran);
  }
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(world_.path(name)) << text;
    return world_.path(name);
  }
  // Proposed by alice; the change.
  std::string Propose(std::vector<std::string> words) {
    words.insert(words.begin(), {"admin", "propose"});
    const json made = Told(words);
    return made.is_object() ? made.value("name", "") : "";
  }
  void Change(const std::vector<std::string>& words) {
    const Ran approved = Ctl({"--as-admin", "bob", "admin", "approve", Propose(words)});
    ASSERT_EQ(approved.exit_status, 0) << approved.output;
  }
  // The codes of what a check-list has open and is needed.
  std::vector<std::string> Open(const std::string& verb, const std::string& agency) {
    const Ran ran = AsAlice({"--json", "admin", verb, agency});
    const json list = JsonOf(ran);
    std::vector<std::string> codes;
    if (!list.is_object() || !list.contains("items")) return {ran.output};
    for (const json& item : list["items"]) {
      if (!item["done"].get<bool>() && !item["optional"].get<bool>()) codes.push_back(item["code"]);
    }
    EXPECT_EQ(list["complete"], codes.empty());
    EXPECT_EQ(ran.exit_status, codes.empty() ? 0 : 1) << ran.output;
    return codes;
  }
  // The directory, by id.
  std::map<std::string, json> Agencies() {
    std::map<std::string, json> rows;
    const json listed = Told({"admin", "agencies"});
    for (const json& row : listed["agencies"]) rows[row["id"]] = row;
    return rows;
  }
  std::set<std::string> Suspended() {
    std::set<std::string> suspended;
    for (const auto& [id, row] : Agencies()) {
      if (row["suspended"].get<bool>()) suspended.insert(id);
    }
    return suspended;
  }
  // How an audit over the hour before and after now is asked for.
  std::vector<std::string> AuditWords(const std::string& audit) {
    const absl::Time now = world_.clock().Now();
    return {"audit", audit, "--from", TimeWord(now - absl::Hours(1)), "--until", TimeWord(now + absl::Hours(1))};
  }

  World world_;
};

TEST_F(AdminTest, AnAgencyIsOnboardedSuspendedReinstatedAndLeaves) {
  // What was seen of it: a service serves before it has called the broker.
  EXPECT_TRUE(Eventually(kStartTime, [&] { return AsAlice({"admin", "connection", "idva"}).exit_status == 0; }));
  const Ran never = AsAlice({"admin", "connection", "housing"});
  EXPECT_EQ(never.exit_status, 1);
  EXPECT_THAT(never.output, HasSubstr("not since the broker started"));

  // What is missing, by code and in words; a service that never called is more of it.
  EXPECT_THAT(Open("onboard", "idva"), ElementsAre("areas", "jurisdiction", "duty_telephone", "duty_hours"));
  const Ran missing = AsAlice({"admin", "onboard", "housing"});
  EXPECT_EQ(missing.exit_status, 1);
  EXPECT_THAT(missing.output, AllOf(HasSubstr("OPEN"), HasSubstr("It has no area"), HasSubstr("has not called the broker"), HasSubstr("Not yet")));

  // Its row as it is shown, completed.
  json row = Agencies()["idva"];
  row["areas"] = {"E06000047"};
  row["dutyTelephone"] = "0300 000 0000";
  row["dutyRecipient"] = "police";
  Change({Write("idva.json", json({{"putAgency", {{"agency", row}}}}).dump())});
  const Ran complete = AsAlice({"admin", "onboard", "idva"});
  EXPECT_EQ(complete.exit_status, 0);
  EXPECT_THAT(complete.output, AllOf(HasSubstr("It can send and receive."), Not(HasSubstr("OPEN"))));
  EXPECT_THAT(AsAlice({"admin", "agencies"}).output, ContainsRegex("idva +idva +Area idva +yes[^\n]*police")) << "its duty recipient";
  const Ran none = AsAlice({"admin", "onboard", "nobody"});
  EXPECT_EQ(none.exit_status, 1);
  EXPECT_THAT(none.output, HasSubstr("PRINCIPAL_NOT_FOUND"));

  // Shut out: its next call is refused, and that is told.
  ASSERT_EQ(Ctl({"--as", "idva", "policy", "list"}).exit_status, 0);
  const Ran suspended = AsAlice({"admin", "suspend", "agency/idva", "--reason", "compromised"});
  EXPECT_EQ(suspended.exit_status, 0) << suspended.output;
  EXPECT_THAT(suspended.output, HasSubstr("agency/idva is suspended"));
  const Ran refused = Ctl({"--as", "idva", "policy", "list"});
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.output, HasSubstr("PRINCIPAL_UNKNOWN"));
  EXPECT_THAT(Suspended(), ElementsAre("idva"));
  EXPECT_THAT(Open("onboard", "idva"), ElementsAre("not_suspended"));
  const json seen = Told({"admin", "connection", "idva"}, 1);
  EXPECT_EQ(seen["lastRefusal"], "PRINCIPAL_UNKNOWN");

  // And let in again.
  const Ran reinstated = AsAlice({"admin", "reinstate", "agency/idva"});
  EXPECT_EQ(reinstated.exit_status, 0) << reinstated.output;
  EXPECT_EQ(Ctl({"--as", "idva", "policy", "list"}).exit_status, 0);
  EXPECT_THAT(Suspended(), IsEmpty());
  EXPECT_TRUE(Eventually(kStartTime, [&] { return AsAlice({"admin", "connection", "idva"}).exit_status == 0; }));

  // What keeps it from leaving: nobody there has opened what it received, and the agreement names it.
  const auto pushed = Push(world_, "police", TestOptions("NSP-2026-1/1", {"idva"}, /*wait_ms=*/20'000));
  ASSERT_EQ(pushed.status(), absl::OkStatus());
  ASSERT_EQ(AwaitArrival(world_, "idva", pushed->referral()).status(), absl::OkStatus());
  const Ran leaving = AsAlice({"admin", "leaving", "idva"});
  EXPECT_EQ(leaving.exit_status, 1);
  EXPECT_THAT(leaving.output, AllOf(ContainsRegex("OPEN +Agreements in force that name it"), ContainsRegex("OPEN +Copies that nobody there has opened"),
                                    ContainsRegex("done +Dead letters"), HasSubstr("Not yet")));

  // One that nothing is open for leaves, once no agreement names it.
  EXPECT_THAT(Open("leaving", "health"), ElementsAre("agreements"));
  std::string text = OpenAgreement("open-2");
  text.replace(text.find("\"health\", "), std::string_view("\"health\", ").size(), "");
  Change({"--agreement", Write("without-health.toml", text)});
  const Ran ready = AsAlice({"admin", "leaving", "health"});
  EXPECT_EQ(ready.exit_status, 0) << ready.output;
  EXPECT_THAT(ready.output, HasSubstr("accordctl admin propose --leave health"));
  Change({"--leave", "health"});
  auto rows = Agencies();
  EXPECT_FALSE(rows["health"]["active"].get<bool>());
  EXPECT_TRUE(rows["idva"]["active"].get<bool>());
}

TEST_F(AdminTest, MaintenanceKeepsNewReferralsOutAndAProposalIsTakenBack) {
  const Ran on = AsAlice({"admin", "maintenance", "on", "--until", TimeWord(world_.clock().Now() + absl::Hours(2))});
  EXPECT_EQ(on.exit_status, 0) << on.output;
  EXPECT_THAT(Ctl({"--as", "idva", "status"}).output, AllOf(HasSubstr("under MAINTENANCE since"), HasSubstr("until about")));
  ASSERT_EQ(Push(world_, "police", TestOptions("NSP-2026-1/1", {"idva"})).status(), absl::OkStatus());
  EXPECT_TRUE(Eventually(kStartTime, [&] {
    const auto waits = GetSubmission(world_, "police", "NSP-2026-1/1");
    return waits.ok() && absl::StrContains(waits->waiting_for(), "MAINTENANCE");
  }));
  const Ran off = AsAlice({"admin", "maintenance", "off"});
  EXPECT_EQ(off.exit_status, 0) << off.output;
  EXPECT_THAT(Ctl({"--as", "idva", "status"}).output, Not(HasSubstr("MAINTENANCE")));
  const auto after = Push(world_, "police", TestOptions("NSP-2026-2/1", {"idva"}, /*wait_ms=*/20'000));
  ASSERT_EQ(after.status(), absl::OkStatus());
  EXPECT_EQ(after->state(), agency::v1::SUBMISSION_STATE_SETTLED);

  // Proposed, listed, taken back by another, and not to be approved any more.
  const std::string change = Propose({"--agreement", Write("open-2.toml", OpenAgreement("open-2"))});
  ASSERT_FALSE(change.empty());
  const auto listed = [&] {
    const json changes = Told({"admin", "changes", "--limit", "1"});
    return changes["changes"].size() == 1 ? changes["changes"][0] : changes;
  };
  const json proposed = listed();
  EXPECT_EQ(proposed["name"], change);
  EXPECT_EQ(proposed["state"], "CHANGE_STATE_PROPOSED");
  const Ran withdrawn = Ctl({"--as-admin", "bob", "admin", "withdraw", change});
  EXPECT_EQ(withdrawn.exit_status, 0) << withdrawn.output;
  EXPECT_THAT(withdrawn.output, HasSubstr("withdrawn by bob"));
  const json taken_back = listed();
  EXPECT_EQ(taken_back["state"], "CHANGE_STATE_WITHDRAWN");
  EXPECT_EQ(taken_back["withdrawnBy"], "bob");
  EXPECT_THAT(AsAlice({"admin", "changes"}).output, AllOf(HasSubstr(change), HasSubstr("put agreement"), HasSubstr("withdrawn")));
  EXPECT_THAT(AsAlice({"admin", "changes"}).output, HasSubstr("withdrawn by bob"));
  EXPECT_EQ(Ctl({"--as-admin", "bob", "admin", "approve", change}).exit_status, 1);

  // Of an erasure too, whose status then waits for nobody.
  const json erasure = Told({"erase", "--referral", after->referral(), "--ground", "order", "--authority", "court/1"});
  const std::string erase = erasure.value("name", "");
  EXPECT_THAT(AsAlice({"erase", "status", erase}).output, HasSubstr("another administrator must approve it"));
  ASSERT_EQ(Ctl({"--as-admin", "bob", "admin", "withdraw", erase}).exit_status, 0);
  EXPECT_THAT(AsAlice({"erase", "status", erase}).output, HasSubstr("nothing is erased: it was withdrawn by bob"));
  EXPECT_EQ(Told({"erase", "status", erase})["state"], "CHANGE_STATE_WITHDRAWN");
}

// Two files made of the same row: the second would undo the first, and says so instead.
TEST_F(AdminTest, AFileOfBeforeDoesNotUndoWhatWasApprovedSince) {
  json row = Agencies()["housing"];
  row.erase("suspended");
  const auto file = [&](const std::string& name, const std::string& field, const std::string& value) {
    json agency = row;
    agency[field] = value;
    return Write(name, json({{"putAgency", {{"agency", agency}}}}).dump());
  };
  const std::string telephone = Propose({file("telephone.json", "dutyTelephone", "0300 000 0000")});
  Change({file("name.json", "displayName", "Housing Options")});
  const Ran refused = Ctl({"--as-admin", "bob", "admin", "approve", telephone});
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.output, AllOf(HasSubstr("TRANSITION_ILLEGAL"), HasSubstr("was approved after this was proposed")));
  EXPECT_EQ(Agencies()["housing"]["displayName"], "Housing Options");
  row = Agencies()["housing"];
  row.erase("suspended");
  Change({file("telephone.json", "dutyTelephone", "0300 000 0000")});
  EXPECT_EQ(Agencies()["housing"]["displayName"], "Housing Options");
  EXPECT_EQ(Agencies()["housing"]["dutyTelephone"], "0300 000 0000");
}

TEST_F(AdminTest, AuditsTellWhichOfSeveralAgreementsPermittedAndWhoNeverCollects) {
  Change({"--agreement", Write("dsa-b.toml", FurtherAgreement("dsa-b", "b-1", "\"risk\"", absl::FromCivil(absl::CivilYear(2099), absl::UTCTimeZone())))});
  Change({"--agreement", Write("dsa-c.toml", FurtherAgreement("dsa-c", "c-1", "\"attachment\"", world_.clock().Now() - absl::Hours(1)))});
  // To the Idva, and for the child to children's services, where nobody collects. It happened just now: what is old is taken for imported.
  police::v1::ReportIncidentRequest incident = TestIncident(TestOptions("NSP-2026-1/1", {}, /*wait_ms=*/20'000));
  incident.set_happened(TimeWord(world_.clock().Now() - absl::Hours(1)));
  using police::v1::PoliceService;
  const auto pushed = rpc::CallUnary(*world_.Own<PoliceService>("police"), &PoliceService::Stub::ReportIncident, incident, kStartTime);
  ASSERT_EQ(pushed.status(), absl::OkStatus());
  ASSERT_EQ(AwaitArrival(world_, "idva", pushed->result().referral()).status(), absl::OkStatus());

  // As CSV and as JSON: risk by the one, what it does not have by the other.
  std::vector<std::string> words = AuditWords("flows");
  words.push_back("--csv");
  const Ran csv = AsAlice(words);
  EXPECT_EQ(csv.exit_status, 0);
  const std::vector<std::string> lines = absl::StrSplit(csv.output, "\r\n");
  EXPECT_THAT(lines, Contains(HasSubstr("sender,recipient,category,article6,gateway,agreement,emergency,sections,released,referrals,entries,suppressed")));
  EXPECT_THAT(lines, Contains(HasSubstr("police,idva,RISK,PUBLIC_TASK,NONE_NEEDED,b-1,false,1,1,1,")));
  EXPECT_THAT(lines, Contains(HasSubstr("police,idva,IDENTITY,PUBLIC_TASK,NONE_NEEDED,open-1,false,1,1,1,")));
  EXPECT_THAT(lines, Contains(HasSubstr("police,childrens,RISK,PUBLIC_TASK,NONE_NEEDED,b-1,false,1,0,1,")));
  const json flows = Told(AuditWords("flows"));
  EXPECT_THAT(flows["definition"].get<std::string>(), HasSubstr("whose route permitted them"));
  std::set<std::string> told;
  for (const json& row : flows["rows"]) {
    if (row["recipient"] == "idva" && row["category"] == "RISK") told.insert(row["agreement"].get<std::string>());
    EXPECT_EQ(row["sender"], "police");
    EXPECT_EQ(row["entries"].size(), 1u) << row;
  }
  EXPECT_THAT(told, ElementsAre("b-1"));
  EXPECT_EQ(flows["referrals"], 1);
  EXPECT_GT(flows["queryIndex"], 0);
  std::vector<std::string> narrower = AuditWords("flows");
  narrower.insert(narrower.end(), {"--category", "risk", "--agency", "police"});
  const json risk = Told(narrower);
  EXPECT_EQ(risk["rows"].size(), 2u) << risk;
  // An agency sees its own sharing alone.
  words.insert(words.begin(), {"--as", "idva"});
  const Ran own = Ctl(words);
  EXPECT_EQ(own.exit_status, 0) << own.output;
  EXPECT_THAT(own.output, Not(HasSubstr("police,")));

  // Those in force are used; the one that ended is told, and its next version in its place, which nothing goes by.
  const auto stale = [&] {
    std::vector<std::string> rows;
    const json answer = Told(AuditWords("stale-agreements"));
    for (const json& row : answer["rows"]) {
      rows.push_back(fmt::format("{} {} {} {}", row["agreement"].get<std::string>(), row["version"].get<std::string>(), row["finding"].get<std::string>(),
                                 row["referrals"].get<int>()));
    }
    return rows;
  };
  EXPECT_THAT(stale(), ElementsAre("dsa-c c-1 ENDED 0"));
  Change({"--agreement", Write("dsa-c-2.toml", FurtherAgreement("dsa-c", "c-2", "\"attachment\"", world_.clock().Now() + absl::Hours(24)))});
  EXPECT_THAT(stale(), ElementsAre("dsa-c c-2 ENDS_SOON 0", "dsa-c c-2 NOT_USED 0"));

  const json answering = Told(AuditWords("never-answer"));
  std::vector<std::string> recipients;
  for (const json& row : answering["rows"]) {
    recipients.push_back(fmt::format("{} addressed {} never collected {} released {}", row["recipient"].get<std::string>(), row["addressed"].get<int>(),
                                     row["never_collected"].get<int>(), row["released"].get<int>()));
  }
  EXPECT_THAT(recipients, ElementsAre("childrens addressed 1 never collected 1 released 0", "idva addressed 1 never collected 0 released 1"));
  // The others are answered too, each with an entry of its own.
  uint64_t last = answering["queryIndex"];
  for (const char* audit : {"withheld", "without-consent", "missing-rationales", "immediate", "unusual-volumes", "probing"}) {
    const json answer = Told(AuditWords(audit));
    EXPECT_EQ(answer["completeness"], "attested") << audit;
    EXPECT_GT(answer["queryIndex"], last) << audit;
    last = answer["queryIndex"];
  }
}

}  // namespace
}  // namespace accord::tests::admin_test

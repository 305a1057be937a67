// A joint targeted area inspection from its first day to its last, over the real programs: docs/inspectors.md, played.
//
// Goal: two officers come to an area with two thousand cases and end with a bundle that verifies where nothing else is; each number they are
// told is the one that the test counts in what was pushed; agencies learn of it when the embargo is over and not before.
//
// Method: inspection_area.h makes the record. Everything after is `accordctl` as inspectors, agencies and administrators run it, and
// `accord-verify` in a folder that has the bundle, the program, the log's published key and the area's witness policy, with an empty environment and, where the
// machine lets a test do that, without a network. Two waits are the clock's own: a minute until housing is overdue, and the embargo's end.
#include <absl/strings/match.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>

#include "common/base/file.h"
#include "common/base/status.h"
#include "tests/system/inspection_week.h"

namespace accord::tests {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr size_t kSampled = 10;

std::set<std::string> CasesOf(const json& answer) {
  std::set<std::string> cases;
  for (const json& row : answer["rows"]) cases.insert(row["case"].get<std::string>());
  return cases;
}

// The row of which these cells are those; null when there is none.
json RowOf(const json& answer, const std::map<std::string, std::string>& cells) {
  for (const json& row : answer["rows"]) {
    const auto same = [&](const auto& cell) { return row[cell.first] == cell.second; };
    if (std::all_of(cells.begin(), cells.end(), same)) return row;
  }
  return {};
}

class InspectionTest : public InspectionWeek {
 protected:
  // The inspectors' steps, in their order.
  void LookUnderTheEmbargo();
  void ResolveNames();
  void DrawTheSample();
  void ResolveTheSample();
  void ReadTimelines();
  void AskQuestions();
  void AskAboutOneCase();
  void AskForContent();
  void ExportAndVerify();
  void SeeWhatIsOverdue();
  void LookAfterTheEmbargo();

  // Collects into a new folder.
  json Collected(const std::string& number) { return Told(kInes, {"disclosure", "collect", number, "--out", world_.path("disclosed-" + number)}); }
  json InFile(const std::string& path) { return json::parse(ReadFile(world_.path(path)).value_or("null")); }

  json incident_to_share_;     // The answer to question 2.
  json sample_;
  std::map<std::string, std::string> cases_;  // Of referrals, as they were resolved.
  int disclosures_ = 0;
};

void InspectionTest::LookUnderTheEmbargo() {
  incident_to_share_ = Ask(2);
  for (const std::string agency : {"police", "idva"}) EXPECT_THAT(Looks(agency), IsEmpty()) << agency;
  ASSERT_LT(world_.clock().Now(), embargo_until_) << "the machine was too slow for this test";
}

void InspectionTest::ResolveNames() {
  std::ofstream people(world_.path("people.csv"));
  people << "mark,family_name,given_names,date_of_birth,record_number\n";
  const auto person = [&](const char* mark, const type::v1::Person& asked) {
    people << fmt::format("{},{},{},{},\n", mark, asked.family_name(), asked.given_names(), asked.dates_of_birth(0));
  };
  person("row-1", AreaPerson(Own(0).victim));
  people << fmt::format("row-2,,,,{}\n", AreaPerson(Own(1).victim).record_number());
  person("row-3", AreaPerson(Own(2).perpetrator));
  people << "row-4,Nobody,Known,1990-05-06,\n";
  person("row-5", AreaPerson(Own(3).victim));
  people.close();
  const json asked = Told(kInes, {"warrant", "resolve", kWarrant, "--agency", "police", "--persons", world_.path("people.csv"), "--for", kPurpose, "--within", "24"});
  const std::string number = asked["disclosure"]["number"];
  Refused(kInes, {"disclosure", "collect", number, "--out", world_.path("too-early")}, "TRANSITION_ILLEGAL");

  // At the police it is for one role alone, and the answer is a person's.
  const json open = Told("police", {"disclosure", "list", "--open"});
  ASSERT_EQ(open["disclosures"].size(), 1u) << open;
  EXPECT_EQ(open["disclosures"][0]["number"], number);
  EXPECT_EQ(open["disclosures"][0]["legalPower"], "CA2004_S20");
  Refused("police", {"--role", "supervisor", "disclosure", "show", number}, "ROLE_NOT_ALLOWED");
  const Ran shown = AsAuthorisingOfficer("police", {"disclosure", "show", number});
  EXPECT_EQ(shown.exit_status, 0) << shown.output;
  EXPECT_THAT(shown.output, AllOf(HasSubstr(AreaPerson(Own(0).victim).family_name()), HasSubstr("row-5")));
  const Ran released = AsAuthorisingOfficer("police", {"disclosure", "release", number, "--withhold", "row-5"});
  ASSERT_EQ(released.exit_status, 0) << released.output;

  // It is for who asked, and for nobody else of the same body.
  Refused(kOmar, {"disclosure", "collect", number, "--out", world_.path("not-omars")}, "DISCLOSURE_NOT_FOUND");
  const json found = Collected(number);
  ++disclosures_;
  const std::map<std::string, const AreaReferral*> expected = {{"row-1", &Own(0)}, {"row-2", &Own(1)}, {"row-3", &Own(2)}, {"row-4", nullptr}, {"row-5", nullptr}};
  ASSERT_EQ(found["persons"].size(), expected.size()) << found;
  for (const json& one : found["persons"]) {
    const AreaReferral* const pushed = expected.at(one["mark"]);
    ASSERT_EQ(one["referrals"].size(), pushed == nullptr ? 0u : 1u) << one;
    if (pushed == nullptr) continue;
    ++trails_;  // Of which case it is, is asked of the broker.
    EXPECT_EQ(one["referrals"][0]["referral"], pushed->name);
    EXPECT_EQ(one["referrals"][0]["requestId"], pushed->request_id);
    EXPECT_EQ(one["referrals"][0]["strength"], "MATCH_STRENGTH_STRONG") << one;
    ASSERT_EQ(one["cases"].size(), 1u) << one;
    cases_[pushed->name] = one["cases"][0];
  }
  EXPECT_EQ(cases_[Own(0).name], CaseOf(Own(0).name));
}

void InspectionTest::DrawTheSample() {
  const std::vector<std::string> draw = OfThePeriod({"sample", "draw", "--size", std::to_string(kSampled), "--stratum", "grade", "--stratum", "child"});
  sample_ = Told(kInes, draw);
  EXPECT_EQ(sample_["referrals"], area_.OfArea().size()) << sample_["notes"];
  EXPECT_GT(sample_["proof"]["checkpointSize"], sample_["queryIndex"]);
  ASSERT_EQ(CasesOf(sample_).size(), kSampled) << sample_;
  // As a colleague draws it, from its seed; another seed finds others.
  const std::string notes = sample_["notes"].dump();
  EXPECT_EQ(SumOf(notes, " of ([0-9]+) cases"), kAreaCases) << "of all strata";
  std::smatch said;
  ASSERT_TRUE(std::regex_search(notes, said, std::regex("--seed ([0-9a-f]{32}) --tree-size ([0-9]+)"))) << notes;
  for (const bool same : {true, false}) {
    std::vector<std::string> again = draw;
    again.insert(again.end(), {"--seed", same ? said[1].str() : "000102030405060708090a0b0c0d0e0f", "--tree-size", said[2].str()});
    const json drawn = Told(kOmar, again);
    EXPECT_EQ(drawn["rows"] == sample_["rows"], same);
  }
}

void InspectionTest::ResolveTheSample() {
  std::vector<std::string> words = {"warrant", "resolve", kWarrant, "--agency", "idva", "--for", kPurpose};
  for (const std::string& pseudonym : CasesOf(sample_)) words.insert(words.end(), {"--case", pseudonym});
  const std::string number = Told(kInes, words)["disclosure"]["number"];
  const Ran released = AsAuthorisingOfficer("idva", {"disclosure", "release", number});
  ASSERT_EQ(released.exit_status, 0) << released.output;
  const json found = Collected(number);
  ++disclosures_;
  std::set<std::string> resolved;
  for (const json& one : found["cases"]) {
    EXPECT_FALSE(one["referrals"].empty()) << one;
    for (const json& referral : one["referrals"]) {
      const AreaReferral* const pushed = area_.Find(referral["referral"]);
      ASSERT_NE(pushed, nullptr) << referral;
      cases_[pushed->name] = one["case"];
      EXPECT_TRUE(referral["received"]);
      EXPECT_THAT(referral["recordNumbers"].dump(), HasSubstr(AreaPerson(pushed->victim).record_number()));
    }
    resolved.insert(one["case"].get<std::string>());
  }
  EXPECT_EQ(resolved, CasesOf(sample_));
}

void InspectionTest::ReadTimelines() {
  for (const json& row : sample_["rows"]) {
    const std::string pseudonym = row["case"], page = world_.path("case-" + pseudonym + ".html");
    const json timeline = Timeline({pseudonym, "--html", page});
    ASSERT_FALSE(timeline["referrals"].empty()) << timeline;
    for (const json& referral : timeline["referrals"]) {
      const AreaReferral* const pushed = area_.Find(referral["referral"]);
      ASSERT_NE(pushed, nullptr) << referral;
      EXPECT_EQ(cases_[pushed->name], pseudonym);
      EXPECT_EQ(referral["sender"], pushed->sender);
      std::set<std::string> recipients;
      for (const json& party : referral["recipients"]) recipients.insert(party["agency"].get<std::string>());
      EXPECT_EQ(recipients, std::set<std::string>(pushed->recipients.begin(), pushed->recipients.end()));
      // The sample's own words of it.
      EXPECT_EQ(row["sender"], pushed->sender);
      EXPECT_EQ(row["grade"], pushed->grade_word());
      EXPECT_EQ(row["child"], pushed->child);
      EXPECT_EQ(row["area"], kArea);
      for (const json& party : referral["recipients"]) {
        const json& collected = party["waits"][0];
        EXPECT_EQ(collected["what"], "collected") << party;
        const bool runs = party["agency"] == "idva" || party["agency"] == "childrens";
        EXPECT_EQ(!collected["doneMs"].is_null(), runs) << party;
      }
    }
    const auto html = ReadFile(page);
    ASSERT_EQ(html.status(), absl::OkStatus());
    EXPECT_THAT(*html, AllOf(HasSubstr(pseudonym), HasSubstr("attested"), HasSubstr("no record in Accord"), Not(HasSubstr("<script")), Not(HasSubstr("src=")),
                             Not(HasSubstr("http:")), Not(HasSubstr("https:"))));
    const Ran screen = As(kInes, UnderWarrant({"case", "timeline", pseudonym}));
    ++trails_;
    EXPECT_EQ(screen.exit_status, 0) << screen.output;
    EXPECT_THAT(screen.output, AllOf(HasSubstr("Case " + pseudonym), HasSubstr("no record in Accord"), HasSubstr("attested")));
  }
}

void InspectionTest::AskQuestions() {
  std::map<std::pair<std::string, std::string>, AreaCount> by_grade;
  std::map<std::string, AreaCount> by_sender;
  std::map<std::pair<uint32_t, uint32_t>, int> incidents;
  std::map<uint32_t, std::set<uint32_t>> victims;
  std::set<std::pair<uint32_t, uint32_t>> high;
  int no_school = 0, not_collected_by_school = 0, to_idva = 0;
  for (const AreaReferral* one : area_.OfArea()) {
    by_grade[{one->sender, one->grade_word()}].Add(*one);
    by_sender[one->sender].Add(*one);
    by_sender["all"].Add(*one);
    ++incidents[one->pair()];
    if (one->grade == type::v1::RISK_GRADE_HIGH) high.insert(one->pair());
    victims[one->perpetrator].insert(one->victim);
    not_collected_by_school += one->Asks("school");
    no_school += one->sender == "police" && one->child && !one->Asks("school");
    to_idva += one->Asks("idva");
  }
  // 2: from incident to share. What happened more than 30 days before is never timed.
  for (const auto& [group, counted] : by_grade) {
    const json row = RowOf(incident_to_share_, {{"agency", group.first}, {"grade", group.second}});
    EXPECT_EQ(row["reports"], counted.reports) << group.first << " " << group.second << row;
    EXPECT_EQ(row["recorded_later"], counted.recorded_later);
    EXPECT_EQ(row["timed"], counted.reports - counted.recorded_later);
  }
  EXPECT_EQ(incident_to_share_["rows"].size(), by_grade.size() + 1);
  EXPECT_EQ(incident_to_share_["referrals"], area_.OfArea().size());

  // 5: an absence. Reports with a child whose school heard nothing before school began.
  const json school = Ask(5);
  std::map<std::string, int> lacks;
  for (const json& row : school["rows"]) {
    ++lacks[row["lacks"]];
    EXPECT_TRUE(row["delivered"].is_null());
    const AreaReferral* const pushed = area_.Find(row["referral"]);
    ASSERT_NE(pushed, nullptr) << row;
    EXPECT_TRUE(pushed->child);
  }
  EXPECT_EQ(lacks, (std::map<std::string, int>{{"school", no_school}, {"delivery", not_collected_by_school}}));

  // 7: shared without consent, with all that is then needed.
  const json consent = Ask(7);
  for (const auto& [sender, counted] : by_sender) {
    const json row = RowOf(consent, {{"agency", sender}});
    EXPECT_EQ(row["shares"], counted.reports) << row;
    EXPECT_EQ(row["without_consent"], counted.refused) << row;
    EXPECT_EQ(row["refused_or_withdrawn"], counted.refused) << row;
    EXPECT_EQ(row["no_basis"].get<int>() + row["no_gateway"].get<int>() + row["no_rationale"].get<int>() + row["no_approver"].get<int>(), 0) << row;
  }

  // 8: what was declined, and why.
  const json declined = Ask(8);
  EXPECT_EQ(RowOf(declined, {{"agency", "idva"}, {"what", "declined"}, {"reason", "NO_CAPACITY"}})["count"], kDeclined) << declined["rows"];

  // 11: an absence. Three incidents, and nobody escalated it.
  std::set<std::pair<uint32_t, uint32_t>> expected, answered;
  for (const auto& [pair, count] : incidents) {
    if (count >= 3 && !high.contains(pair)) expected.insert(pair);
  }
  const json escalation = Ask(11);
  EXPECT_EQ(escalation["rows"].size(), expected.size());
  EXPECT_EQ(expected.size(), 6u);
  for (const json& row : escalation["rows"]) EXPECT_EQ(row["incidents"], 3) << row;
  EXPECT_THAT(escalation["notes"].dump(), HasSubstr("Escalated means"));

  // 17: an absence. Nobody wrote down what she or the child said.
  const json voice = Ask(17);
  for (const auto& [sender, counted] : by_sender) {
    const json row = RowOf(voice, {{"agency", sender}});
    EXPECT_EQ(row["referrals"], counted.reports) << row;
    EXPECT_EQ(row["without_voice"], counted.reports - counted.voice) << row;
    EXPECT_EQ(row["with_child"], counted.child) << row;
    EXPECT_EQ(row["child_without_voice"], counted.child - counted.child_voice) << row;
  }

  // 18: the same man, another victim; of the area alone.
  const json same_man = Ask(18);
  const auto several = std::count_if(victims.begin(), victims.end(), [](const auto& one) { return one.second.size() > 1; });
  EXPECT_EQ(same_man["rows"].size(), several);
  EXPECT_EQ(several, 5);
  for (const json& row : same_man["rows"]) EXPECT_EQ(row["victims"], 2) << row;

  // 101: demand for the Idva service.
  const json demand = Ask(101);
  const json all = RowOf(demand, {{"area", "all"}});
  EXPECT_EQ(all["demand"], to_idva) << demand["rows"];
  EXPECT_EQ(all["accepted"], kAccepted);
  EXPECT_EQ(all["declined_no_capacity"], kDeclined);
  EXPECT_EQ(all["not_answered"], to_idva - static_cast<int>(kAccepted + kDeclined));
}

void InspectionTest::AskAboutOneCase() {
  const AreaReferral& first = Own(0);
  const std::string& pseudonym = cases_[first.name];
  // 9: who looked. The Idva service's worker, and the inspectors themselves.
  const json viewed = AskOfCase(9, pseudonym);
  EXPECT_EQ(RowOf(viewed, {{"what", "OPENED"}, {"principal", "agency/idva"}})["worker"], "idva-7") << viewed["rows"];
  EXPECT_EQ(RowOf(viewed, {{"what", "TRAIL_QUERIED"}, {"principal", kInes}})["purpose"], kPurpose) << viewed["rows"];
  EXPECT_FALSE(viewed["rows"][0]["conflict_of_interest"]);
  // 20: the Idva service had it before anybody there looked; housing never had it.
  const std::string then = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", before_reading_, absl::UTCTimeZone());
  const json knew = AskOfCase(20, pseudonym, {"--agency", "idva", "--as-at", then});
  ASSERT_EQ(knew["rows"].size(), 1u) << knew;
  EXPECT_EQ(knew["rows"][0]["referral"], first.name);
  EXPECT_EQ(knew["rows"][0]["how"], "received");
  EXPECT_FALSE(knew["rows"][0]["delivered"].is_null());
  EXPECT_TRUE(knew["rows"][0]["opened_by_person"].is_null());
  EXPECT_THAT(knew["rows"][0]["categories"], HasSubstr("INCIDENT"));
  // What the Idva service declined of all, and what it accepted of this case.
  EXPECT_EQ(Found({"--statement", "declined"}), kDeclined);
  EXPECT_EQ(Found({"--statement", "accepted", "--case", pseudonym}), 1u);
  EXPECT_EQ(asked_.size(), 10u) << "questions, each by its number";
}

void InspectionTest::AskForContent() {
  const auto ask = [&](const AreaReferral& about) {
    ++disclosures_;
    return Told(kInes, {"disclosure", "request", about.name, "--agency", "police", "--warrant", kWarrant, "--category", "identity", "--category", "incident",
                        "--for", kPurpose})["disclosure"]["number"].get<std::string>();
  };
  // Granted: what the police pushed, and no more of it than was asked for.
  const std::string granted = ask(Own(0));
  const Ran released = AsAuthorisingOfficer("police", {"disclosure", "release", granted});
  ASSERT_EQ(released.exit_status, 0) << released.output;
  const json disclosed = Collected(granted);
  EXPECT_EQ(disclosed["referral"], Own(0).name);
  EXPECT_EQ(disclosed["sender"], "police");
  EXPECT_EQ(disclosed["officer"], "dpo-1");
  std::map<std::string, json> contents;
  for (const json& section : disclosed["sections"]) {
    contents[section["category"]] = InFile("disclosed-" + granted + "/" + section["file"].get<std::string>());
  }
  ASSERT_EQ(contents.size(), 2u) << disclosed;
  const json& victim = contents["CATEGORY_IDENTITY"]["identity"]["victim"];
  const type::v1::Person pushed = AreaPerson(Own(0).victim);
  EXPECT_EQ(victim["familyName"], pushed.family_name()) << victim;
  EXPECT_EQ(victim["givenNames"], pushed.given_names());
  EXPECT_EQ(victim["datesOfBirth"][0], pushed.dates_of_birth(0));
  EXPECT_EQ(victim["recordNumber"], pushed.record_number());
  EXPECT_EQ(contents["CATEGORY_INCIDENT"]["incident"]["summary"], AreaSummary(Own(0)));

  // Refused, with a ground; it stays so.
  const std::string refused = ask(Own(1));
  const Ran answered = AsAuthorisingOfficer("police", {"disclosure", "refuse", refused, "--ground", "legal_privilege"});
  ASSERT_EQ(answered.exit_status, 0) << answered.output;
  EXPECT_EQ(AsAuthorisingOfficer("police", {"disclosure", "release", refused}).exit_status, 1);
  Refused(kInes, {"disclosure", "collect", refused, "--out", world_.path("refused")}, "TRANSITION_ILLEGAL");
  const json list = Told(kInes, {"disclosure", "list"});
  EXPECT_EQ(list["disclosures"].size(), disclosures_) << list;
  for (const json& one : list["disclosures"]) {
    EXPECT_EQ(one["answer"], one["number"] == refused ? "DISCLOSURE_ANSWER_REFUSED" : "DISCLOSURE_ANSWER_RELEASED");
    EXPECT_EQ(one["ground"], one["number"] == refused ? "DISCLOSURE_GROUND_LEGAL_PRIVILEGE" : "DISCLOSURE_GROUND_UNSPECIFIED");
  }
  // What the broker's operator can see of it is that it was asked and answered.
  const Ran seen = As("admin/alice", {"disclosure", "list"});
  EXPECT_EQ(seen.exit_status, 0) << seen.output;
  EXPECT_THAT(seen.output, AllOf(HasSubstr(granted), HasSubstr("legal privilege"), Not(HasSubstr(pushed.family_name()))));
}

void InspectionTest::SeeWhatIsOverdue() {
  const std::string steps = fmt::format("accord_clock_steps_total{{clock=\"response\",step=\"reminder\"}} {}", kUnansweredCases);
  ASSERT_TRUE(Eventually(absl::Seconds(100), [&] { return absl::StrContains(world_.Metrics(kBroker), steps); }));
  const AreaReferral& late = area_.referrals().front();
  ASSERT_TRUE(late.Asks("housing"));
  const json timeline = Timeline({"--referral", late.name});
  for (const json& party : timeline["referrals"][0]["recipients"]) {
    for (const json& wait : party["waits"]) {
      if (wait["what"] != "answered") continue;
      EXPECT_EQ(wait["overdue"], party["agency"] == "housing") << party;
      EXPECT_TRUE(wait["doneMs"].is_null()) << party;
      EXPECT_EQ(wait["clockVersion"], wait["overdue"] ? "clocks-inspected" : "");
    }
  }
  const Ran screen = As(kInes, UnderWarrant({"case", "timeline", "--referral", late.name}));
  ++trails_;
  EXPECT_THAT(screen.output, AllOf(HasSubstr("response overdue [overdue]"), HasSubstr("answered: no record in Accord"), HasSubstr("; OVERDUE: was due")));
}

void InspectionTest::ExportAndVerify() {
  std::vector<std::string> words = UnderWarrant({"bundle", "export", "--out", world_.path("bundle")});
  for (const std::string& pseudonym : CasesOf(sample_)) words.insert(words.end(), {"--case", pseudonym});
  const json exported = Told(kInes, words);
  EXPECT_EQ(exported["trails"], kSampled);
  EXPECT_EQ(exported["grade"], "attested");
  EXPECT_TRUE(exported["cosignedCheckpoint"]);

  const fs::path elsewhere = world_.path("elsewhere");
  fs::create_directory(elsewhere);
  fs::copy_file(World::Program("accord-verify"), elsewhere / "accord-verify");
  fs::copy_file(world_.path("broker.vkey"), elsewhere / "log.vkey");
  fs::copy_file(world_.path("witnesses.policy"), elsewhere / "witnesses.policy");
  for (const char* copy : {"bundle", "removed", "hidden", "altered", "uncosigned"}) fs::copy(world_.path("bundle"), elsewhere / copy, fs::copy_options::recursive);
  const Ran honest = Verify("bundle");
  ASSERT_EQ(honest.exit_status, 0) << honest.output;
  const json report = JsonOf(honest);
  EXPECT_TRUE(report["verifies"]);
  EXPECT_EQ(report["grade"], "attested");
  EXPECT_EQ(report["warrant"], kWarrant);
  EXPECT_EQ(report["manifestSha256"], exported["manifestSha256"]);
  ASSERT_EQ(report["trails"].size(), kSampled);
  EXPECT_EQ(report["checks"]["witnesses meet the policy"], "ok");

  // The second entry of the first case, that of its release: removed; removed and hidden; altered.
  json manifest = json::parse(*ReadFile((elsewhere / "bundle/bundle.json").string()));
  const uint64_t entry = manifest["trails"][0]["rows"][1];
  const std::string receipt = fmt::format("receipts/{}.tlog-proof", entry), openings = receipt + ".openings.json";
  const auto finds = [&](const char* copy, const std::string& where, const std::string& what) {
    const Ran ran = Verify(copy);
    EXPECT_EQ(ran.exit_status, 1) << copy;
    const json findings = JsonOf(ran)["findings"];
    const bool named = std::any_of(findings.begin(), findings.end(), [&](const json& one) {
      return absl::StrContains(one["where"].get<std::string>(), where) && absl::StrContains(one["what"].get<std::string>(), what);
    });
    EXPECT_TRUE(named) << copy << " " << where << ": " << findings.dump(1);
  };
  ASSERT_TRUE(fs::remove(elsewhere / "removed" / receipt));
  finds("removed", receipt, "is missing");

  json hidden = manifest;
  hidden["trails"][0]["rows"].erase(1);
  hidden["files"].erase(receipt);
  hidden["files"].erase(openings);
  ASSERT_TRUE(fs::remove(elsewhere / "hidden" / receipt));
  ASSERT_TRUE(fs::remove(elsewhere / "hidden" / openings));
  ASSERT_EQ(WriteFileDurably((elsewhere / "hidden/bundle.json").string(), hidden.dump(2) + "\n", 0600), absl::OkStatus());
  finds("hidden", fmt::format("entry {}", manifest["trails"][0]["rows"][2].get<uint64_t>()), "is number 2 of the chain, where number 1 is due");

  std::string text = *ReadFile((elsewhere / "altered" / openings).string());
  const size_t digit = text.rfind("\"content\"");
  ASSERT_NE(digit, std::string::npos);
  text[text.find(':', digit) + 4] ^= 1;
  ASSERT_EQ(WriteFileDurably((elsewhere / "altered" / openings).string(), text, 0600), absl::OkStatus());
  finds("altered", openings, "altered");

  // Without the checkpoint that the agencies cosigned.
  for (const char* file : {"witnessed", "witnessed.consistency"}) {
    ASSERT_TRUE(fs::remove(elsewhere / "uncosigned" / file) && manifest["files"].erase(file) == 1);
  }
  ASSERT_EQ(WriteFileDurably((elsewhere / "uncosigned/bundle.json").string(), manifest.dump(2) + "\n", 0600), absl::OkStatus());
  finds("uncosigned", "witnessed", "it was taken out");
}

void InspectionTest::LookAfterTheEmbargo() {
  json looks;
  ASSERT_TRUE(Eventually(kEmbargo + absl::Seconds(20), [&] { return !(looks = Looks("idva")).empty(); }));
  EXPECT_GE(world_.clock().Now(), embargo_until_);
  // All that was asked concerned the Idva service, each time; who asked is its body, not its officer.
  std::map<std::string, int> events;
  std::map<int, int> questions;
  for (const json& look : looks) {
    ++events[look["event"]];
    if (look["question"] != 0) ++questions[look["question"]];
    EXPECT_EQ(look["warrant"], kWarrant);
    EXPECT_EQ(look["inspectorate"], "ofsted");
    EXPECT_EQ(look["legalPower"], "CA2004_S20");
  }
  EXPECT_EQ(questions, asked_);
  EXPECT_EQ(events["EVENT_TYPE_SAMPLE_DRAWN"], 3);
  EXPECT_EQ(events["EVENT_TYPE_TRAIL_QUERIED"], trails_);
  EXPECT_EQ(events["EVENT_TYPE_BUNDLE_EXPORTED"], kSampled);
  // Health sent the one that was looked at twice, and is told which; housing had nothing of it yet.
  const std::string& late = area_.referrals().front().name;
  std::vector<std::string> named;
  for (const json& look : Looks("health")) {
    if (look["referral"] != "") named.push_back(look["referral"]);
  }
  EXPECT_EQ(named, std::vector<std::string>({late, late}));
  int trails = 0;
  for (const json& look : Looks("housing")) trails += look["event"] == "EVENT_TYPE_TRAIL_QUERIED";
  EXPECT_EQ(trails, filters_);
  // Nobody looked in the area beside it.
  EXPECT_THAT(Looks("police-south"), IsEmpty());
}

TEST_F(InspectionTest, OfAnAreaWithTwoThousandCases) {
  ASSERT_NO_FATAL_FAILURE(MakeTheRecord());
  ASSERT_NO_FATAL_FAILURE(EnrolOfficers());
  ASSERT_NO_FATAL_FAILURE(GrantTheWarrant());
  ASSERT_NO_FATAL_FAILURE(LookUnderTheEmbargo());
  ASSERT_NO_FATAL_FAILURE(ResolveNames());
  ASSERT_NO_FATAL_FAILURE(DrawTheSample());
  ASSERT_NO_FATAL_FAILURE(ResolveTheSample());
  ASSERT_NO_FATAL_FAILURE(ReadTimelines());
  ASSERT_NO_FATAL_FAILURE(AskQuestions());
  ASSERT_NO_FATAL_FAILURE(AskAboutOneCase());
  ASSERT_NO_FATAL_FAILURE(AskForContent());
  ASSERT_NO_FATAL_FAILURE(ExportAndVerify());
  ASSERT_NO_FATAL_FAILURE(SeeWhatIsOverdue());
  ASSERT_NO_FATAL_FAILURE(LookAfterTheEmbargo());
}

}  // namespace
}  // namespace accord::tests

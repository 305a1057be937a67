// Goal: a push that an agency's service has taken arrives once, under the policy in force at its release, in whatever
// state of the outbox the service dies and however long the broker is away.
//
// Method: the broker is away (ended) or does not answer (SIGSTOP), which holds submissions in the states ACCEPTED,
// PREPARED and SENT; the service is killed there and started again. At random points all_kill_test.cc kills it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "common/base/file.h"
#include "common/base/status.h"
#include "tests/system/traffic.h"

namespace accord::tests::agency_kill_test {
namespace {

namespace fs = std::filesystem;
using agency::v1::OutboxService;
using ::testing::Contains;
using ::testing::Not;
using enum agency::v1::SubmissionState;

// The first agreement without what the later one withdraws.
constexpr std::string_view kWithoutChildren = R"("identity", "safe_contact", "risk", "incident")";
constexpr std::string_view kResponsesOnly = R"("response")";
constexpr int kOvertaking = 6;
constexpr int kAttemptsMax = 20;
constexpr absl::Duration kSlice = absl::Milliseconds(4);

class AgencyKillTest : public ::testing::Test {
 protected:
  AgencyKillTest() : world_({.agreement = OpenAgreement()}) {}

  void PushOne(const std::string& request_id) {
    const auto pushed = Push(world_, "police", TestOptions(request_id, {"idva"}));
    ASSERT_EQ(pushed.status(), absl::OkStatus());
  }
  agency::v1::SubmissionState StateOf(const std::string& request_id) {
    const auto submission = GetSubmission(world_, "police", request_id);
    EXPECT_EQ(submission.status(), absl::OkStatus());
    return submission.ok() ? submission->state() : SUBMISSION_STATE_UNSPECIFIED;
  }
  void KillAndRestart(const std::string& agency) {
    world_.process(agency).Kill();
    ASSERT_EQ(world_.Start(agency), absl::OkStatus());
  }
  // Settled, once in the Idva's inbox, stored once.
  void ExpectArrivedOnce(const std::set<std::string>& request_ids) {
    std::set<std::string> referrals;
    for (const std::string& request_id : request_ids) {
      const auto settled = AwaitState(world_, "police", request_id, SUBMISSION_STATE_SETTLED, absl::Minutes(1));
      ASSERT_EQ(settled.status(), absl::OkStatus());
      referrals.insert(settled->referral());
      ASSERT_EQ(AwaitArrival(world_, "idva", settled->referral()).status(), absl::OkStatus());
      const auto rows = TrailOfReferral(world_, "admin/alice", DigestOfName(settled->referral()));
      ASSERT_EQ(rows.status(), absl::OkStatus());
      EXPECT_EQ(std::count_if(rows->begin(), rows->end(), [](const auto& row) {
                  return row.event().type() == type::v1::EVENT_TYPE_REFERRAL_STORED;
                }), 1) << request_id;
    }
    const auto items = ListInbox(world_, "idva");
    ASSERT_EQ(items.status(), absl::OkStatus());
    std::vector<std::string> arrived;
    for (const auto& item : *items) arrived.push_back(item.referral());
    EXPECT_THAT(arrived, ::testing::UnorderedElementsAreArray(referrals));
  }
  // Holds a submission in PREPARED, the broker paused. It is prepared while several IMMEDIATE ones wait, which overtake
  // before it is sent; the broker answers a few milliseconds at a time until that is seen.
  void HoldInPrepared() {
    bool held = false;
    for (int attempt = 0; attempt < kAttemptsMax && !held; ++attempt) {
      world_.process(kBroker).Pause();
      PushNext(/*immediate=*/false);
      for (int i = 0; i < kOvertaking; ++i) PushNext(/*immediate=*/true);
      PushNext(/*immediate=*/false);
      Eventually(kStartTime, [&] {
        held = CountOf(SUBMISSION_STATE_PREPARED) > 0;
        if (held || CountOf(SUBMISSION_STATE_SETTLED) == static_cast<int>(ids_.size())) return true;
        world_.process(kBroker).Resume();
        Eventually(kSlice, [] { return false; });
        world_.process(kBroker).Pause();
        return false;
      });
      if (!held) world_.process(kBroker).Resume();
    }
    ASSERT_TRUE(held) << "no submission was seen in PREPARED";
  }
  void PushNext(bool immediate) {
    auto options = TestOptions(fmt::format("kill-push-{:03}", ids_.size()), {"idva"});
    options.set_immediate(immediate);
    ASSERT_EQ(Push(world_, "police", options).status(), absl::OkStatus());
    ids_.insert(options.request_id());
  }
  int CountOf(agency::v1::SubmissionState state) {
    const auto submissions = ListSubmissions(world_, "police");
    EXPECT_EQ(submissions.status(), absl::OkStatus());
    return submissions.ok() ? static_cast<int>(std::count_if(submissions->begin(), submissions->end(), [&](const auto& row) {
      return row.state() == state;
    })) : 0;
  }

  std::set<std::string> ids_;  // Of PushNext.
  World world_;
};

TEST_F(AgencyKillTest, KilledInAcceptedWhileTheBrokerIsAway) {
  ASSERT_EQ(world_.Start("police"), absl::OkStatus());
  PushOne("accepted-1");
  EXPECT_EQ(StateOf("accepted-1"), SUBMISSION_STATE_ACCEPTED);
  KillAndRestart("police");
  EXPECT_EQ(StateOf("accepted-1"), SUBMISSION_STATE_ACCEPTED);
  PushOne("accepted-1");  // The records system, which was not told, pushes again.
  KillAndRestart("police");
  ASSERT_EQ(world_.Start(kBroker), absl::OkStatus());
  ASSERT_EQ(world_.Start("idva"), absl::OkStatus());
  ExpectArrivedOnce({"accepted-1"});
}

// Records of a night: so many that the service is killed amid them, however quick the machine.
std::string NightFile(int records, std::set<std::string>& request_ids) {
  std::string text =
      "options.recipients[0],options.basis.victim_awareness,options.basis.consent,options.basis.article6,options.basis.article9,force,reference,is_crime,"
      "happened,summary,victim.family_name,victim.given_names,victim.dates_of_birth[0],risk_grade,instrument,instrument_version\n";
  for (int i = 1; i <= records; ++i) {
    text += fmt::format("idva,informed,given,public-task,safeguarding,98,{0}/26,true,2026-03-14T20:10:00Z,What happened.,Family{0},Given,1991-04-17,medium,DARA,1.0\n", i);
    request_ids.insert(fmt::format("ReportIncident/98/crime/{}/26.v1", i));
  }
  return text;
}

TEST_F(AgencyKillTest, KilledWhileItWorksTheWatchedFolder) {
  constexpr int kRecords = 150, kBlows = 3;
  const std::string folder = world_.path("police/folder"), name = "ReportIncident.night.csv", config = world_.path("police.toml");
  const auto text = ReadFile(config);
  ASSERT_EQ(text.status(), absl::OkStatus());
  ASSERT_EQ(WriteFileDurably(config, *text + "[folder]\ndirectory = \"police/folder\"\nworker = \"records-system\"\npoll_interval = \"200ms\"\n"), absl::OkStatus());
  ASSERT_EQ(world_.Start("police"), absl::OkStatus());  // The broker is away: each record is durable here, and nowhere else.
  std::set<std::string> expected;
  ASSERT_EQ(WriteFileDurably(world_.path("night.csv"), NightFile(kRecords, expected)), absl::OkStatus());
  fs::rename(world_.path("night.csv"), folder + "/in/" + name);
  const auto pushed = [&] {
    const auto submissions = ListSubmissions(world_, "police");
    return submissions.ok() ? static_cast<int>(submissions->size()) : 0;
  };
  int amid = 0;
  for (int blow = 0; blow < kBlows; ++blow) {
    const int before = pushed();
    EXPECT_TRUE(Eventually(kStartTime, [&] { return pushed() > before || !fs::exists(folder + "/in/" + name); }));
    world_.process("police").Kill();
    amid += fs::exists(folder + "/in/" + name) ? 1 : 0;
    ASSERT_EQ(world_.StartToBeCaught("police"), absl::OkStatus());
  }
  EXPECT_GE(amid, 1) << "it was never killed amid the file";
  ASSERT_TRUE(Eventually(kStartTime, [&] { return fs::exists(folder + "/done/" + name); }));
  EXPECT_FALSE(fs::exists(folder + "/in/" + name));
  EXPECT_TRUE(fs::is_empty(folder + "/rejected"));

  ASSERT_EQ(world_.Start(kBroker), absl::OkStatus());
  ASSERT_EQ(world_.Start("idva"), absl::OkStatus());
  ASSERT_TRUE(Eventually(absl::Minutes(1), [&] { return CountOf(SUBMISSION_STATE_SETTLED) == kRecords; }));
  std::set<std::string> ids, referrals;
  const auto settled = ListSubmissions(world_, "police");
  ASSERT_EQ(settled.status(), absl::OkStatus());
  for (const auto& row : *settled) {
    ids.insert(row.request_id());
    referrals.insert(row.referral());
  }
  EXPECT_EQ(settled->size(), static_cast<size_t>(kRecords)) << "each record is one push";
  EXPECT_EQ(ids, expected);
  std::vector<std::string> arrived;
  ASSERT_TRUE(Eventually(absl::Minutes(1), [&] {
    arrived.clear();
    const auto items = ListInbox(world_, "idva");
    if (!items.ok()) return false;
    for (const auto& item : *items) arrived.push_back(item.referral());
    return arrived.size() >= referrals.size();
  }));
  EXPECT_THAT(arrived, ::testing::UnorderedElementsAreArray(referrals));
  // What became of each is in the one result, once all have settled.
  EXPECT_TRUE(Eventually(absl::Minutes(2), [&] {
    const auto json = ReadFile(folder + "/done/" + name + ".result.json", 64u << 20);
    if (!json.ok()) return false;
    const auto result = nlohmann::json::parse(*json, nullptr, /*allow_exceptions=*/false);
    if (!result.is_object() || result.at("records").size() != kRecords) return false;
    return std::all_of(result.at("records").begin(), result.at("records").end(), [](const auto& row) { return row.at("state") == "SETTLED"; });
  }));
}

TEST_F(AgencyKillTest, KilledInPreparedAndInSent) {
  ASSERT_EQ(world_.StartAll({"police", "idva"}), absl::OkStatus());
  HoldInPrepared();
  if (HasFatalFailure()) return;
  world_.process("police").Kill();  // In PREPARED.
  ASSERT_EQ(world_.Start("police"), absl::OkStatus());
  EXPECT_GE(CountOf(SUBMISSION_STATE_PREPARED) + CountOf(SUBMISSION_STATE_SENT) + CountOf(SUBMISSION_STATE_SETTLED), 1);
  // What is prepared goes next, and waits for an answer that does not come.
  ASSERT_TRUE(Eventually(kStartTime, [&] { return CountOf(SUBMISSION_STATE_SENT) >= 1; }));
  world_.process("police").Kill();  // In SENT: the broker may yet carry it out.
  world_.process(kBroker).Resume();
  ASSERT_EQ(world_.Start("police"), absl::OkStatus());
  ExpectArrivedOnce(ids_);
  // In SETTLED nothing is done again.
  KillAndRestart("police");
  ExpectArrivedOnce(ids_);
}

TEST_F(AgencyKillTest, APolicyThatChangedMeanwhileDecides) {
  ASSERT_EQ(world_.StartAll({"police"}), absl::OkStatus());
  HoldInPrepared();
  if (HasFatalFailure()) return;
  world_.process("police").Kill();
  world_.process(kBroker).Resume();
  ASSERT_EQ(world_.ChangeAgreement(OpenAgreement("open-2", kWithoutChildren)), absl::OkStatus());
  ASSERT_EQ(world_.Start("police"), absl::OkStatus());
  ASSERT_EQ(world_.Start("idva"), absl::OkStatus());
  ExpectArrivedOnce(ids_);
  const auto items = ListInbox(world_, "idva");
  ASSERT_EQ(items.status(), absl::OkStatus());
  for (const auto& item : *items) {
    EXPECT_THAT(item.categories(), Contains(type::v1::CATEGORY_IDENTITY));
    if (item.lane() == type::v1::LANE_IMMEDIATE) continue;  // Danger now waives what an agreement lacks.
    EXPECT_THAT(item.categories(), Not(Contains(type::v1::CATEGORY_CHILDREN)));
    EXPECT_THAT(item.categories(), Not(Contains(type::v1::CATEGORY_ALLEGED_PERPETRATOR)));
  }
}

TEST_F(AgencyKillTest, APolicyThatWouldShareMoreAsksAPerson) {
  ASSERT_EQ(world_.StartAll({"police"}), absl::OkStatus());
  // Those that had been prepared narrowly wait for a person; those that had not go as the policy now is. One that was sent between being seen and the
  // kill is among the latter: the broker finds it when it goes on, and carries it out before the policy changes.
  for (int attempt = 0, waiting = 0; waiting == 0; ++attempt) {
    ASSERT_LT(attempt, kAttemptsMax) << "none that was prepared waits";
    ASSERT_EQ(world_.ChangeAgreement(OpenAgreement(fmt::format("narrow-{}", attempt), kWithoutChildren)), absl::OkStatus());
    HoldInPrepared();
    if (HasFatalFailure()) return;
    world_.process("police").Kill();
    world_.process(kBroker).Resume();
    ASSERT_EQ(world_.ChangeAgreement(OpenAgreement(fmt::format("wide-{}", attempt))), absl::OkStatus());
    ASSERT_EQ(world_.Start("police"), absl::OkStatus());
    int settled = 0;
    ASSERT_TRUE(Eventually(absl::Minutes(1), [&] {
      waiting = CountOf(SUBMISSION_STATE_NEEDS_PERSON);
      settled = CountOf(SUBMISSION_STATE_SETTLED);
      return waiting + settled == static_cast<int>(ids_.size());
    })) << waiting << " wait for a person, " << settled << " are settled, of " << ids_.size();
  }
  ASSERT_EQ(world_.Start("idva"), absl::OkStatus());
  const auto submissions = ListSubmissions(world_, "police");
  ASSERT_EQ(submissions.status(), absl::OkStatus());
  for (const auto& row : *submissions) {
    if (row.state() != SUBMISSION_STATE_NEEDS_PERSON) continue;
    EXPECT_THAT(row.waiting_for(), ::testing::HasSubstr("DECISION_CHANGED"));
    agency::v1::ResolveSubmissionRequest resolve;
    resolve.set_request_id(row.request_id());
    *resolve.mutable_worker() = TestWorker("supervisor-1");
    resolve.set_send(true);
    ASSERT_EQ(rpc::CallUnary(*world_.Own<OutboxService>("police"), &OutboxService::Stub::ResolveSubmission, resolve, kCallTime).status(),
              absl::OkStatus());
  }
  ExpectArrivedOnce(ids_);
}

TEST_F(AgencyKillTest, WhatWaitsForARecipientIsDecidedAtItsRelease) {
  ASSERT_EQ(world_.StartAll({"police"}), absl::OkStatus());
  PushOne("waiting-1");
  const auto settled = AwaitState(world_, "police", "waiting-1", SUBMISSION_STATE_SETTLED);
  ASSERT_EQ(settled.status(), absl::OkStatus());
  EXPECT_TRUE(std::any_of(settled->decisions().begin(), settled->decisions().end(), [](const auto& decision) {
    return decision.category() == type::v1::CATEGORY_CHILDREN && decision.verdict() == type::v1::VERDICT_PERMIT;
  }));
  ASSERT_EQ(world_.ChangeAgreement(OpenAgreement("open-2", kWithoutChildren)), absl::OkStatus());
  ASSERT_EQ(world_.Start("idva"), absl::OkStatus());
  const auto item = AwaitArrival(world_, "idva", settled->referral());
  ASSERT_EQ(item.status(), absl::OkStatus());
  EXPECT_THAT(item->categories(), ::testing::UnorderedElementsAre(type::v1::CATEGORY_IDENTITY, type::v1::CATEGORY_SAFE_CONTACT,
                                                                  type::v1::CATEGORY_RISK, type::v1::CATEGORY_INCIDENT));
  const auto rows = TrailOfReferral(world_, "admin/alice", DigestOfName(settled->referral()));
  ASSERT_EQ(rows.status(), absl::OkStatus());
  const auto released = std::find_if(rows->begin(), rows->end(), [](const auto& row) {
    return row.event().type() == type::v1::EVENT_TYPE_RELEASED && row.referral().recipient() == "idva";
  });
  ASSERT_NE(released, rows->end());
  EXPECT_EQ(released->event().agreement_version(), "open-2");
  EXPECT_EQ(released->referral().section_digests_size(), 4);
}

TEST_F(AgencyKillTest, WhatNobodyMayHaveAnyMoreIsNotReleased) {
  ASSERT_EQ(world_.StartAll({"police"}), absl::OkStatus());
  PushOne("withheld-1");
  const auto settled = AwaitState(world_, "police", "withheld-1", SUBMISSION_STATE_SETTLED);
  ASSERT_EQ(settled.status(), absl::OkStatus());
  ASSERT_EQ(world_.ChangeAgreement(OpenAgreement("responses", kResponsesOnly)), absl::OkStatus());
  ASSERT_EQ(world_.Start("idva"), absl::OkStatus());
  std::vector<inspection::v1::TrailRow> rows;
  EXPECT_TRUE(Eventually(kStartTime, [&] {
    auto trail = TrailOfReferral(world_, "admin/alice", DigestOfName(settled->referral()));
    if (!trail.ok()) return false;
    rows = *std::move(trail);
    return std::any_of(rows.begin(), rows.end(), [](const auto& row) {
      return row.event().type() == type::v1::EVENT_TYPE_WITHHELD_AT_RELEASE;
    });
  }));
  for (const auto& row : rows) {  // What its sender is told of the dead letter is released, to it alone.
    EXPECT_FALSE(row.event().type() == type::v1::EVENT_TYPE_RELEASED && row.referral().recipient() == "idva");
  }
  // Whatever comes after it, it has not come.
  ASSERT_EQ(world_.ChangeAgreement(OpenAgreement("open-3")), absl::OkStatus());
  PushOne("withheld-2");
  const auto second = AwaitState(world_, "police", "withheld-2", SUBMISSION_STATE_SETTLED);
  ASSERT_EQ(second.status(), absl::OkStatus());
  ASSERT_EQ(AwaitArrival(world_, "idva", second->referral()).status(), absl::OkStatus());
  const auto items = ListInbox(world_, "idva");
  ASSERT_EQ(items.status(), absl::OkStatus());
  EXPECT_EQ(items->size(), 1u);
}

}  // namespace
}  // namespace accord::tests::agency_kill_test

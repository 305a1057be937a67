// What happens after something was shared, over the real programs and as people work it with accordctl: consent withdrawn, a safe
// contact corrected, a misdirected referral recalled, each told to every holder, answered, and seen by the sender; a decision not to
// share; the register. Services are killed on the way.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/base/status.h"
#include "tests/system/ctl.h"
#include "tests/system/traffic.h"

namespace accord::tests::change_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ChangeTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(world_.StartAll(), absl::OkStatus()); }

  Ran Ctl(const std::vector<std::string>& words) { return RunCtl(world_, words); }
  void Done(const std::vector<std::string>& words) {
    const Ran ran = Ctl(words);
    EXPECT_EQ(ran.exit_status, 0) << ::testing::PrintToString(words) << ran.output;
  }
  nlohmann::json Json(std::vector<std::string> words) {
    words.emplace_back("--json");
    return JsonOf(Ctl(words));
  }
  // Police push, and it arrives at `recipients`.
  std::string Shared(const agency::v1::PushOptions& options) {
    const auto pushed = Push(world_, "police", options);
    EXPECT_EQ(pushed.status(), absl::OkStatus());
    if (!pushed.ok()) return "";
    EXPECT_EQ(pushed->state(), agency::v1::SUBMISSION_STATE_SETTLED) << pushed->ShortDebugString();
    for (const std::string& agency : options.recipients()) {
      EXPECT_EQ(AwaitArrival(world_, agency, pushed->referral()).status(), absl::OkStatus());
    }
    return pushed->referral();
  }
  std::string Shared(const std::string& id) { return Shared(TestOptions(id, {"idva", "childrens"}, /*wait_ms=*/20'000)); }
  agency::v1::InboxItem Item(const std::string& agency, const std::string& referral) {
    const auto item = AwaitArrival(world_, agency, referral);
    EXPECT_EQ(item.status(), absl::OkStatus());
    return item.value_or(agency::v1::InboxItem());
  }
  // Whether the agency comes to have a statement on what it sent of which this is true.
  bool Said(const std::string& agency, const std::string& id, const std::function<bool(const agency::v1::ReceivedStatement&)>& is) {
    return Eventually(kStartTime, [&] {
      const auto submission = GetSubmission(world_, agency, id);
      if (!submission.ok()) return false;
      for (const auto& statement : submission->statements()) {
        if (is(statement)) return true;
      }
      return false;
    });
  }
  // What each holder of a submission answered to its newest change, by `referral holders`.
  std::map<std::string, std::string> Answers(const std::string& id) {
    std::map<std::string, std::string> answers;
    const auto listed = Json({"--as", "police", "referral", "holders", id});
    if (!listed.is_object() || !listed.contains("holders")) return answers;
    for (const auto& holder : listed["holders"]) answers[holder["agency"]] = holder["answer"];
    return answers;
  }

  World world_;
};

TEST_F(ChangeTest, ConsentIsWithdrawnToldAndAnswered) {
  const std::string referral = Shared("NSP-2026-1/1");
  Done({"--as", "idva", "inbox", "read", referral});
  Done({"--as", "police", "referral", "consent", "NSP-2026-1/1", "--awareness", "informed", "--consent", "withdrawn", "--article6", "public-task"});
  for (const char* agency : {"idva", "childrens"}) {
    EXPECT_TRUE(Eventually(kStartTime, [&] { return Item(agency, referral).answer_due_ms() != 0; })) << agency;
    EXPECT_TRUE(Item(agency, referral).consent_changed());
  }
  world_.process("idva").Kill();
  ASSERT_EQ(world_.Start("idva"), absl::OkStatus());
  Done({"--as", "idva", "referral", "answer", referral, "stopped"});
  Done({"--as", "childrens", "referral", "answer", referral, "kept-on-basis", "--article6", "legal-obligation"});
  EXPECT_EQ(Item("idva", referral).answer_due_ms(), 0);
  const std::map<std::string, std::string> all = {{"idva", "CHANGE_ANSWER_STOPPED"}, {"childrens", "CHANGE_ANSWER_KEPT_ON_BASIS"}};
  EXPECT_EQ(Answers("NSP-2026-1/1"), all) << Ctl({"--as", "police", "referral", "holders", "NSP-2026-1/1"}).output;
  EXPECT_TRUE(Eventually(kStartTime, [&] {
    return Ctl({"--as", "police", "referral", "show", "NSP-2026-1/1"}).output.find("kept on basis: legal obligation") != std::string::npos;
  }));
}

// Returned for what lacks, corrected, and withdrawn in the end; as its people work it.
TEST_F(ChangeTest, AReturnedReferralIsCorrectedAndWithdrawn) {
  const std::string older = Shared("NSP-2026-5/1");
  Done({"--as", "idva", "inbox", "read", older});
  Done({"--as", "idva", "inbox", "return", older, "--lacks", "safe-contact-missing", "risk-not-assessed"});
  EXPECT_EQ(Item("idva", older).state(), type::v1::REFERRAL_STATE_RETURNED);
  EXPECT_TRUE(Said("police", "NSP-2026-5/1", [](const agency::v1::ReceivedStatement& s) { return s.return_reasons_size() == 2; }));
  EXPECT_THAT(Ctl({"--as", "police", "referral", "show", "NSP-2026-5/1"}).output, HasSubstr("safe contact missing"));
  // What has come to no end may not be closed by whoever has not answered it; and police have nothing in their inbox to return.
  Done({"--as", "childrens", "inbox", "read", older});
  EXPECT_EQ(Ctl({"--as", "childrens", "inbox", "close", older, "completed"}).exit_status, 1);
  Done({"--as", "childrens", "inbox", "decide", older, "--decision", "section-47", "--threshold", "significant-harm", "--reason-code", "harm/4.2",
        "--decision-maker", "m-2", "--decision-maker-role", "supervisor"});
  EXPECT_TRUE(Said("police", "NSP-2026-5/1", [](const agency::v1::ReceivedStatement& s) {
    return s.threshold() == type::v1::CONTACT_THRESHOLD_SIGNIFICANT_HARM && s.decision_reason() == "harm/4.2";
  }));

  auto options = TestOptions("NSP-2026-5/2", {"idva", "childrens"}, /*wait_ms=*/20'000);
  options.set_corrects("NSP-2026-5/1");
  const std::string newer = Shared(options);
  Done({"--as", "idva", "inbox", "read", newer});
  Done({"--as", "idva", "inbox", "accept", newer});
  Done({"--as", "idva", "inbox", "action", newer, "safety-plan-made"});
  EXPECT_EQ(Item("idva", newer).state(), type::v1::REFERRAL_STATE_ACTION_RECORDED);

  // The older version was replaced: the newer one is withdrawn.
  EXPECT_EQ(Ctl({"--as", "police", "referral", "withdraw", "NSP-2026-5/1", "not-wanted"}).exit_status, 1);
  Done({"--as", "police", "referral", "withdraw", "NSP-2026-5/2", "not-wanted"});
  for (const char* agency : {"idva", "childrens"}) {
    EXPECT_TRUE(Eventually(kStartTime, [&] { return Item(agency, newer).withdrawn(); })) << agency;
    EXPECT_EQ(Item(agency, newer).state(), type::v1::REFERRAL_STATE_WITHDRAWN) << agency;
  }
  EXPECT_EQ(Item("idva", newer).answer_due_ms(), 0);
  EXPECT_EQ(Ctl({"--as", "idva", "inbox", "outcome", newer, "--code", "engaged"}).exit_status, 1);
  EXPECT_EQ(Ctl({"--as", "childrens", "inbox", "read", newer}).exit_status, 1) << "nobody had opened it";
  Done({"--as", "idva", "inbox", "read", newer});
  EXPECT_THAT(Ctl({"--as", "idva", "inbox", "list"}).output, HasSubstr("withdrawn:"));
}

// A Marac, by the agency that coordinates it; the others are its members.
TEST_F(ChangeTest, AForumIsWalkedByItsCoordinatorAlone) {
  admin::v1::Change change;
  auto& forum = *change.mutable_put_forum()->mutable_forum();
  forum.set_id("marac-northshire");
  for (const char* member : {"police", "childrens", "housing", "health", "idva"}) forum.add_members(member);
  forum.set_coordinator("police");
  forum.set_active(true);
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  Done({"--as", "idva", "referral", "submit", World::Source("deploy/samples/01-marac-three-children-refuge.json"), "--wait", "20", "--strict"});
  const auto sent = GetSubmission(world_, "idva", "marac-2026-0311/1");
  ASSERT_EQ(sent.status(), absl::OkStatus());
  const std::string referral = sent->referral();
  for (const char* agency : {"police", "housing"}) {
    ASSERT_EQ(AwaitArrival(world_, agency, referral).status(), absl::OkStatus());
    Done({"--as", agency, "inbox", "read", referral});
    Done({"--as", agency, "inbox", "accept", referral});
  }
  const std::vector<std::string> listed = {"inbox", "forum", referral, "listed", "--meeting", "2027-03-31T09:30:00Z"};
  const auto as = [](const std::string& agency, const std::vector<std::string>& words) {
    std::vector<std::string> all = {"--as", agency};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  };
  const Ran refused = Ctl(as("housing", listed));
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.output, HasSubstr("TRANSITION_ILLEGAL"));
  EXPECT_EQ(Item("housing", referral).state(), type::v1::REFERRAL_STATE_ACCEPTED);
  Done(as("police", listed));
  Done({"--as", "police", "inbox", "forum", referral, "deferred", "--meeting", "2027-04-14T09:30:00Z"});
  Done(as("police", {"inbox", "forum", referral, "listed", "--meeting", "2027-04-14T09:30:00Z"}));
  Done({"--as", "police", "inbox", "forum", referral, "research-requested"});
  Done({"--as", "police", "inbox", "forum", referral, "heard"});
  Done({"--as", "police", "inbox", "action", referral, "flag-and-tag"});
  Done({"--as", "police", "inbox", "close", referral, "completed"});
  EXPECT_EQ(Item("police", referral).state(), type::v1::REFERRAL_STATE_CLOSED);
  EXPECT_TRUE(Said("idva", "marac-2026-0311/1", [](const agency::v1::ReceivedStatement& s) { return s.meeting_at_ms() == 1'806'485'400'000; }));
  EXPECT_TRUE(Said("idva", "marac-2026-0311/1", [](const agency::v1::ReceivedStatement& s) {
    return s.agency() == "police" && s.close_reason() == type::v1::CLOSE_REASON_COMPLETED;
  }));
}

TEST_F(ChangeTest, ASafeContactIsCorrectedAndTheOldValueMarked) {
  const std::string older = Shared("NSP-2026-2/1");
  auto options = TestOptions("NSP-2026-2/2", {"idva", "childrens"}, /*wait_ms=*/20'000);
  options.set_corrects("NSP-2026-2/1");
  options.set_safe_contact_change(true);
  const std::string newer = Shared(options);
  for (const char* agency : {"idva", "childrens"}) {
    const auto item = Item(agency, older);
    EXPECT_TRUE(item.do_not_use()) << agency;
    EXPECT_EQ(item.corrected_by(), newer);
    EXPECT_EQ(Item(agency, newer).corrects(), older);
    Done({"--as", agency, "referral", "answer", older, "confirmed"});
  }
  EXPECT_THAT(Ctl({"--as", "idva", "inbox", "list"}).output, HasSubstr("do not use"));
  const Ran read = Ctl({"--as", "idva", "inbox", "read", newer});
  EXPECT_EQ(read.exit_status, 0) << read.output;
  // The older version can still be recalled: somebody may hold it.
  Done({"--as", "police", "referral", "recall", "NSP-2026-2/1", "--reason", "wrong-content"});
}

TEST_F(ChangeTest, WhatWasMisdirectedIsRecalledDestroyedAndAssessed) {
  const std::string referral = Shared("NSP-2026-3/1");
  Done({"--as", "idva", "inbox", "read", referral});
  Done({"--as", "police", "referral", "recall", "NSP-2026-3/1", "--reason", "wrong-person"});
  for (const char* agency : {"idva", "childrens"}) {
    EXPECT_TRUE(Eventually(kStartTime, [&] { return Item(agency, referral).recalled(); })) << agency;
    const Ran read = Ctl({"--as", agency, "inbox", "read", referral});
    EXPECT_EQ(read.exit_status, 1) << read.output;
    EXPECT_THAT(read.output, Not(HasSubstr("Ashdown")));
  }
  EXPECT_EQ(Ctl({"--as", "idva", "referral", "answer", referral, "not-opened"}).exit_status, 1) << "it was read";
  Done({"--as", "idva", "referral", "answer", referral, "destroyed"});
  Done({"--as", "childrens", "referral", "answer", referral, "not-opened"});
  const std::map<std::string, std::string> all = {{"idva", "CHANGE_ANSWER_DESTROYED"}, {"childrens", "CHANGE_ANSWER_NOT_OPENED"}};
  EXPECT_EQ(Answers("NSP-2026-3/1"), all);
  EXPECT_TRUE(ListInbox(world_, "idva")->empty()) << "its copy is erased";

  const auto breaches = Json({"--as", "police", "breach", "list"});
  ASSERT_EQ(breaches["breaches"].size(), 1u) << breaches;
  EXPECT_EQ(breaches["breaches"][0]["referral"], referral);
  Done({"--as", "police", "breach", "assess", "NSP-2026-3/1", "--assessment", "no-risk"});
  EXPECT_TRUE(Json({"--as", "police", "breach", "list"})["breaches"].empty());
  EXPECT_EQ(Json({"--as-admin", "alice", "breach", "list", "--assessed"})["breaches"].size(), 1u);
}

TEST_F(ChangeTest, WhatIsNotSharedIsRecordedAndCounted) {
  Shared("NSP-2026-4/1");
  Done({"--as", "police", "referral", "not-shared", "--with", "housing", "--purpose", "safeguarding-adult", "--reason", "no-consent-no-basis",
        "--awareness", "informed", "--consent", "refused", "--rationale", "nobody is in danger"});
  EXPECT_TRUE(ListInbox(world_, "housing")->empty());
  const auto listed = Json({"--as", "police", "sharing", "list", "--class", "not-shared"});
  ASSERT_EQ(listed["sharing"].size(), 1u) << listed;
  EXPECT_EQ(listed["sharing"][0]["recipient"], "housing");
  EXPECT_EQ(listed["sharing"][0]["notSharedReason"], "NOT_SHARED_REASON_NO_CONSENT_NO_BASIS");
  std::map<std::string, std::string> counts;
  const auto counted = Json({"--as-admin", "alice", "sharing", "count"});
  for (const auto& row : counted["counts"]) counts[row["sharingClass"]] = row["count"];
  EXPECT_EQ(counts["SHARING_CLASS_NOT_SHARED"], "1");
  EXPECT_EQ(counts["SHARING_CLASS_WITH_CONSENT"], "2");

  // Told by telephone: on the record, and no mailbox has more than before.
  Done({"--as", "police", "referral", "sent-outside", "--to", "housing", "--by", "telephone", "--at", "2026-01-05T02:10:00Z", "--of",
        "NSP-2026-4/1", "--purpose", "safeguarding-adult", "--awareness", "informed", "--consent", "given", "--article6", "public-task"});
  EXPECT_TRUE(ListInbox(world_, "housing")->empty());
  EXPECT_EQ(Json({"--as", "police", "sharing", "list", "--class", "sent-outside"})["sharing"][0]["recipient"], "housing");
}

TEST_F(ChangeTest, WhatWentUnderTheEmergencyScheduleAloneIsReviewedBySomebodyElse) {
  auto options = TestOptions("NSP-2026-5/1", {"housing"}, /*wait_ms=*/20'000);
  options.set_recipients(0, "idva");
  options.set_immediate(true);
  options.mutable_basis()->set_consent(type::v1::CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE);
  options.mutable_basis()->set_victim_awareness(type::v1::VICTIM_AWARENESS_NOT_INFORMED_UNSAFE);
  const auto pushed = Push(world_, "police", options);
  ASSERT_EQ(pushed.status(), absl::OkStatus());
  ASSERT_EQ(pushed->state(), agency::v1::SUBMISSION_STATE_SETTLED) << pushed->ShortDebugString();
  const auto gaps = Json({"--as", "police", "gap", "list"});
  ASSERT_EQ(gaps["gaps"].size(), 1u) << gaps;
  EXPECT_EQ(gaps["gaps"][0]["worker"], "worker-1");
  const Ran own = Ctl({"--as", "police", "--worker", "worker-1", "gap", "review", "NSP-2026-5/1", "--review", "justified-as-it-stands"});
  EXPECT_EQ(own.exit_status, 1);
  EXPECT_THAT(own.output, HasSubstr("SELF_REVIEW"));
  Done({"--as", "police", "--worker", "worker-2", "gap", "review", "NSP-2026-5/1", "--review", "justified-as-it-stands"});
  EXPECT_TRUE(Json({"--as", "police", "gap", "list"})["gaps"].empty());
  EXPECT_EQ(Json({"--as-admin", "alice", "gap", "list", "--reviewed"})["gaps"].size(), 1u);
}

}  // namespace
}  // namespace accord::tests::change_test

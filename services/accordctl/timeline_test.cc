// Goal: a timeline says of each recipient what it got, what not and why, how long each step waited and where the record is silent; and its
// page is the same bytes for the same rows, loads nothing and lets no text be markup. Over made-up rows.
#include "services/accordctl/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "common/console/words.h"
#include "common/crypto/digest.h"
#include "services/accordctl/timeline_html.h"

namespace accord::accordctl::timeline_test {
namespace {

using type::v1::EntryEvent;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kStart = 1'793'700'000'000;  // 3 Nov 2026 10:00, London.
constexpr int64_t kMinute = 60'000, kHour = 60 * kMinute, kDay = 24 * kHour;

class TimelineTest : public ::testing::Test {
 protected:
  CheckedRow& Row(int64_t after_ms, type::v1::EventType type, const std::string& recipient = "", type::v1::StatementKind statement = type::v1::STATEMENT_KIND_UNSPECIFIED) {
    CheckedRow& row = rows.emplace_back();
    row.index = 10 + rows.size();
    row.leaf.time_ms = static_cast<uint64_t>(kStart + after_ms);
    row.event.emplace().set_type(type);
    row.event->set_statement(statement);
    row.actor.emplace().set_principal(recipient.empty() ? "agency/police" : "agency/" + recipient);
    row.referral.emplace().set_header_digest(std::string(32, '\xd1'));
    row.referral->set_sender("police");
    row.referral->set_recipient(recipient);
    return row;
  }
  CheckedRow& Statement(int64_t after_ms, const std::string& recipient, type::v1::StatementKind kind) {
    return Row(after_ms, type::v1::EVENT_TYPE_STATEMENT, recipient, kind);
  }
  CheckedRow& Overdue(int64_t after_ms, type::v1::EventType type, const std::string& recipient, int64_t due_after_ms) {
    CheckedRow& row = Row(after_ms, type, recipient);
    row.event->set_due_at_ms(kStart + due_after_ms);
    row.event->set_clock_version("2026-2");
    row.event->set_reminder(1);
    return row;
  }
  static void Decide(CheckedRow& row, const std::string& recipient, char section, type::v1::Category category, type::v1::Verdict verdict,
                     const std::string& reason = "") {
    if (!row.decisions.has_value()) row.decisions.emplace();
    auto& decision = *row.decisions->add_decisions();
    decision.set_section_id(std::string(16, section));
    decision.set_category(category);
    decision.set_recipient(recipient);
    decision.set_verdict(verdict);
    decision.set_reason(reason);
  }

  // Police to idva, which is late, and to housing, which never opens; childrens may have nothing.
  void TellAStory() {
    using namespace type::v1;
    CheckedRow& stored = Row(0, EVENT_TYPE_REFERRAL_STORED);
    stored.event->set_agreement_version("2026-1");
    for (const char* recipient : {"idva", "housing", "childrens"}) {
      const bool child = std::string(recipient) == "childrens";
      Decide(stored, recipient, 'a', CATEGORY_RISK, child ? VERDICT_WITHHOLD : VERDICT_PERMIT, child ? "no route of an agreement" : "");
      Decide(stored, recipient, 'b', CATEGORY_NARRATIVE, std::string(recipient) == "idva" ? VERDICT_PERMIT : VERDICT_WITHHOLD, "not <b>for</b> housing");
    }
    Row(kMinute, EVENT_TYPE_RELEASED, "idva");
    Row(2 * kMinute, EVENT_TYPE_DELIVERED, "idva");
    Row(3 * kMinute, EVENT_TYPE_RELEASED, "housing");
    Row(4 * kMinute, EVENT_TYPE_DELIVERED, "housing");
    Overdue(kHour, EVENT_TYPE_PICK_UP_OVERDUE, "idva", kHour);
    Overdue(kDay, EVENT_TYPE_PICK_UP_OVERDUE, "housing", kHour);
    Statement(kDay + 3 * kHour, "idva", STATEMENT_KIND_OPENED);
    Statement(kDay + 4 * kHour, "idva", STATEMENT_KIND_ACCEPTED);
    Overdue(2 * kDay, EVENT_TYPE_PICK_UP_OVERDUE, "housing", 2 * kDay);
    Row(3 * kDay, EVENT_TYPE_CASE_FLAGGED).event->add_case_flags(CASE_FLAG_MARAC_REPEAT);
    Statement(5 * kDay, "", STATEMENT_KIND_CONSENT_CHANGE);
    Statement(30 * kDay, "idva", STATEMENT_KIND_OUTCOME);
    Row(60 * kDay, EVENT_TYPE_TRAIL_QUERIED);
  }
  Timeline Made(const std::string& only = "") const {
    return MakeTimeline(rows, "Case c0de", {.origin = "accord.example/test", .completeness = "attested", .query_index = 24, .every_entry = true, .checkpoint_size = 25, .checkpoint_root = "ab12"}, only);
  }
  static const TimelineParty* Find(const Timeline& timeline, const std::string& agency) {
    for (const TimelineReferral& referral : timeline.referrals) {
      for (const TimelineParty& party : referral.parties) {
        if (party.agency == agency) return &party;
      }
    }
    return nullptr;
  }

  std::vector<CheckedRow> rows;
};

TEST_F(TimelineTest, SaysWhoGotWhatAndWhyNot) {
  TellAStory();
  const Timeline timeline = Made();
  ASSERT_EQ(timeline.referrals.size(), 1u);
  EXPECT_EQ(timeline.referrals[0].sender, "police");
  EXPECT_EQ(timeline.referrals[0].agreement, "2026-1");
  EXPECT_THAT(Find(timeline, "idva")->gets, ElementsAre("narrative", "risk"));
  EXPECT_TRUE(Find(timeline, "idva")->withheld.empty());
  EXPECT_THAT(Find(timeline, "housing")->gets, ElementsAre("risk"));
  ASSERT_EQ(Find(timeline, "housing")->withheld.size(), 1u);
  EXPECT_EQ(Find(timeline, "housing")->withheld[0].section, "narrative");
  EXPECT_EQ(Find(timeline, "housing")->withheld[0].reason, "not <b>for</b> housing");
  // Who gets nothing waits for nothing.
  EXPECT_EQ(Find(timeline, "childrens")->stands, "gets nothing");
  EXPECT_TRUE(Find(timeline, "childrens")->waits.empty());
  EXPECT_THAT(timeline.flags, ElementsAre("marac repeat"));
}

TEST_F(TimelineTest, SaysHowLongEachWaitedAgainstItsDeadline) {
  TellAStory();
  const TimelineParty idva = *Find(Made(), "idva");
  ASSERT_EQ(idva.waits.size(), 4u);
  EXPECT_EQ(WaitText(idva.waits[0]), TimelineTime(kStart + 2 * kMinute) + ", after 2 minutes");
  EXPECT_EQ(WaitText(idva.waits[1]), TimelineTime(kStart + kDay + 3 * kHour) + ", after 27 hours; OVERDUE: was due " + TimelineTime(kStart + kHour) +
                                         " by clock rules 2026-2, 26 hours late, 1 overdue entry");
  EXPECT_EQ(WaitText(idva.waits[2]), TimelineTime(kStart + kDay + 4 * kHour) + ", after 1 hour");
  EXPECT_EQ(WaitText(idva.waits[3]), TimelineTime(kStart + 30 * kDay) + ", after 28 days");
  EXPECT_TRUE(idva.silent.empty());
  EXPECT_EQ(idva.stands, "outcome");

  const TimelineParty housing = *Find(Made(), "housing");
  ASSERT_EQ(housing.waits.size(), 3u);
  EXPECT_EQ(WaitText(housing.waits[1]), "no record in Accord in 60 days; OVERDUE: was due " + TimelineTime(kStart + kHour) + " by clock rules 2026-2, 2 overdue entries");
  EXPECT_THAT(housing.silent, ElementsAre("no record in Accord that it was opened by a person", "no record in Accord that it was answered"));
}

TEST_F(TimelineTest, ADeadlineThatWasMetIsNamedByTheStatementThatMetIt) {
  using namespace type::v1;
  const auto due = [](CheckedRow& row, int64_t after_ms) -> CheckedRow& {
    row.event->set_due_at_ms(kStart + after_ms);
    row.event->set_clock_version("2026-2");
    return row;
  };
  Row(0, EVENT_TYPE_REFERRAL_STORED);
  Row(kMinute, EVENT_TYPE_RELEASED, "idva");
  // What software opened nobody has read.
  Statement(2 * kMinute, "idva", STATEMENT_KIND_OPENED).actor->mutable_worker()->set_role(WORKER_ROLE_SYSTEM);
  Statement(3 * kMinute, "idva", STATEMENT_KIND_OPENED).actor->mutable_worker()->set_authentication(AUTHENTICATION_AUTOMATIC);
  EXPECT_EQ(WaitText(Find(Made(), "idva")->waits[1]), "no record in Accord");
  due(Statement(2 * kHour, "idva", STATEMENT_KIND_OPENED), kDay);
  due(Statement(3 * kDay, "idva", STATEMENT_KIND_ACCEPTED), 3 * kDay);
  due(Statement(5 * kDay, "idva", STATEMENT_KIND_OUTCOME), 5 * kDay - 2 * kMinute);
  const std::string by = " by clock rules 2026-2";
  const TimelineParty idva = *Find(Made(), "idva");
  EXPECT_EQ(WaitText(idva.waits[1]), TimelineTime(kStart + 2 * kHour) + ", after 2 hours; in time: was due " + TimelineTime(kStart + kDay) + by);
  EXPECT_EQ(WaitText(idva.waits[2]), TimelineTime(kStart + 3 * kDay) + ", after 2 days; in time: was due " + TimelineTime(kStart + 3 * kDay) + by) << "to the last moment";
  EXPECT_EQ(WaitText(idva.waits[3]), TimelineTime(kStart + 5 * kDay) + ", after 2 days; LATE: was due " + TimelineTime(kStart + 5 * kDay - 2 * kMinute) + by + ", 2 minutes late");
  EXPECT_FALSE(idva.waits[1].overdue());
  EXPECT_THAT(Made().events[4].detail, HasSubstr("was due " + TimelineTime(kStart + kDay) + by));
  EXPECT_EQ(TimelineJson(Made())["referrals"][0]["recipients"][0]["waits"][1]["dueMs"], kStart + kDay);
}

TEST_F(TimelineTest, ClosingWhatNobodyAnsweredAnswersIt) {
  using namespace type::v1;
  Row(0, EVENT_TYPE_REFERRAL_STORED);
  Row(kMinute, EVENT_TYPE_RELEASED, "idva");
  CheckedRow& closed = Statement(kHour, "idva", STATEMENT_KIND_CLOSED);
  closed.event->set_due_at_ms(kStart + kDay);
  const TimelineParty idva = *Find(Made(), "idva");
  ASSERT_EQ(idva.waits.size(), 4u);
  EXPECT_EQ(WaitText(idva.waits[2]), TimelineTime(kStart + kHour) + ", after 1 hour; in time: was due " + TimelineTime(kStart + kDay));
  EXPECT_EQ(idva.waits[3].due_ms, 0) << "it is the answer's";
}

TEST_F(TimelineTest, WhatWasRecalledOrDeclinedIsNotWaitedFor) {
  using namespace type::v1;
  Row(0, EVENT_TYPE_REFERRAL_STORED);
  Row(kMinute, EVENT_TYPE_RELEASED, "idva");
  Statement(kHour, "idva", STATEMENT_KIND_DECLINED);
  Row(kMinute, EVENT_TYPE_RELEASED, "housing");
  Statement(kHour, "housing", STATEMENT_KIND_RECALL);
  EXPECT_TRUE(Find(Made(), "idva")->silent.empty());
  EXPECT_EQ(WaitText(Find(Made(), "idva")->waits[2]), TimelineTime(kStart + kHour) + ", after 1 hour");
  EXPECT_TRUE(Find(Made(), "housing")->silent.empty());
  EXPECT_EQ(WaitText(Find(Made(), "housing")->waits[1]), "no more due");
  EXPECT_EQ(Find(Made(), "housing")->stands, "recall");
}

TEST_F(TimelineTest, WhatWasSentIsGotWhateverIsDecidedLaterAndWhatWasNotIsNot) {
  using namespace type::v1;
  CheckedRow& stored = Row(0, EVENT_TYPE_REFERRAL_STORED);
  for (const char* recipient : {"idva", "housing"}) {
    Decide(stored, recipient, 'a', CATEGORY_NARRATIVE, VERDICT_PERMIT);
    Decide(stored, recipient, 'b', CATEGORY_NARRATIVE, VERDICT_PERMIT);
    Decide(stored, recipient, 'c', CATEGORY_RISK, VERDICT_WITHHOLD, "no route of an agreement");
  }
  // The second narrative is withheld as it leaves.
  Decide(Row(kMinute, EVENT_TYPE_RELEASED, "idva"), "idva", 'b', CATEGORY_NARRATIVE, VERDICT_WITHHOLD, "an agreement ended");
  CheckedRow& change = Statement(kDay, "", STATEMENT_KIND_CONSENT_CHANGE);
  for (const char* recipient : {"idva", "housing"}) Decide(change, recipient, 'a', CATEGORY_NARRATIVE, VERDICT_WITHHOLD, "consent was withdrawn");
  // That somebody is not told of it, which is of no section.
  auto& untold = *change.decisions->add_decisions();
  untold.set_recipient("idva");
  untold.set_verdict(VERDICT_WITHHOLD);
  const Timeline timeline = Made();
  const TimelineParty &idva = *Find(timeline, "idva"), &housing = *Find(timeline, "housing");
  EXPECT_THAT(idva.gets, ElementsAre("narrative"));
  ASSERT_EQ(idva.withheld.size(), 2u);
  EXPECT_EQ(idva.withheld[0].section, "narrative 2");
  EXPECT_EQ(idva.withheld[0].reason, "an agreement ended");
  EXPECT_EQ(idva.withheld[1].section, "risk");
  EXPECT_THAT(housing.gets, ::testing::IsEmpty()) << "nothing has left for it";
  EXPECT_THAT(housing.unsent, ElementsAre("narrative 2"));
  ASSERT_EQ(housing.withheld.size(), 2u);
  EXPECT_EQ(housing.withheld[0].reason, "consent was withdrawn");
  EXPECT_THAT(TimelinePage(timeline), HasSubstr("<li>narrative 2: permitted, and no record in Accord that it was sent</li>"));
  EXPECT_EQ(TimelineJson(timeline)["referrals"][0]["recipients"][1]["permittedNotSent"][0], "narrative 2");
}

TEST_F(TimelineTest, ADeskIsNoSecondRecipientAndARecipientIsToldItsOwnShare) {
  using namespace type::v1;
  Decide(Row(0, EVENT_TYPE_REFERRAL_STORED), "idva", 'a', CATEGORY_RISK, VERDICT_PERMIT);
  Row(kMinute, EVENT_TYPE_RELEASED, "idva").referral->set_desk(DESK_CONFIDENTIAL);
  const Timeline timeline = Made();
  ASSERT_EQ(timeline.referrals[0].parties.size(), 1u) << "one that never collected would stand beside it";
  EXPECT_EQ(timeline.referrals[0].parties[0].agency, "idva (confidential desk)");
  EXPECT_THAT(timeline.referrals[0].parties[0].gets, ElementsAre("risk"));
  // As idva itself sees it: without decisions.
  rows.erase(rows.begin());
  for (const char* digest : {"1", "2", "3"}) rows[0].referral->add_section_digests(digest);
  EXPECT_THAT(Made().referrals[0].parties[0].gets, ElementsAre("3 sections, which of them is not for this reader"));
}

TEST_F(TimelineTest, WhatTheSenderTakesBackIsWaitedForByNobodyAndItsOtherWordsChangeNothing) {
  using namespace type::v1;
  CheckedRow& stored = Row(0, EVENT_TYPE_REFERRAL_STORED);
  for (const char* recipient : {"idva", "housing", "health"}) Decide(stored, recipient, 'a', CATEGORY_RISK, VERDICT_PERMIT);
  for (const char* recipient : {"idva", "housing"}) Row(kMinute, EVENT_TYPE_RELEASED, recipient);
  Statement(kHour, "idva", STATEMENT_KIND_ACCEPTED);
  Statement(2 * kHour, "", STATEMENT_KIND_CONSENT_CHANGE);
  Statement(2 * kHour, "idva", STATEMENT_KIND_CONSENT_CHANGE).actor->set_principal("agency/police");
  EXPECT_EQ(Find(Made(), "idva")->stands, "accepted");
  EXPECT_EQ(Find(Made(), "housing")->silent.size(), 3u);
  // As the broker records a recall: once, for each copy that had not left, and for each holder that may be told; housing may not be.
  Statement(kDay, "", STATEMENT_KIND_RECALL).referral->set_statement_digest("s");
  CheckedRow& stopped = Row(kDay, EVENT_TYPE_COPY_STOPPED, "health");
  stopped.referral->set_statement_digest("s");
  Statement(kDay, "idva", STATEMENT_KIND_RECALL).referral->set_statement_digest("s");
  const Timeline timeline = Made();
  EXPECT_EQ(Find(timeline, "idva")->stands, "recall");
  EXPECT_EQ(Find(timeline, "health")->stands, "stopped before it left");
  EXPECT_THAT(Find(timeline, "health")->unsent, ElementsAre("risk"));
  for (const char* recipient : {"idva", "housing", "health"}) EXPECT_TRUE(Find(timeline, recipient)->silent.empty()) << recipient;
}

// As the broker records a correction: once, for each copy that had not left, and for each holder that may be told; housing may not be.
TEST_F(TimelineTest, WhatTheSenderTakesBackIsWaitedForByNobodyOnceItIsCorrectedToo) {
  using namespace type::v1;
  CheckedRow& stored = Row(0, EVENT_TYPE_REFERRAL_STORED);
  for (const char* recipient : {"idva", "housing", "health", "duty"}) Decide(stored, recipient, 'a', CATEGORY_RISK, VERDICT_PERMIT);
  Decide(stored, "childrens", 'a', CATEGORY_RISK, VERDICT_WITHHOLD, "no route of an agreement");
  for (const char* recipient : {"idva", "housing", "duty"}) Row(kMinute, EVENT_TYPE_RELEASED, recipient);
  Statement(kHour, "idva", STATEMENT_KIND_ACCEPTED);
  Statement(kHour, "duty", STATEMENT_KIND_DECLINED);
  EXPECT_EQ(Find(Made(), "housing")->silent.size(), 3u);
  Statement(kDay, "", STATEMENT_KIND_CORRECTION).referral->set_statement_digest("s");
  Row(kDay, EVENT_TYPE_COPY_STOPPED, "health").referral->set_statement_digest("s");
  Statement(kDay, "idva", STATEMENT_KIND_CORRECTION).referral->set_statement_digest("s");
  Row(40 * kDay, EVENT_TYPE_TRAIL_QUERIED);
  const Timeline timeline = Made();
  for (const char* recipient : {"idva", "housing", "health", "duty"}) EXPECT_TRUE(Find(timeline, recipient)->silent.empty()) << recipient;
  EXPECT_EQ(Find(timeline, "idva")->stands, "corrected");
  EXPECT_EQ(Find(timeline, "housing")->stands, "corrected");
  EXPECT_EQ(WaitText(Find(timeline, "housing")->waits[2]), "no more due");
  EXPECT_EQ(Find(timeline, "health")->stands, "stopped before it left");
  EXPECT_EQ(Find(timeline, "duty")->stands, "declined");
  EXPECT_EQ(Find(timeline, "childrens")->stands, "gets nothing");
  // As a recipient sees it, to whom the entry of nobody is not shown.
  rows.erase(rows.end() - 4);
  EXPECT_EQ(Find(Made(), "idva")->stands, "corrected");
  EXPECT_TRUE(Find(Made(), "idva")->silent.empty());
  EXPECT_EQ(Find(Made(), "housing")->silent.size(), 3u);
}

TEST_F(TimelineTest, ACopyThatIsStoppedAfterOneHadLeftIsStillWaitedFor) {
  using namespace type::v1;
  CheckedRow& stored = Row(0, EVENT_TYPE_REFERRAL_STORED);
  for (const char* recipient : {"idva", "health"}) Decide(stored, recipient, 'a', CATEGORY_RISK, VERDICT_PERMIT);
  Row(kMinute, EVENT_TYPE_RELEASED, "idva");
  Statement(kDay, "", STATEMENT_KIND_CONSENT_CHANGE).referral->set_statement_digest("s");
  for (const char* recipient : {"idva", "health"}) Row(kDay, EVENT_TYPE_COPY_STOPPED, recipient).referral->set_statement_digest("s");
  const Timeline timeline = Made();
  EXPECT_EQ(Find(timeline, "idva")->stands, "stopped after an attempt had left");
  EXPECT_EQ(Find(timeline, "idva")->silent.size(), 3u) << "the broker's clocks run on";
  EXPECT_TRUE(Find(timeline, "health")->silent.empty());
}

TEST_F(TimelineTest, WhoStandsInForAnotherHasWaitedSinceThen) {
  using namespace type::v1;
  Decide(Row(0, EVENT_TYPE_REFERRAL_STORED), "idva", 'a', CATEGORY_RISK, VERDICT_PERMIT);
  Row(2 * kDay, EVENT_TYPE_STAND_IN_QUEUED, "duty");
  Row(2 * kDay + kMinute, EVENT_TYPE_RELEASED, "duty");
  Row(2 * kDay + kHour, EVENT_TYPE_DELIVERED, "duty");
  EXPECT_EQ(WaitText(Find(Made(), "duty")->waits[0]), TimelineTime(kStart + 2 * kDay + kHour) + ", after 1 hour");
}

TEST_F(TimelineTest, KeepsToTheWidthOfANarrowTerminal) {
  TellAStory();
  rows[0].event->set_agreement_version("an-agreement-of-many-agencies@2026-1, another-agreement-of-still-more-agencies@2026-2");
  for (CheckedRow& row : rows) {
    row.referral->set_sender("a-police-force-with-quite-a-long-name-indeed-for-an-agency");
    row.actor->set_principal("agency/a-police-force-with-quite-a-long-name-indeed-for-an-agency");
  }
  const std::string text = TimelineText(Made(), 60);
  for (size_t at = 0; at < text.size();) {
    const std::string line = text.substr(at, text.find('\n', at) - at);
    EXPECT_LE(console::Width(line), 60u) << line;
    at += line.size() + 1;
  }
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("…"))) << "nothing is cut off";
  EXPECT_THAT(TimelineText(Made(), 109), Not(HasSubstr("…")));
}

TEST_F(TimelineTest, MarksStretchesWithoutAnEntryUpToTheQuestionItself) {
  TellAStory();
  rows.insert(rows.end() - 1, rows.back());
  rows[13].leaf.time_ms -= 20 * kDay;
  --rows[13].index;  // Asked by somebody else meanwhile: 24 is the reader's.
  const Timeline timeline = Made();
  EXPECT_EQ(timeline.events[6].detail, "was due " + TimelineTime(kStart + kHour) + " by clock rules 2026-2; number 1");
  EXPECT_EQ(timeline.events[12].what, "outcome");
  EXPECT_EQ(timeline.events[12].silent_before_days, 25);
  EXPECT_EQ(timeline.events[13].silent_before_days, 0);  // Nobody was silent towards who asks.
  EXPECT_EQ(timeline.events[14].silent_before_days, 30) << "nothing has come of it since, to this day";
  rows.clear();
  Row(0, type::v1::EVENT_TYPE_REFERRAL_STORED);
  Row(kGapDays * kDay - 1, type::v1::EVENT_TYPE_RELEASED, "idva");
  EXPECT_EQ(Made().events[1].silent_before_days, 0);
  rows[1].leaf.time_ms += 1;
  EXPECT_EQ(Made().events[1].silent_before_days, kGapDays);
}

TEST_F(TimelineTest, ShowsOneReferralOfTheCaseAlone) {
  TellAStory();
  rows.insert(rows.begin() + 3, rows[1]);
  rows[3].referral->set_header_digest(std::string(32, '\xee'));
  EXPECT_EQ(Made().referrals.size(), 2u);
  const Timeline one = Made(std::string(32, '\xd1'));
  EXPECT_EQ(one.referrals.size(), 1u);
  EXPECT_EQ(one.events.size(), rows.size() - 1);
  EXPECT_EQ(one.left_out, 1u);
  EXPECT_THAT(ProofText(one), ::testing::IsSupersetOf({"Every entry of the chain was read, from the first to entry 24, which records this very question.",
                                                       "1 of them is about other referrals and not shown here."}));
  EXPECT_THAT(ProofText(Made()), ::testing::Contains("Every entry of the chain is here, from the first to entry 24, which records this very question."));
}

TEST_F(TimelineTest, WhatIsNotShownIsCountedAndNothingIsMadeOfIt) {
  TellAStory();
  for (const size_t closed : {1, 2, 3}) rows[closed].event.reset(), rows[closed].actor.reset(), rows[closed].referral.reset();
  rows[1].erased = true;
  const Timeline timeline = Made();
  EXPECT_EQ(timeline.erased, 1u);
  EXPECT_EQ(timeline.closed, 2u);
  EXPECT_EQ(timeline.events[1].what, "(erased)");
  EXPECT_EQ(timeline.events[1].mark, TimelineEvent::Mark::kClosed);
  EXPECT_THAT(ProofText(timeline), ::testing::Contains("What 1 of them said was erased."));
  EXPECT_EQ(WaitText(Find(timeline, "idva")->waits[0]), "no record in Accord in 60 days");
}

TEST_F(TimelineTest, ThePageIsOneFileThatLoadsNothing) {
  TellAStory();
  rows[8].actor->set_principal("agency/<script>alert(1)</script>\"&'");
  const std::string page = TimelinePage(Made());
  EXPECT_EQ(page, TimelinePage(Made()));
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>\n<html lang=\"en-GB\">"));
  EXPECT_THAT(page, HasSubstr("content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\""));
  for (const char* never : {"<script", "<b>", "<img", "<link", "src=", "href=", "url(", "@import", "http://", "https://", "{{", "}}"}) {
    EXPECT_THAT(page, Not(HasSubstr(never))) << never;
  }
  EXPECT_THAT(page, HasSubstr("not &lt;b&gt;for&lt;/b&gt; housing"));
  for (const char* always : {"<caption>", "scope=\"col\"", "scope=\"row\"", "prefers-color-scheme: dark", "@media print", "<main>", "<h1>Case c0de</h1>",
                             "No entry for 25 days: no record in Accord.", "<span class=\"late\">[overdue]</span>", "root ab12", "Completeness: attested."}) {
    EXPECT_THAT(page, HasSubstr(always)) << always;
  }
}

// What is printed and kept must not change by itself: whoever changes a word here changes it on purpose.
TEST_F(TimelineTest, PageTextAndJsonAreGolden) {
  TellAStory();
  EXPECT_EQ(ToHex(crypto::Sha256(TimelinePage(Made()))), "3f03a32c58563b77bce111648d5d761d9e611142670e28f2eb9803dc8005aefa");
  EXPECT_EQ(ToHex(crypto::Sha256(TimelineText(Made(), 160))), "1d34c88c313ca9f9192a039d28ec86d8e97f55afa657e2126d275bff901fe5a1");
  EXPECT_EQ(ToHex(crypto::Sha256(TimelineJson(Made()).dump())), "9272200a81335e443771b426e94a3d6a413a72e73490a89ceb3a21f3a4571ca2");
}

TEST_F(TimelineTest, NothingIsNoRecord) {
  EXPECT_THAT(TimelineText(Made(), 100), HasSubstr("No record in Accord."));
  EXPECT_THAT(TimelinePage(Made()), HasSubstr("<p>No record in Accord.</p>"));
}

}  // namespace
}  // namespace accord::accordctl::timeline_test

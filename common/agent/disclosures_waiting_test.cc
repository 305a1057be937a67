// What waits of inspectors' questions: for the authorising officer, as the broker tells, and for the broker, as it is durable here.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/agent/testing_disclosures.h"
#include "common/agent/waiting.h"
#include "common/base/status.h"

namespace accord::agent::disclosures_waiting_test {
namespace {

using namespace type::v1;  // NOLINT: kinds, answers.
using agency::v1::WAITING_KIND_DISCLOSURE_ANSWER;

// A broker whose pages have few rows.
class ShortPages : public FakeBroker {
 public:
  ShortPages(Random& random, int rows) : FakeBroker(random), rows_(rows) {}
  absl::StatusOr<inspection::v1::ListDisclosuresResponse> ListDisclosures(const inspection::v1::ListDisclosuresRequest& request) override {
    inspection::v1::ListDisclosuresRequest asked = request;
    asked.set_page_size(rows_);
    return FakeBroker::ListDisclosures(asked);
  }

 private:
  const int rows_;
};

class DisclosuresWaitingTest : public DisclosuresFixture {
 protected:
  // The one that waits.
  static Wait TheOne(const Disclosures& disclosures) {
    const std::vector<Wait> waits = disclosures.Waits();
    EXPECT_EQ(waits.size(), 1u);
    return waits.empty() ? Wait() : waits.front();
  }
  // Disclosures of these numbers, from 1 to `last`.
  void AskMany(uint64_t last) {
    for (uint64_t number = 1; number <= last; ++number) Ask(police, DISCLOSURE_KIND_RECORDS, number).add_referrals(std::string(32, 'x'));
  }
  static bool Tells(Disclosures& disclosures, uint64_t number) {
    for (const auto& item : disclosures.Today()) {
      if (item.about() == fmt::format("disclosures/{}", number)) return true;
    }
    return false;
  }
};

TEST_F(DisclosuresWaitingTest, SendsByItselfWhatWaitsAndDropsWhatIsRefused) {
  AskSections(police, Push(AboutMiriam("request-1")));
  const auto disclosures = Of(police, broker, clock);
  broker.refuse_disclosure = Error(Reason::kStoreUnavailable, "not now");
  EXPECT_TRUE(HasReason(disclosures->Answer(Answering(DISCLOSURE_ANSWER_RELEASED)).status(), Reason::kStoreUnavailable));
  EXPECT_FALSE(disclosures->Step().ok());
  EXPECT_EQ(disclosures->open(), 0u) << "answered, and not the broker's yet";
  // Refused for good: it may be answered anew, under the same id too.
  broker.refuse_disclosure = Error(Reason::kWarrantNotActive, "suspended");
  EXPECT_TRUE(HasReason(disclosures->Step(), Reason::kWarrantNotActive));
  broker.refuse_disclosure = absl::OkStatus();
  clock.Advance(kDisclosuresAskedEvery);
  EXPECT_TRUE(disclosures->Step().ok());
  EXPECT_EQ(disclosures->open(), 1u);
  EXPECT_TRUE(disclosures->Answer(Answering(DISCLOSURE_ANSWER_RELEASED)).ok());
  EXPECT_EQ(disclosures->open(), 0u);
}

TEST_F(DisclosuresWaitingTest, AnAnswerWaitsFromWhenItWasSignedUntilTheBrokerHasIt) {
  AskSections(police, Push(AboutMiriam("request-1")));
  auto disclosures = Of(police, broker, clock);
  EXPECT_TRUE(disclosures->Waits().empty()) << "what is asked waits for a person, and is not the service's to send";
  const int64_t signed_at_ms = absl::ToUnixMillis(clock.Now());
  broker.refuse_disclosure = Error(Reason::kBrokerUnreachable, "no answer");
  ASSERT_FALSE(disclosures->Answer(Answering(DISCLOSURE_ANSWER_RELEASED)).ok());
  clock.Advance(absl::Minutes(5));
  Wait wait = TheOne(*disclosures);
  EXPECT_EQ(wait.kind, WAITING_KIND_DISCLOSURE_ANSWER);
  EXPECT_EQ(wait.about, "41") << "as `disclosure show` takes it";
  EXPECT_EQ(wait.since_ms, signed_at_ms);
  EXPECT_EQ(wait.attempts, 0u) << "not counted";
  EXPECT_EQ(wait.reason, "BROKER_UNREACHABLE");
  EXPECT_FALSE(wait.needs_person);
  EXPECT_EQ(ToItem(wait).words(), "The broker did not answer. It is retried by itself.");

  // Why is of the last try; all that counts and explains what waits has it.
  broker.refuse_disclosure = Error(Reason::kMaintenance, "the broker is under maintenance", {{"retry_after_ms", "60000"}});
  EXPECT_FALSE(disclosures->Step().ok());
  EXPECT_EQ(TheOne(*disclosures).reason, "MAINTENANCE");
  const WaitingSummary summary = SummaryOf(disclosures->Waits());
  EXPECT_EQ(summary.by_reason, (std::map<std::string, size_t>{{"MAINTENANCE", 1}}));
  EXPECT_EQ(summary.oldest_ms, signed_at_ms);
  EXPECT_EQ(ReasonOfWords(WaitingFor(disclosures->Waits(), {clock.Now(), absl::OkStatus()})), "MAINTENANCE");

  police.Restart();
  disclosures = Of(police, broker, clock);
  wait = TheOne(*disclosures);
  EXPECT_EQ(wait.since_ms, signed_at_ms) << "durable";
  EXPECT_EQ(wait.reason, "");
  EXPECT_EQ(ToItem(wait).words(), "It was not tried yet; it goes by itself.");
  broker.refuse_disclosure = absl::OkStatus();
  EXPECT_TRUE(disclosures->Step().ok());
  EXPECT_TRUE(disclosures->Waits().empty());
  police.Restart();
  EXPECT_TRUE(Of(police, broker, clock)->Waits().empty());
}

TEST_F(DisclosuresWaitingTest, WhatIsRefusedWaitsNoMoreAndWhatAnAlarmStoppedDoes) {
  AskSections(police, Push(AboutMiriam("request-1")));
  const auto disclosures = Of(police, broker, clock);
  broker.refuse_disclosure = Error(Reason::kWarrantNotActive, "suspended");
  EXPECT_FALSE(disclosures->Answer(Answering(DISCLOSURE_ANSWER_REFUSED)).ok());
  EXPECT_TRUE(disclosures->Waits().empty()) << "who answered was told";
  broker.refuse_disclosure = absl::OkStatus();
  broker.other_disclosure = true;
  EXPECT_FALSE(disclosures->Answer(Answering(DISCLOSURE_ANSWER_REFUSED)).ok());
  EXPECT_EQ(TheOne(*disclosures).reason, "RECEIPT_INVALID");
  EXPECT_FALSE(disclosures->Step().ok());
  EXPECT_EQ(TheOne(*disclosures).reason, "RECEIPT_INVALID") << "sending has stopped";
}

TEST_F(DisclosuresWaitingTest, SeveralAnswersWaitEachByItsNumber) {
  AskMany(2);
  const auto disclosures = Of(police, broker, clock);
  broker.refuse_disclosure = Error(Reason::kBrokerUnreachable, "no answer");
  for (const uint64_t number : {1, 2}) {
    auto request = Answering(DISCLOSURE_ANSWER_REFUSED, fmt::format("answer-00{}", number));
    request.set_number(number);
    EXPECT_FALSE(disclosures->Answer(request).ok());
  }
  const std::vector<Wait> waits = disclosures->Waits();
  ASSERT_EQ(waits.size(), 2u);
  EXPECT_NE(AgeKey(waits[0]), AgeKey(waits[1])) << "so that pages tell them apart";
  EXPECT_TRUE(HasReason(disclosures->Step(), Reason::kBrokerUnreachable));
  broker.refuse_disclosure = absl::OkStatus();
  EXPECT_TRUE(disclosures->Step().ok());
  EXPECT_TRUE(disclosures->Waits().empty());
}

TEST_F(DisclosuresWaitingTest, TellsWhatWaitsTodayAlsoWhileTheBrokerIsAway) {
  Ask(police, DISCLOSURE_KIND_RECORDS, 7).add_referrals(std::string(32, 'x'));
  AskSections(police, Push(AboutMiriam("request-1")));
  const auto disclosures = Of(police, broker, clock);
  EXPECT_TRUE(disclosures->Step().ok());
  EXPECT_EQ(disclosures->open(), 2u);
  clock.Advance(kDisclosuresAskedEvery);
  broker.away = Error(Reason::kBrokerUnreachable, "away");
  const auto today = disclosures->Today();
  ASSERT_EQ(today.size(), 2u);
  EXPECT_EQ(today[0].kind(), agency::v1::TODAY_KIND_DISCLOSURE_TO_ANSWER);
  EXPECT_EQ(today[0].about(), "disclosures/7");
  EXPECT_NE(today[0].words().find("An inspector of ofsted asks, under warrant jtai-north, for the record numbers of 1 referral, asked "), std::string::npos);
  EXPECT_NE(today[1].words().find("for sections of a referral"), std::string::npos);
  EXPECT_NE(today[1].words().find("; due "), std::string::npos);
  broker.away = absl::OkStatus();
  ASSERT_TRUE(disclosures->Answer(Answering(DISCLOSURE_ANSWER_REFUSED)).ok());
  EXPECT_EQ(disclosures->Today().size(), 1u);
}

TEST_F(DisclosuresWaitingTest, TheBrokerIsAskedAgainWhenItsTimeHasCome) {
  const auto disclosures = Of(police, broker, clock);
  EXPECT_TRUE(disclosures->Step().ok());
  AskMany(1);
  clock.Advance(kDisclosuresAskedEvery - absl::Milliseconds(1));
  EXPECT_TRUE(disclosures->Step().ok());
  EXPECT_EQ(disclosures->open(), 0u);
  clock.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(disclosures->Step().ok());
  EXPECT_EQ(disclosures->open(), 1u);

  AskMany(2);
  clock.Advance(kDisclosuresFreshFor - absl::Milliseconds(1));
  EXPECT_FALSE(Tells(*disclosures, 2));
  clock.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(Tells(*disclosures, 2));
}

TEST_F(DisclosuresWaitingTest, AThousandThatWaitAreKnownOf) {
  AskMany(1000);
  const auto disclosures = Of(police, broker, clock);
  EXPECT_TRUE(disclosures->Step().ok());
  EXPECT_EQ(disclosures->open(), kOpenDisclosuresMax);
  EXPECT_TRUE(Tells(*disclosures, 1));
  AskMany(1001);
  clock.Advance(kDisclosuresAskedEvery);
  EXPECT_TRUE(disclosures->Step().ok());
  EXPECT_EQ(disclosures->open(), kOpenDisclosuresMax);
  EXPECT_TRUE(Tells(*disclosures, 1001));
  EXPECT_FALSE(Tells(*disclosures, 1)) << "the oldest";
}

TEST_F(DisclosuresWaitingTest, FiftyPagesAreTurnedAtATime) {
  AskMany(kDisclosurePagesMax);
  ShortPages pages(random, 1);
  pages.disclosures = broker.disclosures;
  const auto disclosures = Of(police, pages, clock);
  EXPECT_TRUE(disclosures->Step().ok());
  EXPECT_EQ(disclosures->open(), 50u);
  EXPECT_TRUE(Tells(*disclosures, 1));
  AskMany(kDisclosurePagesMax + 1);
  pages.disclosures = broker.disclosures;
  clock.Advance(kDisclosuresAskedEvery);
  EXPECT_TRUE(disclosures->Step().ok());
  EXPECT_EQ(disclosures->open(), 50u);
  EXPECT_FALSE(Tells(*disclosures, 1)) << "the oldest";
}

}  // namespace
}  // namespace accord::agent::disclosures_waiting_test

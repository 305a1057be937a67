// Gaps and breaches that are found more than once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/working_days.h"
#include "services/broker/sequencer/memory_context.h"
#include "services/broker/sharing/breach.h"
#include "services/broker/sharing/gap.h"

namespace accord::broker::reviews_test {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

const std::string kDigest(32, 'd');

class ReviewsTest : public ::testing::Test {
 protected:
  ReviewsTest() {
    const auto chain = context_.OpenChain();
    storage::v1::StoredChain row;
    row.set_slot(chain->slot);
    context_.Put(kFamilyChain, chain->pseudonym, row.SerializeAsString());
    stored_.set_chain(chain->pseudonym);
    core_.set_sender("police");
    core_.mutable_worker()->set_pseudonym("pc-1");
  }
  absl::Status Record(type::v1::RecallReason reason = type::v1::RECALL_REASON_UNSPECIFIED) {
    return RecordBreach(context_, kDigest, stored_, core_, reason, type::v1::EntryActor());
  }
  std::vector<std::string> Keys(std::string_view family) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : context_.rows) {
      if (key.first == family) keys.push_back(key.second);
    }
    return keys;
  }
  static std::string Due(absl::Time when, DueKind kind) {
    return DueKey(static_cast<uint64_t>(absl::ToUnixMillis(when)), kind, kDigest, "police", type::v1::DESK_MAIN);
  }
  std::string Review(ReviewKind what, const std::string& viewer, bool open, absl::Time due) {
    return ReviewKey(what, viewer, open, static_cast<uint64_t>(absl::ToUnixMillis(due)), kDigest);
  }

  MemoryContext context_;
  Policy policy_;
  storage::v1::StoredReferral stored_;
  type::v1::HeaderCore core_;
};

TEST_F(ReviewsTest, AnOpenBreachKeepsItsClockWhenMoreIsFound) {
  const absl::Time known = context_.now();
  ASSERT_EQ(Record(), absl::OkStatus());
  context_.time += absl::Hours(10);
  ASSERT_EQ(Record(type::v1::RECALL_REASON_WRONG_PERSON), absl::OkStatus());
  context_.time += absl::Hours(1);
  ASSERT_EQ(Record(type::v1::RECALL_REASON_SENT_BY_MISTAKE), absl::OkStatus());  // The first reason stays.
  const auto breach = **LoadBreach(context_, kDigest);
  EXPECT_EQ(breach.reason(), type::v1::RECALL_REASON_WRONG_PERSON);
  EXPECT_EQ(absl::FromUnixMillis(breach.due_at_ms()), known + kBreachTime);
  EXPECT_EQ(context_.entries.size(), 1u);
  EXPECT_THAT(Keys(kFamilyDue), ElementsAre(Due(known + kBreachFirstReminder, DueKind::kBreach)));
}

TEST_F(ReviewsTest, AnAssessedBreachIsOpenedAnewAndListedOnce) {
  ASSERT_EQ(Record(), absl::OkStatus());
  ASSERT_EQ(AssessBreach(context_, kDigest, stored_, type::v1::BREACH_ASSESSMENT_NO_RISK), absl::OkStatus());
  EXPECT_TRUE(HasReason(AssessBreach(context_, kDigest, stored_, type::v1::BREACH_ASSESSMENT_NO_RISK), Reason::kTransitionIllegal));
  EXPECT_THAT(Keys(kFamilyDue), ElementsAre());
  context_.time += absl::Hours(10);
  ASSERT_EQ(Record(type::v1::RECALL_REASON_WRONG_PERSON), absl::OkStatus());
  const absl::Time due = context_.now() + kBreachTime;
  EXPECT_EQ(absl::FromUnixMillis((*LoadBreach(context_, kDigest))->due_at_ms()), due);
  EXPECT_EQ(context_.entries.size(), 2u);
  EXPECT_THAT(Keys(kFamilyReview), UnorderedElementsAre(Review(ReviewKind::kBreach, "", true, due), Review(ReviewKind::kBreach, "police", true, due)));
}

TEST_F(ReviewsTest, AGapThatWasReviewedIsOpenedAnewForWhoeverIsNewInIt) {
  ASSERT_EQ(RecordGap(context_, policy_, kDigest, stored_, core_, {{"idva"}, 2}), absl::OkStatus());
  ASSERT_EQ(ExtendGap(context_, policy_, kDigest, stored_, core_, "idva", 2), absl::OkStatus());  // It has that already.
  ASSERT_EQ(ExtendGap(context_, policy_, kDigest, stored_, core_, "childrens", 1), absl::OkStatus());
  EXPECT_THAT((*LoadGap(context_, kDigest))->recipients(), ElementsAre("childrens", "idva"));
  EXPECT_EQ((*LoadGap(context_, kDigest))->sections(), 3u);
  ASSERT_EQ(CloseGap(context_, kDigest, stored_, type::v1::GAP_REVIEW_JUSTIFIED_AS_IT_STANDS, "sgt-2"), absl::OkStatus());
  context_.time += absl::Hours(24 * 7);
  ASSERT_EQ(ExtendGap(context_, policy_, kDigest, stored_, core_, "childrens", 1), absl::OkStatus());
  EXPECT_EQ((*LoadGap(context_, kDigest))->review(), type::v1::GAP_REVIEW_JUSTIFIED_AS_IT_STANDS);
  EXPECT_THAT(Keys(kFamilyDue), ElementsAre());
  ASSERT_EQ(ExtendGap(context_, policy_, kDigest, stored_, core_, "police-2", 1), absl::OkStatus());
  const auto gap = **LoadGap(context_, kDigest);
  const absl::Time due = EndOfNextWorkingDay(context_.now());
  EXPECT_EQ(gap.review(), type::v1::GAP_REVIEW_UNSPECIFIED);
  EXPECT_EQ(gap.reviewer(), "");
  EXPECT_EQ(absl::FromUnixMillis(gap.due_at_ms()), due);
  EXPECT_THAT(Keys(kFamilyDue), ElementsAre(Due(due, DueKind::kGap)));
  EXPECT_THAT(Keys(kFamilyReview),
              UnorderedElementsAre(Review(ReviewKind::kGap, "", true, due), Review(ReviewKind::kGap, "police", true, due),
                                   Review(ReviewKind::kGap, "idva", true, due), Review(ReviewKind::kGap, "childrens", true, due),
                                   Review(ReviewKind::kGap, "police-2", true, due)));
}

TEST_F(ReviewsTest, AGapIsDueByTheBankHolidaysInForce) {
  const absl::Time now = context_.time;
  const absl::Time usual = EndOfNextWorkingDay(now);
  // A day of mourning, proclaimed since the program was built.
  referral::ClockRules rules = referral::DefaultClockRules();
  rules.version = "clocks-2";
  for (auto& row : rules.bank_holidays) row.days.insert(LondonDay(usual - absl::Seconds(1)));
  referral::PolicySources sources;
  sources.clocks = {rules};
  policy_.compiled = referral::CompiledPolicy(sources);
  ASSERT_EQ(RecordGap(context_, policy_, kDigest, stored_, core_, {{"idva"}, 2}), absl::OkStatus());
  EXPECT_EQ(absl::FromUnixMillis((*LoadGap(context_, kDigest))->due_at_ms()), EndOfNextWorkingDay(usual - absl::Seconds(1)));
}

}  // namespace
}  // namespace accord::broker::reviews_test

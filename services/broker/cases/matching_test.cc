// Goal: of people of whose second record one thing is wrong, at least 95 in a hundred are linked or proposed, and of 10,000 records at most
// one is linked to other people by itself. Method: the linker itself, over an invented population (testing_population.h).
// matching_benchmark.cc measures the same on a larger one (docs/cases.md).
#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "services/broker/cases/testing_matching.h"

namespace accord::broker::matching_test {
namespace {

TEST(MatchingTest, OneErrorIsFoundAndNobodyIsLinkedToStrangers) {
  const Measured measured = Measure(/*people_count=*/6'000, /*pairs_count=*/2'000, /*seed=*/7, Whose::kOneOfBoth);
  EXPECT_EQ(measured.all.records, 2'000u);
  EXPECT_GE(measured.all.recall(), 0.95);
  EXPECT_EQ(measured.all.false_links, 0u);
  EXPECT_EQ(measured.first_false_links, 0u);
  for (size_t i = 0; i < kSlips.size(); ++i) {
    EXPECT_GE(measured.by_slip[i].records, 20u) << kSlipNames[i];
    EXPECT_GE(measured.by_slip[i].recall(), 0.9) << kSlipNames[i];
  }
  EXPECT_GT(measured.all.proposed, measured.all.linked) << "most are for a person to judge";
}

TEST(MatchingTest, AsManyAreFoundAcrossAChangeOfTheLinkageKey) {
  using Linkage = std::vector<referral::LinkageDomain>;
  const Linkage before = Linkages::Area(true, false), transition = Linkages::Area(true, true), after = Linkages::Area(false, true);
  for (const auto& [name, first, second] : {std::tuple("before, then transition", before, transition), {"transition, then one that has not rotated", transition, before},
                                            {"transition, then after it", transition, after}}) {
    const Measured measured = Measure(/*people_count=*/3'000, /*pairs_count=*/1'000, /*seed=*/7, Whose::kOneOfBoth, {first, second});
    EXPECT_GE(measured.all.recall(), 0.95) << name;
    EXPECT_EQ(measured.all.false_links, 0u) << name;
    EXPECT_EQ(measured.first_false_links, 0u) << name;
  }
  const Measured apart = Measure(/*people_count=*/300, /*pairs_count=*/100, /*seed=*/7, Whose::kOneOfBoth, {before, after});
  EXPECT_EQ(apart.all.linked + apart.all.proposed, 0u) << "what nothing brought over is not found";
}

}  // namespace
}  // namespace accord::broker::matching_test

#include "services/broker/holds/hold_index.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/holds/hold_notices.h"
#include "services/broker/sequencer/memory_context.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker::hold_index_test {
namespace {

const std::string kDigest(32, 'd');
const std::string kCase(16, 'c');
const std::string kSubject(32, 's');

class HoldIndexTest : public ::testing::Test {
 protected:
  HoldIndexTest() { context_.Put(kFamilyCase, kCase, storage::v1::StoredCase().SerializeAsString()); }

  admin::v1::SetHold Hold(const std::string& id) {
    admin::v1::SetHold hold;
    hold.set_id(id);
    hold.set_ground(type::v1::HOLD_GROUND_INQUEST);
    hold.set_authority("coroner/1");
    hold.set_review_at_ms(absl::ToUnixMillis(context_.time + absl::Hours(1)));
    hold.add_case_pseudonyms(kCase);
    return hold;
  }
  void Set(const admin::v1::SetHold& hold) {
    ASSERT_EQ(CheckSetHold(context_, hold), absl::OkStatus());
    storage::v1::StoredChange change;
    *change.mutable_change()->mutable_set_hold() = hold;
    context_.Put(kFamilyChange, KeyU64(++changes_), change.SerializeAsString());
    ASSERT_EQ(ApplySetHold(context_, hold, changes_), absl::OkStatus());
  }
  void Lift(const std::string& id) {
    admin::v1::LiftHold lift;
    lift.set_id(id);
    ASSERT_EQ(CheckLiftHold(context_, lift), absl::OkStatus());
    ASSERT_EQ(ApplyLiftHold(context_, lift, ++changes_), absl::OkStatus());
  }
  std::optional<std::string> Covering(const HoldScope& scope) {
    const auto hold = HoldCovering(context_, scope);
    EXPECT_EQ(hold.status(), absl::OkStatus());
    return *hold;
  }
  // The walk of `id` is over.
  void EndWalk(const std::string& id) {
    auto hold = *LoadHold(context_, id);
    hold->clear_walk();
    SaveHold(context_, *hold);
  }

  MemoryContext context_;
  uint64_t changes_ = 0;
};

TEST_F(HoldIndexTest, CoversWhatItNamesAndNothingElse) {
  auto hold = Hold("inquest-1");
  hold.add_header_digests(kDigest);
  context_.Put(kFamilyReferral, kDigest, storage::v1::StoredReferral().SerializeAsString());
  EXPECT_EQ(Covering({.header_digest = kDigest, .cases = {kCase}, .subjects = {kSubject}}), std::nullopt);
  Set(hold);
  EXPECT_EQ(Covering({.header_digest = kDigest, .cases = {}, .subjects = {}}), "inquest-1");
  EXPECT_EQ(Covering({.header_digest = {}, .cases = {std::string(16, 'x'), kCase}, .subjects = {}}), "inquest-1");
  EXPECT_EQ(Covering({.header_digest = std::string(32, 'x'), .cases = {std::string(16, 'x')}, .subjects = {kSubject}}), std::nullopt);
  Lift("inquest-1");
  EXPECT_EQ(Covering({.header_digest = kDigest, .cases = {kCase}, .subjects = {}}), std::nullopt);
}

TEST_F(HoldIndexTest, CoversEverythingUntilTheCasesOfItsSubjectsAreFound) {
  auto hold = Hold("inquiry-1");
  hold.clear_case_pseudonyms();
  auto& subject = *hold.add_subjects();
  subject.set_domain("area");
  subject.set_token_key("k1");
  subject.set_recipe(1);
  subject.set_token(kSubject);
  ASSERT_EQ(ValidateSetHold(hold), absl::OkStatus());
  Set(hold);
  const HoldScope other{.header_digest = kDigest, .cases = {kCase}, .subjects = {}};
  EXPECT_EQ(Covering(other), "inquiry-1");
  EndWalk("inquiry-1");
  EXPECT_EQ(Covering(other), std::nullopt);
  EXPECT_EQ(Covering({.header_digest = {}, .cases = {}, .subjects = {kSubject}}), "inquiry-1");
  // A case whose own row has the subject, before its mapping goes.
  storage::v1::StoredCase stored;
  stored.set_victim(std::string(32, 'v'));
  stored.set_alleged_perpetrator(kSubject);
  context_.Put(kFamilyCase, kCase, stored.SerializeAsString());
  const auto scope = ScopeOfCase(PlainReaderOf(context_), kCase);
  ASSERT_EQ(scope.status(), absl::OkStatus());
  EXPECT_EQ(Covering(*scope), "inquiry-1");
}

TEST_F(HoldIndexTest, StaysCoveredUntilTheLastHoldIsLifted) {
  Set(Hold("one"));
  Set(Hold("two"));
  const HoldScope scope{.header_digest = {}, .cases = {kCase}, .subjects = {}};
  Lift("one");
  EXPECT_EQ(Covering(scope), "two");
  // Lifted ones leave the row when it is next written.
  Set(Hold("three"));
  storage::v1::StoredHoldCover cover;
  ASSERT_TRUE(cover.ParseFromString(**context_.Get(kFamilyHoldCover, HoldCoverKey(HoldTarget::kCase, kCase))));
  EXPECT_EQ(cover.holds_size(), 2);
  Lift("two");
  Lift("three");
  EXPECT_EQ(Covering(scope), std::nullopt);
  EXPECT_EQ(LoadHolds(context_)->in_force(), 0u);
}

TEST_F(HoldIndexTest, ForgetsWhatALiftedHoldNamed) {
  Set(Hold("one"));
  Lift("one");
  auto hold = *LoadHold(context_, "one");
  ASSERT_EQ(ForgetTargets(context_, *hold), absl::OkStatus());
  SaveHold(context_, *hold);
  ASSERT_EQ(RemoveCover(context_, HoldCoverKey(HoldTarget::kCase, kCase), "one"), absl::OkStatus());
  ASSERT_EQ(RemoveCover(context_, HoldCoverKey(HoldTarget::kCase, kCase), "one"), absl::OkStatus());  // Again, as after a crash.
  for (const auto& [key, value] : context_.rows) {
    if (key.first == kFamilyCase) continue;
    EXPECT_EQ(key.second.find(kCase), std::string::npos) << key.first;
    EXPECT_EQ(value.find(kCase), std::string::npos) << key.first;
  }
}

TEST_F(HoldIndexTest, ThereIsAMostOfHoldsInForce) {
  for (uint32_t i = 0; i < kHoldsInForceMax; ++i) Set(Hold(fmt::format("hold-{}", i)));
  EXPECT_TRUE(HasReason(CheckSetHold(context_, Hold("one-more")), Reason::kFieldInvalid));
  Lift("hold-7");
  EXPECT_EQ(CheckSetHold(context_, Hold("one-more")), absl::OkStatus());
  EXPECT_TRUE(HasReason(CheckSetHold(context_, Hold("hold-7")), Reason::kFieldInvalid));  // Never used again.
}

TEST_F(HoldIndexTest, TheTokenIsReplacedBeforeItIsKept) {
  admin::v1::SetHold hold;
  hold.add_subjects()->set_token(kSubject);
  hold.add_subjects()->set_token("short");
  const auto kept = WithIndexedSubjects(hold, [](const type::v1::SubjectToken&) { return std::string(32, 'h'); });
  EXPECT_EQ(kept.subjects(0).token(), std::string(32, 'h'));
  EXPECT_EQ(kept.subjects(1).token(), "short");  // Refused, and not made to look well formed.
}

// Persisted.
TEST(HoldKeysTest, HaveGoldenBytes) {
  EXPECT_EQ(ToHex(HoldCoverKey(HoldTarget::kReferral, std::string(32, '\x01'))), "01" + ToHex(std::string(32, '\x01')));
  EXPECT_EQ(ToHex(HoldCoverKey(HoldTarget::kCase, std::string(16, '\x02'))), "02" + ToHex(std::string(16, '\x02')));
  EXPECT_EQ(ToHex(HoldCoverKey(HoldTarget::kSubject, std::string(32, '\x03'))), "03" + ToHex(std::string(32, '\x03')));
  EXPECT_EQ(ToHex(HoldReferralKey("a-1", std::string(32, '\x04'))), "03612d31" + ToHex(std::string(32, '\x04')));
  EXPECT_EQ(ToHex(HoldHolderKey("a-1", "idva", type::v1::DESK_UNSPECIFIED)), "03612d31" "0469647661" "01");
  EXPECT_EQ(HoldHolderKey("a-1", "idva", type::v1::DESK_MAIN), HoldHolderKey("a-1", "idva", type::v1::DESK_UNSPECIFIED));
  EXPECT_EQ(ToHex(HoldHolderKey("a-1", "idva", type::v1::DESK_CONFIDENTIAL)), "03612d31" "0469647661" "02");
}

}  // namespace
}  // namespace accord::broker::hold_index_test

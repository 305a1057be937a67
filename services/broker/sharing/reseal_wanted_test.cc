// Asking a sender to seal again: once, then every working day up to a maximum, until it ends.
#include "services/broker/sharing/reseal_wanted.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/working_days.h"
#include "common/crypto/ecdsa.h"
#include "common/referral/testing_parts.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker::reseal_wanted_test {
namespace {

using namespace type::v1;  // NOLINT

class ResealWantedTest : public ::testing::Test {
 protected:
  ResealWantedTest() {
    const auto chain = context_.OpenChain();
    storage::v1::StoredChain row;
    row.set_slot(chain->slot);
    context_.Put(kFamilyChain, chain->pseudonym, row.SerializeAsString());
    const referral::HeaderParts parts = referral::testing::SampleParts();
    FakeRandom random(3);
    const auto made = referral::SignHeader(parts, crypto::SigningKey::Generate(), random);
    EXPECT_EQ(made.status(), absl::OkStatus());
    core_ = parts.core;
    *stored_.mutable_header() = made->header;
    for (const auto& opening : made->openings) *stored_.add_openings() = opening;
    stored_.set_chain(chain->pseudonym);
    digest_ = referral::DigestOf(made->header);
    auto& recipient = *stored_.add_recipients();
    recipient.set_agency("childrens");
    recipient.set_desk(DESK_MAIN);
    recipient.set_on_behalf_of("idva");
  }
  void Ask() {
    ASSERT_EQ(AskForReseal(context_, digest_, core_, stored_, *stored_.mutable_recipients(0), queued_), absl::OkStatus());
    ASSERT_EQ(SaveReferral(context_, digest_, stored_), absl::OkStatus());
  }
  storage::v1::StoredRecipient Row() {
    const auto stored = LoadReferral(context_, digest_);
    const auto* const recipient = FindRecipient(**stored, "childrens");
    return recipient == nullptr ? storage::v1::StoredRecipient() : *recipient;
  }
  // When the next reminder is due; nothing when none is.
  std::optional<absl::Time> Next() {
    const auto bytes = context_.Get(kFamilyDueAt, DueAtKey(DueKind::kReseal, digest_, "childrens", DESK_MAIN));
    const auto at = bytes->has_value() ? U64FromKey(**bytes) : std::nullopt;
    return at.has_value() ? std::optional(absl::FromUnixMillis(static_cast<int64_t>(*at))) : std::nullopt;
  }
  // What falls due, as the clock acts on it.
  void FallDue() {
    const absl::Time due = *Next();
    context_.time = due;
    ASSERT_EQ(ClearDue(context_, DueKind::kReseal, digest_, "childrens", DESK_MAIN), absl::OkStatus());
    ASSERT_EQ(ChaseReseal(context_, {DueKind::kReseal, due, digest_, "childrens", DESK_MAIN}, queued_), absl::OkStatus());
  }

  MemoryContext context_;
  storage::v1::StoredReferral stored_;
  HeaderCore core_;
  std::string digest_;
  NewDeliveries queued_;
};

TEST_F(ResealWantedTest, TheSenderIsAskedOnceAndThenChasedUpToAMaximum) {
  const absl::Time asked = context_.time;
  Ask();
  Ask();
  EXPECT_EQ(context_.entries.size(), 1u) << "asked already";
  EXPECT_EQ(context_.entries[0].event.type(), EVENT_TYPE_RESEAL_WANTED);
  EXPECT_EQ(context_.entries[0].referral->recipient(), "childrens");
  EXPECT_EQ(queued_.size(), 1u);
  EXPECT_EQ(queued_[0].first.agency, "police");
  EXPECT_EQ(Row().reseal_wanted_ms(), absl::ToUnixMillis(asked));
  for (uint32_t reminder = 2; reminder <= kResealRemindersMax; ++reminder) {
    ASSERT_EQ(Next(), EndOfNextWorkingDay(context_.time));
    FallDue();
    EXPECT_EQ(context_.entries.back().event.reminder(), reminder);
    EXPECT_EQ(context_.entries.back().event.due_at_ms(), absl::ToUnixMillis(EndOfNextWorkingDay(asked))) << "by when it was to be";
  }
  EXPECT_EQ(queued_.size(), kResealRemindersMax);
  EXPECT_FALSE(Next().has_value()) << "then it only stands there";
  EXPECT_EQ(Row().reseal_wanted_ms(), absl::ToUnixMillis(asked));
}

TEST_F(ResealWantedTest, ItEndsAndMayBeginAnew) {
  Ask();
  auto& recipient = *stored_.mutable_recipients(0);
  ASSERT_EQ(EndReseal(context_, digest_, recipient), absl::OkStatus());
  EXPECT_FALSE(Next().has_value());
  EXPECT_EQ(recipient.reseal_wanted_ms(), 0);
  ASSERT_EQ(SaveReferral(context_, digest_, stored_), absl::OkStatus());
  ASSERT_EQ(ChaseReseal(context_, {DueKind::kReseal, context_.time, digest_, "childrens", DESK_MAIN}, queued_), absl::OkStatus());
  EXPECT_EQ(context_.entries.size(), 1u) << "nothing is asked any more";
  Ask();
  EXPECT_EQ(context_.entries.back().event.reminder(), 1u);
}

TEST_F(ResealWantedTest, ANewReferralEndsItOfItsSenderOrWhoNamedTheAgency) {
  Ask();
  HeaderCore core;
  core.set_caused_by(digest_);
  core.set_sender("housing");
  ASSERT_EQ(EndResealByNew(context_, core, "childrens"), absl::OkStatus());
  EXPECT_GT(Row().reseal_wanted_ms(), 0) << "anybody may say that it follows";
  core.set_sender("idva");
  ASSERT_EQ(EndResealByNew(context_, core, "health"), absl::OkStatus());
  EXPECT_GT(Row().reseal_wanted_ms(), 0) << "to another agency";
  ASSERT_EQ(EndResealByNew(context_, core, "childrens"), absl::OkStatus());
  EXPECT_EQ(Row().agency(), "") << "it was only named";
  EXPECT_FALSE(Next().has_value());
}

}  // namespace
}  // namespace accord::broker::reseal_wanted_test

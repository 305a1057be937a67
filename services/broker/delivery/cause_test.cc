// What a decision asks of the referral that the one in question follows: who it came from, and how far what was received may go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/referral/testing_parts.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/memory_context.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker::cause_test {
namespace {

using namespace type::v1;  // NOLINT
using referral::testing::Id;
using referral::testing::SampleParts;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class CauseTest : public ::testing::Test {
 protected:
  // Stores a referral of the sample, from the police to the Idva service and housing. Its digest.
  std::string Store(const std::function<void(HeaderCore&)>& alter_core, const std::function<void(storage::v1::StoredReferral&)>& alter = nullptr) {
    referral::HeaderParts parts = SampleParts();
    parts.core.set_request_id("request-" + std::to_string(++stored_));
    alter_core(parts.core);
    std::erase_if(parts.recipients, [&](const RecipientPart& recipient) { return recipient.agency() == parts.core.sender(); });
    const auto made = referral::SignHeader(parts, key_, random_);
    EXPECT_EQ(made.status(), absl::OkStatus());
    storage::v1::StoredReferral stored;
    *stored.mutable_header() = made->header;
    for (const auto& opening : made->openings) *stored.add_openings() = opening;
    if (alter) alter(stored);
    const std::string digest = referral::DigestOf(made->header);
    context_.Put(kFamilyReferral, digest, stored.SerializeAsString());
    return digest;
  }
  // The Idva service has been released sections a (identity) and b (risk), of which a under `rule`.
  static void Released(storage::v1::StoredReferral& stored, OnwardSharing rule) {
    auto& recipient = *stored.add_recipients();
    recipient.set_agency("idva");
    recipient.set_state(REFERRAL_STATE_OPENED);
    recipient.set_first_released_ms(1);
    recipient.add_released_sections(Id('a'));
    recipient.add_released_sections(Id('b'));
    auto& decision = *stored.add_decisions();
    decision.set_section_id(Id('a'));
    decision.set_recipient("idva");
    decision.set_verdict(VERDICT_PERMIT);
    decision.mutable_obligations()->set_onward(rule);
  }
  Cause Of(const std::string& sender, const std::string& caused_by, ReferralType type = REFERRAL_TYPE_REFERRAL) {
    HeaderCore core;
    core.set_sender(sender);
    core.set_type(type);
    core.set_caused_by(caused_by);
    auto cause = CauseOf(PlainReaderOf(context_), core);
    EXPECT_EQ(cause.status(), absl::OkStatus());
    return cause.value_or(Cause());
  }

  MemoryContext context_;
  FakeRandom random_{7};
  const crypto::SigningKey key_ = crypto::SigningKey::Generate();
  int stored_ = 0;
};

TEST_F(CauseTest, WhatWasReceivedIsBoundAsItWasPermitted) {
  const std::string first = Store([](HeaderCore&) {}, [](auto& stored) { Released(stored, ONWARD_SHARING_NEVER); });
  const Cause cause = Of("idva", first);
  EXPECT_TRUE(cause.known);
  EXPECT_EQ(cause.received.originator, "police");
  // Of what was permitted later nothing is known: its sender is asked.
  EXPECT_THAT(cause.received.rules, ElementsAre(Pair(CATEGORY_IDENTITY, ONWARD_SHARING_NEVER), Pair(CATEGORY_RISK, ONWARD_SHARING_ASK_ORIGINATOR)));
  EXPECT_EQ(cause.facts().caused_by, &cause.core);
  EXPECT_EQ(cause.facts().received, &cause.received);
}

TEST_F(CauseTest, WhoReceivedNothingIsBoundByNothing) {
  const std::string first = Store([](HeaderCore&) {}, [](auto& stored) { Released(stored, ONWARD_SHARING_NEVER); });
  const Cause own = Of("police", first);
  EXPECT_TRUE(own.known);
  EXPECT_EQ(own.facts().received, nullptr);
  EXPECT_FALSE(Of("housing", first).known) << "it waits for it still";
  EXPECT_EQ(Of("idva", std::string(32, 'x')).facts().caused_by, nullptr);
  EXPECT_FALSE(Of("idva", "").known);
}

TEST_F(CauseTest, ACorrectionFollowsWhatItsVersionsFollow) {
  const std::string first = Store([](HeaderCore&) {}, [](auto& stored) { Released(stored, ONWARD_SHARING_FREE); });
  // The Idva service refers it onward, and corrects that twice.
  const auto version = [&](const std::string& caused_by, ReferralType type) {
    return Store([&](HeaderCore& core) {
      core.set_sender("idva");
      core.set_type(type);
      core.set_caused_by(caused_by);
    });
  };
  const std::string sent = version(first, REFERRAL_TYPE_REFERRAL);
  const std::string corrected = version(sent, REFERRAL_TYPE_CORRECTION);
  for (const std::string& older : {sent, corrected}) {
    const Cause cause = Of("idva", older, REFERRAL_TYPE_CORRECTION);
    EXPECT_EQ(cause.core.sender(), "idva") << "what it is caused by is the older version";
    EXPECT_EQ(cause.received.originator, "police");
    EXPECT_EQ(cause.received.rules.at(CATEGORY_IDENTITY), ONWARD_SHARING_FREE);
  }
  const std::string of_nothing = version(std::string(32, 'x'), REFERRAL_TYPE_REFERRAL);
  EXPECT_THAT(Of("idva", of_nothing, REFERRAL_TYPE_CORRECTION).received.rules, IsEmpty()) << "what that followed is gone";
}

}  // namespace
}  // namespace accord::broker::cause_test

// What becomes of deliveries that go wrong, over the real programs, as people work them with accordctl: an agency whose store is put back to an
// older copy has all again after a replay; what its service refused is put back by its sender.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "accord/broker/v1/mailbox_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "tests/system/ctl.h"
#include "tests/system/traffic.h"

namespace accord::tests::delivery_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DeliveryTest : public ::testing::Test {
 protected:
  Ran Ctl(const std::vector<std::string>& words) { return RunCtl(world_, words); }
  std::string PushSettled(const std::string& request_id) {
    const auto pushed = Push(world_, "police", TestOptions(request_id, {"idva"}, /*wait_ms=*/20'000));
    EXPECT_EQ(pushed.status(), absl::OkStatus());
    return pushed.ok() ? pushed->referral() : "";
  }
  std::multiset<std::string> Inbox() {
    std::multiset<std::string> referrals;
    const auto items = ListInbox(world_, "idva");
    EXPECT_EQ(items.status(), absl::OkStatus());
    if (!items.ok()) return referrals;
    for (const auto& item : *items) referrals.insert(item.referral());
    return referrals;
  }
  std::string HoldAnswer(const std::string& hold) {
    const auto listed = JsonOf(Ctl({"--as-admin", "bob", "--json", "hold", "list", hold}));
    for (const auto& row : listed["holds"]) {
      for (const auto& holder : row["holders"]) {
        if (holder["agency"] == "idva") return holder["answer"];
      }
    }
    return "";
  }

  World world_{{.agreement = OpenAgreement()}};
};

TEST_F(DeliveryTest, AnAgencyWhoseStoreIsPutBackHasAllAgainAfterAReplay) {
  ASSERT_EQ(world_.StartAll({"police", "idva"}), absl::OkStatus());
  std::multiset<std::string> all = {PushSettled("before-the-copy")};
  ASSERT_EQ(AwaitArrival(world_, "idva", *all.begin()).status(), absl::OkStatus());
  world_.process("idva").Kill();
  fs::copy(world_.path("idva/store"), world_.path("older-store"), fs::copy_options::recursive);
  const std::string since = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", world_.clock().Now() - absl::Hours(1), absl::UTCTimeZone());
  ASSERT_EQ(world_.Start("idva"), absl::OkStatus());

  std::string last;
  for (int i = 0; i < 3; ++i) {
    last = PushSettled(fmt::format("after-the-copy-{}", i));
    all.insert(last);
    ASSERT_EQ(AwaitArrival(world_, "idva", last).status(), absl::OkStatus());
  }
  ASSERT_EQ(Ctl({"--as", "idva", "inbox", "read", last}).exit_status, 0);
  admin::v1::Change change;
  auto& hold = *change.mutable_set_hold();
  hold.set_id("inquest-42");
  hold.set_ground(type::v1::HOLD_GROUND_INQUEST);
  hold.set_authority("coroner-durham/42");
  hold.set_review_at_ms(absl::ToUnixMillis(world_.clock().Now() + absl::Hours(24 * 365)));
  hold.add_header_digests(DigestOfName(last));
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  ASSERT_TRUE(Eventually(kStartTime, [&] { return HoldAnswer("inquest-42") == "HOLD_ANSWER_HELD"; }));

  world_.process("idva").Kill();
  fs::remove_all(world_.path("idva/store"));
  fs::rename(world_.path("older-store"), world_.path("idva/store"));
  ASSERT_EQ(world_.Start("idva"), absl::OkStatus());
  ASSERT_EQ(Inbox().size(), 1u);
  const Ran replayed = Ctl({"--as", "idva", "--json", "mailbox", "replay", "--since", since});
  ASSERT_EQ(replayed.exit_status, 0) << replayed.output;
  EXPECT_EQ(JsonOf(replayed)["queued"], "5") << replayed.output;  // Four referrals, and the hold anew.
  EXPECT_TRUE(Eventually(kStartTime, [&] { return Inbox() == all; }));
  EXPECT_EQ(Ctl({"--as", "idva", "inbox", "read", last}).exit_status, 0);
  // It answers for what it has again, whatever came first.
  EXPECT_EQ(Ctl({"--as", "idva", "hold", "list", "inquest-42"}).exit_status, 0);
  EXPECT_TRUE(Eventually(kStartTime, [&] { return HoldAnswer("inquest-42") == "HOLD_ANSWER_HELD"; }));
  EXPECT_FALSE(ServiceStatus(world_, "idva")->stopped());

  // What is there stays as it is.
  ASSERT_EQ(Ctl({"--as", "idva", "mailbox", "replay", "--since", since}).exit_status, 0);
  const std::string more = PushSettled("after-the-replay");
  all.insert(more);
  ASSERT_EQ(AwaitArrival(world_, "idva", more).status(), absl::OkStatus());
  EXPECT_TRUE(Eventually(kStartTime, [&] { return Inbox() == all; }));
}

TEST_F(DeliveryTest, ASenderPutsBackWhatWasRefused) {
  ASSERT_EQ(world_.StartAll({"police"}), absl::OkStatus());
  const std::string referral = PushSettled("NSP-2026-1/1"), other = PushSettled("NSP-2026-2/1");
  // Some other program of the agency's takes both, and refuses them.
  const auto mailbox = world_.Stub<broker::v1::MailboxService>(kBroker, "agency/idva");
  int refused = 0;
  ASSERT_TRUE(Eventually(kStartTime, [&] {
    broker::v1::CollectMessagesRequest request;
    request.set_request_id("collect-0001");
    const auto collected = rpc::CallUnary(*mailbox, &broker::v1::MailboxService::Stub::CollectMessages, request, kCallTime);
    if (!collected.ok()) return false;  // Once a second.
    broker::v1::SettleMessagesRequest refuse;
    refuse.set_request_id("refuse-0001");
    for (const auto& delivery : collected->deliveries()) {
      if (!delivery.has_referral()) continue;
      auto& reject = *refuse.add_settlements()->mutable_reject();
      reject.set_delivery_id(delivery.delivery_id());
      reject.set_reason("SECTION_MALFORMED");
    }
    if (refuse.settlements().empty()) return false;
    // Both are of one case: the second is given once the first is dead.
    const auto settled = rpc::CallUnary(*mailbox, &broker::v1::MailboxService::Stub::SettleMessages, refuse, kCallTime);
    if (settled.ok()) refused += settled->settled_size();
    return refused == 2;
  }));

  EXPECT_TRUE(Eventually(kStartTime, [&] {
    return Ctl({"--as", "police", "notices"}).output.find("dead letter") != std::string::npos;
  })) << Ctl({"--as", "police", "notices"}).output;
  const auto letters = JsonOf(Ctl({"--as", "police", "--json", "deadletter", "list"}))["dead_letters"];
  ASSERT_EQ(letters.size(), 2u);
  std::string ours, theirs;
  for (const auto& letter : letters) {
    EXPECT_EQ(letter["reason"], "SECTION_MALFORMED");
    const std::string id = ToHex(FromBase64(letter["deliveryId"].get<std::string>()).value_or(""));
    (ToBase64(DigestOfName(referral)) == letter["headerDigest"] ? ours : theirs) = id;
  }
  const Ran table = Ctl({"--as", "police", "deadletter", "list"});
  EXPECT_THAT(table.output, HasSubstr(ours));
  ASSERT_EQ(world_.Start("idva"), absl::OkStatus());
  const Ran requeued = Ctl({"--as", "police", "deadletter", "requeue", ours});
  ASSERT_EQ(requeued.exit_status, 0) << requeued.output;
  EXPECT_EQ(AwaitArrival(world_, "idva", referral).status(), absl::OkStatus());
  EXPECT_EQ(Ctl({"--as", "police", "deadletter", "requeue", ours}).exit_status, 1);

  const Ran discarded = Ctl({"--as", "idva", "deadletter", "discard", theirs, "not-needed"});
  ASSERT_EQ(discarded.exit_status, 0) << discarded.output;
  EXPECT_TRUE(JsonOf(Ctl({"--as", "police", "--json", "deadletter", "list"}))["dead_letters"].empty());
  EXPECT_EQ(Inbox(), std::multiset<std::string>{referral});
  EXPECT_FALSE(ServiceStatus(world_, "police")->stopped());
}

}  // namespace
}  // namespace accord::tests::delivery_test

#include "services/broker/administration/checklists.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "accord/storage/v1/broker.pb.h"
#include "accord/storage/v1/hold.pb.h"
#include "accord/storage/v1/inspection.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/testing_pki.h"
#include "services/broker/directory/families.h"
#include "services/broker/disclosures/disclosure_store.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker::checklists_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class CheckListsTest : public ::testing::Test {
 protected:
  CheckListsTest() {
    agency_.set_id("idva");
    agency_.set_kind(type::v1::AGENCY_KIND_IDVA);
    agency_.set_active(true);
    agency_.add_areas("E06000001");
    agency_.set_duty_telephone("0300 000 0000");
    agency_.set_duty_recipient("police");
    agency_.add_signing_certificates(authority_.IssueSigning("idva").certificate.der());
    agency_.set_sealing_certificate(authority_.IssueSealing("idva").certificate.der());
    Keep();
    PutOther("police", true);
    storage::v1::StoredAgreement agreement;
    agreement.set_version("1");
    agreement.set_effective_from_ms(1);
    agreement.set_text(R"(
version = "1"
parties = ["police", "idva"]
effective_from = "2020-01-01"
expires = "2040-01-01"
[[route]]
id = "all"
from_kinds = ["police"]
to_kinds = ["idva"]
purposes = ["support"]
categories = ["identity"]
)");
    context_.Put(kFamilyPolicy, AgreementKey("1"), agreement.SerializeAsString());
  }
  void Keep() { context_.Put(kFamilyAgency, "idva", agency_.SerializeAsString()); }
  void PutOther(const std::string& id, bool active, const std::string& deputy = "") {
    admin::v1::Agency other;
    other.set_id(id);
    other.set_active(active);
    other.set_deputy(deputy);
    context_.Put(kFamilyAgency, id, other.SerializeAsString());
  }

  // `make` with everything as the store has it.
  template <typename Make>
  auto With(Make make) {
    const auto directory = *DirectorySnapshot::Load(context_, 1);
    const auto policy = *LoadPolicy(context_, *directory, {});
    const auto sealed = SealedReaderOf(context_);
    return make(CheckListSources{context_, sealed, *directory, *policy, context_.time});
  }
  std::vector<std::string> Lacks(SeenOfAgency seen = {.called = true, .alerted = true}) {
    return Open(With([&](const CheckListSources& sources) { return OnboardingOf(sources, "idva", seen); }));
  }
  std::vector<std::string> Leaving() {
    return Open(With([](const CheckListSources& sources) { return LeavingOf(sources, "idva"); }));
  }
  static std::vector<std::string> Open(const absl::StatusOr<std::vector<admin::v1::CheckListItem>>& items) {
    EXPECT_EQ(items.status(), absl::OkStatus());
    std::vector<std::string> open;
    for (const auto& item : *items) {
      EXPECT_FALSE(item.text().empty());
      if (item.done() || item.optional()) continue;
      open.push_back(item.open() == 0 ? item.code() : fmt::format("{} {}", item.code(), item.open()));
    }
    return open;
  }

  // A referral of `sender` to the agencies with a state, as they are stored; `alter` changes the row of the last.
  void Refer(const std::string& digest, const std::string& sender, std::vector<std::pair<std::string, type::v1::ReferralState>> recipients,
             const std::function<void(storage::v1::StoredReferral&)>& alter = nullptr) {
    const std::string key(32, digest[0]);
    storage::v1::StoredReferral stored;
    for (const auto& [agency, state] : recipients) {
      auto& recipient = *stored.add_recipients();
      recipient.set_agency(agency);
      recipient.set_state(state);
      context_.Put(kFamilyParty, PartyKey(agency, static_cast<uint64_t>(digest[0])), key);
    }
    if (alter) alter(stored);
    context_.Put(kFamilyParty, PartyKey(sender, static_cast<uint64_t>(digest[0])), key);
    context_.Put(kFamilyReferral, key, stored.SerializeAsString());
  }
  void WithoutAgreement() { context_.Delete(kFamilyPolicy, AgreementKey("1")); }

  crypto::testing::TestAuthority authority_;
  MemoryContext context_;
  admin::v1::Agency agency_;
};

TEST_F(CheckListsTest, OnboardingSaysWhatIsMissing) {
  EXPECT_THAT(Lacks(), IsEmpty());
  EXPECT_THAT(Lacks({}), ElementsAre("connection"));
  agency_.clear_areas();
  agency_.clear_duty_telephone();
  agency_.clear_duty_recipient();
  agency_.set_active(false);
  Keep();
  EXPECT_THAT(Lacks(), ElementsAre("active", "areas", "jurisdiction", "duty_telephone", "duty_hours"));
  agency_.set_active(true);
  Keep();
  WithoutAgreement();
  context_.Put(kFamilySuspension, "agency/idva", storage::v1::StoredSuspension().SerializeAsString());
  context_.Put(kFamilyDeny, crypto::Certificate::FromDer(agency_.sealing_certificate())->fingerprint(), "");
  EXPECT_THAT(Lacks(), ElementsAre("not_suspended", "areas", "jurisdiction", "sealing_certificate", "duty_telephone", "duty_hours", "agreement"));
  const auto nobody = With([](const CheckListSources& sources) { return OnboardingOf(sources, "nobody", {}); });
  EXPECT_TRUE(HasReason(nobody.status(), Reason::kPrincipalNotFound));
}

TEST_F(CheckListsTest, WhoStandsInAndIsNotActiveIsNobody) {
  agency_.set_deputy("police");
  Keep();
  const auto deputy = [&] {
    const auto items = With([](const CheckListSources& sources) { return OnboardingOf(sources, "idva", {}); });
    return *std::find_if(items->begin(), items->end(), [](const auto& item) { return item.code() == "deputy"; });
  };
  EXPECT_TRUE(deputy().done());
  PutOther("police", false);
  EXPECT_FALSE(deputy().done());
  EXPECT_THAT(deputy().text(), ::testing::HasSubstr("police is to stand in after a missed clock, and is not active"));
  EXPECT_THAT(Lacks(), ElementsAre("duty_hours"));
  agency_.add_duty_hours()->set_first_day(1);
  Keep();
  EXPECT_THAT(Lacks(), IsEmpty());
}

TEST_F(CheckListsTest, ACertificateThatEndsSoonIsToldBeforeItEnds) {
  const absl::Time end = context_.time + kCertificateWarning;
  agency_.set_sealing_certificate(authority_
                                      .Issue({.uris = {crypto::testing::SpiffeId("agency/idva/sealing")},
                                              .key_usage = crypto::kKeyAgreement,
                                              .not_after = end})
                                      .certificate.der());
  Keep();
  const auto renewal = [&] {
    const auto items = With([](const CheckListSources& sources) { return OnboardingOf(sources, "idva", {}); });
    return std::find_if(items->begin(), items->end(), [](const auto& item) { return item.code() == "sealing_certificate_renewal"; })->done();
  };
  EXPECT_FALSE(renewal());
  context_.time -= absl::Seconds(1);
  EXPECT_TRUE(renewal());
  context_.time = end;
  EXPECT_THAT(Lacks(), ElementsAre("sealing_certificate"));
}

TEST_F(CheckListsTest, LeavingEndsWhenNothingOfItIsOpen) {
  EXPECT_THAT(Leaving(), ElementsAre("agreements 1"));
  WithoutAgreement();
  EXPECT_THAT(Leaving(), IsEmpty());
  using namespace type::v1;  // NOLINT: states.
  Refer("a", "police", {{"idva", REFERRAL_STATE_DELIVERED}});
  Refer("b", "police", {{"idva", REFERRAL_STATE_ACCEPTED}});
  Refer("c", "idva", {{"housing", REFERRAL_STATE_RELEASED}}, [](auto& stored) { stored.mutable_recipients(0)->set_pick_up_due_ms(7); });
  Refer("d", "police", {{"idva", REFERRAL_STATE_CLOSED}}, [](auto& stored) { stored.mutable_recipients(0)->set_change_due_ms(7); });
  Refer("e", "idva", {{"housing", REFERRAL_STATE_CLOSED}}, [](auto& stored) { stored.mutable_recipients(0)->set_reseal_wanted_ms(7); });
  Refer("f", "idva", {{"housing", REFERRAL_STATE_ACCEPTED}, {"health", REFERRAL_STATE_DECLINED}});
  EXPECT_THAT(Leaving(), ElementsAre("unread 1", "received 1", "sent 1", "awaited 1", "changes 1", "reseals 1"));
}

TEST_F(CheckListsTest, WhoAskedStaysUntilWhatItAskedForIsAtItsEnd) {
  WithoutAgreement();
  using namespace type::v1;  // NOLINT: states.
  const std::vector<std::pair<ReferralState, bool>> table = {
      {REFERRAL_STATE_ACCEPTED, true},     {REFERRAL_STATE_DECIDED, true},  {REFERRAL_STATE_OUTCOME_RECORDED, true}, {REFERRAL_STATE_LISTED, true},
      {REFERRAL_STATE_HEARD, true},        {REFERRAL_STATE_OPENED, false},  {REFERRAL_STATE_CLOSED, false},          {REFERRAL_STATE_DECLINED, false},
      {REFERRAL_STATE_ANSWERED, false},    {REFERRAL_STATE_RETURNED, false}, {REFERRAL_STATE_WITHDRAWN, false},      {REFERRAL_STATE_RECALLED, false},
      {REFERRAL_STATE_TRANSFERRED_OUT, false},
  };
  for (const auto& [state, open] : table) {
    Refer("a", "idva", {{"housing", state}});
    EXPECT_EQ(Leaving(), open ? std::vector<std::string>{"awaited 1"} : std::vector<std::string>()) << ReferralState_Name(state);
  }
  Refer("a", "idva", {{"housing", REFERRAL_STATE_OPENED}}, [](auto& stored) { stored.mutable_recipients(0)->set_response_due_ms(7); });
  EXPECT_THAT(Leaving(), ElementsAre("awaited 1")) << "opened, and an answer is asked for";
  Refer("a", "idva", {{"housing", REFERRAL_STATE_ACCEPTED}, {"health", REFERRAL_STATE_ACCEPTED}});
  Refer("b", "idva", {{"housing", REFERRAL_STATE_ACCEPTED}}, [](auto& stored) { stored.set_replaced_by(std::string(32, 'a')); });
  Refer("c", "police", {{"housing", REFERRAL_STATE_ACCEPTED}});
  EXPECT_THAT(Leaving(), ElementsAre("awaited 2")) << "each recipient; not an older version, nor what others sent";
}

// What is recalled stays where it was, and nobody can say more of it than what was done about the recall.
TEST_F(CheckListsTest, OfWhatWasRecalledOnlyTheAnswerToThatKeepsAnybody) {
  WithoutAgreement();
  using namespace type::v1;  // NOLINT: states.
  const auto recall = [](int64_t change_due_ms, int64_t pick_up_due_ms = 0) {
    return [=](storage::v1::StoredReferral& stored) {
      stored.set_recalled(true);
      stored.mutable_recipients(0)->set_change_due_ms(change_due_ms);
      stored.mutable_recipients(0)->set_pick_up_due_ms(pick_up_due_ms);
    };
  };
  for (const auto state : {REFERRAL_STATE_ACCEPTED, REFERRAL_STATE_DELIVERED}) {
    SCOPED_TRACE(ReferralState_Name(state));
    Refer("a", "idva", {{"housing", state}}, [](auto& stored) { stored.mutable_recipients(0)->set_pick_up_due_ms(7); });
    Refer("b", "police", {{"idva", state}});
    EXPECT_EQ(Leaving().size(), 2u) << "as long as it stands";
    Refer("a", "idva", {{"housing", state}}, recall(0, /*pick_up_due_ms=*/7));
    Refer("b", "police", {{"idva", state}}, recall(7));
    EXPECT_THAT(Leaving(), ElementsAre("changes 1")) << "the holder says still what it did with its copy; whoever recalled may go";
    Refer("b", "police", {{"idva", state}}, recall(0));
    EXPECT_THAT(Leaving(), IsEmpty());
  }
}

TEST_F(CheckListsTest, WhoSitsOnAForumStaysUntilItSitsWithoutIt) {
  WithoutAgreement();
  const auto put = [&](const std::string& id, const std::vector<std::string>& members, const std::string& coordinator, bool active = true) {
    admin::v1::Forum forum;
    forum.set_id(id);
    for (const std::string& member : members) forum.add_members(member);
    forum.set_coordinator(coordinator);
    forum.set_active(active);
    context_.Put(kFamilyPolicy, ForumKey(id), forum.SerializeAsString());
  };
  put("marac", {"police", "idva"}, "police");
  put("daps", {"idva", "police"}, "idva");
  put("over", {"idva", "police"}, "idva", /*active=*/false);
  put("others", {"police", "idvas"}, "police");
  EXPECT_THAT(Leaving(), ElementsAre("forums 2"));
  const auto items = With([](const CheckListSources& sources) { return LeavingOf(sources, "idva"); });
  EXPECT_EQ(DetailOf(CheckComplete(*items)).metadata["open"], "forums");
  put("marac", {"police"}, "police");
  put("daps", {"police"}, "police");
  EXPECT_THAT(Leaving(), IsEmpty());
}

TEST_F(CheckListsTest, PairsOfCasesThatNobodyJudgedAreAdviceToWhoLeaves) {
  WithoutAgreement();
  const auto links = [&] {
    const auto items = With([](const CheckListSources& sources) { return LeavingOf(sources, "idva"); });
    EXPECT_EQ(items.status(), absl::OkStatus());
    return items->back();
  };
  EXPECT_TRUE(links().done());
  for (const uint64_t number : {uint64_t{7}, uint64_t{8}, uint64_t{9}}) {
    storage::v1::StoredLink link;
    link.set_answered_at_ms(number == 8 ? 1 : 0);
    context_.Put(kFamilyLink, KeyU64(number), link.SerializeAsString());
    context_.Put(kFamilyLinkIndex, LinkPartyKey(number == 9 ? "idvas" : "idva", number), "");
  }
  EXPECT_EQ(links().code(), "links");
  EXPECT_EQ(links().open(), 1u);
  EXPECT_FALSE(links().done());
  EXPECT_THAT(Leaving(), IsEmpty()) << "it is advice";
}

TEST_F(CheckListsTest, WhatIsAtItsEndOrAsksForNothingIsNotOpen) {
  WithoutAgreement();
  using namespace type::v1;  // NOLINT: states.
  char digest = 'a';
  for (const auto state : {REFERRAL_STATE_CLOSED, REFERRAL_STATE_DECLINED, REFERRAL_STATE_RETURNED, REFERRAL_STATE_REDIRECTED, REFERRAL_STATE_WITHDRAWN,
                           REFERRAL_STATE_RECALLED, REFERRAL_STATE_ANSWERED, REFERRAL_STATE_TRANSFERRED_OUT, REFERRAL_STATE_OPENED}) {
    Refer(std::string(1, digest++), "police", {{"idva", state}, {"housing", REFERRAL_STATE_DELIVERED}});
  }
  // Sent, and opened by one that is asked for nothing; and an older version of what was corrected.
  Refer("y", "idva", {{"housing", REFERRAL_STATE_OPENED}});
  Refer("z", "police", {{"idva", REFERRAL_STATE_DELIVERED}}, [](auto& stored) { stored.set_replaced_by(std::string(32, 'a')); });
  EXPECT_THAT(Leaving(), IsEmpty());
  Refer("i", "police", {{"idva", REFERRAL_STATE_OPENED}}, [](auto& stored) { stored.mutable_recipients(0)->set_response_due_ms(7); });
  EXPECT_THAT(Leaving(), ElementsAre("received 1")) << "opened, and an answer is asked for";
}

TEST_F(CheckListsTest, LeavingCountsWhatElseIsOpen) {
  WithoutAgreement();
  PutOther("police", true, /*deputy=*/"idva");
  for (const std::string agency : {"idva", "idv", "idvas"}) {  // Of those whose names begin alike nothing is counted.
    context_.Put(kFamilyMailbox, MailboxKey(agency, type::v1::DESK_CONFIDENTIAL, type::v1::LANE_HIGH, 1), "x");
    context_.Put(kFamilyDeadLetter, DeadLetterKey(agency, type::v1::DESK_MAIN, 1, std::string(16, 'd')), "");
    context_.Put(kFamilyReview, ReviewKey(ReviewKind::kGap, agency, true, 1, std::string(32, 'g')), "");
    context_.Put(kFamilyReview, ReviewKey(ReviewKind::kBreach, agency, true, 1, std::string(32, 'g')), "");
    context_.Put(kFamilyReview, ReviewKey(ReviewKind::kBreach, agency, false, 1, std::string(32, 'h')), "");
  }
  storage::v1::StoredHold hold;
  context_.Put(kFamilyHold, "inquest", hold.SerializeAsString());
  context_.Put(kFamilyHoldHolder, HoldHolderKey("inquest", "idva", type::v1::DESK_MAIN), "");
  hold.set_lifted_at_ms(7);
  context_.Put(kFamilyHold, "lifted", hold.SerializeAsString());
  context_.Put(kFamilyHoldHolder, HoldHolderKey("lifted", "idva", type::v1::DESK_MAIN), "");
  // Of what inspectors asked of it only what can still be answered.
  for (const auto& [number, warrant, ends] : {std::tuple(1, "jtai-1", context_.time + absl::Seconds(1)), std::tuple(2, "jtai-2", context_.time)}) {
    storage::v1::StoredDisclosure stored;
    stored.mutable_disclosure()->set_warrant(warrant);
    storage::v1::StoredWarrant under;
    under.mutable_warrant()->set_state(inspection::v1::WARRANT_STATE_ACTIVE);
    under.mutable_warrant()->set_ends_ms(absl::ToUnixMillis(ends));
    context_.Put(kFamilyWarrant, warrant, under.SerializeAsString());
    context_.Put(kFamilyDisclosure, KeyU64(static_cast<uint64_t>(number)), stored.SerializeAsString());
    context_.Put(kFamilyDisclosure, DisclosureListKey(DisclosureList::kOpen, {DisclosureViewerKind::kAgency, "idva", type::v1::DESK_CONFIDENTIAL}, static_cast<uint64_t>(number)), "");
  }
  EXPECT_THAT(Leaving(), UnorderedElementsAre("stand_ins 1", "deliveries 1", "dead_letters 1", "gaps 1", "breaches 1", "disclosures 1", "holds 1"));
  const auto items = With([](const CheckListSources& sources) { return LeavingOf(sources, "idva"); });
  const absl::Status refused = CheckComplete(*items);
  EXPECT_TRUE(HasReason(refused, Reason::kLeavingIncomplete));
  EXPECT_EQ(DetailOf(refused).metadata["open"], "stand_ins,deliveries,dead_letters,gaps,breaches,disclosures,holds");
  EXPECT_EQ(CheckComplete({}), absl::OkStatus());
}

}  // namespace
}  // namespace accord::broker::checklists_test

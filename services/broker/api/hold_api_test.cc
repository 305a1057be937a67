// Legal holds over the wire: a whole broker with TLS, a real store and a real log.
//
// Goal: a hold covers what it says from its approval on; each holder is told of its own and of nothing else, once, and until it
// acknowledges; each answer is on the record. Method: raw stubs of single agencies, so that every byte that a holder is sent can
// be looked at.
#include <absl/synchronization/notification.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "accord/broker/v1/mailbox_service.grpc.pb.h"
#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/ledger/tlog_proof.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_collector.h"
#include "services/broker/directory/families.h"
#include "services/broker/holds/hold_index.h"
#include "services/broker/holds/hold_notices.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker::hold_api_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class HoldApiTest : public ::testing::Test {
 protected:
  HoldApiTest() : police_(v1::ReferralService::NewStub(world_.Channel("agency/police"))) {}

  std::string Stored(const TestingReferral& spec) {
    const auto response = rpc::CallUnary(*police_, &v1::ReferralService::Stub::SubmitReferral, MakeSubmission(world_, spec), kTestTimeout);
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.ok() ? response->header_digest() : "";
  }
  // The pseudonyms of all cases.
  std::set<std::string> Cases() {
    std::set<std::string> cases;
    const auto view = world_.broker().sequencer().View();
    EXPECT_EQ((*view)->Scan(kFamilyCase, {}, [&](std::string_view key, std::string_view) { return cases.insert(std::string(key)).second; }),
              absl::OkStatus());
    return cases;
  }
  // A hold without targets.
  admin::v1::Change Hold(const std::string& id) {
    admin::v1::Change change;
    auto& hold = *change.mutable_set_hold();
    hold.set_id(id);
    hold.set_ground(HOLD_GROUND_DEATH_REVIEW);
    hold.set_authority("csp-northshire/DARDR-7");
    hold.set_review_at_ms(absl::ToUnixMillis(world_.clock().Now() + absl::Hours(24 * 180)));
    return change;
  }
  admin::v1::Change HoldOfReferral(const std::string& id, const std::string& header_digest) {
    auto change = Hold(id);
    change.mutable_set_hold()->add_header_digests(header_digest);
    return change;
  }
  SubjectToken TokenOf(const std::string& name, bool strong = true) {
    SubjectToken token;
    token.set_domain("northshire");
    token.set_token_key("2026-1");
    token.set_recipe(1);
    token.set_strong(strong);
    token.set_token((name + std::string(32, '.')).substr(0, 32));
    return token;
  }
  absl::Status Lift(const std::string& id) {
    admin::v1::Change change;
    change.mutable_lift_hold()->set_id(id);
    return world_.Change(change);
  }
  std::optional<std::string> Covering(const std::string& header_digest) {
    const auto view = world_.broker().sequencer().View();
    const auto bytes = (*view)->GetSealed(kFamilyReferral, header_digest);
    EXPECT_TRUE(bytes.ok() && bytes->has_value());
    storage::v1::StoredReferral stored;
    EXPECT_TRUE(stored.ParseFromString(**bytes));
    const auto scope = ScopeOf(header_digest, stored, [&](const SubjectToken& token) { return world_.broker().linker().Index(token); });
    EXPECT_EQ(scope.status(), absl::OkStatus());
    const auto hold = HoldCovering(PlainReaderOf(**view), *scope);
    EXPECT_EQ(hold.status(), absl::OkStatus());
    return *hold;
  }
  std::vector<admin::v1::Hold> List() {
    const auto stub = admin::v1::AdminService::NewStub(world_.Channel("admin/alice"));
    std::vector<admin::v1::Hold> holds;
    admin::v1::ListHoldsRequest request;
    request.set_page_size(1);
    do {
      const auto response = rpc::CallUnary(*stub, &admin::v1::AdminService::Stub::ListHolds, request, kTestTimeout);
      EXPECT_EQ(response.status(), absl::OkStatus());
      if (!response.ok()) break;
      holds.insert(holds.end(), response->holds().begin(), response->holds().end());
      request.set_page_token(response->next_page_token());
    } while (!request.page_token().empty());
    return holds;
  }
  // The one hold, once its holders are all told.
  admin::v1::Hold Settled() {
    while (true) {
      const auto holds = List();
      EXPECT_FALSE(holds.empty());
      if (holds.empty() || !holds[0].walking()) return holds.empty() ? admin::v1::Hold() : holds[0];
    }
  }
  admin::v1::HoldHolder HolderOf(const admin::v1::Hold& hold, const std::string& agency, Desk desk = DESK_MAIN) {
    for (const auto& holder : hold.holders()) {
      if (holder.agency() == agency && holder.desk() == desk) return holder;
    }
    ADD_FAILURE() << "no holder " << agency;
    return {};
  }
  EntryEvent EventOf(const Receipt& receipt) {
    const auto vkey = ledger::Vkey::Parse(world_.broker().vkey());
    EXPECT_EQ(ledger::VerifyReceipt(receipt.tlog_proof(), *vkey).status(), absl::OkStatus());
    EntryEvent event;
    for (const Opening& opening : receipt.openings()) {
      if (opening.label() != "event") continue;
      EXPECT_TRUE(event.ParseFromString(opening.content()));
    }
    return event;
  }
  absl::StatusOr<v1::AnswerHoldResponse> Answer(const std::string& principal, const std::string& request_id, const std::string& hold,
                                                HoldAnswer answer, int64_t erased_at_ms = 0) {
    const auto stub = v1::MailboxService::NewStub(world_.Channel(principal));
    v1::AnswerHoldRequest request;
    request.set_request_id(request_id);
    request.set_hold(hold);
    request.set_answer(answer);
    request.set_erased_at_ms(erased_at_ms);
    request.mutable_worker()->set_pseudonym("service");
    request.mutable_worker()->set_role(WORKER_ROLE_SYSTEM);
    request.mutable_worker()->set_authentication(AUTHENTICATION_AUTOMATIC);
    return rpc::CallUnary(*stub, &v1::MailboxService::Stub::AnswerHold, request, kTestTimeout);
  }
  static v1::HoldNotice NextNotice(Collector& collector) {
    const auto delivery = collector.NextDelivery();
    EXPECT_TRUE(delivery.has_hold());
    collector.Ack(delivery);
    return delivery.hold();
  }

  TestingBroker world_;
  std::unique_ptr<v1::ReferralService::Stub> police_;
};

TEST_F(HoldApiTest, EachHolderIsToldOfItsOwnAnswersAndIsListed) {
  const std::string digest = Stored({.request_id = "incident-1"});
  Collector idva(world_, "agency/idva", 8);
  idva.Ack(idva.NextDelivery());
  ASSERT_EQ(world_.Change(HoldOfReferral("dardr-7", digest)), absl::OkStatus());
  EXPECT_EQ(Covering(digest), "dardr-7");

  // Housing was queued something and released nothing: it does not know of the referral, and is not told.
  Collector police(world_, "agency/police", 8);
  const auto delivery = police.NextDelivery();
  EXPECT_EQ(EventOf(delivery.released()).type(), EVENT_TYPE_RELEASED);
  EXPECT_EQ(EventOf(delivery.released()).hold(), "dardr-7");
  EXPECT_EQ(delivery.hold().ground(), HOLD_GROUND_DEATH_REVIEW);
  EXPECT_EQ(delivery.hold().authority(), "csp-northshire/DARDR-7");
  EXPECT_THAT(delivery.hold().header_digests(), UnorderedElementsAre(digest));
  EXPECT_EQ(delivery.hold().lifted_at_ms(), 0);
  EXPECT_THAT(delivery.SerializeAsString(), Not(HasSubstr("idva")));
  const auto settled = police.Ack(delivery);
  EXPECT_EQ(EventOf(settled.receipt()).type(), EVENT_TYPE_HOLD_DELIVERED);
  EXPECT_TRUE(police.Ack(delivery).already());
  EXPECT_THAT(NextNotice(idva).header_digests(), UnorderedElementsAre(digest));
  auto hold = Settled();
  EXPECT_EQ(hold.holders_size(), 2);
  EXPECT_EQ(hold.referrals(), 1u);
  EXPECT_EQ(hold.erased(), 0u);
  EXPECT_GT(HolderOf(hold, "idva").delivered_at_ms(), 0);

  // Answers.
  const auto held = Answer("agency/idva", "answer-1", "dardr-7", HOLD_ANSWER_HELD);
  ASSERT_EQ(held.status(), absl::OkStatus());
  EXPECT_EQ(EventOf(held->receipt()).type(), EVENT_TYPE_HOLD_ANSWERED);
  EXPECT_EQ(EventOf(held->receipt()).hold_answer(), HOLD_ANSWER_HELD);
  const auto index_of = [](const Receipt& receipt) { return ledger::ParseTlogProof(receipt.tlog_proof())->index; };
  EXPECT_EQ(index_of(Answer("agency/idva", "answer-1", "dardr-7", HOLD_ANSWER_HELD)->receipt()), index_of(held->receipt()));
  EXPECT_TRUE(HasReason(Answer("agency/idva", "answer-1", "dardr-7", HOLD_ANSWER_NOTHING_HELD).status(), Reason::kRequestIdReused));
  const int64_t now = absl::ToUnixMillis(world_.clock().Now());
  EXPECT_TRUE(HasReason(Answer("agency/idva", "answer-2", "dardr-7", HOLD_ANSWER_ALREADY_ERASED).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Answer("agency/idva", "answer-2", "dardr-7", HOLD_ANSWER_ALREADY_ERASED, now + 3'600'000).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Answer("agency/idva", "answer-2", "dardr-7", HOLD_ANSWER_HELD, now - 1000).status(), Reason::kFieldInvalid));
  ASSERT_EQ(Answer("agency/idva", "answer-2", "dardr-7", HOLD_ANSWER_ALREADY_ERASED, now - 1000).status(), absl::OkStatus());
  hold = Settled();
  EXPECT_EQ(HolderOf(hold, "idva").answer(), HOLD_ANSWER_ALREADY_ERASED);
  EXPECT_EQ(HolderOf(hold, "idva").erased_at_ms(), now - 1000);
  EXPECT_EQ(HolderOf(hold, "police").answer(), HOLD_ANSWER_UNSPECIFIED);

  // Who was told nothing learns nothing, not even that there is such a hold.
  for (const char* agency : {"agency/housing", "agency/childrens"}) {
    const auto refused = Answer(agency, "answer-1", "dardr-7", HOLD_ANSWER_HELD).status();
    const auto unknown = Answer(agency, "answer-1", "no-such-hold", HOLD_ANSWER_HELD).status();
    EXPECT_TRUE(HasReason(refused, Reason::kHoldNotFound));
    EXPECT_EQ(refused, unknown);
  }

  // Housing becomes a holder with its first release.
  Collector housing(world_, "agency/housing", 8);
  const auto first = housing.NextDelivery();
  EXPECT_TRUE(first.has_referral());
  EXPECT_THAT(NextNotice(housing).header_digests(), UnorderedElementsAre(digest));
  EXPECT_EQ(Settled().holders_size(), 3);

  // Lifted: everybody who was told is told, and it covers nothing any more.
  ASSERT_EQ(Lift("dardr-7"), absl::OkStatus());
  EXPECT_EQ(Covering(digest), std::nullopt);
  for (Collector* holder : {&police, &idva, &housing}) {
    const auto notice = NextNotice(*holder);
    EXPECT_GT(notice.lifted_at_ms(), 0);
    EXPECT_EQ(notice.header_digests_size(), 0);
  }
  hold = Settled();
  EXPECT_GT(hold.lifted_at_ms(), 0);
  EXPECT_EQ(hold.referrals(), 1u);
  // It names nothing any more: what it named may be erased, to the last row.
  const auto view = world_.broker().sequencer().View();
  for (const std::string_view family : {kFamilyHold, kFamilyHoldCover, kFamilyHoldReferral, kFamilyHoldHolder, kFamilyChange}) {
    ASSERT_EQ((*view)->Scan(family, {}, [&](std::string_view key, std::string_view value) {
      EXPECT_THAT(std::string(key) + std::string(value), Not(HasSubstr(digest))) << family;
      return true;
    }), absl::OkStatus());
  }
  EXPECT_TRUE(HasReason(Lift("dardr-7"), Reason::kTransitionIllegal));
  EXPECT_TRUE(HasReason(Lift("no-such-hold"), Reason::kHoldNotFound));
  EXPECT_EQ(world_.broker().mailboxes().depth({"childrens"}), 0u);
}

TEST_F(HoldApiTest, ANoticeComesAgainUntilItIsAcknowledgedAndNobodyRefusesIt) {
  const std::string digest = Stored({.request_id = "incident-1", .recipients = {"idva"}});
  ASSERT_EQ(world_.Change(HoldOfReferral("inquest-1", digest)), absl::OkStatus());
  Settled();
  std::string delivery_id;
  {
    Collector police(world_, "agency/police", 8);
    delivery_id = police.NextDelivery().delivery_id();
  }
  world_.Stop();
  world_.Start();
  Collector police(world_, "agency/police", 8);
  const auto again = police.NextDelivery();
  EXPECT_EQ(again.delivery_id(), delivery_id);
  EXPECT_EQ(again.attempt(), 2u);
  EXPECT_THAT(again.hold().header_digests(), UnorderedElementsAre(digest));
  v1::OpenMailboxRequest reject;
  reject.mutable_reject()->set_delivery_id(delivery_id);
  reject.mutable_reject()->set_reason("STATEMENT_MALFORMED");
  police.Say(reject);
  EXPECT_EQ(EventOf(police.Settled().receipt()).type(), EVENT_TYPE_DELIVERY_NACKED);
  EXPECT_EQ(world_.broker().mailboxes().depth({"police"}), 1u);
  EXPECT_EQ(HolderOf(Settled(), "police").delivered_at_ms(), 0);
}

TEST_F(HoldApiTest, ACaseCoversWhatIsPushedLater) {
  const std::string first = Stored({.request_id = "incident-1", .recipients = {"idva"}});
  const std::string other = Stored({.request_id = "incident-2", .recipients = {"housing"}, .victim = "somebody else"});
  const auto cases = Cases();
  ASSERT_EQ(cases.size(), 2u);
  auto change = Hold("family-court-3");
  for (const std::string& pseudonym : cases) {
    const auto view = world_.broker().sequencer().View();
    storage::v1::StoredReferral stored;
    ASSERT_TRUE(stored.ParseFromString(**(*view)->GetSealed(kFamilyReferral, first)));
    if (stored.cases(0) == pseudonym) change.mutable_set_hold()->add_case_pseudonyms(pseudonym);
  }
  ASSERT_EQ(change.set_hold().case_pseudonyms_size(), 1);
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  EXPECT_EQ(Covering(first), "family-court-3");
  EXPECT_EQ(Covering(other), std::nullopt);
  EXPECT_EQ(Settled().referrals(), 1u);

  const std::string later = Stored({.request_id = "incident-3", .recipients = {"idva"}});
  EXPECT_EQ(Covering(later), "family-court-3");
  Collector police(world_, "agency/police", 8);
  EXPECT_THAT(NextNotice(police).header_digests(), UnorderedElementsAre(first));
  EXPECT_THAT(NextNotice(police).header_digests(), UnorderedElementsAre(later));
  EXPECT_EQ(Settled().referrals(), 2u);
  EXPECT_EQ(world_.broker().mailboxes().depth({"housing"}), 1u);  // Its referral, and no notice.
}

TEST_F(HoldApiTest, ASubjectCoversItsCasesWeakTokensAndLaterLinks) {
  const auto with_token = [&](const SubjectToken& token, int subject) {
    return [token, subject](referral::HeaderParts& parts) { *parts.subjects[static_cast<size_t>(subject)].add_tokens() = token; };
  };
  // The first names Ann twice over; the second is of the same case and names only her other token.
  const std::string named = Stored({.request_id = "incident-1", .recipients = {"idva"}, .victim = "ann", .perpetrator = "bob",
                                    .alter = with_token(TokenOf("ann by nhs number"), 0)});
  const std::string linked = Stored({.request_id = "incident-2", .recipients = {"idva"}, .victim = "ann by nhs number", .perpetrator = "bob"});
  // No case of hers: only a weak token.
  const std::string weak = Stored({.request_id = "incident-3", .recipients = {"idva"}, .victim = "unknown",
                                   .perpetrator = "other", .alter = with_token(TokenOf("ann", false), 1)});
  const std::string other = Stored({.request_id = "incident-4", .recipients = {"idva"}, .victim = "beth", .perpetrator = "carl"});
  auto change = Hold("inquiry-9");
  *change.mutable_set_hold()->add_subjects() = TokenOf("ann");
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  const auto hold = Settled();
  EXPECT_EQ(Covering(named), "inquiry-9");
  EXPECT_EQ(Covering(linked), "inquiry-9");
  EXPECT_EQ(Covering(weak), "inquiry-9");
  EXPECT_EQ(Covering(other), std::nullopt);
  EXPECT_EQ(hold.referrals(), 3u);
  // The token is nowhere: the hold shows the broker's own HMAC of it.
  EXPECT_EQ(hold.hold().subjects(0).token(), world_.broker().linker().Index(TokenOf("ann")));
  EXPECT_THAT(hold.SerializeAsString(), Not(HasSubstr(TokenOf("ann").token())));
  const auto view = world_.broker().sequencer().View();
  for (const std::string_view family : {kFamilyHold, kFamilyHoldCover, kFamilyChange, kFamilyMeta}) {
    ASSERT_EQ((*view)->Scan(family, {}, [&](std::string_view key, std::string_view value) {
      EXPECT_THAT(std::string(key) + std::string(value), Not(HasSubstr(TokenOf("ann").token())));
      return true;
    }), absl::OkStatus());
  }

  // A later referral that names her links Beth's case to her: what was there before is covered from now on, and told of.
  const std::string later = Stored({.request_id = "incident-5", .recipients = {"idva"}, .victim = "beth", .perpetrator = "carl",
                                    .alter = with_token(TokenOf("ann"), 0)});
  EXPECT_EQ(Covering(later), "inquiry-9");
  EXPECT_EQ(Covering(other), "inquiry-9");
  EXPECT_EQ(Settled().referrals(), 5u);
  std::set<std::string> told;
  Collector police(world_, "agency/police", 8);
  while (told.size() < 5) {
    const auto notice = NextNotice(police);
    ASSERT_GT(notice.header_digests_size(), 0);
    for (const std::string& digest : notice.header_digests()) EXPECT_TRUE(told.insert(digest).second);
  }
}

TEST_F(HoldApiTest, AnErasureThatWasApprovedFirstGoesOnAndIsCounted) {
  const std::string first = Stored({.request_id = "incident-1", .recipients = {"idva"}});
  const std::string second = Stored({.request_id = "incident-2", .recipients = {"idva"}});
  const auto erase = [&](const std::string& digest) {
    admin::v1::Change change;
    change.mutable_erase()->set_header_digest(digest);
    change.mutable_erase()->set_ground(ERASURE_GROUND_ORDER);
    change.mutable_erase()->set_authority("ico/7");
    return world_.Change(change);
  };
  ASSERT_EQ(erase(first), absl::OkStatus());
  auto change = Hold("inquest-1");
  const auto cases = Cases();
  ASSERT_EQ(cases.size(), 1u);
  change.mutable_set_hold()->add_case_pseudonyms(*cases.begin());
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  // At once: nothing waits for the walk.
  const absl::Status refused = erase(second);
  EXPECT_TRUE(HasReason(refused, Reason::kOnHold)) << refused;
  EXPECT_EQ(DetailOf(refused).metadata["hold"], "inquest-1");
  EXPECT_EQ(Covering(second), "inquest-1");
  const auto hold = Settled();
  EXPECT_EQ(hold.referrals(), 1u);
  EXPECT_EQ(hold.erased(), 1u);
  EXPECT_TRUE(HasReason(world_.Change(HoldOfReferral("inquest-2", first)), Reason::kReferralNotFound));
  ASSERT_EQ(Lift("inquest-1"), absl::OkStatus());
  // From the approval on, also while the broker takes out the rows of what it covered.
  EXPECT_EQ(List().at(0).erased(), 0u);
  EXPECT_EQ(erase(second), absl::OkStatus());
}

TEST_F(HoldApiTest, ManyReferralsAreToldInSeveralNoticesAndForgottenWhenLifted) {
  constexpr size_t kReferrals = kHoldNoticeReferralsMax + 30;
  std::set<std::string> stored;
  for (size_t i = 0; i < kReferrals; ++i) stored.insert(Stored({.request_id = fmt::format("incident-{}", i), .recipients = {"idva"}}));
  ASSERT_EQ(stored.size(), kReferrals);
  auto change = Hold("inquiry-1");
  change.mutable_set_hold()->add_case_pseudonyms(*Cases().begin());
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  EXPECT_EQ(Settled().referrals(), kReferrals);
  Collector police(world_, "agency/police", 8);
  std::set<std::string> told;
  int notices = 0;
  while (told.size() < kReferrals) {
    const auto notice = NextNotice(police);
    ASSERT_LE(notice.header_digests_size(), static_cast<int>(kHoldNoticeReferralsMax));
    for (const std::string& digest : notice.header_digests()) EXPECT_TRUE(told.insert(digest).second);
    ASSERT_LE(++notices, 10);
  }
  EXPECT_EQ(told, stored);
  EXPECT_GE(notices, 2);
  EXPECT_GT(HolderOf(Settled(), "police").delivered_at_ms(), 0);

  ASSERT_EQ(Lift("inquiry-1"), absl::OkStatus());
  EXPECT_GT(NextNotice(police).lifted_at_ms(), 0);
  Settled();
  const auto view = world_.broker().sequencer().View();
  for (const std::string_view family : {kFamilyHoldCover, kFamilyHoldReferral}) {
    ASSERT_EQ((*view)->Scan(family, {}, [&](std::string_view, std::string_view) {
      ADD_FAILURE() << "a row is left in " << family;
      return false;
    }), absl::OkStatus());
  }
}

TEST_F(HoldApiTest, TheConfidentialDeskHearsOfItsOwnAndTheMainDeskOfNoneOfIt) {
  const auto key = world_.authority().IssueSealing("idva");
  admin::v1::Change change;
  *change.mutable_put_agency()->mutable_agency() = world_.broker().directory().Get()->FindAgency("idva")->agency;
  change.mutable_put_agency()->mutable_agency()->set_confidential_sealing_certificate(key.certificate.der());
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  const std::string digest = Stored({.request_id = "incident-1",
                                     .recipients = {"idva"},
                                     .certificates = {{"idva", key.certificate}},
                                     .alter = [](auto& parts) {
                                       parts.recipients[0].set_desk(DESK_CONFIDENTIAL);
                                       parts.subjects[1].set_works_at("idva");
                                     }});
  Collector desk(world_, "agency/idva/confidential", 8, DESK_CONFIDENTIAL);
  desk.Ack(desk.NextDelivery());
  ASSERT_EQ(world_.Change(HoldOfReferral("trial-1", digest)), absl::OkStatus());
  EXPECT_THAT(NextNotice(desk).header_digests(), UnorderedElementsAre(digest));
  const auto hold = Settled();
  EXPECT_GT(HolderOf(hold, "idva", DESK_CONFIDENTIAL).delivered_at_ms(), 0);
  EXPECT_EQ(hold.holders_size(), 2);
  EXPECT_EQ(world_.broker().mailboxes().depth({"idva"}), 0u);
  EXPECT_TRUE(HasReason(Answer("agency/idva", "answer-1", "trial-1", HOLD_ANSWER_HELD).status(), Reason::kHoldNotFound));
  const auto answered = Answer("agency/idva/confidential", "answer-1", "trial-1", HOLD_ANSWER_HELD);
  ASSERT_EQ(answered.status(), absl::OkStatus());
  // The main desk's receipt of that entry opens nothing.
  const auto main = v1::LedgerService::NewStub(world_.Channel("agency/idva"));
  v1::GetReceiptRequest request;
  request.set_index(ledger::ParseTlogProof(answered->receipt().tlog_proof())->index);
  const auto receipt = rpc::CallUnary(*main, &v1::LedgerService::Stub::GetReceipt, request, kTestTimeout);
  ASSERT_EQ(receipt.status(), absl::OkStatus());
  EXPECT_EQ(receipt->receipt().openings_size(), 0);
}

TEST_F(HoldApiTest, IsSetByTwoAndOnlyWhenItIsWellFormedAndCoversSomething) {
  const std::string digest = Stored({.request_id = "incident-1", .recipients = {"idva"}});
  const auto good = HoldOfReferral("trial-1", digest);
  const auto refused = [&](const std::function<void(admin::v1::SetHold&)>& alter) {
    auto change = good;
    alter(*change.mutable_set_hold());
    const absl::Status status = world_.Change(change);
    EXPECT_FALSE(status.ok());
    return DetailOf(status).reason;
  };
  EXPECT_EQ(refused([](auto& hold) { hold.clear_id(); }), Reason::kFieldMissing);
  EXPECT_EQ(refused([](auto& hold) { hold.set_id("Trial 1"); }), Reason::kFieldInvalid);
  EXPECT_EQ(refused([](auto& hold) { hold.set_id(std::string(kHoldIdCharsMax + 1, 'a')); }), Reason::kFieldInvalid);
  EXPECT_EQ(refused([](auto& hold) { hold.clear_header_digests(); }), Reason::kFieldMissing);
  EXPECT_EQ(refused([](auto& hold) { hold.add_header_digests("short"); }), Reason::kFieldInvalid);
  EXPECT_EQ(refused([](auto& hold) { hold.add_header_digests(std::string(32, 'x')); }), Reason::kReferralNotFound);
  EXPECT_EQ(refused([](auto& hold) { hold.add_case_pseudonyms(std::string(16, 'x')); }), Reason::kFieldInvalid);
  EXPECT_EQ(refused([](auto& hold) { hold.add_subjects()->set_token("short"); }), Reason::kFieldInvalid);
  EXPECT_EQ(refused([&](auto& hold) { for (int i = 0; i < kHoldTargetsMax; ++i) hold.add_header_digests(digest); }), Reason::kFieldInvalid);
  EXPECT_EQ(refused([](auto& hold) { hold.clear_ground(); }), Reason::kEnumUnknown);
  EXPECT_EQ(refused([](auto& hold) { hold.clear_authority(); }), Reason::kFieldMissing);
  EXPECT_EQ(refused([](auto& hold) { hold.set_authority("Her Honour Judge"); }), Reason::kFieldInvalid);
  EXPECT_EQ(refused([](auto& hold) { hold.clear_review_at_ms(); }), Reason::kFieldMissing);
  EXPECT_EQ(refused([](auto& hold) { hold.set_review_at_ms(1'000); }), Reason::kFieldInvalid);
  EXPECT_EQ(Covering(digest), std::nullopt);

  absl::Notification proposed, approved;
  absl::StatusOr<ChangeOutcome> outcome;
  world_.broker().sequencer().Submit(std::make_unique<ProposeChangeCommand>(
      world_.broker().change_rules(), Administrator{"alice", std::string(32, 'a')}, "hold-1-proposed", good, [&](auto done) {
        outcome = std::move(done);
        proposed.Notify();
      }));
  proposed.WaitForNotification();
  ASSERT_EQ(outcome.status(), absl::OkStatus());
  EXPECT_EQ(Covering(digest), std::nullopt);  // Not in force.
  EXPECT_TRUE(List().empty());
  world_.broker().sequencer().Submit(std::make_unique<ApproveChangeCommand>(
      world_.broker().change_rules(), Administrator{"alice", std::string(32, 'a')}, "hold-1-approved", outcome->number, [&](auto done) {
        outcome = std::move(done);
        approved.Notify();
      }));
  approved.WaitForNotification();
  EXPECT_TRUE(HasReason(outcome.status(), Reason::kSelfApproval));
  EXPECT_EQ(Covering(digest), std::nullopt);

  ASSERT_EQ(world_.Change(good), absl::OkStatus());
  EXPECT_EQ(Covering(digest), "trial-1");
  EXPECT_TRUE(HasReason(world_.Change(good), Reason::kFieldInvalid));  // The id is taken for ever.
  ASSERT_EQ(Lift("trial-1"), absl::OkStatus());
  EXPECT_TRUE(HasReason(world_.Change(good), Reason::kFieldInvalid));

  // Two holds of one referral: it stays covered until both are lifted.
  ASSERT_EQ(world_.Change(HoldOfReferral("trial-2", digest)), absl::OkStatus());
  ASSERT_EQ(world_.Change(HoldOfReferral("trial-3", digest)), absl::OkStatus());
  ASSERT_EQ(Lift("trial-2"), absl::OkStatus());
  EXPECT_EQ(Covering(digest), "trial-3");
  EXPECT_EQ(List().size(), 3u);
  EXPECT_EQ(List()[0].hold().id(), "trial-3");
}

// Holds and erasures name cases and referrals, and who has what of them: as a trail does.
TEST_F(HoldApiTest, AnAdministratorWithAConflictIsShownNoneAndHasNoPartInThem) {
  admin::v1::Change officer, bar;
  officer.mutable_put_officer()->set_id("carol");
  officer.mutable_put_officer()->set_active(true);
  ASSERT_EQ(world_.Change(officer), absl::OkStatus());
  const auto hold = HoldOfReferral("trial-1", Stored({.request_id = "incident-1", .recipients = {"idva"}}));
  ASSERT_EQ(world_.Change(hold), absl::OkStatus());
  const std::unique_ptr<admin::v1::AdminService::Stub> carol = admin::v1::AdminService::NewStub(world_.Channel("admin/carol")),
                                                       alice = admin::v1::AdminService::NewStub(world_.Channel("admin/alice"));
  using Stub = admin::v1::AdminService::Stub;
  // What is changed as `who` is shown it, a page for each, and the number of the hold.
  std::string number;
  const auto changes = [&](Stub& who) {
    std::vector<std::string> kinds;
    admin::v1::ListChangesRequest request;
    request.set_page_size(1);
    do {
      const auto page = rpc::CallUnary(who, &Stub::ListChanges, request, kTestTimeout);
      EXPECT_EQ(page.status(), absl::OkStatus());
      if (!page.ok()) break;
      for (const auto& row : page->changes()) {
        kinds.emplace_back(KindOf(row.change()));
        if (row.change().has_set_hold()) number = row.name();
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return kinds;
  };
  EXPECT_THAT(changes(*carol), ::testing::Contains("set_hold"));
  EXPECT_EQ(rpc::CallUnary(*carol, &Stub::ListHolds, {}, kTestTimeout).status(), absl::OkStatus());
  bar.mutable_put_conflict_list()->set_agency("administrators");
  bar.mutable_put_conflict_list()->add_workers("carol");
  ASSERT_EQ(world_.Change(bar), absl::OkStatus());

  const auto refused = [](const auto& response) { return HasReason(response.status(), Reason::kNotPermitted); };
  admin::v1::GetChangeRequest get;
  get.set_name(number);
  admin::v1::GetErasureRequest erasure;
  erasure.set_name(number);
  EXPECT_TRUE(refused(rpc::CallUnary(*carol, &Stub::ListHolds, {}, kTestTimeout)));
  EXPECT_TRUE(refused(rpc::CallUnary(*carol, &Stub::ListOverdue, {}, kTestTimeout)));
  EXPECT_TRUE(refused(rpc::CallUnary(*carol, &Stub::GetErasure, erasure, kTestTimeout)));
  EXPECT_TRUE(refused(rpc::CallUnary(*carol, &Stub::GetChange, get, kTestTimeout)));
  EXPECT_EQ(rpc::CallUnary(*alice, &Stub::GetChange, get, kTestTimeout).status(), absl::OkStatus());
  const auto shown = changes(*carol);
  EXPECT_THAT(shown, ::testing::Contains("put_officer"));
  EXPECT_THAT(shown, Not(::testing::Contains("set_hold")));
  EXPECT_THAT(changes(*alice), ::testing::IsSupersetOf({"set_hold", "put_conflict_list", "put_officer"}));
  // Neither does it learn by trying which referrals there are.
  admin::v1::ProposeChangeRequest propose;
  propose.set_request_id("hold-by-carol");
  *propose.mutable_change() = HoldOfReferral("trial-2", std::string(32, 'x'));
  propose.set_dry_run(true);
  EXPECT_TRUE(refused(rpc::CallUnary(*carol, &Stub::ProposeChange, propose, kTestTimeout)));
}

}  // namespace
}  // namespace accord::broker::hold_api_test

// Dead letters over the wire: a whole broker with TLS, a real store and a real log.
//
// Goal: what cannot be delivered is seen at both ends, by those who may know of it and by nobody else, and by either end put back or given
// up. Method: raw stubs of single agencies that poll, so that every byte an agency is sent can be looked at.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/api/testing_mailbox.h"

namespace accord::broker::dead_letter_api_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::ElementsAre;

class DeadLetterApiTest : public MailboxTest {
 protected:
  absl::StatusOr<v1::ListDeadLettersResponse> Page(const std::string& agency, int size, const std::string& token) {
    v1::ListDeadLettersRequest request;
    request.set_page_size(size);
    request.set_page_token(token);
    return rpc::CallUnary(*mailboxes_[agency], &v1::MailboxService::Stub::ListDeadLetters, request, kTestTimeout);
  }
  std::vector<v1::DeadLetter> Letters(const std::string& agency) {
    const auto response = Page(agency, 0, "");
    EXPECT_EQ(response.status(), absl::OkStatus());
    if (!response.ok()) return {};
    return {response->dead_letters().begin(), response->dead_letters().end()};
  }
  absl::StatusOr<Receipt> Requeue(const std::string& agency, const std::string& request_id, const std::string& delivery_id,
                                  const std::string& worker = "worker-1") {
    v1::RequeueDeadLetterRequest request;
    request.set_request_id(request_id);
    request.set_delivery_id(delivery_id);
    *request.mutable_worker() = WorkerOf(worker);
    ACCORD_ASSIGN_OR_RETURN(auto response,
                            rpc::CallUnary(*mailboxes_[agency], &v1::MailboxService::Stub::RequeueDeadLetter, request, kTestTimeout));
    return response.receipt();
  }
  absl::StatusOr<Receipt> Discard(const std::string& agency, const std::string& request_id, const std::string& delivery_id,
                                  DiscardReason reason = DISCARD_REASON_TOLD_OTHERWISE, const std::string& worker = "worker-1") {
    v1::DiscardDeadLetterRequest request;
    request.set_request_id(request_id);
    request.set_delivery_id(delivery_id);
    request.set_reason(reason);
    *request.mutable_worker() = WorkerOf(worker);
    ACCORD_ASSIGN_OR_RETURN(auto response,
                            rpc::CallUnary(*mailboxes_[agency], &v1::MailboxService::Stub::DiscardDeadLetter, request, kTestTimeout));
    return response.receipt();
  }
  // A referral that idva took and refused; the notices of it are taken too. The result: its delivery id.
  std::string Dead(const std::string& request_id, std::string* digest = nullptr) {
    const std::string stored = StoredForIdva(request_id);
    if (digest != nullptr) *digest = stored;
    const v1::Delivery delivery = CollectOne("idva");
    Reject("idva", delivery.delivery_id());
    Drain("idva");
    Drain("police");
    return delivery.delivery_id();
  }
  // As what the agency may not know of is answered.
  void ExpectAbsent(const std::string& agency, const std::string& delivery_id) {
    const std::string none(kIdBytes, 'x');
    for (const auto& [ours, theirs] : {std::pair(Requeue(agency, "absent-0001", delivery_id), Requeue(agency, "absent-0002", none)),
                                       std::pair(Discard(agency, "absent-0003", delivery_id), Discard(agency, "absent-0004", none))}) {
      EXPECT_TRUE(HasReason(ours.status(), Reason::kDeliveryNotFound)) << agency << ours.status();
      EXPECT_EQ(ours.status(), theirs.status());
    }
  }
};

TEST_F(DeadLetterApiTest, BothEndsSeeARefusedDeliveryAndAreTold) {
  const std::string digest = StoredForIdva("incident-1");
  const v1::Delivery first = CollectOne("idva");
  Nack("idva", first.delivery_id());
  clock_.Advance(absl::Minutes(5));
  EXPECT_EQ(CollectOne("idva").attempt(), 2u);
  EXPECT_TRUE(Letters("idva").empty());
  EXPECT_EQ(EventOf(Reject("idva", first.delivery_id()).receipt()).type(), EVENT_TYPE_DEAD_LETTER);
  EXPECT_EQ(StateAt("idva", digest), REFERRAL_STATE_DEAD_LETTER);
  for (const std::string agency : {"idva", "police"}) {
    const auto letters = Letters(agency);
    ASSERT_EQ(letters.size(), 1u) << agency;
    EXPECT_EQ(letters[0].delivery_id(), first.delivery_id());
    EXPECT_EQ(letters[0].recipient(), "idva");
    EXPECT_EQ(letters[0].header_digest(), digest);
    EXPECT_EQ(letters[0].statement_digest(), "");
    EXPECT_EQ(letters[0].lane(), LANE_HIGH);
    EXPECT_EQ(letters[0].reason(), "OPENING_MISMATCH");
    EXPECT_EQ(letters[0].dead_at_ms(), absl::ToUnixMillis(clock_.Now()));
    EXPECT_EQ(letters[0].attempts(), 2u);
    ASSERT_EQ(letters[0].history_size(), 2);
    EXPECT_EQ(letters[0].history(0).outcome(), "NACKED");
    EXPECT_EQ(letters[0].history(1).outcome(), "OPENING_MISMATCH");
  }
  const int64_t died = absl::ToUnixMillis(clock_.Now());
  for (const std::string agency : {"idva", "police"}) {
    const v1::Delivery told = CollectOne(agency);
    EXPECT_EQ(told.notice().kind(), NOTICE_KIND_DEAD_LETTER);
    EXPECT_EQ(told.notice().header_digest(), digest);
    EXPECT_EQ(told.notice().agency(), "idva");
    EXPECT_EQ(told.notice().due_at_ms(), died);
    // A notice that is refused is no dead letter, and nobody is told of it.
    Reject(agency, told.delivery_id());
    EXPECT_EQ(Letters(agency).size(), 1u);
    EXPECT_TRUE(Collect(agency).empty());
    ExpectAbsent(agency, told.delivery_id());
  }
  for (const std::string agency : {"childrens", "housing"}) {
    EXPECT_TRUE(Letters(agency).empty());
    ExpectAbsent(agency, first.delivery_id());
  }
}

TEST_F(DeadLetterApiTest, WhatIsWithheldAtReleaseIsItsSendersAlone) {
  const std::string never = StoredForIdva("incident-1"), once = StoredForIdva("incident-2");
  Deliveries both = Collect("idva", 1);
  ASSERT_EQ(both.size(), 1u);
  const std::string left = referral::DigestOf(both[0].referral().header());
  Nack("idva", both[0].delivery_id());
  ASSERT_EQ(world_.PutAgreement("2", R"("safety_plan")"), absl::OkStatus());
  clock_.Advance(absl::Minutes(5));
  EXPECT_TRUE(Collect("idva").empty());
  for (const std::string& digest : {never, once}) EXPECT_EQ(StateAt("idva", digest), REFERRAL_STATE_DEAD_LETTER);
  EXPECT_TRUE(Letters("idva").empty());
  EXPECT_TRUE(Collect("idva").empty());
  const auto letters = Letters("police");
  ASSERT_EQ(letters.size(), 2u);
  for (const auto& letter : letters) {
    EXPECT_EQ(letter.reason(), "NOTHING_PERMITTED");
    ExpectAbsent("idva", letter.delivery_id());  // One of them it had been given.
  }
  EXPECT_EQ(Drain("police").size(), 2u);

  // Under another agreement it may go after all.
  ASSERT_EQ(world_.PutAgreement("3", R"("identity", "risk", "narrative")"), absl::OkStatus());
  for (const auto& letter : letters) {
    const bool had_left = letter.header_digest() == left;
    const auto receipt = Requeue("police", "requeue-" + ToHex(letter.delivery_id().substr(0, 4)), letter.delivery_id());
    ASSERT_EQ(receipt.status(), absl::OkStatus());
    EXPECT_EQ(StateAt("idva", letter.header_digest()), had_left ? REFERRAL_STATE_RELEASED : REFERRAL_STATE_STORED);
    // Its recipient, which may not have it for all that is known, reads nothing of the act in the log.
    const auto stub = v1::LedgerService::NewStub(world_.Channel("agency/idva"));
    v1::GetReceiptRequest request;
    request.set_index(IndexOf(*receipt));
    const auto seen = rpc::CallUnary(*stub, &v1::LedgerService::Stub::GetReceipt, request, kTestTimeout);
    ASSERT_EQ(seen.status(), absl::OkStatus());
    EXPECT_EQ(seen->receipt().openings_size(), 0);
  }
  EXPECT_EQ(Drain("idva").size(), 2u);
}

TEST_F(DeadLetterApiTest, EitherEndRequeues) {
  std::string digest;
  const std::string id = Dead("incident-1", &digest);
  // The recipient: the sender is told. It waits again after a restart too.
  const auto receipt = Requeue("idva", "requeue-0001", id);
  ASSERT_EQ(receipt.status(), absl::OkStatus());
  EXPECT_EQ(EventOf(*receipt).type(), EVENT_TYPE_DEAD_LETTER_REQUEUED);
  EXPECT_EQ(StateAt("idva", digest), REFERRAL_STATE_RELEASED);
  for (const std::string agency : {"idva", "police"}) EXPECT_TRUE(Letters(agency).empty());
  const v1::Delivery told = CollectOne("police");
  EXPECT_EQ(told.notice().kind(), NOTICE_KIND_DEAD_LETTER_REQUEUED);
  EXPECT_EQ(told.notice().header_digest(), digest);
  Ack("police", told.delivery_id());

  Restart();
  const auto repeated = Requeue("idva", "requeue-0001", id);
  ASSERT_EQ(repeated.status(), absl::OkStatus());
  EXPECT_EQ(IndexOf(*repeated), IndexOf(*receipt));
  EXPECT_TRUE(HasReason(Discard("idva", "requeue-0001", id).status(), Reason::kRequestIdReused));
  EXPECT_TRUE(HasReason(Requeue("idva", "requeue-0002", id).status(), Reason::kTransitionIllegal));
  EXPECT_TRUE(HasReason(Requeue("police", "requeue-0002", id).status(), Reason::kTransitionIllegal));
  const v1::Delivery again = CollectOne("idva");
  EXPECT_EQ(again.delivery_id(), id);
  EXPECT_EQ(again.attempt(), 2u);
  EXPECT_EQ(EventOf(again.released()).type(), EVENT_TYPE_RELEASED);

  // The sender: the delivery itself tells its recipient.
  Reject("idva", id, "RECEIPT_INVALID");
  EXPECT_EQ(Drain("idva").size(), 1u);
  EXPECT_EQ(Drain("police").size(), 1u);
  EXPECT_EQ(Letters("police")[0].reason(), "RECEIPT_INVALID");
  ASSERT_EQ(Requeue("police", "requeue-0001", id).status(), absl::OkStatus());  // Request ids are the agency's own.
  EXPECT_TRUE(Collect("police").empty());
  Deliveries third = Collect("idva");
  ASSERT_EQ(third.size(), 1u);
  EXPECT_EQ(third[0].attempt(), 3u);
  Ack("idva", id);
  EXPECT_EQ(StateAt("idva", digest), REFERRAL_STATE_DELIVERED);
  EXPECT_TRUE(HasReason(Requeue("idva", "requeue-0003", id).status(), Reason::kTransitionIllegal));
}

TEST_F(DeadLetterApiTest, ADeadLetterFreesItsKeyAndComesBackAtTheEnd) {
  const std::string first = Stored({.request_id = "incident-1", .recipients = {"idva"}});
  const std::string second = Stored({.request_id = "incident-2", .recipients = {"idva"}});
  const v1::Delivery one = CollectOne("idva");  // The second is of the same case, and waits for it.
  Reject("idva", one.delivery_id());
  ASSERT_EQ(Requeue("idva", "requeue-0001", one.delivery_id()).status(), absl::OkStatus());
  std::vector<std::string> digests;
  for (const v1::Delivery& delivery : Drain("idva")) {
    if (delivery.has_referral()) digests.push_back(referral::DigestOf(delivery.referral().header()));
  }
  EXPECT_THAT(digests, ElementsAre(second, first));
}

TEST_F(DeadLetterApiTest, ManyAttemptsBeforeDoNotCountAfterIt) {
  std::string digest;
  const std::string id = Dead("incident-1", &digest);
  for (int i = 0; i < 25; ++i) {  // More than a delivery is attempted in one go.
    ASSERT_EQ(Requeue("idva", fmt::format("requeue-{:04}", i), id).status(), absl::OkStatus());
    EXPECT_EQ(CollectOne("idva").delivery_id(), id);
    Reject("idva", id);
    Drain("idva");
    Drain("police");
  }
  ASSERT_EQ(Requeue("idva", "requeue-last", id).status(), absl::OkStatus());
  clock_.Advance(absl::Hours(3));  // The recipient is away.
  EXPECT_EQ(CollectOne("idva").attempt(), 27u);
}

TEST_F(DeadLetterApiTest, EitherEndDiscardsForGood) {
  std::string digest;
  const std::string id = Dead("incident-1", &digest);
  EXPECT_TRUE(HasReason(Discard("idva", "discard-0001", id, DISCARD_REASON_UNSPECIFIED).status(), Reason::kFieldMissing));
  EXPECT_EQ(Letters("idva").size(), 1u);
  const auto receipt = Discard("idva", "discard-0002", id, DISCARD_REASON_NOT_NEEDED);
  ASSERT_EQ(receipt.status(), absl::OkStatus());
  EXPECT_EQ(EventOf(*receipt).type(), EVENT_TYPE_DEAD_LETTER_DISCARDED);
  EXPECT_EQ(EventOf(*receipt).discard_reason(), DISCARD_REASON_NOT_NEEDED);
  EXPECT_EQ(StateAt("idva", digest), REFERRAL_STATE_DEAD_LETTER);
  for (const std::string agency : {"idva", "police"}) {
    EXPECT_TRUE(Letters(agency).empty());
    EXPECT_TRUE(HasReason(Requeue(agency, "requeue-0001", id).status(), Reason::kTransitionIllegal));
    EXPECT_TRUE(HasReason(Discard(agency, "discard-0003", id).status(), Reason::kTransitionIllegal));
  }
  EXPECT_EQ(CollectOne("police").notice().kind(), NOTICE_KIND_DEAD_LETTER_DISCARDED);
  EXPECT_TRUE(Collect("idva").empty());
  EXPECT_EQ(RowsOf(kFamilyDeadLetter), 0u);

  const std::string other = Dead("incident-2");
  ASSERT_EQ(Discard("police", "discard-0001", other, DISCARD_REASON_MISDIRECTED).status(), absl::OkStatus());
  EXPECT_EQ(CollectOne("idva").notice().kind(), NOTICE_KIND_DEAD_LETTER_DISCARDED);
}

TEST_F(DeadLetterApiTest, WhatWasRecalledIsNotRequeuedAndWhatASenderStoppedIsNoDeadLetter) {
  std::string digest;
  const std::string id = Dead("incident-1", &digest);
  const std::string waiting = StoredForIdva("incident-2");
  ASSERT_EQ(Recall("recall-0001", digest), absl::OkStatus());
  ASSERT_EQ(Recall("recall-0002", waiting), absl::OkStatus());
  EXPECT_EQ(StateAt("idva", waiting), REFERRAL_STATE_RECALLED);
  for (const std::string agency : {"idva", "police"}) {
    EXPECT_TRUE(HasReason(Requeue(agency, "requeue-0001", id).status(), Reason::kTransitionIllegal));
    ASSERT_EQ(Letters(agency).size(), 1u);
    EXPECT_EQ(Letters(agency)[0].delivery_id(), id);
  }
  // The statement that recalls it is another matter: it must arrive.
  const v1::Delivery recall = CollectOne("idva");
  ASSERT_TRUE(recall.has_statement());
  Reject("idva", recall.delivery_id());
  const auto letters = Letters("idva");
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters[0].statement_digest(), referral::DigestOf(recall.statement())) << "the newest first";
  ASSERT_EQ(Requeue("police", "requeue-0002", recall.delivery_id()).status(), absl::OkStatus());
  Deliveries again = Drain("idva");
  ASSERT_EQ(again.size(), 2u);
  EXPECT_TRUE(again[0].has_statement());
  EXPECT_EQ(Discard("idva", "discard-0001", id).status(), absl::OkStatus());
}

TEST_F(DeadLetterApiTest, AWorkerInConflictDoesNeither) {
  const std::string id = Dead("incident-1");
  ASSERT_EQ(Bar("idva", "cousin"), absl::OkStatus());
  EXPECT_TRUE(HasReason(Requeue("idva", "requeue-0001", id, "cousin").status(), Reason::kNotPermitted));
  EXPECT_TRUE(HasReason(Discard("idva", "discard-0001", id, DISCARD_REASON_NOT_NEEDED, "cousin").status(), Reason::kNotPermitted));
  EXPECT_EQ(Letters("idva").size(), 1u);
  EXPECT_EQ(Requeue("idva", "requeue-0001", id, "another").status(), absl::OkStatus());
}

TEST_F(DeadLetterApiTest, OneDeskSeesNothingOfTheOther) {
  const auto key = world_.authority().IssueSealing("idva");
  admin::v1::Change change;
  *change.mutable_put_agency()->mutable_agency() = world_.broker().directory().Get()->FindAgency("idva")->agency;
  change.mutable_put_agency()->mutable_agency()->set_confidential_sealing_certificate(key.certificate.der());
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  const std::string desk = "idva/confidential";
  mailboxes_[desk] = v1::MailboxService::NewStub(world_.Channel("agency/" + desk));
  Stored({.request_id = "incident-1",
          .recipients = {"idva"},
          .certificates = {{"idva", key.certificate}},
          .alter = [](auto& parts) {
            parts.recipients[0].set_desk(DESK_CONFIDENTIAL);
            parts.subjects[1].set_works_at("idva");
          }});
  const std::string id = CollectOne(desk).delivery_id();
  Reject(desk, id);
  EXPECT_EQ(Letters(desk).size(), 1u);
  EXPECT_TRUE(Letters("idva").empty());
  ExpectAbsent("idva", id);
  EXPECT_TRUE(Collect("idva").empty());
  const v1::Delivery told = CollectOne(desk);
  EXPECT_EQ(told.notice().kind(), NOTICE_KIND_DEAD_LETTER);
  Ack(desk, told.delivery_id());
  EXPECT_EQ(Requeue(desk, "requeue-0001", id).status(), absl::OkStatus());
  EXPECT_EQ(Drain(desk).size(), 1u);
  EXPECT_TRUE(Collect("idva").empty());
}

TEST_F(DeadLetterApiTest, PagesTheNewestFirst) {
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(Dead(fmt::format("incident-{}", i)));
  std::vector<std::string> seen;
  std::string token;
  int pages = 0;
  do {
    const auto page = Page("police", 1, token);
    ASSERT_EQ(page.status(), absl::OkStatus());
    for (const auto& letter : page->dead_letters()) seen.push_back(letter.delivery_id());
    token = page->next_page_token();
    ++pages;
    EXPECT_TRUE(token.empty() || HasReason(Page("idva", 1, token).status(), Reason::kPageTokenInvalid));
  } while (!token.empty());
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(seen, ElementsAre(ids[2], ids[1], ids[0]));
  EXPECT_TRUE(HasReason(Page("police", 501, "").status(), Reason::kFieldInvalid));
}

TEST_F(DeadLetterApiTest, AnErasureTakesThemAlong) {
  std::string digest;
  const std::string id = Dead("incident-1", &digest);
  StoredForIdva("incident-2");
  Reject("idva", CollectOne("idva").delivery_id());
  EXPECT_EQ(RowsOf(kFamilyDeadLetter), 4u);
  admin::v1::Change change;
  change.mutable_erase()->set_header_digest(digest);
  change.mutable_erase()->set_ground(ERASURE_GROUND_ORDER);
  change.mutable_erase()->set_authority("county-court/7");
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  while (RowsOf(kFamilyDeadLetter) != 2) {  // Within seconds: the eraser is told.
  }
  for (const std::string agency : {"idva", "police"}) {
    EXPECT_EQ(Letters(agency).size(), 1u);
    ExpectAbsent(agency, id);
  }
}

}  // namespace
}  // namespace accord::broker::dead_letter_api_test

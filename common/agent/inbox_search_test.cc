// Finding what was received, and what is not found by whom.
#include "common/agent/inbox_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/agent/testing_service.h"

namespace accord::agent::inbox_search_test {
namespace {

using agency::v1::SearchInboxRequest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

type::v1::Person Person(const std::string& family, const std::string& given, const std::string& born) {
  type::v1::Person person;
  person.set_family_name(family);
  person.set_given_names(given);
  if (!born.empty()) person.add_dates_of_birth(born);
  return person;
}

class InboxSearchTest : public AgentTest {
 protected:
  InboxSearchTest() { SignWithKnownCertificate(); }

  std::string Deliver(const std::string& request_id, const type::v1::Person& victim, int64_t pick_up_due_ms = 0,
                      const std::function<void(Draft&)>& alter = [](Draft&) {}) {
    Draft draft = SomeDraft(request_id);
    *draft.sections[0].content.mutable_identity()->mutable_victim() = victim;
    alter(draft);
    EXPECT_TRUE(police.outbox->Push(draft).ok());
    police.Settle();
    auto delivery = DeliveryFor(idva);
    delivery.mutable_referral()->set_pick_up_due_ms(pick_up_due_ms);
    EXPECT_TRUE(idva.inbox->Receive(delivery).ok());
    const std::string digest = referral::DigestOf(delivery.referral().header());
    names_[digest] = request_id;
    return digest;
  }
  absl::StatusOr<InboxPage> Search(const SearchInboxRequest& request, uint64_t before = 0, int limit = 50) {
    return SearchInbox(*idva.inbox, *idva.workers, idva.keys, request, before, limit, clock.Now());
  }
  // Request ids of what is found.
  std::vector<std::string> Found(const std::function<void(SearchInboxRequest&)>& ask, const std::string& worker = "w-1") {
    SearchInboxRequest request;
    *request.mutable_worker() = SomeWorker();
    request.mutable_worker()->set_pseudonym(worker);
    ask(request);
    const auto page = Search(request);
    EXPECT_TRUE(page.ok()) << page.status();
    std::vector<std::string> ids;
    if (page.ok()) {
      for (const auto& entry : page->entries) ids.push_back(names_[entry.header_digest]);
    }
    return ids;
  }
  absl::Status Refused(const std::function<void(SearchInboxRequest&)>& ask) {
    SearchInboxRequest request;
    ask(request);
    return Search(request).status();
  }

  std::map<std::string, std::string> names_;
};

TEST_F(InboxSearchTest, FindsAPersonAlsoWhereOneThingIsWrittenWrongly) {
  Deliver("request-1", Person("Ashdown", "Miriam", "1990-02-03"));
  Deliver("request-2", Person("Okafor", "Grace", "1985-07-19"));
  const auto of = [&](const type::v1::Person& person) { return Found([&](auto& request) { *request.mutable_person() = person; }); };
  EXPECT_THAT(of(Person("Ashdown", "Miriam", "1990-02-03")), ElementsAre("request-1"));
  EXPECT_THAT(of(Person("ashdown", "MIRIAM", "1990-03-02")), ElementsAre("request-1")) << "day and month";
  EXPECT_THAT(of(Person("Ashdown", "Miriam", "1990")), ElementsAre("request-1"));
  EXPECT_THAT(of(Person("Ashdown", "Margaret", "1961-05-06")), IsEmpty());
  EXPECT_TRUE(HasReason(Refused([](auto& request) { *request.mutable_person() = Person("Ashdown", "Miriam", ""); }), Reason::kFieldInvalid));
}

TEST_F(InboxSearchTest, FindsByWhoSentItWhatItIsAndWhereItStands) {
  const auto someone = Person("Ashdown", "Miriam", "1990-02-03");
  const std::string first = Deliver("request-1", someone);
  clock.Advance(absl::Hours(1));
  const int64_t later = absl::ToUnixMillis(clock.Now());
  Deliver("request-2", someone, 0, [](Draft& draft) {
    draft.core.set_purpose(type::v1::PURPOSE_MARAC);
    draft.core.mutable_risk()->set_grade(type::v1::RISK_GRADE_HIGH);
    draft.core.mutable_risk()->set_instrument(type::v1::INSTRUMENT_DASH_YP);
    draft.sections.pop_back();
  });
  const auto found = [&](auto ask) { return Found(ask); };
  EXPECT_THAT(found([](auto&) {}), ElementsAre("request-2", "request-1")) << "the newest first";
  EXPECT_THAT(found([](auto& r) { r.add_senders("police"); }), ElementsAre("request-2", "request-1"));
  EXPECT_THAT(found([](auto& r) { r.add_senders("health"); }), IsEmpty());
  EXPECT_THAT(found([](auto& r) { r.add_types(type::v1::REFERRAL_TYPE_NOTIFICATION); }), IsEmpty());
  EXPECT_THAT(found([](auto& r) { r.add_types(type::v1::REFERRAL_TYPE_REFERRAL); }), ElementsAre("request-2", "request-1"));
  EXPECT_THAT(found([](auto& r) { r.add_purposes(type::v1::PURPOSE_SUPPORT); }), ElementsAre("request-1"));
  EXPECT_THAT(found([](auto& r) { r.set_grade_at_least(type::v1::RISK_GRADE_MEDIUM); }), ElementsAre("request-2"));
  EXPECT_THAT(found([](auto& r) { r.set_category(type::v1::CATEGORY_NARRATIVE); }), ElementsAre("request-1"));
  EXPECT_THAT(found([&](auto& r) { r.set_received_from_ms(later); }), ElementsAre("request-2"));
  EXPECT_THAT(found([&](auto& r) { r.set_received_until_ms(later); }), ElementsAre("request-1")) << "before, not at";
  EXPECT_THAT(found([](auto& r) { r.set_unopened(true); }), ElementsAre("request-2", "request-1"));
  ASSERT_TRUE(idva.inbox->Read("read-0001", first, SomeWorker()).ok());
  EXPECT_THAT(found([](auto& r) { r.set_unopened(true); }), ElementsAre("request-2"));
  EXPECT_THAT(found([](auto& r) { r.add_states(type::v1::REFERRAL_STATE_OPENED); }), ElementsAre("request-1"));
  EXPECT_TRUE(HasReason(Refused([](auto& r) { r.set_received_from_ms(-1); }), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Refused([](auto& r) { r.set_received_until_ms(-1); }), Reason::kFieldInvalid));
  const auto senders = [](int count) {
    return [count](auto& r) {
      for (int i = 0; i < count; ++i) r.add_senders("police");
    };
  };
  EXPECT_TRUE(Refused(senders(kSearchedSendersMax)).ok());
  EXPECT_TRUE(HasReason(Refused(senders(kSearchedSendersMax + 1)), Reason::kFieldInvalid));
}

TEST_F(InboxSearchTest, FindsWhatIsOverdueFromTheMomentItIs) {
  const auto someone = Person("Ashdown", "Miriam", "1990-02-03");
  const std::string digest = Deliver("request-1", someone, absl::ToUnixMillis(clock.Now() + absl::Hours(1)));
  Deliver("request-2", someone);
  const auto overdue = [&] { return Found([](auto& request) { request.set_overdue(true); }); };
  EXPECT_THAT(overdue(), IsEmpty());
  clock.Advance(absl::Hours(1));
  EXPECT_THAT(overdue(), ElementsAre("request-1"));
  ASSERT_TRUE(idva.inbox->Read("read-0001", digest, SomeWorker()).ok());
  EXPECT_THAT(overdue(), IsEmpty());
}

TEST_F(InboxSearchTest, FindsByWhoHasIt) {
  const auto someone = Person("Ashdown", "Miriam", "1990-02-03");
  const std::string one = Deliver("request-1", someone), two = Deliver("request-2", someone);
  Deliver("request-3", someone);
  const auto people = *idva.inbox->People(one);
  ASSERT_TRUE(idva.workers->Assign("assign-01", one, SomeWorker(), "w-1", "north", people).ok());
  ASSERT_TRUE(idva.workers->Assign("assign-02", two, SomeWorker(), "", "north", people).ok());
  EXPECT_THAT(Found([](auto& r) { r.set_assigned_worker("w-1"); }), ElementsAre("request-1"));
  EXPECT_THAT(Found([](auto& r) { r.set_assigned_team("north"); }), ElementsAre("request-2", "request-1"));
  EXPECT_THAT(Found([](auto& r) { r.set_assigned_team("south"); }), IsEmpty());
  EXPECT_THAT(Found([](auto& r) { r.set_unassigned(true); }), ElementsAre("request-3"));
}

TEST_F(InboxSearchTest, WhatAWorkerMayNotKnowOfIsNotFoundByThem) {
  Deliver("request-1", Person("Ashdown", "Miriam", "1990-02-03"));
  Deliver("request-2", Person("Okafor", "Grace", "1985-07-19"));
  agency::v1::WorkerRecord record;
  record.set_pseudonym("kin");
  *record.add_conflicts() = Person("Ashdown", "Miriam", "1990-02-03");
  ASSERT_TRUE(idva.workers->Put("put-00001", record, SomeWorker(), [&](std::string_view digest) { return idva.inbox->People(digest); }).ok());
  const auto hers = [](auto& request) { *request.mutable_person() = Person("Ashdown", "Miriam", "1990-02-03"); };
  EXPECT_THAT(Found([](auto&) {}, "kin"), ElementsAre("request-2"));
  EXPECT_THAT(Found(hers, "kin"), IsEmpty());
  EXPECT_THAT(Found(hers, "w-1"), ElementsAre("request-1"));
}

TEST_F(InboxSearchTest, PagesGoOnFromWhereTheyEnded) {
  for (int i = 1; i <= 3; ++i) Deliver("request-" + std::to_string(i), Person("Ashdown", "Miriam", "1990-02-03"));
  const SearchInboxRequest all;
  auto page = *Search(all, 0, 2);
  ASSERT_EQ(page.entries.size(), 2u);
  EXPECT_EQ(page.next, 2u);
  page = *Search(all, page.next, 2);
  ASSERT_EQ(page.entries.size(), 1u);
  EXPECT_EQ(page.next, 0u);
  EXPECT_EQ(Search(all, 0, 3)->next, 0u) << "the last one filled the page";
}

TEST_F(InboxSearchTest, LooksAtSoManyRowsAndGoesOnFromThere) {
  Deliver("request-1", Person("Ashdown", "Miriam", "1990-02-03"));
  accord::storage::Batch batch;  // Places of what is gone stand for what does not fit.
  for (uint64_t i = 2; i < 2 + kInboxRowsLookedAtMax; ++i) batch.Put(kFamilyInboxOrder, KeyU64(i), std::string(32, 'x'));
  ASSERT_TRUE(idva.store->Commit(batch).ok());
  auto page = *Search(SearchInboxRequest());
  EXPECT_THAT(page.entries, IsEmpty());
  EXPECT_EQ(page.next, 2u);
  page = *Search(SearchInboxRequest(), page.next);
  EXPECT_EQ(page.entries.size(), 1u);
  EXPECT_EQ(page.next, 0u);
}

}  // namespace
}  // namespace accord::agent::inbox_search_test

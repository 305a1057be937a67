// The journal: order, what it is found by, its bounds, and what of it survives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/agent/testing_service.h"
#include "common/referral/referral_name.h"

namespace accord::agent::journal_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class JournalTest : public AgentTest {
 protected:
  void Note(const std::string& pseudonym, const std::string& about, const std::string& other = "") {
    agency::v1::JournalEntry entry;
    entry.set_act(agency::v1::JOURNAL_ACT_READ);
    entry.mutable_worker()->set_pseudonym(pseudonym);
    entry.set_about(about);
    entry.set_other_worker(other);
    EXPECT_TRUE(idva.journal->Record(std::move(entry)).ok());
  }
  std::vector<uint64_t> Found(uint64_t before, int limit, std::string_view about = "", std::string_view pseudonym = "") {
    const auto page = idva.journal->List(before, limit, about, pseudonym);
    EXPECT_TRUE(page.ok()) << page.status();
    next = page->next;
    std::vector<uint64_t> sequences;
    for (const auto& entry : page->entries) sequences.push_back(entry.sequence());
    return sequences;
  }
  uint64_t next = 0;
};

TEST_F(JournalTest, ListsTheNewestFirstByReferralAndByWorker) {
  EXPECT_THAT(Found(0, 10), IsEmpty());
  Note("w-1", "referrals/aa");
  Note("w-2", "referrals/ab");
  Note("w-2", "referrals/aa", "w-3");
  EXPECT_THAT(Found(0, 10), ElementsAre(3, 2, 1));
  EXPECT_THAT(Found(0, 10, "referrals/aa"), ElementsAre(3, 1));
  EXPECT_THAT(Found(0, 10, "referrals/a"), IsEmpty());
  EXPECT_THAT(Found(0, 10, "", "w-2"), ElementsAre(3, 2));
  EXPECT_THAT(Found(0, 10, "", "w-3"), ElementsAre(3)) << "of whom something was done";
  EXPECT_THAT(Found(0, 10, "referrals/aa", "w-1"), ElementsAre(1));
  idva.Restart();
  Note("w-1", "referrals/aa");
  EXPECT_THAT(Found(0, 10, "referrals/aa"), ElementsAre(4, 3, 1));
}

TEST_F(JournalTest, PagesEndWhereTheEntriesDo) {
  for (int i = 0; i < 4; ++i) Note("w-1", "referrals/aa");
  EXPECT_THAT(Found(0, 2), ElementsAre(4, 3));
  EXPECT_EQ(next, 3u);
  EXPECT_THAT(Found(next, 2), ElementsAre(2, 1));
  EXPECT_EQ(next, 0u);
  EXPECT_THAT(Found(0, 3, "referrals/aa"), ElementsAre(4, 3, 2));
  EXPECT_EQ(next, 2u);
  EXPECT_THAT(Found(next, 3, "referrals/aa"), ElementsAre(1));
  EXPECT_EQ(next, 0u);
}

TEST_F(JournalTest, LooksAtSoManyRowsAndGoesOnFromThere) {
  Note("w-1", "");
  accord::storage::Batch batch;
  agency::v1::JournalEntry other;
  other.mutable_worker()->set_pseudonym("w-2");
  for (size_t i = 0; i < kJournalRowsLookedAtMax; ++i) idva.journal->Append(batch, other);
  ASSERT_TRUE(idva.store->Commit(batch).ok());
  EXPECT_THAT(Found(0, 10, "", "w-1"), IsEmpty());
  EXPECT_EQ(next, 2u);
  EXPECT_THAT(Found(next, 10, "", "w-1"), ElementsAre(1));
  EXPECT_EQ(next, 0u);
}

TEST_F(JournalTest, RefusalsOfOneMinuteAreBounded) {
  const auto refuse = [&] { EXPECT_TRUE(idva.journal->RecordRefusal(agency::v1::JournalEntry()).ok()); };
  for (int i = 0; i < kRefusalsPerMinuteMax + 1; ++i) refuse();
  EXPECT_EQ(Found(0, 500).size(), static_cast<size_t>(kRefusalsPerMinuteMax));
  clock.Advance(absl::Minutes(1));
  refuse();
  EXPECT_EQ(Found(0, 500).size(), static_cast<size_t>(kRefusalsPerMinuteMax) + 1);
}

TEST_F(JournalTest, WhatIsPushedReadAndSaidIsInItWithItsWorker) {
  const std::string digest = DeliverOne();
  ASSERT_TRUE(idva.inbox->Read("read-0001", digest, SomeWorker()).ok());
  ASSERT_TRUE(idva.inbox->Act("accept-01", digest, SomeWorker(), type::v1::STATEMENT_KIND_ACCEPTED, [](auto&) {}).ok());
  const auto page = idva.journal->List(0, 10, referral::ReferralName(digest), "w-1");
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->entries.size(), 3u);
  EXPECT_EQ(page->entries[0].act(), agency::v1::JOURNAL_ACT_STATEMENT);
  EXPECT_EQ(page->entries[0].statement(), type::v1::STATEMENT_KIND_ACCEPTED);
  EXPECT_EQ(page->entries[0].worker().role(), type::v1::WORKER_ROLE_PRACTITIONER);
  EXPECT_EQ(page->entries[0].at_ms(), absl::ToUnixMillis(clock.Now()));
  EXPECT_EQ(page->entries[1].act(), agency::v1::JOURNAL_ACT_READ);
  EXPECT_EQ(page->entries[2].statement(), type::v1::STATEMENT_KIND_OPENED);
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok()) << "pushed again";
  const auto pushed = police.journal->List(0, 10, "request-1", "");
  ASSERT_EQ(pushed->entries.size(), 1u);
  EXPECT_EQ(pushed->entries[0].act(), agency::v1::JOURNAL_ACT_PUSHED);
}

TEST_F(JournalTest, NothingIsReadThatIsNotRecorded) {
  const std::string digest = DeliverOne();
  ASSERT_TRUE(idva.inbox->Read("read-0001", digest, SomeWorker()).ok());
  idva.disk.full = true;
  EXPECT_TRUE(HasReason(idva.inbox->Read("read-0002", digest, SomeWorker()).status(), Reason::kStoreUnavailable));
}

}  // namespace
}  // namespace accord::agent::journal_test

// What one page of a trail shows and reads, over a log in memory.
#include "services/broker/trails/trail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/broker/directory/families.h"
#include "services/broker/trails/testing_log.h"

namespace accord::broker::trail_test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class ReadTrailTest : public ::testing::Test {
 protected:
  ReadTrailTest() {
    EXPECT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
                ACCORD_ASSIGN_OR_RETURN(const auto opened, context.OpenChain());
                chain_ = opened.pseudonym;
                return context.AddEntry(Draft(type::v1::EVENT_TYPE_REFERRAL_STORED, "agency/police")).status();
              }),
              absl::OkStatus());
    trail_.query.draft.chains = {chain_};
    trail_.scope = Scope::All();
    trail_.every_entry = true;
  }

  EntryDraft Draft(type::v1::EventType type, const std::string& actor) const {
    EntryDraft entry;
    entry.chains = {chain_};
    entry.event.set_type(type);
    entry.actor.emplace().set_principal(actor);
    auto& about = entry.referral.emplace();
    about.set_header_digest(std::string(32, 'd'));
    about.set_sender("police");
    about.set_recipient("idva");
    return entry;
  }
  // So many entries, of which a recipient may know nothing; then the query. Its index.
  uint64_t AddThenQuery(int entries) {
    uint64_t query = 0;
    EXPECT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
                for (int i = 0; i < entries; ++i) ACCORD_RETURN_IF_ERROR(context.AddEntry(Draft(type::v1::EVENT_TYPE_WITHHELD_AT_RELEASE, "broker")));
                ACCORD_ASSIGN_OR_RETURN(query, context.AddEntry(Draft(type::v1::EVENT_TYPE_TRAIL_QUERIED, caller_.principal)));
                return absl::OkStatus();
              }),
              absl::OkStatus());
    return query;
  }
  void AskAs(options::v1::Caller kind, const std::string& id) {
    caller_ = {.kind = kind, .id = id, .principal = PrincipalName(kind, id)};
    trail_.every_entry = kind == options::v1::CALLER_ADMIN;
  }
  absl::StatusOr<TrailPage> Read(const ReadView& view, uint64_t query, uint64_t from = 0, int entries_max = 500) {
    return ReadTrail(view, executor_, {caller_, "", "", "", *directory_, log_.now}, trail_, query, from, entries_max);
  }

  TestingLog log_;
  Executor executor_{3, 16};
  const std::shared_ptr<const DirectorySnapshot> directory_ = log_.Directory();
  Caller caller_{.kind = options::v1::CALLER_ADMIN, .id = "alice", .principal = "admin/alice"};
  std::string chain_;
  Trail trail_;
};

TEST_F(ReadTrailTest, PagesFollowOneAnotherAndEndWithTheQuery) {
  const uint64_t query = AddThenQuery(4);  // Six with the stored entry.
  const auto first = Read(log_.View(), query, 0, 4);
  ASSERT_EQ(first.status(), absl::OkStatus());
  EXPECT_THAT(first->entries, SizeIs(4));
  EXPECT_FALSE(first->last);
  const auto second = Read(log_.View(), query, first->next_sequence, 4);
  ASSERT_EQ(second.status(), absl::OkStatus());
  ASSERT_THAT(second->entries, SizeIs(2));
  EXPECT_EQ(second->entries.front().index, first->entries.back().index + 1);
  EXPECT_EQ(second->entries.back().index, query);
  EXPECT_TRUE(second->last);

  AddThenQuery(3);  // What came after the query is none of its pages.
  EXPECT_THAT(Read(log_.View(), query)->entries, SizeIs(6));
  EXPECT_TRUE(Read(log_.View(), query, 0, 6)->last);
  EXPECT_FALSE(Read(log_.View(), query, 0, 5)->last);
  EXPECT_THAT(Read(log_.View(), query, 6)->entries, IsEmpty());  // Beyond the end.
}

TEST_F(ReadTrailTest, APageLooksAtNoMoreEntriesThanItMay) {
  AskAs(options::v1::CALLER_AGENCY, "idva");
  const uint64_t query = AddThenQuery(kTrailEntriesScannedMax);
  const auto first = Read(log_.View(), query, 0, 1);
  ASSERT_EQ(first.status(), absl::OkStatus());
  EXPECT_THAT(first->entries, IsEmpty());
  EXPECT_FALSE(first->last);
  EXPECT_EQ(first->next_sequence, static_cast<uint64_t>(kTrailEntriesScannedMax));
  const auto second = Read(log_.View(), query, first->next_sequence, 1);
  ASSERT_EQ(second.status(), absl::OkStatus());
  ASSERT_THAT(second->entries, SizeIs(1));
  EXPECT_EQ(second->entries.front().index, query);
  EXPECT_TRUE(second->last);
}

TEST_F(ReadTrailTest, AnEntryThatItsChainLacksIsNoShorterTrail) {
  const uint64_t query = AddThenQuery(4);
  log_.store().Delete(kFamilyChainEntry, ChainEntryKey(chain_, 2));
  EXPECT_TRUE(HasReason(Read(log_.View(), query).status(), Reason::kStoreCorrupt));
  EXPECT_TRUE(HasReason(Read(log_.View(), query, 2).status(), Reason::kStoreCorrupt));
  EXPECT_EQ(Read(log_.View(), query, 3).status(), absl::OkStatus());
}

// Each read by key is a place of its own in a long log: leaf and openings, and no more.
TEST_F(ReadTrailTest, ReadsTwoPlacesForEachEntry) {
  const auto counts = [&](int entries) {
    const uint64_t query = AddThenQuery(entries);
    CountedReads store(log_.store());
    EXPECT_EQ(Read(log_.ViewOf(store), query).status(), absl::OkStatus());
    return std::pair<int, int>(store.gets, store.scans);
  };
  const auto [gets, scans] = counts(10);  // Twelve entries, and 21 more the second time.
  const auto [more_gets, more_scans] = counts(20);
  EXPECT_EQ(more_gets - gets, 2 * 21);
  EXPECT_EQ(scans, 1);
  EXPECT_EQ(more_scans, 1);
}

// The same places, before there is an entry of the query; of a long trail those of the page alone.
TEST_F(ReadTrailTest, ReadsAheadWhatAPageIsMadeOf) {
  AddThenQuery(29);
  const auto read_ahead = [&](int entries_max) {
    CountedReads store(log_.store());
    {
      Executor executor(2, 16);
      ReadAhead(std::make_shared<const ReadView>(log_.ViewOf(store)), executor, trail_, entries_max);
    }  // All is read.
    return std::pair<int, int>(store.gets, store.scans);
  };
  EXPECT_EQ(read_ahead(500), std::make_pair(2 * 31, 1));
  EXPECT_EQ(read_ahead(10), std::make_pair(2 * 10, 1));
  executor_.Shutdown();
  ReadAhead(std::make_shared<const ReadView>(log_.View()), executor_, trail_, 500);  // There is nobody to read, and no harm in it.
  trail_.query.draft.chains.clear();
  EXPECT_EQ(read_ahead(500).second, 0) << "of a chain that nobody has";
}

}  // namespace
}  // namespace accord::broker::trail_test

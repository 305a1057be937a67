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
    trail_.query.draft = Draft(type::v1::EVENT_TYPE_TRAIL_QUERIED, caller_.principal);
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

TEST_F(ReadTrailTest, AQueryOfAnotherThingOnTheSameChainOpensNothing) {
  const uint64_t query = AddThenQuery(1);
  EXPECT_EQ(Read(log_.View(), query).status(), absl::OkStatus());
  const auto asked = trail_.query.draft;
  trail_.query.draft.referral.reset();
  EXPECT_TRUE(HasReason(Read(log_.View(), query).status(), Reason::kEntryNotFound)) << "the case's trail is another question";
  trail_.query.draft.referral.emplace().set_header_digest(std::string(32, 'e'));
  EXPECT_TRUE(HasReason(Read(log_.View(), query).status(), Reason::kEntryNotFound)) << "and so is another referral's";
  trail_.query.draft = asked;
  trail_.query.draft.event.set_query_digest(std::string(32, 'q'));
  EXPECT_TRUE(HasReason(Read(log_.View(), query).status(), Reason::kEntryNotFound));
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

TEST_F(ReadTrailTest, ReadsSeveralEntriesAsItReadsEach) {
  const uint64_t query = AddThenQuery(3);
  log_.store().Delete(kFamilyOpening, KeyU64(1));  // Erased.
  const std::vector<uint64_t> indices = {query, 1, 0};
  const auto entries = ReadEntries(log_.View(), indices);
  ASSERT_EQ(entries.status(), absl::OkStatus());
  ASSERT_THAT(*entries, SizeIs(indices.size()));
  for (size_t i = 0; i < indices.size(); ++i) {
    const auto one = ReadEntry(log_.View(), indices[i]);
    ASSERT_EQ(one.status(), absl::OkStatus());
    EXPECT_EQ((*entries)[i].leaf, one->leaf);
    EXPECT_EQ((*entries)[i].openings.SerializeAsString(), one->openings.SerializeAsString());
    EXPECT_EQ((*entries)[i].parts.event.has_value(), indices[i] != 1);
    EXPECT_EQ(one->parts.event.has_value(), indices[i] != 1);
  }
  EXPECT_EQ(entries->front().parts.event->type(), type::v1::EVENT_TYPE_TRAIL_QUERIED);

  EXPECT_TRUE(HasReason(ReadEntries(log_.View(), std::vector<uint64_t>{0, query + 1}).status(), Reason::kEntryNotFound));
  const std::string stored = **log_.store().Get(kFamilyOpening, KeyU64(0));
  log_.store().Put(kFamilyOpening, KeyU64(0), **log_.store().Get(kFamilyOpening, KeyU64(2)));
  EXPECT_TRUE(HasReason(ReadEntries(log_.View(), indices).status(), Reason::kStoreCorrupt)) << "sealed for another place";
  storage::v1::StoredOpenings altered = entries->back().openings;
  altered.mutable_openings(0)->set_content(altered.openings(0).content() + altered.openings(0).content());  // The same said twice: it parses.
  log_.store().Put(kFamilyOpening, KeyU64(0), *log_.slots().Seal(*KeySlots::SlotOf(stored), kFamilyOpening, KeyU64(0), altered.SerializeAsString()));
  EXPECT_TRUE(HasReason(ReadEntries(log_.View(), indices).status(), Reason::kStoreCorrupt)) << "not what its leaf has";
}

// What an answer takes besides what was read ahead: the query's own entry.
constexpr int kGetsOfQuery = 2;

TEST_F(ReadTrailTest, TakesWhatWasReadBeforeTheQueryWasOnTheRecord) {
  AddThenQuery(29);  // With the stored entry and the query, 31.
  const auto read = [&](int ahead_max) {
    trail_.ahead = AheadOf(std::make_shared<const ReadView>(log_.View()), trail_, ahead_max);
    trail_.ahead->Read(executor_);
    const uint64_t query = AddThenQuery(0);
    CountedReads store(log_.store());
    const auto page = Read(log_.ViewOf(store), query);
    EXPECT_EQ(page.status(), absl::OkStatus());
    trail_.ahead = nullptr;
    const auto again = Read(log_.View(), query);
    EXPECT_THAT(page->entries, SizeIs(again->entries.size()));
    for (size_t i = 0; i < again->entries.size(); ++i) {
      EXPECT_EQ(page->entries[i].leaf, again->entries[i].leaf);
      EXPECT_THAT(page->entries[i].openings, SizeIs(again->entries[i].openings.size()));
    }
    return std::pair<int, int>(store.gets, store.scans);
  };
  EXPECT_EQ(read(500), std::pair(kGetsOfQuery, 0));
  EXPECT_EQ(read(10), std::pair(kGetsOfQuery + 2 * (32 - 10), 1)) << "of a long trail those of a page alone are read ahead";
}

TEST_F(ReadTrailTest, ShowsNothingThatWasErasedAfterItWasReadAhead) {
  AddThenQuery(9);  // Eleven on the chain.
  const auto slot = KeySlots::SlotOf(**log_.store().Get(kFamilyOpening, KeyU64(0)));
  ASSERT_EQ(slot.status(), absl::OkStatus());
  const auto ahead = AheadOf(std::make_shared<const ReadView>(log_.View()), trail_, 500);
  trail_.ahead = ahead;
  ahead->Read(executor_);
  uint64_t query = 0;
  EXPECT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
              ACCORD_ASSIGN_OR_RETURN(const auto other, context.OpenChain());
              EntryDraft draft = Draft(type::v1::EVENT_TYPE_TRAIL_QUERIED, caller_.principal);
              draft.chains = {other.pseudonym};
              ACCORD_RETURN_IF_ERROR(context.AddEntry(draft).status());
              draft.chains = {chain_};
              draft.sealed_by = other.pseudonym;
              ACCORD_ASSIGN_OR_RETURN(query, context.AddEntry(draft));
              return absl::OkStatus();
            }),
            absl::OkStatus());
  log_.slots().Shut({&*slot, 1});
  const auto page = Read(log_.View(), query);
  ASSERT_EQ(page.status(), absl::OkStatus());
  ASSERT_THAT(page->entries, SizeIs(12));
  for (size_t i = 0; i < page->entries.size(); ++i) {
    EXPECT_EQ(page->entries[i].erased, i < 11) << i;
    EXPECT_EQ(page->entries[i].openings.empty(), i < 11) << i;
  }
}

TEST_F(ReadTrailTest, TakesNothingOfAStoreThatWasOpenedAnew) {
  AddThenQuery(9);
  const auto ahead = AheadOf(std::make_shared<const ReadView>(log_.View()), trail_, 500);
  ahead->Read(executor_);
  const auto taken = ahead->Take(ReadView(log_.store(), log_.slots(), std::make_shared<const LedgerEdge>(), std::make_shared<const Committed>(), 2));
  EXPECT_THAT(taken.entries, IsEmpty());
  EXPECT_THAT(taken.indices, IsEmpty());
}

TEST_F(ReadTrailTest, ReadsNothingAheadOnceItWasTaken) {
  AddThenQuery(29);
  CountedReads store(log_.store());
  trail_.ahead = AheadOf(std::make_shared<const ReadView>(log_.ViewOf(store)), trail_, 500);
  EXPECT_THAT(trail_.ahead->Take(log_.View()).entries, IsEmpty());
  trail_.ahead->Read(executor_);
  EXPECT_EQ(store.gets, 0);
  EXPECT_EQ(store.scans, 0);

  trail_.query.draft.chains.clear();
  trail_.query.principal = "agency/none";
  EXPECT_EQ(AheadOf(std::make_shared<const ReadView>(log_.View()), trail_, 500), nullptr) << "of a chain that nobody has";
}

// A page's bytes, and no more.
TEST_F(ReadTrailTest, ReadsNoMoreBytesAheadThanAPageHas) {
  constexpr size_t kRefusalBytes = 60'000;
  const auto add = [&](size_t entries) {
    EXPECT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
                for (size_t i = 0; i < entries; ++i) {
                  EntryDraft draft = Draft(type::v1::EVENT_TYPE_REFUSED, "agency/police");
                  draft.actor->set_principal(std::string(kRefusalBytes, 'p'));
                  ACCORD_RETURN_IF_ERROR(context.AddEntry(draft).status());
                }
                return absl::OkStatus();
              }),
              absl::OkStatus());
  };
  const auto ahead = [&] {
    const auto read = AheadOf(std::make_shared<const ReadView>(log_.View()), trail_, 500);
    read->Read(executor_);
    return read->Take(log_.View()).entries.size();
  };
  const size_t within = kTrailPageBytesMax / (kRefusalBytes + 1'000);
  add(within);
  EXPECT_EQ(ahead(), within + 1);  // With the stored entry.
  add(within);
  EXPECT_GE(ahead(), within + 1);
  EXPECT_LE(ahead(), kTrailPageBytesMax / kRefusalBytes + 1);
}

}  // namespace
}  // namespace accord::broker::trail_test

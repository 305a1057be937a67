// Real files, damaged as a power cut and as failing disks damage them.
#include "services/broker/recovery/tail_adoption.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "accord/type/v1/entry.pb.h"
#include "common/storage/closed_store.h"
#include "services/broker/recovery/testing_store.h"

namespace accord::broker::tail_adoption_test {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
namespace fs = std::filesystem;

constexpr size_t kPage = 4096;
constexpr size_t kTailBytes = 25 * kPage;  // Of the batch that the power cut interrupts: four blocks of a log and more.

// Everything below `root` as it is on disk at this moment, as a cut leaves it.
void TakeImage(const std::string& root, const std::string& image) {
  fs::remove_all(image);
  fs::copy(root, image, fs::copy_options::recursive);
  for (const auto& entry : fs::recursive_directory_iterator(image)) {
    if (entry.path().filename() == "LOCK") fs::remove(entry.path());
  }
}

std::vector<std::string> NamesWith(const std::string& root, const std::string& part) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (entry.path().filename().string().find(part) != std::string::npos) names.push_back(entry.path().string());
  }
  return names;
}

std::vector<type::v1::EntryEvent> Recoveries(const storage::Store& store) {
  std::vector<type::v1::EntryEvent> events;
  EXPECT_EQ(store.Scan(kFamilyMeta, storage::Prefix(kMetaRecoveryPrefix), [&](std::string_view, std::string_view value) {
    EXPECT_TRUE(events.emplace_back().ParseFromArray(value.data(), static_cast<int>(value.size())));
    return true;
  }), absl::OkStatus());
  return events;
}

// A store of 300 signed entries, in several batches; then one batch of five whose bytes are in the log but, for all anybody
// was told, are not: the guard is where it was before. What the machine is left with is the image.
class TailAdoptionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(source_.Open(), absl::OkStatus());
    for (int i = 0; i < 10; ++i) ASSERT_EQ(source_.Commit(30), absl::OkStatus());
    wal_ = fs::path(source_.Wal()).filename().string();
    synced_ = fs::file_size(source_.Wal());
    ASSERT_EQ(source_.Commit(5, /*sign=*/false, kTailBytes), absl::OkStatus());
    full_ = fs::file_size(source_.Wal());
    ASSERT_GT(full_, synced_ + kTailBytes);
    TakeImage(source_.root, image_.root);
  }

  std::string Wal() const { return image_.path() + "/" + wal_; }
  void Zero(uint64_t from, uint64_t to) { TestingStore::Overwrite(Wal(), from, std::string(to - from, '\0')); }
  absl::Status Open() {
    image_.Close();
    ACCORD_ASSIGN_OR_RETURN(auto guard, Guard::Open(image_.guard()));
    ACCORD_ASSIGN_OR_RETURN(auto store, OpenOrAdopt(image_.path() + "/", BrokerFamilies(), guard->Read(), clock_));
    return image_.Begin(std::move(guard), std::move(store));
  }
  // That the log is there, up to `size`, and goes on.
  void ExpectGoesOn(uint64_t size) {
    ASSERT_EQ(image_.writer->size(), size);
    ASSERT_EQ(image_.signer->SignHead().status(), absl::OkStatus());
    for (uint64_t i = 0; i < size; ++i) {
      ASSERT_EQ(*image_.store->Get(kFamilyLeaf, KeyU64(i)), source_.leaves[i]) << i;
    }
    ASSERT_EQ(image_.Commit(300), absl::OkStatus());
    ASSERT_EQ(Open(), absl::OkStatus());
    EXPECT_EQ(image_.writer->size(), size + 300);
  }
  void ExpectAdopted(uint64_t size, const std::string& damaged_bytes) {
    const auto events = Recoveries(*image_.store);
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].type(), type::v1::EVENT_TYPE_TAIL_ADOPTED);
    EXPECT_EQ(events[0].first_index(), 300u);
    EXPECT_EQ(events[0].end_index(), size);
    EXPECT_EQ(events[0].evidence_digest(), crypto::Sha256(damaged_bytes));
    // The original is beside it, untouched.
    const auto aside = NamesWith(image_.root, kDamagedSuffix);
    ASSERT_THAT(aside, SizeIs(1));
    EXPECT_EQ(*ReadFile(aside[0] + "/" + wal_), damaged_bytes);
    EXPECT_THAT(NamesWith(image_.root, kAdoptingSuffix), SizeIs(0));
    EXPECT_THAT(NamesWith(image_.root, kAdoptedSuffix), SizeIs(0));
  }
  // That nothing was changed by the refusal.
  void ExpectRefused(const std::string& why) {
    const std::string before = *ReadFile(Wal());
    const absl::Status opened = Open();
    EXPECT_TRUE(HasReason(opened, Reason::kStoreCorrupt)) << opened;
    EXPECT_THAT(opened.ToString(), HasSubstr(why));
    EXPECT_EQ(*ReadFile(Wal()), before);
    EXPECT_THAT(NamesWith(image_.root, "store"), SizeIs(1)) << "only the store itself";
  }

  FakeClock clock_;
  TestingStore source_, image_;
  std::string wal_;
  uint64_t synced_ = 0, full_ = 0;
};

TEST_F(TailAdoptionTest, AWholeTailIsOpenedByItself) {
  ASSERT_EQ(Open(), absl::OkStatus());
  EXPECT_THAT(Recoveries(*image_.store), SizeIs(0));
  EXPECT_THAT(NamesWith(image_.root, kDamagedSuffix), SizeIs(0));
  ExpectGoesOn(305);
}

TEST_F(TailAdoptionTest, AShortFileOpensByItselfWhereverItEnds) {
  for (const uint64_t end : {synced_, synced_ + 1, synced_ + 7, synced_ + kPage, full_ - kPage, full_ - 1}) {
    SCOPED_TRACE(end - synced_);
    TakeImage(source_.root, image_.root);
    fs::resize_file(Wal(), end);
    ASSERT_EQ(Open(), absl::OkStatus());
    EXPECT_THAT(Recoveries(*image_.store), SizeIs(0));
    ExpectGoesOn(300);
    image_.Close();
  }
}

TEST_F(TailAdoptionTest, AZeroedPageOfTheTailIsAdoptedWithAnEntry) {
  Zero(synced_ + 10 * kPage, synced_ + 11 * kPage);
  const std::string damaged = *ReadFile(Wal());
  ASSERT_EQ(Open(), absl::OkStatus());
  ExpectAdopted(300, damaged);
  ExpectGoesOn(300);
}

TEST_F(TailAdoptionTest, AHoleInTheTailIsAdoptedWithAnEntry) {
  // The file has its full length, and its last pages never came.
  const uint64_t from = (synced_ / kPage + 9) * kPage;
  const int file = open(Wal().c_str(), O_RDWR);
  ASSERT_EQ(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from), static_cast<off_t>(full_ - from)), 0);
  close(file);
  const std::string damaged = *ReadFile(Wal());
  ASSERT_EQ(damaged.size(), full_);
  ASSERT_EQ(Open(), absl::OkStatus());
  ExpectAdopted(300, damaged);
  ExpectGoesOn(300);
}

TEST_F(TailAdoptionTest, AShortFileWithAHoleIsAdoptedWithAnEntry) {
  Zero(synced_ + 8 * kPage, synced_ + 9 * kPage);
  fs::resize_file(Wal(), full_ - 3 * kPage);
  const std::string damaged = *ReadFile(Wal());
  ASSERT_EQ(Open(), absl::OkStatus());
  ExpectAdopted(300, damaged);
  ExpectGoesOn(300);
}

TEST_F(TailAdoptionTest, EntriesThatWereDurableButNotYetGuardedGoOnWithIt) {
  // One more batch after the unsigned one; the cut damages only that.
  ASSERT_EQ(source_.Commit(2, /*sign=*/false, kTailBytes), absl::OkStatus());
  TakeImage(source_.root, image_.root);
  Zero(full_ + 10 * kPage, full_ + 11 * kPage);
  const std::string damaged = *ReadFile(Wal());
  ASSERT_EQ(Open(), absl::OkStatus());
  ExpectAdopted(305, damaged);
  ExpectGoesOn(305);
}

TEST_F(TailAdoptionTest, CorruptionInTheMiddleIsRefused) {
  // Every part of what was synced and signed for; one flipped bit, and a page.
  for (uint64_t at = synced_ / 10; at < synced_; at += synced_ / 10) {
    SCOPED_TRACE(at);
    TakeImage(source_.root, image_.root);
    const std::string bytes = *ReadFile(Wal());
    TestingStore::Overwrite(Wal(), at, std::string(1, static_cast<char>(bytes[at] ^ 4)));
    ExpectRefused("were signed");
  }
  TakeImage(source_.root, image_.root);
  Zero(synced_ / 2, synced_ / 2 + kPage);
  ExpectRefused("were signed");
}

TEST_F(TailAdoptionTest, TheLossOfAnAnsweredBatchWithoutEntriesIsRefused) {
  // It leaves the tree as it is: only the guard's count of batches tells.
  TestingStore source;
  ASSERT_EQ(source.Open(), absl::OkStatus());
  ASSERT_EQ(source.Commit(3), absl::OkStatus());
  const uint64_t from = fs::file_size(source.Wal());
  ASSERT_EQ(source.Commit(0, /*sign=*/true, kTailBytes), absl::OkStatus());
  wal_ = fs::path(source.Wal()).filename().string();
  TakeImage(source.root, image_.root);
  Zero(from + 10 * kPage, from + 11 * kPage);
  ExpectRefused("batch 1 is the last that can be read and 2 were answered");
}

TEST_F(TailAdoptionTest, ARestoredOlderCopyIsRefused) {
  TestingStore source;
  ASSERT_EQ(source.Open(), absl::OkStatus());
  ASSERT_EQ(source.Commit(3), absl::OkStatus());
  ASSERT_EQ(source.store->CopyTo(source.root + "/backup"), absl::OkStatus());
  ASSERT_EQ(source.Commit(1), absl::OkStatus());
  TakeImage(source.root, image_.root);
  fs::remove_all(image_.path());
  fs::rename(image_.root + "/backup", image_.path());
  const absl::Status opened = Open();
  EXPECT_TRUE(HasReason(opened, Reason::kStoreCorrupt)) << opened;
  EXPECT_THAT(opened.ToString(), HasSubstr("older copy"));
  EXPECT_THAT(NamesWith(image_.root, kDamagedSuffix), SizeIs(0));
}

TEST_F(TailAdoptionTest, DamageOutsideTheLogIsNotAdopted) {
  image_.Close();
  TakeImage(source_.root, image_.root);
  std::string manifest;
  for (const auto& entry : fs::directory_iterator(image_.path())) {
    if (entry.path().filename().string().starts_with("MANIFEST")) manifest = entry.path().string();
  }
  TestingStore::Overwrite(manifest, 20, "!!!!");
  EXPECT_FALSE(Open().ok());
  EXPECT_THAT(NamesWith(image_.root, kDamagedSuffix), SizeIs(0));
  EXPECT_THAT(NamesWith(image_.root, kAdoptingSuffix), SizeIs(0));
}

TEST_F(TailAdoptionTest, ASecondBrokerIsRefusedAtTheStoreAndAtACopyOfIt) {
  ASSERT_EQ(Open(), absl::OkStatus());
  // The same store, by way of another guard.
  ASSERT_EQ(Guard::Create(image_.root + "/guard2", {0, std::string(ledger::View(ledger::EmptyRoot()))}), absl::OkStatus());
  const auto other = *Guard::Open(image_.root + "/guard2");
  const absl::Status same = OpenOrAdopt(image_.path(), BrokerFamilies(), other->Read(), clock_).status();
  EXPECT_TRUE(HasReason(same, Reason::kStoreUnavailable)) << same;
  EXPECT_THAT(same.ToString(), HasSubstr("is open in another process, or twice in this one"));
  // A copy of the store with the same guard.
  const absl::Status copy = Guard::Open(image_.guard()).status();
  EXPECT_TRUE(HasReason(copy, Reason::kStoreUnavailable)) << copy;
  EXPECT_THAT(copy.ToString(), HasSubstr("another process uses it"));
  // Nor is it copied while it is open.
  EXPECT_TRUE(HasReason(storage::ClosedStore::Take(image_.path()).status(), Reason::kStoreUnavailable));
}

// The process dies after each step of an adoption and of the opening that follows. The child runs the test again up to
// the death, so the directory is handed over in the environment.
enum class Death { kCopied, kJudged, kRecorded, kReady, kSetAside, kInPlace, kOpened, kEpoch, kSigned };

class AdoptionCrashTest : public ::testing::TestWithParam<Death> {};

TEST_P(AdoptionCrashTest, TheNextStartFinishesOrBeginsAnew) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const char* const given = getenv("ACCORD_CRASH_DIRECTORY");
  const auto source = given != nullptr ? nullptr : std::make_unique<TestingStore>();
  const std::string root = given != nullptr ? given : source->root + "-image";
  if (given == nullptr) {
    ASSERT_EQ(source->Open(), absl::OkStatus());
    ASSERT_EQ(source->Commit(300), absl::OkStatus());
    const uint64_t synced = fs::file_size(source->Wal());
    ASSERT_EQ(source->Commit(5, /*sign=*/false, kTailBytes), absl::OkStatus());
    TakeImage(source->root, root);
    TestingStore::Overwrite(root + "/store/" + fs::path(source->Wal()).filename().string(), synced + 10 * kPage,
                            std::string(kPage, '\0'));
    setenv("ACCORD_CRASH_DIRECTORY", root.c_str(), 1);
  }
  const auto start = [&](bool dies) -> absl::StatusOr<std::unique_ptr<TestingStore>> {
    const auto at = [&](Death point) {
      if (dies && point == GetParam()) _exit(9);
    };
    AdoptionOptions options;
    options.on_step = [&](AdoptionStep step) { at(static_cast<Death>(step)); };
    FakeClock clock;
    auto store = std::make_unique<TestingStore>(root);
    ACCORD_ASSIGN_OR_RETURN(auto guard, Guard::Open(store->guard()));
    ACCORD_ASSIGN_OR_RETURN(auto opened, OpenOrAdopt(store->path(), BrokerFamilies(), guard->Read(), clock, options));
    at(Death::kOpened);
    ACCORD_RETURN_IF_ERROR(store->Begin(std::move(guard), std::move(opened)));
    at(Death::kEpoch);
    ACCORD_RETURN_IF_ERROR(store->signer->SignHead());
    at(Death::kSigned);
    return store;
  };
  EXPECT_EXIT(start(true).IgnoreError(), ::testing::ExitedWithCode(9), "");
  unsetenv("ACCORD_CRASH_DIRECTORY");

  const auto store = start(false);
  ASSERT_EQ(store.status(), absl::OkStatus());
  EXPECT_EQ((*store)->writer->size(), 300u);
  EXPECT_THAT(Recoveries(*(*store)->store), SizeIs(1)) << "recorded once, however often it was begun";
  EXPECT_THAT(NamesWith(root, kDamagedSuffix), SizeIs(1));
  EXPECT_THAT(NamesWith(root, kAdoptingSuffix), SizeIs(0));
  EXPECT_THAT(NamesWith(root, kAdoptedSuffix), SizeIs(0));
  for (uint64_t i = 0; i < 300; ++i) ASSERT_EQ(*(*store)->store->Get(kFamilyLeaf, KeyU64(i)), source->leaves[i]) << i;
  EXPECT_EQ((*store)->Commit(2), absl::OkStatus());
}

INSTANTIATE_TEST_SUITE_P(Steps, AdoptionCrashTest,
                         ::testing::Values(Death::kCopied, Death::kJudged, Death::kRecorded, Death::kReady, Death::kSetAside,
                                           Death::kInPlace, Death::kOpened, Death::kEpoch, Death::kSigned));

}  // namespace
}  // namespace accord::broker::tail_adoption_test

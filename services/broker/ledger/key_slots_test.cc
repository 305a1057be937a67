#include "services/broker/ledger/key_slots.h"

#include <absl/synchronization/blocking_counter.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace accord::broker::key_slots_test {
namespace {

class KeySlotsTest : public ::testing::Test {
 protected:
  KeySlotsTest() {
    char name[] = "/tmp/accord_slots_XXXXXX";
    directory_ = mkdtemp(name);
    path_ = directory_ + "/slots";
  }
  ~KeySlotsTest() override { std::filesystem::remove_all(directory_); }

  absl::StatusOr<std::unique_ptr<KeySlots>> Open(char master = 'm', bool create = true) {
    return KeySlots::Open(path_, crypto::SecretBytes(std::string(32, master)), random_, executor_, create);
  }

  std::string directory_, path_;
  FakeRandom random_{7};
  Executor executor_{1, 16};
};

// Made by Python's cryptography package from docs/formats.md §8 alone: master key of 32 'm',
// nonces of 'n'; the check slot, then slot 1 with a key of 32 'k'.
constexpr char kGoldenFile[] =
    "41435244" "4b455931" "0000000000000000"
    "010000006e6e6e6e6e6e6e6e6e6e6e6e1f3d87eaacf930ce7655820ce0ad3b7675da3b51aa27ff60dc37b117d5386155"
    "b6dc4272b59a0354295609fde188bb28"
    "010000006e6e6e6e6e6e6e6e6e6e6e6e17358fe2a4f138c67e5d8a04e8a5337e7dd23359a22ff768d43fb91fdd30695d"
    "a892c3621e17506132d1cad812ddb669";
constexpr char kGoldenSealed[] = "0100000000000000017878787878787878787878781b332f911b34b656144861f3d84a0de83396afbad4";

TEST_F(KeySlotsTest, OpensTheGoldenFile) {
  ASSERT_TRUE(WriteFileDurably(path_, *FromHex(kGoldenFile)).ok());
  auto slots = Open('m', false);
  ASSERT_TRUE(slots.ok()) << slots.status();
  EXPECT_EQ((*slots)->Unseal("opening", "key", *FromHex(kGoldenSealed))->value(), "value");
  EXPECT_EQ(*(*slots)->Take(), 2u);
}

TEST_F(KeySlotsTest, WritesHeaderAndSlotsInUse) {
  ASSERT_TRUE(Open().ok());
  const std::string file = *ReadFile(path_);
  ASSERT_EQ(file.size(), 16 + 64 * (1 + KeySlots::kRefillSlots));
  EXPECT_EQ(file.substr(0, 16), FromHex(kGoldenFile)->substr(0, 16));
  for (size_t slot = 0; slot <= KeySlots::kRefillSlots; ++slot) EXPECT_EQ(ToHex(file.substr(16 + 64 * slot, 4)), "01000000");
}

TEST_F(KeySlotsTest, SealedValueHasGoldenFormAndOpensOnlyInItsPlace) {
  auto slots = *Open();
  const uint64_t slot = *slots->Take();
  const std::string stored = *slots->Seal(slot, "opening", "key", "value");
  EXPECT_EQ(ToHex(stored.substr(0, 9)), "01" + ToHex(KeyU64(slot)));
  EXPECT_EQ(stored.size(), 1 + 8 + 12 + 5 + 16u);
  EXPECT_EQ(*KeySlots::SlotOf(stored), slot);
  EXPECT_EQ(slots->Unseal("opening", "key", stored)->value(), "value");
  EXPECT_TRUE(HasReason(slots->Unseal("section", "key", stored).status(), Reason::kStoreCorrupt));
  EXPECT_TRUE(HasReason(slots->Unseal("opening", "kez", stored).status(), Reason::kStoreCorrupt));
  for (const size_t at : {0ul, 8ul, 9ul, 21ul, stored.size() - 1}) {
    std::string altered = stored;
    altered[at] ^= 1;
    const auto opened = slots->Unseal("opening", "key", altered);
    EXPECT_FALSE(opened.ok() && opened->has_value()) << at;
  }
  EXPECT_FALSE(KeySlots::SlotOf(stored.substr(0, 30)).ok());
}

TEST_F(KeySlotsTest, ReopenedItOpensWhatItSealedAndGivesNoSlotTwice) {
  std::set<uint64_t> taken;
  std::string stored;
  for (int round = 0; round < 3; ++round) {
    auto slots = *Open('m', round == 0);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(taken.insert(*slots->Take()).second);
    if (round == 0) stored = *slots->Seal(*taken.begin(), "f", "k", "v");
    EXPECT_EQ(slots->Unseal("f", "k", stored)->value(), "v");
    slots.reset();
    std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 5);  // A refill cut short.
  }
}

TEST_F(KeySlotsTest, RefillsAheadAndPastTheEnd) {
  auto slots = *Open();
  std::set<uint64_t> taken;
  for (uint64_t i = 0; i < 3 * KeySlots::kRefillSlots; ++i) {
    const auto slot = slots->Take();
    ASSERT_TRUE(slot.ok());
    EXPECT_TRUE(taken.insert(*slot).second);
  }
  EXPECT_EQ(taken.count(0), 0u);
  EXPECT_TRUE(slots->Seal(*taken.rbegin(), "f", "k", "v").ok());
}

TEST_F(KeySlotsTest, DestroyedSlotOpensNothingAndLeavesNoKey) {
  std::string stored, wrapped;
  uint64_t slot = 0, neighbour = 0;
  {
    auto slots = *Open();
    slot = *slots->Take();
    neighbour = *slots->Take();
    stored = *slots->Seal(slot, "f", "k", "secret");
    wrapped = ReadFile(path_)->substr(16 + 64 * slot + 4, 60);
    ASSERT_TRUE(slots->Destroy(slot).ok());
    ASSERT_TRUE(slots->Destroy(slot).ok());
    EXPECT_EQ(slots->Unseal("f", "k", stored)->has_value(), false);
    EXPECT_EQ(slots->Seal(slot, "f", "k", "v").status().code(), absl::StatusCode::kNotFound);
    EXPECT_TRUE(slots->Seal(neighbour, "f", "k", "v").ok());
    EXPECT_EQ(slots->Destroy(1 << 20).code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(slots->Destroy(0).code(), absl::StatusCode::kNotFound);
  }
  const std::string file = *ReadFile(path_);
  EXPECT_EQ(file.find(wrapped), std::string::npos);
  EXPECT_EQ(ToHex(file.substr(16 + 64 * slot, 64)), "02" + std::string(126, '0'));
  EXPECT_EQ((*Open('m', false))->Unseal("f", "k", stored)->has_value(), false);
}

TEST_F(KeySlotsTest, ShutSlotOpensNothingAndIsAsItWasAfterwards) {
  std::string stored;
  uint64_t slot = 0;
  {
    auto slots = *Open();
    slot = *slots->Take();
    stored = *slots->Seal(slot, "f", "k", "secret");
    slots->Shut({&slot, 1});
    EXPECT_FALSE(slots->Unseal("f", "k", stored)->has_value());
    EXPECT_EQ(slots->Seal(slot, "f", "k", "v").status().code(), absl::StatusCode::kNotFound);
  }
  EXPECT_EQ(**(*Open('m', false))->Unseal("f", "k", stored), "secret");
}

TEST_F(KeySlotsTest, DestroysAtStartWhatARestoredFileHasAgainOrNot) {
  std::string stored;
  uint64_t slot = 0;
  {
    auto slots = *Open();
    slot = *slots->Take();
    stored = *slots->Seal(slot, "f", "k", "secret");
  }
  const uint64_t beyond = 5000;  // Made after the file was copied.
  auto slots = *Open('m', false);
  const std::vector<uint64_t> erased = {slot, beyond};
  ASSERT_EQ(slots->DestroyAtStart(erased), absl::OkStatus());
  EXPECT_FALSE(slots->Unseal("f", "k", stored)->has_value());
  EXPECT_EQ(ToHex(ReadFile(path_)->substr(16 + 64 * slot, 64)), "02" + std::string(126, '0'));
  EXPECT_EQ(*slots->Take(), beyond + 1);  // Never one that was in use.
  const std::string file = *ReadFile(path_);
  ASSERT_EQ(slots->DestroyAtStart(erased), absl::OkStatus());
  EXPECT_EQ(*ReadFile(path_), file);
  EXPECT_EQ(slots->Destroy(slot), absl::OkStatus());
}

TEST_F(KeySlotsTest, KeysAreFoundAgainWhenOthersTookTheirPlaceInMemory) {
  auto slots = *Open();
  std::vector<std::string> stored;
  std::vector<uint64_t> taken;
  for (size_t i = 0; i < 2 * KeySlots::kKeysCachedMax; ++i) {
    taken.push_back(*slots->Take());
    stored.push_back(*slots->Seal(taken.back(), "f", "k", std::to_string(i)));
  }
  for (size_t i = 0; i < stored.size(); ++i) EXPECT_EQ(slots->Unseal("f", "k", stored[i])->value(), std::to_string(i));
  // One long gone from memory, and one that is there.
  for (const size_t i : {size_t{0}, stored.size() - 1}) {
    ASSERT_TRUE(slots->Destroy(taken[i]).ok());
    EXPECT_EQ(slots->Unseal("f", "k", stored[i])->has_value(), false);
  }
}

TEST_F(KeySlotsTest, NoKeyOutlivesItsDestructionInMemory) {
  // A reader that races with Destroy may still get the key, but nobody who asks after it.
  auto slots = *Open();
  Executor readers(2, 1024);
  for (int round = 0; round < 40; ++round) {
    const uint64_t slot = *slots->Take();
    const std::string stored = *slots->Seal(slot, "f", "k", "v");
    // Pushes the key out, so that the readers below read the file.
    for (size_t i = 0; i < KeySlots::kKeysCachedMax; ++i) ASSERT_TRUE(slots->Seal(*slots->Take(), "f", "k", "v").ok());
    absl::BlockingCounter read(4);
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(readers.Run([&] {
        EXPECT_TRUE(slots->Unseal("f", "k", stored).ok());
        read.DecrementCount();
      }));
    }
    ASSERT_TRUE(slots->Destroy(slot).ok());
    read.Wait();
    ASSERT_EQ(slots->Unseal("f", "k", stored)->has_value(), false) << round;
  }
}

TEST_F(KeySlotsTest, RefusesAnotherMasterKeyAndOtherFiles) {
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(HasReason(Open('n').status(), Reason::kStoreCorrupt));
  ASSERT_TRUE(WriteFileDurably(path_, std::string(200, 'x')).ok());
  EXPECT_TRUE(HasReason(Open().status(), Reason::kStoreCorrupt));
  std::filesystem::remove(path_);
  EXPECT_TRUE(HasReason(Open('m', false).status(), Reason::kStoreUnavailable));
}

TEST_F(KeySlotsTest, AlteredSlotIsDataLossNotErasure) {
  auto slots = *Open();
  const uint64_t slot = *slots->Take();
  const std::string stored = *slots->Seal(slot, "f", "k", "v");
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(16 + 64 * slot));
    file.put(2);  // Says destroyed, and still holds a key.
  }
  slots = *Open('m', false);  // The key that was in use is known no more.
  EXPECT_TRUE(HasReason(slots->Unseal("f", "k", stored).status(), Reason::kStoreCorrupt));
}

TEST_F(KeySlotsTest, MasterKeyFileMustBeItsOwnersAlone) {
  const std::string key = directory_ + "/master";
  ASSERT_TRUE(CreateMasterKey(key, random_).ok());
  EXPECT_FALSE(CreateMasterKey(key, random_).ok());
  EXPECT_EQ(LoadMasterKey(key)->size(), 32u);
  std::filesystem::permissions(key, std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  EXPECT_EQ(LoadMasterKey(key).status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(WriteFileDurably(key, "not hex").ok());
  EXPECT_EQ(LoadMasterKey(key).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace accord::broker::key_slots_test

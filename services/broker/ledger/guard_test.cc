#include "services/broker/ledger/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"

namespace accord::broker::guard_test {
namespace {

std::string Root(char fill) { return std::string(32, fill); }

class GuardTest : public ::testing::Test {
 protected:
  GuardTest() {
    char name[] = "/tmp/accord_guard_XXXXXX";
    directory_ = mkdtemp(name);
    path_ = directory_ + "/guard";
    EXPECT_TRUE(Guard::Create(path_, {0, Root('0')}).ok());
  }
  ~GuardTest() override { std::filesystem::remove_all(directory_); }

  GuardMark Reopened() {
    const auto guard = Guard::Open(path_);
    EXPECT_TRUE(guard.ok()) << guard.status();
    return guard.ok() ? (*guard)->Read() : GuardMark{};
  }
  void Damage(std::streamoff offset) {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset);
    const char was = static_cast<char>(file.get());
    file.seekp(offset);
    file.put(static_cast<char>(was ^ 1));
  }

  std::string directory_, path_;
};

TEST_F(GuardTest, SlotHasGoldenBytes) {
  const GuardSlot slot{.generation = 2, .epoch = 3, .mark = {258, Root('\x07'), 1027}};
  const std::string bytes = EncodeGuardSlot(slot);
  ASSERT_EQ(bytes.size(), kGuardSlotBytes);
  EXPECT_EQ(ToHex(bytes.substr(0, 72)), "4143524447524432" "0000000000000002" "0000000000000003" "0000000000000403"
                                        "0000000000000102" + ToHex(Root('\x07')));
  EXPECT_EQ(bytes.substr(72, 436), std::string(436, '\0'));
  // CRC-32C by another program, whose check value of "123456789" is e3069283.
  EXPECT_EQ(ToHex(bytes.substr(508)), "01857f43");
  EXPECT_EQ(DecodeGuardSlot(bytes), slot);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string altered = bytes;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    EXPECT_EQ(DecodeGuardSlot(altered), std::nullopt) << i;
  }
}

// What brokers wrote before there were epochs.
std::string SlotOfVersion1(char generation, char size, char root, std::string_view crc) {
  std::string slot = "ACRDGRD1";
  slot += std::string(7, '\0') + generation + std::string(7, '\0') + size + Root(root) + std::string(452, '\0');
  return slot + *FromHex(crc);
}

TEST_F(GuardTest, AGuardOfVersion1OpensAndGoesOnInVersion2) {
  const std::string old = SlotOfVersion1(2, 9, 7, "c2ea816e");
  EXPECT_EQ(DecodeGuardSlot(old), (GuardSlot{.generation = 2, .epoch = 0, .mark = {9, Root(7), 0}}));
  ASSERT_EQ(WriteFileDurably(path_, old + std::string(kGuardSlotBytes, '\0')), absl::OkStatus());
  {
    auto guard = *Guard::Open(path_);
    EXPECT_EQ(guard->epoch(), 0u);
    ASSERT_EQ(guard->BeginEpoch(0), absl::OkStatus());
    ASSERT_EQ(guard->Advance({9, Root(7), 4}), absl::OkStatus());
  }
  auto guard = *Guard::Open(path_);
  EXPECT_EQ(guard->Read(), (GuardMark{9, Root(7), 4}));
  EXPECT_EQ(guard->epoch(), 1u);
}

TEST_F(GuardTest, EachOpeningForWritingIsAnEpochOfItsOwn) {
  for (uint64_t epoch = 1; epoch <= 3; ++epoch) {
    auto guard = *Guard::Open(path_);
    EXPECT_EQ(guard->epoch(), epoch - 1);
    ASSERT_EQ(guard->BeginEpoch(0), absl::OkStatus());
    EXPECT_EQ(guard->epoch(), epoch);
  }
  // A guard put back is behind its store: no term is given out twice.
  auto guard = *Guard::Open(path_);
  ASSERT_EQ(guard->BeginEpoch(41), absl::OkStatus());
  EXPECT_EQ(guard->epoch(), 42u);
}

TEST_F(GuardTest, KeepsTheLastMark) {
  {
    auto guard = Guard::Open(path_);
    ASSERT_TRUE(guard.ok());
    EXPECT_EQ((*guard)->Read(), (GuardMark{0, Root('0')}));
    for (uint64_t size = 1; size <= 5; ++size) ASSERT_TRUE((*guard)->Advance({size, Root('a')}).ok());
    ASSERT_TRUE((*guard)->Advance({5, Root('a')}).ok());
  }
  EXPECT_EQ(Reopened(), (GuardMark{5, Root('a')}));
  EXPECT_EQ(std::filesystem::file_size(path_), 2 * kGuardSlotBytes);
}

TEST_F(GuardTest, NeverGoesBackNorChangesARoot) {
  auto guard = *Guard::Open(path_);
  ASSERT_TRUE(guard->Advance({7, Root('a')}).ok());
  EXPECT_TRUE(HasReason(guard->Advance({6, Root('b')}), Reason::kStoreCorrupt));
  EXPECT_TRUE(HasReason(guard->Advance({7, Root('b')}), Reason::kStoreCorrupt));
  ASSERT_TRUE(guard->Advance({7, Root('a'), 5}).ok());
  EXPECT_TRUE(HasReason(guard->Advance({8, Root('c'), 4}), Reason::kStoreCorrupt));
  guard.reset();
  EXPECT_EQ(Reopened(), (GuardMark{7, Root('a'), 5}));
}

TEST_F(GuardTest, TornSlotFallsBackToTheOther) {
  {
    auto guard = *Guard::Open(path_);
    ASSERT_TRUE(guard->Advance({1, Root('a')}).ok());  // Generation 1, second slot.
    ASSERT_TRUE(guard->Advance({2, Root('b')}).ok());  // Generation 2, first slot.
  }
  for (const std::streamoff offset : {0, 8, 20, 40, 300, 511}) {
    Damage(offset);
    EXPECT_EQ(Reopened(), (GuardMark{1, Root('a')})) << offset;
    Damage(offset);  // Mended.
    EXPECT_EQ(Reopened(), (GuardMark{2, Root('b')})) << offset;
  }
  Damage(40);
  {
    // The next write goes over the torn slot, not over the one that counts.
    auto guard = *Guard::Open(path_);
    ASSERT_TRUE(guard->Advance({3, Root('c')}).ok());
  }
  EXPECT_EQ(Reopened(), (GuardMark{3, Root('c')}));
  Damage(40);
  Damage(kGuardSlotBytes + 40);
  EXPECT_TRUE(HasReason(Guard::Open(path_).status(), Reason::kStoreCorrupt));
}

TEST_F(GuardTest, AbsentGuardIsNotReplacedAndAPresentOneNotReset) {
  EXPECT_EQ(Guard::Create(path_, {0, Root('0')}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(HasReason(Guard::Open(directory_ + "/other").status(), Reason::kStoreUnavailable));
}

TEST_F(GuardTest, SecondProcessIsRefusedByWhateverPathItComes) {
  std::filesystem::create_symlink(path_, directory_ + "/soft");
  std::filesystem::create_hard_link(path_, directory_ + "/hard");
  const auto guard = Guard::Open(path_);
  ASSERT_TRUE(guard.ok());
  for (const char* const name : {"/guard", "/soft", "/hard"}) {
    const absl::Status second = Guard::Open(directory_ + name).status();
    EXPECT_TRUE(HasReason(second, Reason::kStoreUnavailable)) << name;
    EXPECT_THAT(second.ToString(), ::testing::HasSubstr("another process uses it")) << name;
  }
}

TEST_F(GuardTest, WhatAnotherPutThereStopsTheWriterForGood) {
  const std::string before = *ReadFile(path_);
  const auto rewrite = [&](const std::string& bytes) {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file << bytes;
  };
  for (const bool renamed : {false, true}) {
    {
      auto guard = *Guard::Open(path_);
      ASSERT_EQ(guard->Advance({guard->Read().size + 1, Root('a')}), absl::OkStatus());
    }
    const std::string newest = *ReadFile(path_);
    auto guard = *Guard::Open(path_);
    // Underneath: an older guard, the same in a file of another name, or a mark by somebody without our locks.
    if (renamed) {
      ASSERT_EQ(WriteFileDurably(path_, newest), absl::OkStatus());
    } else {
      rewrite(before);
    }
    const absl::Status refused = guard->Advance({100, Root('b')});
    EXPECT_TRUE(HasReason(refused, Reason::kStoreCorrupt)) << refused;
    EXPECT_EQ(*ReadFile(path_), renamed ? newest : before) << "it was written over";
    if (!renamed) rewrite(newest);
    EXPECT_EQ(guard->Advance({100, Root('b')}), refused) << "put back again, it must still refuse";
    EXPECT_EQ(guard->BeginEpoch(0), refused);
  }
}

}  // namespace
}  // namespace accord::broker::guard_test

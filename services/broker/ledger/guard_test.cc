#include "services/broker/ledger/guard.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace accord::broker {
namespace {

std::string Root(char fill) { return std::string(32, fill); }

class GuardTest : public testing::Test {
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
  const std::string slot = EncodeGuardSlot(2, {258, Root('\x07')});
  ASSERT_EQ(slot.size(), kGuardSlotBytes);
  EXPECT_EQ(ToHex(slot.substr(0, 56)),
            "4143524447524431" "0000000000000002" "0000000000000102" + ToHex(Root('\x07')));
  EXPECT_EQ(slot.substr(56, 452), std::string(452, '\0'));
  // CRC-32C by another program, whose check value of "123456789" is e3069283.
  EXPECT_EQ(ToHex(slot.substr(508)), "70bfa103");
}

TEST_F(GuardTest, KeepsTheLastMark) {
  {
    auto guard = Guard::Open(path_);
    ASSERT_TRUE(guard.ok());
    EXPECT_EQ((*guard)->Read(), (GuardMark{0, Root('0')}));
    for (uint64_t size = 1; size <= 5; ++size) ASSERT_TRUE((*guard)->Advance(size, Root('a')).ok());
    ASSERT_TRUE((*guard)->Advance(5, Root('a')).ok());
  }
  EXPECT_EQ(Reopened(), (GuardMark{5, Root('a')}));
  EXPECT_EQ(std::filesystem::file_size(path_), 2 * kGuardSlotBytes);
}

TEST_F(GuardTest, NeverGoesBackNorChangesARoot) {
  auto guard = *Guard::Open(path_);
  ASSERT_TRUE(guard->Advance(7, Root('a')).ok());
  EXPECT_TRUE(HasReason(guard->Advance(6, Root('b')), Reason::kStoreCorrupt));
  EXPECT_TRUE(HasReason(guard->Advance(7, Root('b')), Reason::kStoreCorrupt));
  guard.reset();
  EXPECT_EQ(Reopened(), (GuardMark{7, Root('a')}));
}

TEST_F(GuardTest, TornSlotFallsBackToTheOther) {
  {
    auto guard = *Guard::Open(path_);
    ASSERT_TRUE(guard->Advance(1, Root('a')).ok());  // Generation 1, second slot.
    ASSERT_TRUE(guard->Advance(2, Root('b')).ok());  // Generation 2, first slot.
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
    ASSERT_TRUE(guard->Advance(3, Root('c')).ok());
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

TEST_F(GuardTest, SecondProcessIsRefused) {
  const auto guard = Guard::Open(path_);
  ASSERT_TRUE(guard.ok());
  EXPECT_TRUE(HasReason(Guard::Open(path_).status(), Reason::kStoreUnavailable));
}

}  // namespace
}  // namespace accord::broker

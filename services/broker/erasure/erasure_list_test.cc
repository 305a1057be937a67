#include "services/broker/erasure/erasure_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace accord::broker::erasure_list_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ErasureListTest : public ::testing::Test {
 protected:
  ErasureListTest() {
    char name[] = "/tmp/accord-erasures-XXXXXX";
    root_ = mkdtemp(name);
    path_ = root_ + "/erasures";
  }
  ~ErasureListTest() override { std::filesystem::remove_all(root_); }

  void MakeThree() {
    ASSERT_EQ(ErasureList::Create(path_), absl::OkStatus());
    auto list = ErasureList::Open(path_);
    ASSERT_EQ(list.status(), absl::OkStatus());
    for (const uint64_t slot : {7, 9, 7, 8}) ASSERT_EQ((*list)->Add({slot, 100 + slot, 1'800'000'000'000}), absl::OkStatus());
  }

  std::string root_, path_;
};

// The check was made by Python from docs/formats.md §13 alone.
TEST_F(ErasureListTest, RecordsHaveTheirGoldenBytes) {
  const std::string record = EncodeListedErasure({.slot = 0x0102, .index = 0x030405, .time_ms = 0x060708090a});
  EXPECT_EQ(ToHex(record.substr(0, 28)), "01000000" "0000000000000102" "0000000000030405" "000000060708090a");
  EXPECT_EQ(ToHex(record.substr(28)), "be3c8b40");
  ListedErasure listed;
  ASSERT_TRUE(DecodeListedErasure(record, listed));
  EXPECT_EQ(listed, (ListedErasure{0x0102, 0x030405, 0x060708090a}));
  for (size_t at = 0; at < record.size(); ++at) {
    std::string altered = record;
    altered[at] ^= 1;
    EXPECT_FALSE(DecodeListedErasure(altered, listed)) << at;
  }
  EXPECT_FALSE(DecodeListedErasure(record.substr(1), listed));
  EXPECT_FALSE(DecodeListedErasure(record + "x", listed));
}

TEST_F(ErasureListTest, KeepsEachSlotOnceInTheirOrder) {
  MakeThree();
  const auto list = ErasureList::Open(path_);
  ASSERT_EQ(list.status(), absl::OkStatus());
  EXPECT_THAT((*list)->slots(), ElementsAre(7, 9, 8));
  EXPECT_TRUE((*list)->Contains(9));
  EXPECT_FALSE((*list)->Contains(10));
  EXPECT_EQ(std::filesystem::file_size(path_), 4 * kListedErasureBytes);
}

TEST_F(ErasureListTest, IsNeverBegunAnew) {
  MakeThree();
  EXPECT_EQ(ErasureList::Create(path_).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErasureList::Open(root_ + "/none").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ErasureListTest, ATornLastRecordIsWrittenAgain) {
  MakeThree();
  for (const size_t cut : {1u, 31u, 32u}) {
    std::filesystem::resize_file(path_, 4 * kListedErasureBytes - cut);
    auto list = ErasureList::Open(path_);
    ASSERT_EQ(list.status(), absl::OkStatus());
    EXPECT_THAT((*list)->slots(), ElementsAre(7, 9));
    ASSERT_EQ((*list)->Add({8, 108, 1'800'000'000'000}), absl::OkStatus());
    EXPECT_THAT((*ErasureList::Open(path_))->slots(), ElementsAre(7, 9, 8));
  }
}

TEST_F(ErasureListTest, RefusesDamage) {
  MakeThree();
  {
    const auto file = *PositionedFile::Open(path_, false);
    ASSERT_EQ(file->Write(2 * kListedErasureBytes + 5, "x"), absl::OkStatus());
  }
  EXPECT_TRUE(HasReason(ErasureList::Open(path_).status(), Reason::kStoreCorrupt));
  {
    const auto file = *PositionedFile::Open(path_, false);
    ASSERT_EQ(file->Write(0, "x"), absl::OkStatus());
  }
  EXPECT_TRUE(HasReason(ErasureList::Open(path_).status(), Reason::kStoreCorrupt));
}

}  // namespace
}  // namespace accord::broker::erasure_list_test

#include "common/storage/info_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "common/base/file.h"

namespace accord::storage::info_log_test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class InfoLogTest : public ::testing::Test {
 protected:
  InfoLogTest() {
    char name[] = "/tmp/accord-info-log-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~InfoLogTest() override { fs::remove_all(folder_); }

  std::string folder_;
};

TEST_F(InfoLogTest, KeepsLinesAndTheLogBefore) {
  rocksdb::Info(InfoLog::Open(folder_), "first %d", 1);
  const auto log = InfoLog::Open(folder_);
  rocksdb::Warn(log, "second %s", std::string(20'000, 'x').c_str());
  rocksdb::Header(log, "options");
  EXPECT_THAT(*ReadFile(folder_ + "/LOG.old"), HasSubstr("first 1\n"));
  const std::string now = *ReadFile(folder_ + "/LOG");
  EXPECT_THAT(now, AllOf(HasSubstr("second xxx"), Not(HasSubstr("first")), Not(HasSubstr("options"))));
  EXPECT_LT(now.size(), 10'000u);
  EXPECT_EQ(log->GetLogFileSize(), now.size());
}

TEST_F(InfoLogTest, BeginsANewOneBeforeItIsTooLarge) {
  const auto log = InfoLog::Open(folder_);
  const std::string line(8000, 'y');
  for (uint64_t bytes = 0; bytes < kInfoLogBytesMax + 100'000; bytes += line.size()) rocksdb::Info(log, "%s", line.c_str());
  EXPECT_LE(fs::file_size(folder_ + "/LOG.old"), kInfoLogBytesMax);
  EXPECT_GT(fs::file_size(folder_ + "/LOG.old"), kInfoLogBytesMax - 10'000);
  EXPECT_LT(fs::file_size(folder_ + "/LOG"), 200'000u);
}

TEST_F(InfoLogTest, DropsWhatItCannotWrite) {
  const auto nowhere = InfoLog::Open(folder_ + "/no-such-folder");
  rocksdb::Error(nowhere, "lost");
  EXPECT_EQ(nowhere->GetLogFileSize(), 0u);
}

}  // namespace
}  // namespace accord::storage::info_log_test

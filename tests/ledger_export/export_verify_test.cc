// Goal: what `accordctl ledger export` writes, accord-verify takes; and what befell the copy since, it finds.
// Method: a log in memory is exported to a real directory with the program's own code, at several sizes one on the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "common/base/status.h"
#include "services/accordctl/log_export.h"
#include "services/verify/program.h"
#include "services/verify/testing_log.h"

namespace accord {
namespace {

namespace fs = std::filesystem;

class ExportVerifyTest : public ::testing::Test {
 protected:
  ExportVerifyTest() {
    std::string name = (fs::temp_directory_path() / "accord-export-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~ExportVerifyTest() override { fs::remove_all(directory_); }

  absl::Status Export(size_t size) {
    accordctl::ExportDirectory files(directory_.string());
    const auto source = [&](uint64_t first, uint64_t end, accordctl::LeafSink sink) -> absl::Status {
      for (uint64_t i = first; i < end; ++i) ACCORD_RETURN_IF_ERROR(sink(log_.leaves[i]));
      return absl::OkStatus();
    };
    return accordctl::ExportLog(log_.Checkpoint(size), log_.vkey(), source, files).status();
  }

  int Verify() {
    const std::string directory = directory_.string();
    const char* argv[] = {"accord-verify", "ledger", directory.c_str()};
    output_ = {};
    return verify::RunVerify(3, argv, output_);
  }

  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(directory_)) {
      if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), directory_).string());
    }
    return files;
  }

  const verify::TestingLog log_{600};
  fs::path directory_;
  verify::Output output_;
};

TEST_F(ExportVerifyTest, EveryGrowthOfTheCopyVerifies) {
  for (const size_t size : {1, 255, 256, 300, 512, 600}) {
    ASSERT_TRUE(Export(size).ok());
    EXPECT_EQ(Verify(), 0) << size << output_.err;
    // The checkpoint, the key, the bundles and the tiles of this size; nothing of an earlier one.
    EXPECT_EQ(Files().size(), 2 + (size + 255) / 256 + ledger::TilesOf(size).size()) << size;
  }
}

TEST_F(ExportVerifyTest, EveryFileIsNeeded) {
  ASSERT_TRUE(Export(600).ok());
  for (const std::string& file : Files()) {
    const fs::path path = directory_ / file, aside = directory_.string() + ".aside";
    fs::rename(path, aside);
    EXPECT_NE(Verify(), 0) << file;
    fs::rename(aside, path);
    // And whole: one byte less is found too.
    const auto bytes = fs::file_size(path);
    if (file == "vkey") continue;
    std::string kept;
    {
      std::ifstream in(path, std::ios::binary);
      kept.assign(std::istreambuf_iterator<char>(in), {});
    }
    fs::resize_file(path, bytes - 1);
    EXPECT_EQ(Verify(), 1) << file;
    std::ofstream(path, std::ios::binary | std::ios::trunc) << kept;
  }
  EXPECT_EQ(Verify(), 0) << output_.err;
}

}  // namespace
}  // namespace accord

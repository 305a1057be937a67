// Goal: the copy is always a whole one that the log signed: at every size, over interruptions, and whatever the broker says.
#include "services/accordctl/log_export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/tile_builder.h"

namespace accord::accordctl::log_export_test {
namespace {

using ::testing::HasSubstr;

constexpr char kOrigin[] = "accord.example/test";

class MemoryFiles final : public ExportFiles {
 public:
  absl::StatusOr<std::string> Read(const std::string& path, size_t) override {
    const auto found = files.find(path);
    if (found == files.end()) return absl::NotFoundError("no such file");
    return found->second;
  }
  absl::Status Write(const std::string& path, std::string_view bytes, bool) override {
    if (writes_left == 0) return absl::InternalError("the disk is full");
    --writes_left;
    files[path] = bytes;
    return absl::OkStatus();
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (!files.contains(from)) return absl::InternalError("nothing to rename");
    files[to] = files[from];
    files.erase(from);
    return absl::OkStatus();
  }
  absl::Status Remove(const std::string& path) override {
    std::erase_if(files, [&](const auto& file) { return file.first == path || file.first.starts_with(path + "/"); });
    return absl::OkStatus();
  }
  // What a reader sees.
  std::map<std::string, std::string> Published() const {
    auto published = files;
    std::erase_if(published, [](const auto& file) { return file.first.starts_with(kStaging); });
    return published;
  }
  std::map<std::string, std::string> files;
  size_t writes_left = SIZE_MAX;
};

class LogExportTest : public ::testing::Test {
 protected:
  static std::string Leaf(uint64_t i) { return "leaf " + std::to_string(i); }

  std::string Checkpoint(uint64_t size) const {
    ledger::Frontier frontier;
    for (uint64_t i = 0; i < size; ++i) frontier.Append(ledger::LeafHash(leaves_.at(i)));
    return ledger::SignCheckpoint({kOrigin, size, frontier.Root()}, signer_);
  }

  // Exports the log of `size`; the broker breaks off after `served` leaves.
  absl::StatusOr<ExportSummary> Export(uint64_t size, uint64_t served = UINT64_MAX) {
    const auto source = [&](uint64_t first, uint64_t end, LeafSink sink) -> absl::Status {
      for (uint64_t i = first; i < end; ++i) {
        if (served-- == 0) return absl::UnavailableError("the broker went away");
        ACCORD_RETURN_IF_ERROR(sink(leaves_[i]));
      }
      return absl::OkStatus();
    };
    return ExportLog(Checkpoint(size), vkey_, source, files_);
  }

  // Every file of a copy of `size`, made another way.
  std::map<std::string, std::string> Expected(uint64_t size) const {
    std::map<std::string, std::string> files = {{"checkpoint", Checkpoint(size)}, {"vkey", vkey_.ToString() + "\n"}};
    ledger::TileBuilder builder;
    const auto put = [&](const ledger::Tile& tile, std::string_view hashes) { files[ledger::TilePath(tile)] = hashes; };
    for (uint64_t i = 0; i < size; ++i) builder.Append(ledger::LeafHash(leaves_[i]), put);
    builder.EmitPartial(put);
    for (uint64_t first = 0; first < size; first += 256) {
      const uint64_t end = std::min<uint64_t>(first + 256, size);
      files[ledger::EntriesPath(first / 256, static_cast<uint32_t>(end - first))] = ledger::EncodeBundle(
          {leaves_.begin() + static_cast<ptrdiff_t>(first), leaves_.begin() + static_cast<ptrdiff_t>(end)});
    }
    return files;
  }

  LogExportTest() {
    for (uint64_t i = 0; i < 1000; ++i) leaves_.push_back(Leaf(i));
  }

  const crypto::Ed25519Signer signer_ = *crypto::Ed25519Signer::FromSeed(std::string(32, 's'));
  const ledger::Vkey vkey_ = ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, signer_.verifier());
  std::vector<std::string> leaves_;
  MemoryFiles files_;
};

TEST_F(LogExportTest, ACopyGrowsWithTheLogAndFetchesOnlyWhatIsNew) {
  uint64_t before = 0;
  for (const uint64_t size : {0u, 1u, 1u, 200u, 256u, 257u, 600u, 600u, 768u, 1000u}) {
    const auto summary = Export(size);
    ASSERT_TRUE(summary.ok()) << size << " " << summary.status();
    EXPECT_EQ(files_.files, Expected(size)) << size;  // Nothing staged and no superseded partial file is left.
    EXPECT_EQ(summary->previous_size, before);
    EXPECT_EQ(summary->fetched, size == before ? 0 : size - before / 256 * 256) << size;
    before = size;
  }
}

TEST_F(LogExportTest, AnInterruptedRunShowsNothingAndIsGoneOnWith) {
  ASSERT_TRUE(Export(300).ok());
  const auto whole = files_.files;
  EXPECT_FALSE(Export(1000, 500).ok());
  EXPECT_EQ(files_.Published(), whole);
  const auto summary = Export(1000);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->fetched, 1000u - 512);  // One bundle was there, one was staged.
  EXPECT_EQ(files_.files, Expected(1000));
}

TEST_F(LogExportTest, AFullDiskLeavesTheCopyAsItWas) {
  ASSERT_TRUE(Export(300).ok());
  const auto whole = files_.files;
  for (size_t writes = 0; writes < 3; ++writes) {
    files_.writes_left = writes;
    EXPECT_FALSE(Export(1000).ok());
    EXPECT_EQ(files_.Published(), whole) << writes;
  }
  files_.writes_left = SIZE_MAX;
  ASSERT_TRUE(Export(1000).ok());
  EXPECT_EQ(files_.files, Expected(1000));
}

TEST_F(LogExportTest, EntriesThatDoNotGiveTheSignedRootArePublishedNowhere) {
  ASSERT_TRUE(Export(300).ok());
  const auto whole = files_.files;
  const std::string checkpoint = Checkpoint(1000);
  leaves_[700] = "another";
  const auto source = [&](uint64_t first, uint64_t end, LeafSink sink) -> absl::Status {
    for (uint64_t i = first; i < end; ++i) ACCORD_RETURN_IF_ERROR(sink(leaves_[i]));
    return absl::OkStatus();
  };
  const auto summary = ExportLog(checkpoint, vkey_, source, files_);
  EXPECT_TRUE(HasReason(summary.status(), Reason::kReceiptInvalid)) << summary.status();
  EXPECT_EQ(files_.files, whole);  // Nothing staged either.
}

TEST_F(LogExportTest, TooFewOrTooManyEntriesAreRefused) {
  for (const uint64_t given : {0u, 299u, 301u}) {
    const auto source = [&](uint64_t, uint64_t, LeafSink sink) -> absl::Status {
      for (uint64_t i = 0; i < given; ++i) ACCORD_RETURN_IF_ERROR(sink(leaves_[i]));
      return absl::OkStatus();
    };
    EXPECT_FALSE(ExportLog(Checkpoint(300), vkey_, source, files_).ok()) << given;
    EXPECT_TRUE(files_.Published().empty());
  }
}

TEST_F(LogExportTest, WhatWasDamagedOnTheDiskIsFetchedAgain) {
  ASSERT_TRUE(Export(600).ok());
  for (const char* path : {"tile/entries/000", "tile/entries/001", "tile/0/001", "tile/1/000.p/2"}) {
    files_.files[path][10] ^= 1;
    const auto summary = Export(600);
    ASSERT_TRUE(summary.ok()) << path << summary.status();
    EXPECT_EQ(files_.files, Expected(600)) << path;
  }
  files_.files.erase("tile/entries/000");
  ASSERT_TRUE(Export(600).ok());
  EXPECT_EQ(files_.files, Expected(600));
}

TEST_F(LogExportTest, AForkIsCaughtAndTheCopyKept) {
  ASSERT_TRUE(Export(600).ok());
  const auto whole = files_.files;
  EXPECT_TRUE(HasReason(Export(599).status(), Reason::kLogForked));  // It can only grow.
  leaves_[100] = "history as it suits";
  const auto forked = Export(1000);
  EXPECT_TRUE(HasReason(forked.status(), Reason::kLogForked)) << forked.status();
  EXPECT_EQ(files_.Published(), whole);
}

TEST_F(LogExportTest, AnotherLogOrKeyIsNotMixedIn) {
  ASSERT_TRUE(Export(10).ok());
  const auto other = *crypto::Ed25519Signer::FromSeed(std::string(32, 'o'));
  const auto other_key = ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, other.verifier());
  const auto no_source = [](uint64_t, uint64_t, LeafSink) -> absl::Status { return absl::InternalError("not asked for"); };
  EXPECT_TRUE(HasReason(ExportLog(Checkpoint(20), other_key, no_source, files_).status(), Reason::kReceiptInvalid));
  const std::string theirs = ledger::SignCheckpoint({kOrigin, 20, ledger::EmptyRoot()}, other);
  const auto mixed = ExportLog(theirs, other_key, no_source, files_);
  EXPECT_TRUE(absl::IsFailedPrecondition(mixed.status())) << mixed.status();
  EXPECT_EQ(files_.files, Expected(10));
}

}  // namespace
}  // namespace accord::accordctl::log_export_test

// Goal: a bundle is made of one chain at one checkpoint or not at all, also while the log grows and when the broker forks it.
#include "services/accordctl/trail_bundle_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>

#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/ledger/frontier.h"
#include "common/ledger/tlog_proof.h"
#include "services/accordctl/receipt_export.h"

namespace accord::accordctl::trail_bundle_writer_test {
namespace {

namespace fs = std::filesystem;
using ledger::TrailManifest;
using ::testing::HasSubstr;

constexpr char kOrigin[] = "accord.example/test";

// A log of entries that are all in the chains `r`, of a referral, and `c`, of its case, where entry 0 is of the case alone.
class TrailBundleWriterTest : public ::testing::Test {
 protected:
  TrailBundleWriterTest() {
    for (uint64_t i = 0; i < 40; ++i) {
      const crypto::Opening opening = crypto::MakeOpening(random_, "event", "");
      std::vector<ledger::Chain> chains = {{case_, i, i == 0 ? ledger::kNoPreviousIndex : i - 1}};
      if (i > 0) chains.push_back({referral_, i - 1, i == 1 ? ledger::kNoPreviousIndex : i - 1});
      leaves_.push_back(ledger::EncodeLeaf(ledger::MakeLeaf(kOrigin, 1'800'000'000'000 + i, chains, std::vector{opening}, random_)));
      openings_.push_back(opening);
    }
  }

  CheckedRow Row(uint64_t index) const {
    inspection::v1::TrailRow row;
    row.set_index(index);
    row.set_leaf(leaves_[index]);
    row.set_time_ms(1'800'000'000'000 + static_cast<int64_t>(index));
    auto& opening = *row.add_openings();
    opening.set_label(openings_[index].label);
    opening.set_salt(openings_[index].salt);
    opening.set_content(openings_[index].content);
    auto checked = CheckRow(row, kOrigin);
    EXPECT_TRUE(checked.ok()) << checked.status();
    return *checked;
  }
  std::vector<CheckedRow> Rows(const std::vector<uint64_t>& indices) const {
    std::vector<CheckedRow> rows;
    for (const uint64_t index : indices) rows.push_back(Row(index));
    return rows;
  }

  type::v1::Receipt Receipt(uint64_t index, uint64_t size, const std::string& more = "") const {
    ledger::Frontier frontier;
    for (uint64_t i = 0; i < size; ++i) frontier.Append(ledger::LeafHash(leaves_[i]));
    const std::function<absl::StatusOr<ledger::Hash>(int, uint64_t)> node = [&](int level, uint64_t at) -> absl::StatusOr<ledger::Hash> {
      if (level == 0) return ledger::LeafHash(leaves_[at]);
      return ledger::NodeHash(*node(level - 1, 2 * at), *node(level - 1, 2 * at + 1));
    };
    type::v1::Receipt receipt;
    receipt.set_tlog_proof(
        ledger::FormatTlogProof({leaves_[index], index, *ledger::ProveInclusion(index, size, node),
                                 ledger::SignCheckpoint({kOrigin, size, frontier.Root()}, signer_) + more}));
    return receipt;
  }

  FakeRandom random_{5};
  const std::string referral_ = std::string(16, 'r'), case_ = std::string(16, 'c');
  const crypto::Ed25519Signer signer_ = *crypto::Ed25519Signer::FromSeed(std::string(32, 's'));
  const ledger::Vkey log_ = ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, signer_.verifier());
  std::vector<std::string> leaves_;
  std::vector<crypto::Opening> openings_;
};

TEST_F(TrailBundleWriterTest, TheManifestNamesTheShortestChainAndItsGrade) {
  const std::string id(32, 'd');
  const auto of = [&](const std::vector<uint64_t>& rows, TrailManifest::About about, const std::string& named) {
    return ManifestOf(Rows(rows), rows.back(), about, named, kOrigin);
  };
  const auto whole = of({1, 2, 3, 4}, TrailManifest::About::kReferral, id);
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->chain, referral_);
  EXPECT_EQ(whole->grade, ledger::TrailGrade::kAttested);
  EXPECT_EQ(whole->rows, (std::vector<uint64_t>{1, 2, 3, 4}));
  EXPECT_EQ(of({2, 4}, TrailManifest::About::kReferral, id)->grade, ledger::TrailGrade::kPartial);
  EXPECT_EQ(of({1, 3}, TrailManifest::About::kReferral, id)->grade, ledger::TrailGrade::kPartial);
  EXPECT_EQ(of({0, 1, 2}, TrailManifest::About::kCase, case_)->grade, ledger::TrailGrade::kAttested);
  EXPECT_EQ(of({1, 2}, TrailManifest::About::kCase, case_)->grade, ledger::TrailGrade::kPartial);

  const auto refused = [](const absl::StatusOr<TrailManifest>& manifest) {
    return HasReason(manifest.status(), Reason::kReceiptInvalid);
  };
  EXPECT_TRUE(refused(of({1, 2}, TrailManifest::About::kCase, std::string(16, 'x'))));
  EXPECT_TRUE(refused(of({2, 1}, TrailManifest::About::kReferral, id)));
  EXPECT_TRUE(refused(ManifestOf(Rows({1, 2}), 3, TrailManifest::About::kReferral, id, kOrigin)));
  EXPECT_TRUE(refused(ManifestOf({}, 0, TrailManifest::About::kReferral, id, kOrigin)));
}

TEST_F(TrailBundleWriterTest, ReceiptsAreBroughtToOneCheckpointWhileTheLogGrows) {
  const auto rows = Rows({1, 2, 3, 4});
  uint64_t size = 10, calls = 0;
  const auto growing = [&](uint64_t index, uint64_t) -> absl::StatusOr<type::v1::Receipt> {
    if (++calls == 3) size = 11;
    return Receipt(index, size);
  };
  const auto receipts = FetchAtOneCheckpoint(rows, 0, log_, growing);
  ASSERT_TRUE(receipts.ok()) << receipts.status();
  EXPECT_EQ(receipts->size, 11u);
  EXPECT_EQ(calls, 6u);  // The two that were behind again.
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto verified = ledger::VerifyReceipt(receipts->receipts[i].tlog_proof(), log_);
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_EQ(verified->checkpoint.size, 11u);
    EXPECT_EQ(receipts->receipts[i].openings_size(), 1);
  }

  size = 10;
  const auto racing = [&](uint64_t index, uint64_t) -> absl::StatusOr<type::v1::Receipt> { return Receipt(index, ++size % 30 + 10); };
  EXPECT_TRUE(HasReason(FetchAtOneCheckpoint(rows, 0, log_, racing).status(), Reason::kStoreUnavailable));
}

// At a published checkpoint cosignatures come in while receipts are fetched: the tree is one, so the last note is everybody's.
TEST_F(TrailBundleWriterTest, OfOneTreeTheNoteWithAllItsCosignaturesIsTaken) {
  const auto witness = crypto::Ed25519Signer::Generate();
  const auto rows = Rows({1, 2, 3});
  uint64_t asked = 0;
  const auto source = [&](uint64_t index, uint64_t size) -> absl::StatusOr<type::v1::Receipt> {
    asked = size;
    const std::string text = ledger::ParseNote(ledger::ParseTlogProof(Receipt(index, size).tlog_proof())->checkpoint)->text;
    return Receipt(index, size, index == 3 ? ledger::CosignatureLine(text, "idva", 1'800'000'000, witness) : "");
  };
  const auto receipts = FetchAtOneCheckpoint(rows, 20, log_, source);
  ASSERT_TRUE(receipts.ok()) << receipts.status();
  EXPECT_EQ(asked, 20u);
  EXPECT_EQ(ledger::ParseNote(receipts->checkpoint)->signatures.size(), 2u);
  for (const auto& receipt : receipts->receipts) {
    EXPECT_EQ(ledger::ParseTlogProof(receipt.tlog_proof())->checkpoint, receipts->checkpoint);
    EXPECT_TRUE(ledger::VerifyReceipt(receipt.tlog_proof(), log_).ok());
  }
}

TEST_F(TrailBundleWriterTest, AForkOrAReceiptOfSomethingElseEndsIt) {
  const auto rows = Rows({1, 2, 3});
  const auto fetch = [&](std::function<type::v1::Receipt(uint64_t)> make) {
    return FetchAtOneCheckpoint(rows, 0, log_, [&](uint64_t index, uint64_t) -> absl::StatusOr<type::v1::Receipt> { return make(index); })
        .status();
  };
  EXPECT_TRUE(HasReason(fetch([&](uint64_t) { return Receipt(2, 12); }), Reason::kReceiptInvalid));
  EXPECT_TRUE(HasReason(fetch([&](uint64_t index) {
                          auto receipt = Receipt(index, 12);
                          receipt.mutable_tlog_proof()->back() = 'x';
                          return receipt;
                        }),
                        Reason::kReceiptInvalid));
  // From its third answer on the broker shows a tree of the same size with another entry 9.
  const auto forked = fetch([&](uint64_t index) {
    if (index < 3) return Receipt(index, 12);
    std::string& leaf = leaves_[9];
    ledger::Leaf changed = *ledger::ParseLeaf(leaf);
    changed.nonce[0] = static_cast<char>(changed.nonce[0] ^ 1);
    leaf = ledger::EncodeLeaf(changed);
    return Receipt(index, 12);
  });
  EXPECT_TRUE(HasReason(forked, Reason::kLogForked)) << forked;
}

TEST_F(TrailBundleWriterTest, ABundleIsWrittenWholeIntoANewDirectory) {
  std::string name = (fs::temp_directory_path() / "accord-bundle-XXXXXX").string();
  const fs::path root = ::mkdtemp(name.data());
  const auto rows = Rows({1, 2, 3});
  auto manifest = *ManifestOf(rows, 3, TrailManifest::About::kReferral, std::string(32, 'd'), kOrigin);
  const auto receipts = *FetchAtOneCheckpoint(rows, 0, log_, [&](uint64_t index, uint64_t) -> absl::StatusOr<type::v1::Receipt> {
    return Receipt(index, 12);
  });
  manifest.checkpoint_size = receipts.size;
  for (const std::string directory : {"new", "slash/"}) {
    ASSERT_EQ(WriteBundle((root / directory).string(), manifest, log_, receipts), absl::OkStatus());
    const auto text = ReadFile((root / directory / "bundle.json").string());
    ASSERT_TRUE(text.ok());
    EXPECT_EQ(*ledger::ParseTrailManifest(*text), manifest);
    EXPECT_TRUE(fs::exists(root / directory / "receipts/2.tlog-proof.openings.json"));
    EXPECT_EQ(fs::status(root / directory / "receipts/2.tlog-proof.openings.json").permissions() & fs::perms::others_all,
              fs::perms::none);
    EXPECT_TRUE(IsUsageError(WriteBundle((root / directory).string(), manifest, log_, receipts)));
  }
  EXPECT_FALSE(fs::exists(root / "new.incoming"));
  fs::create_directories(root / "other.incoming/photographs");
  EXPECT_TRUE(IsUsageError(WriteBundle((root / "other").string(), manifest, log_, receipts)));
  EXPECT_TRUE(fs::exists(root / "other.incoming/photographs"));
  fs::create_directory(root / "empty");
  EXPECT_EQ(WriteBundle((root / "empty").string(), manifest, log_, receipts), absl::OkStatus());
  fs::remove_all(root);
}

TEST_F(TrailBundleWriterTest, ReceiptsOfAForkedLogKeepNamesOfTheirOwn) {
  ReceiptNames names;
  EXPECT_EQ(names.NameOf(Receipt(7, 9)), "7.tlog-proof");
  EXPECT_EQ(names.NameOf(Receipt(7, 9)), "");
  EXPECT_EQ(names.NameOf(Receipt(7, 10)), "7-2.tlog-proof");
  EXPECT_EQ(names.NameOf(Receipt(8, 10)), "8.tlog-proof");
  type::v1::Receipt malformed;
  malformed.set_tlog_proof("x");
  EXPECT_EQ(names.NameOf(malformed), "malformed.tlog-proof");
}

}  // namespace
}  // namespace accord::accordctl::trail_bundle_writer_test

// Goal: the manifest of version 2 is read only as it is written, its bytes, digest and index are those of docs/formats.md §12, and every
// alteration of it or of a file that it names is refused by name.
#include "common/ledger/export_bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"

namespace accord::ledger::export_bundle_test {
namespace {

using ::testing::HasSubstr;

BundleFile File(uint64_t size, char fill) { return {size, std::string(32, fill)}; }

ExportManifest TwoTrails() {
  ExportManifest manifest{.origin = "accord.example/north", .warrant = "jtai-1", .purpose = "case-tracking", .checkpoint_size = 300};
  manifest.trails.push_back({TrailManifest::About::kCase, std::string(16, 'c'), std::string(16, 'c'), 298, {7, 298}});
  manifest.trails.push_back({TrailManifest::About::kReferral, std::string(32, 'd'), std::string(16, 'r'), 299, {7, 299}});
  for (const uint64_t row : {7, 298, 299}) {
    manifest.files[ReceiptPath(row)] = File(900, 'a');
    manifest.files[ReceiptPath(row) + kOpeningsSuffix] = File(300, 'b');
  }
  for (const char* path : {kVkeyFile, kCheckpointFile, kIndexFile, kDirectoryFile}) manifest.files[path] = File(10, 'e');
  manifest.files[PolicyPath("agreement", "2026-1")] = File(2'000, 'p');
  return manifest;
}

TEST(ExportBundleTest, TheManifestReadsBackAndHasGoldenBytes) {
  const ExportManifest manifest = TwoTrails();
  const std::string text = FormatExportManifest(manifest);
  const auto parsed = ParseExportManifest(text);
  ASSERT_EQ(parsed.status(), absl::OkStatus());
  EXPECT_EQ(*parsed, manifest);
  EXPECT_TRUE(IsExportManifest(text));
  EXPECT_FALSE(IsExportManifest(R"({"format": "accord-bundle/v1"})"));
  EXPECT_FALSE(IsExportManifest("no JSON"));
  // Persisted. Do not change: a new form is accord-bundle/v3 beside it.
  EXPECT_TRUE(text.starts_with("{\n  \"checkpointSize\": 300,\n  \"files\": {\n    \"checkpoint\": {\n      \"sha256\": \"6565"));
  EXPECT_THAT(text, HasSubstr("  \"format\": \"accord-bundle/v2\",\n  \"grade\": \"attested\",\n  \"origin\": \"accord.example/north\",\n"
                              "  \"purpose\": \"case-tracking\",\n  \"trails\": [\n    {\n      \"about\": {\n        \"case\": \"6363"));
  EXPECT_TRUE(text.ends_with("      \"queryIndex\": 299,\n      \"rows\": [\n        7,\n        299\n      ]\n    }\n  ],\n  \"warrant\": \"jtai-1\"\n}\n"));
  // Computed apart from this code, by the words of docs/formats.md.
  EXPECT_EQ(ToHex(RequestDigest(manifest)), "53ddc53994075cac9f35c9916c910aadb1996025e29585a34127ad928b79e8a0");
  EXPECT_EQ(ToHex(RequestDigestWithoutChains(manifest)), "a8c809b7eee616934d6417c6fecae98201d14b64e124ed2e1541a43d15360fa5");
}

TEST(ExportBundleTest, TheRequestIsBoundAndTheRestIsNot) {
  const ExportManifest manifest = TwoTrails();
  const std::string digest = RequestDigest(manifest);
  const auto differs = [&](auto change) {
    ExportManifest other = TwoTrails();
    change(other);
    return RequestDigest(other) != digest;
  };
  EXPECT_TRUE(differs([](auto& m) { m.trails.pop_back(); }));
  EXPECT_TRUE(differs([](auto& m) { std::swap(m.trails[0], m.trails[1]); }));
  EXPECT_TRUE(differs([](auto& m) { m.trails[0].id[0] = 'x'; }));
  EXPECT_TRUE(differs([](auto& m) { m.trails[1].chain[0] = 'x'; }));
  EXPECT_TRUE(differs([](auto& m) { m.warrant = "jtai-2"; }));
  EXPECT_TRUE(differs([](auto& m) { m.purpose.clear(); }));
  EXPECT_TRUE(differs([](auto& m) { m.files[kDirectoryFile].digest[0] = 'x'; }));
  EXPECT_TRUE(differs([](auto& m) { m.files[PolicyPath("agreement", "2026-1")].digest[0] = 'x'; }));
  EXPECT_TRUE(differs([](auto& m) { m.files.erase(PolicyPath("agreement", "2026-1")); }));
  // These are known after the entry alone; the log's own proofs hold them.
  EXPECT_FALSE(differs([](auto& m) { m.checkpoint_size = 301; }));
  EXPECT_FALSE(differs([](auto& m) { m.files[ReceiptPath(7)].digest[0] = 'x'; }));
}

TEST(ExportBundleTest, AManifestThatIsNotOneIsRefusedWithWhy) {
  const auto why = [](auto change) {
    ExportManifest manifest = TwoTrails();
    change(manifest);
    return std::string(FromAbsl(ParseExportManifest(FormatExportManifest(manifest)).status().message()));
  };
  EXPECT_EQ(why([](auto&) {}), "");
  EXPECT_THAT(why([](auto& m) { m.files.erase(ReceiptPath(298)); }), HasSubstr("`files` lacks receipts/298.tlog-proof"));
  EXPECT_THAT(why([](auto& m) { m.files.erase(kIndexFile); }), HasSubstr("`files` lacks index.txt"));
  EXPECT_THAT(why([](auto& m) { m.files["receipts/8.tlog-proof"] = File(1, 'x'); }), HasSubstr("has receipts/8.tlog-proof, which no bundle has"));
  for (const char* path : {"../etc/passwd", "/etc/passwd", "policies/../x.toml", "policies/a/../x.toml", "policies/a/b/x.toml", "policies/a/.x.toml", "notes.txt"}) {
    EXPECT_THAT(why([&](auto& m) { m.files[path] = File(1, 'x'); }), HasSubstr("which no bundle has")) << path;
  }
  EXPECT_THAT(why([](auto& m) { m.files[kWitnessedFile] = File(1, 'x'); }), HasSubstr("`files` lacks witnessed.consistency"));
  EXPECT_THAT(why([](auto& m) { m.trails[0].rows = {298, 7}; }), HasSubstr("does not ascend"));
  EXPECT_THAT(why([](auto& m) { m.trails[0].rows = {7}; }), HasSubstr("is not the query's own entry"));
  EXPECT_THAT(why([](auto& m) { m.trails[0].rows.clear(); }), HasSubstr("no list of 1 to 20000"));
  EXPECT_THAT(why([](auto& m) { m.trails.clear(); }), HasSubstr("`trails` is no list of 1 to 200"));
  EXPECT_THAT(why([](auto& m) { m.trails[1] = m.trails[0]; }), HasSubstr("one of them twice"));
  EXPECT_THAT(why([](auto& m) { m.trails[0].chain[0] = 'x'; }), HasSubstr("not that of its case"));
  EXPECT_THAT(why([](auto& m) { m.checkpoint_size = 299; }), HasSubstr("not below `checkpointSize`"));
  EXPECT_THAT(why([](auto& m) { m.origin = "two words"; }), HasSubstr("`origin`"));
  std::string text = FormatExportManifest(TwoTrails());
  EXPECT_FALSE(ParseExportManifest(text + "\n").ok());
  text.insert(1, "\"more\": 1,");
  EXPECT_THAT(FromAbsl(ParseExportManifest(text).status().message()), HasSubstr("not written as version 2"));
}

TEST(ExportBundleTest, RowsAndTrailsHaveTheirLimits) {
  ExportManifest manifest = TwoTrails();
  manifest.trails.resize(1);
  manifest.checkpoint_size = 30'000;
  const auto rows = [&](size_t count) {
    BundleTrail& trail = manifest.trails[0];
    trail.rows.clear();
    manifest.files.clear();  // What is one past the limit is refused before its files are looked at.
    for (const char* path : {kVkeyFile, kCheckpointFile, kIndexFile, kDirectoryFile}) manifest.files[path] = File(10, 'e');
    for (size_t i = 0; i < count; ++i) {
      trail.rows.push_back(i);
      if (count > kBundleRowsMax) continue;
      manifest.files[ReceiptPath(i)] = manifest.files[ReceiptPath(i) + kOpeningsSuffix] = File(900, 'a');
    }
    trail.query_index = count - 1;
    return ParseExportManifest(FormatExportManifest(manifest)).status();
  };
  EXPECT_EQ(rows(kBundleRowsMax), absl::OkStatus());  // And so its manifest is within kExportManifestBytesMax.
  EXPECT_THAT(FromAbsl(rows(kBundleRowsMax + 1).message()), HasSubstr("no list of 1 to 20000"));
}

TEST(ExportBundleTest, AFileIsTheOneThatTheManifestNames) {
  ExportManifest manifest = TwoTrails();
  manifest.files[kDirectoryFile] = {3, *FromHex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")};
  const auto why = [&](const std::string& path, std::string_view bytes) {
    return std::string(FromAbsl(CheckBundleFile(manifest, path, bytes).message()));
  };
  EXPECT_EQ(why(kDirectoryFile, "abc"), "");
  EXPECT_EQ(why(kDirectoryFile, "abd"), "directory.json: was altered: it has not the digest that the manifest names");
  EXPECT_EQ(why(kDirectoryFile, "ab"), "directory.json: has 2 bytes, the manifest names 3");
  EXPECT_EQ(why("other", ""), "other: was added: the manifest does not name it");
}

TEST(ExportBundleTest, VersionsBecomePlainPaths) {
  EXPECT_EQ(PolicyPath("agreement", "2026-1"), "policies/agreement/2026-1.toml");
  EXPECT_EQ(PolicyPath("law", "../x"), "policies/law/hex.2e2e2f78.toml");
  EXPECT_EQ(PolicyPath("law", ".x"), "policies/law/hex.2e78.toml");
  EXPECT_TRUE(IsAttached("policies/law/1.toml"));
  EXPECT_TRUE(IsAttached("directory.json"));
  EXPECT_FALSE(IsAttached("receipts/1.tlog-proof"));
}

TEST(ExportBundleTest, OpeningsReadBack) {
  const std::vector<crypto::Opening> two = {{"event", std::string(32, 's'), "what"}, {"decisions", std::string(32, 't'), ""}};
  EXPECT_EQ(*ParseOpenings(FormatOpenings(two)), two);
  EXPECT_TRUE(ParseOpenings("[]\n")->empty());
  const auto why = [](std::string_view text) { return std::string(FromAbsl(ParseOpenings(text).status().message())); };
  EXPECT_THAT(why("{}"), HasSubstr("is not a JSON array"));
  EXPECT_THAT(why("[1]"), HasSubstr("item 0 has no text `label`"));
  EXPECT_THAT(why(R"([{"label": "event", "salt": "YQ==", "content": "?"}])"), HasSubstr("`content` of item 0 is not base64"));
}

TEST(ExportBundleTest, JsonThatIsDeepIsNotReadAtAll) {
  const auto nested = [](int depth, const char* open, const char* close) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += open;
    text += "1";
    for (int i = 0; i < depth; ++i) text += close;
    return text;
  };
  EXPECT_TRUE(IsShallowJson(nested(kBundleNestingMax, "[", "]")));
  EXPECT_FALSE(IsShallowJson(nested(kBundleNestingMax + 1, "[", "]")));
  EXPECT_FALSE(IsShallowJson(nested(kBundleNestingMax + 1, "{\"a\": ", "}")));
  // What stands in texts nests nothing.
  EXPECT_TRUE(IsShallowJson("[\"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\"]"));
  EXPECT_FALSE(IsShallowJson("[\"\\\\\"" + std::string(100, '[')));
  const std::string deep(1'000, '[');
  EXPECT_FALSE(IsExportManifest(deep));
  EXPECT_THAT(FromAbsl(ParseExportManifest(deep).status().message()), HasSubstr("nested too deep"));
  EXPECT_THAT(FromAbsl(ParseOpenings(deep).status().message()), HasSubstr("nested too deep"));
  EXPECT_THAT(FromAbsl(ParseTrailManifest(deep).status().message()), HasSubstr("nested too deep"));
}

TEST(ExportBundleTest, HashesReadBack) {
  const std::vector<std::string> two = {std::string(32, 'a'), std::string(32, 'b')};
  EXPECT_EQ(*ParseHashLines(FormatHashLines(two)), two);
  EXPECT_TRUE(ParseHashLines("")->empty());
  for (const char* wrong : {"x\n", "YWJj\n", "\n"}) EXPECT_FALSE(ParseHashLines(wrong).ok()) << wrong;
  EXPECT_FALSE(ParseHashLines(FormatHashLines(two) + "YQ==").ok());
  EXPECT_TRUE(ParseHashLines(FormatHashLines(std::vector<std::string>(64, two[0]))).ok());
  EXPECT_FALSE(ParseHashLines(FormatHashLines(std::vector<std::string>(65, two[0]))).ok());
}

TEST(ExportBundleTest, TheIndexTellsInEnglishWhatIsThere) {
  const std::string text = FormatBundleIndex(TwoTrails(), {{7, {1'800'000'000'000, "EVENT_TYPE_REFERRAL_STORED", "agency/police"}},
                                                           {298, {1'800'000'001'000, "", ""}},
                                                           {299, {1'800'000'001'000, "STATEMENT_KIND_ACCEPTED", ""}}});
  // Persisted. Do not change a word: accord-verify makes it anew, and bundles that were given out would fail. Another wording is of accord-bundle/v3.
  EXPECT_EQ(ToHex(crypto::Sha256(text)), "f6cc23cdedd9451d5998bd29e37f982439543c44959858750f3f49120ef88b30");
  EXPECT_THAT(text, HasSubstr("Asked under: warrant jtai-1\nPurpose: case-tracking\nReferrals and cases: 2\n"));
  EXPECT_THAT(text, HasSubstr("\n1. Case 6363"));
  EXPECT_THAT(text, HasSubstr("\n   What 1 of them say is not shown"));
  EXPECT_THAT(text, HasSubstr("\n            7  2027-01-15 08:00:00.000Z  referral stored, agency/police\n"));
  EXPECT_THAT(text, HasSubstr("\n          298  2027-01-15 08:00:01.000Z  (not shown)\n"));
  EXPECT_THAT(text, HasSubstr("\n          299  2027-01-15 08:00:01.000Z  accepted\n"));
}

}  // namespace
}  // namespace accord::ledger::export_bundle_test

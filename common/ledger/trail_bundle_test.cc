// Goal: a manifest is read only as it is written, and its bytes are those of docs/formats.md §12.
#include "common/ledger/trail_bundle.h"

#include <gtest/gtest.h>

#include <string_view>

#include "common/base/status.h"

namespace accord::ledger::trail_bundle_test {
namespace {

TrailManifest Sample() {
  return {.about = TrailManifest::About::kReferral,
          .id = std::string(32, '\x11'),
          .chain = std::string(16, '\xa0'),
          .grade = TrailGrade::kAttested,
          .origin = "accord.example/north",
          .checkpoint_size = 300,
          .query_index = 298,
          .rows = {7, 9, 298}};
}

// Persisted. Do not change: a new form is accord-bundle/v2 beside it.
constexpr std::string_view kGolden = R"({
  "about": {
    "referral": "1111111111111111111111111111111111111111111111111111111111111111"
  },
  "chain": "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0",
  "checkpointSize": 300,
  "format": "accord-bundle/v1",
  "grade": "attested",
  "origin": "accord.example/north",
  "queryIndex": 298,
  "rows": [
    7,
    9,
    298
  ]
}
)";

TEST(TrailBundleTest, TheManifestHasGoldenBytes) {
  EXPECT_EQ(FormatTrailManifest(Sample()), kGolden);
  const auto parsed = ParseTrailManifest(kGolden);
  ASSERT_EQ(parsed.status(), absl::OkStatus());
  EXPECT_EQ(*parsed, Sample());
  EXPECT_EQ(ReceiptPath(0), "receipts/0.tlog-proof");
  EXPECT_EQ(ReceiptPath(UINT64_MAX), "receipts/18446744073709551615.tlog-proof");

  TrailManifest of_case = Sample();
  of_case.about = TrailManifest::About::kCase;
  of_case.id = of_case.chain;
  of_case.grade = TrailGrade::kPartial;
  of_case.checkpoint_size = UINT64_MAX;
  const auto again = ParseTrailManifest(FormatTrailManifest(of_case));
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_EQ(*again, of_case);
}

TEST(TrailBundleTest, WhatContradictsItselfIsRefused) {
  const auto refused = [](auto change) {
    TrailManifest manifest = Sample();
    change(manifest);
    EXPECT_TRUE(HasReason(ParseTrailManifest(FormatTrailManifest(manifest)).status(), Reason::kFieldInvalid))
        << FormatTrailManifest(manifest);
  };
  refused([](TrailManifest& m) { m.id = std::string(16, 'x'); });
  refused([](TrailManifest& m) { m.chain.pop_back(); });
  refused([](TrailManifest& m) { m.origin = ""; });
  refused([](TrailManifest& m) { m.about = TrailManifest::About::kCase, m.id = std::string(16, 'x'); });
  refused([](TrailManifest& m) { m.rows = {}; });
  refused([](TrailManifest& m) { m.rows = {9, 7, 298}; });
  refused([](TrailManifest& m) { m.rows = {7, 7, 298}; });
  refused([](TrailManifest& m) { m.rows = {7, 9}; });
  refused([](TrailManifest& m) { m.rows.push_back(299); });
  refused([](TrailManifest& m) { m.checkpoint_size = 298; });
  refused([](TrailManifest& m) { m.checkpoint_size = 0; });
}

// Every bit, every byte left out, doubled and put in, every end cut off.
TEST(TrailBundleTest, WhatParsesIsWrittenBackToTheSameBytes) {
  const std::string text(kGolden);
  int accepted = 0;
  const auto check = [&](const std::string& altered) {
    const auto parsed = ParseTrailManifest(altered);
    if (!parsed.ok()) return;
    ASSERT_EQ(FormatTrailManifest(*parsed), altered);
    ASSERT_EQ(*parsed == Sample(), altered == text) << altered;
    ++accepted;  // Another number, say.
  };
  for (size_t at = 0; at <= text.size(); ++at) {
    check(text.substr(0, at));
    for (const char c : std::string_view("\0\n 0\"-,]}", 9)) check(text.substr(0, at) + c + text.substr(at));
    if (at == text.size()) break;
    check(text.substr(0, at) + text.substr(at + 1));
    check(text.substr(0, at) + text[at] + text.substr(at));
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = text;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      check(flipped);
    }
  }
  for (const std::string& extra : {std::string("{}"), std::string("\n"), std::string(1, '\0')}) check(text + extra);
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace accord::ledger::trail_bundle_test

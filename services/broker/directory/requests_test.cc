// Goal: a request id leads its principal back to the first answer, and nobody to another's.
#include "services/broker/directory/requests.h"

#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker::requests_test {
namespace {

const std::string kDigest(32, 'd');
constexpr std::string_view kPolice = "agency/police";

TEST(RequestsTest, TheSameIsFoundAgainOtherContentIsRefusedAndAnotherPrincipalsIdIsFree) {
  MemoryContext context;
  EXPECT_EQ(*FirstRequest(context, kPolice, "r-1", kDigest), std::nullopt);
  KeepRequest(context, kPolice, "r-1", kDigest, 7);
  const auto first = FirstRequest(context, kPolice, "r-1", kDigest);
  ASSERT_TRUE(first.ok() && first->has_value()) << first.status();
  EXPECT_EQ((*first)->index(), 7u);
  EXPECT_EQ((*first)->header_digest(), "");
  EXPECT_EQ(*FirstRequest(context, "agency/housing", "r-1", std::string(32, 'o')), std::nullopt);
  EXPECT_EQ(*FirstRequest(context, kPolice, "r-2", kDigest), std::nullopt);

  const auto other = FirstRequest(context, kPolice, "r-1", std::string(32, 'o'));
  ASSERT_TRUE(HasReason(other.status(), Reason::kRequestIdReused)) << other.status();
  EXPECT_EQ(DetailOf(other.status()).metadata.at("first_digest"), ToHex(kDigest));
  EXPECT_EQ(DetailOf(other.status()).metadata.at("first_index"), "7");
}

TEST(RequestsTest, WhatDoesNotParseIsNoFreeId) {
  MemoryContext context;
  context.Put(kFamilyRequest, RequestKey(kPolice, "r-1"), "\xff");
  EXPECT_TRUE(HasReason(FirstRequest(context, kPolice, "r-1", kDigest).status(), Reason::kStoreCorrupt));
}

}  // namespace
}  // namespace accord::broker::requests_test

#include "services/broker/delivery/erased.h"

#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/memory_context.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker::erased_test {
namespace {

const std::string kDigest(32, 'h');

// Made by Python from docs/formats.md §13 alone.
TEST(ErasedTest, MarksHaveTheirGoldenBytes) {
  EXPECT_EQ(ToHex(ErasedReferralMark(kDigest)), "bd74d40f4ba1347c78631a68a28ed6873d8bb9083b44e35883ef48f82f400c8b");
  EXPECT_EQ(ToHex(ErasedSenderMark(kDigest, "police")), "a7e4f56bdc37d289757263bd253e22c1133d85e07fdd1f57d715b97926dbe6e4");
  EXPECT_EQ(ToHex(ErasedRecipientMark(kDigest, "idva", type::v1::DESK_MAIN)),
            "c5aaacf144298fac9fceb488450573742b66a04d6f1be107a2b94e2baea2eb62");
  EXPECT_EQ(ErasedRecipientMark(kDigest, "idva", type::v1::DESK_UNSPECIFIED), ErasedRecipientMark(kDigest, "idva", type::v1::DESK_MAIN));
  EXPECT_EQ(ToHex(ErasedDeliveryMark(std::string(16, 'd'))), "14f93e7ecae94f54e6821f043f11f097468d515235fc223cefc15b9a10dec0f5");
}

TEST(ErasedTest, TellsWhoKnewOfItAndNobodyElse) {
  MemoryContext store;
  store.Put(kFamilyErased, ErasedSenderMark(kDigest, "police"), KeyU64(7));
  store.Put(kFamilyErased, ErasedRecipientMark(kDigest, "idva", type::v1::DESK_CONFIDENTIAL), KeyU64(7));
  const auto answer = [&](const char* agency, type::v1::Desk desk) {
    return RefuseIfErased(PlainReaderOf(store), kDigest, agency, desk);
  };
  for (const auto desk : {type::v1::DESK_MAIN, type::v1::DESK_CONFIDENTIAL}) {
    const absl::Status sender = answer("police", desk);
    EXPECT_TRUE(HasReason(sender, Reason::kErased));
    EXPECT_EQ(DetailOf(sender).metadata.at("index"), "7");
    EXPECT_EQ(answer("housing", desk), absl::OkStatus());
  }
  EXPECT_TRUE(HasReason(answer("idva", type::v1::DESK_CONFIDENTIAL), Reason::kErased));
  EXPECT_EQ(answer("idva", type::v1::DESK_MAIN), absl::OkStatus());
}

}  // namespace
}  // namespace accord::broker::erased_test

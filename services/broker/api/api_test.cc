// What the broker's handlers share: pages, which errors are refusals, and how many streams run at a time.
#include <gtest/gtest.h>

#include <atomic>

#include "common/base/status.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/api/running_place.h"

namespace accord::broker {
namespace {

TEST(PageSizeTest, HasADefaultAndLimits) {
  EXPECT_EQ(*PageSize(0, 100), 100);
  EXPECT_EQ(*PageSize(1, 100), 1);
  EXPECT_EQ(*PageSize(kPageSizeMax, 100), kPageSizeMax);
  for (const int wrong : {-1, kPageSizeMax + 1, INT32_MIN, INT32_MAX}) {
    EXPECT_TRUE(HasReason(PageSize(wrong, 100).status(), Reason::kFieldInvalid)) << wrong;
  }
}

TEST(PageTokenTest, LeadsOnAndBelongsToItsQuery) {
  const std::string query = PageQuery("/a.B/List", {"police", "open"});
  const std::string token = MakePageToken(query, "position");
  EXPECT_EQ(**ReadPageToken(token, query), "position");
  EXPECT_FALSE(ReadPageToken("", query)->has_value());
  EXPECT_EQ(**ReadPageToken(MakePageToken(query, ""), query), "");
  // Another caller, method or filter, and parts that only run together the same.
  for (const std::string& other :
       {PageQuery("/a.B/List", {"idva", "open"}), PageQuery("/a.B/Other", {"police", "open"}),
        PageQuery("/a.B/List", {"police"}), PageQuery("/a.B/List", {"policeopen"}),
        PageQuery("/a.B/List", {"policeo", "pen"})}) {
    EXPECT_TRUE(HasReason(ReadPageToken(token, other).status(), Reason::kPageTokenInvalid));
  }
}

TEST(PageTokenTest, IsStrict) {
  const std::string query = PageQuery("/a.B/List", {});
  const std::string token = MakePageToken(query, "p");
  std::string upper = token;
  for (char& c : upper) c = static_cast<char>(toupper(c));
  for (const std::string& wrong :
       {token.substr(1), token.substr(0, 20), token + "0", upper, "zz" + token, "02" + token.substr(2),
        std::string("next"), token + std::string(600, 'a')}) {
    EXPECT_TRUE(HasReason(ReadPageToken(wrong, query).status(), Reason::kPageTokenInvalid)) << wrong;
  }
}

TEST(IsRefusalTest, IsWhatTheCallerWasDeniedAndNoFaultOfOurs) {
  for (const auto& row : AllReasons()) {
    const bool refusal =
        row.code == absl::StatusCode::kInvalidArgument || row.code == absl::StatusCode::kPermissionDenied ||
        row.code == absl::StatusCode::kFailedPrecondition || row.code == absl::StatusCode::kAlreadyExists ||
        row.code == absl::StatusCode::kNotFound || row.reason == Reason::kPreviewQuota;
    EXPECT_EQ(IsRefusal(Error(row.reason, "no")), refusal) << row.name;
  }
  EXPECT_TRUE(IsRefusal(Error(Reason::kNotPermitted, "no")));
  EXPECT_FALSE(IsRefusal(Error(Reason::kStoreUnavailable, "no")));
  EXPECT_FALSE(IsRefusal(Error(Reason::kQueueFull, "no")));
  EXPECT_FALSE(IsRefusal(absl::OkStatus()));
  EXPECT_FALSE(IsRefusal(absl::NotFoundError("a library's own")));
}

TEST(RunningPlaceTest, SoManyRunAndTheNextWaitsForOneOfThem) {
  std::atomic<int> running = 0;
  auto first = RunningPlace::Take(running, 2, "bundles are being exported"), second = RunningPlace::Take(running, 2, "bundles are being exported");
  EXPECT_TRUE(first.ok() && second.ok());
  const absl::Status refused = RunningPlace::Take(running, 2, "bundles are being exported").status();
  EXPECT_TRUE(HasReason(refused, Reason::kQueueFull));
  EXPECT_EQ(DetailOf(refused).metadata.at("retry_after_ms"), "10000");
  EXPECT_EQ(running, 2) << "what was refused holds none";
  first->reset();
  EXPECT_TRUE(RunningPlace::Take(running, 2, "bundles are being exported").ok());
  EXPECT_EQ(running, 1);
}

}  // namespace
}  // namespace accord::broker

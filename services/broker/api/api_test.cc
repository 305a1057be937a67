// What the broker's handlers share: pages, and which errors are refusals.
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"

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

}  // namespace
}  // namespace accord::broker

#include "common/agent/draft_builder.h"

#include <gtest/gtest.h>

#include "common/agent/testing_mapping.h"

namespace accord::agent {
namespace {

TEST(DraftBuilderTest, OfADecisionNotToSharePeopleMakeSubjectsAloneAndNobodyIsAdded) {
  const auto context = testing::Context("police");
  agency::v1::RecordNotSharedRequest request;
  *request.mutable_options() = testing::Options({"idva"});
  request.set_purpose(type::v1::PURPOSE_SAFEGUARDING_CHILD);
  request.set_reason(type::v1::NOT_SHARED_REASON_ALREADY_KNOWN);
  *request.mutable_victim() = testing::Somebody("2012-01-01");  // A child: a referral would go to children's services too.
  DraftBuilder builder("RecordNotShared", request, request.options(), context);
  builder.Victim(request.victim(), "victim");
  const auto draft = std::move(builder).BuildNotShared(request.purpose(), request.reason());
  ASSERT_TRUE(draft.ok()) << draft.status();
  EXPECT_EQ(draft->recipients, std::vector<std::string>{"idva"});
  EXPECT_TRUE(draft->sections.empty());
  EXPECT_EQ(draft->subjects.size(), 1u);
  EXPECT_EQ(draft->core.type(), type::v1::REFERRAL_TYPE_NOT_SHARED);
  EXPECT_EQ(draft->core.not_shared_reason(), type::v1::NOT_SHARED_REASON_ALREADY_KNOWN);

  *request.mutable_options() = testing::Options();
  DraftBuilder nobody("RecordNotShared", request, request.options(), context);
  const auto refused = std::move(nobody).BuildNotShared(request.purpose(), request.reason());
  EXPECT_TRUE(HasReason(refused.status(), Reason::kFieldMissing)) << refused.status();
}

}  // namespace
}  // namespace accord::agent

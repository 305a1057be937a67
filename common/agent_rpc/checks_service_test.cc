#include "common/agent_rpc/checks_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/agent/testing_mapping.h"
#include "common/base/status.h"

namespace accord::agent_rpc::checks_service_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

agency::v1::RequestChecksRequest Request() {
  agency::v1::RequestChecksRequest request;
  auto& options = *request.mutable_options();
  options.set_request_id("checks-001");
  options.mutable_worker()->set_pseudonym("w-1");
  options.mutable_worker()->set_role(type::v1::WORKER_ROLE_PRACTITIONER);
  options.mutable_worker()->set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
  options.mutable_basis()->set_victim_awareness(type::v1::VICTIM_AWARENESS_INFORMED);
  options.mutable_basis()->set_consent(type::v1::CONFIDENTIALITY_CONSENT_GIVEN);
  options.mutable_basis()->set_article6(type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
  options.add_recipients("police");
  options.add_recipients("health");
  request.mutable_victim()->set_family_name("Farouk");
  request.mutable_victim()->add_dates_of_birth("1993-02-27");
  request.add_children()->mutable_person()->set_given_names("Idris");
  request.add_alleged_perpetrators()->mutable_person()->set_family_name("Nash");
  request.mutable_risk()->set_grade(type::v1::RISK_GRADE_MEDIUM);
  request.set_purpose(type::v1::PURPOSE_SAFEGUARDING_CHILD);
  request.set_question("What is known of this family?");
  return request;
}

absl::StatusOr<agent::Draft> Map(const agency::v1::RequestChecksRequest& request) {
  const agent::MappingContext context{[](type::v1::AgencyKind) { return std::vector<std::string>(); }, absl::FromUnixSeconds(1'800'000'000), "childrens"};
  return MapChecks(request, context);
}

TEST(ChecksServiceTest, ARequestBecomesACheckUnderOnePurposeAndBasis) {
  const auto draft = Map(Request());
  ASSERT_TRUE(draft.ok()) << draft.status();
  EXPECT_EQ(draft->core.type(), type::v1::REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
  EXPECT_TRUE(draft->core.checks());
  EXPECT_EQ(draft->core.purpose(), type::v1::PURPOSE_SAFEGUARDING_CHILD);
  EXPECT_EQ(draft->core.risk().grade(), type::v1::RISK_GRADE_MEDIUM);
  EXPECT_THAT(draft->recipients, ElementsAre("police", "health"));
  std::set<type::v1::Category> categories;
  for (const auto& section : draft->sections) categories.insert(section.category);
  EXPECT_EQ(categories, (std::set<type::v1::Category>{type::v1::CATEGORY_IDENTITY, type::v1::CATEGORY_CHILDREN, type::v1::CATEGORY_ALLEGED_PERPETRATOR,
                                                      type::v1::CATEGORY_RISK, type::v1::CATEGORY_NARRATIVE}));
  EXPECT_EQ(draft->subjects.size(), 3u);
}

TEST(ChecksServiceTest, WhatIsNotWholeIsNotAsked) {
  const auto refused = [](const std::function<void(agency::v1::RequestChecksRequest&)>& spoil) {
    auto request = Request();
    spoil(request);
    const auto draft = Map(request);
    return draft.ok() ? "" : std::string(RowOf(DetailOf(draft.status()).reason).name) + " " + DetailOf(draft.status()).metadata["field"];
  };
  EXPECT_EQ(refused([](auto& r) { r.mutable_options()->clear_recipients(); }), "FIELD_MISSING options.recipients");
  EXPECT_EQ(refused([](auto& r) { r.clear_question(); }), "FIELD_MISSING question");
  EXPECT_EQ(refused([](auto& r) { r.clear_purpose(); }), "FIELD_MISSING purpose");
  EXPECT_EQ(refused([](auto& r) { r.clear_victim(); }), "FIELD_MISSING victim");
  std::string longest;
  for (size_t i = 0; i < kChecksQuestionCharsMax; ++i) longest += "é";
  EXPECT_EQ(refused([&](auto& r) { r.set_question(longest); }), "") << "characters, not bytes";
  EXPECT_EQ(refused([&](auto& r) { r.set_question(longest + "."); }), "FIELD_INVALID question");
  const auto ask = [](agency::v1::RequestChecksRequest& request, int agencies) {
    request.mutable_options()->clear_recipients();
    for (int i = 0; i < agencies; ++i) request.mutable_options()->add_recipients("agency-" + std::to_string(i));
  };
  EXPECT_EQ(refused([&](auto& r) { ask(r, agent::kChecksAskedMax); }), "");
  EXPECT_EQ(refused([&](auto& r) { ask(r, agent::kChecksAskedMax + 1); }), "FIELD_INVALID options.recipients");
}

TEST(ChecksServiceTest, WithoutAGradeItSaysWhoseTimeItIs) {
  auto request = Request();
  request.clear_risk();
  const auto draft = Map(request);
  ASSERT_TRUE(draft.ok());
  ASSERT_FALSE(draft->warnings.empty());
  EXPECT_THAT(draft->warnings.back() + draft->warnings.front(), HasSubstr("STANDARD"));
}

TEST(ChecksServiceTest, TheSampleIsACheckOfFourAgencies) {
  const auto drafts = agent::testing::MapSamples<agency::v1::RequestChecksRequest>("childrens", "RequestChecks", MapChecks);
  ASSERT_TRUE(drafts.contains("17-childrens-checks.json"));
  EXPECT_THAT(drafts.at("17-childrens-checks.json").recipients, ElementsAre("police", "health", "housing", "idva"));
}

}  // namespace
}  // namespace accord::agent_rpc::checks_service_test

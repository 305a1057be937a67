#include "common/agent/draft_builder.h"

#include <gtest/gtest.h>

#include "common/agent/request_digest.h"
#include "common/agent/testing_mapping.h"

namespace accord::agent::draft_builder_test {
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
  EXPECT_EQ(draft->request_digest, DigestOfRequest(request)) << "by which a push that is repeated is known";
  EXPECT_TRUE(draft->sections.empty());
  EXPECT_EQ(draft->subjects.size(), 1u);
  EXPECT_EQ(draft->core.type(), type::v1::REFERRAL_TYPE_NOT_SHARED);
  EXPECT_EQ(draft->core.not_shared_reason(), type::v1::NOT_SHARED_REASON_ALREADY_KNOWN);

  *request.mutable_options() = testing::Options();
  DraftBuilder nobody("RecordNotShared", request, request.options(), context);
  const auto refused = std::move(nobody).BuildNotShared(request.purpose(), request.reason());
  EXPECT_TRUE(HasReason(refused.status(), Reason::kFieldMissing)) << refused.status();
}

TEST(DraftBuilderTest, WhatFollowsAReceivedReferralSaysSoOnce) {
  const auto context = testing::Context("housing");
  agency::v1::RecordNotSharedRequest request;
  *request.mutable_options() = testing::Options({"idva"});
  request.set_purpose(type::v1::PURPOSE_SUPPORT);
  request.set_reason(type::v1::NOT_SHARED_REASON_ALREADY_KNOWN);
  const auto build = [&](const std::string& options, const std::string& own) {
    request.mutable_options()->set_caused_by(options);
    DraftBuilder builder("Test", request, request.options(), context);
    builder.FollowsOn(own, "caused_by");
    return std::move(builder).Build(type::v1::PURPOSE_SUPPORT);
  };
  const std::string first = "referrals/" + std::string(64, 'a'), second = "referrals/" + std::string(64, 'b');
  EXPECT_EQ(build(first, "")->core.caused_by(), std::string(32, '\xaa'));
  EXPECT_EQ(build("", first)->core.caused_by(), std::string(32, '\xaa'));
  EXPECT_EQ(build(first, first).status(), absl::OkStatus());
  EXPECT_EQ(DetailOf(build(first, second).status()).metadata["field"], "options.caused_by");
  EXPECT_EQ(DetailOf(build("no name", "").status()).metadata["field"], "options.caused_by");
}

TEST(DraftBuilderTest, WhatCameFromAnotherAgencyNamesIt) {
  const auto context = testing::Context("housing");
  agency::v1::RecordNotSharedRequest request;
  *request.mutable_options() = testing::Options({"idva"});
  request.set_purpose(type::v1::PURPOSE_SUPPORT);
  request.set_reason(type::v1::NOT_SHARED_REASON_ALREADY_KNOWN);
  const auto build = [&](const std::string& originator, type::v1::OriginatorAgreement agreement) {
    request.mutable_options()->set_originator(originator);
    request.mutable_options()->set_originator_agreement(agreement);
    DraftBuilder builder("Test", request, request.options(), context);
    builder.Text(type::v1::CATEGORY_NARRATIVE, "As the police told us.");
    return std::move(builder).Build(type::v1::PURPOSE_SUPPORT);
  };
  const auto own = build("", type::v1::ORIGINATOR_AGREEMENT_UNSPECIFIED);
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_FALSE(own->sections.at(0).third_party_material);
  const auto theirs = build("police", type::v1::ORIGINATOR_AGREEMENT_GIVEN);
  ASSERT_TRUE(theirs.ok()) << theirs.status();
  EXPECT_TRUE(theirs->sections.at(0).third_party_material);

  const auto of_nobody = build("", type::v1::ORIGINATOR_AGREEMENT_GIVEN);
  EXPECT_EQ(DetailOf(of_nobody.status()).metadata["field"], "options.originator_agreement");
  for (const char* wrong : {"housing", "No Such Id"}) {
    EXPECT_EQ(DetailOf(build(wrong, type::v1::ORIGINATOR_AGREEMENT_GIVEN).status()).metadata["field"], "options.originator") << wrong;
  }
}

TEST(DraftBuilderTest, WhatGoesToNobodyOfTheKindStillGoesToTheOthers) {
  auto context = testing::Context("police");
  std::vector<SupportService> services(1);
  services[0].agency = "idva";
  services[0].age_to = 17;
  context.support_services = &services;
  agency::v1::RecordNotSharedRequest request;  // Any push with a victim.
  *request.mutable_options() = testing::Options();
  request.set_purpose(type::v1::PURPOSE_SUPPORT);
  request.set_reason(type::v1::NOT_SHARED_REASON_ALREADY_KNOWN);
  *request.mutable_victim() = testing::Somebody();
  const auto build = [&](bool health_too) {
    DraftBuilder builder("Test", request, request.options(), context);
    builder.Victim(request.victim(), "victim").ByDefaultTo(type::v1::AGENCY_KIND_IDVA);
    if (health_too) builder.ByDefaultTo(type::v1::AGENCY_KIND_HEALTH);
    return std::move(builder).Build(type::v1::PURPOSE_SUPPORT);
  };
  const auto both = build(true);
  ASSERT_EQ(both.status(), absl::OkStatus());
  EXPECT_EQ(both->recipients, std::vector<std::string>{"health"});
  EXPECT_EQ(both->not_eligible, std::vector<std::string>{"idva"});
  EXPECT_TRUE(testing::Warns(*both, "No support service takes this client: idva (age)"));
  EXPECT_EQ(build(false)->recipients, std::vector<std::string>{});
  *request.mutable_options() = testing::Options({"idva"});
  EXPECT_EQ(build(false)->recipients, std::vector<std::string>{"idva"}) << "a person chose";
  EXPECT_TRUE(build(false)->not_eligible.empty());
  *request.mutable_options() = testing::Options();
  *request.mutable_victim() = testing::Somebody("2009-06-01");
  EXPECT_EQ(build(false)->recipients, std::vector<std::string>{"idva"});
}

TEST(DraftBuilderTest, WhatIsFoundOfAnswersIsAWarningByTheRequestsOwnFields) {
  const auto context = testing::Context("police");
  agency::v1::RecordNotSharedRequest request;  // Any push.
  *request.mutable_options() = testing::Options({"idva"});
  request.set_purpose(type::v1::PURPOSE_SUPPORT);
  request.set_reason(type::v1::NOT_SHARED_REASON_ALREADY_KNOWN);
  *request.mutable_victim() = testing::Somebody();
  const auto build = [&](const std::string& version, const std::string& answer) {
    type::v1::RiskAssessment assessment;
    assessment.mutable_risk()->set_instrument(type::v1::INSTRUMENT_POLICE_DASH_2009);
    assessment.mutable_risk()->set_instrument_version(version);
    type::v1::RiskAnswer& one = *assessment.add_answers();
    one.set_question("dash.01.injury");
    one.set_answer(answer);
    DraftBuilder builder("Test", request, request.options(), context);
    builder.Victim(request.victim(), "victim").Risk(assessment, "instrument_version");
    return std::move(builder).Build(type::v1::PURPOSE_SUPPORT);
  };
  const auto partial = build("2009", "DONT_KNOW");
  ASSERT_EQ(partial.status(), absl::OkStatus()) << "never a refusal";
  EXPECT_TRUE(testing::Warns(*partial, "answers has an answer to dash.01.injury that is not one of YES, NO."));
  EXPECT_TRUE(testing::Warns(*partial, "answers lacks an answer to dash.02.frightened"));
  EXPECT_TRUE(testing::Warns(*partial, "and 21 more"));
  const auto unknown = build("2031", "YES");
  EXPECT_TRUE(testing::Warns(*unknown, "instrument_version is of no document that this agency has (of this instrument it has: 2009)"));
  EXPECT_FALSE(testing::Warns(*unknown, "lacks")) << "another version's document does not judge it";
  EXPECT_EQ(testing::Find(*unknown, type::v1::CATEGORY_RISK)->risk().answers_size(), 1);
}

class SentOutsideTest : public ::testing::Test {
 protected:
  absl::StatusOr<Draft> Build(int64_t told_at_ms, bool victim = true) {
    DraftBuilder builder("RecordSentOutside", request_, request_.options(), context_);
    if (victim) builder.Victim(testing::Somebody("2012-01-01"), "victim");
    return std::move(builder).BuildSentOutside(type::v1::PURPOSE_SAFEGUARDING_CHILD, type::v1::OUTSIDE_CHANNEL_TELEPHONE, told_at_ms);
  }
  void SetUp() override {
    *request_.mutable_options() = testing::Options({"idva"});
    request_.set_purpose(type::v1::PURPOSE_SAFEGUARDING_CHILD);
    request_.set_channel(type::v1::OUTSIDE_CHANNEL_TELEPHONE);
    request_.set_told_at_ms(now_ms_);
  }

  const MappingContext context_ = testing::Context("police");
  const int64_t now_ms_ = absl::ToUnixMillis(context_.now);
  agency::v1::RecordSentOutsideRequest request_;
};

TEST_F(SentOutsideTest, SaysByWhatMeansAndWhenToWhomAlone) {
  const auto draft = Build(now_ms_ - 5);
  ASSERT_TRUE(draft.ok()) << draft.status();
  EXPECT_EQ(draft->core.type(), type::v1::REFERRAL_TYPE_SENT_OUTSIDE);
  EXPECT_EQ(draft->core.outside_channel(), type::v1::OUTSIDE_CHANNEL_TELEPHONE);
  EXPECT_EQ(draft->core.happened().earliest_ms(), now_ms_ - 5);
  EXPECT_EQ(draft->core.happened().latest_ms(), now_ms_ - 5);
  EXPECT_EQ(draft->recipients, std::vector<std::string>{"idva"}) << "children's services were not told";
  EXPECT_TRUE(draft->sections.empty());
  EXPECT_EQ(draft->subjects.size(), 1u);
}

TEST_F(SentOutsideTest, WasToldInThePast) {
  EXPECT_TRUE(Build(now_ms_).ok());
  EXPECT_TRUE(Build(1).ok());
  for (const int64_t at : {now_ms_ + 1, int64_t{0}, int64_t{-1}}) {
    const auto refused = Build(at).status();
    EXPECT_TRUE(HasReason(refused, Reason::kFieldInvalid)) << at << ": " << refused;
    EXPECT_EQ(DetailOf(refused).metadata["field"], "told_at_ms");
  }
}

TEST_F(SentOutsideTest, IsAboutSomebodyAndWasToldToSomebody) {
  EXPECT_TRUE(HasReason(Build(now_ms_, /*victim=*/false).status(), Reason::kFieldMissing));
  DraftBuilder of_a_push("RecordSentOutside", request_, request_.options(), context_);
  of_a_push.Concerns({DraftSubject()});
  EXPECT_TRUE(std::move(of_a_push).BuildSentOutside(type::v1::PURPOSE_SUPPORT, type::v1::OUTSIDE_CHANNEL_MEETING, now_ms_).ok());
  request_.mutable_options()->clear_recipients();
  EXPECT_TRUE(HasReason(Build(now_ms_).status(), Reason::kFieldMissing));
}

TEST(DraftBuilderTest, WhyAGradeIsAnotherGoesWithIt) {
  const auto context = testing::Context("police");
  agency::v1::RecordNotSharedRequest request;
  *request.mutable_options() = testing::Options({"idva"});
  request.set_purpose(type::v1::PURPOSE_MARAC);
  request.set_reason(type::v1::NOT_SHARED_REASON_ALREADY_KNOWN);
  request.mutable_options()->set_risk_change_reason(type::v1::RISK_CHANGE_REASON_NEW_ASSESSMENT);
  request.mutable_options()->set_risk_supervisor("sergeant-1");
  const auto build = [&] {
    DraftBuilder builder("RecordNotShared", request, request.options(), context);
    builder.Grade(type::v1::RISK_GRADE_MEDIUM);
    return std::move(builder).BuildNotShared(type::v1::PURPOSE_MARAC, type::v1::NOT_SHARED_REASON_ALREADY_KNOWN);
  };
  const auto draft = build();
  ASSERT_TRUE(draft.ok()) << draft.status();
  EXPECT_EQ(draft->core.risk().change_reason(), type::v1::RISK_CHANGE_REASON_NEW_ASSESSMENT);
  EXPECT_EQ(draft->core.risk().supervisor(), "sergeant-1");
  request.mutable_options()->set_risk_supervisor(std::string(65, 's'));
  EXPECT_TRUE(HasReason(build().status(), Reason::kFieldInvalid));
}

}  // namespace
}  // namespace accord::agent::draft_builder_test

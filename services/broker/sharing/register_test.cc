#include "services/broker/sharing/register.h"

#include <gtest/gtest.h>

#include "services/broker/directory/families.h"

namespace accord::broker::register_test {
namespace {

using namespace type::v1;  // NOLINT

class ClassTest : public ::testing::Test {
 protected:
  ClassTest() {
    parts_.core.set_purpose(PURPOSE_SUPPORT);
    for (const std::string id : {"one", "two"}) {
      auto& tag = parts_.tags.emplace_back();
      tag.set_tag_id("tag " + id);
      tag.set_consent(CONFIDENTIALITY_CONSENT_GIVEN);
      auto& section = parts_.sections.emplace_back();
      section.set_section_id(id);
      section.set_tag_id(tag.tag_id());
      section.set_category(id == "one" ? CATEGORY_IDENTITY : CATEGORY_HEALTH);
    }
  }
  SharingClass Of(const std::set<std::string>& sections = {"one", "two"}, const std::string& agency = "idva",
                  AgencyKind kind = AGENCY_KIND_IDVA) {
    return ClassOf(parts_, decisions_, agency, kind, sections);
  }
  referral::HeaderParts parts_;
  std::vector<SectionDecision> decisions_;
};

TEST_F(ClassTest, FollowsTheStateOfConsent) {
  const std::pair<ConfidentialityConsent, SharingClass> expected[] = {
      {CONFIDENTIALITY_CONSENT_GIVEN, SHARING_CLASS_WITH_CONSENT},
      {CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS, SHARING_CLASS_WITH_CONSENT},
      {CONFIDENTIALITY_CONSENT_REFUSED, SHARING_CLASS_CONSENT_REFUSED_SHARED},
      {CONFIDENTIALITY_CONSENT_WITHDRAWN, SHARING_CLASS_CONSENT_REFUSED_SHARED},
      {CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE, SHARING_CLASS_WITHOUT_CONSENT},
      {CONFIDENTIALITY_CONSENT_LACKS_CAPACITY, SHARING_CLASS_WITHOUT_CONSENT},
  };
  for (const auto& [consent, sharing_class] : expected) {
    for (auto& tag : parts_.tags) tag.set_consent(consent);
    EXPECT_EQ(Of(), sharing_class) << ConfidentialityConsent_Name(consent);
  }
}

TEST_F(ClassTest, TheWidestSectionCounts) {
  parts_.tags[1].set_consent(CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE);
  EXPECT_EQ(Of(), SHARING_CLASS_WITHOUT_CONSENT);
  EXPECT_EQ(Of({"one"}), SHARING_CLASS_WITH_CONSENT);
  parts_.tags[1].set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
  parts_.tags[0].set_consent(CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE);
  EXPECT_EQ(Of(), SHARING_CLASS_CONSENT_REFUSED_SHARED);
}

TEST_F(ClassTest, TheEmergencyScheduleIsTheWidest) {
  auto& decision = decisions_.emplace_back();
  decision.set_section_id("two");
  decision.set_recipient("idva");
  decision.set_emergency_gap(true);
  parts_.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
  EXPECT_EQ(Of(), SHARING_CLASS_EMERGENCY);
  EXPECT_EQ(Of({"one"}), SHARING_CLASS_CONSENT_REFUSED_SHARED);
  EXPECT_EQ(Of({"two"}, "housing"), SHARING_CLASS_WITH_CONSENT);  // Of another recipient.
}

TEST_F(ClassTest, ConsentThatDoesNotReachIsNone) {
  const auto limited = [&](const std::function<void(TagPart&)>& limit) {
    TagPart& tag = parts_.tags[0];
    tag = TagPart();
    tag.set_tag_id("tag one");
    tag.set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS);
    limit(tag);
    return Of({"one"});
  };
  EXPECT_EQ(limited([](TagPart& tag) { tag.add_consent_kinds(AGENCY_KIND_IDVA); }), SHARING_CLASS_WITH_CONSENT);
  EXPECT_EQ(limited([](TagPart& tag) { tag.add_consent_kinds(AGENCY_KIND_POLICE); }), SHARING_CLASS_CONSENT_REFUSED_SHARED);
  EXPECT_EQ(limited([](TagPart& tag) { tag.add_consent_excludes_kinds(AGENCY_KIND_IDVA); }), SHARING_CLASS_CONSENT_REFUSED_SHARED);
  EXPECT_EQ(limited([](TagPart& tag) { tag.add_consent_agencies("idva"); }), SHARING_CLASS_WITH_CONSENT);
  EXPECT_EQ(limited([](TagPart& tag) { tag.add_consent_agencies("other"); }), SHARING_CLASS_CONSENT_REFUSED_SHARED);
  EXPECT_EQ(limited([](TagPart& tag) { tag.add_consent_excludes_agencies("idva"); }), SHARING_CLASS_CONSENT_REFUSED_SHARED);
  EXPECT_EQ(limited([](TagPart& tag) { tag.add_consent_categories(CATEGORY_HEALTH); }), SHARING_CLASS_CONSENT_REFUSED_SHARED);
  EXPECT_EQ(limited([](TagPart& tag) { tag.add_consent_excludes_categories(CATEGORY_IDENTITY); }), SHARING_CLASS_CONSENT_REFUSED_SHARED);
  EXPECT_EQ(limited([](TagPart& tag) { tag.add_consent_purposes(PURPOSE_MARAC); }), SHARING_CLASS_CONSENT_REFUSED_SHARED);
  EXPECT_EQ(limited([](TagPart& tag) { tag.add_consent_purposes(PURPOSE_SUPPORT); }), SHARING_CLASS_WITH_CONSENT);
}

TEST(SharingKeyTest, TheAdministratorsRowStandsAtTheSamePlace) {
  const auto twin = AdministratorsSharingKey(SharingKey("police", SHARING_CLASS_EMERGENCY, 5, 7, "idva"));
  EXPECT_EQ(twin, SharingKey("", SHARING_CLASS_EMERGENCY, 5, 7, "idva"));
  EXPECT_EQ(AdministratorsSharingKey(*twin), std::nullopt);
}

}  // namespace
}  // namespace accord::broker::register_test

// Identifiers that are wrong: kept apart, warned of in the words of whoever pushed, and no referral waits for them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/agent/draft_builder.h"
#include "common/agent/screening.h"
#include "common/agent/testing_mapping.h"

namespace accord::agent::quarantine_test {
namespace {

using type::v1::Person;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

void Identify(Person& person, const std::string& scheme, const std::string& value) {
  auto& identifier = *person.add_identifiers();
  identifier.set_scheme(scheme);
  identifier.set_value(value);
  identifier.set_verified(true);
}

class QuarantineTest : public ::testing::Test {
 protected:
  QuarantineTest() {
    *request_.mutable_options() = testing::Options({"idva"});
    request_.set_purpose(type::v1::PURPOSE_SUPPORT);
    request_.set_reason(type::v1::NOT_SHARED_REASON_ALREADY_KNOWN);
    *victim_.mutable_dates_of_birth()->Add() = "1990-05-17";
    victim_.set_family_name("Ashdown");
    victim_.set_given_names("Miriam");
  }
  // The draft of all that the members say.
  Draft Built() {
    DraftBuilder builder("Test", request_, request_.options(), context_);
    builder.Victim(victim_, "patient");
    for (size_t i = 0; i < owners_.size(); ++i) builder.Owner(owners_[i], fmt::format("further_references[{}].owner", i));
    builder.AllegedPerpetrators(perpetrators_, type::v1::RELATIONSHIP_CLASS_UNSPECIFIED);
    builder.Children(children_, ".child");
    builder.Health(health_);
    auto draft = std::move(builder).Build(type::v1::PURPOSE_SUPPORT);
    EXPECT_EQ(draft.status(), absl::OkStatus());
    return draft.value_or(Draft());
  }

  MappingContext context_ = testing::Context("childrens");
  agency::v1::RecordNotSharedRequest request_;
  Person victim_;
  google::protobuf::RepeatedPtrField<type::v1::AllegedPerpetrator> perpetrators_;
  google::protobuf::RepeatedPtrField<type::v1::Child> children_;
  std::vector<std::string> owners_;
  type::v1::Health health_;
};

TEST_F(QuarantineTest, OfEveryPersonOfAPushAndTheWarningNamesTheField) {
  Identify(victim_, "uprn", "100023336956");
  Identify(victim_, "nhs_number", "9434765918");
  Identify(*perpetrators_.Add()->mutable_person(), "pnc_id", "2003/0062845F");
  perpetrators_[0].set_warnings("dog");
  children_.Add()->mutable_person()->set_given_names("Tom");
  Identify(*children_.Add()->mutable_person(), "upn", "Q207000016049");
  const Draft draft = Built();
  EXPECT_THAT(draft.warnings,
              ElementsAre(HasSubstr("patient.identifiers[1] has a wrong check character, or not the form, of an NHS number"),
                          HasSubstr("alleged_perpetrators[0].person.identifiers[0] has a wrong check character, or not the form, of a PNC id"),
                          HasSubstr("children[1].child.person.identifiers[0] has a wrong check character, or not the form, of a unique pupil number")));
  for (const std::string& warning : draft.warnings) {
    for (const char* value : {"9434765918", "0062845F", "Q207000016049"}) EXPECT_THAT(warning, Not(HasSubstr(value)));
    EXPECT_THAT(warning, HasSubstr("the referral goes"));
  }
  const Person& victim = testing::Find(draft, type::v1::CATEGORY_IDENTITY)->identity().victim();
  EXPECT_FALSE(victim.identifiers(0).quarantined());
  EXPECT_TRUE(victim.identifiers(1).quarantined());
  EXPECT_EQ(victim.identifiers(1).value(), "9434765918") << "kept as it was pushed";
  EXPECT_TRUE(testing::Find(draft, type::v1::CATEGORY_ALLEGED_PERPETRATOR)->alleged_perpetrators().alleged_perpetrators(0).person().identifiers(0).quarantined());
  EXPECT_TRUE(testing::Find(draft, type::v1::CATEGORY_CHILDREN)->children().children(1).person().identifiers(0).quarantined());
  ASSERT_THAT(draft.subjects, SizeIs(4));
  EXPECT_TRUE(draft.subjects[0].person.identifiers(1).quarantined()) << "nothing is matched on it";
  EXPECT_TRUE(draft.subjects[1].person.identifiers(0).quarantined());
  EXPECT_TRUE(draft.subjects[3].person.identifiers(0).quarantined());

  Draft screened = draft;
  Screen(screened);
  EXPECT_EQ(screened.warnings, draft.warnings) << "and not a second time";
}

TEST_F(QuarantineTest, NotOfSchemesThatAreAnAgencysOwnNorOfWhatIsRight) {
  Identify(victim_, "lifetime_no", "A/1");
  Identify(victim_, "arrest_summons_number", "whatever");
  Identify(victim_, "nhs_number", "943 476 5919");
  Identify(victim_, "pnc_id", "03/62845E");
  Identify(victim_, "nhs_number", "4010232137");
  victim_.mutable_identifiers(4)->set_quarantined(true);
  const Draft draft = Built();
  EXPECT_THAT(draft.warnings, IsEmpty());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(draft.subjects[0].person.identifiers(i).quarantined(), i == 4) << "the sender's own word stands: " << i;
}

TEST_F(QuarantineTest, CodesAreWarnedOfAndGoAsTheyAre) {
  auto& child = *children_.Add();
  child.mutable_person()->set_given_names("Tom");
  child.set_school_urn("10000");
  child.set_practice_ods_code("A8");
  children_.Add()->set_school_urn("100001");
  children_[1].set_practice_ods_code("A81001");
  health_.set_ods_code("ward 4");
  owners_ = {"20", "police", "", "7", "00"};
  Draft draft = Built();
  EXPECT_THAT(draft.warnings, ElementsAre(HasSubstr("further_references[3].owner has not the form of a force code"),
                                          HasSubstr("further_references[4].owner has not the form of a force code"),
                                          HasSubstr("children[0].child.school_urn has not the form of a school's URN"),
                                          HasSubstr("children[0].child.practice_ods_code has not the form of an ODS code"),
                                          HasSubstr("health.ods_code has not the form of an ODS code")));
  EXPECT_EQ(testing::Find(draft, type::v1::CATEGORY_CHILDREN)->children().children(0).school_urn(), "10000");
  EXPECT_EQ(testing::Find(draft, type::v1::CATEGORY_HEALTH)->health().ods_code(), "ward 4");

  children_.Clear(), health_.Clear();
  owners_ = {"20", "77"};
  EXPECT_THAT(Built().warnings, IsEmpty()) << "which forces there are is configuration";
  context_.force_codes = {"06", "20"};
  EXPECT_THAT(Built().warnings, ElementsAre(HasSubstr("further_references[1].owner is the code of no force that is configured")));
}

TEST_F(QuarantineTest, ScreeningFindsWhatNoMappingLookedAt) {
  Draft draft;
  Identify(draft.subjects.emplace_back().person, "pnc_id", "2003/0062845F");
  auto& section = draft.sections.emplace_back();
  section.category = type::v1::CATEGORY_IDENTITY;
  Identify(*section.content.mutable_identity()->mutable_victim(), "gss", "X06000047");
  Screen(draft);
  EXPECT_TRUE(draft.subjects[0].person.identifiers(0).quarantined());
  EXPECT_TRUE(draft.sections[0].content.identity().victim().identifiers(0).quarantined());
  EXPECT_THAT(draft.warnings, ElementsAre(HasSubstr("An identifier has a wrong check character or form")));
}

}  // namespace
}  // namespace accord::agent::quarantine_test

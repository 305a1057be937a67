#include "common/agent/housing_facts.h"

#include <gtest/gtest.h>

#include "common/agent/screening.h"
#include "common/agent/testing_mapping.h"

namespace accord::agent::housing_facts_test {
namespace {

using namespace type::v1;  // NOLINT: as the file tested.

TEST(HousingFactsTest, AnAreaIsNamedByItsWordsWhateverElseIsSaid) {
  for (const auto& [place, area] : std::vector<std::pair<const char*, const char*>>{
           {"Northfield Borough Council", "Northfield"},
           {"northfield-council", "all of NORTHFIELD"},
           {"London Borough of Newham", "Newham, and around E13"},
           {"Westmarch Borough Council", "Tenter Row; Westmarch"},
           {"north-field-homes", "North Field"},
           {"Kąty Council", "Katy"},
           {"London", "London"}}) {
    EXPECT_TRUE(NamesArea(place, area)) << place << " / " << area;
  }
  for (const auto& [place, area] : std::vector<std::pair<const char*, const char*>>{
           {"Northfields Council", "Northfield"},  // Another word.
           {"Northfield Council", "Northfield Cross"},  // A part of it that the council's name does not say.
           {"Field North Council", "North Field"},
           {"Westmarch Borough Council", "Northfield Borough"},  // What all councils are called tells nothing.
           {"E1 Homes", "E1"},  // Too short to tell.
           {"Northfield", ""},
           {"", "Northfield"}}) {
    EXPECT_FALSE(NamesArea(place, area)) << place << " / " << area;
  }
}

Draft Household(std::vector<std::string> recipients = {"idva"}) {
  Draft draft;
  draft.recipients = std::move(recipients);
  DraftSection& section = draft.sections.emplace_back();
  section.category = CATEGORY_HOUSING;
  section.content.mutable_housing()->add_areas_of_risk("Eastmoor");
  section.content.mutable_housing()->add_areas_of_risk("Tenter Row and all of Northfield");
  return draft;
}
std::vector<std::string> WarningsOf(Draft draft) {
  Screen(draft);
  for (const std::string& warning : draft.warnings) {
    for (const char* place : {"Northfield", "Eastmoor", "northfield"}) EXPECT_EQ(warning.find(place), std::string::npos) << warning;
  }
  return draft.warnings;
}

TEST(HousingFactsTest, NobodyIsSentBackToAnAreaOfRiskWithoutAWarning) {
  EXPECT_TRUE(WarningsOf(Household()).empty());
  Draft draft = Household({"idva", "northfield-housing"});
  ASSERT_EQ(WarningsOf(draft).size(), 1u);
  EXPECT_NE(WarningsOf(draft)[0].find("A recipient is of an area of risk"), std::string::npos);
  EXPECT_EQ(draft.recipients.size(), 2u) << "nobody is left out: that is for a person to decide";

  draft = Household();
  Housing& housing = *draft.sections[0].content.mutable_housing();
  housing.set_chosen_council("Eastmoor District Council");
  ASSERT_EQ(WarningsOf(draft).size(), 1u);
  EXPECT_NE(WarningsOf(draft)[0].find("chose"), std::string::npos);
  housing.set_temporary_accommodation("Guest house in Northfield");
  EXPECT_EQ(WarningsOf(draft).size(), 2u);
  housing.clear_areas_of_risk();
  EXPECT_TRUE(WarningsOf(draft).empty());
}

TEST(HousingFactsTest, ASanctuaryAtASharedTenancyIsWarnedOf) {
  Draft draft = Household();
  Housing& housing = *draft.sections[0].content.mutable_housing();
  housing.set_perpetrator_tenure("joint tenant");
  EXPECT_TRUE(WarningsOf(draft).empty());
  for (const auto scheme : {SANCTUARY_SCHEME_WANTED, SANCTUARY_SCHEME_IN_PLACE}) {
    housing.set_sanctuary_scheme(scheme);
    ASSERT_EQ(WarningsOf(draft).size(), 1u);
    EXPECT_NE(WarningsOf(draft)[0].find("sanctuary scheme"), std::string::npos);
  }
  for (const auto scheme : {SANCTUARY_SCHEME_NOT_WANTED, SANCTUARY_SCHEME_NOT_SUITABLE}) {
    housing.set_sanctuary_scheme(scheme);
    EXPECT_TRUE(WarningsOf(draft).empty());
  }
}

}  // namespace
}  // namespace accord::agent::housing_facts_test

#include "common/agent/housing_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "common/referral/sound_key.h"

namespace accord::agent {
namespace {

using namespace type::v1;  // NOLINT: the rules read best in the field's own words.

constexpr size_t kAreaCharsMin = 3;  // Shorter names, such as a first half of a postcode, are of no council.

// Words that say nothing of where an area is.
constexpr std::array<std::string_view, 19> kCommonWords = {
    "all", "anywhere", "area", "around", "borough", "city", "council", "county", "district", "in",
    "london", "metropolitan", "near", "of", "parts", "the", "town", "whole", "within"};

// Without those words; all of them where nothing else is said, such as of London.
std::vector<std::string> TellingOf(const std::vector<std::string>& words) {
  std::vector<std::string> telling;
  for (const std::string& word : words) {
    if (std::find(kCommonWords.begin(), kCommonWords.end(), word) == kCommonWords.end()) telling.push_back(word);
  }
  return telling.empty() ? words : telling;
}

// The places that a text lists, each as the words that tell where it is.
std::vector<std::vector<std::string>> PlacesIn(std::string_view text) {
  std::vector<std::vector<std::string>> places(1);
  while (true) {
    const size_t end = text.find_first_of(",;/\n");
    for (std::string& word : referral::RomanWords(text.substr(0, end))) {
      if (word == "and" || word == "or") {
        places.emplace_back();
      } else {
        places.back().push_back(std::move(word));
      }
    }
    if (end == std::string_view::npos) break;
    places.emplace_back();
    text.remove_prefix(end + 1);
  }
  for (auto& place : places) place = TellingOf(place);
  return places;
}

const Housing* HousingOf(const Draft& draft) {
  for (const DraftSection& section : draft.sections) {
    if (section.content.has_housing()) return &section.content.housing();
  }
  return nullptr;
}

}  // namespace

void AddHousing(DraftBuilder& draft, const Housing& housing, std::string_view field) {
  draft
      .RequirePresent(!housing.priority_need() || !housing.homelessness().empty(), fmt::format("{}.homelessness", field),
                      "is required with priority_need: it is the need of somebody homeless, or threatened with it")
      .RequirePresent(!housing.out_of_area() || !housing.temporary_accommodation().empty(), fmt::format("{}.temporary_accommodation", field),
                      "is required with out_of_area, which is said of it")
      .Housing(housing);
}

void RequireDutyToRefer(DraftBuilder& draft, const agency::v1::PushOptions& options) {
  const Jurisdiction jurisdiction = options.basis().jurisdiction();
  draft.RequireValid(jurisdiction == JURISDICTION_UNSPECIFIED || jurisdiction == JURISDICTION_ENGLAND, "options.basis.jurisdiction",
                     "is not England: the duty to refer is law in England alone (Housing Act 1996 s213B); refer voluntarily");
}

bool NamesArea(std::string_view place, std::string_view area) {
  const std::vector<std::string> words = referral::RomanWords(place);
  for (const std::vector<std::string>& sought : PlacesIn(area)) {
    size_t chars = 0;
    for (const std::string& word : sought) chars += word.size();
    if (chars >= kAreaCharsMin && std::search(words.begin(), words.end(), sought.begin(), sought.end()) != words.end()) return true;
  }
  return false;
}

void WarnOfHousing(Draft& draft) {
  const Housing* housing = HousingOf(draft);
  if (housing == nullptr) return;
  const auto is_of_risk = [&](std::string_view place) {
    const auto& areas = housing->areas_of_risk();
    return std::any_of(areas.begin(), areas.end(), [&](const std::string& area) { return NamesArea(place, area); });
  };
  if (is_of_risk(housing->chosen_council())) {
    draft.warnings.push_back("The council that the person chose is of an area of risk: ask them again where they are safe.");
  }
  if (std::any_of(draft.recipients.begin(), draft.recipients.end(), is_of_risk)) {
    draft.warnings.push_back("A recipient is of an area of risk: the person is not to be sent back there. Ask whether it should know of them.");
  }
  if (is_of_risk(housing->temporary_accommodation())) {
    draft.warnings.push_back("The temporary accommodation is in an area of risk.");
  }
  const bool sanctuary = housing->sanctuary_scheme() == SANCTUARY_SCHEME_WANTED || housing->sanctuary_scheme() == SANCTUARY_SCHEME_IN_PLACE;
  if (sanctuary && !housing->perpetrator_tenure().empty()) {
    draft.warnings.push_back("A sanctuary scheme is at a home that an alleged perpetrator has a tenancy or a part of: they may have a right "
                             "to be there. Take advice before locks are changed.");
  }
}

}  // namespace accord::agent

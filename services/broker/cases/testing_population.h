// An invented population for measuring how well the people of referrals are matched: frequent names, shared birthdays, families of one
// surname, and second records of which one thing is wrong. The same for the same seed.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/section_content.pb.h"
#include "common/base/random.h"

namespace accord::broker {

// What is wrong with a second record.
enum class Slip {
  kInsert, kDelete, kSubstitute, kTranspose,  // Of a letter, in one of the names.
  kSwappedNames, kDayMonth, kDigit, kDiacritic, kOtherScript, kOtherSpelling, kHyphenated, kAlias, kPartialDate,
};
inline constexpr std::array kSlips = {Slip::kInsert,   Slip::kDelete,    Slip::kSubstitute,  Slip::kTranspose,     Slip::kSwappedNames, Slip::kDayMonth, Slip::kDigit,
                                      Slip::kDiacritic, Slip::kOtherScript, Slip::kOtherSpelling, Slip::kHyphenated, Slip::kAlias,   Slip::kPartialDate};
inline constexpr std::array<std::string_view, kSlips.size()> kSlipNames = {
    "letter inserted",  "letter left out",         "letter mistyped",  "letters transposed", "names swapped",    "day and month swapped", "wrong digit in the date",
    "diacritic left out", "from another script", "another spelling", "hyphenated",         "alias added", "date known in part"};

// A name as two people write it.
struct Variant {
  std::string_view one, other;
};

// Thread-compatible.
class Population {
 public:
  explicit Population(uint64_t seed) : random_(seed) {}

  std::vector<type::v1::Person> People(size_t count) {
    std::vector<type::v1::Person> people;
    while (people.size() < count) AddHousehold(people);
    people.resize(count);
    return people;
  }

  // A second record of `person` with the slip; one that it cannot have makes it somebody else's kind: false.
  bool MakeSlip(type::v1::Person& person, Slip slip) {
    const std::string before = person.SerializeAsString();
    switch (slip) {
      case Slip::kInsert:
      case Slip::kDelete:
      case Slip::kSubstitute:
      case Slip::kTranspose: Mistype(Chance(50) ? *person.mutable_given_names() : *person.mutable_family_name(), slip); break;
      case Slip::kSwappedNames: person.mutable_given_names()->swap(*person.mutable_family_name()); break;
      case Slip::kDayMonth: SwapDayAndMonth(*person.mutable_dates_of_birth(0)); break;
      case Slip::kDigit: ChangeDigit(*person.mutable_dates_of_birth(0)); break;
      case Slip::kDiacritic: Replace(person, kDiacritics); break;
      case Slip::kOtherScript: Replace(person, kScripts); break;
      case Slip::kOtherSpelling: Replace(person, kSpellings); break;
      case Slip::kHyphenated: person.set_family_name(person.family_name() + "-" + Family()); break;
      case Slip::kAlias:
        person.add_aliases(person.given_names() + " " + person.family_name());
        person.set_family_name(Family());
        break;
      case Slip::kPartialDate: person.set_dates_of_birth(0, person.dates_of_birth(0).substr(0, Chance(50) ? 4 : 7)); break;
    }
    return person.SerializeAsString() != before;
  }

  uint64_t Below(uint64_t bound) { return random_.Below(bound); }
  bool Chance(uint64_t percent) { return Below(100) < percent; }

 private:
  static constexpr std::array kGiven = {
      std::string_view("Mohammed"), std::string_view("Olivia"), std::string_view("David"), std::string_view("Sarah"), std::string_view("Aisha"), std::string_view("Emma"),
      std::string_view("Thomas"), std::string_view("Priya"), std::string_view("James"), std::string_view("Fatima"), std::string_view("Yusuf"), std::string_view("Sophie"),
      std::string_view("Katarzyna"), std::string_view("Michael"), std::string_view("Zoë"), std::string_view("Anna Maria"), std::string_view("Piotr"), std::string_view("Catherine"),
      std::string_view("Ibrahim"), std::string_view("Chloé"), std::string_view("Gareth"), std::string_view("Siân"), std::string_view("Oluwaseun"), std::string_view("Lakshmi"),
      std::string_view("Анна"), std::string_view("Дмитро"), std::string_view("Юлія"), std::string_view("Γιώργος"), std::string_view("Jean-Paul"), std::string_view("Łukasz"),
      std::string_view("Nguyen"), std::string_view("Mei Ling"), std::string_view("Deirdre"), std::string_view("Bronwen"), std::string_view("Samuel"), std::string_view("Grace"),
      std::string_view("Amélie"), std::string_view("Hassan"), std::string_view("Jósef"), std::string_view("Björn")};
  static constexpr std::array kFamily = {
      std::string_view("Smith"), std::string_view("Khan"), std::string_view("Jones"), std::string_view("Patel"), std::string_view("Williams"), std::string_view("Singh"),
      std::string_view("Taylor"), std::string_view("Ahmed"), std::string_view("Brown"), std::string_view("Hussain"), std::string_view("Davies"), std::string_view("Begum"),
      std::string_view("O'Brien"), std::string_view("Kowalski"), std::string_view("Evans"), std::string_view("Nowak"), std::string_view("García"), std::string_view("Núñez"),
      std::string_view("Шевченко"), std::string_view("Коваленко"), std::string_view("Παπαδόπουλος"), std::string_view("MacDonald"), std::string_view("Li"), std::string_view("Øst")};
  static constexpr std::array kHeads = {"Ash", "Brad", "Cald", "Dun", "Elm", "Fair", "Gran", "Hart", "Ing", "Kirk", "Lang", "Mar", "North", "Oak", "Pen", "Red", "Stan", "Thorn", "Wal", "York"};
  static constexpr std::array kMiddles = {"", "er", "ing", "le", "mer", "stan", "wick", "en", "ber", "ring"};
  static constexpr std::array kTails = {"down", "ford", "well", "ley", "ton", "field", "worth", "by", "man", "son", "shaw", "cliffe", "hurst", "wood", "bury", "dale", "more", "stead", "gate", "croft"};
  static constexpr std::array kDiacritics = {Variant{"Zoë", "Zoe"},     Variant{"Chloé", "Chloe"},   Variant{"Siân", "Sian"},   Variant{"Łukasz", "Lukasz"}, Variant{"Amélie", "Amelie"},
                                             Variant{"Jósef", "Josef"}, Variant{"Björn", "Bjorn"},   Variant{"García", "Garcia"}, Variant{"Núñez", "Nunez"}, Variant{"Øst", "Ost"}};
  static constexpr std::array kScripts = {Variant{"Анна", "Anna"},         Variant{"Дмитро", "Dmytro"},       Variant{"Юлія", "Yulia"},
                                          Variant{"Шевченко", "Shevchenko"}, Variant{"Коваленко", "Kovalenko"}, Variant{"Γιώργος", "Giorgos"}, Variant{"Παπαδόπουλος", "Papadopoulos"}};
  static constexpr std::array kSpellings = {Variant{"Mohammed", "Muhammad"}, Variant{"Aisha", "Ayesha"},   Variant{"Yusuf", "Yousef"},      Variant{"Fatima", "Fatimah"},
                                            Variant{"Ibrahim", "Ebrahim"},   Variant{"Catherine", "Katherine"}, Variant{"Hussain", "Hussein"}, Variant{"Ahmed", "Ahmad"},
                                            Variant{"Kowalski", "Kovalski"}, Variant{"Hassan", "Hasan"},   Variant{"Sophie", "Sofie"},      Variant{"Deirdre", "Deidre"}};

  // Of `list`, the first ones much more often, as names are.
  template <typename List>
  auto Skewed(const List& list) {
    const double at = static_cast<double>(Below(1'000'000)) / 1'000'000;
    return list[static_cast<size_t>(at * at * at * static_cast<double>(list.size()))];
  }

  std::string Family() {
    if (Chance(40)) return std::string(Skewed(kFamily));
    return fmt::format("{}{}{}", kHeads[Below(kHeads.size())], kMiddles[Below(kMiddles.size())], kTails[Below(kTails.size())]);
  }

  // One in fifty is of 1 January, which is what is written where it is not known.
  std::string Birthday(uint64_t year) {
    if (Chance(2)) return fmt::format("{}-01-01", year);
    return fmt::format("{}-{:02}-{:02}", year, 1 + Below(12), 1 + Below(28));
  }

  void AddHousehold(std::vector<type::v1::Person>& people) {
    const std::string family = Family();
    const uint64_t size = 1 + Below(4), parents_born = 1940 + Below(45);
    for (uint64_t i = 0; i < size; ++i) {
      auto& person = people.emplace_back();
      person.set_family_name(i > 0 && Chance(25) ? Family() : family);
      person.set_given_names(Chance(70) ? std::string(Skewed(kGiven)) : std::string(kGiven[Below(kGiven.size())]));
      if (Chance(15)) person.set_given_names(person.given_names() + " " + std::string(kGiven[Below(kGiven.size())]));
      const bool twin = i > 2 && Chance(10);
      person.add_dates_of_birth(twin ? people[people.size() - 2].dates_of_birth(0) : Birthday(parents_born + (i < 2 ? Below(8) : 20 + Below(15))));
    }
  }

  // One letter of the alphabet: a slip of a finger is no other script.
  void Mistype(std::string& name, Slip slip) {
    std::vector<size_t> letters;
    for (size_t at = 0; at < name.size(); ++at) {
      if ((name[at] >= 'a' && name[at] <= 'z') || (name[at] >= 'A' && name[at] <= 'Z')) letters.push_back(at);
    }
    if (letters.size() < 2) return;
    const size_t which = Below(letters.size()), at = letters[which];
    const char other = static_cast<char>('a' + Below(26));
    switch (slip) {
      case Slip::kInsert: name.insert(at, 1, other); break;
      case Slip::kDelete: name.erase(at, 1); break;
      case Slip::kSubstitute: name[at] = other; break;
      default: std::swap(name[at], name[letters[which == 0 ? 1 : which - 1]]);
    }
  }

  void SwapDayAndMonth(std::string& date) {
    if (date.substr(8) > "12" || date.substr(5, 2) == date.substr(8)) return;
    date = date.substr(0, 5) + date.substr(8) + "-" + date.substr(5, 2);
  }

  // To a date that exists.
  void ChangeDigit(std::string& date) {
    constexpr std::array<size_t, 6> kPlaces = {2, 3, 5, 6, 8, 9};
    const size_t at = kPlaces[Below(kPlaces.size())];
    std::string changed = date;
    changed[at] = static_cast<char>('0' + Below(10));
    const std::string month = changed.substr(5, 2), day = changed.substr(8);
    if (month >= "01" && month <= "12" && day >= "01" && day <= "28") date = changed;
  }

  // Wherever the person has one of these names, in all of them: who writes one in other letters writes all.
  template <typename List>
  void Replace(type::v1::Person& person, const List& variants) {
    for (std::string* name : {person.mutable_given_names(), person.mutable_family_name()}) {
      for (const Variant& variant : variants) {
        const size_t at = name->find(variant.one);
        if (at == std::string::npos) continue;
        name->replace(at, variant.one.size(), variant.other);
        if (variants.size() == kDiacritics.size()) return;  // One mark is forgotten, not each.
      }
    }
  }

  FakeRandom random_;
};

}  // namespace accord::broker

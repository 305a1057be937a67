// Goal: each reader sees where a disclosure stands and what to do next, on a terminal of any width.
#include "services/accordctl/disclosure_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "common/console/words.h"

namespace accord::accordctl::disclosure_text_test {
namespace {

using agency::v1::ReadDisclosureResponse;
using inspection::v1::Disclosure;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kAskedMs = 1'800'000'000'000, kDueMs = kAskedMs + 432'000'000;
constexpr size_t kWide = 200;

Disclosure Asked() {
  Disclosure disclosure;
  disclosure.set_number(4711);
  disclosure.set_kind(type::v1::DISCLOSURE_KIND_SECTIONS);
  disclosure.set_agency("police");
  disclosure.set_warrant("jtai-1");
  disclosure.set_inspectorate("ofsted");
  disclosure.set_legal_power("CA2004_S20");
  disclosure.set_inspector("ines");
  disclosure.set_referral(std::string(32, '\xab'));
  disclosure.add_categories(type::v1::CATEGORY_NARRATIVE);
  disclosure.set_asked_at_ms(kAskedMs);
  disclosure.set_due_at_ms(kDueMs);
  return disclosure;
}

TEST(DisclosureTextTest, SaysWhereItStands) {
  Disclosure disclosure = Asked();
  EXPECT_EQ(DisclosureStateText(disclosure, kDueMs - 1), "waits for an answer, due 2027-01-20 08:00:00Z");
  EXPECT_EQ(DisclosureStateText(disclosure, kDueMs), "no answer, due 2027-01-20 08:00:00Z; not overdue on the record") << "its warrant is suspended, or over";
  disclosure.set_overdue(true);
  EXPECT_EQ(DisclosureStateText(disclosure, kDueMs), "OVERDUE since 2027-01-20 08:00:00Z");
  disclosure.set_overdue(false);
  disclosure.set_answer(type::v1::DISCLOSURE_ANSWER_RELEASED);
  disclosure.set_answered_at_ms(kDueMs);
  disclosure.set_parts(3);
  EXPECT_EQ(DisclosureStateText(disclosure, kDueMs), "released 2027-01-20 08:00:00Z, 3 parts");
  disclosure.set_overdue(true);
  disclosure.set_collected_at_ms(kDueMs + 60'000);
  EXPECT_EQ(DisclosureStateText(disclosure, kDueMs), "released 2027-01-20 08:00:00Z (late), 3 parts, collected 2027-01-20 08:01:00Z");
  disclosure.set_answer(type::v1::DISCLOSURE_ANSWER_REFUSED);
  disclosure.set_ground(type::v1::DISCLOSURE_GROUND_LEGAL_PRIVILEGE);
  EXPECT_EQ(DisclosureStateText(disclosure, kDueMs), "refused 2027-01-20 08:00:00Z (late): legal privilege");
}

TEST(DisclosureTextTest, AListFitsTheTerminal) {
  EXPECT_EQ(DisclosureTable({}, kAskedMs, kWide), "No disclosures.\n");
  Disclosure persons = Asked(), records = Asked();
  persons.set_kind(type::v1::DISCLOSURE_KIND_PERSONS);
  records.set_kind(type::v1::DISCLOSURE_KIND_RECORDS);
  records.add_referrals(std::string(32, 'r'));
  const std::vector<Disclosure> all = {Asked(), persons, records};
  const std::string table = DisclosureTable(all, kAskedMs, kWide);
  EXPECT_THAT(table, AllOf(HasSubstr("4711"), HasSubstr("ines of ofsted"), HasSubstr("narrative of referral abababababababab"), HasSubstr("people whom it names"),
                           HasSubstr("record numbers of 1 referrals")));
  std::istringstream lines(DisclosureTable(all, kAskedMs, 80));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(console::Width(line), 80u) << line;
}

TEST(DisclosureTextTest, TheOfficerSeesWhoAsksAndWhatWouldBeReleased) {
  ReadDisclosureResponse held;
  *held.mutable_disclosure() = Asked();
  auto& section = *held.add_sections();
  section.set_section_id(std::string(16, '\x01'));
  section.set_category(type::v1::CATEGORY_NARRATIVE);
  section.mutable_content()->mutable_text()->set_text("He has a knife.\x1b[2J");
  auto& file = *held.add_sections();
  file.set_section_id(std::string(16, '\x02'));
  file.set_category(type::v1::CATEGORY_ATTACHMENT);
  file.mutable_content()->mutable_attachment()->set_file_name("photo.jpg");
  file.mutable_content()->mutable_attachment()->set_data("\xff\xd8");
  std::string text = HeldText(held, kAskedMs, kWide);
  EXPECT_THAT(text, AllOf(HasSubstr("ines of ofsted"), HasSubstr("CA2004_S20"), HasSubstr("waits for an answer, due"), HasSubstr("He has a knife."), HasSubstr("photo.jpg")));
  EXPECT_THAT(text, HasSubstr("narrative (section 01010101010101010101010101010101)"));
  EXPECT_THAT(text, HasSubstr("To release it: accordctl --as police --worker WORKER --role authorising_officer disclosure release 4711  [--section ID"));
  EXPECT_THAT(text, HasSubstr("disclosure refuse 4711 --ground GROUND"));
  EXPECT_THAT(text, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("ffd8")))) << "neither what steers a terminal, nor a file's bytes";
  // What is answered needs no more commands.
  held.mutable_disclosure()->set_answer(type::v1::DISCLOSURE_ANSWER_REFUSED);
  EXPECT_THAT(HeldText(held, kAskedMs, kWide), Not(HasSubstr("To release it")));
  held.mutable_disclosure()->clear_answer();
  held.clear_sections();
  EXPECT_THAT(HeldText(held, kAskedMs, kWide), HasSubstr("Nothing of it is held here"));
}

TEST(DisclosureTextTest, PeopleAndRecordsAreShownAsTheyAreAskedAndFound) {
  ReadDisclosureResponse held;
  *held.mutable_disclosure() = Asked();
  held.mutable_disclosure()->set_kind(type::v1::DISCLOSURE_KIND_PERSONS);
  for (const char* mark : {"row-1", "row-2"}) {
    auto& asked = *held.mutable_persons()->add_persons();
    asked.set_mark(mark);
    asked.mutable_person()->set_family_name("Ashdown");
    asked.mutable_person()->add_dates_of_birth("1990-02-03");
    auto& identifier = *asked.mutable_person()->add_identifiers();
    identifier.set_scheme("nhs_number");
    identifier.set_value("9434765919");
  }
  auto& found = *held.mutable_found()->add_persons();
  found.set_mark("row-1");
  auto& one = *found.add_referrals();
  one.set_referral(std::string(32, '\xab'));
  one.set_strength(type::v1::MATCH_STRENGTH_WEAK);
  one.set_received(true);
  std::string text = HeldText(held, kAskedMs, kWide);
  EXPECT_THAT(text, HasSubstr("row-1  Ashdown, 1990-02-03, nhs_number 9434765919  abababababababab (received, weak)"));
  EXPECT_THAT(text, HasSubstr("row-2  Ashdown, 1990-02-03, nhs_number 9434765919  not known here"));
  EXPECT_THAT(text, HasSubstr("--withhold MARK"));

  held.mutable_disclosure()->set_kind(type::v1::DISCLOSURE_KIND_RECORDS);
  one.add_record_numbers("NSP-7");
  *held.mutable_records()->add_referrals() = one;
  auto& erased = *held.mutable_records()->add_referrals();
  erased.set_referral(std::string(32, '\xcd'));
  erased.set_erased(true);
  text = HeldText(held, kAskedMs, kWide);
  EXPECT_THAT(text, AllOf(HasSubstr("NSP-7"), HasSubstr("erased"), HasSubstr("received"), Not(HasSubstr("--withhold"))));
}

TEST(DisclosureTextTest, FilesAreNamedByTheirPlaceAndCategory) {
  EXPECT_EQ(SectionFileName(0, type::v1::CATEGORY_ALLEGED_PERPETRATOR), "01-alleged-perpetrator");
  EXPECT_EQ(SectionFileName(63, type::v1::CATEGORY_RISK), "64-risk");
}

}  // namespace
}  // namespace accord::accordctl::disclosure_text_test

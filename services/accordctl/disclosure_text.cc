#include "services/accordctl/disclosure_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "common/base/bytes.h"
#include "common/console/message_text.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/crypto/digest.h"
#include "common/referral/referral_name.h"
#include "services/accordctl/references.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {
namespace {

using agency::v1::ReadDisclosureResponse;
using inspection::v1::Disclosure;
using type::v1::PersonFound;
using type::v1::ReferralFound;

std::string ShortReferral(const std::string& digest) { return ShortName(referral::ReferralName(digest)); }

// What is asked, in a few words.
std::string AskedText(const Disclosure& disclosure) {
  switch (disclosure.kind()) {
    case type::v1::DISCLOSURE_KIND_SECTIONS: {
      std::vector<std::string> words;
      for (const int category : disclosure.categories()) words.push_back(console::Words(static_cast<type::v1::Category>(category)));
      return fmt::format("{} of referral {}", words.empty() ? "all sections" : fmt::format("{}", fmt::join(words, ", ")), ShortReferral(disclosure.referral()));
    }
    case type::v1::DISCLOSURE_KIND_PERSONS: return "which referrals are about people whom it names";
    case type::v1::DISCLOSURE_KIND_RECORDS: return fmt::format("record numbers of {} referrals", disclosure.referrals_size());
    default: return console::Words(disclosure.kind());
  }
}

std::string HowHeld(const ReferralFound& found) { return found.erased() ? "erased" : found.received() ? "received" : "sent"; }

// "Ashdown, Miriam, 1990-02-03, nhs_number …": what an agency looks for somebody by.
std::string PersonText(const type::v1::Person& person) {
  std::vector<std::string> words;
  for (const std::string* name : {&person.family_name(), &person.given_names()}) {
    if (!name->empty()) words.push_back(*name);
  }
  for (const auto* names : {&person.dates_of_birth(), &person.aliases(), &person.former_names()}) words.insert(words.end(), names->begin(), names->end());
  for (const auto& identifier : person.identifiers()) words.push_back(identifier.scheme() + " " + identifier.value());
  if (!person.record_number().empty()) words.push_back("record " + person.record_number());
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string ReferralsFoundText(const PersonFound& found) {
  std::vector<std::string> words;
  for (const ReferralFound& one : found.referrals()) {
    words.push_back(fmt::format("{} ({}, {})", ShortReferral(one.referral()), HowHeld(one), console::Words(one.strength())));
  }
  return words.empty() ? "not known here" : fmt::format("{}", fmt::join(words, ", "));
}

std::string HeldPersons(const ReadDisclosureResponse& held, size_t width) {
  console::Table table({"mark", "who is asked for", "referrals here"});
  table.KeepWhole(0);
  for (const auto& asked : held.persons().persons()) {
    const auto& all = held.found().persons();
    const auto found = std::find_if(all.begin(), all.end(), [&](const PersonFound& one) { return one.mark() == asked.mark(); });
    table.Add({asked.mark(), PersonText(asked.person()), found == all.end() ? "not known here" : ReferralsFoundText(*found)});
  }
  return table.ToString(width);
}

std::string HeldRecords(const ReadDisclosureResponse& held, size_t width) {
  console::Table table({"referral", "record numbers", "pushed as", "held"});
  for (const ReferralFound& one : held.records().referrals()) {
    table.Add({ShortReferral(one.referral()), one.record_numbers().empty() ? "-" : fmt::format("{}", fmt::join(one.record_numbers(), ", ")),
               one.request_id().empty() ? "-" : one.request_id(), HowHeld(one)});
  }
  return table.ToString(width);
}

std::string HeldSections(const ReadDisclosureResponse& held) {
  std::string text;
  for (const auto& section : held.sections()) {
    const std::string heading = fmt::format("{} (section {})", console::Words(section.category()), ToHex(section.section_id()));
    type::v1::SectionContent shown = section.content();
    // Of a file its name and kind: its bytes are nothing to read.
    if (shown.has_attachment()) shown.mutable_attachment()->clear_data();
    text += fmt::format("\n{}\n{}\n{}", heading, std::string(console::Width(heading), '-'), console::MessageText(shown, 2));
  }
  return text.empty() ? "\nNothing of it is held here: refuse it as not held.\n" : text;
}

// The commands of the two answers.
std::string AnswerHint(const Disclosure& disclosure) {
  const std::string as = fmt::format("accordctl --as {} --worker WORKER --role authorising_officer disclosure", disclosure.agency());
  const std::string_view less = disclosure.kind() == type::v1::DISCLOSURE_KIND_SECTIONS  ? "  [--section ID …: only these]"
                                : disclosure.kind() == type::v1::DISCLOSURE_KIND_PERSONS ? "  [--withhold MARK …: these read as not known]"
                                                                                         : "";
  return fmt::format("\nTo release it: {0} release {1}{2}\nTo refuse it:  {0} refuse {1} --ground GROUND\n", as, disclosure.number(), less);
}

// Cases of a person's referrals, each once, and how many referrals the warrant does not cover, were erased from the record, or are of no case.
struct PersonCases {
  std::set<std::string> cases;
  int outside = 0, erased = 0, of_none = 0;
};

PersonCases CasesOf(const PersonFound& found, const CasesOfReferrals& cases) {
  PersonCases result;
  for (const ReferralFound& one : found.referrals()) {
    const auto told = cases.find(one.referral());
    if (told == cases.end()) continue;
    result.outside += told->second.outside ? 1 : 0;
    result.erased += told->second.erased ? 1 : 0;
    result.of_none += !told->second.outside && !told->second.erased && told->second.cases.empty() ? 1 : 0;
    for (const std::string& pseudonym : told->second.cases) result.cases.insert(ToHex(pseudonym));
  }
  return result;
}

std::string PersonsText(const type::v1::PersonsAnswer& answer, const CasesOfReferrals& cases, size_t width) {
  console::Table table({"mark", "referrals", "cases"});
  for (const PersonFound& found : answer.persons()) {
    const PersonCases of = CasesOf(found, cases);
    std::vector<std::string> words(of.cases.begin(), of.cases.end());
    if (of.outside > 0) words.push_back(fmt::format("{} outside the warrant", of.outside));
    if (of.erased > 0) words.push_back(fmt::format("{} erased from the record", of.erased));
    if (of.of_none > 0) words.push_back(fmt::format("{} of no case", of.of_none));
    if (words.empty()) words.push_back(found.referrals().empty() ? "not known there" : "not asked for");
    table.Add({found.mark(), fmt::to_string(found.referrals_size()), fmt::format("{}", fmt::join(words, ", "))});
  }
  return table.ToString(width);
}

const ReferralFound* RecordOf(const type::v1::RecordsAnswer& answer, const std::string& digest) {
  const auto found = std::find_if(answer.referrals().begin(), answer.referrals().end(), [&](const auto& one) { return one.referral() == digest; });
  return found == answer.referrals().end() ? nullptr : &*found;
}

std::string RecordsText(const Disclosure& disclosure, const type::v1::RecordsAnswer& answer, size_t width) {
  console::Table table({"case", "referral", "record numbers", "pushed as", "held"});
  table.KeepWhole(0);
  for (const auto& of_case : disclosure.cases()) {
    for (const std::string& digest : of_case.referrals()) {
      const ReferralFound* const one = RecordOf(answer, digest);
      if (one == nullptr) continue;
      table.Add({ToHex(of_case.case_pseudonym()), ShortReferral(digest),
                 one->record_numbers().empty() ? "-" : fmt::format("{}", fmt::join(one->record_numbers(), ", ")),
                 one->request_id().empty() ? "-" : one->request_id(), HowHeld(*one)});
    }
  }
  return table.ToString(width);
}

std::string SectionsText(const CheckedDisclosure& checked, size_t width) {
  console::Table table({"part", "category", "section", "in"});
  for (size_t i = 0; i < checked.sections.size(); ++i) {
    const DisclosedSection& section = checked.sections[i];
    table.Add({fmt::to_string(i + 1), console::Words(section.part.category()), ToHex(section.id), SectionFileName(i, section.part.category()) + ".json"});
  }
  return table.ToString(width);
}

nlohmann::json FoundJson(const ReferralFound& found, bool with_strength) {
  nlohmann::json json = {{"referral", referral::ReferralName(found.referral())}, {"recordNumbers", found.record_numbers()}, {"requestId", found.request_id()},
                         {"received", found.received()},                         {"erased", found.erased()}};
  if (with_strength) json["strength"] = type::v1::MatchStrength_Name(found.strength());
  return json;
}

nlohmann::json PersonsJson(const type::v1::PersonsAnswer& answer, const CasesOfReferrals* cases) {
  nlohmann::json persons = nlohmann::json::array();
  for (const PersonFound& found : answer.persons()) {
    nlohmann::json referrals = nlohmann::json::array();
    for (const ReferralFound& one : found.referrals()) {
      nlohmann::json row = FoundJson(one, true);
      const auto told = cases == nullptr ? CasesOfReferrals::const_iterator() : cases->find(one.referral());
      if (cases != nullptr && told != cases->end()) {
        row["outsideWarrant"] = told->second.outside;
        row["erased"] = one.erased() || told->second.erased;
        row["cases"] = nlohmann::json::array();
        for (const std::string& pseudonym : told->second.cases) row["cases"].push_back(ToHex(pseudonym));
      }
      referrals.push_back(std::move(row));
    }
    nlohmann::json person = {{"mark", found.mark()}, {"referrals", std::move(referrals)}};
    if (cases != nullptr) person["cases"] = CasesOf(found, *cases).cases;
    persons.push_back(std::move(person));
  }
  return persons;
}

nlohmann::json RecordsJson(const Disclosure& disclosure, const type::v1::RecordsAnswer& answer) {
  nlohmann::json cases = nlohmann::json::array();
  for (const auto& of_case : disclosure.cases()) {
    nlohmann::json referrals = nlohmann::json::array();
    for (const std::string& digest : of_case.referrals()) {
      if (const ReferralFound* const one = RecordOf(answer, digest); one != nullptr) referrals.push_back(FoundJson(*one, false));
    }
    cases.push_back({{"case", ToHex(of_case.case_pseudonym())}, {"referrals", std::move(referrals)}});
  }
  return cases;
}

nlohmann::json SectionsJson(const CollectedDisclosure& collected, const CheckedDisclosure& checked) {
  nlohmann::json sections = nlohmann::json::array();
  for (size_t i = 0; i < checked.sections.size(); ++i) {
    const DisclosedSection& section = checked.sections[i];
    const std::string name = SectionFileName(i, section.part.category());
    sections.push_back({{"section", ToHex(section.id)},
                        {"category", type::v1::Category_Name(section.part.category())},
                        {"file", name + ".json"},
                        {"sealedFile", name + ".cms"},
                        {"sealedSha256", ToHex(crypto::Sha256(collected.parts[i]))}});
  }
  return sections;
}

}  // namespace

std::string DisclosureStateText(const Disclosure& disclosure, int64_t now_ms) {
  switch (disclosure.answer()) {
    case type::v1::DISCLOSURE_ANSWER_UNSPECIFIED:
      if (disclosure.overdue()) return "OVERDUE since " + console::TimeText(disclosure.due_at_ms());
      if (now_ms < disclosure.due_at_ms()) return "waits for an answer, due " + console::TimeText(disclosure.due_at_ms());
      // Under a warrant that is suspended or over nobody can answer, and the record holds it against nobody.
      return fmt::format("no answer, due {}; not overdue on the record", console::TimeText(disclosure.due_at_ms()));
    case type::v1::DISCLOSURE_ANSWER_RELEASED:
      return fmt::format("released {}{}, {} parts{}", console::TimeText(disclosure.answered_at_ms()), disclosure.overdue() ? " (late)" : "", disclosure.parts(),
                         disclosure.collected_at_ms() == 0 ? "" : ", collected " + console::TimeText(disclosure.collected_at_ms()));
    case type::v1::DISCLOSURE_ANSWER_REFUSED:
      return fmt::format("refused {}{}: {}", console::TimeText(disclosure.answered_at_ms()), disclosure.overdue() ? " (late)" : "", console::Words(disclosure.ground()));
    default: return console::Words(disclosure.answer());
  }
}

std::string DisclosureText(const Disclosure& disclosure, int64_t now_ms, size_t width) {
  auto facts = console::Table::Facts();
  facts.Add({"disclosure", fmt::to_string(disclosure.number())});
  facts.Add({"state", DisclosureStateText(disclosure, now_ms)});
  facts.Add({"asks for", AskedText(disclosure)});
  if (!disclosure.referral().empty()) facts.Add({"referral", referral::ReferralName(disclosure.referral())});
  facts.Add({"of", disclosure.agency() + (disclosure.desk() == type::v1::DESK_CONFIDENTIAL ? ", its confidential desk" : "")});
  facts.Add({"asked by", fmt::format("{} of {}", disclosure.inspector(), disclosure.inspectorate())});
  facts.Add({"legal power", disclosure.legal_power()});
  facts.Add({"warrant", disclosure.warrant()});
  if (!disclosure.purpose().empty()) facts.Add({"purpose", disclosure.purpose()});
  facts.Add({"asked", console::TimeText(disclosure.asked_at_ms())});
  facts.Add({"due", console::TimeText(disclosure.due_at_ms())});
  if (disclosure.answered_index() != 0) facts.Add({"answered by", fmt::format("entry {} of the log", disclosure.answered_index())});
  return facts.ToString(width);
}

std::string DisclosureTable(const std::vector<Disclosure>& disclosures, int64_t now_ms, size_t width) {
  if (disclosures.empty()) return "No disclosures.\n";
  console::Table table({"number", "agency", "warrant", "asked by", "asks for", "state"});
  table.KeepWhole(0);
  for (const Disclosure& one : disclosures) {
    table.Add({fmt::to_string(one.number()), one.agency(), one.warrant(), fmt::format("{} of {}", one.inspector(), one.inspectorate()), AskedText(one),
               DisclosureStateText(one, now_ms)});
  }
  return table.ToString(width);
}

std::string HeldText(const ReadDisclosureResponse& held, int64_t now_ms, size_t width) {
  const Disclosure& disclosure = held.disclosure();
  std::string text = DisclosureText(disclosure, now_ms, width);
  switch (disclosure.kind()) {
    case type::v1::DISCLOSURE_KIND_SECTIONS: text += HeldSections(held); break;
    case type::v1::DISCLOSURE_KIND_PERSONS: text += "\n" + HeldPersons(held, width); break;
    case type::v1::DISCLOSURE_KIND_RECORDS: text += "\n" + HeldRecords(held, width); break;
    default: break;
  }
  return disclosure.answer() == type::v1::DISCLOSURE_ANSWER_UNSPECIFIED ? text + AnswerHint(disclosure) : text;
}

std::string DisclosedText(const CollectedDisclosure& collected, const CheckedDisclosure& checked, const CasesOfReferrals& cases, const std::string& directory,
                          size_t width) {
  const Disclosure& disclosure = collected.first.disclosure();
  std::string text;
  switch (disclosure.kind()) {
    case type::v1::DISCLOSURE_KIND_SECTIONS: text = SectionsText(checked, width); break;
    case type::v1::DISCLOSURE_KIND_PERSONS: text = PersonsText(checked.persons, cases, width); break;
    default: text = RecordsText(disclosure, checked.records, width); break;
  }
  const std::string end = fmt::format(
      "Signed by {}, an authorising officer of {}, {}; it verifies under your own authorities, and was sealed for you alone. It is in {}, readable by its owner alone: "
      "keep it so.",
      checked.statement.worker().pseudonym(), disclosure.agency(), console::TimeText(checked.statement.signed_at_ms()), directory);
  return text + console::Paragraph(console::Printable(end), width);
}

nlohmann::json DisclosedJson(const CollectedDisclosure& collected, const CheckedDisclosure& checked, const CasesOfReferrals* cases) {
  const Disclosure& disclosure = collected.first.disclosure();
  nlohmann::json json = {{"disclosure", disclosure.number()},
                         {"kind", type::v1::DisclosureKind_Name(disclosure.kind())},
                         {"agency", disclosure.agency()},
                         {"warrant", disclosure.warrant()},
                         {"inspector", disclosure.inspector()},
                         {"officer", checked.statement.worker().pseudonym()},
                         {"signedAtMs", checked.statement.signed_at_ms()},
                         {"answeredIndex", disclosure.answered_index()}};
  switch (disclosure.kind()) {
    case type::v1::DISCLOSURE_KIND_SECTIONS:
      json["referral"] = referral::ReferralName(disclosure.referral());
      json["sender"] = checked.sender;
      json["sections"] = SectionsJson(collected, checked);
      break;
    case type::v1::DISCLOSURE_KIND_PERSONS: json["persons"] = PersonsJson(checked.persons, cases); break;
    default: json["cases"] = RecordsJson(disclosure, checked.records); break;
  }
  return json;
}

std::string SectionFileName(size_t index, type::v1::Category category) {
  std::string words = console::Words(category);
  std::replace_if(words.begin(), words.end(), [](char c) { return !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'); }, '-');
  return fmt::format("{:02}-{}", index + 1, words);
}

}  // namespace accord::accordctl

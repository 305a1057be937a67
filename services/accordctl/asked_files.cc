#include "services/accordctl/asked_files.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/records/csv_text.h"
#include "common/records/fields.h"
#include "common/records/json_text.h"
#include "common/records/limits.h"
#include "common/referral/disclosure.h"
#include "common/referral/identifiers.h"
#include "common/referral/partial_date.h"

namespace accord::accordctl {
namespace {

using records::JsonValue;
using records::Wrong;
using type::v1::PersonAsked;
using type::v1::PersonsQuestion;

constexpr std::string_view kOwnSchemePrefix = "identifier.";
constexpr char kMarkColumn[] = "mark", kBirthColumn[] = "date_of_birth";

// Puts one cell that is not empty where it belongs; false when there is no such column.
bool PutAsked(PersonAsked& asked, std::string_view column, const std::string& cell) {
  type::v1::Person& person = *asked.mutable_person();
  if (column == kMarkColumn) return asked.set_mark(cell), true;
  if (column == "family_name") return person.set_family_name(cell), true;
  if (column == "given_names") return person.set_given_names(cell), true;
  if (column == kBirthColumn) return person.add_dates_of_birth(cell), true;
  if (column == "alias") return person.add_aliases(cell), true;
  if (column == "former_name") return person.add_former_names(cell), true;
  if (column == "record_number") return person.set_record_number(cell), true;
  const bool own = column.starts_with(kOwnSchemePrefix) && column.size() > kOwnSchemePrefix.size();
  if (!own && referral::FindIdentifierScheme(column) == nullptr) return false;
  type::v1::Identifier& identifier = *person.add_identifiers();
  identifier.set_scheme(std::string(own ? column.substr(kOwnSchemePrefix.size()) : column));
  identifier.set_value(cell);
  identifier.set_verified(true);
  return true;
}

// What is wrong with a date or an identifier, by the field's name as the file has it.
absl::Status CheckAskedValues(const PersonAsked& asked, uint64_t line, const std::string& path) {
  for (const std::string& date : asked.person().dates_of_birth()) {
    if (!referral::ParsePartialDate(date, kBirthColumn).ok()) {
      return Wrong(Reason::kFieldInvalid, line, path + kBirthColumn, "is no date such as 1990-02-03, 1990-02 or 1990");
    }
  }
  for (const type::v1::Identifier& identifier : asked.person().identifiers()) {
    const std::string fault = referral::IdentifierFault(identifier.scheme(), identifier.value());
    if (!fault.empty()) return Wrong(Reason::kFieldInvalid, line, path + identifier.scheme(), fault);
  }
  return absl::OkStatus();
}

// People as they come from a file, each judged in its line.
class AskedPeople {
 public:
  // `path` stands before the names of fields in errors.
  absl::Status Add(PersonAsked asked, uint64_t line, const std::string& path) {
    if (question_.persons_size() == referral::kPersonsAskedMax) {
      return Wrong(Reason::kFieldInvalid, line, "", fmt::format("more than {} people are asked for: ask again for the rest", referral::kPersonsAskedMax));
    }
    if (asked.mark().empty()) return Wrong(Reason::kFieldMissing, line, path + kMarkColumn, "is needed: your own mark of the person, such as the row of a list");
    if (!marks_.insert(asked.mark()).second) return Wrong(Reason::kFieldInvalid, line, path + kMarkColumn, "is an earlier one's too");
    ACCORD_RETURN_IF_ERROR(CheckAskedValues(asked, line, path));
    PersonsQuestion alone;
    *alone.add_persons() = asked;
    if (const absl::Status valid = referral::ValidatePersonsQuestion(alone); !valid.ok()) return Moved(valid, line, path);
    *question_.add_persons() = std::move(asked);
    return absl::OkStatus();
  }

  absl::StatusOr<PersonsQuestion> Take() && {
    if (question_.persons().empty()) return Wrong(Reason::kFieldInvalid, 0, "", "the file asks for nobody");
    return std::move(question_);
  }

 private:
  // An error of the question of one, at its place in the file.
  static absl::Status Moved(const absl::Status& status, uint64_t line, const std::string& path) {
    constexpr std::string_view kAlone = "persons[0].";
    std::string field = records::FieldOf(status), words(FromAbsl(status.message()));
    if (!field.empty() && words.starts_with(field)) words.erase(0, std::min(words.size(), field.size() + 1));
    if (field.starts_with(kAlone)) field.erase(0, kAlone.size());
    return Wrong(DetailOf(status).reason, line, path + field, words);
  }

  PersonsQuestion question_;
  std::set<std::string> marks_;
};

absl::StatusOr<PersonsQuestion> PersonsOfCsv(std::string_view text) {
  AskedPeople people;
  std::vector<std::string> heading;
  const auto take_heading = [&](uint64_t line, std::vector<std::string>& cells) -> absl::Status {
    PersonAsked tried;
    for (size_t i = 0; i < cells.size(); ++i) {
      // By its number: what stands in the first row of a file without a heading is about people.
      const std::string column = fmt::format("column {}", i + 1);
      if (!PutAsked(tried, cells[i], "1")) return Wrong(Reason::kFieldInvalid, line, column, "has a heading that is none of those of docs/disclosures.md");
      if (std::count(cells.begin(), cells.end(), cells[i]) > 1) return Wrong(Reason::kFieldInvalid, line, column, "has the heading of another one");
    }
    if (tried.mark().empty()) return Wrong(Reason::kFieldMissing, line, kMarkColumn, "is no column of the file");
    heading = std::move(cells);
    return absl::OkStatus();
  };
  ACCORD_RETURN_IF_ERROR(records::ForEachCsvRow(text, [&](uint64_t line, std::vector<std::string>& cells) -> absl::Status {
    if (heading.empty()) return take_heading(line, cells);
    if (cells.size() > heading.size()) return Wrong(Reason::kFieldInvalid, line, "", "has more cells than the heading");
    PersonAsked asked;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (!cells[i].empty()) PutAsked(asked, heading[i], cells[i]);
    }
    return people.Add(std::move(asked), line, "");
  }));
  return std::move(people).Take();
}

absl::StatusOr<PersonsQuestion> PersonsOfJson(std::string_view text) {
  ACCORD_ASSIGN_OR_RETURN(const JsonValue root, records::ParseJson(text));
  const JsonValue* list = &root;
  if (root.kind == JsonValue::Kind::kObject) {
    const auto found = std::find_if(root.members.begin(), root.members.end(), [](const auto& member) { return member.name == "persons"; });
    if (found == root.members.end() || root.members.size() != 1) return Wrong(Reason::kFieldInvalid, root.line, "", "has `persons` and nothing else");
    list = &found->value;
  }
  if (list->kind != JsonValue::Kind::kArray) return Wrong(Reason::kFieldInvalid, list->line, "persons", "is a list, and stands in brackets");
  AskedPeople people;
  for (size_t i = 0; i < list->elements.size(); ++i) {
    const JsonValue& element = list->elements[i];
    const std::string path = fmt::format("persons[{}]", i);
    if (element.kind != JsonValue::Kind::kObject) return Wrong(Reason::kFieldInvalid, element.line, path, "is no object");
    PersonAsked asked;
    ACCORD_RETURN_IF_ERROR(records::FillFromJson(asked, element, path));
    for (type::v1::Identifier& identifier : *asked.mutable_person()->mutable_identifiers()) identifier.set_verified(true);
    ACCORD_RETURN_IF_ERROR(people.Add(std::move(asked), element.line, path + "."));
  }
  return std::move(people).Take();
}

// The cases in what `--json` of a sample or a question printed; nothing when it is no such document.
void AddCasesOf(const nlohmann::json& document, std::vector<std::string>& cases) {
  const auto rows = document.find("rows");
  if (rows == document.end() || !rows->is_array()) return;
  for (const nlohmann::json& row : *rows) {
    const auto cell = row.is_object() ? row.find("case") : row.end();
    if (!row.is_object() || cell == row.end() || !cell->is_string()) continue;
    const auto pseudonym = FromHex(cell->get<std::string>());
    if (pseudonym.has_value() && pseudonym->size() == kIdBytes) cases.push_back(*pseudonym);
  }
}

absl::Status AddCaseLines(std::string_view text, std::vector<std::string>& cases) {
  for (uint64_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string_view digits = FromAbsl(absl::StripAsciiWhitespace(ToAbsl(line)));
    if (digits.empty()) continue;
    const auto pseudonym = FromHex(digits);
    if (!pseudonym.has_value() || pseudonym->size() != kIdBytes) {
      return Wrong(Reason::kFieldInvalid, number, "", "is no case: a pseudonym of 32 hex digits is needed");
    }
    cases.push_back(*pseudonym);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PersonsQuestion> ReadPersons(std::string_view bytes, std::string_view name) {
  if (bytes.size() > kAskedFileBytesMax) return Wrong(Reason::kMessageTooLarge, 0, "", fmt::format("the file is over {} bytes", kAskedFileBytesMax));
  if (!IsUtf8(bytes)) return Wrong(Reason::kTextNotUtf8, 0, "", "the file is not UTF-8");
  bytes = records::WithoutByteOrderMark(bytes);
  if (name.ends_with(".csv")) return PersonsOfCsv(bytes);
  if (name.ends_with(".json")) return PersonsOfJson(bytes);
  return Wrong(Reason::kFieldInvalid, 0, "", "people are in a file NAME.csv or NAME.json");
}

absl::StatusOr<std::vector<std::string>> ReadCases(std::string_view bytes) {
  if (bytes.size() > kAskedFileBytesMax) return Wrong(Reason::kMessageTooLarge, 0, "", fmt::format("the file is over {} bytes", kAskedFileBytesMax));
  bytes = records::WithoutByteOrderMark(bytes);
  std::vector<std::string> cases;
  const auto document = nlohmann::json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (document.is_object()) {
    AddCasesOf(document, cases);
  } else {
    ACCORD_RETURN_IF_ERROR(AddCaseLines(bytes, cases));
  }
  std::set<std::string> seen;
  std::erase_if(cases, [&](const std::string& one) { return !seen.insert(one).second; });
  if (cases.empty()) return Wrong(Reason::kFieldInvalid, 0, "", "the file names no case");
  return cases;
}

}  // namespace accord::accordctl

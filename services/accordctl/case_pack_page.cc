#include "services/accordctl/case_pack_page.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <map>
#include <utility>

#include "common/base/text.h"
#include "common/console/words.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {
namespace {

using agency::v1::BuildCasePackResponse;
using agency::v1::PackField;

// Nothing is loaded and nothing runs, whatever a field says.
constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Case pack</title>
<style>
body { font: 11pt/1.4 sans-serif; margin: 2em; color: #111 }
h1 { font-size: 18pt } h2 { font-size: 14pt; margin-top: 2em; break-after: avoid }
table { border-collapse: collapse; width: 100% } th, td { border: 1px solid #999; padding: .3em .5em; text-align: left; vertical-align: top }
tr { break-inside: avoid } td.value { white-space: pre-wrap; overflow-wrap: anywhere } .path { color: #555; font-size: 8pt }
.mark { font-weight: bold } .decide { width: 7em } .warning { border: 2px solid #111; padding: .6em }
@media print { body { margin: 0 } section { break-before: page } }
</style></head><body>
)";

std::string MarkWords(int mark) { return console::Words(static_cast<agency::v1::RedactionMark>(mark)); }

std::string StrengthWords(const BuildCasePackResponse& record) {
  if (record.kind() == "journal") return "done here";
  switch (record.strength()) {
    case type::v1::MATCH_STRENGTH_STRONG: return "recognised";
    case type::v1::MATCH_STRENGTH_UNSPECIFIED: return "follows another record";
    default: return "WEAK: may be somebody else";
  }
}

std::string RoleWords(const BuildCasePackResponse& record) {
  return record.role() == type::v1::SUBJECT_ROLE_UNSPECIFIED ? "not known" : console::Words(record.role());
}

std::string FieldRow(const PackField& field) {
  std::string marks;
  for (int i = 0; i < field.marks_size(); ++i) {
    marks += fmt::format("<div><span class=\"mark\">{}</span>: {}</div>", Escaped(MarkWords(field.marks(i))),
                         Escaped(i < field.reasons_size() ? field.reasons(i) : ""));
  }
  return fmt::format("<tr><td>{}<div class=\"path\">{}</div></td><td class=\"value\">{}</td><td>{}</td><td class=\"decide\">&#9744; give<br>&#9744; redact</td></tr>\n",
                     Escaped(field.label()), Escaped(field.path()), Escaped(field.value()), marks.empty() ? "no mark" : marks);
}

std::string Summary(const BuildCasePackResponse& record) {
  std::map<int, int> counts;
  int unmarked = 0;
  for (const PackField& field : record.fields()) {
    unmarked += field.marks().empty() ? 1 : 0;
    std::map<int, int> once;
    for (const int mark : field.marks()) once[mark] = 1;
    for (const auto& [mark, one] : once) counts[mark] += one;
  }
  std::string text = fmt::format("{} fields, {} without a mark", record.fields_size(), unmarked);
  for (const auto& [mark, count] : counts) text += fmt::format("; {} {}", count, MarkWords(mark));
  return text;
}

}  // namespace

absl::StatusOr<type::v1::Person> PersonOf(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ',');
  if (parts.empty() || parts.size() > 3) return UsageError("a person is \"Family, Given, YYYY-MM-DD\"");
  const auto part = [&](size_t at) { return at < parts.size() ? std::string(absl::StripAsciiWhitespace(parts[at])) : std::string(); };
  type::v1::Person person;
  person.set_family_name(part(0));
  person.set_given_names(part(1));
  if (!part(2).empty()) person.add_dates_of_birth(part(2));
  if (person.family_name().empty() && person.given_names().empty()) return UsageError("a person is \"Family, Given, YYYY-MM-DD\"");
  return person;
}

absl::StatusOr<type::v1::Identifier> IdentifierOf(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) return UsageError("an identifier is SCHEME=VALUE, such as nhs_number=9434765919");
  type::v1::Identifier identifier;
  identifier.set_scheme(text.substr(0, equals));
  identifier.set_value(text.substr(equals + 1));
  identifier.set_verified(true);
  return identifier;
}

std::vector<BuildCasePackResponse> WholeRecords(std::vector<BuildCasePackResponse> answers) {
  std::vector<BuildCasePackResponse> records;
  for (BuildCasePackResponse& answer : answers) {
    const bool more = !records.empty() && answer.kind() != "journal" && records.back().kind() == answer.kind() && records.back().about() == answer.about();
    if (more) {
      records.back().mutable_fields()->MergeFrom(answer.fields());
    } else {
      records.push_back(std::move(answer));
    }
  }
  return records;
}

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    switch (letter) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      case '\n': case '\t': escaped += letter; break;
      default:
        if (absl::ascii_iscntrl(static_cast<unsigned char>(letter))) {
          escaped += "\xEF\xBF\xBD";  // U+FFFD.
        } else {
          escaped += letter;
        }
    }
  }
  return escaped;
}

nlohmann::json PackJson(const PackHeading& heading, const std::vector<BuildCasePackResponse>& records) {
  nlohmann::json rows = nlohmann::json::array();
  for (const BuildCasePackResponse& record : records) rows.push_back(ToJson(record));
  return {{"agency", heading.agency},   {"person", heading.person},         {"ground", heading.ground},
          {"authority", heading.authority}, {"madeBy", heading.made_by}, {"madeAtMs", std::to_string(heading.made_at_ms)}, {"records", rows}};
}

std::string PackPage(const PackHeading& heading, const std::vector<BuildCasePackResponse>& records) {
  std::string page(kHead);
  page += fmt::format("<h1>Case pack: {}</h1>\n<table>\n", Escaped(heading.person));
  for (const auto& [what, value] : {std::pair("Agency", heading.agency), std::pair("Ground", heading.ground), std::pair("Number", heading.authority),
                                    std::pair("Made by", heading.made_by), std::pair("Made at", console::TimeText(heading.made_at_ms))}) {
    page += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", what, Escaped(value));
  }
  page += "</table>\n<p class=\"warning\">Not redacted. Nothing was left out: marks say what to look at, and a person decides of each field, marked or not. "
          "What this pack does not contain is in docs/case-pack.md. Keep it from everybody but whoever redacts it.</p>\n"
          "<h2>Index</h2>\n<table><tr><th>No</th><th>Kind</th><th>About</th><th>When</th><th>Match</th><th>Person is</th><th>Fields</th></tr>\n";
  for (size_t i = 0; i < records.size(); ++i) {
    const auto& record = records[i];
    page += fmt::format("<tr><td><a href=\"#r{0}\">{0}</a></td><td>{1}</td><td class=\"value\">{2}</td><td>{3}</td><td>{4}</td><td>{5}</td><td>{6}</td></tr>\n", i + 1,
                        Escaped(record.kind()), Escaped(record.about()), console::TimeText(record.at_ms()), StrengthWords(record), Escaped(RoleWords(record)),
                        Escaped(Summary(record)));
  }
  page += "</table>\n";
  for (size_t i = 0; i < records.size(); ++i) {
    const auto& record = records[i];
    page += fmt::format("<section><h2 id=\"r{}\">{}. {} {}, {}</h2>\n<p>{}; the person is: {}.</p>\n"
                        "<table><tr><th>Field</th><th>Value</th><th>Look at</th><th>Decision</th></tr>\n",
                        i + 1, i + 1, Escaped(record.kind()), Escaped(record.about()), console::TimeText(record.at_ms()), StrengthWords(record),
                        Escaped(RoleWords(record)));
    for (const PackField& field : record.fields()) page += FieldRow(field);
    page += "</table></section>\n";
  }
  return page + "</body></html>\n";
}

std::string PackIndex(const PackHeading& heading, const std::vector<BuildCasePackResponse>& records) {
  std::string text = fmt::format("Case pack of {}, {} {}, made {} by {}: {} records\n", heading.agency, heading.ground, heading.authority,
                                 console::TimeText(heading.made_at_ms), heading.made_by, records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    const auto& record = records[i];
    text += fmt::format("{:4}  {:8}  {}  {}  {}; the person is: {}; {}\n", i + 1, record.kind(), console::TimeText(record.at_ms()),
                        console::Printable(record.about()), StrengthWords(record), RoleWords(record), Summary(record));
  }
  return text;
}

}  // namespace accord::accordctl

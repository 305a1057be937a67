#include "services/broker/policy/agreement_text.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/config.h"

namespace accord::broker {
namespace {

// The value that `word` stands for among the values of an enum, whose names begin with `prefix`.
template <typename Enum>
std::optional<Enum> FromWord(std::string_view prefix, std::string_view word) {
  const std::string lower(word);
  for (const char c : lower) {
    if (absl::ascii_isupper(static_cast<unsigned char>(c))) return std::nullopt;
  }
  const auto* const value = google::protobuf::GetEnumDescriptor<Enum>()->FindValueByName(
      std::string(prefix) + absl::AsciiStrToUpper(lower));
  if (value == nullptr || value->number() == 0) return std::nullopt;
  return static_cast<Enum>(value->number());
}

template <typename Enum>
std::vector<Enum> Words(config::Table& table, std::string_view key, std::string_view prefix) {
  std::vector<Enum> values;
  for (const std::string& word : table.Strings(key)) {
    if (const auto value = FromWord<Enum>(prefix, word); value.has_value()) {
      values.push_back(*value);
    } else {
      table.Reject(key, fmt::format("`{}` is not a word of the list", word));
    }
  }
  return values;
}

// The start of a day, UTC.
absl::Time Date(config::Table& table, std::string_view key) {
  const std::string text = table.RequiredString(key);
  absl::Time time;
  std::string error;
  // `text` is empty when the key is missing, which is told already.
  if (!text.empty() && (text.size() != 10 || !absl::ParseTime("%Y-%m-%d", text, &time, &error))) {
    table.Reject(key, "a date such as 2026-11-01 is needed");
  }
  return time;
}

referral::Route ReadRoute(config::Table& table) {
  referral::Route route;
  route.id = table.RequiredString("id");
  route.from_kinds = Words<type::v1::AgencyKind>(table, "from_kinds", "AGENCY_KIND_");
  route.from_agencies = table.Strings("from_agencies");
  route.to_kinds = Words<type::v1::AgencyKind>(table, "to_kinds", "AGENCY_KIND_");
  route.to_agencies = table.Strings("to_agencies");
  route.purposes = Words<type::v1::Purpose>(table, "purposes", "PURPOSE_");
  route.categories = Words<type::v1::Category>(table, "categories", "CATEGORY_");
  route.needs_consent = table.OptionalBool("needs_consent", false);
  route.gateways = Words<type::v1::Gateway>(table, "gateways", "GATEWAY_");
  route.confidential_address = table.OptionalBool("confidential_address", false);
  const std::string grade = table.OptionalString("min_grade");
  if (!grade.empty()) {
    const auto value = FromWord<type::v1::RiskGrade>("RISK_GRADE_", grade);
    if (!value.has_value()) table.Reject("min_grade", "standard, medium or high is needed");
    route.min_grade = value.value_or(type::v1::RISK_GRADE_UNSPECIFIED);
  }
  route.forum = table.OptionalString("forum");
  return route;
}

absl::Status Malformed(const absl::Status& status) {
  return Error(Reason::kAgreementMalformed, FromAbsl(status.message()), {{"field", "agreement"}});
}

}  // namespace

std::optional<type::v1::AgencyKind> ParseAgencyKind(std::string_view word) {
  return FromWord<type::v1::AgencyKind>("AGENCY_KIND_", word);
}

absl::StatusOr<referral::Agreement> ParseAgreement(std::string_view text) {
  if (!IsUtf8(text)) return Error(Reason::kAgreementMalformed, "the agreement is not UTF-8", {{"field", "agreement"}});
  auto root = config::Table::Parse(text, "agreement");
  if (!root.ok()) return Malformed(root.status());
  referral::Agreement agreement;
  agreement.version = root->RequiredString("version");
  agreement.parties = root->Strings("parties");
  agreement.effective_from = Date(*root, "effective_from");
  agreement.expires = Date(*root, "expires");
  for (config::Table& route : root->Tables("route")) agreement.routes.push_back(ReadRoute(route));
  if (const absl::Status read = root->Finish(); !read.ok()) return Malformed(read);
  ACCORD_RETURN_IF_ERROR(referral::ValidateAgreement(agreement));
  return agreement;
}

}  // namespace accord::broker

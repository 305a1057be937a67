#include "common/policy/policy_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/policy/reading.h"
#include "common/policy/words.h"

namespace accord::policy {
namespace {

using namespace type::v1;  // NOLINT: the texts are made of these words.

std::optional<uint32_t> NumberText(config::Table& table, std::string_view key, int64_t max) {
  const bool there = table.Has(key);
  const int64_t value = table.OptionalInt(key, 0, 0, max);
  return there ? std::optional(static_cast<uint32_t>(value)) : std::nullopt;
}

referral::Route ReadRoute(config::Table& table) {
  referral::Route route;
  route.id = table.RequiredString("id");
  route.from_kinds = Words<AgencyKind>(table, "from_kinds");
  route.from_agencies = table.Strings("from_agencies");
  route.to_kinds = Words<AgencyKind>(table, "to_kinds");
  route.to_agencies = table.Strings("to_agencies");
  route.to_forums = table.Strings("to_forums");
  route.purposes = Words<Purpose>(table, "purposes");
  route.categories = Words<Category>(table, "categories");
  route.areas = table.Strings("areas");
  route.specialisms = table.Strings("specialisms");
  route.instruments = Words<Instrument>(table, "instruments");
  route.min_grade = OptionalWord(table, "min_grade", RISK_GRADE_UNSPECIFIED);
  route.max_grade = OptionalWord(table, "max_grade", RISK_GRADE_UNSPECIFIED);
  route.min_score = NumberText(table, "min_score", kScoreMax);
  route.max_score = NumberText(table, "max_score", kScoreMax);
  route.forum = table.OptionalString("forum");
  route.needs_consent = table.OptionalBool("needs_consent", false);
  route.gateways = Words<Gateway>(table, "gateways");
  route.article6 = Words<Article6Basis>(table, "article6");
  route.article9 = Words<Article9Condition>(table, "article9");
  route.criminal_offence = Words<Article9Condition>(table, "criminal_offence");
  route.confidential_address = table.OptionalBool("confidential_address", false);
  route.retention_days = NumberText(table, "retention_days", referral::kRetentionDaysMax).value_or(0);
  route.onward = OptionalWord(table, "onward", route.onward);
  route.feedback_working_days = static_cast<uint32_t>(table.OptionalInt("feedback_working_days", 0, 1, referral::kFeedbackDaysMax));
  return route;
}

referral::LegalRegister::Gateway ReadGateway(config::Table& table) {
  referral::LegalRegister::Gateway row;
  row.gateway = RequiredWord<Gateway>(table, "gateway");
  const auto jurisdictions = Words<Jurisdiction>(table, "jurisdictions");
  row.jurisdictions.insert(jurisdictions.begin(), jurisdictions.end());
  row.from = OptionalTime(table, "from", row.from);
  row.until = OptionalTime(table, "until", row.until);
  row.by_itself = table.OptionalBool("by_itself", row.by_itself);
  row.replaces_consent = table.OptionalBool("replaces_consent", row.replaces_consent);
  return row;
}

// Opens a text, has `read` fill a document from it, and has `validate` judge that one.
template <typename Document, typename Read, typename Validate>
absl::StatusOr<Document> ReadDocument(std::string_view text, const std::string& name, std::string_view what, Reason reason,
                                      Read read, Validate validate) {
  const auto malformed = [&](std::string_view why) { return Error(reason, why, {{"field", std::string(what)}}); };
  if (!IsUtf8(text)) return malformed(fmt::format("{}: the {} is not UTF-8", name, what));
  if (text.size() > kPolicyTextBytesMax) return malformed(fmt::format("{}: the {} is over {} bytes", name, what, kPolicyTextBytesMax));
  auto root = config::Table::Parse(text, name);
  if (!root.ok()) return malformed(FromAbsl(root.status().message()));
  Document document;
  read(*root, document);
  if (const absl::Status finished = root->Finish(); !finished.ok()) return malformed(FromAbsl(finished.message()));
  if (const absl::Status valid = validate(*root, document); !valid.ok()) return malformed(FromAbsl(valid.message()));
  return document;
}

// The fault, at the line of the route that it names, else of the whole.
absl::Status JudgeAgreement(const referral::Agreement& agreement, std::vector<config::Table>& routes, config::Table& root) {
  const absl::Status status = referral::ValidateAgreement(agreement);
  if (status.ok()) return status;
  const std::string_view why = FromAbsl(status.message());
  for (size_t i = 0; i < routes.size(); ++i) {
    if (!why.starts_with(fmt::format("route {}:", agreement.routes[i].id))) continue;
    routes[i].Reject("id", why);
    return root.Finish();
  }
  return status;
}

// "key = [\"a\", \"b\"]".
template <typename List, typename Text>
std::string ListText(std::string_view key, const List& list, Text text) {
  std::vector<std::string> quoted;
  for (const auto& value : list) quoted.push_back(fmt::format("\"{}\"", text(value)));
  return fmt::format("{} = [{}]\n", key, fmt::join(quoted, ", "));
}

std::string BeginText(std::string_view version, absl::Time effective_from) {
  const absl::Time from = effective_from == absl::InfinitePast() ? absl::UnixEpoch() : effective_from;
  return fmt::format("version = \"{}\"\neffective_from = \"{}\"\n", version, TimeText(from));
}

std::string SpanText(absl::Time from, absl::Time until) {
  std::string text;
  if (from != absl::InfinitePast()) text += fmt::format("from = \"{}\"\n", TimeText(from));
  if (until != absl::InfiniteFuture()) text += fmt::format("until = \"{}\"\n", TimeText(until));
  return text;
}

}  // namespace

std::optional<AgencyKind> ParseAgencyKind(std::string_view word) { return FromWord<AgencyKind>(word); }

absl::StatusOr<referral::Agreement> ParseAgreement(std::string_view text, const std::string& name) {
  std::vector<config::Table> routes;
  return ReadDocument<referral::Agreement>(
      text, name, "agreement", Reason::kAgreementMalformed,
      [&](config::Table& root, referral::Agreement& agreement) {
        agreement.id = root.OptionalString("id", agreement.id);
        agreement.version = root.RequiredString("version");
        agreement.parties = root.Strings("parties");
        agreement.effective_from = RequiredTime(root, "effective_from");
        agreement.expires = RequiredTime(root, "expires");
        routes = root.Tables("route");
        for (config::Table& route : routes) agreement.routes.push_back(ReadRoute(route));
      },
      [&](config::Table& root, const referral::Agreement& agreement) { return JudgeAgreement(agreement, routes, root); });
}

absl::StatusOr<referral::EmergencySchedule> ParseSchedule(std::string_view text, const std::string& name) {
  return ReadDocument<referral::EmergencySchedule>(
      text, name, "schedule", Reason::kScheduleMalformed,
      [](config::Table& root, referral::EmergencySchedule& schedule) {
        schedule.version = root.RequiredString("version");
        schedule.effective_from = RequiredTime(root, "effective_from");
        schedule.categories = Words<Category>(root, "categories");
        schedule.recipients.clear();
        for (config::Table& row : root.Tables("recipient")) {
          auto& recipient = schedule.recipients.emplace_back();
          recipient.kind = RequiredWord<AgencyKind>(row, "kind");
          recipient.specialisms = row.Strings("specialisms");
        }
      },
      [](config::Table&, const referral::EmergencySchedule& schedule) { return referral::ValidateSchedule(schedule); });
}

absl::StatusOr<referral::LegalRegister> ParseRegister(std::string_view text, const std::string& name) {
  return ReadDocument<referral::LegalRegister>(
      text, name, "register", Reason::kLegalRegisterMalformed,
      [](config::Table& root, referral::LegalRegister& law) {
        law.version = root.RequiredString("version");
        law.effective_from = RequiredTime(root, "effective_from");
        for (config::Table& row : root.Tables("gateway")) law.gateways.push_back(ReadGateway(row));
        for (config::Table& row : root.Tables("basis")) {
          auto& basis = law.bases.emplace_back();
          basis.article6 = RequiredWord<Article6Basis>(row, "article6");
          basis.from = OptionalTime(row, "from", basis.from);
          basis.until = OptionalTime(row, "until", basis.until);
        }
      },
      [](config::Table&, const referral::LegalRegister& law) { return referral::ValidateRegister(law); });
}

std::string ScheduleText(const referral::EmergencySchedule& schedule) {
  std::string text = BeginText(schedule.version, schedule.effective_from);
  text += ListText("categories", schedule.categories, [](Category category) { return ToWord(category); });
  for (const auto& recipient : schedule.recipients) {
    text += fmt::format("\n[[recipient]]\nkind = \"{}\"\n", ToWord(recipient.kind));
    if (!recipient.specialisms.empty()) text += ListText("specialisms", recipient.specialisms, [](const std::string& code) { return code; });
  }
  return text;
}

std::string RegisterText(const referral::LegalRegister& law) {
  std::string text = BeginText(law.version, law.effective_from);
  for (const auto& row : law.gateways) {
    text += fmt::format("\n[[gateway]]\ngateway = \"{}\"\n", ToWord(row.gateway));
    text += ListText("jurisdictions", row.jurisdictions, [](Jurisdiction jurisdiction) { return ToWord(jurisdiction); });
    text += SpanText(row.from, row.until);
    if (!row.by_itself) text += "by_itself = false\n";
    if (!row.replaces_consent) text += "replaces_consent = false\n";
  }
  for (const auto& row : law.bases) {
    text += fmt::format("\n[[basis]]\narticle6 = \"{}\"\n{}", ToWord(row.article6), SpanText(row.from, row.until));
  }
  return text;
}

}  // namespace accord::policy

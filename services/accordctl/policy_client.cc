#include "services/accordctl/policy_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/console/words.h"
#include "common/policy/case_text.h"
#include "common/policy/clock_text.h"
#include "common/policy/difference.h"
#include "common/policy/policy_text.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using namespace admin::v1;  // NOLINT: kinds of documents.

// "agreement", "emergency schedule", "legal register", "clock rules", "case rules".
std::string KindWords(PolicyDocumentKind kind) { return console::Words(kind); }

}  // namespace

std::optional<PolicyDocumentKind> KindFromWords(std::string_view words) {
  if (words == "schedule") return POLICY_DOCUMENT_KIND_EMERGENCY_SCHEDULE;
  if (words == "register") return POLICY_DOCUMENT_KIND_LEGAL_REGISTER;
  if (words == "clocks") return POLICY_DOCUMENT_KIND_CLOCK_RULES;
  if (words == "cases") return POLICY_DOCUMENT_KIND_CASE_RULES;
  const auto kind = console::EnumFromWords(*PolicyDocumentKind_descriptor(), words);
  if (!kind.has_value()) return std::nullopt;
  return static_cast<PolicyDocumentKind>(*kind);
}

absl::StatusOr<PolicyDocumentKind> KindOfText(const std::string& text, const std::string& name) {
  const auto root = config::Table::Parse(text, name);
  if (!root.ok()) return UsageError(FromAbsl(root.status().message()));
  if (root->Has("route")) return POLICY_DOCUMENT_KIND_AGREEMENT;
  if (root->Has("pick_up") || root->Has("response")) return POLICY_DOCUMENT_KIND_CLOCK_RULES;
  if (root->Has("repeat") || root->Has("other_victims")) return POLICY_DOCUMENT_KIND_CASE_RULES;
  if (root->Has("recipient")) return POLICY_DOCUMENT_KIND_EMERGENCY_SCHEDULE;
  if (root->Has("gateway") || root->Has("basis")) return POLICY_DOCUMENT_KIND_LEGAL_REGISTER;
  return UsageError(fmt::format("{}: no agreement, emergency schedule or legal register (docs/agreements.md), nor clock rules (docs/clocks.md) or case rules (docs/cases.md)", name));
}

absl::StatusOr<std::string> IdOfText(PolicyDocumentKind kind, const std::string& text, const std::string& name) {
  if (kind != POLICY_DOCUMENT_KIND_AGREEMENT) return std::string();
  ACCORD_ASSIGN_OR_RETURN(const auto agreement, policy::ParseAgreement(text, name));
  return agreement.id;
}

absl::StatusOr<std::vector<std::string>> DiffTexts(PolicyDocumentKind kind, const std::string& before, const std::string& before_name,
                                                   const std::string& after, const std::string& after_name) {
  if (kind == POLICY_DOCUMENT_KIND_AGREEMENT) {
    ACCORD_ASSIGN_OR_RETURN(const auto old, policy::ParseAgreement(before, before_name));
    ACCORD_ASSIGN_OR_RETURN(const auto now, policy::ParseAgreement(after, after_name));
    return policy::DiffAgreements(old, now);
  }
  if (kind == POLICY_DOCUMENT_KIND_EMERGENCY_SCHEDULE) {
    ACCORD_ASSIGN_OR_RETURN(const auto old, policy::ParseSchedule(before, before_name));
    ACCORD_ASSIGN_OR_RETURN(const auto now, policy::ParseSchedule(after, after_name));
    return policy::DiffSchedules(old, now);
  }
  if (kind == POLICY_DOCUMENT_KIND_CLOCK_RULES) {
    ACCORD_ASSIGN_OR_RETURN(const auto old, policy::ParseClockRules(before, before_name));
    ACCORD_ASSIGN_OR_RETURN(const auto now, policy::ParseClockRules(after, after_name));
    return policy::DiffClockRules(old, now);
  }
  if (kind == POLICY_DOCUMENT_KIND_CASE_RULES) {
    ACCORD_ASSIGN_OR_RETURN(const auto old, policy::ParseCaseRules(before, before_name));
    ACCORD_ASSIGN_OR_RETURN(const auto now, policy::ParseCaseRules(after, after_name));
    return policy::DiffCaseRules(old, now);
  }
  ACCORD_ASSIGN_OR_RETURN(const auto old, policy::ParseRegister(before, before_name));
  ACCORD_ASSIGN_OR_RETURN(const auto now, policy::ParseRegister(after, after_name));
  return policy::DiffRegisters(old, now);
}

absl::StatusOr<std::vector<PolicyDocument>> ListDocuments(const Endpoint& broker, int64_t as_at_ms) {
  std::vector<PolicyDocument> documents;
  ListPolicyDocumentsRequest request;
  request.set_page_size(kPageRowsMax);
  request.set_as_at_ms(as_at_ms);
  do {
    ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(broker, &PolicyService::Stub::ListPolicyDocuments, request));
    documents.insert(documents.end(), page.documents().begin(), page.documents().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && documents.size() < static_cast<size_t>(kRowsMax));
  return documents;
}

absl::StatusOr<PolicyDocument> GetDocument(const Endpoint& broker, PolicyDocumentKind kind, const std::string& version) {
  GetPolicyDocumentRequest request;
  request.set_kind(kind);
  request.set_version(version);
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &PolicyService::Stub::GetPolicyDocument, request));
  return response.document();
}

absl::StatusOr<std::vector<PolicyDocument>> LiveDocuments(const Endpoint& broker, PolicyDocumentKind kind) {
  ACCORD_ASSIGN_OR_RETURN(const auto all, ListDocuments(broker));
  std::vector<PolicyDocument> live;
  for (const PolicyDocument& document : all) {
    if (!document.live() || (kind != POLICY_DOCUMENT_KIND_UNSPECIFIED && document.kind() != kind)) continue;
    ACCORD_ASSIGN_OR_RETURN(live.emplace_back(), GetDocument(broker, document.kind(), document.version()));
  }
  return live;
}

absl::StatusOr<std::vector<Forum>> ListForums(const Endpoint& broker, int64_t as_at_ms) {
  std::vector<Forum> forums;
  ListForumsRequest request;
  request.set_page_size(kPageRowsMax);
  request.set_as_at_ms(as_at_ms);
  do {
    ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(broker, &PolicyService::Stub::ListForums, request));
    forums.insert(forums.end(), page.forums().begin(), page.forums().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && forums.size() < static_cast<size_t>(kRowsMax));
  return forums;
}

absl::StatusOr<std::string> DifferenceText(const Endpoint& broker, const Change& change) {
  PolicyDocumentKind kind = POLICY_DOCUMENT_KIND_UNSPECIFIED;
  std::string text;
  switch (change.change_case()) {
    case Change::kPutAgreement: kind = POLICY_DOCUMENT_KIND_AGREEMENT, text = change.put_agreement().text(); break;
    case Change::kPutEmergencySchedule:
      kind = POLICY_DOCUMENT_KIND_EMERGENCY_SCHEDULE, text = change.put_emergency_schedule().text();
      break;
    case Change::kPutClockRules: kind = POLICY_DOCUMENT_KIND_CLOCK_RULES, text = change.put_clock_rules().text(); break;
    case Change::kPutCaseRules: kind = POLICY_DOCUMENT_KIND_CASE_RULES, text = change.put_case_rules().text(); break;
    case Change::kPutLegalRegister: kind = POLICY_DOCUMENT_KIND_LEGAL_REGISTER, text = change.put_legal_register().text(); break;
    default: return std::string();
  }
  ACCORD_ASSIGN_OR_RETURN(const std::string id, IdOfText(kind, text, "proposed"));
  ACCORD_ASSIGN_OR_RETURN(const auto live, LiveDocuments(broker, kind));
  const auto same = std::find_if(live.begin(), live.end(), [&](const PolicyDocument& document) { return document.id() == id; });
  if (same == live.end()) return fmt::format("No {} of this id is in force. The text:\n{}\n", KindWords(kind), console::Printable(text));
  ACCORD_ASSIGN_OR_RETURN(const auto lines, DiffTexts(kind, same->text(), same->version(), text, "proposed"));
  if (lines.empty()) return fmt::format("It says what {} says, which is in force.\n", same->version());
  std::string difference = fmt::format("Against {}, which is in force:\n", same->version());
  for (const std::string& line : lines) difference += fmt::format("  {}\n", console::Printable(line));
  return difference;
}

}  // namespace accord::accordctl

#include "services/broker/policy/policy_documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <optional>
#include <tuple>
#include <utility>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/policy/case_text.h"
#include "common/policy/clock_text.h"
#include "common/policy/policy_text.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

// A stored row of any kind.
struct Row {
  std::string version, text;
  int64_t approved_at_ms = 0;
  bool replaced = false;
};

absl::Status Corrupt(std::string_view what) { return Error(Reason::kStoreCorrupt, what); }

std::string KeyOf(PolicyKind kind, std::string_view version) {
  switch (kind) {
    case PolicyKind::kAgreement: return AgreementKey(version);
    case PolicyKind::kSchedule: return EmergencyKey(version);
    case PolicyKind::kClocks: return ClocksKey(version);
    case PolicyKind::kCases: return CasesKey(version);
    case PolicyKind::kRegister: break;
  }
  return LawKey(version);
}

absl::StatusOr<Row> ReadRow(PolicyKind kind, std::string_view version, std::string_view bytes) {
  storage::v1::StoredAgreement agreement;
  storage::v1::StoredPolicyText other;
  const auto size = static_cast<int>(bytes.size());
  Row row{.version = std::string(version)};
  if (kind == PolicyKind::kAgreement ? !agreement.ParseFromArray(bytes.data(), size) : !other.ParseFromArray(bytes.data(), size)) {
    return Corrupt(fmt::format("the policy text of version {} does not parse", version));
  }
  row.text = kind == PolicyKind::kAgreement ? agreement.text() : other.text();
  row.approved_at_ms = kind == PolicyKind::kAgreement ? agreement.in_force_ms() : other.approved_at_ms();
  // Where no effective-from is kept, each approval ended the agreement before it.
  row.replaced = kind == PolicyKind::kAgreement && agreement.effective_from_ms() == 0;
  return row;
}

// All rows of a kind, in the order of approval.
absl::StatusOr<std::vector<Row>> ReadRows(const storage::Store& store, PolicyKind kind) {
  std::vector<Row> rows;
  absl::Status status;
  const std::string prefix = KeyOf(kind, "");
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyPolicy, storage::Prefix(prefix), [&](std::string_view key, std::string_view bytes) {
    auto row = ReadRow(kind, key.substr(prefix.size()), bytes);
    status = row.status();
    if (status.ok()) rows.push_back(*std::move(row));
    return status.ok();
  }));
  ACCORD_RETURN_IF_ERROR(status);
  std::sort(rows.begin(), rows.end(),
            [](const Row& a, const Row& b) { return std::tie(a.approved_at_ms, a.version) < std::tie(b.approved_at_ms, b.version); });
  return rows;
}

// Marks the one agreement that was in force when each ended the one before.
absl::Status FindCurrent(const storage::Store& store, std::vector<Row>& rows) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, store.Get(kFamilyPolicy, kAgreementCurrentKey));
  if (!bytes.has_value()) return absl::OkStatus();
  storage::v1::StoredAgreement current;
  if (!current.ParseFromString(*bytes)) return Corrupt("the agreement in force does not parse");
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.version == current.version(); });
  if (found != rows.end()) {
    found->replaced = false;
  } else {
    rows.insert(rows.begin(), {.version = current.version(), .text = current.text(), .approved_at_ms = current.in_force_ms()});
  }
  return absl::OkStatus();
}

absl::Status NotOneAnyMore(const Row& row, const absl::Status& why) {
  return Corrupt(fmt::format("the policy text of version {} is not one any more: {}", row.version, FromAbsl(why.message())));
}

absl::Status LoadAgreements(const storage::Store& store, PolicyDocuments& documents) {
  ACCORD_ASSIGN_OR_RETURN(std::vector<Row> rows, ReadRows(store, PolicyKind::kAgreement));
  ACCORD_RETURN_IF_ERROR(FindCurrent(store, rows));
  for (const Row& row : rows) {
    PolicyDocument document{.kind = PolicyKind::kAgreement, .version = row.version, .approved_at_ms = row.approved_at_ms, .replaced = row.replaced};
    auto agreement = policy::ParseAgreement(row.text);
    if (agreement.ok()) {
      document.id = agreement->id;
      document.effective_from = agreement->effective_from;
      document.expires = agreement->expires;
      if (!row.replaced) documents.agreements.push_back(*std::move(agreement));
    } else if (!row.replaced) {
      return NotOneAnyMore(row, agreement.status());
    }
    documents.all.push_back(std::move(document));
  }
  return absl::OkStatus();
}

// Schedules, registers, clock rules and case rules: of each kind there is one in force, first of all the one that the program is built with. What
// older programs were built with is known before it.
template <typename Document, typename Parse>
absl::Status LoadOthers(const storage::Store& store, PolicyKind kind, Document built_in, Parse parse, std::vector<Document>& list,
                        PolicyDocuments& documents) {
  documents.all.push_back({.kind = kind, .version = built_in.version});
  for (const Document& older : list) documents.all.push_back({.kind = kind, .version = older.version});
  list.push_back(std::move(built_in));
  ACCORD_ASSIGN_OR_RETURN(const std::vector<Row> rows, ReadRows(store, kind));
  for (const Row& row : rows) {
    auto document = parse(row.text);
    if (!document.ok()) return NotOneAnyMore(row, document.status());
    documents.all.push_back(
        {.kind = kind, .version = row.version, .effective_from = document->effective_from, .approved_at_ms = row.approved_at_ms});
    list.push_back(*std::move(document));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PolicyDocuments> LoadPolicyDocuments(const storage::Store& store) {
  PolicyDocuments documents;
  ACCORD_RETURN_IF_ERROR(LoadAgreements(store, documents));
  ACCORD_RETURN_IF_ERROR(LoadOthers(
      store, PolicyKind::kSchedule, referral::EmergencySchedule(), [](const std::string& text) { return policy::ParseSchedule(text); },
      documents.schedules, documents));
  ACCORD_RETURN_IF_ERROR(LoadOthers(
      store, PolicyKind::kRegister, referral::DefaultLegalRegister(), [](const std::string& text) { return policy::ParseRegister(text); },
      documents.laws, documents));
  documents.clocks = referral::BuiltInClockRules();
  documents.clocks.pop_back();  // The last is the newest.
  ACCORD_RETURN_IF_ERROR(LoadOthers(
      store, PolicyKind::kClocks, referral::DefaultClockRules(), [](const std::string& text) { return policy::ParseClockRules(text); },
      documents.clocks, documents));
  ACCORD_RETURN_IF_ERROR(LoadOthers(
      store, PolicyKind::kCases, referral::DefaultCaseRules(), [](const std::string& text) { return policy::ParseCaseRules(text); },
      documents.cases, documents));
  std::stable_sort(documents.all.begin(), documents.all.end(),
                   [](const PolicyDocument& a, const PolicyDocument& b) { return a.approved_at_ms > b.approved_at_ms; });
  return documents;
}

DocumentsAt ApprovedBy(PolicyDocuments documents, absl::Time at) {
  std::set<std::pair<PolicyKind, std::string>> later;
  for (const PolicyDocument& document : documents.all) {
    if (document.approved_at_ms > absl::ToUnixMillis(at)) later.emplace(document.kind, document.version);
  }
  const auto keep_earlier = [&](PolicyKind kind, auto& list) {
    std::erase_if(list, [&](const auto& document) { return later.contains({kind, document.version}); });
  };
  std::erase_if(documents.all, [&](const PolicyDocument& document) { return later.contains({document.kind, document.version}); });
  keep_earlier(PolicyKind::kAgreement, documents.agreements);
  keep_earlier(PolicyKind::kSchedule, documents.schedules);
  keep_earlier(PolicyKind::kRegister, documents.laws);
  keep_earlier(PolicyKind::kClocks, documents.clocks);
  keep_earlier(PolicyKind::kCases, documents.cases);
  referral::PolicySources sources;
  sources.agreements = std::move(documents.agreements);
  sources.schedules = std::move(documents.schedules);
  sources.laws = std::move(documents.laws);
  sources.clocks = std::move(documents.clocks);
  sources.cases = std::move(documents.cases);
  return {std::move(documents.all), referral::CompiledPolicy(std::move(sources))};
}

absl::StatusOr<std::string> PolicyText(const storage::Store& store, PolicyKind kind, std::string_view version) {
  ACCORD_ASSIGN_OR_RETURN(auto bytes, store.Get(kFamilyPolicy, KeyOf(kind, version)));
  if (bytes.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(Row row, ReadRow(kind, version, *bytes));
    return std::move(row.text);
  }
  const referral::EmergencySchedule schedule;
  const referral::LegalRegister law = referral::DefaultLegalRegister();
  if (kind == PolicyKind::kSchedule && version == schedule.version) return policy::ScheduleText(schedule);
  if (kind == PolicyKind::kRegister && version == law.version) return policy::RegisterText(law);
  for (const referral::ClockRules& clocks : referral::BuiltInClockRules()) {
    if (kind == PolicyKind::kClocks && version == clocks.version) return policy::ClockRulesText(clocks);
  }
  const referral::CaseRules cases = referral::DefaultCaseRules();
  if (kind == PolicyKind::kCases && version == cases.version) return policy::CaseRulesText(cases);
  return Error(Reason::kPolicyDocumentNotFound, "no such version is kept");
}

bool IsLive(const PolicyDocument& document, const referral::CompiledPolicy& policy, absl::Time now) {
  switch (document.kind) {
    case PolicyKind::kSchedule: return policy.Schedule(now).version == document.version;
    case PolicyKind::kRegister: return policy.Law(now).version == document.version;
    case PolicyKind::kClocks: return policy.Clocks(now).version == document.version;
    case PolicyKind::kCases: return policy.CaseRules(now).version == document.version;
    case PolicyKind::kAgreement: break;
  }
  const auto live = policy.LiveAgreements(now);
  return std::any_of(live.begin(), live.end(), [&](const referral::Agreement* agreement) {
    return agreement->version == document.version && agreement->id == document.id;
  });
}

}  // namespace accord::broker

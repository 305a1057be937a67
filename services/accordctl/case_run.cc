#include "services/accordctl/case_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/policy/policy_text.h"
#include "common/policy/reading.h"
#include "services/accordctl/policy_client.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using namespace admin::v1;  // NOLINT: kinds of documents.

absl::Status TakeAgencies(const Endpoint& broker, referral::PolicySources& sources) {
  ListAgenciesRequest request;
  request.set_page_size(kPageRowsMax);
  do {
    ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(broker, &DirectoryService::Stub::ListAgencies, request));
    for (const Agency& row : page.agencies()) {
      referral::PolicyAgency& agency = sources.agencies[row.id()];
      agency.kind = row.kind();
      agency.active = row.active();
      agency.has_confidential_desk = !row.confidential_sealing_certificate().empty();
      agency.areas.insert(row.areas().begin(), row.areas().end());
      agency.specialisms.insert(row.specialisms().begin(), row.specialisms().end());
      agency.works_with_perpetrators = row.works_with_perpetrators();
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && sources.agencies.size() < static_cast<size_t>(kRowsMax));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<referral::PolicySources> LiveSources(const Endpoint& broker) {
  referral::PolicySources sources;
  ACCORD_ASSIGN_OR_RETURN(const auto documents, LiveDocuments(broker, POLICY_DOCUMENT_KIND_UNSPECIFIED));
  for (const PolicyDocument& document : documents) {
    const std::string& version = document.version();
    switch (document.kind()) {
      case POLICY_DOCUMENT_KIND_AGREEMENT: {
        ACCORD_ASSIGN_OR_RETURN(sources.agreements.emplace_back(), policy::ParseAgreement(document.text(), version));
        break;
      }
      case POLICY_DOCUMENT_KIND_EMERGENCY_SCHEDULE: {
        ACCORD_ASSIGN_OR_RETURN(sources.schedules.emplace_back(), policy::ParseSchedule(document.text(), version));
        break;
      }
      case POLICY_DOCUMENT_KIND_LEGAL_REGISTER: {
        ACCORD_ASSIGN_OR_RETURN(sources.laws.emplace_back(), policy::ParseRegister(document.text(), version));
        break;
      }
      default: break;  // A kind that this version does not know decides nothing here.
    }
  }
  ACCORD_RETURN_IF_ERROR(TakeAgencies(broker, sources));
  ACCORD_ASSIGN_OR_RETURN(const auto forums, ListForums(broker));
  for (const Forum& forum : forums) {
    if (forum.active()) sources.forums[forum.id()].members.insert(forum.members().begin(), forum.members().end());
  }
  return sources;
}

size_t CaseRun::failed() const {
  return static_cast<size_t>(std::count_if(results.begin(), results.end(), [](const policy::CaseResult& result) { return !result.passed; }));
}

nlohmann::json CaseRun::ToJson() const {
  nlohmann::json rows = nlohmann::json::array();
  for (const policy::CaseResult& result : results) {
    rows.push_back({{"case", result.name},
                    {"category", type::v1::Category_Name(result.category)},
                    {"passed", result.passed},
                    {"expected", result.expected},
                    {"got", result.got},
                    {"reason", result.reason},
                    {"whatWouldChangeIt", result.what_would_change_it}});
  }
  return {{"results", rows}, {"failed", failed()}, {"atMs", absl::ToUnixMillis(at)}};
}

std::string CaseRun::ToText(size_t width) const {
  console::Table table({"", "case", "section", "expected", "got"});
  for (const policy::CaseResult& result : results) {
    table.Add({result.passed ? "ok" : "FAILS", result.name, console::Words(result.category), result.expected, result.got});
  }
  std::string text = table.ToString(width);
  for (const policy::CaseResult& result : results) {
    if (result.passed) continue;
    auto facts = console::Table::Facts();
    facts.Add({"FAILS", fmt::format("{}: {}", result.name, console::Words(result.category))});
    facts.Add({"expected", result.expected});
    facts.Add({"got", result.got});
    facts.Add({"why", result.reason});
    if (!result.what_would_change_it.empty()) facts.Add({"would change it", fmt::format("{}", fmt::join(result.what_would_change_it, "\n"))});
    text += "\n" + facts.ToString(width);
  }
  return text + fmt::format("\n{} of {} as expected, decided as at {}.\n", results.size() - failed(), results.size(), policy::TimeText(at));
}

CaseRun RunProposed(const ProposedTexts& proposed, referral::PolicySources live, absl::Time now) {
  absl::Time at = now;
  for (const referral::Agreement& agreement : proposed.agreements) {
    std::erase_if(live.agreements, [&](const referral::Agreement& other) { return other.id == agreement.id; });
    at = std::max(at, agreement.effective_from);
  }
  live.agreements.insert(live.agreements.end(), proposed.agreements.begin(), proposed.agreements.end());
  if (proposed.schedule.has_value()) {
    live.schedules = {*proposed.schedule};
    at = std::max(at, proposed.schedule->effective_from);
  }
  if (proposed.law.has_value()) {
    live.laws = {*proposed.law};
    at = std::max(at, proposed.law->effective_from);
  }
  CaseRun run{.results = {}, .at = proposed.at.value_or(at)};
  run.results = policy::RunCases(referral::CompiledPolicy(std::move(live)), proposed.table, run.at);
  return run;
}

}  // namespace accord::accordctl

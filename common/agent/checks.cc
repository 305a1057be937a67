#include "common/agent/checks.h"

#include <algorithm>

namespace accord::agent {
namespace {

using agency::v1::CheckRow;
using storage::v1::StoredSubmission;

// The newest answer of each agency.
std::map<std::string, agency::v1::ReceivedStatement> Answers(const StoredSubmission& submission) {
  std::map<std::string, agency::v1::ReceivedStatement> newest;
  for (const auto& statement : submission.statements()) {
    if (statement.kind() == type::v1::STATEMENT_KIND_CHECK_ANSWERED) newest[statement.agency()] = statement;
  }
  return newest;
}

// One row for each that was asked, by id.
std::map<std::string, CheckRow> Rows(const StoredSubmission& submission) {
  std::map<std::string, CheckRow> rows;
  for (const auto& recipient : submission.recipients()) {
    CheckRow& row = rows[recipient.agency()];
    row.set_answer(recipient.check_answer());
    row.set_state(recipient.state());
    row.set_due_at_ms(recipient.response_due_ms());
  }
  if (rows.empty()) {
    for (const std::string& agency : submission.draft().recipients()) rows[agency];
  }
  for (const auto& [agency, statement] : Answers(submission)) {
    CheckRow& row = rows[agency];
    row.set_answer(statement.check_answer());
    row.set_withheld_reason(statement.check_withheld_reason());
    row.set_answered_at_ms(statement.acted_at_ms());
    row.clear_due_at_ms();
  }
  for (auto& [agency, row] : rows) row.set_agency(agency);
  return rows;
}

bool HasAnswered(const CheckRow& row) { return row.answer() != type::v1::CHECK_ANSWER_UNSPECIFIED; }

int64_t EarliestDue(const std::map<std::string, CheckRow>& rows) {
  int64_t due_ms = 0;
  for (const auto& [agency, row] : rows) {
    if (HasAnswered(row) || row.due_at_ms() == 0) continue;
    due_ms = due_ms == 0 ? row.due_at_ms() : std::min<int64_t>(due_ms, row.due_at_ms());
  }
  return due_ms;
}

}  // namespace

agency::v1::GetChecksResponse MakeChecks(const StoredSubmission& submission, const ChecksResponses& responses, absl::Time now) {
  agency::v1::GetChecksResponse response;
  auto rows = Rows(submission);
  response.set_due_at_ms(EarliestDue(rows));
  response.set_due(response.due_at_ms() != 0 && absl::FromUnixMillis(response.due_at_ms()) <= now);
  response.set_grade(submission.has_regraded() ? submission.regraded().grade() : submission.draft().core().risk().grade());
  for (auto& [agency, row] : rows) {
    if (HasAnswered(row)) response.set_answered(response.answered() + 1);
    if (const auto sent = responses.find(agency); sent != responses.end()) row.mutable_responses()->Assign(sent->second.begin(), sent->second.end());
    *response.add_rows() = std::move(row);
  }
  return response;
}

ChecksState StateOfChecks(const StoredSubmission& submission) {
  ChecksState state;
  const auto rows = Rows(submission);
  state.due_ms = EarliestDue(rows);
  for (const auto& [agency, row] : rows) (HasAnswered(row) ? state.answered : state.lacking).push_back(agency);
  return state;
}

}  // namespace accord::agent

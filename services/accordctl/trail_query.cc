#include "services/accordctl/trail_query.h"

#include <fmt/format.h>

#include <utility>

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/base/status.h"
#include "services/accordctl/log_client.h"
#include "services/accordctl/progress.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

constexpr int kTrailPages = 20'000;  // A page may be empty and yet not be the last.

}  // namespace

absl::StatusOr<TrailAnswer> QueryTrail(const Endpoint& broker, inspection::v1::QueryTrailRequest request, const std::string& origin) {
  TrailAnswer answer;
  request.set_page_size(kPageRowsMax);
  for (int page = 0; page < kTrailPages; ++page) {
    ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &inspection::v1::TrailService::Stub::QueryTrail, request));
    for (const auto& row : response.rows()) {
      ACCORD_ASSIGN_OR_RETURN(CheckedRow checked, CheckRow(row, origin));
      if (answer.rows.size() == kTrailRowsMax)
        return Error(Reason::kQueueFull, fmt::format("the trail has more than {} entries", kTrailRowsMax));
      answer.rows.push_back(std::move(checked));
      answer.json.push_back(ToJson(row));
    }
    answer.completeness = response.completeness();
    answer.query_index = response.query_index();
    answer.cases.assign(response.case_pseudonyms().begin(), response.case_pseudonyms().end());
    request.set_page_token(response.next_page_token());
    if (request.page_token().empty()) return answer;
  }
  return Error(Reason::kQueueFull, fmt::format("the trail has more than {} pages", kTrailPages));
}

absl::Status ProveRows(const Endpoint& broker, const ledger::Vkey& log, const std::vector<CheckedRow>& rows) {
  Progress progress("entries proved");
  uint64_t proved = 0;
  for (const CheckedRow& row : rows) {
    ACCORD_ASSIGN_OR_RETURN(const CheckedReceipt receipt, ReceiptOf(broker, log, row.index));
    if (receipt.verified.leaf_bytes != row.leaf_bytes) {
      return Error(Reason::kReceiptInvalid,
                   fmt::format("entry {}: the log has another leaf there than the trail shows", row.index));
    }
    progress.Tell(++proved, rows.size());
  }
  return absl::OkStatus();
}

}  // namespace accord::accordctl

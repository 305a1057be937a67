#include "services/accordctl/trail_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/base/status.h"
#include "services/accordctl/log_client.h"
#include "services/accordctl/progress.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using inspection::v1::QueryTrailRequest;

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

absl::StatusOr<AskedQuery> BeforeAskingTrail(const Endpoint& broker, const ledger::Vkey& log, const QueryTrailRequest& request) {
  ACCORD_ASSIGN_OR_RETURN(AskedQuery asked, BeforeAsking(broker, log, type::v1::EVENT_TYPE_TRAIL_QUERIED, request));
  asked.digest.clear();
  return asked;
}

absl::Status CheckAnswer(const TrailAnswer& answer, const QueryTrailRequest& request, const AskedQuery& asked) {
  if (answer.rows.empty() || answer.rows.back().index != answer.query_index) {
    return Error(Reason::kReceiptInvalid, "the answer ends without the record of this question, which is its last row");
  }
  const CheckedRow& own = answer.rows.back();
  ACCORD_RETURN_IF_ERROR(CheckQueryEntry(own.index, own.leaf, own.event, own.actor, asked));
  const std::string about = own.referral.has_value() ? own.referral->header_digest() : "";
  const auto& chains = own.leaf.chains;
  const bool on_chain = request.case_pseudonym().empty() ||
                        std::any_of(chains.begin(), chains.end(), [&](const ledger::Chain& chain) { return chain.pseudonym == request.case_pseudonym(); });
  if (about == request.referral() && on_chain) return absl::OkStatus();
  return Error(Reason::kReceiptInvalid, fmt::format("entry {} is the record of a question about something else", own.index));
}

absl::StatusOr<ledger::Checkpoint> ProveInOneLog(const Endpoint& broker, const ledger::Vkey& log, std::span<const CheckedRow> rows,
                                                 const ledger::Checkpoint& before) {
  std::map<uint64_t, ledger::Checkpoint> trees = {{before.size, before}};  // A log that grows meanwhile signs several.
  Progress progress("entries proved");
  uint64_t proved = 0;
  for (const CheckedRow& row : rows) {
    ACCORD_ASSIGN_OR_RETURN(const CheckedReceipt receipt, ReceiptOf(broker, log, row.index));
    if (receipt.verified.leaf_bytes != row.leaf_bytes) {
      return Error(Reason::kReceiptInvalid, fmt::format("entry {}: the log has another leaf there than the trail shows", row.index));
    }
    const ledger::Checkpoint& tree = receipt.verified.checkpoint;
    ACCORD_RETURN_IF_ERROR(ProveOneLog(broker, trees.try_emplace(tree.size, tree).first->second, tree));
    progress.Tell(++proved, rows.size());
  }
  const ledger::Checkpoint& last = trees.rbegin()->second;
  for (const auto& [size, tree] : trees) ACCORD_RETURN_IF_ERROR(ProveOneLog(broker, tree, last));
  return last;
}

std::span<const CheckedRow> ToProve(const std::vector<CheckedRow>& rows, bool all) { return std::span(rows).last(all ? rows.size() : 1); }

}  // namespace accord::accordctl

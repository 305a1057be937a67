// One question about a trail: all its rows, each believed only as far as its leaf proves it.
#pragma once

#include <absl/status/statusor.h>

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accord/inspection/v1/trail_service.pb.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/note.h"
#include "services/accordctl/query_proof.h"
#include "services/accordctl/session.h"
#include "services/accordctl/trail_rows.h"

namespace accord::accordctl {

inline constexpr size_t kTrailRowsMax = 50'000;
inline constexpr size_t kProofsAtOnceMax = 2'000;  // More rows are proved only when asked for.
// What is said of an answer of whose leaves no more was proved than the question's own.
inline constexpr std::string_view kQuestionAloneProved = "of the leaves, that of this very question alone was proved to be in the log (--proofs)";

// All pages of one query.
struct TrailAnswer {
  std::vector<CheckedRow> rows;
  nlohmann::json json = nlohmann::json::array();
  std::string completeness;
  uint64_t query_index = 0;
  std::vector<std::string> cases;  // Pseudonyms.
};

// Asks, which is itself recorded. Errors of the broker and of CheckRow; QUEUE_FULL beyond kTrailRowsMax.
absl::StatusOr<TrailAnswer> QueryTrail(const Endpoint& broker, inspection::v1::QueryTrailRequest request, const std::string& origin);

// BeforeAsking of the trail of one thing: what it is of is said by its chain, so its entry has no digest of the request.
absl::StatusOr<AskedQuery> BeforeAskingTrail(const Endpoint& broker, const ledger::Vkey& log, const inspection::v1::QueryTrailRequest& request);
// OK when the answer ends with the record of this very question: made since, by who asked, about that referral or on that case's chain. Otherwise it may be an
// older answer, which lacks what came after it. RECEIPT_INVALID. Pure. Thread-safe.
absl::Status CheckAnswer(const TrailAnswer& answer, const inspection::v1::QueryTrailRequest& request, const AskedQuery& asked);

// OK when one log, which `log` signs and which extends that of `before`, has every row's leaf at its index: its newest checkpoint. RECEIPT_INVALID; LOG_FORKED.
absl::StatusOr<ledger::Checkpoint> ProveInOneLog(const Endpoint& broker, const ledger::Vkey& log, std::span<const CheckedRow> rows,
                                                 const ledger::Checkpoint& before);
// Of an answer that was read to its end: of all rows or, for whom the others need no proof, of the last alone, which is the question's own.
std::span<const CheckedRow> ToProve(const std::vector<CheckedRow>& rows, bool all);

}  // namespace accord::accordctl

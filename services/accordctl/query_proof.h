// That a question is on the record: the entry that the broker names for it, proved to be in the log and to be of that question.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "accord/type/v1/entry.pb.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/leaf.h"
#include "common/ledger/note.h"
#include "services/accordctl/log_client.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// By how much the clocks of broker and caller may differ: an entry that is older than this before the question is that of another one.
inline constexpr absl::Duration kClockSkewMax = absl::Minutes(5);

// What the entry of a question must say, and after what it must come.
struct AskedQuery {
  type::v1::EventType type = type::v1::EVENT_TYPE_UNSPECIFIED;
  std::string digest;         // Its `query_digest`.
  std::string principal;      // Who asked, such as `admin/alice`.
  ledger::Checkpoint before;  // The log's before the question: an older entry is that of another one, be it word for word the same.
  absl::Time time;            // When it was asked, by the caller's clock: for a broker that shows an old checkpoint.
};

// Where that is proved.
struct QueryProof {
  std::string origin;
  uint64_t query_index = 0;
  uint64_t checkpoint_size = 0;
  std::string root;  // Hex.
};

// Before `request`, which has no page yet, is asked. Blocks on the newest checkpoint; its errors.
absl::StatusOr<AskedQuery> BeforeAsking(const Endpoint& broker, const ledger::Vkey& log, type::v1::EventType type, const google::protobuf::Message& request);

// OK when the entry at `index` can be that of the question. RECEIPT_INVALID. Pure. Thread-safe.
absl::Status CheckQueryIndex(uint64_t index, const AskedQuery& asked);
// And when it was made then, and says that this very caller asked this very request: what a broker does not open it cannot show to be on the record.
// RECEIPT_INVALID. Pure. Thread-safe.
absl::Status CheckQueryEntry(uint64_t index, const ledger::Leaf& leaf, const std::optional<type::v1::EntryEvent>& event,
                             const std::optional<type::v1::EntryActor>& actor, const AskedQuery& asked);
// The same of a receipt. Pure. Thread-safe.
absl::StatusOr<QueryProof> CheckQuery(const CheckedReceipt& receipt, const AskedQuery& asked);

// Of entry `index`, which was proved to be in `tree`. Pure. Thread-safe.
QueryProof ProofIn(const ledger::Checkpoint& tree, uint64_t index);

// Fetches the receipt of entry `index` and judges it; and that the log it is in is the one of `seen`: of before it was asked, or in which what was answered was
// proved. Errors of ReceiptOf and of CheckQuery; LOG_FORKED.
absl::StatusOr<QueryProof> ProveQuery(const Endpoint& broker, const ledger::Vkey& log, uint64_t index, const AskedQuery& asked, const ledger::Checkpoint& seen);

// "Entry 90, the record of this question, is proved to be in the log of 93 entries with root …, which … signs." Pure. Thread-safe.
std::string QueryProofText(const QueryProof& proof);
// `origin`, `queryIndex`, `checkpointSize`, `root`. Pure. Thread-safe.
nlohmann::json QueryProofJson(const QueryProof& proof);

}  // namespace accord::accordctl

// That a question is on the record: the entry that the broker names for it, proved to be in the log and to be of that question.
#pragma once

#include <absl/status/statusor.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "accord/type/v1/entry.pb.h"
#include "common/ledger/note.h"
#include "services/accordctl/log_client.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// What the entry of a question must say, and after what it must come.
struct AskedQuery {
  type::v1::EventType type = type::v1::EVENT_TYPE_UNSPECIFIED;
  std::string digest;     // Its `query_digest`.
  uint64_t log_size = 0;  // The log's before the question: an older entry is that of another one, be it word for word the same.
};

// Where that is proved.
struct QueryProof {
  std::string origin;
  uint64_t query_index = 0;
  uint64_t checkpoint_size = 0;
  std::string root;      // Hex.
  bool opened = false;   // What the entry says was seen, and is this question. False when the broker did not open it.
};

// Before `request`, which has no page yet, is asked. Blocks on the newest checkpoint; its errors.
absl::StatusOr<AskedQuery> BeforeAsking(const Endpoint& broker, const ledger::Vkey& log, type::v1::EventType type, const google::protobuf::Message& request);

// OK when the entry at `index` can be that of the question, and what it says, unless `event` is null, is of it. RECEIPT_INVALID. Pure. Thread-safe.
absl::Status CheckQueryEntry(uint64_t index, const type::v1::EntryEvent* event, const AskedQuery& asked);
// The same of a receipt, whose openings may be withheld but not be another question's. Pure. Thread-safe.
absl::StatusOr<QueryProof> CheckQuery(const CheckedReceipt& receipt, const AskedQuery& asked);

// Fetches the receipt of entry `index` and judges it. Errors of ReceiptOf and of CheckQuery.
absl::StatusOr<QueryProof> ProveQuery(const Endpoint& broker, const ledger::Vkey& log, uint64_t index, const AskedQuery& asked);

// "Entry 90, the record of this question, is in the log of 93 entries with root …, which … signs; it opens to this question." Pure. Thread-safe.
std::string QueryProofText(const QueryProof& proof);
// `origin`, `queryIndex`, `checkpointSize`, `root`, `questionOpened`. Pure. Thread-safe.
nlohmann::json QueryProofJson(const QueryProof& proof);

}  // namespace accord::accordctl

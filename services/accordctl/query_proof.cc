#include "services/accordctl/query_proof.h"

#include <fmt/format.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"

namespace accord::accordctl {
namespace {

absl::Status NotTheQuestion(uint64_t index, std::string_view why) {
  return Error(Reason::kReceiptInvalid, fmt::format("entry {} is not the record of this question: {}", index, why), {{"index", std::to_string(index)}});
}

}  // namespace

absl::StatusOr<AskedQuery> BeforeAsking(const Endpoint& broker, const ledger::Vkey& log, type::v1::EventType type, const google::protobuf::Message& request) {
  ACCORD_ASSIGN_OR_RETURN(const SignedCheckpoint newest, NewestCheckpoint(broker, log));
  return AskedQuery{.type = type, .digest = crypto::Sha256(request.SerializeAsString()), .log_size = newest.checkpoint.size};
}

absl::Status CheckQueryEntry(uint64_t index, const type::v1::EntryEvent* event, const AskedQuery& asked) {
  if (index < asked.log_size) return NotTheQuestion(index, fmt::format("the log had {} entries before it was asked", asked.log_size));
  if (event == nullptr) return absl::OkStatus();
  if (event->type() != asked.type) return NotTheQuestion(index, "it says that something else happened");
  if (event->query_digest() != asked.digest) return NotTheQuestion(index, "it is of another request");
  return absl::OkStatus();
}

absl::StatusOr<QueryProof> CheckQuery(const CheckedReceipt& receipt, const AskedQuery& asked) {
  const ledger::VerifiedReceipt& verified = receipt.verified;
  ACCORD_RETURN_IF_ERROR(CheckQueryEntry(verified.index, nullptr, asked));
  QueryProof proof{.origin = verified.checkpoint.origin,
                   .query_index = verified.index,
                   .checkpoint_size = verified.checkpoint.size,
                   .root = ToHex(ledger::View(verified.checkpoint.root))};
  for (const type::v1::Opening& opening : receipt.receipt.openings()) {
    if (opening.label() != "event") continue;
    type::v1::EntryEvent event;
    if (!event.ParseFromString(opening.content())) return NotTheQuestion(verified.index, "what it says is no event");
    ACCORD_RETURN_IF_ERROR(CheckQueryEntry(verified.index, &event, asked));
    proof.opened = true;
  }
  return proof;
}

absl::StatusOr<QueryProof> ProveQuery(const Endpoint& broker, const ledger::Vkey& log, uint64_t index, const AskedQuery& asked) {
  ACCORD_ASSIGN_OR_RETURN(const CheckedReceipt receipt, ReceiptOf(broker, log, index));
  return CheckQuery(receipt, asked);
}

std::string QueryProofText(const QueryProof& proof) {
  return fmt::format("Entry {}, the record of this question, was proved to be in the log of {} entries with root {}, which the key of {} signs; {}.", proof.query_index,
                     proof.checkpoint_size, proof.root, proof.origin,
                     proof.opened ? "it was opened, and is of this very request"
                                  : "it is newer than the question, and what it says was not opened to this caller");
}

nlohmann::json QueryProofJson(const QueryProof& proof) {
  return {{"origin", proof.origin},
          {"queryIndex", proof.query_index},
          {"checkpointSize", proof.checkpoint_size},
          {"root", proof.root},
          {"questionOpened", proof.opened}};
}

}  // namespace accord::accordctl

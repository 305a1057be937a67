#include "services/accordctl/query_proof.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/merkle.h"

namespace accord::accordctl {
namespace {

absl::Status NotTheQuestion(uint64_t index, std::string_view why) {
  return Error(Reason::kReceiptInvalid, fmt::format("entry {} is not the record of this question: {}", index, why), {{"index", std::to_string(index)}});
}

}  // namespace

absl::StatusOr<AskedQuery> BeforeAsking(const Endpoint& broker, const ledger::Vkey& log, type::v1::EventType type, const google::protobuf::Message& request) {
  ACCORD_ASSIGN_OR_RETURN(SignedCheckpoint newest, NewestCheckpoint(broker, log));
  return AskedQuery{.type = type,
                    .digest = crypto::Sha256(request.SerializeAsString()),
                    .principal = broker.principal,
                    .before = std::move(newest.checkpoint),
                    .time = SystemClock().Now()};
}

absl::Status CheckQueryIndex(uint64_t index, const AskedQuery& asked) {
  if (index >= asked.before.size) return absl::OkStatus();
  return NotTheQuestion(index, fmt::format("the log had {} entries before it was asked", asked.before.size));
}

absl::Status CheckQueryEntry(uint64_t index, const ledger::Leaf& leaf, const std::optional<type::v1::EntryEvent>& event,
                             const std::optional<type::v1::EntryActor>& actor, const AskedQuery& asked) {
  ACCORD_RETURN_IF_ERROR(CheckQueryIndex(index, asked));
  if (absl::FromUnixMillis(static_cast<int64_t>(leaf.time_ms)) + kClockSkewMax < asked.time) {
    return NotTheQuestion(index, "it was made before the question was asked, or the clock of this computer is wrong");
  }
  if (!event.has_value() || !actor.has_value()) return NotTheQuestion(index, "what it says was not opened to who asked");
  if (event->type() != asked.type) return NotTheQuestion(index, "it says that something else happened");
  if (event->query_digest() != asked.digest) return NotTheQuestion(index, "it is of another request");
  const std::string& principal = actor->principal();
  if (principal != asked.principal && !principal.starts_with(asked.principal + "/")) return NotTheQuestion(index, "somebody else asked it");
  return absl::OkStatus();
}

absl::StatusOr<QueryProof> CheckQuery(const CheckedReceipt& receipt, const AskedQuery& asked) {
  const ledger::VerifiedReceipt& verified = receipt.verified;
  std::optional<type::v1::EntryEvent> event;
  std::optional<type::v1::EntryActor> actor;
  for (const type::v1::Opening& opening : receipt.receipt.openings()) {
    const bool parses = opening.label() == "event"   ? event.emplace().ParseFromString(opening.content())
                        : opening.label() == "actor" ? actor.emplace().ParseFromString(opening.content())
                                                     : true;
    if (!parses) return NotTheQuestion(verified.index, "what it says does not parse");
  }
  ACCORD_RETURN_IF_ERROR(CheckQueryEntry(verified.index, verified.leaf, event, actor, asked));
  return ProofIn(verified.checkpoint, verified.index);
}

QueryProof ProofIn(const ledger::Checkpoint& tree, uint64_t index) {
  return {.origin = tree.origin, .query_index = index, .checkpoint_size = tree.size, .root = ToHex(ledger::View(tree.root))};
}

absl::StatusOr<QueryProof> ProveQuery(const Endpoint& broker, const ledger::Vkey& log, uint64_t index, const AskedQuery& asked, const ledger::Checkpoint& seen) {
  ACCORD_ASSIGN_OR_RETURN(const CheckedReceipt receipt, ReceiptOf(broker, log, index));
  ACCORD_ASSIGN_OR_RETURN(const QueryProof proof, CheckQuery(receipt, asked));
  ACCORD_RETURN_IF_ERROR(ProveOneLog(broker, seen, receipt.verified.checkpoint));
  return proof;
}

std::string QueryProofText(const QueryProof& proof) {
  return fmt::format("Entry {}, the record of this very question, was proved to be in the log of {} entries with root {}, which the key of {} signs.", proof.query_index,
                     proof.checkpoint_size, proof.root, proof.origin);
}

nlohmann::json QueryProofJson(const QueryProof& proof) {
  return {{"origin", proof.origin}, {"queryIndex", proof.query_index}, {"checkpointSize", proof.checkpoint_size}, {"root", proof.root}};
}

}  // namespace accord::accordctl

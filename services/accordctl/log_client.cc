#include "services/accordctl/log_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/ledger/merkle.h"
#include "common/rpc/error_mapping.h"

namespace accord::accordctl {
namespace {

using broker::v1::LedgerService;

constexpr uint64_t kEntriesACall = 65'536;
constexpr absl::Duration kStreamTimeout = absl::Minutes(5);  // For one call.
constexpr int kBreaksMax = 5;                                // In a row, without an entry between.

absl::Status InvalidAnswer(std::string_view why) { return Error(Reason::kReceiptInvalid, why); }

// One call's leaves, from `next` on, which moves with them.
absl::Status StreamOnce(const Endpoint& broker, uint64_t& next, uint64_t end, LeafSink sink) {
  LedgerService::Stub stub(broker.channel);
  grpc::ClientContext context;
  rpc::SetTimeout(context, kStreamTimeout);
  broker::v1::StreamEntriesRequest request;
  request.set_first(next);
  request.set_end(end);
  const auto reader = stub.StreamEntries(&context, request);
  broker::v1::StreamEntriesResponse response;
  absl::Status status;
  while (status.ok() && reader->Read(&response)) {
    if (response.first() != next)
      status = InvalidAnswer(fmt::format("the broker streams entry {} where {} is due", response.first(), next));
    for (const std::string& leaf : response.leaves()) {
      if (status.ok() && next == end) status = InvalidAnswer("the broker streams more entries than were asked for");
      if (status.ok()) status = sink(leaf);
      if (status.ok()) ++next;
    }
  }
  if (!status.ok()) context.TryCancel();
  const grpc::Status ended = reader->Finish();
  if (!status.ok()) return status;
  return ended.ok() ? absl::OkStatus() : Annotate(rpc::FromGrpc(ended), broker);
}

absl::StatusOr<SignedCheckpoint> FetchedCheckpoint(const Endpoint& broker, const ledger::Vkey& log,
                                            broker::v1::CheckpointChoice choice) {
  broker::v1::GetCheckpointRequest request;
  request.set_choice(choice);
  ACCORD_ASSIGN_OR_RETURN(auto response, Ask(broker, &LedgerService::Stub::GetCheckpoint, request));
  ACCORD_ASSIGN_OR_RETURN(const auto verified, ledger::VerifyCheckpoint(response.checkpoint(), log));
  return SignedCheckpoint{std::move(*response.mutable_checkpoint()), verified.checkpoint};
}

}  // namespace

absl::StatusOr<SignedCheckpoint> NewestCheckpoint(const Endpoint& broker, const ledger::Vkey& log) {
  return FetchedCheckpoint(broker, log, broker::v1::CHECKPOINT_CHOICE_UNSPECIFIED);
}

absl::StatusOr<SignedCheckpoint> PublishedCheckpoint(const Endpoint& broker, const ledger::Vkey& log) {
  return FetchedCheckpoint(broker, log, broker::v1::CHECKPOINT_CHOICE_PUBLISHED);
}

absl::StatusOr<CheckedReceipt> CheckReceipt(type::v1::Receipt receipt, const ledger::Vkey& log) {
  ACCORD_ASSIGN_OR_RETURN(ledger::VerifiedReceipt verified, ledger::VerifyReceipt(receipt.tlog_proof(), log));
  for (const auto& opening : receipt.openings()) {
    if (!ledger::LeafOpens(verified.leaf, {opening.label(), opening.salt(), opening.content()})) {
      return InvalidAnswer(fmt::format("the opening `{}` is not what entry {} commits to", opening.label(), verified.index));
    }
  }
  return CheckedReceipt{std::move(receipt), std::move(verified)};
}

absl::StatusOr<CheckedReceipt> ReceiptOf(const Endpoint& broker, const ledger::Vkey& log, uint64_t index,
                                         uint64_t published_size) {
  broker::v1::GetReceiptRequest request;
  request.set_index(index);
  if (published_size > 0) request.set_choice(broker::v1::CHECKPOINT_CHOICE_PUBLISHED);
  request.set_size(published_size);
  ACCORD_ASSIGN_OR_RETURN(auto response, Ask(broker, &LedgerService::Stub::GetReceipt, request));
  ACCORD_ASSIGN_OR_RETURN(CheckedReceipt checked, CheckReceipt(std::move(*response.mutable_receipt()), log));
  if (checked.verified.index != index)
    return InvalidAnswer(fmt::format("the receipt is of entry {}, not {}", checked.verified.index, index));
  return checked;
}

absl::Status StreamLeaves(const Endpoint& broker, uint64_t first, uint64_t end, LeafSink sink) {
  uint64_t next = first;
  for (int breaks = 0; next < end;) {
    const uint64_t before = next;
    const absl::Status status = StreamOnce(broker, next, std::min(end, next + kEntriesACall), sink);
    if (!status.ok() && !rpc::IsRetryable(status)) return status;
    if (next > before) {
      breaks = 0;
    } else if (++breaks == kBreaksMax) {
      return status.ok() ? InvalidAnswer(fmt::format("the broker streams nothing from entry {} on", next)) : status;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ledger::Path> ConsistencyPath(const Endpoint& broker, uint64_t old_size, uint64_t new_size) {
  broker::v1::ProveConsistencyRequest request;
  request.set_old_size(old_size);
  request.set_new_size(new_size);
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &LedgerService::Stub::ProveConsistency, request));
  ledger::Path path;
  for (const std::string& bytes : response.path()) {
    const auto hash = ledger::ToHash(bytes);
    if (!hash.has_value()) return InvalidAnswer("a hash of the proof is not 32 bytes long");
    path.push_back(*hash);
  }
  return path;
}

absl::Status ProveOneLog(const Endpoint& broker, const ledger::Checkpoint& one, const ledger::Checkpoint& other) {
  if (one.size == other.size) {
    return one.root == other.root ? absl::OkStatus() : Error(Reason::kLogForked, fmt::format("the broker signed two trees of {} entries", one.size));
  }
  const auto& [older, newer] = one.size <= other.size ? std::tie(one, other) : std::tie(other, one);
  ACCORD_ASSIGN_OR_RETURN(const ledger::Path path, ConsistencyPath(broker, older.size, newer.size));
  return ledger::VerifyConsistency(older.size, newer.size, older.root, newer.root, path);
}

}  // namespace accord::accordctl

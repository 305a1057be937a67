#include "common/agent/log_watch.h"

#include <fmt/format.h>

#include "common/crypto/commitment.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/leaf.h"
#include "common/ledger/tlog_proof.h"

namespace accord::agent {
namespace {

absl::Status Invalid(std::string_view why) { return Error(Reason::kReceiptInvalid, why); }

// Reads the openings of a receipt, each of which must be one of the leaf's.
absl::StatusOr<VerifiedReceipt> ReadOpenings(const ledger::VerifiedReceipt& verified, const type::v1::Receipt& receipt) {
  VerifiedReceipt result;
  result.index = verified.index;
  for (const auto& opening : receipt.openings()) {
    if (!ledger::LeafOpens(verified.leaf, {opening.label(), opening.salt(), opening.content()})) {
      return Invalid("an opening of the receipt is not one of its leaf's");
    }
    const bool parsed = opening.label() == "event"       ? result.event.ParseFromString(opening.content())
                        : opening.label() == "referral"  ? result.referral.ParseFromString(opening.content())
                        : opening.label() == "decisions" ? result.decisions.ParseFromString(opening.content())
                                                         : true;
    if (!parsed) return Invalid("an opening of the receipt does not parse");
  }
  return result;
}

absl::StatusOr<ledger::Path> ToPath(const std::vector<std::string>& hashes) {
  ledger::Path path;
  for (const std::string& bytes : hashes) {
    const auto hash = ledger::ToHash(bytes);
    if (!hash.has_value()) return Error(Reason::kLogForked, "the consistency proof holds something that is no hash");
    path.push_back(*hash);
  }
  return path;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogWatch>> LogWatch::Open(AgencyStore& store, BrokerLink& broker, Alarm& alarm,
                                                         std::string_view log_vkey) {
  ACCORD_ASSIGN_OR_RETURN(ledger::Vkey key, ledger::Vkey::Parse(log_vkey));
  std::unique_ptr<LogWatch> watch(new LogWatch(store, broker, alarm, std::move(key)));
  ACCORD_ASSIGN_OR_RETURN(const auto stored, store.Get<storage::v1::StoredCheckpoint>(kFamilyMeta, kMetaCheckpoint));
  if (stored.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(const auto held, ledger::VerifyCheckpoint(stored->note(), watch->log_key_));
    absl::MutexLock lock(&watch->mu_);
    watch->held_note_ = stored->note();
    watch->held_size_ = held.checkpoint.size;
  }
  return watch;
}

absl::StatusOr<VerifiedReceipt> LogWatch::Verify(const type::v1::Receipt& receipt, type::v1::EventType type,
                                                 std::string_view header_digest, std::optional<OfRequest> request) {
  const auto check = [&]() -> absl::StatusOr<VerifiedReceipt> {
    ACCORD_ASSIGN_OR_RETURN(const auto verified, ledger::VerifyReceipt(receipt.tlog_proof(), log_key_));
    ACCORD_ASSIGN_OR_RETURN(VerifiedReceipt result, ReadOpenings(verified, receipt));
    if (result.event.type() != type) return Invalid("the receipt is of another event");
    const auto& about = result.referral;
    if (about.header_digest() != header_digest) return Invalid("the receipt is of another referral");
    if (request.has_value() && (about.sender() != request->sender || about.request_id() != request->request_id)) {
      return Invalid("the receipt is of another sender's request");
    }
    return result;
  };
  auto result = check();
  if (!result.ok()) return alarm_.Raise(result.status(), {receipt.SerializeAsString()});
  ACCORD_ASSIGN_OR_RETURN(const ledger::TlogProof proof, ledger::ParseTlogProof(receipt.tlog_proof()));
  absl::MutexLock lock(&mu_);
  ACCORD_RETURN_IF_ERROR(HoldLocked(proof.checkpoint));
  return result;
}

absl::Status LogWatch::Poll() {
  ACCORD_ASSIGN_OR_RETURN(const std::string note, broker_.GetCheckpoint());
  absl::MutexLock lock(&mu_);
  return HoldLocked(note);
}

uint64_t LogWatch::size() const {
  absl::MutexLock lock(&mu_);
  return held_size_;
}

absl::Status LogWatch::HoldLocked(const std::string& note) {
  auto offered = ledger::VerifyCheckpoint(note, log_key_);
  if (!offered.ok()) return alarm_.Raise(offered.status(), {note, held_note_});
  const ledger::Checkpoint& next = offered->checkpoint;
  if (!held_note_.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const auto held, ledger::VerifyCheckpoint(held_note_, log_key_));
    const bool newer = next.size >= held.checkpoint.size;
    const ledger::Checkpoint& old_one = newer ? held.checkpoint : next;
    const ledger::Checkpoint& new_one = newer ? next : held.checkpoint;
    ledger::Path path;
    if (old_one.size != new_one.size) {
      const auto hashes = broker_.ProveConsistency(old_one.size, new_one.size);
      // A broker that is away proves nothing; one that says the sizes are not its own has lost its log.
      if (!hashes.ok()) {
        if (!HasReason(hashes.status(), Reason::kFieldInvalid)) return hashes.status();
        return alarm_.Raise(Error(Reason::kLogForked, "the broker does not know a checkpoint that it signed: its log was cut or replaced"),
                            {note, held_note_});
      }
      auto parsed = ToPath(*hashes);
      if (!parsed.ok()) return alarm_.Raise(parsed.status(), {note, held_note_});
      path = *std::move(parsed);
    }
    const absl::Status consistent =
        ledger::VerifyConsistency(old_one.size, new_one.size, old_one.root, new_one.root, path);
    if (!consistent.ok()) return alarm_.Raise(consistent, {note, held_note_});
    if (!newer || next.size == held.checkpoint.size) return absl::OkStatus();
  }
  storage::v1::StoredCheckpoint stored;
  stored.set_note(note);
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyMeta, kMetaCheckpoint, stored);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  held_note_ = note;
  held_size_ = next.size;
  return absl::OkStatus();
}

}  // namespace accord::agent

#include "common/agent/log_watch.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/crypto/commitment.h"
#include "common/ledger/leaf.h"
#include "common/ledger/tlog_proof.h"

namespace accord::agent {
namespace {

constexpr int kSwapAttemptsMax = 16;  // Of one checkpoint, while others of other threads come between.

absl::Status InvalidWatch(std::string_view why) { return Error(Reason::kReceiptInvalid, why); }

// Reads the openings of a receipt, each of which must be one of the leaf's.
absl::StatusOr<VerifiedReceipt> ReadOpenings(const ledger::VerifiedReceipt& verified, const type::v1::Receipt& receipt) {
  VerifiedReceipt result;
  result.index = verified.index;
  for (const auto& opening : receipt.openings()) {
    if (!ledger::LeafOpens(verified.leaf, {opening.label(), opening.salt(), opening.content()})) {
      return InvalidWatch("an opening of the receipt is not one of its leaf's");
    }
    const bool parsed = opening.label() == "event"       ? result.event.ParseFromString(opening.content())
                        : opening.label() == "referral"  ? result.referral.ParseFromString(opening.content())
                        : opening.label() == "decisions" ? result.decisions.ParseFromString(opening.content())
                                                         : true;
    if (!parsed) return InvalidWatch("an opening of the receipt does not parse");
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

std::pair<type::v1::EntryEvent, type::v1::EntryReferral> WhatOf(const type::v1::Receipt& receipt) {
  std::pair<type::v1::EntryEvent, type::v1::EntryReferral> what;
  for (const auto& opening : receipt.openings()) {
    if (opening.label() == "event" && !what.first.ParseFromString(opening.content())) what.first.Clear();
    if (opening.label() == "referral" && !what.second.ParseFromString(opening.content())) what.second.Clear();
  }
  return what;
}

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
  ACCORD_ASSIGN_OR_RETURN(const auto cosigned, store.Get<storage::v1::StoredCosigned>(kFamilyMeta, kMetaCosigned));
  absl::MutexLock lock(&watch->mu_);
  if (cosigned.has_value()) watch->cosigned_ = *cosigned;
  return watch;
}

absl::StatusOr<VerifiedReceipt> LogWatch::Verify(const type::v1::Receipt& receipt, type::v1::EventType type,
                                                 std::string_view header_digest, std::optional<OfRequest> request) {
  const auto check = [&]() -> absl::StatusOr<VerifiedReceipt> {
    ACCORD_ASSIGN_OR_RETURN(const auto verified, ledger::VerifyReceipt(receipt.tlog_proof(), log_key_));
    ACCORD_ASSIGN_OR_RETURN(VerifiedReceipt result, ReadOpenings(verified, receipt));
    if (result.event.type() != type) return InvalidWatch("the receipt is of another event");
    const auto& about = result.referral;
    if (about.header_digest() != header_digest) return InvalidWatch("the receipt is of another referral");
    if (request.has_value() && (about.sender() != request->sender || about.request_id() != request->request_id)) {
      return InvalidWatch("the receipt is of another sender's request");
    }
    return result;
  };
  auto result = check();
  if (!result.ok()) return alarm_.Raise(result.status(), {receipt.SerializeAsString()});
  ACCORD_ASSIGN_OR_RETURN(const ledger::TlogProof proof, ledger::ParseTlogProof(receipt.tlog_proof()));
  ACCORD_RETURN_IF_ERROR(Hold(proof.checkpoint, nullptr));
  return result;
}

absl::Status LogWatch::Poll() {
  ACCORD_ASSIGN_OR_RETURN(const std::string note, broker_.GetCheckpoint());
  return Hold(note, nullptr);
}

uint64_t LogWatch::size() const {
  absl::MutexLock lock(&mu_);
  return held_size_;
}

absl::StatusOr<std::optional<uint64_t>> LogWatch::HoldToCosign(const std::string& note, absl::Time now) {
  Cosigning cosigning{static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixSeconds(now))), std::nullopt};
  ACCORD_RETURN_IF_ERROR(Hold(note, &cosigning));
  return cosigning.time_s;
}

absl::Status LogWatch::Hold(const std::string& note, Cosigning* cosigning) {
  const auto offered = ledger::VerifyCheckpoint(note, log_key_);
  for (int attempt = 0; attempt < kSwapAttemptsMax; ++attempt) {
    std::string held;
    {
      absl::MutexLock lock(&mu_);
      held = held_note_;
    }
    if (!offered.ok()) return alarm_.Raise(offered.status(), {note, held});
    if (!held.empty()) ACCORD_RETURN_IF_ERROR(CheckConsistent(offered->checkpoint, note, held));
    ACCORD_ASSIGN_OR_RETURN(const bool swapped, Swap(held, offered->checkpoint, note, cosigning));
    if (swapped) return absl::OkStatus();
  }
  return Error(Reason::kBrokerUnreachable, "newer checkpoints came faster than they could be verified; ask again");
}

absl::Status LogWatch::CheckConsistent(const ledger::Checkpoint& next, const std::string& note, const std::string& held_note) {
  ACCORD_ASSIGN_OR_RETURN(const auto held, ledger::VerifyCheckpoint(held_note, log_key_));
  if (next == held.checkpoint) return absl::OkStatus();
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
                          {note, held_note});
    }
    auto parsed = ToPath(*hashes);
    if (!parsed.ok()) return alarm_.Raise(parsed.status(), {note, held_note});
    path = *std::move(parsed);
  }
  const absl::Status consistent = ledger::VerifyConsistency(old_one.size, new_one.size, old_one.root, new_one.root, path);
  return consistent.ok() ? consistent : alarm_.Raise(consistent, {note, held_note});
}

absl::StatusOr<bool> LogWatch::Swap(const std::string& held, const ledger::Checkpoint& next, const std::string& note,
                                    Cosigning* cosigning) {
  absl::MutexLock lock(&mu_);
  if (held_note_ != held) return false;
  accord::storage::Batch batch;
  const bool newer = held_note_.empty() || next.size > held_size_;
  if (newer) {
    storage::v1::StoredCheckpoint stored;
    stored.set_note(note);
    store_.Put(batch, kFamilyMeta, kMetaCheckpoint, stored);
  }
  storage::v1::StoredCosigned cosigned = cosigned_;
  if (cosigning != nullptr && next.size >= cosigned_.size()) {
    // Both are of the history held; this is the last line of defence before a key signs two histories.
    if (next.size == cosigned_.size() && cosigned_.root() != ledger::View(next.root)) {
      return alarm_.Raise(Error(Reason::kLogForked, "another checkpoint of this size was cosigned"), {note, held_note_});
    }
    cosigned.set_size(next.size);
    cosigned.set_root(std::string(ledger::View(next.root)));
    cosigned.set_time_s(std::max(cosigned_.time_s(), cosigning->now_s));
    store_.Put(batch, kFamilyMeta, kMetaCosigned, cosigned);
    cosigning->time_s = cosigned.time_s();
  }
  if (batch.empty()) return true;
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  if (newer) {
    held_note_ = note;
    held_size_ = next.size;
  }
  cosigned_ = std::move(cosigned);
  return true;
}

}  // namespace accord::agent

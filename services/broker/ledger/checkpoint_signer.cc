#include "services/broker/ledger/checkpoint_signer.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/leaf.h"
#include "common/storage/record.h"
#include "services/broker/ledger/ledger_reader.h"

namespace accord::broker {
namespace {

absl::Status Disagreement(std::string_view what) {
  return Error(Reason::kStoreCorrupt, fmt::format("{}; nothing is signed until a person has followed "
                                                  "runbooks/ledger.md", what));
}

bool IsLedgerOp(std::string_view family, std::string_view key) {
  return family == kLeafFamily || family == kTileFamily || family == kNodeFamily ||
         (family == kMetaFamily && key == kHeadKey);
}

}  // namespace

absl::StatusOr<std::unique_ptr<CheckpointSigner>> CheckpointSigner::Open(const storage::Store& store,
                                                                         std::unique_ptr<Guard> guard,
                                                                         crypto::Ed25519Signer key,
                                                                         std::string origin) {
  ACCORD_ASSIGN_OR_RETURN(auto tree, LedgerWriter::Open(store, origin));
  auto edge = std::make_shared<const LedgerEdge>(tree->edge());
  const GuardMark& mark = guard->Read();
  if (edge->size() < mark.size) {
    return Disagreement(fmt::format("the store holds {} entries but {} were signed: an older copy was restored",
                                    edge->size(), mark.size));
  }
  const LedgerReader reader(store, edge);
  ACCORD_ASSIGN_OR_RETURN(const ledger::Hash root, reader.Root(mark.size));
  if (ledger::View(root) != mark.root) {
    return Disagreement(fmt::format("the first {} entries of the store are not those that were signed", mark.size));
  }

  storage::Commit last;
  ACCORD_ASSIGN_OR_RETURN(const auto commit, store.Get(kMetaFamily, storage::kCommitKey));
  if (commit.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(last, storage::DecodeCommit(*commit));
  }
  // Batches without entries leave the tree as it is; their loss shows in their number alone.
  if (last.sequence < mark.sequence) {
    return Disagreement(fmt::format("the store ends with batch {} but {} were answered: its newest part is lost",
                                    last.sequence, mark.sequence));
  }

  std::unique_ptr<CheckpointSigner> signer(new CheckpointSigner(store, std::move(guard), std::move(key), std::move(tree),
                                                                std::move(edge), last.sequence));
  std::string newest;
  ACCORD_RETURN_IF_ERROR(store.Scan(kCheckpointFamily, {.descending = true}, [&](std::string_view, std::string_view note) {
    newest = note;
    return false;
  }));
  if (!newest.empty()) ACCORD_RETURN_IF_ERROR(signer->Confront(newest));
  absl::Status forked;
  ACCORD_RETURN_IF_ERROR(store.Scan(kForkFamily, {}, [&](std::string_view, std::string_view note) {
    forked = signer->Confront(note);
    return forked.ok();
  }));
  ACCORD_RETURN_IF_ERROR(forked);
  ACCORD_RETURN_IF_ERROR(signer->guard_->BeginEpoch(last.term));
  return signer;
}

absl::StatusOr<SignedCheckpoint> CheckpointSigner::VerifyThenSign(storage::CommitLog& log,
                                                                  const storage::Committed& committed,
                                                                  const std::function<void(SigningStep)>& on_step) {
  ACCORD_RETURN_IF_ERROR(refusal_);
  const auto bytes = log.ReadBack(committed.sequence);
  if (!bytes.ok()) return Remember(bytes.status());
  if (crypto::Sha256(*bytes) != committed.digest) {
    return Remember(Disagreement("the record read back has another digest than the one committed"));
  }
  ACCORD_RETURN_IF_ERROR(Remember(Extend(*bytes)));
  sequence_ = committed.sequence;
  if (on_step) on_step(SigningStep::kReadBack);
  return GuardThenSign(on_step);
}

absl::StatusOr<SignedCheckpoint> CheckpointSigner::SignHead() {
  ACCORD_RETURN_IF_ERROR(refusal_);
  return GuardThenSign(nullptr);
}

absl::Status CheckpointSigner::Extend(std::string_view record) {
  storage::Batch found, computed;
  bool leaf_over_limit = false;
  ACCORD_RETURN_IF_ERROR(storage::VisitRecord(
      record, [&](storage::Batch::Kind, std::string_view family, std::string_view key, std::string_view value) {
        if (!IsLedgerOp(family, key) || leaf_over_limit) return;
        found.Put(family, key, value);  // A delete is a put of nothing here, which no leaf makes.
        if (family != kLeafFamily) return;
        leaf_over_limit = value.empty() || value.size() > ledger::kLeafBytesMax;
        if (!leaf_over_limit) tree_->Add(value, computed);
      }));
  if (leaf_over_limit) return Disagreement("a leaf is over its limit");
  tree_->Finish(computed);
  if (!(found == computed)) return Disagreement("the ledger records on disk are not those that their leaves make");
  edge_ = std::make_shared<const LedgerEdge>(tree_->edge());
  return absl::OkStatus();
}

absl::StatusOr<SignedCheckpoint> CheckpointSigner::GuardThenSign(const std::function<void(SigningStep)>& on_step) {
  const ledger::Hash root = edge_->Root();
  const GuardMark mark{edge_->size(), std::string(ledger::View(root)), sequence_};
  if (guard_->Read() != mark) ACCORD_RETURN_IF_ERROR(Remember(guard_->Advance(mark)));
  if (on_step) on_step(SigningStep::kGuarded);
  SignedCheckpoint signed_checkpoint{
      mark.size, root, ledger::SignCheckpoint({tree_->origin(), mark.size, root}, key_)};
  if (on_step) on_step(SigningStep::kSigned);
  return signed_checkpoint;
}

absl::Status CheckpointSigner::Confront(std::string_view note) {
  ACCORD_RETURN_IF_ERROR(refusal_);
  const auto vkey = ledger::Vkey::Make(tree_->origin(), ledger::kTypeEd25519, key_.verifier());
  const auto shown = ledger::VerifyCheckpoint(note, vkey);
  if (!shown.ok()) return absl::OkStatus();
  const ledger::Checkpoint& checkpoint = shown->checkpoint;
  const auto fork = [&](std::string_view why) {
    return Remember(Error(Reason::kLogForked,
                          fmt::format("our own key signed a checkpoint of {} entries, {}; nothing is signed until a person has "
                                      "put the store that contains it back, or opened a new log (runbooks/fork.md)",
                                      checkpoint.size, why)));
  };
  if (checkpoint.size > edge_->size()) return fork("more than the store holds");
  const auto root = LedgerReader(store_, edge_).Root(checkpoint.size);
  if (!root.ok()) return Remember(root.status());
  if (*root != checkpoint.root) return fork("with another root than the store's");
  return absl::OkStatus();
}

absl::Status CheckpointSigner::Remember(absl::Status status) {
  if (absl::IsDataLoss(status)) refusal_ = status;
  return status;
}

}  // namespace accord::broker

#include "services/broker/sequencer/batch_context.h"

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/commitment.h"
#include "common/ledger/leaf.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

absl::Status Corrupt(std::string_view what) { return Error(Reason::kStoreCorrupt, what); }

}  // namespace

BatchContext::BatchContext(const storage::Store& store, KeySlots& slots, Random& random, std::string_view origin,
                           uint64_t first_index, absl::Time now, const Epochs& epochs)
    : store_(store), slots_(slots), random_(random), origin_(origin), first_index_(first_index), now_(now),
      epochs_(epochs) {}

absl::Status BatchContext::Run(Command& command) {
  const size_t leaves_before = leaves_.size();
  const Epochs epochs_before = epochs_;
  scratch_.clear();
  opened_.clear();
  scratch_bytes_ = 0;
  const absl::Status status = command.Apply(*this);
  if (!status.ok()) {
    leaves_.resize(leaves_before);
    epochs_ = epochs_before;
    epochs_moved_ = false;  // A batch ends with the command that moved them, so none before did.
    return status;
  }
  for (const auto& [key, value] : scratch_) {
    if (key.first == kFamilyFork && value.has_value()) fork_ = value;
  }
  // Nodes move over whole; only a key that an earlier command wrote is left behind.
  written_.merge(scratch_);
  for (auto& [key, value] : scratch_) written_[key] = std::move(value);
  bytes_ += scratch_bytes_;
  return absl::OkStatus();
}

storage::Batch BatchContext::TakeState() {
  storage::Batch batch;
  for (const auto& [key, value] : written_) {
    if (value.has_value()) {
      batch.Put(key.first, key.second, *value);
    } else {
      batch.Delete(key.first, key.second);
    }
  }
  written_.clear();
  return batch;
}

absl::StatusOr<std::optional<std::string>> BatchContext::Get(std::string_view family, std::string_view key) {
  const KeyView name(family, key);
  for (const Overlay* overlay : {&scratch_, &written_, &read_}) {
    if (const auto found = overlay->find(name); found != overlay->end()) return found->second;
  }
  ACCORD_ASSIGN_OR_RETURN(std::optional<std::string> value, store_.Get(family, key));
  const size_t bytes = family.size() + key.size() + (value.has_value() ? value->size() : 0);
  if (read_bytes_ + bytes <= kBatchReadBytesMax) {
    read_bytes_ += bytes;
    read_.emplace(name, value);
  }
  return value;
}

void BatchContext::Put(std::string_view family, std::string_view key, std::string value) {
  scratch_bytes_ += family.size() + key.size() + value.size();
  scratch_[Key(family, key)] = std::move(value);
}

void BatchContext::Delete(std::string_view family, std::string_view key) {
  scratch_bytes_ += family.size() + key.size();
  scratch_[Key(family, key)] = std::nullopt;
}

absl::StatusOr<std::optional<std::string>> BatchContext::GetSealed(std::string_view family, std::string_view key) {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, Get(family, key));
  if (!stored.has_value()) return std::nullopt;
  return slots_.Unseal(family, key, *stored);
}

absl::Status BatchContext::PutSealed(std::string_view family, std::string_view key, uint64_t slot,
                                     std::string_view value) {
  ACCORD_ASSIGN_OR_RETURN(std::string sealed, slots_.Seal(slot, family, key, value));
  Put(family, key, std::move(sealed));
  return absl::OkStatus();
}

absl::StatusOr<CommitContext::NewChain> BatchContext::OpenChain() {
  ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, slots_.Take());
  return OpenChainUnder(slot);
}

CommitContext::NewChain BatchContext::OpenChainUnder(uint64_t slot) {
  NewChain chain{.pseudonym = NewId(random_), .slot = slot};
  opened_[chain.pseudonym] = slot;
  return chain;
}

absl::StatusOr<uint64_t> BatchContext::AddEntry(const EntryDraft& draft) {
  const uint64_t index = first_index_ + leaves_.size();

  // Chains: what the leaf says of each, and their next state.
  ACCORD_CHECK(!draft.chains.empty() && draft.chains.size() <= ledger::kLeafChainsMax);
  std::vector<ledger::Chain> links;
  uint64_t sealing_slot = 0;
  for (const std::string& pseudonym : draft.chains) {
    storage::v1::StoredChain chain;
    if (const auto opened = opened_.find(pseudonym); opened != opened_.end()) {
      // Of this command's own making, with its first entry: the store need not be asked.
      chain.set_slot(opened->second);
      opened_.erase(opened);
    } else {
      ACCORD_ASSIGN_OR_RETURN(const auto stored, Get(kFamilyChain, pseudonym));
      if (!stored.has_value()) return Corrupt("an entry names a chain that does not exist");
      if (!chain.ParseFromString(*stored)) return Corrupt("a chain does not parse");
    }
    if (links.empty()) sealing_slot = chain.slot();
    links.push_back({.pseudonym = pseudonym,
                     .sequence = chain.next_sequence(),
                     .previous_index = chain.next_sequence() == 0 ? ledger::kNoPreviousIndex : chain.last_index()});
    Put(kFamilyChainEntry, ChainEntryKey(pseudonym, chain.next_sequence()), KeyU64(index));
    chain.set_next_sequence(chain.next_sequence() + 1);
    chain.set_last_index(index);
    Put(kFamilyChain, pseudonym, chain.SerializeAsString());
  }
  if (!draft.sealed_by.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const auto stored, Get(kFamilyChain, draft.sealed_by));
    storage::v1::StoredChain chain;
    if (!stored.has_value() || !chain.ParseFromString(*stored)) return Corrupt("an entry is to be sealed by a chain that does not exist");
    sealing_slot = chain.slot();
  }

  // Parts: committed to, and their openings kept.
  std::vector<crypto::Opening> openings;
  storage::v1::StoredOpenings stored_openings;
  const auto add_part = [&](std::string_view label, const google::protobuf::MessageLite& part) {
    const crypto::Opening& opening = openings.emplace_back(crypto::MakeOpening(random_, label, part.SerializeAsString()));
    auto& stored = *stored_openings.add_openings();
    stored.set_label(opening.label);
    stored.set_salt(opening.salt);
    stored.set_content(opening.content);
  };
  add_part("event", draft.event);
  if (draft.actor.has_value()) add_part("actor", *draft.actor);
  if (draft.referral.has_value()) add_part("referral", *draft.referral);
  if (draft.decisions.has_value()) add_part("decisions", *draft.decisions);
  // Of an erased chain nothing is kept but the leaf: its openings would be erased too.
  const absl::Status sealed = PutSealed(kFamilyOpening, KeyU64(index), sealing_slot, stored_openings.SerializeAsString());
  if (!sealed.ok() && sealed.code() != absl::StatusCode::kNotFound) return sealed;

  std::string leaf = ledger::EncodeLeaf(ledger::MakeLeaf(origin_, static_cast<uint64_t>(absl::ToUnixMillis(now_)),
                                                         std::move(links), openings, random_));
  scratch_bytes_ += leaf.size();
  leaves_.push_back(std::move(leaf));
  return index;
}

void BatchContext::MoveEpochs(const Epochs& epochs) {
  storage::v1::StoredEpochs stored;
  stored.set_agreement(epochs.agreement);
  stored.set_directory(epochs.directory);
  stored.set_lists(epochs.lists);
  Put(kFamilyMeta, kMetaEpochsKey, stored.SerializeAsString());
  epochs_ = epochs;
  epochs_moved_ = true;
}

}  // namespace accord::broker

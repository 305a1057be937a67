// A log in memory for tests of the agency runtime: real leaves, proofs and checkpoints under a real key.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/type/v1/entry.pb.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/crypto/commitment.h"
#include "common/crypto/ed25519.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/frontier.h"
#include "common/ledger/leaf.h"
#include "common/ledger/tlog_proof.h"

namespace accord::agent {

// Thread-compatible.
class FakeLog {
 public:
  explicit FakeLog(Random& random) : random_(&random) {}

  uint64_t Append(const type::v1::EntryEvent& event, std::string_view header_digest) {
    type::v1::EntryReferral referral;
    referral.set_header_digest(std::string(header_digest));
    return Append(event, referral);
  }
  uint64_t Append(const type::v1::EntryEvent& event, const type::v1::EntryReferral& referral,
                  const type::v1::EntryDecisions& decisions = {}) {
    Row row;
    row.openings = {crypto::MakeOpening(*random_, "event", event.SerializeAsString()),
                    crypto::MakeOpening(*random_, "referral", referral.SerializeAsString()),
                    crypto::MakeOpening(*random_, "decisions", decisions.SerializeAsString())};
    row.leaf = ledger::EncodeLeaf(ledger::MakeLeaf(kOrigin, 1'800'000'000'000, {{random_->Bytes(16), 0, ledger::kNoPreviousIndex}},
                                                   row.openings, *random_));
    frontier_.Append(ledger::LeafHash(row.leaf),
                     [this](int level, uint64_t index, const ledger::Hash& hash) { nodes_[{level, index}] = hash; });
    rows_.push_back(std::move(row));
    return rows_.size() - 1;
  }
  std::string Checkpoint() const { return ledger::SignCheckpoint({kOrigin, frontier_.size(), frontier_.Root()}, Signer()); }
  type::v1::Receipt Receipt(uint64_t index) const {
    type::v1::Receipt receipt;
    receipt.set_tlog_proof(ledger::FormatTlogProof(
        {rows_[index].leaf, index, *ledger::ProveInclusion(index, frontier_.size(), Nodes()), Checkpoint()}));
    for (const auto& opening : rows_[index].openings) {
      auto& row = *receipt.add_openings();
      row.set_label(opening.label);
      row.set_salt(opening.salt);
      row.set_content(opening.content);
    }
    return receipt;
  }
  absl::StatusOr<std::vector<std::string>> Prove(uint64_t old_size, uint64_t new_size) const {
    if (old_size > new_size || new_size > frontier_.size()) return Error(Reason::kFieldInvalid, "no such size", {{"field", "new_size"}});
    const ledger::Path hashes = *ledger::ProveConsistency(old_size, new_size, Nodes());
    std::vector<std::string> path;
    for (const auto& hash : hashes) path.emplace_back(ledger::View(hash));
    return path;
  }
  static crypto::Ed25519Signer Signer() { return *crypto::Ed25519Signer::FromSeed(std::string(32, 'L')); }
  static std::string LogVkey() { return ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, Signer().verifier()).ToString(); }
  uint64_t size() const { return frontier_.size(); }

  static constexpr const char* kOrigin = "accord.test/log";

 private:
  struct Row {
    std::string leaf;
    std::vector<crypto::Opening> openings;
  };
  std::function<absl::StatusOr<ledger::Hash>(int, uint64_t)> Nodes() const {
    return [this](int level, uint64_t index) -> absl::StatusOr<ledger::Hash> { return nodes_.at({level, index}); };
  }

  Random* random_;  // A pointer, so that a test can swap one history for another.
  ledger::Frontier frontier_;
  std::map<std::pair<int, uint64_t>, ledger::Hash> nodes_;
  std::vector<Row> rows_;
};

}  // namespace accord::agent

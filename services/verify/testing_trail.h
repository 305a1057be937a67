// A small log in memory with a referral in it, as bundle, as copy and as receipts; for tests.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "accord/type/v1/entry.pb.h"
#include "common/base/bytes.h"
#include "common/base/random.h"
#include "common/crypto/commitment.h"
#include "common/ledger/leaf.h"
#include "common/ledger/tlog_proof.h"
#include "common/ledger/trail_bundle.h"
#include "services/verify/testing_log.h"

namespace accord::verify {

// Entries: 0 administration; 1, 3, 5, 6, 7 of the referral and its case, of which 6 is a question; 2 of another referral of that
// case; the rest of others. Single-thread.
class TestingTrail : public TestingLeaves {
 public:
  static constexpr uint64_t kQuery = 6;
  const std::string referral_chain = std::string(16, 'r'), case_chain = std::string(16, 'c');
  const std::string digest = std::string(32, 'd');

  explicit TestingTrail(size_t size = 12) {
    using namespace type::v1;
    Add({std::string(16, 'a')}, EVENT_TYPE_LOG_OPENED, "");
    Add({referral_chain, case_chain}, EVENT_TYPE_REFERRAL_STORED, digest);
    Add({std::string(16, 's'), case_chain}, EVENT_TYPE_REFERRAL_STORED, std::string(32, 'e'));
    Add({referral_chain, case_chain}, EVENT_TYPE_RELEASED, digest);
    Add({std::string(16, 'o')}, EVENT_TYPE_PREVIEWED, "");
    Add({referral_chain, case_chain}, EVENT_TYPE_DELIVERED, digest);
    Add({referral_chain, case_chain}, EVENT_TYPE_TRAIL_QUERIED, digest);
    Add({referral_chain, case_chain}, EVENT_TYPE_STATEMENT, digest);
    while (leaves.size() < size) Add({std::string(16, 'o')}, EVENT_TYPE_PREVIEWED, "");
  }

  void Add(const std::vector<std::string>& pseudonyms, type::v1::EventType type, const std::string& about) {
    type::v1::EntryEvent event;
    event.set_type(type);
    Add(pseudonyms, event, about);
  }
  void Add(const std::vector<std::string>& pseudonyms, const type::v1::EntryEvent& event, const std::string& about) {
    type::v1::EntryActor actor;
    actor.set_principal("agency/police");
    type::v1::EntryReferral referral;
    referral.set_header_digest(about);
    std::vector<crypto::Opening> parts = {crypto::MakeOpening(random_, "event", event.SerializeAsString()),
                                          crypto::MakeOpening(random_, "actor", actor.SerializeAsString())};
    if (!about.empty()) parts.push_back(crypto::MakeOpening(random_, "referral", referral.SerializeAsString()));
    if (event.type() == type::v1::EVENT_TYPE_REFERRAL_STORED) parts.push_back(crypto::MakeOpening(random_, "decisions", ""));
    std::vector<ledger::Chain> chains;
    for (const std::string& pseudonym : pseudonyms) chains.push_back(Next(pseudonym));
    leaves.push_back(ledger::EncodeLeaf(
        ledger::MakeLeaf(kOrigin, TimeOf(leaves.size()), std::move(chains), parts, random_)));
    openings.push_back(std::move(parts));
  }

  // When an entry was made.
  static uint64_t TimeOf(uint64_t index) { return 1'800'000'000'000 + 1'000 * index; }
  std::string Receipt(uint64_t index, size_t size) const {
    const auto path = ledger::ProveInclusion(index, size, [this](int level, uint64_t at) { return Node(level, at); });
    return ledger::FormatTlogProof({leaves[index], index, *path, Checkpoint(size)});
  }
  std::string Openings(uint64_t index) const {
    nlohmann::json array = nlohmann::json::array();
    for (const auto& opening : openings[index]) {
      array.push_back({{"label", opening.label}, {"salt", ToBase64(opening.salt)}, {"content", ToBase64(opening.content)}});
    }
    return array.dump(2) + "\n";
  }

  // As `accordctl trail referral` writes it.
  ledger::TrailManifest Manifest(size_t size) const {
    return {ledger::TrailManifest::About::kReferral, digest, referral_chain, ledger::TrailGrade::kAttested, kOrigin, size, kQuery,
            {1, 3, 5, kQuery}};
  }
  ledger::TrailManifest CaseManifest(size_t size) const {
    return {ledger::TrailManifest::About::kCase, case_chain, case_chain, ledger::TrailGrade::kAttested, kOrigin, size, kQuery,
            {1, 2, 3, 5, kQuery}};
  }
  MemoryFiles Bundle(const ledger::TrailManifest& manifest) const {
    MemoryFiles out;
    out.files[ledger::kManifestFile] = ledger::FormatTrailManifest(manifest);
    out.files[ledger::kCheckpointFile] = Checkpoint(manifest.checkpoint_size);
    out.files[ledger::kVkeyFile] = vkey().ToString() + "\n";
    for (const uint64_t index : manifest.rows) {
      out.files[ledger::ReceiptPath(index)] = Receipt(index, manifest.checkpoint_size);
      out.files[ledger::ReceiptPath(index) + ledger::kOpeningsSuffix] = Openings(index);
    }
    return out;
  }

  std::vector<std::vector<crypto::Opening>> openings;

 private:
  absl::StatusOr<ledger::Hash> Node(int level, uint64_t at) const {
    if (level == 0) return ledger::LeafHash(leaves[at]);
    return ledger::NodeHash(*Node(level - 1, 2 * at), *Node(level - 1, 2 * at + 1));
  }

  FakeRandom random_{11};
};

inline std::set<std::string> NamesOf(const MemoryFiles& files) {
  std::set<std::string> names;
  for (const auto& [name, bytes] : files.files) names.insert(name);
  return names;
}

}  // namespace accord::verify

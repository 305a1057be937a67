// Goal: product and docs/formats.md mean the same bytes. Method: every vector of this folder, made without
// the product, is read with it; where the form is deterministic the product makes it again.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "common/base/executor.h"
#include "common/base/status.h"
#include "common/crypto/aead.h"
#include "common/crypto/cms.h"
#include "common/crypto/digest.h"
#include "common/crypto/dsse.h"
#include "common/crypto/ecdsa.h"
#include "common/crypto/succession.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/frontier.h"
#include "common/ledger/leaf.h"
#include "common/ledger/merkle.h"
#include "common/ledger/tile.h"
#include "common/ledger/tlog_proof.h"
#include "common/storage/batch.h"
#include "common/storage/commit_log.h"
#include "services/broker/ledger/guard.h"
#include "services/broker/ledger/key_slots.h"
#include "tests/golden/golden.h"

namespace accord::golden {
namespace {

using ledger::Hash;
using ledger::Path;

const absl::Time kThen = absl::FromUnixMillis(1'764'000'000'000);

TEST(GoldenTest, Commitments) {
  const json vectors = Vectors("commitment", "commitments");
  for (const json& vector : vectors) {
    const std::string domain = vector["domain"];
    crypto::Opening opening = Opening(vector);
    const std::string commitment = Hex(vector["commitment"]);
    EXPECT_EQ(crypto::Commit(domain, opening), commitment);
    EXPECT_TRUE(crypto::Opens(domain, opening, commitment));
    opening.content += '\0';
    EXPECT_FALSE(crypto::Opens(domain, opening, commitment));
  }
}

TEST(GoldenTest, Signatures) {
  const json vectors = Vectors("signature", "signatures");
  for (const json& vector : vectors) {
    const std::string type = vector["payload_type"], payload = Hex(vector["payload"]),
                      signer = vector["signer"];
    EXPECT_EQ(crypto::Pae(type, payload), Hex(vector["pae"]));
    EXPECT_EQ(crypto::PaeDigest(type, payload), Hex(vector["digest"]));

    const auto key = Certificate(signer).verify_key();
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_EQ(key->key_id(), Hex(vector["key_id"]));
    EXPECT_TRUE(key->Verify(Hex(vector["pae"]), Hex(vector["signature"])).ok());
    EXPECT_TRUE(key->VerifyDigest(Hex(vector["digest"]), Hex(vector["signature"])).ok());
    EXPECT_FALSE(key->Verify(Altered(Hex(vector["pae"])), Hex(vector["signature"])).ok());

    const auto own = crypto::SigningKey::FromPem(KeyPem(signer));
    ASSERT_TRUE(own.ok()) << own.status();
    EXPECT_EQ(own->key_id(), Hex(vector["key_id"]));
    EXPECT_TRUE(
        key->VerifyDigest(Hex(vector["digest"]), own->SignDigest(Hex(vector["digest"])).value()).ok());
  }
}

TEST(GoldenTest, Certificates) {
  const json vectors = Vector("certificates");
  EXPECT_TRUE(Certificate(vectors["authority"]).is_authority());
  const auto anchors = crypto::TrustAnchors::FromPem(File("keys/authority.cert.pem"));
  ASSERT_TRUE(anchors.ok()) << anchors.status();
  for (const json& vector : vectors["certificates"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    const crypto::Certificate certificate = Certificate(vector["name"]);
    const std::string use = vector["use"];
    EXPECT_EQ(certificate.public_key_id(), Hex(vector["key_id"]));
    EXPECT_EQ(certificate.subject_key_id(), Hex(vector["subject_key_id"]));
    EXPECT_EQ(certificate.fingerprint(), Hex(vector["fingerprint"]));
    EXPECT_EQ(certificate.is_authority(), use == "authority");
    EXPECT_EQ(certificate.CheckSealingForm().ok(), use == "sealing");
    EXPECT_EQ(certificate.CheckSigningForm().ok(), use == "signing" || use == "tls");
    if (use == "authority") continue;
    EXPECT_EQ(certificate.uri_sans(), std::vector<std::string>{vector["uri"]});
    const std::string whose = vector["name"] == "ines-sealing" ? "/inspector/" : "/agency/";
    EXPECT_TRUE(vector["uri"].get<std::string>().starts_with("spiffe://" + vectors["trust_domain"].get<std::string>() + whose));
    EXPECT_TRUE(anchors->Verify(certificate, {}, kThen, Reason::kSealingKeyUntrusted).ok());
    EXPECT_FALSE(
        anchors->Verify(certificate, {}, kThen + absl::Hours(24 * 366 * 40), Reason::kSealingKeyUntrusted)
            .ok());
  }
}

TEST(GoldenTest, Succession) {
  const json vector = Vector("succession");
  const auto previous = Certificate(vector["previous"]), next = Certificate(vector["next"]);
  EXPECT_EQ(crypto::SuccessionMessage(previous, next), Hex(vector["message"]));
  EXPECT_TRUE(crypto::VerifySuccessor(previous, next, Hex(vector["endorsement"])).ok());
  EXPECT_FALSE(crypto::VerifySuccessor(previous, next, Altered(Hex(vector["endorsement"]))).ok());
  EXPECT_FALSE(crypto::VerifySuccessor(next, previous, Hex(vector["endorsement"])).ok());
  const auto key = crypto::SealingKey::FromPem(KeyPem(vector["previous"]));
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_TRUE(crypto::VerifySuccessor(previous, next, crypto::EndorseSuccessor(*key, previous, next).value()).ok());
}

TEST(GoldenTest, SealedSections) {
  std::map<std::string, std::string> plaintexts;
  const json sections = Vectors("section", "sections");
  for (const json& section : sections) {
    plaintexts[section["section_id"]] = Base64(section["plaintext_base64"]);
  }
  const json vectors = Vectors("sealed", "sections");
  for (const json& vector : vectors) {
    const std::string sealed = Base64(vector["sealed_base64"]);
    const std::string& plaintext = plaintexts.at(vector["section_id"]);
    const auto parsed = crypto::cms::Parse(sealed);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->digest, Hex(vector["digest"]));
    EXPECT_EQ(parsed->encrypted_bytes, plaintext.size());
    EXPECT_EQ(parsed->recipients.size(), vector["recipients"].size());
    for (const json& recipient : vector["recipients"]) {
      const std::string name = recipient["name"], own = Base64(recipient["sealed_base64"]);
      const auto key = crypto::SealingKey::FromPem(KeyPem(name));
      ASSERT_TRUE(key.ok()) << key.status();
      EXPECT_EQ(crypto::cms::ForRecipient(sealed, Hex(recipient["subject_key_id"])).value(), own);
      EXPECT_EQ(crypto::cms::Parse(own).value().digest, Hex(vector["digest"]));
      EXPECT_EQ(crypto::cms::Open(sealed, *key, Certificate(name)).value(), plaintext);
      EXPECT_EQ(crypto::cms::Open(own, *key, Certificate(name)).value(), plaintext);
      EXPECT_FALSE(crypto::cms::Open(Altered(own), *key, Certificate(name)).ok());
    }
  }
}

ledger::Leaf LeafOf(const json& vector) {
  ledger::Leaf leaf = ledger::ParseLeaf(Hex(vector["leaf"])).value();
  EXPECT_EQ(leaf.origin, vector["origin"]);
  EXPECT_EQ(leaf.nonce, Hex(vector["nonce"]));
  EXPECT_EQ(leaf.time_ms, vector["time_ms"]);
  EXPECT_EQ(leaf.chains.size(), vector["chains"].size());
  for (size_t i = 0; i < leaf.chains.size(); ++i) {
    const json& chain = vector["chains"][i];
    EXPECT_EQ(leaf.chains[i],
              (ledger::Chain{Hex(chain["pseudonym"]), chain["sequence"], chain["previous_index"]}));
  }
  return leaf;
}

TEST(GoldenTest, Leaves) {
  const json vectors = Vectors("leaf", "leaves");
  for (const json& vector : vectors) {
    const std::string bytes = Hex(vector["leaf"]);
    const ledger::Leaf leaf = LeafOf(vector);
    EXPECT_EQ(ledger::EncodeLeaf(leaf), bytes);
    EXPECT_EQ(ledger::View(ledger::LeafHash(bytes)), Hex(vector["leaf_hash"]));
    for (const json& opening : vector["openings"]) EXPECT_TRUE(ledger::LeafOpens(leaf, Opening(opening)));
    EXPECT_FALSE(ledger::ParseLeaf(bytes + '\0').ok());
    EXPECT_FALSE(ledger::ParseLeaf(bytes.substr(1)).ok());
  }
}

Path PathOf(const json& hashes) {
  Path path;
  for (const json& hash : hashes) path.push_back(*ledger::ToHash(Hex(hash)));
  return path;
}

// All complete subtrees of some leaves.
class Nodes {
 public:
  explicit Nodes(const std::vector<std::string>& leaves) {
    for (const std::string& leaf : leaves) {
      frontier_.Append(ledger::LeafHash(leaf), [this](int level, uint64_t index, const Hash& hash) {
        hashes_[{level, index}] = hash;
      });
      roots_.push_back(frontier_.Root());
    }
  }
  absl::StatusOr<Hash> operator()(int level, uint64_t index) const { return hashes_.at({level, index}); }
  // Of the first `size` leaves, by appending.
  Hash Root(uint64_t size) const { return roots_.at(size); }

 private:
  ledger::Frontier frontier_;
  std::map<std::pair<int, uint64_t>, Hash> hashes_;
  std::vector<Hash> roots_{ledger::EmptyRoot()};
};

TEST(GoldenTest, TreeRootsAndProofs) {
  const json vectors = Vector("tree");
  std::vector<std::string> leaves;
  for (const json& leaf : vectors["leaves"]) leaves.push_back(Hex(leaf));
  const Nodes nodes(leaves);
  std::vector<Hash> roots = PathOf(vectors["roots"]);
  for (size_t size = 0; size < roots.size(); ++size) {
    EXPECT_EQ(nodes.Root(size), roots[size]);
    EXPECT_EQ(ledger::RootAt(size, nodes).value(), roots[size]);
  }
  for (const json& proof : vectors["inclusion"]) {
    const uint64_t index = proof["index"], size = proof["size"];
    const Path path = PathOf(proof["path"]);
    EXPECT_EQ(ledger::ProveInclusion(index, size, nodes).value(), path);
    EXPECT_TRUE(
        ledger::VerifyInclusion(index, size, ledger::LeafHash(leaves[index]), path, roots[size]).ok());
    EXPECT_FALSE(ledger::VerifyInclusion(index, size, ledger::LeafHash("x"), path, roots[size]).ok());
  }
  for (const json& proof : vectors["consistency"]) {
    const uint64_t from = proof["old_size"], to = proof["new_size"];
    const Path path = PathOf(proof["path"]);
    EXPECT_EQ(ledger::ProveConsistency(from, to, nodes).value(), path);
    EXPECT_TRUE(ledger::VerifyConsistency(from, to, roots[from], roots[to], path).ok());
    EXPECT_FALSE(ledger::VerifyConsistency(from, to, ledger::LeafHash("x"), roots[to], path).ok());
  }
}

TEST(GoldenTest, TreeAcrossTilesAndTheTiles) {
  const json vectors = Vector("tree").at("large");
  const uint64_t size = vectors["size"];
  std::vector<std::string> leaves;
  for (uint64_t i = 0; i < size; ++i) leaves.push_back(KeyU64(i));
  const Nodes nodes(leaves);
  const Hash root = *ledger::ToHash(Hex(vectors["root"]));
  EXPECT_EQ(nodes.Root(size), root);
  for (const json& proof : vectors["inclusion"]) {
    const uint64_t index = proof["index"];
    EXPECT_EQ(ledger::ProveInclusion(index, size, nodes).value(), PathOf(proof["path"]));
    EXPECT_TRUE(
        ledger::VerifyInclusion(index, size, ledger::LeafHash(leaves[index]), PathOf(proof["path"]), root)
            .ok());
  }
  for (const json& proof : vectors["consistency"]) {
    const uint64_t from = proof["old_size"];
    EXPECT_EQ(ledger::View(nodes.Root(from)), Hex(proof["root"]));
    EXPECT_EQ(ledger::ProveConsistency(from, size, nodes).value(), PathOf(proof["path"]));
    EXPECT_TRUE(ledger::VerifyConsistency(from, size, nodes.Root(from), root, PathOf(proof["path"])).ok());
  }

  std::map<std::string, std::string> made;
  for (const ledger::Tile& tile : ledger::TilesOf(size)) {
    std::string bytes;
    for (uint32_t i = 0; i < tile.width; ++i) {
      bytes +=
          ledger::View(nodes(tile.level * ledger::kTileHeight, tile.index * ledger::kTileWidth + i).value());
    }
    made[ledger::TilePath(tile)] = crypto::Sha256(bytes);
  }
  std::map<std::string, std::string> wanted;
  for (const json& tile : vectors["tiles"]) wanted[tile["path"]] = Hex(tile["sha256"]);
  EXPECT_EQ(made, wanted);

  const std::vector<std::string> entries(leaves.begin() + 256, leaves.end());
  EXPECT_EQ(ledger::EntriesPath(1, static_cast<uint32_t>(entries.size())), vectors["bundle"]["path"]);
  EXPECT_EQ(crypto::Sha256(ledger::EncodeBundle(entries)), Hex(vectors["bundle"]["sha256"]));
  EXPECT_EQ(ledger::ParseBundle(ledger::EncodeBundle(entries), entries.size()), entries);
}

TEST(GoldenTest, TilePaths) {
  const json vectors = Vectors("tree", "tile_paths");
  for (const json& vector : vectors) {
    const ledger::Tile tile{vector["level"], vector["index"], vector["width"]};
    EXPECT_EQ(ledger::TilePath(tile), vector["path"]);
    EXPECT_EQ(ledger::ParseTilePath(vector["path"].get<std::string>()), tile);
    EXPECT_EQ(ledger::EntriesPath(tile.index, tile.width), vector["entries_path"]);
    const auto entries = ledger::ParseEntriesPath(vector["entries_path"].get<std::string>());
    ASSERT_TRUE(entries.has_value());
    EXPECT_EQ(std::pair(entries->index, entries->width), std::pair(tile.index, tile.width));
  }
}

TEST(GoldenTest, CheckpointAndCosignature) {
  const json vector = Vector("checkpoint");
  const ledger::Checkpoint checkpoint{vector["origin"], vector["size"], *ledger::ToHash(Hex(vector["root"]))};
  const auto log = crypto::Ed25519Signer::FromSeed(Hex(vector["log_seed"]));
  const auto witness = crypto::Ed25519Signer::FromSeed(Hex(vector["witness_seed"]));
  ASSERT_TRUE(log.ok() && witness.ok());
  EXPECT_EQ(crypto::Ed25519Signer::FromPem(KeyPem("log")).value().public_key(), log->public_key());

  const std::string text = vector["text"], name = vector["witness_name"];
  EXPECT_EQ(ledger::FormatCheckpoint(checkpoint), text);
  EXPECT_EQ(ledger::ParseCheckpoint(text).value(), checkpoint);
  EXPECT_EQ(ledger::SignCheckpoint(checkpoint, *log), vector["note"]);
  EXPECT_EQ(ledger::CosignatureLine(text, name, vector["cosigned_at_s"], *witness),
            vector["cosignature_line"]);

  const auto log_key = ledger::Vkey::Parse(vector["log_vkey"].get<std::string>());
  const auto witness_key = ledger::Vkey::Parse(vector["witness_vkey"].get<std::string>());
  ASSERT_TRUE(log_key.ok() && witness_key.ok());
  EXPECT_EQ(ledger::Vkey::Make(checkpoint.origin, ledger::kTypeEd25519, log->verifier()).ToString(),
            vector["log_vkey"]);
  EXPECT_EQ(ledger::Vkey::Make(name, ledger::kTypeCosignatureV1, witness->verifier()).ToString(),
            vector["witness_vkey"]);
  const std::string note = vector["cosigned_note"];
  const auto verified = ledger::VerifyCheckpoint(note, *log_key, {{*witness_key}});
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->checkpoint, checkpoint);
  EXPECT_EQ(verified->cosigners, std::vector<std::string>{name});
  std::string altered = note;
  altered[checkpoint.origin.size() + 1] = '9';
  EXPECT_FALSE(ledger::VerifyCheckpoint(altered, *log_key).ok());
}

TEST(GoldenTest, Receipt) {
  const json vector = Vector("receipt"), checkpoint = Vector("checkpoint"),
             leaf = Vectors("leaf", "leaves")[1];
  const std::string text = vector["tlog_proof"];
  const auto proof = ledger::ParseTlogProof(text);
  ASSERT_TRUE(proof.ok()) << proof.status();
  EXPECT_EQ(proof->index, vector["index"]);
  EXPECT_EQ(proof->extra, Hex(leaf["leaf"]));
  EXPECT_EQ(proof->path, PathOf(vector["path"]));
  EXPECT_EQ(proof->checkpoint, checkpoint["cosigned_note"]);
  EXPECT_EQ(ledger::FormatTlogProof(*proof), text);

  const auto log = ledger::Vkey::Parse(checkpoint["log_vkey"].get<std::string>());
  const auto witness = ledger::Vkey::Parse(checkpoint["witness_vkey"].get<std::string>());
  const auto verified = ledger::VerifyReceipt(text, log.value(), {{witness.value()}});
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->cosigners.size(), 1u);
  EXPECT_EQ(verified->leaf, LeafOf(leaf));
  const json openings = json::parse(vector["openings_json"].get<std::string>());
  EXPECT_EQ(openings.size(), vector["openings"].size());
  for (const json& opening : openings) {
    EXPECT_TRUE(ledger::LeafOpens(verified->leaf,
                                  {opening["label"], Base64(opening["salt"]), Base64(opening["content"])}));
  }
  std::string moved = text;
  moved.replace(moved.find("index 1"), 7, "index 2");
  EXPECT_FALSE(ledger::VerifyReceipt(moved, *log).ok());
}

TEST(GoldenTest, BatchRecord) {
  const json vector = Vector("batch");
  storage::Record record{vector["term"], vector["sequence"], vector["time_ms"], {}};
  for (const json& op : vector["ops"]) {
    if (op["kind"] == 1) {
      record.batch.Put(op["family"].get<std::string>(), Hex(op["key"]), Hex(op["value"]));
    } else {
      record.batch.Delete(op["family"].get<std::string>(), Hex(op["key"]));
    }
  }
  const std::string bytes = Hex(vector["record"]);
  EXPECT_EQ(storage::EncodeRecord(record.term, record.sequence, record.time_ms, record.batch), bytes);
  EXPECT_EQ(storage::DecodeRecord(bytes).value(), record);
  EXPECT_FALSE(storage::DecodeRecord(bytes + '\0').ok());
  EXPECT_EQ(crypto::Sha256(bytes), Hex(vector["digest"]));

  const storage::Commit commit{record.term, record.sequence, record.time_ms, crypto::Sha256(bytes)};
  EXPECT_EQ(storage::EncodeCommit(commit), Hex(vector["commit_mark"]));
  EXPECT_EQ(storage::DecodeCommit(Hex(vector["commit_mark"])).value(), commit);
}

// A directory of its own for each test.
class GoldenFileTest : public ::testing::Test {
 protected:
  GoldenFileTest() { std::filesystem::create_directories(folder_); }
  ~GoldenFileTest() override { std::filesystem::remove_all(folder_); }
  std::string Write(const std::string& name, std::string_view bytes) {
    EXPECT_TRUE(WriteFileDurably(folder_ + "/" + name, bytes).ok());
    return folder_ + "/" + name;
  }

  const std::string folder_ = ::testing::TempDir() + "golden_" + ToHex(SystemRandom().Bytes(8));
};

TEST_F(GoldenFileTest, EncryptionAtRest) {
  const json vectors = Vector("at_rest");
  const std::string file = Hex(vectors["slot_file"]);
  auto master = broker::LoadMasterKey(Write("master", vectors["master_key_file"].get<std::string>()));
  ASSERT_TRUE(master.ok()) << master.status();
  EXPECT_EQ(master->view(), Hex(vectors["master_key"]));

  PlaybackRandom random;
  Executor executor(1, 8);
  const std::string path = Write("slots", file);
  auto slots = broker::KeySlots::Open(path, master->Clone(), random, executor, /*create=*/false);
  ASSERT_TRUE(slots.ok()) << slots.status();
  for (const json& vector : vectors["values"]) {
    const std::string family = vector["family"], key = Hex(vector["key"]), stored = Hex(vector["stored"]);
    EXPECT_EQ(broker::KeySlots::SlotOf(stored).value(), vector["slot"]);
    EXPECT_EQ((*slots)->Unseal(family, key, stored).value(), Hex(vector["value"]));
    EXPECT_FALSE((*slots)->Unseal(family, Altered(key), stored).ok());
    random.Next(Hex(vector["nonce"]));
    EXPECT_EQ((*slots)->Seal(vector["slot"], family, key, Hex(vector["value"])).value(), stored);
  }
  for (const json& slot : vectors["slot_keys"]) {  // Where the file has the keys it names.
    const std::string one = file.substr(16 + 64 * slot["slot"].get<size_t>(), 64);
    EXPECT_EQ(crypto::aead::Open(*master, one.substr(4, 12), "accord/key-slot/v1" + KeyU64(slot["slot"]),
                                 one.substr(16)),
              Hex(slot["key"]));
  }
  const std::string of_destroyed = std::string("\1", 1) + KeyU64(2) + std::string(28, '\0');
  EXPECT_EQ((*slots)->Unseal("opening", "key", of_destroyed).value(), std::nullopt);
  constexpr size_t kSlotBytes = 64, kHeaderBytes = 16;
  ASSERT_TRUE((*slots)->Destroy(1).ok());
  EXPECT_EQ(ReadFile(path)->substr(kHeaderBytes + kSlotBytes, kSlotBytes),
            file.substr(kHeaderBytes + 2 * kSlotBytes, kSlotBytes));
  EXPECT_TRUE(ReadFile(path)->starts_with(file.substr(0, kHeaderBytes + kSlotBytes)));

  // Slot 0 as the product makes it.
  random.Next(Hex(vectors["slot_keys"][0]["key"]));
  random.Next(file.substr(kHeaderBytes + 4, 12));
  const std::string fresh = folder_ + "/fresh";
  ASSERT_TRUE(broker::KeySlots::Open(fresh, master->Clone(), random, executor, /*create=*/true).ok());
  EXPECT_EQ(ReadFile(fresh)->substr(0, kHeaderBytes + kSlotBytes), file.substr(0, kHeaderBytes + kSlotBytes));
}

TEST_F(GoldenFileTest, Guard) {
  for (const char* const file : {"guard", "guard_v2"}) {
    const json vectors = Vector(file);
    const bool second = vectors["slots"][0].contains("epoch");
    broker::GuardSlot newest;
    for (const json& vector : vectors["slots"]) {
      newest = {.generation = vector["generation"],
                .epoch = vector.value("epoch", uint64_t{0}),
                .mark = {vector["size"], Hex(vector["root"]), vector.value("sequence", uint64_t{0})}};
      EXPECT_EQ(broker::DecodeGuardSlot(Hex(vector["slot"])), newest);
      // Version 1 is no longer written.
      if (second) {
        EXPECT_EQ(broker::EncodeGuardSlot(newest), Hex(vector["slot"]));
      }
    }
    EXPECT_EQ(broker::Guard::Open(Write("guard", Hex(vectors["file"]))).value()->Read(), newest.mark);
    EXPECT_EQ(broker::Guard::Open(Write("torn", Hex(vectors["torn"]))).value()->Read().size,
              vectors["slots"][0]["size"]);
    if (!second) continue;

    // From the first slot the product writes the second.
    const std::string path =
        Write("written", Hex(vectors["slots"][0]["slot"]) + std::string(broker::kGuardSlotBytes, '\0'));
    auto guard = broker::Guard::Open(path);
    ASSERT_TRUE(guard.ok()) << guard.status();
    ASSERT_TRUE((*guard)->Advance(newest.mark).ok());
    EXPECT_EQ(ReadFile(path).value(), Hex(vectors["file"]));
  }
}

}  // namespace
}  // namespace accord::golden

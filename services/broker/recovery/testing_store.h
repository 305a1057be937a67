// A broker's files without a broker: store, guard, log key; for tests of what mends them.
#pragma once

#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/crypto/ed25519.h"
#include "common/ledger/leaf.h"
#include "common/ledger/merkle.h"
#include "common/ledger/note.h"
#include "common/storage/rocks_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/ledger/checkpoint_signer.h"
#include "services/broker/ledger/ledger_writer.h"

namespace accord::broker {

// Single-thread.
class TestingStore {
 public:
  static constexpr char kOrigin[] = "accord.test/log";
  static constexpr int64_t kFirstMs = 1'700'000'000'000;

  explicit TestingStore(std::string directory = "") : root(std::move(directory)) {
    if (root.empty()) {
      char name[] = "/tmp/accord-recovery-XXXXXX";
      root = mkdtemp(name);
    }
    if (std::filesystem::exists(guard())) return;
    ACCORD_CHECK(Guard::Create(guard(), {0, std::string(ledger::View(ledger::EmptyRoot()))}).ok());
    ACCORD_CHECK(storage::RocksStore::Open(path(), BrokerFamilies(), {.create = true}).ok());
  }
  ~TestingStore() {
    Close();
    std::filesystem::remove_all(root);
  }

  std::string path() const { return root + "/store"; }
  std::string guard() const { return root + "/guard"; }
  ledger::Vkey vkey() const { return ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, key.verifier()); }

  // As a broker's start, without adoption.
  absl::Status Open() {
    ACCORD_ASSIGN_OR_RETURN(auto guard_file, Guard::Open(guard()));
    ACCORD_ASSIGN_OR_RETURN(auto opened, storage::RocksStore::Open(path(), BrokerFamilies()));
    return Begin(std::move(guard_file), std::move(opened));
  }
  absl::Status Begin(std::unique_ptr<Guard> guard_file, std::unique_ptr<storage::RocksStore> opened) {
    store = std::move(opened);
    ACCORD_ASSIGN_OR_RETURN(log, storage::RocksCommitLog::Open(*store, [](std::string_view bytes) { return crypto::Sha256(bytes); }));
    ACCORD_ASSIGN_OR_RETURN(signer, CheckpointSigner::Open(*store, std::move(guard_file), key, kOrigin));
    ACCORD_ASSIGN_OR_RETURN(writer, LedgerWriter::Open(*store, kOrigin));
    return absl::OkStatus();
  }
  void Close() {
    writer.reset();
    signer.reset();
    log.reset();
    store.reset();
  }

  // Commits `count` leaves in one batch and, unless told not to, signs for it. `bytes`: what else is in the batch, under "test".
  absl::Status Commit(int count, bool sign = true, size_t bytes = 0) {
    storage::Batch batch;
    for (int i = 0; i < count; ++i) leaves.push_back(NextLeaf(batch));
    if (bytes > 0) batch.Put(kFamilyRequest, fmt::format("test-{}", log->head().sequence), random.Bytes(bytes));
    writer->Finish(batch);
    const auto outcome = log->Append(signer->epoch(), log->head().sequence, kFirstMs + 1000 * leaves.size(), batch);
    const auto* const committed = std::get_if<storage::Committed>(&outcome);
    ACCORD_CHECK(committed != nullptr);
    if (!sign) return absl::OkStatus();
    ACCORD_ASSIGN_OR_RETURN(const SignedCheckpoint signed_now, signer->VerifyThenSign(*log, *committed));
    note = signed_now.note;
    return absl::OkStatus();
  }

  // The only log that is not empty.
  std::string Wal() const {
    std::string found;
    for (const auto& entry : std::filesystem::directory_iterator(path())) {
      if (entry.path().extension() == ".log" && entry.file_size() > 0) found = entry.path().string();
    }
    return found;
  }
  // Writes over the bytes of `file` from `offset` on.
  static void Overwrite(const std::string& file, uint64_t offset, const std::string& bytes) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream << bytes;
  }

  std::string root;
  const crypto::Ed25519Signer key = *crypto::Ed25519Signer::FromSeed(std::string(32, 'k'));
  FakeRandom random{11};
  std::vector<std::string> leaves;  // Of this object's commits.
  std::string note;                 // The newest.
  std::unique_ptr<storage::RocksStore> store;
  std::unique_ptr<storage::RocksCommitLog> log;
  std::unique_ptr<CheckpointSigner> signer;
  std::unique_ptr<LedgerWriter> writer;

 private:
  // Of chain number index modulo 3, kept in families `chain` and `chain_entry`.
  std::string NextLeaf(storage::Batch& batch) {
    const uint64_t index = writer->size();
    Place& place = places_[index % 3];
    const std::string pseudonym(16, static_cast<char>('a' + index % 3));
    const std::vector<ledger::Chain> chains = {{pseudonym, place.next, place.next == 0 ? ledger::kNoPreviousIndex : place.last}};
    const crypto::Opening opening = crypto::MakeOpening(random, "event", fmt::format("event {}", index));
    const std::string leaf = ledger::EncodeLeaf(
        ledger::MakeLeaf(kOrigin, static_cast<uint64_t>(kFirstMs) + 1000 * index, chains, std::vector{opening}, random));
    batch.Put(kFamilyChainEntry, ChainEntryKey(pseudonym, place.next), KeyU64(index));
    place = {place.next + 1, index};
    batch.Put(kFamilyChain, pseudonym, ChainBytes(place.next, index));
    writer->Add(leaf, batch);
    return leaf;
  }
  static std::string ChainBytes(uint64_t next, uint64_t last) {
    storage::v1::StoredChain chain;
    chain.set_next_sequence(next);
    chain.set_last_index(last);
    chain.set_slot(1);
    return chain.SerializeAsString();
  }

  struct Place {
    uint64_t next = 0, last = 0;
  };
  Place places_[3];
};

}  // namespace accord::broker

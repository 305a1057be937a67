#include "services/broker/recovery/ledger_recovery.h"

#include <absl/functional/function_ref.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/entry.pb.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/frontier.h"
#include "common/ledger/leaf.h"
#include "common/ledger/tile.h"
#include "common/storage/closed_store.h"
#include "common/storage/rocks_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/ledger/guard.h"
#include "services/broker/ledger/ledger_edge.h"
#include "services/broker/ledger/ledger_reader.h"
#include "services/broker/recovery/recovery_rows.h"

namespace accord::broker {
namespace {

namespace fs = std::filesystem;
using storage::RocksStore;
using storage::RocksStoreOptions;

constexpr size_t kBundleBytesMax = ledger::kTileWidth * (2 + ledger::kBundleEntryBytesMax);
constexpr size_t kWriteBytes = 4u << 20;  // A write, about.
constexpr std::string_view kPrincipalChains = "chain/", kAdministration = "administration";

absl::Status NotThere(const std::string& path) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format("{} is there already; nothing was touched", path));
}

absl::Status Forked(std::string_view why) {
  return Error(Reason::kLogForked, fmt::format("{}: keep both, and follow runbooks/fork.md", why));
}

// The text and the log's own signature line of a verified note: what others added is not kept.
std::string OwnLinesOf(std::string_view note, std::string_view origin) {
  const size_t blank = note.rfind("\n\n");
  std::string own(note.substr(0, blank + 2));
  const std::string prefix = fmt::format("\u2014 {} ", origin);
  for (size_t at = blank + 2; at < note.size();) {
    const size_t end = note.find('\n', at) + 1;
    const std::string_view line = note.substr(at, end - at);
    if (line.starts_with(prefix)) own += line;
    at = end == 0 ? note.size() : end;
  }
  return own;
}

// A copy of the log in files.
class Export {
 public:
  static absl::StatusOr<Export> Open(const std::string& directory, const ledger::Vkey& log) {
    const auto note = ReadFile(directory + "/checkpoint", ledger::kNoteBytesMax);
    if (!note.ok()) return Error(Reason::kReceiptInvalid, fmt::format("the export's checkpoint: {}", note.status().ToString()));
    ACCORD_ASSIGN_OR_RETURN(ledger::VerifiedCheckpoint verified, ledger::VerifyCheckpoint(*note, log));
    return Export(directory, std::move(verified.checkpoint), OwnLinesOf(*note, log.name()));
  }

  const ledger::Checkpoint& checkpoint() const { return checkpoint_; }
  const std::string& note() const { return note_; }

  // Gives every bundle in order: the index of its first entry, and the entries. Ends with the sink's error.
  using Sink = absl::FunctionRef<absl::Status(uint64_t first, const std::vector<std::string>& leaves)>;
  absl::Status Bundles(Sink sink) const {
    for (uint64_t first = 0; first < checkpoint_.size; first += ledger::kTileWidth) {
      const auto width = static_cast<uint32_t>(std::min(ledger::kTileWidth, checkpoint_.size - first));
      const std::string path = ledger::EntriesPath(first / ledger::kTileWidth, width);
      const auto bytes = ReadFile(directory_ + "/" + path, kBundleBytesMax);
      if (!bytes.ok()) return Error(Reason::kReceiptInvalid, fmt::format("the export's {}: {}", path, bytes.status().ToString()));
      const auto leaves = ledger::ParseBundle(*bytes, width);
      if (!leaves.has_value()) return Error(Reason::kReceiptInvalid, fmt::format("the export's {} is malformed", path));
      ACCORD_RETURN_IF_ERROR(sink(first, *leaves));
    }
    return absl::OkStatus();
  }

 private:
  Export(std::string directory, ledger::Checkpoint checkpoint, std::string note)
      : directory_(std::move(directory)), checkpoint_(std::move(checkpoint)), note_(std::move(note)) {}
  std::string directory_;
  ledger::Checkpoint checkpoint_;
  std::string note_;
};

class Recovery {
 public:
  Recovery(const RecoveryRequest& request, GuardMark guard, Export log)
      : request_(request), guard_(std::move(guard)), log_(std::move(log)), incoming_(request.out + kIncomingSuffix) {}

  absl::StatusOr<RecoveryReport> Run() {
    report_.origin = log_.checkpoint().origin;
    report_.export_size = log_.checkpoint().size;
    report_.guard_size = guard_.size;
    report_.ledger_only = request_.store.empty();
    absl::Status status = Build();
    if (status.ok()) {
      std::error_code error;
      fs::rename(incoming_, request_.out, error);
      const std::string parent = fs::path(request_.out).parent_path().string();
      if (error) {
        status = Error(Reason::kStoreUnavailable, fmt::format("{}: {}", request_.out, error.message()));
      } else {
        status = SyncDirectory(parent.empty() ? "." : parent);
      }
    }
    if (!status.ok()) {
      store_.reset();
      std::error_code error;
      fs::remove_all(incoming_, error);  // Made by this run.
      return status;
    }
    return std::move(report_);
  }

 private:
  void Tell(std::string_view phase, uint64_t done, uint64_t total) const {
    if (request_.progress) request_.progress(phase, done, total);
  }

  absl::Status Build() {
    ACCORD_RETURN_IF_ERROR(report_.ledger_only ? MakeEmpty() : OpenCopy());
    ACCORD_RETURN_IF_ERROR(VerifyExport());
    ACCORD_RETURN_IF_ERROR(CheckLengthAndPrefix());
    ACCORD_RETURN_IF_ERROR(Complete());
    ACCORD_RETURN_IF_ERROR(NameLost());
    ACCORD_RETURN_IF_ERROR(Finish());
    ACCORD_ASSIGN_OR_RETURN(const uint64_t size, JudgeAgainstGuard(*store_, guard_));
    if (size != report_.size) return Error(Reason::kStoreCorrupt, "the store that was made has another size than was made");
    return store_->Close();
  }

  absl::Status MakeEmpty() {
    ACCORD_ASSIGN_OR_RETURN(store_, RocksStore::Open(incoming_, BrokerFamilies(), {.create = true}));
    head_ = {0, std::string(ledger::View(ledger::EmptyRoot()))};
    return absl::OkStatus();
  }

  absl::Status OpenCopy() {
    Tell("copying the store", 0, 0);
    {
      ACCORD_ASSIGN_OR_RETURN(const auto closed, storage::ClosedStore::Take(request_.store));
      ACCORD_RETURN_IF_ERROR(closed->CopyTo(incoming_));
    }
    const auto unreadable = [&](const absl::Status& status) {
      return Error(Reason::kStoreCorrupt,
                   fmt::format("the store cannot be read: {}; give a backup of it, however old, as the store, or none to "
                               "keep the ledger alone", FromAbsl(status.message())));
    };
    auto opened = RocksStore::Open(incoming_, BrokerFamilies(), {.recovery = RocksStoreOptions::Recovery::kPointInTime});
    if (absl::IsDataLoss(opened.status())) return unreadable(opened.status());
    ACCORD_RETURN_IF_ERROR(opened.status());
    store_ = *std::move(opened);
    Tell("checking its files", 0, 0);
    const absl::Status whole = store_->VerifyChecksums();
    if (absl::IsDataLoss(whole)) return unreadable(whole);
    ACCORD_RETURN_IF_ERROR(whole);

    ACCORD_ASSIGN_OR_RETURN(const auto head, store_->Get(kFamilyMeta, kHeadKey));
    ACCORD_ASSIGN_OR_RETURN(const auto commit, store_->Get(kFamilyMeta, storage::kCommitKey));
    const auto decoded = head.has_value() ? DecodeLedgerHead(*head) : std::nullopt;
    if (!decoded.has_value() || !commit.has_value()) {
      return unreadable(Error(Reason::kStoreCorrupt, "it has no head of a log"));
    }
    head_ = *decoded;
    ACCORD_ASSIGN_OR_RETURN(commit_, storage::DecodeCommit(*commit));
    report_.store_size = head_.size;
    report_.store_time_ms = commit_.time_ms;
    report_.batches_lost = guard_.sequence > commit_.sequence ? guard_.sequence - commit_.sequence : 0;
    return absl::OkStatus();
  }

  // Hashes every entry, and keeps the roots that the others are held against.
  absl::Status VerifyExport() {
    const ledger::Checkpoint& signed_now = log_.checkpoint();
    ledger::Frontier tree;
    roots_[0] = ledger::EmptyRoot();
    ACCORD_RETURN_IF_ERROR(log_.Bundles([&](uint64_t first, const std::vector<std::string>& leaves) {
      for (const std::string& leaf : leaves) {
        tree.Append(ledger::LeafHash(leaf));
        if (tree.size() == head_.size || tree.size() == guard_.size) roots_[tree.size()] = tree.Root();
      }
      Tell("verifying the export", first + leaves.size(), signed_now.size);
      return absl::OkStatus();
    }));
    if (tree.Root() != signed_now.root) {
      return Error(Reason::kReceiptInvalid, "the export's entries do not give the root that its checkpoint signs");
    }
    roots_[signed_now.size] = signed_now.root;
    return absl::OkStatus();
  }

  absl::Status CheckLengthAndPrefix() {
    const ledger::Checkpoint& signed_now = log_.checkpoint();
    std::unique_ptr<LedgerReader> reader;  // Of a store that is longer than the export.
    if (head_.size > signed_now.size) {
      ACCORD_ASSIGN_OR_RETURN(auto edge, LedgerEdge::LoadHead(*store_));
      reader = std::make_unique<LedgerReader>(*store_, std::make_shared<const LedgerEdge>(std::move(edge)));
    }
    const auto root = [&](uint64_t size) -> absl::StatusOr<ledger::Hash> {
      if (const auto found = roots_.find(size); found != roots_.end()) return found->second;
      return reader->Root(size);
    };
    if (reader != nullptr) {
      ACCORD_ASSIGN_OR_RETURN(const ledger::Hash at_export, reader->Root(signed_now.size));
      if (at_export != signed_now.root) return Forked("the store's first entries are not those of the export");
    } else if (ledger::View(roots_[head_.size]) != head_.root) {
      return Forked(fmt::format("the {} entries of the store are not the first ones of the export", head_.size));
    }
    report_.size = std::max(head_.size, signed_now.size);
    const uint64_t needed = std::max(guard_.size, request_.at_least);
    if (needed > report_.size) {
      return absl::FailedPreconditionError(fmt::format(
          "{} entries were signed, the export has {} and the store {}: what went on from here would be a fork; an export of at "
          "least {} entries is needed", needed, signed_now.size, head_.size, needed));
    }
    ACCORD_ASSIGN_OR_RETURN(const ledger::Hash guarded, root(guard_.size));
    if (ledger::View(guarded) != guard_.root) {
      return Forked(fmt::format("the guard's {} entries are not the first ones of the export", guard_.size));
    }
    return absl::OkStatus();
  }

  absl::Status Put(std::string_view family, std::string_view key, std::string_view value) {
    writes_.Put(family, key, value);
    return writes_.bytes() < kWriteBytes ? absl::OkStatus() : Flush();
  }
  absl::Status Flush() {
    if (writes_.empty()) return absl::OkStatus();
    return store_->Write(std::exchange(writes_, storage::Batch()), /*sync=*/true);
  }
  // Puts what is not there, or not so, and counts it when it should have been.
  absl::Status Ensure(bool was_there, std::string_view family, const std::string& key, std::string_view value) {
    if (was_there) {
      ACCORD_ASSIGN_OR_RETURN(const auto stored, store_->Get(family, key));
      if (stored == value) return absl::OkStatus();
      ++report_.repaired;
    }
    return Put(family, key, value);
  }

  // Every leaf, tile and node of the export is in the store; places in chains too.
  absl::Status Complete() {
    const uint64_t total = log_.checkpoint().size;
    ACCORD_RETURN_IF_ERROR(log_.Bundles([&](uint64_t first, const std::vector<std::string>& leaves) {
      for (size_t i = 0; i < leaves.size(); ++i) {
        const uint64_t index = first + i;
        ACCORD_RETURN_IF_ERROR(Ensure(index < head_.size, kFamilyLeaf, KeyU64(index), leaves[i]));
        absl::Status status;
        edge_.Append(ledger::LeafHash(leaves[i]), [&](TileKey tile, std::string_view hashes, TileKey node, std::string_view hash) {
          const bool was_there = index < head_.size;
          if (status.ok()) status = Ensure(was_there, kFamilyTile, EncodeTileKey(tile), hashes);
          if (status.ok()) status = Ensure(was_there, kFamilyNode, EncodeTileKey(node), hash);
        });
        ACCORD_RETURN_IF_ERROR(status);
        if (index >= head_.size) ACCORD_RETURN_IF_ERROR(TakeLost(index, leaves[i]));
      }
      Tell("completing the ledger", first + leaves.size(), total);
      return absl::OkStatus();
    }));
    if (edge_.Root() != log_.checkpoint().root) {
      return Error(Reason::kReceiptInvalid, "the export changed while it was read");
    }
    return absl::OkStatus();
  }

  // Of one chain among the lost entries.
  struct Place {
    std::optional<storage::v1::StoredChain> stored;  // As the store has it; it goes on from there.
    uint64_t entries = 0;
  };

  absl::Status TakeLost(uint64_t index, const std::string& bytes) {
    ACCORD_ASSIGN_OR_RETURN(const ledger::Leaf leaf, ledger::ParseLeaf(bytes));
    if (leaf.origin != report_.origin) {
      return Error(Reason::kReceiptInvalid, fmt::format("entry {} of the export is of another log", index));
    }
    if (report_.end_lost == 0) {
      report_.first_lost = index;
      report_.first_lost_ms = leaf.time_ms;
    }
    report_.end_lost = index + 1;
    report_.last_lost_ms = leaf.time_ms;
    bool known = false;
    for (const ledger::Chain& chain : leaf.chains) {
      ACCORD_RETURN_IF_ERROR(Put(kFamilyChainEntry, ChainEntryKey(chain.pseudonym, chain.sequence), KeyU64(index)));
      const auto [found, inserted] = places_.try_emplace(chain.pseudonym);
      Place& place = found->second;
      if (inserted) {
        ACCORD_ASSIGN_OR_RETURN(const auto stored, store_->Get(kFamilyChain, chain.pseudonym));
        if (stored.has_value() && !place.stored.emplace().ParseFromString(*stored)) {
          return Error(Reason::kStoreCorrupt, "a chain does not parse");
        }
      }
      ++place.entries;
      if (!place.stored.has_value()) continue;  // Without a key slot it gets no row, and nothing can be added to it.
      known = true;
      if (place.stored->next_sequence() != chain.sequence ||
          (chain.sequence > 0 && place.stored->last_index() != chain.previous_index)) {
        return Error(Reason::kStoreCorrupt, fmt::format("a chain of the store does not lead to entry {}", index));
      }
      place.stored->set_next_sequence(chain.sequence + 1);
      place.stored->set_last_index(index);
    }
    if (!known) ++report_.new_chain_entries;
    return absl::OkStatus();
  }

  // Says whose the lost entries are, as far as the store knows.
  absl::Status NameLost() {
    std::map<std::string, std::string> principals;  // Pseudonym → name.
    ACCORD_RETURN_IF_ERROR(store_->Scan(kFamilyMeta, storage::Prefix(kPrincipalChains), [&](std::string_view key, std::string_view value) {
      principals[std::string(value)] = key.substr(kPrincipalChains.size());
      return true;
    }));
    std::map<uint64_t, std::vector<size_t>> by_first;  // Index of a chain's first entry → places in report_.chains.
    for (const auto& [pseudonym, place] : places_) {
      if (!place.stored.has_value()) {
        ++report_.new_chains;
        continue;
      }
      ACCORD_RETURN_IF_ERROR(Put(kFamilyChain, pseudonym, place.stored->SerializeAsString()));
      LostChain chain{.pseudonym = pseudonym, .entries = place.entries};
      if (const auto named = principals.find(pseudonym); named != principals.end()) {
        chain.kind = named->second == kAdministration ? LostChainKind::kAdministration : LostChainKind::kPrincipal;
        chain.principal = named->second;
      } else {
        ACCORD_ASSIGN_OR_RETURN(const auto of_case, store_->Get(kFamilyCase, pseudonym));
        if (of_case.has_value()) chain.kind = LostChainKind::kCase;
        ACCORD_ASSIGN_OR_RETURN(const auto first, store_->Get(kFamilyChainEntry, ChainEntryKey(pseudonym, 0)));
        const auto index = first.has_value() ? U64FromKey(*first) : std::nullopt;
        if (!of_case.has_value() && index.has_value()) by_first[*index].push_back(report_.chains.size());
      }
      if (chain.principal.starts_with("agency/")) report_.agencies.insert(chain.principal.substr(7));
      report_.chains.push_back(std::move(chain));
    }
    // A referral's chain begins with its `stored` entry, by whose index its parties are kept.
    if (!by_first.empty()) {
      ACCORD_RETURN_IF_ERROR(store_->Scan(kFamilyParty, {}, [&](std::string_view key, std::string_view digest) {
        ByteReader in(key);
        std::string_view agency;
        uint64_t stored_index = 0;
        if (!in.Lp8(agency) || !in.U64(stored_index)) return true;
        const auto found = by_first.find(stored_index);
        if (found == by_first.end()) return true;
        report_.agencies.emplace(agency);
        for (const size_t at : found->second) {
          report_.chains[at].kind = LostChainKind::kReferral;
          report_.chains[at].header_digest = digest;
          report_.chains[at].parties.emplace_back(agency);
        }
        return true;
      }));
    }
    std::stable_sort(report_.chains.begin(), report_.chains.end(),
                     [](const LostChain& a, const LostChain& b) { return a.entries > b.entries; });
    return Flush();
  }

  // The head, the checkpoint, what the first commit records, and the place of the batch that all of this is.
  absl::Status Finish() {
    const ledger::Checkpoint& signed_now = log_.checkpoint();
    type::v1::EntryEvent event;
    event.set_type(type::v1::EVENT_TYPE_LEDGER_RECOVERED);
    event.set_first_index(report_.first_lost);
    event.set_end_index(report_.end_lost);
    event.set_tree_size(signed_now.size);
    ACCORD_RETURN_IF_ERROR(AddRecovery(*store_, event));

    storage::Batch batch;
    if (report_.size > head_.size) {
      batch.Put(kFamilyMeta, kHeadKey, EncodeLedgerHead({signed_now.size, std::string(ledger::View(signed_now.root))}));
    }
    ACCORD_ASSIGN_OR_RETURN(const auto note, store_->Get(kFamilyCheckpoint, KeyU64(signed_now.size)));
    if (!note.has_value() && signed_now.size > 0) batch.Put(kFamilyCheckpoint, KeyU64(signed_now.size), log_.note());
    // Beyond every batch that was answered, and not before the last entry: sequences and times go on.
    storage::Commit next = commit_;
    next.sequence = std::max(commit_.sequence, guard_.sequence) + 1;
    next.time_ms = std::max(commit_.time_ms, report_.last_lost_ms);
    next.digest = crypto::Sha256(storage::EncodeRecord(next.term, next.sequence, next.time_ms, batch));
    batch.Put(kFamilyMeta, storage::kCommitKey, storage::EncodeCommit(next));
    return store_->Write(batch, /*sync=*/true);
  }

  const RecoveryRequest& request_;
  const GuardMark guard_;
  const Export log_;
  const std::string incoming_;
  RecoveryReport report_;
  std::unique_ptr<RocksStore> store_;
  LedgerHead head_;         // Of the store as it was read.
  storage::Commit commit_;  // Likewise.
  std::map<uint64_t, ledger::Hash> roots_;  // Of the export, by size.
  LedgerEdge edge_;
  storage::Batch writes_;
  std::map<std::string, Place> places_;  // By pseudonym.
};

}  // namespace

absl::StatusOr<RecoveryReport> RecoverLedger(const RecoveryRequest& asked) {
  RecoveryRequest request = asked;
  request.out = WithoutSlash(request.out);
  ACCORD_RETURN_IF_ERROR(NotThere(request.out));
  ACCORD_RETURN_IF_ERROR(NotThere(request.out + kIncomingSuffix));
  // Held to the end: no broker starts meanwhile.
  ACCORD_ASSIGN_OR_RETURN(const auto guard, Guard::Open(request.guard));
  ACCORD_ASSIGN_OR_RETURN(Export log, Export::Open(request.export_directory, request.log));
  return Recovery(request, guard->Read(), std::move(log)).Run();
}

}  // namespace accord::broker

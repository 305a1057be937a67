// Rebuilds a store that lost entries which were signed, from a copy of the log that an agency or inspector holds, so that
// the log goes on without a fork. Offline: no broker runs. What `accordctl ledger recover` does.
//
//   damaged store ──copy──▶ OUT.incoming ──opened before the damage──▶ a prefix of the export? ──▶ completed from it ──▶ OUT
//   export ── signed checkpoint ── every entry hashed ─────────────────┘   guard not beyond it? ┘
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/ledger/note.h"

namespace accord::broker {

inline constexpr char kIncomingSuffix[] = ".incoming";

struct RecoveryRequest {
  std::string store;             // The damaged store, or a backup of it. Empty: none can be read, keep the ledger alone.
  std::string guard;             // The guard's file; read, never written.
  std::string export_directory;  // Of `accordctl ledger export`: checkpoint, tile/entries/….
  std::string out;               // Where the store is made; must not be there.
  ledger::Vkey log;              // The log's key.
  uint64_t at_least = 0;         // Entries of the largest checkpoint that anybody is known to hold.
  // Told of each phase as it goes: how much of how much, 0 of 0 when that is not known.
  std::function<void(std::string_view phase, uint64_t done, uint64_t total)> progress;
};

enum class LostChainKind { kAdministration, kPrincipal, kReferral, kCase, kOther };

// Entries of one chain that the store knows, of which nothing but the leaves is left.
struct LostChain {
  LostChainKind kind = LostChainKind::kOther;
  std::string pseudonym;             // 16 bytes.
  std::string principal;             // Of kPrincipal: `agency/police`.
  std::string header_digest;         // Of kReferral: 32 bytes.
  std::vector<std::string> parties;  // Of kReferral: the agencies that are party to it.
  uint64_t entries = 0;
};

struct RecoveryReport {
  std::string origin;
  uint64_t store_size = 0;     // Entries that could be read in the store.
  uint64_t store_time_ms = 0;  // Of its last batch; 0 without a store. Everything answered after it is lost but for its entries.
  uint64_t export_size = 0;
  uint64_t guard_size = 0;
  uint64_t size = 0;            // Of the log in the store that was made.
  uint64_t repaired = 0;        // Stored leaves, tiles and nodes that were not the signed ones, and are now.
  uint64_t batches_lost = 0;    // Answered ones beyond the store's last, as the guard counts; 0 from a guard of version 1.
  // The entries [first_lost, end_lost) have leaves only: their openings, and what they changed, are gone.
  uint64_t first_lost = 0, end_lost = 0;
  uint64_t first_lost_ms = 0, last_lost_ms = 0;
  std::vector<LostChain> chains;   // Those that the store knows, most entries first.
  uint64_t new_chains = 0;         // Chains that began among the lost entries: of what, only the agencies know.
  uint64_t new_chain_entries = 0;  // Lost entries that stand in no chain that the store knows.
  std::set<std::string> agencies;  // Party to a referral or caller of a chain that lost entries, as far as the store knows.
  bool ledger_only = false;        // There was no store: nothing but the ledger was made.
};

// Makes the store at `request.out`, complete and durable; the first commit on it records LEDGER_RECOVERED. On every error
// no store is there, and what was given is as it was. Reads the export twice and the whole of the store once; memory
// grows with the number of chains among the lost entries. Blocks.
//   FAILED_PRECONDITION  `out`, or what an interrupted run left beside it, is there; or the export and the store together are
//                        shorter than what was signed: says how long an export is needed
//   RECEIPT_INVALID      the export is not whole, or not what the log's key signed
//   LOG_FORKED           the store or the guard has entries that the export has not: never repaired
//   STORE_CORRUPT        the store, or the guard, cannot be read
//   STORE_UNAVAILABLE    a broker runs on it, a file is absent, or the disk failed
absl::StatusOr<RecoveryReport> RecoverLedger(const RecoveryRequest& request);

}  // namespace accord::broker

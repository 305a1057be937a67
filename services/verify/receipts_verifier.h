// A set of receipts that an agency holds, against a copy of the log: whether the log still has what was once proved.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ledger/checkpoint.h"
#include "common/ledger/note.h"
#include "services/verify/ledger_copy.h"

namespace accord::verify {

inline constexpr size_t kReceiptsShownMax = 100;  // Of each standing; all are counted.

// How one receipt stands to the copy.
enum class Standing {
  kConfirmed,  // The copy has the very entry there, and the two signed trees agree as far as can be told.
  kNewer,      // The copy ends before the entry: neither confirmed nor denied.
  kInvalid,    // It does not verify by the log's key, or an opening is not its entry's: it proves nothing to anybody.
  kConvicts,   // It verifies, the copy verifies, and they contradict each other: the log's key signed two logs.
};
inline constexpr size_t kStandings = 4;
std::string_view Name(Standing standing);

struct ReceiptStanding {
  std::string file;
  Standing standing = Standing::kInvalid;
  std::optional<uint64_t> index;  // Of its entry, when it verifies.
  uint64_t checkpoint_size = 0;
  std::string what;  // In plain English; empty when confirmed.
};

// Takes receipts one by one. Single-thread.
class ReceiptsAgainstCopy {
 public:
  // Both must outlive this.
  ReceiptsAgainstCopy(LedgerCopy& copy, const ledger::Vkey& log) : copy_(copy), log_(log) {}

  // `openings`: the text of the file beside it; nothing when there is none.
  ReceiptStanding Check(std::string file, std::string_view tlog_proof, const std::optional<std::string>& openings);

 private:
  struct Held {
    std::string file;
    std::string value;
  };
  std::optional<std::string> AgainstOthers(const std::string& file, uint64_t index, const std::string& leaf_hash,
                                           const ledger::Checkpoint& checkpoint);

  LedgerCopy& copy_;
  const ledger::Vkey& log_;
  // Beyond the copy only receipts can contradict receipts.
  std::map<uint64_t, Held> leaves_;  // Entry → hash of its leaf.
  std::map<uint64_t, Held> roots_;   // Size of a signed tree → its root.
};

}  // namespace accord::verify

#include "services/verify/receipts_verifier.h"

#include <fmt/format.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/ledger/tlog_proof.h"
#include "services/verify/command.h"
#include "services/verify/receipt_verifier.h"

namespace accord::verify {
namespace {

std::string HashText(std::string_view bytes) { return ToHex(bytes); }

absl::StatusOr<ReceiptReport> Verify(std::string_view tlog_proof, const std::optional<std::string>& openings,
                                     const ledger::Vkey& log) {
  std::vector<crypto::Opening> parsed;
  if (openings.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(parsed, ParseOpenings(*openings));
  }
  return VerifyReceiptFile(tlog_proof, parsed, log);
}

}  // namespace

std::string_view Name(Standing standing) {
  switch (standing) {
    case Standing::kConfirmed: return "confirmed";
    case Standing::kNewer: return "newer than the copy";
    case Standing::kInvalid: return "does not verify";
    case Standing::kConvicts: return "convicts the broker";
  }
  return "";
}

std::optional<std::string> ReceiptsAgainstCopy::AgainstOthers(const std::string& file, uint64_t index,
                                                              const std::string& leaf_hash,
                                                              const ledger::Checkpoint& checkpoint) {
  const std::string root(ledger::View(checkpoint.root));
  if (const auto [at, is_new] = leaves_.try_emplace(index, Held{file, leaf_hash}); !is_new && at->second.value != leaf_hash) {
    return fmt::format("entry {} is another one than in {}: the log's key signed two logs", index, at->second.file);
  }
  if (const auto [at, is_new] = roots_.try_emplace(checkpoint.size, Held{file, root}); !is_new && at->second.value != root) {
    return fmt::format("its tree of {} entries is another one than that of {}: the log's key signed two logs", checkpoint.size,
                       at->second.file);
  }
  return std::nullopt;
}

ReceiptStanding ReceiptsAgainstCopy::Check(std::string file, std::string_view tlog_proof,
                                           const std::optional<std::string>& openings) {
  ReceiptStanding result{.file = std::move(file)};
  const auto tell = [&](Standing standing, std::string what) {
    result.standing = standing;
    result.what = std::move(what);
    return result;
  };
  const auto report = Verify(tlog_proof, openings, log_);
  if (!report.ok()) return tell(Standing::kInvalid, Message(report.status()));
  const ledger::VerifiedReceipt& receipt = report->receipt;
  result.index = receipt.index;
  result.checkpoint_size = receipt.checkpoint.size;

  const std::string leaf_hash(ledger::View(ledger::LeafHash(receipt.leaf_bytes)));
  if (receipt.index < copy_.size()) {
    const auto entry = copy_.Entry(receipt.index);
    if (!entry.ok()) return tell(Standing::kInvalid, Message(entry.status()));
    if (*entry != receipt.leaf_bytes) {
      return tell(Standing::kConvicts,
                  fmt::format("the copy has another entry {}: hash {} there, {} here, and the log's key signed both", receipt.index,
                              HashText(ledger::View(ledger::LeafHash(*entry))), HashText(leaf_hash)));
    }
  }
  const auto proof = ledger::ParseTlogProof(tlog_proof);
  if (!proof.ok()) return tell(Standing::kInvalid, Message(proof.status()));
  const auto contradiction = copy_.Contradiction(receipt.checkpoint, receipt.index, proof->path);
  if (!contradiction.ok()) return tell(Standing::kInvalid, Message(contradiction.status()));
  if (contradiction->has_value()) return tell(Standing::kConvicts, **contradiction);
  if (auto two = AgainstOthers(result.file, receipt.index, leaf_hash, receipt.checkpoint); two.has_value()) {
    return tell(Standing::kConvicts, *std::move(two));
  }
  if (receipt.index < copy_.size()) return tell(Standing::kConfirmed, "");
  return tell(Standing::kNewer,
              fmt::format("entry {} is newer than the copy, which ends at {}: a newer copy must have it. If this copy is shown as "
                          "the whole log, the log was rolled back, and this receipt convicts the broker",
                          receipt.index, copy_.size()));
}

}  // namespace accord::verify

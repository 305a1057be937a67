// Receipts: the file of c2sp.org/tlog-proof, and what verifies in the name of a log.
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/ledger/tlog_proof.h"
#include "tests/fuzz/golden_log.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace accord;  // NOLINT: one function.
  const std::string_view input = fuzz::Text(data, size);
  if (const auto proof = ledger::ParseTlogProof(input); proof.ok()) {
    ACCORD_CHECK(ledger::FormatTlogProof(*proof) == input);
    ACCORD_CHECK(proof->path.size() <= ledger::kPathHashesMax);
  } else {
    ACCORD_CHECK(HasReason(proof.status(), Reason::kReceiptInvalid));
  }
  if (const auto verified = ledger::VerifyReceipt(input, fuzz::GoldenKey(), fuzz::GoldenWitnesses()); verified.ok()) {
    // The one leaf that the corpus has a proof for.
    ACCORD_CHECK(verified->checkpoint == fuzz::GoldenCheckpoint());
    ACCORD_CHECK(verified->index == 1);
    ACCORD_CHECK(ToHex(ledger::View(ledger::LeafHash(verified->leaf_bytes))) ==
                 "edf549bbdbcdea9962e6d428bc9415b1b27aa720f19e4ecc9e73ec485fb63988");
    ACCORD_CHECK(ledger::EncodeLeaf(verified->leaf) == verified->leaf_bytes);
  } else {
    ACCORD_CHECK(HasReason(verified.status(), Reason::kReceiptInvalid));
  }
  return 0;
}

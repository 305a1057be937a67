// Leaves of the log.
#include "common/base/status.h"
#include "common/ledger/leaf.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace accord;  // NOLINT: one function.
  const std::string_view input = fuzz::Text(data, size);
  const auto leaf = ledger::ParseLeaf(input);
  if (!leaf.ok()) {
    ACCORD_CHECK(HasReason(leaf.status(), Reason::kReceiptInvalid));
    return 0;
  }
  ACCORD_CHECK(ledger::EncodeLeaf(*leaf) == input);
  ACCORD_CHECK(!leaf->origin.empty() && leaf->commitments.size() == ledger::kLeafCommitments);
  ACCORD_CHECK(!leaf->chains.empty() && leaf->chains.size() <= ledger::kLeafChainsMax);
  for (size_t i = 1; i < leaf->commitments.size(); ++i) ACCORD_CHECK(leaf->commitments[i - 1] < leaf->commitments[i]);
  for (const ledger::Chain& chain : leaf->chains) {
    ACCORD_CHECK((chain.sequence == 0) == (chain.previous_index == ledger::kNoPreviousIndex));
  }
  return 0;
}

// Checkpoints: their text, and what a log and its witness signed.
#include "common/base/status.h"
#include "common/ledger/checkpoint.h"
#include "tests/fuzz/golden_log.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace accord;  // NOLINT: one function.
  const std::string_view input = fuzz::Text(data, size);
  if (const auto checkpoint = ledger::ParseCheckpoint(input); checkpoint.ok()) {
    const std::string again = ledger::FormatCheckpoint(*checkpoint);
    ACCORD_CHECK(input.starts_with(again));
    // What follows are extension lines, none of them empty.
    const std::string_view rest = input.substr(again.size());
    ACCORD_CHECK(rest.empty() || (rest.front() != '\n' && rest.back() == '\n' && rest.find("\n\n") == std::string_view::npos));
  } else {
    ACCORD_CHECK(HasReason(checkpoint.status(), Reason::kReceiptInvalid));
  }
  if (const auto verified = ledger::VerifyCheckpoint(input, fuzz::GoldenKey(), fuzz::GoldenWitnesses()); verified.ok()) {
    ACCORD_CHECK(verified->checkpoint == fuzz::GoldenCheckpoint());
    ACCORD_CHECK(verified->cosigners.size() <= 1);
  } else {
    ACCORD_CHECK(HasReason(verified.status(), Reason::kReceiptInvalid));
  }
  return 0;
}

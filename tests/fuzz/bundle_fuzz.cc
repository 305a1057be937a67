// Bundles of entries: the first byte is how many are expected.
#include "common/base/status.h"
#include "common/ledger/tile.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace accord;  // NOLINT: one function.
  if (size == 0) return 0;
  const std::string_view bundle = fuzz::Text(data + 1, size - 1);
  const size_t count = data[0];
  const auto entries = ledger::ParseBundle(bundle, count);
  if (entries.has_value()) {
    ACCORD_CHECK(entries->size() == count);
    ACCORD_CHECK(ledger::EncodeBundle(*entries) == bundle);
    // It is of this count alone.
    ACCORD_CHECK(!ledger::ParseBundle(bundle, count + 1).has_value());
    ACCORD_CHECK(count == 0 || !ledger::ParseBundle(bundle, count - 1).has_value());
  }
  return 0;
}

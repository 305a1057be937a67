// Paths of tiles and bundles of entries: they come from whoever asks over HTTP.
#include "common/base/status.h"
#include "common/ledger/tile.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace accord;  // NOLINT: one function.
  const std::string_view input = fuzz::Text(data, size);
  const auto tile = ledger::ParseTilePath(input);
  if (tile.has_value()) {
    ACCORD_CHECK(ledger::TilePath(*tile) == input);
    ACCORD_CHECK(tile->level >= 0 && tile->level <= ledger::kTileLevelMax);
    ACCORD_CHECK(tile->width >= 1 && tile->width <= ledger::kTileWidth);
  }
  const auto entries = ledger::ParseEntriesPath(input);
  if (entries.has_value()) {
    ACCORD_CHECK(ledger::EntriesPath(entries->index, entries->width) == input);
    ACCORD_CHECK(entries->width >= 1 && entries->width <= ledger::kTileWidth);
  }
  ACCORD_CHECK(!(tile.has_value() && entries.has_value()));
  if (tile.has_value() || entries.has_value()) {  // Nothing that leads out of the folder or reads differently elsewhere.
    ACCORD_CHECK(input.find("..") == std::string_view::npos && input.find("//") == std::string_view::npos);
    ACCORD_CHECK(input.find_first_not_of("tilenrs0123456789x/.p") == std::string_view::npos);
  }
  return 0;
}

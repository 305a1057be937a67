#include "services/broker/ledger/ledger_families.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace accord::broker {
namespace {
constexpr std::string_view kHeadMagic = "ACH1";
constexpr size_t kNodeRootBytes = 32;
constexpr uint8_t kLevelMax = 7;  // 256^8 leaves and more are beyond a u64.
}  // namespace

std::string EncodeTileKey(TileKey key) {
  ByteWriter out;
  out.U8(key.level).U64(key.index);
  return std::move(out).Take();
}

std::optional<TileKey> DecodeTileKey(std::string_view bytes) {
  ByteReader in(bytes);
  TileKey key;
  if (!in.U8(key.level) || !in.U64(key.index) || !in.AtEnd() || key.level > kLevelMax) return std::nullopt;
  return key;
}

std::string EncodeLedgerHead(const LedgerHead& head) {
  ACCORD_CHECK(head.root.size() == kNodeRootBytes);
  ByteWriter out;
  out.Raw(kHeadMagic).U64(head.size).Raw(head.root);
  return std::move(out).Take();
}

std::optional<LedgerHead> DecodeLedgerHead(std::string_view bytes) {
  ByteReader in(bytes);
  LedgerHead head;
  std::string_view magic, root;
  if (!in.Raw(kHeadMagic.size(), magic) || magic != kHeadMagic || !in.U64(head.size) ||
      !in.Raw(kNodeRootBytes, root) || !in.AtEnd()) {
    return std::nullopt;
  }
  head.root = root;
  return head;
}

}  // namespace accord::broker

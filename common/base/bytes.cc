#include "common/base/bytes.h"

#include <absl/strings/escaping.h>

#include "common/base/status.h"
#include "common/base/text.h"

namespace accord {

std::string ToHex(std::string_view bytes) { return absl::BytesToHexString(ToAbsl(bytes)); }

std::optional<std::string> FromHex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  for (const char c : hex) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return std::nullopt;
  }
  return absl::HexStringToBytes(ToAbsl(hex));
}

std::string ToBase64(std::string_view bytes) { return absl::Base64Escape(ToAbsl(bytes)); }

std::optional<std::string> FromBase64(std::string_view base64) {
  std::string bytes;
  if (!absl::Base64Unescape(ToAbsl(base64), &bytes)) return std::nullopt;
  // absl is lenient about padding, spaces and unused bits; a signed format may not be.
  if (ToBase64(bytes) != base64) return std::nullopt;
  return bytes;
}

ByteWriter& ByteWriter::Put(uint64_t value, int width) {
  for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) out_.push_back(static_cast<char>(value >> shift));
  return *this;
}

ByteWriter& ByteWriter::Lp8(std::string_view bytes) {
  ACCORD_CHECK(bytes.size() <= UINT8_MAX);
  return U8(static_cast<uint8_t>(bytes.size())).Raw(bytes);
}
ByteWriter& ByteWriter::Lp16(std::string_view bytes) {
  ACCORD_CHECK(bytes.size() <= UINT16_MAX);
  return U16(static_cast<uint16_t>(bytes.size())).Raw(bytes);
}
ByteWriter& ByteWriter::Lp32(std::string_view bytes) {
  ACCORD_CHECK(bytes.size() <= UINT32_MAX);
  return U32(static_cast<uint32_t>(bytes.size())).Raw(bytes);
}

bool ByteReader::Raw(size_t length, std::string_view& bytes) {
  if (rest_.size() < length) return false;
  bytes = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return true;
}

template <typename T>
bool ByteReader::Lp(std::string_view& bytes) {
  const std::string_view before = rest_;
  T length = 0;
  if (Get(length) && Raw(length, bytes)) return true;
  rest_ = before;
  return false;
}
bool ByteReader::Lp8(std::string_view& bytes) { return Lp<uint8_t>(bytes); }
bool ByteReader::Lp16(std::string_view& bytes) { return Lp<uint16_t>(bytes); }
bool ByteReader::Lp32(std::string_view& bytes) { return Lp<uint32_t>(bytes); }

std::string KeyU64(uint64_t value) { return ByteWriter().U64(value).bytes(); }

std::optional<uint64_t> U64FromKey(std::string_view key) {
  uint64_t value = 0;
  ByteReader reader(key);
  if (!reader.U64(value) || !reader.AtEnd()) return std::nullopt;
  return value;
}

}  // namespace accord

// Bytes, and the two ways they are written: hex and base64 for people, big-endian
// fields for persisted and hashed formats (docs/formats.md, notation).
//
// Bytes are std::string, as in Protocol Buffers and RocksDB, so that nothing is
// copied at those borders. All functions are thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace accord {

std::string ToHex(std::string_view bytes);                       // Lower case.
std::optional<std::string> FromHex(std::string_view hex);        // Either case; nothing else.
std::string ToBase64(std::string_view bytes);                    // Standard alphabet, padded.
std::optional<std::string> FromBase64(std::string_view base64);  // Strict: padded, no spaces, canonical.

// Builds big-endian fields. Single-thread.
class ByteWriter {
 public:
  ByteWriter& U8(uint8_t value) { return Put(value, 1); }
  ByteWriter& U16(uint16_t value) { return Put(value, 2); }
  ByteWriter& U32(uint32_t value) { return Put(value, 4); }
  ByteWriter& U64(uint64_t value) { return Put(value, 8); }
  ByteWriter& Raw(std::string_view bytes) { out_.append(bytes); return *this; }
  // Length-prefixed. REQUIRES: the length fits the prefix.
  ByteWriter& Lp8(std::string_view bytes);
  ByteWriter& Lp16(std::string_view bytes);
  ByteWriter& Lp32(std::string_view bytes);

  const std::string& bytes() const { return out_; }
  std::string Take() && { return std::move(out_); }

 private:
  ByteWriter& Put(uint64_t value, int width);
  std::string out_;
};

// Reads what ByteWriter wrote. Every read returns false, and reads nothing, when
// too few bytes are left. Views point into the given bytes. Single-thread.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  bool U8(uint8_t& value) { return Get(value); }
  bool U16(uint16_t& value) { return Get(value); }
  bool U32(uint32_t& value) { return Get(value); }
  bool U64(uint64_t& value) { return Get(value); }
  bool Raw(size_t length, std::string_view& bytes);
  bool Lp8(std::string_view& bytes);
  bool Lp16(std::string_view& bytes);
  bool Lp32(std::string_view& bytes);
  bool AtEnd() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  template <typename T>
  bool Get(T& value) {
    if (rest_.size() < sizeof(T)) return false;
    uint64_t read = 0;
    for (size_t i = 0; i < sizeof(T); ++i) read = read << 8 | static_cast<uint8_t>(rest_[i]);
    value = static_cast<T>(read);
    rest_.remove_prefix(sizeof(T));
    return true;
  }
  template <typename T>
  bool Lp(std::string_view& bytes);

  std::string_view rest_;
};

// `value` as eight big-endian bytes, and back: keys that sort by number.
std::string KeyU64(uint64_t value);
std::optional<uint64_t> U64FromKey(std::string_view key);

}  // namespace accord

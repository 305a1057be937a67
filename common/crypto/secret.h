// Bytes that leave no copy behind.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace accord::crypto {

// Overwrites `bytes` in a way the compiler keeps, and empties it. Thread-compatible.
void Wipe(std::string& bytes);

// Secret bytes, wiped when destroyed, assigned over or moved from. Cannot be copied
// by accident, printed or logged: view() is the one way to the bytes. Thread-compatible.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::string_view bytes) : bytes_(bytes) {}
  // Takes the bytes and wipes the source.
  static SecretBytes Take(std::string&& bytes) {
    SecretBytes secret(bytes);
    Wipe(bytes);
    return secret;
  }
  SecretBytes(SecretBytes&& other) : bytes_(other.bytes_) { Wipe(other.bytes_); }
  SecretBytes& operator=(SecretBytes&& other) {
    if (this == &other) return *this;
    Wipe(bytes_);
    bytes_ = other.bytes_;
    Wipe(other.bytes_);
    return *this;
  }
  ~SecretBytes() { Wipe(bytes_); }

  SecretBytes Clone() const { return SecretBytes(bytes_); }
  std::string_view view() const { return bytes_; }
  size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

}  // namespace accord::crypto

#include "common/crypto/secret.h"

#include <openssl/crypto.h>

namespace accord::crypto {

void Wipe(std::string& bytes) {
  // Up to the capacity: a string that was shortened still holds its old tail.
  bytes.resize(bytes.capacity());
  OPENSSL_cleanse(bytes.data(), bytes.size());
  bytes.clear();
}

}  // namespace accord::crypto

#include "common/crypto/dsse.h"

#include <fmt/format.h>

#include "common/crypto/digest.h"

namespace accord::crypto {
namespace {

std::string Prefix(std::string_view type, std::string_view payload) {
  return fmt::format("DSSEv1 {} {} {} ", type.size(), type, payload.size());
}

}  // namespace

std::string Pae(std::string_view type, std::string_view payload) {
  return Prefix(type, payload).append(payload);
}

std::string PaeDigest(std::string_view type, std::string_view payload) {
  return Sha256({Prefix(type, payload), payload});
}

}  // namespace accord::crypto

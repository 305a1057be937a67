#include "common/crypto/succession.h"

#include <openssl/evp.h>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace accord::crypto {
namespace {

constexpr std::string_view kDomain = "accord/sealing-succession/v1";

absl::Status CheckPair(const Certificate& previous, const Certificate& next) {
  const auto invalid = [](std::string_view why) {
    return Error(Reason::kFieldInvalid, why, {{"field", "previous_sealing_certificate"}});
  };
  ACCORD_RETURN_IF_ERROR(previous.CheckSealingForm());
  ACCORD_RETURN_IF_ERROR(next.CheckSealingForm());
  if (previous.der() == next.der()) return invalid("a certificate does not follow itself");
  if (previous.uri_sans() != next.uri_sans()) return invalid("the certificate that it follows names somebody else");
  return absl::OkStatus();
}

}  // namespace

std::string SuccessionMessage(const Certificate& previous, const Certificate& next) {
  return ByteWriter().Raw(kDomain).U8(0).Raw(previous.fingerprint()).Raw(next.fingerprint()).bytes();
}

absl::StatusOr<std::string> EndorseSuccessor(const SealingKey& key, const Certificate& previous, const Certificate& next) {
  ACCORD_RETURN_IF_ERROR(CheckPair(previous, next));
  if (key.spki() != previous.spki()) return Error(Reason::kFieldInvalid, "the key is not that of the certificate", {{"field", "key"}});
  const std::string message = SuccessionMessage(previous, next);
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  std::string signature(kEcdsaSignatureBytesMax, '\0');
  size_t length = signature.size();
  if (context == nullptr || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.native()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length,
                     reinterpret_cast<const unsigned char*>(message.data()), message.size()) != 1) {
    return OpenSslError("cannot sign");
  }
  signature.resize(length);
  return signature;
}

absl::Status VerifySuccessor(const Certificate& previous, const Certificate& next, std::string_view endorsement) {
  ACCORD_RETURN_IF_ERROR(CheckPair(previous, next));
  ACCORD_ASSIGN_OR_RETURN(const VerifyKey key, previous.verify_key());
  return key.Verify(SuccessionMessage(previous, next), endorsement);
}

}  // namespace accord::crypto

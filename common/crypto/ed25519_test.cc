#include "common/crypto/ed25519.h"

#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "common/crypto/ecdsa.h"

namespace accord::crypto::ed25519_test {
namespace {

// RFC 8032 §7.1, test 2.
TEST(Ed25519Test, KnownAnswer) {
  const auto signer =
      Ed25519Signer::FromSeed(*FromHex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  ASSERT_TRUE(signer.ok()) << signer.status();
  EXPECT_EQ(ToHex(signer->public_key()), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const std::string signature = signer->Sign("\x72");
  EXPECT_EQ(ToHex(signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4"
            "302aeeb00d291612bb0c00");
  EXPECT_TRUE(Ed25519Verifier::FromPublicKey(signer->public_key())->Verify("\x72", signature));
}

TEST(Ed25519Test, EveryBitOfASignatureCounts) {
  const Ed25519Signer signer = Ed25519Signer::Generate();
  const std::string signature = signer.Sign("message");
  EXPECT_TRUE(signer.verifier().Verify("message", signature));
  EXPECT_FALSE(signer.verifier().Verify("massage", signature));
  EXPECT_FALSE(Ed25519Signer::Generate().verifier().Verify("message", signature));
  EXPECT_FALSE(signer.verifier().Verify("message", signature + '\0'));
  EXPECT_FALSE(signer.verifier().Verify("message", ""));
  for (size_t bit = 0; bit < signature.size() * 8; ++bit) {
    std::string other = signature;
    other[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_FALSE(signer.verifier().Verify("message", other)) << bit;
  }
}

TEST(Ed25519Test, PemKeepsTheKey) {
  const Ed25519Signer signer = Ed25519Signer::Generate();
  const auto loaded = Ed25519Signer::FromPem(signer.ToPem().view());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->Sign("x"), signer.Sign("x"));
}

TEST(Ed25519Test, RefusesOtherKeysAndLengths) {
  constexpr std::string_view kX25519Pem =
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VuBCIEIDBMyNm2IxIRTDmb7Tg2pWqljJ8IP/l2LJdiOKw/vUxe\n"
      "-----END PRIVATE KEY-----\n";
  EXPECT_TRUE(HasReason(Ed25519Signer::FromPem(kX25519Pem).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Ed25519Signer::FromPem(SigningKey::Generate().ToPem().view()).status(),
                        Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Ed25519Signer::FromSeed("short").status(), Reason::kFieldInvalid));
  EXPECT_TRUE(
      HasReason(Ed25519Verifier::FromPublicKey(std::string(33, 'x')).status(), Reason::kFieldInvalid));
}

}  // namespace
}  // namespace accord::crypto::ed25519_test

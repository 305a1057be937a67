#include "common/crypto/protected_key.h"

#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/crypto/ecdsa.h"

namespace accord::crypto::protected_key_test {
namespace {

constexpr std::string_view kPassphrase = "correct horse battery staple";

TEST(ProtectedKeyTest, OpensWithItsPassphraseAlone) {
  FakeRandom random(1);
  const SigningKey key = SigningKey::Generate();
  const auto pem = ProtectPrivateKey(key.ToPem().view(), kPassphrase, random);
  ASSERT_TRUE(pem.ok()) << pem.status();
  EXPECT_TRUE(IsProtected(*pem));
  EXPECT_FALSE(IsProtected(key.ToPem().view()));
  const auto opened = UnprotectPrivateKey(*pem, kPassphrase);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(SigningKey::FromPem(opened->view())->key_id(), key.key_id());
  EXPECT_TRUE(HasReason(UnprotectPrivateKey(*pem, "correct horse battery stapl").status(), Reason::kPassphraseWrong));
  EXPECT_TRUE(HasReason(UnprotectPrivateKey(*pem, "").status(), Reason::kPassphraseWrong));
  EXPECT_TRUE(HasReason(SigningKey::FromPem(*pem).status(), Reason::kFieldInvalid)) << "and it is never asked for at a terminal";
  EXPECT_TRUE(HasReason(UnprotectBytes(*pem, kPassphrase).status(), Reason::kFieldInvalid)) << "it is no key of plain bytes";
}

TEST(ProtectedKeyTest, KeepsPlainBytesAndShowsNoneOfThem) {
  FakeRandom random(2);
  const std::string secret = random.Bytes(32);
  const auto pem = ProtectBytes(secret, kPassphrase, random);
  ASSERT_TRUE(pem.ok()) << pem.status();
  EXPECT_EQ(pem->find(ToBase64(secret).substr(0, 20)), std::string::npos);
  EXPECT_EQ(UnprotectBytes(*pem, kPassphrase)->view(), secret);
  EXPECT_TRUE(HasReason(UnprotectBytes(*pem, "another passphrase").status(), Reason::kPassphraseWrong));
  EXPECT_NE(*ProtectBytes(secret, kPassphrase, random), *pem) << "with a salt of its own each time";
  EXPECT_TRUE(HasReason(UnprotectPrivateKey(*pem, kPassphrase).status(), Reason::kFieldInvalid));
}

TEST(ProtectedKeyTest, HoldsToItsBounds) {
  FakeRandom random(3);
  EXPECT_TRUE(HasReason(ProtectBytes("x", std::string(kPassphraseBytesMin - 1, 'p'), random).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(ProtectBytes("x", std::string(kPassphraseBytesMin, 'p'), random).ok());
  EXPECT_TRUE(HasReason(ProtectBytes("x", std::string(kPassphraseBytesMax + 1, 'p'), random).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(ProtectBytes("", kPassphrase, random).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(ProtectBytes(std::string(4097, 'x'), kPassphrase, random).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(ProtectPrivateKey("no key", kPassphrase, random).status(), Reason::kFieldInvalid));
  for (const char* malformed : {"", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"}) {
    EXPECT_TRUE(HasReason(UnprotectBytes(malformed, kPassphrase).status(), Reason::kFieldInvalid)) << malformed;
  }
}

// Written by `openssl pkcs8 -topk8 -scrypt -scrypt_N 16384 -scrypt_r 8 -scrypt_p 5`, and by this file: both stay readable for good.
TEST(ProtectedKeyTest, ReadsItsGoldenBytes) {
  const auto pem = ReadFile("tests/golden/protected/signing.pem"), bytes = ReadFile("tests/golden/protected/bytes.pem");
  ASSERT_TRUE(pem.ok() && bytes.ok());
  const auto key = UnprotectPrivateKey(*pem, kPassphrase);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(ToHex(SigningKey::FromPem(key->view())->key_id()), "939470da04da687d102ef677244a55899b573d9f31336ec66465b0e4c6f1562c");
  EXPECT_EQ(ToHex(UnprotectBytes(*bytes, kPassphrase)->view()), "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
}

}  // namespace
}  // namespace accord::crypto::protected_key_test

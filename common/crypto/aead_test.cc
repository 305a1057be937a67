#include "common/crypto/aead.h"

#include <gtest/gtest.h>

#include "common/base/bytes.h"

namespace accord::crypto::aead::aead_test {
namespace {

// Test case 16 of the GCM submission to NIST (McGrew and Viega).
TEST(AeadTest, KnownAnswer) {
  const SecretBytes key(*FromHex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const std::string nonce = *FromHex("cafebabefacedbaddecaf888");
  const std::string aad = *FromHex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string plaintext = *FromHex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aed"
      "f5"
      "aa0de657ba637b39");
  const std::string sealed = Seal(key, nonce, aad, plaintext);
  EXPECT_EQ(
      ToHex(sealed),
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e"
      "6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_EQ(Open(key, nonce, aad, sealed), plaintext);
}

class TamperedAeadTest : public ::testing::Test {
 protected:
  const SecretBytes key_{std::string(kKeyBytes, 'k')};
  const std::string nonce_ = std::string(kNonceBytes, 'n');
  const std::string sealed_ = Seal(key_, nonce_, "family and key", "plaintext");
};

TEST_F(TamperedAeadTest, EveryBitCounts) {
  for (size_t bit = 0; bit < sealed_.size() * 8; ++bit) {
    std::string other = sealed_;
    other[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_EQ(Open(key_, nonce_, "family and key", other), std::nullopt) << bit;
  }
}

TEST_F(TamperedAeadTest, OtherKeyNonceOrDataOpensNothing) {
  EXPECT_EQ(Open(SecretBytes(std::string(kKeyBytes, 'K')), nonce_, "family and key", sealed_), std::nullopt);
  EXPECT_EQ(Open(key_, std::string(kNonceBytes, 'N'), "family and key", sealed_), std::nullopt);
  EXPECT_EQ(Open(key_, nonce_, "family and kez", sealed_), std::nullopt);
}

TEST_F(TamperedAeadTest, WrongSizesOpenNothing) {
  EXPECT_EQ(Open(key_, nonce_.substr(1), "family and key", sealed_), std::nullopt);
  for (size_t size = 0; size < sealed_.size(); ++size) {
    EXPECT_EQ(Open(key_, nonce_, "family and key", sealed_.substr(0, size)), std::nullopt) << size;
  }
}

TEST_F(TamperedAeadTest, EmptyPlaintextIsStillAuthentic) {
  const std::string sealed = Seal(key_, nonce_, "", "");
  EXPECT_EQ(sealed.size(), kTagBytes);
  EXPECT_EQ(Open(key_, nonce_, "", sealed), "");
  EXPECT_EQ(Open(key_, nonce_, "x", sealed), std::nullopt);
}

}  // namespace
}  // namespace accord::crypto::aead::aead_test

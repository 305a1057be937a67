#include "common/crypto/digest.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <vector>

#include "common/base/bytes.h"
#include "common/crypto/secret.h"

namespace accord::crypto::digest_test {
namespace {

// FIPS 180-2 appendix B.
TEST(DigestTest, KnownAnswers) {
  EXPECT_EQ(ToHex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(ToHex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256({"a", "", "bc"}), Sha256("abc"));
}

// Two ways into OpenSSL against each other: the hasher goes by EVP, the functions do not (digest.cc). Every length around the
// ends of blocks and of the padding, cut in two at every place.
TEST(DigestTest, TheFunctionsAgreeWithTheHasherAtEveryLength) {
  std::string message;
  Sha256Hasher hasher;
  for (size_t length = 0; length <= 200; ++length) {
    const std::string expected = hasher.Update(message).Finish();
    for (size_t cut = 0; cut <= length; ++cut) {
      const std::string_view view = message;
      ASSERT_EQ(Sha256({view.substr(0, cut), view.substr(cut)}), expected) << length << " " << cut;
    }
    message.push_back(static_cast<char>(31 * length + 7));
  }
}

TEST(DigestTest, ANodeIsTheDigestOfItsSixtyFiveBytes) {
  for (int i = 0; i < 256; ++i) {
    const std::string left = Sha256(std::to_string(i)), right = Sha256(left);
    const char prefix = static_cast<char>(i);
    std::string out(kDigestBytes, 'x');
    Sha256NodeInto(prefix, left.data(), right.data(), out.data());
    EXPECT_EQ(out, Sha256Hasher().Update({&prefix, 1}).Update(left).Update(right).Finish());
    std::string in_place = left;
    Sha256NodeInto(prefix, in_place.data(), right.data(), in_place.data());
    EXPECT_EQ(in_place, out);
  }
}

TEST(DigestTest, HasherStartsAfreshAfterFinish) {
  Sha256Hasher hasher;
  EXPECT_EQ(hasher.Update("a").Update("bc").Finish(), Sha256("abc"));
  EXPECT_EQ(hasher.Finish(), Sha256(""));
}

// RFC 4231, cases 2 and 6 (a key longer than a block).
TEST(DigestTest, HmacKnownAnswers) {
  EXPECT_EQ(ToHex(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      ToHex(HmacSha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(HmacSha256("", "").size(), kDigestBytes);
}

TEST(DigestTest, HmacIsThatOfOpenSsl) {
  for (const size_t key_bytes : {0u, 1u, 32u, 63u, 64u, 65u, 128u, 200u}) {
    for (const size_t data_bytes : {0u, 1u, 55u, 56u, 64u, 119u, 1000u}) {
      const std::string key(key_bytes, 'k'), data(data_bytes, 'd');
      std::string theirs(kDigestBytes, '\0');
      ASSERT_NE(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(data.data()), data.size(),
                     reinterpret_cast<unsigned char*>(theirs.data()), nullptr),
                nullptr);
      EXPECT_EQ(HmacSha256(key, data), theirs) << key_bytes << " " << data_bytes;
    }
  }
}

TEST(DigestTest, ConstantTimeEqualComparesAllBytes) {
  EXPECT_TRUE(ConstantTimeEqual("", ""));
  EXPECT_TRUE(ConstantTimeEqual("same", "same"));
  EXPECT_FALSE(ConstantTimeEqual("same", "sama"));
  EXPECT_FALSE(ConstantTimeEqual("same", "same "));
}

TEST(SecretBytesTest, MovingLeavesNothingBehind) {
  std::string source = "a secret that is longer than a small string";
  SecretBytes first = SecretBytes::Take(std::move(source));
  EXPECT_TRUE(source.empty());  // NOLINT: it is what Take promises.
  SecretBytes second = std::move(first);
  EXPECT_EQ(first.size(), 0u);  // NOLINT: likewise.
  EXPECT_EQ(second.view(), "a secret that is longer than a small string");
  EXPECT_EQ(second.Clone().view(), second.view());
}

}  // namespace
}  // namespace accord::crypto::digest_test

#include "common/crypto/ecdsa.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/crypto/digest.h"
#include "common/crypto/dsse.h"
#include "common/crypto/testing_pki.h"

namespace accord::crypto::ecdsa_test {
namespace {

// Made by `openssl dgst -sha256 -sign` over "the quick brown fox".
constexpr std::string_view kPublicPem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEiL78+aaDyKfHsrxp8s3eXnSoIsBA\n"
    "EHA38T3pdSIF6kg/A3yF0Qgqa+o+LJuAzdrvKkLjJIk1gzamX798MHVtxg==\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kSignatureHex =
    "304402207cd4a8c2cf3ff5a084b32c0890b2abba41c63a60494f8963b1cb7d5aeec239be0220611052fb3798c1185d958bf9fca2"
    "270358"
    "95c16740d44ae271437b42bf94e403";
constexpr std::string_view kKeyIdHex = "f0f54550631c7a6ad34b3db99a3eae2eab254a6935e5d866e29c8a24f34f970e";
// The same key with a compressed point, and another with explicit curve parameters.
constexpr std::string_view kCompressedPem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACiL78+aaDyKfHsrxp8s3eXnSoIsBA\n"
    "EHA38T3pdSIF6kg=\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kExplicitPem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA\n"
    "AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////\n"
    "///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd\n"
    "NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5\n"
    "RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA\n"
    "//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABEnokA9la4ekByVbCQkWdgZc\n"
    "GXBo0iCxXLY2w3Ie/iXy1dXT2M5vo3iRJt9avdFr+tNnHTzi5X9aNo3bWVmmvq4=\n"
    "-----END PUBLIC KEY-----\n";

// The private half by `openssl pkcs8 -topk8 -v2 aes256`, passphrase "secret".
constexpr std::string_view kEncryptedPem =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgq06YfGe0/PQICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGbx4E0I0QFhQJD/sumQ2sMEgZBC\n"
    "gFkD8gIYt6SwIk0D6NYZyI/ai2wqq8M++bi4WtmUIdnQ6wrjHx/ugZT7RaH6CC7G\n"
    "ssf0j3nJBh5wrd8/2FtpGYPpMOYcfzwSg9wFz9apQ4V+PlFOcgqKzAZ3ZBr7SBFq\n"
    "alrC25y7ofRSp0VhaZtko6PUVKeilTdKji6FgjlhY+Nug97dEJlhCUeTUPe/t0w=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

TEST(EcdsaTest, VerifiesWhatOpensslSigned) {
  const auto key = VerifyKey::FromPem(kPublicPem);
  ASSERT_TRUE(key.ok()) << key.status();
  const std::string signature = *FromHex(kSignatureHex);
  EXPECT_EQ(ToHex(key->key_id()), kKeyIdHex);
  EXPECT_EQ(key->ToPem(), kPublicPem);
  EXPECT_TRUE(key->Verify("the quick brown fox", signature).ok());
  EXPECT_TRUE(HasReason(key->Verify("the quick brown fog", signature), Reason::kSignatureInvalid));
  for (size_t bit = 0; bit < signature.size() * 8; ++bit) {
    std::string other = signature;
    other[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_FALSE(key->Verify("the quick brown fox", other).ok()) << bit;
  }
  EXPECT_FALSE(key->Verify("the quick brown fox", signature + '\0').ok());
  EXPECT_FALSE(key->Verify("the quick brown fox", "").ok());
}

TEST(EcdsaTest, SignsDigestsOfEnvelopes) {
  const SigningKey key = SigningKey::Generate();
  const auto signature = key.SignDigest(PaeDigest("type", "payload"));
  ASSERT_TRUE(signature.ok()) << signature.status();
  EXPECT_TRUE(key.public_key().Verify(Pae("type", "payload"), *signature).ok());
  EXPECT_TRUE(key.public_key().VerifyDigest(PaeDigest("type", "payload"), *signature).ok());
  EXPECT_FALSE(key.public_key().VerifyDigest(PaeDigest("type", "Payload"), *signature).ok());
  // ECDSA itself would look at the first 32 bytes only.
  EXPECT_FALSE(key.public_key().VerifyDigest(PaeDigest("type", "payload") + "x", *signature).ok());
  EXPECT_FALSE(
      SigningKey::Generate().public_key().VerifyDigest(PaeDigest("type", "payload"), *signature).ok());
}

TEST(EcdsaTest, KeysKeepTheirIdThroughEveryForm) {
  const SigningKey key = SigningKey::Generate();
  EXPECT_EQ(key.key_id(), Sha256(key.spki()));
  EXPECT_EQ(VerifyKey::FromSpki(key.spki())->key_id(), key.key_id());
  EXPECT_EQ(SigningKey::FromPem(key.ToPem().view())->key_id(), key.key_id());
  const std::string path = std::filesystem::temp_directory_path() / ("accord-key-" + ToHex(key.key_id()));
  ASSERT_TRUE(WriteFileDurably(path, key.ToPem().view()).ok());
  EXPECT_EQ(SigningKey::FromPemFile(path)->key_id(), key.key_id());
  std::filesystem::remove(path);
  EXPECT_EQ(SigningKey::FromPemFile(path).status().code(), absl::StatusCode::kNotFound);
}

TEST(EcdsaTest, RefusesEveryOtherKeyAndForm) {
  const auto refused = [](const auto& result) { return HasReason(result.status(), Reason::kFieldInvalid); };
  EXPECT_TRUE(refused(VerifyKey::FromPem(kCompressedPem)));
  EXPECT_TRUE(refused(VerifyKey::FromPem(kExplicitPem)));
  EXPECT_TRUE(refused(VerifyKey::FromPem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")));
  EXPECT_TRUE(refused(VerifyKey::FromSpki("")));
  const std::string spki = SigningKey::Generate().spki();
  EXPECT_TRUE(refused(VerifyKey::FromSpki(spki + '\0')));
  std::string off_curve = spki;
  off_curve.back() ^= 1;
  EXPECT_TRUE(refused(VerifyKey::FromSpki(off_curve)));

  const testing::TestAuthority authority;
  const testing::Issued p384 = authority.Issue({.curve = "P-384"});
  EXPECT_TRUE(refused(SigningKey::FromPem(p384.key_pem)));
  EXPECT_TRUE(refused(VerifyKey::FromSpki(p384.certificate.spki())));
  EXPECT_TRUE(refused(p384.certificate.verify_key()));
  EXPECT_TRUE(refused(SigningKey::FromPem("")));
  EXPECT_TRUE(refused(SigningKey::FromPem(kPublicPem)));
}

// Whoever signs with one key while showing another could later deny it.
TEST(EcdsaTest, RefusesHalvesOfTwoKeys) {
  const SigningKey key = SigningKey::Generate();
  const auto replaced = [&](const SigningKey& by) {
    const std::string pem(key.ToPem().view());
    const size_t begin = pem.find('\n') + 1, end = pem.find("-----END");
    std::string base64 = pem.substr(begin, end - begin);
    std::erase(base64, '\n');
    std::string der = *FromBase64(base64);
    const size_t point = der.find(key.spki().substr(27));
    der.replace(point, 64, by.spki().substr(27));
    return SigningKey::FromPem("-----BEGIN PRIVATE KEY-----\n" + ToBase64(der) +
                               "\n-----END PRIVATE KEY-----\n");
  };
  EXPECT_TRUE(replaced(key).ok()) << replaced(key).status();
  EXPECT_TRUE(HasReason(replaced(SigningKey::Generate()).status(), Reason::kFieldInvalid));
}

TEST(EcdsaTest, NeverAsksForAPassphrase) {
  EXPECT_TRUE(HasReason(SigningKey::FromPem(kEncryptedPem).status(), Reason::kFieldInvalid));
}

}  // namespace
}  // namespace accord::crypto::ecdsa_test

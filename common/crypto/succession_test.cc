#include "common/crypto/succession.h"

#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/testing_pki.h"

namespace accord::crypto::succession_test {
namespace {

using testing::Issued;
using testing::TestAuthority;

class SuccessionTest : public ::testing::Test {
 protected:
  const TestAuthority authority_;
  const Issued old_ = authority_.IssueSealing("housing");
  const Issued new_ = authority_.IssueSealing("housing");
  const Issued other_ = authority_.IssueSealing("police");
};

TEST_F(SuccessionTest, TheOldKeyVouchesForTheNewOne) {
  const auto endorsement = EndorseSuccessor(old_.sealing_key(), old_.certificate, new_.certificate);
  ASSERT_TRUE(endorsement.ok()) << endorsement.status();
  EXPECT_TRUE(VerifySuccessor(old_.certificate, new_.certificate, *endorsement).ok());
  // Neither the other way about, nor for another one, nor by another.
  EXPECT_TRUE(HasReason(VerifySuccessor(new_.certificate, old_.certificate, *endorsement), Reason::kSignatureInvalid));
  const Issued third = authority_.IssueSealing("housing");
  EXPECT_TRUE(HasReason(VerifySuccessor(old_.certificate, third.certificate, *endorsement), Reason::kSignatureInvalid));
  EXPECT_TRUE(HasReason(VerifySuccessor(third.certificate, new_.certificate, *endorsement), Reason::kSignatureInvalid));
  for (size_t i = 0; i < endorsement->size(); ++i) {
    std::string altered = *endorsement;
    altered[i] ^= 1;
    EXPECT_FALSE(VerifySuccessor(old_.certificate, new_.certificate, altered).ok()) << i;
  }
}

TEST_F(SuccessionTest, OnlySealingCertificatesOfOneAgencyFollowEachOther) {
  const auto refused = [&](const SealingKey& key, const Certificate& previous, const Certificate& next) {
    return HasReason(EndorseSuccessor(key, previous, next).status(), Reason::kFieldInvalid);
  };
  EXPECT_TRUE(refused(old_.sealing_key(), old_.certificate, old_.certificate));
  EXPECT_TRUE(refused(old_.sealing_key(), old_.certificate, other_.certificate));
  EXPECT_TRUE(refused(new_.sealing_key(), old_.certificate, new_.certificate)) << "not the key of the older one";
  EXPECT_TRUE(refused(old_.sealing_key(), old_.certificate, authority_.IssueSigning("housing").certificate));
}

TEST_F(SuccessionTest, TheMessageIsOfThisUseAlone) {
  EXPECT_EQ(SuccessionMessage(old_.certificate, new_.certificate),
            "accord/sealing-succession/v1" + std::string(1, '\0') + old_.certificate.fingerprint() + new_.certificate.fingerprint());
}

}  // namespace
}  // namespace accord::crypto::succession_test

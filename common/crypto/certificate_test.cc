#include "common/crypto/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/digest.h"
#include "common/crypto/named_certificate.h"
#include "common/crypto/testing_pki.h"

namespace accord::crypto::certificate_test {
namespace {

using ::testing::ElementsAre;
using testing::Issued;
using testing::SpiffeId;
using testing::TestAuthority;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

class CertificateTest : public ::testing::Test {
 protected:
  absl::Status Verify(const TestAuthority& anchor, const Certificate& certificate,
                      std::vector<Certificate> intermediates = {}, absl::Time at = kNow) {
    return anchor.anchors().Verify(certificate, intermediates, at, Reason::kSealingKeyUntrusted);
  }
  static bool Untrusted(const absl::Status& status) {
    return HasReason(status, Reason::kSealingKeyUntrusted);
  }

  const TestAuthority authority_;
};

TEST_F(CertificateTest, ShowsWhatItHolds) {
  const Issued issued = authority_.IssueSealing("met-police");
  const Certificate& certificate = issued.certificate;
  EXPECT_THAT(certificate.uri_sans(), ElementsAre("spiffe://accord.test/agency/met-police/sealing"));
  EXPECT_EQ(certificate.key_usage(), kKeyAgreement);
  EXPECT_EQ(certificate.subject_key_id().size(), 20u);
  EXPECT_EQ(certificate.fingerprint(), Sha256(certificate.der()));
  EXPECT_EQ(certificate.public_key_id(), issued.sealing_key().key_id());
  EXPECT_EQ(certificate.verify_key()->key_id(), certificate.public_key_id());
  EXPECT_FALSE(certificate.is_authority());
  EXPECT_LT(certificate.not_before(), certificate.not_after());
  EXPECT_EQ(absl::FormatTime(certificate.not_after(), absl::UTCTimeZone()), "2049-01-01T00:00:00+00:00");
  EXPECT_EQ(Certificate::FromPem(certificate.pem())->der(), certificate.der());
  EXPECT_TRUE(authority_.certificate().is_authority());
}

TEST_F(CertificateTest, BothUriNamesAreVisible) {
  const Issued two =
      authority_.Issue({.uris = {SpiffeId("agency/a"), SpiffeId("agency/b")}, .key_usage = kKeyAgreement});
  EXPECT_THAT(two.certificate.uri_sans(), ElementsAre(SpiffeId("agency/a"), SpiffeId("agency/b")));
  EXPECT_EQ(DetailOf(two.certificate.CheckSealingForm()).metadata["field"], "uri_san");
}

TEST_F(CertificateTest, FormIsOneKeyOneUsageOneName) {
  EXPECT_TRUE(authority_.IssueSealing("a").certificate.CheckSealingForm().ok());
  EXPECT_TRUE(authority_.IssueSigning("a").certificate.CheckSigningForm().ok());
  const auto field = [&](const testing::CertificateSpec& spec) {
    return DetailOf(authority_.Issue(spec).certificate.CheckSealingForm()).metadata["field"];
  };
  const std::vector<std::string> uris = {SpiffeId("agency/a/sealing")};
  EXPECT_EQ(field({.uris = uris, .key_usage = kKeyAgreement}), "");
  EXPECT_EQ(field({.uris = uris, .key_usage = kKeyAgreement | kDigitalSignature}), "key_usage");
  EXPECT_EQ(field({.uris = uris, .key_usage = 0}), "key_usage");
  EXPECT_EQ(field({.uris = uris, .key_usage = kKeyAgreement, .subject_key_id = false}), "subject_key_id");
  EXPECT_EQ(field({.uris = uris, .key_usage = kKeyAgreement, .curve = "P-384"}), "public_key");
  EXPECT_EQ(field({.key_usage = kKeyAgreement}), "uri_san");
}

TEST_F(CertificateTest, RefusesAnythingButOneCertificate) {
  const std::string der = authority_.certificate().der();
  const std::string pem = authority_.pem();
  EXPECT_TRUE(Certificate::FromDer(der).ok());
  EXPECT_FALSE(Certificate::FromDer(der + '\0').ok());
  EXPECT_FALSE(Certificate::FromDer(der.substr(0, der.size() - 1)).ok());
  EXPECT_FALSE(Certificate::FromDer("").ok());
  EXPECT_FALSE(Certificate::FromPem(pem + pem).ok());
  EXPECT_FALSE(Certificate::FromPem("").ok());
  EXPECT_FALSE(Certificate::FromPem(pem + pem.substr(0, pem.size() / 2)).ok());
  EXPECT_EQ(Certificate::ManyFromPem(pem + pem)->size(), 2u);
}

TEST_F(CertificateTest, ChainsToItsAuthorityOnly) {
  const Issued issued = authority_.IssueSealing("a");
  EXPECT_TRUE(Verify(authority_, issued.certificate).ok()) << Verify(authority_, issued.certificate);
  // Of the same name, and so told apart by its key alone.
  EXPECT_TRUE(Untrusted(Verify(TestAuthority(), issued.certificate)));
  EXPECT_TRUE(Untrusted(Verify(TestAuthority("Another"), issued.certificate)));
}

TEST_F(CertificateTest, NeedsTheIntermediate) {
  const TestAuthority intermediate = authority_.Intermediate();
  const Issued issued = intermediate.IssueSealing("a");
  EXPECT_TRUE(Verify(authority_, issued.certificate, {intermediate.certificate()}).ok());
  EXPECT_TRUE(Untrusted(Verify(authority_, issued.certificate)));
  EXPECT_TRUE(Verify(intermediate, issued.certificate).ok());  // As an anchor of its own.
  EXPECT_TRUE(Untrusted(Verify(authority_, issued.certificate,
                               std::vector(kIntermediatesMax + 1, intermediate.certificate()))));
}

TEST_F(CertificateTest, AnUnauthorisedIssuerDoesNotChain) {
  const Issued leaf = authority_.IssueSigning("a");
  const TestAuthority pretender = TestAuthority::FromIssued(leaf);
  const Issued issued = pretender.IssueSealing("b");
  EXPECT_TRUE(Untrusted(Verify(authority_, issued.certificate, {leaf.certificate})));
  EXPECT_TRUE(HasReason(TrustAnchors::FromPem(leaf.certificate.pem()).status(), Reason::kFieldInvalid));
}

TEST_F(CertificateTest, EveryCertificateOfTheChainMustBeValidThen) {
  const absl::Time end = kNow - absl::Hours(1);
  const Issued expired = authority_.Issue({.not_after = end});
  EXPECT_TRUE(Untrusted(Verify(authority_, expired.certificate)));
  EXPECT_TRUE(Verify(authority_, expired.certificate, {}, end - absl::Hours(1)).ok());
  EXPECT_TRUE(
      Untrusted(Verify(authority_, authority_.Issue({.not_before = kNow + absl::Hours(1)}).certificate)));
  const TestAuthority old = authority_.Intermediate({.common_name = "Old", .not_after = end});
  EXPECT_TRUE(Untrusted(Verify(authority_, old.IssueSealing("a").certificate, {old.certificate()})));
}

TEST_F(CertificateTest, ANamedOneIsOfItsNameAuthorityUseAndTime) {
  const auto found = [&](const TestAuthority& anchor, const Certificate& certificate, std::string_view path, CertificateUse use, absl::Time at = kNow) {
    return CheckNamedCertificate(anchor.anchors(), certificate.der(), SpiffeId(path), use, at);
  };
  const Certificate sealing = authority_.IssueSealing("idva").certificate, signing = authority_.IssueSigning("idva").certificate;
  const auto good = found(authority_, sealing, "agency/idva/sealing", CertificateUse::kSealing);
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ(good->der(), sealing.der());
  EXPECT_TRUE(found(authority_, signing, "agency/idva/signing", CertificateUse::kSigning).ok());

  const TestAuthority another("Another");
  EXPECT_TRUE(Untrusted(found(another, sealing, "agency/idva/sealing", CertificateUse::kSealing).status()));
  EXPECT_TRUE(Untrusted(found(authority_, sealing, "agency/police/sealing", CertificateUse::kSealing).status()));
  EXPECT_TRUE(Untrusted(found(authority_, sealing, "agency/idva/sealing", CertificateUse::kSigning).status()));
  EXPECT_TRUE(Untrusted(found(authority_, signing, "agency/idva/signing", CertificateUse::kSealing).status()));
  EXPECT_TRUE(Untrusted(found(authority_, sealing, "agency/idva/sealing", CertificateUse::kSealing, sealing.not_after() + absl::Seconds(1)).status()));
  EXPECT_TRUE(Untrusted(CheckNamedCertificate(authority_.anchors(), "x", SpiffeId("agency/idva/sealing"), CertificateUse::kSealing, kNow).status()));
  const Issued two = authority_.Issue({.uris = {SpiffeId("agency/idva/sealing"), SpiffeId("agency/police/sealing")}, .key_usage = kKeyAgreement});
  EXPECT_TRUE(Untrusted(found(authority_, two.certificate, "agency/idva/sealing", CertificateUse::kSealing).status())) << "two names are none";
}

TEST_F(CertificateTest, GarbageNeverCrashes) {
  const std::string der = authority_.IssueTls("agency/a/outbox").certificate.der();
  for (size_t at = 0; at < der.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string other = der;
      other[at] ^= flip;
      if (const auto parsed = Certificate::FromDer(other); parsed.ok()) {
        EXPECT_FALSE(Verify(authority_, *parsed).ok()) << at;
      }
    }
  }
}

}  // namespace
}  // namespace accord::crypto::certificate_test

#include "common/crypto/cms.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "common/base/bytes.h"
#include "common/base/executor.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "common/crypto/testing_pki.h"

namespace accord::crypto::cms::cms_test {
namespace {

using testing::Issued;
using testing::TestAuthority;

bool Malformed(const absl::Status& status) {
  return HasReason(status, Reason::kSectionMalformed);
}

class CmsTest : public ::testing::Test {
 protected:
  std::string SealAll(std::string_view plaintext = "plaintext") {
    const auto sealed =
        Seal(plaintext, std::vector{police_.certificate, housing_.certificate, health_.certificate});
    EXPECT_TRUE(sealed.ok()) << sealed.status();
    return *sealed;
  }

  const TestAuthority authority_;
  const Issued police_ = authority_.IssueSealing("police");
  const Issued housing_ = authority_.IssueSealing("housing");
  const Issued health_ = authority_.IssueSealing("health");
};

TEST_F(CmsTest, EachRecipientOpens) {
  const std::string sealed = SealAll();
  for (const Issued* recipient : {&police_, &housing_, &health_}) {
    const auto opened = Open(sealed, recipient->sealing_key(), recipient->certificate);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(*opened, "plaintext");
  }
}

TEST_F(CmsTest, NobodyElseOpens) {
  const std::string sealed = SealAll();
  const Issued other = authority_.IssueSealing("other");
  EXPECT_TRUE(
      HasReason(Open(sealed, other.sealing_key(), other.certificate).status(), Reason::kSealingKeyUnknown));
  EXPECT_TRUE(Malformed(Open(sealed, other.sealing_key(), police_.certificate).status()));
  // Even one whose certificate claims a recipient's key identifier.
  std::string claimed = sealed;
  const size_t at = claimed.find(police_.certificate.subject_key_id());
  claimed.replace(at, 20, other.certificate.subject_key_id());
  EXPECT_TRUE(Malformed(Open(claimed, other.sealing_key(), other.certificate).status()));
}

TEST_F(CmsTest, ParseTellsRecipientsDigestAndSize) {
  const std::string sealed = SealAll();
  const auto parsed = Parse(sealed);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->recipients.size(), 3u);
  std::vector<std::string> ids;
  for (const Recipient& recipient : parsed->recipients) ids.push_back(recipient.subject_key_id);
  EXPECT_THAT(ids, ::testing::UnorderedElementsAre(police_.certificate.subject_key_id(),
                                                   housing_.certificate.subject_key_id(),
                                                   health_.certificate.subject_key_id()));
  EXPECT_EQ(parsed->encrypted_bytes, 9u);
  EXPECT_NE(parsed->digest, Parse(SealAll())->digest);
}

// Sealed by `openssl cms`; the digest by the formula of docs/formats.md §4 in Python.
TEST(CmsDigestTest, KnownAnswer) {
  const auto parsed = Parse(*FromHex(
      "30820117060b2a864886f70d0109100117a0820106308201020201003181b6a181b3020103a051a14f300906072a8648"
      "ce3d0201034200040feb55dfdbb12b545b149e5318dd462ba3ebb9ee005ef0679537665297264af3e1306ad37b666230"
      "cfeb22ce141b67b216b87e13c17adc27750f92368cfe2d92301506062b8104010b01300b060960864801650304012d30"
      "443042a016041469f33aa3de5c882a1caf3c2c648ae6980547e940042818eb291755a4358bd6f1432ecd20982a437235"
      "1db93bd291eec18c4014b41acfa5ce8a27f50cf8f0303206092a864886f70d010701301e060960864801650304012e30"
      "11040cecf324b40504135152cb978a020110800551d90379460410d1d6642936007edbda61a644e33f6602"));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(ToHex(parsed->digest), "8c6ce1dcc6f880136d7c70d62b4283e2756ee758f2a377385652ab7ed5c59f21");
  EXPECT_EQ(parsed->encrypted_bytes, 5u);
}

TEST_F(CmsTest, OneRecipientsCopyKeepsTheDigestAndOpens) {
  const std::string sealed = SealAll();
  const auto own = ForRecipient(sealed, housing_.certificate.subject_key_id());
  ASSERT_TRUE(own.ok()) << own.status();
  const auto parsed = Parse(*own);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  ASSERT_EQ(parsed->recipients.size(), 1u);
  EXPECT_EQ(parsed->recipients[0].subject_key_id, housing_.certificate.subject_key_id());
  EXPECT_EQ(parsed->digest, Parse(sealed)->digest);
  EXPECT_EQ(*Open(*own, housing_.sealing_key(), housing_.certificate), "plaintext");
  EXPECT_EQ(own->find(police_.certificate.subject_key_id()), std::string::npos);
  EXPECT_EQ(*ForRecipient(*own, housing_.certificate.subject_key_id()), *own);
  EXPECT_TRUE(HasReason(ForRecipient(*own, police_.certificate.subject_key_id()).status(),
                        Reason::kSealingKeyUnknown));
}

TEST_F(CmsTest, AFurtherRecipientChangesNeitherContentNorDigest) {
  const auto first = Seal("plaintext", std::vector{police_.certificate, housing_.certificate});
  ASSERT_TRUE(first.ok());
  const auto both = AddRecipient(*first, police_.sealing_key(), police_.certificate, health_.certificate);
  ASSERT_TRUE(both.ok()) << both.status();
  const auto before = Parse(*first), after = Parse(*both);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->digest, before->digest);
  ASSERT_EQ(after->recipients.size(), 3u);
  for (const Recipient& known : before->recipients) {
    EXPECT_TRUE(std::any_of(after->recipients.begin(), after->recipients.end(), [&](const Recipient& r) { return r.info == known.info; }));
  }
  for (const Issued* recipient : {&police_, &housing_, &health_}) {
    EXPECT_EQ(Open(*both, recipient->sealing_key(), recipient->certificate).value_or("closed"), "plaintext");
  }
  // Whoever got it that way can do the same.
  const Issued later = authority_.IssueSealing("later");
  const auto more = AddRecipient(*both, health_.sealing_key(), health_.certificate, later.certificate);
  ASSERT_TRUE(more.ok()) << more.status();
  EXPECT_EQ(Open(*more, later.sealing_key(), later.certificate).value_or("closed"), "plaintext");
}

TEST_F(CmsTest, OnlyWhoCanOpenAddsARecipientAndNobodyTwice) {
  const auto sealed = Seal("plaintext", {&police_.certificate, 1});
  ASSERT_TRUE(sealed.ok());
  const auto add = [&](std::string_view der, const Issued& by, const Certificate& own, const Certificate& recipient) {
    return AddRecipient(der, by.sealing_key(), own, recipient).status();
  };
  EXPECT_TRUE(HasReason(add(*sealed, housing_, housing_.certificate, health_.certificate), Reason::kSealingKeyUnknown));
  EXPECT_TRUE(Malformed(add(*sealed, housing_, police_.certificate, health_.certificate)));
  EXPECT_TRUE(HasReason(add(*sealed, police_, police_.certificate, police_.certificate), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(add(*sealed, police_, police_.certificate, authority_.IssueSigning("a").certificate), Reason::kFieldInvalid));
  EXPECT_TRUE(Malformed(add(sealed->substr(1), police_, police_.certificate, health_.certificate)));
  std::string altered = *sealed;
  altered[altered.size() - 1] ^= 1;  // Of the mac: it would not open for who is added either.
  EXPECT_TRUE(Malformed(add(altered, police_, police_.certificate, health_.certificate)));
  std::vector<Certificate> most = {police_.certificate};
  while (most.size() < kRecipientsMax) most.push_back(authority_.IssueSealing("a").certificate);
  EXPECT_TRUE(HasReason(add(*Seal("x", most), police_, police_.certificate, health_.certificate), Reason::kFieldInvalid));
  most.pop_back();
  EXPECT_TRUE(add(*Seal("x", most), police_, police_.certificate, health_.certificate).ok());
}

// Sizes at which the length of some enclosing element takes one more byte.
TEST_F(CmsTest, EveryLengthFormRoundTrips) {
  for (const size_t size : {1, 100, 127, 128, 1024, 65536, 1 << 20}) {
    const std::string plaintext = FakeRandom(size).Bytes(size);
    const auto sealed = Seal(plaintext, {&police_.certificate, 1});
    ASSERT_TRUE(sealed.ok()) << sealed.status();
    EXPECT_EQ(*ForRecipient(*sealed, police_.certificate.subject_key_id()), *sealed) << size;
    EXPECT_EQ(*Open(*sealed, police_.sealing_key(), police_.certificate), plaintext) << size;
  }
}

TEST_F(CmsTest, LimitsHold) {
  EXPECT_TRUE(HasReason(Seal("", {&police_.certificate, 1}).status(), Reason::kMessageTooLarge));
  EXPECT_TRUE(HasReason(Seal(std::string(kPlaintextBytesMax + 1, 'x'), {&police_.certificate, 1}).status(),
                        Reason::kMessageTooLarge));
  const std::vector<Certificate> recipients = [&] {
    std::vector<Certificate> many;
    for (size_t i = 0; i <= kRecipientsMax; ++i) many.push_back(authority_.IssueSealing("a").certificate);
    return many;
  }();
  EXPECT_TRUE(HasReason(Seal("x", recipients).status(), Reason::kFieldInvalid));
  const auto sealed = Seal(std::string(kPlaintextBytesMax, 'x'), std::span(recipients).first(kRecipientsMax));
  ASSERT_TRUE(sealed.ok()) << sealed.status();
  EXPECT_EQ(Parse(*sealed)->recipients.size(), kRecipientsMax);
  EXPECT_LE(sealed->size(), kSealedBytesMax);
}

TEST_F(CmsTest, SealsOnlyToSealingCertificates) {
  EXPECT_TRUE(HasReason(Seal("x", {}).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Seal("x", std::vector{police_.certificate, police_.certificate}).status(),
                        Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Seal("x", std::vector{authority_.IssueSigning("a").certificate}).status(),
                        Reason::kFieldInvalid));
}

// Whatever bit changes, nothing opens; a bit of the digested part also changes the digest.
TEST_F(CmsTest, EveryAlteredBitIsNoticed) {
  const auto sealed = Seal("plain", {&police_.certificate, 1});
  ASSERT_TRUE(sealed.ok());
  const std::string digest = Parse(*sealed)->digest;
  const size_t digested = sealed->find(*FromHex("06092a864886f70d010701"));
  const SealingKey key = police_.sealing_key();
  for (size_t bit = 0; bit < sealed->size() * 8; ++bit) {
    std::string other = *sealed;
    other[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_FALSE(Open(other, key, police_.certificate).ok()) << bit;
    if (const auto parsed = Parse(other); parsed.ok()) {
      EXPECT_EQ(parsed->digest == digest, bit / 8 < digested) << bit;
    }
  }
}

TEST_F(CmsTest, CutOrExtendedBytesAreMalformed) {
  const std::string sealed = SealAll();
  for (size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_TRUE(Malformed(Parse(std::string_view(sealed).substr(0, size)).status())) << size;
  }
  EXPECT_TRUE(Malformed(Parse(sealed + '\0').status()));
}

TEST_F(CmsTest, OneEncodingOnly) {
  const std::string sealed = SealAll();
  // The outermost length in three bytes, though two hold it.
  ASSERT_EQ(sealed.substr(0, 2), "\x30\x82");
  EXPECT_TRUE(Malformed(Parse("\x30\x83" + std::string(1, '\0') + sealed.substr(2)).status()));
  EXPECT_TRUE(Malformed(Parse("\x30\x80" + sealed.substr(4) + std::string(2, '\0')).status()));
}

TEST_F(CmsTest, OneContentCipherOnly) {
  std::string sealed = SealAll();
  const std::string oid = *FromHex("0609608648016503040106");  // aes-128-gcm
  sealed.replace(sealed.find(*FromHex("060960864801650304012e")), oid.size(), oid);
  EXPECT_TRUE(Malformed(Parse(sealed).status()));
}

TEST_F(CmsTest, OneRecipientTwiceIsMalformed) {
  std::string sealed = SealAll();
  sealed.replace(sealed.find(police_.certificate.subject_key_id()), 20,
                 housing_.certificate.subject_key_id());
  EXPECT_TRUE(Malformed(Parse(sealed).status()));
}

// Keys, certificates and anchors are shared by all handlers of a service.
TEST_F(CmsTest, SharedObjectsServeManyThreads) {
  const SealingKey key = police_.sealing_key();
  const SigningKey signing = SigningKey::Generate();
  const TrustAnchors anchors = authority_.anchors();
  std::atomic<int> good = 0;
  {
    Executor executor(4, 64);
    for (int task = 0; task < 32; ++task) {
      ASSERT_TRUE(executor.Run([&] {
        const auto sealed = Seal("shared", {&police_.certificate, 1});
        const auto signature = signing.Sign(*sealed);
        good +=
            *Open(*sealed, key, police_.certificate) == "shared" &&
            signing.public_key().Verify(*sealed, *signature).ok() &&
            anchors.Verify(police_.certificate, {}, absl::FromUnixSeconds(1'800'000'000), Reason::kInternal)
                .ok();
      }));
    }
  }
  EXPECT_EQ(good, 32);
}

TEST_F(CmsTest, GarbageNeverCrashes) {
  const std::string sealed = SealAll();
  FakeRandom random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string other = sealed;
    for (uint64_t edits = 1 + random.Below(4); edits > 0; --edits) {
      const size_t at = random.Below(other.size());
      switch (random.Below(3)) {
        case 0:
          other[at] = random.Bytes(1)[0];
          break;
        case 1:
          other.erase(at, random.Below(8));
          break;
        default:
          other.insert(at, random.Bytes(1 + random.Below(4)));
      }
    }
    (void)ForRecipient(other, police_.certificate.subject_key_id());
  }
}

// What the stock tool makes and opens. Needs the openssl program, as Debian has it.
class StockToolTest : public CmsTest {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/accord-cms-XXXXXX";
    directory_ = mkdtemp(pattern);
    Write("key.pem", police_.key_pem);
    Write("cert.pem", police_.certificate.pem());
    Write("other.pem", housing_.certificate.pem());
    Write("plain", "made elsewhere");
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void Write(const std::string& name, std::string_view bytes) {
    ASSERT_TRUE(WriteFileDurably(directory_ + "/" + name, bytes).ok());
  }
  std::string Read(const std::string& name) {
    const auto bytes = ReadFile(directory_ + "/" + name);
    return bytes.ok() ? *bytes : "";
  }
  bool OpenSsl(const std::string& arguments) {
    return std::system(fmt::format("cd {} && openssl {} 2>>log", directory_, arguments).c_str()) == 0;
  }
  // Seals `plain` by the tool with these options, and gives what it wrote.
  std::string ToolSeals(const std::string& options) {
    EXPECT_TRUE(OpenSsl("cms -encrypt -binary -in plain -outform DER -out made " + options)) << Read("log");
    return Read("made");
  }

  std::string directory_;
};

TEST_F(StockToolTest, OpensOneRecipientsCopy) {
  Write("sealed", *ForRecipient(SealAll("for the stock tool"), police_.certificate.subject_key_id()));
  ASSERT_TRUE(OpenSsl("cms -decrypt -inform DER -in sealed -recip cert.pem -inkey key.pem -out opened"))
      << Read("log");
  EXPECT_EQ(Read("opened"), "for the stock tool");
  EXPECT_FALSE(OpenSsl("cms -decrypt -inform DER -in sealed -recip other.pem -inkey key.pem -out opened"));
}

TEST_F(StockToolTest, OpensWhatWasSealedForItLater) {
  const auto first = Seal("sealed again", {&housing_.certificate, 1});
  ASSERT_TRUE(first.ok());
  const auto both = AddRecipient(*first, housing_.sealing_key(), housing_.certificate, police_.certificate);
  ASSERT_TRUE(both.ok()) << both.status();
  Write("whole", *both);
  Write("own", *ForRecipient(*both, police_.certificate.subject_key_id()));
  for (const char* file : {"whole", "own"}) {
    ASSERT_TRUE(OpenSsl(fmt::format("cms -decrypt -inform DER -in {} -recip cert.pem -inkey key.pem -out opened", file))) << Read("log");
    EXPECT_EQ(Read("opened"), "sealed again");
  }
}

TEST_F(StockToolTest, WhatItSealsOpensHere) {
  const std::string sealed = ToolSeals(
      "-aes-256-gcm -keyid -recip cert.pem -keyopt ecdh_kdf_md:sha256 -recip other.pem -keyopt "
      "ecdh_kdf_md:sha256");
  EXPECT_EQ(Parse(sealed)->recipients.size(), 2u) << Parse(sealed).status();
  const auto opened = Open(sealed, police_.sealing_key(), police_.certificate);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(*opened, "made elsewhere");
}

TEST_F(StockToolTest, TooManyRecipientsAreRefused) {
  std::string options = "-aes-256-gcm -keyid";
  for (size_t i = 0; i <= kRecipientsMax; ++i) {
    if (i == kRecipientsMax) {
      EXPECT_TRUE(Parse(ToolSeals(options)).ok());
    }
    Write(fmt::format("{}.pem", i), authority_.IssueSealing("a").certificate.pem());
    options += fmt::format(" -recip {}.pem -keyopt ecdh_kdf_md:sha256", i);
  }
  EXPECT_TRUE(Malformed(Parse(ToolSeals(options)).status()));
}

TEST_F(StockToolTest, EverythingOutsideTheProfileIsRefused) {
  const std::string recipient = " -keyid -recip cert.pem -keyopt ecdh_kdf_md:sha256";
  ASSERT_TRUE(Parse(ToolSeals("-aes-256-gcm" + recipient)).ok());
  for (const std::string& options : {
           std::string("-aes-256-gcm -keyid -recip cert.pem"),  // KDF with SHA-1.
           std::string("-aes-256-gcm -keyid -recip cert.pem -keyopt ecdh_kdf_md:sha512"),
           "-aes-128-gcm" + recipient,
           "-aes-256-cbc" + recipient,          // Not authenticated.
           "-aes-256-gcm -stream" + recipient,  // BER, indefinite lengths.
           std::string("-aes-256-gcm -recip cert.pem -keyopt ecdh_kdf_md:sha256"),  // By issuer and serial.
           "-aes-256-gcm -secretkey 00112233445566778899aabbccddeeff -secretkeyid 01" +
               recipient,  // By a shared key too.
       }) {
    EXPECT_TRUE(Malformed(Parse(ToolSeals(options)).status())) << options;
  }
}

}  // namespace
}  // namespace accord::crypto::cms::cms_test

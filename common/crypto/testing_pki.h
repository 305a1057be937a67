// Certificates for tests: an area authority that issues what formats.md §4 asks
// for, and what it must refuse. Never for use outside tests and development.
#pragma once

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/certificate.h"
#include "common/crypto/cms.h"
#include "common/crypto/ecdsa.h"

namespace accord::crypto::testing {

inline constexpr std::string_view kTrustDomain = "accord.test";

// spiffe://accord.test/<path>
std::string SpiffeId(std::string_view path);

// What to issue. The default validity holds for the machine's clock and FakeClock's alike.
struct CertificateSpec {
  std::string common_name = "test";
  std::vector<std::string> uris = {};
  std::vector<std::string> dns_names = {};     // "localhost" for a server.
  std::vector<std::string> ip_addresses = {};  // "127.0.0.1" for a server.
  uint32_t key_usage = kDigitalSignature;      // 0 leaves the extension out.
  bool tls = false;                            // Adds extended key usage, client and server.
  bool authority = false;                      // Basic constraints CA, key usage certificate signing.
  bool subject_key_id = true;
  std::string curve = "P-256";  // Or "P-384".
  absl::Time not_before = absl::FromCivil(absl::CivilDay(2020, 1, 1), absl::UTCTimeZone());
  absl::Time not_after = absl::FromCivil(absl::CivilDay(2049, 1, 1), absl::UTCTimeZone());
};

// A certificate and its private key.
struct Issued {
  Certificate certificate;
  std::string key_pem;

  SigningKey signing_key() const { return *SigningKey::FromPem(key_pem); }
  SealingKey sealing_key() const { return *SealingKey::FromPem(key_pem); }
};

// An authority with its own key, a root or an intermediate. Copies share nothing
// that changes. Thread-compatible.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& common_name = "Test Area Authority");
  // One issued by `this`; validity as given by `spec`.
  TestAuthority Intermediate(CertificateSpec spec = {.common_name = "Test Intermediate"}) const;

  // One that issues under `issued` whether or not it may.
  static TestAuthority FromIssued(Issued issued) { return TestAuthority(std::move(issued)); }

  // SPIFFE ids as formats.md §4: agency/<agency>/sealing, agency/<agency>/signing.
  Issued IssueSealing(std::string_view agency) const;
  Issued IssueSigning(std::string_view agency) const;
  // For mTLS on loopback: SAN spiffe://accord.test/<path>, such as "agency/met-police/outbox",
  // "admin/alice" or "broker/broker"; also localhost and 127.0.0.1.
  Issued IssueTls(std::string_view path) const;
  // Anything else, wrong ones included. CHECK-fails if OpenSSL cannot.
  Issued Issue(const CertificateSpec& spec) const;

  const Certificate& certificate() const { return self_.certificate; }
  std::string pem() const { return self_.certificate.pem(); }
  TrustAnchors anchors() const { return *TrustAnchors::FromPem(pem()); }

 private:
  explicit TestAuthority(Issued self) : self_(std::move(self)) {}
  Issued self_;
};

}  // namespace accord::crypto::testing

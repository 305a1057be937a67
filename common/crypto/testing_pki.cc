#include "common/crypto/testing_pki.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "common/crypto/pem.h"

namespace accord::crypto::testing {
namespace {

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  ACCORD_CHECK(extension != nullptr);
  ACCORD_CHECK(X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

void SetTime(ASN1_TIME* field, absl::Time time) {
  ACCORD_CHECK(ASN1_TIME_set(field, absl::ToTimeT(time)) != nullptr);
}

std::string SanOf(const CertificateSpec& spec) {
  std::string san;
  for (const std::string& uri : spec.uris) san += ",URI:" + uri;
  for (const std::string& name : spec.dns_names) san += ",DNS:" + name;
  for (const std::string& address : spec.ip_addresses) san += ",IP:" + address;
  return san.empty() ? san : san.substr(1);
}

std::string UsageOf(uint32_t bits) {
  std::string usage = "critical";
  if (bits & kDigitalSignature) usage += ",digitalSignature";
  if (bits & kKeyAgreement) usage += ",keyAgreement";
  if (bits & kKeyCertSign) usage += ",keyCertSign";
  return usage;
}

// Issued by `issuer` under its key; by itself when null.
Issued Make(const CertificateSpec& spec, const Issued* issuer) {
  const EvpPkeyPtr key(EVP_EC_gen(spec.curve.c_str()));
  const X509Ptr certificate(X509_new());
  const BignumPtr serial(BN_new());
  ACCORD_CHECK(key != nullptr && certificate != nullptr && serial != nullptr);
  X509* raw = certificate.get();
  X509* issuer_raw = issuer == nullptr ? raw : issuer->certificate.native();
  X509_set_version(raw, X509_VERSION_3);
  ACCORD_CHECK(BN_rand(serial.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1);
  ACCORD_CHECK(BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(raw)) != nullptr);
  SetTime(X509_getm_notBefore(raw), spec.not_before);
  SetTime(X509_getm_notAfter(raw), spec.not_after);
  X509_set_pubkey(raw, key.get());
  ACCORD_CHECK(X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_UTF8,
                                          reinterpret_cast<const unsigned char*>(spec.common_name.c_str()),
                                          -1, -1, 0) == 1);
  X509_set_issuer_name(raw, X509_get_subject_name(issuer_raw));

  const uint32_t usage = spec.authority ? kKeyCertSign : spec.key_usage;
  AddExtension(raw, issuer_raw, NID_basic_constraints,
               spec.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (usage != 0) AddExtension(raw, issuer_raw, NID_key_usage, UsageOf(usage));
  if (spec.subject_key_id) AddExtension(raw, issuer_raw, NID_subject_key_identifier, "hash");
  if (issuer != nullptr) AddExtension(raw, issuer_raw, NID_authority_key_identifier, "keyid");
  if (const std::string san = SanOf(spec); !san.empty()) {
    AddExtension(raw, issuer_raw, NID_subject_alt_name, san);
  }
  if (spec.tls) AddExtension(raw, issuer_raw, NID_ext_key_usage, "clientAuth,serverAuth");

  const auto issuer_key =
      issuer == nullptr ? absl::StatusOr<EvpPkeyPtr>(nullptr) : PrivateKeyFromPem(issuer->key_pem);
  ACCORD_CHECK(issuer_key.ok());
  ACCORD_CHECK(X509_sign(raw, issuer == nullptr ? key.get() : issuer_key->get(), EVP_sha256()) > 0);

  unsigned char* der = nullptr;
  const int length = i2d_X509(raw, &der);
  ACCORD_CHECK(length > 0);
  auto parsed = Certificate::FromDer({reinterpret_cast<char*>(der), static_cast<size_t>(length)});
  OPENSSL_free(der);
  ACCORD_CHECK(parsed.ok());
  return {*std::move(parsed), std::string(PrivateKeyToPem(key.get()).view())};
}

}  // namespace

std::string SpiffeId(std::string_view path) {
  return fmt::format("spiffe://{}/{}", kTrustDomain, path);
}

TestAuthority::TestAuthority(const std::string& common_name)
    : self_(Make({.common_name = common_name, .authority = true}, nullptr)) {}

TestAuthority TestAuthority::Intermediate(CertificateSpec spec) const {
  spec.authority = true;
  return TestAuthority(Make(spec, &self_));
}

Issued TestAuthority::IssueSealing(std::string_view agency) const {
  return Issue({.common_name = fmt::format("{} sealing", agency),
                .uris = {SpiffeId(fmt::format("agency/{}/sealing", agency))},
                .key_usage = kKeyAgreement});
}

Issued TestAuthority::IssueSigning(std::string_view agency) const {
  return Issue({.common_name = fmt::format("{} signing", agency),
                .uris = {SpiffeId(fmt::format("agency/{}/signing", agency))}});
}

Issued TestAuthority::IssueTls(std::string_view path) const {
  return Issue({.common_name = "tls",
                .uris = {SpiffeId(path)},
                .dns_names = {"localhost"},
                .ip_addresses = {"127.0.0.1"},
                .tls = true});
}

Issued TestAuthority::Issue(const CertificateSpec& spec) const {
  return Make(spec, &self_);
}

}  // namespace accord::crypto::testing

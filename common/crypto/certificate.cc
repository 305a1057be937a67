#include "common/crypto/certificate.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <optional>

#include "common/crypto/digest.h"
#include "common/crypto/pem.h"

namespace accord::crypto {
namespace {

constexpr int kAuthLevel = 2;  // At least 112 bits of security; no SHA-1.

// The DER of `object` by one of OpenSSL's i2d functions.
template <typename T>
std::string ToDer(int (*encode)(const T*, unsigned char**), const T* object) {
  unsigned char* out = nullptr;
  const int length = encode(object, &out);
  std::string der(reinterpret_cast<char*>(out), length > 0 ? static_cast<size_t>(length) : 0);
  OPENSSL_free(out);
  return der;
}

std::string StringOf(const ASN1_STRING* value) {
  if (value == nullptr) return {};
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                     static_cast<size_t>(ASN1_STRING_length(value)));
}

std::optional<absl::Time> TimeOf(const ASN1_TIME* value) {
  std::tm parts = {};
  if (ASN1_TIME_to_tm(value, &parts) != 1) return std::nullopt;
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::vector<std::string> UriSans(const X509* certificate) {
  std::vector<std::string> uris;
  auto* names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_URI) uris.push_back(StringOf(name->d.uniformResourceIdentifier));
  }
  GENERAL_NAMES_free(names);
  return uris;
}

absl::Status NotACertificate(std::string_view why) {
  return OpenSslError(why, Reason::kFieldInvalid);
}

}  // namespace

absl::StatusOr<Certificate> Certificate::FromNative(X509Ptr native) {
  auto parsed = std::make_shared<Parsed>();
  parsed->der = ToDer(i2d_X509, native.get());
  // OpenSSL reads the extensions here, once, so that later use is read-only. A flag
  // says when one of them is malformed or there twice.
  const int authority = X509_check_ca(native.get());
  const auto not_before = TimeOf(X509_get0_notBefore(native.get()));
  const auto not_after = TimeOf(X509_get0_notAfter(native.get()));
  if (parsed->der.empty() || parsed->der.size() > kCertificateBytesMax || !not_before || !not_after ||
      (X509_get_extension_flags(native.get()) & EXFLAG_INVALID) != 0) {
    return NotACertificate("the certificate is over its limit, or a date or extension is malformed");
  }
  parsed->fingerprint = Sha256(parsed->der);
  parsed->spki = ToDer(i2d_X509_PUBKEY, X509_get_X509_PUBKEY(native.get()));
  parsed->public_key_id = Sha256(parsed->spki);
  parsed->subject_key_id = StringOf(X509_get0_subject_key_id(native.get()));
  parsed->not_before = *not_before;
  parsed->not_after = *not_after;
  parsed->uri_sans = UriSans(native.get());
  const uint32_t usage = X509_get_key_usage(native.get());  // All ones when absent.
  parsed->key_usage = usage == UINT32_MAX ? 0 : usage;
  parsed->is_authority = authority == 1;
  parsed->native = std::move(native);
  ERR_clear_error();
  return Certificate(std::move(parsed));
}

absl::StatusOr<Certificate> Certificate::FromDer(std::string_view der) {
  if (der.empty() || der.size() > kCertificateBytesMax) {
    return Error(Reason::kFieldInvalid, "the certificate is empty or over its limit",
                 {{"field", "certificate"}, {"limit_bytes", std::to_string(kCertificateBytesMax)}});
  }
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  X509Ptr native(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (native == nullptr) return NotACertificate("not a certificate in DER");
  ACCORD_ASSIGN_OR_RETURN(Certificate certificate, FromNative(std::move(native)));
  // Bytes behind it, or BER within it: the fingerprint would not be of what was given.
  if (certificate.der() != der) return NotACertificate("not exactly one certificate in DER");
  return certificate;
}

absl::StatusOr<std::vector<Certificate>> Certificate::ManyFromPem(std::string_view pem) {
  if (pem.size() > 2 * kCertificateBytesMax * kTrustAnchorsMax) {
    return NotACertificate("the bundle of certificates is over its limit");
  }
  const BioPtr bio = ReadBio(pem);
  std::vector<Certificate> certificates;
  while (X509Ptr native{PEM_read_bio_X509(bio.get(), nullptr, NeverAskForPassphrase, nullptr)}) {
    if (certificates.size() == kTrustAnchorsMax)
      return NotACertificate("too many certificates in the bundle");
    ACCORD_ASSIGN_OR_RETURN(Certificate certificate, FromNative(std::move(native)));
    certificates.push_back(std::move(certificate));
  }
  if (certificates.empty() || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return NotACertificate("not certificates in PEM");
  }
  ERR_clear_error();
  return certificates;
}

absl::StatusOr<Certificate> Certificate::FromPem(std::string_view pem) {
  ACCORD_ASSIGN_OR_RETURN(std::vector<Certificate> certificates, ManyFromPem(pem));
  if (certificates.size() != 1) return NotACertificate("more than one certificate");
  return std::move(certificates.front());
}

std::string Certificate::pem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  ACCORD_CHECK(bio != nullptr && PEM_write_bio_X509(bio.get(), native()) == 1);
  return std::string(BioBytes(bio.get()));
}

absl::StatusOr<VerifyKey> Certificate::verify_key() const {
  return VerifyKey::FromSpki(spki());
}

absl::Status Certificate::CheckForm(uint32_t wanted_usage) const {
  ACCORD_RETURN_IF_ERROR(verify_key());
  if (key_usage() != wanted_usage) {
    return Error(Reason::kFieldInvalid, "the certificate has other key usages than its one purpose",
                 {{"field", "key_usage"}});
  }
  if (uri_sans().size() != 1) {
    return Error(Reason::kFieldInvalid, "the certificate must have exactly one URI name",
                 {{"field", "uri_san"}});
  }
  return absl::OkStatus();
}

absl::Status Certificate::CheckSealingForm() const {
  ACCORD_RETURN_IF_ERROR(CheckForm(kKeyAgreement));
  if (subject_key_id().empty()) {
    return Error(Reason::kFieldInvalid, "the certificate has no subject key identifier",
                 {{"field", "subject_key_id"}});
  }
  return absl::OkStatus();
}

absl::Status Certificate::CheckSigningForm() const {
  return CheckForm(kDigitalSignature);
}

absl::StatusOr<TrustAnchors> TrustAnchors::FromPem(std::string_view pem) {
  ACCORD_ASSIGN_OR_RETURN(std::vector<Certificate> certificates, Certificate::ManyFromPem(pem));
  X509StorePtr store(X509_STORE_new());
  ACCORD_CHECK(store != nullptr);
  for (const Certificate& certificate : certificates) {
    if (!certificate.is_authority()) {
      return Error(Reason::kFieldInvalid, "a trust anchor may not issue certificates",
                   {{"field", "basic_constraints"}});
    }
    if (X509_STORE_add_cert(store.get(), certificate.native()) != 1) {
      return OpenSslError("cannot add a trust anchor", Reason::kFieldInvalid);
    }
  }
  return TrustAnchors(std::move(certificates), std::move(store));
}

absl::Status TrustAnchors::Verify(const Certificate& certificate, std::span<const Certificate> intermediates,
                                  absl::Time at, Reason reason) const {
  if (intermediates.size() > kIntermediatesMax) return Error(reason, "too many intermediate certificates");
  // Borrows the certificates, which outlive it.
  STACK_OF(X509)* chain = sk_X509_new_null();
  for (const Certificate& intermediate : intermediates) sk_X509_push(chain, intermediate.native());
  const X509StoreCtxPtr context(X509_STORE_CTX_new());
  ACCORD_CHECK(context != nullptr && sk_X509_num(chain) == static_cast<int>(intermediates.size()));
  absl::Status status;
  if (X509_STORE_CTX_init(context.get(), store_.get(), certificate.native(), chain) != 1) {
    status = OpenSslError("cannot verify the certificate", reason);
  } else {
    X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
    // An area authority may itself be certified by another; it is an anchor all the same.
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(parameters, absl::ToTimeT(at));
    X509_VERIFY_PARAM_set_depth(parameters, kIntermediatesMax);
    X509_VERIFY_PARAM_set_auth_level(parameters, kAuthLevel);
    if (X509_verify_cert(context.get()) != 1) {
      status =
          Error(reason, fmt::format("the certificate does not chain to a trust anchor: {}",
                                    X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()))));
    }
  }
  sk_X509_free(chain);
  ERR_clear_error();
  return status;
}

}  // namespace accord::crypto

#include "common/crypto/openssl.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace accord::crypto {

void OpenSslDeleter::operator()(BIO* object) const {
  BIO_free_all(object);
}
void OpenSslDeleter::operator()(BIGNUM* object) const {
  BN_free(object);
}
void OpenSslDeleter::operator()(CMS_ContentInfo_st* object) const {
  CMS_ContentInfo_free(object);
}
void OpenSslDeleter::operator()(EVP_CIPHER_CTX* object) const {
  EVP_CIPHER_CTX_free(object);
}
void OpenSslDeleter::operator()(EVP_MD_CTX* object) const {
  EVP_MD_CTX_free(object);
}
void OpenSslDeleter::operator()(EVP_PKEY* object) const {
  EVP_PKEY_free(object);
}
void OpenSslDeleter::operator()(EVP_PKEY_CTX* object) const {
  EVP_PKEY_CTX_free(object);
}
void OpenSslDeleter::operator()(X509* object) const {
  X509_free(object);
}
void OpenSslDeleter::operator()(X509_STORE* object) const {
  X509_STORE_free(object);
}
void OpenSslDeleter::operator()(X509_STORE_CTX* object) const {
  X509_STORE_CTX_free(object);
}

absl::Status OpenSslError(std::string_view what, Reason reason) {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
  return Error(reason, text == nullptr ? std::string(what) : fmt::format("{}: {}", what, text));
}

BioPtr ReadBio(std::string_view bytes) {
  ACCORD_CHECK(bytes.size() <= INT32_MAX);
  BioPtr bio(BIO_new_mem_buf(bytes.empty() ? "" : bytes.data(), static_cast<int>(bytes.size())));
  ACCORD_CHECK(bio != nullptr);
  return bio;
}

std::string_view BioBytes(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string_view(data, static_cast<size_t>(size)) : std::string_view();
}

}  // namespace accord::crypto

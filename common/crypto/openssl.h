// Ownership of OpenSSL objects, and its errors as ours. Only this folder includes
// the rest of OpenSSL's headers.
#pragma once

#include <absl/status/status.h>
#include <openssl/types.h>

#include <memory>
#include <string_view>

#include "common/base/status.h"

struct CMS_ContentInfo_st;  // openssl/cms.h; not among openssl/types.h.

namespace accord::crypto {

struct OpenSslDeleter {
  void operator()(BIO* object) const;
  void operator()(BIGNUM* object) const;
  void operator()(CMS_ContentInfo_st* object) const;
  void operator()(EVP_CIPHER_CTX* object) const;
  void operator()(EVP_MD_CTX* object) const;
  void operator()(EVP_PKEY* object) const;
  void operator()(EVP_PKEY_CTX* object) const;
  void operator()(X509* object) const;
  void operator()(X509_STORE* object) const;
  void operator()(X509_STORE_CTX* object) const;
};

// `BioPtr` owns one reference to a BIO, and so on.
using BioPtr = std::unique_ptr<BIO, OpenSslDeleter>;
using BignumPtr = std::unique_ptr<BIGNUM, OpenSslDeleter>;
using CmsPtr = std::unique_ptr<CMS_ContentInfo_st, OpenSslDeleter>;
using EvpCipherCtxPtr = std::unique_ptr<EVP_CIPHER_CTX, OpenSslDeleter>;
using EvpMdCtxPtr = std::unique_ptr<EVP_MD_CTX, OpenSslDeleter>;
using EvpPkeyPtr = std::unique_ptr<EVP_PKEY, OpenSslDeleter>;
using EvpPkeyCtxPtr = std::unique_ptr<EVP_PKEY_CTX, OpenSslDeleter>;
using X509Ptr = std::unique_ptr<X509, OpenSslDeleter>;
using X509StorePtr = std::unique_ptr<X509_STORE, OpenSslDeleter>;
using X509StoreCtxPtr = std::unique_ptr<X509_STORE_CTX, OpenSslDeleter>;

// An error of `reason` saying that `what` failed and OpenSSL's own last word on it;
// empties this thread's error queue. Thread-safe.
absl::Status OpenSslError(std::string_view what, Reason reason = Reason::kInternal);

// A read-only BIO over `bytes`, which must outlive it. Thread-safe.
BioPtr ReadBio(std::string_view bytes);
// What was written to a memory BIO.
std::string_view BioBytes(BIO* bio);

}  // namespace accord::crypto

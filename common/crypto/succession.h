// A sealing key that vouches for the one that follows it (docs/formats.md §4).
//
// Whoever sealed for the old key may seal again for the new one without asking a person, because only who held the old key could have
// said which one follows. It is all that a sealing key ever signs, and the message is of this use alone.
//
// All functions are thread-safe.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "common/crypto/certificate.h"
#include "common/crypto/cms.h"

namespace accord::crypto {

// What is signed: domain, then SHA-256 of both certificates.
std::string SuccessionMessage(const Certificate& previous, const Certificate& next);

// The endorsement of `next` by `key`, which is that of `previous`: an ECDSA signature in DER, another one each time.
//   FIELD_INVALID  `key` is not the certificate's, either is no sealing certificate, or they are not of one agency's desk, or one and the same
//   INTERNAL       OpenSSL failed
absl::StatusOr<std::string> EndorseSuccessor(const SealingKey& key, const Certificate& previous, const Certificate& next);

// OK when `endorsement` is one of `next` by the key of `previous`. Whether either is trusted is the caller's to judge.
//   FIELD_INVALID      as EndorseSuccessor
//   SIGNATURE_INVALID  it is not
absl::Status VerifySuccessor(const Certificate& previous, const Certificate& next, std::string_view endorsement);

}  // namespace accord::crypto

// Signed acts on a referral (docs/formats.md §5). Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "accord/type/v1/referral.pb.h"
#include "common/crypto/ecdsa.h"

namespace accord::referral {

inline constexpr std::string_view kStatementPayloadType = "application/vnd.accord.statement.v1";
inline constexpr size_t kStatementBytesMax = 16u << 10;
inline constexpr size_t kStatementSectionsMax = 16;  // Sealed sections sent with one statement.
inline constexpr size_t kOutcomeCodeBytesMax = 64;

// Signs `statement`, whose key id is set here. Errors of ParseStatement.
absl::StatusOr<type::v1::SignedPayload> SignStatement(type::v1::Statement statement, const crypto::SigningKey& key);

// Reads a signed statement; the signature is VerifySignature's (header.h), the digest DigestOf's.
//   STATEMENT_MALFORMED  wrong payload type, does not parse, another key id, or fields that contradict its kind
//   FIELD_MISSING, ENUM_UNKNOWN, TEXT_NOT_UTF8, FIELD_INVALID, MESSAGE_TOO_LARGE
absl::StatusOr<type::v1::Statement> ParseStatement(const type::v1::SignedPayload& document);

}  // namespace accord::referral

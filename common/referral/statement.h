// Signed acts on a referral (docs/formats.md §5). Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/referral.pb.h"
#include "common/base/random.h"
#include "common/crypto/ecdsa.h"
#include "common/referral/header.h"

namespace accord::referral {

inline constexpr std::string_view kStatementPayloadType = "application/vnd.accord.statement.v1";
inline constexpr size_t kStatementBytesMax = 16u << 10;
inline constexpr size_t kStatementSectionsMax = 16;  // Sealed sections sent with one statement.
inline constexpr size_t kOutcomeCodeBytesMax = 64;
inline constexpr int kReturnReasonsMax = 6;
inline constexpr size_t kDecisionReasonCharsMax = 64;
inline constexpr size_t kStatementTagsMax = 32;  // Tags that one statement puts in place of older ones, with what pads them.
inline constexpr size_t kStatementTagsStep = 8;  // A multiple of it are committed to.

// Signs `statement`, whose key id is set here. Errors of ParseStatement.
absl::StatusOr<type::v1::SignedPayload> SignStatement(type::v1::Statement statement, const crypto::SigningKey& key);

// Reads a signed statement; the signature is VerifySignature's (header.h), the digest DigestOf's.
//   STATEMENT_MALFORMED  wrong payload type, does not parse, another key id, or fields that contradict its kind
//   FIELD_MISSING, ENUM_UNKNOWN, TEXT_NOT_UTF8, FIELD_INVALID, MESSAGE_TOO_LARGE
absl::StatusOr<type::v1::Statement> ParseStatement(const type::v1::SignedPayload& document);

// Commits to `tags` as a header does, with fresh salts: sets the statement's `tag_commitments` and returns the openings, those of `tags`
// first and in their order. Who is opened one of them learns neither how many there are nor which they are: they are padded with openings
// of nothing to a multiple of kStatementTagsStep, and sorted.
std::vector<type::v1::Opening> CommitToTags(std::span<const type::v1::TagPart> tags, Random& random, type::v1::Statement& statement);

// The tags behind the statement's commitments, all of them; without the padding.
//   OPENING_MISMATCH  not one opening for each commitment, labelled `tag`, or `padding` and empty
//   HEADER_MALFORMED  a tag that does not parse
//   FIELD_INVALID     two tags of one id
// Whether they could be tags of the referral is ValidateParts' to say.
absl::StatusOr<std::vector<Opened<type::v1::TagPart>>> OpenTags(const type::v1::Statement& statement,
                                                                std::span<const type::v1::Opening> openings);

}  // namespace accord::referral

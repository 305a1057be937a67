// What is sealed and signed between an inspector and an agency (docs/disclosures.md, docs/formats.md §15). Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "accord/type/v1/disclosure.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "common/crypto/ecdsa.h"

namespace accord::referral {

inline constexpr std::string_view kDisclosurePayloadType = "application/vnd.accord.disclosure.v1";
inline constexpr size_t kDisclosureStatementBytesMax = 16u << 10;
inline constexpr int kDisclosurePartsMax = 64;
inline constexpr int kPersonsAskedMax = 100;
inline constexpr size_t kPersonMarkCharsMax = 64;
inline constexpr int kReferralsFoundMax = 100;               // Of one person.
inline constexpr size_t kSealedQuestionBytesMax = 256u << 10;
inline constexpr int kDisclosureCasesMax = 100;
inline constexpr int kDisclosureReferralsMax = 1000;
inline constexpr size_t kDisclosureContentBytesMax = 2u << 20;  // An answer to PERSONS or RECORDS, in clear.
inline constexpr uint32_t kDisclosureHoursDefault = 120;
inline constexpr uint32_t kDisclosureHoursMax = 720;

// Signs `statement`, whose key id is set here. Errors of ParseDisclosureStatement.
absl::StatusOr<type::v1::SignedPayload> SignDisclosureStatement(type::v1::DisclosureStatement statement, const crypto::SigningKey& key);

// Reads a signed statement; the signature is VerifySignature's (header.h), the digest DigestOf's.
//   STATEMENT_MALFORMED  wrong payload type, does not parse, another key id, parts of one that was refused or none of one released, or a ground
//                        of one that was released or none of one refused
//   FIELD_INVALID        ids that are none, more than 64 parts, more than one of what is no sections, a digest twice or not of 32 bytes
//   FIELD_MISSING, ENUM_UNKNOWN, TEXT_NOT_UTF8, MESSAGE_TOO_LARGE
absl::StatusOr<type::v1::DisclosureStatement> ParseDisclosureStatement(const type::v1::SignedPayload& document);

// OK when the question is one: 1 to kPersonsAskedMax people, marks that are codes and differ, and of each something to be found by: a name with
// a date of birth or its year, an identifier or a record number. FIELD_MISSING, FIELD_INVALID, which name people by their place,
// TEXT_NOT_UTF8, MESSAGE_TOO_LARGE.
absl::Status ValidatePersonsQuestion(const type::v1::PersonsQuestion& question);

// What the plaintext of a question or an answer is bound to, as a section's is to its referral.
struct DisclosureBinding {
  std::string from, to;                // Who sealed it, and for whom: an agency's id and an inspector's, or the reverse.
  std::string request_id;              // Under which the officer asked.
  type::v1::DisclosureKind kind = type::v1::DISCLOSURE_KIND_UNSPECIFIED;
};

// binding ‖ length ‖ content ‖ padding, as MakePlaintext (section.h). MESSAGE_TOO_LARGE over kDisclosureContentBytesMax.
absl::StatusOr<std::string> MakeDisclosurePlaintext(const DisclosureBinding& binding, std::string_view content);
// The content. SECTION_MALFORMED unless binding, length and padding are right.
absl::StatusOr<std::string> ReadDisclosurePlaintext(const DisclosureBinding& binding, std::string_view plaintext);

}  // namespace accord::referral

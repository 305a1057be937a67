// The signed header of a referral and its selective openings (docs/formats.md §3). Pure. Thread-safe.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/entry.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "common/base/random.h"
#include "common/crypto/commitment.h"
#include "common/crypto/ecdsa.h"

namespace accord::referral {

inline constexpr std::string_view kHeaderPayloadType = "application/vnd.accord.header.v1";
inline constexpr size_t kHeaderCommitmentsStep = 16;
inline constexpr size_t kHeaderCommitmentsMax = 512;
inline constexpr size_t kPartBytesMax = 64u << 10;
inline constexpr size_t kRecipientsMax = 64;
inline constexpr size_t kSectionsMax = 64;
inline constexpr size_t kSubjectsMax = 64;
inline constexpr size_t kTokensPerSubjectMax = 16;
inline constexpr size_t kExclusionsPerSubjectMax = 64;
inline constexpr size_t kCodesPerListMax = 32;     // Of each list of codes: kinds, categories, criteria.
inline constexpr size_t kPseudonymBytesMax = 64;   // Of a worker, decision-maker, approver.
inline constexpr size_t kVersionBytesMax = 64;     // Of screening rules; of a token's domain and key.
inline constexpr size_t kInstrumentVersionBytesMax = 32;
inline constexpr size_t kShortTextBytesMax = 200;  // Of every text in a header part: codes and ids, no prose.

// The parts of a referral before they are committed to.
struct HeaderParts {
  type::v1::HeaderCore core;
  std::vector<type::v1::RecipientPart> recipients;
  std::vector<type::v1::SectionPart> sections;
  std::vector<type::v1::TagPart> tags;
  std::vector<type::v1::SubjectPart> subjects;
};

// Is it a record alone, of which nothing is delivered to anybody? A decision not to share, and what was told outside Accord. Thread-safe.
constexpr bool IsRecordOnly(type::v1::ReferralType type) {
  return type == type::v1::REFERRAL_TYPE_NOT_SHARED || type == type::v1::REFERRAL_TYPE_SENT_OUTSIDE;
}

// What the entry says that is made when one of this type is stored. Thread-safe.
constexpr type::v1::EventType StoredEventOf(type::v1::ReferralType type) {
  switch (type) {
    case type::v1::REFERRAL_TYPE_NOT_SHARED: return type::v1::EVENT_TYPE_NOT_SHARED_RECORDED;
    case type::v1::REFERRAL_TYPE_SENT_OUTSIDE: return type::v1::EVENT_TYPE_SENT_OUTSIDE_RECORDED;
    default: return type::v1::EVENT_TYPE_REFERRAL_STORED;
  }
}

// FIELD_INVALID, with the field inside `field`, unless limits hold and ids have their length.
absl::Status CheckRisk(const type::v1::Risk& risk, const std::string& field);

// OK when the parts could be a referral: every field valid, limits held, ids 16 bytes and unlike, every section's tag
// there, no recipient twice, a deputy naming for whom; of a record alone no sections, tags, and why or by what means and when.
// `digests_required`: section digests must be there (they are not in a preview).
//   FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN, TEXT_NOT_UTF8, MESSAGE_TOO_LARGE
absl::Status ValidateParts(const HeaderParts& parts, bool digests_required);

// A signed header with the openings of all its parts.
struct SignedHeader {
  type::v1::SignedPayload header;
  std::vector<type::v1::Opening> openings;
};
// Commits to every part with a fresh salt, pads, sorts, signs. Errors of ValidateParts; INTERNAL if signing fails.
absl::StatusOr<SignedHeader> SignHeader(const HeaderParts& parts, const crypto::SigningKey& key, Random& random);

// What a header shows without openings.
struct HeaderView {
  std::string key_id;
  std::vector<std::string> commitments;  // Ascending.
};
// HEADER_MALFORMED, with what is wrong, unless it has exactly the form of formats.md §3.
absl::StatusOr<HeaderView> ParseHeader(const type::v1::SignedPayload& header);

// The digest that names a signed document everywhere (formats.md §2): 32 bytes.
std::string DigestOf(const type::v1::SignedPayload& document);
// SIGNATURE_INVALID unless `key` signed `document` and is the key it names.
absl::Status VerifySignature(const type::v1::SignedPayload& document, const crypto::VerifyKey& key);

// A part with the opening it came in: what is forwarded is the opening, byte for byte.
template <typename Part>
struct Opened {
  Part part;
  type::v1::Opening opening;
};

// A header with the parts that somebody may see of it.
struct OpenedHeader {
  Opened<type::v1::HeaderCore> core;
  std::vector<Opened<type::v1::RecipientPart>> recipients;
  std::vector<Opened<type::v1::SectionPart>> sections;
  std::vector<Opened<type::v1::TagPart>> tags;
  std::vector<Opened<type::v1::SubjectPart>> subjects;

  const type::v1::TagPart* FindTag(std::string_view tag_id) const;  // Null when not opened.
  HeaderParts Parts() const;
};
// Matches every opening to a commitment of `header` and reads it.
//   OPENING_MISMATCH  an opening matches no commitment, or two match the same
//   HEADER_MALFORMED  unknown label, not one core, a part that does not parse
//   errors of ValidateParts
absl::StatusOr<OpenedHeader> OpenHeader(const HeaderView& header, std::span<const type::v1::Opening> openings);

// The openings `agency` may have: the core, its own recipient part, the sections of `section_ids`, and their tags;
// of nothing else.
std::vector<type::v1::Opening> OpeningsForRecipient(const OpenedHeader& header, std::string_view agency,
                                                    const std::set<std::string>& section_ids);

}  // namespace accord::referral

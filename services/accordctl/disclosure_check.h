// What an agency disclosed to an inspector, believed only as far as it verifies. Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <vector>

#include "accord/inspection/v1/disclosure_service.pb.h"
#include "accord/type/v1/disclosure.pb.h"
#include "accord/type/v1/section_content.pb.h"
#include "services/accordctl/inspector_keys.h"

namespace accord::accordctl {

inline constexpr size_t kCollectedBytesMax = 128u << 20;  // Of all parts: eight files of 5 MB and their words are a third of it.

// A disclosure as the broker gave it.
struct CollectedDisclosure {
  inspection::v1::CollectDisclosureResponse first;  // Without a piece.
  std::vector<std::string> parts;                   // Sealed.
};

// Puts the next message of a stream in its place. SECTION_MALFORMED when it is out of order, a part is too large, or all together are.
absl::Status TakePiece(CollectedDisclosure& collected, inspection::v1::CollectDisclosureResponse&& response);

// One section that was disclosed.
struct DisclosedSection {
  std::string id;  // 16 bytes.
  type::v1::SectionPart part;  // As the sender signed it.
  type::v1::SectionContent content;
};

// What verified.
struct CheckedDisclosure {
  type::v1::DisclosureStatement statement;
  std::string sender;                      // Of SECTIONS: who sent the referral.
  std::vector<DisclosedSection> sections;  // Of SECTIONS, in the order of the parts.
  type::v1::PersonsAnswer persons;         // Of PERSONS.
  type::v1::RecordsAnswer records;         // Of RECORDS.
};

// OK when all of it is so:
//   the statement is signed with a certificate of the agency's under the inspector's own authorities when the broker took it, and says: released;
//   this number, warrant, kind and inspector; by an authorising officer
//   each part is the one that was signed, sealed for the inspector alone, and opens with their key
//   SECTIONS: the header is that of the referral; each part is a section that it commits to, of its category, bound to sender, request and tag,
//   and of a category that was asked for
//   PERSONS, RECORDS: bound to agency, inspector and the request id asked under; of RECORDS for the referrals asked for, in their order
// `request_id`: under which it was asked, as whoever asked knows it; empty: as the broker says. The error says which of these is not so and of which
// part: SEALING_KEY_UNTRUSTED, SIGNATURE_INVALID, STATEMENT_MALFORMED, SECTION_DIGEST_MISMATCH, SECTION_MALFORMED, SEALING_KEY_UNKNOWN,
// SEALED_TOO_WIDELY, OPENING_MISMATCH, HEADER_MALFORMED, and of the words that a signed document may have.
absl::StatusOr<CheckedDisclosure> CheckDisclosure(const CollectedDisclosure& collected, uint64_t number, const std::string& request_id,
                                                  const InspectorKeys& keys, absl::Time now);

}  // namespace accord::accordctl

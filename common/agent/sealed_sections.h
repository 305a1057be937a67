// Sealed sections that are too large for the row of what they belong to: each in a row of its own, and in its place there the digest of its
// bytes, as it is on the wire (referral/section.h).
//
// A row belongs to what was sent, received or is to be disclosed and goes with it: whoever erases that drops all of its rows in the same write.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/repeated_ptr_field.h>

#include <string>
#include <string_view>

#include "accord/type/v1/referral.pb.h"
#include "accord/type/v1/section_content.pb.h"
#include "common/agent/agency_keys.h"
#include "common/agent/agency_store.h"
#include "common/referral/header.h"

namespace accord::agent {

using SealedList = google::protobuf::RepeatedPtrField<type::v1::SealedSection>;

// Whose sections: of a submission by its request id, of a received referral by its header digest, of an answer to an inspector by the number of
// the disclosure.
struct SectionOwner {
  static SectionOwner Sent(std::string_view request_id);
  static SectionOwner Received(std::string_view header_digest);
  static SectionOwner Disclosed(uint64_t number);
  static SectionOwner AllDisclosed();  // Prefix of all of the last, which the number follows, u64.
  std::string prefix;  // Of its keys in family `sealed`.
};

// A section in clear, sealed for one of our keys: `cms` as it is on the wire, held against what its sender signed in `header`. Thread-safe.
//   SECTION_DIGEST_MISMATCH  it is not the one that was signed
//   SECTION_MALFORMED        its tag is not opened, its binding, length or padding is wrong, or its content is of another category
//   those of OpenSealed
absl::StatusOr<type::v1::SectionContent> OpenSection(const AgencyKeys& keys, const referral::OpenedHeader& header, const type::v1::SectionPart& part,
                                                     std::string_view cms);

// Sole writer of the family `sealed`. Thread-safe.
class SealedSections {
 public:
  explicit SealedSections(AgencyStore& store) : store_(store) {}

  // Puts the bytes of `section` into a row of its own, durably, and the digest into their place, if they are too large for a message; so many
  // bytes of others stand in it already, which is added to. OK also when they stay. Errors of AgencyStore::Commit.
  absl::Status Place(const SectionOwner& owner, type::v1::SealedSection& section, size_t& inline_bytes);
  // Keeps the bytes that `section`, as delivered, has the digest of. Blocks on fsync. SECTION_DIGEST_MISMATCH when they are others.
  absl::Status Keep(const SectionOwner& owner, const type::v1::SealedSection& section, std::string cms);
  absl::StatusOr<bool> Has(const SectionOwner& owner, const type::v1::SealedSection& section) const;
  // Its bytes, wherever they are. STORE_CORRUPT when they are not there.
  absl::StatusOr<std::string> BytesOf(const SectionOwner& owner, const type::v1::SealedSection& section) const;
  // Adds to `batch` that the owner's rows go, but for those of `left`. Errors of the store.
  absl::Status Drop(accord::storage::Batch& batch, const SectionOwner& owner, const SealedList& left) const;

 private:
  AgencyStore& store_;
};

}  // namespace accord::agent

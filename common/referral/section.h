// What is sealed in a section, and its binding to its referral (docs/formats.md §4). Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "accord/type/v1/referral.pb.h"
#include "accord/type/v1/section_content.pb.h"

namespace accord::referral {

inline constexpr size_t kSectionPlaintextBytesMax = 8u << 20;
// Of it sealed: what is added for each recipient is some hundreds of bytes.
inline constexpr size_t kSealedSectionBytesMax = kSectionPlaintextBytesMax + (64u << 10);
// A sealed section beyond it, and those that follow when together they are beyond the second, go beside their message: by UploadSection,
// and by FetchSection. The rest of a message fits beside as much.
inline constexpr size_t kInlineSectionBytesMax = 1u << 20;
inline constexpr size_t kInlineSectionsBytesMax = 3u << 20;
inline constexpr size_t kSectionChunkBytesMax = 1u << 20;  // One message of either.

// What a section is bound to.
struct SectionBinding {
  std::string sender;
  std::string request_id;
  std::string section_id;  // 16 bytes.
  type::v1::Category category = type::v1::CATEGORY_UNSPECIFIED;
  std::string tag_content;  // The content of the tag's opening, as committed to.
};

// The padded length of `bytes`: 1, 4, 16 or 64 KiB, above that a multiple of 64 KiB.
size_t PaddedLength(size_t bytes);

// binding ‖ length ‖ content ‖ padding. MESSAGE_TOO_LARGE over the limit.
absl::StatusOr<std::string> MakePlaintext(const SectionBinding& binding, std::string_view content);
// The content. SECTION_MALFORMED, with what is wrong, unless binding, length and padding are right.
absl::StatusOr<std::string> ReadPlaintext(const SectionBinding& binding, std::string_view plaintext);

// The category that a content belongs to; UNSPECIFIED for FreeText, which serves several.
type::v1::Category CategoryOf(const type::v1::SectionContent& content);

}  // namespace accord::referral

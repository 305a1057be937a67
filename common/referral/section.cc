#include "common/referral/section.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"

namespace accord::referral {
namespace {

constexpr size_t kBindingBytes = 32;
constexpr size_t kFrameBytes = kBindingBytes + 4;  // Binding and length.
constexpr size_t kKiB = 1024;

std::string BindingDigest(const SectionBinding& binding) {
  return crypto::Sha256(ByteWriter()
                            .Lp16("accord/section/v1")
                            .Lp16(binding.sender)
                            .Lp16(binding.request_id)
                            .Lp16(binding.section_id)
                            .Lp16(std::to_string(static_cast<int>(binding.category)))
                            .Lp16(crypto::Sha256(binding.tag_content))
                            .bytes());
}

absl::Status MalformedSection(std::string_view why) { return Error(Reason::kSectionMalformed, why); }

}  // namespace

size_t PaddedLength(size_t bytes) {
  for (const size_t step : {1 * kKiB, 4 * kKiB, 16 * kKiB, 64 * kKiB}) {
    if (bytes <= step) return step;
  }
  return (bytes + 64 * kKiB - 1) / (64 * kKiB) * (64 * kKiB);
}

absl::StatusOr<std::string> MakePlaintext(const SectionBinding& binding, std::string_view content) {
  const size_t length = PaddedLength(kFrameBytes + content.size());
  if (length > kSectionPlaintextBytesMax) {
    return Error(Reason::kMessageTooLarge, "a section is too large", {{"limit_bytes", std::to_string(kSectionPlaintextBytesMax)}});
  }
  std::string plaintext = ByteWriter().Raw(BindingDigest(binding)).Lp32(content).bytes();
  plaintext.resize(length, '\0');
  return plaintext;
}

absl::StatusOr<std::string> ReadPlaintext(const SectionBinding& binding, std::string_view plaintext) {
  ByteReader reader(plaintext);
  std::string_view bound, content;
  if (!reader.Raw(kBindingBytes, bound)) return MalformedSection("the section's plaintext is too short");
  if (!crypto::ConstantTimeEqual(bound, BindingDigest(binding))) {
    return MalformedSection("the section belongs to another referral, category or tag");
  }
  if (!reader.Lp32(content)) return MalformedSection("the section's length runs past its end");
  if (plaintext.size() != PaddedLength(kFrameBytes + content.size()) ||
      !std::all_of(reader.rest().begin(), reader.rest().end(), [](char c) { return c == '\0'; })) {
    return MalformedSection("the section's padding is wrong");
  }
  return std::string(content);
}

type::v1::Category CategoryOf(const type::v1::SectionContent& content) {
  using type::v1::SectionContent;
  switch (content.content_case()) {
    case SectionContent::kIdentity: return type::v1::CATEGORY_IDENTITY;
    case SectionContent::kSafeContact: return type::v1::CATEGORY_SAFE_CONTACT;
    case SectionContent::kRisk: return type::v1::CATEGORY_RISK;
    case SectionContent::kIncident: return type::v1::CATEGORY_INCIDENT;
    case SectionContent::kChildren: return type::v1::CATEGORY_CHILDREN;
    case SectionContent::kHealth: return type::v1::CATEGORY_HEALTH;
    case SectionContent::kHousing: return type::v1::CATEGORY_HOUSING;
    case SectionContent::kAllegedPerpetrators: return type::v1::CATEGORY_ALLEGED_PERPETRATOR;
    case SectionContent::kOrdersAndBail: return type::v1::CATEGORY_ORDERS_AND_BAIL;
    case SectionContent::kAttachment: return type::v1::CATEGORY_ATTACHMENT;
    case SectionContent::kText:
    case SectionContent::CONTENT_NOT_SET: break;
  }
  return type::v1::CATEGORY_UNSPECIFIED;
}

}  // namespace accord::referral

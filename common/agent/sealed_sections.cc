#include "common/agent/sealed_sections.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "common/crypto/digest.h"
#include "common/referral/section.h"

namespace accord::agent {

SectionOwner SectionOwner::Sent(std::string_view request_id) { return {ByteWriter().U8(1).Lp8(request_id).bytes()}; }
SectionOwner SectionOwner::Received(std::string_view header_digest) { return {ByteWriter().U8(2).Raw(header_digest).bytes()}; }
SectionOwner SectionOwner::Disclosed(uint64_t number) { return {ByteWriter().U8(3).U64(number).bytes()}; }
SectionOwner SectionOwner::AllDisclosed() { return {ByteWriter().U8(3).bytes()}; }

absl::StatusOr<type::v1::SectionContent> OpenSection(const AgencyKeys& keys, const referral::OpenedHeader& header, const type::v1::SectionPart& part,
                                                     std::string_view cms) {
  const auto malformed = [](std::string_view why) { return Error(Reason::kSectionMalformed, why); };
  ACCORD_ASSIGN_OR_RETURN(const auto shown, crypto::cms::Parse(cms));
  if (shown.digest != part.digest()) return Error(Reason::kSectionDigestMismatch, "a sealed section is not the one that was signed");
  const auto tag = std::find_if(header.tags.begin(), header.tags.end(), [&](const auto& one) { return one.part.tag_id() == part.tag_id(); });
  if (tag == header.tags.end()) return malformed("the tag of a section is not opened");
  ACCORD_ASSIGN_OR_RETURN(const std::string plaintext, OpenSealed(keys, cms));
  ACCORD_ASSIGN_OR_RETURN(const std::string bytes,
                          referral::ReadPlaintext({header.core.part.sender(), header.core.part.request_id(), part.section_id(), part.category(),
                                                   tag->opening.content()},
                                                  plaintext));
  type::v1::SectionContent content;
  if (!content.ParseFromString(bytes)) return malformed("a section's content does not parse");
  const auto told = referral::CategoryOf(content);
  if (told != type::v1::CATEGORY_UNSPECIFIED && told != part.category()) return malformed("a section's content is of another category than was signed");
  return content;
}

absl::Status SealedSections::Place(const SectionOwner& owner, type::v1::SealedSection& section, size_t& inline_bytes) {
  const size_t bytes = section.cms().size();
  if (bytes <= referral::kInlineSectionBytesMax && inline_bytes + bytes <= referral::kInlineSectionsBytesMax) {
    inline_bytes += bytes;
    return absl::OkStatus();
  }
  section.set_uploaded(crypto::Sha256(section.cms()));
  std::string cms = std::move(*section.mutable_cms());
  section.clear_cms();
  return Keep(owner, section, std::move(cms));
}

absl::Status SealedSections::Keep(const SectionOwner& owner, const type::v1::SealedSection& section, std::string cms) {
  if (crypto::Sha256(cms) != section.uploaded()) {
    return Error(Reason::kSectionDigestMismatch, "the bytes of a section are not those that were told of");
  }
  type::v1::SealedSection row;
  row.set_section_id(section.section_id());
  row.set_cms(std::move(cms));
  accord::storage::Batch batch;
  store_.Put(batch, kFamilySealed, owner.prefix + section.uploaded(), row);
  return store_.Commit(batch);
}

absl::StatusOr<bool> SealedSections::Has(const SectionOwner& owner, const type::v1::SealedSection& section) const {
  ACCORD_ASSIGN_OR_RETURN(const auto row, store_.raw().Get(kFamilySealed, owner.prefix + section.uploaded()));
  return row.has_value();
}

absl::StatusOr<std::string> SealedSections::BytesOf(const SectionOwner& owner, const type::v1::SealedSection& section) const {
  if (section.uploaded().empty()) return section.cms();
  ACCORD_ASSIGN_OR_RETURN(auto row, store_.Get<type::v1::SealedSection>(kFamilySealed, owner.prefix + section.uploaded()));
  if (!row.has_value()) return Error(Reason::kStoreCorrupt, "the bytes of a large section are not there");
  return std::move(*row->mutable_cms());
}

absl::Status SealedSections::Drop(accord::storage::Batch& batch, const SectionOwner& owner, const SealedList& left) const {
  return store_.raw().Scan(kFamilySealed, accord::storage::Prefix(owner.prefix), [&](std::string_view key, std::string_view) {
    const std::string_view digest = key.substr(owner.prefix.size());
    const bool stays = std::any_of(left.begin(), left.end(), [&](const auto& section) { return section.uploaded() == digest; });
    if (!stays) batch.Delete(kFamilySealed, key);
    return true;
  });
}

}  // namespace accord::agent

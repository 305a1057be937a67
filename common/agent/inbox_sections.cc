// Sections of what was received: fetched where they came beside their message, opened, and the files in them read.
#include <algorithm>
#include <map>

#include "common/agent/inbox.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/referral_name.h"

namespace accord::agent {
namespace {

using agency::v1::OpenedSection;
using storage::v1::StoredReceived;
using type::v1::SealedSection;

absl::Status Malformed(std::string_view why) { return Error(Reason::kSectionMalformed, why); }

void FillTerms(const StoredReceived& stored, std::string_view section_id, OpenedSection& row) {
  const auto terms = std::find_if(stored.terms().begin(), stored.terms().end(), [&](const auto& told) { return told.section_id() == section_id; });
  if (terms == stored.terms().end()) return;
  *row.mutable_obligations() = terms->obligations();
  row.set_regime(terms->regime());
}

}  // namespace

absl::Status Inbox::FetchSections(std::string_view header_digest, const StoredReceived& stored) {
  for (const SealedSection& section : stored.sections()) {
    if (section.uploaded().empty()) continue;
    if (sections_ == nullptr || !section.cms().empty() || section.uploaded().size() != crypto::kDigestBytes) {
      return Malformed("a section has not its bytes or their digest, and one of them alone");
    }
    const SectionOwner owner = SectionOwner::Received(header_digest);
    ACCORD_ASSIGN_OR_RETURN(const bool there, sections_->Has(owner, section));
    if (there) continue;  // From before a restart.
    broker::v1::FetchSectionRequest request;
    request.set_name(referral::ReferralName(header_digest));
    request.set_section_id(section.section_id());
    ACCORD_ASSIGN_OR_RETURN(std::string cms, broker_.FetchSection(request));
    const absl::Status kept = sections_->Keep(owner, section, std::move(cms));
    // Sealed again meanwhile for a key of ours that is new: the delivery comes again, with the digest of that. No reason to reject it for good.
    if (HasReason(kept, Reason::kSectionDigestMismatch)) return Error(Reason::kEpochMoved, "a section is not the one that was told of any more");
    ACCORD_RETURN_IF_ERROR(kept);
  }
  return absl::OkStatus();
}

absl::Status Inbox::DropSections(accord::storage::Batch& batch, std::string_view header_digest, const SealedList& left) const {
  return sections_ == nullptr ? absl::OkStatus() : sections_->Drop(batch, SectionOwner::Received(header_digest), left);
}

absl::Status Inbox::GiveUp(std::string_view header_digest, const absl::Status& why) {
  ACCORD_ASSIGN_OR_RETURN(const auto earlier, store_.Get<StoredReceived>(kFamilyInbox, header_digest));
  accord::storage::Batch batch;
  ACCORD_RETURN_IF_ERROR(DropSections(batch, header_digest, earlier.value_or(StoredReceived()).sections()));
  if (!batch.empty()) ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  return why;
}

absl::Status Inbox::OpenOne(const InboxEntry& entry, const type::v1::SectionPart& part, OpenedSection& row) const {
  const auto& sealed = entry.stored.sections();
  const auto found = std::find_if(sealed.begin(), sealed.end(), [&](const SealedSection& section) { return section.section_id() == part.section_id(); });
  if (found == sealed.end()) return Malformed("a section that the openings tell of is not there");
  std::string cms = found->cms();
  if (!found->uploaded().empty()) {
    if (sections_ == nullptr) return Malformed("a section has not its bytes");
    ACCORD_ASSIGN_OR_RETURN(cms, sections_->BytesOf(SectionOwner::Received(entry.header_digest), *found));
  }
  ACCORD_ASSIGN_OR_RETURN(*row.mutable_content(), OpenSection(keys_, entry.header, part, cms));
  row.set_category(part.category());
  row.set_section(ToHex(part.section_id()));
  FillTerms(entry.stored, part.section_id(), row);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<OpenedSection>> Inbox::OpenSections(const InboxEntry& entry) const {
  const auto& header = entry.header;
  std::set<std::string> ids;
  for (const SealedSection& section : entry.stored.sections()) ids.insert(section.section_id());
  if (ids.size() != header.sections.size() || ids.size() != static_cast<size_t>(entry.stored.sections_size())) {
    return Malformed("the sealed sections are not those that the openings tell of");
  }
  std::vector<OpenedSection> opened;
  for (const auto& section : header.sections) {
    auto& row = opened.emplace_back();
    ACCORD_RETURN_IF_ERROR(OpenOne(entry, section.part, row));
    // Of files, which are large, one is in memory at a time; ReadFile gives its bytes.
    if (row.content().has_attachment()) row.mutable_content()->mutable_attachment()->clear_data();
  }
  return opened;
}

absl::StatusOr<Inbox::ContentDigests> Inbox::DigestContent(const InboxEntry& entry) const {
  ContentDigests digests;
  for (const auto& section : entry.header.sections) {
    OpenedSection row;  // One at a time: of files, which are large, no more are in memory.
    ACCORD_RETURN_IF_ERROR(OpenOne(entry, section.part, row));
    digests[row.category()].insert(crypto::Sha256(row.content().SerializeAsString()));
  }
  return digests;
}

absl::StatusOr<type::v1::Attachment> Inbox::ReadFile(const std::string& request_id, std::string_view header_digest, std::string_view section,
                                                     const type::v1::Worker& worker) {
  absl::MutexLock lock(&act_mu_);
  ACCORD_ASSIGN_OR_RETURN(InboxEntry entry, Get(header_digest));
  ACCORD_RETURN_IF_ERROR(MayRead(entry));
  const auto& sections = entry.header.sections;
  const auto found = std::find_if(sections.begin(), sections.end(), [&](const auto& row) {
    return ToHex(row.part.section_id()) == section && row.part.category() == type::v1::CATEGORY_ATTACHMENT;
  });
  if (found == sections.end()) return Error(Reason::kAttachmentNotFound, "the referral has no such file");
  OpenedSection opened;
  ACCORD_RETURN_IF_ERROR(OpenOne(entry, found->part, opened));
  ACCORD_RETURN_IF_ERROR(SayOpened(request_id, entry, worker));
  if (journal_ != nullptr) {
    agency::v1::JournalEntry note;
    note.set_act(agency::v1::JOURNAL_ACT_ATTACHMENT_READ);
    *note.mutable_worker() = worker;
    note.set_about(referral::ReferralName(header_digest));
    ACCORD_RETURN_IF_ERROR(journal_->Record(std::move(note)));
  }
  return std::move(*opened.mutable_content()->mutable_attachment());
}

}  // namespace accord::agent

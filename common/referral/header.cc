#include "common/referral/header.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/crypto/dsse.h"
#include "common/referral/instruments.h"
#include "common/referral/validate.h"

namespace accord::referral {
namespace {

constexpr std::string_view kMagic = "ACRDHDR1";
constexpr size_t kKeyIdBytes = 32;
constexpr std::string_view kCore = "core", kRecipient = "recipient", kSection = "section", kTag = "tag",
                           kSubject = "subject";

absl::Status MalformedHeader(std::string_view why) { return Error(Reason::kHeaderMalformed, why); }
absl::Status InvalidHeader(const std::string& field, std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("{} {}", field, why), {{"field", field}});
}

crypto::Opening ToCrypto(const type::v1::Opening& opening) {
  return {opening.label(), opening.salt(), opening.content()};
}

template <typename Part>
absl::Status ValidateEach(const std::vector<Part>& parts, size_t count_max, const std::string& name) {
  if (parts.size() > count_max) {
    return Error(Reason::kMessageTooLarge, fmt::format("there are more than {} {} parts", count_max, name),
                 {{"field", name}, {"limit", std::to_string(count_max)}});
  }
  for (const Part& part : parts) ACCORD_RETURN_IF_ERROR(ValidateMessage(part, kShortTextBytesMax));
  return absl::OkStatus();
}

// Adds `id` to `seen`; FIELD_INVALID unless it is 16 bytes and new there.
absl::Status TakeId(const std::string& id, std::set<std::string>& seen, const std::string& field) {
  if (id.size() != kIdBytes) return InvalidHeader(field, "is not 16 bytes");
  if (!seen.insert(id).second) return InvalidHeader(field, "is used twice");
  return absl::OkStatus();
}

absl::Status CheckLength(const std::string& text, size_t bytes_max, const std::string& field) {
  return text.size() <= bytes_max ? absl::OkStatus() : InvalidHeader(field, fmt::format("is longer than {} bytes", bytes_max));
}

absl::Status CheckCount(int count, size_t count_max, const std::string& field) {
  return static_cast<size_t>(count) <= count_max ? absl::OkStatus() : InvalidHeader(field, fmt::format("has more than {} values", count_max));
}

absl::Status ValidateRange(const type::v1::TimeRange& range, const std::string& field) {
  return range.earliest_ms() <= range.latest_ms() ? absl::OkStatus() : InvalidHeader(field, "ends before it begins");
}

absl::Status ValidateToken(const type::v1::SubjectToken& token, const std::string& field) {
  if (token.token().size() != 32) return InvalidHeader(field + ".token", "is not 32 bytes");
  ACCORD_RETURN_IF_ERROR(CheckLength(token.domain(), kVersionBytesMax, field + ".domain"));
  return CheckLength(token.token_key(), kVersionBytesMax, field + ".token_key");
}

absl::Status ValidateCore(const type::v1::HeaderCore& core) {
  if (!IsRequestId(core.request_id())) return InvalidHeader("core.request_id", "must be 8 to 128 characters of [A-Za-z0-9._:/-]");
  if (!IsAgencyId(core.sender())) return InvalidHeader("core.sender", "is no agency id");
  if (!core.caused_by().empty() && core.caused_by().size() != 32) return InvalidHeader("core.caused_by", "is not 32 bytes");
  ACCORD_RETURN_IF_ERROR(ValidateRange(core.happened(), "core.happened"));
  ACCORD_RETURN_IF_ERROR(ValidateRange(core.known(), "core.known"));
  ACCORD_RETURN_IF_ERROR(CheckLength(core.worker().pseudonym(), kPseudonymBytesMax, "core.worker.pseudonym"));
  ACCORD_RETURN_IF_ERROR(CheckLength(core.screening_version(), kVersionBytesMax, "core.screening_version"));
  ACCORD_RETURN_IF_ERROR(CheckRisk(core.risk(), "core.risk"));
  if (core.report().has_event()) ACCORD_RETURN_IF_ERROR(ValidateToken(core.report().event(), "core.report.event"));
  // A corrected check says for itself that it is one.
  const bool asks = core.type() == type::v1::REFERRAL_TYPE_REQUEST_FOR_INFORMATION || core.type() == type::v1::REFERRAL_TYPE_CORRECTION;
  if (core.checks() && !asks) return InvalidHeader("core.checks", "goes with a request for information, or its correction, only");
  ACCORD_RETURN_IF_ERROR(CheckCount(core.victim_information_request().sought_size(), kCodesPerListMax, "core.victim_information_request.sought"));
  return CheckCount(core.marac_criteria_size(), kCodesPerListMax, "core.marac_criteria");
}

absl::Status ValidateRecipient(const type::v1::RecipientPart& recipient, const std::string& sender) {
  if (!IsAgencyId(recipient.agency())) return InvalidHeader("recipient.agency", "is no agency id");
  if (recipient.agency() == sender) return InvalidHeader("recipient.agency", "is the sender");
  const bool named = recipient.capacity() == type::v1::RECIPIENT_CAPACITY_NAMED;
  if (named != recipient.on_behalf_of().empty() || (!named && !IsAgencyId(recipient.on_behalf_of()))) {
    return InvalidHeader("recipient.on_behalf_of", "names an agency for a deputy or duty recipient, always and only");
  }
  return absl::OkStatus();
}

absl::Status ValidateTag(const type::v1::TagPart& tag) {
  ACCORD_RETURN_IF_ERROR(CheckCount(tag.consent_kinds_size(), kCodesPerListMax, "tag.consent_kinds"));
  ACCORD_RETURN_IF_ERROR(CheckCount(tag.consent_excludes_kinds_size(), kCodesPerListMax, "tag.consent_excludes_kinds"));
  ACCORD_RETURN_IF_ERROR(CheckCount(tag.consent_categories_size(), kCodesPerListMax, "tag.consent_categories"));
  ACCORD_RETURN_IF_ERROR(CheckCount(tag.consent_agencies_size(), kCodesPerListMax, "tag.consent_agencies"));
  ACCORD_RETURN_IF_ERROR(CheckCount(tag.consent_excludes_agencies_size(), kCodesPerListMax, "tag.consent_excludes_agencies"));
  ACCORD_RETURN_IF_ERROR(CheckCount(tag.consent_purposes_size(), kCodesPerListMax, "tag.consent_purposes"));
  ACCORD_RETURN_IF_ERROR(CheckCount(tag.consent_excludes_categories_size(), kCodesPerListMax, "tag.consent_excludes_categories"));
  ACCORD_RETURN_IF_ERROR(CheckCount(tag.advice_size(), kCodesPerListMax, "tag.advice"));
  ACCORD_RETURN_IF_ERROR(CheckLength(tag.decision_maker(), kPseudonymBytesMax, "tag.decision_maker"));
  return CheckLength(tag.approver(), kPseudonymBytesMax, "tag.approver");
}

absl::Status ValidateSubject(const type::v1::SubjectPart& subject) {
  ACCORD_RETURN_IF_ERROR(CheckCount(subject.tokens_size(), kTokensPerSubjectMax, "subject.tokens"));
  ACCORD_RETURN_IF_ERROR(CheckCount(subject.exclusions_size(), kExclusionsPerSubjectMax, "subject.exclusions"));
  for (const type::v1::Exclusion& exclusion : subject.exclusions()) {
    ACCORD_RETURN_IF_ERROR(CheckCount(exclusion.categories_size(), kCodesPerListMax, "subject.exclusions.categories"));
  }
  for (const auto& token : subject.tokens()) ACCORD_RETURN_IF_ERROR(ValidateToken(token, "subject.tokens"));
  for (const auto& exclusion : subject.exclusions()) {
    const bool by_kind = exclusion.kind() != type::v1::AGENCY_KIND_UNSPECIFIED;
    if (by_kind == !exclusion.agency().empty()) return InvalidHeader("subject.exclusions", "name an agency or a kind, one of them");
    // An id that no agency can have would exclude nobody, unnoticed.
    if (!by_kind && !IsAgencyId(exclusion.agency())) return InvalidHeader("subject.exclusions.agency", "is no agency id");
  }
  if (!subject.works_at().empty() && !IsAgencyId(subject.works_at())) return InvalidHeader("subject.works_at", "is no agency id");
  return absl::OkStatus();
}

type::v1::Opening Commit(std::string_view label, std::string content, Random& random,
                         std::vector<std::string>& commitments) {
  crypto::Opening made = crypto::MakeOpening(random, label, content);
  commitments.push_back(crypto::Commit(crypto::kHeaderPartDomain, made));
  type::v1::Opening opening;
  opening.set_label(std::move(made.label));
  opening.set_salt(std::move(made.salt));
  opening.set_content(std::move(made.content));
  return opening;
}

template <typename Part>
absl::Status ReadPart(const type::v1::Opening& opening, std::vector<Opened<Part>>& parts) {
  Opened<Part> opened;
  if (!opened.part.ParseFromString(opening.content())) {
    return MalformedHeader(fmt::format("a {} part does not parse", opening.label()));
  }
  opened.opening = opening;
  parts.push_back(std::move(opened));
  return absl::OkStatus();
}

// What is told of a decision not to share, or of what was told outside Accord: with whom, on what tag, and why or how. There is no
// content, so nothing else may be in it.
absl::Status ValidateRecord(const HeaderParts& parts) {
  if (!parts.sections.empty()) return InvalidHeader("sections", "are none where nothing is delivered");
  if (parts.tags.empty()) return Error(Reason::kFieldMissing, "a record of sharing has at least one tag", {{"field", "tags"}});
  for (const auto& tag : parts.tags) {
    if (tag.rationale_present()) return InvalidHeader("tag.rationale_present", "cannot be: where nothing is delivered there are no sections");
  }
  if (parts.core.type() == type::v1::REFERRAL_TYPE_NOT_SHARED && parts.core.not_shared_reason() == type::v1::NOT_SHARED_REASON_UNSPECIFIED) {
    return Error(Reason::kFieldMissing, "a decision not to share says why", {{"field", "core.not_shared_reason"}});
  }
  if (parts.core.type() != type::v1::REFERRAL_TYPE_SENT_OUTSIDE) return absl::OkStatus();
  if (parts.core.outside_channel() == type::v1::OUTSIDE_CHANNEL_UNSPECIFIED) {
    return Error(Reason::kFieldMissing, "what was told outside Accord says by what means", {{"field", "core.outside_channel"}});
  }
  if (parts.core.happened().latest_ms() > 0) return absl::OkStatus();
  return Error(Reason::kFieldMissing, "what was told outside Accord says when", {{"field", "core.happened"}});
}

}  // namespace

absl::Status CheckRisk(const type::v1::Risk& risk, const std::string& field) {
  ACCORD_RETURN_IF_ERROR(CheckLength(risk.instrument_version(), kInstrumentVersionBytesMax, field + ".instrument_version"));
  const bool other = risk.instrument() == type::v1::INSTRUMENT_OTHER;
  if (other && !IsInstrumentCode(risk.instrument_code())) return InvalidHeader(field + ".instrument_code", "does not name the other instrument: 1 to 32 of [a-z0-9-]");
  if (!other && !risk.instrument_code().empty()) return InvalidHeader(field + ".instrument_code", "is for the instrument OTHER alone");
  if (!risk.assessment().empty() && risk.assessment().size() != kIdBytes) return InvalidHeader(field + ".assessment", "is not 16 bytes");
  if (risk.assessed_at_ms() < 0) return InvalidHeader(field + ".assessed_at_ms", "is before 1970");
  return CheckLength(risk.supervisor(), kPseudonymBytesMax, field + ".supervisor");
}

absl::Status ValidateParts(const HeaderParts& parts, bool digests_required) {
  ACCORD_RETURN_IF_ERROR(ValidateMessage(parts.core, kShortTextBytesMax));
  ACCORD_RETURN_IF_ERROR(ValidateCore(parts.core));
  ACCORD_RETURN_IF_ERROR(ValidateEach(parts.recipients, kRecipientsMax, "recipient"));
  ACCORD_RETURN_IF_ERROR(ValidateEach(parts.sections, kSectionsMax, "section"));
  ACCORD_RETURN_IF_ERROR(ValidateEach(parts.tags, kSectionsMax, "tag"));
  ACCORD_RETURN_IF_ERROR(ValidateEach(parts.subjects, kSubjectsMax, "subject"));
  if (parts.recipients.empty()) return Error(Reason::kFieldMissing, "a referral names at least one recipient", {{"field", "recipients"}});
  if (IsRecordOnly(parts.core.type())) {
    ACCORD_RETURN_IF_ERROR(ValidateRecord(parts));
  } else if (parts.sections.empty()) {
    return Error(Reason::kFieldMissing, "a referral has at least one section", {{"field", "sections"}});
  }
  if (parts.core.type() != type::v1::REFERRAL_TYPE_NOT_SHARED && parts.core.not_shared_reason() != 0) {
    return InvalidHeader("core.not_shared_reason", "goes with a decision not to share only");
  }
  if (parts.core.type() != type::v1::REFERRAL_TYPE_SENT_OUTSIDE && parts.core.outside_channel() != 0) {
    return InvalidHeader("core.outside_channel", "goes with what was told outside Accord only");
  }

  std::set<std::string> tags, sections, subjects, recipients;
  for (const auto& tag : parts.tags) {
    ACCORD_RETURN_IF_ERROR(TakeId(tag.tag_id(), tags, "tag.tag_id"));
    ACCORD_RETURN_IF_ERROR(ValidateTag(tag));
  }
  for (const auto& section : parts.sections) {
    ACCORD_RETURN_IF_ERROR(TakeId(section.section_id(), sections, "section.section_id"));
    if (!tags.contains(section.tag_id())) return InvalidHeader("section.tag_id", "names no tag of this referral");
    if (digests_required && section.digest().size() != 32) return InvalidHeader("section.digest", "is not 32 bytes");
  }
  for (const auto& subject : parts.subjects) {
    ACCORD_RETURN_IF_ERROR(TakeId(subject.subject_id(), subjects, "subject.subject_id"));
    ACCORD_RETURN_IF_ERROR(ValidateSubject(subject));
  }
  for (const auto& recipient : parts.recipients) {
    ACCORD_RETURN_IF_ERROR(ValidateRecipient(recipient, parts.core.sender()));
    if (!recipients.insert(recipient.agency()).second) return InvalidHeader("recipient.agency", "is named twice");
  }
  return absl::OkStatus();
}

absl::StatusOr<SignedHeader> SignHeader(const HeaderParts& parts, const crypto::SigningKey& key, Random& random) {
  ACCORD_RETURN_IF_ERROR(ValidateParts(parts, /*digests_required=*/true));
  SignedHeader result;
  std::vector<std::string> commitments;
  const auto add = [&](std::string_view label, const auto& part) {
    result.openings.push_back(Commit(label, part.SerializeAsString(), random, commitments));
  };
  add(kCore, parts.core);
  for (const auto& part : parts.recipients) add(kRecipient, part);
  for (const auto& part : parts.sections) add(kSection, part);
  for (const auto& part : parts.tags) add(kTag, part);
  for (const auto& part : parts.subjects) add(kSubject, part);
  while (commitments.size() % kHeaderCommitmentsStep != 0) commitments.push_back(random.Bytes(crypto::kCommitmentBytes));
  ACCORD_CHECK(commitments.size() <= kHeaderCommitmentsMax);  // 1 + 64 + 64 + 64 + 64 parts at most.
  std::sort(commitments.begin(), commitments.end());

  ByteWriter payload;
  payload.Raw(kMagic).Raw(key.key_id()).U16(static_cast<uint16_t>(commitments.size()));
  for (const std::string& commitment : commitments) payload.Raw(commitment);
  type::v1::SignedPayload& header = result.header;
  header.set_payload_type(std::string(kHeaderPayloadType));
  header.set_payload(payload.bytes());
  header.set_key_id(key.key_id());
  ACCORD_ASSIGN_OR_RETURN(*header.mutable_signature(), key.SignDigest(DigestOf(header)));
  return result;
}

absl::StatusOr<HeaderView> ParseHeader(const type::v1::SignedPayload& header) {
  if (header.payload_type() != kHeaderPayloadType) return MalformedHeader("the payload type is not that of a header");
  ByteReader reader(header.payload());
  std::string_view magic, key_id;
  uint16_t count = 0;
  if (!reader.Raw(kMagic.size(), magic) || magic != kMagic) return MalformedHeader("the header is not of version 1");
  if (!reader.Raw(kKeyIdBytes, key_id) || !reader.U16(count)) return MalformedHeader("the header ends in its first fields");
  if (key_id != header.key_id()) return MalformedHeader("the header names another key than its envelope");
  if (count == 0 || count % kHeaderCommitmentsStep != 0 || count > kHeaderCommitmentsMax) {
    return MalformedHeader("the number of commitments is not a multiple of 16 from 16 to 512");
  }
  HeaderView view{std::string(key_id), {}};
  for (uint16_t i = 0; i < count; ++i) {
    std::string_view commitment;
    if (!reader.Raw(crypto::kCommitmentBytes, commitment)) return MalformedHeader("the header ends in its commitments");
    if (i > 0 && view.commitments.back() >= commitment) return MalformedHeader("the commitments do not ascend");
    view.commitments.emplace_back(commitment);
  }
  if (!reader.AtEnd()) return MalformedHeader("the header has bytes after its end");
  return view;
}

std::string DigestOf(const type::v1::SignedPayload& document) {
  return crypto::PaeDigest(document.payload_type(), document.payload());
}

absl::Status VerifySignature(const type::v1::SignedPayload& document, const crypto::VerifyKey& key) {
  if (document.key_id() != key.key_id()) return Error(Reason::kSignatureInvalid, "the document names another key");
  return key.VerifyDigest(DigestOf(document), document.signature());
}

const type::v1::TagPart* OpenedHeader::FindTag(std::string_view tag_id) const {
  for (const auto& tag : tags) {
    if (tag.part.tag_id() == tag_id) return &tag.part;
  }
  return nullptr;
}

HeaderParts OpenedHeader::Parts() const {
  HeaderParts parts;
  parts.core = core.part;
  for (const auto& row : recipients) parts.recipients.push_back(row.part);
  for (const auto& row : sections) parts.sections.push_back(row.part);
  for (const auto& row : tags) parts.tags.push_back(row.part);
  for (const auto& row : subjects) parts.subjects.push_back(row.part);
  return parts;
}

absl::StatusOr<OpenedHeader> OpenHeader(const HeaderView& header, std::span<const type::v1::Opening> openings) {
  OpenedHeader opened;
  std::set<std::string> used;
  bool has_core = false;
  for (const type::v1::Opening& opening : openings) {
    if (opening.content().size() > kPartBytesMax) {
      return Error(Reason::kMessageTooLarge, "a header part is too large", {{"limit_bytes", std::to_string(kPartBytesMax)}});
    }
    std::string commitment = crypto::Commit(crypto::kHeaderPartDomain, ToCrypto(opening));
    if (!std::binary_search(header.commitments.begin(), header.commitments.end(), commitment) ||
        !used.insert(std::move(commitment)).second) {
      return Error(Reason::kOpeningMismatch,
                   fmt::format("an opening labelled {} matches no commitment of the signed header",
                               opening.label() == kCore || opening.label() == kRecipient || opening.label() == kSection ||
                                       opening.label() == kTag || opening.label() == kSubject
                                   ? opening.label()
                                   : "otherwise"),
                   {{"field", "openings"}});
    }
    if (opening.label() == kCore) {
      if (has_core) return MalformedHeader("the header has two core parts");
      has_core = true;
      if (!opened.core.part.ParseFromString(opening.content())) return MalformedHeader("the core part does not parse");
      opened.core.opening = opening;
    } else if (opening.label() == kRecipient) {
      ACCORD_RETURN_IF_ERROR(ReadPart(opening, opened.recipients));
    } else if (opening.label() == kSection) {
      ACCORD_RETURN_IF_ERROR(ReadPart(opening, opened.sections));
    } else if (opening.label() == kTag) {
      ACCORD_RETURN_IF_ERROR(ReadPart(opening, opened.tags));
    } else if (opening.label() == kSubject) {
      ACCORD_RETURN_IF_ERROR(ReadPart(opening, opened.subjects));
    } else {
      return MalformedHeader("an opening has an unknown label");
    }
  }
  if (!has_core) return MalformedHeader("the core part is not opened");
  ACCORD_RETURN_IF_ERROR(ValidateParts(opened.Parts(), /*digests_required=*/true));
  return opened;
}

std::vector<type::v1::Opening> OpeningsForRecipient(const OpenedHeader& header, std::string_view agency,
                                                    const std::set<std::string>& section_ids) {
  std::vector<type::v1::Opening> openings = {header.core.opening};
  for (const auto& recipient : header.recipients) {
    if (recipient.part.agency() == agency) openings.push_back(recipient.opening);
  }
  std::set<std::string> tag_ids;
  for (const auto& section : header.sections) {
    if (!section_ids.contains(section.part.section_id())) continue;
    openings.push_back(section.opening);
    tag_ids.insert(section.part.tag_id());
  }
  for (const auto& tag : header.tags) {
    if (tag_ids.contains(tag.part.tag_id())) openings.push_back(tag.opening);
  }
  return openings;
}

}  // namespace accord::referral

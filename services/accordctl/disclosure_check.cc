#include "services/accordctl/disclosure_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/console/words.h"
#include "common/crypto/cms.h"
#include "common/crypto/commitment.h"
#include "common/crypto/digest.h"
#include "common/referral/disclosure.h"
#include "common/referral/header.h"
#include "common/referral/section.h"

namespace accord::accordctl {
namespace {

using inspection::v1::CollectDisclosureResponse;
using type::v1::DisclosureStatement;

absl::Status NotThatAnswer(std::string_view why) { return Error(Reason::kStatementMalformed, fmt::format("the signed answer {}", why)); }

// `status` with the part that it is of.
absl::Status OfPart(const absl::Status& status, size_t part) {
  return status.ok() ? status : ErrorWith(DetailOf(status), fmt::format("part {}: {}", part + 1, FromAbsl(status.message())));
}

// What was signed against what was asked, and by whom.
absl::Status CheckStatement(const DisclosureStatement& statement, const CollectedDisclosure& collected, uint64_t number, const InspectorKeys& keys) {
  const auto& disclosure = collected.first.disclosure();
  if (statement.disclosure() != number || disclosure.number() != number) return NotThatAnswer(fmt::format("is not to number {}", number));
  if (statement.inspector() != keys.inspector) return NotThatAnswer("is for another inspector");
  if (statement.agency() != disclosure.agency()) return NotThatAnswer("is of another agency than was asked");
  if (statement.warrant() != disclosure.warrant()) return NotThatAnswer("names another warrant");
  if (statement.kind() != disclosure.kind()) return NotThatAnswer("is to something else than was asked");
  if (statement.answer() != type::v1::DISCLOSURE_ANSWER_RELEASED) return NotThatAnswer("releases nothing");
  if (statement.worker().role() != type::v1::WORKER_ROLE_AUTHORISING_OFFICER) return NotThatAnswer("is not an authorising officer's");
  if (static_cast<size_t>(statement.parts_size()) != collected.parts.size()) {
    return NotThatAnswer(fmt::format("has {} parts, and {} came", statement.parts_size(), collected.parts.size()));
  }
  for (size_t i = 0; i < collected.parts.size(); ++i) {
    if (crypto::Sha256(collected.parts[i]) != statement.parts(static_cast<int>(i))) {
      return OfPart(Error(Reason::kSectionDigestMismatch, "it is not what the agency signed"), i);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> OpenPart(const std::string& cms, const InspectorKeys& keys) {
  ACCORD_ASSIGN_OR_RETURN(const auto shown, crypto::cms::Parse(cms));
  if (shown.recipients.size() != 1) return Error(Reason::kSealedTooWidely, "it is sealed for others too");
  return crypto::cms::Open(cms, keys.key, keys.certificate);
}

// The parts of a header that are needed to judge its sections.
struct HeaderOfSections {
  type::v1::HeaderCore core;
  std::map<std::string, type::v1::SectionPart> sections;  // By section id.
  std::map<std::string, std::string> tags;                // The opening's content, by tag id.
};

// Not OpenHeader: it wants what a recipient is shown, a recipient's part too.
absl::StatusOr<HeaderOfSections> OpenSectionsHeader(const CollectDisclosureResponse& first) {
  if (referral::DigestOf(first.header()) != first.disclosure().referral()) {
    return Error(Reason::kHeaderMalformed, "the header is not that of the referral that was asked for");
  }
  ACCORD_ASSIGN_OR_RETURN(const referral::HeaderView view, referral::ParseHeader(first.header()));
  HeaderOfSections opened;
  bool has_core = false;
  for (const type::v1::Opening& opening : first.openings()) {
    const std::string commitment = crypto::Commit(crypto::kHeaderPartDomain, {opening.label(), opening.salt(), opening.content()});
    if (!std::binary_search(view.commitments.begin(), view.commitments.end(), commitment)) {
      return Error(Reason::kOpeningMismatch, "an opening matches no commitment of the signed header", {{"field", "openings"}});
    }
    type::v1::SectionPart section;
    type::v1::TagPart tag;
    bool parsed = true;
    if (opening.label() == "core") {
      parsed = !has_core && opened.core.ParseFromString(opening.content());
      has_core = true;
    } else if (opening.label() == "section") {
      parsed = section.ParseFromString(opening.content());
      opened.sections[section.section_id()] = section;
    } else if (opening.label() == "tag") {
      parsed = tag.ParseFromString(opening.content());
      opened.tags[tag.tag_id()] = opening.content();
    }
    if (!parsed) return Error(Reason::kHeaderMalformed, "a part of the header does not parse, or is there twice");
  }
  if (!has_core) return Error(Reason::kHeaderMalformed, "the header's core is not opened");
  return opened;
}

absl::StatusOr<DisclosedSection> OpenSection(const HeaderOfSections& header, const inspection::v1::Disclosure& disclosure, const std::string& id,
                                             const std::string& cms, const InspectorKeys& keys) {
  const auto malformed = [](std::string_view why) { return Error(Reason::kSectionMalformed, why); };
  const auto part = header.sections.find(id);
  if (part == header.sections.end()) return malformed("it is no section of the referral");
  const auto tag = header.tags.find(part->second.tag_id());
  if (tag == header.tags.end()) return malformed("its tag is not opened");
  const auto category = part->second.category();
  const auto& asked = disclosure.categories();
  if (!asked.empty() && std::find(asked.begin(), asked.end(), category) == asked.end()) {
    return malformed(fmt::format("{} was not asked for", console::Words(category)));
  }
  ACCORD_ASSIGN_OR_RETURN(const auto shown, crypto::cms::Parse(cms));
  if (shown.digest != part->second.digest()) return Error(Reason::kSectionDigestMismatch, "it is not the section that the referral's sender signed");
  ACCORD_ASSIGN_OR_RETURN(const std::string plaintext, OpenPart(cms, keys));
  ACCORD_ASSIGN_OR_RETURN(const std::string content,
                          referral::ReadPlaintext({header.core.sender(), header.core.request_id(), id, category, tag->second}, plaintext));
  DisclosedSection section{id, part->second, {}};
  if (!section.content.ParseFromString(content)) return malformed("its content does not parse");
  const auto told = referral::CategoryOf(section.content);
  if (told != type::v1::CATEGORY_UNSPECIFIED && told != category) return malformed("its content is of another category than was signed");
  return section;
}

absl::Status OpenSections(const CollectedDisclosure& collected, const InspectorKeys& keys, CheckedDisclosure& checked) {
  ACCORD_ASSIGN_OR_RETURN(const HeaderOfSections header, OpenSectionsHeader(collected.first));
  checked.sender = header.core.sender();
  const auto& ids = collected.first.section_ids();
  if (static_cast<size_t>(ids.size()) != collected.parts.size() || std::set<std::string>(ids.begin(), ids.end()).size() != collected.parts.size()) {
    return Error(Reason::kSectionMalformed, "the parts are not one for each section");
  }
  for (size_t i = 0; i < collected.parts.size(); ++i) {
    auto section = OpenSection(header, collected.first.disclosure(), ids[static_cast<int>(i)], collected.parts[i], keys);
    if (!section.ok()) return OfPart(section.status(), i);
    checked.sections.push_back(*std::move(section));
  }
  return absl::OkStatus();
}

// The one part of an answer that is no section.
template <typename Answer>
absl::Status OpenAnswer(const CollectedDisclosure& collected, const InspectorKeys& keys, Answer& answer) {
  const std::string& told = collected.first.asked_request_id();
  const auto& disclosure = collected.first.disclosure();
  const auto plaintext = OpenPart(collected.parts.front(), keys);
  if (!plaintext.ok()) return OfPart(plaintext.status(), 0);
  const auto content = referral::ReadDisclosurePlaintext({disclosure.agency(), keys.inspector, told, disclosure.kind()}, *plaintext);
  if (!content.ok()) return OfPart(content.status(), 0);
  return answer.ParseFromString(*content) ? absl::OkStatus() : OfPart(Error(Reason::kSectionMalformed, "its content does not parse"), 0);
}

// Referrals are named by 32 bytes, and no person is there twice.
absl::Status CheckFound(const type::v1::PersonsAnswer& answer) {
  std::set<std::string> marks;
  for (const auto& person : answer.persons()) {
    if (!marks.insert(person.mark()).second) return Error(Reason::kSectionMalformed, "a mark is there twice");
    for (const auto& found : person.referrals()) {
      if (found.referral().size() != crypto::kDigestBytes) return Error(Reason::kSectionMalformed, "a referral is not named by its digest");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRecords(const type::v1::RecordsAnswer& answer, const inspection::v1::Disclosure& disclosure) {
  const bool same = std::equal(answer.referrals().begin(), answer.referrals().end(), disclosure.referrals().begin(), disclosure.referrals().end(),
                               [](const auto& found, const std::string& asked) { return found.referral() == asked; });
  return same ? absl::OkStatus() : Error(Reason::kSectionMalformed, "the records are not those of the referrals that were asked for");
}

}  // namespace

absl::Status TakePiece(CollectedDisclosure& collected, CollectDisclosureResponse&& response) {
  const auto wrong = [](std::string_view why) { return Error(Reason::kSectionMalformed, why); };
  if (response.has_disclosure()) {
    if (collected.first.has_disclosure()) return wrong("the answer begins twice");
    collected.first = std::move(response);
    if (collected.first.chunk().empty()) return absl::OkStatus();
    response.set_part(collected.first.part());
    response.set_chunk(std::exchange(*collected.first.mutable_chunk(), ""));
  }
  if (!collected.first.has_disclosure()) return wrong("a part came before what it belongs to");
  if (response.part() == collected.parts.size() && collected.parts.size() < static_cast<size_t>(referral::kDisclosurePartsMax)) collected.parts.emplace_back();
  if (collected.parts.empty() || response.part() + 1 != collected.parts.size()) return wrong("a part is out of its order, or one of too many");
  size_t bytes = response.chunk().size();
  for (const std::string& part : collected.parts) bytes += part.size();
  if (bytes > kCollectedBytesMax || collected.parts.back().size() + response.chunk().size() > referral::kSealedSectionBytesMax) {
    return wrong(fmt::format("part {} is too large", collected.parts.size()));
  }
  collected.parts.back() += response.chunk();
  return absl::OkStatus();
}

absl::StatusOr<CheckedDisclosure> CheckDisclosure(const CollectedDisclosure& collected, uint64_t number, const std::string& request_id,
                                                  const InspectorKeys& keys, absl::Time now) {
  const auto& first = collected.first;
  // When the broker took it: a certificate that has run out since was good then.
  const absl::Time at = std::min(now, absl::FromUnixMillis(first.disclosure().answered_at_ms()));
  ACCORD_ASSIGN_OR_RETURN(const crypto::Certificate signing,
                          keys.CheckAgency(first.signing_certificate(), first.disclosure().agency(), crypto::CertificateUse::kSigning, at));
  ACCORD_ASSIGN_OR_RETURN(const crypto::VerifyKey key, signing.verify_key());
  ACCORD_RETURN_IF_ERROR(referral::VerifySignature(first.statement(), key));
  CheckedDisclosure checked;
  ACCORD_ASSIGN_OR_RETURN(checked.statement, referral::ParseDisclosureStatement(first.statement()));
  ACCORD_RETURN_IF_ERROR(CheckStatement(checked.statement, collected, number, keys));
  // To what the broker says; that an answer about people or records is to that question is sealed into it.
  if (!request_id.empty() && request_id != first.asked_request_id()) return NotThatAnswer("is to a question that was asked under another request id");
  switch (checked.statement.kind()) {
    case type::v1::DISCLOSURE_KIND_SECTIONS:
      ACCORD_RETURN_IF_ERROR(OpenSections(collected, keys, checked));
      return checked;
    case type::v1::DISCLOSURE_KIND_PERSONS:
      ACCORD_RETURN_IF_ERROR(OpenAnswer(collected, keys, checked.persons));
      ACCORD_RETURN_IF_ERROR(CheckFound(checked.persons));
      return checked;
    case type::v1::DISCLOSURE_KIND_RECORDS:
      ACCORD_RETURN_IF_ERROR(OpenAnswer(collected, keys, checked.records));
      ACCORD_RETURN_IF_ERROR(CheckRecords(checked.records, first.disclosure()));
      return checked;
    default: return NotThatAnswer("is to nothing that this program knows");
  }
}

}  // namespace accord::accordctl

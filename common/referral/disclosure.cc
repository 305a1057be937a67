#include "common/referral/disclosure.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/header.h"
#include "common/referral/section.h"
#include "common/referral/subject_token.h"
#include "common/referral/validate.h"

namespace accord::referral {
namespace {

using type::v1::DisclosureStatement;

constexpr size_t kDisclosureBindingBytes = 32;
constexpr size_t kDisclosureFrameBytes = kDisclosureBindingBytes + 4;  // Binding and length.

absl::Status MalformedDisclosure(std::string_view why) { return Error(Reason::kStatementMalformed, why); }

absl::Status InvalidDisclosure(const std::string& field, std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("{} {}", field, why), {{"field", field}});
}

// What goes with the answer, and what does not.
absl::Status CheckDisclosureAnswer(const DisclosureStatement& statement) {
  const bool released = statement.answer() == type::v1::DISCLOSURE_ANSWER_RELEASED;
  if (released != (statement.ground() == type::v1::DISCLOSURE_GROUND_UNSPECIFIED)) {
    return MalformedDisclosure("a ground goes with what is refused, always and only");
  }
  if (released == statement.parts().empty()) return MalformedDisclosure("parts go with what is released, always and only");
  if (statement.parts_size() > kDisclosurePartsMax) return InvalidDisclosure("parts", "are more than 64");
  if (released && statement.kind() != type::v1::DISCLOSURE_KIND_SECTIONS && statement.parts_size() != 1) {
    return InvalidDisclosure("parts", "are more than one, and no sections");
  }
  std::set<std::string> seen;
  for (const std::string& digest : statement.parts()) {
    if (digest.size() != crypto::kDigestBytes) return InvalidDisclosure("parts", "has one that is not 32 bytes");
    if (!seen.insert(digest).second) return InvalidDisclosure("parts", "has one twice");
  }
  return absl::OkStatus();
}

// True for 1 to 64 characters of [A-Za-z0-9._:/-].
bool IsPersonMark(std::string_view mark) {
  constexpr std::string_view kOthers = "._:/-";
  return !mark.empty() && mark.size() <= kPersonMarkCharsMax && std::all_of(mark.begin(), mark.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kOthers.find(c) != kOthers.npos;
  });
}

// Whether an agency could find them: by a number, or by a name with a date of birth, of which tokens are made under whatever key.
bool CanBeFound(const type::v1::Person& person) {
  const auto& identifiers = person.identifiers();
  return !person.record_number().empty() || std::any_of(identifiers.begin(), identifiers.end(), [](const auto& one) { return !one.value().empty(); }) ||
         !MakeTokens(person, "any", "any", std::string(32, '\0')).empty();
}

std::string DisclosureBindingDigest(const DisclosureBinding& binding) {
  return crypto::Sha256(ByteWriter()
                            .Lp16("accord/disclosure/v1")
                            .Lp16(binding.from)
                            .Lp16(binding.to)
                            .Lp16(binding.request_id)
                            .Lp16(std::to_string(static_cast<int>(binding.kind)))
                            .bytes());
}

absl::Status MalformedContent(std::string_view why) { return Error(Reason::kSectionMalformed, why); }

}  // namespace

absl::StatusOr<type::v1::SignedPayload> SignDisclosureStatement(DisclosureStatement statement, const crypto::SigningKey& key) {
  statement.set_key_id(key.key_id());
  type::v1::SignedPayload document;
  document.set_payload_type(std::string(kDisclosurePayloadType));
  document.set_payload(statement.SerializeAsString());
  document.set_key_id(key.key_id());
  ACCORD_RETURN_IF_ERROR(ParseDisclosureStatement(document));
  ACCORD_ASSIGN_OR_RETURN(*document.mutable_signature(), key.SignDigest(DigestOf(document)));
  return document;
}

absl::StatusOr<DisclosureStatement> ParseDisclosureStatement(const type::v1::SignedPayload& document) {
  if (document.payload_type() != kDisclosurePayloadType) return MalformedDisclosure("the payload type is not that of an answer to a disclosure");
  if (document.payload().size() > kDisclosureStatementBytesMax) {
    return Error(Reason::kMessageTooLarge, "the answer is too large", {{"limit_bytes", std::to_string(kDisclosureStatementBytesMax)}});
  }
  DisclosureStatement statement;
  if (!statement.ParseFromString(document.payload())) return MalformedDisclosure("the answer does not parse");
  ACCORD_RETURN_IF_ERROR(ValidateMessage(statement, kShortTextBytesMax));
  if (statement.key_id() != document.key_id()) return MalformedDisclosure("the answer names another key than its envelope");
  if (!IsRequestId(statement.request_id())) return InvalidDisclosure("request_id", "is not 8 to 128 characters of [A-Za-z0-9._:/-]");
  if (!IsAgencyId(statement.agency())) return InvalidDisclosure("agency", "is no agency id");
  // The ids of warrants and officers are made as those of agencies.
  if (!IsAgencyId(statement.warrant())) return InvalidDisclosure("warrant", "is no id of a warrant");
  if (!IsAgencyId(statement.inspector())) return InvalidDisclosure("inspector", "is no id of an officer");
  if (statement.worker().pseudonym().size() > kPseudonymBytesMax) return InvalidDisclosure("worker.pseudonym", "is over 64 bytes");
  if (statement.signed_at_ms() < 0) return InvalidDisclosure("signed_at_ms", "is before 1970");
  ACCORD_RETURN_IF_ERROR(CheckDisclosureAnswer(statement));
  return statement;
}

absl::Status ValidatePersonsQuestion(const type::v1::PersonsQuestion& question) {
  if (question.persons().empty()) return Error(Reason::kFieldMissing, "nobody is asked for", {{"field", "persons"}});
  if (question.persons_size() > kPersonsAskedMax) {
    return Error(Reason::kFieldInvalid, "more than 100 people are asked for: ask again for the rest", {{"field", "persons"}});
  }
  ACCORD_RETURN_IF_ERROR(ValidateMessage(question));
  std::set<std::string> marks;
  for (int i = 0; i < question.persons_size(); ++i) {
    const auto& asked = question.persons(i);
    // The place, and not the mark: it may be somebody's number.
    const auto invalid = [&](std::string_view field, std::string_view why) {
      const std::string path = fmt::format("persons[{}].{}", i, field);
      return Error(Reason::kFieldInvalid, fmt::format("{} {}", path, why), {{"field", path}});
    };
    if (!IsPersonMark(asked.mark())) return invalid("mark", "is not 1 to 64 characters of [A-Za-z0-9._:/-]");
    if (!marks.insert(asked.mark()).second) return invalid("mark", "is another's too");
    if (!CanBeFound(asked.person())) {
      return invalid("person", "has nothing to be found by: give a name with a date of birth or its year, an identifier, or a record number");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> MakeDisclosurePlaintext(const DisclosureBinding& binding, std::string_view content) {
  if (content.size() > kDisclosureContentBytesMax) {
    return Error(Reason::kMessageTooLarge, "a question or an answer is too large", {{"limit_bytes", std::to_string(kDisclosureContentBytesMax)}});
  }
  std::string plaintext = ByteWriter().Raw(DisclosureBindingDigest(binding)).Lp32(content).bytes();
  plaintext.resize(PaddedLength(plaintext.size()), '\0');
  return plaintext;
}

absl::StatusOr<std::string> ReadDisclosurePlaintext(const DisclosureBinding& binding, std::string_view plaintext) {
  ByteReader reader(plaintext);
  std::string_view bound, content;
  if (!reader.Raw(kDisclosureBindingBytes, bound)) return MalformedContent("what was sealed is too short");
  if (!crypto::ConstantTimeEqual(bound, DisclosureBindingDigest(binding))) {
    return MalformedContent("what was sealed belongs to another disclosure, or is of or for somebody else");
  }
  if (!reader.Lp32(content)) return MalformedContent("the length of what was sealed runs past its end");
  if (content.size() > kDisclosureContentBytesMax) return MalformedContent("what was sealed is too large");
  if (plaintext.size() != PaddedLength(kDisclosureFrameBytes + content.size()) ||
      !std::all_of(reader.rest().begin(), reader.rest().end(), [](char c) { return c == '\0'; })) {
    return MalformedContent("the padding of what was sealed is wrong");
  }
  return std::string(content);
}

}  // namespace accord::referral

#include "common/referral/statement.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/commitment.h"
#include "common/crypto/digest.h"
#include "common/referral/header.h"
#include "common/referral/validate.h"

namespace accord::referral {
namespace {

constexpr std::string_view kTag = "tag", kPadding = "padding";

absl::Status MalformedStatement(std::string_view why) { return Error(Reason::kStatementMalformed, why); }

bool IsDigestOrEmpty(const std::string& bytes) { return bytes.empty() || bytes.size() == crypto::kDigestBytes; }

// A field that the kind asks for is there, and one that it does not is not.
absl::Status GoesWith(const std::string& field, bool present, bool wanted) {
  if (present == wanted) return absl::OkStatus();
  return wanted ? Error(Reason::kFieldMissing, fmt::format("a statement of this kind needs {}", field), {{"field", field}})
                : Error(Reason::kFieldInvalid, fmt::format("a statement of this kind has no {}", field), {{"field", field}});
}

absl::Status CheckTagCommitments(const type::v1::Statement& statement) {
  if (statement.tag_commitments_size() > static_cast<int>(kStatementTagsMax)) return MalformedStatement("it changes more than 32 tags");
  std::set<std::string> seen;
  for (const std::string& commitment : statement.tag_commitments()) {
    if (commitment.size() != crypto::kCommitmentBytes) return MalformedStatement("the commitment to a tag is not 32 bytes");
    if (!seen.insert(commitment).second) return MalformedStatement("two commitments to tags are the same");
  }
  return absl::OkStatus();
}

// True for up to 64 characters of [A-Za-z0-9._:/-]. Codes of outcomes and actions are any short text: some were signed before this.
bool IsDecisionReason(std::string_view code) {
  constexpr std::string_view kOthers = "._:/-";
  return code.size() <= kDecisionReasonCharsMax && std::all_of(code.begin(), code.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kOthers.find(c) != kOthers.npos;
  });
}

absl::Status InvalidStatement(const std::string& field, std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("{} {}", field, why), {{"field", field}});
}

// What a recipient returns or redirects it for, and why it or the sender has done with it.
absl::Status CheckEnds(const type::v1::Statement& statement) {
  const auto kind = statement.kind();
  ACCORD_RETURN_IF_ERROR(GoesWith("return_reasons", !statement.return_reasons().empty(), kind == type::v1::STATEMENT_KIND_RETURNED));
  if (statement.return_reasons_size() > kReturnReasonsMax) return InvalidStatement("return_reasons", "are more than 6");
  std::set<int> reasons;
  for (const int reason : statement.return_reasons()) {
    if (reason == type::v1::RETURN_REASON_UNSPECIFIED) return InvalidStatement("return_reasons", "has one that says nothing");
    if (!reasons.insert(reason).second) return InvalidStatement("return_reasons", "has one twice");
  }
  ACCORD_RETURN_IF_ERROR(GoesWith("redirect_to", !statement.redirect_to().empty(), kind == type::v1::STATEMENT_KIND_REDIRECTED));
  if (!statement.redirect_to().empty() && !IsAgencyId(statement.redirect_to())) return InvalidStatement("redirect_to", "is no agency id");
  if (statement.redirect_to() == statement.agency()) return InvalidStatement("redirect_to", "is the agency itself");
  ACCORD_RETURN_IF_ERROR(GoesWith("close_reason", statement.close_reason() != 0, kind == type::v1::STATEMENT_KIND_CLOSED));
  return GoesWith("withdraw_reason", statement.withdraw_reason() != 0, kind == type::v1::STATEMENT_KIND_WITHDRAWN);
}

// What a decision has, of which `decision` alone must be there: older ones say no more, and not all services state a threshold.
absl::Status CheckDecision(const type::v1::Statement& statement) {
  const bool decides = statement.kind() == type::v1::STATEMENT_KIND_DECIDED;
  ACCORD_RETURN_IF_ERROR(GoesWith("decision", statement.decision() != 0, decides));
  if (!decides) {
    ACCORD_RETURN_IF_ERROR(GoesWith("decision_maker", !statement.decision_maker().empty(), false));
    ACCORD_RETURN_IF_ERROR(GoesWith("decision_maker_role", statement.decision_maker_role() != 0, false));
    ACCORD_RETURN_IF_ERROR(GoesWith("threshold", statement.threshold() != 0, false));
    return GoesWith("decision_reason", !statement.decision_reason().empty(), false);
  }
  if (statement.decision_maker().size() > kPseudonymBytesMax) return InvalidStatement("decision_maker", "is over 64 bytes");
  if (!statement.decision_maker().empty() && statement.decision_maker() == statement.worker().pseudonym()) {
    return InvalidStatement("decision_maker", "is the worker who records it: leave it out");
  }
  if (!IsDecisionReason(statement.decision_reason())) return InvalidStatement("decision_reason", "is not up to 64 characters of [A-Za-z0-9._:/-]");
  return absl::OkStatus();
}

// When a forum meets, and where the referral goes to or came from.
absl::Status CheckForum(const type::v1::Statement& statement) {
  const auto kind = statement.kind();
  ACCORD_RETURN_IF_ERROR(GoesWith("meeting_at_ms", statement.meeting_at_ms() != 0,
                                  kind == type::v1::STATEMENT_KIND_LISTED || kind == type::v1::STATEMENT_KIND_DEFERRED));
  if (statement.meeting_at_ms() < 0) return InvalidStatement("meeting_at_ms", "is before 1970");
  ACCORD_RETURN_IF_ERROR(GoesWith("other_forum", !statement.other_forum().empty(),
                                  kind == type::v1::STATEMENT_KIND_TRANSFERRED_OUT || kind == type::v1::STATEMENT_KIND_TRANSFERRED_IN));
  // The ids of forums are made as those of agencies.
  if (!statement.other_forum().empty() && !IsAgencyId(statement.other_forum())) return InvalidStatement("other_forum", "is no id of a forum");
  return absl::OkStatus();
}

// What a recipient answers to a check.
absl::Status CheckCheck(const type::v1::Statement& statement) {
  ACCORD_RETURN_IF_ERROR(GoesWith("check_answer", statement.check_answer() != 0, statement.kind() == type::v1::STATEMENT_KIND_CHECK_ANSWERED));
  return GoesWith("check_withheld_reason", statement.check_withheld_reason() != 0,
                  statement.check_answer() == type::v1::CHECK_ANSWER_KNOWN_WITHHELD);
}

// The grade as it is now, and for whom sections were sealed again.
absl::Status CheckRegradeAndReseal(const type::v1::Statement& statement) {
  ACCORD_RETURN_IF_ERROR(GoesWith("regraded", statement.has_regraded(), statement.kind() == type::v1::STATEMENT_KIND_REGRADED));
  if (statement.has_regraded()) {
    ACCORD_RETURN_IF_ERROR(CheckRisk(statement.regraded(), "regraded"));
    if (statement.regraded().grade() == type::v1::RISK_GRADE_UNSPECIFIED) return InvalidStatement("regraded.grade", "says nothing");
    if (statement.regraded().change_reason() == type::v1::RISK_CHANGE_REASON_UNSPECIFIED) {
      return InvalidStatement("regraded.change_reason", "does not say why the grade is another");
    }
  }
  ACCORD_RETURN_IF_ERROR(GoesWith("reseal", statement.has_reseal(), statement.kind() == type::v1::STATEMENT_KIND_RESEALED));
  if (!statement.has_reseal()) return absl::OkStatus();
  const type::v1::Reseal& reseal = statement.reseal();
  if (!IsAgencyId(reseal.recipient().agency())) return InvalidStatement("reseal.recipient.agency", "is no agency id");
  if (reseal.recipient().agency() == statement.agency()) return InvalidStatement("reseal.recipient.agency", "is the sender itself");
  if (reseal.sealing_certificate_digest().size() != crypto::kDigestBytes) return InvalidStatement("reseal.sealing_certificate_digest", "is not 32 bytes");
  if (reseal.approver().size() > kPseudonymBytesMax) return InvalidStatement("reseal.approver", "is over 64 bytes");
  if (reseal.section_ids().empty() || reseal.section_ids_size() > static_cast<int>(kSectionsMax)) {
    return InvalidStatement("reseal.section_ids", "are not 1 to 64");
  }
  std::set<std::string> seen;
  for (const std::string& id : reseal.section_ids()) {
    if (id.size() != kIdBytes) return InvalidStatement("reseal.section_ids", "has one that is not 16 bytes");
    if (!seen.insert(id).second) return InvalidStatement("reseal.section_ids", "has one twice");
  }
  return absl::OkStatus();
}

// What the answer to a change, and the sender's own acts, ask for.
absl::Status CheckActs(const type::v1::Statement& statement) {
  const auto kind = statement.kind();
  const bool answers = kind == type::v1::STATEMENT_KIND_CHANGE_ANSWERED;
  const bool kept = statement.change_answer() == type::v1::CHANGE_ANSWER_KEPT_ON_BASIS;
  ACCORD_RETURN_IF_ERROR(GoesWith("tag_commitments", !statement.tag_commitments().empty(),
                                  kind == type::v1::STATEMENT_KIND_CONSENT_CHANGE ||
                                      (kind == type::v1::STATEMENT_KIND_GAP_REVIEWED && statement.gap_review() == type::v1::GAP_REVIEW_COMPLETED)));
  ACCORD_RETURN_IF_ERROR(GoesWith("recall_reason", statement.recall_reason() != 0, kind == type::v1::STATEMENT_KIND_RECALL));
  ACCORD_RETURN_IF_ERROR(GoesWith("answers", !statement.answers().empty(), answers));
  ACCORD_RETURN_IF_ERROR(GoesWith("change_answer", statement.change_answer() != 0, answers));
  ACCORD_RETURN_IF_ERROR(GoesWith("kept_article6", statement.kept_article6() != 0, answers && kept));
  if (!kept) ACCORD_RETURN_IF_ERROR(GoesWith("kept_gateway", statement.kept_gateway() != 0, false));
  ACCORD_RETURN_IF_ERROR(GoesWith("gap_review", statement.gap_review() != 0, kind == type::v1::STATEMENT_KIND_GAP_REVIEWED));
  ACCORD_RETURN_IF_ERROR(
      GoesWith("breach_assessment", statement.breach_assessment() != 0, kind == type::v1::STATEMENT_KIND_BREACH_ASSESSED));
  // False is a value of its own: a correction of something else.
  if (kind != type::v1::STATEMENT_KIND_CORRECTION) {
    ACCORD_RETURN_IF_ERROR(GoesWith("safe_contact_change", statement.safe_contact_change(), false));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<type::v1::SignedPayload> SignStatement(type::v1::Statement statement, const crypto::SigningKey& key) {
  statement.set_key_id(key.key_id());
  type::v1::SignedPayload document;
  document.set_payload_type(std::string(kStatementPayloadType));
  document.set_payload(statement.SerializeAsString());
  document.set_key_id(key.key_id());
  ACCORD_RETURN_IF_ERROR(ParseStatement(document));
  ACCORD_ASSIGN_OR_RETURN(*document.mutable_signature(), key.SignDigest(DigestOf(document)));
  return document;
}

absl::StatusOr<type::v1::Statement> ParseStatement(const type::v1::SignedPayload& document) {
  if (document.payload_type() != kStatementPayloadType) return MalformedStatement("the payload type is not that of a statement");
  if (document.payload().size() > kStatementBytesMax) {
    return Error(Reason::kMessageTooLarge, "the statement is too large", {{"limit_bytes", std::to_string(kStatementBytesMax)}});
  }
  type::v1::Statement statement;
  if (!statement.ParseFromString(document.payload())) return MalformedStatement("the statement does not parse");
  ACCORD_RETURN_IF_ERROR(ValidateMessage(statement, kShortTextBytesMax));
  if (statement.key_id() != document.key_id()) return MalformedStatement("the statement names another key than its envelope");
  if (!IsRequestId(statement.request_id())) return MalformedStatement("the request id is not 8 to 128 characters of [A-Za-z0-9._:/-]");
  if (!IsAgencyId(statement.agency())) return MalformedStatement("the agency is no agency id");
  if (statement.worker().pseudonym().size() > kPseudonymBytesMax) return MalformedStatement("the worker's pseudonym is over 64 bytes");
  if (statement.header_digest().size() != crypto::kDigestBytes) return MalformedStatement("the header digest is not 32 bytes");
  if (!IsDigestOrEmpty(statement.previous_statement())) return MalformedStatement("the previous statement's digest is not 32 bytes");
  if (!IsDigestOrEmpty(statement.replaced_by())) return MalformedStatement("the digest of what replaces it is not 32 bytes");
  if (!IsDigestOrEmpty(statement.answers())) return MalformedStatement("the digest of what it answers is not 32 bytes");
  ACCORD_RETURN_IF_ERROR(CheckTagCommitments(statement));
  if (statement.section_digests_size() > static_cast<int>(kStatementSectionsMax)) return MalformedStatement("it comes with more than 16 sections");
  for (const std::string& digest : statement.section_digests()) {
    if (digest.size() != crypto::kDigestBytes) return MalformedStatement("a section's digest is not 32 bytes");
  }
  if (statement.outcome_code().size() > kOutcomeCodeBytesMax) return MalformedStatement("the outcome code is over 64 bytes");

  const auto kind = statement.kind();
  ACCORD_RETURN_IF_ERROR(GoesWith("decline_reason", statement.decline_reason() != 0, kind == type::v1::STATEMENT_KIND_DECLINED));
  ACCORD_RETURN_IF_ERROR(GoesWith("outcome_code", !statement.outcome_code().empty(),
                                  kind == type::v1::STATEMENT_KIND_OUTCOME || kind == type::v1::STATEMENT_KIND_ACTION));
  ACCORD_RETURN_IF_ERROR(GoesWith("replaced_by", !statement.replaced_by().empty(), kind == type::v1::STATEMENT_KIND_CORRECTION));
  ACCORD_RETURN_IF_ERROR(CheckEnds(statement));
  ACCORD_RETURN_IF_ERROR(CheckDecision(statement));
  ACCORD_RETURN_IF_ERROR(CheckForum(statement));
  ACCORD_RETURN_IF_ERROR(CheckCheck(statement));
  ACCORD_RETURN_IF_ERROR(CheckRegradeAndReseal(statement));
  ACCORD_RETURN_IF_ERROR(CheckActs(statement));
  return statement;
}

std::vector<type::v1::Opening> CommitToTags(std::span<const type::v1::TagPart> tags, Random& random, type::v1::Statement& statement) {
  std::vector<type::v1::Opening> openings;
  std::vector<std::string> commitments;
  const auto add = [&](std::string_view label, const std::string& content) {
    crypto::Opening made = crypto::MakeOpening(random, label, content);
    commitments.push_back(crypto::Commit(crypto::kHeaderPartDomain, made));
    auto& opening = openings.emplace_back();
    opening.set_label(std::move(made.label));
    opening.set_salt(std::move(made.salt));
    opening.set_content(std::move(made.content));
  };
  for (const type::v1::TagPart& tag : tags) add(kTag, tag.SerializeAsString());
  while (commitments.size() % kStatementTagsStep != 0) add(kPadding, "");
  std::sort(commitments.begin(), commitments.end());
  statement.clear_tag_commitments();
  for (std::string& commitment : commitments) statement.add_tag_commitments(std::move(commitment));
  return openings;
}

absl::StatusOr<std::vector<Opened<type::v1::TagPart>>> OpenTags(const type::v1::Statement& statement,
                                                                std::span<const type::v1::Opening> openings) {
  const auto mismatch = [] {
    return Error(Reason::kOpeningMismatch, "the openings are not one of each tag that the statement commits to", {{"field", "openings"}});
  };
  std::set<std::string> left(statement.tag_commitments().begin(), statement.tag_commitments().end());
  if (openings.size() != left.size()) return mismatch();
  std::vector<Opened<type::v1::TagPart>> tags;
  std::set<std::string> ids;
  for (const type::v1::Opening& opening : openings) {
    const std::string commitment = crypto::Commit(crypto::kHeaderPartDomain, {opening.label(), opening.salt(), opening.content()});
    const bool padding = opening.label() == kPadding && opening.content().empty();
    if ((opening.label() != kTag && !padding) || left.erase(commitment) == 0) return mismatch();
    if (padding) continue;
    auto& tag = tags.emplace_back();
    if (!tag.part.ParseFromString(opening.content())) return Error(Reason::kHeaderMalformed, "a tag part does not parse");
    tag.opening = opening;
    if (!ids.insert(tag.part.tag_id()).second) {
      return Error(Reason::kFieldInvalid, "a tag is changed twice by one statement", {{"field", "openings.tag_id"}});
    }
  }
  return tags;
}

}  // namespace accord::referral

#include "common/referral/statement.h"

#include <fmt/format.h>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/header.h"
#include "common/referral/validate.h"

namespace accord::referral {
namespace {

absl::Status Malformed(std::string_view why) { return Error(Reason::kStatementMalformed, why); }

bool IsDigestOrEmpty(const std::string& bytes) { return bytes.empty() || bytes.size() == crypto::kDigestBytes; }

// A field that the kind asks for is there, and one that it does not is not.
absl::Status GoesWith(const std::string& field, bool present, bool wanted) {
  if (present == wanted) return absl::OkStatus();
  return wanted ? Error(Reason::kFieldMissing, fmt::format("a statement of this kind needs {}", field), {{"field", field}})
                : Error(Reason::kFieldInvalid, fmt::format("a statement of this kind has no {}", field), {{"field", field}});
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
  if (document.payload_type() != kStatementPayloadType) return Malformed("the payload type is not that of a statement");
  if (document.payload().size() > kStatementBytesMax) {
    return Error(Reason::kMessageTooLarge, "the statement is too large", {{"limit_bytes", std::to_string(kStatementBytesMax)}});
  }
  type::v1::Statement statement;
  if (!statement.ParseFromString(document.payload())) return Malformed("the statement does not parse");
  ACCORD_RETURN_IF_ERROR(ValidateMessage(statement, kShortTextBytesMax));
  if (statement.key_id() != document.key_id()) return Malformed("the statement names another key than its envelope");
  if (!IsRequestId(statement.request_id())) return Malformed("the request id is not 8 to 128 characters of [A-Za-z0-9._:/-]");
  if (!IsAgencyId(statement.agency())) return Malformed("the agency is no agency id");
  if (statement.worker().pseudonym().size() > kPseudonymBytesMax) return Malformed("the worker's pseudonym is over 64 bytes");
  if (statement.header_digest().size() != crypto::kDigestBytes) return Malformed("the header digest is not 32 bytes");
  if (!IsDigestOrEmpty(statement.previous_statement())) return Malformed("the previous statement's digest is not 32 bytes");
  if (!IsDigestOrEmpty(statement.replaced_by())) return Malformed("the digest of what replaces it is not 32 bytes");
  if (statement.section_digests_size() > static_cast<int>(kStatementSectionsMax)) return Malformed("it comes with more than 16 sections");
  for (const std::string& digest : statement.section_digests()) {
    if (digest.size() != crypto::kDigestBytes) return Malformed("a section's digest is not 32 bytes");
  }
  if (statement.outcome_code().size() > kOutcomeCodeBytesMax) return Malformed("the outcome code is over 64 bytes");

  const auto kind = statement.kind();
  ACCORD_RETURN_IF_ERROR(GoesWith("decline_reason", statement.decline_reason() != 0, kind == type::v1::STATEMENT_KIND_DECLINED));
  ACCORD_RETURN_IF_ERROR(GoesWith("decision", statement.decision() != 0, kind == type::v1::STATEMENT_KIND_DECIDED));
  ACCORD_RETURN_IF_ERROR(GoesWith("outcome_code", !statement.outcome_code().empty(),
                                  kind == type::v1::STATEMENT_KIND_OUTCOME || kind == type::v1::STATEMENT_KIND_ACTION));
  ACCORD_RETURN_IF_ERROR(GoesWith("replaced_by", !statement.replaced_by().empty(), kind == type::v1::STATEMENT_KIND_CORRECTION));
  return statement;
}

}  // namespace accord::referral

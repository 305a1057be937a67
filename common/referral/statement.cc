#include "common/referral/statement.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/header.h"
#include "common/referral/validate.h"

namespace accord::referral {
namespace {

absl::Status Malformed(std::string_view why) { return Error(Reason::kStatementMalformed, why); }

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
  if (statement.header_digest().size() != 32) return Malformed("the header digest is not 32 bytes");
  if (!statement.previous_statement().empty() && statement.previous_statement().size() != 32) {
    return Malformed("the previous statement's digest is not 32 bytes");
  }
  using namespace type::v1;  // NOLINT: only the kinds below.
  const auto needs = [&](StatementKind kind, bool has) { return (statement.kind() == kind) == has; };
  if (!needs(STATEMENT_KIND_DECLINED, statement.decline_reason() != DECLINE_REASON_UNSPECIFIED)) {
    return Error(Reason::kFieldMissing, "decline_reason goes with DECLINED, always and only", {{"field", "decline_reason"}});
  }
  if (!needs(STATEMENT_KIND_DECIDED, statement.decision() != CONTACT_DECISION_UNSPECIFIED)) {
    return Error(Reason::kFieldMissing, "decision goes with DECIDED, always and only", {{"field", "decision"}});
  }
  const bool outcome = statement.kind() == STATEMENT_KIND_OUTCOME || statement.kind() == STATEMENT_KIND_ACTION;
  if (outcome == statement.outcome_code().empty()) {
    return Error(Reason::kFieldMissing, "outcome_code goes with OUTCOME and ACTION, always and only", {{"field", "outcome_code"}});
  }
  return statement;
}

}  // namespace accord::referral

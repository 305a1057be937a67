// The broker's policy documents, and what a text says against another.
#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// agreement, schedule, register or clocks, with or without what stands before it. Thread-safe, as the next three.
std::optional<admin::v1::PolicyDocumentKind> KindFromWords(std::string_view words);

// Which kind `text` is of, by the tables in it. A usage error when it is of none.
absl::StatusOr<admin::v1::PolicyDocumentKind> KindOfText(const std::string& text, const std::string& name);

// Id of the agreement in `text`; empty for the other kinds. Errors of the parser, which call the text `name`.
absl::StatusOr<std::string> IdOfText(admin::v1::PolicyDocumentKind kind, const std::string& text, const std::string& name);

// By meaning, as policy::DiffAgreements and its like. Errors of the parser.
absl::StatusOr<std::vector<std::string>> DiffTexts(admin::v1::PolicyDocumentKind kind, const std::string& before, const std::string& before_name,
                                                   const std::string& after, const std::string& after_name);

// Every version of every document, the newest first, without texts; those of `as_at_ms`, unless that is 0.
absl::StatusOr<std::vector<admin::v1::PolicyDocument>> ListDocuments(const Endpoint& broker, int64_t as_at_ms = 0);

// POLICY_DOCUMENT_NOT_FOUND.
absl::StatusOr<admin::v1::PolicyDocument> GetDocument(const Endpoint& broker, admin::v1::PolicyDocumentKind kind, const std::string& version);

// The ones in force, with their texts: of a kind, or of all when it is unspecified.
absl::StatusOr<std::vector<admin::v1::PolicyDocument>> LiveDocuments(const Endpoint& broker, admin::v1::PolicyDocumentKind kind);

// Every forum, by id; as they stood at `as_at_ms`, unless that is 0.
absl::StatusOr<std::vector<admin::v1::Forum>> ListForums(const Endpoint& broker, int64_t as_at_ms = 0);

// What approving `change` would change: for a policy text, line by line, against the one of its kind and id that is in force. Empty
// for other changes.
absl::StatusOr<std::string> DifferenceText(const Endpoint& broker, const admin::v1::Change& change);

}  // namespace accord::accordctl

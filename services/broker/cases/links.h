// Pairs of cases that may be one, as they are stored (docs/cases.md). A link merges nothing: rows, chains and cases stay what they are.
//
// What reads takes readers, so that commands and handlers read alike. Thread-safe if the readers are; what takes a CommitContext is of the
// sequencer thread. DATA_LOSS when stored bytes do not parse, besides the errors of what they read from.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

inline constexpr size_t kLinksPerCaseMax = 16;           // Whatever the answers. One that has them is proposed with no further case.
inline constexpr size_t kLinkedCasesMax = 16;            // Counted together.
inline constexpr uint64_t kHeldReferralsScanned = 64;    // Of a case, the newest: who holds it is who holds one of these.

// Two cases whose people match.
struct CaseMatch {
  std::string one;    // The older.
  std::string other;
  type::v1::MatchStrength strength = type::v1::MATCH_STRENGTH_UNSPECIFIED;
};

// "links/41". FIELD_INVALID (field `name`) of anything else.
std::string LinkName(uint64_t number);
absl::StatusOr<uint64_t> ParseLinkName(std::string_view name);

// The link; nothing when there is none of that number.
absl::StatusOr<std::optional<storage::v1::StoredLink>> LoadLink(PlainReader read, uint64_t number);
// Numbers of the links of a case, ascending; at most kLinksPerCaseMax.
absl::StatusOr<std::vector<uint64_t>> LinksOfCase(PlainReader read, std::string_view pseudonym);

// The case itself and those that it is confirmed to be one with, through others too; at most kLinkedCasesMax, the nearest first.
absl::StatusOr<std::vector<std::string>> LinkedCases(PlainReader read, std::string_view pseudonym);

// Calls `visit` with each referral of the case that is neither erased nor recalled, the newest first, of the newest kHeldReferralsScanned,
// until it returns false. Those of before referrals were numbered in their cases are not among them.
using ReferralVisit = absl::FunctionRef<bool(const std::string& header_digest, const storage::v1::StoredReferral& stored,
                                             const type::v1::HeaderCore& core)>;
absl::Status VisitReferralsOfCase(PlainReader read, SealedReader read_sealed, std::string_view pseudonym, ReferralVisit visit);

// True when `agency` sent the referral, or something of it was released to its main desk: only that desk holds it for what concerns cases,
// since the confidential desk's are not the main desk's to know.
bool HoldsReferral(const storage::v1::StoredReferral& stored, const type::v1::HeaderCore& core, std::string_view agency);

// Digests of the referrals of the case that `agency` holds, the newest first, at most `most`.
absl::StatusOr<std::vector<std::string>> ReferralsHeld(PlainReader read, SealedReader read_sealed, std::string_view pseudonym,
                                                       std::string_view agency, size_t most);

// Takes a case out of the index of tokens, and its links away: its mapping ends.
absl::Status ForgetCase(CommitContext& context, std::string_view pseudonym);

// Rows of family `case_match` (docs/storage.md): which cases a token is in, and which tokens a case has.
inline constexpr size_t kMatchCasesMax = 64;  // A token that is in more tells nothing, and finds none.
inline constexpr size_t kCaseTokensMax = 64;  // A case's, of both its people.

struct CaseToken {
  type::v1::SubjectRole role = type::v1::SUBJECT_ROLE_UNSPECIFIED;
  std::string token;  // CaseLinker::Index.
  bool strong = false;
  bool operator==(const CaseToken& other) const { return role == other.role && token == other.token; }
};
absl::StatusOr<std::vector<CaseToken>> TokensOfCase(PlainReader read, std::string_view pseudonym);
// Empty also when it is in more than kMatchCasesMax.
absl::StatusOr<std::vector<std::string>> CasesOfToken(PlainReader read, type::v1::SubjectRole role, std::string_view token);
// Adds to the case what it does not have, as far as there is room.
absl::Status AddTokens(CommitContext& context, std::string_view pseudonym, const std::vector<CaseToken>& tokens);

}  // namespace accord::broker

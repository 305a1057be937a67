#include "services/broker/cases/links.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/referral/header.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

using storage::v1::StoredLink;

constexpr std::string_view kLinkPrefix = "links/";
constexpr uint8_t kStrongBit = 0x80;  // Of the byte with a token's role.

absl::Status Corrupt(std::string_view what) { return Error(Reason::kStoreCorrupt, what); }

// A row of `width` bytes each.
absl::StatusOr<std::vector<std::string>> ReadList(PlainReader read, std::string_view family, std::string_view key, size_t width) {
  std::vector<std::string> list;
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(family, key));
  if (!bytes.has_value()) return list;
  if (bytes->size() % width != 0) return Corrupt("a list of the index of cases does not parse");
  for (size_t at = 0; at < bytes->size(); at += width) list.push_back(bytes->substr(at, width));
  return list;
}

// In how many cases a token is that is in too many to list them.
std::optional<uint64_t> ManyOf(std::string_view value) {
  if (value.size() != sizeof(uint64_t)) return std::nullopt;
  return U64FromKey(value);
}

absl::Status AddCaseToToken(CommitContext& context, const CaseToken& token, std::string_view pseudonym) {
  const std::string key = MatchTokenKey(token.role, token.token);
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyCaseMatch, key));
  std::string value = bytes.value_or("");
  if (const auto many = ManyOf(value); many.has_value()) {
    value = KeyU64(*many + 1);
  } else if (value.size() >= kMatchCasesMax * kIdBytes) {
    value = KeyU64(value.size() / kIdBytes + 1);
  } else {
    value += pseudonym;
  }
  context.Put(kFamilyCaseMatch, key, std::move(value));
  return absl::OkStatus();
}

absl::Status TakeCaseFromToken(CommitContext& context, const CaseToken& token, std::string_view pseudonym) {
  const std::string key = MatchTokenKey(token.role, token.token);
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyCaseMatch, key));
  if (!bytes.has_value()) return absl::OkStatus();
  std::string left;
  if (const auto many = ManyOf(*bytes); many.has_value()) {
    // Which cases they are is not known any more: it finds none until the last of them ends.
    if (*many > 1) left = KeyU64(*many - 1);
  } else {
    for (size_t at = 0; at + kIdBytes <= bytes->size(); at += kIdBytes) {
      const std::string_view one = std::string_view(*bytes).substr(at, kIdBytes);
      if (one != pseudonym) left += one;
    }
  }
  if (left.empty()) {
    context.Delete(kFamilyCaseMatch, key);
  } else {
    context.Put(kFamilyCaseMatch, key, std::move(left));
  }
  return absl::OkStatus();
}

absl::Status ForgetLink(CommitContext& context, uint64_t number, std::string_view pseudonym) {
  ACCORD_ASSIGN_OR_RETURN(const auto link, LoadLink(PlainReaderOf(context), number));
  ACCORD_ASSIGN_OR_RETURN(const auto told, context.Get(kFamilyLinkIndex, LinkToldKey(number)));
  ByteReader agencies(told.has_value() ? std::string_view(*told) : std::string_view());
  for (std::string_view agency; agencies.Lp8(agency);) context.Delete(kFamilyLinkIndex, LinkPartyKey(agency, number));
  context.Delete(kFamilyLinkIndex, LinkToldKey(number));
  context.Delete(kFamilyLink, KeyU64(number));
  if (!link.has_value()) return absl::OkStatus();
  const std::string& other = link->one() == pseudonym ? link->other() : link->one();
  ACCORD_ASSIGN_OR_RETURN(const auto numbers, LinksOfCase(PlainReaderOf(context), other));
  std::string left;
  for (const uint64_t one : numbers) {
    if (one != number) left += KeyU64(one);
  }
  if (left.empty()) {
    context.Delete(kFamilyLinkIndex, LinksOfCaseKey(other));
  } else {
    context.Put(kFamilyLinkIndex, LinksOfCaseKey(other), std::move(left));
  }
  return absl::OkStatus();
}

}  // namespace

std::string LinkName(uint64_t number) { return fmt::format("{}{}", kLinkPrefix, number); }

absl::StatusOr<uint64_t> ParseLinkName(std::string_view name) {
  uint64_t number = 0;
  if (name.starts_with(kLinkPrefix) && absl::SimpleAtoi(ToAbsl(name.substr(kLinkPrefix.size())), &number) && LinkName(number) == name) {
    return number;
  }
  return Error(Reason::kFieldInvalid, "name: links/NUMBER is needed", {{"field", "name"}});
}

absl::StatusOr<std::optional<StoredLink>> LoadLink(PlainReader read, uint64_t number) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(kFamilyLink, KeyU64(number)));
  if (!bytes.has_value()) return std::optional<StoredLink>();
  StoredLink link;
  if (!link.ParseFromString(*bytes)) return Corrupt("a link of cases does not parse");
  return std::optional<StoredLink>(std::move(link));
}

absl::StatusOr<std::vector<uint64_t>> LinksOfCase(PlainReader read, std::string_view pseudonym) {
  ACCORD_ASSIGN_OR_RETURN(const auto rows, ReadList(read, kFamilyLinkIndex, LinksOfCaseKey(pseudonym), sizeof(uint64_t)));
  std::vector<uint64_t> numbers;
  for (const std::string& row : rows) numbers.push_back(U64FromKey(row).value_or(0));
  return numbers;
}

absl::StatusOr<std::vector<std::string>> LinkedCases(PlainReader read, std::string_view pseudonym) {
  std::vector<std::string> cases = {std::string(pseudonym)};
  for (size_t at = 0; at < cases.size(); ++at) {
    const std::string from = cases[at];
    ACCORD_ASSIGN_OR_RETURN(const auto numbers, LinksOfCase(read, from));
    for (const uint64_t number : numbers) {
      ACCORD_ASSIGN_OR_RETURN(const auto link, LoadLink(read, number));
      if (!link.has_value() || link->answer() != type::v1::LINK_ANSWER_CONFIRMED) continue;
      const std::string& other = link->one() == from ? link->other() : link->one();
      if (cases.size() < kLinkedCasesMax && std::find(cases.begin(), cases.end(), other) == cases.end()) cases.push_back(other);
    }
  }
  return cases;
}

absl::Status VisitReferralsOfCase(PlainReader read, SealedReader read_sealed, std::string_view pseudonym, ReferralVisit visit) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(kFamilyCase, pseudonym));
  if (!bytes.has_value()) return absl::OkStatus();
  storage::v1::StoredCase stored_case;
  if (!stored_case.ParseFromString(*bytes)) return Corrupt("a stored case does not parse");
  for (uint64_t back = 1; back <= std::min(stored_case.referrals(), kHeldReferralsScanned); ++back) {
    ACCORD_ASSIGN_OR_RETURN(const auto digest, read(kFamilyCaseReferral, CaseReferralKey(pseudonym, stored_case.referrals() - back)));
    if (!digest.has_value()) continue;
    ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(read_sealed, *digest));
    if (!stored.has_value() || stored->recalled()) continue;
    ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(*stored));
    if (!visit(*digest, *stored, header.core.part)) break;
  }
  return absl::OkStatus();
}

bool HoldsReferral(const storage::v1::StoredReferral& stored, const type::v1::HeaderCore& core, std::string_view agency) {
  if (core.sender() == agency) return true;
  const auto* const recipient = FindRecipient(stored, agency);
  return recipient != nullptr && recipient->desk() != type::v1::DESK_CONFIDENTIAL && !recipient->released_sections().empty();
}

absl::StatusOr<std::vector<std::string>> ReferralsHeld(PlainReader read, SealedReader read_sealed, std::string_view pseudonym,
                                                       std::string_view agency, size_t most) {
  std::vector<std::string> held;
  ACCORD_RETURN_IF_ERROR(VisitReferralsOfCase(read, read_sealed, pseudonym,
                                              [&](const std::string& digest, const auto& stored, const auto& core) {
                                                if (HoldsReferral(stored, core, agency)) held.push_back(digest);
                                                return held.size() < most;
                                              }));
  return held;
}

absl::StatusOr<std::vector<CaseToken>> TokensOfCase(PlainReader read, std::string_view pseudonym) {
  ACCORD_ASSIGN_OR_RETURN(const auto rows, ReadList(read, kFamilyCaseMatch, MatchCaseKey(pseudonym), 1 + crypto::kDigestBytes));
  std::vector<CaseToken> tokens;
  for (const std::string& row : rows) {
    const auto head = static_cast<uint8_t>(row.front());
    tokens.push_back({.role = static_cast<type::v1::SubjectRole>(head & ~kStrongBit), .token = row.substr(1), .strong = (head & kStrongBit) != 0});
  }
  return tokens;
}

absl::StatusOr<std::vector<std::string>> CasesOfToken(PlainReader read, type::v1::SubjectRole role, std::string_view token) {
  const std::string key = MatchTokenKey(role, token);
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(kFamilyCaseMatch, key));
  if (bytes.has_value() && ManyOf(*bytes).has_value()) return std::vector<std::string>();
  return ReadList(read, kFamilyCaseMatch, key, kIdBytes);
}

absl::Status AddTokens(CommitContext& context, std::string_view pseudonym, const std::vector<CaseToken>& tokens) {
  ACCORD_ASSIGN_OR_RETURN(std::vector<CaseToken> known, TokensOfCase(PlainReaderOf(context), pseudonym));
  const size_t before = known.size();
  for (const CaseToken& token : tokens) {
    if (known.size() >= kCaseTokensMax || std::find(known.begin(), known.end(), token) != known.end()) continue;
    ACCORD_RETURN_IF_ERROR(AddCaseToToken(context, token, pseudonym));
    known.push_back(token);
  }
  if (known.size() == before) return absl::OkStatus();
  ByteWriter row;
  for (const CaseToken& token : known) row.U8(static_cast<uint8_t>(static_cast<uint8_t>(token.role) | (token.strong ? kStrongBit : 0))).Raw(token.token);
  context.Put(kFamilyCaseMatch, MatchCaseKey(pseudonym), row.bytes());
  return absl::OkStatus();
}

absl::Status ForgetCase(CommitContext& context, std::string_view pseudonym) {
  ACCORD_ASSIGN_OR_RETURN(const auto tokens, TokensOfCase(PlainReaderOf(context), pseudonym));
  for (const CaseToken& token : tokens) ACCORD_RETURN_IF_ERROR(TakeCaseFromToken(context, token, pseudonym));
  context.Delete(kFamilyCaseMatch, MatchCaseKey(pseudonym));
  ACCORD_ASSIGN_OR_RETURN(const auto numbers, LinksOfCase(PlainReaderOf(context), pseudonym));
  for (const uint64_t number : numbers) ACCORD_RETURN_IF_ERROR(ForgetLink(context, number, pseudonym));
  context.Delete(kFamilyLinkIndex, LinksOfCaseKey(pseudonym));
  return absl::OkStatus();
}

}  // namespace accord::broker

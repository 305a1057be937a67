#include "services/broker/cases/case_linker.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

using type::v1::MatchStrength;
using type::v1::SubjectRole;

// One person of a referral, by tokens as the index knows them.
struct Subject {
  std::vector<CaseToken> tokens;
  std::vector<std::string> strong;
  const std::string& first() const { return strong.empty() ? tokens.front().token : strong.front(); }
};

// A case by age.
using Found = std::pair<int64_t, std::string>;  // Opened at, pseudonym.

bool AreOne(const Subject& one, const Subject& other) {
  return std::any_of(one.strong.begin(), one.strong.end(), [&](const std::string& token) {
    return std::find(other.strong.begin(), other.strong.end(), token) != other.strong.end();
  });
}

absl::StatusOr<Found> ReadCase(CommitContext& context, const std::string& pseudonym) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyCase, pseudonym));
  storage::v1::StoredCase stored;
  if (!bytes.has_value() || !stored.ParseFromString(*bytes)) {
    return Error(Reason::kStoreCorrupt, "the case index names a case that is not there");
  }
  return Found(stored.opened_at_ms(), pseudonym);
}

MatchStrength StrengthOf(bool victim_strong, bool perpetrator_strong) {
  if (victim_strong && perpetrator_strong) return type::v1::MATCH_STRENGTH_STRONG;
  return victim_strong || perpetrator_strong ? type::v1::MATCH_STRENGTH_STRONG_AND_WEAK : type::v1::MATCH_STRENGTH_WEAK;
}

// The work of one referral.
class Linking {
 public:
  explicit Linking(CommitContext& context) : context_(context) {}

  absl::Status LinkPair(const Subject& victim, const Subject& perpetrator);
  absl::StatusOr<Linked> Finish();

 private:
  // Cases known by a pair of strong tokens; `unknown` gets the keys of the pairs that are none's.
  absl::StatusOr<std::set<Found>> ByStrongPairs(const Subject& victim, const Subject& perpetrator, std::vector<std::string>& unknown);
  // Cases that share a token of the subject, and whether a strong one.
  absl::StatusOr<std::map<std::string, bool>> ByTokens(const Subject& subject);
  absl::StatusOr<std::map<std::string, MatchStrength>> Alike(const Subject& victim, const Subject& perpetrator);
  absl::StatusOr<Found> Open(const Subject& victim, const Subject& perpetrator);

  CommitContext& context_;
  std::set<Found> own_;    // One for each pair.
  std::set<Found> also_;   // Further ones that a pair is known as.
  std::vector<CaseMatch> matches_;  // `one` is of own_.
};

absl::StatusOr<std::set<Found>> Linking::ByStrongPairs(const Subject& victim, const Subject& perpetrator, std::vector<std::string>& unknown) {
  std::set<Found> found;
  size_t pairs = 0;
  for (const std::string& one : victim.strong) {
    for (const std::string& other : perpetrator.strong) {
      if (++pairs > kTokenPairsMax) return found;
      const std::string key = one + other;
      ACCORD_ASSIGN_OR_RETURN(const auto pseudonym, context_.Get(kFamilyCaseToken, key));
      if (!pseudonym.has_value()) {
        unknown.push_back(key);
        continue;
      }
      ACCORD_ASSIGN_OR_RETURN(Found row, ReadCase(context_, *pseudonym));
      found.insert(std::move(row));
    }
  }
  return found;
}

absl::StatusOr<std::map<std::string, bool>> Linking::ByTokens(const Subject& subject) {
  std::map<std::string, bool> cases;
  for (const CaseToken& token : subject.tokens) {
    ACCORD_ASSIGN_OR_RETURN(const auto sharing, CasesOfToken(PlainReaderOf(context_), token.role, token.token));
    for (const std::string& pseudonym : sharing) cases[pseudonym] |= token.strong;
  }
  return cases;
}

absl::StatusOr<std::map<std::string, MatchStrength>> Linking::Alike(const Subject& victim, const Subject& perpetrator) {
  std::map<std::string, MatchStrength> alike;
  ACCORD_ASSIGN_OR_RETURN(const auto by_victim, ByTokens(victim));
  if (by_victim.empty()) return alike;
  ACCORD_ASSIGN_OR_RETURN(const auto by_perpetrator, ByTokens(perpetrator));
  for (const auto& [pseudonym, strong] : by_victim) {
    const auto both = by_perpetrator.find(pseudonym);
    if (both != by_perpetrator.end()) alike[pseudonym] = StrengthOf(strong, both->second);
  }
  return alike;
}

absl::StatusOr<Found> Linking::Open(const Subject& victim, const Subject& perpetrator) {
  ACCORD_ASSIGN_OR_RETURN(const CommitContext::NewChain chain, context_.OpenChain());
  storage::v1::StoredCase stored;
  stored.set_victim(victim.first());
  stored.set_alleged_perpetrator(perpetrator.first());
  stored.set_opened_at_ms(absl::ToUnixMillis(context_.now()));
  stored.set_indexed(true);
  context_.Put(kFamilyCase, chain.pseudonym, stored.SerializeAsString());
  return Found(stored.opened_at_ms(), chain.pseudonym);
}

absl::Status Linking::LinkPair(const Subject& victim, const Subject& perpetrator) {
  std::vector<std::string> unknown;
  ACCORD_ASSIGN_OR_RETURN(std::set<Found> found, ByStrongPairs(victim, perpetrator, unknown));

  std::vector<CaseToken> tokens = victim.tokens;
  tokens.insert(tokens.end(), perpetrator.tokens.begin(), perpetrator.tokens.end());
  bool anything_new = found.empty();
  if (!found.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const auto known, TokensOfCase(PlainReaderOf(context_), found.begin()->second));
    anything_new = std::any_of(tokens.begin(), tokens.end(), [&](const CaseToken& token) { return std::find(known.begin(), known.end(), token) == known.end(); });
  }
  std::map<std::string, MatchStrength> alike;
  if (anything_new) {
    ACCORD_ASSIGN_OR_RETURN(alike, Alike(victim, perpetrator));
  }
  // Strong tokens of both that came to the case in different referrals: no pair of the index, and a strong match all the same.
  for (const auto& [pseudonym, strength] : alike) {
    if (strength != type::v1::MATCH_STRENGTH_STRONG) continue;
    ACCORD_ASSIGN_OR_RETURN(Found row, ReadCase(context_, pseudonym));
    found.insert(std::move(row));
  }
  if (found.empty()) {
    ACCORD_ASSIGN_OR_RETURN(Found opened, Open(victim, perpetrator));
    found.insert(std::move(opened));
  }
  // Any pair that is known finds its case, and one that is not becomes known for the first case found. Two cases found stay two.
  const Found first = *found.begin();
  for (const std::string& key : unknown) context_.Put(kFamilyCaseToken, key, first.second);
  if (anything_new) ACCORD_RETURN_IF_ERROR(AddTokens(context_, first.second, tokens));

  own_.insert(first);
  for (const Found& row : found) {
    if (row == first) continue;
    also_.insert(row);
    matches_.push_back({first.second, row.second, type::v1::MATCH_STRENGTH_STRONG});
  }
  for (const auto& [pseudonym, strength] : alike) {
    if (strength != type::v1::MATCH_STRENGTH_STRONG) matches_.push_back({first.second, pseudonym, strength});
  }
  return absl::OkStatus();
}

absl::StatusOr<Linked> Linking::Finish() {
  Linked linked;
  std::set<Found> all = own_;
  for (const Found& row : also_) {
    if (all.size() < kCasesPerReferralMax) all.insert(row);
  }
  for (const auto& [opened_at, pseudonym] : all) linked.cases.push_back(pseudonym);

  // Which cases are two the sender of this referral says by naming both pairs.
  std::set<std::string> named;
  for (const auto& [opened_at, pseudonym] : own_) named.insert(pseudonym);
  std::stable_sort(matches_.begin(), matches_.end(), [](const CaseMatch& a, const CaseMatch& b) { return a.strength < b.strength; });
  for (CaseMatch& match : matches_) {
    if (linked.matches.size() == kMatchesPerReferralMax || named.contains(match.other)) continue;
    ACCORD_ASSIGN_OR_RETURN(const Found one, ReadCase(context_, match.one));
    ACCORD_ASSIGN_OR_RETURN(const Found other, ReadCase(context_, match.other));
    if (other < one) std::swap(match.one, match.other);
    linked.matches.push_back(std::move(match));
  }
  return linked;
}

}  // namespace

std::string CaseLinker::Index(const type::v1::SubjectToken& token) const {
  return crypto::HmacSha256(index_key_.view(), ByteWriter()
                                                   .Lp16("accord/case-index/v1")
                                                   .Lp16(token.domain())
                                                   .Lp16(token.token_key())
                                                   .U32(token.recipe())
                                                   .Lp16(token.token())
                                                   .bytes());
}

std::string CaseLinker::Blind(std::string_view domain, std::string_view bytes) const {
  return crypto::HmacSha256(index_key_.view(), ByteWriter().Lp16(domain).Lp16(bytes).bytes());
}

absl::StatusOr<Linked> CaseLinker::Link(std::span<const type::v1::SubjectPart> subjects, CommitContext& context) const {
  std::vector<Subject> victims, perpetrators;
  for (const auto& part : subjects) {
    const bool victim = part.role() == type::v1::SUBJECT_ROLE_VICTIM;
    if ((!victim && part.role() != type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR) || part.tokens().empty()) continue;
    Subject& subject = (victim ? victims : perpetrators).emplace_back();
    for (const auto& token : part.tokens()) {
      const CaseToken& known = subject.tokens.emplace_back(CaseToken{part.role(), Index(token), token.strong()});
      if (known.strong) subject.strong.push_back(known.token);
    }
  }
  Linking linking(context);
  size_t pairs = 0;
  bool pairs_left = false;
  for (const Subject& victim : victims) {
    for (const Subject& perpetrator : perpetrators) {
      if (AreOne(victim, perpetrator)) continue;
      pairs_left = ++pairs > kCasePairsMax;
      if (!pairs_left) ACCORD_RETURN_IF_ERROR(linking.LinkPair(victim, perpetrator));
    }
  }
  ACCORD_ASSIGN_OR_RETURN(Linked linked, linking.Finish());
  linked.pairs_left = pairs_left;
  return linked;
}

}  // namespace accord::broker

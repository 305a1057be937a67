#include "services/broker/cases/case_linker.h"

#include <algorithm>
#include <utility>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

// The strong tokens of everyone in `role`, as the index knows them.
template <typename IndexOf>
std::vector<std::string> StrongTokens(std::span<const type::v1::SubjectPart> subjects,
                                      type::v1::SubjectRole role, IndexOf index_of) {
  std::vector<std::string> tokens;
  for (const auto& subject : subjects) {
    if (subject.role() != role) continue;
    for (const auto& token : subject.tokens()) {
      if (token.strong()) tokens.push_back(index_of(token));
    }
  }
  return tokens;
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

absl::StatusOr<std::vector<std::string>> CaseLinker::Link(std::span<const type::v1::SubjectPart> subjects,
                                                          CommitContext& context) const {
  const auto index_of = [this](const type::v1::SubjectToken& token) { return Index(token); };
  const auto victims = StrongTokens(subjects, type::v1::SUBJECT_ROLE_VICTIM, index_of);
  const auto perpetrators = StrongTokens(subjects, type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR, index_of);
  if (victims.empty() || perpetrators.empty()) return std::vector<std::string>();

  // One person may have several strong tokens; any pair that is known finds its case, and
  // a pair that is not becomes known for the first case found. Two cases found stay two.
  std::vector<std::pair<int64_t, std::string>> found;  // Opened at, pseudonym.
  std::vector<std::string> unknown_pairs;
  size_t pairs = 0;
  for (const std::string& victim : victims) {
    for (const std::string& perpetrator : perpetrators) {
      if (++pairs > kTokenPairsMax) break;
      const std::string key = victim + perpetrator;
      ACCORD_ASSIGN_OR_RETURN(const auto pseudonym, context.Get(kFamilyCaseToken, key));
      if (!pseudonym.has_value()) {
        unknown_pairs.push_back(key);
        continue;
      }
      ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyCase, *pseudonym));
      storage::v1::StoredCase stored;
      if (!bytes.has_value() || !stored.ParseFromString(*bytes)) {
        return Error(Reason::kStoreCorrupt, "the case index names a case that is not there");
      }
      const std::pair row(stored.opened_at_ms(), *pseudonym);
      if (std::find(found.begin(), found.end(), row) == found.end()) found.push_back(row);
    }
  }
  if (found.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const CommitContext::NewChain chain, context.OpenChain());
    storage::v1::StoredCase stored;
    stored.set_victim(victims.front());
    stored.set_alleged_perpetrator(perpetrators.front());
    stored.set_opened_at_ms(absl::ToUnixMillis(context.now()));
    stored.set_indexed(true);
    context.Put(kFamilyCase, chain.pseudonym, stored.SerializeAsString());
    found.emplace_back(stored.opened_at_ms(), chain.pseudonym);
  }
  std::sort(found.begin(), found.end());
  for (const std::string& key : unknown_pairs) context.Put(kFamilyCaseToken, key, found.front().second);

  std::vector<std::string> cases;
  for (const auto& [opened_at, pseudonym] : found) {
    if (cases.size() < kCasesPerReferralMax) cases.push_back(pseudonym);
  }
  return cases;
}

}  // namespace accord::broker

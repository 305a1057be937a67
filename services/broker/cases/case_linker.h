// Links referrals to cases: a victim and an alleged perpetrator over time.
//
// Each victim with each alleged perpetrator of a referral is a case of its own; children, the unborn included, make none. Only strong
// tokens of both link by themselves (design.md §5 "Cases and repeats"), and nothing is ever merged; cases whose people match less well
// are for the agencies that hold both to judge (proposals.h). The store holds tokens only under an HMAC of the broker's own key, so that
// a stolen linkage-domain key does not let its holder test guesses against a stolen store.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <span>
#include <string>
#include <vector>

#include "accord/type/v1/referral.pb.h"
#include "common/crypto/secret.h"
#include "services/broker/cases/links.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

inline constexpr size_t kCasePairsMax = 16;         // Victims × alleged perpetrators of a referral that make cases.
inline constexpr size_t kCasesPerReferralMax = 16;  // A pair may be known as several cases.
inline constexpr size_t kTokenPairsMax = 64;        // Strong tokens of the one × strong tokens of the other.
inline constexpr size_t kMatchesPerReferralMax = 8; // Proposed at once; the strongest first.

// The cases of a referral.
struct Linked {
  std::vector<std::string> cases;  // The oldest first.
  // Pairs of one of them and another case that may be the same; at most kMatchesPerReferralMax.
  std::vector<CaseMatch> matches;
  bool pairs_left = false;  // There were more than kCasePairsMax pairs.
};

// Thread-compatible: used on the sequencer thread.
class CaseLinker {
 public:
  // `index_key`: 32 bytes, the broker's own.
  explicit CaseLinker(crypto::SecretBytes index_key) : index_key_(std::move(index_key)) {}

  // The cases that `subjects` belong to. A case that is new is opened, and written with the command's batch: the caller adds an entry
  // to the chain of every one of them. None when there is no token of both a victim and an alleged perpetrator. A person who is both,
  // as when each accuses the other, makes no case alone. Errors of `context`.
  absl::StatusOr<Linked> Link(std::span<const type::v1::SubjectPart> subjects, CommitContext& context) const;

  // The HMAC under which the broker knows a token, wherever it stores one; 32 bytes. Strength is not of it. Thread-safe.
  std::string Index(const type::v1::SubjectToken& token) const;

  // An HMAC under the same key, by which bytes that may not be kept are known again: what an erased referral's request id was.
  // `domain` keeps the kinds apart. Thread-safe.
  std::string Blind(std::string_view domain, std::string_view bytes) const;

 private:
  const crypto::SecretBytes index_key_;
};

}  // namespace accord::broker

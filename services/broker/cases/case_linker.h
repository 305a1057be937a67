// Links referrals to cases: a victim and an alleged perpetrator over time.
//
// Only strong tokens of both link by themselves (design.md §5 "Cases and repeats"); nothing is
// ever merged. The store holds tokens only under an HMAC of the broker's own key, so that a
// stolen linkage-domain key does not let its holder test guesses against a stolen store.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <span>
#include <string>
#include <vector>

#include "accord/type/v1/referral.pb.h"
#include "common/crypto/secret.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

inline constexpr size_t kCasesPerReferralMax = 3;   // A leaf has four chains; one is the referral's.
inline constexpr size_t kTokenPairsMax = 64;        // Strong victim tokens × strong perpetrator tokens.

// Thread-compatible: used on the sequencer thread.
class CaseLinker {
 public:
  // `index_key`: 32 bytes, the broker's own.
  explicit CaseLinker(crypto::SecretBytes index_key) : index_key_(std::move(index_key)) {}

  // The case pseudonyms that `subjects` belong to, the oldest first, at most kCasesPerReferralMax;
  // a case that is new is opened, its chain included, and written with the command's batch. Empty when
  // there is no strong token of both a victim and an alleged perpetrator. Errors of `context`.
  absl::StatusOr<std::vector<std::string>> Link(std::span<const type::v1::SubjectPart> subjects,
                                                CommitContext& context) const;

  // The HMAC under which the broker knows a token, wherever it stores one; 32 bytes. Strength is not of it. Thread-safe.
  std::string Index(const type::v1::SubjectToken& token) const;

  // An HMAC under the same key, by which bytes that may not be kept are known again: what an erased referral's request id was.
  // `domain` keeps the kinds apart. Thread-safe.
  std::string Blind(std::string_view domain, std::string_view bytes) const;

 private:
  const crypto::SecretBytes index_key_;
};

}  // namespace accord::broker

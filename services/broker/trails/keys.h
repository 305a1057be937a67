// What of an entry the index of the record knows it by (family `trail_index`, docs/storage.md).
//
// Keys are HMACs under a key of the broker's own, so that the store alone does not tell what stands under which. They are made of the
// entry's parts and of its referral's header as it was stored, neither of which ever changes: whoever erases an entry makes the same keys
// again and deletes their rows, whether they were written yet or not.
//
// Thread-safe: all functions are pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/entry.pb.h"
#include "common/crypto/secret.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker {

inline constexpr size_t kTrailKeyBytes = 16;

// By what entries are found. Persisted: a name is never reused.
inline constexpr std::string_view kByEvent = "event";                // Its number.
inline constexpr std::string_view kByAgency = "agency";              // Of whom it concerns: id.
inline constexpr std::string_view kByAgencyEvent = "agency/event";   // Id, then number.
inline constexpr std::string_view kByWorker = "worker";              // Agency, then pseudonym.
inline constexpr std::string_view kByStatement = "statement";        // Number of the kind.
inline constexpr std::string_view kByVerdict = "verdict";            // Number; of any of its decisions.
inline constexpr std::string_view kByGrade = "grade";                // Number; of its referral as it was stored.
inline constexpr std::string_view kByArticle6 = "article6";          // Number; of any tag of its referral as it was stored.

// Domain under which the case-index key gives the key of the index (CaseLinker::Blind).
inline constexpr std::string_view kTrailKeyDomain = "trail_index";

// Makes the keys of family `trail_index`. Immutable. Thread-safe.
class TrailKeys {
 public:
  // `key`: what CaseLinker::Blind makes of kTrailKeyDomain; 32 bytes.
  explicit TrailKeys(std::string key) : key_(crypto::SecretBytes::Take(std::move(key))) {}
  // What every row of `dimension` and `value` begins with, after its first byte; kTrailKeyBytes.
  std::string Of(std::string_view dimension, std::string_view value) const;
  std::string Of(std::string_view dimension, int number) const { return Of(dimension, std::to_string(number)); }

 private:
  const crypto::SecretBytes key_;
};

// The value of kByAgencyEvent and of kByWorker.
std::string AgencyEventValue(std::string_view agency, type::v1::EventType event);
std::string WorkerValue(std::string_view agency, std::string_view pseudonym);

// What a referral's header, as it was stored, says for the index.
struct HeaderFacts {
  std::vector<std::string> recipients;
  type::v1::RiskGrade grade = type::v1::RISK_GRADE_UNSPECIFIED;
  // Of any of its tags; each once, in the order of numbers.
  std::vector<type::v1::Article6Basis> article6;
  std::vector<type::v1::Schedule8Condition> schedule8;  // No rows are found by these two: they are checked.
  std::vector<type::v1::Gateway> gateways;
};
HeaderFacts HeaderFactsOf(const storage::v1::StoredReferral& stored);

// "police" of "agency/police/rms"; empty of anybody else.
std::string_view AgencyOfPrincipal(std::string_view principal);

// The agencies that acted, sent or were to receive, or were asked by an inspector, each once. `header`: of its referral; null when there is none. Of an entry that is not
// its stored one only the recipient that the entry itself names.
std::vector<std::string> AgenciesOf(const EntryParts& parts, const HeaderFacts* header);

// Every key that the entry stands under, each once.
std::vector<std::string> KeysOf(const TrailKeys& keys, const EntryParts& parts, const HeaderFacts* header);

}  // namespace accord::broker

// What the record says of one referral, gathered once from its stored entry and the entries of its chain: what named questions and audits
// are computed from, and nothing else (docs/questions.md). What the index has kept of the entries (trails/fact.h) is read in one place; the
// others are opened one by one.
//
// Thread-safe: all functions are pure but for what they read of the view.
#pragma once

#include <absl/container/flat_hash_set.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/entry.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "common/base/executor.h"
#include "common/referral/header.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

// One entry of the chain of a referral, or of a case.
struct FactEvent {
  uint64_t index = 0;
  int64_t time_ms = 0;
  type::v1::EntryEvent event;
  std::string principal, agency;     // Who acted; the agency of it, empty when it is no agency.
  type::v1::Worker worker;
  std::string recipient;             // Of a delivery.
  std::string delivery_id, statement_digest;  // Likewise, and of a statement.
  type::v1::Desk desk = type::v1::DESK_MAIN;
  std::optional<type::v1::EntryDecisions> decisions;
  std::optional<type::v1::Statement> statement;  // Of STATEMENT, as it was signed.
};

// One referral. Times are milliseconds since 1970, UTC.
struct ReferralFacts {
  std::string digest;
  uint64_t stored_index = 0;
  int64_t stored_ms = 0;
  referral::HeaderParts parts;           // Core, recipients, sections, tags and subjects as stored.
  std::vector<std::string> cases;        // Pseudonyms.
  std::vector<FactEvent> events;         // In the order of the log, its stored entry first.
  bool recorded_later = false;           // Stored more than 30 days after it happened: never timely.

  // The first event of this type (and recipient, unless empty) at or before `as_at_ms` (0: any); null when there is no record.
  const FactEvent* First(type::v1::EventType type, std::string_view recipient = {}, int64_t as_at_ms = 0) const;
  // The same for the delivery of the referral itself to `recipient`, not of a statement or notice: RELEASED, and what follows it.
  const FactEvent* FirstOwn(type::v1::EventType type, std::string_view recipient, int64_t as_at_ms = 0) const;
  // The first STATEMENT of `kind` by `agency` (empty: anybody), likewise.
  const FactEvent* FirstStatement(type::v1::StatementKind kind, std::string_view agency = {}, int64_t as_at_ms = 0) const;
};

inline constexpr int64_t kRecordedLaterMs = int64_t{30} * 24 * 60 * 60 * 1000;
inline constexpr size_t kFactReaders = 3;

// Of the referral whose stored entry is at `stored_index`; nothing when it was erased. Entries from `tree_size` on are not read; 0: all of
// the view's tree. Errors of the view; STORE_CORRUPT when what is stored does not fit together.
absl::StatusOr<std::optional<ReferralFacts>> ReadFacts(const ReadView& view, uint64_t stored_index, uint64_t tree_size = 0);
// Whether what was kept of entries is taken for what they say, or each is opened and checked against its leaf again: for what is about few.
enum class FactsFrom { kKept, kLog };
// The same of the referral with this header digest; nothing, too, when there is none or it was stored after that tree.
absl::StatusOr<std::optional<ReferralFacts>> ReadFactsOfReferral(const ReadView& view, std::string_view digest, uint64_t tree_size = 0,
                                                                 FactsFrom from = FactsFrom::kKept);

// Header digests of a case's referrals, in the order in which they came to it. At most `limit`: QUERY_TOO_COSTLY beyond.
absl::StatusOr<std::vector<std::string>> DigestsOfCase(const ReadView& view, std::string_view pseudonym, size_t limit);
// What stands on the case's own chain and is not among `known`, in the order of the log: who asked about the case as a whole, and the links that were
// proposed and answered. Each is opened and checked against its leaf; erased ones are left out. Entries from `tree_size` on are not read. At most
// `limit`: QUERY_TOO_COSTLY beyond. Errors of the view.
absl::StatusOr<std::vector<FactEvent>> ReadEventsOfCase(const ReadView& view, std::string_view pseudonym, const absl::flat_hash_set<uint64_t>& known,
                                                        uint64_t tree_size, size_t limit);

}  // namespace accord::broker

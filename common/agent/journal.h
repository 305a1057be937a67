// What was done at this agency, by whom: who read, searched, assigned, answered, pushed, enrolled and ended whom, and what was refused.
//
// It is for the agency itself: what the broker is told is in the ledger. An entry has pseudonyms, codes and names of referrals, nothing
// that says more of a person; it stays when what it is about is erased.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "accord/agency/v1/workers_service.pb.h"
#include "common/agent/agency_store.h"
#include "common/base/clock.h"

namespace accord::agent {

inline constexpr int kRefusalsPerMinuteMax = 100;         // In the journal: a program that keeps asking does not fill the store.
inline constexpr size_t kJournalRowsLookedAtMax = 5000;  // By one call of List.

// Sole writer of the families `journal` and `journal_about`. Thread-safe.
class Journal {
 public:
  // Both must outlive this.
  Journal(AgencyStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  // Finds the place of the next entry. Errors of the store.
  absl::Status Load();

  // Adds `entry` to `batch`, with its sequence and the time: it is durable when that is. A batch that is not written leaves a gap in the
  // sequence.
  void Append(accord::storage::Batch& batch, agency::v1::JournalEntry entry);
  // Writes it by itself and fsyncs. OK: durable. Errors of AgencyStore::Commit.
  absl::Status Record(agency::v1::JournalEntry entry);

  // The same of a refusal. OK too, and nothing is written, once there are kRefusalsPerMinuteMax of the present minute.
  absl::Status RecordRefusal(agency::v1::JournalEntry entry);

  // A page of entries, and where the next begins.
  struct Page {
    std::vector<agency::v1::JournalEntry> entries;  // The newest first.
    uint64_t next = 0;                              // `before` of the next page; 0: there is none.
  };
  // Those with a sequence below `before` (0: all) that are about `about` and by, or of, the worker `pseudonym`; empty: any. A page may
  // have fewer than `limit` entries, even none, and be followed by another: so many rows are looked at for one.
  // REQUIRES: 1 ≤ limit ≤ 500. Errors of the store.
  absl::StatusOr<Page> List(uint64_t before, int limit, std::string_view about, std::string_view pseudonym) const;

 private:
  AgencyStore& store_;
  const Clock& clock_;
  absl::Mutex mu_;
  uint64_t sequence_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t refusals_minute_ ABSL_GUARDED_BY(mu_) = 0;  // Since 1970.
  int refusals_ ABSL_GUARDED_BY(mu_) = 0;             // In it.
};

}  // namespace accord::agent

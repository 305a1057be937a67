// Trails: the entries about a referral, a case or an agency, in the order in which they happened.
//
// A query is an entry before its first row: TRAIL_QUERIED, on the chain that is asked about and, under a warrant, on the warrant's. That entry is also what
// the answer attests: it is the last row, its leaf states the chain's sequence and the index of the entry before, and
// its own index is the size of the tree it closes. A receipt of an entry of that chain with a lower sequence that the answer
// lacks convicts the broker (grade `attested`, design.md §5).
//
// Thread-safe: all functions are pure but for what they read of the view.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/referral.pb.h"
#include "common/base/executor.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/trails/entries_ahead.h"
#include "services/broker/trails/receipts.h"
#include "services/broker/warrants/query_entry.h"
#include "services/broker/warrants/scope.h"

namespace accord::broker {

inline constexpr size_t kPurposeCharsMax = 64;
inline constexpr int kTrailEntriesScannedMax = 2000;        // Looked at for one page, shown or not.
inline constexpr absl::Duration kTrailQueryLife = absl::Hours(1);  // In which its pages may be turned.

// What is asked about.
struct TrailAbout {
  enum class What {
    kReferral,  // Every entry of its chain.
    kCase,      // Every entry of its chain: those of all referrals linked to the case.
    kAgency,    // Every entry of the agency's own chain: its previews, what it was refused, who asked for this.
                // What it sent and received stands on the chains of those referrals.
  };
  What what = What::kReferral;
  std::string key;  // Header digest, case pseudonym or agency id.
};

// A trail that its asker may have.
struct Trail {
  TrailAbout about;
  // The sender of the referral and an administrator see every entry; a recipient those that concern itself.
  bool every_entry = false;
  // An inspector sees those that the warrant covers, and the query's own. Others are not judged by it.
  Scope scope;
  std::vector<std::string> cases;  // Pseudonyms of the referral's cases, when every_entry, and to an inspector those that the warrant covers.
  // The entry of the query, and the principal of its chain if it names no chains: for RecordQueryCommand.
  QueryEntry query;
  // Its entries as far as they were read before the query was on the record; null: none. ReadTrail takes them.
  std::shared_ptr<EntriesAhead> ahead;
};

// Who asks, why, and by when and whom it is judged. What it points to must outlive the call.
struct TrailAsker {
  const Caller& caller;
  std::string_view method, purpose;  // REQUIRES: IsPurpose(purpose).
  std::string_view warrant;          // The one that it is asked under; inspectors.
  const DirectorySnapshot& directory;
  absl::Time now;
};

// OK when `asker` may have the trail. Method and purpose go into the entry.
//   NOT_PERMITTED       an inspector without a warrant, or about an agency; an agency that names a warrant, or asks about a case, an agency,
//                       or a referral that is not there, that it did not send, or of which nothing was released to it
//   FIELD_INVALID, WARRANT_NOT_FOUND, WARRANT_NOT_ACTIVE  as OpenScope
//   WARRANT_SCOPE       to an inspector: with `dimension`, what of the warrant does not cover the referral or case; `kind` for one that
//                       gives no rows with identities
//   REFERRAL_NOT_FOUND  to an administrator or inspector: no such referral, or it was erased
//   ENTRY_NOT_FOUND     likewise: no record of such a case or agency
absl::StatusOr<Trail> OpenTrail(const ReadView& view, const TrailAsker& asker, TrailAbout about);

// True for up to 64 of [A-Za-z0-9._:/-]: a code, since what an entry says of the query is never erased.
bool IsPurpose(std::string_view purpose);

// True when what says `parts` at `time_ms` is the entry of a query of `type` that `caller` made, by the digest of what was asked, and its pages may still be turned
// at `now`: what every position of a page must name. Pure. Thread-safe.
bool IsOpenQuery(const EntryParts& parts, int64_t time_ms, type::v1::EventType type, std::string_view digest, const Caller& caller, absl::Time now);

// One row.
struct TrailEntry {
  uint64_t index = 0;
  int64_t time_ms = 0;
  std::string leaf;
  std::vector<type::v1::Opening> openings;  // Those that the caller may have, checked against the leaf.
  EntryParts parts;                         // What they say.
  bool erased = false;                      // There are none any more.
};

struct TrailPage {
  std::vector<TrailEntry> entries;
  bool last = true;
  uint64_t next_sequence = 0;  // Of the chain; where the next page begins.
};

// For Trail::ahead: the first `entries_max` entries of the trail, to be read once the query's own was submitted. Null of a chain that is not there yet.
// Thread-safe.
std::shared_ptr<EntriesAhead> AheadOf(std::shared_ptr<const ReadView> view, const Trail& trail, int entries_max);

// Up to `entries_max` rows from sequence `from` of the chain, to the query's own entry at `query_index`. A page may have
// fewer rows, or none, and yet not be the last. Threads of `executor` that are free help to read. REQUIRES: the view is of after the query's commit.
//   NOT_FOUND (ENTRY_NOT_FOUND)  `query_index` is no query of this caller for this very trail, or is older than
//                                kTrailQueryLife at `now`: nobody reads on without an entry that says so
//   STORE_CORRUPT                an entry of the chain is not there, or fails a check
absl::StatusOr<TrailPage> ReadTrail(const ReadView& view, Executor& executor, const TrailAsker& asker, const Trail& trail, uint64_t query_index,
                                    uint64_t from, int entries_max);

}  // namespace accord::broker

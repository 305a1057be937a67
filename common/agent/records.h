// An agency's own records, one after the other: what it sent, what it received and what was done here, the oldest first, each in clear. For the
// export of all, and the pack about one person (case_pack.h).
//
// Each row is read when its turn comes, up to the newest that was there at the start: no snapshot is held, so that a row that is erased
// meanwhile is not shown, and its bytes go from the files as promised. One row of each kind is in memory.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/agency/v1/records_service.pb.h"
#include "common/agent/agency_store.h"
#include "common/agent/inbox.h"

namespace accord::agent {

// Where a reading stands: the newest row of each kind that was given.
struct RecordPosition {
  uint64_t sent = 0, received = 0, journal = 0;
  bool operator==(const RecordPosition&) const = default;
  std::string ToString() const;
  // Empty: the beginning. FIELD_INVALID naming `after`.
  static absl::StatusOr<RecordPosition> Parse(std::string_view text);
};

// One record.
struct OwnRecord {
  enum class Kind { kSent, kReceived, kJournal };
  Kind kind = Kind::kSent;
  std::string about;       // Request id of what was sent, `referrals/…` of what was received, of a journal entry what it is about.
  int64_t at_ms = 0;
  RecordPosition position;  // With it.

  storage::v1::StoredSubmission sent;  // Of kSent; `about` is its request id.
  std::optional<InboxEntry> received;  // Of kReceived.
  agency::v1::JournalEntry journal;    // Of kJournal.
};

// Single-thread.
class RecordReader {
 public:
  // Both must outlive this.
  RecordReader(const AgencyStore& store, const Inbox& inbox) : store_(store), inbox_(inbox) {}

  // Finds where to end. How many rows come at most. Errors of the store. Once, first.
  absl::StatusOr<uint64_t> Start(const RecordPosition& after);
  // The next record; nothing at the end. `with_journal`: journal entries too. Errors of the store, and of Inbox::Open.
  absl::StatusOr<std::optional<OwnRecord>> Next(bool with_journal = true);

 private:
  // One kind's rows in their order.
  struct Source {
    OwnRecord::Kind kind;
    std::string_view order;   // The family whose keys are sequences.
    uint64_t next = 1, last = 0;
    std::optional<OwnRecord> head;  // Read, and not given yet.
  };
  absl::Status Fill(Source& source) const;
  // Nothing when the row is gone.
  absl::StatusOr<std::optional<OwnRecord>> Read(OwnRecord::Kind kind, uint64_t sequence, const std::string& value) const;

  const AgencyStore& store_;
  const Inbox& inbox_;
  RecordPosition position_;
  std::vector<Source> sources_;
};

// Why what a received one says is not shown any more: `recalled`, `gone`, `withdrawn`; empty when it is. Thread-safe.
std::string_view WhyNotShown(const storage::v1::StoredReceived& stored);

// The sections of a received one in clear; or why there are none, as ReceivedRecord.unopened has it. Without the bytes of files.
struct ReceivedSections {
  std::vector<agency::v1::OpenedSection> sections;
  std::string unopened;
};
ReceivedSections SectionsOf(const Inbox& inbox, const InboxEntry& entry);
// Those of a sent one, as pushed, without the bytes of files.
std::vector<agency::v1::OpenedSection> SectionsOf(const storage::v1::StoredSubmission& sent);

}  // namespace accord::agent

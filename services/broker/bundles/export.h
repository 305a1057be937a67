// Bundles: the trails of many referrals and cases as files that verify offline (docs/formats.md §12, version 2).
//
//   PlanBundle → RecordBundleCommand (an entry BUNDLE_EXPORTED on each chain, in one batch) → BundleFiles::Begin → Next, Next, …
//
// What was asked, the chains that answer it, and the digests of the policy texts and of the directory are in those entries before the first byte goes.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/ledger/export_bundle.h"
#include "services/broker/bundles/attachments.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/trails/published.h"
#include "services/broker/trails/trail.h"
#include "services/broker/warrants/query_entry.h"

namespace accord::broker {

struct BundleLimits {
  size_t rows = ledger::kBundleRowsMax;
  uint64_t bytes = ledger::kBundleBytesMax;
};

// A bundle that its asker may have.
struct BundlePlan {
  Caller caller;
  std::string warrant;
  std::vector<Trail> trails;               // In the order asked for; their queries are the entries to be.
  std::map<std::string, KeptText> texts;   // By path. They are read again as they go: all of them may be a quarter of a gigabyte of each kind.
  std::string directory;                   // The text of directory.json.
  ledger::ExportManifest manifest;         // Without rows; of files the policy texts and the directory.
};

// OK when the asker may have every one of `about`, whose ids are of the right size. Each is judged, and its entry made, as a trail's is.
//   BUNDLE_TOO_LARGE  the chains have more entries than limits.rows; metadata `rows` and `limit`
//   those of OpenTrail, PolicyText and DirectoryJson
// Thread-safe.
absl::StatusOr<BundlePlan> PlanBundle(const ReadView& view, const TrailAsker& asker, const Policy& policy, SuspendedAt suspended_at, const std::string& origin,
                                      const std::vector<TrailAbout>& about, const BundleLimits& limits);

// Puts the entries of all trails on the record, or none. `done` is told their indices, in the order of the trails.
// Errors of RecordQueryCommand.
class RecordBundleCommand final : public Command {
 public:
  using BundleRecorded = absl::AnyInvocable<void(const absl::StatusOr<std::vector<uint64_t>>& indices) &&>;
  RecordBundleCommand(const std::vector<Trail>& trails, BundleRecorded done);

  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  std::vector<std::unique_ptr<RecordQueryCommand>> entries_;
  std::vector<uint64_t> indices_;
  BundleRecorded done_;
};

// What reading on needs besides the view.
struct BundleSources {
  const DirectorySnapshot& directory;
  const Witnesses& witnesses;
  const std::string& vkey;  // The log's.
  absl::Time now;
};

// The files of a bundle, one after the other, the manifest last. Holds what the manifest says of each file, some 300 bytes, and one file; at the end the
// text of the manifest and what it is made of, twice that.
// Thread-compatible.
class BundleFiles {
 public:
  explicit BundleFiles(BundlePlan plan, BundleLimits limits = {}) : plan_(std::move(plan)), limits_(limits) {}

  // REQUIRES: `view` is of after the commit of the entries, whose indices these are. BUNDLE_TOO_LARGE; STORE_CORRUPT.
  absl::Status Begin(const ReadView& view, const BundleSources& sources, const std::vector<uint64_t>& indices);

  struct File {
    std::string path, bytes;
  };
  // Nothing after the manifest. An inspector's warrant is judged again for each entry.
  //   BUNDLE_TOO_LARGE   they are over limits.bytes; metadata `limit`
  //   WARRANT_NOT_ACTIVE it was suspended or ended meanwhile
  //   STORE_UNAVAILABLE  a policy came into force while the entries were written: ask again
  //   STORE_CORRUPT
  absl::StatusOr<std::optional<File>> Next(const ReadView& view, const BundleSources& sources);

 private:
  absl::Status ReadChain(const ReadView& view, ledger::BundleTrail& trail);
  absl::Status ReadText(const ReadView& view);
  absl::StatusOr<bool> IsOpen(const ReadView& view, const BundleSources& sources, uint64_t index, const StoredEntry& entry) const;
  absl::Status ReadRow(const ReadView& view, const BundleSources& sources, uint64_t index);
  absl::Status CheckVersions(uint64_t index, const type::v1::EntryEvent& event) const;
  void Queue(std::string path, std::string bytes) { waiting_.push_back({std::move(path), std::move(bytes)}); }

  BundlePlan plan_;
  const BundleLimits limits_;
  std::set<uint64_t> own_;                     // The entries that record the export.
  std::vector<uint64_t> rows_;                 // Of all trails, ascending, each once.
  size_t next_row_ = 0;
  std::string note_;                           // The checkpoint of all receipts.
  std::map<uint64_t, ledger::IndexRow> said_;  // Of the rows so far.
  std::vector<File> waiting_;                  // The last goes first.
  uint64_t bytes_ = 0;
  enum class Stage { kTexts, kRows, kIndex, kManifest, kOver } stage_ = Stage::kTexts;
};

}  // namespace accord::broker

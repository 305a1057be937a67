// A bundle as it comes from the broker, file by file, into a new directory (docs/formats.md §12, version 2).
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/ledger/export_bundle.h"
#include "common/ledger/leaf.h"
#include "common/ledger/note.h"
#include "services/accordctl/staged_directory.h"

namespace accord::accordctl {

// Of either version.
extern const DirectoryKind kBundleDirectory;

// What was asked for, in the order in which it was.
struct BundleAsked {
  std::vector<std::string> cases, referrals;  // 16 and 32 bytes.
  std::string warrant, purpose;
};

// Single-thread. Destroyed before Finish it leaves nothing behind.
class BundleReceiver {
 public:
  // Errors of StagedDirectory::Begin. The directory, and all in it, is for the owner alone: openings tell of people.
  static absl::StatusOr<BundleReceiver> Begin(const std::string& directory);

  // The next piece; `path` is empty unless a file begins with it. RECEIPT_INVALID for a path that no bundle has, twice, or of too many
  // bytes: what a server says is no reason to write elsewhere.
  absl::Status Take(const std::string& path, std::string_view chunk);

  // Checks the whole offline by the log's key, and gives the directory its name. RECEIPT_INVALID, with the file or entry: nothing is kept.
  //   the manifest is of what was asked; every file is the one that it names; every receipt verifies at the bundle's checkpoint; every chain is
  //   without a gap up to the entry of the export; that entry says that this was exported, and of which chains. One of a broker that did not name
  //   them yet: then a referral's chain begins with the entry that it was stored by, opened
  struct Summary {
    ledger::ExportManifest manifest;
    std::string manifest_digest;  // SHA-256, hex.
    uint64_t bytes = 0;
    size_t not_opened = 0;        // Entries that came without openings, each once.
  };
  absl::StatusOr<Summary> Finish(const BundleAsked& asked, const ledger::Vkey& log);

  uint64_t files() const { return digests_.size(); }

 private:
  explicit BundleReceiver(StagedDirectory staged) : staged_(std::move(staged)) {}
  absl::Status EndFile();
  absl::StatusOr<std::string> Read(const std::string& path) const;
  absl::Status CheckTrails(const ledger::ExportManifest& manifest, const ledger::Vkey& log) const;
  // `first` and `last` are the leaves of its rows.
  absl::Status CheckRequest(const ledger::ExportManifest& manifest, const ledger::BundleTrail& trail, const ledger::Leaf& first,
                            const ledger::Leaf& last) const;

  StagedDirectory staged_;
  std::map<std::string, ledger::BundleFile> digests_;
  std::string path_, bytes_;                // The file that comes.
  uint64_t total_ = 0;
};

}  // namespace accord::accordctl

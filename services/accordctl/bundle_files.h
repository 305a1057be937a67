// A bundle as it comes from the broker, file by file, into a new directory (docs/formats.md §12, version 2).
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/ledger/export_bundle.h"
#include "common/ledger/leaf.h"
#include "common/ledger/note.h"

namespace accord::accordctl {

// True for a path, relative and with `/`, that one of a kind of directories has: of a plain file, or of a directory in it.
using IsOfKind = absl::FunctionRef<bool(const std::string& path, bool is_directory)>;
// Of a bundle, of either version. Pure. Thread-safe.
bool IsOfBundle(const std::string& path, bool is_directory);

// Where a directory is written until it is whole: beside `target`, its name and `.incoming`, made anew. What a run that was interrupted left is removed. A usage
// error, and nothing is touched, when what has that name has anything in it, at any depth, that is not `of_kind`, such as a link. Thread-compatible.
absl::StatusOr<std::filesystem::path> BeginStaging(const std::filesystem::path& target, IsOfKind of_kind);
// Its usage error, and nothing is changed: for before a question is asked that is itself recorded. Thread-compatible.
absl::Status CheckStaging(const std::filesystem::path& target, IsOfKind of_kind);

// What was asked for, in the order in which it was.
struct BundleAsked {
  std::vector<std::string> cases, referrals;  // 16 and 32 bytes.
  std::string warrant, purpose;
};

// Single-thread. Destroyed before Finish it leaves nothing behind.
class BundleReceiver {
 public:
  // A usage error when `directory` is there already, unless it is empty; errors of BeginStaging. It, and all in it, is for the owner alone: openings tell of people.
  static absl::StatusOr<BundleReceiver> Begin(const std::string& directory);
  BundleReceiver(BundleReceiver&& other) noexcept;
  ~BundleReceiver();

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
  BundleReceiver(std::filesystem::path target, std::filesystem::path staging);
  absl::Status EndFile();
  absl::StatusOr<std::string> Read(const std::string& path) const;
  absl::Status CheckTrails(const ledger::ExportManifest& manifest, const ledger::Vkey& log) const;
  // `first` and `last` are the leaves of its rows.
  absl::Status CheckRequest(const ledger::ExportManifest& manifest, const ledger::BundleTrail& trail, const ledger::Leaf& first,
                            const ledger::Leaf& last) const;

  std::filesystem::path target_, staging_;  // `staging_` empty once moved from or finished.
  std::map<std::string, ledger::BundleFile> digests_;
  std::string path_, bytes_;                // The file that comes.
  uint64_t total_ = 0;
};

}  // namespace accord::accordctl

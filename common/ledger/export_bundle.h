// A bundle, version 2: the trails of many referrals and cases with what they were decided by, as a directory that verifies offline
// (docs/formats.md §12). Pure. Thread-safe.
//
// It has the receipts, openings, key and checkpoint of version 1 (trail_bundle.h) and besides: the policy texts, the directory as at
// the export, the newest cosigned checkpoint with the proof that this one extends it, a digest of every file, and an index for people.
// The broker streams it and accordctl writes it down; accord-verify believes nothing of it before the log's key proves it.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/commitment.h"
#include "common/ledger/trail_bundle.h"

namespace accord::ledger {

inline constexpr char kExportFormat[] = "accord-bundle/v2";
inline constexpr size_t kBundleTrailsMax = 200;
inline constexpr size_t kBundleRowsMax = 20'000;         // Of all trails together; an entry on two of them counts twice.
inline constexpr uint64_t kBundleBytesMax = 1ull << 30;  // Of all files but the manifest.
inline constexpr size_t kBundleFileBytesMax = 32u << 20;
inline constexpr size_t kBundleAttachedMax = 5'100;  // Policy texts, of which a broker keeps some 1,000 of each of five kinds, and the directory.
inline constexpr size_t kExportManifestBytesMax = 16u << 20;

inline constexpr char kIndexFile[] = "index.txt", kDirectoryFile[] = "directory.json";
inline constexpr char kWitnessedFile[] = "witnessed", kWitnessedProofFile[] = "witnessed.consistency";

// One referral or case that was asked for: all entries of its chain up to the one that says so.
struct BundleTrail {
  TrailManifest::About about = TrailManifest::About::kCase;
  std::string id;     // As TrailManifest's.
  std::string chain;  // 16 bytes; of a case its own pseudonym.
  uint64_t query_index = 0;
  std::vector<uint64_t> rows;  // Leaf indices, ascending; the last is the query's.
  bool operator==(const BundleTrail&) const = default;
};

struct BundleFile {
  uint64_t size = 0;
  std::string digest;  // SHA-256.
  bool operator==(const BundleFile&) const = default;
};

struct ExportManifest {
  std::string origin;
  std::string warrant;  // Empty: an administrator's.
  std::string purpose;
  uint64_t checkpoint_size = 0;
  std::vector<BundleTrail> trails;          // In the order asked for; no referral or case twice.
  std::map<std::string, BundleFile> files;  // Every file but the manifest, by path.
  bool operator==(const ExportManifest&) const = default;
};

// True when the text says that it is of version 2; nothing else of it is looked at.
bool IsExportManifest(std::string_view json);
// REQUIRES: the form above.
std::string FormatExportManifest(const ExportManifest& manifest);
// FIELD_INVALID, with what is wrong, unless formatting the result gives `json` again and `files` are those that the trails call for.
absl::StatusOr<ExportManifest> ParseExportManifest(std::string_view json);

// One trail as version 1 has it.
TrailManifest TrailOf(const ExportManifest& manifest, size_t trail);

// What the entry BUNDLE_EXPORTED has as `query_digest`: what was asked for and on which chains it stands, why and under which warrant, and
// the attached files. So a trail that was taken out or that has the rows of another chain, and a policy text or directory that was altered,
// contradict an entry of the log. REQUIRES: the chains are set.
std::string RequestDigest(const ExportManifest& manifest);
// The same as brokers made it before it named the chains. For reading alone: something else must say then that a chain is the referral's.
std::string RequestDigestWithoutChains(const ExportManifest& manifest);
// True for the files that RequestDigest covers.
bool IsAttached(std::string_view path);
// Where the text of a version is: `policies/agreement/2026-1.toml`. `kind`: "agreement", "emergency", "law", "clocks" or "cases".
std::string PolicyPath(std::string_view kind, std::string_view version);

// FIELD_INVALID, naming the file, unless it is the one that the manifest names.
absl::Status CheckBundleFile(const ExportManifest& manifest, const std::string& path, std::string_view bytes);

// What an entry says, as far as the asker may know.
struct IndexRow {
  int64_t time_ms = 0;
  std::string event;  // Name of the event or, of a statement, of its kind, as in the enum; empty when it is not opened.
  std::string who;    // Principal; empty when not opened.
};
// The text of index.txt, made of nothing else. REQUIRES: `rows` has every row of every trail.
std::string FormatBundleIndex(const ExportManifest& manifest, const std::map<uint64_t, IndexRow>& rows);

// Reads the JSON of an openings file (FormatOpenings, docs/formats.md §6), however it is indented. FIELD_INVALID, with what is wrong.
absl::StatusOr<std::vector<crypto::Opening>> ParseOpenings(std::string_view json);

// The hashes of a proof, a line of base64 each; and back. FIELD_INVALID.
std::string FormatHashLines(const std::vector<std::string>& hashes);
absl::StatusOr<std::vector<std::string>> ParseHashLines(std::string_view text);

}  // namespace accord::ledger

// A bundle: the trail of one referral or case as a directory that verifies offline (docs/formats.md §12). Pure. Thread-safe.
//
// Here is its manifest, `bundle.json`, which says what the other files are; nothing of it is believed before those prove it.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/commitment.h"

namespace accord::ledger {

inline constexpr size_t kTrailRowsMax = 50'000;
inline constexpr size_t kManifestBytesMax = 4u << 20;

// The names in the directory. An entry's openings are beside its receipt, as for every receipt.
inline constexpr char kManifestFile[] = "bundle.json", kCheckpointFile[] = "checkpoint", kVkeyFile[] = "vkey";
inline constexpr char kReceiptSuffix[] = ".tlog-proof", kOpeningsSuffix[] = ".openings.json";
std::string ReceiptPath(uint64_t index);  // `receipts/17.tlog-proof`
// False for JSON whose arrays and objects are in one another deeper than kBundleNestingMax. A stranger's file is asked this before it is read: a
// megabyte of brackets takes some hundred megabytes of memory.
bool IsShallowJson(std::string_view text);
inline constexpr int kBundleNestingMax = 32;
// The text of an openings file (docs/formats.md §6): an array of `{label, salt, content}`.
std::string FormatOpenings(const std::vector<crypto::Opening>& openings);

// What the rows are to the chain that was asked about. The third grade, `full`, is nobody's to write down: it takes a look
// at every leaf of the log.
enum class TrailGrade {
  kAttested,  // Every entry, from number 0 to that of the query itself.
  kPartial,   // Those that the asker may see.
};
std::string_view Name(TrailGrade grade);  // `attested`, `partial`

struct TrailManifest {
  enum class About { kReferral, kCase };
  About about = About::kReferral;
  std::string id;     // Header digest, 32 bytes; case pseudonym, 16 bytes.
  std::string chain;  // Pseudonym of the chain that the rows are in. 16 bytes; of a case its own.
  TrailGrade grade = TrailGrade::kAttested;
  std::string origin;
  uint64_t checkpoint_size = 0;
  uint64_t query_index = 0;
  std::vector<uint64_t> rows;  // Leaf indices, ascending; the last is the query's.
  bool operator==(const TrailManifest&) const = default;
};

// REQUIRES: the form above.
std::string FormatTrailManifest(const TrailManifest& manifest);
// FIELD_INVALID, with what is wrong, unless formatting the result gives `json` again.
absl::StatusOr<TrailManifest> ParseTrailManifest(std::string_view json);

}  // namespace accord::ledger

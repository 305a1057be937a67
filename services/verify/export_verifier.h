// Whether a bundle of version 2 (docs/formats.md §12) proves the trails that it holds, each with its grade as in bundle_verifier.h, and
// that nothing was taken out of it or altered: a trail, an entry, an opening, a proof, a policy text, the directory, the index.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/ledger/export_bundle.h"
#include "common/ledger/note.h"
#include "common/ledger/policy.h"
#include "services/verify/bundle_verifier.h"
#include "services/verify/file_reader.h"
#include "services/verify/ledger_copy.h"

namespace accord::verify {

enum class ExportCheck {
  kManifest,   // bundle.json has the form of version 2 and is of this log, and `vkey` is its key.
  kFiles,      // Every file is there with the size and digest that the manifest names, and no other.
  kTrails,     // Every check of bundle_verifier.h, of every trail.
  kRequest,    // The entries that record the export are of this request: these trails and chains, this warrant and purpose, these attached files.
  kVersions,   // Of every version that an entry says something was decided by, the text is here.
  kDirectory,  // directory.json is of the time of the first entry and of that of the export.
  kIndex,      // index.txt says what the entries say.
  kWitnessed,  // A checkpoint beside the bundle's is the log's, and the bundle's extends it. Who cosigned it is kPolicy's to say.
  kPolicy,     // Its witnesses meet the quorum of a policy.
  kLedger,     // A copy of the log has no other entry of any of the chains up to the export's.
};
inline constexpr size_t kExportChecks = 10;
std::string_view Name(ExportCheck check);

struct ExportFinding {
  ExportCheck check;
  std::string where;  // A file, an entry, or `case c0de…: entry 17`.
  std::string what;
};

struct ExportReport {
  std::optional<ledger::ExportManifest> manifest;  // Absent when malformed.
  std::string manifest_digest;                     // SHA-256 of bundle.json, in hex.
  std::vector<BundleReport> trails;                // As in the manifest.
  std::optional<uint64_t> witnessed_size;
  bool witnesses_judged = false;       // By a policy.
  std::vector<std::string> witnesses;  // Of the policy.
  uint64_t ledger_size = 0;            // Of the copy; 0: none was looked at.
  bool full = false;                   // Grade full, of every trail.

  std::vector<ExportFinding> findings;  // The first kBundleFindingsMax.
  uint64_t found[kExportChecks] = {};
  bool finished = false;  // False: what is malformed kept the later checks from being told.

  bool ok() const { return finished && findings.empty(); }
  void Found(ExportCheck check, std::string where, std::string what);
};

// True when the manifest there says that it is of version 2. Thread-safe.
bool IsExport(FileReader& files);
// `names`: every file below the bundle's directory. Thread-safe.
ExportReport VerifyExport(FileReader& files, const std::set<std::string>& names, const ledger::Vkey& log);
// Judges the cosigned checkpoint of a bundle whose report is ok() by `policy`, and adds to the report.
void JudgeWitnessed(FileReader& files, const ledger::WitnessPolicy& policy, ExportReport& report);
// Holds a bundle whose report is ok() against a copy, and adds to the report.
void CheckAgainstCopy(LedgerCopy& copy, ExportReport& report);

}  // namespace accord::verify

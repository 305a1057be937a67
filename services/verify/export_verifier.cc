#include "services/verify/export_verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/ledger/checkpoint.h"
#include "services/verify/command.h"

namespace accord::verify {
namespace {

using ledger::BundleTrail;
using ledger::ExportManifest;

// Between the look at the directory and the commit of the entries that record the export: no call lasts longer.
constexpr uint64_t kDirectoryLagMsMax = 3'600'000;

std::string TrailName(const BundleTrail& trail) {
  return fmt::format("{} {}", trail.about == ledger::TrailManifest::About::kCase ? "case" : "referral", ToHex(trail.id).substr(0, 12));
}

// When directory.json says that it shows the agencies; nothing when that is no such file.
struct DirectoryTimes {
  uint64_t first_ms = 0, export_ms = 0;
};
std::optional<DirectoryTimes> ReadDirectoryTimes(std::string_view text) {
  if (!ledger::IsShallowJson(text)) return std::nullopt;
  const auto document = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto as_at = document.is_object() ? document.find("asAt") : document.end();
  if (!document.is_object() || as_at == document.end() || !as_at->is_array() || as_at->size() != 2) return std::nullopt;
  std::array<uint64_t, 2> times{};
  for (size_t i = 0; i < times.size(); ++i) {
    const auto& one = (*as_at)[i];
    const auto at = one.is_object() ? one.find("atMs") : one.end();
    if (!one.is_object() || at == one.end() || !at->is_number_unsigned()) return std::nullopt;
    times[i] = at->get<uint64_t>();
  }
  return DirectoryTimes{times[0], times[1]};
}

// The files of the versions by which an entry says that something was decided or due.
std::vector<std::string> PoliciesOf(const type::v1::EntryEvent& said) {
  std::vector<std::string> paths;
  const auto add = [&](std::string_view kind, std::string_view versions) {
    while (!versions.empty()) {  // Of agreements there may be several, comma separated.
      const size_t comma = std::min(versions.find(','), versions.size());
      paths.push_back(ledger::PolicyPath(kind, versions.substr(0, comma)));
      versions.remove_prefix(std::min(comma + 1, versions.size()));
    }
  };
  add("agreement", said.agreement_version());
  add("emergency", said.emergency_version());
  add("law", said.law_version());
  add("clocks", said.clock_version());
  add("cases", said.case_rules_version());
  return paths;
}

// Where a text leaves what it should be. What it has there may be anything, and is not repeated.
std::string FirstOtherLine(std::string_view text, std::string_view due) {
  for (size_t number = 1;; ++number) {
    if (due.empty()) return fmt::format(": it goes on after line {}", number - 1);
    const std::string_view is = text.substr(0, text.find('\n')), should_be = due.substr(0, due.find('\n'));
    if (is != should_be || text.size() == is.size()) {
      return fmt::format(": line {} should be `{}`", number, should_be.substr(std::min(should_be.find_first_not_of(' '), should_be.size())));
    }
    text.remove_prefix(is.size() + 1);
    due.remove_prefix(should_be.size() + 1);
  }
}

class ExportPass {
 public:
  ExportPass(FileReader& files, const std::set<std::string>& names, const ledger::Vkey& log) : files_(files), names_(names), log_(log) {}

  ExportReport Run() {
    if (!ReadManifest()) return std::move(report_);
    CheckFiles();
    if (!CheckTrails()) return std::move(report_);
    CheckRequest();
    CheckVersions();
    CheckDirectory();
    CheckIndex();
    CheckWitnessed();
    report_.finished = true;
    return std::move(report_);
  }

 private:
  const ExportManifest& manifest() const { return *report_.manifest; }

  bool ReadManifest() {
    const auto text = files_.Read(ledger::kManifestFile, ledger::kExportManifestBytesMax);
    if (!text.ok()) {
      report_.Found(ExportCheck::kManifest, ledger::kManifestFile, "cannot be read: " + Message(text.status()));
      return false;
    }
    report_.manifest_digest = ToHex(crypto::Sha256(*text));
    auto read = ledger::ParseExportManifest(*text);
    if (!read.ok()) {
      report_.Found(ExportCheck::kManifest, ledger::kManifestFile, Message(read.status()));
      return false;
    }
    report_.manifest = *std::move(read);
    if (manifest().origin != log_.name()) {
      report_.Found(ExportCheck::kManifest, ledger::kManifestFile, fmt::format("is of the log {}, not of {}", manifest().origin, log_.name()));
    }
    const auto vkey = files_.Read(ledger::kVkeyFile, ledger::kNoteBytesMax);
    if (!vkey.ok() || *vkey != log_.ToString() + "\n") {
      report_.Found(ExportCheck::kManifest, ledger::kVkeyFile, "is not the key that the bundle is verified by");
    }
    return true;
  }

  void CheckFiles() {
    for (const std::string& name : names_) {
      if (name != ledger::kManifestFile && !manifest().files.contains(name)) {
        report_.Found(ExportCheck::kFiles, name, "was added: the manifest does not name it");
      }
    }
    for (const auto& [path, file] : manifest().files) {
      const auto bytes = files_.Read(path, ledger::kBundleFileBytesMax);
      const absl::Status same = bytes.ok() ? ledger::CheckBundleFile(manifest(), path, *bytes) : bytes.status();
      if (same.ok()) continue;
      // Message() names the file itself.
      const std::string message = Message(same);
      const std::string beginning = path + ": ";
      report_.Found(ExportCheck::kFiles, path,
                    !bytes.ok() ? "is missing, or cannot be read: " + message
                                : message.starts_with(beginning) ? message.substr(beginning.size()) : message);
    }
  }

  // False when a trail was not read to its end.
  bool CheckTrails() {
    bool all = true;
    for (size_t i = 0; i < manifest().trails.size(); ++i) {
      BundleReport trail = VerifyTrail(files_, ledger::TrailOf(manifest(), i), log_);
      for (const BundleFinding& finding : trail.findings) {
        report_.Found(ExportCheck::kTrails, fmt::format("{}: {}", TrailName(manifest().trails[i]), finding.where), finding.what);
      }
      all &= trail.finished;
      report_.trails.push_back(std::move(trail));
    }
    return all;
  }

  void CheckRequest() {
    const std::string digest = ledger::RequestDigest(manifest()), without_chains = ledger::RequestDigestWithoutChains(manifest());
    for (size_t i = 0; i < report_.trails.size(); ++i) {
      BundleReport& trail = report_.trails[i];
      const BundleRow& last = trail.rows.back();
      if (!last.said.has_value()) continue;  // Found by the trail's own checks.
      const std::string where = fmt::format("{}: entry {}", TrailName(manifest().trails[i]), last.index);
      if (last.said->warrant() != manifest().warrant || last.said->purpose() != manifest().purpose) {
        return report_.Found(ExportCheck::kRequest, where, "names another warrant or purpose than the manifest");
      }
      const bool names_chains = last.said->query_digest() == digest;
      if (!names_chains && last.said->query_digest() != without_chains) {
        return report_.Found(ExportCheck::kRequest, where,
                             "records another request: a referral or case was taken out or added or has the entries of another chain, or a "
                             "policy text or the directory was altered");
      }
      if (names_chains || trail.begins_as_stored) continue;
      trail.grade.reset();
      report_.Found(ExportCheck::kRequest, where,
                    fmt::format("is of a broker that did not name the chain in it, and entry {}, the first here, is not opened to be the storing of "
                                "this referral: nothing holds the chain to what was asked",
                                trail.rows.front().index));
    }
  }

  void CheckVersions() {
    std::set<std::string> told;
    for (const BundleReport& trail : report_.trails) {
      for (const BundleRow& row : trail.rows) {
        if (!row.said.has_value()) continue;
        for (const std::string& path : PoliciesOf(*row.said)) {
          if (manifest().files.contains(path) || !told.insert(path).second) continue;
          report_.Found(ExportCheck::kVersions, path, fmt::format("is not here, and entry {} says that it was in force", row.index));
        }
      }
    }
  }

  void CheckDirectory() {
    const auto found = [&](std::string what) { report_.Found(ExportCheck::kDirectory, ledger::kDirectoryFile, std::move(what)); };
    const auto text = files_.Read(ledger::kDirectoryFile, ledger::kBundleFileBytesMax);
    const auto at = text.ok() ? ReadDirectoryTimes(*text) : std::nullopt;
    if (!at.has_value()) return found("does not say of which two times it is");
    uint64_t first_ms = at->export_ms;  // A broker's clock that was put back is before the first entry.
    for (const BundleReport& trail : report_.trails) first_ms = std::min(first_ms, trail.rows.front().time_ms);
    if (at->first_ms != first_ms) found("its first part is not of the time of the first entry here");
    const uint64_t export_ms = report_.trails.front().rows.back().time_ms;
    if (std::max(export_ms, at->export_ms) - std::min(export_ms, at->export_ms) > kDirectoryLagMsMax) {
      found("its second part is not of the time of the export");
    }
  }

  void CheckIndex() {
    std::map<uint64_t, ledger::IndexRow> rows;
    std::optional<uint64_t> unknown;  // An entry of a kind that has no name in this program.
    for (const BundleReport& trail : report_.trails) {
      for (const BundleRow& row : trail.rows) {
        ledger::IndexRow& one = rows[row.index];
        one.time_ms = static_cast<int64_t>(row.time_ms);
        one.who = row.who;
        if (row.said.has_value()) {
          one.event = row.said->type() == type::v1::EVENT_TYPE_STATEMENT ? type::v1::StatementKind_Name(row.said->statement())
                                                                         : type::v1::EventType_Name(row.said->type());
          if (one.event.empty()) unknown = row.index;
        }
      }
    }
    const auto text = files_.Read(ledger::kIndexFile, ledger::kBundleFileBytesMax);
    const std::string due = ledger::FormatBundleIndex(manifest(), rows);
    if (text.ok() && *text == due) return;
    report_.Found(ExportCheck::kIndex, ledger::kIndexFile,
                  unknown.has_value() ? fmt::format("cannot be judged: entry {} is of a kind that this accord-verify is too old to know", *unknown)
                                      : "does not say what the entries say" + (text.ok() ? FirstOtherLine(*text, due) : ""));
  }

  void CheckWitnessed() {
    if (!manifest().files.contains(ledger::kWitnessedFile)) return;
    const auto found = [&](const char* where, std::string what) { report_.Found(ExportCheck::kWitnessed, where, std::move(what)); };
    const auto note = files_.Read(ledger::kWitnessedFile, ledger::kNoteBytesMax);
    const auto verified = note.ok() ? ledger::VerifyCheckpoint(*note, log_) : note.status();
    if (!verified.ok()) return found(ledger::kWitnessedFile, Message(verified.status()));
    const auto text = files_.Read(ledger::kWitnessedProofFile, ledger::kNoteBytesMax);
    const auto lines = text.ok() ? ledger::ParseHashLines(*text) : text.status();
    if (!lines.ok()) return found(ledger::kWitnessedProofFile, Message(lines.status()));
    ledger::Path path;
    for (const std::string& line : *lines) path.push_back(*ledger::ToHash(line));
    const ledger::Checkpoint& now = *report_.trails.front().checkpoint;
    const absl::Status extends = verified->checkpoint.size > now.size
                                     ? absl::InvalidArgumentError("it is of a larger log than the bundle's checkpoint")
                                     : ledger::VerifyConsistency(verified->checkpoint.size, now.size, verified->checkpoint.root, now.root, path);
    if (!extends.ok()) return found(ledger::kWitnessedProofFile, "does not lead from it to the bundle's checkpoint: " + Message(extends));
    report_.witnessed_size = verified->checkpoint.size;
  }

  FileReader& files_;
  const std::set<std::string>& names_;
  const ledger::Vkey& log_;
  ExportReport report_;
};

}  // namespace

std::string_view Name(ExportCheck check) {
  switch (check) {
    case ExportCheck::kManifest: return "manifest well formed";
    case ExportCheck::kFiles: return "every file as the manifest names it";
    case ExportCheck::kTrails: return "every entry proved, every chain without a gap";
    case ExportCheck::kRequest: return "all that was asked for";
    case ExportCheck::kVersions: return "a text of every version that an entry names";
    case ExportCheck::kDirectory: return "directory of the first entry's time and the export's";
    case ExportCheck::kIndex: return "index says what the entries say";
    case ExportCheck::kWitnessed: return "extends the cosigned checkpoint";
    case ExportCheck::kPolicy: return "witnesses meet the policy";
    case ExportCheck::kLedger: break;
  }
  return "every leaf of the copy looked at";
}

void ExportReport::Found(ExportCheck check, std::string where, std::string what) {
  ++found[static_cast<size_t>(check)];
  if (findings.size() < kBundleFindingsMax) findings.push_back({check, std::move(where), std::move(what)});
}

bool IsExport(FileReader& files) {
  const auto text = files.Read(ledger::kManifestFile, ledger::kExportManifestBytesMax);
  return text.ok() && ledger::IsExportManifest(*text);
}

ExportReport VerifyExport(FileReader& files, const std::set<std::string>& names, const ledger::Vkey& log) {
  return ExportPass(files, names, log).Run();
}

void JudgeWitnessed(FileReader& files, const ledger::WitnessPolicy& policy, ExportReport& report) {
  if (!report.witnessed_size.has_value()) {
    return report.Found(ExportCheck::kPolicy, ledger::kWitnessedFile, "is not here: nothing was cosigned yet, or it was taken out");
  }
  report.witnesses_judged = true;
  const auto text = files.Read(ledger::kWitnessedFile, ledger::kNoteBytesMax);
  const auto note = text.ok() ? ledger::ParseNote(*text) : text.status();
  auto cosigned = note.ok() ? ledger::VerifyCosignatures(*note, policy) : note.status();
  if (!cosigned.ok()) return report.Found(ExportCheck::kPolicy, ledger::kWitnessedFile, Message(cosigned.status()));
  report.witnesses = *std::move(cosigned);
  if (!policy.QuorumMet(report.witnesses)) report.Found(ExportCheck::kPolicy, ledger::kWitnessedFile, "its witnesses do not meet the quorum");
}

void CheckAgainstCopy(LedgerCopy& copy, ExportReport& report) {
  report.ledger_size = copy.size();
  std::set<std::string, std::less<>> chains;
  for (const BundleTrail& trail : report.manifest->trails) chains.insert(trail.chain);
  const auto members = copy.Scan(chains);
  if (!members.ok()) return report.Found(ExportCheck::kLedger, "the copy", Message(members.status()));
  report.full = true;
  for (size_t i = 0; i < report.trails.size(); ++i) {
    BundleReport& trail = report.trails[i];
    CheckAgainstCopy(copy, *members, trail);
    for (const BundleFinding& finding : trail.findings) {
      report.Found(ExportCheck::kLedger, fmt::format("{}: {}", TrailName(report.manifest->trails[i]), finding.where), finding.what);
    }
    report.full &= trail.full;
  }
}

}  // namespace accord::verify

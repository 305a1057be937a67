// `accord-verify bundle` of a bundle of version 2.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/verify/command.h"
#include "services/verify/export_command.h"
#include "services/verify/export_verifier.h"
#include "services/verify/ledger_copy.h"

namespace accord::verify {
namespace {

std::string ExportOutcome(const ExportReport& report, ExportCheck check, const ExportArguments& arguments) {
  const uint64_t found = report.found[static_cast<size_t>(check)];
  if (found > 0) return fmt::format("FAILED ({})", found);
  if (check == ExportCheck::kLedger && arguments.ledger.empty()) return "not asked (--ledger)";
  if (check == ExportCheck::kPolicy) return !arguments.policy.has_value() ? "not asked (--policy)" : report.witnesses_judged ? "ok" : "not reached";
  // The manifest that would name it is unsigned: that there is none says nothing of whether there was one.
  if (check == ExportCheck::kWitnessed && report.finished && !report.witnessed_size.has_value()) return "there is none here";
  if (check == ExportCheck::kWitnessed && report.finished && !report.witnesses_judged) {
    return arguments.policy.has_value() ? "present; cosignatures not judged" : "present; cosignatures not judged (give --policy)";
  }
  if (check == ExportCheck::kLedger) return report.ledger_size > 0 ? "ok" : "not reached";
  const bool early = check == ExportCheck::kManifest || (check == ExportCheck::kFiles && report.manifest.has_value());
  return report.finished || early ? "ok" : "not reached";
}

std::string_view AboutWord(const ledger::BundleTrail& trail) {
  return trail.about == ledger::TrailManifest::About::kReferral ? "referral" : "case";
}

nlohmann::json RowsJson(const BundleReport& trail) {
  nlohmann::json rows = nlohmann::json::array();
  for (const BundleRow& row : trail.rows) {
    nlohmann::json parts = nlohmann::json::object();
    for (const auto& opening : row.openings) {
      parts[opening.label] = opening.json.empty() ? nlohmann::json() : nlohmann::json::parse(opening.json, nullptr, false);
    }
    rows.push_back({{"index", row.index}, {"timeMs", row.time_ms}, {"sequence", row.sequence}, {"openings", parts}});
  }
  return rows;
}

// Entries of all trails, each once, that are in the log as its witnesses cosigned it.
size_t CountWitnessed(const ExportReport& report) {
  std::set<uint64_t> rows;
  for (const BundleReport& trail : report.trails) {
    for (const BundleRow& row : trail.rows) {
      if (row.index < report.witnessed_size.value_or(0)) rows.insert(row.index);
    }
  }
  return rows.size();
}

nlohmann::json ExportJson(const ExportReport& report, const ExportArguments& arguments, const Key& key) {
  nlohmann::json trails = nlohmann::json::array(), findings = nlohmann::json::array(), checks = nlohmann::json::object();
  uint64_t all = 0;
  for (size_t i = 0; i < kExportChecks; ++i) {
    const auto check = static_cast<ExportCheck>(i);
    checks[std::string(Name(check))] = ExportOutcome(report, check, arguments);
    all += report.found[i];
  }
  for (const auto& finding : report.findings) {
    findings.push_back({{"check", Name(finding.check)}, {"where", finding.where}, {"what", finding.what}});
  }
  for (size_t i = 0; i < report.trails.size(); ++i) {
    const ledger::BundleTrail& trail = report.manifest->trails[i];
    trails.push_back({{"about", {{AboutWord(trail), ToHex(trail.id)}}}, {"queryIndex", trail.query_index}, {"rows", RowsJson(report.trails[i])}});
  }
  nlohmann::json document = {{"verifies", report.ok()},
                             {"directory", arguments.directory},
                             {"format", ledger::kExportFormat},
                             {"grade", !report.ok() ? nlohmann::json() : nlohmann::json(report.full ? "full" : "attested")},
                             {"trails", trails},
                             {"checks", checks},
                             {"findings", findings},
                             {"moreFindings", all - report.findings.size()},
                             {"manifestSha256", report.manifest_digest},
                             {"witnesses", report.witnesses},
                             {"opened", OpenedJson(CountOpened(report.trails))},
                             {"key", KeyJson(key)}};
  if (report.manifest.has_value()) {
    document["origin"] = report.manifest->origin;
    document["warrant"] = report.manifest->warrant;
    document["purpose"] = report.manifest->purpose;
    document["checkpointSize"] = report.manifest->checkpoint_size;
  }
  if (report.ok() && !report.witnesses.empty()) document["witnessedEntries"] = CountWitnessed(report);
  if (report.ledger_size > 0) document["ledger"] = {{"directory", arguments.ledger}, {"size", report.ledger_size}};
  return document;
}

std::string ExportGrade(const ExportReport& report) {
  if (report.full) {
    return fmt::format(
        "Grade: full. Every one of the {} entries of the copy was looked at: of each of these trails every entry up to the export is here.",
        report.ledger_size);
  }
  return "Grade: attested. Each trail ends with the entry that records this export, which is itself in the log and states how far the chain "
         "went; the numbers before it are here without a gap. A receipt of an entry of such a chain with a lower number that is not here convicts "
         "the broker.";
}

// What no proof here holds.
constexpr std::string_view kBrokersWord =
    "The broker's word: that each text in policies/ is the one that was approved and in force, and that the agencies were as directory.json says. The "
    "export's entry has the digests of both, so they are what the broker gave out then.";

std::string WitnessedText(const ExportReport& report) {
  const size_t all = CountOpened(report.trails).entries, witnessed = CountWitnessed(report);
  return fmt::format("Witnessed: {} of {} entries are in the log as its witnesses cosigned it; the other {} were made after that.", witnessed, all,
                     all - witnessed);
}

std::string ExportText(const ExportReport& report, const ExportArguments& arguments, const Key& key) {
  const int width = console::TerminalWidth();
  auto facts = console::Table::Facts();
  facts.Add({"bundle", arguments.directory});
  if (report.manifest.has_value()) {
    facts.Add({"log", report.manifest->origin});
    facts.Add({"asked under", report.manifest->warrant.empty() ? "no warrant: an administrator" : "warrant " + report.manifest->warrant});
    if (!report.manifest->purpose.empty()) facts.Add({"purpose", report.manifest->purpose});
    facts.Add({"checkpoint", fmt::format("{} entries", report.manifest->checkpoint_size)});
  }
  if (report.witnessed_size.has_value()) facts.Add({"extends", fmt::format("the log's checkpoint of {} entries", *report.witnessed_size)});
  if (!report.witnesses.empty()) facts.Add({"cosigned by", fmt::format("{}", fmt::join(report.witnesses, ", "))});
  facts.Add({"manifest", "SHA-256 " + report.manifest_digest});
  facts.Add({"key", KeyText(key)});
  std::string text = facts.ToString(width) + "\n";
  if (report.ok()) {
    for (size_t i = 0; i < report.trails.size(); ++i) {
      const ledger::BundleTrail& trail = report.manifest->trails[i];
      text += fmt::format("{} {}\n", AboutWord(trail), ToHex(trail.id));
      console::Table rows({"number", "entry", "time", "event", "who"});
      for (const BundleRow& row : report.trails[i].rows) {
        rows.Add({std::to_string(row.sequence), std::to_string(row.index), console::TimeText(static_cast<int64_t>(row.time_ms)),
                  row.event.empty() ? "(not opened)" : row.event, row.who.empty() ? "-" : row.who});
      }
      text += rows.ToString(width) + "\n";
    }
  }
  console::Table checks({"check", "outcome"});
  for (size_t i = 0; i < kExportChecks; ++i) {
    const auto check = static_cast<ExportCheck>(i);
    checks.Add({std::string(Name(check)), ExportOutcome(report, check, arguments)});
  }
  text += checks.ToString(width);
  if (!report.findings.empty()) {
    console::Table findings({"where", "what is wrong"});
    for (const auto& finding : report.findings) findings.Add({finding.where, finding.what});
    return text + "\n" + findings.ToString(width);
  }
  text += "\nVERIFIES: every entry is in the log that this key signs, says what is shown, and none is missing.\n";
  std::vector<std::string> all_said = {ExportGrade(report), OpenedText(CountOpened(report.trails))};
  if (!report.witnesses.empty()) all_said.push_back(WitnessedText(report));
  all_said.emplace_back(kBrokersWord);
  for (const std::string& said : all_said) {
    for (const std::string& line : console::Wrap(said, width)) text += line + "\n";
  }
  return text;
}

}  // namespace

int VerifyExportCommand(const ExportArguments& arguments, const FolderListing& listing, const Key& key, const SharedOptions& shared,
                        Output& output) {
  DirectoryReader files(arguments.directory);
  ExportReport report = VerifyExport(files, listing.files, key.vkey);
  for (const auto& fault : listing.faults) report.Found(ExportCheck::kFiles, fault.where, fault.what);
  if (report.ok() && arguments.policy.has_value()) JudgeWitnessed(files, *arguments.policy, report);
  if (report.ok() && !arguments.ledger.empty()) {
    DirectoryReader copy_files(arguments.ledger);
    auto copy = LedgerCopy::Open(copy_files, key.vkey, ProgressOf(shared, output), ThreadsOf(shared));
    if (copy.ok()) {
      CheckAgainstCopy(*copy, report);
    } else {
      report.Found(ExportCheck::kLedger, arguments.ledger, Message(copy.status()));
    }
  }
  output.out += shared.json ? Dump(ExportJson(report, arguments, key)) : ExportText(report, arguments, key);
  if (report.ok()) return kVerifies;
  return DoesNotVerify(output, arguments.directory, fmt::format("{}: {}", report.findings.front().where, report.findings.front().what));
}

}  // namespace accord::verify

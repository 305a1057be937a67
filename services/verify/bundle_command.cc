#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/ledger/export_bundle.h"
#include "services/verify/bundle_verifier.h"
#include "services/verify/command.h"
#include "services/verify/export_command.h"
#include "services/verify/export_verifier.h"
#include "services/verify/file_reader.h"
#include "services/verify/ledger_copy.h"

namespace accord::verify {
namespace {

namespace fs = std::filesystem;

struct BundleArguments {
  std::string directory, ledger, policy;
};

// More than a bundle of either version has: a receipt and its openings for each row, and what is attached.
constexpr size_t kBundleFilesMax = 2 * ledger::kTrailRowsMax + ledger::kBundleAttachedMax;

std::string BundleOutcome(const BundleReport& report, BundleCheck check, bool with_ledger) {
  const uint64_t found = report.found[static_cast<size_t>(check)];
  if (found > 0) return fmt::format("FAILED ({})", found);
  if (check == BundleCheck::kLedger) return !with_ledger ? "not asked (--ledger)" : report.ledger_size > 0 ? "ok" : "not reached";
  const bool reached = report.finished || check == BundleCheck::kManifest ||
                       (check == BundleCheck::kCheckpoint && report.checkpoint.has_value());
  return reached ? "ok" : "not reached";
}

// The grade, and what it means. Never the one without the other.
std::string GradeText(const BundleReport& report) {
  const auto& manifest = *report.manifest;
  const uint64_t last = report.rows.back().sequence;
  if (report.grade == ledger::TrailGrade::kPartial) {
    std::string text = fmt::format(
        "Grade: partial. These {} entries are what this agency may see of the chain; the last of them, entry {}, is the record "
        "of its question and number {} of it. Of the entries between, nothing is said.",
        report.rows.size(), manifest.query_index, last);
    if (report.ledger_size > 0) {
      text += fmt::format(" The copy of the log has {} entries of the chain up to there.", report.chain_entries);
    }
    return text;
  }
  std::string text =
      report.full
          ? fmt::format("Grade: full. Every one of the {} entries of the copy was looked at: the chain has {} entries up to the "
                        "question, entry {}, and all of them are here.",
                        report.ledger_size, report.chain_entries, manifest.query_index)
          : fmt::format("Grade: attested. The last row, entry {}, is the record of this very question and itself in the log: it is "
                        "number {} of the chain, and numbers 0 to {} are here without a gap, each naming the one before.",
                        manifest.query_index, last, last);
  text += fmt::format(" What would convict the broker: a receipt of an entry of this chain with a number below {} that is not here. "
                      "One with a higher number is later than the question, and no contradiction.",
                      last);
  if (report.later_entries > 0) text += fmt::format(" The copy has {} such later entries.", report.later_entries);
  return text;
}

nlohmann::json ToJson(const BundleReport& report, const BundleArguments& arguments, const Key& key) {
  nlohmann::json rows = nlohmann::json::array(), findings = nlohmann::json::array(), checks = nlohmann::json::object();
  for (const BundleRow& row : report.rows) {
    nlohmann::json parts = nlohmann::json::object();
    for (const auto& opening : row.openings) {
      parts[opening.label] = opening.json.empty() ? nlohmann::json() : nlohmann::json::parse(opening.json, nullptr, false);
    }
    rows.push_back({{"index", row.index}, {"timeMs", row.time_ms}, {"sequence", row.sequence}, {"openings", parts}});
  }
  uint64_t more = 0;
  for (size_t i = 0; i < kBundleChecks; ++i) {
    const auto check = static_cast<BundleCheck>(i);
    checks[std::string(Name(check))] = BundleOutcome(report, check, !arguments.ledger.empty());
    more += report.found[i];
  }
  for (const auto& finding : report.findings) {
    findings.push_back({{"check", Name(finding.check)}, {"where", finding.where}, {"what", finding.what}});
  }
  nlohmann::json document = {{"verifies", report.ok()},
                             {"directory", arguments.directory},
                             {"rows", rows},
                             {"finished", report.finished},
                             {"checks", checks},
                             {"findings", findings},
                             {"moreFindings", more - report.findings.size()},
                             {"opened", OpenedJson(CountOpened({&report, 1}))},
                             {"key", KeyJson(key)}};
  document["grade"] = !report.ok() ? nlohmann::json() : report.full ? "full" : nlohmann::json(ledger::Name(*report.grade));
  if (report.manifest.has_value()) {
    const auto& manifest = *report.manifest;
    const bool referral = manifest.about == ledger::TrailManifest::About::kReferral;
    document["about"] = {{referral ? "referral" : "case", ToHex(manifest.id)}};
    document["chain"] = ToHex(manifest.chain);
    document["queryIndex"] = manifest.query_index;
  }
  if (report.checkpoint.has_value()) {
    document["origin"] = report.checkpoint->origin;
    document["checkpointSize"] = report.checkpoint->size;
    document["root"] = ToHex(ledger::View(report.checkpoint->root));
  }
  if (report.ledger_size > 0) {
    document["ledger"] = {{"directory", arguments.ledger},
                          {"size", report.ledger_size},
                          {"chainEntries", report.chain_entries},
                          {"laterEntries", report.later_entries}};
  }
  return document;
}

std::string ToText(const BundleReport& report, const BundleArguments& arguments, const Key& key) {
  auto facts = console::Table::Facts();
  facts.Add({"bundle", arguments.directory});
  if (report.manifest.has_value()) {
    const auto& manifest = *report.manifest;
    facts.Add({manifest.about == ledger::TrailManifest::About::kReferral ? "referral" : "case", ToHex(manifest.id)});
    facts.Add({"log", manifest.origin});
  }
  if (report.checkpoint.has_value()) {
    facts.Add({"checkpoint", fmt::format("{} entries, root {}", report.checkpoint->size, ToHex(ledger::View(report.checkpoint->root)))});
  }
  facts.Add({"key", KeyText(key)});
  std::string text = facts.ToString(console::TerminalWidth()) + "\n";
  if (report.ok()) {
    console::Table rows({"number", "entry", "time", "event", "who"});
    for (const BundleRow& row : report.rows) {
      rows.Add({std::to_string(row.sequence), std::to_string(row.index), console::TimeText(static_cast<int64_t>(row.time_ms)),
                row.event.empty() ? "(not opened)" : row.event, row.who.empty() ? "-" : row.who});
    }
    text += rows.ToString(console::TerminalWidth()) + "\n";
  }
  console::Table checks({"check", "outcome"});
  for (size_t i = 0; i < kBundleChecks; ++i) {
    const auto check = static_cast<BundleCheck>(i);
    checks.Add({std::string(Name(check)), BundleOutcome(report, check, !arguments.ledger.empty())});
  }
  text += checks.ToString(console::TerminalWidth());
  if (!report.findings.empty()) {
    console::Table findings({"where", "what is wrong"});
    for (const auto& finding : report.findings) findings.Add({finding.where, finding.what});
    text += "\n" + findings.ToString(console::TerminalWidth());
    return text;
  }
  text += "\nVERIFIES: every entry is in the log that this key signs, and says what is shown.\n";
  for (const std::string& said : {GradeText(report), OpenedText(CountOpened({&report, 1}))}) {
    for (const std::string& line : console::Wrap(said, console::TerminalWidth())) text += line + "\n";
  }
  return text;
}

absl::StatusOr<ledger::WitnessPolicy> ReadPolicy(const std::string& path) {
  ACCORD_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, ledger::kPolicyBytesMax));
  return ledger::WitnessPolicy::Parse(text);
}

int Bundle(const BundleArguments& arguments, const SharedOptions& shared, Output& output) {
  for (const std::string& directory : {arguments.directory, arguments.ledger}) {
    if (!directory.empty() && !fs::is_directory(directory)) return WrongUse(output, fmt::format("{} is not a directory", directory));
  }
  const auto key = ReadKey(shared, arguments.directory);
  if (!key.ok()) return WrongUse(output, Message(key.status()));
  DirectoryReader files(arguments.directory);
  const FolderListing listing = ListFolder(arguments.directory, kBundleFilesMax);
  if (IsExport(files)) {
    ExportArguments asked{.directory = arguments.directory, .ledger = arguments.ledger, .policy = {}};
    if (!arguments.policy.empty()) {
      auto policy = ReadPolicy(arguments.policy);
      if (!policy.ok()) return WrongUse(output, fmt::format("{}: {}", arguments.policy, Message(policy.status())));
      asked.policy = *std::move(policy);
    }
    return VerifyExportCommand(asked, listing, *key, shared, output);
  }
  if (!arguments.policy.empty()) return WrongUse(output, "--policy is for bundles that `accordctl bundle export` wrote");
  BundleReport report = VerifyBundle(files, listing.files, key->vkey);
  for (const auto& fault : listing.faults) report.Found(BundleCheck::kManifest, fault.where, fault.what);
  if (report.ok() && !arguments.ledger.empty()) {
    DirectoryReader copy_files(arguments.ledger);
    auto copy = LedgerCopy::Open(copy_files, key->vkey, ProgressOf(shared, output), ThreadsOf(shared));
    if (copy.ok()) {
      CheckAgainstCopy(*copy, report);
    } else {
      report.Found(BundleCheck::kLedger, arguments.ledger, Message(copy.status()));
    }
  }
  output.out += shared.json ? Dump(ToJson(report, arguments, *key)) : ToText(report, arguments, *key);
  if (report.ok()) return kVerifies;
  const BundleFinding& first = report.findings.front();
  return DoesNotVerify(output, arguments.directory, fmt::format("{}: {}", first.where, first.what));
}

}  // namespace

Subcommand AddBundleCommand(CLI::App& app) {
  const auto arguments = std::make_shared<BundleArguments>();
  auto* command = app.add_subcommand(
      "bundle", "Verify what `accordctl trail … --bundle` or `accordctl bundle export` wrote, and say its grade of completeness");
  command->add_option("DIR", arguments->directory, "The bundle")->required();
  command->add_option("--ledger", arguments->ledger, "A copy of the log: every leaf of it is looked at, for grade full");
  command->add_option("--policy", arguments->policy, "A witness policy (tlog-policy) that the cosigned checkpoint of an export must meet")
      ->check(CLI::ExistingFile);
  return {command, [arguments](const SharedOptions& shared, Output& output) { return Bundle(*arguments, shared, output); }};
}

}  // namespace accord::verify

// `ledger` and `range`: the same checks over all of a copy or a part of it, told the same way.
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/verify/command.h"
#include "services/verify/file_reader.h"
#include "services/verify/ledger_verifier.h"

namespace accord::verify {
namespace {

struct RangeOptions {
  std::string directory, older, from, to;
};

// Decimal and nothing else: CLI11 would take "-1" for 2^64 - 1 and "010" for 8.
std::optional<uint64_t> ParseIndex(const std::string& text) {
  uint64_t index = 0;
  if (!absl::SimpleAtoi(text, &index) || std::to_string(index) != text) return std::nullopt;
  return index;
}
std::string CheckIndex(const std::string& text) {
  return ParseIndex(text).has_value() ? "" : fmt::format("{} is not the number of an entry", text);
}

// The checks that were to be made.
std::vector<Check> ChecksOf(const LedgerReport& report) {
  std::vector<Check> checks;
  for (size_t i = 0; i < kChecks; ++i) {
    const auto check = static_cast<Check>(i);
    if (check != Check::kConsistency || report.older_size.has_value()) checks.push_back(check);
  }
  return checks;
}

// What a check came to: what ended the pass keeps the checks after it from being told.
std::string Outcome(const LedgerReport& report, Check check) {
  const uint64_t found = report.found[static_cast<size_t>(check)];
  if (found > 0) return fmt::format("FAILED ({})", found);
  if (report.finished || (check == Check::kCheckpoint && !report.root.empty())) return "ok";
  return report.entries == 0 || check == Check::kRoot || check == Check::kConsistency
             ? "not reached"
             : fmt::format("ok so far ({} entries)", report.entries);
}

uint64_t FindingsNotKept(const LedgerReport& report) {
  uint64_t all = 0;
  for (const uint64_t found : report.found) all += found;
  return all - report.findings.size();
}

// Where the tiles and the root disagree with each other: which of the two was altered.
std::string Hint(const LedgerReport& report) {
  const auto found = [&report](Check check) { return report.found[static_cast<size_t>(check)] > 0; };
  if (!report.finished || !found(Check::kTiles)) return "";
  return found(Check::kRoot) ? "The entries do not give the signed root: entries were altered, not only tiles.\n"
                             : "The entries give the signed root: they are whole, and the tiles named above are not.\n";
}

nlohmann::json Json(const LedgerReport& report, const std::string& directory, const Key& key) {
  nlohmann::json findings = nlohmann::json::array(), checks = nlohmann::json::object();
  for (const auto& finding : report.findings) {
    findings.push_back({{"check", Name(finding.check)}, {"where", finding.where}, {"what", finding.what}});
  }
  for (const Check check : ChecksOf(report)) checks[std::string(Name(check))] = Outcome(report, check);
  nlohmann::json document = {{"verifies", report.ok()},
                             {"directory", directory},
                             {"origin", report.origin},
                             {"size", report.size},
                             {"root", report.root},
                             {"from", report.from},
                             {"to", report.to},
                             {"entries", report.entries},
                             {"bundles", report.bundles},
                             {"tiles", report.tiles},
                             {"chains", report.chains},
                             {"firstTimeMs", report.first_time_ms},
                             {"lastTimeMs", report.last_time_ms},
                             {"finished", report.finished},
                             {"checks", checks},
                             {"findings", findings},
                             {"moreFindings", FindingsNotKept(report)},
                             {"key", KeyJson(key)}};
  if (report.older_size.has_value()) document["olderSize"] = *report.older_size;
  return document;
}

std::string LedgerText(const LedgerReport& report, const std::string& directory, const Key& key, std::string_view verdict) {
  auto table = console::Table::Facts();
  table.Add({"ledger", directory});
  table.Add({"log", report.origin.empty() ? "-" : report.origin});
  table.Add({"signed", report.origin.empty() ? "-" : fmt::format("{} entries, root {}", report.size, report.root)});
  if (report.older_size.has_value()) table.Add({"older", fmt::format("{} entries", *report.older_size)});
  table.Add({"read", fmt::format("{} entries in {} bundles, {} tiles, {} chains", report.entries, report.bundles,
                                 report.tiles, report.chains)});
  table.Add({"from", console::TimeText(static_cast<int64_t>(report.first_time_ms))});
  table.Add({"to", console::TimeText(static_cast<int64_t>(report.last_time_ms))});
  table.Add({"key", KeyText(key)});
  console::Table checks({"check", "outcome"});
  for (const Check check : ChecksOf(report)) checks.Add({std::string(Name(check)), Outcome(report, check)});
  std::string text = table.ToString(console::TerminalWidth()) + "\n" + checks.ToString(console::TerminalWidth());
  if (!report.findings.empty()) {
    console::Table findings({"where", "what is wrong"});
    for (const auto& finding : report.findings) findings.Add({finding.where, finding.what});
    text += "\n" + findings.ToString(console::TerminalWidth());
    if (const uint64_t more = FindingsNotKept(report); more > 0) text += fmt::format("… and {} more\n", more);
    text += Hint(report);
  }
  if (report.ok()) text += fmt::format("\nVERIFIES: {}\n", verdict);
  return text;
}

int Tell(const LedgerReport& report, const std::string& directory, const Key& key, const SharedOptions& shared,
         std::string_view verdict, Output& output) {
  output.out += shared.json ? Dump(Json(report, directory, key)) : LedgerText(report, directory, key, verdict);
  if (report.ok()) return kVerifies;
  const Finding& first = report.findings.front();
  return DoesNotVerify(output, directory, fmt::format("{}: {}", first.where, first.what));
}

int Ledger(const std::string& directory, const SharedOptions& shared, Output& output) {
  if (!std::filesystem::is_directory(directory)) return WrongUse(output, fmt::format("{} is not a directory", directory));
  const auto key = ReadKey(shared, directory);
  if (!key.ok()) return WrongUse(output, Message(key.status()));
  DirectoryReader files(directory);
  const LedgerReport report = VerifyLedger(files, key->vkey, ProgressOf(shared, output), ThreadsOf(shared));
  return Tell(report, directory, *key, shared, "every entry and tile is what the log's key signed.", output);
}

int Range(const RangeOptions& options, const SharedOptions& shared, Output& output) {
  if (!std::filesystem::is_directory(options.directory)) {
    return WrongUse(output, fmt::format("{} is not a directory", options.directory));
  }
  const auto from = ParseIndex(options.from), to = ParseIndex(options.to);
  if (options.older.empty() && !from.has_value() && !to.has_value()) {
    return WrongUse(output, "give --from, --to or --old: accord-verify ledger verifies all of a copy");
  }
  if (from.has_value() && to.has_value() && *from >= *to) {
    return WrongUse(output, fmt::format("--from {} is not before --to {}", *from, *to));
  }
  const auto key = ReadKey(shared, options.directory);
  if (!key.ok()) return WrongUse(output, Message(key.status()));
  RangeRequest request{from, to, std::nullopt};
  if (!options.older.empty()) {
    auto older = ReadFile(options.older, ledger::kNoteBytesMax);
    if (!older.ok()) return WrongUse(output, Message(older.status()));
    request.older_checkpoint = *std::move(older);
  }
  DirectoryReader files(options.directory);
  const LedgerReport report =
      VerifyRange(files, key->vkey, request, ProgressOf(shared, output), ThreadsOf(shared));
  std::string verdict;
  if (report.from < report.to) {
    verdict = fmt::format("the entries {} to {} stand there in the tree of {} that the log's key signed", report.from,
                          report.to - 1, report.size);
  }
  if (report.older_size.has_value()) {
    verdict += fmt::format("{}that tree begins with the {} entries of the older checkpoint", verdict.empty() ? "" : ", and ",
                           *report.older_size);
  }
  return Tell(report, options.directory, *key, shared, verdict + ". Other entries were not looked at.", output);
}

}  // namespace

Subcommand AddLedgerCommand(CLI::App& app) {
  const auto directory = std::make_shared<std::string>();
  auto* command = app.add_subcommand("ledger", "Verify a copy of a log, as `accordctl ledger export` writes it");
  command->add_option("DIR", *directory, "The directory (tlog-tiles)")->required();
  command->footer(
      "Reads every entry and tile, on all cores, and names each that is wrong. Example:\n"
      "  accord-verify ledger copy --vkey broker.vkey");
  return {command, [directory](const SharedOptions& shared, Output& output) { return Ledger(*directory, shared, output); }};
}

Subcommand AddRangeCommand(CLI::App& app) {
  const auto options = std::make_shared<RangeOptions>();
  auto* command = app.add_subcommand("range", "Verify some entries of a copy, or what came after an older checkpoint");
  command->add_option("DIR", options->directory, "The copy (tlog-tiles)")->required();
  command->add_option("--from", options->from, "The first entry; the older checkpoint's size, or 0, when left out")
      ->check(CheckIndex);
  command->add_option("--to", options->to, "The entry after the last; all to the end when left out")
      ->check(CheckIndex);
  command->add_option("--old", options->older, "An older signed checkpoint, which the copy must extend")
      ->check(CLI::ExistingFile);
  command->footer(
      "Reads those entries and the tiles above them; of all others it shows nothing. Examples:\n"
      "  accord-verify range copy --from 1000 --to 2000 --vkey broker.vkey\n"
      "  accord-verify range copy --old checkpoint-of-march --vkey broker.vkey");
  return {command, [options](const SharedOptions& shared, Output& output) { return Range(*options, shared, output); }};
}

}  // namespace accord::verify

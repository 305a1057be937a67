#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "common/console/table.h"
#include "common/console/words.h"
#include "services/verify/command.h"
#include "services/verify/file_reader.h"
#include "services/verify/ledger_verifier.h"

namespace accord::verify {
namespace {

constexpr uint64_t kProgressEntries = 65'536;

void TellProgress(uint64_t entries, uint64_t size) {
  if (entries % kProgressEntries == 0) {
    std::fprintf(stderr, "accord-verify: %llu of %llu entries\n", static_cast<unsigned long long>(entries),
                 static_cast<unsigned long long>(size));
  }
}

// What a check came to: what ended the pass keeps the checks after it from being told.
std::string Outcome(const LedgerReport& report, Check check) {
  const uint64_t found = report.found[static_cast<size_t>(check)];
  if (found > 0) return fmt::format("FAILED ({})", found);
  if (report.finished) return "ok";
  return report.entries == 0 || check == Check::kRoot ? "not reached"
                                                      : fmt::format("ok so far ({} entries)", report.entries);
}

int Ledger(const std::string& directory, const SharedOptions& shared, Output& output) {
  if (!std::filesystem::is_directory(directory)) return WrongUse(output, fmt::format("{} is not a directory", directory));
  const auto key = ReadKey(shared, directory);
  if (!key.ok()) return WrongUse(output, Message(key.status()));
  DirectoryReader files(directory);
  const LedgerReport report = VerifyLedger(files, key->vkey, output.progress ? TellProgress : nullptr);
  const uint64_t more = [&] {
    uint64_t all = 0;
    for (const uint64_t found : report.found) all += found;
    return all - report.findings.size();
  }();

  if (shared.json) {
    nlohmann::json findings = nlohmann::json::array(), checks = nlohmann::json::object();
    for (const auto& finding : report.findings) {
      findings.push_back({{"check", Name(finding.check)}, {"where", finding.where}, {"what", finding.what}});
    }
    for (size_t i = 0; i < kChecks; ++i)
      checks[std::string(Name(static_cast<Check>(i)))] = Outcome(report, static_cast<Check>(i));
    output.out += Dump({{"verifies", report.ok()},
                        {"directory", directory},
                        {"origin", report.origin},
                        {"size", report.size},
                        {"root", report.root},
                        {"entries", report.entries},
                        {"bundles", report.bundles},
                        {"tiles", report.tiles},
                        {"chains", report.chains},
                        {"firstTimeMs", report.first_time_ms},
                        {"lastTimeMs", report.last_time_ms},
                        {"finished", report.finished},
                        {"checks", checks},
                        {"findings", findings},
                        {"moreFindings", more},
                        {"key", KeyJson(*key)}});
  } else {
    auto table = console::Table::Facts();
    table.Add({"ledger", directory});
    table.Add({"log", report.origin.empty() ? "-" : report.origin});
    table.Add({"signed", report.origin.empty() ? "-" : fmt::format("{} entries, root {}", report.size, report.root)});
    table.Add({"read", fmt::format("{} entries in {} bundles, {} tiles, {} chains", report.entries, report.bundles,
                                   report.tiles, report.chains)});
    table.Add({"from", console::TimeText(static_cast<int64_t>(report.first_time_ms))});
    table.Add({"to", console::TimeText(static_cast<int64_t>(report.last_time_ms))});
    table.Add({"key", KeyText(*key)});
    output.out += table.ToString(console::TerminalWidth()) + "\n";
    console::Table checks({"check", "outcome"});
    for (size_t i = 0; i < kChecks; ++i) {
      checks.Add({std::string(Name(static_cast<Check>(i))), Outcome(report, static_cast<Check>(i))});
    }
    output.out += checks.ToString(console::TerminalWidth());
    if (!report.findings.empty()) {
      console::Table findings({"where", "what is wrong"});
      for (const auto& finding : report.findings) findings.Add({finding.where, finding.what});
      output.out += "\n" + findings.ToString(console::TerminalWidth());
      if (more > 0) output.out += fmt::format("… and {} more\n", more);
    }
    if (report.ok()) output.out += "\nVERIFIES: every entry and tile is what the log's key signed.\n";
  }
  if (report.ok()) return kVerifies;
  const Finding& first = report.findings.front();
  return DoesNotVerify(output, directory, fmt::format("{}: {}", first.where, first.what));
}

}  // namespace

Subcommand AddLedgerCommand(CLI::App& app) {
  const auto directory = std::make_shared<std::string>();
  auto* command = app.add_subcommand("ledger", "Verify a copy of a log, as `accordctl ledger export` writes it");
  command->add_option("DIR", *directory, "The directory (tlog-tiles)")->required();
  return {command, [directory](const SharedOptions& shared, Output& output) { return Ledger(*directory, shared, output); }};
}

}  // namespace accord::verify

#include "services/verify/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/base/version.h"
#include "common/config/config.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/verify/file_reader.h"
#include "services/verify/ledger_verifier.h"
#include "services/verify/receipt_verifier.h"

namespace accord::verify {
namespace {

namespace fs = std::filesystem;

constexpr int kVerifies = 0, kDoesNotVerify = 1, kWrongUse = 2;
constexpr size_t kVkeyBytesMax = 4096;
constexpr uint64_t kProgressEntries = 65'536;

struct Arguments {
  std::string config, path, openings, vkey;
  bool json = false;
};

std::string Message(const absl::Status& status) { return std::string(FromAbsl(status.message())); }

int WrongUse(Output& output, std::string_view why) {
  output.err += fmt::format("accord-verify: {}\n", why);
  return kWrongUse;
}

std::string Dump(const nlohmann::json& document) {
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

// The log's key, and where it came from.
struct Key {
  ledger::Vkey vkey;
  std::string path;
  bool beside;  // Taken from beside what is to be verified.
};

absl::StatusOr<Key> ReadKey(const Arguments& arguments, const fs::path& directory) {
  std::string path = arguments.vkey;
  if (!arguments.config.empty()) {
    ACCORD_ASSIGN_OR_RETURN(config::Table root, config::Table::Load(arguments.config));
    const std::string configured = root.OptionalPath("log_vkey");
    ACCORD_RETURN_IF_ERROR(root.Finish());
    if (path.empty()) path = configured;
  }
  const bool beside = path.empty();
  if (beside) path = (directory / "vkey").string();
  auto text = ReadFile(path, kVkeyBytesMax);
  if (!text.ok()) {
    return absl::InvalidArgumentError(fmt::format(
        "no verification key: {}. Give the log's published key with --vkey FILE.", Message(text.status())));
  }
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  auto vkey = ledger::Vkey::Parse(*text);
  if (!vkey.ok()) return absl::InvalidArgumentError(fmt::format("{}: {}", path, Message(vkey.status())));
  return Key{*std::move(vkey), path, beside};
}

std::string KeyText(const Key& key) {
  return key.beside ? fmt::format("{}\n{}: it came with the copy; compare it with the one the operator published",
                                  key.vkey.ToString(), key.path)
                    : fmt::format("{}\n{}", key.vkey.ToString(), key.path);
}

nlohmann::json KeyJson(const Key& key) {
  return {{"vkey", key.vkey.ToString()}, {"file", key.path}, {"cameWithTheCopy", key.beside}};
}

int Receipt(const Arguments& arguments, Output& output) {
  const fs::path path(arguments.path);
  const auto key = ReadKey(arguments, path.parent_path());
  if (!key.ok()) return WrongUse(output, Message(key.status()));
  const auto text = ReadFile(arguments.path, ledger::kReceiptBytesMax);
  if (!text.ok()) return WrongUse(output, Message(text.status()));

  const bool named = !arguments.openings.empty();
  const std::string openings_path = named ? arguments.openings : arguments.path + ".openings.json";
  std::vector<crypto::Opening> openings;
  const auto report = [&]() -> absl::StatusOr<ReceiptReport> {
    if (named || fs::exists(openings_path)) {
      ACCORD_ASSIGN_OR_RETURN(const std::string json, ReadFile(openings_path, kOpeningsBytesMax));
      ACCORD_ASSIGN_OR_RETURN(openings, ParseOpenings(json));
    }
    return VerifyReceiptFile(*text, openings, key->vkey);
  }();

  if (!report.ok()) {
    const std::string why = console::Printable(Message(report.status()));
    if (arguments.json)
      output.out += Dump({{"verifies", false}, {"file", arguments.path}, {"error", why}, {"key", KeyJson(*key)}});
    output.err += fmt::format("accord-verify: {} DOES NOT VERIFY: {}\n", arguments.path, why);
    return kDoesNotVerify;
  }
  const auto& receipt = report->receipt;
  const auto time_ms = static_cast<int64_t>(receipt.leaf.time_ms);
  if (arguments.json) {
    nlohmann::json parts = nlohmann::json::array();
    for (const auto& opening : report->openings) {
      parts.push_back({{"label", opening.label}, {"content", nlohmann::json::parse(opening.json, nullptr, false)}});
      if (opening.json.empty()) parts.back()["content"] = nullptr;
    }
    output.out += Dump({{"verifies", true},
                        {"file", arguments.path},
                        {"origin", receipt.checkpoint.origin},
                        {"index", receipt.index},
                        {"timeMs", time_ms},
                        {"checkpointSize", receipt.checkpoint.size},
                        {"root", ToHex(ledger::View(receipt.checkpoint.root))},
                        {"openings", parts},
                        {"key", KeyJson(*key)}});
    return kVerifies;
  }
  auto table = console::Table::Facts();
  table.Add({"receipt", arguments.path});
  table.Add({"log", receipt.checkpoint.origin});
  table.Add({"entry", fmt::format("{} of {}", receipt.index, receipt.checkpoint.size)});
  table.Add({"recorded at", console::TimeText(time_ms)});
  table.Add({"root", ToHex(ledger::View(receipt.checkpoint.root))});
  table.Add({"key", KeyText(*key)});
  output.out += table.ToString(console::TerminalWidth());
  if (report->openings.empty())
    output.out += "\nNo openings beside it: that the entry is in the log is shown, not what it says.\n";
  for (const auto& opening : report->openings) {
    output.out += fmt::format("\n{} (is what the entry commits to)\n", console::Printable(opening.label));
    std::istringstream lines(opening.text);
    for (std::string line; std::getline(lines, line);) output.out += fmt::format("  {}\n", line);
  }
  output.out += "\nVERIFIES: the log's key signed a checkpoint that holds this entry.\n";
  return kVerifies;
}

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

int Ledger(const Arguments& arguments, Output& output) {
  if (!fs::is_directory(arguments.path)) return WrongUse(output, fmt::format("{} is not a directory", arguments.path));
  const auto key = ReadKey(arguments, arguments.path);
  if (!key.ok()) return WrongUse(output, Message(key.status()));
  DirectoryReader files(arguments.path);
  const LedgerReport report = VerifyLedger(files, key->vkey, output.progress ? TellProgress : nullptr);
  const uint64_t more = [&] {
    uint64_t all = 0;
    for (const uint64_t found : report.found) all += found;
    return all - report.findings.size();
  }();

  if (arguments.json) {
    nlohmann::json findings = nlohmann::json::array(), checks = nlohmann::json::object();
    for (const auto& finding : report.findings) {
      findings.push_back({{"check", Name(finding.check)}, {"where", finding.where}, {"what", finding.what}});
    }
    for (size_t i = 0; i < kChecks; ++i)
      checks[std::string(Name(static_cast<Check>(i)))] = Outcome(report, static_cast<Check>(i));
    output.out += Dump({{"verifies", report.ok()},
                        {"directory", arguments.path},
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
    table.Add({"ledger", arguments.path});
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
  output.err += console::Printable(
      fmt::format("accord-verify: {} DOES NOT VERIFY: {}: {}\n", arguments.path, first.where, first.what));
  return kDoesNotVerify;
}

}  // namespace

int RunVerify(int argc, const char* const* argv, Output& output) {
  CLI::App app("Verifies receipts and copies of a log offline (docs/formats.md §6).", "accord-verify");
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  app.fallthrough();
  Arguments arguments;
  app.add_option("--config", arguments.config, "TOML file with `log_vkey`, the path of the log's verification key");
  app.add_option("--vkey", arguments.vkey, "File with the log's verification key, as its operator published it");
  app.add_flag("--json", arguments.json, "Machine-readable output on standard output");
  auto* receipt = app.add_subcommand("receipt", "Verify one receipt, and show what its openings say");
  receipt->add_option("FILE", arguments.path, "The receipt (tlog-proof)")->required()->check(CLI::ExistingFile);
  receipt->add_option("--openings", arguments.openings, "Its openings; FILE.openings.json when that is there")
      ->check(CLI::ExistingFile);
  auto* ledger = app.add_subcommand("ledger", "Verify a copy of a log, as `accordctl ledger export` writes it");
  ledger->add_option("DIR", arguments.path, "The directory (tlog-tiles)")->required();
  auto* bundle = app.add_subcommand("bundle", "Verify an inspector's bundle (comes later)");
  bundle->add_option("DIR", arguments.path, "The bundle")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    const int status = app.exit(error, out, err);
    output.out += out.str();
    output.err += err.str();
    return status == 0 ? kVerifies : kWrongUse;
  }
  if (*receipt) return Receipt(arguments, output);
  if (*ledger) return Ledger(arguments, output);
  output.err += "accord-verify: bundles come later: this version verifies receipts and ledgers\n";
  if (arguments.json) output.out += Dump({{"verifies", false}, {"error", "COMES_LATER"}});
  return kDoesNotVerify;
}

}  // namespace accord::verify

#include <fmt/format.h>

#include <memory>
#include <sstream>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/verify/command.h"
#include "services/verify/receipt_verifier.h"

namespace accord::verify {
namespace {

struct ReceiptOptions {
  std::string path, openings;
};

int Receipt(const ReceiptOptions& options, const SharedOptions& shared, Output& output) {
  const auto key = ReadKey(shared, std::filesystem::path(options.path).parent_path());
  if (!key.ok()) return WrongUse(output, Message(key.status()));
  const auto text = ReadFile(options.path, ledger::kReceiptBytesMax);
  if (!text.ok()) return WrongUse(output, Message(text.status()));

  const bool named = !options.openings.empty();
  const std::string openings_path = named ? options.openings : options.path + ".openings.json";
  std::vector<crypto::Opening> openings;
  const auto report = [&]() -> absl::StatusOr<ReceiptReport> {
    if (named || std::filesystem::exists(openings_path)) {
      ACCORD_ASSIGN_OR_RETURN(const std::string json, ReadFile(openings_path, kOpeningsBytesMax));
      ACCORD_ASSIGN_OR_RETURN(openings, ParseOpenings(json));
    }
    return VerifyReceiptFile(*text, openings, key->vkey);
  }();

  if (!report.ok()) {
    const std::string why = console::Printable(Message(report.status()));
    if (shared.json)
      output.out += Dump({{"verifies", false}, {"file", options.path}, {"error", why}, {"key", KeyJson(*key)}});
    return DoesNotVerify(output, options.path, why);
  }
  const auto& receipt = report->receipt;
  const auto time_ms = static_cast<int64_t>(receipt.leaf.time_ms);
  if (shared.json) {
    nlohmann::json parts = nlohmann::json::array();
    for (const auto& opening : report->openings) {
      parts.push_back({{"label", opening.label}, {"content", nlohmann::json::parse(opening.json, nullptr, false)}});
      if (opening.json.empty()) parts.back()["content"] = nullptr;
    }
    output.out += Dump({{"verifies", true},
                        {"file", options.path},
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
  table.Add({"receipt", options.path});
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

}  // namespace

Subcommand AddReceiptCommand(CLI::App& app) {
  const auto options = std::make_shared<ReceiptOptions>();
  auto* command = app.add_subcommand("receipt", "Verify one receipt, and show what its openings say");
  command->add_option("FILE", options->path, "The receipt (tlog-proof)")->required()->check(CLI::ExistingFile);
  command->add_option("--openings", options->openings, "Its openings; FILE.openings.json when that is there")
      ->check(CLI::ExistingFile);
  return {command, [options](const SharedOptions& shared, Output& output) { return Receipt(*options, shared, output); }};
}

}  // namespace accord::verify

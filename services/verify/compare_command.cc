#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <memory>

#include "common/base/bytes.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/verify/command.h"
#include "services/verify/compare_verifier.h"
#include "services/verify/file_reader.h"

namespace accord::verify {
namespace {

struct CompareOptions {
  std::array<std::string, 2> directories;
};

std::string_view Word(History history) {
  switch (history) {
    case History::kSame: return "same";
    case History::kExtended: return "extended";
    case History::kForked: return "forked";
    case History::kUndecided: return "undecided";
  }
  return "";
}

// The verdict in a sentence, without the copies' names where `report` has none.
std::string Verdict(const CompareReport& report, const CompareOptions& options) {
  const std::string& longer = options.directories[report.longer];
  const std::string& shorter = options.directories[1 - report.longer];
  const auto& sides = report.sides;
  switch (report.history) {
    case History::kSame:
      return fmt::format("both checkpoints are of the same {} entries", sides[0].size);
    case History::kExtended:
      return fmt::format("{} ({} entries) begins with {} ({} entries)", longer, sides[report.longer].size, shorter,
                         sides[1 - report.longer].size);
    case History::kForked:
      return fmt::format("the log's key signed two histories; {}",
                         report.first_difference.has_value()
                             ? fmt::format("the first entry that is not the same is {}", *report.first_difference)
                             : fmt::format("where they part cannot be told: {}", report.no_difference));
    case History::kUndecided:
      return fmt::format("{}/{}", options.directories[report.wrong_side], report.wrong);
  }
  return "";
}

nlohmann::json CompareJson(const CompareReport& report, const CompareOptions& options, const Key& key) {
  nlohmann::json copies = nlohmann::json::array();
  for (size_t i = 0; i < 2; ++i) {
    const CopySide& side = report.sides[i];
    copies.push_back({{"directory", options.directories[i]}, {"checkpoint", nullptr}});
    if (side.checkpoint.empty()) continue;
    copies.back()["checkpoint"] = side.checkpoint;
    copies.back()["origin"] = side.origin;
    copies.back()["size"] = side.size;
    copies.back()["root"] = ToHex(ledger::View(side.root));
    if (!report.first_difference.has_value()) continue;
    const DifferentEntry& entry = report.different[i];
    nlohmann::json& different = copies.back()["entry"];
    different = {{"leafHash", ToHex(ledger::View(entry.leaf_hash))}, {"leaf", nullptr}, {"timeMs", nullptr}};
    if (entry.leaf.has_value()) different["leaf"] = ToBase64(*entry.leaf);
    if (entry.time_ms.has_value()) different["timeMs"] = *entry.time_ms;
  }
  nlohmann::json document = {{"verifies", report.history == History::kSame || report.history == History::kExtended},
                             {"history", Word(report.history)},
                             {"verdict", Verdict(report, options)},
                             {"copies", copies},
                             {"firstDifference", nullptr},
                             {"key", KeyJson(key)}};
  if (report.first_difference.has_value()) document["firstDifference"] = *report.first_difference;
  return document;
}

std::string CompareText(const CompareReport& report, const CompareOptions& options, const Key& key) {
  auto table = console::Table::Facts();
  for (size_t i = 0; i < 2; ++i) {
    const CopySide& side = report.sides[i];
    table.Add({i == 0 ? "first" : "second", options.directories[i]});
    if (side.checkpoint.empty()) continue;
    table.Add({"", fmt::format("{} entries, root {}", side.size, ToHex(ledger::View(side.root)))});
    if (!report.first_difference.has_value()) continue;
    const DifferentEntry& entry = report.different[i];
    table.Add({"", fmt::format("entry {} has the hash {}{}", *report.first_difference, ToHex(ledger::View(entry.leaf_hash)),
                               entry.time_ms.has_value()
                                   ? ", recorded at " + console::TimeText(static_cast<int64_t>(*entry.time_ms))
                                   : std::string())});
  }
  table.Add({"key", KeyText(key)});
  std::string text = table.ToString(console::TerminalWidth());
  if (report.history == History::kForked) {
    text += "\nFORKED. These two notes, both signed by the key above, are the proof; keep them, and both copies:\n";
    for (const CopySide& side : report.sides) text += "\n" + console::Printable(side.checkpoint);
  } else if (report.history != History::kUndecided) {
    text += fmt::format("\nVERIFIES: {}. Entries and other tiles were not looked at: accord-verify ledger does.\n",
                        Verdict(report, options));
  }
  return text;
}

int Compare(const CompareOptions& options, const SharedOptions& shared, Output& output) {
  for (const std::string& directory : options.directories) {
    if (!std::filesystem::is_directory(directory)) return WrongUse(output, fmt::format("{} is not a directory", directory));
  }
  const auto key = ReadKey(shared, options.directories[0]);
  if (!key.ok()) return WrongUse(output, Message(key.status()));
  DirectoryReader first(options.directories[0]), second(options.directories[1]);
  const CompareReport report = CompareLogs(first, second, key->vkey);
  output.out += shared.json ? Dump(CompareJson(report, options, *key)) : CompareText(report, options, *key);
  if (report.history == History::kSame || report.history == History::kExtended) return kVerifies;
  return DoesNotVerify(output, fmt::format("{} and {}", options.directories[0], options.directories[1]),
                       Verdict(report, options));
}

}  // namespace

Subcommand AddCompareCommand(CLI::App& app) {
  const auto options = std::make_shared<CompareOptions>();
  auto* command = app.add_subcommand("compare", "Tell whether two copies of a log are of one history");
  command->add_option("DIR1", options->directories[0], "A copy (tlog-tiles); without --vkey its key counts")->required();
  command->add_option("DIR2", options->directories[1], "Another copy")->required();
  command->footer(
      "Proves that the longer signed tree begins with the shorter one, or names the first entry that differs and shows both\n"
      "signed checkpoints. Example:\n"
      "  accord-verify compare copy-of-march copy-of-april --vkey broker.vkey");
  return {command, [options](const SharedOptions& shared, Output& output) { return Compare(*options, shared, output); }};
}

}  // namespace accord::verify

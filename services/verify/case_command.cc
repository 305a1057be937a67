#include <fmt/format.h>

#include <memory>

#include "common/base/bytes.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/ledger/leaf.h"
#include "services/verify/command.h"
#include "services/verify/ledger_copy.h"
#include "services/verify/file_reader.h"

namespace accord::verify {
namespace {

struct CaseArguments {
  std::string directory, pseudonym;
};

int Case(const CaseArguments& arguments, const SharedOptions& shared, Output& output) {
  const auto pseudonym = FromHex(arguments.pseudonym);
  if (!pseudonym.has_value() || pseudonym->size() != ledger::kPseudonymBytes) {
    return WrongUse(output, "a chain is named by the 32 hex digits of its pseudonym");
  }
  if (!std::filesystem::is_directory(arguments.directory)) {
    return WrongUse(output, fmt::format("{} is not a directory", arguments.directory));
  }
  const auto key = ReadKey(shared, arguments.directory);
  if (!key.ok()) return WrongUse(output, Message(key.status()));
  DirectoryReader files(arguments.directory);
  auto copy = LedgerCopy::Open(files, key->vkey, ProgressOf(shared, output), ThreadsOf(shared));
  const auto scanned = copy.ok() ? copy->Scan({*pseudonym}) : absl::StatusOr<LedgerCopy::Members>(copy.status());
  const std::string fault = scanned.ok() ? "" : Message(scanned.status());
  const auto members = scanned.ok() ? scanned->at(*pseudonym) : std::vector<LedgerCopy::Member>();
  const uint64_t size = copy.ok() ? copy->size() : 0;
  if (shared.json) {
    nlohmann::json entries = nlohmann::json::array();
    for (const auto& member : members) {
      entries.push_back({{"index", member.index}, {"timeMs", member.time_ms}, {"sequence", member.sequence}});
      entries.back()["previousIndex"] =
          member.previous_index == ledger::kNoPreviousIndex ? nlohmann::json() : nlohmann::json(member.previous_index);
    }
    nlohmann::json document = {{"verifies", fault.empty()},
                               {"directory", arguments.directory},
                               {"chain", ToHex(*pseudonym)},
                               {"origin", key->vkey.name()},
                               {"size", size},
                               {"entries", entries},
                               {"key", KeyJson(*key)}};
    document["grade"] = fault.empty() ? nlohmann::json("full") : nlohmann::json();
    if (!fault.empty()) document["error"] = fault;
    output.out += Dump(document);
  }
  if (!fault.empty()) return DoesNotVerify(output, arguments.directory, fault);
  if (shared.json) return kVerifies;

  auto facts = console::Table::Facts();
  facts.Add({"ledger", arguments.directory});
  facts.Add({"log", key->vkey.name()});
  facts.Add({"chain", ToHex(*pseudonym)});
  facts.Add({"key", KeyText(*key)});
  output.out += facts.ToString(console::TerminalWidth()) + "\n";
  if (members.empty()) {
    output.out += fmt::format("No record in Accord. Grade: full: every one of the {} entries of the copy was looked at.\n", size);
    return kVerifies;
  }
  console::Table table({"number", "entry", "time"});
  for (const auto& member : members) {
    table.Add({std::to_string(member.sequence), std::to_string(member.index),
               console::TimeText(static_cast<int64_t>(member.time_ms))});
  }
  output.out += table.ToString(console::TerminalWidth());
  output.out += fmt::format(
      "\nVERIFIES. Grade: full. Every one of the {} entries of the copy was looked at: these {} are all of this chain, numbers 0 to "
      "{} without a gap. What they say is in their openings (accordctl trail case {}).\n",
      size, members.size(), members.back().sequence, ToHex(*pseudonym));
  return kVerifies;
}

}  // namespace

Subcommand AddCaseCommand(CLI::App& app) {
  const auto arguments = std::make_shared<CaseArguments>();
  auto* command = app.add_subcommand("case", "All entries of one chain in a copy of a log, such as a case's: grade full");
  command->add_option("DIR", arguments->directory, "The directory (tlog-tiles)")->required();
  command->add_option("PSEUDONYM", arguments->pseudonym, "Case pseudonym, 32 hex digits")->required();
  return {command, [arguments](const SharedOptions& shared, Output& output) { return Case(*arguments, shared, output); }};
}

}  // namespace accord::verify

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <system_error>

#include "common/base/file.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/ledger/tlog_proof.h"
#include "common/ledger/trail_bundle.h"
#include "services/verify/command.h"
#include "services/verify/file_reader.h"
#include "services/verify/receipt_verifier.h"
#include "services/verify/receipts_verifier.h"

namespace accord::verify {
namespace {

namespace fs = std::filesystem;

struct ReceiptsArguments {
  std::string directory, ledger;
  bool allow_newer = false;
  size_t files_max = 0;
};

// The receipts in the directory, by number where names are numbers: all of them or an error, for the user to read. A success that was
// silent of some would pass for all, and the one that convicts may be among those.
absl::StatusOr<std::vector<std::string>> ReceiptFiles(const std::string& directory, size_t files_max) {
  std::vector<std::string> names;
  std::error_code error;
  for (auto at = fs::directory_iterator(directory, error); !error && at != fs::directory_iterator(); at.increment(error)) {
    std::string name = at->path().filename().string();
    if (!name.ends_with(ledger::kReceiptSuffix)) continue;
    if (names.size() == files_max) {
      return absl::ResourceExhaustedError(
          fmt::format("{} has more than {} receipts, the most that one run takes; none was looked at. Put them into several directories, "
                      "each receipt with its openings and none twice, and verify each against a copy of the log that is newer than all of "
                      "them: beyond the end of a copy receipts are only held against those of the same run",
                      directory, files_max));
    }
    names.push_back(std::move(name));
  }
  if (error) return absl::InternalError(fmt::format("not all receipts in {} can be listed: {}", directory, error.message()));
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return std::pair(a.size(), std::string_view(a)) < std::pair(b.size(), std::string_view(b));
  });
  return names;
}

// All of them, counted by standing; of each standing but `confirmed` the first are kept.
struct Report {
  uint64_t counts[kStandings] = {};
  std::vector<ReceiptStanding> shown;
  std::string fault;  // Of the copy.
  uint64_t size = 0;

  uint64_t count(Standing standing) const { return counts[static_cast<size_t>(standing)]; }
  bool ok(bool allow_newer) const {
    return fault.empty() && count(Standing::kInvalid) == 0 && count(Standing::kConvicts) == 0 &&
           (allow_newer || count(Standing::kNewer) == 0);
  }
};

Report CheckReceipts(const ReceiptsArguments& arguments, const std::vector<std::string>& names, const ledger::Vkey& log, Progress progress,
             int threads) {
  Report report;
  DirectoryReader receipts(arguments.directory), copy_files(arguments.ledger);
  auto copy = LedgerCopy::Open(copy_files, log, std::move(progress), threads);
  if (!copy.ok()) {
    report.fault = Message(copy.status());
    return report;
  }
  report.size = copy->size();
  ReceiptsAgainstCopy against(*copy, log);
  for (const std::string& name : names) {
    const auto text = receipts.Read(name, ledger::kReceiptBytesMax);
    std::optional<std::string> openings;
    ReceiptStanding standing{.file = name};
    if (!text.ok()) {
      standing.what = "cannot be read: " + Message(text.status());
    } else {
      auto beside = receipts.Read(name + ledger::kOpeningsSuffix, kOpeningsBytesMax);
      if (beside.ok()) openings = *std::move(beside);
      standing = against.Check(name, *text, openings);
      if (!beside.ok() && !absl::IsNotFound(beside.status())) {
        standing.standing = Standing::kInvalid;
        standing.what = "its openings cannot be read: " + Message(beside.status());
      }
    }
    const uint64_t count = ++report.counts[static_cast<size_t>(standing.standing)];
    if (standing.standing != Standing::kConfirmed && count <= kReceiptsShownMax) report.shown.push_back(std::move(standing));
  }
  // What convicts comes first.
  std::stable_sort(report.shown.begin(), report.shown.end(),
                   [](const auto& a, const auto& b) { return a.standing > b.standing; });
  return report;
}

int Receipts(const ReceiptsArguments& arguments, const SharedOptions& shared, Output& output) {
  for (const std::string& directory : {arguments.directory, arguments.ledger}) {
    if (!fs::is_directory(directory)) return WrongUse(output, fmt::format("{} is not a directory", directory));
  }
  const auto key = ReadKey(shared, arguments.directory);
  if (!key.ok()) return WrongUse(output, Message(key.status()));
  const auto listed = ReceiptFiles(arguments.directory, arguments.files_max);
  if (!listed.ok()) return WrongUse(output, Message(listed.status()));
  const std::vector<std::string>& names = *listed;
  if (names.empty()) {
    return WrongUse(output, fmt::format("{} has no receipt: files NAME{}", arguments.directory, ledger::kReceiptSuffix));
  }
  const Report report = CheckReceipts(arguments, names, key->vkey, ProgressOf(shared, output), ThreadsOf(shared));
  const bool ok = report.ok(arguments.allow_newer);

  if (shared.json) {
    nlohmann::json findings = nlohmann::json::array(), counts = nlohmann::json::object();
    for (size_t i = 0; i < kStandings; ++i) counts[std::string(Name(static_cast<Standing>(i)))] = report.counts[i];
    for (const auto& standing : report.shown) {
      findings.push_back({{"file", standing.file}, {"standing", Name(standing.standing)}, {"what", standing.what}});
      findings.back()["index"] = standing.index.has_value() ? nlohmann::json(*standing.index) : nlohmann::json();
      findings.back()["checkpointSize"] = standing.checkpoint_size;
    }
    nlohmann::json document = {{"verifies", ok},
                               {"directory", arguments.directory},
                               {"ledger", arguments.ledger},
                               {"origin", key->vkey.name()},
                               {"size", report.size},
                               {"receipts", names.size()},
                               {"standings", counts},
                               {"findings", findings},
                               {"convicts", report.count(Standing::kConvicts) > 0},
                               {"key", KeyJson(*key)}};
    if (!report.fault.empty()) document["error"] = report.fault;
    output.out += Dump(document);
  } else {
    auto facts = console::Table::Facts();
    facts.Add({"receipts", fmt::format("{} in {}", names.size(), arguments.directory)});
    facts.Add({"ledger", arguments.ledger});
    facts.Add({"log", fmt::format("{}, {} entries", key->vkey.name(), report.size)});
    facts.Add({"key", KeyText(*key)});
    output.out += facts.ToString(console::TerminalWidth()) + "\n";
    console::Table counts({"standing", "receipts"});
    for (size_t i = 0; i < kStandings; ++i) {
      counts.Add({std::string(Name(static_cast<Standing>(i))), std::to_string(report.counts[i])});
    }
    output.out += counts.ToString(console::TerminalWidth());
    if (!report.shown.empty()) {
      console::Table findings({"receipt", "standing", "what is wrong"});
      for (const auto& standing : report.shown) {
        findings.Add({standing.file, std::string(Name(standing.standing)), standing.what});
      }
      output.out += "\n" + findings.ToString(console::TerminalWidth());
    }
    if (ok && report.count(Standing::kNewer) == 0) {
      output.out += "\nVERIFIES: the copy has the entry of every receipt, as it was once proved.\n";
    } else if (ok) {
      output.out += fmt::format("\nVERIFIES, as far as the copy goes: {} receipts are newer and are neither confirmed nor denied.\n",
                                report.count(Standing::kNewer));
    }
  }
  if (ok) return kVerifies;
  if (!report.fault.empty()) return DoesNotVerify(output, arguments.ledger, report.fault);
  const ReceiptStanding& first = report.shown.front();
  if (first.standing == Standing::kConvicts) {
    return DoesNotVerify(output, arguments.ledger,
                         fmt::format("CONVICTS THE BROKER: {}: {}. Keep the receipt and the copy: they are evidence "
                                     "(docs/runbooks/fork.md)",
                                     first.file, first.what));
  }
  return DoesNotVerify(output, arguments.directory, fmt::format("{}: {}", first.file, first.what));
}

}  // namespace

Subcommand AddReceiptsCommand(CLI::App& app, size_t files_max) {
  const auto arguments = std::make_shared<ReceiptsArguments>();
  arguments->files_max = files_max;
  auto* command = app.add_subcommand(
      "receipts", "Hold the receipts of an agency, as `accordctl receipt export` writes them, against a copy of the log");
  command->add_option("DIR", arguments->directory, fmt::format("The receipts: at most {} files NAME.tlog-proof, their openings beside them", files_max))->required();
  command->add_option("--ledger", arguments->ledger, "The copy of the log (tlog-tiles)")->required();
  command->add_flag("--allow-newer", arguments->allow_newer, "Receipts that are newer than the copy are no failure");
  return {command, [arguments](const SharedOptions& shared, Output& output) { return Receipts(*arguments, shared, output); }};
}

}  // namespace accord::verify

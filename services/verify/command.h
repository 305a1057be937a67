// What the subcommands of accord-verify share. Each is one file, NAME_command.cc, that adds itself to the command line and is run
// when it was chosen; program.cc lists them. Thread-compatible.
#pragma once

#include <absl/status/statusor.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "common/ledger/note.h"
#include "services/verify/program.h"
#include "services/verify/progress.h"

namespace accord::verify {

inline constexpr int kVerifies = 0, kDoesNotVerify = 1, kWrongUse = 2;
// Of one run: their names and hashes are all in memory, some 300 bytes each.
inline constexpr size_t kReceiptFilesMax = 1'000'000;

// Options that every subcommand takes.
struct SharedOptions {
  std::string config, vkey;
  bool json = false, progress = false;
  int threads = 0;  // 0: one for each core.
};

struct Subcommand {
  CLI::App* app;
  // Called once, after the whole command line was read. Returns the exit status.
  std::function<int(const SharedOptions&, Output&)> run;
};

// The log's key, and where it came from.
struct Key {
  ledger::Vkey vkey;
  std::string path;
  bool beside;  // Taken from beside what is to be verified.
};
// --vkey, else `log_vkey` of --config, else the file `vkey` in `directory`. INVALID_ARGUMENT, for the user to read.
absl::StatusOr<Key> ReadKey(const SharedOptions& options, const std::filesystem::path& directory);
std::string KeyText(const Key& key);
nlohmann::json KeyJson(const Key& key);

std::string Message(const absl::Status& status);
// Says `why` on standard error; the exit status.
int WrongUse(Output& output, std::string_view why);
// Says on standard error that `what` does not verify and `why`; the exit status.
int DoesNotVerify(Output& output, std::string_view what, std::string_view why);
// Indented, with a newline; bytes that are not UTF-8 are replaced.
std::string Dump(const nlohmann::json& document);

// As many as was asked for, or as there are cores.
int ThreadsOf(const SharedOptions& options);
// Lines on the process's standard error while it runs; empty unless that is a terminal or --progress was given.
Progress ProgressOf(const SharedOptions& options, const Output& output);

Subcommand AddReceiptCommand(CLI::App& app);   // receipt_command.cc
Subcommand AddLedgerCommand(CLI::App& app);    // ledger_command.cc
Subcommand AddRangeCommand(CLI::App& app);     // ledger_command.cc
Subcommand AddCompareCommand(CLI::App& app);   // compare_command.cc
Subcommand AddBundleCommand(CLI::App& app);    // bundle_command.cc
Subcommand AddCaseCommand(CLI::App& app);      // case_command.cc
// In receipts_command.cc. A directory of more receipts than `files_max` is refused whole.
Subcommand AddReceiptsCommand(CLI::App& app, size_t files_max = kReceiptFilesMax);

}  // namespace accord::verify

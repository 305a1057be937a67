#include "services/verify/program.h"

#include <CLI/CLI.hpp>
#include <sstream>

#include "common/base/version.h"
#include "common/console/manual.h"
#include "services/verify/command.h"
#include "services/verify/ordered_tasks.h"

namespace accord::verify {

int RunVerify(int argc, const char* const* argv, Output& output) {
  CLI::App app("Verifies receipts and copies of a log offline (docs/formats.md §6).", "accord-verify");
  app.set_version_flag("--version", kVersion);
  console::AddManualFlag(app);
  app.require_subcommand(1);
  app.fallthrough();
  SharedOptions shared;
  app.add_option("--config", shared.config, "TOML file with `log_vkey`, the path of the log's verification key");
  app.add_option("--vkey", shared.vkey, "File with the log's verification key, as its operator published it");
  app.add_flag("--json", shared.json, "Machine-readable output on standard output");
  app.add_option("--threads", shared.threads, "Threads for a long run; all cores when left out")
      ->check(CLI::Range(1, kThreadsMax));
  app.add_flag("--progress", shared.progress, "Tell how far a long run is though standard error is no terminal");
  app.footer(
      "Exit status: 0 it verifies, 1 it does not, 2 wrong use. No network. Examples:\n"
      "  accord-verify receipt receipt.txt --vkey broker.vkey\n"
      "  accord-verify ledger copy --vkey broker.vkey\n"
      "  accord-verify range copy --from 1000 --to 2000 --vkey broker.vkey\n"
      "  accord-verify range copy --old checkpoint-of-march --vkey broker.vkey\n"
      "  accord-verify compare copy-of-march copy-of-april --vkey broker.vkey\n"
      "  accord-verify bundle case-of-march --ledger copy --vkey broker.vkey\n"
      "  accord-verify case copy 0123456789abcdef0123456789abcdef --vkey broker.vkey\n"
      "  accord-verify receipts our-receipts --ledger copy --vkey broker.vkey");
  // In the order of --help. One is a file, NAME_command.cc.
  const Subcommand commands[] = {
      AddReceiptCommand(app),
      AddLedgerCommand(app),
      AddRangeCommand(app),
      AddCompareCommand(app),
      AddBundleCommand(app),
      AddCaseCommand(app),
      AddReceiptsCommand(app),
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    const int status = app.exit(error, out, err);
    output.out += out.str();
    output.err += err.str();
    return status == 0 ? kVerifies : kWrongUse;
  }
  for (const Subcommand& command : commands) {
    if (*command.app) return command.run(shared, output);
  }
  return kWrongUse;  // Not reached: one is required.
}

}  // namespace accord::verify

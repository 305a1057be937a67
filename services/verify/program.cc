#include "services/verify/program.h"

#include <CLI/CLI.hpp>
#include <sstream>

#include "common/base/version.h"
#include "services/verify/command.h"

namespace accord::verify {

int RunVerify(int argc, const char* const* argv, Output& output) {
  CLI::App app("Verifies receipts and copies of a log offline (docs/formats.md §6).", "accord-verify");
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  app.fallthrough();
  SharedOptions shared;
  app.add_option("--config", shared.config, "TOML file with `log_vkey`, the path of the log's verification key");
  app.add_option("--vkey", shared.vkey, "File with the log's verification key, as its operator published it");
  app.add_flag("--json", shared.json, "Machine-readable output on standard output");
  // In the order of --help. One is a file, NAME_command.cc.
  const Subcommand commands[] = {
      AddReceiptCommand(app),
      AddLedgerCommand(app),
      AddBundleCommand(app),
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

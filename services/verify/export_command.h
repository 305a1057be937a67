// What `accord-verify bundle` does with a bundle of version 2.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "common/ledger/policy.h"
#include "services/verify/command.h"

namespace accord::verify {

struct ExportArguments {
  std::string directory, ledger;                // `ledger` empty: no copy.
  std::optional<ledger::WitnessPolicy> policy;  // Absent: not asked.
};

// `names`: every file below the directory. Returns the exit status. Thread-compatible.
int VerifyExportCommand(const ExportArguments& arguments, const std::set<std::string>& names, const Key& key, const SharedOptions& shared,
                        Output& output);

}  // namespace accord::verify

// What `accord-verify bundle` does with a bundle of version 2.
#pragma once

#include <optional>
#include <string>

#include "common/ledger/policy.h"
#include "services/verify/command.h"
#include "services/verify/file_reader.h"

namespace accord::verify {

struct ExportArguments {
  std::string directory, ledger;                // `ledger` empty: no copy.
  std::optional<ledger::WitnessPolicy> policy;  // Absent: not asked.
};

// `listing`: of the directory. Returns the exit status. Thread-compatible.
int VerifyExportCommand(const ExportArguments& arguments, const FolderListing& listing, const Key& key, const SharedOptions& shared,
                        Output& output);

}  // namespace accord::verify

// What was disclosed, as files (docs/disclosures.md).
#pragma once

#include <absl/status/status.h>

#include <string>

#include "services/accordctl/disclosure_check.h"
#include "services/accordctl/staged_directory.h"

namespace accord::accordctl {

extern const DirectoryKind kDisclosedDirectory;

// Writes what verified into a new directory, for its owner alone; it gets its name when all is written and durable. An error leaves none of it;
// those of StagedDirectory::Begin.
//   answer.json     what was disclosed, as `--json` prints it, without cases
//   statement.json  the agency's signed answer, its certificate (PEM) and what it says
//   header.json     of SECTIONS: the referral's signed header, and the openings by which its sections are judged
//   NN-CATEGORY.json, NN-CATEGORY.cms   of SECTIONS: the content of each, and as it was sealed
//   answer.cms      of the others: the answer as it was sealed
absl::Status WriteDisclosed(const std::string& directory, const CollectedDisclosure& collected, const CheckedDisclosure& checked);

}  // namespace accord::accordctl

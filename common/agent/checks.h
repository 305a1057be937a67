// The table of a check that this agency asked: who has answered what, who has not, and by when (docs/checks.md). Pure.
#pragma once

#include <absl/time/time.h>

#include <map>
#include <string>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/storage/v1/agent.pb.h"

namespace accord::agent {

// By agency, `referrals/…` of what it sent in answer.
using ChecksResponses = std::map<std::string, std::vector<std::string>>;

// The table at `now`. Until the broker has stored the check it shows whom it is to go to. An answer is the newest that an agency gave. Thread-safe.
// REQUIRES: `submission` is a check.
agency::v1::GetChecksResponse MakeChecks(const storage::v1::StoredSubmission& submission, const ChecksResponses& responses, absl::Time now);

// The agencies that have answered, and those from which an answer lacks, both by id. Thread-safe. REQUIRES: as of MakeChecks.
struct ChecksState {
  std::vector<std::string> answered, lacking;
  int64_t due_ms = 0;  // The earliest time by which one lacks, milliseconds since 1970; 0 when none does.
};
ChecksState StateOfChecks(const storage::v1::StoredSubmission& submission);

}  // namespace accord::agent

// `trail find`: entries that a filter selects, whatever they are about.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "accord/inspection/v1/trail_service.pb.h"
#include "services/accordctl/command_line.h"
#include "services/accordctl/query_proof.h"
#include "services/accordctl/session.h"
#include "services/accordctl/trail_rows.h"

namespace accord::accordctl {

// What is typed.
struct FindArguments {
  std::vector<std::string> agencies, workers, areas, grades, events, statements, verdicts, bases, subjects, cases, gateways, schedule8;
  std::string from, until, purpose, warrant;
  bool newest_first = false, explain = false, proofs = false, no_proofs = false;
  int rows = 0;
};

// As the broker is asked. A usage error that names the option. Pure. Thread-safe.
absl::StatusOr<inspection::v1::QueryTrailRequest> FindRequest(const FindArguments& arguments);

// What was found, as far as it was asked for.
struct FoundEntries {
  std::vector<CheckedRow> rows;
  nlohmann::json json = nlohmann::json::array();
  std::string completeness;
  uint64_t query_index = 0;
  bool all = false;  // There is no more: the last row is the query's own.
};

// RECEIPT_INVALID unless the rows are in the order that was asked for and the query's own, if it is here, is of `asked`. Pure. Thread-safe.
absl::Status CheckFound(const FoundEntries& found, bool newest_first, const AskedQuery& asked);

// What is said below the rows: how complete they are and what was verified; `leaves_proved`: that every leaf is in the log, and not the question's alone.
// Pure. Thread-safe.
std::string FoundNotes(const FoundEntries& found, bool under_warrant, const QueryProof& proof, bool leaves_proved);

// "Read by: agency and kind of event; some 1,204 entries. Checked one by one: grade." Pure. Thread-safe.
std::string ExplainText(const inspection::v1::ExplainTrailResponse& response);

// Adds the verb.
void AddTrailFind(Command& trail, Verb& chosen);

}  // namespace accord::accordctl

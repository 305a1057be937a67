// `trail find`: entries that a filter selects, whatever they are about.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "accord/inspection/v1/trail_service.pb.h"
#include "services/accordctl/command_line.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// What is typed.
struct FindArguments {
  std::vector<std::string> agencies, workers, areas, grades, events, statements, verdicts, bases, subjects;
  std::string from, until, purpose, warrant;
  bool newest_first = false, explain = false, proofs = false, no_proofs = false;
  int rows = 0;
};

// As the broker is asked. A usage error that names the option. Pure. Thread-safe.
absl::StatusOr<inspection::v1::QueryTrailRequest> FindRequest(const FindArguments& arguments);

// "Read by: agency and kind of event; some 1,204 entries. Checked one by one: grade." Pure. Thread-safe.
std::string ExplainText(const inspection::v1::ExplainTrailResponse& response);

// Adds the verb.
void AddTrailFind(Command& trail, Verb& chosen);

}  // namespace accord::accordctl

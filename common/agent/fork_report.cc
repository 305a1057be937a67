#include "common/agent/fork_report.h"

#include "common/base/status.h"
#include "common/telemetry/log.h"

namespace accord::agent {

absl::Status ForkReport::Step() {
  const auto standing = alarm_.standing();
  if (!standing.has_value() || standing->reason() != RowOf(Reason::kLogForked).name) {
    answered_.clear();
    return absl::OkStatus();
  }
  absl::Status result;
  for (const std::string& note : standing->evidence()) {
    if (note.empty() || answered_.contains(note)) continue;
    const auto forked = broker_.ReportFork(note);
    if (forked.ok() || absl::IsInvalidArgument(forked.status())) {
      answered_.insert(note);
      telemetry::Log(telemetry::Level::kError, "fork.reported", {{"admitted", forked.ok() && *forked}, {"answer", forked.status()}});
    } else {
      result.Update(forked.status());
    }
  }
  return result;
}

}  // namespace accord::agent

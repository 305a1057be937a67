// `import`: the records of a file, pushed one after another; what came of each is kept in a result file, from which a later run goes on.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "common/records/record_file.h"
#include "common/records/result_file.h"

namespace accord::accordctl {

inline constexpr size_t kResultEveryRecords = 100;  // Pushed between two writings of the result; what is lost by then is pushed again, once.

// What a run stands on.
struct ImportPort {
  // Pushes, or with `preview_only` in its options previews. Errors of the call.
  std::function<absl::StatusOr<agency::v1::PushResult>(const records::Record&)> push;
  // Makes the result durable.
  std::function<absl::Status(const records::FileResult&)> save;
  // Told before each record: its number, and of how many.
  std::function<void(size_t number, size_t of)> progress;
};

struct ImportCount {
  size_t pushed = 0;     // By this run.
  size_t done = 0;       // By an earlier one.
  size_t refused = 0;    // Wrong.
  size_t waiting = 0;    // Of those pushed now or earlier: not settled yet.
  size_t left = 0;       // Not reached, since the service does not answer.
};

struct ImportOutcome {
  records::FileResult result;
  ImportCount count;
  absl::Status stopped;  // Why it did not go on to the end; OK when it did.
};

// The result of a file of which nothing was pushed yet: `file` with its digest, and each record with what is wrong with it.
records::FileResult NewResult(std::string_view file, std::string_view bytes, const std::vector<records::Record>& records, int64_t now_ms);

// Pushes every record in its order, but for those that `earlier` says are settled, withdrawn or erased: it is the result of a run over the
// same bytes, or of another file and counts for nothing. REQUIRES: every record is OK. What is refused does not stop the rest; a service that
// does not answer, or has no room, does. An error: a result could not be made durable; everything pushed so far is idempotent.
absl::StatusOr<ImportOutcome> RunImport(const std::vector<records::Record>& records, records::FileResult fresh, const records::FileResult* earlier,
                                        const ImportPort& port);

// What the run came to, and what to do, in plain English.
std::string ImportSummary(const ImportOutcome& outcome, std::string_view result_path);

// One wrong record, in a line: place, reason, words.
std::string RefusalText(const records::RecordResult& record);

}  // namespace accord::accordctl

#include "services/accordctl/import_run.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"

namespace accord::accordctl {
namespace {

using records::FileResult;
using records::Record;
using records::RecordResult;

constexpr std::string_view kStatePrefix = "SUBMISSION_STATE_";

bool IsAtItsEnd(std::string_view state) { return state == "SETTLED" || state == "WITHDRAWN" || state == "ERASED"; }

// The record is right, and the same may be pushed later.
bool MayPass(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable || status.code() == absl::StatusCode::kResourceExhausted ||
         status.code() == absl::StatusCode::kDeadlineExceeded || status.code() == absl::StatusCode::kCancelled;
}

void SetRefused(RecordResult& row, const absl::Status& why) {
  row.state = std::string(records::kRefused);
  row.reason = std::string(RowOf(DetailOf(why).reason).name);
  row.field = records::FieldOf(why);
  row.words = std::string(FromAbsl(why.message()));
}

void SetPushed(RecordResult& row, const agency::v1::PushResult& result) {
  // An action of a forum's own is kept, and told to nobody: nothing more comes of it.
  const bool kept = result.state() == agency::v1::SUBMISSION_STATE_UNSPECIFIED;
  const std::string state = agency::v1::SubmissionState_Name(kept ? agency::v1::SUBMISSION_STATE_SETTLED : result.state());
  row.state = state.starts_with(kStatePrefix) ? state.substr(kStatePrefix.size()) : state;
  row.referral = result.referral();
  row.stored_index = result.stored_index();
  row.warnings.assign(result.warnings().begin(), result.warnings().end());
  row.field.clear(), row.reason.clear(), row.words.clear();
}

void Count(ImportOutcome& outcome) {
  for (const RecordResult& row : outcome.result.records) {
    if (row.state == records::kRefused) {
      ++outcome.count.refused;
    } else if (row.state == records::kNotPushed) {
      ++outcome.count.left;
    } else if (!IsAtItsEnd(row.state)) {
      ++outcome.count.waiting;
    }
  }
  outcome.result.state = outcome.count.left > 0 ? "PARTLY" : outcome.count.refused > 0 ? "REJECTED" : "DONE";
}

}  // namespace

FileResult NewResult(std::string_view file, std::string_view bytes, const std::vector<Record>& records, int64_t now_ms) {
  FileResult result{std::string(file), ToHex(crypto::Sha256(bytes)), "PARTLY", now_ms, 0, "", "", {}};
  for (const Record& record : records) {
    RecordResult& row = result.records.emplace_back();
    row.number = record.number;
    row.line = record.line;
    row.call = record.call;
    row.request_id = record.request_id;
    row.state = std::string(records::kNotPushed);
    if (!record.status.ok()) SetRefused(row, record.status);
  }
  return result;
}

absl::StatusOr<ImportOutcome> RunImport(const std::vector<Record>& records, FileResult fresh, const FileResult* earlier, const ImportPort& port) {
  ImportOutcome outcome{std::move(fresh), {}, absl::OkStatus()};
  const bool same = earlier != nullptr && earlier->sha256 == outcome.result.sha256 && earlier->records.size() == records.size();
  if (same) outcome.result.taken_at_ms = earlier->taken_at_ms;
  size_t unsaved = 0;
  for (size_t i = 0; i < records.size(); ++i) {
    RecordResult& row = outcome.result.records[i];
    if (same && earlier->records[i].request_id == row.request_id && earlier->records[i].state != records::kRefused) {
      const uint64_t line = row.line;
      row = earlier->records[i];
      row.line = line;
      if (IsAtItsEnd(row.state)) {
        ++outcome.count.done;
        continue;
      }
    }
    if (!outcome.stopped.ok()) continue;  // Only what earlier runs did is taken over.
    port.progress(i + 1, records.size());
    const auto result = port.push(records[i]);
    if (result.ok()) {
      SetPushed(row, *result);
      ++outcome.count.pushed;
    } else if (MayPass(result.status())) {
      outcome.stopped = result.status();
    } else {
      SetRefused(row, result.status());
    }
    if (++unsaved < kResultEveryRecords) continue;
    ACCORD_RETURN_IF_ERROR(port.save(outcome.result));
    unsaved = 0;
  }
  Count(outcome);
  ACCORD_RETURN_IF_ERROR(port.save(outcome.result));
  return outcome;
}

std::string RefusalText(const RecordResult& record) {
  return fmt::format("  record {}, line {}: {}{}{}: {}\n", record.number, record.line, record.field, record.field.empty() ? "" : ": ", record.reason, record.words);
}

std::string ImportSummary(const ImportOutcome& outcome, std::string_view result_path) {
  const ImportCount& count = outcome.count;
  std::string text = fmt::format("{} records: {} pushed now, {} done before, {} refused, {} not reached; {} not settled yet\n", outcome.result.records.size(),
                                 count.pushed, count.done, count.refused, count.left, count.waiting);
  if (count.refused > 0) {
    text += "  refused: correct them in the file and import it again; what was pushed is not pushed twice. A record that was pushed before and has changed "
            "has a higher record_version\n";
  }
  if (count.left > 0) text += "  not reached: run the same command again; it goes on where it ended\n";
  if (count.waiting > 0) text += "  not settled: they are durable at the service, which sends by itself; run the same command again to see them settled\n";
  return text + fmt::format("  what came of each: {}\n", result_path);
}

}  // namespace accord::accordctl

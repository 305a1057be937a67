// NAME.result.json: what came of a file of records (docs/files.md has every field). Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/entry.pb.h"

namespace accord::records {

inline constexpr std::string_view kResultSuffix = ".result.json";
inline constexpr std::string_view kRefused = "REFUSED";        // Wrong: it was not pushed.
inline constexpr std::string_view kNotPushed = "NOT_PUSHED";   // Right itself, and nothing of its file was pushed.

struct RecordResult {
  uint64_t number = 0, line = 0;
  std::string call, request_id;
  std::string state;  // A SubmissionState without its prefix, kRefused or kNotPushed.
  std::string referral;
  std::string waiting_for;
  std::vector<std::string> warnings;
  uint64_t stored_index = 0;
  type::v1::Receipt receipt;                // Written when it has a proof.
  std::string field, reason, words;         // Of what was refused.
};

struct FileResult {
  std::string file, sha256;  // The digest in hex.
  std::string state;         // DONE or REJECTED; of an import that is not through, PARTLY.
  int64_t taken_at_ms = 0;
  // What is wrong with the file as a whole; then there are no records. `reason` is empty when nothing is.
  uint64_t line = 0;
  std::string reason, words;
  std::vector<RecordResult> records;
};

// As it is written, with a newline at the end.
std::string ResultJson(const FileResult& result);

// Of what ResultJson wrote: all but the receipts' openings. INVALID_ARGUMENT.
absl::StatusOr<FileResult> ParseResult(std::string_view json);

}  // namespace accord::records

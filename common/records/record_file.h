// Files of records, each the request of a push in its agency's own words (docs/files.md):
//
//   NAME.json            one object, or an array of them
//   NAME.jsonl, .ndjson  one object on each line
//   NAME.csv             a heading of field paths, and a record on each row
//
// An object has the fields of the request, and beside them `call` and `record_version`; a CSV file has columns of these names. A file whose
// name begins with a call and a dot, such as `ReportIncident.2026-11-29.csv`, needs no `call`.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "common/records/limits.h"

namespace accord::records {

inline constexpr std::string_view kCallKey = "call", kVersionKey = "record_version";

// An empty request of a call, `ReportIncident`; null when there is no such push.
using NewRequest = std::function<std::unique_ptr<google::protobuf::Message>(std::string_view call)>;

struct Record {
  uint64_t number = 0;  // From 1.
  uint64_t line = 0;    // Where it begins, from 1.
  std::string call;     // May be empty when `status` says so.
  std::unique_ptr<google::protobuf::Message> request;  // With its request id; null when `status` is not OK.
  std::string request_id;
  absl::Status status;  // What is wrong with it: the first thing, as of Wrong(). Nothing of the request's own rules was looked at.
};

// Reads the whole file. `name` is its name, without folders; `call` names the call of records that do not, and may be empty: then the name
// does. A request id that the record gives itself (`options.request_id`) stands; else it is made of its reference and version.
// Pure. Thread-safe. An error is of the file as a whole, and says nothing of what stands in it:
//   FIELD_INVALID      no JSON or CSV, no record, more than kRecordsMax, over kColumnsMax columns, a name of another kind
//   TEXT_NOT_UTF8      with the line
//   MESSAGE_TOO_LARGE  over kFileBytesMax
// Of a record, in its `status`: FIELD_INVALID, FIELD_MISSING (also of who has neither a reference nor a request id), ENUM_UNKNOWN, and
// MESSAGE_TOO_LARGE over kRecordBytesMax. Two records of one request id: the second is FIELD_INVALID.
absl::StatusOr<std::vector<Record>> ReadRecords(std::string_view bytes, std::string_view name, std::string_view call, const NewRequest& make);

// Whether a file of this name is of one of the kinds. Thread-safe.
bool IsRecordFileName(std::string_view name);

// What the request says beside its own content; null when `request` is no push. Thread-safe.
agency::v1::PushOptions* OptionsOf(google::protobuf::Message& request);

}  // namespace accord::records

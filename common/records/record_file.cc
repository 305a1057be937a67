#include "common/records/record_file.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/base/text.h"
#include "common/records/csv_text.h"
#include "common/records/fields.h"
#include "common/records/json_text.h"
#include "common/records/request_id.h"

namespace accord::records {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

absl::Status TooMany() { return Wrong(Reason::kFieldInvalid, 0, "", fmt::format("the file has more than {} records: split it", kRecordsMax)); }

// `record_version` as it stands; empty: 1.
absl::StatusOr<uint64_t> ParseVersion(std::string_view text) {
  if (text.empty()) return 1;
  uint64_t version = 0;
  const bool digits = text.find_first_not_of("0123456789") == std::string_view::npos;
  if (digits && absl::SimpleAtoi(ToAbsl(text), &version) && version >= 1 && version <= kRecordVersionMax) return version;
  return Wrong(Reason::kFieldInvalid, 0, kVersionKey, fmt::format("is no whole number from 1 to {}", kRecordVersionMax));
}

// Reads the records of one file, whatever its form.
class Reader {
 public:
  Reader(std::string_view name, std::string_view call, const NewRequest& make)
      : call_(call.empty() ? name.substr(0, name.find('.')) : call), make_(make) {}

  absl::Status ReadJson(std::string_view text);
  absl::Status ReadJsonLines(std::string_view text);
  absl::Status ReadCsv(std::string_view text);
  std::vector<Record> Take() && { return std::move(records_); }

 private:
  // The headings, as one call understands them, in the order in which they are used.
  struct Headed {
    std::vector<std::pair<size_t, Column>> columns;  // Index of the cell, and its field.
    std::map<size_t, absl::Status> unknown;          // Index of the cell, and why it has none: wrong where the cell is not empty.
  };

  // Begins a record, of whom only the first error counts.
  absl::StatusOr<Record*> Add(uint64_t line);
  // Its request, once its call is known. Null, and told of, when there is no such call.
  Message* Begin(Record& record, std::string_view call);
  // The request is whole: size and request id.
  void End(Record& record, std::string_view version);
  static void Fail(Record& record, const absl::Status& status) {
    if (record.status.ok()) record.status = AtLine(status, record.line);
    record.request.reset();
  }

  absl::Status AddJson(const JsonValue& value);
  absl::Status AddRow(uint64_t line, const std::vector<std::string>& cells);
  absl::Status TakeHeading(uint64_t line, std::vector<std::string>& cells);
  absl::StatusOr<const Headed*> HeadedFor(const Message& request);

  const std::string call_;
  const NewRequest& make_;
  std::vector<Record> records_;
  std::set<std::string> request_ids_;

  std::vector<std::string> heading_;
  size_t call_column_ = std::string::npos, version_column_ = std::string::npos;
  std::map<const google::protobuf::Descriptor*, Headed> headed_;
};

absl::StatusOr<Record*> Reader::Add(uint64_t line) {
  if (records_.size() >= kRecordsMax) return TooMany();
  Record& record = records_.emplace_back();
  record.number = records_.size();
  record.line = line;
  return &record;
}

Message* Reader::Begin(Record& record, std::string_view call) {
  record.request = make_(call.empty() ? call_ : call);
  if (record.request != nullptr && OptionsOf(*record.request) != nullptr) {
    record.call = std::string(call.empty() ? call_ : call);
    return record.request.get();
  }
  Fail(record, call.empty() ? Wrong(Reason::kFieldMissing, 0, kCallKey, "is not said, and the file's name does not begin with one")
                            : Wrong(Reason::kFieldInvalid, 0, kCallKey, "names no push that there is here"));
  return nullptr;
}

void Reader::End(Record& record, std::string_view version_text) {
  if (!record.status.ok()) return;
  const auto version = ParseVersion(version_text);
  if (!version.ok()) return Fail(record, version.status());
  if (record.request->ByteSizeLong() > kRecordBytesMax) {
    return Fail(record, Wrong(Reason::kMessageTooLarge, 0, "", fmt::format("the record is over {} bytes", kRecordBytesMax)));
  }
  auto& options = *OptionsOf(*record.request);
  if (options.request_id().empty()) {
    const std::string reference = ReferenceOf(*record.request);
    if (reference.empty()) {
      return Fail(record, Wrong(Reason::kFieldMissing, 0, "options.request_id", "is not said, and there is no reference of the record to make it of"));
    }
    options.set_request_id(RequestIdOf(record.call, reference, *version));
  }
  record.request_id = options.request_id();
  if (!request_ids_.insert(record.request_id).second) {
    Fail(record, Wrong(Reason::kFieldInvalid, 0, "options.request_id", "is that of an earlier record of this file: a changed record has a higher record_version"));
  }
}

absl::Status Reader::AddJson(const JsonValue& value) {
  ACCORD_ASSIGN_OR_RETURN(Record* const record, Add(value.line));
  if (value.kind != JsonValue::Kind::kObject) {
    Fail(*record, Wrong(Reason::kFieldInvalid, 0, "", "a record is an object"));
    return absl::OkStatus();
  }
  JsonValue fields{JsonValue::Kind::kObject, value.line, "", {}, {}};
  std::string call, version;
  for (const auto& member : value.members) {
    if (member.name == kCallKey && member.value.kind == JsonValue::Kind::kText) {
      call = member.value.text;
    } else if (member.name == kVersionKey && (member.value.kind == JsonValue::Kind::kNumber || member.value.kind == JsonValue::Kind::kText)) {
      version = member.value.text;
    } else {
      fields.members.push_back(member);
    }
  }
  Message* const request = Begin(*record, call);
  if (request == nullptr) return absl::OkStatus();
  if (const absl::Status filled = FillFromJson(*request, fields, ""); !filled.ok()) Fail(*record, filled);
  End(*record, version);
  return absl::OkStatus();
}

absl::Status Reader::ReadJson(std::string_view text) {
  ACCORD_ASSIGN_OR_RETURN(const JsonValue root, ParseJson(text));
  if (root.kind != JsonValue::Kind::kArray) return AddJson(root);
  for (const JsonValue& value : root.elements) ACCORD_RETURN_IF_ERROR(AddJson(value));
  return absl::OkStatus();
}

absl::Status Reader::ReadJsonLines(std::string_view text) {
  uint64_t number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto value = ParseJson(line, number);
    if (value.ok()) {
      ACCORD_RETURN_IF_ERROR(AddJson(*value));
      continue;
    }
    ACCORD_ASSIGN_OR_RETURN(Record* const record, Add(number));
    Fail(*record, value.status());
  }
  return absl::OkStatus();
}

absl::Status Reader::TakeHeading(uint64_t line, std::vector<std::string>& cells) {
  if (cells.size() > kColumnsMax) return Wrong(Reason::kFieldInvalid, line, "", fmt::format("the file has more than {} columns", kColumnsMax));
  heading_ = std::move(cells);
  for (size_t i = 0; i < heading_.size(); ++i) {
    size_t* const own = heading_[i] == kCallKey ? &call_column_ : heading_[i] == kVersionKey ? &version_column_ : nullptr;
    if (own == nullptr) continue;
    if (*own != std::string::npos) return Wrong(Reason::kFieldInvalid, line, fmt::format("column {}", i + 1), "has the heading of an earlier one");
    *own = i;
  }
  return absl::OkStatus();
}

absl::StatusOr<const Reader::Headed*> Reader::HeadedFor(const Message& request) {
  const auto [at, is_new] = headed_.try_emplace(request.GetDescriptor());
  Headed& headed = at->second;
  if (!is_new) return &headed;
  std::set<std::string> paths;
  for (size_t i = 0; i < heading_.size(); ++i) {
    if (i == call_column_ || i == version_column_) continue;
    auto column = Column::Find(*request.GetDescriptor(), heading_[i], i + 1);
    if (!column.ok()) {
      headed.unknown.emplace(i, column.status());
    } else if (!paths.insert(column->path()).second) {
      headed.unknown.emplace(i, Wrong(Reason::kFieldInvalid, 0, fmt::format("column {}", i + 1), fmt::format("is headed {} like an earlier one", column->path())));
    } else {
      headed.columns.emplace_back(i, *std::move(column));
    }
  }
  std::stable_sort(headed.columns.begin(), headed.columns.end(), [](const auto& a, const auto& b) { return a.second.IsBefore(b.second); });
  return &headed;
}

absl::Status Reader::AddRow(uint64_t line, const std::vector<std::string>& cells) {
  ACCORD_ASSIGN_OR_RETURN(Record* const record, Add(line));
  if (cells.size() != heading_.size()) {
    Fail(*record, Wrong(Reason::kFieldInvalid, 0, "", fmt::format("the row has {} cells, and the heading {}", cells.size(), heading_.size())));
    return absl::OkStatus();
  }
  const auto cell = [&](size_t column) { return column == std::string::npos ? std::string_view() : std::string_view(cells[column]); };
  Message* const request = Begin(*record, cell(call_column_));
  if (request == nullptr) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const Headed* const headed, HeadedFor(*request));
  for (const auto& [column, why] : headed->unknown) {
    if (!cells[column].empty()) Fail(*record, why);
  }
  for (const auto& [index, column] : headed->columns) {
    if (!record->status.ok()) break;
    if (const absl::Status set = column.Set(*request, cells[index]); !set.ok()) Fail(*record, set);
  }
  End(*record, cell(version_column_));
  return absl::OkStatus();
}

absl::Status Reader::ReadCsv(std::string_view text) {
  return ForEachCsvRow(text, [this](uint64_t line, std::vector<std::string>& cells) -> absl::Status {
    return heading_.empty() ? TakeHeading(line, cells) : AddRow(line, cells);
  });
}

// The ending of a name, in small letters, with its dot.
std::string EndingOf(std::string_view name) {
  const size_t dot = name.rfind('.');
  std::string ending(dot == std::string_view::npos ? "" : name.substr(dot));
  std::transform(ending.begin(), ending.end(), ending.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return ending;
}

absl::Status CheckText(std::string_view text) {
  uint64_t line = 0;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    ++line;
    if (!IsUtf8(one)) return Wrong(Reason::kTextNotUtf8, line, "", "the file is not in UTF-8 from here on: convert it, whatever program wrote it");
    if (one.find('\0') != std::string_view::npos) return Wrong(Reason::kFieldInvalid, line, "", "the file has a zero byte here: it is no text");
  }
  return absl::OkStatus();
}

}  // namespace

bool IsRecordFileName(std::string_view name) {
  const std::string ending = EndingOf(name);
  return ending == ".json" || ending == ".jsonl" || ending == ".ndjson" || ending == ".csv";
}

agency::v1::PushOptions* OptionsOf(Message& request) {
  const FieldDescriptor* field = request.GetDescriptor()->FindFieldByName("options");
  if (field == nullptr || field->is_repeated() || field->message_type() != agency::v1::PushOptions::descriptor()) return nullptr;
  return static_cast<agency::v1::PushOptions*>(request.GetReflection()->MutableMessage(&request, field));
}

absl::StatusOr<std::vector<Record>> ReadRecords(std::string_view bytes, std::string_view name, std::string_view call, const NewRequest& make) {
  if (!IsRecordFileName(name)) return Wrong(Reason::kFieldInvalid, 0, "", "the file's name ends neither in .json, .jsonl, .ndjson nor .csv");
  if (bytes.size() > kFileBytesMax) return Wrong(Reason::kMessageTooLarge, 0, "", fmt::format("the file is over {} bytes: split it", kFileBytesMax));
  ACCORD_RETURN_IF_ERROR(CheckText(bytes));
  bytes = WithoutByteOrderMark(bytes);
  Reader reader(name, call, make);
  const std::string ending = EndingOf(name);
  ACCORD_RETURN_IF_ERROR(ending == ".csv" ? reader.ReadCsv(bytes) : ending == ".json" ? reader.ReadJson(bytes) : reader.ReadJsonLines(bytes));
  std::vector<Record> records = std::move(reader).Take();
  if (records.empty()) return Wrong(Reason::kFieldInvalid, 0, "", "the file has no record");
  return records;
}

}  // namespace accord::records

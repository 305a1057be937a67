#include "common/records/result_file.h"

#include <absl/time/time.h>

#include <nlohmann/json.hpp>

#include "common/base/bytes.h"

namespace accord::records {
namespace {

using nlohmann::ordered_json;

void AddText(ordered_json& row, const char* key, const std::string& text) {
  if (!text.empty()) row[key] = text;
}

ordered_json ToJson(const RecordResult& record) {
  ordered_json row = {{"number", record.number}, {"line", record.line}};
  AddText(row, "call", record.call);
  AddText(row, "request_id", record.request_id);
  row["state"] = record.state;
  AddText(row, "referral", record.referral);
  AddText(row, "waiting_for", record.waiting_for);
  if (!record.warnings.empty()) row["warnings"] = record.warnings;
  AddText(row, "field", record.field);
  AddText(row, "reason", record.reason);
  AddText(row, "words", record.words);
  if (record.stored_index == 0 && record.receipt.tlog_proof().empty()) return row;
  ordered_json& receipt = row["receipt"] = {{"stored_index", record.stored_index}};
  if (record.receipt.tlog_proof().empty()) return row;
  receipt["tlog_proof"] = record.receipt.tlog_proof();
  receipt["openings"] = ordered_json::array();
  for (const auto& opening : record.receipt.openings()) {
    receipt["openings"].push_back({{"label", opening.label()}, {"salt", ToBase64(opening.salt())}, {"content", ToBase64(opening.content())}});
  }
  return row;
}

std::string Text(const nlohmann::json& row, const char* key) {
  const auto found = row.find(key);
  return found != row.end() && found->is_string() ? found->get<std::string>() : "";
}
uint64_t Number(const nlohmann::json& row, const char* key) {
  const auto found = row.find(key);
  return found != row.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

RecordResult FromJson(const nlohmann::json& row) {
  RecordResult record{Number(row, "number"), Number(row, "line"), Text(row, "call"), Text(row, "request_id"), Text(row, "state"), Text(row, "referral"),
                      Text(row, "waiting_for"), {}, 0, {}, Text(row, "field"), Text(row, "reason"), Text(row, "words")};
  if (const auto warnings = row.find("warnings"); warnings != row.end() && warnings->is_array()) {
    for (const auto& warning : *warnings) {
      if (warning.is_string()) record.warnings.push_back(warning.get<std::string>());
    }
  }
  if (const auto receipt = row.find("receipt"); receipt != row.end() && receipt->is_object()) {
    record.stored_index = Number(*receipt, "stored_index");
    record.receipt.set_tlog_proof(Text(*receipt, "tlog_proof"));
  }
  return record;
}

}  // namespace

std::string ResultJson(const FileResult& result) {
  ordered_json document = {{"file", result.file}};
  AddText(document, "sha256", result.sha256);
  document["state"] = result.state;
  document["taken_at"] = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(result.taken_at_ms), absl::UTCTimeZone());
  if (!result.reason.empty()) {
    if (result.line > 0) document["line"] = result.line;
    document["reason"] = result.reason;
    document["words"] = result.words;
  }
  document["records"] = ordered_json::array();
  for (const RecordResult& record : result.records) document["records"].push_back(ToJson(record));
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

absl::StatusOr<FileResult> ParseResult(std::string_view json) {
  const auto document = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || !document.contains("records") || !document["records"].is_array() || Text(document, "file").empty()) {
    return absl::InvalidArgumentError("is no result of a file of records");
  }
  FileResult result{Text(document, "file"), Text(document, "sha256"), Text(document, "state"), 0, Number(document, "line"), Text(document, "reason"),
                    Text(document, "words"), {}};
  absl::Time taken;
  if (absl::ParseTime(absl::RFC3339_full, Text(document, "taken_at"), &taken, nullptr)) result.taken_at_ms = absl::ToUnixMillis(taken);
  for (const auto& row : document["records"]) {
    if (!row.is_object()) return absl::InvalidArgumentError("has a record that is no object");
    result.records.push_back(FromJson(row));
  }
  return result;
}

}  // namespace accord::records

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/records/record_file.h"
#include "services/accordctl/decision_table.h"
#include "services/accordctl/import_run.h"
#include "services/accordctl/progress.h"
#include "services/accordctl/push_calls.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

constexpr absl::Duration kImportTimeout = absl::Seconds(30);  // Of one push, which waits for no answer of the broker.

struct ImportArguments {
  std::string file, call, result;
};

// The file, with its records ready to be sent.
struct Loaded {
  std::string name, bytes;
  std::vector<records::Record> records;
};

std::unique_ptr<google::protobuf::Message> EmptyRequest(std::string_view call) {
  auto push = NewPush(call);
  return push.ok() ? std::move(push->request) : nullptr;
}

absl::StatusOr<Loaded> Load(const ImportArguments& arguments) {
  auto bytes = ReadFile(arguments.file, records::kFileBytesMax);
  if (!bytes.ok()) return UsageError(FromAbsl(bytes.status().message()));
  Loaded loaded{std::filesystem::path(arguments.file).filename().string(), *std::move(bytes), {}};
  if (!arguments.call.empty()) {
    if (const auto known = NewPush(arguments.call); !known.ok()) return UsageError(FromAbsl(known.status().message()));
  }
  ACCORD_ASSIGN_OR_RETURN(loaded.records, records::ReadRecords(loaded.bytes, loaded.name, arguments.call, EmptyRequest));
  return loaded;
}

// Who acts, and whether anything is kept.
absl::Status Complete(Session& session, const AgencyIdentity& agency, Loaded& loaded) {
  for (records::Record& record : loaded.records) {
    if (!record.status.ok()) continue;
    auto& options = *records::OptionsOf(*record.request);
    if (!options.has_worker()) {
      ACCORD_ASSIGN_OR_RETURN(*options.mutable_worker(), session.Worker(agency));
    }
    options.set_preview_only(session.dry_run());
    options.clear_wait_ms();
  }
  return absl::OkStatus();
}

absl::StatusOr<agency::v1::PushResult> Send(const Endpoint& service, const records::Record& record) {
  ACCORD_ASSIGN_OR_RETURN(Push push, NewPush(record.call));
  push.request->CopyFrom(*record.request);
  return push.send(service, kImportTimeout);
}

nlohmann::json ToRow(const records::RecordResult& record) {
  nlohmann::json row = {{"number", record.number}, {"line", record.line}, {"call", record.call}, {"requestId", record.request_id}, {"state", record.state}};
  if (!record.referral.empty()) row["referral"] = record.referral;
  if (!record.warnings.empty()) row["warnings"] = record.warnings;
  if (!record.reason.empty()) row["error"] = {{"field", record.field}, {"reason", record.reason}, {"message", record.words}};
  return row;
}

// Says of each record what would be shared, or what is wrong with it.
absl::StatusOr<int> DryRun(Session& session, const Endpoint& service, const Loaded& loaded) {
  auto result = NewResult(loaded.name, loaded.bytes, loaded.records, 0);
  nlohmann::json rows = nlohmann::json::array();
  size_t refused = 0;
  for (size_t i = 0; i < loaded.records.size(); ++i) {
    const records::Record& record = loaded.records[i];
    records::RecordResult& row = result.records[i];
    const auto preview = record.status.ok() ? Send(service, record) : absl::StatusOr<agency::v1::PushResult>(record.status);
    if (!preview.ok() && absl::IsUnavailable(preview.status())) return preview.status();
    row.state = preview.ok() ? "PREVIEW" : std::string(records::kRefused);
    if (!preview.ok()) {
      ++refused;
      row.reason = std::string(RowOf(DetailOf(preview.status()).reason).name);
      row.field = records::FieldOf(preview.status());
      row.words = std::string(FromAbsl(preview.status().message()));
    } else {
      row.warnings.assign(preview->warnings().begin(), preview->warnings().end());
    }
    rows.push_back(ToRow(row));
    if (preview.ok()) rows.back()["decisions"] = ToJson(*preview)["decisions"];
    if (session.json()) continue;
    session.Print(console::Printable(fmt::format("[{}/{}] line {}: {} {}\n", row.number, loaded.records.size(), row.line, row.call, row.request_id)));
    session.Print(preview.ok() ? DecisionText(preview->decisions(), console::TerminalWidth(), console::ColourWanted()) : console::Printable(RefusalText(row)));
    for (const std::string& warning : row.warnings) session.Print(console::Printable(fmt::format("  advice: {}\n", warning)));
    session.Print("\n");
  }
  if (session.json()) session.PrintJson({{"records", rows}, {"refused", refused}});
  session.Tell(fmt::format("{} records: {} would be pushed, {} are wrong; nothing was stored\n", loaded.records.size(), loaded.records.size() - refused, refused));
  return refused == 0 ? kDone : kFailed;
}

// What is wrong before anything is sent.
absl::StatusOr<int> TellWrong(Session& session, const records::FileResult& result) {
  nlohmann::json rows = nlohmann::json::array();
  std::string text;
  size_t wrong = 0;
  for (const records::RecordResult& record : result.records) {
    if (record.state != records::kRefused) continue;
    ++wrong;
    rows.push_back(ToRow(record));
    text += console::Printable(RefusalText(record));
  }
  session.Tell(fmt::format("{} of {} records are wrong; nothing was pushed. Correct them and import the file again:\n{}", wrong, result.records.size(), text));
  if (session.json()) session.PrintJson({{"records", rows}, {"refused", wrong}});
  return kFailed;
}

absl::StatusOr<std::optional<records::FileResult>> Earlier(const std::string& path) {
  const auto json = ReadFile(path);
  if (absl::IsNotFound(json.status())) return std::optional<records::FileResult>();
  ACCORD_RETURN_IF_ERROR(json);
  auto result = records::ParseResult(*json);
  if (!result.ok()) return UsageError(fmt::format("{} {}: name another with --result", path, FromAbsl(result.status().message())));
  return std::optional<records::FileResult>(*std::move(result));
}

absl::StatusOr<int> Import(Session& session, const ImportArguments& arguments) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(Loaded loaded, Load(arguments));
  ACCORD_RETURN_IF_ERROR(Complete(session, *agency, loaded));
  ACCORD_ASSIGN_OR_RETURN(Endpoint service, session.Service(*agency));
  if (session.dry_run()) {
    service.dry_run = false;  // A preview is asked for, of which nothing is stored.
    return DryRun(session, service, loaded);
  }

  auto fresh = NewResult(loaded.name, loaded.bytes, loaded.records, absl::ToUnixMillis(SystemClock().Now()));
  for (const auto& record : loaded.records) {
    if (!record.status.ok()) return TellWrong(session, fresh);
  }
  const std::string path = arguments.result.empty() ? arguments.file + std::string(records::kResultSuffix) : arguments.result;
  ACCORD_ASSIGN_OR_RETURN(const auto earlier, Earlier(path));
  Progress progress("records");
  const ImportPort port{[&](const records::Record& record) { return Send(service, record); },
                        [&](const records::FileResult& result) { return WriteFileDurably(path, records::ResultJson(result)); },
                        [&](size_t number, size_t of) { progress.Tell(number, of); }};
  ACCORD_ASSIGN_OR_RETURN(const ImportOutcome outcome, RunImport(loaded.records, std::move(fresh), earlier.has_value() ? &*earlier : nullptr, port));
  progress.End();
  nlohmann::json rows = nlohmann::json::array();
  for (const records::RecordResult& record : outcome.result.records) {
    rows.push_back(ToRow(record));
    if (record.state == records::kRefused) session.Tell(console::Printable(RefusalText(record)));
  }
  if (session.json()) session.PrintJson({{"records", rows}, {"refused", outcome.count.refused}, {"left", outcome.count.left}, {"result", path}});
  session.json() ? session.Tell(ImportSummary(outcome, path)) : session.Print(ImportSummary(outcome, path));
  if (!outcome.stopped.ok()) session.Tell(ErrorText(outcome.stopped));
  return outcome.count.refused == 0 && outcome.stopped.ok() ? kDone : kFailed;
}

}  // namespace

void AddImportVerb(Command& app, Verb& chosen) {
  auto arguments = std::make_shared<ImportArguments>();
  Command& verb = app.AddChange("import", "Push every record of a file, once; run again it goes on where it ended (docs/files.md)");
  verb.AddOption("FILE", arguments->file, "NAME.json, .jsonl, .ndjson or .csv").Required().ExistingFile();
  verb.AddOption("--call", arguments->call, "What each record is, such as ReportIncident; by default the record or the file's name says it");
  verb.AddOption("--result", arguments->result, "Where what came of each is kept; by default FILE.result.json").Path();
  verb.Footer("With --dry-run it says of each record what would be shared, or what is wrong with it; nothing is stored.\n"
              "Example: accordctl import incidents.csv --call ReportIncident --as police");
  verb.WhenGiven([&chosen, arguments] { chosen = [arguments](Session& session) { return Import(session, *arguments); }; });
}

}  // namespace accord::accordctl

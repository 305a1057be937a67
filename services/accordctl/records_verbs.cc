#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "accord/agency/v1/records_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/console/words.h"
#include "services/accordctl/case_pack_page.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/progress.h"
#include "services/accordctl/record_file.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using agency::v1::RecordsService;

constexpr absl::Duration kRecordsTimeout = absl::Hours(6);
constexpr uint64_t kSyncEvery = 500;  // Records.

// Hands each answer to `take`; its error ends the stream.
template <typename Reader, typename Answer>
absl::Status EachAnswer(grpc::ClientContext& context, Reader reader, const Endpoint& service, const std::function<absl::Status(Answer&)>& take) {
  Answer answer;
  absl::Status taken;
  while (taken.ok() && reader->Read(&answer)) taken = take(answer);
  if (!taken.ok()) context.TryCancel();
  const absl::Status ended = rpc::FromGrpc(reader->Finish());
  if (!taken.ok()) return taken;
  return ended.ok() ? ended : Annotate(ended, service);
}

struct ExportOptions {
  std::string out, from, until;
  bool without_content = false;
};

absl::StatusOr<int> ExportRecords(Session& session, const ExportOptions& options) {
  agency::v1::ExportRecordsRequest request;
  ACCORD_ASSIGN_OR_RETURN(const int64_t from_ms, TimeMsOrNone("--from", options.from));
  request.set_from_ms(from_ms);
  ACCORD_ASSIGN_OR_RETURN(const int64_t until_ms, TimeMsOrNone("--until", options.until));
  request.set_until_ms(until_ms);
  request.set_without_content(options.without_content);
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  if (session.dry_run()) return WouldDo(fmt::format("write the records of {} to {}, and enter that into its journal", agency->id, options.out));
  ACCORD_ASSIGN_OR_RETURN(const auto file, RecordFile::Open(options.out));
  request.set_after(file->position());

  RecordsService::Stub stub(service.channel);
  grpc::ClientContext context;
  rpc::SetTimeout(context, kRecordsTimeout);
  uint64_t count = 0, total = 0;
  Progress progress("records");
  const absl::Status streamed = EachAnswer<std::unique_ptr<grpc::ClientReader<agency::v1::ExportRecordsResponse>>, agency::v1::ExportRecordsResponse>(
      context, stub.ExportRecords(&context, request), service, [&](agency::v1::ExportRecordsResponse& answer) -> absl::Status {
        total = std::max(total, answer.total());
        ACCORD_RETURN_IF_ERROR(file->Add(answer));
        progress.Tell(++count, total);
        return count % kSyncEvery == 0 ? file->Sync() : absl::OkStatus();
      });
  progress.End();
  ACCORD_RETURN_IF_ERROR(file->Sync());
  if (!streamed.ok()) {
    session.Tell(fmt::format("{} records are in {}; the same command goes on after them\n", count, file->path()));
    return streamed;
  }
  session.json() ? session.PrintJson({{"file", file->path()}, {"records", count}, {"position", file->position()}})
                 : session.Print(fmt::format("{} records added to {}: readable by its owner alone; keep it so\n", count, file->path()));
  return kDone;
}

struct PackOptions {
  std::string person, record_number, ground, authority, out;
  std::vector<std::string> identifiers;
};

absl::StatusOr<type::v1::Person> WholePerson(const PackOptions& options) {
  type::v1::Person person;
  if (!options.person.empty()) {
    ACCORD_ASSIGN_OR_RETURN(person, PersonOf(options.person));
  }
  for (const std::string& text : options.identifiers) {
    ACCORD_ASSIGN_OR_RETURN(*person.add_identifiers(), IdentifierOf(text));
  }
  person.set_record_number(options.record_number);
  if (person.ByteSizeLong() == 0) return UsageError("about whom? Give --person, --identifier or --record-number.");
  return person;
}

absl::StatusOr<int> Pack(Session& session, const PackOptions& options) {
  agency::v1::BuildCasePackRequest request;
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_person(), WholePerson(options));
  std::error_code ignored;
  if (std::filesystem::exists(options.out) && !std::filesystem::is_empty(options.out, ignored)) {
    return UsageError(fmt::format("{} is there already, and a pack is not added to", options.out));
  }
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  request.set_ground(Value<agency::v1::CasePackGround>(options.ground));
  request.set_authority(options.authority);
  request.set_request_id(session.RequestId());
  if (service.dry_run) return WouldAsk(service.who, request);

  RecordsService::Stub stub(service.channel);
  grpc::ClientContext context;
  rpc::SetTimeout(context, kRecordsTimeout);
  std::vector<agency::v1::BuildCasePackResponse> answers;
  Progress progress("records");
  ACCORD_RETURN_IF_ERROR((EachAnswer<std::unique_ptr<grpc::ClientReader<agency::v1::BuildCasePackResponse>>, agency::v1::BuildCasePackResponse>(
      context, stub.BuildCasePack(&context, request), service, [&](agency::v1::BuildCasePackResponse& answer) {
        answers.push_back(std::move(answer));
        progress.Tell(answers.size(), 0);
        return absl::OkStatus();
      })));
  progress.End();
  const auto records = WholeRecords(std::move(answers));
  const PackHeading heading{agency->id, options.person.empty() ? "by number" : options.person, console::Words(request.ground()), options.authority,
                            request.worker().pseudonym(), absl::ToUnixMillis(SystemClock().Now())};
  ACCORD_RETURN_IF_ERROR(MakeDirectory(options.out));
  const auto at = [&](const char* name) { return (std::filesystem::path(options.out) / name).string(); };
  ACCORD_RETURN_IF_ERROR(WriteFileDurably(
      at("pack.json"), PackJson(heading, records).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"));
  ACCORD_RETURN_IF_ERROR(WriteFileDurably(at("pack.html"), PackPage(heading, records)));
  ACCORD_RETURN_IF_ERROR(WriteFileDurably(at("index.txt"), PackIndex(heading, records)));
  if (session.json()) {
    session.PrintJson({{"directory", options.out}, {"records", records.size()}});
  } else {
    session.Print(fmt::format("{} records in {}: pack.html to read and print, pack.json, index.txt. Not redacted: a person decides (docs/case-pack.md)\n",
                              records.size(), options.out));
  }
  return kDone;
}

}  // namespace

void AddRecordsVerbs(Command& app, Verb& chosen) {
  auto options = std::make_shared<ExportOptions>();
  Command& verb = app.AddChange("export", "Write the agency's own records, sent, received and done, in clear: the oldest first, as JSON Lines");
  verb.AddOption("--out", options->out, "A file, or a directory for records.jsonl; run again it goes on").Path().Required();
  verb.AddOption("--from", options->from, "Sent or received then or later, such as 2026-11-01");
  verb.AddOption("--until", options->until, "Sent or received before");
  verb.AddFlag("--without-content", options->without_content, "Without what the sections say");
  verb.Footer("Example:\n  accordctl export --as housing --worker s.okafor --out /srv/export/");
  verb.WhenGiven([&chosen, options] { chosen = [options](Session& session) { return ExportRecords(session, *options); }; });
}

void AddCasePackVerb(Command& cases, Verb& chosen) {
  auto options = std::make_shared<PackOptions>();
  Command& verb = cases.AddChange("pack", "What the agency sent, received and logged about one person, each field marked for whoever redacts it");
  verb.AddOption("--person", options->person, "\"Family, Given, YYYY-MM-DD\"");
  verb.AddOption("--identifier", options->identifiers, "SCHEME=VALUE, such as nhs_number=9434765919; several may be given");
  verb.AddOption("--record-number", options->record_number, "The agency's own number of them");
  verb.AddOption("--ground", options->ground, "Why").Check(OneOf<agency::v1::CasePackGround>()).Required();
  verb.AddOption("--authority", options->authority, "Number of the request or order").Required();
  verb.AddOption("--out", options->out, "A directory that is not there, or empty").Path().Required();
  verb.Footer("Example:\n  accordctl case pack --as idva --worker s.okafor --person \"Ashdown, Miriam, 1990-05-17\" --ground subject-access-request "
              "--authority SAR-2026-14 --out pack/");
  verb.WhenGiven([&chosen, options] { chosen = [options](Session& session) { return Pack(session, *options); }; });
}

}  // namespace accord::accordctl

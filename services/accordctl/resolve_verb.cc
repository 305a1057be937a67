// `warrant resolve`: which people or cases of a warrant are which of an agency's own (docs/disclosures.md).
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "accord/inspection/v1/disclosure_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/console/table.h"
#include "common/crypto/cms.h"
#include "common/referral/disclosure.h"
#include "services/accordctl/asked_files.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/disclosure_text.h"
#include "services/accordctl/disclosure_verbs.h"
#include "services/accordctl/inspector_keys.h"
#include "services/accordctl/paging.h"

namespace accord::accordctl {
namespace {

using inspection::v1::RequestResolutionRequest;

struct ResolveArguments {
  std::string warrant, agency, persons, cases_file, purpose, desk;
  std::vector<std::string> cases;
  int hours = 0;
};

// A file that is wrong is a wrong use; what the reason adds to it stays.
absl::Status WrongFile(const std::string& path, const absl::Status& status) {
  absl::Status usage = UsageError(fmt::format("{}: {}", path, FromAbsl(status.message())));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) { usage.SetPayload(url, payload); });
  return usage;
}

absl::StatusOr<std::string> ReadAskedFile(const std::string& path) {
  auto bytes = ReadFile(path, kAskedFileBytesMax);
  if (!bytes.ok()) return UsageError(FromAbsl(bytes.status().message()));
  return bytes;
}

absl::StatusOr<std::vector<std::string>> AskedCases(const ResolveArguments& arguments) {
  std::vector<std::string> cases;
  for (const std::string& hex : arguments.cases) {
    const auto pseudonym = FromHex(hex);
    if (!pseudonym.has_value() || pseudonym->size() != kIdBytes) return UsageError("--case: the 32 hex digits of a pseudonym are needed");
    cases.push_back(*pseudonym);
  }
  if (!arguments.cases_file.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const std::string bytes, ReadAskedFile(arguments.cases_file));
    const auto read = ReadCases(bytes);
    if (!read.ok()) return WrongFile(arguments.cases_file, read.status());
    cases.insert(cases.end(), read->begin(), read->end());
  }
  if (cases.size() > static_cast<size_t>(referral::kDisclosureCasesMax)) {
    return UsageError(fmt::format("{} cases, and one request has at most {}: ask again for the rest", cases.size(), referral::kDisclosureCasesMax));
  }
  return cases;
}

// The directory's row of an agency.
absl::StatusOr<admin::v1::Agency> AgencyRow(const Endpoint& broker, const std::string& id) {
  admin::v1::ListAgenciesRequest request;
  request.set_page_size(kPageRowsMax);
  do {
    ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(broker, &admin::v1::DirectoryService::Stub::ListAgencies, request));
    for (const admin::v1::Agency& agency : page.agencies()) {
      if (agency.id() == id) return agency;
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return UsageError(fmt::format("the directory has no agency {}", id));
}

// The question, sealed for the agency by a certificate that the inspector's own authorities vouch for.
absl::StatusOr<std::string> SealQuestion(const type::v1::PersonsQuestion& question, const RequestResolutionRequest& request, const InspectorKeys& keys,
                                         const admin::v1::Agency& agency) {
  const bool confidential = request.desk() == type::v1::DESK_CONFIDENTIAL;
  const std::string& der = confidential ? agency.confidential_sealing_certificate() : agency.sealing_certificate();
  if (der.empty()) return UsageError(fmt::format("{} has no {} in the directory", agency.id(), confidential ? "confidential desk" : "sealing certificate"));
  ACCORD_ASSIGN_OR_RETURN(const auto certificate, keys.CheckAgency(der, agency.id(), crypto::CertificateUse::kSealing, SystemClock().Now()));
  ACCORD_ASSIGN_OR_RETURN(const std::string plaintext,
                          referral::MakeDisclosurePlaintext({keys.inspector, agency.id(), request.request_id(), type::v1::DISCLOSURE_KIND_PERSONS},
                                                            question.SerializeAsString()));
  return crypto::cms::Seal(plaintext, {&certificate, 1});
}

absl::StatusOr<int> ResolvePeopleOrCases(Session& session, const ResolveArguments& arguments) {
  ACCORD_ASSIGN_OR_RETURN(const auto cases, AskedCases(arguments));
  if (arguments.persons.empty() == cases.empty()) return UsageError("who or what is asked for? --persons FILE, or cases with --case or --cases");
  RequestResolutionRequest request;
  request.set_warrant(arguments.warrant);
  request.set_agency(arguments.agency);
  request.set_purpose(arguments.purpose);
  request.set_desk(Value<type::v1::Desk>(arguments.desk));
  request.set_within_hours(static_cast<uint32_t>(arguments.hours));
  for (const std::string& pseudonym : cases) request.add_case_pseudonyms(pseudonym);

  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kInspector));
  if (!arguments.persons.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const InspectorKeys keys, LoadInspectorKeys(session));
    ACCORD_ASSIGN_OR_RETURN(const std::string bytes, ReadAskedFile(arguments.persons));
    const auto question = ReadPersons(bytes, arguments.persons);
    if (!question.ok()) return WrongFile(arguments.persons, question.status());
    ACCORD_ASSIGN_OR_RETURN(const auto agency, AgencyRow(broker, arguments.agency));
    request.set_request_id(session.RequestId());
    ACCORD_ASSIGN_OR_RETURN(*request.mutable_persons(), SealQuestion(*question, request, keys, agency));
    // Who is asked for is nothing to print, nor are the sealed bytes.
    if (session.dry_run()) {
      return WouldDo(fmt::format("ask {} which of its referrals are about {} people, whom {} names, sealed for its certificate that your authorities vouch for",
                                 arguments.agency, question->persons_size(), arguments.persons));
    }
  } else {
    request.set_request_id(session.RequestId());
  }
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &inspection::v1::DisclosureService::Stub::RequestResolution, request));
  PrintAsked(session, response.disclosure(), request.request_id());
  return kDone;
}

}  // namespace

void AddResolveVerb(Command& warrant, Verb& chosen) {
  Command& verb = warrant.AddChange("resolve", "Ask an agency which of its referrals are about people, or which of its records are of cases; its officer answers");
  auto arguments = std::make_shared<ResolveArguments>();
  verb.AddOption("WARRANT", arguments->warrant, "The id of the warrant").Required();
  verb.AddOption("--agency", arguments->agency, "The agency that is asked").Required();
  auto& persons = verb.AddOption("--persons", arguments->persons, "People: a CSV or JSON file, of at most 100; it is sealed for the agency").ExistingFile();
  verb.AddOption("--case", arguments->cases, "A case: the 32 hex digits of its pseudonym; as often as needed").Excludes(persons);
  verb.AddOption("--cases", arguments->cases_file, "Cases: what `sample draw --json` printed, or one pseudonym on each line").ExistingFile().Excludes(persons);
  verb.AddOption("--within", arguments->hours, "Hours within which it is to be answered; without: 120").Range(1, static_cast<int>(referral::kDisclosureHoursMax));
  verb.AddOption("--for", arguments->purpose, "Why it is asked: a code of at most 64 characters, kept in the record");
  verb.AddOption("--desk", arguments->desk, "Which desk is asked; without: the main one").Check(OneOf<type::v1::Desk>());
  verb.Footer("The columns of the file are in docs/disclosures.md. What is answered is had by `accordctl disclosure collect`.\n"
              "Example: accordctl --as inspector/ines warrant resolve jtai-2026 --agency police --persons people.csv");
  verb.WhenGiven([&chosen, arguments] { chosen = [arguments](Session& session) { return ResolvePeopleOrCases(session, *arguments); }; });
}

}  // namespace accord::accordctl

// Disclosures, as inspectors ask for and collect them, and as everybody concerned lists them (docs/disclosures.md).
#include "services/accordctl/disclosure_verbs.h"

#include <fmt/format.h>

#include <memory>
#include <set>
#include <utility>

#include "accord/agency/v1/disclosure_service.grpc.pb.h"
#include "accord/inspection/v1/disclosure_service.grpc.pb.h"
#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/crypto/digest.h"
#include "common/referral/disclosure.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/disclosure_check.h"
#include "services/accordctl/disclosure_files.h"
#include "services/accordctl/disclosure_text.h"
#include "services/accordctl/inspector_keys.h"
#include "services/accordctl/paging.h"
#include "services/accordctl/progress.h"
#include "services/accordctl/references.h"

namespace accord::accordctl {
namespace {

using inspection::v1::Disclosure;
using inspection::v1::TrailService;

constexpr absl::Duration kCollectTimeout = absl::Minutes(10);

int64_t DisclosureNowMs() { return absl::ToUnixMillis(SystemClock().Now()); }

struct AskArguments {
  std::string referral, agency, warrant, purpose;
  std::vector<std::string> categories;
  int hours = 0;
};

absl::StatusOr<int> RequestSections(Session& session, const AskArguments& arguments) {
  const auto digits = ReferralDigits(arguments.referral);
  const auto digest = digits.has_value() ? FromHex(*digits) : std::nullopt;
  if (!digest.has_value() || digest->size() != crypto::kDigestBytes) {
    return UsageError(fmt::format("{}: a referral is named as `referrals/…`, by all its 64 digits", arguments.referral));
  }
  inspection::v1::RequestDisclosureRequest request;
  request.set_referral(*digest);
  request.set_agency(arguments.agency);
  request.set_warrant(arguments.warrant);
  request.set_purpose(arguments.purpose);
  for (const std::string& category : arguments.categories) request.add_categories(Value<type::v1::Category>(category));
  request.set_within_hours(static_cast<uint32_t>(arguments.hours));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kInspector));
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &TrailService::Stub::RequestDisclosure, request));
  PrintAsked(session, response.disclosure(), request.request_id());
  return kDone;
}

struct ListArguments {
  bool open = false;
  int rows = kRowsDefault;
};

template <typename Request, typename AskPage>
absl::StatusOr<int> ListDisclosures(Session& session, const ListArguments& arguments, AskPage ask) {
  Request request;
  request.set_open_only(arguments.open);
  std::vector<Disclosure> disclosures;
  nlohmann::json rows = nlohmann::json::array();
  ACCORD_ASSIGN_OR_RETURN(const bool more, EachRow(
      request, arguments.rows, ask, [](const auto& page) -> const auto& { return page.disclosures(); },
      [&](const Disclosure& disclosure) {
        disclosures.push_back(disclosure);
        rows.push_back(ToJson(disclosure));
      }));
  if (session.json()) {
    session.PrintJson({{"disclosures", rows}, {"more", more}});
    return kDone;
  }
  session.Print(DisclosureTable(disclosures, DisclosureNowMs(), console::TerminalWidth()));
  if (more) session.Print(fmt::format("… and more: --limit shows up to {}\n", kRowsMax));
  return kDone;
}

// An agency asks its own service; officers ask the broker.
absl::StatusOr<int> ListVerb(Session& session, const ListArguments& arguments) {
  ACCORD_ASSIGN_OR_RETURN(const Session::Principal who, session.Chosen(Prefer::kInspector));
  if (who.agency != nullptr) {
    ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*who.agency));
    return ListDisclosures<agency::v1::ListDisclosuresRequest>(
        session, arguments, [&](const auto& page) { return Ask(service, &agency::v1::DisclosureService::Stub::ListDisclosures, page); });
  }
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kInspector));
  return ListDisclosures<inspection::v1::ListDisclosuresRequest>(
      session, arguments, [&](const auto& page) { return Ask(broker, &inspection::v1::DisclosureService::Stub::ListDisclosures, page); });
}

absl::StatusOr<CollectedDisclosure> Collect(const Endpoint& broker, uint64_t number) {
  inspection::v1::DisclosureService::Stub stub(broker.channel);
  grpc::ClientContext context;
  rpc::SetTimeout(context, kCollectTimeout);
  inspection::v1::CollectDisclosureRequest request;
  request.set_number(number);
  const auto stream = stub.CollectDisclosure(&context, request);
  CollectedDisclosure collected;
  Progress progress("parts");
  absl::Status taken;
  for (inspection::v1::CollectDisclosureResponse response; taken.ok() && stream->Read(&response);) {
    taken = TakePiece(collected, std::move(response));
    progress.Tell(collected.parts.size(), static_cast<uint64_t>(collected.first.section_ids_size()));
  }
  progress.End();
  if (!taken.ok()) context.TryCancel();
  const absl::Status ended = rpc::FromGrpc(stream->Finish());
  if (!taken.ok()) return Annotate(taken, broker);
  if (!ended.ok()) return Annotate(ended, broker);
  return collected;
}

// Of which cases the referrals are that were found. Each question is on the record.
absl::StatusOr<CasesOfReferrals> NameCases(const Endpoint& broker, const Disclosure& disclosure, const type::v1::PersonsAnswer& answer) {
  std::set<std::string> referrals;
  for (const auto& person : answer.persons()) {
    for (const auto& found : person.referrals()) referrals.insert(found.referral());
  }
  CasesOfReferrals cases;
  Progress progress("referrals");
  for (const std::string& referral : referrals) {
    inspection::v1::QueryTrailRequest request;
    request.set_referral(referral);
    request.set_warrant(disclosure.warrant());
    request.set_purpose(disclosure.purpose());
    request.set_page_size(1);
    const auto trail = Ask(broker, &TrailService::Stub::QueryTrail, request);
    ReferralCases& found = cases[referral];
    if (trail.ok()) {
      found.cases.assign(trail->case_pseudonyms().begin(), trail->case_pseudonyms().end());
    } else if (HasReason(trail.status(), Reason::kWarrantScope) || HasReason(trail.status(), Reason::kReferralNotFound)) {
      found.outside = true;
    } else if (HasReason(trail.status(), Reason::kErased)) {
      found.erased = true;
    } else {
      return trail.status();
    }
    progress.Tell(cases.size(), referrals.size());
  }
  return cases;
}

struct CollectArguments {
  uint64_t number = 0;
  std::string out, request_id;
  bool no_cases = false;
};

absl::StatusOr<int> CollectVerb(Session& session, const CollectArguments& arguments) {
  ACCORD_ASSIGN_OR_RETURN(const InspectorKeys keys, LoadInspectorKeys(session));
  ACCORD_RETURN_IF_ERROR(CheckNewDirectory(arguments.out, kDisclosedDirectory));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kInspector));
  ACCORD_ASSIGN_OR_RETURN(const CollectedDisclosure collected, Collect(broker, arguments.number));
  const auto checked = CheckDisclosure(collected, arguments.number, arguments.request_id, keys, SystemClock().Now());
  if (!checked.ok()) return Annotate(checked.status(), fmt::format("disclosure {} does not verify, and nothing of it was written", arguments.number));
  ACCORD_RETURN_IF_ERROR(WriteDisclosed(arguments.out, collected, *checked));

  CasesOfReferrals cases;
  const bool names_cases = checked->statement.kind() == type::v1::DISCLOSURE_KIND_PERSONS && !arguments.no_cases;
  if (names_cases) {
    auto named = NameCases(broker, collected.first.disclosure(), checked->persons);
    if (!named.ok()) {
      session.Tell(fmt::format("{} has what was disclosed; of which cases it is could not be asked\n", arguments.out));
      return named.status();
    }
    cases = *std::move(named);
  }
  if (session.json()) {
    nlohmann::json document = DisclosedJson(collected, *checked, names_cases ? &cases : nullptr);
    document["directory"] = arguments.out;
    session.PrintJson(document);
  } else {
    session.Print(DisclosedText(collected, *checked, cases, arguments.out, console::TerminalWidth()));
  }
  return kDone;
}

}  // namespace

void PrintAsked(const Session& session, const Disclosure& disclosure, const std::string& request_id) {
  if (session.json()) return session.PrintJson({{"disclosure", ToJson(disclosure)}, {"requestId", request_id}});
  session.Print(DisclosureText(disclosure, DisclosureNowMs(), console::TerminalWidth()) +
                fmt::format("Once it is answered: accordctl --as inspector/{} disclosure collect {} --out DIR\n", disclosure.inspector(), disclosure.number()));
}

void AddDisclosureVerbs(Command& app, Verb& chosen) {
  Command& disclosure = app.AddGroup("disclosure", "Content that an inspector asks an agency for, sealed for that inspector alone (docs/disclosures.md)");
  auto asked = std::make_shared<AskArguments>();
  Command& request = disclosure.AddChange("request", "Ask an agency for the sections of a referral that it has (inspectors, under a warrant)");
  request.AddOption("REFERRAL", asked->referral, "`referrals/…`, all its digits").Required();
  request.AddOption("--agency", asked->agency, "The agency that is asked: its sender, or one that received something of it").Required();
  request.AddOption("--warrant", asked->warrant, "The warrant it is asked under").Required();
  request.AddOption("--category", asked->categories, "Only sections of this category; as often as needed").Check(OneOf<type::v1::Category>());
  request.AddOption("--within", asked->hours, "Hours within which it is to be answered; without: 120").Range(1, static_cast<int>(referral::kDisclosureHoursMax));
  request.AddOption("--for", asked->purpose, "Why it is asked: a code of at most 64 characters, kept in the record");
  request.Footer("Example: accordctl --as inspector/ines disclosure request \\\n    referrals/0011223344556677889900112233445566778899001122334455667788990011 --agency police --warrant jtai-2026 --category narrative");
  request.WhenGiven([&chosen, asked] { chosen = [asked](Session& session) { return RequestSections(session, *asked); }; });

  auto listed = std::make_shared<ListArguments>();
  Command& list = disclosure.AddVerb("list", "List disclosures, the newest first: an inspector's body's own, an agency's, all to an administrator");
  list.AddFlag("--open", listed->open, "Only those that wait for an answer");
  list.AddOption("--limit", listed->rows, "Most rows").Range(1, kRowsMax).ShowDefault();
  list.Footer("Example: accordctl --as inspector/ines disclosure list --open");
  list.WhenGiven([&chosen, listed] { chosen = [listed](Session& session) { return ListVerb(session, *listed); }; });

  auto collected = std::make_shared<CollectArguments>();
  Command& collect = disclosure.AddVerb("collect", "Fetch what was released, check it, open it and write it into a new directory; it is itself recorded");
  collect.AddOption("NUMBER", collected->number, "Its number").Required();
  collect.AddOption("--out", collected->out, "The directory, which must be new; it is for its owner alone").Path().Required();
  collect.AddOption("--asked-as", collected->request_id, "The request id it was asked under: an answer to another question is refused, whatever the broker says");
  collect.AddFlag("--no-cases", collected->no_cases, "Of people: do not ask the broker of which cases their referrals are");
  collect.Footer("Example: accordctl --as inspector/ines disclosure collect 4711 --out disclosed-4711");
  collect.WhenGiven([&chosen, collected] { chosen = [collected](Session& session) { return CollectVerb(session, *collected); }; });
  AddDisclosureAnswerVerbs(disclosure, chosen);
}

}  // namespace accord::accordctl

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <vector>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/paging.h"
#include "services/accordctl/support_text.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using admin::v1::SupportOffer;

constexpr int kAgeMax = 120, kPlacesMax = 1'000'000;

// How many it can take.
struct RoomOptions {
  int places = 0;
  bool not_counted = false, closed = false;
};
struct OfferOptions {
  RoomOptions room;
  int age_from = 0, age_to = 0;
  std::vector<std::string> genders, areas, grades, languages;
  std::string until;
};

// The directory as the broker shows it.
absl::StatusOr<std::vector<admin::v1::Agency>> Directory(const Endpoint& broker) {
  std::vector<admin::v1::Agency> agencies;
  ACCORD_RETURN_IF_ERROR(EachRow(
                             admin::v1::ListAgenciesRequest(), kRowsMax,
                             [&](const auto& request) { return Ask(broker, &admin::v1::DirectoryService::Stub::ListAgencies, request); },
                             [](const auto& page) -> const auto& { return page.agencies(); },
                             [&](const admin::v1::Agency& agency) { agencies.push_back(agency); })
                             .status());
  return agencies;
}

absl::StatusOr<std::optional<SupportOffer>> Standing(Session& session, const AgencyIdentity& agency) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.BrokerAs(agency));
  ACCORD_ASSIGN_OR_RETURN(const auto agencies, Directory(broker));
  for (const admin::v1::Agency& row : agencies) {
    if (row.id() == agency.id && row.has_support()) return row.support();
  }
  return std::nullopt;
}

void SetRoom(const RoomOptions& room, SupportOffer& offer) {
  offer.set_closed(room.closed);
  offer.set_places_not_counted(room.not_counted);
  offer.set_places(static_cast<uint32_t>(room.places));
}

absl::StatusOr<SupportOffer> OfferOf(const OfferOptions& options) {
  SupportOffer offer;
  SetRoom(options.room, offer);
  offer.set_age_from(static_cast<uint32_t>(options.age_from));
  offer.set_age_to(static_cast<uint32_t>(options.age_to));
  offer.mutable_genders()->Add(options.genders.begin(), options.genders.end());
  offer.mutable_areas()->Add(options.areas.begin(), options.areas.end());
  offer.mutable_languages()->Add(options.languages.begin(), options.languages.end());
  for (const std::string& grade : options.grades) offer.add_grades(Value<type::v1::RiskGrade>(grade));
  if (options.until.empty()) return offer;
  ACCORD_ASSIGN_OR_RETURN(const int64_t until_ms, TimeMs("--until", options.until));
  offer.set_valid_until_ms(until_ms);
  return offer;
}

std::string OfferText(const SupportOffer& offer) {
  return fmt::format("{}; {}; {}", WhomText(offer), offer.areas().empty() ? "any area" : absl::StrJoin(offer.areas(), ", "), RoomText(offer));
}

absl::StatusOr<int> SendSupport(Session& session, const AgencyIdentity& agency, const SupportOffer& offer) {
  agency::v1::PublishOwnSupportRequest request;
  *request.mutable_support() = offer;
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(agency));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(agency));
  request.set_request_id(session.RequestId());
  if (session.dry_run()) {  // As every dry run, and what it would take the place of.
    ACCORD_ASSIGN_OR_RETURN(const auto standing, Standing(session, agency));
    if (session.json()) {
      nlohmann::json document = DryRunOf(WouldAsk(service.who, request))->document;
      document["stands"] = standing.has_value() ? ToJson(*standing) : nlohmann::json();
      session.PrintJson(document);
    } else {
      session.Print(fmt::format("dry run: nothing was changed\nwould publish: {}\nstands now:    {}\n", OfferText(offer), standing.has_value() ? OfferText(*standing) : "nothing"));
    }
    return kDone;
  }
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &agency::v1::OutboxService::Stub::PublishOwnSupport, request));
  session.json() ? session.PrintJson(ToJson(response))
                 : session.Print(fmt::format("{} takes: {} (entry {})\n", agency.id, OfferText(response.support()), response.index()));
  return kDone;
}

absl::StatusOr<int> Publish(Session& session, const OfferOptions& options) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const SupportOffer offer, OfferOf(options));
  return SendSupport(session, *agency, offer);
}

// Whom it takes stays as it is published.
absl::StatusOr<int> ChangeRoom(Session& session, const OfferOptions& options) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const auto standing, Standing(session, *agency));
  if (!standing.has_value()) return UsageError("nothing is published of this agency, or it is past: `support publish` says whom it takes");
  SupportOffer offer = *standing;
  SetRoom(options.room, offer);
  return SendSupport(session, *agency, offer);
}

absl::StatusOr<int> ListSupport(Session& session) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAgency));
  ACCORD_ASSIGN_OR_RETURN(const auto agencies, Directory(broker));
  if (!session.json()) {
    session.Print(SupportTable(agencies, console::TerminalWidth()));
    return kDone;
  }
  nlohmann::json rows = nlohmann::json::array();
  for (const admin::v1::Agency& agency : agencies) {
    if (agency.has_support()) rows.push_back({{"agency", agency.id()}, {"support", ToJson(agency.support())}});
  }
  session.PrintJson({{"support", std::move(rows)}});
  return kDone;
}

void AddRoom(Command& verb, OfferOptions& options) {
  OptionSet& room = verb.AddOneOf("Room");
  room.AddOption("--places", options.room.places, "How many new clients it can take now").Range(0, kPlacesMax);
  room.AddFlag("--not-counted", options.room.not_counted, "It takes new clients, and does not say how many");
  room.AddFlag("--closed", options.room.closed, "It takes nobody new");
}

}  // namespace

void AddSupportVerbs(Command& app, Verb& chosen) {
  Command& support = app.AddGroup("support", "Whom agencies take, and whether they have room");
  auto options = std::make_shared<OfferOptions>();
  Command& publish = support.AddChange("publish", "Publish whom this agency takes, in place of all it published before");
  AddRoom(publish, *options);
  publish.AddOption("--age-from", options->age_from, "The youngest age, in years").Range(0, kAgeMax);
  publish.AddOption("--age-to", options->age_to, "The oldest; 0: no limit").Range(0, kAgeMax);
  publish.AddOption("--gender", options->genders, "A gender, as records have it; none: any");
  publish.AddOption("--area", options->areas, "GSS code of an area; none: any");
  publish.AddOption("--grade", options->grades, "A grade; none: any").Check(OneOf<type::v1::RiskGrade>());
  publish.AddOption("--language", options->languages, "A language it works in, in English; none: any");
  publish.AddOption("--until", options->until, "Until when it holds, such as 2027-03-31 or 2027-03-31T09:30:00Z; none: until it is replaced");
  publish.Footer("Example:\n  accordctl support publish --places 4 --age-from 16 --area E06000047 --grade high --grade medium --as idva --worker m.bell");
  publish.WhenGiven([&chosen, options] { chosen = [options](Session& session) { return Publish(session, *options); }; });

  Command& room = support.AddChange("room", "Change how many it can take, and nothing else of what it published");
  AddRoom(room, *options);
  room.Footer("Example:\n  accordctl support room --places 0 --as idva --worker m.bell");
  room.WhenGiven([&chosen, options] { chosen = [options](Session& session) { return ChangeRoom(session, *options); }; });

  Command& list = support.AddVerb("list", "What every agency has published");
  list.Footer("Example:\n  accordctl support list --as police");
  list.WhenGiven([&chosen] { chosen = [](Session& session) { return ListSupport(session); }; });
}

}  // namespace accord::accordctl

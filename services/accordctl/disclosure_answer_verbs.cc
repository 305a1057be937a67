// Disclosures, as an agency's authorising officer answers them through the agency's own service (docs/disclosures.md).
#include <fmt/format.h>

#include <memory>

#include "accord/agency/v1/disclosure_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/disclosure_text.h"
#include "services/accordctl/disclosure_verbs.h"

namespace accord::accordctl {
namespace {

using AgencyDisclosures = agency::v1::DisclosureService;

constexpr absl::Duration kAnswerTimeout = absl::Minutes(2);  // Sections with files are opened, sealed again and sent.

// Who acts, at which service, under which id.
template <typename Request>
absl::StatusOr<Endpoint> BeginAnswer(Session& session, uint64_t number, Request& request) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  ACCORD_ASSIGN_OR_RETURN(Endpoint service, session.Service(*agency));
  request.set_number(number);
  request.set_request_id(session.RequestId());
  return service;
}

absl::StatusOr<int> ShowHeld(Session& session, uint64_t number) {
  agency::v1::ReadDisclosureRequest request;
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, BeginAnswer(session, number, request));
  ACCORD_ASSIGN_OR_RETURN(const auto held, Ask(service, &AgencyDisclosures::Stub::ReadDisclosure, request, kAnswerTimeout));
  session.json() ? session.PrintJson(ToJson(held))
                 : session.Print(HeldText(held, absl::ToUnixMillis(SystemClock().Now()), console::TerminalWidth()));
  return kDone;
}

absl::StatusOr<int> SendAnswer(Session& session, uint64_t number, agency::v1::AnswerDisclosureRequest request, std::string_view done) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, BeginAnswer(session, number, request));
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &AgencyDisclosures::Stub::AnswerDisclosure, request, kAnswerTimeout));
  const uint64_t index = response.disclosure().answered_index();
  if (session.json()) {
    session.PrintJson({{"disclosure", ToJson(response.disclosure())}, {"index", index}});
  } else {
    session.Print(fmt::format("{}: entry {} of the log, whose receipt verified\n{}", done, index,
                              DisclosureText(response.disclosure(), absl::ToUnixMillis(SystemClock().Now()), console::TerminalWidth())));
  }
  return kDone;
}

absl::StatusOr<int> ReleaseHeld(Session& session, uint64_t number, const std::vector<std::string>& sections, const std::vector<std::string>& withheld) {
  agency::v1::AnswerDisclosureRequest request;
  request.set_answer(type::v1::DISCLOSURE_ANSWER_RELEASED);
  for (const std::string& hex : sections) {
    const auto id = FromHex(hex);
    if (!id.has_value() || id->size() != kIdBytes) return UsageError("--section: the 32 hex digits that `disclosure show` shows are needed");
    request.add_section_ids(*id);
  }
  for (const std::string& mark : withheld) request.add_withheld_marks(mark);
  return SendAnswer(session, number, std::move(request), "Released");
}

absl::StatusOr<int> RefuseHeld(Session& session, uint64_t number, const std::string& ground) {
  agency::v1::AnswerDisclosureRequest request;
  request.set_answer(type::v1::DISCLOSURE_ANSWER_REFUSED);
  request.set_ground(Value<type::v1::DisclosureGround>(ground));
  return SendAnswer(session, number, std::move(request), "Refused");
}

}  // namespace

void AddDisclosureAnswerVerbs(Command& disclosure, Verb& chosen) {
  auto number = std::make_shared<uint64_t>(0);
  const auto footer = [](std::string_view example) {
    return fmt::format("The worker is an authorising officer: --worker PSEUDONYM --role authorising_officer.\n"
                       "Example: accordctl disclosure {} --as police --worker a.grant --role authorising_officer", example);
  };
  Command& show = disclosure.AddChange("show", "Show who asks for what under which power, and what would be released; nothing leaves the agency");
  show.AddOption("NUMBER", *number, "Its number").Required();
  show.Footer(footer("show 4711"));
  show.WhenGiven([&chosen, number] { chosen = [number](Session& session) { return ShowHeld(session, *number); }; });

  auto sections = std::make_shared<std::vector<std::string>>(), withheld = std::make_shared<std::vector<std::string>>();
  Command& release = disclosure.AddChange("release", "Release it, sealed for the inspector alone");
  release.AddOption("NUMBER", *number, "Its number").Required();
  auto& only = release.AddOption("--section", *sections, "Only this section, by the id that `disclosure show` shows; as often as needed");
  release.AddOption("--withhold", *withheld, "The mark of somebody who then reads as not known; as often as needed").Excludes(only);
  release.Footer(footer("release 4711"));
  release.WhenGiven([&chosen, number, sections, withheld] {
    chosen = [=](Session& session) { return ReleaseHeld(session, *number, *sections, *withheld); };
  });

  auto ground = std::make_shared<std::string>();
  Command& refuse = disclosure.AddChange("refuse", "Refuse it, with a ground that the inspector sees and the record keeps");
  refuse.AddOption("NUMBER", *number, "Its number").Required();
  refuse.AddOption("--ground", *ground, "Why").Check(OneOf<type::v1::DisclosureGround>()).Required();
  refuse.Footer(footer("refuse 4711 --ground legal-privilege"));
  refuse.WhenGiven([&chosen, number, ground] { chosen = [=](Session& session) { return RefuseHeld(session, *number, *ground); }; });
}

}  // namespace accord::accordctl

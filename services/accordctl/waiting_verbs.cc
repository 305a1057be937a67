#include <fmt/format.h>

#include <memory>
#include <vector>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "services/accordctl/paging.h"
#include "services/accordctl/verbs.h"
#include "services/accordctl/waiting_text.h"

namespace accord::accordctl {
namespace {

using agency::v1::OutboxService;

absl::StatusOr<int> Waiting(Session& session, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  ACCORD_ASSIGN_OR_RETURN(const auto status, Ask(service, &OutboxService::Stub::GetServiceStatus, agency::v1::GetServiceStatusRequest()));
  std::vector<agency::v1::WaitingItem> items;
  ACCORD_ASSIGN_OR_RETURN(
      const bool more,
      EachRow(
          agency::v1::ListWaitingRequest(), rows_max, [&](const auto& page) { return Ask(service, &OutboxService::Stub::ListWaiting, page); },
          [](const auto& page) -> const auto& { return page.items(); }, [&](const auto& item) { items.push_back(item); }));
  if (session.json()) {
    nlohmann::json rows = nlohmann::json::array();
    for (const auto& item : items) rows.push_back(ToJson(item));
    session.PrintJson({{"service", ToJson(status)}, {"items", rows}, {"more", more}});
    return kDone;
  }
  session.Print(WaitingText(status, items, SystemClock().Now(), console::TerminalWidth()));
  if (more) session.Print(fmt::format("… and more: --limit shows up to {}\n", kRowsMax));
  return kDone;
}

}  // namespace

void AddWaitingVerbs(Command& app, Verb& chosen) {
  auto limit = std::make_shared<int>(kRowsDefault);
  Command& waiting = app.AddVerb("waiting", "What waits in the agency's service, since when, why, and what to do");
  waiting.AddOption("--limit", *limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  waiting.Footer("Example:\n  accordctl waiting --as police");
  waiting.WhenGiven([&chosen, limit] { chosen = [limit](Session& session) { return Waiting(session, *limit); }; });
}

}  // namespace accord::accordctl

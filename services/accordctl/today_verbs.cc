#include <fmt/format.h>

#include <memory>
#include <vector>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "services/accordctl/duty_text.h"
#include "services/accordctl/paging.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

absl::StatusOr<int> Today(Session& session, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  std::vector<agency::v1::TodayItem> items;
  ACCORD_ASSIGN_OR_RETURN(
      const bool more,
      EachRow(
          agency::v1::ListTodayRequest(), rows_max,
          [&](const auto& page) { return Ask(service, &agency::v1::InboxService::Stub::ListToday, page); },
          [](const auto& page) -> const auto& { return page.items(); }, [&](const auto& item) { items.push_back(item); }));
  if (session.json()) {
    nlohmann::json rows = nlohmann::json::array();
    for (const auto& item : items) rows.push_back(ToJson(item));
    session.PrintJson({{"items", rows}, {"more", more}});
    return kDone;
  }
  session.Print(TodayText(items, SystemClock().Now(), console::TerminalWidth(), console::ColourWanted()));
  if (more) session.Print(fmt::format("… and more: --limit shows up to {}\n", kRowsMax));
  return kDone;
}

}  // namespace

void AddTodayVerbs(Command& app, Verb& chosen) {
  auto limit = std::make_shared<int>(kPageRowsMax);
  Command& today = app.AddVerb("today", "What waits for this agency's people: to open, to answer, and what others said");
  today.AddOption("--limit", *limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  today.Footer("Example: accordctl today --as idva");
  today.WhenGiven([&chosen, limit] { chosen = [limit](Session& session) { return Today(session, *limit); }; });
}

}  // namespace accord::accordctl

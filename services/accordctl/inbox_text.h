// What was received, as people read it: one item, or a row for each.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <nlohmann/json.hpp>
#include <string>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/type/v1/section_content.pb.h"
#include "common/base/clock.h"
#include "common/console/table.h"
#include "services/accordctl/paging.h"

namespace accord::accordctl {

// "m.bell, team north", "team north", "m.bell". Pure. Thread-safe.
std::string AssignmentText(const agency::v1::Assignment& assignment);
// All of an item. Single-thread.
std::string ItemText(const agency::v1::InboxItem& item);

// A table of items without rows, and a row of it. Thread-safe.
console::Table InboxTable();
void AddItem(console::Table& table, const agency::v1::InboxItem& item, absl::Time now);

// The person that `text` names: `Family, Given, YYYY-MM-DD`, or less of the date. A usage error that names `option`. Pure. Thread-safe.
absl::StatusOr<type::v1::Person> PersonOf(const std::string& option, const std::string& text);

// Shows up to `rows_max` items of the pages that `ask` gives for `request`. Single-thread.
template <typename Request, typename AskPage>
absl::StatusOr<int> ShowItems(Session& session, Request request, int rows_max, AskPage ask) {
  nlohmann::json rows = nlohmann::json::array();
  console::Table table = InboxTable();
  const absl::Time now = SystemClock().Now();
  ACCORD_ASSIGN_OR_RETURN(const bool more, EachRow(
                                               std::move(request), rows_max, ask, [](const auto& page) -> const auto& { return page.items(); },
                                               [&](const agency::v1::InboxItem& item) {
                                                 rows.push_back(ToJson(item));
                                                 AddItem(table, item, now);
                                               }));
  if (session.json()) {
    session.PrintJson({{"items", rows}, {"more", more}});
    return kDone;
  }
  session.Print(table.ToString(console::TerminalWidth()));
  if (more) session.Print("… and more: --limit shows up to " + std::to_string(kRowsMax) + "\n");
  return kDone;
}

}  // namespace accord::accordctl

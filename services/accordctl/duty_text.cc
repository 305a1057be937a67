#include "services/accordctl/duty_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "common/base/london_time.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/accordctl/references.h"

namespace accord::accordctl {
namespace {

using agency::v1::SubmissionRecipient;
using agency::v1::TodayItem;
using console::Cell;
using console::Colour;

constexpr const char* kDanger = "999 is for danger now.";

std::string Due(int64_t due_ms, absl::Time now) {
  if (due_ms == 0) return "-";
  const absl::Time due = absl::FromUnixMillis(due_ms);
  const std::string at = LondonDueText(due);
  return due <= now ? fmt::format("{}, overdue {}", at, AboutText(now - due)) : at;
}

Cell DutyCell(const SubmissionRecipient& row) {
  switch (row.duty()) {
    case type::v1::DUTY_STATE_ALERTED: return {"alerted: their service called somebody, and does so again until a person opens it", Colour::kYellow};
    case type::v1::DUTY_STATE_QUEUED: return {"waits for their service", Colour::kYellow};
    case type::v1::DUTY_STATE_OPENED: return {"opened by a person", Colour::kGreen};
    case type::v1::DUTY_STATE_NO_ONE_ON_DUTY:
      return {row.duty_telephone().empty() ? fmt::format("NO ONE ON DUTY, and they have registered no telephone number. {}", kDanger)
                                           : fmt::format("NO ONE ON DUTY: telephone {}. {}", row.duty_telephone(), kDanger),
              Colour::kBoldRed};
    default: return {console::Words(row.state())};
  }
}

struct Group {
  const char* heading;
  std::array<agency::v1::TodayKind, 5> kinds;  // The rest are not stated.
};

// In the order in which they are shown.
constexpr Group kGroups[] = {
    {"Overdue here", {agency::v1::TODAY_KIND_TO_OPEN_OVERDUE, agency::v1::TODAY_KIND_TO_ANSWER_OVERDUE}},
    {"To open", {agency::v1::TODAY_KIND_TO_OPEN}},
    {"To answer",
     {agency::v1::TODAY_KIND_TO_ANSWER, agency::v1::TODAY_KIND_CHANGE_TO_ANSWER, agency::v1::TODAY_KIND_LINK_PROPOSED,
      agency::v1::TODAY_KIND_DISCLOSURE_TO_ANSWER}},
    {"At the forum",
     {agency::v1::TODAY_KIND_CASE_TO_LIST, agency::v1::TODAY_KIND_CASE_TO_HEAR, agency::v1::TODAY_KIND_RESEARCH_DUE, agency::v1::TODAY_KIND_ACTION_OVERDUE,
      agency::v1::TODAY_KIND_ACTION_UNOWNED}},
    {"Not sent yet", {agency::v1::TODAY_KIND_SUBMISSION_WAITS}},
    {"Late elsewhere", {agency::v1::TODAY_KIND_CHECKS_DUE, agency::v1::TODAY_KIND_RECIPIENT_LATE}},
    {"What others said of what you sent",
     {agency::v1::TODAY_KIND_RETURNED, agency::v1::TODAY_KIND_REDIRECTED, agency::v1::TODAY_KIND_DECLINED, agency::v1::TODAY_KIND_DECIDED}},
};

bool IsIn(const TodayItem& item, const Group& group) {
  return item.kind() != agency::v1::TODAY_KIND_UNSPECIFIED && std::find(group.kinds.begin(), group.kinds.end(), item.kind()) != group.kinds.end();
}

Colour ColourOf(const TodayItem& item, absl::Time now) {
  const bool late = item.due_ms() != 0 && absl::FromUnixMillis(item.due_ms()) <= now;
  if (late) return Colour::kBoldRed;
  return item.lane() == type::v1::LANE_IMMEDIATE ? Colour::kRed : Colour::kPlain;
}

void AddGroup(const char* heading, const std::vector<const TodayItem*>& rows, absl::Time now, size_t width, bool coloured, std::string& text) {
  if (rows.empty()) return;
  auto table = console::Table::Facts();
  for (const TodayItem* item : rows) {
    const Colour colour = coloured ? ColourOf(*item, now) : Colour::kPlain;
    table.AddColoured({{ShortName(item->referral())}, {item->words(), colour}});
  }
  text += fmt::format("{}{} ({})\n{}", text.empty() ? "" : "\n", heading, rows.size(), table.ToString(width, 2));
}

}  // namespace

std::string RecipientsText(const agency::v1::Submission& submission, absl::Time now, size_t width, bool coloured) {
  bool worth = false;
  console::Table table({"recipient", "duty worker or state", "to be opened by", "to be answered by"});
  for (const SubmissionRecipient& row : submission.recipients()) {
    worth |= row.duty() != type::v1::DUTY_STATE_UNSPECIFIED || row.pick_up_due_ms() != 0 || row.response_due_ms() != 0;
    Cell duty = DutyCell(row);
    if (!coloured) duty.colour = Colour::kPlain;
    table.AddColoured({{row.agency()}, std::move(duty), {Due(row.pick_up_due_ms(), now)}, {Due(row.response_due_ms(), now)}});
  }
  return worth ? table.ToString(width, 2) : "";
}

std::string DueText(const agency::v1::InboxItem& item, absl::Time now) {
  const int64_t pick_up = item.pick_up_due_ms(), response = item.response_due_ms();
  const int64_t due_ms = pick_up == 0 ? response : response == 0 ? pick_up : std::min(pick_up, response);
  const absl::Duration late = now - absl::FromUnixMillis(due_ms);
  if (due_ms == 0 || late < absl::ZeroDuration()) return Due(due_ms, now);
  // A list has no room for more.
  const int64_t minutes = absl::ToInt64Minutes(late), hours = minutes / 60;
  return minutes < 60 ? fmt::format("overdue {} min", minutes) : hours < 48 ? fmt::format("overdue {} h", hours) : fmt::format("overdue {} d", hours / 24);
}

std::string TodayText(const std::vector<TodayItem>& items, absl::Time now, size_t width, bool coloured) {
  if (items.empty()) return "Nothing waits.\n";
  std::string text;
  std::vector<const TodayItem*> left;
  for (const TodayItem& item : items) left.push_back(&item);
  for (const Group& group : kGroups) {
    std::vector<const TodayItem*> rows;
    std::copy_if(left.begin(), left.end(), std::back_inserter(rows), [&](const TodayItem* item) { return IsIn(*item, group); });
    std::erase_if(left, [&](const TodayItem* item) { return IsIn(*item, group); });
    AddGroup(group.heading, rows, now, width, coloured, text);
  }
  AddGroup("More", left, now, width, coloured, text);
  return text;
}

}  // namespace accord::accordctl

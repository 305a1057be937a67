// What of a forum's cases waits for a person.
#include <fmt/format.h>

#include "common/agent/checks.h"
#include "common/agent/today.h"
#include "common/base/london_time.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "services/agency/forum.h"

namespace accord::agency {
namespace {

using namespace type::v1;  // NOLINT: states and kinds.
using agency::v1::TodayItem;

absl::Time At(int64_t ms) { return absl::FromUnixMillis(ms); }

TodayItem ItemOf(const ForumCase& one, agency::v1::TodayKind kind, int64_t since_ms, int64_t due_ms) {
  TodayItem item;
  item.set_kind(kind);
  item.set_referral(referral::ReferralName(one.entry.header_digest));
  item.set_agency(one.entry.header.core.part.sender());
  item.set_grade(agent::GradeNow(one.entry));
  item.set_lane(one.entry.stored.lane());
  item.set_since_ms(since_ms);
  item.set_due_ms(due_ms);
  return item;
}

std::string CaseWords(const ForumCase& one) {
  return fmt::format("case of {} from {}", one.entry.header.core.part.forum(), one.entry.header.core.part.sender());
}

bool HasEnded(const storage::v1::StoredReceived& stored) { return stored.recalled() || stored.withdrawn() || stored.has_erase_by(); }

// The case itself: to be listed, or to be heard.
void AddCase(const ForumCase& one, absl::Time now, std::vector<TodayItem>& items) {
  const auto& stored = one.entry.stored;
  const int64_t meeting_ms = one.stored.meeting_at_ms();
  if (HasEnded(stored)) return;
  if (stored.state() == REFERRAL_STATE_ACCEPTED || stored.state() == REFERRAL_STATE_TRANSFERRED_IN) {
    auto& item = items.emplace_back(ItemOf(one, agency::v1::TODAY_KIND_CASE_TO_LIST, stored.received_at_ms(), 0));
    item.set_words(fmt::format("A {}, received {}: on no agenda yet.", CaseWords(one), LondonText(At(stored.received_at_ms()))));
  } else if (stored.state() == REFERRAL_STATE_DEFERRED) {
    auto& item = items.emplace_back(ItemOf(one, agency::v1::TODAY_KIND_CASE_TO_LIST, stored.received_at_ms(), meeting_ms));
    item.set_words(fmt::format("A {}: deferred, and to be listed again{}.", CaseWords(one), agent::DueWords(meeting_ms, now)));
  } else if (IsListed(stored.state()) && meeting_ms != 0 && At(meeting_ms) <= now) {
    auto& item = items.emplace_back(ItemOf(one, agency::v1::TODAY_KIND_CASE_TO_HEAR, stored.received_at_ms(), meeting_ms));
    item.set_words(fmt::format("A {}: its meeting began {}, {} ago, and neither a hearing nor a deferral is recorded.", CaseWords(one),
                               LondonDueText(At(meeting_ms)), AboutText(now - At(meeting_ms))));
  }
}

// Its research, once the time for that is over, and while it can still be of use.
void AddResearch(const ForumCase& one, const storage::v1::StoredSubmission& asked, absl::Time now, std::vector<TodayItem>& items) {
  const agent::ChecksState state = agent::StateOfChecks(asked);
  if (HasEnded(one.entry.stored) || !IsListed(one.entry.stored.state()) || state.due_ms == 0 || At(state.due_ms) > now) return;
  auto& item = items.emplace_back(ItemOf(one, agency::v1::TODAY_KIND_RESEARCH_DUE, asked.accepted_at_ms(), state.due_ms));
  item.clear_agency();  // Several.
  item.set_about(one.stored.research());
  item.set_words(fmt::format("Research for a {}: {} asked, {} answered; {} {} not{}.", CaseWords(one), state.answered.size() + state.lacking.size(),
                             state.answered.size(), agent::JoinedAgencies(state.lacking), state.lacking.size() == 1 ? "has" : "have",
                             agent::DueWords(state.due_ms, now)));
}

// Nobody has it: its owner refused it, or will not be told by itself. `told`: the notification; null when there is none.
bool IsUnowned(const ForumAction& action, const storage::v1::StoredSubmission* told) {
  if (action.state == forum::v1::ACTION_STATE_REFUSED) return true;
  if (action.state != forum::v1::ACTION_STATE_NOT_TOLD) return false;
  return told == nullptr || told->state() == agency::v1::SUBMISSION_STATE_NEEDS_PERSON || told->state() == agency::v1::SUBMISSION_STATE_WITHDRAWN ||
         told->state() == agency::v1::SUBMISSION_STATE_ERASED;
}

std::string NotToldWords(const storage::v1::StoredSubmission* told) {
  if (told == nullptr) return "they are not told; add it again under its id";
  const std::string& why = told->waiting_for();  // A reason, and after a colon its words.
  if (told->state() == agency::v1::SUBMISSION_STATE_NEEDS_PERSON) return "they are not told, and that waits for a person here: " + why.substr(0, why.find(':'));
  return "they are not told, and will not be; tell them in another way, or give it to another";
}

void AddAction(const ForumCase& one, const ForumAction& action, const storage::v1::StoredSubmission* told, absl::Time now, std::vector<TodayItem>& items) {
  const bool unowned = IsUnowned(action, told);
  if (action.state == forum::v1::ACTION_STATE_COMPLETED || !(unowned || action.overdue)) return;
  const auto kind = unowned ? agency::v1::TODAY_KIND_ACTION_UNOWNED : agency::v1::TODAY_KIND_ACTION_OVERDUE;
  auto& item = items.emplace_back(ItemOf(one, kind, action.stored.added_at_ms(), action.stored.due_at_ms()));
  item.set_agency(action.stored.owner());
  item.set_about(action.id);
  const bool not_told = action.state == forum::v1::ACTION_STATE_NOT_TOLD;
  const std::string why = !not_told && unowned ? "they refused it; give it to another, and complete this one by hand"
                          : unowned            ? NotToldWords(told)
                          : not_told           ? "not completed, and they are not told yet"
                                               : "not completed";
  item.set_words(fmt::format("Action {} of {} in a {}: {}{}.", action.stored.code(), action.stored.owner(), CaseWords(one), why,
                             agent::DueWords(action.stored.due_at_ms(), now)));
}

}  // namespace

absl::StatusOr<std::vector<TodayItem>> Forum::Today() {
  ACCORD_ASSIGN_OR_RETURN(const auto cases, Cases([](const agent::InboxEntry&) { return true; }));
  const absl::Time now = clock_.Now();
  std::vector<TodayItem> items;
  for (const ForumCase& one : cases) {
    AddCase(one, now, items);
    if (!one.stored.research().empty()) {
      const auto asked = outbox_.Get(one.stored.research());
      if (asked.ok() && asked->draft().core().checks()) AddResearch(one, *asked, now, items);
    }
    for (const ForumAction& action : one.actions) {
      const auto told = outbox_.Get(action.id);
      AddAction(one, action, told.ok() ? &*told : nullptr, now, items);
    }
  }
  return items;
}

}  // namespace accord::agency

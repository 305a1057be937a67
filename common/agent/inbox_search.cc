#include "common/agent/inbox_search.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/agent/inbox_people.h"
#include "common/base/status.h"

namespace accord::agent {
namespace {

using agency::v1::SearchInboxRequest;

absl::Status InvalidSearch(std::string_view field, std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("{} {}", field, why), {{"field", std::string(field)}});
}

// An empty list asks for nothing.
template <typename List, typename Value>
bool Wants(const List& list, const Value& value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

bool IsPast(int64_t due_ms, absl::Time now) { return due_ms != 0 && absl::FromUnixMillis(due_ms) <= now; }

bool FitsAssignment(const SearchInboxRequest& request, const std::optional<agency::v1::Assignment>& assignment) {
  if (request.unassigned() && assignment.has_value()) return false;
  if (!request.assigned_worker().empty() && (!assignment.has_value() || assignment->worker() != request.assigned_worker())) return false;
  return request.assigned_team().empty() || (assignment.has_value() && assignment->team() == request.assigned_team());
}

bool Fits(const SearchInboxRequest& request, const InboxEntry& entry, absl::Time now) {
  const auto& core = entry.header.core.part;
  const int64_t received_ms = entry.stored.received_at_ms();
  if (!Wants(request.senders(), core.sender()) || !Wants(request.states(), static_cast<int>(StateNow(entry.stored)))) return false;
  if (!Wants(request.types(), static_cast<int>(core.type())) || !Wants(request.purposes(), static_cast<int>(core.purpose()))) return false;
  if (GradeNow(entry) < request.grade_at_least()) return false;
  if (received_ms < request.received_from_ms() || (request.received_until_ms() != 0 && received_ms >= request.received_until_ms())) return false;
  const auto& sections = entry.header.sections;
  const bool has_category = request.category() == type::v1::CATEGORY_UNSPECIFIED ||
                            std::any_of(sections.begin(), sections.end(), [&](const auto& one) { return one.part.category() == request.category(); });
  return has_category && (!request.unopened() || IsUnopened(entry.stored)) && (!request.overdue() || IsOverdue(entry, now));
}

}  // namespace

bool IsOverdue(const InboxEntry& entry, absl::Time now) {
  const auto& stored = entry.stored;
  if (IsPast(stored.answer_due_ms(), now)) return true;
  if (!entry.corrected_by.empty()) return false;  // The version in its place is what is opened and answered.
  if (OwesFeedback(stored) && IsPast(stored.feedback_due_ms(), now)) return true;
  if (IsUnopened(stored) && IsPast(stored.pick_up_due_ms(), now)) return true;
  const bool waits = IsUnopened(stored) || IsUnanswered(stored, entry.header.core.part.type());
  return waits && IsPast(stored.response_due_ms(), now);
}

absl::StatusOr<InboxPage> SearchInbox(const Inbox& inbox, const Workers& workers, const AgencyKeys& keys, const SearchInboxRequest& request,
                                      uint64_t before, int limit, absl::Time now) {
  if (request.senders_size() > kSearchedSendersMax) return InvalidSearch("senders", fmt::format("are more than {}", kSearchedSendersMax));
  if (request.received_from_ms() < 0) return InvalidSearch("received_from_ms", "is before 1970");
  if (request.received_until_ms() < 0) return InvalidSearch("received_until_ms", "is before 1970");
  const PersonTokens sought = TokensOf(keys, request.person());
  if (request.has_person() && sought.empty()) {
    return InvalidSearch("person", "cannot be recognised by this: give a name with a date of birth or its year, or a verified identifier");
  }
  const std::string& searcher = request.worker().pseudonym();
  const bool has_conflicts = workers.HasConflicts(searcher);

  ACCORD_ASSIGN_OR_RETURN(const auto arrivals, inbox.Arrivals(before, kInboxRowsLookedAtMax));
  InboxPage page;
  for (const auto& [sequence, digest] : arrivals) {
    page.next = sequence;
    // The cheap first: a row has its sections.
    if (!FitsAssignment(request, workers.AssignmentOf(digest))) continue;
    if (request.has_person() || has_conflicts) {
      const auto people = inbox.People(digest);
      if (absl::IsNotFound(people.status()) || HasReason(people.status(), Reason::kErased)) continue;  // Erased while this looks.
      ACCORD_RETURN_IF_ERROR(people);
      if (has_conflicts && workers.Bars(searcher, *people)) continue;
      if (request.has_person() && !(AreCurrent(keys, *people) && MayBeAmong(sought, TokensOf(keys, *people)))) continue;
    }
    auto entry = inbox.Get(digest);
    if (absl::IsNotFound(entry.status()) || HasReason(entry.status(), Reason::kErased)) continue;
    ACCORD_RETURN_IF_ERROR(entry);
    if (!Fits(request, *entry, now)) continue;
    page.entries.push_back(*std::move(entry));
    if (page.entries.size() == static_cast<size_t>(limit)) break;
  }
  const bool whole = arrivals.size() < kInboxRowsLookedAtMax && (arrivals.empty() || page.next == arrivals.back().first);
  if (whole || page.next <= 1) page.next = 0;
  return page;
}

}  // namespace accord::agent

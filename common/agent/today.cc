#include "common/agent/today.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "common/agent/checks.h"
#include "common/agent/outbox_recipients.h"
#include "common/base/london_time.h"
#include "common/referral/referral_name.h"
#include "common/referral/states.h"

namespace accord::agent {
namespace {

using agency::v1::TodayItem;
using storage::v1::StoredSubmission;

std::string At(int64_t ms) { return LondonText(absl::FromUnixMillis(ms)); }

std::string TypeWords(type::v1::ReferralType type) {
  switch (type) {
    case type::v1::REFERRAL_TYPE_NOTIFICATION: return "notification";
    case type::v1::REFERRAL_TYPE_EVENT_NOTICE: return "notice of an event";
    case type::v1::REFERRAL_TYPE_REQUEST_FOR_INFORMATION: return "request for information";
    case type::v1::REFERRAL_TYPE_RESPONSE: return "response";
    case type::v1::REFERRAL_TYPE_CORRECTION: return "correction";
    default: return "referral";
  }
}

// "High-risk referral", "IMMEDIATE high-risk referral", "Notification", "Medium-risk check".
std::string What(type::v1::Lane lane, type::v1::RiskGrade grade, const type::v1::HeaderCore& core) {
  std::string words = grade == type::v1::RISK_GRADE_HIGH       ? "high-risk "
                      : grade == type::v1::RISK_GRADE_MEDIUM   ? "medium-risk "
                      : grade == type::v1::RISK_GRADE_STANDARD ? "standard-risk "
                                                               : "";
  words += core.checks() ? "check" : TypeWords(core.type());
  if (lane == type::v1::LANE_IMMEDIATE) return "IMMEDIATE " + words;
  words[0] = absl::ascii_toupper(static_cast<unsigned char>(words[0]));
  return words;
}

// A coded value as people say it: RETURN_REASON_SAFE_CONTACT_MISSING is "safe contact missing".
template <typename Enum>
std::string Said(Enum value, std::string_view prefix) {
  std::string name = google::protobuf::GetEnumDescriptor<Enum>()->FindValueByNumber(value) == nullptr
                         ? fmt::format("value {}", static_cast<int>(value))
                         : google::protobuf::GetEnumDescriptor<Enum>()->FindValueByNumber(value)->name();
  if (name.starts_with(prefix)) name.erase(0, prefix.size());
  absl::AsciiStrToLower(&name);
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

// The earlier of two deadlines, of which 0 is none.
int64_t Earlier(int64_t a, int64_t b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

TodayItem OfReceived(const InboxEntry& entry, agency::v1::TodayKind kind, int64_t due_ms) {
  const auto& core = entry.header.core.part;
  TodayItem item;
  item.set_kind(kind);
  item.set_referral(referral::ReferralName(entry.header_digest));
  item.set_agency(core.sender());
  item.set_grade(GradeNow(entry));
  item.set_lane(entry.stored.lane());
  item.set_since_ms(entry.stored.received_at_ms());
  item.set_due_ms(due_ms);
  return item;
}

// ", with team north", ", with m.bell"; nothing when nobody has it.
std::string WithWords(const std::map<std::string, agency::v1::Assignment>& assigned, const std::string& header_digest) {
  const auto found = assigned.find(header_digest);
  if (found == assigned.end()) return "";
  return found->second.worker().empty() ? ", with team " + found->second.team() : ", with " + found->second.worker();
}

void AddReceived(const InboxEntry& entry, const std::string& with, absl::Time now, std::vector<TodayItem>& items) {
  const auto& stored = entry.stored;
  const auto& core = entry.header.core.part;
  const std::string what = fmt::format("{} from {}, received {}{}", What(stored.lane(), GradeNow(entry), core), core.sender(),
                                       At(stored.received_at_ms()), with);
  if (stored.answer_due_ms() != 0) {
    auto& item = items.emplace_back(OfReceived(entry, agency::v1::TODAY_KIND_CHANGE_TO_ANSWER, stored.answer_due_ms()));
    const std::string said = stored.recalled() ? "recalled by its sender" : !stored.replaced_by().empty() ? "corrected by its sender" : "consent changed";
    item.set_words(fmt::format("{}: {}, not answered{}.", what, said, DueWords(stored.answer_due_ms(), now)));
  }
  if (!entry.corrected_by.empty()) return;  // The version in its place is what is opened and answered.
  if (OwesFeedback(stored) && absl::FromUnixMillis(stored.feedback_due_ms()) <= now) {
    auto& item = items.emplace_back(OfReceived(entry, agency::v1::TODAY_KIND_FEEDBACK_OVERDUE, stored.feedback_due_ms()));
    item.set_words(fmt::format("{}: taken on, and what came of it not told{}.", what, DueWords(stored.feedback_due_ms(), now)));
  }
  const bool unopened = IsUnopened(stored);
  if (!unopened && !IsUnanswered(stored, core.type())) return;
  const int64_t due = unopened ? Earlier(stored.pick_up_due_ms(), stored.response_due_ms()) : stored.response_due_ms();
  const bool late = due != 0 && absl::FromUnixMillis(due) <= now;
  const auto kind = unopened ? (late ? agency::v1::TODAY_KIND_TO_OPEN_OVERDUE : agency::v1::TODAY_KIND_TO_OPEN)
                             : (late ? agency::v1::TODAY_KIND_TO_ANSWER_OVERDUE : agency::v1::TODAY_KIND_TO_ANSWER);
  auto& item = items.emplace_back(OfReceived(entry, kind, due));
  item.set_words(fmt::format("{}, {}{}.", what, unopened        ? "not opened"
                                                : core.checks() ? "opened and not answered: known, not known, or known and withheld"
                                                                : "opened and not answered",
                             DueWords(due, now)));
}

TodayItem OfSent(const StoredSubmission& submission, agency::v1::TodayKind kind, const std::string& agency, int64_t since_ms) {
  const auto& core = submission.draft().core();
  const auto urgency = submission.draft().options().immediate() ? type::v1::URGENCY_IMMEDIATE : type::v1::URGENCY_ROUTINE;
  TodayItem item;
  item.set_kind(kind);
  item.set_referral(referral::ReferralName(submission.header_digest()));
  item.set_agency(agency);
  item.set_grade(submission.has_regraded() ? submission.regraded().grade() : core.risk().grade());
  item.set_lane(referral::LaneOf(core.type(), urgency, item.grade()));
  item.set_since_ms(since_ms);
  return item;
}

std::string SentWords(const TodayItem& item, const StoredSubmission& submission) {
  return fmt::format("{} to {}, sent {}", What(item.lane(), item.grade(), submission.draft().core()), item.agency(),
                     At(submission.accepted_at_ms()));
}

// What a recipient said that the sender sees to.
void AddStatement(const StoredSubmission& submission, const agency::v1::ReceivedStatement& statement, absl::Time now,
                  std::vector<TodayItem>& items) {
  if (ConcernsUntil(statement) <= now) return;
  const std::string said_at = At(statement.acted_at_ms());
  agency::v1::TodayKind kind = agency::v1::TODAY_KIND_UNSPECIFIED;
  std::string words;
  switch (statement.kind()) {
    case type::v1::STATEMENT_KIND_RETURNED: {
      kind = agency::v1::TODAY_KIND_RETURNED;
      std::vector<std::string> lacks;
      for (const int reason : statement.return_reasons()) lacks.push_back(Said(static_cast<type::v1::ReturnReason>(reason), "RETURN_REASON_"));
      words = fmt::format("returned {} to be completed: {}", said_at, fmt::join(lacks, ", "));
      break;
    }
    case type::v1::STATEMENT_KIND_REDIRECTED:
      kind = agency::v1::TODAY_KIND_REDIRECTED;
      words = fmt::format("redirected {}: they name {}; send it there if that is right", said_at, statement.redirect_to());
      break;
    case type::v1::STATEMENT_KIND_DECLINED:
      kind = agency::v1::TODAY_KIND_DECLINED;
      words = fmt::format("declined {}: {}", said_at, Said(statement.decline_reason(), "DECLINE_REASON_"));
      break;
    case type::v1::STATEMENT_KIND_DECIDED:
      kind = agency::v1::TODAY_KIND_DECIDED;
      words = fmt::format("decided {}: {}", said_at, Said(statement.decision(), "CONTACT_DECISION_"));
      break;
    default: return;
  }
  auto& item = items.emplace_back(OfSent(submission, kind, statement.agency(), statement.acted_at_ms()));
  item.set_words(fmt::format("{}, {}.", SentWords(item, submission), words));
}

// A check whose time is over: one word for all that have not answered, unless somebody else says it. False when it is none, or its time is not over.
bool AddChecksDue(const StoredSubmission& submission, absl::Time now, bool said, std::vector<TodayItem>& items) {
  if (!submission.draft().core().checks()) return false;
  const ChecksState state = StateOfChecks(submission);
  if (state.due_ms == 0 || absl::FromUnixMillis(state.due_ms) > now) return false;
  if (said) return true;
  auto& item = items.emplace_back(OfSent(submission, agency::v1::TODAY_KIND_CHECKS_DUE, "", submission.accepted_at_ms()));
  item.set_due_ms(state.due_ms);
  item.set_words(fmt::format("{} sent {}: {} asked, {} answered; {} {} not{}.", What(item.lane(), item.grade(), submission.draft().core()),
                             At(submission.accepted_at_ms()), state.answered.size() + state.lacking.size(), state.answered.size(),
                             JoinedAgencies(state.lacking), state.lacking.size() == 1 ? "has" : "have", DueWords(state.due_ms, now)));
  return true;
}

// `said`: what is said of it elsewhere in the list.
void AddSent(const std::string& request_id, const StoredSubmission& submission, absl::Time now, agency::v1::TodayKind said, std::vector<TodayItem>& items) {
  if (said == agency::v1::TODAY_KIND_ACTION_UNOWNED) return;
  if (ConcernsUntil(submission) <= now) return;
  if (submission.state() == agency::v1::SUBMISSION_STATE_NEEDS_PERSON) {
    auto& item = items.emplace_back(OfSent(submission, agency::v1::TODAY_KIND_SUBMISSION_WAITS, "", submission.accepted_at_ms()));
    item.set_referral(request_id);
    const std::string& why = submission.waiting_for();
    item.set_words(fmt::format("{} pushed {} is not sent and waits for a person here: {}.",
                               What(item.lane(), item.grade(), submission.draft().core()), At(submission.accepted_at_ms()),
                               why.substr(0, why.find(':'))));
    return;
  }
  const bool checks_due = AddChecksDue(submission, now, said == agency::v1::TODAY_KIND_RESEARCH_DUE, items);
  for (const std::string& agency : submission.reseal_for()) {
    auto& item = items.emplace_back(OfSent(submission, agency::v1::TODAY_KIND_RESEAL_WANTED, agency, submission.accepted_at_ms()));
    item.set_words(fmt::format("{}: {} cannot open what was sealed; approve that it is sealed again for it, or push to it anew.",
                               SentWords(item, submission), agency));
  }
  for (const auto& row : submission.recipients()) {
    const int64_t waits = Earlier(row.pick_up_due_ms(), row.response_due_ms());
    const int64_t due = waits != 0 ? waits : row.feedback_due_ms();
    const bool dead = row.state() == type::v1::REFERRAL_STATE_DEAD_LETTER;
    if (!dead && (checks_due || due == 0 || absl::FromUnixMillis(due) > now)) continue;
    auto& item = items.emplace_back(OfSent(submission, agency::v1::TODAY_KIND_RECIPIENT_LATE, row.agency(), row.since_ms()));
    item.set_due_ms(due);
    const bool opened = waits != 0 && row.pick_up_due_ms() == 0;
    const bool taken_on = waits == 0 && due != 0;
    item.set_words(fmt::format("{}, {}{}.", SentWords(item, submission),
                               dead       ? "could not be delivered: tell them in another way"
                               : taken_on ? "taken on there, and what came of it not told"
                               : opened   ? "opened there and not answered"
                                          : "not opened there",
                               DueWords(due, now)));
  }
  const auto newest = NewestStatements(submission);
  for (const auto& [agency, statement] : newest) AddStatement(submission, statement, now, items);
}

TodayItem OfLink(const storage::v1::StoredNotice& stored) {
  TodayItem item;
  item.set_kind(agency::v1::TODAY_KIND_LINK_PROPOSED);
  item.set_referral(referral::ReferralName(stored.notice().header_digest()));
  item.set_lane(type::v1::LANE_NOTICES);
  item.set_since_ms(stored.received_at_ms());
  item.set_words(fmt::format("Two cases may be one, proposed {}: look at both, and confirm or reject {}.", At(stored.received_at_ms()),
                             stored.notice().link()));
  return item;
}

auto Urgency(const TodayItem& item, absl::Time now) {
  constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  const bool late = item.due_ms() != 0 && absl::FromUnixMillis(item.due_ms()) <= now;
  const int lane = item.lane() == type::v1::LANE_UNSPECIFIED ? type::v1::LANE_NOTICES : item.lane();
  return std::tuple(late ? 0 : 1, lane, item.due_ms() == 0 ? kNever : item.due_ms(), item.since_ms(), item.referral(), item.agency(),
                    static_cast<int>(item.kind()), item.about());
}

}  // namespace

std::string DueWords(int64_t due_ms, absl::Time now) {
  if (due_ms == 0) return "";
  const absl::Time due = absl::FromUnixMillis(due_ms);
  return due <= now ? fmt::format("; due {}, overdue by {}", LondonDueText(due), AboutText(now - due))
                    : fmt::format("; due {}, in {}", LondonDueText(due), AboutText(due - now));
}

std::string JoinedAgencies(const std::vector<std::string>& agencies) {
  if (agencies.size() < 2) return fmt::format("{}", fmt::join(agencies, ""));
  return fmt::format("{} and {}", fmt::join(agencies.begin(), agencies.end() - 1, ", "), agencies.back());
}

std::vector<TodayItem> MakeToday(const std::vector<InboxEntry>& received,
                                 const std::vector<std::pair<std::string, StoredSubmission>>& sent, absl::Time now,
                                 const std::vector<storage::v1::StoredNotice>& links,
                                 const std::map<std::string, agency::v1::Assignment>& assigned, std::vector<TodayItem> further) {
  std::map<std::string, agency::v1::TodayKind> said;  // By request id.
  for (const TodayItem& item : further) {
    if (!item.about().empty()) said[item.about()] = item.kind();
  }
  std::vector<TodayItem> items = std::move(further);
  for (const InboxEntry& entry : received) AddReceived(entry, WithWords(assigned, entry.header_digest), now, items);
  for (const auto& [request_id, submission] : sent) {
    const auto found = said.find(request_id);
    AddSent(request_id, submission, now, found == said.end() ? agency::v1::TODAY_KIND_UNSPECIFIED : found->second, items);
  }
  for (const auto& link : links) items.push_back(OfLink(link));
  std::sort(items.begin(), items.end(), [now](const TodayItem& a, const TodayItem& b) { return Urgency(a, now) < Urgency(b, now); });
  return items;
}

}  // namespace accord::agent

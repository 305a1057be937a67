// How agencies behave: probing, stale agreements, agencies that never answer.
#include <absl/time/time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/working_days.h"
#include "services/broker/audits/audit.h"
#include "services/broker/questions/rows.h"

namespace accord::broker {
namespace {

using inspection::v1::Table;
using enum inspection::v1::ColumnKind;

struct Conduct {
  uint64_t previews = 0, unfollowed = 0, refusals = 0, reads = 0, out_of_hours = 0;
  std::vector<uint64_t> entries;  // Of previews that nothing followed, and of refusals.
};

bool OutOfHours(int64_t ms) {
  const absl::CivilSecond time = LondonTime(absl::FromUnixMillis(ms));
  return !IsWorkingDay(absl::CivilDay(time)) || time.hour() < kDayBeginsHour || time.hour() >= kDayEndsHour;
}

// When referrals of an agency were stored, by the decisions that they were stored under.
using Followed = std::map<std::pair<std::string, std::string>, std::vector<int64_t>>;

bool IsFollowed(const Followed& followed, const AuditedAct& preview) {
  const auto found = followed.find({preview.agency, preview.decision_digest});
  return found != followed.end() && std::any_of(found->second.begin(), found->second.end(), [&](int64_t stored_ms) {
           return stored_ms >= preview.time_ms && stored_ms <= preview.time_ms + kPreviewMatchMs;
         });
}

// A person opens, or somebody reads what is on the record of it or of its cases.
bool IsRead(const FactEvent& event) {
  switch (event.event.type()) {
    case type::v1::EVENT_TYPE_REFERRAL_READ:
    case type::v1::EVENT_TYPE_TRAIL_QUERIED:
    case type::v1::EVENT_TYPE_CASE_HISTORY_READ:
    case type::v1::EVENT_TYPE_BUNDLE_EXPORTED: return true;
    case type::v1::EVENT_TYPE_STATEMENT: return event.event.statement() == type::v1::STATEMENT_KIND_OPENED;
    default: return false;
  }
}

bool InPeriod(const AuditInput& input, int64_t ms) { return ms >= input.from_ms && ms < input.until_ms; }

void CountAct(const AuditedAct& act, const Followed& followed, Conduct& conduct) {
  switch (act.event) {
    case type::v1::EVENT_TYPE_PREVIEWED:
      ++conduct.previews;
      if (IsFollowed(followed, act)) break;
      ++conduct.unfollowed;
      conduct.entries.push_back(act.index);
      break;
    case type::v1::EVENT_TYPE_REFUSED:
    case type::v1::EVENT_TYPE_REFUSALS_SUMMARY:
      conduct.refusals += act.count;
      conduct.entries.push_back(act.index);
      break;
    default: conduct.reads += act.count;
  }
  if (OutOfHours(act.time_ms)) conduct.out_of_hours += act.count;
}

// What one recipient did with what was addressed to it, and with what was released.
struct Answering {
  uint64_t addressed = 0, never_collected = 0, released = 0, opened = 0, opened_late = 0, never_opened = 0, answered = 0, answered_late = 0, never_answered = 0,
           taken_on = 0, outcome = 0, outcome_late = 0, no_outcome = 0;
  std::vector<uint64_t> entries;  // Of those never collected, never opened or never answered.
};

// The first statement of any of `kinds` that a person at `agency` made: what software alone says is no answer (docs/clocks.md). Null: none.
const FactEvent* FirstOf(const ReferralFacts& facts, const std::string& agency, std::initializer_list<type::v1::StatementKind> kinds) {
  for (const FactEvent& event : facts.events) {
    if (event.event.type() != type::v1::EVENT_TYPE_STATEMENT || event.agency != agency || !ByPerson(event)) continue;
    if (std::find(kinds.begin(), kinds.end(), event.event.statement()) != kinds.end()) return &event;
  }
  return nullptr;
}

constexpr uint64_t kNoEntry = std::numeric_limits<uint64_t>::max();
uint64_t IndexOf(const FactEvent* event) { return event == nullptr ? kNoEntry : event->index; }

// True when a clock of `type` was missed by `recipient` before the entry `answer`, which may be none.
bool Missed(const ReferralFacts& facts, type::v1::EventType type, const std::string& recipient, uint64_t answer) {
  const FactEvent* const missed = facts.First(type, recipient);
  return missed != nullptr && missed->index < answer;
}

bool IsNoFurtherAction(const FactEvent& decided) {
  return decided.statement.has_value() && decided.statement->decision() == type::v1::CONTACT_DECISION_NO_FURTHER_ACTION;
}

// With what a recipient takes a referral on, and with what it tells then what came of it: as the clock of feedback has them (docs/clocks.md).
bool TakesItOn(const FactEvent& event) {
  switch (event.event.statement()) {
    case type::v1::STATEMENT_KIND_ACCEPTED:
    case type::v1::STATEMENT_KIND_HEARD: return true;
    case type::v1::STATEMENT_KIND_DECIDED: return !IsNoFurtherAction(event);
    default: return false;
  }
}
bool TellsWhatCame(const FactEvent& event) {
  switch (event.event.statement()) {
    case type::v1::STATEMENT_KIND_OUTCOME:
    case type::v1::STATEMENT_KIND_CLOSED:
    case type::v1::STATEMENT_KIND_DECLINED:
    case type::v1::STATEMENT_KIND_TRANSFERRED_OUT: return true;
    case type::v1::STATEMENT_KIND_DECIDED: return IsNoFurtherAction(event);
    default: return false;
  }
}

// Whether `recipient` took it on, and the first entry after that with which it told what came of it.
struct TakenOn {
  bool taken_on = false;
  uint64_t told = kNoEntry;
};
TakenOn TakenOnBy(const ReferralFacts& facts, const std::string& recipient) {
  TakenOn found;
  for (const FactEvent& event : facts.events) {
    if (event.event.type() != type::v1::EVENT_TYPE_STATEMENT || event.agency != recipient) continue;
    if (found.taken_on && TellsWhatCame(event) && ByPerson(event)) {
      found.told = event.index;
      break;
    }
    found.taken_on = found.taken_on || TakesItOn(event);
  }
  return found;
}

// What was withheld as it was to leave, or waits to be sealed for another key, was asked for; and what was taken back could not be any more.
bool NeverCollected(const ReferralFacts& facts, const std::string& recipient) {
  constexpr std::array kOtherwise = {type::v1::EVENT_TYPE_WITHHELD_AT_RELEASE, type::v1::EVENT_TYPE_RESEAL_WANTED, type::v1::EVENT_TYPE_COPY_STOPPED};
  return std::none_of(kOtherwise.begin(), kOtherwise.end(), [&](type::v1::EventType type) { return facts.First(type, recipient) != nullptr; });
}

// The versions of a referral with all that happened to any of them: what is said of one answers all.
ReferralFacts AllOf(const VersionsOfOne& versions) {
  ReferralFacts all = *versions.front();
  for (size_t i = 1; i < versions.size(); ++i) all.events.insert(all.events.end(), versions[i]->events.begin(), versions[i]->events.end());
  std::sort(all.events.begin(), all.events.end(), [](const FactEvent& a, const FactEvent& b) { return a.index < b.index; });
  return all;
}

std::set<std::string> AddressedToAny(const VersionsOfOne& versions) {
  std::set<std::string> agencies;
  for (const ReferralFacts* one : versions) agencies.merge(AddressedTo(*one));
  return agencies;
}

// The first entry with which `agency` sent a response to any of them; kNoEntry: none.
uint64_t ResponseTo(const AuditInput& input, const VersionsOfOne& versions, const std::string& agency) {
  uint64_t first = kNoEntry;
  for (const ReferralFacts* one : versions) {
    const auto response = input.responses.find({one->digest, agency});
    if (response != input.responses.end()) first = std::min(first, response->second);
  }
  return first;
}

// `facts`: AllOf its versions, of which `newest` is the last; `response`: that to any.
void AddAnswering(const ReferralFacts& facts, const ReferralFacts& newest, const std::string& recipient, uint64_t response, Answering& to) {
  ++to.addressed;
  if (facts.FirstOwn(type::v1::EVENT_TYPE_RELEASED, recipient) == nullptr) {
    if (!AddressedTo(newest).contains(recipient) || !NeverCollected(newest, recipient)) return;
    ++to.never_collected;
    to.entries.push_back(facts.stored_index);
    return;
  }
  ++to.released;
  const FactEvent* const opened = FirstOf(facts, recipient, {type::v1::STATEMENT_KIND_OPENED});
  const FactEvent* const said =
      FirstOf(facts, recipient, {type::v1::STATEMENT_KIND_ACCEPTED, type::v1::STATEMENT_KIND_DECLINED, type::v1::STATEMENT_KIND_DECIDED, type::v1::STATEMENT_KIND_RETURNED,
                                 type::v1::STATEMENT_KIND_REDIRECTED, type::v1::STATEMENT_KIND_TRANSFERRED_IN, type::v1::STATEMENT_KIND_CHECK_ANSWERED});
  const uint64_t answer = std::min(IndexOf(said), response);
  const bool answered = answer != kNoEntry;
  const auto [taken_on, told] = TakenOnBy(facts, recipient);
  const bool outcome = told != kNoEntry;
  const bool late_open = Missed(facts, type::v1::EVENT_TYPE_PICK_UP_OVERDUE, recipient, IndexOf(opened));
  const bool late_answer = Missed(facts, type::v1::EVENT_TYPE_RESPONSE_OVERDUE, recipient, answer);
  to.opened += opened != nullptr;
  to.opened_late += opened != nullptr && late_open;
  to.never_opened += opened == nullptr;
  to.answered += answered;
  to.answered_late += answered && late_answer;
  to.never_answered += !answered;
  to.taken_on += taken_on;
  to.outcome += outcome;
  to.outcome_late += outcome && Missed(facts, type::v1::EVENT_TYPE_FEEDBACK_OVERDUE, recipient, told);
  to.no_outcome += taken_on && !outcome;
  if (opened == nullptr || !answered) to.entries.push_back(facts.stored_index);
}

// How often a version of the agreement was used, and when last.
struct AgreementUse {
  uint64_t referrals = 0;
  int64_t last_ms = 0;
  RowEntries entries;
};

// Whose routes permitted something of it as it was stored.
std::set<std::string> VersionsThatPermitted(const ReferralFacts& facts) {
  std::set<std::string> versions;
  if (facts.events.empty() || !facts.events.front().decisions.has_value()) return versions;
  for (const auto& decision : facts.events.front().decisions->decisions()) {
    std::string version = PermittedUnder(decision);
    if (!version.empty()) versions.insert(std::move(version));
  }
  return versions;
}

}  // namespace

void AuditProbing(const AuditInput& input, Table& table) {
  SetColumns(table, {{"agency"}, {"worker"}, {"previews", COLUMN_KIND_COUNT}, {"previews_unfollowed", COLUMN_KIND_COUNT}, {"refusals", COLUMN_KIND_COUNT},
                     {"reads", COLUMN_KIND_COUNT}, {"out_of_hours", COLUMN_KIND_COUNT}});
  Followed followed;
  for (const auto* referrals : {&input.referrals, &input.after}) {
    for (const ReferralFacts* facts : *referrals) {
      if (facts->events.empty() || !facts->events.front().decisions.has_value()) continue;
      followed[{CoreOf(*facts).sender(), facts->events.front().decisions->decision_digest()}].push_back(facts->stored_ms);
    }
  }
  std::map<std::pair<std::string, std::string>, Conduct> workers;
  for (const AuditedAct& act : input.acts) CountAct(act, followed, workers[{act.agency, act.worker}]);
  for (const ReferralFacts* facts : input.referrals) {
    for (const FactEvent& event : facts->events) {
      const bool asked = input.asked_agencies.empty() || input.asked_agencies.contains(event.agency);
      if (!IsRead(event) || event.agency.empty() || !asked || !InPeriod(input, event.time_ms)) continue;
      Conduct& conduct = workers[{event.agency, event.worker.pseudonym()}];
      ++conduct.reads;
      conduct.out_of_hours += OutOfHours(event.time_ms);
    }
  }
  for (const auto& [who, conduct] : workers) {
    AddAnswerRow(table, {who.first, who.second, CountCell(conduct.previews), CountCell(conduct.unfollowed), CountCell(conduct.refusals), CountCell(conduct.reads),
                         CountCell(conduct.out_of_hours)},
                 conduct.entries);
  }
  table.add_notes("An empty worker: the call asserted none, or a program made it. Who works shifts reads out of hours: it is a question and no finding.");
  if (input.now_ms - kPreviewMatchMs < input.until_ms) table.add_notes("Previews of the last day may yet be followed.");
  table.add_notes("Reads of referrals are those of referrals that were stored in the period. Beyond the first 20 a minute refusals are on the record as one count.");
}

void AuditStaleAgreements(const AuditInput& input, Table& table) {
  SetColumns(table, {{"agreement"}, {"version"}, {"finding"}, {"effective_from", COLUMN_KIND_TIME}, {"ends", COLUMN_KIND_TIME}, {"referrals", COLUMN_KIND_COUNT},
                     {"last_used", COLUMN_KIND_TIME}});
  std::map<std::string, AgreementUse> used;  // By version.
  for (const ReferralFacts* facts : input.referrals) {
    for (const std::string& version : VersionsThatPermitted(*facts)) {
      AgreementUse& use = used[version];
      ++use.referrals;
      use.last_ms = std::max(use.last_ms, facts->stored_ms);
      use.entries.Add(facts->stored_index);
    }
  }
  const auto live = std::count_if(input.agreements.begin(), input.agreements.end(), [](const AuditedAgreement& agreement) { return agreement.live; });
  for (const AuditedAgreement& agreement : input.agreements) {
    if (agreement.replaced) continue;
    const auto found = used.find(agreement.version);
    const AgreementUse use = found == used.end() ? AgreementUse() : found->second;
    const bool ended = agreement.expires_ms != 0 && agreement.expires_ms <= input.now_ms;
    const bool ends_soon = !ended && agreement.expires_ms != 0 && agreement.expires_ms <= input.now_ms + kEndsSoonMs;
    const auto add = [&](const char* finding) {
      AddAnswerRow(table, {agreement.id, agreement.version, finding, TimeCell(agreement.effective_from_ms), TimeCell(agreement.expires_ms),
                           input.until_ms == 0 ? "" : CountCell(use.referrals), TimeCell(use.last_ms)},
                   use.entries.all());
    };
    if (ended) add("ENDED");
    if (ends_soon) add("ENDS_SOON");
    if (agreement.live && use.referrals == 0 && input.until_ms != 0) add("NOT_USED");
  }
  if (live == 0) table.add_notes("No agreement is in force: nothing but what the emergency schedule permits is shared.");
  if (!input.asked_agencies.empty() && input.until_ms != 0) {
    table.add_notes("Use is that by the senders named above: others may have used what is NOT_USED here, to send to these, too.");
  }
  if (live > 1) table.add_notes("Where routes of several agreements would permit a section its decision names one of them, and that agreement alone is used by it.");
  if (input.until_ms == 0) table.add_notes("Without a period it is not looked whether one is used.");
}

void AuditNeverAnswer(const AuditInput& input, Table& table) {
  SetColumns(table, {{"recipient"}, {"addressed", COLUMN_KIND_COUNT}, {"never_collected", COLUMN_KIND_COUNT}, {"released", COLUMN_KIND_COUNT},
                     {"opened", COLUMN_KIND_COUNT}, {"opened_late", COLUMN_KIND_COUNT}, {"never_opened", COLUMN_KIND_COUNT}, {"answered", COLUMN_KIND_COUNT},
                     {"answered_late", COLUMN_KIND_COUNT}, {"never_answered", COLUMN_KIND_COUNT}, {"taken_on", COLUMN_KIND_COUNT}, {"outcome", COLUMN_KIND_COUNT},
                     {"outcome_late", COLUMN_KIND_COUNT}, {"no_outcome", COLUMN_KIND_COUNT}});
  std::map<std::string, Answering> recipients;
  uint64_t recorded_later = 0;
  QuestionInput looked_at;
  looked_at.all = input.referrals;
  const Versions versions(looked_at);
  for (const ReferralFacts* first : input.referrals) {
    if (&versions.First(*first) != first) continue;  // Counted with what it corrects.
    if (first->recorded_later) {
      ++recorded_later;
      continue;
    }
    const VersionsOfOne of_one = versions.From(*first);
    const ReferralFacts facts = AllOf(of_one);
    for (const std::string& agency : AddressedToAny(of_one)) {
      if (!input.asked_agencies.empty() && !input.asked_agencies.contains(agency)) continue;
      AddAnswering(facts, *of_one.back(), agency, ResponseTo(input, of_one, agency), recipients[agency]);
    }
  }
  for (const auto& [agency, answering] : recipients) {
    AddAnswerRow(table, {agency, CountCell(answering.addressed), CountCell(answering.never_collected), CountCell(answering.released), CountCell(answering.opened),
                         CountCell(answering.opened_late), CountCell(answering.never_opened), CountCell(answering.answered), CountCell(answering.answered_late),
                         CountCell(answering.never_answered), CountCell(answering.taken_on), CountCell(answering.outcome), CountCell(answering.outcome_late),
                         CountCell(answering.no_outcome)},
                 answering.entries);
  }
  table.add_notes("Never means until now: what was stored or came a moment ago counts as not collected or not opened yet. Referrals that ask for no answer are "
                  "counted with the rest.");
  table.add_notes("An answer that was sent as a response counts when it was stored in the period, too; one that came later stands in the trail of the case. "
                  "A correction stored in the period counts with what it corrects: what is said of one version answers both.");
  if (recorded_later > 0) table.add_notes(std::to_string(recorded_later) + " referrals were recorded more than 30 days after they happened and are left out.");
}

}  // namespace accord::broker

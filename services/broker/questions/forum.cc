// Forums: actions, research, nil returns and transfers: 13, 14, 15 and 19. What a meeting itself wrote down is in the forum's own store.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "services/broker/questions/rows.h"
#include "services/broker/questions/suppression.h"
#include "services/broker/questions/themes.h"

namespace accord::broker {
namespace {

using inspection::v1::Table;
using enum inspection::v1::ColumnKind;

constexpr std::string_view kInForumStore =
    "Who came to a meeting, its minutes, and what was to be done by when are in the forum's own store, which Accord's record does not hold.";
constexpr std::string_view kWhoIsAsked =
    "Asked is an agency that was addressed and permitted something; who stands in for another is asked once it was handed over, and who got nothing is not. What was corrected is asked of whom "
    "its newest version is for, from when the first for that agency was stored, and an answer to any version counts.";

// When the next meeting after `ms` began that the record names: LISTED or DEFERRED for it, or HEARD; 0: none.
int64_t NextMeetingMs(const std::vector<const ReferralFacts*>& of_case, int64_t ms) {
  int64_t next = 0;
  for (const ReferralFacts* facts : of_case) {
    for (const FactEvent& event : facts->events) {
      if (!event.statement.has_value()) continue;
      const auto& statement = *event.statement;
      int64_t meeting = 0;
      if (statement.kind() == type::v1::STATEMENT_KIND_LISTED || statement.kind() == type::v1::STATEMENT_KIND_DEFERRED) meeting = statement.meeting_at_ms();
      if (statement.kind() == type::v1::STATEMENT_KIND_HEARD) meeting = event.time_ms;
      if (meeting > ms && (next == 0 || meeting < next)) next = meeting;
    }
  }
  return next;
}

// What ends an action first: its outcome, or that the agency has done with the referral, in whichever version, also in an older one than it is of.
const FactEvent* EndOfAction(const VersionsOfOne& versions, const FactEvent& action) {
  const FactEvent* end = nullptr;
  for (const ReferralFacts* facts : versions) {
    for (const FactEvent& event : facts->events) {
      if (event.index <= action.index || event.agency != action.agency || event.event.type() != type::v1::EVENT_TYPE_STATEMENT) continue;
      const auto kind = event.event.statement();
      const bool ends = kind == type::v1::STATEMENT_KIND_OUTCOME || kind == type::v1::STATEMENT_KIND_CLOSED;
      if (ends && (end == nullptr || event.index < end->index)) end = &event;
    }
  }
  return end;
}

// When an action of a referral of `facts` that was recorded at `ms` is due.
int64_t ActionDueMs(const QuestionInput& input, const ReferralFacts& facts, int64_t ms) {
  const int64_t meeting = NextMeetingMs(input.SameCases(facts), ms);
  return meeting != 0 ? meeting : ms + input.days * kDayMs;
}

// What a forum's coordinator gives an agency to do, as ForumService.AddAction sends it: a notification for the forum's purpose, following on the case that
// was heard, with the action in a safety plan.
bool IsGivenAction(const ReferralFacts& facts) {
  const auto& core = CoreOf(facts);
  return core.type() == type::v1::REFERRAL_TYPE_NOTIFICATION && core.purpose() == type::v1::PURPOSE_MARAC && !core.caused_by().empty() &&
         std::any_of(facts.parts.sections.begin(), facts.parts.sections.end(),
                     [](const type::v1::SectionPart& section) { return section.category() == type::v1::CATEGORY_SAFETY_PLAN; });
}

// How `owner` answered the action that it was given, in whichever version.
struct GivenAction {
  const FactEvent* done = nullptr;
  const FactEvent* last = nullptr;  // What it said before: that it takes it on, or does not.
  std::string_view lacks = "answer";
};
GivenAction AnswerToGiven(const VersionsOfOne& versions, std::string_view owner) {
  GivenAction given;
  for (const ReferralFacts* facts : versions) {
    for (const FactEvent& event : facts->events) {
      if (event.event.type() != type::v1::EVENT_TYPE_STATEMENT || event.agency != owner) continue;
      switch (event.event.statement()) {
        case type::v1::STATEMENT_KIND_ACTION:
        case type::v1::STATEMENT_KIND_OUTCOME:
        case type::v1::STATEMENT_KIND_CLOSED: given.done = &event; return given;
        case type::v1::STATEMENT_KIND_ACCEPTED: given.lacks = "outcome"; given.last = &event; break;
        case type::v1::STATEMENT_KIND_DECLINED:
        case type::v1::STATEMENT_KIND_RETURNED:
        case type::v1::STATEMENT_KIND_REDIRECTED: given.lacks = "owner"; given.last = &event; break;
        default: break;
      }
    }
  }
  return given;
}

std::string ForumOfGiven(const QuestionInput& input, const ReferralFacts& facts) {
  for (const ReferralFacts* other : input.SameCases(facts)) {
    if (other->digest == CoreOf(facts).caused_by()) return CoreOf(*other).forum();
  }
  return CoreOf(facts).forum();
}

void AddGivenAction(const QuestionInput& input, const ReferralFacts& facts, const VersionsOfOne& versions, Table& table) {
  const int64_t due = ActionDueMs(input, facts, facts.stored_ms);
  if (input.now_ms < due || IsTakenBack(*versions.back())) return;
  for (const std::string& owner : AddressedTo(*versions.back())) {
    const GivenAction given = AnswerToGiven(versions, owner);
    if (given.done != nullptr && given.done->time_ms <= due) continue;
    std::vector<uint64_t> entries = {facts.stored_index};
    for (const FactEvent* event : {given.last, given.done}) {
      if (event != nullptr) entries.push_back(event->index);
    }
    AddAnswerRow(table, {ReferralCell(facts), CaseCell(facts), ForumOfGiven(input, facts), owner, "", TimeCell(facts.stored_ms), TimeCell(due),
                         TimeCell(given.done), given.done == nullptr ? std::string(given.lacks) : "in time"}, entries);
  }
}

void OverdueActions(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"case", COLUMN_KIND_CASE}, {"forum"}, {"agency"}, {"action"}, {"recorded", COLUMN_KIND_TIME},
                     {"due", COLUMN_KIND_TIME}, {"done", COLUMN_KIND_TIME}, {"lacks"}});
  const Versions all(input);
  for (const ReferralFacts* facts : input.referrals) {
    if (IsGivenAction(*facts)) AddGivenAction(input, *facts, all.From(*facts), table);
    const VersionsOfOne versions = all.From(all.First(*facts));
    for (const FactEvent& event : facts->events) {
      if (event.event.type() != type::v1::EVENT_TYPE_STATEMENT || event.event.statement() != type::v1::STATEMENT_KIND_ACTION) continue;
      const int64_t due = ActionDueMs(input, *facts, event.time_ms);
      const FactEvent* const done = EndOfAction(versions, event);
      if (input.now_ms < due || (done != nullptr && done->time_ms <= due)) continue;
      std::vector<uint64_t> entries = {event.index};
      if (done != nullptr) entries.push_back(done->index);
      AddAnswerRow(table, {ReferralCell(*facts), CaseCell(*facts), CoreOf(*facts).forum(), event.agency,
                           event.statement.has_value() ? event.statement->outcome_code() : "", TimeCell(event.time_ms), TimeCell(due), TimeCell(done),
                           done == nullptr ? "outcome" : "in time"}, entries);
    }
  }
  table.add_notes(fmt::format("Due is the next meeting that the record names, else {} days after the action was recorded.", input.days));
  table.add_notes("An action that a forum gave is what its coordinator sent the agency, what to do and by when being sealed: it lacks an answer when the agency said nothing of it, an owner "
                  "when it declined, returned or redirected it, an outcome when it took it on. " + std::string(kInForumStore));
  table.add_notes(std::string(kWhoIsAsked));
}

// Responses by what they respond to. One need not be of a case.
using Responses = std::multimap<std::string_view, const ReferralFacts*>;
Responses ResponsesIn(const QuestionInput& input) {
  Responses responses;
  for (const ReferralFacts* facts : input.all) {
    const bool responds = CoreOf(*facts).type() == type::v1::REFERRAL_TYPE_RESPONSE && !CoreOf(*facts).caused_by().empty() && !facts->events.empty();
    if (responds) responses.emplace(CoreOf(*facts).caused_by(), facts);
  }
  return responses;
}

// The first answer of `agency` to what is asked, in whichever version: a check answered, a statement of a decision, or a response that names it; 0: none.
struct ResearchAnswer {
  int64_t time_ms = 0;
  uint64_t index = 0;
};
ResearchAnswer AnswerOf(const VersionsOfOne& versions, const Responses& responses, const std::string& agency) {
  ResearchAnswer answer;
  const auto take = [&](const FactEvent& event) {
    if (answer.time_ms == 0 || event.time_ms < answer.time_ms) answer = {event.time_ms, event.index};
  };
  for (const ReferralFacts* facts : versions) {
    for (const auto kind : {type::v1::STATEMENT_KIND_CHECK_ANSWERED, type::v1::STATEMENT_KIND_DECLINED, type::v1::STATEMENT_KIND_OUTCOME}) {
      if (const FactEvent* said = facts->FirstStatement(kind, agency); said != nullptr) take(*said);
    }
    const auto [begin, end] = responses.equal_range(facts->digest);
    for (auto response = begin; response != end; ++response) {
      if (CoreOf(*response->second).sender() == agency) take(response->second->events.front());
    }
  }
  return answer;
}

bool AsksForResearch(const ReferralFacts& facts) { return CoreOf(facts).type() == type::v1::REFERRAL_TYPE_REQUEST_FOR_INFORMATION; }

struct ResearchCounts {
  uint64_t asked = 0, answered = 0, waiting = 0, no_reply = 0;
  std::vector<int64_t> took;
  RowEntries entries;
};

// Where small counts are left out without a median of few: of how many it is no column says, so that a single request's time could stand there.
void AddResearchRow(const QuestionInput& input, Table& table, const std::string& agency, const ResearchCounts& counts) {
  const bool of_few = input.small_left_out && counts.took.size() < kSmallCount;
  AddAnswerRow(table, {agency, CountCell(counts.asked), CountCell(counts.answered), CountCell(counts.waiting), CountCell(counts.no_reply),
                       PercentCell(counts.no_reply, counts.asked), of_few || counts.took.empty() ? "" : DurationCell(SpreadOf(counts.took).median)},
               counts.entries.all());
  if (of_few) MarkLeftOut(table);
}

void ResearchWithoutReply(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"agency"}, {"asked", COLUMN_KIND_COUNT}, {"answered", COLUMN_KIND_COUNT}, {"waiting", COLUMN_KIND_COUNT}, {"no_reply", COLUMN_KIND_COUNT},
                     {"no_reply_share", COLUMN_KIND_PERCENT}, {"median", COLUMN_KIND_DURATION}});
  const Versions versions_of(input);
  const Responses responses = ResponsesIn(input);
  std::map<std::string, ResearchCounts> by_agency;
  ResearchCounts all;
  uint64_t untimed = 0;
  for (const ReferralFacts* facts : input.referrals) {
    if (!AsksForResearch(*facts)) continue;
    const VersionsOfOne versions = versions_of.From(*facts);
    if (IsTakenBack(*versions.back())) continue;
    for (const std::string& agency : AddressedTo(*versions.back())) {
      const ResearchAnswer answer = AnswerOf(versions, responses, agency);
      const ReferralFacts& first = FirstFor(versions, agency);
      const bool over = input.now_ms > first.stored_ms + input.days * kDayMs;
      untimed += answer.time_ms != 0 && first.recorded_later;
      for (ResearchCounts* counts : {&by_agency[agency], &all}) {
        counts->entries.Add(first.stored_index);
        if (answer.time_ms != 0) counts->entries.Add(answer.index);
        ++counts->asked;
        counts->answered += answer.time_ms != 0;
        counts->waiting += answer.time_ms == 0 && !over;
        counts->no_reply += answer.time_ms == 0 && over;
        if (answer.time_ms != 0 && !first.recorded_later) counts->took.push_back(answer.time_ms - first.stored_ms);
      }
    }
  }
  for (const auto& [agency, counts] : by_agency) AddResearchRow(input, table, agency, counts);
  if (!by_agency.empty()) AddResearchRow(input, table, std::string(kTotalRow), all);
  table.add_notes(fmt::format("{} replies to requests of imported history are not in the median.", untimed));
  table.add_notes("A reply is an answered check, a decline, an outcome, or a response that names the request; that nothing is known is as good a reply as any. Where small counts are "
                  "left out there is no median of fewer than " + std::to_string(kSmallCount) + " replies.");
  table.add_notes("The research that a forum's coordinator asks of its members is sent to each as a check, and counted here. " + std::string(kInForumStore));
  table.add_notes(std::string(kWhoIsAsked));
}

// Null: none.
const FactEvent* LastCheckAnswer(const VersionsOfOne& versions, const std::string& agency) {
  const FactEvent* last = nullptr;
  for (const ReferralFacts* facts : versions) {
    for (const FactEvent& event : facts->events) {
      const bool answers = event.agency == agency && event.statement.has_value() && event.statement->kind() == type::v1::STATEMENT_KIND_CHECK_ANSWERED;
      if (answers && (last == nullptr || last->index < event.index)) last = &event;
    }
  }
  return last;
}

struct CheckCounts {
  uint64_t asked = 0, known = 0, not_known = 0, withheld = 0, none = 0;
  RowEntries entries;
};

void AddCheckRow(Table& table, const std::string& agency, const CheckCounts& counts) {
  AddAnswerRow(table, {agency, CountCell(counts.asked), CountCell(counts.known), CountCell(counts.not_known), CountCell(counts.withheld), CountCell(counts.none),
                       PercentCell(counts.not_known, counts.asked)},
               counts.entries.all());
}

void NilReturns(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"agency"}, {"checks", COLUMN_KIND_COUNT}, {"known", COLUMN_KIND_COUNT}, {"nil_returns", COLUMN_KIND_COUNT}, {"withheld", COLUMN_KIND_COUNT},
                     {"not_answered", COLUMN_KIND_COUNT}, {"nil_share", COLUMN_KIND_PERCENT}});
  const Versions versions_of(input);
  std::map<std::string, CheckCounts> by_agency;
  CheckCounts all;
  for (const ReferralFacts* facts : input.referrals) {
    if (!AsksForResearch(*facts) || !CoreOf(*facts).checks()) continue;
    const VersionsOfOne versions = versions_of.From(*facts);
    if (IsTakenBack(*versions.back())) continue;
    for (const std::string& agency : AddressedTo(*versions.back())) {
      const FactEvent* const said = LastCheckAnswer(versions, agency);
      const auto answer = said == nullptr ? type::v1::CHECK_ANSWER_UNSPECIFIED : said->statement->check_answer();
      for (CheckCounts* counts : {&by_agency[agency], &all}) {
        counts->entries.Add(FirstFor(versions, agency).stored_index);
        if (said != nullptr) counts->entries.Add(said->index);
        ++counts->asked;
        counts->known += answer == type::v1::CHECK_ANSWER_KNOWN;
        counts->not_known += answer == type::v1::CHECK_ANSWER_NOT_KNOWN;
        counts->withheld += answer == type::v1::CHECK_ANSWER_KNOWN_WITHHELD;
        counts->none += answer == type::v1::CHECK_ANSWER_UNSPECIFIED;
      }
    }
  }
  for (const auto& [agency, counts] : by_agency) AddCheckRow(table, agency, counts);
  if (!by_agency.empty()) AddCheckRow(table, std::string(kTotalRow), all);
  table.add_notes("No record in Accord of who attended: this counts what agencies answered to checks before a meeting. " + std::string(kInForumStore));
  table.add_notes(std::string(kWhoIsAsked));
}

void Transfers(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"case", COLUMN_KIND_CASE}, {"from"}, {"to"}, {"sent", COLUMN_KIND_TIME}, {"accepted", COLUMN_KIND_TIME},
                     {"idva_handover", COLUMN_KIND_TIME}, {"idva_to"}});
  for (const ReferralFacts* facts : input.referrals) {
    std::set<std::string> seen;
    for (const FactEvent& event : facts->events) {
      const bool sent = event.statement.has_value() && event.statement->kind() == type::v1::STATEMENT_KIND_TRANSFERRED_OUT;
      if (!sent || !seen.insert(event.statement_digest).second) continue;
      const FactEvent* accepted = nullptr;
      const ReferralFacts* handover = nullptr;
      for (const ReferralFacts* other : input.SameCases(*facts)) {
        for (const FactEvent& in : other->events) {
          const bool taken = in.statement.has_value() && in.statement->kind() == type::v1::STATEMENT_KIND_TRANSFERRED_IN && in.index > event.index;
          if (taken && in.statement->other_forum() == CoreOf(*facts).forum() && accepted == nullptr) accepted = &in;
        }
        const bool idva_to_idva = input.KindOf(CoreOf(*other).sender()) == type::v1::AGENCY_KIND_IDVA && CoreOf(*other).type() == type::v1::REFERRAL_TYPE_REFERRAL &&
                                  other->stored_index > event.index && !RecipientsOfKind(input, *other, type::v1::AGENCY_KIND_IDVA).empty();
        if (idva_to_idva && handover == nullptr) handover = other;
      }
      std::vector<uint64_t> entries = {event.index};
      if (accepted != nullptr) entries.push_back(accepted->index);
      if (handover != nullptr) entries.push_back(handover->stored_index);
      const auto to = handover == nullptr ? std::vector<std::string>() : RecipientsOfKind(input, *handover, type::v1::AGENCY_KIND_IDVA);
      AddAnswerRow(table, {ReferralCell(*facts), CaseCell(*facts), CoreOf(*facts).forum(), event.statement->other_forum(), TimeCell(event.time_ms),
                           TimeCell(accepted), TimeCell(handover == nullptr ? 0 : handover->stored_ms), JoinCells({to.begin(), to.end()})}, entries);
    }
  }
  table.add_notes("A transfer is what the coordinator of a forum stated; to a forum that does not use Accord its acceptance has no record in Accord.");
}

}  // namespace

std::vector<Question> ForumQuestions() {
  return {
      {.number = 13,
       .title = "Actions overdue or without an owner at the next meeting",
       .definition = "Actions that an agency stated on a referral and had not ended, by an outcome or a close, when the next meeting began; and those that a forum gave an agency, "
                     "of which it had by then stated neither an action nor an outcome nor a close.",
       .parameters = {"days"},
       .fields = {"STATEMENT ACTION", "STATEMENT OUTCOME", "STATEMENT CLOSED", "STATEMENT LISTED", "STATEMENT DEFERRED", "STATEMENT HEARD",
                  "REFERRAL_STORED time and decisions", "RELEASED",
                  "STATEMENT ACCEPTED", "STATEMENT DECLINED", "STATEMENT RETURNED", "STATEMENT REDIRECTED", "STATEMENT CORRECTION", "core.type", "core.purpose", "core.caused_by", "core.forum",
                  "sections.category", "recipients", "cases"},
       .cases = true,
       .days = 28,
       .answer = OverdueActions},
      {.number = 14,
       .title = "Requests for research without a reply, by agency",
       .definition = "Requests for information and checks, by the agency that was asked: answered, or not within so many days.",
       .parameters = {"days"},
       .fields = {"REFERRAL_STORED time and decisions", "RELEASED", "STATEMENT CHECK_ANSWERED", "STATEMENT DECLINED", "STATEMENT OUTCOME", "STATEMENT CORRECTION", "core.type", "core.caused_by",
                  "recipients", "cases"},
       .counts = true,
       .cases = true,
       .days = 5,
       .sums = {{"asked", {"answered", "waiting", "no_reply"}}},
       .answer = ResearchWithoutReply},
      {.number = 15,
       .title = "Nil returns, by agency",
       .definition = "Answers to checks, by the agency that was asked: known, nil returns, known and withheld, none.",
       .fields = {"REFERRAL_STORED decisions", "RELEASED", "STATEMENT CHECK_ANSWERED", "STATEMENT CORRECTION", "core.type", "core.checks", "core.caused_by", "recipients"},
       .counts = true,
       .sums = {{"checks", {"known", "nil_returns", "withheld", "not_answered"}}},
       .answer = NilReturns},
      {.number = 19,
       .title = "Transfers between forums",
       .definition = "Cases that a forum transferred to another: when it was sent, when the other took it over, and the referral from Idva service to Idva service.",
       .fields = {"STATEMENT TRANSFERRED_OUT", "STATEMENT TRANSFERRED_IN", "REFERRAL_STORED time and decisions", "RELEASED", "core.forum", "core.sender", "recipients", "cases"},
       .cases = true,
       .answer = Transfers},
  };
}

}  // namespace accord::broker

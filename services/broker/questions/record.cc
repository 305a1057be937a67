// The record of one case or referral: 1, 9, 20 and 22.
#include <fmt/format.h>

#include <algorithm>

#include "common/base/bytes.h"
#include "services/broker/questions/rows.h"
#include "services/broker/questions/themes.h"

namespace accord::broker {
namespace {

using inspection::v1::Table;
using enum inspection::v1::ColumnKind;

struct EventOf {
  const FactEvent* event = nullptr;
  const ReferralFacts* facts = nullptr;  // Null of what stands on the case's chain alone.
  std::string Referral() const { return facts == nullptr ? "" : ReferralCell(*facts); }
};

// Of all referrals that are asked about and of the case itself, in the order of the log.
std::vector<EventOf> EventsInOrder(const QuestionInput& input) {
  std::vector<EventOf> events;
  for (const FactEvent* event : input.of_case) events.push_back({event, nullptr});
  for (const ReferralFacts* facts : input.referrals) {
    for (const FactEvent& event : facts->events) events.push_back({&event, facts});
  }
  std::sort(events.begin(), events.end(), [](const EventOf& a, const EventOf& b) { return a.event->index < b.event->index; });
  return events;
}

// What it came to: the code that a reader wants beside the kind of event.
std::string DetailOf(const FactEvent& event) {
  if (event.statement.has_value()) {
    const auto& statement = *event.statement;
    switch (statement.kind()) {
      case type::v1::STATEMENT_KIND_DECLINED: return Code(statement.decline_reason());
      case type::v1::STATEMENT_KIND_DECIDED: return Code(statement.decision());
      case type::v1::STATEMENT_KIND_CLOSED: return Code(statement.close_reason());
      case type::v1::STATEMENT_KIND_CHECK_ANSWERED: return Code(statement.check_answer());
      case type::v1::STATEMENT_KIND_REGRADED: return Code(statement.regraded().grade());
      case type::v1::STATEMENT_KIND_RECALL: return Code(statement.recall_reason());
      default: return statement.outcome_code();
    }
  }
  if (event.event.type() == type::v1::EVENT_TYPE_CASE_FLAGGED) {
    std::set<std::string> flags;
    for (const int flag : event.event.case_flags()) flags.insert(CodeName(*type::v1::CaseFlag_descriptor(), flag));
    return JoinCells(flags);
  }
  if (event.event.type() == type::v1::EVENT_TYPE_LINK_PROPOSED) return Code(event.event.match_strength());
  if (event.event.type() == type::v1::EVENT_TYPE_LINK_ANSWERED) return Code(event.event.link_answer());
  return event.event.reason();
}

// Somebody asked about it. That is on the record, and no act of the agencies.
bool IsAsking(const FactEvent& event) {
  switch (event.event.type()) {
    case type::v1::EVENT_TYPE_TRAIL_QUERIED:
    case type::v1::EVENT_TYPE_QUESTION_ASKED:
    case type::v1::EVENT_TYPE_BUNDLE_EXPORTED:
    case type::v1::EVENT_TYPE_DISCLOSURE_READ:
      return true;
    default:
      return false;
  }
}

void AddCaseNote(const QuestionInput& input, Table& table) {
  if (!input.of_case.empty()) table.add_notes("A row without a referral is of what stands on the case's own chain: links with other cases, and who asked about the whole case.");
}

void WholeTimeline(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"time", COLUMN_KIND_TIME}, {"event"}, {"statement"}, {"agency"}, {"recipient"}, {"detail"}, {"referral", COLUMN_KIND_REFERRAL},
                     {"gap", COLUMN_KIND_DURATION}});
  int64_t before = 0;
  for (const EventOf& of : EventsInOrder(input)) {
    const FactEvent* const event = of.event;
    int64_t gap = 0;
    if (!IsAsking(*event)) {
      gap = before == 0 ? 0 : event->time_ms - before;
      before = event->time_ms;
    }
    AddAnswerRow(table, {TimeCell(event->time_ms), Code(event->event.type()), Code(event->event.statement()), event->agency.empty() ? event->principal : event->agency,
                         event->recipient, DetailOf(*event), of.Referral(), gap > input.days * kDayMs ? DurationCell(gap) : ""}, {event->index});
  }
  // What was stored after the period is not looked at, so that nothing can be said of what followed.
  if (!input.of_period && before != 0 && input.now_ms - before > input.days * kDayMs) {
    table.add_notes(fmt::format("No record in Accord for {} days after the last entry.", (input.now_ms - before) / kDayMs));
  }
  table.add_notes(fmt::format("A gap is more than {} days in which there is no record in Accord, whatever the agencies did meanwhile. That somebody asked about it ends none.",
                              input.days));
  if (input.of_period) table.add_notes("Referrals of the case that were stored outside the period are not in it, so that what looks like a gap need not be one.");
  AddCaseNote(input, table);
}

bool IsView(const FactEvent& event) {
  switch (event.event.type()) {
    case type::v1::EVENT_TYPE_REFERRAL_READ:
    case type::v1::EVENT_TYPE_CASE_HISTORY_READ:
      return true;
    case type::v1::EVENT_TYPE_STATEMENT:
      return event.event.statement() == type::v1::STATEMENT_KIND_OPENED;
    default:
      return IsAsking(event);
  }
}

bool IsBarredAdministrator(const QuestionInput& input, std::string_view principal) {
  constexpr std::string_view kPrefix = "admin/";
  if (!principal.starts_with(kPrefix)) return false;
  principal.remove_prefix(kPrefix.size());
  return input.barred_administrators.contains(std::string(principal.substr(0, principal.find('/'))));
}

void WhoViewed(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"time", COLUMN_KIND_TIME}, {"what"}, {"principal"}, {"worker"}, {"role"}, {"purpose"}, {"warrant"}, {"referral", COLUMN_KIND_REFERRAL},
                     {"conflict_of_interest", COLUMN_KIND_BOOL}});
  for (const EventOf& of : EventsInOrder(input)) {
    const FactEvent* const event = of.event;
    if (!IsView(*event)) continue;
    const auto agency = input.agencies.find(event->agency);
    const bool barred = (agency != input.agencies.end() && agency->second.barred.contains(event->worker.pseudonym())) || IsBarredAdministrator(input, event->principal);
    const bool opened = event->event.type() == type::v1::EVENT_TYPE_STATEMENT;
    AddAnswerRow(table, {TimeCell(event->time_ms), opened ? "OPENED" : Code(event->event.type()), event->principal, event->worker.pseudonym(),
                         Code(event->worker.role()), event->event.purpose(), event->event.warrant(), of.Referral(), BoolCell(barred)}, {event->index});
  }
  table.add_notes("Conflicts of interest are those that the broker's lists of agencies' workers and of administrators have today. Who looked at a copy inside an agency's own system is in that agency's log, "
                  "of which there is no record in Accord.");
  table.add_notes("Looks at much at a time stand on no case's chain: questions about a period, trails by a filter that names neither case nor subject, samples and audits. They are on the record of who asked and, "
                  "under a warrant, of that.");
  if (input.asked_case.empty()) table.add_notes("Who looked at the whole of its case, and so at this referral too, stands on the case's own chain: ask about the case.");
  AddCaseNote(input, table);
}

// What `agency` had of one referral at a time.
struct Known {
  const FactEvent *released = nullptr, *delivered = nullptr, *opened = nullptr;
  std::set<std::string> categories;
  std::vector<uint64_t> entries;
};
Known KnownTo(const ReferralFacts& facts, const std::string& agency) {
  Known known;
  known.released = facts.FirstOwn(type::v1::EVENT_TYPE_RELEASED, agency);
  known.delivered = facts.FirstOwn(type::v1::EVENT_TYPE_DELIVERED, agency);
  for (const FactEvent& event : facts.events) {
    const bool opens = event.event.type() == type::v1::EVENT_TYPE_STATEMENT && event.event.statement() == type::v1::STATEMENT_KIND_OPENED;
    if (known.opened == nullptr && opens && event.agency == agency && ByPerson(event)) known.opened = &event;
    if (event.event.type() != type::v1::EVENT_TYPE_RELEASED || event.recipient != agency || !event.decisions.has_value()) continue;
    for (const auto& decision : event.decisions->decisions()) {
      if (decision.recipient() == agency && decision.verdict() == type::v1::VERDICT_PERMIT) known.categories.insert(Code(decision.category()));
    }
  }
  for (const FactEvent* event : {known.released, known.delivered, known.opened}) {
    if (event != nullptr) known.entries.push_back(event->index);
  }
  return known;
}

// What `agency` was told of one referral beyond the referral itself: what others stated, and what it asked of the case's history. False when it was told nothing.
bool AddToldRows(const ReferralFacts& facts, const std::string& agency, Table& table) {
  const auto find = [&](type::v1::EventType type, const std::string& statement, std::string_view recipient) {
    const auto found = std::find_if(facts.events.begin(), facts.events.end(), [&](const FactEvent& event) {
      return event.event.type() == type && event.statement_digest == statement && (recipient.empty() || event.recipient == recipient);
    });
    return found == facts.events.end() ? nullptr : &*found;
  };
  const int before = table.rows_size();
  std::set<std::string> told;  // Statements. What is released again was told the first time.
  for (const FactEvent& event : facts.events) {
    if (event.event.type() == type::v1::EVENT_TYPE_CASE_HISTORY_READ && event.agency == agency) {
      AddAnswerRow(table, {ReferralCell(facts), "history read", "", "", "", "", "", "", TimeCell(&event), "", "", ""}, {event.index});
    }
    const bool tells = event.event.type() == type::v1::EVENT_TYPE_RELEASED && event.recipient == agency && !event.statement_digest.empty();
    if (!tells || !told.insert(event.statement_digest).second) continue;
    const FactEvent* const said = find(type::v1::EVENT_TYPE_STATEMENT, event.statement_digest, "");
    const FactEvent* const delivered = find(type::v1::EVENT_TYPE_DELIVERED, event.statement_digest, agency);
    std::vector<uint64_t> entries;
    for (const FactEvent* one : {said, &event, delivered}) {
      if (one != nullptr) entries.push_back(one->index);
    }
    const bool known = said != nullptr;
    AddAnswerRow(table, {ReferralCell(facts), "told", known ? Code(said->event.statement()) : "", known ? DetailOf(*said) : "", known ? said->agency : "", "",
                         TimeCell(known && said->statement.has_value() ? said->statement->acted_at_ms() : 0), TimeCell(said), TimeCell(&event), TimeCell(delivered), "", ""},
                 entries);
  }
  return table.rows_size() > before;
}

void KnownAtTime(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"how"}, {"statement"}, {"detail"}, {"sender"}, {"happened", COLUMN_KIND_TIME}, {"known_to_sender", COLUMN_KIND_TIME},
                     {"recorded", COLUMN_KIND_TIME}, {"released", COLUMN_KIND_TIME}, {"delivered", COLUMN_KIND_TIME}, {"opened_by_person", COLUMN_KIND_TIME}, {"categories"}});
  const std::string agency = input.asked_agencies.empty() ? "" : input.asked_agencies.front();
  uint64_t not_yet = 0;
  for (const ReferralFacts* facts : input.referrals) {
    const auto& core = CoreOf(*facts);
    const bool sent = core.sender() == agency;
    Known known = KnownTo(*facts, agency);
    if (!sent && known.released == nullptr) {
      not_yet += !AddToldRows(*facts, agency, table);
      continue;
    }
    if (sent) {
      for (const auto& section : facts->parts.sections) known.categories.insert(Code(section.category()));
    }
    known.entries.insert(known.entries.begin(), facts->stored_index);
    AddAnswerRow(table, {ReferralCell(*facts), sent ? "sent" : "received", "", "", core.sender(), TimeCell(core.happened().latest_ms()), TimeCell(core.known().latest_ms()),
                         TimeCell(facts->stored_ms), TimeCell(known.released), TimeCell(known.delivered), TimeCell(known.opened), JoinCells(known.categories)},
                 known.entries);
    AddToldRows(*facts, agency, table);
  }
  table.add_notes(fmt::format("Of {} further referrals of what was asked about nothing had been released to this agency by then.", not_yet));
  table.add_notes("By the times of the entries, so that what became known later is left out. `released` is when content could first have left, `delivered` when the agency's "
                  "service had it, `opened_by_person` when somebody looked. A row `told` is of what another agency stated, which `sender` is; `history read` of "
                  "what it asked of the case's history and was answered. What the agency knew by other means has no record in Accord.");
}

void ChainsAttested(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"case", COLUMN_KIND_CASE}, {"entries", COLUMN_KIND_COUNT}, {"first_entry", COLUMN_KIND_COUNT},
                     {"last_entry", COLUMN_KIND_COUNT}, {"stored", COLUMN_KIND_TIME}, {"last", COLUMN_KIND_TIME}});
  for (const ReferralFacts* facts : input.referrals) {
    if (facts->events.empty()) continue;
    AddAnswerRow(table, {ReferralCell(*facts), CaseCell(*facts), CountCell(facts->events.size()), CountCell(facts->events.front().index),
                         CountCell(facts->events.back().index), TimeCell(facts->stored_ms), TimeCell(facts->events.back().time_ms)},
                 {facts->events.front().index, facts->events.back().index});
  }
  if (!input.of_case.empty()) {
    const FactEvent &first = *input.of_case.front(), &last = *input.of_case.back();
    AddAnswerRow(table, {"", ToHex(input.asked_case), CountCell(input.of_case.size()), CountCell(first.index), CountCell(last.index), "", TimeCell(last.time_ms)},
                 {first.index, last.index});
  }
  table.add_notes(fmt::format("Every opening that this rests on was checked against its leaf, in a tree of {} entries. The grade is attested: a receipt of an entry of that tree on one of "
                              "these chains that the answer lacks convicts the broker, if it was asked about, is covered and was not erased.", input.tree_size));
  table.add_notes("To check it where the broker cannot interfere, export a bundle of the case and verify that offline with `accord-verify bundle`.");
  AddCaseNote(input, table);
}

}  // namespace

std::vector<Question> RecordQuestions() {
  return {
      {.number = 1,
       .title = "Full timeline across all agencies, with gaps",
       .definition = "Every entry about a case, or about one referral, in the order of the log, with how long nothing was recorded before it.",
       .parameters = {"case_pseudonym", "referral", "days", "as_at_ms"},
       .fields = {"every entry of the referrals' chains and the case's: time, event, actor, recipient, statement"},
       .one = true,
       .days = 30,
       .answer = WholeTimeline},
      {.number = 9,
       .title = "Who viewed it",
       .definition = "Everybody who opened a referral, read it back, read its history, asked for the trail of it or of its case, a question or an export about either, or "
                     "collected what was disclosed of it: when, in which role, for what purpose, and whether the person is barred for a conflict of interest.",
       .parameters = {"case_pseudonym", "referral", "as_at_ms"},
       .fields = {"STATEMENT OPENED", "REFERRAL_READ", "CASE_HISTORY_READ", "TRAIL_QUERIED", "QUESTION_ASKED", "BUNDLE_EXPORTED", "DISCLOSURE_READ", "actor", "event.purpose", "event.warrant"},
       .one = true,
       .answer = WhoViewed},
      {.number = 20,
       .title = "What an agency knew at a time",
       .definition = "The referrals of a case that one agency had sent, or that something had been released of to it, by a time: with when it happened, when the sender knew, when "
                     "it was recorded, and when this agency could have had it, had it, and looked; and what it was told of them since, and of the case's history.",
       .parameters = {"case_pseudonym", "referral", "agencies!", "as_at_ms!"},
       .fields = {"REFERRAL_STORED time", "RELEASED decisions", "DELIVERED", "STATEMENT", "CASE_HISTORY_READ", "core.happened", "core.known", "core.sender", "sections.category"},
       .one = true,
       .answer = KnownAtTime},
      {.number = 22,
       .title = "The integrity of the record",
       .definition = "The chains of a case's referrals, what stands on the case's own beside them, or the chain of one referral: how many entries, the first and the last of "
                     "each, and that they are attested.",
       .parameters = {"case_pseudonym", "referral"},
       .fields = {"every entry of the referrals' chains and the case's: index and time"},
       .one = true,
       .answer = ChainsAttested},
  };
}

}  // namespace accord::broker

#include "services/accordctl/timeline.h"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/london_time.h"
#include "common/base/working_days.h"
#include "common/console/words.h"
#include "common/referral/stored_events.h"

namespace accord::accordctl {
namespace {

using type::v1::EntryEvent;
using Mark = TimelineEvent::Mark;

constexpr size_t kReferralDigits = 12;
constexpr int64_t kDayMs = 24LL * 60 * 60 * 1000;

// Who asked is part of the record, and no silence of the agencies.
bool IsQuestion(type::v1::EventType type) {
  switch (type) {
    case type::v1::EVENT_TYPE_TRAIL_QUERIED:
    case type::v1::EVENT_TYPE_QUESTION_ASKED:
    case type::v1::EVENT_TYPE_BUNDLE_EXPORTED:
    case type::v1::EVENT_TYPE_SAMPLE_DRAWN:
    case type::v1::EVENT_TYPE_DISCLOSURE_READ:
    case type::v1::EVENT_TYPE_SHARING_AUDITED: return true;
    default: return false;
  }
}

Mark MarkOf(const CheckedRow& row) {
  if (!row.event.has_value()) return Mark::kClosed;
  switch (row.event->type()) {
    case type::v1::EVENT_TYPE_PICK_UP_OVERDUE:
    case type::v1::EVENT_TYPE_RESPONSE_OVERDUE:
    case type::v1::EVENT_TYPE_FEEDBACK_OVERDUE:
    case type::v1::EVENT_TYPE_CHANGE_OVERDUE:
    case type::v1::EVENT_TYPE_GAP_OVERDUE:
    case type::v1::EVENT_TYPE_BREACH_OVERDUE:
    case type::v1::EVENT_TYPE_CHECKS_DUE: return Mark::kOverdue;
    case type::v1::EVENT_TYPE_WITHHELD_AT_RELEASE:
    case type::v1::EVENT_TYPE_DEAD_LETTER:
    case type::v1::EVENT_TYPE_DEAD_LETTER_DISCARDED:
    case type::v1::EVENT_TYPE_COPY_STOPPED:
    case type::v1::EVENT_TYPE_NOT_SHARED_RECORDED: return Mark::kWithheld;
    case type::v1::EVENT_TYPE_CASE_FLAGGED: return row.event->case_flags().empty() ? Mark::kPlain : Mark::kFlag;
    case type::v1::EVENT_TYPE_STATEMENT: break;
    default: return Mark::kPlain;
  }
  switch (row.event->statement()) {
    case type::v1::STATEMENT_KIND_CONSENT_CHANGE:
    case type::v1::STATEMENT_KIND_CORRECTION:
    case type::v1::STATEMENT_KIND_RECALL:
    case type::v1::STATEMENT_KIND_WITHDRAWN:
    case type::v1::STATEMENT_KIND_REGRADED: return Mark::kChange;
    default: return Mark::kPlain;
  }
}

// A section, as far as one recipient is concerned.
struct SectionFacts {
  int verdict = 0;     // The newest.
  std::string reason;  // Of that.
  bool sent = false;
};

// What one recipient of one referral did, and when.
struct PartyFacts {
  std::string agency;
  bool confidential = false;  // Its confidential desk. The first decisions, about all, name the agency alone.
  std::map<std::string, SectionFacts> sections;  // By words.
  int closed_sections = 0;                       // Sent, by an entry whose decisions are not for this reader.
  int64_t stored_ms = 0, released_ms = 0, delivered_ms = 0, opened_ms = 0, answered_ms = 0, outcome_ms = 0;
  bool took_on = false, ended = false;
  bool taken_back = false;  // By the sender: ended, whatever was taken on.
  std::string stands;
  struct Deadline {
    int64_t due_ms = 0;
    int overdue = 0;  // Entries.
    std::string version;
  };
  Deadline pick_up, response, feedback;
};

// The first one counts: of overdue entries, those after it are the steps of the escalation.
void NoteDue(const EntryEvent& event, PartyFacts::Deadline& deadline) {
  if (deadline.due_ms > 0 || event.due_at_ms() == 0) return;
  deadline.due_ms = event.due_at_ms();
  deadline.version = event.clock_version();
}
void NoteOverdue(const EntryEvent& event, PartyFacts::Deadline& deadline) {
  ++deadline.overdue;
  NoteDue(event, deadline);
}

void NoteFirst(int64_t time_ms, int64_t& first) {
  if (first == 0) first = time_ms;
}

// What software alone said ends no wait for a person (docs/clocks.md).
bool SaidByPerson(const CheckedRow& row) {
  if (!row.actor.has_value()) return true;
  return row.actor->worker().role() != type::v1::WORKER_ROLE_SYSTEM && row.actor->worker().authentication() != type::v1::AUTHENTICATION_AUTOMATIC;
}

void NoteAnswer(const EntryEvent& event, int64_t time_ms, PartyFacts& party) {
  if (party.answered_ms > 0) return;
  party.answered_ms = time_ms;
  NoteDue(event, party.response);
}

void NoteOutcome(const EntryEvent& event, int64_t time_ms, PartyFacts& party) {
  if (party.outcome_ms > 0) return;
  party.outcome_ms = time_ms;
  NoteDue(event, party.feedback);
}

// What the sender says meanwhile, and the answer to it, change nothing of how far the recipient has come.
bool LeavesStanding(type::v1::StatementKind kind) {
  switch (kind) {
    case type::v1::STATEMENT_KIND_CONSENT_CHANGE:
    case type::v1::STATEMENT_KIND_CORRECTION:  // Which TakeBack words.
    case type::v1::STATEMENT_KIND_REGRADED:
    case type::v1::STATEMENT_KIND_RESEALED:
    case type::v1::STATEMENT_KIND_CHANGE_ANSWERED: return true;
    default: return false;
  }
}

// Nothing is or was to reach it.
bool GetsNothing(const PartyFacts& party) {
  return !party.sections.empty() && party.released_ms == 0 &&
         std::none_of(party.sections.begin(), party.sections.end(), [](const auto& named) { return named.second.sent || named.second.verdict == type::v1::VERDICT_PERMIT; });
}

// What was recalled, withdrawn or replaced by another version nobody waits for: the broker stops every clock of it.
void TakeBack(type::v1::StatementKind kind, PartyFacts& party) {
  if (kind == type::v1::STATEMENT_KIND_CORRECTION && !party.ended && !GetsNothing(party)) party.stands = "corrected";
  party.ended = party.taken_back = true;
}

// What leaves is what is permitted as it leaves, whatever is decided before or after.
void NoteSent(const CheckedRow& row, PartyFacts& party) {
  if (party.sections.empty()) party.closed_sections = std::max(party.closed_sections, row.referral->section_digests_size());
  for (auto& [words, section] : party.sections) section.sent |= section.verdict == type::v1::VERDICT_PERMIT;
}

void NoteStatement(const CheckedRow& row, int64_t time_ms, PartyFacts& party) {
  const EntryEvent& event = *row.event;
  if (!LeavesStanding(event.statement())) party.stands = console::Words(event.statement());
  if (!SaidByPerson(row)) return;
  switch (event.statement()) {
    case type::v1::STATEMENT_KIND_OPENED:
      if (party.opened_ms == 0) NoteDue(event, party.pick_up);
      return NoteFirst(time_ms, party.opened_ms);
    case type::v1::STATEMENT_KIND_ACCEPTED:
    case type::v1::STATEMENT_KIND_LISTED:
    case type::v1::STATEMENT_KIND_TRANSFERRED_IN: party.took_on = true; return NoteAnswer(event, time_ms, party);
    case type::v1::STATEMENT_KIND_DECIDED:
    case type::v1::STATEMENT_KIND_CHECK_ANSWERED:
    case type::v1::STATEMENT_KIND_RESEARCH_REQUESTED:
    case type::v1::STATEMENT_KIND_HEARD:
    case type::v1::STATEMENT_KIND_DEFERRED: return NoteAnswer(event, time_ms, party);
    case type::v1::STATEMENT_KIND_DECLINED:
    case type::v1::STATEMENT_KIND_RETURNED:
    case type::v1::STATEMENT_KIND_REDIRECTED:
    case type::v1::STATEMENT_KIND_TRANSFERRED_OUT: party.ended = true; return NoteAnswer(event, time_ms, party);
    case type::v1::STATEMENT_KIND_CLOSED:
      // Of what nobody has answered it is the answer, and its deadline the answer's.
      if (party.answered_ms == 0) {
        NoteAnswer(event, time_ms, party);
        return NoteFirst(time_ms, party.outcome_ms);
      }
      return NoteOutcome(event, time_ms, party);
    case type::v1::STATEMENT_KIND_OUTCOME: return NoteOutcome(event, time_ms, party);
    case type::v1::STATEMENT_KIND_CORRECTION:
    case type::v1::STATEMENT_KIND_RECALL:
    case type::v1::STATEMENT_KIND_WITHDRAWN: return TakeBack(event.statement(), party);
    default: return;
  }
}

void NoteEvent(const CheckedRow& row, int64_t time_ms, PartyFacts& party) {
  const EntryEvent& event = *row.event;
  switch (event.type()) {
    case type::v1::EVENT_TYPE_RELEASED: NoteSent(row, party); return NoteFirst(time_ms, party.released_ms);
    case type::v1::EVENT_TYPE_DELIVERED:
      if (party.released_ms == 0) NoteSent(row, party);  // That it left is not for this reader.
      return NoteFirst(time_ms, party.delivered_ms);
    case type::v1::EVENT_TYPE_DEAD_LETTER: party.stands = "could not be delivered"; return;
    case type::v1::EVENT_TYPE_DEAD_LETTER_DISCARDED: party.stands = "given up undelivered"; party.ended = true; return;
    case type::v1::EVENT_TYPE_WITHHELD_AT_RELEASE: party.stands = "withheld at release"; party.ended = true; return;
    case type::v1::EVENT_TYPE_COPY_STOPPED:
      party.stands = party.released_ms > 0 ? "stopped after an attempt had left" : "stopped before it left";
      party.ended |= party.released_ms == 0;  // What has left is held, and its clocks run on.
      return;
    case type::v1::EVENT_TYPE_PICK_UP_OVERDUE: return NoteOverdue(event, party.pick_up);
    case type::v1::EVENT_TYPE_RESPONSE_OVERDUE: return NoteOverdue(event, party.response);
    case type::v1::EVENT_TYPE_FEEDBACK_OVERDUE: return NoteOverdue(event, party.feedback);
    case type::v1::EVENT_TYPE_STATEMENT: return NoteStatement(row, time_ms, party);
    default: return;
  }
}

TimelineWait WaitOf(std::string what, int64_t from_ms, int64_t done_ms, const PartyFacts::Deadline& deadline, bool over) {
  TimelineWait wait{.what = std::move(what), .from_ms = from_ms, .done_ms = {}, .due_ms = deadline.due_ms, .clock_version = deadline.version,
                    .reminders = deadline.overdue, .over = over && done_ms == 0};
  if (done_ms > 0) wait.done_ms = done_ms;
  return wait;
}

// Of what was asked at `asked_ms`; 0: not known.
TimelineParty PartyOf(const PartyFacts& facts, int64_t asked_ms) {
  TimelineParty party{.agency = facts.confidential ? facts.agency + " (confidential desk)" : facts.agency, .gets = {}, .unsent = {}, .withheld = {}, .waits = {},
                      .stands = facts.stands, .silent = {}};
  for (const auto& [words, section] : facts.sections) {
    if (section.sent) {
      party.gets.push_back(words);
    } else if (section.verdict == type::v1::VERDICT_PERMIT) {
      party.unsent.push_back(words);
    } else {
      party.withheld.push_back({words, console::Words(static_cast<type::v1::Verdict>(section.verdict)), section.reason});
    }
  }
  if (facts.sections.empty() && facts.closed_sections > 0) party.gets.push_back(fmt::format("{} sections, which of them is not for this reader", facts.closed_sections));
  if (GetsNothing(facts)) {
    if (party.stands.empty()) party.stands = "gets nothing";
    return party;
  }
  const PartyFacts::Deadline none;
  // An act is later than what it presupposes: what was done without the step before it leaves that as not recorded.
  const auto after = [&](int64_t before_ms) { return before_ms > 0 ? before_ms : facts.stored_ms; };
  party.waits.push_back(WaitOf("collected", facts.stored_ms, facts.delivered_ms, none, facts.ended));
  party.waits.push_back(WaitOf("opened by a person", facts.stored_ms, facts.opened_ms, facts.pick_up, facts.ended));
  party.waits.push_back(WaitOf("answered", after(facts.opened_ms), facts.answered_ms, facts.response, facts.ended));
  if (facts.took_on || facts.outcome_ms > 0 || facts.feedback.overdue > 0) {
    party.waits.push_back(WaitOf("outcome told", after(facts.answered_ms), facts.outcome_ms, facts.feedback, facts.taken_back || (facts.ended && !facts.took_on)));
  }
  for (TimelineWait& wait : party.waits) {
    if (!wait.done_ms.has_value() && !wait.over && wait.from_ms > 0) wait.open_ms = std::max<int64_t>(asked_ms - wait.from_ms, 0);
    if (!wait.done_ms.has_value() && !wait.over) party.silent.push_back(fmt::format("no record in Accord that it was {}", wait.what));
  }
  return party;
}

// Of one referral, while the rows are read.
struct ReferralFacts {
  TimelineReferral referral;
  std::vector<PartyFacts> parties;  // In the order in which they first appear.
  std::map<std::string, std::string> section_names;  // By id; two of one category are told apart by a number.
  std::map<std::string, int> sections_of_category;

  // One that is new has waited since `from_ms`.
  PartyFacts& Party(const std::string& agency, int64_t from_ms) {
    const auto found = std::find_if(parties.begin(), parties.end(), [&](const PartyFacts& party) { return party.agency == agency; });
    if (found != parties.end()) return *found;
    parties.push_back({.agency = agency});
    parties.back().stored_ms = from_ms;
    return parties.back();
  }
  const std::string& SectionName(const type::v1::SectionDecision& decision) {
    const auto [at, is_new] = section_names.try_emplace(decision.section_id());
    if (is_new) {
      const std::string words = console::Words(decision.category());
      const int number = ++sections_of_category[words];
      at->second = number == 1 ? words : fmt::format("{} {}", words, number);
    }
    return at->second;
  }
};

void NoteDecisions(const CheckedRow& row, int64_t from_ms, ReferralFacts& facts) {
  if (!row.decisions.has_value()) return;
  for (const auto& decision : row.decisions->decisions()) {
    // Of no section: that somebody is not told of a statement, which the entry's own line says.
    if (decision.recipient().empty() || decision.section_id().empty()) continue;
    SectionFacts& section = facts.Party(decision.recipient(), from_ms).sections[facts.SectionName(decision)];
    section.verdict = decision.verdict();
    section.reason = decision.reason();
  }
}

// The sender takes it back or replaces it: nothing more can be waited for, by whoever is told of it or not.
bool EndsForAll(const EntryEvent& event) {
  return event.type() == type::v1::EVENT_TYPE_STATEMENT &&
         (event.statement() == type::v1::STATEMENT_KIND_RECALL || event.statement() == type::v1::STATEMENT_KIND_WITHDRAWN ||
          event.statement() == type::v1::STATEMENT_KIND_CORRECTION);
}

void NoteRow(const CheckedRow& row, std::map<std::string, ReferralFacts>& all, std::vector<std::string>& order) {
  if (!row.event.has_value() || !row.referral.has_value() || row.referral->header_digest().empty() || IsQuestion(row.event->type())) return;
  const auto time_ms = static_cast<int64_t>(row.leaf.time_ms);
  const std::string& digest = row.referral->header_digest();
  const auto [at, is_new] = all.try_emplace(digest);
  ReferralFacts& facts = at->second;
  if (is_new) {
    order.push_back(digest);
    facts.referral.digest = ToHex(digest);
    facts.referral.sender = row.referral->sender();
    facts.referral.time_ms = time_ms;
  }
  const EntryEvent& event = *row.event;
  if (referral::IsStoredEvent(event.type())) {
    facts.referral.recorded_as = console::Words(event.type());
    facts.referral.agreement = event.agreement_version();
  } else if (is_new && event.type() == type::v1::EVENT_TYPE_CASE_JOINED) {
    facts.referral.recorded_as = "which belongs to this case too and has its entries in its own trail";
  }
  // Whom a later decision first names, or who stands in for another, has waited since then alone.
  const bool stand_in = event.type() == type::v1::EVENT_TYPE_STAND_IN_QUEUED;
  NoteDecisions(row, event.type() == type::v1::EVENT_TYPE_STATEMENT ? time_ms : facts.referral.time_ms, facts);
  const std::string& recipient = row.referral->recipient();
  if (recipient.empty() && EndsForAll(event)) {
    for (PartyFacts& party : facts.parties) TakeBack(event.statement(), party);
  }
  // A delivery of a statement or notice is none of the referral itself; a copy that is stopped by one is.
  const bool of_statement = !row.referral->statement_digest().empty() && event.type() != type::v1::EVENT_TYPE_STATEMENT &&
                            event.type() != type::v1::EVENT_TYPE_COPY_STOPPED;
  if (recipient.empty() || recipient == facts.referral.sender || of_statement) return;
  PartyFacts& party = facts.Party(recipient, stand_in ? time_ms : facts.referral.time_ms);
  party.confidential |= row.referral->desk() == type::v1::DESK_CONFIDENTIAL;
  NoteEvent(row, time_ms, party);
}

// Of what fell due its own words, for their time is London's too.
std::string TimelineDetail(const CheckedRow& row) {
  if (!row.event.has_value() || row.event->due_at_ms() == 0) return DetailText(row);
  const EntryEvent& event = *row.event;
  const bool statement = event.type() == type::v1::EVENT_TYPE_STATEMENT;
  std::string text = fmt::format("{}was due {}", statement ? DetailText(row) + "\n" : "", TimelineTime(event.due_at_ms()));
  if (!event.clock_version().empty()) text += " by clock rules " + event.clock_version();
  if (event.step() != type::v1::ESCALATION_STEP_UNSPECIFIED) text += "; step: " + console::Words(event.step());
  if (event.reminder() > 0) text += fmt::format("; number {}", event.reminder());
  return text;
}

TimelineEvent EventOf(const CheckedRow& row) {
  TimelineEvent event{.entry = row.index,
                      .time_ms = static_cast<int64_t>(row.leaf.time_ms),
                      .what = EventText(row),
                      .who = ActorText(row),
                      .to = RecipientText(row),
                      .detail = TimelineDetail(row),
                      .referral = {},
                      .mark = MarkOf(row)};
  if (row.referral.has_value()) event.referral = ToHex(row.referral->header_digest()).substr(0, kReferralDigits);
  if (row.event.has_value() && row.event->case_flags_size() > 0) {
    for (const int flag : row.event->case_flags()) {
      event.detail += (event.detail.empty() ? "" : "; ") + console::Words(static_cast<type::v1::CaseFlag>(flag));
    }
  }
  return event;
}

std::string Lasted(int64_t ms) { return AboutText(absl::Milliseconds(std::max<int64_t>(ms, 0))); }

}  // namespace

std::string_view Word(TimelineEvent::Mark mark) {
  switch (mark) {
    case Mark::kOverdue: return "overdue";
    case Mark::kWithheld: return "not given";
    case Mark::kChange: return "change";
    case Mark::kFlag: return "flag";
    case Mark::kClosed: return "not shown";
    case Mark::kPlain: break;
  }
  return "";
}

Timeline MakeTimeline(const std::vector<CheckedRow>& rows, std::string about, TimelineProof proof, const std::string& only) {
  Timeline timeline{.about = std::move(about), .proof = std::move(proof)};
  std::map<std::string, ReferralFacts> all;
  std::vector<std::string> order;
  std::set<int> flags;
  int64_t last_ms = 0, asked_ms = 0;
  for (const CheckedRow& row : rows) {
    const bool shown = only.empty() || !row.referral.has_value() || row.referral->header_digest().empty() || row.referral->header_digest() == only;
    timeline.left_out += !shown;
    if (!shown) continue;
    NoteRow(row, all, order);
    timeline.erased += !row.event.has_value() && row.erased;
    timeline.closed += !row.event.has_value() && !row.erased;
    TimelineEvent event = EventOf(row);
    const bool question = row.event.has_value() && IsQuestion(row.event->type());
    const bool asked = question && row.index == timeline.proof.query_index;
    if (asked) asked_ms = event.time_ms;
    // Nobody was silent towards who asked meanwhile; but that nothing happened until this very question is a stretch like any other.
    if (!question || asked) {
      const int64_t days = last_ms > 0 ? (event.time_ms - last_ms) / kDayMs : 0;
      if (days >= kGapDays) event.silent_before_days = days;
      last_ms = event.time_ms;
    }
    if (row.event.has_value()) {
      for (const int flag : row.event->case_flags()) {
        if (flags.insert(flag).second) timeline.flags.push_back(console::Words(static_cast<type::v1::CaseFlag>(flag)));
      }
    }
    timeline.events.push_back(std::move(event));
  }
  for (const std::string& digest : order) {
    ReferralFacts& facts = all.at(digest);
    for (const PartyFacts& party : facts.parties) facts.referral.parties.push_back(PartyOf(party, asked_ms));
    timeline.referrals.push_back(std::move(facts.referral));
  }
  return timeline;
}

std::string TimelineTime(int64_t ms) {
  if (ms == 0) return "-";
  const absl::CivilSecond at = LondonTime(absl::FromUnixMillis(ms));
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{} {} {} {:02}:{:02}", at.day(), kMonths[at.month() - 1], at.year(), at.hour(), at.minute());
}

std::string WaitText(const TimelineWait& wait) {
  std::string text = wait.done_ms.has_value() ? fmt::format("{}, after {}", TimelineTime(*wait.done_ms), Lasted(*wait.done_ms - wait.from_ms))
                     : wait.over              ? std::string("no more due")
                     : wait.open_ms > 0       ? fmt::format("no record in Accord in {}", Lasted(wait.open_ms))
                                              : std::string("no record in Accord");
  if (wait.due_ms == 0) return text;
  const bool late = wait.done_ms.has_value() && *wait.done_ms > wait.due_ms;
  text += fmt::format("; {}: was due {}", wait.overdue() ? "OVERDUE" : late ? "LATE" : "in time", TimelineTime(wait.due_ms));
  if (!wait.clock_version.empty()) text += fmt::format(" by clock rules {}", wait.clock_version);
  if (late) text += fmt::format(", {} late", Lasted(*wait.done_ms - wait.due_ms));
  if (!wait.overdue()) return text;
  return text + fmt::format(", {} overdue {}", wait.reminders, wait.reminders == 1 ? "entry" : "entries");
}

std::vector<std::string> ProofText(const Timeline& timeline) {
  const TimelineProof& proof = timeline.proof;
  std::vector<std::string> lines;
  lines.push_back(fmt::format("Completeness: {}.", proof.completeness.empty() ? "no grade told" : proof.completeness));
  lines.push_back(proof.every_entry ? fmt::format("Every entry of the chain {}, from the first to entry {}, which records this very question.",
                                                  timeline.left_out > 0 ? "was read" : "is here", proof.query_index)
                                    : fmt::format("These are the entries that this reader may see; entry {} records this very question.", proof.query_index));
  if (timeline.left_out > 0) lines.push_back(fmt::format("{} of them {} about other referrals and not shown here.", timeline.left_out, timeline.left_out == 1 ? "is" : "are"));
  if (timeline.erased > 0) lines.push_back(fmt::format("What {} of them said was erased.", timeline.erased));
  if (timeline.closed > 0) lines.push_back(fmt::format("What {} of them say is not for this reader.", timeline.closed));
  lines.push_back(fmt::format("Log: {}.", proof.origin));
  lines.push_back(proof.checkpoint_size > 0
                      ? fmt::format("Each entry was proved to be in the log of {} entries with root {}, which the log's key signs.", proof.checkpoint_size, proof.checkpoint_root)
                      : std::string("What each entry says opens commitments of its leaf; of the leaves, that of this very question alone was proved to be in the log."));
  lines.push_back("What is not here has no record in Accord: it may have happened by telephone or on paper. A deadline is named where the record has it: "
                  "of what was missed in its overdue entries, of what was met in the entry of the statement that met it. Older entries of statements have none.");
  return lines;
}

}  // namespace accord::accordctl

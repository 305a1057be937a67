// Where a referral may go from where, for one recipient: the one table (design.md §3). docs/states.md shows it to people;
// tests/lint/states_doc.py holds the two to each other. It is better whole: who speaks, what that is and where it leads. Pure.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "accord/type/v1/vocabulary.pb.h"

namespace accord::referral {

// Who speaks. The broker's own acts are entries; the others sign statements.
enum class Party { kBroker, kSender, kRecipient };

// What can happen to a referral at one recipient.
enum class Event {
  kRelease,
  kDeliver,
  kDie,
  kRequeue,
  kRecall,
  kWithdraw,
  kOpen,
  kAccept,
  kReturn,
  kRedirect,
  kDecline,
  kDecide,
  kAction,
  kOutcome,
  kClose,
  kList,
  kRequestResearch,
  kHear,
  kDefer,
  kTransferOut,
  kTransferIn,
  kAnswerCheck,
};
inline constexpr std::array kAllEvents = {Event::kRelease, Event::kDeliver, Event::kDie, Event::kRequeue, Event::kRecall, Event::kWithdraw,
                                          Event::kOpen, Event::kAccept, Event::kReturn, Event::kRedirect, Event::kDecline,
                                          Event::kDecide, Event::kAction, Event::kOutcome, Event::kClose, Event::kList,
                                          Event::kRequestResearch, Event::kHear, Event::kDefer, Event::kTransferOut,
                                          Event::kTransferIn, Event::kAnswerCheck};

// One arrow.
struct Arrow {
  type::v1::ReferralState from;
  Event event;
  type::v1::ReferralState to;
};

inline constexpr std::array kArrows = {
    Arrow{type::v1::REFERRAL_STATE_STORED, Event::kRelease, type::v1::REFERRAL_STATE_RELEASED},
    Arrow{type::v1::REFERRAL_STATE_RELEASED, Event::kRelease, type::v1::REFERRAL_STATE_RELEASED},  // Another attempt.
    Arrow{type::v1::REFERRAL_STATE_RELEASED, Event::kDeliver, type::v1::REFERRAL_STATE_DELIVERED},
    Arrow{type::v1::REFERRAL_STATE_STORED, Event::kDie, type::v1::REFERRAL_STATE_DEAD_LETTER},
    Arrow{type::v1::REFERRAL_STATE_RELEASED, Event::kDie, type::v1::REFERRAL_STATE_DEAD_LETTER},
    Arrow{type::v1::REFERRAL_STATE_DEAD_LETTER, Event::kRequeue, type::v1::REFERRAL_STATE_STORED},
    // What had left cannot be called back: it stays where it stands, and its holder answers (kChangeAnswers).
    Arrow{type::v1::REFERRAL_STATE_STORED, Event::kRecall, type::v1::REFERRAL_STATE_RECALLED},
    Arrow{type::v1::REFERRAL_STATE_DELIVERED, Event::kOpen, type::v1::REFERRAL_STATE_OPENED},
    // Its signed word, which may overtake its acknowledgement, says more than that would.
    Arrow{type::v1::REFERRAL_STATE_RELEASED, Event::kOpen, type::v1::REFERRAL_STATE_OPENED},
    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kAccept, type::v1::REFERRAL_STATE_ACCEPTED},
    // It may be taken after all, should the person who returned it hear by telephone what lacked.
    Arrow{type::v1::REFERRAL_STATE_RETURNED, Event::kAccept, type::v1::REFERRAL_STATE_ACCEPTED},
    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kReturn, type::v1::REFERRAL_STATE_RETURNED},
    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kRedirect, type::v1::REFERRAL_STATE_REDIRECTED},
    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kDecline, type::v1::REFERRAL_STATE_DECLINED},
    Arrow{type::v1::REFERRAL_STATE_ACCEPTED, Event::kDecline, type::v1::REFERRAL_STATE_DECLINED},
    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kDecide, type::v1::REFERRAL_STATE_DECIDED},
    Arrow{type::v1::REFERRAL_STATE_ACCEPTED, Event::kDecide, type::v1::REFERRAL_STATE_DECIDED},
    Arrow{type::v1::REFERRAL_STATE_RETURNED, Event::kDecide, type::v1::REFERRAL_STATE_DECIDED},
    Arrow{type::v1::REFERRAL_STATE_DECIDED, Event::kDecide, type::v1::REFERRAL_STATE_DECIDED},  // Stepped up or down later.
    Arrow{type::v1::REFERRAL_STATE_ACTION_RECORDED, Event::kDecide, type::v1::REFERRAL_STATE_DECIDED},
    Arrow{type::v1::REFERRAL_STATE_ACCEPTED, Event::kAction, type::v1::REFERRAL_STATE_ACTION_RECORDED},
    Arrow{type::v1::REFERRAL_STATE_DECIDED, Event::kAction, type::v1::REFERRAL_STATE_ACTION_RECORDED},
    Arrow{type::v1::REFERRAL_STATE_ACTION_RECORDED, Event::kAction, type::v1::REFERRAL_STATE_ACTION_RECORDED},
    Arrow{type::v1::REFERRAL_STATE_OUTCOME_RECORDED, Event::kAction, type::v1::REFERRAL_STATE_ACTION_RECORDED},
    Arrow{type::v1::REFERRAL_STATE_HEARD, Event::kAction, type::v1::REFERRAL_STATE_ACTION_RECORDED},
    Arrow{type::v1::REFERRAL_STATE_DEFERRED, Event::kAction, type::v1::REFERRAL_STATE_ACTION_RECORDED},
    Arrow{type::v1::REFERRAL_STATE_TRANSFERRED_IN, Event::kAction, type::v1::REFERRAL_STATE_ACTION_RECORDED},
    Arrow{type::v1::REFERRAL_STATE_ACCEPTED, Event::kOutcome, type::v1::REFERRAL_STATE_OUTCOME_RECORDED},
    Arrow{type::v1::REFERRAL_STATE_DECIDED, Event::kOutcome, type::v1::REFERRAL_STATE_OUTCOME_RECORDED},
    Arrow{type::v1::REFERRAL_STATE_ACTION_RECORDED, Event::kOutcome, type::v1::REFERRAL_STATE_OUTCOME_RECORDED},
    Arrow{type::v1::REFERRAL_STATE_OUTCOME_RECORDED, Event::kOutcome, type::v1::REFERRAL_STATE_OUTCOME_RECORDED},
    Arrow{type::v1::REFERRAL_STATE_HEARD, Event::kOutcome, type::v1::REFERRAL_STATE_OUTCOME_RECORDED},
    // Not from OPENED: nobody has done with what nobody has answered.
    Arrow{type::v1::REFERRAL_STATE_ACCEPTED, Event::kClose, type::v1::REFERRAL_STATE_CLOSED},
    Arrow{type::v1::REFERRAL_STATE_RETURNED, Event::kClose, type::v1::REFERRAL_STATE_CLOSED},
    Arrow{type::v1::REFERRAL_STATE_REDIRECTED, Event::kClose, type::v1::REFERRAL_STATE_CLOSED},
    Arrow{type::v1::REFERRAL_STATE_DECLINED, Event::kClose, type::v1::REFERRAL_STATE_CLOSED},
    Arrow{type::v1::REFERRAL_STATE_DECIDED, Event::kClose, type::v1::REFERRAL_STATE_CLOSED},
    Arrow{type::v1::REFERRAL_STATE_ACTION_RECORDED, Event::kClose, type::v1::REFERRAL_STATE_CLOSED},
    Arrow{type::v1::REFERRAL_STATE_OUTCOME_RECORDED, Event::kClose, type::v1::REFERRAL_STATE_CLOSED},
    Arrow{type::v1::REFERRAL_STATE_HEARD, Event::kClose, type::v1::REFERRAL_STATE_CLOSED},
    Arrow{type::v1::REFERRAL_STATE_DEFERRED, Event::kClose, type::v1::REFERRAL_STATE_CLOSED},
    Arrow{type::v1::REFERRAL_STATE_TRANSFERRED_IN, Event::kClose, type::v1::REFERRAL_STATE_CLOSED},
    // A forum, by its coordinator. An action taken before the meeting, or since, does not keep it from being listed.
    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kTransferIn, type::v1::REFERRAL_STATE_TRANSFERRED_IN},
    Arrow{type::v1::REFERRAL_STATE_ACCEPTED, Event::kList, type::v1::REFERRAL_STATE_LISTED},
    Arrow{type::v1::REFERRAL_STATE_TRANSFERRED_IN, Event::kList, type::v1::REFERRAL_STATE_LISTED},
    Arrow{type::v1::REFERRAL_STATE_DEFERRED, Event::kList, type::v1::REFERRAL_STATE_LISTED},
    Arrow{type::v1::REFERRAL_STATE_ACTION_RECORDED, Event::kList, type::v1::REFERRAL_STATE_LISTED},
    Arrow{type::v1::REFERRAL_STATE_LISTED, Event::kRequestResearch, type::v1::REFERRAL_STATE_RESEARCH_REQUESTED},
    Arrow{type::v1::REFERRAL_STATE_LISTED, Event::kHear, type::v1::REFERRAL_STATE_HEARD},
    Arrow{type::v1::REFERRAL_STATE_RESEARCH_REQUESTED, Event::kHear, type::v1::REFERRAL_STATE_HEARD},
    Arrow{type::v1::REFERRAL_STATE_LISTED, Event::kDefer, type::v1::REFERRAL_STATE_DEFERRED},
    Arrow{type::v1::REFERRAL_STATE_RESEARCH_REQUESTED, Event::kDefer, type::v1::REFERRAL_STATE_DEFERRED},
    Arrow{type::v1::REFERRAL_STATE_ACCEPTED, Event::kTransferOut, type::v1::REFERRAL_STATE_TRANSFERRED_OUT},
    Arrow{type::v1::REFERRAL_STATE_TRANSFERRED_IN, Event::kTransferOut, type::v1::REFERRAL_STATE_TRANSFERRED_OUT},
    Arrow{type::v1::REFERRAL_STATE_LISTED, Event::kTransferOut, type::v1::REFERRAL_STATE_TRANSFERRED_OUT},
    Arrow{type::v1::REFERRAL_STATE_RESEARCH_REQUESTED, Event::kTransferOut, type::v1::REFERRAL_STATE_TRANSFERRED_OUT},
    Arrow{type::v1::REFERRAL_STATE_HEARD, Event::kTransferOut, type::v1::REFERRAL_STATE_TRANSFERRED_OUT},
    Arrow{type::v1::REFERRAL_STATE_DEFERRED, Event::kTransferOut, type::v1::REFERRAL_STATE_TRANSFERRED_OUT},
    Arrow{type::v1::REFERRAL_STATE_ACTION_RECORDED, Event::kTransferOut, type::v1::REFERRAL_STATE_TRANSFERRED_OUT},
    // A check. It may be answered after all, should the person who returned it hear what lacked; and what is known may change.
    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kAnswerCheck, type::v1::REFERRAL_STATE_ANSWERED},
    Arrow{type::v1::REFERRAL_STATE_RETURNED, Event::kAnswerCheck, type::v1::REFERRAL_STATE_ANSWERED},
    Arrow{type::v1::REFERRAL_STATE_ANSWERED, Event::kAnswerCheck, type::v1::REFERRAL_STATE_ANSWERED},
    Arrow{type::v1::REFERRAL_STATE_ANSWERED, Event::kClose, type::v1::REFERRAL_STATE_CLOSED},
    // The sender, wherever it has not come to an end.
    Arrow{type::v1::REFERRAL_STATE_STORED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_RELEASED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_DELIVERED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_ACCEPTED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_DECLINED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_DECIDED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_OUTCOME_RECORDED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_DEAD_LETTER, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_RETURNED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_REDIRECTED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_ACTION_RECORDED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_LISTED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_RESEARCH_REQUESTED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_HEARD, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_DEFERRED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_TRANSFERRED_IN, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
    Arrow{type::v1::REFERRAL_STATE_ANSWERED, Event::kWithdraw, type::v1::REFERRAL_STATE_WITHDRAWN},
};

// The state that `event` leads to from `from`; nothing when it is illegal there. Thread-safe.
constexpr std::optional<type::v1::ReferralState> Next(type::v1::ReferralState from, Event event) {
  for (const Arrow& arrow : kArrows) {
    if (arrow.from == from && arrow.event == event) return arrow.to;
  }
  return std::nullopt;
}

// May nothing more be said or done that would move it? Thread-safe.
constexpr bool IsFinal(type::v1::ReferralState state) {
  return state == type::v1::REFERRAL_STATE_CLOSED || state == type::v1::REFERRAL_STATE_WITHDRAWN ||
         state == type::v1::REFERRAL_STATE_RECALLED || state == type::v1::REFERRAL_STATE_TRANSFERRED_OUT;
}

// Who may make a statement of a kind, and which event it is at the recipient; none: it moves no state. A kind that is
// unknown may be made by nobody.
struct StatementRow {
  type::v1::StatementKind kind;
  Party by;
  std::optional<Event> event;
};

inline constexpr std::array kStatements = {
    StatementRow{type::v1::STATEMENT_KIND_OPENED, Party::kRecipient, Event::kOpen},
    StatementRow{type::v1::STATEMENT_KIND_ACCEPTED, Party::kRecipient, Event::kAccept},
    StatementRow{type::v1::STATEMENT_KIND_DECLINED, Party::kRecipient, Event::kDecline},
    StatementRow{type::v1::STATEMENT_KIND_DECIDED, Party::kRecipient, Event::kDecide},
    StatementRow{type::v1::STATEMENT_KIND_OUTCOME, Party::kRecipient, Event::kOutcome},
    StatementRow{type::v1::STATEMENT_KIND_ACTION, Party::kRecipient, Event::kAction},
    StatementRow{type::v1::STATEMENT_KIND_CONSENT_CHANGE, Party::kSender, std::nullopt},
    StatementRow{type::v1::STATEMENT_KIND_CORRECTION, Party::kSender, std::nullopt},
    StatementRow{type::v1::STATEMENT_KIND_RECALL, Party::kSender, std::nullopt},
    StatementRow{type::v1::STATEMENT_KIND_CHANGE_ANSWERED, Party::kRecipient, std::nullopt},
    StatementRow{type::v1::STATEMENT_KIND_GAP_REVIEWED, Party::kSender, std::nullopt},
    StatementRow{type::v1::STATEMENT_KIND_BREACH_ASSESSED, Party::kSender, std::nullopt},
    StatementRow{type::v1::STATEMENT_KIND_RETURNED, Party::kRecipient, Event::kReturn},
    StatementRow{type::v1::STATEMENT_KIND_REDIRECTED, Party::kRecipient, Event::kRedirect},
    StatementRow{type::v1::STATEMENT_KIND_CLOSED, Party::kRecipient, Event::kClose},
    StatementRow{type::v1::STATEMENT_KIND_WITHDRAWN, Party::kSender, Event::kWithdraw},
    StatementRow{type::v1::STATEMENT_KIND_LISTED, Party::kRecipient, Event::kList},
    StatementRow{type::v1::STATEMENT_KIND_RESEARCH_REQUESTED, Party::kRecipient, Event::kRequestResearch},
    StatementRow{type::v1::STATEMENT_KIND_HEARD, Party::kRecipient, Event::kHear},
    StatementRow{type::v1::STATEMENT_KIND_DEFERRED, Party::kRecipient, Event::kDefer},
    StatementRow{type::v1::STATEMENT_KIND_TRANSFERRED_OUT, Party::kRecipient, Event::kTransferOut},
    StatementRow{type::v1::STATEMENT_KIND_TRANSFERRED_IN, Party::kRecipient, Event::kTransferIn},
    StatementRow{type::v1::STATEMENT_KIND_CHECK_ANSWERED, Party::kRecipient, Event::kAnswerCheck},
    StatementRow{type::v1::STATEMENT_KIND_REGRADED, Party::kSender, std::nullopt},
    StatementRow{type::v1::STATEMENT_KIND_RESEALED, Party::kSender, std::nullopt},
};

// Null for a kind that is unknown. Thread-safe.
constexpr const StatementRow* FindStatement(type::v1::StatementKind kind) {
  for (const StatementRow& row : kStatements) {
    if (row.kind == kind) return &row;
  }
  return nullptr;
}

// The event of a statement of `kind`; nothing for kinds that move no state. Thread-safe.
constexpr std::optional<Event> EventOf(type::v1::StatementKind kind) {
  const StatementRow* row = FindStatement(kind);
  return row == nullptr ? std::nullopt : row->event;
}

// Is it a step of a forum? Only the agency that coordinates the forum which the referral names may say it; who that is the broker's
// directory knows. Thread-safe.
constexpr bool IsForumStep(type::v1::StatementKind kind) {
  return kind == type::v1::STATEMENT_KIND_LISTED || kind == type::v1::STATEMENT_KIND_RESEARCH_REQUESTED ||
         kind == type::v1::STATEMENT_KIND_HEARD || kind == type::v1::STATEMENT_KIND_DEFERRED ||
         kind == type::v1::STATEMENT_KIND_TRANSFERRED_OUT || kind == type::v1::STATEMENT_KIND_TRANSFERRED_IN;
}

// May an agency of `agency_kind`, being `party` to the referral, say `kind`? Children's services answer a contact with a
// decision, never "declined", and only they decide. Thread-safe.
constexpr bool MaySay(Party party, type::v1::AgencyKind agency_kind, type::v1::StatementKind kind) {
  const StatementRow* row = FindStatement(kind);
  if (row == nullptr || row->by != party) return false;
  const bool childrens = agency_kind == type::v1::AGENCY_KIND_CHILDRENS_SERVICES;
  if (kind == type::v1::STATEMENT_KIND_DECIDED) return childrens;
  return kind != type::v1::STATEMENT_KIND_DECLINED || !childrens;
}

// May a recipient say `kind` of a referral that is a check, or of one that is none? A check is answered known, not known, or known and
// withheld; accepting, declining, deciding and the like would leave its sender without one of these. Thread-safe.
constexpr bool MaySayOfCheck(bool check, type::v1::StatementKind kind) {
  if (!check) return kind != type::v1::STATEMENT_KIND_CHECK_ANSWERED;
  return kind == type::v1::STATEMENT_KIND_OPENED || kind == type::v1::STATEMENT_KIND_CHECK_ANSWERED ||
         kind == type::v1::STATEMENT_KIND_RETURNED || kind == type::v1::STATEMENT_KIND_CLOSED ||
         kind == type::v1::STATEMENT_KIND_CHANGE_ANSWERED;
}

// Is nothing but the aftermath left to say of a referral that was recalled? Holders answer for their copies, and the sender reviews
// and assesses. Thread-safe.
constexpr bool MaySayOfRecalled(type::v1::StatementKind kind) {
  return kind == type::v1::STATEMENT_KIND_CHANGE_ANSWERED || kind == type::v1::STATEMENT_KIND_GAP_REVIEWED ||
         kind == type::v1::STATEMENT_KIND_BREACH_ASSESSED;
}

// What a holder may answer to a change.
struct ChangeAnswerRow {
  type::v1::StatementKind change;
  type::v1::ChangeAnswer answer;
};

inline constexpr std::array kChangeAnswers = {
    ChangeAnswerRow{type::v1::STATEMENT_KIND_CONSENT_CHANGE, type::v1::CHANGE_ANSWER_STOPPED},
    ChangeAnswerRow{type::v1::STATEMENT_KIND_CONSENT_CHANGE, type::v1::CHANGE_ANSWER_KEPT_ON_BASIS},
    ChangeAnswerRow{type::v1::STATEMENT_KIND_CONSENT_CHANGE, type::v1::CHANGE_ANSWER_ALREADY_ACTED},
    // Nobody keeps a wrong value on a basis of their own. Who is given no corrected version has stopped using the old one.
    ChangeAnswerRow{type::v1::STATEMENT_KIND_CORRECTION, type::v1::CHANGE_ANSWER_CONFIRMED},
    ChangeAnswerRow{type::v1::STATEMENT_KIND_CORRECTION, type::v1::CHANGE_ANSWER_STOPPED},
    ChangeAnswerRow{type::v1::STATEMENT_KIND_CORRECTION, type::v1::CHANGE_ANSWER_ALREADY_ACTED},
    ChangeAnswerRow{type::v1::STATEMENT_KIND_CORRECTION, type::v1::CHANGE_ANSWER_DESTROYED},
    ChangeAnswerRow{type::v1::STATEMENT_KIND_CORRECTION, type::v1::CHANGE_ANSWER_NOT_OPENED},
    ChangeAnswerRow{type::v1::STATEMENT_KIND_RECALL, type::v1::CHANGE_ANSWER_DESTROYED},
    ChangeAnswerRow{type::v1::STATEMENT_KIND_RECALL, type::v1::CHANGE_ANSWER_NOT_OPENED},
    ChangeAnswerRow{type::v1::STATEMENT_KIND_RECALL, type::v1::CHANGE_ANSWER_KEPT_ON_BASIS},
    ChangeAnswerRow{type::v1::STATEMENT_KIND_RECALL, type::v1::CHANGE_ANSWER_ALREADY_ACTED},
};

// Are holders to answer a change of this kind? A withdrawal is told and asks for nothing. Thread-safe.
constexpr bool AsksForAnswer(type::v1::StatementKind change) {
  for (const ChangeAnswerRow& row : kChangeAnswers) {
    if (row.change == change) return true;
  }
  return false;
}

// Thread-safe.
constexpr bool MayAnswer(type::v1::StatementKind change, type::v1::ChangeAnswer answer) {
  for (const ChangeAnswerRow& row : kChangeAnswers) {
    if (row.change == change && row.answer == answer) return true;
  }
  return false;
}

// The lane a referral rides in (design.md §5 "Delivery").
constexpr type::v1::Lane LaneOf(type::v1::ReferralType type, type::v1::Urgency urgency, type::v1::RiskGrade grade) {
  if (urgency == type::v1::URGENCY_IMMEDIATE) return type::v1::LANE_IMMEDIATE;
  if (type == type::v1::REFERRAL_TYPE_NOTIFICATION || type == type::v1::REFERRAL_TYPE_EVENT_NOTICE) {
    // A notice of a high-risk event is not bulk.
    return grade == type::v1::RISK_GRADE_HIGH ? type::v1::LANE_HIGH : type::v1::LANE_NOTICES;
  }
  switch (grade) {
    case type::v1::RISK_GRADE_HIGH: return type::v1::LANE_HIGH;
    case type::v1::RISK_GRADE_MEDIUM: return type::v1::LANE_MEDIUM;
    default: return type::v1::LANE_STANDARD;
  }
}

}  // namespace accord::referral

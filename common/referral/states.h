// Where a referral may go from where, for one recipient: the one table (design.md §3, issue text "states"). Pure.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "accord/type/v1/vocabulary.pb.h"

namespace accord::referral {

// Who speaks. The broker's own acts are entries; the others sign statements.
enum class Party { kBroker, kSender, kRecipient };

// What can happen to a referral at one recipient.
enum class Event { kRelease, kDeliver, kDie, kRecall, kOpen, kAccept, kDecline, kDecide, kOutcome };
inline constexpr std::array kAllEvents = {Event::kRelease, Event::kDeliver, Event::kDie,    Event::kRecall, Event::kOpen,
                                          Event::kAccept,  Event::kDecline, Event::kDecide, Event::kOutcome};

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
    // What had left cannot be called back: it stays where it stands, and its holder answers (kChangeAnswers).
    Arrow{type::v1::REFERRAL_STATE_STORED, Event::kRecall, type::v1::REFERRAL_STATE_RECALLED},
    Arrow{type::v1::REFERRAL_STATE_DELIVERED, Event::kOpen, type::v1::REFERRAL_STATE_OPENED},
    // Its signed word, which may overtake its acknowledgement, says more than that would.
    Arrow{type::v1::REFERRAL_STATE_RELEASED, Event::kOpen, type::v1::REFERRAL_STATE_OPENED},
    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kAccept, type::v1::REFERRAL_STATE_ACCEPTED},
    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kDecline, type::v1::REFERRAL_STATE_DECLINED},
    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kDecide, type::v1::REFERRAL_STATE_DECIDED},
    Arrow{type::v1::REFERRAL_STATE_ACCEPTED, Event::kDecide, type::v1::REFERRAL_STATE_DECIDED},
    Arrow{type::v1::REFERRAL_STATE_ACCEPTED, Event::kDecline, type::v1::REFERRAL_STATE_DECLINED},
    Arrow{type::v1::REFERRAL_STATE_ACCEPTED, Event::kOutcome, type::v1::REFERRAL_STATE_OUTCOME_RECORDED},
    Arrow{type::v1::REFERRAL_STATE_DECIDED, Event::kDecide, type::v1::REFERRAL_STATE_DECIDED},  // Stepped up or down later.
    Arrow{type::v1::REFERRAL_STATE_DECIDED, Event::kOutcome, type::v1::REFERRAL_STATE_OUTCOME_RECORDED},
    Arrow{type::v1::REFERRAL_STATE_OUTCOME_RECORDED, Event::kOutcome, type::v1::REFERRAL_STATE_OUTCOME_RECORDED},
};

// The state that `event` leads to from `from`; nothing when it is illegal there. Thread-safe.
constexpr std::optional<type::v1::ReferralState> Next(type::v1::ReferralState from, Event event) {
  for (const Arrow& arrow : kArrows) {
    if (arrow.from == from && arrow.event == event) return arrow.to;
  }
  return std::nullopt;
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
    StatementRow{type::v1::STATEMENT_KIND_ACTION, Party::kRecipient, Event::kOutcome},
    StatementRow{type::v1::STATEMENT_KIND_CONSENT_CHANGE, Party::kSender, std::nullopt},
    StatementRow{type::v1::STATEMENT_KIND_CORRECTION, Party::kSender, std::nullopt},
    StatementRow{type::v1::STATEMENT_KIND_RECALL, Party::kSender, std::nullopt},
    StatementRow{type::v1::STATEMENT_KIND_CHANGE_ANSWERED, Party::kRecipient, std::nullopt},
    StatementRow{type::v1::STATEMENT_KIND_GAP_REVIEWED, Party::kSender, std::nullopt},
    StatementRow{type::v1::STATEMENT_KIND_BREACH_ASSESSED, Party::kSender, std::nullopt},
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

// May an agency of `agency_kind`, being `party` to the referral, say `kind`? Children's services answer a contact with a
// decision, never "declined", and only they decide. Thread-safe.
constexpr bool MaySay(Party party, type::v1::AgencyKind agency_kind, type::v1::StatementKind kind) {
  const StatementRow* row = FindStatement(kind);
  if (row == nullptr || row->by != party) return false;
  const bool childrens = agency_kind == type::v1::AGENCY_KIND_CHILDRENS_SERVICES;
  if (kind == type::v1::STATEMENT_KIND_DECIDED) return childrens;
  return kind != type::v1::STATEMENT_KIND_DECLINED || !childrens;
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

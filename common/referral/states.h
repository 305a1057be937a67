// Where a referral may go from where, for one recipient: the one table (design.md §3, issue text "states"). Pure.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "accord/type/v1/vocabulary.pb.h"

namespace accord::referral {

// What can happen to a referral at one recipient.
enum class Event { kRelease, kDeliver, kOpen, kAccept, kDecline, kDecide, kOutcome, kDie };
inline constexpr std::array kAllEvents = {Event::kRelease, Event::kDeliver, Event::kOpen,    Event::kAccept,
                                          Event::kDecline, Event::kDecide,  Event::kOutcome, Event::kDie};

// One arrow. Statements move a referral by the agency's signature, the rest by the broker's own record.
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
    Arrow{type::v1::REFERRAL_STATE_DELIVERED, Event::kOpen, type::v1::REFERRAL_STATE_OPENED},
    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kAccept, type::v1::REFERRAL_STATE_ACCEPTED},
    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kDecline, type::v1::REFERRAL_STATE_DECLINED},
    Arrow{type::v1::REFERRAL_STATE_OPENED, Event::kDecide, type::v1::REFERRAL_STATE_DECIDED},
    Arrow{type::v1::REFERRAL_STATE_ACCEPTED, Event::kDecide, type::v1::REFERRAL_STATE_DECIDED},
    Arrow{type::v1::REFERRAL_STATE_ACCEPTED, Event::kDecline, type::v1::REFERRAL_STATE_DECLINED},
    Arrow{type::v1::REFERRAL_STATE_ACCEPTED, Event::kOutcome, type::v1::REFERRAL_STATE_OUTCOME_RECORDED},
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

// The event that a statement of `kind` is; nothing for kinds that move no recipient's state.
constexpr std::optional<Event> EventOf(type::v1::StatementKind kind) {
  switch (kind) {
    case type::v1::STATEMENT_KIND_OPENED: return Event::kOpen;
    case type::v1::STATEMENT_KIND_ACCEPTED: return Event::kAccept;
    case type::v1::STATEMENT_KIND_DECLINED: return Event::kDecline;
    case type::v1::STATEMENT_KIND_DECIDED: return Event::kDecide;
    case type::v1::STATEMENT_KIND_OUTCOME:
    case type::v1::STATEMENT_KIND_ACTION: return Event::kOutcome;
    default: return std::nullopt;
  }
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

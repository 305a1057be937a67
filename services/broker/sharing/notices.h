// Telling people that something is overdue: the data-protection officers of both ends, and who has to open or answer a referral.
//
// A notice names a referral, the agency that has to act and a date; nobody. It waits in the lane HIGH of a desk's mailbox at the
// position of its entry, and is handed over and settled like a statement. Sequencer thread.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// What is overdue.
struct Overdue {
  type::v1::NoticeKind kind = type::v1::NOTICE_KIND_UNSPECIFIED;
  std::string header_digest;
  std::string agency;     // Who has to act.
  absl::Time due;         // Since when.
  uint32_t reminder = 1;  // Which.
  // Of a clock that was missed: which step of its escalation, and by which rules.
  type::v1::EscalationStep step = type::v1::ESCALATION_STEP_UNSPECIFIED;
  std::string clock_version = {};
  // Of a check: how many were asked, and how many have answered.
  uint32_t asked = 0, answered = 0;
};

// Adds the entry `type` about it, on the chains of the referral, by the broker itself and opened to its sender alone; then a notice to
// each of `desks`. Its leaf index. REQUIRES: a desk is there once.
absl::StatusOr<uint64_t> TellOverdue(CommitContext& context, type::v1::EventType type, const Overdue& overdue,
                                     const storage::v1::StoredReferral& stored, const type::v1::HeaderCore& core,
                                     const std::vector<MailboxId>& desks, NewDeliveries& queued);

// True for the entries at whose position notices, or a stand-in's delivery, may wait in a mailbox. Thread-safe.
constexpr bool LeavesDeliveries(type::v1::EventType type) {
  return type == type::v1::EVENT_TYPE_GAP_OVERDUE || type == type::v1::EVENT_TYPE_BREACH_OVERDUE ||
         type == type::v1::EVENT_TYPE_CHANGE_OVERDUE || type == type::v1::EVENT_TYPE_PICK_UP_OVERDUE ||
         type == type::v1::EVENT_TYPE_RESPONSE_OVERDUE || type == type::v1::EVENT_TYPE_FEEDBACK_OVERDUE || type == type::v1::EVENT_TYPE_DEAD_LETTER ||
         type == type::v1::EVENT_TYPE_WITHHELD_AT_RELEASE || type == type::v1::EVENT_TYPE_DEAD_LETTER_REQUEUED ||
         type == type::v1::EVENT_TYPE_DEAD_LETTER_DISCARDED || type == type::v1::EVENT_TYPE_CHECKS_DUE ||
         type == type::v1::EVENT_TYPE_RESEAL_WANTED || type == type::v1::EVENT_TYPE_STAND_IN_QUEUED ||
         type == type::v1::EVENT_TYPE_LINK_PROPOSED;
}

}  // namespace accord::broker

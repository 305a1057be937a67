// Telling people that something is overdue: the data-protection officers of both ends.
//
// A notice names a referral, the agency that has to act and a date; nobody. It waits in the lane HIGH of a desk's mailbox at the
// position of its entry, and is handed over and settled like a statement. Sequencer thread.
#pragma once

#include <absl/status/status.h>
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
};

// Adds the entry `type` about it, on the chains of the referral, by the broker itself and opened to its sender alone; then a notice to
// each of `desks`. REQUIRES: a desk is there once.
absl::Status TellOverdue(CommitContext& context, type::v1::EventType type, const Overdue& overdue, const storage::v1::StoredReferral& stored,
                         const type::v1::HeaderCore& core, const std::vector<MailboxId>& desks, NewDeliveries& queued);

}  // namespace accord::broker

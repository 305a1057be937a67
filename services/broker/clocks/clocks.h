// The two clocks of a referral at a recipient: pick-up, until a person there opens it, and response, until it is answered
// (docs/clocks.md).
//
// They run from when the broker stored it, so that whoever collects nothing is late too. Their times stand in the recipient's row,
// and in family `due` as what falls due next (sharing/due.h); a time of 0 there means that no clock runs.
//
// All functions but those marked are of the sequencer thread.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string_view>

#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "common/referral/clock_rules.h"
#include "common/referral/header.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// What the clocks of a referral with this core go by, but the recipient's part of it: of a correction, the type of what it corrects. Errors
// of `read`. Thread-safe if `read` is.
absl::StatusOr<referral::Clocked> ClockedOf(SealedReader read, const type::v1::HeaderCore& core, absl::Time stored);

// Starts the clocks of `recipient`, and notes whether anybody is on duty there, of IMMEDIATE. Errors of `context`.
absl::Status StartClocks(CommitContext& context, const referral::ClockRules& rules, const DirectorySnapshot& directory,
                         referral::Clocked what, std::string_view header_digest, storage::v1::StoredRecipient& recipient);

// Ends both clocks of `recipient`: nothing more is expected of it. How far they had escalated stays. Errors of `context`.
absl::Status StopClocks(CommitContext& context, std::string_view header_digest, storage::v1::StoredRecipient& recipient);

// Whether a person made the statement: what software alone says stops no clock. Thread-safe.
bool SaidByPerson(const type::v1::Statement& statement);

// Whether `statement` is a person's OPENED of what software alone has opened: it moves no state, and ends pick-up. Thread-safe.
bool OpensAfterSoftware(const type::v1::Statement& statement, const storage::v1::StoredRecipient& recipient);

// Ends the clocks that a recipient's statement ends, its own and those of the recipient that it stands in for; the caller saves
// `stored`. Errors of `context`. REQUIRES: the agency of the statement is a recipient of `stored`.
absl::Status NoteStatement(CommitContext& context, const type::v1::Statement& statement, const referral::OpenedHeader& header,
                           storage::v1::StoredReferral& stored);

}  // namespace accord::broker

// The clocks of a referral at a recipient: pick-up, until a person there opens it, response, until it is answered, and feedback, until
// it tells what came of it (docs/clocks.md).
//
// The first two run from when the broker stored it, so that whoever collects nothing is late too; the third from when the recipient
// took it on, where the agreement asks for it. Their times stand in the recipient's row,
// and in family `due` as what falls due next (sharing/due.h); a time of 0 there means that no clock runs.
//
// All functions but those marked are of the sequencer thread.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <set>
#include <string_view>

#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "common/referral/clock_rules.h"
#include "common/referral/header.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// What the clocks of a referral with this core go by, but the recipient's part of it: of a correction, the type of what it corrects. Errors
// of `read`. Thread-safe if `read` is.
absl::StatusOr<referral::Clocked> ClockedOf(SealedReader read, const type::v1::HeaderCore& core, absl::Time stored);

// Starts the clocks of `recipient`, and notes whether anybody is on duty there, of IMMEDIATE. Errors of `context`.
absl::Status StartClocks(CommitContext& context, const referral::ClockRules& rules, const DirectorySnapshot& directory,
                         referral::Clocked what, std::string_view header_digest, storage::v1::StoredRecipient& recipient);

// Lets the clocks of `recipient` run by `what` from now on, as after a change of its grade, under the rules that they were started by: what
// has been missed stays missed, and what has come to its end is not begun again. One that runs in the new lane and in the old one did
// not begins, under those in force, if nobody there has opened it. REQUIRES: the recipient stands in for nobody. Errors of `context`.
absl::Status RestartClocks(CommitContext& context, const Policy& policy, const DirectorySnapshot& directory, referral::Clocked what,
                           std::string_view header_digest, storage::v1::StoredRecipient& recipient);

// Ends all clocks of `recipient`, and asks no sender to seal again for it any more: nothing more is expected of it. How far they had escalated stays. Errors of `context`.
absl::Status StopClocks(CommitContext& context, std::string_view header_digest, storage::v1::StoredRecipient& recipient);

// Whether a person made the statement: what software alone says stops no clock. Thread-safe.
bool SaidByPerson(const type::v1::Statement& statement);

// Whether `statement` is a person's OPENED of what software alone has opened: it moves no state, and ends pick-up. Thread-safe.
bool OpensAfterSoftware(const type::v1::Statement& statement, const storage::v1::StoredRecipient& recipient);

// Ends the clocks that a recipient's statement ends, its own and those of the recipient that it stands in for, and notes its answer to a
// check; the caller saves `stored`. Errors of `context`. REQUIRES: the agency of the statement is a recipient of `stored`.
absl::Status NoteStatement(CommitContext& context, const type::v1::Statement& statement, const referral::OpenedHeader& header,
                           storage::v1::StoredReferral& stored);

// Starts or ends the clock of feedback as a recipient's statement says; the caller saves `stored`. Software alone ends none. Errors of
// `context`.
absl::Status NoteFeedback(CommitContext& context, const Policy& policy, const type::v1::Statement& statement,
                          storage::v1::StoredReferral& stored);

// When that was due which a statement ended, by the recipient's row before and after it: its response, else its pick-up, else its
// feedback; 0: it ended no clock. Thread-safe.
int64_t DueOfEnded(const storage::v1::StoredRecipient& before, const storage::v1::StoredRecipient& after);

// The bank holidays of a recipient, by the rules that its clocks run by. Thread-safe.
std::set<absl::CivilDay> HolidaysOf(const Policy& policy, const storage::v1::StoredRecipient& recipient, absl::Time now);

}  // namespace accord::broker

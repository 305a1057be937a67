// What a referral's sender says of it to those who hold it: a change of consent, a correction, a recall, a withdrawal, a change of the
// grade (docs/sharing.md).
//
// The commands share these steps, all within one Apply, so that statement, entries, stopped copies, notices and clocks are one
// batch:
//
//   FirstAnswer → BeginAct → (what the act changes) → RecordAct → StopCopy for what had not left → TellOfAct → FinishAct
//
// What had been released when the act takes its turn on the sequencer is held; what had not does not leave any more, even if it is
// leased or planned (release.h).
//
// All functions are of the sequencer thread.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "common/referral/states.h"
#include "services/broker/admission/statement_command.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/delivery/telling.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// The answer to an act.
struct Said {
  std::string digest;  // Of the statement.
  uint64_t index = 0;  // Of its STATEMENT entry.
  std::vector<storage::v1::StoredTold> told;
  std::vector<std::string> not_told, stopped;  // Agencies.
  bool repeated = false;
};
using SaidDone = absl::AnyInvocable<void(absl::StatusOr<Said>) &&>;

// What acts are judged and carried out by; all must outlive the commands.
struct ActWork {
  const DirectoryHolder& directory;
  const PolicyHolder& policy;
  Mailboxes& mailboxes;
};

// An act under way.
struct SenderAct {
  std::shared_ptr<const Policy> policy;
  storage::v1::StoredReferral stored;
  referral::OpenedHeader header;
  std::vector<Holding> holdings;  // One for each of the stored recipients.
  Said said;
  NewDeliveries queued;
  std::vector<std::string> stopped_deliveries;  // To be taken out of the mailboxes once the act is published.
};

// The answer to the request, if it was carried out before.
//   REQUEST_ID_REUSED  the id stands for another statement
//   ERASED, NOT_PERMITTED  its referral was erased since
absl::StatusOr<std::optional<Said>> FirstAnswer(CommitContext& context, const VerifiedStatement& verified);

// Loads the referral for an act of its sender's.
//   NOT_PERMITTED        no such referral, the caller did not send it, or the worker is on its list of conflicts
//   ERASED               the referral was, and the caller had sent it
//   SIGNING_KEY_UNKNOWN  the key is no longer the agency's
//   TRANSITION_ILLEGAL   it was recalled, or the statement does not follow the sender's last one on it
absl::StatusOr<SenderAct> BeginAct(CommitContext& context, const VerifiedStatement& verified, const ActWork& work);

// OK while something of the referral is still open somewhere. TRANSITION_ILLEGAL when a correction replaced it, it was withdrawn, or it has
// come to an end everywhere.
absl::Status CheckOpenSomewhere(const SenderAct& act);

// Who of the holders, whose positions among the recipients are given, may be told; `judged_by` as of PartsForTelling.
std::set<int> WhoMayBeTold(const SenderAct& act, const std::set<int>& holders, const referral::HeaderParts& judged_by, absl::Time now);

// Adds the STATEMENT entry, with `decided` and with who of `holders` is not among `may_be_told`.
absl::Status RecordAct(CommitContext& context, const VerifiedStatement& verified, const referral::Decisions* decided,
                       const std::set<int>& holders, const std::set<int>& may_be_told, SenderAct& act);

// The delivery of the referral to a recipient, if it waits or is leased; nothing when it is settled.
absl::StatusOr<std::optional<storage::v1::StoredDelivery>> WaitingCopy(CommitContext& context,
                                                                       const storage::v1::StoredRecipient& recipient);
// Stops the copy for the recipient at `position`: COPY_STOPPED entry, with what of `decided` is about it; dead delivery; and, if
// nothing of it had left, the state that `event` leads to.
absl::Status StopCopy(CommitContext& context, const VerifiedStatement& verified, const referral::Decisions* decided, int position,
                      storage::v1::StoredDelivery delivery, referral::Event event, SenderAct& act);

// Tells `holders`: those of `may_be_told` get a STATEMENT entry of their own, the statement in lane IMMEDIATE (a change of the grade: as that
// asks) and, if its kind asks for an answer, a clock; the others are noted as not told.
absl::Status TellOfAct(CommitContext& context, const VerifiedStatement& verified, const std::set<int>& holders,
                         const std::set<int>& may_be_told, SenderAct& act);

// Stores statement, referral and request. `openings`: of the statement's tags.
absl::Status FinishAct(CommitContext& context, const VerifiedStatement& verified, const std::vector<type::v1::Opening>& openings,
                       SenderAct& act);

// Tells the mailboxes: what was stopped, and what was queued.
void PublishAct(Mailboxes& mailboxes, SenderAct& act);

// The positions of the recipients that hold something.
std::set<int> HoldersOf(const SenderAct& act);
// The key that all deliveries of this version of the referral are in order by.
absl::StatusOr<std::string> OrderingKeyOfDeliveries(CommitContext& context, const storage::v1::StoredReferral& stored);

}  // namespace accord::broker

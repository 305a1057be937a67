// Records a recipient's signed statement: state, statement, entry and the sender's notice in one batch.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "accord/type/v1/referral.pb.h"
#include "services/broker/admission/admission.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// A statement whose form, signature and speaker were checked.
struct VerifiedStatement {
  Caller caller;
  type::v1::SignedPayload document;
  type::v1::Statement statement;
  std::string digest;
};

// Checks a statement of the caller's.
//   errors of referral::ParseStatement; SIGNING_KEY_UNKNOWN, SIGNATURE_INVALID, SENDER_MISMATCH, FIELD_INVALID
absl::StatusOr<VerifiedStatement> VerifyStatement(const DirectorySnapshot& directory, const Caller& caller,
                                                  std::string_view request_id, const type::v1::SignedPayload& document,
                                                  absl::Time now);

// The answer.
struct Recorded {
  std::string digest;
  std::string header_digest;
  uint64_t index = 0;  // Of its STATEMENT entry.
  type::v1::ReferralState state = type::v1::REFERRAL_STATE_UNSPECIFIED;
  int64_t feedback_due_ms = 0;  // As StoredRecipient, now.
};
using RecordedDone = absl::AnyInvocable<void(const absl::StatusOr<Recorded>&) &&>;

//   NOT_PERMITTED       no such referral, the caller is not one of its recipients, or nothing of it was released to it yet
//   ERASED              the referral was, and the caller had received it
//   TRANSITION_ILLEGAL  not in this state, not this kind of agency, or not after the statement it names; of a recalled referral all
//                       but the answer to that; an answer to anything but the newest change that the desk was told of
//                       the step of a forum by any other than the agency that coordinates the forum that the referral is for;
//                       of a check what is no answer to one, and an answer to what is none
//   FIELD_INVALID       no answer to a change of that kind; a transfer to or from the very forum
//   SIGNING_KEY_UNKNOWN the key is no longer the agency's
//   REQUEST_ID_REUSED   the id stands for another statement
class StatementCommand : public Command {
 public:
  StatementCommand(VerifiedStatement verified, const DirectoryHolder& directory, const PolicyHolder& policy, Mailboxes& mailboxes,
                   RecordedDone done)
      : verified_(std::move(verified)), directory_(directory), policy_(policy), mailboxes_(mailboxes), done_(std::move(done)) {}
  absl::Status Apply(CommitContext& context) override;
  void Published() override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  const VerifiedStatement verified_;
  const DirectoryHolder& directory_;
  const PolicyHolder& policy_;
  Mailboxes& mailboxes_;
  Recorded result_;
  NewDeliveries queued_;
  RecordedDone done_;
};

}  // namespace accord::broker

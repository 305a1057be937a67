// Stores an admitted submission: referral, sections, deliveries, register, gap, request and entry in one batch. A decision not to share
// is stored likewise, without what there is none of.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "services/broker/admission/admission.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// The answer to a submission.
struct Stored {
  std::string header_digest;
  uint64_t index = 0;  // Of the entry that it was stored by (referral::StoredEventOf).
  google::protobuf::RepeatedPtrField<type::v1::SectionDecision> decisions;
  std::string decision_digest;
  std::vector<std::string> warnings;
  bool repeated = false;  // The same header was stored before: that answer again.
  std::vector<storage::v1::StoredRecipient> recipients;  // As they stand.
  bool immediate = false;                                // Its urgency.
};
using StoredDone = absl::AnyInvocable<void(absl::StatusOr<Stored>) &&>;

//   ERASED             what the id stood for was erased
//   REQUEST_ID_REUSED  the id stands for another header; metadata has the first digest and index
//   RISK_LOWERED       as of RecordCase (cases/flags.h)
//   UPLOAD_NOT_FOUND   a section that was uploaded is not there any more
//   MAINTENANCE        the broker is under maintenance, and it is neither IMMEDIATE nor a correction
//   those of Admission::Plan, as policy and directory stand when it is applied
class SubmitCommand : public Command {
 public:
  // All references must outlive the command.
  SubmitCommand(Admitted admitted, const Admission& admission, const CaseLinker& linker, Mailboxes& mailboxes,
                StoredDone done)
      : admitted_(std::move(admitted)), admission_(admission), linker_(linker), mailboxes_(mailboxes), done_(std::move(done)) {}

  // Before Apply, of a correction: its deliveries follow those of what it corrects, in that one's order, and in lane IMMEDIATE if
  // `immediate`.
  void Follow(std::string ordering_key, bool immediate) {
    ordering_key_ = std::move(ordering_key);
    immediate_ = immediate;
  }
  absl::Status Apply(CommitContext& context) override;
  void Published() override;
  void Done(const absl::StatusOr<Committed>& outcome) override;
  bool MayBeRefusedForSpace() const override {
    return admitted_.header.core.part.urgency() != type::v1::URGENCY_IMMEDIATE;
  }

 private:
  absl::Status Store(CommitContext& context);
  // The referral's own chain.
  absl::StatusOr<CommitContext::NewChain> OpenChain(CommitContext& context) const;
  // What it says of its cases, and what the rules find in it.
  absl::Status NoteInCases(CommitContext& context, const std::vector<type::v1::SubjectPart>& subjects, const storage::v1::StoredReferral& stored);
  // The next number of a case's referrals, which is then taken.
  static absl::StatusOr<uint64_t> NumberInCase(CommitContext& context, const std::string& pseudonym);
  absl::Status AddDeliveries(CommitContext& context, storage::v1::StoredReferral& stored);

  Admitted admitted_;
  const Admission& admission_;
  const CaseLinker& linker_;
  Mailboxes& mailboxes_;
  std::string ordering_key_;  // Empty: that of the referral itself.
  bool immediate_ = false;
  Stored result_;
  NewDeliveries queued_;  // Told to the mailboxes once committed.
  StoredDone done_;
};

}  // namespace accord::broker

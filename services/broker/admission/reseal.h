// Takes sections that their sender sealed again for one recipient (docs/reseal.md).
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "common/crypto/cms.h"
#include "services/broker/admission/sender_act.h"
#include "services/broker/clocks/stand_ins.h"

namespace accord::broker {

// A section as it was brought, or as the digest of its upload, for the referral's request id.
struct ResealedSection {
  std::string id, cms, uploaded;
  crypto::cms::Parsed shown;  // Of an upload nothing: it is read when the command is applied.
};

// The sections that `reseal` names, each once and no other. FIELD_INVALID otherwise; SECTION_MALFORMED, and those of CheckOneForm. Thread-safe.
absl::StatusOr<std::vector<ResealedSection>> ReadResealed(const type::v1::Reseal& reseal,
                                                          const google::protobuf::RepeatedPtrField<type::v1::SealedSection>& sections);

// The answer.
struct Resealed {
  Said said;
  std::vector<type::v1::SectionDecision> decisions;  // About the recipient; none of a request that is repeated.
  storage::v1::StoredRecipient recipient;            // As it stands.
  bool immediate = false;                            // The referral's urgency.
};
using ResealedDone = absl::AnyInvocable<void(absl::StatusOr<Resealed>) &&>;

// Stores the sealed bytes, whose content is as it was and whose recipient infos are one more; the recipient is given what it may have: a delivery
// that waits goes, a dead letter is queued again, and for one that has none, or has acknowledged what it cannot open any more, there is a new
// one. The clocks of a recipient that is new start now. Errors of FirstAnswer and BeginAct, and:
//   TRANSITION_ILLEGAL       recalled, withdrawn or replaced; sealed for that key before; a stand-in that nobody has asked yet
//   FIELD_INVALID            the recipient is neither as in the header nor one that a recipient named
//   SEALING_KEY_UNKNOWN      the certificate is not the one that the recipient's desk has now, or nothing is sealed for it
//   FIELD_MISSING            nobody approved it, and the key is not endorsed by one that was sealed for
//   SECTION_DIGEST_MISMATCH  a sealed section is not the one that was signed
//   UPLOAD_NOT_FOUND         a section that was to have been uploaded is not there
//   SEALED_TOO_WIDELY        other recipient infos have changed, or the recipient, or whom it stands in for, may not have a section now
class ResealCommand : public Command {
 public:
  // REQUIRES: the statement is of that kind, and `sections` are as ReadResealed gives them.
  ResealCommand(VerifiedStatement verified, std::vector<ResealedSection> sections, const ActWork& work, ResealedDone done)
      : verified_(std::move(verified)), sections_(std::move(sections)), work_(work), done_(std::move(done)) {}
  absl::Status Apply(CommitContext& context) override;
  void Published() override { PublishAct(work_.mailboxes, act_); }
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  const type::v1::Reseal& reseal() const { return verified_.statement.reseal(); }
  // Of a request that was carried out before.
  absl::Status Repeat(CommitContext& context, Said first);
  absl::Status CheckState() const;
  absl::Status CheckRecipient() const;
  // Reads what was uploaded of the sections.
  absl::Status TakeUploads(CommitContext& context);
  // That each section is the one that was signed, sealed for one key more than it was and for no other.
  absl::Status CheckSections(CommitContext& context) const;
  // `key`: that the recipient has now; `previous`: the one that vouches for it, empty when none does.
  absl::Status CheckSection(CommitContext& context, const ResealedSection& section, const std::string& key, const std::string& previous) const;
  absl::Status CheckPermitted(const referral::Decisions& decided, const std::set<std::string>& permitted) const;
  absl::Status Give(CommitContext& context, const PermittedNow& permitted);

  const VerifiedStatement verified_;
  std::vector<ResealedSection> sections_;
  const ActWork work_;
  SenderAct act_;
  Resealed result_;
  ResealedDone done_;
};

}  // namespace accord::broker

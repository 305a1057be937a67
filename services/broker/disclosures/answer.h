// The agency's answer to a disclosure: released, sealed for the inspector alone, or refused with a ground (docs/disclosures.md).
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <utility>
#include <vector>

#include "accord/type/v1/disclosure.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "common/crypto/cms.h"
#include "services/broker/disclosures/request.h"

namespace accord::broker {

// A signed answer whose signature was verified, under a signing certificate that the caller's agency has in the directory.
struct VerifiedDisclosureAnswer {
  type::v1::SignedPayload document;
  type::v1::DisclosureStatement statement;  // ParseDisclosureStatement of it.
  std::string digest;                       // DigestOf it, 32 bytes: sameness.
  std::string signing_certificate;          // DER.
};

// A part as it was brought, or as the digest of its upload, under the answer's request id.
struct DisclosedPart {
  std::string section_id, cms, uploaded;
  crypto::cms::Parsed shown;  // Of an upload nothing: it is read when the command is applied.
};

// Reads the parts of an answer. Pure. Thread-safe.
//   FIELD_INVALID            not as many as the statement names; of SECTIONS an id twice, or not of 16 bytes; of the others not one of zeros
//   FIELD_MISSING            of CheckOneForm
//   SECTION_DIGEST_MISMATCH  the bytes are not those that were signed
//   SECTION_MALFORMED
absl::StatusOr<std::vector<DisclosedPart>> ReadDisclosedParts(const type::v1::DisclosureStatement& statement,
                                                              const google::protobuf::RepeatedPtrField<type::v1::SealedSection>& parts);

// Takes the answer. OK: durable, with an entry DISCLOSURE_ANSWERED. Idempotent by request id, scoped to the agency; an answer may come late.
//   REQUEST_ID_REUSED
//   DISCLOSURE_NOT_FOUND     none of that number was asked of the caller's desk
//   ERASED                   it went with its referral
//   SENDER_MISMATCH          the statement is another agency's
//   SIGNING_KEY_UNKNOWN      the key is not the agency's any more
//   NOT_PERMITTED            its worker is on a list of conflicts meanwhile
//   ROLE_NOT_ALLOWED         its worker is no authorising officer
//   FIELD_INVALID            warrant, inspector or kind of the statement are not the disclosure's; of SECTIONS a section is of a category that was not
//                            asked for
//   TRANSITION_ILLEGAL       it is answered, or its warrant is over; with `state`
//   WARRANT_NOT_ACTIVE       its warrant is suspended
//   UPLOAD_NOT_FOUND
//   SECTION_DIGEST_MISMATCH  a part is not the one that was signed; of SECTIONS, no section of the referral, or not the one of its id
//   NOT_A_HOLDER             of SECTIONS: a section that the agency does not have
//   SEALING_KEY_UNKNOWN      a part is not sealed for the inspector's certificate, or that was denied meanwhile
//   SEALED_TOO_WIDELY        a part is sealed for others too
class AnswerDisclosureCommand : public Command {
 public:
  // REQUIRES: `parts` are of ReadDisclosedParts. `method`: of the call, for the entry.
  AnswerDisclosureCommand(const DisclosureWork& work, Caller caller, std::string_view method, VerifiedDisclosureAnswer answer,
                          std::vector<DisclosedPart> parts, DisclosureDone done)
      : work_(work), caller_(std::move(caller)), method_(method), answer_(std::move(answer)), parts_(std::move(parts)), done_(std::move(done)) {}
  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  // True when the request was carried out before; the outcome is set then.
  absl::StatusOr<bool> Repeated(CommitContext& context);
  absl::Status Load(CommitContext& context);
  absl::Status CheckStatement(absl::Time now) const;
  absl::Status CheckState(CommitContext& context) const;
  absl::Status TakeUploads(CommitContext& context);
  absl::Status CheckSealing() const;
  absl::Status CheckSections(CommitContext& context) const;
  absl::Status Record(CommitContext& context);
  absl::Status PutParts(CommitContext& context);

  const DisclosureWork work_;
  const Caller caller_;
  const std::string method_;
  const VerifiedDisclosureAnswer answer_;
  std::vector<DisclosedPart> parts_;
  storage::v1::StoredDisclosure stored_;
  DisclosureOutcome outcome_;
  DisclosureDone done_;
};

}  // namespace accord::broker

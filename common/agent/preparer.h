// Turns a draft into what is sent: tokens, screening, preview, sealing, the signed header.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/broker/v1/referral_service.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "common/agent/agency_keys.h"
#include "common/agent/alarm.h"
#include "common/agent/attachments.h"
#include "common/agent/broker_link.h"
#include "common/agent/draft.h"
#include "common/agent/sealed_sections.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/referral/header.h"

namespace accord::agent {

// A submission ready to be sent, and what it was prepared under.
struct Prepared {
  type::v1::Submission submission;
  std::string header_digest;
  broker::v1::PreviewReferralResponse preview;
};

// A submission's sections, sealed for one more recipient than they were.
struct Resealed {
  type::v1::Reseal reseal;
  std::vector<type::v1::SealedSection> sections;
};

// Thread-safe.
class Preparer {
 public:
  Preparer(const AgencyKeys& keys, BrokerLink& broker, Alarm& alarm, const Clock& clock, Random& random)
      : keys_(keys), broker_(broker), alarm_(alarm), clock_(clock), random_(random) {}

  // Where files that go with a push are, and where sections too large for a submission's row are kept. Both must outlive this. Before the first
  // push; without it a draft that names files is refused.
  void KeepSections(const Attachments& files, SealedSections& sections) {
    files_ = &files;
    sections_ = &sections;
  }

  const std::string& agency() const { return keys_.agency; }
  const std::string& signing_key_id() const { return keys_.signing_key.key_id(); }

  // The parts of a draft as a preview names them: core filled, tokens made, tag and section ids drawn. The first tag is of
  // `options.basis`; each of `options.section_bases` makes a further one, for the sections of its category.
  // Pure but for chance. FIELD_MISSING, FIELD_INVALID when the draft cannot become a referral.
  absl::StatusOr<broker::v1::PreviewReferralRequest> Parts(const Draft& draft) const;

  // What the broker would permit of `draft` now, screening's advice included. Errors of Parts and BrokerLink.
  absl::StatusOr<broker::v1::PreviewReferralResponse> Preview(const Draft& draft) const;

  // Previews, seals each section for whom it is permitted to, and signs. The header names the deputies and duty recipients that the broker
  // resolves, and a section is sealed for one if it is permitted to it and to its principal. The decisions that are told, here and of
  // Preview, are about those that the draft names; who stands in is named in a warning. Whatever the broker resolves, nothing is sealed for
  // an agency that neither the draft names nor stands in for a named one, nor for a stand-in that a person is to be kept from.
  // `preview_out` is filled as soon as the broker has answered. Sections that are too large for a message are in rows of their own by then,
  // durably; of the files that go with it one is in memory at a time.
  //   NOTHING_PERMITTED      no recipient may have any section; the decisions say why
  //   SEALING_KEY_UNTRUSTED  a certificate of the directory does not chain to our area authority, or names
  //                          another agency; the alarm is raised, but for one that has merely expired
  // A record alone (referral::IsRecordOnly) has no sections: it is signed without a preview, and nothing of it is sealed.
  absl::StatusOr<Prepared> Prepare(const Draft& draft, broker::v1::PreviewReferralResponse& preview_out) const;

  // Makes every tag of `submission` anew from `basis`, under its old id, and commits `statement`, whose worker is set, to them.
  // Whether a sealed rationale stands under a tag stays as it was. Returns the openings, none when the submission has no tag.
  // OPENING_MISMATCH when a tag does not parse.
  absl::StatusOr<std::vector<type::v1::Opening>> RemakeTags(const type::v1::Submission& submission,
                                                            const agency::v1::SharingBasis& basis,
                                                            type::v1::Statement& statement) const;
  // Seals what `agency` may have now of `submission` for the key that it has in the directory now: as the header names it, or, when it does
  // not, as one that the recipient `named_by` named. The content stays as it is. `worker`: the person who approves; the service itself: only
  // for a key that one vouches for which the sections were sealed for (crypto/succession.h). Errors of BrokerLink and of Prepare, and:
  //   FIELD_INVALID       agency: neither in the header nor named by anybody, or not in the directory
  //   FIELD_MISSING       approver: the new key is not endorsed so
  //   TRANSITION_ILLEGAL  what was sent is not here any more, or it is sealed for that key already
  absl::StatusOr<Resealed> SealAgain(const type::v1::Submission& submission, const std::string& agency, const std::string& named_by,
                                     const type::v1::Worker& worker) const;
  // Signs `statement` as this agency's. Errors of referral::SignStatement.
  absl::StatusOr<type::v1::SignedPayload> Sign(type::v1::Statement statement) const;

 private:
  absl::StatusOr<broker::v1::PreviewReferralResponse> AskBroker(const Draft& screened,
                                                                const broker::v1::PreviewReferralRequest& parts) const;
  // The content of a section to be: as it is, or the file.
  absl::StatusOr<std::string> ContentOf(const DraftSection& section) const;
  // The sealed bytes of a section of what was sent, and puts them away where they are too large.
  absl::StatusOr<std::string> BytesOf(const std::string& request_id, const type::v1::SealedSection& section) const;
  absl::Status Place(const std::string& request_id, type::v1::SealedSection& section, size_t& inline_bytes) const;
  absl::StatusOr<Prepared> SignParts(const referral::HeaderParts& parts, std::vector<type::v1::SealedSection> sealed_sections) const;
  absl::StatusOr<std::vector<crypto::Certificate>> TrustedCertificates(
      const broker::v1::PreviewReferralResponse& preview) const;

  const AgencyKeys& keys_;
  BrokerLink& broker_;
  Alarm& alarm_;
  const Clock& clock_;
  Random& random_;
  const Attachments* files_ = nullptr;   // Constant after KeepSections, as is the next.
  SealedSections* sections_ = nullptr;
};

}  // namespace accord::agent

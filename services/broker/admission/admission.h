// What is asked of a submission before the sequencer sees it: form, identity, signature, seals, decision.
//
// Handlers run this in parallel; the sequencer runs Plan again when an epoch has moved meanwhile.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/type/v1/referral.pb.h"
#include "common/base/clock.h"
#include "common/referral/decision.h"
#include "common/referral/header.h"
#include "services/broker/admission/uploads.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sharing/gap.h"
#include "services/broker/sharing/register.h"

namespace accord::broker {

// How far a sender's clock may be ahead of ours when it says when something was told outside Accord.
inline constexpr absl::Duration kToldAheadMax = absl::Minutes(5);

// What one recipient is to be delivered.
struct PlannedDelivery {
  std::string agency;
  type::v1::Desk desk = type::v1::DESK_MAIN;
  std::set<std::string> section_ids;  // Permitted, and sealed for this desk's key.
};

// The decision on a submission, and what follows from it.
struct Plan {
  referral::Decisions decisions;
  std::string decision_digest;
  std::vector<PlannedDelivery> deliveries;
  std::vector<SharingMade> sharing;  // For the register.
  GapFound gap;                      // Nothing, unless something is delivered under the emergency schedule alone.
};

// A submission whose form, signature and sender were found good. Whether it may be stored is `plan`: its refusal does not
// keep a repeat of what was stored before from its first answer.
struct Admitted {
  Caller caller;
  std::string header_digest;
  type::v1::Submission submission;
  referral::OpenedHeader header;
  std::map<std::string, std::set<std::string>> sealed_for;  // Section id → subject key identifiers.
  std::string previewed_digest;    // What the caller saw in a preview; empty when it does not ask.
  std::string sender_certificate;  // The signing certificate, DER.
  Epochs epochs;                   // Under which `plan` was made.
  absl::Status uploads;            // UPLOAD_NOT_FOUND of a section of `submission` that is `uploaded`; then `plan` is the same error.
  absl::StatusOr<broker::Plan> plan;
};

// A preview's answer.
struct Previewed {
  Plan plan;
  struct Recipient {
    std::string agency;
    type::v1::AgencyKind kind = type::v1::AGENCY_KIND_UNSPECIFIED;
    type::v1::Desk desk = type::v1::DESK_MAIN;
    type::v1::RecipientCapacity capacity = type::v1::RECIPIENT_CAPACITY_NAMED;
    std::string on_behalf_of;
    std::string sealing_certificate;  // DER; empty when the desk has none.
  };
  std::vector<Recipient> recipients;
};

// SIGNING_KEY_UNKNOWN for `agency`. Thread-safe.
absl::Status SigningKeyUnknown(const std::string& agency);

// OK while the agency is active, has the signing key `key_id` at `now`, and `worker` is on no list of conflicts: judged again when what was
// verified before is applied, for the directory may have moved since. SIGNING_KEY_UNKNOWN, NOT_PERMITTED. Thread-safe.
absl::Status CheckSignerStands(const DirectorySnapshot& directory, const std::string& agency, std::string_view key_id, const type::v1::Worker& worker,
                               absl::Time now);

inline constexpr size_t kOpeningsMax = referral::kHeaderCommitmentsMax;

// Thread-safe.
class Admission {
 public:
  // `caused_by`: CauseOf what is committed (delivery/referral_store.h).
  using CauseReader = std::function<absl::StatusOr<Cause>(const type::v1::HeaderCore& core)>;
  Admission(const DirectoryHolder& directory, const PolicyHolder& policy, const Clock& clock, CauseReader caused_by, UploadReader uploads)
      : directory_(directory), policy_(policy), clock_(clock), caused_by_(std::move(caused_by)), uploads_(std::move(uploads)) {}

  // Checks in this order, the first failure told:
  //   MESSAGE_TOO_LARGE, FIELD_MISSING         counts and required fields
  //   HEADER_MALFORMED, SIGNING_KEY_UNKNOWN, SIGNATURE_INVALID, OPENING_MISMATCH, and those of ValidateParts
  //   SENDER_MISMATCH, FIELD_INVALID           the signed sender and request id are the caller's
  //   SECTION_MALFORMED, SECTION_DIGEST_MISMATCH  the sealed bytes are those that were signed
  //   MESSAGE_TOO_LARGE                        more than kUploadedBytesOfReferralMax were uploaded for it
  // What Plan refuses is in the result's `plan`. What was uploaded is read one section at a time, and not kept.
  absl::StatusOr<Admitted> Admit(const Caller& caller, std::string_view request_id, type::v1::Submission submission,
                                 std::string_view previewed_digest) const;

  // Decides `admitted` under the policy and directory in force; its `plan` and `epochs` are set.
  //   SIGNING_KEY_UNKNOWN                     the signing key is no longer the sender's
  //   RISK_LOWERED                            the grade is below what the score in it gives
  //   SEALING_KEY_UNKNOWN, SEALED_TOO_WIDELY  a section is sealed for nobody's key, or for more than is permitted
  //   DECISION_CHANGED                        the caller previewed something else
  //   NOTHING_PERMITTED                       nobody would be delivered anything
  // Of a decision not to share nothing is decided and nobody is delivered anything: the first error alone applies.
  void Plan(Admitted& admitted) const;

  // What Plan would decide of `parts`, and whom sections may be sealed for; with `with_stand_ins` of `parts` as they would be if they named
  // the deputies and duty recipients too, after all others and in the order of the answer. FIELD_… of ValidateParts, SENDER_MISMATCH.
  absl::StatusOr<Previewed> Preview(const Caller& caller, const referral::HeaderParts& parts, bool with_stand_ins = false) const;

  const DirectoryHolder& directory() const { return directory_; }
  const PolicyHolder& policy() const { return policy_; }

 private:
  // Whom the sealed sections of `admitted` are sealed for; what is missing of the uploads is left in `admitted`.
  absl::Status CheckSections(std::string_view request_id, const type::v1::Submission& submission, Admitted& admitted) const;
  absl::StatusOr<broker::Plan> MakePlan(const Admitted& admitted, const Policy& policy) const;

  const DirectoryHolder& directory_;
  const PolicyHolder& policy_;
  const Clock& clock_;
  const CauseReader caused_by_;
  const UploadReader uploads_;
};

}  // namespace accord::broker

// Who this agency is: its keys, the area authorities it trusts itself, and its linkage-domain key.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/referral.pb.h"
#include "accord/type/v1/vocabulary.pb.h"
#include "common/crypto/certificate.h"
#include "common/crypto/cms.h"
#include "common/crypto/ecdsa.h"
#include "common/crypto/secret.h"
#include "common/referral/subject_token.h"

namespace accord::agent {

// Constant after start. Thread-safe.
struct AgencyKeys {
  std::string agency;
  type::v1::AgencyKind kind = type::v1::AGENCY_KIND_UNSPECIFIED;
  std::string trust_domain;

  crypto::SigningKey signing_key;
  crypto::SealingKey sealing_key;
  crypto::Certificate sealing_certificate;
  crypto::TrustAnchors area_authorities;  // Configured here, never taken from the broker.

  std::string linkage_domain;     // Of subject tokens.
  std::string linkage_key_id;
  crypto::SecretBytes linkage_key;

  // Sealing keys that were ours before, the newest first: what we hold, or still get, under one of them opens.
  struct Sealing {
    crypto::SealingKey key;
    crypto::Certificate certificate;
  };
  std::vector<Sealing> earlier_sealing = {};

  // A key that a linkage domain had before, and until when tokens are sent under it alone too (docs/tokens.md).
  struct EarlierLinkage {
    std::string key_id;
    crypto::SecretBytes key;
    absl::Time sent_until;
  };
  std::vector<EarlierLinkage> earlier_linkage = {};  // The newest first.

  // Another linkage domain: what goes to one of these agencies of it has its tokens too.
  struct OtherLinkage {
    std::string domain, key_id;
    crypto::SecretBytes key;
    std::vector<EarlierLinkage> earlier;
    std::vector<std::string> agencies;
  };
  std::vector<OtherLinkage> other_linkage = {};
};

// FAILED_PRECONDITION when two of the linkage keys are the same: a file that was copied and not replaced would be a rotation that
// changed nothing, and one key in two domains would make one of them.
absl::Status CheckLinkageKeysDiffer(const AgencyKeys& keys);
// Our own linkage domain, with the keys that are sent at `at`. Points into `keys`.
referral::LinkageDomain OwnLinkage(const AgencyKeys& keys, absl::Time at);
// It, and the other domains of which one of `recipients` is.
std::vector<referral::LinkageDomain> LinkageFor(const AgencyKeys& keys, std::span<const std::string> recipients, absl::Time at);

// The key of ours that `cms` is sealed for, the present one if it is; SEALING_KEY_UNKNOWN when none is, SECTION_MALFORMED.
absl::StatusOr<AgencyKeys::Sealing> SealedForUs(const AgencyKeys& keys, std::string_view cms);
// Opens a section with it. Those errors, and those of crypto::cms::Open.
absl::StatusOr<std::string> OpenSealed(const AgencyKeys& keys, std::string_view cms);
// Is `certificate` (DER) our present sealing certificate or an earlier one?
bool IsOurSealing(const AgencyKeys& keys, std::string_view certificate);

// Who acts when the service does and no person.
type::v1::Worker ServiceWorker();
// A person who was there: not the service, nor another program that signs in by itself.
bool IsPerson(const type::v1::Worker& worker);

// OK when `certificate` (DER) chains to our area authorities at `at` and names `agency` for `use`, "sealing" or
// "signing". SEALING_KEY_UNTRUSTED otherwise.
absl::StatusOr<crypto::Certificate> CheckAgencyCertificate(const AgencyKeys& keys, std::string_view certificate,
                                                           std::string_view agency, std::string_view use,
                                                           absl::Time at);
// The same of an inspector's sealing certificate, which names `inspector`: an area authority of ours vouches for the officer too.
absl::StatusOr<crypto::Certificate> CheckInspectorCertificate(const AgencyKeys& keys, std::string_view certificate, std::string_view inspector,
                                                              absl::Time at);

}  // namespace accord::agent

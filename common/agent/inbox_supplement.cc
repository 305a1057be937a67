// Whose word a statement is, and whom a referral is for that was sealed again.
#include <algorithm>
#include <set>
#include <string>

#include "common/agent/agency_keys.h"
#include "common/agent/inbox.h"
#include "common/base/status.h"
#include "common/referral/statement.h"

namespace accord::agent {
namespace {

// Is the certificate that was sealed for one of ours?
bool IsOfOurKey(const AgencyKeys& keys, const std::string& digest) {
  return keys.sealing_certificate.fingerprint() == digest ||
         std::any_of(keys.earlier_sealing.begin(), keys.earlier_sealing.end(),
                     [&](const AgencyKeys::Sealing& earlier) { return earlier.certificate.fingerprint() == digest; });
}

absl::Status Wrong(std::string_view why) { return Error(Reason::kOpeningMismatch, why); }

}  // namespace

absl::Status Inbox::VerifyOf(const std::string& agency, const type::v1::SignedPayload& document) const {
  // Whose key it is says the directory; that it may be theirs says our area authority.
  ACCORD_ASSIGN_OR_RETURN(const auto agencies, broker_.ListAgencies());
  absl::Status verified = Error(Reason::kSigningKeyUnknown, "the statement's key is not one of its agency's");
  for (const auto& row : agencies) {
    if (row.id() != agency) continue;
    for (const std::string& der : row.signing_certificates()) {
      const auto certificate = CheckAgencyCertificate(keys_, der, agency, "signing", clock_.Now());
      if (!certificate.ok() || certificate->public_key_id() != document.key_id()) continue;
      ACCORD_ASSIGN_OR_RETURN(const auto key, certificate->verify_key());
      verified = referral::VerifySignature(document, key);
    }
  }
  return verified;
}

storage::v1::StoredReceived Inbox::SealedAgain(storage::v1::StoredReceived earlier, const storage::v1::StoredReceived& again) {
  // What did not come again stays as it is: an earlier key may open it still.
  const auto take = [](auto& known, const auto& come, const auto& same) {
    for (const auto& row : come) {
      const auto found = std::find_if(known.begin(), known.end(), [&](const auto& one) { return same(one, row); });
      *(found == known.end() ? known.Add() : &*found) = row;
    }
  };
  const auto of_section = [](const auto& one, const auto& other) { return one.section_id() == other.section_id(); };
  take(*earlier.mutable_sections(), again.sections(), of_section);
  take(*earlier.mutable_terms(), again.terms(), of_section);
  take(*earlier.mutable_openings(), again.openings(), [](const auto& one, const auto& other) { return one.salt() == other.salt(); });
  *earlier.mutable_supplement() = again.supplement();
  return earlier;
}

absl::Status Inbox::CheckSupplement(const InboxEntry& entry) const {
  const auto& recipients = entry.header.recipients;
  const bool named = std::any_of(recipients.begin(), recipients.end(), [&](const auto& row) { return row.part.agency() == keys_.agency; });
  if (!entry.stored.has_supplement()) return named ? absl::OkStatus() : Wrong("the header does not name this agency, and no statement does");
  const auto& document = entry.stored.supplement();
  ACCORD_ASSIGN_OR_RETURN(const type::v1::Statement statement, referral::ParseStatement(document));
  const std::string& sender = entry.header.core.part.sender();
  if (statement.kind() != type::v1::STATEMENT_KIND_RESEALED || statement.agency() != sender || statement.header_digest() != entry.header_digest) {
    return Wrong("the supplement is no statement of the sender's about this header");
  }
  ACCORD_RETURN_IF_ERROR(VerifyOf(sender, document));
  const type::v1::Reseal& reseal = statement.reseal();
  if (reseal.recipient().agency() != keys_.agency) return Wrong("the supplement names another agency");
  if (!IsOfOurKey(keys_, reseal.sealing_certificate_digest())) return Wrong("the supplement names a certificate that is none of ours");
  if (named) return absl::OkStatus();
  // Nothing but what it names may come by it.
  const std::set<std::string> ids(reseal.section_ids().begin(), reseal.section_ids().end());
  const auto& sections = entry.stored.sections();
  const bool all = std::all_of(sections.begin(), sections.end(), [&](const auto& section) { return ids.contains(section.section_id()); });
  return all ? absl::OkStatus() : Wrong("a section came that neither the header nor the supplement gives to this agency");
}

}  // namespace accord::agent

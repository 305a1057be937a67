// Sealing what was sent for one more recipient: one whose key is another by now, or that another recipient named.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "common/agent/preparer.h"
#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "common/crypto/succession.h"
#include "common/referral/header.h"

namespace accord::agent {
namespace {

using type::v1::RecipientPart;

absl::Status InvalidReseal(std::string_view why) { return Error(Reason::kFieldInvalid, why, {{"field", "agency"}}); }

absl::StatusOr<referral::OpenedHeader> OpenSent(const type::v1::Submission& submission) {
  if (!submission.has_header()) {
    return Error(Reason::kTransitionIllegal, "what was sent is not in this store any more; push it anew", {{"state", "not here"}});
  }
  ACCORD_ASSIGN_OR_RETURN(const auto view, referral::ParseHeader(submission.header()));
  const std::vector<type::v1::Opening> openings(submission.openings().begin(), submission.openings().end());
  return referral::OpenHeader(view, openings);
}

// As the header names it, or as it would have.
absl::StatusOr<RecipientPart> PartOf(const referral::OpenedHeader& header, const std::string& agency, const std::string& named_by) {
  for (const auto& recipient : header.recipients) {
    if (recipient.part.agency() == agency) return recipient.part;
  }
  if (named_by.empty()) return InvalidReseal("it is no recipient, and no recipient named it: push to it anew");
  const bool own_staff = std::any_of(header.subjects.begin(), header.subjects.end(), [&](const auto& subject) { return subject.part.works_at() == agency; });
  RecipientPart part;
  part.set_agency(agency);
  part.set_desk(own_staff ? type::v1::DESK_CONFIDENTIAL : type::v1::DESK_MAIN);
  part.set_capacity(type::v1::RECIPIENT_CAPACITY_NAMED);
  part.set_on_behalf_of(named_by);
  return part;
}

// Is it whom a person is to be kept from, or, at its main desk, where one works? Whatever the broker decides, nothing is sealed for it.
bool IsKeptFrom(const referral::OpenedHeader& header, const RecipientPart& part, type::v1::AgencyKind kind) {
  return std::any_of(header.subjects.begin(), header.subjects.end(), [&](const auto& subject) {
    if (subject.part.works_at() == part.agency() && part.desk() != type::v1::DESK_CONFIDENTIAL) return true;
    const auto& exclusions = subject.part.exclusions();
    return std::any_of(exclusions.begin(), exclusions.end(), [&](const type::v1::Exclusion& exclusion) {
      return exclusion.categories().empty() && (exclusion.agency() == part.agency() ||
                                                (exclusion.kind() != type::v1::AGENCY_KIND_UNSPECIFIED && exclusion.kind() == kind));
    });
  });
}

// The parts of `header`, and `part`, as `worker` asks of them in a preview.
broker::v1::PreviewReferralRequest Asked(const referral::OpenedHeader& header, const RecipientPart& part, const type::v1::Worker& worker) {
  broker::v1::PreviewReferralRequest request;
  *request.mutable_core() = header.core.part;
  *request.mutable_core()->mutable_worker() = worker;
  bool there = false;
  for (const auto& recipient : header.recipients) {
    *request.add_recipients() = recipient.part;
    there |= recipient.part.agency() == part.agency();
  }
  if (!there) {
    auto& added = *request.add_recipients() = part;
    added.clear_on_behalf_of();  // Of a preview it is a recipient like any other.
  }
  for (const auto& section : header.sections) *request.add_sections() = section.part;
  for (const auto& tag : header.tags) *request.add_tags() = tag.part;
  for (const auto& subject : header.subjects) *request.add_subjects() = subject.part;
  return request;
}

// Sections that are permitted to `part`, and to whom it stands in for.
std::set<std::string> PermittedSections(const broker::v1::PreviewReferralResponse& preview, const RecipientPart& part) {
  std::set<std::string> own, principals;
  for (const auto& decision : preview.decisions()) {
    if (decision.verdict() != type::v1::VERDICT_PERMIT) continue;
    if (decision.recipient() == part.agency()) own.insert(decision.section_id());
    if (decision.recipient() == part.on_behalf_of()) principals.insert(decision.section_id());
  }
  if (part.capacity() == type::v1::RECIPIENT_CAPACITY_NAMED) return own;
  std::set<std::string> both;
  std::set_intersection(own.begin(), own.end(), principals.begin(), principals.end(), std::inserter(both, both.end()));
  return both;
}

// The certificate that vouches for `present`, if the directory's row has one that our own authorities vouch for. One that has run out since
// was good when it was sealed for.
std::optional<crypto::Certificate> Endorsing(const AgencyKeys& keys, const admin::v1::Agency& row, const crypto::Certificate& present,
                                             absl::Time now) {
  const auto previous = crypto::Certificate::FromDer(row.previous_sealing_certificate());
  if (!previous.ok()) return std::nullopt;
  const absl::Time at = std::min(now, previous->not_after() - absl::Seconds(1));
  if (!CheckAgencyCertificate(keys, previous->der(), row.id(), "sealing", at).ok()) return std::nullopt;
  if (!crypto::VerifySuccessor(*previous, present, row.sealing_endorsement()).ok()) return std::nullopt;
  return *previous;
}

bool IsSealedFor(const crypto::cms::Parsed& shown, const crypto::Certificate& certificate) {
  return std::any_of(shown.recipients.begin(), shown.recipients.end(),
                     [&](const auto& recipient) { return recipient.subject_key_id == certificate.subject_key_id(); });
}

absl::Status NeedsApprover() {
  return Error(Reason::kFieldMissing, "the new key is not endorsed by one that was sealed for: a person approves it", {{"field", "approver"}});
}

}  // namespace

absl::StatusOr<Resealed> Preparer::SealAgain(const type::v1::Submission& submission, const std::string& agency, const std::string& named_by,
                                             const type::v1::Worker& worker) const {
  const bool approved = IsPerson(worker);
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenSent(submission));
  ACCORD_ASSIGN_OR_RETURN(const RecipientPart part, PartOf(header, agency, named_by));
  ACCORD_ASSIGN_OR_RETURN(const auto directory, broker_.ListAgencies());
  const auto row = std::find_if(directory.begin(), directory.end(), [&](const auto& one) { return one.id() == agency; });
  if (row == directory.end()) return InvalidReseal("it is not in the directory");
  if (IsKeptFrom(header, part, row->kind())) return Error(Reason::kNothingPermitted, "a protective rule applies to it; nothing more can be said here");
  const bool confidential = part.desk() == type::v1::DESK_CONFIDENTIAL;
  const std::string& der = confidential ? row->confidential_sealing_certificate() : row->sealing_certificate();
  if (der.empty()) return InvalidReseal("it has no such desk");
  const auto certificate = CheckAgencyCertificate(keys_, der, agency, "sealing", clock_.Now());
  if (!certificate.ok()) {
    const auto parsed = crypto::Certificate::FromDer(der);
    const bool merely_expired = parsed.ok() && parsed->not_after() < clock_.Now() &&
                                CheckAgencyCertificate(keys_, der, agency, "sealing", parsed->not_after() - absl::Seconds(1)).ok();
    return merely_expired ? certificate.status() : alarm_.Raise(certificate.status(), {der});
  }
  const auto endorsing = confidential ? std::nullopt : Endorsing(keys_, *row, *certificate, clock_.Now());
  if (!approved && !endorsing.has_value()) return NeedsApprover();

  ACCORD_ASSIGN_OR_RETURN(const auto preview, broker_.Preview(Asked(header, part, worker)));
  const std::set<std::string> permitted = PermittedSections(preview, part);
  if (permitted.empty()) return Error(Reason::kNothingPermitted, "no section may go to it now; a preview gives the reasons");
  Resealed resealed;
  const std::string& request_id = header.core.part.request_id();
  size_t inline_bytes = 0;
  for (const auto& section : submission.sections()) {
    if (!permitted.contains(section.section_id())) continue;
    ACCORD_ASSIGN_OR_RETURN(const std::string cms, BytesOf(request_id, section));
    ACCORD_ASSIGN_OR_RETURN(const crypto::cms::Parsed shown, crypto::cms::Parse(cms));
    if (IsSealedFor(shown, *certificate)) continue;
    if (!approved && !IsSealedFor(shown, *endorsing)) return NeedsApprover();
    ACCORD_ASSIGN_OR_RETURN(const AgencyKeys::Sealing ours, SealedForUs(keys_, cms));
    auto& sealed = resealed.sections.emplace_back();
    sealed.set_section_id(section.section_id());
    ACCORD_ASSIGN_OR_RETURN(*sealed.mutable_cms(), crypto::cms::AddRecipient(cms, ours.key, ours.certificate, *certificate));
    resealed.reseal.add_section_ids(section.section_id());
    ACCORD_RETURN_IF_ERROR(Place(request_id, sealed, inline_bytes));
  }
  if (resealed.sections.empty()) {
    return Error(Reason::kTransitionIllegal, "it is sealed for the key that it has: there is nothing to seal again", {{"state", "sealed"}});
  }
  *resealed.reseal.mutable_recipient() = part;
  resealed.reseal.set_sealing_certificate_digest(certificate->fingerprint());
  if (approved) resealed.reseal.set_approver(worker.pseudonym());
  return resealed;
}

}  // namespace accord::agent

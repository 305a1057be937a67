#include "services/broker/disclosures/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/certificate.h"
#include "common/crypto/cms.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/requests.h"
#include "services/broker/disclosures/disclosure_clock.h"
#include "services/broker/disclosures/held.h"
#include "services/broker/disclosures/sealed_for.h"

namespace accord::broker {
namespace {

using storage::v1::StoredDisclosure;

absl::Status OutsideScope(std::string_view dimension) {
  return Error(Reason::kWarrantScope, "it lies outside what the warrant covers", {{"dimension", std::string(dimension)}});
}

// The officer's sealing certificate, DER.
absl::StatusOr<std::string> OfficersCertificate(CommitContext& context, const Caller& officer, const DirectorySnapshot& directory) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyOfficer, OfficerKey(true, officer.id)));
  storage::v1::StoredOfficer stored;
  if (bytes.has_value() && !stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored officer does not parse");
  if (stored.sealing_certificate().empty()) return Error(Reason::kNoSealingCertificate, "the officer is enrolled without a sealing certificate");
  const auto certificate = crypto::Certificate::FromDer(stored.sealing_certificate());
  if (!certificate.ok()) return Error(Reason::kStoreCorrupt, "a stored sealing certificate does not parse");
  if (certificate->not_after() <= context.now()) return Error(Reason::kNoSealingCertificate, "the officer's sealing certificate is over");
  if (IsCertificateDenied(directory, *certificate)) return Error(Reason::kNoSealingCertificate, "the officer's sealing certificate was denied");
  return stored.sealing_certificate();
}

}  // namespace

absl::Status NotAHolder(std::string_view agency) {
  return Error(Reason::kNotAHolder, "the agency has nothing of what is asked for", {{"agency", std::string(agency)}});
}

absl::Status CheckCasesCovered(const Scope& scope, const DisclosureAsked& asked) {
  if (!scope.identities()) return OutsideScope("kind");
  for (const std::string& pseudonym : asked.cases) {
    if (const auto dimension = scope.UncoveredCase({.cases = {pseudonym}}); !dimension.empty()) return OutsideScope(dimension);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> RequestDisclosureCommand::Repeated(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(const auto first, FirstRequest(context, caller_.principal, request_id_, asked_.digest));
  if (!first.has_value()) return false;
  const uint64_t number = first->index();
  const auto read = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadDisclosure(read, number));
  if (!stored.has_value()) {
    const auto plain = PlainReaderOf(context);
    return DisclosureGone(plain, number);
  }
  outcome_ = {stored->disclosure(), number, true};
  return true;
}

absl::Status RequestDisclosureCommand::JudgeAgency(const Scope& scope, const DirectorySnapshot& directory) const {
  const AgencyRow* const row = directory.FindActiveAgency(asked_.agency);
  if (row == nullptr) {
    return Error(Reason::kPrincipalNotFound, "no such agency takes part", {{"principal", PrincipalName(options::v1::CALLER_AGENCY, asked_.agency)}});
  }
  const auto& areas = row->agency.areas();
  const std::string_view dimension = scope.UncoveredSubject({.agencies = {asked_.agency}, .areas = {areas.begin(), areas.end()}});
  // Of which case it will be nobody knows of an agency alone.
  return dimension.empty() || dimension == "case" ? absl::OkStatus() : OutsideScope(dimension);
}

absl::Status RequestDisclosureCommand::JudgeSections(CommitContext& context, const Scope& scope, const DirectorySnapshot& directory) {
  ACCORD_ASSIGN_OR_RETURN(const auto referral, LoadReferral(context, asked_.referral));
  const auto read = PlainReaderOf(context);
  if (!referral.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(const auto erased, FindErased(read, ErasedReferralMark(asked_.referral)));
    if (erased.has_value()) return ErasedAt(*erased);
    return Error(Reason::kReferralNotFound, "no such referral");
  }
  ACCORD_ASSIGN_OR_RETURN(const StoredParts parts, ReadStoredParts(*referral));
  const std::string_view dimension = scope.Uncovered(FactsOfStored(*referral, parts, directory));
  if (!dimension.empty()) return OutsideScope(dimension);
  ACCORD_ASSIGN_OR_RETURN(const auto held, HeldBy(read, *referral, parts, asked_.agency));
  if (!held.has_value()) return NotAHolder(asked_.agency);
  inspection::v1::Disclosure& disclosure = *stored_.mutable_disclosure();
  for (const type::v1::Category category : asked_.categories) disclosure.add_categories(category);
  const bool any = std::any_of(held->sections.begin(), held->sections.end(), [&](const std::string& id) {
    const auto section = parts.sections.find(id);
    return section != parts.sections.end() && AsksFor(disclosure, section->second.category());
  });
  if (!any) return NotAHolder(asked_.agency);
  asked_.desk = held->desk;
  disclosure.set_referral(asked_.referral);
  return absl::OkStatus();
}

absl::Status RequestDisclosureCommand::JudgePersons(const DirectorySnapshot& directory) const {
  const auto& sealing = SealingOf(*directory.FindActiveAgency(asked_.agency), asked_.desk);
  if (!sealing.has_value()) {
    return Error(Reason::kFieldInvalid, "desk: the agency has no such desk that something could be sealed for", {{"field", "desk"}});
  }
  ACCORD_ASSIGN_OR_RETURN(const auto shown, crypto::cms::Parse(asked_.persons));
  return CheckSealedForAlone(shown, sealing->subject_key_id(), "the question is not sealed for the present certificate of the agency's desk");
}

absl::Status RequestDisclosureCommand::JudgeRecords(const Scope& scope) const {
  ACCORD_RETURN_IF_ERROR(CheckCasesCovered(scope, asked_));
  return asked_.held.empty() ? NotAHolder(asked_.agency) : absl::OkStatus();
}

absl::Status RequestDisclosureCommand::Record(CommitContext& context, const Scope& scope) {
  inspection::v1::Disclosure& disclosure = *stored_.mutable_disclosure();
  disclosure.set_kind(asked_.kind);
  disclosure.set_agency(asked_.agency);
  disclosure.set_desk(asked_.desk);
  disclosure.set_warrant(asked_.warrant);
  disclosure.set_inspectorate(scope.warrant().inspectorate());
  disclosure.set_legal_power(scope.warrant().legal_power());
  disclosure.set_inspector(caller_.id);
  disclosure.set_purpose(asked_.purpose);
  std::set<std::string> referrals;  // In an order that says nothing of which are of one case.
  for (const auto& of_case : asked_.held) {
    *disclosure.add_cases() = of_case;
    referrals.insert(of_case.referrals().begin(), of_case.referrals().end());
  }
  for (const std::string& digest : referrals) disclosure.add_referrals(digest);
  disclosure.set_asked_at_ms(absl::ToUnixMillis(context.now()));
  // Beyond the warrant's end nobody can answer.
  disclosure.set_due_at_ms(std::min(absl::ToUnixMillis(context.now() + absl::Hours(asked_.within_hours)), scope.warrant().ends_ms()));
  stored_.set_asked_request_id(request_id_);
  stored_.set_asked_digest(asked_.digest);
  stored_.set_persons(asked_.persons);

  ACCORD_ASSIGN_OR_RETURN(QueryEntry entry, DisclosureEntry(context, disclosure, type::v1::EVENT_TYPE_DISCLOSURE_REQUESTED));
  entry.draft.event.set_method(method_);
  entry.draft.event.set_purpose(asked_.purpose);
  entry.draft.event.set_due_at_ms(disclosure.due_at_ms());
  entry.draft.event.set_query_digest(asked_.digest);
  entry.draft.event.set_count(referrals.size());
  entry.draft.actor = ActorOf(caller_);
  ACCORD_ASSIGN_OR_RETURN(entry.looked_at, OthersWhoMaySee(context, disclosure));
  entry.looked_at.insert(asked_.others.begin(), asked_.others.end());
  ACCORD_ASSIGN_OR_RETURN(const uint64_t number, RecordUnderWarrant(context, entry));
  disclosure.set_number(number);
  ACCORD_RETURN_IF_ERROR(RecordOnCases(context, disclosure, std::move(entry)));
  outcome_ = {disclosure, number, false};
  return absl::OkStatus();
}

absl::Status RequestDisclosureCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(const bool repeated, Repeated(context));
  if (repeated) return absl::OkStatus();
  const auto directory = work_.directory.Get();
  const auto read = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const Scope scope, OpenScope(read, caller_, asked_.warrant, context.now()));
  // Content is for those alone whose warrant names people and cases (docs/warrants.md).
  if (!scope.identities()) return OutsideScope("kind");
  ACCORD_ASSIGN_OR_RETURN(const std::string certificate, OfficersCertificate(context, caller_, *directory));
  stored_.mutable_disclosure()->set_sealing_certificate(certificate);
  ACCORD_RETURN_IF_ERROR(JudgeAgency(scope, *directory));
  switch (asked_.kind) {
    case type::v1::DISCLOSURE_KIND_SECTIONS: ACCORD_RETURN_IF_ERROR(JudgeSections(context, scope, *directory)); break;
    case type::v1::DISCLOSURE_KIND_PERSONS: ACCORD_RETURN_IF_ERROR(JudgePersons(*directory)); break;
    default: ACCORD_RETURN_IF_ERROR(JudgeRecords(scope)); break;
  }
  ACCORD_RETURN_IF_ERROR(Record(context, scope));
  ACCORD_RETURN_IF_ERROR(SaveDisclosure(context, stored_));
  ListDisclosure(context, stored_.disclosure());
  ACCORD_ASSIGN_OR_RETURN(const auto warrant, WarrantOfDisclosure(read, stored_.disclosure()));
  ACCORD_RETURN_IF_ERROR(PutDisclosureDue(context, stored_, warrant));
  KeepRequest(context, caller_.principal, request_id_, asked_.digest, outcome_.index);
  return absl::OkStatus();
}

void RequestDisclosureCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(std::move(outcome_));
}

}  // namespace accord::broker

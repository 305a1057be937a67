// What is asked, as it is read from a request, and the referrals that an agency has of cases.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "common/crypto/digest.h"
#include "common/referral/disclosure.h"
#include "services/broker/directory/families.h"
#include "services/broker/disclosures/held.h"
#include "services/broker/disclosures/request.h"
#include "services/broker/trails/trail.h"

namespace accord::broker {
namespace {

using inspection::v1::RequestDisclosureRequest;
using inspection::v1::RequestResolutionRequest;

absl::Status InvalidAsked(std::string_view field, std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("{}: {}", field, why), {{"field", std::string(field)}});
}
absl::Status MissingAsked(std::string_view field) {
  return Error(Reason::kFieldMissing, fmt::format("{} is needed", field), {{"field", std::string(field)}});
}

// What the two requests have in common.
template <typename Request>
absl::StatusOr<DisclosureAsked> ReadCommon(const Request& request) {
  if (request.request_id().empty()) return MissingAsked("request_id");
  if (!IsRequestId(request.request_id())) return InvalidAsked("request_id", "it is malformed");
  if (request.agency().empty()) return MissingAsked("agency");
  if (!IsAgencyId(request.agency())) return InvalidAsked("agency", "it is no agency id");
  if (request.warrant().empty()) return MissingAsked("warrant");
  if (!IsPurpose(request.purpose())) return InvalidAsked("purpose", fmt::format("a code of at most {} characters is needed", kPurposeCharsMax));
  if (request.within_hours() > referral::kDisclosureHoursMax) {
    return InvalidAsked("within_hours", fmt::format("1 to {} are needed", referral::kDisclosureHoursMax));
  }
  DisclosureAsked asked;
  asked.agency = request.agency();
  asked.warrant = request.warrant();
  asked.purpose = request.purpose();
  asked.within_hours = request.within_hours() == 0 ? referral::kDisclosureHoursDefault : request.within_hours();
  asked.digest = crypto::Sha256(request.SerializeAsString());
  return asked;
}

absl::Status ReadPersons(const RequestResolutionRequest& request, DisclosureAsked& asked) {
  asked.kind = type::v1::DISCLOSURE_KIND_PERSONS;
  if (request.persons().size() > referral::kSealedQuestionBytesMax) {
    return InvalidAsked("persons", fmt::format("at most {} bytes may be sealed", referral::kSealedQuestionBytesMax));
  }
  ACCORD_RETURN_IF_ERROR(crypto::cms::Parse(request.persons()).status());
  asked.persons = request.persons();
  return absl::OkStatus();
}

absl::Status ReadCases(const RequestResolutionRequest& request, DisclosureAsked& asked) {
  asked.kind = type::v1::DISCLOSURE_KIND_RECORDS;
  if (request.case_pseudonyms_size() > referral::kDisclosureCasesMax) {
    return InvalidAsked("case_pseudonyms", fmt::format("at most {} may be asked for at once", referral::kDisclosureCasesMax));
  }
  std::set<std::string> cases;
  for (const std::string& pseudonym : request.case_pseudonyms()) {
    if (pseudonym.size() != kIdBytes) return InvalidAsked("case_pseudonyms", "16 bytes are needed");
    cases.insert(pseudonym);
  }
  asked.cases.assign(cases.begin(), cases.end());
  return absl::OkStatus();
}

absl::Status TooManyOfCases(std::string_view what, uint64_t limit) {
  return Error(Reason::kQueryTooCostly, fmt::format("the cases have more than {} {}; ask for fewer at once", limit, what),
               {{"limit", fmt::format("{}", limit)}});
}

// Finds what the agency's desk has of one case after another.
class CaseExpansion {
 public:
  CaseExpansion(const ReadView& view, const DirectorySnapshot& directory, const Scope& scope, DisclosureAsked& asked)
      : view_(view), directory_(directory), scope_(scope), asked_(asked) {}

  absl::Status Add(const std::string& pseudonym) {
    std::vector<std::string> digests;
    ACCORD_RETURN_IF_ERROR(view_.Scan(kFamilyCaseReferral, storage::Prefix(pseudonym), [&](std::string_view, std::string_view digest) {
      digests.emplace_back(digest);
      return ++examined_ <= kCaseReferralsExaminedMax;
    }));
    if (examined_ > kCaseReferralsExaminedMax) return TooManyOfCases("referrals", kCaseReferralsExaminedMax);
    inspection::v1::CaseReferrals of_case;
    of_case.set_case_pseudonym(pseudonym);
    std::sort(digests.begin(), digests.end());
    for (const std::string& digest : digests) {
      ACCORD_ASSIGN_OR_RETURN(const bool held, IsHeld(digest));
      if (!held) continue;
      of_case.add_referrals(digest);
      found_.insert(digest);
      if (found_.size() > referral::kDisclosureReferralsMax) return TooManyOfCases("referrals of the agency's", referral::kDisclosureReferralsMax);
    }
    if (of_case.referrals_size() > 0) asked_.held.push_back(std::move(of_case));
    return absl::OkStatus();
  }

 private:
  // By the desk that is asked, and covered by the warrant.
  absl::StatusOr<bool> IsHeld(const std::string& digest) {
    const auto sealed = SealedReaderOf(view_);
    ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(sealed, digest));
    if (!stored.has_value()) return false;  // It was erased.
    ACCORD_ASSIGN_OR_RETURN(const StoredParts parts, ReadStoredParts(*stored));
    if (!scope_.Covers(FactsOfStored(*stored, parts, directory_))) return false;
    const auto read = PlainReaderOf(view_);
    ACCORD_ASSIGN_OR_RETURN(const auto held, HeldBy(read, *stored, parts, asked_.agency));
    return held.has_value() && held->desk == asked_.desk;
  }

  const ReadView& view_;
  const DirectorySnapshot& directory_;
  const Scope& scope_;
  DisclosureAsked& asked_;
  uint64_t examined_ = 0;
  std::set<std::string> found_;
};

}  // namespace

absl::StatusOr<DisclosureAsked> ReadAsked(const RequestDisclosureRequest& request) {
  ACCORD_ASSIGN_OR_RETURN(DisclosureAsked asked, ReadCommon(request));
  asked.kind = type::v1::DISCLOSURE_KIND_SECTIONS;
  if (request.referral().size() != crypto::kDigestBytes) return InvalidAsked("referral", "32 bytes are needed");
  asked.referral = request.referral();
  std::set<int> categories;
  for (const int category : request.categories()) {
    if (category == type::v1::CATEGORY_UNSPECIFIED || !type::v1::Category_IsValid(category)) {
      return Error(Reason::kEnumUnknown, "categories: one is unspecified or not known", {{"field", "categories"}});
    }
    categories.insert(category);
  }
  for (const int category : categories) asked.categories.push_back(static_cast<type::v1::Category>(category));
  return asked;
}

absl::StatusOr<DisclosureAsked> ReadAsked(const RequestResolutionRequest& request) {
  ACCORD_ASSIGN_OR_RETURN(DisclosureAsked asked, ReadCommon(request));
  if (!type::v1::Desk_IsValid(request.desk())) return Error(Reason::kEnumUnknown, "desk: it is not known", {{"field", "desk"}});
  if (request.desk() == type::v1::DESK_CONFIDENTIAL) asked.desk = type::v1::DESK_CONFIDENTIAL;
  const bool persons = !request.persons().empty(), cases = !request.case_pseudonyms().empty();
  if (!persons && !cases) return MissingAsked("persons");
  if (persons && cases) return InvalidAsked("case_pseudonyms", "people or cases are asked for, not both at once");
  ACCORD_RETURN_IF_ERROR(persons ? ReadPersons(request, asked) : ReadCases(request, asked));
  return asked;
}

absl::Status ExpandCases(const ReadView& view, const DirectorySnapshot& directory, const Caller& caller, std::string_view request_id, absl::Time now,
                         DisclosureAsked& asked) {
  if (asked.kind != type::v1::DISCLOSURE_KIND_RECORDS) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto known, view.Get(kFamilyRequest, RequestKey(caller.principal, request_id)));
  if (known.has_value()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const Scope scope, OpenScope(view, caller, asked.warrant, now));
  ACCORD_RETURN_IF_ERROR(CheckCasesCovered(scope, asked));
  CaseExpansion expansion(view, directory, scope, asked);
  for (const std::string& pseudonym : asked.cases) ACCORD_RETURN_IF_ERROR(expansion.Add(pseudonym));
  if (asked.held.empty()) return NotAHolder(asked.agency);
  std::vector<std::string> cases;
  for (const auto& of_case : asked.held) cases.push_back(of_case.case_pseudonym());
  ACCORD_ASSIGN_OR_RETURN(asked.others, OthersOfCases(view, cases, {.agency = asked.agency, .desk = asked.desk}));
  return absl::OkStatus();
}

}  // namespace accord::broker

// A referral and a policy that tests start from.
#pragma once

#include <absl/time/time.h>

#include <string>

#include "common/referral/decision.h"
#include "common/referral/header.h"

namespace accord::referral::testing {

using namespace type::v1;  // NOLINT

inline const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

inline std::string Id(char c) { return std::string(16, c); }

inline HeaderParts SampleParts() {
  HeaderParts parts;
  parts.core.set_request_id("request-1");
  parts.core.set_sender("police");
  parts.core.mutable_worker()->set_pseudonym("pc-1");
  parts.core.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
  parts.core.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
  parts.core.set_type(REFERRAL_TYPE_REFERRAL);
  parts.core.set_purpose(PURPOSE_SAFEGUARDING_ADULT);
  parts.core.set_signed_at_ms(1);
  for (const char* agency : {"idva", "housing"}) {
    RecipientPart& recipient = parts.recipients.emplace_back();
    recipient.set_agency(agency);
    recipient.set_capacity(RECIPIENT_CAPACITY_NAMED);
  }
  TagPart& tag = parts.tags.emplace_back();
  tag.set_tag_id(Id('t'));
  tag.set_victim_awareness(VICTIM_AWARENESS_INFORMED);
  tag.set_consent(CONFIDENTIALITY_CONSENT_GIVEN);
  tag.set_article6(ARTICLE6_BASIS_PUBLIC_TASK);
  tag.set_regime(REGIME_DPA_PART3);
  char id = 'a';
  for (const Category category : {CATEGORY_IDENTITY, CATEGORY_RISK, CATEGORY_HOUSING}) {
    SectionPart& section = parts.sections.emplace_back();
    section.set_section_id(Id(id));
    section.set_category(category);
    section.set_digest(std::string(32, id++));
    section.set_tag_id(Id('t'));
  }
  SubjectPart& victim = parts.subjects.emplace_back();
  victim.set_subject_id(Id('v'));
  victim.set_role(SUBJECT_ROLE_VICTIM);
  victim.set_age_band(AGE_BAND_ADULT);
  return parts;
}
// Police to Idva and housing, with consent; nothing else.
inline PolicySources SamplePolicy() {
  PolicySources policy;
  Agreement agreement;
  agreement.version = "test-1";
  agreement.parties = {"police", "idva", "housing", "childrens", "health"};
  agreement.effective_from = kNow - absl::Hours(1);
  agreement.expires = kNow + absl::Hours(1);
  Route support;
  support.id = "to-idva";
  support.from_kinds = {AGENCY_KIND_POLICE};
  support.to_kinds = {AGENCY_KIND_IDVA};
  support.purposes = {PURPOSE_SAFEGUARDING_ADULT, PURPOSE_MARAC};
  support.categories = {CATEGORY_IDENTITY, CATEGORY_RISK, CATEGORY_HOUSING, CATEGORY_IMMIGRATION_STATUS};
  Route housing = support;
  housing.id = "to-housing";
  housing.to_kinds = {AGENCY_KIND_HOUSING};
  housing.categories = {CATEGORY_IDENTITY, CATEGORY_HOUSING};
  agreement.routes = {support, housing};
  policy.agreements = {agreement};
  policy.agencies = {{"police", {AGENCY_KIND_POLICE, true, false}},     {"idva", {AGENCY_KIND_IDVA, true, true}},
                     {"housing", {AGENCY_KIND_HOUSING, true, false}},   {"childrens", {AGENCY_KIND_CHILDRENS_SERVICES, true, false}},
                     {"health", {AGENCY_KIND_HEALTH, true, false}},     {"closed", {AGENCY_KIND_IDVA, false, false}}};
  return policy;
}

// The sealed rationale under the first tag, and the flag that says it is there.
inline void AddRationale(HeaderParts& parts) {
  parts.tags[0].set_rationale_present(true);
  SectionPart& section = parts.sections.emplace_back();
  section.set_section_id(std::string(16, 'R'));
  section.set_category(CATEGORY_RATIONALE);
  section.set_tag_id(parts.tags[0].tag_id());
}

}  // namespace accord::referral::testing

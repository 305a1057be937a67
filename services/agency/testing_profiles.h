// What an agency of the tests may push.
#pragma once

#include <vector>

#include "common/agent/push_profile.h"

namespace accord::agency::testing {

// A referral with everything, to the Idva; a notice and an answer, with little.
inline std::vector<agent::PushProfile> Profiles() {
  using namespace type::v1;  // NOLINT
  agent::PushProfile referral, notice, answer;
  referral.name = "referral";
  referral.types = {REFERRAL_TYPE_REFERRAL, REFERRAL_TYPE_NOTIFICATION};
  referral.purposes = {PURPOSE_SUPPORT, PURPOSE_SAFEGUARDING_ADULT, PURPOSE_MARAC};
  referral.categories = {CATEGORY_ALLEGED_PERPETRATOR, CATEGORY_CHILDREN, CATEGORY_RISK,         CATEGORY_SAFE_CONTACT, CATEGORY_INCIDENT,
                         CATEGORY_HEALTH,              CATEGORY_HOUSING,  CATEGORY_ORDERS_AND_BAIL, CATEGORY_SAFETY_PLAN,  CATEGORY_VOICE,
                         CATEGORY_NARRATIVE,           CATEGORY_IMMIGRATION_STATUS, CATEGORY_RESPONSE, CATEGORY_OUTCOME, CATEGORY_CASE_HISTORY};
  referral.recipients = {AGENCY_KIND_IDVA};
  notice.name = "notice";
  notice.types = {REFERRAL_TYPE_NOTIFICATION};
  notice.purposes = {PURPOSE_SAFEGUARDING_ADULT};
  notice.categories = {CATEGORY_NARRATIVE};
  answer.name = "answer";
  answer.types = {REFERRAL_TYPE_RESPONSE};
  answer.purposes = {PURPOSE_SAFEGUARDING_ADULT};
  answer.categories = {CATEGORY_RESPONSE};
  answer.childrens_services_if_concerned = false;
  return {referral, notice, answer};
}

}  // namespace accord::agency::testing

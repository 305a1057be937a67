// From a health body's words to a draft. Pure. Thread-safe.
//
// Errors of all: FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN, TEXT_NOT_UTF8 with the field in metadata `field`. A person's NHS number may
// carry its status indicator, 01 to 08, as `identifiers[].status`: 01 is a number present and verified, and `verified` goes with it; 07 is
// of no number at all.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "accord/health/v1/health_service.pb.h"
#include "common/agent/draft_builder.h"

namespace accord::health {

// A patient is referred: to the Idva, to children's services when children are concerned or the patient is under
// 18, to whom else `options.recipients` names. For support when the patient consents and Idva services alone are
// told, else for safeguarding.
//
// An expected date of delivery is an unborn child, in the children and as a subject, unless one is listed already. Where the Caldicott
// guardian was asked, the basis says so. Which records are to be kept free of it stands with the health facts and at the end of the
// narrative, because not everybody who has the one has the other.
absl::StatusOr<agent::Draft> MapPatient(const v1::ReferPatientRequest& request, const agent::MappingContext& context);

// A notice under the duty to refer goes to the one housing authority that the person chose, and is never routed by
// default. It says who, and what is needed; how to reach the person only when they agreed. Whether they consented is
// the broker's to judge, so that a refusal is on the record. England alone: FIELD_INVALID where another part of the country is stated.
absl::StatusOr<agent::Draft> MapDutyToRefer(const v1::NotifyDutyToReferRequest& request, const agent::MappingContext& context);

// What is answered, as the inbox holds it.
struct Answered {
  std::string header_digest;
  type::v1::HeaderCore core;
  std::vector<type::v1::Person> alleged_perpetrators;  // As far as we have that section, and where the answer says whose record it is from.
};

// An answer is a response to the sender of what is answered, under the same purpose and grade. It names nobody: the
// sender knows of whom it asked. It is from the patient's record: FIELD_INVALID `record_role` or `record` for that of an alleged
// perpetrator, who may read it, and whose record was not asked for.
absl::StatusOr<agent::Draft> MapAnswer(const v1::AnswerReferralRequest& request, const Answered& answered,
                                       const agent::MappingContext& context);

// The persons of the section alleged perpetrator.
std::vector<type::v1::Person> AllegedPerpetratorsOf(const std::vector<agency::v1::OpenedSection>& sections);

// What stands at the end of a narrative of which something is to be kept out of records; empty when of none.
std::string KeepOutOfText(const type::v1::Health& health);

}  // namespace accord::health

// From a health body's words to a draft. Pure. Thread-safe.
//
// Errors of all: FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN, TEXT_NOT_UTF8 with the field in metadata `field`.
#pragma once

#include <absl/status/statusor.h>

#include "accord/health/v1/health_service.pb.h"
#include "common/agent/draft_builder.h"

namespace accord::health {

// A patient is referred: to the Idva service, to children's services when children are concerned or the patient is under
// 18, to whom else `options.recipients` names. For support when the patient consents and Idva services alone are told,
// else for safeguarding.
absl::StatusOr<agent::Draft> MapPatient(const v1::ReferPatientRequest& request, const agent::MappingContext& context);

// A notice under the duty to refer goes to the one housing authority that the person chose, and is never routed by
// default. It says who, and what is needed; how to reach the person only when they agreed. Whether they consented is
// the broker's to judge, so that a refusal is on the record.
absl::StatusOr<agent::Draft> MapDutyToRefer(const v1::NotifyDutyToReferRequest& request, const agent::MappingContext& context);

// What is answered, as the inbox holds it.
struct Answered {
  std::string header_digest;
  type::v1::HeaderCore core;
};

// An answer is a response to the sender of what is answered, under the same purpose and grade. It names nobody: the
// sender knows of whom it asked.
absl::StatusOr<agent::Draft> MapAnswer(const v1::AnswerReferralRequest& request, const Answered& answered,
                                       const agent::MappingContext& context);

}  // namespace accord::health

// From a police force's words to a draft. Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include "accord/police/v1/police_service.pb.h"
#include "common/agent/draft_builder.h"

namespace accord::police {

// An incident is a referral: to the Idva service, to children's services when children are concerned or the victim is
// under 18, to whom else `options.recipients` names. Its purpose is safeguarding, of a child when the victim is under 16.
//
// FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN, TEXT_NOT_UTF8 with the field in metadata `field`.
absl::StatusOr<agent::Draft> MapIncident(const v1::ReportIncidentRequest& request, const agent::MappingContext& context);

}  // namespace accord::police

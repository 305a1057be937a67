// From a housing authority's words to a draft. Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include "accord/housing/v1/housing_service.pb.h"
#include "common/agent/draft_builder.h"

namespace accord::housing {

// A household is referred on: to the Idva service, to children's services when children are concerned or the victim is
// under 18, to whom else `options.recipients` names. For support when the person consents and Idva services alone are
// told; for housing support when they consent and other housing authorities alone are; else for safeguarding.
//
// FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN, TEXT_NOT_UTF8 with the field in metadata `field`.
absl::StatusOr<agent::Draft> MapOnward(const v1::ReferOnRequest& request, const agent::MappingContext& context);

}  // namespace accord::housing

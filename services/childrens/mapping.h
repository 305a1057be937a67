// From the words of children's services to a draft. Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include "accord/childrens/v1/childrens_service.pb.h"
#include "common/agent/draft_builder.h"

namespace accord::childrens {

// A family is referred to protect a child: to the Idva service and to health, to whom else `options.recipients` names.
//
// FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN, TEXT_NOT_UTF8 with the field in metadata `field`.
absl::StatusOr<agent::Draft> MapFamily(const v1::ReferFamilyRequest& request, const agent::MappingContext& context);

// Who decides on a contact, from the pseudonym that is all the request says of them: a manager, whose authentication is
// not vouched for beyond the single factor.
type::v1::Worker DecisionMaker(const v1::DecideContactRequest& request);

}  // namespace accord::childrens

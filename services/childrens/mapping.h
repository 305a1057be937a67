// From the words of children's services to a draft. Pure. Thread-safe.
//
// Nobody is assumed to hold parental responsibility or to have consented. Consent that is said to come from an alleged perpetrator is
// recorded as theirs (SUBJECT_ROLE_ALLEGED_PERPETRATOR), on which the broker permits nothing, and the pusher is told.
//
// Errors of all that make a draft: FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN, TEXT_NOT_UTF8 with the field in metadata `field`.
#pragma once

#include <absl/status/statusor.h>

#include "accord/childrens/v1/childrens_service.pb.h"
#include "common/agent/draft_builder.h"

namespace accord::childrens {

// A family is referred to protect a child: to the Idva service and to health, to whom else `options.recipients` names.
absl::StatusOr<agent::Draft> MapFamily(const v1::ReferFamilyRequest& request, const agent::MappingContext& context);

// A check to protect a child: of police and health, of whom else `options.recipients` names.
absl::StatusOr<agent::Draft> MapPartnerChecks(const v1::RequestPartnerChecksRequest& request, const agent::MappingContext& context);

// A request for information to protect a child, which who comes accepts: to police and health, to whom else `options.recipients` names.
absl::StatusOr<agent::Draft> MapStrategyDiscussion(const v1::CallStrategyDiscussionRequest& request, const agent::MappingContext& context);

// Who records the decision on a contact: `worker`, else the manager, who is then not vouched for beyond the single factor.
type::v1::Worker RecorderOf(const v1::DecideContactRequest& request);
// Decision, level of need, reason and decision-maker, into a statement of RecorderOf(). A request that has none of the later fields makes
// the statement that it always made, so that a repetition of one is the same act.
void FillDecision(const v1::DecideContactRequest& request, type::v1::Statement& statement);

}  // namespace accord::childrens

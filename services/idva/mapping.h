// From an Idva service's words to a draft. Pure. Thread-safe.
//
// Errors of all: FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN, TEXT_NOT_UTF8 with the field in metadata `field`. What is wrong with the
// answers of an assessment beside the RIC of a Marac referral is a warning; so is a client's voice that is not recorded.
#pragma once

#include <absl/status/statusor.h>

#include "accord/idva/v1/idva_service.pb.h"
#include "common/agent/draft_builder.h"

namespace accord::idva {

inline constexpr int kFurtherAssessmentsMax = 8;
inline constexpr int kContactAttemptsMax = 50;  // Of one call.

// A Marac referral with its scored RIC, to the member agencies that `options.recipients` names. Refused: a version of the RIC that the
// agency has no document of, answers that are not whole, a grade below what the score gives, VISIBLE_HIGH_RISK where the score does not
// give HIGH, PROFESSIONAL_JUDGEMENT without its words. A client under 16 is a child-protection matter: it goes on, for that purpose,
// with a warning.
absl::StatusOr<agent::Draft> MapMarac(const v1::ReferToMaracRequest& request, const agent::MappingContext& context);

// A client is referred to whom `options.recipients` names, or to housing by default when there is something to say of it.
// With housing facts the purpose is voluntary housing support; else as SafeguardingPurpose() of the builder.
absl::StatusOr<agent::Draft> MapClient(const v1::ReferClientRequest& request, const agent::MappingContext& context);

// A client is handed over to another Idva service: who is named, or those of the routing that take such a client. SUPPORT with consent,
// else as SafeguardingPurpose().
absl::StatusOr<agent::Draft> MapHandover(const v1::HandOverClientRequest& request, const agent::MappingContext& context);

// A notification of attempts to reach a client, to who referred them. Nothing of how to reach them goes with it.
absl::StatusOr<agent::Draft> MapContactAttempts(const v1::RecordContactAttemptsRequest& request, const agent::MappingContext& context);

}  // namespace accord::idva

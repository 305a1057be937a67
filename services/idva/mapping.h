// From an Idva service's words to a draft. Pure. Thread-safe.
//
// Errors of both: FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN, TEXT_NOT_UTF8 with the field in metadata `field`.
#pragma once

#include <absl/status/statusor.h>

#include "accord/idva/v1/idva_service.pb.h"
#include "common/agent/draft_builder.h"

namespace accord::idva {

// A Marac referral with its scored RIC, to the member agencies that `options.recipients` names. Refused: a grade below
// what the score gives, VISIBLE_HIGH_RISK under the threshold, PROFESSIONAL_JUDGEMENT without its words. A client under
// 16 is a child-protection matter: it goes on, for that purpose, with a warning.
absl::StatusOr<agent::Draft> MapMarac(const v1::ReferToMaracRequest& request, const agent::MappingContext& context);

// A client is referred to whom `options.recipients` names, or to housing by default when there is something to say of it.
// With housing facts the purpose is voluntary housing support; else as SafeguardingPurpose() of the builder.
absl::StatusOr<agent::Draft> MapClient(const v1::ReferClientRequest& request, const agent::MappingContext& context);

}  // namespace accord::idva
